"""`meanap generate`: a data set and detections as files."""

from __future__ import annotations

import argparse
from pathlib import Path

from meanap import generate
from meanap.cli import numbers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Write COCO-like ground truth (instances.json, persons.json) and detections (boxes.json, "
        "masks.json, poses.json)."
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--images", type=numbers.count, default=500, help="how many images (default 500)")
    parser.add_argument("--seed", type=numbers.whole, default=0, help="another seed, another data set (default 0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the files and name them."""
    files = generate.write_files(options.folder, images=options.images, seed=options.seed)
    for path in dict.fromkeys(path for pair in files.values() for path in pair):
        print(path)
