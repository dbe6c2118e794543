"""`meanap.compat.xtcocotools` beside xtcocotools 1.14: poses of COCO, CrowdPose and COCO-WholeBody, boxes, masks."""

import copy
import importlib
import importlib.util
import json
import random
import sys

import numpy as np
import pycocotools._mask
import pytest

from meanap.compat.xtcocotools.coco import COCO
from meanap.compat.xtcocotools.cocoeval import COCOeval
from tests.differential.scenes import pose, scene

if importlib.util.find_spec("xtcocotools") is None:
    pytest.skip("pip install xtcocotools==1.14.3", allow_module_level=True)
try:
    importlib.import_module("xtcocotools._mask")
except ValueError:
    # It is built for NumPy 1, and is pycocotools' by another name.
    sys.modules["xtcocotools._mask"] = pycocotools._mask
PARTS = {"foot": 6, "face": 68, "lefthand": 21, "righthand": 21}


def packages():
    from xtcocotools.coco import COCO as TheirCOCO
    from xtcocotools.cocoeval import COCOeval as TheirCOCOeval

    return (COCO, COCOeval), (TheirCOCO, TheirCOCOeval)


def data(seed, kind):
    """A scene; of poses some without visible keypoints, and some objects without area or crowd flag."""
    rng = random.Random(seed)
    case = scene(rng, "keypoints" if "keypoints" in kind else kind)
    for image in case.dataset["images"]:
        image["crowdIndex"] = rng.choice([0.1, 0.5, 0.9])
    if "keypoints" in kind:
        for result in case.results:
            flags = [0] * 17 if rng.random() < 0.1 else [rng.choice([0, 1]) for _ in range(16)] + [1]
            result["keypoints"][2::3] = flags
        for annotation in case.dataset["annotations"]:
            if rng.random() < 0.2:
                annotation["num_keypoints"] = 0
    if kind.rpartition("_")[2] in ("wholebody", *PARTS):
        for record in (*case.dataset["annotations"], *case.results):
            box = record.get("bbox", [5, 5, 40, 60])
            for part, count in PARTS.items():
                record[f"{part}_kpts"] = pose(rng, box, count)
    return case.dataset, case.results


def evaluated(package, truth, found, kind, path, capsys, change=None, **options):
    coco = package[0](str(path))
    results = coco.loadRes(copy.deepcopy(found))
    evaluator = package[1](coco, results, kind, **options)
    if change:
        change(evaluator.params)
    evaluator.evaluate()
    evaluator.accumulate()
    first = {name: evaluator.eval[name].copy() for name in ("precision", "recall", "scores")}
    ious = dict(evaluator.ious)
    capsys.readouterr()
    evaluator.summarize()
    lines = [line for line in capsys.readouterr().out.splitlines() if "(A" in line]
    return first, ious, np.asarray(evaluator.stats), lines, evaluator.eval["counts"]


def assert_same(tmp_path, capsys, truth, found, kind, change=None, **options):
    path = tmp_path / "gt.json"
    path.write_text(json.dumps(truth))
    own, other = (evaluated(package, truth, found, kind, path, capsys, change, **options) for package in packages())
    for name, values in other[0].items():
        assert own[0][name].tobytes() == values.tobytes(), name
    for pair, similarities in other[1].items():
        np.testing.assert_array_equal(np.asarray(own[1][pair]), np.asarray(similarities))
    assert own[2].tolist() == other[2].tolist()
    assert own[3] == other[3] and own[3]
    assert own[4] == other[4]


@pytest.mark.parametrize("use_area", [True, False])
@pytest.mark.parametrize("kind", ["keypoints", "bbox", "segm", "keypoints_crowd"])
@pytest.mark.parametrize("seed", range(5))
def test_numbers_and_lines(tmp_path, capsys, seed, kind, use_area):
    assert_same(tmp_path, capsys, *data(seed, kind), kind, use_area=use_area)


@pytest.mark.filterwarnings("ignore:.*not found, use 'score'")
@pytest.mark.parametrize("part", ["wholebody", *PARTS])
def test_parts_of_the_body(tmp_path, capsys, part):
    count = PARTS.get(part, 17 + sum(PARTS.values()))
    for seed in range(3):
        truth, found = data(seed, f"keypoints_{part}")
        if seed:
            for result in found:
                result[f"{part}_score"] = 1 - result["score"]
        sigmas = np.linspace(0.02, 0.1, count)
        assert_same(tmp_path, capsys, truth, found, f"keypoints_{part}", sigmas=sigmas, use_area=seed != 2)


def test_missing_fields_and_id_zero(tmp_path, capsys):
    truth, found = data(3, "keypoints")
    truth["annotations"][0]["id"] = 0
    for annotation in truth["annotations"][1:]:
        annotation.pop("iscrowd")
    for annotation in truth["annotations"][::2]:
        annotation.pop("area")
    assert_same(tmp_path, capsys, truth, found, "keypoints", use_area=False)


def test_fewer_images(tmp_path, capsys):
    def change(params):
        params.imgIds = params.imgIds[:2]
        params.maxDets = [2, 20]

    assert_same(tmp_path, capsys, *data(4, "keypoints"), "keypoints", change)


def test_data_sets(tmp_path):
    truth, found = data(6, "keypoints")
    path = tmp_path / "gt.json"
    path.write_text(json.dumps(truth))
    chosen = [0, 5, 6]
    for make in (
        lambda kind: kind(str(path), test_index=chosen),
        lambda kind: kind(str(path), ann_data=copy.deepcopy(truth)),
    ):
        own, other = (make(package[0]) for package in packages())
        assert own.dataset == other.dataset and own.anns == other.anns
        area = sorted(annotation["area"] for annotation in truth["annotations"])[1]
        assert own.getAnnIds(areaRng=[area, 1e9]) == other.getAnnIds(areaRng=[area, 1e9])
        for results in (found, []):
            first, second = (coco.loadRes(copy.deepcopy(results)) for coco in (own, other))
            # The info of the ground truth is meanap's addition.
            first.dataset.pop("info", None)
            assert first.dataset == second.dataset and type(first) is COCO
        assert own.anno_file == other.anno_file


def test_a_kind_that_is_unknown():
    with pytest.raises(ValueError, match="iouType"):
        COCOeval(iouType="keypoints_tail")
