"""Folders of label files: which files there are, their images, and the sizes and ids of these."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap._arrays import shown
from meanap.errors import InputError
from meanap.readers._coco_files import TruthFile
from meanap.readers._coco_records import pixel_size
from meanap.readers._problems import Problem, Problems
from meanap.readers.sides import Detections, GroundTruth

if TYPE_CHECKING:
    from meanap.readers._reader import Truth

__all__ = [
    "IMAGES",
    "CategoryIds",
    "ImageIds",
    "files_of",
    "image_numbers",
    "image_sizes",
    "images_of",
    "read_text",
    "sibling",
    "some_of",
    "stem",
    "with_known_ids",
]

#: How the names of images end.
IMAGES = (
    ".avif", ".bmp", ".dng", ".gif", ".heic", ".jp2", ".jpeg", ".jpg", ".mpo", ".pfm", ".png", ".tif", ".tiff", ".webp",
)  # fmt: skip

_SIZES = "sizes= gives the height and width of each image, images= the folder of the images"


def stem(path: str) -> str:
    """The name of a file without folders and ending."""
    name = path.rpartition(os.sep)[2]
    end = name.rfind(".")
    return name[:end] if end > 0 else name


def files_of(folder: str, endings: str | tuple[str, ...], *, deep: bool = True) -> list[str]:
    """Files with one of these endings in a folder, and in the folders within it where `deep`; sorted.

    Raises
    ------
    OSError
        The folder cannot be read.
    """

    def fail(error: OSError) -> None:
        raise error

    found: list[str] = []
    seen: set[tuple[int, int]] = set()
    for place, within, names in os.walk(folder, onerror=fail, followlinks=True):
        # Links may lead back.
        state = os.stat(place)
        if (state.st_dev, state.st_ino) in seen:
            within.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        start = os.path.join(place, "")
        found += [start + name for name in names if name.lower().endswith(endings)]
        if not deep:
            within.clear()
    return sorted(found)


def some_of(folder: str, ending: str, *, deep: bool = True) -> list[str]:
    """As `files_of`, of ground truth: there must be some.

    Raises
    ------
    OSError
        The folder cannot be read.
    InputError
        There is no such file.
    """
    found = files_of(folder, ending, deep=deep)
    if not found:
        raise InputError(f"there are no {ending} files", folder, code="wrong-kind-of-file")
    return found


def sibling(path: str, name: str, other: str) -> str | None:
    """The path with the last folder that is called `name` called `other`, if that is there."""
    parts = os.path.normpath(path).split(os.sep)
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] == name:
            there = os.sep.join([*parts[:at], other, *parts[at + 1 :]])
            return there if os.path.exists(there) else None
    return None


def by_stem(paths: Iterable[str], place: str) -> dict[str, str]:
    """Files by their stems.

    Raises
    ------
    InputError
        Two files have the same stem.
    """
    found: dict[str, str] = {}
    for path in paths:
        if (first := found.setdefault(stem(path), path)) != path:
            problem = f"{first!r} and {path!r} have the same name: which image it is, is not clear"
            raise InputError(problem, place, code="duplicate-image-id")
    return found


def images_of(images: Any) -> dict[str, str]:
    """Files of images by stem or id, of a folder, a list of files, or a mapping of id to file.

    Raises
    ------
    InputError
        It is none of these, or two files have the same stem.
    OSError
        The folder cannot be read.
    """
    if isinstance(images, Mapping):
        return {str(id): os.fspath(path) for id, path in images.items()}
    if isinstance(images, (str, os.PathLike)):
        path = os.fspath(images)
        return by_stem(files_of(path, IMAGES) if os.path.isdir(path) else [path], "images")
    if isinstance(images, Iterable):
        return by_stem((os.fspath(path) for path in images), "images")
    expected = "a folder, a list of files, or a mapping of image id to file"
    raise InputError(source="images", found=f"found {shown(images)}", expected=expected)


def image_sizes(
    ids: list[str], given: Mapping[Any, Any] | None, files: Mapping[str, str], problems: Problems
) -> dict[str, tuple[int, int]]:
    """Height and width of images, as they are given or in the headers of their files; none where neither says."""
    sizes: dict[str, tuple[int, int]] = {}
    asked: list[str] = []
    for id in ids:
        size = (given or {}).get(id)
        if size is None and given and id.isdigit():
            size = given.get(int(id))
        if size is not None:
            if (pixels := pixel_size(size)) is None:
                expected = "height and width in pixels"
                raise InputError(None, "sizes", None, id, f"is {shown(size)}", expected, code="image-without-size")
            sizes[id] = pixels
        elif id in files:
            asked.append(id)
    if asked:
        found, faults = _core.image_sizes([files[id] for id in asked])
        for file, code, error in faults:
            if not isinstance(error, InputError):
                raise type(error)(f"{files[asked[file]]}: {error}")
            error = error.replace(code=code).at(files[asked[file]])
            problems.add(Problem.of(error))
        sizes |= {id: (height, width) for id, (height, width) in zip(asked, found.tolist(), strict=True) if height}
    return sizes


def without_size(path: str) -> Problem:
    """That the size of the image of a label file is not known."""
    text = "the size of its image is not known, which fractions need"
    return Problem("image-without-size", source=path, text=text, remedy=_SIZES)


class ImageIds:
    """The ids that the ground truth has for images that are known by the names of files."""

    def __init__(self, truth: Truth | None) -> None:
        ids = None if truth is None else truth.images
        self._ids: set[Any] | None = None if ids is None else set(ids)
        self._truth = truth
        self._names: dict[str, Any] | None = None

    def of(self, name: str) -> Any:
        """The id of an image; None if the ground truth has no such image."""
        if self._ids is None or name in self._ids:
            return name
        if name.isdigit() and int(name) in self._ids:
            return int(name)
        if self._names is None:
            self._names = {}
            records = getattr(self._truth, "image_records", ())
            if isinstance(self._truth, TruthFile):
                records = self._truth.load().get("images") or ()
            files = self._truth.files if isinstance(self._truth, GroundTruth) else {}
            self._names.update((stem(name), id) for id, name in files.items())
            for record in records:
                if isinstance(record.get("file_name"), str):
                    self._names[stem(record["file_name"])] = record["id"]
        return self._names.get(name)


def image_numbers(truth: Truth | None) -> dict[int, str]:
    """The ids of images by the numbers that they write, where the ground truth has texts: ``{139: "000000000139"}``."""
    ids = truth.images if truth is not None else None
    if not ids or not isinstance(ids[0], str):
        return {}
    digits = [id for id in ids if isinstance(id, str) and id.isascii() and id.isdigit()]
    numbers = {int(id): id for id in digits}
    return numbers if len(numbers) == len(digits) else {}


def with_known_ids(found: Detections, truth: Truth | None) -> Detections:
    """Detections that name categories, or files of images, with the ids that the ground truth has for these.

    Where the ground truth does not know one of the names, all stay as they are.
    """
    if truth is None:
        return found
    images = ImageIds(truth)
    ways: tuple[tuple[str, Any, Callable[[str], Any]], ...] = (
        ("category_ids", truth.categories, CategoryIds(truth).of),
        ("image_ids", truth.images, lambda name: images.of(stem(name.replace("\\", "/").replace("/", os.sep)))),
    )
    for column, known, of in ways:
        ids = getattr(found, column)
        if known is None or not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
            continue
        among, named = set(known), set(ids)
        if named and not named & among:
            meant = {name: of(name) for name in named}
            if among.issuperset(meant.values()):
                setattr(found, column, [meant[name] for name in ids])
    return found


class CategoryIds:
    """The ids that the ground truth has for classes that are known by their names."""

    def __init__(self, truth: Truth | None) -> None:
        names = {} if truth is None else truth.names
        # Of several categories of one name the first.
        self._ids = {name: id for id, name in reversed(list(names.items()))}

    def of(self, name: str) -> Any:
        """The id of a class: its name, where the ground truth has no other one."""
        return self._ids.get(name, name)


def read_text(path: str) -> str:
    """A small text file in UTF-8.

    Raises
    ------
    OSError
        The file cannot be read.
    InputError
        It is not UTF-8.
    """
    with open(path, "rb") as file:
        bytes = file.read()
    try:
        return bytes.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"not UTF-8: the byte {error.start} cannot be decoded"
        raise InputError(problem, path, code="broken-file") from None


def rows_of(codes: np.ndarray, ids: list[Any]) -> list[Any]:
    """The id of each row."""
    listed: list[Any] = np.array(ids, dtype=object)[codes].tolist()
    return listed
