"""Each preset against what it reproduces: live where that is installed, a plain loop everywhere."""

import contextlib
import io
import logging

import numpy as np
import pytest
from native_data import per_image

import meanap
from meanap import generate


@pytest.fixture(scope="module")
def scenes():
    """Predictions and targets without crowds, boxes as corners, labels from 0."""
    truth = generate.dataset(40, 11, categories=6)
    truth["annotations"] = [a for a in truth["annotations"] if not a["iscrowd"]]
    found = generate.detections(truth, per_image=25, seed=11)
    order = {c["id"]: k for k, c in enumerate(truth["categories"])}
    generator = np.random.default_rng(0)
    preds, targets = per_image(truth, found)
    for image in [*preds, *targets]:
        image["boxes"][:, 2:] += image["boxes"][:, :2]
        image["labels"] = np.array([order[label] for label in image["labels"].tolist()], dtype=np.int64)
    for image in targets:
        image["difficult"] = generator.random(len(image["labels"])) < 0.2
        del image["area"], image["iscrowd"]
    for image in preds:
        # Distinct scores: tools break ties each in their own way.
        image["scores"] = generator.permutation(1000)[: len(image["scores"])] / 1000 + generator.random() / 2000
    return preds, targets


def with_ignore(targets):
    return [{**image, "ignore": image["difficult"]} for image in targets]


def voc_by_hand(preds, targets, iou, recall, pixels):
    """PASCAL's evaluation of each class, a loop for each step: AP by class."""
    extra = 1.0 if pixels else 0.0
    aps = {}
    for label in sorted({int(x) for image in targets for x in image["labels"]}):
        positives = sum(int(((t["labels"] == label) & ~t["difficult"]).sum()) for t in targets)
        if not positives:
            continue
        rows = sorted(
            (-score, i, tuple(box))
            for i, p in enumerate(preds)
            for score, box in zip(p["scores"][p["labels"] == label], p["boxes"][p["labels"] == label], strict=True)
        )
        taken, right = set(), []
        for _, i, box in rows:
            best, at = -1.0, None
            for j in np.flatnonzero(targets[i]["labels"] == label):
                other = targets[i]["boxes"][j]
                w = min(box[2], other[2]) - max(box[0], other[0]) + extra
                h = min(box[3], other[3]) - max(box[1], other[1]) + extra
                if w <= 0 or h <= 0:
                    continue
                union = (box[2] - box[0] + extra) * (box[3] - box[1] + extra)
                union += (other[2] - other[0] + extra) * (other[3] - other[1] + extra) - w * h
                if w * h / union > best:
                    best, at = w * h / union, j
            if best < iou:
                right.append(False)
            elif not targets[i]["difficult"][at]:
                right.append((i, at) not in taken)
                taken.add((i, at))
        tp = np.cumsum(right)
        precision = tp / np.arange(1, len(right) + 1)
        reached = tp / positives
        if recall == 11:
            points = np.arange(0.0, 1.1, 0.1)
            aps[label] = np.mean([precision[reached >= r].max(initial=0) for r in points])
        else:
            gains = np.diff(np.concatenate([[0.0], reached]))
            aps[label] = sum(g * precision[i:].max() for i, g in enumerate(gains))
    return aps


@pytest.mark.parametrize("pixels", [True, False])
@pytest.mark.parametrize("protocol, recall", [("voc2007", 11), ("voc2012", "exact")])
@pytest.mark.parametrize("iou", [0.5, 0.7])
def test_voc_by_hand(scenes, protocol, recall, pixels, iou):
    preds, targets = scenes
    result = meanap.evaluate(with_ignore(targets), preds, protocol=protocol, inclusive_boxes=pixels, thresholds=iou)
    expected = voc_by_hand(preds, targets, iou, recall, pixels)
    found = {row["category"]: row["ap"] for row in result.per_class if row["objects"]}
    assert found == pytest.approx(expected, abs=1e-12)
    assert result.ap == pytest.approx(np.mean(list(expected.values())), abs=1e-12)


