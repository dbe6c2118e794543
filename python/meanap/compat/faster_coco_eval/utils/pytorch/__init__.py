"""`FasterCocoEvaluator` for batches of predictions."""

from meanap.compat.faster_coco_eval.utils.pytorch.coco_eval import FasterCocoEvaluator

__all__ = ["FasterCocoEvaluator"]
