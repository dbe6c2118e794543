"""The summary of an evaluation: its numbers, their order and their text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from meanap._arrays import kind_of
from meanap._summary import Row, line, rows_of


def summarize(
    params: Any, evaluation: dict[str, Any], rows: Sequence[Row] | None = None, number: str = "0.3f"
) -> np.ndarray:
    """Prints the summary and returns its numbers, ``(12,)`` or for keypoints ``(10,) float64``.

    Parameters
    ----------
    params
        The parameters of the curves.
    evaluation
        The curves.
    rows
        Other lines than those.
    number
        The format of a number.
    """
    rows = rows_of(params.iouType) if rows is None else rows
    stats = np.zeros(len(rows))
    for i, row in enumerate(rows):
        stats[i] = _summarize_row(params, evaluation, row, number)
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
        raise ValueError(f"params.iouThrs is {kind_of(thresholds)}, expected a numpy.ndarray: {error}") from error


def _summarize_row(p: Any, evaluation: dict[str, Any], row: Row, number: str) -> float:
    limit = row.limit if row.fixed else _limit(p.maxDets, row.limit)
    values = evaluation["precision" if row.precision else "recall"]
    if row.threshold is not None:
        # Compared exactly: a threshold that is not on the grid is not found.
        values = values[_places(row.threshold, p.iouThrs)]
    areas = [i for i, name in enumerate(p.areaRngLbl) if name == row.area]
    limits = [i for i, value in enumerate(p.maxDets) if value == limit]
    try:
        # One of each, as nearly always: a view, where lists would copy. Not of an array without elements, where NumPy
        # below 2.0 takes any place that is in a list.
        one = len(areas) == len(limits) == 1 and values.size
        values = values[..., areas[0], limits[0]] if one else values[..., areas, limits]
    except IndexError as error:
        for name, places, axis, what in (("areaRngLbl", areas, -2, "area ranges"), ("maxDets", limits, -1, "limits")):
            if places and places[-1] >= values.shape[axis]:
                beyond = f"params.{name} has an entry {places[-1]}, the curves are of {values.shape[axis]} {what}"
                raise IndexError(f"{beyond} (params.areaRng)" if name == "areaRngLbl" else beyond) from error
        raise
    present = values[values > -1]
    mean = np.mean(present) if len(present) else -1

    print(line(row, p.iouThrs, limit, mean, number))
    return mean
