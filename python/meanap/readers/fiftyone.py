"""FiftyOne: labels with boxes in fractions of the image, left upper corner and size.

In memory an item for each image: `fiftyone.Detections` or what their `to_dict` makes, alone or in a sample. Of files
the ``labels.json`` of a `FiftyOneImageDetectionDataset` and the ``samples.json`` of a `FiftyOneDataset`. Image ids are
those of a mapping or of the file, of samples the names of their files without ending; category ids are the labels, or
the ids that the ground truth has for these. Sizes of images are those of samples' metadata, of the ground truth, of
`sizes`, or in the headers of `images`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._arrays import shown
from meanap._files import read_json
from meanap.errors import InputError
from meanap.readers._collected import finite, only_boxes
from meanap.readers._fields import pixel_size
from meanap.readers._folders import image_sizes, images_of, stem
from meanap.readers._per_image import PerImage, repeated
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Role, Truth, is_path, start_of
from meanap.readers.lists import Lists
from meanap.readers.sides import Detections, GroundTruth

if TYPE_CHECKING:
    from meanap._types import BoxFormat

__all__ = ["FiftyOne"]

_BOX = "bounding_box"
_SIZES = "metadata of the sample, sizes= or images="


class FiftyOne(PerImage):
    """Detections of FiftyOne, or samples or files that hold some."""

    name = "fiftyone"
    box_format: BoxFormat | None = "xywh"
    needs_sizes = True

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is such an item, or holds some."""
        if not is_path(source):
            return super().sniff(_unwrapped(source), role)
        start = start_of(source)
        return bool(re.match(rb'\{\s*"(samples|classes|labels)"\s*:', start)) and b'"bounding_box"' in start

    def items(self, source: Any, role: Role) -> Sequence[Any]:
        """What a source has of each image."""
        if isinstance(source, Mapping) and self.is_item(source, role):
            return [source]
        return super().items(source, role)

    def is_item(self, item: Any, role: Role) -> bool:
        """Whether it is a label with detections, or a sample with one."""
        return _labels_of(item, role) is not None

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images."""
        images = self._in_pixels(source, "ground_truth", options, problems, None)
        return Lists().ground_truth(images, dataclasses.replace(options, box_format="xywh"), problems)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all images."""
        images = self._in_pixels(source, "detections", options, problems, truth)
        return Lists().detections(images, dataclasses.replace(options, box_format="xywh"), problems, truth)

    def dictionary(self, item: Any, role: Role, where: str) -> Mapping[str, Any]:
        """Boxes in pixels, labels and scores, of a sample with its size."""
        size = _size_of(item)
        if size is None:
            found = "is missing, which boxes in fractions need"
            raise InputError(None, where, None, "metadata", found, code="image-without-size")
        return _dictionary(item, role, where, size)

    def _in_pixels(self, source: Any, role: Role, options: Options, problems: Problems, truth: Truth | None) -> Any:
        """The dictionaries of all images, by id where a source has ids, with boxes in pixels."""
        only_boxes(self.name, options.similarity, role)
        source = _unwrapped(read_json(source)) if is_path(source) else _unwrapped(source)
        items = list(self.items(source, role))
        ids = _ids_of(source, items, truth)
        of_truth = {} if truth is None else truth.sizes
        known = {id: size for id, item in zip(ids, items, strict=True) if (size := _size_of(item)) is not None}
        wanted = [str(id) for id in ids if id not in known]
        files = images_of(options.images)
        given = {**{str(id): size for id, size in of_truth.items() if size is not None}, **(options.sizes or {})}
        sizes: dict[Any, tuple[int, int]] = image_sizes(wanted, given, files, problems)
        images = {}
        again = repeated(ids, role, problems)
        for row, (id, item) in enumerate(zip(ids, items, strict=True)):
            if row in again:
                continue
            size, where = known.get(id) or sizes.get(str(id)), f"{role}[{row}]"
            images[id] = (
                _dictionary(item, role, where, size) if item is not None else _dictionary({}, role, where, None)
            )
        by_id = isinstance(source, Mapping) or all(isinstance(item, Mapping) and "filepath" in item for item in items)
        return images if by_id else list(images.values())


def _ids_of(source: Any, items: list[Any], truth: Truth | None) -> list[Any]:
    """The image of each item: its id, or its position."""
    if isinstance(source, Mapping) and len(source) == len(items) and items and source is not items[0]:
        return list(source)
    if items and all(isinstance(item, Mapping) and "filepath" in item for item in items):
        return [stem(str(item["filepath"])) for item in items]
    known = None if truth is None else truth.images
    return list(range(len(items)) if known is None or len(known) != len(items) else known)


