"""`evaluate_diversity`: measures of runs against judgements by subtopic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from meanap.errors import InputError
from meanap.ranking import readers
from meanap.ranking.conventions import Conventions
from meanap.ranking.evaluation import measured
from meanap.ranking.plan import names_of
from meanap.ranking.readers.subtopics import JudgedSubtopics, read_subtopics
from meanap.ranking.result import RankingResult

if TYPE_CHECKING:
    from meanap._types import Answers, RankingFormat, SubtopicJudgements

__all__ = ["diversity_conventions", "evaluate_diversity", "measured_diversity"]

_TIES = ("document-ascending", "document-descending", "stable")


def evaluate_diversity(
    qrels: SubtopicJudgements,
    run: Answers,
    measures: str | Iterable[str] = ("alpha_ndcg@20", "err_ia@20", "strec@20"),
    *,
    relevance_level: int = 1,
    ties: Literal["document-ascending", "document-descending", "stable"] = "document-ascending",
    missing: Literal["skip", "zero", "error"] = "skip",
    judged_only: bool = False,
    columns: Mapping[str, str | Sequence[str] | None] | None = None,
    format: RankingFormat | None = None,
) -> RankingResult:
    """Measures how many subtopics of a query a run finds, and how early.

    Parameters
    ----------
    qrels
        The judgements: ``{query: {subtopic: {document: grade}}}``, or with a list of relevant documents in place of the
        inner dictionary; the path of a file of TREC's diversity tasks (``query subtopic document grade``); a table with
        columns such as query, subtopic (or iteration), document, relevance; or a list of tuples in that order or of
        records, as those of ir_measures and ir_datasets.
    run
        The answers, as `evaluate` takes them.
    measures
        ``alpha_ndcg@k``, ``alpha_dcg@k``, ``err_ia@k``, ``nerr_ia@k``, ``nrbp``, ``nnrbp``, ``p_ia@k``, ``map_ia``,
        ``strec@k``; with parameters ``alpha_ndcg(alpha=0.3)@20``, ``nrbp(alpha=0.3,beta=0.8)``, both 0.5 by default; or
        as ndeval and ir_measures write them (``alpha-nDCG@20``, ``ERR_IA@20``, ``StRecall@10``, ``AP_IA``).
    relevance_level
        The lowest grade by which a document is about a subtopic; ``strec(rel=2)@20`` has its own.
    ties
        The order of equal scores; the default is ndeval's.
    missing
        What a query gives that one side lacks, as in `Conventions`.
    judged_only
        Whether documents without a judgement are taken out of the lists first.
    columns
        Names of columns where they are others, also ``"subtopic"``.
    format
        What the file of the run is, whatever it looks like.

    Returns
    -------
    RankingResult
        As that of `evaluate`. A query without a relevant document has 0, and is listed in ``empty``.

    Raises
    ------
    ValueError
        A measure is unknown or does not need subtopics, an argument has no such value, a document is judged twice for a
        subtopic, a score is NaN, or a source cannot be read; the message has file, line and field.
    TypeError
        An argument is not what it should be.

    References
    ----------
    Clarke et al., "Novelty and diversity in information retrieval evaluation", SIGIR 2008; ndeval of TREC's web track,
    whose numbers these are to rounding.

    Examples
    --------
    >>> qrels = {"q1": {"car": {"d1": 1, "d2": 1}, "animal": {"d3": 1}}}
    >>> run = {"q1": {"d1": 0.9, "d2": 0.5, "d3": 0.4}}
    >>> evaluate_diversity(qrels, run, ["alpha_ndcg@3", "strec@2"])
    RankingResult: 1 queries
      alpha_ndcg@3 0.965195
      strec@2      0.500000
    """
    conventions = diversity_conventions(relevance_level, ties, missing, judged_only)
    names = names_of(measures)
    own: dict[Any, Any] = {name: value for name, value in (columns or {}).items() if name not in ("subtopic", "grade")}
    options = readers.Options(own, format)

    def read_qrels(source: Any, options: readers.Options) -> JudgedSubtopics:
        return read_subtopics(source, columns or {})

    try:
        judged, answers = read_qrels(qrels, options), readers.run(run, options)
    except InputError as error:
        readers.check_order(qrels, run, error, read_qrels, readers.run, options)
        raise
    return measured_diversity(judged, answers, names, conventions)


def diversity_conventions(
    relevance_level: int = 1, ties: Any = "document-ascending", missing: Any = "skip", judged_only: bool = False
) -> Conventions:
    """The conventions that measures of subtopics know.

    Raises
    ------
    ValueError
        An argument has no such value.
    """
    if ties not in _TIES:
        raise InputError(f"ties is {ties!r}, expected one of {', '.join(map(repr, _TIES))}")
    return Conventions(relevance_level=relevance_level, ties=ties, missing=missing, judged_only=judged_only)


def measured_diversity(
    judged: JudgedSubtopics, run: Any, measures: list[str], conventions: Conventions
) -> RankingResult:
    """The result of judgements and a run that are read."""
    result = measured(judged.qrels, run, measures, conventions, subtopics=judged.table)
    # The core's grades are numbers of rows.
    result.empty = [query for query in result.queries if judged.greatest[query] < conventions.relevance_level]
    return result
