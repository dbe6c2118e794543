"""The confusion matrix: counts of objects by true and predicted class."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import in_order
from meanap._settings import number
from meanap.detection.operating import best_threshold
from meanap.detection.scores import Scores
from meanap.table import Table, html_table

__all__ = ["Confusion", "counts_by_score", "counts_of"]


class Confusion:
    """Counts of objects by true class (row) and predicted class (column); the last of either is the background.

    ``matrix[i, i]`` are true positives, ``matrix[i, j]`` objects of class i detected as j (misclassified),
    ``matrix[i, K]`` objects of class i that were not detected (false negatives), ``matrix[K, j]`` detections of class j
    that matched no object (false positives).

    Attributes
    ----------
    matrix : (K + 1, K + 1) int64
    categories : list
        Ids of the K classes.
    names : list of str
        Names of rows and columns; the last is "background".
    """

    def __init__(self, matrix: np.ndarray, categories: list[Any], names: list[str], iou: float, score: float) -> None:
        self.matrix = matrix
        self.categories = categories
        self.names = names
        self.iou = iou
        self.score = score

    @classmethod
    def of(cls, scores: Scores, iou: float, score: float | None, table: _core.Matches | None = None) -> Confusion:
        """Counts the pairs of a confusion table; without a score, from that with the best F1 on."""
        table = scores.confusion_table(iou) if table is None else table
        if score is None:
            score = best_threshold(scores, iou)
        score = number(score, "score")
        known = scores.category_ids if scores.protocol.by_category else []
        return cls.counted(counts_of(table, score), known, scores.name_of, iou, score)

    @classmethod
    def counted(
        cls,
        counts: Iterable[tuple[Any, Any, int]],
        known: Iterable[Any],
        name: Callable[[Any], str],
        iou: float,
        score: float,
    ) -> Confusion:
        """From the true class, the predicted class (None for the background), and the count."""
        counts = list(counts)
        seen = {id for *pair, _ in counts for id in pair if id is not None}
        categories = in_order(seen | set(known))
        place = {id: i for i, id in enumerate(categories)}
        background = place[None] = len(categories)
        matrix = np.zeros((background + 1, background + 1), dtype=np.int64)
        for truth, detected, count in counts:
            matrix[place[truth], place[detected]] += count
        return cls(matrix, categories, [*(name(id) for id in categories), "background"], iou, score)

    @property
    def true_positives(self) -> int:
        """True positives: objects detected as their own class."""
        return int(np.trace(self.matrix))

    @property
    def misclassified(self) -> int:
        """Objects detected as another class."""
        return int(self.matrix[:-1, :-1].sum()) - self.true_positives

    @property
    def false_negatives(self) -> int:
        """Objects not detected."""
        return int(self.matrix[:-1, -1].sum())

    @property
    def false_positives(self) -> int:
        """Detections that matched no object."""
        return int(self.matrix[-1].sum())

    def pairs(self, *, background: bool = True) -> Table:
        """The errors as a table, most frequent first.

        Columns: ``truth``, ``detected``, ``count``, and ``fraction``, that of the objects of class `truth` (NaN for the
        background, which has none).

        Without `background` only objects of one class detected as another: the misclassified ones.
        """
        wrong = self.matrix * ~np.eye(len(self.matrix), dtype=bool)
        if not background:
            wrong[-1] = wrong[:, -1] = 0
        rows, columns = np.nonzero(wrong)
        order = np.argsort(-wrong[rows, columns], kind="stable")
        rows, columns = rows[order], columns[order]
        objects = self.matrix.sum(axis=1).astype(np.float64)
        objects[-1] = math.nan
        return Table(
            {
                "truth": [self.names[i] for i in rows],
                "detected": [self.names[j] for j in columns],
                "count": wrong[rows, columns],
                "fraction": wrong[rows, columns] / objects[rows],
            }
        )

    def condensed(self, classes: int | None = 20) -> tuple[np.ndarray, list[str]]:
        """The counts and names of the classes in the largest confusions, of the others together, and of the background.

        In this order, the most confused first; with no more than `classes` classes, or None, all in their own order.
        Every object and every detection is in the counts.
        """
        place, names = self.condensing(classes)
        matrix = np.zeros((len(names), len(names)), dtype=np.int64)
        np.add.at(matrix, (place[:, None], place[None, :]), self.matrix)
        return matrix, names

    def condensing(self, classes: int | None) -> tuple[np.ndarray, list[str]]:
        """The row in the condensed matrix of each class and of the background ``(K + 1,)``, and the names of its rows.

        Raises
        ------
        ValueError
            `classes` is less than 1.
        """
        total = len(self.names) - 1
        if classes is not None and classes < 1:
            raise ValueError(f"classes: expected at least 1 or None, found {classes}")
        if classes is None or total <= classes:
            return np.arange(total + 1), list(self.names)
        confused = self.matrix[:-1, :-1] * ~np.eye(total, dtype=bool)
        rows, columns = np.nonzero(confused)
        largest = np.argsort(-confused[rows, columns], kind="stable")
        # Classes that are never confused follow by their false negatives and false positives.
        background = np.argsort(-(self.matrix[:-1, -1] + self.matrix[-1, :-1]), kind="stable")
        pairs = np.stack([rows[largest], columns[largest]], axis=1).ravel()
        order = list(dict.fromkeys([*pairs.tolist(), *background.tolist()]))
        shown, others = order[:classes], order[classes:]
        place = np.empty(total + 1, dtype=np.int64)
        place[shown], place[others], place[total] = np.arange(classes), classes, classes + 1
        return place, [*(self.names[i] for i in shown), f"{len(others):,} others", self.names[-1]]

    def __repr__(self) -> str:
        return (
            f"Confusion(iou={self.iou:g}: {self.true_positives} true positives, {self.misclassified} misclassified, "
            f"{self.false_negatives} false negatives, {self.false_positives} false positives)"
        )

    def _repr_html_(self) -> str:
        matrix, names = self.condensed(12)
        rows = [[name, *map(str, counts)] for name, counts in zip(names, matrix.tolist(), strict=True)]
        return html_table(["", *map(str, names)], rows, repr(self))


def counts_of(matches: _core.Matches, score: float) -> Iterator[tuple[Any, Any, int]]:
    """True class, predicted class and count, from a confusion table.

    Pairs that only detections below `score` make are counted as none.
    """
    categories = [*matches.category_ids, None]
    detections, objects = matches.confusion_counts(np.array([score]))
    cells: dict[tuple[int, int], int] = {}
    for truth, detected, step, count in detections.tolist():
        cells[truth, detected] = cells.get((truth, detected), 0) + (count if step == 0 else 0)
    for (truth, detected), count in cells.items():
        yield categories[truth], categories[detected], count
    lost: dict[int, int] = {}
    for truth, step, count in objects.tolist():
        lost[truth] = lost.get(truth, 0) + (count if step < 0 else 0)
    for truth, count in lost.items():
        yield categories[truth], None, count


def counts_by_score(matches: _core.Matches, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The counts of a confusion table at each of some score thresholds `scores`, which rise.

    Returns
    -------
    objects : (K + 1,) int64
        The objects of each class, which are its false negatives without detections; 0 for the background.
    changes : (N, 4) int64
        True class, predicted class (both K for the background), the last threshold at which it counts (its position),
        and how much is added to the count there and at all lower ones: of a false negative a negative number.
    """
    background = len(matches.category_ids)
    detections, found = matches.confusion_counts(scores)
    objects = np.zeros(background + 1, dtype=np.int64)
    np.add.at(objects, found[:, 0], found[:, 2])
    truth, step, count = found[found[:, 1] >= 0].T
    lost = np.stack([truth, np.full_like(truth, background), step, -count], axis=1)
    return objects, np.concatenate([detections[detections[:, 2] >= 0], lost])
