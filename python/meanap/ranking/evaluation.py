"""`evaluate`: measures of runs against relevance judgements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from meanap import _core
from meanap.errors import InputError
from meanap.ranking import readers
from meanap.ranking.conventions import Conventions, resolve
from meanap.statistics import Interval, Intervals, bounds, check_options
from meanap.table import Table

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import Answers, ColumnNames, ConventionChanges, ConventionName, Judgements, RankingFormat


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
            asked, measure = measure, _names([measure])[0]
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
        """
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

    def __repr__(self) -> str:
        lines = [f"RankingResult: {len(self)} queries"]
        lines += [f"  {name:<12} {value:.6f}" for name, value in self.means.items()]
        for name in ("empty", "unanswered", "unjudged"):
            if count := len(getattr(self, name)):
                lines.append(f"  ({count} {name})")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return Table(self.summary.columns, f"{len(self)} queries").to_html()


def evaluate(
    qrels: Judgements,
    run: Answers,
    measures: str | Iterable[str] = ("map",),
    protocol: ConventionName | Conventions | None = None,
    *,
    columns: ColumnNames | None = None,
    format: RankingFormat | None = None,
    **changes: Unpack[ConventionChanges],
) -> RankingResult:
    """Measures a run against relevance judgements; every measure and cut-off from one ranking of each list.

    Parameters
    ----------
    qrels
        The judgements: ``{query: {document: grade}}``; the path of a file (TREC; TSV or CSV whose header names the
        columns, as BEIR's and MTEB's do; JSON, JSON lines; Parquet; text also in gzip); a table (Polars, pandas,
        pyarrow, DuckDB) with columns such as query, document, relevance; a list of records; or a tuple of arrays in
        that order. Where there are no grades, as in ``{query: [document, …]}``, all that is listed is relevant. A query
        without judgements is as one that is not there.
    run
        The answers, in the same forms with scores; or without, best first: ``{query: [document, …]}``.
    measures
        Names: ``map``, ``map@k``, ``ndcg``, ``ndcg@k``, ``dcg@k``, ``rr``, ``p@k``, ``recall@k``, ``hit@k``,
        ``hits@k``, ``judged@k``, ``rprec``, ``bpref``, ``rbp``, ``rbp(p=0.95)``, ``f1@k``, ``err@k``, ``infap``,
        ``iprec@0.1``, ``compat``, ``inst``, ``sdcg@k``, ``num_ret``, ``num_rel``, ``num_rel_ret``, and the others of
        trec_eval; or as trec_eval and ir_measures write them (``P_10``, ``ndcg_cut_10``, ``recip_rank``,
        ``nDCG(dcg='exp-log2')@20``). ``map(rel=2)@10`` is of grades of at least 2.
    protocol
        A preset's name or `Conventions`; ``"trec_eval"`` by default.
    columns
        Names of columns where they are others: ``{"query": "uid", "document": "iid", "grade": "stars"}``, also
        ``"score"`` and ``"rank"``; of several names the first that is there counts, None says that there is no such
        column.
    format
        What the files are, whatever they look like: ``"trec"``, ``"csv"``, ``"json"`` or ``"parquet"``.
    **changes
        Single conventions that differ from those, such as ``ties="expected"``.

    Returns
    -------
    RankingResult
        A `RankingResult`. With no queries at all its means are NaN.

    Raises
    ------
    ValueError
        A score is NaN, a document stands twice, a grade is negative where that is not "not judged", a measure or
        convention is unknown, a query is missing with ``missing="error"``, the sides have no query in common with
        ``missing="skip"``, a column is missing, or a file cannot be read; the message has file, line and field.
    TypeError
        An argument is not what it should be.

    Warns
    -----
    UserWarning
        A file has a byte that is not UTF-8: ids like that one are read as Latin-1.

    References
    ----------
    trec_eval for all but rbp (Moffat and Zobel 2008), err (Chapelle et al. 2009) and f1.

    Examples
    --------
    >>> qrels = {"q1": {"d1": 1, "d2": 0, "d3": 2}}
    >>> run = {"q1": {"d1": 0.2, "d2": 0.9, "d3": 0.5}}
    >>> evaluate(qrels, run, ["map", "ndcg@2", "rr"])
    RankingResult: 1 queries
      map          0.583333
      ndcg@2       0.479625
      rr           0.500000
    """
    conventions = resolve(protocol, changes)
    names = [measures] if isinstance(measures, str) else list(measures)
    options = readers.Options(columns or {}, format, conventions.duplicates)
    return measured(readers.qrels(qrels, options), readers.run(run, options), names, conventions)


