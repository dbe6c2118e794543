"""Detections that match the objects if their boxes, or the ids of their images, are read in another format.

Common box formats are tried on a sample of the objects. The one in which detections match most of them is named in the
finding, with what to do about it.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from meanap._counts import counts_of
from meanap.checking.records import Records, present
from meanap.checking.shapes import usable

__all__ = ["check_frames"]

#: Sample sizes: objects of the first images with detections, and detections of each image, the best ones.
_OBJECTS, _DETECTIONS = 240, 30
#: Fewer objects than this may be matched by coincidence.
_ENOUGH = 10
#: An object is met by a detection of this IoU.
_MET = 0.5
#: Where so many objects are met as they are, nothing is tried.
_GOOD = 0.5

#: From four numbers of each box ``(N, 4)``, and widths and heights of the images ``(N,)``, to ``x, y, width, height``.
_Conversion = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
#: The same for a layout of the four numbers, such as two corners, which needs no sizes of images.
_Layout = Callable[[np.ndarray], np.ndarray]


class _Reading(NamedTuple):
    """A format that the boxes may be in: its name, how to write ``x, y, width, height`` instead, the conversion."""

    name: str
    remedy: str
    read: _Conversion


def check_frames(found: Records, truth: Records) -> None:
    """Adds to the detections' findings if they meet the objects only when they are read in another way."""
    if not (found.readable and truth.readable) or {"xyxy-boxes", "normalised-boxes"} & {
        finding.code for finding in (*found.findings, *truth.findings)
    }:
        return
    sampler = _Sampler(found, truth)
    sample = sampler.sample(lambda id: id)
    # Without any image in common there is no sample, and ids may be the only problem.
    now = sample.met(_AS_IT_IS) if sample is not None else 0.0
    if now >= _GOOD:
        return
    best, share = None, 0.0
    if sample is not None:
        for reading in _readings():
            met = sample.met(reading)
            # The first of those that are as good is the simplest.
            if met > share * 1.03:
                best, share = reading, met
        if share < 0.95:
            fitted = _by_any_factor(sample)
            if (met := sample.met(fitted)) > share * 1.03:
                best, share = fitted, met
    ids, of_ids = _best_ids(sampler, truth)
    if _better(of_ids, now) and of_ids >= share and ids is not None:
        found.add(
            "image-offset",
            len(found),
            found.described(int(np.flatnonzero(found.image >= 0)[0]), "bbox"),
            message=f"image ids are {ids.name}: {_matched_then(of_ids, now)}",
            remedy=ids.remedy,
        )
        other = copy.copy(found)
        other.image_ids = [ids.meant(id) for id in found.image_ids]
        found.mended["image-offset"] = other
    elif best is not None and _better(share, now):
        found.add(
            "box-frame",
            len(found),
            found.described(int(np.flatnonzero(usable(found) & (found.image >= 0))[0]), "bbox"),
            message=f"boxes are {best.name}: {_matched_then(share, now)}",
            remedy=best.remedy,
        )
        height, width = truth.sizes_in(found).T
        other = copy.copy(found)
        with np.errstate(all="ignore"):
            other.boxes = best.read(found.boxes, width, height)
        found.mended["box-frame"] = other


def _by_any_factor(sample: _Sample) -> _Reading:
    """The factor, from 1/16 to 16, by which boxes of another scale meet most objects."""

    def scaled(k: float) -> _Reading:
        return _Reading(
            f"of images about {1 / k:.3g} times as large",
            f"Multiply all numbers by about {k:.3g}: by the image's size over that of the resized one.",
            lambda boxes, width, height: _scaled(boxes, k, k),
        )

    # Far from the corner a little of the factor is much of a box, so first by what is merely near.
    coarse = max(1.025 ** np.arange(-112, 113), key=lambda k: sample.met(scaled(k), 0.2))
    return scaled(max(coarse * 1.004 ** np.arange(-8, 9), key=lambda k: sample.met(scaled(k))))


def _matched_then(then: float, now: float) -> str:
    return f"{then:.0%} of the sampled objects are matched then, {now:.0%} as they are"


def _better(then: float, now: float) -> bool:
    return then >= 0.4 and then >= 2 * now and then >= now + 0.3


