"""Confidence intervals, bootstrap resamples, and comparisons of a candidate with a baseline.

One class each for detection and ranking; differences are the candidate's number minus the baseline's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from meanap._counts import counts_of
from meanap._printable import on_one_line
from meanap._settings import repetitions, whole
from meanap.table import Table, html_table

__all__ = [
    "Comparison",
    "Difference",
    "Interval",
    "Intervals",
    "bounds",
    "check_options",
    "differences",
    "percentiles",
    "resampled",
    "verdict",
    "verdict_of",
]

#: Resamples of a chunk: Ctrl-C is handled between two chunks.
_CHUNK = 128

#: Resamples that one call of NumPy draws.
_AT_ONCE = 8


@dataclass(frozen=True)
class Interval:
    """A number with its bootstrap confidence interval.

    Attributes
    ----------
    name
        What the number is called.
    value
        The number itself.
    low, high
        The bounds of the interval: percentiles of the resampled numbers.
    confidence
        The confidence level, from 0 to 1.
    error
        The standard deviation of the resampled numbers.
    samples : (B,) float64
        The resampled numbers.
    """

    name: str
    value: float
    low: float
    high: float
    confidence: float
    error: float
    samples: np.ndarray = field(repr=False, compare=False)

    @classmethod
    def of(cls, name: str, value: float, samples: np.ndarray, confidence: float) -> Interval:
        """The interval of a number from its resampled values ``(B,)``, without those that are NaN.

        ``low``, ``high`` and ``error`` are NaN if `value` is NaN or no resampled value is left.
        """
        low, high = percentiles(samples, confidence) if not math.isnan(value) else (math.nan, math.nan)
        present = samples[~np.isnan(samples)]
        error = float(present.std()) if len(present) and not math.isnan(value) else math.nan
        return cls(name, value, low, high, confidence, error, samples)

    def __str__(self) -> str:
        return f"{self.name} = {self.value:.3f} [{self.low:.3f}, {self.high:.3f}] ({self.confidence:.0%})"

    def _repr_html_(self) -> str:
        columns = {name: [getattr(self, name)] for name in ("name", "value", "low", "high", "error")}
        return Table(columns, f"{self.confidence:.0%} interval")._repr_html_()


class Intervals(Table):
    """One row for each number: ``number``, ``value``, ``low``, ``high``, ``error``.

    Attributes
    ----------
    per_class : Table
        The first number of each category: ``category``, ``name``, ``value``, ``low``, ``high``, ``error``; empty where
        there are no categories.
    samples : dict
        The resampled numbers ``(B,) float64`` by name.
    confidence : float
    """

    def __init__(
        self,
        columns: Mapping[str, Any],
        title: str,
        per_class: Table | None,
        samples: dict[str, np.ndarray],
        confidence: float,
    ) -> None:
        super().__init__(columns, title)
        self.per_class: Table = Table({}) if per_class is None else per_class
        self.samples = samples
        self.confidence = confidence


class Comparison(Table):
    """Comparison of a candidate with a baseline: one row for each number.

    Columns: ``number``, its name; ``baseline`` and ``candidate``, its values; ``difference``, candidate minus baseline;
    ``low`` and ``high``, the bootstrap confidence interval of the difference; ``p``, the two-sided p-value of the
    difference being zero; ``better``, whether the candidate is significantly better: the interval is above 0, or below
    0 for miss rates, which are better if they are lower. A comparison of several ranked runs begins with a column
    of their names, and has ``corrected``, the p-value with Holm's correction, after ``p``.

    Attributes
    ----------
    per_class : Table
        The same for the first number of each category: ``category`` and ``name`` replace ``number``. Empty where there
        are no categories.
    slices : Table
        The same for the first number of each slice of the candidate: ``slice`` and ``images`` replace ``number``. Empty
        where there are no slices.
    names : tuple of str
        What baseline and candidate are called in plots: their files, where these are known.
    """

    def __init__(
        self,
        columns: Mapping[str, Any],
        per_class: Table | None = None,
        title: str = "",
        names: tuple[str, str] = ("baseline", "candidate"),
        slices: Table | None = None,
    ) -> None:
        super().__init__(columns, title)
        self.per_class: Table = Table({}) if per_class is None else per_class
        self.slices: Table = Table({}) if slices is None else slices
        self.names: tuple[str, str] = names

    def _repr_html_(self) -> str:
        names = list(self.columns)
        names = names[: names.index("baseline")]
        p = "corrected" if "corrected" in self.columns else "p"
        rows = [
            [
                *(str(row[name]) for name in names),
                *(f"{row[name]:.3f}" for name in ("baseline", "candidate")),
                f"{row['difference']:+.3f}",
                f"[{row['low']:+.3f}, {row['high']:+.3f}]",
                f"{row[p]:.3f}",
                _MARKS[verdict_of(row)],
            ]
            for row in self
        ]
        head = [*names, "baseline", "candidate", "difference", "interval", p, ""]
        return html_table(head, rows, "difference: candidate - baseline; ▲▼: significant")


class Difference(Table):
    """Why two numbers of the same input differ: one row for each setting in which baseline and candidate differ.

    Columns: ``factor``, the setting; ``fields``, the names of its options, joined by commas; ``baseline`` and
    ``candidate``, its value in either; ``value``, the baseline's number once this setting and those above it are the
    candidate's; ``change``, by how much this setting changes the number. The changes add up to ``difference``, and the
    last ``value`` is the candidate's number.

    Parameters
    ----------
    columns
        The columns listed above.
    number
        The name of the number.
    names
        The names of the baseline and the candidate.
    values
        The number of the baseline and of the candidate.
    ties
        ``ties(orders, seed)`` returns, for the baseline and for the candidate, the minimum, the mean and the maximum of
        the number over orders of equal scores.

    Attributes
    ----------
    number : str
        The name of the number.
    names : tuple of str
        The names of the baseline and the candidate.
    baseline, candidate : float
        The number of either.
    """

    def __init__(
        self,
        columns: Mapping[str, Any],
        number: str,
        names: tuple[str, str],
        values: tuple[float, float],
        ties: Callable[[int, int], list[tuple[float, float, float]]],
    ) -> None:
        super().__init__(columns)
        self.number = number
        self.names = names
        self.baseline: float = values[0]
        self.candidate: float = values[1]
        self._ties = ties

    @property
    def difference(self) -> float:
        """The candidate's number minus the baseline's."""
        return self.candidate - self.baseline

    def ties(self, orders: int = 100, seed: int = 0) -> Table:
        """The minimum, the mean and the maximum of either number over all orders of equal scores.

        A tool whose sort is not stable may give any value from the minimum to the maximum.

        Parameters
        ----------
        orders
            Of how many random orders the mean is taken, where it has no closed form.
        seed
            The same seed gives the same orders.

        Returns
        -------
        Table
            A row for the baseline and one for the candidate: ``side``, ``value``, ``least``, ``expected``,
            ``greatest``.
        """
        least, expected, greatest = zip(*self._ties(orders, seed), strict=True)
        return Table(
            {
                "side": list(self.names),
                "value": np.array([self.baseline, self.candidate]),
                "least": np.array(least),
                "expected": np.array(expected),
                "greatest": np.array(greatest),
            }
        )

    def _heading(self, baseline: str, candidate: str) -> str:
        numbers = f"{self.baseline:.4f} ({baseline}) -> {self.candidate:.4f} ({candidate}), {self.difference:+.4f}"
        return f"{self.number}: {numbers}"

    def __repr__(self) -> str:
        lines = [self._heading(*map(on_one_line, self.names))]
        for row in self:
            lines.append(f"  {row['change']:+.4f}  {row['factor']}: {row['baseline']} -> {row['candidate']}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            [
                str(row["factor"]),
                str(row["baseline"]),
                str(row["candidate"]),
                f"{row['value']:.4f}",
                f"{row['change']:+.4f}",
            ]
            for row in self
        ]
        return html_table(["factor", *self.names, self.number, "change"], rows, self._heading(*self.names))


#: Symbols for the verdict in tables.
_MARKS = {"better": "▲ candidate is better", "worse": "▼ candidate is worse", "no different": ""}


def verdict(low: float, high: float, tolerated: float = 0.0) -> Literal["better", "worse", "no different"]:
    """The verdict on a candidate, from the interval of a difference, candidate minus baseline.

    Parameters
    ----------
    low, high
        The bounds of the interval; NaN where there is none.
    tolerated
        The tolerated drop: the candidate is worse only if it has lost more than this.

    Returns
    -------
    str
        ``"better"``, ``"worse"`` or ``"no different"``.
    """
    if high < -tolerated:
        return "worse"
    return "better" if low > 0 else "no different"


def verdict_of(row: Mapping[str, Any], tolerated: float = 0.0) -> Literal["better", "worse", "no different"]:
    """The verdict on a row of a `Comparison`, which knows whether more or less of its number is better.

    Parameters
    ----------
    row
        A row with ``low``, ``high`` and ``better``.
    tolerated
        As for `verdict`.
    """
    if row["better"]:
        return "better"
    return "worse" if row["high"] < -tolerated or row["low"] > tolerated else "no different"


def check_options(confidence: float, resamples: int, seed: int = 0, least: int = 1) -> None:
    """Check the arguments of a bootstrap.

    Raises
    ------
    ValueError
        The confidence is not between 0 and 1, there are fewer resamples than `least` or more than ten million, or the
        seed is no integer of at least 0.
    """
    if not isinstance(confidence, (int, float, np.number)) or not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number between 0 and 1, found {confidence!r}")
    repetitions(resamples, "resamples", least)
    whole(seed, "seed", 0, 2**64 - 1)


def resampled(count: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Bootstrap resamples of images, in chunks that leave time to handle Ctrl-C.

    Parameters
    ----------
    count
        How many images there are.
    resamples
        How many resamples to draw.
    seed
        The same seed gives the same resamples.

    Yields
    ------
    np.ndarray
        ``(b, I) uint32`` for b resamples of I images: how often each image is drawn.

    Raises
    ------
    ValueError
        The seed is no integer of at least 0.
    """
    generator = np.random.default_rng(whole(seed, "seed", 0, 2**64 - 1))
    for start in range(0, resamples, _CHUNK):
        weights = np.zeros((min(_CHUNK, resamples - start), count), dtype=np.uint32)
        for some in range(0, len(weights), _AT_ONCE):
            rows = weights[some : some + _AT_ONCE]
            drawn = generator.integers(count, size=(len(rows), count)).astype(np.intp, copy=False)
            for row, images in zip(rows, drawn, strict=True):
                row[:] = counts_of(images, length=count)
        yield weights


