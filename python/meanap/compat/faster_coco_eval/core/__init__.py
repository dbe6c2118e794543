"""`COCO` and `COCOeval_faster`."""

from meanap.compat.faster_coco_eval.core.coco import COCO
from meanap.compat.faster_coco_eval.core.faster_eval_api import COCOeval_faster

__all__ = ["COCO", "COCOeval_faster"]
