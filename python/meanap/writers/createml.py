"""CreateML: ``_annotations.createml.json``, of ground truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from meanap._files import write_text
from meanap.readers.sides import GroundTruth, plain_ids
from meanap.writers._columns import boxes_of, file_names, names_of, rows_by_image

__all__ = ["ground_truth"]


def ground_truth(folder: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write the boxes of all images by their centres."""
    del images
    folder.mkdir(parents=True, exist_ok=True)
    files, names = file_names(truth), names_of(truth)
    boxes, categories = boxes_of(truth), plain_ids(truth.category_ids)
    centres = np.concatenate([boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]], axis=1).tolist()
    entries = []
    for id, rows in rows_by_image(truth, list(files)).items():
        annotations = [
            {
                "label": names[categories[row]],
                "coordinates": dict(zip(("x", "y", "width", "height"), centres[row], strict=True)),
            }
            for row in rows
        ]
        entries.append({"image": f"{files[id]}.jpg", "annotations": annotations})
    path = folder / "_annotations.createml.json"
    write_text(path, json.dumps(entries))
    return path
