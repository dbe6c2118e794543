"""The columns of one side as writers need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from meanap._arrays import as_numpy, in_order
from meanap.errors import InputError
from meanap.readers._as_coco import xywh_of
from meanap.readers._fields import pixel_size
from meanap.readers._folders import stem
from meanap.readers._rotated import are_rotated, rows_of_rotated
from meanap.readers.sides import Detections, GroundTruth, plain_ids

__all__ = [
    "areas_of",
    "boxes_of",
    "corners_of",
    "file_names",
    "flags",
    "names_of",
    "not_counted",
    "number_text",
    "numbers",
    "rows_by_image",
    "size_of",
]


def boxes_of(side: GroundTruth | Detections) -> np.ndarray:
    """Boxes ``(N, 4) float64``: x, y, width, height.

    Raises
    ------
    InputError
        There are no boxes.
    """
    if "boxes" not in side.arrays:
        raise InputError("there are no boxes to write", "masks" if "masks" in side.arrays else "keypoints")
    return xywh_of(side.arrays["boxes"], side.box_format)


def corners_of(side: GroundTruth | Detections) -> np.ndarray:
    """Boxes ``(N, 4) float64``: x1, y1, x2, y2, with their own bits where they are given so; or ``(N, 8)`` corners."""
    if are_rotated(side.arrays.get("boxes", ())):
        return rows_of_rotated(side.arrays["boxes"])
    if side.box_format == "xyxy" and "boxes" in side.arrays:
        return as_numpy(side.arrays["boxes"]).astype(np.float64).reshape(-1, 4)
    boxes = boxes_of(side)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def areas_of(side: GroundTruth | Detections) -> np.ndarray | None:
    """Areas ``(N,) float64`` where all are given; None elsewhere."""
    column = side.arrays.get("area", side.arrays.get("exact_area"))
    areas = None if column is None else as_numpy(column).astype(np.float64)
    return None if areas is None or np.isnan(areas).any() else areas


def flags(side: GroundTruth | Detections, name: str) -> np.ndarray:
    """A column of flags ``(N,) bool``, which are not set where there is none."""
    column = side.arrays.get(name)
    return np.zeros(len(side), dtype=bool) if column is None else as_numpy(column).astype(bool)


def not_counted(side: GroundTruth | Detections) -> np.ndarray:
    """Crowd regions and ignored objects, ``(N,) bool``: no detection has to find them."""
    both: np.ndarray = flags(side, "iscrowd") | flags(side, "ignore")
    return both


def numbers(side: GroundTruth | Detections, name: str) -> np.ndarray:
    """A column of numbers ``(N,) float64``."""
    return as_numpy(side.arrays[name]).astype(np.float64)


def number_text(value: float) -> str:
    """A number that reads as the same double; whole ones without a point."""
    return repr(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def rows_by_image(side: GroundTruth | Detections, images: list[Any]) -> dict[Any, list[int]]:
    """The rows of each image, also of those that have none."""
    rows: dict[Any, list[int]] = {id: [] for id in images}
    for row, id in enumerate(plain_ids(side.image_ids)):
        rows.setdefault(id, []).append(row)
    return rows


def file_names(truth: GroundTruth) -> dict[Any, str]:
    """The name of each image's file without its ending: that in its record, or its id."""
    names = {id: str(id) for id in truth.images or dict.fromkeys(plain_ids(truth.image_ids))}
    for record in truth.image_records:
        if isinstance(record.get("file_name"), str) and record.get("id") in names:
            names[record["id"]] = stem(record["file_name"])
    if len(set(names.values())) != len(names):
        raise InputError("two images have files of the same name", "images")
    return names


def names_of(truth: GroundTruth) -> dict[Any, str]:
    """The name of each category, its id where it has none; sorted by id."""
    ids = truth.categories if truth.categories is not None else list(dict.fromkeys(plain_ids(truth.category_ids)))
    return {id: truth.names.get(id, str(id)) for id in in_order(ids)}


def size_of(sizes: Mapping[Any, Any], id: Any) -> tuple[int, int]:
    """Height and width of an image.

    Raises
    ------
    InputError
        They are not known.
    """
    size = pixel_size(sizes.get(id))
    if size is None:
        raise InputError(f"the size of image {id!r} is not known, which this format needs", "ground_truth: images")
    return size
