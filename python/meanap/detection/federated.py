"""Data labelled category by category (LVIS): which detections count."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from meanap import _core
from meanap._arrays import as_id, shown
from meanap.errors import InputError
from meanap.readers.sides import Detections, GroundTruth, plain_ids

__all__ = ["CATEGORY_LISTS", "LabelledImages", "only_labelled"]

#: What images call them.
CATEGORY_LISTS = ("neg_category_ids", "not_exhaustive_category_ids")


class Labelled(NamedTuple):
    """What LVIS says of each image: which categories are known to be absent, which are not labelled exhaustively."""

    negative: dict[Any, set[Any]]
    not_exhaustive: dict[Any, set[Any]]


class LabelledImages:
    """Reads what LVIS says of the images of a data set, which may come in parts."""

    def __init__(self) -> None:
        self._listed = False
        self._silent: Any = None

    def of(self, truth: GroundTruth) -> Labelled | None:
        """The labelled categories of these images; None if no image so far has them.

        Raises
        ------
        ValueError
            Some images have lists and others have not, or a list cannot be used; the message names image and field.
        """
        images = [(as_id(image["id"]), image) for image in truth.image_records]
        self._listed = self._listed or any(name in image for _, image in images for name in CATEGORY_LISTS)
        if not self._listed:
            if images and self._silent is None:
                self._silent = images[0][0]
            return None
        if self._silent is not None:
            raise _missing(self._silent, CATEGORY_LISTS[0])
        kinds = None if truth.categories is None else {type(id) for id in truth.categories}
        lists: list[dict[Any, set[Any]]] = []
        for name in CATEGORY_LISTS:
            lists.append({})
            for id, image in images:
                if name not in image:
                    raise _missing(id, name)
                given = image[name]
                ids = [as_id(item) for item in given] if isinstance(given, (list, tuple, np.ndarray)) else [None]
                if None in ids or (kinds and not {type(item) for item in ids} <= kinds):
                    problem = f'image {id!r}: "{name}" is {shown(given)}, expected a list of category ids'
                    raise InputError(problem, "ground_truth")
                lists[-1][id] = set(ids)
        return Labelled(*lists)


def _missing(image: Any, name: str) -> InputError:
    return InputError(f'image {image!r}: "{name}" is missing, which other images have', "ground_truth")


def only_labelled(truth: GroundTruth, found: Detections, labelled: Labelled, limit: int | None) -> Detections:
    """Removes detections of categories that were not labelled in their image.

    Those of categories that were not labelled exhaustively are flagged as ignored. The limit on an image counts all its
    detections, also those that are removed, so it is applied here first.
    """
    images, categories = plain_ids(found.image_ids), plain_ids(found.category_ids)
    positive: dict[Any, set[Any]] = {}
    for image, category in zip(plain_ids(truth.image_ids), plain_ids(truth.category_ids), strict=True):
        positive.setdefault(image, set()).add(category)
    none: set[Any] = set()
    kept = []
    count: dict[Any, int] = {}
    scores = np.asarray(found.arrays["scores"], dtype=np.float64)
    for row in _core.descending_order(np.ascontiguousarray(scores)).tolist():
        image, category = images[row], categories[row]
        count[image] = count.get(image, 0) + 1
        if limit is not None and count[image] > limit:
            continue
        if category in positive.get(image, none) or category in labelled.negative.get(image, none):
            kept.append(row)
    rows = np.sort(np.array(kept, dtype=np.int64))
    judged = found.take(rows)
    judged.arrays["ignored_if_unmatched"] = np.array(
        [categories[row] in labelled.not_exhaustive.get(images[row], none) for row in rows.tolist()], dtype=bool
    )
    return judged
