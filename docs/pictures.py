"""Draws the plots of these pages and writes the gallery: ``python docs/pictures.py [FOLDER]``, by default docs.

All plots are drawn by `meanap.plot` from generated data with a fixed seed, once for light and once for dark pages. The
gallery (docs/gallery.md) shows each of them above its code. Requires ``pip install 'meanap[plot]'``.
"""

import re
import sys
from pathlib import Path

import meanap
from meanap import generate, plot

HERE = Path(__file__).parent

#: What the code of the gallery begins with.
DATA = """\
import meanap
from meanap import generate, plot

truth = generate.dataset(images=200, seed=11, categories=24)
found = generate.detections(truth, per_image=40, seed=11)
# The second model has the same boxes, with lower scores for half of them.
weaker = [dict(box, score=box["score"] * (0.35 if i % 2 else 1.0)) for i, box in enumerate(found)]
new, old = meanap.evaluate(truth, found), meanap.evaluate(truth, weaker)
"""

#: The plots of the gallery: a name, what is seen, and the code that draws it and returns axes.
GALLERY = [
    ("curve", "Precision and recall of a class, as measured (thin) and interpolated (thick)",
     'plot.precision_recall(new, "chair")'),
    ("models", "Two models", 'plot.precision_recall({"new model": new, "old model": old})'),
    ("classes", "All classes, the best and the worst of those with enough objects by name",
     'plot.precision_recall(new, "each")'),
    ("thresholds", "All IoU thresholds", 'plot.precision_recall(new, iou="each")'),
    ("f1", "Precision, recall and F1 over the score threshold, with the highest F1", "plot.f1(new)"),
    ("calibration", "Calibration: the fraction of true positives for each range of scores", "plot.calibration(new)"),
    ("froc", "Sensitivity over false positives per image", 'plot.froc({"new model": new, "old model": old})'),
    ("intervals", "The classes with the most objects, with confidence intervals",
     "plot.per_class(new, classes=16, resamples=100)"),
    ("errors", "AP lost to each type of error", "plot.errors(new)"),
    ("confusion", "The confusion matrix of the most confused classes", "plot.confusion(new, classes=12)"),
    ("pairs", "The most frequent confusions", 'plot.confusion(new, "pairs", pairs=10)'),
    ("comparison", "Differences of two models",
     'plot.comparison(meanap.compare(old, new, resamples=200), names=("old model", "new model"))'),
    ("comparison-classes", "Differences of two models in each class",
     'plot.comparison(meanap.compare(old, new, ["ap"], resamples=200), per_class=True, classes=12)'),
    ("difference", "Why two protocols disagree",
     'plot.difference(meanap.explain_difference(truth, found, "coco", "voc2012"))'),
    ("paper", "For papers: as wide as a column, small letters, no title",
     'plot.precision_recall({"new model": new, "old model": old}, style="paper")'),
]  # fmt: skip


INTRODUCTION = """\
`meanap.plot` (`pip install 'meanap[plot]'`) draws the numbers of a result. Each function returns matplotlib axes and
accepts `ax=` to draw on given ones; `size=(6, 4)` is in inches, and `style="paper"` suits a column of a paper. Files of
any kind are written by matplotlib: `axes.figure.savefig("curve.pdf")`, `"curve.svg"`, or `"curve.png", dpi=300`. This
page is written by [pictures.py](pictures.py)."""


def pictures():
    """The name of each plot, and the function that draws it."""
    variables = {"meanap": meanap, "generate": generate, "plot": plot}
    exec(DATA, variables)
    drawings = {name: lambda code=code: eval(code, variables) for name, _, code in GALLERY}
    drawings["overview"] = lambda: overview(variables["new"], variables["old"])
    drawings["speed"] = lambda: speed(HERE / "speed.md")
    return drawings


def gallery():
    """The page that shows the plots with their code."""
    parts = [
        "# Plots",
        INTRODUCTION,
        f"```python\n{DATA}```",
    ]
    for name, text, code in GALLERY:
        picture = (
            '<picture><source media="(prefers-color-scheme: dark)" srcset="images/'
            f'{name}-dark.svg"><img alt="{text}" src="images/{name}.svg"></picture>'
        )
        parts += [f"## {text}", picture, f"```python\n{code}\n```"]
    return "\n\n".join(parts) + "\n"


def overview(result, other):
    """Three plots of the kind that a result has, side by side."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(1, 3, figsize=(12.6, 3.5), layout="constrained", width_ratios=(1, 1, 1.1))
    plot.precision_recall({"new model": result, "old model": other}, ax=axes[0])
    plot.per_class(result, classes=12, resamples=100, ax=axes[1])
    plot.errors(result, ax=axes[2])
    return axes[0]


def speed(page):
    """The first table of the page about speed: how many times as long as meanap its first two other tools take.

    Work that neither of them does is left out, as is the import.
    """
    import matplotlib.pyplot as plt

    from meanap.plot._canvas import axes

    lines = re.search(r"<!-- bench:start -->\n(.*?)\n\n", page.read_text(encoding="utf-8"), re.DOTALL)[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    tools = rows[0][2:4]
    work, own, times = [], [], []
    for name, meanap_cell, *cells in rows[2:]:
        of_tools = [float(found[1]) if (found := re.search(r"\(([\d.]+)x\)", cell)) else None for cell in cells[:2]]
        if name.startswith("`import`") or of_tools == [None, None]:
            continue
        work.append(name.partition(": ")[2].removesuffix(", to the summary"))
        own.append(meanap_cell.strip("*").partition(",")[0])
        times.append(of_tools)
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


def main(place=HERE):
    """Draw and write them all."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    place = Path(place)
    folder = place / "images"
    folder.mkdir(parents=True, exist_ok=True)
    (place / "gallery.md").write_text(gallery(), encoding="utf-8")
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
