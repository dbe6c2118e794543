"""`LVIS`: a ground truth, with lvis's look-ups."""

from __future__ import annotations

import logging
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._files import read_json
from meanap.compat.pycocotools import mask

if TYPE_CHECKING:
    from meanap._types import CocoDataset, PathLike

__all__ = ["LVIS"]


class LVIS:
    """A ground truth.

    Parameters
    ----------
    annotation_path
        Path of a JSON file in LVIS's format. DIFFERENCE: a dictionary of the same layout is taken as well.

    Attributes
    ----------
    dataset
        The file's content.
    anns, imgs, cats
        Annotations, images and categories by id.
    img_ann_map
        Annotations by image id.
    cat_img_map
        Image ids by category id, one for each annotation.

    Raises
    ------
    OSError
        The file cannot be read.
    AssertionError
        It is not a JSON object.
    KeyError
        It lacks ``images``, ``annotations`` or ``categories``.
    """

    def __init__(self, annotation_path: PathLike | dict[str, Any] | CocoDataset) -> None:
        self.logger: logging.Logger = logging.getLogger("meanap")
        given: Any = annotation_path
        self.dataset: dict[str, Any] = given if isinstance(given, dict) else self._load_json(given)
        if type(self.dataset) is not dict:
            raise AssertionError(f"Annotation file format {type(self.dataset)} not supported.")
        self._create_index()

    def _load_json(self, path: PathLike) -> Any:
        return read_json(path)

    def _create_index(self) -> None:
        self.img_ann_map: defaultdict[Any, list[Any]] = defaultdict(list)
        self.cat_img_map: defaultdict[Any, list[Any]] = defaultdict(list)
        for annotation in self.dataset["annotations"]:
            self.img_ann_map[annotation["image_id"]].append(annotation)
            self.cat_img_map[annotation["category_id"]].append(annotation["image_id"])
        self.anns: dict[Any, Any] = {annotation["id"]: annotation for annotation in self.dataset["annotations"]}
        self.imgs: dict[Any, Any] = {image["id"]: image for image in self.dataset["images"]}
        self.cats: dict[Any, Any] = {category["id"]: category for category in self.dataset["categories"]}

    def get_ann_ids(
        self,
        img_ids: Iterable[Any] | None = None,
        cat_ids: Iterable[Any] | None = None,
        area_rng: Sequence[float] | None = None,
    ) -> list[Any]:
        """Ids of the annotations of these images and categories whose area is inside a range, both ends excluded.

        Raises
        ------
        TypeError
            There is an area range without categories, as in lvis.
        """
        if img_ids is None:
            annotations = self.dataset["annotations"]
        else:
            annotations = [annotation for image in img_ids for annotation in self.img_ann_map[image]]
        if cat_ids is None and area_rng is None:
            return [annotation["id"] for annotation in annotations]
        if cat_ids is None:
            raise TypeError("cat_ids: expected category ids, as there is an area range")
        wanted = set(cat_ids)
        least, greatest = area_rng or (0, math.inf)
        return [a["id"] for a in annotations if a["category_id"] in wanted and least < a["area"] < greatest]

    def get_cat_ids(self) -> list[Any]:
        """All category ids."""
        return list(self.cats)

    def get_img_ids(self) -> list[Any]:
        """All image ids."""
        return list(self.imgs)

    def load_anns(self, ids: Iterable[Any] | None = None) -> list[dict[str, Any]]:
        """Annotations with the ids; all for None."""
        return _load(self.anns, ids)

    def load_cats(self, ids: Iterable[Any] | None) -> list[dict[str, Any]]:
        """Categories with the ids; all for None."""
        return _load(self.cats, ids)

    def load_imgs(self, ids: Iterable[Any] | None) -> list[dict[str, Any]]:
        """Images with the ids; all for None."""
        return _load(self.imgs, ids)

    def download(self, save_dir: str, img_ids: Iterable[Any] | None = None) -> None:
        """Downloads images to a directory from their `coco_url`; those that are there are left alone."""
        from urllib.request import urlretrieve

        os.makedirs(save_dir, exist_ok=True)
        for image in self.load_imgs(img_ids):
            path = os.path.join(save_dir, image["coco_url"].split("/")[-1])
            if not os.path.exists(path):
                urlretrieve(image["coco_url"], path)

    def ann_to_rle(self, ann: Mapping[str, Any]) -> Any:
        """The annotation's mask as compressed run lengths."""
        image, shape = self.imgs[ann["image_id"]], ann["segmentation"]
        if isinstance(shape, list):
            return mask.merge(mask.frPyObjects(shape, image["height"], image["width"]))
        if isinstance(shape["counts"], list):
            return mask.frPyObjects(shape, image["height"], image["width"])
        return shape

    def ann_to_mask(self, ann: Mapping[str, Any]) -> np.ndarray:
        """The annotation's mask, ``(height, width) uint8``."""
        return mask.decode(self.ann_to_rle(ann))


def _load(records: dict[Any, Any], ids: Iterable[Any] | None) -> list[Any]:
    return list(records.values()) if ids is None else [records[id] for id in ids]
