"""Data labelled category by category (LVIS): which detections can be judged at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from meanap.detection.inputs import Detections, GroundTruth, Labelled

__all__ = ["only_labelled"]


def only_labelled(truth: GroundTruth, found: Detections, labelled: Labelled, limit: int | None) -> Detections:
    """Leaves out detections of categories that were not looked for in their image, and marks as not to be punished
    those of categories that were not labelled exhaustively.

    The limit on an image counts all its detections, also those that are left out, so it is applied here first.
    """
    images, categories = _plain(found.image_ids), _plain(found.category_ids)
    positive: dict[Any, set[Any]] = {}
    for image, category in zip(_plain(truth.image_ids), _plain(truth.category_ids), strict=True):
        positive.setdefault(image, set()).add(category)
    none: set[Any] = set()
    kept = []
    count: dict[Any, int] = {}
    scores = np.asarray(found.arrays["scores"], dtype=np.float64)
    for row in np.argsort(-scores, kind="stable").tolist():
        image, category = images[row], categories[row]
        count[image] = count.get(image, 0) + 1
        if limit is not None and count[image] > limit:
            continue
        if category in positive.get(image, none) or category in labelled.negative.get(image, none):
            kept.append(row)
    rows = np.sort(np.array(kept, dtype=np.int64))
    judged = found.take(rows)
    judged.arrays["unpunished"] = np.array(
        [categories[row] in labelled.not_exhaustive.get(images[row], none) for row in rows.tolist()], dtype=bool
    )
    return judged


def _plain(ids: Any) -> list[Any]:
    return ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
