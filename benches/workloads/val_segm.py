"""The same validation set with 200,000 masks as compressed RLE against polygons.

Once as COCO requires them, once with boxes beside the masks as most frameworks write them (then an object's
area is its box's, and one of the rivals reads no other form).
"""

from tools.coco import workload

WORKLOADS = [
    workload("val-segm", "200,000 masks, from files", "segm"),
    workload("val-segm-boxes", "200,000 masks with boxes, from files", "segm"),
]
