"""COCO's records, from a file or in memory, as columns of one side.

Where all records hold plain numbers the core makes the columns (`_core.plain_columns`, and for files `_core.Dataset`).
Anything else is read here, a field at a time, by the descriptions of `_fields`: the same values are accepted, and give
the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core, _rle
from meanap._arrays import as_number, shown
from meanap._similarity import box_widths, compares_masks, compares_polygons
from meanap.errors import InputError
from meanap.readers import _fields
from meanap.readers._coco_rows import RecordList, RecordRows, groups_of, listed, listed_records, names_of
from meanap.readers._problems import Problem, Problems
from meanap.readers.sides import Detections, GroundTruth, plain_ids

if TYPE_CHECKING:
    from meanap._types import SimilarityName
    from meanap.readers._reader import Truth

__all__ = ["coco_ground_truth", "coco_results", "warn_of_drawn_boxes"]


def coco_ground_truth(
    dataset: Mapping[str, Any], similarity: SimilarityName, problems: Problems | None = None
) -> GroundTruth:
    """The columns of a COCO data set.

    Raises
    ------
    TypeError
        What has to be a list of dictionaries is something else.
    ValueError
        A field is missing or cannot be used; the message names record and field. Where `problems` collects, such
        records are left out instead.
    """
    place = "ground_truth"
    problems = Problems() if problems is None else problems
    rows = RecordRows(listed(dataset, "annotations", place), place, problems)
    images = listed_records(dataset, "images", place, problems)
    categories = listed_records(dataset, "categories", place, problems)
    image_ids = [_fields.ID.read(image["id"]) for image in images or ()]
    names = names_of(categories or ())
    sizes = {id: (image.get("height"), image.get("width")) for id, image in zip(image_ids, images or (), strict=True)}
    called = ((id, image.get("file_name")) for id, image in zip(image_ids, images or (), strict=True))
    files = {id: name for id, name in called if isinstance(name, str)}
    rotated = bool(box_widths(similarity))
    boxed = not compares_masks(similarity) and not rotated
    columns = _plain_columns(rows.records, boxed, detections=False)
    if columns is None:
        rows.check()
        known = GroundTruth([], [], np.zeros((0, 4)))
        known.images = None if images is None else image_ids
        known.categories, known.names = None if categories is None else list(names), names
        known.files = files
        rows.name_ids(known)
        columns = {
            **_ids(rows),
            **_crowds(rows),
            "area": np.array(rows.column(_fields.AREA), dtype=np.float64),
        }
        ids = [as_number(annotation.get("id")) for annotation in rows.records]
        if None not in ids:
            columns["id"] = np.array(ids, dtype=np.float64)
    fields: dict[str, Any] = {}
    if boxed:
        fields["boxes"] = _boxes(rows, columns)
    elif rotated:
        fields["boxes"] = _rotated_boxes(rows, similarity)
    else:
        keep = compares_polygons(similarity)
        fields["masks"] = _masks(rows, columns["image_id"], sizes if images is not None else None, keep=keep)
    if similarity == "keypoints":
        fields["keypoints"] = _poses(rows)
        fields["num_keypoints"] = np.array(rows.column(_fields.NUM_KEYPOINTS), dtype=np.float64)
    if any("difficulty" in record for record in rows.records[:1] if isinstance(record, Mapping)):
        fields["difficulty"] = np.array(rows.column(_fields.DIFFICULTY), dtype=np.float64)
    truth = GroundTruth(
        columns["image_id"],
        columns["category_id"],
        **fields,
        box_format="xywh",
        crowd=columns["iscrowd"],
        ignore=columns.get("ignore"),
    )
    truth.records = True
    if images is not None:
        truth.images, truth.sizes, truth.files, truth.image_records = image_ids, sizes, files, images
    if categories is not None:
        truth.categories, truth.names = list(names), names
    truth.groups = groups_of(categories or ())
    truth.arrays["exact_area"] = columns["area"]
    if "id" in columns:
        truth.arrays["ids"] = columns["id"]
    truth.dataset = None if rows.bad else dataset
    return rows.good(truth)


def coco_results(
    records: RecordList,
    similarity: str,
    sizes: Mapping[Any, Any] | None = None,
    first: Mapping[str, Any] | None = None,
    problems: Problems | None = None,
    truth: Truth | None = None,
) -> Detections:
    """The columns of COCO results.

    As the reference's `loadRes` does, what results lack is made of what they have, and their areas are of that: of the
    boxes, else of the masks, else of the extents of the poses. The first record decides which.

    Parameters
    ----------
    sizes : mapping of image id to (height, width), optional
        Of all images: polygons and boxes are drawn in them.
    first : mapping, optional
        The first record of all, where these are only some.
    problems : Problems, optional
        Takes the problems; by default the first error is raised.
    truth : GroundTruth or TruthFile, optional
        Has the ids of images and categories that records name.

    Raises
    ------
    TypeError
        A record is no dictionary.
    ValueError
        A field is missing or cannot be used; the message names record and field.
    """
    rows = RecordRows(records, "detections", Problems() if problems is None else problems)
    if first is None:
        first = next((record for record in records if isinstance(record, Mapping)), {})
    rotated = bool(box_widths(similarity))
    boxed = "bbox" in first and not (isinstance(first["bbox"], (list, tuple)) and not first["bbox"]) and not rotated
    columns = _plain_columns(rows.records, boxed, detections=True)
    if columns is None:
        rows.check()
        rows.name_ids(truth)
        columns = {**_ids(rows), "score": np.array(rows.column(_fields.SCORE), dtype=np.float64)}
    images = columns["image_id"]
    fields: dict[str, Any] = {}
    area = None
    if rotated:
        fields["boxes"] = _rotated_boxes(rows, similarity)
    elif boxed:
        fields["boxes"] = boxes = _boxes(rows, columns)
        if compares_masks(similarity):
            area = boxes[:, 2] * boxes[:, 3]
            fields["masks"] = _masks(rows, images, sizes, boxes, keep=compares_polygons(similarity))
    elif "segmentation" in first:
        masks = _masks(rows, images, sizes, keep=compares_polygons(similarity))
        if compares_masks(similarity):
            fields["masks"] = masks
        else:
            area, boxes = _measured(rows, masks)
        if similarity == "bbox":
            own = rows.column(_fields.BOX._replace(default=None, blank=None))
            pairs = zip(own, boxes.tolist(), strict=True)
            fields["boxes"] = np.array([drawn if box is None else box for box, drawn in pairs], dtype=np.float64)
    elif "keypoints" in first and similarity == "bbox":
        points = _poses(rows)
        corner = points[:, :, :2].min(axis=1)
        fields["boxes"] = np.concatenate([corner, points[:, :, :2].max(axis=1) - corner], axis=1)
    elif compares_masks(similarity):
        fields["masks"] = _masks(rows, images, sizes, keep=compares_polygons(similarity))
    elif similarity == "bbox":
        fields["boxes"] = _boxes(rows, columns)
    if similarity == "keypoints":
        fields["keypoints"] = _poses(rows)
    if "difficulty" in first:
        fields["difficulty"] = np.array(rows.column(_fields.DIFFICULTY), dtype=np.float64)
    found = Detections(images, columns["category_id"], columns["score"], **fields, box_format="xywh")
    found.records = found.any_score = True
    if area is not None:
        found.arrays["exact_area"] = area
    return rows.good(found)


def warn_of_drawn_boxes(problems: Problems | None = None) -> None:
    """Warn that boxes are compared as masks, because results have no masks."""
    text = 'there are results without "segmentation"; their boxes are compared as masks, as pycocotools does'
    (Problems() if problems is None else problems).add(Problem("masks-missing", "warning", "detections", text=text))


def _plain_columns(records: Any, boxed: bool, detections: bool) -> dict[str, Any] | None:
    """The columns of dictionaries, with their boxes if they are `boxed`, if all are plain numbers."""
    return _core.plain_columns(records, detections, boxed) if type(records) is list else None


def _ids(rows: RecordRows) -> dict[str, Any]:
    return {field.name: rows.column(field) for field in (_fields.IMAGE, _fields.CATEGORY)}


def _boxes(rows: RecordRows, columns: Mapping[str, Any]) -> np.ndarray:
    if "bbox" in columns:
        boxes: np.ndarray = columns["bbox"]
        return boxes
    return np.array(rows.column(_fields.BOX), dtype=np.float64).reshape(-1, 4)


def _rotated_boxes(rows: RecordRows, similarity: str) -> np.ndarray:
    widths, wanted = box_widths(similarity), _fields.GEOMETRY_FIELDS[similarity]
    fields = [_fields.rotated_box_of(record, wanted) for record in rows.records]
    given = [record.get(field.name) for field, record in zip(fields, rows.records, strict=True)]
    if given and all(type(box) is list for box in given):
        # As nearly all are: lists of one length, of numbers.
        with suppress(ValueError):
            array = np.array(given)
            if array.ndim == 2 and array.dtype.kind in "fi" and array.shape[1] in widths:
                sizes = {5: slice(2, 4), 7: slice(3, 6), 8: slice(0)}[array.shape[1]]
                sound = np.isfinite(array).all() and (array[:, sizes] >= 0).all()
                if sound:
                    return array.astype(np.float64, copy=False)
    boxes = [None if value is None else field.read(value) for field, value in zip(fields, given, strict=True)]
    for row, box in enumerate(boxes):
        if box is None:
            rows.fault(row, fields[row])
    length, first = next(((len(box), row) for row, box in enumerate(boxes) if box is not None), (widths[0], 0))
    for row, box in enumerate(boxes):
        if box is not None and len(box) != length:
            found = f"has {len(box)} numbers, that of record {first} has {length}"
            rows.fault(row, fields[row], found=found, expected=None)
            boxes[row] = None
    return np.array([[0.0] * length if box is None else box for box in boxes], dtype=np.float64).reshape(-1, length)


def _poses(rows: RecordRows) -> np.ndarray:
    given = [record.get("keypoints") for record in rows.records]
    if given and all(type(pose) is list for pose in given):
        # As nearly all are: lists of one length, of numbers.
        with suppress(ValueError):
            array = np.array(given)
            if array.ndim == 2 and array.dtype.kind in "fi" and array.shape[1] and array.shape[1] % 3 == 0:
                return array.astype(np.float64, copy=False).reshape(len(given), -1, 3)
    poses = rows.column(_fields.KEYPOINTS)
    length = next((len(pose) for pose in poses if pose is not None), 0)
    first = next((row for row, pose in enumerate(poses) if pose is not None), 0)
    for row, pose in enumerate(poses):
        if pose is not None and len(pose) != length:
            found = f"has {len(pose)} numbers, that of record {first} has {length}"
            rows.fault(row, _fields.KEYPOINTS, code="keypoint-count", found=found, expected=None)
            poses[row] = None
    poses = [[0.0] * length if pose is None else pose for pose in poses]
    return np.array(poses, dtype=np.float64).reshape(len(poses), -1, 3) if length else np.zeros((len(poses), 0, 3))


#: What stands for a mask that cannot be used.
_NO_MASK = {"size": [1, 1], "counts": [1]}


def _masks(
    rows: RecordRows,
    images: Any,
    sizes: Mapping[Any, Any] | None,
    boxes: np.ndarray | None = None,
    *,
    keep: bool = False,
) -> list[dict[str, Any]]:
    """Run lengths of all records. With `boxes`, those without a segmentation are drawn as their box.

    With `keep` they have the polygons that they are drawn of.
    """
    masks: list[dict[str, Any]] = []
    drawn = False
    field = _fields.MASK
    for row, (record, image) in enumerate(zip(rows.records, plain_ids(images), strict=True)):
        shape = record.get("segmentation")
        if isinstance(shape, Mapping):
            masks.append(dict(shape))
            continue
        masks.append(_NO_MASK)
        if "segmentation" not in record and boxes is not None:
            left, top, width, height = boxes[row].tolist()
            right, bottom = left + width, top + height
            rings: Any = _fields.rings_of([[left, top, left, bottom, right, bottom, right, top]])
            if rings is None:
                rows.fault(row, _fields.BOX)
                continue
            drawn = True
        elif (rings := _fields.rings_of(shape)) is None:
            rows.fault(row, field)
            continue
        if sizes is not None and image not in sizes:
            among = "in the ground truth" if rows.place == "detections" else "among those declared"
            found = f"is {image!r}, which is not {among}"
            rows.fault(row, _fields.IMAGE, code="unknown-image", found=found, expected=None)
            continue
        size = _fields.pixel_size((sizes or {}).get(image))
        if size is None:
            what = '"segmentation" holds polygons' if "segmentation" in record else '"bbox" is to be drawn as a mask'
            own = (sizes or {}).get(image)
            there = f"; found {own[0]!r} and {own[1]!r}" if isinstance(own, tuple) and len(own) == 2 else ""
            text = f'{what}, which needs "height" and "width" of image {image!r} in pixels{there}'
            changes = {"field": None, "found": None, "expected": None, "text": text}
            rows.fault(row, field, code="image-without-size", **changes)
            continue
        try:
            masks[-1] = _rle.of_polygons(rings, *size)
        except InputError:
            rows.fault(row, field, expected="coordinates in or near the image")
            continue
        if keep:
            masks[-1]["polygons"] = rings
    if drawn:
        warn_of_drawn_boxes(rows.problems)
    return masks


def _measured(rows: RecordRows, masks: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Areas ``(N,)`` of masks and the boxes ``(N, 4)`` around them."""
    areas, boxes = [], []
    for row, shape in enumerate(masks):
        try:
            packed = _rle.compressed(shape)
            areas.append(float(_rle.area(packed)))
            boxes.append(_rle.box(packed).tolist())
        except (KeyError, OverflowError, TypeError, ValueError):
            rows.fault(row, _fields.MASK)
            areas.append(0.0)
            boxes.append([0.0] * 4)
    return np.array(areas, dtype=np.float64), np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _crowds(rows: RecordRows) -> dict[str, np.ndarray]:
    """The flags `crowd` and, where they differ, `ignore` of objects, as pycocotools takes "iscrowd".

    An object is ignored if the value is true, and a crowd if its integer is not 0: the text "0" is true, and the object
    ignored, which is rarely meant.
    """
    crowd, ignored = np.array(rows.column(_fields.CROWD), dtype=bool).reshape(-1, 2).T
    odd = np.flatnonzero(ignored & ~crowd)
    if not len(odd):
        return {"iscrowd": crowd}
    # By its id: the position of a record is not known where only some images are read at a time.
    record = rows.records[int(odd[0])]
    text = (
        f'annotation {shown(record.get("id"))}: "iscrowd" is {shown(record["iscrowd"])}, expected 0 or 1: '
        "objects with such a value are ignored, as by pycocotools"
    )
    rows.problems.add(Problem("crowd-flag", "warning", rows.place, text=text))
    return {"iscrowd": crowd, "ignore": ignored}
