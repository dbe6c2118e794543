"""Each constant that decides a number, at its edge: one step to either side gives another answer.

The expected value comes from the reference package where that can be installed everywhere, and else it follows from a
closed form or from counting. `mutate_constants.py` changes the constants one by one and sees that something here fails.
"""

import contextlib
import copy
import io
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from pycocotools.coco import COCO as ReferenceCOCO
from pycocotools.cocoeval import COCOeval as ReferenceEval
from pycocotools.cocoeval import Params as ReferenceParams

import meanap
import meanap.ranking
from meanap import protocol
from meanap.compat.pycocotools import COCO, COCOeval, Params
from meanap.detection.miss_rates import RATES, log_average
from meanap.protocol.coco import AREA_RANGES, KEYPOINT_SIGMAS, RECALL_POINTS, THRESHOLDS
from meanap.ranking import average_precision_score
from meanap.segmentation import RegionAveragePrecision, SemanticSegmentation

FINITE = 1e5**2


def box(image, category, left, width, score=None, top=0.0, height=10.0, **more):
    """An object, or a detection where it has a score."""
    record = {"image_id": image, "category_id": category, "bbox": [left, top, width, height], **more}
    if score is None:
        return {"area": width * height, "iscrowd": 0, **record}
    return {**record, "score": score}


def scene(objects, images=1, categories=1, size=1000, **more):
    """A data set as COCO's dictionaries."""
    return {
        "images": [{"id": i, "height": size, "width": size, **more} for i in range(1, images + 1)],
        "categories": [{"id": k, "name": f"c{k}"} for k in range(1, categories + 1)],
        "annotations": [{"id": number, **record} for number, record in enumerate(objects, start=1)],
    }


def reference(truth, found, kind="bbox", **params):
    """pycocotools' evaluation, quietly."""
    return _evaluated(ReferenceCOCO, ReferenceEval, truth, found, kind, params)


def _evaluated(coco, evaluation, truth, found, kind, params):
    with contextlib.redirect_stdout(io.StringIO()):
        gt = coco()
        gt.dataset = copy.deepcopy(truth)
        gt.createIndex()
        judge = evaluation(gt, gt.loadRes(copy.deepcopy(found)), kind)
        for name, value in params.items():
            setattr(judge.params, name, value)
        judge.evaluate()
        judge.accumulate()
        if not params:
            judge.summarize()
    return judge


class ByHand(COCOeval):
    """With a hook of one's own it goes cell by cell."""

    def computeIoU(self, imgId, catId):  # noqa: N802
        return super().computeIoU(imgId, catId)


# Protocols


@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_coco_is_what_pycocotools_says(kind):
    rules, params = protocol.get("coco", kind), ReferenceParams(kind)
    assert rules.thresholds == tuple(params.iouThrs.tolist())
    assert rules.recall == tuple(params.recThrs.tolist())
    assert list(rules.area_ranges.values()) == [tuple(map(float, limits)) for limits in params.areaRng]
    assert list(rules.area_ranges) == params.areaRngLbl
    assert list(rules.max_detections) == params.maxDets
    if kind == "keypoints":
        assert rules.sigmas == tuple(params.kpt_oks_sigmas.tolist()) == KEYPOINT_SIGMAS
    assert (rules.max_per_image, rules.matcher) == (None, "greedy")
    assert (rules.match_crowds, rules.inclusive_boxes) == (True, False)
    assert (rules.zero_id_unmatched, rules.federated, rules.average, rules.by_category) == (False, False, "macro", True)


@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_the_drop_in_starts_from_pycocotools_parameters(kind):
    ours, theirs = Params(kind), ReferenceParams(kind)
    for name, value in vars(theirs).items():
        assert np.array_equal(getattr(ours, name), value), name
    assert Params("boundary").dilationRatio == 0.02


@pytest.mark.parametrize("kind", ["bbox", "keypoints"])
def test_the_summary_is_pycocotools(kind):
    # Objects of each size and poses of the same, each found the worse the later and the larger, of boxes more than a
    # hundred in an image: every number of the summary differs. The drop-in prints the same.
    images = 2 if kind == "bbox" else 20
    sides, shifts = (8, 20, 31, 33, 60, 95, 97, 150, 300), np.linspace(0, 0.5, 23)
    pairs = [(side, shift * (0.5 + k / 10)) for shift in shifts.tolist() for k, side in enumerate(sides)]
    objects = [
        box(
            1 + i % images,
            1,
            0.0,
            float(side),
            height=float(side),
            top=400.0 * i,
            keypoints=[5.0, 5.0 + 400 * i, 2.0] * 17,
            num_keypoints=17,
        )
        for i, (side, _) in enumerate(pairs)
    ]
    found = [
        box(1 + i % images, 1, side * shift, float(side), 0.9 - i / 1000, height=float(side), top=400.0 * i)
        for i, (side, shift) in enumerate(pairs)
    ]
    if kind == "keypoints":
        for detection, truth, (side, shift) in zip(found, objects, pairs, strict=True):
            points = np.array(truth["keypoints"]).reshape(-1, 3) + [side * shift, 0, 0]
            detection["keypoints"] = points.ravel().tolist()
            del detection["bbox"]
    truth = scene(objects, images=images)
    numbers = list(meanap.evaluate(truth, found, kind).to_dict().values())
    stats = reference(truth, found, kind).stats
    assert np.array_equal(numbers, stats)
    assert np.array_equal(_evaluated(COCO, COCOeval, truth, found, kind, {}).stats, stats)
    assert len(set(numbers)) == len(numbers)


