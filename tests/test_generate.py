"""The generated data sets: right in form, spread like COCO's, the same for the same seed."""

import json
from collections import Counter

import numpy as np
import pytest

import meanap
from meanap import generate
from meanap.compat.pycocotools import mask
from meanap.generate.scenes import share


@pytest.fixture(scope="module")
def truth():
    return generate.dataset(images=300, seed=3)


@pytest.fixture(scope="module")
def persons():
    return generate.dataset(images=300, seed=3, kind="keypoints", objects=4)


def test_same_seed_same_data_and_another_seed_other_data(truth):
    assert generate.dataset(images=300, seed=3) == truth
    assert generate.dataset(images=300, seed=4) != truth
    first = generate.detections(truth, seed=3)
    assert generate.detections(truth, seed=3) == first
    assert generate.detections(truth, seed=4) != first


def test_counts_are_exact(truth):
    assert len(truth["images"]) == 300
    assert len(truth["annotations"]) == 300 * 8
    assert len(truth["categories"]) == 80
    assert len(generate.detections(truth, per_image=7.5)) == 300 * 7.5


def test_ids_are_distinct_and_refer_to_what_exists(truth):
    for table in ("images", "annotations", "categories"):
        ids = [entry["id"] for entry in truth[table]]
        assert len(set(ids)) == len(ids) and min(ids) >= 1
    images, categories = ({entry["id"] for entry in truth[table]} for table in ("images", "categories"))
    assert len({entry["name"] for entry in truth["categories"]}) == 80
    for entry in truth["annotations"] + generate.detections(truth):
        assert entry["image_id"] in images and entry["category_id"] in categories


def test_objects_are_spread_as_in_coco():
    areas = np.array([entry["area"] for entry in generate.dataset(images=2000, seed=0)["annotations"]])
    assert 0.36 < (areas < 32**2).mean() < 0.52
    assert 0.15 < (areas > 96**2).mean() < 0.30
    counts = Counter(entry["category_id"] for entry in generate.dataset(images=2000, seed=0)["annotations"])
    assert 0.25 < counts[1] / len(areas) < 0.45
    assert min(counts.values()) < 30


def test_outlines_fill_their_boxes_and_stay_within_the_image(truth):
    sizes = {image["id"]: (image["width"], image["height"]) for image in truth["images"]}
    ring_counts = Counter()
    for entry in truth["annotations"]:
        if entry["iscrowd"]:
            continue
        ring_counts[len(entry["segmentation"])] += 1
        assert all(10 <= len(ring) / 2 <= 60 for ring in entry["segmentation"])
        points = np.concatenate(entry["segmentation"]).reshape(-1, 2)
        low, high = points.min(0), points.max(0)
        assert (low >= 0).all() and (high <= sizes[entry["image_id"]]).all()
        assert np.allclose([*low, *(high - low)], entry["bbox"], atol=1e-9)
        assert 0 < entry["area"] <= entry["bbox"][2] * entry["bbox"][3] + 1e-6
    assert set(ring_counts) == {1, 2, 3}


def test_areas_of_rings_are_added_from_left_to_right_on_each_python():
    data = generate.dataset(images=150, seed=2)
    several = [record for record in data["annotations"] if not record["iscrowd"] and len(record["segmentation"]) > 2]
    assert len(several) > 10
    for record in several:
        area = 0.0
        for ring in record["segmentation"]:
            points = np.array(ring).reshape(-1, 2)
            (x, y), (ahead, below) = points.T, np.roll(points, -1, axis=0).T
            area += abs(np.add.reduceat(x * below - ahead * y, [0])[0]) / 2
        assert record["area"] == area


