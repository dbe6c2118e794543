"""Sources with an item for each image: the same numbers from each, and one rule for which images belong together."""

import contextlib
import math
import re

import numpy as np
import pytest

import meanap
from meanap import generate

TRUTH = generate.dataset(images=12, seed=3, categories=4)
FOUND = generate.detections(TRUTH, per_image=8, seed=3)
IDS = [image["id"] for image in TRUTH["images"]]


def corners(boxes):
    boxes = np.array(boxes, dtype=float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def of_image(records, image):
    mine = [record for record in records if record["image_id"] == image["id"]]
    made = {
        "boxes": corners([r["bbox"] for r in mine]),
        "labels": np.array([r["category_id"] for r in mine], dtype=int),
    }
    return made | ({"scores": np.array([r["score"] for r in mine])} if "score" in records[0] else {})


TARGETS = [of_image(TRUTH["annotations"], image) for image in TRUTH["images"]]
PREDS = [of_image(FOUND, image) for image in TRUTH["images"]]
EXPECTED = meanap.evaluate(TARGETS, PREDS)


def rows(image, *, scores=True):
    """An array of one image; ground truth may have scores, which are not read."""
    score = image.get("scores", np.full(len(image["labels"]), 0.3))
    columns = [image["boxes"], score[:, None], image["labels"][:, None].astype(float)]
    return np.concatenate(columns if scores else [columns[0], columns[2]], axis=1)


def padded(images):
    """``(I, N, 6)``: rows that are filled up have a category and a score of their own."""
    made = [rows(image) for image in images]
    most = max(map(len, made))
    blank = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 999.0]])
    return np.stack([np.concatenate([array, np.repeat(blank, most - len(array), axis=0)]) for array in made])


def target_of_a_processor(target, image):
    """A target of an image processor: fractions of the image, of a size that is not that of the model's input."""
    size = np.array([image["width"], image["height"]] * 2, dtype=np.float64)
    boxes = target["boxes"] / size
    boxes = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
    return {
        "size": np.array([800, 800]),
        "image_id": np.array([image["id"]]),
        "class_labels": target["labels"],
        "boxes": boxes,
        "area": np.full(len(boxes), 7.0),
        "iscrowd": np.zeros(len(boxes), dtype=int),
        "orig_size": np.array([image["height"], image["width"]]),
    }


PROCESSED = [target_of_a_processor(target, image) for target, image in zip(TARGETS, TRUTH["images"], strict=True)]
SIDES = {
    "arrays": ([rows(t) for t in TARGETS], [rows(p) for p in PREDS]),
    "arrays without scores": ([rows(t, scores=False) for t in TARGETS], [rows(p) for p in PREDS]),
    "lists of rows": ([rows(t).tolist() for t in TARGETS], [rows(p).tolist() for p in PREDS]),
    "a padded array": (TARGETS, padded(PREDS)),
    "by image id": (dict(zip(IDS, TARGETS, strict=True)), dict(zip(IDS, PREDS, strict=True))),
    "arrays by image id": tuple({str(i): rows(x) for i, x in enumerate(side)} for side in (TARGETS, PREDS)),
    "an image processor's": (PROCESSED, PREDS),
    "a batch of an image processor": ({"labels": PROCESSED, "pixel_values": None}, PREDS),
}  # fmt: skip


@pytest.mark.parametrize("kind", SIDES)
def test_each_form_gives_the_numbers_of_lists_at_each_entry(kind, tmp_path):
    truth, found = SIDES[kind]
    result = meanap.evaluate(truth, found)
    assert result.to_dict() == pytest.approx(EXPECTED.to_dict(), abs=1e-9, nan_ok=True) and result.ap > 0.2
    assert meanap.evaluate(truth, PREDS).ap == pytest.approx(EXPECTED.ap)
    assert meanap.evaluate(TARGETS, found).ap == pytest.approx(EXPECTED.ap)
    # What fills up an array are boxes without a size.
    assert [code for code in meanap.check(truth, found)["code"] if code != "empty-box"] == ["label-errors"]
    assert meanap.explain_difference(truth, found, "coco", "voc2012").baseline == pytest.approx(EXPECTED.ap)
    page = meanap.report.write(tmp_path / "page.html", truth, found, resamples=5)
    assert "findings" in page.read_text(encoding="utf-8")
    if not isinstance(truth, dict) and not isinstance(found, dict):
        metric = meanap.MeanAveragePrecision()
        for start in range(0, len(found), 5):
            metric.update(found[start : start + 5], truth[start : start + 5])
        assert metric.compute()["map"] == pytest.approx(EXPECTED.ap)


