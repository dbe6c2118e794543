"""DOTA: ``labelTxt/NAME.txt``, and results as ``Task1_CLASS.txt``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from meanap._files import write_text
from meanap.readers.sides import Detections, GroundTruth, plain_ids
from meanap.writers._columns import (
    corners_of,
    file_names,
    flags,
    names_of,
    number_text,
    numbers,
    rows_by_image,
    size_of,
)
from meanap.writers._images import write_blank

__all__ = ["detections", "ground_truth"]


def ground_truth(folder: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write the corners of boxes; crowd regions and ignored objects are difficult."""
    files, names = file_names(truth), names_of(truth)
    (folder / "labelTxt").mkdir(parents=True, exist_ok=True)
    boxes, categories = corners_of(truth).tolist(), plain_ids(truth.category_ids)
    difficult = flags(truth, "iscrowd") | flags(truth, "ignore")
    for id, rows in rows_by_image(truth, list(files)).items():
        lines = [f"{_corners(boxes[row])} {_word(names[categories[row]])} {int(difficult[row])}\n" for row in rows]
        text = "imagesource:GoogleEarth\ngsd:0.5\n" + "".join(lines)
        write_text(folder / "labelTxt" / f"{files[id]}.txt", text, sync=False)
    if images:
        (folder / "images").mkdir(exist_ok=True)
        for id, name in files.items():
            write_blank(folder / "images" / f"{name}.png", *size_of(truth.sizes, id))
    return folder


def detections(folder: Path, found: Detections, truth: GroundTruth) -> Path:
    """Write a file for each class, also for those without detections."""
    folder.mkdir(parents=True, exist_ok=True)
    files, names = file_names(truth), names_of(truth)
    lines: dict[Any, list[str]] = {id: [] for id in names}
    columns = (plain_ids(found.image_ids), plain_ids(found.category_ids), numbers(found, "scores").tolist())
    for image, category, score, box in zip(*columns, corners_of(found).tolist(), strict=True):
        lines[category].append(f"{files[image]} {number_text(score)} {_corners(box)}\n")
    for id, name in names.items():
        write_text(folder / f"Task1_{_word(name)}.txt", "".join(lines[id]), sync=False)
    return folder


def _corners(box: list[float]) -> str:
    if len(box) == 8:
        return " ".join(map(number_text, box))
    x1, y1, x2, y2 = box
    return " ".join(map(number_text, (x1, y1, x2, y1, x2, y2, x1, y2)))


def _word(name: str) -> str:
    """Names are written without spaces, as DOTA's are."""
    return "-".join(name.split())
