"""``torchmetrics.detection.MeanAveragePrecision``: COCO with thresholds and recall points in single precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meanap.protocol._protocol import Protocol
from meanap.protocol.coco import coco

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["linspace", "torchmetrics"]


def linspace(start: float, end: float, steps: int) -> tuple[float, ...]:
    """What ``torch.linspace(start, end, steps).tolist()`` gives.

    Single precision, counted from the nearer end, with one rounding (torch multiplies and adds in one).
    """
    low, high = np.float32(start), np.float32(end)
    step = np.float64((high - low) / np.float32(steps - 1))
    i = np.arange(steps)
    exact = np.where(i < steps // 2, low + step * i, high - step * (steps - 1 - i))
    return tuple(exact.astype(np.float32).astype(np.float64).tolist())


def torchmetrics(similarity: SimilarityName = "bbox") -> Protocol:
    """COCO's numbers at torchmetrics' thresholds."""
    return coco(similarity).replace(
        name="torchmetrics", thresholds=linspace(0.5, 0.95, 10), recall=linspace(0.0, 1.0, 101)
    )
