"""nuScenes: boxes in space of detection, as JSON or the dictionary that it holds.

Results are ``{"results": {sample: [{"translation", "size", "rotation", "detection_name", "detection_score", …}]}}``;
ground truth is the same without scores, or the samples alone, as the development kit's ``EvalBoxes.serialize()`` gives
them. Image ids are the tokens of the samples, category ids the names. ``size`` is width, length and height,
``rotation`` a quaternion, of which the turn about the vertical counts. What the kit leaves out is left out, as far as
it is said: a box with ``ego_translation`` that is beyond the range of its class, and an object with ``num_pts`` 0.

Boxes are in the reverse order: of equal scores in a sample the kit takes the last one first, and of equal distances the
first object.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from meanap._arrays import shown
from meanap._similarity import GEOMETRY
from meanap.errors import InputError
from meanap.readers._collected import finite
from meanap.readers._known_ids import CategoryIds
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, ends, head, is_path, json_of
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["CLASSES", "NuScenes"]

#: How far from the vehicle a box of each class counts.
_RANGES = {
    **dict.fromkeys(("car", "truck", "bus", "trailer", "construction_vehicle"), 50.0),
    **dict.fromkeys(("pedestrian", "motorcycle", "bicycle"), 40.0),
    **dict.fromkeys(("traffic_cone", "barrier"), 30.0),
}
#: The classes of nuScenes.
CLASSES = tuple(_RANGES)
_FIELDS = ("translation", "size", "rotation", "detection_name")


class _Box(NamedTuple):
    """A box that counts."""

    sample: str
    name: str
    score: float
    numbers: list[float]
    velocity: list[float]
    attribute: str


class NuScenes(Reader):
    """A JSON file, or its dictionary."""

    name = "nuscenes"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it has samples with boxes."""
        if isinstance(source, Mapping):
            lists = source.get("results", source)
            listed = lists.values() if isinstance(lists, Mapping) else ()
            box = next((boxes[0] for boxes in listed if isinstance(boxes, list) and boxes), None)
            return isinstance(box, Mapping) and set(_FIELDS) <= box.keys()
        if not is_path(source) or not ends(source, ".json"):
            return False
        start = head(source)
        return all(f'"{field}"'.encode() in start for field in _FIELDS[:3])

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all samples."""
        place, samples = _samples(source, "ground_truth", options)
        boxes = _boxes(samples, place, problems, scored=False)
        side = GroundTruth(
            [box.sample for box in boxes],
            [box.name for box in boxes],
            np.array([box.numbers for box in boxes], dtype=np.float64).reshape(-1, 7),
            images=list(samples),
        )
        side.arrays |= _motion(boxes)
        return side

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The boxes that were found."""
        place, samples = _samples(source, "detections", options)
        known = None if truth is None or truth.images is None else set(truth.images)
        there: dict[str, Any] = {}
        for sample, boxes in samples.items():
            if known is not None and sample not in known:
                text = f"is {sample!r}, which is not in the ground truth"
                problems.reject(Problem("unknown-image", "error", place, None, "sample", text, None))
            else:
                there[sample] = boxes
        found = _boxes(there, place, problems, scored=True)
        categories = CategoryIds(truth)
        side = Detections(
            [box.sample for box in found],
            [categories.of(box.name) for box in found],
            np.array([box.score for box in found], dtype=np.float64),
            np.array([box.numbers for box in found], dtype=np.float64).reshape(-1, 7),
        )
        side.any_score = True
        side.arrays |= _motion(found)
        return side


def _motion(boxes: list[_Box]) -> dict[str, np.ndarray]:
    """How boxes move, which no protocol reads but the nuScenes detection score."""
    velocities = np.array([box.velocity for box in boxes], dtype=np.float64).reshape(-1, 2)
    return {"velocity": velocities, "attribute": np.array([box.attribute for box in boxes], dtype=object)}


