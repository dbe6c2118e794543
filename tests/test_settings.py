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


@pytest.mark.parametrize(
    ("name", "make"),
    [
        *(
            (name, lambda value, name=name: meanap.MeanAveragePrecision(**{name: value}))
            for name in ("class_metrics", "extended_summary", "sync_on_compute")
        ),
        *(
            (name, lambda value, name=name: meanap.segmentation.SemanticSegmentation(3, **{name: value}))
            for name in ("reduce_zero_label", "strict", "sync_on_compute")
        ),
        *(
            (name, lambda value, name=name: meanap.segmentation.PanopticQuality(things=[1], **{name: value}))
            for name in ("strict", "modified", "sync_on_compute")
        ),
        ("sync_on_compute", lambda value: meanap.ranking.AveragePrecisionAtK(3, sync_on_compute=value)),
    ],
)
def test_flags_of_metric_objects_are_true_or_false(name, make):
    for value in (True, False, np.True_):
        make(value)
    for value in ("no", 1, None, 0.0):
        with pytest.raises(meanap.InputError, match=f"^{name}: expected True or False, found {value!r}$"):
            make(value)


def test_the_backend_of_torchmetrics_is_one_of_its_two():
    for backend in (None, "pycocotools", "faster_coco_eval"):
        meanap.MeanAveragePrecision(backend=backend)
    with pytest.raises(
        meanap.InputError, match="^backend: expected 'pycocotools' or 'faster_coco_eval', found 'coco'$"
    ):
        meanap.MeanAveragePrecision(backend="coco")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda truth, found: meanap.evaluate(truth, found, thresholds=[True]),
        lambda truth, found: meanap.evaluate(truth, found, recall=True),
        lambda truth, found: meanap.evaluate(truth, found, max_detections=[True]),
        lambda truth, found: meanap.MeanAveragePrecision(max_detection_thresholds=[True]),
        lambda truth, found: meanap.MeanAveragePrecision(confusion=True),
        lambda truth, found: meanap.evaluate(truth, found).confusion(iou=True),
        lambda truth, found: meanap.evaluate(truth, found).confusion(iou="0.5"),
        lambda truth, found: meanap.evaluate(truth, found).errors(iou=True),
        lambda truth, found: meanap.evaluate(truth, found).errors(background=None),
        lambda truth, found: meanap.evaluate(truth, found).lrp(iou="0.5"),
        lambda truth, found: meanap.evaluate(truth, found).jaccard_index(iou=True),
    ],
)
def test_flags_and_texts_are_no_numbers(wrong):
    truth = meanap.generate.dataset(2, seed=1)
    with pytest.raises(meanap.InputError, match=r": expected (a number|numbers|an IoU from 0 to 1), found"):
        wrong(truth, meanap.generate.detections(truth, seed=1))


@pytest.mark.parametrize("scores", [[0, 1], (0, 1), np.array([0, 1]), (np.float32(0), np.int64(1))], ids=str)
def test_a_range_of_scores_is_any_pair_of_numbers(scores):
    item = {"boxes": [[0, 0, 9, 9]], "labels": [1]}
    found = {**item, "scores": [0.5]}
    for mode in ("raise", "skip"):
        assert meanap.evaluate([item], [found], score_range=scores, on_error=mode).ap75 == pytest.approx(1)
    metric = meanap.MeanAveragePrecision(score_range=scores)
    metric.update([found], [item])
    assert type(metric).from_state(metric.state()).score_range == metric.score_range == (0.0, 1.0)


@pytest.mark.parametrize("scores", ["01", 5, (0,), (1, 0), (False, True), (0, "1"), (0, None)])
def test_a_range_of_scores_that_is_none(scores):
    for make in (
        lambda: meanap.evaluate([], [], score_range=scores),
        lambda: meanap.MeanAveragePrecision(score_range=scores),
    ):
        with pytest.raises(meanap.InputError, match="^score_range: expected a least and a greatest score, or None"):
            make()
