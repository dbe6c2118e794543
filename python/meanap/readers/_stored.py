"""Tables in files, of which one column is read at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanap._arrow import ArrowColumns, ListColumn

__all__ = ["Stored"]


@dataclass(frozen=True)
class Stored:
    """A table in a file, of which a column is read where it is used, some rows at a time.

    A table that is read as a whole takes as much memory as what is made of it, and libraries keep that for later.
    """

    #: The table without its rows.
    empty: Any
    #: Reads the columns of these names, or all, as a table.
    read: Callable[[list[str] | None], Any]
    #: Reads the columns of these names as tables of some rows.
    batches: Callable[[list[str]], Iterable[Any]]

    def columns(self, place: str) -> Mapping[str, Any]:
        """The columns as `ArrowColumns` gives them, read on each access."""
        return _Columns(self, place)


class _Columns(Mapping[str, Any]):
    def __init__(self, table: Stored, place: str) -> None:
        self._table = table
        self._place = place
        self._names = list(ArrowColumns(table.empty, place))

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        # ``bbox.x`` may be a field of ``bbox``.
        stored = getattr(self._table.empty, "column_names", None) or self._table.empty.columns
        names = [column for column in stored if name == column or name.startswith(f"{column}.")]
        try:
            column = _joined(ArrowColumns(part, self._place)[name] for part in self._table.batches(names))
        except ValueError:  # Its row is one of the batch.
            column = None
        return ArrowColumns(self._table.read(names), self._place)[name] if column is None else column

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _joined(parts: Iterable[Any]) -> Any:
    """A column of numbers, or of lists of numbers of one length, from its parts; None of another kind."""
    arrays: list[np.ndarray] = []
    for part in parts:
        array = part.even() if isinstance(part, ListColumn) else part
        if not isinstance(array, np.ndarray) or (arrays and array.shape[1:] != arrays[0].shape[1:]):
            return None
        # A copy: a batch of an Arrow file holds all of its columns.
        arrays.append(array.copy())
    if not arrays or not isinstance(part, ListColumn):
        return np.concatenate(arrays) if arrays else None
    whole = np.concatenate(arrays)
    length = whole.shape[1]
    return ListColumn(np.arange(0, len(whole) * length + 1, max(length, 1)), whole.reshape(-1, *whole.shape[2:]))
