"""YOLO: a text file for each image with a line for each object, in fractions of the image.

A line is ``class x_center y_center width height``, a polygon ``class x1 y1 x2 y2 x3 y3 …``, or a box with keypoints
behind it, ``x y`` or ``x y visibility`` each; lines of detections end with the confidence. The core reads them
(``src/labels/yolo.rs``), and the sizes of the images from their headers. Image ids are the names of the files without
ending, category ids the indices of the classes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core, _rle
from meanap._similarity import compares_masks, compares_polygons, compares_rotated_boxes
from meanap.errors import InputError
from meanap.readers import _yaml
from meanap.readers._folders import (
    IMAGES,
    by_stem,
    files_of,
    image_sizes,
    images_beside,
    images_of,
    read_text,
    rows_of,
    without_size,
)
from meanap.readers._known_ids import ImageIds
from meanap.readers._names import class_names
from meanap.readers._parts import Parts, parts_of
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, head, is_folder, is_path
from meanap.readers.sides import Detections, GroundTruth, plain_ids

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["Darknet", "Yolo"]

_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_KEYS = frozenset(("names", "path", "train", "val", "test", "kpt_shape"))
#: Text files beside the labels that are none.
_OTHERS = frozenset(("classes.txt", "labels.txt", "train.txt", "val.txt", "test.txt"))


@dataclass
class _Folder(os.PathLike[str]):
    """The files of a data set, by image, and what is said of all of them."""

    source: str
    labels: dict[str, str]
    images: dict[str, str] = field(default_factory=dict)
    names: dict[int, str] | None = None
    keypoints: tuple[int, int] | None = None

    def __fspath__(self) -> str:
        return self.source


class Yolo(Reader):
    """A folder of label files, a data set with ``images`` and ``labels``, or its ``data.yaml``."""

    name = "yolo"
    confidence = "last"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is a YAML file with names, or a folder whose text files hold lines of a class and fractions."""
        if not is_path(source):
            return False
        path = os.fspath(source)
        try:
            if not is_folder(path):
                return _is_yaml(path) and b"names" in head(path)
            if _yaml_in(path) is not None:
                return True
            labels = os.path.join(path, "labels")
            return _are_labels(labels if os.path.isdir(labels) else path)
        except (OSError, ValueError):
            return False

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images, also of those that have no label file."""
        folder = _open(source, options)
        ids = sorted(folder.labels.keys() | folder.images.keys())
        if not ids:
            raise InputError("there are no label files and no images", folder.source, code="wrong-kind-of-file")
        sizes = image_sizes(ids, options.sizes, folder.images, problems)
        unknown = [id for id in ids if id not in sizes and id in folder.labels]
        for id in unknown:
            problems.add(without_size(folder.labels[id]))
        labelled = [id for id in ids if id in folder.labels and id in sizes]
        columns = self._read(folder, labelled, sizes, options, problems, None)
        if folder.names is not None:
            columns = _without_unknown(columns, folder, labelled, set(folder.names), problems)
        categories = folder.names
        truth = GroundTruth(
            rows_of(columns["file"], labelled),
            columns["class"].astype(np.int64),
            **_geometry(columns, labelled, sizes, options.similarity),
            box_format="xywh",
            images={id: sizes[id] for id in ids if id in sizes},
            categories=categories,
        )
        truth.files = {id: os.path.basename(path) for id, path in folder.images.items()}
        return truth

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections; images and their sizes are those of the ground truth where that is known."""
        folder = _open(source, options, detections=True)
        known = ImageIds(truth)
        named = {id: known.of(id) for id in folder.labels}
        for id in [id for id, own in named.items() if own is None]:
            text = "there is no such image in the ground truth"
            problems.add(Problem("unknown-image", source=folder.labels[id], text=text))
        ids = sorted(id for id, own in named.items() if own is not None)
        of_truth = {} if truth is None else truth.sizes
        given = {id: of_truth.get(named[id]) for id in ids} if of_truth else options.sizes
        sizes = image_sizes(ids, given, folder.images, problems)
        for id in ids:
            if id not in sizes:
                problems.add(without_size(folder.labels[id]))
        labelled = [id for id in ids if id in sizes]
        columns = self._read(folder, labelled, sizes, options, problems, self.confidence)
        categories = None if truth is None or truth.categories is None else set(truth.categories)
        classes = _class_ids(folder.names, truth)
        if categories is not None:
            among = {index for index, id in classes.items() if id in categories} if classes else categories
            columns = _without_unknown(columns, folder, labelled, among, problems)
        indices = columns["class"].astype(np.int64)
        if classes:
            lookup = {index: classes[index] for index in np.unique(indices).tolist()}
            category_ids: Any = [lookup[index] for index in indices.tolist()]
        else:
            category_ids = indices
        return Detections(
            rows_of(columns["file"], [named[id] for id in labelled]),
            category_ids,
            columns["score"],
            **_geometry(columns, labelled, sizes, options.similarity),
            box_format="xywh",
        )

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some images."""
        folder = _open(source, options, role == "detections")
        if folder.keypoints is None and options.similarity == "keypoints":
            folder.keypoints = _keypoints_of(list(folder.labels.values()), role == "detections")
        files = sorted(folder.labels if role == "detections" else folder.labels.keys() | folder.images.keys())

        def make(some: dict[str, str | None]) -> _Folder:
            labels = {id: path for id, path in some.items() if path is not None}
            images = {id: folder.images[id] for id in some if id in folder.images}
            return replace(folder, labels=labels, images=images)

        return parts_of({id: folder.labels.get(id) for id in files}, make)

    def _read(
        self,
        folder: _Folder,
        labelled: list[str],
        sizes: Mapping[str, tuple[int, int]],
        options: Options,
        problems: Problems,
        confidence: Any,
    ) -> dict[str, Any]:
        """The columns of the label files; what is wrong in them is left out and added to the problems."""
        paths = [folder.labels[id] for id in labelled]
        keypoints = folder.keypoints
        if keypoints is None and options.similarity == "keypoints":
            keypoints = _keypoints_of(paths, confidence is not None)
        columns = _core.read_yolo(
            paths,
            np.array([sizes[id] for id in labelled], dtype=np.int64).reshape(-1, 2),
            options.similarity,
            confidence,
            keypoints,
        )
        for file, code, error in columns["faults"]:
            problems.add(Problem.of(error.replace(code=code).at(paths[file])))
        problems.leave_out(folder.source, columns["left_out"])
        for problem in _doubts(columns, options.similarity, confidence, folder.source):
            problems.add(problem)
        return columns


class Darknet(Yolo):
    """As `Yolo`, with the confidence of detections behind the class; read only with ``format="darknet"``."""

    name = "darknet"
    confidence = "second"

    def sniff(self, source: Any, role: Role) -> bool:
        """Never: a line does not show where its confidence stands."""
        return False


# Files


def _is_yaml(path: str) -> bool:
    return path.lower().endswith((".yaml", ".yml"))


def _yaml_in(folder: str) -> str | None:
    paths = (os.path.join(folder, name) for name in _YAML)
    return next((path for path in paths if os.path.isfile(path)), None)


def _texts(folder: str) -> list[str]:
    return [path for path in files_of(folder, ".txt") if os.path.basename(path) not in _OTHERS]


def _are_labels(folder: str) -> bool:
    """Whether text files hold a class and fractions; files without a line are label files too, of empty images."""
    found = False
    for path in islice(_each_text(folder), 1000):
        found = True
        lines = [line for line in head(path).split(b"\n") if line.strip()]
        if lines:
            try:
                numbers = [float(word) for word in lines[0].split()]
            except ValueError:
                return False
            if not numbers[0].is_integer() or len(numbers) < 5:
                return False
            # The first line may be wrong, but not all of its numbers.
            return sum(-1 <= number <= 2 for number in numbers[1:]) >= 0.5 * len(numbers[1:])
    return found


def _each_text(folder: str) -> Iterator[str]:
    """The text files of a folder in any order, without listing all of them."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.lower().endswith(".txt") and entry.name not in _OTHERS:
                yield entry.path
            elif entry.is_dir(follow_symlinks=False):
                yield from _each_text(entry.path)


