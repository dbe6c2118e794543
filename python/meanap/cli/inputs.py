"""Options that commands share, and errors that name record and field of a file."""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from meanap.cli.errors import UsageError, names
from meanap.errors import InputError

if TYPE_CHECKING:
    from meanap.protocol import Protocol

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Parser: TypeAlias = "argparse._ActionsContainer"
#: As many as COCO's persons have.
_COCO = 17


def add_sigmas(parser: Parser) -> None:
    """The option `--sigmas`."""
    parser.add_argument(
        "--sigmas", type=_sigmas, metavar="0.026,0.025,…",
        help=f"sigma of each keypoint, if they are not COCO's {_COCO}",
    )  # fmt: skip


def check_sigmas(options: argparse.Namespace) -> None:
    """`--sigmas` needs keypoints."""
    if options.sigmas is not None and options.iou_type != "keypoints":
        raise UsageError(f"--sigmas: only --iou-type keypoints has them, found {options.iou_type}")


def count_of(options: argparse.Namespace) -> int:
    """How many keypoints an object has."""
    return _COCO if options.sigmas is None else len(options.sigmas)


def protocol_of(options: argparse.Namespace) -> Protocol:
    """The protocol that `--protocol` and `--sigmas` ask for."""
    from meanap import protocol

    try:
        rules = protocol.get(options.protocol, options.iou_type)
    except ValueError as error:
        raise UsageError(f"--protocol: {error}") from error
    check_sigmas(options)
    return rules if options.sigmas is None else rules.replace(sigmas=options.sigmas)


@contextlib.contextmanager
def explained(options: argparse.Namespace, *detections: Path, all_fields: bool = False) -> Iterator[None]:
    """Adds record and field to an error that occurs while files are evaluated, if they can be found."""
    try:
        yield
    except InputError as error:
        from meanap.checking.fields import first_fault

        for path in detections:
            fault = first_fault(options.ground_truth, path, options.iou_type, count_of(options), all_fields=all_fields)
            if fault is not None:
                raise fault from error
        if names(error, options.ground_truth, *detections):
            raise
        raise error.at(detections[0]) from error


def _sigmas(text: str) -> tuple[float, ...]:
    try:
        sigmas = tuple(float(part) for part in text.split(","))
    except ValueError:
        sigmas = ()
    if not sigmas or not all(0 < sigma < math.inf for sigma in sigmas):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0 for each keypoint, between commas")
    return sigmas
