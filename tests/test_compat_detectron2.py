"""`meanap.compat.detectron2.COCOEvaluator`: the numbers of pycocotools, and of detectron2 where it is installed."""

import contextlib
import copy
import io
import json
import math
import pickle
import sys
import types

import numpy as np
import pytest
from pycocotools import mask as reference_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import meanap
from meanap import generate
from meanap.compat.detectron2 import COCOEvaluator

KINDS = ["bbox", "segm", "keypoints"]
NAMES = {"AP": (None, 0), "AP50": (0.5, 0), "AP75": (0.75, 0), "APs": (None, 1), "APm": (None, 2), "APl": (None, 3)}


class Boxes:
    def __init__(self, corners):
        self.tensor = corners


class Instances:
    """What meanap uses of detectron2's `Instances`."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def __len__(self):
        return len(self.scores)

    def has(self, name):
        return name in self.__dict__


def data(kind):
    """A data set, and for each image the fields of its `Instances`."""
    truth = generate.dataset(images=8, seed=5, **({"kind": "keypoints"} if kind == "keypoints" else {}))
    found = generate.detections(truth, kind=kind, per_image=15, seed=5)
    classes = sorted(category["id"] for category in truth["categories"])
    outputs = {}
    for image in truth["images"]:
        of_image = [detection for detection in found if detection["image_id"] == image["id"]]
        outputs[image["id"]] = fields = {
            "scores": np.array([detection["score"] for detection in of_image], dtype=np.float32),
            "pred_classes": np.array([classes.index(detection["category_id"]) for detection in of_image]),
        }
        boxes = np.array([box_of(detection) for detection in of_image], dtype=np.float32).reshape(-1, 4)
        fields["pred_boxes"] = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        if kind == "segm":
            pixels = [reference_mask.decode(detection["segmentation"]) for detection in of_image]
            fields["pred_masks"] = np.array(pixels, dtype=bool).reshape(len(pixels), image["height"], image["width"])
        elif kind == "keypoints":
            points = np.array([detection["keypoints"] for detection in of_image], dtype=np.float32)
            fields["pred_keypoints"] = points.reshape(len(of_image), 17, 3)
    outputs[truth["images"][0]["id"]] = {name: values[:0] for name, values in fields.items()}
    return truth, outputs


def box_of(detection):
    if "bbox" in detection:
        return detection["bbox"]
    if "segmentation" in detection:
        return reference_mask.toBbox(detection["segmentation"])
    points = np.reshape(detection["keypoints"], (-1, 3))[:, :2]
    return [*points.min(axis=0), *np.ptp(points, axis=0)]


def instances(fields):
    return Instances(**{**fields, "pred_boxes": Boxes(fields["pred_boxes"])})


def process(evaluator, outputs, size=3):
    ids = list(outputs)
    for first in range(0, len(ids), size):
        batch = ids[first : first + size]
        evaluator.process([{"image_id": id} for id in batch], [{"instances": instances(outputs[id])} for id in batch])
    return evaluator


def evaluated(evaluator, **options):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        results = evaluator.evaluate(**options)
    return results, [line for line in printed.getvalue().splitlines() if "@[" in line]


def results_of(truth, outputs):
    """COCO's results of the outputs, instance by instance."""
    classes = sorted(category["id"] for category in truth["categories"])
    results = []
    for image, fields in outputs.items():
        for row in range(len(fields["scores"])):
            left, top, right, bottom = fields["pred_boxes"][row]
            result = {
                "image_id": image,
                "category_id": classes[fields["pred_classes"][row]],
                "bbox": [float(value) for value in (left, top, right - left, bottom - top)],
                "score": float(fields["scores"][row]),
            }
            if "pred_masks" in fields:
                result["segmentation"] = reference_mask.encode(np.asfortranarray(fields["pred_masks"][row], np.uint8))
            if "pred_keypoints" in fields:
                points = fields["pred_keypoints"][row].copy()
                points[:, :2] -= 0.5
                result["keypoints"] = [float(value) for value in points.ravel()]
            results.append(result)
    return results


