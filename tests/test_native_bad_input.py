"""Input that cannot be used: an error names argument, row and value, and nothing of the batch is added."""

import json
import math

import numpy as np
import pytest

import meanap
from meanap import Detections, GroundTruth, MeanAveragePrecision

BOXES = np.array([[0, 0, 5, 5.0], [1, 1, 4, 4]])
LABELS, SCORES = np.array([1, 2]), np.array([0.5, 0.6])
MASKS = np.ones((2, 4, 4), dtype=bool)
POSES = np.ones((2, 17, 3))


def spoilt(value, *place):
    array = BOXES.copy()
    array[place] = value
    return array


def batch(kind):
    extra = {"bbox": {}, "segm": {"masks": MASKS}, "keypoints": {"keypoints": POSES}}[kind]
    return {"boxes": BOXES, "scores": SCORES, "labels": LABELS, **extra}, {"boxes": BOXES, "labels": LABELS, **extra}


@pytest.mark.parametrize(
    "kind, side, name, value, message",
    [
        ("bbox", 0, "boxes", spoilt(np.nan, 1, 2), r'preds\[1\]\["boxes"\]: row 1 is \(1, 1, NaN, 4\): NaN or'),
        ("bbox", 1, "boxes", spoilt(np.inf, 0, 3), r'target\[1\]\["boxes"\]: row 0 is \(0, 0, 5, inf\): NaN or'),
        ("bbox", 0, "boxes", spoilt(0, 1, 2), r"row 1 is \(1, 1, 0, 4\): the second corner lies before the first"),
        ("bbox", 0, "boxes", BOXES[:, :3], r"expected shape \(N, 4\), found \(2, 3\)"),
        ("bbox", 0, "boxes", BOXES[0], r"expected shape \(N, 4\), found \(4,\)"),
        ("bbox", 0, "boxes", BOXES * 1j, "expected numbers, found dtype complex128"),
        ("bbox", 0, "boxes", BOXES.astype(str), "expected numbers, found dtype <U"),
        ("bbox", 0, "boxes", [[1, 2, 3, 4], [1, 2]], r'preds\[1\]\["boxes"\]: row 1 has 2 numbers, expected 4'),
        ("bbox", 0, "boxes", None, '"boxes" is missing'),
        ("bbox", 0, "scores", SCORES[:1], '"scores" has 1 rows, "labels" has 2'),
        ("bbox", 0, "scores", SCORES + 1, r'preds\[1\]\["scores"\]: row 0 is 1.5, expected 0 to 1'),
        ("bbox", 0, "scores", -SCORES, "row 0 is -0.5, expected 0 to 1"),
        ("bbox", 0, "scores", np.array([0.5, np.nan]), "row 1 is NaN"),
        ("bbox", 0, "scores", SCORES[:, None], r"expected shape \(N,\), found \(2, 1\)"),
        ("bbox", 0, "labels", LABELS * 1.5, r'preds\[1\]\["labels"\]: row 0: 1.5 is no id'),
        ("bbox", 0, "labels", [np.array([1]), np.array([2])], r"row 0 is \[1\], expected an integer or a string"),
        ("bbox", 0, "labels", LABELS[:, None], r"expected shape \(N,\), found \(2, 1\)"),
        ("bbox", 0, "boxes", BOXES.reshape(2, 2, 2), r"expected shape \(N, 4\), found \(2, 2, 2\)"),
        ("bbox", 0, "boxes", BOXES[None], r"expected shape \(N, 4\), found \(1, 2, 4\)"),
        ("bbox", 0, "boxes", BOXES > 1, "expected numbers, found dtype bool"),
        ("bbox", 0, "scores", np.array([True, False]), "row 0 is True, expected a number"),
        ("bbox", 0, "scores", np.ma.masked_greater(SCORES, 0.55), r'preds\[1\]\["scores"\]: row 1 is null'),
        ("bbox", 0, "labels", np.ma.masked_greater(LABELS, 1), r'preds\[1\]\["labels"\]: row 1 is null'),
        ("bbox", 1, "area", np.array([[1.0], [2]]), r"expected shape \(N,\), found \(2, 1\)"),
        ("bbox", 1, "iscrowd", np.array([[1], [0]]), r"expected shape \(N,\), found \(2, 1\)"),
        ("bbox", 0, "labels", LABELS > 1, "found dtype bool"),
        ("bbox", 0, "labels", np.array([2**63, 1], dtype=np.uint64), "row 0: 9223372036854775808 is no id"),
        ("bbox", 1, "area", np.array([1.0, -2]), r'target\[1\]\["area"\]: row 1 is -2, expected an area'),
        ("bbox", 1, "area", np.array([np.nan, 2]), "row 0 is NaN, expected an area"),
        ("bbox", 1, "iscrowd", np.array([2, 0]), "row 0 is 2, expected 0 or 1"),
        ("bbox", 1, "iscrowd", np.array([0]), '"iscrowd" has 1 rows, "labels" has 2'),
        ("bbox", 1, "image_id", 1.5, "1.5 is no id, expected an integer or a string"),
        ("bbox", 1, "image_id", [1], r"\[1\] is no id"),
        ("bbox", 1, "image_id", np.array([[1]]), r"array\(\[\[1\]\]\) is no id"),
        ("segm", 0, "masks", MASKS * 0.5, "masks must be boolean or integer, found dtype float64"),
        ("segm", 0, "masks", MASKS[0], r"expected shape \(N, H, W\), found \(4, 4\)"),
        ("segm", 0, "masks", MASKS[:, :3], r'preds\[1\]\["masks"\]: row 0 has 3 x 4 pixels, others of the image 4 x 4'),
        (
            "segm", 1, "masks", [{"size": [4, 4], "counts": [0, 16]}, {"size": [2, 8], "counts": [0, 16]}],
            r'target\[1\]\["masks"\]: row 1 has 2 x 8 pixels, others of the image 4 x 4',
        ),
        ("segm", 0, "masks", MASKS[:1], '"masks" has 1 rows, "labels" has 2'),
        ("segm", 0, "masks", [{"size": [4, 4], "counts": [3, 2]}] * 2, "row 0: the runs cover 5 pixels of a mask"),
        ("keypoints", 0, "keypoints", POSES * np.nan, r'preds\[1\]\["keypoints"\]: row 0 has a NaN'),
        ("keypoints", 1, "keypoints", POSES[:, :, :2], r"expected shape \(N, K, 3\), found \(2, 17, 2\)"),
        ("keypoints", 0, "keypoints", POSES[:, :5], "5 .*17|17 .*5"),
    ],
)  # fmt: skip
def test_nothing_of_a_bad_batch_is_added(kind, side, name, value, message):
    metric = MeanAveragePrecision(kind)
    good = batch(kind)
    metric.update([good[0]], [good[1]])
    before = metric.state()
    bad = [dict(one) for one in good]
    bad[side][name] = value
    first = [dict(one) for one in good]
    if name == "image_id":
        first[1]["image_id"] = 7
    with pytest.raises(ValueError, match=message):
        metric.update([first[0], bad[0]], [first[1], bad[1]])
    assert metric.state() == before and len(metric) == 1


