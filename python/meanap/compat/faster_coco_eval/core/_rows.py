"""The numbers of faster-coco-eval's summary, and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from meanap.compat.faster_coco_eval.core.cocoeval import Params

#: Kinds of similarity that are summarised for each area range.
DETECTION = ("segm", "bbox", "boundary")


class Row(NamedTuple):
    """A number of the summary, in the order in which it is printed."""

    label: str
    """Its name in ``stats_as_dict``."""
    precision: bool
    threshold: float | None = None
    area: str = "all"
    limit: int | None = None
    """A limit on detections; None for the largest."""
    group: int | None = None
    """Position of a group of categories."""


def rows_of(p: Params, lvis_style: bool) -> list[Row]:
    """The numbers that are printed, in this order."""
    thresholds = ((None, "all"), (0.5, "50"), (0.75, "75"))
    precision = [Row(f"AP_{label}", True, threshold) for threshold, label in thresholds]
    if p.iouType == "keypoints_crowd":
        return [*precision, *(Row(f"AR_{label}", False, threshold) for threshold, label in thresholds)]
    if p.iouType == "keypoints":
        areas = ("medium", "large")
        return [
            *precision,
            *(Row(f"AP_{area}", True, None, area) for area in areas),
            *(Row(f"AR_{label}", False, threshold) for threshold, label in thresholds),
            *(Row(f"AR_{area}", False, None, area) for area in areas),
        ]
    areas = p.areaRngLbl[1:]
    legacy = ["AR_all", "AR_second", "AR_third"]
    names = legacy if lvis_style or p.maxDets == [1, 10, 100] else []
    limits = [(names[i] if i < len(names) else f"AR_{limit}", limit) for i, limit in enumerate(p.maxDets)]
    groups = [("APr", 0), ("APc", 1), ("APf", 2)] if lvis_style else []
    return [
        *precision,
        *(Row(f"AP_{area}", True, None, area) for area in areas),
        *(Row(label, True, group=group) for label, group in groups),
        *(Row(label, False, limit=limit) for label, limit in limits),
        *(Row(f"AR_{area}", False, None, area) for area in areas),
        *(Row(f"AR_{label}", False, threshold) for threshold, label in thresholds[1:]),
    ]


def labels_of(p: Params, lvis_style: bool) -> list[str]:
    """The names of the numbers in the order of ``all_stats``; LVIS's groups come last, after three recalls."""
    labels = [row.label for row in rows_of(p, lvis_style) if row.group is None]
    if lvis_style and p.iouType in DETECTION:
        first = 2 + len(p.areaRngLbl)
        count = len(p.maxDets)
        labels[first + count : first + count] = ["AR_all", "AR_second", "AR_third"][count:]
        labels += ["APr", "APc", "APf"]
    return labels
