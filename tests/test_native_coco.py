"""The array API under protocol "coco" against pycocotools: every bit."""

import contextlib
import io
import json
import math

import numpy as np
import pytest
from native_data import per_image

import meanap
from meanap import generate
from meanap.readers._coco_files import TruthFile

KINDS = ("bbox", "segm", "keypoints")


def reference(truth, found, kind):
    """pycocotools' evaluator after all three steps."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        gt = coco.COCO()
        gt.dataset = truth
        gt.createIndex()
        evaluator = cocoeval.COCOeval(gt, gt.loadRes(found), kind)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator


def data(kind, images=60, seed=3):
    truth = generate.dataset(images, seed, kind="keypoints" if kind == "keypoints" else "instances")
    found = generate.detections(truth, kind=kind, per_image=20, seed=seed)
    return truth, found


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_pycocotools(kind):
    truth, found = data(kind)
    result = meanap.evaluate(truth, [dict(record) for record in found], kind)
    evaluator = reference(truth, found, kind)
    assert list(result.to_dict().values()) == evaluator.stats.tolist()
    for ours, name in zip(
        (result.precision, result.recall, result.score_at_recall), ("precision", "recall", "scores"), strict=True
    ):
        theirs = evaluator.eval[name]
        np.testing.assert_array_equal(np.where(np.isnan(ours), -1, ours), theirs)


@pytest.mark.parametrize("name, kind", [("bbox", "bbox"), ("segm", "segm")])
def test_real_data(shared_data, name, kind):
    truth = json.loads((shared_data / "coco100_gt.json").read_text())
    found = json.loads((shared_data / f"coco100_{name}.json").read_text())
    result = meanap.evaluate(shared_data / "coco100_gt.json", str(shared_data / f"coco100_{name}.json"), kind)
    evaluator = reference(truth, found, kind)
    assert list(result.to_dict().values()) == evaluator.stats.tolist()


def test_columns_lists_and_dictionaries_are_one():
    truth, found = data("bbox")
    whole = meanap.evaluate(truth, found).to_dict()
    annotations = truth["annotations"]
    columns = meanap.evaluate(
        meanap.GroundTruth(
            [a["image_id"] for a in annotations],
            np.array([a["category_id"] for a in annotations]),
            np.array([a["bbox"] for a in annotations]),
            box_format="xywh",
            area=np.array([a["area"] for a in annotations]),
            crowd=np.array([a["iscrowd"] for a in annotations]),
            images={image["id"]: (image["height"], image["width"]) for image in truth["images"]},
            categories={category["id"]: category["name"] for category in truth["categories"]},
        ),
        meanap.Detections(
            np.array([d["image_id"] for d in found]),
            [d["category_id"] for d in found],
            [d["score"] for d in found],
            np.array([d["bbox"] for d in found]),
            box_format="xywh",
        ),
    )
    assert columns.to_dict() == whole
    preds, targets = per_image(truth, found)
    assert meanap.evaluate(targets, preds, box_format="xywh").to_dict() == whole


def test_string_ids_do_as_well():
    truth, found = data("bbox")
    whole = meanap.evaluate(truth, found)
    for image in truth["images"]:
        image["id"] = f"{image['id']:012d}.jpg"
    for record in [*truth["annotations"], *found]:
        record["image_id"] = f"{record['image_id']:012d}.jpg"
    assert meanap.evaluate(truth, found).to_dict() == whole.to_dict()


def test_numbers_of_one_category_are_those_of_an_evaluation_of_it_alone():
    truth, found = data("bbox")
    result = meanap.evaluate(truth, found)
    row = result.per_class.row(category=1)
    evaluator = reference(truth, found, "bbox")
    k = evaluator.params.catIds.index(1)
    values = evaluator.eval["precision"][:, :, k, 0, 2]
    assert row["ap"] == np.mean(values[values > -1])
    assert row["objects"] == sum(a["category_id"] == 1 and not a["iscrowd"] for a in truth["annotations"])
    assert result.number("ap", category=1) == row["ap"] == result.number("ap", category=row["name"])


def test_nothing_at_all():
    empty = {"images": [], "annotations": [], "categories": []}
    result = meanap.evaluate(empty, [])
    assert all(math.isnan(value) for value in result.to_dict().values())
    assert len(result.per_class) == 0
    assert math.isnan(result.best_f1().threshold)
    assert math.isnan(result.interval("ap", resamples=10).low)


def test_the_summary_is_readable():
    truth, found = data("bbox")
    result = meanap.evaluate(truth, found)
    assert "ap50" in repr(result) and "<table>" in result._repr_html_()
    assert result.to_dict("val/")["val/ap"] == result.ap == result["ap"]
    assert result.ar == result["ar_100"]
    assert '"per_class"' in result.to_json()
    with pytest.raises(AttributeError, match="ap51"):
        result.ap51  # noqa: B018


@pytest.mark.parametrize("from_file", [False, True])
def test_an_object_with_id_0_is_found_unless_the_reference_is_asked(tmp_path, from_file):
    boxes = [[0, 0, 10, 10], [50, 50, 10, 10]]
    truth = {
        "images": [{"id": 1, "width": 100, "height": 100}],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": 1, "bbox": box, "area": 100, "iscrowd": 0}
            for i, box in enumerate(boxes)
        ],
    }
    found = [{"image_id": 1, "category_id": 1, "bbox": box, "score": 0.9 - i / 10} for i, box in enumerate(boxes)]
    expected = reference(truth, [dict(record) for record in found], "bbox").stats[0]
    if from_file:
        for name, value in (("truth", truth), ("found", found)):
            (tmp_path / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
        truth, found = tmp_path / "truth.json", tmp_path / "found.json"
    assert meanap.evaluate(truth, found).ap == 1
    assert meanap.evaluate(truth, found, zero_id_unmatched=True).ap == expected == pytest.approx(0.2525, abs=1e-4)


@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
@pytest.mark.parametrize("distinct", [1, 5, 0])
def test_repeated_ids_of_annotations_are_labels_alone(tmp_path, kind, distinct):
    """They are read in Rust, as others are; pycocotools' API reads dictionaries, where the last one stands for all."""
    poses = {"kind": "keypoints", "categories": 1} if kind == "keypoints" else {"categories": 3}
    truth = generate.dataset(20, 5, **poses)
    found = generate.detections(truth, kind=kind, per_image=10, seed=5)
    expected = meanap.evaluate(truth, found, kind)
    for row, annotation in enumerate(truth["annotations"]):
        # With 0 also those of an object that pycocotools never finds.
        annotation["id"] = row % distinct + 1 if distinct else row % 3
    paths = tmp_path / "truth.json", tmp_path / "found.json"
    for path, content in zip(paths, (truth, found), strict=True):
        path.write_text(json.dumps(content))
    assert TruthFile(paths[0], kind).columns is not None
    in_shards = {"memory_limit": "40 kB"}
    for sides, options in (((truth, found), {}), (paths, {}), (paths, in_shards)):
        assert dict(meanap.evaluate(*sides, kind, **options)) == pytest.approx(dict(expected), nan_ok=True, abs=0)
    results = [meanap.evaluate(*sides, kind, zero_id_unmatched=True) for sides in ((truth, found), paths)]
    assert str(results[0]) == str(results[1]) and (results[0].ap == expected.ap) == bool(distinct)
    assert str(results[0].errors()) == str(results[1].errors())
    assert [meanap.check(*sides).row(code="duplicate-id")["count"] for sides in ((truth, found), paths)] == [
        distinct or 3
    ] * 2
