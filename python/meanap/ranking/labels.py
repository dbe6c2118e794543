"""Rows that have labels: dictionaries, and what pandas gives an index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from meanap.errors import InputError
from meanap.ranking.dense import numbers_of


def paired(sides: dict[str, Any]) -> list[Any]:
    """Both sides, so that their rows pair by position: the second in the order of the first one's labels.

    Values of dictionaries become lists, and tables of pandas arrays. A side without labels is paired by position with
    one that has an index, but not with a dictionary, whose order says nothing.

    Raises
    ------
    ValueError
        The labels of two sides are not the same ones, or some stand twice.
    TypeError
        One side is a dictionary and the other has no labels; or a side is a set.
    """
    (first, a), (second, b) = sides.items()
    for name, side in sides.items():
        if isinstance(side, (set, frozenset)):
            raise TypeError(f"{name} is a set, which has no order; expected a list of lists")
    keys = [_labels(side) for side in (a, b)]
    for (name, side), other in zip(sides.items(), reversed(keys), strict=True):
        if isinstance(side, Mapping) and other is None:
            raise TypeError(f"{name} is a dictionary and the other side has no labels; expected two of one kind")
    rows = [_rows(name, side) for name, side in sides.items()]
    if keys[0] is None or keys[1] is None or keys[0] == keys[1]:
        return rows
    place = {label: i for i, label in enumerate(keys[1])}
    if len(place) != len(keys[1]) or len(set(keys[0])) != len(keys[0]):
        raise InputError(f"{first} and {second} have different indices, in which labels stand twice{REMEDY}")
    _check_same(first, keys[0], second, keys[1])
    order = [place[label] for label in keys[0]]
    return [rows[0], rows[1][order] if isinstance(rows[1], np.ndarray) else [rows[1][i] for i in order]]


REMEDY = "; give lists, as .tolist() does, to pair them by position"


def _check_same(first: str, ours: list[Any], second: str, theirs: list[Any]) -> None:
    for name, labels, other, others in ((first, ours, second, theirs), (second, theirs, first, ours)):
        known = set(others)
        only = [label for label in labels if label not in known]
        if only:
            raise InputError(f"{name} has a row labelled {only[0]!r} and {other} has none ({len(only)} such){REMEDY}")


def check_same_index(columns: dict[str, Any]) -> None:
    """Refuses columns of pandas whose indices differ: their rows would be paired by position in silence.

    Raises
    ------
    ValueError
        Two of them differ.
    """
    indexed = {name: column.index for name, column in columns.items() if _is_indexed(column)}
    if not indexed:
        return
    (first, index), *others = indexed.items()
    for name, other in others:
        if len(index) == len(other) and not index.equals(other):
            raise InputError(f"{first} and {name} have different indices{REMEDY}")


def _is_indexed(side: Any) -> bool:
    return hasattr(side, "iloc") and hasattr(side, "index")


def _labels(side: Any) -> list[Any] | None:
    if isinstance(side, Mapping):
        return list(side)
    return side.index.tolist() if _is_indexed(side) else None


def _rows(name: str, side: Any) -> Any:
    if isinstance(side, Mapping):
        return list(side.values())
    if not _is_indexed(side):
        return side
    values = side.to_numpy()
    if values.ndim == 2 and values.dtype == object:  # pandas' types of columns that may have holes
        values = numbers_of(values, name)
    if values.ndim == 2 and values.dtype.kind not in "iub":
        raise TypeError(f"{name} is a table of {values.dtype}, expected integers")
    return values if values.ndim == 2 else list(values)
