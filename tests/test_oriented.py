"""Tables as pandas writes them to JSON and to dictionaries, in each orientation."""

from __future__ import annotations

import json

import pandas
import pytest

import meanap
from meanap import generate


@pytest.fixture(scope="module")
def data():
    truth = generate.dataset(8, 1, categories=3, crowds=0)
    found = list(generate.detections(truth, per_image=5, seed=1))
    return truth, found


def table(records, *others):
    corners = [[*r["bbox"][:2], r["bbox"][0] + r["bbox"][2], r["bbox"][1] + r["bbox"][3]] for r in records]
    columns = {name: [record[name] for record in records] for name in ("image_id", "category_id", *others)}
    columns |= {name: [box[at] for box in corners] for at, name in enumerate(("xmin", "ymin", "xmax", "ymax"))}
    return pandas.DataFrame(columns, index=range(100, 100 + len(records)))


@pytest.mark.parametrize("orient", ["split", "index", "columns", "records"])
def test_each_orientation_is_the_table(data, orient, tmp_path):
    sides = table(data[0]["annotations"]), table(data[1], "score")
    expected = meanap.evaluate(*sides)
    paths = [tmp_path / "truth.json", tmp_path / "found.json"]
    for path, side in zip(paths, sides, strict=True):
        side.to_json(path, orient=orient, double_precision=15)
    read = [pandas.read_json(path, orient=orient, precise_float=True) for path in paths]
    expected = meanap.evaluate(*read)
    assert 0.2 < expected.ap < 1
    contents = [json.loads(path.read_text()) for path in paths]
    if orient == "records":  # Records are those of COCO, whose ground truth is a data set.
        assert dict(meanap.evaluate(data[0], paths[1])) == dict(meanap.evaluate(data[0], contents[1]))
        return
    assert dict(meanap.evaluate(*paths)) == dict(meanap.evaluate(*contents)) == dict(expected)
    assert meanap.check(*paths).codes == meanap.check(*read).codes


@pytest.mark.parametrize("orient", ["split", "tight", "index"])
def test_dictionaries_of_tables_are_read(data, orient):
    sides = table(data[0]["annotations"]), table(data[1], "score")
    assert dict(meanap.evaluate(*(side.to_dict(orient=orient) for side in sides))) == dict(meanap.evaluate(*sides))


def test_an_item_for_each_image_is_no_row():
    items = {7: {"boxes": [[0, 0, 9, 9]], "labels": [1], "image_id": 7}}
    found = {7: {**items[7], "scores": [0.5]}}
    assert meanap.evaluate(items, found).ap50 > 0.999


def test_faults_name_their_row(data):
    content = table(data[1], "score").to_dict(orient="split")
    content["data"][3] = content["data"][3][:-1]
    with pytest.raises(meanap.InputError, match="detections: row 3 has 6 values, expected 7, one for each column"):
        meanap.evaluate(data[0], content)
    content = table(data[1], "score").to_dict(orient="split")
    content["data"][3][2] = "high"
    with pytest.raises(meanap.InputError, match="row 3.*score"):
        meanap.evaluate(data[0], content)
    content["columns"][0] = "score"
    with pytest.raises(meanap.InputError, match="columns: expected each name once"):
        meanap.evaluate(data[0], content)
    content = table(data[1], "score").to_dict(orient="index")
    content[102] = 5
    with pytest.raises(meanap.InputError, match="detections: row 2 is 5, expected a dictionary"):
        meanap.evaluate(data[0], content)
