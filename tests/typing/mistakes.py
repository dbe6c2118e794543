"""Typical mistakes, one on each marked line: every type checker reports each. It is checked, never run."""

from pathlib import Path

import numpy as np

import meanap
from meanap import compat, generate, protocol, ranking, segmentation
from meanap.compat import faster_coco_eval, lvis

truth = meanap.GroundTruth([1], [1], np.zeros((1, 4)))
found = meanap.Detections([1], [1], [0.9], np.zeros((1, 4)))
targets = [{"boxes": np.zeros((1, 4)), "labels": np.array([1])}]
preds = [{"boxes": np.zeros((1, 4)), "labels": np.array([1]), "scores": np.array([0.5])}]
result = meanap.evaluate(truth, found)
qrels = {"q1": {"d1": 1}}
run = {"q1": {"d1": 0.5}}
measured = ranking.evaluate(qrels, run)

# A name that is not among those known
meanap.evaluate(truth, found, "box")  # mistake
meanap.evaluate(truth, found, protocol="voc")  # mistake
meanap.evaluate(truth, found, box_format="xyhw")  # mistake
meanap.evaluate(truth, found, average="weighted")  # mistake
meanap.evaluate(truth, found, matcher="hungarian")  # mistake
meanap.MeanAveragePrecision("masks")  # mistake
protocol.get("COCO")  # mistake
meanap.COCOeval(meanap.COCO("a.json"), meanap.COCO("b.json"), "boxes")  # mistake
faster_coco_eval.COCOeval_faster(iouType="boxes")  # mistake
lvis.LVISEval("a.json", "b.json", "keypoints")  # mistake
compat.init_as("cocotools")  # mistake
meanap.explain_difference(truth, found, "coco", "voc")  # mistake
ranking.get("trec")  # mistake
ranking.evaluate(qrels, run, "map", "treceval")  # mistake
ranking.evaluate(qrels, run, "map", ties="random")  # mistake
ranking.compare(measured, measured, "map", test="wilcoxon")  # mistake
ranking.average_precision_score([0, 1], [0.1, 0.9], interpolation="voc")  # mistake
generate.dataset(kind="masks")  # mistake

# An option that is not there, or misspelt
meanap.evaluate(truth, found, treshold=[0.5])  # mistake
meanap.evaluate(truth, found, max_dets=100)  # mistake
meanap.MeanAveragePrecision(iou_threshold=[0.5])  # mistake
protocol.get("coco").replace(threshold=[0.5])  # mistake
ranking.evaluate(qrels, run, tie="stable")  # mistake
meanap.compare(result, result, confidense=0.9)  # mistake

# A number, or a name, that is not there
print(result.ap05)  # mistake
print(result["ap_50"])  # mistake
print(meanap.COCO("a.json").annotations)  # mistake
meanap.compare(result, result, ["mAP"])  # mistake
print(meanap.evalute)  # mistake
print(protocol.get("coco").iou_thresholds)  # mistake

# A value of another type
meanap.evaluate(truth, found, thresholds="0.5")  # mistake
meanap.evaluate(truth, found, max_detections=[0.5])  # mistake
meanap.evaluate(truth, found, area_ranges=[(0, 100)])  # mistake
meanap.evaluate(truth, found, score_range=1.0)  # mistake
meanap.GroundTruth("1", "cat", np.zeros((1, 4)))  # mistake
meanap.Detections([1], [1], ["0.9"], np.zeros((1, 4)))  # mistake
meanap.Detections([1], [1], boxes=np.zeros((1, 4)))  # mistake
meanap.apk("abc", ["a"])  # mistake
ranking.mapk([["a"]], [["a"]], k="10")  # mistake
segmentation.SemanticSegmentation("background")  # mistake

# Another object
meanap.evaluate(found, truth)  # mistake
meanap.evaluate(meanap.COCO("a.json"), "b.json")  # mistake
meanap.evaluate(truth, 0.5)  # mistake
meanap.compare("baseline.json", "candidate.json")  # mistake
meanap.COCOeval("a.json", "b.json", "bbox")  # mistake
meanap.check(Path("a.json"), result.lrp())  # mistake
meanap.MeanAveragePrecision().update(preds[0], targets[0])  # mistake
ranking.evaluate(1, run)  # mistake
ranking.evaluate(qrels, {"q1": {"d1", "d2"}})  # mistake
