"""The command `meanap`: eval, check, compare, report, convert, stats, semantic, panoptic, rank, demo, generate.

Exit codes: 0, success; 1, the input is invalid (one line on standard error says why); 2,
the command is invalid; 3, a gate failed.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from typing import TextIO

import meanap
from meanap._printable import shown
from meanap.cli.errors import UsageError, one_line
from meanap.cli.output import check as check_output
from meanap.cli.output import streams
from meanap.errors import InputError

#: Each command: its module, which is imported when the command is chosen, and its line of help.
_COMMANDS = {
    "eval": ("evaluate", "evaluate detections against ground truth"),
    "check": ("check", "find problems in ground truth and detections"),
    "compare": ("compare", "compare two files of detections on the same images"),
    "report": ("report", "write an HTML report"),
    "convert": ("convert", "write ground truth or detections in another format"),
    "stats": ("stats", "count the images and objects of a data set"),
    "semantic": ("semantic", "measure semantic segmentation from folders of PNG files"),
    "panoptic": ("panoptic", "measure panoptic segmentation from COCO panoptic files"),
    "rank": ("rank", "measure ranked lists against relevance judgements"),
    "demo": ("demo", "generate a data set and evaluate boxes, masks and keypoints on it"),
    "generate": ("generate", "write a synthetic data set and detections to files"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command with `arguments` (by default those of the process) and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given).parse_args(given)
    try:
        with warnings.catch_warnings(), streams():
            warnings.showwarning = _show_warning
            check_output(options)
            code = options.run(options)
    except BrokenPipeError:
        # The reader of standard output, such as `head`, has closed it.
        return 0
    except KeyboardInterrupt:
        return 130
    except UsageError as error:
        print(f"meanap: {shown(error)}", file=sys.stderr)
        return 2
    except (InputError, OSError, MemoryError) as error:
        print(f"meanap: {one_line(error)}", file=sys.stderr)
        return 1
    return code or 0


def _parser(given: list[str]) -> argparse.ArgumentParser:
    """The parser of these arguments: the arguments of commands that are not among them are left out."""
    parser = argparse.ArgumentParser(prog="meanap", description="Mean average precision and related metrics.")
    parser.add_argument("--version", action="version", version=f"meanap {meanap.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    chosen = next((word for word in given if not word.startswith("-")), None)
    for name, (module, summary) in _COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name == chosen:
            importlib.import_module(f"meanap.cli.{module}").add_arguments(command)
    return parser


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"meanap: warning: {shown(message)}", file=sys.stderr)
