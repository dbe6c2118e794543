"""Comparison of a candidate with a baseline: a paired bootstrap over the images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from meanap.detection.progress import Progress
from meanap.detection.result import Result
from meanap.detection.sampling import check, draw, means
from meanap.table import Table, html_table

if TYPE_CHECKING:
    from meanap._types import NumberName

__all__ = ["Comparison", "compare", "verdict"]


class Comparison(Table):
    """A candidate against a baseline, one row for each number.

    Columns: ``number``; ``baseline`` and ``candidate``, its values; ``difference``, the candidate's minus the
    baseline's; ``low`` and ``high``, the confidence interval of the difference; ``p``, the two-sided bootstrap p-value
    of the difference being zero; ``better``, whether the candidate is significantly better: the interval lies above 0.

    Attributes
    ----------
    per_class : Table
        The same for the first number of each category: ``category`` and ``name`` replace ``number``.
    """

    per_class: Table

    def _repr_html_(self) -> str:
        rows = [
            [
                str(row["number"]),
                *(f"{row[name]:.3f}" for name in ("baseline", "candidate")),
                f"{row['difference']:+.3f}",
                f"[{row['low']:+.3f}, {row['high']:+.3f}]",
                f"{row['p']:.3f}",
                _MARKS[verdict(row["low"], row["high"])],
            ]
            for row in self
        ]
        head = ["number", "baseline", "candidate", "difference", "interval", "p", ""]
        return html_table(head, rows, "difference: candidate - baseline; ▲▼: significant")


#: Symbols for the verdict in tables.
_MARKS = {"better": "▲ candidate is better", "worse": "▼ candidate is worse", "no different": ""}


def verdict(low: float, high: float, tolerated: float = 0.0) -> str:
    """The verdict on a candidate, from the interval of a difference, candidate minus baseline.

    Parameters
    ----------
    low, high
        The interval; NaN where there is none.
    tolerated
        A drop of no more than this is not worse.

    Returns
    -------
    str
        ``"better"``, ``"worse"`` or ``"no different"``.
    """
    if high < -tolerated:
        return "worse"
    return "better" if low > 0 else "no different"


def compare(
    baseline: Result,
    candidate: Result,
    names: Sequence[NumberName] | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    progress: bool | Callable[[int, int], object] = False,
) -> Comparison:
    """Compare a candidate with a baseline on the same images.

    Both are resampled with the same images each time (a paired bootstrap), so that the difficulty of images cancels.

    Parameters
    ----------
    baseline, candidate : Result
        Evaluations of the same images by the same protocol.
    names
        Numbers of the summary; all by default.

    Returns
    -------
    Comparison
        A table. Differences are the candidate minus the baseline: above 0 the candidate is better.

    Raises
    ------
    ValueError
        The results are of other images or protocols, or an option is out of range.
    TypeError
        One of them is not a result.

    >>> import meanap
    >>> truth = [{"boxes": [[0, 0, 10, 10]], "labels": [1]}] * 4
    >>> old = [{"boxes": [[0, 0, 10, 6]], "labels": [1], "scores": [0.9]}] * 4
    >>> new = [{"boxes": [[0, 0, 10, 10]], "labels": [1], "scores": [0.9]}] * 4
    >>> row = meanap.compare(meanap.evaluate(truth, old), meanap.evaluate(truth, new), ["ap"])[0]
    >>> round(row["difference"], 3), row["better"]
    (0.7, True)
    """
    check(confidence, resamples)
    a, b = baseline, candidate
    for name, value in (("baseline", a), ("candidate", b)):
        if not isinstance(value, Result):
            raise TypeError(f"{name}: expected a result of meanap.evaluate, found a {type(value).__name__}")
    if a.image_ids != b.image_ids:
        only = set(a.image_ids) ^ set(b.image_ids)
        raise ValueError(f"the results are of other images: {len(only)} are in one of them only")
    if (a.protocol.thresholds, a.protocol.summary) != (b.protocol.thresholds, b.protocol.summary):
        raise ValueError(f"the results are of other protocols: {a.protocol.name!r} and {b.protocol.name!r}")
    rows = [a._row(name) for name in (names or a._rows)]
    shared = [id for id in a.category_ids if id in set(b.category_ids)]
    found: dict[str, list[np.ndarray]] = {row.name: [] for row in rows}
    by_class: list[list[np.ndarray]] = [[] for _ in shared]
    # Rows of one area range and limit share their samples: AP and recall come from one pass.
    places = {row.name: a._places(row)[1:] for row in rows}
    samplers = {place: (a._resampler(*place), b._resampler(*place)) for place in set(places.values())}
    with Progress(progress, resamples, "comparing") as told:
        for weights in draw(len(a.image_ids), resamples, seed):
            held = {place: (of_a(weights), of_b(weights)) for place, (of_a, of_b) in samplers.items()}
            for row in rows:
                of_a, of_b = (samples[row.kind == "recall"] for samples in held[places[row.name]])
                found[row.name].append(means(b, row, of_b) - means(a, row, of_a))
            first = rows[0]
            if a.protocol.average == "macro":
                of_a, of_b = (samples[first.kind == "recall"] for samples in held[places[first.name]])
                for differences, id in zip(by_class, shared, strict=True):
                    differences.append(means(b, first, of_b, id) - means(a, first, of_a, id))
            told.advance(len(weights))
    columns = _columns([(a.number(row), b.number(row)) for row in rows], list(found.values()), confidence)
    comparison = Comparison({"number": [row.name for row in rows], **columns})
    values = [(a.number(rows[0], id), b.number(rows[0], id)) for id in shared]
    comparison.per_class = Table(
        {
            "category": shared,
            "name": [a._name(id) for id in shared],
            **_columns(values, by_class if a.protocol.average == "macro" else [[]] * len(shared), confidence),
        }
    )
    return comparison


def _columns(
    values: list[tuple[float, float]], chunks: list[list[np.ndarray]], confidence: float
) -> dict[str, np.ndarray]:
    pairs = np.array(values, dtype=np.float64).reshape(-1, 2)
    rows = [_judged(np.concatenate(parts) if parts else np.zeros(0), confidence) for parts in chunks]
    low, high, p = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    difference = pairs[:, 1] - pairs[:, 0]
    return {
        "baseline": pairs[:, 0],
        "candidate": pairs[:, 1],
        "difference": difference,
        "low": low,
        "high": high,
        "p": p,
        "better": low > 0,
    }


def _judged(differences: np.ndarray, confidence: float) -> tuple[float, float, float]:
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return math.nan, math.nan, math.nan
    low, high = np.quantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2])
    count = len(differences)
    below = (np.count_nonzero(differences <= 0) + 1) / (count + 1)
    above = (np.count_nonzero(differences >= 0) + 1) / (count + 1)
    return float(low), float(high), float(min(1.0, 2 * min(below, above)))