def test_crowds_are_whole_run_length_masks(truth):
    sizes = {image["id"]: [image["height"], image["width"]] for image in truth["images"]}
    crowds = [entry for entry in truth["annotations"] if entry["iscrowd"]]
    assert crowds
    for entry in crowds:
        counts, (height, width) = entry["segmentation"]["counts"], entry["segmentation"]["size"]
        assert [height, width] == sizes[entry["image_id"]]
        assert sum(counts) == height * width and min(counts[1:]) > 0
        mask = np.repeat(np.arange(len(counts)) % 2, counts).reshape(width, height)
        assert entry["area"] == mask.sum()
        columns, rows = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert entry["bbox"] == [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]


def test_poses_are_whole(persons):
    labelled = 0
    for entry in persons["annotations"]:
        joints = np.array(entry["keypoints"]).reshape(17, 3)
        assert entry["category_id"] == 1 and set(joints[:, 2]) <= {0, 1, 2}
        assert entry["num_keypoints"] == (joints[:, 2] > 0).sum()
        assert not joints[joints[:, 2] == 0].any()
        labelled += entry["num_keypoints"] > 0
    assert 0.4 < labelled / len(persons["annotations"]) < 0.8
    assert len(persons["categories"][0]["keypoints"]) == 17


def test_persons_are_those_of_the_whole_scenes(truth):
    alone = generate.dataset(images=300, seed=3, kind="keypoints")
    boxes = [entry["bbox"] for entry in truth["annotations"] if entry["category_id"] == 1]
    assert [entry["bbox"] for entry in alone["annotations"]] == boxes
    assert alone["images"] == truth["images"]


def test_boxes_are_within_their_image_and_single_precision(truth):
    sizes = {image["id"]: (image["width"], image["height"]) for image in truth["images"]}
    for entry in generate.detections(truth):
        x, y, width, height = entry["bbox"]
        assert 0 <= x and 0 <= y and width > 0.9 and height > 0.9
        across, down = sizes[entry["image_id"]]
        assert x + width <= across + 1e-3 and y + height <= down + 1e-3
        assert 0 < entry["score"] < 1
        assert all(float(np.float32(number)) == number for number in [*entry["bbox"], entry["score"]])


def test_decimals_round(truth):
    for entry in generate.detections(truth, decimals=2):
        assert all(round(number, 2) == number for number in [*entry["bbox"], entry["score"]])


def test_scores_fall_within_an_image_and_most_are_low(truth):
    found = generate.detections(truth, per_image=60)
    order = {image["id"]: index for index, image in enumerate(truth["images"])}
    keys = [(order[entry["image_id"]], -entry["score"]) for entry in found]
    assert keys == sorted(keys)
    scores = np.array([entry["score"] for entry in found])
    assert np.median(scores) < 0.1 and (scores > 0.5).mean() > 0.02


def test_no_image_has_more_than_the_detector_gives(truth):
    at_most = Counter(entry["image_id"] for entry in generate.detections(truth, per_image=86))
    assert max(at_most.values()) == 100
    queries = Counter(entry["image_id"] for entry in generate.detections(truth, per_image=300))
    assert set(queries.values()) == {300}


