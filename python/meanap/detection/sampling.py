"""Confidence intervals: bootstrap over images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from meanap._progress import Progress
from meanap.detection.scores import Samples, Scores
from meanap.protocol import SummaryRow
from meanap.statistics import Interval, Intervals, bounds, check_options, resampled
from meanap.table import Table

__all__ = ["class_means", "interval", "means"]


def means(scores: Scores, row: SummaryRow, samples: Samples, drawn: np.ndarray) -> np.ndarray:
    """A row's number in each sample, of the weights of images `drawn` ``(B, I)``: ``(B,)``; NaN where there is none."""
    values = samples[:, scores.places(row)[0]]
    if scores.protocol.average == "micro":
        return _mean(values.reshape(len(values), -1))
    columns, some = scores.columns_of(row), scores.images_of(row)
    values = values[..., columns]
    weights = scores.category_weights(drawn if some is None else drawn * some)
    if weights is not None:
        weights = np.broadcast_to(weights[:, None, columns], values.shape).reshape(len(values), -1)
    return _mean(values.reshape(len(values), -1), weights)


def class_means(scores: Scores, row: SummaryRow, samples: Samples, positions: Sequence[int]) -> np.ndarray:
    """A row's number of single categories in each sample: ``(C, B)``; NaN where there is none."""
    values = samples[:, scores.places(row)[0]]
    return _mean(np.ascontiguousarray(np.moveaxis(values, 2, 0)[list(positions)]))


def _mean(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The mean over the last axis of what is not NaN; NaN where nothing is."""
    present = ~np.isnan(values)
    counted = present if weights is None else present * weights
    count, defined = counted.sum(axis=-1), np.where(present, values, 0.0)
    with np.errstate(invalid="ignore"):
        total = (defined if weights is None else defined * weights).sum(axis=-1)
        mean: np.ndarray = total / np.where(count, count, math.nan)
    return mean


def interval(
    scores: Scores,
    names: str | SummaryRow | Sequence[str | SummaryRow] | None,
    confidence: float,
    resamples: int,
    category: Any,
    seed: int,
    progress: Any,
) -> Interval | Intervals:
    """`Result.interval` of scores."""
    check_options(confidence, resamples)
    single = isinstance(names, (str, SummaryRow))
    wanted: Any = [names] if single else scores.rows if names is None else names
    rows = [scores.row(name) for name in wanted]
    if not rows:
        raise ValueError("names: expected at least one number")
    values = [scores.number(row, category) for row in rows]
    by_class = category is None and not single and scores.protocol.average != "micro"
    ids = scores.category_ids if by_class else []
    positions = [scores.position(id) for id in (ids if category is None else [category])]
    found: list[list[np.ndarray]] = [[] for _ in rows]
    of_classes: list[np.ndarray] = []
    images = 0 if np.isnan(values).all() else len(scores.image_ids)
    resample = scores.resampler(rows if images else [])

    def take(weights: np.ndarray) -> None:
        # The numbers of all thresholds and categories are freed before the next ones are made.
        drawn = resample(weights)
        for chunks, row, samples in zip(found, rows, drawn, strict=True):
            if category is None:
                chunks.append(means(scores, row, samples, weights))
            else:
                chunks.append(class_means(scores, row, samples, positions)[0])
        if ids:
            of_classes.append(class_means(scores, rows[0], drawn[0], positions))

    with Progress(progress, resamples, "resampling") as steps:
        for weights in resampled(images, resamples, seed) if images else ():
            take(weights)
            steps.advance(len(weights))
    joined = [np.concatenate(chunks) if chunks else np.full(resamples, math.nan) for chunks in found]
    if single:
        return Interval.of(rows[0].name, values[0], joined[0], confidence)
    per_class = list(np.concatenate(of_classes, axis=1) if of_classes else np.zeros((len(ids), 0)))
    return Intervals(
        {"number": [row.name for row in rows], **bounds(values, joined, confidence)},
        f"{confidence:.0%} intervals, {resamples} resamples",
        Table({**scores.named(ids), **bounds([scores.number(rows[0], id) for id in ids], per_class, confidence)}),
        {row.name: samples for row, samples in zip(rows, joined, strict=True)},
        confidence,
    )
