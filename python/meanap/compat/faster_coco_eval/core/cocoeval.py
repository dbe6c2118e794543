"""`Params` of faster-coco-eval, and `COCOeval`, the base class of its evaluators: settings and summary."""

from __future__ import annotations

import logging
import operator
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from meanap.compat import _crowdpose
from meanap.compat._steps import check_step
from meanap.compat.faster_coco_eval.core import mask as maskUtils
from meanap.compat.faster_coco_eval.core._rows import DETECTION, labels_of, rows_of
from meanap.compat.faster_coco_eval.core.coco import COCO
from meanap.compat.faster_coco_eval.version import __author__, __version__
from meanap.compat.pycocotools import _cells
from meanap.compat.pycocotools.cocoeval import COCOeval as _COCOeval
from meanap.compat.pycocotools.params import AREA_RANGES, KEYPOINT_SIGMAS, as_pycocotools
from meanap.compat.pycocotools.params import Params as _Params

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meanap._types import CocoIndex, Id

__all__ = ["COCO", "COCOeval", "Params", "iouTypeT", "maskUtils"]

logger: logging.Logger = logging.getLogger("meanap")

#: The fraction of a box's area that is its pose's size where a data set has no areas (CrowdPose).
_POSE_FRACTION = 0.53

iouTypeT: TypeAlias = Literal["segm", "bbox", "keypoints", "keypoints_crowd", "boundary"]
PrintFunction: TypeAlias = Callable[..., object]

#: The area ranges beside ``"all"``.
RANGES: dict[str, Sequence[float]] = {name: list(AREA_RANGES[name]) for name in ("small", "medium", "large")}


def _the_same_as(name: str) -> property:
    return property(operator.attrgetter(name), doc=f"``{name}``.")


