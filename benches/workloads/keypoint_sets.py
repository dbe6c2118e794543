"""Poses of another set of keypoints than COCO's: the 133 of the whole body, 2,000 persons, 6,000 poses."""

from tools import keypoint_sets
from workloads import Workload

WORKLOADS = [
    Workload(
        name="val-wholebody",
        about="6,000 poses of 133 keypoints, from files",
        data="val-wholebody",
        make=keypoint_sets.make,
        entrants=keypoint_sets.ENTRANTS,
        reference="pycocotools",
    )
]
