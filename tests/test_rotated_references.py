"""Rotated boxes by the arithmetic and the rules of detectron2, mmrotate, DOTA's development kit and Ultralytics."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from test_rotated import scenes

import meanap
from meanap import generate, protocol
from meanap.detection import rotated_corners, rotated_iou

STORED = json.loads((Path(__file__).parent / "stored" / "rotated.json").read_text())
CLOCKWISE = {"angle": "radians", "clockwise": True}


def overlaps(name: str, first: np.ndarray, second: np.ndarray, **angles) -> np.ndarray:
    """The overlap of each pair of rows, in the order in which the reference takes its arguments."""
    if name == "polyiou":
        first, second = second, first
    return np.array(
        [rotated_iou(a[None], b[None], arithmetic=name, **angles)[0, 0] for a, b in zip(first, second, strict=True)]
    )


@pytest.mark.parametrize(("name", "angles"), [("detectron2", {}), ("mmcv", CLOCKWISE), ("polyiou", {})])
def test_overlaps_have_the_bits_of_the_compiled_reference(name, angles):
    first, second = np.split(np.array(STORED[name]["pairs"]), 2, axis=1)
    expected = np.array(STORED[name]["overlap"])
    if name == "polyiou":
        # The kit compares only what the upright boxes around them, of whole pixels, let overlap.
        (a, b), (c, d) = (
            (corners.reshape(-1, 4, 2).min(axis=1), corners.reshape(-1, 4, 2).max(axis=1))
            for corners in (first, second)
        )
        assert np.abs(expected[~touching(a, b, c, d)]).max() < 1e-9
        expected[~touching(a, b, c, d)] = 0
    found = overlaps(name, first, second, **angles)
    assert (expected > 0.1).sum() > 150
    np.testing.assert_array_equal(found, expected)


def touching(a, b, c, d):
    return (np.minimum(b, d) - np.maximum(a, c) + 1 > 0).all(axis=-1)


@pytest.mark.parametrize(("name", "angles"), [("detectron2", {}), ("mmcv", CLOCKWISE), ("polyiou", {})])
def test_the_arithmetic_of_references_is_near_the_exact_one(name, angles):
    first, second = np.split(np.array(STORED[name]["pairs"]), 2, axis=1)
    # Not those that a tolerance of the reference is too coarse for.
    sized = np.r_[0:140, 160:200]
    exact = np.array(
        [rotated_iou(a[None], b[None], **angles)[0, 0] for a, b in zip(first[sized], second[sized], strict=True)]
    )
    found = overlaps(name, first[sized], second[sized], **angles)
    assert np.abs(found - exact).max() < (1e-9 if name == "polyiou" else 2e-3)


def naive_ap(annotations: list, results: list, arithmetic: str, strict: bool, exact: bool, **angles) -> dict:
    """AP of each category by VOC's rules as DOTA and mmrotate have them: a plain loop over detections."""
    objects = defaultdict(list)
    for record in annotations:
        objects[record["image_id"], record["category_id"]].append(record)
    aps = {}
    for category in sorted({record["category_id"] for record in annotations}):
        own = sorted((r for r in results if r["category_id"] == category), key=lambda record: -record["score"])
        hits, misses, used = [], [], set()
        for record in own:
            there = objects[record["image_id"], category]
            overlap, best = -np.inf, None
            if there:
                row = rotated_iou([record["bbox"]], [o["bbox"] for o in there], arithmetic=arithmetic, **angles)[0]
                overlap, best = row.max(), there[row.argmax()]
            found = overlap > 0.5 if strict else overlap >= 0.5
            if found and best.get("ignore"):
                continue
            hits.append(found and best["id"] not in used)
            misses.append(not hits[-1])
            if found:
                used.add(best["id"])
        positives = sum(r["category_id"] == category and not r.get("ignore") for r in annotations)
        recall = np.cumsum(hits) / positives
        precision = np.cumsum(hits) / np.maximum(np.cumsum(hits) + np.cumsum(misses), np.finfo(np.float64).eps)
        if exact:
            recall, precision = np.r_[0, recall, 1], np.r_[0, precision, 0]
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            aps[category] = np.sum((recall[1:] - recall[:-1]) * envelope[1:])
        else:
            points = np.arange(0.0, 1.1, 0.1)
            aps[category] = sum(precision[recall >= t].max(initial=0) for t in points) / 11
    return aps


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("name", "arithmetic", "strict", "angles"), [("dota", "polyiou", True, {}), ("mmrotate", "mmcv", False, CLOCKWISE)]
)
def test_the_rules_are_those_of_the_reference(name, arithmetic, strict, angles, exact):
    truth, results = scenes(9, images=30)
    for number, record in enumerate(truth["annotations"]):
        record["ignore"] = number % 7 == 0
    columns = {key: [record[key] for record in truth["annotations"]] for key in ("image_id", "category_id", "ignore")}
    ground_truth = meanap.GroundTruth(
        columns["image_id"],
        columns["category_id"],
        [record["bbox"] for record in truth["annotations"]],
        ignore=columns["ignore"],
    )
    changes = {"recall": "exact"} if exact else {}
    result = meanap.evaluate(ground_truth, results, "rotated", name, **changes)
    expected = naive_ap(truth["annotations"], results, arithmetic, strict, exact, **angles)
    found = {row["category"]: row["ap"] for row in result.per_class}
    assert found == pytest.approx(expected, abs=1e-12)
    assert result.ap == pytest.approx(np.mean(list(expected.values())), abs=1e-12)


