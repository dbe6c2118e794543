"""Typical right usage of every public entry: no type checker reports anything. It is checked, never run."""

import json
import os
from pathlib import Path

import numpy as np

import meanap
from meanap import compat, plot, protocol, ranking, report, segmentation
from meanap.compat import faster_coco_eval, lvis, xtcocotools
from meanap.compat.torchvision import CocoEvaluator

truth = meanap.GroundTruth([1, 1, 2], [1, 2, 1], np.zeros((3, 4)), images=[1, 2, 3], categories={1: "cat", 2: "dog"})
found = meanap.Detections(["a", "b"], [1, 2], [0.9, 0.8], [[0, 0, 8, 8], [1, 1, 4, 4]], box_format="xywh")
numbered = meanap.Detections(np.array([1, 2]), [1, 2], np.array([0.9, 0.8], dtype=np.float32), np.zeros((2, 4)))
targets = [{"boxes": np.zeros((1, 4)), "labels": np.array([1])}]
preds = [{"boxes": np.zeros((1, 4)), "labels": np.array([1]), "scores": np.array([0.5])}]
loaded = json.loads(Path("instances.json").read_text(encoding="utf-8"))

# Evaluation
result = meanap.evaluate("instances.json", "boxes.json")
result = meanap.evaluate(Path("instances.json"), Path("boxes.json"), similarity="segm", protocol="lvis")
result = meanap.evaluate(truth, numbered, "bbox", "voc2012", thresholds=[0.5], max_per_image=100)
result = meanap.evaluate(targets, preds, box_format="cxcywh", score_range=None, progress=True)
result = meanap.evaluate(loaded, loaded, memory_limit="2 GB", progress=lambda done, total: print(done, total))
result = meanap.evaluate({"images": [], "annotations": [], "categories": []}, [], average="micro")
result = meanap.evaluate(
    {"images": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1, "bbox": [0, 0, 1, 1]}], "categories": [{"id": 1}]},
    [{"image_id": 1, "category_id": 1, "bbox": [0.0, 0.0, 1.0, 1.0], "score": 0.5}],
)
result = meanap.evaluate("instances.json", np.zeros((5, 7)), area_ranges={"all": (0, 1e10), "tiny": (0, 100)})
numbers: float = result.ap + result.ap50 + result.ap75 + result.ar + result.ap_small + result.ar_100
numbers = result["ap"] + result.number("ap_tiny")
every: dict[str, float] = result.to_dict()
for row in result.per_class:
    print(row["name"], row["ap"])
curve = result.precision_recall("cat", 0.5)
print(curve.precision, result.confusion(0.5).matrix, result.best_f1().threshold)
difference = meanap.compare(result, result, ["ap", "ap50"], resamples=100)
print(difference[0]["better"], difference.per_class)
print(meanap.explain_difference("instances.json", "boxes.json", "coco", {"thresholds": [0.5]}, number="ap50"))
print(meanap.check("instances.json", "boxes.json", "keypoints", sigmas=[0.1, 0.2]).ok)
report.write("report.html", "instances.json", "boxes.json", title="a report")
plot.precision_recall(result, iou=0.75)

# Protocols
rules = protocol.get("coco", "keypoints").replace(thresholds=(0.5, 0.75), matcher="argmax")
rows: tuple[protocol.SummaryRow, ...] = (*rules.summary, protocol.SummaryRow("ap60", threshold=0.6))
result = meanap.evaluate(truth, numbered, protocol=rules.replace(summary=rows, recall="exact", area_ranges={}))

# The metric object
metric = meanap.MeanAveragePrecision(("bbox", "segm"), box_format="xywh", class_metrics=True, matcher="argmax")
metric.update(preds, targets)
metric.update(preds, target=targets)
print(metric.compute()["map"], metric.result("segm").ap, len(metric))
meanap.MeanAveragePrecision(iou_type="segm", iou_thresholds=[0.5], max_detection_thresholds=[1, 10, 100])

