"""What a report shows at each IoU threshold, of each class and at each score threshold, as plain data for its script.

A view is of one IoU threshold; its lists have an entry for all classes together and one for each class. Numbers are in
thousandths, rounded as the tables round them, so that a number is the same wherever it stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from meanap.detection.errors import ERRORS, Errors
from meanap.detection.operating import best_threshold, points
from meanap.plot._curves import recall_grid

if TYPE_CHECKING:
    from meanap.detection import Result
    from meanap.detection.operating import Curve, OperatingPoint
    from meanap.report.confusions import Confusions

__all__ = ["IOUS", "OUTCOMES", "POINT", "TARGETS", "Choices", "Losses", "errors_of", "if_matched", "points_of", "view"]

T = TypeVar("T")

#: IoU thresholds to choose from, of those of the protocol.
IOUS = (0.5, 0.75, 0.9)
#: Classes up to which everything is there for each of them, at each threshold.
_CLASSES = 200
#: Steps of the score threshold.
_STEPS = 100
#: The counts of an image, and of a confusion.
OUTCOMES = ("true_positives", "false_positives", "false_negatives")
#: The numbers of an operating point.
POINT = ("threshold", "precision", "recall", "f1", "false_positives_per_image", "false_alarms")
#: Targets of operating points: their names, and how the point is chosen.
TARGETS: tuple[tuple[str, dict[str, Any]], ...] = (
    *((f"precision of at least {wanted:.0%}", {"precision": wanted}) for wanted in (0.5, 0.75, 0.9, 0.95)),
    *((f"recall of at least {wanted:.0%}", {"recall": wanted}) for wanted in (0.5, 0.75, 0.9)),
    *((f"at most {rate:g} false positives per image", {"false_positives_per_image": rate}) for rate in (1.0, 0.1)),
)


class Choices(NamedTuple):
    """What can be chosen on the page."""

    #: IoU thresholds, and which of them is chosen at first.
    ious: list[float]
    first: int
    #: Score thresholds, rising; those with the best F1 are among them, or the one that was given.
    grid: np.ndarray
    #: For each IoU threshold the score threshold at first, of the result and of the baseline.
    scores: list[float]
    versus_scores: list[float]
    #: Whether everything is there for each class.
    by_class: bool

    @classmethod
    def of(cls, result: Result, versus: Result | None, score: float | None) -> Choices:
        """The choices of a report; a given `score` is the score threshold at first."""
        known = [float(t) for t in result.protocol.thresholds]
        iou = 0.5 if 0.5 in known else known[0]
        by_class = len(result.category_ids) <= _CLASSES
        ious = [t for t in known if t == iou or (by_class and any(math.isclose(t, wanted) for wanted in IOUS))]

        def first(of: Result | None) -> list[float]:
            if of is None:
                return []
            return [best_threshold(of.scores, t) if score is None else score for t in ious]

        scores, versus_scores = first(result), first(versus)
        every = result.precision_recall(None, iou).score
        low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
        steps = np.linspace(min(low, 0.0), max(high, 1.0) if high <= 1 else high, _STEPS + 1)
        rounded = [float(f"{step:.4g}") for step in steps]
        # -inf, where there is no best F1, is as the lowest: everything counts.
        rounded[0] = min(rounded[0], low)
        grid = {*rounded, *(s for s in (*scores, *versus_scores) if math.isfinite(s))}
        return cls(ious, ious.index(iou), np.array(sorted(grid)), scores, versus_scores, by_class)

    @property
    def iou(self) -> float:
        """The IoU threshold at first."""
        return self.ious[self.first]

    @property
    def score(self) -> float:
        """The score threshold at first."""
        return self.scores[self.first]

    @property
    def versus_score(self) -> float | None:
        """The baseline's score threshold at first; None without a baseline."""
        return self.versus_scores[self.first] if self.versus_scores else None

    def first_alone(self) -> Choices:
        """The choices without the other IoU thresholds."""
        one = slice(self.first, self.first + 1)
        return self._replace(
            ious=self.ious[one], first=0, scores=self.scores[one], versus_scores=self.versus_scores[one]
        )

    def order(self) -> list[int]:
        """The positions of the IoU thresholds, that of the threshold at first before the others."""
        return sorted(range(len(self.ious)), key=lambda index: index != self.first)

    def step(self, score: float) -> int:
        """The position of a score threshold in `grid`."""
        return max(0, int(np.searchsorted(self.grid, score)))


def view(
    result: Result,
    versus: Result | None,
    choices: Choices,
    index: int,
    errors: list[dict[str, Any]] | None,
    confusions: Confusions,
) -> dict[str, Any]:
    """What the page shows at the IoU threshold with this index.

    `errors` are those of `errors_of`.
    """
    iou, grid = choices.ious[index], choices.grid
    curves = [result.precision_recall(id, iou) for id in (None, *result.category_ids)]
    best = result.best_f1(iou)
    return {
        "step": choices.step(choices.scores[index]),
        "versus_step": choices.step(choices.versus_scores[index]) if versus is not None else None,
        "precision": _precision(result, curves[1:], iou),
        "baseline": None if versus is None else _precision(versus, None, iou),
        "scores": [_scores_at_recalls(curve) for curve in curves[1:]],
        "objects": [curve.objects for curve in curves],
        "counts": [_counts(curve, grid) for curve in curves],
        "calibration": _calibration(result, iou, choices.by_class),
        "best": [[_thousandth(point[name]) for name in ("f1", "threshold")] for point in best.per_class],
        "points": _points(result, versus, iou, choices),
        "errors": errors,
        "confusion": confusions.by_score[index],
        "confused_before": confusions.before[index],
    }


