"""The reference's quirks, one by one, live against pycocotools: each is reproduced."""

import contextlib
import copy
import io

import numpy as np
import pytest

from tests.differential.both import same
from tests.differential.small import (
    BOX,
    NAN,
    PERFECT,
    average_precision,
    evaluator,
    found,
    load,
    matches,
    seen,
    summary,
    truth,
)
from tests.differential.tools import meanap

# --- 1 to 8: matching ------------------------------------------------------------------------------


def test_1_the_later_ground_truth_wins_a_tie():
    assert matches(truth(BOX, BOX), found(BOX)) == [[2]]


def test_1_a_threshold_of_one_is_a_little_less():
    assert matches(truth(BOX), found(BOX), iouThrs=np.array([1.0])) == [[1]]
    assert matches(truth(BOX), found(BOX), iouThrs=np.array([1.5])) == [[1]]


def test_1_the_threshold_itself_suffices():
    assert matches(truth([0, 0, 10, 10]), found([0, 0, 10, 5]), iouThrs=np.array([0.5])) == [[1]]


def test_1_the_grids_are_linspace():
    params = same(lambda tool: vars(tool.Params("bbox")))
    assert params["iouThrs"].tolist() == np.linspace(0.5, 0.95, 10).tolist()
    assert (params["iouThrs"] != np.arange(0.5, 1, 0.05)).any()
    same(lambda tool: vars(tool.Params("keypoints")))


def test_1_equal_scores_keep_their_order():
    results = found(BOX, [10, 10, 20, 18], score=0.5)
    assert matches(truth(BOX), results) == [[1, 0]]


def test_1_ignored_ground_truth_comes_last_and_only_if_nothing_real_matched():
    crowd = {"bbox": BOX, "iscrowd": 1}
    assert matches(truth(crowd, [10, 10, 20, 12]), found(BOX)) == [[2]]
    assert matches(truth(crowd, [10, 10, 20, 2]), found(BOX, BOX)) == [[1, 1]]


@pytest.mark.parametrize("start", [0, 1])
def test_2_ground_truth_id_zero_counts_as_unmatched(start):
    boxes = [BOX, [50, 50, 20, 20]]
    dataset = truth(*[{"bbox": b, "id": start + i} for i, b in enumerate(boxes)])
    assert average_precision(dataset, found(*boxes)) == pytest.approx(1.0 if start else 0.2525, abs=1e-4)


def test_2_id_zero_is_warned_of():
    dataset = truth({"bbox": BOX, "id": 0})
    with pytest.warns(UserWarning, match="id"), contextlib.redirect_stdout(io.StringIO()):
        evaluator(meanap(), dataset, found(BOX))


@pytest.mark.parametrize("first", [0, -5])
def test_2_detection_ids_below_one_leave_their_ground_truth_free(first):
    results = {"annotations": [{**r, "id": first + i, "area": 400} for i, r in enumerate(found(BOX, BOX))]}
    assert matches(truth(BOX), results) == [[1, 1]]


def test_3_of_annotations_with_one_id_the_last_stands_for_all():
    dataset = truth({"bbox": BOX, "id": 7}, {"bbox": [50, 50, 9, 9], "id": 7})
    ev = same(lambda tool: evaluator(tool, dataset, found(BOX)).evalImgs)
    assert ev[0]["gtIds"] == [7, 7]
    assert average_precision(dataset, found(BOX)) == 0


def test_4_matching_uses_the_largest_maximum():
    results = found([50, 50, 9, 9], BOX)
    ev = same(lambda tool: seen(evaluator(tool, truth(BOX), results, maxDets=[1, 2, 100])))
    assert ev[4][0]["maxDet"] == 100
    assert ev[1][0, 0, 0].tolist() == [0, 1, 1]


def test_4_a_detection_outside_the_area_is_ignored_only_if_unmatched():
    dataset, results = truth({"bbox": BOX, "area": 2000}), found(BOX, [70, 70, 5, 5])
    cells = same(lambda tool: evaluator(tool, dataset, results, iouThrs=np.array([0.5])).evalImgs)
    medium = cells[2]
    assert medium["dtIgnore"].tolist() == [[False, True]]


def test_5_area_ranges_are_closed_in_evaluation_and_open_in_getAnnIds():
    dataset = truth({"bbox": BOX, "area": 1024})
    stats = same(lambda tool: summary(evaluator(tool, dataset, found(BOX))))
    assert stats[3] == stats[4] == PERFECT
    assert same(lambda tool: load(tool, dataset).getAnnIds(areaRng=[0, 1024])) == []
    assert same(lambda tool: load(tool, dataset).getAnnIds(areaRng=[1023, 1025])) == [1]


def test_6_iscrowd_overwrites_ignore():
    assert average_precision(truth({"bbox": BOX, "ignore": 1}), found(BOX)) == PERFECT
    assert average_precision(truth({"bbox": BOX, "ignore": 0, "iscrowd": 1}), found(BOX)) == -1


