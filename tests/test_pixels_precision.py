"""Average precision over pixels and over regions."""

import pickle
from functools import partial

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from meanap.segmentation import PixelAveragePrecision, RegionAveragePrecision

from . import pixel_data


def scored(rng, height, width, classes, dtype="f4", levels=None):
    """A target, and class probabilities that lean towards it."""
    target, prediction = pixel_data.pair(rng, height, width, classes, wrong=0.3)
    logits = rng.standard_normal((classes, height, width)) * 2
    np.put_along_axis(logits, prediction[None], np.take_along_axis(logits, prediction[None], 0) + 3, 0)
    scores = np.exp(logits)
    scores /= scores.sum(axis=0)
    return target, (scores if levels is None else np.round(scores * levels) / levels).astype(dtype)


def seen(pairs, classes, metric=PixelAveragePrecision, **settings):
    metric = metric(classes, **settings)
    for target, scores in pairs:
        metric.update(scores, target)
    return metric


def naive_ap(positive, scores):
    """Mean over positives of the precision among all scores as high."""
    return np.mean([positive[scores >= score].mean() for score in scores[positive]])


# Pixels


@pytest.mark.parametrize("dtype,levels", [("f4", None), ("f8", None), ("f2", None), ("f4", 20)])
def test_exact_values_are_those_of_scikit_learn(dtype, levels):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    rng = np.random.default_rng(1)
    pairs = [scored(rng, 60, 70, 4, dtype, levels) for _ in range(3)]
    result = seen(pairs, 4, exact=True).compute()
    target = np.concatenate([t.ravel() for t, _ in pairs])
    scores = np.concatenate([s.reshape(4, -1) for _, s in pairs], axis=1)
    keep = target != 255
    expected = [metrics.average_precision_score(target[keep] == k, scores[k, keep]) for k in range(4)]
    np.testing.assert_allclose(result.ap, expected, rtol=1e-12)
    assert result.mean_ap == pytest.approx(np.mean(expected), rel=1e-12)
    assert result.error_bound == 0


