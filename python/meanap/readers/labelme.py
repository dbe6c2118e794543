"""LabelMe: a JSON file for each image with rectangles and polygons in pixels; ground truth only.

Rectangles are two corners, or four in newer versions; polygons are compared as masks with similarity "segm", else as
the boxes around them. Circles, lines and points are left out with a warning. Image ids are the names of the files
without ending, category ids the labels.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from meanap._arrays import shown
from meanap._files import read_json
from meanap._similarity import compares_masks
from meanap.errors import InputError
from meanap.readers._collected import Collected, finite, only_boxes
from meanap.readers._folders import by_stem, files_of, some_of
from meanap.readers._parts import Files, Parts, parts_of
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, head, is_folder
from meanap.readers.sides import GroundTruth

__all__ = ["LabelMe"]


class LabelMe(Reader):
    """A folder of JSON files."""

    name = "labelme"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first JSON file of a folder has shapes."""
        try:
            if role != "ground_truth" or not is_folder(source):
                return False
            files = files_of(os.fspath(source), ".json", deep=False)
            return bool(files) and b'"shapes"' in head(files[0])
        except (OSError, ValueError):
            return False

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The shapes of all images."""
        if options.similarity == "keypoints":
            only_boxes(self.name, options.similarity, "ground_truth")
        found = Collected(options.similarity, problems)
        for image, file in _files(source).items():
            try:
                record = read_json(file)
                shapes = record.get("shapes") if isinstance(record, Mapping) else None
                if not isinstance(shapes, list):
                    raise InputError(None, file, None, "shapes", "nothing", "a list", code="wrong-kind-of-file")
            except InputError as error:
                problems.add(Problem.of(error))
                continue
            height, width = (finite(record.get(name)) for name in ("imageHeight", "imageWidth"))
            found.images[image] = (int(height), int(width)) if height and width else None
            if isinstance(record.get("imagePath"), str):
                found.files[image] = record["imagePath"]
            for number, shape in enumerate(shapes):
                _add(found, image, shape, file, number)
        return found.ground_truth()

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some images."""
        return parts_of(_files(source), lambda some: Files(os.fspath(source), some))


def _files(source: Any) -> Mapping[str, str]:
    """The file of each image."""
    path = os.fspath(source)
    return source.files if isinstance(source, Files) else by_stem(some_of(path, ".json"), path)


def _add(found: Collected, image: str, shape: Any, file: str, number: int) -> None:
    label = shape.get("label") if isinstance(shape, Mapping) else None
    if not isinstance(label, str):
        found.wrong("missing-field", file, number, "label", "is missing", "the name of a class")
        return
    # Files of old versions have polygons only.
    kind = shape.get("shape_type") or "polygon"
    ring = _ring(shape.get("points"))
    if ring is None:
        expected = "a list of points [x, y]"
        found.wrong("malformed-box", file, number, "points", f"is {shown(shape.get('points'))}", expected)
    elif kind == "rectangle" and len(ring) in (4, 8):
        box = [min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2])]
        if compares_masks(found.similarity):
            x1, y1, x2, y2 = box
            found.polygon(image, label, [x1, y1, x2, y1, x2, y2, x1, y2], file, number)
        else:
            found.box(image, label, box, file, number)
    elif kind in ("polygon", "rotation"):  # Rotated boxes of X-AnyLabeling.
        found.polygon(image, label, ring, file, number)
    else:
        text = f"shape {number} is a {kind} of {len(ring) // 2} points, which is left out"
        found.problems.add(Problem("other-shape", "warning", file, text=text))


def _ring(points: Any) -> list[float] | None:
    if not isinstance(points, list) or not points:
        return None
    ring: list[float] = []
    for point in points:
        numbers = [finite(value) for value in point] if isinstance(point, list) and len(point) == 2 else [None]
        if None in numbers:
            return None
        ring += [number for number in numbers if number is not None]
    return ring
