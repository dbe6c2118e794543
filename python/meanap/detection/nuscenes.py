"""nuScenes' errors of true positives, and its detection score (NDS).

Source: ``accumulate``, ``calc_tp`` and ``DetectionMetrics`` of nuScenes' development kit. What matched is read from the
evaluation's pairs; the errors are those of boxes whose centres are within two metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import readers
from meanap.detection.evaluation import evaluated
from meanap.errors import InputError
from meanap.protocol import get
from meanap.readers.nuscenes import CLASSES
from meanap.readers.sides import Detections, GroundTruth, plain_ids
from meanap.table import Table

if TYPE_CHECKING:
    from typing import Literal

    from meanap.detection.result import Result

__all__ = ["NEAR", "NuScenesScore", "nuscenes_score", "score_of"]

#: Errors of translation, size, orientation, velocity and attribute.
_ERRORS = ("translation", "scale", "orientation", "velocity", "attribute")
#: What does not count: cones have no direction and neither cones nor barriers move.
_NOT_OF = {"traffic_cone": ("orientation", "velocity", "attribute"), "barrier": ("velocity", "attribute")}
#: 1 / (1 + metres) of the distance at which errors are measured.
NEAR = 1 / 3
#: The weight of AP in the score.
_WEIGHT = 5
_OTHER_FORMAT = "it is not in nuScenes' format, which has velocities and attributes"
#: Recalls at which errors are averaged, from the eleventh hundredth on.
_RECALLS = np.linspace(0.0, 1.0, 101)
_FIRST = 11


@dataclass(frozen=True)
class NuScenesScore:
    """nuScenes' numbers: those of each class in `per_class`, and their means.

    Attributes
    ----------
    score
        The nuScenes detection score: five times AP and one less each error, at least 0, over ten.
    ap
        The mean AP over the classes.
    errors
        The mean of each error over the classes of which it counts: ``translation`` (metres), ``scale`` (1 less the
        overlap of the aligned boxes), ``orientation`` (radians), ``velocity`` (metres a second), ``attribute`` (the
        fraction that is not the same).
    per_class
        A row for each class: ``ap`` and its errors; NaN for those that do not count.
    """

    score: float
    ap: float
    errors: dict[str, float]
    per_class: Table

    def __str__(self) -> str:
        rows = [
            ("nds", self.score),
            ("ap_of_ten_classes", self.ap),
            *((f"{name}_error", value) for name, value in self.errors.items()),
        ]
        return "\n".join(f"{name:>17}  {value:.3f}" for name, value in rows)


def nuscenes_score(
    ground_truth: Any, detections: Any, *, on_error: Literal["raise", "skip"] = "raise"
) -> NuScenesScore:
    """NuScenes' detection score, and the errors of true positives that it is made of.

    Parameters
    ----------
    ground_truth, detections
        nuScenes' JSON, or dictionaries as it holds, whose boxes have ``velocity`` and ``attribute_name``.
    on_error : {"raise", "skip"}
        As for `meanap.evaluate`.

    Returns
    -------
    NuScenesScore

    Raises
    ------
    ValueError
        Input that cannot be used, or of another format.

    Examples
    --------
    >>> from meanap.detection import nuscenes_score
    >>> box = {
    ...     "translation": [10, 2, 1], "size": [1.8, 4.2, 1.5], "rotation": [1, 0, 0, 0], "velocity": [0, 1],
    ...     "detection_name": "car", "attribute_name": "vehicle.moving",
    ... }
    >>> found = {**box, "translation": [10.5, 2, 1], "detection_score": 0.9}
    >>> found = nuscenes_score({"s1": [box]}, {"results": {"s1": [found]}})
    >>> found.per_class.row(category="car")["translation"]
    0.5
    """
    options = readers.Options("centre-distance", on_error=on_error)
    problems = readers.Problems(on_error)
    truth = readers.ground_truth(ground_truth, options, problems)
    found = readers.detections(detections, options, problems, truth)
    problems.tell()
    sides = _of_format(truth, found)
    return score_of(evaluated(*sides, get("nuscenes"), options, score_range=None, errors_at=(NEAR,)), *sides)


def score_of(result: Result, truth: Any, found: Any) -> NuScenesScore:
    """The score of both sides that have been read, and evaluated with error types at `NEAR`.

    Raises
    ------
    InputError
        They are of another format.
    """
    truth, found = _of_format(truth, found)
    pairs = result.errors(NEAR).pairs
    rows, objects = _rows_of(pairs, found, truth, result)
    names = list(result.category_ids)
    columns: dict[str, list[float]] = {"ap": [], **{name: [] for name in _ERRORS}}
    of_class = dict(zip(names, result.scores.by_class("ap").tolist(), strict=True))
    for name in CLASSES:
        of_this = pairs["category"] == names.index(name) if name in names else np.zeros(0, dtype=bool)
        count = int((pairs["truth_category"] == names.index(name)).sum()) if name in names else 0
        ap = of_class.get(name, math.nan)
        columns["ap"].append(0.0 if math.isnan(ap) else ap)
        errors = _errors_of_class(name, pairs, np.flatnonzero(of_this), count, (found, rows), (truth, objects))
        for error in _ERRORS:
            columns[error].append(math.nan if error in _NOT_OF.get(name, ()) else errors[error])
    ap = float(np.mean(columns["ap"]))
    means = {name: float(np.nanmean(columns[name])) for name in _ERRORS}
    score = (_WEIGHT * ap + sum(max(0.0, 1.0 - error) for error in means.values())) / (_WEIGHT + len(means))
    return NuScenesScore(score, ap, means, Table({"category": list(CLASSES), **columns}))


def _of_format(truth: Any, found: Any) -> tuple[GroundTruth, Detections]:
    if not isinstance(truth, GroundTruth) or "velocity" not in truth.arrays:
        raise InputError(_OTHER_FORMAT, "ground_truth")
    if not isinstance(found, Detections) or "velocity" not in found.arrays:
        raise InputError(_OTHER_FORMAT, "detections")
    return truth, found


def _rows_of(
    pairs: dict[str, np.ndarray], found: Detections, truth: GroundTruth, result: Result
) -> tuple[np.ndarray, np.ndarray]:
    """The row in its side of each detection and of each object of the pairs."""

    def sorted_rows(side: Any, scores: np.ndarray) -> np.ndarray:
        image = {id: at for at, id in enumerate(result.image_ids)}
        category = {id: at for at, id in enumerate(result.category_ids)}
        images = np.array([image[id] for id in plain_ids(side.image_ids)], dtype=np.int64)
        categories = np.array([category[id] for id in plain_ids(side.category_ids)], dtype=np.int64)
        # As the match table has them: of equal scores in an image the first is the first.
        order: np.ndarray = np.lexsort((-scores, images, categories))
        return order

    rows = np.empty(len(pairs["image"]), dtype=np.int64)
    by_rank = np.lexsort((pairs["rank"], pairs["image"], pairs["category"]))
    rows[by_rank] = sorted_rows(found, np.asarray(found.arrays["scores"], dtype=np.float64))
    objects = np.empty(len(pairs["truth_image"]), dtype=np.int64)
    in_order = np.lexsort((pairs["truth_image"], pairs["truth_category"]))
    objects[in_order] = sorted_rows(truth, np.zeros(len(truth.image_ids)))
    return rows, objects


def _errors_of_class(
    name: str,
    pairs: dict[str, np.ndarray],
    places: np.ndarray,
    count: int,
    found: tuple[Detections, np.ndarray],
    truth: tuple[GroundTruth, np.ndarray],
) -> dict[str, float]:
    """Each error's mean over recalls; 1 where nothing matched, or less than a tenth of the objects."""
    places = places[np.lexsort((pairs["rank"][places], pairs["image"][places], -pairs["score"][places]))]
    matched = pairs["error"][places] == "true_positive"
    if not matched.any():
        return dict.fromkeys(_ERRORS, 1.0)
    score = pairs["score"][places]
    confidence = np.interp(_RECALLS, np.cumsum(matched) / count, score, right=0)
    last = int(np.flatnonzero(confidence)[-1]) if confidence.any() else 0
    if last < _FIRST:
        return dict.fromkeys(_ERRORS, 1.0)
    of_found, of_truth = found[1][places[matched]], truth[1][pairs["partner"][places[matched]]]
    means = {}
    for error, values in _errors(name, found[0], of_found, truth[0], of_truth).items():
        running = np.interp(confidence[::-1], score[matched][::-1], _running_mean(values)[::-1])[::-1]
        means[error] = float(np.mean(running[_FIRST : last + 1]))
    return means


