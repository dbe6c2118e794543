"""`meanap eval`: evaluation of a file of detections, under any protocol."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from meanap._printable import on_one_line
from meanap.cli import baseline, benchmarks, gate, groups, inputs, output, terminal

if TYPE_CHECKING:
    from meanap.detection import Result
    from meanap.table import Table

#: Numbers of a slice that are printed.
_NUMBERS = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Evaluate detections (COCO results format) against ground truth (COCO format). Under the protocol coco it "
        "prints the summary that pycocotools prints, with the same numbers."
    )
    parser.add_argument("ground_truth", type=groups.path, metavar="GROUND_TRUTH")
    parser.add_argument("detections", type=groups.path, metavar="DETECTIONS")
    groups.add_protocol(parser)
    groups.add_slices(parser)
    parser.add_argument("--per-class", action="store_true", help="a table with a row for each category")
    parser.add_argument("--jaccard", action="store_true", help="the Jaccard index, as CrowdHuman has it")
    groups.add_output(parser)
    groups.add_progress(parser)
    gate.add_options(parser)
    parser.epilog = groups.examples(
        "meanap eval instances.json boxes.json",
        "meanap eval instances.json masks.json --similarity segm --per-class",
        "meanap eval yolo/data.yaml yolo/predictions --per-class --output-format csv",
        "meanap eval instances.json boxes.json --fail-under ap=0.40 --resamples 100",
        "meanap eval instances.json boxes.json --slices objects,image_area",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate once, print, write, judge."""
    rules = groups.protocol_of(options)
    groups.check_text(options, rules)
    gate.check(options, rules)
    files = inputs.Inputs(options, rules)
    result = files.evaluate(options.detections, errors_at=benchmarks.errors_at(rules))
    numbers = stats(result)
    shown = [summary(result, numbers)]
    fields = as_json(result, numbers)
    if options.per_class:
        fields["per_class"] = per_class(result)
        shown.append(table(fields["per_class"]))
    if len(result.slices):
        fields["slices"] = result.slices
        shown.append(slices(result))
    if options.jaccard:
        index = result.jaccard_index()
        fields["jaccard_index"] = index.value
        shown.append(f"Jaccard index {gate.figure(index.value, '.4f')} of detections above {index.score:.1f}")
    more, texts = benchmarks.numbers(options, rules, files, result)
    fields |= more
    shown += texts
    output.emit(options, *shown, table=lambda: as_table(numbers, fields.get("per_class"), result))
    verdicts: list[gate.Verdict] = []
    if gate.asked(options):
        verdicts, judged = gate.judge(options, result, files)
        fields |= judged
    output.emit(options, lines=verdicts, value=lambda: fields)
    return 0 if all(verdict.passed for verdict in verdicts) else gate.SHUT


def stats(result: Result) -> dict[str, float | None]:
    """The numbers of the summary by name, pycocotools' names under its protocol; None where there is no number."""
    from meanap import _summary
    from meanap._json import plain

    if result.protocol.name != "coco":
        numbers: dict[str, float | None] = plain(result.to_dict())
        return numbers
    names = _summary.names(result.similarity, result.protocol.max_detections)
    values = _summary.numbers(result.scores)
    return {name: value if value > -1 else None for name, value in zip(names, values, strict=True)}


def summary(result: Result, numbers: dict[str, float | None]) -> str:
    """The summary as text: pycocotools' own under its protocol."""
    from meanap import _summary

    if result.protocol.name != "coco":
        return repr(result)
    return _summary.text(result.scores, [-1.0 if value is None else value for value in numbers.values()])


def as_json(result: Result, numbers: dict[str, float | None]) -> dict[str, Any]:
    """Summary and parameters."""
    rules = result.protocol
    recall = rules.recall if isinstance(rules.recall, str) else list(rules.recall)
    return {
        "similarity": result.similarity,
        "protocol": rules.name,
        "stats": numbers,
        "params": {
            "images": len(result.image_ids),
            "categories": baseline.categories_of(result),
            "use_categories": rules.by_category,
            "iou_thresholds": list(rules.thresholds),
            "recall_thresholds": recall,
            "max_detections": list(rules.max_detections),
            "area_ranges": baseline.ranges_of(rules),
        },
    }


def per_class(result: Result) -> list[dict[str, Any]]:
    """A row for each category: id, name, AP, AP50, AP75, AR, objects, detections; None where there is no number.

    `objects` are those to be found (no crowds, and of keypoints none without keypoints).
    """
    from meanap._json import plain

    separate = result.protocol.by_category
    rows: list[dict[str, Any]] = plain(result.per_class)
    return [
        {
            "id": row["category"] if separate else None,
            "name": row["name"] if separate else "all",
            **{name: row[name.lower()] for name in ("AP", "AP50", "AP75", "AR")},
            "objects": row["objects"],
            "detections": row["detections"],
        }
        for row in rows
    ]


def slices(result: Result) -> str:
    """A row for each slice as text in columns: images, objects, and the first numbers of the summary."""
    names = list(result)[:_NUMBERS]
    lines = [["slice", "images", "objects", *names]]
    for row in result.slices:
        numbers = [gate.figure(row[name], ".3f") for name in names]
        lines.append([on_one_line(row["slice"]), f"{row['images']:,}", f"{row['objects']:,}", *numbers])
    return terminal.columns(lines)


def as_table(numbers: dict[str, float | None], rows: list[dict[str, Any]] | None, result: Result) -> Table:
    """The rows of the categories if there are any, those of the slices, or else the numbers of the summary."""
    from meanap.table import Table

    if rows is None and len(result.slices):
        return result.slices
    if rows is None:
        return Table({"number": list(numbers), "value": list(numbers.values())})
    heads = ("id", "name", "AP", "AP50", "AP75", "AR", "objects", "detections")
    return Table({head: [row[head] for row in rows] for head in heads})


def table(rows: list[dict[str, Any]]) -> str:
    """The per-class rows as text in columns; "-" where there is no number."""
    heads = ["category", "AP", "AP50", "AP75", "AR", "objects", "detections"]
    lines = [heads]
    for row in rows:
        numbers = ["-" if row[head] is None else f"{row[head]:.3f}" for head in heads[1:5]]
        lines.append([on_one_line(row["name"]), *numbers, f"{row['objects']:,}", f"{row['detections']:,}"])
    return terminal.columns(lines)