def _labels_of(item: Any, role: Role) -> list[Any] | None:
    """The detections of an item; None if it is something else."""
    if isinstance(item, list):
        # An image of labels.json.
        return item if item and isinstance(item[0], Mapping) and _BOX in item[0] else None
    listed = item.get("detections") if isinstance(item, Mapping) else getattr(item, "detections", None)
    if isinstance(listed, (list, tuple)) and (not listed or _of(listed[0], _BOX) is not None):
        return list(listed) if listed or _of(item, "_cls") or not isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or "filepath" not in item:
        return None
    fields = {name: labels for name, value in item.items() if (labels := _labels_of(value, role)) is not None}
    names = ("ground_truth", "detections") if role == "ground_truth" else ("predictions", "detections")
    scored = {name for name, labels in fields.items() if any(_of(one, "confidence") is not None for one in labels)}
    likely = [name for name in fields if (name in scored) == (role == "detections")]
    chosen = next((name for name in (*names, *likely) if name in fields), None)
    return None if chosen is None else fields[chosen]


def _of(one: Any, name: str) -> Any:
    return one.get(name) if isinstance(one, Mapping) else getattr(one, name, None)


def _size_of(item: Any) -> tuple[int, int] | None:
    """Height and width that a sample's metadata has."""
    metadata = item.get("metadata") if isinstance(item, Mapping) else None
    return None if metadata is None else pixel_size((_of(metadata, "height"), _of(metadata, "width")))


def _dictionary(item: Any, role: Role, where: str, size: tuple[int, int] | None) -> dict[str, Any]:
    labels = _labels_of(item, role) or []
    if labels and size is None:
        found = f"the size of its image is not known, which boxes in fractions need: {_SIZES}"
        raise InputError(found, where, code="image-without-size")
    height, width = size or (0, 0)
    boxes = []
    for row, one in enumerate(labels):
        box = _of(one, _BOX)
        box = box.tolist() if isinstance(box, np.ndarray) else box
        numbers = [finite(number) for number in box] if isinstance(box, (list, tuple)) else []
        if len(numbers) != 4 or None in numbers:
            expected = "4 numbers (x, y, width, height) in fractions of the image"
            raise InputError(None, where, row, _BOX, f"is {shown(box)}", expected, "malformed-box", unit="row")
        x, y, across, down = (float(number or 0) for number in numbers)
        if max(abs(x), abs(y), across, down) > _MOST:
            expected = "fractions of the image"
            raise InputError(None, where, row, _BOX, f"is {shown(box)}", expected, "malformed-box", unit="row")
        # As its exporter of COCO's files.
        boxes.append([x * width, y * height, across * width, down * height])
    image: dict[str, Any] = {"boxes": np.array(boxes, dtype=np.float64).reshape(-1, 4)}
    image["labels"] = [_of(one, "label") for one in labels]
    if size is not None:
        image["image_size"] = list(size)
    if role == "detections":
        scores = [finite(_of(one, "confidence")) for one in labels]
        if None in scores:
            row = scores.index(None)
            value = _of(labels[row], "confidence")
            found = "is missing" if value is None else f"is {shown(value)}"
            raise InputError(None, where, row, "confidence", found, "a number", "bad-score", unit="row")
        image["scores"] = np.array(scores, dtype=np.float64)
    elif any(_of(one, "iscrowd") for one in labels):
        image["iscrowd"] = [bool(_of(one, "iscrowd")) for one in labels]
    return image


#: Larger numbers are pixels: boxes may go beyond the image a little.
_MOST = 10


def _unwrapped(source: Any) -> Any:
    """The items of a file's content: by image of labels.json, of samples.json a list; anything else as it is."""
    if not isinstance(source, Mapping):
        return source
    samples, labels = source.get("samples"), source.get("labels")
    if isinstance(samples, list):
        return samples
    if not isinstance(labels, Mapping):
        return source
    classes = source.get("classes")
    return {name: [_named(one, classes) for one in listed or ()] for name, listed in labels.items()}


def _named(one: Any, classes: Any) -> Any:
    """A detection with its label as text: files may have positions in their list of classes."""
    label = one.get("label") if isinstance(one, Mapping) else None
    if type(label) is int and isinstance(classes, list) and 0 <= label < len(classes):
        return {**one, "label": classes[label]}
    return one
