"""Images without content, for data sets that are read together with their images."""

from __future__ import annotations

import functools
import struct
import zlib
from pathlib import Path

from meanap._files import write_bytes
from meanap.readers.sides import GroundTruth
from meanap.writers._columns import file_names, size_of

__all__ = ["write_blank", "write_blank_images"]


def write_blank_images(folder: Path, truth: GroundTruth) -> None:
    """Write a black ``images/NAME.png`` of its size for each image of a data set.

    Raises
    ------
    InputError
        The size of an image is not known.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for id, name in file_names(truth).items():
        write_blank(folder / "images" / f"{name}.png", *size_of(truth.sizes, id))


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
