"""Checks of keypoints: their format, their number, and "num_keypoints"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from meanap.checking.records import NOTHING, Records
from meanap.protocol.keypoints import KEYPOINT_SETS

__all__ = ["check_poses"]

#: As many sigmas as COCO has.
_COCO = 17


def check_poses(truth: Records, found: Records | None, sigmas: Sequence[float] | np.ndarray | None) -> None:
    """Adds the findings about the keypoints of both sides. Without `sigmas` they are COCO's."""
    counts: Counter[int] = Counter()
    for records in (truth, found):
        if records is None or not records.readable or records.poses is None:
            continue
        each = [_points(pose) for pose in records.poses]
        _check_form(records, each)
        counts.update(count for count in each if count)
        if records is truth:
            _check_numbers(records, records.poses, each)
    if not counts:
        return
    # Where some have as many as COCO's sigmas are, these are meant.
    common = _COCO if counts[_COCO] else counts.most_common(1)[0][0]
    expected = common if sigmas is None else len(sigmas)
    for records in (truth, found):
        if records is not None and records.readable and records.poses is not None:
            _check_counts(records, [_points(pose) for pose in records.poses], expected, sigmas is not None)
    if sigmas is None and expected != _COCO:
        truth.add(
            "keypoint-sigmas",
            sum(counts.values()),
            "",
            message=f"poses have {expected} keypoints, and COCO's sigmas are for {_COCO}: others are needed",
            remedy=_remedy(expected),
        )


def _remedy(count: int) -> str:
    several = [name for name, one in KEYPOINT_SETS.items() if len(one.sigmas) == count]
    if several:
        name = several[0]
        return f"Give those of a set of {count} keypoints: `--sigmas {name}`, or `sigmas={name!r}` in Python."
    return f"Give {count} sigmas: `--sigmas`, or `sigmas=` in Python."


def _points(pose: Any) -> int | None:
    """How many points a pose has: 0 where there is none, None where it is no list of x, y and visibility."""
    if pose is NOTHING:
        return 0
    if not isinstance(pose, (list, tuple, np.ndarray)) or len(pose) % 3 or not len(pose):
        return None
    numbers = all(isinstance(x, (int, float, np.number)) and not isinstance(x, bool) and abs(x) < np.inf for x in pose)
    return len(pose) // 3 if numbers else None


def _check_form(records: Records, each: list[int | None]) -> None:
    bad = [row for row, count in enumerate(each) if count is None]
    example = ""
    if bad:
        pose = records.poses[bad[0]] if records.poses is not None else None
        length = f"of {len(pose)}" if isinstance(pose, (list, tuple)) else repr(pose)[:80]
        example = f'{records.described(bad[0])}, "keypoints" {length}'
    records.add("malformed-keypoints", len(bad), example)


def _check_counts(records: Records, each: list[int | None], expected: int, given: bool) -> None:
    other = [row for row, count in enumerate(each) if count and count != expected]
    records.add(
        "keypoint-count",
        len(other),
        f"{records.described(other[0])}, {each[other[0]]} keypoints" if other else "",
        message=f"poses do not have {expected} keypoints, as {'there are sigmas' if given else 'others have'}",
    )


def _check_numbers(truth: Records, poses: list[Any], each: list[int | None]) -> None:
    numbers = truth.num_keypoints
    if numbers is None:  # Columns without them: labelled points are counted.
        return
    lacking = [row for row, count in enumerate(each) if count and not _is_count(numbers[row])]
    truth.add_rows("num-keypoints-missing", lacking)
    labelled = [sum(v > 0 for v in pose[2::3]) if count else 0 for pose, count in zip(poses, each, strict=True)]
    off = [
        row
        for row, count in enumerate(each)
        if count and _is_count(numbers[row]) and int(numbers[row]) != labelled[row] and not truth.crowd[row]
    ]
    # What counts is whether it is 0: such an object is not to be found.
    hidden = [row for row in off if numbers[row] == 0 or not labelled[row]]
    first = (hidden or off)[:1]
    truth.add(
        "num-keypoints-off",
        len(off),
        f'{truth.described(first[0])}, "num_keypoints" {numbers[first[0]]}, labelled {labelled[first[0]]}'
        if first
        else "",
        level="error" if hidden else "warning",
        message=(
            '"num_keypoints" disagrees with the points that are labelled'
            + (f"; {len(hidden):,} objects are to be found by one and not by the other" if hidden else "")
        ),
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and value == value
