"""Output of commands: text for people, tables in other formats, JSON to a file or to standard output."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from meanap.cli.errors import UsageError

if TYPE_CHECKING:
    from meanap.table import Table

#: The path that stands for standard output.
STANDARD = "-"
#: What `--output-format` writes a table as.
FORMATS = ("json", "csv", "markdown", "latex")


def check(options: argparse.Namespace) -> None:
    """Checks that the file of `--json` has a folder, before anything is read.

    Raises
    ------
    FileNotFoundError
        It has not.
    UsageError
        A table and the JSON are both to be written to standard output.
    """
    path = getattr(options, "json", None)
    if path not in (None, STANDARD) and not os.path.isdir(folder := os.path.dirname(path) or "."):
        raise FileNotFoundError(errno.ENOENT, "there is no such folder to write to", folder)
    if path == STANDARD and getattr(options, "output_format", None):
        raise UsageError("--output-format and --json - both write to standard output")


def emit(
    options: argparse.Namespace,
    *tables: str,
    table: Callable[[], Table] | None = None,
    lines: Iterable[object] = (),
    value: Callable[[], object] | None = None,
    indent: int = 2,
) -> None:
    """Output of a command: tables, lines that `--quiet` leaves in place, and for `--json` what `value` gives.

    With `--output-format` what `table` gives is written in place of the tables. Where that or the JSON goes to standard
    output, all else goes to standard error.
    """
    stream = sys.stderr if options.json == STANDARD or options.output_format else sys.stdout
    if options.output_format:
        if table is not None:
            print(written(table(), options.output_format))
    elif tables and not options.quiet:
        print("\n\n".join(tables), file=stream)
    for line in lines:
        print(line, file=stream)
    if options.json is None or value is None:
        return
    import json

    from meanap._json import plain

    text = json.dumps(plain(value()), allow_nan=False, indent=indent) + "\n"
    if options.json == STANDARD:
        sys.stdout.write(text)
    else:
        from meanap._files import write_text

        write_text(options.json, text)


def written(table: Table, form: str) -> str:
    """A table in one of `FORMATS`; JSON is a list of rows."""
    if form == "json":
        import json

        from meanap._json import plain

        return json.dumps(plain(table), allow_nan=False, indent=2)
    if form == "csv":
        return table.to_csv().rstrip("\n")
    return table.to_markdown() if form == "markdown" else table.to_latex()
