"""CVAT for images 1.1: one XML file with boxes and polygons of all images in pixels; ground truth only.

Polygons are compared as masks with similarity "segm", else as the boxes around them; boxes with a rotation as the
upright boxes around them. Image ids are the names of the images' files without ending, category ids the labels.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from meanap._arrays import shown
from meanap._similarity import compares_masks, compares_rotated_boxes
from meanap.errors import InputError
from meanap.readers._collected import Collected, finite, only_boxes
from meanap.readers._folders import stem
from meanap.readers._parts import Parts, Some, called_twice, some_of_images
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, ends, head, is_path
from meanap.readers._xml import elements, parse
from meanap.readers.sides import GroundTruth

if TYPE_CHECKING:
    from xml.etree import ElementTree

__all__ = ["Cvat"]

_SIDES = ("xtl", "ytl", "xbr", "ybr")


class Cvat(Reader):
    """The file ``annotations.xml``."""

    name = "cvat"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is XML with a root ``annotations``."""
        if role != "ground_truth" or not is_path(source) or not ends(source, ".xml"):
            return False
        return b"<annotations" in head(source)

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images."""
        if options.similarity == "keypoints":
            only_boxes(self.name, options.similarity, "ground_truth")
        path = os.fspath(source)
        collected = Collected(options.similarity, problems)
        number = source.first_object if isinstance(source, Some) else 0
        for element in source.images if isinstance(source, Some) else _images(path):
            name = element.get("name") or element.get("id") or ""
            image = _stem(element)
            if image in collected.images:
                raise called_twice(image, path)
            height, width = (finite(element.get(side)) for side in ("height", "width"))
            collected.images[image] = (int(height), int(width)) if height and width else None
            collected.files[image] = name
            for shape in element:
                _add(collected, image, shape, path, number)
                number += 1
        return collected.ground_truth()

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some images."""
        path = os.fspath(source)
        return some_of_images(path, lambda: _each_image(path))


def _images(path: str) -> Iterator[ElementTree.Element]:
    root = parse(path)
    _check(path, root.tag, root.find("track") is not None)
    return root.iterfind("image")


def _each_image(path: str) -> Iterator[tuple[ElementTree.Element, str, int, int]]:
    """Each image, its name, how many objects it has, and how many bytes have been read."""
    for element, depth, done in elements(path):
        if depth == 0:
            _check(path, element.tag, False)
        elif element.tag == "track":
            _check(path, "annotations", True)
        if depth and element.tag == "image":
            yield element, _stem(element), len(element), done


def _check(path: str, root: str, tracks: bool) -> None:
    if root != "annotations" or tracks:
        found = "tracks of a video" if root == "annotations" else f"<{root}>"
        expected = "<annotations> with images (CVAT for images 1.1)"
        raise InputError(source=path, found=found, expected=expected, code="wrong-kind-of-file")


def _stem(element: ElementTree.Element) -> str:
    return stem(element.get("name") or element.get("id") or "")


def _add(found: Collected, image: str, shape: ElementTree.Element, path: str, number: int) -> None:
    label = shape.get("label")
    if shape.tag not in ("box", "polygon"):
        if shape.tag != "tag":
            text = f"object {number} is a {shape.tag}, which is left out"
            found.problems.add(Problem("other-shape", "warning", path, text=text))
        return
    if not label:
        found.wrong("missing-field", path, number, "label", "is missing", "the name of a class")
        return
    if shape.tag == "polygon":
        text = shape.get("points") or ""
        numbers = [finite(word) for point in text.split(";") for word in point.split(",")]
        ring = [number for number in numbers if number is not None]
        if len(ring) != len(numbers) or len(ring) % 2:
            found.wrong("broken-mask", path, number, "points", f"is {shown(text)}", "x1,y1;x2,y2;...")
        else:
            found.polygon(image, label, ring, path, number)
        return
    corners = found.numbers({name: shape.get(name) for name in _SIDES}, path, number)
    if corners is None:
        return
    ring = _turned(corners, finite(shape.get("rotation") or 0) or 0.0)
    if compares_masks(found.similarity) or compares_rotated_boxes(found.similarity):
        found.polygon(image, label, ring, path, number)
    elif ring[1::2].count(corners[1]) == 2:
        found.box(image, label, corners, path, number)
    else:
        found.box(image, label, [min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2])], path, number)


def _turned(corners: list[float], degrees: float) -> list[float]:
    """The four corners of a box that is turned around its centre, clockwise."""
    x1, y1, x2, y2 = corners
    ring = [x1, y1, x2, y1, x2, y2, x1, y2]
    if degrees == 0:
        return ring
    cx, cy, angle = (x1 + x2) / 2, (y1 + y2) / 2, math.radians(degrees)
    turned = []
    for x, y in zip(ring[::2], ring[1::2], strict=True):
        turned.append(cx + (x - cx) * math.cos(angle) - (y - cy) * math.sin(angle))
        turned.append(cy + (x - cx) * math.sin(angle) + (y - cy) * math.cos(angle))
    return turned
