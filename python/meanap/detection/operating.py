"""Score thresholds: precision, recall and rates at each of them, and the one that reaches a target."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from meanap.detection.miss_rates import RATES, MissRates, log_average
from meanap.detection.scores import Scores
from meanap.statistics import check_options, percentiles, resampled
from meanap.table import Table

__all__ = [
    "Curve",
    "Froc",
    "MissRate",
    "OperatingPoint",
    "best_f1",
    "best_threshold",
    "curve",
    "froc",
    "miss_rate",
    "point",
    "points",
]

#: The attributes of an operating point that are numbers.
_POINT = ("threshold", "precision", "recall", "f1", "false_positives_per_image", "false_alarms")
#: Rates at which a FROC curve is averaged: those of the LUNA16 challenge.
_FROC_POINTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision and recall at each distinct score, highest first.

    Attributes
    ----------
    score : (N,) float64
        The distinct scores.
    true_positives, false_positives : (N,) uint32
        How many detections have this score or a higher one.
    objects : int
        How many objects there are that are not ignored.
    images : int
        How many images there are, also those without objects.
    """

    score: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    objects: int
    images: int = 0
    #: Makes `alarms` and `clean_images`, for which the detections are sorted by image.
    _alarms: Callable[[], tuple[np.ndarray, int]] = field(default=lambda: (np.zeros(0), 0), repr=False)

    @functools.cached_property
    def _clean(self) -> tuple[np.ndarray, int]:
        return self._alarms()

    @property
    def clean_images(self) -> int:
        """How many images have no objects."""
        return self._clean[1]

    @property
    def alarms(self) -> np.ndarray:
        """The highest scores of false positives in the images without objects, ``(M,) float64``, highest first.

        One for each such image that has a false positive.
        """
        return self._clean[0]

    def __reduce__(self) -> tuple[Any, ...]:
        # The alarms are pickled, not the function that makes them.
        counts = self.score, self.true_positives, self.false_positives, self.objects, self.images
        return _curve_of, (*counts, self._clean)

    @property
    def precision(self) -> np.ndarray:
        """Of the detections with at least each score, the fraction that are true positives, ``(N,) float64``."""
        precision: np.ndarray = self.true_positives / (self.true_positives + self.false_positives.astype(np.float64))
        return precision

    @property
    def recall(self) -> np.ndarray:
        """The fraction of the objects that detections with at least each score match, ``(N,) float64``; NaN if none."""
        if not self.objects:
            return np.full(len(self.score), math.nan)
        return self.true_positives / self.objects

    @property
    def envelope(self) -> np.ndarray:
        """The maximum precision at each score or a lower one."""
        return np.maximum.accumulate(self.precision[::-1])[::-1]

    @property
    def false_positives_per_image(self) -> np.ndarray:
        """False positives per image at each score, ``(N,) float64``; NaN without images."""
        if not self.images:
            return np.full(len(self.score), math.nan)
        return self.false_positives / self.images

    @property
    def false_alarms(self) -> np.ndarray:
        """The fraction of images without objects that have a false positive; NaN if there is no such image."""
        return self._alarmed(self.score)

    def _alarmed(self, scores: np.ndarray) -> np.ndarray:
        if not self.clean_images:
            return np.full(len(scores), math.nan)
        return np.searchsorted(-self.alarms, -np.asarray(scores), side="right") / self.clean_images

    def f_measure(self, beta: float = 1.0) -> np.ndarray:
        """The F-measure at each score; NaN without objects."""
        if not self.objects:
            return np.full(len(self.score), math.nan)
        return _f(self.true_positives.astype(np.float64), self.false_positives, self.objects, beta)

    def at(self, score: float) -> OperatingPoint:
        """The operating point at this score threshold; NaN if undefined."""
        numbers = {name: float(column[0]) for name, column in self._at(np.array([score], dtype=np.float64)).items()}
        return OperatingPoint(numbers.pop("score"), **numbers)  # type: ignore[arg-type]

    def table(self, scores: Any = None) -> Table:
        """Precision, recall and rates at some score thresholds.

        Parameters
        ----------
        scores
            The score thresholds; by default 0, 0.01, …, 1.

        Returns
        -------
        Table
            ``score``, ``precision``, ``recall``, ``f1``, ``false_positives_per_image``, ``false_alarms``; NaN if
            undefined.
        """
        scores = np.linspace(0.0, 1.0, 101) if scores is None else np.asarray(scores, dtype=np.float64).reshape(-1)
        return Table(self._at(scores))

    def _at(self, scores: np.ndarray) -> dict[str, np.ndarray]:
        """The columns of `table`."""
        reached = np.searchsorted(-self.score, -scores, side="right")
        true = np.concatenate([[0.0], self.true_positives])[reached]
        false = np.concatenate([[0.0], self.false_positives])[reached]
        nothing = np.full(len(scores), math.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                "score": scores,
                "precision": true / (true + false),
                "recall": true / self.objects if self.objects else nothing,
                "f1": _f(true, false, self.objects, 1.0) if self.objects else nothing,
                "false_positives_per_image": false / self.images if self.images else nothing,
                "false_alarms": self._alarmed(scores),
            }

    def _repr_html_(self) -> str:
        title = f"{self.objects:,} objects, {len(self.score):,} distinct scores"
        return Table(self.table(np.linspace(0.0, 1.0, 11)).columns, title)._repr_html_()


