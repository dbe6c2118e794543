"""Evaluation in Python, one cell (one category in one image) at a time, on dictionaries, as in the reference.

Used if a hook is overridden, if the ground truth or the detections are not plain ``meanap.COCO`` objects, or if
columns cannot represent them.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from meanap import _core
from meanap.compat.pycocotools import mask as maskUtils
from meanap.compat.pycocotools.params import MASK_TYPES

Annotation = dict[str, Any]
Cells = defaultdict[Any, list[Annotation]]


def field(annotation: Annotation, name: str, side: str) -> Any:
    """``annotation[name]``, or a ``KeyError`` that names the record whose field is missing."""
    try:
        return annotation[name]
    except KeyError:
        whose = f"annotation {annotation['id']!r}" if "id" in annotation else "an annotation without id"
        where = f" (image {annotation['image_id']!r})" if "image_id" in annotation else ""
        raise KeyError(f'{side}: {whose}{where}: "{name}" is missing') from None


def load(p: Any, coco: Any) -> list[Annotation]:
    """The annotations of the evaluated images and categories."""
    select = {"imgIds": p.imgIds, "catIds": p.catIds} if p.useCats else {"imgIds": p.imgIds}
    annotations: list[Annotation] = coco.loadAnns(coco.getAnnIds(**select))
    return annotations


def load_afterwards(p: Any, coco: Any) -> list[Annotation]:
    """As ``load``, long after the evaluation: an id that was edited since leads nowhere, its annotation stays."""
    if not len(p.imgIds):
        annotations = coco.dataset["annotations"]
    else:
        annotations = [a for image in p.imgIds for a in coco.imgToAnns.get(image, ())]
    if p.useCats and len(p.catIds):
        categories = set(p.catIds)
        annotations = [a for a in annotations if a["category_id"] in categories]
    return [coco.anns.get(a["id"], a) for a in annotations]


def prepare(p: Any, coco_gt: Any, coco_dt: Any, gts: list[Annotation], dts: list[Annotation]) -> tuple[Cells, Cells]:
    """Prepares the annotations of both sides and groups them by ``(image id, category id)``.

    As in the reference, the dictionaries themselves are changed: masks become run lengths, ``ignore`` is set.
    """
    if p.iouType in MASK_TYPES:
        for coco, annotations in ((coco_gt, gts), (coco_dt, dts)):
            for annotation in annotations:
                annotation["segmentation"] = coco.annToRLE(annotation)
    for gt in gts:
        # `iscrowd` overrides `ignore`.
        gt["ignore"] = "iscrowd" in gt and gt["iscrowd"]
        if p.iouType == "keypoints":
            gt["ignore"] = field(gt, "num_keypoints", "ground truth") == 0 or gt["ignore"]
    return group(gts), group(dts)


def group(annotations: Iterable[Annotation]) -> Cells:
    """Annotations by ``(image id, category id)``, in the order given."""
    cells: Cells = defaultdict(list)
    for annotation in annotations:
        cells[annotation["image_id"], annotation["category_id"]].append(annotation)
    return cells


def count_zero_ids(cells: Any) -> int:
    """Ground truths whose id is 0. Other objects that a subclass put in place of the dictionaries are skipped."""
    if not isinstance(cells, dict):
        return 0
    annotations = (annotation for cell in list(cells.values()) for annotation in cell if isinstance(annotation, dict))
    return sum(bool(annotation.get("id") == 0) for annotation in annotations)


def best_first(detections: list[Annotation]) -> np.ndarray:
    """Indices that sort detections by score, ties as they came."""
    return np.argsort([-field(d, "score", "detections") for d in detections], kind="mergesort")


def compute_iou(p: Any, gt: list[Annotation], dt: list[Annotation]) -> Any:
    """Similarity of boxes or masks, ``(D, G) float64``; an empty list if a side is empty."""
    if not gt and not dt:
        return []
    kept = [dt[i] for i in best_first(dt)][: _limit(dt, p.maxDets[-1])]
    if p.iouType not in (*MASK_TYPES, "bbox"):
        raise ValueError(f"iouType: expected 'segm', 'boundary' or 'bbox', found {p.iouType!r}")
    name = "segmentation" if p.iouType in MASK_TYPES else "bbox"
    g = [field(o, name, "ground truth") for o in gt]
    d = [field(o, name, "detections") for o in kept]
    iscrowd = [int(field(o, "iscrowd", "ground truth")) for o in gt]
    if p.iouType == "boundary":
        if not d or not g:
            return []
        dt_masks, gt_masks = ([(*rle["size"], _as_bytes(rle["counts"])) for rle in side] for side in (d, g))
        return _core.boundary_iou(dt_masks, gt_masks, [crowd != 0 for crowd in iscrowd], p.dilationRatio)
    return maskUtils.iou(d, g, iscrowd)


def _as_bytes(counts: Any) -> bytes:
    return counts.encode() if isinstance(counts, str) else counts


def _limit(detections: list[Annotation], limit: Any) -> Any:
    return limit if len(detections) > limit else None


def compute_oks(p: Any, gts: list[Annotation], dts: list[Annotation]) -> Any:
    """Object keypoint similarity, ``(D, G) float64``; an empty list if a side is empty."""
    dts = [dts[i] for i in best_first(dts)][: _limit(dts, p.maxDets[-1])]
    if not gts or not dts:
        return []
    sigmas = p.kpt_oks_sigmas
    variances, count = (sigmas * 2) ** 2, len(sigmas)
    oks = np.zeros((len(dts), len(gts)))
    poses = [np.array(field(dt, "keypoints", "detections")) for dt in dts]
    for j, gt in enumerate(gts):
        truth = np.array(field(gt, "keypoints", "ground truth"))
        x_truth, y_truth, flags = (truth[i::3] for i in range(3))
        visible = flags > 0
        anywhere = np.count_nonzero(visible) > 0
        box = field(gt, "bbox", "ground truth")
        left, right = box[0] - box[2], box[0] + box[2] * 2
        top, bottom = box[1] - box[3], box[1] + box[3] * 2
        for i, pose in enumerate(poses):
            if anywhere:
                dx, dy = pose[0::3] - x_truth, pose[1::3] - y_truth
            else:
                zero = np.zeros(count)
                dx = _outside(pose[0::3], left, right, zero)
                dy = _outside(pose[1::3], top, bottom, zero)
            # Sigmas that do not fit are met before an area that is not there.
            exponents = (dx**2 + dy**2) / variances
            exponents = exponents / (_size(p, gt) + np.spacing(1)) / 2
            if anywhere:
                exponents = exponents[visible]
            oks[i, j] = np.sum(np.exp(-exponents)) / exponents.shape[0]
    return oks


def _size(p: Any, gt: Annotation) -> Any:
    """The size of a pose: its area, or a fraction of its box."""
    fraction = getattr(p, "boxAreaFraction", None)
    if fraction is None:
        return field(gt, "area", "ground truth")
    box = field(gt, "bbox", "ground truth")
    return box[3] * box[2] * fraction


def _outside(at: np.ndarray, low: float, high: float, zero: np.ndarray) -> np.ndarray:
    """How far each coordinate is outside of ``low..high``."""
    outside: np.ndarray = np.max((zero, low - at), axis=0) + np.max((zero, at - high), axis=0)
    return outside


def evaluate_cell(
    p: Any, key: tuple[Any, Any], gt: list[Annotation], dt: list[Annotation], ious: Any, area_range: Any, limit: Any
) -> dict[str, Any] | None:
    """Matches one cell in one area range: the reference's dictionary, or None if both sides are empty."""
    if not gt and not dt:
        return None
    for g in gt:
        # The area of an ignored ground truth is not read.
        ignored = field(g, "ignore", "ground truth") or _outside_of(g, area_range, "ground truth")
        g["_ignore"] = 1 if ignored else 0
    to_find_first = np.argsort([g["_ignore"] for g in gt], kind="mergesort")
    gt = [gt[i] for i in to_find_first]
    dt = [dt[i] for i in best_first(dt)[0:limit]]
    crowd = [int(field(g, "iscrowd", "ground truth")) for g in gt]
    ignored = np.array([g["_ignore"] for g in gt])

    T, D, G = len(p.iouThrs), len(dt), len(gt)
    gt_matches, dt_matches, dt_ignore = np.zeros((T, G)), np.zeros((T, D)), np.zeros((T, D))
    if len(ious) > 0:
        similarity = np.asarray(ious[:, to_find_first], dtype=np.float64)
        if len(similarity) < D:
            rows = f"{len(similarity)} rows for {D} detections"
            raise IndexError(f"ious of image {key[0]!r}, category {key[1]!r}: {rows}")
        matched = _core.match_cell(
            similarity[:D],
            np.array([min([t, 1 - 1e-10]) for t in p.iouThrs], dtype=np.float64),
            [bool(i) for i in ignored],
            [bool(c) for c in crowd],
            [_claims(d) for d in dt],
        )
        for t, d in zip(*np.nonzero(matched >= 0), strict=True):
            g = matched[t, d]
            dt_ignore[t, d] = ignored[g]
            dt_matches[t, d] = gt[g]["id"]
            gt_matches[t, g] = dt[d]["id"]
    outside = np.array([_outside_of(d, area_range, "detections") for d in dt]).reshape((1, D))
    return {
        "image_id": key[0],
        "category_id": key[1],
        "aRng": area_range,
        "maxDet": limit,
        "dtIds": [field(d, "id", "detections") for d in dt],
        "gtIds": [field(g, "id", "ground truth") for g in gt],
        "dtMatches": dt_matches,
        "gtMatches": gt_matches,
        "dtScores": [d["score"] for d in dt],
        "gtIgnore": ignored,
        "dtIgnore": np.logical_or(dt_ignore, np.logical_and(dt_matches == 0, np.repeat(outside, T, 0))),
    }


