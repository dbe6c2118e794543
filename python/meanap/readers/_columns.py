"""Tables of any library as columns of one side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import as_number, as_numbers, as_numpy, shown
from meanap._arrow import ArrowColumns, ListColumn, speaks_arrow
from meanap.errors import InputError
from meanap.readers._column_names import COLUMN_NAMES, Named, columns_of_boxes, sides_of_boxes
from meanap.readers._record_fields import xywh
from meanap.readers._stored import Stored

__all__ = ["columns_of", "rows_of", "side_of"]


def columns_of(table: Any, place: str) -> Mapping[str, Any] | None:
    """The columns of a table by name; None if it is not one."""
    if isinstance(table, Stored):
        return table.columns(place)
    if isinstance(table, Mapping):
        table = _of_indexed(table)
        return _flattened(
            {str(name): _of_mapping(column, f"{place}: column {name!r}") for name, column in table.items()}
        )
    if hasattr(table, "collect_schema") and hasattr(table, "collect"):  # Polars, lazy
        table = table.collect()
    if speaks_arrow(table):
        try:
            return ArrowColumns(table, place)
        except ImportError:
            # pandas has the Arrow interface only if pyarrow is installed.
            pass
        except (OverflowError, TypeError, ValueError) as error:
            # pandas holds objects that Arrow has no type for.
            if isinstance(error, InputError) or not hasattr(table, "iloc"):
                raise
    if hasattr(table, "fetchnumpy"):  # DuckDB
        return _flattened(dict(table.fetchnumpy()))
    names = getattr(table, "column_names", None)
    names = getattr(table, "columns", None) if names is None else names
    if isinstance(table, np.ndarray) or names is None or not hasattr(table, "__getitem__"):
        return None
    if hasattr(table, "iloc"):
        return _flattened({str(name): table[name].to_numpy() for name in names})
    return {str(name): as_numpy(table[name], f"{place}: column {name!r}") for name in names}


def _of_indexed(table: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Columns that are dictionaries by row, as pandas writes tables as JSON, as lists; other tables as they are."""
    columns = list(table.values())
    if not columns or not all(isinstance(column, Mapping) for column in columns):
        return table
    rows = list(columns[0])
    if not all(list(column) == rows for column in columns):
        return table
    return {name: list(column.values()) for name, column in table.items()}


def _flattened(columns: dict[str, Any]) -> dict[str, Any]:
    """Columns, in which the fields of dictionaries are columns by themselves: ``bbox.x`` of ``bbox``, as of Arrow."""
    flat: dict[str, Any] = {}
    for name, column in columns.items():
        items = column.tolist() if isinstance(column, np.ndarray) and column.dtype == object else []
        fields = _fields_in(items)
        if not fields:
            flat[name] = column
            continue
        for field in fields:
            values = [item.get(field) if isinstance(item, Mapping) else None for item in items]
            flat[f"{name}.{field}"] = _of_mapping(values, f"column {name}.{field}")
    return flat


def _fields_in(items: Iterable[Any]) -> list[Any]:
    """The fields of the first dictionary among some values; none where there is no dictionary."""
    return list(next((item for item in items if isinstance(item, Mapping)), ()))


def _of_mapping(column: Any, place: str) -> Any:
    """A column of a dictionary: texts, and rows of texts or of lists, stay as they are."""
    kinds = set(map(type, column)) if isinstance(column, (list, tuple)) else {float}
    # A flag among numbers is none of them.
    if not kinds <= {int, float} and kinds != {bool}:
        array = np.empty(len(column), dtype=object)
        array[:] = list(column)
        return array
    return as_numpy(column, place)


