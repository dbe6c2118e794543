"""Reads ground truth and detections of any source: columns of a file or a reader, or record by record."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core, protocol, readers
from meanap._arrays import as_numpy, kind_of
from meanap._files import read_json
from meanap._similarity import box_widths
from meanap.checking.record_lists import GEOMETRY_NAMES, from_data_set, from_list, has_scores
from meanap.checking.records import Records
from meanap.checking.values import (
    BROKEN,
    add_malformed,
    add_problems,
    box_around,
    codes_of,
    number_of,
    take_masks,
    take_rotated,
)
from meanap.errors import InputError
from meanap.readers import Options, Problems, Role, _fields
from meanap.readers._coco_files import files_in
from meanap.readers._read_once import read_dataset, read_results
from meanap.readers._rotated import are_rotated, kind_of_rotated, rows_of_rotated
from meanap.readers.sides import Detections, GroundTruth, plain_ids

if TYPE_CHECKING:
    from meanap._types import AngleUnit

__all__ = ["read_detections", "read_ground_truth"]


def read_ground_truth(
    value: Any, options: Options, similarity: str | None = None, angles: tuple[AngleUnit, bool] = ("degrees", False)
) -> Records:
    """The ground truth of any source; `similarity`: what records must have."""
    records = Records("ground_truth")
    records.angles, records.reading = angles, options
    reader = readers.reader_of(value, "ground_truth", options.format)
    if reader.name != "coco":
        _from_reader(records, value, lambda problems: reader.ground_truth(value, options, problems))
    elif isinstance(value, (str, os.PathLike)):
        expected = "a data set: an object with images, annotations …"
        _from_file(records, value, read_dataset, expected, similarity)
    else:
        from_data_set(records, value, similarity)
    if options.names is not None:
        records.file = None
        names = readers.class_names(options.names)
        known = dict(zip(records.categories or (), records.names, strict=False))
        if not readers.are_of_detections(names, records.categories, known.values(), records.category_ids):
            records.categories = list(names) if records.categories is None else records.categories
            records.names = [names.get(id, known.get(id)) for id in records.categories]
            readers.warn_of_unnamed(names, records.categories, names)
    named = zip(records.categories or (), records.names, strict=False)
    records.category_names = {id: str(name) for id, name in named if name is not None}
    return records


def read_detections(value: Any, truth: Records, options: Options, similarity: str | None = None) -> Records:
    """Detections of any source, for a ground truth that has been read."""
    records = Records("detections")
    records.angles, records.reading = truth.angles, options
    records.category_names = truth.category_names
    reader = readers.reader_of(value, "detections", options.format)
    if reader.name != "coco":
        return _from_reader(records, value, lambda problems: reader.detections(value, options, problems, truth.side()))
    if isinstance(value, (str, os.PathLike)):
        _from_file(records, value, read_results, "results: an array of objects", similarity, truth)
    else:
        if isinstance(value, Mapping) and has_scores(value):
            value = value["annotations"]
        from_list(records, value, truth, similarity)
    # As an evaluation reads them: the number that is the name of the file.
    numbers = readers.image_numbers(truth.side(files=False))
    records.image_ids = [numbers.get(id, id) for id in records.image_ids]
    return records


def _from_reader(records: Records, source: Any, read: Callable[[Problems], Any]) -> Records:
    """The columns that a reader makes, without the objects that cannot be used."""
    problems = Problems("collect")
    try:
        side = read(problems)
    except InputError as error:
        if not readers.is_path(source):
            raise
        return _unreadable(records, source, error)
    kind: Any = (
        kind_of_rotated(side.arrays["boxes"])
        if are_rotated(side.arrays.get("boxes", ()))
        else "bbox"
        if "boxes" in side.arrays
        else "segm"
        if "masks" in side.arrays
        else "keypoints"
    )
    rules = protocol.get("coco", kind)

    def convert(part: Any) -> _core.Objects:
        objects: _core.Objects = part.objects(rules, kind, None)
        objects.check(records.place, part.records)
        return objects

    side, _ = readers.sound(side, convert, problems, records.place)
    add_problems(records, problems.found)
    return _from_columns(records, side)


def _from_file(
    records: Records, path: Any, read: Any, expected: str, similarity: str | None, truth: Records | None = None
) -> Records:
    try:
        dataset = read(path)
        if dataset.fallback is None and _from_dataset(records, dataset, truth, similarity):
            records.file = path
            return records
        value = dataset.load()
    except FileNotFoundError:
        raise
    except InputError as error:
        if error.code != "wrong-kind-of-file":
            return _unreadable(records, path, error)
        # Of the wrong kind: the other side of it, as often as not.
        return _wrong_kind(records, path, expected, similarity, truth)
    except BROKEN as error:
        return _unreadable(records, path, error)
    if truth is None:
        return from_data_set(records, value, similarity)
    return from_list(records, value, truth, similarity)


def _unreadable(records: Records, path: Any, error: BaseException) -> Records:
    text = " ".join(str(error).split()) or type(error).__name__
    remedy = "Give the file itself; one that a download or a job has left in half is to be written again."
    records.add("broken-file", 1, text, message=f"{os.fspath(path)} cannot be read", remedy=remedy)
    records.readable = False
    return records


def _wrong_kind(records: Records, path: Any, expected: str, similarity: str | None, truth: Records | None) -> Records:
    try:
        value = read_json(path)
    except BROKEN as error:
        return _unreadable(records, path, error)
    if truth is not None and has_scores(value):
        return from_list(records, value["annotations"], truth, similarity)
    found = "an array" if isinstance(value, list) else "an object" if isinstance(value, dict) else kind_of(value)
    swapped = isinstance(value, dict) and "annotations" in value and records.place == "detections"
    swapped = swapped or (isinstance(value, list) and records.place == "ground_truth")
    remedy = "Are the two files swapped?" if swapped else "Give the file that the other tools are given."
    records.add(
        "wrong-kind-of-file", 1, f"it holds {found}", message=f"{os.fspath(path)} is not {expected}", remedy=remedy
    )
    records.readable = False
    return records


def _from_dataset(records: Records, dataset: _core.Dataset, truth: Records | None, similarity: str | None) -> bool:
    """Takes the columns of a file; False if they lack some of the required information."""
    arrays = dataset.arrays()
    # Keypoints are read record by record; and whether a field is in all records only these say.
    fields = dataset.first_fields()
    asked = GEOMETRY_NAMES.get(similarity or "bbox")
    if "keypoints" in fields or ((asked != "bbox" or box_widths(similarity or "")) and len(dataset)):
        return False
    needed = {"image_id", "category_id"} | ({"bbox", "id", "area", "iscrowd"} if truth is None else {"score"})
    whole = truth is not None or (dataset.has_images and dataset.has_categories and dataset.has_annotations)
    if not whole or not needed <= arrays.keys():
        return False
    count = len(dataset)
    if truth is None:
        categories = dataset.categories()
        if not all(isinstance(category, dict) for category in categories):
            return False
        records.images, records.sizes = dataset.image_ids(), dataset.image_sizes().astype(np.float64)
        if not (records.sizes > 0).all():
            return False
        records.categories = dataset.category_ids()
        records.names = [category.get("name") for category in categories]
        ids = arrays["id"].tolist()
        integers = all(map(float.is_integer, ids))
        records.ids = [*map(int, ids)] if integers else [int(id) if id.is_integer() else id for id in ids]
        records.read_files = lambda: files_in(dataset)
    records.image_ids, records.category_ids = dataset.annotation_image_ids(), dataset.annotation_category_ids()
    # Codes are less than 2**31, and what is missing takes no memory.
    records.image, records.category = arrays["image_id"].view(np.int32), arrays["category_id"].view(np.int32)
    records.scores = arrays.get("score", np.broadcast_to(math.nan, count))
    records.areas = arrays.get("area", np.broadcast_to(math.nan, count))
    records.crowd = arrays.get("iscrowd", np.broadcast_to(False, count))
    records.broken_masks = np.broadcast_to(False, count)
    if "segmentation" in fields:
        role: Role = "ground_truth" if truth is None else "detections"
        images = None if truth is None or truth.file is None else read_dataset(truth.file)
        masks = dataset.objects("segm", role, images)
        measures = None if masks is None else masks.mask_measures()
        if measures is None:
            return False
        records.masks, records.broken_masks = measures, np.isnan(measures[0])
    if "bbox" in arrays:
        records.boxes = arrays["bbox"]
        with np.errstate(invalid="ignore"):
            sound = np.isfinite(records.boxes).all(axis=1) & (records.boxes[:, 2:] >= 0).all(axis=1)
            strange = (
                ~(np.isfinite(records.areas) & (records.areas >= 0)) if truth is None else np.isnan(records.scores)
            )
        field, column = (_fields.AREA, records.areas) if truth is None else (_fields.SCORE, records.scores)
        add_malformed(records, np.flatnonzero(strange), field, column)
        add_malformed(records, np.flatnonzero(~sound), _fields.BOX, records.boxes)
        return True
    # Results of masks: the boxes around them.
    return False


def _from_columns(records: Records, side: GroundTruth | Detections) -> Records:
    count = len(side)
    records.numbers, records.items = side.numbers, side.items
    records.image, records.image_ids = codes_of(plain_ids(side.image_ids))
    records.category, records.category_ids = codes_of(plain_ids(side.category_ids))

    def column(name: str, default: float) -> np.ndarray:
        value = side.arrays.get(name)
        return np.full(count, default) if value is None else np.array(as_numpy(value), dtype=np.float64).reshape(count)

    dictionaries = readers.records_of(side)
    if are_rotated(side.arrays.get("boxes", ())):
        take_rotated(records, rows_of_rotated(side.arrays["boxes"]))
    else:
        boxes = [entry.get("bbox") or box_around(entry.get("keypoints")) for entry in dictionaries]
        records.boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    records.scores = column("scores", math.nan)
    records.areas = column("exact_area" if "exact_area" in side.arrays else "area", math.nan)
    records.crowd = column("iscrowd", 0.0).astype(bool)
    records.broken_masks = np.zeros(count, dtype=bool)
    records.derived_boxes = "boxes" not in side.arrays or records.rotated is not None
    if isinstance(side, GroundTruth):
        records.images, records.sized, records.listed = side.images, bool(side.sizes), side.listed
        records.files = dict(side.files)
        sizes = [[number_of(length) for length in side.sizes.get(id) or (None, None)] for id in side.images or ()]
        records.sizes = np.array(sizes, dtype=np.float64).reshape(-1, 2)
        records.categories = side.categories
        records.names = [side.names.get(id) for id in side.categories or ()]
    take_masks(records, dictionaries, records.image_sizes, None)
    if "keypoints" in side.arrays:
        records.poses = [entry["keypoints"] for entry in dictionaries]
        if isinstance(side, GroundTruth) and "num_keypoints" in side.arrays:
            records.num_keypoints = [entry["num_keypoints"] for entry in dictionaries]
    return records
