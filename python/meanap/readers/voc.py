"""Pascal VOC: an XML file for each image, and results as ``comp4_det_test_CLASS.txt``.

Corners are those of the first and the last pixel, counted from 1, and stay as they are written: the protocols
``voc2007`` and ``voc2012`` measure from the near edge of the first to the far edge of the last one, as the
development kit does; to the others they are points, and boxes a pixel narrower. Image ids are the names of the files
without ending, category ids the names of the classes. ``difficult`` objects are ignored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap.errors import InputError
from meanap.readers._collected import Collected, finite, only_boxes
from meanap.readers._folders import by_stem, composed, files_of, label_table, read_text, rows_of, some_of, stem
from meanap.readers._known_ids import CategoryIds, ImageIds
from meanap.readers._parts import Files, Parts, parts_of
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, head, is_folder, is_path
from meanap.readers._xml import parse, text_of
from meanap.readers.sides import Detections, GroundTruth

if TYPE_CHECKING:
    from xml.etree import ElementTree

__all__ = ["Voc", "result_columns"]

_RESULTS = re.compile(r"comp\d+_det_[^_]+_(?P<category>.+)\.txt$", re.IGNORECASE)
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


class Voc(Reader):
    """A development kit's year, its ``Annotations``, a list in ``ImageSets/Main``, or a folder of results."""

    name = "voc"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether there are annotations with a root ``annotation`` that is VOC's, or files called as results are."""
        if not is_path(source):
            return False
        path = os.fspath(source)
        try:
            if role == "detections":
                names = os.listdir(path) if is_folder(path) else [os.path.basename(path)]
                return any(map(_RESULTS.match, names))
            if not is_folder(path):
                return _annotations_of_list(path) is not None
            annotations = os.path.join(path, "Annotations")
            files = files_of(annotations if os.path.isdir(annotations) else path, ".xml", deep=False)
            return bool(files) and b"<annotation" in head(files[0])
        except (OSError, ValueError):
            return False

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of a list of images, or of all."""
        only_boxes(self.name, options.similarity, "ground_truth")
        found = Collected(options.similarity, problems)
        for image, path in _files(source).items():
            try:
                root = parse(path)
            except InputError as error:
                problems.add(Problem.of(error))
                continue
            found.images[image] = _size(root)
            if name := text_of(root, "filename"):
                found.files[image] = name
            for record, element in enumerate(root.findall("object")):
                _add(found, image, element, path, record)
        return found.ground_truth()

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some images, or some classes of results."""
        path = os.fspath(source)
        files = _annotations(path) if role == "ground_truth" else {path: path for path in _results(path)}
        return parts_of(files, lambda some: Files(path, some))

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all classes, a file for each."""
        only_boxes(self.name, options.similarity, "detections")
        path = os.fspath(source)
        results = list(source.files.values()) if isinstance(source, Files) else _results(path)
        columns, names = result_columns(results, _CORNERS, path, problems, truth)
        known = CategoryIds(truth)
        category = [known.of(_category(path)) for path in results]
        return Detections(
            names,
            rows_of(columns["file"], category),
            columns["numbers"][:, 0],
            columns["numbers"][:, 1:],
            box_format="xyxy",
        )


def _files(source: Any) -> Mapping[str, str]:
    """The file of each image."""
    return source.files if isinstance(source, Files) else _annotations(os.fspath(source))


def _results(path: str) -> list[str]:
    """The file of each class."""
    paths = files_of(path, ".txt", deep=False) if os.path.isdir(path) else [path]
    return [path for path in paths if _RESULTS.match(os.path.basename(path))] or paths


def result_columns(
    paths: list[str], numbers: tuple[str, ...], source: str, problems: Problems, truth: Truth | None
) -> tuple[Mapping[str, Any], list[Any]]:
    """Columns of files with lines ``image score NUMBERS``, and the image ids of their rows in the ground truth."""
    layout = [("image", True), ("score", False), *((name, False) for name in numbers)]
    columns = label_table(paths, layout, source, problems)
    known = ImageIds(truth)
    ids = [known.of(text) for text in columns["texts"]]
    words = columns["words"][:, 0]
    # Lines that are left out have names, too.
    strange = [code for code in np.unique(words).tolist() if ids[code] is None]
    if strange:
        wrong = np.isin(words, strange)
        for code in strange:
            row = int(np.argmax(words == code))
            place, line = paths[columns["file"][row]], int(columns["line"][row])
            found = f"is {columns['texts'][code]!r}, which is not in the ground truth"
            problems.add(Problem("unknown-image", "error", place, line, "image", found, unit="line"))
        problems.leave_out(source, int(wrong.sum()))
        columns = {**columns, **{name: columns[name][~wrong] for name in ("file", "line", "words", "numbers")}}
        words = words[~wrong]
    return columns, rows_of(words, ids)


def _annotations_of_list(path: str) -> str | None:
    """The folder of annotations to which a list of images belongs."""
    parts = os.path.abspath(path).split(os.sep)
    if not path.lower().endswith(".txt") or parts[-3:-1] != ["ImageSets", "Main"]:
        return None
    folder = os.sep.join([*parts[:-3], "Annotations"])
    return folder if os.path.isdir(folder) else None


def _annotations(path: str) -> dict[str, str]:
    """The file of each image: of those that a list names, or of the split val, test or train, or of all."""
    if os.path.isfile(path):
        if (folder := _annotations_of_list(path)) is None:
            expected = "a list in ImageSets/Main, beside which there is a folder Annotations"
            raise InputError(source=path, found="another file", expected=expected, code="wrong-kind-of-file")
        return _listed(path, folder)
    annotations = os.path.join(path, "Annotations")
    if os.path.isdir(annotations):
        for split in ("val", "test", "train"):
            listed = os.path.join(path, "ImageSets", "Main", f"{split}.txt")
            if os.path.isfile(listed):
                return _listed(listed, annotations)
        path = annotations
    return by_stem(some_of(path, ".xml"), path)


def _listed(path: str, folder: str) -> dict[str, str]:
    """The files of the images that a list names; the lists of a class have a flag behind each name."""
    there = by_stem(files_of(folder, ".xml", deep=False), folder)
    names = [composed(line.strip()) for line in read_text(path).splitlines() if line.strip()]
    names = [name if name in there else name.split()[0] for name in names]
    return {name: there.get(name) or os.path.join(folder, f"{name}.xml") for name in names}


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    size = root.find("size")
    if size is None:
        return None
    height, width = (finite(text_of(size, name)) for name in ("height", "width"))
    # Some tools write 0.
    return (int(height), int(width)) if height and width and height > 0 and width > 0 else None


def _add(found: Collected, image: str, element: ElementTree.Element, path: str, record: int) -> None:
    name, box = text_of(element, "name"), element.find("bndbox")
    if not name:
        found.wrong("missing-field", path, record, "name", "is missing", "the name of a class")
        return
    if box is None:
        found.wrong("missing-field", path, record, "bndbox", "is missing", "xmin, ymin, xmax and ymax")
        return
    corners = found.numbers({name: text_of(box, name) for name in _CORNERS}, path, record)
    if corners is not None:
        found.box(image, name, corners, path, record, ignore=bool(finite(text_of(element, "difficult"))))


def _category(path: str) -> str:
    match = _RESULTS.match(os.path.basename(path))
    return match["category"] if match else stem(path)
