"""The records of some images, as COCO has them, from every input that can be evaluated."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from meanap import _core, readers
from meanap._files import read_json
from meanap._similarity import GEOMETRY, box_widths
from meanap.detection import Result
from meanap.errors import InputError
from meanap.readers._as_coco import coco_columns
from meanap.readers._read_once import read_dataset, read_results
from meanap.readers._reader import is_path
from meanap.readers._record_fields import with_coco_fields
from meanap.readers._whole_body import WHOLE_BODY_KEYPOINTS, are_of_whole_body, with_parts
from meanap.readers.sides import Side, plain_ids

__all__ = ["ImageRecords", "Skeleton", "records"]

#: Makes of all records those of the images that are wanted.
_Choose: TypeAlias = Callable[[Iterable[Any]], list[dict[str, Any]]]


class Skeleton(NamedTuple):
    """The limbs that a category lists."""

    #: Pairs of keypoints, counted from 0.
    limbs: list[tuple[int, int]]
    #: How many keypoints the category names, if it names any.
    named: int | None


class ImageRecords(NamedTuple):
    """What is in some images."""

    #: ``id``, ``width``, ``height`` and ``file_name``, as far as they are known.
    images: list[dict[str, Any]]
    #: In the order in which they were evaluated, as the detections.
    annotations: list[dict[str, Any]]
    detections: list[dict[str, Any]]
    #: By category.
    skeletons: dict[Any, Skeleton]

    def of(self, wanted: set[Any]) -> ImageRecords:
        """The records of these images alone."""
        images = [image for image in self.images if image["id"] in wanted]
        annotations, detections = (
            [record for record in records if record["image_id"] in wanted]
            for records in (self.annotations, self.detections)
        )
        return self._replace(images=images, annotations=annotations, detections=detections)


def records(
    result: Result,
    ground_truth: Any,
    detections: Any,
    reading: readers.Options,
    wanted: set[Any],
    known: ImageRecords | None = None,
) -> ImageRecords:
    """The records of the images `wanted`; `known` has those of the ground truth, if they have been read."""
    # What an evaluation leaves out of COCO's records is left out by their reader.
    strict, name = reading.on_error == "raise", "coco"
    raw = (
        strict and readers.reader_of(ground_truth, "ground_truth", reading.format).name == name,
        strict and readers.reader_of(detections, "detections", reading.format).name == name,
    )
    whole = result.similarity == "keypoints" and are_of_whole_body(result.protocol.sigmas)
    asked = dataclasses.replace(reading, image_records=True, whole_body=whole)

    @functools.cache
    def truth() -> Any:
        return readers.ground_truth(ground_truth, asked, readers.Problems(reading.on_error))

    def chosen(listed: Iterable[Any]) -> list[dict[str, Any]]:
        """The records of these images, which may name them."""
        listed = list(with_coco_fields(list(listed), "", reading.box_format, reading.columns))
        if any(isinstance(r.get(name), (str, type(None))) for r in listed for name in ("image_id", "category_id")):
            listed = list(readers.with_ids(listed, truth(), "", lambda problem: None))
        found = [dict(record) for record in listed if record["image_id"] in wanted]
        return list(with_parts(found)) if whole else found

    if known is not None:
        part = known.of(wanted)
    elif raw[0]:
        part = _of_coco(ground_truth, result.similarity, wanted, chosen, whole)
    else:
        part = _of_truth(truth(), wanted)
    if raw[1]:
        return part._replace(detections=_detections(detections, reading.similarity, wanted, chosen, whole))
    found: Any = readers.detections(detections, asked, readers.Problems(reading.on_error), truth())
    return part._replace(detections=_of_side(found, wanted))


def _of_truth(side: Any, wanted: set[Any]) -> ImageRecords:
    """The objects of columns."""
    known = {image["id"]: image for image in _of_images(side.image_records, wanted)}
    for id, image in known.items():
        height, width = side.sizes.get(id) or (None, None)
        known[id] = {"height": height, "width": width, **image}
    return ImageRecords(list(known.values()), _of_side(side, wanted), [], {})


def _of_coco(source: Any, similarity: str, wanted: set[Any], chosen: _Choose, whole: bool) -> ImageRecords:
    """The objects of a data set, a file or a dictionary."""
    if is_path(source):
        dataset = read_dataset(source)
        objects = _of_dataset(dataset, similarity, wanted, whole) if dataset.fallback is None else None
        if objects is not None:
            images = _of_images(dataset.images() or (), wanted)
            return ImageRecords(images, objects, [], _skeletons(dataset.categories() or ()))
        source = read_json(source)
    records = chosen(source["annotations"])
    images = _of_images(source.get("images", ()), wanted)
    return ImageRecords(images, records, [], _skeletons(source.get("categories", ())))


def _skeletons(categories: Iterable[Mapping[str, Any]]) -> dict[Any, Skeleton]:
    return {
        category["id"]: Skeleton(
            [(a - 1, b - 1) for a, b in category.get("skeleton") or ()], len(category.get("keypoints") or ()) or None
        )
        for category in categories
    }


def _of_images(images: Iterable[Mapping[str, Any]], wanted: set[Any]) -> list[dict[str, Any]]:
    """The records of these images; of an image that has none, its id alone."""
    known = {image["id"]: dict(image) for image in images if image["id"] in wanted}
    return [known.get(id, {"id": id}) for id in wanted]


def _detections(source: Any, similarity: str, wanted: set[Any], chosen: _Choose, whole: bool) -> list[dict[str, Any]]:
    """The detections of COCO results: a file, a list, or a data set."""
    if is_path(source):
        return _of_results(source, similarity, wanted, chosen, whole)
    if isinstance(source, Mapping):
        source = source.get("annotations", ())
    return chosen(source)


def _of_results(path: Any, similarity: str, wanted: set[Any], chosen: _Choose, whole: bool) -> list[dict[str, Any]]:
    """The results of a file."""
    try:
        dataset = read_results(path)
    except InputError as error:
        if error.code != "wrong-kind-of-file":
            raise
        # A data set with a score in each annotation.
        return chosen(read_json(path)["annotations"])
    found = _of_dataset(dataset, similarity, wanted, whole, scored=True) if dataset.fallback is None else None
    if found is not None:
        return found
    return chosen(dataset.load())


#: The field of a geometry that is parsed for these records alone.
_WRITTEN = {"masks": "segmentation", "keypoints": "keypoints"}


def _of_dataset(
    dataset: _core.Dataset, similarity: str, wanted: set[Any], whole: bool, scored: bool = False
) -> list[dict[str, Any]] | None:
    """The records of a file, with what is drawn of them; None if they have it not all in the same way.

    Of the `whole` body all keypoints have to be in one field. Only the geometry of these records is parsed.
    """
    rows = dataset.rows_of([id for id in wanted if type(id) is int])
    arrays = dataset.arrays(rows)
    shape = _WRITTEN.get(GEOMETRY[similarity])
    box = "rotated" if box_widths(similarity) else "bbox"
    written = None if shape is None else dataset.texts(shape, rows)
    needed = {"image_id", "category_id", *(["score"] if scored else [])}
    if not needed <= arrays.keys() or (written is None if shape else box not in arrays):
        return None
    images, categories = dataset.annotation_image_ids(), dataset.annotation_category_ids()
    columns: dict[str, list[Any]] = {
        "image_id": [images[code] for code in arrays["image_id"].tolist()],
        "category_id": [categories[code] for code in arrays["category_id"].tolist()],
    }
    if "score" in arrays:
        columns["score"] = arrays["score"].tolist()
    if box in arrays:
        columns["bbox"] = arrays[box].tolist()
    if shape is not None and written is not None:
        columns[shape] = [json.loads(text) for text in written]
        if whole and any(len(points) != 3 * WHOLE_BODY_KEYPOINTS for points in columns[shape]):
            return None
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _of_side(side: Side, wanted: set[Any]) -> list[dict[str, Any]]:
    """The rows of columns as records."""
    rows = [row for row, id in enumerate(plain_ids(side.image_ids)) if id in wanted]
    columns = coco_columns(side.take(np.array(rows, dtype=np.int64)))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
