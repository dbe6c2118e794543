"""The summary that pycocotools prints: its numbers, their order, their names and their text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from meanap.detection.scores import Scores

__all__ = ["DETECTION_ROWS", "KEYPOINT_ROWS", "Row", "line", "names", "numbers", "rows_of", "text"]


class Row(NamedTuple):
    """One line of the summary. `limit`: an index into the limits, or the limit itself if `fixed`."""

    name: str
    precision: bool
    threshold: float | None
    area: str
    limit: int
    fixed: bool = False


# The first line is for 100 detections whatever the limits are; the others use the first three limits.
DETECTION_ROWS = [
    Row("AP", True, None, "all", 100, fixed=True),
    Row("AP50", True, 0.5, "all", 2),
    Row("AP75", True, 0.75, "all", 2),
    *(Row(f"AP{area[0]}", True, None, area, 2) for area in ("small", "medium", "large")),
    *(Row("AR@", False, None, "all", limit) for limit in range(3)),
    *(Row(f"AR{area[0]}", False, None, area, 2) for area in ("small", "medium", "large")),
]
KEYPOINT_ROWS = [
    Row(f"{name}{suffix}", name == "AP", threshold, area, 20, fixed=True)
    for name in ("AP", "AR")
    for suffix, threshold, area in (
        ("", None, "all"),
        ("50", 0.5, "all"),
        ("75", 0.75, "all"),
        ("m", None, "medium"),
        ("l", None, "large"),
    )
]


def rows_of(similarity: str) -> list[Row]:
    """The lines of the summary: twelve, or ten of keypoints."""
    return KEYPOINT_ROWS if similarity == "keypoints" else DETECTION_ROWS


def line(row: Row, thresholds: Sequence[float], limit: int, value: float, number: str = "0.3f") -> str:
    """One line of the text."""
    name, kind = ("Average Precision", "(AP)") if row.precision else ("Average Recall", "(AR)")
    iou = f"{thresholds[0]:0.2f}:{thresholds[-1]:0.2f}" if row.threshold is None else f"{row.threshold:0.2f}"
    return f" {name:<18} {kind} @[ IoU={iou:<9} | area={row.area:>6s} | maxDets={limit:>3d} ] = {value:{number}}"


def names(similarity: str, limits: Sequence[int]) -> list[str]:
    """The names of the numbers, with the limits in those of recall: ``AR@100``."""
    return [f"AR@{limits[row.limit]}" if row.name == "AR@" else row.name for row in rows_of(similarity)]


def numbers(scores: Scores) -> list[float]:
    """The numbers of the summary; -1 where there is none, as where a limit or an area range was not evaluated."""
    from meanap.protocol import SummaryRow

    limits, areas = scores.protocol.max_detections, scores.protocol.area_ranges
    found = []
    for row in rows_of(scores.similarity):
        limit = row.limit if row.fixed else limits[row.limit]
        value = math.nan
        if limit in limits and row.area in areas:
            kind: Literal["precision", "recall"] = "precision" if row.precision else "recall"
            value = scores.number(SummaryRow(row.name, kind, row.threshold, row.area, limit))
        found.append(-1.0 if math.isnan(value) else value)
    return found


def text(scores: Scores, values: Sequence[float]) -> str:
    """The summary as pycocotools prints it, of these numbers."""
    thresholds, limits = scores.protocol.thresholds, scores.protocol.max_detections
    rows = zip(rows_of(scores.similarity), values, strict=True)
    return "\n".join(line(row, thresholds, row.limit if row.fixed else limits[row.limit], x) for row, x in rows)