def test_every_preset_limits_what_its_tool_limits():
    # pycocotools: maxDets. lvis: Params.max_dets, of an image over all categories. Ultralytics: max_det of val().
    assert protocol.get("lvis").max_per_image == 300 and protocol.get("lvis").max_detections == (2**31 - 1,)
    ultralytics = protocol.get("ultralytics")
    assert ultralytics.max_detections == (ultralytics.max_per_image,) == (300,)
    for name in ("voc2007", "voc2012"):
        rules = protocol.get(name)
        assert (rules.max_detections, rules.max_per_image, rules.thresholds) == ((2**31 - 1,), None, (0.5,))


@pytest.mark.parametrize("preset", ["lvis", "ultralytics"])
@pytest.mark.parametrize("place", [299, 300, 301])
def test_the_300th_detection_of_an_image_counts_and_the_next_does_not(preset, place):
    # All categories count together: two take turns, and the only object's detection has that rank.
    found = [box(1, 1 + i % 2, 500.0, 10.0, 1 - i / 1000) for i in range(1, 310)]
    found[place - 1] = box(1, 1, 0.0, 10.0, found[place - 1]["score"])
    truth = scene([box(1, 1, 0.0, 10.0)], categories=2, neg_category_ids=[2], not_exhaustive_category_ids=[])
    truth["categories"] = [{**category, "frequency": "f"} for category in truth["categories"]]
    result = meanap.evaluate(truth, found, protocol=preset)
    assert result["ar"] == (1.0 if place <= 300 else 0.0)


def test_voc_limits_nothing():
    found = [box(1, 1, 500.0, 10.0, 1 - i / 10000) for i in range(2000)] + [box(1, 1, 0.0, 10.0, 0.01)]
    result = meanap.evaluate(scene([box(1, 1, 0.0, 10.0)]), found, protocol="voc2012")
    assert result["ar"] == 1.0 and result.ap == pytest.approx(1 / 2001)


def test_lvis_shares_cocos_grids():
    rules, coco = protocol.get("lvis"), ReferenceParams("bbox")
    assert (rules.thresholds, rules.recall) == (tuple(coco.iouThrs.tolist()), tuple(coco.recThrs.tolist()))
    assert [list(limits) for limits in rules.area_ranges.values()] == coco.areaRng


