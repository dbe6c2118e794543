"""Regions to ignore: a detection in one that matches nothing is no false positive."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import meanap
from meanap import generate
from meanap.cli import main


@pytest.fixture(scope="module")
def data():
    truth = generate.dataset(30, 4, crowds=0)
    found = list(generate.detections(truth, per_image=25, seed=4))
    for image in truth["images"][::2]:
        width, height = image["width"], image["height"]
        image["unlabelled"] = [[0, 0, width / 2, 0, width / 2, height, 0, height]]
    return truth, found


def reference(truth, found, threshold):
    """pycocotools' numbers at one threshold, with a crowd of each category in the place of each region."""
    crowds = []
    for image in truth["images"]:
        for polygon in image.get("unlabelled", ()):
            corners = np.array(polygon).reshape(-1, 2)
            box = [*corners.min(axis=0), *np.ptp(corners, axis=0)]
            for category in truth["categories"]:
                record = {"image_id": image["id"], "category_id": category["id"], "bbox": box, "iscrowd": 1}
                crowds.append({**record, "area": box[2] * box[3], "id": 10**6 + len(crowds)})
    dataset = COCO()
    with contextlib.redirect_stdout(io.StringIO()):
        dataset.dataset = {**truth, "annotations": [*truth["annotations"], *crowds]}
        dataset.createIndex()
        evaluation = COCOeval(dataset, dataset.loadRes(found), "bbox")
        evaluation.params.iouThrs = np.array([threshold])
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"]


def test_numbers_are_those_of_crowds_in_their_place(data, tmp_path):
    truth, found = data
    # A crowd is matched by half of a detection's box where the threshold is a half.
    expected = reference(truth, found, 0.5)
    plain = meanap.evaluate(truth, found, thresholds=[0.5])
    paths = [tmp_path / name for name in ("truth.json", "found.json")]
    for path, content in zip(paths, data, strict=True):
        path.write_text(json.dumps(content))
    regions = {image["id"]: image["unlabelled"] for image in truth["images"] if "unlabelled" in image}
    for sides, given in (
        (data, "unlabelled"),
        (data, regions),
        ((str(paths[0]), str(paths[1])), "unlabelled"),
        ((str(paths[0]), str(paths[1])), {id: [np.reshape(p, (-1, 2)) for p in some] for id, some in regions.items()}),
    ):
        result = meanap.evaluate(*sides, thresholds=[0.5], ignore_regions=given)
        curves = result.scores.curves.precision
        np.testing.assert_array_equal(curves, expected)
        assert result.ap > plain.ap
        kinds = result.errors().counts
        assert sum(kinds.values()) < sum(plain.errors().counts.values())
    shards = meanap.evaluate(*map(str, paths), thresholds=[0.5], ignore_regions="unlabelled", memory_limit="1 MB")
    assert dict(shards) == dict(result)
    masks = meanap.evaluate(truth, found, thresholds=[0.5], image_ids=list(regions), ignore_regions=regions)
    assert masks.ap != result.ap


def test_lists_have_regions_by_position_or_field():
    found = [{"boxes": [[0, 0, 10, 10], [50, 50, 60, 60]], "labels": [1, 1], "scores": [0.5, 0.9]}] * 2
    region = [[45, 45, 70, 45, 70, 70, 45, 70]]
    truth = [{"boxes": [[0, 0, 10, 10]], "labels": [1], "blind": region}, {"boxes": [[0, 0, 10, 10]], "labels": [1]}]
    plain, by_field, by_position = (
        meanap.evaluate(truth, found, ignore_regions=given).per_image(score=0)["false_positives"].tolist()
        for given in (None, "blind", {0: region})
    )
    assert plain == [1, 1] and by_field == by_position
    assert sorted(by_field) == [0, 1]


