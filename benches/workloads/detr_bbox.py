"""All queries of a DETR-like detector: 300 boxes an image, 1.5 million in all."""

from tools.coco import workload

WORKLOADS = [workload("detr-bbox", "1,500,000 boxes, from files", "bbox")]
