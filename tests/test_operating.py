"""Operating points, FROC and log-average miss rate, against counting detection by detection."""

import math
import re

import numpy as np
import pytest

import meanap
from meanap import generate

RULES = ("precision", "recall", "false_positives_per_image", "false_alarms")


def judged(result, category=None, iou=0.5):
    """``(score, image, right)`` of each detection that counts, and the image of each object, read off the table."""
    matches = result.matches
    t = result.protocol.threshold_index(iou)
    mine = np.ones(len(matches), dtype=bool) if category is None else matches.category_id == category
    mine &= ~matches.ignored[:, t]
    rows = list(
        zip(
            matches.score[mine].tolist(),
            matches.image_id[mine].tolist(),
            matches.matched[mine, t].tolist(),
            strict=True,
        )
    )
    wanted = matches.truth_wanted
    if category is not None:
        wanted = wanted & (matches.truth_category_id == category)
    return rows, matches.truth_image_id[wanted].tolist()


def numbers(rows, objects, images, score):
    """Precision, recall, false positives an image and false alarms of detections of a score or a higher one."""
    kept = [row for row in rows if row[0] >= score]
    right = sum(row[2] for row in kept)
    wrong = len(kept) - right
    clean = set(images) - set(objects)
    loud = {image for _, image, hit in kept if not hit and image in clean}
    clean_count, loud_count = (sum(image in group for image in images) for group in (clean, loud))
    return (
        right / len(kept) if kept else math.nan,
        right / len(objects) if objects else math.nan,
        wrong / len(images),
        loud_count / clean_count if clean_count else math.nan,
    )


def chosen(rows, objects, images, rule, value):
    """The operating point by looking at every threshold."""
    best = None
    for score in sorted({row[0] for row in rows}, reverse=True):
        precision, recall, rate, alarms = numbers(rows, objects, images, score)
        reached, worth = {
            "precision": (precision >= value, recall),
            "recall": (recall >= value, precision),
            "false_positives_per_image": (rate <= value, recall),
            "false_alarms": (alarms <= value, recall),
        }[rule]
        if reached and (best is None or worth > best[0]):
            best = (worth, (score, precision, recall, rate, alarms))
    return best[1] if best else (math.nan,) * 5


@pytest.fixture(scope="module")
def result():
    truth = generate.dataset(40, 4, categories=5)
    found = generate.detections(truth, per_image=15, seed=4, decimals=2)
    # Images without objects, and a category that no object has.
    empty = {image["id"] for image in truth["images"][:12]}
    truth["annotations"] = [a for a in truth["annotations"] if a["image_id"] not in empty and a["category_id"] != 5]
    return meanap.evaluate(truth, found)


def as_tuple(point):
    return (point.threshold, point.precision, point.recall, point.false_positives_per_image, point.false_alarms)


@pytest.mark.parametrize("category", [None, 1, 2, 5])
@pytest.mark.parametrize("rule, values", list(zip(RULES, [(0.3, 0.9), (0.2, 0.7), (0.05, 2), (0.0, 0.5)], strict=True)))
def test_points_are_what_counting_gives(result, category, rule, values):
    rows, objects = judged(result, category)
    for value in values:
        point = result.operating_point(**{rule: value}, category=category)
        expected = chosen(rows, objects, result.image_ids, rule, value)
        assert as_tuple(point) == pytest.approx(expected, nan_ok=True)
        if point.precision + point.recall > 0:
            assert point.f1 == pytest.approx(2 / (1 / point.precision + 1 / point.recall))


def test_points_of_all_categories(result):
    table = result.operating_point(recall=0.3).per_class
    assert table["category"] == [1, 2, 3, 4, 5]
    for row in table:
        point = result.operating_point(recall=0.3, category=row["category"])
        assert [row[name] for name in ("threshold", "precision", "recall", "f1")] == pytest.approx(
            [point.threshold, point.precision, point.recall, point.f1], nan_ok=True
        )
    assert math.isnan(table.row(category=5)["threshold"])


