"""A metric for mmengine's evaluator, as mmdetection's `CocoMetric`. It needs ``mmengine``.

In a configuration file of mmdetection::

    custom_imports = dict(imports=["meanap.compat.mmengine"])
    val_evaluator = dict(type="MeanapCocoMetric", ann_file="instances.json", metric=["bbox", "segm"])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

try:
    from mmengine.evaluator import BaseMetric
    from mmengine.registry import METRICS
except ImportError as problem:
    raise ImportError("meanap.compat.mmengine needs mmengine: pip install mmengine") from problem

from meanap._arrays import as_numpy
from meanap.compat.pycocotools import COCO
from meanap.compat.torchvision import CocoEvaluator
from meanap.errors import InputError

if TYPE_CHECKING:
    from meanap._types import CocoDataset, PathLike

__all__ = ["CocoMetric"]

_NAMES = ("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l")


@METRICS.register_module(name="MeanapCocoMetric")
class CocoMetric(BaseMetric):  # type: ignore[misc]
    """COCO's average precision of the predictions of an mmdetection model.

    Parameters
    ----------
    ann_file
        Path of a COCO JSON file, or a dictionary of the same layout.
    metric
        What is compared: ``"bbox"``, ``"segm"``, or several.
    classwise
        Whether there is a number for each class, ``bbox_NAME_precision``.
    collect_device, prefix
        As for `mmengine.evaluator.BaseMetric`; the prefix is ``"coco"`` by default.

    Raises
    ------
    ValueError
        `metric` is another one.
    """

    default_prefix = "coco"

    def __init__(
        self,
        ann_file: PathLike | dict[str, Any] | CocoDataset,
        metric: Literal["bbox", "segm"] | Sequence[Literal["bbox", "segm"]] = "bbox",
        classwise: bool = False,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.metrics: list[Any] = [metric] if isinstance(metric, str) else list(metric)
        for kind in self.metrics:
            if kind not in ("bbox", "segm"):
                raise ValueError(f"metric: expected 'bbox' or 'segm', found {kind!r}")
        self.classwise = classwise
        self._evaluator = CocoEvaluator(COCO(ann_file), self.metrics)

    def process(self, data_batch: object, data_samples: Iterable[Mapping[str, Any]]) -> None:
        """Stores the predictions of a batch as COCO's results.

        Parameters
        ----------
        data_batch
            Ignored.
        data_samples
            A dictionary for each image: ``img_id``, and ``pred_instances`` with ``scores`` ``(N,)``, ``labels``
            ``(N,)`` (positions of classes), ``bboxes`` ``(N, 4)`` as corners and for masks ``masks`` ``(N, H, W)``.
        """
        categories = self._category_ids()
        for sample in data_samples:
            found = sample["pred_instances"]
            labels = as_numpy(found["labels"], "labels").tolist()
            for row, label in enumerate(labels):
                if not 0 <= label < len(categories):
                    place = f'pred_instances of image {sample["img_id"]!r}: "labels"'
                    expected = f"a class from 0 to {len(categories) - 1}"
                    raise InputError(None, place, row, None, f"is {label}", expected, unit="row")
            prediction = {
                "scores": found["scores"],
                "labels": [categories[label] for label in labels],
                "boxes": found["bboxes"],
            }
            if "segm" in self.metrics:
                prediction["masks"] = found["masks"]
            image = {sample["img_id"]: prediction}
            results = {kind: self._evaluator.prepare(image, kind) for kind in self.metrics}
            self.results.append((sample["img_id"], results))

    def _category_ids(self) -> list[Any]:
        """The category of each class: by name, as the model knows them, or in the order of the file."""
        classes = (self.dataset_meta or {}).get("classes")
        categories = {category["name"]: category["id"] for category in self._evaluator.coco_gt.dataset["categories"]}
        return list(categories.values()) if classes is None else [categories[name] for name in classes]

    def compute_metrics(self, results: Sequence[tuple[Any, dict[str, list[dict[str, Any]]]]]) -> dict[str, float]:
        """The numbers of the images of all ranks by name, -1 where there are none."""
        evaluator = self._evaluator
        evaluator.cleanup()
        for image, of_image in results:
            evaluator.add([image], of_image)
        evaluator.accumulate()
        evaluator.summarize()
        numbers: dict[str, float] = {}
        for kind, evaluation in evaluator.coco_eval.items():
            numbers.update({f"{kind}_{name}": float(evaluation.stats[i]) for i, name in enumerate(_NAMES)})
            if self.classwise:
                for k, category in enumerate(evaluator.coco_gt.loadCats(evaluation.params.catIds) or ()):
                    precision = evaluation.eval["precision"][:, :, k, 0, -1]
                    present = precision[precision > -1]
                    numbers[f"{kind}_{category['name']}_precision"] = float(present.mean()) if present.size else -1.0
        return numbers
