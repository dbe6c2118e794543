"""KITTI's boxes: a text for each image, ``type truncated occluded alpha left top right bottom`` and those in space.

Lines of results have a score at the end. ``DontCare`` regions are crowd regions of each class: what is found there is
neither true nor false; in space they have no size and are left out. Image ids are the names of the files without
ending, category ids the types. Boxes in space are turned from the camera's axes (right, down, forward) to forward, left
and up.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from meanap._similarity import GEOMETRY
from meanap.errors import InputError
from meanap.readers._folders import by_stem, files_of, label_table, rows_of, some_of
from meanap.readers._known_ids import CategoryIds, ImageIds, of_no_image
from meanap.readers._parts import Files, Parts, parts_of
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Reader, Role, Truth, is_folder, start_of
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["Kitti"]

_NUMBERS = (
    "truncated", "occluded", "alpha", "left", "top", "right", "bottom", "height", "width", "length", "x", "y", "z",
    "rotation_y",
)  # fmt: skip
_ALPHA, _BOX = 2, slice(3, 7)
_IGNORED = "DontCare"
#: Classes that are so like another one that KITTI ignores what is found of the other there.
_NEIGHBOURS = {"Van": "Car", "Person_sitting": "Pedestrian"}
#: Of each level from the easiest: the most that may be occluded and truncated, and the height in pixels to be exceeded.
_LEVELS = ((0, 0.15, 40), (1, 0.3, 25), (2, 0.5, 25))


class Kitti(Reader):
    """A folder of label files."""

    name = "kitti"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether lines are a type and 14 numbers, of results 15."""
        try:
            if not is_folder(source):
                return False
            for path in files_of(os.fspath(source), ".txt", deep=False)[:100]:
                for line in start_of(path).split(b"\n"):
                    if words := line.split():
                        numbers = [float(word) for word in words[1:]]
                        return len(numbers) == len(_NUMBERS) + (role == "detections") and not words[0][:1].isdigit()
        except (OSError, ValueError):
            pass
        return False

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images; each ``DontCare`` region stands for one of each type."""
        in_space = _in_space(options, "ground_truth")
        columns, images = _read(source, (), problems)
        types = rows_of(columns["words"][:, 0], columns["texts"])
        numbers, row_images = columns["numbers"], rows_of(columns["file"], images)
        cared = [(row, name) for row, name in enumerate(types) if name != _IGNORED]
        known = source.known if isinstance(source, Files) else sorted({name for _, name in cared})
        objects = [
            (row, of, of != name)
            for row, name in cared
            for of in (name, *((_NEIGHBOURS[name],) if options.difficulty and name in _NEIGHBOURS else ()))
        ]
        regions = [] if in_space else [row for row, name in enumerate(types) if name == _IGNORED]
        crowds = [(row, name, True) for row in regions for name in known]
        rows = np.array([row for row, *_ in (*objects, *crowds)], dtype=np.int64)
        side = GroundTruth(
            [row_images[row] for row in rows.tolist()],
            [name for _, name, _ in (*objects, *crowds)],
            (_boxes_in_space(numbers) if in_space else numbers[:, _BOX])[rows],
            crowd=np.arange(len(rows)) >= len(objects),
            ignore=np.array([ignored for *_, ignored in (*objects, *crowds)], dtype=bool),
            difficulty=_levels_of_objects(numbers)[rows] if options.difficulty else None,
            images=images,
        )
        side.arrays["alpha"] = numbers[rows, _ALPHA]
        return side

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some images; which types there are, all files say."""
        path, scored = os.fspath(source), role == "detections"
        files = _files(path, scored)
        types: set[str] = set()
        for file in () if scored else files.values():
            with open(file, "rb") as lines:
                types.update(line.split(maxsplit=1)[0].decode("utf-8", "replace") for line in lines if line.strip())
        known = sorted(types - {_IGNORED})
        return parts_of(files, lambda some: Files(path, some, known))

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all images."""
        in_space = _in_space(options, "detections")
        columns, images = _read(source, ("score",), problems)
        known, categories = ImageIds(truth), CategoryIds(truth)
        ids = [known.of(image) for image in images]
        for image, id in zip(images, ids, strict=True):
            if id is None:
                problems.add(of_no_image(f"{os.fspath(source)}: {image}.txt"))
        rows = np.array([ids[file] is not None for file in columns["file"].tolist()], dtype=bool)
        numbers = columns["numbers"][rows]
        side = Detections(
            rows_of(columns["file"][rows], ids),
            rows_of(columns["words"][rows, 0], [categories.of(text) for text in columns["texts"]]),
            numbers[:, -1],
            _boxes_in_space(numbers) if in_space else numbers[:, _BOX],
            difficulty=_levels_of_detections(numbers) if options.difficulty else None,
        )
        side.arrays["alpha"] = numbers[:, _ALPHA]
        return side


def _in_space(options: Options, place: str) -> bool:
    """Whether the boxes in space are read, not those in the image.

    Raises
    ------
    InputError
        The similarity compares neither.
    """
    if options.similarity != "bbox" and GEOMETRY[options.similarity] != "3D boxes":
        problem = (
            f"format 'kitti' has boxes only, expected similarity 'bbox', 'bev' or 'box3d', found {options.similarity!r}"
        )
        raise InputError(problem, place, code="wrong-geometry")
    return options.similarity != "bbox"


def _boxes_in_space(numbers: np.ndarray) -> np.ndarray:
    """Boxes ``(N, 7)``: centre forward, left and up, length, width, height, yaw.

    KITTI's points are in the middle of the bottom, and an object with ``rotation_y`` 0 looks to the right.
    """
    height, width, length, x, y, z, turn = numbers[:, 7:14].T
    return np.stack([z, -x, height / 2 - y, length, width, height, -turn - np.pi / 2], axis=1)


def _levels_of_objects(numbers: np.ndarray) -> np.ndarray:
    """The easiest level of each object ``(N,)``: 1 easy, 2 moderate, 3 hard, 4 beyond."""
    truncated, occluded, height = numbers[:, 0], numbers[:, 1], numbers[:, 6] - numbers[:, 4]
    levels = np.full(len(numbers), 4.0)
    for level, (most, cut, least) in reversed(list(enumerate(_LEVELS, 1))):
        levels[(occluded <= most) & (truncated <= cut) & (height > least)] = level
    return levels


def _levels_of_detections(numbers: np.ndarray) -> np.ndarray:
    """The easiest level at which a detection counts ``(N,)``, by its height in the image."""
    height = np.abs(numbers[:, 6] - numbers[:, 4])
    return np.where(height >= _LEVELS[0][2], 1.0, np.where(height >= _LEVELS[1][2], 2.0, 4.0))


def _files(path: str, scored: bool) -> dict[str, str]:
    """The file of each image."""
    return by_stem((files_of if scored else some_of)(path, ".txt", deep=False), path)


def _read(source: Any, more: tuple[str, ...], problems: Problems) -> tuple[dict[str, Any], list[str]]:
    """Columns of all files, and the images that they are of."""
    path = os.fspath(source)
    files = source.files if isinstance(source, Files) else _files(path, bool(more))
    layout = [("type", True), *((name, False) for name in (*_NUMBERS, *more))]
    return label_table(list(files.values()), layout, path, problems), list(files)
