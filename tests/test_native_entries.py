"""The same records give the same numbers, or the same error, through every entry of the native API."""

import copy
import json
import math
import re
import warnings

import numpy as np
import pytest
from test_native_coco import reference
from thorough import some

import meanap
from meanap import generate

KINDS = ("bbox", "segm", "boundary", "keypoints")
SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]


def data(kind):
    """A small data set, and results that find most of it; its second record is the one that is changed."""
    images = [{"id": i, "height": 100, "width": 120, "file_name": f"{i}.jpg"} for i in (1, 2, 3)]
    annotations, results = [], []
    for i in range(6):
        x, side = 10 + 3 * i, 20 + 16 * i
        annotation = {
            "id": i + 1,
            "image_id": 1 + i % 3,
            "category_id": 1 + i % 2,
            "bbox": [x, 10.5, side, side],
            "area": side * side - 7,
            "iscrowd": int(i == 4),
        }
        result = {
            "image_id": annotation["image_id"],
            "category_id": annotation["category_id"],
            "bbox": [x + 1, 10.5, side, side],
            "score": 0.9 - i / 10,
        }
        if kind in ("segm", "boundary"):
            annotation["segmentation"] = [ring(x, 10.5, side)]
            result["segmentation"] = [ring(x + 1, 10.5, side)]
        if kind == "keypoints":
            annotation |= {"keypoints": [x, 12, 2] * 16 + [x + 2, 15, 1], "num_keypoints": 17}
            result["keypoints"] = [x + 1.5, 12, 1] * 17
        annotations.append(annotation)
        results.append(result)
    categories = [{"id": 1, "name": "nut", "frequency": "r"}, {"id": 2, "name": "bolt", "frequency": "f"}]
    return {"images": images, "annotations": annotations, "categories": categories}, results


def ring(x, y, side):
    return [x, y, x + side, y, x + side, y + side, x, y + side]


def entries(folder, truth, results, kind, **options):
    """What every entry makes of the same records: numbers, or an error."""
    paths = folder / "truth.json", folder / "found.json"
    for path, value in zip(paths, (truth, results), strict=True):
        path.write_text(json.dumps(value), encoding="utf-8")
    sides = {
        "dict, list": (truth, results),
        "file, file": paths,
        "file, list": (paths[0], results),
        "dict, file": (truth, paths[1]),
        "shards": (*paths, "memory_limit"),
        "one shard": (*paths, "memory_limit"),
    }
    answers = {}
    for name, (a, b, *limited) in sides.items():
        limits = {"memory_limit": 3000 if name == "shards" else 10**9} if limited else {}
        before = copy.deepcopy((a, b))
        answers[name] = answer(lambda: meanap.evaluate(a, b, kind, **options, **limits))  # noqa: B023
        assert repr((a, b)) == repr(before), f"{name}: the records were changed"
    return answers


def answer(evaluate):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            numbers = evaluate().to_dict()
        except (TypeError, ValueError) as problem:
            return type(problem), str(problem)
    return {
        **numbers,
        "warnings": sorted({str(warning.message) for warning in told if warning.category is UserWarning}),
    }


def by_the_reference(truth, results, kind):
    """The reference's numbers; None where it fails."""
    pytest.importorskip("pycocotools.cocoeval")
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return reference(copy.deepcopy(truth), copy.deepcopy(results), kind).stats.tolist()
    except Exception:
        return None


