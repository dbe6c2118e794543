"""What an evaluation leaves in the annotations: the same as in pycocotools, whenever and however they are read."""

import contextlib
import copy
import io
import json
import pickle
import random

import pytest

from meanap.compat.pycocotools._lazy import stored
from tests.differential import scenes
from tests.differential.compare import unequal
from tests.differential.tools import meanap, reference

IOU_TYPES = ("bbox", "segm", "keypoints")


def scene(iou_type, seed=0):
    """A data set and results with objects enough, and with polygons on both sides."""
    rng = random.Random(f"{iou_type} {seed}")
    while True:
        case = scenes.scene(rng, iou_type)
        if len(case.dataset["annotations"]) > 4 and len(case.dataset["images"]) > 2:
            break
    if iou_type == "segm":
        sizes = {image["id"]: image for image in case.dataset["images"]}
        for record in case.results[::2]:
            record["segmentation"] = scenes.uncompressed(
                scenes.bitmap(
                    rng, sizes[record["image_id"]]["height"], sizes[record["image_id"]]["width"], [3, 4, 20, 20]
                )
            )
    return case.dataset, case.results


def from_file(tool, folder, dataset):
    path = folder / f"{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps(dataset))
    return tool.COCO(str(path))


def touched(tool, folder, dataset):
    coco = from_file(tool, folder, dataset)
    assert coco.imgs
    return coco


def by_hand(tool, folder, dataset):
    coco = tool.COCO()
    coco.dataset = dataset
    coco.createIndex()
    return coco


def of_results(results, gt):
    """Results as a data set, which any form of mask may be in."""
    return {
        "images": gt["images"],
        "categories": gt["categories"],
        "annotations": [{**record, "id": i + 1, "area": 300.0, "iscrowd": 0} for i, record in enumerate(results)],
    }


WAYS = {way.__name__: way for way in (from_file, touched, by_hand)}

PARAMETERS = {
    "defaults": {},
    "one image": lambda d: {"imgIds": [d["annotations"][0]["image_id"]]},
    "no image": lambda d: {"imgIds": []},
    "one category": lambda d: {"catIds": [d["annotations"][0]["category_id"]]},
    "no category": lambda d: {"catIds": []},
    "without categories": lambda d: {"useCats": 0},
    "without categories, one asked": lambda d: {"useCats": 0, "catIds": [d["annotations"][0]["category_id"]]},
    "areas": lambda d: {"areaRng": [[0, 1e10], [100, 1000]], "areaRngLbl": ["all", "some"]},
}


def evaluate(tool, gt, dt, iou_type, **params):
    evaluator = tool.COCOeval(gt, dt, iou_type)
    vars(evaluator.params).update(copy.deepcopy(params))
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator.evaluate()
    return evaluator


def quiet(call, *arguments, **keywords):
    with contextlib.redirect_stdout(io.StringIO()):
        return call(*arguments, **keywords)


def both(flow, *arguments):
    ours, theirs = (quiet(flow, tool, *arguments) for tool in (meanap(), reference()))
    assert not list(unequal(ours, theirs, "annotations"))
    return theirs


@pytest.mark.parametrize("parameters", PARAMETERS)
@pytest.mark.parametrize("iou_type", IOU_TYPES)
@pytest.mark.parametrize("way", WAYS)
def test_annotations_of_both_sides(way, iou_type, parameters, tmp_path):
    def flow(tool):
        dataset, results = scene(iou_type)
        gt = WAYS[way](tool, tmp_path, dataset)
        dt = WAYS[way](tool, tmp_path, of_results(results, dataset))
        changes = PARAMETERS[parameters]
        evaluator = evaluate(tool, gt, dt, iou_type, **(changes(dataset) if changes else {}))
        return [gt.anns, gt.dataset, dt.anns, dt.imgToAnns, evaluator._gts, evaluator._dts]

    if iou_type == "keypoints" and parameters.startswith("without"):
        pytest.skip("the reference finds no keypoints without categories")
    seen = both(flow)
    assert any("_ignore" in a for a in seen[0].values()) or parameters in ("no image", "no category")


