"""Tables in text files: CSV, with tabs or semicolons too; and in files of Arrow and NumPy."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from meanap import _core
from meanap._files import is_name
from meanap.errors import InputError
from meanap.readers._columns import holds_ids
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Role, Truth, head, is_path
from meanap.readers.arrays import Arrays
from meanap.readers.openimages import OpenImages
from meanap.readers.sides import Detections, GroundTruth
from meanap.readers.tables import Tables

__all__ = ["Arrow", "Csv", "Npy"]

_ENDINGS = (".csv", ".tsv", ".tab")
#: What stands between fields.
_DELIMITERS = ("\t", ";", ",", "|")


class Csv(Tables):
    """A line for each object, under a line with the names of the columns."""

    name = "csv"
    in_memory = False

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the file is called so, and its columns are not those of Open Images."""
        called = is_path(source) and os.fspath(source).lower().endswith(_ENDINGS) and os.path.isfile(source)
        return called and not OpenImages().sniff(source, role)

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects that are lines."""
        return super().ground_truth(_columns(source), options, problems)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections that are lines."""
        return super().detections(_columns(source), options, problems, truth)


def _columns(path: Any) -> Mapping[str, Any]:
    """The columns of a file: numbers where all are, else texts."""
    import csv

    start = head(path)
    kind = _core.kind_of_file(start)
    wide = start[:2] in (b"\xff\xfe", b"\xfe\xff")
    if kind is not None and not wide:
        expected = "a line with the names of columns"
        raise InputError(source=os.fsdecode(path), found=kind, expected=expected, code="wrong-kind-of-file")
    encoding = "utf-16" if wide else "utf-8-sig"
    with open(path, encoding=encoding, errors="replace", newline="") as file:
        first = file.readline()
        delimiter = max(_DELIMITERS, key=first.count)
        names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        try:
            rows = [row for row in csv.reader(file, delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error as error:
            raise InputError(f"not CSV: {error}", os.fsdecode(path), code="broken-line") from None
    if len(set(names)) < len(names):
        raise InputError("two columns have the same name", os.fsdecode(path))
    for number, row in enumerate(rows):
        if len(row) != len(names):
            found = f"has {len(row)} fields"
            raise InputError(None, os.fsdecode(path), number, None, found, f"{len(names)}", "broken-line", "row")
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return {name: _column(column, holds_ids(name)) for name, column in zip(names, columns, strict=True)}


def _column(texts: tuple[str, ...], ids: bool) -> Any:
    """Numbers where all are; ids are texts otherwise, and other columns texts where they are none."""
    for dtype in (np.int64, np.float64):
        try:
            return np.array(texts, dtype=dtype)
        except (OverflowError, ValueError):
            continue
    column = np.empty(len(texts), dtype=object)
    column[:] = texts if ids else list(map(_number, texts))
    return column


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


class Arrow(Tables):
    """Arrow files (also called Feather) and streams, by pyarrow or Polars."""

    name = "arrow"
    in_memory = False

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether a file begins as such files do."""
        return head(source)[:8] == b"ARROW1\0\0" or _is_stream(source)

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects that are rows."""
        return super().ground_truth(_read_arrow(source), options, problems)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections that are rows."""
        return super().detections(_read_arrow(source), options, problems, truth)


def _is_stream(source: Any) -> bool:
    """Whether a file begins with a message of Arrow's streams: a mark, and the size of the schema."""
    start = head(source)[:8]
    return start[:4] == b"\xff\xff\xff\xff" and 0 < int.from_bytes(start[4:], "little") < 1 << 24


def _read_arrow(path: Any) -> Any:
    stream = _is_stream(path)
    for library in ("pyarrow.ipc", "polars"):
        try:
            module = importlib.import_module(library)
        except ImportError:
            continue
        try:
            if library == "polars":
                return (module.read_ipc_stream if stream else module.read_ipc)(os.fspath(path))
            with open(path, "rb") as file:
                return (module.open_stream if stream else module.open_file)(file).read_all()
        except (OSError, ValueError) as error:
            raise InputError(f"cannot be read as Arrow: {error}", os.fsdecode(path), code="not-whole") from None
    raise ImportError("Arrow files need one of pyarrow and polars")


class Npy(Arrays):
    """An array that NumPy has saved: a row for each object of all images."""

    name = "npy"
    in_memory = False

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether a file begins as such files do."""
        return head(source)[:6] == b"\x93NUMPY"

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The rows as columns."""
        return super().ground_truth(_read_npy(source), options, problems)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The rows as columns."""
        return super().detections(_read_npy(source), options, problems, truth)


def _read_npy(path: Any) -> np.ndarray:
    if not is_name(os.fspath(path)):
        raise InputError("no file can have this name", os.fspath(path))
    try:
        array: np.ndarray = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InputError(f"a NumPy array that cannot be read: {error}", os.fsdecode(path), code="not-whole") from None
    return array
