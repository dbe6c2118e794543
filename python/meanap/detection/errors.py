"""Which errors cost most: the average precision that putting each kind right would give back."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap.detection.confusion import _SEPARATOR, _category
from meanap.detection.table import Table

if TYPE_CHECKING:
    from meanap.detection.result import Result

__all__ = ["BACKGROUND", "ERRORS", "LRP", "Errors", "Mistakes", "lrp"]

#: Up to this similarity a detection has nothing to do with an object, unless another is asked for.
BACKGROUND = 0.1

#: The letter that the core gives each kind of error; the last two are what all of one side cost.
ERRORS = {
    "classification": "c",
    "localisation": "l",
    "both": "b",
    "duplicate": "d",
    "background": "g",
    "missed": "m",
    "false_positives": "false_positives",
    "false_negatives": "false_negatives",
}
_NAMES = {letter: name for name, letter in ERRORS.items()}
#: More detections than an image has: the run has kept the limits.
_NO_LIMIT = 2**31 - 1


class Mistakes:
    """The table of mistakes that the core made, with the meaning of its groups."""

    def __init__(self, matches: _core.Matches, result: Result) -> None:
        self.matches = matches
        keys = [key.split(_SEPARATOR) for key in matches.category_ids]
        detected = [_category(own) for _, own, _ in keys]
        truth = [_category(other) for _, _, other in keys]
        seen = {id for id in (*detected, *truth) if id is not None}
        self.categories = sorted(seen | set(result.category_ids), key=lambda id: (isinstance(id, str), id))
        place = {id: k for k, id in enumerate(self.categories)}
        nowhere = 2**32 - 1
        self.letters = [letter for letter, _, _ in keys]
        self.detected = np.array([place.get(id, nowhere) for id in detected], dtype=np.int64)
        self.truth = np.array([place.get(id, nowhere) for id in truth], dtype=np.int64)
        micro = result.protocol.average == "micro"
        #: Categories as they are averaged: with ``"micro"`` all are one.
        self.averaged = [-1] if micro else self.categories
        self._meaning = (
            bytes(ord(letter) for letter in self.letters),
            *(
                np.where(side == nowhere, nowhere, 0 if micro else side).tolist()
                for side in (self.detected, self.truth)
            ),
        )

    def repaired(self, repair: str) -> _core.Matches:
        """The match table in which some mistakes are put right."""
        return self.matches.repaired(*self._meaning, self.averaged, repair)

    def lrp(self, threshold: float) -> list[np.ndarray]:
        """oLRP and its parts, each ``(K,)``."""
        return self.matches.lrp(*self._meaning, len(self.averaged), threshold)

    @functools.cached_property
    def columns(self) -> dict[str, np.ndarray]:
        return self.matches.mistakes()


class Errors:
    """What each kind of error costs, by TIDE's definitions.

    A detection that is wrong is, the first that applies:

    - ``localisation``: of the right category, but overlapping an object of it by `background` to `iou` only;
    - ``classification``: on an object of another category;
    - ``duplicate``: of an object that a better detection has found;
    - ``background``: overlapping nothing by more than `background`;
    - ``both``: anything else, neither the place nor the category being right.

    An object is ``missed`` if it was not found and no classification or localisation error is about it.

    Putting an error right makes it a true positive if it is about an object that was not found and is the best scored
    of those, and removes it otherwise; a missed object is no longer looked for. dAP is what AP at `iou` gains by it,
    a share of 1. The gains do not add up to what is missing, because errors hide each other. ``false_positives`` is the
    gain if all wrong detections were removed, ``false_negatives`` if no object that was not found were looked for.

    Detections and objects that are ignored make no errors. A category with nothing left to look for leaves the mean,
    but keeps a precision of 0 as long as it has detections that are wrong.

    Source: Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020. Where tidecv
    itself departs from this, ``tests/test_errors.py`` shows how.

    Attributes
    ----------
    iou, background : float
    ap : float
        The average precision at `iou`, nothing put right.
    told : Mistakes
        The table that all of it is made from.
    """

    def __init__(self, result: Result, mistakes: Mistakes, iou: float, background: float) -> None:
        self.iou = iou
        self.background = background
        self._result = result
        self.told = mistakes
        self._base, self._positives = self._precision("nothing"), mistakes.repaired("nothing").positives()[:, 0]
        self.ap = _mean(self._base)

    def _precision(self, repair: str) -> np.ndarray:
        """Precision ``(R, K)`` at each recall point; -1 for none."""
        matches = self.told.repaired(repair)
        precision = matches.accumulate(recall=self._result._recall, areas=[0], max_detections=[_NO_LIMIT])[0]
        return precision[0, :, :, 0, 0]

    @functools.cached_property
    def _put_right(self) -> dict[str, np.ndarray]:
        found = {}
        for name, repair in ERRORS.items():
            precision = self._precision(repair)
            left = self.told.repaired(repair)
            # Nothing left to look for, but still wrong.
            precision[:, (left.positives()[:, 0] == 0) & (left.detections() > 0) & (self._positives > 0)] = 0.0
            found[name] = precision
        return found

    def __getitem__(self, error: str) -> float:
        """The dAP of one kind; NaN where there is no AP."""
        if error not in ERRORS:
            raise KeyError(f"no error {error!r}; there are {', '.join(ERRORS)}")
        return self._mean_of(self._put_right[error]) - self.ap

    def _mean_of(self, precision: np.ndarray) -> float:
        # With no category left to average, there is nothing that could be wrong.
        value = _mean(precision)
        return value if not math.isnan(value) or math.isnan(self.ap) else 1.0

    @functools.cached_property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind; for the last two, all wrong detections and all objects not found."""
        columns = self.told.columns
        letters = np.array([letter.lower() for letter in self.told.letters], dtype="U1")
        wrong = letters[columns["group"]] if len(letters) else np.zeros(0, dtype="U1")
        objects = letters[columns["truth_group"]] if len(letters) else np.zeros(0, dtype="U1")
        counts = {name: int(np.count_nonzero(wrong == letter)) for name, letter in ERRORS.items()}
        counts["missed"] = int(np.count_nonzero(objects == "m"))
        counts["false_positives"] = int(np.count_nonzero(wrong != "r"))
        counts["false_negatives"] = int(np.count_nonzero(objects != "r"))
        return counts

    @functools.cached_property
    def table(self) -> Table:
        """One row for each kind: ``error``, ``count``, ``dap``."""
        return Table(
            {
                "error": list(ERRORS),
                "count": np.array([self.counts[name] for name in ERRORS]),
                "dap": np.array([self[name] for name in ERRORS]),
            },
            title=f"AP at {self.iou:g}: {self.ap:.3f}",
        )

    @functools.cached_property
    def per_class(self) -> Table:
        """One row for each category: ``category``, ``name``, ``ap``, and the dAP of each kind; NaN without objects.

        Where a repair leaves a category nothing to look for and nothing wrong, its dAP is what is missing to 1.
        """
        base = _by_class(self._base)
        categories = self.told.averaged
        columns: dict[str, Any] = {
            "category": list(categories),
            "name": [self._result._name(id) for id in categories],
            "ap": base,
        }
        for name, precision in self._put_right.items():
            after = _by_class(precision)
            columns[name] = np.where(np.isnan(after) & ~np.isnan(base), 1.0, after) - base
        return Table(columns)

    @functools.cached_property
    def mistakes(self) -> Table:
        """One row for each wrong detection, best score first, then one for each missed object.

        ``error``, ``image``, ``category`` (the detection's, of a missed object its own), ``score`` (NaN for objects),
        ``similarity`` (to the object that it is about, else to the nearest; NaN for missed objects) and ``truth``, the
        category of the object that it is about (None if there is none).
        """
        told, columns = self.told, self.told.columns
        letters = [letter.lower() for letter in told.letters]
        wrong = np.flatnonzero(np.array([letter != "r" for letter in letters], dtype=bool)[columns["group"]])
        order = np.lexsort((columns["rank"][wrong], columns["image"][wrong], -columns["score"][wrong]))
        wrong = wrong[order]
        missed = np.flatnonzero(np.array([letter == "m" for letter in letters], dtype=bool)[columns["truth_group"]])
        missed = missed[np.argsort(columns["truth_image"][missed], kind="stable")]
        groups = [*columns["group"][wrong].tolist(), *columns["truth_group"][missed].tolist()]
        images = self._result.image_ids
        known = [*told.categories]
        detected, truth = told.detected.tolist(), told.truth.tolist()
        nothing = np.full(len(missed), math.nan)
        truths = [known[truth[g]] if truth[g] < len(known) else None for g in groups]
        return Table(
            {
                "error": [_NAMES[letters[g]] for g in groups],
                "image": [images[i] for i in (*columns["image"][wrong], *columns["truth_image"][missed])],
                "category": [
                    known[detected[g]] if detected[g] < len(known) else t for g, t in zip(groups, truths, strict=True)
                ],
                "score": np.concatenate([columns["score"][wrong], nothing]),
                "similarity": np.concatenate([columns["similarity"][wrong], nothing]),
                "truth": truths,
            }
        )

    def to_dict(self) -> dict[str, float]:
        """The dAP of each kind."""
        return {name: self[name] for name in ERRORS}

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


