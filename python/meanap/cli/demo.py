"""`meanap demo`: generate a data set, evaluate boxes, masks and keypoints, print the tables."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from meanap import generate
from meanap.cli import groups, numbers

_PLURALS = {"bbox": "boxes", "segm": "masks", "keypoints": "poses"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Generate scenes of people and things and the detections of an imperfect detector, evaluate "
        "boxes, masks and keypoints, and print the three tables with the time of each."
    )
    parser.add_argument("--images", type=numbers.count, default=500, help="how many images (default 500)")
    parser.add_argument("--seed", type=numbers.whole, default=0, help="another seed, another data set (default 0)")
    parser.epilog = groups.examples(
        "meanap demo",
        "meanap demo --images 5000 --seed 7",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Generate, evaluate, print."""
    with tempfile.TemporaryDirectory(prefix="meanap-demo-") as folder:
        begin = time.perf_counter()
        files = generate.write_files(folder, images=options.images, seed=options.seed)
        print(f"{options.images:,} images drawn from seed {options.seed} in {_since(begin)}")
        for kind, (truth, detections) in files.items():
            _evaluate(kind, truth, detections)


def _evaluate(kind: generate.DetectionKind, truth: Path, detections: Path) -> None:
    import meanap
    from meanap import _summary

    begin = time.perf_counter()
    scores = meanap.evaluate(truth, detections, kind).scores
    numbers = _summary.numbers(scores)
    took = _since(begin)
    megabytes = (truth.stat().st_size + detections.stat().st_size) / 1e6
    print(f"\n{_PLURALS[kind]}: {megabytes:.1f} MB of JSON read and evaluated in {took}")
    print(_summary.text(scores, numbers))


def _since(begin: float) -> str:
    return f"{time.perf_counter() - begin:.2f} s"
