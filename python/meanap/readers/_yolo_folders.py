"""The files of a YOLO data set: label files, images, and what a ``data.yaml`` says of all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

from meanap.errors import InputError
from meanap.readers import _yaml
from meanap.readers._folders import IMAGES, by_stem, files_of, images_beside, images_of, is_hidden, read_text
from meanap.readers._names import class_names
from meanap.readers._reader import Options, start_of

__all__ = ["YoloFolder", "are_labels", "is_yaml", "keypoints_of", "opened", "yaml_in"]

_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_KEYS = frozenset(("names", "path", "train", "val", "test", "kpt_shape"))
#: Text files that are no label files, but may be in their folder.
_OTHERS = frozenset(("classes.txt", "labels.txt", "train.txt", "val.txt", "test.txt"))


@dataclass
class YoloFolder(os.PathLike[str]):
    """The files of a data set, by the name of the image without ending, and what holds for all images.

    Attributes
    ----------
    source : str
        The path, for errors.
    labels, images : dict
        Paths of label files and of images.
    names : dict, optional
        Names of the classes.
    keypoints : (int, int), optional
        How many keypoints an object has, and how many numbers a keypoint.
    """

    source: str
    labels: dict[str, str]
    images: dict[str, str] = field(default_factory=dict)
    names: dict[int, str] | None = None
    keypoints: tuple[int, int] | None = None

    def __fspath__(self) -> str:
        return self.source


def is_yaml(path: str) -> bool:
    return path.lower().endswith((".yaml", ".yml"))


def yaml_in(folder: str) -> str | None:
    paths = (os.path.join(folder, name) for name in _YAML)
    return next((path for path in paths if os.path.isfile(path)), None)


def _texts(folder: str) -> list[str]:
    return [path for path in files_of(folder, ".txt") if os.path.basename(path) not in _OTHERS]


def are_labels(folder: str) -> bool:
    """Whether the text files of a folder are label files: the first line of one has a class and fractions.

    Empty files are label files of images without objects.
    """
    found = False
    for path in islice(_each_text(folder), 1000):
        found = True
        lines = [line for line in start_of(path).split(b"\n") if line.strip()]
        if lines:
            try:
                numbers = [float(word) for word in lines[0].split()]
            except ValueError:
                return False
            if not numbers[0].is_integer() or len(numbers) < 5:
                return False
            # Some numbers of the line may be faulty.
            return sum(-1 <= number <= 2 for number in numbers[1:]) >= 0.5 * len(numbers[1:])
    return found


def _each_text(folder: str) -> Iterator[str]:
    """The text files of a folder, one by one and in any order: there may be millions."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if entry.name.lower().endswith(".txt") and entry.name not in _OTHERS:
                yield entry.path
            elif entry.is_dir(follow_symlinks=False):
                yield from _each_text(entry.path)


def opened(source: Any, options: Options, detections: bool = False) -> YoloFolder:
    """The files of a data set, or of detections.

    Raises
    ------
    InputError
        There are no label files, or the ``data.yaml`` cannot be used.
    OSError
        There is no such file or folder.
    """
    if isinstance(source, YoloFolder):
        return source
    path = os.path.normpath(os.fspath(source))
    if not os.path.exists(path):
        # Raises the error of the operating system.
        os.stat(path)
    document = path if is_yaml(path) and not os.path.isdir(path) else yaml_in(path) if os.path.isdir(path) else None
    if document is not None and not detections:
        folder = _of_yaml(document)
    else:
        labels = os.path.join(path, "labels")
        labels = labels if os.path.isdir(labels) else path
        if not os.path.isdir(labels):
            raise InputError("expected a folder of label files or a data.yaml", path, code="wrong-kind-of-file")
        folder = YoloFolder(path, by_stem(_texts(labels), path))
        if not detections:
            beside = images_beside(labels, "labels")
            images = files_of(beside or labels, IMAGES) if options.images is None else []
            folder.images = by_stem(images, path)
        _take_descriptions(folder, labels)
    if options.images is not None:
        folder.images = images_of(options.images)
    if options.names is not None:
        folder.names = class_names(options.names)
    return folder


def _take_descriptions(folder: YoloFolder, labels: str) -> None:
    """Take names and keypoints from a ``data.yaml``, or names from a ``classes.txt``, of this or a parent folder."""
    above = labels
    for _ in range(3):
        if (document := yaml_in(above)) is not None:
            _take(folder, _yaml.parse(read_text(document), _KEYS, document), document)
            return
        if os.path.isfile(classes := os.path.join(above, "classes.txt")):
            folder.names = class_names(classes)
            return
        above = os.path.dirname(above) or os.curdir


def _of_yaml(document: str) -> YoloFolder:
    """The files of the validation split of a ``data.yaml``; without one of the test split, else the training split."""
    found = _yaml.parse(read_text(document), _KEYS, document)
    beside = os.path.dirname(document)
    root = os.path.join(beside, found.get("path") or "")
    # Where the data set was moved, "path" may not exist.
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
            # Without the images, whose sizes are given by other means.
            labels += _texts(_labels_for(path))
    folder = YoloFolder(beside or os.curdir, by_stem(labels, document), by_stem(images, document))
    there: dict[str, dict[str, str]] = {}
    for id, image in folder.images.items():
        place = os.path.dirname(image)
        if place not in there:
            beside = _labels_for(place)
            found_there = files_of(beside, ".txt", deep=False) if os.path.isdir(beside) else []
            there[place] = by_stem(found_there, document)
        if id in there[place]:
            folder.labels[id] = there[place][id]
    _take(folder, found, document)
    return folder


def _place_of(root: str, part: str, document: str) -> str:
    """The folder of the images of a split, which need not exist if that of the labels does."""
    # Roboflow writes `../valid/images` also where the folder is in that of the data.yaml.
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
    """The folder of labels for a folder of images, as Ultralytics finds it: ``labels`` for the last ``images``."""
    parts = os.path.normpath(images).split(os.sep)
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] == "images":
            return os.sep.join([*parts[:at], "labels", *parts[at + 1 :]])
    return images


def _take(folder: YoloFolder, found: Mapping[str, Any], document: str) -> None:
    """Take names and keypoints from the content of a ``data.yaml``."""
    names, shape = found.get("names"), found.get("kpt_shape")
    if names:
        folder.names = class_names(names if isinstance(names, Mapping) else list(names))
    if shape:
        numbers = [int(word) for word in shape if str(word).isdigit()]
        if len(numbers) != 2 or numbers[1] not in (2, 3):
            expected = "the number of keypoints, and 2 or 3"
            raise InputError(None, document, None, "kpt_shape", f"is {shape}", expected, code="broken-file")
        folder.keypoints = (numbers[0], numbers[1])


def keypoints_of(paths: list[str], scored: bool) -> tuple[int, int]:
    """How many keypoints an object has, and how many numbers a keypoint, according to the first line of any file."""
    for path in paths:
        for line in start_of(path).split(b"\n"):
            more = len(line.split()) - 5 - scored
            for each in (3, 2):
                if more > 0 and more % each == 0:
                    return more // each, each
    return 0, 3
