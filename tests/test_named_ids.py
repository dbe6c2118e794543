"""Detections that name categories and files of images, in place of their ids: one answer in each form at each entry."""

import json
import re

import numpy as np
import pandas
import pytest

import meanap
from meanap import generate
from meanap.cli import main

TRUTH = generate.dataset(8, seed=4, categories=5)
# Numbers in the names of files that are those of other images: the name says which one is meant.
TRUTH["images"] = [{**image, "id": at} for at, image in enumerate(TRUTH["images"], 1)]
NUMBERS = {image["file_name"]: image["id"] for image in TRUTH["images"]}
OLD = {int(name.removesuffix(".jpg")): id for name, id in NUMBERS.items()}
for _record in TRUTH["annotations"]:
    _record["image_id"] = OLD[_record["image_id"]]
for _image in TRUTH["images"]:
    _image["file_name"] = f"val/{_image['id'] % 8 + 1}.jpg"
FILES = {image["id"]: image["file_name"] for image in TRUTH["images"]}
NAMES = {category["id"]: category["name"] for category in TRUTH["categories"]}
FOUND = generate.detections(TRUTH, seed=4)
EXPECTED = dict(meanap.evaluate(TRUTH, FOUND))

CATEGORIES = ("category_id", "category", "category_name", "label", "class", "class_name")
IMAGES = ("image_id", "image", "file_name", "image_path", "filename", "image_name")


def named(image="file_name", category="category", path="{}", records=None):
    """The results under these names of fields."""
    kept = ("bbox", "score", "segmentation")
    return [
        {
            image: path.format(FILES[record["image_id"]]),
            category: NAMES[record["category_id"]],
            **{name: record[name] for name in kept if name in record},
        }
        for record in (FOUND if records is None else records)
    ]


