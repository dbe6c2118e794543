"""Reporting of the progress of long work."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from meanap._printable import on_one_line

__all__ = ["Progress", "reading"]

#: Seconds before the first line on standard error, and between two lines.
_SILENT, _PAUSE = 1.0, 0.2


class Progress:
    """Counts the steps of a work, and reports them.

    Parameters
    ----------
    asked
        False reports nothing, True writes a line on standard error, a function is called with ``(done, total)``.
    total
        How many steps there are.
    what
        What the line calls the work.
    """

    def __init__(self, asked: bool | Callable[[int, int], object], total: int, what: str) -> None:
        self.asked: bool | Callable[[int, int], object] = asked
        self.total: int = total
        self.what: str = what
        self.done: int = 0
        self.start: float = time.perf_counter()
        self.reported: float = self.start
        self.shown: bool = False

    def advance(self, steps: int) -> None:
        """Report that so many more steps are done."""
        self.at(self.done + steps)

    def at(self, done: int, total: int | None = None) -> None:
        """Report how many steps are done, and the total if it has changed."""
        self.done = done
        self.total = self.total if total is None else total
        if callable(self.asked):
            self.asked(self.done, self.total)
        elif self.asked:
            now = time.perf_counter()
            if now - self.start > _SILENT and (now - self.reported > _PAUSE or self.done == self.total):
                self.reported, self.shown = now, True
                rest = (now - self.start) / max(self.done, 1) * (self.total - self.done)
                part = self.done / max(self.total, 1)
                sys.stderr.write(f"\r{self.what}: {part:4.0%}, {rest:.0f} s to go ")
                sys.stderr.flush()

    def part(self, number: int, count: int) -> Callable[[int, int], None]:
        """The function that reports the progress of part `number` of `count` parts of equal size."""
        return lambda done, total: self.at(number * total + done, count * total)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *problem: object) -> None:
        if self.shown:
            sys.stderr.write("\n")


def reading(asked: bool | Callable[[int, int], Any], path: Any) -> Progress:
    """The progress of reading a file, in bytes."""
    return Progress(asked, os.path.getsize(path), f"reading {on_one_line(os.path.basename(os.fspath(path)))}")
