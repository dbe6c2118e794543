"""`AveragePrecisionAtK`: TensorFlow's streaming `average_precision_at_k`, without TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meanap import _core
from meanap._arrays import on_host, shown
from meanap._keywords import suggesting
from meanap._settings import flag
from meanap.metric import Metric
from meanap.ranking.dense import comparable, csr_of, numbers_of
from meanap.ranking.lists import cutoff

if TYPE_CHECKING:
    from meanap._types import CompressedRows, Numbers, Rows


class AveragePrecisionAtK(Metric):
    """Mean average precision at k of batches of dense scores.

    For each row, ``sum over ranks i <= k of [class i is a label] * (labels down to i) / i``, divided by
    ``min(number of labels, k)``; the mean over rows. Classes are ranked by descending score; in a tie the lower index
    goes first. The sum is exact, so batches and shards in any order give the same bits.

    Parameters
    ----------
    k
        How many classes count, at least 1 and at most their number.
    empty
        What a row without a label gives: ``"skip"`` leaves it out (`skipped` counts such rows); ``"nan"`` makes the
        whole result NaN, as TensorFlow does.
    sync_on_compute
        Whether `compute` gathers the rows of all ranks of ``torch.distributed`` by itself.

    References
    ----------
    TensorFlow, `tf.compat.v1.metrics.average_precision_at_k`; same value (its own sum depends on the machine in the
    last bits).

    Examples
    --------
    >>> metric = AveragePrecisionAtK(k=3)
    >>> scores = [[0.1, 0.2, 0.6, 0.1], [0.8, 0.05, 0.1, 0.05], [0.3, 0.4, 0.1, 0.2],
    ...           [0.6, 0.25, 0.1, 0.05], [0.1, 0.2, 0.6, 0.1]]
    >>> metric.update(scores, [[2], [1], [0], [3], [0]])
    >>> round(metric.compute(), 12)
    0.433333333333
    """

    @suggesting()
    def __init__(self, k: int, *, empty: Literal["skip", "nan"] = "skip", sync_on_compute: bool = True) -> None:
        if empty not in ("skip", "nan"):
            raise ValueError(f'empty is {empty!r}, expected "skip" or "nan"')
        self.k: int = cutoff(k)
        self.empty = empty
        self.sync_on_compute: bool = flag(sync_on_compute, "sync_on_compute")
        self.reset()

    def _clear(self) -> None:
        self._units = 0
        self._rows = 0
        self._skipped = 0

    @property
    def rows(self) -> int:
        """How many rows with a label were seen, by all ranks after `sync`."""
        return self._visible()._rows

    @property
    def skipped(self) -> int:
        """How many rows without a label were seen, by all ranks after `sync`."""
        return self._visible()._skipped

    def __len__(self) -> int:
        return self.rows

    def update(self, preds: Rows, target: Numbers | Rows | CompressedRows) -> None:
        """Adds a batch.

        Parameters
        ----------
        preds
            Scores ``(N, C)``; float32 and float64 are taken as they are, other types as float64.
        target
            Labels: ``(N, L)`` integers, filled up with -1; or ``(N,)``, one for each row; or a sparse matrix; or a list
            or column of lists; or ``(N, C)`` flags. A label that is no class (negative, or too great) is left out. One
            that an integer array repeats counts twice in the divisor, as in TensorFlow's dense labels; elsewhere once,
            as in its sparse ones.

        Raises
        ------
        ValueError
            A score is NaN, shapes do not go together, or `k` is greater than C.
        """
        scores, _ = comparable(numbers_of(preds, "preds"))
        if scores.ndim != 2:
            raise ValueError(f"preds has {scores.ndim} dimensions, expected 2 (rows, classes)")
        scores = np.ascontiguousarray(scores)
        units, rows, skipped = _core.dense_average_precision(scores, _labels(target, scores.shape), self.k)
        self._synced = None
        self._units += units
        self._rows += rows
        self._skipped += skipped

    def compute(self) -> float:
        """The mean over the rows of all ranks.

        NaN before any row with a label was seen, or if one without was and `empty` is ``"nan"``.
        """
        return self._of_all_ranks()._mean()

    def _mean(self) -> float:
        if self._rows == 0 or (self.empty == "nan" and self._skipped):
            return float("nan")
        return _core.dense_mean(self._units, self._rows)

    def _settings(self) -> dict[str, Any]:
        return {"k": self.k, "empty": self.empty}

    @classmethod
    def _made_with(cls, settings: dict[str, Any], options: dict[str, Any]) -> AveragePrecisionAtK:
        return cls(**settings, **options)

    def _add(self, other: AveragePrecisionAtK) -> None:
        self._units += other._units
        self._rows += other._rows
        self._skipped += other._skipped

    def _dump(self) -> list[bytes]:
        return [json.dumps([str(self._units), self._rows, self._skipped]).encode()]

    def _load(self, parts: Sequence[bytes]) -> None:
        (part,) = parts
        units, rows, skipped = map(int, json.loads(part))
        if min(units, rows, skipped) < 0:
            raise ValueError(f"expected counts of at least 0, found {[units, rows, skipped]}")
        self._units, self._rows, self._skipped = units, rows, skipped
        self._mean()

    def __repr__(self) -> str:
        settings = f"k={self.k}, empty={self.empty!r}"
        return f"AveragePrecisionAtK({settings}): {self._visible()._mean():.6f} over {self.rows} rows"


def _labels(labels: Any, shape: tuple[int, int]) -> Any:
    """Labels as the core takes them: a 2-D integer array, or row offsets and labels."""
    labels = csr_of(on_host(labels, "target"))
    if hasattr(labels, "indptr"):
        offsets, items = np.asarray(labels.indptr, dtype=np.int64), np.asarray(labels.indices, dtype=np.int64)
        kept = np.asarray(labels.data) != 0
        if not kept.all():
            offsets = np.concatenate([[0], np.cumsum(kept)])[offsets]
            items = items[kept]
        return np.ascontiguousarray(offsets), np.ascontiguousarray(items)
    labels = _listed(labels)
    if isinstance(labels, (list, tuple)) and any(isinstance(row, _ROWS) for row in labels):
        rows = [_row(row, f"target[{place}]") for place, row in enumerate(labels)]
        kinds = {type(row[0]) is bool for row in rows if row}
        if len(kinds) > 1:
            raise TypeError("target has rows of flags and rows of labels: labels must be integers")
        if kinds != {True}:
            lengths = [len(row) for row in rows]
            items = np.array([_label(label) for row in rows for label in row], dtype=np.int64)
            return np.cumsum([0, *lengths], dtype=np.int64), items
        labels = rows
    array = numbers_of(labels, "target")
    if array.dtype == bool:
        if array.shape != shape:
            raise ValueError(f"target: bool labels have shape {array.shape}, expected that of the scores, {shape}")
        places, items = np.nonzero(array)
        return np.searchsorted(places, np.arange(shape[0] + 1)).astype(np.int64), items.astype(np.int64)
    if array.size == 0 and array.ndim == 1:
        array = array.reshape(shape[0], 0).astype(np.int64) if shape[0] == 0 else array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"target: labels are {array.dtype}, expected integers")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(f"target: labels have {array.ndim} dimensions, expected 1 or 2")
    return np.ascontiguousarray(array, dtype=np.int64)


_ROWS = (list, tuple, set, frozenset, np.ndarray)


def _listed(labels: Any) -> Any:
    """A column, an array of objects or an iterator as a list; anything else as it is."""
    if isinstance(labels, Iterator):
        return list(labels)
    if isinstance(labels, np.ndarray):
        return labels.tolist() if labels.dtype == object else labels
    for way in () if hasattr(labels, "columns") else ("to_pylist", "to_list"):
        if hasattr(labels, way):
            return getattr(labels, way)()
    return labels


def _row(row: Any, place: str) -> list[Any]:
    """The labels of a row: whole numbers, or flags alone."""
    if not isinstance(row, _ROWS) or (isinstance(row, np.ndarray) and row.ndim != 1):
        raise TypeError(f"{place} is {shown(row)}, expected a list of labels")
    items = (
        row.tolist()
        if isinstance(row, np.ndarray)
        else [item.item() if isinstance(item, np.generic) else item for item in row]
    )
    for at, label in enumerate(items):
        if not isinstance(label, int):
            raise TypeError(f"{place}[{at}] is {shown(label)}: labels must be integers")
    if len({type(label) is bool for label in items}) > 1:
        raise TypeError(f"{place} has flags among its labels: labels must be integers")
    return items


def _label(label: int) -> int:
    """A label in 64 bits; one that needs more is no class."""
    return label if -(2**63) <= label < 2**63 else -1