@pytest.mark.parametrize(
    "preds, targets, error, message",
    [
        ({"boxes": BOXES}, [], TypeError, "preds: expected a list of one dictionary for each image, found a dict"),
        (3, [], TypeError, "preds: expected a list of one dictionary for each image, found an int"),
        ([], [{}], ValueError, "preds has 0 images, target has 1"),
        ([1], [2], TypeError, r"preds\[0\]: expected a dictionary, found an int"),
        ([{}], [{}], ValueError, r'preds\[0\]: "labels" is missing'),
    ],
)
def test_bad_lists(preds, targets, error, message):
    metric = MeanAveragePrecision()
    with pytest.raises(error, match=message):
        metric.update(preds, targets)
    assert len(metric) == 0


def test_lots_of_a_long_list_do_not_show(monkeypatch):
    preds, targets = ([side] * 20 for side in batch("bbox"))
    whole = meanap.evaluate(targets, preds)
    monkeypatch.setattr("meanap.detection.match_inputs._IMAGES_PER_CALL", 7)
    told = []
    lots = meanap.evaluate(targets, preds, progress=lambda done, total: told.append((done, total)))
    assert lots.to_json() == whole.to_json() and lots.image_ids == whole.image_ids == list(range(20))
    assert told == [(7, 20), (14, 20), (20, 20)]
    preds[16] = {**preds[16], "scores": SCORES[:1]}
    with pytest.raises(ValueError, match=r'detections\[16\]: "scores" has 1 rows'):
        meanap.evaluate(targets, preds)


