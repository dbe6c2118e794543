"""The API of xtcocotools 1.14 (`COCO`, `COCOeval`, `mask`) on the core of meanap: poses of other data sets than COCO.

>>> from meanap.compat.xtcocotools.coco import COCO
>>> from meanap.compat.xtcocotools.cocoeval import COCOeval
>>> truth = COCO(ann_data={
...     "images": [{"id": 7}],
...     "categories": [{"id": 1, "name": "person"}],
...     "annotations": [
...         {"id": 1, "image_id": 7, "category_id": 1, "bbox": [0, 0, 9, 9], "keypoints": [1, 1, 2, 5, 8, 2]}
...     ],
... })
>>> found = truth.loadRes([{"image_id": 7, "category_id": 1, "keypoints": [1, 1, 1, 5, 7, 1], "score": 0.9}])
>>> evaluation = COCOeval(truth, found, "keypoints", sigmas=[0.08, 0.08], use_area=False)
>>> evaluation.evaluate()
>>> evaluation.accumulate()
>>> float(evaluation.eval["recall"][:, 0, 0, 0].mean())
0.7
"""

from meanap.compat.xtcocotools import coco, cocoeval, mask

__all__ = ["coco", "cocoeval", "mask"]

__author__ = "tylin"
