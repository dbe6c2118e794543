"""Boundary AP of the 200,000 masks of val-segm-boxes, the form that all rivals read."""

from functools import partial

from tools import coco, pixels
from workloads import Workload

WORKLOADS = [
    Workload(
        name="val-boundary",
        about="200,000 masks and their boundaries, from files",
        data="val-segm-boxes",
        make=partial(coco._make, name="val-segm-boxes"),
        entrants=pixels.boundary_entrants,
        reference="faster-coco-eval",
    )
]
