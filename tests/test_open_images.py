"""Open Images: the numbers of TensorFlow's object detection API, by every entry, and folders of its files."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import meanap
from meanap import readers
from meanap.cli import main
from meanap.errors import InputError
from meanap.readers.openimages import Hierarchy
from meanap.writers._images import write_blank

STORED = json.loads((Path(__file__).parent / "stored" / "open_images.json").read_text())
CASES = {
    "v2": ("openimages", False),
    "v2 expanded": ("openimages", True),
    "challenge": ("openimages-challenge", False),
    "challenge expanded": ("openimages-challenge", True),
}


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def files_of(folder, labels=True, hierarchy=True):
    """The files of ground truth, of detections, and the size of each image."""
    truth = folder / "truth"
    truth.mkdir()
    corners = ["XMin", "XMax", "YMin", "YMax"]
    rows = [[i, "xclick", k, 1, x1, x2, y1, y2, 0, 0, g, 0, 0] for i, k, (x1, y1, x2, y2), g in STORED["boxes"]]
    others = ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]
    write(truth / "boxes.csv", ["ImageID", "Source", "LabelName", "Confidence", *corners, *others], rows)
    if labels:
        rows = [[image, "verification", label, there] for image, label, there in STORED["labels"]]
        write(truth / "labels.csv", ["ImageID", "Source", "LabelName", "Confidence"], rows)
    if hierarchy:
        (truth / "hierarchy.json").write_text(json.dumps(STORED["hierarchy"]))
    rows = [[i, k, score, x1, x2, y1, y2] for i, k, score, (x1, y1, x2, y2) in STORED["detections"]]
    write(folder / "found.csv", ["ImageID", "LabelName", "Score", *corners], rows)
    return truth, folder / "found.csv"


#: Of images of one pixel, so that fractions stay what they are.
SIZES = {f"i{image:02}": (1, 1) for image in range(60)}


def check(result, expected, tolerance=1e-15):
    assert result.ap == pytest.approx(expected["ap"], abs=tolerance)
    by_class = dict(zip(result.per_class["category"], result.per_class["ap"], strict=True))
    assert by_class == pytest.approx(expected["classes"], abs=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_of_the_object_detection_api(name, tmp_path):
    protocol, expanded = CASES[name]
    challenge = protocol == "openimages-challenge"
    truth, found = files_of(tmp_path, labels=challenge, hierarchy=expanded)
    check(meanap.evaluate(truth, found, protocol=protocol, sizes=SIZES), STORED["numbers"][name])
    # In pixels, too: overlaps are rounded otherwise.
    sizes = {image: (480, 640) for image in SIZES}
    check(meanap.evaluate(truth, found, protocol=protocol, sizes=sizes), STORED["numbers"][name], 1e-12)


def as_coco(truth, found, sizes=SIZES):
    """The same as COCO's records, with the images' lists of labelled classes."""
    options = readers.Options(sizes=sizes, image_records=True)
    side = readers.ground_truth(truth, options)
    data = readers.dataset_of(side)
    return data, readers.records_of(readers.detections(found, options, truth=side))


@pytest.mark.parametrize("name", CASES)
def test_every_entry_has_the_same_numbers(name, tmp_path):
    protocol, expanded = CASES[name]
    truth, found = files_of(tmp_path, labels=protocol == "openimages-challenge", hierarchy=expanded)
    expected = STORED["numbers"][name]
    data, results = as_coco(truth, found)
    check(meanap.evaluate(data, results, protocol=protocol), expected)
    for side, records in (("truth.json", data), ("found.json", results)):
        (tmp_path / side).write_text(json.dumps(records))
    paths = tmp_path / "truth.json", tmp_path / "found.json"
    check(meanap.evaluate(*paths, protocol=protocol), expected)
    check(meanap.evaluate(*paths, protocol=protocol, memory_limit="1 MB"), expected)
    if protocol == "openimages":
        metric = meanap.MeanAveragePrecision(protocol=protocol, box_format="xywh")
        number = {category["id"]: n for n, category in enumerate(data["categories"])}
        for image in SIZES:
            own = [record for record in data["annotations"] if record["image_id"] == image]
            preds = [record for record in results if record["image_id"] == image]
            metric.update(
                [
                    {
                        "boxes": np.array([record["bbox"] for record in preds]).reshape(-1, 4),
                        "scores": np.array([record["score"] for record in preds]),
                        "labels": np.array([number[record["category_id"]] for record in preds], dtype=int),
                    }
                ],
                [
                    {
                        "boxes": np.array([record["bbox"] for record in own]).reshape(-1, 4),
                        "labels": np.array([number[record["category_id"]] for record in own], dtype=int),
                        "iscrowd": np.array([record["iscrowd"] for record in own], dtype=int),
                    }
                ],
            )
        assert float(metric.compute()["map"]) == pytest.approx(expected["ap"], abs=1e-7)


def test_on_the_command_line(tmp_path, capsys):
    truth, found = files_of(tmp_path)
    images = tmp_path / "images"
    images.mkdir()
    for image in SIZES:
        write_blank(images / f"{image}.png", 48, 64)
    asked = [str(truth), str(found), "--images", str(images), "--protocol", "openimages-challenge"]
    assert main(["eval", *asked, "--json", str(tmp_path / "out.json")]) == 0
    expected = STORED["numbers"]["challenge expanded"]["ap"]
    assert json.loads((tmp_path / "out.json").read_text())["stats"]["ap"] == pytest.approx(expected, abs=1e-12)
    assert main(["report", *asked, "-o", str(tmp_path / "report.html")]) == 0
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert main(["check", *asked[:4]]) in (0, 1)
    assert "crowd" not in capsys.readouterr().err


def test_the_hierarchy_expands_as_the_tool_does(tmp_path):
    hierarchy = Hierarchy(STORED["hierarchy"])
    boxes = {(i, other) for i, k, _, _ in STORED["boxes"] for other in (k, *hierarchy.above[k])}
    assert sorted(boxes) == sorted(map(tuple, STORED["expanded_boxes"]))
    labelled = hierarchy.labelled([(image, label, bool(there)) for image, label, there in STORED["labels"]])
    expected = {}
    for image, label in STORED["expanded_labels"]:
        expected.setdefault(image, set()).add(label)
    assert {image: set(labels) for image, labels in labelled.items()} == expected
    # A class that stands below two others is one of both, once.
    leaf = {"LabelName": "leaf"}
    twice = {"LabelName": "root", "Subcategory": [
        {"LabelName": "a", "Subcategory": [{"LabelName": "c", "Subcategory": [leaf]}]},
        {"LabelName": "b", "Subcategory": [{"LabelName": "c", "Subcategory": [leaf]}]},
    ]}  # fmt: skip
    assert list(Hierarchy(twice).above["leaf"]) == ["c", "a", "b"]
    assert set(Hierarchy(twice).below["b"]) == {"c", "leaf"}


def test_a_group_is_found_once_by_the_best_detection_within_it():
    truth = meanap.GroundTruth([1, 1], [1, 1], [[0, 0, 10, 10], [20, 0, 30, 10]], crowd=[1, 0])
    inside = [[0, 0, 4, 4], [5, 5, 9, 9], [1, 1, 3, 3], [40, 40, 50, 50]]
    found = meanap.Detections([1] * 4, [1] * 4, [0.9, 0.8, 0.7, 0.6], inside)
    ignored = meanap.evaluate(truth, found, protocol="openimages")
    assert (ignored.ap, ignored["ar"]) == (0.0, 0.0)
    counted = meanap.evaluate(truth, found, protocol="openimages-challenge")
    # One of two is found first, those within the group are ignored, and the last one is a false positive.
    assert (counted.ap, counted["ar"]) == (0.5, 0.5)
    missed = meanap.evaluate(truth, found.take(np.array([3])), protocol="openimages-challenge")
    assert missed.ap == 0.0 and missed.scores.objects.sum() == 2
    # DIFFERENCE: the API leaves out detections without an area.
    empty = meanap.Detections([1, 1], [1, 1], [0.9, 0.8], [[5, 5, 5, 5], [20, 0, 30, 10]])
    assert meanap.evaluate(truth, empty, protocol="openimages").ap == 0.5


def test_a_file_with_a_field_that_is_too_long_is_named(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(f"ImageID,LabelName,XMin,XMax,YMin,YMax\n{'1' * 200_000},cat,0.1,0.2,0.1,0.2\n")
    with pytest.raises(meanap.InputError, match="boxes.csv: not CSV: field larger than field limit"):
        meanap.evaluate(path, path)


def test_what_a_folder_lacks(tmp_path):
    truth, found = files_of(tmp_path)
    (truth / "hierarchy.json").write_text('{"LabelName": "root", "Subcategory": 3}')
    with pytest.raises(InputError, match=r"hierarchy.json.*, expected a class with LabelName and perhaps a list"):
        meanap.evaluate(truth, found, protocol="openimages", sizes=SIZES)
    (truth / "hierarchy.json").write_text('{"LabelName": "root", "Subcategory": [{"Name": "a"}]}')
    with pytest.raises(InputError, match=r'hierarchy.json: "LabelName" is None, expected a text'):
        meanap.evaluate(truth, found, protocol="openimages", sizes=SIZES)
    (truth / "hierarchy.json").write_text('{"LabelName": "root"')
    with pytest.raises(InputError, match="hierarchy.json: not JSON"):
        meanap.evaluate(truth, found, protocol="openimages", sizes=SIZES)
    (truth / "hierarchy.json").write_text('{"LabelName": "root"}')
    (truth / "other.json").write_text('{"LabelName": "root"}')
    with pytest.raises(InputError, match="are hierarchies, expected one"):
        meanap.evaluate(truth, found, protocol="openimages", sizes=SIZES)
    (truth / "other.json").unlink()
    with open(truth / "labels.csv", "a") as file:
        file.write("i00,verification,/m/cat,maybe\n")
    with pytest.raises(InputError, match="labels.csv: line .*: \"Confidence\" is 'maybe', expected 0 or 1"):
        meanap.evaluate(truth, found, protocol="openimages", sizes=SIZES)
    with pytest.raises(InputError, match="can only be read whole"):
        meanap.evaluate(truth, found, protocol="openimages", sizes=SIZES, memory_limit="1 GB")
