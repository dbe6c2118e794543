"""What must not change a result: the order of images, names of ids, threads, a monotone change of scores."""

import contextlib
import io
import json
import math
import random

import numpy as np
import pytest

from meanap import generate
from tests.differential.compare import unequal
from tests.differential.tools import meanap
from tests.processes import with_threads

ARRAYS = ("precision", "recall", "scores")
KINDS = ("bbox", "segm", "keypoints")


def scene(iou_type, decimals=2):
    """A generated data set and detections with ties."""
    kind = "keypoints" if iou_type == "keypoints" else "instances"
    truth = generate.dataset(images=25, seed=21, kind=kind, crowds=0.05, categories=6)
    return truth, generate.detections(truth, kind=iou_type, per_image=25, seed=21, decimals=decimals)


def evaluated(folder, truth, results, iou_type, road="file"):
    """An evaluator that is done, from files or from dictionaries."""
    tool = meanap()
    if road == "file":
        for name, value in (("gt", truth), ("dt", results)):
            (folder / f"{name}.json").write_text(json.dumps(value))
        gt = tool.COCO(folder / "gt.json")
        dt = gt.loadRes(str(folder / "dt.json"))
    else:
        gt = tool.COCO()
        gt.dataset = json.loads(json.dumps(truth))
        gt.createIndex()
        dt = gt.loadRes(json.loads(json.dumps(results)))
    ev = tool.COCOeval(gt, dt, iou_type)
    ev.evaluate()
    ev.accumulate()
    with contextlib.redirect_stdout(io.StringIO()):
        ev.summarize()
    return ev


def same_numbers(a, b, names=ARRAYS):
    """Asserts that two evaluations came to the same, bit for bit."""
    for name in names:
        assert not list(unequal(a.eval[name], b.eval[name], name))


@pytest.mark.parametrize("iou_type", KINDS)
@pytest.mark.parametrize("road", ["file", "dicts"])
def test_order_of_images(tmp_path, iou_type, road):
    """Images, and the objects of different images, may come in any order in the file."""
    truth, results = scene(iou_type)
    expected = evaluated(tmp_path, truth, results, iou_type, road)
    rng = random.Random(3)

    def dealt(records):
        """Another order that keeps the order within each image."""
        queues = {}
        for record in records:
            queues.setdefault(record["image_id"], []).append(record)
        order = [r["image_id"] for r in records]
        rng.shuffle(order)
        return [queues[image].pop(0) for image in order]

    mixed = {**truth, "images": rng.sample(truth["images"], len(truth["images"]))}
    mixed["annotations"] = dealt(truth["annotations"])
    mixed["categories"] = truth["categories"][::-1]
    names = list(mixed)
    rng.shuffle(names)
    again = evaluated(tmp_path, {n: mixed[n] for n in names}, dealt(results), iou_type, road)
    same_numbers(expected, again)
    assert expected.stats[0] > 0.1


@pytest.mark.parametrize("iou_type", KINDS)
@pytest.mark.parametrize("road", ["file", "dicts"])
@pytest.mark.parametrize(
    "image",
    [
        lambda i: 3 * i + 70,
        lambda i: i - 10**6,
        lambda i: i + 2**60,
        lambda i: i / 2,
        lambda i: f"{i:012}.jpg",
    ],
    ids=["numbers", "negative", "large", "fractions", "names"],
)
def test_names_of_ids(tmp_path, iou_type, road, image):
    """Ids are names: any that sort alike give the same."""
    truth, results = scene(iou_type)
    expected = evaluated(tmp_path, truth, results, iou_type, road)

    def renamed(record):
        changed = {
            **record,
            "image_id": image(record["image_id"]),
            "category_id": record["category_id"] * 7 - 3,
        }
        return {**changed, "id": 5 * record["id"] + 1} if "id" in record else changed

    other = {
        **truth,
        "images": [{**i, "id": image(i["id"])} for i in truth["images"]],
        "categories": [{**c, "id": c["id"] * 7 - 3} for c in truth["categories"]],
        "annotations": [renamed(a) for a in truth["annotations"]],
    }
    again = evaluated(tmp_path, other, [renamed(r) for r in results], iou_type, road)
    same_numbers(expected, again)
    matched = [np.nonzero(cell["dtMatches"])[1].tolist() if cell else None for cell in expected.evalImgs]
    assert matched == [np.nonzero(cell["dtMatches"])[1].tolist() if cell else None for cell in again.evalImgs]


