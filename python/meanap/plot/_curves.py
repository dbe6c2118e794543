"""Curves: precision over recall, precision and recall over score, precision in each range of scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from meanap.detection.operating import Curve
from meanap.detection.result import Result
from meanap.plot._canvas import Colours, Size, Style, axes, label_lines, shortened, styled
from meanap.protocol import SummaryRow

__all__ = ["calibration", "f1", "froc", "precision_recall", "recall_grid"]

#: Recalls at which curves of several classes are averaged, and the longest line that is drawn.
_GRID = np.linspace(0.0, 1.0, 101)
_POINTS = 400
#: More lines than this cannot be distinguished: they are drawn faintly, the best and the worst with a label.
_NAMED = 8
#: So many lines at most have their labels beside them.
_BESIDE = 4
#: The best and the worst classes are named among those with so many objects: the AP of few is accidental.
_ENOUGH = 10


@styled
def precision_recall(
    result: Result | Mapping[str, Result],
    category: Any = None,
    iou: float | Sequence[float] | Literal["each"] = 0.5,
    *,
    ax: Any = None,
    size: Size = None,
    style: Style = "screen",
) -> Any:
    """Precision over recall.

    Parameters
    ----------
    result : Result, or dict of name to Result
        One model, or several to be laid over each other.
    category
        None: the mean of the classes' curves, whose mean height is the AP in the summary. An id or a name: that class,
        as it was measured (thin) and with the greatest precision from each recall on (thick). A list of them: a line
        each. ``"each"``: all classes, the best and the worst three by name.
    iou : float, list of float, or "each"
        One of the evaluated thresholds, several for a line each, or all.
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
        A threshold that was not evaluated; or more than one of models, classes and thresholds are lists.
    KeyError
        There is no such category.
    ImportError
        There is no matplotlib.
    """
    models = {"": result} if isinstance(result, Result) else dict(result)
    if not models:
        raise ValueError("result: expected at least one")
    first = next(iter(models.values()))
    thresholds: Any = list(first.protocol.thresholds) if isinstance(iou, str) and iou == "each" else iou
    several = [len(models) > 1, isinstance(category, (list, tuple)) or category == "each", np.ndim(thresholds) > 0]
    if sum(several) > 1:
        raise ValueError("draw several models, several categories or several thresholds, not two of these at once")
    ax, colours = axes(ax, (6.0, 4.6), size, style)
    if category == "each":
        _each_class(ax, first, float(np.atleast_1d(thresholds)[0]), colours)
    elif np.ndim(thresholds) > 0:
        _thresholds(ax, first, category, [float(t) for t in thresholds], colours)
    else:
        categories = list(category) if isinstance(category, (list, tuple)) else [category]
        alone = len(categories) == 1 == len(models)
        for index, (name, model, id) in enumerate((n, m, c) for n, m in models.items() for c in categories):
            recall, precision, ap = _line(model, id, thresholds)
            look = colours.line(index)
            if alone and id is not None:
                measured = model.precision_recall(id, thresholds)
                kept = _spread(measured.recall)
                ax.plot(measured.recall[kept], measured.precision[kept], color=look["color"], linewidth=0.7, alpha=0.8)
            ax.plot(recall, precision, linewidth=2, label=f"{_title(model, id, name)}: AP {_number(ap)}", **look)
            if alone:
                ax.fill_between(recall, precision, color=look["color"], alpha=0.12, linewidth=0)
    _frame(ax, colours, "recall", "precision")
    if np.ndim(thresholds) > 0:
        ax.set_title(f"Precision and recall: {_title(first, category, '')}")
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize="small")
    else:
        ax.set_title(f"Precision and recall at IoU {thresholds:g}")
        _label(ax, "lower left")
    return ax


@styled
def f1(
    result: Result,
    category: Any = None,
    iou: float = 0.5,
    *,
    ax: Any = None,
    size: Size = None,
    style: Style = "screen",
) -> Any:
    """Precision, recall and F1 over the score threshold; the highest F1 is marked.

    All categories' detections together, or those of one. Returns the axes.

    Raises
    ------
    ImportError
        There is no matplotlib.
    """
    ax, colours = axes(ax, (6.0, 4.6), size, style)
    curve = result.precision_recall(category, iou)
    kept = _spread(curve.score)
    for index, (name, values) in enumerate(
        (("precision", curve.precision), ("recall", curve.recall), ("F1", curve.f_measure()))
    ):
        width = 2.4 if name == "F1" else 1.4
        ax.plot(curve.score[kept], values[kept], label=name, linewidth=width, **colours.line((1, 2, 0)[index]))
    measure = curve.f_measure()
    if len(measure) and not np.isnan(measure).all():
        at = int(np.nanargmax(measure))
        score, best = float(curve.score[at]), float(measure[at])
        ax.plot([score], [best], "o", color=colours.series[0], markersize=7, zorder=5)
        ax.axvline(score, color=colours.faint, linewidth=0.8, linestyle=":")
        right = score < 0.6
        ax.annotate(
            f"F1 {best:.3f} at score threshold {score:.3f}\nprecision {curve.precision[at]:.3f}, "
            f"recall {curve.recall[at]:.3f}",
            (score, best),
            (8 if right else -8, 12),
            textcoords="offset points",
            ha="left" if right else "right",
            fontsize="small",
            color=colours.ink,
            bbox={"facecolor": ax.get_facecolor(), "edgecolor": "none", "alpha": 0.75, "pad": 1.5},
        )
    low, high = (float(curve.score.min()), float(curve.score.max())) if len(curve.score) else (0.0, 1.0)
    _frame(ax, colours, "score threshold", "")
    ax.set_xlim(min(0.0, low), max(1.0, high))
    ax.set_title(f"{_title(result, category, '').capitalize()} at IoU {iou:g}")
    _label(ax, "lower center", ncols=3)
    return ax


@styled
def calibration(
    result: Result,
    category: Any = None,
    iou: float = 0.5,
    *,
    bins: int = 10,
    ax: Any = None,
    size: Size = None,
    style: Style = "screen",
) -> Any:
    """Calibration: the fraction of true positives for each range of scores, with a confidence interval.

    A bar below the diagonal means overconfident scores, one above it underconfident scores. Returns the axes.

    Raises
    ------
    ImportError
        There is no matplotlib.
    """
    found = result.calibration(iou, bins=bins, category=category)
    ax, colours = axes(ax, (6.0, 4.6), size, style)
    table = found.bins
    there = table["detections"] > 0
    middle, width = (table["low"] + table["high"]) / 2, table["high"] - table["low"]
    precision, count = table["precision"][there], table["detections"][there]
    ax.bar(middle[there], precision, width[there] * 0.94, color=colours.series[0], alpha=0.55)
    low, high = _wilson(precision, count)
    ax.errorbar(
        middle[there], precision, [precision - low, high - precision], fmt="none", color=colours.ink, linewidth=1.2
    )
    ax.plot([0, 1], [0, 1], color=colours.series[1], linestyle=(0, (5, 2)), linewidth=1.4,
            label="perfect calibration")  # fmt: skip
    for x, y, n in zip(middle[there], high, count, strict=True):
        ax.annotate(_count(n), (x, y), (0, 3), textcoords="offset points", ha="center", fontsize="x-small",
                    color=colours.faint)  # fmt: skip
    _frame(ax, colours, "score", "fraction of true positives")
    _legend(ax, "upper left")
    ax.set_title(f"Calibration error {_number(found.error)}")
    return ax


@styled
def froc(
    result: Result | Mapping[str, Result],
    category: Any = None,
    iou: float = 0.5,
    *,
    ax: Any = None,
    size: Size = None,
    style: Style = "screen",
) -> Any:
    """How much is found at how many false positives for each image, one line for each model.

    All categories' detections together, or those of one. Points are drawn at 1/8, 1/4, …, 8, and the legend shows their
    mean. Returns the axes.

    Raises
    ------
    ImportError
        There is no matplotlib.
    """
    models = {"": result} if isinstance(result, Result) else dict(result)
    ax, colours = axes(ax, (6.0, 4.6), size, style)
    rates = 2.0 ** np.arange(-3, 4)
    shown = np.geomspace(1 / 16, 16, _POINTS)
    for index, (name, model) in enumerate(models.items()):
        found = model.froc(category, iou)
        look = colours.line(index)
        label = f"{_title(model, category, name)}: mean {_number(found.mean)}"
        ax.plot(shown, [found.at(rate) for rate in shown], linewidth=2, label=label, **look)
        ax.plot(rates, [found.at(rate) for rate in rates], "o", color=look["color"], markersize=4)
    _frame(ax, colours, "false positives per image", "sensitivity")
    ax.set_xscale("log", base=2)
    ax.set_xlim(1 / 16, 16)
    ax.set_xticks(rates, ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    ax.set_title(f"FROC at IoU {iou:g}")
    _label(ax, "lower right")
    return ax


def recall_grid(curve: Curve) -> np.ndarray:
    """The greatest precision from each of 101 recalls on; 0 beyond the last one reached: ``(101,) float64``."""
    heights = np.zeros(len(_GRID))
    if curve.objects and len(curve.score):
        at = np.searchsorted(curve.recall, _GRID)
        reached = at < len(curve.score)
        heights[reached] = curve.envelope[at[reached]]
    return heights


def _line(result: Result, category: Any, iou: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Recall, precision and AP of one class, or of all."""
    t = result.protocol.threshold_index(iou)
    ap = result.number(SummaryRow("ap", threshold=result.protocol.thresholds[t]), category)
    if category is not None:
        curve = result.precision_recall(category, iou)
        if not len(curve.score):
            return np.zeros(1), np.zeros(1), ap
        recall, height = np.append(0.0, curve.recall), curve.envelope
        height = np.append(height[0], height)
        kept = _spread(recall)
        recall, height = recall[kept], height[kept]
        # Beyond the last recall that is reached there is nothing.
        return np.append(recall, recall[-1]), np.append(height, 0.0), ap
    curves = [result.precision_recall(id, iou) for id in result.category_ids]
    lines = [recall_grid(curve) for curve in curves if curve.objects]
    return _GRID, np.mean(lines, axis=0) if lines else np.full(len(_GRID), math.nan), ap


