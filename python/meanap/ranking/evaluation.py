"""`evaluate`: measures of runs against relevance judgements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from meanap import _core
from meanap._keywords import suggesting
from meanap.errors import InputError
from meanap.ranking import readers
from meanap.ranking.conventions import SETTINGS, Conventions, resolve
from meanap.ranking.plan import Table, check_measures, names_of, planned
from meanap.ranking.result import RankingResult

__all__ = ["check_grades", "evaluate", "measured"]

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import Answers, ColumnNames, ConventionChanges, ConventionName, Judgements, RankingFormat


@suggesting(lambda: SETTINGS)
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
    names = names_of(measures)
    options = readers.Options(columns or {}, format, conventions.duplicates)
    return measured(*readers.sides(qrels, run, options), names, conventions)


def check_grades(qrels: Any, conventions: Conventions) -> None:
    """Refuses negative grades if the conventions do not know them."""
    if conventions.negative == "error" and (least := qrels.least()) < 0:
        raise InputError(f"the qrels have a negative grade, {least}, which these conventions do not know")


def measured(
    qrels: Any,
    run: Any,
    measures: list[str],
    conventions: Conventions,
    keys: list[str] | None = None,
    subtopics: Table | None = None,
) -> RankingResult:
    """Measures of a run that has been read.

    Parameters
    ----------
    qrels, run
        What the readers return: judgements, and a run or a dictionary of them.
    measures
        Names of measures.
    conventions
        What tools disagree on.
    keys
        The names of the columns of the result, of which several may be of one measure; by default the measures' names.
    subtopics
        The table of subtopics to whose rows the grades refer, if they do.

    Raises
    ------
    InputError
        A measure or a grade cannot be used, or queries are missing where the conventions say that this is an error.
    """
    plan = check_measures(measures, conventions, subtopics) if keys is None else planned(measures, conventions)
    check_grades(qrels, conventions)
    judged = qrels.query_ids
    answered = list(run) if isinstance(run, dict) else run.query_ids
    queries = _paired(judged, answered)
    if keys is None:
        _check_any_judged(queries, judged, answered, conventions)
    if conventions.missing == "error":
        _check_all_paired(queries, judged)
    in_run, rows = queries.in_run, queries.rows
    if conventions.missing == "zero" and queries.unanswered:
        in_run = np.concatenate([in_run, np.full(len(queries.unanswered), -1)])
        rows = np.concatenate([rows, queries.unanswered])
    relevant = qrels.relevant(conventions.relevance_level)
    is_empty = relevant[rows] == 0 if len(rows) else np.zeros(0, dtype=bool)
    empty = [judged[i] for i in rows[is_empty]]
    if empty and conventions.empty == "error":
        raise InputError(f"query {empty[0]!r} has no relevant document ({len(empty)} such)")
    values = _values(qrels, run, plan, queries._replace(in_run=in_run, rows=rows), judged, answered)
    if conventions.empty in ("one", "nan"):
        values[is_empty] = 1.0 if conventions.empty == "one" else np.nan
    if conventions.empty == "skip" and empty:
        values, rows = values[~is_empty], rows[~is_empty]
    return RankingResult(
        plan.measures if keys is None else keys,
        list(judged) if queries.aligned and len(rows) == len(judged) else [judged[i] for i in rows.tolist()],
        values,
        conventions,
        empty,
        [judged[i] for i in queries.unanswered],
        queries.unjudged,
        plan.logarithms,
    )


class _Queries(NamedTuple):
    """The queries that both a run and judgements have."""

    #: Whether the run has the judged queries in the same order: then no list is walked in Python.
    aligned: bool
    #: Position of each query in the run, ``(Q,) int64``; -1 if it has none.
    in_run: np.ndarray
    #: Position of each query among the judged ones, ``(Q,) int64``.
    rows: np.ndarray
    #: Positions of judged queries that the run lacks.
    unanswered: list[int]
    #: Queries of the run that have no judgements.
    unjudged: list[Any]


def _paired(judged: list[Any], answered: list[Any]) -> _Queries:
    if answered == judged:
        every = np.arange(len(judged), dtype=np.int64)
        return _Queries(True, every, every, [], [])
    place = {query: i for i, query in enumerate(judged)}
    in_run = [i for i, query in enumerate(answered) if query in place]
    rows = [place[answered[i]] for i in in_run]
    in_both = set(rows)
    unanswered = [i for i in range(len(judged)) if i not in in_both]
    unjudged = [query for query in answered if query not in place]
    return _Queries(False, np.array(in_run, dtype=np.int64), np.array(rows, dtype=np.int64), unanswered, unjudged)


def _check_any_judged(queries: _Queries, judged: list[Any], answered: list[Any], conventions: Conventions) -> None:
    if len(queries.rows) == 0 and judged and answered and conventions.missing != "zero":
        raise InputError(
            f"no query of the run is judged: the run's first is {answered[0]!r}, the qrels' first is {judged[0]!r}"
        )


def _check_all_paired(queries: _Queries, judged: list[Any]) -> None:
    if unjudged := queries.unjudged:
        raise InputError(f"query {unjudged[0]!r} of the run is not judged ({len(unjudged)} such)")
    if unanswered := queries.unanswered:
        first = judged[unanswered[0]]
        raise InputError(f"query {first!r} of the qrels has no answer in the run ({len(unanswered)} such)")


def _values(qrels: Any, run: Any, plan: Any, queries: _Queries, judged: list[Any], answered: list[Any]) -> np.ndarray:
    """The measures of each query, ``(Q, M) float64``."""
    rows = queries.rows
    if isinstance(run, dict):
        if queries.aligned:
            lists = list(run.values())
        else:
            lists = [run[answered[i]] if i >= 0 else None for i in queries.in_run.tolist()]
        try:
            return _core.evaluate_dicts(qrels, lists, rows, plan)
        except (OverflowError, TypeError, ValueError) as error:
            raise readers.explained(error, {judged[row]: run.get(judged[row]) for row in rows}, "run", "run") from None
    # The queries without documents are the last ones of a run; the core has none of them.
    in_run = np.where(queries.in_run >= len(run.core.query_ids), -1, queries.in_run)
    try:
        return _core.evaluate_run(qrels, run.core, in_run, rows, plan)
    except InputError as error:
        raise error if run.source == "run" else error.at(run.source) from None
