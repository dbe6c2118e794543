"""COCO: JSON files, read in Rust straight into columns where they hold plain numbers, and dictionaries of the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meanap.errors import InputError
from meanap.readers._coco_files import DetectionFile, TruthFile
from meanap.readers._coco_records import coco_ground_truth, coco_results
from meanap.readers._coco_rows import listed
from meanap.readers._column_names import COLUMN_NAMES, are_columns
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Reader, Role, Truth, is_folder, is_path
from meanap.readers._record_fields import with_coco_fields
from meanap.readers._whole_body import lacks_parts, with_parts
from meanap.readers.sides import Detections

if TYPE_CHECKING:
    from meanap import _core

__all__ = ["Annotations", "Coco"]


class Coco(Reader):
    """A data set, a list of results, or a data set with a score in each annotation."""

    name = "coco"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is a file, a dictionary or a list that no other reader has recognised."""
        if isinstance(source, (TruthFile, DetectionFile)):
            return True
        if isinstance(source, Mapping):
            return not are_columns(source)
        return (is_path(source) and not is_folder(source)) or (
            role == "detections" and isinstance(source, (list, tuple))
        )

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> Truth:
        """A data set: columns of the core where they have all that is needed, or those of its dictionaries."""
        opened = isinstance(source, TruthFile)
        if opened or is_path(source):
            file = source if opened else TruthFile(source, options.similarity, options.progress)
            plain = file.columns is not None and not (options.whole_body and lacks_parts(file.columns))
            if plain and not options.image_records:
                return file
            source = file.load()
        if not isinstance(source, Mapping) or "annotations" not in source:
            raise _no_annotations(source, "ground_truth")
        annotations = listed(source, "annotations", "ground_truth")
        records = with_coco_fields(annotations, "ground_truth", options.box_format, options.columns)
        records = with_parts(records) if options.whole_body else records
        if records is not annotations:
            source = {**source, "annotations": records}
        return coco_ground_truth(source, options.similarity, problems)

    def detections(
        self, source: Any, options: Options, problems: Problems, truth: Truth | None
    ) -> Detections | _core.Objects:
        """Results: columns of the core where a file can be read straight into them, or those of the records."""
        first = None
        opened = isinstance(source, DetectionFile)
        if opened or is_path(source):
            within = truth if isinstance(truth, TruthFile) else None
            file = source if opened else DetectionFile(source, options.similarity, within, options.progress)
            plain = file.columns is not None and not (options.whole_body and lacks_parts(file.columns))
            if file.columns is not None and plain and not options.image_records:
                return file.columns
            plain = options.similarity == "bbox" and problems.mode in ("raise", "first") and not options.difficulty
            boxes = file.boxes() if plain else None
            if boxes is not None:
                return boxes
            source, first = file.load(), file.first
        if isinstance(source, Mapping):
            if "annotations" not in source:
                raise _no_annotations(source, "detections")
            source = listed(source, "annotations", "detections")
        records = with_coco_fields(source, "detections", options.box_format, options.columns)
        records = with_parts(records) if options.whole_body else records
        if records is not source:
            # All records have the same fields now.
            source, first = records, None
        return coco_results(source, options.similarity, image_sizes(truth), first, problems, truth)


class Annotations(Reader):
    """A list of COCO annotations without a data set: images and categories are those that they name."""

    name = "annotations"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first record names an image and a category, and has no score."""
        first = source[0] if role == "ground_truth" and isinstance(source, (list, tuple)) and source else None
        if not isinstance(first, Mapping) or not first.keys().isdisjoint(COLUMN_NAMES["score"]):
            return False
        return all(not first.keys().isdisjoint(COLUMN_NAMES[of]) for of in ("image_id", "category_id"))

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> Truth:
        """The objects of all records."""
        return Coco().ground_truth({"annotations": source}, options, problems)


def _no_annotations(value: Any, place: str) -> InputError:
    if not isinstance(value, Mapping):
        return InputError(f"expected an object with images, annotations and categories, found {value!r:.60}", place)
    there = ", ".join(map(repr, value)) or "no fields"
    return InputError(f'a COCO dictionary has "annotations"; there are {there}', place)


def image_sizes(truth: Truth | None) -> Mapping[Any, Any] | None:
    """Height and width of all images, None for images without them; None if there are no images."""
    if truth is None or truth.images is None:
        return None
    return truth.sizes or dict.fromkeys(truth.images)
