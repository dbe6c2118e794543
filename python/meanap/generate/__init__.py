"""Synthetic data sets in COCO's format, for the demo, the benchmarks and many tests.

Scenes of people and things (polygons, crowd regions, keypoints), and the detections of an imperfect detector: inexact
boxes, wrong classes, duplicates, missed objects, false positives, scores that correlate with quality, and a long tail
of low ones. The same seed gives the same data wherever NumPy's generator gives the
same numbers.

>>> from meanap import generate
>>> truth = generate.dataset(images=3, seed=1)
>>> len(truth["images"]), len(truth["annotations"])
(3, 24)
>>> boxes = generate.detections(truth, kind="bbox", per_image=20, seed=1)
>>> len(boxes), sorted(boxes[0])
(60, ['bbox', 'category_id', 'image_id', 'score'])
"""

from __future__ import annotations

from typing import Any

from meanap._keywords import suggesting
from meanap.generate.detector import DetectionKind, SimulatedDetections, detect
from meanap.generate.files import write_baseline, write_dataset, write_detections, write_files
from meanap.generate.formats import FORMATS, write_format
from meanap.generate.rankings import write_rankings
from meanap.generate.rotated import rotated, write_rotated
from meanap.generate.scenes import dataset

__all__ = [
    "FORMATS",
    "DetectionKind",
    "SimulatedDetections",
    "dataset",
    "detect",
    "detections",
    "rotated",
    "write_baseline",
    "write_dataset",
    "write_detections",
    "write_files",
    "write_format",
    "write_rankings",
    "write_rotated",
]


@suggesting()
def detections(
    truth: dict[str, Any],
    kind: DetectionKind = "bbox",
    *,
    per_image: float = 40,
    seed: int = 0,
    decimals: int | None = None,
    boxes: bool = False,
) -> list[dict[str, Any]]:
    """Detections of an imperfect detector for a data set, in COCO's results format.

    Parameters
    ----------
    truth : dict
        A data set as `dataset` makes it (COCO's format).
    kind : {"bbox", "segm", "keypoints"}
        Boxes; masks as compressed RLE; or poses, for which `truth` must be of kind "keypoints".
    per_image : float
        Mean number of detections an image; the total is exactly `round(per_image * images)`, and no image has
        more than 100, or `per_image` where that is larger.
    seed : int
        The same seed gives the same detections; all kinds share boxes, classes and scores.
    decimals : int, optional
        Round boxes, joints and scores; by default they are single-precision values, as detectors write them.
    boxes : bool
        Give masks and keypoints a "bbox", too, which detectron2 writes and COCO's format does not require.

    Returns
    -------
    list of dict
        In the order of `truth["images"]`, within an image by falling score. Empty when there are no images. `detect`
        has the same as columns, and boxes as the array that `COCO.loadRes` takes: `detect(truth).array()`.
    """
    return detect(truth, kind, per_image=per_image, seed=seed, decimals=decimals, boxes=boxes).records()
