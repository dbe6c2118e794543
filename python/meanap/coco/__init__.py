"""pycocotools, its names and habits, on the Rust core."""

from meanap.coco import _mask, mask
from meanap.coco.coco import COCO
from meanap.coco.cocoeval import COCOeval
from meanap.coco.params import Params

__all__ = ["COCO", "COCOeval", "Params", "_mask", "mask"]

# Looked up by programs that ask pycocotools for it.
__author__ = "tylin"
