"""Reporting of the progress of long work."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from meanap._printable import shown

__all__ = ["Progress", "reading"]

#: Work that is shorter than this many seconds says nothing.
_PATIENCE = 1.0
_PAUSE = 0.2


class Progress:
    """Counts steps. ``asked`` is False (silence), True (a line on standard error), or ``callback(done, total)``."""

    def __init__(self, asked: bool | Callable[[int, int], object], total: int, what: str) -> None:
        self.asked: bool | Callable[[int, int], object] = asked
        self.total: int = total
        self.what: str = what
        self.done: int = 0
        self.start: float = time.perf_counter()
        self.told: float = self.start
        self.shown: bool = False

    def advance(self, steps: int) -> None:
        """Says that so many more steps are done."""
        self.at(self.done + steps)

    def at(self, done: int, total: int | None = None) -> None:
        """Reports how many steps are done, and the current total."""
        self.done = done
        self.total = self.total if total is None else total
        if callable(self.asked):
            self.asked(self.done, self.total)
        elif self.asked:
            now = time.perf_counter()
            if now - self.start > _PATIENCE and (now - self.told > _PAUSE or self.done == self.total):
                self.told, self.shown = now, True
                rest = (now - self.start) / max(self.done, 1) * (self.total - self.done)
                part = self.done / max(self.total, 1)
                sys.stderr.write(f"\r{self.what}: {part:4.0%}, {rest:.0f} s to go ")
                sys.stderr.flush()

    def part(self, number: int, count: int) -> Callable[[int, int], None]:
        """What says how far one of several parts is, each as long as the others."""
        return lambda done, total: self.at(number * total + done, count * total)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *problem: object) -> None:
        if self.shown:
            sys.stderr.write("\n")


def reading(asked: bool | Callable[[int, int], Any], path: Any) -> Progress:
    """Of a file that is read, in bytes."""
    return Progress(asked, os.path.getsize(path), f"reading {shown(os.path.basename(os.fspath(path)))}")
