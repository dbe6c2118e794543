"""A data set or a list of results, record by record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from meanap import readers
from meanap._arrays import as_id, kind_of
from meanap._similarity import box_widths
from meanap.checking.records import NOTHING, Records
from meanap.checking.values import add_problems, box_around, box_of, codes_of, number_of, take_masks, take_rotated
from meanap.errors import InputError
from meanap.readers import Problem, Problems, _fields
from meanap.readers._column_names import COLUMN_NAMES
from meanap.readers._record_fields import with_coco_fields
from meanap.readers._whole_body import with_parts
from meanap.readers.sides import GroundTruth

#: The field in which each similarity has its geometry.
GEOMETRY_NAMES = {name: field.name for name, field in _fields.GEOMETRY_FIELDS.items()}
_FIELD_LIST = (
    _fields.ID,
    _fields.IMAGE,
    _fields.CATEGORY,
    _fields.SCORE,
    _fields.BOX,
    _fields.MASK,
    _fields.KEYPOINTS,
    _fields.AREA,
    _fields.CROWD,
)
#: The fields of records as pycocotools has them: each is needed.
_NEEDED = {field.name: field._replace(default=_fields.NEEDED) for field in _FIELD_LIST}
#: Labels of annotations may be anything.
_NEEDED["id"] = _NEEDED["id"]._replace(read=lambda value: value)


def has_scores(value: Any) -> bool:
    """Whether a value is a data set with scores: predictions, as labelling tools export them."""
    entries = value.get("annotations") if isinstance(value, Mapping) else None
    if not isinstance(entries, (list, tuple)):
        return False
    return not entries or any(isinstance(entry, Mapping) and "score" in entry for entry in entries)


def from_data_set(records: Records, value: Any, similarity: str | None) -> Records:
    """Take the records of a COCO dictionary."""
    if not isinstance(value, Mapping) or not isinstance(value.get("annotations"), (list, tuple)):
        message = 'there is no array "annotations"'
        records.add("no-annotations", 1, "", message=message)
        records.readable = False
        return records
    for key in ("images", "categories"):
        if not isinstance(value.get(key), (list, tuple)):
            message = f'there is no array "{key}", so nothing can be checked against it'
            records.add(f"no-{key}", 1, "", message=message, remedy=f'Add "{key}".')
            continue
        good = [entry for entry in value[key] if isinstance(entry, Mapping) and as_id(entry.get("id")) is not None]
        bad = [
            i for i, entry in enumerate(value[key]) if not isinstance(entry, Mapping) or as_id(entry.get("id")) is None
        ]
        message = f'entries of "{key}" have no usable id'
        records.add(
            "malformed-record", len(bad), f"{key}[{bad[0] if bad else 0}]", message=message, remedy="Give each an id."
        )
        if key == "images":
            records.images = [as_id(image["id"]) for image in good]
            names = ((as_id(image["id"]), image.get("file_name")) for image in good)
            records.files = {id: name for id, name in names if isinstance(name, str)}
            sizes = [[number_of(image.get(side)) for side in ("height", "width")] for image in good]
            records.sizes = np.array(sizes, dtype=np.float64).reshape(-1, 2)
            records.sizes[~(records.sizes > 0).all(axis=1)] = math.nan
        else:
            records.categories = [as_id(category["id"]) for category in good]
            records.names = [category.get("name") for category in good]
    entries = _with_ids(records, _with_coco_fields(records, value["annotations"]), records.side())
    needed = ("image_id", "category_id", "bbox", "id", "area", "iscrowd")
    # LVIS has no crowds; its images say which categories they lack.
    images = value["images"] if records.images is not None else ()
    by_category = any(isinstance(image, Mapping) and "neg_category_ids" in image for image in images)
    asked = GEOMETRY_NAMES.get(similarity or "bbox", "bbox")
    fields = (*(needed[:-1] if by_category else needed), *([asked] if asked != "bbox" else []))
    _take(records, entries, fields, similarity)
    good = [entry if isinstance(entry, Mapping) else {} for entry in entries]
    ids = [entry.get("id") for entry in good]
    records.ids = ids if any(id is not None for id in ids) else None
    _take_ids(records)
    _take_crowds(records, [entry.get("iscrowd") for entry in good])
    records.areas = np.array([number_of(entry.get("area")) for entry in good], dtype=np.float64)
    take_masks(records, good, records.image_sizes, similarity)
    _take_poses(records, good)
    return records


def from_list(records: Records, entries: Any, truth: Records, similarity: str | None) -> Records:
    """Takes a list of results."""
    if not isinstance(entries, (list, tuple)):
        return _wrong(records, entries)
    entries = _with_ids(records, _with_coco_fields(records, entries), truth.side())
    good = [entry if isinstance(entry, Mapping) else {} for entry in entries]
    first = good[0] if good else {}
    shape = next((name for name in ("bbox", "segmentation", "keypoints") if first.get(name)), "bbox")
    asked = GEOMETRY_NAMES.get(similarity or "", shape)
    _take(records, entries, ("image_id", "category_id", "score", asked), similarity)
    if asked != "bbox" and not any(entry.get(asked) for entry in good):
        asked = shape
    shape = "bbox" if shape == "bbox" else asked
    records.areas = np.full(len(good), math.nan)
    records.crowd = np.zeros(len(good), dtype=bool)
    records.scores = np.array([number_of(entry.get("score")) for entry in good], dtype=np.float64)
    take_masks(records, good, truth.sizes_in(records), similarity)
    _take_poses(records, good)
    records.derived_boxes = shape != "bbox" or records.rotated is not None
    if shape == "segmentation" and records.masks is not None:
        records.boxes = records.masks[1]
    elif shape == "keypoints":
        records.boxes = np.array([box_around(entry.get("keypoints")) for entry in good]).reshape(-1, 4)
    return records


def _wrong(records: Records, value: Any) -> Records:
    message = f"expected an array of results, found {kind_of(value)}"
    records.add("wrong-kind-of-file", 1, "", message=message, remedy="Give a list of results.")
    records.readable = False
    return records


def _with_coco_fields(records: Records, entries: Any) -> Any:
    """The records with COCO's names of fields, where it is sure which they are."""
    try:
        reading = records.reading
        entries = with_coco_fields(entries, records.place, reading.box_format, reading.columns)
        return with_parts(entries) if reading.whole_body else entries
    except InputError as error:
        add_problems(records, [Problem.of(error)])
        return entries


