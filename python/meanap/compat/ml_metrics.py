"""ml_metrics' `apk` and `mapk`: average precision at k of recommendation lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meanap import _core
from meanap.ranking.lists import apk_values, cutoff, one_list

if TYPE_CHECKING:
    from meanap._types import ItemLists, Items, RankedItems

__all__ = ["apk", "mapk"]


def apk(actual: Items, predicted: RankedItems, k: int = 10) -> float:
    """Average precision at k of one list.

    ``sum over ranks i <= k of [predicted[i] is in actual and was not predicted before] * (hits so far) / i``, divided
    by ``min(len(actual), k)``.

    Parameters
    ----------
    actual
        The relevant items, in any order, of anything hashable. An item that stands twice counts twice in the divisor.
    predicted
        The predicted items, best first. A repeated prediction takes its place but counts once.
    k
        How many predictions count, at least 1.

    Returns
    -------
    float
        A number from 0 to 1; 0 if `actual` or `predicted` is empty.

    Raises
    ------
    ValueError
        `k` is less than 1.
    TypeError
        An argument is not a list of hashable items.

    References
    ----------
    ml_metrics, `average_precision.apk`, same bits; but empty `actual` gives 0, as in its repository, where its last
    release (0.1.4) gives 1.

    Examples
    --------
    >>> apk(["a", "c"], ["a", "b", "c"], k=3)
    0.8333333333333333
    >>> apk([], ["a"])
    0.0
    """
    return float(_core.apk_of_lists([one_list(actual, "actual")], [one_list(predicted, "predicted")], cutoff(k))[0])


def mapk(actual: ItemLists, predicted: ItemLists, k: int = 10, *, padding: int | None = -1) -> float:
    """Mean over all lists of their average precision at k; see `apk`.

    The lists are those that `meanap.ranking.apk_values` takes: lists of lists, Arrow columns, integer arrays, CSR
    matrices, labelled lists, or paths of files.

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
    float
        `numpy.mean` of the lists' values; NaN if there are no lists.

    Raises
    ------
    ValueError
        `k` is less than 1, the sides differ in length (ml_metrics would drop the rest in silence), or their labels are
        not the same ones.
    TypeError
        An argument is not what it should be.

    References
    ----------
    ml_metrics, `average_precision.mapk`, same bits.

    Examples
    --------
    >>> mapk([[1, 2], [3]], [[1, 4, 2], [5, 3]], k=2)
    0.5
    >>> import numpy as np
    >>> mapk(np.array([[1, 2], [3, -1]]), np.array([[1, 4, 2], [5, 3, -1]]), k=2)
    0.5
    """
    values = apk_values(actual, predicted, k, padding=padding)
    return float(np.mean(values)) if len(values) else float("nan")
