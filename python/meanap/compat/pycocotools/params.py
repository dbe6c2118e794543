"""``Params`` of pycocotools: the settings of an evaluation."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from meanap._types import SimilarityName

#: Half the spread of human clicks on each of the seventeen COCO keypoints, as a fraction of the object's size.
#: Divided by ten as a second rounding, as the reference does.
KEYPOINT_SIGMAS = (
    np.array([0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89])
    / 10.0
)

#: Name to least and greatest area, both inside.
AREA_RANGES: dict[str, list[float]] = {
    "all": [0, 1e5**2],
    "small": [0, 32**2],
    "medium": [32**2, 96**2],
    "large": [96**2, 1e5**2],
}

#: Kinds of similarity that compare masks.
MASK_TYPES = ("segm", "boundary")


class Params:
    """Parameters of a COCO evaluation, to be edited in place or replaced.

    Attributes
    ----------
    imgIds
        Ids of the images to evaluate.
    catIds
        Ids of the categories to evaluate.
    iouThrs
        Similarity thresholds, ``(T,) float64``; 0.50 to 0.95 in steps of 0.05.
    recThrs
        Recall points, ``(R,) float64``; 0 to 1 in steps of 0.01.
    maxDets
        Limits on the detections of a category in an image; the last one decides what is matched.
    areaRng
        Area ranges ``[least, greatest]`` in square pixels, both ends inside.
    areaRngLbl
        A name for each area range.
    useCats
        Whether only objects of the same category are compared (1) or all (0).
    iouType
        ``"bbox"``, ``"segm"``, ``"boundary"`` or ``"keypoints"``.
    useSegm
        Deprecated; if not None it decides between ``"segm"`` (1) and ``"bbox"``.
    kpt_oks_sigmas
        For keypoints, one sigma for each of them.
    dilationRatio
        For ``"boundary"``, width of the boundary as a share of the image's diagonal: 0.02.
    boxAreaFraction
        For keypoints, the size of an object as a fraction of its box's area; None for its ``area``.

    Raises
    ------
    ValueError
        ``iouType`` is none of them.

    Examples
    --------
    >>> from meanap.compat.pycocotools import Params
    >>> Params("bbox").maxDets
    [1, 10, 100]
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
    useSegm: Any
    kpt_oks_sigmas: Any
    dilationRatio: Any
    boxAreaFraction: Any = None

    def __init__(self, iouType: SimilarityName = "segm") -> None:
        if iouType in ("segm", "bbox", "boundary"):
            self.setDetParams()
            if iouType == "boundary":
                self.dilationRatio = 0.02
        elif iouType == "keypoints":
            self.setKpParams()
        else:
            raise ValueError(f"iouType: expected 'segm', 'bbox', 'boundary' or 'keypoints', found {iouType!r}")
        self.iouType = iouType
        self.useSegm = None

    def setDetParams(self) -> None:
        """Sets the defaults for boxes and masks."""
        self._set_common(["all", "small", "medium", "large"], maxDets=[1, 10, 100])

    def setKpParams(self) -> None:
        """Sets the defaults for keypoints."""
        self._set_common(["all", "medium", "large"], maxDets=[20])
        self.kpt_oks_sigmas = KEYPOINT_SIGMAS.copy()

    def _set_common(self, areas: list[str], maxDets: list[int]) -> None:
        self.imgIds = []
        self.catIds = []
        self.iouThrs = np.linspace(0.5, 0.95, 10)
        self.recThrs = np.linspace(0.0, 1.0, 101)
        self.maxDets = maxDets
        self.areaRng = [list(AREA_RANGES[name]) for name in areas]
        self.areaRngLbl = areas
        self.useCats = 1


def as_pycocotools(p: Any, iouType: SimilarityName) -> Params:
    """The parameters of an evaluation that has more of them, or others, as pycocotools has them."""
    params = Params(iouType)
    for name in ("imgIds", "catIds", "iouThrs", "recThrs", "maxDets", "areaRng", "areaRngLbl", "useCats"):
        setattr(params, name, getattr(p, name))
    return params


# Copying these is keeping them.
_IMMUTABLE = {int, float, str, np.int64, np.float64, np.str_}


def snapshot(params: Any) -> Any:
    """A deep copy. Lists of thousands of ids are copied as lists, not id by id."""
    memo = {}
    for value in vars(params).values() if hasattr(params, "__dict__") else ():
        if type(value) is list and set(map(type, value)) <= _IMMUTABLE:
            memo[id(value)] = value.copy()
    return copy.deepcopy(params, memo)
