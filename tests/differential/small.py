"""Small data sets and their evaluation, for the named tests."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import numpy as np
import pytest

from .both import same
from .tools import Tool

BOX = [10, 10, 20, 20]
NAN = float("nan")
PERFECT = pytest.approx(1, abs=1e-12)
"""The reference adds `spacing(1)` to the divisor of precision: its best is a little less than 1."""


def truth(*boxes: Any, images: int = 1, **fields: Any) -> dict[str, Any]:
    """A data set with one class; each box is `[x, y, w, h]` in image 1, or a dict with more."""
    annotations = []
    for i, box in enumerate(boxes):
        record = dict(box) if isinstance(box, dict) else {"bbox": box}
        x, y, w, h = record.get("bbox", [0, 0, 1, 1])
        for name, value in {
            "id": i + 1,
            "image_id": 1,
            "category_id": 1,
            "area": w * h,
            "iscrowd": 0,
        }.items():
            record.setdefault(name, value)
        annotations.append({**record, **fields})
    return {
        "images": [{"id": i + 1, "width": 100, "height": 100} for i in range(images)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "thing"}],
    }


def found(*boxes: Any, **fields: Any) -> list[dict[str, Any]]:
    """Results in image 1 of class 1 with falling scores; each box is `[x, y, w, h]`, or a dict with more."""
    records = []
    for i, box in enumerate(boxes):
        record = dict(box) if isinstance(box, dict) else {"bbox": box}
        for name, value in {"image_id": 1, "category_id": 1, "score": 1 - i / 16}.items():
            record.setdefault(name, value)
        records.append({**record, **fields})
    return records


def load(tool: Tool, dataset: dict[str, Any]) -> Any:
    """A COCO of a data set in memory."""
    coco = tool.COCO()
    coco.dataset = copy.deepcopy(dataset)
    coco.createIndex()
    return coco


def evaluator(tool: Tool, dataset: Any, results: Any, iou_type: str = "bbox", **params: Any) -> Any:
    """An evaluator that has evaluated and accumulated; results that are a dict are a data set."""
    gt = load(tool, dataset)
    results = copy.deepcopy(results)
    dt = load(tool, results) if isinstance(results, dict) else gt.loadRes(results)
    ev = tool.COCOeval(gt, dt, iou_type)
    for name, value in params.items():
        setattr(ev.params, name, value)
    ev.evaluate()
    ev.accumulate()
    return ev


def summary(ev: Any) -> Any:
    """The numbers that `summarize` keeps."""
    with contextlib.redirect_stdout(io.StringIO()):
        ev.summarize()
    return ev.stats


def seen(ev: Any) -> list[Any]:
    """All arrays and cells of an evaluation."""
    return [ev.eval[name] for name in ("precision", "recall", "scores", "counts")] + [ev.evalImgs, ev.ious]


def average_precision(dataset: Any, results: Any, iou_type: str = "bbox", **params: Any) -> float:
    """AP over all thresholds, the same from both tools; cells and arrays are compared on the way."""
    same(lambda tool: seen(evaluator(tool, dataset, results, iou_type, **params)))
    return same(lambda tool: summary(evaluator(tool, dataset, results, iou_type, **params)))[0]


def matches(dataset: Any, results: Any, iou_type: str = "bbox", **params: Any) -> list[list[float]]:
    """`dtMatches` of the first cell, the same from both tools."""
    params = {"iouThrs": np.array([0.5]), **params}
    return same(lambda tool: evaluator(tool, dataset, results, iou_type, **params).evalImgs[0])["dtMatches"].tolist()
