"""The API of faster-coco-eval 1.8 on the core of meanap.

`meanap.init_as_faster_coco_eval()` registers it under the name `faster_coco_eval`.

>>> from meanap.compat.faster_coco_eval import COCO, COCOeval_faster
>>> truth = COCO({
...     "images": [{"id": 7, "height": 60, "width": 80}],
...     "categories": [{"id": 1, "name": "cat"}],
...     "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [5, 6, 20, 10], "area": 200}],
... })
>>> found = truth.loadRes([{"image_id": 7, "category_id": 1, "bbox": [5.0, 6.0, 20.0, 11.0], "score": 0.9}])
>>> evaluation = COCOeval_faster(truth, found, "bbox")
>>> evaluation.run()
>>> round(evaluation.stats_as_dict["AP_all"], 6)
0.9
"""

from meanap.compat.faster_coco_eval.core import coco, mask
from meanap.compat.faster_coco_eval.core import faster_eval_api as cocoeval
from meanap.compat.faster_coco_eval.core.coco import COCO
from meanap.compat.faster_coco_eval.core.faster_eval_api import COCOeval_faster
from meanap.compat.faster_coco_eval.version import __author__, __version__

__all__ = [
    "COCO",
    "COCOeval_faster",
    "__author__",
    "__version__",
    "coco",
    "cocoeval",
    "init_as_pycocotools",
    "mask",
]


def init_as_pycocotools() -> None:
    """Registers this package under the name `pycocotools`, as the function of faster-coco-eval does.

    `meanap.as_pycocotools()` and `meanap.init_as_pycocotools()` are meanap's own, which has pycocotools' conventions.
    """
    import sys

    package = sys.modules[__name__]
    for name, module in (("", package), (".coco", coco), (".cocoeval", cocoeval), (".mask", mask)):
        sys.modules[f"pycocotools{name}"] = module