def test_6_iscrowd_must_be_there():
    dataset = truth(BOX)
    del dataset["annotations"][0]["iscrowd"]
    assert isinstance(same(lambda tool: seen(evaluator(tool, dataset, found(BOX)))), KeyError)


def test_7_nan_boxes_match_everything_and_nan_scores_come_last():
    strange = found({"bbox": [NAN, 10, 20, 20]}, BOX)
    average_precision(truth(BOX, [NAN, NAN, NAN, NAN]), strange)
    cells = same(lambda tool: evaluator(tool, truth(BOX), found({"bbox": BOX, "score": NAN}, BOX)).evalImgs)
    assert cells[0]["dtIds"] == [2, 1]


def test_8_without_classes_the_cells_are_joined_by_class():
    dataset = truth({"bbox": BOX, "category_id": 2}, BOX, {"bbox": BOX, "category_id": 2})
    dataset["categories"].append({"id": 2, "name": "other"})
    cells = same(lambda tool: evaluator(tool, dataset, found(BOX), useCats=0).evalImgs)
    assert cells[0]["gtIds"] == [2, 1, 3]


def test_8_without_classes_a_second_evaluation_finds_nothing():
    def twice(tool):
        ev = evaluator(tool, truth(BOX), found(BOX), useCats=0)
        first = summary(ev)[0], list(ev.params.catIds)
        ev.evaluate()
        ev.accumulate()
        return [*first, summary(ev)[0], ev.evalImgs]

    first, categories, second, cells = same(twice)
    assert (first, categories, second) == (PERFECT, [-1], -1) and cells == [None] * 4


def test_8_without_classes_keypoints_match_nothing():
    pose = {"bbox": BOX, "keypoints": [12, 12, 2] * 17, "num_keypoints": 17}
    results = found({"keypoints": [12, 12, 2] * 17})
    cells = same(lambda tool: evaluator(tool, truth(pose), results, "keypoints", useCats=0).evalImgs)
    assert not cells[0]["dtMatches"].any()


# --- 9 to 12: accumulate, summarize ----------------------------------------------------------------


def test_9_precision_has_a_spacing_in_its_divisor():
    precision = same(lambda tool: evaluator(tool, truth(BOX), found([60, 60, 9, 9], BOX)).eval["precision"])
    assert precision[0, 0, 0, 0, 2] == 1 / (2 + np.spacing(1))


def test_9_after_a_recall_that_cannot_be_reached_all_is_zero():
    points = np.array([0.0, 0.9, 0.1])
    dataset = truth(BOX, [60, 60, 20, 20])
    precision = same(lambda tool: evaluator(tool, dataset, found(BOX), recThrs=points).eval["precision"])
    assert precision[0, :, 0, 0, 2].tolist() == [1 / (1 + np.spacing(1)), 0, 0]


def test_9_means_are_numpys():
    boxes = [[x, y, 11, 13] for x in range(0, 90, 15) for y in range(0, 90, 17)]
    results = found(*[[x + i % 5, y, 11, 13] for i, (x, y, _, _) in enumerate(boxes)])
    assert 0 < average_precision(truth(*boxes), results) < 1


def test_10_accumulate_takes_positions_from_its_own_parameters():
    dataset = truth(BOX, {"bbox": BOX, "image_id": 2}, {"bbox": BOX, "category_id": 2}, images=3)
    dataset["categories"] = [{"id": i, "name": str(i)} for i in (1, 2, 3)]

    def other(tool, **changes):
        ev = evaluator(tool, dataset, found(BOX, {"bbox": BOX, "image_id": 2}))
        p = copy.deepcopy(ev.params)
        for name, value in changes.items():
            setattr(p, name, value)
        ev.accumulate(p)
        return [ev.eval[name] for name in ("precision", "recall", "scores", "counts")]

    reordered = same(lambda tool: other(tool, catIds=[2, 1]))
    assert (reordered[1][:, 0] == 1).any(), "row 0 is still class 1's"
    same(lambda tool: other(tool, imgIds=[3, 2]))
    same(lambda tool: other(tool, areaRng=[[0, 1e5**2]], maxDets=[10]))
    same(lambda tool: other(tool, maxDets=[7, 100], recThrs=np.array([0.5])))
    same(lambda tool: other(tool, useCats=0))


def test_11_average_precision_wants_a_maximum_of_100():
    stats = same(lambda tool: summary(evaluator(tool, truth(BOX), found(BOX), maxDets=[1, 10, 500])))
    assert stats[0] == -1 and stats[1] == PERFECT


@pytest.mark.parametrize("maxima", [[100], [10, 100]])
def test_11_fewer_than_three_maxima_cannot_be_summarized(maxima):
    error = same(lambda tool: summary(evaluator(tool, truth(BOX), found(BOX), maxDets=maxima)))
    assert isinstance(error, IndexError)


def test_11_thresholds_are_compared_exactly():
    thresholds = np.array([0.5, 0.75 + 1e-12])
    stats = same(lambda tool: summary(evaluator(tool, truth(BOX), found(BOX), iouThrs=thresholds)))
    assert stats[1] == PERFECT and stats[2] == -1


