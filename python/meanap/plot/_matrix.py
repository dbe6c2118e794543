"""The confusion matrix, made small enough to be read, and its largest entries."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from meanap.detection.confusion import Confusion
from meanap.detection.result import Result
from meanap.plot._canvas import Size, Style, axes, shortened, styled

__all__ = ["confusion"]


@styled
def confusion(
    found: Result | Confusion,
    kind: Literal["matrix", "pairs"] = "matrix",
    *,
    iou: float = 0.5,
    score: float | None = None,
    classes: int | None = 20,
    pairs: int = 20,
    ax: Any = None,
    size: Size = None,
    style: Style = "screen",
) -> Any:
    """The confusion matrix: rows are true classes, columns predicted classes; or its largest entries.

    Colour is the fraction of the row, numbers are counts. Of many classes only those in the largest confusions are
    shown, the most confused first; the others are added up in one row and one column, so every object and detection is
    counted.

    Parameters
    ----------
    found : Result or Confusion
    kind : {"matrix", "pairs"}
        The matrix, or bars of the most frequent pairs of two classes that are confused.
    iou, score
        Where `found` is a result: what `Result.confusion` takes.
    classes
        How many the matrix shows; None for all.
    pairs
        How many bars there are at most.
    ax
        Axes to draw on; a figure is made without.
    size, style
        Inches of the figure, and ``"paper"`` for small letters and no title.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        There is no such kind.
    ImportError
        There is no matplotlib.
    """
    if kind not in ("matrix", "pairs"):
        raise ValueError(f"kind: expected 'matrix' or 'pairs', found {kind!r}")
    if isinstance(found, Result):
        found = found.confusion(iou, score)
    return _matrix(found, classes, ax, size, style) if kind == "matrix" else _pairs(found, pairs, ax, size, style)


def _matrix(found: Confusion, classes: int | None, ax: Any, size: Size, style: Style) -> Any:
    matrix, names = found.condensed(classes)
    n = len(names)
    side = min(40.0, max(4.5, 2.2 + (0.36 if n <= 40 else 0.16) * n))
    ax, colours = axes(ax, (side, side * 0.92), size, style)
    from matplotlib.colors import LinearSegmentedColormap

    rows = matrix.sum(axis=1, keepdims=True)
    part = matrix / np.where(rows, rows, 1)
    # The square root lifts rare errors out of the background.
    shade = np.sqrt(part)
    cells = LinearSegmentedColormap.from_list("parts", colours.scale)(shade)
    cells[matrix == 0] = (0.5, 0.5, 0.5, 0.06)
    ax.imshow(cells, aspect="auto", interpolation="nearest")
    if n <= 40:
        within = 7.5 if n <= 24 else 5.5
        for i, j in zip(*np.nonzero(matrix), strict=True):
            bright = cells[i, j, :3] @ (0.299, 0.587, 0.114) > 0.55
            ink = "#101010" if bright else "#ffffff"
            ax.text(j, i, _short(int(matrix[i, j])), ha="center", va="center", fontsize=within, color=ink)
    labels = [shortened(name, 18) for name in names]
    letters = "small" if n <= 40 else min(6.5, 0.6 * 72 * side / n)
    ax.set_xticks(range(n), labels, rotation=90, fontsize=letters)
    ax.set_yticks(range(n), labels, fontsize=letters)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.axhline(n - 1.5, color=colours.faint, linewidth=1)
    ax.axvline(n - 1.5, color=colours.faint, linewidth=1)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    threshold = f", score threshold {found.score:g}" if np.isfinite(found.score) else ""
    ax.set_title(f"Confusion at IoU {found.iou:g}{threshold}")
    return ax


def _pairs(found: Confusion, pairs: int, ax: Any, size: Size, style: Style) -> Any:
    table = found.pairs(background=False)
    shown = min(pairs, len(table))
    ax, colours = axes(ax, (6.4, max(2.0, 1.0 + 0.24 * shown)), size, style)
    ax.barh(np.arange(shown), table["count"][:shown], 0.72, color=colours.series[1], alpha=0.75)
    labels = []
    for place in range(shown):
        row = table[place]
        labels.append(f"{shortened(row['truth'], 18)} as {shortened(row['detected'], 18)}")
        label = f"{row['count']:,} ({row['fraction']:.1%})"
        ax.annotate(label, (row["count"], place), (4, 0), textcoords="offset points", va="center",
                    fontsize="x-small", color=colours.ink)  # fmt: skip
    ax.set_yticks(np.arange(shown), labels, fontsize="small")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(max(shown, 1) - 0.4, -0.6)
    ax.margins(x=0.16)
    ax.set_xlabel("objects (fraction of the class)")
    ax.set_title(f"{found.misclassified:,} misclassified objects")
    return ax


def _short(count: int) -> str:
    return str(count) if count < 10_000 else f"{count / 1000:.0f}k"
