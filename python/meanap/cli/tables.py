"""An evaluation's numbers by name: for JSON, and for a table with a row for each category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._printable import shown

if TYPE_CHECKING:
    from meanap.compat.pycocotools import COCOeval, Params

AREAS = ["all", "small", "medium", "large"]


def stat_names(iou_type: str, max_dets: Sequence[int]) -> list[str]:
    """What the numbers in `stats` are called, in their order."""
    if iou_type == "keypoints":
        return ["AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"]
    caps = [f"AR@{cap}" for cap in max_dets[:3]]
    return ["AP", "AP50", "AP75", "APs", "APm", "APl", *caps, "ARs", "ARm", "ARl"]


def number(value: float) -> float | None:
    """A number, or None if it is undefined: the reference has -1 without ground truth."""
    return float(value) if value > -1 else None


def as_json(evaluator: COCOeval, classes: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Stats, parameters and, where given, the per-class rows; a number that does not exist is None."""
    params = evaluator.params
    names = stat_names(params.iouType, params.maxDets)
    found = {
        "iou_type": params.iouType,
        "stats": {name: number(value) for name, value in zip(names, evaluator.stats, strict=True)},
        "params": {
            "images": len(params.imgIds),
            "categories": [_plain(category) for category in params.catIds],
            "use_categories": bool(params.useCats),
            "iou_thresholds": [float(threshold) for threshold in params.iouThrs],
            "recall_thresholds": [float(threshold) for threshold in params.recThrs],
            "max_detections": [int(cap) for cap in params.maxDets],
            "area_ranges": {
                label: [float(low), float(high)]
                for label, (low, high) in zip(params.areaRngLbl, params.areaRng, strict=True)
            },
        },
    }
    if classes is not None:
        found["per_class"] = classes
    return found


def per_class(evaluator: COCOeval) -> list[dict[str, Any]]:
    """A row for each evaluated category: id, name, AP, AP50, AP75, AR, objects, detections.

    All areas, the largest cap; means as the summary takes them, over what exists. `objects` are those
    to be found (no crowds, and for keypoints none without keypoints), `detections` all that were given.
    """
    params = evaluator.params
    precision = evaluator.eval["precision"][:, :, :, 0, -1]
    recall = evaluator.eval["recall"][:, :, 0, -1]
    objects, detections = _counts(evaluator)
    names = {category["id"]: category.get("name") for category in _categories(evaluator)}
    rows = []
    for index, category in enumerate(params.catIds if params.useCats else [None]):
        rows.append(
            {
                "id": _plain(category),
                "name": names.get(category) if params.useCats else "all",
                "AP": _mean(precision[:, :, index]),
                "AP50": _mean(precision[_at(params, 0.5), :, index]),
                "AP75": _mean(precision[_at(params, 0.75), :, index]),
                "AR": _mean(recall[:, index]),
                "objects": objects[category],
                "detections": detections[category],
            }
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The per-class rows as text in columns; "-" where there is no number."""
    heads = ["category", "AP", "AP50", "AP75", "AR", "objects", "detections"]
    lines = [heads]
    for row in rows:
        name = shown(row["name"] if row["name"] is not None else row["id"])
        numbers = ["-" if row[head] is None else f"{row[head]:.3f}" for head in heads[1:5]]
        lines.append([name, *numbers, f"{row['objects']:,}", f"{row['detections']:,}"])
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _categories(evaluator: COCOeval) -> list[dict[str, Any]]:
    categories: list[dict[str, Any]] = evaluator.cocoGt.dataset.get("categories", [])
    return categories


def _counts(evaluator: COCOeval) -> list[Counter[Any]]:
    """How many objects there are to be found and how many detections were given, by category (None: all)."""
    params = evaluator.params
    images, poses = set(params.imgIds), params.iouType == "keypoints"
    categories = set(params.catIds)
    found = []
    for coco, is_truth in ((evaluator.cocoGt, True), (evaluator.cocoDt, False)):
        count: Counter[Any] = Counter()
        for annotation in coco.dataset["annotations"]:
            if annotation["image_id"] not in images:
                continue
            if is_truth and (annotation.get("iscrowd") or (poses and annotation["num_keypoints"] == 0)):
                continue
            if not params.useCats:
                count[None] += 1
            elif annotation["category_id"] in categories:
                count[annotation["category_id"]] += 1
        found.append(count)
    return found


def _at(params: Params, threshold: float) -> np.ndarray:
    return np.flatnonzero(np.asarray(params.iouThrs) == threshold)


def _mean(values: np.ndarray) -> float | None:
    exists = values[values > -1]
    return float(np.mean(exists)) if exists.size else None


def _plain(identifier: Any) -> Any:
    return identifier.item() if isinstance(identifier, np.generic) else identifier
