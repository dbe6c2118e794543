"""The confusion matrix, made small enough to be read."""

from __future__ import annotations

from typing import Any

import numpy as np

from meanap.detection.confusion import Confusion
from meanap.detection.result import Result
from meanap.plot._canvas import axes, shortened

__all__ = ["confusion"]


def confusion(
    found: Result | Confusion,
    *,
    iou: float = 0.5,
    score: float = 0.3,
    classes: int | None = 20,
    ax: Any = None,
) -> Any:
    """The confusion matrix: rows are the classes of objects, columns those detected.

    Colour is the part of the row, numbers are counts. Of many classes only those in the largest confusions are shown,
    the most confused first; the others are added up in one row and one column, so every object and detection is in
    the picture.

    Parameters
    ----------
    found : Result or Confusion
    iou, score
        Where `found` is a result: what `Result.confusion` takes. A score of the operating point is a good choice; with
        all low scores in, the background fills the matrix.
    classes
        How many to show; None for all.
    ax
        Axes to draw on; a figure is made without.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        There is no matplotlib.
    """
    if isinstance(found, Result):
        found = found.confusion(iou, score)
    matrix, names = found.condensed(classes)
    n = len(names)
    side = min(40.0, max(4.5, 2.2 + (0.36 if n <= 40 else 0.16) * n))
    ax, colours = axes(ax, (side, side * 0.92))
    from matplotlib.colors import LinearSegmentedColormap

    rows = matrix.sum(axis=1, keepdims=True)
    part = matrix / np.where(rows, rows, 1)
    # The square root lifts rare errors out of the background.
    shade = np.sqrt(part)
    cells = LinearSegmentedColormap.from_list("parts", colours.scale)(shade)
    cells[matrix == 0] = (0.5, 0.5, 0.5, 0.06)
    ax.imshow(cells, aspect="auto", interpolation="nearest")
    if n <= 40:
        size = 7.5 if n <= 24 else 5.5
        for i, j in zip(*np.nonzero(matrix), strict=True):
            bright = cells[i, j, :3] @ (0.299, 0.587, 0.114) > 0.55
            ink = "#101010" if bright else "#ffffff"
            ax.text(j, i, _short(int(matrix[i, j])), ha="center", va="center", fontsize=size, color=ink)
    labels = [shortened(name, 18) for name in names]
    size = "small" if n <= 40 else min(6.5, 0.6 * 72 * side / n)
    ax.set_xticks(range(n), labels, rotation=90, fontsize=size)
    ax.set_yticks(range(n), labels, fontsize=size)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.axhline(n - 1.5, color=colours.faint, linewidth=1)
    ax.axvline(n - 1.5, color=colours.faint, linewidth=1)
    ax.set_xlabel("class detected")
    ax.set_ylabel("class of the object")
    told = f", score from {found.score:g} on" if np.isfinite(found.score) else ""
    ax.set_title(f"Confusion at IoU {found.iou:g}{told}")
    return ax


def _short(count: int) -> str:
    return str(count) if count < 10_000 else f"{count / 1000:.0f}k"
