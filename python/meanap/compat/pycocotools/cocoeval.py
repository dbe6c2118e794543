"""``COCOeval``: pycocotools' evaluator on the Rust core."""

from __future__ import annotations

import copy
import datetime
import logging
import time
import warnings
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap.compat._steps import check_step
from meanap.compat.pycocotools import _cells, _summary
from meanap.compat.pycocotools import mask as maskUtils
from meanap.compat.pycocotools._culprits import incomparable_ids, naming, no_data_set
from meanap.compat.pycocotools._index import collector_paused
from meanap.compat.pycocotools._lazy import Lazy, may_wait, slots_of, stored
from meanap.compat.pycocotools._marks import Marks
from meanap.compat.pycocotools._named import raise_in_words, same_class
from meanap.compat.pycocotools._sources import Ids
from meanap.compat.pycocotools.coco import COCO, file_of_images, overridden
from meanap.compat.pycocotools.params import Params, snapshot

if TYPE_CHECKING:
    from meanap._types import CocoIndex, Id, SimilarityName

# What `from pycocotools.cocoeval import *` gives, imports included.
__all__ = ["COCOeval", "Params", "copy", "datetime", "defaultdict", "maskUtils", "np", "time"]

__author__ = "tsungyi"

logger: logging.Logger = logging.getLogger("meanap")

_EVALUATOR_HOOKS = ("_prepare", "computeIoU", "computeOks", "evaluateImg")
_DATASET_HOOKS = ("getAnnIds", "loadAnns", "annToRLE")
#: Created on first access, after an evaluation that ran in Rust.
_LAZY = ("evalImgs", "ious", "_gts", "_dts")


