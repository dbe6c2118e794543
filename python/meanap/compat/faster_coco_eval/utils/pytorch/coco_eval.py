"""`FasterCocoEvaluator`: torchvision's `CocoEvaluator` with faster-coco-eval's evaluators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from meanap.compat.faster_coco_eval.core.coco import COCO
from meanap.compat.faster_coco_eval.core.faster_eval_api import COCOeval_faster
from meanap.compat.torchvision import CocoEvaluator

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["FasterCocoEvaluator"]

_RANGES: dict[str, Sequence[float]] = {"small": [0, 32**2], "medium": [32**2, 96**2], "large": [96**2, 1e5**2]}


class FasterCocoEvaluator(CocoEvaluator):
    """COCO's evaluation of batches of predictions, over the ranks of ``torch.distributed``.

    As `meanap.compat.torchvision.CocoEvaluator`.

    Parameters
    ----------
    coco_gt
        The ground truth. It is copied.
    iou_types
        What is compared: ``"bbox"``, ``"segm"``, ``"keypoints"``.
    lvis_style
        Whether images list their labelled categories; see `COCOeval_faster`.
    ranges
        Name to least and greatest area, beside ``"all"``.

    Attributes
    ----------
    coco_eval
        A `COCOeval_faster` for each of `iou_types`.
    stats_as_dict
        After `summarize`, the numbers of each of them by name.
    """

    def __init__(
        self,
        coco_gt: Any,
        iou_types: Sequence[SimilarityName],
        lvis_style: bool = False,
        ranges: Mapping[str, Sequence[float]] = _RANGES,
    ) -> None:
        self.lvis_style = lvis_style
        self.ranges = ranges
        super().__init__(coco_gt, iou_types)
        self.stats_as_dict: dict[str, Any] = {kind: [] for kind in iou_types}

    def _evaluator(self, kind: Any) -> COCOeval_faster:
        return COCOeval_faster(
            self.coco_gt,
            iouType=kind,
            ranges=self.ranges,
            print_function=print,
            lvis_style=self.lvis_style,
            separate_eval=True,
        )

    def _results(self, results: list[dict[str, Any]]) -> COCO:
        return COCO.loadRes(self.coco_gt, results) if results else COCO()

    def summarize(self) -> None:
        """Prints the summary of each kind and stores its numbers in `stats_as_dict`."""
        super().summarize()
        self.stats_as_dict = {kind: evaluator.stats_as_dict for kind, evaluator in self.coco_eval.items()}
