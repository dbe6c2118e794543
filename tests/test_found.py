"""Bugs that the fuzzer found, each as a small case live against pycocotools."""

import copy
import json

import numpy as np
import pytest

from tests.differential.both import same
from tests.differential.small import BOX, NAN, evaluator, found, load, matches, seen, truth
from tests.differential.tools import meanap, reference


def test_after_a_nan_any_ground_truth_matches():
    """Nothing is below a NaN, so that what follows one matches whatever its similarity."""
    dataset = truth([NAN, 10, 20, NAN], [12, 12, 90, 90], [80, 80, 3, 3])
    for boxes in ([BOX], [[NAN] * 4], [[NAN, NAN, 20, 20], BOX]):
        matches(dataset, found(*boxes))
        matches(dataset, found(*boxes), iouThrs=np.linspace(0.1, 0.9, 9))


def test_scores_of_short_integers_wrap():
    """The negative of `uint8(5)` is 251: the reference ranks it behind 0, in matching and in the curve."""
    results = found({"bbox": [60, 60, 9, 9], "score": np.uint8(0)}, {"bbox": BOX, "score": np.uint8(5)})
    same(lambda tool: seen(evaluator(tool, truth(BOX), results)))


def test_scores_of_truth_values_cannot_be_accumulated():
    """NumPy refuses the negative of truth values, once a cell has no other score."""
    results = found({"bbox": BOX, "score": True}, {"bbox": [60, 60, 9, 9], "score": False})
    assert isinstance(same(lambda tool: seen(evaluator(tool, truth(BOX), results))), TypeError)
    results[1]["score"] = 0.5
    limits = {"maxDets": [1, 10, 100]}
    assert isinstance(same(lambda tool: seen(evaluator(tool, truth(BOX), results, **limits))), TypeError)
    limits = {"maxDets": [2, 10, 100]}
    same(lambda tool: seen(evaluator(tool, truth(BOX), results, **limits)))


def test_a_crowd_needs_no_area():
    """The area of an ignored ground truth is not read."""
    dataset = truth({"bbox": BOX, "iscrowd": 1}, [50, 50, 20, 20])
    del dataset["annotations"][0]["area"]
    same(lambda tool: seen(evaluator(tool, dataset, found(BOX, [50, 50, 20, 18]))))


def test_scores_of_rows_are_numpys():
    """Results from an array have NumPy scalars for scores, of the array's type."""
    for dtype in (np.float64, np.float32):
        rows = np.array([[1, *BOX, 0.7, 1], [1, 50, 50, 9, 9, 0.3, 1]], dtype=dtype)
        cells = same(lambda tool, rows=rows: evaluator(tool, truth(BOX), rows).evalImgs)
        assert type(cells[0]["dtScores"][0]) is dtype


def test_sigmas_that_do_not_fit_come_before_a_missing_area():
    pose = {"bbox": BOX, "keypoints": [12, 12, 2] * 18, "num_keypoints": 18}
    dataset = truth(pose)
    del dataset["annotations"][0]["area"]
    results = found({"keypoints": [12, 12, 2] * 18})
    error = same(lambda tool: seen(evaluator(tool, dataset, results, "keypoints")))
    assert isinstance(error, ValueError)


def test_sigmas_without_a_length():
    pose = {"bbox": BOX, "keypoints": [12, 12, 2] * 17, "num_keypoints": 17}
    results = found({"keypoints": [12, 12, 2] * 17})
    error = same(lambda tool: seen(evaluator(tool, truth(pose), results, "keypoints", kpt_oks_sigmas=0.05)))
    assert isinstance(error, TypeError)


def test_no_limit_in_common():
    """`accumulate(p)` with limits that were not evaluated reads no cell, however many images p names."""

    def flow(tool):
        ev = evaluator(tool, truth(BOX), found(BOX))
        assert ev.evalImgs
        p = copy.deepcopy(ev.params)
        p.maxDets, p.imgIds = [7], [1] * 50
        ev.accumulate(p)
        return [ev.eval[name] for name in ("precision", "recall", "scores", "counts")]

    assert (same(flow)[0] == -1).all()


def test_a_polygon_of_five_numbers():
    """Two points and a half: the half is left out."""
    dataset = truth({"bbox": BOX, "segmentation": [[10, 10, 30, 30, 10]]}, {"bbox": BOX, "segmentation": [[5, 5] * 3]})
    counts = {"size": [100, 100], "counts": "T;d0`2000000000000000000000000000000000000000PZ7"}
    same(lambda tool: seen(evaluator(tool, dataset, found({"segmentation": counts}), "segm")))


