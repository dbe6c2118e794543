"""Miss rates at rates of false positives per image, and their geometric mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from meanap import _core
    from meanap._types import MissRateName

__all__ = ["RATES", "MissRates", "log_average"]

#: Rates of false positives per image: Dollár et al., "Pedestrian Detection: An Evaluation of the State of the Art",
#: PAMI 2012; and as CrowdDet and the evaluation of CityPersons round them.
_EXACT = np.array([10.0 ** (step / 4) for step in range(-8, 1)])
_ROUNDED = np.array([0.0100, 0.0178, 0.0316, 0.0562, 0.1000, 0.1778, 0.3162, 0.5623, 1.0000])
RATES: dict[MissRateName, np.ndarray] = {"dollar": _EXACT, "crowdhuman": _ROUNDED, "citypersons": _ROUNDED}
#: Dollár's toolbox takes no miss rate for less.
_LEAST: dict[MissRateName, float] = {"dollar": 1e-10, "crowdhuman": 0.0, "citypersons": 0.0}


class _Category(NamedTuple):
    """The detections of one category that have not matched what is ignored, best score first."""

    score: np.ndarray
    image: np.ndarray
    #: ``(N,)`` of flags.
    found: np.ndarray
    #: The images of the objects that are to be found.
    objects: np.ndarray


class MissRates:
    """Miss rates of categories in one area range, under one limit on the detections of an image.

    Parameters
    ----------
    table
        The match table.
    area
        Position of the area range.
    limit
        How many detections of an image count.
    method
        How a miss rate is read, as in `Protocol.miss_rate`.
    """

    def __init__(self, table: _core.Matches, area: int, limit: int, method: MissRateName) -> None:
        self._columns = table.columns(area)
        self._limit = limit
        self._method = method
        self._images = len(table.image_ids)

    def of(self, category: int, threshold: int, weights: np.ndarray | None = None) -> np.ndarray:
        """The miss rates at `RATES` of a category ``(9,)``; with weights of the images ``(B, I)`` in each sample.

        NaN where there is nothing to find.
        """
        held = self._category(category, threshold)
        if weights is None:
            rates: np.ndarray = self._read(held, np.ones((1, self._images)))[0]
            return rates
        return self._read(held, weights.astype(np.float64))

    def _category(self, category: int, threshold: int) -> _Category:
        columns = self._columns
        first, last = np.searchsorted(columns["category"], [category, category + 1])
        rows = np.arange(first, last)
        rows = rows[(columns["rank"][rows] < self._limit) & ~columns["ignored"][rows, threshold]]
        # Rows of a category come image by image, the best first: of equal scores this is the order.
        rows = rows[np.argsort(-columns["score"][rows], kind="stable")]
        wanted = (columns["truth_category"] == category) & columns["truth_wanted"]
        return _Category(
            columns["score"][rows],
            columns["image"][rows],
            columns["matched"][rows, threshold],
            columns["truth_image"][wanted],
        )

    def _read(self, held: _Category, weights: np.ndarray) -> np.ndarray:
        there = weights[:, held.objects].sum(axis=1)
        images = weights.sum(axis=1)
        found = np.zeros((len(weights), len(RATES[self._method])))
        with np.errstate(invalid="ignore", divide="ignore"):
            for sample, (own, objects, count) in enumerate(zip(weights, there, images, strict=True)):
                of_rows = own[held.image]
                recall = np.cumsum(of_rows * held.found) / objects
                rate = np.cumsum(of_rows * ~held.found) / count
                found[sample] = 1.0 - self._recalls(held.score, recall, rate)
        found[there == 0] = np.nan
        return found

    def _recalls(self, score: np.ndarray, recall: np.ndarray, rate: np.ndarray) -> np.ndarray:
        """The recall at each of the rates; `rate` is that of false positives after each detection."""
        wanted = RATES[self._method]
        if not len(score):
            return np.zeros(len(wanted))
        if self._method == "crowdhuman":
            reached: np.ndarray = recall[np.minimum(np.searchsorted(rate, wanted), len(rate) - 1)]
            return reached
        if self._method == "dollar":
            # Equal scores have one point.
            ends = np.append(score[1:] != score[:-1], True)
            recall, rate = recall[ends], rate[ends]
        place = np.searchsorted(rate, wanted, side="right") - 1
        # DIFFERENCE: where even the first detection exceeds the rate, CityPersons' evaluation reads the last recall,
        # the one at -1. That takes fewer than a hundred images.
        return np.where(place >= 0, recall[place], 0.0)


def log_average(rates: np.ndarray, method: MissRateName) -> np.ndarray:
    """The geometric mean of miss rates over the last axis; NaN stays NaN."""
    with np.errstate(divide="ignore"):
        mean: np.ndarray = np.exp(np.log(np.maximum(rates, _LEAST[method])).mean(axis=-1))
    return mean
