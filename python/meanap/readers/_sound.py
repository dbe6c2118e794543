"""Which objects of a side the core can use: the rest raises, or is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from meanap.errors import InputError
from meanap.readers._fields import AREA, CROWD, SCORE
from meanap.readers._problems import Problem, Problems
from meanap.readers.sides import Detections, GroundTruth, Side

if TYPE_CHECKING:
    from meanap import _core

__all__ = ["coded", "sound"]

_Side = TypeVar("_Side", GroundTruth, Detections)
#: Rows that are converted at a time where some cannot be used.
_ROWS = 256
#: COCO's names of arrays, and the fields whose records say more of what they expect than arrays do.
_FIELDS = {"boxes": "bbox", "masks": "segmentation", "scores": "score"}
_OF_FIELDS = {field.name: field for field in (AREA, CROWD, SCORE)}
#: The codes of errors about a field or an array.
_CODES = {
    "bbox": "malformed-box",
    "boxes": "malformed-box",
    "segmentation": "broken-mask",
    "masks": "broken-mask",
    "keypoints": "malformed-keypoints",
    "score": "bad-score",
    "scores": "bad-score",
    "area": "malformed-area",
    "image_id": "malformed-id",
    "image_ids": "malformed-id",
    "category_id": "malformed-id",
    "category_ids": "malformed-id",
    "labels": "malformed-id",
    "iscrowd": "crowd-flag",
    "crowd": "crowd-flag",
    "x1": "malformed-box",
    "y1": "malformed-box",
    "x2": "malformed-box",
    "y2": "malformed-box",
}


def coded(error: InputError) -> InputError:
    """An error with the code of its field, where it has none."""
    if error.code is not None:
        return error
    if error.found in ("is missing", "is null"):
        return error.replace(code="missing-field")
    names = [error.field or "", *re.findall(r"\w+", error.source or "")]
    return error.replace(code=next((_CODES[name] for name in names if name in _CODES), None))


def sound(
    side: _Side, convert: Callable[[_Side], _core.Objects], problems: Problems, place: str
) -> tuple[_Side, _core.Objects]:
    """The objects that can be used, and what `convert` makes of them.

    Parameters
    ----------
    convert
        Raises an `InputError` for the first object that cannot be used.
    problems
        Where it raises, so does this, for the first object; otherwise it gets a problem for each of them.
    """
    try:
        return side, convert(side)
    except InputError as error:
        if error.record is None:
            raise coded(_placed(error, side, place)) from None
        last = error
    if problems.mode in ("raise", "first"):
        row, fault = next(_faults(side, convert, 0, len(side)), (last.record, last))
        raise coded(_placed(fault.replace(record=row), side, place)) from None
    bad: list[int] = []
    for start in range(0, len(side), _ROWS):
        end = min(start + _ROWS, len(side))
        for row, fault in _faults(side, convert, start, end):
            problems.add(Problem.of(coded(_placed(fault.replace(record=row), side, place))))
            bad.append(row)
    problems.leave_out(place, len(bad))
    side = side.take(np.setdiff1d(np.arange(len(side)), bad))
    return side, convert(side)


def _placed(error: InputError, side: Side, place: str) -> InputError:
    """An error about a row of a side as one about a record of its source."""
    if error.record is None:
        # Of a list or a table, which the caller gave, and not of the columns that were made of it.
        made = (side.items is not None or side.table) and error.source == type(side).__name__
        return error.replace(source=place) if made else error
    number = error.record if side.numbers is None else int(side.numbers[error.record])
    if side.items is None:
        of_array = re.fullmatch(r'\w+\["(\w+)"\]', error.source or "")
        if of_array is None:
            return error.replace(record=number)
        name = _FIELDS.get(of_array[1], of_array[1])
        error = error.replace(record=number, expected=_expected(error, name))
        # In the words of a record, which tables have for columns.
        return error.replace(source=place, field=name) if side.table else error
    item, row = side.items[:, number].tolist()
    # The array, or the argument itself.
    within = re.sub(r"^\w+", "", error.source or "")
    name = within.strip('["]')
    return error.replace(
        source=f"{place}[{item}]{within}", record=row, expected=_expected(error, _FIELDS.get(name, name))
    )


def _expected(error: InputError, name: str) -> str | None:
    """What a record's field of that name expects, where an array's error says no more."""
    field = _OF_FIELDS.get(name) if error.found is not None and error.expected in (None, "a number") else None
    return error.expected if field is None else field.expected


def _faults(
    side: _Side, convert: Callable[[_Side], _core.Objects], start: int, end: int
) -> Iterator[tuple[int, InputError]]:
    """The rows from `start` to `end` that `convert` refuses, in their order."""
    while start < end:
        try:
            convert(side.take(np.arange(start, end)))
            return
        except InputError as raised:
            if raised.record is None:
                raise
            fault, row = raised, start + raised.record
        # Each check is made of all rows: an earlier row may fail one that comes later.
        yield from _faults(side, convert, start, row)
        yield row, fault
        start = row + 1
