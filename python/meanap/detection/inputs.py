"""Both sides of an evaluation: what readers made of them, checked against each other, as the core takes it."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from meanap import _core, readers
from meanap._arrays import check_kinds_of_ids
from meanap._similarity import box_widths
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.readers._coco_files import DetectionFile, TruthFile
from meanap.readers._fields import pixel_size
from meanap.readers._reader import Role
from meanap.readers.sides import Detections, GroundTruth, first_strange, plain_ids

__all__ = ["Checking", "are_swapped", "arranged", "check_order", "checked_sides"]


class Checking(NamedTuple):
    """How both sides of an evaluation are checked."""

    rules: Protocol
    options: readers.Options
    #: Lowest and highest score, of detections that do not allow any.
    score_range: tuple[float, float] | None
    problems: readers.Problems


def arranged(truth: Any, found: Any, checking: Checking) -> tuple[tuple[Any, Any], tuple[_core.Objects, _core.Objects]]:
    """The objects of both sides that can be used, and the same as the core takes them.

    Raises
    ------
    InputError
        Something that no evaluation can use: an image or category that is not declared, ids of two types, keypoints
        for which there are no sigmas, a score outside of the range.
    """
    of_truth = truth if isinstance(truth, GroundTruth) else truth.columns
    truth_side, truth_columns = _usable(of_truth, truth, "ground_truth", checking)
    found_side, found_columns = _usable(found, truth, "detections", checking)
    for name, own, others in (
        ("image", truth_columns.image_ids, found_columns.image_ids),
        ("category", truth_columns.category_ids, found_columns.category_ids),
    ):
        texts = [{issubclass(kind, str) for kind in set(map(type, ids))} for ids in (own, others)]
        check_kinds_of_ids(name, ("detections", texts[1]), ("ground truth", texts[0]))
    return (truth_side, found_side), (truth_columns, found_columns)


def checked_sides(
    truth: GroundTruth | None, found: Detections | None, checking: Checking
) -> tuple[GroundTruth | None, Detections | None]:
    """The objects of both sides that can be used, or of one of them, if the other is not here.

    Raises
    ------
    InputError
        As for `arranged`, where the problems raise.
    """
    if truth is not None and found is not None:
        return arranged(truth, found, checking)[0]
    return (
        None if truth is None else _usable(truth, truth, "ground_truth", checking)[0],
        None if found is None else _usable(found, None, "detections", checking)[0],
    )


def _usable(side: Any, truth: Any, place: Role, checking: Checking) -> tuple[Any, _core.Objects]:
    """The objects of a side that can be used, and the same as the core takes them."""
    rules, similarity = checking.rules, checking.options.similarity

    def checked(objects: _core.Objects, records: bool) -> _core.Objects:
        if similarity == "keypoints":
            _check_keypoints(objects, rules, place, records)
        if truth is not None:
            _check(objects, truth, place, records)
        return objects

    if not isinstance(side, (GroundTruth, Detections)):
        try:
            return side, checked(side, True)
        except InputError as error:
            raise readers.coded(error) from None
    if rules.size == "fraction" and truth is not None:
        _measure_images(side, truth.sizes)
    some: Any = side.only_visible(rules.visibility) if isinstance(side, GroundTruth) else side
    scores = checking.score_range if isinstance(side, Detections) and not side.any_score else None
    return readers.sound(
        some, lambda part: checked(part.objects(rules, similarity, scores), part.records), checking.problems, place
    )


def _check(objects: _core.Objects, truth: Any, place: str, records: bool) -> None:
    """Rejects input that no evaluation can use; `records`: rows are those of a COCO file or list."""
    complaint = "is not in the ground truth" if place == "detections" else "is not among those declared"
    for name, ids, known in (
        ("image", objects.image_ids, truth.images),
        ("category", objects.category_ids, truth.categories),
    ):
        if (strange := first_strange(ids, known)) is not None:
            row = objects.first_row(name, ids.index(strange))
            found, unit = f"is {strange!r}, which {complaint}", "record" if records else "row"
            raise InputError(None, place, row, f"{name}_id", found, code=f"unknown-{name}", unit=unit)
    objects.check(place, records)


def _check_keypoints(objects: _core.Objects, rules: Protocol, place: str, records: bool) -> None:
    """Rejects poses that have another number of keypoints than there are sigmas."""
    sigmas = 0 if rules.sigmas is None else len(rules.sigmas)
    if len(objects) and sigmas and objects.keypoints != sigmas:
        found, expected = f"has {objects.keypoints} points", f"{sigmas}: there are {sigmas} sigmas"
        unit = "record" if records else "row"
        raise InputError(None, place, 0, "keypoints", found, expected, "number-of-keypoints", unit)


def _measure_images(side: GroundTruth | Detections, sizes: Mapping[Any, Any]) -> None:
    """Gives each object the area of its image."""
    if "image_area" in side.arrays:
        return
    areas = np.empty(len(side.image_ids))
    for row, id in enumerate(plain_ids(side.image_ids)):
        size = pixel_size(sizes.get(id))
        if size is None:
            raise InputError(f"size='fraction' needs the height and width of image {id!r} (GroundTruth(images=...))")
        areas[row] = size[0] * size[1]
    side.arrays["image_area"] = areas


def are_swapped(ground_truth: Any, detections: Any, error: InputError, options: readers.Options) -> bool:
    """Whether each side, which cannot be read as what it should be, can be read as the other one."""
    if error.record not in (None, 0) or error.found == "is null" or error.code == "wrong-geometry":
        return False
    if isinstance(ground_truth, TruthFile) or isinstance(detections, DetectionFile):
        return False  # They have been opened as what they are.
    with warnings.catch_warnings(), contextlib.suppress(InputError, OSError):
        warnings.simplefilter("ignore")
        similarity = options.similarity if box_widths(options.similarity) else "bbox"
        options = dataclasses.replace(options, similarity=similarity, format=None, on_error="raise", progress=False)
        found = readers.detections(ground_truth, options)
        readers.ground_truth(detections, options)
        return len(found) > 0
    return False


def check_order(ground_truth: Any, detections: Any, error: InputError, options: readers.Options) -> None:
    """Check that the ground truth comes first.

    Raises
    ------
    InputError
        Both sides are swapped, which is why `error` was raised.
    """
    if are_swapped(ground_truth, detections, error, options):
        problem = "ground truth and detections are swapped: the ground truth comes first"
        raise InputError(problem, code="swapped-sides") from error
