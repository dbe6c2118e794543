"""VisDrone's objects in images: a text for each image, ``x,y,width,height,score,category,truncation,occlusion``.

Objects are those of ten categories, and others (11). The score of an object is 1, or 0 where it is ignored. Boxes of
category 0 are regions to ignore: objects and detections of which half or more is in them are left out, as in VisDrone's
toolkit. Image ids are the names of the files without ending.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from meanap._arrays import shown
from meanap.readers._collected import finite, only_boxes
from meanap.readers._folders import by_stem, files_of, image_sizes, images_beside, images_of, read_text, some_of
from meanap.readers._known_ids import CategoryIds, ImageIds, of_no_image
from meanap.readers._pixel_regions import PixelRegions
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, is_folder, start_of
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["VisDrone"]

#: Categories by number, from 1.
_NAMES = (
    "pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle", "bus", "motor", "others",
)  # fmt: skip
_REGION = 0
_OTHERS = len(_NAMES)
_FIELDS = ("x", "y", "width", "height", "score", "category", "truncation", "occlusion")


class _Rows(NamedTuple):
    """The lines of all files, as columns."""

    images: list[str]
    boxes: np.ndarray
    scores: np.ndarray
    categories: np.ndarray

    def of(self, rows: np.ndarray) -> _Rows:
        taken = [self.images[row] for row in np.flatnonzero(rows).tolist()]
        return _Rows(taken, self.boxes[rows], self.scores[rows], self.categories[rows])


class VisDrone(Reader):
    """The folder with ``annotations`` and ``images``, or a folder of texts."""

    name = "visdrone"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether lines are eight numbers with commas between them."""
        try:
            if not is_folder(source):
                return False
            for path in files_of(_folder(source, role), ".txt", deep=False)[:100]:
                for line in start_of(path).split(b"\n"):
                    if line.strip():
                        numbers = [float(word) for word in line.strip().rstrip(b",").split(b",")]
                        return len(numbers) == len(_FIELDS) and 0 <= numbers[5] <= _OTHERS
        except (OSError, ValueError):
            pass
        return False

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images, without those in regions to ignore."""
        only_boxes(self.name, options.similarity, "ground_truth")
        folder = _folder(source, "ground_truth")
        files = by_stem(some_of(folder, ".txt", deep=False), folder)
        rows = _read(files, problems, scored=False)
        images = options.images if options.images is not None else images_beside(folder, "annotations")
        pictures = images_of(images)
        sizes = image_sizes(list(files), options.sizes, pictures, problems)
        regions = PixelRegions(rows.images, rows.boxes, rows.categories == _REGION, sizes)
        rows = rows.of(rows.categories != _REGION)
        truth = GroundTruth(
            rows.images,
            rows.categories.tolist(),
            rows.boxes,
            box_format="xywh",
            # Those that are ignored may be found many times, by overlap with the detection's own area.
            crowd=(rows.scores == 0) | (rows.categories == _OTHERS),
            images={id: sizes.get(id) for id in files},
            categories=dict(enumerate(_NAMES, 1)),
        )
        truth.sizes = dict(sizes)
        truth.files = {id: os.path.basename(path) for id, path in pictures.items() if id in files}
        truth.on_detections = regions.outside
        return regions.outside(truth)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all images."""
        only_boxes(self.name, options.similarity, "detections")
        folder = os.fspath(source)
        known, categories = ImageIds(truth), CategoryIds(truth)
        files = {}
        for stem, path in by_stem(files_of(folder, ".txt", deep=False), folder).items():
            if (id := known.of(stem)) is None:
                problems.add(of_no_image(path))
            else:
                files[id] = path
        rows = _read(files, problems, scored=True)
        numbered = categories.ids is None or categories.ids >= set(np.unique(rows.categories).tolist())
        ids = rows.categories.tolist()
        if not numbered:
            ids = [categories.of(_NAMES[number - 1]) for number in ids]
        found = Detections(rows.images, ids, rows.scores, rows.boxes, box_format="xywh")
        found.any_score = True
        return found


def _folder(source: Any, role: Role) -> str:
    """The folder of the texts."""
    path = os.fspath(source)
    within = os.path.join(path, "annotations")
    return within if role == "ground_truth" and os.path.isdir(within) else path


def _read(files: Mapping[str, str], problems: Problems, scored: bool) -> _Rows:
    ids: list[str] = []
    parts = [np.zeros((0, len(_FIELDS)))]
    for id, path in files.items():
        numbers = _numbers(path, problems, scored)
        ids += [id] * len(numbers)
        parts.append(numbers)
    columns = np.concatenate(parts)
    return _Rows(ids, columns[:, :4], columns[:, 4], columns[:, 5].astype(np.int64))


def _numbers(path: str, problems: Problems, scored: bool) -> np.ndarray:
    """The numbers of a file, ``(N, 8)``."""
    lines = [(number, line.strip().rstrip(",")) for number, line in enumerate(read_text(path).splitlines(), 1)]
    words = [(number, line.split(",")) for number, line in lines if line]
    try:
        numbers = np.array([line for _, line in words], dtype=np.float64).reshape(len(words), -1)
        if not words or (numbers.shape[1] == len(_FIELDS) and _is_sound(numbers, scored)):
            return numbers.reshape(-1, len(_FIELDS))
    except ValueError:
        pass
    sound = []
    for number, line in words:
        fault = _fault(line, scored)
        if fault is None:
            sound.append([float(word) for word in line])
        else:
            code, field, found, expected = fault
            problems.reject(Problem(code, "error", path, number, field, found, expected, unit="line"))
    return np.array(sound, dtype=np.float64).reshape(-1, len(_FIELDS))


def _is_sound(numbers: np.ndarray, scored: bool) -> bool:
    sizes, categories = numbers[:, 2:4], numbers[:, 5]
    whole = (categories == np.floor(categories)) & (categories >= scored) & (categories <= _OTHERS)
    return bool(np.isfinite(numbers).all() and (sizes >= 0).all() and whole.all())


def _fault(words: list[str], scored: bool) -> tuple[str, str | None, str, str] | None:
    """What is wrong with a line: code, field, what was found and what was expected."""
    if len(words) != len(_FIELDS):
        return "broken-line", None, f"has {len(words)} numbers", f"{len(_FIELDS)} ({', '.join(_FIELDS)})"
    values = [finite(word) for word in words]
    for field, word, value in zip(_FIELDS, words, values, strict=True):
        if value is None:
            return "not-a-number", field, f"is {shown(word)}", "a number"
        if field in ("width", "height") and value < 0:
            return "malformed-box", field, f"is {word}", "0 or more"
        if field == "category" and value not in range(scored, _OTHERS + 1):
            return "unknown-category", field, f"is {word}", f"a number from {int(scored)} to {_OTHERS}"
    return None
