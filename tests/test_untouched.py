"""Lazy indices: whatever a user does before they are created, results are those of the reference."""

import contextlib
import copy
import gc
import io
import json
import pickle
import re
import weakref

import numpy as np
import pycocotools.coco
import pycocotools.cocoeval
import pytest

from meanap import _core
from meanap.compat.pycocotools import COCO, COCOeval
from meanap.compat.pycocotools._index import collector_paused
from meanap.compat.pycocotools._lazy import stored

INDICES = ("anns", "imgToAnns", "catToImgs")
BOTH = [(COCO, COCOeval), (pycocotools.coco.COCO, pycocotools.cocoeval.COCOeval)]


def truth(n=40):
    rng = np.random.default_rng(5)
    annotations = []
    for i in range(n):
        box = [*rng.uniform(0, 60, 2).round(2).tolist(), *rng.uniform(5, 60, 2).round(2).tolist()]
        ids = {"id": i + 1, "image_id": int(rng.integers(1, 6)), "category_id": int(rng.integers(1, 4))}
        annotations.append({**ids, "bbox": box, "area": box[2] * box[3], "iscrowd": int(i % 9 == 0)})
    return {
        "info": {"year": 2020},
        "images": [{"id": i, "height": 128, "width": 128} for i in range(1, 7)],
        "annotations": annotations,
        "categories": [{"id": i, "name": str(i)} for i in range(1, 5)],
    }


def found():
    rng = np.random.default_rng(6)
    results = []
    for annotation in truth()["annotations"] * 2:
        box = (np.array(annotation["bbox"]) + rng.normal(0, 2, 4)).round(2).tolist()
        ids = {"image_id": annotation["image_id"], "category_id": annotation["category_id"]}
        results.append({**ids, "bbox": box, "score": round(float(rng.random()), 3)})
    return results


def quiet(call, *arguments):
    with contextlib.redirect_stdout(io.StringIO()):
        return call(*arguments)


def made(coco_class, dataset):
    coco = coco_class()
    coco.dataset = dataset
    quiet(coco.createIndex)
    return coco


def numbers(evaluator_class, gt, dt, **params):
    evaluator = evaluator_class(gt, dt, "bbox")
    vars(evaluator.params).update(params)
    quiet(evaluator.evaluate)
    quiet(evaluator.accumulate)
    arrays = [evaluator.eval[name].tobytes() for name in ("precision", "recall", "scores")]
    images = [None if e is None else (e["dtIds"], e["gtIds"], e["dtMatches"].tolist()) for e in evaluator.evalImgs]
    return arrays, images


def seen(coco):
    """The text of what a user may read: it shows bits, types and the order of keys."""
    shown = {name: getattr(coco, name) for name in (*INDICES, "imgs", "cats", "dataset")}
    # The fields that an evaluation writes, which are written here on access to `_gts`.
    return re.sub(r", '_?ignore': (0|1|False|True)", "", repr(shown))


def moved(anns):
    anns[3]["image_id"] = 5


def recategorised(anns):
    anns[3]["category_id"] = 1
    anns[4]["category_id"] = 77


def renumbered(anns):
    anns[3]["id"], anns[4]["id"] = anns[4]["id"], anns[3]["id"]


def reshaped(anns):
    anns[3]["bbox"][2] += 40
    anns[5]["bbox"] = np.array(anns[5]["bbox"])
    anns[6]["area"] = np.float32(3)


def rescored(anns):
    for ann in anns[::2]:
        ann["score"] = 1 - ann.get("score", 0)
    anns[2]["score"] = 1


def shortened(anns):
    del anns[10:]


def emptied(anns):
    anns.clear()


def grown(anns):
    anns.append({**copy.deepcopy(anns[0]), "id": 1000})


def reordered(anns):
    anns.reverse()


def replaced(anns):
    anns[0] = {**anns[0], "score": 0.125}


def nothing(anns):
    pass


EDITS = [nothing, moved, recategorised, renumbered, reshaped, rescored, shortened, emptied, grown, reordered, replaced]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("side", ["results", "ground truth", "detections in dataset"])
@pytest.mark.parametrize("useCats", [1, 0])
def test_edited_after_the_index(edit, side, useCats):
    outcomes, looks = [], []
    for coco_class, evaluator_class in BOTH:
        dataset, results = truth(), found()
        gt = made(coco_class, dataset)
        dt = quiet(gt.loadRes, results)
        if side == "detections in dataset":
            dt = made(coco_class, {**truth(), "annotations": results})
        edit(dataset["annotations"] if side == "ground truth" else results)
        outcomes.append(numbers(evaluator_class, gt, dt, useCats=useCats))
        looks.append((seen(gt), seen(dt)))
    assert outcomes[0] == outcomes[1]
    assert looks[0] == looks[1]


