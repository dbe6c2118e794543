"""Parquet files, whole or piece by piece."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from typing import Any

from meanap._files import is_name
from meanap.errors import InputError, MissingPackageError
from meanap.readers._stored import Stored

__all__ = ["is_parquet", "parquet_batches", "read_parquet", "stored_parquet"]


def is_parquet(path: Any) -> bool:
    """Whether a file begins as Parquet files do."""
    if not is_name(os.fspath(path)):
        raise InputError("no file can have this name", os.fspath(path))
    with open(path, "rb") as file:
        return file.read(4) == b"PAR1"


def _check_whole(path: Any) -> None:
    """Rejects files that do not begin and end as Parquet files do."""
    if not is_parquet(path):
        raise InputError("not a Parquet file", os.fsdecode(path), code="wrong-kind-of-file")
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        if file.read() != b"PAR1":
            raise InputError("a Parquet file without its end: is it cut off?", os.fsdecode(path), code="not-whole")


#: Libraries that read Parquet, in the order in which they are tried.
_PARQUET = ("pyarrow", "polars", "duckdb")


def _reader() -> tuple[str, Any]:
    for name in _PARQUET:
        try:
            return name, importlib.import_module("pyarrow.parquet" if name == "pyarrow" else name)
        except ImportError:
            continue
    raise MissingPackageError("Parquet files need one of pyarrow, polars and duckdb: pip install pyarrow")


def stored_parquet(path: Any) -> Any:
    """A Parquet file as a table of which columns are read one by one, where the library that is there does that.

    Raises
    ------
    InputError
        It is no Parquet file, or only the beginning of one.
    """
    _check_whole(path)
    name, library = _reader()
    if name != "pyarrow":
        return _read(name, library, path)
    with library.ParquetFile(path) as file:
        metadata, schema = file.metadata, file.schema_arrow

    def read(columns: list[str] | None) -> Any:
        with library.ParquetFile(path, metadata=metadata) as file:
            return file.read(columns)

    def batches(columns: list[str]) -> Iterator[Any]:
        with library.ParquetFile(path, metadata=metadata, buffer_size=1 << 16, pre_buffer=False) as file:
            yield from file.iter_batches(columns=columns)

    # `empty_table` imports pandas, where that is there.
    return Stored(importlib.import_module("pyarrow").Table.from_batches([], schema), read, batches)


def parquet_batches(path: Any, rows: int) -> Iterator[tuple[Any, int, int]]:
    """A Parquet file as tables of at most so many rows; with each, how many rows have been read, and of how many."""
    _check_whole(path)
    name, library = _reader()
    path = os.fspath(path)
    done = 0
    if name == "pyarrow":
        # Columns as streams: a row group may be larger than memory.
        with library.ParquetFile(path, buffer_size=1 << 16, pre_buffer=False) as file:
            total = file.metadata.num_rows
            for batch in file.iter_batches(batch_size=rows):
                done += batch.num_rows
                yield importlib.import_module("pyarrow").Table.from_batches([batch]), done, total
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
    """A whole Parquet file as a table of whichever library is there.

    Raises
    ------
    InputError
        It is no Parquet file, or only the beginning of one.
    """
    _check_whole(path)
    return _read(*_reader(), path)


def _read(name: str, library: Any, path: Any) -> Any:
    if name == "pyarrow":
        # `read_table` loads what reads data sets of many files, which takes longer than the file.
        with library.ParquetFile(path) as file:
            return file.read()
    if name == "polars":
        return library.read_parquet(path)
    return library.read_parquet(os.fspath(path))
