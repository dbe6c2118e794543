"""What lifts the overlap of detections and objects, with the AP that it would give."""

from __future__ import annotations

import copy
import functools
import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from meanap import protocol
from meanap.checking.confused import Confused
from meanap.checking.detections import check_detections, check_together
from meanap.checking.findings import Finding
from meanap.checking.labels import scored, sides_of
from meanap.checking.reading import read_detections, read_ground_truth
from meanap.checking.records import Records
from meanap.detection.evaluation import evaluated
from meanap.errors import InputError
from meanap.readers import Options

__all__ = ["add_ap", "cause"]

#: Findings that say how detections have to be read.
_CODES = (
    "xyxy-boxes",
    "normalised-boxes",
    "box-frame",
    "image-offset",
    "category-offset",
    "category-permutation",
)


def add_ap(found: Records, truth: Records) -> None:
    """Adds to such findings about detections the AP that the remedy would give."""
    codes = [finding.code for finding in found.findings if finding.code in _CODES]
    if len(codes) != 1:
        return
    mended = found.mended.get(codes[0]) or _mended(found, truth, codes[0])
    now, then = _ap(found, truth), None if mended is None else _ap(mended, truth)
    if then is None or math.isnan(then):
        return
    if now is not None and then <= now and codes[0] in found.mended:
        # What does not raise AP is no remedy.
        found.findings = [finding for finding in found.findings if finding.code != codes[0]]
        return
    text = f"; AP would be {then:.3f}" + ("" if now is None or math.isnan(now) else f", it is {now:.3f}")
    found.findings = [
        replace(finding, message=finding.message + text) if finding.code in _CODES else finding
        for finding in found.findings
    ]


def _mended(found: Records, truth: Records, code: str) -> Records | None:
    """The detections with other boxes."""
    boxes = found.boxes.copy()
    if code == "xyxy-boxes":
        boxes[:, 2:] -= boxes[:, :2]
    elif code == "normalised-boxes":
        boxes *= np.tile(truth.sizes_in(found)[:, ::-1], 2)
    else:
        return None
    other = copy.copy(found)
    other.boxes = boxes
    return other


def _ap(found: Records, truth: Records) -> float | None:
    """AP of boxes under COCO's protocol, of what can be used."""
    try:
        sides = sides_of(found, truth)
        rules = protocol.get("coco", "bbox")
        return None if sides is None else evaluated(*sides, rules, Options(), score_range=None).ap
    except InputError:
        return None


def cause(ground_truth: Any, detections: Any, options: Options) -> Finding | None:
    """The finding that says why almost no detection overlaps an object, if there is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = read_ground_truth(ground_truth, options)
        found = read_detections(detections, truth, options)
        check_detections(found, truth)
        result = scored(found, truth)
        check_together(found, truth, functools.cache(lambda: None if result is None else Confused.of(result)))
        add_ap(found, truth)
    return next((finding for finding in found.findings if finding.code in (*_CODES, "mask-size")), None)
