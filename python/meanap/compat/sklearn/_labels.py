"""scikit-learn's metrics of a score for each label: label ranking, coverage, and (n)DCG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._settings import number
from meanap.compat.sklearn._inputs import cutoff, mean_of, weights_of
from meanap.ranking import rows
from meanap.ranking.dense import comparable, numbers_of

if TYPE_CHECKING:
    from meanap._types import Numbers, Rows

__all__ = [
    "coverage_error",
    "dcg_score",
    "label_ranking_average_precision_score",
    "label_ranking_loss",
    "ndcg_score",
]


def label_ranking_average_precision_score(
    y_true: Rows, y_score: Rows, *, sample_weight: Numbers | None = None
) -> float:
    """The mean, over relevant labels, of the fraction of relevant ones among those ranked as high or higher.

    Parameters
    ----------
    y_true
        ``(N, C)``, 0 or 1 for each label; or a sparse matrix.
    y_score
        ``(N, C)`` scores.
    sample_weight
        ``(N,)`` how much each row counts; 1 by default.

    Returns
    -------
    float
        From 0 to 1; a row without relevant labels, or with relevant ones only, counts as 1. NaN without rows.

    Raises
    ------
    ValueError
        Shapes differ, `y_true` is not a table of 0 and 1, or a score is not finite.

    References
    ----------
    scikit-learn, `label_ranking_average_precision_score`, same bits.

    Examples
    --------
    >>> label_ranking_average_precision_score([[1, 0, 0], [0, 0, 1]], [[0.75, 0.5, 1], [1, 0.2, 0.1]])
    0.41666666666666663
    """
    truth, scores, weights = _checked(y_true, y_score, sample_weight)
    values = rows.label_ranking_precision(truth, scores)
    if weights is not None:
        values = values * weights
    # One after the other, as scikit-learn adds.
    total = float(np.cumsum(values)[-1]) if len(values) else 0.0
    return float(np.divide(total, len(values) if weights is None else np.sum(weights)))


def coverage_error(y_true: Rows, y_score: Rows, *, sample_weight: Numbers | None = None) -> float:
    """How many labels, by falling score, are needed on average to have all relevant ones.

    Parameters
    ----------
    y_true
        ``(N, C)``, 0 or 1 for each label.
    y_score
        ``(N, C)`` scores.
    sample_weight
        ``(N,)`` how much each row counts; 1 by default.

    Returns
    -------
    float
        At least the mean number of relevant labels; equal scores count all of them.

    Raises
    ------
    ValueError
        Shapes differ, `y_true` is not a table of 0 and 1, or a score is not finite.

    References
    ----------
    scikit-learn, `coverage_error`, same bits.

    Examples
    --------
    >>> coverage_error([[1, 0, 0], [0, 1, 1]], [[1, 0, 0], [0, 1, 1]])
    1.5
    """
    truth, scores, weights = _checked(y_true, y_score, sample_weight)
    return mean_of(rows.coverage(truth, scores), weights)


def label_ranking_loss(y_true: Rows, y_score: Rows, *, sample_weight: Numbers | None = None) -> float:
    """The mean fraction of pairs of a relevant and another label whose scores are equal or in the wrong order.

    Parameters
    ----------
    y_true
        ``(N, C)``, 0 or 1 for each label; or a sparse matrix.
    y_score
        ``(N, C)`` scores.
    sample_weight
        ``(N,)`` how much each row counts; 1 by default.

    Returns
    -------
    float
        From 0 to 1; a row without such pairs counts as 0.

    Raises
    ------
    ValueError
        Shapes differ, `y_true` is not a table of 0 and 1, or a score is not finite.

    References
    ----------
    scikit-learn, `label_ranking_loss`, same bits.

    Examples
    --------
    >>> label_ranking_loss([[1, 0, 0], [0, 0, 1]], [[0.75, 0.5, 1], [1, 0.2, 0.1]])
    0.75
    """
    truth, scores, weights = _checked(y_true, y_score, sample_weight)
    return mean_of(rows.misordered_pairs(truth, scores), weights)


def dcg_score(
    y_true: Rows,
    y_score: Rows,
    *,
    k: int | None = None,
    log_base: float = 2,
    sample_weight: Numbers | None = None,
    ignore_ties: bool = False,
) -> float:
    """Discounted cumulative gain, the mean over rows.

    Parameters
    ----------
    y_true
        ``(N, C)`` gains.
    y_score
        ``(N, C)`` scores.
    k
        How many ranks count, at least 1; None for all.
    log_base
        Base of the logarithm, above 0.
    sample_weight
        ``(N,)`` how much each row counts; 1 by default.
    ignore_ties
        Whether labels with equal scores are ordered (the last one first); if not, they share the mean of their gains.

    Raises
    ------
    ValueError
        Shapes differ or are not of rows, an option is out of range, or a number is not finite.

    References
    ----------
    scikit-learn, `dcg_score`, same bits.

    Examples
    --------
    >>> round(dcg_score([[10, 0, 0, 1, 5]], [[0.1, 0.2, 0.3, 4, 70]]), 6)
    9.499458
    """
    gains, scores, weights = _tables(y_true, y_score, sample_weight)
    if not number(log_base, "log_base") > 0:
        raise ValueError(f"log_base is {log_base!r}, expected a number above 0")
    return mean_of(rows.dcg(gains, scores, cutoff(k), log_base, ignore_ties), weights)


def ndcg_score(
    y_true: Rows,
    y_score: Rows,
    *,
    k: int | None = None,
    sample_weight: Numbers | None = None,
    ignore_ties: bool = False,
) -> float:
    """Discounted cumulative gain divided by that of the best order, the mean over rows.

    Parameters
    ----------
    y_true
        ``(N, C)`` gains of at least 0, C above 1.
    y_score
        ``(N, C)`` scores.
    k
        How many ranks count, at least 1; None for all.
    sample_weight
        ``(N,)`` how much each row counts; 1 by default.
    ignore_ties
        Whether labels with equal scores are ordered (the last one first); if not, they share the mean of their gains.

    Returns
    -------
    float
        From 0 to 1; a row without gains counts as 0.

    Raises
    ------
    ValueError
        Shapes differ or are not of rows, a gain is negative, an option is out of range, or a number is not finite.

    References
    ----------
    scikit-learn, `ndcg_score`, same bits.

    Examples
    --------
    >>> round(ndcg_score([[10, 0, 0, 1, 5]], [[0.1, 0.2, 0.3, 4, 70]]), 6)
    0.695694
    """
    gains, scores, weights = _tables(y_true, y_score, sample_weight)
    if gains.size and gains.min() < 0:
        raise ValueError("ndcg_score should not be used on negative y_true values.")
    if gains.shape[1] <= 1:
        message = "Computing NDCG is only meaningful when there is more than 1 document."
        raise ValueError(f"{message} Got {gains.shape[1]} instead.")
    k = cutoff(k)
    found, best = rows.dcg(gains, scores, k, ignore_ties=ignore_ties), rows.dcg(gains, gains, k, ignore_ties=True)
    values = np.divide(found, best, out=np.zeros(len(found)), where=best != 0)
    return mean_of(values, weights)


def _checked(y_true: Any, y_score: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Relevance as ``(N, C) bool``, scores, and weights."""
    labels, scores, weights = _tables(y_true, y_score, sample_weight)
    if not ((labels == 0) | (labels == 1)).all():
        kind = "continuous" if labels.dtype.kind == "f" and (labels != np.floor(labels)).any() else "multiclass"
        raise ValueError(f"{kind}-multioutput format is not supported")
    return labels.astype(bool), scores, weights


def _tables(y_true: Any, y_score: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Labels or gains ``(N, C)``, scores ``(N, C)``, and weights ``(N,)`` of finite numbers."""
    labels, scores = numbers_of(y_true, "y_true"), numbers_of(y_score, "y_score")
    for name, table in (("y_true", labels), ("y_score", scores)):
        if table.ndim != 2:
            raise ValueError(f"{name}: Expected 2D array, got {table.ndim}D array instead")
        if not np.isfinite(table).all():
            raise ValueError(f"{name} has a number that is NaN or infinite")
    if labels.shape != scores.shape:
        raise ValueError(f"y_true has shape {labels.shape} and y_score has {scores.shape}, expected the same")
    # DIFFERENCE: scikit-learn negates scores in their own type to rank them, which puts the unsigned 0 first.
    return labels, comparable(scores)[0], weights_of(sample_weight, len(labels))
