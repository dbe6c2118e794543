"""KITTI's 2D boxes: ``label_2/NAME.txt``, and the same with scores for detections."""

from __future__ import annotations

from pathlib import Path

from meanap._files import write_text
from meanap.readers.sides import Detections, GroundTruth, plain_ids
from meanap.writers._columns import corners_of, file_names, names_of, not_counted, number_text, numbers, rows_by_image

__all__ = ["detections", "ground_truth"]

_SOLID = "-1 -1 -1 -1000 -1000 -1000 -10"


def ground_truth(folder: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write a text for each image; crowd regions are written as ``DontCare``."""
    del images
    return _write(folder / "label_2", truth, truth, None)


def detections(folder: Path, found: Detections, truth: GroundTruth) -> Path:
    """Write a text for each image."""
    return _write(folder, truth, found, numbers(found, "scores").tolist())


def _write(folder: Path, truth: GroundTruth, side: GroundTruth | Detections, scores: list[float] | None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    files, names = file_names(truth), names_of(truth)
    boxes, categories = corners_of(side).tolist(), plain_ids(side.category_ids)
    ignored = not_counted(side)
    for id, rows in rows_by_image(side, list(files)).items():
        lines = []
        for row in rows:
            name = "DontCare" if ignored[row] else "".join(names[categories[row]].split())
            score = "" if scores is None else f" {number_text(scores[row])}"
            lines.append(f"{name} 0 0 -10 {' '.join(map(number_text, boxes[row]))} {_SOLID}{score}\n")
        write_text(folder / f"{files[id]}.txt", "".join(lines), sync=False)
    return folder