@pytest.mark.parametrize("box_format", ["xywh", "cxcywh"])
def test_box_format_is_heeded(box_format):
    def converted(image):
        array = rows(image)
        array[:, 2:4] -= array[:, :2]
        if box_format == "cxcywh":
            array[:, :2] += array[:, 2:4] / 2
        return array

    sides = [converted(t) for t in TARGETS], [converted(p) for p in PREDS]
    assert meanap.evaluate(*sides, box_format=box_format).ap == pytest.approx(EXPECTED.ap)
    metric = meanap.MeanAveragePrecision(box_format=box_format)
    metric.update(sides[1], sides[0])
    assert metric.compute()["map"] == pytest.approx(EXPECTED.ap)
    # Boxes that have one format alone.
    assert meanap.evaluate(PROCESSED, sides[1], box_format=box_format).ap == pytest.approx(EXPECTED.ap)
    with pytest.raises(meanap.InputError, match="box_format: expected 'xyxy' of transformers"):
        metric.update(sides[1], PROCESSED)


def test_rows_of_all_images_are_as_the_reference_takes_them():
    array = np.array([[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in FOUND])
    truth = np.array([[a["image_id"], *a["bbox"], np.nan, a["category_id"]] for a in TRUTH["annotations"]])
    plain = {"annotations": [{k: a[k] for k in ("image_id", "category_id", "bbox")} for a in TRUTH["annotations"]]}
    expected = meanap.evaluate(plain, FOUND)
    for box_format in ("xyxy", "xywh"):
        assert meanap.evaluate(truth, array, box_format=box_format).to_dict() == pytest.approx(
            expected.to_dict(), nan_ok=True
        )
    assert meanap.evaluate(truth.astype(np.float64), array.tolist() and FOUND).ap == pytest.approx(expected.ap)


def test_one_image_is_a_source():
    expected = meanap.evaluate(TARGETS[:1], PREDS[:1])
    assert meanap.evaluate(TARGETS[0], PREDS[0]).ap == expected.ap
    assert meanap.evaluate(rows(TARGETS[0], scores=False), rows(PREDS[0])).ap == expected.ap
    assert meanap.evaluate(PROCESSED[0], PREDS[0]).ap == pytest.approx(expected.ap)


def test_images_without_detections_may_be_none_or_empty():
    expected = meanap.evaluate(TARGETS, [PREDS[0], *({k: v[:0] for k, v in p.items()} for p in PREDS[1:])])
    for nothing in (None, np.zeros((0, 6)), np.zeros(0), []):
        found = [rows(PREDS[0]), *([nothing] * (len(PREDS) - 1))]
        assert meanap.evaluate(TARGETS, found).to_dict() == pytest.approx(expected.to_dict(), nan_ok=True)
        found = [*found[1:], found[0]]
        assert np.isfinite(meanap.evaluate(TARGETS, found).ap)
    empty = [np.zeros((0, 5))] * len(PREDS)
    assert np.isnan(meanap.evaluate(empty, [rows(p) for p in PREDS]).ap)


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        (TARGETS, np.zeros((3, 8)), r"detections: found shape \(3, 8\), expected \(N, 7\) of image id, x, y"),
        (TARGETS, [np.zeros((3, 7))] * 12, r"detections\[0\]: found shape \(3, 7\), expected \(N, 6\)"),
        (TARGETS, [rows(PREDS[0])[:, [0, 1, 2, 3, 5, 4]]] * 12, "the category id in column 5 is 0.* an integer"),
        (TARGETS, [rows(PREDS[0]), "x", *[None] * 10], r"detections\[1\]"),
        (TARGETS, [*PREDS[:-1], 3], r"detections\[11\]: is 3, expected a dictionary with labels"),
        ([{k: v for k, v in t.items() if k != "orig_size"} for t in PROCESSED], PREDS, '"orig_size" is missing'),
        ([{**t, "boxes": t["boxes"] * 500} for t in PROCESSED], PREDS, "centre, width and height in fractions"),
        (TARGETS, PREDS[:5], "detections: 5 images, expected one for each of 12 images of the ground truth, in their"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(truth, found, message):
    with pytest.raises(meanap.InputError, match=message):
        meanap.evaluate(truth, found)
    # A check lists the faults of single images, and cannot read a source of another shape.
    try:
        told = meanap.check(truth, found)["example"]
    except meanap.InputError as error:
        told = [str(error)]
    assert any(re.search(message, text) for text in told), told


# Which images belong together


def with_ids(images, ids):
    return [{**image, "image_id": id} for image, id in zip(images, ids, strict=True)]


def shuffled(images):
    return [images[at] for at in np.random.default_rng(1).permutation(len(images))]


def agree(truth, found, tmp_path):
    """The AP that all entries give."""
    result = meanap.evaluate(truth, found)
    again = meanap.evaluate(truth, found, on_error="skip")
    assert again.ap == pytest.approx(result.ap)
    judged = meanap.check(truth, found)
    assert judged["code"] == meanap.check(TARGETS, PREDS)["code"], judged
    assert meanap.explain_difference(truth, found, "coco", "voc2012").baseline == pytest.approx(result.ap)
    meanap.report.write(tmp_path / "page.html", truth, found, resamples=5)
    return result.ap


def test_images_with_ids_are_paired_by_them_in_any_order(tmp_path):
    names = [f"{id}.jpg" for id in IDS]
    for ids in (IDS, names):
        truth, found = with_ids(TARGETS, ids), with_ids(PREDS, ids)
        assert agree(truth, found, tmp_path) == EXPECTED.ap
        assert agree(truth, shuffled(found), tmp_path) == pytest.approx(EXPECTED.ap)
        assert agree(shuffled(truth), found, tmp_path) == pytest.approx(EXPECTED.ap)
    # Images without detections may be left out where there are ids.
    some = meanap.evaluate(truth, [*found[:5], *({**f, **{k: f[k][:0] for k in PREDS[0]}} for f in found[5:])])
    assert meanap.evaluate(truth, found[:5]).ap == pytest.approx(some.ap)


@pytest.mark.parametrize("which", ["truth", "detections"])
def test_images_of_lists_are_paired_by_position_where_one_side_has_no_ids(which, tmp_path):
    # Ids in an order of their own, so that neither order nor ids alone could do it.
    ids = shuffled(IDS)
    sides = (with_ids(TARGETS, ids), PREDS) if which == "truth" else (TARGETS, with_ids(PREDS, ids))
    assert agree(*sides, tmp_path) == EXPECTED.ap


def dictionaries(images):
    return with_ids(images, IDS)


def groups(images):
    """COCO's records of each image."""
    return [
        {
            "image_id": id,
            "annotations": [
                {"bbox": box, "category_id": label, "score": score}
                for box, label, score in zip(
                    image["boxes"].tolist(), image["labels"].tolist(), image.get("scores", image["labels"]), strict=True
                )
            ],
        }
        for id, image in zip(IDS, images, strict=True)
    ]


def nested(images):
    """A table with a row for each image."""
    pyarrow = pytest.importorskip("pyarrow")
    names = {"boxes": "bbox", "labels": "category", "scores": "score"}
    objects = [
        {names[name]: np.asarray(values).tolist() for name, values in image.items() if name in names}
        for image in images
    ]
    return pyarrow.table({"image_id": IDS, "objects": objects})


def copied(side, row):
    """A side with one of its items once more at its end."""
    return [*side, side[row]] if isinstance(side, list) else side.take([*range(len(IDS)), row])


@pytest.mark.parametrize("form", [dictionaries, groups, nested])
@pytest.mark.parametrize("of_both", [True, False])
def test_two_items_of_an_image_are_refused_at_every_entry(form, of_both, tmp_path):
    truth, found, options = form(TARGETS), form(PREDS), {"box_format": "xyxy" if form is dictionaries else "xywh"}
    expected = meanap.evaluate(truth, found, **options)
    again = copied(truth, 3), copied(found, 3) if of_both else found
    place = f'{"row" if form is nested else "record"} {len(IDS)}: "image_id" is {IDS[3]}, as that of '
    for entry in (
        meanap.evaluate,
        lambda *sides, **more: meanap.explain_difference(*sides, "coco", "voc2012", **more),
        lambda *sides, **more: meanap.report.write(tmp_path / "page.html", *sides, **more),
    ):
        for side, sides in {"ground_truth": again, "detections": (truth, copied(found, 3))}.items():
            with pytest.raises(meanap.InputError, match=f"{side}: {place}") as raised:
                entry(*sides, **options)
            assert raised.value.code == "duplicate-image-id" and raised.value.field == "image_id"
    assert "duplicate-image-id" in meanap.check(*again, **options)["code"]
    with pytest.warns(UserWarning, match=place):
        some = meanap.evaluate(*again, on_error="skip", **options)
    np.testing.assert_array_equal(list(some.values()), list(expected.values()))


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("fault", ["twice", "no id", "a box", "no ids"])
def test_a_fault_of_a_part_of_a_file_is_that_of_the_whole(tmp_path, side, fault):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    paths = tmp_path / "truth.parquet", tmp_path / "found.parquet"
    for number, path in enumerate(paths):
        ids = [*range(1500), 1500]
        objects = [[{"bbox": [0.0, 0.0, 9.0, id], "category": 1, "score": 0.5}] * (id % 3) for id in ids]
        if side == number and fault in ("twice", "no id"):
            ids[-1] = 7 if fault == "twice" else None
        if side == number and fault == "a box":
            objects[-2] = [{"bbox": [0.0, 0.0, 9.0, -1.0], "category": 1, "score": 0.5}]
        table = pyarrow.table({"image_id": ids, "objects": objects})
        parquet.write_table(table.drop(["image_id"]) if side == number and fault == "no ids" else table, path)
    answers = []
    for limit in (None, "1 GB", 10_000):
        with pytest.raises(meanap.InputError) if limit or fault != "no ids" else contextlib.nullcontext() as caught:
            meanap.evaluate(*paths, memory_limit=limit)
        answers.append(caught and (str(caught.value), caught.value.code, caught.value.record))
        if fault in ("twice", "a box"):
            with pytest.warns(UserWarning, match="1 left out") as told:
                numbers = meanap.evaluate(*paths, on_error="skip", memory_limit=limit).to_json()
            answers[-1] += str(told[0].message), numbers
    if fault == "no ids":
        # The rows of a part are not those of images by their position.
        assert answers[1] == answers[2] and 'memory_limit: each image needs "image_id"' in answers[1][0]
    else:
        assert answers == [answers[0]] * 3
    if fault == "twice":
        assert 'row 1500: "image_id" is 7, as that of row 7' in answers[0][0]


def test_swapped_lists_are_recognised():
    for sides in ((PREDS, TARGETS), (with_ids(PREDS, IDS), with_ids(TARGETS, IDS)), (PREDS, PROCESSED)):
        with pytest.raises(meanap.InputError, match="swapped"):
            meanap.evaluate(*sides)


def test_a_metric_object_refuses_images_in_two_orders():
    metric = meanap.MeanAveragePrecision()
    with pytest.raises(ValueError, match="image_id"):
        metric.update(shuffled(with_ids(PREDS, IDS)), with_ids(TARGETS, IDS))


def test_lists_beside_a_data_set_need_ids_unless_its_images_are_in_the_order_of_their_ids(tmp_path):
    assert sorted(IDS) != IDS
    for entry in (meanap.evaluate, meanap.check):
        with pytest.raises(meanap.InputError, match='each image needs "image_id"'):
            entry(TRUTH, PREDS)
    expected = meanap.evaluate(TRUTH, FOUND).ap
    assert meanap.evaluate(TRUTH, with_ids(PREDS, IDS)).ap == pytest.approx(expected)
    assert meanap.evaluate(TRUTH, dict(zip(IDS, PREDS, strict=True))).ap == pytest.approx(expected)
    rising = {**TRUTH, "images": sorted(TRUTH["images"], key=lambda image: image["id"])}
    found = [PREDS[IDS.index(image["id"])] for image in rising["images"]]
    assert meanap.evaluate(rising, found).ap == pytest.approx(expected)
    assert meanap.check(rising, found)["code"] == meanap.check(TRUTH, FOUND)["code"]


def test_results_of_ultralytics_are_found_by_the_names_of_their_files():
    class Of:
        def __init__(self, **attributes):
            self.__dict__.update(attributes)

    names = {id: f"image {id}" for id in IDS}
    truth = {
        **TRUTH,
        "images": [{**image, "id": names[image["id"]]} for image in TRUTH["images"]],
        "annotations": [{**a, "image_id": names[a["image_id"]]} for a in TRUTH["annotations"]],
    }
    found = [
        Of(boxes=Of(xyxy=p["boxes"], conf=p["scores"], cls=p["labels"]), orig_shape=(9, 9), path=f"/x/image {id}.jpg")
        for id, p in zip(IDS, PREDS, strict=True)
    ]
    expected = meanap.evaluate(TRUTH, FOUND).ap
    assert meanap.evaluate(truth, shuffled(found)).ap == pytest.approx(expected)
    assert meanap.evaluate(truth, shuffled(found)[:11]).ap < expected


def test_the_search_for_causes_reads_what_the_evaluation_reads():
    """Boxes of images half as large, in each form, and in lists that are paired by position under ids of one side."""
    found = [{**p, "boxes": p["boxes"] / 2} for p in PREDS]
    for sides in (
        (TARGETS, found),
        (with_ids(TARGETS, shuffled(IDS)), found),
        (TARGETS, with_ids(found, IDS)),
        (TARGETS, [rows(p) for p in found]),
    ):
        with pytest.warns(UserWarning, match="almost no detection overlaps an object.*1/2 times as large"):
            meanap.evaluate(*sides)


def test_segments_of_an_image_processor_are_masks():
    generator = np.random.default_rng(2)
    maps = [generator.integers(-1, 4, (20, 30)) for _ in range(4)]
    targets = [{"masks": np.stack([m == i for i in range(4)]), "labels": [5, 6, 5, 6]} for m in maps]
    info = [{"id": i, "label_id": 5 + i % 2, "score": 0.1 + 0.2 * i, "was_fused": False} for i in range(4)]
    found = [{"segmentation": m, "segments_info": info} for m in maps]
    assert meanap.evaluate(targets, found, "segm").ap == pytest.approx(1)
    found[0] = {"segmentation": None, "segments_info": []}
    assert 0.5 < meanap.evaluate(targets, found, "segm").ap < 1
    found[1] = {"segmentation": maps[1], "segments_info": [{"id": 1, "label_id": 5}]}
    with pytest.raises(meanap.InputError, match=r'detections\[1\]: segments_info: record 0: "score"'):
        meanap.evaluate(targets, found, "segm")


def test_a_metric_object_says_that_a_table_is_no_batch():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"image_id": [1], "category_id": [1], "x": [0], "y": [0], "w": [1], "h": [1]})
    with pytest.raises(TypeError, match="preds: expected one dictionary or array for each image, found a DataFrame"):
        meanap.MeanAveragePrecision().update(frame, TARGETS[:1])


