"""Results as Pascal VOC and DOTA have them: a text file for each class, a line for each detection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from meanap._files import write_text
from meanap.readers.sides import Detections, GroundTruth, plain_ids
from meanap.writers._columns import corners_of, file_names, names_of, number_text, numbers

__all__ = ["write_class_files"]


def write_class_files(
    folder: Path,
    found: Detections,
    truth: GroundTruth,
    name_of_file: Callable[[str], str],
    box_text: Callable[[list[float]], str],
) -> Path:
    """Write ``IMAGE SCORE BOX`` for each detection; a class without detections has an empty file.

    Parameters
    ----------
    name_of_file
        The name of a class's file, from the name of the class.
    box_text
        A box as text, from its corners.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files, names = file_names(truth), names_of(truth)
    lines: dict[Any, list[str]] = {id: [] for id in names}
    columns = (plain_ids(found.image_ids), plain_ids(found.category_ids), numbers(found, "scores").tolist())
    for image, category, score, box in zip(*columns, corners_of(found).tolist(), strict=True):
        lines[category].append(f"{files[image]} {number_text(score)} {box_text(box)}\n")
    for id, name in names.items():
        write_text(folder / name_of_file(name), "".join(lines[id]), sync=False)
    return folder