#: What a field is changed to, given what it was.
CHANGES = {
    "null": lambda value: None,
    "text": lambda value: "x",
    "text number": lambda value: "1",
    "true": lambda value: True,
    "false": lambda value: False,
    "zero": lambda value: 0,
    "one": lambda value: 1,
    "two": lambda value: 2,
    "negative": lambda value: -1,
    "half": lambda value: 0.5,
    "whole float": lambda value: float(value) if isinstance(value, (int, float)) else 3.0,
    "NaN": lambda value: math.nan,
    "infinity": lambda value: math.inf,
    "huge": lambda value: 2**70,
    "too huge": lambda value: 10**400,
    "small": lambda value: 1e-300,
    "empty list": lambda value: [],
    "empty dictionary": lambda value: {},
    "deeper": lambda value: [value],
    "deeper still": lambda value: [[value]],
    "one too short": lambda value: value[:-1] if isinstance(value, list) else [],
    "one too long": lambda value: [*value, 1] if isinstance(value, list) else [value, value],
    "pairs": lambda value: [value[i : i + 2] for i in range(0, len(value), 2)] if isinstance(value, list) else [value],
    "triples": lambda value: [value[i : i + 3] for i in range(0, len(value), 3)] if isinstance(value, list) else 7,
    "text inside": lambda value: [*value[:-1], "3"] if isinstance(value, list) else ["3"],
    "null inside": lambda value: [*value[:-1], None] if isinstance(value, list) else [None],
    "flag inside": lambda value: [*value[:-1], True] if isinstance(value, list) else [True],
    "NaN inside": lambda value: [*value[:-1], math.nan] if isinstance(value, list) else [math.nan],
    "infinity inside": lambda value: [*value[:-1], math.inf] if isinstance(value, list) else [math.inf],
    "negative inside": lambda value: [*value[:-1], -3] if isinstance(value, list) else [-3],
    "huge inside": lambda value: [*value[:-1], 2**70] if isinstance(value, list) else [2**70],
}
MISSING = object()

FIELDS = {
    "annotations": ["id", "image_id", "category_id", "bbox", "area", "iscrowd"],
    "results": ["image_id", "category_id", "bbox", "score"],
    "images": ["id", "height", "width"],
    "categories": ["id", "name", "frequency"],
}
OF_KIND = {
    "segm": {"annotations": ["segmentation"], "results": ["segmentation"]},
    "boundary": {"annotations": ["segmentation"], "results": ["segmentation"]},
    "keypoints": {"annotations": ["keypoints", "num_keypoints"], "results": ["keypoints"]},
}
#: Segmentations as people write them.
SHAPES = {
    "run lengths": {"size": [100, 120], "counts": [1000, 500, 10500]},
    "short run lengths": {"size": [100, 120], "counts": [100, 20]},
    "long run lengths": {"size": [100, 120], "counts": [1000, 500, 90000]},
    "text": {"size": [100, 120], "counts": "PPYo0"},
    "cut text": {"size": [100, 120], "counts": "PPYo"},
    "no size": {"counts": [1000, 500, 10500]},
    "no counts": {"size": [100, 120]},
    "null counts": {"size": [100, 120], "counts": None},
    "size nested": {"size": [[100, 120]], "counts": [1000, 500, 10500]},
    "size of three": {"size": [100, 120, 3], "counts": [1000, 500, 10500]},
    "size of text": {"size": ["100", "120"], "counts": [1000, 500, 10500]},
    "counts nested": {"size": [100, 120], "counts": [[1000, 500, 10500]]},
    "counts of floats": {"size": [100, 120], "counts": [1000.0, 500.0, 10500.0]},
    "negative counts": {"size": [100, 120], "counts": [-1000, 500, 12500]},
    "more fields": {"size": [100, 120], "counts": [1000, 500, 10500], "note": 1},
    "flat": SQUARE,
    "pairs": [[10, 10], [30, 10], [30, 30]],
    "one point": [[10, 10]],
    "four numbers": [[10, 10, 30, 30]],
    "five numbers": [[10, 10, 30, 30, 7]],
    "odd": [[*SQUARE, 9]],
    "deeper": [[SQUARE]],
    "two rings": [SQUARE, [40, 40, 60, 40, 60, 60]],
    "second too short": [SQUARE, [40, 40, 60, 40]],
    "second of one": [SQUARE, [40]],
    "NaN": [[10, 10, math.nan, 10, 30, 30]],
    "text inside": [[10, 10, "30", 10, 30, 30]],
    "flag inside": [[10, 10, True, 10, 30, 30]],
    "null inside": [[10, 10, None, 10, 30, 30]],
    "ring null": [None],
    "ring empty": [[]],
}