def truth(**changes):
    return GroundTruth(**{"image_ids": [1, 1], "category_ids": [1, 2], "boxes": BOXES, **changes})


def found(**changes):
    return Detections(**{"image_ids": [1, 1], "category_ids": [1, 2], "scores": SCORES, "boxes": BOXES, **changes})


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: (truth(images=[1]), found(image_ids=[1, 7])), 'detections: row 1: "image_id" is 7, which is not in'),
        (lambda: (truth(categories=[1, 2]), found(category_ids=[9, 1])), 'detections: row 0: "category_id" is 9,'),
        (lambda: (truth(images=[2]), found()), "GroundTruth: image_ids: row 0 is 1, which is not among"),
        (lambda: (truth(categories=[1]), found()), "GroundTruth: category_ids: row 1 is 2, which is not among"),
        (lambda: (truth(boxes=spoilt(np.nan, 1, 2)), found()), r'GroundTruth\["boxes"\]: row 1 is \(1, 1, NaN, 4\)'),
        (lambda: (truth(), found(boxes=spoilt(0, 1, 2))), r'Detections\["boxes"\]: row 1 is'),
        (lambda: (truth(), found(scores=SCORES * 3)), r'Detections\["scores"\]: row 0 is 1.5'),
        (lambda: (truth(), found(scores=SCORES[:1])), '"scores" has 1 rows, "image_ids" has 2'),
        (lambda: (truth(), found(image_ids=[1])), '"category_ids" has 2 rows, "image_ids" has 1'),
        (lambda: (truth(), found(image_ids=[1, 2.5])), "Detections: image_ids: row 1: 2.5 is no id"),
        (lambda: (truth(), found(image_ids=np.array([1, np.nan]))), "Detections: image_ids: row 1: NaN is no id"),
        (lambda: (truth(), found(image_ids=np.ones(2, bool))), "ids must be integers or strings, found dtype bool"),
        (lambda: (truth(), found(image_ids=[1, True])), "Detections: image_ids: row 1: True is no id"),
        (lambda: (truth(), found(image_ids=[None, 1])), "row 0: None is no id"),
        (lambda: (truth(), found(box_format="xxyy")), "box_format: expected 'xyxy', 'xywh' or 'cxcywh', found 'xxyy'"),
        (lambda: (truth(), found(boxes=None)), "one of boxes, masks and keypoints is needed"),
        (lambda: (truth(), np.zeros((2, 8))), r"detections: found shape \(2, 8\), expected \(N, 7\) of image id, x, y"),
        (lambda: (truth(), np.full((2, 7), 1.5)), "row 0: the image id in column 0 is 1.5, expected an integer"),
        (lambda: (truth(), np.full((2, 7), np.nan)), "detections: row 0: the image id in column 0 is nan"),
    ],
)  # fmt: skip
def test_bad_columns(make, message):
    with pytest.raises(ValueError, match=message):
        meanap.evaluate(*make())


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"similarity": "box"},
            "similarity: expected 'bbox', 'segm', 'boundary', 'polygon', 'keypoints', 'rotated', 'box3d', "
            "'bev', 'centre-distance', 'temporal', 'giou', 'diou' or 'ciou', found 'box'",
        ),
        ({"protocol": "cocoo"}, "protocol: expected one of 'activitynet', 'citypersons'"),
        ({"thresholds": []}, "thresholds: expected at least one"),
        ({"thresholds": [math.nan]}, "thresholds: expected numbers from 0 to 1"),
        ({"thresholds": [2.0]}, "thresholds: expected numbers from 0 to 1"),
        ({"thresholds": "half"}, "thresholds: expected numbers, found 'half'"),
        ({"thresholds": None}, "thresholds: expected numbers, found None"),
        ({"max_detections": (-1,)}, "max_detections: expected whole numbers of at least 1 that rise"),
        ({"max_detections": 0}, r"max_detections: expected whole numbers of at least 1 that rise, found \(0,\)"),
        ({"max_detections": 1.5}, r"max_detections: expected whole numbers of at least 1 .*, found \(1.5,\)"),
        ({"max_detections": (10**30,)}, "max_detections: expected whole numbers of at least 1 that rise"),
        ({"max_detections": "100"}, "max_detections: expected numbers, found '100'"),
        ({"max_detections": ["1", "10"]}, r"max_detections: expected numbers, found \['1', '10'\]"),
        ({"thresholds": "0.5"}, "thresholds: expected numbers, found '0.5'"),
        ({"max_detections": None}, "max_detections: expected numbers, found None"),
        ({"max_per_image": -1}, "max_per_image: expected a number of detections, or None, found -1"),
        ({"max_per_image": "all"}, "max_per_image: expected a number of detections, or None, found 'all'"),
        ({"recall": None}, "recall: expected numbers, found None"),
        ({"recall": [1, 0, 0.5]}, "recall: expected points that rise"),
        ({"area_ranges": {"all": 3}}, "area_ranges: expected a least and a greatest size each"),
        ({"area_ranges": {"all": "ab"}}, "area_ranges: expected a least and a greatest size each"),
        ({"summary": (meanap.protocol.SummaryRow("x", limit=7),)}, "limit: expected one of 1, 10, 100, found 7"),
        ({"recall": "all"}, "recall: expected recall points or one of 'exact', 'trapezium'"),
        ({"recall": [2.0]}, "recall: expected points from 0 to 1"),
        ({"area_ranges": {"all": (5, 1)}}, "area_ranges: expected a least and a greatest size each"),
        ({"matcher": "best"}, "matcher: expected one of 'greedy', 'greedy-first', 'argmax', 'group-of'"),
        ({"size": "big"}, "size: expected one of 'area'"),
        ({"average": "mean"}, "average: expected 'macro', 'micro' or 'images'"),
        ({"score_range": (1,)}, "score_range: expected a least and a greatest score"),
        ({"score_range": 3}, "score_range: expected a least and a greatest score, or None, found 3"),
        ({"score_range": (1, 0)}, "score_range: expected a least and a greatest score"),
        ({"score_range": ("a", "b")}, "score_range: expected a least and a greatest score"),
        ({"similarity": "keypoints", "sigmas": [0.0]}, "sigmas: expected positive numbers"),
        ({"similarity": "keypoints", "sigmas": [math.nan]}, "sigmas: expected positive numbers"),
        ({"size": "fraction"}, "needs the height and width of image 1"),
    ],
)
def test_bad_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        meanap.evaluate(truth(), found(), **changes)


