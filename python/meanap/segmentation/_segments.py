"""The segments of images, as COCO's panoptic JSON lists them: checked, and in columns."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._arrays import kind_of
from meanap._files import is_name, read_json
from meanap.errors import InputError, InputTypeError, MissingFieldError

if TYPE_CHECKING:
    from meanap._types import PathLike

SegmentRows = list[tuple[int, int, bool, int]]
Prepared = tuple[list[tuple[str, str]], Any, Any]


def json_object(path: PathLike) -> dict[str, Any]:
    """The object in a JSON file. A file that holds none is a ValueError that names it."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"expected a JSON object, found {type(content).__name__}", os.fsdecode(path))
    return content


def folder_of(path: PathLike, folder: PathLike | None) -> Path:
    """The folder of the PNG files of a panoptic JSON file."""
    return Path(folder) if folder is not None else Path(os.fspath(path).replace(".json", ""))


def inside(folder: Path, name: Any, place: str = "") -> str:
    """The path of a file in a folder, or below it: a name reaches no other, but by links that lie there."""
    if type(name) is not str:
        raise InputTypeError(f'"file_name" is {name!r}, expected a string', place)
    # The same on all systems: a path that is invalid on Windows is invalid everywhere.
    parts = name.replace("\\", "/").split("/")
    if not name or name[0] in "/\\" or ".." in parts or (len(name) > 1 and name[1] == ":") or not is_name(name):
        raise InputError(f'"file_name" is {name!r}, expected the name of a file in {os.fspath(folder)}', place)
    return os.path.join(folder, name)


def rows_of(
    listed: Any, position: Mapping[Any, int], place: str, *, known_only: bool, stated: bool = False
) -> SegmentRows:
    """Id, category, crowd and area of each segment; of two with one id the last, as panopticapi's dictionary."""
    rows: dict[int, tuple[int, int, bool, int]] = {}
    for n, segment in enumerate(list_of(listed, f"{place}: segments_info")):
        where = f"{place}: segments_info[{n}]"
        id = integer_of(field_of(segment, "id", where), 2**32 - 1, f"{where}: id")
        category = id_of(field_of(segment, "category_id", where), f"{where}: category_id")
        if category not in position:
            if not known_only:
                raise MissingFieldError(f"category_id {category!r} is not among the categories", where)
            # As in panopticapi, where such a ground truth is counted under a category that no table shows.
            rows.pop(id, None)
            continue
        area = -1
        if known_only and (stated or "area" in segment):
            area = integer_of(field_of(segment, "area", where), 2**53, f"{where}: area")
        crowd = known_only and segment.get("iscrowd", 0) == 1
        if stated:
            crowd = field_of(segment, "iscrowd", where) == 1
        rows[id] = (id, position[category], crowd, area)
    return list(rows.values())


def prepare_quickly(
    records: Sequence[tuple[Any, Any]], position: Mapping[Any, int], places: tuple[Path, Path]
) -> Prepared | None:
    """Paths and columns of pairs of records in which nothing is unusual.

    None, or an error, leaves them to the walk that can say what is.
    """
    pairs = [(inside(places[0], t["file_name"]), inside(places[1], p["file_name"])) for t, p in records]
    sides = [[record["segments_info"] for record in side] for side in zip(*records, strict=True)]
    truths, found = ([segment for listed in side for segment in listed] for side in sides)
    ids = [[segment["id"] for segment in side] for side in (truths, found)]
    categories = [[position[segment["category_id"]] for segment in side] for side in (truths, found)]
    crowd = [segment["iscrowd"] == 1 for segment in truths]
    area = [segment["area"] for segment in truths]
    columns = []
    for listed, of_side, category, numbers in (
        (sides[0], ids[0], categories[0], (crowd, area)),
        (sides[1], ids[1], categories[1], ([False] * len(found), [-1] * len(found))),
    ):
        id, stated = (np.array(each) if each else np.zeros(0, int) for each in (of_side, numbers[1]))
        if any(each.ndim != 1 or each.dtype.kind != "i" for each in (id, stated)):
            return None
        id, stated = (each.astype(np.int64, copy=False) for each in (id, stated))
        if (id < 0).any() or (id >> 32).any():
            return None
        if listed is sides[0] and ((stated < 0).any() or (stated > 2**53).any()):
            return None
        lengths = np.array([len(each) for each in listed], dtype=np.int64)
        # Not `np.unique`, which imports masked arrays: longer than all that is done here.
        of_image = np.sort(id + (np.repeat(np.arange(len(lengths), dtype=np.int64), lengths.astype(np.intp)) << 32))
        if (of_image[1:] == of_image[:-1]).any():
            return None
        starts = np.concatenate([[0], np.cumsum(lengths)])
        columns.append(
            (id.astype(np.uint32), np.array(category, np.uint32), np.array(numbers[0], bool), stated, starts)
        )
    return pairs, columns[0], columns[1]


def columns_of(rows: Sequence[SegmentRows]) -> Any:
    starts = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    flat = [row for of_image in rows for row in of_image]
    id, category, crowd, area = zip(*flat, strict=True) if flat else ((), (), (), ())
    return (
        np.array(id, dtype=np.uint32),
        np.array(category, dtype=np.uint32),
        np.array(crowd, dtype=bool),
        np.array(area, dtype=np.int64),
        starts,
    )


def field_of(record: Any, name: str, place: str) -> Any:
    if not isinstance(record, Mapping):
        raise InputTypeError(f"expected a dictionary, found {type(record).__name__}", place)
    if name not in record:
        raise MissingFieldError(f"there is no {name!r}", place)
    return record[name]


def iterable_of(value: Any, place: str) -> Iterable[Any]:
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise InputTypeError(f"expected a list, found {value!r}", place)
    return value


def list_of(value: Any, place: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise InputTypeError(f"expected a list, found {value!r}", place)
    return value


def id_of(value: Any, place: str) -> Any:
    if isinstance(value, (Mapping, list, tuple)):
        raise InputTypeError(f"expected a number or a string, found {value!r}", place)
    return value


def integer_of(value: Any, high: int, place: str) -> int:
    whole = isinstance(value, (int, np.integer)) or (isinstance(value, float) and value.is_integer())
    if not whole or not 0 <= value <= high:
        raise InputError(f"expected a whole number from 0 to {high}, found {value!r}", place)
    return int(value)


def as_json(value: Any) -> Any:
    """A value as it comes back from JSON: NumPy's numbers and arrays as plain ones, tuples as lists."""
    return json.loads(json.dumps(value, default=_plain_number))


def _plain_number(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"categories: expected what JSON can hold, found {kind_of(value)}")
