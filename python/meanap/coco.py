"""The pycocotools API: the names of `meanap.compat.pycocotools`."""

from meanap.compat.pycocotools import COCO, COCOeval, Params, mask

__all__ = ["COCO", "COCOeval", "Params", "mask"]
