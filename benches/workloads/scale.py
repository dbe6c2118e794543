"""Many images, many categories: what must stay linear in objects.

pycocotools would make 117 million cells of the first and 24 million of the second.
"""

from tools.coco import workload

WORKLOADS = [
    workload("objects365-bbox", "80,000 images, 365 categories, 1,200,000 boxes a side", "bbox", reference="hotcoco"),
    workload("lvis-bbox", "5,000 images, 1,203 categories, 1,500,000 boxes", "bbox", reference="hotcoco"),
]
