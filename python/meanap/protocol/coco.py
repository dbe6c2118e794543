"""COCO: greedy matching at ten thresholds, 101 recall points, three sizes.

Source: https://cocodataset.org/#detection-eval and pycocotools, whose numbers these are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.keypoints import KEYPOINT_SIGMAS

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["AREA_RANGES", "KEYPOINT_SIGMAS", "RECALL_POINTS", "THRESHOLDS", "coco"]

# The reference's own grids: other ways to write them differ in the last bits.
THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
RECALL_POINTS: tuple[float, ...] = tuple(np.linspace(0.0, 1.0, 101).tolist())
AREA_RANGES: dict[str, tuple[float, float]] = {
    "all": (0.0, 1e5**2),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e5**2),
}


def coco(similarity: SimilarityName = "bbox") -> Protocol:
    """COCO's numbers for boxes and masks (twelve) or keypoints (ten)."""
    if similarity == "keypoints":
        kinds: tuple[tuple[str, Literal["precision", "recall"]], ...] = (("ap", "precision"), ("ar", "recall"))
        return Protocol(
            name="coco",
            thresholds=THRESHOLDS,
            recall=RECALL_POINTS,
            area_ranges={name: AREA_RANGES[name] for name in ("all", "medium", "large")},
            max_detections=(20,),
            sigmas=KEYPOINT_SIGMAS,
            summary=tuple(
                SummaryRow(f"{short}{suffix}", kind, threshold, area)
                for short, kind in kinds
                for suffix, threshold, area in (
                    ("", None, "all"),
                    ("50", 0.5, "all"),
                    ("75", 0.75, "all"),
                    ("_medium", None, "medium"),
                    ("_large", None, "large"),
                )
            ),
        )
    return Protocol(
        name="coco",
        thresholds=THRESHOLDS,
        recall=RECALL_POINTS,
        area_ranges=AREA_RANGES,
        max_detections=(1, 10, 100),
        summary=(
            SummaryRow("ap"),
            SummaryRow("ap50", threshold=0.5),
            SummaryRow("ap75", threshold=0.75),
            *(SummaryRow(f"ap_{area}", area=area) for area in ("small", "medium", "large")),
            *(SummaryRow(f"ar_{limit}", "recall", limit=limit) for limit in (1, 10, 100)),
            *(SummaryRow(f"ar_{area}", "recall", area=area) for area in ("small", "medium", "large")),
        ),
    )
