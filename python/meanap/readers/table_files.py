"""Tables in text files: CSV, with tabs or semicolons too; and in files of Arrow and NumPy."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from meanap import _core
from meanap._files import is_name, opened_text
from meanap.errors import InputError, MissingPackageError
from meanap.readers._column_names import holds_ids
from meanap.readers._csv import csv_of
from meanap.readers._parts import Parts
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Role, Truth, ends, head, is_path
from meanap.readers._stored import Stored
from meanap.readers.arrays import Arrays
from meanap.readers.openimages import OpenImages
from meanap.readers.sides import Detections, GroundTruth
from meanap.readers.tables import Tables

__all__ = ["Arrow", "Csv", "Npy"]

_ENDINGS = (".csv", ".tsv", ".tab")
#: Lines of which the fields are held as texts.
_LINES = 1 << 14
#: What stands between fields.
_DELIMITERS = ("\t", ";", ",", "|")


class Csv(Tables):
    """A line for each object, under a line with the names of the columns."""

    name = "csv"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the file is called so, and its columns are not those of Open Images."""
        called = is_path(source) and ends(source, *_ENDINGS) and os.path.isfile(source)
        return called and not OpenImages().sniff(source, role)

    def table(self, source: Any, place: Role, options: Options) -> Any:
        """The columns of a file, or those that were made of a part of it."""
        return source if isinstance(source, Mapping) else _columns(source, options)

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some lines, as columns."""
        return Parts(os.path.getsize(source), lambda rows: _parts(source, options, rows))


def _columns(source: Any, options: Options) -> Mapping[str, Any]:
    """The columns of a file."""
    names, lines = _lines(source)
    ids = [_holds_ids(name, options) for name in names]
    kinds = [0] * len(names)
    # Some lines at a time, because texts take several times as much memory as their numbers.
    parts = [[_column((), of_ids) for of_ids in ids]]
    for rows in _several(lines, _LINES):
        parts.append(list(map(_column, zip(*rows, strict=True), ids, kinds)))
        kinds = list(map(_kind, parts[-1]))
    if any(list(map(_kind, part)) != kinds for part in parts[1:]):
        # Numbers, which texts or fractions follow: read again as what all lines are.
        every = [list(part.values()) for part, _, _ in _parts(source, options, _LINES)]
        parts = [parts[0], *every]
    columns = zip(*parts, strict=True)
    return {name: np.concatenate(column[1:] or column) for name, column in zip(names, columns, strict=True)}


def _holds_ids(name: str, options: Options) -> bool:
    """Whether a column is of ids."""
    known = {column: known for known, column in (options.columns or {}).items()}
    return holds_ids(known.get(name, name))


def _lines(path: Any) -> tuple[list[str], Iterator[list[str]]]:
    """The names of the columns, and the fields of each line."""
    import csv

    start = head(path)
    kind = _core.kind_of_file(start)
    if kind is not None:
        expected = "a line with the names of columns"
        raise InputError(source=os.fsdecode(path), found=kind, expected=expected, code="wrong-kind-of-file")

    with opened_text(path, newline="") as file:
        first = file.readline()
    delimiter = max(_DELIMITERS, key=first.count)
    with csv_of(path):
        names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    for name, count in Counter(names).items():
        if count > 1:
            text = f"the first line, which names the columns, has {name!r} {count} times"
            raise InputError(text, os.fsdecode(path))

    def rows() -> Iterator[list[str]]:
        with opened_text(path, newline="") as file, csv_of(path):
            file.readline()
            number = 0
            for row in csv.reader(file, delimiter=delimiter, skipinitialspace=True):
                if not row:
                    continue
                if len(row) != len(names):
                    found, expected = f"has {len(row)} fields", f"{len(names)}"
                    place = os.fsdecode(path)
                    raise InputError(None, place, number, None, found, expected, "broken-line", "row")
                yield row
                number += 1

    return names, rows()


def _parts(path: Any, options: Options, count: int) -> Iterator[tuple[Mapping[str, Any], int, int]]:
    """The columns of so many lines at a time, ids of the types that the whole file has."""
    names, lines = _lines(path)
    ids = [_holds_ids(name, options) for name in names]
    kinds, total = [0] * len(names), 0
    for rows in _several(lines, count):
        total += len(rows)
        kinds = list(map(_kind, map(_column, zip(*rows, strict=True), ids, kinds)))
    names, lines = _lines(path)
    done = 0
    for rows in _several(lines, count):
        done += len(rows)
        columns = zip(names, zip(*rows, strict=True), ids, kinds, strict=True)
        # Other columns may hold something that is no number in another part.
        yield (
            {name: _column(column, of_ids, kind if of_ids else 0) for name, column, of_ids, kind in columns},
            done,
            total,
        )
    if not done:
        yield {name: _column((), of_ids) for name, of_ids in zip(names, ids, strict=True)}, 0, 0


def _several(lines: Iterator[list[str]], count: int) -> Iterator[list[list[str]]]:
    while rows := list(itertools.islice(lines, count)):
        yield rows


#: The types of columns, each of which holds what those before it hold.
_TYPES: tuple[Any, ...] = (np.int64, np.float64)


def _kind(column: np.ndarray) -> int:
    """The position of a column's type among those; their number if it is none of them."""
    return next((at for at, dtype in enumerate(_TYPES) if column.dtype == dtype), len(_TYPES))


