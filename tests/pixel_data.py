"""Label maps and PNG files for the tests of pixel measures, from a seed."""

import struct
import zlib

import numpy as np

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
_CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def label_map(rng, height, width, labels, cell=9):
    """Patches of labels with ragged edges: what a segmentation looks like."""
    coarse = rng.choice(labels, (height // cell + 2, width // cell + 2))
    y, x = np.mgrid[0:height, 0:width]
    y = (y + 2 * np.sin(x / 5) + rng.integers(0, 2, (height, width))) / cell
    x = (x + 2 * np.cos(y * 3) + rng.integers(0, 2, (height, width))) / cell
    return coarse[np.clip(y, 0, None).astype(int), np.clip(x, 0, None).astype(int)]


def pair(rng, height, width, classes, ignore=255, wrong=0.2):
    """A target with ignored pixels, and a prediction that errs."""
    target = label_map(rng, height, width, range(classes))
    prediction = np.where(rng.random((height, width)) < wrong, label_map(rng, height, width, range(classes)), target)
    if ignore is not None:
        target = np.where(label_map(rng, height, width, [0, 0, 0, 1]) == 1, ignore, target)
    return target, prediction


def segment_colors(ids):
    """Segment ids `(H, W)` as the RGB colours that COCO panoptic files hold."""
    return np.stack([ids & 255, ids >> 8 & 255, ids >> 16 & 255], axis=-1).astype(np.uint8)


def write_png(path, pixels, color=GREY, depth=8, row_filter=0):
    """Writes `(H, W)` or `(H, W, C)` pixels as a PNG file: a second opinion on what the format is."""
    pixels = np.asarray(pixels)
    height, width = pixels.shape[:2]
    lines = []
    above = None
    for row in pixels.reshape(height, -1):
        if depth == 16:
            line = row.astype(">u2").tobytes()
        elif depth == 8:
            line = row.astype(np.uint8).tobytes()
        else:
            bits = (row[:, None].astype(np.uint8) >> np.arange(depth - 1, -1, -1)) & 1
            line = np.packbits(bits.reshape(-1)).tobytes()
        lines.append(bytes([row_filter]) + _filtered(line, above, row_filter, _CHANNELS[color] * max(depth, 8) // 8))
        above = line
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))]
    if color == PALETTE:
        chunks.append((b"PLTE", bytes(range(256)) * 3 if depth == 8 else bytes(3 * 2**depth)))
    chunks += [(b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b"")]
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, body in chunks:
            file.write(struct.pack(">I", len(body)) + kind + body)
            file.write(struct.pack(">I", zlib.crc32(kind + body)))


def _filtered(line, above, row_filter, step):
    if row_filter == 0:
        return line
    line = np.frombuffer(line, np.uint8).astype(int)
    above = np.zeros_like(line) if above is None else np.frombuffer(above, np.uint8).astype(int)
    left, corner = (np.concatenate([np.zeros(step, int), row])[: len(line)] for row in (line, above))
    if row_filter == 4:
        near = np.abs(left + above - corner - np.stack([left, above, corner])).argmin(axis=0)
        expected = np.choose(near, [left, above, corner])
    else:
        expected = {1: left, 2: above, 3: (left + above) // 2}[row_filter]
    return (line - expected).astype(np.uint8).tobytes()
