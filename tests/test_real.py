"""Real images of COCO and LVIS: the numbers to the last bit, from every kind of input."""

import contextlib
import functools
import io
import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from thorough import THOROUGH

from meanap import generate
from tests.differential.both import same

CASES = [
    ("coco100_gt", "coco100_bbox", "bbox"),
    ("coco100_gt", "coco100_segm", "segm"),
    ("coco100_gt", "coco100_segm", "bbox"),
    ("kpt_gt", "kpt_dt", "keypoints"),
    ("kpt_gt", "kpt_dt", "bbox"),
]
IDS = ["-".join(case[1:]) for case in CASES]


@functools.cache
def text_of(path):
    return path.read_text()


def read(path):
    """A JSON file's value, to be changed at will."""
    return json.loads(text_of(path))


def scored(tool, gt, dt, iou_type, whole=True):
    """All that an evaluation shows: stats, table, arrays, and (if `whole`) cells and similarities."""
    ev = tool.COCOeval(gt, dt, iou_type)
    ev.evaluate()
    ev.accumulate()
    table = io.StringIO()
    with contextlib.redirect_stdout(table):
        ev.summarize()
    arrays = [ev.eval[name] for name in ("precision", "recall", "scores", "counts")]
    return [ev.stats, table.getvalue(), *arrays, *([ev.evalImgs, ev.ious] if whole else [])]


def from_files(tool, gt_path, dt_path):
    gt = tool.COCO(str(gt_path))
    return gt, gt.loadRes(str(dt_path))


def from_dicts(tool, gt_path, dt_path):
    gt = tool.COCO()
    gt.dataset = read(gt_path)
    gt.createIndex()
    return gt, gt.loadRes(read(dt_path))


def from_both(tool, gt_path, dt_path):
    gt = tool.COCO(gt_path)
    return gt, gt.loadRes(read(dt_path))


def touched(tool, gt_path, dt_path):
    gt, dt = from_files(tool, gt_path, dt_path)
    assert gt.anns and dt.dataset["annotations"]
    return gt, dt


@pytest.mark.parametrize("load", [from_files, from_dicts, from_both, touched])
@pytest.mark.parametrize(("truth", "found", "iou_type"), CASES, ids=IDS)
def test_bits(shared_data, truth, found, iou_type, load):
    """Stats, table, arrays, cells and similarities, from files, from dictionaries, from both."""
    paths = shared_data / f"{truth}.json", shared_data / f"{found}.json"
    stats = same(lambda tool: scored(tool, *load(tool, *paths), iou_type))[0]
    assert stats[0] > 0.2


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_by_hand(shared_data, iou_type):
    """A subclass with a hook overridden goes cell by cell, and comes to the same."""
    paths = shared_data / "coco100_gt.json", shared_data / f"coco100_{iou_type}.json"

    def flow(tool):
        class ByHand(tool.COCOeval):
            def evaluateImg(self, *args):
                return super().evaluateImg(*args)

        gt, dt = from_files(tool, *paths)
        return scored(type("Tool", (), {"COCOeval": ByHand}), gt, dt, iou_type)

    straight = same(lambda tool: scored(tool, *from_files(tool, *paths), iou_type))
    assert same(flow)[0].tobytes() == straight[0].tobytes()


