"""A data set and detections as files of any format that can be written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._files import write_text
from meanap._keywords import did_you_mean, suggesting
from meanap.errors import InputError
from meanap.generate.detector import detect
from meanap.generate.scenes import dataset
from meanap.readers.sides import Detections

if TYPE_CHECKING:
    from meanap._types import PathLike

__all__ = ["FORMATS", "write_format"]

FORMATS = (
    "yolo", "yolo-pose", "yolo-segm", "darknet", "voc", "dota", "openimages", "labelme", "cvat", "createml", "kitti",
    "coco", "jsonl", "csv", "parquet", "npy",
)  # fmt: skip


@suggesting()
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
    from meanap.writers._columns import file_names, names_of

    if format not in FORMATS:
        hint = "; the folder comes first" if folder in FORMATS else did_you_mean(format, FORMATS)
        raise InputError(f"format: expected one of {', '.join(FORMATS)}, found {format!r}{hint}")
    name, _, task = format.partition("-")
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
    if format == "voc":
        # Whole pixels, from the first to the last one.
        for columns in (truth, side):
            boxes = np.round(np.asarray(columns.arrays["boxes"]))
            columns.arrays["boxes"] = np.maximum(np.concatenate([boxes[:, :2] + 1, boxes[:, 2:] - 1], axis=1), 0)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    if name in ("coco", "jsonl", "csv", "npy"):
        return _write_records(place, name, scenes, found.records())
    if name == "parquet":
        writer = writers.WRITERS[name]
        return (
            writer.ground_truth(place / "objects.parquet", truth),
            writer.detections(place / "detections.parquet", side, truth),
        )
    module = writers.WRITERS["yolo" if name == "darknet" else name]
    written = module.ground_truth(place, truth, images=True)
    if hasattr(module, "detections"):
        predictions = module.detections(place / "predictions", side, truth)
        if name == "darknet":
            for path in predictions.glob("**/*.txt"):
                lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
                write_text(path, "".join(" ".join([kind, last, *box]) + "\n" for kind, *box, last in lines))
        return written, predictions
    # Formats for annotations only: detections as COCO's results, under the names that these readers give to ids.
    files, names = file_names(truth), names_of(truth)
    records = [
        {**record, "image_id": files[record["image_id"]], "category_id": names[record["category_id"]]}
        for record in found.records()
    ]
    path = place / "predictions.json"
    write_text(path, json.dumps(records))
    return written, path


def _write_records(
    place: Path, format: str, scenes: dict[str, Any], results: list[dict[str, Any]]
) -> tuple[Path, Path]:
    """COCO's records: as they are, on lines, or as rows of numbers."""
    truth, found = place / "instances.json", place / "detections.json"
    annotations = scenes["annotations"]
    if format == "jsonl":
        truth, found = place / "annotations.jsonl", place / "detections.jsonl"
        for path, records in ((truth, annotations), (found, results)):
            write_text(path, "".join(json.dumps(record) + "\n" for record in records))
        return truth, found
    if format == "csv":
        truth, found = place / "objects.csv", place / "detections.csv"
        for path, records, fields in ((truth, annotations, ("area", "iscrowd")), (found, results, ("score",))):
            lines = [",".join(("image_id", "category_id", *fields, "x", "y", "width", "height"))]
            for record in records:
                numbers = [record[name] for name in ("image_id", "category_id", *fields)] + record["bbox"]
                lines.append(",".join(map(str, numbers)))
            write_text(path, "\n".join(lines) + "\n")
        return truth, found
    write_text(truth, json.dumps(scenes))
    if format == "coco":
        write_text(found, json.dumps(results))
        return truth, found
    rows = [[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in results]
    np.save(place / "detections.npy", np.array(rows, dtype=np.float64).reshape(-1, 7))
    return truth, place / "detections.npy"


def _rectangle(box: list[float]) -> list[float]:
    x, y, width, height = box
    return [x, y, x, y + height, x + width, y + height, x + width, y]