# pycocotools' classes
coco = meanap.COCO("instances.json")
evaluation = meanap.COCOeval(coco, coco.loadRes("boxes.json"), "bbox")
evaluation.params.imgIds = coco.getImgIds(catIds=coco.getCatIds(catNms=["cat"]))
evaluation.evaluate()
evaluation.accumulate()
evaluation.summarize()
print(evaluation.stats[0], coco.anns[1]["bbox"], meanap.mask.area(meanap.mask.encode(np.zeros((4, 4), np.uint8))))

# Ranking
print(meanap.apk([1, 2], [2, 3], k=5), meanap.mapk([["a"], ["b", "c"]], [["a"], ["c"]]))
print(
    ranking.mapk({"q": ["a"]}, {"q": ["a", "b"]}, 3), ranking.apk_values(np.zeros((2, 3), int), np.zeros((2, 3), int))
)
qrels = {"q1": {"d1": 1, "d2": 0}}
run = {"q1": {"d1": 0.5, "d2": 0.1}}
measured = ranking.evaluate(qrels, run, ["map", "ndcg@10"], "trec_eval", ties="stable", relevance_level=2)
ranking.evaluate({"u": {"a", "b"}}, {"u": ["a"]}, columns={"query": "uid", "score": None}, format="csv")
measured = ranking.evaluate("qrels.txt", Path("run.txt"), "map", ranking.PRESETS["ranx"])
print(measured.mean("map"), measured["map"], measured.interval("map").low, measured.queries)
print(ranking.RelevanceEvaluator(qrels, {"map", "P_5"}, protocol="ranx").evaluate(run)["q1"]["map"])
print(ranking.compare(measured, measured, "map", test="t")[0]["p"], ranking.compare(None, {"a": measured}).per_class)
print(ranking.explain_difference(qrels, run, "trec_eval", "torchmetrics", "map@2").difference)
print(measured.per_query.to_csv(), measured.summary, measured.interval(["map"]).samples)
print(ranking.tie_range(qrels, run, "map").least.mean("map"))
print(ranking.average_precision_score([0, 1], [0.1, 0.9], average="macro", interpolation="voc2007"))
print(ranking.precision_recall_curve(np.array([0, 1]), np.array([0.1, 0.9])).thresholds)
streamed = ranking.AveragePrecisionAtK(10)
streamed.update(np.zeros((2, 5)), [[1], [2, 3]])
print(streamed.compute())

# Segmentation
semantic = segmentation.SemanticSegmentation(3, ignore_index=255)
semantic.update(np.zeros((4, 4), int), np.zeros((4, 4), int))
print(semantic.compute(), os.fspath("x"))

# Other packages' names
faster = faster_coco_eval.COCO({"images": [], "annotations": [], "categories": []}, use_deepcopy=True)
run_faster = faster_coco_eval.COCOeval_faster(
    faster, faster.loadRes("boxes.json", min_score=0.1), "keypoints_crowd", print_function=print, use_area=False
)
run_faster.params.maxDets = [300]
run_faster.run()
print(run_faster.stats_as_dict["AP_all"], run_faster.extended_metrics["class_map"])
batches = CocoEvaluator(meanap.COCO("instances.json"), ["bbox", "segm"])
batches.update({1: {"boxes": np.zeros((1, 4)), "scores": np.array([0.5]), "labels": np.array([1])}})
batches.synchronize_between_processes()
print(batches.coco_eval["bbox"].stats)
federated = lvis.LVISEval(lvis.LVIS("instances.json"), "boxes.json", "bbox")
federated.params.max_dets = 300
federated.run()
print(federated.get_results()["AP"])
with compat.standing_in("xtcocotools"):
    crowd = xtcocotools.cocoeval.COCOeval(iouType="keypoints_crowd", sigmas=np.ones(14), use_area=False)
    crowd.params.imgIds = [1, 2]
    print(crowd.stats)
