"""Protocols: thresholds, matching, curves and means as one value.

A preset is named after what it reproduces. Everything in it can be replaced:

>>> from meanap import protocol
>>> voc = protocol.get("voc2012")
>>> voc.thresholds, voc.recall
((0.5,), 'exact')
>>> voc.replace(thresholds=(0.5, 0.75)).thresholds
(0.5, 0.75)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from meanap.errors import InputError
from meanap.protocol._protocol import Protocol, SummaryRow
from meanap.protocol.cityscapes import cityscapes
from meanap.protocol.coco import coco
from meanap.protocol.crowdpose import crowdpose
from meanap.protocol.kitti import kitti, kitti_r11
from meanap.protocol.lvis import lvis
from meanap.protocol.nuscenes import nuscenes
from meanap.protocol.openimages import openimages, openimages_challenge
from meanap.protocol.pedestrians import (
    citypersons,
    citypersons_all,
    citypersons_heavy,
    citypersons_small,
    crowdhuman,
)
from meanap.protocol.rotated import coco_rotated, dota, mmrotate, ultralytics_obb
from meanap.protocol.temporal import activitynet, thumos
from meanap.protocol.torchmetrics import torchmetrics
from meanap.protocol.ultralytics import ultralytics
from meanap.protocol.visdrone import visdrone
from meanap.protocol.voc import voc2007, voc2012
from meanap.protocol.widerface import widerface
from meanap.protocol.youtubevis import youtubevis

if TYPE_CHECKING:
    from meanap._types import PresetName, SimilarityName

__all__ = ["PRESETS", "Protocol", "SummaryRow", "get"]

#: Name to a function that makes the protocol for a similarity.
PRESETS: dict[str, Callable[[SimilarityName], Protocol]] = {
    "activitynet": activitynet,
    "citypersons": citypersons,
    "citypersons-all": citypersons_all,
    "citypersons-heavy": citypersons_heavy,
    "citypersons-small": citypersons_small,
    "cityscapes": cityscapes,
    "coco": coco,
    "coco-rotated": coco_rotated,
    "crowdhuman": crowdhuman,
    "crowdpose": crowdpose,
    "dota": dota,
    "kitti": kitti,
    "kitti-r11": kitti_r11,
    "lvis": lvis,
    "mmrotate": mmrotate,
    "nuscenes": nuscenes,
    "openimages": openimages,
    "openimages-challenge": openimages_challenge,
    "thumos": thumos,
    "torchmetrics": torchmetrics,
    "ultralytics": ultralytics,
    "ultralytics-obb": ultralytics_obb,
    "visdrone": visdrone,
    "voc2007": voc2007,
    "voc2012": voc2012,
    "widerface": widerface,
    "youtubevis": youtubevis,
}


def get(protocol: PresetName | Protocol, similarity: SimilarityName = "bbox") -> Protocol:
    """The protocol of that name, or the one given.

    Raises
    ------
    ValueError
        There is no such preset.
    """
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PRESETS:
        raise InputError(f"protocol: expected one of {', '.join(map(repr, PRESETS))}, found {protocol!r}")
    return PRESETS[protocol](similarity)
