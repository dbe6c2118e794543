"""Comparison of ranked runs over the same queries: paired tests, and a paired bootstrap."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meanap import _core
from meanap._arrays import kind_of
from meanap._keywords import suggesting
from meanap.errors import InputError
from meanap.ranking.plan import names_of
from meanap.ranking.result import RankingResult
from meanap.statistics import Comparison, check_options, differences

if TYPE_CHECKING:
    #: A pair of runs: the name and the result of the baseline and of the candidate.
    Pair = tuple[str, RankingResult, str, RankingResult]

__all__ = ["compare"]


@suggesting()
def compare(
    baseline: RankingResult | None,
    candidate: RankingResult | Mapping[str, RankingResult],
    measures: str | Iterable[str] | None = None,
    *,
    test: Literal["randomisation", "t"] = "randomisation",
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare candidates with a baseline over the same queries.

    Parameters
    ----------
    baseline
        A result; or None with several candidates: then each pair of them is compared, of which the run that comes first
        is the baseline.
    candidate
        Another result; or several by name.
    measures
        Measures to compare; all of the first result by default.
    test
        Where ``p`` comes from: a paired ``"randomisation"`` test (exact up to 16 differing queries, else by random
        signs) or Student's ``"t"``, both two-sided.
    confidence
        The confidence level of the interval of the difference, a bootstrap over queries.
    resamples
        How many bootstrap resamples, and how many choices of random signs.
    seed
        The same seed gives the same numbers, whatever the number of threads.

    Returns
    -------
    Comparison
        A table, a row for each measure. Differences are the candidate minus the baseline: above 0 the candidate is
        better. With several candidates there is a row for each of them and each measure, which begins with its name
        (``run``; with baseline None, ``baseline_run`` and ``run``), and ``corrected`` is ``p`` with Holm's correction
        for the number of pairs. For ``gm_map`` and ``gm_bpref``, differences are those of geometric means, and the
        test is on the logarithms.

    Raises
    ------
    ValueError
        Different queries, a NaN value, nothing to compare, or an option is out of range.
    TypeError
        One of them is not a result.

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
    >>> row = compare(bad, good, "map")[0]
    >>> row["difference"], row["p"], row["better"]
    (0.5, 0.03125, True)
    """
    if test not in ("randomisation", "t"):
        raise InputError(f'test is {test!r}, expected "randomisation" or "t"')
    check_options(confidence, resamples, seed)
    pairs = _pairs(baseline, candidate)
    names = pairs[0][1].measures if measures is None else tuple(names_of(measures))
    values: list[tuple[float, float]] = []
    samples: list[np.ndarray] = []
    p_values: list[float] = []
    corrected: list[float] = []
    for name in names:
        of_pairs = []
        for _, first, _, second in pairs:
            first, second = _aligned(first, second)
            resampled = [result.resampled(name, resamples, seed) for result in (first, second)]
            change = second[name] - first[name]
            of_pairs.append(
                _core.paired_t_test(change)[1] if test == "t" else _core.randomisation_test(change, resamples, seed)
            )
            values.append((first.mean(name), second.mean(name)))
            samples.append(resampled[1] - resampled[0])
        p_values += of_pairs
        corrected += _core.holm(of_pairs)
    columns = differences(values, samples, confidence) | {"p": np.array(p_values, dtype=np.float64)}
    head: dict[str, Any] = {"number": [name for name in names for _ in pairs]}
    if isinstance(candidate, Mapping):
        head = {"run": [pair[2] for pair in pairs] * len(names), **head}
        if baseline is None:
            head = {"baseline_run": [pair[0] for pair in pairs] * len(names), **head}
        better = columns.pop("better")
        columns |= {"corrected": np.array(corrected, dtype=np.float64), "better": better}
    return Comparison({**head, **columns})


def _pairs(baseline: RankingResult | None, candidate: RankingResult | Mapping[str, RankingResult]) -> list[Pair]:
    candidates = candidate if isinstance(candidate, Mapping) else {"candidate": candidate}
    for place, value in {"baseline": baseline, **candidates}.items():
        if not isinstance(value, RankingResult) and not (place == "baseline" and value is None):
            raise TypeError(f"{place}: expected a result of meanap.ranking.evaluate, found {kind_of(value)}")
    if baseline is None:
        if len(candidates) < 2:
            raise InputError(f"{len(candidates)} results, expected at least 2")
        return [(*a, *b) for a, b in itertools.combinations(candidates.items(), 2)]
    if not candidates:
        raise InputError("no candidate")
    return [("baseline", baseline, name, result) for name, result in candidates.items()]


def _aligned(first: RankingResult, second: RankingResult) -> tuple[RankingResult, RankingResult]:
    """Both results with the queries in the first one's order."""
    if first.queries == second.queries:
        return first, second
    place = {query: i for i, query in enumerate(second.queries)}
    if different := place.keys() ^ set(first.queries):
        only = next(iter(different))
        raise InputError(
            f"the results are of other queries: {len(different)} are in one of them only, such as {only!r} "
            '(missing="zero" counts a query without an answer)'
        )
    return first, second.ordered([place[query] for query in first.queries])
