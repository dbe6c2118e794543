"""Axes to draw on, and colours that are distinguishable on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Colours", "axes", "shortened"]

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


def axes(ax: Any, size: tuple[float, float]) -> tuple[Any, Colours]:
    """The axes given, or those of a new figure of `size` inches; and the colours for them.

    Raises
    ------
    ImportError
        There is no matplotlib.
    """
    try:
        import matplotlib.pyplot as plt
        from matplotlib.colors import to_rgb
    except ImportError as error:
        raise ImportError("meanap.plot needs matplotlib: pip install 'meanap[plot]'") from error
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
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