def test_settings_of_the_wrong_type():
    with pytest.raises(TypeError, match="evaluate: unexpected keyword 'threshold'; did you mean 'thresholds'"):
        meanap.evaluate(truth(), found(), threshold=0.5)
    for ranges in ([(0, 1)], None):
        with pytest.raises(TypeError, match="area_ranges: expected a range by name"):
            meanap.evaluate(truth(), found(), area_ranges=ranges)
    for name in ("images", "categories"):
        with pytest.raises(TypeError, match=f"GroundTruth: {name}: expected ids, or a mapping of them, found an int"):
            truth(**{name: 3})
    with pytest.raises(ValueError, match="box_format: expected 'xyxy', 'xywh' or 'cxcywh'"):
        truth(box_format=["xyxy"])
    for nothing in ((None, found()), (truth(), None)):
        with pytest.raises(TypeError, match="expected a path"):
            meanap.evaluate(*nothing)


@pytest.mark.parametrize(
    "field, value, only",
    [("dilation_ratio", 0.01, "boundary"), ("sigmas", [0.1] * 17, "keypoints"), ("inclusive_boxes", True, "bbox")],
)
def test_what_a_similarity_does_not_look_at_is_an_error(field, value, only):
    other = "segm" if only == "bbox" else "bbox"
    message = f"{field}: only similarity '{only}' uses it, found similarity '{other}'"
    with pytest.raises(ValueError, match=message):
        meanap.evaluate(truth(), found(), other, **{field: value})
    with pytest.raises(ValueError, match=message):
        MeanAveragePrecision(other, **{field: value})
    with pytest.raises(ValueError, match=message):
        meanap.explain_difference(truth(), found(), {field: value}, "coco", similarity=other)
    # One of several uses it, and a value that changes nothing is no error.
    assert getattr(MeanAveragePrecision((other, only), **{field: value}).protocols[only], field)
    MeanAveragePrecision(other, **{field: None if field == "sigmas" else False} if field != "dilation_ratio" else {})


