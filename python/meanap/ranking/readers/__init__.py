"""Judgements and runs of every format.

A reader recognises a source (`sniff`) and reads it (`qrels`, `run`); `READERS` lists them in the order in which they
are tried. Every entry takes its input through `qrels` and `run`.
"""

from __future__ import annotations

from typing import Any

from meanap import _core
from meanap.errors import InputError, InputTypeError
from meanap.ranking.readers._reader import Options, Reader, Role, Run, is_path
from meanap.ranking.readers.dicts import Dicts, explained
from meanap.ranking.readers.json_files import Json
from meanap.ranking.readers.lists import Lists
from meanap.ranking.readers.parquet import Parquet
from meanap.ranking.readers.tables import Tables
from meanap.ranking.readers.text import Delimited, Trec

__all__ = ["READERS", "Options", "Reader", "Run", "explained", "qrels", "reader_of", "run"]

#: All readers, in the order in which they are tried.
READERS: tuple[Reader, ...] = (Parquet(), Json(), Delimited(), Trec(), Tables(), Dicts(), Lists())


def reader_of(source: Any, role: Role, options: Options) -> Reader:
    """The reader of a source: the one that `options` names for a file, or else the first that recognises it.

    Raises
    ------
    InputError
        There is no format of that name, or no reader knows the source.
    """
    if options.format is not None and is_path(source):
        for reader in READERS[:4]:
            if reader.name == options.format:
                return reader
        names = ", ".join(repr(reader.name) for reader in READERS[:4])
        raise InputError(f"format: expected one of {names}, found {options.format!r}")
    for reader in READERS:
        if reader.sniff(source, options):
            return reader
    last = "grade" if role == "qrels" else "score"
    raise InputTypeError(
        None, role, found=f"is a {type(source).__name__}",
        expected=f"a dict, a path, a table, a list, or columns (query, document, {last})", code="wrong-type",
    )  # fmt: skip


def qrels(source: Any, options: Options) -> _core.Qrels:
    """The judgements of any source."""
    if isinstance(source, _core.Qrels):
        return source
    return reader_of(source, "qrels", options).qrels(source, options)


def run(source: Any, options: Options) -> Run | dict[Any, Any]:
    """The answers of any source; a dictionary of dictionaries stays as it is."""
    if isinstance(source, Run):
        return source
    return reader_of(source, "run", options).run(source, options)
