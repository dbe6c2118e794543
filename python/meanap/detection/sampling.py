"""How sure a number is: bootstrap over images."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from meanap.detection.progress import Progress
from meanap.detection.table import Table
from meanap.protocol import SummaryRow

if TYPE_CHECKING:
    from meanap.detection.result import Result

__all__ = ["Interval", "Intervals", "Samples", "check", "draw", "interval", "intervals", "means"]

#: Numbers of each sample, threshold and category: ``(B, T, K)``, NaN where there is nothing to find.
Samples: TypeAlias = np.ndarray

#: Samples drawn between two looks at the keyboard.
_CHUNK = 128


@dataclass(frozen=True)
class Interval:
    """A number and where it would lie on other images drawn like these.

    Attributes
    ----------
    value
        The number itself.
    low, high
        The interval, by percentiles of the resampled numbers.
    error
        Their standard deviation.
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

    def __str__(self) -> str:
        return f"{self.name} = {self.value:.3f} [{self.low:.3f}, {self.high:.3f}] ({self.confidence:.0%})"


class Intervals(Table):
    """One row for each number: ``number``, ``value``, ``low``, ``high``, ``error``.

    Attributes
    ----------
    per_class : Table
        The first number of each category: ``category``, ``name``, ``value``, ``low``, ``high``.
    samples : dict
        The resampled numbers ``(B,) float64`` by name.
    confidence : float
    """

    per_class: Table
    samples: dict[str, np.ndarray]
    confidence: float


def draw(images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Weights of images ``(b, I) uint32``, in chunks: how often each was drawn."""
    try:
        generator = np.random.default_rng(operator.index(seed))
    except (TypeError, ValueError):
        raise ValueError(f"seed: expected an integer of at least 0, found {seed!r}") from None
    for start in range(0, resamples, _CHUNK):
        count = min(_CHUNK, resamples - start)
        weights = np.zeros((count, images), dtype=np.uint32)
        for row in weights:
            row[:] = np.bincount(generator.integers(images, size=images), minlength=images)
        yield weights


def means(result: Result, row: SummaryRow, samples: Samples, category: Any = None) -> np.ndarray:
    """The number of each sample: ``(B,)``; NaN where there is none."""
    thresholds, _, _ = result._places(row)
    values = samples[:, thresholds]
    if category is not None:
        values = values[..., result._position(category)]
    elif result.protocol.average == "macro" and row.group is not None:
        values = values[..., result._columns_of(row)]
    values = values.reshape(len(values), -1)
    present = ~np.isnan(values)
    count = present.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(present, values, 0.0).sum(axis=1) / np.where(count, count, math.nan)


def interval(
    result: Result,
    name: str | SummaryRow,
    confidence: float,
    resamples: int,
    category: Any,
    seed: int,
    progress: Any,
) -> Interval:
    check(confidence, resamples)
    row = result._row(name)
    images = len(result.image_ids)
    value = result.number(row, category)
    if not images or math.isnan(value):
        return Interval(row.name, value, math.nan, math.nan, confidence, math.nan, np.full(resamples, math.nan))
    found, sampler = [], result._sampler(row)
    with Progress(progress, resamples, "resampling") as told:
        for weights in draw(images, resamples, seed):
            found.append(means(result, row, sampler(weights), category))
            told.advance(len(weights))
    samples = np.concatenate(found)
    low, high = np.nanquantile(samples, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(row.name, value, float(low), float(high), confidence, float(np.nanstd(samples)), samples)


def intervals(
    result: Result,
    names: Sequence[str | SummaryRow] | None,
    confidence: float,
    resamples: int,
    seed: int,
    progress: Any,
) -> Intervals:
    check(confidence, resamples)
    rows = [result._row(name) for name in (result._rows if names is None else names)]
    if not rows:
        raise ValueError("names: expected at least one number")
    found: list[list[np.ndarray]] = [[] for _ in rows]
    ids = result.category_ids if result.protocol.average == "macro" else []
    by_class: list[list[np.ndarray]] = [[] for _ in ids]
    # Rows of one area range and limit share their samples.
    places = [result._places(row)[1:] for row in rows]
    samplers = {place: result._resampler(*place) for place in places}
    with Progress(progress, resamples, "resampling") as told:
        for weights in draw(len(result.image_ids), resamples, seed):
            held = {place: sampler(weights) for place, sampler in samplers.items()}
            for index, (row, place) in enumerate(zip(rows, places, strict=True)):
                samples = held[place][row.kind == "recall"]
                found[index].append(means(result, row, samples))
                if index == 0:
                    for chunks, id in zip(by_class, ids, strict=True):
                        chunks.append(means(result, row, samples, id))
            told.advance(len(weights))
    table = Intervals(
        {"number": [row.name for row in rows], **_bounds([result.number(row) for row in rows], found, confidence)},
        title=f"{confidence:.0%} intervals, {resamples} resamples",
    )
    table.samples = {row.name: _joined(chunks) for row, chunks in zip(rows, found, strict=True)}
    table.confidence = confidence
    values = [result.number(rows[0], id) for id in ids]
    table.per_class = Table(
        {
            "category": list(ids),
            "name": [result._name(id) for id in ids],
            **_bounds(values, by_class, confidence),
        }
    )
    return table


def _joined(chunks: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(chunks) if chunks else np.zeros(0)


def _bounds(values: list[float], samples: list[list[np.ndarray]], confidence: float) -> dict[str, np.ndarray]:
    """Value, bounds and standard deviation of each row; NaN where no sample has the number."""
    told = np.full((len(values), 4), math.nan)
    for row, (value, chunks) in enumerate(zip(values, samples, strict=True)):
        present = _joined(chunks)
        present = present[~np.isnan(present)]
        told[row, 0] = value
        if len(present) and not math.isnan(value):
            told[row, 1:3] = np.quantile(present, [(1 - confidence) / 2, (1 + confidence) / 2])
            told[row, 3] = present.std()
    return dict(zip(("value", "low", "high", "error"), told.T, strict=True))


def check(confidence: float, resamples: int, least: int = 1) -> None:
    """Whether an interval can be had.

    Raises
    ------
    ValueError
        The confidence is not between 0 and 1, or there are fewer resamples than `least`.
    """
    if not isinstance(confidence, (int, float, np.number)) or not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number between 0 and 1, found {confidence!r}")
    whole = isinstance(resamples, (int, np.integer)) and not isinstance(resamples, bool)
    if not whole or resamples < least:
        raise ValueError(f"resamples: expected a whole number of at least {least}, found {resamples!r}")
