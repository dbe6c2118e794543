"""Sources with one item for each image: which image each is of, and the columns of all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _rle
from meanap._arrays import as_flags, as_id, as_ids, as_masks, as_numbers, images_on_host, shown
from meanap._similarity import GEOMETRY, box_widths
from meanap.errors import InputError
from meanap.readers._column_names import are_columns
from meanap.readers._image_fields import fields_of_records, record_of
from meanap.readers._item_faults import in_words_of_records
from meanap.readers._known_ids import with_known_ids
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth
from meanap.readers._sound import coded
from meanap.readers.sides import Detections, GroundTruth, plain_ids

if TYPE_CHECKING:
    from meanap._types import BoxFormat

__all__ = ["PerImage", "ids_of", "is_array", "is_there", "paired", "repeated", "sizes_of"]


class PerImage(Reader):
    """A list with an item for each image, a mapping of image id to item, or the item of a single image.

    A subclass says what is an item, and makes the dictionary of it that metric objects take.
    """

    #: How boxes are given, where `Options.box_format` does not say it.
    box_format: BoxFormat | None = None
    #: Whether boxes need the sizes of images, which an item need not know.
    needs_sizes = False
    #: Whether an item can say its ``image_id``.
    has_ids = False

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first item with something in it is one; an empty list counts as one of COCO results."""
        if isinstance(source, Mapping) and are_columns(source):
            return False
        items = self.items(source, role)
        return bool(items) and self.is_item(_first(items), role)

    def of(self, similarity: str) -> PerImage:
        """The reader of such sources for a similarity."""
        del similarity
        return self

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images, which are called by their ids where they have them, else by their position."""
        place: Role = "ground_truth"
        images = self.of(options.similarity).dictionaries(source, place, problems)
        given = ids_of(images, place)
        ids = list(range(len(images))) if given is None else given
        numbers = ("area", "num_keypoints", "difficulty", "iscrowd", "ignore")
        mask_sizes: dict[Any, tuple[int, int]] = {}
        columns, items = _columns(images, ids, place, numbers, problems, options, mask_sizes)
        crowd = columns.pop("iscrowd", None)
        sizes = sizes_of(ids, images)
        truth = GroundTruth(**columns, crowd=crowd, box_format=self._format(options), images=sizes)
        truth.items = items
        truth.mask_sizes = mask_sizes
        truth.listed = "by position" if given is None else "by id"
        truth.own_fields = lambda: fields_of_records(ids, images)
        if options.image_records:
            truth.image_records = [record_of(id, image, sizes[id]) for id, image in zip(ids, images, strict=True)]
        if not any(sizes.values()):
            truth.sizes = {}
        return truth

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all images."""
        place: Role = "detections"
        images = self.of(options.similarity).dictionaries(source, place, problems)
        ids = paired(ids_of(images, place), len(images), truth, self.has_ids)
        mask_sizes = dict(truth.mask_sizes) if isinstance(truth, GroundTruth) else {}
        columns, items = _columns(images, ids, place, ("scores", "difficulty"), problems, options, mask_sizes)
        found = Detections(**columns, box_format=self._format(options))
        found.items = items
        return with_known_ids(found, truth)

    def items(self, source: Any, role: Role) -> Sequence[Any]:
        """What a source has of each image; those of a list of batches one batch after another."""
        items = _items(source)
        # Most lists are of dictionaries, and a training loop has one for each batch.
        if not isinstance(source, (list, tuple)) or (source and isinstance(source[0], dict)):
            return items
        first = _first(items)
        if not isinstance(first, (list, tuple)) or self.is_item(first, role) or not self.is_item(_first(first), role):
            return items
        return [item for batch in items for item in (batch if isinstance(batch, (list, tuple)) else [batch])]

    def is_item(self, item: Any, role: Role) -> bool:
        """Whether this is what a source has of an image."""
        raise NotImplementedError

    def dictionary(self, item: Any, role: Role, where: str) -> Mapping[str, Any]:
        """What metric objects take of an item; `where` names it in errors."""
        raise NotImplementedError

    def _dictionary(self, item: Any, role: Role, where: str) -> Mapping[str, Any]:
        if item is None and role == "ground_truth":
            raise InputError(None, where, found="is None", expected="objects, or an empty list where there are none")
        # Some detectors give None where they find nothing.
        is_nothing = not isinstance(item, Mapping) and not is_there(item)
        return _NOTHING if is_nothing else self.dictionary(item, role, where)

    def dictionaries(self, source: Any, role: Role, problems: Problems | None = None) -> list[Mapping[str, Any]]:
        """What metric objects take of all images: of those of a mapping, with ``image_id``."""
        items = self.items(source, role)
        images: list[Mapping[str, Any]] = []
        for row, item in enumerate(items):
            try:
                images.append(self._dictionary(item, role, f"{role}[{row}]"))
            except InputError as error:
                if problems is None or problems.mode == "raise":
                    raise
                problems.reject(Problem.of(coded(error)), role)
                images.append(_NOTHING)
        if isinstance(source, Mapping) and len(items) and items[0] is not source:
            images = [{**image, "image_id": id} for id, image in zip(source, images, strict=True)]
        on_host: list[Mapping[str, Any]] = images_on_host(images)
        return on_host

    def _format(self, options: Options) -> BoxFormat:
        return options.box_format if self.box_format is None else self.box_format


