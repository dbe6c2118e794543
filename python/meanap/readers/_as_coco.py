"""Columns as COCO's dictionaries, for what reads records: drawings, checks record by record, the pycocotools API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from meanap import _rle
from meanap._arrays import as_masks, as_numpy, in_order
from meanap.readers._coco_files import TruthFile
from meanap.readers._reader import Truth
from meanap.readers._rotated import are_rotated, areas_of_rotated, rows_of_rotated
from meanap.readers.sides import GroundTruth, Side, plain_ids

__all__ = ["coco_boxes", "coco_columns", "coco_masks", "coco_poses", "dataset_of", "records_of", "xywh_of"]


def dataset_of(truth: Truth) -> Mapping[str, Any]:
    """Ground truth as a COCO data set: the records that it was read from, or such records made of its columns."""
    if isinstance(truth, TruthFile):
        return _named(truth.load(), truth.names)
    if truth.dataset is not None:
        return _named(truth.dataset, truth.names)
    images = truth.images if truth.images is not None else list(dict.fromkeys(plain_ids(truth.image_ids)))
    categories = truth.categories if truth.categories is not None else in_order(set(plain_ids(truth.category_ids)))
    annotations = records_of(truth)
    for number, record in enumerate(annotations, start=1):
        record["id"] = number
        record["iscrowd"] = int(record.get("iscrowd", 0))
        # Columns say by these that a value is not given.
        if not record.get("area"):
            record["area"] = _area(record)
        if record.get("num_keypoints") != record.get("num_keypoints"):
            del record["num_keypoints"]
    return {
        "images": list(truth.image_records) or [_image(id, truth) for id in images],
        "categories": [{"id": id, "name": truth.names.get(id, str(id))} for id in categories],
        "annotations": annotations,
    }


def _named(dataset: Mapping[str, Any], names: Mapping[Any, str]) -> Mapping[str, Any]:
    """A data set whose categories have these names."""
    if not isinstance(dataset.get("categories"), (list, tuple)):
        return dataset
    categories = [{**category, "name": names.get(category["id"], "")} for category in dataset["categories"]]
    return {**dataset, "categories": categories}


def _image(id: Any, truth: GroundTruth) -> dict[str, Any]:
    size = truth.sizes.get(id)
    image = {"id": id, "file_name": truth.files.get(id, str(id))}
    return image if size is None else {**image, "height": size[0], "width": size[1]}


def _area(record: Mapping[str, Any]) -> float:
    if "segmentation" in record:
        return float(_rle.area(_rle.compressed(record["segmentation"])))
    if len(record["bbox"]) != 4:
        return float(areas_of_rotated([record["bbox"]])[0])
    width, height = record["bbox"][2:]
    return float(width * height)


def records_of(side: Side) -> list[dict[str, Any]]:
    """A dictionary for each object: ``image_id``, ``category_id``, ``score`` and geometry under COCO's names."""
    columns = coco_columns(side)
    if "bbox" not in columns and isinstance(side, GroundTruth) and "segmentation" in columns:
        columns["bbox"] = [_rle.box(_rle.compressed(shape)).tolist() for shape in columns["segmentation"]]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def coco_columns(side: Side) -> dict[str, list[Any]]:
    """The columns of a side under COCO's names."""
    columns: dict[str, list[Any]] = {
        "image_id": plain_ids(side.image_ids),
        "category_id": plain_ids(side.category_ids),
    }
    for name, array in side.arrays.items():
        if name == "boxes":
            columns["bbox"] = coco_boxes(side).tolist()
        elif name == "masks":
            columns["segmentation"] = coco_masks(array)
        elif name == "keypoints":
            columns["keypoints"] = coco_poses(array).tolist()
        elif name in _NAMES:
            columns[_NAMES[name]] = as_numpy(array).tolist()
    return columns


_NAMES = {
    "scores": "score",
    "area": "area",
    "iscrowd": "iscrowd",
    "ignore": "ignore",
    "num_keypoints": "num_keypoints",
    "difficulty": "difficulty",
}


def coco_boxes(side: Side) -> np.ndarray:
    """The boxes of a side ``(N, 4)`` as x, y, width and height; rotated boxes with all their numbers."""
    boxes = side.arrays["boxes"]
    return rows_of_rotated(boxes) if are_rotated(boxes) else xywh_of(boxes, side.box_format)


def xywh_of(boxes: Any, box_format: str) -> np.ndarray:
    """Boxes ``(N, 4) float64`` as x, y, width and height."""
    array = np.array(as_numpy(boxes), dtype=np.float64).reshape(-1, 4)
    if box_format == "xyxy":
        array[:, 2:] -= array[:, :2]
    elif box_format == "cxcywh":
        array[:, :2] -= array[:, 2:] / 2
    return array


def coco_masks(masks: Any) -> list[dict[str, Any]]:
    """Masks as run lengths."""
    if isinstance(masks, (list, tuple)) and all(isinstance(item, Mapping) for item in masks):
        return [dict(item) for item in masks]
    return [_rle.encode(item) for item in as_masks(masks, "masks")]


def coco_poses(points: Any) -> np.ndarray:
    """Poses ``(N, 3 K)`` of keypoints ``(N, K, 2)`` or ``(N, K, 3)``: x, y and visibility of each, 2 if it has none."""
    array = np.asarray(as_numpy(points), dtype=np.float64)
    if array.ndim == 3 and array.shape[2] == 2:
        array = np.concatenate([array, np.full((*array.shape[:2], 1), 2.0)], axis=2)
    return array.reshape(len(array), int(np.prod(array.shape[1:])))
