"""`loadRes`: the results of a file, an array or a list, of which no Python object is made that is not there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import kind_of
from meanap.compat.pycocotools._errors import reference_errors
from meanap.compat.pycocotools._named import naming_record
from meanap.compat.pycocotools._results import complete, first_of, heading, image_ids, results_kind
from meanap.compat.pycocotools._sources import (
    FileResults,
    FileSource,
    Geometry,
    IndexedList,
    ListResults,
    RowResults,
    Snapshot,
    Source,
    load,
)

_LOG = logging.getLogger("meanap")
# What results are compared by.
_GEOMETRY: dict[str | None, Geometry] = {"boxes": "bbox", "masks": "segm", "keypoints": "keypoints"}


class ResultsLoader:
    """Loads results of one ground truth: as the source of their attributes, or as a `dataset` without indices.

    Parameters
    ----------
    image_ids
        Gives the ids of the images of the ground truth.
    images
        The file that defines these ids, if one does.
    truth
        What the results take over of the ground truth.
    """

    def __init__(
        self, image_ids: Callable[[], Collection[Any]], images: FileSource | None, truth: FileSource | Snapshot
    ) -> None:
        self._image_ids = image_ids
        self._images = images
        self._truth = truth

    def of_file(self, path: Any) -> Source | dict[str, Any]:
        """The results of a JSON file."""
        with reference_errors():
            file = _core.read_results(path)
        if file.fallback is None and len(file):
            iou_type = _GEOMETRY.get(results_kind(file.first_fields(), file.first_bbox_empty))
            results = FileResults(file, self._truth)
            if iou_type is not None and results.readable(iou_type):
                self._check_objects(results.objects[iou_type], file.path, file.record_of_image)
                self._truth.category_ids()
                return results
        log_fallback(file)
        return self.of_list(load(file), str(file.path))

    def of_rows(self, rows: np.ndarray) -> Source | dict[str, Any]:
        """The results of an array `(N, 7)` of floats."""
        check_rows(rows)
        if not len(rows):
            first_of([], "results")
        # The caller's array may change before the first access: the columns are copies, and so are rows of single
        # precision.
        single = rows.copy() if rows.dtype == np.float32 else None
        with np.errstate(all="ignore"):
            areas = None if single is None else (rows[:, 3] * rows[:, 4]).astype(np.float64)
        objects = _core.objects_from_rows(rows.astype(np.float64, copy=False), areas)
        if objects is None:
            return self.of_list(annotations_of_rows(rows), "results")

        def first_of_image(id: int) -> int:
            return next(number for number, image in enumerate(rows[:, 0].tolist()) if int(image) == id)

        self._check_objects(objects, "results", first_of_image)
        self._truth.category_ids()
        return RowResults(objects, single, self._truth, annotations_of_rows)

    def of_list(self, annotations: Any, place: str) -> Source | dict[str, Any]:
        """The results of a list of dictionaries, which get the fields that annotations have."""
        if type(annotations) is not list:
            raise AssertionError(f"{place}: {kind_of(annotations)}, expected a list of results")

        def first_of_image(id: Any) -> int:
            # A NaN is not equal to itself.
            return next((n for n, ann in enumerate(annotations) if ann["image_id"] is id or ann["image_id"] == id), 0)

        # The caller's list, which is stored, may change before the first access.
        listed = annotations.copy()
        ids = _core.plain_image_ids(listed)
        self._check_images(image_ids(listed, place) if ids is None else ids, place, first_of_image)
        first = first_of(annotations, place)
        with naming_record(place, 0, "bbox", first):
            kind = results_kind(first)
        if kind not in (None, "captions") and not self._truth.has_categories:
            raise KeyError('the ground truth: "categories" is missing')
        indexed = complete(listed, kind, place)
        if kind is not None and indexed is not None:
            self._truth.category_ids()
            return ListResults(annotations, kind, IndexedList(listed, indexed), self._truth)
        return heading(annotations, kind, self._truth.snapshot())

    def _check_objects(self, objects: _core.Objects, place: Any, record_of: Callable[[Any], int | None]) -> None:
        """`_check_images`, without a Python object for each image where the result is the same."""
        if self._images is None or objects.strange_image(self._images.file) is not None:
            self._check_images(objects.image_ids, place, record_of)

    def _check_images(self, ids: Collection[Any], place: Any, record_of: Callable[[Any], int | None]) -> None:
        known = set(self._image_ids())
        if known.issuperset(ids):
            return
        for id in ids:
            if id not in known:
                sentence = f"image id {id!r} is not in the ground truth: the results are of another data set"
                raise AssertionError(f"{place}: record {record_of(id)}: {sentence}")


def check_rows(rows: Any) -> None:
    """Refuses what is no array `(N, 7)`, with the class of error that the reference raises."""
    shape = getattr(rows, "shape", type(rows).__name__)
    sentence = f"results: {shape}, expected an array (N, 7): image id, x, y, width, height, score, category id"
    if type(rows) is not np.ndarray:
        raise AssertionError(sentence)
    if rows.ndim < 2:
        raise IndexError(sentence)
    if rows.shape[1] != 7:
        raise AssertionError(sentence)


def annotations_of_rows(rows: np.ndarray) -> list[dict[str, Any]]:
    """A result for each row: image id, x, y, width, height, score, category id."""
    check_rows(rows)
    columns = [rows[:, 0].tolist(), *(list(rows[:, column]) for column in range(1, 6)), rows[:, 6].tolist()]
    return [
        {"image_id": int(image), "bbox": [x, y, w, h], "score": score, "category_id": int(category)}
        for image, x, y, w, h, score, category in zip(*columns, strict=True)
    ]


def log_fallback(file: Any) -> None:
    """Logs why a file is made into Python objects at once, if it is."""
    # The last annotation with an id stands for all of them.
    why = "two annotations have the same id" if file.repeated_ids else file.fallback
    if why is not None:
        _LOG.info("%s: made into Python objects at once: %s", file.path, why)
