"""Lists: records (dictionaries or named tuples), a list of documents for each query, or columns side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from meanap import _arrow, _core
from meanap.errors import InputError, InputTypeError
from meanap.ranking import labels
from meanap.ranking.readers._columns import Columns, number_of, pick, qrels_of, run_of
from meanap.ranking.readers._reader import Options, Reader, Role, Run
from meanap.ranking.readers.dicts import qrels_of_dict, run_of_dict
from meanap.ranking.readers.tables import array

__all__ = ["Lists", "columns_of_records"]


class Lists(Reader):
    """A list of records, such as those of ir_measures and ir_datasets; or one of lists, a list for each query.

    Tuples in a list are rows (query, document, grade or score), and so are the rows of an array ``(N, 3)`` of floats or
    objects. A tuple of two or three columns is read as they stand; so is a list of three lists of one length of which
    the last holds numbers, unless all do: those may as well be the documents of three queries, and are refused.
    """

    name = "list"

    def sniff(self, source: Any, options: Options) -> bool:
        """Whether it is a list, a tuple, an array, or an iterator."""
        return isinstance(source, (list, tuple, np.ndarray, Iterator))

    def qrels(self, source: Any, options: Options) -> _core.Qrels:
        """The judgements."""
        source = list(source) if isinstance(source, Iterator) else source
        if (columns := _side_by_side(source, "qrels")) is not None:
            return qrels_of(columns, options)
        if _are_records(source):
            return qrels_of(columns_of_records(source, "qrels", options, "qrels"), options)
        return qrels_of_dict(_by_position(source, "qrels"), options, "qrels")

    def run(self, source: Any, options: Options) -> Run | dict[Any, Any]:
        """The answers."""
        source = list(source) if isinstance(source, Iterator) else source
        if (columns := _side_by_side(source, "run")) is not None:
            return run_of(columns)
        if _are_records(source):
            return run_of(columns_of_records(source, "run", options, "run"))
        return run_of_dict(_by_position(source, "run"), "run")


def _side_by_side(source: Any, role: Role) -> Columns | None:
    """The columns of a tuple, or of a list that can be nothing else."""
    last = "grades" if role == "qrels" else "scores"
    if _are_rows(source):
        rows = [list(column) for column in zip(*source, strict=True)]
        return Columns(role, rows[0], rows[1], rows[2], names=("query", "document", last[:-1]))
    if isinstance(source, np.ndarray) and source.ndim == 2 and source.shape[1] == 3 and source.dtype.kind in "fO":
        return Columns(role, source[:, 0], source[:, 1], source[:, 2], names=("query", "document", last[:-1]))
    if isinstance(source, np.ndarray) or (isinstance(source, list) and not _is_triple(source)):
        return None
    if isinstance(source, list) and _are_of_integers(source):
        found = "is three lists of whole numbers, which may be columns or the documents of three queries"
        expected = "a tuple of columns, or a dictionary of the documents by query"
        raise InputTypeError(None, role, found=found, expected=expected, code="wrong-type")
    if hasattr(source, "_fields") or (isinstance(source, tuple) and source and _are_records(list(source))):
        return None
    if len(source) not in (2, 3):
        raise InputError(None, role, found=f"has {len(source)} columns", expected=f"3 (query, document, {last[:-1]})")
    titles = ("queries", "documents", last)[: len(source)]
    labels.check_same_index({f"{role}: {name}": column for name, column in zip(titles, source, strict=True)})
    columns = [array(column, f"{role}: {name}") for column, name in zip(source, titles, strict=True)]
    for column, title in zip(columns, titles, strict=True):
        if isinstance(column, _arrow.ListColumn):
            raise InputTypeError("holds lists, expected numbers or text", f"{role}: {title}")
    value = columns[2] if len(columns) == 3 else None
    return Columns(role, columns[0], columns[1], value, names=("query", "document", last[:-1]))


def _are_rows(source: Any) -> bool:
    """Whether it is a list of tuples (query, document, number), which may be written as text."""
    return (
        isinstance(source, list)
        and bool(source)
        and all(type(row) is tuple and len(row) == 3 and _is_number(row[2]) for row in source)
    )


def _is_number(item: Any) -> bool:
    return isinstance(item, (int, float, np.number)) or number_of(item) is not None


def _is_triple(source: list[Any]) -> bool:
    if len(source) != 3 or any(isinstance(side, (Mapping, AbstractSet, str)) or not _sized(side) for side in source):
        return False
    if not all(isinstance(side, (list, tuple)) for side in source):
        return not hasattr(source[0], "_fields")
    if hasattr(source[0], "_fields") or len({len(side) for side in source}) != 1:
        return False
    return len(source[2]) > 0 and isinstance(source[2][0], (int, float, np.number))


def _are_of_integers(lists: list[Any]) -> bool:
    return all(
        side.dtype.kind in "iu" if isinstance(side, np.ndarray) else all(isinstance(i, (int, np.integer)) for i in side)
        for side in lists
        if isinstance(side, (list, tuple, np.ndarray))
    )


def _sized(side: Any) -> bool:
    return hasattr(side, "__len__")


def _are_records(source: Any) -> bool:
    """Whether it is a list of dictionaries or named tuples."""
    return (
        isinstance(source, (list, tuple))
        and len(source) > 0
        and all(isinstance(record, Mapping) or hasattr(record, "_fields") for record in source)
    )


def columns_of_records(
    records: list[Any], role: Role, options: Options, source: str, numbers: list[int] | None = None
) -> Columns:
    """The columns of records; `numbers` are their lines in a file."""
    plain = [record if isinstance(record, Mapping) else record._asdict() for record in records]
    names = list(dict.fromkeys(name for record in plain for name in record))
    picked = pick(names, role, options, source)
    unit = "record" if numbers is None else "line"

    def column(name: Any, what: str) -> list[Any] | None:
        if name is None:
            return None
        values = [record.get(name) for record in plain]
        if None in values:
            row = values.index(None)
            place = row if numbers is None else numbers[row]
            found = "is null" if name in plain[row] else "is missing"
            raise InputError(None, source, place, str(name), found, what, "missing-value", unit)
        return values

    value_name = picked.value if picked.value is not None else picked.rank
    query = column(picked.query, "an id")
    document = column(picked.document, "an id, or a list of them")
    assert query is not None and document is not None
    return Columns(
        source,
        query,
        document,
        column(picked.value, "a number"),
        column(picked.rank, "a number"),
        unit,  # type: ignore[arg-type]
        int if numbers is None else numbers.__getitem__,
        (str(picked.query), str(picked.document), str(value_name)),
    )


def _by_position(source: Any, role: Role) -> dict[int, Any]:
    """A list of documents for each query, by their place; rows of an array are filled up with -1."""
    if isinstance(source, np.ndarray):
        if source.ndim != 2 or source.dtype.kind not in "iub":
            raise InputTypeError(
                f"is an array of {source.dtype} and shape {source.shape}, expected integers with a row for each query",
                role,
            )
        return {query: row[row != -1] for query, row in enumerate(source)}
    for query, documents in enumerate(source):
        if isinstance(documents, (str, bytes)) or hasattr(documents, "columns") or not hasattr(documents, "__iter__"):
            raise InputTypeError(
                None, f"{role}[{query}]", found=f"is {documents!r}", expected="a list of documents", code="wrong-type"
            )
    return dict(enumerate(source))
