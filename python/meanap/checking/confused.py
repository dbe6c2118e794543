"""The categories of detections and of the objects on which they lie, as pairs: a matrix of many takes gigabytes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._arrays import in_order
from meanap.detection.confusion import counts_of

if TYPE_CHECKING:
    from meanap.detection.confusion import Confusion
    from meanap.detection.result import Result

__all__ = ["Confused"]

_IOU = 0.5


class Confused:
    """How many detections of a category lie on objects of another one, or of their own.

    Attributes
    ----------
    categories : list
        Ids of the categories.
    truth, detected, count : (N,) int64
        Places among them of an object's category and a detection's, and the detections that this pair has.
    """

    def __init__(self, categories: list[Any], pairs: Iterable[tuple[int, int, int]]) -> None:
        self.categories = categories
        columns = np.array([*pairs], dtype=np.int64).reshape(-1, 3).T
        self.truth: np.ndarray = columns[0]
        self.detected: np.ndarray = columns[1]
        self.count: np.ndarray = columns[2]

    @classmethod
    def of(cls, result: Result) -> Confused:
        """The pairs of all detections of an evaluation."""
        counts = [
            pair for pair in counts_of(result.scores.confusion_table(_IOU), -math.inf) if None not in pair and pair[2]
        ]
        seen = {id for truth, detected, _ in counts for id in (truth, detected)}
        known = result.scores.category_ids if result.scores.protocol.by_category else ()
        categories = in_order(seen.union(known))
        place = {id: k for k, id in enumerate(categories)}
        return cls(categories, ((place[truth], place[detected], count) for truth, detected, count in counts))

    @classmethod
    def of_matrix(cls, confusion: Confusion) -> Confused:
        """The pairs of a confusion matrix of all detections."""
        matrix = np.asarray(confusion.matrix)[:-1, :-1]
        truth, detected = np.nonzero(matrix)
        pairs = zip(truth.tolist(), detected.tolist(), matrix[truth, detected].tolist(), strict=True)
        return cls(confusion.categories, pairs)

    def largest(self) -> tuple[np.ndarray, np.ndarray]:
        """For each category of detections that of most objects, the first of several, and their number."""
        order = np.lexsort((self.truth, -self.count, self.detected))
        order = order[np.diff(self.detected[order], prepend=-1) > 0]
        meant, most = np.zeros((2, len(self.categories)), dtype=np.int64)
        meant[self.detected[order]], most[self.detected[order]] = self.truth[order], self.count[order]
        return meant, most

    def totals(self) -> np.ndarray:
        """For each category of detections, those on objects."""
        return self._sums(self.count)

    def agreeing(self) -> np.ndarray:
        """For each category of detections, those on objects of their own."""
        return self._sums(self.count * (self.truth == self.detected))

    def _sums(self, counts: np.ndarray) -> np.ndarray:
        sums = np.zeros(len(self.categories), dtype=np.int64)
        np.add.at(sums, self.detected, counts)
        return sums
