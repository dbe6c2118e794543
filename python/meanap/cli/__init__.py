"""The command `meanap`, with a module for each of its commands.

Exit codes: 0, success; 1, the input is invalid (one line on standard error says why); 2,
the command is invalid; 3, a gate failed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from typing import TextIO

import meanap
from meanap._printable import on_one_line
from meanap.cli.errors import UsageError, one_line
from meanap.cli.output import check as check_output
from meanap.cli.parser import Parser
from meanap.cli.terminal import coloured, open_streams, streams
from meanap.errors import InputError, MissingPackageError

#: Each command: its module, which is imported when the command is chosen, and its line of help.
COMMANDS = {
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
    "completion": ("completion", "write a script that completes commands in a shell"),
}

_START = """\
meanap evaluates detections, segmentations and rankings. To begin:

  meanap demo                                    evaluate generated data
  meanap generate .                              write example files here, and evaluate them:
  meanap eval instances.json boxes.json          AP, AP50, … as pycocotools prints them
  meanap check instances.json boxes.json         problems of the files
  meanap compare instances.json old.json boxes.json
  meanap report instances.json boxes.json --versus old.json

meanap --help lists all commands, meanap COMMAND --help the options of one, with examples.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command with `arguments` (by default those of the process) and return its exit code."""
    if arguments is None:
        # Before NumPy is imported: the threads of its OpenBLAS, which nothing here needs, wait by turning in a loop.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with open_streams():
        return _run(sys.argv[1:] if arguments is None else arguments)


def _run(given: list[str]) -> int:
    if not given:
        print(_START, end="")
        return 0
    options = _parsed(given)
    silent = getattr(options, "progress", None) is False
    try:
        with warnings.catch_warnings(), streams(options.command, quiet=silent):
            warnings.showwarning = _show_warning
            check_output(options)
            code = options.run(options)
    except BrokenPipeError:
        # The reader of standard output, such as `head`, has closed it.
        return 0
    except KeyboardInterrupt:
        return 130
    except UsageError as error:
        _report(on_one_line(error))
        return 2
    except (InputError, MissingPackageError, OSError, MemoryError) as error:
        _report(one_line(error))
        return 1
    return code or 0


def _parsed(given: list[str]) -> argparse.Namespace:
    """The options of these arguments; those of commands that are not among them are left out."""
    top = Parser(
        "meanap", "Mean average precision and related metrics.",
        "meanap COMMAND --help lists the options of a command, with examples.",
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"meanap {meanap.__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    chosen = next((word for word in given if not word.startswith("-")), None)
    if chosen is not None and chosen not in COMMANDS:
        top.refuse_command(chosen, COMMANDS)
    parser = top
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name == chosen:
            importlib.import_module(f"meanap.cli.{module}").add_arguments(command)
            parser = command
    options, rest = top.parse_known_args(given)
    if rest:
        parser.refuse(rest)
    return options


def _report(problem: str) -> None:
    print(coloured(f"meanap: {problem}", sys.stderr), file=sys.stderr)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"meanap: warning: {on_one_line(message)}", file=sys.stderr)