def test_voc_differs_from_coco_where_the_best_is_taken():
    truth = [{"boxes": [[0, 0, 10, 10], [0, 2, 10, 12]], "labels": [0, 0]}]
    preds = [{"boxes": [[0, 0, 10, 10], [0, 0.5, 10, 10.5]], "scores": [0.9, 0.8], "labels": [0, 0]}]
    assert meanap.evaluate(truth, preds, thresholds=0.5).ap == pytest.approx(1)
    assert meanap.evaluate(truth, preds, protocol="voc2012").ap == 0.5


@pytest.mark.parametrize("mode, protocol", [("11points", "voc2007"), ("area", "voc2012")])
@pytest.mark.parametrize("pixels", [True, False])
def test_voc_against_mmeval(scenes, mode, protocol, pixels):
    mmeval = pytest.importorskip("mmeval")
    preds, targets = scenes
    metric = mmeval.VOCMeanAP(num_classes=6, eval_mode=mode, use_legacy_coordinate=pixels, dataset_meta=None)
    for p, t in zip(preds, targets, strict=True):
        hard = t["difficult"]
        metric.add(
            [{"bboxes": p["boxes"], "scores": p["scores"], "labels": p["labels"]}],
            [
                {
                    "bboxes": t["boxes"][~hard],
                    "labels": t["labels"][~hard],
                    "bboxes_ignore": t["boxes"][hard],
                    "labels_ignore": t["labels"][hard],
                }
            ],
        )
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = metric.compute()
    result = meanap.evaluate(with_ignore(targets), preds, protocol=protocol, inclusive_boxes=pixels)
    assert result.ap == pytest.approx(theirs["mAP"], abs=1e-6)  # single precision there


def test_open_images_against_mmeval(scenes):
    """Without groups of objects and a hierarchy, Open Images' rules are those of VOC 2010 on boxes as they are."""
    mmeval = pytest.importorskip("mmeval")
    preds, targets = scenes
    metric = mmeval.OIDMeanAP(
        num_classes=6, class_relation_matrix=np.eye(6), filter_labels=False, get_supercategory=False, dataset_meta=None
    )
    for p, t in zip(preds, targets, strict=True):
        instances = [
            {"bbox": box, "bbox_label": label, "is_group_of": False}
            for box, label in zip(t["boxes"].tolist(), t["labels"].tolist(), strict=True)
        ]
        metric.add(
            [{"bboxes": p["boxes"], "scores": p["scores"], "labels": p["labels"]}],
            [{"instances": instances, "image_level_labels": t["labels"]}],
        )
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = metric.compute()
    plain = [{"boxes": t["boxes"], "labels": t["labels"]} for t in targets]
    result = meanap.evaluate(plain, preds, protocol="voc2012", inclusive_boxes=False)
    assert result.ap == pytest.approx(theirs["mAP"], abs=1e-6)  # single precision there


def test_dota_against_mmeval(scenes):
    """Boxes that are not turned: DOTA's rules are VOC's."""
    mmeval = pytest.importorskip("mmeval")
    preds, targets = scenes

    def turned(boxes):
        size = boxes[:, 2:] - boxes[:, :2]
        return np.column_stack([boxes[:, :2] + size / 2, size, np.zeros(len(boxes))]).astype(np.float32)

    metric = mmeval.DOTAMeanAP(num_classes=6, dataset_meta=None)
    for p, t in zip(preds, targets, strict=True):
        hard = t["difficult"]
        metric.add(
            [{"bboxes": turned(p["boxes"]), "scores": p["scores"], "labels": p["labels"]}],
            [
                {
                    "bboxes": turned(t["boxes"][~hard]),
                    "labels": t["labels"][~hard],
                    "bboxes_ignore": turned(t["boxes"][hard]),
                    "labels_ignore": t["labels"][hard],
                }
            ],
        )
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = metric.compute()
    result = meanap.evaluate(with_ignore(targets), preds, protocol="voc2007", inclusive_boxes=False)
    assert result.ap == pytest.approx(theirs["mAP"], abs=1e-5)  # single precision, and polygons


