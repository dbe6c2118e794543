"""Judgements and runs from dictionaries, TREC files, tables and arrays."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from meanap import _arrow, _core
from meanap.errors import InputError, InputTypeError
from meanap.ranking import labels

# Names of columns, in lower case with "_" between words; where a table has several of them, the first one counts.
_QUERY = ("query", "query_id", "qid", "q_id", "topic", "topic_id", "user", "user_id", "userid")
_DOCUMENT = (
    "document", "document_id", "doc", "doc_id", "docid", "docno", "corpus_id", "item", "item_id", "itemid", "iid",
)  # fmt: skip
_GRADE = ("relevance", "rel", "grade", "label", "rating", "score")
_SCORE = ("score", "prediction", "sim", "similarity")


def qrels(source: Any, duplicates: str) -> Any:
    """Judgements as the core holds them; `duplicates` is the convention, where ``"once"`` keeps the first judgement."""
    if isinstance(source, _core.Qrels):
        return source
    if isinstance(source, Mapping):
        return _core.Qrels.from_dict(_plain(source))
    if isinstance(source, (str, os.PathLike)):
        return _core.Qrels.from_trec(os.fsdecode(source), _bytes(source), (_QUERY, _DOCUMENT, _GRADE), duplicates)
    queries, documents, grades = _columns(source, "qrels", _GRADE)
    grades = np.asarray(grades)
    if grades.dtype.kind == "f" and np.isfinite(grades).all() and (grades == np.floor(grades)).all():
        grades = grades.astype(np.int64)
    if grades.dtype.kind not in "iub":
        raise InputTypeError(f"the qrels' grades are {grades.dtype}, expected whole numbers")
    grades = np.ascontiguousarray(grades, dtype=np.int64)
    return _core.Qrels.from_columns(_ids(queries), _ids(documents), grades, duplicates)


def run(source: Any) -> Any:
    """A run as the core holds it; one of dictionaries stays as it is."""
    if isinstance(source, _core.Run):
        return source
    if isinstance(source, Mapping):
        return _plain(source)
    if isinstance(source, (str, os.PathLike)):
        return _core.Run.from_trec(os.fsdecode(source), _bytes(source), (_QUERY, _DOCUMENT, _SCORE))
    queries, documents, scores = _columns(source, "run", _SCORE)
    scores = np.asarray(scores)
    if scores.dtype.kind not in "fiub":
        raise InputTypeError(f"the run's scores are {scores.dtype}, expected numbers")
    wide = np.float32 if scores.dtype == np.float32 else np.float64
    return _core.Run.from_columns(_ids(queries), _ids(documents), np.ascontiguousarray(scores, dtype=wide))


def _plain(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
    return mapping if isinstance(mapping, dict) else dict(mapping)


def _bytes(path: str | os.PathLike[str]) -> bytes:
    data = Path(path).read_bytes()
    # By what it holds, whatever it is called.
    if data.startswith(b"\x1f\x8b"):
        try:
            return gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as problem:
            raise InputError(f"is not a valid gzip file ({problem})", os.fsdecode(path)) from problem
    return data


def _columns(source: Any, what: str, values: tuple[str, ...]) -> tuple[Any, Any, Any]:
    """Three columns: of a table by their names, or of a triple as they stand."""
    if isinstance(source, (tuple, list)):
        if len(source) != 3:
            raise InputError(f"{what}: {len(source)} columns, expected 3 (query, document, {values[0]})")
        titles = ("queries", "documents", f"{values[0]}s")
        labels.check_same_index({f"{what}: {name}": column for name, column in zip(titles, source, strict=True)})
        query, document, value = (
            _array(column, f"{what}: {name}") for column, name in zip(source, titles, strict=True)
        )
        return query, document, value
    if (table := _by_arrow(source, what)) is not None:
        source = table
        names: list[Any] | None = list(table)
    else:
        names = None if (columns := getattr(source, "columns", None)) is None else list(columns)
    if names is None or not hasattr(source, "__getitem__"):
        kind = type(source).__name__
        raise TypeError(f"{what} is a {kind}, expected a dict, a path, a table, or (query, document, {values[0]})")
    found = []
    for wanted in (_QUERY, _DOCUMENT, values):
        plain = {str(name).lower().replace("-", "_").replace(" ", "_"): name for name in reversed(names)}
        name = next((plain[known] for known in wanted if known in plain), None)
        if name is None:
            listed = ", ".join(map(str, names))
            raise InputError(f"{what}: no column named {' or '.join(wanted[:3])}, … among {listed}")
        found.append(_array(source[name], f"{what}: column {name!r}"))
    query, document, value = found
    return query, document, value


def _by_arrow(source: Any, what: str) -> _arrow.ArrowColumns | None:
    """The columns of a table with the Arrow interface; None for other objects."""
    # pandas would translate all columns, and may fail at one that is not needed.
    return _arrow.ArrowColumns(source, what) if _arrow.speaks_arrow(source) and not _is_pandas(source) else None


def _is_pandas(source: Any) -> bool:
    return hasattr(source, "iloc")


def _array(column: Any, place: str) -> Any:
    """A column as a NumPy array, a list, or Arrow's texts, through whichever interface it has."""
    if isinstance(column, (np.ndarray, list, _core.ArrowTexts)):
        return column
    if isinstance(column, _arrow.Lists):
        raise InputTypeError(f"{place} holds lists, expected numbers or text")
    numbers = isinstance(getattr(column, "dtype", None), np.dtype) and column.dtype.kind in "fiub"
    if _arrow.speaks_arrow(column) and not numbers:
        try:
            return _arrow.values(column, place)
        except Exception as problem:
            # pandas without pyarrow, or objects that Arrow has no type for; errors in them are raised below.
            theirs = isinstance(problem, ImportError) or type(problem).__module__.startswith("pyarrow")
            if not (theirs and _is_pandas(column)):
                raise
    for way in ("to_numpy", "__array__"):
        if hasattr(column, way):
            return np.asarray(getattr(column, way)())
    return list(column)


def _ids(column: Any) -> Any:
    """Ids as the core takes them: contiguous int64 or int32, code points of text, Arrow's texts, or a list."""
    if isinstance(column, _core.ArrowTexts):
        return column
    if isinstance(column, list):
        first = column[0] if column else 0
        if isinstance(first, (int, str)):
            return column
        column = np.asarray(column)
    if column.ndim != 1:
        raise InputError(f"a column of ids has {column.ndim} dimensions, expected 1")
    kind = column.dtype.kind
    if kind == "i":
        wide = np.int32 if column.dtype.itemsize <= 4 else np.int64
        return np.ascontiguousarray(column, dtype=wide)
    if kind == "u":
        if column.size and int(column.max()) > np.iinfo(np.int64).max:
            raise InputError("an id is beyond 2^63 - 1")
        return np.ascontiguousarray(column, dtype=np.int64)
    if kind == "U":
        width = column.dtype.itemsize // 4
        native = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("="))
        return native.view(np.uint32).reshape(len(column), width) if width else [""] * len(column)
    if kind in "OT":
        return column.tolist()
    raise InputTypeError(f"a column of ids is {column.dtype}, expected integers or text")
