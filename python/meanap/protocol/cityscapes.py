"""Cityscapes' instances: masks that do not overlap, void pixels, and the area under straight lines between points.

Source: ``evalInstanceLevelSemanticLabeling.py`` of cityscapesScripts. Pixels of groups, of objects of less than 100
pixels and void ones are a crowd region of each class, which detections may match by overlap with their own area.

DIFFERENCE: pixels of a group of less than 100 pixels count twice there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.voc import NO_LIMIT

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["cityscapes"]

#: With the last bits that NumPy's steps give them, as there.
_THRESHOLDS = tuple(np.arange(0.5, 1.0, 0.05).tolist())


def cityscapes(similarity: SimilarityName = "segm") -> Protocol:
    """AP over ten thresholds, and AP50; with similarity ``"segm"``."""
    del similarity
    return Protocol(
        name="cityscapes",
        thresholds=_THRESHOLDS,
        strict=True,
        recall="cityscapes",
        area_ranges={"all": (0.0, float("inf"))},
        max_detections=(NO_LIMIT,),
        summary=(SummaryRow("ap"), SummaryRow("ap50", threshold=0.5), SummaryRow("ar", "recall")),
    )
