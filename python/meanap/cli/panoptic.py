"""`meanap panoptic`: two COCO panoptic JSON files and their folders."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from meanap.cli import groups, numbers
from meanap.cli.semantic import names, report

if TYPE_CHECKING:
    from meanap.segmentation import PanopticResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Panoptic, segmentation and recognition quality, as panopticapi computes them. PNG files are in a "
        "folder named as the JSON file without .json, unless another is given."
    )
    parser.add_argument("ground_truth", type=groups.path, metavar="GT.json")
    parser.add_argument("predictions", type=groups.path, metavar="PRED.json")
    parser.add_argument("--gt-folder", type=groups.path, metavar="DIR", help="where the ground truth's PNG files lie")
    parser.add_argument("--pred-folder", type=groups.path, metavar="DIR", help="where the predictions' PNG files lie")
    parser.add_argument("--per-class", action="store_true", help="a row for each category")
    parser.add_argument(
        "--modified", action="store_true",
        help="modified PQ: categories without instances are not matched, their IoU is summed over their segments",
    )  # fmt: skip
    parser.add_argument(
        "--boundary", type=numbers.inside, nargs="?", const=0.02, metavar="RATIO",
        help="boundary PQ: the IoU is the less of that of segments and of their boundaries; the width of these as a "
        "share of the diagonal (default 0.02)",
    )  # fmt: skip
    groups.add_lenient(parser, "images that cannot be read, and say which")
    groups.add_report(parser, "PRED.json")
    groups.add_output(parser)
    parser.epilog = groups.examples(
        "meanap panoptic panoptic_val.json panoptic_results.json --per-class",
        "meanap panoptic panoptic_val.json panoptic_results.json --report report.html --versus old_results.json",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Match, print the table, write the numbers."""
    groups.check_report(options)
    result = _evaluated(options, options.predictions, options.pred_folder)
    if options.report is not None:
        versus = None if options.versus is None else _evaluated(options, options.versus, None)
        result.report(options.report, versus=versus, names=names(options))
    table = result.per_category if options.per_class else result.summary
    report(result, options, table, *([result.per_category_table()] if options.per_class else ()))


def _evaluated(options: argparse.Namespace, predictions: Path, folder: Path | None) -> PanopticResult:
    from meanap.segmentation import PanopticQuality

    metric = PanopticQuality.of_file(
        options.ground_truth, strict=not options.lenient, modified=options.modified, boundary=options.boundary or False
    )
    metric.update_files(predictions, options.ground_truth, folder, options.gt_folder)
    return metric.compute()
