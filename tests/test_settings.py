"""Settings that are no numbers, or out of range, are refused by name at every entry."""

import numpy as np
import pytest

import meanap
from meanap import generate, ranking

TRUTH = generate.dataset(images=3, seed=1, categories=2)
FOUND = generate.detections(TRUTH, per_image=5, seed=1)
RESULT = meanap.evaluate(TRUTH, FOUND)
RANKED = ranking.evaluate({"q": {"d": 1, "e": 0}}, {"q": {"d": 1.0, "e": 2.0}})

#: Whole numbers: what takes them, and the least.
WHOLE = {
    "orders": (lambda value: RESULT.ties(orders=value), 0),
    "bins": (lambda value: RESULT.calibration(bins=value), 1),
    "resamples": (lambda value: RESULT.interval("ap", resamples=value), 1),
    "resamples of a point": (lambda value: RESULT.operating_point(precision=0.5, resamples=value), 0),
    "resamples of a ranking": (lambda value: RANKED.interval("map", resamples=value), 1),
    "seed": (lambda value: RESULT.interval("ap", resamples=2, seed=value), 0),
    "seed of orders": (lambda value: RESULT.ties(orders=2, seed=value), 0),
    "seed of a ranking": (lambda value: RANKED.interval("map", resamples=2, seed=value), 0),
    "seed of a data set": (lambda value: generate.dataset(images=2, seed=value), 0),
    "images": (lambda value: generate.dataset(images=value), 0),
    "relevance_level": (lambda value: ranking.Conventions(relevance_level=value), 1),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_no_whole_number_is_named(name):
    take, least = WHOLE[name]
    for value in (least - 1, 2.5, "3", None, [1], float("nan"), np.array([1, 2]), 10**30, -(2**70)):
        if value is None and name == "resamples of a point":
            continue
        with pytest.raises(ValueError, match=rf"^{name.split()[0]}: expected a whole number") as caught:
            take(value)
        assert repr(value) in str(caught.value)
    take(np.int64(max(least, 2)))
    take(least)


NUMBERS = {
    "iou": lambda value: RESULT.precision_recall(1, value),
    "iou of calibration": lambda value: RESULT.calibration(value),
    "score": lambda value: RESULT.confusion(score=value),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_named(name):
    for value in ("0.5", [0.5], 1j, float("nan"), {}):
        with pytest.raises(ValueError, match=rf"^{name.split()[0]}: expected a number, found"):
            NUMBERS[name](value)


@pytest.mark.parametrize("limits", [[1, None], [1, "3"], [1, [2]], "100", [1, float("nan")], [10**30]])
def test_limits_that_are_no_whole_numbers_are_named(limits):
    with pytest.raises(ValueError, match=r"^max_detections: expected"):
        meanap.MeanAveragePrecision(max_detection_thresholds=limits)


def test_a_limit_of_memory_beyond_all_memory_is_none(tmp_path):
    import json

    for name, value in (("truth.json", TRUTH), ("found.json", FOUND)):
        (tmp_path / name).write_text(json.dumps(value))
    files = [tmp_path / "truth.json", tmp_path / "found.json"]
    assert meanap.evaluate(*files, memory_limit=10**30).to_dict() == meanap.evaluate(*files).to_dict()


@pytest.mark.parametrize("field", ["bbox", "segmentation", "category_id", "area"])
def test_a_value_that_is_nested_too_deeply_is_named(field):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    truth = generate.dataset(images=2, seed=0)
    truth["annotations"][1][field] = deep
    kind = "segm" if field == "segmentation" else "bbox"
    with pytest.raises(ValueError, match=rf'^ground_truth: record 1: "{field}" .* nested too deeply to be shown'):
        meanap.evaluate(truth, [], kind)


@pytest.mark.parametrize("name", ["orders", "bins", "resamples", "resamples of a point", "resamples of a ranking"])
def test_more_than_memory_and_time_allow_is_refused_before_it_begins(name):
    take, least = WHOLE[name]
    with pytest.raises(
        meanap.InputError, match=rf"^{name.split()[0]}: expected a whole number from {least} to 10000000"
    ):
        take(10**12)


def test_more_resamples_of_a_comparison_than_memory_and_time_allow_are_refused():
    for call in (
        lambda: meanap.compare(RESULT, RESULT, resamples=10**12),
        lambda: ranking.compare(RANKED, RANKED, resamples=10**12),
        lambda: RANKED.resampled("map", 10**12),
        lambda: RESULT.report("x.html", resamples=10**12),
    ):
        with pytest.raises(meanap.InputError, match="resamples: expected a whole number"):
            call()
