"""COCO's records, from a file or in memory, as columns of one side.

Where all records hold plain numbers the core makes the columns (`_core.plain_columns`, and for files `_core.Dataset`).
Anything else is read here, a field at a time: the same values are accepted, and give the same columns.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core, _rle
from meanap._arrays import as_id, as_number, shown
from meanap._similarity import compares_masks
from meanap.errors import InputError, InputTypeError
from meanap.readers.sides import Detections, GroundTruth

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["coco_ground_truth", "coco_results", "groups_of", "listed", "names_of", "pixel_size", "warn_of_drawn_boxes"]

_Records = Sequence[Mapping[str, Any]]

_NEEDED: Any = object()
_ID = "an integer or a string"
_BOX = "4 numbers (x, y, width, height)"
_SHAPE = "polygons ([[x1, y1, x2, y2, x3, y3, ...], ...]) or run lengths (a dictionary of size and counts)"


def coco_ground_truth(dataset: Mapping[str, Any], similarity: SimilarityName) -> GroundTruth:
    """The columns of a COCO data set.

    Raises
    ------
    TypeError
        What has to be a list of dictionaries is something else.
    ValueError
        A field is missing or cannot be used; the message names record and field.
    """
    place = "ground_truth"
    annotations = listed(dataset, "annotations", place)
    images = listed(dataset, "images", place) if "images" in dataset else None
    categories = listed(dataset, "categories", place) if "categories" in dataset else None
    image_ids = _column(images or (), "id", f"{place}: images", as_id, _ID)
    names = names_of(categories or ())
    sizes = {id: (image.get("height"), image.get("width")) for id, image in zip(image_ids, images or (), strict=True)}
    boxed = not compares_masks(similarity)
    columns = _plain_columns(annotations, boxed, detections=False)
    if columns is None:
        _check_records(annotations, place)
        columns = {
            **_ids(annotations, place),
            **_crowds(annotations, place),
            "area": np.array(
                _column(annotations, "area", place, _area, "an area in pixels", default=math.nan), dtype=np.float64
            ),
        }
        ids = [as_number(annotation.get("id")) for annotation in annotations]
        if None not in ids:
            columns["id"] = np.array(ids, dtype=np.float64)
    fields: dict[str, Any] = {}
    if boxed:
        fields["boxes"] = _boxes(annotations, columns, place)
    else:
        fields["masks"] = _masks(annotations, columns["image_id"], place, sizes if images is not None else None)
    if similarity == "keypoints":
        fields["keypoints"] = _poses(annotations, place)
        counted = _column(annotations, "num_keypoints", place, _finite, "a number of keypoints", default=math.nan)
        fields["num_keypoints"] = np.array(counted, dtype=np.float64)
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
        truth.images, truth.sizes, truth.image_records = image_ids, sizes, images
    if categories is not None:
        truth.categories, truth.names = list(names), names
    truth.groups = groups_of(categories or ())
    truth.arrays["exact_area"] = columns["area"]
    if "id" in columns:
        truth.arrays["ids"] = columns["id"]
    return truth


def coco_results(
    records: _Records,
    similarity: str,
    sizes: Mapping[Any, Any] | None = None,
    first: Mapping[str, Any] | None = None,
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

    Raises
    ------
    TypeError
        A record is no dictionary.
    ValueError
        A field is missing or cannot be used; the message names record and field.
    """
    place = "detections"
    if first is None:
        first = records[0] if records and isinstance(records[0], Mapping) else {}
    boxed = "bbox" in first and not (isinstance(first["bbox"], (list, tuple)) and not first["bbox"])
    columns = _plain_columns(records, boxed, detections=True)
    if columns is None:
        _check_records(records, place)
        columns = {
            **_ids(records, place),
            "score": np.array(_column(records, "score", place, _score, "a number"), dtype=np.float64),
        }
    images = columns["image_id"]
    fields: dict[str, Any] = {}
    area = None
    if boxed:
        fields["boxes"] = boxes = _boxes(records, columns, place)
        if compares_masks(similarity):
            area = boxes[:, 2] * boxes[:, 3]
            fields["masks"] = _masks(records, images, place, sizes, boxes)
    elif "segmentation" in first:
        masks = _masks(records, images, place, sizes)
        if compares_masks(similarity):
            fields["masks"] = masks
        else:
            area, boxes = _measured(masks, place)
        if similarity == "bbox":
            own = _column(records, "bbox", place, _box, _BOX, default=None)
            pairs = zip(own, boxes.tolist(), strict=True)
            fields["boxes"] = np.array([drawn if box is None else box for box, drawn in pairs], dtype=np.float64)
    elif "keypoints" in first and similarity == "bbox":
        points = _poses(records, place)
        corner = points[:, :, :2].min(axis=1)
        fields["boxes"] = np.concatenate([corner, points[:, :, :2].max(axis=1) - corner], axis=1)
    elif compares_masks(similarity):
        fields["masks"] = _masks(records, images, place, sizes)
    elif similarity == "bbox":
        fields["boxes"] = _boxes(records, columns, place)
    if similarity == "keypoints":
        fields["keypoints"] = _poses(records, place)
    found = Detections(images, columns["category_id"], columns["score"], **fields, box_format="xywh")
    found.records = found.any_score = True
    if area is not None:
        found.arrays["exact_area"] = area
    return found


