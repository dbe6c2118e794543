"""`loadRes`: boxes, masks, keypoints and captions become annotations with ids."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap.compat.pycocotools import mask as maskUtils
from meanap.compat.pycocotools._index import collector_paused
from meanap.compat.pycocotools._named import EXCEPTIONS, naming_record

if TYPE_CHECKING:
    from meanap.compat.pycocotools._sources import Snapshot

# NumPy's own choice for a list of Python integers (32 bits on Windows before NumPy 2).
_INTEGER = np.dtype(int).type


def heading(annotations: list[dict[str, Any]], kind: str | None, truth: Snapshot) -> dict[str, Any]:
    """The `dataset` of a results object.

    Parameters
    ----------
    annotations
        What `loadRes` was given or read.
    kind
        What they are.
    truth
        The heading of the ground truth.
    """
    dataset: dict[str, Any] = {"info": copy.deepcopy(truth.info), "images": list(truth.images)}
    if kind == "captions":
        described = {annotation["image_id"] for annotation in annotations}
        dataset["images"] = [image for image in dataset["images"] if image["id"] in described]
    elif kind is not None:
        dataset["categories"] = copy.deepcopy(truth.categories)
    dataset["annotations"] = annotations
    return dataset


def complete(annotations: list[dict[str, Any]], kind: str | None, place: str) -> _core.AnnotationIndex | None:
    """Gives results the fields that annotations have: the dictionaries are changed in place, as in the reference.

    Parameters
    ----------
    annotations
        The results.
    kind
        What they are.
    place
        The file's name or "results", for errors.

    Returns
    -------
    _core.AnnotationIndex | None
        Their index, or None where their ids are no plain integers.

    Raises
    ------
    KeyError
        if one lacks a field of its kind.
    """
    if kind is None:
        return None
    with collector_paused():
        index: _core.AnnotationIndex | None = _PREPARE[kind](annotations, place)
    if index is None and kind not in ("boxes", "captions"):
        return _core.index_plain(annotations, True)
    return index


def results_kind(first: dict[str, Any] | Iterable[str], bbox_empty: bool | None = None) -> str | None:
    """What results are, from the first of them: `captions`, `boxes`, `masks`, `keypoints`, or None.

    Given only the record's keys, `bbox_empty` says whether its `bbox` is `[]`, which counts as none.
    """
    if "caption" in first:
        return "captions"
    if "bbox" in first:
        if bbox_empty is None:
            bbox_empty = first["bbox"] == []  # type: ignore[index]
        if not bbox_empty:
            return "boxes"
    if "segmentation" in first:
        return "masks"
    return "keypoints" if "keypoints" in first else None


def first_of(annotations: list[dict[str, Any]], place: str) -> dict[str, Any]:
    """The first annotation.

    Raises
    ------
    IndexError
        if there is none.
    """
    if not annotations:
        raise IndexError(f"{place}: no results; the first one defines the kind of all, so there must be one")
    return annotations[0]


def image_ids(annotations: list[dict[str, Any]], place: str) -> set[Any]:
    """The distinct image ids of result annotations.

    Raises
    ------
    KeyError
        if one has none.
    TypeError
        if one is no dict, or its image id cannot be hashed.
    """
    try:
        return {annotation["image_id"] for annotation in annotations}
    except EXCEPTIONS:
        for number, annotation in enumerate(annotations):
            with naming_record(place, number, "image_id", annotation):
                hash(annotation["image_id"])
        raise


def _masks(annotations: list[dict[str, Any]], place: str) -> None:
    measured = _measured(annotations)
    if measured is None:
        # One by one, so that an error leaves what the reference leaves.
        for number, annotation in enumerate(annotations):
            with naming_record(place, number, "segmentation", annotation):
                annotation["area"] = maskUtils.area(annotation["segmentation"])
                if "bbox" not in annotation:
                    annotation["bbox"] = maskUtils.toBbox(annotation["segmentation"])
            annotation["id"] = number + 1
            annotation["iscrowd"] = 0
        return
    areas, boxes = measured
    for number, annotation in enumerate(annotations):
        annotation["area"] = areas[number]
        if "bbox" not in annotation:
            annotation["bbox"] = boxes[number]
        annotation["id"] = number + 1
        annotation["iscrowd"] = 0


def _measured(annotations: list[dict[str, Any]]) -> tuple[Any, Any] | None:
    """Areas and boxes of all masks, in one call each; None where one of them has none."""
    try:
        masks = [annotation["segmentation"] for annotation in annotations]
        # A list would be many masks.
        if not all(type(mask) is dict for mask in masks):
            return None
        boxless = [mask for annotation, mask in zip(annotations, masks, strict=True) if "bbox" not in annotation]
        areas, boxes = maskUtils.area(masks), maskUtils.toBbox(boxless) if boxless else ()
    except EXCEPTIONS:
        return None
    found = iter(boxes)
    return areas, [None if "bbox" in annotation else next(found) for annotation in annotations]


def _keypoints(annotations: list[dict[str, Any]], place: str) -> None:
    for number, annotation in enumerate(annotations):
        try:
            x0, x1, y0, y1 = _extent(annotation["keypoints"])
        except EXCEPTIONS as error:
            with naming_record(place, number, "keypoints", annotation):
                raise error
        annotation["area"] = (x1 - x0) * (y1 - y0)
        annotation["id"] = number + 1
        annotation["bbox"] = [x0, y0, x1 - x0, y1 - y0]


def _extent(keypoints: Any) -> Iterable[Any]:
    """The least and largest x, the least and largest y, as NumPy scalars."""
    extent = _core.keypoint_extent(keypoints)
    if extent is not None:
        return [np.float64(value) if type(value) is float else _INTEGER(value) for value in extent]
    x, y = keypoints[0::3], keypoints[1::3]
    return np.min(x), np.max(x), np.min(y), np.max(y)


def _captions(annotations: list[dict[str, Any]], place: str) -> None:
    for number, annotation in enumerate(annotations):
        annotation["id"] = number + 1


_PREPARE: dict[str, Callable[..., Any]] = {
    "boxes": _core.prepare_boxes,
    "masks": _masks,
    "keypoints": _keypoints,
    "captions": _captions,
}
