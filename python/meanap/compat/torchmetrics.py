"""torchmetrics' `MeanAveragePrecision`, evaluated by meanap. It needs ``torchmetrics[detection]``.

`meanap.MeanAveragePrecision` needs no torch, stores no boxes, and takes the same arguments. This class is for programs
that need a `torchmetrics.Metric`: in a `MetricCollection`, a `MetricTracker`, or Lightning's ``log``.
"""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

try:
    import torch
    from lightning_utilities import apply_to_collection
    from torchmetrics.detection import MeanAveragePrecision as _MeanAveragePrecision
    from torchmetrics.detection.helpers import CocoBackend
    from torchmetrics.utilities.distributed import gather_all_tensors
except ImportError as problem:
    raise ImportError(
        "meanap.compat.torchmetrics needs torchmetrics 1.8 or later: pip install 'torchmetrics[detection]'"
    ) from problem

from meanap.compat import faster_coco_eval, pycocotools
from meanap.compat._standin import standing_in

if TYPE_CHECKING:
    from meanap._types import AverageName, BoxFormat

__all__ = ["MeanAveragePrecision"]

# No image, where a rank has fewer than another.
_NONE = object()


class _Backend(CocoBackend):  # type: ignore[misc]
    """The classes by which torchmetrics evaluates; the name says whose conventions they have."""

    @property
    def coco(self) -> type:
        return faster_coco_eval.COCO if self.backend == "faster_coco_eval" else pycocotools.COCO

    @property
    def cocoeval(self) -> type:
        return faster_coco_eval.COCOeval_faster if self.backend == "faster_coco_eval" else pycocotools.COCOeval

    @property
    def mask_utils(self) -> ModuleType:
        return faster_coco_eval.mask if self.backend == "faster_coco_eval" else pycocotools.mask

    def coco_to_tm(self, *args: Any, **options: Any) -> Any:
        with standing_in(self.backend):
            return super().coco_to_tm(*args, **options)


class MeanAveragePrecision(_MeanAveragePrecision):  # type: ignore[misc]
    """`torchmetrics.detection.MeanAveragePrecision` with the evaluators of meanap.

    States, results and plots are torchmetrics' own, and so are all its conventions. DIFFERENCE: ranks may have
    different numbers of images; there torchmetrics 1.9 fails.

    Parameters
    ----------
    box_format : {"xyxy", "xywh", "cxcywh"}
    iou_type : {"bbox", "segm"} or a tuple of them
    iou_thresholds, rec_thresholds, max_detection_thresholds : lists of numbers, optional
    class_metrics, extended_summary : bool
    average : {"macro", "micro"}
    backend : {"pycocotools", "faster_coco_eval"}
        Whose conventions the numbers have: with limits other than 1, 10, 100 pycocotools' ``map`` is -1.
    **options
        Those of `torchmetrics.Metric`.

    Raises
    ------
    ModuleNotFoundError
        torchvision, or both pycocotools and faster-coco-eval, are not installed: torchmetrics requires them.
    ValueError
        An option is another one.
    """

    def __init__(
        self,
        box_format: BoxFormat = "xyxy",
        iou_type: Literal["bbox", "segm"] | tuple[Literal["bbox", "segm"], ...] = "bbox",
        iou_thresholds: list[float] | None = None,
        rec_thresholds: list[float] | None = None,
        max_detection_thresholds: list[int] | None = None,
        class_metrics: bool = False,
        extended_summary: bool = False,
        average: AverageName = "macro",
        backend: Literal["pycocotools", "faster_coco_eval"] = "pycocotools",
        **options: Any,
    ) -> None:
        super().__init__(
            box_format=box_format,
            iou_type=iou_type,
            iou_thresholds=iou_thresholds,
            rec_thresholds=rec_thresholds,
            max_detection_thresholds=max_detection_thresholds,
            class_metrics=class_metrics,
            extended_summary=extended_summary,
            average=average,
            backend=backend,
            **options,
        )
        self._coco_backend: _Backend = _Backend(backend)

    def _sync_dist(self, dist_sync_fn: Any = None, process_group: Any = None) -> None:
        if dist_sync_fn not in (None, gather_all_tensors):
            super()._sync_dist(dist_sync_fn, process_group)
            return
        distributed: Any = torch.distributed
        group = process_group or self.process_group
        names = list(self._reductions)
        own = {name: apply_to_collection(getattr(self, name), torch.Tensor, torch.Tensor.cpu) for name in names}
        of_ranks: list[Any] = [None] * distributed.get_world_size(group)
        distributed.all_gather_object(of_ranks, own, group=group)
        for name in names:
            # The first image of each rank, then the second, as torchmetrics orders them.
            turns = itertools.zip_longest(*(states[name] for states in of_ranks), fillvalue=_NONE)
            images = [image for turn in turns for image in turn if image is not _NONE]
            setattr(self, name, apply_to_collection(images, torch.Tensor, torch.Tensor.to, self.device))
