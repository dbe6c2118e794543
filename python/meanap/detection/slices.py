"""Slices: the numbers of some of the images, from the match table of all."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from meanap._arrays import as_ids, as_number, in_order, kind_of, shown
from meanap._keywords import not_there
from meanap.detection.image_fields import IMAGE_AREA
from meanap.errors import InputError
from meanap.readers._column_names import COLUMN_NAMES, Named, is_table
from meanap.readers._columns import columns_of
from meanap.readers._image_fields import fields_of_rows
from meanap.readers.sides import plain_ids

__all__ = ["OBJECTS", "SlicedImages", "Wanted", "images_of_slices", "unknown", "wanted_fields", "wanted_slices"]

#: The field of how many objects an image has, where it has no other of this name.
OBJECTS = "objects"
#: Numbers of more values than these are cut into four parts; of other values there cannot be more slices.
_FEW, _MOST = 10, 50
#: Dates and times that are sorted as texts: 2014-01-31, 2014-01-31 17:02:52.
_DATE = re.compile(r"\d{4}-\d\d")
_PARTS = 4


class Wanted(NamedTuple):
    """The requested slices."""

    #: Ids of the images of a slice by its name, or the slices to make of a field by their names, None for each value.
    parts: dict[str, list[Any] | dict[str, Any] | None]
    #: Fields that were given with their values by image id.
    values: dict[str, dict[Any, Any]]

    @property
    def names(self) -> list[str]:
        """The fields to be read of the images."""
        return [name for name, part in self.parts.items() if not isinstance(part, list) and name not in self.values]


def wanted_slices(slices: Any) -> Wanted:
    """The slices that an argument requests.

    Raises
    ------
    InputError
        It cannot be used.
    """
    wanted = Wanted({}, {})
    if slices is None:
        return wanted
    if isinstance(slices, str):
        wanted.parts[slices] = None
    elif _is_table(slices):
        _take_table(wanted, slices)
    elif isinstance(slices, Mapping):
        for name, given in slices.items():
            if not isinstance(name, str):
                raise InputError(f"slices: expected names, found {shown(name)}")
            if isinstance(given, Mapping):
                wanted.parts[name] = {str(part): _values(name, part, values) for part, values in given.items()}
            else:
                wanted.parts[name] = _ids(name, given)
    elif isinstance(slices, Iterable) and not isinstance(slices, (bytes, np.ndarray)):
        for name in slices:
            if not isinstance(name, str):
                raise InputError(f"slices: expected names of fields, found {shown(name)}")
            wanted.parts[name] = None
    else:
        expected = "names of fields, a mapping of names to image ids or ranges, or a table with image_id"
        raise InputError(f"slices: expected {expected}, found {kind_of(slices)}")
    return wanted


def wanted_fields(slices: Any) -> list[str]:
    """The fields that an argument names of each of whose values a slice is made.

    Raises
    ------
    InputError
        It names something else.
    """
    wanted = wanted_slices(slices)
    if any(part is not None for part in wanted.parts.values()) or wanted.values:
        raise InputError("slices: expected names of fields; result(slices=...) takes ids, ranges and tables")
    return wanted.names


class SlicedImages(Protocol):
    """The images of which slices are made; `Scores` are such."""

    #: The values of fields by image id.
    image_fields: dict[str, dict[Any, Any]]

    @property
    def image_ids(self) -> list[Any]:
        """The images, in order."""

    def objects_of_images(self) -> list[int]:
        """How many objects are to be found in each image."""


def images_of_slices(wanted: Wanted, scores: SlicedImages, known: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """The images of each slice, by its name: ``(I,) bool`` each.

    Parameters
    ----------
    wanted
        The slices.
    scores
        Has the fields of the images, those that were requested.
    known
        The names of all fields of the images.

    Raises
    ------
    InputError
        There is no such image or field, or a field cannot be made into slices.
    """
    if not wanted.parts:
        return {}
    ids = scores.image_ids
    places = {id: place for place, id in enumerate(ids)}
    found: dict[str, np.ndarray] = {}
    for name, parts in wanted.parts.items():
        if isinstance(parts, list):
            found[name] = _of_ids(name, parts, places)
            continue
        values = wanted.values.get(name) or scores.image_fields.get(name)
        if values is None and name == OBJECTS:
            values = dict(zip(ids, scores.objects_of_images(), strict=True))
        if not values:
            raise unknown(f"slices: no image has a field {name!r}", name, [*known, OBJECTS, IMAGE_AREA])
        column = [values.get(id) for id in ids]
        if parts is None:
            several = _of_values(name, column)
        else:
            several = {part: _within(f"slices: {name}: {part}", column, limits) for part, limits in parts.items()}
        found |= {f"{name}={part}": counted for part, counted in several.items()}
    return found


def _of_ids(name: str, images: list[Any], places: Mapping[Any, int]) -> np.ndarray:
    """Which images are among some."""
    counted = np.zeros(len(places), dtype=bool)
    for id in images:
        if id not in places:
            raise unknown(f"slices: {name!r}: no image {id!r}", id, places)
        counted[places[id]] = True
    return counted


def _is_table(slices: Any) -> bool:
    if isinstance(slices, Mapping):
        return any(not isinstance(slices.get(name), Mapping) for name in ("image_id", "image_ids") if name in slices)
    return is_table(slices)


def _take_table(wanted: Wanted, table: Any) -> None:
    """Take each column of a table as a field."""
    columns = Named(columns_of(table, "slices") or {}, "slices")
    key = next((name for name in COLUMN_NAMES["image_id"] if name in columns), None)
    if key is None:
        raise InputError(f"slices: expected a table with image_id; there are {', '.join(map(repr, columns))}")
    ids = plain_ids(as_ids(columns[key], f"slices: {key}"))
    others = {name: columns[name] for name in columns if name != columns.own(key)}
    fields = fields_of_rows(ids, others, "slices")
    for name in others:
        wanted.parts[name], wanted.values[name] = None, fields.values(name)


def _ids(name: str, given: Any) -> list[Any]:
    """The ids of a slice."""
    if isinstance(given, (str, bytes)) or not (isinstance(given, Iterable) or hasattr(given, "__array__")):
        raise InputError(f"slices: {name!r}: expected ids of images, found {shown(given)}")
    if getattr(getattr(given, "dtype", None), "kind", None) == "b":
        raise InputError(f"slices: {name!r}: expected ids of images, found flags")
    return plain_ids(as_ids(given if hasattr(given, "dtype") else list(given), f"slices: {name!r}"))


def _values(field: str, part: Any, given: Any) -> Any:
    """A range as a pair, or values as a set."""
    if not isinstance(given, (tuple, list, set, frozenset, np.ndarray)):
        given = [given]
    several = list(given)
    of_numbers = len(several) == 2 and all(value is None or as_number(value) is not None for value in several)
    if isinstance(given, (tuple, list)) and len(several) == 2 and (of_numbers or isinstance(given, tuple)):
        least, below = several
        if least is not None and below is not None and not _is_below(least, below):
            expected = "two numbers or two texts, the lower one first; None for no limit"
            raise InputError(f"slices: {field}: {part}: expected {expected}, found {shown(given)}")
        return least, below
    return frozenset(value if as_number(value) is None else as_number(value) for value in several)


def _is_below(least: Any, below: Any) -> bool:
    try:
        return bool(least < below)
    except TypeError:
        return False


def _within(place: str, column: Sequence[Any], wanted: Any) -> np.ndarray:
    """Which images have one of some values, or a value from one limit to below the other."""
    if isinstance(wanted, frozenset):
        return np.array([value is not None and value in wanted for value in column], dtype=bool)
    least, below = wanted
    kind = str if isinstance(least, str) or isinstance(below, str) else (int, float)
    strange = next((value for value in column if value is not None and not isinstance(value, kind)), None)
    if strange is not None:
        raise InputError(f"{place}: a range of {'texts' if kind is str else 'numbers'}, but an image has {strange!r}")

    def inside(value: Any) -> bool:
        if value is None or value != value:
            return False
        return (least is None or value >= least) and (below is None or value < below)

    return np.array([inside(value) for value in column], dtype=bool)


def _of_values(field: str, column: Sequence[Any]) -> dict[str, np.ndarray]:
    """A slice for each value; of many numbers or times four of about as many images each."""
    there = [value for value in column if _is_value(value)]
    distinct = in_order(set(there))
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in distinct)
    times = all(isinstance(value, str) and _DATE.match(value) for value in distinct)
    if len(distinct) <= (_FEW if numbers else _MOST):
        return {str(value): np.array([other == value for other in column], dtype=bool) for value in distinct}
    if not (numbers or times):
        problem = f"slices: field {field!r} has {len(distinct):,} values, of which at most {_MOST} can be slices each"
        raise InputError(f"{problem}; {{{field!r}: {{name: values}}}} names some")
    ordered = sorted(there)
    parts: dict[str, np.ndarray] = {}
    last: Any = None
    for part in range(1, _PARTS + 1):
        most = ordered[math.ceil(len(ordered) * part / _PARTS) - 1]
        counted = np.array([_is_value(value) and value <= most and (last is None or value > last) for value in column])
        if counted.any():
            inside = [value for value, flag in zip(column, counted, strict=True) if flag]
            parts[f"{min(inside)}..{max(inside)}"] = counted
        last = most
    return parts


def _is_value(value: Any) -> bool:
    return value is not None and value == value


def unknown(problem: str, given: Any, known: Collection[Any]) -> InputError:
    """The error about an id or a name that is not there, with the one that was meant."""
    return InputError(not_there(problem, given, known))
