"""Labels and weights of examples, and how many ranks count."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from meanap._arrays import shown
from meanap.errors import InputError, InputTypeError
from meanap.ranking.dense import array_of, is_missing, numbers_of

__all__ = ["cutoff", "distinct", "labels_of", "mean_of", "one_column", "weights_of"]


def one_column(array: np.ndarray) -> np.ndarray:
    """The column of a table that has a single one; anything else as it is."""
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def labels_of(y_true: Any, name: str = "y_true") -> np.ndarray:
    """Labels as an array; of a table with a single column that column.

    Raises
    ------
    InputError
        A label is missing, or a number that is not whole.
    """
    labels = one_column(array_of(y_true, name))
    odd = []
    if labels.dtype.kind == "f":
        odd = np.flatnonzero(labels != np.floor(labels)).tolist()
    elif labels.dtype == object:
        odd = [i for i, label in enumerate(labels.ravel().tolist()) if is_missing(label)]
    if odd:
        label = labels.ravel()[odd[0]]
        if is_missing(label) or label != label:
            raise InputTypeError(
                None, f"{name}[{odd[0]}]", found="is missing", expected="a label", code="missing-value"
            )
        problem = f"continuous format is not supported: {name}[{odd[0]}] is {shown(label)}, expected a label"
        raise InputTypeError(problem, code="wrong-type")
    return labels


def weights_of(sample_weight: Any, length: int) -> np.ndarray | None:
    """What each of so many examples counts ``(N,) float64``; None if each counts the same.

    Raises
    ------
    InputError
        There is another number of them, or one is not finite.
    """
    if sample_weight is None:
        return None
    if np.ndim(sample_weight) == 0 and isinstance(sample_weight, (int, float, np.number)):
        sample_weight = np.full(length, sample_weight)
    weights = one_column(numbers_of(sample_weight, "sample_weight"))
    if weights.shape != (length,):
        raise InputError(f"sample_weight has shape {weights.shape}, expected ({length},) as y_true has examples")
    weights = weights.astype(np.float64, copy=False)
    # DIFFERENCE: scikit-learn gives NaN for them in metrics of labels and documents, and refuses them in others.
    if len(at := np.flatnonzero(~np.isfinite(weights))):
        raise InputError(f"sample_weight[{at[0]}] is {weights[at[0]]}, expected a finite number")
    return weights


def mean_of(values: np.ndarray, weights: np.ndarray | None) -> float:
    """The mean over examples.

    Raises
    ------
    InputError
        The weights are 0 in sum.
    """
    if weights is not None and weights.size and not weights.sum():
        raise InputError("sample_weight is 0 in sum, expected weights that have a mean")
    return float(np.average(values, weights=weights))


def cutoff(k: Any) -> int | None:
    """How many ranks count; None for all.

    Raises
    ------
    InputError
        It is no whole number, or less than 1.
    """
    if k is None:
        return None
    try:
        ranks = operator.index(k)
    except TypeError:
        raise InputError(f"k is {k!r}, expected a whole number or None") from None
    if ranks < 1:
        raise InputError(f"k is {k}, expected at least 1")
    return ranks


def distinct(labels: np.ndarray, name: str = "y_true") -> np.ndarray:
    """The labels that there are, the least first.

    Raises
    ------
    TypeError
        They are of several kinds, which have no order.
    """
    try:
        return np.unique(labels)
    except TypeError:
        kinds = ", ".join(sorted({type(label).__name__ for label in labels.tolist()}))
        raise InputTypeError(f"{name}: expected labels of one kind, found {kinds}") from None