@pytest.mark.parametrize("wanted", [{"precision": 0.6}, {"recall": 0.3}, {"precision": 1.0}], ids=str)
def test_each_category_has_its_own_point(result, wanted):
    point = result.operating_point(**wanted)
    ((rule, value),) = wanted.items()
    assert as_tuple(point) == pytest.approx(chosen(*judged(result), result.image_ids, rule, value), nan_ok=True)
    assert point.per_class["category"] == result.category_ids
    for row in point.per_class:
        expected = chosen(*judged(result, row["category"]), result.image_ids, rule, value)
        assert row["threshold"] == pytest.approx(expected[0], nan_ok=True)
    alone = result.operating_point(**wanted, category=2)
    assert list(alone.per_class["category"]) == [2] and alone.per_class["recall"][0] == alone.recall


def test_best_f1_is_the_best(result):
    best = result.best_f1()
    assert best.f1 == max(best.f1, *result.precision_recall().f_measure()) > 0
    assert best.f1 > result.operating_point(precision=0.9).f1
    for row in best.per_class:
        measure = result.precision_recall(row["category"]).f_measure()
        expected = np.nanmax(measure) if not np.isnan(measure).all() else math.nan
        assert row["f1"] == pytest.approx(expected, abs=0, nan_ok=True)
    with pytest.raises(TypeError):
        result.best_f1(precision=0.9)


def test_where_no_score_is_given_the_best_f1_decides_everywhere(result):
    best = result.best_f1()
    assert result.confusion().score == result.confusion(0.5).score == best.threshold
    assert np.array_equal(result.confusion().matrix, result.confusion(score=best.threshold).matrix)
    assert repr(result.per_image()) == repr(result.per_image(score=best.threshold))
    # A threshold that was not evaluated has no F1 of its own: that of the nearest one is taken.
    assert result.confusion(0.52).score == best.threshold
    assert result.confusion(0.99).score == result.best_f1(0.95).threshold
    nothing = meanap.evaluate([{"boxes": [], "labels": []}], [{"boxes": [], "labels": [], "scores": []}])
    assert nothing.confusion().score == -math.inf


def test_absent_categories_and_images_without_objects_count(result):
    rows, _ = judged(result, 5)
    assert rows and not any(right for *_, right in rows)
    of_all = judged(result)[0]
    assert set(rows) <= set(of_all)
    point = result.operating_point(score=0.2)
    wrong = sum(score >= 0.2 and not right for score, _, right in of_all)
    assert point.false_positives_per_image == wrong / 40
    absent = result.operating_point(score=0.2, category=5)
    assert absent.precision == 0 and math.isnan(absent.recall) and absent.false_positives_per_image > 0
    assert 0 < result.operating_point(score=0.2).false_alarms < 1


@pytest.mark.parametrize("category", [None, 2])
def test_curves_over_score(result, category):
    rows, objects = judged(result, category)
    curve = result.precision_recall(category)
    for score in (*curve.score[::37], 0.0, 0.333, 1.0, 2.0):
        point = curve.at(score)
        expected = numbers(rows, objects, result.image_ids, score)
        assert as_tuple(point) == pytest.approx((score, *expected), nan_ok=True)
        same = result.operating_point(score=score, category=category)
        assert as_tuple(same) == pytest.approx(as_tuple(point), nan_ok=True)
    table = curve.table()
    assert len(table) == 101 and table["score"][50] == 0.5
    assert curve.table([0.5])[0] == pytest.approx(table[50])
    np.testing.assert_allclose(curve.table(curve.score)["false_alarms"], curve.false_alarms)
    np.testing.assert_allclose(curve.table(curve.score)["f1"], curve.f_measure())
    nothing = curve.at(2.0)
    assert math.isnan(nothing.precision) and nothing.recall == nothing.f1 == nothing.false_alarms == 0


