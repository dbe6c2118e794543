"""Metrics of dense scores, a value for each row: label ranking and discounted cumulative gain.

A row is a sample with a score for each of C labels (documents); `truth` says which are relevant.
"""

from __future__ import annotations

import numpy as np

from meanap._counts import counts_of

__all__ = ["coverage", "dcg", "label_ranking_precision", "misordered_pairs"]


def _ranks(truth: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each label how many labels, and how many relevant ones, have its score or a higher one; ``(N, C) int64``."""
    count = scores.shape[1]
    order = np.argsort(scores, axis=1, kind="stable")
    ascending = np.take_along_axis(scores, order, axis=1)
    start = np.zeros(order.shape, dtype=np.int64)
    start[:, 1:] = np.where(ascending[:, 1:] != ascending[:, :-1], np.arange(1, count), 0)
    # Where the run of equal scores begins that a label is in.
    start = np.maximum.accumulate(start, axis=1)
    relevant = np.take_along_axis(truth, order, axis=1).astype(np.int64)
    at_or_above = np.cumsum(relevant[:, ::-1], axis=1)[:, ::-1]
    ranks, found = np.empty_like(start), np.empty_like(start)
    np.put_along_axis(ranks, order, count - start, axis=1)
    np.put_along_axis(found, order, np.take_along_axis(at_or_above, start, axis=1), axis=1)
    return ranks, found


def label_ranking_precision(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The mean, over relevant labels, of the fraction of relevant ones among those with its score or a higher one.

    Parameters
    ----------
    truth
        ``(N, C) bool``.
    scores
        ``(N, C)``.

    Returns
    -------
    np.ndarray
        ``(N,) float64``; 1 where no label is relevant, or each is.
    """
    values = np.ones(len(truth))
    if not truth.size:
        return values
    ranks, found = _ranks(truth, scores)
    positives = truth.sum(axis=1)
    # Rows of as many relevant labels together: means of equal length.
    for count in np.unique(positives):
        if 0 < count < truth.shape[1]:
            rows = positives == count
            chosen = truth[rows]
            fractions = found[rows][chosen] / ranks[rows][chosen]
            values[rows] = fractions.reshape(-1, count).mean(axis=1)
    return values


def coverage(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """How many labels, by falling score, are needed to have all relevant ones; ``(N,) int64``, 0 without any."""
    lowest = np.where(truth, scores, np.inf).min(axis=1, initial=np.inf)
    covered: np.ndarray = (scores >= lowest[:, np.newaxis]).sum(axis=1)
    return covered


def misordered_pairs(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The fraction of pairs of a relevant and another label whose scores are equal or in the wrong order.

    Parameters
    ----------
    truth
        ``(N, C) bool``.
    scores
        ``(N, C)``.

    Returns
    -------
    np.ndarray
        ``(N,) float64``; 0 where there is no such pair.
    """
    if not truth.size:
        return np.zeros(len(truth))
    ranks, found = _ranks(truth, scores)
    positives = truth.sum(axis=1)
    pairs = positives * (truth.shape[1] - positives)
    wrong = np.where(truth, ranks - found, 0).sum(axis=1)
    values: np.ndarray = np.divide(wrong, pairs, out=np.zeros(len(truth)), where=pairs > 0)
    return values


def dcg(
    gains: np.ndarray, scores: np.ndarray, k: int | None = None, base: float = 2, ignore_ties: bool = False
) -> np.ndarray:
    """Discounted cumulative gain: the gains by falling score, each divided by the logarithm of its rank plus one.

    Parameters
    ----------
    gains
        ``(N, C)``.
    scores
        ``(N, C)``.
    k
        How many ranks count; None for all.
    base
        Of the logarithm.
    ignore_ties
        Whether, of equal scores, the last label ranks first; if not, equal scores share the mean of their gains.

    Returns
    -------
    np.ndarray
        ``(N,) float64``.

    References
    ----------
    Järvelin and Kekäläinen 2002; McSherry and Najork 2008 for ties.
    """
    discount = 1 / (np.log(np.arange(gains.shape[1]) + 2) / np.log(base))
    if k is not None:
        discount[k:] = 0
    if ignore_ties:
        order = np.argsort(scores)[:, ::-1]
        values: np.ndarray = discount.dot(np.take_along_axis(gains, order, axis=1).T)
        return values
    until = np.cumsum(discount)
    return np.array([_with_ties(*row, until) for row in zip(gains, scores, strict=True)], dtype=np.float64)


def _with_ties(gains: np.ndarray, scores: np.ndarray, until: np.ndarray) -> float:
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    means = counts_of(group, weights=gains) / sizes
    weights = np.diff(until[np.cumsum(sizes) - 1], prepend=0)
    return float((means * weights).sum())
