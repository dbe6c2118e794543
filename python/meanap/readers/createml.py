"""CreateML: one JSON list with the boxes of each image by their centres, in pixels; ground truth only.

Image ids are the names of the images' files without ending, category ids the labels.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from meanap._arrays import shown
from meanap._files import each_item, read_json
from meanap.errors import InputError
from meanap.readers._collected import Collected, only_boxes
from meanap.readers._folders import stem
from meanap.readers._parts import Parts, Some, called_twice, some_of_images
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, ends, is_path, start_of
from meanap.readers.sides import GroundTruth

__all__ = ["CreateMl"]

_SIDES = ("x", "y", "width", "height")


class CreateMl(Reader):
    """The file ``_annotations.createml.json``."""

    name = "createml"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is a list of images with annotations."""
        if role != "ground_truth" or not is_path(source) or not ends(source, ".json"):
            return False
        start = start_of(source)
        return (
            bool(re.match(rb'\s*\[\s*\{\s*"(?:image|imagefilename|annotations)"', start)) and b'"image_id"' not in start
        )

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images."""
        only_boxes(self.name, options.similarity, "ground_truth")
        path = os.fspath(source)
        some = source if isinstance(source, Some) else Some(path, _images(path), 0, 0)
        found = Collected(options.similarity, problems)
        number = some.first_object
        for record, entry in enumerate(some.images, start=some.first):
            name, annotations = _fields(entry)
            if not isinstance(name, str) or not isinstance(annotations, list):
                text = '"image" or "annotations" is missing'
                problems.add(Problem("missing-field", source=path, record=record, text=text))
                continue
            image = stem(name)
            if image in found.images:
                raise called_twice(image, path)
            found.images[image], found.files[image] = None, name
            for annotation in annotations:
                _add(found, image, annotation, path, number)
                number += 1
        return found.ground_truth()

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some images."""
        path = os.fspath(source)
        return some_of_images(path, lambda: _each_image(path))


def _images(path: str) -> list[Any]:
    images = read_json(path)
    if not isinstance(images, list):
        expected = "a list of images with annotations"
        raise InputError(source=path, found=shown(images), expected=expected, code="wrong-kind-of-file")
    return images


def _fields(entry: Any) -> tuple[Any, Any]:
    """The name and the annotations of an image."""
    if not isinstance(entry, Mapping):
        return None, None
    return entry.get("image") or entry.get("imagefilename"), entry.get("annotations")


def _each_image(path: str) -> Iterator[tuple[Any, str | None, int, int]]:
    """Each image, its name, how many objects it has, and how many bytes have been read."""
    try:
        for entry, done in each_item(path):
            name, annotations = _fields(entry)
            count = len(annotations) if isinstance(annotations, list) else 0
            yield entry, stem(name) if isinstance(name, str) else None, count, done
    except ValueError as error:
        if not isinstance(error, InputError):
            # In the words of the reader of whole files.
            _images(path)
        raise


def _add(found: Collected, image: str, annotation: Any, path: str, number: int) -> None:
    label = annotation.get("label") if isinstance(annotation, Mapping) else None
    box = annotation.get("coordinates") if isinstance(annotation, Mapping) else None
    if not isinstance(label, str):
        found.wrong("missing-field", path, number, "label", "is missing", "the name of a class")
        return
    if not isinstance(box, Mapping):
        found.wrong("malformed-box", path, number, "coordinates", f"is {shown(box)}", "x, y, width and height")
        return
    numbers = found.numbers({name: box.get(name) for name in _SIDES}, path, number)
    if numbers is not None:
        x, y, width, height = numbers
        found.box(image, label, [x - width / 2, y - height / 2, x + width / 2, y + height / 2], path, number)