class COCOeval(Lazy):
    """Evaluates detections against ground truth, as ``pycocotools.cocoeval.COCOeval`` does, bit for bit.

    ``evaluate()`` matches, ``accumulate()`` computes the curves, ``summarize()`` prints and stores the means. With no
    hook overridden, matching and curves run in Rust without the GIL, and ``evalImgs``, ``ious``, ``_gts`` and ``_dts``
    are created on first access. A subclass that overrides ``_prepare``, ``computeIoU``, ``computeOks`` or
    ``evaluateImg``, and a caller that assigns or edits ``evalImgs``, get what pycocotools computes.

    Parameters
    ----------
    cocoGt
        Ground truth, a ``COCO``.
    cocoDt
        Detections, a ``COCO`` as ``cocoGt.loadRes`` makes it.
    iouType
        ``"segm"``, ``"bbox"`` or ``"keypoints"``; or ``"boundary"``, which pycocotools does not have: the smaller of
        the IoU of two masks and of their boundaries.

    Attributes
    ----------
    params
        What to evaluate (``Params``), to be edited before ``evaluate()``.
    evalImgs
        For each category, area range and image a dictionary of matches, or None.
    ious
        ``(image id, category id)`` to similarities ``(D, G) float64``, detections best first.
    eval
        ``precision`` and ``scores`` ``(T, R, K, A, M)``, ``recall`` ``(T, K, A, M)``, ``counts``, ``params``, ``date``;
        -1 where there is no ground truth.
    stats
        The means that ``summarize()`` prints: twelve, for keypoints ten; -1 where there is none.

    Examples
    --------
    >>> import meanap
    >>> gt = meanap.COCO()
    >>> gt.dataset = {
    ...     "images": [{"id": 1, "height": 10, "width": 10}],
    ...     "categories": [{"id": 1, "name": "thing"}],
    ...     "annotations": [
    ...         {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0}
    ...     ],
    ... }
    >>> gt.createIndex()
    >>> dt = gt.loadRes([{"image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 4], "score": 0.9}])
    >>> evaluator = meanap.COCOeval(gt, dt, "bbox")
    >>> evaluator.evaluate()
    >>> evaluator.accumulate()
    >>> float(evaluator.eval["recall"][:, 0, 0, 2].mean())
    0.7
    """

    _lazy = _LAZY
    _origin = "_run"
    # The evaluation that the lazy attributes are made of.
    _run: _Run | None = None

    def __init__(
        self, cocoGt: CocoIndex | None = None, cocoDt: CocoIndex | None = None, iouType: SimilarityName = "segm"
    ) -> None:
        if not iouType:
            logger.warning("iouType not specified, using segm")
        self.cocoGt: Any = cocoGt
        self.cocoDt: Any = cocoDt
        self.evalImgs: Any = defaultdict(list)
        self.eval: dict[str, Any] = {}
        self._gts: Any = defaultdict(list)
        self._dts: Any = defaultdict(list)
        self.params: Params = Params(iouType=iouType)
        self._paramsEval: Any = {}
        self.stats: Any = []
        self.ious: Any = {}
        if cocoGt is not None:
            file = file_of_images(cocoGt)
            try:
                self.params.imgIds = sorted(cocoGt.getImgIds()) if file is None else file.sorted_image_ids()
                self.params.catIds = sorted(cocoGt.getCatIds())
            except AttributeError as error:
                if side := no_data_set(self):
                    raise AttributeError(f"{side}: {error}") from error
                raise
            except TypeError as error:
                raise_in_words(error, incomparable_ids(error, cocoGt))

    # Matching

    @naming
    def evaluate(self) -> None:
        """Matches detections with ground truth in every image, category and area range.

        Sorts ``params.imgIds``, ``params.catIds`` and ``params.maxDets`` in place, as the reference does.

        Raises
        ------
        KeyError, TypeError, ValueError
            An annotation lacks a field or holds something unusable; the message names it.
        """
        start = time.perf_counter()
        p = self.params
        if p.useSegm is not None:
            p.iouType = "segm" if p.useSegm == 1 else "bbox"
            logger.warning("params.useSegm is deprecated; evaluating %s", p.iouType)
        images, categories = Ids.unique(p.imgIds), Ids.unique(p.catIds) if p.useCats else Ids(p.catIds)
        p.imgIds, p.catIds = images.ids, categories.ids
        p.maxDets = sorted(p.maxDets)
        self.params = p

        with collector_paused():
            run = _Run.of(self, images, categories)
        if run is not None:
            zero_ids = run.evaluation.zero_ids
            self._run = run
            self.eval = {}
            for name in _LAZY:
                stored(self).pop(name, None)
            if not may_wait(self, _LAZY):
                self._make_all()
        else:
            self._evaluate_by_hand()
            zero_ids = _cells.count_zero_ids(self._gts)
        if zero_ids:
            warnings.warn(
                f"ground truth: {zero_ids} annotations have id 0, which counts as unmatched even where it matches "
                "(as in pycocotools): number annotations from 1",
                stacklevel=3,
            )
        self._paramsEval = snapshot(self.params)
        road = "columns" if run is not None else "cells"
        logger.info("evaluated %s by %s in %.2f s", p.iouType, road, time.perf_counter() - start)

    def _evaluate_by_hand(self) -> None:
        p = self.params
        self._prepare()
        if p.iouType not in ("segm", "bbox", "boundary", "keypoints"):
            expected = "'segm', 'bbox', 'boundary' or 'keypoints'"
            raise ValueError(f"params.iouType: expected {expected}, found {p.iouType!r}")
        catIds = p.catIds if p.useCats else [-1]
        similarity = self.computeOks if p.iouType == "keypoints" else self.computeIoU
        self.ious = {(imgId, catId): similarity(imgId, catId) for imgId in p.imgIds for catId in catIds}
        maxDet = p.maxDets[-1]
        self.evalImgs = [
            self.evaluateImg(imgId, catId, areaRng, maxDet)
            for catId in catIds
            for areaRng in p.areaRng
            for imgId in p.imgIds
        ]

    @naming
    def _prepare(self) -> None:
        """Loads ``_gts`` and ``_dts``, the annotations of each ``(image id, category id)``. A hook."""
        p, gt, dt = self.params, self.cocoGt, self.cocoDt
        self._gts, self._dts = _cells.prepare(p, gt, dt, _cells.load(p, gt), _cells.load(p, dt))
        self.evalImgs = defaultdict(list)
        self.eval = {}

    def _cell(self, imgId: Any, catId: Any) -> tuple[list[Any], list[Any]]:
        p = self.params
        if p.useCats:
            return self._gts[imgId, catId], self._dts[imgId, catId]
        return (
            [gt for category in p.catIds for gt in self._gts[imgId, category]],
            [dt for category in p.catIds for dt in self._dts[imgId, category]],
        )

    @naming
    def computeIoU(self, imgId: Id, catId: Id) -> Any:
        """Similarity of the boxes or masks of one cell, ``(D, G) float64``; ``[]`` if a side is empty. A hook."""
        gt, dt = self._cell(imgId, catId)
        return _cells.compute_iou(self.params, gt, dt)

    @naming
    def computeOks(self, imgId: Id, catId: Id) -> Any:
        """Similarity of the keypoints of one cell, ``(D, G) float64``; ``[]`` if a side is empty. A hook."""
        return _cells.compute_oks(self.params, self._gts[imgId, catId], self._dts[imgId, catId])

    @naming
    def evaluateImg(self, imgId: Id, catId: Id, aRng: Sequence[float], maxDet: int) -> Any:
        """Matches one cell in one area range: an entry of ``evalImgs``, None if the cell is empty. A hook."""
        gt, dt = self._cell(imgId, catId)
        if not gt and not dt:
            return None
        ious = self.ious[imgId, catId]
        return _cells.evaluate_cell(self.params, (imgId, catId), gt, dt, ious, aRng, maxDet)

    # Curves

    @naming
    def accumulate(self, p: Params | None = None) -> None:
        """Computes precision-recall curves from the matches, into ``eval``.

        Parameters
        ----------
        p
            Other parameters: fewer or other categories, images, area ranges, limits, recall points. What was not
            evaluated is left out.

        Raises
        ------
        RuntimeError
            Nothing has been evaluated.
        """
        start = time.perf_counter()
        evaluated = self._paramsEval
        check_step(evaluated or not isinstance(evaluated, dict), "accumulate", "matches", "evaluate()")
        if p is None:
            p = self.params
        p.catIds = p.catIds if p.useCats == 1 else [-1]
        selection = _Selection(p, evaluated)
        run = self._run if "evalImgs" not in stored(self) else None
        drawn = run.accumulate(selection) if run is not None else None
        precision, recall, scores = drawn if drawn is not None else self._accumulate_by_hand(selection)
        self.eval = {
            "params": p,
            "counts": list(selection.counts),
            "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
            "precision": precision,
            "recall": recall,
            "scores": scores,
        }
        logger.info("accumulated in %.2f s", time.perf_counter() - start)

    def _accumulate_by_hand(self, selection: _Selection) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        T, R, K, A, M = selection.counts
        precision, recall, scores = (-np.ones(shape) for shape in ((T, R, K, A, M), (T, K, A, M), (T, R, K, A, M)))
        points = _recall_points(selection.recall_points)
        # Without a common limit no entry is read, however far out of range it is.
        for k, group in enumerate(selection.groups if selection.limits else []):
            for a, area in enumerate(selection.areas):
                first = (group * selection.evaluated_areas + area) * selection.evaluated_images
                entries = [self.evalImgs[first + i] for i in selection.images]
                curves = _cells.accumulate_cells(entries, T, points, selection.limits)
                for m, curve in enumerate(curves or []):
                    rows = len(curve[1])
                    precision[:rows, :, k, a, m], recall[:rows, k, a, m], scores[:rows, :, k, a, m] = curve
        return precision, recall, scores

    # Summary

    @naming
    def summarize(self) -> None:
        """Prints the reference's table to ``sys.stdout`` and stores its numbers in ``stats``.

        Raises
        ------
        RuntimeError
            Nothing has been accumulated.
        IndexError
            ``params.maxDets`` has fewer than three limits (boxes and masks).
        """
        check_step(self.eval, "summarize", "curves", "accumulate()")
        self.stats = _summary.summarize(self.params, self.eval)

    def __str__(self) -> str:
        # As in the reference, which prints and then fails: str() of an evaluator is a TypeError.
        return self.summarize()  # type: ignore[return-value]

    # What an evaluation in Rust leaves to be made

    def _make(self, name: str) -> None:
        run, own = self._run, stored(self)
        if run is None:
            return
        if name == "evalImgs":
            own["evalImgs"] = run.eval_imgs()
        elif name == "ious":
            own["ious"] = run.ious()
        else:
            gts, dts = run.cells(self._paramsEval or self.params)
            own.setdefault("_gts", gts)
            own.setdefault("_dts", dts)

    def __getstate__(self) -> Any:
        self._make_all()
        return super().__getstate__()

    def __deepcopy__(self, memo: dict[int, Any]) -> COCOeval:
        # A finished run is never changed: copies share it, and nothing lazy has to be made.
        twin = self.__class__.__new__(self.__class__)
        memo[id(self)] = twin
        stored(twin).update({k: v if k == "_run" else copy.deepcopy(v, memo) for k, v in stored(self).items()})
        for name, value in slots_of(self).items():
            setattr(twin, name, copy.deepcopy(value, memo))
        return twin


