"""A similarity of one's own: a function of the boxes of a cell."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

import meanap
from meanap import distributed, generate


def iou(detections, truths):
    """Intersection over union of boxes, operation by operation as the reference."""
    d, g = detections[:, None], truths[None]
    size = np.minimum(d[..., 2:] + d[..., :2], g[..., 2:] + g[..., :2]) - np.maximum(d[..., :2], g[..., :2])
    intersection = np.where((size > 0).all(axis=-1), size[..., 0] * size[..., 1], 0)
    return intersection / (d[..., 2] * d[..., 3] + g[..., 2] * g[..., 3] - intersection)


@pytest.fixture(scope="module")
def data():
    truth = generate.dataset(40, 9, crowds=0)
    return truth, list(generate.detections(truth, per_image=15, seed=9))


def sides(data):
    """Predictions and targets of each image."""
    truth, found = data
    for image in truth["images"]:
        own = [[r for r in records if r["image_id"] == image["id"]] for records in (found, truth["annotations"])]
        both = [
            {
                "boxes": np.array([record["bbox"] for record in records]).reshape(-1, 4),
                "labels": np.array([record["category_id"] for record in records], dtype=int),
                "image_id": image["id"],
            }
            for records in own
        ]
        both[0]["scores"] = np.array([record["score"] for record in own[0]])
        yield both[0], {**both[1], "area": np.array([record["area"] for record in own[1]])}


def test_the_built_in_iou_as_a_function_has_its_bits(data, tmp_path):
    paths = [str(tmp_path / name) for name in ("truth.json", "found.json")]
    for path, content in zip(paths, data, strict=True):
        with open(path, "w") as file:
            json.dump(content, file)
    preds, targets = map(list, zip(*sides(data), strict=True))
    metric = meanap.MeanAveragePrecision(iou, "xywh", confusion=0.5, errors=0.5)
    for pred, target in zip(preds, targets, strict=True):
        metric.update([pred], [target])
    of_file, of_lists = meanap.evaluate(*data), meanap.evaluate(targets, preds, box_format="xywh")
    assert dict(of_file) == dict(of_lists)
    for result, expected in (
        (meanap.evaluate(*data, iou), of_file),
        (meanap.evaluate(*paths, iou), of_file),
        (meanap.evaluate(*paths, iou, memory_limit="1 MB"), of_file),
        (meanap.evaluate(targets, preds, iou, box_format="xywh"), of_lists),
        (metric.result(), of_lists),
    ):
        for ours, theirs in zip(result.scores.curves, expected.scores.curves, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert (result.confusion().matrix == expected.confusion().matrix).all()
        assert result.errors().to_dict() == expected.errors().to_dict()
        assert result.similarity == "bbox" and result.per_image().to_dict() == expected.per_image().to_dict()
    one_class = meanap.evaluate(*data, iou, by_category=False)
    assert dict(one_class) == dict(meanap.evaluate(*data, by_category=False))


def test_each_cell_is_one_call(data):
    shapes = []

    def told(detections, truths):
        assert detections.dtype == truths.dtype == np.float64
        shapes.append((detections.shape, truths.shape))
        return iou(detections, truths).astype(np.float32)

    result = meanap.evaluate(*data, told)
    cells = [{(r["image_id"], r["category_id"]) for r in records} for records in (data[0]["annotations"], data[1])]
    assert len(shapes) == len(cells[0] & cells[1]) and all(d[1] == g[1] == 4 for d, g in shapes)
    assert result.ap == pytest.approx(meanap.evaluate(*data).ap, abs=1e-3)


def test_centres_may_decide(data):
    def near(detections, truths):
        a, b = (boxes[:, :2] + boxes[:, 2:] / 2 for boxes in (detections, truths))
        return 1 / (1 + np.abs(a[:, None] - b[None]).sum(axis=-1))

    truth = [{"boxes": [[0, 0, 10, 10]], "labels": [1]}]
    found = [{"boxes": [[4, 4, 6, 6]], "labels": [1], "scores": [0.5]}]
    assert meanap.evaluate(truth, found).ar == 0
    assert meanap.evaluate(truth, found, near).ar == 1


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda d, g: iou(d, g).T[:, :0], r"expected shape \(\d+, \d+\), found \(\d+, 0\)"),
        (lambda d, g: iou(d, g) * np.nan, r"\[0, 0\] is NaN"),
        (lambda d, g: iou(d, g) > 0.5, "expected floats, found bool"),
        (lambda d, g: (iou(d, g) * 9).astype(int), "expected floats, found int64"),
        (lambda d, g: iou(d, g).tolist(), r"expected an array \(\d+, \d+\), found a list"),
    ],
)
def test_what_a_function_returns_is_checked(data, function, message):
    for work in (
        lambda: meanap.evaluate(*data, function),
        lambda: meanap.MeanAveragePrecision(function, "xywh").update(*map(list, zip(*sides(data), strict=True))),
    ):
        with pytest.raises(meanap.InputError, match=rf"similarity: image \d+, category \d+: {message}"):
            work()


def test_what_a_function_raises_is_raised(data):
    class Own(Exception):
        pass

    error = Own("mine")

    def bad(detections, truths):
        raise error

    for progress in (False, lambda done, total: None):
        with pytest.raises(Own) as raised:
            meanap.evaluate(*data, bad, progress=progress)
        assert raised.value is error
    metric = meanap.MeanAveragePrecision(bad, "xywh")
    with pytest.raises(Own):
        metric.update(*map(list, zip(*sides(data), strict=True)))
    assert len(metric) == 0


def test_a_state_has_numbers_and_takes_no_batches(data):
    metric = meanap.MeanAveragePrecision(iou, "xywh")
    both = list(sides(data))
    metric.update(*map(list, zip(*both[:20], strict=True)))
    other = pickle.loads(pickle.dumps(metric))
    assert other.compute()["map"] == metric.compute()["map"]
    with pytest.raises(meanap.InputError, match="a state does not hold the function '.*iou': make the metric with it"):
        other.update([both[20][0]], [both[20][1]])
    metric.reset()
    metric.update(*map(list, zip(*both[20:], strict=True)))
    assert metric.merge(other).compute()["map"] == meanap.evaluate(*data).ap
    with pytest.raises(ValueError, match="function"):
        metric.merge(meanap.MeanAveragePrecision(box_format="xywh"))


def test_other_entries_refuse_functions_in_a_sentence(data):
    for work in (
        lambda: meanap.explain_difference(*data, "coco", "voc2012", iou),
        lambda: meanap.check(*data, iou),
        lambda: meanap.MeanAveragePrecision((iou, "bbox")),
        lambda: distributed.evaluate([], similarity=iou),
    ):
        with pytest.raises(ValueError, match=r"similarity: a function is for meanap.evaluate and MeanAveragePrecision"):
            work()