@pytest.mark.parametrize(
    "options, message",
    [
        ({"max_detection_thresholds": "few"}, "max_detections: expected numbers"),
        ({"confusion": "x"}, "confusion: expected an IoU from 0 to 1, found 'x'"),
        ({"errors": 1.5}, "errors: expected an IoU from 0 to 1, found 1.5"),
        ({"confusion": True}, "confusion: expected an IoU from 0 to 1, found True"),
        ({"similarity": ("bbox", "bbox")}, "similarity: .*names one twice"),
    ],
)
def test_bad_settings_of_a_metric(options, message):
    with pytest.raises(ValueError, match=message):
        MeanAveragePrecision(**options)


def test_bad_questions():
    assert MeanAveragePrecision(max_detection_thresholds=7).protocols["bbox"].max_detections == (7,)
    metric = MeanAveragePrecision()
    with pytest.raises(TypeError, match="merge: expected a MeanAveragePrecision, found an int"):
        metric.merge(3)
    with pytest.raises(TypeError, match="state: expected bytes, found a str"):
        MeanAveragePrecision.from_state("MEANAP1\n")
    with pytest.raises(ValueError, match="similarity: expected one of 'bbox', found 'segm'"):
        metric.result("segm")
    with pytest.raises(ValueError, match="True is no id"):
        metric.update([batch("bbox")[0]], [{**batch("bbox")[1], "image_id": True}])
    result = meanap.evaluate(truth(), found())
    with pytest.raises(TypeError, match="candidate: expected a result of meanap.evaluate, found an int"):
        meanap.compare(result, 3)
    for options, message in (
        ({"resamples": 2.5}, "resamples: expected a whole number from 1 to 10000000, found 2.5"),
        ({"seed": -1}, "seed: expected a whole number of at least 0, found -1"),
        ({"seed": 1.5}, "seed: expected a whole number of at least 0, found 1.5"),
    ):
        with pytest.raises(ValueError, match=message):
            result.interval("ap", **options)
    with pytest.raises(ValueError, match="limit: expected one of 1, 10, 100, found 7"):
        result.number(meanap.protocol.SummaryRow("x", limit=7))


