"""A simulated detector with typical errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from meanap._counts import counts_of
from meanap.generate.geometry import MaskDrawing, PoseDrawing
from meanap.generate.scenes import random_boxes, share
from meanap.generate.vocabulary import STANCE

DetectionKind = Literal["bbox", "segm", "keypoints"]
KINDS = ("bbox", "segm", "keypoints")

# How many dictionaries exist at once while a file is written. Masks and poses are drawn from a generator of
# their own for each stretch, so a different number here gives different ones.
STRETCH = 20_000


@dataclass
class SimulatedDetections:
    """Detections as columns; dictionaries are made a stretch at a time, so that millions need little memory.

    `image_id`, `category_id`: `(N,) int64`; `box`: `(N, 4) float64` x, y, width, height; `score`: `(N,)
    float64`; `geometry`: what masks and poses are drawn from, or None for boxes; `boxes`: whether masks and
    poses are reported with their boxes.
    """

    kind: str
    image_id: np.ndarray
    category_id: np.ndarray
    box: np.ndarray
    score: np.ndarray
    geometry: MaskDrawing | PoseDrawing | None = None
    boxes: bool = False

    def __len__(self) -> int:
        return len(self.score)

    def array(self) -> np.ndarray:
        """`(N, 7) float64`: image id, x, y, width, height, score, category id."""
        if self.kind != "bbox":
            raise ValueError(f"only boxes can be an array, not {self.kind}")
        return np.column_stack([self.image_id, self.box, self.score, self.category_id])

    def records(self) -> list[dict[str, Any]]:
        """All detections as dictionaries in COCO's results format."""
        return [record for stretch in self.stretches() for record in stretch]

    def stretches(self) -> Iterator[list[dict[str, Any]]]:
        """The dictionaries, `STRETCH` at a time."""
        for start in range(0, len(self), STRETCH):
            rows = slice(start, start + STRETCH)
            fields: dict[str, list[Any]] = {
                "image_id": self.image_id[rows].tolist(),
                "category_id": self.category_id[rows].tolist(),
            }
            if self.kind == "bbox" or self.boxes:
                fields["bbox"] = self.box[rows].tolist()
            if self.geometry is not None:
                name, values = self.geometry.draw(rows)
                fields[name] = values
            fields["score"] = self.score[rows].tolist()
            yield [dict(zip(fields, values, strict=True)) for values in zip(*fields.values(), strict=True)]


def detect(
    truth: dict[str, Any],
    kind: DetectionKind = "bbox",
    *,
    per_image: float = 40,
    seed: int = 0,
    decimals: int | None = None,
    boxes: bool = False,
) -> SimulatedDetections:
    """`meanap.generate.detections` as columns."""
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}, expected one of {', '.join(KINDS)}")
    if not per_image >= 0:
        raise ValueError(f"per_image is {per_image}, expected a number of at least 0")
    objects = _Objects(truth)
    if kind == "keypoints" and not objects.has_poses:
        raise ValueError('the data set has no poses; make it with kind="keypoints"')
    rng = np.random.default_rng([seed, 2])
    images = len(objects.sizes)
    # Busy images get more detections.
    wanted = 0.25 + objects.count / max(len(objects.box) / max(images, 1), 1e-9)
    wanted *= np.exp(rng.normal(0, 0.2, images))
    limit = max(100, int(np.ceil(per_image)))
    image = np.repeat(np.arange(images), share(wanted, round(per_image * images), limit))
    source, role = _roles(rng, objects, image)
    box = _placed(rng, objects, image, source, role)
    quality = np.where(role == FALSE_POSITIVE, 0, _overlap(box, objects.box[source]) if len(objects.box) else 0)
    category, correct = _named(rng, objects, source, role)
    score = _scored(rng, quality, role, correct)

    order = np.lexsort((-score, image))
    image, source, box, quality = image[order], source[order], box[order], quality[order]
    written = _writer(decimals)
    geometry: MaskDrawing | PoseDrawing | None = None
    if kind == "segm":
        geometry = MaskDrawing(truth["annotations"], objects.shape_of(source), objects.sizes[image], box, seed)
    elif kind == "keypoints":
        geometry = PoseDrawing(objects, box, source, quality, seed, written)
    return SimulatedDetections(
        kind, objects.image_ids[image], category[order], written(box), written(score[order]), geometry, boxes
    )


# What a detection is to the object it came from.
MAIN, DUPLICATE, FALSE_POSITIVE = 0, 1, 2


