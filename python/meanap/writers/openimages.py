"""Open Images: ``annotations.csv``, ``detections.csv``, and where wanted blank ``images/NAME.png``."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from meanap._files import replacing
from meanap.readers.sides import Detections, GroundTruth, plain_ids
from meanap.writers._columns import corners_of, file_names, flags, names_of, numbers, size_of
from meanap.writers._images import write_blank_images

__all__ = ["detections", "ground_truth"]


def ground_truth(folder: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write the boxes of all images; crowd regions are groups."""
    path = folder / "annotations.csv"
    _write(path, truth, truth, "IsGroupOf", [int(flag) for flag in flags(truth, "iscrowd")])
    if images:
        write_blank_images(folder, truth)
    return path


def detections(folder: Path, found: Detections, truth: GroundTruth) -> Path:
    """Write the detections of all images."""
    path = folder / "detections.csv"
    _write(path, truth, found, "Score", numbers(found, "scores").tolist())
    return path


def _write(path: Path, truth: GroundTruth, side: GroundTruth | Detections, name: str, column: list[float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files, names = file_names(truth), names_of(truth)
    images = plain_ids(side.image_ids)
    sizes = np.array([size_of(truth.sizes, id) for id in images], dtype=np.float64).reshape(-1, 2)
    fractions = corners_of(side) / sizes[:, [1, 0, 1, 0]]
    with replacing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax", name])
        rows = zip(images, plain_ids(side.category_ids), fractions.tolist(), column, strict=True)
        writer.writerows([files[id], names[label], x1, x2, y1, y2, last] for id, label, (x1, y1, x2, y2), last in rows)
