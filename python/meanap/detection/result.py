"""`Result`, what `meanap.evaluate` returns: numbers, curves and tables, computed from the match table."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np

from meanap._arrays import kind_of
from meanap._json import plain
from meanap._keywords import did_you_mean, suggesting
from meanap.detection import derived, operating
from meanap.detection.confusion import Confusion
from meanap.detection.errors import BACKGROUND, LRP, Errors, lrp
from meanap.detection.jaccard import JaccardIndex, jaccard_index
from meanap.detection.matches import MatchTable
from meanap.detection.sampling import interval
from meanap.detection.scores import NUMBERS, Scores
from meanap.detection.sliced import Slices
from meanap.detection.slices import images_of_slices, wanted_slices
from meanap.protocol import Protocol, SummaryRow
from meanap.statistics import Interval, Intervals
from meanap.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Unpack

    from meanap._types import (
        DetectionsInput,
        GroundTruthInput,
        Id,
        NumberName,
        PathLike,
        ReportOptions,
        SimilarityName,
        SlicesInput,
    )
    from meanap.report.inline import Inline
    from meanap.report.settings import Settings

__all__ = ["Result"]

if TYPE_CHECKING:
    _Numbers = Mapping[NumberName, float]
else:  # The module of types is for type checkers alone.
    _Numbers = Mapping


class Result(_Numbers):
    """The numbers of one evaluation.

    The protocol's summary is available as attributes (``result.ap``, ``result.ap50``, ``result.ar_small``) and as a
    mapping (``result["ap"]``, ``dict(result)``). An undefined number is NaN.

    It can be pickled, with its match table. A pickled result has all methods except `confusion`, `errors`, `lrp` and
    `jaccard_index`, which match the objects again.

    Parameters
    ----------
    scores
        The match table, the protocol and the names of categories: the argument of every analysis.
    slices
        For each slice its images, ``(I,) bool``, or its scores.
    """

    # The numbers of the presets, for type checkers; rows of other summaries are attributes as well.
    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ap_rare: float
    ap_common: float
    ap_frequent: float
    ar: float
    ar50: float
    ar75: float
    ar_1: float
    ar_10: float
    ar_100: float
    ar_small: float
    ar_medium: float
    ar_large: float

    def __init__(self, scores: Scores, slices: Mapping[str, np.ndarray | Scores] | None = None) -> None:
        self.scores: Scores = scores
        self._slices: dict[str, np.ndarray | Scores] = dict(slices or {})
        self._sliced: Slices | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.scores, self._slices)

    def __copy__(self) -> Result:
        return self  # It never changes.

    def __deepcopy__(self, memo: dict[int, Any]) -> Result:
        return self

    # Numbers

    def number(self, row: str | SummaryRow, category: Id | None = None) -> float:
        """One number, of all categories or of one.

        Parameters
        ----------
        row
            The name of a row of the summary, or ``"ap"``, ``"ap50"``, ``"ap75"`` or ``"ar"``; or a `SummaryRow`.
        category
            Id or name of a category; by default all.

        Returns
        -------
        float
            NaN if it is undefined.

        Raises
        ------
        KeyError
            There is no such number, or no such category.
        """
        return self.scores.number(row, category)

    def __getitem__(self, name: NumberName) -> float:
        return self.scores.number(name)

    def __iter__(self) -> Iterator[NumberName]:
        return iter(cast("list[NumberName]", list(self.scores.rows)))

    def __len__(self) -> int:
        return len(self.scores.rows)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, name: object) -> bool:
        return name in self.scores.rows

    # Compared by identity, although a mapping would be compared by its items.
    def __eq__(self, other: object) -> bool:
        return object.__eq__(self, other)

    def __hash__(self) -> int:
        return object.__hash__(self)

    if not TYPE_CHECKING:  # With it, a type checker would accept any name.

        def __getattr__(self, name: str) -> float:
            if name != "scores" and (name in self.scores.rows or name in NUMBERS):
                return self.scores.number(name)
            hint = "" if name.startswith("_") else did_you_mean(name, [*self.scores.rows, *NUMBERS])
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *dict.fromkeys([*self.scores.rows, *NUMBERS])]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.scores.rows)

    @property
    def precision(self) -> np.ndarray:
        """Precision at each recall point, ``(T, R, K, A, M) float64``; NaN without ground truth.

        If the protocol has an area under the curve in place of recall points, R is 1 and the number is the area.
        """
        return _nan(self.scores.curves.precision)

    @property
    def recall(self) -> np.ndarray:
        """Maximum recall, ``(T, K, A, M) float64``; NaN without ground truth."""
        return _nan(self.scores.curves.recall)

    @property
    def score_at_recall(self) -> np.ndarray:
        """Score at which each recall point is reached, ``(T, R, K, A, M) float64``; NaN without ground truth."""
        return _nan(self.scores.curves.score)

    # What was evaluated

    @property
    def protocol(self) -> Protocol:
        """The protocol of the evaluation."""
        return self.scores.protocol

    @property
    def similarity(self) -> SimilarityName:
        """What was compared, such as ``"bbox"``; as for `meanap.evaluate`."""
        return self.scores.similarity

    @property
    def names(self) -> dict[Any, str]:
        """Names of categories, by id."""
        return self.scores.names

    @property
    def image_ids(self) -> list[Any]:
        """The ids of the images, in order."""
        return self.scores.image_ids

    @property
    def category_ids(self) -> list[Any]:
        """The ids of the categories, in order; ``[-1]`` if the protocol does not separate them."""
        return self.scores.category_ids

    # Some of the images

    @property
    def slices(self) -> Slices:
        """One row for each slice that was given to `meanap.evaluate` or `sliced`; empty if none was."""
        if self._sliced is None:
            parts = {
                name: self.scores.of_images(part) if isinstance(part, np.ndarray) else part
                for name, part in self._slices.items()
            }
            self._sliced = Slices({name: Result(scores) for name, scores in parts.items()})
        return self._sliced

    def sliced(self, slices: SlicesInput) -> Result:
        """The same result with other slices.

        Parameters
        ----------
        slices
            As for `meanap.evaluate`. Of the fields of images, only those can be used that a slice or a row of the
            summary named in the evaluation.

        Returns
        -------
        Result

        Raises
        ------
        ValueError
            There is no such image or field.

        >>> import meanap
        >>> truth = [{"boxes": [[0, 0, 9, 9]], "labels": [1], "image_id": name} for name in ("a", "b")]
        >>> found = [{"boxes": [[0, 0, 9, end]], "labels": [1], "scores": [0.9]} for end in (9, 1)]
        >>> result = meanap.evaluate(truth, found).sliced({"day": ["a"], "night": ["b"]})
        >>> result.slices["ap"].round(3).tolist()
        [1.0, 0.0]
        """
        return Result(self.scores, images_of_slices(wanted_slices(slices), self.scores))

    # Tables

    @functools.cached_property
    def per_class(self) -> Table:
        """One row for each category: ``category`` (its id), ``name``, ``ap``, ``ap50``, ``ap75``, ``ar``, counts.

        ``objects`` counts those that are not ignored, ``detections`` those that were evaluated. An undefined number is
        NaN.
        """
        scores = self.scores
        return Table(
            {
                **scores.named(scores.category_ids),
                **{name: scores.by_class(name) for name in NUMBERS},
                "objects": scores.objects[:, scores.protocol.area_index("all")],
                "detections": scores.detections,
            }
        )

    @suggesting()
    def precision_recall(
        self, category: Id | None = None, iou: float = 0.5, *, area: str = "all", limit: int | None = None
    ) -> operating.Curve:
        """Precision, recall, F1, false positives per image and false alarms at each score, from the highest down.

        Parameters
        ----------
        category
            Id or name of a category; by default the detections of all categories are ranked together.
        iou
            One of the evaluated thresholds.
        area
            Name of an area range.
        limit
            One of the protocol's limits on detections; by default the largest.

        Raises
        ------
        ValueError
            The threshold or the area range was not evaluated.
        KeyError
            There is no such category.
        """
        return operating.curve(self.scores, category, iou, area, limit)

    @suggesting()
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
        return operating.best_f1(self.scores, iou, beta, area)

    @suggesting()
    def operating_point(
        self,
        *,
        precision: float | None = None,
        recall: float | None = None,
        false_positives_per_image: float | None = None,
        false_alarms: float | None = None,
        score: float | None = None,
        category: Id | None = None,
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
        return operating.point(self.scores, wanted, category, iou, area, confidence, resamples, seed)

    @suggesting()
    def froc(self, category: Id | None = None, iou: float = 0.5, *, area: str = "all") -> operating.Froc:
        """Free-response ROC: sensitivity (recall) over false positives per image.

        Parameters
        ----------
        category, iou, area
            As for `precision_recall`.
        """
        return operating.froc(self.scores, category, iou, area)

    @suggesting()
    def log_average_miss_rate(
        self, category: Id | None = None, iou: float = 0.5, *, area: str = "all"
    ) -> operating.MissRate:
        """Log-average miss rate (Dollár et al., PAMI 2012): lower is better.

        The geometric mean of the miss rates at nine rates of false positives, from 0.01 to 1 per image.

        Parameters
        ----------
        category
            Id or name of a category; by default the mean over the categories that have objects.
        iou, area
            As for `precision_recall`.
        """
        return operating.miss_rate(self.scores, category, iou, area)

    def jaccard_index(self, iou: float = 0.5) -> JaccardIndex:
        """The Jaccard index (JI) of CrowdHuman: matched pairs over objects and detections, the mean over images.

        Detections above a score threshold are matched with objects so that the sum of the IoUs above `iou` is the
        greatest. An unmatched one does not count if more than the fraction `iou` of its area is in a crowd region. The
        index is that of the best of ten score thresholds, 0 to 0.9. The input is compared again.

        Raises
        ------
        ValueError
            The result was pickled, or is that of a metric object, of a slice, or of an evaluation with
            ``memory_limit``.
        """
        return jaccard_index(self.scores, iou)

    @suggesting()
    def per_image(self, iou: float = 0.5, *, score: float | None = None, area: str = "all") -> Table:
        """One row for each image, most errors first.

        Columns: ``image``, ``objects`` (not ignored), ``detections`` (with at least the score `score`),
        ``true_positives``, ``false_positives``, ``false_negatives``.

        Parameters
        ----------
        iou, area
            As for `precision_recall`.
        score
            The score threshold; by default the one with the best F1.
        """
        return derived.per_image(self.scores, iou, score, area)

    def calibration(self, iou: float = 0.5, *, bins: int = 10, category: Id | None = None) -> derived.Calibration:
        """Calibration: how precision agrees with the scores, in `bins` ranges of scores of equal width.

        Parameters
        ----------
        iou, category
            As for `precision_recall`.
        bins
            How many ranges of scores.
        """
        return derived.calibration(self.scores, iou, bins, category)

    @suggesting()
    def confusion(self, iou: float = 0.5, score: float | None = None) -> Confusion:
        """The confusion matrix of the classes, with a row and a column for the background.

        Detections are matched with objects of any category, with the protocol's matcher, limits and treatment of
        crowds. Objects and detections that the protocol ignores are left out.

        Parameters
        ----------
        iou
            The threshold, which the protocol need not have.
        score
            Detections with a lower score are left out; ``-math.inf`` leaves out none. By default it is the score with
            the best F1 of all categories together, at the evaluated threshold nearest to `iou`.

        Raises
        ------
        ValueError
            The result was pickled, or is that of a metric object that was not made with ``confusion=iou``.
        """
        return Confusion.of(self.scores, iou, score)

    @suggesting()
    def errors(self, iou: float = 0.5, background: float = BACKGROUND, *, area: str = "all") -> Errors:
        """Error types (TIDE): the gain in AP at `iou` if each type were corrected.

        Parameters
        ----------
        iou
            The threshold, which the protocol need not have. False positives are compared with the objects of all
            categories.
        background
            A false positive with a lower similarity to every object is of type background.
        area
            Name of an area range.

        Raises
        ------
        ValueError
            Not ``0 <= background <= iou < 1``; or the result was pickled, or is that of a metric object that was not
            made with ``errors=iou``.

        >>> import meanap
        >>> truth = [{"boxes": [[0, 0, 10, 10], [20, 0, 30, 10]], "labels": [1, 2]}]
        >>> found = [{"boxes": [[0, 0, 10, 10], [20, 0, 30, 10]], "labels": [1, 1], "scores": [0.9, 0.8]}]
        >>> round(meanap.evaluate(truth, found).errors()["classification"], 3)
        0.5
        """
        return Errors(self.scores, iou, background, area)

    @suggesting()
    def lrp(self, iou: float = 0.5, *, area: str = "all") -> LRP:
        """Optimal localisation recall precision error (oLRP, at each category's best score threshold): lower is better.

        Parameters
        ----------
        iou
            The threshold, which the protocol need not have.
        area
            Name of an area range.

        Raises
        ------
        ValueError
            Not ``0 <= iou < 1``; or the result was pickled, or is that of a metric object that was not made with
            ``errors=iou``.

        >>> import meanap
        >>> truth = [{"boxes": [[0, 0, 10, 10]], "labels": [1]}]
        >>> found = [{"boxes": [[0, 0, 10, 8]], "labels": [1], "scores": [0.9]}]
        >>> round(meanap.evaluate(truth, found).lrp().lrp, 3)
        0.4
        """
        return lrp(self.scores, iou, area)

    @property
    def matches(self) -> MatchTable:
        """The match table as NumPy columns, and as Arrow."""
        return self.scores.matches

    # Confidence intervals

    @overload
    def interval(
        self,
        names: str | SummaryRow,
        confidence: float = ...,
        resamples: int = ...,
        *,
        category: Id | None = ...,
        seed: int = ...,
        progress: bool | Callable[[int, int], object] = ...,
    ) -> Interval: ...

    @overload
    def interval(
        self,
        names: list[str] | list[SummaryRow] | tuple[str | SummaryRow, ...] | None = ...,
        confidence: float = ...,
        resamples: int = ...,
        *,
        category: Id | None = ...,
        seed: int = ...,
        progress: bool | Callable[[int, int], object] = ...,
    ) -> Intervals: ...

    @suggesting()
    def interval(
        self,
        names: str | SummaryRow | Sequence[str | SummaryRow] | None = None,
        confidence: float = 0.95,
        resamples: int = 1000,
        *,
        category: Id | None = None,
        seed: int = 0,
        progress: bool | Callable[[int, int], object] = False,
    ) -> Interval | Intervals:
        """Bootstrap confidence intervals over the images.

        Images are resampled with replacement, and curves computed again from the match table.

        Parameters
        ----------
        names
            One number or several, by name or as `SummaryRow`; by default the whole summary.
        confidence
            The confidence level, between 0 and 1.
        resamples
            How many bootstrap resamples.
        category
            Id or name of a category; by default all.
        seed
            The same seed gives the same resamples.
        progress
            As for `meanap.evaluate`, of resamples.

        Returns
        -------
        Interval or Intervals
            For one number an `Interval`. For several a table with a row for each, all from the same resamples, and with
            ``per_class``, the first number of each category.

        Raises
        ------
        ValueError
            `names` is empty, or `confidence`, `resamples` or `seed` is out of range.
        KeyError
            There is no such number, or no such category.
        """
        return interval(self.scores, names, confidence, resamples, category, seed, progress)

    @suggesting()
    def ties(self, name: str | SummaryRow = "ap", *, orders: int = 100, seed: int = 0) -> derived.Ties:
        """The minimum, the mean and the maximum of a number over all orders of detections with equal scores.

        Parameters
        ----------
        name
            The number.
        orders
            Of how many random orders the mean is taken.
        seed
            The same seed gives the same orders.
        """
        return derived.ties(self.scores, name, orders, seed)

    # Export

    def to_dict(self, prefix: str = "", *, per_class: bool = False) -> dict[str, float]:
        """The numbers of the summary by name, for loggers.

        Parameters
        ----------
        prefix
            Put before each name.
        per_class
            Whether to add ``ap/NAME`` for each category.
        """
        numbers = {prefix + name: value for name, value in self.items()}
        if per_class:
            for row in self.per_class:
                numbers[f"{prefix}ap/{row['name']}"] = row["ap"]
        return numbers

    def to_json(self, **options: Any) -> str:
        """Protocol, summary and numbers of the categories as JSON; NaN is null.

        Parameters
        ----------
        **options
            Arguments of `json.dumps`.
        """
        fields = {
            "protocol": self.protocol.name,
            "similarity": self.similarity,
            "images": self.scores.image_count,
            "summary": self.to_dict(),
            "per_class": self.per_class,
        }
        return json.dumps(plain(fields), **options)

    @suggesting(lambda: _report_options())
    def report(
        self,
        path: PathLike,
        *,
        versus: Result | None = None,
        ground_truth: GroundTruthInput | None = None,
        detections: DetectionsInput | None = None,
        **options: Unpack[ReportOptions],
    ) -> Path:
        """Write an HTML report of this result to `path`.

        Parameters
        ----------
        path
            The file to write.
        versus
            The result of a baseline: differences are this result minus the baseline.
        ground_truth, detections
            What was evaluated, to be checked and drawn; by default the files that were evaluated. Without them the
            report has no findings and no images.
        **options
            ``images``, ``title``, ``score``, ``worst``, ``confidence``, ``resamples`` and ``check``, as for
            `meanap.report.write`.

        Returns
        -------
        pathlib.Path
            The file that was written.

        Raises
        ------
        ValueError, FileNotFoundError, ImportError
            As `meanap.report.write`.
        """
        from meanap.report import save
        from meanap.report.settings import Settings

        settings = Settings(**options)
        return save(path, lambda: self._report(versus, ground_truth, detections, settings))

    @suggesting(lambda: _report_options())
    def show(
        self,
        *,
        versus: Result | None = None,
        ground_truth: GroundTruthInput | None = None,
        detections: DetectionsInput | None = None,
        height: int = 720,
        **options: Unpack[ReportOptions],
    ) -> Inline:
        """The HTML report of this result within a notebook.

        Parameters
        ----------
        versus, ground_truth, detections, **options
            As for `report`.
        height
            Height of its frame in pixels.

        Returns
        -------
        meanap.report.inline.Inline
            What a notebook shows if it is the last value of a cell.

        Raises
        ------
        ValueError, FileNotFoundError, ImportError
            As `report`.
        """
        from meanap.report.inline import Inline
        from meanap.report.settings import Settings

        return Inline(self._report(versus, ground_truth, detections, Settings(**options)), height)

    def _report(
        self,
        versus: Result | None,
        ground_truth: GroundTruthInput | None,
        detections: DetectionsInput | None,
        settings: Settings,
    ) -> str:
        from meanap.readers import Options
        from meanap.report import page_of
        from meanap.report.settings import ReportInputs

        if versus is not None and not isinstance(versus, Result):
            raise TypeError(f"versus: expected a result of meanap.evaluate, found {kind_of(versus)}")
        inputs = None
        if ground_truth is not None or detections is not None:
            files = self.scores.sources
            inputs = ReportInputs(
                ground_truth, detections, None, Options(self.similarity) if files is None else files.reading
            )
        return page_of(self, versus, inputs, settings)

    @property
    def summary(self) -> Table:
        """The numbers of the protocol's summary as a table: ``number``, ``value``."""
        title = (
            f"{self.protocol.name} {self.similarity}: {self.scores.image_count} images, "
            f"{len(self.category_ids)} categories"
        )
        return Table({"number": list(self), "value": np.array(list(self.values()))}, title=title)

    def __repr__(self) -> str:
        return repr(self.summary)

    def _repr_html_(self) -> str:
        return self.summary._repr_html_()


def _report_options() -> list[str]:
    """The options of a report, which its methods take as keywords."""
    from meanap.report.settings import Settings

    return [field.name for field in dataclasses.fields(Settings)]


def _nan(values: np.ndarray) -> np.ndarray:
    return np.where(values == -1, math.nan, values)