def changed(truth, results, array, field, value, record=1):
    truth, results = copy.deepcopy(truth), copy.deepcopy(results)
    record = (results if array == "results" else truth[array])[record]
    if value is MISSING:
        record.pop(field, None)
    else:
        record[field] = value
    return truth, results


def cases(kind):
    truth, results = data(kind)
    for array, fields in FIELDS.items():
        for field in fields + OF_KIND.get(kind, {}).get(array, []):
            value = (results if array == "results" else truth[array])[1].get(field)
            yield array, field, "missing", MISSING
            for name, change in CHANGES.items():
                yield array, field, name, change(value)
            if field == "segmentation":
                for name, shape in SHAPES.items():
                    yield array, field, f"shape: {name}", shape


def names(message, array, field):
    """Whether a message says which record and field it is about."""
    if array in ("annotations", "results"):
        side = "ground_truth" if array == "annotations" else "detections"
        return message.startswith(f"{side}: record 1: ") and f'"{field}"' in message
    # A missing image or category is an error where an object refers to it.
    referred = {"images": "image_id", "categories": "category_id"}[array]
    place = re.match(rf"ground_truth: {array}: record 1: \"{field}\"|(ground_truth|detections): record 1: ", message)
    return place is not None and (f'"{field}"' in message or (field == "id" and f'"{referred}" is 2' in message))


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_field_has_one_answer(tmp_path, kind):
    truth, results = data(kind)
    whole = entries(tmp_path, truth, results, kind)
    assert all(answer == whole["dict, list"] for answer in whole.values()) and whole["dict, list"]["ap"] > 0.1
    wrong = []
    # Most faults are of fields that every kind has.
    every = 4 if kind == "bbox" else 12
    for array, field, name, value in some(list(cases(kind)), every, first=KINDS.index(kind)):
        spoilt = changed(truth, results, array, field, value)
        answers = entries(tmp_path, *spoilt, kind)
        first = answers["dict, list"]
        for entry, other in answers.items():
            if not alike(first, other):
                wrong.append(f"{array}[1][{field!r}], {name}: dict, list {brief(first)}; {entry} {brief(other)}")
        if isinstance(first, tuple) and not names(first[1], array, field):
            wrong.append(f"{array}[1][{field!r}], {name}: the message does not say where: {first}")
        # DIFFERENCE: ids of annotations are labels, they do not decide about them.
        of_ids = (array, field) == ("annotations", "id")
        failed = isinstance(first, tuple)
        theirs = None if kind == "boundary" or failed or of_ids else by_the_reference(*spoilt, kind)
        if theirs is not None:
            ours = [value for key, value in first.items() if key != "warnings"]
            if not np.array_equal(np.nan_to_num(ours, nan=-1), theirs):
                wrong.append(f"{array}[1][{field!r}], {name}: {brief(first)}; reference {theirs[:3]}")
    assert not wrong, "\n".join([str(len(wrong)), *wrong])


def alike(one, other):
    return repr(one) == repr(other)


def brief(answer):
    return answer if isinstance(answer, tuple) else {key: answer[key] for key in ("ap", "warnings")}


# Arrays, tables, lists, batches, workers


def columns(records, *names):
    return {name: [record[name] for record in records] for name in names}


