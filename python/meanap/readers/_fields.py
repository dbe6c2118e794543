"""The fields of COCO's records: what each may be, and what is said of one that is something else.

`evaluate` reads records by these descriptions, and `check` lists what does not fit them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from meanap._arrays import as_id, as_number, shown
from meanap._similarity import GEOMETRY
from meanap.readers._problems import Problem

__all__ = [
    "AREA",
    "BOX",
    "BOX_3D",
    "CATEGORY",
    "CROWD",
    "DIFFICULTY",
    "FREQUENCY",
    "GEOMETRY_FIELDS",
    "ID",
    "IMAGE",
    "KEYPOINTS",
    "MASK",
    "NEEDED",
    "NUM_KEYPOINTS",
    "OBB",
    "ROTATED_BOX",
    "SCORE",
    "Field",
    "pixel_size",
    "problem_of",
    "problems_of",
    "rings_of",
    "rotated_box",
    "rotated_box_of",
]

#: In place of a default: the field has to be there.
NEEDED: Any = object()


class Field(NamedTuple):
    """A field of a record."""

    name: str
    #: The code of its problems.
    code: str
    expected: str
    #: The value as a column holds it, None for what it cannot be.
    read: Callable[[Any], Any]
    #: What stands in a column for a value that cannot be used.
    blank: Any
    #: What stands for a value that is missing or null.
    default: Any = NEEDED


def problem_of(field: Field, record: Mapping[str, Any], place: str, row: int) -> Problem:
    """The problem of a record whose field cannot be read."""
    value = record.get(field.name)
    if value is None:
        found = "is null" if field.name in record else "is missing"
        return Problem("missing-field", "error", place, row, field.name, found, field.expected)
    found = _found(value, field)
    wanted = field.expected
    if field.read is _box and isinstance(value, (list, tuple, np.ndarray)) and len(value) in (5, 7, 8):
        kind = "'box3d' compares 3D boxes" if len(value) == 7 else "'rotated' compares rotated boxes"
        wanted += f"; similarity {kind}"
    expected = None if found.endswith(("NaN or infinite", "a negative size", "infinite number")) else wanted
    return Problem(field.code, "error", place, row, field.name, found, expected)


def rotated_box_of(record: Mapping[str, Any], field: Field) -> Field:
    """The field of a record's rotated box, or of its 3D box."""
    return OBB if field is ROTATED_BOX and record.get("obb") is not None else field


def rotated_box(record: Mapping[str, Any], field: Field) -> list[float] | None:
    """The rotated box of a record; None if it has none that can be used."""
    field = rotated_box_of(record, field)
    box: list[float] | None = field.read(record.get(field.name))
    return box


def problems_of(field: Field, records: Sequence[Any], place: str) -> Iterator[Problem]:
    """The problems of all records; those that are no dictionaries have none."""
    for row, record in enumerate(records):
        if not isinstance(record, Mapping):
            continue
        value = record.get(field.name)
        if value is None and field.default is not NEEDED:
            continue
        own = rotated_box_of(record, field)
        value = record.get(own.name)
        if value is None or field.read(value) is None:
            yield problem_of(own, record, place, row)


