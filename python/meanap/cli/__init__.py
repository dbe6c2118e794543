"""The command `meanap`: eval, check, compare, report, semantic, panoptic, rank, demo, generate.

Exit codes: 0, success; 1, the input is invalid (one line on standard error says why); 2,
the command is invalid; 3, a gate failed.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import TextIO

import meanap
from meanap._printable import shown
from meanap.cli import check, compare, demo, evaluate, generate, panoptic, rank, report, semantic
from meanap.cli.errors import UsageError, one_line
from meanap.cli.output import streams
from meanap.errors import InputError


def main(arguments: list[str] | None = None) -> int:
    """Run the command with `arguments` (by default those of the process) and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings(), streams():
            warnings.showwarning = _show_warning
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meanap", description="Mean average precision and related metrics.")
    parser.add_argument("--version", action="version", version=f"meanap {meanap.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (evaluate, check, compare, report, semantic, panoptic, rank, demo, generate):
        command.add_parser(commands)
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
