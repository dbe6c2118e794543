"""`COCOeval` of xtcocotools: poses of COCO, CrowdPose, COCO-WholeBody and others, on pycocotools' evaluator in Rust."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from meanap._files import read_json
from meanap._summary import DETECTION_ROWS, KEYPOINT_ROWS
from meanap.compat import _crowdpose
from meanap.compat._steps import check_step
from meanap.compat.pycocotools import COCO, _summary
from meanap.compat.pycocotools.cocoeval import COCOeval as _COCOeval
from meanap.compat.pycocotools.params import KEYPOINT_SIGMAS, as_pycocotools, snapshot
from meanap.compat.pycocotools.params import Params as _Params
from meanap.compat.xtcocotools import mask as maskUtils

if TYPE_CHECKING:
    from meanap._types import CocoIndex

__all__ = ["COCOeval", "Params", "maskUtils"]

IouType: TypeAlias = Literal[
    "segm",
    "bbox",
    "keypoints",
    "keypoints_crowd",
    "keypoints_wholebody",
    "keypoints_foot",
    "keypoints_face",
    "keypoints_lefthand",
    "keypoints_righthand",
]

#: The fields that hold the keypoints of a kind, and its score.
_PARTS: dict[str, tuple[tuple[str, ...], str]] = {
    "keypoints": (("keypoints",), "score"),
    "keypoints_crowd": (("keypoints",), "score"),
    "keypoints_wholebody": (
        ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts"),
        "wholebody_score",
    ),
    **{f"keypoints_{part}": ((f"{part}_kpts",), f"{part}_score") for part in ("foot", "face", "lefthand", "righthand")},
}
#: The fraction of a box's area that is an object's size where it has no area.
_FRACTION = 0.53
_LIMIT = 20


class Params(_Params):
    """Parameters of an evaluation, to be edited in place; see `meanap.compat.pycocotools.Params`.

    Parameters
    ----------
    iouType
        What is compared.

    Raises
    ------
    ValueError
        ``iouType`` is unknown.
    """

    def __init__(self, iouType: IouType = "segm") -> None:
        kind: Any = "keypoints" if iouType in _PARTS else iouType
        super().__init__(kind)
        self.iouType = iouType


class COCOeval(_COCOeval):
    """Evaluates detections against ground truth as xtcocotools does.

    What it does otherwise than `meanap.COCOeval`: an object is ignored where none of its keypoints is labelled (for
    CrowdPose, where its ``num_keypoints`` is 0); detections without a visible keypoint are left out; the size of an
    object may be taken from its box; id 0 is an id like others.

    Parameters
    ----------
    cocoGt, cocoDt
        Ground truth and detections.
    iouType
        ``"segm"``, ``"bbox"``, ``"keypoints"``, ``"keypoints_crowd"``, ``"keypoints_wholebody"``, or
        ``"keypoints_"`` and ``foot``, ``face``, ``lefthand`` or ``righthand``.
    sigmas
        The sigma of each keypoint; COCO's seventeen by default.
    use_area
        Whether the size of an object is its ``area``; if not, or without one, it is 0.53 of its box.

    Attributes
    ----------
    params
        What to evaluate (``Params``), to be edited before ``evaluate()``.
    evalImgs, ious, eval, stats
        As for `meanap.COCOeval`; unmatched is 0.
    score_key
        The field of detections that they are ranked by.

    Raises
    ------
    ValueError
        ``iouType`` is unknown.
    """

    params: Any
    cocoGt: Any
    cocoDt: Any
    stats: Any

    def __init__(
        self,
        cocoGt: CocoIndex | None = None,
        cocoDt: CocoIndex | None = None,
        iouType: IouType = "keypoints",
        sigmas: Sequence[float] | np.ndarray | None = None,
        use_area: bool = True,
    ) -> None:
        super().__init__(cocoGt, cocoDt)
        ids = self.params.imgIds, self.params.catIds
        self.params = Params(iouType)
        self.params.imgIds, self.params.catIds = ids
        self.sigmas: np.ndarray = KEYPOINT_SIGMAS.copy() if sigmas is None else np.array(sigmas, dtype=np.float64)
        self.use_area = use_area
        self.score_key: str = "score"
        if cocoGt is not None:
            self.anno_file: Any = getattr(cocoGt, "anno_file", [None])

    def evaluate(self) -> None:
        """Matches detections with ground truth in every image, category and area range.

        Raises
        ------
        KeyError, TypeError, ValueError
            An annotation lacks a field or holds something unusable; the message names it.

        Warns
        -----
        UserWarning
            Detections have no score of the part that is compared.
        """
        p: Any = self.params
        kind = p.iouType if p.useSegm is None else "segm" if p.useSegm == 1 else "bbox"
        truth, found = self.cocoGt, self.cocoDt
        plain: Any = "keypoints" if kind in _PARTS else kind
        settings = as_pycocotools(p, plain)
        if kind in _PARTS:
            settings.kpt_oks_sigmas = self.sigmas
        try:
            self.cocoGt, self.cocoDt = self._truth(kind), self._found(kind)
            self.params = settings
            super().evaluate()
        finally:
            self.params, self.cocoGt, self.cocoDt = p, truth, found
        p.iouType, p.imgIds, p.catIds, p.maxDets = kind, settings.imgIds, settings.catIds, settings.maxDets
        self._paramsEval = snapshot(p)

    def _truth(self, kind: str) -> COCO:
        """The ground truth with what is compared in pycocotools' fields."""
        loaded = []
        for annotation in self._loaded(self.cocoGt):
            box = annotation["bbox"]
            given = "area" in annotation and self.use_area
            changed = {**annotation, "area": annotation["area"] if given else box[2] * box[3] * _FRACTION}
            if kind in _PARTS:
                changed["keypoints"] = _points(annotation, kind)
                if kind != "keypoints_crowd":
                    changed["num_keypoints"] = int(np.count_nonzero(np.array(changed["keypoints"][2::3]) > 0))
            loaded.append(changed)
        return _side(self.cocoGt, loaded)

    def _found(self, kind: str) -> COCO:
        """The detections with a visible keypoint, with what is compared in pycocotools' fields."""
        if kind not in _PARTS:
            return _side(self.cocoDt, self._loaded(self.cocoDt))
        self.score_key = _PARTS[kind][1]
        loaded, lacking = [], False
        for annotation in self._loaded(self.cocoDt):
            points = _points(annotation, kind)
            lacking |= self.score_key not in annotation
            if any(flag > 0 for flag in points[2::3]):
                score = annotation.get(self.score_key, annotation["score"])
                loaded.append({**annotation, "keypoints": points, "score": score})
        if lacking:
            warnings.warn(f"'{self.score_key}' not found, use 'score' instead.", stacklevel=4)
        return _side(self.cocoDt, loaded)

    def _loaded(self, coco: Any) -> list[dict[str, Any]]:
        p: Any = self.params
        select = {"imgIds": p.imgIds, "catIds": p.catIds} if p.useCats else {"imgIds": p.imgIds}
        annotations: list[dict[str, Any]] = coco.loadAnns(coco.getAnnIds(**select))
        return annotations

    def summarize(self) -> None:
        """Prints xtcocotools' table to ``sys.stdout`` and stores its numbers in ``stats``.

        For CrowdPose it evaluates easy, medium and hard images, so that the evaluator then has the results of the last.

        Raises
        ------
        RuntimeError
            Nothing has been accumulated.
        IndexError
            ``params.maxDets`` has fewer than three limits (boxes and masks).
        """
        check_step(self.eval, "summarize", "curves", "accumulate()")
        p: Any = self.params
        if p.iouType != "keypoints_crowd":
            rows = KEYPOINT_ROWS if p.iouType in _PARTS else DETECTION_ROWS
            self.stats = _summary.summarize(p, self.eval, rows, " 0.3f")
            return
        rows = [row for row in KEYPOINT_ROWS if row.area == "all"]
        stats = _summary.summarize(p, self.eval, rows, " 0.3f")
        numbers = self.get_type_result(first=0.2, second=0.8)
        for name, number in zip(_crowdpose.LEVELS, numbers, strict=True):
            print(_crowdpose.line_of(p, name, _LIMIT, number))
        self.stats = np.array([*stats, *numbers])

    def get_type_result(self, first: float = 0.01, second: float = 0.85) -> list[float]:
        """Average precision on images of which the crowd index is below `first`, below `second`, and others.

        Evaluates each of them; numbers are rounded to four digits and count -1 where there is no ground truth.
        """
        return _crowdpose.numbers_of(self, self.split(self.anno_file[0], first, second))

    def split(self, gt_file: Any, first: float = 0.01, second: float = 0.85) -> tuple[list[Any], list[Any], list[Any]]:
        """Ids of images with a ``crowdIndex`` below `first`, below `second`, and of the others."""
        return _crowdpose.split(read_json(gt_file)["images"], first, second)


def _points(annotation: dict[str, Any], kind: str) -> list[Any]:
    """The keypoints that are compared: x, y, visibility in turn."""
    return [value for name in _PARTS[kind][0] for value in annotation[name]]


def _side(coco: Any, annotations: list[dict[str, Any]]) -> COCO:
    """A data set of these annotations, whose ids are all above 0."""
    least = min((annotation["id"] for annotation in annotations), default=1)
    if least < 1:
        annotations = [{**annotation, "id": annotation["id"] + 1 - least} for annotation in annotations]
    side = COCO()
    side.dataset = {"categories": [], **coco.dataset, "annotations": annotations}
    side.createIndex()
    return side
