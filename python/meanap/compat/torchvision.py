"""torchvision's `CocoEvaluator` (of its detection references, and of DETR), without torch.

>>> import meanap
>>> from meanap.compat.torchvision import CocoEvaluator
>>> truth = meanap.COCO({
...     "images": [{"id": 7}],
...     "categories": [{"id": 1, "name": "cat"}],
...     "annotations": [
...         {"id": 1, "image_id": 7, "category_id": 1, "bbox": [5, 6, 20, 10], "area": 200, "iscrowd": 0}
...     ],
... })
>>> evaluator = CocoEvaluator(truth, ["bbox"])
>>> evaluator.update({7: {"boxes": [[5, 6, 25, 16]], "scores": [0.9], "labels": [1]}})
>>> evaluator.synchronize_between_processes()
>>> evaluator.accumulate()
>>> float(evaluator.coco_eval["bbox"].eval["recall"].max())
1.0
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _ranks
from meanap._arrays import as_numpy
from meanap.compat._rows import records_of
from meanap.compat.pycocotools import COCO, COCOeval, mask

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["CocoEvaluator"]

#: The images of an update, and its results.
_Batch = tuple[list[Any], dict[str, list[dict[str, Any]]]]


class CocoEvaluator:
    """COCO's evaluation of batches of predictions, over the ranks of ``torch.distributed``.

    Results are stored as COCO dictionaries, masks as run lengths, and evaluated together in `accumulate`. An image that
    comes more than once, as with a sampler that pads, counts once.

    Parameters
    ----------
    coco_gt
        The ground truth. It is copied.
    iou_types
        What is compared: ``"bbox"``, ``"segm"``, ``"keypoints"``.

    Attributes
    ----------
    coco_eval
        An evaluator (``COCOeval``) for each of `iou_types`, whose ``params`` may be edited before `accumulate`.
    img_ids
        The images so far; after `synchronize_between_processes` those of all ranks, each once and sorted.

    Raises
    ------
    AssertionError
        `iou_types` is no list.
    """

    _coco: Any = COCO

    def __init__(self, coco_gt: Any, iou_types: Sequence[SimilarityName]) -> None:
        if not isinstance(iou_types, (list, tuple)):
            raise AssertionError(f"iou_types is {iou_types!r}, expected a list")
        self.coco_gt: Any = copy.deepcopy(coco_gt)
        self.iou_types = iou_types
        self.coco_eval: dict[str, Any] = {}
        self.cleanup()

    def cleanup(self) -> None:
        """Discards all batches and makes new evaluators."""
        self.coco_eval = {kind: self._evaluator(kind) for kind in self.iou_types}
        self.img_ids: list[Any] = []
        self._batches: list[_Batch] = []

    def _evaluator(self, kind: Any) -> Any:
        return COCOeval(self.coco_gt, iouType=kind)

    def _results(self, results: list[dict[str, Any]]) -> Any:
        if results:
            return self._coco.loadRes(self.coco_gt, results)
        nothing = self._coco()
        nothing.dataset = {"annotations": []}
        return nothing

    def update(self, predictions: Mapping[Any, Mapping[str, Any]]) -> None:
        """Adds a batch.

        Parameters
        ----------
        predictions
            Image id to predictions: ``scores`` ``(N,)``, ``labels`` ``(N,)``, and ``boxes`` ``(N, 4)`` as corners x, y,
            x, y, ``masks`` ``(N, 1, H, W)``, foreground above 0.5, or ``keypoints`` ``(N, K, 3)``; or an empty
            dictionary. Arrays of any library.

        Raises
        ------
        ValueError
            An array cannot be read.
        """
        images = list(np.unique(list(predictions)))
        self.add(images, {kind: self.prepare(predictions, kind) for kind in self.iou_types})

    def add(self, images: Sequence[Any], results: Mapping[str, list[dict[str, Any]]]) -> None:
        """Adds a batch of COCO's results.

        Parameters
        ----------
        images
            The ids of its images, also of those without results.
        results
            The results for each of `iou_types`, as `prepare` makes them.
        """
        self.img_ids.extend(images)
        self._batches.append((list(images), dict(results)))

    def synchronize_between_processes(self) -> None:
        """Gathers the batches of all ranks of ``torch.distributed``, all of which have to call it."""
        self._batches = [batch for batches in _ranks.gather(self._batches) for batch in batches]
        self.img_ids = np.unique([id for images, _ in self._batches for id in images]).tolist()

    def accumulate(self) -> None:
        """Matches the results of all batches and computes the curves."""
        counted: set[Any] = set()
        images: list[Any] = []
        results: dict[str, list[dict[str, Any]]] = {kind: [] for kind in self.iou_types}
        for of_batch, found in self._batches:
            fresh = [id for id in of_batch if id not in counted]
            counted.update(fresh)
            images += fresh
            some = set(fresh)
            for kind, listed in found.items():
                # `loadRes` adds fields to its dictionaries, not to those of the batches.
                results[kind] += [dict(result) for result in listed if result["image_id"] in some]
        for kind, evaluator in self.coco_eval.items():
            evaluator.cocoDt = self._results(results[kind])
            evaluator.params.imgIds = list(images)
            evaluator.evaluate()
            evaluator.accumulate()

    def summarize(self) -> None:
        """Prints the summary of each kind and stores its numbers in ``coco_eval[kind].stats``."""
        for kind, evaluator in self.coco_eval.items():
            print(f"IoU metric: {kind}")
            evaluator.summarize()

    # Results as COCO has them

    def prepare(self, predictions: Mapping[Any, Mapping[str, Any]], iou_type: str) -> list[dict[str, Any]]:
        """Predictions as a list of COCO's results.

        Raises
        ------
        ValueError
            `iou_type` is unknown, or an array cannot be read.
        """
        prepare = {
            "bbox": self.prepare_for_coco_detection,
            "segm": self.prepare_for_coco_segmentation,
            "keypoints": self.prepare_for_coco_keypoint,
        }.get(iou_type)
        if prepare is None:
            raise ValueError(f"Unknown iou type {iou_type}")
        return prepare(predictions)

    def prepare_for_coco_detection(self, predictions: Mapping[Any, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Boxes as COCO's results: x, y, width, height."""

        def boxes(prediction: Mapping[str, Any]) -> list[Any]:
            corners = as_numpy(prediction["boxes"], "boxes").reshape(-1, 4)
            listed: list[Any] = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).tolist()
            return listed

        return _listed(predictions, "bbox", boxes)

    def prepare_for_coco_segmentation(self, predictions: Mapping[Any, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Masks as COCO's results: run lengths."""

        def masks(prediction: Mapping[str, Any]) -> list[Any]:
            pixels = as_numpy(prediction["masks"], "masks") > 0.5
            pixels = pixels.reshape(len(pixels), *pixels.shape[-2:]) if len(pixels) else pixels.reshape(0, 0, 0)
            rles = mask.encode(np.asfortranarray(pixels.transpose(1, 2, 0), dtype=np.uint8)) if len(pixels) else []
            return [{**rle, "counts": rle["counts"].decode()} for rle in rles]

        return _listed(predictions, "segmentation", masks)

    def prepare_for_coco_keypoint(self, predictions: Mapping[Any, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Keypoints as COCO's results: x, y, visibility in turn."""

        def keypoints(prediction: Mapping[str, Any]) -> list[Any]:
            points = as_numpy(prediction["keypoints"], "keypoints")
            flat: list[Any] = points.reshape(len(points), math.prod(points.shape[1:])).tolist()
            return flat

        return _listed(predictions, "keypoints", keypoints)


def _listed(
    predictions: Mapping[Any, Mapping[str, Any]], name: str, geometry: Callable[[Mapping[str, Any]], list[Any]]
) -> list[dict[str, Any]]:
    results = []
    for image, prediction in predictions.items():
        if not prediction:
            continue
        scores, labels = (as_numpy(prediction[side], side).tolist() for side in ("scores", "labels"))
        columns = {"category_id": list(map(int, labels)), name: geometry(prediction), "score": scores}
        rows = records_of(columns, _NAMES, f"predictions[{image!r}]")
        results += [{"image_id": image, **row} for row in rows]
    return results


#: What predictions call the columns of results.
_NAMES = {
    "category_id": "labels",
    "score": "scores",
    "bbox": "boxes",
    "segmentation": "masks",
    "keypoints": "keypoints",
}