def test_voc_against_mean_average_precision(scenes):
    package = pytest.importorskip("mean_average_precision")
    preds, targets = scenes
    metric = package.MeanAveragePrecision2d(num_classes=6)
    for p, t in zip(preds, targets, strict=True):
        none = np.zeros((len(t["labels"]), 1))
        metric.add(
            np.column_stack([p["boxes"], p["labels"], p["scores"]]),
            np.column_stack([t["boxes"], t["labels"], none, none]),
        )
    plain = [{"boxes": t["boxes"], "labels": t["labels"]} for t in targets]
    for protocol, points in (("voc2012", None), ("voc2007", np.arange(0.0, 1.1, 0.1))):
        theirs = metric.value(iou_thresholds=0.5, recall_thresholds=points)
        ours = meanap.evaluate(plain, preds, protocol=protocol)
        assert ours.ap == pytest.approx(float(theirs["mAP"]), abs=1e-6)  # single precision there


def test_ultralytics(scenes):
    metrics = pytest.importorskip("ultralytics.utils.metrics")
    torch = pytest.importorskip("torch")
    from ultralytics.engine.validator import BaseValidator

    preds, targets = scenes
    validator = BaseValidator.__new__(BaseValidator)
    validator.iouv = torch.linspace(0.5, 0.95, 10)
    validator.niou = 10
    correct, scores, labels, wanted = [], [], [], []
    for p, t in zip(preds, targets, strict=True):
        order = np.argsort(-p["scores"])
        iou = metrics.box_iou(torch.tensor(t["boxes"]), torch.tensor(p["boxes"][order]))
        matched = validator.match_predictions(torch.tensor(p["labels"][order]), torch.tensor(t["labels"]), iou)
        correct.append(matched.numpy())
        scores.append(p["scores"][order])
        labels.append(p["labels"][order])
        wanted.append(t["labels"])
    ap = metrics.ap_per_class(*map(np.concatenate, (correct, scores, labels, wanted)))[5]
    plain = [{"boxes": t["boxes"], "labels": t["labels"]} for t in targets]
    result = meanap.evaluate(plain, preds, protocol="ultralytics")
    assert result.ap == pytest.approx(ap.mean(), abs=1e-9)
    assert result.ap50 == pytest.approx(ap[:, 0].mean(), abs=1e-9)
    assert result.ap75 == pytest.approx(ap[:, 5].mean(), abs=1e-9)
    present = result.per_class["objects"] > 0
    np.testing.assert_allclose(result.per_class["ap"][present], ap.mean(axis=1), atol=1e-9)


def test_lvis_real_data(shared_data, monkeypatch):
    lvis = pytest.importorskip("lvis")
    monkeypatch.setattr(np, "float", float, raising=False)  # lvis 0.5.3 is older than NumPy 1.24
    logging.getLogger("lvis").setLevel(logging.ERROR)
    import json

    path = shared_data / "lvis100_gt.json"
    truth = json.loads(path.read_text())
    found = lvis_detections(truth)
    gt = lvis.LVIS(str(path))
    evaluator = lvis.LVISEval(gt, lvis.LVISResults(gt, [dict(d) for d in found]), "bbox")
    evaluator.run()
    theirs = evaluator.get_results()
    result = meanap.evaluate(path, found, protocol="lvis")
    names = {"ap": "AP", "ap50": "AP50", "ap75": "AP75", "ap_small": "APs", "ap_medium": "APm", "ap_large": "APl"}
    names |= {"ap_rare": "APr", "ap_common": "APc", "ap_frequent": "APf", "ar": "AR@300", "ar_small": "ARs@300"}
    names |= {"ar_medium": "ARm@300", "ar_large": "ARl@300"}
    for ours, name in names.items():
        expected = theirs[name] if theirs[name] != -1 else np.nan
        np.testing.assert_equal(result[ours], expected, err_msg=name)


