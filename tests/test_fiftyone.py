"""FiftyOne's boxes in fractions of the image: the bits of the pixels that its exporter of COCO's files computes."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import meanap
from meanap import generate, readers
from meanap.cli import main
from meanap.readers import Options, Problems


@pytest.fixture(scope="module")
def data():
    """A data set, each image's labels of both sides, and the same in pixels as FiftyOne computes them."""
    truth = generate.dataset(20, 6, crowds=0)
    found = list(generate.detections(truth, per_image=10, seed=6))
    names = {category["id"]: category["name"] for category in truth["categories"]}
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    sides = []
    for records in (truth["annotations"], found):
        labels = {image["id"]: [] for image in truth["images"]}
        for record in records:
            height, width = sizes[record["image_id"]]
            x, y, across, down = record["bbox"]
            box = [x / width, y / height, across / width, down / height]
            record["bbox"] = [box[0] * width, box[1] * height, box[2] * width, box[3] * height]
            record["area"] = record["bbox"][2] * record["bbox"][3]
            score = {"confidence": record["score"]} if "score" in record else {}
            label = names[record["category_id"]]
            labels[record["image_id"]].append({"_cls": "Detection", "label": label, "bounding_box": box, **score})
        sides.append(labels)
    return truth, found, sides, sizes


def wrapped(labels):
    return {"_cls": "Detections", "detections": labels}


def samples(data):
    truth, _, (objects, detections), _ = data
    return [
        {
            "filepath": f"data/{image['id']}.jpg",
            "metadata": {"_cls": "ImageMetadata", "width": image["width"], "height": image["height"]},
            "tags": [],
            "ground_truth": wrapped(objects[image["id"]]),
            "yolo": wrapped(detections[image["id"]]),
        }
        for image in truth["images"]
    ]


def objects_of(labels):
    """The classes of FiftyOne, as far as they are read."""
    made = [SimpleNamespace(**{"confidence": None, **one}) for one in labels]
    for one in made:
        one.bounding_box = np.array(one.bounding_box)
    return SimpleNamespace(detections=made)


def expected_of(data):
    truth, found, _, _ = data
    return meanap.evaluate(truth, found)


def files(data, tmp_path):
    _, _, sides, _ = data
    paths = []
    for name, labels in zip(("truth", "found"), sides, strict=True):
        classes = sorted({one["label"] for several in sides[0].values() for one in several})
        numbered = {
            str(id): [{**one, "label": classes.index(one["label"])} for one in several] or None
            for id, several in labels.items()
        }
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps({"classes": classes, "labels": numbered}))
    paths.append(tmp_path / "samples.json")
    paths[-1].write_text(json.dumps({"samples": samples(data)}))
    return paths


def test_each_form_has_the_bits_of_the_pixels(data, tmp_path):
    truth, found, (objects, detections), sizes = data
    expected = expected_of(data)
    listed = [labels.values() for labels in (objects, detections)]
    truth_file, found_file, samples_file = files(data, tmp_path)
    texts = {str(id): size for id, size in sizes.items()}
    assert 0.2 < expected.ap < 1
    for sides, options in (
        ((samples(data), samples(data)), {}),
        ((samples_file, str(samples_file)), {}),
        ((samples_file, found_file), {}),
        ((truth_file, found_file), {"sizes": texts}),
        ((truth_file, found_file), {"sizes": sizes}),
        ((json.loads(truth_file.read_text()), json.loads(found_file.read_text())), {"sizes": sizes}),
        ((truth, {id: wrapped(labels) for id, labels in detections.items()}), {}),
        ((truth, {id: objects_of(labels) for id, labels in detections.items()}), {}),
        ((objects, detections), {"sizes": sizes}),
        (tuple([objects_of(labels) for labels in side] for side in listed), {"sizes": dict(enumerate(sizes.values()))}),
    ):
        result = meanap.evaluate(*sides, **options)
        names = [name if isinstance(name, str) else expected.names[name] for name in result.category_ids]
        per_class = dict(zip(names, result.per_class["ap"].tolist(), strict=True))
        of_names = {
            expected.names[id]: ap for id, ap in zip(expected.category_ids, expected.per_class["ap"], strict=True)
        }
        for name, ap in per_class.items():
            np.testing.assert_equal(ap, of_names[name])
        assert {row: result[row] for row in result} == pytest.approx(dict(expected), abs=1e-12)


def test_boxes_are_those_of_the_exporter(data):
    truth, found, _, sizes = data
    ids = [image["id"] for image in truth["images"]]
    columns = readers.detections(samples(data), Options(), Problems(), None)
    boxes = [record["bbox"] for id in ids for record in found if record["image_id"] == id]
    np.testing.assert_array_equal(columns.arrays["boxes"], boxes)
    assert columns.box_format == "xywh"


def test_metric_objects_take_samples_with_their_size(data):
    metric = meanap.MeanAveragePrecision(box_format="xywh")
    metric.update(samples(data), samples(data))
    assert metric.compute()["map"] == pytest.approx(expected_of(data).ap, abs=1e-12)
    with pytest.raises(meanap.InputError, match="box_format: expected 'xywh' of fiftyone"):
        meanap.MeanAveragePrecision().update(samples(data), samples(data))
    with pytest.raises(meanap.InputError, match='"metadata" is missing, which boxes in fractions need'):
        metric.update(*[[wrapped(labels) for labels in side.values()] for side in data[2][::-1]])


def test_commands_take_the_files(data, tmp_path, capsys):
    truth_file, found_file, samples_file = files(data, tmp_path)
    out = tmp_path / "out.json"
    for sides in ((samples_file, found_file), (samples_file, samples_file)):
        assert main(["eval", *map(str, sides), "--quiet", "--json", str(out)]) == 0
        assert json.loads(out.read_text())["stats"]["AP"] == pytest.approx(expected_of(data).ap, abs=1e-12)
        assert main(["check", *map(str, sides)]) == 0
    assert main(["eval", str(truth_file), str(found_file), "--quiet"]) == 1
    assert "the size of its image is not known, which boxes in fractions need" in capsys.readouterr().err
    report = tmp_path / "page.html"
    assert main(["report", str(samples_file), str(found_file), "-o", str(report), "--resamples", "2"]) == 0


@pytest.mark.parametrize(
    "change, message",
    [
        ({"bounding_box": [1, 2, 3]}, '"bounding_box" is [1, 2, 3], expected 4 numbers'),
        ({"bounding_box": [0.1, 0.1, 300, 200]}, '"bounding_box" is [0.1, 0.1, 300, 200], expected fractions'),
        ({"bounding_box": [0, 0, 1, None]}, '"bounding_box" is [0, 0, 1, None], expected 4 numbers'),
        ({"confidence": None}, '"confidence" is missing, expected a number'),
        ({"confidence": "high"}, "\"confidence\" is 'high', expected a number"),
    ],
)
def test_faults_are_named(change, message):
    one = {"label": "cat", "bounding_box": [0, 0, 0.5, 0.5], "confidence": 0.5}
    sample = {"filepath": "a.jpg", "metadata": {"width": 10, "height": 20}}
    truth = [{**sample, "ground_truth": wrapped([{**one, "confidence": None}])}]
    found = [{**sample, "predictions": wrapped([one, {**one, **change}])}]
    with pytest.raises(meanap.InputError) as error:
        meanap.evaluate(truth, found)
    assert f"detections[0]: row 1: {message}" in str(error.value)


def test_masks_are_not_read(data):
    with pytest.raises(meanap.InputError, match="format 'fiftyone' has boxes only"):
        meanap.evaluate(samples(data), samples(data), "segm")