def warn_of_drawn_boxes() -> None:
    """Says that masks are compared which the detector has not given."""
    warnings.warn(
        'detections: there are results without "segmentation"; their boxes are compared as masks, as pycocotools does',
        stacklevel=2,
    )


# Lists of records


def listed(dataset: Mapping[str, Any], name: str, place: str) -> _Records:
    """The records of a COCO dictionary under a name; whether annotations are dictionaries is left to their reader."""
    records = dataset[name]
    if not isinstance(records, (list, tuple)):
        found, expected = f"is {shown(records)}", "a list of dictionaries"
        raise InputTypeError(source=place, field=name, found=found, expected=expected)
    if name != "annotations":
        _check_records(records, f"{place}: {name}")
    return records


def _check_records(records: Sequence[Any], place: str) -> None:
    for row, record in enumerate(records):
        if type(record) is not dict and not isinstance(record, Mapping):
            raise InputTypeError(f"expected a dictionary, found a {type(record).__name__}", place, row)


def names_of(categories: _Records) -> dict[Any, str]:
    """Names of categories, by id: the id itself where there is none."""
    ids = _column(categories, "id", "ground_truth: categories", as_id, _ID)
    names = (category.get("name") for category in categories)
    return {id: str(id if name is None else name) for id, name in zip(ids, names, strict=True)}


def groups_of(categories: _Records) -> dict[str, list[Any]]:
    """Groups that categories are in: LVIS's frequencies."""
    place = "ground_truth: categories"
    groups: dict[str, list[Any]] = {}
    ids = _column(categories, "id", place, as_id, _ID)
    words = _column(
        categories, "frequency", place, lambda word: word if isinstance(word, str) else None, "a word", None
    )
    for id, word in zip(ids, words, strict=True):
        if word is not None:
            groups.setdefault({"r": "rare", "c": "common", "f": "frequent"}.get(word, word), []).append(id)
    return groups


# Columns of records


def _plain_columns(records: Any, boxed: bool, detections: bool) -> dict[str, Any] | None:
    """The columns of dictionaries, with their boxes if they are `boxed`, if all are plain numbers."""
    return _core.plain_columns(records, detections, boxed) if type(records) is list else None


