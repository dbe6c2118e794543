"""TensorFlow's streaming `average_precision_at_k`, without TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap.ranking.streaming import AveragePrecisionAtK as _AveragePrecisionAtK

if TYPE_CHECKING:
    from meanap._types import CompressedRows, Numbers, Rows

__all__ = ["AveragePrecisionAtK"]


class AveragePrecisionAtK:
    """`tf.compat.v1.metrics.average_precision_at_k` with the methods of a Keras metric.

    `meanap.ranking.AveragePrecisionAtK` in TensorFlow's order of arguments, labels first, where a row without a label
    makes the whole stream NaN.

    Parameters
    ----------
    k
        How many classes count, at least 1 and at most their number.

    Raises
    ------
    ValueError
        `k` is less than 1.

    Examples
    --------
    >>> metric = AveragePrecisionAtK(k=2)
    >>> metric.update_state([[2], [0]], [[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
    0.75
    >>> metric.result()
    0.75
    """

    def __init__(self, k: int) -> None:
        self._metric = _AveragePrecisionAtK(k, empty="nan")

    def update_state(self, labels: Numbers | Rows | CompressedRows, predictions: Rows) -> float:
        """Add a batch of labels ``(N, L)`` and scores ``(N, C)``; the value so far, as TensorFlow's update operation.

        Raises
        ------
        ValueError
            A score is NaN, shapes do not go together, or `k` is greater than C.
        """
        self._metric.update(predictions, labels)
        return self.result()

    def result(self) -> float:
        """The mean over all rows; NaN before any row with a label, or after one without."""
        return self._metric.compute()

    def reset_state(self) -> None:
        """Discard all rows."""
        self._metric.reset()