class _Selection:
    """Which of the evaluated categories, area ranges, limits and images ``accumulate(p)`` uses."""

    def __init__(self, p: Any, evaluated: Any) -> None:
        self.counts = (
            len(p.iouThrs),
            len(p.recThrs),
            len(p.catIds) if p.useCats else 1,
            len(p.areaRng),
            len(p.maxDets),
        )
        categories = set(evaluated.catIds if evaluated.useCats else [-1])
        areas = set(map(tuple, evaluated.areaRng))
        limits = set(evaluated.maxDets)
        # Positions in p's lists, used as positions in what was evaluated.
        self.groups = [n for n, category in enumerate(p.catIds) if category in categories]
        self.areas = [n for n, area in enumerate(map(tuple, p.areaRng)) if area in areas]
        self.images = _positions_in(p.imgIds, evaluated.imgIds)
        self.limits = [limit for limit in p.maxDets if limit in limits]
        self.recall_points = p.recThrs
        self.evaluated_images = len(evaluated.imgIds)
        self.evaluated_areas = len(evaluated.areaRng)


def _recall_points(given: Any) -> np.ndarray:
    """Recall points, ``(R,) float64``.

    DIFFERENCE: the reference compares recalls with texts as texts, and leaves precision at 0 where points are nested.
    """
    try:
        points = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise same_class(error, f"params.recThrs is {given!r:.80}: {error}") from error
    if points.ndim != 1:
        raise ValueError(f"params.recThrs: expected a flat list of numbers, found {points.ndim} dimensions")
    return points


