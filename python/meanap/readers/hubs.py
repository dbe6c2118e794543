"""Detections as libraries of detectors have them: an object for each image, or one for all."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from meanap._arrays import as_numpy
from meanap.errors import InputError
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Reader, Role, Truth
from meanap.readers.lists import Lists
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["Supervision", "Ultralytics", "batch_of"]


class _OfImages(Reader):
    """A list of one object for each image, which is read as the dictionary of the image."""

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether all are such objects."""
        several = source if isinstance(source, (list, tuple)) else [source]
        return bool(several) and all(self._is_one(item) for item in several)

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images, which are called by their position."""
        return Lists().ground_truth(self.dictionaries(source, False), _corners(options), problems)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all images, in the order of the images of the ground truth if there are as many."""
        images = self.dictionaries(source, True)
        ids = None if truth is None else truth.images
        if ids is not None and ids != list(range(len(images))):
            if len(ids) != len(images):
                expected = f"one for each of {len(ids):,} images of the ground truth, in their order"
                raise InputError(f"{len(images):,} images", "detections", expected=expected)
            images = [{**image, "image_id": id} for image, id in zip(images, ids, strict=True)]
        return Lists().detections(images, _corners(options), problems, truth)

    def dictionaries(self, source: Any, detections: bool) -> list[dict[str, Any]]:
        """The dictionaries of all images, as metric objects take them; boxes are two corners."""
        several: Sequence[Any] = source if isinstance(source, (list, tuple)) else [source]
        return [self._dictionary(item, detections) for item in several]

    def _is_one(self, item: Any) -> bool:
        raise NotImplementedError

    def _dictionary(self, item: Any, detections: bool) -> dict[str, Any]:
        raise NotImplementedError


def _corners(options: Options) -> Options:
    """Both libraries have boxes as two corners."""
    return dataclasses.replace(options, box_format="xyxy")


class Supervision(_OfImages):
    """`supervision.Detections`, one for each image."""

    name = "supervision"

    def _is_one(self, item: Any) -> bool:
        return all(hasattr(item, name) for name in ("xyxy", "class_id", "confidence"))

    def _dictionary(self, item: Any, detections: bool) -> dict[str, Any]:
        boxes = as_numpy(item.xyxy)
        if item.class_id is None and len(boxes):
            raise InputError("supervision.Detections without class_id", "detections" if detections else "ground_truth")
        image: dict[str, Any] = {"boxes": boxes, "labels": [] if item.class_id is None else item.class_id}
        if getattr(item, "mask", None) is not None:
            image["masks"] = item.mask
        if detections:
            if item.confidence is None and len(boxes):
                raise InputError("supervision.Detections without confidence", "detections")
            image["scores"] = [] if item.confidence is None else item.confidence
        return image


class Ultralytics(_OfImages):
    """Ultralytics' `Results`, one for each image."""

    name = "ultralytics"

    def _is_one(self, item: Any) -> bool:
        return all(hasattr(getattr(item, "boxes", None), name) for name in ("xyxy", "conf", "cls"))

    def _dictionary(self, item: Any, detections: bool) -> dict[str, Any]:
        image: dict[str, Any] = {"boxes": as_numpy(item.boxes.xyxy), "labels": as_numpy(item.boxes.cls)}
        height, width = item.orig_shape
        image["image_size"] = [height, width]
        if detections:
            image["scores"] = as_numpy(item.boxes.conf)
        points = getattr(item, "keypoints", None)
        if points is not None:
            image["keypoints"] = as_numpy(points.data)
        return image


def batch_of(source: Any, detections: bool) -> Any:
    """A batch of a metric object: the dictionaries of such objects, anything else as it is."""
    for reader in (Supervision(), Ultralytics()):
        if isinstance(source, (list, tuple)) and source and reader.sniff(source, "detections"):
            return reader.dictionaries(source, detections)
    return source