def lvis_detections(truth):
    """Shaken ground truth, and boxes of categories that are and are not labelled in their image."""
    generator = np.random.default_rng(4)
    categories = [c["id"] for c in truth["categories"]]
    found = []
    for annotation in truth["annotations"]:
        box = np.array(annotation["bbox"]) * generator.uniform(0.85, 1.15, size=4)
        found.append((annotation["image_id"], annotation["category_id"], box))
    for image in truth["images"]:
        listed = [*image["neg_category_ids"], *image["not_exhaustive_category_ids"]]
        for category in [*listed, *generator.choice(categories, size=200)]:
            found.append((image["id"], int(category), generator.uniform(5, 200, size=4)))
    return [
        {"image_id": i, "category_id": c, "bbox": box.tolist(), "score": float(generator.random())}
        for i, c, box in found
    ]


def test_own_area_ranges():
    truth = [{"boxes": [[0, 0, 30, 40], [100, 100, 103, 104]], "labels": [0, 0], "image_size": [200, 100]}]
    preds = [{"boxes": [[0, 0, 30, 40]], "scores": [0.9], "labels": [0], "image_size": [200, 100]}]
    for size, edge in (("area", 1200), ("diagonal", 50), ("side", 40), ("fraction", 0.06)):
        ranges = {"all": (0, np.inf), "big": (edge, np.inf), "tiny": (0, edge * 0.999)}
        result = meanap.evaluate(truth, preds, size=size, area_ranges=ranges, thresholds=0.5)
        assert result["ap_big"] == pytest.approx(1), size
        assert result["ap_tiny"] == 0, size


def test_limits_thresholds_and_points(scenes):
    preds, targets = scenes
    result = meanap.evaluate(targets, preds, thresholds=[0.3, 0.5], max_detections=(1, 5), recall=[0.0, 0.5, 1.0])
    assert result.precision.shape == (2, 3, 6, 4, 2)
    assert 0 < result["ar_1"] < result["ar_5"] < 1
    with pytest.raises(ValueError, match="not among the thresholds"):
        result.best_f1(iou=0.75)


def test_class_agnostic_and_micro(scenes):
    preds, targets = scenes
    agnostic = meanap.evaluate(targets, preds, by_category=False)
    relabelled = [[{**image, "labels": image["labels"] * 0} for image in side] for side in (targets, preds)]
    assert agnostic.ap == pytest.approx(meanap.evaluate(*relabelled).ap, abs=1e-12)
    assert agnostic.ap > meanap.evaluate(targets, preds, average="micro").ap


def test_micro_ranks_all_categories_together():
    truth = [{"boxes": [[0, 0, 10, 10], [20, 20, 30, 30]], "labels": [0, 1]}]
    preds = [{"boxes": [[0, 0, 10, 10], [50, 50, 60, 60]], "scores": [0.5, 0.9], "labels": [0, 1]}]
    assert meanap.evaluate(truth, preds, thresholds=0.5, recall="exact").ap == 0.5
    assert meanap.evaluate(truth, preds, thresholds=0.5, recall="exact", average="micro").ap == 0.25


def test_unknown_names():
    with pytest.raises(ValueError, match="protocol: expected one of 'activitynet', 'citypersons'"):
        meanap.evaluate([], [], protocol="cocoo")
    with pytest.raises(TypeError, match="unexpected keyword 'iou'"):
        meanap.evaluate([], [], iou=0.5)
    with pytest.raises(ValueError, match="matcher: expected"):
        meanap.evaluate([], [], matcher="hungarian")
