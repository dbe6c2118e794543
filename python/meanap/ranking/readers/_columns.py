"""Columns of judgements and runs: which of a table they are, and what the core takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from meanap import _arrow, _core
from meanap._arrays import shown
from meanap.errors import InputError, InputTypeError, no_text
from meanap.ranking.readers._reader import Options, Role, Run, names_of

__all__ = ["Columns", "Picked", "as_list", "number_of", "pick", "plain_name", "qrels_of", "run_of"]

#: Names of columns, in lower case with "_" between words; where a table has several of them, the first one counts.
KNOWN = {
    "query": ("query", "query_id", "queryid", "qid", "q_id", "topic", "topic_id", "user", "user_id", "userid"),
    "document": (
        "document", "document_id", "doc", "doc_id", "docid", "docno", "did", "corpus_id", "passage_id", "pid", "item",
        "item_id", "itemid", "iid", "documents", "docs", "doc_ids", "items", "ranking", "predictions",
    ),
    "grade": ("relevance", "rel", "grade", "label", "rating", "score"),
    "score": ("score", "prediction", "sim", "similarity", "scores"),
    "rank": ("rank", "position"),
}  # fmt: skip

#: Columns beside those of query and document that say nothing about relevance.
_OTHER = ("", "index", "iteration", "iter", "q0", "timestamp", "time", "date", "run", "tag", "run_id", "system")


class Picked(NamedTuple):
    """The user's names of the columns; None where there is none."""

    query: str
    document: str
    value: str | None
    rank: str | None


@dataclass(frozen=True)
class Columns:
    """Columns of one length, and where they are from.

    Attributes
    ----------
    source
        The file or the argument, for errors.
    query, document
        Ids.
    value
        Grades or scores; None: every document listed is relevant, or the rows are in the order of their rank.
    rank
        Ranks, least first, where there are no scores.
    unit
        What a row is called.
    numbers
        The number of a row, where it is not its place.
    names
        The names of the columns, for errors.
    """

    source: str
    query: Any
    document: Any
    value: Any = None
    rank: Any = None
    unit: Literal["row", "record", "line"] = "row"
    numbers: Callable[[int], int] = int
    names: tuple[str, str, str] = ("query", "document", "value")

    def error(self, row: int, name: str, found: str, expected: str | None, code: str) -> InputError:
        """What is wrong with a field of a row."""
        kind = InputError if code == "nan" else InputTypeError
        return kind(None, self.source, self.numbers(row), name, found, expected, code, self.unit)


def plain_name(name: Any) -> str:
    """A column's name in lower case with ``_`` between words."""
    return str(name).strip().lower().replace("-", "_").replace(" ", "_")


def pick(names: Sequence[Any], role: Role, options: Options, source: str) -> Picked:
    """The columns of a table with these names.

    Raises
    ------
    InputError
        There is none for the query or the document, one that `options` names is not there, or none is known for grades
        or scores although there are columns that may hold them.
    """
    plain: dict[str, Any] = {plain_name(name): name for name in reversed(names)}
    value_field = "grade" if role == "qrels" else "score"

    def found(field: str) -> Any:
        if field not in options.columns:
            return next((plain[known] for known in KNOWN[field] if known in plain), None)
        wanted = options.columns[field]
        if wanted is None:
            return None
        listed = names_of(wanted)
        for name in listed:
            if name in names:
                return name
        raise _missing(names, source, f"a column {' or '.join(map(repr, listed))} for the {field}")

    picked = {field: found(field) for field in ("query", "document", value_field)}
    for field in ("query", "document"):
        if picked[field] is None:
            known = ", ".join(KNOWN[field][:3])
            raise _missing(names, source, f"one for the {field} ({known}, …), or columns= (--column) that names it")
    value = picked[value_field]
    rank = found("rank") if role == "run" and value is None else None
    taken = {picked["query"], picked["document"], value, rank}
    others = [name for name in names if name not in taken and plain_name(name) not in _OTHER]
    if value is None and rank is None and others and value_field not in options.columns:
        known = ", ".join(KNOWN[value_field][:3])
        without = "all rows are relevant" if role == "qrels" else "the rows are in the order of their rank"
        raise _missing(
            names,
            source,
            f"one for the {value_field} ({known}, …), or columns= (--column) that names it; None in its place says "
            f"that {without}",
        )
    return Picked(picked["query"], picked["document"], value, rank)


def _missing(names: Sequence[Any], source: str, expected: str) -> InputError:
    found = f"has the columns {', '.join(map(str, names))}" if len(names) else "has no columns"
    return InputError(None, source, found=found, expected=expected, code="missing-column")


