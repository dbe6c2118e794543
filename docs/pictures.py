"""Draws the plots of these pages: ``python docs/pictures.py [FOLDER]``, by default docs/images.

All plots are drawn by `meanap.plot` from generated data with a fixed seed, once for light and once for dark pages.
Requires ``pip install 'meanap[plot]'``.
"""

import re
import sys
from pathlib import Path

import meanap
from meanap import generate, plot

FOLDER = Path(__file__).parent / "images"


def pictures():
    """The name of each plot, and the function that draws it."""
    truth = generate.dataset(images=200, seed=11, categories=24)
    found = generate.detections(truth, per_image=40, seed=11)
    result = meanap.evaluate(truth, found)
    # The second model has the same boxes, with lower scores for half of them.
    second = [dict(box, score=box["score"] * (0.35 if i % 2 else 1.0)) for i, box in enumerate(found)]
    other = meanap.evaluate(truth, second)
    compared = meanap.compare(result, other, resamples=200)
    return {
        "curve": lambda: plot.precision_recall(result, "chair"),
        "classes": lambda: plot.precision_recall(result, "each"),
        "thresholds": lambda: plot.precision_recall(result, iou="each"),
        "difference": lambda: plot.difference(meanap.explain_difference(truth, found, "coco", "voc2012")),
        "intervals": lambda: plot.per_class(result, classes=16, resamples=100),
        "f1": lambda: plot.f1(result),
        "calibration": lambda: plot.calibration(result),
        "errors": lambda: plot.errors(result),
        "froc": lambda: plot.froc({"A": result, "B": other}),
        "confusion": lambda: plot.confusion(result, classes=12),
        "comparison": lambda: plot.comparison(compared),
        "overview": lambda: overview(result, other),
        "speed": lambda: speed(Path(__file__).parent / "speed.md"),
    }


def overview(result, other):
    """Three plots of the kind that a result has, side by side."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(1, 3, figsize=(12.6, 3.5), layout="constrained", width_ratios=(1, 1, 1.1))
    plot.precision_recall({"new model": result, "old model": other}, ax=axes[0])
    plot.per_class(result, classes=12, resamples=100, ax=axes[1])
    plot.errors(result, ax=axes[2])
    return axes[0]


def speed(page):
    """The first table of the page about speed: how many times as long as meanap each of the other tools takes."""
    import matplotlib.pyplot as plt

    from meanap.plot._canvas import axes

    lines = re.search(r"<!-- bench:start -->\n(.*?)\n\n", page.read_text(encoding="utf-8"), re.DOTALL)[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    tools = rows[0][2:]
    work, own, times = [], [], []
    for name, meanap_cell, *cells in rows[2:]:
        work.append(name.partition(": ")[2].removesuffix(", to the summary"))
        own.append(meanap_cell.strip("*").partition(",")[0])
        times.append([float(found[1]) if (found := re.search(r"\(([\d.]+)x\)", cell)) else None for cell in cells])
    _, ax = plt.subplots(figsize=(8.6, 0.52 * len(work) + 1.1), layout="constrained")
    ax, colours = axes(ax, (1, 1))
    ax.barh(range(len(work)), [1] * len(work), 0.27, color=colours.series[0], label="meanap")
    for index, tool in enumerate(tools):
        for place, row in enumerate(times):
            if row[index] is not None:
                y = place + 0.29 * (index + 1)
                colour = (colours.faint, colours.series[1])[index % 2]
                ax.barh(y, row[index], 0.27, color=colour, alpha=0.65, label=tool if place == 0 else None)
                ax.annotate(f"{row[index]:g}x", (row[index], y), (3, 0), textcoords="offset points", va="center",
                            fontsize="small", color=colours.ink)  # fmt: skip
    for place, text in enumerate(own):
        ax.annotate(text, (1, place), (3, 0), textcoords="offset points", va="center", fontsize="small",
                    color=colours.series[0], weight="bold")  # fmt: skip
    ax.set_yticks([place + 0.29 for place in range(len(work))], work, fontsize="small")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(work) - 0.1, -0.4)
    ax.set_xlabel("time as a multiple of meanap's")
    ax.legend(loc="lower right", frameon=False, fontsize="small")
    return ax


def main(folder=FOLDER):
    """Draw and write them all."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    drawings = pictures()
    # The same file each time: text stays text, no date, no random names.
    settings = {"svg.fonttype": "none", "svg.hashsalt": "meanap", "figure.dpi": 72}
    for suffix, style in (("", "default"), ("-dark", "dark_background")):
        with plt.style.context(style), plt.rc_context(settings):
            if suffix:
                # The page's own dark grey rather than black.
                plt.rcParams.update({"figure.facecolor": "#0d1117", "axes.facecolor": "#0d1117"})
            for name, draw in drawings.items():
                figure = draw().figure
                background = figure.get_facecolor()
                figure.savefig(folder / f"{name}{suffix}.svg", metadata={"Date": None}, facecolor=background)
                plt.close(figure)


if __name__ == "__main__":
    main(*sys.argv[1:2])
