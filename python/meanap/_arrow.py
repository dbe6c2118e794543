"""Tables of other libraries as NumPy columns, and NumPy columns as a table for them.

Objects with Arrow's PyCapsule interface (Polars, pandas, pyarrow, DuckDB, …) are read through their own
``__arrow_c_stream__`` or ``__arrow_c_array__``: no library is imported, and contiguous numbers are not copied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from meanap import _core
from meanap.errors import InputError

__all__ = ["ArrowColumns", "ListColumn", "check_names", "column_of", "export", "speaks_arrow", "values"]

# As in `meanap._arrays`.
_core.before_fork()


class ListColumn(NamedTuple):
    """A column of lists: list ``i`` is ``items[offsets[i]:offsets[i + 1]]``."""

    offsets: np.ndarray
    items: Any

    def even(self) -> np.ndarray | None:
        """``(N, K)`` if all lists have length ``K`` and hold numbers; else None."""
        lengths = np.diff(self.offsets)
        if not isinstance(self.items, np.ndarray) or len(lengths) == 0 or (lengths != lengths[0]).any():
            return None
        return self.items.reshape(len(lengths), int(lengths[0]), *self.items.shape[1:])


def speaks_arrow(source: Any) -> bool:
    """Whether `source` is a table or column with the Arrow interface."""
    return hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__")


def check_names(table: Any, place: str) -> None:
    """Checks that no two columns of a table of pandas or pyarrow have the same name: others cannot have such.

    Raises
    ------
    InputError
        Two have.
    """
    names = getattr(table, "columns" if hasattr(table, "iloc") else "column_names", ())
    for name, count in Counter(names if isinstance(names, Iterable) else ()).items():
        if count > 1:
            raise InputError(f"two columns are called {name!r}", place)


class ArrowColumns(Mapping[str, Any]):
    """The columns of a table, each read on access.

    A column is an array ``(N,)`` of numbers or flags (of its own dtype; read-only, and not copied where it lies in one
    piece); ``(N, K, …)`` for lists of a fixed length; a sequence of str with ``tolist()``; or `ListColumn`.
    Dictionaries (categoricals) are read as their values, decimals as float64.

    Parameters
    ----------
    source
        Anything that `speaks_arrow`.
    place
        What the argument is called in errors.

    Raises
    ------
    ValueError
        A row of the column is null (the message names it).
    TypeError
        The source is not a table, or the column is of another type.
    KeyError
        There is no such column.
    """

    def __init__(self, source: Any, place: str) -> None:
        self._table = _core.ArrowTable(source, place)
        names = self._table.names
        if names is None:
            raise TypeError(f"{place}: one column, expected a table")
        self._places = {name: i for i, name in enumerate(names)}
        self._read: dict[str, Any] = {}

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._table)

    def __getitem__(self, name: str) -> Any:
        if name not in self._read:
            self._read[name] = _column(self._table.column(self._places[name]))
        return self._read[name]

    def __iter__(self) -> Any:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def values(source: Any, place: str) -> Any:
    """One column (a Polars or pandas series, a pyarrow array): what `ArrowColumns` gives for a column."""
    table = _core.ArrowTable(source, place)
    if table.names is not None:
        raise TypeError(f"{place}: a table, expected one column")
    return _column(table.values())


def _column(column: Any) -> Any:
    return ListColumn(column[0], _column(column[1])) if isinstance(column, tuple) else column


def export(columns: Mapping[str, Any]) -> _core.ArrowExport:
    """Columns as an object that Polars, pandas, pyarrow and DuckDB accept as a table.

    Parameters
    ----------
    columns
        By name: arrays of numbers or flags, ``(N,)`` or ``(N, K, …)`` (these become lists of a fixed length), or
        sequences of str, where None is a null, or pairs of an array and flags of the rows that are no nulls
        (`column_of` makes them). Contiguous arrays are not copied: they must not be written to as long as a table that
        was made of them is in use. NaN stays NaN.

    Raises
    ------
    ValueError
        The columns differ in length.
    TypeError
        A column is of another type.
    """
    prepared = [(name, _exportable(column)) for name, column in columns.items()]
    first = prepared[0][1] if prepared else ()
    rows = len(first[0]) if isinstance(first, tuple) and first else len(first)
    try:
        return _core.ArrowExport(prepared, rows)
    except UnicodeEncodeError:
        # A lone surrogate, which no other library can hold.
        return _core.ArrowExport([(name, _encodable(column)) for name, column in prepared], rows)


def _encodable(column: Any) -> Any:
    if not isinstance(column, list):
        return column
    return [text if text is None else text.encode("utf-8", "replace").decode() for text in column]


def _exportable(column: Any) -> Any:
    if isinstance(column, tuple) or (isinstance(column, list) and column and isinstance(column[0], (str, type(None)))):
        return column
    array = np.asarray(column)
    if array.dtype.kind in "UOT":
        return array.tolist()
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        array = array.astype(np.float32 if array.dtype.itemsize == 2 else np.float64)
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def column_of(values: Any) -> Any:
    """A column for `export` from any sequence, None being a null.

    Flags, whole numbers, numbers, texts and lists of numbers of one length keep their kind; anything else, and values
    of different kinds, become text.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return values
    items = list(values)
    there = [item is not None for item in items]
    some = [item for item in items if item is not None]
    kinds = {type(item) for item in some}
    if not some:
        return items if items else np.zeros(0)
    if all(issubclass(kind, (list, tuple, np.ndarray)) for kind in kinds) and all(there):
        try:
            return np.array(items, dtype=np.float64)
        except (TypeError, ValueError):  # of several lengths, or not of numbers
            return [str(item) for item in items]
    if (dtype := _number_type(some, kinds)) is not None:
        array = np.array([dtype(0) if item is None else item for item in items], dtype=dtype)
        return array if all(there) else (array, there)
    if kinds == {str}:
        return items
    return [item if item is None else str(item) for item in items]


def _number_type(items: list[Any], kinds: set[type]) -> Any:
    """What holds all of these: flags, whole numbers, or numbers of which some are not whole; None for others."""

    def are(*wanted: type) -> bool:
        return all(issubclass(kind, wanted) for kind in kinds)

    if are(bool, np.bool_):
        return np.bool_
    if bool in kinds or np.bool_ in kinds:
        return None
    if are(int, np.integer):
        return np.int64 if -(2**63) <= min(items) and max(items) < 2**63 else None
    return np.float64 if are(int, float, np.integer, np.floating) else None
