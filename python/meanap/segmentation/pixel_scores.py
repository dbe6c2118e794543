"""How well pixel scores rank the pixels of each class: average precision over pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap._keywords import suggesting
from meanap.errors import InputError
from meanap.metric import pack_arrays, unpack_arrays
from meanap.segmentation import _inputs
from meanap.segmentation._metric import LabelMetric, like
from meanap.segmentation._result import PixelMeasures, class_table, mean
from meanap.table import Table

if TYPE_CHECKING:
    from meanap._types import Points, Rows


class PixelAveragePrecision(LabelMetric):
    """Average precision of each class over the scores of all pixels of all images.

    Each class is evaluated by itself: its pixels should have higher scores than all others. AP is the step integral of
    scikit-learn's ``average_precision_score``, tied scores taken together.

    With ``exact=False`` the state is a histogram for each class, 64 bins for each halving of the distance to 0 or to 1,
    which does not grow with the pixels; ``compute`` then gives the value with each bin as one tie, and bounds that
    are guaranteed to contain the exact value. With ``exact=True`` all scores are stored.

    Parameters
    ----------
    classes
        The number of classes, or their names.
    ignore_index
        Pixels whose target has this label are left out.
    reduce_zero_label
        Target label 0 is left out, and classes are numbered from 1 in the target.
    exact
        Keep all scores.
    strict
        With False, an image that cannot be counted is skipped as a whole and listed in ``skipped``; with True it is an
        error.
    sync_on_compute
        Whether ``compute`` gathers the scores of all ranks of ``torch.distributed`` by itself.

    Attributes
    ----------
    images
        Images seen.
    skipped
        For each image left out, a sentence that says which and why.

    Examples
    --------
    >>> import numpy as np
    >>> from meanap.segmentation import PixelAveragePrecision
    >>> metric = PixelAveragePrecision(2, exact=True)
    >>> scores = np.array([[[0.9, 0.6, 0.4, 0.2]], [[0.1, 0.4, 0.6, 0.8]]])
    >>> metric.update(scores, np.array([[0, 1, 0, 1]]))
    >>> metric.compute().ap
    array([0.83333333, 0.83333333])
    """

    @suggesting()
    def __init__(
        self,
        classes: int | list[str] | tuple[str, ...],
        ignore_index: int | None = 255,
        reduce_zero_label: bool = False,
        *,
        exact: bool = False,
        strict: bool = True,
        sync_on_compute: bool = True,
    ) -> None:
        self.exact: bool = bool(exact)
        super().__init__(classes, ignore_index, reduce_zero_label, strict, sync_on_compute)

    def _clear(self) -> None:
        super()._clear()
        shape = (len(self.classes), 2, _core.SCORE_BINS)
        self._histogram = None if self.exact else np.zeros(shape, dtype=np.uint64)
        self._maps: list[tuple[np.ndarray, np.ndarray]] = []

    def update(self, preds: Points | Sequence[Points], target: Rows | Points) -> None:
        """Adds the pixels of one image, or of a batch.

        Parameters
        ----------
        preds
            Scores ``(C, H, W)`` or ``(N, C, H, W)`` of a floating-point type; with ``exact=False`` from 0 to 1.
        target
            Labels ``(H, W)`` or ``(N, H, W)`` of any integer type.

        Raises
        ------
        ValueError
            Shapes differ, a label is neither a class nor ignored, or a score is NaN or out of range; the message names
            image, row and column. Images before it in the batch have been added.
        TypeError
            An array does not hold numbers of the right type.
        """
        self._synced = None
        targets = _inputs.images_of(_inputs.integers(target, "target"), "target")
        every = _inputs.scores(preds, "preds")
        every = every[None] if every.ndim == 3 else every
        expected = (len(targets), len(self.classes), *targets.shape[1:])
        if every.shape != expected:
            self._refuse(
                InputError(f"image {self._seen}: preds: expected shape {expected}, found {every.shape}"), len(targets)
            )
            return
        for one, of_one in zip(targets, every, strict=True):
            try:
                if self._histogram is None:
                    # Evaluated here only to validate the maps, so that the error names their image.
                    _core.pixel_average_precision([(one, of_one)], self._rules())
                    self._maps.append((one.copy(), of_one.copy()))
                else:
                    _core.add_to_score_histogram(one, of_one, self._histogram, self._rules())
            except InputError as error:
                self._refuse(error.at(f"image {self._seen}"))
                continue
            self._images += 1

    def _settings(self) -> dict[str, Any]:
        return {
            **super()._settings(),
            "exact": self.exact,
        }

    def _add(self, other: PixelAveragePrecision) -> None:
        super()._add(other)
        if self._histogram is not None and other._histogram is not None:
            self._histogram += other._histogram
        self._maps += other._maps

    def _dump(self) -> list[bytes]:
        counted = [] if self._histogram is None else [self._histogram]
        maps = [array for pair in self._maps for array in pair]
        return [pack_arrays([*counted, *maps]), self._dump_seen()]

    def _load(self, parts: Sequence[bytes]) -> None:
        arrays = unpack_arrays(parts[0])
        if self._histogram is not None:
            self._histogram[:] = like(arrays.pop(0), self._histogram)
        self._maps = list(zip(arrays[::2], arrays[1::2], strict=True))
        if self._maps and self._histogram is not None:
            raise InputError("maps beside a histogram")
        for target, scores in self._maps:
            # As in `update`: what cannot be counted is refused.
            _core.pixel_average_precision([(target, scores)], self._rules())
        self._load_seen(parts[1])

    def compute(self) -> PixelPrecisionResult:
        """Average precision of all pixels seen, by all ranks."""
        return self._of_all_ranks()._measures()

    def _measures(self) -> PixelPrecisionResult:
        if self._histogram is not None:
            ap, low, high = _core.histogram_average_precision(self._histogram).T.copy()
        else:
            kinds = {scores.dtype for _, scores in self._maps}
            kind = np.result_type(*kinds) if kinds else np.dtype(np.float64)
            maps = [(target, scores.astype(kind, copy=False)) for target, scores in self._maps]
            ap = _core.pixel_average_precision(maps, self._rules())
            low, high = ap.copy(), ap.copy()
        return PixelPrecisionResult(list(self.classes), ap, low, high, self._images, list(self._left_out))


@dataclass(frozen=True)
class PixelPrecisionResult(PixelMeasures):
    """Average precision over pixels. NaN: a class without a pixel.

    Attributes
    ----------
    classes
        Names.
    ap
        ``(K,)``, 0 to 1.
    low, high
        ``(K,)``, bounds of the exact value; equal to ``ap`` if it is exact.
    images
        Images seen.
    skipped
        What was left out, and why.
    """

    classes: list[str]
    ap: np.ndarray
    low: np.ndarray
    high: np.ndarray
    images: int
    skipped: list[str] = field(default_factory=list, repr=False)

    @property
    def mean_ap(self) -> float:
        """Mean of ``ap`` over the classes that have one."""
        return mean(self.ap)

    @property
    def error_bound(self) -> float:
        """How far ``mean_ap`` is from the exact value at most."""
        return max(mean(self.high) - self.mean_ap, self.mean_ap - mean(self.low))

    def _fields(self) -> dict[str, Any]:
        return {
            "mean_ap": self.mean_ap,
            "error_bound": self.error_bound,
            "per_class": {
                name: {key: getattr(self, key)[k] for key in ("ap", "low", "high")}
                for k, name in enumerate(self.classes)
            },
        }

    def __str__(self) -> str:
        """A table: a row for each class, then the mean."""
        lines = class_table(self.classes, {"AP": self.ap, "low": self.low, "high": self.high})
        return "\n".join([*lines, *self._lines_of_skipped()])

    @property
    def per_class(self) -> Table:
        """A row for each class: its name, ``ap``, and the bounds ``low`` and ``high`` of the exact value."""
        return Table({"class": list(self.classes), "ap": self.ap, "low": self.low, "high": self.high})

    def _repr_html_(self) -> str:
        return Table(self.per_class.columns, f"mean AP {self.mean_ap:.3f}, {self.images:,} images")._repr_html_()
