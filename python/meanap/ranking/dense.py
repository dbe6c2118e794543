"""Scores, labels and weights that are given as arrays: what cannot be used is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from meanap._arrays import as_number, as_numpy, kind_of, on_host, shown
from meanap.errors import InputTypeError

__all__ = ["array_of", "comparable", "csr_of", "is_missing", "numbers_of"]

#: Doubles hold every integer up to this one.
_EXACT = 2**53


def array_of(value: Any, name: str) -> np.ndarray:
    """An array, a list, a column, a table or a sparse matrix as a NumPy array with at least one axis.

    Raises
    ------
    InputError
        It is something else, an element is masked, or the rows of a list differ in length.
    """
    # DIFFERENCE: scikit-learn takes a masked value for what stands below the mask.
    value = value.toarray() if hasattr(value, "toarray") else on_host(value, name)
    if not isinstance(value, (str, bytes, Mapping, AbstractSet, Iterator)):
        try:
            array = np.asarray(value)
        except ValueError:  # rows of several lengths
            array = as_numpy(value, name)
        if array.ndim:
            return array
    expected = "an array or a list"
    raise InputTypeError(None, name, found=f"is {kind_of(value)}", expected=expected, code="wrong-type")


def numbers_of(value: Any, name: str) -> np.ndarray:
    """An array of numbers or flags; objects that are numbers, which columns that may have holes give, too.

    Raises
    ------
    InputError
        It holds something else.
    """
    array = array_of(value, name)
    if array.dtype == object:
        items = array.ravel().tolist()
        odd = next((i for i, item in enumerate(items) if not isinstance(item, bool) and as_number(item) is None), None)
        if odd is not None:
            place = name + "[" + ", ".join(map(str, np.unravel_index(odd, array.shape))) + "]"
            found = "is missing" if is_missing(items[odd]) else f"is {shown(items[odd])}"
            raise InputTypeError(None, place, found=found, expected="a number", code="not-a-number")
        array = np.array([] if not items else items).reshape(array.shape)
    if array.dtype.kind not in "fiub":
        raise InputTypeError(f"{name} is {array.dtype}, expected numbers", code="wrong-type")
    return array


def is_missing(item: Any) -> bool:
    """Whether an item is what lists and columns have in place of a value: None, NaN, or pandas' NA and NaT."""
    return item is None or type(item).__name__ in ("NAType", "NaTType") or (isinstance(item, float) and item != item)


def comparable(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Scores in a type that the core compares, float32 or float64, in the same order and with the same ties.

    Returns
    -------
    tuple[np.ndarray, np.ndarray | None]
        The scores; and None, or the distinct values whose positions those scores are, where doubles do not hold them:
        great integers, and long doubles.
    """
    if scores.dtype in (np.float32, np.float64):
        return scores, None
    with np.errstate(over="ignore"):
        doubles = scores.astype(np.float64)
    if scores.dtype.itemsize < doubles.dtype.itemsize or not scores.size or np.isnan(doubles).any():
        return doubles, None
    if scores.dtype.kind == "f":
        held = bool((doubles == scores).all())
    else:
        held = scores.max() <= _EXACT and (scores.dtype.kind == "u" or scores.min() >= -_EXACT)
    if held:
        return doubles, None
    values, positions = np.unique(scores, return_inverse=True)
    return positions.reshape(scores.shape).astype(np.float64), values


def csr_of(matrix: Any) -> Any:
    """A sparse matrix of SciPy's, of any layout, by rows and without repeated entries; anything else as it is."""
    if not hasattr(matrix, "tocsr"):
        return matrix
    matrix = matrix.tocsr()
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix
