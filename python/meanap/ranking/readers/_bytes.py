"""The bytes of a file, unpacked; and what a file is that cannot be read."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from pathlib import Path
from typing import Any

from meanap import _core
from meanap.errors import InputError

__all__ = ["fields_of", "head_of", "read_bytes"]

#: Other white space, such as a no-break space, may be a part of an id.
_FIELD = re.compile(r"\S+", re.ASCII)

#: Bytes that a format is recognised by.
_HEAD = 1 << 16


def fields_of(line: str) -> list[str]:
    """The fields of a line between blanks and tabs, as the core and trec_eval divide it."""
    return _FIELD.findall(line)


def head_of(path: Any) -> bytes:
    """The first bytes of a file, unpacked; nothing of a pipe, which can be read only once."""
    if not Path(path).is_file():
        return b""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"\x1f\x8b"):
        try:
            return zlib.decompressobj(wbits=31).decompress(head, _HEAD)
        except zlib.error:
            return b""
    return head


def read_bytes(path: Any, expected: str) -> bytes:
    """All bytes of a file, unpacked by what it holds, whatever it is called.

    Raises
    ------
    InputError
        It is empty, or of another kind: a web page, a Git LFS pointer, an image.
    """
    name = os.fsdecode(path)
    data = Path(path).read_bytes()
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as problem:
            raise InputError(f"is not a valid gzip file ({problem})", name, code="wrong-kind-of-file") from problem
    head = data[:512]
    blank = b" \t\r\n\x00"
    if not head.strip(blank) and not data.strip(blank):
        found = f"is {_core.kind_of_file(head) or 'nothing but white space'}"
        raise InputError(None, name, found=found, expected=expected, code="empty-file")
    # Comments are lines of these files, and UTF-16 is checked where the text is decoded.
    if not head.lstrip().startswith(b"#") and not head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        kind = _core.kind_of_file(head)
        if kind is not None and "\x00" not in kind and not kind.startswith("UTF-"):
            raise InputError(None, name, found=kind, expected=expected, code="wrong-kind-of-file")
    return data