def as_arrays(truth, results, kind):
    """The records as `GroundTruth` and `Detections`, a table of each, and lists of one dictionary for each image."""
    both = []
    for records, names in ((truth["annotations"], ("iscrowd", "area")), (results, ("score",))):
        names = ("image_id", "category_id", "bbox", *names)
        if kind == "keypoints":
            names += ("keypoints",) if records is results else ("keypoints", "num_keypoints")
        both.append(columns(records, *names))
    both[0]["iscrowd"] = [int(flag) for flag in both[0]["iscrowd"]]
    sides = []
    for side in both:
        fields = {
            "boxes": np.array(side["bbox"], dtype=float),
            "area": side.get("area"),
            "num_keypoints": side.get("num_keypoints"),
        }
        if kind == "keypoints":
            fields["keypoints"] = np.array(side["keypoints"], dtype=float).reshape(len(side["bbox"]), -1, 3)
        sides.append({name: value for name, value in fields.items() if value is not None})
    images = [image["id"] for image in truth["images"]]
    names = {category["id"]: category["name"] for category in truth["categories"]}
    arrays = (
        meanap.GroundTruth(
            both[0]["image_id"], both[0]["category_id"], **sides[0], crowd=both[0]["iscrowd"], box_format="xywh",
            images=images, categories=names,
        ),
        meanap.Detections(both[1]["image_id"], both[1]["category_id"], both[1]["score"], **sides[1], box_format="xywh"),
    )  # fmt: skip
    lists = []
    for side, fields in zip(both, sides, strict=True):
        lists.append([])
        for image in images:
            rows = np.flatnonzero(np.array(side["image_id"]) == image)
            of_image = {name: np.asarray(value)[rows] for name, value in fields.items()}
            of_image["labels"] = np.array(side["category_id"])[rows]
            for name, of_records in (("scores", "score"), ("iscrowd", "iscrowd")):
                if of_records in side:
                    of_image[name] = np.array(side[of_records])[rows]
            lists[-1].append(of_image)
    return both, arrays, lists


def by_workers(tables, kind):
    pa = pytest.importorskip("pyarrow")
    from meanap import distributed
    from meanap.distributed.contract import Plan, accumulate_group, match_batch

    del distributed
    table = pa.concat_tables([pa.table(table) for table in tables], promote_options="permissive")
    plan = Plan.of(kind)
    curves = accumulate_group(match_batch(table, plan), plan)
    shape = [len(plan.protocol.thresholds), len(plan.protocol.recall), len(plan.protocol.area_ranges), -1]
    precision = [np.reshape(row, shape)[:, :, 0, -1] for row in curves["precision"].to_pylist()]
    return float(np.mean([np.mean(category) for category in precision if not np.isnan(category).all()]))


@pytest.mark.parametrize("kind", ["bbox", "keypoints"])
@pytest.mark.parametrize(
    "change",
    [{}, {"iscrowd": 1}, {"area": 5000.0}, {"num_keypoints": 0}, {"num_keypoints": 3}, {"keypoints": [15, 15, 0] * 17}],
    ids=str,
)
def test_arrays_tables_lists_and_workers_give_the_numbers_of_the_records(kind, change):
    polars = pytest.importorskip("polars")
    truth, results = data(kind)
    truth["annotations"][1] |= (
        change if kind == "keypoints" or not {"num_keypoints", "keypoints"} & change.keys() else {}
    )
    whole = meanap.evaluate(truth, results, kind)
    expected = list(whole.to_dict().values())
    assert np.nan_to_num(expected, nan=-1).tolist() == by_the_reference(truth, results, kind)
    tables, arrays, (targets, preds) = as_arrays(truth, results, kind)
    assert list(meanap.evaluate(*arrays, kind).to_dict().values()) == pytest.approx(expected, abs=0, nan_ok=True)
    frames = [polars.DataFrame(table, strict=False) for table in tables]
    assert list(meanap.evaluate(*frames, kind).to_dict().values()) == pytest.approx(expected, abs=0, nan_ok=True)
    of_lists = meanap.evaluate(targets, preds, kind, box_format="xywh")
    assert list(of_lists.to_dict().values()) == pytest.approx(expected, abs=0, nan_ok=True)
    metric = meanap.MeanAveragePrecision(kind, "xywh")
    for pred, target in zip(preds, targets, strict=True):
        metric.update([pred], [target])
    assert list(metric.result().to_dict().values()) == pytest.approx(expected, abs=0, nan_ok=True)
    assert metric.compute()["map"] == whole.ap
    assert by_workers(tables, kind) == pytest.approx(whole.ap, abs=1e-12)


