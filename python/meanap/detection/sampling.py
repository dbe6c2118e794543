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

__all__ = ["interval", "means"]


def means(scores: Scores, row: SummaryRow, samples: Samples, category: Any = None) -> np.ndarray:
    """The number of each sample: ``(B,)``; NaN where there is none."""
    thresholds, _, _ = scores.places(row)
    values = samples[:, thresholds]
    if category is not None:
        values = values[..., scores.position(category)]
    elif scores.protocol.average == "macro" and row.group is not None:
        values = values[..., scores.columns_of(row)]
    values = values.reshape(len(values), -1)
    present = ~np.isnan(values)
    count = present.sum(axis=1)
    with np.errstate(invalid="ignore"):
        found: np.ndarray = np.where(present, values, 0.0).sum(axis=1) / np.where(count, count, math.nan)
    return found


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
    by_class = category is None and not single and scores.protocol.average == "macro"
    ids = scores.category_ids if by_class else []
    found: list[list[np.ndarray]] = [[] for _ in rows]
    of_classes: list[list[np.ndarray]] = [[] for _ in ids]
    # Rows of one area range and limit share their samples.
    places = [scores.places(row)[1:] for row in rows]
    images = 0 if np.isnan(values).all() else len(scores.image_ids)
    samplers = {place: scores.resampler(*place) for place in places if images}
    with Progress(progress, resamples, "resampling") as told:
        for weights in resampled(images, resamples, seed) if images else ():
            held = {place: sampler(weights) for place, sampler in samplers.items()}
            for index, (row, place) in enumerate(zip(rows, places, strict=True)):
                samples = held[place][row.kind == "recall"]
                found[index].append(means(scores, row, samples, category))
                if index == 0:
                    for chunks, id in zip(of_classes, ids, strict=True):
                        chunks.append(means(scores, row, samples, id))
            told.advance(len(weights))
    joined = [np.concatenate(chunks) if chunks else np.full(resamples, math.nan) for chunks in found]
    if single:
        return Interval.of(rows[0].name, values[0], joined[0], confidence)
    per_class = [np.concatenate(chunks) if chunks else np.zeros(0) for chunks in of_classes]
    return Intervals(
        {"number": [row.name for row in rows], **bounds(values, joined, confidence)},
        f"{confidence:.0%} intervals, {resamples} resamples",
        Table({**scores.named(ids), **bounds([scores.number(rows[0], id) for id in ids], per_class, confidence)}),
        {row.name: samples for row, samples in zip(rows, joined, strict=True)},
        confidence,
    )