def _with_ids(records: Records, entries: Any, truth: GroundTruth | None) -> Any:
    """The records with the ids of the images and categories that they name."""
    problems = Problems("collect")
    good = [entry if isinstance(entry, Mapping) else {} for entry in entries]
    named = readers.with_ids(good, truth, records.place, problems.add)
    # Names that are not known are found as ids that are not.
    add_problems(records, [problem for problem in problems.found if problem.code == "ambiguous-name"])
    if named is good:
        return entries
    for field, what in (("image_id", "files"), ("category_id", "categories")):
        rows = [row for row, entry in enumerate(named) if entry.get(field) != good[row].get(field)]
        if rows:
            first = good[rows[0]]
            given = first.get(field) or next(
                v for name in COLUMN_NAMES[field] if as_id(v := first.get(name)) is not None
            )
            are = "numbers as texts" if given == str(named[rows[0]][field]) else f"names of {what}"
            message = f"{are} stand for ids: meanap.evaluate looks them up, pycocotools does not"
            example = f"record {rows[0]}: {given!r} is {field} {named[rows[0]][field]!r}"
            records.add("named-ids", len(rows), example, message=message)
    return named


def _take(records: Records, entries: Any, needed: tuple[str, ...], similarity: str | None) -> None:
    """Ids and boxes, and findings for what is not there."""
    strange = [i for i, entry in enumerate(entries) if not isinstance(entry, Mapping)]
    if strange:
        example = f"record {strange[0]} is {kind_of(entries[strange[0]])}"
        records.add("malformed-record", len(strange), example)
    good = [entry if isinstance(entry, Mapping) else {} for entry in entries]
    rotated = similarity if box_widths(similarity or "") else _kind_of(good) if similarity is None else None
    field = _fields.BOX if rotated is None else _fields.GEOMETRY_FIELDS[rotated]
    fields = {**_NEEDED, "bbox": field}
    problems = [problem for name in needed for problem in _fields.problems_of(fields[name], entries, records.place)]
    # What is there and cannot be used of the flags, masks and keypoints is found in the columns.
    elsewhere = ("crowd-flag", "broken-mask", "malformed-keypoints")
    add_problems(records, [problem for problem in problems if problem.code not in elsewhere])
    for name, column in (("image_id", "image"), ("category_id", "category")):
        ids = [entry.get(name) for entry in good]
        points = [i for i, id in enumerate(ids) if isinstance(id, float) and as_id(id) is not None]
        message = f'"{name}" is written with a decimal point: other tools may not take it for a whole number'
        example = f"record {points[0]}: {ids[points[0]]!r}" if points else ""
        records.add("float-id", len(points), example, message=message)
        codes, known = codes_of([None if id is None else as_id(id) for id in ids])
        setattr(records, column, codes)
        setattr(records, f"{column}_ids", known)
    if rotated is not None:
        turned = [_fields.rotated_box(entry, field) for entry in good]
        width = next((len(box) for box in turned if box is not None), box_widths(rotated)[0])
        nothing = [math.nan] * width
        rows = [box if box is not None and len(box) == width else nothing for box in turned]
        take_rotated(records, np.array(rows, dtype=np.float64).reshape(-1, width))
        return
    boxes = [box_of(entry.get("bbox")) for entry in good]
    records.boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _kind_of(entries: list[Any]) -> str | None:
    """The similarity of boxes of five or seven numbers, if most are such, as far as there are boxes."""
    given = (entry.get("bbox", entry.get("obb")) for entry in entries)
    boxes = [box for box in given if isinstance(box, (list, tuple, np.ndarray))]
    for numbers, kind in ((5, "rotated"), (7, "box3d")):
        if boxes and sum(len(box) == numbers for box in boxes) > len(boxes) / 2:
            return kind
    return None


def _take_ids(records: Records) -> None:
    records.add_rows("text-id", [row for row, id in enumerate(records.ids or ()) if isinstance(id, str)])


def _take_crowds(records: Records, flags: list[Any]) -> None:
    """What is true for Python is a crowd for pycocotools, whatever it is."""
    records.crowd = np.array([bool(flag) for flag in flags], dtype=bool)
    read = _fields.CROWD.read
    strange = [
        row for row, flag in enumerate(flags) if flag is not None and (isinstance(flag, str) or read(flag) is None)
    ]
    records.add(
        "crowd-flag",
        len(strange),
        f'{records.described(strange[0])}, "iscrowd" {flags[strange[0]]!r}' if strange else "",
    )


def _take_poses(records: Records, entries: list[Any]) -> None:
    if any("keypoints" in entry for entry in entries):
        # A record that has none is no pose; one that has null is a broken one.
        records.poses = [entry.get("keypoints", NOTHING) for entry in entries]
        records.num_keypoints = [entry.get("num_keypoints") for entry in entries]
