"""Records that are COCO's but for the names of some fields: with the names that COCO has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._arrays import as_number
from meanap.readers._column_names import COLUMN_NAMES, Named, sides_of_boxes

if TYPE_CHECKING:
    from meanap._types import BoxFormat

__all__ = ["with_coco_fields", "xywh"]

#: COCO's fields by what tables call them; images and categories are looked up by their names elsewhere.
_FIELDS = {"score": "score", "crowd": "iscrowd", "ignore": "ignore", "area": "area", "num_keypoints": "num_keypoints"}
#: What a record has in place of a box, or is one of.
_GEOMETRY = ("bbox", "obb", "segmentation", "keypoints")


def with_coco_fields(
    records: Sequence[Any], place: str, box_format: BoxFormat, columns: Mapping[str, str] | None = None
) -> Sequence[Any]:
    """The records, with COCO's names for what their first one calls otherwise; those that have them stay as they are.

    The names are those that columns of tables may have; a box may be a dictionary of its sides, or they are fields of
    the record.

    Parameters
    ----------
    records
        Anything; only lists of dictionaries are changed.
    place
        What they are called in errors.
    box_format
        Of a field ``box`` or ``boxes``; with ``cxcywh``, x and y are the centre too, else the corner.
    columns
        As for `meanap.evaluate`.

    Raises
    ------
    InputError
        Two fields may be the same.
    """
    first = next((record for record in records if isinstance(record, Mapping) and record), None)
    if first is None:
        return records
    if columns is not None:
        columns = {name: own for name, own in columns.items() if own in first}
    named = Named({name: value for name, value in first.items() if isinstance(name, str)}, place, columns or None)
    renamed = _renamed(named, first)
    boxed = "obb" in first or not isinstance(first.get("bbox", {}), Mapping)
    sides = None if boxed else _box(named, first, place, box_format)
    # What records may lack is not looked for in those of COCO, as the core does not when it reads a file.
    if sides is None and not _needed(renamed):
        return records
    return [_as_coco(record, renamed, sides) if isinstance(record, Mapping) else record for record in records]


def _renamed(named: Named, first: Mapping[str, Any]) -> dict[str, str]:
    """COCO's names by those that the records have in their place."""
    names = (*COLUMN_NAMES["image_id"], *COLUMN_NAMES["category_id"], *_GEOMETRY)
    spelt = {named.own(name): name for name in names if name in named and named.own(name) not in names}
    for of, field in _FIELDS.items():
        own = next((named.own(name) for name in COLUMN_NAMES[of] if name in named), None)
        if own is not None and field not in first:
            spelt[own] = field
    return spelt


def _needed(renamed: Mapping[str, str]) -> bool:
    """Whether a field is among them that each record has to have."""
    needed = {"score", *COLUMN_NAMES["image_id"], *COLUMN_NAMES["category_id"], *_GEOMETRY}
    return not needed.isdisjoint(renamed.values())


#: The field with the box, or None for the record itself; the names of its sides, and their format.
_Sides = tuple[str | None, tuple[str, ...], str]


def _box(named: Named, first: Mapping[str, Any], place: str, box_format: str) -> _Sides | None:
    """The fields of a record that hold its box; None if it has no box, or COCO's."""
    for name in ("bbox", "box", "boxes"):
        if name not in named:
            continue
        own = named.own(name)
        if not isinstance(first[own], Mapping):
            return None if name == "bbox" else (own, (), box_format)
        inner = Named(first[own], f"{place}: {own}")
        # A dictionary of COCO's name is as COCO has it.
        sides = _sides(inner, "xywh" if name == "bbox" else box_format)
        return None if sides is None else (own, *sides)
    sides = _sides(named, box_format)
    return None if sides is None else (None, *sides)


def _sides(fields: Named, box_format: str) -> tuple[tuple[str, ...], str] | None:
    sides = sides_of_boxes(fields, box_format)
    return None if sides is None else (tuple(map(fields.own, sides[1])), sides[0])


def _as_coco(record: Mapping[str, Any], renamed: Mapping[str, str], sides: _Sides | None) -> dict[str, Any]:
    made = {renamed.get(name, name): value for name, value in record.items()}
    if sides is None:
        return made
    field, names, format = sides
    within = record if field is None else record.get(field)
    box = [within.get(name) for name in names] if names and isinstance(within, Mapping) else within
    if box is None or (names and all(item is None for item in box)):
        return made
    return {**made, "bbox": xywh(box, format)}


def xywh(box: Any, box_format: str) -> Any:
    """A box as COCO has it, where it is four numbers."""
    numbers = [as_number(item) for item in box] if isinstance(box, (list, tuple, np.ndarray)) else []
    if len(numbers) != 4 or None in numbers:
        return list(box) if isinstance(box, np.ndarray) else box
    a, b, c, d = (float(number) for number in numbers if number is not None)
    if box_format == "xyxy":
        return [a, b, c - a, d - b]
    return [a - c / 2, b - d / 2, c, d] if box_format == "cxcywh" else [a, b, c, d]