def if_matched(analysis: Callable[..., T], *arguments: Any) -> T | None:
    """An analysis that matches again; None of a result that cannot (of a metric object, or pickled)."""
    try:
        return analysis(*arguments)
    except ValueError:
        return None


def _thousandth(value: float) -> int | None:
    """A number as it is shown, in thousandths; None for NaN."""
    return None if math.isnan(value) else round(1000 * float(f"{value:.3f}"))


def _rounded(values: np.ndarray) -> list[int]:
    whole: list[int] = np.rint(1000 * values).astype(int).tolist()
    return whole


def _precision(result: Result, curves: list[Curve] | None, iou: float) -> list[list[int]]:
    """Precision at 101 recalls, interpolated: the mean of the classes, and each class; empty without objects."""
    if curves is None:
        curves = [result.precision_recall(id, iou) for id in result.category_ids]
    lines = [recall_grid(curve) if curve.objects else None for curve in curves]
    there = [line for line in lines if line is not None]
    if np.array_equal(result.scores.recall_points, np.linspace(0.0, 1.0, 101)):
        t, area = result.protocol.threshold_index(iou), result.protocol.area_index("all")
        heights = result.precision[t, :, :, area, -1]
        heights = heights[:, ~np.isnan(heights).all(axis=0)]
        there = list(heights.T)
    mean = _rounded(np.mean(there, axis=0)) if there else []
    return [mean, *([] if line is None else _rounded(line) for line in lines)]


def _scores_at_recalls(curve: Curve) -> list[float]:
    if not curve.objects or not len(curve.score):
        return []
    at = np.searchsorted(curve.recall, np.linspace(0.0, 1.0, 101))
    return [round(x, 3) for x in curve.score[at[at < len(curve.score)]].tolist()]


def _counts(curve: Curve, grid: np.ndarray) -> list[list[int]]:
    """True and false positives of at least each score."""
    reached = np.searchsorted(-curve.score, -grid, side="right")
    counts = (curve.true_positives, curve.false_positives)
    return [np.concatenate([[0], column])[reached].astype(int).tolist() for column in counts]


def _calibration(result: Result, iou: float, by_class: bool) -> list[dict[str, Any]]:
    found = []
    for id in (None, *(result.category_ids if by_class else ())):
        calibration = result.calibration(iou, category=id)
        columns = (calibration.bins[name].tolist() for name in ("low", "high", "detections", "score", "precision"))
        bins = [
            [round(low, 3), round(high, 3), detections, _thousandth(score), _thousandth(precision)]
            for low, high, detections, score, precision in zip(*columns, strict=True)
            if detections
        ]
        found.append({"error": _thousandth(calibration.error), "bins": bins})
    return found


def points_of(result: Result, iou: float) -> list[OperatingPoint]:
    """The operating points: that of the highest F1, then those of `TARGETS`."""
    return [result.best_f1(iou), *points(result.scores, [chosen for _, chosen in TARGETS], iou, "all")]


def _points(result: Result, versus: Result | None, iou: float, choices: Choices) -> list[list[list[int | None]]]:
    """The numbers at each target, the baseline's after the result's: of all classes together, and of each."""
    sides = [points_of(side, iou) for side in (result, versus) if side is not None]
    found = []
    for of_target in zip(*sides, strict=True):
        rows = [[getattr(point, name) for point in of_target for name in POINT]]
        if choices.by_class:
            columns = [point.per_class[name].tolist() for point in of_target for name in POINT]
            rows += map(list, zip(*columns, strict=True))
        found.append([[_thousandth(value) for value in row] for row in rows])
    return found


class Losses(NamedTuple):
    """The loss by each type of error of a baseline."""

    of_all: dict[str, float]
    of_classes: list[dict[str, Any]]

    @classmethod
    def of(cls, errors: Errors) -> Losses:
        """The losses of error types; their table can be freed afterwards."""
        return cls(errors.to_dict(), list(errors.per_class))


def errors_of(result: Result, errors: Errors, versus: Losses | None, iou: float) -> list[dict[str, Any]]:
    """AP, counts and losses by type of error, the baseline's losses, and oLRP: of all classes, then of each class."""
    parts = ("lrp", "localisation", "false_positive", "false_negative")
    optimal = result.lrp(iou)

    def entry(ap: float, counts: list[int], loss: Any, baseline: Any, lrp: Any) -> dict[str, Any]:
        return {
            "ap": _thousandth(ap),
            "counts": counts,
            "loss": [_thousandth(loss[name]) for name in ERRORS],
            "baseline": None if baseline is None else [_thousandth(baseline[name]) for name in ERRORS],
            "difference": None if baseline is None else [_thousandth(loss[name] - baseline[name]) for name in ERRORS],
            "lrp": [_thousandth(lrp[name]) for name in parts],
        }

    whole = {name: getattr(optimal, name) for name in parts}
    found = [entry(errors.ap, [errors.counts[name] for name in ERRORS], errors, versus and versus.of_all, whole)]
    if len(errors.per_class) != len(result.category_ids):
        return found
    counts = errors.counts_by_class
    before = [None] * len(result.category_ids) if versus is None else versus.of_classes
    for k, (row, baseline, lrp) in enumerate(zip(errors.per_class, before, optimal.per_class, strict=True)):
        found.append(entry(row["ap"], [int(counts[name][k]) for name in ERRORS], row, baseline, lrp))
    return found
