"""KITTI's 2D boxes: a text for each image, ``type truncated occluded alpha left top right bottom`` and 3D numbers.

Lines of results have a score at the end. ``DontCare`` regions are crowd regions of each class: what is found there is
neither true nor false. Image ids are the names of the files without ending, category ids the types.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from meanap import _core
from meanap.readers._collected import only_boxes
from meanap.readers._folders import by_stem, files_of, rows_of, some_of
from meanap.readers._known_ids import CategoryIds, ImageIds
from meanap.readers._parts import Files, Parts, parts_of
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, head, is_folder
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["Kitti"]

_NUMBERS = (
    "truncated", "occluded", "alpha", "left", "top", "right", "bottom", "height", "width", "length", "x", "y", "z",
    "rotation_y",
)  # fmt: skip
_BOX = slice(3, 7)
_IGNORED = "DontCare"


class Kitti(Reader):
    """A folder of label files."""

    name = "kitti"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether lines are a type and 14 numbers, of results 15."""
        try:
            if not is_folder(source):
                return False
            for path in files_of(os.fspath(source), ".txt", deep=False)[:100]:
                for line in head(path).split(b"\n"):
                    if words := line.split():
                        numbers = [float(word) for word in words[1:]]
                        return len(numbers) == len(_NUMBERS) + (role == "detections") and not words[0][:1].isdigit()
        except (OSError, ValueError):
            pass
        return False

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images; each ``DontCare`` region stands for one of each type."""
        only_boxes(self.name, options.similarity, "ground_truth")
        columns, images = _read(source, (), problems)
        types = rows_of(columns["words"][:, 0], columns["texts"])
        row_images, boxes = rows_of(columns["file"], images), columns["numbers"][:, _BOX]
        cared = [row for row, name in enumerate(types) if name != _IGNORED]
        known = source.known if isinstance(source, Files) else sorted({types[row] for row in cared})
        crowds = [(row, name) for row, of_row in enumerate(types) if of_row == _IGNORED for name in known]
        rows = [*cared, *(row for row, _ in crowds)]
        return GroundTruth(
            [row_images[row] for row in rows],
            [*(types[row] for row in cared), *(name for _, name in crowds)],
            boxes[np.array(rows, dtype=np.int64)],
            crowd=np.arange(len(rows)) >= len(cared),
            images=images,
        )

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
        only_boxes(self.name, options.similarity, "detections")
        columns, images = _read(source, ("score",), problems)
        known, categories = ImageIds(truth), CategoryIds(truth)
        ids = [known.of(image) for image in images]
        for image, id in zip(images, ids, strict=True):
            if id is None:
                text = "there is no such image in the ground truth"
                problems.add(Problem("unknown-image", source=f"{os.fspath(source)}: {image}.txt", text=text))
        rows = np.array([ids[file] is not None for file in columns["file"].tolist()], dtype=bool)
        return Detections(
            rows_of(columns["file"][rows], ids),
            rows_of(columns["words"][rows, 0], [categories.of(text) for text in columns["texts"]]),
            columns["numbers"][rows, -1],
            columns["numbers"][rows][:, _BOX],
        )


def _files(path: str, scored: bool) -> dict[str, str]:
    """The file of each image."""
    return by_stem((files_of if scored else some_of)(path, ".txt", deep=False), path)


def _read(source: Any, more: tuple[str, ...], problems: Problems) -> tuple[dict[str, Any], list[str]]:
    """Columns of all files, and the images that they are of."""
    path = os.fspath(source)
    files = source.files if isinstance(source, Files) else _files(path, bool(more))
    layout = [("type", True), *((name, False) for name in (*_NUMBERS, *more))]
    columns = _core.read_label_table(list(files.values()), layout)
    for file, code, error in columns["faults"]:
        problems.add(Problem.of(error.replace(code=code).at(list(files.values())[file])))
    problems.leave_out(path, columns["left_out"])
    return columns, list(files)
