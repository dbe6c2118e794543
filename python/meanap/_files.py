"""Atomic writing of files, and reading of text and JSON in any encoding."""

from __future__ import annotations

import codecs
import contextlib
import errno
import gzip
import io
import json
import os
import re
import stat
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

from meanap import _core
from meanap.errors import InputError, InputTypeError, NestingError

__all__ = [
    "beginning",
    "check_local",
    "decoded",
    "each_item",
    "encoding_of",
    "is_name",
    "opened_text",
    "read_json",
    "replacing",
    "unpacked",
    "write_bytes",
    "write_text",
]


def decoded(source: Any) -> Any:
    """A path that is given as bytes, as text; anything else as it is."""
    return os.fsdecode(source) if isinstance(source, bytes) else source


#: How the names of files elsewhere begin; a letter alone is a drive. A path has lost one of the slashes.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def check_local(source: Any, place: str) -> None:
    """Check that a source is not the address of a file elsewhere, a file that is open, or what a file would hold.

    Raises
    ------
    InputError
        It is.
    """
    if isinstance(source, (str, os.PathLike)):
        path = os.fsdecode(source)
        if isinstance(source, str) and path.lstrip()[:1] in ("{", "[") and not _exists(path):
            raise InputError("a text that is JSON itself; expected a path, or what json.loads makes of it", place)
        if _URL.match(path) and not os.path.exists(path):
            raise InputError(f"{path} is a URL, expected a path: files are read from disk only", place)
    elif hasattr(source, "read") and hasattr(source, "__iter__") and not hasattr(source, "columns"):
        name = getattr(source, "name", None)
        called = f" of {name!r}" if isinstance(name, str) else ""
        raise InputTypeError(f"an open file{called}, expected its path, or what json.load makes of it", place)


def _exists(path: str) -> bool:
    try:
        return os.path.exists(path)
    except ValueError:
        return False


_GZIP = b"\x1f\x8b"


def encoding_of(start: bytes) -> str:
    """The encoding of a text that begins with these bytes: UTF-8, UTF-16 or UTF-32, each also behind a byte order mark.

    Without a mark it is found by the zeros around the first characters, which are ASCII.
    """
    found = json.detect_encoding(start[:4])
    return "utf-8-sig" if found == "utf-8" else found


def beginning(start: bytes) -> bytes:
    """The beginning of a file, unpacked and in UTF-8 without a mark where it is text; what is none, as it is."""
    packed = start
    if start.startswith(_GZIP):
        try:
            start = zlib.decompressobj(wbits=31).decompress(start, _CHUNK)
        except zlib.error:
            return packed
        if b"\0" in start and encoding_of(start) == "utf-8-sig":
            return packed
    encoding = encoding_of(start)
    if encoding == "utf-8-sig":
        return start.removeprefix(codecs.BOM_UTF8)
    return start.decode(encoding, "replace").encode("utf-8", "replace")


