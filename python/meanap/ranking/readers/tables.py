"""Tables with named columns: Polars, pandas, pyarrow, DuckDB, `datasets.Dataset`, record arrays, lists by name."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from meanap import _arrow, _core
from meanap._arrays import kind_of, on_host
from meanap.errors import InputError, InputTypeError
from meanap.ranking.readers._columns import KNOWN, Columns, pick, plain_name, qrels_of, run_of
from meanap.ranking.readers._reader import Options, Reader, Role, Run, names_of

__all__ = ["Tables", "array", "columns_of", "is_table", "named_columns"]


class Tables(Reader):
    """A table of another library, by its Arrow interface or as pandas has it."""

    name = "table"

    def sniff(self, source: Any, options: Options) -> bool:
        """Whether it has columns with names."""
        return is_table(source) or _are_columns(source, options)

    def columns(self, source: Any, role: Role, options: Options) -> Columns:
        """The columns of queries, documents, and grades or scores."""
        return columns_of(source, role, options, role)

    def qrels(self, source: Any, options: Options) -> _core.Qrels:
        """The judgements."""
        return qrels_of(self.columns(source, "qrels", options), options)

    def run(self, source: Any, options: Options) -> Run:
        """The answers."""
        return run_of(self.columns(source, "run", options))


def is_table(source: Any) -> bool:
    """Whether it has columns with names."""
    if is_pandas(source) and not hasattr(source, "columns"):
        return False  # a Series is a dictionary by its labels
    return (
        _is_data_set(source)
        or _is_lazy(source)
        or _arrow.speaks_arrow(source)
        or (isinstance(source, np.ndarray) and source.dtype.names is not None)
        or (hasattr(source, "columns") and hasattr(source, "__getitem__"))
    )


def _are_columns(source: Any, options: Options) -> bool:
    """Whether it is a mapping of columns by name: usual names, or the user's, of queries and documents."""
    if not isinstance(source, Mapping) or any(isinstance(column, Mapping) for column in source.values()):
        return False
    own = {name for given in options.columns.values() for name in names_of(given)}
    return all(
        any(plain_name(name) in KNOWN[field] or name in own for name in source if isinstance(name, str))
        for field in ("query", "document")
    )


def columns_of(source: Any, role: Role, options: Options, place: str) -> Columns:
    """The columns of a table; `place` is its name in errors."""
    source = _in_memory(source)
    _arrow.check_names(source, place)
    index: list[Any] = []
    # pandas would translate all columns, and may fail at one that is not needed.
    if _arrow.speaks_arrow(source) and not is_pandas(source):
        source = _arrow.ArrowColumns(source, place)
        names: list[Any] = list(source)
    elif isinstance(source, np.ndarray):
        names = list(source.dtype.names or ())
    elif isinstance(source, Mapping):
        names = list(source)
    else:
        names = list(source.columns)
        index = [name for name in getattr(source.index, "names", ()) if name is not None and name not in names]
    picked = pick([*names, *index], role, options, place)

    def column(name: Any) -> Any:
        if name is None:
            return None
        try:
            values = source.index.get_level_values(name) if name in index else source[name]
            return array(values, f'{place}: "{name}"')
        except InputTypeError:
            raise
        except InputError as error:  # a null
            raise error.replace(code="missing-value") from None

    value = column(picked.value)
    return Columns(
        place,
        column(picked.query),
        column(picked.document),
        value,
        column(picked.rank),
        names=(str(picked.query), str(picked.document), str(picked.value if value is not None else picked.rank)),
    )


def named_columns(source: Any, place: str) -> dict[Any, Any]:
    """All columns of a table by name, as `array` gives them."""
    source = _in_memory(source)
    _arrow.check_names(source, place)
    if _arrow.speaks_arrow(source) and not is_pandas(source):
        source = _arrow.ArrowColumns(source, place)
        names: list[Any] = list(source)
    else:
        names = list(source.dtype.names or ()) if isinstance(source, np.ndarray) else list(source.columns)
    return {name: array(source[name], f'{place}: "{name}"') for name in names}


def _in_memory(source: Any) -> Any:
    """The rows of a `datasets.Dataset` or of a query that is not evaluated yet."""
    if _is_data_set(source):
        return source.with_format("arrow")[:]
    return source.collect() if _is_lazy(source) else source


def _is_lazy(source: Any) -> bool:
    """Whether it is a Polars query that is not evaluated yet."""
    return hasattr(source, "collect") and hasattr(source, "collect_schema") and hasattr(source, "lazy")


def _is_data_set(source: Any) -> bool:
    """Whether it is a `datasets.Dataset`."""
    return hasattr(source, "with_format") and hasattr(source, "column_names")


def is_pandas(source: Any) -> bool:
    """Whether it is of pandas."""
    return hasattr(source, "iloc")


def array(column: Any, place: str) -> Any:
    """A column as a NumPy array, a list, Arrow's texts, or lists, through whichever interface it has."""
    column = on_host(column, place)
    if isinstance(column, (np.ndarray, list, _core.ArrowTexts, _arrow.ListColumn)):
        return column
    numbers = isinstance(getattr(column, "dtype", None), np.dtype) and column.dtype.kind in "fiub"
    if _arrow.speaks_arrow(column) and not numbers:
        try:
            return _arrow.values(column, place)
        except Exception as problem:
            # pandas without pyarrow, or objects that Arrow has no type for; errors in them are raised below.
            theirs = isinstance(problem, (ImportError, OverflowError)) or type(problem).__module__.startswith("pyarrow")
            if not (theirs and is_pandas(column)):
                raise
    for way in ("to_numpy", "__array__"):
        if hasattr(column, way):
            return np.asarray(getattr(column, way)())
    if isinstance(column, (str, bytes, Mapping, AbstractSet)) or not hasattr(column, "__iter__"):
        raise InputTypeError(f"is {kind_of(column)}, expected a column of values", place)
    return list(column)
