"""Significance tests between runs: paired tests with Holm's correction."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from meanap import _core
from meanap.errors import InputError
from meanap.ranking.evaluation import RankingResult, check_sampling


class Comparison(NamedTuple):
    """A pair of runs: the mean difference (candidate minus baseline), its p-value, and that corrected for all pairs."""

    baseline: str
    candidate: str
    difference: float
    p: float
    corrected: float

    @property
    def verdict(self) -> Literal["better", "worse", "equal"]:
        """``"better"`` if the candidate's mean is greater than the baseline's, ``"worse"``, or ``"equal"``."""
        return "better" if self.difference > 0 else "worse" if self.difference < 0 else "equal"


def compare(
    results: Mapping[str, RankingResult],
    measure: str,
    *,
    baseline: str | None = None,
    test: Literal["randomisation", "t"] = "randomisation",
    resamples: int = 100_000,
    seed: int = 0,
) -> list[Comparison]:
    """Paired tests between runs over the same queries, two-sided, with Holm's correction for their number.

    Parameters
    ----------
    results
        Results by the run's name, at least two.
    measure
        The measure to compare.
    baseline
        Compare each of the others, as a candidate, with this run; without, each pair, of which the run that comes first
        is the baseline.
    test
        ``"randomisation"`` (exact up to 16 differing queries, else by random signs) or ``"t"``.
    resamples
        How many choices of random signs to draw.
    seed
        The same seed gives the same p-values, whatever the number of threads.

    Returns
    -------
    list[Comparison]
        A `Comparison` for each pair; differences are candidate minus baseline: a positive one means that the candidate
        is better. For ``gm_map`` and ``gm_bpref`` it is the difference of geometric means, and the test is on the
        logarithms.

    Raises
    ------
    ValueError
        Fewer than two runs, different queries, a NaN value, an unknown test or baseline, or `resamples` or `seed` out
        of range.

    References
    ----------
    Smucker, Allan and Carterette, "A comparison of statistical significance tests for information retrieval
    evaluation", CIKM 2007; Holm 1979.

    Examples
    --------
    >>> from meanap.ranking import evaluate
    >>> qrels = {f"q{i}": {"a": 1} for i in range(6)}
    >>> good = evaluate(qrels, {q: {"a": 2.0, "b": 1.0} for q in qrels})
    >>> bad = evaluate(qrels, {q: {"a": 1.0, "b": 2.0} for q in qrels})
    >>> compare({"bad": bad, "good": good}, "map")
    [Comparison(baseline='bad', candidate='good', difference=0.5, p=0.03125, corrected=0.03125)]
    """
    if test not in ("randomisation", "t"):
        raise InputError(f'test is {test!r}, expected "randomisation" or "t"')
    check_sampling(resamples, seed)
    if len(results) < 2:
        raise InputError(f"{len(results)} results, expected at least 2")
    if baseline is not None and baseline not in results:
        raise InputError(f"no result is named {baseline!r}, only {', '.join(results)}")
    columns = _aligned(results, measure)
    if baseline is None:
        pairs = list(itertools.combinations(columns, 2))
    else:
        pairs = [(baseline, name) for name in columns if name != baseline]
    p_values = []
    for reference, candidate in pairs:
        differences = columns[candidate] - columns[reference]
        if test == "t":
            p_values.append(_core.paired_t_test(differences)[1])
        else:
            p_values.append(_core.randomisation_test(differences, resamples, seed))
    corrected = _core.holm(p_values)

    def difference(reference: str, candidate: str) -> float:
        if results[candidate].is_geometric(measure):
            return results[candidate].mean(measure) - results[reference].mean(measure)
        return float(np.mean(columns[candidate] - columns[reference]))

    return [
        Comparison(reference, candidate, difference(reference, candidate), p, c)
        for (reference, candidate), p, c in zip(pairs, p_values, corrected, strict=True)
    ]


def _aligned(results: Mapping[str, RankingResult], measure: str) -> dict[str, np.ndarray]:
    """The measure's column of each run, in the order of the first one's queries."""
    names = list(results)
    queries: list[Any] = results[names[0]].queries
    columns = {}
    for name, result in results.items():
        place = {query: i for i, query in enumerate(result.queries)}
        different = set(place) ^ set(queries)
        if different:
            shown = next(iter(different))
            raise InputError(
                f"{names[0]!r} and {name!r} were not measured on the same queries: one lacks {shown!r} "
                '(missing="zero" counts a query without an answer)'
            )
        column = np.ascontiguousarray(result[measure][[place[query] for query in queries]])
        if np.isnan(column).any():
            raise InputError(f"{measure} of {name!r} is NaN for some queries; choose another value for empty")
        columns[name] = column
    return columns
