"""`meanap compare`: whether a candidate is better than the baseline on the same images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meanap._printable import on_one_line
from meanap.cli import gate, groups, inputs, numbers, output, terminal

if TYPE_CHECKING:
    from meanap.detection import Comparison, Result
    from meanap.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Compare a candidate's detections with a baseline's by a paired bootstrap over the images. "
        "Differences are the candidate minus the baseline. The verdict is about the first number; the exit code is "
        f"{gate.SHUT} if the candidate is significantly worse, 0 if it is better or no different."
    )
    parser.add_argument("ground_truth", type=groups.path, metavar="GROUND_TRUTH")
    parser.add_argument("baseline", type=groups.path, metavar="BASELINE", help="detections to compare with")
    parser.add_argument("candidate", type=groups.path, metavar="CANDIDATE", help="detections to compare")
    groups.add_protocol(parser)
    groups.add_slices(parser)
    parser.add_argument("--numbers", type=gate.names, metavar="ap,ap50", help="default: all of the summary")
    parser.add_argument("--margin", type=numbers.fraction, default=0.0, metavar="0.005", help="tolerated drop (0)")
    parser.add_argument("--per-class", action="store_true", help="a row for each category, the greatest change first")
    groups.add_sampling(parser)
    groups.add_output(parser, "all numbers", "print the verdict only")
    groups.add_progress(parser)
    parser.epilog = groups.examples(
        "meanap compare instances.json old.json boxes.json",
        "meanap compare instances.json old.json boxes.json --numbers ap50 --per-class --output-format markdown",
    )
    parser.set_defaults(run=run)


def _evaluated(files: inputs.Inputs, path: Path) -> Result:
    """The evaluation of a file, without what a comparison does not read."""
    result = files.evaluate(path)
    result.scores.release()
    return result


def run(options: argparse.Namespace) -> int:
    """Compare, print, write, judge."""
    import meanap
    from meanap import statistics

    rules = groups.protocol_of(options)
    groups.check_numbers(options.numbers or [], rules)
    files = inputs.Inputs(options, rules)
    baseline, candidate = (_evaluated(files, path) for path in (options.baseline, options.candidate))
    found = meanap.compare(
        baseline,
        candidate,
        options.numbers,
        confidence=options.confidence,
        resamples=options.resamples,
        progress=groups.shows_progress(options),
    )
    verdict = statistics.verdict_of(found[0], options.margin)
    tables = [text(found, "number")]
    if options.per_class:
        tables.append(text(by_change(found.per_class), "name"))
    if len(found.slices):
        tables.append(text(found.slices, "slice"))
    line = one_line(found[0], verdict, options)
    # A blank line between tables and verdict.
    lines = [line] if options.quiet or options.output_format else ["", line]
    output.emit(
        options,
        *tables,
        table=lambda: by_change(found.per_class) if options.per_class else found,
        lines=lines,
        value=lambda: as_json(found, verdict, options, candidate),
    )
    return gate.SHUT if verdict == "worse" else 0


def one_line(row: dict[str, Any], verdict: str, options: argparse.Namespace) -> str:
    """The verdict with its interval."""
    difference = (
        f"{row['number']} {gate.figure(row['difference'], '+.4f')} {gate.span(row['low'], row['high'], '+.4f')}"
    )
    word = "FAIL" if verdict == "worse" else "PASS"
    sure = f"{options.confidence:.0%}, p = {gate.figure(row['p'], '.3f')}"
    return f"{word}  {options.candidate.name} is {verdict} than {options.baseline.name}: {difference} ({sure})".replace(
        "different than", "different from"
    )


def by_change(table: Table) -> Table:
    """The rows of a table, the greatest change first."""
    import numpy as np

    from meanap.table import Table

    order = np.argsort(-np.nan_to_num(np.abs(table["difference"]), nan=-1.0), kind="stable")
    return Table({name: [column[i] for i in order] for name, column in table.columns.items()})


def text(table: Table, first: str) -> str:
    """A table as text in columns; a star stands for a significant difference."""
    lines = [["", "baseline", "candidate", "difference", "low", "high", "p", ""]]
    for row in table:
        numbers = [gate.figure(row[name]) for name in ("baseline", "candidate")]
        changes = [gate.figure(row[name], "+.4f") for name in ("difference", "low", "high")]
        star = "*" if row["low"] > 0 or row["high"] < 0 else ""
        lines.append([on_one_line(row[first]), *numbers, *changes, gate.figure(row["p"], ".3f"), star])
    return terminal.columns(lines)


def as_json(found: Comparison, verdict: str, options: argparse.Namespace, result: Result) -> dict[str, Any]:
    """The fields of the JSON."""
    return {
        "verdict": verdict,
        "passed": verdict != "worse",
        "similarity": result.similarity,
        "protocol": result.protocol.name,
        "images": len(result.image_ids),
        "confidence": options.confidence,
        "resamples": options.resamples,
        "margin": options.margin,
        "numbers": found,
        "per_class": found.per_class,
        **({"slices": found.slices} if len(found.slices) else {}),
    }