def reference(kind, truth, outputs, limit=100, images=None):
    """pycocotools' numbers under detectron2's names, and the printed lines."""
    coco = COCO()
    coco.dataset = copy.deepcopy(truth)
    coco.createIndex()
    results = results_of(truth, outputs)
    if kind == "segm":
        for result in results:
            del result["bbox"]
    evaluator = COCOeval(coco, coco.loadRes(results), kind)
    if kind != "keypoints":
        evaluator.params.maxDets = [1, 10, limit]
    if images is not None:
        evaluator.params.imgIds = images
    evaluator.evaluate()
    evaluator.accumulate()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        evaluator.summarize()
    precision = evaluator.eval["precision"]

    def percent(values):
        return float(np.mean(values[values > -1]) * 100) if (values > -1).any() else math.nan

    numbers = {}
    areas = evaluator.params.areaRngLbl
    for name, (threshold, size) in NAMES.items():
        area = ("all", "small", "medium", "large")[size]
        if area in areas:
            some = slice(None) if threshold is None else evaluator.params.iouThrs == threshold
            numbers[name] = percent(precision[some, :, :, areas.index(area), -1])
    names = {category["id"]: category["name"] for category in truth["categories"]}
    if len(names) > 1:
        for k, category in enumerate(evaluator.params.catIds):
            numbers[f"AP-{names[category]}"] = percent(precision[:, :, k, 0, -1])
    return numbers, printed.getvalue().splitlines()


def same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == value or (math.isnan(value) and math.isnan(found[name])), name


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_names_and_lines_are_those_of_pycocotools(kind):
    truth, outputs = data(kind)
    expected, lines = reference(kind, truth, outputs)
    assert expected["AP"] > 0
    evaluator = process(COCOEvaluator(copy.deepcopy(truth)), outputs)
    for _ in range(2):  # a second evaluation finds the same outputs
        results, printed = evaluated(evaluator)
        assert set(results) == ({"bbox"} if kind == "bbox" else {"bbox", kind})
        same(results[kind], expected)
        assert printed[-len(lines) :] == lines
    evaluator.reset()
    with pytest.warns(UserWarning, match="no outputs"):
        assert evaluator.evaluate() == {}


@pytest.mark.parametrize("limit", [2, 5, 40, 300])
def test_the_first_number_is_of_the_largest_limit(limit):
    truth, outputs = data("bbox")
    expected, _ = reference("bbox", truth, outputs, limit)
    results, printed = evaluated(process(COCOEvaluator(truth, max_dets_per_image=limit), outputs))
    same(results["bbox"], expected)
    assert f"maxDets={max(limit, 10):>3d}" in printed[0] and printed[0].endswith(f" = {expected['AP'] / 100:0.3f}")


def test_images_and_tasks_that_are_chosen():
    truth, outputs = data("segm")
    images = list(outputs)[2:5]
    expected, _ = reference("segm", truth, outputs, images=images)
    results, _ = evaluated(process(COCOEvaluator(truth, tasks=("segm",)), outputs), img_ids=images)
    assert list(results) == ["segm"]
    same(results["segm"], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_over_ranks_with_an_image_of_both(kind, ranks):
    truth, outputs = data(kind)
    ids = list(outputs)
    expected, _ = reference(kind, truth, outputs)
    shards = [{id: outputs[id] for id in shard} for shard in (ids[:5], [*ids[5:], ids[1]])]

    def work(rank):
        evaluator = process(COCOEvaluator(copy.deepcopy(truth)), shards[rank])
        return evaluator.evaluate()

    with contextlib.redirect_stdout(io.StringIO()):
        first, second = ranks.run(work)
    same(first[kind], expected)
    assert second == {}


def test_a_rank_on_its_own(ranks):
    truth, outputs = data("bbox")
    expected, _ = reference("bbox", truth, outputs)
    results, _ = evaluated(process(COCOEvaluator(truth, distributed=False), outputs))
    same(results["bbox"], expected)


def test_results_are_written(tmp_path):
    truth, outputs = data("segm")
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(truth))
    expected, _ = evaluated(process(COCOEvaluator(truth), outputs))
    results, _ = evaluated(process(COCOEvaluator(str(path), output_dir=str(tmp_path / "out")), outputs))
    assert results == expected
    written = json.loads((tmp_path / "out" / "coco_instances_results.json").read_text())
    assert len(written) == len(results_of(truth, outputs))
    assert meanap.evaluate(truth, written).ap * 100 == results["bbox"]["AP"]


def test_without_instances_the_numbers_are_nan_and_without_annotations_there_are_none():
    truth, outputs = data("bbox")
    empty = {id: {name: values[:0] for name, values in fields.items()} for id, fields in outputs.items()}
    results, _ = evaluated(process(COCOEvaluator(truth, tasks=["bbox", "segm"]), empty))
    assert [list(numbers) for numbers in results.values()] == [["AP", "AP50", "AP75", "APs", "APm", "APl"]] * 2
    assert all(math.isnan(number) for numbers in results.values() for number in numbers.values())
    truth.pop("annotations")
    assert evaluated(process(COCOEvaluator(truth), outputs))[0] == {}