def test_a_result_is_a_mapping():
    result = meanap.evaluate(truth(), found())
    assert dict(result) == result.to_dict() and list(result) == list(result.keys()) and len(result) == 12
    assert "ap50" in result and "ap51" not in result
    assert {**result}["ap"] == result.ap


@pytest.mark.parametrize("without", [0, 1])
def test_ids_are_of_all_images_or_of_none(without):
    preds, target = batch("bbox")
    targets = [{**target, "ids": [1, 2]}, {**target, "ids": [3, 4]}]
    metric = MeanAveragePrecision(zero_id_unmatched=True)
    metric.update([preds, preds], targets)
    del targets[without]["ids"]
    with pytest.raises(ValueError, match=r'target\[1\]: "ids" have to be given for all images or for none'):
        metric.update([preds, preds], targets)
    assert len(metric) == 2


def test_what_is_given_twice_is_an_error():
    with pytest.raises(ValueError, match="iou_type: another name for similarity; found 'bbox' and 'segm'"):
        MeanAveragePrecision("segm", iou_type="bbox")
    assert MeanAveragePrecision("segm", iou_type="segm").similarities == ("segm",)
    with pytest.raises(TypeError, match="thresholds: given twice, also under torchmetrics' name"):
        MeanAveragePrecision(iou_thresholds=[0.5], thresholds=[0.6])


@pytest.mark.parametrize("limit", [None, "1 MB"])
def test_files_of_the_wrong_shape(tmp_path, limit):
    for dataset, results, message in (
        ([], RESULTS, "ground_truth: .*truth.json: expected a JSON object at the top, found an array"),
        (DATASET, 3, "detections: .*found.json: expected a JSON object at the top, found a number"),
        (DATASET, {}, "annotations"),
        ({}, RESULTS, "annotations"),
    ):
        with pytest.raises(ValueError, match=message):
            meanap.evaluate(*in_files(tmp_path, dataset, results), memory_limit=limit)
    with pytest.raises(ValueError, match="detections: a COCO dictionary has \"annotations\"; there are 'info'"):
        meanap.evaluate(DATASET, {"info": 1})


def test_ids_of_two_kinds_can_never_meet():
    with pytest.raises(ValueError, match="detections: image ids are text, those of the ground truth integers"):
        meanap.evaluate(truth(), found(image_ids=["1", "1"]))
    with pytest.raises(ValueError, match="detections: category ids are text, those of the ground truth integers"):
        meanap.evaluate(truth(), found(category_ids=["1", "2"]))
    # Some of each may.
    assert meanap.evaluate(truth(), found(category_ids=["1", 2])).per_class["category"][-1] == "1"


@pytest.mark.parametrize(("labels", "told"), [(["a", "b"], ("text", "integers")), ([1, 2], ("integers", "text"))])
def test_labels_of_two_kinds_can_never_meet_in_lists(labels, told):
    preds, target = batch("bbox")
    target = target if told[0] == "text" else {**target, "labels": ["1", "2"]}
    preds = {**preds, "labels": labels}
    for limits in ({}, {"categories": target["labels"]}):
        with pytest.raises(ValueError, match=f"detections: category ids are {told[0]}, those of the .* {told[1]}"):
            meanap.evaluate([target], [preds], **limits)
    metric = MeanAveragePrecision()
    metric.update([preds], [target])
    for ask in (metric.compute, metric.result):
        with pytest.raises(ValueError, match=f"preds: category ids are {told[0]}, those of the target {told[1]}"):
            ask()
    # Some of each may, and so may those of one side alone.
    metric.update([{**preds, "labels": target["labels"]}], [target])
    assert metric.compute()["map"] > 0
    assert meanap.evaluate([{**target, "boxes": [], "labels": []}], [preds]).ap != 0
    assert meanap.evaluate([target], [{**preds, "labels": ["a", 2]}]).ap >= 0
    # Where categories do not count, their ids need not be the same.
    assert meanap.evaluate([target], [preds], by_category=False).ap > 0