def rows_of(
    table: Any, names: Mapping[str, str] | None, box_format: str, widths: tuple[int, ...] = ()
) -> list[dict[str, Any]] | None:
    """The rows of a table as COCO's records, whatever is in them; None if its library does not give rows."""
    rows = _dictionaries(table)
    if rows is None:
        return None
    if not rows:
        return []
    rows = _flat_rows(rows)
    first = Named(rows[0], "", names)
    known = {of: next((name for name in choices if name in first), None) for of, choices in COLUMN_NAMES.items()}
    turned = [choice for choice in columns_of_boxes(widths) if all(name in first for name in choice)]
    sides = _sides_in(first, box_format)
    of_sides = [first.own(name) for name in (turned[0] if turned else sides[1] if sides is not None else ())]
    records = []
    for row in rows:
        record = {_COCO.get(of, of): row[first.own(name)] for of, name in known.items() if name is not None}
        record |= {name: _of_text(record[name]) for name in ("boxes", "keypoints") if name in record}
        if widths:
            record["bbox"] = record.pop("boxes", None) if not turned else [row[name] for name in of_sides]
        elif known["boxes"] is not None:
            record["bbox"] = xywh(record.pop("boxes"), "xywh" if known["boxes"] == "bbox" else box_format)
        elif sides is not None:
            record["bbox"] = xywh([row[name] for name in of_sides], sides[0])
        if "size" in record and "counts" in record:
            mask = {"size": record.pop("size"), "counts": record.pop("counts")}
            there = mask["size"] is not None or mask["counts"] is not None
            record["segmentation"] = mask if there else row.get("segmentation", row.get("masks"))
        records.append({name: value for name, value in record.items() if value is not None or name in _RECORD})
    return records


#: COCO's names of columns that tables call otherwise.
_COCO = {"crowd": "iscrowd"}
#: Fields that a record has to have, so that null is a value of them.
_RECORD = ("image_id", "category_id", "score", "bbox", "segmentation", "keypoints")


