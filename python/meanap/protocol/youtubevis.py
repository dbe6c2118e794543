"""YouTube-VIS: tracks of masks in videos, compared by all of their frames together.

Source: ``ytvoseval.py`` of the fork of COCO's API for YouTube-VIS. A track is one mask, that of its frames next to each
other, whose overlap is the sum of intersections over the sum of unions; its size is the mean of the areas of its masks.

DIFFERENCE: overlap with a crowd is relative to the detection, as elsewhere; there it is not. YouTube-VIS has no crowds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap.protocol._protocol import Protocol
from meanap.protocol.coco import coco

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["youtubevis"]

_MOST = 1e5**2
_AREAS = {
    "all": (0.0, _MOST),
    "small": (0.0, 128.0**2),
    "medium": (128.0**2, 256.0**2),
    "large": (256.0**2, _MOST),
}


def youtubevis(similarity: SimilarityName = "segm") -> Protocol:
    """COCO's numbers, with sizes up to 128 and 256 pixels squared; with similarity ``"segm"``."""
    return coco(similarity).replace(name="youtubevis", area_ranges=_AREAS, summary=coco(similarity).summary)