def test_columns_of_tables_that_are_no_numbers():
    polars = pytest.importorskip("polars")
    columns = {"image_id": [1], "category_id": [1], "x1": [0.0], "y1": [0.0], "x2": [5.0], "y2": [5.0]}
    frame = polars.DataFrame(columns)
    for score, told in ((["high"], "text"), ([[0.5]], "lists")):
        with pytest.raises(ValueError, match=f"detections: score: expected numbers, found {told}"):
            meanap.evaluate(frame, frame.with_columns(score=polars.Series(score)))
    lazy = meanap.evaluate(frame.lazy(), frame.lazy().with_columns(score=0.5))
    assert lazy.ap == meanap.evaluate(frame, frame.with_columns(score=0.5)).ap > 0.99


def test_a_box_format_is_of_what_has_none_of_its_own(tmp_path):
    # As corners these would be no box.
    dataset = {**DATASET, "annotations": [{**a, "bbox": [4, 4, 3, 2]} for a in DATASET["annotations"]]}
    results = [{**result, "bbox": [4, 4, 3, 2]} for result in RESULTS]
    for truth_side, found_side in ((dataset, results), in_files(tmp_path, dataset, results)):
        for box_format in ("xyxy", "cxcywh"):
            assert meanap.evaluate(truth_side, found_side, box_format=box_format).ap == 1
        with pytest.raises(ValueError, match="box_format: expected 'xyxy', 'xywh' or 'cxcywh', found .yx"):
            meanap.evaluate(truth_side, found_side, box_format="yx")


DATASET = {
    "images": [{"id": 1, "height": 9, "width": 9}],
    "categories": [{"id": 1, "name": "a"}],
    "annotations": [
        {"id": i, "image_id": 1, "category_id": 1, "bbox": [0, 0, 3, 3], "area": 9, "iscrowd": 0} for i in (1, 2)
    ],
}
RESULTS = [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 3, 3], "score": 0.5} for _ in range(2)]


def in_files(folder, dataset, results):
    for name, value in (("truth", dataset), ("found", results)):
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    return str(folder / "truth.json"), folder / "found.json"


@pytest.mark.parametrize("door", ["dictionaries", "files", "shards"])
@pytest.mark.parametrize(
    "side, change, message",
    [
        (1, {"bbox": None}, '"bbox" is null, expected 4 numbers'),
        (1, {"bbox": [1, 2, 3]}, '"bbox" has 3 numbers, expected 4 numbers'),
        (1, {"bbox": [0, 0, math.nan, 1]}, r"record 1: .*\(0, 0, NaN, 1\): NaN or infinite"),
        (1, {"bbox": [0, 0, -3, 1]}, r"record 1: .*\(0, 0, -3, 1\): a negative size"),
        (1, {"score": "x"}, "record 1: \"score\" is 'x', expected a number"),
        (1, {"score": math.nan}, 'record 1: "score" is NaN'),
        (1, {"image_id": 5}, 'record 1: "image_id" is 5, which is not in the ground truth'),
        (1, {"category_id": 9}, 'record 1: "category_id" is 9, which is not in the ground truth'),
        (0, {"bbox": [0, 0, -3, 1]}, r"record 1: .*\(0, 0, -3, 1\): a negative size"),
        (0, {"area": "x"}, "record 1: \"area\" is 'x', expected an area in pixels"),
        (0, {"image_id": 5}, 'record 1: "image_id" is 5, which is not among those declared'),
        (0, {"category_id": 9}, 'record 1: "category_id" is 9, which is not among those declared'),
    ],
)
def test_bad_records(tmp_path, door, side, change, message):
    both = [DATASET["annotations"], RESULTS]
    both[side] = [both[side][0], {**both[side][1], **change}]
    sides = {**DATASET, "annotations": both[0]}, both[1]
    options = {"memory_limit": "1 MB"} if door == "shards" else {}
    if door != "dictionaries":
        sides = in_files(tmp_path, *sides)
    with pytest.raises(ValueError, match=message):
        meanap.evaluate(*sides, **options)


