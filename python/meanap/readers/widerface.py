"""WIDER FACE: lists of objects, and a text of detections for each image.

Ground truth is the folder of the evaluation tools with ``wider_face_val.mat`` and the lists of three levels
(``wider_easy_val.mat``, ``wider_medium_val.mat``, ``wider_hard_val.mat``), which SciPy reads, or a list such as
``wider_face_val_bbx_gt.txt``: the name of an image, the number of its objects, and a line ``x y width height`` and six
flags for each. Without levels all objects are hard, but those that are flagged as invalid. Results are texts with the
name of the image, the number of detections, and lines ``x y width height score``, in a folder for each event. Image ids
are the names of event and image, ``0--Parade/0_Parade_marchingband_1_20``; the one category has the id 1.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from meanap._arrays import shown
from meanap.errors import InputError
from meanap.readers._collected import only_boxes
from meanap.readers._folders import files_of, read_text, stem
from meanap.readers._known_ids import ImageIds
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, is_folder, is_path, start_of
from meanap.readers.sides import Detections, GroundTruth, plain_ids

__all__ = ["WiderFace"]

_FACE = 1
_FACES = "wider_face_val.mat"
_LISTS = ("wider_easy_val.mat", "wider_medium_val.mat", "wider_hard_val.mat")
#: The level of objects in no list, and of those of a text.
_BEYOND, _HARD = 4.0, 3.0
_FLAGS = 6
#: Which of the flags says that an object is invalid.
_INVALID = 3


class WiderFace(Reader):
    """The evaluation tools' folder or a list of objects, and a folder of results."""

    name = "widerface"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the files of the tools are there, or a text begins with an image and the number of its objects."""
        try:
            if role == "ground_truth":
                if is_folder(source):
                    return os.path.isfile(os.path.join(source, _FACES))
                return is_path(source) and _begins(start_of(source), 4 + _FLAGS)
            if not is_folder(source):
                return False
            return any(_begins(start_of(path), 5) for path in files_of(os.fspath(source), ".txt")[:20])
        except (OSError, ValueError):
            return False

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects with their levels."""
        only_boxes(self.name, options.similarity, "ground_truth")
        path = os.fspath(source)
        faces = _of_tools(path) if os.path.isdir(path) else _of_text(path, problems)
        images, boxes, levels = [], [], []
        for image, own, level in faces:
            images.append(image)
            boxes.append(own)
            levels.append(level)
        counts = [len(own) for own in boxes]
        ids = [image for image, count in zip(images, counts, strict=True) for _ in range(count)]
        level = np.concatenate([np.zeros(0), *levels])
        truth = GroundTruth(
            ids,
            [_FACE] * len(ids),
            np.concatenate([np.zeros((0, 4)), *boxes]),
            box_format="xywh",
            ignore=level == _BEYOND,
            difficulty=level if options.difficulty else None,
            images=images,
            categories={_FACE: "face"},
        )
        without = {image for image, count in zip(images, counts, strict=True) if not count}

        def uncounted(found: Detections) -> Detections:
            # The tools skip images without objects.
            rows = np.array([id in without for id in plain_ids(found.image_ids)], dtype=bool)
            if rows.any():
                found.arrays["ignored_if_unmatched"] = rows
            return found

        truth.on_detections = uncounted
        return truth

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all texts."""
        only_boxes(self.name, options.similarity, "detections")
        known = ImageIds(truth)
        images: list[Any] = []
        parts = [np.zeros((0, 5))]
        for path in files_of(os.fspath(source), ".txt"):
            lines = read_text(path).splitlines()
            name = f"{os.path.basename(os.path.dirname(path))}/{stem(lines[0].strip()) if lines else ''}"
            id = known.of(name)
            if id is None:
                text = f"there is no image {name!r} in the ground truth"
                problems.add(Problem("unknown-image", source=path, text=text))
                continue
            rows = _rows(lines[2:], 5, path, 3, problems)
            images += [id] * len(rows)
            parts.append(rows)
        columns = np.concatenate(parts)
        found = Detections(images, [_FACE] * len(images), columns[:, 4], columns[:, :4], box_format="xywh")
        found.any_score = True
        return found


def _begins(start: bytes, count: int) -> bool:
    """Whether a text begins with a name, a number, and a line of so many numbers, or nothing."""
    lines = start.decode("utf-8", "replace").splitlines()
    if len(lines) < 2 or not lines[1].strip().isdigit() or not lines[0].strip() or lines[0].strip().isdigit():
        return False
    return len(lines) < 3 or len([float(word) for word in lines[2].split()]) == count


def _rows(lines: list[str], count: int, path: str, first: int, problems: Problems) -> np.ndarray:
    """The numbers of lines, ``(N, count)``."""
    sound = []
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        try:
            numbers = [float(word) for word in line.split()]
        except ValueError:
            numbers = []
        if len(numbers) == count and np.isfinite(numbers).all() and min(numbers[2:4]) >= 0:
            sound.append(numbers)
            continue
        expected = f"{count} numbers: x, y, width, height, …"
        problems.reject(Problem("broken-line", "error", path, number, None, f"is {shown(line)}", expected, unit="line"))
    return np.array(sound, dtype=np.float64).reshape(-1, count)


_Faces = Iterator[tuple[str, np.ndarray, np.ndarray]]


def _of_text(path: str, problems: Problems) -> _Faces:
    """Image, boxes and levels, of a list of objects."""
    lines = read_text(path).splitlines()
    at = 0
    while at < len(lines):
        name, count = lines[at].strip(), lines[at + 1].strip() if at + 1 < len(lines) else ""
        if not count.isdigit():
            found, expected = f"is {shown(count)}", "the number of objects of an image"
            raise InputError(None, path, record=at + 2, unit="line", found=found, expected=expected, code="broken-file")
        # An image without objects has a line of zeros.
        last = at + 2 + max(int(count), 1)
        rows = _rows(lines[at + 2 : last], 4 + _FLAGS, path, at + 3, problems)[: int(count)]
        yield name.rpartition(".")[0], rows[:, :4], np.where(rows[:, 4 + _INVALID] != 0, _BEYOND, _HARD)
        at = last


def _of_tools(folder: str) -> _Faces:
    """The boxes with their levels, from the files of the evaluation tools."""
    try:
        loadmat = importlib.import_module("scipy.io").loadmat
    except ImportError:
        problem = f"SciPy is needed to read {_FACES}; a text such as wider_face_val_bbx_gt.txt has no levels"
        raise InputError(problem, folder) from None
    try:
        yield from _of_matlab(folder, loadmat)
    except (InputError, OSError):
        raise
    except Exception as problem:  # SciPy and its nested arrays raise whatever they come across
        cause = f"{type(problem).__name__}: {problem}"
        raise InputError(f"not the files of WIDER FACE's tools ({cause})", folder, code="broken-file") from None


def _of_matlab(folder: str, loadmat: Callable[[str], dict[str, Any]]) -> _Faces:
    whole = loadmat(os.path.join(folder, _FACES))
    lists = [loadmat(os.path.join(folder, name))["gt_list"] for name in _LISTS]
    for event, name in enumerate(whole["event_list"]):
        for place, file in enumerate(whole["file_list"][event][0]):
            boxes = np.asarray(whole["face_bbx_list"][event][0][place][0], dtype=np.float64).reshape(-1, 4)
            levels = np.full(len(boxes), _BEYOND)
            # Each list has those of the easier ones.
            before = np.zeros(0, dtype=np.int64)
            for level, listed in enumerate(lists, 1):
                faces = np.asarray(listed[event][0][place][0], dtype=np.int64).ravel() - 1
                if not np.isin(before, faces).all():
                    problem = f"{_LISTS[level - 1]} lacks objects of an easier level in {file[0][0]!s}"
                    raise InputError(problem, folder)
                levels[faces] = np.minimum(levels[faces], level)
                before = faces
            yield f"{name[0][0]!s}/{file[0][0]!s}", boxes, levels
