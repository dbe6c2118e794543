"""Generated data as files, and the named sizes that benchmarks use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meanap._files import replacing, write_text
from meanap.generate.detector import DetectionKind, detect
from meanap.generate.scenes import dataset

if TYPE_CHECKING:
    from meanap._types import PathLike


@dataclass(frozen=True)
class Workload:
    """One benchmark's size: a data set and the detections to score on it."""

    kind: DetectionKind
    per_image: float
    images: int = 5000
    objects: float = 8.0
    categories: int = 80
    boxes: bool = False
    outlines: bool = True

    def dataset(self, seed: int = 0, images: int | None = None) -> dict[str, Any]:
        """The ground truth; `images` makes it smaller or larger with the same density."""
        return dataset(
            self.images if images is None else images,
            seed,
            kind="keypoints" if self.kind == "keypoints" else "instances" if self.outlines else "boxes",
            objects=self.objects,
            categories=self.categories,
        )


# COCO's validation set has 5,000 images, 36,781 objects and 11,004 persons; detectron2 keeps up to 100
# detections an image, DETR's successors report all of their 300 queries.
WORKLOADS = {
    "val-bbox": Workload("bbox", 86),
    "val-segm": Workload("segm", 40),
    "val-segm-boxes": Workload("segm", 40, boxes=True),
    "val-keypoints": Workload("keypoints", 3.8, objects=2.2, categories=1, boxes=True),
    "detr-bbox": Workload("bbox", 300),
    # Objects365's validation set: 80,000 images, 1,240,587 boxes, 365 categories. LVIS: 1,203 categories, up to 300
    # detections an image.
    "objects365-bbox": Workload("bbox", 15, images=80_000, objects=15, categories=365, outlines=False),
    "lvis-bbox": Workload("bbox", 300, images=5000, objects=12, categories=1203, outlines=False),
}


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


def write_workload(folder: PathLike, name: str, *, seed: int = 0, images: int | None = None) -> tuple[Path, Path]:
    """Write a workload's ground truth and detections into a folder; returns the two paths.

    The files are called `NAME.truth.json` and `NAME.detections.json`.
    """
    if name not in WORKLOADS:
        raise ValueError(f"no workload {name!r}; there are {', '.join(WORKLOADS)}")
    workload = WORKLOADS[name]
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    truth = workload.dataset(seed, images)
    detections = write_detections(
        place / f"{name}.detections.json",
        truth,
        workload.kind,
        per_image=workload.per_image,
        seed=seed,
        boxes=workload.boxes,
    )
    return write_dataset(place / f"{name}.truth.json", truth), detections


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