def _column(texts: Sequence[str], ids: bool, least: int = 0) -> np.ndarray:
    """Numbers of a type from `least` on; if some are none, ids are texts, other columns texts where they are none."""
    for dtype in _TYPES[least:]:
        with contextlib.suppress(OverflowError, ValueError):
            return np.array(texts, dtype=dtype)
    column = np.empty(len(texts), dtype=object)
    column[:] = list(texts) if ids else list(map(_number, texts))
    return column


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


class Arrow(Tables):
    """Arrow files (also called Feather) and streams, by pyarrow or Polars."""

    name = "arrow"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether a file begins as such files do."""
        return head(source)[:8] == b"ARROW1\0\0" or _is_stream(source)

    def table(self, source: Any, place: Role, options: Options) -> Any:
        """The table of a file, or one that was made of a part of it."""
        return _stored_arrow(source) if is_path(source) else source

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some rows, as tables."""
        return Parts(os.path.getsize(source), lambda rows: _some_rows(source, rows))


def _some_rows(path: Any, rows: int) -> Iterator[tuple[Any, int, int]]:
    """An Arrow file as tables of at most so many rows; with each, how many rows have been read, and of how many."""
    try:
        pyarrow: Any = importlib.import_module("pyarrow")
    except ImportError:
        raise MissingPackageError("memory_limit needs pyarrow for Arrow files: pip install pyarrow") from None
    importlib.import_module("pyarrow.ipc")
    try:
        total = sum(batch.num_rows for batch in _batches(pyarrow, path))
        done = 0
        for batch in _batches(pyarrow, path):
            for start in range(0, max(batch.num_rows, 1), rows):
                part = batch.slice(start, rows)
                done += part.num_rows
                yield pyarrow.Table.from_batches([part]), done, total
        if not total:
            yield _read_arrow(path), 0, 0
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise InputError(f"cannot be read as Arrow: {error}", os.fsdecode(path), code="not-whole") from None


def _batches(pyarrow: Any, path: Any) -> Iterator[Any]:
    """The record batches of a file, which is mapped into memory."""
    with pyarrow.memory_map(os.fspath(path)) as file:
        if _is_stream(path):
            yield from pyarrow.ipc.open_stream(file)
        else:
            whole = pyarrow.ipc.open_file(file)
            yield from (whole.get_batch(at) for at in range(whole.num_record_batches))


def _is_stream(source: Any) -> bool:
    """Whether a file begins with a message of Arrow's streams: a mark, and the size of the schema."""
    start = head(source)[:8]
    return start[:4] == b"\xff\xff\xff\xff" and 0 < int.from_bytes(start[4:], "little") < 1 << 24


