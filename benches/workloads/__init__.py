"""The workloads, a small file each. A new one is a module here with a list `WORKLOADS`; nothing else changes.

Modules here and in `tools` import the measured packages only inside the functions that run them, so that each
child process holds one of them and its memory is its own.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

# What a tool found: named arrays or lists of numbers. Those that the reference also names are compared bit by
# bit.
Answer = Mapping[str, object]

# Given the folder with a workload's files: import the tool, prepare what is given in memory, and return the
# work to be timed. That in turn returns a function that lays the answer out, after the clock has stopped.
Entrant = Callable[[Path], Callable[[], Callable[[], Answer]]]


@dataclass(frozen=True)
class Workload:
    """One row of the table: some work, its files, and who can do it.

    `data` names the folder of the files, which several workloads may share; `make` writes them. `entrants` are the
    tools by name, "meanap" first; `reference` is the one whose answer is expected from all. Where the input is
    `in_memory` before the clock starts, only memory in addition to it is reported. `table` is the table in
    docs/speed.md that the row belongs to. Answers are rounded to so many `digits` before they are compared, if any.
    """

    name: str
    about: str
    data: str
    make: Callable[[Path], None]
    entrants: Mapping[str, Entrant]
    reference: str
    in_memory: bool = False
    table: str = "bench"
    digits: int | None = None


def registry() -> dict[str, Workload]:
    """All workloads by name, in the order of their modules' names."""
    found = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for workload in importlib.import_module(f"workloads.{module}").WORKLOADS:
            found[workload.name] = workload
    return found
