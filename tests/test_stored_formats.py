"""Files of all formats however their text is stored and named: the same numbers, or an error that says what it is."""

import gzip
import json
import shutil
import unicodedata
from pathlib import Path

import pytest

import meanap
from meanap import generate

STORED = {
    "utf-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-be without a mark": lambda text: text.encode("utf-16-be"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "gzip of utf-16": lambda text: gzip.compress(text.encode("utf-16")),
}
#: Formats of one file.
FILES = ("cvat", "createml", "openimages", "jsonl", "csv", "coco")
FOLDERS = ("yolo", "voc", "dota", "kitti", "labelme")

BOX = {"translation": [10, 2, 1], "size": [1.8, 4.2, 1.5], "rotation": [1, 0, 0, 0], "detection_name": "car"}
SQUARE = [[10.0, 10, 30, 10, 30, 30, 10, 30]]
PERSON = {"tag": "person", "fbox": [0, 0, 20, 60], "vbox": [0, 0, 20, 40], "hbox": [5, 0, 9, 9]}
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "height": 100, "width": 100}],
    "categories": [{"id": 1, "name": "cat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0}],
}
CENTRE = {"x": 5, "y": 5, "width": 10, "height": 10, "confidence": 0.5, "class": "cat"}
#: Ground truth, detections and options of formats that are read from JSON.
JSON = {
    "activitynet": (
        {"database": {"v": {"subset": "validation", "annotations": [{"label": "a", "segment": [0, 10]}]}}},
        {"results": {"v": [{"label": "a", "score": 0.5, "segment": [0, 9]}]}},
        {"similarity": "temporal", "protocol": "activitynet"},
    ),
    "nuscenes": (
        {"results": {"s": [BOX]}},
        {"results": {"s": [{**BOX, "detection_score": 0.5}]}},
        {"similarity": "centre-distance", "protocol": "nuscenes"},
    ),
    "youtubevis": (
        {
            "videos": [{"id": 1, "height": 60, "width": 80, "length": 1}],
            "categories": [{"id": 1, "name": "bird"}],
            "annotations": [{"id": 1, "video_id": 1, "category_id": 1, "segmentations": [SQUARE]}],
        },
        [{"video_id": 1, "category_id": 1, "score": 0.5, "segmentations": [SQUARE]}],
        {"similarity": "segm", "protocol": "youtubevis"},
    ),
    "fiftyone": (
        {"classes": ["cat"], "labels": {"a": [{"label": 0, "bounding_box": [0.1, 0.1, 0.2, 0.2]}]}},
        {"labels": {"a": [{"label": "cat", "bounding_box": [0.1, 0.1, 0.2, 0.2], "confidence": 0.5}]}},
        {"sizes": {"a": (100, 100)}},
    ),
    "roboflow by image": (COCO, {"a": {"predictions": [CENTRE], "image": {"width": 100, "height": 100}}}, {}),
    "roboflow in a list": (COCO, [{"predictions": [CENTRE], "image": {"width": 100, "height": 100}}], {}),
    "lists": (
        [{"boxes": [[0, 0, 10, 10]], "labels": [1], "image_id": 1}],
        [{"boxes": [[0, 0, 10, 10]], "labels": [1], "scores": [0.5], "image_id": 1}],
        {},
    ),
}


def numbers(truth, found, **options):
    return dict(meanap.evaluate(truth, found, **options))


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("format", FILES)
def test_text_of_any_encoding_is_the_same_data_set(format, stored, tmp_path):
    paths = generate.write_format(tmp_path / "plain", format, images=6, per_image=4)
    options = {"images": paths[0].parent / "images"} if format == "openimages" else {}
    expected = numbers(*paths, **options)
    copies = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if format == "cvat":
            text = text.replace(' encoding="utf-8"', "")
        copies.append(tmp_path / (path.name + (".gz" if "gzip" in stored else "")))
        copies[-1].write_bytes(STORED[stored](text))
    assert numbers(*copies, **options) == expected
    assert numbers(*copies, **options, memory_limit="300 MB") == expected


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("format", JSON)
def test_json_of_any_encoding_is_what_it_is_in_memory(format, stored, tmp_path):
    truth, found, options = JSON[format]
    paths = []
    for name, content in (("truth", truth), ("found", found)):
        paths.append(tmp_path / f"{name}.json{'.gz' if 'gzip' in stored else ''}")
        paths[-1].write_bytes(STORED[stored](json.dumps(content)))
    expected = numbers(truth, found, **options)
    assert any(value > 0.3 for value in expected.values())
    assert numbers(*paths, **options) == expected


@pytest.mark.parametrize("format", ["yolo", "dota", "voc", "kitti"])
def test_label_files_are_in_utf_8_and_an_error_says_so(format, tmp_path):
    truth, found = generate.write_format(tmp_path, format, images=4, per_image=4)
    options = {"protocol": "voc2012"} if format == "voc" else {}
    expected = numbers(truth, found, **options)
    for path in found.rglob("*.txt"):
        path.write_bytes(path.read_text().encode("utf-8-sig"))
    assert numbers(truth, found, **options) == expected
    for path in found.rglob("*.txt"):
        path.write_bytes(path.read_text(encoding="utf-8-sig").encode("utf-16"))
    with pytest.raises(meanap.InputError, match=r"\.txt: UTF-16 text, expected UTF-8") as caught:
        numbers(truth, found, **options)
    assert caught.value.code == "broken-file"
    assert "broken-file" in [finding["code"] for finding in meanap.check(truth, found)]


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: data[:-8] + bytes(8)])
def test_gzip_that_is_damaged_is_named(damage, tmp_path):
    truth, found = generate.write_format(tmp_path, "csv", images=60, per_image=30)
    path = tmp_path / "found.csv.gz"
    path.write_bytes(damage(gzip.compress(found.read_bytes())))
    with pytest.raises(meanap.InputError, match=r"found\.csv\.gz: not a valid gzip file"):
        meanap.evaluate(truth, path)