def test_dota_asks_for_more_than_half():
    box, half = [0, 0, 4, 0, 4, 4, 0, 4], [0, 0, 4, 0, 4, 2, 0, 2]
    sides = (meanap.GroundTruth([1], [1], [box]), meanap.Detections([1], [1], [0.5], [half]))
    assert rotated_iou([half], [box], arithmetic="polyiou") == 0.5
    assert meanap.evaluate(*sides, "rotated", "dota").ap == 0
    assert meanap.evaluate(*sides, "rotated", "dota", strict=False).ap == pytest.approx(1)
    assert meanap.evaluate(*sides, "rotated", thresholds=[0.5]).ap == pytest.approx(1)
    assert meanap.evaluate(*sides, "rotated", thresholds=[0.5], strict=True).ap == 0


def test_detectron2_compares_thresholds_in_single_precision():
    """As a tensor of single precision is compared with a double: `RotatedCOCOeval` keeps one for each cell."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    class Rotated(COCOeval):
        def computeIoU(self, imgId, catId):
            gt, dt = self._gts[imgId, catId], self._dts[imgId, catId]
            if not gt or not dt:
                return []
            dt = [dt[i] for i in np.argsort([-d["score"] for d in dt], kind="mergesort")][: self.params.maxDets[-1]]
            pairs = [d["bbox"] for d in dt], [g["bbox"] for g in gt]
            return torch.tensor(rotated_iou(*pairs, arithmetic="detectron2"), dtype=torch.float32)

    truth, results = scenes(12, images=40)
    # Overlaps of 0.6 and 0.7 in single precision.
    for overlap in (0.6, 0.7):
        image = {"image_id": 1, "category_id": 1}
        far = 2000 + 100 * overlap
        record = {**image, "bbox": [far, far, 10.0, 10.0, 0.0], "area": 100.0, "iscrowd": 0}
        truth["annotations"].append({"id": len(truth["annotations"]) + 1, **record})
        results.append({**image, "bbox": [far, far - 5 + 5 * overlap, 10.0, 10 * overlap, 0.0], "score": 0.5})
    gt = COCO()
    gt.dataset = json.loads(json.dumps(truth))
    gt.createIndex()
    ev = Rotated(gt, gt.loadRes(json.loads(json.dumps(results))), "bbox")
    ev.evaluate()
    ev.accumulate()
    ev.summarize()
    found = meanap.evaluate(truth, results, "rotated", "coco-rotated")
    names = [row.name for row in found.protocol.summary]
    assert [-1 if np.isnan(found[name]) else found[name] for name in names] == ev.stats.tolist()


def test_probabilistic_overlaps_are_those_of_ultralytics():
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("ultralytics.utils.metrics")
    first, second = (
        torch.tensor(side, dtype=torch.float32) for side in np.split(np.array(STORED["mmcv"]["pairs"]), 2, axis=1)
    )
    expected = metrics.batch_probiou(first, second).numpy()
    found = rotated_iou(second.numpy(), first.numpy(), arithmetic="probiou", **CLOCKWISE).T
    sized = (first[:, 2:4].min(dim=1).values > 1).numpy()
    # Determinants and roots of small numbers lose digits in single precision.
    assert np.abs(found - expected)[sized].max() < 3e-4


def test_four_corners_are_their_smallest_rectangle_where_a_reference_needs_one():
    boxes = np.array([[50, 40, 30, 12, 25.0], [52, 41, 30, 14, 40.0]])
    corners = rotated_corners(boxes)
    for name in ("detectron2", "probiou"):
        expected = rotated_iou(boxes[:1], boxes[1:], arithmetic=name)
        assert rotated_iou(corners[:1], corners[1:], arithmetic=name) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", ["coco-rotated", "dota", "mmrotate", "ultralytics-obb"])
def test_presets_of_rotated_boxes_find_what_is_there(name):
    truth, _ = scenes()
    results = [{**r, "score": 0.5} for r in truth["annotations"]]
    if protocol.get(name, "rotated").angle == "radians":
        for record in (*truth["annotations"], *results):
            record["bbox"] = [*record["bbox"][:4], -np.radians(record["bbox"][4])]
    assert meanap.evaluate(truth, results, "rotated", name).ap > 0.99
    explained = meanap.explain_difference(truth, results, "coco", name, "rotated")
    assert "rotated_iou" in " ".join(row["fields"] for row in explained)


def test_dota_folders_are_evaluated_as_rotated_boxes(tmp_path):
    generate.write_format(tmp_path, "dota", images=8, seed=3)
    corners = meanap.readers.ground_truth(str(tmp_path), meanap.readers.Options("rotated"))
    assert corners.arrays["boxes"].shape == (len(corners), 8)
    upright = meanap.evaluate(str(tmp_path), str(tmp_path / "predictions"))
    rotated = meanap.evaluate(str(tmp_path), str(tmp_path / "predictions"), "rotated")
    # The generated corners are those of upright boxes.
    assert rotated.ap == pytest.approx(upright.ap, abs=1e-12)


KITS = json.loads((Path(__file__).parent / "stored" / "rotated_kits.json").read_text())


def of_kits(form: str) -> tuple[meanap.GroundTruth, meanap.Detections]:
    """The boxes that the kits were asked about."""
    truth, found = KITS["truth"][form], KITS["found"][form]
    columns = [[row[at] for row in truth] for at in range(4)]
    areas = {} if form != "degrees" else {"area": [row[3][2] * row[3][3] for row in truth]}
    ignored = {} if form == "degrees" else {"ignore": np.array(columns[2], dtype=bool)}
    ground_truth = meanap.GroundTruth(columns[0], columns[1], columns[3], **areas, **ignored)
    return ground_truth, meanap.Detections(*([row[at] for row in found] for at in range(4)))


def aps(result: meanap.Result) -> list[float]:
    return [row["ap"] for row in sorted(result.per_class, key=lambda row: row["category"])]


def test_ap_is_that_of_dotas_development_kit():
    sides = of_kits("corners")
    assert aps(meanap.evaluate(*sides, "rotated", "dota")) == KITS["dota"]["eleven"]
    # NumPy adds the pieces of an area in another order.
    exact = aps(meanap.evaluate(*sides, "rotated", "dota", recall="exact"))
    assert exact == pytest.approx(KITS["dota"]["exact"], abs=4e-16)


def test_the_summary_is_that_of_detectron2():
    found = meanap.evaluate(*of_kits("degrees"), "rotated", "coco-rotated")
    told = [found[row.name] for row in found.protocol.summary]
    # Of no large objects.
    assert [-1 if np.isnan(value) else value for value in told] == KITS["detectron2"]


def test_ap_is_that_of_mmrotate_but_for_its_single_precision():
    sides = of_kits("radians")
    for name, changes in (("eleven", {}), ("exact", {"recall": "exact"})):
        found = aps(meanap.evaluate(*sides, "rotated", "mmrotate", **changes))
        assert found == pytest.approx(KITS["mmrotate"][name], abs=2e-7), name