def test_exact_values_are_those_of_the_naive_twin():
    rng = np.random.default_rng(2)
    target, scores = scored(rng, 25, 30, 3, "f8", 10)
    scores = scores - 0.5
    result = seen([(target, scores)], 4 - 1, exact=True).compute()
    keep = target != 255
    for k in range(3):
        assert result.ap[k] == pytest.approx(naive_ap(target[keep] == k, scores[k][keep]), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_exact_value_lies_within_the_bounds(seed):
    rng = np.random.default_rng(seed)
    pairs = [scored(rng, 80, 90, 5) for _ in range(3)]
    exact = seen(pairs, 5, exact=True).compute()
    binned = seen(pairs, 5).compute()
    assert (binned.low <= exact.ap).all() and (exact.ap <= binned.high).all()
    assert abs(binned.mean_ap - exact.mean_ap) <= binned.error_bound < 0.02
    np.testing.assert_allclose(binned.ap, exact.ap, atol=0.002)


def test_a_histogram_is_exact_where_a_bin_holds_one_score():
    rng = np.random.default_rng(5)
    pairs = [scored(rng, 50, 60, 3, levels=16) for _ in range(2)]
    np.testing.assert_allclose(seen(pairs, 3).compute().ap, seen(pairs, 3, exact=True).compute().ap, rtol=1e-12)


@pytest.mark.parametrize("exact", [True, False])
def test_batches_merging_and_pickling_change_nothing(exact):
    rng = np.random.default_rng(6)
    pairs = [scored(rng, 40, 50, 3) for _ in range(4)]
    whole = seen(pairs, 3, exact=exact)
    first, rest = seen(pairs[:1], 3, exact=exact), PixelAveragePrecision(3, exact=exact)
    targets, scores = (np.stack(side) for side in zip(*pairs[1:], strict=True))
    rest.update(scores, targets)
    first.merge(pickle.loads(pickle.dumps(rest)))
    assert first.compute().to_dict() == whole.compute().to_dict()
    assert first.images == 4 and "mean" in str(first.compute())
    with pytest.raises(ValueError, match="merge: the metrics have different settings"):
        first.merge(PixelAveragePrecision(3, exact=not exact))


def test_a_class_without_pixels_has_no_value():
    for exact in (True, False):
        metric = PixelAveragePrecision(2, exact=exact)
        metric.update(np.full((2, 2, 2), 0.5), np.zeros((2, 2), int))
        result = metric.compute()
        assert result.ap[0] == 1 and np.isnan(result.ap[1])
        assert result.to_dict()["per_class"]["1"] == {"ap": None, "low": None, "high": None}
        assert np.isnan(PixelAveragePrecision(2, exact=exact).compute().mean_ap)


def test_scores_that_cannot_be_used():
    target, scores = np.zeros((3, 4), int), np.full((2, 3, 4), 0.5)
    scores[1, 2, 3] = 1.5
    PixelAveragePrecision(2, exact=True).update(scores, target)
    place = "image 0: prediction: row 2, column 3: the score of class 1 is"
    metric = PixelAveragePrecision(2)
    with pytest.raises(ValueError, match=f"{place} 1.5; expected 0 to 1"):
        metric.update(scores, target)
    assert not metric._histogram.any()
    scores[1, 2, 3] = np.nan
    for exact in (True, False):
        with pytest.raises(ValueError, match=f"{place} NaN"):
            PixelAveragePrecision(2, exact=exact).update(scores, target)
        with pytest.raises(ValueError, match="image 0: target: row 0, column 0: label 9"):
            PixelAveragePrecision(2, exact=exact).update(np.abs(scores), target + 9)
        with pytest.raises(ValueError, match=r"preds: expected shape \(1, 3, 3, 4\)"):
            PixelAveragePrecision(3, exact=exact).update(scores, target)
        with pytest.raises(TypeError, match="preds: expected an array of floating-point scores"):
            PixelAveragePrecision(2, exact=exact).update(np.zeros((2, 3, 4), int), target)
    # What the target leaves out may hold anything.
    target[2, 3] = 255
    PixelAveragePrecision(2).update(scores, target)


# Regions


def components(mask, corners):
    """Connected components by flooding."""
    left = {tuple(at) for at in np.argwhere(mask)}
    while left:
        stack, found = [left.pop()], np.zeros_like(mask)
        while stack:
            y, x = stack.pop()
            found[y, x] = True
            near = [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if corners or not (dy and dx)]
            for at in near:
                if at in left:
                    left.remove(at)
                    stack.append(at)
        yield found


def as_coco(pairs, classes, connectivity):
    """The same regions as instances for the reference, scored by the mean of their class's scores."""
    images, truths, found = [], [], []
    for i, (target, scores) in enumerate(pairs):
        images.append({"id": i, "height": target.shape[0], "width": target.shape[1]})
        labels = np.where(target == 255, 255, scores.argmax(axis=0))
        for k in range(classes):
            for into, side in ((truths, target), (found, labels)):
                mask = side == k
                if connectivity:
                    masks = list(components(mask, connectivity == 8))
                else:
                    masks = [mask] if mask.any() else []
                for one in masks:
                    rle = coco_mask.encode(np.asfortranarray(one, dtype=np.uint8))
                    record = {"image_id": i, "category_id": k + 1, "segmentation": rle}
                    if into is truths:
                        record |= {"id": len(truths) + 1, "iscrowd": 0, "area": int(one.sum())}
                    else:
                        record |= {"score": float(scores[k].astype(float)[one].mean())}
                    into.append(record)
    coco = COCO()
    coco.dataset = {"images": images, "annotations": truths, "categories": [{"id": k + 1} for k in range(classes)]}
    coco.createIndex()
    return coco, coco.loadRes(found)


@pytest.mark.parametrize("connectivity", [None, 4, 8])
def test_regions_are_matched_as_pycocotools_matches_instances(connectivity):
    rng = np.random.default_rng(7)
    pairs = [scored(rng, 44, 37, 3, "f8") for _ in range(6)]
    result = seen(pairs, 3, RegionAveragePrecision, connectivity=connectivity, max_regions=1000).compute()
    truth, found = as_coco(pairs, 3, connectivity)
    evaluation = COCOeval(truth, found, "segm")
    evaluation.params.maxDets = [1000]
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 0].mean(axis=1)
    assert (precision > 0).any()
    np.testing.assert_allclose(result.ap_by_threshold, precision, rtol=1e-9)
    np.testing.assert_array_equal(result.recall_by_threshold, evaluation.eval["recall"][:, :, 0, 0])
    assert result.at(0.5) == pytest.approx(precision[0].mean())