class _Objects:
    """The ground truth as columns, sorted by image: what the detector sees."""

    def __init__(self, truth: dict[str, Any]) -> None:
        images, annotations = truth["images"], truth["annotations"]
        position = {image["id"]: index for index, image in enumerate(images)}
        image = np.array([position[entry["image_id"]] for entry in annotations], np.int64)
        order = np.argsort(image, kind="stable")
        self.image_ids = np.array([image["id"] for image in images], np.int64)
        self.sizes = np.array([(image["width"], image["height"]) for image in images], float).reshape(-1, 2)
        self.count = counts_of(image, length=len(images)).astype(np.int64)
        self.first = np.cumsum(self.count) - self.count
        self.category_ids = np.array([entry["id"] for entry in truth["categories"]], np.int64)
        sorted_entries = [annotations[index] for index in order]
        self.annotation = order
        self.category = np.array([entry["category_id"] for entry in sorted_entries], np.int64)
        self.box = np.array([entry["bbox"] for entry in sorted_entries], float).reshape(-1, 4)
        self.crowd = np.array([entry["iscrowd"] for entry in sorted_entries], bool)
        self.has_poses = all("keypoints" in entry for entry in annotations)
        if self.has_poses:
            joints = np.array([entry["keypoints"] for entry in sorted_entries], float)
            self.joints = joints.reshape(-1, len(STANCE), 3)

    def shape_of(self, source: np.ndarray) -> np.ndarray:
        """Whose outline a detection borrows, as a position in the data set; crowds lend none (-1)."""
        if len(self.annotation) == 0:
            return np.full(len(source), -1)
        return np.where(self.crowd[source], -1, self.annotation[source])


def _roles(rng: np.random.Generator, objects: _Objects, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The object of each detection (row of `objects`), and its role: main, duplicate or false positive."""
    count = objects.count[image]
    starts = np.searchsorted(image, image)
    rank = np.arange(len(image)) - starts
    not_found = rng.random(len(image)) < 0.16
    role = np.where(
        (rank < count) & ~not_found, MAIN, np.where(rng.random(len(image)) < 0.45, DUPLICATE, FALSE_POSITIVE)
    )
    role[count == 0] = FALSE_POSITIVE
    any_in_image = objects.first[image] + (rng.random(len(image)) * count).astype(np.int64)
    anywhere = rng.integers(0, max(len(objects.box), 1), len(image))
    source = np.select([role == MAIN, role == DUPLICATE], [objects.first[image] + rank, any_in_image], anywhere)
    return source, role


def _placed(
    rng: np.random.Generator, objects: _Objects, image: np.ndarray, source: np.ndarray, role: np.ndarray
) -> np.ndarray:
    """Boxes: near their object, worse for small ones; within a crowd region a part of it; else anywhere."""
    sizes = objects.sizes[image]
    boxes = random_boxes(rng, sizes)
    near = np.flatnonzero(role != FALSE_POSITIVE)
    if len(near):
        target = objects.box[source[near]]
        crowd = objects.crowd[source[near]][:, None]
        extent = target[:, 2:] * np.where(crowd, 0.1 + 0.3 * rng.random((len(near), 2)), 1.0)
        centre = target[:, :2] + target[:, 2:] * np.where(crowd, rng.random((len(near), 2)), 0.5)
        root = np.sqrt(np.maximum(target[:, 2] * target[:, 3], 1))
        spread = 0.02 + 0.07 * np.abs(rng.normal(size=len(near))) * np.clip(np.sqrt(40 / root), 0.6, 2.5)
        spread = np.where(role[near] == DUPLICATE, 0.12 + 0.25 * rng.random(len(near)), spread)[:, None]
        centre += rng.normal(size=(len(near), 2)) * spread * extent
        extent *= np.exp(rng.normal(size=(len(near), 2)) * spread)
        boxes[near] = np.concatenate([centre - extent / 2, extent], 1)
    low = np.clip(boxes[:, :2], 0, sizes - 1)
    high = np.clip(boxes[:, :2] + boxes[:, 2:], low + 1, sizes)
    return np.concatenate([low, high - low], 1)


def _overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each pair, `(n,) float64`."""
    low = np.maximum(boxes[:, :2], others[:, :2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], others[:, :2] + others[:, 2:])
    common = np.maximum(high - low, 0).prod(1)
    similarities: np.ndarray = common / (boxes[:, 2:].prod(1) + others[:, 2:].prod(1) - common)
    return similarities


def _named(
    rng: np.random.Generator, objects: _Objects, source: np.ndarray, role: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Category ids, and whether each is that of the object: confusions follow the categories' frequencies."""
    if len(objects.category) == 0:
        drawn = rng.integers(0, len(objects.category_ids), len(source))
        return objects.category_ids[drawn], np.zeros(len(source), bool)
    own = objects.category[source]
    other = objects.category[rng.integers(0, len(objects.category), len(source))]
    stays = rng.random(len(source)) < np.array([0.90, 0.60, 0.5])[role]
    category = np.where(stays, own, other)
    return category, (category == own) & (role != FALSE_POSITIVE)


def _scored(rng: np.random.Generator, quality: np.ndarray, role: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Scores between 0 and 1: high where location and class are correct, low for duplicates and false positives."""
    level = np.select([correct & (role == MAIN), role == MAIN, role == DUPLICATE], [0.0, -2.2, -3.0], -4.0)
    slope = np.array([6.0, 4.0, 0.0])[role]
    scores: np.ndarray = 1 / (1 + np.exp(-(level + slope * (quality - 0.65) + rng.normal(0, 1.1, len(quality)))))
    return scores


def _writer(decimals: int | None) -> Callable[[np.ndarray], np.ndarray]:
    """How numbers leave the detector: as single-precision values, or rounded."""
    if decimals is None:
        return lambda values: values.astype(np.float32).astype(float)
    return lambda values: np.round(values, decimals)
