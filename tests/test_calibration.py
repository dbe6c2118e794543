"""Calibration errors of detections: by their definitions, and those of torchmetrics."""

import math

import numpy as np
import pytest

import meanap


def scene(seed=4, count=300):
    """Detections of one class, each on an object of its own or far from all."""
    rng = np.random.default_rng(seed)
    scores, right = rng.uniform(0, 1, count), rng.uniform(0, 1, count) < 0.6
    place = np.stack([np.arange(count) * 20.0, np.zeros(count)], axis=1)
    boxes = np.concatenate([place, np.full((count, 2), 10.0)], axis=1)
    truth = meanap.GroundTruth(np.zeros(count, int), np.ones(count, int), boxes, box_format="xywh")
    found = boxes + np.where(right, 0, 500)[:, None] * np.array([0, 1, 0, 0])
    found = meanap.Detections(np.zeros(count, int), np.ones(count, int), scores, found, box_format="xywh")
    return meanap.evaluate(truth, found, max_detections=(1, 10, count)), scores, right


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_the_errors_by_definition(bins):
    result, scores, right = scene()
    place = np.minimum((scores * bins).astype(int), bins - 1)
    apart, counts = [], []
    for k in range(bins):
        of_bin = place == k
        if of_bin.any():
            apart.append(abs(scores[of_bin].mean() - right[of_bin].mean()))
            counts.append(of_bin.sum())
    found = result.calibration(bins=bins)
    assert found.error == pytest.approx(np.average(apart, weights=counts), abs=1e-12)
    assert found.maximum == pytest.approx(max(apart), abs=1e-12)
    assert f"maximum {found.maximum:.3f}" in found._repr_html_()


@pytest.mark.parametrize("bins", [10, 15])
def test_the_errors_of_torchmetrics(bins):
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.classification")
    result, scores, right = scene(9)
    both = torch.tensor(scores), torch.tensor(right.astype(int))
    found = result.calibration(bins=bins)
    for norm, value in (("l1", found.error), ("max", found.maximum)):
        assert value == pytest.approx(
            float(functional.binary_calibration_error(*both, n_bins=bins, norm=norm)), abs=1e-12
        )


def test_without_detections_there_is_none():
    truth = meanap.GroundTruth([1], [1], [[0, 0, 9, 9]])
    found = meanap.evaluate(truth, meanap.Detections([], [], [], [])).calibration()
    assert math.isnan(found.error) and math.isnan(found.maximum)