def _curve_of(
    score: np.ndarray,
    true_positives: np.ndarray,
    false_positives: np.ndarray,
    objects: int,
    images: int,
    clean: tuple[np.ndarray, int],
) -> Curve:
    """A curve from its pickled fields."""
    return Curve(score, true_positives, false_positives, objects, images, lambda: clean)


def _f(true_positives: np.ndarray, false_positives: np.ndarray, objects: int, beta: float) -> np.ndarray:
    """The F-measure; the number of false negatives is that of the objects minus the true positives."""
    weighted = (1 + beta**2) * true_positives
    f_measure: np.ndarray = weighted / (weighted + beta**2 * (objects - true_positives) + false_positives)
    return f_measure


@dataclass(frozen=True)
class OperatingPoint:
    """A score threshold with its precision, recall and rates; undefined numbers are NaN.

    Attributes
    ----------
    threshold, precision, recall, f1 : float
    false_positives_per_image : float
        Over all images, also those without objects.
    false_alarms : float
        The fraction of images without objects that have a false positive.
    intervals : Table or None
        With resamples, one row for each number: ``number``, ``value``, ``low``, ``high``, and ``share``,
        the fraction of resamples in which it is defined. The threshold is chosen again on each resample; the other
        intervals are for the threshold of this point.
    """

    threshold: float
    precision: float
    recall: float
    f1: float
    false_positives_per_image: float = math.nan
    false_alarms: float = math.nan
    intervals: Table | None = field(default=None, repr=False, compare=False)
    #: Makes `per_class`, which is computed on first access.
    _classes: Callable[[], Table] | None = field(default=None, repr=False, compare=False)

    @functools.cached_property
    def per_class(self) -> Table:
        """Each category's own point, chosen in the same way.

        Columns: ``category``, ``name``, ``threshold``, ``precision``, ``recall``, ``f1``,
        ``false_positives_per_image``, ``false_alarms``; NaN where no threshold reaches the target.

        Of a point of one category that category alone; empty for a point of a curve.
        """
        empty = {"category": [], "name": [], **{name: np.zeros(0) for name in _POINT}}
        return Table(empty) if self._classes is None else self._classes()

    def __getstate__(self) -> dict[str, Any]:
        # The table is pickled, not the function that makes it.
        return {**vars(self), "per_class": self.per_class, "_classes": None}

    def _repr_html_(self) -> str:
        columns: dict[str, Any] = {"number": list(_POINT), "value": [getattr(self, name) for name in _POINT]}
        if self.intervals is not None:
            columns |= {side: self.intervals[side] for side in ("low", "high")}
        return Table(columns)._repr_html_()