def test_sigmas_of_other_keypoints():
    truth, outputs = data("keypoints")
    sigmas = np.linspace(0.02, 0.1, 17).tolist()
    config = types.SimpleNamespace(TEST=types.SimpleNamespace(KEYPOINT_OKS_SIGMAS=sigmas))
    own, _ = evaluated(process(COCOEvaluator(truth, kpt_oks_sigmas=sigmas), outputs))
    with_config, _ = evaluated(process(COCOEvaluator(truth, config), outputs))
    standard, _ = evaluated(process(COCOEvaluator(truth), outputs))
    assert own["keypoints"]["AP"] == with_config["keypoints"]["AP"] != standard["keypoints"]["AP"]
    with pytest.raises(ValueError, match="kpt_oks_sigmas: found 2 sigmas, expected 17"):
        evaluated(process(COCOEvaluator(truth, kpt_oks_sigmas=[0.1, 0.1]), outputs))


def proposals_of(truth, seed=1):
    """Boxes near the objects of an image and elsewhere, more than the lower limit in some; some images have none."""
    rng = np.random.default_rng(seed)
    proposals = {}
    for n, image in enumerate(truth["images"]):
        boxes = [a["bbox"] for a in truth["annotations"] if a["image_id"] == image["id"]]
        boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4).repeat(2 + 40 * (n % 2), axis=0)
        boxes = boxes + rng.normal(0, 0.1, boxes.shape) * boxes[:, 2:].repeat(2, axis=1).reshape(-1, 4)
        boxes = np.concatenate([boxes, rng.random((20, 4)) * 100])[: 0 if n == 3 else None]
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + np.abs(boxes[:, 2:])], axis=1).astype(np.float32)
        proposals[image["id"]] = corners, rng.normal(size=len(corners)).astype(np.float32)
    return proposals


def naive_recall(truth, proposals, limit, least, greatest):
    """Average recall by all pairs in the order of their IoU, in double precision."""
    covered, count = [], 0
    for image, (boxes, logits) in proposals.items():
        of_image = [a for a in truth["annotations"] if a["image_id"] == image and not a["iscrowd"]]
        if not of_image or not len(boxes):
            continue
        of_image = [a for a in of_image if least <= a["area"] <= greatest]
        count += len(of_image)
        best = boxes[np.argsort(-logits, kind="stable")][:limit].astype(float)
        best[:, 2:] -= best[:, :2]
        if not of_image:
            continue
        ious = reference_mask.iou(best, np.array([a["bbox"] for a in of_image], dtype=float), [0] * len(of_image))
        pairs = sorted(((ious[p, g], p, g) for p in range(ious.shape[0]) for g in range(ious.shape[1])), reverse=True)
        used_proposals, used = set(), set()
        for iou, p, g in pairs:
            if p not in used_proposals and g not in used:
                used_proposals.add(p), used.add(g)
                covered.append(iou)
    if not count:
        return math.nan
    return 100 * np.mean([sum(iou >= t for iou in covered) / count for t in np.arange(0.5, 1, 0.05)])


def test_recall_of_proposals(tmp_path):
    truth, outputs = data("bbox")
    proposals = proposals_of(truth)
    evaluator = COCOEvaluator(truth, output_dir=str(tmp_path / "out"))
    for image, (boxes, logits) in proposals.items():
        found = Instances(proposal_boxes=Boxes(boxes), objectness_logits=logits)
        evaluator.process([{"image_id": image}], [{"proposals": found}])
    numbers = evaluator.evaluate()
    assert list(numbers) == ["box_proposals"]
    areas = {"": (0, 1e10), "s": (0, 1024), "m": (1024, 9216), "l": (9216, 1e10)}
    names = [f"AR{suffix}@{limit}" for limit in (100, 1000) for suffix in areas]
    assert list(numbers["box_proposals"]) == names
    for name in names:
        suffix, _, limit = name.removeprefix("AR").partition("@")
        expected = naive_recall(truth, proposals, int(limit), *areas[suffix])
        assert numbers["box_proposals"][name] == pytest.approx(expected, abs=1e-4, nan_ok=True), name
    assert 0 < numbers["box_proposals"]["AR@100"] < numbers["box_proposals"]["AR@1000"] < 100
    with open(tmp_path / "out" / "box_proposals.pkl", "rb") as file:
        written = pickle.load(file)
    assert written["ids"] == list(proposals) and written["bbox_mode"] == 0
    np.testing.assert_array_equal(written["boxes"][0], proposals[written["ids"][0]][0])
    # With instances as well: both.
    evaluator.reset()
    for image, (boxes, logits) in proposals.items():
        found = Instances(proposal_boxes=Boxes(boxes), objectness_logits=logits)
        evaluator.process([{"image_id": image}], [{"proposals": found, "instances": instances(outputs[image])}])
    both, _ = evaluated(evaluator)
    assert both["box_proposals"] == numbers["box_proposals"]
    same(both["bbox"], reference("bbox", truth, outputs)[0])
    del truth["annotations"][:]
    evaluator = COCOEvaluator(truth)
    evaluator.process([{"image_id": truth["images"][0]["id"]}], [{"proposals": found}])
    assert all(math.isnan(number) for number in evaluator.evaluate()["box_proposals"].values())