def _found(value: Any, field: Field) -> str:
    """What is there, in words."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or not value or field.name not in ("bbox", "obb", "keypoints"):
        return f"is {shown(value)}"
    strange = next((at for at, item in enumerate(value) if as_number(item) is None), None)
    if strange is not None:
        item = value[strange]
        return f"has {'null' if item is None else shown(item)} at position {strange}"
    if len(value) in (_WIDTHS.get(field.read, ())):
        # In the words of the core, which reads most boxes.
        finite = all(math.isfinite(number) for number in map(float, value))
        numbers = ", ".join("NaN" if x != x else f"{x:g}" if x % 1 else f"{x:.0f}" for x in map(float, value))
        return f"is ({numbers}): {'a negative size' if finite else 'NaN or infinite'}"
    if field.name == "keypoints" and len(value) % 3 == 0:
        return "has a NaN or infinite number"
    return f"has {len(value)} number{'s' * (len(value) != 1)}"


# Values: None for what they cannot be


def _finite(value: Any) -> float | None:
    number = as_number(value)
    return number if number is not None and math.isfinite(number) else None


def _score(value: Any) -> float | None:
    number = as_number(value)
    return None if number is None or math.isnan(number) else number


def _area(value: Any) -> float | None:
    number = _finite(value)
    return number if number is not None and number >= 0 else None


def _crowd(value: Any) -> tuple[bool, bool] | None:
    """Whether it is a crowd, and whether the object is ignored, as pycocotools takes a flag."""
    if not isinstance(value, (bool, np.bool_, str)):
        value = as_number(value)
    try:
        return (int(value) != 0, bool(value))
    except (OverflowError, TypeError, ValueError):
        return None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _numbers(value: Any) -> list[float] | None:
    """A flat list of numbers."""
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.ndim == 1 and value.dtype.kind in "fiu" else None
    if not isinstance(value, (list, tuple)):
        return None
    if set(map(type, value)) <= {float, int}:
        try:
            return list(map(float, value))
        except OverflowError:
            return None
    numbers = []
    for item in value:
        number = as_number(item)
        if number is None:
            return None
        numbers.append(number)
    return numbers


def _box(value: Any) -> list[float] | None:
    """Four finite numbers; no width and no height is below 0."""
    numbers = _numbers(value)
    if numbers is None or len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        return None
    return numbers if numbers[2] >= 0 and numbers[3] >= 0 else None


def _rotated_box(value: Any) -> list[float] | None:
    """Centre, size and angle, or four corners, all finite; no width and no height is below 0."""
    if (
        isinstance(value, (list, tuple))
        and len(value) == 4
        and all(isinstance(point, (list, tuple)) for point in value)
    ):
        value = [number for point in value for number in point]
    numbers = _numbers(value)
    if numbers is None or len(numbers) not in (5, 8) or not all(map(math.isfinite, numbers)):
        return None
    return numbers if len(numbers) == 8 or min(numbers[2:4]) >= 0 else None


def _box_in_space(value: Any) -> list[float] | None:
    """Centre, sizes and yaw, all finite; no size is below 0."""
    numbers = _numbers(value)
    if numbers is None or len(numbers) != 7 or not all(map(math.isfinite, numbers)):
        return None
    return numbers if min(numbers[3:6]) >= 0 else None


#: How many numbers a box may have.
_WIDTHS: dict[Callable[[Any], Any], tuple[int, ...]] = {_box: (4,), _rotated_box: (5, 8), _box_in_space: (7,)}


def _pose(value: Any) -> list[float] | None:
    numbers = _numbers(value)
    return numbers if numbers and len(numbers) % 3 == 0 and all(map(math.isfinite, numbers)) else None


def rings_of(value: Any) -> list[list[float]] | None:
    """Polygons as the reference takes them: the first has three points or more, a number that is left over is none."""
    if not isinstance(value, (list, tuple)) or not value:
        return None
    rings: list[list[float]] = []
    for ring in value:
        numbers = _numbers(ring)
        if numbers is None or len(numbers) < (2 if rings else 5):
            return None
        if not math.isfinite(sum(numbers)) and not all(map(math.isfinite, numbers)):
            return None
        rings.append(numbers)
    return rings


def _shape(value: Any) -> Any:
    """Polygons; or a dictionary, whose run lengths are decoded elsewhere."""
    return value if isinstance(value, Mapping) else rings_of(value)


def pixel_size(size: Any) -> tuple[int, int] | None:
    """Height and width of an image, if both are whole numbers above zero."""
    try:
        height, width = map(as_number, size)
    except (TypeError, ValueError):
        return None
    sides = [side for side in (height, width) if side is not None and side.is_integer() and 0 < side < 2**32]
    return (int(sides[0]), int(sides[1])) if len(sides) == 2 else None


_AN_ID = "an integer or a string"

ID = Field("id", "malformed-id", _AN_ID, as_id, 0)
IMAGE = Field("image_id", "malformed-id", _AN_ID, as_id, 0)
CATEGORY = Field("category_id", "malformed-id", _AN_ID, as_id, 0)
SCORE = Field("score", "bad-score", "a number", _score, 0.0)
BOX = Field("bbox", "malformed-box", "4 numbers (x, y, width, height)", _box, [0.0] * 4)
ROTATED_BOX = Field(
    "bbox",
    "malformed-box",
    "5 numbers (x_center, y_center, width, height, angle) or 8 (four corners)",
    _rotated_box,
    None,
)
#: hotcoco's name of rotated boxes, beside which "bbox" may be an upright box.
OBB = ROTATED_BOX._replace(name="obb")
BOX_3D = Field("bbox", "malformed-box", "7 numbers (x, y, z, length, width, height, yaw)", _box_in_space, None)
MASK = Field(
    "segmentation",
    "broken-mask",
    "polygons ([[x1, y1, x2, y2, x3, y3, ...], ...]) or run lengths (a dictionary of size and counts)",
    _shape,
    None,
)
KEYPOINTS = Field("keypoints", "malformed-keypoints", "x, y and visibility of each keypoint", _pose, None)
NUM_KEYPOINTS = Field("num_keypoints", "malformed-num-keypoints", "a number of keypoints", _finite, math.nan, math.nan)
AREA = Field("area", "malformed-area", "an area in pixels", _area, math.nan, math.nan)
DIFFICULTY = Field("difficulty", "malformed-difficulty", "1 (easy), 2 (moderate), 3 (hard) or 4", _finite, math.nan)
CROWD = Field("iscrowd", "crowd-flag", "0 or 1", _crowd, (False, False), (False, False))
FREQUENCY = Field("frequency", "malformed-record", "a word", _word, None, None)

_OF_KIND = {
    "boxes": BOX,
    "masks": MASK,
    "keypoints": KEYPOINTS,
    "rotated boxes": ROTATED_BOX,
    "3D boxes": BOX_3D,
}
#: The field with the geometry that each similarity compares.
GEOMETRY_FIELDS = {name: _OF_KIND[kind] for name, kind in GEOMETRY.items()}
