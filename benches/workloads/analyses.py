"""What follows an evaluation: checks of the files, error types, confidence intervals, a comparison of two detectors."""

from tools import analyses
from workloads import Workload


def _workload(name, about, entrants, reference):
    return Workload(
        name=name,
        about=about,
        data="val-bbox-pair",
        make=analyses.make,
        entrants=entrants,
        reference=reference,
        table="analyses",
        digits=analyses.DIGITS,
    )


WORKLOADS = [
    _workload("val-check", "the files of 43,000 boxes, checked", analyses.CHECK, "hotcoco"),
    _workload("val-errors", "error types of 43,000 boxes, from files", analyses.ERRORS, "hotcoco"),
    _workload("val-intervals", "AP of 43,000 boxes on 1,000 resamples, from files", analyses.INTERVALS, "numpy"),
    _workload(
        "val-compare",
        "two detectors of 43,000 boxes compared on 100 resamples, from files",
        analyses.COMPARE,
        "hotcoco",
    ),
]
