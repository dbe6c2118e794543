"""The API of lvis 0.5.3 (`LVIS`, `LVISResults`, `LVISEval`) on the core of meanap.

>>> from meanap.compat.lvis import LVIS, LVISEval
>>> truth = LVIS({
...     "images": [{"id": 7, "neg_category_ids": [], "not_exhaustive_category_ids": []}],
...     "categories": [{"id": 1, "name": "cat", "frequency": "f"}],
...     "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [5, 6, 20, 10], "area": 200}],
... })
>>> evaluation = LVISEval(truth, [{"image_id": 7, "category_id": 1, "bbox": [5, 6, 20, 11], "score": 0.9}], "bbox")
>>> evaluation.run()
>>> round(float(evaluation.get_results()["AP"]), 6), round(float(evaluation.get_results()["APf"]), 6)
(0.9, 0.9)
"""

from __future__ import annotations

import copy
import datetime
import json
import logging
import math
import os
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meanap.compat.pycocotools import COCO, COCOeval, mask

if TYPE_CHECKING:
    from meanap._types import CocoDataset, PathLike

__all__ = ["LVIS", "LVISEval", "LVISResults", "Params"]

# As in the protocol "lvis": matching has no limit of its own.
_NO_LIMIT = 2**31 - 1


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
        with open(path, encoding="utf-8") as file:
            return json.load(file)

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


class Params:
    """Parameters of an evaluation, to be edited in place.

    Parameters
    ----------
    iou_type
        ``"segm"`` or ``"bbox"``.

    Attributes
    ----------
    img_ids, cat_ids
        Ids of the images and categories to evaluate.
    iou_thrs
        Similarity thresholds, ``(T,) float64``.
    rec_thrs
        Recall points, ``(R,) float64``.
    max_dets
        The limit that the summary names; `LVISResults` applies it.
    area_rng, area_rng_lbl
        Area ranges ``[least, greatest]``, both ends inside, and their names.
    use_cats
        Whether only objects of the same category are compared (1) or all (0).
    img_count_lbl
        Names of the groups of categories: rare, common, frequent.
    """

    def __init__(self, iou_type: Literal["segm", "bbox"]) -> None:
        self.img_ids: list[Any] = []
        self.cat_ids: list[Any] = []
        self.iou_thrs: np.ndarray = np.linspace(0.5, 0.95, 10)
        self.rec_thrs: np.ndarray = np.linspace(0.0, 1.0, 101)
        self.max_dets: int = 300
        self.area_rng: list[Sequence[float]] = [[0, 1e5**2], [0, 32**2], [32**2, 96**2], [96**2, 1e5**2]]
        self.area_rng_lbl: list[str] = ["all", "small", "medium", "large"]
        self.use_cats: int = 1
        self.img_count_lbl: list[str] = ["r", "c", "f"]
        self.iou_type: Literal["segm", "bbox"] = iou_type