def sources(records, folder):
    (folder / "found.json").write_text(json.dumps(records))
    (folder / "found.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / "whole.json").write_text(json.dumps({"annotations": records}))
    frame = pandas.DataFrame(records)
    frame.to_csv(folder / "found.csv", index=False)
    frame.to_parquet(folder / "found.parquet")
    paths = ("found.json", "found.jsonl", "whole.json", "found.csv", "found.parquet")
    return {"list": records, "frame": frame, "data set": {"annotations": records}} | {p: folder / p for p in paths}


def truths(folder):
    (folder / "truth.json").write_text(json.dumps(TRUTH))
    return {"dictionary": TRUTH, "file": folder / "truth.json"}


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("path", ["{}", "/data/{}", "C:\\data\\{}"])
def test_names_of_files_are_those_of_the_ground_truth(image, path, tmp_path):
    found = sources(named(image, path=path), tmp_path)
    assert all(dict(meanap.evaluate(TRUTH, source)) == EXPECTED for source in found.values())


@pytest.mark.parametrize("category", CATEGORIES)
def test_names_of_categories_are_those_of_the_ground_truth(category, tmp_path):
    found = sources(named(category=category), tmp_path)
    for truth in truths(tmp_path).values():
        assert all(dict(meanap.evaluate(truth, source)) == EXPECTED for source in found.values())


def test_stems_are_enough_where_one_file_has_them():
    found = [{**record, "file_name": record["file_name"][4:-4]} for record in named()]
    assert dict(meanap.evaluate(TRUTH, found)) == EXPECTED


def test_masks_and_crowds_are_read_with_the_records_that_name_them():
    truth = generate.dataset(4, seed=2, crowds=0.1)
    files = {image["id"]: image["file_name"] for image in truth["images"]}
    names = {category["id"]: category["name"] for category in truth["categories"]}
    found = generate.detections(truth, "segm", seed=2)
    other = [
        {"image": files[r["image_id"]], "category": names[r["category_id"]], "segmentation": r["segmentation"],
         "score": r["score"]}
        for r in found
    ]  # fmt: skip
    plain = [{name: r[name] for name in ("image_id", "category_id", "segmentation", "score")} for r in found]
    assert dict(meanap.evaluate(truth, other, "segm")) == dict(meanap.evaluate(truth, plain, "segm"))


def test_annotations_may_name_images_and_categories_too(tmp_path):
    annotations = [
        {k: v for k, v in r.items() if k not in ("image_id", "category_id")}
        | {"file_name": FILES[r["image_id"]], "category": NAMES[r["category_id"]]}
        for r in TRUTH["annotations"]
    ]
    truth = {**TRUTH, "annotations": annotations}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    for source in (truth, tmp_path / "truth.json"):
        assert dict(meanap.evaluate(source, FOUND)) == EXPECTED
        assert "missing-field" not in meanap.check(source, FOUND)["code"]


def test_each_entry_reads_names(tmp_path, capsys):
    found, plain = sources(named(), tmp_path), tmp_path / "plain.json"
    plain.write_text(json.dumps(FOUND))
    truth = truths(tmp_path)["file"]
    expected = sorted(zip(*(meanap.check(TRUTH, FOUND)[name] for name in ("code", "count")), strict=True))
    for name, source in found.items():
        findings = meanap.check(TRUTH, source)
        assert meanap.check(truth, source).codes == findings.codes
        known = [pair for pair in zip(findings["code"], findings["count"], strict=True) if pair[0] != "named-ids"]
        assert sorted(known) == expected, name
        written = meanap.convert(source, tmp_path / "again.json", "coco", ground_truth=TRUTH)
        assert dict(meanap.evaluate(TRUTH, written)) == EXPECTED
    for name in ("found.json", "found.jsonl", "found.csv", "found.parquet"):
        outputs = []
        for path in (plain, tmp_path / name):
            assert main(["eval", str(truth), str(path), "--output-format", "json"]) == 0
            outputs.append(capsys.readouterr().out.replace(str(path), ""))
        assert outputs[0] == outputs[1]


def test_shards_have_the_numbers_of_names(tmp_path):
    truth = truths(tmp_path)["file"]
    for name, source in sources(named(), tmp_path).items():
        if name.startswith("found."):
            assert dict(meanap.evaluate(truth, source, memory_limit="20 kB")) == EXPECTED
    found = [{**record, "category_id": NAMES[record["category_id"]]} for record in FOUND]
    (tmp_path / "found.json").write_text(json.dumps(found))
    assert dict(meanap.evaluate(truth, tmp_path / "found.json", memory_limit="20 kB")) == EXPECTED


def test_the_drawings_of_a_report_are_those_of_the_ids(tmp_path):
    pages = []
    for source in (FOUND, named(), named("image_id", "category_id")):
        path = tmp_path / "page.html"
        meanap.evaluate(TRUTH, source).report(path, ground_truth=TRUTH, detections=source, resamples=5, worst=3)
        # The findings say that there are names.
        pages.append(re.sub(r'(?s)<section id="findings">.*?</section>', "", path.read_text()))
    assert pages[0] == pages[1] == pages[2]


def refusal(records, **truth):
    with pytest.raises(meanap.InputError) as caught:
        meanap.evaluate({**TRUTH, **truth}, records)
    return caught.value


def test_a_name_that_is_not_known_is_named_with_one_that_is_near():
    found = named()
    found[3]["category"] += "s"
    error = refusal(found)
    assert (error.record, error.field, error.code) == (3, "category", "unknown-category")
    assert f"did you mean {found[3]['category'][:-1]!r}?" in str(error)
    found = named()
    found[5]["file_name"] = "val/99.jpg"
    error = refusal(found)
    assert (error.record, error.field, error.code) == (5, "file_name", "unknown-image")
    left = meanap.readers.Problems("skip")
    assert len(meanap.readers.detections(found, None, left, meanap.readers.ground_truth(TRUTH))) == len(found) - 1


def test_names_that_may_be_several_things_are_refused(tmp_path):
    categories = [{**category, "name": "thing"} for category in TRUTH["categories"]]
    found = [{**record, "category": "thing"} for record in named()]
    error = refusal(found, categories=categories)
    assert error.code == "ambiguous-name" and re.search(r"'thing' may be \d categories", str(error))
    assert "ambiguous-name" in meanap.check({**TRUTH, "categories": categories}, found)["code"]

    images = [{**image, "file_name": f"{image['id']}/left.jpg"} for image in TRUTH["images"]]
    files = {image["id"]: image["file_name"] for image in images}
    whole = [
        {**record, "file_name": f"/data/{files[own['image_id']]}"} for record, own in zip(named(), FOUND, strict=True)
    ]
    assert dict(meanap.evaluate({**TRUTH, "images": images}, whole)) == EXPECTED
    for source in ([{**record, "file_name": "left.jpg"} for record in whole],):
        assert refusal(source, images=images).code == "ambiguous-name"
        assert refusal(pandas.DataFrame(source), images=images).code == "ambiguous-name"


def test_fields_that_disagree_are_refused():
    found = [{**record, "class_id": own["category_id"]} for record, own in zip(named(), FOUND, strict=True)]
    assert dict(meanap.evaluate(TRUTH, found)) == EXPECTED
    others = dict(zip(NAMES, [*list(NAMES)[1:], next(iter(NAMES))], strict=True))
    found[7]["class_id"] = others[found[7]["class_id"]]
    error = refusal(found)
    assert (error.record, error.code) == (7, "ambiguous-name")
    assert "not the same category" in str(error)


COLUMNS = ("image_id", "category_id", "bbox", "score")
FORMS = {
    "list": lambda records: records,
    "columns": lambda records: {name: [record[name] for record in records] for name in COLUMNS},
    "frame": lambda records: pandas.DataFrame(records),
    "by image": lambda records: {
        id: [{k: v for k, v in r.items() if k != "image_id"} for r in records if r["image_id"] == id]
        for id in {r["image_id"]: None for r in records}
    },
}


def numbers_as_texts(shift=0):
    """The results with texts in place of ids, perhaps those that are `shift` away."""
    return {
        "image_id": [{**record, "image_id": str(record["image_id"] + shift)} for record in FOUND],
        "category_id": [{**record, "category_id": str(record["category_id"] + shift)} for record in FOUND],
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("field", ["image_id", "category_id"])
def test_ids_may_be_numbers_that_are_written_as_texts(form, field, tmp_path):
    plain = {**TRUTH, "images": [{k: v for k, v in image.items() if k != "file_name"} for image in TRUTH["images"]]}
    (tmp_path / "truth.json").write_text(json.dumps(plain))
    for truth in (plain, tmp_path / "truth.json"):
        found = FORMS[form](numbers_as_texts()[field])
        assert dict(meanap.evaluate(truth, found)) == EXPECTED
        if form in ("list", "by image"):
            (tmp_path / "found.json").write_text(json.dumps(found))
            for limit in (None, "20 kB"):
                if limit is None or form == "list":
                    result = meanap.evaluate(tmp_path / "truth.json", tmp_path / "found.json", memory_limit=limit)
                    assert dict(result) == EXPECTED


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("field", ["image_id", "category_id"])
def test_numbers_that_are_names_of_others_are_not_taken_for_ids(form, field):
    """Files and categories are called by numbers from 0, and ids are counted from 1: the number 1 is the id 2."""
    images = [{**image, "file_name": f"{image['id'] - 1}.jpg"} for image in TRUTH["images"]]
    categories = [{**category, "name": str(category["id"] - 1)} for category in TRUTH["categories"]]
    truth = {**TRUTH, "images": images, "categories": categories}
    assert dict(meanap.evaluate(truth, FORMS[form](numbers_as_texts(-1)[field]))) == EXPECTED
    last = max(record[field] for record in FOUND)
    with pytest.raises(meanap.InputError, match=rf"'{last}'.*which is no") as caught:
        meanap.evaluate(truth, FORMS[form](numbers_as_texts()[field]))
    assert caught.value.code == f"unknown-{field.removesuffix('_id')}"


def test_label_files_are_of_the_image_with_their_name_not_of_that_with_their_number(tmp_path):
    sizes = {image["id"]: (image["height"], image["width"]) for image in TRUTH["images"]}
    for record in FOUND:
        height, width = sizes[record["image_id"]]
        x, y, w, h = record["bbox"]
        index = list(NAMES).index(record["category_id"])
        row = [index, (x + w / 2) / width, (y + h / 2) / height, w / width, h / height, record["score"]]
        name = FILES[record["image_id"]][4:-4]
        with open(tmp_path / f"{name}.txt", "a") as file:
            file.write(" ".join(map(repr, map(float, row[1:]))).join([f"{index} ", "\n"]))
    for truth in truths(tmp_path).values():
        result = meanap.evaluate(truth, tmp_path, names=list(NAMES.values()), format=(None, "yolo"))
        assert np.allclose(list(result.values()), list(EXPECTED.values()))
        codes = meanap.check(truth, tmp_path, names=list(NAMES.values()), format=(None, "yolo")).codes
        assert not codes & {"never-predicted", "unknown-category", "category-offset", "duplicate-category-name"}


ENTRIES = {
    "dictionary": lambda names, folder: meanap.evaluate(TRUTH, FOUND, names=names),
    "file": lambda names, folder: meanap.evaluate(truths(folder)["file"], FOUND, names=names),
    "columns": lambda names, folder: meanap.evaluate(meanap.readers.ground_truth(TRUTH), FOUND, names=names),
    "list": lambda names, folder: meanap.evaluate(*per_image(), names=names, box_format="xywh"),
    "shards": lambda names, folder: meanap.evaluate(
        truths(folder)["file"], sources(FOUND, folder)["found.json"], names=names, memory_limit="20 kB"
    ),
    "check": lambda names, folder: meanap.check(TRUTH, FOUND, names=names),
    "describe": lambda names, folder: meanap.describe(TRUTH, names=names),
    "convert": lambda names, folder: meanap.convert(TRUTH, folder / "voc", "voc", names=names),
}


def per_image():
    """Both sides as a dictionary for each image."""
    sides = []
    for records in (TRUTH["annotations"], FOUND):
        of_image = {id: [record for record in records if record["image_id"] == id] for id in FILES}
        sides.append(
            [
                {
                    "image_id": id,
                    "boxes": np.array([record["bbox"] for record in rows]).reshape(-1, 4),
                    "labels": np.array([record["category_id"] for record in rows], dtype=int),
                    "scores": np.array([record.get("score", 1.0) for record in rows]),
                }
                for id, rows in of_image.items()
            ]
        )
    return [{name: item[name] for name in item if name != "scores"} for item in sides[0]], sides[1]


@pytest.mark.parametrize("entry", ENTRIES)
def test_names_for_other_ids_than_those_of_the_data_are_a_warning(entry, tmp_path, recwarn):
    ids = list(NAMES)
    # Names of all ids, of more, of some of them, and those that the data set has already.
    for names in ({id: f"my {id}" for id in ids}, [f"my {id}" for id in range(20)], {ids[0]: "my"}, NAMES):
        ENTRIES[entry](names, tmp_path)
    assert not [w for w in recwarn if "names:" in str(w.message)]
    # Counted from 0 for ids from 1, and those of another data set.
    for names, lacking in (([f"my {id}" for id in ids], f"category {ids[-1]}"), ({99: "my"}, "categories 1, 2, 3")):
        with pytest.warns(UserWarning, match=rf"^names: there is none for {lacking}.* of the data, found names for id"):
            ENTRIES[entry](names, tmp_path)
