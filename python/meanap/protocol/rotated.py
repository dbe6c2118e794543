"""Rotated boxes as other tools evaluate them: detectron2, DOTA's development kit, mmrotate and Ultralytics.

Each has its own arithmetic for the overlap of two boxes (`Protocol.rotated_iou`), whose numbers differ from those of
the others: see ``docs/protocols.md``. Angles are as the tool has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.coco import THRESHOLDS, coco
from meanap.protocol.ultralytics import ultralytics
from meanap.protocol.voc import NO_LIMIT

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["coco_rotated", "dota", "mmrotate", "ultralytics_obb"]

_ELEVEN_POINTS: tuple[float, ...] = tuple(np.arange(0.0, 1.1, 0.1).tolist())


def coco_rotated(similarity: SimilarityName = "rotated") -> Protocol:
    """COCO's numbers by detectron2's ``RotatedCOCOeval``, which compares in single precision.

    Angles are in degrees, counter-clockwise.
    """
    thresholds = tuple(np.array(THRESHOLDS, dtype=np.float32).astype(np.float64).tolist())
    return coco(similarity).replace(name="coco-rotated", thresholds=thresholds, rotated_iou="detectron2")


def dota(similarity: SimilarityName = "rotated") -> Protocol:
    """AP by ``dota_evaluation_task1.py``: above an IoU of 0.5, eleven points; ``recall="exact"`` is its other choice.

    With similarity "bbox" as ``dota_evaluation_task2.py``, of upright boxes with inclusive pixels. Difficult objects
    are those to ignore.
    """
    return _one_threshold("dota", _ELEVEN_POINTS, strict=True, inclusive_boxes=similarity == "bbox").replace(
        rotated_iou="polyiou"
    )


def mmrotate(similarity: SimilarityName = "rotated") -> Protocol:
    """AP by mmrotate's ``eval_rbbox_map`` (0.3): IoU of 0.5 or more in single precision, eleven points.

    Angles are in radians, clockwise.
    """
    del similarity
    rules = _one_threshold("mmrotate", _ELEVEN_POINTS)
    return rules.replace(rotated_iou="mmcv", angle="radians", clockwise=True)


def ultralytics_obb(similarity: SimilarityName = "rotated") -> Protocol:
    """mAP50-95, mAP50 and mAP75 as Ultralytics reports them of oriented boxes, by probabilistic IoU.

    Angles are in radians, clockwise.
    """
    rules = ultralytics(similarity)
    return rules.replace(name="ultralytics-obb", rotated_iou="probiou", angle="radians", clockwise=True)


def _one_threshold(
    name: str, recall: tuple[float, ...], *, strict: bool = False, inclusive_boxes: bool = False
) -> Protocol:
    return Protocol(
        name=name,
        thresholds=(0.5,),
        strict=strict,
        recall=recall,
        area_ranges={"all": (0.0, float("inf"))},
        max_detections=(NO_LIMIT,),
        matcher="argmax",
        inclusive_boxes=inclusive_boxes,
        match_crowds=False,
        summary=(SummaryRow("ap"), SummaryRow("ap50", threshold=0.5), SummaryRow("ar", "recall")),
    )
