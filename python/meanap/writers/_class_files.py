"""Results as Pascal VOC and DOTA have them: a text file for each class, a line for each detection."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from meanap._files import is_name, write_text
from meanap.errors import InputError
from meanap.readers.sides import Detections, GroundTruth, plain_ids
from meanap.writers._columns import corners_of, file_names, names_of, number_text, numbers

__all__ = ["check_names", "write_class_files"]


def check_names(names: Mapping[Any, str], written: Mapping[Any, str]) -> None:
    """Check that names of classes can be read as they are written in text, where white space around them is dropped.

    Raises
    ------
    InputError
        One cannot, or two are written alike.
    """
    first: dict[str, Any] = {}
    for id, text in written.items():
        if text.strip() != text or not text or any(unicodedata.category(sign) in _NOT_IN_TEXT for sign in text):
            raise InputError(f"{names[id]!r} cannot be written as the name of a class in text", "categories")
        if (other := first.setdefault(text, id)) != id:
            raise InputError(f"{names[other]!r} and {names[id]!r} are both written as {text!r}", "categories")


#: Control characters, halves of pairs, and the ends of lines and paragraphs.
_NOT_IN_TEXT = ("Cc", "Cs", "Zl", "Zp")


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

    Raises
    ------
    InputError
        A class has no file of its own under its name, or an image has white space in its name, which ends it in a line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files, names = file_names(truth), names_of(truth)
    spaced = next((name for name in files.values() if len(name.split()) != 1), None)
    if spaced is not None:
        raise InputError(f"{spaced!r} has white space, which ends a name in a line of results", "images")
    paths = {id: name_of_file(name) for id, name in names.items()}
    for id, path in paths.items():
        if os.path.basename(path) != path or "\\" in path or not is_name(path):
            raise InputError(
                f"{names[id]!r} cannot be the name of a file, which results have for each class", "categories"
            )
    check_names(names, paths)
    lines: dict[Any, list[str]] = {id: [] for id in names}
    columns = (plain_ids(found.image_ids), plain_ids(found.category_ids), numbers(found, "scores").tolist())
    for image, category, score, box in zip(*columns, corners_of(found).tolist(), strict=True):
        lines[category].append(f"{files[image]} {number_text(score)} {box_text(box)}\n")
    for id in names:
        write_text(folder / paths[id], "".join(lines[id]), sync=False)
    return folder
