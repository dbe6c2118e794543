"""The named sizes of generated data that benchmarks use, and their files.

Run with a folder, the name of a size and perhaps a number of images, it writes the files.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meanap.generate import DetectionKind, dataset, write_dataset, write_detections


@dataclass(frozen=True)
class Size:
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
SIZES = {
    "val-bbox": Size("bbox", 86),
    "val-segm": Size("segm", 40),
    "val-segm-boxes": Size("segm", 40, boxes=True),
    "val-keypoints": Size("keypoints", 3.8, objects=2.2, categories=1, boxes=True),
    "detr-bbox": Size("bbox", 300),
    # Objects365's validation set: 80,000 images, 1,240,587 boxes, 365 categories. LVIS: 1,203 categories, up to 300
    # detections an image.
    "objects365-bbox": Size("bbox", 15, images=80_000, objects=15, categories=365, outlines=False),
    "lvis-bbox": Size("bbox", 300, images=5000, objects=12, categories=1203, outlines=False),
}


def write_files(folder: str | Path, name: str, *, seed: int = 0, images: int | None = None) -> tuple[Path, Path]:
    """Write the ground truth and detections of a size into a folder; returns the two paths.

    The files are called `NAME.truth.json` and `NAME.detections.json`.
    """
    if name not in SIZES:
        raise ValueError(f"no size {name!r}; there are {', '.join(SIZES)}")
    size = SIZES[name]
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    truth = size.dataset(seed, images)
    detections = write_detections(
        place / f"{name}.detections.json",
        truth,
        size.kind,
        per_image=size.per_image,
        seed=seed,
        boxes=size.boxes,
    )
    return write_dataset(place / f"{name}.truth.json", truth), detections


if __name__ == "__main__":
    folder, name, *images = sys.argv[1:]
    write_files(folder, name, images=int(images[0]) if images else None)
