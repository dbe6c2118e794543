"""Folders of label files: which files there are, their images, and the sizes and ids of these."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import shown
from meanap._files import decoded, encoding_of
from meanap.errors import InputError
from meanap.readers._fields import pixel_size
from meanap.readers._problems import Problem, Problems

__all__ = [
    "IMAGES",
    "add_faults",
    "by_stem",
    "composed",
    "files_of",
    "image_sizes",
    "images_beside",
    "images_of",
    "is_hidden",
    "label_table",
    "read_text",
    "some_of",
    "stem",
]

#: How the names of images end.
IMAGES = (
    ".avif", ".bmp", ".dng", ".gif", ".heic", ".jp2", ".jpeg", ".jpg", ".mpo", ".pfm", ".png", ".tif", ".tiff", ".webp",
)  # fmt: skip

_SIZES = "sizes= gives the height and width of each image, images= (--images) the folder of the images"


def stem(path: str) -> str:
    """The name of a file of any system without folders and ending, with accents as `composed` has them."""
    name = path.replace("\\", "/").rpartition("/")[2]
    end = name.rfind(".")
    return composed(name[:end] if end > 0 else name)


def composed(name: str) -> str:
    """A name with each accent in its letter (Unicode's NFC): some file systems and archives write two characters."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is no data: those of notebooks and of macOS (``._a.txt``) begin with a dot."""
    return name.startswith(".")


def files_of(folder: str, endings: str | tuple[str, ...], *, deep: bool = True) -> list[str]:
    """Files with one of these endings in a folder, and in the folders within it where `deep`; sorted.

    Hidden files and folders are left out.

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
        found += [start + name for name in names if name.lower().endswith(endings) and not is_hidden(name)]
        within[:] = [name for name in within if deep and not is_hidden(name)]
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


def images_beside(path: str, name: str) -> str | None:
    """The folder of images beside a folder of labels: the path with ``images`` for its last folder called `name`.

    None if it does not exist.
    """
    parts = os.path.normpath(path).split(os.sep)
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] == name:
            there = os.sep.join([*parts[:at], "images", *parts[at + 1 :]])
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
    """Files of images by stem or id, of a folder, a list of files, or a mapping of id to file; None is no file.

    Raises
    ------
    InputError
        It is none of these, or two files have the same stem.
    OSError
        The folder cannot be read.
    """
    images = () if images is None else decoded(images)
    if isinstance(images, Mapping):
        return {str(id): os.fsdecode(path) for id, path in images.items()}
    if isinstance(images, (str, os.PathLike)):
        path = os.fspath(images)
        return by_stem(files_of(path, IMAGES) if os.path.isdir(path) else [path], "images")
    if isinstance(images, Iterable):
        return by_stem((os.fsdecode(path) for path in images), "images")
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
    text = f"the size of its image is not known, which fractions need: {_SIZES}"
    return Problem("image-without-size", source=path, text=text, remedy=_SIZES)


def read_text(path: str) -> str:
    """A small text file in UTF-8, UTF-16 or UTF-32.

    Raises
    ------
    OSError
        The file cannot be read.
    InputError
        It is none of these.
    """
    with open(path, "rb") as file:
        bytes = file.read()
    try:
        return bytes.decode(encoding_of(bytes))
    except UnicodeDecodeError as error:
        problem = f"not {error.encoding.upper()}: the byte {error.start} cannot be decoded"
        raise InputError(problem, path, code="broken-file") from None


def label_table(
    paths: list[str],
    layout: list[tuple[str, bool]],
    source: str,
    problems: Problems,
    optional: int = 0,
    headers: Sequence[str] = (),
) -> dict[str, Any]:
    """Columns of label files, of whose lines those with faults are left out, as `_core.read_label_table` reads them."""
    columns = _core.read_label_table(paths, layout, optional, headers)
    add_faults(columns, paths, problems)
    problems.leave_out(source, columns["left_out"])
    return columns


def add_faults(columns: Mapping[str, Any], paths: Sequence[str], problems: Problems) -> None:
    """Add what the core has found in label files, which it reads in UTF-8 only, to the problems."""
    encodings: dict[int, str] = {}
    for file, code, error in columns["faults"]:
        if file not in encodings:
            with open(paths[file], "rb") as text:
                encodings[file] = encoding_of(text.read(4))
            if not encodings[file].startswith("utf-8"):
                found = f"{encodings[file][:6].upper()} text"
                problems.add(Problem("broken-file", source=paths[file], found=found, expected="UTF-8"))
        if encodings[file].startswith("utf-8"):
            problems.add(Problem.of(error.replace(code=code).at(paths[file])))


def rows_of(codes: np.ndarray, ids: list[Any]) -> list[Any]:
    """The id of each row."""
    listed: list[Any] = np.array(ids, dtype=object)[codes].tolist()
    return listed
