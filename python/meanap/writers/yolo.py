"""YOLO: ``data.yaml``, ``labels/NAME.txt`` and where wanted blank ``images/NAME.png``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from meanap._files import write_text
from meanap.readers.sides import Detections, GroundTruth, plain_ids
from meanap.writers._columns import boxes_of, file_names, names_of, not_counted, numbers, rows_by_image, size_of
from meanap.writers._images import write_blank_images

__all__ = ["detections", "ground_truth"]


def ground_truth(folder: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write a data set; crowd regions and ignored objects are left out, for which there is no sign."""
    names = names_of(truth)
    _labels(folder / "labels", truth, truth, None)
    if images:
        write_blank_images(folder, truth)
    # JSON's text is YAML's too.
    listed = "".join(
        f"  {index}: {json.dumps(name, ensure_ascii=False)}\n" for index, name in enumerate(names.values())
    )
    shape = ""
    if "keypoints" in truth.arrays:
        shape = f"kpt_shape: [{np.asarray(truth.arrays['keypoints']).shape[1]}, 3]\n"
    write_text(folder / "data.yaml", f"path: .\nval: images\n{shape}names:\n{listed}", sync=False)
    return folder


def detections(folder: Path, found: Detections, truth: GroundTruth) -> Path:
    """Write detections of the images of a data set, the confidence last."""
    _labels(folder, truth, found, numbers(found, "scores"))
    return folder


def _labels(folder: Path, truth: GroundTruth, side: Any, scores: np.ndarray | None) -> None:
    """A text for each image."""
    folder.mkdir(parents=True, exist_ok=True)
    files = file_names(truth)
    index = {id: index for index, id in enumerate(names_of(truth))}
    left_out = not_counted(side)
    categories, polygons = plain_ids(side.category_ids), side.arrays.get("polygons")
    # Of polygons the boxes are not written.
    boxes = np.zeros((len(side), 4)) if polygons is not None else boxes_of(side)
    points = np.asarray(side.arrays["keypoints"], dtype=np.float64) if "keypoints" in side.arrays else None
    for id, rows in rows_by_image(side, list(files)).items():
        size = size_of(truth.sizes, id)
        rows = [row for row in rows if not left_out[row]]
        fractions = _fractions(boxes[rows], size)
        lines = []
        for row, own in zip(rows, fractions.tolist(), strict=True):
            line = [index[categories[row]], *own]
            if polygons is not None:
                line[1:] = _scaled(np.array(_one_ring(polygons[row])).reshape(-1, 2), size).ravel().tolist()
            elif points is not None:
                placed = points[row].copy()
                placed[:, :2] = _scaled(placed[:, :2], size)
                line += placed.ravel().tolist()
            if scores is not None:
                line.append(scores[row].item())
            lines.append(" ".join(map(repr, line)) + "\n")
        write_text(folder / f"{files[id]}.txt", "".join(lines), sync=False)


def _fractions(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Centres and sizes in fractions of the image: of those next to the quotient the ones that are read as the box."""
    height, width = size
    image = np.array([width, height], dtype=np.float64)
    corner, extent = boxes[:, :2], boxes[:, 2:]
    sizes = _nearest(extent / image, lambda fraction: fraction * image, extent)
    centres = _nearest((corner + extent / 2) / image, lambda center: (center - sizes / 2) * image, corner)
    return np.concatenate([centres, sizes], axis=1)


def _scaled(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Points ``(P, 2)`` in fractions of the image."""
    image = np.array(size[::-1], dtype=np.float64)
    return _nearest(points / image, lambda fraction: fraction * image, points)


def _nearest(start: np.ndarray, read: Any, goal: np.ndarray) -> np.ndarray:
    """Each number, or one of the doubles beside it: the one that `read` brings nearest to the goal."""
    best, distance = start, np.abs(read(start) - goal)
    for towards in (np.inf, -np.inf):
        other = start
        for _ in range(2):
            other = np.nextafter(other, towards)
            closer = (gap := np.abs(read(other) - goal)) < distance
            best, distance = np.where(closer, other, best), np.where(closer, gap, distance)
    return best


def _one_ring(rings: list[list[float]]) -> list[float]:
    """Several rings as one, which goes from each to the next and back on the same line, as Ultralytics joins them."""
    joined = list(rings[0])
    for ring in rings[1:]:
        joined += [*ring, *ring[:2], *rings[0][:2]]
    return joined
