"""Sources of any format over a cluster: the table that workers get, and the numbers of one process."""

import csv
import json

import numpy as np
import pytest

import meanap
from meanap import generate

pa = pytest.importorskip("pyarrow", reason="the contract is about Arrow tables")
from meanap import distributed  # noqa: E402
from meanap.distributed import Plan, accumulate_group, from_curves, match_batch, table_of  # noqa: E402
from meanap.readers import Options  # noqa: E402


def shards(table, plan, count=3):
    """The curves of shards of images."""
    ids = {id: number % count for number, id in enumerate(table["image_id"].unique().to_pylist())}
    of_row = np.array([ids[id] for id in table["image_id"].to_pylist()])
    rows = [match_batch(table.filter(pa.array(of_row == shard)), plan) for shard in range(count)]
    return from_curves(accumulate_group(pa.concat_tables(rows[::-1]), plan), plan)


def same(found, expected):
    np.testing.assert_array_equal(list(found.values()), list(expected.values()))


def coco(folder):
    truth = generate.dataset(12, 5, categories=4, crowds=0.1)
    found = generate.detections(truth, per_image=10, seed=5)
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "found.json").write_text(json.dumps(found))
    return folder / "truth.json", folder / "found.json"


def lists(folder):
    truth, found = (json.loads(path.read_text()) for path in coco(folder))
    targets, preds = [], []
    for image in truth["images"]:
        for items, records, more in ((targets, truth["annotations"], ()), (preds, found, ("score",))):
            own = [r for r in records if r["image_id"] == image["id"]]
            boxes = [[x, y, x + w, y + h] for x, y, w, h in (r["bbox"] for r in own)]
            item = {"boxes": np.array(boxes).reshape(-1, 4), "labels": [r["category_id"] for r in own]}
            items.append(item | {f"{name}s": [r[name] for r in own] for name in more})
    return targets, preds


