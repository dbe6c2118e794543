"""Panoptic quality of 200 images from JSON and PNG files."""

from tools import pixels
from workloads import Workload

WORKLOADS = [
    Workload(
        name="panoptic",
        about="200 images of 480 x 640, from JSON and PNG files",
        data="panoptic",
        make=pixels.make_panoptic,
        entrants=pixels.panoptic_entrants,
        reference="hotcoco",
        table="pixels",
    )
]