class LVISEval:
    """Evaluates detections as lvis does: on images that list their labelled categories.

    Detections of categories that an image does not list are left out, and those of categories that are not labelled
    exhaustively are ignored where they match nothing.

    Parameters
    ----------
    lvis_gt
        The ground truth, or its path.
    lvis_dt
        The results, their path, or a list of dictionaries.
    iou_type
        ``"segm"`` or ``"bbox"``.

    Attributes
    ----------
    params
        What to evaluate, to be edited before ``evaluate()``.
    eval
        ``precision`` ``(T, R, K, A)``, ``recall`` ``(T, K, A)``, ``counts``, ``params``, ``date``, and ``dt_pointers``:
        by position of category and area range the detections' ids ``dt_ids`` ``(D,)`` and ``tps``, ``fps``
        ``(T, D) bool``; -1 where there is no ground truth.
    results
        The summary: ``AP``, ``AP50``, ``AP75``, ``APs``, ``APm``, ``APl``, ``APr``, ``APc``, ``APf``, ``AR@300``, …

    Raises
    ------
    ValueError
        `iou_type` is another one.
    TypeError
        `lvis_gt` or `lvis_dt` is none of these.
    """

    def __init__(
        self,
        lvis_gt: LVIS | PathLike,
        lvis_dt: LVISResults | PathLike | list[dict[str, Any]],
        iou_type: Literal["segm", "bbox"] = "segm",
    ) -> None:
        self.logger: logging.Logger = logging.getLogger("meanap")
        if iou_type not in ("bbox", "segm"):
            raise ValueError(f"iou_type: {iou_type} is not supported.")
        if not isinstance(lvis_gt, (LVIS, str, os.PathLike)):
            raise TypeError(f"Unsupported type {lvis_gt} of lvis_gt.")
        self.lvis_gt: LVIS = lvis_gt if isinstance(lvis_gt, LVIS) else LVIS(lvis_gt)
        if not isinstance(lvis_dt, (LVISResults, str, os.PathLike, list)):
            raise TypeError(f"Unsupported type {lvis_dt} of lvis_dt.")
        self.lvis_dt: LVISResults = lvis_dt if isinstance(lvis_dt, LVISResults) else LVISResults(self.lvis_gt, lvis_dt)
        self.eval: dict[str, Any] = {}
        self.params: Params = Params(iou_type)
        self.params.img_ids = sorted(self.lvis_gt.get_img_ids())
        self.params.cat_ids = sorted(self.lvis_gt.get_cat_ids())
        self.results: OrderedDict[str, float] = OrderedDict()
        self.freq_groups: list[list[int]] = []
        self._evaluator: COCOeval | None = None

    def evaluate(self) -> None:
        """Matches detections with ground truth in every image, category and area range.

        Raises
        ------
        KeyError
            An image lacks ``neg_category_ids`` or ``not_exhaustive_category_ids``, or a category its ``frequency``.
        """
        p = self.params
        p.img_ids = list(np.unique(p.img_ids))
        truth, found = self._sides()
        # DIFFERENCE: without categories lvis compares nothing; here it is as in pycocotools, and the groups are empty.
        categories = self.lvis_gt.load_cats(p.cat_ids) if p.use_cats else []
        self.freq_groups = [
            [k for k, category in enumerate(categories) if category["frequency"] == label] for label in p.img_count_lbl
        ]
        evaluator = COCOeval(truth, found, p.iou_type)
        settings: Any = evaluator.params
        settings.imgIds, settings.catIds, settings.useCats = p.img_ids, p.cat_ids, p.use_cats
        settings.iouThrs, settings.recThrs = p.iou_thrs, p.rec_thrs
        settings.areaRng, settings.areaRngLbl, settings.maxDets = p.area_rng, p.area_rng_lbl, [_NO_LIMIT]
        evaluator.evaluate()
        self._evaluator = evaluator

    def _sides(self) -> tuple[COCO, COCO]:
        """Ground truth and detections with which pycocotools' matching is that of lvis.

        There are no crowds, so an ignored object is one whose area is outside of all ranges. So is the area of a
        detection that is ignored where it matches nothing.
        """
        p = self.params
        categories = set(p.cat_ids)
        positive: defaultdict[Any, set[Any]] = defaultdict(set)
        truths, results = [], []
        for image in p.img_ids:
            for truth in self.lvis_gt.img_ann_map[image]:
                if truth["category_id"] in categories:
                    positive[image].add(truth["category_id"])
                    ignored = {"area": math.inf} if truth.get("ignore", 0) else {}
                    truths.append({**truth, "iscrowd": 0, **ignored})
        for image in self.lvis_gt.load_imgs(p.img_ids):
            id = image["id"]
            labelled = positive[id].union(image["neg_category_ids"]) & categories
            not_exhaustive = set(image["not_exhaustive_category_ids"])
            for result in self.lvis_dt.img_ann_map.get(id, ()):
                if result["category_id"] in labelled:
                    ignored = {"area": math.inf} if result["category_id"] in not_exhaustive else {}
                    results.append({**result, **ignored})
        sides = []
        for records in (truths, results):
            side = COCO()
            side.dataset = {**self.lvis_gt.dataset, "annotations": records}
            side.createIndex()
            sides.append(side)
        return sides[0], sides[1]

    @property
    def eval_imgs(self) -> list[Any]:
        """For each category, area range and image a dictionary of matches, or None; made at each access."""
        if self._evaluator is None:
            return []
        names = {
            "aRng": "area_rng",
            "dtIds": "dt_ids",
            "gtIds": "gt_ids",
            "dtMatches": "dt_matches",
            "gtMatches": "gt_matches",
            "dtScores": "dt_scores",
            "gtIgnore": "gt_ignore",
            "dtIgnore": "dt_ignore",
        }
        cells: Any = self._evaluator.evalImgs
        return [
            cell and {names.get(name, name): value for name, value in cell.items() if name != "maxDet"}
            for cell in cells
        ]

    @property
    def ious(self) -> dict[tuple[Any, Any], Any]:
        """``(image id, category id)`` to similarities ``(D, G) float64``, detections best first."""
        if self._evaluator is None:
            return {}
        similarities: dict[tuple[Any, Any], Any] = self._evaluator.ious
        return similarities

    def accumulate(self) -> None:
        """Computes the curves into ``eval``.

        Raises
        ------
        RuntimeError
            Nothing has been evaluated.
        """
        if self._evaluator is None:
            raise RuntimeError("accumulate() needs the matches of evaluate(): run it first")
        p, evaluator = self.params, self._evaluator
        evaluator.accumulate()
        precision, recall = evaluator.eval["precision"][..., 0], evaluator.eval["recall"][..., 0]
        self.eval = {
            "params": p,
            "counts": list(precision.shape),
            "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
            "precision": precision,
            "recall": recall,
            "dt_pointers": _Pointers(evaluator, recall),
        }

    def summarize(self) -> None:
        """Computes the summary into ``results``.

        Raises
        ------
        RuntimeError
            Nothing has been accumulated.
        """
        if not self.eval:
            raise RuntimeError("Please run accumulate() first.")
        areas = ("small", "medium", "large")
        precision, recall, limit = self.eval["precision"], self.eval["recall"], self.params.max_dets
        self.results["AP"] = self._mean(precision)
        for threshold in (0.5, 0.75):
            chosen = np.where(threshold == self.params.iou_thrs)[0]
            self.results[f"AP{100 * threshold:.0f}"] = self._mean(precision[chosen])
        for area in areas:
            self.results[f"AP{area[0]}"] = self._mean(precision, area)
        for label, group in zip("rcf", self.freq_groups, strict=False):
            self.results[f"AP{label}"] = self._mean(precision[:, :, group])
        self.results[f"AR@{limit}"] = self._mean(recall)
        for area in areas:
            self.results[f"AR{area[0]}@{limit}"] = self._mean(recall, area)

    def _mean(self, values: np.ndarray, area: str = "all") -> float:
        values = values[..., [k for k, name in enumerate(self.params.area_rng_lbl) if name == area]]
        present = values[values > -1]
        return np.mean(present) if len(present) else -1

    def run(self) -> None:
        """``evaluate()``, ``accumulate()`` and ``summarize()``."""
        self.evaluate()
        self.accumulate()
        self.summarize()

    def print_results(self) -> None:
        """Prints the summary, a line for each number."""
        p = self.params
        for key, value in self.results.items():
            title, kind = ("Average Precision", "(AP)") if "AP" in key else ("Average Recall", "(AR)")
            mark = key[2:3]
            iou = f"{float(key[2:]) / 100:0.2f}" if mark.isdigit() else f"{p.iou_thrs[0]:0.2f}:{p.iou_thrs[-1]:0.2f}"
            area, group = (mark if mark and mark in letters else "all" for letters in ("sml", "rcf"))
            place = f"IoU={iou:<9} | area={area:>6s} | maxDets={p.max_dets:>3d} catIds={group:>3s}"
            print(f" {title:<18} {kind} @[ {place}] = {value:0.3f}")

    def get_results(self) -> OrderedDict[str, float]:
        """The summary by name; empty before ``run()``."""
        if not self.results:
            self.logger.warning("results is empty. Call run().")
        return self.results


