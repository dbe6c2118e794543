"""Other packages' APIs on the core of meanap, a module for each, with its names, argument orders and conventions.

- `pycocotools`: `COCO`, `COCOeval`, `Params`, `mask`.
- `faster_coco_eval`: `COCO`, `COCOeval_faster`, `mask`, `FasterCocoEvaluator`, `FasterCocoDetection`.
- `lvis`: `LVIS`, `LVISResults`, `LVISEval`.
- `xtcocotools`: `COCO`, `COCOeval`, `mask`.
- `torchmetrics`: `MeanAveragePrecision`, a metric of torchmetrics.
- `torchvision`: `CocoEvaluator`.
- `detectron2`: `COCOEvaluator`, an evaluator for detectron2's models.
- `mmengine`: `CocoMetric`, a metric of mmengine's evaluator.
- `panopticapi`: `pq_compute`, `PQStat`, `id2rgb`, `rgb2id`.
- `pytrec_eval`: `RelevanceEvaluator`, `parse_run`, `parse_qrel`, `supported_measures`, `supported_nicknames`.
- `ml_metrics`: `apk`, `mapk`.
- `sklearn`: `average_precision_score`, `precision_recall_curve`, `ndcg_score`, `top_k_accuracy_score`, …
- `tensorflow`: `AveragePrecisionAtK`.

A module computes nothing by itself. Where the rest of meanap would raise an error or return NaN and the package of that
name does otherwise, the module does as the package does. `init_as` and `standing_in` register a module under the other
package's name.
"""

from meanap.compat._standin import init_as, standing_in

__all__ = ["init_as", "standing_in"]