def test_labels_with_scores_given():
    target = np.array([[0, 0, 0, 1, 1]])
    wrong = np.array([[0, 1, 1, 1, 1]])

    def of(*updates):
        metric = RegionAveragePrecision(2, thresholds=[0.5])
        for update in updates:
            metric.update(*update)
        return metric.compute()

    assert of((target, target)).mean_ap == pytest.approx(1)
    # Class 1 of the wrong map overlaps by exactly one half; class 0 by a third.
    assert of((wrong, target)).ap.tolist() == pytest.approx([0.0, 1.0])
    # An error with a high score lowers AP more than one with a low score.
    doubtful = of((target, target, np.array([0.9, 0.9])), (wrong, target, np.array([0.1, 0.1])))
    confident = of((target, target, np.array([0.5, 0.5])), (wrong, target, np.array([0.9, 0.9])))
    assert doubtful.ap[0] > confident.ap[0]
    assert doubtful.at(0.5) == doubtful.mean_ap
    with pytest.raises(KeyError, match="no threshold 0.75"):
        doubtful.at(0.75)


def test_region_batches_merging_and_pickling_change_nothing():
    rng = np.random.default_rng(8)
    pairs = [scored(rng, 30, 40, 3) for _ in range(4)]
    whole = seen(pairs, 3, RegionAveragePrecision, connectivity=8)
    first = seen(pairs[:1], 3, RegionAveragePrecision, connectivity=8)
    rest = RegionAveragePrecision(3, connectivity=8)
    targets, scores = (np.stack(side) for side in zip(*pairs[1:], strict=True))
    rest.update(scores, targets)
    first.merge(pickle.loads(pickle.dumps(rest)))
    assert first.compute().to_dict() == whole.compute().to_dict()
    assert first.images == 4 and "mean" in str(first.compute())
    with pytest.raises(ValueError, match="merge: the metrics have different settings"):
        first.merge(RegionAveragePrecision(3))


def test_regions_of_nothing_and_bad_regions():
    empty = RegionAveragePrecision(2).compute()
    assert np.isnan(empty.mean_ap) and empty.to_dict()["mean_ap"] is None
    metric = RegionAveragePrecision(2)
    metric.update(np.zeros((2, 3), int), np.full((2, 3), 255))
    assert np.isnan(metric.compute().ap).all()
    with pytest.raises(ValueError, match="image 1: target: row 0, column 0: label 7"):
        metric.update(np.zeros((2, 3), int), np.full((2, 3), 7))
    with pytest.raises(ValueError, match="target has shape"):
        metric.update(np.zeros((3, 2), int), np.zeros((2, 3), int))
    with pytest.raises(ValueError, match="scores: expected shape"):
        metric.update(np.zeros((2, 3), int), np.zeros((2, 3), int), np.zeros(5))
    for settings in (dict(connectivity=6), dict(thresholds=[]), dict(thresholds=[2]), dict(max_regions=0)):
        with pytest.raises(ValueError):
            RegionAveragePrecision(2, **settings)


def test_a_bad_image_leaves_no_trace():
    rng = np.random.default_rng(3)
    target = rng.integers(0, 2, (3, 4, 5))
    scores = rng.random((3, 2, 4, 5))
    bad = target.copy()
    bad[1, 3, 4] = 9
    for make in (RegionAveragePrecision, PixelAveragePrecision, partial(PixelAveragePrecision, exact=True)):
        good, lenient = make(2), make(2, strict=False)
        good.update(scores[[0, 2]], target[[0, 2]])
        lenient.update(scores, bad)
        lenient.update(scores[:, :, :3], target[:1])
        nan = scores[0].copy()
        nan[1, 2, 3] = np.nan
        lenient.update(nan, target[0])
        result = lenient.compute()
        label, shape, score = result.skipped
        assert label.startswith("image 1: target: row 3, column 4: label 9; expected a class, 0 to 1")
        assert shape.startswith("image 3: preds: expected shape (1, 2, 4, 5)")
        assert score.startswith("image 4: ") and "row 2, column 3: the score of class 1 is NaN" in score
        assert "images 2, skipped 3" in str(result) and result.to_dict()["skipped"] == result.skipped
        assert result.to_dict() | {"skipped": []} == good.compute().to_dict()
