"""Ground truth and detections from every supported input."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from meanap._files import read_json
from meanap.detection.records import coco_ground_truth, coco_results, listed
from meanap.detection.sides import Detections, GroundTruth
from meanap.detection.streams import is_parquet, read_parquet
from meanap.detection.tables import columns_of, side_of
from meanap.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from meanap._types import BoxFormat, SimilarityName

__all__ = ["detections_from", "ground_truth_from"]

_Side = TypeVar("_Side", GroundTruth, Detections)


def ground_truth_from(value: Any, similarity: SimilarityName, box_format: BoxFormat = "xyxy") -> GroundTruth:
    """Ground truth from a path, a COCO dictionary, a table, or columns that are there already."""
    if isinstance(value, GroundTruth):
        return value
    if isinstance(value, (str, os.PathLike)):
        value = _load(value)
    if isinstance(value, Mapping) and "annotations" in value:
        return coco_ground_truth(value, similarity)
    if isinstance(value, Mapping):
        raise _no_annotations(value, "ground_truth")
    if (columns := columns_of(value, "ground_truth")) is not None:
        return _of_columns(GroundTruth, side_of(columns, False, box_format, "ground_truth"))
    raise InputTypeError(
        "ground_truth: expected a path, a COCO dictionary, meanap.GroundTruth, a list of one dictionary for each "
        f"image, or a table; found a {type(value).__name__}"
    )


def _no_annotations(value: Mapping[str, Any], place: str) -> InputError:
    there = ", ".join(map(repr, value)) or "no fields"
    return InputError(f'a COCO dictionary has "annotations"; there are {there}', place)


def detections_from(
    value: Any,
    similarity: SimilarityName,
    box_format: BoxFormat = "xyxy",
    sizes: Mapping[Any, Any] | None = None,
    first: Mapping[str, Any] | None = None,
) -> Detections:
    """Detections from a path, a list of COCO results, an ``(N, 7)`` array, a table, or columns.

    `sizes`: height and width of each image, which polygons need. `first`: the first of all COCO results, where `value`
    holds only some of them.
    """
    if isinstance(value, Detections):
        return value
    if isinstance(value, (str, os.PathLike)):
        value = _load(value)
    if isinstance(value, Mapping):
        if "annotations" not in value:
            raise _no_annotations(value, "detections")
        value = listed(value, "annotations", "detections")
    if isinstance(value, (list, tuple)):
        return coco_results(value, similarity, sizes, first)
    if isinstance(value, np.ndarray):
        if value.ndim != 2 or value.shape[1] != 7:
            raise InputError(f"expected shape (N, 7), found {value.shape}", "detections")
        image_ids, category_ids = (_whole(value[:, at], name) for at, name in ((0, "image"), (6, "category")))
        return Detections(image_ids, category_ids, value[:, 5], value[:, 1:5], box_format="xywh")
    if (columns := columns_of(value, "detections")) is not None:
        return _of_columns(Detections, side_of(columns, True, box_format, "detections"))
    raise InputTypeError(
        "detections: expected a path, a list of COCO results, meanap.Detections, a list of one dictionary for each "
        f"image, or a table; found a {type(value).__name__}"
    )


def _whole(column: np.ndarray, name: str) -> np.ndarray:
    ids = np.asarray(column, dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(ids) < 2**53) | (ids != np.floor(ids)))
    if len(wrong):
        problem = f"the {name} id is {ids[wrong[0]]}"
        raise InputError(problem, "detections", int(wrong[0]), expected="an integer", unit="row")
    return ids.astype(np.int64)


def _of_columns(kind: type[_Side], columns: dict[str, Any]) -> _Side:
    image_area = columns.pop("image_area", None)
    side = kind(**columns)
    if image_area is not None:
        side.arrays["image_area"] = image_area
    return side


def _load(path: Any) -> Any:
    if is_parquet(path):
        return read_parquet(path)
    return read_json(path)