@pytest.mark.parametrize("iou_type", IOU_TYPES)
def test_dictionaries_that_the_caller_holds(iou_type, tmp_path):
    """The attributes of a `COCO` are not read, but the lists that were given to it."""

    def flow(tool):
        dataset, results = scene(iou_type)
        detections = of_results(results, dataset)
        evaluate(tool, by_hand(tool, tmp_path, dataset), by_hand(tool, tmp_path, detections), iou_type)
        return [dataset, detections]

    both(flow)


@pytest.mark.parametrize("make", [from_file, by_hand])
@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_results(iou_type, make, tmp_path):
    """What YOLOv6 does: the ground truth's `ignore` is read after the evaluation."""

    def flow(tool):
        dataset, results = scene(iou_type)
        results = [r for r in results if not isinstance(r.get("segmentation", {}).get("counts"), list)]
        gt = make(tool, tmp_path, dataset)
        dt = gt.loadRes(results)
        evaluate(tool, gt, dt, iou_type)
        return [[a["ignore"] for a in gt.anns.values()], gt.dataset, dt.dataset, results]

    both(flow)


@pytest.mark.parametrize("sequence", [("bbox", "segm"), ("segm", "bbox"), ("segm", "segm"), ("bbox", "bbox", "segm")])
@pytest.mark.parametrize("way", WAYS)
def test_several_evaluations(sequence, way, tmp_path):
    """Each of other images and areas, the first ones once more."""

    def flow(tool):
        dataset, results = scene("segm")
        images = [image["id"] for image in dataset["images"]]
        for record in results:
            record["bbox"] = [1.0, 2.0, 30.0, 20.0]
        gt, dt = WAYS[way](tool, tmp_path, dataset), WAYS[way](tool, tmp_path, of_results(results, dataset))
        for number, iou_type in enumerate(sequence):
            area = [0, 1e10] if number % 2 else [0, 500]
            evaluate(tool, gt, dt, iou_type, imgIds=images[number:], areaRng=[area], areaRngLbl=["some"])
        evaluate(tool, gt, dt, sequence[0], imgIds=images, areaRng=[[0, 500]], areaRngLbl=["some"])
        return [gt.dataset, dt.dataset]

    both(flow)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda coco: pickle.loads(pickle.dumps(coco))])
@pytest.mark.parametrize("way", WAYS)
def test_copies_have_the_marks(copied, way, tmp_path):
    def flow(tool):
        dataset, results = scene("segm")
        gt = WAYS[way](tool, tmp_path, dataset)
        evaluate(tool, gt, WAYS[way](tool, tmp_path, of_results(results, dataset)), "segm")
        twin = copied(gt)
        return [twin.anns, gt.anns]

    both(flow)


def test_a_copy_does_not_mark_the_original(tmp_path):
    """torchvision and DETR evaluate a deep copy."""

    def flow(tool):
        dataset, results = scene("bbox")
        gt = from_file(tool, tmp_path, dataset)
        twin = copy.deepcopy(gt)
        evaluate(tool, twin, twin.loadRes(results), "bbox")
        return [gt.anns, twin.anns]

    both(flow)


def test_a_data_set_that_shares_dictionaries(tmp_path):
    def flow(tool):
        dataset, results = scene("bbox")
        gt = by_hand(tool, tmp_path, dataset)
        part = by_hand(tool, tmp_path, {**dataset, "annotations": dataset["annotations"][::2]})
        evaluate(tool, part, part.loadRes(results), "bbox")
        return [gt.anns, part.anns]

    both(flow)


@pytest.mark.parametrize("iou_type", IOU_TYPES)
def test_nothing_is_created_without_access(iou_type, tmp_path):
    tool = meanap()
    dataset, results = scene(iou_type)
    gt = from_file(tool, tmp_path, dataset)
    results = [r for r in results if not isinstance(r.get("segmentation", {}).get("counts"), list)]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    dt = gt.loadRes(str(path))
    for _ in range(3):
        evaluate(tool, gt, dt, iou_type).accumulate()
    assert list(stored(gt)) == list(stored(dt)) == ["_source"]
    # The same evaluation again stores nothing more.
    assert len(gt._source._pending._marks) == 1
