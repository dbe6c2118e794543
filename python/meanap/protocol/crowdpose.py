"""CrowdPose: COCO's numbers of 14 keypoints, and those of images with few, some and many overlapping people.

Source: J. Li, C. Wang, H. Zhu, Y. Mao, H. Fang and C. Lu, CrowdPose: Efficient crowded scenes pose estimation and a new
benchmark, CVPR 2019, and crowdposetools, whose numbers these are. The size of a person, to which distances are
relative, is 0.53 of the area of the box. Images say in ``crowdIndex`` how crowded they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.coco import coco
from meanap.protocol.keypoints import KEYPOINT_SETS

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["crowdpose"]

_INFINITE = float("inf")
#: From which crowd index to below which.
_PARTS = {"easy": (-_INFINITE, 0.2), "medium": (0.2, 0.8), "hard": (0.8, _INFINITE)}


def crowdpose(similarity: SimilarityName = "keypoints") -> Protocol:
    """CrowdPose's nine numbers; ``ap_easy``, ``ap_medium`` and ``ap_hard`` are NaN where no image has a ``crowdIndex``.

    DIFFERENCE: the reference rounds these three to four digits.
    """
    rules = coco(similarity)
    poses = similarity == "keypoints"
    kinds: tuple[tuple[str, Literal["precision", "recall"]], ...] = (("ap", "precision"), ("ar", "recall"))
    return rules.replace(
        name="crowdpose",
        size="pose" if poses else "area",
        sigmas=KEYPOINT_SETS["crowdpose"].sigmas if poses else None,
        area_ranges={"all": rules.area_ranges["all"]},
        summary=(
            *(
                SummaryRow(f"{short}{suffix}", kind, threshold)
                for short, kind in kinds
                for suffix, threshold in (("", None), ("50", 0.5), ("75", 0.75))
            ),
            *(SummaryRow(f"ap_{part}", images=("crowdIndex", *bounds)) for part, bounds in _PARTS.items()),
        ),
    )
