"""Output of commands: JSON to a file or to standard output, tables, and names without escape sequences."""

from __future__ import annotations

import argparse
import contextlib
import errno
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO

from meanap._printable import printable

#: The path that stands for standard output.
STANDARD = "-"


def check(options: argparse.Namespace) -> None:
    """Checks that the file of `--json` has a folder, before anything is read.

    Raises
    ------
    FileNotFoundError
        It has not.
    """
    path = getattr(options, "json", None)
    if path not in (None, STANDARD) and not os.path.isdir(folder := os.path.dirname(path) or "."):
        raise FileNotFoundError(errno.ENOENT, "there is no such folder to write to", folder)


def emit(
    options: argparse.Namespace,
    *tables: str,
    lines: Iterable[object] = (),
    value: Callable[[], object] | None = None,
    indent: int = 2,
) -> None:
    """Output of a command: tables, lines that `--quiet` leaves in place, and for `--json` what `value` gives.

    Where the JSON goes to standard output, all else goes to standard error.
    """
    stream = sys.stderr if options.json == STANDARD else sys.stdout
    if tables and not options.quiet:
        print("\n\n".join(tables), file=stream)
    for line in lines:
        print(line, file=stream)
    if options.json is None or value is None:
        return
    import json

    text = json.dumps(value(), allow_nan=False, indent=indent) + "\n"
    if options.json == STANDARD:
        sys.stdout.write(text)
    else:
        from meanap._files import write_text

        write_text(options.json, text)


def columns(cells: Sequence[Sequence[str]]) -> str:
    """Rows of cells as text: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def plain(value: Any) -> Any:
    """A number or an id as JSON has it: None where it is not finite."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Terminal:
    """A stream that shows control characters, which may come with any name, as escapes."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def write(self, text: str) -> int:
        """Writes the text without what steers a terminal, but for line breaks and tabs.

        Raises
        ------
        OSError
            The stream cannot be written; the error names it.
        """
        # Progress rewrites its line: it begins with the return.
        start = "\r" if text.startswith("\r") else ""
        shown = start + printable(text[len(start) :], keep="\n\t")
        if not shown.isascii():
            encoding = getattr(self._stream, "encoding", None) or "utf-8"
            shown = shown.encode(encoding, "backslashreplace").decode(encoding)
        with named(self._name):
            self._stream.write(shown)
        return len(text)

    def flush(self) -> None:
        """Writes what waits."""
        with named(self._name):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def named(stream: str) -> Iterator[None]:
    """An error of a stream names it. What it could not take it is not given once more when Python closes it."""
    try:
        yield
    except OSError as error:
        with contextlib.suppress(OSError, ValueError):
            if sys.__stdout__ is not None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
        if error.errno == errno.EPIPE:
            raise
        raise OSError(error.errno, error.strerror, stream) from error


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """While a command runs, both streams are such; standard output is emptied at the end."""
    out, err = Terminal(sys.stdout, "standard output"), Terminal(sys.stderr, "standard error")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield
        sys.stdout.flush()
