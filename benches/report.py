"""The comparison as a Markdown table."""

import os
import platform
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path


def markers(table: str) -> tuple[str, str]:
    """What a table of that name stands between."""
    return f"<!-- {table}:start -->", f"<!-- {table}:end -->"


@dataclass(frozen=True)
class Outcome:
    """What one tool made of one workload: medians over the rounds, or an error."""

    workload: str
    about: str
    tool: str
    seconds: float = 0.0
    peak: float = 0.0
    beside: bool = False
    rounds: int = 0
    digits: int | None = None
    difference: str | float | None = None
    error: str | None = None


def markdown(outcomes: list[Outcome]) -> str:
    """A row for each workload, a column for each tool, and below it notes on single
    cells."""
    rows = list(dict.fromkeys((outcome.workload, outcome.about) for outcome in outcomes))
    tools = list(dict.fromkeys(outcome.tool for outcome in outcomes))
    cells = {(outcome.workload, outcome.tool): outcome for outcome in outcomes}
    notes: list[str] = []
    lines = ["| | " + " | ".join(_heading(tool) for tool in tools) + " |", "|---|" + "---:|" * len(tools)]
    for name, about in rows:
        ours = cells.get((name, "meanap"))
        entries = [_cell(cells.get((name, tool)), ours, notes) for tool in tools]
        lines.append(f"| `{name}`: {about} | " + " | ".join(entries) + " |")
    lines += ["", _facts(outcomes), *[f"- {note}" for note in notes]]
    return "\n".join(lines) + "\n"


# The packages of tools that go by another name.
PACKAGES = {"pytrec_eval": "pytrec-eval-terrier", "tensorflow": "tensorflow-cpu"}


def _heading(tool):
    if tool == "meanap":
        return tool
    try:
        return f"{tool} {metadata.version(PACKAGES.get(tool, tool))}"
    except metadata.PackageNotFoundError:
        return tool


def _cell(outcome, ours, notes):
    if outcome is None:
        return "–"
    if outcome.error is not None:
        if outcome.error != "not installed":
            notes.append(f"`{outcome.workload}`, {outcome.tool}: {outcome.error}")
        return "not installed" if outcome.error == "not installed" else "failed"
    ratio = ""
    if ours is not None and ours is not outcome and ours.error is None:
        ratio = f" ({outcome.seconds / ours.seconds:.1f}x)"
    mark = ""
    if outcome.difference is not None:
        mark = " ≠"
        what = outcome.difference
        told = f"`stats` off by {what:.1e}" if isinstance(what, float) else f"`{what}` not the same bits"
        notes.append(f"≠ `{outcome.workload}`, {outcome.tool}: {told}")
    plus = "+" if outcome.beside else ""
    text = (
        f"{outcome.seconds:.{2 if outcome.seconds >= 0.1 else 3}f} s{ratio}, {plus}{outcome.peak / 1e6:,.0f} MB{mark}"
    )
    return f"**{text}**" if outcome is ours else text


def _facts(outcomes):
    rounds = max((outcome.rounds for outcome in outcomes), default=0)
    if all(outcome.beside for outcome in outcomes):
        measured = (
            "Seconds of the work on input that is in memory already, how many times meanap's, and peak memory beside "
            "it; "
        )
    else:
        measured = (
            "Seconds from opening the files to `stats`, how many times meanap's, and peak memory of the process "
            "(with a +: beside input that is in memory already); "
        )
    digits = {outcome.digits for outcome in outcomes}
    exactly = "bit by bit" if digits == {None} else f"to {min(digits - {None})} decimals"
    return (
        f"{measured}median of {rounds} rounds in turn, the reference once. {_processor()}, {os.cpu_count()} CPUs, "
        f"{platform.system()}, Python {platform.python_version()}, NumPy {metadata.version('numpy')}, "
        f"{date.today():%Y-%m-%d}. Every answer is compared with the reference's {exactly}; ≠ marks a "
        "difference."
    )


def _processor():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def write_between_markers(path: Path, table: str, name: str = "bench"):
    """Replace what stands between the markers of a table of a Markdown file."""
    begin_mark, end_mark = markers(name)
    text = path.read_text(encoding="utf-8")
    begin, end = text.find(begin_mark), text.find(end_mark)
    if not 0 <= begin < end:
        raise ValueError(f"{path}: no {begin_mark} … {end_mark}")
    path.write_text(f"{text[: begin + len(begin_mark)]}\n{table}{text[end:]}", encoding="utf-8")
