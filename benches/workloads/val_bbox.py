"""A validation set of COCO's size: 5,000 images, 40,000 objects, 430,000 boxes."""

from tools.coco import workload

WORKLOADS = [
    workload("val-bbox", "430,000 boxes, from files", "bbox"),
    workload("val-bbox", "430,000 boxes, from a list of dicts", "bbox", "dicts"),
    workload("val-bbox", "430,000 boxes, from an N x 7 array", "bbox", "array"),
]