def test_from_an_array(shared_data):
    """Boxes as N x 7."""
    records = read(shared_data / "coco100_bbox.json")
    rows = np.array([[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in records])

    def flow(tool):
        gt = tool.COCO(str(shared_data / "coco100_gt.json"))
        return scored(tool, gt, gt.loadRes(rows.copy()), "bbox")

    assert same(flow)[0][0] > 0.2


def test_poses_without_ground_truth(shared_data):
    """The example poses belong to a data set with keypoints; this one has none, and both say so."""
    paths = shared_data / "coco100_gt.json", shared_data / "coco100_kpt.json"
    assert isinstance(same(lambda tool: scored(tool, *from_files(tool, *paths), "keypoints")), KeyError)
    same(lambda tool: from_files(tool, *paths)[1].dataset["annotations"][:50])


def lvis(shared_data, crowd=True):
    """LVIS's ground truth; it has no `iscrowd`, which the reference wants."""
    truth = read(shared_data / "lvis100_gt.json")
    for annotation in truth["annotations"] if crowd else []:
        annotation["iscrowd"] = 0
    return truth


def jittered(truth, seed):
    """Results near the objects of a data set."""
    rng = random.Random(seed)
    results = []
    for annotation in truth["annotations"]:
        for _ in range(rng.choice([0, 1, 1, 2])):
            x, y, w, h = annotation["bbox"]
            loose = rng.choice([0.0, 0.05, 0.2])
            box = [x + w * rng.uniform(-loose, loose), y + h * rng.uniform(-loose, loose), w, h]
            category = annotation["category_id"] if rng.random() < 0.9 else rng.choice(truth["categories"])["id"]
            record = {"image_id": annotation["image_id"], "category_id": category, "bbox": box}
            results.append({**record, "score": round(rng.random(), 3)})
    return results


@pytest.mark.parametrize("road", ["file", "dicts"])
def test_lvis_boxes(shared_data, tmp_path, road):
    """1,230 categories over 100 images: most cells are empty."""
    truth = lvis(shared_data)
    results = jittered(truth, 5)
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    (tmp_path / "dt.json").write_text(json.dumps(results))
    load = from_files if road == "file" else from_dicts
    paths = tmp_path / "gt.json", tmp_path / "dt.json"
    assert same(lambda tool: scored(tool, *load(tool, *paths), "bbox", whole=THOROUGH and road == "file"))[0][0] > 0.2


def test_lvis_masks(shared_data, tmp_path):
    """LVIS's polygons against masks moved by a few pixels."""
    from pycocotools import mask

    truth = lvis(shared_data)
    keep = {annotation["category_id"] for annotation in truth["annotations"][:300]}
    truth["categories"] = [c for c in truth["categories"] if c["id"] in keep]
    truth["annotations"] = [a for a in truth["annotations"] if a["category_id"] in keep]
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    results = []
    for i, annotation in enumerate(truth["annotations"]):
        rle = mask.merge(mask.frPyObjects(annotation["segmentation"], *sizes[annotation["image_id"]]))
        bitmap = np.asfortranarray(np.roll(mask.decode(rle), i % 7, axis=i % 2))
        rle = mask.encode(bitmap)
        rle["counts"] = rle["counts"].decode()
        record = {"image_id": annotation["image_id"], "category_id": annotation["category_id"]}
        results.append({**record, "segmentation": rle, "score": 1 / (1 + i % 50)})
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    (tmp_path / "dt.json").write_text(json.dumps(results))
    paths = tmp_path / "gt.json", tmp_path / "dt.json"
    assert same(lambda tool: scored(tool, *from_files(tool, *paths), "segm"))[0][0] > 0.2


def test_lvis_as_it_is(shared_data):
    """Without `iscrowd` both refuse."""
    truth = lvis(shared_data, crowd=False)

    def flow(tool):
        gt = tool.COCO(str(shared_data / "lvis100_gt.json"))
        return scored(tool, gt, gt.loadRes(jittered(truth, 6)), "bbox")

    assert isinstance(same(flow), KeyError)


SCRIPT = """
import sys, io, contextlib
import meanap
if sys.argv[1] == "early":
    meanap.init_as_pycocotools()
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
import pycocotools.mask
if sys.argv[1] == "late":
    meanap.init_as_pycocotools()
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    import pycocotools.mask
import pycocotools
assert COCO is meanap.COCO and COCOeval is meanap.COCOeval, COCO
assert pycocotools.mask.iou is meanap.mask.iou
gt = COCO(sys.argv[2])
ev = COCOeval(gt, gt.loadRes(sys.argv[3]), sys.argv[4])
ev.evaluate(); ev.accumulate(); ev.summarize()
print(*[float(s).hex() for s in ev.stats])
"""


@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_standing_in_for_pycocotools(shared_data, when, iou_type):
    """`init_as_pycocotools()` before or after the first import: table and numbers are the reference's."""
    paths = [shared_data / "coco100_gt.json", shared_data / f"coco100_{iou_type}.json"]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, when, *map(str, paths), iou_type],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    expected = same(lambda tool: scored(tool, *from_files(tool, *paths), iou_type, whole=False))
    table, numbers = done.stdout.rstrip("\n").rsplit("\n", 1)
    assert table + "\n" == expected[1]
    assert numbers.split() == [float(s).hex() for s in expected[0]]


@pytest.mark.parametrize("road", ["file", "dicts"])
@pytest.mark.parametrize("iou_type", ["bbox", "segm", "keypoints"])
def test_generated_scenes(tmp_path, iou_type, road):
    """A data set like COCO's, larger than the nasty ones, with crowds and ties."""
    kind = "keypoints" if iou_type == "keypoints" else "instances"
    truth = generate.dataset(images=40, seed=11, kind=kind, crowds=0.05, categories=12)
    results = generate.detections(truth, kind=iou_type, per_image=30, seed=11, decimals=2)
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    (tmp_path / "dt.json").write_text(json.dumps(results))
    load = from_files if road == "file" else from_dicts
    paths = tmp_path / "gt.json", tmp_path / "dt.json"
    stats = same(lambda tool: scored(tool, *load(tool, *paths), iou_type))[0]
    assert 0.1 < stats[0] < 1