def test_records_that_are_none():
    for dataset, results, message in (
        ({**DATASET, "annotations": [1]}, RESULTS, "record 0: expected a dictionary, found an int"),
        (DATASET, [RESULTS[0], 3], "record 1: expected a dictionary, found an int"),
    ):
        with pytest.raises(TypeError, match=message):
            meanap.evaluate(dataset, results)
    for dataset, results, message in (
        ({**DATASET, "images": [{}]}, RESULTS, 'ground_truth: images: record 0: "id" is missing'),
        ({**DATASET, "categories": [{}]}, RESULTS, 'ground_truth: categories: record 0: "id" is missing'),
        ({"images": []}, RESULTS, 'a COCO dictionary has "annotations"; there are .images.'),
        (DATASET, [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}], 'record 0: "score" is missing'),
    ):
        with pytest.raises(ValueError, match=message):
            meanap.evaluate(dataset, results)
    with pytest.raises(FileNotFoundError):
        meanap.evaluate("/no such file.json", RESULTS)


def test_an_area_of_zero_is_the_files_word():
    """pycocotools takes a given area as it is; where there is none, the box says."""
    results = [RESULTS[0]]
    for area, small in ((0, 1), (5000, math.nan), (None, 1)):
        annotation = {**DATASET["annotations"][0], "area": area}
        if area is None:
            del annotation["area"]
        result = meanap.evaluate({**DATASET, "annotations": [annotation]}, results)
        np.testing.assert_allclose(result["ap_small"], small)


@pytest.mark.parametrize(
    "shape, message",
    [
        ([[0, 0]], r'record 0: "segmentation" is \[\[0, 0\]\], expected polygons'),
        ([], r'record 0: "segmentation" is \[\], expected polygons'),
        (None, 'record 0: "segmentation" is null, expected polygons'),
        ([[0, math.nan, 3, 0, 3, 3]], r'record 0: "segmentation" is \[\[0, nan, .*, expected polygons'),
        ({"size": [9, 9], "counts": [80]}, 'record 0: "segmentation": the runs cover 80 pixels of a mask of 9 x 9'),
        ({"size": [9], "counts": "04"}, 'record 0: "segmentation": "size": expected height and width'),
        ({"counts": "04"}, 'record 0: "segmentation": "size" is missing'),
    ],
)
def test_bad_masks_of_dictionaries(shape, message):
    whole = {"size": [9, 9], "counts": [0, 81]}
    good = {**DATASET["annotations"][0], "segmentation": [[0, 0, 9, 0, 9, 9, 0, 9]]}
    result = {**RESULTS[0], "segmentation": whole}
    assert meanap.evaluate({**DATASET, "annotations": [good]}, [result], "segm").ap == pytest.approx(1)
    with pytest.raises(ValueError, match=message):
        meanap.evaluate({**DATASET, "annotations": [{**good, "segmentation": shape}]}, [result], "segm")
    with pytest.raises(ValueError, match=message.replace("ground_truth", "detections")):
        meanap.evaluate({**DATASET, "annotations": [good]}, [{**result, "segmentation": shape}], "segm")


@pytest.mark.parametrize("pose", [[1, 1], [1, 1, 2] * 5, None, "x", [math.nan, 1, 2] * 17])
def test_bad_poses_of_dictionaries(pose):
    good = {**DATASET["annotations"][0], "keypoints": [1, 1, 2] * 17, "num_keypoints": 17}
    results = [{**RESULTS[0], "keypoints": good["keypoints"]}, {**RESULTS[0], "keypoints": pose}]
    with pytest.raises(ValueError, match='detections: record 1: "keypoints"'):
        meanap.evaluate({**DATASET, "annotations": [good]}, results, "keypoints")