@dataclass(frozen=True, eq=False)
class Froc:
    """Free-response ROC: sensitivity over false positives per image.

    Attributes
    ----------
    score : (N,) float64
        Distinct scores, highest first.
    false_positives_per_image, sensitivity : (N,) float64
        Of the detections with this score or a higher one. All images count, also those without objects.
    objects : int
        How many objects there are that are not ignored.
    """

    score: np.ndarray
    false_positives_per_image: np.ndarray
    sensitivity: np.ndarray
    objects: int

    def at(self, rate: float) -> float:
        """The maximum sensitivity with at most so many false positives per image; NaN without objects."""
        if not self.objects:
            return math.nan
        reached = int(np.searchsorted(self.false_positives_per_image, rate, side="right"))
        return float(self.sensitivity[reached - 1]) if reached else 0.0

    @property
    def mean(self) -> float:
        """The mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per image."""
        return float(np.mean([self.at(rate) for rate in _FROC_POINTS]))

    def _repr_html_(self) -> str:
        columns = {
            "false_positives_per_image": list(_FROC_POINTS),
            "sensitivity": [self.at(rate) for rate in _FROC_POINTS],
        }
        return Table(columns, f"mean sensitivity {self.mean:.3f}, {self.objects:,} objects")._repr_html_()


@dataclass(frozen=True, eq=False)
class MissRate:
    """Log-average miss rate: the geometric mean of the miss rates at nine rates of false positives.

    Attributes
    ----------
    value : float
        The mean of the categories that have objects. Less is better.
    points : Table
        ``false_positives_per_image`` (nine, from 0.01 to 1, evenly spaced in their logarithms) and ``miss_rate``, the
        least that is reached without exceeding it (1 where even the best score does; other protocols may read it
        otherwise), a mean over categories.
    per_class : Table
        ``category``, ``name``, ``value``.
    """

    value: float
    points: Table
    per_class: Table

    def __repr__(self) -> str:
        return f"MissRate({self.value:.4f})"

    def _repr_html_(self) -> str:
        return Table(self.points.columns, f"log-average miss rate {self.value:.3f}")._repr_html_()


def curve(scores: Scores, category: Any, iou: float, area: str, limit: int | None) -> Curve:
    """`Result.precision_recall` of scores."""
    ranking, t = scores.ranking(category, iou, area, limit)
    return scores.drawn(
        None if category is None else scores.position(category),
        (t, area, limit),
        lambda: Curve(*ranking.counts(t), len(scores.image_ids), lambda: ranking.alarms(t)),
    )


_NOWHERE = OperatingPoint(math.nan, math.nan, math.nan, math.nan)


def _best(curve: Curve, beta: float) -> OperatingPoint:
    measure = curve.f_measure(beta)
    if not len(measure) or np.isnan(measure).all():
        return _NOWHERE
    return curve.at(float(curve.score[np.nanargmax(measure)]))


def best_f1(scores: Scores, iou: float, beta: float, area: str) -> OperatingPoint:
    """`Result.best_f1` of scores."""
    if not _is_number(beta) or not 0 < beta < math.inf:
        raise ValueError(f"beta: expected a number above 0, found {beta!r}")

    def of(category: Any) -> OperatingPoint:
        return _best(curve(scores, category, iou, area, None), beta)

    def classes() -> Table:
        return _per_class(scores, scores.category_ids, [of(id) for id in scores.category_ids])

    return replace(of(None), _classes=classes)


def best_threshold(scores: Scores, iou: float) -> float:
    """The score with the best F1 of all categories together, the default score threshold.

    At the evaluated threshold nearest to `iou`; -inf, which is every detection, where there is no F1.
    """
    nearest = min(scores.protocol.thresholds, key=lambda threshold: abs(threshold - iou))
    score = _best(curve(scores, None, nearest, "all", None), 1.0).threshold
    return -math.inf if math.isnan(score) else score


def _per_class(scores: Scores, categories: list[Any], points: list[OperatingPoint]) -> Table:
    numbers = {name: np.array([getattr(point, name) for point in points], dtype=np.float64) for name in _POINT}
    return Table({**scores.named(categories), **numbers})


def point(
    scores: Scores,
    wanted: dict[str, float | None],
    category: Any,
    iou: float,
    area: str,
    confidence: float,
    resamples: int,
    seed: int,
) -> OperatingPoint:
    """`Result.operating_point` of scores."""
    rule, value = _asked(wanted)
    check_options(confidence, resamples, least=0)
    found = points(scores, [wanted], iou, area, category)[0]
    if not resamples or math.isnan(found.threshold):
        return found
    ranking, t = scores.ranking(category, iou, area)
    operator = ranking.operator(t)
    chunks = [
        (operator.points(weights, rule, value)[:, :1], operator.points(weights, "score", found.threshold)[:, 1:])
        for weights in resampled(len(scores.image_ids), resamples, seed)
    ]
    samples = np.concatenate([np.concatenate(chunk, axis=1) for chunk in chunks])
    return replace(found, intervals=_intervals(found, samples, confidence))


