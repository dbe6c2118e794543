"""Data sets and detections as files of every format that can be read."""

from __future__ import annotations

from types import ModuleType

from meanap.writers import coco, createml, cvat, dota, kitti, labelme, openimages, parquet, voc, yolo

__all__ = ["WRITERS"]

#: The modules that write a format, by its name: each has `ground_truth`, and `detections` where the format has them.
WRITERS: dict[str, ModuleType] = {
    "coco": coco,
    "createml": createml,
    "cvat": cvat,
    "dota": dota,
    "kitti": kitti,
    "labelme": labelme,
    "openimages": openimages,
    "parquet": parquet,
    "voc": voc,
    "yolo": yolo,
}