@pytest.mark.parametrize("format", FOLDERS)
def test_hidden_files_are_no_data(format, tmp_path):
    truth, found = generate.write_format(tmp_path, format, images=4, per_image=4)
    expected = numbers(truth, found)
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        (path.parent / f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ")
        copies = path.parent / ".ipynb_checkpoints"
        copies.mkdir(exist_ok=True)
        shutil.copy(path, copies / f"{path.stem}-checkpoint{path.suffix}")
    for folder in [tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())]:
        for name in (".DS_Store", "Thumbs.db", "desktop.ini", "README.md"):
            (folder / name).write_bytes(b"\x00\x01\xff\xfe")
    assert numbers(truth, found) == expected


def test_endings_may_be_in_upper_case(tmp_path):
    for format in ("voc", "dota", "yolo", "kitti"):
        truth, found = generate.write_format(tmp_path / format, format, images=4, per_image=4)
        expected = numbers(truth, found)
        for path in list((tmp_path / format).rglob("*.*")):
            if path.is_file() and path.suffix != ".yaml" and path.parent.name != "Main":
                path.rename(path.with_suffix(path.suffix.upper()))
        assert numbers(truth, found) == expected
        if format == "yolo":
            assert numbers(tmp_path / "yolo" / "data.yaml", found) == expected


@pytest.mark.parametrize("apart", ["labels", "images", "predictions"])
def test_accents_may_be_apart_from_their_letters(apart, tmp_path):
    truth, found = generate.write_format(tmp_path, "yolo", images=4, per_image=4)
    expected = numbers(truth, found)
    for path in [path for path in tmp_path.rglob("0*.*") if path.is_file()]:
        form = "NFD" if path.parent.name == apart else "NFC"
        path.rename(path.with_name(unicodedata.normalize(form, f"é {path.stem[-3:]}{path.suffix}")))
    assert numbers(truth, found) == expected
    assert numbers(truth / "data.yaml" if truth.is_dir() else truth, found) == expected


NAMES = ("café", "my image", "a.b.c", "scene_jpg.rf.0a1b", "000123")


