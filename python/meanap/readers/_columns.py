"""Tables of any library as columns of one side, with the column names that are recognised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import as_numbers, as_numpy
from meanap._arrow import ArrowColumns, Lists, speaks_arrow
from meanap.errors import InputError

__all__ = ["BOX_COLUMNS", "columns_of", "side_of"]

BOX_COLUMNS = {
    "xyxy": (("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax")),
    "xywh": (("x", "y", "width", "height"), ("x", "y", "w", "h")),
    "cxcywh": (("cx", "cy", "width", "height"), ("cx", "cy", "w", "h")),
}

#: Names of a column, the most common one first.
_NAMES = {
    "image_id": ("image_id", "image_ids", "image"),
    "category_id": ("category_id", "category_ids", "category", "label"),
    "score": ("score", "scores"),
    "boxes": ("boxes", "box", "bbox"),
    "keypoints": ("keypoints",),
    "num_keypoints": ("num_keypoints",),
    "size": ("size", "masks.size", "segmentation.size"),
    "counts": ("counts", "masks.counts", "segmentation.counts"),
    "crowd": ("iscrowd", "crowd"),
    "ignore": ("ignore", "difficult"),
    "area": ("area",),
    "image_area": ("image_area",),
}


def columns_of(table: Any, place: str) -> Mapping[str, Any] | None:
    """The columns of a table by name; None if it is not one."""
    if hasattr(table, "collect_schema") and hasattr(table, "collect"):  # Polars, lazy
        table = table.collect()
    if speaks_arrow(table):
        try:
            return ArrowColumns(table, place)
        except ImportError:
            # pandas has the Arrow interface only if pyarrow is installed.
            pass
    if hasattr(table, "fetchnumpy"):  # DuckDB
        return dict(table.fetchnumpy())
    names = getattr(table, "column_names", None)
    names = getattr(table, "columns", None) if names is None else names
    if isinstance(table, np.ndarray) or names is None or not hasattr(table, "__getitem__"):
        return None
    return {str(name): as_numpy(table[name], f"{place}: column {name!r}") for name in names}


def side_of(columns: Mapping[str, Any], detections: bool, box_format: str, place: str) -> dict[str, Any]:
    """What `GroundTruth` or `Detections` takes, by keyword, and ``image_area`` where it is there."""
    side = {name: _ids(_needed(columns, name, place), f"{place}: {name}") for name in ("image_id", "category_id")}
    side = {f"{name}s": ids for name, ids in side.items()}
    if detections:
        side["scores"] = _numbers(_needed(columns, "score", place), f"{place}: score")
    else:
        for name in ("area", "num_keypoints", "crowd", "ignore"):
            if (column := _find(columns, name)) is not None:
                side[name] = as_numpy(_flat(column, f"{place}: {name}"), f"{place}: {name}")
    side.update(_boxes(columns, box_format, place))
    if (points := _find(columns, "keypoints")) is not None:
        side["keypoints"] = _poses(_even(points, f"{place}: keypoints"), f"{place}: keypoints")
    size, counts = _find(columns, "size"), _find(columns, "counts")
    if size is not None and counts is not None:
        sizes = _even(size, f"{place}: size").tolist()
        side["masks"] = [{"size": size, "counts": runs} for size, runs in zip(sizes, _runs(counts), strict=True)]
    if not {"boxes", "keypoints", "masks"} & side.keys():
        raise InputError(
            f"{place}: a table needs boxes (columns x1, y1, x2, y2 or x, y, width, height, or one column boxes), "
            f"masks (columns size and counts) or keypoints; there are {', '.join(map(repr, columns))}"
        )
    if (area := _find(columns, "image_area")) is not None:
        side["image_area"] = _numbers(area, f"{place}: image_area")
    return side


def _find(columns: Mapping[str, Any], name: str) -> Any:
    return next((columns[other] for other in _NAMES[name] if other in columns), None)


def _needed(columns: Mapping[str, Any], name: str, place: str) -> Any:
    column = _find(columns, name)
    if column is None:
        raise InputError(f"a table needs a column {name!r}; there are {', '.join(map(repr, columns))}", place)
    return column


def _flat(column: Any, place: str) -> Any:
    """A column that has to be of numbers."""
    if isinstance(column, (_core.ArrowTexts, Lists)):
        raise InputError(f"expected numbers, found {'lists' if isinstance(column, Lists) else 'text'}", place)
    return column


def _numbers(column: Any, place: str) -> np.ndarray:
    return as_numbers(_flat(column, place), place)


def _ids(column: Any, place: str) -> Any:
    if isinstance(column, Lists):
        raise InputError("expected integers or strings, found lists", place)
    return column if isinstance(column, np.ndarray) else list(column.tolist())


def _boxes(columns: Mapping[str, Any], box_format: str, place: str) -> dict[str, Any]:
    for name in _NAMES["boxes"]:
        if name in columns:
            boxes = _even(columns[name], f"{place}: {name}")
            # A column of COCO's name is as COCO has it.
            return {"boxes": boxes, "box_format": "xywh" if name == "bbox" else box_format}
    for format, choices in BOX_COLUMNS.items():
        for names in choices:
            if all(name in columns for name in names):
                sides = [_numbers(columns[name], f"{place}: {name}") for name in names]
                return {"boxes": np.stack(sides, axis=1), "box_format": format}
    return {}


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
    if isinstance(column, Lists):
        if len(column.offsets) == 1:
            return np.zeros((0, 0))
        array = column.even()
        if array is None:
            raise InputError("expected lists of one length, all numbers", place)
        return as_numbers(array, place)
    array = as_numpy(column, place)
    if array.dtype == object:
        rows: Iterable[np.ndarray] = (as_numbers(row, place) for row in array)
        array = np.stack(list(rows)) if len(array) else np.zeros((0, 0))
    return as_numbers(array, place)


def _runs(column: Any) -> list[Any]:
    if isinstance(column, Lists):
        ends = column.offsets.tolist()
        return [column.items[a:b].tolist() for a, b in zip(ends, ends[1:], strict=False)]
    return list(column.tolist())
