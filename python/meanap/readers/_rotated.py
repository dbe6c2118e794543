"""Rotated boxes, of the plane or in space, as arrays: what is known of them without their angles' convention."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from meanap._arrays import as_numpy

__all__ = ["are_rotated", "areas_of_rotated", "kind_of_rotated", "rows_of_rotated"]


def are_rotated(boxes: Any) -> bool:
    """Whether boxes have five, seven or eight numbers each."""
    shape = np.shape(as_numpy(boxes))
    return shape[1:] in ((5,), (7,), (8,), (4, 2))


def rows_of_rotated(boxes: Any) -> np.ndarray:
    """Rotated boxes ``(N, 5)``, ``(N, 7)`` or ``(N, 8) float64``."""
    array = np.array(as_numpy(boxes), dtype=np.float64)
    return array.reshape(len(array), math.prod(array.shape[1:]))


def kind_of_rotated(boxes: Any) -> Literal["rotated", "box3d"]:
    """The similarity that compares them: seven numbers are boxes in space."""
    return "box3d" if np.shape(as_numpy(boxes))[1:] == (7,) else "rotated"


def areas_of_rotated(boxes: Any) -> np.ndarray:
    """Their areas ``(N,)``: width times height, or half the cross product of the diagonals."""
    rows = rows_of_rotated(boxes)
    if rows.shape[1] != 8:
        length = 2 if rows.shape[1] == 5 else 3
        areas: np.ndarray = rows[:, length] * rows[:, length + 1]
        return areas
    x1, y1, x2, y2, x3, y3, x4, y4 = rows.T
    crossed: np.ndarray = np.abs((x3 - x1) * (y4 - y2) - (x4 - x2) * (y3 - y1)) / 2
    return crossed
