"""The Jaccard index: what of each image's objects and detections belongs together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from meanap._settings import number
from meanap.table import Table

if TYPE_CHECKING:
    from meanap.detection.scores import Scores

__all__ = ["JaccardIndex", "jaccard_index"]

#: Scores above which detections count: 0, 0.1, …, 0.9 in the arithmetic of CrowdDet.
_SCORES = tuple(1e-1 * step for step in range(10))
#: Added to denominators, as there.
_EPSILON = 1e-6


@dataclass(frozen=True, eq=False)
class JaccardIndex:
    """The greatest mean Jaccard index over scores above which detections count.

    Attributes
    ----------
    value : float
        The greatest; NaN without objects and detections.
    score : float
        The score above which detections count there.
    table : Table
        One row for each score: ``score``, ``jaccard`` (the mean over images that have objects or detections),
        ``matched`` pairs, ``objects`` and ``detections`` that count.
    """

    value: float
    score: float
    table: Table

    def __repr__(self) -> str:
        return f"JaccardIndex({self.value:.4f})"

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def jaccard_index(scores: Scores, iou: float) -> JaccardIndex:
    """`Result.jaccard_index` of scores."""
    matched, objects, detections = scores.jaccard_counts(number(iou, "iou"), list(_SCORES))
    ratio = matched / (objects + detections - matched + _EPSILON)
    images = ((objects != 0) | (detections != 0)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean = ratio.sum(axis=1) / images
    columns = {
        "score": np.array(_SCORES),
        "jaccard": mean,
        "matched": matched.sum(axis=1),
        "objects": objects.sum(axis=1),
        "detections": detections.sum(axis=1),
    }
    best = math.nan if np.isnan(mean).all() else float(np.nanmax(mean))
    score = math.nan if math.isnan(best) else _SCORES[int(np.nanargmax(mean))]
    return JaccardIndex(best, score, Table(columns, f"Jaccard index {best:.4f}"))