@contextlib.contextmanager
def unpacked(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file to read, which gzip may have packed.

    Raises
    ------
    OSError
        The file cannot be read.
    InputError
        What gzip has packed is cut off or damaged.
    """
    with open(path, "rb") as file:
        if file.peek(2)[:2] != _GZIP:
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as content:
                yield io.BufferedReader(content)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(f"not a valid gzip file: {error}", os.fsdecode(path), code="broken-file") from None


@contextlib.contextmanager
def opened_text(path: str | os.PathLike[str], newline: str | None = None) -> Iterator[TextIO]:
    """A text file to read, in UTF-8, UTF-16 or UTF-32, which gzip may have packed; what is no text is replaced.

    Raises
    ------
    OSError, InputError
        As for `unpacked`.
    """
    with unpacked(path) as file:
        encoding = encoding_of(file.peek(4))  # type: ignore[attr-defined]
        with io.TextIOWrapper(file, encoding=encoding, errors="replace", newline=newline) as text:
            yield text


def each_item(path: str | os.PathLike[str]) -> Iterator[tuple[Any, int]]:
    """The items of a JSON array, one after another; with each, how many characters have been read.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It holds no such array; `read_json` says why.
    """
    decoder = json.JSONDecoder()
    with opened_text(path) as file:
        # What has been read and is not yet parsed, and what has to follow in it.
        text, done, wanted, between = "", 0, _CHUNK, "["
        while more := file.read(wanted):
            text, done, at = text + more, done + len(more), 0
            while (found := _NEXT.match(text, at)) is not None and found[1] == between:
                try:
                    item, end = decoder.raw_decode(text, found.end())
                except json.JSONDecodeError:
                    break
                # A number may go on.
                if end == len(text):
                    break
                yield item, done
                at, between = end, ","
            text, wanted = text[at:], max(_CHUNK, len(text) - at)
    if not re.fullmatch(r"\s*\]\s*" if between == "," else r"\s*\[\s*\]\s*", text):
        raise ValueError("no array that ends")


_CHUNK = 1 << 16
#: What stands before an item.
_NEXT = re.compile(r"\s*([\[,])\s*")


def read_json(path: str | os.PathLike[str]) -> Any:
    """The Python objects of a JSON file: UTF-8, also behind a byte order mark, UTF-16, UTF-32, or any of them in gzip.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It holds no JSON; the message names the file, and its content if that is recognised.
    RecursionError
        It is nested more deeply than Python can read; the message names the file.
    """
    try:
        text = _core.read_text(path)
    except UnicodeDecodeError as error:
        problem = f"the byte at offset {error.start} is not {error.encoding.upper()}"
        raise InputError(problem, os.fsdecode(path), code="broken-file") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        ends = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        cut = ", found the end of the file: is it cut off?" if ends else ""
        raise InputError(f"not JSON: {error}{cut}", os.fsdecode(path), code="not-json") from None
    except RecursionError:
        problem = "not JSON that Python can read: it is nested too deeply"
        raise NestingError(problem, os.fsdecode(path), code="nested-too-deeply") from None
    except ValueError as error:
        raise InputError(f"not JSON: {error}", os.fsdecode(path), code="not-json") from None


def write_text(path: str | os.PathLike[str], text: str, sync: bool = True) -> None:
    """Write a text file in UTF-8: a file that is there stays as it is until all of the new one is on the disk.

    Without `sync`, which takes milliseconds a file, until all of it is written.

    Raises
    ------
    OSError
        The file cannot be written; the error names it.
    """
    with replacing(path, sync) as file:
        file.write(text)


def write_bytes(path: str | os.PathLike[str], data: bytes, sync: bool = True) -> None:
    """Write a binary file, in the way of `write_text`."""
    with replacing(path, sync) as file:
        file.buffer.write(data)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], sync: bool = True) -> Iterator[TextIO]:
    """A text file to write in UTF-8, which replaces `path` when the block ends without an error.

    It is written beside `path`. Where `path` is no regular file (a pipe, a terminal, ``/dev/stdout``), or nothing can
    be made beside it, it is written in place. Links are followed and stay links; a file that is replaced keeps its
    mode.

    Raises
    ------
    OSError
        The file cannot be written; the error names `path`.
    """
    name = os.fspath(path)
    if not is_name(name):
        raise InputError("no file can have this name", name)
    target = os.path.realpath(name)
    try:
        mode = _mode(name)
        beside = _beside(target) if mode is None or stat.S_ISREG(mode) else None
        if beside is None:
            # Before the file is emptied: only now is it certain that there is something to put into it.
            with open(name, "w", encoding="utf-8", newline="") as file:
                yield file
            return
        descriptor, temporary = beside
        try:
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                yield file
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        if error.errno is None or error.errno == errno.EPIPE:
            raise
        # Of a write, or of the temporary file: the message names the requested file.
        raise type(error)(error.errno, os.strerror(error.errno), name) from error


def is_name(name: str) -> bool:
    """Whether a file can have this name."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def _mode(name: str) -> int | None:
    """The kind and permissions of a file; None if there is none."""
    try:
        return os.stat(name).st_mode
    except FileNotFoundError:
        return None


def _beside(target: str) -> tuple[int, str] | None:
    """A new file in the same folder; None where none can be made but `target` itself can be written."""
    temporary = os.path.join(os.path.dirname(target), f".meanap-{os.urandom(8).hex()}.part")
    try:
        return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666), temporary
    except PermissionError:
        if os.access(target, os.W_OK):
            return None
        raise
