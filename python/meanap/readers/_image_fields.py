"""Fields of images: what a source says of each image beside its size and its objects, such as weather or time."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from meanap._arrays import as_id, as_number, shown
from meanap._arrow import ListColumn
from meanap.errors import InputError
from meanap.readers._column_names import BOX_COLUMNS, COLUMN_NAMES, plain_name

__all__ = ["FieldsInParts", "ImageFields", "fields_of_records", "fields_of_rows", "record_of"]


class ImageFields:
    """The fields of the images of a source, read when they are needed.

    Parameters
    ----------
    images
        Ids of the images.
    names
        Names of the fields, to suggest one.
    read
        Reads a field: its value by image id, of the images that have it.
    """

    def __init__(
        self, images: Sequence[Any] = (), names: Sequence[str] = (), read: Callable[[str], dict[Any, Any]] | None = None
    ) -> None:
        self.images = images
        self.names = names
        self._read = read

    def values(self, name: str) -> dict[Any, Any]:
        """The value of a field by image id, of the images that have it."""
        return {} if self._read is None else self._read(name)


class FieldsInParts:
    """The fields of the images of a source that is read in parts, each of which has some rows of an image.

    Parameters
    ----------
    wanted
        Names of the fields to be read.
    place
        The source, in errors.
    """

    def __init__(self, wanted: Sequence[str], place: str) -> None:
        self._place = place
        self._names: dict[str, None] = {}
        self._rows: dict[str, tuple[list[Any], list[Any]]] = {name: ([], []) for name in wanted}
        self._values: dict[str, dict[Any, Any]] = {}

    def add(self, part: ImageFields) -> None:
        """Add the fields of one part."""
        self._names |= dict.fromkeys(part.names)
        for name, (ids, values) in self._rows.items():
            found = part.values(name)
            ids += found
            values += found.values()

    def of_images(self, images: Collection[Any]) -> ImageFields:
        """The fields of these images, of all parts so far."""
        return ImageFields((), list(self._names), lambda name: self._of_images(name, images))

    def _of_images(self, name: str, images: Collection[Any]) -> dict[Any, Any]:
        if name not in self._values:
            ids, values = self._rows.get(name, ([], []))
            try:
                self._values[name] = fields_of_rows(ids, {name: values}, self._place).values(name)
            except InputError as error:
                # Rows were collected from all parts, so their position says nothing about the source.
                raise error.replace(record=None) from None
        return {id: value for id, value in self._values[name].items() if id in images}


def fields_of_records(ids: Sequence[Any], records: Sequence[Mapping[str, Any]]) -> ImageFields:
    """The fields of records, one for each image."""
    names = dict.fromkeys(name for record in records for name, value in record.items() if _is_single(value))

    def read(name: str) -> dict[Any, Any]:
        return {id: _single(record[name]) for id, record in zip(ids, records, strict=True) if name in record}

    return ImageFields(ids, [name for name in names if name not in _IDS], read)


def fields_of_rows(image_ids: Sequence[Any], columns: Mapping[str, Any], place: str) -> ImageFields:
    """The fields of a table that has the image of each row: all rows of an image must have the same values."""
    names = [name for name in columns if plain_name(name) not in _OF_OBJECTS]

    def read(name: str) -> dict[Any, Any]:
        if name not in columns or isinstance(columns[name], ListColumn):
            return {}
        column = columns[name]
        values: dict[Any, Any] = {}
        several = column.tolist() if hasattr(column, "tolist") else list(column)
        for row, (image, given) in enumerate(zip(image_ids, several, strict=True)):
            value = _single(given)
            known = values.setdefault(image, value)
            if known != value and not (_is_missing(known) and _is_missing(value)):
                found = f"is {shown(value)}"
                expected = f"{shown(known)} as in another row of image {image!r}"
                raise InputError(None, place, row, name, found, expected, unit="row")
        return values

    return ImageFields((), names, read)


def record_of(id: Any, item: Mapping[str, Any], size: tuple[int, int] | None) -> dict[str, Any]:
    """COCO's record of an image, from what an item says beside its objects: single values, and lists of these."""
    record: dict[str, Any] = {"id": id} if size is None else {"id": id, "height": size[0], "width": size[1]}
    for name, value in item.items():
        listed = value.tolist() if getattr(value, "ndim", 0) == 1 else value
        if _is_single(value):
            record.setdefault(name, _single(value))
        elif isinstance(listed, (list, tuple)) and plain_name(name) not in _OF_OBJECTS and all(map(_is_single, listed)):
            record[name] = list(map(_single, listed))
    record.pop("image_id", None)
    return record


def _is_single(value: Any) -> bool:
    """Whether a value is no list or array."""
    return isinstance(value, (str, int, float, np.generic)) or getattr(value, "shape", None) == ()


def _single(value: Any) -> Any:
    """A value as a Python object, a whole number as int."""
    if value is None or isinstance(value, (str, bool)):
        return value
    number = as_number(value)
    if number is None:
        id = as_id(value)
        return value if id is None else id
    return int(number) if math.isfinite(number) and number == int(number) else number


def _is_missing(value: Any) -> bool:
    return value is None or value != value


#: Columns that name images, and columns of objects: neither are fields of images.
_IDS = ("id", "image_id")
_OF_OBJECTS = frozenset(
    [plain_name(name) for names in COLUMN_NAMES.values() for name in names]
    + [plain_name(name) for choices in BOX_COLUMNS.values() for names in choices for name in names]
)