@pytest.mark.parametrize("edit", [nothing, reshaped, rescored])
def test_untouched_by_an_evaluation(edit, tmp_path):
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(truth()))
    for gt in (COCO(path), made(COCO, truth())):
        results = found()
        dt = gt.loadRes(results)
        edit(results)
        numbers(COCOeval, gt, dt)
        # What an evaluation in Python or by the indices would have made.
        assert not {"anns", "imgToAnns"} & set(stored(dt)) or edit is reshaped
        evaluator = COCOeval(gt, dt, "bbox")
        evaluator.evaluate()
        assert evaluator._run is not None


def test_fields_of_results():
    for coco_class, _ in BOTH:
        results = found()
        results[3]["segmentation"] = "mine"
        results[4]["area"] = results[5]["id"] = None
        boxes = [result["bbox"] for result in results]
        dt = quiet(made(coco_class, truth()).loadRes, results)
        assert dt.dataset["annotations"] is results
        for number, (result, box) in enumerate(zip(results, boxes, strict=True), start=1):
            assert dt.anns[number] is result
            assert result["bbox"] is box
            if number != 4:
                ring = result["segmentation"][0]
                assert [side is box[0] for side in ring] == [True, False] * 2 + [False] * 4
                assert ring[1] is ring[7] is box[1]
        order = ["image_id", "category_id", "bbox", "score", "segmentation", "area", "id", "iscrowd"]
        assert list(results[0]) == order
        assert list(results[4]) == [*order[:4], "area", "segmentation", "id", "iscrowd"]


def twice(results):
    results.append(results[2])


def numbered_before(results):
    for number, result in enumerate(reversed(results), start=1):
        result["id"] = number


def mixed_numbers(results):
    results[1]["bbox"] = [1, 2, 30, 40]
    results[2]["bbox"] = np.array(results[2]["bbox"])
    results[3]["bbox"] = [np.float64(side) for side in results[3]["bbox"]]
    results[5]["score"] = np.float32(0.5)


def other_ids(results):
    results[1]["image_id"] = np.int64(results[1]["image_id"])
    results[2]["image_id"] = float(results[2]["image_id"])
    results[3]["category_id"] = "none"
    results[4]["category_id"] = 2**70


def other_keys(results):
    class Name(str):
        pass

    results[1] = {Name(key): value for key, value in results[1].items()}
    results[2][7] = results[3]["\ud800"] = results[4]["more"] = ["of", "this"]
    results[5] = dict(reversed(results[5].items()))


@pytest.mark.parametrize("edit", [twice, numbered_before, mixed_numbers, other_ids, other_keys])
def test_results_that_are_not_plain(edit):
    outcomes, looks = [], []
    for coco_class, evaluator_class in BOTH:
        results = found()
        edit(results)
        gt = made(coco_class, truth())
        dt = quiet(gt.loadRes, results)
        again = quiet(gt.loadRes, results)
        outcomes.append([numbers(evaluator_class, gt, each) for each in (dt, again)])
        looks.append((seen(dt), seen(again)))
    assert outcomes[0] == outcomes[1]
    assert looks[0] == looks[1]


@pytest.mark.parametrize("edit", [twice, numbered_before, other_ids, other_keys])
def test_data_sets_that_are_not_plain(edit):
    outcomes, looks = [], []
    for coco_class, evaluator_class in BOTH:
        results = [{**result, "id": n, "area": 100.0} for n, result in enumerate(found(), start=1)]
        edit(results)
        gt, dt = made(coco_class, truth()), made(coco_class, {**truth(), "annotations": results})
        outcomes.append(numbers(evaluator_class, gt, dt))
        looks.append(seen(dt))
    assert outcomes[0] == outcomes[1]
    assert looks[0] == looks[1]


def lacks_box(results):
    del results[30]["bbox"]


def lacks_category(results):
    del results[30]["category_id"]


def lacks_image(results):
    del results[30]["image_id"]