@pytest.mark.parametrize(
    "named",
    [
        lambda name: name,
        lambda name: f"{unicodedata.normalize('NFD', name)}.jpg",
        lambda name: f"C:\\data\\{name}.png",
        lambda name: f"/data/{name}.JPG",
    ],
)
def test_files_are_known_by_their_names_on_any_system(named, tmp_path):
    ids = range(1, len(NAMES) + 1)
    truth = {
        "images": [
            {"id": id, "file_name": f"sub\\{name}.jpg", "height": 100, "width": 100}
            for id, name in zip(ids, NAMES, strict=True)
        ],
        "categories": [{"id": 7, "name": "café"}],
        "annotations": [
            {"id": id, "image_id": id, "category_id": 7, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
            for id in ids
        ],
    }
    found = [
        {
            "file_name": named(name),
            "category": unicodedata.normalize("NFD", "café"),
            "bbox": [10, 10, 20, 20],
            "score": 1,
        }
        for name in NAMES
    ]
    assert meanap.evaluate(truth, found).ap == 1
    folder = tmp_path / "labels"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.txt").write_text("0 0.2 0.2 0.2 0.2 0.9\n")
    (tmp_path / "data.yaml").write_text("names: [café]\n", encoding="utf-8")
    assert meanap.evaluate(truth, tmp_path / "labels", names=["café"]).ap == 1


def scenes(categories, files=("a.jpg", "b.jpg")):
    truth = {
        "images": [{"id": id, "file_name": file, "height": 100, "width": 100} for id, file in enumerate(files)],
        "categories": [{"id": id, "name": name} for id, name in enumerate(categories)],
        "annotations": [
            {"id": id, "image_id": 0, "category_id": id, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
            for id in range(len(categories))
        ],
    }
    return truth, [{**record, "bbox": [11, 10, 20, 20], "score": 0.5} for record in truth["annotations"]]


@pytest.mark.parametrize("to", ["voc", "dota"])
@pytest.mark.parametrize(
    "name", ["traffic light", "a'b: c", "#x", "<a>&", "猫", "cup/mug", "../x", "", " a", "a\nb", "\x01"]
)
def test_names_of_classes_are_written_so_that_they_are_read(name, to, tmp_path):
    truth, found = scenes([name, "other"])
    try:
        paths = (
            meanap.convert(truth, tmp_path / "truth", to),
            meanap.convert(found, tmp_path / "found", to, ground_truth=truth),
        )
    except meanap.InputError as error:
        assert error.source == "categories" and repr(name) in str(error)
        return
    assert meanap.evaluate(*paths).ap == pytest.approx(meanap.evaluate(truth, found).ap)


@pytest.mark.parametrize("to", ["voc", "dota"])
def test_classes_that_would_be_written_alike_are_refused(to, tmp_path):
    names = ["traffic light", "traffic-light"] if to == "dota" else ["cat", "cat"]
    truth, found = scenes(names)
    with pytest.raises(meanap.InputError, match="are both written as"):
        meanap.convert(truth, tmp_path / "truth", to)
    with pytest.raises(meanap.InputError, match="are both written as"):
        meanap.convert(found, tmp_path / "found", to, ground_truth=truth)


def test_an_image_with_a_blank_in_its_name(tmp_path):
    truth, found = scenes(["cat"], ("my image.jpg", "my.jpg"))
    expected = meanap.evaluate(truth, found).ap
    written = meanap.convert(truth, tmp_path / "voc", "voc")
    named = [{"file_name": "my image.jpg", "category": "cat", "bbox": [11, 10, 20, 20], "score": 0.5}]
    assert meanap.evaluate(written, named).ap == pytest.approx(expected)
    with pytest.raises(meanap.InputError, match="'my image' has white space"):
        meanap.convert(found, tmp_path / "found", "voc", ground_truth=truth)


def test_lines_that_are_left_out_name_no_unknown_image(tmp_path):
    truth, found = generate.write_format(tmp_path, "voc", images=4, per_image=4)
    for path in Path(found).glob("*.txt"):
        path.write_text("")
    (found / "comp4_det_val_chair.txt").write_text("nowhere 0.5 1 2 3 x\n")
    with pytest.warns(UserWarning, match="1 left out"):
        assert meanap.evaluate(truth, found, on_error="skip").ap == 0


def test_one_answer_of_roboflow_is_read_in_parts(tmp_path):
    truth, answers, _ = JSON["roboflow by image"]
    # The name of the file says which image it is.
    truth = {**truth, "images": [{**truth["images"][0], "id": 0, "file_name": "b.jpg"}, *truth["images"]]}
    paths = [tmp_path / "truth.json", tmp_path / "a.json"]
    for path, content in zip(paths, (truth, answers["a"]), strict=True):
        path.write_text(json.dumps(content))
    assert numbers(*paths, memory_limit="300 MB") == numbers(*paths) == numbers(truth, answers)
