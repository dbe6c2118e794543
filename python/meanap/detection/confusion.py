"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap.detection.table import Table, html_table

if TYPE_CHECKING:
    from meanap.detection.result import Result

__all__ = ["Confusion", "counts_of"]

_SEPARATOR = "\x1f"


class Confusion:
    """Counts of pairs: rows are what is there, columns what was said; the last row and column are the background.

    ``matrix[i, j]`` for different classes is an object of class i taken for j, ``matrix[i, K]`` an object that was
    missed, ``matrix[K, j]`` a detection of class j of nothing.

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
    def of(cls, result: Result, pairs: _core.Matches, iou: float, score: float) -> Confusion:
        """Counts the pairs of a table."""
        known = result.category_ids if result.protocol.by_category else []
        return cls.counted(counts_of(pairs, score), known, result._name, iou, score)

    @classmethod
    def counted(
        cls,
        counts: Iterable[tuple[Any, Any, int]],
        known: Iterable[Any],
        name: Callable[[Any], str],
        iou: float,
        score: float,
    ) -> Confusion:
        """From counts of what is there (None for nothing), what was said (None for nothing), and how often."""
        counts = list(counts)
        seen = {id for *pair, _ in counts for id in pair if id is not None}
        categories = sorted(seen | set(known), key=lambda id: (isinstance(id, str), id))
        place = {id: i for i, id in enumerate(categories)}
        background = place[None] = len(categories)
        matrix = np.zeros((background + 1, background + 1), dtype=np.int64)
        for truth, detected, count in counts:
            matrix[place[truth], place[detected]] += count
        return cls(matrix, categories, [*(name(id) for id in categories), "background"], iou, score)

    @property
    def right(self) -> int:
        """Objects found and named rightly."""
        return int(np.trace(self.matrix))

    @property
    def mistaken(self) -> int:
        """Objects found and named wrongly."""
        return int(self.matrix[:-1, :-1].sum()) - self.right

    @property
    def missed(self) -> int:
        """Objects not found."""
        return int(self.matrix[:-1, -1].sum())

    @property
    def invented(self) -> int:
        """Detections of nothing."""
        return int(self.matrix[-1].sum())

    def pairs(self) -> Table:
        """The mistakes as a table, most frequent first: ``truth``, ``detected``, ``count``."""
        wrong = self.matrix * ~np.eye(len(self.matrix), dtype=bool)
        rows, columns = np.nonzero(wrong)
        order = np.argsort(-wrong[rows, columns], kind="stable")
        return Table(
            {
                "truth": [self.names[i] for i in rows[order]],
                "detected": [self.names[j] for j in columns[order]],
                "count": wrong[rows, columns][order],
            }
        )

    def condensed(self, classes: int | None = 20) -> tuple[np.ndarray, list[str]]:
        """The counts and names of the classes in the largest confusions, of the others together, and of the background.

        In this order, the most confused first; with no more than `classes` classes, or None, all in their own order.
        Every object and every detection is in the counts.
        """
        total = len(self.names) - 1
        if classes is not None and classes < 1:
            raise ValueError(f"classes: expected at least 1 or None, found {classes}")
        if classes is None or total <= classes:
            return self.matrix, list(self.names)
        mistakes = self.matrix[:-1, :-1] * ~np.eye(total, dtype=bool)
        rows, columns = np.nonzero(mistakes)
        largest = np.argsort(-mistakes[rows, columns], kind="stable")
        # Classes that are never confused follow by what is missed and invented of them.
        background = np.argsort(-(self.matrix[:-1, -1] + self.matrix[-1, :-1]), kind="stable")
        pairs = np.stack([rows[largest], columns[largest]], axis=1).ravel()
        order = list(dict.fromkeys([*pairs.tolist(), *background.tolist()]))
        shown, others = order[:classes], order[classes:]
        place = np.empty(total + 1, dtype=np.int64)
        place[shown], place[others], place[total] = np.arange(classes), classes, classes + 1
        matrix = np.zeros((classes + 2, classes + 2), dtype=np.int64)
        np.add.at(matrix, (place[:, None], place[None, :]), self.matrix)
        return matrix, [*(self.names[i] for i in shown), f"{len(others):,} others", "background"]

    def __repr__(self) -> str:
        return (
            f"Confusion(iou={self.iou:g}: {self.right} right, {self.mistaken} mistaken, {self.missed} missed, "
            f"{self.invented} invented)"
        )

    def _repr_html_(self) -> str:
        matrix, names = self.condensed(12)
        rows = [[name, *map(str, counts)] for name, counts in zip(names, matrix.tolist(), strict=True)]
        return html_table(["", *map(str, names)], rows, repr(self))


def counts_of(pairs: _core.Matches, score: float) -> Iterator[tuple[Any, Any, int]]:
    """What is there, what was said, and how often; also pairs that no detection of at least `score` makes."""
    keys = [tuple(_category(text) for text in key.split(_SEPARATOR)) for key in pairs.category_ids]
    columns = pairs.columns(0)
    made = np.bincount(columns["category"][columns["score"] >= score], minlength=len(keys))
    left_out = np.bincount(columns["category"][~(columns["score"] >= score)], minlength=len(keys))
    missed = np.bincount(columns["truth_category"], minlength=len(keys))
    counts = (count.tolist() for count in (made, left_out, missed))
    for (detected, truth), hits, below, lost in zip(keys, *counts, strict=True):
        if detected is not None:
            yield truth, detected, hits
        if truth is not None:
            yield truth, None, below + lost


def _category(text: str) -> Any:
    """A category of a pair's key, as the core writes it."""
    if not text:
        return None
    return int(text[1:]) if text[0] == "i" else text[1:]