def single_linspace(start, end, steps):
    """`torch.linspace` in exact arithmetic: counted from the nearer end, the step and the result rounded once each."""
    low, high = Fraction(float(np.float32(start))), Fraction(float(np.float32(end)))
    step = Fraction(float(np.float32(np.float32(end) - np.float32(start)) / np.float32(steps - 1)))
    places = [low + step * i if i < steps // 2 else high - step * (steps - 1 - i) for i in range(steps)]
    return tuple(float(np.float32(float(place))) for place in places)


@pytest.mark.parametrize("preset", ["torchmetrics", "ultralytics"])
def test_torch_counts_in_single_precision(preset):
    rules = protocol.get(preset)
    assert rules.thresholds == single_linspace(0.5, 0.95, 10)
    torch = pytest.importorskip("torch")
    assert rules.thresholds == tuple(torch.linspace(0.5, 0.95, 10).tolist())
    if preset == "torchmetrics":
        assert rules.recall == tuple(torch.linspace(0.0, 1.0, 101).tolist())


def test_torchmetrics_recalls_are_in_single_precision():
    assert protocol.get("torchmetrics").recall == single_linspace(0.0, 1.0, 101)


def test_voc2007_looks_at_eleven_recalls():
    rules = protocol.get("voc2007")
    # VOCap.m: for t = 0:0.1:1
    assert np.array_equal(rules.recall, np.arange(0, 11) * 0.1)
    assert protocol.get("voc2012").recall == "exact"


def test_voc_counts_pixels_of_boxes_and_not_of_masks():
    # 11 of 22 pixels counted with both edges: 0.5 reaches VOC's threshold. Without the edges it is 10 of 21.
    def iou(width, other, common, extra):
        return (common + extra) / (width + other - common + extra)

    assert iou(21.0, 10.0, 10.0, 1.0) == 0.5 > iou(21.0, 10.0, 10.0, 0.0)
    truth, found = scene([box(1, 1, 0.0, 21.0, height=9.0)]), [box(1, 1, 0.0, 10.0, 0.9, height=9.0)]
    for preset in ("voc2007", "voc2012"):
        assert meanap.evaluate(truth, found, protocol=preset).ap == pytest.approx(1)
        rules = protocol.get(preset).replace(inclusive_boxes=False)
        assert meanap.evaluate(truth, found, protocol=rules).ap == 0.0
        # One pixel less of 22, and it is below.
        fewer = [box(1, 1, 0.0, np.nextafter(10.0, 0), 0.9, height=9.0)]
        assert meanap.evaluate(truth, fewer, protocol=preset).ap == 0.0
        assert not protocol.get(preset, "segm").inclusive_boxes and not protocol.get(preset, "boundary").inclusive_boxes
        assert not protocol.get(preset, "keypoints").inclusive_boxes
        with_masks = scene([{**box(1, 1, 0.0, 21.0, height=9.0), "segmentation": [[0, 0, 0, 9, 21, 9, 21, 0]]}])
        masks = [
            {"image_id": 1, "category_id": 1, "score": 0.9, "segmentation": as_mask(10, 9)},
            {"image_id": 1, "category_id": 1, "score": 0.8, "segmentation": as_mask(11, 9)},
        ]
        # Of masks every pixel is there already: 90 of 189, and 99 of 189.
        assert meanap.evaluate(with_masks, masks[:1], "segm", protocol=preset).ap == 0.0
        assert meanap.evaluate(with_masks, masks[1:], "segm", protocol=preset).ap == pytest.approx(1)


def as_mask(width, height, size=1000):
    pixels = np.zeros((size, size), dtype=np.uint8, order="F")
    pixels[:height, :width] = 1
    from pycocotools import mask

    encoded = mask.encode(pixels)
    return {**encoded, "counts": encoded["counts"].decode()}


def test_the_threshold_is_reached_by_equality():
    truth = scene([box(1, 1, 0.0, 10.0)])
    for width, ap in ((5.0, 1.0), (np.nextafter(5.0, 0), 0.0)):
        found = [box(1, 1, 0.0, width, 0.9)]
        for preset in ("coco", "voc2012"):
            rules = protocol.get(preset).replace(thresholds=(0.5,), inclusive_boxes=False)
            assert meanap.evaluate(truth, found, protocol=rules).ap == pytest.approx(ap)
        judge = reference(truth, found, iouThrs=np.array([0.5]))
        assert judge.eval["precision"][0, 0, 0, 0, -1] == pytest.approx(ap)


@pytest.mark.parametrize("short", [0.0, 0.5e-10, 0.9e-10, 1.1e-10, 2e-10, 2e-9])
def test_a_threshold_of_one_is_reached_within_its_tolerance(short):
    # pycocotools: min([t, 1 - 1e-10]).
    truth, found = scene([box(1, 1, 0.0, 1.0, height=1.0)]), [box(1, 1, 0.0, 1.0 - short, 0.9, height=1.0)]
    expected = reference(truth, found, iouThrs=np.array([1.0])).eval["precision"][0, 0, 0, 0, -1]
    assert expected == pytest.approx(1.0 if short < 1e-10 else 0.0)
    assert meanap.evaluate(truth, found, thresholds=(1.0,)).ap == pytest.approx(expected)
    for evaluation in (COCOeval, ByHand):
        ours = _evaluated(COCO, evaluation, truth, found, "bbox", {"iouThrs": np.array([1.0])})
        assert ours.eval["precision"][0, 0, 0, 0, -1] == expected


@pytest.mark.parametrize("size", [32.0, 96.0])
def test_sizes_have_both_of_their_edges(size):
    for area in (np.nextafter(size**2, 0), size**2, np.nextafter(size**2, np.inf)):
        truth = scene([{**box(1, 1, 0.0, 10.0), "area": float(area)}])
        found = [box(1, 1, 0.0, 10.0, 0.9)]
        stats = reference(truth, found).stats
        summary = list(meanap.evaluate(truth, found).to_dict().values())
        assert np.array_equal(np.nan_to_num(summary, nan=-1), stats)


def test_scores_outside_of_the_range_are_refused_and_its_ends_are_not():
    truth = scene([box(1, 1, 0.0, 10.0)])
    preds = [{"boxes": [[0, 0, 10, 10]], "labels": [1], "scores": [0.0]}]
    target = [{"boxes": [[0, 0, 10, 10]], "labels": [1]}]
    for score in (0.0, 1.0):
        preds[0]["scores"] = [score]
        assert meanap.evaluate(target, preds).ap == pytest.approx(1)
        assert meanap.evaluate(truth, [box(1, 1, 0.0, 10.0, score)]).ap == pytest.approx(1)
    for score in (np.nextafter(0.0, -1), np.nextafter(1.0, 2)):
        preds[0]["scores"] = [float(score)]
        with pytest.raises(ValueError, match="score"):
            meanap.evaluate(target, preds)


def test_a_category_that_is_never_found_counts_as_nothing_and_one_without_objects_not_at_all():
    truth = scene([box(1, 1, 0.0, 10.0), box(1, 2, 0.0, 10.0)], categories=3)
    found = [box(1, 1, 0.0, 10.0, 0.9), box(1, 3, 0.0, 10.0, 0.9)]
    result = meanap.evaluate(truth, found)
    assert result.ap == reference(truth, found).stats[0] == pytest.approx(0.5)
    of_each = result.per_class["ap"]
    assert (of_each[0], of_each[1]) == (pytest.approx(1), 0.0) and math.isnan(of_each[2])


# Similarity


@pytest.mark.parametrize("area", [0.0, 1e-17, 2000.0])
@pytest.mark.parametrize("labelled", [0, 2])
def test_the_similarity_of_poses_is_the_references_at_its_edges(area, labelled):
    # Without a labelled keypoint what counts is the distance to a box three times as large; to an area the reference
    # adds the least that changes 1.
    x, y, width, height = 100.0, 60.0, 20.0, 10.0
    pose = [110.0, 65.0, labelled] * 17
    truth = scene([box(1, 1, x, width, top=y, height=height, area=area, keypoints=pose, num_keypoints=17)])
    edges = [(x - width, 65), (x + 2 * width, 65), (110, y - height), (110, y + 2 * height)]
    steps = [(0, 0), (1e-9, 1e-9), (-1e-9, -1e-9), (1, 1), (-1, -1)]
    if labelled:
        edges, steps = [(110, 65)], [(scale * k, 0) for scale in (1e-9, 3.0) for k in range(10)]
    found = [
        {"image_id": 1, "category_id": 1, "score": 0.5, "keypoints": [a + da, b + db, 1.0] * 17}
        for a, b in edges
        for da, db in steps
    ]
    pairs = [
        _evaluated(coco, evaluation, truth, found, "keypoints", {}) for coco, evaluation in
        ((ReferenceCOCO, ReferenceEval), (COCO, COCOeval))
    ]  # fmt: skip
    theirs, ours = (np.array(judge.computeOks(1, 1)) for judge in pairs)
    assert theirs.shape == (20, 1) and np.array_equal(ours, theirs)
    assert 0 < np.count_nonzero(theirs) and len(np.unique(theirs)) > 1


# Recall points and precision


def test_a_recall_is_reached_by_equality():
    # Of 100 objects 37 are found, then nothing: the 38 points up to 0.37 are reached, as the reference counts them.
    objects = [box(1, 1, 20.0 * i, 10.0) for i in range(100)]
    for right in (1, 29, 37, 57, 58, 99):
        found = [box(1, 1, 20.0 * i, 10.0, 0.9 - i / 1000) for i in range(right)]
        result = meanap.evaluate(scene(objects, size=3000), found)
        expected = reference(scene(objects, size=3000), found)
        assert result.ap == expected.stats[0]
        curve = expected.eval["precision"][0, :, 0, 0, -1]
        assert np.array_equal(np.count_nonzero(curve), round(result.ap * 101))


def test_the_trapezium_is_taken_over_101_points():
    # One of two is found, then a false positive: level up to recall 1/2, where Ultralytics lets the curve drop to 0.
    truth = scene([box(1, 1, 0.0, 10.0), box(1, 1, 100.0, 10.0)])
    found = [box(1, 1, 0.0, 10.0, 0.9), box(1, 1, 300.0, 10.0, 0.8)]
    ap = meanap.evaluate(truth, found, protocol="ultralytics").ap
    recall = np.array([0.0, 0.5, 0.5, 0.5, 1.0])
    precision = np.array([1.0, 1.0, 0.5, 0.0, 0.0])
    envelope = np.flip(np.maximum.accumulate(np.flip(precision)))
    points = np.linspace(0, 1, 101)
    trapezium = np.trapezoid if hasattr(np, "trapezoid") else np.trapz
    assert ap == pytest.approx(trapezium(np.interp(points, recall, envelope), points), abs=1e-12)


# What is derived from a result


def test_calibration_bins_are_those_of_a_histogram():
    bins = 10
    edges = np.linspace(0, 1, bins + 1)
    around = np.concatenate([np.nextafter(edges, 0), edges, np.nextafter(edges, 1)])
    scores = np.clip(np.concatenate([around, [0.0, 1.0, 0.999, 0.001]]), 0, 1)
    objects = [box(1, 1, 20.0 * i, 10.0) for i in range(len(scores))]
    found = [box(1, 1, 20.0 * i + (i % 3 == 0) * 9, 10.0, float(score)) for i, score in enumerate(scores)]
    result = meanap.evaluate(scene(objects, size=3000), found)
    for count in (bins, 7):
        table = result.calibration(bins=count).bins
        expected, edges = np.histogram(scores, bins=count, range=(0.0, 1.0))
        assert np.array_equal(table["detections"], expected)
        assert np.array_equal(table["low"], edges[:-1]) and np.array_equal(table["high"], edges[1:])
        right = np.histogram(scores[np.arange(len(scores)) % 3 > 0], bins=count, range=(0.0, 1.0))[0]
        with np.errstate(invalid="ignore"):
            assert np.allclose(table["precision"], right / expected, equal_nan=True)
    assert len(result.calibration().bins["low"]) == bins


def test_calibration_bars_have_wilsons_interval():
    from scipy.stats import binomtest

    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import meanap.plot

    # 1 of 1, 0 of 1, 3 of 5, 9 of 10.
    wanted = {0.05: (1, 1), 0.25: (0, 1), 0.55: (3, 5), 0.95: (9, 10)}
    objects, found = [], []
    for score, (right, count) in wanted.items():
        for i in range(count):
            objects.append(box(1, 1, 20.0 * len(objects), 10.0))
            found.append(box(1, 1, objects[-1]["bbox"][0] + (0 if i < right else 9), 10.0, score))
    result = meanap.evaluate(scene(objects), found)
    ax = meanap.plot.calibration(result)
    (bars,) = [c for c in ax.containers if isinstance(c, matplotlib.container.ErrorbarContainer)]
    drawn = [tuple(segment[:, 1]) for segment in bars.lines[2][0].get_segments()]
    for (low, high), (right, count) in zip(drawn, wanted.values(), strict=True):
        expected = binomtest(right, count).proportion_ci(0.95, method="wilson")
        # 1.96 stands for 1.959964.
        assert (low, high) == (pytest.approx(expected.low, abs=2e-5), pytest.approx(expected.high, abs=2e-5))


def test_a_miss_rate_is_read_at_nine_rates_of_false_positives():
    # One more object is found between any two of Dollár's rates 10^-2, 10^-1.75, …, 1: each has its own miss rate.
    images, rates = 1000, [10 ** (-2 + i / 4) for i in range(9)]
    objects, found, score, wrong = [], [], 1.0, 0
    for step, rate in enumerate(rates):
        # The greatest number of false positives that the rate allows.
        while (wrong + 1) / images <= rate:
            wrong += 1
            score -= 1e-5
            found.append(box(wrong, 1, 500.0, 10.0, score))
        score -= 1e-5
        objects.append(box(step + 1, 1, 0.0, 10.0))
        found.append(box(step + 1, 1, 0.0, 10.0, score))
    objects.append(box(999, 1, 0.0, 10.0))
    missed = [1 - (step + 1) / 10 for step in range(9)]
    result = meanap.evaluate(scene(objects, images=images), found).log_average_miss_rate()
    assert np.allclose(result.points["false_positives_per_image"], rates, rtol=1e-12)
    assert result.points["miss_rate"] == pytest.approx(missed)
    assert result.value == pytest.approx(math.exp(sum(math.log(rate) for rate in missed) / 9))


def test_crowdhuman_and_citypersons_read_dollars_rates_rounded_to_four_digits():
    expected = [round(10 ** (-2 + i / 4), 4) for i in range(9)]
    assert RATES["crowdhuman"].tolist() == RATES["citypersons"].tolist() == expected


def test_a_miss_rate_of_zero_is_1e_10():
    # Dollár's toolbox: log(max(1e-10, miss rate)).
    result = meanap.evaluate(scene([box(1, 1, 0.0, 10.0)]), [box(1, 1, 0.0, 10.0, 0.9)])
    assert result.log_average_miss_rate().value == pytest.approx(1e-10, rel=1e-9)
    # CrowdHuman and CityPersons take the logarithm of zero.
    assert log_average(np.zeros(9), "crowdhuman") == log_average(np.zeros(9), "citypersons") == 0


def test_froc_is_averaged_at_seven_rates():
    # 8 images. At 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives an image one more of eight objects has been found.
    images, objects, found, wrong, score = 8, [], [], 0, 1.0
    for step in range(7):
        while (wrong + 1) / images <= 2.0 ** (step - 3):
            wrong += 1
            score -= 1e-4
            found.append(box(1 + wrong % images, 1, 20.0 * wrong, 10.0, score, top=500.0))
        score -= 1e-4
        objects.append(box(step + 1, 1, 0.0, 10.0))
        found.append(box(step + 1, 1, 0.0, 10.0, score))
    objects.append(box(8, 1, 0.0, 10.0))
    result = meanap.evaluate(scene(objects, images=images, size=3000), found).froc()
    assert [result.at(2.0**power) for power in range(-3, 4)] == [(step + 1) / 8 for step in range(7)]
    assert result.mean == pytest.approx(np.mean([(step + 1) / 8 for step in range(7)]))


def test_tables_of_a_curve_are_asked_at_101_scores():
    result = meanap.evaluate(scene([box(1, 1, 0.0, 10.0)]), [box(1, 1, 0.0, 10.0, 0.5)])
    table = result.precision_recall().table()
    assert np.allclose(table["score"], np.arange(101) / 100)
    # A detection of that very score is in.
    assert np.array_equal(np.isnan(table["precision"]), np.arange(101) > 50)


@pytest.mark.parametrize(("width", "error"), [(np.nextafter(1.0, 0), "background"), (1.0, "localisation")])
def test_background_is_what_is_similar_to_less_than_a_tenth(width, error):
    # TIDE: background below 0.1, localisation from there up to the threshold.
    truth, found = scene([box(1, 1, 0.0, 10.0)]), [box(1, 1, 0.0, float(width), 0.9)]
    counts = meanap.evaluate(truth, found).errors().table
    row = list(counts["error"]).index(error)
    assert counts["count"][row] == 1


def test_the_greatest_gain_in_lrp_is_a_whole_error():
    # oLRP of one match of similarity 0.75 at 0.5: its distance 0.25 counts against 0.5.
    truth, found = scene([box(1, 1, 0.0, 10.0)]), [box(1, 1, 0.0, 7.5, 0.9)]
    lrp = meanap.evaluate(truth, found).lrp()
    assert (lrp.lrp, lrp.localisation, lrp.false_positive, lrp.false_negative) == (0.5, 0.25, 0.0, 0.0)


# Statistics


def test_p_values_count_what_was_seen_as_one_sample():
    # One result is better in every image, so in every sample: nothing is on the other side, but for what was seen.
    truth = scene([box(i, 1, 0.0, 10.0) for i in range(1, 9)], images=8)
    good = [box(i, 1, 0.0, 10.0, 0.9) for i in range(1, 9)]
    bad = [box(i, 1, 0.0, 7.0, 0.9) for i in range(1, 9)]
    a, b = meanap.evaluate(truth, bad), meanap.evaluate(truth, good)
    table = meanap.compare(a, b, resamples=99)
    row = list(table["number"]).index("ap")
    assert table["p"][row] == pytest.approx(2 / 100)
    same = meanap.compare(a, a, resamples=99)
    assert same["p"][row] == 1.0


@pytest.mark.parametrize(("confidence", "low", "high"), [(0.44, 0.5, 0.5), (0.56, 0.0, 1.0)])
def test_intervals_leave_out_as_much_on_either_side(confidence, low, high):
    # Two images, each with the only object of its category, one of them found. A quarter of the samples has the first
    # image twice (AP 1), a quarter the second (AP 0), half of them have both.
    truth = scene([box(1, 1, 0.0, 10.0), box(2, 2, 0.0, 10.0)], images=2, categories=2)
    result = meanap.evaluate(truth, [box(1, 1, 0.0, 10.0, 0.9)])
    bounds = (pytest.approx(low), pytest.approx(high))
    interval = result.interval("ap", confidence=confidence, resamples=4000)
    assert (interval.low, interval.high) == bounds
    table = result.interval(["ap"], confidence=confidence, resamples=4000)
    assert (table["low"][0], table["high"][0]) == bounds
    nothing = meanap.evaluate(truth, [box(1, 1, 500.0, 10.0, 0.9)])
    table = meanap.compare(nothing, result, ["ap"], confidence=confidence, resamples=4000)
    assert (table["low"][0], table["high"][0]) == bounds
    point = result.operating_point(false_positives_per_image=1, confidence=confidence, resamples=4000).intervals
    row = list(point["number"]).index("recall")
    assert (point["low"][row], point["high"][row]) == bounds
    lists = meanap.ranking.evaluate({"a": {"x": 1}, "b": {"x": 1}}, {"a": {"x": 1.0}, "b": {"y": 1.0}}, ["map"])
    interval = lists.interval("map", confidence=confidence, resamples=4000)
    assert (interval.low, interval.high) == bounds


# Pixels


def test_the_boundary_is_as_wide_as_a_fiftieth_of_the_diagonal():
    # Boundary IoU (Cheng et al. 2021): dilation_ratio=0.02 of the diagonal, rounded, at least a pixel. A diagonal of
    # 125 pixels gives 2.5 (2, to even); a little more gives 3.
    assert protocol.get("coco", "boundary").dilation_ratio == 0.02
    for height, width, distance in ((75, 100, 2), (75, 101, 3), (20, 20, 1)):
        assert max(1, round(0.02 * math.hypot(height, width))) == distance
        target = np.zeros((height, width), dtype=np.uint8)
        target[4:-4, 4:-4] = 1
        metric = SemanticSegmentation(2, boundary=True)
        metric.update(target, target)
        one = metric.compute()
        explicit = SemanticSegmentation(2, boundary=0.02)
        shifted = np.roll(target, 1, axis=1)
        metric.update(target, shifted)
        explicit.update(target, target)
        explicit.update(target, shifted)
        assert np.array_equal(metric.compute().boundary_iou, explicit.compute().boundary_iou)
        assert np.all(one.boundary_iou == 1.0)


def test_regions_are_judged_at_cocos_thresholds():
    assert RegionAveragePrecision(2).thresholds.tolist() == ReferenceParams("segm").iouThrs.tolist()
    assert RegionAveragePrecision(2).max_regions == ReferenceParams("segm").maxDets[-1]
    assert RegionAveragePrecision(2, thresholds=[np.nextafter(0, 1), 1.0]).thresholds[1] == 1.0
    for beyond in (0.0, np.nextafter(1, 2)):
        with pytest.raises(ValueError, match="thresholds"):
            RegionAveragePrecision(2, thresholds=[beyond])


def test_an_ignored_pixel_has_the_label_255():
    for ignored in (254, 255):
        metric = SemanticSegmentation(2)
        pair = np.array([[0, 1, 1, 0]], dtype=np.uint8), np.array([[0, 1, ignored, 0]], dtype=np.uint8)
        if ignored == 255:
            metric.update(*pair)
            assert metric.confusion_matrix.sum() == 3
        else:
            with pytest.raises(ValueError, match="254"):
                metric.update(*pair)


# Checks: what is just tolerated, and what is just reported


def codes(truth, found=None):
    return meanap.check(truth, found).codes


def spread(count, width=10.0, **more):
    """Disjoint objects, all in one image."""
    return [box(1, 1, 20.0 * i, width, **more) for i in range(count)]


def test_a_box_may_reach_a_pixel_beyond_its_image():
    for beyond, reported in ((1.0, False), (1.0 + 1e-9, True)):
        for record in (box(1, 1, 990.0, 10.0 + beyond), box(1, 1, -beyond, 10.0), box(1, 1, 0.0, 10.0, top=-beyond)):
            assert ("box-outside-image" in codes(scene([record]))) == reported
    # More of them than by coincidence read like corners only if a quarter is beyond the image.
    corners = [box(1, 1, 700.0, 800.0, height=20.0, top=10.0), *(box(1, 1, 1.0, 5.0, top=1.0) for _ in range(3))]
    inside = [*corners, box(1, 1, 2.0, 5.0, top=1.0)]
    assert "xyxy-boxes" in codes(scene(corners)) and "xyxy-boxes" not in codes(scene(inside))


@pytest.mark.parametrize(("count", "reported"), [(3, False), (4, True)])
def test_four_boxes_are_too_few_for_a_format(count, reported):
    small = [box(1, 1, 0.1 * i, 0.5, height=0.5) for i in range(count)]
    assert ("normalised-boxes" in codes(scene(small))) == reported
    small[0]["bbox"][2] = 1.0
    assert ("normalised-boxes" in codes(scene(small))) == reported
    small[0]["bbox"][2] = float(np.nextafter(1.0, 2))
    assert "normalised-boxes" not in codes(scene(small))


def test_an_area_may_be_that_of_a_box_that_is_a_pixel_larger():
    for area, reported in ((11 * 11 * 1.02, False), (np.nextafter(11 * 11 * 1.02, 999), True)):
        assert ("area-off" in codes(scene([{**box(1, 1, 0.0, 10.0), "area": float(area)}]))) == reported
    for area, reported in ((1.0, False), (np.nextafter(1.0, 0), True)):
        assert ("area-off" in codes(scene([{**box(1, 1, 0.0, 10.0), "area": float(area)}]))) == reported


@pytest.mark.parametrize(("side", "slack"), [(8, 32.0), (40, 0.25 * 1600)])
def test_an_area_may_differ_from_its_mask_by_a_quarter_or_32_pixels(side, slack):
    ring = [0, 0, 0, side, side, side, side, 0]
    for off, reported in ((slack, False), (slack + 0.001, True)):
        record = {**box(1, 1, 0.0, float(side), height=float(side)), "segmentation": [ring]}
        assert ("area-off" in codes(scene([{**record, "area": side * side - off}]))) == reported


@pytest.mark.parametrize(("width", "slack"), [(10.0, 2.0), (100.0, 10.0)])
def test_a_mask_may_be_off_its_box_by_a_tenth_or_two_pixels(width, slack):
    filled = width - slack
    ring = [0, 0, 0, 10, filled, 10, filled, 0]
    for off, reported in ((0.0, False), (1e-6, True)):
        record = {**box(1, 1, -slack - off, width), "segmentation": [ring], "area": filled * 10}
        assert ("mask-off-box" in codes(scene([record]))) == reported


def test_detections_that_are_cut_off_are_a_hundred_from_0_05_on():
    objects = spread(100)
    for count, low, reported in ((100, 0.05, True), (99, 0.05, False), (100, np.nextafter(0.05, 0), False)):
        found = [box(1, 1, 20.0 * i + 1, 10.0, float(low) + i / 1000) for i in range(count)]
        assert ("cut-scores" in codes(scene(objects, size=3000), found)) == reported
    beyond = [box(1, 1, 20.0 * i + 1, 10.0, 0.05 + i / 1000) for i in range(99)] + [box(1, 1, 1.0, 10.0, 1.01)]
    assert "cut-scores" not in codes(scene(objects, size=3000), beyond)


@pytest.mark.parametrize(("tied", "reported"), [(50, False), (51, True)])
def test_rounded_scores_are_tied_more_often_than_not(tied, reported):
    # A hundred detections, of which so many have a score that another one has, too.
    scores = [0.001 * (i + 1) for i in range(100 - tied)] + [0.001] * tied
    found = [box(1, 1, 20.0 * i + 1, 10.0, score) for i, score in enumerate(scores)]
    truth = scene(spread(100), size=3000)
    assert ("rounded-scores" in codes(truth, found)) == reported
    assert "rounded-scores" not in codes(truth, found[:-1])
    if reported:
        row = meanap.check(truth, found).row(code="rounded-scores")
        assert "3 decimals" in row["message"] and row["count"] == tied
        for off, still in ((1e-10, True), (1e-8, False)):
            found[5] = {**found[5], "score": 0.5 + off}
            assert ("rounded-scores" in codes(truth, found)) == still


@pytest.mark.parametrize(("count", "reported"), [(100, False), (101, True)])
def test_coco_looks_at_a_hundred_detections(count, reported):
    assert ReferenceParams("bbox").maxDets[-1] == 100
    found = [box(1, 1, 9.0 * i, 10.0, i / 1000) for i in range(count)]
    findings = meanap.check(scene(spread(3), size=3000), found)
    assert ("too-many-detections" in findings.codes) == reported
    assert not reported or findings.row(code="too-many-detections")["count"] == 1


@pytest.mark.parametrize(("silent", "level"), [(1, "note"), (2, "warning")])
def test_a_fifth_of_the_images_is_more_than_bad_luck(silent, level):
    truth = scene([box(i, 1, 0.0, 10.0) for i in range(1, 11)], images=10)
    found = [box(i, 1, 1.0, 10.0, 0.1 * i) for i in range(1, 11 - silent)]
    assert meanap.check(truth, found).row(code="image-without-detections")["level"] == level


@pytest.mark.parametrize(
    ("objects", "copies", "reported"), [(10, 2, False), (10, 3, True), (40, 3, False), (40, 4, True)]
)
def test_three_copies_or_a_tenth_are_a_finding(objects, copies, reported):
    truth = scene(spread(objects), size=3000)
    found = [box(1, 1, 20.0 * i + (0 if i < copies else 1), 10.0, 0.001 * (i + 1)) for i in range(objects)]
    assert ("copied-ground-truth" in codes(truth, found)) == reported


@pytest.mark.parametrize(("pairs", "reported"), [(4, False), (5, True)])
def test_categories_are_off_by_one_in_five_pairs(pairs, reported):
    truth = scene([box(1, 1, 20.0 * i, 10.0) for i in range(pairs)], categories=3)
    found = [box(1, 2, 20.0 * i + 1, 10.0, 0.1 + i / 100) for i in range(pairs)]
    assert ("category-offset" in codes(truth, found)) == reported


@pytest.mark.parametrize(("right", "reported"), [(8, False), (9, True)])
def test_a_label_error_needs_nine_detections_in_ten_that_are_right(right, reported):
    # The last detection lies on an object of another category; nine of ten are right if nine before it were.
    objects = [box(1, 1, 20.0 * i, 10.0) for i in range(right)] + [box(1, 2, 900.0, 10.0)]
    found = [box(1, 1, 20.0 * i + 1, 10.0, 0.9 - i / 100) for i in range(right)] + [box(1, 1, 901.0, 10.0, 0.2)]
    assert (len(meanap.check(scene(objects, categories=2), found).label_errors) > 0) == reported


# Ranking


def test_families_of_measures_are_those_of_pytrec_eval():
    pytrec_eval = pytest.importorskip("pytrec_eval")
    qrels = {"q": {f"d{i}": i % 3 for i in range(1200)}}
    run = {"q": {f"d{i}": float(-i) for i in range(1200)}}
    families = {"P", "recall", "map_cut", "ndcg_cut", "success"}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, families).evaluate(run)["q"]
    ours = meanap.ranking.RelevanceEvaluator(qrels, families).evaluate(run)["q"]
    assert ours.keys() == theirs.keys()
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_classifiers_are_read_at_vocs_and_cocos_recalls():
    for positives in (1, 3, 10, 100):
        # Each positive comes after one more negative, so that the precision falls at every step.
        truth = np.concatenate([[1, *[0] * (k + 1)] for k in range(positives)])
        scores = -np.arange(len(truth)) / len(truth)
        order = np.argsort(-scores)
        hits = np.cumsum(truth[order])
        precision = hits / np.arange(1, len(truth) + 1)
        # VOC: the greatest precision where at least i in 10 of the positives have been found, in whole numbers.
        best = [precision[hits * 10 >= i * positives].max(initial=0.0) for i in range(11)]
        value = average_precision_score(truth, scores, interpolation="voc2007")
        assert value == pytest.approx(np.mean(best), abs=1e-12)
        # COCO: at its recall points, as they are rounded.
        best = [precision[hits / positives >= recall].max(initial=0.0) for recall in ReferenceParams("bbox").recThrs]
        value = average_precision_score(truth, scores, interpolation="coco")
        assert value == pytest.approx(np.mean(best), abs=1e-12)


