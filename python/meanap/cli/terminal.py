"""What a person at a terminal gets beyond the text: colours, a sign of life, tables of the terminal's width.

Colours and signs of life are for terminals alone: pipes and files get the plain text. ``NO_COLOR`` turns colours off.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from meanap._printable import printable

#: How lines begin that are coloured, and their colours (SGR codes).
_COLOURS = {
    r"PASS(?=  )": "32",
    r"FAIL(?=  )": "31",
    r"error(?=: )": "31",
    r"warning(?=: )": "33",
    r"note(?=: )": "36",
    r"meanap: warning(?=: )": "33",
    r"meanap(?=: )": "31",
}
_COLOURED = re.compile("^(?:" + "|".join(f"({pattern})" for pattern in _COLOURS) + ")", re.MULTILINE)
#: Seconds of silence after which a command shows that it is running.
_SILENCE = 1.0
#: The narrowest a name becomes in a table.
_NARROWEST = 12
#: Back to the start of the line, and empty it.
_ERASE = "\r\x1b[K"


class Terminal:
    """A stream that shows control characters, which may come with any name, as escapes."""

    def __init__(self, stream: TextIO, name: str, running: Running) -> None:
        self._stream = stream
        self._name = name
        self._running = running

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
        shown = coloured(shown, self._stream)
        with self._running.interrupted(bool(start), text.endswith("\n")), named(self._name):
            self._stream.write(shown)
        return len(text)

    def flush(self) -> None:
        """Writes what waits."""
        with named(self._name):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Running:
    """While a command says nothing for a second, a line on standard error says that it is running, and since when."""

    def __init__(self, stream: TextIO, command: str) -> None:
        self._stream = stream
        self._command = command
        self._start = self._heard = time.monotonic()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._shown = self._reported = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to count the seconds."""
        self._thread = threading.Thread(target=self._report, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Erase the line."""
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._erase()

    @contextlib.contextmanager
    def interrupted(self, is_progress: bool, ends_line: bool) -> Iterator[None]:
        """While something else is written. Progress has a line of its own, until that ends."""
        with self._lock:
            self._erase()
            self._heard = time.monotonic()
            self._reported = is_progress or (self._reported and not ends_line)
            yield

    def _report(self) -> None:
        while not self._ended.wait(_SILENCE / 4):
            with self._lock:
                now = time.monotonic()
                if now - self._heard >= _SILENCE and not self._reported:
                    self._shown = True
                    with contextlib.suppress(OSError, ValueError):
                        self._stream.write(f"{_ERASE}{self._command}: {now - self._start:.0f} s ")
                        self._stream.flush()

    def _erase(self) -> None:
        if self._shown:
            self._shown = False
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(_ERASE)
                self._stream.flush()


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
def open_streams() -> Iterator[None]:
    """Meanwhile, a standard stream that the caller has closed takes what is written and loses it, as with `print`."""
    with contextlib.ExitStack() as stack:
        for stream, redirect in ((sys.stdout, contextlib.redirect_stdout), (sys.stderr, contextlib.redirect_stderr)):
            if stream is None:
                # It also has the stream's number, which no file that is opened later must get.
                stack.enter_context(redirect(stack.enter_context(open(os.devnull, "w", encoding="utf-8"))))
        yield


@contextlib.contextmanager
def streams(command: str, *, quiet: bool = False) -> Iterator[None]:
    """While a command runs, both streams are such; standard output is emptied at the end."""
    running = Running(sys.stderr, f"meanap {command}")
    out, err = Terminal(sys.stdout, "standard output", running), Terminal(sys.stderr, "standard error", running)
    if is_terminal(sys.stderr) and not quiet:
        running.start()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
            sys.stdout.flush()
    finally:
        running.end()


def is_terminal(stream: Any) -> bool:
    """Whether a person reads it."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def columns(cells: Sequence[Sequence[str]]) -> str:
    """Rows of cells as text: the first column to the left, the others to the right.

    On a terminal that is too narrow names in the first column are cut, and columns that still do not fit are shown
    below the others.
    """
    return "\n\n".join(_aligned(block) for block in _fitting(cells, _width()))


def _width() -> int | None:
    """The letters of a line of the terminal; None where there is none."""
    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None


def _fitting(cells: Sequence[Sequence[str]], width: int | None) -> list[list[list[str]]]:
    """The cells as one or more tables that fit, each with the first column."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rows = [list(row) for row in cells]
    if width is None or sum(widths) + 2 * (len(widths) - 1) <= width:
        return [rows]
    first = max(_NARROWEST, width - sum(2 + other for other in widths[1:]))
    rows = [[_cut(row[0], first), *row[1:]] for row in rows]
    widths[0] = min(widths[0], first)
    blocks: list[list[int]] = [[]]
    used = widths[0]
    for place, other in enumerate(widths[1:], 1):
        if blocks[-1] and used + 2 + other > width:
            blocks.append([])
            used = widths[0]
        blocks[-1].append(place)
        used += 2 + other
    return [[[row[0], *(row[place] for place in block)] for row in rows] for block in blocks]


def _aligned(cells: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def coloured(text: str, stream: Any) -> str:
    """The text with the colours of its lines, if the stream is a terminal and `NO_COLOR` is not set."""
    if not is_terminal(stream) or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return _COLOURED.sub(_paint, text)


def _paint(found: re.Match[str]) -> str:
    colour = list(_COLOURS.values())[(found.lastindex or 1) - 1]
    return f"\x1b[{colour}m{found[0]}\x1b[0m"