#: An image without objects, of any geometry.
_NOTHING: Mapping[str, Any] = {
    "boxes": np.zeros((0, 4)),
    "masks": np.zeros((0, 0, 0), dtype=np.bool_),
    "keypoints": np.zeros((0, 0, 3)),
    "scores": np.zeros(0),
    "labels": np.zeros(0, dtype=np.int64),
}


def _items(source: Any) -> Sequence[Any]:
    if isinstance(source, (list, tuple)):
        return source
    if isinstance(source, Mapping) and source and all(as_id(id) is not None for id in source):
        values = list(source.values())
        # The fields of a dictionary are no images.
        return [source] if isinstance(next(iter(source)), str) and _are_fields(source) else values
    return [source]


def is_there(item: Any) -> bool:
    """Whether an item is neither None nor an empty list, dictionary or array, which could be of any format."""
    if item is None or (isinstance(item, (list, tuple, Mapping)) and not item):
        return False
    return not (is_array(item) and 0 in getattr(item, "shape", ()))


def is_array(value: Any) -> bool:
    """Whether it is an array or tensor of any library; tables and columns of tables are none."""
    if isinstance(value, np.ndarray):
        return True
    if isinstance(value, (type, Mapping, np.generic)):
        return False
    speaks = hasattr(value, "__dlpack_device__") or hasattr(value, "__array__")
    return speaks and not hasattr(value, "__arrow_c_stream__") and not hasattr(value, "columns")


def _first(items: Iterable[Any]) -> Any:
    """The first item with something in it; None if there is none."""
    return next(filter(is_there, items), None)


def _are_fields(source: Mapping[Any, Any]) -> bool:
    return bool({"labels", "class_labels", "boxes", "annotations", "segments_info", "predictions"} & source.keys())


def ids_of(images: Sequence[Mapping[str, Any]], place: Role) -> list[Any] | None:
    """The ids of all images; None if none has one.

    Raises
    ------
    InputError
        Some have one, or one is neither an integer nor a string.
    """
    given = [item.get("image_id") is not None for item in images]
    if not any(given):
        return None
    if not all(given):
        raise InputError(None, place, given.index(False), "image_id", "is missing, which others have")
    ids = []
    for row, item in enumerate(images):
        value = item["image_id"]
        id = as_id(value.reshape(())[()] if getattr(value, "shape", None) == (1,) else value)
        if id is None:
            raise InputError(None, place, row, "image_id", f"is {shown(value)}", "an integer or a string")
        ids.append(id)
    return ids


def repeated(
    ids: Sequence[Any],
    place: Role,
    problems: Problems,
    unit: str = "record",
    start: int = 0,
    known: dict[Any, int] | None = None,
) -> set[int]:
    """The positions of items to leave out, as an item before is of the same image; each is a problem.

    Of a source that is read in parts, `start` is the number of items before this part, and `known` has the first item
    of each image so far, to which those of this part are added.
    """
    known = {} if known is None else known
    again = set()
    for row, id in enumerate(ids, start):
        if (before := known.setdefault(id, row)) == row:
            continue
        found, expected = f"is {shown(id)}, as that of {unit} {before}", f"one {unit} for each image"
        problems.reject(Problem("duplicate-image-id", "error", place, row, "image_id", found, expected, unit=unit))
        again.add(row - start)
    return again


def paired(ids: list[Any] | None, count: int, truth: Truth | None, has_ids: bool) -> list[Any]:
    """The images of the ground truth that so many items of detections are of.

    By their ids where both sides have them; else in the order of the ground truth, which has to have as many images.
    Items that could have ids (`has_ids`) need them where the ground truth is no list, and not in the order of its ids.

    Raises
    ------
    InputError
        It cannot be known.
    """
    known = None if truth is None else truth.images
    if known is None:
        return list(range(count)) if ids is None else ids
    listed = truth.listed if isinstance(truth, GroundTruth) else None
    if ids is not None and (listed != "by position" or len(known) != count):
        return ids
    if len(known) != count:
        expected = f"one for each of {len(known):,} images of the ground truth, in their order"
        raise InputError(f"{count:,} images", "detections", expected=f'{expected}, or "image_id" in each')
    if has_ids and listed is None and not _rising(known):
        problem = 'each image needs "image_id", as those of the ground truth are not in the order of their ids'
        raise InputError(problem, "detections")
    return list(known)


