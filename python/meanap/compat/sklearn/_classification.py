"""Average precision and precision-recall curves of classifiers, with scikit-learn's numbers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from meanap import _core
from meanap.compat.sklearn._inputs import distinct, labels_of, one_column, weights_of
from meanap.errors import InputError
from meanap.ranking.dense import array_of, comparable, numbers_of

if TYPE_CHECKING:
    from meanap._types import ClassAverage, Ids, Interpolation, Numbers, Rows

AVERAGES = ("macro", "micro", "weighted", "samples")
INTERPOLATIONS = ("none", "voc2007", "voc2010", "coco")


class PrecisionRecallCurve(NamedTuple):
    """Precision and recall (one longer) and thresholds (ascending), as float arrays."""

    precision: np.ndarray
    recall: np.ndarray
    thresholds: np.ndarray


def precision_recall_curve(
    y_true: Ids,
    y_score: Numbers,
    *,
    pos_label: object = None,
    sample_weight: Numbers | None = None,
    drop_intermediate: bool = False,
) -> PrecisionRecallCurve:
    """Precision and recall at each distinct score, and a last point with precision 1 and recall 0.

    Parameters
    ----------
    y_true
        ``(N,)`` labels: 0 and 1, -1 and 1, or bool; or anything if `pos_label` is given.
    y_score
        ``(N,)`` scores, greater for the positive class; they may be infinite. The thresholds are of their dtype.
    pos_label
        The label of the positive class; 1 by default.
    sample_weight
        ``(N,)`` how much each example counts; examples of weight 0 are as if not there. 1 by default.
    drop_intermediate
        Leave out thresholds between which only precision changes.

    Returns
    -------
    PrecisionRecallCurve
        Precision ``(T + 1,)``, recall ``(T + 1,)`` and thresholds ``(T,)``, ascending. Without positives recall is 1;
        without examples there are no thresholds.

    Raises
    ------
    ValueError
        Shapes differ, labels are not binary, or a score or weight is NaN.

    Warns
    -----
    UserWarning
        There is no positive example.

    References
    ----------
    scikit-learn, `precision_recall_curve`, same bits.

    Examples
    --------
    >>> curve = precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> curve.precision
    array([0.5       , 0.66666667, 0.5       , 1.        , 1.        ])
    >>> curve.recall
    array([1. , 1. , 0.5, 0.5, 0. ])
    """
    given = one_column(numbers_of(y_score, "y_score"))
    scores, values = comparable(given)
    if scores.ndim != 1:
        raise ValueError(f"y_score has {scores.ndim} dimensions, expected 1")
    labels = labels_of(y_true)
    # A label that no example has is no positive: scikit-learn takes it so here, and refuses it in the average.
    truth = _binary(labels, None) if pos_label is None else _equal(labels, pos_label)
    weights = weights_of(sample_weight, len(truth))
    if not (truth if weights is None else truth & (weights != 0)).any():
        _warn_no_positives("recall is set to one for all thresholds")
    precision, recall, thresholds = _curve(truth, np.ascontiguousarray(scores), weights, drop_intermediate)
    if values is not None:
        thresholds = values[thresholds.astype(np.intp)]
    return PrecisionRecallCurve(precision, recall, thresholds.astype(given.dtype, copy=False))


@overload
def average_precision_score(
    y_true: Ids | Rows,
    y_score: Numbers | Rows,
    *,
    average: ClassAverage = "macro",
    pos_label: object = 1,
    sample_weight: Numbers | None = None,
    interpolation: Interpolation = "none",
) -> float: ...


@overload
def average_precision_score(
    y_true: Ids | Rows,
    y_score: Numbers | Rows,
    *,
    average: None,
    pos_label: object = 1,
    sample_weight: Numbers | None = None,
    interpolation: Interpolation = "none",
) -> np.ndarray | float: ...


def average_precision_score(
    y_true: Ids | Rows,
    y_score: Numbers | Rows,
    *,
    average: ClassAverage | None = "macro",
    pos_label: object = 1,
    sample_weight: Numbers | None = None,
    interpolation: Interpolation = "none",
) -> np.ndarray | float:
    """Average precision of a classifier: ``sum over thresholds of (R_n - R_(n-1)) * P_n``.

    Parameters
    ----------
    y_true
        ``(N,)`` binary labels; or ``(N, C)``, 0 or 1 for each class; or ``(N,)`` integers or text, of three labels or
        more, with ``(N, C)`` scores, whose columns are then the distinct labels in order. A table with a single column
        is that column.
    y_score
        ``(N,)`` or ``(N, C)`` scores; they may be infinite.
    average
        For more than one class: ``"macro"`` is the mean over classes, ``"micro"`` takes all entries as one class,
        ``"weighted"`` weighs classes by their positives, ``"samples"`` is the mean over rows, None gives the ``(C,)``
        array.
    pos_label
        The label of the positive class of one-dimensional labels.
    sample_weight
        ``(N,)`` how much each example (each row) counts; 1 by default.
    interpolation
        ``"none"`` is scikit-learn's; with the others, precision at a recall is the greatest at that recall or beyond,
        and ``"voc2007"`` takes its mean over recall 0, 0.1, …, 1, ``"coco"`` over 0, 0.01, …, 1, ``"voc2010"`` the area
        under it.

    Returns
    -------
    np.ndarray | float
        A float, or an array with ``average=None``. A class without positives has 0; so does no example at all.

    Raises
    ------
    ValueError
        Shapes differ, labels are not binary, `pos_label` is none of two labels, a score or weight is NaN, or a name is
        unknown.

    Warns
    -----
    UserWarning
        A class has no positive example.

    References
    ----------
    scikit-learn, `average_precision_score`, same bits; PASCAL VOC 2007 and 2010 development kits; COCO.

    Examples
    --------
    >>> average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.8333333333333333
    >>> average_precision_score([[1, 0], [0, 1], [1, 1]], [[0.9, 0.2], [0.8, 0.3], [0.1, 0.9]], average=None)
    array([0.83333333, 1.        ])
    """
    if average is not None and average not in AVERAGES:
        raise ValueError(f"average is {average!r}, expected None or one of {', '.join(AVERAGES)}")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation is {interpolation!r}, expected one of {', '.join(INTERPOLATIONS)}")
    scores, _ = comparable(one_column(numbers_of(y_score, "y_score")))
    labels = one_column(array_of(y_true, "y_true"))
    if scores.ndim == 1:
        scores = np.ascontiguousarray(scores)
        if interpolation == "none" and sample_weight is None:
            return _of_one_class(labels, scores, pos_label)
        truth = _binary(labels, pos_label)
        return _one_class(truth, scores, interpolation, weights_of(sample_weight, len(truth)))
    if scores.ndim != 2:
        raise ValueError(f"y_score has {scores.ndim} dimensions, expected 1 or 2")
    if pos_label != 1:
        kind = "multiclass" if labels.ndim == 1 else "multilabel-indicator"
        message = f"Parameter pos_label is fixed to 1 for {kind} y_true. Do not set pos_label or set pos_label to 1."
        raise ValueError(message)
    truth = _indicator(labels, scores.shape)
    weights = weights_of(sample_weight, len(truth))
    if average == "micro":
        repeated = None if weights is None else np.repeat(weights, truth.shape[1])
        flat = np.ascontiguousarray(truth).ravel(), np.ascontiguousarray(scores).ravel()
        return _one_class(*flat, interpolation, repeated)
    # What each value counts in the mean, and each example within one.
    counts, of_example = None, weights
    if average == "samples":
        truth, scores, counts, of_example = truth.T, scores.T, weights, None
    elif average == "weighted":
        counts = truth.sum(axis=0) if weights is None else (truth * weights[:, None]).sum(axis=0)
        if np.isclose(counts.sum(), 0.0):
            return 0.0
    if interpolation == "none" and of_example is None:
        values = _core.average_precision_of_columns(truth, scores.astype(np.float64, copy=False))
        if not truth.any(axis=0).all():
            _warn_no_positives("its average precision is 0")
    else:
        columns = range(scores.shape[1])
        contiguous = np.ascontiguousarray
        values = np.array(
            [_one_class(contiguous(truth[:, c]), contiguous(scores[:, c]), interpolation, of_example) for c in columns]
        )
    if average is None:
        return values
    if not len(values):
        return float("nan")
    if counts is not None:
        values[counts == 0] = 0
    return float(np.average(values, weights=counts))


def _of_one_class(labels: np.ndarray, scores: np.ndarray, pos_label: Any) -> float:
    try:
        value, positives = _core.average_precision(_readable(labels, pos_label), scores)
    except ValueError:
        # Labels that the core does not take as they are may all be the same.
        value, positives = _core.average_precision(_binary(labels, pos_label), scores)
    if not positives:
        _warn_no_positives("average precision is 0")
    return value


def _one_class(truth: np.ndarray, scores: np.ndarray, interpolation: str, weights: np.ndarray | None) -> float:
    found = (truth if weights is None else truth & (weights != 0)).any()
    if not found:
        _warn_no_positives("average precision is 0")
    if interpolation == "none" and weights is None:
        return _core.average_precision(truth, scores)[0]
    precision, recall, _ = _curve(truth, scores, weights, False)
    if not found:
        return 0.0
    if interpolation == "none":
        return float(max(0.0, -np.sum(np.diff(recall) * precision[:-1])))
    # Ascending in recall; the point that precedes the first threshold has no examples and so no precision.
    recall = recall[:-1][::-1]
    envelope = np.maximum.accumulate(precision[:-1])[::-1]
    if interpolation == "voc2010":
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope))
    # COCO's grid as it is; VOC's rounded, because 0.30000000000000004 would miss a recall of 3 in 10.
    points = np.linspace(0.0, 1.0, 101) if interpolation == "coco" else np.linspace(0.0, 1.0, 11).round(1)
    place = np.searchsorted(recall, points, side="left")
    return float(np.where(place < len(recall), envelope[np.minimum(place, len(recall) - 1)], 0.0).mean())


def _curve(
    truth: np.ndarray, scores: np.ndarray, weights: np.ndarray | None, drop_intermediate: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and thresholds; where examples have weights, by the sums that scikit-learn takes."""
    if weights is None:
        return _core.precision_recall(truth, scores, drop_intermediate)
    if len(truth) != len(scores):
        raise ValueError(f"y_true has {len(truth)} examples and y_score has {len(scores)}")
    if len(at := np.flatnonzero(np.isnan(scores))):
        raise ValueError(f"y_score[{at[0]}] is NaN")
    counted = weights != 0
    truth, scores, weights = truth[counted], scores[counted], weights[counted]
    if not len(scores):
        return np.array([1.0]), np.array([0.0]), scores
    order = _core.descending_order(np.ascontiguousarray(scores, dtype=np.float64))
    truth, scores, weights = truth[order].astype(np.float64), scores[order], weights[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    right = np.cumsum(truth * weights, dtype=np.float64)[last]
    wrong = np.cumsum((1.0 - truth) * weights, dtype=np.float64)[last]
    thresholds = scores[last]
    if drop_intermediate and len(right) > 2:
        kept = np.concatenate([[True], np.logical_or(np.diff(right[:-1]), np.diff(right[1:])), [True]])
        right, wrong, thresholds = right[kept], wrong[kept], thresholds[kept]
    all_of_them = right + wrong
    precision = np.divide(right, all_of_them, out=np.zeros_like(right), where=all_of_them != 0)
    recall = np.ones_like(right) if right[-1] == 0 else right / right[-1]
    return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), thresholds[::-1]


