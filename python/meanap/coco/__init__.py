"""The pycocotools API on the Rust core."""

from meanap.coco import _mask, mask
from meanap.coco.coco import COCO
from meanap.coco.cocoeval import COCOeval
from meanap.coco.params import Params

__all__ = ["COCO", "COCOeval", "Params", "_mask", "mask"]

# Programs look it up in pycocotools.
__author__ = "tylin"
