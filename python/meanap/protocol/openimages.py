"""Open Images: VOC's rules with groups of objects, on images of which the labelled classes are known.

Source: ``OpenImagesDetectionEvaluator`` and ``OpenImagesDetectionChallengeEvaluator`` of TensorFlow's object detection
API, whose numbers these are. A crowd region is a group of objects (``IsGroupOf``). A detection that finds no single
object and lies in a group of its class, by half of its own area, is ignored; in the challenge the first such detection
of each group is a true positive, and a group without any a false negative.

DIFFERENCE: the API leaves out detections without an area; here they are false positives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap.protocol._protocol import Protocol, SummaryRow

if TYPE_CHECKING:
    from meanap._types import MatcherName, SimilarityName

__all__ = ["openimages", "openimages_challenge"]

#: Detections of a class in an image, of which the API takes no more.
_MOST = 10_000


def openimages(similarity: SimilarityName = "bbox") -> Protocol:
    """The metric of Open Images V2: detections within groups are ignored."""
    return _openimages("openimages", "group-of")


def openimages_challenge(similarity: SimilarityName = "bbox") -> Protocol:
    """The metric of the challenge: a group is one object, and classes count only where they are labelled."""
    return _openimages("openimages-challenge", "group-of-counted", federated=True)


def _openimages(name: str, matcher: MatcherName, federated: bool = False) -> Protocol:
    return Protocol(
        name=name,
        thresholds=(0.5,),
        recall="exact",
        area_ranges={"all": (0.0, float("inf"))},
        max_detections=(_MOST,),
        matcher=matcher,
        federated=federated,
        summary=(SummaryRow("ap"), SummaryRow("ap50", threshold=0.5), SummaryRow("ar", "recall")),
    )
