"""The outline of a mask as an SVG path."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["outline", "path_of_polygons"]

#: The longest side of the grid on which a mask is traced: as fine as a small image can show.
_GRID = 320


def outline(mask: np.ndarray) -> str:
    """The path around a mask ``(H, W)``, along the edges of its pixels, holes included; "" if it is empty.

    Large masks are traced on a coarser grid.
    """
    step = max(1, -(-max(mask.shape) // _GRID))
    coarse = np.pad(mask[::step, ::step].astype(bool), 1)
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def edges(there: np.ndarray, start: tuple[int, int], end: tuple[int, int]) -> None:
        for y, x in zip(*(part.tolist() for part in np.nonzero(there)), strict=True):
            following.setdefault((x + start[0], y + start[1]), []).append((x + end[0], y + end[1]))

    inside = coarse[1:-1, 1:-1]
    # Each edge between inside and outside, with the inside on its right.
    edges(inside & ~coarse[:-2, 1:-1], (0, 0), (1, 0))
    edges(inside & ~coarse[1:-1, 2:], (1, 0), (1, 1))
    edges(inside & ~coarse[2:, 1:-1], (1, 1), (0, 1))
    edges(inside & ~coarse[1:-1, :-2], (0, 1), (0, 0))
    loops = []
    while following:
        start = here = next(iter(following))
        corners: list[tuple[int, int]] = []
        while True:
            ends = following[here]
            there = ends.pop()
            if not ends:
                del following[here]
            # A straight run needs its ends only.
            if len(corners) > 1 and _straight(corners[-2], corners[-1], there):
                corners[-1] = there
            else:
                corners += [here, there] if not corners else [there]
            here = there
            if here == start:
                break
        loops.append("M" + "L".join(f"{x * step} {y * step}" for x, y in corners[:-1]) + "Z")
    return "".join(loops)


def _straight(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    return a[0] == b[0] == c[0] or a[1] == b[1] == c[1]


def path_of_polygons(polygons: Any) -> str:
    """The path of COCO's polygons: lists of x, y, x, y and so on."""
    loops = []
    for polygon in polygons:
        points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
        loops.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points.tolist()) + "Z")
    return "".join(loops)