# What results lack


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lacking", ["bbox", "segmentation", "keypoints"])
@pytest.mark.parametrize("form", ["polygons", "run lengths", "text"])
def test_results_without_a_field_have_one_answer(tmp_path, kind, lacking, form):
    """As `loadRes` does it, the first record decides what the others are made of."""
    mask = pytest.importorskip("pycocotools.mask")
    truth, _ = data("segm")
    results = data("segm")[1]
    if kind == "keypoints":
        truth, results = data("keypoints")
    for record in results:
        if "segmentation" in record and form != "polygons":
            packed = mask.frPyObjects(record["segmentation"], 100, 120)[0]
            record["segmentation"] = {"size": packed["size"], "counts": packed["counts"].decode()}
            if form == "run lengths":
                flat = mask.decode(packed).ravel(order="F")
                ends = [*np.flatnonzero(np.diff(flat)) + 1, len(flat)]
                record["segmentation"]["counts"] = np.diff([0, *ends]).tolist()
        record.pop(lacking, None)
    answers = entries(tmp_path, truth, results, kind)
    first = answers["dict, list"]
    if isinstance(first, tuple):
        # All records lack it, and shards have a first one of their own.
        sentence = re.sub(r"record \d", "record 0", answers["shards"][1])
        answers["shards"] = (answers["shards"][0], sentence)
    assert all(alike(answer, first) for answer in answers.values()), answers
    theirs = None if kind == "boundary" or isinstance(first, tuple) else by_the_reference(truth, results, kind)
    if theirs is not None:
        ours = [value for key, value in first.items() if key != "warnings"]
        assert np.nan_to_num(ours, nan=-1).tolist() == theirs
    if lacking == "segmentation" and kind in ("segm", "boundary"):
        assert len(first["warnings"]) == 1 and '"segmentation"' in first["warnings"][0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [MISSING, [], None], ids=["missing", "empty", "null"])
def test_the_first_result_decides_also_in_shards(tmp_path, kind, change):
    truth, results = changed(*data(kind), "results", "bbox", change, record=0)
    answers = entries(tmp_path, truth, results, kind)
    first = answers["dict, list"]
    assert all(alike(answer, first) for answer in answers.values()), answers
    theirs = None if kind == "boundary" or isinstance(first, tuple) else by_the_reference(truth, results, kind)
    if theirs is not None:
        ours = [value for key, value in first.items() if key != "warnings"]
        assert np.nan_to_num(ours, nan=-1).tolist() == theirs


def test_boxes_are_drawn_where_some_results_have_no_mask(tmp_path):
    truth, results = data("segm")
    del results[1]["segmentation"]
    answers = entries(tmp_path, truth, results, "segm")
    first = answers["dict, list"]
    assert all(alike(answer, first) for answer in answers.values()) and len(first["warnings"]) == 1
    assert [first["ap"], first["ap_small"]] == pytest.approx(
        [by_the_reference(truth, results, "segm")[i] for i in (0, 3)]
    )


# LVIS's lists


def with_lists(truth):
    for image in truth["images"]:
        image |= {"neg_category_ids": [2], "not_exhaustive_category_ids": [1]}
    return truth


@pytest.mark.parametrize("field", ["neg_category_ids", "not_exhaustive_category_ids"])
@pytest.mark.parametrize("image", [0, 1, 2])
@pytest.mark.parametrize(
    "value",
    [MISSING, None, 3, "2", ["2"], [[2]], [None], [1.5], {}, [True]],
    ids=lambda value: "missing" if value is MISSING else str(value),
)
def test_lists_of_categories_that_some_images_lack_are_refused(tmp_path, field, image, value):
    truth, results = data("bbox")
    if value is MISSING:
        del with_lists(truth)["images"][image][field]
    else:
        with_lists(truth)["images"][image][field] = value
    answers = entries(tmp_path, truth, results, "bbox", protocol="lvis")
    for entry, found in answers.items():
        assert issubclass(found[0], ValueError) and found[1].startswith("ground_truth: image "), entry
        assert "category_ids" in found[1], entry
        assert entry == "shards" or (f"image {image + 1}" in found[1] and f'"{field}"' in found[1]), entry
    # Other protocols do not use them.
    answers = entries(tmp_path, truth, results, "bbox")
    assert all(alike(found, answers["dict, list"]) and found["ap"] > 0.5 for found in answers.values())


