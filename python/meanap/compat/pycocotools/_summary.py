"""The summary of an evaluation: its numbers, their order and their text."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class _Row(NamedTuple):
    """One line of the summary. ``limit``: an index into ``maxDets``, or the limit itself if ``fixed``."""

    precision: bool
    threshold: float | None
    area: str
    limit: int
    fixed: bool = False


# The first line is for 100 detections whatever `maxDets` is; the others use its limits.
_DETECTION_ROWS = [
    _Row(True, None, "all", 100, fixed=True),
    _Row(True, 0.5, "all", 2),
    _Row(True, 0.75, "all", 2),
    *(_Row(True, None, area, 2) for area in ("small", "medium", "large")),
    *(_Row(False, None, "all", limit) for limit in range(3)),
    *(_Row(False, None, area, 2) for area in ("small", "medium", "large")),
]
_KEYPOINT_ROWS = [
    _Row(precision, threshold, area, 20, fixed=True)
    for precision in (True, False)
    for threshold, area in ((None, "all"), (0.5, "all"), (0.75, "all"), (None, "medium"), (None, "large"))
]

#: Names of the numbers, in the order of ``stats``.
DETECTION_NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
KEYPOINT_NAMES = ["AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"]


def summarize(params: Any, evaluation: dict[str, Any]) -> np.ndarray:
    """Prints the summary and returns its numbers, ``(12,)`` or for keypoints ``(10,) float64``."""
    rows = _KEYPOINT_ROWS if params.iouType == "keypoints" else _DETECTION_ROWS
    stats = np.zeros(len(rows))
    for i, row in enumerate(rows):
        stats[i] = _summarize_row(params, evaluation, row)
    return stats


def _limit(limits: Any, place: int) -> Any:
    try:
        return limits[place]
    except IndexError:
        count = f"{len(limits)} limits, the summary of boxes and masks is of three"
        raise IndexError(f"params.maxDets is {limits!r:.80}: {count}") from None


def _places(threshold: float, thresholds: Any) -> np.ndarray:
    """Where the threshold is among the thresholds."""
    try:
        return np.where(threshold == thresholds)[0]
    except ValueError as error:
        kind = type(thresholds).__name__
        raise ValueError(f"params.iouThrs is a {kind}, expected a numpy.ndarray: {error}") from error


def _summarize_row(p: Any, evaluation: dict[str, Any], row: _Row) -> float:
    limit = row.limit if row.fixed else _limit(p.maxDets, row.limit)
    values = evaluation["precision" if row.precision else "recall"]
    if row.threshold is not None:
        # Compared exactly: a threshold that is not on the grid is not found.
        values = values[_places(row.threshold, p.iouThrs)]
    areas = [i for i, name in enumerate(p.areaRngLbl) if name == row.area]
    limits = [i for i, value in enumerate(p.maxDets) if value == limit]
    try:
        # One of each, as nearly always: a view, where lists would copy.
        values = values[..., areas[0], limits[0]] if len(areas) == len(limits) == 1 else values[..., areas, limits]
    except IndexError as error:
        for name, places, axis, what in (("areaRngLbl", areas, -2, "area ranges"), ("maxDets", limits, -1, "limits")):
            if places and places[-1] >= values.shape[axis]:
                beyond = f"params.{name} has an entry {places[-1]}, the curves are of {values.shape[axis]} {what}"
                raise IndexError(f"{beyond} (params.areaRng)" if name == "areaRngLbl" else beyond) from error
        raise
    present = values[values > -1]
    mean = np.mean(present) if len(present) else -1

    name, kind = ("Average Precision", "(AP)") if row.precision else ("Average Recall", "(AR)")
    if row.threshold is None:
        iou = f"{p.iouThrs[0]:0.2f}:{p.iouThrs[-1]:0.2f}"
    else:
        iou = f"{row.threshold:0.2f}"
    print(f" {name:<18} {kind} @[ IoU={iou:<9} | area={row.area:>6s} | maxDets={limit:>3d} ] = {mean:0.3f}")
    return mean
