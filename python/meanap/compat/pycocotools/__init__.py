"""The pycocotools API on the Rust core."""

from meanap.compat.pycocotools import _mask, mask
from meanap.compat.pycocotools.coco import COCO
from meanap.compat.pycocotools.cocoeval import COCOeval
from meanap.compat.pycocotools.params import Params

__all__ = ["COCO", "COCOeval", "Params", "_mask", "mask"]

# Programs look it up in pycocotools.
__author__ = "tylin"