def test_intervals_are_points_on_samples_of_images(result):
    rows, objects = judged(result)
    point = result.operating_point(precision=0.6, resamples=20, seed=3)
    assert [row["number"] for row in point.intervals] == [
        "threshold",
        "precision",
        "recall",
        "f1",
        "false_positives_per_image",
        "false_alarms",
    ]
    from meanap.statistics import resampled

    (weights,) = resampled(40, 20, 3)
    ids = result.image_ids
    thresholds, fixed = [], []
    for weight in weights:
        # Copies of an image under names of their own.
        images = [(id, copy) for id, count in zip(ids, weight.tolist(), strict=True) for copy in range(count)]
        drawn = [(score, image, hit) for score, id, hit in rows for image in images if image[0] == id]
        there = [image for id in objects for image in images if image[0] == id]
        thresholds.append(chosen(drawn, there, images, "precision", 0.6)[0])
        fixed.append(numbers(drawn, there, images, point.threshold))
    columns = [thresholds, *zip(*fixed, strict=True)]
    for name, values in zip(("threshold", *RULES), columns, strict=True):
        row = point.intervals.row(number=name)
        assert (row["low"], row["high"]) == pytest.approx(np.quantile(values, [0.025, 0.975])), name
        assert row["share"] == 1.0 and row["value"] == getattr(point, name)
    again = result.operating_point(precision=0.6, resamples=20, seed=3)
    assert again.intervals.to_dict() == point.intervals.to_dict()
    assert result.operating_point(precision=0.6).intervals is None


@pytest.mark.parametrize("category", [None, 1])
def test_froc(result, category):
    rows, objects = judged(result, category)
    froc = result.froc(category)

    def sensitivity(rate):
        reached = [numbers(rows, objects, result.image_ids, row[0]) for row in rows]
        return max((recall for _, recall, wrong, _ in reached if wrong <= rate), default=0.0)

    for rate in (0.0, 0.01, 0.125, 0.5, 1, 4, 100):
        assert froc.at(rate) == pytest.approx(sensitivity(rate)), rate
    assert froc.mean == pytest.approx(np.mean([sensitivity(2.0**k) for k in range(-3, 4)]))
    assert math.isnan(result.froc(5).at(1)) and math.isnan(result.froc(5).mean)


def test_log_average_miss_rate(result):
    rates = [10 ** (-2 + k / 4) for k in range(9)]
    values = {}
    for category in range(1, 5):
        rows, objects = judged(result, category)
        misses = []
        for rate in rates:
            recalls = [0.0]
            for score in {row[0] for row in rows}:
                _, recall, wrong, _ = numbers(rows, objects, result.image_ids, score)
                if wrong <= rate:
                    recalls.append(recall)
            misses.append(1 - max(recalls))
        values[category] = math.exp(sum(math.log(max(1e-10, miss)) for miss in misses) / 9)
        assert result.log_average_miss_rate(category).value == pytest.approx(values[category])
        np.testing.assert_allclose(result.log_average_miss_rate(category).points["miss_rate"], misses)
    found = result.log_average_miss_rate()
    assert found.per_class["value"][:4] == pytest.approx(list(values.values()))
    assert math.isnan(found.per_class.row(category=5)["value"])
    assert found.value == pytest.approx(np.mean(list(values.values())))
    np.testing.assert_allclose(found.points["false_positives_per_image"], rates)
    assert repr(found) == f"MissRate({found.value:.4f})"


def test_miss_rate_by_hand():
    # Ten images, two objects; the first detection is wrong: 0.1 false positives an image from the start.
    box = [[0, 0, 10, 10]]
    truth = [{"boxes": box, "labels": [1]}] * 2 + [{"boxes": [], "labels": []}] * 8
    found = [{"boxes": [], "labels": [], "scores": []} for _ in truth]
    found[9] = {"boxes": box, "labels": [1], "scores": [0.9]}
    found[0] = {"boxes": box, "labels": [1], "scores": [0.8]}
    result = meanap.evaluate(truth, found)
    assert result.log_average_miss_rate(1).value == pytest.approx((1**4 * 0.5**5) ** (1 / 9))
    assert result.froc(1).at(0.1) == 0.5 and result.froc(1).at(0.09) == 0.0
    point = result.operating_point(false_alarms=0.125)
    assert (point.threshold, point.recall, point.precision) == (0.8, 0.5, 0.5)
    assert math.isnan(result.operating_point(false_alarms=0.0).threshold)
    perfect = meanap.evaluate(truth, [{**t, "scores": [1.0] * len(t["labels"])} for t in truth])
    assert perfect.log_average_miss_rate().value == pytest.approx(1e-10)


