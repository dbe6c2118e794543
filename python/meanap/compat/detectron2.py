"""detectron2's `COCOEvaluator`: COCO's numbers of the outputs of its models, over ranks.

It is an evaluator for `inference_on_dataset` and `DefaultTrainer.build_evaluator`, in place of detectron2's own::

    from meanap.compat.detectron2 import COCOEvaluator

    evaluator = COCOEvaluator("coco_2017_val", output_dir="./output")

detectron2 is needed for the names of its data sets only. With a file, a dictionary or a `COCO`, class n of the model is
the n-th category by id, as for a data set that `register_coco_instances` registers.

>>> from types import SimpleNamespace
>>> import numpy as np
>>> from meanap.compat.detectron2 import COCOEvaluator
>>> evaluator = COCOEvaluator({
...     "images": [{"id": 7}],
...     "categories": [{"id": 1, "name": "cat"}, {"id": 3, "name": "dog"}],
...     "annotations": [
...         {"id": 1, "image_id": 7, "category_id": 3, "bbox": [5, 6, 20, 10], "area": 200, "iscrowd": 0}
...     ],
... })
>>> class Instances(SimpleNamespace):  # those of detectron2
...     __len__ = lambda self: len(self.scores)
...     has = lambda self, name: hasattr(self, name)
>>> boxes = SimpleNamespace(tensor=np.array([[5, 6, 25, 16]], dtype=np.float32))
>>> found = Instances(pred_boxes=boxes, scores=np.array([0.9]), pred_classes=np.array([1]))
>>> evaluator.reset()
>>> evaluator.process([{"image_id": 7}], [{"instances": found}])
>>> results = evaluator.evaluate()  # doctest: +ELLIPSIS
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 1.000
 ...
>>> round(results["bbox"]["AP50"], 6), round(results["bbox"]["AP-dog"], 6)
(100.0, 100.0)
"""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from meanap import _ranks
from meanap._arrays import as_numpy
from meanap._summary import rows_of
from meanap.compat._box_proposals import Proposals, average_recalls
from meanap.compat._rows import records_of
from meanap.compat.pycocotools import COCO, COCOeval, mask
from meanap.compat.pycocotools._summary import summarize

if TYPE_CHECKING:
    from meanap._types import CocoDataset, PathLike

__all__ = ["COCOEvaluator"]

_BOX_NUMBERS = ("AP", "AP50", "AP75", "APs", "APm", "APl")
_NUMBERS = {"bbox": _BOX_NUMBERS, "segm": _BOX_NUMBERS, "keypoints": ("AP", "AP50", "AP75", "APm", "APl")}


class _Data(NamedTuple):
    """The ground truth, the names of the model's classes, and the category of each class."""

    truth: Any
    names: list[str] | None
    categories: dict[int, Any] | None


class _Output(NamedTuple):
    """What a model gives for an image."""

    image: Any
    results: list[dict[str, Any]] | None
    """Instances as COCO's results, whose categories are classes of the model."""
    proposals: Proposals | None


