"""Masks and keypoints of detections, generated in batches."""

from collections.abc import Callable
from typing import Any

import numpy as np

from meanap import _rle
from meanap.generate.vocabulary import STANCE


class MaskDrawing:
    """Outlines of the data set's objects, fitted to the detections' boxes, made rough, drawn as RLE.

    `shape` says whose outline each detection borrows, as a position in `annotations`; -1 is an octagon.
    """

    def __init__(
        self, annotations: list[dict[str, Any]], shape: np.ndarray, sizes: np.ndarray, box: np.ndarray, seed: int
    ) -> None:
        self.annotations: list[dict[str, Any]] = annotations
        self.shape: np.ndarray = shape
        self.sizes: np.ndarray = sizes
        self.box: np.ndarray = box
        self.seed: int = seed

    def draw(self, rows: slice) -> tuple[str, list[dict[str, Any]]]:
        """The masks of a stretch of detections, as compressed RLE with text counts."""
        rng = np.random.default_rng([self.seed, 3, rows.start])
        shapes = self.shape[rows]
        rings = [ring for shape in shapes.tolist() for ring in self._rings(shape)]
        ring_count = np.array([len(self._rings(shape)) for shape in shapes.tolist()])
        points = np.concatenate(rings).reshape(-1, 2)
        lengths = np.array([len(ring) // 2 for ring in rings])
        owner = np.repeat(np.arange(len(shapes)), ring_count)
        points = self._fitted(rng, points, np.repeat(owner, lengths), rows)
        ends = np.cumsum(2 * lengths).tolist()
        flat = points.reshape(-1).tolist()
        polygons = [flat[end - 2 * length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]
        sizes = self.sizes[rows].astype(int).tolist()
        found, next_ring = [], 0
        for (width, height), count in zip(sizes, ring_count.tolist(), strict=True):
            rle = _rle.of_polygons(polygons[next_ring : next_ring + count], height, width)
            next_ring += count
            found.append({"size": [height, width], "counts": rle["counts"].decode("ascii")})
        return "segmentation", found

    def _rings(self, shape: int) -> list[list[float]]:
        rings: list[list[float]] = self.annotations[shape]["segmentation"] if shape >= 0 else [OCTAGON]
        return rings

    def _fitted(self, rng: np.random.Generator, points: np.ndarray, owner: np.ndarray, rows: slice) -> np.ndarray:
        """Points moved from the box they fill to their detection's box, a little astray, within the image."""
        box, sizes = self.box[rows], self.sizes[rows]
        starts = np.searchsorted(owner, np.arange(len(box)))
        low = np.minimum.reduceat(points, starts)
        span = np.maximum(np.maximum.reduceat(points, starts) - low, 1e-6)
        places = (points - low[owner]) / span[owner] + rng.normal(0, 0.012, points.shape)
        fitted: np.ndarray = np.clip(box[owner, :2] + places * box[owner, 2:], 0, sizes[owner])
        return fitted


OCTAGON = [0.3, 0.0, 0.7, 0.0, 1.0, 0.3, 1.0, 0.7, 0.7, 1.0, 0.3, 1.0, 0.0, 0.7, 0.0, 0.3]


class PoseDrawing:
    """Poses: the object's own joints carried over to the detection's box, worse where the box is worse."""

    def __init__(
        self,
        objects: Any,
        box: np.ndarray,
        source: np.ndarray,
        quality: np.ndarray,
        seed: int,
        written: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        self.objects: Any = objects
        self.box: np.ndarray = box
        self.source: np.ndarray = source
        self.quality: np.ndarray = quality
        self.seed: int = seed
        self.written: Callable[[np.ndarray], np.ndarray] = written

    def draw(self, rows: slice) -> tuple[str, list[list[float]]]:
        """17 x (x, y, confidence) for a stretch of detections."""
        rng = np.random.default_rng([self.seed, 4, rows.start])
        box = self.box[rows]
        count = len(box)
        places = np.tile(STANCE, (count, 1, 1))
        if len(self.objects.box):
            joints, theirs = self.objects.joints[self.source[rows]], self.objects.box[self.source[rows]]
            relative = (joints[..., :2] - theirs[:, None, :2]) / np.maximum(theirs[:, None, 2:], 1)
            places = np.where(joints[..., 2:] > 0, relative, places)
        quality = self.quality[rows][:, None, None]
        places = places + rng.normal(size=places.shape) * (0.015 + 0.10 * (1 - quality))
        confidence = 1 / (1 + np.exp(-(4 * quality + rng.normal(size=(*places.shape[:2], 1)))))
        joints = np.concatenate([box[:, None, :2] + places * box[:, None, 2:], confidence], 2)
        poses: list[list[float]] = self.written(joints).reshape(count, -1).tolist()
        return "keypoints", poses
