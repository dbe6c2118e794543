"""The API of lvis 0.5.3 on the core of meanap.

>>> from meanap.compat.lvis import LVIS, LVISEval
>>> truth = LVIS({
...     "images": [{"id": 7, "neg_category_ids": [], "not_exhaustive_category_ids": []}],
...     "categories": [{"id": 1, "name": "cat", "frequency": "f"}],
...     "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [5, 6, 20, 10], "area": 200}],
... })
>>> evaluation = LVISEval(truth, [{"image_id": 7, "category_id": 1, "bbox": [5, 6, 20, 11], "score": 0.9}], "bbox")
>>> evaluation.run()
>>> round(float(evaluation.get_results()["AP"]), 6), round(float(evaluation.get_results()["APf"]), 6)
(0.9, 0.9)
"""

from meanap.compat.lvis.eval import LVISEval, Params
from meanap.compat.lvis.lvis import LVIS
from meanap.compat.lvis.results import LVISResults
from meanap.compat.lvis.vis import LVISVis

__all__ = ["LVIS", "LVISEval", "LVISResults", "LVISVis", "Params"]