class Params:
    """Parameters of an evaluation, to be edited in place.

    Parameters
    ----------
    iouType
        What is compared.
    kpt_sigmas
        For keypoints, the sigma of each; COCO's seventeen by default.
    ranges
        Name to least and greatest area, beside ``"all"``; COCO's three by default.

    Attributes
    ----------
    imgIds, catIds
        Ids of the images and categories to evaluate.
    iouThrs
        Similarity thresholds, ``(T,) float64``.
    recThrs
        Recall points, ``(R,) float64``.
    maxDets
        Limits on the detections of a category in an image; the last one decides what is matched and summarised.
    areaRng, areaRngLbl
        Area ranges ``[least, greatest]``, both ends inside, and their names.
    useCats
        Whether only objects of the same category are compared (1) or all (0).
    iouType
        What is compared.
    kpt_oks_sigmas
        For keypoints, one sigma for each of them.
    imgCountLbl
        Names of LVIS's groups of categories: rare, common, frequent.

    Raises
    ------
    TypeError
        ``iouType`` is unknown.

    Examples
    --------
    >>> Params("bbox", ranges={"tiny": [0, 64]}).areaRngLbl
    ['all', 'tiny']
    """

    imgIds: Any
    catIds: Any
    iouThrs: Any
    recThrs: Any
    maxDets: Any
    areaRng: Any
    areaRngLbl: Any
    useCats: Any
    iouType: Any
    kpt_oks_sigmas: Any
    imgCountLbl: Any

    def __init__(
        self,
        iouType: iouTypeT = "segm",
        kpt_sigmas: Sequence[float] | None = None,
        ranges: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.imgIds = []
        self.catIds = []
        self.iouThrs = np.linspace(0.5, 0.95, 10)
        self.recThrs = np.linspace(0.0, 1.0, 101)
        self.useCats = 1
        if iouType in DETECTION:
            self.setDetParams(RANGES if ranges is None else ranges)
        elif "keypoints" in iouType:
            self.setKpParams()
            if kpt_sigmas is not None:
                self.kpt_oks_sigmas = np.array(kpt_sigmas)
        else:
            raise TypeError(f"iouType: expected 'segm', 'bbox', 'boundary' or 'keypoints', found {iouType!r}")
        self.compute_rle: bool = iouType in ("segm", "boundary")
        self.compute_boundary: bool = iouType == "boundary"
        self.iouType = iouType
        self.imgCountLbl = ["r", "c", "f"]

    def setDetParams(self, ranges: Mapping[str, Sequence[float]]) -> None:
        """Sets limits and area ranges for boxes and masks."""
        self.maxDets = [1, 10, 100]
        self.areaRng = [list(AREA_RANGES["all"]), *ranges.values()]
        self.areaRngLbl = ["all", *ranges]
        all_areas = AREA_RANGES["all"][1]
        least = min((limits[0] for limits in ranges.values()), default=all_areas)
        greatest = max((limits[1] for limits in ranges.values()), default=0)
        if least > 0 or greatest < all_areas:
            logger.warning("Provided area ranges do not span full range from 0 to 1e5^2.")

    def setKpParams(self) -> None:
        """Sets limits, area ranges and sigmas for keypoints."""
        self.maxDets = [20]
        self.areaRngLbl = ["all", "medium", "large"]
        self.areaRng = [list(AREA_RANGES[name]) for name in self.areaRngLbl]
        self.kpt_oks_sigmas = KEYPOINT_SIGMAS.copy()

    @property
    def useSegm(self) -> int:
        """1 if ``iouType`` is ``"segm"``, else 0. Deprecated."""
        return int(self.iouType == "segm")

    @useSegm.setter
    def useSegm(self, value: int) -> None:
        self.iouType = "segm" if value == 1 else "bbox"
        logger.warning("useSegm is deprecated; iouType is %r", self.iouType)

    iou_type: property = _the_same_as("iouType")
    img_ids: property = _the_same_as("imgIds")
    cat_ids: property = _the_same_as("catIds")
    iou_thrs: property = _the_same_as("iouThrs")
    rec_thrs: property = _the_same_as("recThrs")
    max_dets: property = _the_same_as("maxDets")
    area_rng: property = _the_same_as("areaRng")
    area_rng_lbl: property = _the_same_as("areaRngLbl")
    use_cats: property = _the_same_as("useCats")
    img_count_lbl: property = _the_same_as("imgCountLbl")


class COCOeval(_COCOeval):
    """What faster-coco-eval's evaluators share: settings and summary.

    As in faster-coco-eval, it matches nothing: `COCOeval_faster` does, or a subclass of this class that stores curves
    in ``eval``. The parameters are those of `COCOeval_faster`.

    Raises
    ------
    ValueError
        ``rle_iou_max_workers`` is not a positive integer.

    Examples
    --------
    >>> evaluation = COCOeval(COCO({"images": [{"id": 7}], "categories": [], "annotations": []}), iouType="bbox")
    >>> evaluation.params.imgIds, evaluation.params.maxDets
    ([7], [1, 10, 100])
    """

    params: Any
    eval: Any
    cocoGt: Any
    cocoDt: Any
    stats: Any
    freq_groups: list[list[int]]
    # What the core computes without a call; see `overridden`.
    _model: ClassVar[type[COCOeval]]

    def __init__(
        self,
        cocoGt: CocoIndex | None = None,
        cocoDt: CocoIndex | None = None,
        iouType: iouTypeT = "segm",
        ranges: Mapping[str, Sequence[float]] | None = None,
        print_function: PrintFunction = logger.info,
        extra_calc: bool = False,
        kpt_oks_sigmas: Sequence[float] | np.ndarray | None = None,
        use_area: bool | None = True,
        lvis_style: bool = False,
        separate_eval: bool = False,
        boundary_dilation_ratio: float = 0.02,
        boundary_cpu_count: int = min(os.cpu_count() or 1, 4),
        rle_iou_max_workers: int = 8,
    ) -> None:
        if isinstance(rle_iou_max_workers, bool) or not isinstance(rle_iou_max_workers, int) or rle_iou_max_workers < 1:
            raise ValueError("rle_iou_max_workers must be a positive integer")
        super().__init__(cocoGt, cocoDt)
        ids = self.params.imgIds, self.params.catIds
        self.params = Params(iouType, kpt_oks_sigmas, ranges)  # type: ignore[arg-type]
        self.params.imgIds, self.params.catIds = ids
        if cocoGt is not None and iouType == "keypoints":
            self.params.catIds = sorted(self.cocoGt.catToImgs)
        self.extra_calc = extra_calc
        self.matched: bool = False
        self.lvis_style: bool = lvis_style
        if lvis_style and iouType == "keypoints":
            logger.warning("lvis_style is not supported for keypoints")
            self.lvis_style = False
        self.separate_eval = separate_eval
        self.boundary_dilation_ratio = boundary_dilation_ratio
        self.boundary_cpu_count = boundary_cpu_count
        self.rle_iou_max_workers = rle_iou_max_workers
        self.use_area = use_area
        self._print_function = print_function
        self.all_stats: Any = []
        for coco in (cocoGt, cocoDt):
            if print_function == print and isinstance(coco, COCO):
                coco.print_function = print_function

    @property
    def print_function(self) -> PrintFunction:
        """What gets messages and summary."""
        return self._print_function

    @print_function.setter
    def print_function(self, value: PrintFunction) -> None:
        self._print_function = value

    def _as_pycocotools(self, p: Any) -> _Params:
        """The parameters as pycocotools has them."""
        settings = as_pycocotools(p, "keypoints" if "keypoints" in p.iouType else p.iouType)
        settings.maxDets = list(settings.maxDets)
        if settings.iouType == "boundary":
            settings.dilationRatio = self.boundary_dilation_ratio
        if settings.iouType == "keypoints":
            settings.kpt_oks_sigmas = p.kpt_oks_sigmas
            settings.boxAreaFraction = None if self.use_area else _POSE_FRACTION
        return settings

    def computeIoU(self, imgId: Id, catId: Id) -> Any:
        """Similarity of the boxes or masks of one cell, ``(D, G) float64``; ``[]`` if a side is empty."""
        gt, dt = self._cell(imgId, catId)
        return _cells.compute_iou(self._as_pycocotools(self.params), gt, dt)

    def computeOks(self, imgId: Id, catId: Id) -> Any:
        """Similarity of the keypoints of one cell, ``(D, G) float64``; ``[]`` if a side is empty."""
        gt, dt = self._gts[imgId, catId], self._dts[imgId, catId]
        return _cells.compute_oks(self._as_pycocotools(self.params), gt, dt)

    def evaluate(self) -> None:
        """Raises `DeprecationWarning`; `COCOeval_faster` evaluates."""
        raise DeprecationWarning("COCOeval.evaluate() matches nothing; COCOeval_faster does")

    def accumulate(self, p: object = None) -> None:
        """Raises `DeprecationWarning`; `COCOeval_faster` computes curves."""
        raise DeprecationWarning("COCOeval.accumulate() computes nothing; COCOeval_faster does")

    def _prepare_freq_group(self) -> list[list[int]]:
        """Positions of the categories of each of LVIS's groups."""
        p = self.params
        categories = self.cocoGt.loadCats(p.catIds)
        groups: list[list[int]] = [[] for _ in p.imgCountLbl]
        for k, category in enumerate(categories):
            groups[p.imgCountLbl.index(category["frequency"])].append(k)
        return groups

    # Summary

    def _summarize(
        self,
        ap: int = 1,
        iouThr: float | None = None,
        areaRng: str = "all",
        maxDets: int = 100,
        freq_group_idx: int | None = None,
        catIds: Sequence[int] | None = None,
    ) -> float:
        """Passes a line of the summary to the print function and returns its number, -1 where there is none.

        Parameters
        ----------
        ap
            1 for average precision, 0 for average recall.
        iouThr
            One of ``params.iouThrs``; all of them by default.
        areaRng, maxDets
            One of ``params.areaRngLbl`` and of ``params.maxDets``.
        freq_group_idx
            Position of one of LVIS's groups.
        catIds
            Positions of categories; all of them by default.

        Raises
        ------
        ValueError
            There is no such area range, or no such limit.
        """
        p = self.params
        shown = "catIds=all" if self.lvis_style else ""
        if catIds is not None:
            shown = f"catIds=={catIds!s:>3s}"
        if self.lvis_style and freq_group_idx is not None:
            catIds = self.freq_groups[freq_group_idx]
            shown = f"catIds={p.imgCountLbl[freq_group_idx]:>3s}"
        for name, choice, choices in (("areaRng", areaRng, p.areaRngLbl), ("maxDets", maxDets, p.maxDets)):
            if choice not in choices:
                raise ValueError(f"{name}: expected one of {list(choices)}, found {choice!r}")
        area, limit = p.areaRngLbl.index(areaRng), p.maxDets.index(maxDets)
        values = self.eval["precision" if ap == 1 else "recall"]
        if iouThr is not None:
            values = values[np.where(iouThr == p.iouThrs)[0]]
        values = values[..., area, limit] if catIds is None else values[..., catIds, area, limit]
        present = values[values > -1]
        value = float(np.mean(present)) if len(present) else -1.0
        title, kind = ("Average Precision", "(AP)") if ap == 1 else ("Average Recall", "(AR)")
        iou = f"{p.iouThrs[0]:0.2f}:{p.iouThrs[-1]:0.2f}" if iouThr is None else f"{iouThr:0.2f}"
        place = f"IoU={iou:<9} | area={areaRng:>6s} | maxDets={maxDets:>3d} {shown}"
        self.print_function(f" {title:<18} {kind} @[ {place}] = {value:0.3f}")
        return value

    def summarize(self) -> None:
        """Passes the summary to the print function and stores its numbers in ``all_stats`` and ``stats``.

        Raises
        ------
        RuntimeError
            There are no curves.
        """
        check_step(self.eval, "summarize", "curves", "accumulate()")
        p = self.params
        values: dict[str, float] = {}
        for row in rows_of(p, self.lvis_style):
            limit = p.maxDets[-1] if row.limit is None else row.limit
            values[row.label] = self._summarize(int(row.precision), row.threshold, row.area, limit, row.group)
        numbers = [values.get(label, 0.0) for label in labels_of(p, self.lvis_style)]
        if p.iouType == "keypoints_crowd":
            numbers += self._by_crowding(p)
        limits = max(len(p.maxDets), 3) if self.lvis_style else len(p.maxDets)
        count = 3 + 2 * (len(p.areaRngLbl) - 1) + limits if p.iouType in DETECTION else 12
        self.all_stats = np.array(numbers)
        self.stats = self.all_stats[:count]

    def _by_crowding(self, p: Any) -> list[float]:
        numbers = self.get_type_result(first=0.2, second=0.8)
        for name, number in zip(_crowdpose.LEVELS, numbers, strict=True):
            self.print_function(_crowdpose.line_of(p, name, p.maxDets[-1], number))
        return numbers

    def get_type_result(self, first: float = 0.01, second: float = 0.85) -> list[float]:
        """Average precision on images of which the crowd index is below `first`, below `second`, and others.

        Evaluates each of them, so that the evaluator then has the last one's results; numbers are rounded to four
        digits and count -1 where there is no ground truth, as in faster-coco-eval.
        """
        printed = self.print_function
        self.print_function = lambda *_: None
        try:
            return _crowdpose.numbers_of(self, self.split(self.cocoGt.annotation_file, first, second))
        finally:
            self.print_function = printed

    def split(self, gt_file: Any, first: float = 0.01, second: float = 0.85) -> tuple[list[Any], list[Any], list[Any]]:
        """Ids of images with a ``crowdIndex`` below `first`, below `second`, and of the others."""
        return _crowdpose.split(COCO.load_json(gt_file)["images"], first, second)

    def __str__(self) -> str:
        self.summarize()
        return repr(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}() # __author__='{__author__}'; __version__='{__version__}';"


COCOeval._model = COCOeval