@pytest.mark.parametrize("iou_type", KINDS)
@pytest.mark.parametrize("road", ["file", "dicts"])
def test_threads(tmp_path, iou_type, road):
    """One thread or many: the same arrays, cells and similarities."""
    truth, results = scene(iou_type)

    def work():
        ev = evaluated(tmp_path, truth, results, iou_type, road)
        return [*(ev.eval[name] for name in ARRAYS), ev.evalImgs, ev.ious]

    seen = [with_threads(threads, work) for threads in ("1", "2", "3", "16", "")]
    for other in seen[1:]:
        assert not list(unequal(other, seen[0], "threads"))


@pytest.mark.parametrize("iou_type", KINDS)
@pytest.mark.parametrize(
    "scale",
    [lambda s: s / 8, lambda s: math.expm1(5 * s) - 100, lambda s: s * 1e300, lambda s: round(100 * s)],
)
def test_monotone_scores(tmp_path, iou_type, scale):
    """Only the order of scores counts: precision and recall stay."""
    truth, results = scene(iou_type)
    expected = evaluated(tmp_path, truth, results, iou_type)
    again = evaluated(tmp_path, truth, [{**r, "score": scale(r["score"])} for r in results], iou_type)
    same_numbers(expected, again, ("precision", "recall"))
    ranked = [[cell["dtIds"], cell["dtMatches"].tolist()] if cell else None for cell in expected.evalImgs]
    assert ranked == [[cell["dtIds"], cell["dtMatches"].tolist()] if cell else None for cell in again.evalImgs]


@pytest.mark.parametrize("iou_type", KINDS)
def test_what_is_empty_adds_nothing(tmp_path, iou_type):
    """Images and categories without objects change no other number."""
    truth, results = scene(iou_type)
    expected = evaluated(tmp_path, truth, results, iou_type)
    wide = {
        **truth,
        "images": truth["images"] + [{"id": 10**7 + i, "width": 5, "height": 5} for i in range(40)],
    }
    same_numbers(expected, evaluated(tmp_path, wide, results, iou_type))
    wide["categories"] = truth["categories"] + [{"id": 10**6, "name": "unseen"}]
    again = evaluated(tmp_path, wide, results, iou_type)
    assert not list(unequal(again.stats, expected.stats, "stats"))
    assert (again.eval["precision"][:, :, -1] == -1).all()


@pytest.mark.parametrize("iou_type", KINDS)
def test_a_perfect_detector_and_a_blind_one(tmp_path, iou_type):
    """The ground truth itself scores 1 (but for the reference's spacing), detections elsewhere 0."""
    truth, _ = scene(iou_type)
    truth["annotations"] = [a for a in truth["annotations"] if not a["iscrowd"] and a.get("num_keypoints", 1)]
    field = {"bbox": "bbox", "segm": "segmentation", "keypoints": "keypoints"}[iou_type]
    if iou_type == "segm":
        from pycocotools import mask

        sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
        for annotation in truth["annotations"]:
            rle = mask.merge(mask.frPyObjects(annotation["segmentation"], *sizes[annotation["image_id"]]))
            annotation["segmentation"] = {"size": rle["size"], "counts": rle["counts"].decode()}
    keys = ("image_id", "category_id", field)
    results = [{**{k: a[k] for k in keys}, "score": 0.5 + 0.5 / a["id"]} for a in truth["annotations"]]
    empty = {a["image_id"] for a in truth["annotations"]}
    assert len(empty) > 5
    perfect = evaluated(tmp_path, truth, results, iou_type)
    assert perfect.stats[0] == pytest.approx(1, abs=1e-9)
    if iou_type == "bbox":
        away = [{**r, "bbox": [-5000, -5000, 3, 3]} for r in results]
        assert evaluated(tmp_path, truth, away, iou_type).stats[0] == 0
