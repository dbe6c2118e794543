"""Output of commands: JSON to a file or to standard output, tables, and names without escape sequences."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from meanap._files import write_text
from meanap._printable import printable

if TYPE_CHECKING:
    from meanap.cli.inputs import Parser

#: The path that stands for standard output.
STANDARD = "-"


def add_json(parser: Parser, what: str = "the numbers") -> None:
    """The option `--json`."""
    parser.add_argument("--json", metavar="OUT", help=f'write {what} as JSON; "-" is standard output')


@contextlib.contextmanager
def tables(options: argparse.Namespace, quiet: bool = False) -> Iterator[None]:
    """While tables are printed: nowhere if they are not wanted, beside JSON that goes to standard output."""
    with contextlib.ExitStack() as stack:
        if quiet:
            stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        elif options.json == STANDARD:
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


def write_json(path: str | None, value: object, **options: Any) -> None:
    """Write `value` where `--json` says, or nowhere."""
    if path is None:
        return
    text = json.dumps(value, allow_nan=False, **options) + "\n"
    if path == STANDARD:
        sys.stdout.write(text)
    else:
        write_text(path, text)


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
