"""COCO: a data set, or a list of results, as one JSON file.

A data set that was read from COCO's records is written with these. Others get ids that every tool takes: image and
category ids that are text become numbers, those of images the numbers in their names where all are names of digits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from meanap._files import replacing, write_text
from meanap.readers import dataset_of, records_of
from meanap.readers.sides import Detections, GroundTruth
from meanap.writers._columns import file_names, names_of

__all__ = ["detections", "ground_truth"]


def ground_truth(path: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write a data set."""
    del images
    dataset = dict(dataset_of(truth))
    if truth.dataset is None:
        image_ids, category_ids = _image_ids(truth), _category_ids(truth)
        dataset["images"] = [{**image, "id": image_ids[image["id"]]} for image in dataset["images"]]
        dataset["categories"] = [
            {"id": category_ids[category["id"]], "name": category["name"]} for category in dataset["categories"]
        ]
        dataset["annotations"] = _renumbered(dataset["annotations"], image_ids, category_ids)
    write_text(path, json.dumps(dataset))
    return path


def detections(path: Path, found: Detections, truth: GroundTruth) -> Path:
    """Write results, with the ids that `ground_truth` writes."""
    records = _renumbered(records_of(found), _image_ids(truth), _category_ids(truth))
    with replacing(path) as file:
        separator = "["
        for record in records:
            file.write(f"{separator}{json.dumps(record)}")
            separator = ",\n"
        file.write("]" if records else "[]")
    return path


def _renumbered(
    records: list[dict[str, Any]], images: dict[Any, int], categories: dict[Any, int]
) -> list[dict[str, Any]]:
    return [
        {**_as_json(record), "image_id": images[record["image_id"]], "category_id": categories[record["category_id"]]}
        for record in records
    ]


def _as_json(record: dict[str, Any]) -> dict[str, Any]:
    """A record without bytes and flags."""
    shape = record.get("segmentation")
    if isinstance(shape, dict) and isinstance(shape.get("counts"), bytes):
        record = {**record, "segmentation": {**shape, "counts": shape["counts"].decode("ascii")}}
    return {name: int(value) if isinstance(value, bool) else value for name, value in record.items()}


def _image_ids(truth: GroundTruth) -> dict[Any, int]:
    names = file_names(truth)
    if all(isinstance(id, int) for id in names):
        return {id: id for id in names}
    numbers = [int(name) if name.isascii() and name.isdigit() else -1 for name in names.values()]
    if min(numbers, default=0) < 0 or len(set(numbers)) != len(numbers):
        numbers = list(range(1, len(names) + 1))
    return dict(zip(names, numbers, strict=True))


def _category_ids(truth: GroundTruth) -> dict[Any, int]:
    names = names_of(truth)
    if all(isinstance(id, int) for id in names):
        return {id: id for id in names}
    return {id: number for number, id in enumerate(names, start=1)}
