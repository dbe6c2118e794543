"""What the results over pixels share: their reports."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from meanap._types import PathLike
    from meanap.report.inline import Inline

__all__ = ["PixelResult"]


class PixelResult(abc.ABC):
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
            As of `report`.
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
