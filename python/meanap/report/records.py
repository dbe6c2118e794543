"""The records of some images, as COCO has them, from every input that can be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from meanap import _core, _rle, readers
from meanap._files import input_errors, read_json
from meanap.detection import Result
from meanap.errors import InputError
from meanap.readers import Detections, GroundTruth
from meanap.readers._reader import is_path

__all__ = ["Records", "records"]


class Records(NamedTuple):
    """What is in some images."""

    #: ``id``, ``width``, ``height`` and ``file_name``, as far as they are known.
    images: list[dict[str, Any]]
    #: In the order in which they were evaluated, as the detections.
    annotations: list[dict[str, Any]]
    detections: list[dict[str, Any]]
    #: Pairs of keypoints to connect, by category.
    skeletons: dict[Any, Any]


def records(result: Result, ground_truth: Any, detections: Any, wanted: set[Any]) -> Records:
    """The records of the images `wanted`."""
    found = _detections(result, detections, wanted)
    if is_path(ground_truth) and readers.reader_of(ground_truth, "ground_truth").name == "coco":
        ground_truth = read_json(ground_truth)
    if isinstance(ground_truth, Mapping):
        images = [dict(image) for image in ground_truth.get("images", ()) if image["id"] in wanted]
        objects = [dict(record) for record in ground_truth["annotations"] if record["image_id"] in wanted]
        skeletons = {kind["id"]: kind.get("skeleton") or [] for kind in ground_truth.get("categories", ())}
        there = {image["id"] for image in images}
        return Records([*images, *({"id": id} for id in wanted - there)], objects, found, skeletons)
    side: Any = readers.ground_truth(ground_truth, readers.Options(result.similarity, image_records=True))
    known = {image["id"]: image for image in side.image_records if image["id"] in wanted}
    images = []
    for id in wanted:
        height, width = side.sizes.get(id) or (None, None)
        images.append({"height": height, "width": width, **known.get(id, {}), "id": id})
    return Records(images, _of_side(side, wanted), found, {})


def _detections(result: Result, source: Any, wanted: set[Any]) -> list[dict[str, Any]]:
    if is_path(source) and readers.reader_of(source, "detections").name == "coco":
        return _of_results(source, wanted)
    if isinstance(source, Mapping):
        source = source.get("annotations", ())
    if isinstance(source, (list, tuple)) and readers.reader_of(source, "detections").name == "coco":
        return [dict(record) for record in source if record["image_id"] in wanted]
    return _of_side(readers.detections(source, readers.Options(result.similarity)), wanted)


def _of_results(path: Any, wanted: set[Any]) -> list[dict[str, Any]]:
    """The results of a file: of its columns where it has no other fields."""
    try:
        with input_errors(path):
            dataset = _core.read_results(path)
    except InputError as error:
        if error.code != "wrong-kind-of-file":
            raise
        # A data set with a score in each annotation.
        return [dict(record) for record in read_json(path)["annotations"] if record["image_id"] in wanted]
    columns = {name: dataset.column(name) for name in ("image_id", "category_id", "score", "bbox")}
    simple = dataset.first_fields() <= set(columns) and all(column is not None for column in columns.values())
    if dataset.fallback is None and simple:
        rows = [i for i, id in enumerate(columns["image_id"] or ()) if id in wanted]
        return [{name: column[i] for name, column in columns.items() if column} for i in rows]
    with input_errors(path):
        return [dict(record) for record in dataset.load() if record["image_id"] in wanted]


def _of_side(side: GroundTruth | Detections | Any, wanted: set[Any]) -> list[dict[str, Any]]:
    """The rows of columns as records."""
    ids = side.image_ids.tolist() if isinstance(side.image_ids, np.ndarray) else side.image_ids
    part = side.take(np.array([row for row, id in enumerate(ids) if id in wanted], dtype=np.int64))
    columns = part.arrays
    found: dict[str, list[Any]] = {"image_id": list(part.image_ids), "category_id": list(part.category_ids)}
    if "scores" in columns:
        found["score"] = [float(score) for score in columns["scores"]]
    if "boxes" in columns:
        found["bbox"] = _corner_and_size(np.asarray(columns["boxes"], dtype=np.float64), part.box_format).tolist()
    if "masks" in columns:
        found["segmentation"] = [_run_lengths(mask) for mask in columns["masks"]]
    if "keypoints" in columns:
        points = np.asarray(columns["keypoints"], dtype=np.float64)
        if points.shape[2] == 2:
            points = np.concatenate([points, np.full((*points.shape[:2], 1), 2.0)], axis=2)
        found["keypoints"] = points.reshape(len(points), -1).tolist()
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]


def _corner_and_size(boxes: np.ndarray, form: str) -> np.ndarray:
    """Boxes as COCO has them: left, top, width, height."""
    boxes = boxes.reshape(-1, 4).copy()
    if form == "xyxy":
        boxes[:, 2:] -= boxes[:, :2]
    elif form == "cxcywh":
        boxes[:, :2] -= boxes[:, 2:] / 2
    return boxes


def _run_lengths(mask: Any) -> Any:
    if isinstance(mask, (list, Mapping)):
        return mask
    return _rle.encode(np.asarray(mask, dtype=np.uint8))
