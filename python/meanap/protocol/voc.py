"""PASCAL VOC: one threshold, argmax matching, eleven points (2007) or the exact area (since 2010).

Source: ``VOCevaldet.m`` and ``VOCap.m`` of the development kits. Boxes are in pixels and reach to the far edge of the
last one; ``replace(inclusive_boxes=False)`` measures them as the other presets do. ``difficult`` objects are those to
ignore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meanap.protocol._protocol import Protocol, SummaryRow

if TYPE_CHECKING:
    from meanap._types import RecallMethod, SimilarityName

__all__ = ["voc2007", "voc2012"]

#: More detections than any image has: VOC has no limit.
NO_LIMIT = 2**31 - 1


def voc2007(similarity: SimilarityName = "bbox") -> Protocol:
    """The mean of the precisions at eleven recalls."""
    return _voc("voc2007", tuple(np.arange(0.0, 1.1, 0.1).tolist()), similarity)


def voc2012(similarity: SimilarityName = "bbox") -> Protocol:
    """The area under the curve (VOC 2010 and later)."""
    return _voc("voc2012", "exact", similarity)


def _voc(name: str, recall: tuple[float, ...] | RecallMethod, similarity: SimilarityName) -> Protocol:
    return Protocol(
        name=name,
        thresholds=(0.5,),
        recall=recall,
        area_ranges={"all": (0.0, float("inf"))},
        max_detections=(NO_LIMIT,),
        matcher="argmax",
        inclusive_boxes=similarity == "bbox",
        match_crowds=False,
        summary=(SummaryRow("ap"), SummaryRow("ap50", threshold=0.5), SummaryRow("ar", "recall")),
    )