def test_12_str_prints_and_raises():
    def text(tool):
        ev = evaluator(tool, truth(BOX), found(BOX))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), pytest.raises(TypeError):
            str(ev)
        return printed.getvalue()

    assert same(text).count("\n") == 12


def test_12_summarize_before_accumulate():
    def early(tool):
        gt = load(tool, truth(BOX))
        tool.COCOeval(gt, gt.loadRes(found(BOX)), "bbox").summarize()

    assert isinstance(same(early), Exception)


# --- 13, 14: keypoints -----------------------------------------------------------------------------


def poses(seen=2, **fields):
    points = [v for i in range(17) for v in (10 + i * 1.25, 12 + (i * 7) % 19, seen)]
    return {"bbox": BOX, "keypoints": points, "num_keypoints": 17 if seen else 0, **fields}


def moved(by):
    record = poses()
    record.pop("bbox")
    record["keypoints"] = [v + by * (i % 3 != 2) for i, v in enumerate(record["keypoints"])]
    return record


@pytest.mark.parametrize("area", [400, 0, 1e-9, 31.7])
@pytest.mark.parametrize("seen", [0, 1])
def test_13_similarity_of_poses(area, seen):
    results = found(*[moved(by) for by in (0, 0.1, 0.5, 1.3, 3, 40)])
    dataset = truth(poses(seen, area=area))
    ious = same(lambda tool: evaluator(tool, dataset, results, "keypoints").ious)[1, 1]
    assert ious.shape == (6, 1) and ious[0, 0] == 1


def test_13_sigmas_are_rounded_twice():
    sigmas = same(lambda tool: tool.Params("keypoints").kpt_oks_sigmas)
    assert sigmas[0] == 0.26 / 10.0 and sigmas[5] == 0.79 / 10.0


@pytest.mark.parametrize("count", [1, 3, 8, 9, 127, 128, 129, 200])
def test_14_sums_and_exponentials_are_numpys(count):
    rng = np.random.default_rng(count)
    points = rng.uniform(0, 60, (count, 3))
    points[:, 2] = 2
    dataset = truth({"bbox": BOX, "keypoints": points.ravel().tolist(), "num_keypoints": count, "area": 777.7})
    results = []
    for _ in range(40):
        other = points + rng.normal(0, 3, (count, 3))
        results.append({"keypoints": other.ravel().tolist()})
    sigmas = rng.uniform(0.02, 0.1, count)
    same(lambda tool: seen(evaluator(tool, dataset, found(*results), "keypoints", kpt_oks_sigmas=sigmas)))


# --- 15, 16: loadRes -------------------------------------------------------------------------------


def test_15_the_first_record_says_what_the_results_are():
    mixed = found(BOX, {"segmentation": [[0, 0, 0, 5, 5, 5]]})
    assert isinstance(same(lambda tool: load(tool, truth(BOX)).loadRes(copy.deepcopy(mixed))), KeyError)


def test_15_the_callers_list_is_kept_and_changed():
    def kept(tool):
        results = found(BOX, BOX)
        dt = load(tool, truth(BOX)).loadRes(results)
        return [dt.dataset["annotations"] is results, results]

    identical, results = same(kept)
    assert identical and [r["id"] for r in results] == [1, 2] and results[0]["iscrowd"] == 0


def test_15_pose_results_get_no_iscrowd():
    def keys(tool):
        results = found({"keypoints": [1, 2, 2, 4, 8, 2]})
        load(tool, truth(BOX)).loadRes(results)
        return results

    record = same(keys)[0]
    assert "iscrowd" not in record and record["area"] == 18


def test_15_mask_results_get_an_array_for_a_box():
    def box(tool):
        bitmap = np.zeros((100, 100), dtype=np.uint8, order="F")
        bitmap[3:9, 4:20] = 1
        results = found({"segmentation": tool.mask.encode(bitmap)})
        load(tool, truth(BOX)).loadRes(results)
        return results

    record = same(box)[0]
    assert isinstance(record["bbox"], np.ndarray) and record["bbox"].tolist() == [4, 3, 16, 6]


def test_15_no_results_and_a_tuple_of_them():
    assert isinstance(same(lambda tool: load(tool, truth(BOX)).loadRes([])), IndexError)
    assert isinstance(same(lambda tool: load(tool, truth(BOX)).loadRes(tuple(found(BOX)))), AssertionError)


def test_15_results_of_unknown_images():
    wrong = found({"bbox": BOX, "image_id": 9})
    assert isinstance(same(lambda tool: load(tool, truth(BOX)).loadRes(copy.deepcopy(wrong))), AssertionError)


@pytest.mark.parametrize("which", ["loadImgs", "loadAnns", "loadCats"])
def test_16_a_numpy_id_alone_loads_nothing(which):
    assert same(lambda tool: getattr(load(tool, truth(BOX)), which)(np.int64(1))) is None
    assert same(lambda tool: getattr(load(tool, truth(BOX)), which)([np.int64(1)]))[0]["id"] == 1
    assert same(lambda tool: getattr(load(tool, truth(BOX)), which)(1))[0]["id"] == 1
