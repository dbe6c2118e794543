"""`meanap check`: find problems in ground truth and detections."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from meanap.cli import groups, inputs, numbers, output

if TYPE_CHECKING:
    from meanap.checking import Findings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Find problems that make a score incorrect or misleading: ids, boxes, categories, masks, scores, "
        "copies, and labels that confident detections contradict. The exit code is 1 if an error is found."
    )
    parser.add_argument("ground_truth", type=groups.path, metavar="GROUND_TRUTH")
    parser.add_argument("detections", type=groups.path, nargs="?", metavar="DETECTIONS")
    groups.add_sources(parser, lenient=False)
    groups.add_similarity(parser, default=None)
    parser.add_argument("--labels", type=numbers.whole, default=10, metavar="N", help="label errors to list (10)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 on warnings too")
    groups.add_output(parser, "the findings", "print nothing")
    parser.epilog = groups.examples(
        "meanap check instances.json boxes.json",
        "meanap check yolo/data.yaml --strict --quiet",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check, print, write; the exit code."""
    from meanap import _core
    from meanap.checking import check

    _core.share_one_heap()
    groups.check_similarity(options)
    sources = inputs.settings(options)
    findings = check(
        options.ground_truth, options.detections, options.similarity, sigmas=options.sigmas,
        angle=options.angle or "degrees", clockwise=bool(options.clockwise), **sources,
    )  # fmt: skip
    tables = [] if options.quiet else [_text(findings, options.labels)]
    output.emit(options, *tables, table=lambda: findings, value=findings.as_dict)
    bad = {"error", "warning"} if options.strict else {"error"}
    return 1 if bad & set(findings["level"]) else 0


def _text(findings: Findings, labels: int) -> str:
    lines = [repr(findings)]
    errors = findings.label_errors
    if labels and len(errors):
        lines.append(f"\nlikely label errors, {min(labels, len(errors)):,} of {len(errors):,}:")
        for row in errors[:labels]:
            category, labelled = (findings.names.get(row[side], row[side]) for side in ("category", "truth"))
            truth = "" if row["truth"] is None else f", labelled {labelled!r}"
            box = ", ".join(f"{x:.4g}" for x in row["box"])
            lines.append(
                f"  {row['kind']}: image {json.dumps(row['image'])}, category {category!r}{truth}, "
                f"score {row['score']:.3f}, box [{box}]"
            )
    return "\n".join(lines)
