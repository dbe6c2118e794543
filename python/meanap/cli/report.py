"""`meanap report`: an HTML report of an evaluation."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from meanap.cli import groups, inputs, numbers, output
from meanap.cli.errors import UsageError
from meanap.errors import InputError

#: Standard output as a file.
_STANDARD = Path("/dev/stdout")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Write one self-contained HTML file: numbers with intervals, curves, classes, confusions, "
        "errors, thresholds, findings about the files, and the images with most errors."
    )
    parser.add_argument("ground_truth", type=groups.path, metavar="GROUND_TRUTH")
    parser.add_argument("detections", type=groups.path, metavar="DETECTIONS")
    parser.add_argument(
        "-o", "--output", type=groups.output_path, default=Path("report.html"), metavar="OUT",
        help='default: report.html; "-" is standard output',
    )  # fmt: skip
    groups.add_protocol(parser)
    groups.add_slices(parser)
    parser.add_argument(
        "--versus", type=groups.path, metavar="BASELINE",
        help="detections of a baseline to compare with: differences are DETECTIONS minus BASELINE",
    )  # fmt: skip
    parser.add_argument("--title", help="heading (default: the detections' name)")
    parser.add_argument("--score", type=numbers.finite, help="score threshold of matrices and images (best F1)")
    parser.add_argument("--worst", type=numbers.whole, default=24, metavar="N", help="images to draw (default 24)")
    groups.add_sampling(parser, resamples=100)
    parser.add_argument("--no-check", action="store_true", help="do not check the files")
    groups.add_quiet(parser, "do not print the name of the file")
    groups.add_progress(parser)
    parser.epilog = groups.examples(
        "meanap report instances.json boxes.json",
        "meanap report instances.json boxes.json --versus old.json -o report.html",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the report and name it."""
    from meanap import _core
    from meanap.readers._read_once import read_once

    _core.share_one_heap()
    with read_once():
        _write(options)


def _write(options: argparse.Namespace) -> None:
    from meanap import report
    from meanap.report.settings import ReportInputs, Settings, check_target
    from meanap.report.views import IOUS

    rules = groups.protocol_of(options)
    target = _STANDARD if str(options.output) == output.STANDARD else options.output
    check_target(target)
    names = ("images", "title", "score", "worst", "confidence", "resamples")
    try:
        settings = Settings(**{name: getattr(options, name) for name in names}, check=not options.no_check)
    except ImportError as error:
        raise UsageError(f"--images: {error}") from error
    try:
        files = inputs.Inputs(options, rules)
        result = files.evaluate(options.detections, errors_at=IOUS)
    except InputError as error:
        if not options.no_check:
            sources = options.ground_truth, options.detections
            reading = inputs.reading(options)
            # What cannot be checked either has no report.
            with contextlib.suppress(InputError):
                report.write_findings(target, error, *sources, rules, reading, title=options.title)
                _say(options, target)
        raise
    versus = None if options.versus is None else files.evaluate(options.versus, errors_at=IOUS)
    truth, found = files.sources(options.detections)
    before = None if options.versus is None else files.sources(options.versus)[1]
    with inputs.named(options.ground_truth, "ground_truth"), inputs.named(options.detections, "detections"):
        read = ReportInputs(truth, found, before, inputs.reading(options))
        report.save(target, lambda: report.page_of(result, versus, read, settings))
    _say(options, target)


def _say(options: argparse.Namespace, target: Path) -> None:
    if target != _STANDARD and not options.quiet:
        print(target)
