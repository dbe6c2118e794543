"""Draws the plots of these pages: ``python docs/pictures.py [FOLDER]``, by default docs/images.

All plots are drawn by `meanap.plot` from generated data with a fixed seed, once for light and once for dark pages.
Requires ``pip install 'meanap[plot]'``.
"""

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
    }


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
