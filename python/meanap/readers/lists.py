"""Lists of one dictionary for each image, as training loops have them: torchmetrics' and torchvision's shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from meanap import _rle
from meanap._arrays import as_flags, as_id, as_ids, as_masks, as_numbers, shown
from meanap.errors import InputError
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth
from meanap.readers._sound import coded
from meanap.readers.sides import Detections, GroundTruth, plain_ids

__all__ = ["Lists", "are_batches", "is_batch"]


def is_batch(source: Any) -> bool:
    """Whether a source is a list of one dictionary for each image."""
    return isinstance(source, (list, tuple)) and all(isinstance(item, Mapping) and "labels" in item for item in source)


def are_batches(ground_truth: Any, detections: Any) -> bool:
    """Whether both sides are such lists, image by image; detections with ``category_id`` are COCO results."""
    if not is_batch(ground_truth) or not isinstance(detections, (list, tuple)):
        return False
    return not any(isinstance(item, Mapping) and "category_id" in item for item in detections[:1])


class Lists(Reader):
    """Each dictionary has ``boxes``, ``masks`` or ``keypoints``, ``labels``, and ``scores`` if it is of detections.

    Images are called by their ``image_id`` where all dictionaries have one, else by their position.
    """

    name = "list"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether all are dictionaries with labels; an empty list of detections counts as one of COCO results."""
        return is_batch(source) and (bool(source) or role == "ground_truth")

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images."""
        place = "ground_truth"
        ids = _image_ids(source, place)
        columns = _columns(source, ids, place, ("area", "num_keypoints", "iscrowd", "ignore"), problems)
        crowd = columns.pop("iscrowd", None)
        sizes = {id: _size(item) for id, item in zip(ids, source, strict=True)}
        truth = GroundTruth(**columns, crowd=crowd, box_format=options.box_format, images=sizes)
        if not any(sizes.values()):
            truth.sizes = {}
        return truth

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all images."""
        place = "detections"
        ids = _image_ids(source, place)
        images = None if truth is None else truth.images
        if images is not None and images != ids and not any("image_id" in item for item in source):
            problem = (
                'each dictionary needs "image_id", as the images of the ground truth are not called by their position'
            )
            raise InputError(problem, place)
        columns = _columns(source, ids, place, ("scores",), problems)
        columns.setdefault("scores", [])
        return Detections(**columns, box_format=options.box_format)


def _image_ids(source: Sequence[Mapping[str, Any]], place: str) -> list[Any]:
    given = ["image_id" in item for item in source]
    if not any(given):
        return list(range(len(source)))
    if not all(given):
        raise InputError(None, place, given.index(False), "image_id", "is missing, which others have")
    ids = []
    for row, item in enumerate(source):
        value = item["image_id"]
        id = as_id(value.reshape(())[()] if getattr(value, "shape", None) == (1,) else value)
        if id is None:
            raise InputError(None, place, row, "image_id", f"is {shown(value)}", "an integer or a string")
        ids.append(id)
    return ids


def _size(item: Mapping[str, Any]) -> tuple[int, int] | None:
    """Height and width of an image."""
    given = item.get("image_size")
    if given is None:
        return None
    height, width = np.asarray(given).tolist()
    return height, width


def _columns(
    source: Sequence[Mapping[str, Any]], ids: Sequence[Any], place: str, numbers: Sequence[str], problems: Problems
) -> dict[str, Any]:
    """The rows of all images, one after another; images with errors are left out where problems are collected."""
    parts: dict[str, list[Any]] = {}
    image_ids: list[Any] = []
    geometry = [name for name in ("boxes", "masks", "keypoints") if any(name in item for item in source)]
    fields = [*geometry, *(name for name in numbers if any(name in item for item in source))]
    for row, (id, item) in enumerate(zip(ids, source, strict=True)):
        try:
            of_image = _of_image(item, fields, f"{place}[{row}]")
        except InputError as error:
            if problems.mode == "raise":
                raise
            problems.add(Problem.of(coded(error).replace(record=row)))
            problems.leave_out(place)
            continue
        image_ids += [id] * len(of_image["category_ids"])
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
        columns["boxes"] = np.zeros((0, 4))
    return columns


def _of_image(item: Mapping[str, Any], fields: Sequence[str], where: str) -> dict[str, Any]:
    """The columns of one image."""
    labels = plain_ids(as_ids(item["labels"], f"{where}: labels"))
    columns: dict[str, Any] = {"category_ids": labels}
    for name in fields:
        if name not in item:
            raise InputError(source=where, field=name, found="is missing")
        value, within = item[name], f"{where}: {name}"
        if name == "masks":
            columns[name] = list(value) if _are_runs(value) else list(as_masks(value, within))
        else:
            columns[name] = (as_flags if name in ("iscrowd", "ignore") else as_numbers)(value, within)
        if len(columns[name]) != len(labels):
            raise InputError(f"{len(labels)} labels and {len(columns[name])} {name}", where)
    return columns


def _are_runs(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value)


def _masks(masks: list[Any]) -> list[Any]:
    """Masks of images of several sizes as run lengths."""
    return [item if isinstance(item, Mapping) else _rle.encode(item) for item in masks]
