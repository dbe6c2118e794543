"""Pedestrians: log-average miss rates, as CrowdHuman and CityPersons measure them.

Source: ``lib/evaluate`` of CrowdDet, and ``eval_script`` of CityPersons. Objects to ignore are crowd regions, which any
number of detections may match by overlap with their own area.

DIFFERENCE: CrowdDet adds 1e-6 to the denominators of overlaps.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.voc import NO_LIMIT

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["citypersons", "citypersons_all", "citypersons_heavy", "citypersons_small", "crowdhuman"]

_MISS_RATE = SummaryRow("mr", "miss_rate")
_ANY = float("inf")


def crowdhuman(similarity: SimilarityName = "bbox") -> Protocol:
    """AP under straight lines, and the log-average miss rate of CrowdDet."""
    return Protocol(
        name="crowdhuman",
        thresholds=(0.5,),
        strict=True,
        recall="lines",
        area_ranges={"all": (0.0, _ANY)},
        max_detections=(NO_LIMIT,),
        matcher="greedy-first",
        miss_rate="crowdhuman",
        summary=(SummaryRow("ap"), _MISS_RATE, SummaryRow("ar", "recall")),
    )


def citypersons(similarity: SimilarityName = "bbox") -> Protocol:
    """The subset "reasonable": at least 50 pixels high, and 65 % visible."""
    return Protocol(
        name="citypersons",
        thresholds=(0.5,),
        recall="exact",
        area_ranges={"all": (0.0, _ANY)},
        max_detections=(1000,),
        max_per_image=1000,
        heights=(50.0, _ANY),
        visibility=(0.65, _ANY),
        miss_rate="citypersons",
        summary=(_MISS_RATE, SummaryRow("ap"), SummaryRow("ar", "recall")),
    )


def citypersons_small(similarity: SimilarityName = "bbox") -> Protocol:
    """The subset "reasonable small": 50 to 75 pixels high, and 65 % visible."""
    return dataclasses.replace(citypersons(similarity), name="citypersons-small", heights=(50.0, 75.0))


def citypersons_heavy(similarity: SimilarityName = "bbox") -> Protocol:
    """The subset "heavy occlusion": at least 50 pixels high, and 20 to 65 % visible."""
    return dataclasses.replace(citypersons(similarity), name="citypersons-heavy", visibility=(0.2, 0.65))


def citypersons_all(similarity: SimilarityName = "bbox") -> Protocol:
    """The subset "all": at least 20 pixels high, and 20 % visible."""
    reasonable = citypersons(similarity)
    return dataclasses.replace(reasonable, name="citypersons-all", heights=(20.0, _ANY), visibility=(0.2, _ANY))
