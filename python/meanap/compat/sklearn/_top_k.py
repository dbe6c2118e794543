"""scikit-learn's `top_k_accuracy_score`."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

import numpy as np

from meanap.compat.sklearn._inputs import cutoff, distinct, labels_of, mean_of, weights_of
from meanap.errors import InputError
from meanap.ranking.dense import array_of, comparable, numbers_of

if TYPE_CHECKING:
    from meanap._types import Ids, Numbers, Rows

__all__ = ["UndefinedMetricWarning", "top_k_accuracy_score"]


class UndefinedMetricWarning(UserWarning):
    """A number that means nothing. Where scikit-learn is imported, its class of this name is warned with."""


def top_k_accuracy_score(
    y_true: Ids,
    y_score: Numbers | Rows,
    *,
    k: int = 2,
    normalize: bool = True,
    sample_weight: Numbers | None = None,
    labels: Ids | None = None,
) -> float:
    """The fraction of samples whose label is among the k with the highest scores.

    Parameters
    ----------
    y_true
        ``(N,)`` labels.
    y_score
        ``(N, C)`` scores, a column for each label in order; of two labels ``(N,)`` scores of the greater one.
    k
        How many labels count, at least 1.
    normalize
        Whether it is a fraction; if not, the number of such samples.
    sample_weight
        ``(N,)`` how much each sample counts; 1 by default.
    labels
        The labels of the columns, in order; those of `y_true` by default.

    Returns
    -------
    float
        Of equal scores the label with the higher position counts first.

    Raises
    ------
    ValueError
        Shapes or labels do not fit together.

    Warns
    -----
    UndefinedMetricWarning
        `k` is the number of labels or more.

    References
    ----------
    scikit-learn, `top_k_accuracy_score`, same bits.

    Examples
    --------
    >>> top_k_accuracy_score([0, 1, 2, 2], [[0.5, 0.2, 0.2], [0.3, 0.4, 0.2], [0.2, 0.4, 0.3], [0.7, 0.2, 0.1]], k=2)
    0.75
    """
    ranks = cutoff(k)
    if ranks is None:
        raise InputError("k is None, expected a whole number of at least 1")
    truth, (scores, _) = labels_of(y_true), comparable(numbers_of(y_score, "y_score"))
    if truth.ndim != 1:
        raise InputError(f"y_true has {truth.ndim} dimensions, expected 1")
    present = distinct(truth)
    given = None if labels is None else array_of(labels, "labels")
    binary = len(present) <= 2 and (given is None or len(given) <= 2)
    if binary and scores.ndim == 2:
        if scores.shape[1] != 1:
            message = f"`y_true` is binary while y_score is 2d with {scores.shape[1]} classes. If `y_true` does not"
            raise ValueError(f"{message} contain all the labels, `labels` must be provided.")
        scores = scores[:, 0]
    if not binary and scores.ndim != 2:
        message = "`y_score` needs to be of shape `(n_samples, n_classes)`, since `y_true` contains multiple classes."
        raise ValueError(f"{message} Got `y_score.shape={scores.shape}`.")
    if len(truth) != len(scores):
        raise ValueError(f"y_true has {len(truth)} samples and y_score has {len(scores)}")
    if not np.isfinite(scores).all():
        raise ValueError("y_score has a number that is NaN or infinite")
    classes = _classes(truth, present, given, 2 if binary else scores.shape[1])
    if ranks >= len(classes):
        message = f"'k' ({k}) greater than or equal to 'n_classes' ({len(classes)}) will result in a perfect score"
        warnings.warn(f"{message} and is therefore meaningless.", _warning(), stacklevel=2)
    position = np.searchsorted(classes, truth)
    if not binary:
        best = np.argsort(scores, axis=1, kind="mergesort")[:, ::-1][:, :ranks]
        hits = (best == position[:, np.newaxis]).any(axis=1)
    elif ranks == 1:
        threshold = 0.5 if scores.min() >= 0 and scores.max() <= 1 else 0
        hits = (scores > threshold) == position
    else:
        hits = np.ones(len(scores), dtype=bool)
    weights = weights_of(sample_weight, len(truth))
    if normalize:
        return mean_of(hits, weights)
    return float(np.sum(hits) if weights is None else np.dot(hits, weights))


def _classes(truth: np.ndarray, present: np.ndarray, given: np.ndarray | None, columns: int) -> np.ndarray:
    """The labels of the columns."""
    if given is None:
        if len(present) != columns:
            found = f"Number of classes in 'y_true' ({len(present)})"
            message = f"{found} not equal to the number of classes in 'y_score' ({columns})."
            raise ValueError(f"{message} `labels` takes a list of all of them.")
        return present
    classes = distinct(given, "labels")
    if len(classes) != len(given):
        raise ValueError("Parameter 'labels' must be unique.")
    if not np.array_equal(classes, given):
        raise ValueError("Parameter 'labels' must be ordered.")
    if len(classes) != columns:
        found = f"Number of given labels ({len(classes)})"
        raise ValueError(f"{found} not equal to the number of classes in 'y_score' ({columns}).")
    if len(np.setdiff1d(truth, classes)):
        raise ValueError("'y_true' contains labels not in parameter 'labels'.")
    return classes


def _warning() -> type[Warning]:
    theirs: type[Warning] = getattr(
        sys.modules.get("sklearn.exceptions"), "UndefinedMetricWarning", UndefinedMetricWarning
    )
    return theirs
