"""The values of records in columns: ids, numbers, boxes and masks, and findings for what is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from meanap import _core, _rle
from meanap._similarity import compares_masks
from meanap.checking.findings import Finding
from meanap.checking.records import Records
from meanap.readers import Problem, _fields
from meanap.readers._rules import RULES

#: What reading a broken file raises.
BROKEN = (OSError, ValueError, TypeError, AssertionError, RecursionError, OverflowError, MemoryError, LookupError)


def codes_of(ids: list[Any]) -> tuple[np.ndarray, list[Any]]:
    """Positions among the distinct ids, -1 for None."""
    known: dict[Any, int] = {}
    codes = [-1 if id is None else known.setdefault(id, len(known)) for id in ids]
    return np.array(codes, dtype=np.int64), list(known)


def number_of(value: Any) -> float:
    """A number as a double, NaN for anything else."""
    try:
        numeric = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        return float(value) if numeric else math.nan
    except OverflowError:
        return math.nan


def box_of(value: Any) -> list[float]:
    """Four numbers, NaN for what is none."""
    if isinstance(value, (list, tuple, np.ndarray)) and len(value) == 4:
        return [number_of(x) for x in value]
    return [math.nan] * 4


def box_around(points: Any) -> list[float]:
    """The box around labelled keypoints."""
    try:
        pose = np.array(points, dtype=np.float64).reshape(-1, 3)
    except (TypeError, ValueError, OverflowError):
        return [math.nan] * 4
    pose = pose[pose[:, 2] > 0] if (pose[:, 2] > 0).any() else pose
    if not len(pose):
        return [math.nan] * 4
    low, high = pose[:, :2].min(axis=0), pose[:, :2].max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def _are_whole(value: Any) -> bool:
    """Whether a size or run lengths are integers, or run lengths are compressed."""
    return isinstance(value, (str, bytes)) or np.asarray(value).dtype.kind in "biu"


_HARM = {
    "id": "pycocotools cannot index them",
    "area": "sizes cannot be distinguished",
    "iscrowd": "pycocotools stops at them",
    "segmentation": "masks cannot be compared",
    "keypoints": "poses cannot be compared",
}


def add_problems(records: Records, problems: Iterable[Problem]) -> None:
    """A finding for the problems of each code and field."""
    groups: dict[tuple[str, str | None], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.code, problem.field), []).append(problem)
    for (code, field), several in groups.items():
        first = several[0]
        rule = RULES.get(code)
        message = rule.what if rule is not None else "records cannot be used"
        remedy = first.remedy or "Mend the records, or leave them out."
        if code == "missing-field" and field is not None:
            harm = _HARM.get(field, "they cannot be scored")
            message, remedy = f'records have no "{field}": {harm}', f'Give each record "{field}".'
        example = str(first.error()).removeprefix(f"{records.place}: ")
        records.findings.append(Finding(code, first.level, records.place, len(several), message, example[:200], remedy))


def add_malformed(records: Records, bad: np.ndarray, field: _fields.Field, column: np.ndarray) -> None:
    """The problems of a field whose column has the values as they are."""
    entries = [{field.name: value} for value in column[bad].tolist()]
    problems = _fields.problems_of(field, entries, records.place)
    add_problems(records, (replace(problem, record=int(row)) for problem, row in zip(problems, bad, strict=True)))


def take_rotated(records: Records, boxes: np.ndarray) -> None:
    """Rotated boxes, and the upright ones around them."""
    records.rotated = boxes
    records.derived_boxes = True
    records.boxes = np.full((len(boxes), 4), math.nan)
    sound = np.isfinite(boxes).all(axis=1)
    corners = _core.corners_of_rotated_boxes(boxes[sound], *records.angles)
    least, most = corners.min(axis=1), corners.max(axis=1)
    records.boxes[sound] = np.concatenate([least, most - least], axis=1)


def take_masks(records: Records, entries: list[Any], sizes: np.ndarray, similarity: str | None) -> None:
    """Areas, boxes and sizes of the masks, and which of them are broken; `sizes`: height and width of each image.

    Where boxes are compared, an empty segmentation is none, as many data sets of boxes have it.
    """
    count = len(entries)
    records.broken_masks = np.zeros(count, dtype=bool)
    if similarity is not None and compares_masks(similarity):
        empty = [not entry.get("segmentation", True) for entry in entries]
        records.broken_masks = np.array(empty, dtype=bool)
    if not any(entry.get("segmentation") for entry in entries):
        return
    areas, boxes = np.full(count, math.nan), np.full((count, 4), math.nan)
    drawn = np.full((count, 2), math.nan)
    for row, entry in enumerate(entries):
        shape = entry.get("segmentation")
        if not shape:
            continue
        try:
            if isinstance(shape, Mapping):
                if not _are_whole(shape["size"]) or not _are_whole(shape["counts"]):
                    raise ValueError
                run_lengths = _rle.compressed(shape)
                drawn[row] = shape["size"]
                if _pixels(shape["counts"]) != shape["size"][0] * shape["size"][1]:
                    raise ValueError
                boxes[row] = _rle.box(run_lengths)
            else:
                height, width = sizes[row]
                if not height > 0:
                    continue
                run_lengths = _rle.of_polygons(shape, int(height), int(width))
                drawn[row] = sizes[row]
                # A number too many is dropped, as it is where polygons become pixels.
                rings = [np.asarray(ring[: len(ring) // 2 * 2], dtype=np.float64).reshape(-1, 2) for ring in shape]
                corners = np.concatenate(rings)
                boxes[row] = [*corners.min(axis=0), *np.ptp(corners, axis=0)]
            areas[row] = _rle.area(run_lengths)
        except BROKEN:
            records.broken_masks[row] = True
            areas[row], boxes[row], drawn[row] = math.nan, math.nan, math.nan
    records.masks = (areas, boxes, drawn)


def _pixels(counts: Any) -> int:
    """The pixels of run lengths, plain or compressed."""
    if isinstance(counts, (list, tuple)):
        return sum(counts)
    text = np.frombuffer(counts.encode() if isinstance(counts, str) else counts, dtype=np.uint8).astype(np.int64) - 48
    if not len(text):
        return 0
    # Five bits in each byte, the lowest first; the sixth says that more follow.
    last = (text & 0x20) == 0
    start = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    place = np.arange(len(text)) - np.repeat(start, np.diff([*start, len(text)]))
    numbers = np.add.reduceat((text & 0x1F) << (5 * place), start)
    end = np.flatnonzero(last)
    # The highest bit is the sign. From the fourth number on they are differences from the last but one.
    numbers -= np.where(text[end] & 0x10, 1 << (5 * (place[end] + 1)), 0)
    runs = numbers.copy()
    runs[1::2], runs[2::2] = np.cumsum(numbers[1::2]), np.cumsum(numbers[2::2])
    return int(runs.sum())