def elsewhere(results):
    results[30]["image_id"] = 99


def no_dict(results):
    results[30] = 5


def short_box(results):
    del results[30]["bbox"][3]


def box_without_area(results):
    """Corners can be made of it, an area not."""
    results[30]["bbox"] = [(1,), (2,), (3,), (4,)]


def box_of_arrays(results):
    results[30]["bbox"] = [np.ones(2), np.ones(3), np.ones(2), np.ones(3)]


@pytest.mark.parametrize(
    "edit",
    [
        lacks_box,
        lacks_category,
        lacks_image,
        elsewhere,
        no_dict,
        short_box,
        box_without_area,
        box_of_arrays,
    ],
)
def test_errors_leave_what_the_reference_leaves(edit):
    left = []
    for coco_class, _ in BOTH:
        results = found()
        edit(results)
        with pytest.raises((KeyError, AssertionError, TypeError, IndexError, ValueError)) as error:
            quiet(made(coco_class, truth()).loadRes, results)
        left.append((type(error.value), repr(results)))
    assert left[0] == left[1]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda coco: pickle.loads(pickle.dumps(coco)), copy.copy])
def test_copies(copied):
    gt = made(COCO, truth())
    dt = gt.loadRes(found())
    expected = numbers(COCOeval, gt, dt)
    for once in range(2):
        gt, dt = copied(gt), copied(dt)
        assert numbers(COCOeval, gt, dt) == expected
        assert dt.anns[1] is dt.dataset["annotations"][0] is dt.imgToAnns[dt.anns[1]["image_id"]][0], once
        assert gt.anns[1] is gt.dataset["annotations"][0]


def test_attributes_that_are_gone_stay_gone():
    coco = made(COCO, truth())
    del coco.dataset
    with pytest.raises(AttributeError, match="dataset"):
        coco.dataset  # noqa: B018
    assert len(coco.anns) == 40


def test_an_attribute_of_a_subclass_stays():
    class Counting(COCO):
        anns = property(lambda self: "mine", lambda self, value: None)

    assert made(Counting, truth()).anns == "mine"


def test_the_same_columns_both_ways():
    class Mapping(dict):
        """Read by Python's protocol, one item at a time."""

    plain = [{**result, "id": n, "area": 3.5} for n, result in enumerate(found(), start=1)]
    evaluated = [numbers(COCOeval, made(COCO, truth()), made(COCO, {**truth(), "annotations": annotations}))
                 for annotations in (plain, [Mapping(annotation) for annotation in plain])]  # fmt: skip
    assert evaluated[0] == evaluated[1]


def test_an_index_is_of_its_annotations():
    annotations = truth()["annotations"]
    index = _core.index_plain(annotations, True)
    assert len(index) == 40
    with pytest.raises(ValueError, match="39 of the 40 indexed"):
        index.fill(annotations[:-1], {}, {}, {})
    with pytest.raises(ValueError, match="index: of other annotations"):
        _core.objects_from_dicts(annotations[1:], "bbox", "ground_truth", None, {1: 0}, {1: 0}, False, index)
    for name, value in (("id", 2), ("image_id", 1.0), ("category_id", "a"), ("id", 2**63), ("id", True)):
        assert _core.index_plain([{**annotations[0], name: value}, *annotations[1:]], True) is None
    del annotations[0]["category_id"]
    assert _core.index_plain(annotations, True) is None
    assert _core.index_plain(annotations, False) is not None


class Node:
    """Garbage that only the collector finds."""

    def __init__(self):
        self.self = self


def test_new_objects_count_as_old():
    gc.enable()  # a library that another test has imported may have disabled it
    gc.collect()
    kept = []
    with collector_paused():
        kept += [[n] for n in range(50_000)]
        node = weakref.ref(Node())
    assert gc.isenabled()
    assert gc.get_count()[0] < 10_000
    assert not gc.get_freeze_count()
    assert node() is not None
    gc.collect()
    assert node() is None
    assert len(kept) == 50_000


def test_frozen_objects_stay_frozen():
    gc.collect()
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        with collector_paused():
            kept = [[n] for n in range(50_000)]
        # Threads of other packages may free some frozen objects meanwhile.
        assert before - 1000 < gc.get_freeze_count() <= before
        assert before > 1000
        assert len(kept) == 50_000
    finally:
        gc.unfreeze()
