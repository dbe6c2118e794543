"""KITTI's object detection: boxes in the image, from above and in space, of three classes at three levels.

Source: ``evaluate_object`` of KITTI's development kit and its ports to Python, whose numbers these are: a car has to
overlap by more than 0.7, a pedestrian or cyclist by more than 0.5; precisions are averaged over 40 recalls (over eleven
until 2019). What is less visible than the level asks is ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.voc import NO_LIMIT

if TYPE_CHECKING:
    from meanap._types import RecallMethod, SimilarityName

__all__ = ["kitti", "kitti_r11"]

#: The least overlap of each class, which has to be exceeded.
_THRESHOLDS = {"Car": 0.7, "Pedestrian": 0.5, "Cyclist": 0.5}
#: The levels that count in each range; 4 is beyond all.
_LEVELS = {"all": (1.0, 4.0), "easy": (1.0, 1.0), "moderate": (1.0, 2.0), "hard": (1.0, 3.0)}


def kitti(similarity: SimilarityName = "box3d") -> Protocol:
    """AP over 40 recalls, of each class at each level; with similarity "bbox", "bev" or "box3d"."""
    return _kitti("kitti", "kitti-40", similarity)


def kitti_r11(similarity: SimilarityName = "box3d") -> Protocol:
    """AP over eleven recalls, as it was until 2019."""
    return _kitti("kitti-r11", "kitti-11", similarity)


def _kitti(name: str, recall: RecallMethod, similarity: SimilarityName) -> Protocol:
    del similarity
    rows = [
        SummaryRow(f"{category.lower()}_{level}", threshold=threshold, area=level, category=category)
        for category, threshold in _THRESHOLDS.items()
        for level in ("easy", "moderate", "hard")
    ]
    return Protocol(
        name=name,
        thresholds=(0.5, 0.7),
        strict=True,
        recall=recall,
        area_ranges=_LEVELS,
        size="difficulty",
        max_detections=(NO_LIMIT,),
        matcher="kitti",
        summary=tuple(rows),
    )
