"""How often each of some codes is there."""

from __future__ import annotations

import numpy as np

__all__ = ["counts_of"]


def counts_of(codes: np.ndarray, weights: np.ndarray | None = None, length: int = 0) -> np.ndarray:
    """`np.bincount` of codes of any type of integer; where addresses have 32 bits, NumPy takes none of more bits.

    Parameters
    ----------
    codes
        Integers from 0 on ``(N,)``.
    weights
        What each counts ``(N,)``, by default 1.
    length
        How many counts there are at least.

    Returns
    -------
    numpy.ndarray
        The count of each code, of integers or, with weights, of doubles.
    """
    return np.bincount(codes.astype(np.intp, copy=False), weights, length)