def ranked(ranks):
    """Measured lists with their only relevant document at these ranks."""
    qrels = {f"q{i}": {"right": 1} for i in range(len(ranks))}
    run = {
        f"q{i}": {**{f"w{k}": 100.0 - k for k in range(1, rank)}, "right": 100.0 - rank} for i, rank in enumerate(ranks)
    }
    return meanap.ranking.evaluate(qrels, run, ["rr"])


def p_value(first, second, **options):
    return meanap.ranking.compare(ranked(first), ranked(second), "rr", **options)[0]["p"]


def test_all_signs_of_up_to_sixteen_differences_are_counted():
    assert p_value([1] * 16, [2] * 16) == 2 / 2**16
    # Of seventeen some are drawn; what was seen is one of them.
    assert p_value([1] * 17, [2] * 17, resamples=10) == 1 / 11


@pytest.mark.parametrize("ranks", [[2, 3, 5, 7], [1, 1, 1, 1, 90], [3, 3, 7, 11, 13, 6], [2, 90, 91, 92]])
def test_equal_sums_of_differences_are_equal_whatever_their_rounding(ranks):
    # 1/100 less than 1/r each: whole signs in exact arithmetic.
    differences = [Fraction(1, rank) - Fraction(1, 100) for rank in ranks]
    sums = [abs(sum(d if sign else -d for d, sign in zip(differences, signs, strict=True)))
            for signs in itertools.product((False, True), repeat=len(ranks))]  # fmt: skip
    expected = sum(value >= sum(differences) for value in sums) / len(sums)
    assert p_value(ranks, [100] * len(ranks)) == expected


