"""Tables with a row for each image, which hold its objects as lists, as tables with a row for each object."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from meanap.errors import InputError
from meanap.readers._column_names import COLUMN_NAMES, plain_name
from meanap.readers._per_image import repeated
from meanap.readers._problems import Problems
from meanap.readers._reader import Role

__all__ = ["Nested", "by_object", "is_category"]

#: Columns of images that are taken along: their ids and sizes.
_IMAGE_IDS = ("image_id", "image_ids", "id")
_BOXES = ("bbox", "bboxes", "boxes", "box")
#: What lists of objects call their columns, by the names of tables.
_NAMES = {
    "bboxes": "bbox",
    "labels": "category_id",
    "class_labels": "category_id",
    "categories": "category_id",
    "category": "category_id",
    "label": "category_id",
    "is_crowd": "iscrowd",
}


class Nested(NamedTuple):
    """The objects of a table with a row for each image."""

    #: A table of the same library with a row for each object.
    objects: Any
    images: list[Any]
    #: Height and width by image id, where the table has them.
    sizes: dict[Any, tuple[int, int]]
    #: Whether the images are called by their position.
    by_position: bool
    #: The table itself, without the rows that are left out.
    rows: Any


def by_object(
    table: Any, place: Role, problems: Problems, start: int = 0, known: dict[Any, int] | None = None
) -> Nested | None:
    """The objects of a table; None if it has none in lists. Those of other libraries need pyarrow for it.

    A part of a table has `start` rows before it, and `known` as for `repeated`.
    """
    rows = table
    if not _is_of_pyarrow(table):
        if not any(map(_may_hold_objects, _kinds(table))):
            return None
        try:
            pyarrow: Any = importlib.import_module("pyarrow")
        except ImportError:
            return None
        table = table.collect() if hasattr(table, "collect") else table
        try:
            table = _in_arrow(pyarrow, table)
        except (OverflowError, TypeError, ValueError):
            return None  # A column holds something else than objects, which is for its reader to say.
    table = _renamed(table)
    found = _lists(table, place, start)
    if found is None:
        return None
    ids = next((table.column(name).to_pylist() for name in _IMAGE_IDS if name in table.column_names), None)
    if ids is None and known is not None:
        raise InputError('memory_limit: each image needs "image_id"', place)
    images = list(range(table.num_rows)) if ids is None else ids
    if None in images:
        raise InputError(source=place, record=start + images.index(None), unit="row", field="image_id", found="is null")
    if again := repeated(images, place, problems, "row", start, known):
        left = [row for row in range(len(images)) if row not in again]
        rows = table = table.take(left)
        images = [images[row] for row in left]
        found = _lists(table, place, start) or found
    lengths, fields = found
    arrays = {_called(name): column for name, column in fields.items()}
    arrays["image_id"] = np.repeat(np.array(images), lengths.astype(np.intp))
    sizes = {}
    if {"width", "height"} <= set(table.column_names):
        both = zip(table.column("height").to_pylist(), table.column("width").to_pylist(), strict=True)
        sizes = {id: size for id, size in zip(images, both, strict=True) if None not in size}
    return Nested(type(table).from_pydict(arrays), images, sizes, ids is None, rows)


def _in_arrow(pyarrow: Any, table: Any) -> Any:
    try:
        return pyarrow.table(table)
    except (TypeError, ValueError):
        return pyarrow.table(_plain(table))


def _plain(table: Any) -> Any:
    """A table whose objects, if it is of pandas, have no arrays of several dimensions, which pyarrow does not take."""
    if not hasattr(table, "iloc"):
        return table
    return {str(name): [_lists_in(value) for value in column] if column.dtype == object else column.to_numpy()
            for name, column in table.items()}  # fmt: skip


def _lists_in(value: Any) -> Any:
    """A value with lists in the place of arrays."""
    if isinstance(value, Mapping):
        return {name: _lists_in(item) for name, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return [_lists_in(item) for item in value] if isinstance(value, list) else value


def is_category(name: str) -> bool:
    """Whether a column of this name is of categories."""
    return _called(name) == "category_id"


def _called(name: str) -> str:
    """What tables call a column of lists of objects."""
    spelt = _SPELT.get(plain_name(name), name)
    return _NAMES.get(spelt, spelt)


#: The names of columns as they are recognised, by their plain form.
_SPELT = {
    plain_name(name): name
    for name in (
        *_IMAGE_IDS,
        *_BOXES,
        *_NAMES,
        "width",
        "height",
        *(name for of in COLUMN_NAMES.values() for name in of),
    )
}


def _is_of_pyarrow(table: Any) -> bool:
    return all(hasattr(table, name) for name in ("combine_chunks", "schema", "column_names"))


def _kinds(table: Any) -> Iterator[str]:
    """The types of the columns of a table of Polars, DuckDB or pandas, in its words."""
    if hasattr(table, "iloc"):
        for name in table.columns:
            first = table[name].iloc[0] if len(table) and table[name].dtype == object else None
            inner = first[0] if isinstance(first, (list, np.ndarray)) and len(first) else None
            yield "Struct" if isinstance(first, dict) or isinstance(inner, (dict, list, np.ndarray)) else ""
    elif hasattr(table, "collect_schema"):
        yield from map(str, table.collect_schema().dtypes())
    elif hasattr(table, "fetchnumpy"):
        yield from map(str, table.types)


def _may_hold_objects(kind: str) -> bool:
    """Whether a type is of lists within lists, of records, or of lists of these."""
    return bool(re.search(r"Struct|List\(List|List\(Array|STRUCT|\]\[", kind))


def _renamed(table: Any) -> Any:
    """A table with the names of columns in one spelling."""
    names = [_SPELT.get(plain_name(name), name) for name in table.column_names]
    return table.rename_columns(names) if len(set(names)) == len(names) else table


def _lists(table: Any, place: str, start: int) -> tuple[np.ndarray, dict[str, Any]] | None:
    """How many objects each row has, and the columns of all objects."""
    columns = {name: table.column(name).combine_chunks() for name in table.column_names if _is_nested(table, name)}
    of_table = {name: column for name, column in columns.items() if _is_list(column)}
    for name, column in columns.items():
        if _is_list(column) and _fields(column.type.value_type):  # A list of records.
            records = column.flatten()
            fields = {_SPELT.get(plain_name(field), field): records.field(field) for field in _fields(records.type)}
            if set(_BOXES) & fields.keys():
                return _lengths(column), fields
        elif _fields(column.type):  # A record of lists.
            lists = {_SPELT.get(plain_name(field), field): column.field(field) for field in _fields(column.type)}
            boxes = next((lists[name] for name in _BOXES if name in lists), None)
            if boxes is None or not _is_list(boxes):
                continue
            return _flat(lists, f"{place}: {name}", start)
    boxes = next((of_table[name] for name in _BOXES if name in of_table), None)
    # A column of boxes that is no list of lists has a row for each object.
    if boxes is None or not _is_list(boxes.flatten()):
        return None
    return _flat(of_table, place, start)


def _flat(lists: dict[str, Any], place: str, start: int) -> tuple[np.ndarray, dict[str, Any]]:
    """The items of several columns of lists, which have to agree in their lengths."""
    of_boxes = next(name for name in _BOXES if name in lists)
    lengths = _lengths(lists[of_boxes])
    fields = {}
    for name, column in lists.items():
        if not _is_list(column):
            continue
        odd = np.flatnonzero(_lengths(column) != lengths)
        if len(odd):
            row = int(odd[0])
            found = f"has {_lengths(column)[row]} items, {of_boxes!r} has {lengths[row]}"
            raise InputError(None, place, start + row, name, found, unit="row")
        fields[name] = column.flatten()
    return lengths, fields


def _lengths(column: Any) -> np.ndarray:
    lengths: np.ndarray = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return lengths


def _is_nested(table: Any, name: str) -> bool:
    return bool(table.schema.field(name).type.num_fields)


def _is_list(column: Any) -> bool:
    return hasattr(column, "value_lengths")


def _fields(type: Any) -> list[str]:
    """The names of a record's fields; none of another type."""
    return [type.field(at).name for at in range(type.num_fields)] if hasattr(type, "get_field_index") else []
