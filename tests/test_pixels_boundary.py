"""Boundary IoU: against a naive oracle and the field's packages, alone and in COCOeval."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

import meanap
from meanap import _core


def blobs(rng, height, width):
    """A mask of a few rectangles and holes, some of them at the image's edge."""
    mask = np.zeros((height, width), bool)
    for value in (True, True, True, False):
        y, x = rng.integers(0, height), rng.integers(0, width)
        h, w = (rng.integers(1, 4, 2) if not value else rng.integers(5, 60, 2)).tolist()
        mask[y : y + h, x : x + w] = value
    mask[height // 2, width // 2] = True
    return mask


def boundary(mask, ratio):
    """What erosions by a square take away, everything outside of the image being background."""
    distance = max(1, round(ratio * np.sqrt(mask.shape[0] ** 2 + mask.shape[1] ** 2)))
    eroded = np.pad(mask, 1)
    for _ in range(distance):
        if not eroded.any():
            break
        padded = np.pad(eroded, 1)
        h, w = eroded.shape
        eroded = np.logical_and.reduce([padded[y : y + h, x : x + w] for y in range(3) for x in range(3)])
    return mask & ~eroded[1:-1, 1:-1]


def naive(detections, ground_truths, crowd, ratio):
    """The smaller of both intersections over union; against a crowd the share of the detection's mask."""
    out = np.zeros((len(detections), len(ground_truths)))
    boundaries = [[boundary(mask, ratio) for mask in side] for side in (detections, ground_truths)]
    for i, d in enumerate(detections):
        for j, g in enumerate(ground_truths):
            if crowd[j]:
                out[i, j] = (d & g).sum() / d.sum()
                continue
            a, b = boundaries[0][i], boundaries[1][j]
            out[i, j] = min((d & g).sum() / (d | g).sum(), (a & b).sum() / (a | b).sum())
    return out


def encoded(masks):
    return [coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8)) for mask in masks]


def triples(rles):
    return [(*rle["size"], rle["counts"]) for rle in rles]


@pytest.mark.parametrize("ratio", [0.001, 0.02, 0.1, 5.0])
def test_values_are_those_of_the_oracle(ratio):
    rng = np.random.default_rng(1)
    for height, width in ((1, 1), (30, 200), (131, 64), (90, 120)):
        detections, truths = ([blobs(rng, height, width) for _ in range(5)] for _ in range(2))
        crowd = [False, False, True, False, False]
        found = _core.boundary_iou(triples(encoded(detections)), triples(encoded(truths)), crowd, ratio)
        np.testing.assert_array_equal(found, naive(detections, truths, crowd, ratio))


@pytest.mark.parametrize("package", ["faster_coco_eval.core.mask", "ultrafast_pycocotools.mask"])
def test_boundaries_are_those_of_the_rivals(package):
    rival = pytest.importorskip(package, reason=f"{package} is not installed")
    draw = getattr(rival, "rleToBoundary", None) or rival.toBoundary
    rng = np.random.default_rng(2)
    masks = [blobs(rng, 230, 170) for _ in range(12)]
    rles = encoded(masks)
    drawn = [draw(rle, 0.02) for rle in rles]
    expected = np.minimum(coco_mask.iou(rles[:6], rles[6:], [0] * 6), coco_mask.iou(drawn[:6], drawn[6:], [0] * 6))
    found = _core.boundary_iou(triples(rles[:6]), triples(rles[6:]), [False] * 6, 0.02)
    np.testing.assert_array_equal(found, expected)


def test_masks_that_cannot_be_compared():
    with pytest.raises(ValueError, match="dilation ratio"):
        _core.boundary_iou([(2, 2, b"04")], [(2, 2, b"04")], [False], float("nan"))
    with pytest.raises(ValueError, match="crowd flag"):
        _core.boundary_iou([(2, 2, b"04")], [(2, 2, b"04")], [], 0.02)
    assert _core.boundary_iou([(2, 2, b"04")], [(2, 3, b"06")], [False], 0.02).tolist() == [[-1.0]]
    assert _core.boundary_iou([], [(2, 3, b"06")], [False], 0.02).shape == (0, 1)
    huge = [(1 << 20, 1 << 20, b"0PPPPPPP1")]
    with contextlib.suppress(ValueError):
        _core.boundary_iou(huge, huge, [False], 0.02)


needs_coco = pytest.mark.skipif(not hasattr(meanap, "COCO"), reason="the drop-in is not there yet")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    from meanap import generate

    folder = tmp_path_factory.mktemp("boundary")
    generate.write_files(folder, images=25, seed=5)
    return str(folder / "instances.json"), str(folder / "masks.json")