def test_nothing_and_bad_questions(result):
    empty = meanap.evaluate([], [])
    assert math.isnan(empty.operating_point(recall=0.5).threshold)
    assert math.isnan(empty.log_average_miss_rate().value) and math.isnan(empty.froc().at(1))
    nothing = meanap.evaluate([{"boxes": [[0, 0, 9, 9]], "labels": [1]}], [{"boxes": [], "labels": [], "scores": []}])
    assert nothing.log_average_miss_rate().value == pytest.approx(1.0)
    assert math.isnan(nothing.operating_point(recall=0.1).threshold)
    assert nothing.operating_point(score=0.5).recall == 0.0
    for wrong in ({}, {"precision": 0.5, "recall": 0.5}, {"recall": math.nan}, {"precision": -0.1}):
        with pytest.raises(ValueError, match="give one of|expected a number"):
            result.operating_point(**wrong)
    with pytest.raises(ValueError, match="confidence"):
        result.operating_point(recall=0.5, confidence=1.0)
    with pytest.raises(ValueError, match="resamples"):
        result.operating_point(recall=0.5, resamples=-1)
    with pytest.raises(ValueError, match="not among the thresholds"):
        result.froc(iou=0.51)
    with pytest.raises(KeyError, match="no category"):
        result.froc("zebra")


#: Targets of a point, and numbers that are invalid for them.
OUT_OF_RANGE = {
    "precision": (90, 1.0001, -0.1, math.nan, math.inf, "0.9", True, [0.5]),
    "recall": (50, 1.0001, -0.1, math.nan, math.inf, "0.9", True, [0.5]),
    "false_alarms": (2, -1e-9, math.nan, "0", False),
    "false_positives_per_image": (-1, math.nan, "1", True),
    "score": (math.nan, "0.5", True, {}),
}


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_a_number_that_cannot_be_is_refused_with_its_range(result, name):
    share = "from 0 to 1" if name in ("precision", "recall", "false_alarms") else ""
    empty = meanap.evaluate([], [])
    for value in OUT_OF_RANGE[name]:
        message = f"^{name}: expected a number.*{share}, found {re.escape(repr(value))}$"
        for of in (result, empty):
            with pytest.raises(ValueError, match=message):
                of.operating_point(**{name: value})
    for edge in (0, 1, 0.0, 1.0, np.float32(0.5), np.int64(1)):
        assert result.operating_point(**{name: edge}) is not None


@pytest.mark.parametrize(
    "option, values",
    [("confidence", (0, 1, 95, -0.5, math.nan, "0.9")), ("resamples", (-1, 1.5, "10", True, math.nan))],
)
def test_options_of_intervals_are_refused_with_their_range(result, option, values):
    asks = [
        lambda **more: result.interval("ap", **{"resamples": 5, **more}),
        lambda **more: result.interval(**{"resamples": 5, **more}),
        lambda **more: meanap.compare(result, result, **{"resamples": 5, **more}),
        lambda **more: result.operating_point(recall=0.5, **{"resamples": 5, **more}),
    ]
    for ask in asks:
        for value in values:
            with pytest.raises(ValueError, match=f"^{option}: expected a .*number .*found {re.escape(repr(value))}$"):
                ask(**{option: value})
    for beta in (0, -1, math.nan, math.inf, "1"):
        with pytest.raises(ValueError, match="beta: expected a number above 0"):
            result.best_f1(beta=beta)
