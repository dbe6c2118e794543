"""Temporal detection: segments of time in videos, as ActivityNet's evaluation kit measures them.

Source: ``compute_average_precision_detection`` of the kit, whose numbers these are: COCO's greedy matching on the
intersection over union of segments, the exact area under VOC's curve, and the mean over classes and thresholds.
THUMOS'14 is measured by the same code at other thresholds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.voc import NO_LIMIT

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["activitynet", "thumos"]


def activitynet(similarity: SimilarityName = "temporal") -> Protocol:
    """ActivityNet's thresholds: 0.5, 0.55, …, 0.95."""
    return _temporal("activitynet", np.linspace(0.5, 0.95, 10), (0, 5, 9))


def thumos(similarity: SimilarityName = "temporal") -> Protocol:
    """The thresholds usual for THUMOS'14: 0.3, 0.4, …, 0.7."""
    return _temporal("thumos", np.linspace(0.3, 0.7, 5), (0, 1, 2, 3, 4))


def _temporal(name: str, thresholds: np.ndarray, shown: tuple[int, ...]) -> Protocol:
    values = tuple(thresholds.tolist())
    of_thresholds = [SummaryRow(f"ap{100 * values[t]:.0f}", threshold=values[t]) for t in shown]
    return Protocol(
        name=name,
        thresholds=values,
        recall="exact",
        area_ranges={"all": (0.0, float("inf"))},
        max_detections=(NO_LIMIT,),
        summary=(SummaryRow("ap"), *of_thresholds, SummaryRow("ar", "recall")),
    )
