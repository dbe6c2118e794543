"""Generated data as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meanap._files import replacing, write_text
from meanap.generate.detector import DetectionKind, detect
from meanap.generate.scenes import dataset

if TYPE_CHECKING:
    from meanap._types import PathLike


def write_dataset(path: PathLike, truth: dict[str, Any]) -> Path:
    """Write a data set as JSON; returns the path."""
    target = Path(path)
    write_text(target, json.dumps(truth))
    return target


def write_detections(
    path: PathLike,
    truth: dict[str, Any],
    kind: DetectionKind = "bbox",
    *,
    per_image: float = 40,
    seed: int = 0,
    decimals: int | None = None,
    boxes: bool = False,
) -> Path:
    """Write what `meanap.generate.detections` gives as JSON, a stretch at a time; returns the path.

    Takes the same arguments, but for `form`.
    """
    columns = detect(truth, kind, per_image=per_image, seed=seed, decimals=decimals, boxes=boxes)
    target = Path(path)
    with replacing(target) as file:
        separator = "["
        for stretch in columns.stretches():
            file.write(separator + json.dumps(stretch)[1:-1])
            separator = ", "
        file.write("]" if len(columns) else "[]")
    return target


def write_baseline(path: PathLike, detections: PathLike) -> Path:
    """Write detections as a weaker model has them, for comparisons; returns the path.

    They are those of the file `detections` (COCO's results format), with a far lower score for every other one.
    """
    records = json.loads(Path(detections).read_text(encoding="utf-8"))
    target = Path(path)
    weaker = [{**record, "score": record["score"] * (0.3 if i % 2 else 1)} for i, record in enumerate(records)]
    write_text(target, json.dumps(weaker))
    return target


def write_files(folder: PathLike, *, images: int = 500, seed: int = 0) -> dict[DetectionKind, tuple[Path, Path]]:
    """Write one set of scenes and its detections as boxes, masks and poses into a folder.

    Returns for each of "bbox", "segm" and "keypoints" the paths of its ground truth and its detections:
    instances.json with boxes.json and masks.json, persons.json with poses.json.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    scenes = dataset(images, seed)
    persons = dataset(images, seed, kind="keypoints")
    instances_path = write_dataset(place / "instances.json", scenes)
    persons_path = write_dataset(place / "persons.json", persons)
    boxes = write_detections(place / "boxes.json", scenes, "bbox", per_image=80, seed=seed)
    masks = write_detections(place / "masks.json", scenes, "segm", per_image=40, seed=seed)
    poses = write_detections(place / "poses.json", persons, "keypoints", per_image=6, seed=seed)
    return {
        "bbox": (instances_path, boxes),
        "segm": (instances_path, masks),
        "keypoints": (persons_path, poses),
    }
