"""VisDrone: the numbers of its toolkit by every entry, the regions to ignore, and the texts that it reads."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import meanap
from meanap import readers
from meanap.cli import main
from meanap.detection.sampling import means
from meanap.errors import InputError
from meanap.readers._pixel_regions import PixelRegions

STORED = json.loads((Path(__file__).parent / "stored" / "visdrone.json").read_text())


def written(folder, case, images=True):
    """A data set and results as VisDrone has them."""
    for name, side in (("set/annotations", case["truth"]), ("results", case["found"])):
        (folder / name).mkdir(parents=True)
        for image, text in side.items():
            (folder / name / f"{image}.txt").write_text(text)
    if images:
        (folder / "set" / "images").mkdir()
        for image in case["truth"]:
            Image.fromarray(np.zeros((*case["size"], 3), np.uint8)).save(folder / "set" / "images" / f"{image}.jpg")
    return folder / "set", folder / "results"


@pytest.fixture(params=range(len(STORED)))
def case(request):
    return STORED[request.param]


def check(result, case):
    assert list(result) == list(case["numbers"])
    assert list(result.values()) == pytest.approx(list(case["numbers"].values()), abs=1e-14)


def test_the_numbers_of_the_toolkit(case, tmp_path):
    paths = written(tmp_path, case)
    result = meanap.evaluate(*paths, protocol="visdrone")
    check(result, case)
    check(meanap.evaluate(paths[0] / "annotations", paths[1], protocol="visdrone"), case)
    sizes = {image: case["size"] for image in case["truth"]}
    check(meanap.evaluate(paths[0], paths[1], protocol="visdrone", images=[], sizes=sizes), case)
    truth = readers.ground_truth(paths[0])
    found = readers.detections(paths[1], truth=truth)
    assert [len(truth), len(found)] == case["left"]
    per_class = dict(zip(result.per_class["name"], result.per_class["ap"], strict=True))
    assert per_class["tricycle"] == 0.0 and np.isnan(per_class["others"])


def as_dictionaries(case, tmp_path):
    """The same as COCO's dictionaries, without what is in regions to ignore."""
    paths = written(tmp_path, case)
    truth = readers.ground_truth(paths[0])
    return paths, readers.dataset_of(truth), readers.records_of(readers.detections(paths[1], truth=truth))


