"""PNG files that are not what they say: an error or what Pillow reads, never an endless loop or memory for nothing."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from meanap import _core
from tests.processes import run_python

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, data, color=0, depth=8, interlace=0):
    """A PNG with these bytes as its deflated pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def rows(width, height, channels=1, extra=0):
    return b"".join(b"\0" + bytes((i + j) % 3 for j in range(width * channels)) for i in range(height)) + bytes(extra)


GOOD = zlib.compress(rows(5, 4))
FILES = {
    **{f"{n} bytes too many": png(5, 4, zlib.compress(rows(5, 4, 1, n), 9)) for n in (1, 100_000, 140_000, 3_000_000)},
    "good": png(5, 4, GOOD),
    "16 bits": png(5, 4, zlib.compress(rows(5, 4, 2)), depth=16),
    "interlaced": png(8, 8, zlib.compress(bytes(8 * 8 + 15)), interlace=1),
    "interlaced, too short": png(8, 8, zlib.compress(bytes(8)), interlace=1),
    "too few rows": png(5, 40, GOOD),
    "cut in its data": png(5, 4, GOOD[:-6]),
    "no data": png(5, 4, b""),
    "no rows": png(5, 0, GOOD),
    "no columns": png(0, 4, GOOD),
    "a gigapixel that is not there": png(30_000, 30_000, GOOD),
    "as large as can be": png((1 << 31) - 1, (1 << 31) - 1, GOOD),
    "one bit, a gigapixel": png(1 << 16, 1 << 14, GOOD, depth=1),
    "one row as wide as can be": png((1 << 31) - 1, 1, GOOD),
    "an odd depth": png(5, 4, GOOD, depth=3),
    "an odd colour": png(5, 4, GOOD, color=5),
    "an unknown filter": png(5, 4, zlib.compress(b"\x07" + bytes(5) + rows(5, 3))),
    "cut in its header": SIGNATURE + b"\0\0\0\rIHDR\0\0",
    "nothing": b"",
    "its signature": SIGNATURE,
}


def by_pillow(data):
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image).astype(np.int64)
    except Exception:  # noqa: BLE001 (whatever Pillow does not read)
        return None


@pytest.mark.parametrize("name", FILES)
def test_both_readers_of_labels_agree_with_pillow(tmp_path, name):
    """The file row by row, as it is counted, and the file as an array: what Pillow reads, or an error of both."""
    path = tmp_path / "a.png"
    path.write_bytes(FILES[name])
    code = """
import sys
from meanap import _core
try: print(_core.read_labels(sys.argv[1]).tolist())
except Exception as error: print(type(error).__name__, error)
counts, _, failures = _core.count_label_files([(sys.argv[1], sys.argv[1])], (256, None, False, None))
print(counts[:, :256].diagonal().tolist() if not failures else (type(failures[0][1]).__name__, str(failures[0][1])))
"""
    status, said = run_python(code, path, timeout=60)
    assert status == 0, said
    whole, counted = said.splitlines()
    expected = by_pillow(FILES[name])
    if whole.startswith("InputError"):
        assert str(path) in whole and counted.startswith("('InputError'") and str(path) in counted
        # Where rows are missing Pillow fills up with zeros; all else that it reads is read here.
        assert expected is None or name in ("too few rows", "an unknown filter", "cut in its data")
    else:
        assert np.array_equal(eval(whole), expected)
        if expected.max() < 256:
            assert eval(counted) == np.bincount(expected.ravel(), minlength=256).tolist()


@pytest.mark.parametrize("extra", [0, 700_000])
def test_segment_ids_with_too_much_behind_them(tmp_path, extra):
    path = tmp_path / "a.png"
    path.write_bytes(png(5, 4, zlib.compress(bytes(4 * 16 + extra), 9), color=2))
    code = """
import sys
import numpy as np
from meanap import _core
segments = tuple(np.array([], d) for d in (np.uint32, np.uint32, bool, np.int64)) + (np.array([0, 0]),)
tally = np.zeros(1), np.zeros((3, 1), np.int64)
print(_core.match_segment_files([(sys.argv[1], sys.argv[1])], segments, segments, tally, (True, [], None)))
"""
    assert run_python(code, path, timeout=60) == (0, "[]\n")
    assert not _core.read_segment_ids(path).any()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name")
def test_a_pipe_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ValueError, match="not a regular file"):
        _core.read_labels(tmp_path / "a.png")
    failures = _core.count_label_files([(tmp_path / "a.png",) * 2], (256, None, False, None))[2]
    assert "not a regular file" in str(failures[0][1])