def _rising(ids: list[Any]) -> bool:
    if len({isinstance(id, str) for id in ids}) > 1:
        return False
    return all(a < b for a, b in zip(ids, ids[1:], strict=False))


def sizes_of(ids: Sequence[Any], images: Sequence[Mapping[str, Any]]) -> dict[Any, tuple[int, int] | None]:
    """Height and width of the images of a ground truth, None where they are not known, by id."""
    return {id: _size(item, "ground_truth", row) for row, (id, item) in enumerate(zip(ids, images, strict=True))}


def _size(item: Mapping[str, Any], place: Role, row: int) -> tuple[int, int] | None:
    """Height and width of an image."""
    given = item.get("image_size")
    if given is None:
        return None
    size = as_numbers(given, f"{place}[{row}]: image_size").tolist()
    if not isinstance(size, list) or len(size) != 2:
        raise InputError(None, place, row, "image_size", f"is {shown(given)}", "height and width")
    height, width = size
    return height, width


def _columns(
    images: Sequence[Mapping[str, Any]],
    ids: Sequence[Any],
    place: Role,
    numbers: Sequence[str],
    problems: Problems,
    options: Options,
    mask_sizes: dict[Any, tuple[int, int]],
) -> tuple[dict[str, Any], np.ndarray]:
    """The rows of all images, one after another, and of each its image and the row within.

    Images with errors are left out where problems are collected. `mask_sizes` has the height and width of the masks of
    each image, to which those of this side are added.
    """
    parts: dict[str, list[Any]] = {}
    image_ids: list[Any] = []
    items: list[tuple[int, int]] = []
    shapes = _SHAPES_OF_BOXES[box_widths(options.similarity)]
    some = [item for item in images if not _has_nothing(item)]
    needed = _NEEDED.get(GEOMETRY[options.similarity], "boxes")
    geometry = [name for name in _NEEDED.values() if name == needed or _have_all(some, name)]
    geometry = [name for name in geometry if any(item.get(name) is not None for item in some)]
    if not geometry:
        _check_that_nothing_is_there(images, place, options)
    # In the order of the core, so that the first fault is the same.
    several = [name for name in numbers if name != "scores" and any(item.get(name) is not None for item in some)]
    fields = [*(["scores"] if "scores" in numbers else []), *geometry, *several]
    again = repeated(ids, place, problems)
    for row, (id, item) in enumerate(zip(ids, images, strict=True)):
        if row in again:
            continue
        try:
            of_image = _of_image(item, fields, needed, f"{place}[{row}]", shapes)
            _check_mask_sizes(of_image.get("masks", ()), mask_sizes, id, f"{place}[{row}]")
            if np.size(of_image.get("boxes", ())):
                # All boxes of a side have as many numbers as its first ones.
                shapes = (of_image["boxes"].shape[1:],)
        except InputError as raised:
            error = coded(in_words_of_records(raised, images, options.similarity, options.box_format))
            if problems.mode == "raise":
                raise error from None
            problems.reject(Problem.of(error), place)
            continue
        image_ids += [id] * len(of_image["category_ids"])
        items.append((row, len(of_image["category_ids"])))
        for name, values in of_image.items():
            parts.setdefault(name, []).append(values)
    columns: dict[str, Any] = {"image_ids": image_ids}
    columns["category_ids"] = [id for several in parts.pop("category_ids", ()) for id in several]
    if "masks" in geometry:
        columns["masks"] = _masks([mask for several in parts.pop("masks", ()) for mask in several])
    for name in fields:
        if name != "masks":
            filled = [array for array in parts.get(name, ()) if len(array)]
            shape = {"boxes": (0, 4), "keypoints": (0, 0, 3)}.get(name, (0,))
            columns[name] = np.concatenate(filled) if filled else np.zeros(shape)
    if not geometry:
        columns[needed] = _NOTHING[needed]
    of_image, counts = np.array(items, dtype=np.int64).reshape(-1, 2).T
    counts = counts.astype(np.intp)  # What NumPy repeats by, also where that has 32 bits.
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return columns, np.stack([np.repeat(of_image, counts), within])