def test_the_t_test_is_scipys():
    from scipy.stats import ttest_rel

    for first in ([1, 2, 3, 4, 7], [1, 2], [1, 1, 1, 5, 9, 9, 2, 30], [3] * 39 + [1]):
        second = [2, 2, 9, 1, 3, 4, 4, 8, *[4] * 32][: len(first)]
        expected = ttest_rel([1 / rank for rank in first], [1 / rank for rank in second]).pvalue
        assert p_value(first, second, test="t") == pytest.approx(expected, rel=1e-12)


def test_parameters_of_measures_have_their_ends():
    qrels, run = {"q": {"a": 1000}}, {"q": {"a": 1.0}}

    def value(measure):
        return meanap.ranking.evaluate(qrels, run, [measure]).mean(measure)

    # Moffat and Zobel's persistence, 0.9 by default: 1 - p for the first document.
    assert value("rbp") == pytest.approx(0.1) and value("rbp(p=0.5)") == 0.5
    for p in (0, 1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            value(f"rbp(p={p})")
    assert value("err(max=1000)@5") == pytest.approx(1.0)
    for greatest in (0, 1001):
        with pytest.raises(ValueError, match="1 to 1000"):
            value(f"err(max={greatest})@5")
    assert meanap.ranking.evaluate({"q": {"a": 1}}, run, ["err(max=1)@5"]).mean("err(max=1)@5") == 0.5
    # The last whole number that a double distinguishes from the next.
    for grade in (2**53, -(2**53)):
        meanap.ranking.evaluate({"q": {"a": grade}}, run, ["map"])
        with pytest.raises(ValueError, match="2\\^53"):
            meanap.ranking.evaluate({"q": {"a": grade + (1 if grade > 0 else -1)}}, run, ["map"])


def test_31_area_ranges_fit_into_a_word():
    truth, found = scene([box(1, 1, 0.0, 10.0)]), [box(1, 1, 0.0, 10.0, 0.9)]
    ranges = {"all": (0.0, FINITE), **{f"r{i}": (i * 10.0, i * 10.0 + 10) for i in range(30)}}
    result = meanap.evaluate(truth, found, area_ranges=ranges)
    # An area of 100 lies at the end of one range and at the start of the next.
    inside = [name for name in ranges if not math.isnan(result[f"ap_{name}" if name != "all" else "ap"])]
    assert inside == ["all", "r9", "r10"]
    with pytest.raises(ValueError, match="31"):
        meanap.evaluate(truth, found, area_ranges={**ranges, "more": (0.0, 1.0)})


def test_shared_grids_are_those_of_the_reference():
    params = ReferenceParams("bbox")
    assert THRESHOLDS == tuple(params.iouThrs.tolist()) and RECALL_POINTS == tuple(params.recThrs.tolist())
    assert [list(limits) for limits in AREA_RANGES.values()] == params.areaRng
    assert AREA_RANGES["all"] == (0.0, FINITE)


@pytest.mark.parametrize("area", [0.0, 1e-9, 900.0])
def test_oks_of_labelled_keypoints_is_relative_to_the_area_and_an_epsilon(area):
    points = [5.0, 7.0, 2.0] * 17
    truth = scene([{**box(1, 1, 0.0, 30.0), "area": area, "keypoints": points, "num_keypoints": 17}])
    moved = [[coordinate + step for coordinate in points] for step in (0.0, 1e-9, 1e-5, 1.0)]
    found = [{"image_id": 1, "category_id": 1, "keypoints": pose, "score": 0.5} for pose in moved]
    assert_the_same_similarities(truth, found)


def test_oks_without_labelled_keypoints_is_measured_from_twice_the_box():
    truth = scene([{**box(1, 1, 100.0, 50.0, top=100.0, height=40.0), "keypoints": [0.0] * 51, "num_keypoints": 0}])
    left, top = (
        np.r_[np.linspace(start - 1.2 * side, start + 2.2 * side, 69)] for start, side in ((100, 50), (100, 40))
    )
    found = [
        {"image_id": 1, "category_id": 1, "keypoints": [float(x), float(y), 2.0] * 17, "score": 0.5}
        for x, y in zip(left, top[::-1], strict=True)
    ] + [
        {
            "image_id": 1,
            "category_id": 1,
            "keypoints": [float(x), 120.0, 2.0, 120.0, float(y), 2.0] * 8 + [120.0] * 3,
            "score": 0.5,
        }
        for x, y in zip(left, top, strict=True)
    ]
    assert_the_same_similarities(truth, found, maxDets=[200])


def assert_the_same_similarities(truth, found, **params):
    ours = _evaluated(COCO, COCOeval, truth, found, "keypoints", params).ious[1, 1]
    theirs = reference(truth, found, "keypoints", **params).ious[1, 1]
    assert np.array_equal(ours, theirs) and 0 < np.count_nonzero(theirs) and len(np.unique(theirs)) > 2