def percentiles(samples: np.ndarray, confidence: float) -> tuple[float, float]:
    """The bounds of an interval from resampled numbers ``(B,)``, without those that are NaN; NaN if none is left."""
    present = np.sort(samples[~np.isnan(samples)])
    if not len(present):
        return math.nan, math.nan
    return _quantile(present, (1 - confidence) / 2), _quantile(present, (1 + confidence) / 2)


def _quantile(in_order: np.ndarray, q: float) -> float:
    """The same as `np.quantile`, which would import masked arrays and sort at each call."""
    place = (len(in_order) - 1) * q
    before = int(place)
    low, high = float(in_order[before]), float(in_order[min(before + 1, len(in_order) - 1)])
    part = place - before
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)


def bounds(values: list[float], samples: list[np.ndarray], confidence: float) -> dict[str, np.ndarray]:
    """The columns ``value``, ``low``, ``high`` and ``error`` of `Intervals`, from numbers and their resamples."""
    rows = [Interval.of("", value, of, confidence) for value, of in zip(values, samples, strict=True)]
    return {
        name: np.array([getattr(row, name) for row in rows], dtype=np.float64)
        for name in ("value", "low", "high", "error")
    }


def differences(
    values: list[tuple[float, float]],
    samples: list[np.ndarray],
    confidence: float,
    less: Sequence[bool] | bool = False,
) -> dict[str, np.ndarray]:
    """The columns of a `Comparison`, except those that name its rows.

    Parameters
    ----------
    values
        For each row, the number of the baseline and of the candidate.
    samples
        For each row, the differences in the resamples, ``(B,) float64``.
    confidence
        The confidence level of the intervals, between 0 and 1.
    less
        For each row, whether a lower number is better.
    """
    pairs = np.array(values, dtype=np.float64).reshape(-1, 2)
    limits = np.array([percentiles(of, confidence) for of in samples], dtype=np.float64).reshape(-1, 2)
    return {
        "baseline": pairs[:, 0],
        "candidate": pairs[:, 1],
        "difference": pairs[:, 1] - pairs[:, 0],
        "low": limits[:, 0],
        "high": limits[:, 1],
        "p": np.array([_p_value(of) for of in samples], dtype=np.float64),
        "better": np.where(less, limits[:, 1] < 0, limits[:, 0] > 0),
    }


def _p_value(samples: np.ndarray) -> float:
    """The two-sided bootstrap p-value of differences being zero."""
    samples = samples[~np.isnan(samples)]
    if not len(samples):
        return math.nan
    below, above = ((np.count_nonzero(side) + 1) / (len(samples) + 1) for side in (samples <= 0, samples >= 0))
    return float(min(1.0, 2 * min(below, above)))
