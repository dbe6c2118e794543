"""WIDER FACE: the AP of objects of three levels, from a curve with a point for each of a thousand scores.

Source: WiderFace-Evaluation, the Python port of WIDER FACE's evaluation tools. A detection belongs to the object that
it overlaps most, whether that is to be found or not.

DIFFERENCE: the port takes detections in the order of their file, which has to be that of their scores; here they are
sorted by score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.voc import NO_LIMIT

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["widerface"]

#: The levels that count in each range; 4 is beyond all.
_LEVELS = {"all": (1.0, 3.0), "easy": (1.0, 1.0), "medium": (1.0, 2.0), "hard": (1.0, 3.0)}


def widerface(similarity: SimilarityName = "bbox") -> Protocol:
    """AP of the easy objects, of these and the medium ones, and of all."""
    return Protocol(
        name="widerface",
        thresholds=(0.5,),
        recall="levels",
        area_ranges=_LEVELS,
        size="level",
        max_detections=(NO_LIMIT,),
        matcher="argmax",
        inclusive_boxes=similarity == "bbox",
        match_crowds=False,
        summary=tuple(SummaryRow(f"ap_{level}", area=level) for level in ("easy", "medium", "hard")),
    )