def _column(
    records: _Records,
    name: str,
    place: str,
    read: Callable[[Any], Any],
    expected: str,
    default: Any = _NEEDED,
) -> list[Any]:
    """A field of all records; `read` gives None for what it cannot be. With `default` it may be missing, or null."""
    column = []
    for row, record in enumerate(records):
        value = record.get(name)
        if value is None and default is not _NEEDED:
            column.append(default)
            continue
        item = read(value)
        if item is None:
            if name in record:
                raise InputError(None, place, row, name, f"is {shown(value)}", expected)
            raise InputError(None, place, row, name, "is missing")
        column.append(item)
    return column


def _ids(records: _Records, place: str) -> dict[str, Any]:
    return {name: _column(records, name, place, as_id, _ID) for name in ("image_id", "category_id")}


def _boxes(records: _Records, columns: Mapping[str, Any], place: str) -> np.ndarray:
    if "bbox" in columns:
        boxes: np.ndarray = columns["bbox"]
        return boxes
    return np.array(_column(records, "bbox", place, _box, _BOX), dtype=np.float64).reshape(-1, 4)


def _poses(records: _Records, place: str) -> np.ndarray:
    given = [record.get("keypoints") for record in records]
    if given and all(type(pose) is list for pose in given):
        # As nearly all are: lists of one length, of numbers.
        with suppress(ValueError):
            array = np.array(given)
            if array.ndim == 2 and array.dtype.kind in "fi" and array.shape[1] and array.shape[1] % 3 == 0:
                return array.astype(np.float64, copy=False).reshape(len(given), -1, 3)
    poses = _column(records, "keypoints", place, _pose, "x, y and visibility of each keypoint")
    for row, pose in enumerate(poses):
        if len(pose) != len(poses[0]):
            found = f"has {len(pose)} numbers, that of record 0 has {len(poses[0])}"
            raise InputError(None, place, row, "keypoints", found)
    return np.array(poses, dtype=np.float64).reshape(len(poses), -1, 3) if poses else np.zeros((0, 0, 3))