def test_array_holds_the_same_as_the_records(truth):
    array = generate.detect(truth).array()
    records = generate.detections(truth)
    assert array.shape == (len(records), 7) and array.dtype == np.float64
    assert [[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in records] == array.tolist()


def test_masks_are_compressed_and_of_the_images_size(truth):
    sizes = {image["id"]: [image["height"], image["width"]] for image in truth["images"]}
    found = generate.detections(truth, kind="segm", per_image=10)
    boxes = generate.detections(truth, per_image=10)
    assert [(e["image_id"], e["score"]) for e in found] == [(e["image_id"], e["score"]) for e in boxes]
    for entry, box in zip(found, boxes, strict=True):
        rle = entry["segmentation"]
        assert rle["size"] == sizes[entry["image_id"]] and isinstance(rle["counts"], str)
        x, y, width, height = mask.toBbox(rle)
        bx, by, bwidth, bheight = box["bbox"]
        astray = 2 + 0.06 * max(bwidth, bheight)
        assert x >= bx - astray and x + width <= bx + bwidth + astray
        assert y >= by - astray and y + height <= by + bheight + astray
    assert np.mean([mask.area(entry["segmentation"]) > 0 for entry in found]) > 0.95


def test_poses_have_seventeen_joints(persons):
    found = generate.detections(persons, kind="keypoints", per_image=4)
    assert len(found) == 1200
    assert all(len(entry["keypoints"]) == 51 and "bbox" not in entry for entry in found)


def test_boxes_beside_other_kinds_are_those_of_the_boxes(persons):
    poses = generate.detections(persons, kind="keypoints", per_image=4, boxes=True)
    boxes = generate.detections(persons, per_image=4)
    assert [{**pose, "keypoints": 0} for pose in poses] == [{**box, "keypoints": 0} for box in boxes]


@pytest.mark.parametrize("kind", ["bbox", "keypoints"])
def test_files_hold_the_same_as_the_records(tmp_path, persons, kind):
    generate.write_dataset(tmp_path / "truth.json", persons)
    generate.write_detections(tmp_path / "found.json", persons, kind, per_image=90, seed=5)
    assert json.loads((tmp_path / "truth.json").read_text()) == persons
    expected = generate.detections(persons, kind, per_image=90, seed=5)
    assert len(expected) > 20_000  # more than one stretch
    assert json.loads((tmp_path / "found.json").read_text()) == expected


def test_nothing_to_draw(tmp_path):
    empty = generate.dataset(images=0)
    assert empty["images"] == empty["annotations"] == [] == generate.detections(empty)
    assert generate.detect(empty).array().shape == (0, 7)
    bare = generate.dataset(images=5, objects=0)
    assert len(generate.detections(bare, per_image=3)) == 15
    assert json.loads(generate.write_detections(tmp_path / "none.json", bare, per_image=0).read_text()) == []


def test_wrong_arguments_are_named(truth):
    with pytest.raises(ValueError, match="kind is 'boxes'"):
        generate.detections(truth, kind="boxes")
    with pytest.raises(ValueError, match="no poses"):
        generate.detections(truth, kind="keypoints")
    with pytest.raises(ValueError, match="only boxes can be an array"):
        generate.detect(truth, "segm").array()
    with pytest.raises(ValueError, match="kind is"):
        generate.dataset(kind="panoptic")
    with pytest.raises(ValueError, match="images: expected a whole number of at least 0, found -1"):
        generate.dataset(images=-1)


@pytest.mark.parametrize("limit", [np.inf, 5, 3])
def test_share_is_exact_and_keeps_the_limit(limit):
    weights = np.random.default_rng(0).gamma(1, size=40)
    parts = share(weights, 110, limit)
    assert parts.sum() == 110 and parts.min() >= 0 and parts.max() <= limit
    assert share(weights, 500, 3).tolist() == [3] * 40


def test_boxes_alone():
    truth = generate.dataset(images=50, seed=5, kind="boxes", objects=10, categories=365)
    assert len(truth["annotations"]) == 500 and len(truth["categories"]) == 365
    for annotation in truth["annotations"]:
        assert sorted(annotation) == ["area", "bbox", "category_id", "id", "image_id", "iscrowd"]
        assert annotation["area"] == pytest.approx(annotation["bbox"][2] * annotation["bbox"][3], abs=1e-3)
    assert generate.detections(truth, per_image=7)


def test_a_format_that_cannot_be_written_is_told_with_the_one_that_was_meant(tmp_path):
    with pytest.raises(
        meanap.InputError, match="format: expected one of yolo, .*, found 'yol'; did you mean 'yolo'[?]"
    ):
        generate.write_format(tmp_path, "yol")
    with pytest.raises(meanap.InputError, match="format: expected one of yolo, .*; the folder comes first"):
        generate.write_format("yolo", tmp_path)
