"""panopticapi: panoptic quality of two COCO panoptic JSON files (`evaluation`), ids and colours (`utils`).

>>> from meanap.compat.panopticapi.utils import id2rgb, rgb2id
>>> id2rgb(rgb2id([7, 1, 0]))
[7, 1, 0]
"""

from meanap.compat.panopticapi.evaluation import as_panopticapi, pq_compute

__all__ = ["as_panopticapi", "pq_compute"]