def _outside_of(annotation: Annotation, area_range: Any, side: str) -> Any:
    """Whether an annotation's area is outside of the range; a NaN never is."""
    area = field(annotation, "area", side)
    return area < area_range[0] or area > area_range[1]


def _claims(detection: Annotation) -> bool:
    """Whether a match takes the ground truth from later detections: the reference requires an id above zero."""
    try:
        return float(field(detection, "id", "detections")) > 0
    except (TypeError, ValueError, OverflowError):
        return True  # Storing such an id fails as soon as it matches.


_Curve = tuple[np.ndarray, np.ndarray, np.ndarray]


def accumulate_cells(
    entries: list[dict[str, Any] | None], T: int, recall_points: np.ndarray, limits: list[Any]
) -> list[_Curve] | None:
    """Curves of one category and area range, for each limit: precision ``(T, R)``, recall ``(T,)``, scores ``(T, R)``.

    None where there is no ground truth.
    """
    found = [e for e in entries if e is not None]
    if not found:
        return None
    all_scores = [e["dtScores"] for e in found]
    scores = np.concatenate(all_scores)
    # In a mixture a cut may leave scores of another type, which NumPy orders otherwise, or refuses to.
    plain = set(map(type, itertools.chain.from_iterable(all_scores))) <= {float, np.float64}
    if plain and all(isinstance(limit, (int, np.integer)) and limit >= 0 for limit in limits):
        # A cut to a limit keeps the detections of a lower rank, and their order.
        counts = np.array([len(s) for s in all_scores])
        ranks = np.arange(len(scores)) - np.repeat(np.cumsum(counts) - counts, counts)
        return _draw(found, slice(None), scores, ranks, T, recall_points, [int(limit) for limit in limits])
    curves = []
    for limit in limits:
        scores = np.concatenate([s[0:limit] for s in all_scores])
        drawn = _draw(found, slice(0, limit), scores, np.zeros(len(scores)), T, recall_points, [1])
        if drawn is None:
            return None
        curves += drawn
    return curves