def _each_class(ax: Any, result: Result, iou: float, colours: Colours) -> None:
    lines = [(id, recall_grid(result.precision_recall(id, iou))) for id in result.category_ids]
    t = result.protocol.thresholds[result.protocol.threshold_index(iou)]
    aps = {id: result.number(SummaryRow("ap", threshold=t), id) for id, _ in lines}
    lines = [(id, line) for id, line in lines if not math.isnan(aps[id])]
    lines.sort(key=lambda pair: -aps[pair[0]])
    objects = dict(zip(result.category_ids, result.per_class["objects"], strict=True))
    worth = [pair for pair in lines if objects[pair[0]] >= _ENOUGH]
    worth = worth if len(worth) >= 6 else lines
    named = {id for id, _ in (lines if len(lines) <= _NAMED else worth[:3] + worth[-3:])}
    faint = max(0.12, min(0.6, 12 / max(len(lines), 1)))
    index = 0
    for id, line in lines:
        if id not in named:
            kept = _corners(line)
            ax.plot(_GRID[kept], line[kept], color=colours.faint, linewidth=0.8, alpha=faint)
    for id, line in lines:
        if id in named:
            label = f"{shortened(result.scores.name_of(id))}: AP {_number(aps[id])}"
            ax.plot(_GRID, line, linewidth=1.3, label=label, **colours.line(index + 1))
            index += 1
    if lines:
        recall, precision, ap = _line(result, None, iou)
        label = f"mean of {len(lines)} classes: AP {_number(ap)}"
        ax.plot(recall, precision, linewidth=2.8, label=label, **colours.line(0))


