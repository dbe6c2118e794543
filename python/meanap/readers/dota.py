"""DOTA: a text for each image with four corners of each object, and results as ``Task1_CLASS.txt``.

A line is ``x1 y1 x2 y2 x3 y3 x4 y4 class difficult`` in pixels; headers ``imagesource:`` and ``gsd:`` are passed over.
A line of results is ``image score`` and the corners; those of Task 2 have two corners. With similarity
"rotated" the corners are evaluated, with "bbox" the upright boxes around them, as in DOTA's Task 2, and with "segm" the
corners as polygons. Image ids are the names of the files without ending, category ids the names of the classes.
``difficult`` objects are ignored.
"""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from meanap import _core, _rle
from meanap._similarity import compares_masks, compares_polygons, compares_rotated_boxes
from meanap.errors import InputError
from meanap.readers._collected import only_boxes
from meanap.readers._folders import by_stem, files_of, image_sizes, images_beside, images_of, label_table, rows_of, stem
from meanap.readers._known_ids import CategoryIds
from meanap.readers._parts import Files, Parts, parts_of
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Reader, Role, Truth, is_folder, is_path, start_of
from meanap.readers.sides import Detections, GroundTruth
from meanap.readers.voc import result_columns

__all__ = ["Dota"]

_CORNERS = tuple(f"{axis}{corner}" for corner in range(1, 5) for axis in "xy")
_HEADERS = ["imagesource", "gsd"]
_RESULTS = re.compile(r"(?:Task[12]_).+\.txt$", re.IGNORECASE)


class Dota(Reader):
    """A folder of label files, one with ``labelTxt`` in it, or a folder of results."""

    name = "dota"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether lines are eight numbers and a class, or files are called as results are."""
        if not is_folder(source):
            return is_path(source) and role == "detections" and bool(_RESULTS.match(os.path.basename(source)))
        try:
            if role == "detections":
                return any(map(_RESULTS.match, os.listdir(source)))
            return any(
                _is_object(line)
                for path in _labels(os.fspath(source))[:100]
                for line in start_of(path).split(b"\n")[:3]
            )
        except (OSError, ValueError):
            return False

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images."""
        if options.similarity == "keypoints":
            only_boxes(self.name, options.similarity, "ground_truth")
        path = os.fspath(source)
        files = source.files if isinstance(source, Files) else by_stem(_labels(path), path)
        if not files:
            raise InputError("there are no .txt files", path, code="wrong-kind-of-file")
        images, paths = list(files), list(files.values())
        layout = [*((name, False) for name in _CORNERS), ("class", True), ("difficult", False)]
        columns = label_table(paths, layout, path, problems, 1, _HEADERS)
        corners, difficult = columns["numbers"][:, :8], columns["numbers"][:, 8]
        beside = images_beside(os.path.dirname(paths[0]), "labelTxt") if paths else None
        given = images_of(beside if options.images is None else options.images)
        sizes = image_sizes(images, options.sizes, given, problems)
        row_images = rows_of(columns["file"], images)
        truth = GroundTruth(
            row_images,
            rows_of(columns["words"][:, 0], columns["texts"]),
            **_geometry(corners, row_images, sizes, options, paths[0] if paths else path),
            # DOTA 1.0 has difficulties 0 and 1, later ones 2 too.
            ignore=np.nan_to_num(difficult) > 0,
            images=dict.fromkeys(images),
        )
        truth.sizes = dict(sizes)
        return truth

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some images, or some classes of results."""
        path = os.fspath(source)
        files = by_stem(_labels(path), path) if role == "ground_truth" else {path: path for path in _results(path)}
        return parts_of(files, lambda some: Files(path, some))

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all classes, a file for each."""
        if options.similarity == "keypoints":
            only_boxes(self.name, options.similarity, "detections")
        path = os.fspath(source)
        results = list(source.files.values()) if isinstance(source, Files) else _results(path)
        if not results:
            raise InputError("there are no files Task1_CLASS.txt", path, code="wrong-kind-of-file")
        upright = any(os.path.basename(path).startswith("Task2_") for path in results)
        names = ("xmin", "ymin", "xmax", "ymax") if upright else _CORNERS
        columns, images = result_columns(results, names, path, problems, truth)
        corners = columns["numbers"][:, 1:]
        if upright:
            corners = corners[:, [0, 1, 2, 1, 2, 3, 0, 3]]
        sizes = {} if truth is None else truth.sizes
        categories = CategoryIds(truth)
        return Detections(
            images,
            rows_of(columns["file"], [categories.of(_category(path)) for path in results]),
            columns["numbers"][:, 0],
            **_geometry(corners, images, sizes, options, path),
        )


def _results(path: str) -> list[str]:
    """The file of each class."""
    found = files_of(path, ".txt", deep=False) if os.path.isdir(path) else [path]
    return [path for path in found if _RESULTS.match(os.path.basename(path))]


def _category(path: str) -> str:
    return stem(path).partition("_")[2]


def _labels(folder: str) -> list[str]:
    within = os.path.join(folder, "labelTxt")
    return files_of(within if os.path.isdir(within) else folder, ".txt", deep=False)


def _is_object(line: bytes) -> bool:
    """Whether a line is eight numbers, and then a word that is none."""
    words = line.split()
    try:
        return len(words) in (9, 10) and bool([float(word) for word in words[:8]]) and not _is_number(words[8])
    except ValueError:
        return False


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _geometry(corners: np.ndarray, images: list[Any], sizes: Any, options: Options, place: str) -> dict[str, Any]:
    """The corners, the boxes around them, or where masks are compared the polygons."""
    if compares_rotated_boxes(options.similarity):
        return {"boxes": corners}
    if not compares_masks(options.similarity):
        least, most = corners.reshape(-1, 4, 2).min(axis=1), corners.reshape(-1, 4, 2).max(axis=1)
        return {"boxes": np.concatenate([least, most], axis=1)}
    unknown = next((id for id in images if not sizes.get(id)), None)
    if unknown is not None:
        problem = f"the size of image {unknown!r} is not known, which masks need"
        raise InputError(problem, place, code="image-without-size")
    of_rows = np.array([sizes[id] for id in images], dtype=np.int64).reshape(-1, 2)
    ends = np.arange(8, 8 * len(corners) + 1, 8, dtype=np.uint64)
    points = np.ascontiguousarray(corners).ravel()
    masks = _core.masks_of_polygons(points, ends, of_rows)
    return {"masks": _rle.outlined(masks, points, ends) if compares_polygons(options.similarity) else masks}
