"""Error types: the gain in average precision if each type of error were corrected."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanap import _core
from meanap._settings import number
from meanap.detection.scores import Scores, mean_of, means_of
from meanap.table import Table

__all__ = ["BACKGROUND", "ERRORS", "LRP", "Errors", "lrp"]

#: Default similarity up to which a detection counts as background.
BACKGROUND = 0.1

#: Error types of detections, by the core's names; missed objects; and all errors of either side.
ERRORS = (
    "classification",
    "localisation",
    "both",
    "duplicate",
    "background",
    "missed",
    "false_positives",
    "false_negatives",
)
_CORRECTIONS = _core.Matches.CORRECTIONS
_TYPES = _core.Matches.ERROR_TYPES
_STATES = _core.Matches.TRUTH_STATES
_CORRECT, _IGNORED = _TYPES.index("true_positive"), _TYPES.index("ignored")
_MISSED = _STATES.index("missed")
#: More detections than an image has: the limits have been applied already.
_NO_LIMIT = 2**31 - 1


class Errors:
    """Error types by TIDE's definitions, with the gain in AP if each were corrected.

    The type of a false positive is the first that applies:

    - ``localisation``: it has the correct category, and overlaps an object of it by `background` to `iou`;
    - ``classification``: it overlaps an object of another category by `iou` or more;
    - ``duplicate``: it overlaps an object that a detection with a higher score matched;
    - ``background``: it overlaps no object by more than `background`;
    - ``both``: anything else; location and category are both incorrect.

    An object is ``missed`` if no detection matched it and no classification or localisation error refers to it.

    Correcting an error makes it a true positive if it refers to an object that no detection matched and has the highest
    score of those, and removes it otherwise; a missed object is no longer counted. dAP is the gain in AP at `iou`, as a
    fraction of 1. The gains do not add up to 1 - AP, because correcting one error can expose another.
    ``false_positives`` is the gain if all false positives were removed, ``false_negatives`` if unmatched objects were
    not counted.

    Ignored detections and objects are no errors. A category without objects after a correction is left out of the mean,
    unless it has false positives: then its precision is 0.

    Source: Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020. Where tidecv
    itself departs from this, ``tests/test_errors.py`` shows how.

    Attributes
    ----------
    iou, background : float
    """

    def __init__(self, scores: Scores, iou: float, background: float, area: str = "all") -> None:
        self.iou = iou
        self.background = background
        self._scores = scores
        self._matches = scores.error_table(iou, background, area)
        self._pooled = scores.protocol.average == "micro"

    @functools.cached_property
    def ap(self) -> float:
        """The average precision at `iou`, without corrections."""
        return self._mean(self._base)

    @functools.cached_property
    def _corrected(self) -> dict[str, np.ndarray]:
        """Precision ``(R, K)`` at each recall point, -1 for none, with each type corrected and with none."""
        matches = self._matches.corrected(self._pooled)
        places = list(range(len(_CORRECTIONS)))
        curves = matches.accumulate(recall=self._scores.recall_points, areas=places, max_detections=[_NO_LIMIT])
        precision, objects = curves[0][0, ..., 0], matches.positives()
        counts = matches.part_counts([_NO_LIMIT])
        detections = (counts["hits"] + counts["misses"])[:, 0, :, 0]
        # No objects left, but false positives.
        precision[:, (objects == 0) & (detections > 0) & (objects[:, :1] > 0)] = 0.0
        return {name: precision[..., place] for place, name in enumerate(_CORRECTIONS)}

    @property
    def _base(self) -> np.ndarray:
        return self._corrected["nothing"]

    @functools.cached_property
    def pairs(self) -> dict[str, np.ndarray]:
        """The pair of each detection and the state of each object, as columns.

        Of ``N`` detections: ``image`` and ``category`` (positions), ``rank`` (in its image), ``score``, ``error`` (the
        name of its type, ``"true_positive"`` or ``"ignored"``), ``partner`` (the row of the object that it matches or
        refers to, -1 for none), ``corrects`` (whether correcting it would match that object), ``similarity``. Of ``G``
        objects: ``truth_image``, ``truth_category``, ``truth_state`` (``"matched"``, ``"correctable"``, ``"missed"`` or
        ``"ignored"``).
        """
        return self.pairs_in(None)

    def pairs_in(self, images: Iterable[int] | None) -> dict[str, np.ndarray]:
        """The columns of `pairs`, of the images at some positions; the rows of objects are those of these images."""
        columns = self._matches.pairs(None if images is None else list(images))
        return {
            **columns,
            "error": np.array(_TYPES)[columns["error"]],
            "truth_state": np.array(_STATES)[columns["truth_state"]],
        }

    def __getitem__(self, error: str) -> float:
        """The dAP of one type; NaN where there is no AP."""
        if error not in ERRORS:
            raise KeyError(f"no error {error!r}; there are {', '.join(ERRORS)}")
        return self._mean_of(self._corrected[error]) - self.ap

    def _mean(self, precision: np.ndarray) -> float:
        return mean_of(precision, self._scores.category_weights())

    def _mean_of(self, precision: np.ndarray) -> float:
        # With no category left to average, there are no errors.
        value = self._mean(precision)
        return value if not math.isnan(value) or math.isnan(self.ap) else 1.0

    @functools.cached_property
    def counts(self) -> dict[str, int]:
        """The count of each type; for the last two, of all false positives and all false negatives."""
        return {name: int(counts.sum()) for name, counts in self.counts_by_class.items()}

    @functools.cached_property
    def counts_by_class(self) -> dict[str, np.ndarray]:
        """The counts by category, ``(K,) int64`` for each type: detections by their own, objects by theirs."""
        errors, states = self._matches.pair_counts()
        of_type = dict(zip(_TYPES, errors.T, strict=True))
        of_state = dict(zip(_STATES, states.T, strict=True))
        wrong = sum(counts for name, counts in of_type.items() if name not in ("true_positive", "ignored"))
        lost = of_state["missed"] + of_state["correctable"]
        counts = {**of_type, "missed": of_state["missed"], "false_positives": wrong, "false_negatives": lost}
        return {name: counts[name] for name in ERRORS}

    @functools.cached_property
    def table(self) -> Table:
        """One row for each type: ``error``, ``count``, ``dap``."""
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
        """One row for each category: ``category``, ``name``, ``ap``, and the dAP of each type; NaN without objects.

        If a correction leaves a category without objects and errors, its dAP is 1 - AP.
        """
        base = means_of(self._base)
        categories = _averaged(self._scores)
        columns: dict[str, Any] = {
            **self._scores.named(categories),
            "ap": base,
        }
        for name in ERRORS:
            after = means_of(self._corrected[name])
            columns[name] = np.where(np.isnan(after) & ~np.isnan(base), 1.0, after) - base
        return Table(columns)

    @functools.cached_property
    def rows(self) -> Table:
        """One row for each false positive, best score first, then one for each missed object.

        ``error``, ``image``, ``category`` (the detection's, of a missed object its own), ``score`` (NaN for objects),
        ``similarity`` (to the object that it refers to, else to the nearest; NaN for missed objects) and ``truth``, the
        category of the object that it refers to (None if there is none).
        """
        columns = self._matches.pairs()
        wrong = np.flatnonzero((columns["error"] != _CORRECT) & (columns["error"] != _IGNORED))
        wrong = wrong[np.lexsort((columns["rank"][wrong], columns["image"][wrong], -columns["score"][wrong]))]
        missed = np.flatnonzero(columns["truth_state"] == _MISSED)
        missed = missed[np.argsort(columns["truth_image"][missed], kind="stable")]
        images, categories = self._scores.image_ids, self._scores.category_ids
        nothing = np.full(len(missed), math.nan)
        lost = [categories[k] for k in columns["truth_category"][missed]]
        about = columns["partner"][wrong].tolist()
        return Table(
            {
                "error": [*(_TYPES[e] for e in columns["error"][wrong]), *["missed"] * len(missed)],
                "image": [images[i] for i in (*columns["image"][wrong], *columns["truth_image"][missed])],
                "category": [*(categories[k] for k in columns["category"][wrong]), *lost],
                "score": np.concatenate([columns["score"][wrong], nothing]),
                "similarity": np.concatenate([columns["similarity"][wrong], nothing]),
                "truth": [*(None if g < 0 else categories[columns["truth_category"][g]] for g in about), *lost],
            }
        )

    def to_dict(self) -> dict[str, float]:
        """The dAP of each type."""
        return {name: self[name] for name in ERRORS}

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


@dataclass(frozen=True, eq=False)
class LRP:
    """Optimal localisation recall precision error (oLRP) at each category's best threshold; lower is better.

    With the detections of some score or a higher one, LRP is the mean, over true positives, false positives and
    false negatives, of ``(1 - similarity) / (1 - iou)`` for the first and 1 for the others; oLRP is the least over
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
        score; infinite where it is best to use no detection). NaN if undefined.
    """

    iou: float
    per_class: Table

    def _mean(self, name: str) -> float:
        values = self.per_class[name]
        values = values[~np.isnan(values)]
        return float(values.mean()) if values.size else math.nan

    @property
    def lrp(self) -> float:
        """The error itself: the mean over categories."""
        return self._mean("lrp")

    @property
    def localisation(self) -> float:
        """The component of localisation: the mean over categories."""
        return self._mean("localisation")

    @property
    def false_positive(self) -> float:
        """The component of false positives: the mean over categories."""
        return self._mean("false_positive")

    @property
    def false_negative(self) -> float:
        """The component of false negatives: the mean over categories."""
        return self._mean("false_negative")

    def __repr__(self) -> str:
        return (
            f"LRP(lrp={self.lrp:.3f}, localisation={self.localisation:.3f}, "
            f"false_positive={self.false_positive:.3f}, false_negative={self.false_negative:.3f}, iou={self.iou:g})"
        )

    def _repr_html_(self) -> str:
        names = ("lrp", "localisation", "false_positive", "false_negative")
        columns = {"component": list(names), "value": [getattr(self, name) for name in names]}
        return Table(columns, f"optimal LRP at {self.iou:g}; 0 is perfect")._repr_html_()


def lrp(scores: Scores, iou: float, area: str) -> LRP:
    """`Result.lrp` of scores."""
    table = scores.error_table(iou, min(BACKGROUND, number(iou, "iou")), area)
    columns = table.lrp(iou, scores.protocol.average == "micro")
    names = ("lrp", "localisation", "false_positive", "false_negative", "threshold")
    return LRP(iou, Table({**scores.named(_averaged(scores)), **dict(zip(names, columns, strict=True))}))


def _averaged(scores: Scores) -> list[Any]:
    """Categories as they are averaged: with ``"micro"`` all are one."""
    return [-1] if scores.protocol.average == "micro" else scores.category_ids