class _Pointers(Mapping[int, dict[int, dict[str, Any]]]):
    """Which detections are true and false positives, by positions of category and area range; made on access."""

    def __init__(self, evaluator: COCOeval, recall: np.ndarray) -> None:
        self._evaluator = evaluator
        # Without ground truth there is nothing to show.
        self._present = recall[0] > -1

    def __len__(self) -> int:
        return len(self._present)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def __getitem__(self, category: int) -> dict[int, dict[str, Any]]:
        return {area: self._of(category, area) for area in range(self._present.shape[1])}

    def _of(self, category: int, area: int) -> dict[str, Any]:
        if not self._present[category, area]:
            return {}
        images = len(self._evaluator.params.imgIds)
        first = (category * self._present.shape[1] + area) * images
        every: Any = self._evaluator.evalImgs
        cells = [cell for cell in every[first : first + images] if cell is not None]
        scores = np.concatenate([cell["dtScores"] for cell in cells])
        order = np.argsort(-scores, kind="mergesort")
        matched, ignored = (
            np.concatenate([cell[name] for cell in cells], axis=1)[:, order] for name in ("dtMatches", "dtIgnore")
        )
        return {
            "dt_ids": np.concatenate([cell["dtIds"] for cell in cells])[order],
            "tps": np.logical_and(matched, np.logical_not(ignored)),
            "fps": np.logical_and(np.logical_not(matched), np.logical_not(ignored)),
        }
