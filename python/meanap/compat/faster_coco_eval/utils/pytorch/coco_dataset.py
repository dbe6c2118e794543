"""`FasterCocoDetection`, torchvision's data set of COCO's layout. It needs torchvision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

try:
    from torchvision.datasets import CocoDetection, VisionDataset
except ImportError as problem:
    raise ImportError("FasterCocoDetection is a data set of torchvision: pip install torchvision") from problem

from meanap.compat.faster_coco_eval.core.coco import COCO

if TYPE_CHECKING:
    from meanap._types import PathLike

__all__ = ["FasterCocoDetection"]


class FasterCocoDetection(CocoDetection):  # type: ignore[misc]
    """torchvision's `CocoDetection` with this package's `COCO` in `coco`.

    DIFFERENCE: that of faster-coco-eval registers its package as pycocotools when it is created.

    Parameters
    ----------
    root
        The folder of the images.
    annFile
        Path of a COCO JSON file.
    transform, target_transform, transforms
        Functions of an image, of its annotations, and of both, as of torchvision's data sets.
    """

    def __init__(
        self,
        root: PathLike,
        annFile: PathLike,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        transforms: Callable[..., Any] | None = None,
    ) -> None:
        VisionDataset.__init__(self, root, transforms, transform, target_transform)
        self.coco: COCO = COCO(annFile)
        self.ids: list[Any] = sorted(self.coco.imgs)