def _open(source: Any, options: Options, detections: bool = False) -> _Folder:
    """The files of a data set."""
    if isinstance(source, _Folder):
        return source
    path = os.path.normpath(os.fspath(source))
    if not os.path.exists(path):
        # The error of the system.
        os.stat(path)
    document = path if _is_yaml(path) and not os.path.isdir(path) else _yaml_in(path) if os.path.isdir(path) else None
    if document is not None and not detections:
        folder = _of_yaml(document)
    else:
        labels = os.path.join(path, "labels")
        labels = labels if os.path.isdir(labels) else path
        if not os.path.isdir(labels):
            raise InputError("expected a folder of label files or a data.yaml", path, code="wrong-kind-of-file")
        folder = _Folder(path, by_stem(_texts(labels), path))
        if not detections:
            beside = images_beside(labels, "labels")
            images = files_of(beside or labels, IMAGES) if options.images is None else []
            folder.images = by_stem(images, path)
        _about(folder, labels)
    if options.images is not None:
        folder.images = images_of(options.images)
    if options.names is not None:
        folder.names = class_names(options.names)
    return folder


def _about(folder: _Folder, labels: str) -> None:
    """Names and keypoints from a ``data.yaml``, or names from a ``classes.txt``, beside the labels or above them."""
    above = labels
    for _ in range(3):
        if (document := _yaml_in(above)) is not None:
            _take(folder, _yaml.parse(read_text(document), _KEYS, document), document)
            return
        if os.path.isfile(classes := os.path.join(above, "classes.txt")):
            folder.names = class_names(classes)
            return
        above = os.path.dirname(above) or os.curdir