def _positions_in(ids: Any, evaluated: Any) -> Any:
    """Where those of ``ids`` are that were evaluated."""
    if type(ids) is list and type(evaluated) is list and ids == evaluated:
        # The common case: the same objects.
        return range(len(ids))
    known = set(evaluated)
    return [position for position, id in enumerate(ids) if id in known]


def _within(positions: Any, count: int) -> bool:
    """Whether all positions, which are in order or a range, are below ``count``."""
    return len(positions) == 0 or positions[-1] < count


class _Run:
    """An evaluation that ran in Rust: the match table, and the names of what its positions stand for."""

    def __init__(self, p: Any, evaluation: _core.Evaluation, sources: dict[str, Any], cocoGt: Any, cocoDt: Any) -> None:
        self.evaluation = evaluation
        self.cocos = {"ground_truth": cocoGt, "detections": cocoDt}
        self.image_ids = list(p.imgIds)
        self.category_ids = list(p.catIds) if p.useCats else [-1]
        self.area_ranges = list(p.areaRng)
        self.max_detections = p.maxDets[-1]
        self.thresholds = len(p.iouThrs)
        self.sources = sources

    @classmethod
    def of(cls, evaluator: COCOeval, images: Ids, categories: Ids) -> _Run | None:
        """Runs the evaluation of these; None if it has to run in Python."""
        p = evaluator.params
        if overridden(evaluator, COCOeval, _EVALUATOR_HOOKS):
            return None
        for coco in (evaluator.cocoGt, evaluator.cocoDt):
            if not isinstance(coco, COCO) or overridden(coco, COCO, _DATASET_HOOKS):
                return None
        options = _options(p)
        if options is None:
            return None
        if not (images.distinct and categories.distinct):
            return None
        sides: dict[str, Any] = {}
        for role, coco in (("ground_truth", evaluator.cocoGt), ("detections", evaluator.cocoDt)):
            side = coco._evaluation_objects(p, role, images, categories)
            if side is None:
                return None
            sides[role] = side
        if p.iouType == "keypoints":
            counts = {side[0].keypoints for side in sides.values() if len(side[0])}
            if counts - {len(p.kpt_oks_sigmas)}:
                return None
        gt, dt = sides["ground_truth"], sides["detections"]
        evaluation = _core.evaluate(
            gt[0],
            dt[0],
            similarity=p.iouType,
            ground_truth_positions=None if gt[1] is None else (gt[1], gt[2]),
            detection_positions=None if dt[1] is None else (dt[1], dt[2]),
            images=len(images.ids),
            categories=len(categories.ids),
            by_category=bool(p.useCats),
            **options,
        )
        for role, side in sides.items():
            marks = Marks(p, role, images, categories)
            if marks:
                side.leave(marks)
        return cls(p, evaluation, {role: side[3] for role, side in sides.items()}, evaluator.cocoGt, evaluator.cocoDt)

    def accumulate(self, selection: _Selection) -> Any:
        """Curves of the selection, or None if it is not of what was evaluated."""
        T, _, K, A, M = selection.counts
        points = np.asarray(selection.recall_points)
        if (
            T != self.thresholds
            or points.ndim != 1
            or points.dtype.kind not in "fiu"
            or selection.evaluated_images != len(self.image_ids)
            or selection.evaluated_areas != len(self.area_ranges)
            or any(group >= len(self.category_ids) for group in selection.groups)
            or any(area >= len(self.area_ranges) for area in selection.areas)
            or not _within(selection.images, len(self.image_ids))
            or not all(_is_limit(limit) for limit in selection.limits)
        ):
            return None
        images = None
        if len(selection.images) != len(self.image_ids):
            images = np.zeros(len(self.image_ids), dtype=bool)
            images[selection.images] = True
        return self.evaluation.accumulate(
            groups=selection.groups,
            areas=selection.areas,
            max_detections=[int(limit) for limit in selection.limits],
            images=images,
            recall_points=np.ascontiguousarray(points, dtype=np.float64),
            shape=(K, A, M),
        )

    def eval_imgs(self) -> list[Any]:
        records = {role: records() if callable(records) else records for role, records in self.sources.items()}
        with collector_paused():
            records_of_cells: list[Any] = self.evaluation.eval_imgs(
                image_ids=self.image_ids,
                category_ids=self.category_ids,
                area_ranges=self.area_ranges,
                max_detections=self.max_detections,
                **records,
            )
        return records_of_cells

    def ious(self) -> dict[Any, Any]:
        similarities: dict[Any, Any] = self.evaluation.ious(self.image_ids, self.category_ids)
        return similarities

    def cells(self, p: Any) -> tuple[_cells.Cells, _cells.Cells]:
        """``_gts`` and ``_dts``: of the very dictionaries that were evaluated, if it was dictionaries.

        DIFFERENCE: they are grouped now. An annotation whose ``image_id`` or ``category_id`` was edited between the
        evaluation and the first look is found where it says, in the reference where it was; matches, similarities and
        curves are those of the evaluation in both.
        """
        loaded = []
        for role, coco in self.cocos.items():
            records = self.sources[role]
            loaded.append(records if isinstance(records, list) else _cells.load_afterwards(p, coco))
        gts, dts = map(_cells.group, loaded)
        for image in p.imgIds:
            for category in p.catIds:
                # The reference reads each cell, and a `defaultdict` stores every key that is read.
                gts[image, category], dts[image, category]
        return gts, dts


