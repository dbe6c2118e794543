"""Curves, operating points, calibration, images: what the match table tells beyond the summary."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap.detection.table import Table
from meanap.protocol import SummaryRow

if TYPE_CHECKING:
    from meanap.detection.result import Result

__all__ = ["BestF1", "Calibration", "Curve", "OperatingPoint", "Ties"]


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision and recall at each distinct score, highest first.

    Attributes
    ----------
    score, precision, recall : (N,) float64
    true_positives, false_positives : (N,) uint32
        Detections of that score or a higher one.
    positives : int
        What there was to find.
    """

    score: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    positives: int

    @property
    def precision(self) -> np.ndarray:
        return self.true_positives / (self.true_positives + self.false_positives.astype(np.float64))

    @property
    def recall(self) -> np.ndarray:
        if not self.positives:
            return np.full(len(self.score), math.nan)
        return self.true_positives / self.positives

    @property
    def envelope(self) -> np.ndarray:
        """The greatest precision at each score or a lower one."""
        return np.maximum.accumulate(self.precision[::-1])[::-1]

    def f(self, beta: float = 1.0) -> np.ndarray:
        """The F-measure at each score; NaN without anything to find."""
        if not self.positives:
            return np.full(len(self.score), math.nan)
        wrong = self.false_positives.astype(np.float64)
        missed = self.positives - self.true_positives.astype(np.float64)
        hits = (1 + beta**2) * self.true_positives
        return hits / (hits + beta**2 * missed + wrong)


@dataclass(frozen=True)
class OperatingPoint:
    """A score threshold, and what detections of that score or a higher one give."""

    threshold: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class BestF1(OperatingPoint):
    """The best threshold for all categories together; `per_class` has each category's own."""

    per_class: Table

    def __repr__(self) -> str:
        return (
            f"BestF1(threshold={self.threshold:.3f}, precision={self.precision:.3f}, recall={self.recall:.3f}, "
            f"f1={self.f1:.3f})"
        )


@dataclass(frozen=True)
class Ties:
    """What reordering equal scores can give. `expected` is a mean over random orders."""

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


_NOWHERE = OperatingPoint(math.nan, math.nan, math.nan, math.nan)


def curve(result: Result, category: Any, iou: float, area: str, limit: int | None) -> Curve:
    protocol = result.protocol
    t, a = protocol.threshold_index(iou), protocol.area_index(area)
    limit = protocol.max_detections[-1] if limit is None else limit
    if category is None:
        factor = max(result._matches.groups, 1)
        return Curve(*result._pooled.counts(0, t, a, limit * factor))
    return Curve(*result._matches.counts(result._position(category), t, a, limit))


def _point(curve: Curve, at: int) -> OperatingPoint:
    return OperatingPoint(
        float(curve.score[at]), float(curve.precision[at]), float(curve.recall[at]), float(curve.f()[at])
    )


def _best(curve: Curve, beta: float) -> OperatingPoint:
    measure = curve.f(beta)
    if not len(measure) or np.isnan(measure).all():
        return _NOWHERE
    return _point(curve, int(measure.argmax()))


def best_f1(result: Result, iou: float, beta: float, area: str) -> BestF1:
    overall = _best(curve(result, None, iou, area, None), beta)
    points = [_best(curve(result, id, iou, area, None), beta) for id in result.category_ids]
    columns: dict[str, Any] = {
        "category": list(result.category_ids),
        "name": [result._name(id) for id in result.category_ids],
    }
    for name in ("threshold", "precision", "recall", "f1"):
        columns[name] = np.array([getattr(point, name) for point in points], dtype=np.float64)
    return BestF1(overall.threshold, overall.precision, overall.recall, overall.f1, Table(columns))


def operating_point(
    result: Result, precision: float | None, recall: float | None, category: Any, iou: float, area: str
) -> OperatingPoint:
    if (precision is None) == (recall is None):
        raise ValueError("give one of precision and recall")
    found = curve(result, category, iou, area, None)
    wanted, reached, most = (
        (precision, found.precision, found.recall) if recall is None else (recall, found.recall, found.precision)
    )
    enough = np.flatnonzero(reached >= wanted)
    if not len(enough):
        return _NOWHERE
    return _point(found, int(enough[most[enough].argmax()]))


def images(result: Result, iou: float, score: float, area: str) -> Table:
    t = result.protocol.threshold_index(iou)
    columns = result.matches.in_area(area).positions()
    count = len(result.image_ids)
    counted = ~columns["ignored"][:, t] & (columns["score"] >= score)
    right = counted & columns["matched"][:, t]

    def per_image(positions: np.ndarray) -> np.ndarray:
        return np.bincount(positions, minlength=count)

    positives = per_image(columns["truth_image"][columns["truth_wanted"]])
    detections, hits = per_image(columns["image"][counted]), per_image(columns["image"][right])
    wrong, missed = detections - hits, positives - hits
    order = np.lexsort((np.arange(count), -(wrong + missed)))
    ids = result.image_ids
    return Table(
        {
            "image": [ids[i] for i in order],
            "positives": positives[order],
            "detections": detections[order],
            "right": hits[order],
            "wrong": wrong[order],
            "missed": missed[order],
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
    columns = slice(None) if micro else result._columns_of(row)
    means = []
    for values in bounds:
        values = values[thresholds][:, columns]
        values = values[~np.isnan(values)]
        means.append(float(values.mean()) if values.size else math.nan)
    return Ties(*means)
