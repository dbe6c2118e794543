"""What benchmarks report beside AP: nuScenes' detection score and KITTI's orientation similarity."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from meanap.cli import gate, terminal
from meanap.errors import InputError

if TYPE_CHECKING:
    import argparse

    from meanap.cli.inputs import Inputs
    from meanap.detection import Result
    from meanap.protocol import Protocol


def errors_at(rules: Protocol) -> tuple[float, ...]:
    """The similarities at which the evaluation is to find the errors that the numbers are made of."""
    if rules.name != "nuscenes":
        return ()
    from meanap.detection.nuscenes import NEAR

    return (NEAR,)


def numbers(
    options: argparse.Namespace, rules: Protocol, files: Inputs, result: Result
) -> tuple[dict[str, Any], list[str]]:
    """The fields for JSON, and the text.

    There are none where the protocol has none, its settings or what is evaluated are not the benchmark's, or the files
    lack velocities or angles.
    """
    from meanap import protocol

    made = {"nuscenes": ("centre-distance", _nuscenes), "kitti": ("bbox", _kitti), "kitti-r11": ("bbox", _kitti)}
    similarity, make = made.get(rules.name, (None, None))
    changed = options.lenient or options.categories or options.ignore_regions
    changed = changed or rules != protocol.get(options.protocol, options.similarity)
    if make is None or similarity != options.similarity or changed:
        return {}, []
    # Both sides have been evaluated: all that can be wrong is that they do not have what it takes.
    with contextlib.suppress(InputError):
        return make(result, files.ground_truth, files.detections(options.detections))
    return {}, []


def _nuscenes(result: Result, ground_truth: Any, detections: Any) -> tuple[dict[str, Any], list[str]]:
    from meanap.detection.nuscenes import score_of

    found = score_of(result, ground_truth, detections)
    fields = {"nds": found.score, "ap": found.ap, "errors": found.errors, "per_class": found.per_class}
    return {"nuscenes": fields}, [str(found)]


def _kitti(result: Result, ground_truth: Any, detections: Any) -> tuple[dict[str, Any], list[str]]:
    from meanap.detection import kitti_orientation

    of_eleven = result.protocol.name == "kitti-r11"
    found = kitti_orientation(ground_truth, detections, "kitti-r11" if of_eleven else "kitti")
    levels = [name for name in found.columns if name != "category"]
    lines = [["orientation similarity", *levels]]
    lines += [[row["category"], *(gate.figure(row[level], ".3f") for level in levels)] for row in found]
    return {"orientation_similarity": found}, [terminal.columns(lines)]
