"""`Protocol`: the settings that define a metric, as an immutable value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meanap._arrays import kind_of
from meanap._keywords import suggesting
from meanap._settings import number
from meanap.errors import InputError, InputTypeError
from meanap.protocol.keypoints import sigmas_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import (
        AngleUnit,
        AverageName,
        MatcherName,
        MissRateName,
        ProtocolChanges,
        RecallMethod,
        RotatedIouName,
        SizeName,
    )

__all__ = ["Protocol", "SummaryRow"]


@dataclass(frozen=True)
class SummaryRow:
    """One number of the summary.

    Attributes
    ----------
    name
        The name of the number.
    kind
        Mean precision, mean recall, or log-average miss rate, of which lower is better.
    threshold
        The similarity threshold; None for the mean over all thresholds.
    area
        Name of the area range.
    limit
        The limit on detections, one of ``max_detections``; None for the largest.
    group
        Name of a group of categories (LVIS's frequencies); None for all.
    images
        The images that count: the name of a field of their records, its least value, and a value that it is below;
        None for all images.
    category
        Name of the one category that counts; None for the mean over all.
    """

    name: str
    kind: Literal["precision", "recall", "miss_rate"] = "precision"
    threshold: float | None = None
    area: str = "all"
    limit: int | None = None
    group: str | None = None
    images: tuple[str, float, float] | None = None
    category: str | None = None

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("name", isinstance(self.name, str), "a text"),
            ("kind", self.kind in ("precision", "recall", "miss_rate"), "'precision', 'recall' or 'miss_rate'"),
            ("threshold", self.threshold is None or _are_numbers((self.threshold,)), "a number or None"),
            ("area", isinstance(self.area, str), "a text"),
            ("limit", self.limit is None or _are_numbers((self.limit,)), "a number of detections or None"),
            ("group", self.group is None or isinstance(self.group, str), "a text or None"),
            ("category", self.category is None or isinstance(self.category, str), "a text or None"),
            ("images", self.images is None or _is_range_of_a_field(self.images), "a field and two numbers, or None"),
        ):
            if not fits:
                raise InputError(f"summary: {name}: expected {expected}, found {getattr(self, name)!r}")


@dataclass(frozen=True)
class Protocol:
    """The settings of an evaluation: thresholds, matching, curves and means.

    Attributes
    ----------
    name
        The tool or definition that it reproduces.
    thresholds
        Similarity thresholds, 0 to 1.
    strict
        Whether the similarity of a match has to be above a threshold; by default it may equal it.
    recall
        The recall points, 0 to 1 and rising, at which precision is averaged; or the name of an area under the curve:

        - ``"exact"``: the sum over true positives of their gain in recall times the maximum precision at this recall or
          above.
        - ``"trapezium"``: straight lines between 101 recall points.
        - ``"lines"``: straight lines between the points of the curve, one for each detection.
        - ``"levels"`` (WIDER FACE): the exact area, from the points at the scores 0.999, 0.998, …, 0, after the scores
          of all detections are scaled to 0 to 1.
        - ``"cityscapes"``: straight lines between the points at each score, from a precision of 1 on.
        - ``"kitti-40"``, ``"kitti-11"``: KITTI's mean over 40 or 11 sampled scores, which requires its matcher.
        - ``"nuscenes"``: nuScenes' area, on straight lines, of precision and recall above 0.1.
    area_ranges
        For each name the least and the greatest size, both included; 1 to 31 ranges.
    size
        The quantity of the area ranges: ``"area"`` in pixels; ``"diagonal"`` or longest ``"side"`` of the box in
        pixels; area as a ``"fraction"`` of the image; or ``"pose"``, 0.53 times the area of the box, which also scales
        the distances of keypoints. ``"difficulty"``: KITTI's level of each object, 1 easy, 2 moderate, 3 hard, or 4
        harder; a detection has the level of an object of its height. ``"level"``: the same, but all detections are of
        level 1.
    max_detections
        Limits on the detections of one category in one image, rising; matching uses the largest.
    max_per_image
        Limit on the detections of an image over all categories, applied before matching; None for no limit.
    limit_per_image
        Whether `max_detections` are limits on the detections of an image over all categories.
    heights
        Least and greatest height of a box that is not ignored; None for any. A detection that is lower or higher by a
        factor of more than 1.25 is left out.
    visibility
        Least and greatest visible fraction of an object that is not ignored; None for any. Only CityPersons' records
        have visible fractions.
    matcher
        Which ground truth a detection matches, in order of falling score. ``"greedy"``: the most similar one that is
        unmatched, of equally similar ones the last; ``"greedy-first"``: of these the first. ``"argmax"``: the most
        similar one of all; if that is matched already, the detection is a false positive. ``"group-of"``: as argmax
        among the objects that are not crowds; a detection without a match is ignored if a crowd region covers enough
        of it. ``"group-of-counted"``: the same, and each crowd region counts as one object, which the first detection
        within it matches. ``"kitti"``: each ground truth takes the detection most similar to it; an
        unmatched detection within a crowd region is ignored.
    inclusive_boxes
        Whether boxes reach to the far edge of their last pixel: one is added to width and height.
    match_crowds
        Whether several detections may match a crowd region, by the fraction of their own area that it covers. If not,
        crowd regions are ignored objects.
    federated
        Whether images list the categories that are annotated there, as in LVIS: detections of categories that neither
        have objects in an image nor are among its ``neg_category_ids`` are left out, and detections of its
        ``not_exhaustive_category_ids`` that match nothing are ignored. COCO's images and items of lists have these
        fields; without them all categories count as annotated in all images.
    by_category
        Whether a detection matches only objects of its category.
    zero_id_unmatched
        Whether an object whose annotation id is 0 always counts as unmatched, as in pycocotools. No preset sets it.
    dilation_ratio
        Width of the boundary of a mask as a fraction of the image's diagonal, for ``similarity="boundary"``.
    angle
        The unit of the angles of rotated boxes, ``"degrees"`` or ``"radians"``; boxes of four corners have no angle.
    clockwise
        Whether a positive angle turns a box clockwise in the image, where y points down.
    rotated_iou
        Whose arithmetic compares rotated boxes: ``"exact"``, or that of a package: ``"detectron2"``, ``"mmcv"``,
        ``"polyiou"`` (DOTA's development kit), ``"probiou"`` (Ultralytics; a similarity of normal distributions).
    miss_rate
        How the miss rate at a given rate of false positives per image is read from the curve: ``"dollar"``, the lowest
        one at which the rate is not exceeded; ``"crowdhuman"``, that of the first detection at which the rate is
        reached; ``"citypersons"``, that of the last detection at which it is not exceeded. The last two round the
        rates, and one miss rate of 0 makes the mean 0.
    average
        ``"macro"``: the mean of the categories' numbers. ``"micro"``: one ranking of the detections of all categories.
        ``"images"``: the mean of the categories' numbers, weighted by the number of images that have an object of the
        category, ignored or not.
    summary
        The rows of the summary, in order.
    sigmas
        Sigma of each keypoint: the standard deviation of its annotations, relative to the object's size. None where
        keypoints are not compared.

    Raises
    ------
    InputError
        A value is out of range, or the summary has a limit or an area range that the protocol does not have.
    """

    name: str
    thresholds: tuple[float, ...]
    recall: tuple[float, ...] | RecallMethod
    area_ranges: Mapping[str, tuple[float, float]]
    max_detections: tuple[int, ...]
    summary: tuple[SummaryRow, ...]
    strict: bool = False
    size: SizeName = "area"
    max_per_image: int | None = None
    limit_per_image: bool = False
    heights: tuple[float, float] | None = None
    visibility: tuple[float, float] | None = None
    matcher: MatcherName = "greedy"
    inclusive_boxes: bool = False
    match_crowds: bool = True
    federated: bool = False
    by_category: bool = True
    zero_id_unmatched: bool = False
    dilation_ratio: float = 0.02
    angle: AngleUnit = "degrees"
    clockwise: bool = False
    rotated_iou: RotatedIouName = "exact"
    miss_rate: MissRateName = "dollar"
    average: AverageName = "macro"
    sigmas: tuple[float, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        def check(condition: bool, name: str, expected: str) -> None:
            if not condition:
                raise InputError(f"{name}: expected {expected}, found {getattr(self, name)!r}")

        check(_are_numbers(self.thresholds), "thresholds", "numbers from 0 to 1")
        check(len(self.thresholds) > 0, "thresholds", "at least one")
        check(all(0 <= t <= 1 for t in self.thresholds), "thresholds", "numbers from 0 to 1")
        recalls = f"recall points or one of {', '.join(map(repr, _RECALL_METHODS))}"
        if isinstance(self.recall, str):
            check(self.recall in _RECALL_METHODS, "recall", recalls)
            sampled = self.recall in ("kitti-40", "kitti-11")
            check(not sampled or self.matcher == "kitti", "recall", "another one than KITTI's without its matcher")
        else:
            check(_are_numbers(self.recall), "recall", recalls)
            check(len(self.recall) > 0, "recall", "at least one point")
            check(all(0 <= r <= 1 + 1e-9 for r in self.recall), "recall", "points from 0 to 1")
            check(list(self.recall) == sorted(self.recall), "recall", "points that rise")
        _check_ranges(self.area_ranges)
        check(0 < len(self.area_ranges) <= 31, "area_ranges", "1 to 31 ranges")
        check(all(map(_is_range, self.area_ranges.values())), "area_ranges", "a least and a greatest size each")
        limits, most = self.max_detections, self.max_per_image
        rising = _are_numbers(limits) and len(limits) > 0 and list(limits) == sorted(limits)
        whole = rising and all(1 <= n < _MOST and n == int(n) for n in limits)
        check(whole, "max_detections", "whole numbers of at least 1 that rise")
        is_count = most is None or (_are_numbers((most,)) and 0 <= most < _MOST and most == int(most))
        check(is_count, "max_per_image", "a number of detections, or None")
        for name, choices in _CHOICES.items():
            check(getattr(self, name) in choices, name, f"one of {', '.join(map(repr, choices))}")
        check(0 < self.dilation_ratio < np.inf, "dilation_ratio", "a positive number")
        check(self.angle in ("degrees", "radians"), "angle", "'degrees' or 'radians'")
        for name in _FLAGS:
            check(isinstance(getattr(self, name), (bool, np.bool_)), name, "True or False")
        sigmas = self.sigmas
        positive = sigmas is None or (_are_numbers(sigmas) and all(0 < sigma < np.inf for sigma in sigmas))
        check(positive, "sigmas", "positive numbers")
        for name in ("heights", "visibility"):
            given = getattr(self, name)
            check(given is None or _is_range(given), name, "a least and a greatest one, or None")
        check(self.average in ("macro", "micro", "images"), "average", "'macro', 'micro' or 'images'")
        for row in self.summary:
            if row.limit is not None:
                self.limit_index(row.limit)
            if row.area not in self.area_ranges:
                raise InputError(f"summary: {row.name!r} has area range {row.area!r}, which is not defined")

    @suggesting(lambda: Protocol.__dataclass_fields__)
    def replace(self, **changes: Unpack[ProtocolChanges]) -> Protocol:
        """A copy with some fields replaced.

        If area ranges or limits are replaced and the summary is not, the summary keeps the rows whose area range and
        limit still exist, and gets rows for the new ones. `sigmas` may be the name of a set of keypoints, or the number
        of keypoints.

        Raises
        ------
        InputError
            A value cannot be used.
        TypeError
            There is no such field.
        """
        fields: dict[str, Any] = dict(changes)
        if "sigmas" in fields:
            fields["sigmas"] = sigmas_of(fields["sigmas"])
        if "summary" not in fields and ("area_ranges" in fields or "max_detections" in fields):
            areas = fields.get("area_ranges", self.area_ranges)
            _check_ranges(areas)
            limits = fields.get("max_detections", self.max_detections)
            fields["summary"] = _adapted(self, areas, limits)
        return dataclasses.replace(self, **fields)

    @property
    def area_names(self) -> tuple[str, ...]:
        """The names of the area ranges, in order."""
        return tuple(self.area_ranges)

    @property
    def reads_difficulty(self) -> bool:
        """Whether the area ranges are levels of difficulty, which the ground truth must have."""
        return self.size in ("difficulty", "level")

    def threshold_index(self, iou: float) -> int:
        """The position of a threshold in `thresholds`, found within 1e-6.

        Raises
        ------
        InputError
            It is not among them.
        """
        wanted = number(iou, "iou")
        close = [index for index, threshold in enumerate(self.thresholds) if abs(threshold - wanted) <= 1e-6]
        if not close:
            listed = ", ".join(f"{t:g}" for t in self.thresholds)
            raise InputError(f"iou: {iou} is not among the thresholds that were evaluated ({listed})")
        return close[0]

    def limit_index(self, limit: int | None) -> int:
        """The position of a limit in `max_detections`; for None the last one.

        Raises
        ------
        InputError
            It is not among them.
        """
        if limit is None:
            return len(self.max_detections) - 1
        if limit not in self.max_detections:
            raise InputError(f"limit: expected one of {', '.join(map(str, self.max_detections))}, found {limit!r}")
        return self.max_detections.index(limit)

    def area_index(self, area: str) -> int:
        """The position of an area range in `area_ranges`.

        Raises
        ------
        InputError
            There is no such area range.
        """
        if area not in self.area_ranges:
            raise InputError(f"area: expected one of {', '.join(map(repr, self.area_ranges))}, found {area!r}")
        return self.area_names.index(area)


#: Averages of precision other than the mean over recall points.
_RECALL_METHODS = ("exact", "trapezium", "lines", "levels", "cityscapes", "kitti-40", "kitti-11", "nuscenes")
#: Fields that have one of several values.
_CHOICES = {
    "size": ("area", "diagonal", "side", "fraction", "pose", "difficulty", "level"),
    "matcher": ("greedy", "greedy-first", "argmax", "group-of", "group-of-counted", "kitti"),
    "rotated_iou": ("exact", "detectron2", "mmcv", "polyiou", "probiou"),
    "miss_rate": ("dollar", "crowdhuman", "citypersons"),
}
#: Limits on detections are lower, so that they can be multiplied by the number of categories.
_MOST = 2**40


def _are_numbers(values: Any) -> bool:
    return np.iterable(values) and all(
        isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in values
    )


def _is_range(value: Any) -> bool:
    """Whether a value is a least and a greatest number."""
    return _are_numbers(value) and len(value) == 2 and value[0] <= value[1]


def _is_range_of_a_field(value: Any) -> bool:
    return (
        isinstance(value, (tuple, list)) and len(value) == 3 and isinstance(value[0], str) and _are_numbers(value[1:])
    )


#: The fields that are on or off.
_FLAGS = tuple(name for name, field in Protocol.__dataclass_fields__.items() if field.type == "bool")


def _check_ranges(ranges: Any) -> None:
    if not isinstance(ranges, Mapping):
        raise InputTypeError(f"area_ranges: expected a range by name, found {kind_of(ranges)}")


def _adapted(protocol: Protocol, areas: Mapping[str, Any], limits: tuple[int, ...]) -> tuple[SummaryRow, ...]:
    rows = [row for row in protocol.summary if row.area in areas and (row.limit is None or row.limit in limits)]
    listed = {row.limit for row in rows if row.kind == "recall" and row.area == "all"}
    if limits != protocol.max_detections:
        rows += [SummaryRow(f"ar_{n}", "recall", limit=n) for n in limits if n not in listed]
    for name in areas:
        if name not in protocol.area_ranges:
            rows += [SummaryRow(f"ap_{name}", area=name), SummaryRow(f"ar_{name}", "recall", area=name)]
    return tuple(rows)
