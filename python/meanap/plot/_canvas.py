"""Axes to draw on, and colours that are distinguishable on them."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar

import numpy as np

from meanap._arrays import kind_of
from meanap._keywords import suggesting
from meanap.errors import MissingPackageError

__all__ = ["Colours", "Size", "Style", "axes", "label_lines", "shortened", "styled"]

#: Width and height in inches; None for those of the plot and its style.
Size: TypeAlias = "tuple[float, float] | None"
Style: TypeAlias = Literal["screen", "paper"]

P = ParamSpec("P")
T = TypeVar("T")

#: The width of a column of a paper with two, in inches, and settings for it: small letters, thin lines.
_COLUMN = 3.35
_PAPER: Any = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
}

#: Hues that are distinguishable with any colour vision; darker on white, lighter on black.
_ON_LIGHT = ("#0b63a5", "#c44e12", "#08795a", "#8f3f97", "#8a6500", "#2f8fb8", "#a3174d", "#555555")
_ON_DARK = ("#63b3ff", "#ff9a62", "#45d6a4", "#e09bea", "#e6bf4a", "#9adcff", "#ff86ab", "#c4c4c4")
_STROKES = ("-", (0, (5, 1.6)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 3)))


@dataclass(frozen=True)
class Colours:
    """What to draw with on some background."""

    dark: bool
    series: tuple[str, ...]
    ink: str
    faint: str
    grid: str
    good: str
    bad: str
    #: From a small part to the whole.
    scale: tuple[str, ...]

    def line(self, index: int) -> dict[str, Any]:
        """Colour and stroke of the line at `index`."""
        return {"color": self.series[index % len(self.series)], "linestyle": _STROKES[index % len(_STROKES)]}


_LIGHT = Colours(
    False, _ON_LIGHT, "#1b1b1b", "#6f6f6f", "#dedede", "#0b63a5", "#c44e12", ("#e3edf7", "#6ba6d6", "#08447f")
)
_DARK = Colours(
    True, _ON_DARK, "#f2f2f2", "#a0a0a0", "#3d3d3d", "#63b3ff", "#ff9a62", ("#1d2b3a", "#2a6cab", "#a5d6ff")
)


#: What returns what is drawn.
_MADE_BY = {
    "Result": "meanap.evaluate",
    "Comparison": "meanap.compare",
    "Difference": "meanap.explain_difference",
    "Errors": "Result.errors",
    "Confusion": "Result.confusion",
}


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Draws with the settings of the keyword `style`: for papers letters are small and there is no title.

    The first argument is what its annotation says, or the plot raises a `TypeError`.
    """
    first = next(iter(inspect.signature(draw).parameters.values()))
    takes_several = "Mapping" in str(first.annotation)
    kinds = sorted(kind for kind in _MADE_BY if re.search(rf"\b{kind}\b", str(first.annotation)))

    def is_drawn(value: object) -> bool:
        return any(made.__name__ in kinds for made in type(value).__mro__)

    def check(given: Any) -> None:
        several = takes_several and isinstance(given, Mapping) and not is_drawn(given)
        for one in [*given.values()] if several else [given]:
            if not is_drawn(one):
                made_by = " or ".join(_MADE_BY[kind] for kind in kinds)
                raise TypeError(f"{first.name}: expected what {made_by} returns, found {kind_of(one)}")

    @suggesting()
    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        if args or first.name in kwargs:
            check(args[0] if args else kwargs[first.name])
        style = kwargs.get("style", "screen")
        if style not in ("screen", "paper"):
            raise ValueError(f"style: expected 'screen' or 'paper', found {style!r}")
        if style == "screen":
            return draw(*args, **kwargs)
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            return draw(*args, **kwargs)
        with plt.rc_context(_PAPER):
            ax: Any = draw(*args, **kwargs)
        # The caption of a paper's figure says what it is.
        ax.set_title("")
        for line in ax.lines:
            line.set_linewidth(0.6 * line.get_linewidth())
            line.set_markersize(0.7 * line.get_markersize())
        answer: T = ax
        return answer

    return drawn