_LABELS = tuple(map(np.dtype, ("?", "u1", "i1", "i4", "i8", "f4", "f8")))


def _readable(labels: np.ndarray, pos_label: Any) -> np.ndarray:
    """Labels as they are if the core reads and checks them so; else whether each is positive."""
    if labels.ndim == 1 and labels.dtype in _LABELS and (pos_label is None or pos_label is True or pos_label == 1):
        return np.ascontiguousarray(labels)
    return _binary(labels, pos_label)


def _binary(given: np.ndarray, pos_label: Any) -> np.ndarray:
    labels = labels_of(given)
    if labels.ndim != 1:
        raise ValueError(f"y_true has {labels.ndim} dimensions, expected 1 as y_score")
    if labels.dtype == bool and pos_label in (None, 1):
        return np.ascontiguousarray(labels)
    if pos_label is None or pos_label == 1:
        # Counted without sorting or copying: a hundred times quicker than np.unique.
        truth = labels == 1
        others = labels.size - np.count_nonzero(truth)
        plain = others in (np.count_nonzero(labels == 0), np.count_nonzero(labels == -1))
        if not plain and (pos_label is None or len(distinct(labels)) > 1):
            raise _not_binary(labels, pos_label)
        return np.ascontiguousarray(truth)
    truth = _equal(labels, pos_label)
    # Where all examples are of one class, that may well be the other one.
    if not truth.any() and len(distinct(labels)) > 1:
        raise ValueError(f"pos_label={pos_label} is not a valid label. It should be one of {distinct(labels)}")
    return truth


