"""Roboflow's inference results: boxes by their centres in pixels, or polygons; detections only.

A JSON file for each image, called as the image is, in a folder or alone; in memory a response for each image. Category
ids are the names of the classes, or the ids that the ground truth has for these.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _rle
from meanap._arrays import shown
from meanap._files import read_json
from meanap.errors import InputError
from meanap.readers._collected import finite
from meanap.readers._fields import pixel_size
from meanap.readers._folders import by_stem, files_of
from meanap.readers._parts import Files, Parts, parts_of
from meanap.readers._per_image import PerImage
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Role, Truth, is_folder, is_path, start_of
from meanap.readers._sound import coded
from meanap.readers.lists import Lists
from meanap.readers.sides import Detections

if TYPE_CHECKING:
    from meanap._types import BoxFormat

__all__ = ["Roboflow"]

#: Fields of COCO's records and groups of them.
_OF_COCO = (b'"category_id"', b'"annotations"', b'"image_id"')
_SIDES = ("x", "y", "width", "height")


class Roboflow(PerImage):
    """Responses of an inference server: ``predictions``, and ``image`` with its width and height."""

    name = "roboflow"
    box_format: BoxFormat | None = "xyxy"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is such a response, or holds some."""
        if role != "detections":
            return False
        if not is_path(source):
            return super().sniff(source, role)
        path = os.fspath(source)
        if is_folder(path):
            path = next(iter(files_of(path, ".json", deep=False)), "")
        start = start_of(path)
        known = b'"predictions"' in start and not any(name in start for name in _OF_COCO)
        return start[:1] in (b"{", b"[") and known and (b'"image"' in start or b'"confidence"' in start)

    def is_item(self, item: Any, role: Role) -> bool:
        """Whether it has predictions that are not COCO's."""
        predictions = item.get("predictions") if role == "detections" and isinstance(item, Mapping) else None
        if not isinstance(predictions, list):
            return False
        first = predictions[0] if predictions else None
        return isinstance(item.get("image"), Mapping) if first is None else _is_prediction(first)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all images."""
        if not is_path(source):
            return super().detections(source, options, problems, truth)
        if isinstance(source, Files):
            files = source.files
        elif (answers := self._answers_in(source)) is not None:
            return super().detections(answers, options, problems, truth)
        else:
            files = _files(os.fspath(source))
        images: dict[str, Any] = {}
        for name, file in files.items():
            try:
                images[name] = self.dictionary(read_json(file), "detections", file)
            except InputError as error:
                problems.reject(Problem.of(coded(error)), "detections")
        # All names of classes are of one side.
        return Lists().detections(images, dataclasses.replace(options, box_format="xyxy"), problems, truth)

    def _answers_in(self, path: Any) -> Any:
        """The responses in a file that holds several, in a list or by image; None of other files and of folders."""
        if is_folder(path):
            return None
        content = read_json(path)
        several = not self.is_item(content, "detections") and super().sniff(content, "detections")
        return content if several else None

    def parts(self, source: Any, role: Role, options: Options) -> Parts | None:
        """Some files."""
        path = os.fspath(source)
        if self._answers_in(path) is not None:
            return None
        return parts_of(_files(path), lambda files: Files(path, files))

    def dictionary(self, item: Any, role: Role, where: str) -> Mapping[str, Any]:
        """Corners of the boxes, classes and scores, and masks where the predictions are polygons."""
        predictions = item.get("predictions") if isinstance(item, Mapping) else None
        if not isinstance(predictions, list):
            expected = "a response of an inference server: an object with predictions"
            raise InputError(source=where, found=shown(item), expected=expected, code="wrong-kind-of-file")
        rows, labels, scores = [], [], []
        for row, prediction in enumerate(predictions):
            numbers = [_number(prediction, name, where, row) for name in (*_SIDES, "confidence")]
            x, y, width, height, score = numbers
            rows.append([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
            scores.append(score)
            label = prediction.get("class", prediction.get("class_id"))
            if not isinstance(label, (str, int)):
                found = "is missing" if label is None else f"is {shown(label)}"
                raise InputError(None, f"{where}: predictions", row, "class", found, "the name of a class")
            labels.append(label)
        image: dict[str, Any] = {"boxes": np.array(rows, dtype=np.float64).reshape(-1, 4), "labels": labels}
        image["scores"] = np.array(scores, dtype=np.float64)
        pixels = item.get("image")
        size = (
            None if not isinstance(pixels, Mapping) else pixel_size((_whole(pixels, "height"), _whole(pixels, "width")))
        )
        if size is None:
            return image
        image["image_size"] = list(size)
        if predictions and all(isinstance(prediction.get("points"), list) for prediction in predictions):
            rings = [_ring(prediction["points"], where, row) for row, prediction in enumerate(predictions)]
            image["masks"] = [{**_rle.of_polygons([ring], *size), "polygons": [list(ring)]} for ring in rings]
        return image


def _files(path: str) -> dict[str, str]:
    """The files of a folder by image, or the one that this is."""
    return by_stem(files_of(path, ".json") if os.path.isdir(path) else [path], path)


def _is_prediction(value: Any) -> bool:
    return isinstance(value, Mapping) and {"x", "y", "width", "height", "confidence"} <= value.keys()


def _number(prediction: Any, name: str, where: str, row: int) -> float:
    value = prediction.get(name) if isinstance(prediction, Mapping) else None
    number = finite(value)
    if number is None or (number < 0 and name in ("width", "height")):
        found = "is missing" if value is None else f"is {shown(value)}"
        expected = "a number" if number is None else "a number from 0 on"
        code = "bad-score" if name == "confidence" else "malformed-box"
        raise InputError(None, f"{where}: predictions", row, name, found, expected, code)
    return number


def _whole(image: Mapping[str, Any], name: str) -> Any:
    """A side of an image, which older servers write as text."""
    return finite(image.get(name))


def _ring(points: list[Any], where: str, row: int) -> list[float]:
    ring = [finite(point.get(side)) if isinstance(point, Mapping) else None for point in points for side in ("x", "y")]
    numbers = [number for number in ring if number is not None]
    if len(numbers) != len(ring) or len(ring) < 6:
        raise InputError(None, f"{where}: predictions", row, "points", f"is {shown(points)}", "3 points or more")
    return numbers
