"""What the results over pixels share: their reports, means over classes, and tables as text."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._json import plain
from meanap._printable import on_one_line

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from meanap._types import PathLike
    from meanap.report.inline import Inline

__all__ = ["PixelMeasures", "PixelResult", "class_table", "mean", "percent"]


class PixelMeasures(abc.ABC):
    """Measures over the pixels of images, of which some may have been left out."""

    images: int
    skipped: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and strings, NaN as None: ready for ``json.dump``."""
        fields: dict[str, Any] = plain({**self._fields(), "images": self.images, "skipped": self.skipped})
        return fields

    @abc.abstractmethod
    def _fields(self) -> dict[str, Any]:
        """The measures by name."""

    def _lines_of_skipped(self) -> list[str]:
        """A line of text about what was left out, if anything was."""
        return [f"images {self.images}, skipped {len(self.skipped)}"] if self.skipped else []


class PixelResult(PixelMeasures):
    """Measures over pixels that have a report."""

    def report(
        self,
        path: PathLike,
        *,
        versus: Self | None = None,
        title: str | None = None,
        names: tuple[str, str] = ("baseline", "candidate"),
    ) -> Path:
        """Write an HTML report of this result to `path`: one file, without network access.

        Parameters
        ----------
        path
            The file to write.
        versus
            The result of a baseline: differences are this result minus it.
        title
            Heading; by default the second of `names`.
        names
            What the baseline and this result are called.

        Returns
        -------
        pathlib.Path
            The file that was written.

        Raises
        ------
        ValueError
            `versus` has other classes.
        TypeError
            `versus` is not such a result.
        FileNotFoundError
            The folder to write to is not there.
        """
        from meanap.report import save

        return save(path, lambda: self._report(versus, title, names))

    def show(
        self,
        *,
        versus: Self | None = None,
        title: str | None = None,
        names: tuple[str, str] = ("baseline", "candidate"),
        height: int = 720,
    ) -> Inline:
        """The HTML report of this result within a notebook.

        Parameters
        ----------
        versus, title, names
            As for `report`.
        height
            Height of its frame in pixels.

        Returns
        -------
        meanap.report.inline.Inline
            What a notebook shows if it is the last value of a cell.

        Raises
        ------
        ValueError, TypeError
            As `report`.
        """
        from meanap.report.inline import Inline

        return Inline(self._report(versus, title, names), height)

    def _report(self, versus: Self | None, title: str | None, names: tuple[str, str]) -> str:
        from meanap.report import check_versus

        check_versus(self, versus)
        return self._page(versus, names[1] if title is None else title, names)

    @abc.abstractmethod
    def _page(self, versus: Self | None, title: str, names: tuple[str, str]) -> str:
        """The report as HTML."""


def mean(values: np.ndarray) -> float:
    """The mean of the values that are not NaN; NaN if there is none."""
    there = ~np.isnan(values)
    # As np.nanmean sums, to the last bit, without its warning.
    return float(np.where(there, values, 0).sum() / there.sum()) if there.any() else float("nan")


def percent(number: float) -> str:
    """A fraction as text in per cent, ``-`` for NaN."""
    return "-" if np.isnan(number) else f"{100 * number:.2f}"


def class_table(classes: Sequence[str], columns: Mapping[str, np.ndarray]) -> list[str]:
    """The lines of a table: a heading, a row for each class, and the mean; fractions ``(K,)`` are shown in per cent."""
    names = [*map(on_one_line, classes), "mean"]
    width = max(len("class"), *map(len, names))
    lines = [f"{'class':<{width}}" + "".join(f"{head:>8}" for head in columns)]
    rows = zip(names, *([*values, mean(values)] for values in columns.values()), strict=True)
    return lines + [f"{name:<{width}}" + "".join(f"{percent(x):>8}" for x in numbers) for name, *numbers in rows]
