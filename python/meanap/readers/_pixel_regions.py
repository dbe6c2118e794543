"""Regions of images whose objects and detections are left out, counted in pixels as VisDrone's toolkit counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from meanap.readers._as_coco import coco_boxes
from meanap.readers.sides import Side, plain_ids

__all__ = ["PixelRegions"]

#: From which part of a box on it is left out.
_MOST = 0.5
#: Larger than any image of which the size is not known.
_ENDLESS = 2.0**31

_Side = TypeVar("_Side", bound=Side)


class PixelRegions:
    """The regions of some images.

    Parameters
    ----------
    images : (N,) ids
    boxes : (N, 4) float64
        x, y, width, height.
    are_regions : (N,) of flags
        Which of the boxes are regions.
    sizes
        Height and width of images, of those where they are known.
    """

    def __init__(
        self, images: Sequence[Any], boxes: np.ndarray, are_regions: np.ndarray, sizes: Mapping[Any, tuple[int, int]]
    ) -> None:
        of_image: dict[Any, list[np.ndarray]] = {}
        for row in np.flatnonzero(are_regions).tolist():
            of_image.setdefault(images[row], []).append(boxes[row])
        self._covers = {id: _Cover(np.array(own), sizes.get(id)) for id, own in of_image.items()}

    def outside(self, side: _Side) -> _Side:
        """The objects of a side of which less than half is in a region."""
        if not self._covers:
            return side
        boxes = coco_boxes(side)
        kept = np.ones(len(side), dtype=bool)
        rows: dict[Any, list[int]] = {}
        for row, id in enumerate(plain_ids(side.image_ids)):
            if id in self._covers:
                rows.setdefault(id, []).append(row)
        for id, own in rows.items():
            kept[own] = self._covers[id].part_of(boxes[own]) < _MOST
        return side if kept.all() else side.take(np.flatnonzero(kept))


class _Cover:
    """The pixels of an image that some region covers.

    The toolkit sums a map of all pixels. Here the edges of the regions cut the image into a coarse grid, each place of
    which is covered or not, so that the counts, which are the same, take no memory of the size of the image.
    """

    def __init__(self, regions: np.ndarray, size: tuple[int, int] | None) -> None:
        self._height, self._width = (_ENDLESS, _ENDLESS) if size is None else map(float, size)
        x, y, width, height = np.maximum(1, regions).T
        # From before the first pixel, counted from 1, to the last one, which is one further than the width says.
        spans_x = np.stack([x - 1, np.minimum(self._width, x + width)])
        spans_y = np.stack([y - 1, np.minimum(self._height, y + height)])
        self._x, inside_x = _grid(spans_x)
        self._y, inside_y = _grid(spans_y)
        self._covered = (inside_y[:, :, None] & inside_x[:, None, :]).any(axis=0).astype(np.float64)

    def part_of(self, boxes: np.ndarray) -> np.ndarray:
        """The part of boxes ``(N, 4)`` that is covered: ``(N,) float64``."""
        x, y, width, height = np.maximum(1, _rounded(boxes)).T
        columns = _overlaps(np.minimum(x, self._width), np.minimum(self._width, x + width), self._x)
        rows = _overlaps(np.minimum(y, self._height), np.minimum(self._height, y + height), self._y)
        counts = np.einsum("nr,rc,nc->n", rows, self._covered, columns)
        parts: np.ndarray = counts / (height * width)
        return parts


def _grid(spans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges of spans ``(2, R)``, and which places between two edges lie in each: ``(R, C)``."""
    edges = np.unique(spans)
    start, end = spans
    return edges, (edges[:-1] >= start[:, None]) & (edges[1:] <= end[:, None])


def _overlaps(start: np.ndarray, end: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The length of each span ``(N,)`` in each place between two edges: ``(N, C)``."""
    shared = np.minimum(end[:, None], edges[1:]) - np.maximum(start[:, None], edges[:-1])
    overlaps: np.ndarray = np.maximum(0.0, shared)
    return overlaps


def _rounded(values: np.ndarray) -> np.ndarray:
    """Rounded as in MATLAB: halves away from zero."""
    rounded: np.ndarray = np.trunc(values + np.copysign(0.5, values))
    return rounded
