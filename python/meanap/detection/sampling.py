"""Confidence intervals: bootstrap over images."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from meanap.detection.progress import Progress
from meanap.protocol import SummaryRow
from meanap.table import Table

if TYPE_CHECKING:
    from meanap.detection.result import Result

__all__ = ["Interval", "Intervals", "Samples", "check", "draw", "interval", "means"]

#: Numbers of each sample, threshold and category: ``(B, T, K)``, NaN without ground truth.
Samples: TypeAlias = np.ndarray

#: Resamples between two checks for Ctrl-C.
_CHUNK = 128


@dataclass(frozen=True)
class Interval:
    """A number with its bootstrap confidence interval.

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
    """Weights of images ``(b, I) uint32``, in chunks: how often each is in the resample."""
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
    names: str | SummaryRow | Sequence[str | SummaryRow] | None,
    confidence: float,
    resamples: int,
    category: Any,
    seed: int,
    progress: Any,
) -> Interval | Intervals:
    check(confidence, resamples)
    single = isinstance(names, (str, SummaryRow))
    wanted = [names] if single else list(result) if names is None else names
    rows = [result._row(name) for name in wanted]
    if not rows:
        raise ValueError("names: expected at least one number")
    values = [result.number(row, category) for row in rows]
    per_class = category is None and not single and result.protocol.average == "macro"
    ids = result.category_ids if per_class else []
    found: list[list[np.ndarray]] = [[] for _ in rows]
    by_class: list[list[np.ndarray]] = [[] for _ in ids]
    # Rows of one area range and limit share their samples.
    places = [result._places(row)[1:] for row in rows]
    images = 0 if np.isnan(values).all() else len(result.image_ids)
    samplers = {place: result._resampler(*place) for place in places if images}
    with Progress(progress, resamples, "resampling") as told:
        for weights in draw(images, resamples, seed) if images else ():
            held = {place: sampler(weights) for place, sampler in samplers.items()}
            for index, (row, place) in enumerate(zip(rows, places, strict=True)):
                samples = held[place][row.kind == "recall"]
                found[index].append(means(result, row, samples, category))
                if index == 0:
                    for chunks, id in zip(by_class, ids, strict=True):
                        chunks.append(means(result, row, samples, id))
            told.advance(len(weights))
    joined = [np.concatenate(chunks) if chunks else np.full(resamples, math.nan) for chunks in found]
    bounds = _bounds(values, joined, confidence)
    if single:
        low, high, error = (float(bounds[name][0]) for name in ("low", "high", "error"))
        return Interval(rows[0].name, values[0], low, high, confidence, error, joined[0])
    table = Intervals(
        {"number": [row.name for row in rows], **bounds},
        title=f"{confidence:.0%} intervals, {resamples} resamples",
    )
    table.samples = {row.name: samples for row, samples in zip(rows, joined, strict=True)}
    table.confidence = confidence
    of_classes = [result.number(rows[0], id) for id in ids]
    table.per_class = Table(
        {
            "category": list(ids),
            "name": [result._name(id) for id in ids],
            **_bounds(of_classes, [np.concatenate(chunks or [np.zeros(0)]) for chunks in by_class], confidence),
        }
    )
    return table


def _bounds(values: list[float], samples: list[np.ndarray], confidence: float) -> dict[str, np.ndarray]:
    """Value, bounds and standard deviation of each row; NaN where no resample defines the number."""
    told = np.full((len(values), 4), math.nan)
    for row, (value, present) in enumerate(zip(values, samples, strict=True)):
        present = present[~np.isnan(present)]
        told[row, 0] = value
        if len(present) and not math.isnan(value):
            told[row, 1:3] = np.quantile(present, [(1 - confidence) / 2, (1 + confidence) / 2])
            told[row, 3] = present.std()
    return dict(zip(("value", "low", "high", "error"), told.T, strict=True))


def check(confidence: float, resamples: int, least: int = 1) -> None:
    """Checks that an interval can be computed.

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
