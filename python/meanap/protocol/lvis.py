"""LVIS: COCO's matching on data that is labelled category by category, 300 detections of an image.

Source: https://www.lvisdataset.org and the lvis package, whose numbers these are. An image has labels for some
categories only: detections of the others are left out (``neg_category_ids`` names those that are known to be absent),
and where a category is not labelled exhaustively (``not_exhaustive_category_ids``) a detection that matches nothing is
ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.coco import AREA_RANGES, RECALL_POINTS, THRESHOLDS
from meanap.protocol.voc import NO_LIMIT

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["lvis"]


def lvis(similarity: SimilarityName = "bbox") -> Protocol:
    """LVIS's numbers: COCO's, and the means over rare, common and frequent categories."""
    return Protocol(
        name="lvis",
        thresholds=THRESHOLDS,
        recall=RECALL_POINTS,
        area_ranges=AREA_RANGES,
        max_detections=(NO_LIMIT,),
        max_per_image=300,
        match_crowds=False,
        federated=True,
        summary=(
            SummaryRow("ap"),
            SummaryRow("ap50", threshold=0.5),
            SummaryRow("ap75", threshold=0.75),
            *(SummaryRow(f"ap_{area}", area=area) for area in ("small", "medium", "large")),
            *(SummaryRow(f"ap_{group}", group=group) for group in ("rare", "common", "frequent")),
            SummaryRow("ar", "recall"),
            *(SummaryRow(f"ar_{area}", "recall", area=area) for area in ("small", "medium", "large")),
        ),
    )
