"""Likely label errors: confident detections that contradict the ground truth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core, protocol
from meanap.checking.records import Records
from meanap.checking.shapes import usable
from meanap.detection.evaluation import evaluated
from meanap.detection.result import Result
from meanap.readers import Options
from meanap.readers._rotated import kind_of_rotated
from meanap.readers.sides import Detections, GroundTruth
from meanap.table import Table

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["label_errors", "scored", "sides_of"]

#: A detection is trusted if this fraction of those of its category with its score or a higher one are true positives.
_TRUST = 0.9
#: An object is at most so similar to what is missing beside it.
_BACKGROUND = 0.1
#: An object with a larger area is in no area range.
_LARGEST = 1e10
#: What may be wrong with a label; nothing.
_KINDS = ("", "category", "place", "missing")
#: The codes of error types, by name.
_ERRORS = {name: code for code, name in enumerate(_core.Matches.ERROR_TYPES)}


def scored(found: Records, truth: Records, known: Result | None = None) -> Result | None:
    """The evaluation of what can be used of either side, boxes at 0.5; None if there is nothing.

    `known` is an evaluation of the same files, which stands for it where it is of the same.
    """
    rotated = truth.rotated is not None and found.rotated is not None
    kind: SimilarityName = kind_of_rotated(truth.rotated) if truth.rotated is not None and rotated else "bbox"
    unit, clockwise = truth.angles
    rules = protocol.get("coco", kind).replace(angle=unit, clockwise=clockwise)
    objects, rows = _rows(found, truth)
    if not objects.any() or not rows.any():
        return None
    if objects.all() and rows.all() and _are_declared(found, truth):
        # The files as they are, without columns of their own.
        files = truth.file, found.file
        sources = None if known is None else known.scores.sources
        if known is not None and sources is not None and not rotated:
            # An id of 0 is the only one that matters.
            is_coco = known.protocol.replace(zero_id_unmatched=False) == protocol.get("coco", "bbox")
            is_coco &= 0 not in (truth.ids or ())
            every = set(known.category_ids) == set(truth.categories or ())
            if is_coco and every and (sources.ground_truth, sources.detections) == files:
                return known
        return evaluated(*files, rules.replace(thresholds=(0.5,)), Options(kind), score_range=None, errors_at=(0.5,))
    sides = sides_of(found, truth, rotated)
    if sides is None:
        return None
    return evaluated(*sides, rules.replace(thresholds=(0.5,)), Options(kind), score_range=None, errors_at=(0.5,))


def _rows(found: Records, truth: Records) -> tuple[np.ndarray, np.ndarray]:
    """Which objects and detections can be used."""
    if not (found.readable and truth.readable):
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    known = set(truth.images if truth.images is not None else truth.image_ids)
    objects = usable(truth) & (truth.image >= 0) & (truth.category >= 0)
    objects &= np.array([*(id in known for id in truth.image_ids), False], dtype=bool)[truth.image]
    rows = usable(found) & (found.category >= 0) & ~np.isnan(found.scores)
    rows &= np.array([*(id in known for id in found.image_ids), False], dtype=bool)[found.image]
    return objects, rows


def _are_declared(found: Records, truth: Records) -> bool:
    """Whether both are files whose columns are as they stand there, of categories that are declared once each."""
    if truth.file is None or found.file is None or truth.categories is None or truth.images is None:
        return False
    declared = set(truth.categories)
    if not ((truth.areas >= 0) & (truth.areas <= _LARGEST)).all():
        return False
    distinct = len(declared) == len(truth.categories) and len(set(truth.images)) == len(truth.images)
    return distinct and declared.issuperset(truth.category_ids) and declared.issuperset(found.category_ids)


def sides_of(found: Records, truth: Records, rotated: bool = False) -> tuple[GroundTruth, Detections] | None:
    """Ground truth and detections with the boxes that can be used; None if there are none.

    With `rotated`, which both sides must be, these are the rotated boxes; else the upright ones.
    """
    objects, rows = _rows(found, truth)
    if not objects.any() or not rows.any():
        return None
    images = truth.images if truth.images is not None else truth.image_ids
    for ids in ((*images, *found.image_ids), (*truth.category_ids, *found.category_ids)):
        # Numbers beside strings: the checks of ids say so, and the intended id is unknown.
        if len({isinstance(id, str) for id in ids}) > 1:
            return None
    side = GroundTruth(
        _ids(truth.image_ids, truth.image[objects]),
        _ids(truth.category_ids, truth.category[objects]),
        truth.rotated[objects] if rotated and truth.rotated is not None else truth.boxes[objects],
        box_format="xywh",
        crowd=truth.crowd[objects],
        images=list(dict.fromkeys(images)),
    )
    side.names = {id: name for id, name in zip(truth.categories or (), truth.names, strict=True) if name is not None}
    other = Detections(
        _ids(found.image_ids, found.image[rows]),
        _ids(found.category_ids, found.category[rows]),
        found.scores[rows],
        found.rotated[rows] if rotated and found.rotated is not None else found.boxes[rows],
        box_format="xywh",
    )
    return side, other


def _ids(known: list[Any], codes: np.ndarray) -> Any:
    if all(type(id) is int and -(2**63) <= id < 2**63 for id in known):
        return np.array(known, dtype=np.int64)[codes]
    return [known[code] for code in codes.tolist()]


def label_errors(found: Records, result: Result) -> Table:
    """Likely label errors, the likeliest first: the columns of `Findings.label_errors`."""
    categories = result.category_ids
    curves = [result.precision_recall(id) for id in categories]
    trusted = [curve.score[curve.precision >= _TRUST] for curve in curves]
    columns = _judged(result, [float(scores[-1]) if len(scores) else math.inf for scores in trusted])
    rows, own = np.flatnonzero(columns["kind"]), columns["category"]
    trust = np.zeros(len(own))
    # Rows stand category by category.
    ends = np.searchsorted(own[rows], np.arange(len(categories) + 1, dtype=own.dtype))
    for k, curve in enumerate(curves):
        mine = rows[ends[k] : ends[k + 1]]
        at = np.searchsorted(-curve.score, -columns["score"][mine], side="right") - 1
        trust[mine] = curve.precision[np.maximum(at, 0)]
    rows = rows[trust[rows] >= _TRUST]
    rows = rows[np.lexsort((columns["rank"][rows], columns["image"][rows], -columns["score"][rows], -trust[rows]))]
    images = result.image_ids
    image = [images[i] for i in columns["image"][rows].tolist()]
    category = [categories[k] for k in own[rows].tolist()]
    return Table(
        {
            "kind": [_KINDS[kind] for kind in columns["kind"][rows].tolist()],
            "image": image,
            "category": category,
            "score": columns["score"][rows],
            "box": _boxes(found, list(zip(image, category, columns["score"][rows].tolist(), strict=True))),
            "truth": [None if k < 0 else categories[k] for k in columns["truth"][rows].tolist()],
            "similarity": columns["similarity"][rows],
            "trust": trust[rows],
        }
    )


def _judged(result: Result, least: list[float]) -> dict[str, np.ndarray]:
    """The detections as columns, with positions of images and categories; -1 for no object that they are about.

    Detections that are not trusted, with a score below that of their category in `least`, may be left out.
    ``kind`` is a position in `_KINDS`, 0 where a detection is correct, ignored, a duplicate, or of another category
    than an object that was found.
    """
    # The rows are the same: they differ in what is near enough to be about an object.
    on = result.scores.error_table(0.5, 0.5, "all", least).pairs()
    # On an object of another category: that says more than that one of its own lies not quite so far off.
    confused = on["error"] == _ERRORS["classification"]
    on = {name: on[name][confused] for name in ("error", "corrects", "similarity", "partner")}
    near = result.scores.error_table(0.5, _BACKGROUND, "all", least).pairs()
    for name, column in on.items():
        near[name][confused] = column
    error, corrects = near["error"], near["corrects"]
    # An object that another detection matched is labelled well: what lies beside it is something else.
    beside = (error == _ERRORS["localisation"]) & ~corrects
    kind = np.zeros(len(error), dtype=np.int8)
    kind[(error == _ERRORS["classification"]) & corrects] = _KINDS.index("category")
    kind[(error == _ERRORS["localisation"]) & corrects] = _KINDS.index("place")
    kind[beside | (error == _ERRORS["both"]) | (error == _ERRORS["background"])] = _KINDS.index("missing")
    truth = np.append(near["truth_category"].astype(np.int64), -1)[np.where(beside, -1, near["partner"])]
    columns = {name: near[name] for name in ("image", "rank", "score", "category", "similarity")}
    return {**columns, "kind": kind, "truth": truth}


def _boxes(found: Records, wanted: list[tuple[Any, Any, float]]) -> list[list[float]]:
    """The boxes of detections that are known by image, category and score; of equals each in turn."""
    keys = set(wanted)
    held: dict[tuple[Any, Any, float], list[int]] = {}
    scores = np.array(sorted({score for *_, score in keys}), dtype=np.float64)
    nearest = scores[np.searchsorted(scores[:-1], found.scores)] if len(scores) else np.full(len(found), np.nan)
    for row in np.flatnonzero(nearest == found.scores).tolist():
        if found.image[row] >= 0 and found.category[row] >= 0:
            key = (found.image_ids[found.image[row]], found.category_ids[found.category[row]], found.scores[row])
            if key in keys:
                held.setdefault(key, []).append(row)
    boxes = []
    for key in wanted:
        rows = held[key]
        boxes.append(found.boxes[rows.pop(0) if len(rows) > 1 else rows[0]].tolist())
    return boxes