def named(folder):
    path, found = coco(folder)
    truth = json.loads(path.read_text())
    files = {image["id"]: image["file_name"] for image in truth["images"]}
    names = {category["id"]: category["name"] for category in truth["categories"]}
    with open(folder / "found.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "category", "score", "x", "y", "w", "h"])
        for r in json.loads(found.read_text()):
            writer.writerow([files[r["image_id"]], names[r["category_id"]], r["score"], *r["bbox"]])
    return path, folder / "found.csv"


def of_format(name):
    return lambda folder: generate.write_format(folder / name, name, images=10, seed=2)


SOURCES = {name: of_format(name) for name in ("yolo", "voc", "kitti", "labelme")} | {
    "coco": coco,
    "lists": lists,
    "names": named,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("protocol", ["coco", "voc2012"])
def test_the_table_of_each_format_has_the_bits_of_one_process(source, protocol, tmp_path):
    sides = SOURCES[source](tmp_path)
    plan = Plan.of("bbox", protocol, score_range=None)
    same(shards(table_of(*sides, plan), plan), meanap.evaluate(*sides, protocol=protocol))


@pytest.mark.parametrize("similarity", ["segm", "keypoints", "boundary", "rotated"])
@pytest.mark.parametrize("boxes", [False, True])
def test_each_geometry_is_sent(similarity, boxes, tmp_path):
    if similarity == "rotated":
        truth, found = generate.write_rotated(tmp_path, images=6, seed=2)
    else:
        kind = "keypoints" if similarity == "keypoints" else "instances"
        truth = generate.dataset(6, 2, kind=kind, crowds=0.1)
        found = generate.detections(truth, "segm" if similarity == "boundary" else similarity, seed=2, boxes=boxes)
    plan = Plan.of(similarity, "coco", score_range=None)
    same(shards(table_of(truth, found, plan), plan), meanap.evaluate(truth, found, similarity))


def test_areas_of_images_are_sent(tmp_path):
    sides = SOURCES["coco"](tmp_path)
    changes = {"size": "fraction", "area_ranges": {"all": (0, 1), "small": (0, 0.01)}}
    plan = Plan.of("bbox", "coco", **changes)
    same(shards(table_of(*sides, plan), plan), meanap.evaluate(*sides, **changes))


def test_one_side_or_both_may_be_empty():
    truth = generate.dataset(3, 1)
    plan = Plan.of("bbox", "coco")
    nothing = {**truth, "annotations": []}
    found = generate.detections(truth, seed=1)
    for sides in ((truth, []), (nothing, found), (nothing, [])):
        table = table_of(*sides, plan)
        assert table.num_rows == len(sides[0]["annotations"]) + len(sides[1])
        expected = meanap.evaluate(*sides)
        np.testing.assert_equal(shards(table, plan, 1)["ap"] if table.num_rows else np.nan, expected["ap"])


def test_what_cannot_be_sent_says_so(tmp_path):
    truth, found = SOURCES["coco"](tmp_path)
    plan = Plan.of("bbox", "coco")
    records = json.loads(found.read_text())
    with pytest.raises(meanap.InputError, match="swapped"):
        table_of(found, truth, plan)
    with pytest.raises(meanap.InputError, match=r'record 3: "image_id" is 77777777, which is not in the ground truth'):
        table_of(truth, [{**r, "image_id": 77777777} if i == 3 else r for i, r in enumerate(records)], plan)
    with pytest.raises(meanap.InputError, match=r"cannot be sent to workers: a column of Arrow holds integers of 64"):
        table_of(
            [{"boxes": [[0, 0, 1, 1]], "labels": [1], "image_id": id} for id in ("a", 1)],
            [{"boxes": [[0, 0, 1, 1]], "labels": [1], "scores": [0.5], "image_id": id} for id in ("a", 1)],
            plan,
        )
    with pytest.raises(meanap.InputError, match=r"engine is needed|engine.*'ray' or 'spark'"):
        distributed.evaluate(truth, detections=found)
    with pytest.raises(meanap.InputError, match=r"dataset.*found a str.*detections= and engine="):
        distributed.evaluate(str(truth))
    with pytest.warns(UserWarning, match="1 left out"):
        spoilt = [{**r, "bbox": [0, 0, -1, 1]} if i == 3 else r for i, r in enumerate(records)]
        table = table_of(truth, spoilt, plan, Options(on_error="skip"))
    kept = [r for i, r in enumerate(records) if i != 3]
    same(shards(table, plan), meanap.evaluate(truth, kept))


def test_faults_of_data_frames_are_named():
    pandas = pytest.importorskip("pandas")
    truth = pandas.DataFrame({"image_id": [1], "category_id": [1], "x1": [0.0], "y1": [0.0], "x2": [5.0], "y2": [5.0]})
    with pytest.raises(meanap.InputError, match='row 0: "score" is 2'):
        table_of(truth, truth.assign(score=[2.0]), Plan.of())


@pytest.mark.parametrize("side", ["ground truth", "detections"])
def test_the_first_of_several_faults_is_that_of_evaluate(side):
    truth = generate.dataset(5, 4, categories=3)
    found = generate.detections(truth, per_image=5, seed=4)
    records = found if side == "detections" else truth["annotations"]
    for at, fault in enumerate([{"bbox": [1, 1, -2, 3]}, {"image_id": 10**7}, {"category_id": None}]):
        records[4 + at].update(fault)
    told = []
    for ask in (meanap.evaluate, lambda *sides: table_of(*sides, Plan.of("bbox", "coco"))):
        with pytest.raises(meanap.InputError, match="record 4: ") as caught:
            ask(truth, found)
        told.append((str(caught.value), caught.value.code))
    assert told[0] == told[1]


def test_keywords_that_are_none_name_those_that_were_meant():
    for call, keyword, meant in (
        (distributed.evaluate, "engin", "engine"),
        (distributed.evaluate, "iou_type", "similarity"),
        (distributed.evaluate, "maxDets", "max_detections"),
        (distributed.confusion, "iou_threshold", "iou"),
    ):
        with pytest.raises(TypeError, match=f"unexpected keyword '{keyword}'; did you mean '{meant}'"):
            call(None, **{keyword: 1})


def every_way(of_table, truth, found, engine):
    """Both sides read here, one of them with the engine, and both."""
    plan = Plan.of("bbox", "coco", score_range=None)
    table = table_of(truth, found, plan).drop_columns(["order"])
    is_truth = pa.compute.is_null(table["score"])
    ours, theirs = (
        table.filter(is_truth),
        table.filter(pa.compute.invert(is_truth)).drop_columns(["iscrowd", "exact_area"]),
    )
    expected = meanap.evaluate(truth, found)
    for sides in (
        (truth, found),
        (of_table(ours), found),
        (truth, of_table(theirs)),
        (of_table(ours), of_table(theirs)),
    ):
        result = distributed.evaluate(sides[0], detections=sides[1], engine=engine, shards=2)
        same(result, expected)
    assert distributed.evaluate(truth, detections=found, engine=engine).per_class["category"] == [
        *expected.per_class["category"]
    ]
    # One image more, which has no rows.
    data = json.loads(truth.read_text())
    images = [*data["images"], {**data["images"][0], "id": 10**6}]
    for keep_matches in (False, True):
        for sides, ids in (
            (({**data, "images": images}, found), None),
            ((of_table(ours), of_table(theirs)), [image["id"] for image in images]),
        ):
            given = {"detections": sides[1], "engine": engine, "image_ids": ids, "keep_matches": keep_matches}
            assert distributed.evaluate(sides[0], **given).scores.image_count == len(images)
    confusion = distributed.confusion(truth, detections=found, engine=engine, score=0.3)
    np.testing.assert_array_equal(confusion.matrix, expected.confusion(score=0.3).matrix)


def test_ray(tmp_path, ray):
    every_way(ray.data.from_arrow, *SOURCES["coco"](tmp_path), "ray")


def test_spark(tmp_path, spark):
    every_way(spark.createDataFrame, *SOURCES["coco"](tmp_path), "spark")
