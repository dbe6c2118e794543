"""Open Images: CSV with a box in fractions of the image on each line.

The ground truth has the columns ImageID, LabelName, XMin, XMax, YMin, YMax and perhaps IsGroupOf, whose boxes are
crowd regions; results have Score or Confidence too. Sizes come from ``images=`` or ``sizes=``; category ids are the
names of the labels, such as ``/m/01g317``. Image-level labels and the hierarchy of classes are not read.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from meanap._arrays import shown
from meanap.errors import InputError
from meanap.readers._collected import finite, only_boxes
from meanap.readers._folders import image_sizes, images_of
from meanap.readers._known_ids import CategoryIds, ImageIds
from meanap.readers._parts import Parts
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, head, is_path
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["OpenImages"]

_SIDES = ("XMin", "YMin", "XMax", "YMax")
_SCORES = ("Score", "Confidence", "Conf")


class OpenImages(Reader):
    """One CSV file."""

    name = "openimages"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first line names the columns."""
        if not is_path(source) or not os.fspath(source).lower().endswith(".csv"):
            return False
        first = head(source).split(b"\n")[0].decode("utf-8-sig", "replace")
        return {"ImageID", "LabelName", *_SIDES} <= {name.strip() for name in first.split(",")}

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images; images without objects are those of ``images=`` and ``sizes=``."""
        only_boxes(self.name, options.similarity, "ground_truth")
        rows = _Rows(source, problems)
        files = images_of(options.images) if options.images is not None else {}
        ids = list(dict.fromkeys([*rows.images, *files, *map(str, options.sizes or ())]))
        sizes = image_sizes(ids, options.sizes, files, problems)
        rows.keep(sizes.__contains__)
        return GroundTruth(
            rows.images, rows.labels, rows.boxes(sizes), crowd=np.array(rows.groups, dtype=bool), images=sizes
        )

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some lines."""
        path, total = os.fspath(source), os.path.getsize(source)

        def read(count: int) -> Iterator[tuple[Any, int, int]]:
            lines = _each_line(path, role == "detections")
            some = list(itertools.islice(lines, count))
            yield _Some(path, some), some[-1][3] if some else total, total
            while some := list(itertools.islice(lines, count)):
                yield _Some(path, some), some[-1][3], total

        return Parts(total, read)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all images."""
        only_boxes(self.name, options.similarity, "detections")
        rows = _Rows(source, problems, scored=True)
        known = ImageIds(truth)
        named = {image: known.of(image) for image in dict.fromkeys(rows.images)}
        rows.keep(lambda image: named[image] is not None, "unknown-image", "which is not in the ground truth")
        ids = list(dict.fromkeys(rows.images))
        of_truth = {} if truth is None else truth.sizes
        files = images_of(options.images) if options.images is not None else {}
        given = {image: of_truth.get(named[image]) for image in ids} if of_truth else options.sizes
        sizes = image_sizes(ids, given, files, problems)
        rows.keep(sizes.__contains__)
        categories = CategoryIds(truth)
        labels = [categories.of(label) for label in rows.labels]
        return Detections([named[image] for image in rows.images], labels, np.array(rows.scores), rows.boxes(sizes))


#: The number of a line, its fields by name, the name of its score, and how many bytes of the file have been read.
_Line: TypeAlias = tuple[int, Mapping[str, Any], str | None, int]


@dataclass(frozen=True)
class _Some(os.PathLike[str]):
    """Some of the lines of a file, in its place."""

    path: str
    lines: list[_Line]

    def __fspath__(self) -> str:
        return self.path


def _each_line(path: str, scored: bool) -> Iterator[_Line]:
    """The lines of a file below the first one, which names the columns."""
    import csv

    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        table = csv.DictReader(file)
        names = table.fieldnames or ()
        needed = ["ImageID", "LabelName", *_SIDES]
        score = next((name for name in _SCORES if name in names), None) if scored else None
        if scored and score is None:
            needed.append("Score")
        for name in needed:
            if name not in names:
                raise InputError(None, path, None, name, "is missing", f"the columns {', '.join(needed)}")
        binary: Any = file.buffer
        for row in table:
            yield table.line_num, row, score, binary.tell()


class _Rows:
    """The lines of a file that can be used."""

    def __init__(self, source: Any, problems: Problems, scored: bool = False) -> None:
        self.path, self.problems = os.fspath(source), problems
        self.images: list[str] = []
        self.labels: list[str] = []
        self.scores: list[float] = []
        self.groups: list[bool] = []
        self._fractions: list[list[float]] = []
        self._lines: list[int] = []
        for line, row, score, _ in source.lines if isinstance(source, _Some) else _each_line(self.path, scored):
            self._add(row, line, score)

    def _add(self, row: Mapping[str, Any], line: int, score: str | None) -> None:
        numbers = []
        for name in (*_SIDES, *([] if score is None else [score])):
            number = finite(row[name])
            if number is None or not (-1 <= number <= 2):
                expected = "a fraction of the image, from 0 to 1" if name in _SIDES else "a number from 0 to 1"
                self._wrong("not-a-fraction", line, name, f"is {shown(row[name])}", expected)
                return
            numbers.append(number)
        x1, y1, x2, y2 = numbers[:4]
        if x2 < x1 or y2 < y1:
            self._wrong("malformed-box", line, "XMax", f"and YMax are {x2} and {y2}", f"at least {x1} and {y1}")
            return
        self.images.append(row["ImageID"])
        self.labels.append(row["LabelName"])
        self.groups.append(row.get("IsGroupOf", "0") == "1")
        self.scores += numbers[4:]
        self._fractions.append(numbers[:4])
        self._lines.append(line)

    def _wrong(self, code: str, line: int, name: str, found: str, expected: str | None) -> None:
        self.problems.add(Problem(code, "error", self.path, line, name, found, expected, unit="line"))
        self.problems.leave_out(self.path)

    def keep(self, known: Any, code: str = "image-without-size", found: str = "whose size is not known") -> None:
        """Leave out the lines of images that are not known; each of these is a problem."""
        rows = []
        named: set[str] = set()
        for row, image in enumerate(self.images):
            if known(image):
                rows.append(row)
            elif image in named:
                self.problems.leave_out(self.path)
            else:
                named.add(image)
                self._wrong(code, self._lines[row], "ImageID", f"is {image!r}, {found}", None)
        for name in ("images", "labels", "groups", "_fractions", "_lines", *(["scores"] if self.scores else [])):
            column = getattr(self, name)
            setattr(self, name, [column[row] for row in rows])

    def boxes(self, sizes: Mapping[str, tuple[int, int]]) -> np.ndarray:
        """Corners ``(N, 4)`` in pixels."""
        of_rows = np.array([sizes[image] for image in self.images], dtype=np.float64).reshape(-1, 2)
        fractions = np.array(self._fractions, dtype=np.float64).reshape(-1, 4)
        return fractions * of_rows[:, [1, 0, 1, 0]]