def test_edited_after_the_evaluation():
    """What an evaluation found does not change with the annotations, whenever it is read."""

    def flow(tool):
        ev = evaluator(tool, truth(BOX, [50, 50, 9, 9]), found(BOX, [50, 50, 9, 9]))
        for coco in (ev.cocoGt, ev.cocoDt):
            for annotation in coco.dataset["annotations"]:
                annotation["id"] += 100
        groups = [[(key, len(cell)) for key, cell in side.items() if cell] for side in (ev._gts, ev._dts)]
        return [*groups, [cell and [cell["dtMatches"], cell["gtMatches"]] for cell in ev.evalImgs], ev.ious]

    same(flow)


def test_kinds_of_evaluation_that_are_none():
    error = same(lambda tool: tool.COCOeval(load(tool, truth(BOX)), iouType="boxes"))
    assert isinstance(error, Exception)
    assert isinstance(same(lambda tool: evaluator(tool, truth(BOX), found(BOX), iouType="boxes")), Exception)


def test_an_annotation_that_moved_after_the_evaluation():
    """DIFFERENCE: `_gts` is grouped on first access; results stay as they were evaluated."""

    def flow(tool, looks):
        ev = evaluator(tool, truth(BOX, images=2), found(BOX))
        ev.cocoGt.dataset["annotations"][0]["image_id"] = 2
        return [len(ev._gts[2, 1])] if looks else seen(ev)

    same(lambda tool: flow(tool, looks=False))
    assert flow(reference(), looks=True) == [0] and flow(meanap(), looks=True) == [1]


def test_a_score_that_no_double_holds_ends_the_curve():
    """The reference gives up where such a score would be written; what it wrote until then stays."""
    boxes = [BOX, [50, 50, 20, 20], [70, 10, 9, 9]]
    unreached = found({"bbox": [90, 90, 9, 9], "score": 2**64}, {"bbox": BOX, "score": 2**64 + 1})
    same(lambda tool: seen(evaluator(tool, truth(*boxes), unreached)))
    for scores in ([10**400, 0.5, 0.25], [0.5, -(10**400), 0.25], [2, 10**400, 10**401]):
        results = found(*[{"bbox": box, "score": score} for box, score in zip(boxes, scores, strict=True)])
        same(lambda tool, results=results: seen(evaluator(tool, truth(*boxes), results)))


def test_errors_name_annotation_and_field():
    """What goes wrong cell by cell says whose field it was."""
    for field, side, value in (
        ("score", "detections", "high"),
        ("bbox", "detections", [1, 2, 3, "x"]),
        ("bbox", "ground truth", [1, 2, 3]),
        ("area", "ground truth", "wide"),
    ):
        gt = load(meanap(), truth(BOX))
        dt = gt.loadRes(found(BOX))
        (dt if side == "detections" else gt).dataset["annotations"][0][field] = value
        with pytest.raises(Exception, match=f'{side}: annotation 1 .image 1.: "{field}" is ') as caught:
            meanap().COCOeval(gt, dt, "bbox").evaluate()
        assert repr(value) in str(caught.value)


def test_integer_scores_of_a_data_set_file_stay_integers(tmp_path):
    """A whole data set given as detections, from a file: only the file's dictionaries know that a score was 2."""
    path = tmp_path / "detections.json"
    detection = {"id": 13, "image_id": 1, "category_id": 1, "bbox": BOX, "area": 400, "score": 2}
    path.write_text(json.dumps({**truth(), "annotations": [detection]}))

    def flow(tool):
        ev = tool.COCOeval(load(tool, truth(BOX)), tool.COCO(str(path)), "bbox")
        ev.evaluate()
        return ev.evalImgs

    same(flow)


def test_an_area_range_that_is_not_there_of_a_limit_that_is_none_is_empty():
    """NumPy checks no bounds where one of two index lists is empty: the mean is -1."""
    pose = {"keypoints": [15.0, 15.0, 2] * 17, "num_keypoints": 17}

    def flow(tool, limit):
        poses = truth({"bbox": BOX, **pose}), found({"keypoints": pose["keypoints"]})
        ev = evaluator(tool, *poses, "keypoints", areaRng=[[0, 1e10]], maxDets=[limit])
        ev.summarize()
        return ev.stats

    assert (same(lambda tool: flow(tool, 30)) == -1).all()
    assert isinstance(same(lambda tool: flow(tool, 20)), IndexError)