def _names(measures: list[str]) -> list[str]:
    names: list[str] = _plan(measures, Conventions()).measures
    return names


def _plan(measures: list[str], conventions: Conventions) -> Any:
    return _core.RankingPlan(
        measures,
        divisor=conventions.divisor,
        ties=conventions.ties,
        score_dtype=conventions.score_dtype,
        duplicates=conventions.duplicates,
        gain=conventions.gain,
        relevance_level=conventions.relevance_level,
        graded_below_level=conventions.graded_below_level,
        positive_scores_only=conventions.positive_scores_only,
        judged_only=conventions.judged_only,
        compensated=conventions.compensated,
    )


def check_measures(measures: list[str], conventions: Conventions) -> Any:
    """The core's plan of these measures; a `ValueError` if one is unknown, stands twice or does not go with them."""
    plan = _plan(measures, conventions)
    if len(set(plan.measures)) != len(plan.measures):
        raise InputError(f"a measure is named twice: {', '.join(plan.measures)}")
    return plan


def check_grades(qrels: Any, conventions: Conventions) -> None:
    """Refuses negative grades if the conventions do not know them."""
    if conventions.negative == "error" and (least := qrels.least()) < 0:
        raise InputError(f"the qrels have a negative grade, {least}, which these conventions do not know")


def measured(
    qrels: Any, run: Any, measures: list[str], conventions: Conventions, keys: list[str] | None = None
) -> RankingResult:
    """The result under the measures' own names; or under `keys`, of which two may be one measure's."""
    plan = check_measures(measures, conventions) if keys is None else _plan(measures, conventions)
    check_grades(qrels, conventions)
    names = plan.measures if keys is None else keys

    judged = qrels.query_ids
    answered = list(run) if isinstance(run, dict) else run.query_ids
    # Lists in the same order are nearly always the case, and so large that walking them here takes its time.
    aligned = answered == judged
    groups: Any
    queries: Any
    if aligned:
        groups = queries = np.arange(len(judged))
        unanswered, unjudged = [], []
    else:
        place = {query: i for i, query in enumerate(judged)}
        groups = [i for i, query in enumerate(answered) if query in place]
        queries = [place[answered[i]] for i in groups]
        in_both = set(queries)
        unanswered = [i for i in range(len(judged)) if i not in in_both]
        unjudged = [query for query in answered if query not in place]
    if len(groups) == 0 and judged and answered and conventions.missing != "zero" and keys is None:
        raise InputError(
            f"no query of the run is judged: the run's first is {answered[0]!r}, the qrels' first is {judged[0]!r}"
        )
    if conventions.missing == "error":
        if unjudged:
            raise InputError(f"query {unjudged[0]!r} of the run is not judged ({len(unjudged)} such)")
        if unanswered:
            first = judged[unanswered[0]]
            raise InputError(f"query {first!r} of the qrels has no answer in the run ({len(unanswered)} such)")
    if conventions.missing == "zero" and unanswered:
        groups = [*groups, *[-1] * len(unanswered)]
        queries = [*queries, *unanswered]

    rows = np.array(queries, dtype=np.int64)
    relevant = qrels.relevant(conventions.relevance_level)
    is_empty = relevant[rows] == 0 if len(rows) else np.zeros(0, dtype=bool)
    empty = [judged[i] for i in rows[is_empty]]
    if empty and conventions.empty == "error":
        raise InputError(f"query {empty[0]!r} has no relevant document ({len(empty)} such)")

    if isinstance(run, dict):
        lists = list(run.values()) if aligned else [run[answered[g]] if g >= 0 else None for g in groups]
        try:
            values = _core.evaluate_dicts(qrels, lists, rows, plan)
        except (TypeError, ValueError) as error:
            raise readers.explained(error, {judged[row]: run.get(judged[row]) for row in rows}, "run", "run") from None
    else:
        numbers = np.array(groups, dtype=np.int64)
        # Lists without documents are the last ones.
        numbers[numbers >= len(run.core.query_ids)] = -1
        try:
            values = _core.evaluate_run(qrels, run.core, numbers, rows, plan)
        except InputError as error:
            raise error if run.source == "run" else error.at(run.source) from None

    if conventions.empty in ("one", "nan"):
        values[is_empty] = 1.0 if conventions.empty == "one" else np.nan
    if conventions.empty == "skip" and empty:
        values, rows = values[~is_empty], rows[~is_empty]
    return RankingResult(
        names,
        list(judged) if aligned and len(rows) == len(judged) else [judged[i] for i in rows.tolist()],
        values,
        conventions,
        empty,
        [judged[i] for i in unanswered],
        unjudged,
        plan.logarithms,
    )