def test_images_that_all_have_no_lists_of_one_kind_are_refused(tmp_path):
    truth, results = data("bbox")
    for image in with_lists(truth)["images"]:
        del image["not_exhaustive_category_ids"]
    for found in entries(tmp_path, truth, results, "bbox", protocol="lvis").values():
        assert issubclass(found[0], ValueError) and '"not_exhaustive_category_ids" is missing' in found[1]


def test_lists_of_categories_count_at_every_entry(tmp_path):
    truth, results = with_lists(data("bbox")[0]), data("bbox")[1]
    results.append({"image_id": 2, "category_id": 1, "bbox": [50, 50, 20, 20], "score": 0.99})
    answers = entries(tmp_path, truth, results, "bbox", protocol="lvis")
    assert all(alike(found, answers["dict, list"]) for found in answers.values())
    # A detection of a category that was not looked for in its image is left out.
    del results[-1]
    alone = meanap.evaluate(truth, results, protocol="lvis")
    assert alone.ap >= answers["dict, list"]["ap"]


# What a whole data set is


@pytest.mark.parametrize("array", ["annotations", "images", "categories"])
@pytest.mark.parametrize("value", [None, 3, "x", {}, {"a": 1}, [None], [3], [[]], ["x"]], ids=str)
def test_arrays_of_a_data_set_that_are_none(tmp_path, array, value):
    truth, results = data("bbox")
    truth[array] = value
    answers = entries(tmp_path, truth, results, "bbox")
    first = answers["dict, list"]
    where = "record 0" if isinstance(value, list) else f'"{array}"'
    for entry, found in answers.items():
        # Shards say in other words that an array is none, as they do not hold what is there in its place.
        assert alike(found, first) or ("shard" in entry and f'"{array}" is not an array' in found[1]), entry
        assert found[1].startswith("ground_truth: ") and where in found[1], found
    assert issubclass(first[0], TypeError)


@pytest.mark.parametrize("value", [None, 3, {}, {"annotations": None}, [None], [3], [[]], ["x"]], ids=str)
def test_results_that_are_none(tmp_path, value):
    truth, _ = data("bbox")
    answers = entries(tmp_path, truth, value, "bbox")
    for entry, found in answers.items():
        assert isinstance(found, tuple) and "detections" in found[1], (entry, found)


# The default


def test_evaluate_and_the_metric_have_one_default():
    """Boxes at an IoU of exactly 0.55: what torchmetrics' threshold in single precision does not let match."""
    target = {"boxes": np.array([[0.0, 0, 20, 10]]), "labels": np.array([1])}
    pred = {"boxes": np.array([[0.0, 0, 11, 10]]), "labels": np.array([1]), "scores": np.array([0.5])}
    found = {}
    for protocol in ({}, {"protocol": "coco"}, {"protocol": "torchmetrics"}):
        metric = meanap.MeanAveragePrecision(**protocol)
        metric.update([pred], [target])
        whole = meanap.evaluate([target], [pred], **protocol)
        assert metric.result().to_dict() == pytest.approx(whole.to_dict(), abs=0, nan_ok=True)
        assert metric.compute()["map"] == whole.ap
        found[protocol.get("protocol")] = whole.ap
    assert found[None] == found["coco"] == pytest.approx(0.2) and found["torchmetrics"] == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["coco", "torchmetrics", "voc2007", "voc2012", "ultralytics", "lvis"])
