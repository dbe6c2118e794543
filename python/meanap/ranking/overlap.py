"""`rbo`: rank-biased overlap of two runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meanap import _core
from meanap._settings import number
from meanap.errors import InputError
from meanap.ranking import readers
from meanap.ranking.conventions import Conventions
from meanap.ranking.readers._columns import Columns, run_of
from meanap.ranking.readers._reader import is_path
from meanap.ranking.result import RankingResult

if TYPE_CHECKING:
    from meanap._types import Answers, RankingFormat

__all__ = ["rbo"]


def rbo(
    run_a: Answers,
    run_b: Answers,
    p: float = 0.9,
    *,
    missing: Literal["skip", "zero", "error"] = "skip",
    columns: Mapping[str, str | Sequence[str] | None] | None = None,
    format: RankingFormat | None = None,
) -> RankingResult:
    """How similar the lists of two runs are, above all at their heads; no judgements are needed.

    Parameters
    ----------
    run_a, run_b
        The answers, as `evaluate` takes them.
    p
        The persistence of a reader, between 0 and 1: the weight of depth d is ``(1 - p) p^(d - 1)``. With 0.9 the first
        ten ranks have 86 % of it.
    missing
        What a query gives that one run lacks: it is left out, it has 0, or it is an error.
    columns, format
        How the runs are read, as for `evaluate`.

    Returns
    -------
    RankingResult
        The measure ``rbo(p=0.9)`` of each query, from 0 to 1: those of `run_a` in its order, then, with
        ``missing="zero"``, the others of `run_b`. It has the mean, intervals and groups as that of `evaluate`.
        ``unanswered`` are queries of `run_a` that `run_b` lacks, ``unjudged`` those of `run_b` that `run_a` lacks.
        A query with an empty list in one run has 0, in both 1.

    Raises
    ------
    ValueError
        `p` is out of range, a score is NaN, a document stands twice in a list, the runs have no query in common with
        ``missing="skip"``, a query is missing with ``missing="error"``, or a file cannot be read.
    TypeError
        An argument is not what it should be, or documents are integers in one run and text in the other.

    References
    ----------
    Webber, Moffat and Zobel, "A similarity measure for indefinite rankings", TOIS 2010: the extrapolated overlap
    (RBO_ext) of lists of any lengths, equation 32. Of documents with equal scores each has the rank of the first, and
    agreement is ``2 |A and B| / (|A| + |B|)``, as in its section on ties.

    Examples
    --------
    >>> a = {"q1": {"d1": 0.9, "d2": 0.5, "d3": 0.4}}
    >>> b = {"q1": {"d2": 8.0, "d1": 7.5, "d4": 1.0}}
    >>> rbo(a, b, p=0.9)
    RankingResult: 1 queries
      rbo(p=0.9)   0.630000
    """
    persistence = number(p, "p")
    if not 0 < persistence < 1:
        raise InputError(f"p: expected a number between 0 and 1, found {p!r}")
    if missing not in ("skip", "zero", "error"):
        raise InputError(f"missing is {missing!r}, expected one of 'skip', 'zero', 'error'")
    options = readers.Options(columns or {}, format)
    first, second = (_run(source, name, options) for source, name in ((run_a, "run_a"), (run_b, "run_b")))
    places = [{query: i for i, query in enumerate(run.core.query_ids)} for run in (first, second)]
    queries, others = first.query_ids, second.query_ids
    in_first, in_second = set(queries), set(others)
    lacking, unknown = ([q for q in queries if q not in in_second], [q for q in others if q not in in_first])
    for query, run in [*((q, "run_b") for q in lacking), *((q, "run_a") for q in unknown)][:1]:
        if missing == "error":
            raise InputError(f"query {query!r} is not in {run} ({len(lacking) + len(unknown)} such)")
    if missing == "zero":
        compared = [*queries, *unknown]
    else:
        compared = [query for query in queries if query in in_second]
        if not compared and queries and others:
            raise InputError(
                f"the runs have no query in common: run_a's first is {queries[0]!r}, run_b's {others[0]!r}"
            )
    one, other = (np.array([place.get(query, -1) for query in compared], dtype=np.int64) for place in places)
    values = _core.rank_biased_overlap((first.core, second.core), one, other, persistence)
    alone = {*lacking, *unknown}
    values[[query in alone for query in compared]] = 0.0
    empty: list[Any] = []
    conventions = Conventions(missing=missing)
    return RankingResult([f"rbo(p={persistence:g})"], compared, values[:, None], conventions, empty, lacking, unknown)


def _run(source: Any, name: str, options: readers.Options) -> readers.Run:
    """A run as columns."""
    try:
        run = readers.run(source, options)
    except InputError as error:
        # Readers of arguments call a run by the name that `evaluate` has for it.
        if is_path(source) or error.source is None:
            raise
        raise error.replace(source=re.sub(r"^run\b", name, error.source)) from None
    if not isinstance(run, dict):
        return run
    documents, scores = [list(pairs) for pairs in run.values()], [list(pairs.values()) for pairs in run.values()]
    return run_of(Columns(name, list(run), documents, scores, names=("query", "document", "score")))
