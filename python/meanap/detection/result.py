"""The result of an evaluation: numbers, curves, tables, computed from the match table."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np

from meanap import _core
from meanap.detection import derived, operating
from meanap.detection.confusion import Confusion
from meanap.detection.errors import BACKGROUND, LRP, Errors, lrp
from meanap.detection.matches import MatchTable
from meanap.detection.sampling import Interval, Intervals, Samples, interval
from meanap.protocol import Protocol, SummaryRow
from meanap.table import Table

__all__ = ["Result"]


_NOT_KEPT = "{0}: make the metric with {0}=0.5 (or another IoU) to keep what it needs; a pickled result has lost it"


class Result:
    """The numbers of one evaluation.

    The protocol's summary is available as attributes (``result.ap``, ``result.ap50``, ``result.ar_small``) and as a
    mapping (``result["ap"]``, ``result.to_dict()``). An undefined number is NaN.

    It can be pickled, with its match table; after that all methods work but `confusion`, `errors` and `lrp`, which
    match objects again.
    """

    def __init__(
        self,
        matches: _core.Matches,
        protocol: Protocol,
        similarity: str,
        *,
        names: Mapping[Any, str] | Callable[[], Mapping[Any, str]] | None = None,
        groups: Mapping[str, list[Any]] | None = None,
        confusion: Callable[[float], _core.Matches] | None = None,
        errors: Callable[[float, float, str], _core.Matches] | None = None,
    ) -> None:
        self._matches = matches
        self.protocol = protocol
        self.similarity = similarity
        self._given_names = names
        self._match_confusion = confusion
        self._match_errors = errors
        self._error_tables: dict[tuple[float, float, str], _core.Matches] = {}
        self._groups = dict(groups or {})
        self._rows = {row.name: row for row in protocol.summary}

    def __reduce__(self) -> tuple[Any, ...]:
        # The match table is pickled; the function that matches again, and the files that it reads, are not.
        keywords = {"names": self.names, "groups": self._groups}
        make = functools.partial(type(self), self._matches, self.protocol, self.similarity, **keywords)
        return make, ()

    def __copy__(self) -> Result:
        return self  # It never changes.

    def __deepcopy__(self, memo: dict[int, Any]) -> Result:
        return self

    # Numbers

    @functools.cached_property
    def _recall(self) -> Any:
        recall = self.protocol.recall
        return recall if isinstance(recall, str) else np.array(recall, dtype=np.float64)

    @functools.cached_property
    def _held(self) -> dict[tuple[str, int, bool], np.ndarray]:
        return {}

    def _values(self, kind: str, limit: int, micro: bool) -> np.ndarray:
        """Precision ``(T, R, K, A)`` or recall ``(T, K, A)`` under one limit; -1 without ground truth.

        The summary needs precision under the last limit alone, and only counts of all others.
        """
        if (kind, limit, micro) not in self._held:
            matches = self._pooled if micro else self._matches
            factor = max(self._matches.groups, 1) if micro else 1
            limits = [limit * factor for limit in self.protocol.max_detections]
            if kind == "precision":
                areas = list(range(len(self.protocol.area_ranges)))
                curves = matches.accumulate(recall=self._recall, areas=areas, max_detections=[limits[limit]])
                self._held[kind, limit, micro] = curves[0][..., 0]
            else:
                positives = matches.positives()[:, None, :, None]
                recall = matches.hits(limits) / np.where(positives, positives, 1)
                recall = np.moveaxis(np.where(positives > 0, recall, -1.0), 0, 1)
                for m in range(len(limits)):
                    self._held[kind, m, micro] = recall[..., m]
        return self._held[kind, limit, micro]

    @functools.cached_property
    def _curves(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self._matches.accumulate(
            recall=self._recall,
            areas=list(range(len(self.protocol.area_ranges))),
            max_detections=list(self.protocol.max_detections),
        )

    @functools.cached_property
    def _pooled(self) -> _core.Matches:
        return self._matches.pooled()

    @property
    def precision(self) -> np.ndarray:
        """Precision at each recall point ``(T, R, K, A, M)``; NaN without ground truth.

        Where the protocol takes an area, R is 1 and the entry is the area.
        """
        return _nan(self._curves[0])

    @property
    def recall(self) -> np.ndarray:
        """Maximum recall ``(T, K, A, M)``; NaN without ground truth."""
        return _nan(self._curves[1])

    @property
    def scores(self) -> np.ndarray:
        """Score at which each recall point is reached ``(T, R, K, A, M)``."""
        return _nan(self._curves[2])

    def _places(self, row: SummaryRow) -> tuple[Any, int, int]:
        """Where a row stands in the curves: thresholds, area range, limit."""
        thresholds: Any = slice(None)
        if row.threshold is not None:
            thresholds = np.flatnonzero(np.asarray(self.protocol.thresholds) == row.threshold)
        return thresholds, self.protocol.area_index(row.area), self.protocol.limit_index(row.limit)

    def _columns_of(self, row: SummaryRow) -> Any:
        if row.group is None:
            return slice(None)
        wanted = set(self._groups.get(row.group, ()))
        return np.array([id in wanted for id in self.category_ids], dtype=bool)

    def number(self, row: str | SummaryRow, category: Any = None) -> float:
        """One number: a row of the summary by name, or any other row; of all categories or of one."""
        row = self._row(row)
        thresholds, area, limit = self._places(row)
        micro = self.protocol.average == "micro" and category is None and row.group is None
        values = self._values(row.kind, limit, micro)[thresholds][..., area]
        if category is not None:
            values = values[..., self._position(category)]
        elif not micro and row.group is not None:
            values = values[..., self._columns_of(row)]
        # The reference's mean: of the defined values, in this order.
        present = values[values > -1]
        return float(np.mean(present)) if present.size else math.nan

    def _row(self, row: str | SummaryRow) -> SummaryRow:
        if isinstance(row, SummaryRow):
            return row
        if row == "ar" and "ar" not in self._rows:
            return SummaryRow("ar", "recall")
        if row in ("ap50", "ap75") and row not in self._rows:
            return SummaryRow(row, threshold=float(row[2:]) / 100)
        if row not in self._rows:
            raise KeyError(f"no number {row!r}; there are {', '.join(self._rows)}")
        return self._rows[row]

    def _position(self, category: Any) -> int:
        try:
            return self.category_ids.index(category)
        except ValueError:
            for id, name in self.names.items():
                if name == category and id in self.category_ids:
                    return self.category_ids.index(id)
        raise KeyError(f"no category {category!r}")

    def __getitem__(self, name: str) -> float:
        return self.number(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def keys(self) -> list[str]:
        """The names of the summary's numbers, in order."""
        return list(self._rows)

    def __getattr__(self, name: str) -> float:
        rows = self.__dict__.get("_rows", {})
        if name in rows or name in ("ap", "ap50", "ap75", "ar"):
            return self.number(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._rows, "ap", "ap50", "ap75", "ar"]

    # What was evaluated

    @functools.cached_property
    def names(self) -> dict[Any, str]:
        """Names of categories, by id."""
        given = self._given_names
        return dict((given() if callable(given) else given) or {})

    @property
    def image_ids(self) -> list[Any]:
        """The images, in order."""
        return self._matches.image_ids

    def _image_count(self) -> int:
        return len(self.image_ids)

    @functools.cached_property
    def category_ids(self) -> list[Any]:
        """The categories, in order."""
        return self._matches.category_ids if self.protocol.by_category else [-1]

    def _name(self, id: Any) -> Any:
        return self.names.get(id, str(id))

    # Tables

    @functools.cached_property
    def per_class(self) -> Table:
        """One row for each category: id, name, AP, AP50, AP75, AR, objects, detections."""
        columns: dict[str, Any] = {
            "category": list(self.category_ids),
            "name": [self._name(id) for id in self.category_ids],
        }
        for name in ("ap", "ap50", "ap75", "ar"):
            row = self._row(name)
            columns[name] = self._by_class(row)
        columns["objects"] = self._matches.positives()[:, self.protocol.area_index("all")]
        columns["detections"] = self._matches.detections()
        return Table(columns)

    def _by_class(self, row: SummaryRow) -> np.ndarray:
        thresholds, area, limit = self._places(row)
        values = self._values(row.kind, limit, False)[thresholds][..., area]
        values = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
        present = values > -1
        means = np.full(values.shape[-1], math.nan)
        for k in np.flatnonzero(present.any(axis=0)):
            means[k] = np.mean(values[present[:, k], k])
        return means

    def precision_recall(
        self, category: Any = None, iou: float = 0.5, *, area: str = "all", limit: int | None = None
    ) -> operating.Curve:
        """The curve of one category (all ranked together by default), from the best score down: precision, recall, F1,
        false positives for each image and false alarms over score."""
        return operating.curve(self, category, iou, area, limit)

    def best_f1(self, iou: float = 0.5, *, beta: float = 1.0, area: str = "all") -> operating.OperatingPoint:
        """The score threshold with the best F-measure, of all categories together; `per_class` has each one's own.

        Parameters
        ----------
        beta
            Weight of recall relative to precision.

        Raises
        ------
        ValueError
            `beta` is not a number above 0, or a threshold `iou` that was not evaluated.

        >>> import meanap
        >>> truth = [{"boxes": [[0, 0, 10, 10], [20, 0, 30, 10]], "labels": [1, 2]}]
        >>> found = [{"boxes": [[0, 0, 10, 10], [20, 0, 30, 10]], "labels": [1, 2], "scores": [0.8, 0.3]}]
        >>> best = meanap.evaluate(truth, found).best_f1()
        >>> best.threshold, best.per_class["threshold"].tolist()
        (0.3, [0.8, 0.3])
        """
        return operating.best_f1(self, iou, beta, area)

    def operating_point(
        self,
        *,
        precision: float | None = None,
        recall: float | None = None,
        false_positives_per_image: float | None = None,
        false_alarms: float | None = None,
        score: float | None = None,
        category: Any = None,
        iou: float = 0.5,
        area: str = "all",
        confidence: float = 0.95,
        resamples: int = 0,
        seed: int = 0,
    ) -> operating.OperatingPoint:
        """The score threshold for a target, with precision, recall and rates at this threshold.

        Parameters
        ----------
        precision, recall, false_positives_per_image, false_alarms, score
            The target, one of these: at least this precision, or at most so many false positives per image, or
            a false positive in at most this fraction of the images without objects, each with the highest recall; at
            least this recall, with the highest precision; or exactly this score. Of equally good thresholds the
            highest is taken.
        category
            The category; by default all together, where detections of categories without objects count as
            false positives. All images count, including those without objects.
        confidence, resamples, seed
            With `resamples` the point has bootstrap ``intervals``.

        Returns
        -------
        OperatingPoint
            All NaN if no threshold reaches the target. Its ``per_class`` has the point of each category, chosen in the
            same way.

        Raises
        ------
        ValueError
            Not exactly one target, a precision, recall or fraction of false alarms that is not from 0 to 1, a negative
            rate of false positives, or a threshold `iou` that was not evaluated.

        >>> import meanap
        >>> truth = [{"boxes": [[0, 0, 10, 10]], "labels": [1]}, {"boxes": [], "labels": []}]
        >>> found = [
        ...     {"boxes": [[0, 0, 10, 10]], "labels": [1], "scores": [0.8]},
        ...     {"boxes": [[0, 0, 10, 10]], "labels": [1], "scores": [0.3]},
        ... ]
        >>> result = meanap.evaluate(truth, found)
        >>> result.operating_point(precision=0.9).threshold, result.operating_point(score=0.3).false_alarms
        (0.8, 1.0)
        """
        wanted = {
            "precision": precision,
            "recall": recall,
            "false_positives_per_image": false_positives_per_image,
            "false_alarms": false_alarms,
            "score": score,
        }
        return operating.point(self, wanted, category, iou, area, confidence, resamples, seed)

    def froc(self, category: Any = None, iou: float = 0.5, *, area: str = "all") -> operating.Froc:
        """Free-response ROC: sensitivity over false positives per image, of one category or all."""
        return operating.froc(self, category, iou, area)

    def log_average_miss_rate(self, category: Any = None, iou: float = 0.5, *, area: str = "all") -> operating.MissRate:
        """Log-average miss rate: the geometric mean of the miss rates at nine rates of false positives, from 0.01 to 1
        per
        image (Dollár et al., PAMI 2012); of one category, or the mean of those that have objects."""
        return operating.miss_rate(self, category, iou, area)

    def per_image(self, iou: float = 0.5, *, score: float | None = None, area: str = "all") -> Table:
        """One row for each image, most errors first: ``objects`` (not ignored), ``detections`` that count,
        ``true_positives``, ``false_positives``, ``false_negatives``.

        Detections below `score` do not count; by default below the score with the best F1.
        """
        return derived.per_image(self, iou, self._score_from(score, iou), area)

    def _score_from(self, score: float | None, iou: float) -> float:
        return operating.best_threshold(self, iou) if score is None else score

    def calibration(self, iou: float = 0.5, *, bins: int = 10, category: Any = None) -> derived.Calibration:
        """Calibration: precision for each range of scores."""
        return derived.calibration(self, iou, bins, category)

    def confusion(self, iou: float = 0.5, score: float | None = None) -> Confusion:
        """The confusion matrix of the classes, with a row and a column for the background.

        Detections are matched with objects of any category, by the protocol's matcher, limits and treatment of crowds.
        Detections below `score` are left out, and so is what the protocol ignores. By default it is the score with the
        best F1 of all categories together, at the evaluated threshold nearest to `iou`; ``-math.inf`` keeps all.

        Raises
        ------
        ValueError
            The result is of a metric that was not made with ``confusion=iou``.
        """
        if self._match_confusion is None:
            raise ValueError(_NOT_KEPT.format("confusion"))
        return Confusion.of(self, self._match_confusion(iou), iou, self._score_from(score, iou))

    def errors(self, iou: float = 0.5, background: float = BACKGROUND, *, area: str = "all") -> Errors:
        """Error types (TIDE): the gain in AP at `iou` if each type were corrected.

        Detections are matched by the protocol at `iou`, which need not be one of its thresholds, and false positives
        compared with the objects of all categories.

        Raises
        ------
        ValueError
            Not ``0 <= background <= iou < 1``; or the result is of a metric that was not made with ``errors=iou``.

        >>> import meanap
        >>> truth = [{"boxes": [[0, 0, 10, 10], [20, 0, 30, 10]], "labels": [1, 2]}]
        >>> found = [{"boxes": [[0, 0, 10, 10], [20, 0, 30, 10]], "labels": [1, 1], "scores": [0.9, 0.8]}]
        >>> round(meanap.evaluate(truth, found).errors()["classification"], 3)
        0.5
        """
        return Errors(self, self._error_table(iou, background, area), iou, background)

    def lrp(self, iou: float = 0.5, *, area: str = "all") -> LRP:
        """Optimal localisation recall precision error (oLRP) and its components, at each category's best threshold;
        lower is better.

        Raises
        ------
        ValueError
            Not ``0 <= iou < 1``; or the result is of a metric that was not made with ``errors=iou``.

        >>> import meanap
        >>> truth = [{"boxes": [[0, 0, 10, 10]], "labels": [1]}]
        >>> found = [{"boxes": [[0, 0, 10, 8]], "labels": [1], "scores": [0.9]}]
        >>> round(meanap.evaluate(truth, found).lrp().lrp, 3)
        0.4
        """
        return lrp(self, self._error_table(iou, min(BACKGROUND, iou), area), iou)

    def _error_table(self, iou: float, background: float, area: str) -> _core.Matches:
        if not 0 <= background <= iou < 1:
            raise ValueError(f"expected 0 <= background <= iou < 1, found background={background} and iou={iou}")
        self.protocol.area_index(area)
        if self._match_errors is None:
            raise ValueError(_NOT_KEPT.format("errors"))
        key = (float(iou), float(background), area)
        if key not in self._error_tables:
            self._error_tables[key] = self._match_errors(*key)
        return self._error_tables[key]

    @functools.cached_property
    def matches(self) -> MatchTable:
        """The match table as NumPy columns, and as Arrow."""
        return MatchTable(self._matches, self.protocol)

    # Confidence intervals

    @overload
    def interval(
        self,
        names: str | SummaryRow,
        confidence: float = ...,
        resamples: int = ...,
        *,
        category: Any = ...,
        seed: int = ...,
        progress: Any = ...,
    ) -> Interval: ...

    @overload
    def interval(
        self,
        names: Sequence[str | SummaryRow] | None = ...,
        confidence: float = ...,
        resamples: int = ...,
        *,
        category: Any = ...,
        seed: int = ...,
        progress: Any = ...,
    ) -> Intervals: ...

    def interval(
        self,
        names: str | SummaryRow | Sequence[str | SummaryRow] | None = None,
        confidence: float = 0.95,
        resamples: int = 1000,
        *,
        category: Any = None,
        seed: int = 0,
        progress: Any = False,
    ) -> Interval | Intervals:
        """Bootstrap confidence intervals over the images.

        Images are resampled with replacement; curves are computed again from the match table, without matching again.

        Parameters
        ----------
        names
            One number, several, or None for the whole summary.
        category
            Of this category; by default of all.

        Returns
        -------
        Interval or Intervals
            Of one number an `Interval`; of several a table with a row for each, all from the same resampled images,
            and ``per_class`` with the first number of each category.

        Raises
        ------
        ValueError
            No names, or `confidence` or `resamples` out of range.
        """
        return interval(self, names, confidence, resamples, category, seed, progress)

    def _resampler(self, area: int, limit: int) -> Callable[[np.ndarray], tuple[Samples, Samples]]:
        """From weights of images to AP and recall of each sample."""
        micro = self.protocol.average == "micro"
        matches = self._pooled if micro else self._matches
        factor = max(self._matches.groups, 1) if micro else 1
        resampler = matches.resampler(area, self.protocol.max_detections[limit] * factor)
        return lambda weights: resampler.resample(weights, self._recall)

    def ties(self, name: str | SummaryRow = "ap", *, orders: int = 100, seed: int = 0) -> derived.Ties:
        """The minimum, the mean and the maximum of a number over all orders of equal scores."""
        return derived.ties(self, self._row(name), orders, seed)

    # Export

    def to_dict(self, prefix: str = "", *, per_class: bool = False) -> dict[str, float]:
        """The summary, flat, for loggers; with `per_class` also ``ap/NAME`` of each category."""
        numbers = {prefix + name: self.number(name) for name in self._rows}
        if per_class:
            for row in self.per_class:
                numbers[f"{prefix}ap/{row['name']}"] = row["ap"]
        return numbers

    def to_json(self, **options: Any) -> str:
        """Protocol, summary and categories as JSON; null where there is no number."""
        told = {
            "protocol": self.protocol.name,
            "similarity": self.similarity,
            "images": self._image_count(),
            "summary": self.to_dict(),
            "per_class": list(self.per_class),
        }
        return json.dumps(_without_nan(told), **options)

    @property
    def summary(self) -> Table:
        """The protocol's numbers as a table."""
        return Table(
            {"number": list(self._rows), "value": np.array([self.number(name) for name in self._rows])},
            title=self._title(),
        )

    def _title(self) -> str:
        categories = len(self.category_ids)
        return f"{self.protocol.name} {self.similarity}: {self._image_count()} images, {categories} categories"

    def __repr__(self) -> str:
        return repr(self.summary)

    def _repr_html_(self) -> str:
        return self.summary._repr_html_()


def _nan(values: np.ndarray) -> np.ndarray:
    return np.where(values == -1, math.nan, values)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
