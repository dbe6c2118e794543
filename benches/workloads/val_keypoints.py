"""The persons of a validation set: 11,000 persons, 19,000 poses."""

from tools.coco import workload

WORKLOADS = [workload("val-keypoints", "19,000 poses, from files", "keypoints")]
