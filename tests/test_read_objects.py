"""From files to evaluation columns, seen through the evaluation: the reference's similarities and curves."""

import contextlib
import io
import json

import numpy as np
import pytest

from meanap import _core

pycocotools = pytest.importorskip("pycocotools")
from pycocotools.coco import COCO  # noqa: E402
from pycocotools.cocoeval import COCOeval  # noqa: E402

from tests.processes import with_threads  # noqa: E402


def reference(gt_path, dt_path, iou_type):
    """An evaluated and accumulated COCOeval of the reference."""
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(str(gt_path))
        evaluator = COCOeval(gt, gt.loadRes(str(dt_path)), iou_type)
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator


def ours(gt, dt, evaluator):
    """Similarities and curves from columns, by the parameters of the reference's evaluation."""
    p = evaluator.params

    def positions(side):
        known = [{id: i for i, id in enumerate(ids)} for ids in (p.imgIds, p.catIds)]
        codes = (side.image_ids, side.category_ids)
        none = np.iinfo(np.uint32).max
        return tuple(
            np.array([index.get(id, none) for id in ids], dtype=np.uint32)
            for index, ids in zip(known, codes, strict=True)
        )

    sigmas = p.kpt_oks_sigmas if p.iouType == "keypoints" else None
    evaluation = _core.evaluate(
        gt,
        dt,
        similarity=p.iouType,
        ground_truth_positions=positions(gt),
        detection_positions=positions(dt),
        images=len(p.imgIds),
        categories=len(p.catIds),
        by_category=True,
        thresholds=np.array([min(t, 1 - 1e-10) for t in p.iouThrs]),
        area_ranges=np.array(p.areaRng, dtype=np.float64),
        max_detections=p.maxDets[-1],
        variances=None if sigmas is None else (sigmas * 2) ** 2,
    )
    curves = evaluation.accumulate(
        groups=list(range(len(p.catIds))),
        areas=list(range(len(p.areaRng))),
        max_detections=list(p.maxDets),
        images=None,
        recall_points=p.recThrs,
        shape=(len(p.catIds), len(p.areaRng), len(p.maxDets)),
    )
    return evaluation.ious(list(p.imgIds), list(p.catIds)), curves


def check(gt_path, dt_path, iou_type):
    evaluator = reference(gt_path, dt_path, iou_type)
    truth, results = _core.read_dataset(gt_path), _core.read_results(dt_path)
    gt = truth.objects(iou_type, "ground_truth")
    dt = results.objects(iou_type, "detections", truth)
    ious, curves = ours(gt, dt, evaluator)
    assert any(len(expected) for expected in evaluator.ious.values())
    for cell, expected in evaluator.ious.items():
        np.testing.assert_array_equal(ious[cell], expected)
    for name, curve in zip(["precision", "recall", "scores"], curves, strict=True):
        assert np.array_equal(curve, evaluator.eval[name]), name


@pytest.mark.parametrize("results", ["bbox", "segm"])
@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_real_boxes_and_masks(shared_data, results, iou_type):
    """Boxes as boxes, masks as masks, the boxes of masks, and boxes as polygons."""
    check(shared_data / "coco100_gt.json", shared_data / f"coco100_{results}.json", iou_type)


@pytest.mark.parametrize("workers", ["1", "4"])
def test_real_keypoints(shared_data, tmp_path, workers):
    """Areas from boxes, and from the keypoints themselves where results have no boxes."""
    truth, results = shared_data / "kpt_gt.json", shared_data / "kpt_dt.json"
    bare = tmp_path / "bare.json"
    records = json.loads(results.read_text())
    bare.write_text(json.dumps([{k: v for k, v in record.items() if k != "bbox"} for record in records]))

    def check_all():
        for found in (results, bare):
            check(truth, found, "keypoints")
            check(truth, found, "bbox")

    with_threads(workers, check_all)


def test_results_with_boxes_and_masks(shared_data, tmp_path):
    """The area is the box's, the geometry the mask's; an empty first box leaves the area to the mask."""
    records = json.loads((shared_data / "coco100_segm.json").read_text())
    both = [record | {"bbox": [i % 7, 2.5, 30 + i, 1.1 * i]} for i, record in enumerate(records)]
    path = tmp_path / "both.json"
    path.write_text(json.dumps(both))
    for iou_type in ["bbox", "segm"]:
        check(shared_data / "coco100_gt.json", path, iou_type)
    path.write_text(json.dumps([both[0] | {"bbox": []}, *both[1:]]))
    check(shared_data / "coco100_gt.json", path, "segm")


def test_a_dataset_as_detections(shared_data, tmp_path):
    """A whole data set may stand on the other side: with its own ids, areas and scores."""
    loaded = json.loads((shared_data / "coco100_gt.json").read_text())
    loaded["annotations"] = [ann | {"score": (i * 37 % 101) / 101} for i, ann in enumerate(loaded["annotations"])]
    path = tmp_path / "detections.json"
    path.write_text(json.dumps(loaded))
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(str(shared_data / "coco100_gt.json"))
        evaluator = COCOeval(gt, COCO(str(path)), "segm")
        evaluator.evaluate()
        evaluator.accumulate()
    truth = _core.read_dataset(shared_data / "coco100_gt.json")
    detections = _core.read_dataset(path)
    ious, curves = ours(truth.objects("segm", "ground_truth"), detections.objects("segm", "detections"), evaluator)
    for cell, expected in evaluator.ious.items():
        np.testing.assert_array_equal(ious[cell], expected)
    assert np.array_equal(curves[0], evaluator.eval["precision"])