def test_the_metric_gives_the_numbers_of_evaluate_under_every_protocol(name):
    from native_data import per_image

    truth = generate.dataset(30, 4)
    preds, targets = per_image(truth, generate.detections(truth, per_image=20, seed=4))
    whole = meanap.evaluate(targets, preds, protocol=name, box_format="xywh")
    metric = meanap.MeanAveragePrecision(protocol=name, box_format="xywh")
    for start in range(0, 30, 7):
        metric.update(preds[start : start + 7], targets[start : start + 7])
    assert metric.result().to_dict() == pytest.approx(whole.to_dict(), abs=0, nan_ok=True)


# Numbers that are nested wrongly, or too deep

OBJECTS = {"image_id": [1, 2], "category_id": [1, 1], "bbox": [[0.0, 0, 5, 5], [1.0, 1, 4, 4]]}

NESTED = {
    "box as two points": {"bbox": [[[0.0, 0], [5, 5]], [[1.0, 1], [4, 4]]]},
    "box in a batch": {"bbox": [[[0.0, 0, 5, 5]], [[1.0, 1, 4, 4]]]},
    "box of three": {"bbox": [[0.0, 0, 5], [1.0, 1, 4]]},
    "box of text": {"bbox": [["0", "0", "5", "5"], ["1", "1", "4", "4"]]},
    "null box": {"bbox": [[0.0, 0, 5, 5], None]},
    "score in a column": {"score": [[0.5], [0.6]]},
    "score of text": {"score": ["0.5", "0.6"]},
    "score of flags": {"score": [True, False]},
    "null score": {"score": [0.5, None]},
    "image in a column": {"image_id": [[1], [2]]},
    "category in a column": {"category_id": [[1], [1]]},
    "null image": {"image_id": [1, None]},
    "half image": {"image_id": [1, 2.5]},
    "flags as images": {"image_id": [True, False]},
    "poses in a column": {"keypoints": [[[1.0, 1, 2] * 3], [[1.0, 1, 2] * 3]]},
    "poses by axis": {"keypoints": [[[1.0] * 5, [1.0] * 5], [[1.0] * 5, [1.0] * 5]]},
    "poses of two": {"keypoints": [[1.0, 1] * 5, [1.0, 1] * 5]},
}


@pytest.mark.parametrize("change", NESTED.values(), ids=NESTED.keys())
@pytest.mark.parametrize("entry", ["records", "arrays", "polars", "pandas", "pyarrow"])
def test_numbers_of_another_shape_are_refused_at_every_entry(entry, change):
    found = {**OBJECTS, "score": [0.5, 0.6]} | change
    kind = "keypoints" if "keypoints" in change else "bbox"
    truth = {**OBJECTS, "keypoints": [[1.0, 1, 2] * 5, [1.0, 1, 2] * 5]} if kind == "keypoints" else OBJECTS
    field = next(iter(change))
    options = {"sigmas": [0.1] * 5} if kind == "keypoints" else {}

    def evaluate():
        if entry == "records":
            records = [
                [dict(zip(side, row, strict=True)) for row in zip(*side.values(), strict=True)]
                for side in (truth, found)
            ]
            return meanap.evaluate({"annotations": records[0]}, records[1], kind, **options)
        if entry == "arrays":
            arrays = {"boxes": found["bbox"], "keypoints": found.get("keypoints"), "box_format": "xywh"}
            poses = None if kind == "bbox" else np.ones((2, 5, 3))
            return meanap.evaluate(
                meanap.GroundTruth(truth["image_id"], truth["category_id"], truth["bbox"], keypoints=poses),
                meanap.Detections(found["image_id"], found["category_id"], found["score"], **arrays),
                kind,
                **options,
            )
        library = pytest.importorskip(entry)
        make = {
            "polars": lambda side: library.DataFrame(side, strict=False),
            "pyarrow": lambda side: library.table(side),
        }
        make = make.get(entry, lambda side: library.DataFrame(side))
        return meanap.evaluate(make(truth), make(found), kind, **options)

    word = {"bbox": "bbox|boxes", "score": "score", "image_id": "image_id", "category_id": "category_id"}
    with pytest.raises(ValueError, match=f"^(detections|Detections).*({word.get(field, field)})"):
        evaluate()
