"""Sources in parts, for evaluations that may not hold them whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from meanap.errors import InputError

__all__ = ["Files", "Parts", "Some", "called_twice", "parts_of", "some_of_images"]

#: Bytes of a line of a label file, roughly.
_LINE = 40


class Parts(NamedTuple):
    """A source in parts."""

    #: How many bytes the text of its objects takes.
    size: int
    #: Parts of about so many objects each; with each, how much of the source it and those before it are, and of how
    #: much: in rows where parts are tables, and else in bytes.
    read: Callable[[int], Iterator[tuple[Any, int, int]]]


@dataclass(frozen=True)
class Files(os.PathLike[str]):
    """Some of the label files of a folder, by image, in place of the folder."""

    path: str
    files: Mapping[str, str]
    #: What is known of all files of the folder.
    known: Any = None

    def __fspath__(self) -> str:
        return self.path


@dataclass(frozen=True)
class Some(os.PathLike[str]):
    """Some of the images of a file, in its place."""

    path: str
    images: Sequence[Any]
    #: How many images, and how many objects, come before these.
    first: int
    first_object: int

    def __fspath__(self) -> str:
        return self.path


def called_twice(name: str, path: str) -> InputError:
    """That a file has an image of that name already."""
    return InputError(f"two images are called {name!r}", path, code="duplicate-image-id")


def some_of_images(path: str, each: Callable[[], Iterator[tuple[Any, str | None, int, int]]]) -> Parts:
    """The images of a file in parts.

    Parameters
    ----------
    path
        The file.
    each
        Gives each image, its name if it has one, how many objects it has, and how many bytes have been read.
    """
    total = os.path.getsize(path)

    def read(rows: int) -> Iterator[tuple[Any, int, int]]:
        held: list[Any] = []
        names: set[str | None] = set()
        first = before = count = done = 0
        for image, name, objects, at in each():
            if name is not None and name in names:
                raise called_twice(name, path)
            names.add(name)
            held.append(image)
            count, done = count + objects, at
            if count - before + len(held) >= rows:
                yield Some(path, held, first, before), done, total
                first, before, held = first + len(held), count, []
        if held or not first:
            yield Some(path, held, first, before), total, total

    return Parts(total, read)


def parts_of(files: Mapping[str, str] | Mapping[str, str | None], make: Callable[[dict[str, Any]], Any]) -> Parts:
    """Label files in parts, each of some images; `make` makes a source of these. None is an image without a file."""
    sizes = {image: 0 if path is None else os.path.getsize(path) for image, path in files.items()}
    total = sum(sizes.values())

    def read(rows: int) -> Iterator[tuple[Any, int, int]]:
        held: dict[str, Any] = {}
        start = done = 0
        for image, path in files.items():
            held[image] = path
            done += sizes[image]
            # An image takes memory, too.
            if done - start + _LINE * len(held) >= _LINE * rows:
                yield make(held), done, total
                held, start = {}, done
        if held or not files:
            yield make(held), total, total

    return Parts(total, read)
