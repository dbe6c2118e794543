"""JSON files of what programs hold in memory are read as that is."""

import json

import numpy as np
import pytest

import meanap
from meanap import generate

TRUTH = generate.dataset(8, seed=1, categories=4)
FOUND = generate.detections(TRUTH, per_image=8, seed=1)
FILES = {image["id"]: image["file_name"] for image in TRUTH["images"]}


def items(records):
    """A dictionary for each image."""
    made = []
    for id in FILES:
        own = [record for record in records if record["image_id"] == id]
        boxes = [[x, y, x + w, y + h] for x, y, w, h in (record["bbox"] for record in own)]
        item = {"image_id": id, "boxes": boxes, "labels": [record["category_id"] for record in own]}
        made.append(item | ({"scores": [r["score"] for r in own]} if records is FOUND else {}))
    return made


def by_image(name):
    """Records in lists by image."""
    records = {name(id): [] for id in FILES}
    for record in FOUND:
        records[name(record["image_id"])].append({k: v for k, v in record.items() if k != "image_id"})
    return records


CONTENTS = {
    "items": items(FOUND),
    "records by id": by_image(str),
    "records by file": by_image(FILES.get),
    "columns": {name: [record[name] for record in FOUND] for name in FOUND[0]},
    "a field of predictions": {"predictions": FOUND},
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("entry", ["evaluate", "skip", "check", "explain"])
def test_the_content_of_a_file_is_read_as_in_memory(content, entry, tmp_path):
    path, truth = tmp_path / "found.json", tmp_path / "truth.json"
    path.write_text(json.dumps(CONTENTS[content]))
    truth.write_text(json.dumps(TRUTH))
    expected = meanap.evaluate(TRUTH, FOUND)
    if entry == "check":
        codes = meanap.check(truth, path).codes - {"named-ids"}
        assert codes == meanap.check(TRUTH, FOUND).codes
    elif entry == "explain":
        found = meanap.explain_difference(truth, path, "coco", "voc2012")
        assert found.to_dict() == meanap.explain_difference(TRUTH, FOUND, "coco", "voc2012").to_dict()
    else:
        how = {"on_error": "skip"} if entry == "skip" else {}
        assert meanap.evaluate(truth, path, **how).ap == pytest.approx(expected.ap, abs=1e-12)


def test_ground_truth_of_items_too(tmp_path):
    truth, found = tmp_path / "truth.json", tmp_path / "found.json"
    truth.write_text(json.dumps(items(TRUTH["annotations"])))
    found.write_text(json.dumps(items(FOUND)))
    expected = meanap.evaluate(items(TRUTH["annotations"]), items(FOUND))
    assert meanap.evaluate(truth, found).to_dict() == expected.to_dict()


def images(records, name, columns):
    """A dictionary for each image, with its objects under a name: a list of records, or their columns."""
    wanted = ("category_id", "bbox", *(("score",) if records is FOUND else ("area", "iscrowd", "id")))
    made = []
    for id in FILES:
        own = [{key: record[key] for key in wanted} for record in records if record["image_id"] == id]
        made.append({"image_id": id, name: {key: [r[key] for r in own] for key in wanted} if columns else own})
    return made


WRAPPED = {
    "list": lambda items: items,
    "by id": lambda items: {item["image_id"]: item for item in items},
    "batch": lambda items: {name: [item[name] for item in items] for name in items[0]},
    "arrays": lambda items: [
        {
            name: {k: np.array(v) for k, v in part.items()} if isinstance(part, dict) else part
            for name, part in item.items()
        }
        for item in items
    ],
}


@pytest.mark.parametrize("name", ["objects", "instances", "predictions", "detections"])
@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize("form", WRAPPED)
def test_images_with_records_or_their_columns_are_one_in_memory_and_in_files(name, columns, form, tmp_path):
    expected = dict(meanap.evaluate(TRUTH, FOUND))
    for side, records in enumerate((TRUTH["annotations"], FOUND)):
        content = WRAPPED[form](images(records, name, columns))
        sources = [content]
        if form != "arrays":
            (tmp_path / "images.json").write_text(json.dumps(content))
            sources.append(tmp_path / "images.json")
        if form == "list":
            (tmp_path / "images.jsonl").write_text("".join(json.dumps(item) + "\n" for item in content))
            sources.append(tmp_path / "images.jsonl")
        for source in sources:
            sides = (source, FOUND) if side == 0 else (TRUTH, source)
            assert dict(meanap.evaluate(*sides)) == pytest.approx(expected, nan_ok=True)
            # Without a data set there are no categories without objects.
            assert meanap.check(*sides).codes == meanap.check(TRUTH, FOUND).codes - (
                {"category-without-objects"} if side == 0 else set()
            )


def test_one_image_may_stand_alone_and_what_is_no_image_is_told():
    one = images(FOUND, "predictions", False)[0]
    own = [record for record in FOUND if record["image_id"] == one["image_id"]]
    expected = meanap.evaluate(TRUTH, own).ap
    for source in (one, {"id": one["image_id"], "predictions": own}, {one["image_id"]: {"predictions": own}}):
        assert meanap.evaluate(TRUTH, source).ap == expected
    with pytest.raises(meanap.InputError, match="detections: 'epoch' is 4, expected the records of an image"):
        meanap.evaluate(TRUTH, {"results": FOUND, "epoch": 4})


def test_a_frame_may_hold_arrays_of_boxes():
    pandas, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(WRAPPED["arrays"](images(FOUND, "objects", True)))
    assert dict(meanap.evaluate(TRUTH, frame)) == pytest.approx(dict(meanap.evaluate(TRUTH, FOUND)), nan_ok=True)


def test_columns_of_an_image_that_differ_in_length_are_refused():
    made = images(FOUND, "objects", True)
    made[2]["objects"]["score"].pop()
    with pytest.raises(meanap.InputError, match="detections: record 2 .*expected the records of an image, or columns"):
        meanap.evaluate(TRUTH, made)


@pytest.mark.parametrize("content", [{"a": {"b": 1}}, {"a": [1, 2]}])
def test_other_objects_are_refused_with_what_is_there(content, tmp_path):
    path = tmp_path / "found.json"
    path.write_text(json.dumps(content))
    with pytest.raises(meanap.InputError, match="found.json: expected COCO results, .*, found an object with 'a'"):
        meanap.evaluate(TRUTH, path)
    assert not meanap.check(TRUTH, path).ok