def test_odd_polygons_and_plain_run_lengths(tmp_path):
    """Numbers left over, rings of one and two points, counts in a list, a string with escapes."""
    triangle = [2.5, 3, 30, 4.25, 11, 27.5]
    segmentations = [
        [triangle[:5]],
        [[*triangle, 8]],
        [triangle, [5, 6]],
        [triangle, [5, 6, 7]],
        [triangle, [1, 2, 30, 31]],
        [[-5, -5.5, 50, 2, 60, 70, 3, 1e3]],
        {"size": [40, 50], "counts": [400, 300, 0, 100, 1200]},
        {"size": [40, 50], "counts": "PQb01N2N3M2OQ`0"},
        {"counts": [], "size": [40, 50]},
    ]
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 9, 20]}
    annotations = [
        box | {"id": i + 1, "area": 50, "iscrowd": i % 2, "segmentation": segmentation}
        for i, segmentation in enumerate(segmentations)
    ]
    images = [{"id": 1, "height": 40, "width": 50}]
    truth, results = tmp_path / "gt.json", tmp_path / "dt.json"
    truth.write_text(json.dumps({"images": images, "categories": [{"id": 1}], "annotations": annotations}))
    polygons = [ann | {"score": 1 / ann["id"]} for ann in annotations]
    results.write_text(json.dumps(polygons).replace("`", "\\u0060"))
    check(truth, results, "segm")


RESULT = {"image_id": 1, "category_id": 1, "score": 0.5}
POLYGON = [[1, 1, 5, 1, 5, 5]]
COMPRESSED = {"size": [9, 9], "counts": "52207"}


@pytest.mark.parametrize(
    ("records", "iou_type"),
    [
        ([{"bbox": [1, 2, 3, 4]}], "keypoints"),
        ([{"bbox": [1, 2, 3, 4]}, {"bbox": [1, 2, 3, 4], "segmentation": POLYGON}], "segm"),
        ([{"bbox": [1, 2, 3, float("nan")]}], "segm"),
        ([{"segmentation": POLYGON}], "segm"),
        ([{"segmentation": {"size": [9, 9], "counts": [3, 2]}}], "segm"),
        ([{"segmentation": COMPRESSED | {"counts": "X"}}], "segm"),
        ([{"segmentation": COMPRESSED}, {"segmentation": COMPRESSED, "bbox": [1, 2, 3, 4]}], "bbox"),
        ([{"keypoints": [1, 2, 2]}, {"keypoints": [1, 2, 2, 3, 4, 2]}], "keypoints"),
        ([{"keypoints": [1, 2]}], "keypoints"),
        ([{"keypoints": []}], "keypoints"),
        ([{"keypoints": [2**26, 2, 1]}], "keypoints"),
        ([{"keypoints": [float("nan"), 2, 1]}], "keypoints"),
        ([{"keypoints": [1, 2, 2]}], "segm"),
        ([{"bbox": [1, 2, 3, 4], "score": None}], "bbox"),
    ],
)
def test_what_is_left_to_python(tmp_path, records, iou_type):
    (tmp_path / "gt.json").write_text(json.dumps({"images": [{"id": 1, "height": 9, "width": 9}]}))
    (tmp_path / "dt.json").write_text(json.dumps([RESULT | record for record in records]))
    truth, results = _core.read_dataset(tmp_path / "gt.json"), _core.read_results(tmp_path / "dt.json")
    assert results.objects(iou_type, "detections", truth) is None


def test_fields_that_are_needed(tmp_path):
    whole = {"id": 1, "image_id": 1, "category_id": 1, "area": 5, "iscrowd": 0, "bbox": [1, 2, 3, 4]}
    whole |= {"segmentation": POLYGON, "keypoints": [1, 2, 2], "num_keypoints": 1, "score": 0.5}
    needed = {
        "bbox": {"area", "iscrowd", "bbox"},
        "segm": {"area", "iscrowd", "segmentation"},
        "keypoints": {"area", "iscrowd", "keypoints", "num_keypoints", "bbox"},
    }
    path = tmp_path / "x.json"
    for lacking in [None, "area", "iscrowd", "bbox", "segmentation", "keypoints", "num_keypoints", "score"]:
        annotation = {key: value for key, value in whole.items() if key != lacking}
        content = {"images": [{"id": 1, "height": 9, "width": 9}], "annotations": [annotation]}
        path.write_text(json.dumps(content))
        dataset = _core.read_dataset(path)
        for iou_type, fields in needed.items():
            assert (dataset.objects(iou_type, "ground_truth") is None) == (lacking in fields)
            fields = {"score", "area"} | fields - {"iscrowd", "num_keypoints"}
            if iou_type == "keypoints":
                fields -= {"bbox"}
            assert (dataset.objects(iou_type, "detections") is None) == (lacking in fields)
    for image in [{"id": 2, "height": 9, "width": 9}, {"id": 1, "height": 9}, {"id": 1, "height": 9.0, "width": 9}]:
        path.write_text(json.dumps({"images": [image], "annotations": [whole]}))
        assert _core.read_dataset(path).objects("segm", "ground_truth") is None
        assert _core.read_dataset(path).objects("bbox", "ground_truth") is not None