def as_batches(truth, found, size):
    """The images in batches, with regions in the field `unlabelled`; and these alone."""
    images = sorted(truth["images"], key=lambda image: image["id"])
    records = {image["id"]: ([], []) for image in images}
    for side, several in enumerate((truth["annotations"], found)):
        for record in several:
            records[record["image_id"]][side].append(record)
    preds, targets = [], []
    for image in images:
        objects, detections = records[image["id"]]
        targets.append({**columns(objects, "area"), "image_id": image["id"], "unlabelled": image.get("unlabelled")})
        preds.append({**columns(detections), "scores": [record["score"] for record in detections]})
    parts = [slice(start, start + size) for start in range(0, len(images), size)]
    return [(preds[part], targets[part], [item["unlabelled"] for item in targets[part]]) for part in parts]


def columns(records, *others):
    boxes = np.array([record["bbox"] for record in records]).reshape(-1, 4)
    names = {"labels": "category_id", **{name: name for name in others}}
    return {"boxes": boxes, **{name: [record[field] for record in records] for name, field in names.items()}}


def test_metric_objects_have_the_bits_of_one_evaluation(data):
    expected = meanap.evaluate(*data, ignore_regions="unlabelled")
    assert expected.ap > meanap.evaluate(*data).ap
    by_id = {image["id"]: image["unlabelled"] for image in data[0]["images"] if "unlabelled" in image}
    settings = {"box_format": "xywh", "errors": 0.5}
    named = meanap.MeanAveragePrecision(**settings, ignore_regions="unlabelled")
    positions, ids = meanap.MeanAveragePrecision(**settings), meanap.MeanAveragePrecision(**settings)
    for preds, targets, regions in as_batches(*data, 7):
        named.update(preds, targets)
        positions.update(preds, targets, ignore_regions=regions)
        ids(preds, targets, ignore_regions=by_id)
    first, *others = as_batches(*data, 13)
    ranks = [meanap.MeanAveragePrecision(**settings, ignore_regions="unlabelled") for _ in (first, *others)]
    for rank, (preds, targets, _) in zip(ranks, (first, *others), strict=True):
        rank.update(preds, targets)
    merged = ranks[0].merge(*(meanap.MeanAveragePrecision.from_state(rank.state()) for rank in ranks[1:]))
    for metric in (named, positions, ids, merged):
        result = metric.result()
        # The metric knows only categories that objects have.
        there = np.isin(expected.category_ids, result.category_ids)
        curves = expected.scores.curves.precision[:, :, there]
        np.testing.assert_array_equal(result.scores.curves.precision, curves)
        assert dict(result) == dict(expected)
        assert result.errors().counts == expected.errors().counts
    assert merged.ignore_regions == "unlabelled"
    with pytest.raises(ValueError, match="different settings: ignore_regions"):
        positions.merge(named)


@pytest.mark.parametrize(
    "regions, message",
    [
        ([], "ignore_regions: of 0 images, target has 1"),
        ("blind", 'target: record 0: "blind" is missing, the field of regions to ignore'),
        ({0: []}, "a mapping of image ids needs targets with an image_id"),
        ([[[1, 2, 3, 4]]], "image 0: polygon 0: expected x and y of at least 3 corners"),
        (7, "expected a list of polygons for each image of the batch, or polygons by image id, found an int"),
    ],
)
def test_regions_of_a_batch_that_cannot_be_used_are_refused(regions, message):
    preds = [{"boxes": [[0, 0, 9, 9]], "labels": [1], "scores": [0.5]}]
    metric = meanap.MeanAveragePrecision()
    with pytest.raises(meanap.InputError) as error:
        metric.update(preds, [{"boxes": [[0, 0, 9, 9]], "labels": [1]}], ignore_regions=regions)
    assert message in str(error.value) and len(metric) == 0
    with pytest.raises(meanap.InputError, match="ignore_regions: found a dict, expected the name of a field"):
        meanap.MeanAveragePrecision(ignore_regions={})


