"""Images without content, for data sets that are read together with their images."""

from __future__ import annotations

import functools
import struct
import zlib
from pathlib import Path

from meanap._files import write_bytes

__all__ = ["write_blank"]


def write_blank(path: Path, height: int, width: int) -> None:
    """Write a black PNG of this size: a few hundred bytes."""
    write_bytes(path, _png(height, width), sync=False)


@functools.lru_cache(maxsize=64)
def _png(height: int, width: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    # One bit for each pixel; each row begins with the number of its filter.
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = bytes(1 + (width + 7) // 8) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
