"""detectron2's recall of box proposals, which is not that of COCO: `detectron2.evaluation.coco_evaluation`.

A ground truth and a proposal form a pair in the order of their IoU, the greatest in the image first, whatever the
scores are; categories are not compared. All numbers are of single precision, as those of torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Proposals", "average_recalls"]

#: Suffix of a name to least and greatest area, both ends inside.
_AREAS = {"": (0, 1e5**2), "s": (0, 32**2), "m": (32**2, 96**2), "l": (96**2, 1e5**2)}
_LIMITS = (100, 1000)
_THRESHOLDS = np.arange(0.5, 0.95 + 1e-5, 0.05).astype(np.float32)


class Proposals(NamedTuple):
    """The proposals of an image."""

    image: Any
    boxes: np.ndarray
    """Corners, ``(N, 4)``."""
    logits: np.ndarray
    """Objectness, ``(N,)``."""


def average_recalls(
    proposals: Sequence[Proposals], annotations: Mapping[Any, Iterable[Mapping[str, Any]]]
) -> dict[str, float]:
    """Average recall in percent over the thresholds 0.5 to 0.95, as ``AR@100``, ``ARs@100``, …, ``ARl@1000``.

    Parameters
    ----------
    proposals
        Those of each image.
    annotations
        The annotations of each image, in COCO's layout. Crowds are left out, and so are images without ground truth or
        without proposals.

    Returns
    -------
    dict[str, float]
        NaN where there is no ground truth.
    """
    images = []
    for image, boxes, logits in proposals:
        truths = [truth for truth in annotations.get(image, ()) if truth["iscrowd"] == 0]
        if not truths or not len(boxes):
            continue
        best_first = np.asarray(boxes, dtype=np.float32)[np.argsort(-np.asarray(logits), kind="stable")]
        corners = np.array([_corners(truth["bbox"]) for truth in truths], dtype=np.float32)
        areas = np.array([truth["area"] for truth in truths])
        similarities = _iou(best_first, corners)
        images.append((similarities, areas if areas.dtype.kind == "i" else areas.astype(np.float32)))
    numbers = {}
    for limit in _LIMITS:
        for suffix, (least, greatest) in _AREAS.items():
            covered = [np.zeros(0, dtype=np.float32)]
            for similarities, areas in images:
                chosen = (areas >= least) & (areas <= greatest)
                covered.append(_covered(similarities[:limit, chosen]))
            numbers[f"AR{suffix}@{limit}"] = _average_recall(np.concatenate(covered))
    return numbers


def _corners(box: Sequence[float]) -> np.ndarray:
    """Corners of x, y, width, height; whole numbers are added as such, others in single precision."""
    given = np.asarray(box)
    given = given if given.dtype.kind == "i" else given.astype(np.float32)
    return np.concatenate([given[:2], given[:2] + given[2:]])


def _iou(boxes: np.ndarray, truths: np.ndarray) -> np.ndarray:
    def area(corners: np.ndarray) -> np.ndarray:
        sides: np.ndarray = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
        return sides

    low = np.maximum(boxes[:, None, :2], truths[:, :2])
    high = np.minimum(boxes[:, None, 2:], truths[:, 2:])
    sides = np.maximum(high - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    union = area(boxes)[:, None] + area(truths) - shared
    iou: np.ndarray = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return iou


def _covered(similarities: np.ndarray) -> np.ndarray:
    """IoU of each ground truth (column) with the proposal that it is paired with, 0 where none is left."""
    similarities = similarities.copy()
    covered = np.zeros(similarities.shape[1], dtype=np.float32)
    for pair in range(min(similarities.shape)):
        truth = int(similarities.max(axis=0).argmax())
        proposal = int(similarities[:, truth].argmax())
        covered[pair] = similarities[proposal, truth]
        similarities[proposal, :] = -1
        similarities[:, truth] = -1
    return covered


def _average_recall(covered: np.ndarray) -> float:
    if not len(covered):
        return float("nan")
    recalls = np.array([np.count_nonzero(covered >= t) for t in _THRESHOLDS], dtype=np.float32) / np.float32(
        len(covered)
    )
    # torch adds what does not fill a vector first.
    total = np.float32(0)
    for recall in (*recalls[8:], *recalls[:8]):
        total += recall
    return float(total / np.float32(len(recalls))) * 100
