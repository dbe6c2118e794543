"""The first invalid field of two COCO files: where it is, what was found, what is expected."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from meanap._files import read_json
from meanap._similarity import compares_masks
from meanap.errors import InputError

__all__ = ["first_fault"]


class _Asked(NamedTuple):
    """The requirements of an evaluation on the fields."""

    iou_type: str
    sigmas: int
    #: Whether annotations need what pycocotools reads of each: ids that are numbers, areas, and crowd flags.
    all_fields: bool
    sizes: Mapping[Any, tuple[Any, Any]]


#: The problem with a value, or None: "is null", "has 3 numbers".
_Test = Callable[[Any, Mapping[str, Any], _Asked], str | None]


class _Field(NamedTuple):
    """A field of a record: what is expected, and the test that finds what is there instead."""

    name: str
    expected: str
    test: _Test
    needed: bool = True


def first_fault(
    ground_truth: Any, detections: Any, iou_type: str, sigmas: int = 17, *, all_fields: bool = False
) -> InputError | None:
    """What makes two COCO files impossible to evaluate, as an error; None if nothing of it is found.

    For after an evaluation has failed: both files are read as Python objects. What would be refused only together with
    something else (such as an unknown category) comes after problems of the value itself.
    """
    truth_name, found_name = os.fspath(ground_truth), os.fspath(detections)
    try:
        truth, found = read_json(ground_truth), read_json(detections)
    except (OSError, ValueError, MemoryError, RecursionError):
        # The readers have reported it already.
        return None
    return next(_faults(truth, truth_name, found, found_name, iou_type, sigmas, all_fields), None)


def _faults(
    truth: Any, truth_name: str, found: Any, found_name: str, iou_type: str, sigmas: int, all_fields: bool
) -> Iterator[InputError]:
    if not isinstance(truth, Mapping):
        expected = "an object with images, annotations and categories"
        yield InputError(f"expected {expected}, found {_kind(truth)}", truth_name)
        return
    for name in ("images", "annotations", "categories"):
        if not isinstance(truth.get(name), list):
            there = f"is {_kind(truth[name])}" if name in truth else "is missing"
            yield InputError(source=truth_name, field=name, found=there, expected="a list of objects")
            return
    if isinstance(found, Mapping):
        found = found.get("annotations")
    if not isinstance(found, list):
        yield InputError(f"expected a list of results, found {_kind(found)}", found_name)
        return
    if not found:
        yield InputError("there are no detections in it", found_name)
    for name, kind in (("images", "image"), ("categories", "category")):
        yield from _of_records(truth[name], f"{truth_name}: {name}", kind, [_ID], None)
    sizes = {
        _key(image.get("id")): (image.get("height"), image.get("width"))
        for image in truth["images"]
        if isinstance(image, Mapping)
    }
    asked = _Asked(iou_type, sigmas, all_fields, sizes)
    geometry = _GEOMETRY[iou_type]
    yield from _of_records(truth["annotations"], truth_name, "annotation", [*_TRUTH, *geometry], asked)
    if iou_type == "keypoints":
        yield from _of_records(truth["annotations"], truth_name, "annotation", [_NUM_KEYPOINTS], asked)
    # Results of boxes may replace masks, as pycocotools rasterises them.
    boxes = compares_masks(iou_type) and found and isinstance(found[0], Mapping) and "bbox" in found[0]
    fields = [*_FOUND, *([_BOX] if boxes and "segmentation" not in found[0] else geometry)]
    yield from _of_records(found, found_name, None, fields, asked)
    images, categories = (
        {_key(record["id"]) for record in truth[name] if isinstance(record, Mapping) and "id" in record}
        for name in ("images", "categories")
    )
    sides: tuple[tuple[Any, str, str | None], ...] = (
        (truth["annotations"], truth_name, "annotation"),
        (found, found_name, None),
    )
    for records, name, word in sides:
        for row, record in enumerate(records):
            for field, known, of in (("image_id", images, "images"), ("category_id", categories, "categories")):
                if _key(record.get(field)) not in known and not (all_fields and field == "category_id"):
                    strange = f"is {_short(record.get(field))}, which is not among the {of} of {truth_name}"
                    yield InputError(None, name, row, field, strange, name=_name(record, word))
    if all_fields:
        yield from _of_records(truth["annotations"], truth_name, "annotation", _PYCOCOTOOLS, asked)
        if compares_masks(iou_type):
            yield from _of_records(found, found_name, None, [_RUNS], asked)


def _of_records(
    records: list[Any], name: str, kind: str | None, fields: list[_Field], asked: Any
) -> Iterator[InputError]:
    for row, record in enumerate(records):
        if not isinstance(record, Mapping):
            yield InputError(source=name, record=row, found=f"is {_kind(record)}", expected="an object")
            continue
        for field in fields:
            if field.name not in record:
                wrong = "is missing" if field.needed else None
            else:
                wrong = field.test(record[field.name], record, asked)
            if wrong is not None:
                yield InputError(None, name, row, field.name, wrong, field.expected, name=_name(record, kind))


def _name(record: Mapping[str, Any], kind: str | None) -> str | None:
    """What a record of this kind calls itself."""
    id = record.get("id")
    return None if kind is None or id is None else f"{kind} {_short(id)}"


# What values are


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "a text" if value else "an empty text"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if value else "an empty list"


def _short(value: Any) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _key(value: Any) -> Any:
    return value if isinstance(value, (int, float, str)) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf


def _id(value: Any, record: Mapping[str, Any], asked: Any) -> str | None:
    whole = isinstance(value, str) or (_is_number(value) and value == math.floor(value) and -(2**63) <= value < 2**63)
    return None if whole else f"is {_short(value)}"


def _number(value: Any, record: Mapping[str, Any], asked: Any) -> str | None:
    return None if _is_number(value) else f"is {_short(value)}"


def _flag(value: Any, record: Mapping[str, Any], asked: Any) -> str | None:
    return None if _is_number(value) or isinstance(value, bool) else f"is {_short(value)}"


def _numbers(value: Any) -> str | None:
    """The problem with a list of numbers."""
    if not isinstance(value, list):
        return f"is {_kind(value)}"
    strange = next((i for i, number in enumerate(value) if not _is_number(number)), None)
    return None if strange is None else f"has {_short(value[strange])} at place {strange}"


def _box(value: Any, record: Mapping[str, Any], asked: Any) -> str | None:
    if isinstance(value, list) and len(value) != 4 and all(_is_number(number) for number in value):
        return f"has {len(value)} numbers"
    return _numbers(value)


def _points(value: Any, record: Mapping[str, Any], asked: _Asked) -> str | None:
    if (wrong := _numbers(value)) is not None:
        return wrong
    count = len(value)
    if count == 3 * asked.sigmas:
        return None
    if count == 2 * asked.sigmas and count % 3:
        return f"has {count} numbers, two for each of {asked.sigmas} points"
    if count % 3 or not count:
        return f"has {count} numbers, not three for each point"
    points = count // 3
    return f"has {points} points where there are {asked.sigmas} sigmas (--sigmas gives others, {points} of them)"


def _mask(value: Any, record: Mapping[str, Any], asked: _Asked) -> str | None:
    image = _key(record.get("image_id"))
    height, width = asked.sizes.get(image, (None, None))
    if isinstance(value, Mapping):
        return _run_lengths(value)
    if not isinstance(value, list) or not value:
        return f"is {_kind(value)}"
    for ring, corners in enumerate(value):
        if (wrong := _numbers(corners)) is not None:
            return f"{wrong} in polygon {ring}" if isinstance(corners, list) else f"has {wrong[3:]} at place {ring}"
        if len(corners) < 6:
            return f"has {len(corners)} numbers in polygon {ring}"
    # A missing image is a separate finding.
    drawn = _is_number(height) and _is_number(width) and height > 0 and width > 0
    if image in asked.sizes and not drawn:
        return f'is polygons, and image {_short(image)} has no "height" and "width" to rasterise them'
    return None


def _polygons(value: Any, record: Mapping[str, Any], asked: Any) -> str | None:
    if isinstance(value, Mapping) and isinstance(value.get("counts"), list):
        return 'has "counts" that are a list'
    return "is polygons" if isinstance(value, list) else None


def _run_lengths(value: Mapping[str, Any]) -> str | None:
    size, counts = value.get("size"), value.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(type(side) is int and side >= 0 for side in size):
        return f'has the "size" {_short(size)}'
    if isinstance(counts, str):
        from meanap.compat.pycocotools import mask

        try:
            mask.area(dict(value))
        except (IndexError, TypeError, ValueError, OverflowError) as error:
            return f'has "counts" that cannot be decoded ({error})'
        return None
    if not isinstance(counts, list) or not all(type(run) is int and run >= 0 for run in counts):
        return f'has the "counts" {_short(counts)}'
    if sum(counts) != size[0] * size[1]:
        return f"has run lengths of {sum(counts)} pixels for {size[0]} x {size[1]}"
    return None


_ID = _Field("id", "a whole number or a text", _id)
_BOX = _Field("bbox", "4 numbers (x, y, width, height)", _box)
_MASK = _Field("segmentation", "polygons of at least 6 numbers each, or run lengths that fill their size", _mask)
_RUNS = _Field("segmentation", "compressed run lengths, as pycocotools has them in results", _polygons, needed=False)
_NUM_KEYPOINTS = _Field("num_keypoints", "the number of points that are labelled", _number)
_GEOMETRY = {
    "bbox": [_BOX],
    "segm": [_MASK],
    "boundary": [_MASK],
    "keypoints": [_Field("keypoints", "x, y and visibility of each point", _points)],
}
_IDS = [_Field(name, "a whole number or a text", _id) for name in ("image_id", "category_id")]
_TRUTH = [
    *_IDS,
    _Field("area", "a number", _number, needed=False),
    _Field("iscrowd", "0 or 1", _flag, needed=False),
]
_FOUND = [*_IDS, _Field("score", "a number", _number)]
_PYCOCOTOOLS = [
    _Field("id", "a number, as pycocotools has it", _number),
    _Field("area", "a number", _number),
    _Field("iscrowd", "0 or 1", _flag),
    # Of objects with keypoints, for those that are around the points.
    _Field("bbox", "4 numbers (x, y, width, height)", _box, needed=False),
]