def qrels_of(columns: Columns, options: Options) -> _core.Qrels:
    """Judgements of columns: a query, a document and a grade in each row, or a list of documents in each."""
    columns = _exploded(columns)
    if columns.value is None:
        grades = np.ones(len(columns.query), dtype=np.int64)
    else:
        grades = _grades(columns)
    ids = _ids(columns, "query"), _ids(columns, "document")
    try:
        return _core.Qrels.from_columns(*ids, grades, options.duplicates)
    except InputError as error:
        raise error if columns.source == "qrels" else error.at(columns.source) from None
    except UnicodeEncodeError as error:
        raise no_text(error, columns.source) from None


def run_of(columns: Columns) -> Run:
    """A run of columns: a query, a document and a score in each row, or a list of documents in each."""
    without = _empty_lists(columns)
    columns = _exploded(columns)
    if columns.value is not None:
        scores = _scores(columns, columns.value, columns.names[2])
    elif columns.rank is not None:
        scores = -_scores(columns, columns.rank, columns.names[2])
    else:
        scores = -np.arange(len(columns.query), dtype=np.float64)
    ids = _ids(columns, "query"), _ids(columns, "document")
    try:
        core = _core.Run.from_columns(*ids, scores)
    except UnicodeEncodeError as error:
        raise no_text(error, columns.source) from None
    if without:
        known = set(core.query_ids)
        without = [query for query in dict.fromkeys(without) if query not in known]
    return Run(core, tuple(without), columns.source)


def as_list(column: Any) -> list[Any]:
    """The values of a column, of pyarrow's arrays too."""
    way = next((way for way in ("tolist", "to_pylist") if hasattr(column, way)), None)
    return list(column if way is None else getattr(column, way)())


def _lists(column: Any) -> _arrow.ListColumn | None:
    """A column of lists, flat; None for other columns."""
    if isinstance(column, _arrow.ListColumn):
        return column
    if isinstance(column, np.ndarray) and column.ndim == 2:
        return _arrow.ListColumn(np.arange(len(column) + 1, dtype=np.int64) * column.shape[1], column.ravel())
    if isinstance(column, list) and column and all(isinstance(item, (list, tuple, np.ndarray)) for item in column):
        offsets = np.cumsum([0, *map(len, column)], dtype=np.int64)
        return _arrow.ListColumn(offsets, [item for items in column for item in as_list(items)])
    return None


def _empty_lists(columns: Columns) -> list[Any]:
    lists = _lists(columns.document)
    if lists is None:
        return []
    empty = np.flatnonzero(np.diff(lists.offsets) == 0)
    if not len(empty):
        return []
    queries = as_list(columns.query)
    return [queries[i] for i in empty]


def _exploded(columns: Columns) -> Columns:
    """A row for each document, where a row held a list of them."""
    documents = _lists(columns.document)
    if documents is None:
        return columns
    lengths = np.diff(documents.offsets).astype(np.intp)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    value = None if columns.value is None else _lists(columns.value)
    if columns.value is not None and (value is None or not np.array_equal(value.offsets, documents.offsets)):
        row = 0 if value is None else int(np.flatnonzero(np.diff(value.offsets) != lengths)[0])
        raise columns.error(row, columns.names[2], "has another length than the list of documents", None, "lengths")
    queries = as_list(columns.query)
    return Columns(
        columns.source,
        [queries[row] for row in rows.tolist()],
        documents.items,
        None if value is None else value.items,
        None,
        columns.unit,
        lambda row: columns.numbers(int(rows[row])),
        columns.names,
    )


def _grades(columns: Columns) -> np.ndarray:
    name = columns.names[2]
    grades = _numbers(columns, columns.value, name, "a whole number")
    if grades.dtype.kind == "f":
        wrong = np.flatnonzero(~(np.isfinite(grades) & (grades == np.floor(grades))))
        if len(wrong):
            row = int(wrong[0])
            code = "nan" if math.isnan(grades[row]) else "not-a-whole-number"
            raise columns.error(row, name, f"is {shown(grades[row])}", "a whole number", code)
        if (beyond := np.flatnonzero(np.abs(grades) >= 2.0**62)).size:
            row = int(beyond[0])
            raise columns.error(row, name, f"is {grades[row]}", "a whole number up to 2^53", "not-a-whole-number")
    if grades.dtype.kind == "u" and (beyond := np.flatnonzero(grades > 2**53)).size:
        row = int(beyond[0])
        raise columns.error(row, name, f"is {grades[row]}", "a whole number up to 2^53", "not-a-whole-number")
    return np.ascontiguousarray(grades, dtype=np.int64)


