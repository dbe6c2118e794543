"""nuScenes' detection task: boxes in space that are found by the distance of their centres.

Source: ``accumulate`` and ``calc_ap`` of nuScenes' development kit, whose AP this is: greedy matching below 0.5, 1, 2
and 4 metres, and the mean of precisions on straight lines above a tenth of precision and recall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.voc import NO_LIMIT

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["nuscenes"]

#: Metres below which a box is found.
_DISTANCES = (0.5, 1.0, 2.0, 4.0)


def nuscenes(similarity: SimilarityName = "centre-distance") -> Protocol:
    """The mean AP over four distances of the centres on the ground, and that of each."""
    del similarity
    # The similarity is 1 / (1 + distance).
    thresholds = {f"ap_{distance:g}m": 1 / (1 + distance) for distance in _DISTANCES}
    return Protocol(
        name="nuscenes",
        thresholds=tuple(sorted(thresholds.values())),
        strict=True,
        recall="nuscenes",
        area_ranges={"all": (0.0, float("inf"))},
        max_detections=(NO_LIMIT,),
        match_crowds=False,
        summary=(SummaryRow("ap"), *(SummaryRow(name, threshold=value) for name, value in thresholds.items())),
    )
