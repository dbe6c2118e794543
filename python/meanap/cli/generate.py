"""`meanap generate`: a data set and detections as files."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from meanap import generate
from meanap.cli import groups, numbers
from meanap.cli.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Write ground truth in COCO's format (instances.json, persons.json), detections (boxes.json, masks.json, "
        "poses.json), and boxes of a weaker model to compare with (old.json)."
    )
    parser.add_argument("folder", type=groups.path, metavar="DIR")
    parser.add_argument(
        "--images", type=numbers.count, help="how many images, or queries of trec (default 500, of another format 50)"
    )
    parser.add_argument("--seed", type=numbers.whole, default=0, help="another seed, another data set (default 0)")
    parser.add_argument(
        "--format",
        choices=(*generate.FORMATS, "trec"),
        help="a data set with images and detections in another format, or judgements and two runs for meanap rank",
    )
    parser.add_argument(
        "--similarity", choices=("rotated",),
        help="only rotated boxes, in COCO's format with five numbers (rotated.json, rotated-found.json)",
    )  # fmt: skip
    parser.epilog = groups.examples(
        "meanap generate .",
        "meanap generate --format yolo --images 50 yolo",
        "meanap generate --format trec .",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the files and name them."""
    paths: Iterable[Path]
    if options.similarity == "rotated":
        if options.format:
            raise UsageError("--format: rotated boxes are written in COCO's format only")
        images = 500 if options.images is None else options.images
        paths = generate.write_rotated(options.folder, images=images, seed=options.seed)
    elif options.format == "trec":
        queries = 50 if options.images is None else options.images
        judged, runs = generate.write_rankings(options.folder, queries=queries, seed=options.seed)
        paths = [judged, *runs]
    elif options.format:
        images = 50 if options.images is None else options.images
        paths = generate.write_format(options.folder, options.format, images=images, seed=options.seed)
    else:
        images = 500 if options.images is None else options.images
        files = generate.write_files(options.folder, images=images, seed=options.seed)
        baseline = generate.write_baseline(options.folder / "old.json", files["bbox"][1])
        paths = dict.fromkeys([*(path for pair in files.values() for path in pair), baseline])
    for path in paths:
        print(path)
