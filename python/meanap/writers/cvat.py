"""CVAT for images 1.1: ``annotations.xml``, of ground truth."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

from meanap._files import write_text
from meanap.readers.sides import GroundTruth, plain_ids
from meanap.writers._columns import corners_of, file_names, names_of, number_text, rows_by_image, size_of

__all__ = ["ground_truth"]


def ground_truth(folder: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write the boxes of all images."""
    del images
    folder.mkdir(parents=True, exist_ok=True)
    files, names = file_names(truth), names_of(truth)
    boxes, categories = corners_of(truth).tolist(), plain_ids(truth.category_ids)
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations>", "  <version>1.1</version>"]
    for number, (id, rows) in enumerate(rows_by_image(truth, list(files)).items()):
        height, width = size_of(truth.sizes, id)
        name = quoteattr(f"{files[id]}.jpg")
        lines.append(f'  <image id="{number}" name={name} width="{width}" height="{height}">')
        for row in rows:
            sides = zip(("xtl", "ytl", "xbr", "ybr"), map(number_text, boxes[row]), strict=True)
            corners = " ".join(f'{side}="{value}"' for side, value in sides)
            lines.append(f'    <box label={quoteattr(names[categories[row]])} occluded="0" {corners}></box>')
        lines.append("  </image>")
    path = folder / "annotations.xml"
    write_text(path, "\n".join([*lines, "</annotations>", ""]))
    return path