def _scores(columns: Columns, values: Any, name: str) -> np.ndarray:
    scores = _numbers(columns, values, name, "a number")
    if scores.dtype.kind == "f" and (nan := np.flatnonzero(np.isnan(scores))).size:
        raise columns.error(int(nan[0]), name, "is NaN", "a number", "nan")
    return np.ascontiguousarray(scores, dtype=np.float32 if scores.dtype == np.float32 else np.float64)


def _numbers(columns: Columns, values: Any, name: str, expected: str) -> np.ndarray:
    """A column as numbers; those written as text are read."""
    array = values if isinstance(values, np.ndarray) else None
    if array is None or array.dtype.kind in "OUT":
        items = as_list(values)
        try:
            array = np.array(items)
        except ValueError:  # lists of several lengths
            array = np.array(items, dtype=object)
    if array.ndim == 1 and array.dtype.kind in "fiub":
        return array
    if not len(array):
        return np.zeros(0)
    numbers = [number_of(value) for value in as_list(values)]
    for row, number in enumerate(numbers):
        if number is None:
            value = as_list(values)[row]
            missing = value is None or (isinstance(value, str) and value == "")
            found = "is missing" if missing else f"is {shown(value)}"
            raise columns.error(row, name, found, expected, "missing-value" if missing else "not-a-number")
    array = np.array(numbers)
    # Integers of more than 64 bits are objects.
    return array if array.dtype.kind in "fiub" else array.astype(np.float64)


def number_of(value: Any) -> int | float | None:
    """A number, perhaps written as text, that a double holds; None for anything else."""
    if isinstance(value, np.generic):
        value = value.item()
    # Python reads "1_0" and the digits of every script, which files of numbers do not have.
    for kind in (int, float) if isinstance(value, str) and value.isascii() and "_" not in value else ():
        try:
            value = kind(value)
            break
        except ValueError:
            continue
    if not isinstance(value, (int, float)):
        return None
    try:
        float(value)
    except OverflowError:
        return None
    return value


def _ids(columns: Columns, which: Literal["query", "document"]) -> Any:
    """Ids as the core takes them: contiguous int64 or int32, code points of text, Arrow's texts, or a list."""
    column = columns.query if which == "query" else columns.document
    name = columns.names[0 if which == "query" else 1]
    if isinstance(column, _core.ArrowTexts):
        return column
    if isinstance(column, list):
        first = column[0] if column else 0
        if isinstance(first, (int, str)):
            return _checked(columns, column, name)
        if not isinstance(first, (float, np.generic)):
            found = "is missing" if first is None else f"is {first!r}"
            code = "missing-value" if first is None else "wrong-type"
            raise columns.error(0, name, found, "an id, text or a whole number", code)
        column = np.asarray(column)
    if column.ndim == 1 and not column.size:  # of whichever type
        return []
    if column.ndim != 1:
        raise InputError(f"a column of ids has {column.ndim} dimensions, expected 1", columns.source)
    kind = column.dtype.kind
    if kind == "i":
        wide = np.int32 if column.dtype.itemsize <= 4 else np.int64
        return np.ascontiguousarray(column, dtype=wide)
    if kind == "u":
        if column.size and int(column.max()) > np.iinfo(np.int64).max:
            raise columns.error(int(column.argmax()), name, f"is {column.max()}", "an id below 2^63", "id-out-of-range")
        return np.ascontiguousarray(column, dtype=np.int64)
    if kind == "U":
        width = column.dtype.itemsize // 4
        native = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("="))
        return native.view(np.uint32).reshape(len(column), width) if width else [""] * len(column)
    if kind in "OT":
        return _checked(columns, column.tolist(), name)
    if kind == "f" and column.size and np.isfinite(column).all() and (column == np.floor(column)).all():
        # pandas makes floats of integers where some column has a hole.
        return np.ascontiguousarray(column, dtype=np.int64)
    if kind == "f" and (nan := np.flatnonzero(np.isnan(column))).size:
        raise columns.error(int(nan[0]), name, "is NaN", "an id, text or a whole number", "missing-value")
    raise InputTypeError(f'"{name}" is a column of {column.dtype}, expected integers or text', columns.source)


def _checked(columns: Columns, ids: list[Any], name: str) -> list[Any]:
    """The ids, of which none is missing: the core refuses what it cannot take."""
    if None in ids:
        raise columns.error(ids.index(None), name, "is missing", "an id, text or a whole number", "missing-value")
    return ids
