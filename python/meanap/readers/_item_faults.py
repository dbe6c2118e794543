"""Faults in the lists of an image, in the words of the fields of records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from meanap.errors import InputError
from meanap.readers._fields import AREA, BOX, CATEGORY, CROWD, GEOMETRY_FIELDS, NUM_KEYPOINTS, SCORE, Field, problem_of

if TYPE_CHECKING:
    from meanap._types import BoxFormat, SimilarityName

__all__ = ["in_words_of_records"]

#: The fields of which arrays hold a value for each object.
_FIELDS = {"labels": CATEGORY, "scores": SCORE, "area": AREA, "iscrowd": CROWD, "num_keypoints": NUM_KEYPOINTS}
#: What boxes are, where they are not as COCO's.
_BOXES = {"xyxy": "4 numbers (x1, y1, x2, y2)", "cxcywh": "4 numbers (x_center, y_center, width, height)"}


def in_words_of_records(
    error: InputError, items: Sequence[Any], similarity: SimilarityName, box_format: BoxFormat
) -> InputError:
    """The error about a list of an item, said of its first value that no record could have.

    An error about something else, or about an array, stays as it is.
    """
    place = re.fullmatch(r'((\w+)\[(\d+)\])(?:\["(\w+)"\])?', error.source or "")
    if place is None or int(place[3]) >= len(items):
        return error
    item, name = items[int(place[3])], place[4] or error.field
    values = item.get(name) if isinstance(item, Mapping) else None
    if name is None or not isinstance(values, (list, tuple)) or error.found == "is missing":
        return error
    field = _FIELDS.get(name, _field_of_boxes(similarity, box_format) if name in ("boxes", "bboxes") else None)
    if field is None:
        return error
    for row in range(len(values)) if error.record is None else (error.record,):
        if row >= len(values) or not (values[row] is None or field.read(values[row]) is None):
            continue
        problem = problem_of(field, {field.name: values[row]}, place[2], row)
        # Of corners, differences are no sizes.
        if box_format == "xyxy" and (problem.found or "").endswith("a negative size"):
            continue
        source = f'{place[1]}["{name}"]'
        return InputError(None, source, row, None, problem.found, problem.expected, problem.code, unit="row")
    return error


def _field_of_boxes(similarity: SimilarityName, box_format: BoxFormat) -> Field:
    field = GEOMETRY_FIELDS[similarity]
    if field.name != "bbox" or field is BOX:
        return BOX._replace(expected=_BOXES.get(box_format, BOX.expected))
    return field