def _masks(
    records: _Records,
    images: Any,
    place: str,
    sizes: Mapping[Any, Any] | None,
    boxes: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """Run lengths of all records. With `boxes`, those without a segmentation are drawn as their box."""
    masks = []
    drawn = False
    for row, (record, image) in enumerate(zip(records, _plain(images), strict=True)):
        shape = record.get("segmentation")
        if isinstance(shape, Mapping):
            masks.append(dict(shape))
            continue
        if "segmentation" not in record and boxes is not None:
            left, top, width, height = boxes[row].tolist()
            right, bottom = left + width, top + height
            rings: Any = _rings([[left, top, left, bottom, right, bottom, right, top]])
            if rings is None:
                raise InputError(None, place, row, "bbox", f"is {shown(record['bbox'])}: NaN or infinite")
            drawn = True
        elif (rings := _rings(shape)) is None:
            if "segmentation" in record:
                raise InputError(None, place, row, "segmentation", f"is {shown(shape)}", _SHAPE)
            raise InputError(None, place, row, "segmentation", "is missing")
        if sizes is not None and image not in sizes:
            among = "in the ground truth" if place == "detections" else "among those declared"
            raise InputError(None, place, row, "image_id", f"is {image!r}, which is not {among}")
        size = pixel_size((sizes or {}).get(image))
        if size is None:
            what = '"segmentation" holds polygons' if "segmentation" in record else '"bbox" is to be drawn as a mask'
            told = (sizes or {}).get(image)
            found = f"; found {told[0]!r} and {told[1]!r}" if isinstance(told, tuple) and len(told) == 2 else ""
            problem = f'{what}, which needs "height" and "width" of image {image!r} in pixels{found}'
            raise InputError(problem, place, row)
        masks.append(_rle.of_polygons(rings, *size))
    if drawn:
        warn_of_drawn_boxes()
    return masks


def _measured(masks: list[dict[str, Any]], place: str) -> tuple[np.ndarray, np.ndarray]:
    """Areas ``(N,)`` of masks and the boxes ``(N, 4)`` around them."""
    areas, boxes = [], []
    for row, shape in enumerate(masks):
        try:
            packed = _rle.compressed(shape)
            areas.append(float(_rle.area(packed)))
            boxes.append(_rle.box(packed).tolist())
        except (KeyError, OverflowError, TypeError, ValueError):
            raise InputError(None, place, row, "segmentation", f"is {shown(shape)}", _SHAPE) from None
    return np.array(areas, dtype=np.float64), np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _plain(column: np.ndarray | list[Any]) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else column


# Single values: None for what they cannot be


def _finite(value: Any) -> float | None:
    number = as_number(value)
    return number if number is not None and math.isfinite(number) else None


def _score(value: Any) -> float | None:
    number = as_number(value)
    return None if number is None or math.isnan(number) else number


def _area(value: Any) -> float | None:
    number = _finite(value)
    return number if number is not None and number >= 0 else None


def _crowds(annotations: _Records, place: str) -> dict[str, np.ndarray]:
    """The flags `crowd` and, where they differ, `ignore` of objects, as pycocotools takes "iscrowd".

    An object is ignored if the value is true, and a crowd if its integer is not 0: the text "0" is true, and the object
    ignored, which is rarely meant.
    """
    flags = _column(annotations, "iscrowd", place, _crowd, "0 or 1", default=(False, False))
    crowd, ignored = np.array(flags, dtype=bool).reshape(-1, 2).T
    odd = np.flatnonzero(ignored & ~crowd)
    if not len(odd):
        return {"iscrowd": crowd}
    # By its id: the position of a record is not known where only some images are read at a time.
    record = annotations[int(odd[0])]
    warnings.warn(
        f'{place}: annotation {shown(record.get("id"))}: "iscrowd" is {shown(record["iscrowd"])}, expected 0 or 1: '
        "objects with such a value are ignored, as by pycocotools",
        stacklevel=2,
    )
    return {"iscrowd": crowd, "ignore": ignored}


def _crowd(value: Any) -> tuple[bool, bool] | None:
    if not isinstance(value, (bool, np.bool_, str)):
        value = as_number(value)
    try:
        return (int(value) != 0, bool(value))
    except (OverflowError, TypeError, ValueError):
        return None


def _numbers(value: Any) -> list[float] | None:
    """A flat list of numbers."""
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.ndim == 1 and value.dtype.kind in "fiu" else None
    if not isinstance(value, (list, tuple)):
        return None
    if set(map(type, value)) <= {float, int}:
        try:
            return list(map(float, value))
        except OverflowError:
            return None
    numbers = []
    for item in value:
        number = as_number(item)
        if number is None:
            return None
        numbers.append(number)
    return numbers


def _box(value: Any) -> list[float] | None:
    numbers = _numbers(value)
    return numbers if numbers is not None and len(numbers) == 4 else None


def _pose(value: Any) -> list[float] | None:
    numbers = _numbers(value)
    return numbers if numbers and len(numbers) % 3 == 0 else None


def _rings(value: Any) -> list[list[float]] | None:
    """Polygons as the reference takes them: the first has three points or more, a number that is left over is none."""
    if not isinstance(value, (list, tuple)) or not value:
        return None
    rings: list[list[float]] = []
    for ring in value:
        numbers = _numbers(ring)
        if numbers is None or len(numbers) < (2 if rings else 5):
            return None
        if not math.isfinite(sum(numbers)) and not all(map(math.isfinite, numbers)):
            return None
        rings.append(numbers)
    return rings


def pixel_size(size: Any) -> tuple[int, int] | None:
    """Height and width of an image, if both are whole numbers above zero."""
    try:
        height, width = map(as_number, size)
    except (TypeError, ValueError):
        return None
    sides = [side for side in (height, width) if side is not None and side.is_integer() and 0 < side < 2**32]
    return (int(sides[0]), int(sides[1])) if len(sides) == 2 else None
