"""`COCOeval_faster`: faster-coco-eval's evaluator on pycocotools' in Rust."""

from __future__ import annotations

import copy
import datetime
import logging
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from meanap.compat._steps import check_step
from meanap.compat.faster_coco_eval.core import mask as maskUtils
from meanap.compat.faster_coco_eval.core._rows import DETECTION, labels_of
from meanap.compat.faster_coco_eval.core.coco import COCO
from meanap.compat.faster_coco_eval.core.cocoeval import COCOeval as COCOevalBase
from meanap.compat.faster_coco_eval.core.cocoeval import Params, PrintFunction
from meanap.compat.pycocotools.cocoeval import COCOeval as _COCOeval

__all__ = ["COCO", "COCOeval", "COCOevalBase", "COCOeval_faster", "Params", "maskUtils"]

logger: logging.Logger = logging.getLogger("meanap")

# pycocotools adds the smallest distance of floats to the number of detections, which shows where it is one.
_FIRST = 1 / (1 + np.spacing(1))
_LEFT_BY_MATCHES = ("tp", "fp", "fn", "gt_id", "dt_id", "iou")


class COCOeval_faster(COCOevalBase):
    """Evaluates detections against ground truth with faster-coco-eval's parameters, summary and results.

    What it does otherwise than `meanap.COCOeval`: the first numbers are of the largest limit in ``params.maxDets``,
    whatever it is; precision is exactly true positives by detections; a missing ``iscrowd`` or ``num_keypoints`` counts
    as 0; an evaluation without results is one with none; and messages go to a function.

    Parameters
    ----------
    cocoGt, cocoDt
        Ground truth and detections.
    iouType
        ``"segm"``, ``"bbox"``, ``"boundary"``, ``"keypoints"`` or ``"keypoints_crowd"`` (CrowdPose).
    ranges
        Name to least and greatest area, beside ``"all"``.
    print_function
        Gets messages and summary, line by line.
    extra_calc
        Whether ``accumulate()`` flags the annotations of both sides as ``tp``, ``fp`` or ``fn`` and the summary has
        ``mIoU`` and ``mAUC_50``.
    kpt_oks_sigmas
        The sigma of each keypoint.
    use_area
        Whether the size of a pose is the annotation's area; if not, it is 0.53 of its box.
    lvis_style
        Whether images list their labelled categories: detections of others are left out, those of categories that are
        not labelled exhaustively are ignored where they match nothing, and the summary has ``APr``, ``APc``, ``APf``.
    separate_eval
        Whether ``accumulate()`` computes from ``_evalImgs_cpp``, which may have been gathered, and not from the last
        ``evaluate()``.
    boundary_dilation_ratio
        Width of the boundary as a fraction of the image diagonal.
    boundary_cpu_count, rle_iou_max_workers
        Ignored; the second has to be a positive integer, as in faster-coco-eval.

    Attributes
    ----------
    params
        What to evaluate (``Params``), to be edited before ``evaluate()``.
    eval
        ``precision`` and ``scores`` ``(T, R, K, A, M)``, ``recall`` ``(T, K, A, M)``, ``counts``, ``params``, ``date``,
        ``evaluations_size``, and ``matched``: ``"detection id_ground truth id"`` to the greatest similarity at which
        they match.
    all_stats, stats
        The numbers of the summary, and those of them that pycocotools has.
    stats_as_dict
        All of them by name.

    Raises
    ------
    ValueError
        ``rle_iou_max_workers`` is not a positive integer.

    Examples
    --------
    >>> truth = COCO({
    ...     "images": [{"id": 7}],
    ...     "categories": [{"id": 1, "name": "cat"}],
    ...     "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [5, 6, 20, 10], "area": 200}],
    ... })
    >>> found = truth.loadRes([{"image_id": 7, "category_id": 1, "bbox": [5.0, 6.0, 20.0, 11.0], "score": 0.9}])
    >>> evaluation = COCOeval_faster(truth, found, "bbox")
    >>> evaluation.params.maxDets = [300]
    >>> evaluation.run()
    >>> evaluation.stats_as_dict["AP_50"], evaluation.stats_as_dict["AR_300"]
    (1.0, 0.9)
    """

    params: Any
    cocoDt: Any
    freq_groups: list[list[int]]
    matched: bool
    all_stats: Any

    # Matching

    def evaluate(self) -> None:
        """Matches detections with ground truth in every image, category and area range.

        Sorts ``params.imgIds``, ``params.catIds`` and ``params.maxDets`` in place. Without `separate_eval` the curves
        are there at once.

        Raises
        ------
        KeyError, TypeError, ValueError
            An annotation lacks a field or holds something unusable; the message names it.
        """
        start = time.perf_counter()
        p: Any = self.params
        self.print_function(f"Evaluate annotation type *{p.iouType}*")
        if p.iouType not in (*DETECTION, "keypoints", "keypoints_crowd"):
            raise ValueError(f"p.iouType must be segm, bbox, boundary or keypoints. Get {p.iouType}")
        found = self.cocoDt
        settings = self._as_pycocotools(p)
        labelled = self._only_labelled(p) if self.lvis_style else found
        self.params, self.cocoDt = settings, labelled
        try:
            try:
                _COCOeval.evaluate(self)
            except KeyError:
                if not _complete(self.cocoGt, settings):
                    raise
                _COCOeval.evaluate(self)
        finally:
            self.params, self.cocoDt = p, found
        p.imgIds, p.maxDets = settings.imgIds, settings.maxDets
        if p.useCats:
            p.catIds = settings.catIds
        self._paramsEval = copy.deepcopy(p)
        if not self.separate_eval:
            self._draw()
        self.print_function("COCOeval_opt.evaluate() finished...")
        self.print_function(f"DONE (t={time.perf_counter() - start:0.2f}s).")

    def _only_labelled(self, p: Any) -> COCO:
        """The detections of labelled categories; those of categories not labelled exhaustively fit no area range."""
        images = self.cocoGt.loadImgs(p.imgIds)
        positive: dict[Any, set[Any]] = defaultdict(set)
        for truth in self.cocoGt.loadAnns(self.cocoGt.getAnnIds(imgIds=p.imgIds, catIds=p.catIds)):
            positive[truth["image_id"]].add(truth["category_id"])
        negative = {image["id"]: set(image.get("neg_category_ids", ())) for image in images}
        partial = {image["id"]: set(image.get("not_exhaustive_category_ids", ())) for image in images}
        p.catIds = sorted(set(p.catIds)) if p.useCats else p.catIds
        self.freq_groups = self._prepare_freq_group()
        results = COCO()
        results.dataset = {**self.cocoDt.dataset, "annotations": []}
        for found in self.cocoDt.loadAnns(self.cocoDt.getAnnIds(imgIds=p.imgIds, catIds=p.catIds)):
            image, category = found["image_id"], found["category_id"]
            if category in negative.get(image, ()) or category in positive[image]:
                # A detection that matches nothing is ignored where its area is outside of the range.
                judged = {**found, "area": math.inf} if category in partial.get(image, ()) else found
                results.dataset["annotations"].append(judged)
        results.createIndex()
        return results

    @property
    def _evalImgs_cpp(self) -> Any:
        """The matches of each category, area range and image, to be reshaped, gathered and assigned."""
        return self.evalImgs

    @_evalImgs_cpp.setter
    def _evalImgs_cpp(self, value: Any) -> None:
        self.evalImgs = value

    # Curves

    def accumulate(self, p: object = None) -> None:
        """Computes the curves into ``eval``, with the parameters that were evaluated.

        Parameters
        ----------
        p
            Ignored, as in faster-coco-eval.

        Raises
        ------
        RuntimeError
            Nothing has been evaluated.
        """
        start = time.perf_counter()
        self.print_function("Accumulating evaluation results...")
        if self.separate_eval:
            self._draw()
        self.matched = False
        if self.extra_calc:
            try:
                self.math_matches()
                self.matched = True
            except Exception as error:  # As in faster-coco-eval: the numbers are there without them.
                logger.error("extra_calc: %s", error, exc_info=True)
        self.print_function("COCOeval_opt.accumulate() finished...")
        self.print_function(f"DONE (t={time.perf_counter() - start:0.2f}s).")

    def _draw(self) -> None:
        p: Any = self._paramsEval
        categories: Any = getattr(p, "catIds", None)
        _COCOeval.accumulate(self, p or None)
        p.catIds = categories
        precision = self.eval["precision"]
        precision[precision == _FIRST] = 1.0
        self.eval["date"] = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
        self.eval["evaluations_size"] = len(p.imgIds) * len(p.areaRng) * (len(categories) if p.useCats else 1)
        self.eval["matched"] = Matched(self)

    def math_matches(self) -> None:
        """Flags detections as ``tp`` (with ``gt_id`` and ``iou``) or ``fp``, ground truths with ``dt_id`` or ``fn``."""
        found, truth = self.cocoDt.anns, self.cocoGt.anns
        for annotation in (*found.values(), *truth.values()):
            for name in _LEFT_BY_MATCHES:
                annotation.pop(name, None)
        for ids, iou in self.eval["matched"].items():
            detection, object_ = map(int, ids.split("_", 1))
            found[detection].update(tp=True, gt_id=object_, iou=iou)
            truth[object_]["dt_id"] = detection
        for side, partner, flag in ((found, "gt_id", "fp"), (truth, "dt_id", "fn")):
            for annotation in side.values():
                if annotation.get(partner) is None:
                    annotation[flag] = True

    def _matched_pairs(self) -> dict[str, float]:
        """What `Matched` holds, from matches and similarities."""
        pairs: dict[str, float] = {}
        rows: dict[tuple[Any, Any], dict[Any, int]] = {}
        for cell in self.evalImgs:
            if cell is None:
                continue
            place = cell["image_id"], cell["category_id"]
            matches = np.asarray(cell["dtMatches"])
            for d in np.flatnonzero(matches.any(axis=0)).tolist():
                for object_ in np.unique(matches[:, d][matches[:, d] != 0]).tolist():
                    key = f"{int(cell['dtIds'][d])}_{int(object_)}"
                    if key in pairs:
                        continue
                    if place not in rows:
                        gts, _ = self._cell(*place)
                        rows[place] = {gt["id"]: g for g, gt in enumerate(gts)}
                    pairs[key] = float(self.ious[place][d, rows[place][int(object_)]])
        return pairs

    def summarize(self) -> None:
        """Passes the summary to the print function and stores its numbers in ``all_stats`` and ``stats``.

        Raises
        ------
        RuntimeError
            Nothing has been accumulated.
        """
        super().summarize()
        if self.matched:
            self.all_stats = np.append(self.all_stats, [self.compute_mIoU(), self.compute_mAUC()])

    def run(self) -> None:
        """``evaluate()``, ``accumulate()`` and ``summarize()``."""
        self.evaluate()
        self.accumulate()
        self.summarize()

    @property
    def stats_as_dict(self) -> dict[str, float]:
        """The numbers of the summary by name; recalls have the names of their limits unless those are COCO's.

        Raises
        ------
        ValueError
            ``params.iouType`` is unknown.
        """
        p: Any = self.params
        if p.iouType not in (*DETECTION, "keypoints", "keypoints_crowd"):
            raise ValueError(f"iouType must be bbox, segm, boundary or keypoints. Get {p.iouType}")
        labels = labels_of(p, self.lvis_style)
        if p.iouType == "keypoints_crowd":
            labels += ["AP_easy", "AP_medium", "AP_hard"]
        if self.matched:
            labels += ["mIoU", f"mAUC_{int(p.iouThrs[0] * 100)}"]
        return {label: float(self.all_stats[i]) for i, label in enumerate(labels)}

    def compute_mIoU(self) -> float:
        """The mean similarity of all matches; 0 without any.

        Raises
        ------
        RuntimeError
            Nothing has been accumulated.
        """
        matched = self.eval.get("matched")
        check_step(matched is not None, "compute_mIoU", "matches", "evaluate() and accumulate()")
        return sum(matched.values()) / len(matched) if matched else 0.0

    def compute_mAUC(self) -> float:
        """The mean area under the curves of the first threshold, over categories, area ranges and limits.

        Raises
        ------
        RuntimeError
            Nothing has been accumulated.
        """
        there = "counts" in self.eval and "precision" in self.eval
        check_step(there, "compute_mAUC", "curves", "evaluate() and accumulate()")
        curves = self.eval["precision"][0]
        areas = [
            self.calc_auc(self.params.recThrs, curves[:, k, a, :].ravel())
            for k in range(curves.shape[1])
            for a in range(curves.shape[2])
        ]
        areas = [area for area in areas if area != -1]
        return sum(areas) / len(areas) if areas else 0.0

    @staticmethod
    def calc_auc(
        recall_list: Sequence[float] | np.ndarray, precision_list: Sequence[float] | np.ndarray, method: str = "c++"
    ) -> float:
        """The area under a precision-recall curve, precision being the greatest at that recall or beyond.

        Parameters
        ----------
        recall_list, precision_list
            The curve, by rising recall.
        method
            ``"c++"``: in extended precision, rounded to 15 digits; anything else: in double precision.
        """
        wide = method == "c++"
        kind = np.longdouble if wide else np.float64
        recall, precision = np.asarray(recall_list, dtype=kind), np.asarray(precision_list, dtype=kind)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        steps = [(recall[i] - recall[i - 1]) * envelope[i] for i in range(1, len(recall)) if recall[i] != recall[i - 1]]
        if wide:
            return round(float(sum(steps, kind(0))), 15)
        return float(np.sum(steps))

    @property
    def extended_metrics(self) -> dict[str, Any]:
        """Precision and recall at the score threshold with the greatest mean F1, and average precision, by class.

        Returns
        -------
        dict[str, Any]
            ``class_map``, a list of dictionaries with ``class``, ``map@50:95``, ``map@50``, ``precision``, ``recall``,
            of which the last one is of all classes; and ``map``, ``precision``, ``recall`` of all. Classes without
            ground truth are left out.

        Raises
        ------
        ValueError
            ``params.iouThrs`` has no 0.5.
        """
        p: Any = self.params
        halves = np.flatnonzero(np.isclose(p.iouThrs, 0.5))
        if not len(halves):
            found = p.iouThrs.tolist()
            raise ValueError(
                f"extended_metrics requires IoU threshold 0.50, but it is not present in params.iouThrs={found}."
            )
        at_best = self._best_threshold()
        curves = self.eval["precision"][:, :, :, 0, -1]
        rows: list[tuple[Any, ...]] = []
        if p.useCats:
            for k, category in enumerate(self.cocoGt.loadCats(p.catIds)):
                present, half = curves[:, :, k][curves[:, :, k] > -1], curves[halves[0], :, k]
                half = half[half > -1]
                if len(present) and len(half) and category["id"] in at_best:
                    precision, recall = at_best[category["id"]]
                    numbers = (float(present.mean()), float(half.mean()), precision, recall)
                    rows.append((category["name"], *numbers))
        mean = [float(np.mean(values)) for values in zip(*at_best.values(), strict=True)] or [0.0, 0.0]
        overall = self.stats_as_dict
        rows.append(("all", overall["AP_all"], overall["AP_50"], *mean))
        names = ("class", "map@50:95", "map@50", "precision", "recall")
        return {
            "class_map": [dict(zip(names, row, strict=True)) for row in rows],
            "map": overall["AP_50"],
            "precision": mean[0],
            "recall": mean[1],
        }

    def _best_threshold(self) -> dict[Any, tuple[float, float]]:
        """Precision and recall of each class at the lowest score threshold with the greatest mean F1."""
        p: Any = self.params
        matched = {int(ids.split("_", 1)[0]) for ids, iou in self.eval["matched"].items() if iou >= 0.5}
        found: dict[Any, list[tuple[float, bool]]] = defaultdict(list)
        for id, annotation in self.cocoDt.anns.items():
            found[annotation["category_id"]].append((float(annotation["score"]), id in matched))
        objects: dict[Any, int] = defaultdict(int)
        for annotation in self.cocoGt.anns.values():
            objects[annotation["category_id"]] += not annotation.get("iscrowd", 0)
        categories = [id for id in (p.catIds if p.useCats else sorted(found)) if objects[id]]
        thresholds = np.unique([score for rows in found.values() for score, _ in rows])
        if not categories or not len(thresholds):
            return {}
        counts = np.array([objects[id] for id in categories], dtype=float)[:, None]
        precision, recall = np.zeros((2, len(categories), len(thresholds)))
        for k, id in enumerate(categories):
            rows = sorted(found[id], key=lambda row: -row[0])
            scores = np.array([score for score, _ in rows])
            above = np.searchsorted(-scores, -thresholds, side="right")
            right = np.concatenate([[0], np.cumsum([is_right for _, is_right in rows])])[above]
            precision[k] = np.divide(right, above, out=np.zeros(len(above)), where=above > 0)
            recall[k] = right / counts[k]
        total = precision + recall
        f1 = np.divide(2.0 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
        best = int(np.argmax([float(np.mean(column)) for column in f1.T]))
        return {int(id): (float(precision[k, best]), float(recall[k, best])) for k, id in enumerate(categories)}


class COCOeval(COCOeval_faster):
    """`COCOeval_faster` under pycocotools' name: it prints, whatever `print_function` was at first."""

    @property
    def print_function(self) -> PrintFunction:
        """What gets messages and summary; `print` unless another one has been assigned."""
        return getattr(self, "_assigned_print_function", print)

    @print_function.setter
    def print_function(self, value: PrintFunction) -> None:
        self._assigned_print_function = value


class Matched(Mapping[str, float]):
    """Each pair that matches at some threshold in some area range, as ``"detection id_ground truth id"``.

    The values are their similarities. The pairs are looked up on first access.
    """

    def __init__(self, evaluator: COCOeval_faster) -> None:
        self._evaluator: COCOeval_faster | None = evaluator
        self._pairs: dict[str, float] = {}

    def _of_evaluator(self) -> dict[str, float]:
        if self._evaluator is not None:
            self._pairs, self._evaluator = self._evaluator._matched_pairs(), None
        return self._pairs

    def __getitem__(self, key: str) -> float:
        return self._of_evaluator()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._of_evaluator())

    def __len__(self) -> int:
        return len(self._of_evaluator())

    def __repr__(self) -> str:
        return repr(self._of_evaluator())

    def __reduce__(self) -> tuple[Any, ...]:
        return _known, (self._of_evaluator(),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Matched:
        return _known(dict(self._of_evaluator()))


def _known(pairs: dict[str, float]) -> Matched:
    matched = Matched.__new__(Matched)
    matched._evaluator, matched._pairs = None, pairs
    return matched


def _complete(truth: Any, p: Any) -> bool:
    """Gives annotations the fields that faster-coco-eval does without; whether one lacked any."""
    fields: list[tuple[str, Any]] = [("iscrowd", 0), ("area", 0.0)]
    if p.iouType == "keypoints":
        fields.append(("num_keypoints", 0))
    changed = False
    for annotation in truth.loadAnns(truth.getAnnIds(imgIds=p.imgIds)):
        for name, value in fields:
            if name not in annotation:
                annotation[name] = value
                changed = True
    return changed