def axes(ax: Any, default: tuple[float, float], size: Size = None, style: Style = "screen") -> tuple[Any, Colours]:
    """The axes given, or those of a new figure of `size` inches, or of the `default` ones; and the colours for them.

    Raises
    ------
    ImportError
        There is no matplotlib.
    """
    try:
        import matplotlib.pyplot as plt
        from matplotlib.colors import to_rgb
    except ImportError as error:
        raise MissingPackageError("meanap.plot needs matplotlib: pip install 'meanap[plot]'") from error
    if ax is None:
        scale = _COLUMN / default[0] if style == "paper" else 1.0
        _, ax = plt.subplots(figsize=size or (default[0] * scale, default[1] * scale), layout="constrained")
    red, green, blue = to_rgb(_background(ax))
    colours = _DARK if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else _LIGHT
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.set_axisbelow(True)
    return ax, colours


def _background(ax: Any) -> Any:
    """The colour behind: the figure's where the axes are clear."""
    colour = ax.get_facecolor()
    return colour if colour[3] > 0.5 else ax.figure.get_facecolor()


def shortened(name: Any, width: int = 24) -> str:
    """A name that fits beside a bar. Dollar signs are escaped, so that they are not read as mathematics."""
    text = " ".join(str(name).split())
    text = text if len(text) <= width else text[: width - 1] + "…"
    return text.replace("$", r"\$")


def label_lines(ax: Any, lines: list[Any]) -> bool:
    """Writes the label of each line beside it, where it is farthest from the others.

    Returns whether there was space for all; if not, nothing is written.
    """
    grid = np.linspace(0.04, 0.96, 93)
    heights = np.array([_heights(ax, line, grid) for line in lines])
    box = ax.get_window_extent()
    letter = ax.figure.dpi / 72 * _points("small")
    places: list[tuple[int, float]] = []
    taken: list[tuple[float, float, float]] = []
    for index, line in enumerate(lines):
        others = np.delete(heights, index, axis=0)
        half = max(1, round(0.5 * 0.62 * letter * len(line.get_label()) / box.width * 92 / 0.92))
        best, found = 0.0, None
        for at in range(half, len(grid) - half):
            span = slice(at - half, at + half + 1)
            for side in (1, -1):
                own = heights[index, span]
                edge = own.max() if side > 0 else own.min()
                y = edge + side * letter / box.height
                if np.isnan(y) or not 0.04 < y < 0.97:
                    continue
                # Its own line is nearer than any other.
                gap = 1.3 * letter / box.height
                distance = np.abs(others[:, span] - y)
                distance = float(np.nanmin(distance)) if distance.size and not np.isnan(distance).all() else 1.0
                clear = all(abs(grid[at] - x) * 92 > half + w or abs(y - other) > 1.2 * gap for x, other, w in taken)
                # Level stretches read best, and labels near the end of their line.
                score = min(distance, 2 * gap) - 0.3 * float(own.max() - own.min()) + 0.02 * grid[at]
                if distance > gap and clear and score > best:
                    best, found = score, (at, y, half)
        if found is None:
            return False
        places.append(found[:2])
        taken.append((grid[found[0]], found[1], found[2]))
    for line, (at, y) in zip(lines, places, strict=True):
        ax.text(grid[at], y, line.get_label(), transform=ax.transAxes, ha="center", va="center", fontsize="small",
                color=line.get_color(), zorder=6)  # fmt: skip
    return True


def _heights(ax: Any, line: Any, grid: np.ndarray) -> np.ndarray:
    """The line's heights over the grid, all as fractions of the axes; NaN where it does not reach."""
    points = ax.transAxes.inverted().transform(ax.transData.transform(np.column_stack(line.get_data())))
    x, y = points[np.argsort(points[:, 0], kind="stable")].T
    return np.interp(grid, x, y, left=np.nan, right=np.nan) if len(x) else np.full(len(grid), np.nan)


def _points(size: str) -> float:
    from matplotlib.font_manager import FontProperties

    return float(FontProperties(size=size).get_size_in_points())
