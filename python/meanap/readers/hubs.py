"""Detections as libraries of detectors have them: an object or a dictionary for each image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._arrays import as_number, as_numbers, as_numpy, shown
from meanap.errors import InputError
from meanap.readers._folders import stem
from meanap.readers._per_image import PerImage
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Role, Truth
from meanap.readers.sides import Detections

if TYPE_CHECKING:
    from meanap._types import BoxFormat

__all__ = ["Instances", "Supervision", "Transformers", "Ultralytics"]


class Supervision(PerImage):
    """`supervision.Detections`, one for each image."""

    name = "supervision"
    box_format: BoxFormat | None = "xyxy"

    def is_item(self, item: Any, role: Role) -> bool:
        """Whether it has their attributes."""
        return all(hasattr(item, name) for name in ("xyxy", "class_id", "confidence"))

    def dictionary(self, item: Any, role: Role, where: str) -> Mapping[str, Any]:
        """Boxes, classes, and masks where there are any."""
        _check_item(self, item, role, where, "supervision.Detections")
        boxes = as_numpy(item.xyxy, where)
        needed = ("class_id", "confidence") if role == "detections" else ("class_id",)
        for name in needed:
            if getattr(item, name) is None and len(boxes):
                raise InputError(f"supervision.Detections without {name}", where)
        image: dict[str, Any] = {"boxes": boxes, "labels": [] if item.class_id is None else item.class_id}
        if getattr(item, "mask", None) is not None:
            image["masks"] = item.mask
        if role == "detections":
            image["scores"] = [] if item.confidence is None else item.confidence
        return image


class Ultralytics(PerImage):
    """Ultralytics' `Results`, one for each image."""

    name = "ultralytics"
    box_format: BoxFormat | None = "xyxy"

    def is_item(self, item: Any, role: Role) -> bool:
        """Whether it has boxes with their attributes."""
        return all(hasattr(getattr(item, "boxes", None), name) for name in ("xyxy", "conf", "cls"))

    def dictionary(self, item: Any, role: Role, where: str) -> Mapping[str, Any]:
        """Boxes, classes, the size of the image, and masks and keypoints where there are any."""
        _check_item(self, item, role, where, "Ultralytics' Results")
        image: dict[str, Any] = {
            "boxes": as_numpy(item.boxes.xyxy, where),
            "labels": as_numpy(item.boxes.cls, where),
            "image_size": list(item.orig_shape[:2]),
        }
        if role == "detections":
            image["scores"] = as_numpy(item.boxes.conf, where)
        points = getattr(item, "keypoints", None)
        if points is not None:
            image["keypoints"] = as_numpy(points.data, where)
        masks = getattr(item, "masks", None)
        if masks is not None:
            image["masks"] = as_numpy(masks.data, where)
            size = image["masks"].shape[1:]
            if len(image["masks"]) and size != tuple(item.orig_shape[:2]):
                found = f"has masks of {size[0]} x {size[1]} pixels"
                height, width = item.orig_shape[:2]
                expected = f"{height} x {width}, as predict(retina_masks=True) gives"
                raise InputError(source=where, found=found, expected=expected)
            image["masks"] = image["masks"] != 0
        return image

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all images: of those whose files are called as the images of the ground truth are."""
        ids = None if truth is None else truth.images
        items = self.items(source, "detections")
        if ids and not isinstance(source, Mapping):
            known, names = set(ids), [stem(str(getattr(item, "path", ""))) for item in items]
            if known.issuperset(names) and len(set(names)) == len(names):
                return super().detections(dict(zip(names, items, strict=True)), options, problems, truth)
        return super().detections(source, options, problems, truth)


class Instances(PerImage):
    """Detections of detectron2 (``Instances``, or the dictionary of a model that has them) and of MMDetection.

    Ground truth in their samples is of the resized image: it is not read.
    """

    name = "instances"
    box_format: BoxFormat | None = "xyxy"
    has_ids = True

    def is_item(self, item: Any, role: Role) -> bool:
        """Whether it has their fields."""
        return role == "detections" and _instances_of(item) is not None

    def dictionary(self, item: Any, role: Role, where: str) -> Mapping[str, Any]:
        """Boxes, classes, scores, and masks and keypoints where there are any."""
        _check_item(self, item, role, where, "detectron2's Instances or MMDetection's DetDataSample")
        found, names = _instances_of(item) or (None, _INSTANCES[0])
        boxes = getattr(found, names["boxes"])
        image = {"boxes": getattr(boxes, "tensor", boxes)}
        image |= {name: getattr(found, own) for name, own in names.items() if name != "boxes" and hasattr(found, own)}
        id = item.get("image_id") if isinstance(item, Mapping) else getattr(item, "img_id", None)
        return image if id is None else {**image, "image_id": id}


#: Fields of instances: of detectron2's, and of MMDetection's.
_INSTANCES = (
    {
        "boxes": "pred_boxes", "labels": "pred_classes", "scores": "scores", "masks": "pred_masks",
        "keypoints": "pred_keypoints",
    },
    {"boxes": "bboxes", "labels": "labels", "scores": "scores", "masks": "masks", "keypoints": "keypoints"},
)  # fmt: skip


def _instances_of(item: Any) -> tuple[Any, dict[str, str]] | None:
    """The instances of an image and the names of their fields; None of anything else."""
    found = item.get("instances") if isinstance(item, Mapping) else getattr(item, "pred_instances", item)
    needed = ("boxes", "labels", "scores")
    return next(((found, names) for names in _INSTANCES if all(hasattr(found, names[name]) for name in needed)), None)


class Transformers(PerImage):
    """What image processors of HuggingFace's `transformers` make, a dictionary for each image.

    Ground truth is their targets: ``class_labels``, ``boxes`` as centre and size in fractions of ``orig_size``. Boxes
    become pixels as `center_to_corners_format` and its users compute them. Areas are those of the boxes: that of a
    target is of the resized image. Detections are those of `post_process_object_detection` (the shape of `Lists`) or of
    `post_process_instance_segmentation`: ``segmentation`` and ``segments_info``.
    """

    name = "transformers"
    box_format: BoxFormat | None = "xyxy"
    has_ids = True

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first item is one, or they are the labels of a batch."""
        return super().sniff(_targets_of(source), role)

    def is_item(self, item: Any, role: Role) -> bool:
        """Whether it has their fields."""
        needed = {"class_labels", "boxes"} if role == "ground_truth" else {"segmentation", "segments_info"}
        return isinstance(item, Mapping) and needed <= item.keys()

    def dictionaries(self, source: Any, role: Role, problems: Problems | None = None) -> list[Mapping[str, Any]]:
        """What metric objects take of all images."""
        return super().dictionaries(_targets_of(source), role, problems)

    def dictionary(self, item: Any, role: Role, where: str) -> Mapping[str, Any]:
        """Boxes in pixels, or masks."""
        _check_item(self, item, role, where, "a dictionary of an image processor")
        if role == "detections":
            return _of_segments(item, where)
        if "orig_size" not in item:
            raise InputError(source=where, field="orig_size", found="is missing", expected="height and width")
        size = as_numbers(item["orig_size"], f"{where}: orig_size")
        boxes = as_numbers(item["boxes"], f"{where}: boxes")
        boxes = boxes.reshape(-1, 4) if boxes.size == 0 else boxes
        if size.shape != (2,) or boxes.ndim != 2 or boxes.shape[1] != 4:
            expected = "boxes of shape (N, 4) and orig_size of shape (2,)"
            raise InputError(f"found shapes {boxes.shape} and {size.shape}", where, expected=expected)
        if boxes.size and not (boxes[:, 2:] <= 1).all():
            row = int(np.flatnonzero((boxes[:, 2:] > 1).any(axis=1))[0])
            found = f"is ({', '.join(f'{x:g}' for x in boxes[row].tolist())})"
            expected = "centre, width and height in fractions of the image"
            raise InputError(None, f"{where}: boxes", row, None, found, expected, unit="row")
        image = {name: item[name] for name in ("image_id", "iscrowd") if name in item}
        height, width = size.tolist()
        centre, half = boxes[:, :2], boxes.dtype.type(0.5) * boxes[:, 2:]
        corners = np.concatenate([centre - half, centre + half], axis=1)
        scale = np.array([width, height, width, height], dtype=boxes.dtype)
        return {**image, "boxes": corners * scale, "labels": item["class_labels"], "image_size": [height, width]}


