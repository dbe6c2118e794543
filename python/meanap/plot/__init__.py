"""Plots of an evaluation's results. Requires matplotlib: ``pip install 'meanap[plot]'``.

Each function draws on the axes given as ``ax``, or creates a figure, and returns the axes: titles, limits and files are
set with matplotlib. Colours suit the background of the axes, so ``plt.style.use("dark_background")`` is enough for
dark pages; lines differ in stroke as well as in colour, for print.

>>> import meanap
>>> from meanap import plot
>>> result = meanap.evaluate("instances.json", "boxes.json")
>>> ax = plot.precision_recall(result)  # doctest: +SKIP
>>> ax.figure.savefig("curve.svg")  # doctest: +SKIP
"""

from meanap.plot._bars import comparison, difference, errors, per_class
from meanap.plot._curves import calibration, f1, froc, precision_recall
from meanap.plot._matrix import confusion

__all__ = [
    "calibration",
    "comparison",
    "confusion",
    "difference",
    "errors",
    "f1",
    "froc",
    "per_class",
    "precision_recall",
]