def evaluated(coco, evaluator, files, **options):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco(files[0])
        evaluation = evaluator(truth, truth.loadRes(files[1]), iouType="boundary", **options)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


@needs_coco
def test_cocoeval_gives_what_faster_coco_eval_gives(files):
    rival = pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed")
    ours = evaluated(meanap.COCO, meanap.COCOeval, files)
    theirs = evaluated(rival.COCO, rival.COCOeval_faster, files)
    for name in ("precision", "recall"):
        expected = theirs.eval[name].reshape(ours.eval[name].shape)
        np.testing.assert_allclose(ours.eval[name], expected, rtol=0, atol=1e-12)
    assert 0 < ours.stats[0] < evaluated_as_segm(files).stats[0]


def evaluated_as_segm(files):
    def evaluator(truth, found, iouType):
        return meanap.COCOeval(truth, found, iouType="segm")

    return evaluated(meanap.COCO, evaluator, files)


@needs_coco
def test_the_evaluation_in_python_gives_the_same(files):
    class ByHand(meanap.COCOeval):
        def computeIoU(self, imgId, catId):
            return super().computeIoU(imgId, catId)

    ours, by_hand = (evaluated(meanap.COCO, one, files) for one in (meanap.COCOeval, ByHand))
    np.testing.assert_array_equal(ours.eval["precision"], by_hand.eval["precision"])
    np.testing.assert_array_equal(ours.stats, by_hand.stats)


@needs_coco
def test_the_width_of_the_boundary_is_a_parameter(files):
    truth = meanap.COCO(files[0])
    evaluation = meanap.COCOeval(truth, truth.loadRes(files[1]), iouType="boundary")
    assert evaluation.params.dilationRatio == 0.02
    assert evaluation.params.maxDets == [1, 10, 100]
    evaluation.params.dilationRatio = 2.0
    evaluation.evaluate()
    wide = evaluation.ious
    segm = meanap.COCOeval(truth, truth.loadRes(files[1]), iouType="segm")
    segm.evaluate()
    # A boundary as wide as the image is the mask.
    for cell, expected in segm.ious.items():
        np.testing.assert_array_equal(wide[cell], expected)


@needs_coco
@pytest.mark.parametrize("given", ["files", "dictionaries"])
def test_the_array_api_gives_what_cocoeval_gives(files, given):
    expected = evaluated(meanap.COCO, meanap.COCOeval, files)
    if given == "dictionaries":
        files = [json.loads(Path(path).read_text()) for path in files]
    result = meanap.evaluate(*files, similarity="boundary")
    np.testing.assert_array_equal([result.number(row) for row in result.protocol.summary], expected.stats)
    wide = meanap.evaluate(*files, similarity="boundary", dilation_ratio=2.0)
    assert wide.ap == meanap.evaluate(*files, similarity="segm").ap > result.ap
    with pytest.raises(ValueError, match="dilation_ratio: expected a positive number, found 0"):
        meanap.evaluate(*files, similarity="boundary", dilation_ratio=0)


@pytest.mark.parametrize("ratio", [0.02, 0.1])
def test_the_metric_object_compares_boundaries(ratio):
    rng = np.random.default_rng(4)
    metric = meanap.MeanAveragePrecision(("segm", "boundary"), protocol="coco", dilation_ratio=ratio)
    other = metric.from_state(metric.state())
    preds, targets = [], []
    for _ in range(12):
        masks = np.stack([blobs(rng, 120, 160) for _ in range(4)])
        moved = np.roll(masks, rng.integers(0, 4), axis=2)
        preds.append({"masks": moved, "scores": rng.random(4), "labels": np.zeros(4, int)})
        targets.append({"masks": masks, "labels": np.zeros(4, int)})
    metric.update(preds[:5], targets[:5])
    other.update(preds[5:], targets[5:])
    metric.merge(other)
    numbers = metric.compute()
    whole = meanap.evaluate(targets, preds, similarity="boundary", protocol="coco", dilation_ratio=ratio)
    assert numbers["boundary_map"] == whole.ap
    assert 0 < numbers["boundary_map"] < numbers["segm_map"]
    # The oracle's share of objects that some detection overlaps by half bounds the recall there.
    reached = [naive(p["masks"], t["masks"], [False] * 4, ratio) >= 0.5 for p, t in zip(preds, targets, strict=True)]
    assert whole.recall[0, 0, 0, -1] == np.mean([hit.any(axis=0) for hit in reached])