def _stored_arrow(path: Any) -> Any:
    """An Arrow file as a table of which columns are read one by one; a stream, or without pyarrow, as a whole table."""
    try:
        ipc: Any = importlib.import_module("pyarrow.ipc")
    except ImportError:
        return _read_arrow(path)
    if _is_stream(path):
        return _read_arrow(path)

    @contextlib.contextmanager
    def opened(columns: list[str] | None) -> Iterator[Any]:
        places = None if columns is None else [empty.column_names.index(name) for name in columns]
        with _reading_arrow(path), open(path, "rb") as file:
            yield ipc.open_file(file, options=ipc.IpcReadOptions(included_fields=places))

    def read(columns: list[str] | None) -> Any:
        with opened(columns) as file:
            return file.read_all()

    def batches(columns: list[str]) -> Iterator[Any]:
        with opened(columns) as file:
            yield from (file.get_batch(at) for at in range(file.num_record_batches))

    with opened(None) as file:
        # `empty_table` imports pandas, where that is there.
        empty = importlib.import_module("pyarrow").Table.from_batches([], file.schema)
    return Stored(empty, read, batches)


def _read_arrow(path: Any) -> Any:
    stream = _is_stream(path)
    for library in ("pyarrow.ipc", "polars"):
        try:
            module = importlib.import_module(library)
        except ImportError:
            continue
        with _reading_arrow(path):
            if library == "polars":
                return (module.read_ipc_stream if stream else module.read_ipc)(os.fspath(path))
            with open(path, "rb") as file:
                return (module.open_stream if stream else module.open_file)(file).read_all()
    raise MissingPackageError("Arrow files need one of pyarrow and polars: pip install pyarrow")


@contextlib.contextmanager
def _reading_arrow(path: Any) -> Iterator[None]:
    """Errors of a library as of a file that is not whole."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as Arrow: {error}", os.fsdecode(path), code="not-whole") from None


class Npy(Arrays):
    """An array that NumPy has saved: a row for each object of all images."""

    name = "npy"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether a file begins as such files do."""
        return head(source)[:6] == b"\x93NUMPY"

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The rows as columns."""
        return super().ground_truth(_array(source), options, problems)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The rows as columns."""
        return super().detections(_array(source), options, problems, truth)

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some rows."""
        return Parts(os.path.getsize(source), lambda count: _rows(source, count))


def _rows(path: Any, count: int) -> Iterator[tuple[np.ndarray, int, int]]:
    """So many rows of a file at a time."""
    array = _array(path, "r")
    total = len(array) if array.ndim == 2 else 0
    if not total:
        yield np.asarray(array), total, total
    for start in range(0, total, count):
        yield np.array(array[start : start + count]), min(start + count, total), total


def _array(source: Any, mode: Literal["r"] | None = None) -> np.ndarray:
    """The array of a file, or one that was made of a part of it.

    Raises
    ------
    InputError
        It is cut off, or holds no numbers.
    """
    if isinstance(source, np.ndarray):
        return source
    if not is_name(os.fspath(source)):
        raise InputError("no file can have this name", os.fspath(source))
    try:
        array: np.ndarray = np.load(source, mmap_mode=mode, allow_pickle=False)
    except (ValueError, EOFError):
        place = os.fsdecode(source)
        if _holds_objects(source):
            raise InputError("a NumPy array of Python objects, expected numbers", place) from None
        raise InputError("a NumPy array without its end: is it cut off?", place, code="not-whole") from None
    return array


def _holds_objects(path: Any) -> bool:
    """Whether the beginning of a NumPy file says that it holds Python objects."""
    with open(path, "rb") as file:
        try:
            np.lib.format.read_magic(file)
            return bool(np.lib.format.read_array_header_1_0(file)[2].hasobject)
        except (ValueError, EOFError):
            return False
