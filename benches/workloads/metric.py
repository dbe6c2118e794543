"""Metric objects: a validation set in batches, one image at a time, and what an import costs."""

from functools import partial

from tools import metric
from workloads import Workload

WORKLOADS = [
    metric.whole_set("val-batches", "430,000 boxes, 16 images at a time, to the summary", "val-bbox", 16),
    metric.single_images("small-call", "2,000 images with 100 boxes, one at a time, to the summary", 2000, 100),
    Workload(
        name="import",
        about="import on top of NumPy",
        data="import",
        make=lambda folder: None,
        entrants={
            "meanap": partial(metric.importing, "meanap", ("__version__",)),
            "ultrafast-pycocotools": partial(metric.importing, "ultrafast_pycocotools", ()),
            "hotcoco": partial(metric.importing, "hotcoco", ()),
            "vernier": partial(metric.importing, "vernier", ()),
            "faster-coco-eval": partial(metric.importing, "faster_coco_eval", ()),
            "pycocotools": partial(metric.importing, "pycocotools.cocoeval", ()),
        },
        reference="pycocotools",
    ),
]