@dataclass(frozen=True, eq=False)
class LRP:
    """How well objects are found and placed at each category's best threshold; less is better.

    With the detections of some score or a higher one, LRP is the mean, over true positives, false positives and
    objects not found, of ``(1 - similarity) / (1 - iou)`` for the first and 1 for the others; oLRP is the least over
    all scores.

    Source: Oksuz et al., "One Metric to Measure Them All: Localisation Recall Precision (LRP) for Evaluating Visual
    Detection Tasks", TPAMI 2022.

    Attributes
    ----------
    lrp : float
        Mean oLRP of the categories that have objects. 0 is perfect; 1 is no better than detecting nothing.
    localisation : float
        Mean ``1 - similarity`` of true positives, there.
    false_positive, false_negative : float
        ``1 - precision`` and ``1 - recall``, there.
    per_class : Table
        ``category``, ``name``, ``lrp``, ``localisation``, ``false_positive``, ``false_negative``, ``threshold`` (the
        score; infinite where it is best to believe none). NaN where there is no such number.
    """

    iou: float
    per_class: Table

    def _mean(self, name: str) -> float:
        values = self.per_class[name]
        values = values[~np.isnan(values)]
        return float(values.mean()) if values.size else math.nan

    @property
    def lrp(self) -> float:
        return self._mean("lrp")

    @property
    def localisation(self) -> float:
        return self._mean("localisation")

    @property
    def false_positive(self) -> float:
        return self._mean("false_positive")

    @property
    def false_negative(self) -> float:
        return self._mean("false_negative")

    def __repr__(self) -> str:
        return (
            f"LRP(lrp={self.lrp:.3f}, localisation={self.localisation:.3f}, "
            f"false_positive={self.false_positive:.3f}, false_negative={self.false_negative:.3f}, iou={self.iou:g})"
        )


def lrp(result: Result, mistakes: Mistakes, iou: float) -> LRP:
    columns = mistakes.lrp(iou)
    names = ("lrp", "localisation", "false_positive", "false_negative", "threshold")
    categories = mistakes.averaged
    return LRP(
        iou,
        Table(
            {
                "category": list(categories),
                "name": [result._name(id) for id in categories],
                **dict(zip(names, columns, strict=True)),
            }
        ),
    )


def _mean(precision: np.ndarray) -> float:
    # As `Result.number` takes it.
    present = precision[precision > -1]
    return float(np.mean(present)) if present.size else math.nan


def _by_class(precision: np.ndarray) -> np.ndarray:
    means = np.full(precision.shape[1], math.nan)
    for k in range(precision.shape[1]):
        column = precision[:, k]
        if (column > -1).any():
            means[k] = np.mean(column[column > -1])
    return means
