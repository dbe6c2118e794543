"""Judgements and runs of every format.

A reader recognises a source (`sniff`) and reads it (`qrels`, `run`); `READERS` lists them in the order in which they
are tried. Every entry takes its input through `sides`, or `qrels` and `run`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import kind_of
from meanap._files import check_local, decoded
from meanap.errors import InputError, InputTypeError
from meanap.ranking.readers._reader import Options, Reader, Role, Run, is_path
from meanap.ranking.readers.dicts import Dicts, explained
from meanap.ranking.readers.json_files import Json
from meanap.ranking.readers.lists import Lists
from meanap.ranking.readers.parquet import Parquet
from meanap.ranking.readers.tables import Tables
from meanap.ranking.readers.text import Delimited, Trec

__all__ = ["READERS", "Options", "Reader", "Run", "check_order", "explained", "qrels", "reader_of", "run", "sides"]

#: All readers, in the order in which they are tried.
READERS: tuple[Reader, ...] = (Parquet(), Json(), Delimited(), Trec(), Tables(), Dicts(), Lists())


def reader_of(source: Any, role: Role, options: Options) -> Reader:
    """The reader of a source: the one that `options` names for a file, or else the first that recognises it.

    Raises
    ------
    InputError
        There is no format of that name, or no reader knows the source.
    """
    check_local(source, role)
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
        None, role, found=f"is {kind_of(source)}",
        expected=f"a dict, a path, a table, a list, or columns (query, document, {last})", code="wrong-type",
    )  # fmt: skip


def qrels(source: Any, options: Options) -> _core.Qrels:
    """The judgements of any source."""
    if isinstance(source, _core.Qrels):
        return source
    source = decoded(source)
    return reader_of(source, "qrels", options).qrels(source, options)


def sides(qrels_source: Any, run_source: Any, options: Options) -> tuple[_core.Qrels, Run | dict[Any, Any]]:
    """The judgements and the answers of any sources.

    Raises
    ------
    InputError
        One of them cannot be used; or each can only be read as the other.
    """
    try:
        return qrels(qrels_source, options), run(run_source, options)
    except InputError as error:
        check_order(qrels_source, run_source, error, qrels, run, options)
        raise


def check_order(
    qrels_source: Any,
    run_source: Any,
    error: InputError,
    read_qrels: Callable[[Any, Options], object],
    read_run: Callable[[Any, Options], object],
    options: Options,
) -> None:
    """Says that judgements and answers are swapped, if each side, which cannot be read, can be read as the other one.

    Raises
    ------
    InputError
        They are swapped. `error` is why they cannot be read as they are.
    """
    if isinstance(qrels_source, Iterator) or isinstance(run_source, Iterator):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if error.code == "missing-column":
                # Judgements without grades may be a list of what is relevant: then the columns are to be named.
                read_qrels(qrels_source, options)
            read_qrels(run_source, options)
            answers = read_run(qrels_source, options)
        except (InputError, OSError):
            return
    if error.code not in ("missing-column", "number-of-fields") and not _are_scores(answers):
        return
    raise InputError("qrels and run are swapped: the qrels come first", code="swapped-sides") from error


def _are_scores(answers: object) -> bool:
    """Whether most numbers of what has been read as a run cannot be grades."""
    if isinstance(answers, Run):
        return answers.core.scores_are_fractions()
    lists = answers.values() if isinstance(answers, Mapping) else ()
    numbers = [number for scores in lists if isinstance(scores, Mapping) for number in scores.values()]
    fractions = [number for number in numbers if isinstance(number, (float, np.floating)) and not number.is_integer()]
    return 2 * len(fractions) > len(numbers)


def run(source: Any, options: Options) -> Run | dict[Any, Any]:
    """The answers of any source; a dictionary of dictionaries stays as it is."""
    if isinstance(source, Run):
        return source
    source = decoded(source)
    return reader_of(source, "run", options).run(source, options)
