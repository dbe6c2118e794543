"""The labels that there are."""

from __future__ import annotations

import numpy as np

from meanap.errors import InputTypeError

__all__ = ["distinct"]


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
