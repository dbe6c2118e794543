"""COCO's records grouped by image, as detectors and tools for annotation give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meanap._arrays import as_id, shown
from meanap.errors import InputError
from meanap.readers._column_names import holds_category
from meanap.readers._per_image import ids_of, paired
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Reader, Role, Truth
from meanap.readers.coco import Coco
from meanap.readers.sides import GroundTruth

__all__ = ["Groups"]

#: What a dictionary of an image calls its list of records: COCO's word, detectron2's, and those of other tools.
_LISTS = ("annotations", "instances", "predictions", "detections", "objects")
#: What such a dictionary says of its image.
_OF_IMAGES = ("height", "width", "file_name")


class Groups(Reader):
    """Lists of records, in a list or by image id; or dictionaries of images that hold such lists."""

    name = "groups"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first group with something in it is of such records."""
        if isinstance(source, Mapping):
            if not source or "annotations" in source or any(as_id(id) is None for id in source):
                return False
            first = next((group for group in source.values() if isinstance(group, (list, tuple)) and group), None)
            if first is None:  # No records; fields of a dictionary are texts.
                empty = all(isinstance(group, list) and not group for group in source.values())
                return empty and not any(isinstance(id, str) for id in source)
            return _is_record(first[0])
        if not isinstance(source, (list, tuple)):
            return False
        # Anything else is passed over at its first item.
        first = next((item for item in source if item is not None and item != []), None)
        if isinstance(first, (list, tuple)):
            return bool(first) and _is_record(first[0])
        return isinstance(first, Mapping) and not _is_record(first) and _list_of(first) is not None

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> Truth:
        """The objects of all images."""
        groups, given = _groups(source, "ground_truth")
        ids = list(range(len(groups))) if given is None else given
        items = source if isinstance(source, (list, tuple)) else ()
        told = [item if isinstance(item, Mapping) else {} for item in items] or [{}] * len(ids)
        images = [
            {"id": id, **{name: image[name] for name in _OF_IMAGES if name in image}}
            for id, image in zip(ids, told, strict=True)
        ]
        truth = Coco().ground_truth({"images": images, "annotations": _flat(groups, ids)}, options, problems)
        if isinstance(truth, GroundTruth):
            if not any("height" in image for image in images):
                truth.sizes = {}
            truth.listed = "by position" if given is None else "by id"
        return truth

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Any:
        """The results of all images."""
        groups, given = _groups(source, "detections")
        ids = paired(given, len(groups), truth, True)
        return Coco().detections(_flat(groups, ids), options, problems, truth)


def _is_record(value: Any) -> bool:
    """Whether it is an object with its category, perhaps under other names than COCO's."""
    if not isinstance(value, Mapping) or "boxes" in value or "labels" in value:
        return False
    return "category_id" in value or any(
        isinstance(name, str) and holds_category(name) and as_id(item) is not None for name, item in value.items()
    )


def _list_of(image: Mapping[str, Any]) -> Sequence[Any] | None:
    """The records of an image; None if it has none that are COCO's."""
    found = next((image[name] for name in _LISTS if isinstance(image.get(name), (list, tuple))), None)
    return found if found is not None and (not found or _is_record(found[0])) else None


def _groups(source: Any, place: Role) -> tuple[list[Sequence[Any]], list[Any] | None]:
    """The records of each image, and the ids of the images, where they say them."""
    if isinstance(source, Mapping):
        return [group or () for group in source.values()], [as_id(id) for id in source]
    groups: list[Sequence[Any]] = []
    for row, item in enumerate(source):
        group = () if item is None else _list_of(item) if isinstance(item, Mapping) else item
        if not isinstance(group, (list, tuple)):
            raise InputError(None, place, row, found=f"is {shown(item)}", expected="the records of an image")
        groups.append(group)
    if any(isinstance(item, Mapping) for item in source):
        images = [item if isinstance(item, Mapping) else {} for item in source]
        return groups, ids_of([image if "image_id" in image else _renamed(image) for image in images], place)
    of_groups = [_image_of(group) for group in groups]
    if None not in of_groups:
        # Lists whose records say their image need no order.
        return groups, of_groups
    records = [record for group in groups for record in group]
    if not all(isinstance(record, Mapping) and "image_id" in record for record in records):
        return groups, None
    if all(_image_of(group) is not None for group in groups if group):
        return groups, None
    # Batches, whose records are of several images.
    of_images: dict[Any, list[Any]] = {}
    for record in records:
        of_images.setdefault(record["image_id"], []).append(record)
    return list(of_images.values()), list(of_images)


def _image_of(group: Sequence[Any]) -> Any:
    """The image that all records of a group name; None if there is no such."""
    names = [record.get("image_id") if isinstance(record, Mapping) else None for record in group]
    return names[0] if names and names.count(names[0]) == len(names) else None


def _renamed(image: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"image_id": image["id"]} if "id" in image else {}


def _flat(groups: Sequence[Sequence[Any]], ids: Sequence[Any]) -> list[Any]:
    """All records, each with its image."""
    return [
        {**record, "image_id": id} if isinstance(record, Mapping) and "image_id" not in record else record
        for group, id in zip(groups, ids, strict=True)
        for record in group
    ]
