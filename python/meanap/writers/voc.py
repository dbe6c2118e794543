"""Pascal VOC: ``Annotations/NAME.xml``, ``ImageSets/Main/val.txt``, and results as ``comp4_det_val_CLASS.txt``."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from meanap._files import write_text
from meanap.readers.sides import Detections, GroundTruth, plain_ids
from meanap.writers._class_files import check_names, write_class_files
from meanap.writers._columns import corners_of, file_names, names_of, not_counted, number_text, rows_by_image, size_of

__all__ = ["detections", "ground_truth"]


def ground_truth(folder: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write a data set; corners are written as they are, crowd regions and ignored objects are difficult."""
    del images
    files, names = file_names(truth), names_of(truth)
    check_names(names, names)
    (folder / "Annotations").mkdir(parents=True, exist_ok=True)
    (folder / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
    boxes, categories = corners_of(truth), plain_ids(truth.category_ids)
    difficult = not_counted(truth)
    for id, rows in rows_by_image(truth, list(files)).items():
        height, width = size_of(truth.sizes, id) if id in truth.sizes else (0, 0)
        lines = [
            "<annotation>",
            f"  <filename>{escape(truth.files.get(id, files[id] + '.jpg'))}</filename>",
            f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>",
        ]
        for row in rows:
            corners = zip(("xmin", "ymin", "xmax", "ymax"), boxes[row].tolist(), strict=True)
            box = "".join(f"<{name}>{number_text(value)}</{name}>" for name, value in corners)
            lines += [
                "  <object>",
                f"    <name>{escape(names[categories[row]])}</name>",
                f"    <difficult>{int(difficult[row])}</difficult>",
                f"    <bndbox>{box}</bndbox>",
                "  </object>",
            ]
        text = "\n".join([*lines, "</annotation>", ""])
        write_text(folder / "Annotations" / f"{files[id]}.xml", text, sync=False)
    listed = "".join(f"{name}\n" for name in files.values())
    write_text(folder / "ImageSets" / "Main" / "val.txt", listed, sync=False)
    return folder


def detections(folder: Path, found: Detections, truth: GroundTruth) -> Path:
    """Write a file for each class, also for those without detections."""
    return write_class_files(
        folder,
        found,
        truth,
        lambda name: f"comp4_det_val_{name}.txt",
        lambda corners: " ".join(map(number_text, corners)),
    )