def _targets_of(source: Any) -> Any:
    """The targets of a batch, which calls them its labels; anything else as it is."""
    labels = source.get("labels") if isinstance(source, Mapping) else None
    return labels if isinstance(labels, list) and labels and isinstance(labels[0], Mapping) else source


def _of_segments(item: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The masks of a map of segments."""
    segments = item["segments_info"]
    image = {name: item[name] for name in ("image_id",) if name in item}
    for row, segment in enumerate(segments):
        for name in ("id", "label_id", "score"):
            if as_number(segment.get(name)) is None:
                raise InputError(
                    None, f"{where}: segments_info", row, name, f"is {shown(segment.get(name))}", "a number"
                )
    columns = {name: [segment[name] for segment in segments] for name in ("id", "label_id", "score")}
    if item["segmentation"] is None or not segments:
        return {**image, "masks": [], "labels": [], "scores": []}
    of_pixels = as_numpy(item["segmentation"], f"{where}: segmentation")
    masks = of_pixels[None] == np.array(columns["id"]).reshape(-1, 1, 1)
    return {**image, "masks": masks, "labels": columns["label_id"], "scores": columns["score"]}


def _check_item(reader: PerImage, item: Any, role: Role, where: str, expected: str) -> None:
    if not reader.is_item(item, role):
        raise InputError(source=where, found=f"is {shown(item)}", expected=expected)
