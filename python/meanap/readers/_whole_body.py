"""Poses of the whole body, as COCO-WholeBody has them: the body's keypoints, and its parts in fields of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from meanap import _core

__all__ = ["WHOLE_BODY_KEYPOINTS", "are_of_whole_body", "lacks_parts", "with_parts"]

#: Keypoints of the whole body.
WHOLE_BODY_KEYPOINTS = 133
#: The fields of its parts behind those of the body.
_PARTS = ("foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")


def are_of_whole_body(sigmas: Sequence[float] | np.ndarray | None) -> bool:
    """Whether there is a sigma for each keypoint of the whole body."""
    return sigmas is not None and len(sigmas) == WHOLE_BODY_KEYPOINTS


def lacks_parts(columns: _core.Objects) -> bool:
    """Whether columns have poses of something else than the whole body."""
    return len(columns) > 0 and columns.keypoints != WHOLE_BODY_KEYPOINTS


def with_parts(records: Sequence[Any]) -> Sequence[Any]:
    """The records, with all keypoints in ``keypoints`` where the parts have fields of their own.

    As in xtcocotools, the keypoints of a ground truth that are labelled are counted again. A detection's score is its
    ``wholebody_score`` if it has one, and its area that of its body alone.
    """
    return [_joined(record) if _has_parts(record) else record for record in records]


def _has_parts(record: Any) -> bool:
    return isinstance(record, Mapping) and all(
        isinstance(record.get(name), (list, tuple, np.ndarray)) for name in ("keypoints", *_PARTS)
    )


def _joined(record: Mapping[str, Any]) -> dict[str, Any]:
    points = [number for name in ("keypoints", *_PARTS) for number in record[name]]
    joined = {**record, "keypoints": points}
    if "score" not in record:
        joined["num_keypoints"] = sum(isinstance(flag, (int, float)) and flag > 0 for flag in points[2::3])
        return joined
    joined["score"] = record.get("wholebody_score", record["score"])
    if not record.get("bbox") and (box := _around(record["keypoints"])) is not None:
        joined["bbox"] = box
    return joined


def _around(points: Sequence[Any]) -> list[float] | None:
    """The box around keypoints; None where they are not all numbers."""
    try:
        right, down = (np.array(points[axis::3], dtype=np.float64) for axis in (0, 1))
    except (TypeError, ValueError):
        return None
    left, top = right.min(initial=np.inf), down.min(initial=np.inf)
    return [left, top, right.max(initial=-np.inf) - left, down.max(initial=-np.inf) - top] if len(right) else None
