"""`FasterCocoEvaluator`: torchvision's `CocoEvaluator` with faster-coco-eval's evaluators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _ranks
from meanap.compat.faster_coco_eval.core.coco import COCO
from meanap.compat.faster_coco_eval.core.cocoeval import RANGES
from meanap.compat.faster_coco_eval.core.faster_eval_api import COCOeval_faster
from meanap.compat.torchvision import CocoEvaluator

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["FasterCocoEvaluator", "all_gather", "convert_to_xywh", "merge"]


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

    _coco = COCO

    def __init__(
        self,
        coco_gt: Any,
        iou_types: Sequence[SimilarityName],
        lvis_style: bool = False,
        ranges: Mapping[str, Sequence[float]] = RANGES,
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

    def summarize(self) -> None:
        """Prints the summary of each kind and stores its numbers in `stats_as_dict`."""
        super().summarize()
        self.stats_as_dict = {kind: evaluator.stats_as_dict for kind, evaluator in self.coco_eval.items()}


def convert_to_xywh(boxes: Any) -> Any:
    """A tensor ``(N, 4)`` of corners x, y, x, y as x, y, width, height."""
    converted = boxes.clone()
    converted[:, 2:] -= boxes[:, :2]
    return converted


def all_gather(data: Any, world_size: int | None = None) -> list[Any]:
    """`data` of each rank of ``torch.distributed``, in the order of the ranks.

    Parameters
    ----------
    data
        Anything that can be pickled.
    world_size
        1 for this process alone; by default all ranks.
    """
    return [data] if world_size == 1 else _ranks.gather(data)


def merge(img_ids: Any, eval_imgs: Any, world_size: int | None = None) -> tuple[list[Any], list[Any]]:
    """Image ids and matches of all ranks, each image once and in the order of the ids.

    Parameters
    ----------
    img_ids
        The ids of the images of this rank.
    eval_imgs
        Its matches: a list of arrays ``(K, A, I)``, of categories, area ranges and images.
    world_size
        As in `all_gather`.
    """
    ids = np.array([id for ids in all_gather(img_ids, world_size) for id in ids])
    matches = np.concatenate([part for parts in all_gather(eval_imgs, world_size) for part in parts], axis=2)
    ids, first = np.unique(ids, return_index=True)
    return ids.tolist(), matches[..., first].ravel().tolist()
