"""Generalised, distance and complete IoU of boxes: by their definitions, and torchvision's."""

import math

import numpy as np
import pytest

import meanap

NAMES = ("giou", "diou", "ciou")


def pairs(seed=3, count=120):
    """Pairs of boxes that overlap more or less, as corners."""
    rng = np.random.default_rng(seed)
    first = np.concatenate([rng.uniform(0, 50, (count, 2)), rng.uniform(60, 120, (count, 2))], axis=1)
    return first, first + rng.normal(0, 9, (count, 4))


def naive(name, a, b):
    """The definitions, written out."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    iou = both / union
    across, down = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    if name == "giou":
        return iou - (across * down - union) / (across * down)
    centres = ((a[0] + a[2] - b[0] - b[2]) ** 2 + (a[1] + a[3] - b[1] - b[3]) ** 2) / 4
    distance = iou - centres / (across**2 + down**2)
    if name == "diou":
        return distance
    shapes = [math.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (a, b)]
    v = 4 / math.pi**2 * (shapes[0] - shapes[1]) ** 2
    return distance - v * v / (1 - iou + v)


def lies_at(name, first, second, values, tolerance):
    """Checks the similarity of each pair: it reaches a threshold just below its value, and none just above."""
    for a, b, value in zip(first, second, values, strict=True):
        truth, found = meanap.GroundTruth([1], [1], [a]), meanap.Detections([1], [1], [0.5], [b])
        thresholds = [max(0.0, value - tolerance), value + tolerance]
        result = meanap.evaluate(truth, found, name, thresholds=thresholds, strict=False)
        assert result.matches.matched.tolist() == [[True, False]], (a, b, value)


@pytest.mark.parametrize("name", NAMES)
def test_the_definitions(name):
    first, second = pairs()
    values = [naive(name, a, b) for a, b in zip(first, second, strict=True)]
    assert sum(0 < value < 1 for value in values) > 100
    kept = [i for i, value in enumerate(values) if 1e-6 < value < 1 - 1e-6]
    lies_at(name, first[kept], second[kept], [values[i] for i in kept], 1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_of_torchvision(name):
    torch = pytest.importorskip("torch")
    ops = pytest.importorskip("torchvision.ops", reason="pip install torchvision")
    function = {"giou": "generalized_box_iou", "diou": "distance_box_iou", "ciou": "complete_box_iou"}[name]
    first, second = pairs(5)
    values = getattr(ops, function)(torch.tensor(first), torch.tensor(second)).diagonal().tolist()
    kept = [i for i, value in enumerate(values) if 1e-6 < value < 1 - 1e-6]
    assert len(kept) > 100
    # Of the other two it adds 1e-7 to the denominators.
    lies_at(name, first[kept], second[kept], [values[i] for i in kept], 1e-12 if name == "giou" else 1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_boxes_that_are_far_or_the_same_and_crowds(name):
    box, far = [0.0, 0.0, 10.0, 10.0], [500.0, 500.0, 510.0, 510.0]
    truth = meanap.GroundTruth([1, 2, 3], [1, 1, 1], [box, box, [0.0, 0.0, 100.0, 100.0]], crowd=[0, 0, 1])
    found = meanap.Detections([1, 2, 3], [1, 1, 1], [0.9, 0.8, 0.7], [box, far, box])
    result = meanap.evaluate(truth, found, name, thresholds=[0.5])
    assert result.matches.matched[:, 0].tolist() == [True, False, True]
    assert result.matches.ignored[:, 0].tolist() == [False, False, True]
    # 0 is reached by what overlaps; below it lies what is far.
    assert meanap.evaluate(truth, found, name, thresholds=[0.0]).matches.matched[:, 0].tolist() == [True, False, True]
