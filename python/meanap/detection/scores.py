"""`Scores`, the argument of every analysis: the match table, the protocol, and the names of categories."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from meanap import _core
from meanap._arrays import check_kinds_of_ids
from meanap._keywords import did_you_mean, not_there
from meanap._settings import number
from meanap.detection.image_fields import KnownFields
from meanap.detection.matches import MatchTable
from meanap.detection.miss_rates import MissRates, log_average
from meanap.protocol import Protocol, SummaryRow

if TYPE_CHECKING:
    from meanap._types import PathLike, SimilarityName
    from meanap.readers import Options

_T = TypeVar("_T")

__all__ = ["NUMBERS", "Curves", "MatchScores", "Names", "Samples", "Scores", "mean_of", "means_of"]

#: Names of categories by id, or a function that reads them on first access.
Names: TypeAlias = Mapping[Any, str] | Callable[[], Mapping[Any, str]] | None
#: Numbers of each bootstrap resample, threshold and category: ``(B, T, K) float64``, NaN without ground truth.
Samples: TypeAlias = np.ndarray

#: Numbers that every result has, also where the protocol's summary has no such row.
NUMBERS = {
    "ap": SummaryRow("ap"),
    "ap50": SummaryRow("ap50", threshold=0.5),
    "ap75": SummaryRow("ap75", threshold=0.75),
    "ar": SummaryRow("ar", "recall"),
}
_NOT_RECORDED = "{0}: make the metric with {0}=0.5 (or another IoU) to keep what it needs; a pickled result has lost it"


class Curves(NamedTuple):
    """Curves at the protocol's recall points; -1 without ground truth.

    T thresholds, R recall points (1 where the protocol takes an area), K categories, A area ranges, M limits.
    """

    #: ``(T, R, K, A, M)``
    precision: np.ndarray
    #: The greatest recall, ``(T, K, A, M)``.
    recall: np.ndarray
    #: The score at which each recall point is reached, ``(T, R, K, A, M)``.
    score: np.ndarray


class Sources(NamedTuple):
    """The files that were evaluated, and how they were read."""

    ground_truth: PathLike
    detections: PathLike
    reading: Options


def mean_of(values: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The mean of the values that are defined.

    Parameters
    ----------
    values
        ``(…, K) float64``; -1 where a number is undefined.
    weights
        ``(K,)``, how often each category counts; once by default.

    Returns
    -------
    float
        NaN if no value is defined.
    """
    present = values > -1
    if weights is None:
        # In the order in which the reference adds.
        return float(np.mean(values[present])) if present.any() else math.nan
    counted = present * weights
    return float((values * counted).sum() / counted.sum()) if counted.any() else math.nan


def means_of(values: np.ndarray) -> np.ndarray:
    """The mean of each category ``(K,)`` of values ``(…, K)``, as `mean_of`."""
    of_categories = values.reshape(math.prod(values.shape[:-1]), values.shape[-1]).T
    return np.array([mean_of(of_category) for of_category in of_categories], dtype=np.float64)