class _Sample(NamedTuple):
    """Pairs of objects and detections of the same images."""

    objects: np.ndarray
    boxes: np.ndarray
    width: np.ndarray
    height: np.ndarray
    #: Positions among objects and boxes of each pair, by object.
    pairs: tuple[np.ndarray, np.ndarray]

    def met(self, reading: _Reading, iou: float = _MET) -> float:
        """The share of objects that a detection meets, if boxes are meant so."""
        left, right = self.pairs
        with np.errstate(all="ignore"):
            boxes = reading.read(self.boxes, self.width, self.height)
            a, b = self.objects[left], boxes[right]
            shared = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
            overlap = np.clip(shared, 0, None).prod(axis=1)
            union = a[:, 2:].prod(axis=1) + b[:, 2:].prod(axis=1) - overlap
            hit = (overlap / union >= iou) & (b[:, 2:] > 0).all(axis=1)
        return len(present(left[hit])) / len(self.objects)


class _Sampler:
    """Takes samples of objects and detections, for several ways in which the ids of images may be meant."""

    def __init__(self, found: Records, truth: Records) -> None:
        self._found, self._truth = found, truth
        self._objects = np.flatnonzero(usable(truth) & (truth.image >= 0) & ~truth.crowd)
        # Boxes that make no sense as they are may make sense otherwise.
        with np.errstate(invalid="ignore"):
            self._detections = np.flatnonzero(np.isfinite(found.boxes).all(axis=1) & (found.image >= 0))
        self._places = {id: code for code, id in enumerate(truth.image_ids)}
        self._objects_in = counts_of(truth.image[self._objects], length=len(truth.image_ids)).tolist()
        self._images = present(found.image[self._detections]).tolist()
        self._rows_of_sizes = {id: row for row, id in enumerate(truth.images or ())}

    def sample(self, meant: Callable[[Any], Any]) -> _Sample | None:
        """The sample where the images of detections are those that `meant` gives; None if there is too little."""
        found, truth = self._found, self._truth
        codes = self._codes(meant)
        good, rows = self._detections, self._objects
        image = codes[found.image[good]]
        good, image = good[image >= 0], image[image >= 0]
        rows = rows[np.isin(truth.image[rows], image)]
        rows = rows[np.argsort(truth.image[rows], kind="stable")][:_OBJECTS]
        kept = np.isin(image, truth.image[rows])
        good, image = good[kept], image[kept]
        order = np.lexsort((-np.nan_to_num(found.scores[good], nan=-math.inf), image))
        good, image = good[order], image[order]
        kept = np.arange(len(good)) - np.searchsorted(image, image) < _DETECTIONS
        good, image = good[kept], image[kept]
        if len(rows) < _ENOUGH or not len(good):
            return None
        first, end = (np.searchsorted(image, truth.image[rows], side=side) for side in ("left", "right"))
        counts = end - first
        left = np.repeat(np.arange(len(rows)), counts)
        right = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
        height, width = self._sizes(image)
        return _Sample(truth.boxes[rows], found.boxes[good], width, height, (left, right))

    def _codes(self, meant: Callable[[Any], Any]) -> np.ndarray:
        """The ground truth's code of each image of detections, -1 for all others once there are enough objects."""
        codes = np.full(len(self._found.image_ids), -1, dtype=np.int64)
        seen: set[int] = set()
        objects = 0
        for image in self._images:
            code = self._places.get(meant(self._found.image_ids[image]), -1)
            codes[image] = code
            if code >= 0 and code not in seen:
                seen.add(code)
                objects += self._objects_in[code]
                if objects >= _OBJECTS:
                    break
        return codes

    def _sizes(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Heights and widths of images, NaN where they are not known."""
        rows = [self._rows_of_sizes.get(self._truth.image_ids[code], -1) for code in image.tolist()]
        height, width = np.vstack([self._truth.sizes.reshape(-1, 2), [math.nan, math.nan]])[rows].T
        return height, width


# Images


class _Ids(NamedTuple):
    """A way in which the image ids of detections may be meant."""

    name: str
    remedy: str
    meant: Callable[[Any], Any]


def _best_ids(sampler: _Sampler, truth: Records) -> tuple[_Ids | None, float]:
    best, share = None, 0.0
    for ids in _of_ids(truth):
        sample = sampler.sample(ids.meant)
        met = sample.met(_AS_IT_IS) if sample is not None else 0.0
        if met > share * 1.03:
            best, share = ids, met
    return best, share


def _of_ids(truth: Records) -> Iterator[_Ids]:
    known = truth.images or truth.image_ids
    listed = [id for id in known if isinstance(id, int)]
    again = "Look each up in the list of images."

    def nth(ids: list[Any], start: int) -> Callable[[Any], Any]:
        return lambda id: ids[id - start] if isinstance(id, int) and 0 <= id - start < len(ids) else None

    def moved(by: int) -> Callable[[Any], Any]:
        return lambda id: id + by if isinstance(id, int) else None

    if listed:
        rising = sorted(listed)
        yield _Ids("one too low", "Add 1 to each image id.", moved(1))
        yield _Ids("one too high", "Subtract 1 from each image id.", moved(-1))
        yield _Ids("places in the list of images, from 0", again, nth(known, 0))
        yield _Ids("places in the list of images, from 1", again, nth(known, 1))
        yield _Ids("places among the rising ids of images, from 0", again, nth(rising, 0))
        yield _Ids("places among the rising ids of images, from 1", again, nth(rising, 1))
    else:
        yield _Ids("places in the list of images, from 0", again, nth(known, 0))
        yield _Ids("places in the list of images, from 1", again, nth(known, 1))
    if any(isinstance(id, str) for id in known):
        yield _Ids("numbers, and those of the ground truth texts", "Write them as texts.", lambda id: str(id))
        stems = {_stem(id): id for id in known if isinstance(id, str)}
        text = "names of files, and those of the ground truth have another folder or ending"
        yield _Ids(text, "Write the ids of the ground truth.", lambda id: stems.get(_stem(id)))
    stem_of = {id: _stem(name) for id, name in truth.files.items()}
    if stem_of:
        files = {stem: id for id, stem in stem_of.items()}
        yield _Ids("names of files", 'Look each up in the "file_name" of the images.', lambda id: files.get(_stem(id)))
    numbers = {number: id for id, stem in stem_of.items() if (number := _number(stem)) is not None}
    if numbers:
        text = "the numbers in names of files"
        yield _Ids(text, 'Look each up in the "file_name" of the images.', lambda id: numbers.get(_number(id)))


_ENDING = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp|gif)$", re.IGNORECASE)


def _number(id: Any) -> Any:
    return int(id) if isinstance(id, str) and id.isdecimal() else id if isinstance(id, int) else None


def _stem(name: Any) -> Any:
    """The name of a file without folder and ending."""
    if not isinstance(name, str):
        return None
    return _ENDING.sub("", name.replace("\\", "/").rpartition("/")[2])


# Boxes: forms, units, frames

_AS_IT_IS = _Reading("x, y, width, height", "", lambda boxes, width, height: boxes)

#: What the four numbers may be.
_LAYOUTS: tuple[tuple[str, str, _Layout], ...] = (
    ("", "", lambda b: b),
    ("the centre, width and height", "[cx - w / 2, cy - h / 2, w, h]",
     lambda b: np.stack([b[:, 0] - b[:, 2] / 2, b[:, 1] - b[:, 3] / 2, b[:, 2], b[:, 3]], axis=1)),
    ("two corners (x1, y1, x2, y2)", "[x1, y1, x2 - x1, y2 - y1]",
     lambda b: np.stack([b[:, 0], b[:, 1], b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]], axis=1)),
    ("y before x (y, x, height, width)", "[x, y, width, height]", lambda b: b[:, [1, 0, 3, 2]]),
    ("two corners, y before x (y1, x1, y2, x2)", "[x1, y1, x2 - x1, y2 - y1]",
     lambda b: np.stack([b[:, 1], b[:, 0], b[:, 3] - b[:, 1], b[:, 2] - b[:, 0]], axis=1)),
    ("x and y, height before width", "[x, y, width, height]", lambda b: b[:, [0, 1, 3, 2]]),
)  # fmt: skip
#: In how many parts an image is divided, where numbers are no pixels.
_UNITS = (("per cent of the image", 100), ("thousandths of the image", 1000), ("fractions of the image", 1))
_FACTORS = ((1, 16), (1, 8), (1, 4), (1, 3), (1, 2), (2, 3), (3, 4), (4, 3), (3, 2), (2, 1), (3, 1), (4, 1), (8, 1))
#: Sides to which images are resized: what networks take.
_SIDES = sorted(
    {*range(128, 1025, 32), *range(1088, 2049, 64), 300, 400, 500, 550, 600, 700, 750, 900, 1000, 1200, 1333}
)


def _readings() -> Iterator[_Reading]:
    """All ways, the simplest first."""
    for name, form, read in _LAYOUTS[1:]:
        yield _Reading(name, f"Write {form}.", _unscaled(read))
    for unit, parts in _UNITS:
        for name, form, read in _LAYOUTS:
            yield _Reading(
                ", ".join(part for part in (unit, name) if part),
                f"Multiply x by the image's width / {parts}, y by its height / {parts}"
                + (f", and write {form}." if form else "."),
                _stretched(read, parts),
            )
    yield _Reading(
        "scaled by the swapped size: x by the height and y by the width",
        "Multiply x by width / height, and y by height / width.",
        lambda b, w, h: _scaled(b, w / h, h / w),
    )
    turned = "Read images as they are stored in the file, or transform the boxes back."
    yield _Reading("flipped horizontally", turned, lambda b, w, h: _moved(b, w - 2 * b[:, 0] - b[:, 2], 0))
    yield _Reading("flipped vertically", turned, lambda b, w, h: _moved(b, 0, h - 2 * b[:, 1] - b[:, 3]))
    yield _Reading(
        "of images rotated by 90 degrees",
        turned,
        lambda b, w, h: np.stack([b[:, 1], h - b[:, 0] - b[:, 2], b[:, 3], b[:, 2]], axis=1),
    )
    yield _Reading(
        "of images rotated by 270 degrees",
        turned,
        lambda b, w, h: np.stack([w - b[:, 1] - b[:, 3], b[:, 0], b[:, 3], b[:, 2]], axis=1),
    )
    for name, form, read in _LAYOUTS[:3]:
        also = f", and write {form}" if form else ""
        named = f", {name}" if name else ""
        for a, b in _FACTORS:
            text = f"{a}/{b}" if b > 1 else str(a)
            yield _Reading(
                f"of images {text} times as large{named}",
                f"Divide all numbers by {text}{also}.",
                _multiplied(read, b / a),
            )
        for side in _SIDES:
            for what, how, conversion in (
                (
                    f"resized to {side} x {side}",
                    f"Multiply x by the image's width / {side}, y by its height / {side}",
                    _stretched(read, side),
                ),
                (
                    f"whose longer side was resized to {side}",
                    f"Multiply all numbers by the image's longer side / {side}",
                    _resized(read, side, np.maximum),
                ),
                (
                    f"whose shorter side was resized to {side}",
                    f"Multiply all numbers by the image's shorter side / {side}",
                    _resized(read, side, np.minimum),
                ),
                (
                    f"resized and padded to {side} x {side} (a letterbox)",
                    f"Subtract the padding, and multiply by the image's longer side / {side}",
                    _out_of_letterbox(read, side),
                ),
            ):
                yield _Reading(f"of images {what}{named}", f"{how}{also}.", conversion)


def _unscaled(read: _Layout) -> _Conversion:
    return lambda b, w, h: read(b)


def _stretched(read: _Layout, side: int) -> _Conversion:
    return lambda b, w, h: _scaled(read(b), w / side, h / side)


def _multiplied(read: _Layout, factor: float) -> _Conversion:
    return lambda b, w, h: _scaled(read(b), factor, factor)


def _resized(read: _Layout, side: int, by: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> _Conversion:
    def converted(boxes: np.ndarray, width: np.ndarray, height: np.ndarray) -> np.ndarray:
        factor = by(width, height) / side
        return _scaled(read(boxes), factor, factor)

    return converted


def _out_of_letterbox(read: _Layout, side: int) -> _Conversion:
    return lambda b, w, h: _unpadded(read(b), w, h, side)


def _scaled(boxes: np.ndarray, by_x: Any, by_y: Any) -> np.ndarray:
    return np.stack([boxes[:, 0] * by_x, boxes[:, 1] * by_y, boxes[:, 2] * by_x, boxes[:, 3] * by_y], axis=1)


def _moved(boxes: np.ndarray, x: Any, y: Any) -> np.ndarray:
    return np.stack([boxes[:, 0] + x, boxes[:, 1] + y, boxes[:, 2], boxes[:, 3]], axis=1)


def _unpadded(boxes: np.ndarray, width: np.ndarray, height: np.ndarray, side: int) -> np.ndarray:
    scale = side / np.maximum(width, height)
    return _scaled(_moved(boxes, -(side - width * scale) / 2, -(side - height * scale) / 2), 1 / scale, 1 / scale)
