"""`meanap convert`: write ground truth or detections in another format."""

from __future__ import annotations

import argparse

from meanap.cli import groups, inputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    from meanap.conversion import TARGETS

    parser.description = (
        "Write ground truth in another format, or with --ground-truth the detections for it. The input is of any "
        "format that meanap eval takes; the output is a file, or for yolo, voc and dota a folder."
    )
    parser.add_argument("source", type=groups.path, metavar="IN")
    parser.add_argument("path", type=groups.path, metavar="OUT")
    parser.add_argument("--to", choices=TARGETS, required=True, help="the format to write")
    parser.add_argument("--ground-truth", type=groups.path, metavar="FILE", help="the data set of detections in IN")
    parser.add_argument(
        "--similarity", choices=("bbox", "segm", "keypoints", "rotated"), default="bbox",
        help="boxes (default), polygons and masks too, keypoints too, or rotated boxes",
    )  # fmt: skip
    groups.add_angles(parser)
    groups.add_sources(parser)
    parser.epilog = groups.examples(
        "meanap convert instances.json labels --to yolo",
        "meanap convert yolo/predictions found.json --to coco --ground-truth yolo",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write, and name what was written."""
    from meanap.conversion import convert

    written = convert(
        options.source,
        options.path,
        options.to,
        ground_truth=options.ground_truth,
        similarity=options.similarity,
        angle=options.angle or "degrees",
        clockwise=bool(options.clockwise),
        on_error=inputs.on_error(options),
        **inputs.settings(options),
    )
    print(written)
