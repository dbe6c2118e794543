"""A data set and detections as files of any format that can be written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from meanap.errors import InputError
from meanap.generate.detector import detect
from meanap.generate.scenes import dataset
from meanap.readers.sides import Detections

if TYPE_CHECKING:
    from meanap._types import PathLike

__all__ = ["FORMATS", "write_format"]

FORMATS = ("yolo", "yolo-pose", "yolo-segm")


def write_format(
    folder: PathLike, format: str, *, images: int = 50, seed: int = 0, per_image: float = 20
) -> tuple[Path, Path]:
    """Write a data set, with blank images where the format needs them, and detections into a folder.

    Parameters
    ----------
    folder
        Made if it is not there.
    format
        One of `FORMATS`.
    images
        How many images.
    seed
        The same seed gives the same files.
    per_image
        Mean number of detections an image.

    Returns
    -------
    tuple of pathlib.Path
        What to pass as ground truth and as detections.
    """
    from meanap import writers
    from meanap.readers._coco_records import coco_ground_truth

    name, _, task = format.partition("-")
    if format not in FORMATS:
        raise InputError(f"format: expected one of {', '.join(FORMATS)}, found {format!r}")
    posed = task == "pose"
    scenes = dataset(images, seed, kind="keypoints" if posed else "instances", crowds=0)
    found = detect(scenes, "keypoints" if posed else "bbox", per_image=per_image, seed=seed)
    truth = coco_ground_truth(scenes, "keypoints" if posed else "bbox")
    side = Detections(found.image_id, found.category_id, found.score, found.box, box_format="xywh")
    if posed:
        points = [record["keypoints"] for record in found.records()]
        side.arrays["keypoints"] = np.array(points, dtype=np.float64).reshape(len(points), -1, 3)
    if task == "segm":
        truth.arrays["polygons"] = [annotation["segmentation"] for annotation in scenes["annotations"]]
        side.arrays["polygons"] = [[_rectangle(box)] for box in found.box.tolist()]
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    module = writers.WRITERS[name]
    return module.ground_truth(place, truth, images=True), module.detections(place / "predictions", side, truth)


def _rectangle(box: list[float]) -> list[float]:
    x, y, width, height = box
    return [x, y, x, y + height, x + width, y + height, x + width, y]
