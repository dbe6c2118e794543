"""`Params` of faster-coco-eval, and its summary of an evaluation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from meanap.compat.pycocotools.params import KEYPOINT_SIGMAS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Params", "Row", "labels_of", "mean_of", "rows_of", "text_of"]

logger: logging.Logger = logging.getLogger("meanap")

IouType: TypeAlias = Literal["segm", "bbox", "keypoints", "keypoints_crowd", "boundary"]

#: Kinds of similarity that are summarised for each area range.
DETECTION = ("segm", "bbox", "boundary")
_EVERYTHING = [0, 1e5**2]
_RANGES: dict[str, Sequence[float]] = {"small": [0, 32**2], "medium": [32**2, 96**2], "large": [96**2, 1e5**2]}


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
        iouType: IouType = "segm",
        kpt_sigmas: Sequence[float] | None = None,
        ranges: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.imgIds = []
        self.catIds = []
        self.iouThrs = np.linspace(0.5, 0.95, 10)
        self.recThrs = np.linspace(0.0, 1.0, 101)
        self.useCats = 1
        if iouType in DETECTION:
            self.setDetParams(_RANGES if ranges is None else ranges)
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
        self.areaRng = [list(_EVERYTHING), *ranges.values()]
        self.areaRngLbl = ["all", *ranges]
        least = min((limits[0] for limits in ranges.values()), default=_EVERYTHING[1])
        greatest = max((limits[1] for limits in ranges.values()), default=0)
        if least > 0 or greatest < _EVERYTHING[1]:
            logger.warning("Provided area ranges do not span full range from 0 to 1e5^2.")

    def setKpParams(self) -> None:
        """Sets limits, area ranges and sigmas for keypoints."""
        self.maxDets = [20]
        self.areaRng = [list(limits) for limits in (_EVERYTHING, _RANGES["medium"], _RANGES["large"])]
        self.areaRngLbl = ["all", "medium", "large"]
        self.kpt_oks_sigmas = KEYPOINT_SIGMAS.copy()

    @property
    def useSegm(self) -> int:
        """1 if ``iouType`` is ``"segm"``, else 0. Deprecated."""
        return int(self.iouType == "segm")

    @useSegm.setter
    def useSegm(self, value: int) -> None:
        self.iouType = "segm" if value == 1 else "bbox"
        logger.warning("useSegm is deprecated; iouType is %r", self.iouType)

    @property
    def iou_type(self) -> Any:
        """``iouType``."""
        return self.iouType

    @property
    def img_ids(self) -> Any:
        """``imgIds``."""
        return self.imgIds

    @property
    def cat_ids(self) -> Any:
        """``catIds``."""
        return self.catIds

    @property
    def iou_thrs(self) -> Any:
        """``iouThrs``."""
        return self.iouThrs

    @property
    def rec_thrs(self) -> Any:
        """``recThrs``."""
        return self.recThrs

    @property
    def max_dets(self) -> Any:
        """``maxDets``."""
        return self.maxDets

    @property
    def area_rng(self) -> Any:
        """``areaRng``."""
        return self.areaRng

    @property
    def area_rng_lbl(self) -> Any:
        """``areaRngLbl``."""
        return self.areaRngLbl

    @property
    def use_cats(self) -> Any:
        """``useCats``."""
        return self.useCats

    @property
    def img_count_lbl(self) -> Any:
        """``imgCountLbl``."""
        return self.imgCountLbl


class Row(NamedTuple):
    """A number of the summary, in the order in which it is printed."""

    label: str
    """Its name in ``stats_as_dict``."""
    precision: bool
    threshold: float | None = None
    area: str = "all"
    limit: int | None = None
    """A limit on detections; None for the largest."""
    group: int | None = None
    """Position of a group of categories."""


def rows_of(p: Params, lvis_style: bool) -> list[Row]:
    """The numbers that are printed, in this order."""
    thresholds = ((None, "all"), (0.5, "50"), (0.75, "75"))
    precision = [Row(f"AP_{label}", True, threshold) for threshold, label in thresholds]
    if p.iouType == "keypoints_crowd":
        return [*precision, *(Row(f"AR_{label}", False, threshold) for threshold, label in thresholds)]
    if p.iouType == "keypoints":
        areas = ("medium", "large")
        return [
            *precision,
            *(Row(f"AP_{area}", True, None, area) for area in areas),
            *(Row(f"AR_{label}", False, threshold) for threshold, label in thresholds),
            *(Row(f"AR_{area}", False, None, area) for area in areas),
        ]
    areas = p.areaRngLbl[1:]
    legacy = ["AR_all", "AR_second", "AR_third"]
    names = legacy if lvis_style or p.maxDets == [1, 10, 100] else []
    limits = [(names[i] if i < len(names) else f"AR_{limit}", limit) for i, limit in enumerate(p.maxDets)]
    groups = [("APr", 0), ("APc", 1), ("APf", 2)] if lvis_style else []
    return [
        *precision,
        *(Row(f"AP_{area}", True, None, area) for area in areas),
        *(Row(label, True, group=group) for label, group in groups),
        *(Row(label, False, limit=limit) for label, limit in limits),
        *(Row(f"AR_{area}", False, None, area) for area in areas),
        *(Row(f"AR_{label}", False, threshold) for threshold, label in thresholds[1:]),
    ]


def labels_of(p: Params, lvis_style: bool) -> list[str]:
    """The names of the numbers in the order of ``all_stats``; LVIS's groups come last, after three recalls."""
    labels = [row.label for row in rows_of(p, lvis_style) if row.group is None]
    if lvis_style and p.iouType in DETECTION:
        first = 2 + len(p.areaRngLbl)
        count = len(p.maxDets)
        labels[first + count : first + count] = ["AR_all", "AR_second", "AR_third"][count:]
        labels += ["APr", "APc", "APf"]
    return labels


def mean_of(p: Params, curves: Mapping[str, Any], row: Row, categories: Any = None) -> float:
    """The mean that a row is, over these positions of categories; -1 where there is none."""
    values = curves["precision" if row.precision else "recall"]
    if row.threshold is not None:
        values = values[np.where(row.threshold == p.iouThrs)[0]]
    limit = p.maxDets[-1] if row.limit is None else row.limit
    at = (p.areaRngLbl.index(row.area), p.maxDets.index(limit))
    values = values[..., at[0], at[1]] if categories is None else values[..., categories, at[0], at[1]]
    present = values[values > -1]
    return float(np.mean(present)) if len(present) else -1.0


def text_of(p: Params, row: Row, value: float, categories: str = "") -> str:
    """The line that is printed."""
    title, kind = ("Average Precision", "(AP)") if row.precision else ("Average Recall", "(AR)")
    iou = f"{p.iouThrs[0]:0.2f}:{p.iouThrs[-1]:0.2f}" if row.threshold is None else f"{row.threshold:0.2f}"
    limit = p.maxDets[-1] if row.limit is None else row.limit
    places = f"IoU={iou:<9} | area={row.area:>6s} | maxDets={limit:>3d} {categories}"
    return f" {title:<18} {kind} @[ {places}] = {value:0.3f}"


PrintFunction: TypeAlias = Callable[..., object]