#: A fault of the second row of the second image.
ROWS = {
    "a box that is NaN": ("boxes", [math.nan, 1, 2, 3]),
    "corners in the wrong order": ("boxes", [5, 1, 2, 3]),
    "a score that is NaN": ("scores", math.nan),
    "a label that is no id": ("labels", 1.5),
    "a category that is not known": ("labels", 77),
}


@pytest.mark.parametrize("form", ["list", "arrays", "mapping"])
@pytest.mark.parametrize("fault", ROWS)
def test_a_check_names_image_and_row_as_an_evaluation_does(form, fault):
    field, value = ROWS[fault]
    items = [
        {"boxes": [[0.0, 0, 9, 9]] * n, "labels": [1.0 if field == "labels" else 1] * n, "scores": [0.5 + n / 9] * n}
        for n in (1, 3)
    ]
    items[1][field][1] = value
    if form == "arrays":
        items = [
            np.array([[*b, s, c] for b, s, c in zip(i["boxes"], i["scores"], i["labels"], strict=True)]) for i in items
        ]
    elif field == "labels":
        items = [{**item, "labels": [int(c) if c % 1 == 0 else c for c in item["labels"]]} for item in items]
    found = dict(enumerate(items)) if form == "mapping" else items
    truth = {
        "images": [{"id": id, "height": 50, "width": 50} for id in (0, 1)],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [0, 0, 9, 9], "area": 81, "iscrowd": 0}],
    }
    with pytest.raises(meanap.InputError) as caught:
        meanap.evaluate(truth, found)
    message = str(caught.value)
    assert message.startswith("detections[1]") and "row 1" in message, message
    row = next(row for row in meanap.check(truth, found) if row["code"] == caught.value.code)
    # What is not known is found by the check among all that can be read.
    assert row["example"].startswith("detections[1]: row 1" if value == 77 else message[:40]), row["example"]
    assert row["count"] == 1
