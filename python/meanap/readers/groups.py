"""COCO's records grouped by image, as detectors and tools for annotation give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from meanap._arrays import as_id, shown
from meanap.errors import InputError
from meanap.readers._column_names import holds_category
from meanap.readers._per_image import ids_of, paired, repeated
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Reader, Role, Truth
from meanap.readers.coco import Coco
from meanap.readers.sides import GroundTruth

__all__ = ["RECORD_LISTS", "Groups"]

#: What a dictionary of an image calls its list of records: COCO's word, detectron2's, and those of other tools.
RECORD_LISTS = ("annotations", "instances", "predictions", "detections", "objects")


class Groups(Reader):
    """Lists of records, in a list or by image id; or dictionaries of images that hold such lists, or their columns."""

    name = "groups"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first group with something in it is of such records."""
        source = _items(source)
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
        if not isinstance(first, Mapping) or _is_record(first):
            return False
        within = _within(first)
        return _list_of(first) is not None or (isinstance(within, Mapping) and any(map(holds_category, within)))

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> Truth:
        """The objects of all images."""
        source = _items(source)
        groups, given = _groups(source, "ground_truth", problems)
        ids = list(range(len(groups))) if given is None else given
        items = source if isinstance(source, (list, tuple)) else ()
        dictionaries = [item if isinstance(item, Mapping) else {} for item in items] or [{}] * len(ids)
        images = [_image(id, image) for id, image in zip(ids, dictionaries, strict=True)]
        truth = Coco().ground_truth({"images": images, "annotations": _flat(groups, ids)}, options, problems)
        if isinstance(truth, GroundTruth):
            if not any("height" in image for image in images):
                truth.sizes = {}
            truth.listed = "by position" if given is None else "by id"
        return truth

    def one_by_one(self, source: Iterable[Any], place: Role) -> Iterator[tuple[Mapping[str, Any], list[Any]]]:
        """The images and their records, one image after another, of dictionaries that say their images.

        Raises
        ------
        InputError
            One is something else, does not say its image, or is of an image that one before is of.
        """
        ids = []
        for row, item in enumerate(source):
            try:
                groups, given = _groups([item], place, Problems())
            except InputError as error:
                raise error.replace(record=row) from None
            if given is None:
                raise InputError(None, place, row, "image_id", "is missing, which memory_limit needs")
            ids += given
            yield _image(given[0], item), _flat(groups, given)
        repeated(ids, place, Problems())

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Any:
        """The results of all images."""
        groups, given = _groups(_items(source), "detections", problems)
        ids = paired(given, len(groups), truth, True)
        return Coco().detections(_flat(groups, ids), options, problems, truth)


def _image(id: Any, item: Mapping[str, Any]) -> dict[str, Any]:
    """COCO's record of an image: what a dictionary says beside its objects."""
    return {"id": id, **{name: value for name, value in item.items() if name not in (*RECORD_LISTS, "image_id", "id")}}


def _is_record(value: Any) -> bool:
    """Whether it is an object with its category, perhaps under other names than COCO's."""
    if not isinstance(value, Mapping) or "boxes" in value or "labels" in value:
        return False
    return "category_id" in value or any(
        isinstance(name, str) and holds_category(name) and as_id(item) is not None for name, item in value.items()
    )


def _items(source: Any) -> Any:
    """Dictionaries of images, which stand by their ids or are the rows of columns, as a list of these."""
    if not isinstance(source, Mapping) or "annotations" in source:
        return source
    if source and all(
        isinstance(item, Mapping) and any(name in item for name in RECORD_LISTS) for item in source.values()
    ):
        return [{**item, "image_id": id} for id, item in source.items()]
    columns = {name for name, column in source.items() if isinstance(column, (list, tuple))}
    if not columns.isdisjoint(RECORD_LISTS) and not columns.isdisjoint(("image_id", "id")):
        # As `datasets` gives a batch.
        return _rows(source) or source
    if not columns.isdisjoint(RECORD_LISTS) and any(as_id(source.get(name)) is not None for name in ("image_id", "id")):
        return [source]  # One image.
    return source


def _rows(columns: Mapping[Any, Any]) -> list[dict[Any, Any]] | None:
    """The rows of columns; None if they are not of one length."""
    listed = {name: column.tolist() if hasattr(column, "tolist") else column for name, column in columns.items()}
    lists = {name: column for name, column in listed.items() if isinstance(column, (list, tuple))}
    if len({len(column) for column in lists.values()}) != 1:
        return None
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _within(image: Mapping[str, Any]) -> Any:
    """What a dictionary of an image holds of its objects."""
    return next((image[name] for name in RECORD_LISTS if isinstance(image.get(name), (list, tuple, Mapping))), None)


def _list_of(image: Mapping[str, Any]) -> Sequence[Any] | None:
    """The records of an image; None if it has none that are COCO's."""
    found = _within(image)
    records = _rows(found) if isinstance(found, Mapping) else found
    return records if records is not None and (not records or _is_record(records[0])) else None


def _groups(source: Any, place: Role, problems: Problems) -> tuple[list[Sequence[Any]], list[Any] | None]:
    """The records of each image, and the ids of the images, where they say them."""
    if isinstance(source, Mapping):
        for id, group in source.items():
            if group is not None and not isinstance(group, (list, tuple)):
                found = f"{id!r} is {shown(group)}, expected the records of an image"
                raise InputError(found, place)
        return [group or () for group in source.values()], [as_id(id) for id in source]
    groups: list[Sequence[Any]] = []
    for row, item in enumerate(source):
        group = () if item is None else _list_of(item) if isinstance(item, Mapping) else item
        if not isinstance(group, (list, tuple)):
            expected = "the records of an image, or columns of them of one length"
            raise InputError(None, place, row, found=f"is {shown(item)}", expected=expected)
        groups.append(group)
    if any(isinstance(item, Mapping) for item in source):
        images = [item if isinstance(item, Mapping) else {} for item in source]
        ids = ids_of([image if "image_id" in image else _renamed(image) for image in images], place)
        for row in repeated(ids or (), place, problems):
            groups[row] = ()
        return groups, ids
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