def _draw(
    found: list[dict[str, Any]],
    cut: slice,
    scores: np.ndarray,
    ranks: np.ndarray,
    T: int,
    recall_points: np.ndarray,
    limits: list[int],
) -> list[_Curve] | None:
    order = np.argsort(-scores, kind="mergesort")
    matches = np.concatenate([e["dtMatches"][:, cut] for e in found], axis=1)[:, order]
    ignored = np.concatenate([e["dtIgnore"][:, cut] for e in found], axis=1)[:, order]
    positives = int(np.count_nonzero(np.concatenate([e["gtIgnore"] for e in found]) == 0))
    if positives == 0:
        return None
    if len(matches) > T:
        raise IndexError(f"evalImgs hold {len(matches)} thresholds, params.iouThrs has {T}")
    precision, recall, places = _core.curves(
        np.ascontiguousarray(ranks[order], dtype=np.uint32),
        np.ascontiguousarray(matches, dtype=bool),
        np.ascontiguousarray(ignored, dtype=bool),
        positives,
        recall_points,
        limits,
    )
    # The order is NumPy's, which is not that of the numbers where the negative of a short integer wraps. So the
    # core returns positions in it, at which the scores are looked up; none where a point was not reached.
    reached = _look_up(scores[order], places, precision)
    return [(precision[..., m], recall[..., m], reached[..., m]) for m in range(len(limits))]


def _look_up(scores: np.ndarray, places: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """The scores at ``places`` ``(T, R, M)``; 0 where that is no place.

    A score that no double holds ends the reference's curve: the precision there is the last one, the rest is 0.
    """
    by_place, held = np.zeros(len(scores) + 1), np.ones(len(scores) + 1, dtype=bool)
    if scores.dtype.kind in "fiu":
        by_place[:-1] = scores
        reached: np.ndarray = by_place[places]
        return reached
    for place in np.unique(places[(places >= 0) & (places < len(scores))]):
        try:
            by_place[place] = scores[place]
        except (OverflowError, TypeError):
            held[place] = False
    reached = by_place[places]
    lost = np.cumsum(~held[places], axis=1)
    reached[lost > 0] = 0
    precision[(lost > 1) | ((lost == 1) & held[places])] = 0
    return reached