def test_what_cannot_be_used():
    truth, outputs = data("bbox")
    with pytest.raises(ValueError, match="tasks: expected 'bbox', 'segm' or 'keypoints', found 'panoptic'"):
        COCOEvaluator(truth, tasks=["panoptic"])
    evaluator = COCOEvaluator(truth)
    fields = next(fields for fields in outputs.values() if len(fields["scores"]))
    fields["pred_classes"][0] = 99
    with pytest.raises(ValueError, match="found class 99, the data set has"):
        process(evaluator, outputs).evaluate()


def test_a_name_without_detectron2(monkeypatch):
    monkeypatch.setitem(sys.modules, "detectron2", None)
    with pytest.raises(ImportError, match="dataset_name: 'coco_2017_val' is not a file"):
        COCOEvaluator("coco_2017_val")


@pytest.fixture
def detectron2():
    return pytest.importorskip("detectron2.evaluation", reason="detectron2 from its repository")


@pytest.mark.parametrize("seed", range(6))
def test_recall_of_proposals_is_that_of_detectron2(seed, detectron2, tmp_path):
    import torch
    from detectron2 import structures
    from detectron2.data.datasets import register_coco_instances

    truth = generate.dataset(images=9, seed=seed)
    if seed % 2:  # Whole numbers are added as such.
        for annotation in truth["annotations"]:
            annotation["bbox"] = [round(value) for value in annotation["bbox"]]
            annotation["area"] = round(annotation["area"])
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(truth))
    register_coco_instances(str(tmp_path), {}, str(path), str(tmp_path))
    results = []
    for evaluator in (detectron2.COCOEvaluator(str(tmp_path)), COCOEvaluator(str(tmp_path))):
        evaluator.reset()
        for image, (boxes, logits) in proposals_of(truth, seed).items():
            found = structures.Instances((480, 640))
            found.proposal_boxes = structures.Boxes(torch.tensor(boxes))
            found.objectness_logits = torch.tensor(logits)
            evaluator.process([{"image_id": image}], [{"proposals": found}])
        results.append(evaluator.evaluate())
    theirs, ours = results
    assert list(ours) == list(theirs) == ["box_proposals"]
    same(ours["box_proposals"], theirs["box_proposals"])


@pytest.mark.parametrize("limit", [None, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_the_evaluator_of_detectron2_gives_the_same(kind, limit, detectron2, tmp_path):
    import torch
    from detectron2 import structures
    from detectron2.data import MetadataCatalog
    from detectron2.data.datasets import register_coco_instances

    truth, outputs = data(kind)
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(truth))
    name = f"{kind} {limit} {tmp_path}"
    register_coco_instances(name, {}, str(path), str(tmp_path))
    # As its loader does when the data set is loaded.
    categories = sorted(truth["categories"], key=lambda category: category["id"])
    MetadataCatalog.get(name).set(
        thing_classes=[category["name"] for category in categories],
        thing_dataset_id_to_contiguous_id={category["id"]: n for n, category in enumerate(categories)},
    )

    def pairs():
        # detectron2 moves the keypoints of the outputs that it is given.
        for image, fields in copy.deepcopy(outputs).items():
            found = structures.Instances((480, 640))
            for field, values in fields.items():
                tensor = torch.tensor(values)
                found.set(field, structures.Boxes(tensor) if field == "pred_boxes" else tensor)
            yield [{"image_id": image}], [{"instances": found}]

    def run(evaluator):
        evaluator.reset()
        for inputs, found in pairs():
            evaluator.process(inputs, found)
        return evaluated(evaluator)

    theirs, expected = run(detectron2.COCOEvaluator(name, use_fast_impl=False, max_dets_per_image=limit))
    results, printed = run(COCOEvaluator(name, max_dets_per_image=limit))
    assert list(results) == list(theirs) and printed == expected
    for task in theirs:
        same(results[task], theirs[task])
    # In detectron2's loop.
    loader = [inputs for inputs, _ in pairs()]
    batches = iter([found for _, found in pairs()])
    evaluator = COCOEvaluator(name, max_dets_per_image=limit)
    with contextlib.redirect_stdout(io.StringIO()):
        looped = detectron2.inference_on_dataset(lambda _: next(batches), loader, evaluator)
    for task in theirs:
        same(looped[task], theirs[task])