def _not_binary(labels: np.ndarray, pos_label: Any) -> Exception:
    """What is wrong with labels that are not 0 and 1 or -1 and 1, in scikit-learn's words."""
    if labels.dtype.kind == "S" or (labels.dtype.kind == "O" and any(isinstance(label, bytes) for label in labels)):
        return TypeError("Support for labels represented as bytes is not supported: decode them, or give pos_label")
    present = distinct(labels)
    if len(present) > 2 and pos_label is None:
        return ValueError("multiclass format is not supported: y_true is not binary")
    if len(present) > 2:
        message = "`y_score` needs to be of shape `(n_samples, n_classes)`, since `y_true` contains multiple classes"
        return ValueError(f"{message}: y_true is not binary")
    shown = ", ".join(map(repr, present.tolist()))
    message = f"y_true takes value in {{{shown}}} and pos_label is not specified: either make y_true take value in"
    return ValueError(f"{message} {{0, 1}} or {{-1, 1}} or pass pos_label explicitly.")


def _equal(labels: np.ndarray, pos_label: Any) -> np.ndarray:
    if labels.ndim != 1:
        raise ValueError(f"y_true has {labels.ndim} dimensions, expected 1 as y_score")
    truth = np.asarray(labels == pos_label)
    # NumPy has no answer for text and numbers.
    return np.ascontiguousarray(truth) if truth.shape == labels.shape else np.zeros(labels.shape, dtype=bool)


def _indicator(given: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if given.ndim == 1:
        labels = labels_of(given)
        present = distinct(labels)
        if len(present) <= 2:
            found = f"has shape {shape} and y_true {len(present)} distinct labels"
            expected = f"shape ({len(labels)},): the scores of the positive label, such as y_score[:, 1]"
            raise InputError(None, "y_score", found=found, expected=expected)
        if len(labels) != shape[0] or len(present) != shape[1]:
            raise ValueError(
                f"y_score has shape {shape}, expected ({len(labels)}, {len(present)}): a column for each label"
            )
        indicator: np.ndarray = labels[:, None] == present[None, :]
        return indicator
    if given.shape != shape:
        raise ValueError(f"y_true has shape {given.shape} and y_score has {shape}, expected the same")
    if given.dtype != bool and not ((given == 0) | (given == 1)).all():
        raise ValueError("y_true is not a table of 0 and 1")
    return given.astype(bool, copy=False)


def _warn_no_positives(what: str) -> None:
    warnings.warn(f"No positive class found in y_true, {what}.", UserWarning, stacklevel=3)
