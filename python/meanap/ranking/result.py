"""`RankingResult`: measures of one run, with their means, intervals and groups of queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from meanap import _core
from meanap._arrays import kind_of
from meanap._settings import repetitions
from meanap.errors import InputError, InputTypeError
from meanap.ranking.conventions import Conventions
from meanap.ranking.plan import planned
from meanap.statistics import Interval, Intervals, bounds, check_options
from meanap.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from meanap._types import PathLike
    from meanap.report.inline import Inline

__all__ = ["RankingResult"]


class RankingResult:
    """Measures of one run: a column for each measure, a row for each query.

    Attributes
    ----------
    measures
        The measures' names.
    queries
        The ids of the measured queries: those of the run in its order, then judged ones without an answer.
    values
        ``(Q, M)`` float64.
    conventions
        The conventions used.
    empty
        Queries without a relevant document (left out of `queries` with ``empty="skip"``).
    unanswered
        Judged queries that the run lacks.
    unjudged
        Queries of the run that have no judgements.
    logarithms
        For each measure, whether its values are logarithms, so that its mean is the geometric one.
    """

    def __init__(
        self,
        measures: Sequence[str],
        queries: list[Any],
        values: np.ndarray,
        conventions: Conventions,
        empty: list[Any],
        unanswered: list[Any],
        unjudged: list[Any],
        logarithms: Sequence[bool] = (),
    ) -> None:
        self.measures: tuple[str, ...] = tuple(measures)
        self.queries = queries
        self.values = values
        self.conventions = conventions
        self.empty = empty
        self.unanswered = unanswered
        self.unjudged = unjudged
        self.logarithms: tuple[bool, ...] = tuple(logarithms) or (False,) * len(self.measures)

    def __getitem__(self, measure: str) -> np.ndarray:
        """The values of a measure, a ``(Q,)`` float64 array in the order of `queries`."""
        return self.values[:, self._place(measure)]

    def _place(self, measure: str) -> int:
        """The column of a measure, by any of its names."""
        if measure not in self.measures:
            asked, measure = measure, planned([measure], Conventions()).measures[0]
            if measure not in self.measures:
                raise KeyError(f"{asked!r} was not measured, only {', '.join(self.measures)}")
        return self.measures.index(measure)

    def __iter__(self) -> Iterator[str]:
        return iter(self.measures)

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def means(self) -> dict[str, float]:
        """The mean of each measure, as `numpy.mean` adds a contiguous column; NaN without queries.

        Of ``gm_map`` and ``gm_bpref``, whose values are logarithms, it is the geometric mean.
        """
        return {name: self.mean(name) for name in self.measures}

    def mean(self, measure: str) -> float:
        """The mean of one measure."""
        column = np.ascontiguousarray(self[measure])
        if not len(column):
            return float("nan")
        mean = np.mean(column)
        return float(np.exp(mean) if self.is_geometric(measure) else mean)

    def is_geometric(self, measure: str) -> bool:
        """Whether the values of a measure are logarithms, so that its mean is the geometric one."""
        return self.logarithms[self._place(measure)]

    @overload
    def interval(self, names: str, *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0) -> Interval: ...

    @overload
    def interval(
        self,
        names: list[str] | tuple[str, ...] | None = None,
        *,
        confidence: float = 0.95,
        resamples: int = 10_000,
        seed: int = 0,
    ) -> Intervals: ...

    def interval(
        self,
        names: str | list[str] | tuple[str, ...] | None = None,
        *,
        confidence: float = 0.95,
        resamples: int = 10_000,
        seed: int = 0,
    ) -> Interval | Intervals:
        """Means with bootstrap percentile intervals over queries.

        Parameters
        ----------
        names
            One of `measures`, or several of them; all by default.
        confidence
            The confidence level of the interval, between 0 and 1.
        resamples
            How many bootstrap resamples.
        seed
            The same seed gives the same interval, whatever the number of threads.

        Returns
        -------
        Interval or Intervals
            Of one measure its interval, else a table. Without queries all numbers are NaN.

        Raises
        ------
        MemoryError
            The means of all resamples need more memory than there is.
        ValueError
            `confidence`, `resamples` or `seed` is out of range, or a value is NaN.

        References
        ----------
        Efron 1979; Sakai, "Evaluating evaluation metrics based on the bootstrap", SIGIR 2006.
        """
        check_options(confidence, resamples, seed)
        if isinstance(names, str):
            return Interval.of(names, self.mean(names), self.resampled(names, resamples, seed), confidence)
        listed = self.measures if names is None else tuple(names)
        samples = {name: self.resampled(name, resamples, seed) for name in listed}
        return Intervals(
            {"number": list(listed), **bounds(list(map(self.mean, listed)), list(samples.values()), confidence)},
            f"{confidence:.0%} intervals, {resamples} resamples",
            None,
            samples,
            confidence,
        )

    def resampled(self, measure: str, resamples: int, seed: int = 0) -> np.ndarray:
        """The means of a measure over bootstrap resamples of the queries, ``(resamples,)`` float64.

        The same queries are drawn for each measure, and for each result of as many queries.

        Raises
        ------
        ValueError
            A value is NaN.
        """
        repetitions(resamples, "resamples")
        column = np.ascontiguousarray(self[measure])
        if np.isnan(column).any():
            raise InputError(f"{measure} is NaN for some queries; choose another value for empty")
        if not len(column):
            return np.zeros(0)
        means = _core.bootstrap_means(column, resamples, seed)
        return np.exp(means) if self.is_geometric(measure) else means

    @property
    def summary(self) -> Table:
        """The mean of each measure: ``number``, ``value``."""
        return Table({"number": list(self.measures), "value": np.array([self.mean(name) for name in self.measures])})

    @property
    def per_query(self) -> Table:
        """A row for each query: ``query``, and a column for each measure."""
        return Table({"query": list(self.queries), **{name: self[name].copy() for name in self.measures}})

    def per_group(self, groups: Mapping[Any, Any]) -> Table:
        """The means by groups of queries, such as languages or user segments.

        Parameters
        ----------
        groups
            The group of each query.

        Returns
        -------
        Table
            A row for each group, in the order in which they first come: ``group``, ``queries`` (how many), and a column
            for each measure.

        Raises
        ------
        ValueError
            A query has no group.
        TypeError
            They are no mapping.
        """
        if not hasattr(groups, "__getitem__"):
            raise InputTypeError(f"groups: expected a mapping of query to group, found {kind_of(groups)}")
        rows: dict[Any, list[int]] = {}
        for row, query in enumerate(self.queries):
            if query not in groups:
                raise InputError(f"query {query!r} has no group", "groups")
            rows.setdefault(groups[query], []).append(row)
        parts = [self.ordered(members) for members in rows.values()]
        means = {name: np.array([part.mean(name) for part in parts]) for name in self.measures}
        return Table({"group": list(rows), "queries": np.array([len(part) for part in parts], dtype=np.int64), **means})

    def macro(self, groups: Mapping[Any, Any]) -> dict[str, float]:
        """The mean over groups of queries of their means, each group counting the same; `means` are micro-averages.

        Arguments and errors are those of `per_group`. NaN without queries.
        """
        table = self.per_group(groups)
        return {name: float(np.mean(table[name])) if len(table) else float("nan") for name in self.measures}

    def ordered(self, rows: Sequence[int]) -> RankingResult:
        """The result of these rows, in their order."""
        return RankingResult(
            self.measures,
            [self.queries[i] for i in rows],
            self.values[list(rows)],
            self.conventions,
            self.empty,
            self.unanswered,
            self.unjudged,
            self.logarithms,
        )

    def to_dict(self) -> dict[Any, dict[str, float]]:
        """Query to measure to value, as pytrec_eval gives it."""
        return {
            query: dict(zip(self.measures, row, strict=True))
            for query, row in zip(self.queries, self.values.tolist(), strict=True)
        }

    def report(
        self,
        path: PathLike,
        *,
        versus: RankingResult | None = None,
        title: str | None = None,
        names: tuple[str, str] = ("baseline", "candidate"),
        confidence: float = 0.95,
        resamples: int = 10_000,
    ) -> Path:
        """Write an HTML report of this result to `path`: one file, without network access.

        Parameters
        ----------
        path
            The file to write.
        versus
            The result of a baseline: differences are this result minus it.
        title
            Heading; by default the second of `names`.
        names
            What the baseline and this result are called.
        confidence, resamples
            Of the bootstrap intervals over queries, as for `interval`.

        Returns
        -------
        pathlib.Path
            The file that was written.

        Raises
        ------
        ValueError
            `versus` is of other queries or measures, a value is NaN, or an option is out of range.
        TypeError
            `versus` is not such a result.
        FileNotFoundError
            The folder to write to is not there.
        """
        from meanap.report import save

        return save(path, lambda: self._report(versus, title, names, confidence, resamples))

    def show(
        self,
        *,
        versus: RankingResult | None = None,
        title: str | None = None,
        names: tuple[str, str] = ("baseline", "candidate"),
        confidence: float = 0.95,
        resamples: int = 10_000,
        height: int = 720,
    ) -> Inline:
        """The HTML report of this result within a notebook.

        Parameters
        ----------
        versus, title, names, confidence, resamples
            As for `report`.
        height
            Height of its frame in pixels.

        Returns
        -------
        meanap.report.inline.Inline
            What a notebook shows if it is the last value of a cell.

        Raises
        ------
        ValueError, TypeError
            As `report`.
        """
        from meanap.report.inline import Inline

        return Inline(self._report(versus, title, names, confidence, resamples), height)

    def _report(
        self, versus: RankingResult | None, title: str | None, names: tuple[str, str], confidence: float, resamples: int
    ) -> str:
        from meanap.report import check_versus
        from meanap.report.queries import page

        check_versus(self, versus)
        return page(self, versus, names[1] if title is None else title, names, confidence, resamples)

    def __repr__(self) -> str:
        lines = [f"RankingResult: {len(self)} queries"]
        lines += [f"  {name:<12} {value:.6f}" for name, value in self.means.items()]
        for name in ("empty", "unanswered", "unjudged"):
            if count := len(getattr(self, name)):
                lines.append(f"  ({count} {name})")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return Table(self.summary.columns, f"{len(self):,} queries")._repr_html_()
