"""Cityscapes' instances: PNG files of instance ids, and results as lists of masks.

Ground truth is a folder with ``…_gtFine_instanceIds.png`` in it or below, whose pixels are the class, or the class
times 1000 and the number of the object. Results are a folder with ``CITY_123456_123456….txt`` in it or below, the
lines of which are ``mask.png class confidence``; a mask's path is relative to its text, and pixels that are not 0 are
its own.
Image ids are ``CITY_123456_123456``, category ids the classes with instances.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from meanap import _core, _rle
from meanap._arrays import shown
from meanap._similarity import compares_masks
from meanap.errors import InputError
from meanap.readers._collected import finite
from meanap.readers._folders import by_stem, files_of, read_text
from meanap.readers._known_ids import ImageIds, of_no_image
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, is_folder, start_of
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["Cityscapes"]

#: The classes with instances.
_NAMES = {
    24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus", 31: "train", 32: "motorcycle", 33: "bicycle",
}  # fmt: skip
#: Classes that are not evaluated: what is found there is ignored.
_VOID = (0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30)
#: Ids below this are of single classes, of which a class with instances is a group.
_INSTANCES = 1000
#: Pixels that an object has at least.
_LEAST = 100
_ENDING = "_instanceids.png"


class Cityscapes(Reader):
    """A folder of instance ids, and one of results."""

    name = "cityscapes"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether there are files that are called so, or texts with masks."""
        try:
            if not is_folder(source):
                return False
            if role == "ground_truth":
                return bool(files_of(os.fspath(source), _ENDING))
            for path in files_of(os.fspath(source), ".txt")[:20]:
                words = start_of(path).split(b"\n")[0].split()
                if words:
                    return len(words) == 3 and words[0].lower().endswith(b".png") and words[1].isdigit()
        except (OSError, ValueError):
            pass
        return False

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images, and a crowd region of each class in each image."""
        _only_masks(options, "ground_truth")
        folder = os.fspath(source)
        found = files_of(folder, _ENDING)
        if not found:
            raise InputError(f"there are no files …{_ENDING}", folder, code="wrong-kind-of-file")
        rows: list[tuple[str, int, Any, bool]] = []
        sizes: dict[str, tuple[int, int]] = {}
        by_stem(found, folder)
        for path in found:
            labels = _core.read_labels(path)
            image = _image(path)
            sizes[image] = (labels.shape[0], labels.shape[1])
            rows += [(image, *row) for row in _objects(labels)]
        truth = GroundTruth(
            [row[0] for row in rows],
            [row[1] for row in rows],
            masks=[row[2] for row in rows],
            crowd=np.array([row[3] for row in rows], dtype=bool),
            images=sizes,
            categories=_NAMES,
        )
        truth.files = {_image(path): os.path.basename(path) for path in found}
        return truth

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The masks of all texts."""
        _only_masks(options, "detections")
        known = ImageIds(truth)
        rows: list[tuple[Any, int, float, Any]] = []
        for path in files_of(os.fspath(source), ".txt"):
            id = known.of_name(_image(path))
            if id is None:
                problems.add(of_no_image(path))
                continue
            masks: dict[str, tuple[int, float]] = {}
            for number, line in enumerate(read_text(path).splitlines(), 1):
                if line.strip():
                    _take(line, number, path, masks, problems)
            for mask, (category, score) in masks.items():
                pixels = _core.read_labels(mask) != 0
                # As there, masks without pixels are none.
                if category in _NAMES and pixels.any():
                    rows.append((id, category, score, _rle.encode(pixels)))
        scores = np.array([row[2] for row in rows], dtype=np.float64)
        found = Detections([row[0] for row in rows], [row[1] for row in rows], scores, masks=[row[3] for row in rows])
        found.any_score = True
        return found


def _only_masks(options: Options, place: str) -> None:
    if not compares_masks(options.similarity):
        problem = f"format 'cityscapes' has masks only, expected similarity 'segm', found {options.similarity!r}"
        raise InputError(problem, place, code="wrong-geometry")


def _image(path: str) -> str:
    """City, sequence and frame, of a file's name."""
    return "_".join(os.path.basename(path).partition(".")[0].split("_")[:3])


def _objects(labels: np.ndarray) -> list[tuple[int, Any, bool]]:
    """Class and mask of each object of an image, and whether it is a crowd region."""
    ids, counts = np.unique(labels, return_counts=True)
    objects: list[tuple[int, Any, bool]] = []
    ignored: dict[int, list[int]] = {category: list(_VOID) for category in _NAMES}
    for id, count in zip(ids.tolist(), counts.tolist(), strict=True):
        category = id // _INSTANCES if id >= _INSTANCES else id
        if category not in _NAMES:
            continue
        if id >= _INSTANCES and count >= _LEAST:
            objects.append((category, _rle.encode(labels == id), False))
        else:
            ignored[category].append(id)
    for category, some in ignored.items():
        region = np.isin(labels, some)
        if region.any():
            objects.append((category, _rle.encode(region), True))
    return objects


def _take(line: str, number: int, path: str, masks: dict[str, tuple[int, float]], problems: Problems) -> None:
    """Adds the mask of a line: its file, class and confidence."""
    words = line.split()
    category, score = (finite(word) for word in words[1:]) if len(words) == 3 else (None, None)
    if category is not None and score is not None and not os.path.isabs(words[0]):
        masks[os.path.join(os.path.dirname(path), words[0])] = int(category), score
        return
    expected = "the relative path of a mask, a class and a confidence"
    problems.reject(Problem("broken-line", "error", path, number, None, f"is {shown(line)}", expected, unit="line"))
