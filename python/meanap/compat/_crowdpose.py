"""CrowdPose's numbers: average precision on images with few, some and many overlapping people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["LEVELS", "line_of", "numbers_of", "split"]

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


def numbers_of(evaluator: Any, levels: ImagesOfLevels) -> list[float]:
    """The number of each level, of the first area range, rounded; -1 counts where there is no ground truth.

    The evaluator then has the results of the last level.
    """
    numbers = []
    for images in levels:
        evaluator.params.imgIds = images
        evaluator.evaluate()
        evaluator.accumulate()
        numbers.append(round(float(np.mean(evaluator.eval["precision"][:, :, :, 0, :])), 4))
    return numbers


def line_of(p: Any, name: str, limit: int, value: float) -> str:
    """The line that is printed for a part."""
    place = f"IoU={f'{p.iouThrs[0]:0.2f}:{p.iouThrs[-1]:0.2f}':<9} | type={name:>6s} | maxDets={limit:>3d}"
    return f" {'Average Precision':<18} (AP) @[ {place} ] = {value:0.3f}"
