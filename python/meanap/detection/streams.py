"""Files that are larger than memory, piece by piece."""

from __future__ import annotations

import codecs
import importlib
import json
import os
from collections.abc import Iterator
from typing import Any

__all__ = ["is_parquet", "json_records", "parquet_batches", "read_parquet"]

#: Characters of a JSON file that are looked at together; more where a record is longer.
_WINDOW = 1 << 20
_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


def is_parquet(path: Any) -> bool:
    """Whether a file begins as Parquet files do."""
    with open(path, "rb") as file:
        return file.read(4) == b"PAR1"


def json_records(path: Any) -> Iterator[tuple[str | None, Any, int]]:
    """The elements of a top array, or of each array of a top object, one after another.

    Yields
    ------
    key : str or None
        The member that the element is in; None in a top array. Members that are no arrays come whole.
    value
        The element.
    bytes : int
        How much of the file has been read.

    Raises
    ------
    ValueError
        The file is not JSON; the message has the place.
    """
    with _Text(path) as text:
        opening = text.peek()
        if opening == "[":
            for value in text.elements():
                yield None, value, text.read
        elif opening == "{":
            text.take()
            while text.peek() != "}":
                key = text.value()
                text.expect(":")
                if text.peek() == "[":
                    for value in text.elements():
                        yield key, value, text.read
                else:
                    yield key, text.value(), text.read
                if text.peek() == ",":
                    text.take()
                elif text.peek() != "}":
                    text.fail("',' or '}'")
            text.take()
        else:
            text.fail("an object or an array")
        if text.peek():
            text.fail("the end of the file")


class _Text:
    """A window over a file's characters."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self.file = open(path, "rb")
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.window, self.at, self.before, self.read = "", 0, 0, 0

    def __enter__(self) -> _Text:
        return self

    def __exit__(self, *problem: object) -> None:
        self.file.close()

    def more(self) -> bool:
        """Reads on, and forgets what lies behind; False at the end of the file."""
        data = self.file.read(max(_WINDOW, len(self.window) - self.at))
        self.read += len(data)
        self.before += self.at
        self.window, self.at = self.window[self.at :] + self.decoder.decode(data, final=not data), 0
        return bool(data)

    def peek(self) -> str:
        """The next character that is no white space; nothing at the end."""
        while True:
            while self.at < len(self.window) and self.window[self.at] in _SPACE:
                self.at += 1
            if self.at < len(self.window):
                return self.window[self.at]
            if not self.more():
                return ""

    def take(self) -> None:
        self.at += 1

    def expect(self, character: str) -> None:
        if self.peek() != character:
            self.fail(repr(character))
        self.take()

    def value(self) -> Any:
        """The value here."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.window, self.at)
            except json.JSONDecodeError as problem:
                # Either the window ends too early, or nothing helps.
                if self.more():
                    continue
                self.fail(problem.msg, problem.pos)
            # A number may go on beyond the window.
            if end < len(self.window) or not self.more():
                self.at = end
                return value

    def elements(self) -> Iterator[Any]:
        """The elements of the array here."""
        self.take()
        if self.peek() == "]":
            self.take()
            return
        while True:
            yield self.value()
            mark = self.peek()
            self.take()
            if mark == "]":
                return
            if mark != ",":
                self.at -= 1
                self.fail("',' or ']'")

    def fail(self, expected: str, at: int | None = None) -> Any:
        place = self.before + (self.at if at is None else at)
        raise ValueError(f"{os.fspath(self.path)}: not JSON at character {place}: expected {expected}")


#: Libraries that read Parquet, in the order in which they are tried.
_PARQUET = ("pyarrow", "polars", "duckdb")


def _reader() -> tuple[str, Any]:
    for name in _PARQUET:
        try:
            return name, importlib.import_module("pyarrow.parquet" if name == "pyarrow" else name)
        except ImportError:
            continue
    raise ImportError("Parquet files need one of pyarrow, polars and duckdb")


def parquet_batches(path: Any, rows: int) -> Iterator[tuple[Any, int, int]]:
    """A Parquet file as tables of at most so many rows; with each, how many rows have been read, and of how many."""
    name, library = _reader()
    path = os.fspath(path)
    done = 0
    if name == "pyarrow":
        with library.ParquetFile(path) as file:
            total = file.metadata.num_rows
            for batch in file.iter_batches(batch_size=rows):
                done += batch.num_rows
                yield batch, done, total
    elif name == "polars":
        frame = library.scan_parquet(path)
        total = frame.select(library.len()).collect().item()
        for start in range(0, total, rows):
            done = min(start + rows, total)
            yield frame.slice(start, rows).collect(), done, total
    else:
        with library.connect() as connection:
            source = f"read_parquet('{path.replace(chr(39), chr(39) * 2)}', file_row_number=true)"
            total = connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]
            for start in range(0, total, rows):
                done = min(start + rows, total)
                yield (
                    connection.sql(
                        f"SELECT * EXCLUDE (file_row_number) FROM {source} "
                        f"WHERE file_row_number >= {start} AND file_row_number < {done} ORDER BY file_row_number"
                    ),
                    done,
                    total,
                )


def read_parquet(path: Any) -> Any:
    """A whole Parquet file as a table of whichever library is there."""
    name, library = _reader()
    if name == "pyarrow":
        return library.read_table(path)
    if name == "polars":
        return library.read_parquet(path)
    return library.read_parquet(os.fspath(path))
