"""Why two tools disagree: the contribution of each convention to a difference, and the range that ties allow."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from meanap._arrays import shown
from meanap._keywords import suggesting
from meanap.errors import InputTypeError
from meanap.ranking import readers
from meanap.ranking.conventions import PRESETS, SETTINGS, Conventions, resolve
from meanap.ranking.evaluation import measured
from meanap.ranking.plan import names_of
from meanap.ranking.result import RankingResult
from meanap.statistics import Difference
from meanap.table import Table

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import (
        Answers,
        ColumnNames,
        ConventionChanges,
        ConventionName,
        Judgements,
        RankingFormat,
        TieOrder,
    )


@suggesting()
def explain_difference(
    qrels: Judgements,
    run: Answers,
    baseline: ConventionName | Conventions,
    candidate: ConventionName | Conventions,
    measure: str = "map",
    *,
    columns: ColumnNames | None = None,
    format: RankingFormat | None = None,
) -> Difference:
    """How much of the difference between two tools' numbers each convention accounts for.

    Changing one convention may matter more or less depending on the others, so each one's share is its mean effect
    over all orders in which they can be changed (the Shapley value): the changes add up to the whole difference.

    Parameters
    ----------
    qrels
        The judgements, as `evaluate` takes them.
    run
        The answers.
    baseline
        A preset's name or `Conventions`.
    candidate
        Another.
    measure
        The measure whose mean is compared.
    columns, format
        As for `evaluate`.

    Returns
    -------
    Difference
        A table, a row for each convention on which they differ, the greatest change first.

    Raises
    ------
    ValueError
        One of the two cannot measure this input; the message says why.

    Examples
    --------
    >>> qrels = {"q1": {"d1": 1, "d2": 1, "d3": 1}}
    >>> run = {"q1": {"d1": 0.9, "d2": 0.5, "d4": 0.5}}
    >>> explain_difference(qrels, run, "trec_eval", "torchmetrics", "map@2")
    map@2: 0.3333 (trec_eval) -> 1.0000 (torchmetrics), +0.6667
      +0.5000  divisor: relevant -> found
      +0.1667  ties: document-descending -> stable
      +0.0000  missing: skip -> error
      +0.0000  negative: unjudged -> error
      +0.0000  positive_scores_only: False -> True
    """
    if not isinstance(measure, str):
        raise InputTypeError(f"measure: expected the name of a measure, found {shown(measure)}")
    first, second = resolve(baseline, {}), resolve(candidate, {})
    options = readers.Options(columns or {}, format)
    # Read more than once.
    qrels = list(qrels) if isinstance(qrels, Iterator) else qrels
    run = list(run) if isinstance(run, Iterator) else run
    judged, answers = readers.sides(qrels, run, replace(options, duplicates=first.duplicates))
    indexed: dict[str, Any] = {first.duplicates: judged}

    def mean(conventions: Conventions) -> float:
        duplicates = conventions.duplicates
        if duplicates not in indexed:
            indexed[duplicates] = readers.qrels(qrels, replace(options, duplicates=duplicates))
        return measured(indexed[duplicates], answers, [measure], conventions).mean(measure)

    ends = mean(first), mean(second)
    differing = first.differing(second)
    # Both ends gave a number, so whatever would be an error does not occur: such a convention changes nothing.
    active = [name for name in differing if "error" not in (getattr(first, name), getattr(second, name))]
    values: dict[frozenset[str], float] = {frozenset(): ends[0]}
    for size in range(1, len(active) + 1):
        for names in itertools.combinations(active, size):
            values[frozenset(names)] = mean(first.replace(**{name: getattr(second, name) for name in names}))
    shares = {name: 0.0 for name in differing}
    orders = math.factorial(len(active))
    for changed, before in values.items():
        for name in set(active) - changed:
            weight = math.factorial(len(changed)) * math.factorial(len(active) - len(changed) - 1) / orders
            shares[name] += weight * (values[changed | {name}] - before)
    ordered = sorted(differing, key=lambda name: -abs(shares[name]))
    changes = np.array([shares[name] for name in ordered], dtype=np.float64)
    reached = ends[0] + np.cumsum(changes)
    reached[-1:] = ends[1]
    return Difference(
        {
            "factor": ordered,
            "fields": ordered,
            "baseline": [str(getattr(first, name)) for name in ordered],
            "candidate": [str(getattr(second, name)) for name in ordered],
            "value": reached,
            "change": changes,
        },
        measure,
        (_name(first), _name(second)),
        ends,
        functools.partial(_tie_ranges, qrels, run, measure, (first, second), columns, format),
    )


def _name(conventions: Conventions) -> str:
    return next((name for name, preset in PRESETS.items() if preset == conventions), "conventions")


def _tie_ranges(
    qrels: Any,
    run: Any,
    measure: str,
    sides: tuple[Conventions, ...],
    columns: Any,
    format: Any,
    orders: int,
    seed: int,
) -> list[tuple[float, float, float]]:
    """Minimum, mean and maximum of each side, in closed form: `orders` and `seed` are not needed."""
    found = [tie_range(qrels, run, measure, side, columns=columns, format=format) for side in sides]
    return [tuple(result.mean(measure) for result in ties) for ties in found]  # type: ignore[misc]


class TieRange(NamedTuple):
    """The results of one run for the worst order of equal scores, on average over orders, and for the best one."""

    least: RankingResult
    expected: RankingResult
    greatest: RankingResult

    def _repr_html_(self) -> str:
        names = self._fields
        columns = {name: [getattr(self, name).mean(measure) for measure in self[0].measures] for name in names}
        title = "over all orders of equal scores"
        return Table({"number": list(self[0].measures), **columns}, title)._repr_html_()


@suggesting(lambda: SETTINGS)
def tie_range(
    qrels: Judgements,
    run: Answers,
    measures: str | Iterable[str] = ("map", "ndcg"),
    protocol: ConventionName | Conventions | None = None,
    *,
    columns: ColumnNames | None = None,
    format: RankingFormat | None = None,
    **changes: Unpack[ConventionChanges],
) -> TieRange:
    """The least, the expected and the greatest value that an order of the tied documents gives.

    Arguments, result and errors are those of `evaluate`. ``infap`` has no expected value in closed form.

    Source: McSherry and Najork, "Computing Information Retrieval Performance Measures Efficiently in the Presence of
    Tied Scores", ECIR 2008.

    >>> ties = tie_range({"q": {"a": 1}}, {"q": {"a": 0.5, "b": 0.5}}, "map")
    >>> [result.mean("map") for result in ties]
    [0.5, 0.75, 1.0]
    """
    measures = names_of(measures)
    base = resolve(protocol, changes)
    options = readers.Options(columns or {}, format, base.duplicates)
    judged, answers = readers.sides(qrels, run, options)
    kinds: tuple[TieOrder, ...] = ("pessimistic", "expected", "optimistic")
    return TieRange(*(measured(judged, answers, measures, base.replace(ties=kind)) for kind in kinds))
