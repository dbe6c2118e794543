"""Why two numbers differ: the parts add up, and both ends are what the tools themselves give."""

import copy
import dataclasses
import inspect
import json
import math
import re
from typing import get_type_hints

import numpy as np
import pytest
from native_data import per_image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import meanap
from meanap import generate
from meanap._types import ReadingOptions
from meanap.detection.explain import FACTORS

PRESETS = ("coco", "ultralytics", "torchmetrics", "voc2007", "voc2012", "lvis")


@pytest.fixture(scope="module")
def data():
    truth = generate.dataset(25, 6, categories=4, crowds=0.1)
    return truth, generate.detections(truth, per_image=60, seed=6, decimals=2)


def by_pycocotools(truth, found):
    ground_truth = COCO()
    ground_truth.dataset = copy.deepcopy(truth)
    ground_truth.createIndex()
    evaluation = COCOeval(ground_truth, ground_truth.loadRes(copy.deepcopy(found)), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[0]


def holds_together(found):
    assert found.difference == found.candidate - found.baseline
    assert math.fsum(found["change"]) == pytest.approx(found.difference, abs=1e-15)
    before = found.baseline
    for row in found:
        assert row["change"] == row["value"] - before
        before = row["value"]
    assert before == found.candidate


@pytest.mark.parametrize("b", PRESETS[1:])
@pytest.mark.parametrize("a", PRESETS[:2])
def test_the_parts_add_up_and_the_ends_are_the_tools_own(data, a, b):
    found = meanap.explain_difference(*data, a, b)
    assert (found.baseline, found.candidate) == tuple(meanap.evaluate(*data, protocol=name).ap for name in (a, b))
    holds_together(found)
    assert set(found["factor"]) <= {name for name, *_ in FACTORS}
    back = meanap.explain_difference(*data, b, a)
    assert back.difference == -found.difference and set(back["factor"]) == set(found["factor"])
    holds_together(back)


def test_coco_is_pycocotools(data):
    assert meanap.explain_difference(*data, "coco", "voc2012").baseline == by_pycocotools(*data)


def test_each_factor_of_ultralytics_by_itself(data):
    found = meanap.explain_difference(*data, "coco", "ultralytics")
    assert found["factor"] == ["rounding", "crowd and ignored objects", "maximum detections", "interpolation"]
    rules = meanap.protocol.get("ultralytics")
    step = meanap.evaluate(*data, thresholds=rules.thresholds)
    assert found.row(factor="rounding")["value"] == step.ap
    step = meanap.evaluate(*data, thresholds=rules.thresholds, match_crowds=False)
    assert found.row(factor="crowd and ignored objects")["value"] == step.ap
    assert found.row(factor="crowd and ignored objects")["change"] != 0
    limits = {"max_detections": (300,), "max_per_image": 300}
    step = meanap.evaluate(*data, thresholds=rules.thresholds, match_crowds=False, **limits)
    assert found.row(factor="maximum detections")["value"] == step.ap
    assert "interpolation: 101 from 0 to 1 -> trapezium" in repr(found)


def test_order(data):
    found = meanap.explain_difference(*data, "coco", "voc2012", order=["interpolation", "thresholds"])
    assert found["factor"][:2] == ["interpolation", "thresholds"]
    holds_together(found)
    other = meanap.explain_difference(*data, "coco", "voc2012")
    assert other.difference == found.difference and other["factor"] != found["factor"]


def test_ids_of_zero_and_ids_that_come_twice(tmp_path):
    truth = generate.dataset(12, 2, categories=3, crowds=0)
    found = generate.detections(truth, per_image=20, seed=2)
    for ids in (range(len(truth["annotations"])), [1, 1, *range(2, len(truth["annotations"]))]):
        for annotation, id in zip(truth["annotations"], ids, strict=True):
            annotation["id"] = id
        reference = by_pycocotools(truth, found)
        paths = tmp_path / "truth.json", tmp_path / "found.json"
        for path, value in zip(paths, (truth, found), strict=True):
            path.write_text(json.dumps(value))
        for one, other in ((truth, found), paths, (paths[0], found)):
            explained = meanap.explain_difference(one, other, "coco", {"zero_id_unmatched": False})
            assert explained.baseline == reference != explained.candidate
            assert explained["factor"] == ["ids"] and explained["change"][0] == explained.difference
            holds_together(explained)
            same = meanap.explain_difference(one, other, "coco", "torchmetrics")
            assert same.baseline == reference and same.row(factor="ids")["change"] == explained.difference
        assert explained.candidate == by_pycocotools({**truth, "annotations": _renumbered(truth)}, found)


def _renumbered(truth):
    return [{**annotation, "id": i + 1} for i, annotation in enumerate(truth["annotations"])]


def test_ties(data):
    found = meanap.explain_difference(*data, "coco", {"ties": "least"})
    assert found["factor"] == ["ties"] and found.difference < 0
    bounds = meanap.evaluate(*data).ties("ap")
    assert found.candidate == bounds.least
    ties = meanap.explain_difference(*data, "coco", "ultralytics").ties()
    assert ties["side"] == ["coco", "ultralytics"] and ties[0]["least"] == bounds.least
    assert (ties["least"] < ties["value"]).all() and (ties["value"] < ties["greatest"]).all()


def test_options_numbers_and_inputs(data, tmp_path):
    changes = {"max_detections": (1, 10), "by_category": False, "average": "macro", "inclusive_boxes": True}
    found = meanap.explain_difference(*data, {"protocol": "coco"}, changes)
    assert found.names == ("coco", "options")
    assert found["factor"] == ["box edges", "maximum detections", "categories"]
    assert found.candidate == meanap.evaluate(*data, **changes).ap
    holds_together(found)
    found = meanap.explain_difference(*data, "coco", "voc2012", number="ap50")
    assert "thresholds" in found["factor"] and found.row(factor="thresholds")["change"] == 0
    assert found.baseline == meanap.evaluate(*data).ap50
    preds, targets = per_image(*data)
    lists = meanap.explain_difference(targets, preds, "coco", "voc2012", box_format="xywh")
    assert lists["change"] == pytest.approx(meanap.explain_difference(*data, "coco", "voc2012")["change"])
    nothing = meanap.explain_difference(*data, "coco", "coco")
    assert len(nothing) == 0 and nothing.difference == 0 and "+0.0000" in repr(nothing)
    masks = generate.detections(data[0], kind="segm", per_image=20, seed=6)
    holds_together(meanap.explain_difference(data[0], masks, "coco", "voc2012", similarity="segm"))
    assert "<table>" in found._repr_html_() and found.to_dict()["factor"] == found["factor"]


def test_bad_questions(data):
    for arguments, message in [
        (("coco", "cocoo"), "expected one of 'activitynet', 'citypersons'"),
        (("coco", {"ties": "best"}), "candidate: ties: expected one of"),
    ]:
        with pytest.raises(ValueError, match=message):
            meanap.explain_difference(*data, *arguments)
    with pytest.raises(TypeError, match="unexpected keyword 'threshold'"):
        meanap.explain_difference(*data, "coco", {"threshold": 0.5})
    with pytest.raises(ValueError, match="number: expected one of"):
        meanap.explain_difference(*data, "coco", "voc2012", number="map")
    with pytest.raises(ValueError, match="'voc2012' has no 'ap75'|voc2012 has no 'ap75'"):
        meanap.explain_difference(*data, "coco", "voc2012", number="ap75")
    with pytest.raises(ValueError, match="order: no factor 'luck'"):
        meanap.explain_difference(*data, "coco", "voc2012", order=["luck"])
    with pytest.raises(ValueError, match="unlabelled|not in the ground truth"):
        meanap.explain_difference(data[0], [{**data[1][0], "image_id": -5}], "coco", "voc2012")
    assert np.isfinite(meanap.explain_difference(*data, "coco", "lvis").difference)


#: What each side does, where the two differ in one field: every field of the protocol that decides a number, and every
#: option of the evaluation that is not about how it is done.
CHANGES = {
    "thresholds": ({}, {"thresholds": [0.6]}),
    "strict": ({}, {"strict": True}),
    "recall": ({}, {"recall": "exact"}),
    "area_ranges": ({}, {"area_ranges": {"all": (0, 40**2)}}),
    "size": ({"area_ranges": {"all": (0, 60)}}, {"area_ranges": {"all": (0, 60)}, "size": "side"}),
    "max_detections": ({}, {"max_detections": [3]}),
    "max_per_image": ({}, {"max_per_image": 3}),
    "limit_per_image": ({"max_detections": [3]}, {"max_detections": [3], "limit_per_image": True}),
    "heights": ({}, {"heights": (30, 80)}),
    "visibility": ({}, {"visibility": (0.5, 1.0)}),
    "miss_rate": ({}, {"miss_rate": "crowdhuman"}),
    "matcher": ({}, {"matcher": "argmax"}),
    "inclusive_boxes": ({}, {"inclusive_boxes": True}),
    "match_crowds": ({}, {"match_crowds": False}),
    "federated": ({}, {"federated": True}),
    "by_category": ({}, {"by_category": False}),
    "zero_id_unmatched": ({}, {"zero_id_unmatched": False}),
    "dilation_ratio": (
        {"similarity": "boundary", "dilation_ratio": 0.005},
        {"similarity": "boundary", "dilation_ratio": 0.08},
    ),
    "average": ({}, {"average": "micro"}),
    "sigmas": ({"similarity": "keypoints"}, {"similarity": "keypoints", "sigmas": [0.3] * 17}),
    "similarity": ({"similarity": "segm"}, {}),
    "box_format": ({}, {"box_format": "xywh"}),
    "score_range": ({}, {"score_range": None}),
    "ties": ({}, {"ties": "greatest"}),
}
#: What cannot change a number of these data.
WITHOUT_EFFECT = {"box_format", "score_range", "strict", "visibility", "miss_rate"}


@pytest.fixture(scope="module")
def everything():
    """Ground truth and detections with boxes, masks and poses, images that say what was looked for, and an id of 0."""
    truth = generate.dataset(20, 3, kind="keypoints", crowds=0.1)
    found = generate.detections(truth, kind="segm", per_image=30, seed=3, decimals=1, boxes=True)
    poses = generate.detections(truth, kind="keypoints", per_image=30, seed=3, decimals=1)
    # Of several classes, so that it matters whether they are evaluated separately.
    truth["categories"] = [{**truth["categories"][0], "id": id, "name": str(id)} for id in (1, 2)]
    for i, annotation in enumerate(truth["annotations"]):
        annotation["category_id"] = 1 + i % 2
        annotation["id"] = i
    for i, (detection, pose) in enumerate(zip(found, poses, strict=True)):
        detection.update(keypoints=pose["keypoints"], category_id=1 + i % 2)
    for image in truth["images"]:
        image.update(neg_category_ids=[], not_exhaustive_category_ids=[1])
    return truth, found


def test_each_field_and_each_option_has_a_case():
    fields = {field.name for field in dataclasses.fields(meanap.protocol.Protocol)}
    # What a number is called, and which are shown, changes none. Of rotated boxes: tests/test_rotated.py.
    fields -= {"name", "summary", "angle", "clockwise", "rotated_iou"}
    options = set(inspect.signature(meanap.evaluate).parameters)
    # The data and what of it counts, where to begin, and how the work is done.
    options -= {"ground_truth", "detections", "protocol", "memory_limit", "progress", "changes"}
    options -= {"slices", "image_ids", "categories", "ignore_regions"}
    options -= set(get_type_hints(ReadingOptions))
    assert set(CHANGES) == fields | options | {"ties"}


@pytest.mark.parametrize("field", CHANGES)
def test_a_difference_in_one_field_is_one_row_that_names_it(everything, field):
    baseline, candidate = ({**side} for side in CHANGES[field])
    for first, second in ((baseline, candidate), (candidate, baseline)):
        found = meanap.explain_difference(*everything, first, second)
        assert [row["fields"] for row in found] == [field]
        assert found["change"].tolist() == [found.difference]
        assert (found.difference != 0) == (field not in WITHOUT_EFFECT)
        assert found["baseline"] != found["candidate"]
        holds_together(found)


def test_differences_in_any_number_of_fields_add_up(everything):
    generator = np.random.default_rng(4)
    # Not those that some similarities refuse.
    refused = ("similarity", "dilation_ratio", "sigmas", "inclusive_boxes", "size")
    chosen = [name for name in CHANGES if name not in refused]
    kinds = {"bbox": {}, "segm": {}, "boundary": {"dilation_ratio": 0.1}, "keypoints": {"sigmas": [0.2] * 17}}
    for _ in range(12):
        sides = []
        for _ in range(2):
            side = {"similarity": str(generator.choice(list(kinds)))}
            side.update(kinds[side["similarity"]])
            for name in generator.choice(chosen, generator.integers(0, 6), replace=False).tolist():
                side.update(CHANGES[name][1])
            sides.append(side)
        found = meanap.explain_difference(*everything, *sides)
        holds_together(found)
        alone = [meanap.explain_difference(*everything, side, "voc2012") for side in sides]
        assert [found.baseline, found.candidate] == [each.baseline for each in alone]
        named = {name for row in found for name in row["fields"].split(", ")}
        differing = {name for name in {*sides[0], *sides[1]} if sides[0].get(name) != sides[1].get(name)}
        assert differing <= named


def test_a_field_without_words_of_its_own_is_a_factor_by_its_name():
    covered = {field for factor in FACTORS for field in factor.fields}
    assert covered >= {field.name for field in dataclasses.fields(meanap.protocol.Protocol)} - {"name", "summary"}
    assert [factor.fields for factor in FACTORS if factor.name == "dilation ratio"] == [("dilation_ratio",)]
    assert len({factor.name for factor in FACTORS}) == len(FACTORS)


def test_the_page_lists_the_factors_in_their_order(repository):
    page = (repository / "docs/analysis.md").read_text(encoding="utf-8")
    listed = re.search(r"`order=` puts others first: (.*?)\. Every\sfield", page, re.DOTALL)[1]
    assert " ".join(listed.split()) == ", ".join(factor.name for factor in FACTORS)
