"""Rotated boxes: 5,000 images, 40,000 objects, 200,000 detections, in the fields that hotcoco reads."""

from tools import rotated
from workloads import Workload

WORKLOADS = [
    Workload(
        name="val-rotated",
        about="200,000 rotated boxes, from files",
        data="val-rotated",
        make=rotated.make,
        entrants=rotated.ENTRANTS,
        reference="hotcoco",
    )
]
