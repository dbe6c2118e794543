"""`apk_values`: average precision at k of many recommendation lists."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _arrow, _core
from meanap._arrays import kind_of, on_host
from meanap._counts import counts_of
from meanap._keywords import suggesting
from meanap.errors import InputError
from meanap.ranking import labels
from meanap.ranking.dense import csr_of
from meanap.ranking.evaluation import evaluate

if TYPE_CHECKING:
    from meanap._types import ItemLists


@suggesting()
def apk_values(actual: ItemLists, predicted: ItemLists, k: int = 10, *, padding: int | None = -1) -> np.ndarray:
    """The average precision at k of each list.

    Each side is a sequence of lists (or tuples, sets, arrays) of anything hashable; or a column of lists with the Arrow
    interface, such as Polars'; or a two-dimensional integer array with a row for each list, filled up with `padding`;
    or a sparse matrix (SciPy's, or anything with the `indptr`, `indices` and `data` of CSR): for `actual` the columns
    that are not 0 are relevant, for `predicted` they are ranked by descending value, the lower column first in a tie.

    Lists are paired by position. Where both sides have labels (the keys of dictionaries, the index of pandas Series and
    DataFrames) that are not the same in the same order, they are paired by label.

    Either side may be the path of a file of any format that `meanap.ranking.evaluate` takes, the other one then also
    what that takes; lists are in the order of `predicted`.

    Parameters
    ----------
    actual
        The relevant items of each list.
    predicted
        The predicted items of each list, best first.
    k
        How many predictions count, at least 1.
    padding
        What fills up the rows of integer arrays; None if nothing does.

    Returns
    -------
    np.ndarray
        ``(N,)`` float64 from 0 to 1; 0 for a list without relevant or predicted items.

    Raises
    ------
    ValueError
        `k` is less than 1, the sides differ in length, or their labels are not the same ones.
    TypeError
        An argument is not what it should be.

    Examples
    --------
    >>> apk_values([[1, 2], [3]], [[1, 4, 2], [5, 3]], k=3)
    array([0.83333333, 0.5       ])
    """
    k, padding = cutoff(k), _padding(padding)
    given: tuple[Any, Any] = (actual, predicted)
    if any(map(_is_file, given)):
        measure = f"map@{k}"
        values: np.ndarray = evaluate(*given, measure, "ml_metrics")[measure].copy()
        return values
    sides_on_host = {name: csr_of(on_host(side, name)) for name, side in (("actual", actual), ("predicted", predicted))}
    actual, predicted = labels.paired(sides_on_host)
    actual, predicted = _unpacked(actual, "actual"), _unpacked(predicted, "predicted")
    sides = _table(actual, padding, ranked=False), _table(predicted, padding, ranked=True)
    if sides[0] is not None and sides[1] is not None:
        return _core.apk_of_arrays(sides[0], sides[1], k)
    left, right = _lists(actual, "actual", sides[0], padding), _lists(predicted, "predicted", sides[1], padding)
    return _core.apk_of_lists(left, right, k)


def _is_file(side: Any) -> bool:
    """Whether it is the path of a file; other text is no list of lists."""
    return isinstance(side, os.PathLike) or (isinstance(side, str) and os.path.exists(side))


def _padding(padding: Any) -> int | None:
    if padding is None:
        return None
    try:
        number = operator.index(padding)
    except TypeError:
        raise TypeError(f"padding is {padding!r}, expected a whole number or None") from None
    if not -(2**63) <= number < 2**63:
        raise InputError(f"padding is {padding!r}, expected a whole number of 64 bits or None")
    return number


def cutoff(k: int) -> int:
    """A number of ranks that count, or an error that says what it is instead."""
    try:
        k = operator.index(k)
    except TypeError:
        raise TypeError(f"k is {k!r}, expected a whole number") from None
    if k < 1:
        raise ValueError(f"k is {k}, expected at least 1")
    return min(k, 2**32 - 1)


def one_list(items: Any, side: str) -> Any:
    """The items of one list as the core takes them."""
    if isinstance(items, (str, bytes)):
        raise TypeError(f"{side} is text, expected a list of items")
    if isinstance(items, Mapping) or (side == "predicted" and isinstance(items, (set, frozenset))):
        raise TypeError(f"{side} is {kind_of(items)}, expected a list of items in their order")
    if hasattr(items, "columns"):
        raise TypeError(f"{side} is a table, expected a list of items")
    items = on_host(items, side)
    if isinstance(items, (list, tuple)) or hasattr(items, "tolist"):
        return items
    if not isinstance(items, Iterable):
        raise TypeError(f"{side} is {items!r}, expected a list of items")
    return list(items)


def _unpacked(side: Any, name: str) -> Any:
    """A column of lists with the Arrow interface, as `ListColumn` of integers or as a list of lists; else `side`."""
    if not _arrow.speaks_arrow(side) or hasattr(side, "iloc"):
        return side
    column = _arrow.values(side, name)
    if isinstance(column, np.ndarray) and column.ndim == 2:
        column = _arrow.ListColumn(np.arange(len(column) + 1, dtype=np.int64) * column.shape[1], column.ravel())
    if not isinstance(column, _arrow.ListColumn):
        raise TypeError(f"{name} is a column of single values, expected lists")
    items = column.items
    if isinstance(items, np.ndarray) and items.ndim == 1 and items.dtype.kind in "iu" and items.dtype != np.uint64:
        return column
    items = items.tolist()
    return [items[start:end] for start, end in zip(column.offsets[:-1], column.offsets[1:], strict=True)]


def _table(side: Any, padding: int | None, *, ranked: bool) -> tuple[Any, Any] | None:
    """An integer table as the core takes it, or None for lists of other things."""
    if hasattr(side, "indptr"):
        return _csr(side, ranked)
    if isinstance(side, _arrow.ListColumn):
        wide = np.int32 if side.items.dtype.itemsize < 4 or side.items.dtype == np.int32 else np.int64
        return side.offsets, np.ascontiguousarray(side.items, dtype=wide)
    if isinstance(side, np.ndarray) and side.ndim == 2 and side.dtype.kind in "iub":
        wide = np.int32 if side.dtype.itemsize < 4 or side.dtype == np.int32 else np.int64
        return np.ascontiguousarray(side, dtype=wide), padding
    return None


def _csr(matrix: Any, ranked: bool) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.ascontiguousarray(matrix.indptr, dtype=np.int64)
    items, values = np.asarray(matrix.indices), np.asarray(matrix.data)
    if np.isnan(values).any() if values.dtype.kind == "f" else False:
        raise ValueError("a CSR matrix holds a NaN")
    if not values.all():
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets).astype(np.intp))[values != 0]
        items, values = items[values != 0], values[values != 0]
        offsets = np.concatenate([[0], np.cumsum(counts_of(rows, length=len(offsets) - 1))])
    if ranked:
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets).astype(np.intp))
        # The last key sorts first. The complement of an integer falls as it grows, and no type is too small for it.
        negated = -values if values.dtype.kind == "f" else ~values
        items = items[np.lexsort((items, negated, rows))]
    wide = np.int32 if items.dtype == np.int32 else np.int64
    return np.ascontiguousarray(offsets, dtype=np.int64), np.ascontiguousarray(items, dtype=wide)


def _lists(side: Any, name: str, table: tuple[Any, Any] | None, padding: int | None) -> list[Any]:
    """A side as a list of lists, for want of an integer table on both sides."""
    if table is None:
        text = isinstance(side, (str, bytes))
        if text or not isinstance(side, Iterable):
            found = f"{side!r}, which is no file" if text else repr(side)
            raise TypeError(f"{name} is {found}, expected a list of lists, or the path of a file")
        return side if isinstance(side, list) else list(side)
    first, second = table
    if first.ndim == 2:
        return [row[row != second].tolist() if second is not None else row.tolist() for row in first]
    return [second[start:end].tolist() for start, end in zip(first[:-1], first[1:], strict=True)]


__all__ = ["apk_values"]