def _thresholds(ax: Any, result: Result, category: Any, thresholds: list[float], colours: Colours) -> None:
    from matplotlib import colormaps

    scale = colormaps["viridis"]
    for index, iou in enumerate(thresholds):
        recall, precision, ap = _line(result, category, iou)
        # The ends of the scale are too pale or too deep for one of the backgrounds.
        place = index / max(len(thresholds) - 1, 1)
        colour = scale(0.30 + 0.65 * place if colours.dark else 0.56 * place)
        stroke = colours.line(index)["linestyle"]
        ax.plot(recall, precision, color=colour, linestyle=stroke, label=f"IoU {iou:g}: AP {_number(ap)}")


def _title(result: Result, category: Any, name: str) -> str:
    if category is None:
        return shortened(name) if name else "all classes"
    what = shortened(result.scores.name_of(result.category_ids[result.scores.position(category)]))
    return f"{shortened(name)}, {what}" if name else what


def _label(ax: Any, place: str, **options: Any) -> None:
    """Labels beside the lines where they are few and there is space, or else a legend."""
    lines = [line for line in ax.lines if not line.get_label().startswith("_")]
    if not 1 < len(lines) <= _BESIDE or not label_lines(ax, lines):
        _legend(ax, place, **options)


def _legend(ax: Any, place: str, **options: Any) -> None:
    if ax.get_legend_handles_labels()[0]:
        background = ax.get_facecolor()
        ax.legend(loc=place, facecolor=background, edgecolor="none", framealpha=0.8, fontsize="small", **options)


def _frame(ax: Any, colours: Colours, x: str, y: str) -> None:
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.04)
    ticks = np.linspace(0, 1, 6)
    ax.set_xticks(ticks)
    ax.set_yticks(ticks)
    ax.grid(True, color=colours.grid, linewidth=0.7)
    ax.set_xlabel(x)
    ax.set_ylabel(y)


def _spread(values: np.ndarray) -> np.ndarray:
    """Positions of at most `_POINTS` values, evenly spread over their range, with both ends."""
    if len(values) <= _POINTS:
        return np.arange(len(values))
    rising = values if values[0] <= values[-1] else -values
    wanted = np.searchsorted(rising, np.linspace(rising[0], rising[-1], _POINTS))
    return np.unique(np.append(wanted, len(values) - 1))


def _corners(values: np.ndarray) -> np.ndarray:
    """Positions of all values but those inside a level stretch."""
    level = values[1:] == values[:-1]
    return np.flatnonzero(~(np.append(False, level) & np.append(level, False)))


def _wilson(part: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95% interval of a proportion, which stays inside 0 and 1."""
    z = 1.96
    centre = (part + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(part * (1 - part) / count + z**2 / (4 * count**2))
    return np.minimum(centre - half, part), np.maximum(centre + half, part)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _count(count: int) -> str:
    if count < 1000:
        return str(int(count))
    return f"{count / 1000:.0f}k" if count < 999_500 else f"{count / 1e6:.1f}M"