def _errors(
    name: str, found: Detections, of_found: np.ndarray, truth: GroundTruth, of_truth: np.ndarray
) -> dict[str, np.ndarray]:
    """The errors of matched boxes ``(N,)``; NaN where an object has no attribute."""
    a, b = (np.asarray(side.arrays["boxes"])[rows] for side, rows in ((found, of_found), (truth, of_truth)))
    both = np.prod(np.minimum(a[:, 3:6], b[:, 3:6]), axis=1)
    union = np.prod(a[:, 3:6], axis=1) + np.prod(b[:, 3:6], axis=1) - both
    # The front of a barrier looks like its back.
    period = math.pi if name == "barrier" else 2 * math.pi
    turn = (b[:, 6] - a[:, 6] + period / 2) % period - period / 2
    speeds = np.asarray(found.arrays["velocity"])[of_found] - np.asarray(truth.arrays["velocity"])[of_truth]
    one, other = np.asarray(found.arrays["attribute"])[of_found], np.asarray(truth.arrays["attribute"])[of_truth]
    return {
        "translation": np.linalg.norm(a[:, :2] - b[:, :2], axis=1),
        "scale": 1 - both / union,
        "orientation": np.abs(turn),
        "velocity": np.linalg.norm(speeds, axis=1),
        "attribute": np.where(other == "", math.nan, 1.0 - (one == other)),
    }


def _running_mean(values: np.ndarray) -> np.ndarray:
    """The mean up to each position without NaN; 1 if all are NaN, 0 before the first that is not."""
    there = ~np.isnan(values)
    if not there.any():
        return np.ones(len(values))
    means: np.ndarray = np.nancumsum(values) / np.maximum(np.cumsum(there), 1)
    return means
