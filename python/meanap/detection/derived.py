"""Calibration, per-image counts and ties, from the match table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanap._counts import counts_of
from meanap._settings import repetitions, whole
from meanap.detection.operating import best_threshold
from meanap.detection.scores import Scores, mean_of
from meanap.protocol import SummaryRow
from meanap.table import Table

__all__ = ["Calibration", "Ties", "calibration", "per_image", "ties", "worst_of_classes"]


@dataclass(frozen=True)
class Ties:
    """The range of a number over all orders of equal scores. `expected` is a mean over random orders."""

    least: float
    expected: float
    greatest: float

    def _repr_html_(self) -> str:
        names = ("least", "expected", "greatest")
        columns = {"order of equal scores": list(names), "value": [getattr(self, name) for name in names]}
        return Table(columns)._repr_html_()


@dataclass(frozen=True)
class Calibration:
    """Precision by score: `bins` has ``low``, ``high``, ``detections``, ``score`` (mean) and ``precision``.

    `error` is the expected calibration error (ECE): the mean distance of score and precision over detections. `maximum`
    is the maximum calibration error (MCE): the greatest distance of a bin's mean score and precision.
    """

    bins: Table
    error: float
    maximum: float

    def _repr_html_(self) -> str:
        errors = f"expected calibration error {self.error:.3f}, maximum {self.maximum:.3f}"
        return Table(self.bins.columns, errors)._repr_html_()


def per_image(scores: Scores, iou: float, score: float | None, area: str) -> Table:
    """`Result.per_image` of scores."""
    score = best_threshold(scores, iou) if score is None else score
    columns, counted, correct = _outcomes(scores, iou, score, area)
    count = len(scores.image_ids)

    def counted_by_image(positions: np.ndarray) -> np.ndarray:
        return counts_of(positions, length=count)

    objects = counted_by_image(columns["truth_image"][columns["truth_wanted"]])
    detections = counted_by_image(columns["image"][counted])
    true_positives = counted_by_image(columns["image"][correct])
    false_positives, false_negatives = detections - true_positives, objects - true_positives
    order = np.lexsort((np.arange(count), -(false_positives + false_negatives)))
    ids = scores.image_ids
    return Table(
        {
            "image": [ids[i] for i in order],
            "objects": objects[order],
            "detections": detections[order],
            "true_positives": true_positives[order],
            "false_positives": false_positives[order],
            "false_negatives": false_negatives[order],
        }
    )


def worst_of_classes(scores: Scores, iou: float, score: float, order: Sequence[Any]) -> list[tuple[int, Any]]:
    """For each category, how many errors its worst image has, and that image; of several the first in `order`."""
    columns, counted, correct = _outcomes(scores, iou, score, "all")
    place = {id: i for i, id in enumerate(order)}
    # Images are counted by their places in the order, so that the first of the greatest counts is found.
    places = np.array([place[id] for id in scores.image_ids], dtype=np.int64)
    every = np.arange(len(scores.category_ids) + 1, dtype=np.uint32)
    # Rows stand category by category.
    of_detections, of_objects = (np.searchsorted(columns[name], every) for name in ("category", "truth_category"))
    found: list[tuple[int, Any]] = []
    for k in range(len(scores.category_ids) if len(places) else 0):
        rows, truths = slice(*of_detections[k : k + 2]), slice(*of_objects[k : k + 2])
        images = columns["image"][rows]
        errors = counts_of(columns["truth_image"][truths][columns["truth_wanted"][truths]], length=len(places))
        errors = errors + counts_of(images[counted[rows]], length=len(places))
        errors -= 2 * counts_of(images[correct[rows]], length=len(places))
        by_place = np.empty_like(errors)
        by_place[places] = errors
        first = int(by_place.argmax())
        found.append((int(by_place[first]), order[first]))
    return found


def _outcomes(scores: Scores, iou: float, score: float, area: str) -> tuple[dict[str, np.ndarray], Any, Any]:
    """The columns of the match table, which detections of at least `score` count, and which of them are correct."""
    t = scores.protocol.threshold_index(iou)
    columns = scores.matches.in_area(area).at(t)
    counted = ~columns["ignored"] & (columns["score"] >= score)
    return columns, counted, counted & columns["matched"]


def calibration(scores: Scores, iou: float, bins: int, category: Any) -> Calibration:
    """`Result.calibration` of scores."""
    bins = repetitions(bins, "bins")
    t = scores.protocol.threshold_index(iou)
    columns = scores.matches.at(t)
    rows = slice(None)
    if category is not None:
        # Rows stand category by category.
        k = scores.position(category)
        rows = slice(*np.searchsorted(columns["category"], np.array([k, k + 1], dtype=np.uint32)))
    kept = ~columns["ignored"][rows]
    score, matched = columns["score"][rows][kept], columns["matched"][rows][kept]
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, score, side="right") - 1, 0, bins - 1)
    count = counts_of(place, length=bins)
    with np.errstate(invalid="ignore"):
        mean = counts_of(place, weights=score, length=bins) / count
        precision = counts_of(place, weights=matched, length=bins) / count
    distance, some = np.abs(mean - precision), count.sum() > 0
    error = float(np.nansum(distance * count) / count.sum()) if some else math.nan
    maximum = float(np.nanmax(distance)) if some else math.nan
    table = Table({"low": edges[:-1], "high": edges[1:], "detections": count, "score": mean, "precision": precision})
    return Calibration(table, error, maximum)


def ties(scores: Scores, name: str | SummaryRow, orders: int, seed: int) -> Ties:
    """`Result.ties` of scores."""
    orders, seed = repetitions(orders, "orders", 0), whole(seed, "seed", 0, 2**64 - 1)
    row = scores.row(name)
    if row.kind != "precision":
        value = scores.number(row)
        return Ties(value, value, value)
    thresholds, area, limit = scores.places(row)
    table, most = scores.averaged(limit)
    bounds = table.ties(area, most, scores.recall_points, orders, seed)
    if np.array_equal(bounds[0], bounds[2], equal_nan=True):
        # Without ties the result is exact; a mean in another order would differ in the last bit.
        value = scores.number(row)
        return Ties(value, value, value)
    micro = scores.protocol.average == "micro"
    columns = slice(None) if micro else scores.columns_of(row)
    weights = None if micro else scores.category_weights(scores.images_of(row))
    means = []
    for values in bounds:
        values = values[thresholds][:, columns]
        means.append(mean_of(np.where(np.isnan(values), -1.0, values), None if weights is None else weights[columns]))
    return Ties(*means)
