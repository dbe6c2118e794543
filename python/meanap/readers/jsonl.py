"""JSON files in other wrappings: a record on each line, or packed by Zstandard."""

from __future__ import annotations

import contextlib
import errno
import importlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meanap._files import opened_text, replacing
from meanap.errors import InputError
from meanap.readers._column_names import holds_image
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Holder, Reader, Role, ends, head, is_path, start_of
from meanap.readers.arrays import ImageArrays
from meanap.readers.coco import Coco
from meanap.readers.groups import Groups
from meanap.readers.lists import Lists

__all__ = ["JsonLines", "Zstandard", "records"]

_COCO = Coco()


class JsonLines(Holder):
    """A COCO annotation or result, or an image with its own, on each line, as streaming jobs and hubs write them."""

    name = "jsonl"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first line is a record by itself; a file that is called so may have none."""
        called_so = is_path(source) and ends(source, ".jsonl", ".ndjson")
        start = start_of(source)
        if not start and called_so:
            return os.path.isfile(source)
        if called_so and b"\n" not in start and start.startswith(b"{"):
            # The objects of an image may be more than the head.
            with opened_text(source) as lines:
                start = (next(lines, "") or "").encode()
        start, nothing = _NOTHING.subn(b"", start)
        if nothing and not start and called_so:
            return True
        if not start.startswith(b"{") or b"\n" not in start:
            return False
        try:
            record = json.loads(start.partition(b"\n")[0])
        except ValueError:
            return False
        if not isinstance(record, dict):
            return False
        return any(holds_image(name) for name in record) or any(reader.sniff([record], role) for reader in _OF_IMAGES)

    def held(self, source: Any, role: Role, problems: Problems) -> tuple[Reader, Any]:
        """The records; annotations are of the images and categories that they name."""
        listed = list(records(source, role, problems))
        if (reader := _reader_of_items(listed, role)) is not None:
            return reader, listed
        return _COCO, {"annotations": listed} if role == "ground_truth" else listed

    def unpack(self, path: Any, target: Path, place: Role, problems: Problems) -> None:
        """Write the records as a COCO file.

        Raises
        ------
        InputError
            The lines are images whose objects are no records.
        """
        opening, closing = ("[", "]") if place == "detections" else ('{"annotations": [', "]")
        images: list[str] = []
        with replacing(target, sync=False) as written:
            written.write(opening)
            between = ""
            for text in _unpacked_lines(path, place, problems, images):
                written.write(between + text)
                between = ","
            written.write(closing)
            if place == "ground_truth":
                written.write(f', "images": [{",".join(images)}]}}' if images else "}")


_GROUPS = Groups()
_OF_IMAGES: tuple[Reader, ...] = (Lists(), _GROUPS)
#: First lines of images in which there is nothing.
_NOTHING = re.compile(rb"\A(?:(?:null|\[\s*\])\s*\n)+")


def _reader_of_items(listed: list[Any], role: Role) -> Reader | None:
    """The reader of lines that are images; None if they are records."""
    return next((reader for reader in (*_OF_IMAGES, ImageArrays()) if listed and reader.sniff(listed, role)), None)


def _unpacked_lines(path: Any, place: Role, problems: Problems, images: list[str]) -> Iterator[str]:
    """The records as JSON texts; `images` gets those of their images, where the lines are images."""
    if problems.mode == "first":
        problems = Problems()  # A broken line comes before what is wrong with records.
    first = list(itertools.islice(records(path, place, Problems("skip")), 1))
    reader = _reader_of_items(first, place)
    if isinstance(reader, Lists):
        problem = "lines of images with lists can only be read whole, which memory_limit is not for"
        raise InputError(f"{problem}; meanap.convert writes COCO JSON and Parquet", f"{place}: {os.fsdecode(path)}")
    if reader is _GROUPS:
        for image, of_image in _GROUPS.one_by_one(records(path, place, problems), place):
            images.append(json.dumps(image))
            yield from map(json.dumps, of_image)
    elif problems.mode == "raise":
        with opened_text(path) as lines:
            yield from filter(str.strip, lines)
    else:
        yield from map(json.dumps, records(path, place, problems))


def records(path: Any, place: str, problems: Problems) -> Iterator[Any]:
    """The records of all lines that are not empty."""
    with opened_text(path) as lines:
        for row, line in enumerate(lines):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except ValueError as error:
                text = f"line {row + 1} is no JSON: {error}"
                problems.reject(Problem("broken-line", "error", f"{place}: {os.fsdecode(path)}", text=text), place)


class Zstandard(Holder):
    """A COCO file packed by Zstandard (``.json.zst``), where Python or a library can unpack it."""

    name = "zstd"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it begins as such files do, and can be unpacked; otherwise the reader of COCO files says so."""
        return head(source)[:4] == b"\x28\xb5\x2f\xfd" and _library() is not None

    def held(self, source: Any, role: Role, problems: Problems) -> tuple[Reader, Any]:
        """The content of the file that is packed."""
        with _of_packed(source, role) as file:
            return _COCO, json.loads(file.read())

    def unpack(self, path: Any, target: Path, place: Role, problems: Problems) -> None:
        """Write the COCO file that is packed."""
        del problems  # A file that is damaged cannot be used.
        with _of_packed(path, place) as file, replacing(target, sync=False) as written:
            shutil.copyfileobj(file, written.buffer)


def _library() -> Any:
    for name in ("compression.zstd", "zstandard", "pyarrow"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


@contextlib.contextmanager
def _of_packed(path: Any, place: str) -> Iterator[Any]:
    """The bytes that are packed, as a file."""
    library = _library()
    try:
        if library.__name__ == "pyarrow":
            with library.input_stream(os.fspath(path), compression="zstd") as file:
                yield file
        else:
            with library.open(path, "rb") as file:
                yield file
    except RecursionError:
        raise InputError("not JSON that Python can read: it is nested too deeply", _at(place, path)) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise _damaged(error, path, place) from None
    except Exception as error:
        # Each library has errors of its own for data that are damaged.
        raise _damaged(error, path, place) from None


def _damaged(error: Exception, path: Any, place: str) -> InputError:
    return InputError(f"not JSON in a valid Zstandard file: {error}", _at(place, path), code="not-json")


def _at(place: str, path: Any) -> str:
    return f"{place}: {os.fsdecode(path)}"
