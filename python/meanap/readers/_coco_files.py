"""COCO files: read in Rust, straight into columns."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap._files import is_name
from meanap._similarity import compares_masks
from meanap.errors import InputError
from meanap.readers._coco_records import warn_of_drawn_boxes
from meanap.readers._coco_rows import groups_of, names_of
from meanap.readers._image_fields import ImageFields, fields_of_records
from meanap.readers._read_once import read_dataset, read_results
from meanap.readers.sides import Detections, GroundTruth

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["DetectionFile", "TruthFile", "files_in"]


def _read(read: Callable[[Any, Any], _core.Dataset], path: Any, progress: Any) -> _core.Dataset:
    if not is_name(name := os.fspath(path)):
        raise InputError("no file can have this name", name)
    return read(path, progress)


def _read_dataset(place: str, path: Any, progress: Any) -> _core.Dataset:
    try:
        return _read(read_dataset, path, progress)
    except InputError as error:
        raise error.at(place) from None


class TruthFile:
    """The ground truth of a COCO file."""

    #: As for `GroundTruth`: detections stay as they are.
    on_detections = None

    def __init__(
        self, path: Any, similarity: SimilarityName, progress: Any = False, dataset: _core.Dataset | None = None
    ) -> None:
        self.path: str = os.fspath(path)
        #: Some of the file's records, if not all of them.
        self._dataset = _read_dataset("ground_truth", path, progress) if dataset is None else dataset
        if self._dataset.fallback is None and not self._dataset.has_annotations:
            raise InputError(source=f"ground_truth: {self.path}", field="annotations", found="is missing")
        whole = self._dataset.fallback is None and self._dataset.has_images and self._dataset.has_categories
        #: None where columns cannot stand for the file.
        self.columns: _core.Objects | None = self._dataset.objects(similarity, "ground_truth") if whole else None

    @property
    def images(self) -> list[Any]:
        """Ids of all images."""
        return self._dataset.image_ids()

    @property
    def categories(self) -> list[Any]:
        """Ids of all categories."""
        return self._dataset.category_ids()

    @property
    def repeated_ids(self) -> bool:
        """Whether annotations share an id."""
        return self._dataset.repeated_ids

    def load(self) -> Any:
        """The file as Python objects."""
        return self._dataset.load()

    def boxes(self) -> GroundTruth | None:
        """The objects as columns of Python; None where they are not all boxes that an evaluation can use."""
        arrays = self._dataset.arrays()
        if self.columns is None or not {"area", "id", "iscrowd"} <= arrays.keys() or not _are_boxes(arrays):
            return None
        ids = _ids(self._dataset, arrays)
        truth = GroundTruth(*ids, arrays["bbox"], box_format="xywh", crowd=arrays["iscrowd"])
        truth.records = True
        truth.images, truth.sizes = self.images, self.sizes
        truth.categories, truth.names, truth.groups = self.categories, self.names, self.groups
        truth.arrays |= {"exact_area": arrays["area"], "ids": arrays["id"]}
        truth.own_fields = lambda: self.image_fields
        return truth

    def annotation_ids(self) -> list[float]:
        """The ids of the annotations, where columns can stand for the file."""
        ids: list[float] = self._dataset.arrays()["id"].tolist()
        return ids

    @cached_property
    def sizes(self) -> dict[Any, Any]:
        """Height and width of each image, by id."""
        sizes = self._dataset.image_sizes()
        if (sizes < 0).any():
            # Not as most files write them.
            images = self.load()["images"]
            return {image["id"]: (image.get("height"), image.get("width")) for image in images}
        return dict(zip(self.images, map(tuple, sizes.tolist()), strict=True))

    @cached_property
    def files(self) -> dict[Any, str]:
        """Names of the image files, by id, where they are known."""
        return files_in(self._dataset)

    @cached_property
    def names(self) -> dict[Any, str]:
        """Names of categories, by id."""
        return names_of(self._dataset.categories() or ())

    @property
    def image_fields(self) -> ImageFields:
        """The fields of the images, from their records."""
        records = {record["id"]: record for record in _records_of(self._dataset)}
        return fields_of_records(self.images, [records[id] for id in self.images])

    @property
    def groups(self) -> dict[str, list[Any]]:
        """Groups that categories are in: LVIS's frequencies."""
        return groups_of(self._dataset.categories() or ())

    def named(self, names: Mapping[Any, str]) -> TruthFile:
        """A copy in which the categories with these ids have other names."""
        renamed = copy.copy(self)
        renamed.names = {**self.names, **names}
        return renamed


def files_in(dataset: _core.Dataset) -> dict[Any, str]:
    """Names of the image files of a data set, by id."""
    records = _records_of(dataset)
    return {image["id"]: image["file_name"] for image in records if isinstance(image.get("file_name"), str)}


def _records_of(dataset: _core.Dataset) -> Sequence[Mapping[str, Any]]:
    """The records of all images of a data set's file."""
    images: Sequence[Any] | None = dataset.images() if dataset.fallback is None else dataset.load().get("images")
    return images or ()


class DetectionFile:
    """The detections of a COCO result file."""

    def __init__(
        self,
        path: Any,
        similarity: SimilarityName,
        truth: TruthFile | None,
        progress: Any = False,
        dataset: _core.Dataset | None = None,
    ) -> None:
        self.path = os.fspath(path)
        listed, shard = True, dataset is not None
        if dataset is None:
            try:
                dataset = _read(read_results, path, progress)
            except InputError as error:
                if error.code != "wrong-kind-of-file":
                    raise
                # No array: perhaps annotations with scores, which Python reads.
                dataset, listed = _read_dataset("detections", path, progress), False
        self._dataset = dataset
        #: The fields of the first of all results, where these are only some.
        self.first: dict[str, Any] | None = None
        if shard:
            self.first = dict.fromkeys(dataset.first_fields())
            if dataset.first_bbox_empty:
                self.first["bbox"] = []
        images = None if truth is None else truth._dataset
        whole = self._dataset.fallback is None and (images is not None or not compares_masks(similarity))
        whole = whole and listed and not self._dataset.has_annotations
        self.columns: _core.Objects | None = self._dataset.objects(similarity, "detections", images) if whole else None
        if self.columns is not None and compares_masks(similarity):
            # Columns are only made where all results have a segmentation, or none.
            if len(self.columns) and "segmentation" not in self._dataset.first_fields():
                warn_of_drawn_boxes()

    def load(self) -> Any:
        """The file as Python objects."""
        return self._dataset.load()

    def boxes(self) -> Detections | None:
        """The results as columns of Python; None where they are not all boxes that an evaluation can use."""
        arrays = self._dataset.arrays()
        if self.columns is None or "score" not in arrays or np.isnan(arrays["score"]).any() or not _are_boxes(arrays):
            return None
        found = Detections(*_ids(self._dataset, arrays), arrays["score"], arrays["bbox"], box_format="xywh")
        found.records = found.any_score = True
        return found


def _are_boxes(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether all records have a box of numbers and no negative size."""
    if not {"image_id", "category_id", "bbox"} <= arrays.keys():
        return False
    boxes = arrays["bbox"]
    return bool(np.isfinite(boxes).all() and (boxes[:, 2:] >= 0).all())


def _ids(dataset: _core.Dataset, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The ids of the image and of the category of each record."""
    images, categories = dataset.annotation_image_ids(), dataset.annotation_category_ids()
    return (
        np.array(images, dtype=np.int64)[arrays["image_id"]],
        np.array(categories, dtype=np.int64)[arrays["category_id"]],
    )
