"""Open Images: CSV with a box in fractions of the image on each line.

The ground truth has the columns ImageID, LabelName, XMin, XMax, YMin, YMax and perhaps IsGroupOf, whose boxes are
crowd regions; results have Score or Confidence too. Sizes come from ``images=`` or ``sizes=``; category ids are the
names of the labels, such as ``/m/01g317``.

Ground truth is also a folder of such files. Beside them may be files of image-level labels (ImageID, LabelName,
Confidence: 1 where the class is there, 0 where it is not) and the hierarchy of classes (JSON: LabelName, Subcategory).
The classes that are labelled in an image are then known, as in LVIS (``neg_category_ids``): a protocol that knows of
them leaves out detections of other classes. With a hierarchy each box is one of all classes above its own but the
root, too, a class that is there brings those above it, and one that is not those below it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from meanap._arrays import shown
from meanap._files import opened_text, read_json
from meanap.errors import InputError
from meanap.readers._collected import finite, only_boxes
from meanap.readers._csv import csv_of
from meanap.readers._folders import files_of, image_sizes, images_of
from meanap.readers._known_ids import CategoryIds, ImageIds
from meanap.readers._parts import Parts
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, ends, head, is_folder, is_path
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["OpenImages"]

_SIDES = ("XMin", "YMin", "XMax", "YMax")
_SCORES = ("Score", "Confidence", "Conf")
_NO_SIZE = "whose size is not known: images= (--images) names the folder of the images"


class OpenImages(Reader):
    """One CSV file, or a folder of ground truth."""

    name = "openimages"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first line names the columns."""
        if role == "ground_truth" and is_folder(source):
            try:
                return any(map(_has_boxes, files_of(os.fspath(source), ".csv", deep=False)))
            except OSError:
                return False
        return is_path(source) and ends(source, ".csv") and _has_boxes(source)

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images; images without objects are those of ``images=`` and ``sizes=``."""
        only_boxes(self.name, options.similarity, "ground_truth")
        folder = _Folder.of(source) if is_folder(source) else _Folder((source,), (), Hierarchy())
        rows = _Rows(folder.boxes[0], problems)
        for path in folder.boxes[1:]:
            rows.extend(_Rows(path, problems))
        labelled = [label for path in folder.labels for label in _labels(path, problems)]
        files = images_of(options.images)
        of_labels = [image for image, _, _ in labelled]
        ids = list(dict.fromkeys([*rows.images, *of_labels, *files, *map(str, options.sizes or ())]))
        sizes = image_sizes(ids, options.sizes, files, problems)
        rows.keep(sizes.__contains__)
        rows.expand(folder.hierarchy)
        truth = GroundTruth(
            rows.images, rows.labels, rows.boxes(sizes), crowd=np.array(rows.groups, dtype=bool), images=sizes
        )
        if folder.labels:
            verified = folder.hierarchy.labelled(labelled)
            truth.image_records = [
                {"id": id, "file_name": id, "height": height, "width": width,
                 "neg_category_ids": list(verified.get(id, ())), "not_exhaustive_category_ids": []}
                for id, (height, width) in sizes.items()
            ]  # fmt: skip
        return truth

    def parts(self, source: Any, role: Role, options: Options) -> Parts | None:
        """Some lines; a folder is read whole."""
        if is_folder(source):
            return None
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
        files = images_of(options.images)
        given = {image: of_truth.get(named[image]) for image in ids} if of_truth else options.sizes
        sizes = image_sizes(ids, given, files, problems)
        rows.keep(sizes.__contains__)
        categories = CategoryIds(truth)
        labels = [categories.of(label) for label in rows.labels]
        return Detections([named[image] for image in rows.images], labels, np.array(rows.scores), rows.boxes(sizes))


def _columns_of(path: Any) -> set[str]:
    """The names in the first line."""
    first = head(path).split(b"\n")[0].decode("utf-8", "replace")
    return {name.strip() for name in first.split(",")}


def _has_boxes(path: Any) -> bool:
    return {"ImageID", "LabelName", *_SIDES} <= _columns_of(path)


#: An image, a class, and whether it is there.
_Label: TypeAlias = tuple[str, str, bool]


class Hierarchy:
    """The classes above and below each class, without the root.

    DIFFERENCE: TensorFlow's tool lists a class twice that is above another one by two ways.
    """

    def __init__(self, root: Any = None, place: str = "hierarchy") -> None:
        self.above: dict[str, dict[str, None]] = {}
        self.below: dict[str, dict[str, None]] = {}
        for node in _children(root, place) if root is not None else ():
            self._add(node, (), place)

    def _add(self, node: Any, above: tuple[str, ...], place: str) -> None:
        name = node.get("LabelName")
        if not isinstance(name, str):
            raise InputError(None, place, field="LabelName", found=f"is {shown(name)}", expected="a text")
        self.above.setdefault(name, {}).update(dict.fromkeys(reversed(above)))
        self.below.setdefault(name, {})
        for other in above:
            self.below[other][name] = None
        for child in _children(node, place):
            self._add(child, (*above, name), place)

    def labelled(self, labels: list[_Label]) -> dict[str, dict[str, None]]:
        """The classes that are labelled in each image, there or not."""
        found: dict[str, dict[str, None]] = {}
        for image, label, there in labels:
            others = (self.above if there else self.below).get(label, {})
            found.setdefault(image, {}).update({label: None, **others})
        return found


def _children(node: Any, place: str) -> list[Any]:
    children = node.get("Subcategory", []) if isinstance(node, Mapping) else None
    if not isinstance(children, list) or not all(isinstance(child, Mapping) for child in children):
        expected = "a class with LabelName and perhaps a list of classes as Subcategory"
        raise InputError(None, place, found=f"has {shown(node)}", expected=expected, code="wrong-type")
    return children


class _Folder(NamedTuple):
    """The files of ground truth in a folder."""

    boxes: tuple[Any, ...]
    labels: tuple[str, ...]
    hierarchy: Hierarchy

    @classmethod
    def of(cls, source: Any) -> _Folder:
        """The files of a folder, recognised by their first lines.

        Raises
        ------
        InputError
            There are no boxes, or there is more than one hierarchy.
        """
        path = os.fspath(source)
        tables = files_of(path, ".csv", deep=False)
        boxes = tuple(table for table in tables if _has_boxes(table))
        labels = tuple(
            table
            for table in tables
            if table not in boxes and {"ImageID", "LabelName", "Confidence"} <= _columns_of(table)
        )
        if not boxes:
            raise InputError(
                f"there is no .csv with the columns {', '.join(('ImageID', 'LabelName', *_SIDES))}", path,
                code="wrong-kind-of-file",
            )  # fmt: skip
        trees = [file for file in files_of(path, ".json", deep=False) if b'"LabelName"' in head(file)]
        if len(trees) > 1:
            raise InputError(f"{trees[0]!r} and {trees[1]!r} are hierarchies, expected one", path)
        return cls(boxes, labels, _hierarchy(trees[0]) if trees else Hierarchy())


def _hierarchy(path: str) -> Hierarchy:
    return Hierarchy(read_json(path), path)


def _labels(path: str, problems: Problems) -> Iterator[_Label]:
    """The image-level labels of a file."""
    import csv

    with opened_text(path, newline="") as file, csv_of(path):
        table = csv.DictReader(file, skipinitialspace=True)
        for row in table:
            if (number := finite(row["Confidence"])) not in (0.0, 1.0):
                place, found = (path, table.line_num, "Confidence"), f"is {shown(row['Confidence'])}"
                problems.reject(Problem("not-a-number", "error", *place, found, "0 or 1", unit="line"))
                continue
            yield row["ImageID"], row["LabelName"], number == 1.0


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

    with opened_text(path, newline="") as file, csv_of(path):
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

    def extend(self, other: _Rows) -> None:
        """Adds the lines of another file."""
        for name in ("images", "labels", "groups", "_fractions", "_lines"):
            getattr(self, name).extend(getattr(other, name))

    def expand(self, hierarchy: Hierarchy) -> None:
        """Adds each box again as one of each class above its own, behind it."""
        if not hierarchy.above:
            return
        rows, labels = [], []
        for row, label in enumerate(self.labels):
            named = [label, *hierarchy.above.get(label, ())]
            rows += [row] * len(named)
            labels += named
        for name in ("images", "groups", "_fractions", "_lines"):
            column = getattr(self, name)
            setattr(self, name, [column[row] for row in rows])
        self.labels = labels

    def _wrong(self, code: str, line: int, name: str, found: str, expected: str | None) -> None:
        self.problems.reject(Problem(code, "error", self.path, line, name, found, expected, unit="line"))

    def keep(self, known: Any, code: str = "image-without-size", found: str = _NO_SIZE) -> None:
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
