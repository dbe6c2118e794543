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

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from meanap._arrays import shown
from meanap._keywords import did_you_mean, is_among
from meanap.errors import InputError
from meanap.protocol._protocol import Protocol, SummaryRow

if TYPE_CHECKING:
    from meanap._types import PresetName, SimilarityName

__all__ = ["PRESETS", "Protocol", "SummaryRow", "get"]


def _made_by(module: str, name: str) -> Callable[[SimilarityName], Protocol]:
    """The function of that name in a module of this package, which is imported when it is first called."""

    def make(similarity: SimilarityName) -> Protocol:
        made: Protocol = getattr(importlib.import_module(f"meanap.protocol.{module}"), name)(similarity)
        return made

    return make


#: Name to a function that makes the protocol for a similarity.
PRESETS: dict[str, Callable[[SimilarityName], Protocol]] = {
    "activitynet": _made_by("temporal", "activitynet"),
    "citypersons": _made_by("pedestrians", "citypersons"),
    "citypersons-all": _made_by("pedestrians", "citypersons_all"),
    "citypersons-heavy": _made_by("pedestrians", "citypersons_heavy"),
    "citypersons-small": _made_by("pedestrians", "citypersons_small"),
    "cityscapes": _made_by("cityscapes", "cityscapes"),
    "coco": _made_by("coco", "coco"),
    "coco-rotated": _made_by("rotated", "coco_rotated"),
    "crowdhuman": _made_by("pedestrians", "crowdhuman"),
    "crowdpose": _made_by("crowdpose", "crowdpose"),
    "dota": _made_by("rotated", "dota"),
    "kitti": _made_by("kitti", "kitti"),
    "kitti-r11": _made_by("kitti", "kitti_r11"),
    "lvis": _made_by("lvis", "lvis"),
    "mmrotate": _made_by("rotated", "mmrotate"),
    "nuscenes": _made_by("nuscenes", "nuscenes"),
    "openimages": _made_by("openimages", "openimages"),
    "openimages-challenge": _made_by("openimages", "openimages_challenge"),
    "thumos": _made_by("temporal", "thumos"),
    "torchmetrics": _made_by("torchmetrics", "torchmetrics"),
    "ultralytics": _made_by("ultralytics", "ultralytics"),
    "ultralytics-obb": _made_by("rotated", "ultralytics_obb"),
    "visdrone": _made_by("visdrone", "visdrone"),
    "voc2007": _made_by("voc", "voc2007"),
    "voc2012": _made_by("voc", "voc2012"),
    "widerface": _made_by("widerface", "widerface"),
    "youtubevis": _made_by("youtubevis", "youtubevis"),
}

#: What other tools call a preset, or what it is the metric of.
_OTHERS = {
    **dict.fromkeys(("voc", "pascal", "pascal_voc", "pascal-voc", "voc12"), "voc2012"),
    **dict.fromkeys(("voc07", "11point"), "voc2007"),
    **dict.fromkeys(("yolo", "yolov5", "yolov8", "yolo11"), "ultralytics"),
    **dict.fromkeys(("pycocotools", "mscoco"), "coco"),
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
    if not is_among(protocol, PRESETS):
        hint = did_you_mean(protocol, PRESETS, _OTHERS)
        raise InputError(f"protocol: expected one of {', '.join(map(repr, PRESETS))}, found {shown(protocol)}{hint}")
    return PRESETS[protocol](similarity)
