"""`LVISEval`: lvis's evaluation, and its parameters."""

from __future__ import annotations

import datetime
import logging
import math
import os
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from meanap.compat._steps import check_step
from meanap.compat.lvis.lvis import LVIS
from meanap.compat.lvis.results import LVISResults
from meanap.compat.pycocotools import COCO, COCOeval
from meanap.compat.pycocotools.params import AREA_RANGES

if TYPE_CHECKING:
    from meanap._types import PathLike


__all__ = ["LVISEval", "Params"]

# As in the protocol "lvis": matching has no limit of its own.
_NO_LIMIT = 2**31 - 1


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
        self.area_rng: list[Sequence[float]] = [list(limits) for limits in AREA_RANGES.values()]
        self.area_rng_lbl: list[str] = list(AREA_RANGES)
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
        check_step(self._evaluator is not None, "accumulate", "matches", "evaluate()")
        p, evaluator = self.params, cast("COCOeval", self._evaluator)
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
        check_step(self.eval, "summarize", "curves", "accumulate()")
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