class Scores(ABC):
    """The argument of every analysis; `Result` is a facade on it.

    A subclass provides curves and counts. Analyses that need match rows use `table`.

    Attributes
    ----------
    protocol : Protocol
    similarity : str
    groups : dict
        Categories of each group of the summary (LVIS's frequencies), by its name.
    image_fields : dict
        Fields of the images that rows of the summary or slices name: values by image id.
    rows : dict
        The summary's rows by name, in order.
    sources : Sources, optional
        The files of ground truth and detections and how they are read, where both are files.
    """

    def __init__(
        self,
        protocol: Protocol,
        similarity: SimilarityName,
        names: Names = None,
        groups: Mapping[str, list[Any]] | None = None,
        sources: Sources | None = None,
        image_fields: Mapping[str, dict[Any, Any]] | None = None,
    ) -> None:
        self.protocol = protocol
        self.similarity = similarity
        self.groups: dict[str, list[Any]] = dict(groups or {})
        self.rows: dict[str, SummaryRow] = {row.name: row for row in protocol.summary}
        self.sources = sources
        self.image_fields: dict[str, dict[Any, Any]] = dict(image_fields or {})
        self._given_names = names
        #: Rankings and curves by position of the category, of the last threshold, area range and limit alone. Replaced
        #: by new tuples, never changed, because threads may share them.
        self._rankings: tuple[Any, dict[int | None, _core.Ranking]] = None, {}
        self._drawn: tuple[Any, dict[int | None, Any]] = None, {}

    # Provided by subclasses

    @property
    @abstractmethod
    def table(self) -> _core.Matches:
        """The match table."""

    @property
    @abstractmethod
    def image_count(self) -> int:
        """How many images there are."""

    @property
    @abstractmethod
    def category_ids(self) -> list[Any]:
        """The categories, in order; ``[-1]`` if the protocol does not separate them."""

    @property
    @abstractmethod
    def objects(self) -> np.ndarray:
        """How many objects of each category in each area range are not ignored: ``(K, A) int64``."""

    @property
    @abstractmethod
    def detections(self) -> np.ndarray:
        """How many detections of each category were evaluated: ``(K,) int64``."""

    @property
    @abstractmethod
    def curves(self) -> Curves:
        """The curves of all categories, area ranges and limits."""

    @abstractmethod
    def values(self, kind: str, limit: int, micro: bool) -> np.ndarray:
        """Precision ``(T, R, K, A)``, recall or miss rate ``(T, K, A)``; -1 without ground truth.

        Parameters
        ----------
        kind : {"precision", "recall", "miss_rate"}
        limit
            Position of the limit among the protocol's ``max_detections``.
        micro
            Whether all categories are ranked together; then K is 1.
        """

    @abstractmethod
    def release(self) -> None:
        """Free the input that is needed to match again; confusion matrices and error types raise ValueError then."""

    @abstractmethod
    def confusion_table(self, iou: float) -> _core.Matches:
        """Detections matched with objects of any category, at one threshold.

        Raises
        ------
        ValueError
            The input is not there any more, or a metric object did not record it.
        """

    @abstractmethod
    def confusion_tables(self, ious: Sequence[float]) -> Iterator[_core.Matches]:
        """The `confusion_table` of each threshold, in order; boxes are matched once for all of them.

        Raises
        ------
        ValueError
            As for `confusion_table`.
        """

    @abstractmethod
    def error_table(
        self, iou: float, background: float, area: str, least: Sequence[float] | None = None
    ) -> _core.Matches:
        """The error type of each detection and the state of each object, at one threshold.

        Parameters
        ----------
        iou
            The threshold.
        background
            False positives with a lower similarity to every object are background.
        area
            Name of an area range.
        least
            ``(K,)``, the lowest score of interest in each category: detections may be left out of the table if that
            changes no row of a detection with such a score. By default all are in the table.

        Raises
        ------
        ValueError
            Not ``0 <= background <= iou < 1``, there is no such area range, or as for `confusion_table`.
        """

    @abstractmethod
    def jaccard_counts(self, iou: float, scores: list[float]) -> list[np.ndarray]:
        """Counts for the Jaccard index, of each image and category ("cell") at each score threshold.

        Returns
        -------
        list of np.ndarray
            Matched pairs, objects, and detections: ``(S, C) int64`` each, for S score thresholds and C cells.

        Raises
        ------
        ValueError
            The input is not there any more, or was not in memory as a whole.
        """

    # Derived

    def check_category_ids(self, detections: str, ground_truth: str) -> None:
        """Check that category ids are not text on one side and integers on the other, which could never match.

        Parameters
        ----------
        detections, ground_truth
            What the error calls the sides.

        Raises
        ------
        InputError
            They are.
        """
        texts = np.array([isinstance(id, str) for id in self.category_ids], dtype=bool)
        if texts.all() or not texts.any():
            return
        kinds = [{*texts[there].tolist()} for there in (self.detections > 0, (self.objects > 0).any(axis=1))]
        check_kinds_of_ids("category", (detections, kinds[0]), (ground_truth, kinds[1]))

    def of_images(self, counted: np.ndarray) -> MatchScores:
        """The scores of the images that `counted` ``(I,) bool`` selects; nothing is matched again.

        Raises
        ------
        RuntimeError
            There is no match table.
        """
        return MatchScores(
            self.table.of_images(counted),
            self.protocol,
            self.similarity,
            names=lambda: self.names,
            groups=self.groups,
            sources=self.sources,
            image_fields=self.image_fields,
            confusions=lambda ious: (table.of_images(counted) for table in self.confusion_tables(ious)),
            errors=lambda *settings: self.error_table(*settings).of_images(counted),
        )

    @property
    def image_ids(self) -> list[Any]:
        """The images, in order."""
        return self.table.image_ids

    def objects_of_images(self) -> list[int]:
        """How many objects of each image are not ignored, in the order of `image_ids`."""
        counts: list[int] = self.table.positives_of_images(self.protocol.area_index("all")).tolist()
        return counts

    @functools.cached_property
    def names(self) -> dict[Any, str]:
        """Names of categories, by id."""
        given = self._given_names
        return dict((given() if callable(given) else given) or {})

    @functools.cached_property
    def pooled(self) -> _core.Matches:
        """The match table of all categories ranked together."""
        return self.table.pooled()

    @functools.cached_property
    def matches(self) -> MatchTable:
        """The match table as columns."""
        return MatchTable(self.table, self.protocol)

    @functools.cached_property
    def recall_points(self) -> Any:
        """The protocol's recall points ``(R,) float64``, or the name of its area under the curve, for the core."""
        recall = self.protocol.recall
        return recall if isinstance(recall, str) else np.array(recall, dtype=np.float64)

    def row(self, row: str | SummaryRow) -> SummaryRow:
        """A row by its name: one of the summary, or ``"ap"``, ``"ap50"``, ``"ap75"`` or ``"ar"``.

        Raises
        ------
        KeyError
            There is no such number.
        """
        if isinstance(row, SummaryRow):
            return row
        # Without such a row in the summary, AP and AR are means over all thresholds, for all sizes.
        found = self.rows.get(row) or NUMBERS.get(row)
        if found is None:
            hint = did_you_mean(row, [*self.rows, *NUMBERS])
            raise KeyError(f"no number {row!r}; there are {', '.join(self.rows)}{hint}")
        return found

    def places(self, row: SummaryRow) -> tuple[Any, int, int]:
        """The positions of a row's numbers in `curves`: thresholds (an index of an array), area range, limit."""
        thresholds: Any = slice(None)
        if row.threshold is not None:
            thresholds = np.flatnonzero(np.asarray(self.protocol.thresholds) == row.threshold)
        return thresholds, self.protocol.area_index(row.area), self.protocol.limit_index(row.limit)

    def columns_of(self, row: SummaryRow) -> Any:
        """The categories of which a row is the mean, as an index of an array ``(K,)``."""
        if row.category is not None:
            return np.array([self.name_of(id) == row.category for id in self.category_ids], dtype=bool)
        if row.group is None:
            return slice(None)
        wanted = set(self.groups.get(row.group, ()))
        return np.array([id in wanted for id in self.category_ids], dtype=bool)

    def images_of(self, row: SummaryRow) -> np.ndarray | None:
        """The images that a row counts, ``(I,) bool``; None if it counts all."""
        if row.images is None:
            return None
        field, least, most = row.images
        return KnownFields.within(self.image_fields.get(field, {}), self.image_ids, least, most)

    @functools.cached_property
    def _images_of_groups(self) -> list[np.ndarray]:
        return self.table.images_of_groups()

    def category_weights(self, counted: np.ndarray | None = None) -> np.ndarray | None:
        """The weight of each category in the mean over categories; None if all count the same.

        Parameters
        ----------
        counted
            The images that count, ``(I,) bool``, or how often each counts in each resample, ``(B, I)``; by default all
            count once.

        Returns
        -------
        np.ndarray or None
            ``(K,)``, for resamples ``(B, K)``: the number of images that have objects of the category.
        """
        if self.protocol.average != "images":
            return None
        if counted is None:
            return self.images_with_objects
        return np.stack([counted[..., images].sum(axis=-1) for images in self._images_of_groups], axis=-1)

    @property
    def images_with_objects(self) -> np.ndarray:
        """How many images have objects of each category, ignored or not: ``(K,) int64``."""
        return np.array([len(images) for images in self._images_of_groups], dtype=np.int64)

    def _values_of(self, row: SummaryRow, micro: bool) -> np.ndarray:
        """The numbers whose mean a row is: precision ``(T, R, K)``, else ``(T, K)``; -1 without ground truth."""
        if row.images is not None:
            return self._of_some_images(row)
        thresholds, area, limit = self.places(row)
        values: np.ndarray = self.values(row.kind, limit, micro)[thresholds][..., area]
        return values

    def _of_some_images(self, row: SummaryRow) -> np.ndarray:
        """The numbers ``(T, K)`` of a row that counts only some images; -1 without ground truth."""
        if row.images is None or row.images[0] not in self.image_fields:
            return np.full((1, len(self.category_ids)), -1.0)
        samples = self.resampler([row])(np.ones((1, self.image_count), dtype=np.uint32))[0]
        values: np.ndarray = samples[0][self.places(row)[0]]
        return np.where(np.isnan(values), -1.0, values)

    def position(self, category: Any) -> int:
        """The position of a category in `category_ids`, by its id or its name.

        Raises
        ------
        KeyError
            There is no such category.
        """
        try:
            return self.category_ids.index(category)
        except ValueError:
            for id, name in self.names.items():
                if name == category and id in self.category_ids:
                    return self.category_ids.index(id)
        there = [self.name_of(id) for id in self.category_ids if id in self.names]
        raise KeyError(not_there(f"no category {category!r}", category, [*there, *self.category_ids]))

    def name_of(self, id: Any) -> str:
        """The name of a category; its id as text if it has none."""
        return self.names.get(id, str(id))

    def named(self, categories: list[Any]) -> dict[str, list[Any]]:
        """The columns ``category`` and ``name`` of a table with a row for each of these categories."""
        return {"category": list(categories), "name": [self.name_of(id) for id in categories]}

    def number(self, row: str | SummaryRow, category: Any = None) -> float:
        """One number, of all categories or of one; NaN if undefined.

        Raises
        ------
        KeyError
            There is no such number, or no such category.
        """
        row = self.row(row)
        some = row.group is not None or row.category is not None
        micro = self.protocol.average == "micro" and category is None and not some
        values = self._values_of(row, micro)
        if category is not None:
            return mean_of(values[..., self.position(category)])
        if micro:
            return mean_of(values)
        columns = self.columns_of(row)
        # Read only if needed: `CurveScores` of a cluster has no images.
        weights = self.category_weights(self.images_of(row)) if self.protocol.average == "images" else None
        return mean_of(values[..., columns], None if weights is None else weights[columns])

    def by_class(self, row: str | SummaryRow) -> np.ndarray:
        """One number of each category: ``(K,) float64``; NaN if undefined."""
        row = self.row(row)
        means = means_of(self._values_of(row, micro=False))
        return means if row.category is None else np.where(self.columns_of(row), means, math.nan)

    def ranking(self, category: Any, iou: float, area: str, limit: int | None = None) -> tuple[_core.Ranking, int]:
        """The ranked detections of one category, or of all together, with their matches; and the position of `iou`.

        The rankings of one area range and limit are stored until one of another is read.

        Raises
        ------
        ValueError
            The threshold or the area range was not evaluated.
        KeyError
            There is no such category.
        """
        t, a = self.protocol.threshold_index(iou), self.protocol.area_index(area)
        most = self.protocol.max_detections[-1] if limit is None else limit
        group = None if category is None else self.position(category)
        stored = self._rankings
        if stored[0] != (a, most):
            stored = self._rankings = (a, most), {}
        if group not in stored[1]:
            stored[1][group] = self.table.ranking(group, a, most)
        return stored[1][group], t

    def drawn(self, group: int | None, place: tuple[Any, ...], draw: Callable[[], _T]) -> _T:
        """The curve that `draw` computes, or the stored one.

        Parameters
        ----------
        group
            Position of the category; None for all together.
        place
            Threshold, area range and limit. The curves of one place are stored until one of another is computed.
        draw
            Computes the curve.
        """
        stored = self._drawn
        if stored[0] != place:
            stored = self._drawn = place, {}
        if group not in stored[1]:
            stored[1][group] = draw()
        curve: _T = stored[1][group]
        return curve

    def forget(self) -> None:
        """Free stored curves and tables of analyses, which are computed again when they are needed."""
        self._drawn = None, {}

    def averaged(self, limit: int) -> tuple[_core.Matches, int]:
        """The match table whose categories the protocol averages over, and the limit at position `limit` there.

        With ``average="micro"`` it has one category, with as many detections as all categories may have together.
        """
        most = self.protocol.max_detections[limit]
        if self.protocol.average == "micro":
            return self.pooled, most * max(self.table.groups, 1)
        return self.table, most

    def resampler(self, rows: Sequence[SummaryRow]) -> Callable[[np.ndarray], list[Samples]]:
        """A function that computes the numbers of some rows for bootstrap resamples.

        It takes how often each image is drawn in each resample, ``(B, I) uint32``, and returns `Samples` for each row.
        Rows of one area range and limit share one pass over the matches, which computes AP only if a row needs it.
        """
        places = [(*self.places(row)[1:], row.images) for row in rows]
        counted = {row.images: self.images_of(row) for row in rows}
        resamplers, rates = {}, {}
        for place in dict.fromkeys(places):
            area, limit, _ = place
            table, most = self.averaged(limit)
            kinds = {row.kind for row, of in zip(rows, places, strict=True) if of == place}
            if kinds - {"miss_rate"}:
                recall = self.recall_points if "precision" in kinds else None
                resamplers[place] = table.resampler(area, most, recall)
            if "miss_rate" in kinds:
                rates[place] = MissRates(table, area, most, self.protocol.miss_rate)

        def resample(weights: np.ndarray) -> list[Samples]:
            drawn: dict[tuple[Any, str], Samples] = {}
            of_images = {
                images: weights if some is None else weights * some.astype(weights.dtype)
                for images, some in counted.items()
            }
            shared = {images: _core.ImageWeights(of_images[images]) for images in {place[2] for place in resamplers}}
            for place in dict.fromkeys(places):
                images = place[2]
                if place in resamplers:
                    precision, recall = resamplers[place].resample(shared[images])
                    drawn[place, "recall"] = recall
                    if precision is not None:
                        drawn[place, "precision"] = precision
                if place in rates:
                    drawn[place, "miss_rate"] = self._miss_rates(rates[place], of_images[images])
            return [drawn[place, row.kind] for row, place in zip(rows, places, strict=True)]

        return resample

    def _miss_rates(self, rates: MissRates, weights: np.ndarray | None = None) -> np.ndarray:
        """Log-average miss rates ``(T, K)``, or ``(B, T, K)`` with weights ``(B, I)``; NaN without ground truth."""
        categories = 1 if self.protocol.average == "micro" else len(self.category_ids)
        thresholds = range(len(self.protocol.thresholds))
        values = [[rates.of(k, t, weights) for k in range(categories)] for t in thresholds]
        samples = 1 if weights is None else len(weights)
        of_each = np.array(values, dtype=np.float64).reshape(len(values), categories, samples, -1 if categories else 1)
        means = log_average(of_each, self.protocol.miss_rate)
        return means[..., 0] if weights is None else np.moveaxis(means, -1, 0)

    # It never changes: a copy is the object itself.

    def __copy__(self) -> Scores:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Scores:
        return self