def _is_limit(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and bool(value >= 0)


def _options(p: Any) -> dict[str, Any] | None:
    """Thresholds, area ranges and limit as the core takes them; None if they are not such."""
    if p.iouType not in ("segm", "bbox", "boundary", "keypoints"):
        return None
    try:
        thresholds = np.array([min([t, 1 - 1e-10]) for t in p.iouThrs], dtype=np.float64)
        areas = np.array([[area[0], area[1]] for area in p.areaRng], dtype=np.float64).reshape(-1, 2)
    except (AttributeError, TypeError, ValueError, IndexError, OverflowError):
        return None
    if thresholds.ndim != 1 or not len(thresholds) or not 0 < len(areas) <= 31 or not p.maxDets:
        return None
    if not _is_limit(p.maxDets[-1]):
        return None
    options = {"thresholds": thresholds, "area_ranges": areas, "max_detections": int(p.maxDets[-1])}
    if p.iouType == "keypoints":
        sigmas = getattr(p, "kpt_oks_sigmas", None)
        # Without categories the reference looks keypoints up under a category that is not there.
        if not p.useCats or not isinstance(sigmas, np.ndarray) or sigmas.ndim != 1 or sigmas.dtype != np.float64:
            return None
        if getattr(p, "boxAreaFraction", None) is not None:
            return None
        options["variances"] = (sigmas * 2) ** 2
    if p.iouType == "boundary":
        options["dilation_ratio"] = float(p.dilationRatio)
    return options
