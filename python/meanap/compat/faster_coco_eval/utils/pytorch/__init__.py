"""`FasterCocoEvaluator` for batches of predictions, and the data set `FasterCocoDetection`, which needs torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meanap.compat.faster_coco_eval.utils.pytorch.coco_eval import FasterCocoEvaluator

if TYPE_CHECKING:
    from meanap.compat.faster_coco_eval.utils.pytorch.coco_dataset import FasterCocoDetection

__all__ = ["FasterCocoDetection", "FasterCocoEvaluator"]


def __getattr__(name: str) -> Any:
    # torchvision is imported when the data set is used.
    if name == "FasterCocoDetection":
        from meanap.compat.faster_coco_eval.utils.pytorch.coco_dataset import FasterCocoDetection

        return FasterCocoDetection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