def _samples(source: Any, role: Role, options: Options) -> tuple[str, Mapping[str, Any]]:
    """What the source is called in errors, and its boxes by sample."""
    place = os.fspath(source) if is_path(source) else role
    if GEOMETRY[options.similarity] != "3D boxes":
        expected = "similarity 'centre-distance', 'bev' or 'box3d'"
        problem = f"format 'nuscenes' has 3D boxes only, expected {expected}, found {options.similarity!r}"
        raise InputError(problem, place, code="wrong-geometry")
    data = json_of(source)
    samples = data.get("results", data) if isinstance(data, Mapping) else None
    if not isinstance(samples, Mapping):
        raise InputError("there is no dictionary of boxes by sample", place, code="wrong-kind-of-file")
    for sample, boxes in samples.items():
        if not isinstance(boxes, list):
            raise InputError(None, f"{place}: {sample}", found=f"is {shown(boxes)}", expected="a list of boxes")
    return place, samples


def _boxes(samples: Mapping[str, list[Any]], place: str, problems: Problems, *, scored: bool) -> list[_Box]:
    """The boxes that count and can be used, the last one first."""
    made = []
    for sample, records in samples.items():
        for number, record in enumerate(records):
            try:
                box = _box(sample, record, scored)
            except _Wrong as wrong:
                problem = Problem(
                    wrong.code, "error", f"{place}: {sample}", number, wrong.field, wrong.found, wrong.expected
                )
                problems.reject(problem, place)
            else:
                made += [box] if _counts(record, box.name) else []
    return made[::-1]


class _Wrong(Exception):
    """A field of a record cannot be used."""

    def __init__(self, code: str, field: str, value: Any, expected: str) -> None:
        self.code, self.field, self.expected = code, field, expected
        self.found = "is missing" if value is None else f"is {shown(value)}"
        super().__init__(self.found)


def _box(sample: str, record: Any, scored: bool) -> _Box:
    if not isinstance(record, Mapping):
        raise _Wrong("malformed-record", "box", record, "an object")
    if not scored and (finite(record.get("detection_score")) or 0.0) > 0.0:
        raise _Wrong("wrong-kind-of-file", "detection_score", record["detection_score"], "none: results have scores")
    name = record.get("detection_name")
    if not isinstance(name, str):
        raise _Wrong("missing-field", "detection_name", name, "the name of a class")
    score = finite(record.get("detection_score")) if scored else 0.0
    if score is None:
        raise _Wrong("bad-score", "detection_score", record.get("detection_score"), "a number")
    x, y, z = _numbers(record, "translation", 3, "3 numbers (x, y, z)")
    width, length, height = _numbers(record, "size", 3, "3 numbers (width, length, height), none below 0")
    if min(width, length, height) < 0:
        raise _Wrong("malformed-box", "size", record["size"], "3 numbers (width, length, height), none below 0")
    turn = _numbers(record, "rotation", 4, "4 numbers (w, x, y, z of a quaternion), not all 0")
    if not any(turn):
        raise _Wrong(
            "malformed-box", "rotation", record["rotation"], "4 numbers (w, x, y, z of a quaternion), not all 0"
        )
    speeds = record.get("velocity")
    given = [finite(speed) for speed in speeds] if isinstance(speeds, (list, tuple)) and len(speeds) == 2 else [None]
    velocity = [np.nan, np.nan] if None in given else [speed for speed in given if speed is not None]
    attribute = record.get("attribute_name")
    attribute = attribute if isinstance(attribute, str) else ""
    return _Box(sample, name, score, [x, y, z, length, width, height, _yaw(*turn)], velocity, attribute)


def _numbers(record: Mapping[str, Any], field: str, count: int, expected: str) -> list[float]:
    value = record.get(field)
    numbers = [finite(number) for number in value] if isinstance(value, (list, tuple)) else []
    usable = [number for number in numbers if number is not None]
    if len(usable) != count or len(numbers) != count:
        raise _Wrong("missing-field" if value is None else "malformed-box", field, value, expected)
    return usable


def _yaw(w: float, x: float, y: float, z: float) -> float:
    """The yaw of a rotation: the angle, on the ground, of the rotated x axis."""
    return float(np.arctan2(2 * (x * y + w * z), w * w + x * x - y * y - z * z))


def _counts(record: Mapping[str, Any], name: str) -> bool:
    """Whether the kit does not leave it out."""
    if record.get("num_pts") == 0:
        return False
    away = record.get("ego_translation")
    if name not in _RANGES or not isinstance(away, (list, tuple)) or len(away) < 2:
        return True
    return bool(np.sqrt(np.sum(np.array(away[:2], dtype=np.float64) ** 2)) < _RANGES[name])
