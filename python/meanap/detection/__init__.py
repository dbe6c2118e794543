"""Evaluation of detections, from arrays, files and tables.

>>> import numpy as np
>>> import meanap
>>> truth = meanap.GroundTruth(["a", "a", "b"], [1, 2, 1], np.array([[0, 0, 8, 8], [5, 5, 9, 9], [1, 1, 4, 4]]))
>>> found = meanap.Detections(["a", "b"], [1, 1], [0.9, 0.8], np.array([[0, 0, 8, 7.5], [1, 1, 4, 4]]))
>>> result = meanap.evaluate(truth, found)
>>> round(result.ap, 3), round(result.ap50, 3)
(0.463, 0.5)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap._on_access import on_access

if TYPE_CHECKING:
    from meanap.detection.comparison import compare
    from meanap.detection.evaluation import evaluate
    from meanap.detection.explain import explain_difference
    from meanap.detection.kitti import kitti_orientation
    from meanap.detection.metric import MeanAveragePrecision
    from meanap.detection.nuscenes import NuScenesScore, nuscenes_score
    from meanap.detection.result import Result
    from meanap.detection.rotated import rotated_corners, rotated_iou
    from meanap.detection.scores import Scores
    from meanap.readers.sides import Detections, GroundTruth
    from meanap.statistics import Comparison, Difference

__all__ = [
    "Comparison",
    "Detections",
    "Difference",
    "GroundTruth",
    "MeanAveragePrecision",
    "NuScenesScore",
    "Result",
    "Scores",
    "compare",
    "evaluate",
    "explain_difference",
    "kitti_orientation",
    "nuscenes_score",
    "rotated_corners",
    "rotated_iou",
]

# Each public name and its module, which is imported on first access.
_HOMES = {
    "Comparison": "meanap.statistics",
    "Detections": "meanap.readers.sides",
    "Difference": "meanap.statistics",
    "GroundTruth": "meanap.readers.sides",
    "MeanAveragePrecision": "meanap.detection.metric",
    "NuScenesScore": "meanap.detection.nuscenes",
    "Result": "meanap.detection.result",
    "Scores": "meanap.detection.scores",
    "compare": "meanap.detection.comparison",
    "evaluate": "meanap.detection.evaluation",
    "explain_difference": "meanap.detection.explain",
    "kitti_orientation": "meanap.detection.kitti",
    "nuscenes_score": "meanap.detection.nuscenes",
    "rotated_corners": "meanap.detection.rotated",
    "rotated_iou": "meanap.detection.rotated",
}


if not TYPE_CHECKING:  # A type checker that saw it would accept any name.
    __getattr__ = on_access("meanap.detection", _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
