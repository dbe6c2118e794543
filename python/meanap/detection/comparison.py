"""Comparison of a candidate with a baseline: a paired bootstrap over the images."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._arrays import kind_of
from meanap._keywords import suggesting
from meanap._progress import Progress
from meanap.detection.result import Result
from meanap.detection.sampling import class_means, means
from meanap.errors import InputError
from meanap.statistics import Comparison, check_options, differences, resampled
from meanap.table import Table

if TYPE_CHECKING:
    from meanap._types import NumberName
    from meanap.detection.scores import Sources

__all__ = ["compare"]


@suggesting()
def compare(
    baseline: Result,
    candidate: Result,
    names: NumberName | Sequence[NumberName] | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    progress: bool | Callable[[int, int], object] = False,
) -> Comparison:
    """Compare a candidate with a baseline on the same images.

    In each bootstrap resample both have the same images (a paired bootstrap), so that the difficulty of images cancels.

    Parameters
    ----------
    baseline, candidate : Result
        Evaluations of the same images by the same protocol. The slices of the candidate are compared, too.
    names
        A number of the summary, or several; all by default.
    confidence
        The confidence level of the intervals, between 0 and 1.
    resamples
        How many bootstrap resamples.
    seed
        The same seed gives the same resamples.
    progress
        As for `meanap.evaluate`, of resamples.

    Returns
    -------
    Comparison
        A row for each number. Differences are candidate minus baseline: above 0 the candidate is better, except for
        miss rates, of which lower is better.

    Raises
    ------
    ValueError
        The results have different images or protocols, or an option is out of range.
    KeyError
        There is no such number.
    TypeError
        `baseline` or `candidate` is not a result.

    >>> import meanap
    >>> truth = [{"boxes": [[0, 0, 10, 10]], "labels": [1]}] * 4
    >>> old = [{"boxes": [[0, 0, 10, 6]], "labels": [1], "scores": [0.9]}] * 4
    >>> new = [{"boxes": [[0, 0, 10, 10]], "labels": [1], "scores": [0.9]}] * 4
    >>> row = meanap.compare(meanap.evaluate(truth, old), meanap.evaluate(truth, new), ["ap"])[0]
    >>> round(row["difference"], 3), row["better"]
    (0.7, True)
    """
    check_options(confidence, resamples)
    for name, value in (("baseline", baseline), ("candidate", candidate)):
        if not isinstance(value, Result):
            ranking = type(value).__module__.startswith("meanap.ranking")
            hint = "; meanap.ranking.compare takes results of rankings" if ranking else ""
            raise TypeError(f"{name}: expected a result of meanap.evaluate, found {kind_of(value)}{hint}")
    a, b = baseline.scores, candidate.scores
    if a.image_ids != b.image_ids:
        only = set(a.image_ids) ^ set(b.image_ids)
        raise InputError(f"the results are of other images: {len(only)} are in one of them only")
    if (a.protocol.thresholds, a.protocol.summary) != (b.protocol.thresholds, b.protocol.summary):
        raise InputError(f"the results are of other protocols: {a.protocol.name!r} and {b.protocol.name!r}")
    rows = [a.row(name) for name in ([names] if isinstance(names, str) else names or a.rows)]
    first, also = rows[0], set(b.category_ids)
    shared = [id for id in a.category_ids if id in also]
    places_a, places_b = ([scores.position(id) for id in shared] for scores in (a, b))
    macro = a.protocol.average != "micro"
    found: list[list[np.ndarray]] = [[np.zeros(0)] for _ in rows]
    by_class: list[np.ndarray] = [np.zeros((len(shared), 0))]
    resample_a, resample_b = a.resampler(rows), b.resampler(rows)

    def take(weights: np.ndarray) -> None:
        # The numbers of all thresholds and categories are freed before the next ones are made.
        of_a, of_b = resample_a(weights), resample_b(weights)
        for chunks, row, in_a, in_b in zip(found, rows, of_a, of_b, strict=True):
            chunks.append(means(b, row, in_b, weights) - means(a, row, in_a, weights))
        if macro:
            first_a, first_b = class_means(a, first, of_a[0], places_a), class_means(b, first, of_b[0], places_b)
            by_class.append(first_b - first_a)

    with Progress(progress, resamples, "comparing") as steps:
        for weights in resampled(len(a.image_ids), resamples, seed):
            take(weights)
            steps.advance(len(weights))
    values = [(a.number(row), b.number(row)) for row in rows]
    of_classes = [(a.number(first, id), b.number(first, id)) for id in shared]
    less = [row.kind == "miss_rate" for row in rows]
    columns = differences(values, [np.concatenate(chunks) for chunks in found], confidence, less)
    per_class = differences(of_classes, list(np.concatenate(by_class, axis=1)), confidence, less[0])
    return Comparison(
        {"number": [row.name for row in rows], **columns},
        Table({**a.named(shared), **per_class}),
        names=_names(a.sources, b.sources),
        slices=_of_slices(baseline, candidate, first.name, confidence=confidence, resamples=resamples, seed=seed),
    )


def _of_slices(baseline: Result, candidate: Result, name: Any, **options: Any) -> Table:
    """The comparison of a number in each slice of the candidate."""
    slices = candidate.slices.results
    if not slices:
        return Table({})
    others = baseline.sliced({slice: part.image_ids for slice, part in slices.items()}).slices.results
    rows = [compare(others[slice], part, [name], **options)[0] for slice, part in slices.items()]
    columns = {column: np.array([row[column] for row in rows]) for column in rows[0] if column != "number"}
    images = np.array([len(part.image_ids) for part in slices.values()])
    return Table({"slice": list(slices), "images": images, **columns}, f"{name}: candidate - baseline")


def _names(*sources: Sources | None) -> tuple[str, str]:
    """The names of the two files of detections, if they are known and different; else "baseline" and "candidate"."""
    first, second = (None if files is None else os.path.basename(files.detections) for files in sources)
    if first is None or second is None or first == second:
        return "baseline", "candidate"
    return os.fsdecode(first), os.fsdecode(second)