class COCOEvaluator:
    """COCO's average precision of the outputs of a detectron2 model, as its `COCOEvaluator` gives it.

    Numbers are those of pycocotools, times 100; NaN where there is none. An image that several ranks evaluate counts
    once. Proposals have detectron2's average recall.

    Parameters
    ----------
    dataset_name
        The name of a data set that is registered in detectron2, the path of a COCO JSON file, a dictionary of the same
        layout, or a `COCO`.
    tasks
        What is compared, ``"bbox"``, ``"segm"``, ``"keypoints"``; by default what the outputs have. A configuration of
        detectron2 gives ``TEST.KEYPOINT_OKS_SIGMAS``.
    distributed
        Whether `evaluate` gathers the outputs of all ranks of ``torch.distributed``.
    output_dir
        A folder for ``coco_instances_results.json`` and ``box_proposals.pkl``, which is created.
    max_dets_per_image
        The limit on the detections of an image, of boxes and masks, 100 by default.
    use_fast_impl
        Ignored.
    kpt_oks_sigmas
        The sigmas of the keypoints, by default COCO's.
    allow_cached_coco
        Whether a file that detectron2 made of a data set of another layout is read again.

    Raises
    ------
    ImportError
        A data set is named, and detectron2 is not installed.
    FileNotFoundError
        `dataset_name` is neither a file nor a data set that detectron2 knows.
    ValueError
        `tasks` has another task, or `output_dir` is needed for the file of a data set of another layout.
    """

    def __init__(
        self,
        dataset_name: str | PathLike | dict[str, Any] | CocoDataset | COCO,
        tasks: Any = None,
        distributed: bool = True,
        output_dir: str | None = None,
        *,
        max_dets_per_image: int | None = None,
        use_fast_impl: bool = True,
        kpt_oks_sigmas: Sequence[float] = (),
        allow_cached_coco: bool = True,
    ) -> None:
        if hasattr(tasks, "TEST"):
            kpt_oks_sigmas, tasks = kpt_oks_sigmas or tasks.TEST.KEYPOINT_OKS_SIGMAS, None
        self._tasks: Sequence[Any] | None = [tasks] if isinstance(tasks, str) else tasks
        for task in self._tasks or ():
            if task not in _NUMBERS:
                raise ValueError(f"tasks: expected 'bbox', 'segm' or 'keypoints', found {task!r}")
        self._distributed = distributed
        self._output_dir = output_dir
        self._limits = [1, 10, 100 if max_dets_per_image is None else max_dets_per_image]
        self._sigmas = kpt_oks_sigmas
        if isinstance(dataset_name, str) and not os.path.isfile(dataset_name):
            self._data = _registered(dataset_name, output_dir, allow_cached_coco)
        else:
            self._data = _read(dataset_name)
        self.reset()

    def reset(self) -> None:
        """Discards all outputs."""
        self._outputs: list[_Output] = []

    def process(self, inputs: Iterable[Mapping[str, Any]], outputs: Iterable[Mapping[str, Any]]) -> None:
        """Stores the outputs of a batch as COCO's results.

        Parameters
        ----------
        inputs
            A dictionary for each image, with ``image_id``.
        outputs
            A dictionary for each image: ``instances``, which are `Instances` with ``pred_boxes`` ``(N, 4)`` as corners,
            ``scores`` ``(N,)``, ``pred_classes`` ``(N,)`` (positions of classes) and perhaps ``pred_masks``
            ``(N, H, W)`` or ``pred_keypoints`` ``(N, K, 3)``; or ``proposals``, with ``proposal_boxes`` ``(N, 4)`` and
            ``objectness_logits`` ``(N,)``; or both.

        Raises
        ------
        ValueError
            An array cannot be read.
        """
        for of_image, output in zip(inputs, outputs, strict=False):
            image = of_image["image_id"]
            results = _results(output["instances"], image) if "instances" in output else None
            proposals = _proposals(output["proposals"], image) if "proposals" in output else None
            if results is not None or proposals is not None:
                self._outputs.append(_Output(image, results, proposals))

    def evaluate(self, img_ids: Sequence[Any] | None = None) -> dict[str, dict[str, float]]:
        """Matches the outputs and prints the summary of each task.

        Parameters
        ----------
        img_ids
            The images that are evaluated, by default all of the data set.

        Returns
        -------
        dict
            Task to name to number: ``AP``, ``AP50``, ``AP75``, ``APs``, ``APm``, ``APl`` (no ``APs`` of keypoints)
            and, with several classes, ``AP-NAME`` of each. ``box_proposals``, where the first output has proposals:
            ``AR@100``, ``ARs@100``, … and ``AR@1000``, …. Empty without outputs, without annotations, and on all
            ranks but the first.

        Raises
        ------
        ValueError
            A class has no category, or keypoints and sigmas differ in number.
        """
        of_ranks = _ranks.gather(self._outputs) if self._distributed else [self._outputs]
        if self._distributed and _ranks.rank() != 0:
            return {}
        if not any(of_ranks):
            warnings.warn("COCOEvaluator: there are no outputs of a model", stacklevel=2)
            return {}
        # DIFFERENCE: detectron2 counts an image of several ranks, as a sampler that pads gives it, several times.
        counted: set[Any] = set()
        fresh: list[_Output] = []
        for outputs in of_ranks:
            fresh += [output for output in outputs if output.image not in counted]
            counted.update(output.image for output in outputs)
        numbers: dict[str, dict[str, float]] = {}
        if fresh[0].proposals is not None:
            numbers.update(self._recalls([output.proposals for output in fresh if output.proposals is not None]))
        if fresh[0].results is not None:
            numbers.update(self._precisions([one for output in fresh for one in output.results or ()], img_ids))
        return numbers

    def _recalls(self, proposals: list[Proposals]) -> dict[str, dict[str, float]]:
        if self._output_dir:
            os.makedirs(self._output_dir, exist_ok=True)
            columns = {
                "boxes": [of_image.boxes for of_image in proposals],
                "objectness_logits": [of_image.logits for of_image in proposals],
                "ids": [of_image.image for of_image in proposals],
                # What detectron2 calls corners.
                "bbox_mode": 0,
            }
            with open(os.path.join(self._output_dir, "box_proposals.pkl"), "wb") as file:
                pickle.dump(columns, file)
        if "annotations" not in self._data.truth.dataset:
            return {}
        return {"box_proposals": average_recalls(proposals, self._data.truth.imgToAnns)}

    def _precisions(self, found: list[dict[str, Any]], images: Sequence[Any] | None) -> dict[str, dict[str, float]]:
        # `loadRes` adds fields to its dictionaries, not to those of the outputs.
        results = [{**one, "category_id": self._category(one["category_id"])} for one in found]
        if self._output_dir:
            os.makedirs(self._output_dir, exist_ok=True)
            with open(os.path.join(self._output_dir, "coco_instances_results.json"), "w", encoding="utf-8") as file:
                json.dump(results, file)
        if "annotations" not in self._data.truth.dataset:
            return {}
        return {task: self._numbers(task, results, images) for task in sorted(self._tasks or _tasks_of(results))}

    def _category(self, label: int) -> Any:
        categories = self._data.categories
        if categories is None:
            return label
        if label not in categories:
            raise ValueError(f"pred_classes: found class {label}, the data set has {len(categories)} categories")
        return categories[label]

    def _numbers(self, task: Any, results: list[dict[str, Any]], images: Sequence[Any] | None) -> dict[str, float]:
        if not results:
            return dict.fromkeys(_NUMBERS[task], math.nan)
        if task == "segm":
            # Sizes are areas of masks, where results with boxes would have the areas of those.
            results = [{name: value for name, value in result.items() if name != "bbox"} for result in results]
        evaluator: Any = COCOeval(self._data.truth, self._data.truth.loadRes(results), task)
        if images is not None:
            evaluator.params.imgIds = images
        if task == "keypoints":
            self._set_sigmas(evaluator, results)
        else:
            evaluator.params.maxDets = list(self._limits)
        evaluator.evaluate()
        evaluator.accumulate()
        # pycocotools has the first number at 100 detections, whatever the limits are.
        first, *others = rows_of(task)
        rows = [first if task == "keypoints" else first._replace(limit=2, fixed=False), *others]
        stats = summarize(evaluator.params, evaluator.eval, rows)
        numbers = {name: _percent(stats[i]) for i, name in enumerate(_NUMBERS[task])}
        names = self._data.names
        if names is not None and len(names) > 1:
            precision = evaluator.eval["precision"][:, :, :, 0, -1]
            for k, name in enumerate(names):
                present = precision[:, :, k][precision[:, :, k] > -1]
                numbers[f"AP-{name}"] = _percent(np.mean(present)) if present.size else math.nan
        return numbers

    def _set_sigmas(self, evaluator: Any, results: list[dict[str, Any]]) -> None:
        if len(self._sigmas):
            evaluator.params.kpt_oks_sigmas = np.array(self._sigmas)
        sigmas, found = len(evaluator.params.kpt_oks_sigmas), len(results[0]["keypoints"]) // 3
        if sigmas != found:
            raise ValueError(f"kpt_oks_sigmas: found {sigmas} sigmas, expected {found}, one for each keypoint")


