"""CrowdPose's numbers: average precision on images with few, some and many overlapping people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["LEVELS", "line_of", "mean_of", "split"]

#: Of the parts, from the least to the most crowded.
LEVELS = ("easy", "medium", "hard")

ImagesOfLevels = tuple[list[Any], list[Any], list[Any]]


def split(images: Iterable[Mapping[str, Any]], first: float, second: float) -> ImagesOfLevels:
    """Ids of images with a ``crowdIndex`` below `first`, below `second`, and of the others."""
    parts: ImagesOfLevels = ([], [], [])
    for image in images:
        index = image["crowdIndex"]
        parts[0 if index < first else 1 if index < second else 2].append(image["id"])
    return parts


def mean_of(precision: np.ndarray) -> float:
    """The number of a part: in the first area range, rounded, -1 counting where there is no ground truth."""
    return round(float(np.mean(precision[:, :, :, 0, :])), 4)


def line_of(p: Any, name: str, limit: int, value: float) -> str:
    """The line that is printed for a part."""
    place = f"IoU={f'{p.iouThrs[0]:0.2f}:{p.iouThrs[-1]:0.2f}':<9} | type={name:>6s} | maxDets={limit:>3d}"
    return f" {'Average Precision':<18} (AP) @[ {place} ] = {value:0.3f}"
