"""`LVISResults`: results of a ground truth."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from meanap.compat.lvis.lvis import LVIS
from meanap.compat.pycocotools import mask

if TYPE_CHECKING:
    from meanap._types import PathLike


__all__ = ["LVISResults"]


class LVISResults(LVIS):
    """Results of a ground truth.

    Parameters
    ----------
    lvis_gt
        The ground truth, or its path.
    results
        Path of a JSON file, or a list of dictionaries, which get ``id``, ``area``, and ``bbox`` or ``segmentation``.
    max_dets
        The highest scores of each image that count; a negative number for all.

    Raises
    ------
    TypeError
        `lvis_gt` is neither.
    AssertionError
        The results are no list, or of an image that the ground truth does not have.
    IndexError
        There are no results.
    """

    logger: logging.Logger
    dataset: dict[str, Any]

    def __init__(self, lvis_gt: LVIS | PathLike, results: PathLike | list[dict[str, Any]], max_dets: int = 300) -> None:
        self.logger = logging.getLogger("meanap")
        if isinstance(lvis_gt, LVIS):
            self.dataset = {name: value for name, value in lvis_gt.dataset.items() if name != "annotations"}
            self.dataset = copy.deepcopy(self.dataset)
        elif isinstance(lvis_gt, (str, os.PathLike)):
            self.dataset = self._load_json(lvis_gt)
        else:
            raise TypeError(f"Unsupported type {lvis_gt} of lvis_gt.")
        found: Any = self._load_json(results) if isinstance(results, (str, os.PathLike)) else results
        if not isinstance(found, list):
            raise AssertionError("results is not a list.")
        if max_dets >= 0:
            found = self.limit_dets_per_image(found, max_dets)
        if not found:
            raise IndexError("results: there are none; the first one defines the kind of all")
        self._complete(found)
        self.dataset["annotations"] = found
        self._create_index()
        if unknown := {result["image_id"] for result in found} - set(self.imgs):
            example = next(iter(unknown))
            raise AssertionError(f"Results do not correspond to current LVIS set: there is no image {example!r}.")

    def _complete(self, found: list[dict[str, Any]]) -> None:
        """Gives results what annotations have; the first one defines the kind of all."""
        if "bbox" in found[0]:
            for number, result in enumerate(found, start=1):
                left, top, width, height = result["bbox"]
                right, bottom = left + width, top + height
                if "segmentation" not in result:
                    result["segmentation"] = [[left, top, left, bottom, right, bottom, right, top]]
                result["area"] = width * height
                result["id"] = number
        elif "segmentation" in found[0]:
            for number, result in enumerate(found, start=1):
                result["area"] = mask.area(result["segmentation"])
                if "bbox" not in result:
                    result["bbox"] = mask.toBbox(result["segmentation"])
                result["id"] = number

    def limit_dets_per_image(self, anns: Iterable[dict[str, Any]], max_dets: int) -> list[dict[str, Any]]:
        """The highest scores of each image, image by image; those of images with fewer in their own order."""
        of_images: dict[Any, list[dict[str, Any]]] = {}
        for result in anns:
            of_images.setdefault(result["image_id"], []).append(result)
        limited = []
        for results in of_images.values():
            if len(results) > max_dets:
                results = sorted(results, key=lambda result: result["score"], reverse=True)[:max_dets]
            limited += results
        return limited

    def get_top_results(self, img_id: Any, score_thrs: float) -> list[dict[str, Any]]:
        """The results of an image with scores above a threshold."""
        return [result for result in self.img_ann_map[img_id] if result["score"] > score_thrs]