def _percent(number: Any) -> float:
    return float(number * 100) if number >= 0 else math.nan


def _tasks_of(results: list[dict[str, Any]]) -> set[str]:
    tasks = {"bbox"}
    for result in results:
        tasks.update(task for task, name in (("segm", "segmentation"), ("keypoints", "keypoints")) if name in result)
    return tasks


def _results(instances: Any, image: Any) -> list[dict[str, Any]]:
    """The instances of an image as COCO's results, whose categories are classes of the model."""
    if len(instances) == 0:
        return []
    corners = as_numpy(instances.pred_boxes.tensor, "pred_boxes")
    columns: dict[str, list[Any]] = {
        "bbox": np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).tolist(),
        "score": as_numpy(instances.scores, "scores").tolist(),
        "category_id": as_numpy(instances.pred_classes, "pred_classes").tolist(),
    }
    if instances.has("pred_masks"):
        pixels = as_numpy(instances.pred_masks, "pred_masks").astype(np.uint8, copy=False)
        rles = mask.encode(np.asfortranarray(pixels.transpose(1, 2, 0)))
        columns["segmentation"] = [{**rle, "counts": rle["counts"].decode()} for rle in rles]
    if instances.has("pred_keypoints"):
        # COCO's keypoints are indices of pixels, the model's are coordinates of their middles.
        points = as_numpy(instances.pred_keypoints, "pred_keypoints").copy()
        points[:, :, :2] -= 0.5
        columns["keypoints"] = points.reshape(len(points), -1).tolist()
    names = {"bbox": "pred_boxes", "score": "scores", "category_id": "pred_classes", "segmentation": "pred_masks"}
    names["keypoints"] = "pred_keypoints"
    rows = records_of(columns, names, f"instances of image {image!r}")
    return [{"image_id": image, **row} for row in rows]