def _of_yaml(document: str) -> _Folder:
    """The validation split of a ``data.yaml``, or the test split, or the training split where there is no other."""
    found = _yaml.parse(read_text(document), _KEYS, document)
    beside = os.path.dirname(document)
    root = os.path.join(beside, found.get("path") or "")
    # Data sets are moved: then the path leads nowhere.
    root = root if os.path.isdir(root) else beside
    split = next((found[name] for name in ("val", "test", "train") if found.get(name)), None)
    if split is None:
        if not os.path.isdir(os.path.join(beside, "labels")):
            raise InputError('there is no "val", "test" or "train"', document, code="no-split")
        split = "images"
    images: list[str] = []
    labels: list[str] = []
    for part in split if isinstance(split, list) else [split]:
        path = _place_of(root, part, document)
        if os.path.exists(path):
            images += _images_of_split(path)
        else:
            # Labels without their images, whose sizes are given.
            labels += _texts(_labels_for(path))
    folder = _Folder(beside or os.curdir, by_stem(labels, document), by_stem(images, document))
    there: dict[str, set[str]] = {}
    for id, image in folder.images.items():
        place = os.path.dirname(image)
        if place not in there:
            beside = _labels_for(place)
            there[place] = set(os.listdir(beside)) if os.path.isdir(beside) else set()
        if f"{id}.txt" in there[place]:
            folder.labels[id] = os.path.join(_labels_for(place), f"{id}.txt")
    _take(folder, found, document)
    return folder


def _place_of(root: str, part: str, document: str) -> str:
    """Where the images of a split are, or would be beside its labels."""
    # Roboflow writes `../valid/images`, of a folder that no longer is there.
    paths = [os.path.join(root, part), os.path.join(root, part.removeprefix("../"))]
    for path in paths:
        if os.path.exists(path) or os.path.isdir(_labels_for(path)):
            return path
    raise InputError(f"{part!r} is not there, looked for in {root!r}", document, code="no-split")


def _images_of_split(path: str) -> list[str]:
    """The images of a folder, or of a text file that lists them."""
    if os.path.isdir(path):
        return files_of(path, IMAGES)
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    return [os.path.join(os.path.dirname(path), line) for line in lines]


@lru_cache(maxsize=1024)
def _labels_for(images: str) -> str:
    """Where Ultralytics looks for the labels of a folder: ``labels`` in place of the last ``images``, or the folder."""
    parts = os.path.normpath(images).split(os.sep)
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] == "images":
            return os.sep.join([*parts[:at], "labels", *parts[at + 1 :]])
    return images


def _take(folder: _Folder, found: Mapping[str, Any], document: str) -> None:
    names, shape = found.get("names"), found.get("kpt_shape")
    if names:
        folder.names = class_names(names if isinstance(names, Mapping) else list(names))
    if shape:
        numbers = [int(word) for word in shape if str(word).isdigit()]
        if len(numbers) != 2 or numbers[1] not in (2, 3):
            expected = "the number of keypoints, and 2 or 3"
            raise InputError(None, document, None, "kpt_shape", f"is {shape}", expected, code="broken-file")
        folder.keypoints = (numbers[0], numbers[1])


