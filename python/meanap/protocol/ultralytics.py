"""Ultralytics' validation (8.4): greedy matching, areas by the trapezium rule.

Source: the behaviour of ``match_predictions``, ``ap_per_class`` and ``compute_ap``. Boxes are compared there in single
precision with a small number added to the union, so numbers agree as far as no similarity lies within rounding of a
threshold. Versions that paired by similarity alone are reproduced by ``replace(matcher="argmax")``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.torchmetrics import linspace

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["ultralytics"]


def ultralytics(similarity: SimilarityName = "bbox") -> Protocol:
    """mAP50-95, mAP50 and mAP75 as Ultralytics reports them, of at most 300 detections an image."""
    return Protocol(
        name="ultralytics",
        thresholds=linspace(0.5, 0.95, 10),
        recall="trapezium",
        area_ranges={"all": (0.0, float("inf"))},
        max_detections=(300,),
        max_per_image=300,
        match_crowds=False,
        summary=(
            SummaryRow("ap"),
            SummaryRow("ap50", threshold=0.5),
            SummaryRow("ap75", threshold=0.75),
            SummaryRow("ar", "recall"),
        ),
    )
