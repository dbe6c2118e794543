"""`meanap report`: an HTML report of an evaluation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from meanap.cli import inputs, numbers, output
from meanap.cli.errors import UsageError

if TYPE_CHECKING:
    from meanap.cli.inputs import Commands
    from meanap.protocol import Protocol

#: Standard output as a file.
_STANDARD = Path("/dev/stdout")


def add_parser(commands: Commands) -> None:
    """Add this command's arguments."""
    parser = commands.add_parser(
        "report",
        help="write an HTML report",
        description="Write one self-contained HTML file: numbers with intervals, curves, classes, confusions, "
        "errors, thresholds, findings about the files, and the images with most errors.",
    )
    parser.add_argument("ground_truth", type=Path, metavar="GROUND_TRUTH")
    parser.add_argument("detections", type=Path, metavar="DETECTIONS")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("report.html"), metavar="OUT",
        help='default: report.html; "-" is standard output',
    )  # fmt: skip
    parser.add_argument("--iou-type", choices=("bbox", "segm", "keypoints"), default="bbox", help="default: bbox")
    parser.add_argument("--protocol", default="coco", help="coco (default), lvis, voc2007, voc2012, torchmetrics, …")
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder of the images, to draw on (requires Pillow)")
    parser.add_argument(
        "--versus", type=Path, metavar="BASELINE",
        help="detections of a baseline to compare with: differences are DETECTIONS minus BASELINE",
    )  # fmt: skip
    parser.add_argument("--title", help="heading (default: the detections' name)")
    parser.add_argument("--score", type=numbers.finite, help="score threshold of matrices and images (best F1)")
    parser.add_argument("--worst", type=numbers.whole, default=24, metavar="N", help="images to draw (default 24)")
    parser.add_argument("--resamples", type=numbers.count, default=100, help="bootstrap resamples (default 100)")
    inputs.add_sigmas(parser)
    parser.add_argument("--no-check", action="store_true", help="do not check the files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the report and name it."""
    rules = inputs.protocol_of(options)
    detections = [path for path in (options.detections, options.versus) if path is not None]
    with inputs.explained(options, *detections):
        path = _write(options, rules)
    if path != _STANDARD:
        print(path)


def _write(options: argparse.Namespace, rules: Protocol) -> Path:
    from meanap import report

    try:
        return report.write(
            _STANDARD if str(options.output) == output.STANDARD else options.output,
            options.ground_truth,
            options.detections,
            options.iou_type,
            rules,
            images=options.images,
            versus=options.versus,
            title=options.title,
            score=options.score,
            worst=options.worst,
            resamples=options.resamples,
            check=not options.no_check,
        )
    except ImportError as error:
        raise UsageError(f"--images: {error}") from error
