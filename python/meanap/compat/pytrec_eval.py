"""pytrec_eval: its evaluator, names of measures, means, and text lines as dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from meanap import _core
from meanap._arrays import kind_of
from meanap.ranking import readers
from meanap.ranking.conventions import Conventions, resolve
from meanap.ranking.evaluation import measured
from meanap.ranking.plan import texts_of
from meanap.ranking.readers._bytes import fields_of
from meanap.ranking.result import RankingResult

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import Answers, ColumnNames, ConventionName, ConventionOptions, Judgements, RankingFormat

__all__ = [
    "RelevanceEvaluator",
    "compute_aggregated_measure",
    "parse_qrel",
    "parse_run",
    "supported_measures",
    "supported_nicknames",
]

# ir_measures and other programs require it.
__version__ = "0.5.11"

_names, _nicknames = _core.trec_eval_measures()

supported_measures: set[str] = set(_names)
"""The measures of trec_eval that pytrec_eval has."""

supported_nicknames: dict[str, set[str]] = {name: set(members) for name, members in _nicknames}
"""Names that stand for several measures."""

Value = TypeVar("Value", int, float)


class RelevanceEvaluator:
    """Judgements that are indexed once and measure many runs; replaces pytrec_eval's class of this name.

    Parameters
    ----------
    query_relevance
        The judgements, as `evaluate` takes them.
    measures
        pytrec_eval's names (``{"map", "ndcg_cut.5,10", "P"}``) and nicknames (``{"official"}``), or ours.
    relevance_level
        The lowest grade that is relevant.
    judged_docs_only_flag
        Whether documents without a judgement are taken out of the lists first.
    protocol
        A preset's name or `Conventions`.
    columns, format
        How judgements and runs are read, as for `meanap.ranking.evaluate`.
    **changes
        Single conventions that differ from those.

    Examples
    --------
    >>> evaluator = RelevanceEvaluator({"q1": {"d1": 1, "d2": 0}}, {"map", "P_5"})
    >>> sorted(evaluator.evaluate({"q1": {"d1": 0.2, "d2": 0.9}})["q1"].items())
    [('P_5', 0.2), ('map', 0.5)]
    """

    def __init__(
        self,
        query_relevance: Judgements,
        measures: Iterable[str],
        relevance_level: int = 1,
        judged_docs_only_flag: bool = False,
        *,
        protocol: ConventionName | Conventions | None = None,
        columns: ColumnNames | None = None,
        format: RankingFormat | None = None,
        **changes: Unpack[ConventionOptions],
    ) -> None:
        if judged_docs_only_flag:
            changes = {"judged_only": True, **changes}
        self.conventions: Conventions = resolve(protocol, {"relevance_level": relevance_level, **changes})
        asked = sorted(texts_of(measures))
        values = _core.expand_measures(asked)
        self._keys, self._names = [key for key, _ in values], [name for _, name in values]
        self._options = readers.Options(columns or {}, format, self.conventions.duplicates)
        self._qrels = readers.qrels(query_relevance, self._options)

    def evaluate(self, scores: Answers) -> dict[Any, dict[str, float]]:
        """Query to measure to value; measures have the requested names.

        Only queries of the run that are judged are in it: none if none is, as in pytrec_eval.
        """
        return self.measure(scores).to_dict()

    def measure(self, run: Answers) -> RankingResult:
        """The same as columns, with means and intervals."""
        return measured(self._qrels, readers.run(run, self._options), self._names, self.conventions, self._keys)


def parse_run(f_run: Iterable[str]) -> dict[str, dict[str, float]]:
    """The lines of a TREC run (``query Q0 document rank score tag``) as a dictionary that `evaluate` takes.

    `evaluate` reads files by itself, and faster. What follows the tag is passed over.

    Raises
    ------
    ValueError
        A line is malformed, or a document stands twice in a query; the message has the line.

    Examples
    --------
    >>> parse_run(["q1 Q0 d1 1 0.5 tag"])
    {'q1': {'d1': 0.5}}
    """
    return _parse(f_run, float, "6 (query Q0 document rank score tag)", 4, "score", "a number")


def parse_qrel(f_qrel: Iterable[str]) -> dict[str, dict[str, int]]:
    """The lines of TREC qrels (``query iteration document grade``) as a dictionary that `evaluate` takes.

    Raises
    ------
    ValueError
        A line is malformed, or a document is judged twice for a query; the message has the line.

    Examples
    --------
    >>> parse_qrel(["q1 0 d1 1"])
    {'q1': {'d1': 1}}
    """
    return _parse(f_qrel, int, "4 (query iteration document grade)", 3, "grade", "a whole number")


def compute_aggregated_measure(measure: str, values: Sequence[float]) -> float:
    """A measure of all queries from those of each: the sum of ``num_…``, the geometric mean of ``gm_…``, else the mean.

    >>> compute_aggregated_measure("num_ret", [2, 3])
    5.0
    """
    if measure.startswith("num_"):
        return float(np.sum(values))
    if measure.startswith("gm_"):
        return float(np.exp(np.sum(values) / len(values)))
    return float(np.mean(values))


def _parse(
    lines: Iterable[str], number: Callable[[str], Value], expected: str, place: int, name: str, kind: str
) -> dict[str, dict[str, Value]]:
    found: dict[str, dict[str, Value]] = {}
    open_ended = name == "score"
    least = int(expected[0])
    for at, line in enumerate(lines, start=1):
        if not isinstance(line, str):
            raise TypeError(f"line {at}: is {kind_of(line)}, expected text, as files opened in text mode have it")
        fields = fields_of(line.lstrip("\ufeff"))
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) < least or (len(fields) > least and not open_ended):
            raise ValueError(f"line {at}: has {len(fields)} fields, expected {expected}")
        try:
            value = number(fields[place])
        except ValueError:
            raise ValueError(f"line {at}: {name} is {fields[place]!r}, expected {kind}") from None
        documents = found.setdefault(fields[0], {})
        if fields[2] in documents:
            raise ValueError(f"line {at}: query {fields[0]!r} has document {fields[2]!r} twice")
        documents[fields[2]] = value
    return found
