"""VisDrone's objects in images: COCO's matching, the exact area under the curve, limits on all detections of an image.

Source: ``calcAccuracy.m``, ``evalRes.m`` and ``dropObjectsInIgr.m`` of VisDrone2018-DET-toolkit. The mean over
categories counts each as often as images have an object of it, as ``evalClass`` does there.

DIFFERENCE: the toolkit takes the first 1, 10, 100 or 500 lines of an image's file, which are the best ones only if they
are sorted by score; here they are those with the highest scores. It counts an ignored object of the ten categories,
which VisDrone's own annotations do not have, as one that is not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.coco import coco

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["visdrone"]

_LIMITS = (1, 10, 100, 500)


def visdrone(similarity: SimilarityName = "bbox") -> Protocol:
    """AP, AP50 and AP75, and the recalls of the best 1, 10, 100 and 500 detections of an image."""
    precisions = (SummaryRow("ap"), SummaryRow("ap50", threshold=0.5), SummaryRow("ap75", threshold=0.75))
    return Protocol(
        name="visdrone",
        thresholds=coco(similarity).thresholds,
        recall="exact",
        area_ranges={"all": (0.0, float("inf"))},
        max_detections=_LIMITS,
        limit_per_image=True,
        average="images",
        summary=(*precisions, *(SummaryRow(f"ar_{limit}", "recall", limit=limit) for limit in _LIMITS)),
    )