def _proposals(proposals: Any, image: Any) -> Proposals:
    boxes = as_numpy(proposals.proposal_boxes.tensor, "proposal_boxes")
    return Proposals(image, boxes.reshape(-1, 4), as_numpy(proposals.objectness_logits, "objectness_logits"))


def _read(source: Any) -> _Data:
    truth = copy.deepcopy(source) if isinstance(source, COCO) else COCO(source)
    categories = sorted(truth.dataset.get("categories", ()), key=lambda category: category["id"])
    names = [category["name"] for category in categories]
    return _Data(truth, names, {label: category["id"] for label, category in enumerate(categories)})


def _registered(name: str, output_dir: str | None, allow_cached: bool) -> _Data:
    """A data set that is registered in detectron2, which makes a file of one that has none."""
    try:
        from detectron2.data import DatasetCatalog, MetadataCatalog
        from detectron2.data.datasets.coco import convert_to_coco_json
        from detectron2.utils.file_io import PathManager
    except ImportError as problem:
        raise ImportError(
            f"dataset_name: {name!r} is not a file; for the name of a data set, detectron2 is needed"
        ) from problem
    metadata = MetadataCatalog.get(name)
    if not hasattr(metadata, "json_file"):
        if name not in DatasetCatalog.list():
            raise FileNotFoundError(f"dataset_name: {name!r} is neither a file nor a data set that detectron2 knows")
        if output_dir is None:
            raise ValueError(f"output_dir: None, expected a folder for the COCO file of the data set {name!r}")
        path = os.path.join(output_dir, f"{name}_coco_format.json")
        convert_to_coco_json(name, path, allow_cached=allow_cached)
        metadata.json_file = path
    labels = getattr(metadata, "thing_dataset_id_to_contiguous_id", None)
    categories = None if labels is None else {label: id for id, label in labels.items()}
    return _Data(COCO(PathManager.get_local_path(metadata.json_file)), metadata.get("thing_classes"), categories)
