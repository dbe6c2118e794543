"""Numbers side by side: classes, errors, two models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from meanap.detection.errors import Errors
from meanap.detection.result import Result
from meanap.plot._canvas import Size, Style, axes, shortened, styled
from meanap.statistics import Comparison, Difference, verdict_of

__all__ = ["comparison", "difference", "errors", "per_class"]


@styled
def per_class(
    result: Result,
    name: str = "ap",
    *,
    confidence: float = 0.95,
    resamples: int = 200,
    classes: int | None = 40,
    ax: Any = None,
    size: Size = None,
    style: Style = "screen",
) -> Any:
    """A number of each class with its interval, the best first; the dotted line is the mean of the classes.

    Of more than `classes` classes those with the most objects are shown, and a line says how many are not. With
    ``resamples=0`` no intervals are drawn. Returns the axes.

    Raises
    ------
    ImportError
        There is no matplotlib.
    """
    if resamples:
        table = result.interval([name], confidence, resamples).per_class
        names, value, low, high = table["name"], table["value"], table["low"], table["high"]
    else:
        names = result.scores.named(result.category_ids)["name"]
        value = result.scores.by_class(name)
        low = high = np.full(len(value), math.nan)
    there = np.flatnonzero(~np.isnan(value))
    left_out = 0
    if classes is not None and len(there) > classes:
        left_out = len(there) - classes
        objects = np.asarray(result.per_class["objects"])
        there = np.sort(there[np.argsort(-objects[there], kind="stable")][:classes])
    order = there[np.argsort(-value[there], kind="stable")]
    places = np.arange(len(order))
    ax, colours = axes(ax, (6.4, max(2.4, 1.1 + 0.19 * (len(order) + bool(left_out)))), size, style)
    rows = (value[order], low[order], high[order])
    ax.hlines(places, 0, rows[0], color=colours.grid, linewidth=0.8)
    ax.hlines(places, rows[1], rows[2], color=colours.series[0], linewidth=2.4, alpha=0.55)
    ax.plot(rows[0], places, "o", color=colours.series[0], markersize=4)
    labels = [shortened(names[i]) for i in order]
    if left_out:
        labels.append(f"({left_out:,} with fewer objects)")
        places = np.append(places, len(order))
    ax.set_yticks(places, labels, fontsize="small")
    ax.set_ylim(len(places) - 0.4, -0.6)
    ax.set_xlim(0, 1)
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="x", color=colours.grid, linewidth=0.7)
    mean = result.number(name)
    if not math.isnan(mean):
        ax.axvline(mean, color=colours.series[1], linestyle=":", linewidth=1.4)
        ax.annotate(f"{mean:.3f}", (mean, 1), (3, 1), xycoords=("data", "axes fraction"), textcoords="offset points",
                    color=colours.series[1], fontsize="small", va="bottom")  # fmt: skip
    intervals = f", {confidence:.0%} intervals" if resamples else ""
    ax.set_xlabel(f"{_called(name)} of each class{intervals}")
    return ax


@styled
def comparison(
    found: Comparison,
    *,
    per_class: bool = False,
    classes: int | None = 40,
    names: tuple[str, str] | None = None,
    ax: Any = None,
    size: Size = None,
    style: Style = "screen",
) -> Any:
    """Differences, candidate minus baseline, with their intervals: right of the line the candidate is better.

    A filled mark is a significant difference, a hollow one is not. `names` are those of the baseline and the candidate,
    by default their files. With `per_class` the rows are at most so many `classes`: those with significant differences
    before the others, of each kind the greatest. Returns the axes.

    Raises
    ------
    ImportError
        There is no matplotlib.
    """
    table = found.per_class if per_class else found
    labels = list(table["name"] if per_class else table["number"])
    difference, low, high, better = (table[name] for name in ("difference", "low", "high", "better"))
    there = np.flatnonzero(~np.isnan(difference))
    if per_class:
        unsure = (low[there] <= 0) & (high[there] >= 0)
        there = there[np.lexsort((-np.abs(difference[there]), unsure))]
        left_out = max(0, len(there) - classes) if classes is not None else 0
        there = there[: len(there) - left_out]
        there = there[np.argsort(-difference[there], kind="stable")]
    ax, colours = axes(ax, (6.4, max(2.2, 1.2 + 0.24 * len(there))), size, style)
    for place, i in enumerate(there):
        judged = verdict_of({"low": low[i], "high": high[i], "better": better[i]})
        sure = judged != "no different"
        colour = {"better": colours.good, "worse": colours.bad}.get(judged, colours.faint)
        ax.hlines(place, low[i], high[i], color=colour, linewidth=2.2, alpha=0.8)
        ax.plot(difference[i], place, "o", color=colour, markersize=6,
                markerfacecolor=colour if sure else ax.get_facecolor())  # fmt: skip
    ax.axvline(0, color=colours.ink, linewidth=0.9)
    ax.set_yticks(range(len(there)), [shortened(labels[i]) for i in there], fontsize="small")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(max(len(there), 1) - 0.4, -0.6)
    ax.grid(True, axis="x", color=colours.grid, linewidth=0.7)
    bounds = np.concatenate([low[there], high[there], difference[there]])
    reach = float(np.nanmax(np.abs(bounds))) if len(bounds) and not np.isnan(bounds).all() else 0.0
    reach = 1.08 * reach if reach > 0 else 0.01
    ax.set_xlim(-reach, reach)
    first, second = (shortened(name) for name in names or found.names)
    ax.set_xlabel(f"← {first} better | {second} better →")
    ax.set_title(f"{second} against {first}")
    return ax


def _called(name: str) -> str:
    return name.upper().replace("_", " ")


@styled
def errors(
    found: Result | Errors,
    *,
    iou: float = 0.5,
    ax: Any = None,
    size: Size = None,
    style: Style = "screen",
) -> Any:
    """AP loss of each error type: the gain if it were corrected, and the count.

    The last two are the loss of all false positives and of all false negatives. Returns the axes.

    Raises
    ------
    ImportError
        There is no matplotlib.
    """
    if isinstance(found, Result):
        found = found.errors(iou)
    table = found.table
    cost = np.nan_to_num(np.asarray(table["dap"], dtype=np.float64))
    labels = [str(name).replace("_", " ") for name in table["error"]]
    # A gap between the error types and the two sums.
    sums = np.array([name in ("false positives", "false negatives") for name in labels])
    places = np.arange(len(labels)) + 0.6 * sums
    ax, colours = axes(ax, (6.0, 3.4), size, style)
    ax.barh(places, cost, 0.72, color=[colours.faint if whole else colours.series[1] for whole in sums], alpha=0.8)
    for place, value, count in zip(places, cost, table["count"], strict=True):
        ax.annotate(f"{value:.3f}  ({int(count):,})", (max(value, 0), place), (4, 0), textcoords="offset points",
                    va="center", fontsize="small", color=colours.ink)  # fmt: skip
    ax.set_yticks(places, labels)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(max(places, default=0) + 0.6, -0.6)
    ax.set_xlim(min(0.0, cost.min(initial=0.0)), 1.3 * max(cost.max(initial=0.0), 0.01))
    ax.set_xlabel("AP loss (count)")
    ap = "–" if math.isnan(found.ap) else f"{found.ap:.3f}"
    ax.set_title(f"Errors at IoU {found.iou:g}: AP {ap}")
    return ax


@styled
def difference(
    found: Difference,
    *,
    ax: Any = None,
    size: Size = None,
    style: Style = "screen",
) -> Any:
    """From one tool's number to the other's: a step for each factor, in the order in which they were changed.

    Returns the axes.

    Raises
    ------
    ImportError
        There is no matplotlib.
    """
    values = np.array([found.baseline, *found["value"], found.candidate], dtype=np.float64)
    changes = np.asarray(found["change"], dtype=np.float64)
    first, second = (shortened(name) for name in found.names)
    labels = [first, *(shortened(factor, 32) for factor in found["factor"]), second]
    ax, colours = axes(ax, (6.4, max(2.2, 1.2 + 0.34 * len(labels))), size, style)
    ends = (0, len(labels) - 1)
    ax.barh(ends, values[list(ends)], 0.66, color=colours.series[0], alpha=0.75)
    for place, (before, change) in enumerate(zip(values, changes, strict=False), 1):
        ax.barh(place, change, 0.66, left=before, color=colours.good if change > 0 else colours.bad, alpha=0.9)
        ax.vlines(before, place - 0.67, place + 0.33, color=colours.faint, linewidth=0.8)
    texts = [f"{values[0]:.4f}", *(f"{change:+.4f}" for change in changes), f"{values[-1]:.4f}"]
    right = np.fmax(values, np.append(values[:1], values[:-1]))
    for place, (x, text) in enumerate(zip(right, texts, strict=True)):
        ax.annotate(text, (np.nan_to_num(x), place), (4, 0), textcoords="offset points", va="center",
                    fontsize="small", color=colours.ink)  # fmt: skip
    ax.set_yticks(range(len(labels)), labels)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    # Steps are small beside the numbers: the axis begins near them.
    there = values[~np.isnan(values)]
    low, high = (there.min(), there.max()) if len(there) else (0.0, 1.0)
    reach = max(high - low, 0.002)
    ax.set_xlim(max(0.0, low - 0.5 * reach), high + 0.35 * reach)
    ax.set_xlabel(f"{_called(found.number)} (axis does not start at 0)")
    ax.set_title(f"From {first} to {second}: {found.difference:+.4f}")
    return ax