def points(
    scores: Scores, wanted: Sequence[Mapping[str, float | None]], iou: float, area: str, category: Any = None
) -> list[OperatingPoint]:
    """The points of several targets: the detections are read once for all of them."""
    rules = [_asked(target) for target in wanted]

    def chosen(category: Any) -> list[OperatingPoint]:
        ranking, t = scores.ranking(category, iou, area)
        found = ranking.points(t, rules)
        f1 = _harmonic(found[:, 1], found[:, 2])
        numbers = np.insert(found, 3, f1, axis=1).tolist()
        return [_NOWHERE if math.isnan(row[0]) else OperatingPoint(*row) for row in numbers]

    @functools.cache
    def of_classes() -> list[Table]:
        ids = scores.category_ids if category is None else [scores.category_ids[scores.position(category)]]
        of_each = [chosen(id) for id in ids]
        return [_per_class(scores, ids, [several[k] for several in of_each]) for k in range(len(rules))]

    def table(place: int) -> Callable[[], Table]:
        return lambda: of_classes()[place]

    return [replace(found, _classes=table(place)) for place, found in enumerate(chosen(category))]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _asked(wanted: Mapping[str, float | None]) -> tuple[str, float]:
    """The rule of an operating point's one target, and its value.

    Raises
    ------
    ValueError
        There is not one, or there can be no such number.
    """
    given = {name: value for name, value in wanted.items() if value is not None}
    if len(given) != 1:
        raise ValueError(f"give one of {', '.join(wanted)}; found {', '.join(given) or 'none'}")
    ((name, value),) = given.items()
    expected, least, most = {
        "score": ("a number", -math.inf, math.inf),
        "false_positives_per_image": ("a number of at least 0", 0.0, math.inf),
    }.get(name, ("a number from 0 to 1", 0.0, 1.0))
    if not _is_number(value) or not least <= value <= most:
        raise ValueError(f"{name}: expected {expected}, found {value!r}")
    return ("false_positives" if name == "false_positives_per_image" else name), float(value)


def _harmonic(precision: Any, recall: Any) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = 2 * np.asarray(precision) * recall / (np.asarray(precision) + recall)
    # No true positives: an F-measure of 0.
    mean = np.where((np.asarray(precision) == 0) & (np.asarray(recall) == 0), 0.0, mean)
    return float(mean) if mean.ndim == 0 else mean


def _intervals(found: OperatingPoint, samples: np.ndarray, confidence: float) -> Table:
    values = np.array([getattr(found, name) for name in _POINT])
    samples = np.insert(samples, 3, _harmonic(samples[:, 1], samples[:, 2]), axis=1)
    low, high = np.array([percentiles(column, confidence) for column in samples.T]).T
    share = (~np.isnan(samples)).mean(axis=0)
    return Table({"number": list(_POINT), "value": values, "low": low, "high": high, "share": share})


def froc(scores: Scores, category: Any, iou: float, area: str) -> Froc:
    """`Result.froc` of scores."""
    found = curve(scores, category, iou, area, None)
    return Froc(found.score, found.false_positives_per_image, found.recall, found.objects)


def miss_rate(scores: Scores, category: Any, iou: float, area: str) -> MissRate:
    """`Result.log_average_miss_rate` of scores."""
    categories = list(scores.category_ids) if category is None else [scores.category_ids[scores.position(category)]]
    protocol = scores.protocol
    t, a = protocol.threshold_index(iou), protocol.area_index(area)
    of_area = MissRates(scores.table, a, protocol.max_detections[-1], protocol.miss_rate)
    wanted = RATES[protocol.miss_rate]
    rates = np.array([of_area.of(scores.position(id), t) for id in categories]).reshape(-1, len(wanted))
    values = log_average(rates, protocol.miss_rate)
    there = ~np.isnan(values)
    points = rates[there].mean(axis=0) if there.any() else np.full(len(wanted), math.nan)
    return MissRate(
        float(values[there].mean()) if there.any() else math.nan,
        Table({"false_positives_per_image": wanted, "miss_rate": points}),
        Table({**scores.named(categories), "value": values}),
    )
