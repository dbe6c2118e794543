"""DOTA: ``labelTxt/NAME.txt``, and results as ``Task1_CLASS.txt``."""

from __future__ import annotations

from pathlib import Path

from meanap._files import write_text
from meanap.readers.sides import Detections, GroundTruth, plain_ids
from meanap.writers._class_files import check_names, write_class_files
from meanap.writers._columns import corners_of, file_names, names_of, not_counted, number_text, rows_by_image
from meanap.writers._images import write_blank_images

__all__ = ["detections", "ground_truth"]


def ground_truth(folder: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write the corners of boxes; crowd regions and ignored objects are difficult."""
    files, names = file_names(truth), names_of(truth)
    check_names(names, {id: _word(name) for id, name in names.items()})
    (folder / "labelTxt").mkdir(parents=True, exist_ok=True)
    boxes, categories = corners_of(truth).tolist(), plain_ids(truth.category_ids)
    difficult = not_counted(truth)
    for id, rows in rows_by_image(truth, list(files)).items():
        lines = [f"{_corners(boxes[row])} {_word(names[categories[row]])} {int(difficult[row])}\n" for row in rows]
        text = "imagesource:GoogleEarth\ngsd:0.5\n" + "".join(lines)
        write_text(folder / "labelTxt" / f"{files[id]}.txt", text, sync=False)
    if images:
        write_blank_images(folder, truth)
    return folder


def detections(folder: Path, found: Detections, truth: GroundTruth) -> Path:
    """Write a file for each class, also for those without detections."""
    return write_class_files(folder, found, truth, lambda name: f"Task1_{_word(name)}.txt", _corners)


def _corners(box: list[float]) -> str:
    if len(box) == 8:
        return " ".join(map(number_text, box))
    x1, y1, x2, y2 = box
    return " ".join(map(number_text, (x1, y1, x2, y1, x2, y2, x1, y2)))


def _word(name: str) -> str:
    """Names are written without spaces, as DOTA's are."""
    return "-".join(name.split())