@pytest.mark.parametrize(
    "given, message",
    [
        ("blind", "no image has a field 'blind'"),
        ({10**7: []}, "no image 10000000"),
        ({4: [[1, 2, 3, 4]]}, "image 4: polygon 0: expected x and y of at least 3 corners, found 4 numbers"),
        ({4: [1, 2, 3, 4, 5, 6]}, "image 4: expected a list of polygons, found the numbers of one"),
        ({4: [[0, 0, 1, 1, 2, float("nan")]]}, "image 4: polygon 0: it has a NaN or infinite number"),
        ({4: "x"}, "image 4: expected a list of polygons, found 'x'"),
        ({1.5: []}, "expected image ids, found 1.5"),
        ([1], "expected polygons by image id, or the name of a field of the images, found a list"),
    ],
)
def test_regions_that_cannot_be_used_are_refused(data, given, message):
    with pytest.raises(meanap.InputError) as error:
        meanap.evaluate(*data, ignore_regions=given)
    assert str(error.value).startswith("ignore_regions: ") and message in str(error.value)


def test_masks_and_poses_are_ignored_by_their_boxes_and_rotated_boxes_refused():
    square = [[10, 10, 20, 10, 20, 20, 10, 20]]
    images, categories = [{"id": 1, "width": 50, "height": 50}], [{"id": 1, "name": "a"}]
    common = {"image_id": 1, "category_id": 1, "iscrowd": 0, "id": 1, "area": 16, "bbox": [0, 0, 4, 4]}
    pose = np.array([[1, 1, 2], [3, 3, 2]] + [[0, 0, 0]] * 15)
    truth = {**common, "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4]], "keypoints": pose.ravel().tolist()}
    truth = {"images": images, "categories": categories, "annotations": [{**truth, "num_keypoints": 2}]}
    far = np.array([[11, 11, 2], [19, 19, 2]] + [[15, 15, 2]] * 15).ravel().tolist()
    found = [
        {"image_id": 1, "category_id": 1, "score": 0.9, "segmentation": {"size": [50, 50], "counts": [510, 10, 1980]}},
        {"image_id": 1, "category_id": 1, "score": 0.9, "keypoints": far},
    ]
    for kind, one in zip(("segm", "keypoints"), found, strict=True):
        counts = [
            meanap.evaluate(truth, [one], kind, ignore_regions=regions).per_image(score=0)["false_positives"][0]
            for regions in (None, {1: square})
        ]
        assert counts == [1, 0], kind
    rotated = [{"boxes": [[5, 5, 4, 4, 0]], "labels": [1]}]
    with pytest.raises(ValueError, match="regions are of boxes, masks and keypoints"):
        meanap.evaluate(rotated, [{**rotated[0], "scores": [0.5]}], "rotated", ignore_regions={0: square})


def test_commands_take_the_field_of_the_regions(data, tmp_path, capsys):
    paths = [str(tmp_path / name) for name in ("truth.json", "found.json")]
    for path, content in zip(paths, data, strict=True):
        Path(path).write_text(json.dumps(content))
    out = tmp_path / "out.json"
    for more in ([], ["--categories", "person,car"]):
        assert main(["eval", *paths, "--ignore-regions", "unlabelled", "--json", str(out), *more]) == 0
        expected = meanap.evaluate(*paths, ignore_regions="unlabelled", categories=more[1].split(",") if more else None)
        assert json.loads(out.read_text())["stats"]["AP"] == expected.ap
    assert main(["compare", *paths, paths[1], "--ignore-regions", "unlabelled", "--resamples", "5"]) == 0
    page = str(tmp_path / "page.html")
    assert main(["report", *paths, "--ignore-regions", "unlabelled", "--resamples", "5", "-o", page]) == 0
    assert main(["eval", *paths, "--ignore-regions", "blind", "--quiet"]) == 1
    assert "ignore_regions: no image has a field 'blind'" in capsys.readouterr().err


@pytest.mark.parametrize(("width", "ap"), [(10.0, 1.0), (9.99, 0.5)])
def test_half_of_a_box_is_in_a_region(width, ap):
    truth = {
        "images": [{"id": 1, "height": 50, "width": 50}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [30, 30, 9, 9], "area": 81, "iscrowd": 0}],
    }
    result = {"image_id": 1, "category_id": 1}
    found = [{**result, "bbox": [0, 0, 20, 10], "score": 0.9}, {**result, "bbox": [30, 30, 9, 9], "score": 0.8}]
    regions = {1: [[0, 0, width, 0, width, 20, 0, 20]]}
    assert meanap.evaluate(truth, found, ignore_regions=regions).ap == pytest.approx(ap)
