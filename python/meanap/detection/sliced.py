"""The results of slices, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._keywords import suggesting
from meanap.protocol import SummaryRow
from meanap.statistics import Interval
from meanap.table import Table

if TYPE_CHECKING:
    from meanap.detection.result import Result
    from meanap.statistics import Intervals

__all__ = ["Slices"]


class Slices(Table):
    """One row for each slice of the images: ``slice``, its name; ``images``, ``objects``, ``detections``; the summary.

    A slice's numbers are those of an evaluation of its images alone.

    Attributes
    ----------
    results : dict
        The `Result` of each slice, by its name.

    >>> import meanap
    >>> truth = [{"boxes": [[0, 0, 9, 9]], "labels": [1], "weather": name} for name in ("rain", "sun")]
    >>> found = [{"boxes": [[0, 0, 9, end]], "labels": [1], "scores": [0.9]} for end in (6, 9)]
    >>> slices = meanap.evaluate(truth, found, slices="weather").slices
    >>> [(row["slice"], row["images"], round(row["ap"], 3)) for row in slices]
    [('weather=rain', 1, 0.4), ('weather=sun', 1, 1.0)]
    """

    def __init__(self, results: Mapping[str, Result]) -> None:
        self.results: dict[str, Result] = dict(results)
        several = list(self.results.values())
        columns: dict[str, Any] = {"slice": list(self.results)}
        columns["images"] = np.array([result.scores.image_count for result in several], dtype=np.int64)
        columns["objects"] = np.array([_objects(result) for result in several], dtype=np.int64)
        columns["detections"] = np.array([int(r.scores.detections.sum()) for r in several], dtype=np.int64)
        for name in several[0] if several else ():
            columns[name] = np.array([result[name] for result in several], dtype=np.float64)
        super().__init__(columns)

    @suggesting()
    def interval(
        self,
        names: str | SummaryRow | Sequence[str | SummaryRow] | None = None,
        confidence: float = 0.95,
        resamples: int = 1000,
        *,
        seed: int = 0,
        progress: bool | Callable[[int, int], object] = False,
    ) -> Table:
        """Bootstrap confidence intervals over the images of each slice.

        Parameters
        ----------
        names
            One number, several, or None for the first of the summary.
        confidence, resamples, seed, progress
            As for `Result.interval`.

        Returns
        -------
        Table
            ``slice``, ``number``, ``value``, ``low``, ``high`` and ``error``: a row for each number of each slice.

        Raises
        ------
        ValueError
            `confidence` or `resamples` is out of range.
        """
        rows: list[tuple[str, str, float, float, float, float]] = []
        for slice, result in self.results.items():
            wanted: Any = next(iter(result)) if names is None else names
            found: Interval | Intervals = result.interval(wanted, confidence, resamples, seed=seed, progress=progress)
            if isinstance(found, Interval):
                rows.append((slice, found.name, found.value, found.low, found.high, found.error))
            else:
                rows += [(slice, *(row[name] for name in ("number", *_BOUNDS))) for row in found]
        several: Any = list(zip(*rows, strict=True)) or [[]] * 6
        columns = {"slice": list(several[0]), "number": list(several[1])}
        numbers = {name: np.array(column, dtype=np.float64) for name, column in zip(_BOUNDS, several[2:], strict=True)}
        return Table({**columns, **numbers}, f"{confidence:.0%} intervals, {resamples} resamples")


_BOUNDS = ("value", "low", "high", "error")


def _objects(result: Result) -> int:
    """How many objects are not ignored."""
    return int(result.scores.objects[:, result.protocol.area_index("all")].sum())