def _keypoints_of(paths: list[str], scored: bool) -> tuple[int, int]:
    """Keypoints of an object and numbers of a keypoint, of the first line that there is."""
    for path in paths:
        for line in head(path).split(b"\n"):
            more = len(line.split()) - 5 - scored
            for each in (3, 2):
                if more > 0 and more % each == 0:
                    return more // each, each
    return 0, 3


# Columns


def _geometry(
    columns: Mapping[str, Any], labelled: list[str], sizes: Mapping[str, Any], similarity: SimilarityName
) -> dict[str, Any]:
    """Boxes, and masks or keypoints where these are compared."""
    arrays: dict[str, Any] = {"boxes": columns["boxes"]}
    if compares_rotated_boxes(similarity):
        return {"boxes": columns["points"].reshape(-1, 8)}
    if compares_masks(similarity):
        of_rows = np.array([sizes[id] for id in labelled], dtype=np.int64).reshape(-1, 2)[columns["file"]]
        masks = _core.masks_of_polygons(columns["points"], columns["ends"], of_rows)
        keep = compares_polygons(similarity)
        return {"masks": _rle.outlined(masks, columns["points"], columns["ends"]) if keep else masks}
    if similarity == "keypoints":
        count = len(columns["file"])
        arrays["keypoints"] = columns["points"].reshape(count, -1, 3) if count else np.zeros((0, 0, 3))
    return arrays


def _class_ids(own: Mapping[int, str] | None, truth: Truth | None) -> dict[int, Any]:
    """The category of each class, where those of the ground truth have the same names and other ids."""
    if own is None or truth is None:
        return {}
    if not truth.names:
        # Classes may be called by their names themselves.
        first = plain_ids(truth.category_ids)[:1] if isinstance(truth, GroundTruth) else []
        return dict(own) if first and isinstance(first[0], str) else {}
    if all(truth.names.get(index) == name for index, name in own.items()):
        return {}
    ids = {name: id for id, name in truth.names.items()}
    return {index: ids.get(name) for index, name in own.items()}


def _without_unknown(
    columns: dict[str, Any], folder: _Folder, labelled: list[str], known: set[Any], problems: Problems
) -> dict[str, Any]:
    """The rows of known classes; the others are problems."""
    strange = [index for index in np.unique(columns["class"]).tolist() if index not in known]
    if not strange:
        return columns
    wrong = np.isin(columns["class"], strange)
    for row in islice(np.flatnonzero(wrong).tolist(), 1000):
        problems.add(
            Problem(
                "unknown-category",
                source=folder.labels[labelled[columns["file"][row]]],
                record=int(columns["line"][row]),
                unit="line",
                field="class",
                found=f"is {columns['class'][row]}",
                expected=f"one of the {len(known)} classes that have names",
            )
        )
    problems.leave_out(folder.source, int(wrong.sum()))
    kept = dict(columns)
    if len(columns["ends"]):
        starts = np.concatenate([[0], columns["ends"][:-1]]).astype(np.int64)
        lengths = columns["ends"].astype(np.int64) - starts
        kept["points"] = columns["points"][np.repeat(~wrong, lengths.astype(np.intp))]
        kept["ends"] = np.cumsum(lengths[~wrong]).astype(np.uint64)
    for name in ("file", "line", "class", "score", "boxes"):
        if name in columns:
            kept[name] = columns[name][~wrong]
    return kept


def _doubts(
    columns: Mapping[str, Any], similarity: SimilarityName, confidence: str | None, source: str
) -> list[Problem]:
    """What can be read, and is perhaps not what was meant."""
    found = []
    polygons, quadrangles = columns["polygons"]
    if similarity == "bbox" and quadrangles and quadrangles == polygons == len(columns["file"]):
        text = "all lines have four corners (oriented boxes): the upright boxes around them are evaluated"
        remedy = "similarity='rotated' compares them as rotated boxes"
        found.append(Problem("oriented-boxes", "warning", source, text=f"{text}; {remedy}", remedy=remedy))
    outside, otherwise = columns["outside"]
    if confidence is not None and outside > 0.1 * columns["scored_boxes"] and otherwise < 0.1 * outside:
        other = "yolo" if confidence == "second" else "darknet"
        place = "behind the class" if confidence == "last" else "at the end"
        text = f"{outside} of {columns['scored_boxes']} boxes leave their images"
        remedy = f"format={other!r} reads the confidence {place}, which makes {otherwise} leave them"
        found.append(Problem("confidence-elsewhere", "warning", source, text=f"{text}; {remedy}", remedy=remedy))
    return found