#: The geometry that has to be there, by what a similarity compares; of others it is "boxes".
_NEEDED = {"boxes": "boxes", "masks": "masks", "keypoints": "keypoints"}
#: What stands in columns for a field that an image does not have, while others do.
_ABSENT = {"area": 0.0, "num_keypoints": np.nan, "iscrowd": False, "ignore": False}


def _have_all(images: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Whether all images with objects have a field."""
    return all(item.get(name) is not None or not _has_items(item.get("labels")) for item in images)


def _check_mask_sizes(masks: Sequence[Any], sizes: dict[Any, tuple[int, int]], id: Any, place: str) -> None:
    """Rejects masks of an image that are of several sizes; adds theirs to `sizes`."""
    for row, mask in enumerate(masks):
        size = mask.get("size") if isinstance(mask, Mapping) else mask.shape
        if not isinstance(size, (list, tuple)) or len(size) != 2:
            continue  # It is for the core to say so.
        (height, width), (h, w) = size, sizes.setdefault(id, (size[0], size[1]))
        if (height, width) != (h, w):
            found = f"has {height} x {width} pixels, others of the image {h} x {w}"
            raise InputError(None, f'{place}["masks"]', row, None, found, unit="row")


def _of_image(
    item: Mapping[str, Any], fields: Sequence[str], needed: str, where: str, shapes: Sequence[tuple[int, ...]]
) -> dict[str, Any]:
    """The columns of one image, some of which are not `needed`."""
    if item.get("labels") is None:
        raise InputError(source=where, field="labels", found="is missing")
    labels = plain_ids(as_ids(item["labels"], f'{where}["labels"]'))
    columns: dict[str, Any] = {"category_ids": labels}
    for name in fields:
        value, within = item.get(name), f'{where}["{name}"]'
        if value is None and name in _ABSENT:
            columns[name] = np.full(len(labels), _ABSENT[name])
        elif value is None:
            if len(labels) or (name in (needed, "scores") and not _has_nothing(item)):
                raise InputError(source=where, field=name, found="is missing")
            columns[name] = np.zeros(0)
        elif name == "masks":
            columns[name] = list(value) if _are_runs(value) else _each_mask(as_masks(value, within), within)
        else:
            columns[name] = (as_flags if name in ("iscrowd", "ignore") else as_numbers)(value, within)
            if not columns[name].size:  # Also of a list with an empty list.
                columns[name] = columns[name][:0]
        shape = () if name == "masks" else columns[name].shape[1:]
        fits = shapes if name == "boxes" else ((),)
        if name not in ("masks", "keypoints") and np.size(columns[name]) and shape not in fits:
            expected = " or ".join(f"({', '.join(map(str, ('N', *fit)))}{'' if fit else ','})" for fit in fits)
            raise InputError(f"expected shape {expected}, found {np.shape(item[name])}", within)
        if len(columns[name]) != len(labels):
            found = f'has {len(columns[name])} rows, "labels" has {len(labels)}'
            raise InputError(source=where, field=name, found=found)
    return columns


def _has_nothing(item: Mapping[str, Any]) -> bool:
    """Whether it stands for an item that says nothing but that there is nothing."""
    return item.get("scores") is _NOTHING["scores"]


def _each_mask(masks: np.ndarray, place: str) -> list[np.ndarray]:
    if not masks.size:
        return []
    if masks.ndim != 3:
        raise InputError(f"expected shape (N, H, W), found {masks.shape}", place)
    return list(masks)


def _check_that_nothing_is_there(images: Sequence[Mapping[str, Any]], place: Role, options: Options) -> None:
    """Rejects objects without boxes, masks or keypoints.

    Raises
    ------
    InputError
        An image has some.
    """
    for row, item in enumerate(images):
        if _has_items(item.get("labels")):
            kind = GEOMETRY[options.similarity]
            field = kind if kind in ("masks", "keypoints") else "boxes"
            raise InputError(source=f"{place}[{row}]", field=field, found="is missing", code="missing-field")


def _has_items(values: Any) -> bool:
    """Whether a list or an array has any."""
    return hasattr(values, "__len__") and getattr(values, "shape", (1,)) != () and len(values) > 0


#: Shapes of the numbers of a box.
_SHAPES_OF_BOXES: dict[tuple[int, ...], Sequence[tuple[int, ...]]] = {
    (): ((4,),),
    (5, 8): ((5,), (8,), (4, 2)),
    (7,): ((7,),),
}


def _are_runs(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value)


def _masks(masks: list[Any]) -> list[Any]:
    """Masks of images of several sizes as run lengths."""
    return [item if isinstance(item, Mapping) else _rle.encode(item) for item in masks]