class MatchScores(Scores):
    """Scores from a match table.

    Parameters
    ----------
    table
        One row for each detection.
    confusions, errors, jaccard
        Functions that match again, for `confusion_tables`, `error_table` and `jaccard_counts`. They are not pickled.
    """

    def __init__(
        self,
        table: _core.Matches,
        protocol: Protocol,
        similarity: SimilarityName,
        *,
        names: Names = None,
        groups: Mapping[str, list[Any]] | None = None,
        sources: Sources | None = None,
        image_fields: Mapping[str, dict[Any, Any]] | None = None,
        confusions: Callable[[Sequence[float]], Iterator[_core.Matches]] | None = None,
        errors: Callable[..., _core.Matches] | None = None,
        jaccard: Callable[[float, list[float]], list[np.ndarray]] | None = None,
    ) -> None:
        super().__init__(protocol, similarity, names, groups, sources, image_fields)
        self._count_jaccard = jaccard
        self._table = table
        self._match_confusions = confusions
        self._match_errors = errors
        #: The last table that was matched for an analysis, and its settings. Only one is stored, as each takes more
        #: memory than the match table.
        self._last: tuple[tuple[Any, ...], _core.Matches] | None = None
        self._values: dict[tuple[str, int, bool], np.ndarray] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # The match table is pickled; the functions that match again, and the files that they read, are not.
        keywords: dict[str, Any] = {"names": self.names, "groups": self.groups, "image_fields": self.image_fields}
        return functools.partial(type(self), self._table, self.protocol, self.similarity, **keywords), ()

    @property
    def table(self) -> _core.Matches:
        return self._table

    @property
    def image_count(self) -> int:
        return len(self.image_ids)

    @functools.cached_property
    def category_ids(self) -> list[Any]:
        return self._table.category_ids if self.protocol.by_category else [-1]

    @functools.cached_property
    def objects(self) -> np.ndarray:
        return self._table.positives()

    @functools.cached_property
    def detections(self) -> np.ndarray:
        return self._table.detections()

    @functools.cached_property
    def curves(self) -> Curves:
        rules = self.protocol
        areas, limits = list(range(len(rules.area_ranges))), list(rules.max_detections)
        return Curves(*self._table.accumulate(recall=self.recall_points, areas=areas, max_detections=limits))

    def values(self, kind: str, limit: int, micro: bool) -> np.ndarray:
        # Computed for one limit at a time: the summary needs precision under the last one only, and recall of all.
        if (kind, limit, micro) not in self._values:
            table = self.pooled if micro else self._table
            factor = max(self._table.groups, 1) if micro else 1
            limits = [limit * factor for limit in self.protocol.max_detections]
            if kind == "miss_rate":
                method, count = self.protocol.miss_rate, len(self.protocol.area_ranges)
                rates = (MissRates(table, area, limits[limit], method) for area in range(count))
                values = np.stack([self._miss_rates(of_area) for of_area in rates], axis=-1)
                self._values[kind, limit, micro] = np.where(np.isnan(values), -1.0, values)
            elif kind == "precision":
                areas = list(range(len(self.protocol.area_ranges)))
                curves = table.accumulate(recall=self.recall_points, areas=areas, max_detections=[limits[limit]])
                self._values[kind, limit, micro] = curves[0][..., 0]
            else:
                objects = table.positives()[:, None, :, None]
                recall = table.hits(limits) / np.where(objects, objects, 1)
                recall = np.moveaxis(np.where(objects > 0, recall, -1.0), 0, 1)
                for m in range(len(limits)):
                    self._values[kind, m, micro] = recall[..., m]
        return self._values[kind, limit, micro]

    def confusion_table(self, iou: float) -> _core.Matches:
        return self._matched("confusion", lambda iou: next(self.confusion_tables([iou])), number(iou, "iou"))

    def confusion_tables(self, ious: Sequence[float]) -> Iterator[_core.Matches]:
        if self._match_confusions is None:
            raise ValueError(_NOT_RECORDED.format("confusion"))
        return self._match_confusions(ious)

    def error_table(
        self, iou: float, background: float, area: str, least: Sequence[float] | None = None
    ) -> _core.Matches:
        if not 0 <= number(background, "background") <= number(iou, "iou") < 1:
            raise ValueError(f"expected 0 <= background <= iou < 1, found background={background} and iou={iou}")
        self.protocol.area_index(area)
        if self._match_errors is None:
            raise ValueError(_NOT_RECORDED.format("errors"))
        if least is not None:
            return self._match_errors(iou, background, area, least)
        return self._matched("errors", self._match_errors, float(iou), float(background), area)

    def release(self) -> None:
        self._match_confusions = self._match_errors = self._count_jaccard = self._last = None

    def forget(self) -> None:
        super().forget()
        self._last = None

    def jaccard_counts(self, iou: float, scores: list[float]) -> list[np.ndarray]:
        if self._count_jaccard is None:
            raise ValueError("jaccard_index: only a result of meanap.evaluate without memory_limit has it, whole")
        return self._count_jaccard(iou, scores)

    def _matched(self, analysis: str, match: Callable[..., _core.Matches], *settings: Any) -> _core.Matches:
        """The table of an analysis; the stored one is freed before another is made."""
        key = (analysis, *settings)
        last = self._last
        if last is None or last[0] != key:
            last = self._last = None
            last = self._last = key, match(*settings)
        return last[1]
