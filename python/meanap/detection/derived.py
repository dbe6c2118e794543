"""Calibration, per-image counts and ties, from the match table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap.protocol import SummaryRow
from meanap.table import Table

if TYPE_CHECKING:
    from meanap.detection.result import Result

__all__ = ["Calibration", "Ties", "calibration", "per_image", "ties"]


@dataclass(frozen=True)
class Ties:
    """The range of a number over all orders of equal scores. `expected` is a mean over random orders."""

    least: float
    expected: float
    greatest: float


@dataclass(frozen=True)
class Calibration:
    """Precision by score: `bins` has ``low``, ``high``, ``detections``, ``score`` (mean) and ``precision``.

    `error` is the expected calibration error: the mean distance of score and precision over detections.
    """

    bins: Table
    error: float


def per_image(result: Result, iou: float, score: float, area: str) -> Table:
    t = result.protocol.threshold_index(iou)
    columns = result.matches.in_area(area).positions()
    count = len(result.image_ids)
    counted = ~columns["ignored"][:, t] & (columns["score"] >= score)
    correct = counted & columns["matched"][:, t]

    def counted_by_image(positions: np.ndarray) -> np.ndarray:
        return np.bincount(positions, minlength=count)

    objects = counted_by_image(columns["truth_image"][columns["truth_wanted"]])
    detections, hits = counted_by_image(columns["image"][counted]), counted_by_image(columns["image"][correct])
    wrong, missed = detections - hits, objects - hits
    order = np.lexsort((np.arange(count), -(wrong + missed)))
    ids = result.image_ids
    return Table(
        {
            "image": [ids[i] for i in order],
            "objects": objects[order],
            "detections": detections[order],
            "true_positives": hits[order],
            "false_positives": wrong[order],
            "false_negatives": missed[order],
        }
    )


def calibration(result: Result, iou: float, bins: int, category: Any) -> Calibration:
    if bins < 1:
        raise ValueError(f"bins: expected at least 1, found {bins}")
    t = result.protocol.threshold_index(iou)
    columns = result.matches.positions()
    kept = ~columns["ignored"][:, t]
    if category is not None:
        kept &= columns["category"] == result._position(category)
    score, right = columns["score"][kept], columns["matched"][kept, t]
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, score, side="right") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, weights=score, minlength=bins) / count
        precision = np.bincount(place, weights=right, minlength=bins) / count
    error = float(np.nansum(np.abs(mean - precision) * count) / count.sum()) if count.sum() else math.nan
    table = Table({"low": edges[:-1], "high": edges[1:], "detections": count, "score": mean, "precision": precision})
    return Calibration(table, error)


def ties(result: Result, row: SummaryRow, orders: int, seed: int) -> Ties:
    if row.kind != "precision":
        value = result.number(row)
        return Ties(value, value, value)
    micro = result.protocol.average == "micro"
    matches = result._pooled if micro else result._matches
    thresholds, area, limit = result._places(row)
    factor = max(result._matches.groups, 1) if micro else 1
    bounds = matches.ties(area, result.protocol.max_detections[limit] * factor, result._recall, orders, seed)
    if np.array_equal(bounds[0], bounds[2], equal_nan=True):
        # Without ties the result is exact; a mean in another order would differ in the last bit.
        value = result.number(row)
        return Ties(value, value, value)
    columns = slice(None) if micro else result._columns_of(row)
    means = []
    for values in bounds:
        values = values[thresholds][:, columns]
        values = values[~np.isnan(values)]
        means.append(float(values.mean()) if values.size else math.nan)
    return Ties(*means)
