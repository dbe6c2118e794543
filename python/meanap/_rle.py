"""Run-length masks as dictionaries ``{"size": [height, width], "counts": text}``, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from meanap import _core

__all__ = ["area", "box", "compressed", "decode", "encode", "of_polygons", "outlined"]

Rle = dict[str, Any]


def encode(pixels: np.ndarray) -> Rle:
    """The mask of pixels ``(h, w)``, ``uint8`` or ``bool``; 0 is background."""
    return _core.mask_encode(np.asfortranarray(pixels)[:, :, np.newaxis])[0]


def decode(mask: Mapping[str, Any]) -> np.ndarray:
    """Pixels ``(h, w) uint8``; 1 is foreground."""
    return _core.mask_decode([dict(mask)])[:, :, 0]


def of_polygons(polygons: Sequence[Sequence[float]], height: float, width: float) -> Rle:
    """The union of polygons ``x, y, x, y, …``.

    Raises
    ------
    TypeError, ValueError, IndexError
        They are none: no list of lists of numbers, the first with fewer than three corners, coordinates too far away.
    """
    if len(polygons[0]) <= 4:
        raise ValueError(f"a polygon has {len(polygons[0])} numbers, expected at least 6")
    drawn = _core.mask_from_polygons(polygons, height, width)
    return drawn[0] if len(drawn) == 1 else _core.mask_merge(drawn, 0)


def outlined(masks: Sequence[Rle], points: np.ndarray, ends: np.ndarray) -> list[Rle]:
    """Masks with the polygon that each is drawn of, for the similarity that compares these: ``"polygons"``.

    `points` are the coordinates of all, `ends` where those of each end.
    """
    rings = np.split(np.asarray(points, dtype=np.float64), np.asarray(ends[:-1], dtype=np.int64)) if len(masks) else []
    return [{**mask, "polygons": [ring.tolist()]} for mask, ring in zip(masks, rings, strict=True)]


def compressed(mask: Mapping[str, Any]) -> Rle:
    """The mask with run lengths as text, if they are numbers."""
    if isinstance(mask["counts"], list):
        return _core.mask_from_counts([dict(mask)], *mask["size"])[0]
    return dict(mask)


def area(mask: Mapping[str, Any]) -> int:
    """Foreground pixels."""
    return int(_core.mask_area([dict(mask)])[0])


def box(mask: Mapping[str, Any]) -> np.ndarray:
    """The smallest box around the foreground, x, y, width, height, ``(4,) float64``."""
    measured: np.ndarray = _core.mask_to_bbox([dict(mask)])[0]
    return measured