def _dictionaries(table: Any) -> list[dict[str, Any]] | None:
    if isinstance(table, Stored):
        table = table.read(None)
    if hasattr(table, "collect_schema") and hasattr(table, "collect"):
        table = table.collect()
    if isinstance(table, Mapping):
        table = _of_indexed(table)
        columns = {name: column.tolist() if hasattr(column, "tolist") else column for name, column in table.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if hasattr(table, "fetchall"):  # DuckDB
        return [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]
    for way in ("to_pylist", "to_dicts"):  # pyarrow, Polars
        if hasattr(table, way):
            return list(getattr(table, way)())
    if hasattr(table, "to_dict"):  # pandas
        # What is NaN is missing.
        rows = table.to_dict("records")
        return [{str(name): None if _is_nan(value) else value for name, value in row.items()} for row in rows]
    return None


def _of_text(value: Any) -> Any:
    """The list of numbers that a text is, in brackets or of several words; anything else as it is."""
    if not isinstance(value, str) or not (value.strip()[:1] in ("[", "(") or " " in value.strip()):
        return value
    try:
        return _numbers_in(value)
    except ValueError:
        return value


def _numbers_in(text: str) -> list[float]:
    """The numbers of a text: ``[1, 2, 3, 4]``, ``(1, 2, 3, 4)``, ``1 2 3 4``."""
    return [float(word) for word in text.strip(" \t[]()").replace(",", " ").split()]


def _flat_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in which the fields of dictionaries, as the first of them has them, are columns by themselves.

    What is no dictionary stays.
    """
    held = {name: fields for name in rows[0] if (fields := _fields_in(row.get(name) for row in rows))}
    for name, fields in held.items():
        for row in rows:
            value = row.pop(name) if isinstance(row[name], Mapping) else {}
            row |= {f"{name}.{field}": value.get(field) for field in fields}
    return rows


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def side_of(
    columns: Mapping[str, Any], detections: bool, box_format: str, place: str, widths: tuple[int, ...] = ()
) -> dict[str, Any]:
    """What `GroundTruth` or `Detections` takes, by keyword, and ``image_area`` where it is there."""
    side = {name: _ids(_needed(columns, name, place), f"{place}: {name}") for name in ("image_id", "category_id")}
    side = {f"{name}s": ids for name, ids in side.items()}
    if detections:
        side["scores"] = _numbers(_needed(columns, "score", place), f"{place}: score")
    else:
        for name in ("area", "num_keypoints", "crowd", "ignore"):
            if (column := _find(columns, name)) is not None:
                side[name] = _numbers_or_flags(column, f"{place}: {name}")
    if (column := _find(columns, "difficulty")) is not None:
        side["difficulty"] = _numbers(column, f"{place}: difficulty")
    side.update(_rotated_boxes(columns, place, widths) if widths else _boxes(columns, box_format, place))
    if (points := _find(columns, "keypoints")) is not None:
        side["keypoints"] = _poses(_even(points, f"{place}: keypoints"), f"{place}: keypoints")
    size, counts = _find(columns, "size"), _find(columns, "counts")
    if size is not None and counts is not None:
        sizes = _whole(_even(size, f"{place}: size")).tolist()
        side["masks"] = [{"size": size, "counts": runs} for size, runs in zip(sizes, _runs(counts), strict=True)]
    if not {"boxes", "keypoints", "masks"} & side.keys():
        raise InputError(
            f"{place}: a table needs boxes (columns x1, y1, x2, y2 or x, y, width, height, or one column boxes), "
            f"masks (columns size and counts) or keypoints; there are {', '.join(map(repr, columns))}"
        )
    if (area := _find(columns, "image_area")) is not None:
        side["image_area"] = _numbers(area, f"{place}: image_area")
    return side


def _whole(numbers: np.ndarray) -> np.ndarray:
    """Numbers as integers, where all of them are such: lists of Python objects are read as floats."""
    with np.errstate(invalid="ignore"):
        whole = numbers.astype(np.int64)
    return whole if np.array_equal(whole, numbers) else numbers


def _find(columns: Mapping[str, Any], name: str) -> Any:
    return next((columns[other] for other in COLUMN_NAMES[name] if other in columns), None)


def _needed(columns: Mapping[str, Any], name: str, place: str) -> Any:
    column = _find(columns, name)
    if column is None:
        raise InputError(f"a table needs a column {name!r}; there are {', '.join(map(repr, columns)) or 'none'}", place)
    return column


def _flat(column: Any, place: str) -> Any:
    """A column that has to be of numbers."""
    if isinstance(column, (_core.ArrowTexts, ListColumn)):
        raise InputError(f"expected numbers, found {'lists' if isinstance(column, ListColumn) else 'text'}", place)
    return column


def _numbers(column: Any, place: str) -> np.ndarray:
    return as_numbers(_without_null(_flat(column, place), place), place)


def _numbers_or_flags(column: Any, place: str) -> np.ndarray:
    array = as_numpy(_flat(column, place), place)
    if array.dtype != object:
        return array
    for row, item in enumerate(array.tolist()):
        if as_number(item) is None:
            raise _of_row(row, place, "is null" if item is None else f"is {shown(item)}", "a number")
    return np.array(array.tolist(), dtype=np.float64)


def _without_null(column: Any, place: str) -> Any:
    """A column in which something stands in each row.

    Raises
    ------
    InputError
        None stands in one.
    """
    if isinstance(column, np.ndarray) and column.dtype == object:
        row = next((row for row, item in enumerate(column.tolist()) if item is None), None)
        if row is not None:
            raise _of_row(row, place, "is null")
    return column


def _of_row(row: int, place: str, found: str, expected: str | None = None) -> InputError:
    """What is wrong in a row of a column."""
    return InputError(source=place, record=row, unit="row", found=found, expected=expected)


def _ids(column: Any, place: str) -> Any:
    if isinstance(column, ListColumn):
        raise InputError("expected integers or strings, found lists", place)
    return _without_null(column, place) if isinstance(column, np.ndarray) else list(column.tolist())


def _boxes(columns: Mapping[str, Any], box_format: str, place: str) -> dict[str, Any]:
    for name in COLUMN_NAMES["boxes"]:
        if name in columns:
            boxes = _even(columns[name], f"{place}: {name}")
            # A column of COCO's name is as COCO has it.
            return {"boxes": boxes, "box_format": "xywh" if name == "bbox" else box_format}
    if (sides := _sides_in(columns, box_format)) is not None:
        format, names = sides
        if any(all(name in columns for name in choice) for choice in columns_of_boxes((7,))):
            problem = (
                "x, y, z, sizes and yaw are 3D boxes: similarity 'box3d', 'bev' or 'centre-distance' compares them"
            )
            raise InputError(problem, place, code="wrong-geometry")
        numbers = [_numbers(columns[name], f"{place}: {name}") for name in names]
        return {"boxes": np.stack(numbers, axis=1), "box_format": format}
    return {}


def _sides_in(columns: Mapping[str, Any], box_format: str) -> tuple[str, list[str]] | None:
    """The format and the columns of the numbers of a box, which may be the fields of one column."""
    for column in ("", *COLUMN_NAMES["boxes"]):
        of_column = "xywh" if column == "bbox" else box_format
        if (sides := sides_of_boxes(columns, of_column, f"{column}." if column else "")) is not None:
            return sides
    return None


def _rotated_boxes(columns: Mapping[str, Any], place: str, widths: tuple[int, ...]) -> dict[str, Any]:
    for names in columns_of_boxes(widths):
        if all(name in columns for name in names):
            return {"boxes": np.stack([_numbers(columns[name], f"{place}: {name}") for name in names], axis=1)}
    for name in COLUMN_NAMES["boxes"]:
        if name in columns:
            return {"boxes": _even(columns[name], f"{place}: {name}")}
    what, choices, numbers = (
        ("3D boxes", "x, y, z, length, width, height, yaw", "seven")
        if widths == (7,)
        else ("rotated boxes", "cx, cy, width, height, angle or x1, y1, x2, y2, x3, y3, x4, y4", "five or eight")
    )
    raise InputError(
        f"{place}: a table needs {what} (columns {choices}, or one column boxes of {numbers} numbers); there are "
        f"{', '.join(map(repr, columns))}"
    )


def _poses(points: np.ndarray, place: str) -> np.ndarray:
    """Poses ``(N, K, 3)``, of lists of ``x, y, visibility`` or of all numbers of a pose."""
    if not points.size:
        return np.zeros((0, 0, 3))
    if points.ndim == 3 and points.shape[2] in (2, 3):
        return points
    if points.ndim != 2 or points.shape[1] % 3:
        found = ", ".join(map(str, points.shape))
        raise InputError(f"expected lists of x, y, visibility of each keypoint, found shape ({found})", place)
    return points.reshape(len(points), -1, 3)


def _even(column: Any, place: str) -> np.ndarray:
    """A column of lists of one length as ``(N, K)``."""
    if isinstance(column, ListColumn):
        if len(column.offsets) == 1:
            return np.zeros((0, 0))
        array = column.even()
        if array is None:
            lengths = np.diff(column.offsets)
            odd = np.flatnonzero(lengths != lengths[0])
            if not len(odd):
                raise InputError("expected lists of one length, all numbers", place)
            raise _uneven(int(lengths[odd[0]]), int(odd[0]), place)
        return as_numbers(array, place)
    if isinstance(column, _core.ArrowTexts):
        return _of_texts(column.tolist(), place)
    array = as_numpy(column, place)
    if array.size and (array.dtype.kind == "U" or (array.dtype == object and isinstance(array.ravel()[0], str))):
        return _of_texts(array.tolist(), place)
    if array.dtype == object:
        array = _of_objects(_without_null(array, place), place)
    return as_numbers(array, place)


def _of_objects(column: np.ndarray, place: str) -> np.ndarray:
    """Lists of numbers in a column of objects."""
    rows: list[np.ndarray] = []
    for row, item in enumerate(column):
        try:
            numbers = np.asarray(as_numbers(item, place), dtype=np.float64)
        except InputError:
            numbers = np.zeros(())
        if not numbers.ndim:
            raise _of_row(row, place, f"is {shown(item)}", "a list of numbers") from None
        if rows and numbers.shape != rows[0].shape:
            raise _uneven(numbers.size if numbers.ndim == 1 else 0, row, place)
        rows.append(numbers)
    return np.stack(rows) if rows else np.zeros((0, 0))


def _uneven(length: int, row: int, place: str) -> InputError:
    """That a list has another length than the first one."""
    # Poses of other numbers of keypoints are poses.
    code = "keypoint-count" if place.endswith("keypoints") and length and length % 3 == 0 else None
    return InputError("expected lists of one length, all numbers", place, row, unit="row", code=code)


def _of_texts(texts: list[Any], place: str) -> np.ndarray:
    """Lists of numbers that are written as text."""
    rows = []
    for row, text in enumerate(texts):
        try:
            rows.append(_numbers_in(str(text)))
        except ValueError:
            raise _of_row(row, place, f"is {shown(text)}", "numbers") from None
        if len(rows[-1]) != len(rows[0]):
            raise _of_row(row, place, f"has {len(rows[-1])} numbers", f"{len(rows[0])} as in the first row")
    return np.array(rows)


def _runs(column: Any) -> list[Any]:
    if isinstance(column, ListColumn):
        ends = column.offsets.tolist()
        return [column.items[a:b].tolist() for a, b in zip(ends, ends[1:], strict=False)]
    return list(column.tolist())
