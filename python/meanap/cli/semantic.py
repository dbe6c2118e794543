"""`meanap semantic`: two folders of label maps."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meanap._printable import on_one_line
from meanap.cli import groups, inputs, numbers, output
from meanap.cli.errors import UsageError
from meanap.readers._folders import read_text

if TYPE_CHECKING:
    from meanap.segmentation import SemanticResult
    from meanap.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Per-class IoU, accuracy, precision and Dice, and their means, of label maps: grey or palette PNG "
        "files, the prediction of DIR/a/b.png being PRED_DIR/a/b.png."
    )
    parser.add_argument("ground_truth", type=groups.path, metavar="GT_DIR")
    parser.add_argument("predictions", type=groups.path, metavar="PRED_DIR")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--classes", metavar="N|NAME,NAME,…", help="the number of classes, or their names in order")
    which.add_argument(
        "--class-file", type=groups.path, metavar="FILE", help="a file with a name of a class on each line"
    )
    parser.add_argument(
        "--ignore-index", default="255", metavar="LABEL", help="leave out target pixels of this label (or 'none')"
    )
    parser.add_argument("--reduce-zero-label", action="store_true", help="leave out target 0, number classes from 1")
    parser.add_argument(
        "--boundary",
        type=numbers.inside,
        nargs="?",
        const=0.02,
        metavar="RATIO",
        help="also Boundary IoU; the width as a share of the diagonal (default 0.02)",
    )
    parser.add_argument("--gt-suffix", default=".png", help="how names in GT_DIR end (default .png)")
    parser.add_argument("--pred-suffix", default=".png", help="how names in PRED_DIR end (default .png)")
    groups.add_lenient(parser, "pairs that cannot be read, and say which")
    groups.add_report(parser, "PRED_DIR")
    groups.add_output(parser)
    parser.epilog = groups.examples(
        "meanap semantic labels predictions --classes 19",
        "meanap semantic labels predictions --classes 19 --report report.html --versus old_predictions",
        "meanap semantic labels predictions --classes ground,car,sky --boundary --json numbers.json",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Count, print the table, write the numbers."""
    groups.check_report(options)
    result = _evaluated(options, options.predictions)
    if options.report is not None:
        versus = None if options.versus is None else _evaluated(options, options.versus)
        result.report(options.report, versus=versus, names=names(options))
    report(result, options, result.per_class)


def _evaluated(options: argparse.Namespace, predictions: Path) -> SemanticResult:
    from meanap.segmentation import SemanticSegmentation

    metric = SemanticSegmentation(
        _classes(options),
        _ignore_index(options.ignore_index),
        options.reduce_zero_label,
        boundary=options.boundary or False,
        strict=not options.lenient,
    )
    metric.update(predictions, options.ground_truth, preds_suffix=options.pred_suffix, target_suffix=options.gt_suffix)
    return metric.compute()


def names(options: argparse.Namespace) -> tuple[str, str]:
    """What the baseline and the predictions are called in a report."""
    if options.versus is None:
        return "baseline", options.predictions.name
    baseline, predictions = inputs.names_of([options.versus, options.predictions])
    return baseline, predictions


def report(result: Any, options: argparse.Namespace, table: Table, *tables: str) -> None:
    """Print tables, a result and what it left out; write it where `--json` says."""
    skipped = [f"skipped: {on_one_line(sentence)}" for sentence in result.skipped]
    output.emit(options, *tables, str(result), table=lambda: table, lines=skipped, value=result.to_dict)


def _classes(options: argparse.Namespace) -> int | list[str]:
    if options.class_file is not None:
        lines = read_text(os.fspath(options.class_file)).splitlines()
        return [line.strip() for line in lines if line.strip()]
    if options.classes.strip().isdecimal():
        return int(options.classes)
    return [name.strip() for name in options.classes.split(",")]


def _ignore_index(text: str) -> int | None:
    if text.lower() == "none":
        return None
    try:
        if -(2**63) <= (label := int(text)) < 2**63:
            return label
        raise ValueError
    except ValueError:
        raise UsageError(f"--ignore-index: expected a label or 'none', found {text!r}") from None
