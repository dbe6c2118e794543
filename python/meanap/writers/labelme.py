"""LabelMe: a JSON file for each image, of ground truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from meanap._files import write_text
from meanap.readers.sides import GroundTruth, plain_ids
from meanap.writers._columns import corners_of, file_names, names_of, rows_by_image, size_of

__all__ = ["ground_truth"]


def ground_truth(folder: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write rectangles, or polygons where there are some."""
    del images
    folder = folder / "annotations"
    folder.mkdir(parents=True, exist_ok=True)
    files, names = file_names(truth), names_of(truth)
    categories = plain_ids(truth.category_ids)
    if (polygons := truth.arrays.get("polygons")) is not None:
        kind, parts = "polygon", [[_points(ring) for ring in rings] for rings in polygons]
    else:
        kind, parts = "rectangle", [[box] for box in corners_of(truth).reshape(-1, 2, 2).tolist()]
    for id, rows in rows_by_image(truth, list(files)).items():
        shapes: list[dict[str, Any]] = []
        for row in rows:
            label = names[categories[row]]
            shapes += [{"label": label, "shape_type": kind, "points": points} for points in parts[row]]
        height, width = size_of(truth.sizes, id)
        record = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": f"{files[id]}.jpg"}
        text = json.dumps({**record, "imageData": None, "imageHeight": height, "imageWidth": width}, indent=2)
        write_text(folder / f"{files[id]}.json", text, sync=False)
    return folder


def _points(ring: list[float]) -> list[list[float]]:
    return [[x, y] for x, y in zip(ring[::2], ring[1::2], strict=True)]
