"""Boundary AP of the masks of val-segm-boxes, the form that all rivals read.

All 200,000 of them for the tools that need seconds, and 250 of the 5,000 images for all: there the slowest needs half a
minute already.
"""

from functools import partial

from tools import coco, pixels
from workloads import Workload


def _workload(name, about, images, tools, reference):
    return Workload(
        name=name,
        about=about,
        data=name.replace("boundary", "segm-boxes"),
        make=partial(coco._make, name="val-segm-boxes", images=images),
        entrants={tool: pixels.boundary_entrants[tool] for tool in tools},
        reference=reference,
        table="pixels",
    )


WORKLOADS = [
    _workload("val-boundary", "200,000 masks and their boundaries, from files", None, ("meanap", "vernier"), "vernier"),
    _workload("val-boundary-250", "10,000 of them", 250, tuple(pixels.boundary_entrants), "faster-coco-eval"),
]
