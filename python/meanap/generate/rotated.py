"""Rotated boxes: the boxes of generated scenes, turned, and those of the detector with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._files import write_text
from meanap.generate.detector import detect
from meanap.generate.files import write_dataset
from meanap.generate.scenes import dataset

if TYPE_CHECKING:
    from meanap._types import PathLike

__all__ = ["rotated", "write_rotated"]

#: Standard deviation of a detection's angle, in degrees.
_SPREAD = 4.0


def rotated(
    images: int = 100, seed: int = 0, *, objects: float = 8, per_image: float = 40
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A data set of rotated boxes, and detections of it.

    Parameters
    ----------
    images : int
        How many images.
    seed : int
        The same seed gives the same data.
    objects, per_image : float
        Mean numbers of objects and of detections of an image.

    Returns
    -------
    dict, list of dict
        As for `dataset` of kind "boxes" without crowds and of `detections`; each ``bbox`` is centre, width, height and
        angle in degrees, counter-clockwise.

    >>> truth, found = rotated(images=3, seed=1)
    >>> len(truth["annotations"]), len(found[0]["bbox"])
    (24, 5)
    """
    truth = dataset(images, seed, kind="boxes", objects=objects, crowds=0)
    found = detect(truth, per_image=per_image, seed=seed, decimals=2).records()
    rng = np.random.default_rng([seed, 5])
    angles = np.round(rng.uniform(-180, 180, len(truth["annotations"])), 2)
    by_image: dict[int, list[tuple[list[float], float]]] = {}
    for record, angle in zip(truth["annotations"], angles.tolist(), strict=True):
        by_image.setdefault(record["image_id"], []).append((record["bbox"], angle))
    noise = rng.normal(0, _SPREAD, len(found))
    for record, error in zip(found, noise.tolist(), strict=True):
        x, y, width, height = record["bbox"]
        centre = np.array([x + width / 2, y + height / 2])

        def distance(other: tuple[list[float], float], centre: np.ndarray = centre) -> float:
            left, top, across, down = other[0]
            return float(np.abs(centre - [left + across / 2, top + down / 2]).sum())

        # That of the nearest object.
        angle = min(by_image.get(record["image_id"], [([0.0] * 4, 0.0)]), key=distance)[1]
        record["bbox"] = _turned(record["bbox"], round(angle + error, 2))
    for record, angle in zip(truth["annotations"], angles.tolist(), strict=True):
        record["bbox"] = _turned(record["bbox"], angle)
    return truth, found


def _turned(box: list[float], angle: float) -> list[float]:
    x, y, width, height = box
    return [round(x + width / 2, 4), round(y + height / 2, 4), width, height, angle]


def write_rotated(folder: PathLike, *, images: int = 500, seed: int = 0) -> tuple[Path, Path]:
    """Write what `rotated` gives as rotated.json and rotated-found.json; returns the paths."""
    import json

    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    truth, found = rotated(images, seed)
    path = place / "rotated-found.json"
    write_text(path, json.dumps(found))
    return write_dataset(place / "rotated.json", truth), path
