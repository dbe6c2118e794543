"""The confusions of classes that a report shows: the matrix at first, and the counts at each score threshold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from meanap._counts import counts_of
from meanap.detection.confusion import Confusion, counts_by_score
from meanap.report.views import OUTCOMES, Choices, if_matched

if TYPE_CHECKING:
    from meanap import _core
    from meanap.detection import Result

__all__ = ["Confusions"]

#: Classes of the confusion matrix, confusions that can be listed, and those that are listed at first.
_MATRIX, _PAIRS, _LISTED = 20, 2000, 100
#: The threshold of the confusion that a check takes.
_OF_CHECK = 0.5


class Confusions(NamedTuple):
    """The confusions of a result and of a baseline.

    Each side is matched once for all IoU thresholds, and the tables of one threshold are freed before those of the next
    are made.
    """

    #: The confusion at the first choices; None without any.
    first: dict[str, Any] | None
    #: For each IoU threshold the counts at each score threshold, and the baseline's largest confusions; None without.
    by_score: list[dict[str, Any] | None]
    before: list[list[list[int]] | None]
    #: The confusion of all detections at an IoU of 0.5, if that is the first threshold.
    whole: Confusion | None

    @classmethod
    def of(cls, result: Result, versus: Result | None, choices: Choices) -> Confusions:
        """The confusions at the IoU and score thresholds that a report offers."""
        count = len(choices.ious)
        by_score: list[dict[str, Any] | None] = [None] * count
        before: list[list[list[int]] | None] = [None] * count
        found = other = whole = None
        place = np.zeros(0, dtype=np.int64)
        for index, table in _tables(result, choices):
            if found is None:
                found = Confusion.of(result.scores, choices.iou, choices.score, table)
                place = found.condensing(_MATRIX)[0]
                if choices.iou == _OF_CHECK:
                    whole = Confusion.of(result.scores, choices.iou, -math.inf, table)
            by_score[index] = _by_score(table, choices, place)
        if found is None:
            return cls(None, by_score, before, None)
        if versus is not None:
            for index, table in _tables(versus, choices):
                if index == choices.first:
                    other = Confusion.of(versus.scores, choices.iou, choices.versus_score, table)
                before[index] = _pairs_of(table, choices)
        return cls(_section(found, other), by_score, before, whole)


def _tables(result: Result, choices: Choices) -> Iterator[tuple[int, _core.Matches]]:
    """The confusion table at each IoU threshold, that of the first choice first; none of a result that cannot match."""
    if not result.protocol.by_category:
        return
    order = choices.order()
    tables = if_matched(result.scores.confusion_tables, [choices.ious[index] for index in order])
    for index in order if tables is not None else ():
        table = if_matched(next, tables, None)
        if table is None:
            # Of a metric object that matches at the first threshold alone.
            return
        yield index, table


def _section(found: Confusion, versus: Confusion | None) -> dict[str, Any]:
    matrix, names = found.condensed(_MATRIX)
    objects = found.matrix.sum(axis=1)
    # Both have the categories of the ground truth, and those of their detections.
    place = {id: k for k, id in enumerate(found.categories)}
    before = np.zeros_like(found.matrix)
    if versus is not None:
        known = [k for k, id in enumerate(versus.categories) if id in place]
        to = [place[versus.categories[k]] for k in known]
        before[np.ix_(to, to)] = versus.matrix[np.ix_(known, known)]
    rows = []
    for i, j in zip(*np.nonzero((found.matrix + before)[:-1, :-1]), strict=True):
        if i != j:
            rows.append((int(found.matrix[i, j]), int(before[i, j]), int(i), int(j)))
    rows.sort(key=lambda row: (-row[0], -row[1], *row[2:]))
    return {
        **{name: getattr(found, name) for name in ("misclassified", *OUTCOMES)},
        "names": names,
        "matrix": matrix.tolist(),
        "pairs": [
            {
                "truth": found.names[i],
                "detected": found.names[j],
                "count": count,
                "fraction": count / int(objects[i]) if objects[i] else math.nan,
                "baseline": None if versus is None else count_before,
            }
            for count, count_before, i, j in rows[:_LISTED]
        ],
    }


def _by_score(table: _core.Matches, choices: Choices, place: np.ndarray) -> dict[str, Any]:
    """Counts by true and predicted class, each as what it is at the highest score threshold and what is added below.

    ``matrix`` has those of the rows and columns shown, ``pairs`` those of the largest confusions of two classes.
    """
    objects, changes = counts_by_score(table, choices.grid)
    background = len(objects) - 1
    size = int(place.max()) + 1
    condensed = np.zeros((size, size, len(choices.grid)), dtype=np.int64)
    truth, detected, step, count = changes.T
    np.add.at(condensed, (place[truth], place[detected], step), count)
    at_none = np.zeros((size, size), dtype=np.int64)
    np.add.at(at_none, (place, np.full_like(place, size - 1)), objects)
    matrix = [[[int(at_none[i, j]), *_changes(condensed[i, j])] for j in range(size)] for i in range(size)]
    diagonal = (truth == detected) & (truth < background)
    correct = counts_of(step[diagonal], weights=count[diagonal], length=len(choices.grid)).astype(np.int64)
    return {
        "matrix": matrix,
        "correct": _changes(correct),
        "pairs": _pairs(changes, background),
        "objects": objects[:-1].tolist(),
    }


def _pairs_of(table: _core.Matches, choices: Choices) -> list[list[int]]:
    objects, changes = counts_by_score(table, choices.grid)
    return _pairs(changes, len(objects) - 1)


def _pairs(changes: np.ndarray, background: int) -> list[list[int]]:
    """The largest confusions of two classes: the true and the predicted one, and what is added at each step."""
    truth, detected, step, count = changes.T
    between = (truth != detected) & (truth < background) & (detected < background)
    cells, of = np.unique(truth[between] * (background + 1) + detected[between], return_inverse=True)
    totals = counts_of(of, weights=count[between], length=len(cells))
    steps, counts = step[between], count[between]
    order = np.argsort(of, kind="stable")
    bounds = np.searchsorted(of[order], np.arange(len(cells) + 1))
    pairs = []
    for cell in np.argsort(-totals, kind="stable")[:_PAIRS].tolist():
        rows = order[bounds[cell] : bounds[cell + 1]]
        listed = np.stack([steps[rows], counts[rows]], axis=1)
        pairs.append([*divmod(int(cells[cell]), background + 1), *listed[listed[:, 0].argsort()].ravel().tolist()])
    return pairs


def _changes(by_step: np.ndarray) -> list[int]:
    steps = np.flatnonzero(by_step)
    flat: list[int] = np.stack([steps, by_step[steps]], axis=1).ravel().tolist()
    return flat
