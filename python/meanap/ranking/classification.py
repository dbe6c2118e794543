"""Average precision and precision-recall curves of classifiers, with scikit-learn's numbers."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from meanap import _core

AVERAGES = ("macro", "micro", "weighted", "samples")
INTERPOLATIONS = ("none", "voc2007", "voc2010", "coco")


class PrecisionRecallCurve(NamedTuple):
    """Precision and recall (one longer) and thresholds (ascending), as float arrays."""

    precision: np.ndarray
    recall: np.ndarray
    thresholds: np.ndarray


def precision_recall_curve(
    y_true: Any, y_score: Any, *, pos_label: Any = None, drop_intermediate: bool = False
) -> PrecisionRecallCurve:
    """Precision and recall at each distinct score, and a last point with precision 1 and recall 0.

    Args:
        y_true: ``(N,)`` labels: 0 and 1, -1 and 1, or bool; or anything if `pos_label` is given.
        y_score: ``(N,)`` scores, greater for the positive class. Float32 stays float32 in the thresholds.
        pos_label: The label of the positive class; 1 by default.
        drop_intermediate: Leave out thresholds between which only precision changes.

    Returns:
        Precision ``(T + 1,)``, recall ``(T + 1,)`` and thresholds ``(T,)``, ascending. Without positives recall is 1
        and a warning says so; without examples there are no thresholds.

    Raises:
        ValueError: Shapes differ, labels are not binary, or a score is NaN.

    Source: scikit-learn, `precision_recall_curve`, same bits.

    >>> curve = precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> curve.precision
    array([0.5       , 0.66666667, 0.5       , 1.        , 1.        ])
    >>> curve.recall
    array([1. , 1. , 0.5, 0.5, 0. ])
    """
    scores = _scores(y_score)
    if scores.ndim != 1:
        raise ValueError(f"y_score has {scores.ndim} dimensions, expected 1")
    truth = _binary(y_true, pos_label)
    if not truth.any():
        _warn_no_positives("recall is set to one for all thresholds")
    precision, recall, thresholds = _core.precision_recall(truth, scores, drop_intermediate)
    return PrecisionRecallCurve(precision, recall, thresholds.astype(scores.dtype, copy=False))


def average_precision_score(
    y_true: Any,
    y_score: Any,
    *,
    average: str | None = "macro",
    pos_label: Any = 1,
    interpolation: str = "none",
) -> Any:
    """Average precision of a classifier: ``sum over thresholds of (R_n - R_(n-1)) * P_n``.

    Args:
        y_true: ``(N,)`` binary labels; or ``(N, C)``, 0 or 1 for each class; or ``(N,)`` integers or text with
            ``(N, C)`` scores, whose columns are then the distinct labels in order.
        y_score: ``(N,)`` or ``(N, C)`` scores.
        average: For more than one class: ``"macro"`` is the mean over classes, ``"micro"`` takes all entries as one
            class, ``"weighted"`` weighs classes by their positives, ``"samples"`` is the mean over rows, None gives
            the ``(C,)`` array.
        pos_label: The label of the positive class of one-dimensional labels.
        interpolation: ``"none"`` is scikit-learn's; with the others, precision at a recall is the greatest at that
            recall or beyond, and ``"voc2007"`` takes its mean over recall 0, 0.1, …, 1, ``"coco"`` over 0, 0.01, …, 1,
            ``"voc2010"`` the area under it.

    Returns:
        A float, or an array with ``average=None``. A class without positives has 0, and a warning says so; so does no
        example at all.

    Raises:
        ValueError: Shapes differ, labels are not binary, a score is NaN, or a name is unknown.

    Source: scikit-learn, `average_precision_score`, same bits; PASCAL VOC 2007 and 2010 development kits; COCO.

    >>> average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.8333333333333333
    >>> average_precision_score([[1, 0], [0, 1], [1, 1]], [[0.9, 0.2], [0.8, 0.3], [0.1, 0.9]], average=None)
    array([0.83333333, 1.        ])
    """
    if average is not None and average not in AVERAGES:
        raise ValueError(f"average is {average!r}, expected None or one of {', '.join(AVERAGES)}")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation is {interpolation!r}, expected one of {', '.join(INTERPOLATIONS)}")
    scores = _scores(y_score)
    if scores.ndim == 1 and interpolation == "none":
        labels = _labels(y_true, pos_label)
        value, positives = _core.average_precision(labels, scores)
        if not positives:
            _warn_no_positives("average precision is 0")
        return value
    if scores.ndim == 1:
        return _one_class(_binary(y_true, pos_label), scores, interpolation)
    if scores.ndim != 2:
        raise ValueError(f"y_score has {scores.ndim} dimensions, expected 1 or 2")
    truth = _indicator(y_true, scores.shape)
    if average == "micro":
        return _one_class(np.ascontiguousarray(truth).ravel(), np.ascontiguousarray(scores).ravel(), interpolation)
    if average == "samples":
        truth, scores = truth.T, scores.T
    if interpolation == "none":
        values = _core.average_precision_of_columns(truth, scores.astype(np.float64, copy=False))
        if not truth.any(axis=0).all():
            _warn_no_positives("its average precision is 0")
    else:
        columns = range(scores.shape[1])
        contiguous = np.ascontiguousarray
        values = np.array(
            [_one_class(contiguous(truth[:, c]), contiguous(scores[:, c]), interpolation) for c in columns]
        )
    if average is None:
        return values
    if average != "weighted":
        return float(np.average(values)) if len(values) else float("nan")
    weights = truth.sum(axis=0).astype(np.float64)
    return float(np.average(values, weights=weights)) if weights.any() else 0.0


def _one_class(truth: np.ndarray, scores: np.ndarray, interpolation: str) -> float:
    if not truth.any():
        _warn_no_positives("average precision is 0")
    if interpolation == "none":
        return _core.average_precision(truth, scores)[0]
    precision, recall, _ = _core.precision_recall(truth, scores, False)
    if not truth.any():
        return 0.0
    # Ascending in recall; the point that precedes the first threshold has no examples and so no precision.
    recall = recall[:-1][::-1]
    envelope = np.maximum.accumulate(precision[:-1])[::-1]
    if interpolation == "voc2010":
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope))
    # COCO's grid as it is; VOC's rounded, because 0.30000000000000004 would miss a recall of 3 in 10.
    points = np.linspace(0.0, 1.0, 101) if interpolation == "coco" else np.linspace(0.0, 1.0, 11).round(1)
    place = np.searchsorted(recall, points, side="left")
    return float(np.where(place < len(recall), envelope[np.minimum(place, len(recall) - 1)], 0.0).mean())


def _scores(y_score: Any) -> np.ndarray:
    scores = np.asarray(y_score)
    if scores.dtype.kind not in "fiub":
        raise TypeError(f"y_score is {scores.dtype}, expected numbers")
    scores = scores.astype(np.float32 if scores.dtype == np.float32 else np.float64, copy=False)
    return np.ascontiguousarray(scores) if scores.ndim == 1 else scores


_LABELS = tuple(map(np.dtype, ("?", "u1", "i1", "i4", "i8", "f4", "f8")))


def _labels(y_true: Any, pos_label: Any) -> np.ndarray:
    """Labels as they are if the core reads and checks them so; else whether each is positive."""
    labels = np.asarray(y_true)
    if labels.ndim == 1 and labels.dtype in _LABELS and (pos_label is None or pos_label is True or pos_label == 1):
        return np.ascontiguousarray(labels)
    return _binary(y_true, pos_label)


def _binary(y_true: Any, pos_label: Any) -> np.ndarray:
    labels = np.asarray(y_true)
    if labels.ndim != 1:
        raise ValueError(f"y_true has {labels.ndim} dimensions, expected 1 as y_score")
    if labels.dtype == bool and pos_label in (None, 1):
        return np.ascontiguousarray(labels)
    if pos_label is None or pos_label == 1:
        # Counted without sorting or copying: a hundred times quicker than np.unique.
        truth = labels == 1
        others = labels.size - np.count_nonzero(truth)
        if others not in (np.count_nonzero(labels == 0), np.count_nonzero(labels == -1)):
            raise ValueError("y_true is not binary: expected 0 and 1 or -1 and 1, or pos_label")
        return np.ascontiguousarray(truth)
    truth = labels == pos_label
    if not truth.any() and labels.size:
        raise ValueError(f"pos_label={pos_label!r} is not among the labels")
    return np.ascontiguousarray(truth)


def _indicator(y_true: Any, shape: tuple[int, ...]) -> np.ndarray:
    labels = np.asarray(y_true)
    if labels.ndim == 1:
        present = np.unique(labels)
        if len(labels) != shape[0] or len(present) != shape[1]:
            raise ValueError(
                f"y_score has shape {shape}, expected ({len(labels)}, {len(present)}): a column for each label"
            )
        return labels[:, None] == present[None, :]
    if labels.shape != shape:
        raise ValueError(f"y_true has shape {labels.shape} and y_score has {shape}, expected the same")
    if labels.dtype != bool and not ((labels == 0) | (labels == 1)).all():
        raise ValueError("y_true is not a table of 0 and 1")
    return labels.astype(bool, copy=False)


def _warn_no_positives(what: str) -> None:
    warnings.warn(f"no positive example in y_true: {what}", RuntimeWarning, stacklevel=3)