def test_every_other_entry(case, tmp_path, capsys):
    paths, truth, found = as_dictionaries(case, tmp_path)
    check(meanap.evaluate(truth, found, protocol="visdrone"), case)
    (tmp_path / "found.json").write_text(json.dumps(found))
    check(meanap.evaluate(paths[0], tmp_path / "found.json", protocol="visdrone"), case)
    asked = [*map(str, paths), "--protocol", "visdrone"]
    assert main(["eval", *asked, "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["stats"]["ar_10"] == pytest.approx(
        case["numbers"]["ar_10"], abs=1e-14
    )
    assert main(["report", *asked, "-o", str(tmp_path / "report.html")]) == 0
    assert main(["check", *map(str, paths)]) in (0, 1)
    assert "visdrone" not in capsys.readouterr().err
    metric = meanap.MeanAveragePrecision("bbox", "xywh", "visdrone", score_range=None)
    for image in truth["images"]:
        own = [row for row in truth["annotations"] if row["image_id"] == image["id"]]
        rows = [row for row in found if row["image_id"] == image["id"]]
        metric.update(
            [{"boxes": boxes_of(rows), "scores": column(rows, "score"), "labels": column(rows, "category_id", int)}],
            [{"boxes": boxes_of(own), "labels": column(own, "category_id", int), "iscrowd": column(own, "iscrowd")}],
        )
    check(metric.result(), case)


def boxes_of(rows):
    return np.array([row["bbox"] for row in rows], dtype=float).reshape(-1, 4)


def column(rows, name, dtype=float):
    return np.array([row[name] for row in rows], dtype=dtype)


def test_workers(case, tmp_path):
    pa = pytest.importorskip("pyarrow")
    from meanap import distributed

    _, truth, found = as_dictionaries(case, tmp_path)
    records = [*truth["annotations"], *found]
    table = pa.table(
        {
            "image_id": [record["image_id"] for record in records],
            "category_id": [record["category_id"] for record in records],
            "score": [record.get("score") for record in records],
            "bbox": pa.array([record["bbox"] for record in records], pa.list_(pa.float64())),
            "iscrowd": [record.get("iscrowd") for record in records],
        }
    )
    plan = distributed.Plan.of("bbox", "visdrone")
    images = np.array(table["image_id"].to_pylist())
    parts = [distributed.match_batch(table.filter(pa.array(images == id)), plan) for id in sorted(set(images))]
    rows = pa.concat_tables(parts)
    check(distributed.from_matches(rows, plan), case)
    check(distributed.from_curves(distributed.accumulate_group(rows, plan), plan), case)


def test_means_over_resamples_weigh_the_images_of_the_resample(case, tmp_path):
    _, truth, found = as_dictionaries(case, tmp_path)
    result = meanap.evaluate(truth, found, protocol="visdrone")
    ids = [image["id"] for image in truth["images"]][::2]
    half = {**truth, "images": [image for image in truth["images"] if image["id"] in ids]}
    half["annotations"] = [row for row in truth["annotations"] if row["image_id"] in ids]
    expected = meanap.evaluate(half, [row for row in found if row["image_id"] in ids], protocol="visdrone")
    assert result.sliced({"half": ids}).slices.results["half"].ap == pytest.approx(expected.ap, abs=1e-14)
    interval = result.interval("ap", resamples=100)
    assert interval.low < result.ap < interval.high
    same = meanap.compare(result, result, resamples=20)
    assert same[0]["low"] == same[0]["high"] == 0.0
    ties = result.ties("ap", orders=5)
    assert ties.least <= result.ap <= ties.greatest
    weights = np.array([[id in ids for id in result.scores.image_ids]], dtype=np.uint32)
    row = result.scores.row("ap")
    drawn = result.scores.resampler([row])(weights)[0]
    assert means(result.scores, row, drawn, weights) == pytest.approx([expected.ap], abs=1e-14)


def test_limits_of_an_image_count_the_detections_of_all_categories():
    boxes = [[0, 0, 10, 10], [20, 0, 30, 10]]
    truth = [{"boxes": boxes, "labels": [1, 2]}]
    found = [{"boxes": boxes, "labels": [1, 2], "scores": [0.4, 0.9]}]
    result = meanap.evaluate(truth, found, protocol="visdrone")
    assert (result["ar_1"], result["ar_10"]) == (0.5, 1.0)
    assert meanap.evaluate(truth, found, protocol="visdrone", limit_per_image=False)["ar_1"] == 1.0
    assert meanap.evaluate(truth, found, protocol="visdrone", max_detections=(1,)).ap == 0.5
    assert meanap.evaluate(truth, found, protocol="visdrone", max_detections=(1,)).scores.detections.tolist() == [0, 1]


def test_ignored_objects_and_lines_in_any_order_where_the_toolkit_differs(tmp_path):
    """DIFFERENCE: an ignored object is not missed, and the best detections count, not the first lines."""
    truth = {"a": "0,0,10,10,1,4,0,0\n50,50,10,10,0,4,0,0\n"}
    found = {"a": "50,50,5,5,0.3,4,-1,-1\n80,80,9,9,0.2,4,-1,-1\n0,0,10,10,0.9,4,-1,-1\n"}
    paths = written(tmp_path, {"truth": truth, "found": found, "size": (100, 100)})
    result = meanap.evaluate(*paths, protocol="visdrone")
    assert (result.ap, result["ar_1"], result["ar_500"]) == (1.0, 1.0, 1.0)


def covered(box, regions, size):
    """The part of a box in the regions, by a map of all pixels."""
    height, width = size
    there = np.zeros((height + 1, width + 1), dtype=bool)
    for x, y, w, h in np.maximum(1, regions).astype(int):
        there[y : min(height, y + h) + 1, x : min(width, x + w) + 1] = True
    x, y, w, h = np.maximum(1, np.floor(np.abs(box) + 0.5) * np.sign(box)).astype(int)
    x, y = min(x, width), min(y, height)
    return there[y + 1 : min(height, y + h) + 1, x + 1 : min(width, x + w) + 1].sum() / (w * h)


def test_pixels_in_regions_are_those_of_a_map():
    numbers = np.random.default_rng(0)
    size, seen = (40, 60), []
    for _ in range(60):
        regions = numbers.integers(-5, 45, (numbers.integers(1, 4), 4)).astype(float)
        boxes = np.concatenate([numbers.uniform(-9, 50, (20, 2)), numbers.uniform(0, 25, (20, 2))], axis=1)
        boxes[::3] = np.round(boxes[::3] * 2) / 2
        side = meanap.Detections([1] * 20, [1] * 20, [0.5] * 20, boxes, box_format="xywh")
        left = PixelRegions([1] * len(regions), regions, np.ones(len(regions), bool), {1: size}).outside(side)
        expected = np.array([covered(box, regions, size) for box in boxes])
        assert np.array_equal(left.arrays["boxes"], boxes[expected < 0.5])
        seen.append((expected == 0.5).any())
    assert any(seen)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3,4,1,4,0", r"line 2 has 7 numbers, expected 8 \(x, y, width, height, score, category"),
        ("1,2,3,4,1,12,0,0", 'line 2: "category" is 12, expected a number from 0 to 11'),
        ("1,2,3,4,1,1.5,0,0", 'line 2: "category" is 1.5'),
        ("1,2,-3,4,1,4,0,0", 'line 2: "width" is -3, expected 0 or more'),
        ("1,2,x,4,1,4,0,0", "line 2: \"width\" is 'x', expected a number"),
    ],
)
def test_lines_that_cannot_be_used(line, message, tmp_path):
    case = {"truth": {"a": f"1,1,9,9,1,4,0,0,\n{line}\n"}, "found": {"a": "1,1,9,9,0.5,4,-1,-1\n"}, "size": (20, 20)}
    paths = written(tmp_path, case)
    with pytest.raises(InputError, match=f"a.txt: {message}"):
        meanap.evaluate(*paths, protocol="visdrone", format="visdrone")
    with pytest.warns(UserWarning, match="1"):
        result = meanap.evaluate(*paths, protocol="visdrone", format="visdrone", on_error="skip")
    assert result.ap == 1.0


def test_sources_that_cannot_be_used(tmp_path):
    paths = written(tmp_path, STORED[0])
    with pytest.raises(InputError, match="has boxes only, expected similarity 'bbox', found 'segm'"):
        meanap.evaluate(*paths, "segm", "visdrone")
    with pytest.raises(InputError, match="can only be read whole"):
        meanap.evaluate(*paths, protocol="visdrone", memory_limit="1 GB")
    (paths[1] / "elsewhere.txt").write_text("")
    with pytest.raises(InputError, match="elsewhere.txt: there is no such image in the ground truth"):
        meanap.evaluate(*paths, protocol="visdrone")
