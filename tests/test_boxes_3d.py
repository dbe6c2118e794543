"""3D boxes: their overlaps beside Shapely's, their centres' distance, and every way to give them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from native_data import columns_of_records, records_by_image

import meanap
from meanap.cli import main

KINDS = ("box3d", "bev", "centre-distance")


def scenes(images: int = 12, seed: int = 5) -> tuple[dict, list]:
    """Boxes in space, and detections near them, as COCO's records."""
    rng = np.random.default_rng(seed)
    annotations, results = [], []
    for image in range(1, images + 1):
        for _ in range(rng.integers(1, 7)):
            box = [*rng.uniform(-20, 20, 2), rng.uniform(-1, 1), *rng.uniform([3, 1, 1], [5, 2, 2]), rng.uniform(-4, 4)]
            record = {"image_id": image, "category_id": int(rng.integers(1, 4)), "bbox": [float(x) for x in box]}
            annotations.append({"id": len(annotations) + 1, **record, "area": box[3] * box[4], "iscrowd": 0})
            for _ in range(rng.integers(0, 3)):
                moved = np.array(box) + rng.normal(0, 1, 7) * [0.3, 0.2, 0.1, 0.2, 0.1, 0.1, 0.1]
                results.append({**record, "bbox": moved.tolist(), "score": float(rng.uniform())})
    truth = {
        "images": [{"id": id} for id in range(1, images + 1)],
        "annotations": annotations,
        "categories": [{"id": id, "name": f"class {id}"} for id in (1, 2, 3)],
    }
    return truth, results


def footprint(box: np.ndarray) -> np.ndarray:
    """The corners from above, by the definition of yaw."""
    x, y, _, length, width, _, yaw = box
    along, across = np.array([math.cos(yaw), math.sin(yaw)]), np.array([-math.sin(yaw), math.cos(yaw)])
    signs = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    return np.array([(x, y) + a * length / 2 * along + b * width / 2 * across for a, b in signs])


def naive(kind: str, a: np.ndarray, b: np.ndarray) -> float:
    """The definitions, with Shapely's intersection of polygons."""
    if kind == "centre-distance":
        return 1 / (1 + math.dist(a[:2], b[:2]))
    shapely = pytest.importorskip("shapely")
    both = shapely.Polygon(footprint(a)).intersection(shapely.Polygon(footprint(b))).area
    areas = [a[3] * a[4], b[3] * b[4]]
    if kind == "bev":
        return both / (sum(areas) - both)
    height = min(a[2] + a[5] / 2, b[2] + b[5] / 2) - max(a[2] - a[5] / 2, b[2] - b[5] / 2)
    both *= max(height, 0)
    return both / (areas[0] * a[5] + areas[1] * b[5] - both)


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_that_of_its_definition(kind):
    truth, results = scenes(images=40)
    boxes = {record["image_id"]: record["bbox"] for record in truth["annotations"]}
    compared = 0
    for result in results:
        pair = np.array(boxes[result["image_id"]]), np.array(result["bbox"])
        value = naive(kind, *pair)
        if not 0 < value < 1:
            continue
        compared += 1
        sides = meanap.GroundTruth([1], [1], [pair[0]]), meanap.Detections([1], [1], [0.5], [pair[1]])
        found = meanap.evaluate(*sides, kind, thresholds=[value - 1e-12, value + 1e-12])
        assert found.matches.matched.tolist() == [[True, False]], (kind, pair)
    assert compared > 20


def by_image(truth: dict, results: list) -> tuple[list, list]:
    """A dictionary of arrays for each image."""
    return records_by_image(truth, results, 7)


def paths_of(truth: dict, results: list, folder) -> tuple[str, str]:
    paths = str(folder / "truth.json"), str(folder / "found.json")
    for path, content in zip(paths, (truth, results), strict=True):
        with open(path, "w") as file:
            json.dump(content, file)
    return paths


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_gives_the_same_numbers(kind, tmp_path):
    truth, results = scenes()
    pandas = pytest.importorskip("pandas")
    score = [record["score"] for record in results]
    names = ("x", "y", "z", "length", "width", "height", "yaw")

    def table(records, named):
        side = columns_of_records(records)
        boxes = side.pop("boxes")
        side = {name[:-1]: ids for name, ids in side.items()}
        side |= dict(zip(names, boxes.T, strict=True)) if named else {"boxes": list(boxes)}
        return pandas.DataFrame(side if records is not results else {**side, "score": score})

    of_truth, found = by_image(truth, results)
    rows = np.array([[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in results])
    arrays = [np.column_stack([i["boxes"], i["scores"], i["labels"]]) for i in found]
    paths = paths_of(truth, results, tmp_path)
    sources = {
        "files": paths,
        "dictionaries": (truth, results),
        "array": (truth, rows),
        "columns": (
            meanap.GroundTruth(**columns_of_records(truth["annotations"]), images=list(range(1, 13))),
            meanap.Detections(**columns_of_records(results), scores=score),
        ),
        "lists": (of_truth, found),
        "arrays of images": ([np.column_stack([i["boxes"], i["labels"]]) for i in of_truth], arrays),
        "tables": (table(truth["annotations"], True), table(results, True)),
        "tables of lists": (table(truth["annotations"], False), table(results, False)),
    }
    expected = meanap.evaluate(truth, results, kind)
    assert 0.05 < expected.ap < 0.95
    for name, (ground_truth, detections) in sources.items():
        assert meanap.evaluate(ground_truth, detections, kind).ap == expected.ap, name
    metric = meanap.MeanAveragePrecision(kind)
    for pred, target in zip(found, of_truth, strict=True):
        metric.update([pred], [target])
    assert metric.compute()["map"] == expected.ap
    out = tmp_path / "out.json"
    assert main(["eval", *paths, "--similarity", kind, "--json", str(out)]) == 0
    assert next(iter(json.loads(out.read_text())["stats"].values())) == expected.ap


def test_upright_boxes_as_high_as_each_other_have_the_overlap_of_boxes():
    rng = np.random.default_rng(2)
    ids, labels = rng.integers(0, 9, 60), rng.integers(0, 3, 60)
    boxes = np.round(np.concatenate([rng.uniform(0, 9, (60, 2)), rng.uniform(1, 9, (60, 2))], axis=1) * 8) / 8
    moved = boxes + rng.integers(-8, 8, (60, 4)) / 16
    moved[:, 2:] = np.abs(moved[:, 2:])

    def in_space(boxes):
        middle, zero = boxes[:, :2] + boxes[:, 2:] / 2, np.zeros(len(boxes))
        return np.column_stack([middle, zero, boxes[:, 2:], zero + 2, zero])

    def ap(kind, make):
        truth = meanap.GroundTruth(ids, labels, make(boxes), box_format="xywh")
        found = meanap.Detections(ids, labels, np.arange(60) / 60, make(moved), box_format="xywh")
        return meanap.evaluate(truth, found, kind, thresholds=[0.3, 0.5, 0.7]).ap

    expected = ap("bbox", lambda boxes: boxes)
    assert 0.1 < expected < 0.9
    for kind in ("box3d", "bev"):
        assert ap(kind, in_space) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("numbers", [4, 5, 8])
def test_another_number_of_numbers_is_an_error_that_says_so(numbers, tmp_path):
    truth, results = scenes()
    bad = [*results[:3], {**results[3], "bbox": [1.0] * numbers}, *results[4:]]
    expected = rf'record 3: "bbox" has {numbers} numbers, expected 7 numbers \(x, y, z, length, width, height, yaw\)'
    for source in (bad, paths_of(truth, bad, tmp_path)[1]):
        with pytest.raises(meanap.InputError, match=expected):
            meanap.evaluate(truth, source, "box3d")
    item = {"boxes": np.ones((1, numbers)), "labels": [1], "scores": [0.5]}
    with pytest.raises(meanap.InputError, match=rf"expected shape \(N, 7\).* found \(1, {numbers}\)"):
        meanap.evaluate([{"boxes": np.ones((1, 7)), "labels": [1]}], [item], "box3d")
    with pytest.raises(meanap.InputError, match=r"expected shape \(N, 7\) for x, y, z, length"):
        meanap.evaluate(meanap.GroundTruth([1], [1], np.ones((1, numbers))), meanap.Detections([], [], [], []), "bev")


def test_what_cannot_be_used_is_named():
    truth, results = scenes()
    for box, found in (([0, 0, 0, 1, -1, 1, 0], "a negative size"), ([0, 0, 0, 1, 1, 1, math.nan], "NaN or infinite")):
        bad = [*results[:2], {**results[2], "bbox": [float(x) for x in box]}]
        with pytest.raises(meanap.InputError, match=rf'record 2: "bbox" is \(.*\): {found}'):
            meanap.evaluate(truth, bad, "box3d")
    with pytest.raises(meanap.InputError, match="similarity 'box3d' compares 3D boxes"):
        meanap.evaluate(truth, results)
    with pytest.raises(meanap.InputError, match="format 'array' has boxes only|expected .*4 numbers|5 numbers"):
        meanap.evaluate(truth, results, "rotated")


def test_columns_of_3d_boxes_are_not_taken_for_upright_ones():
    names = ("x", "y", "z", "length", "width", "height", "yaw")
    table = {"image_id": [1], "category_id": [1], **dict.fromkeys(names, [1.0])}
    found = {**table, "score": [0.5]}
    assert meanap.evaluate(table, found, "box3d", thresholds=[0.5]).ap == pytest.approx(1)
    with pytest.raises(meanap.InputError, match="yaw are 3D boxes: similarity 'box3d', 'bev' or 'centre-distance'"):
        meanap.evaluate(table, found)


def test_checks_know_3d_boxes(tmp_path):
    truth, results = scenes()
    for given in ({}, {"similarity": "box3d"}, {"similarity": "bev"}):
        codes = set(meanap.check(truth, results, **given)["code"])
        assert not codes & {"malformed-box", "area-off", "outside-image", "misread-boxes"}, codes
    results[1]["bbox"] = [1.0, 2.0, 3.0]
    results[2]["bbox"][4] = -1.0
    found = [row for row in meanap.check(truth, results, "box3d") if row["code"] == "malformed-box"]
    assert sum(row["count"] for row in found) == 2
    assert "expected 7 numbers (x, y, z, length, width, height, yaw)" in found[0]["example"]


def test_analyses_and_a_report_take_them(tmp_path):
    truth, results = scenes()
    result = meanap.evaluate(truth, results, "box3d", thresholds=[0.25, 0.5])
    assert result.confusion(iou=0.5).matrix.sum() >= len(truth["annotations"])
    assert sum(result.errors(iou=0.5).counts.values()) > 0
    page = meanap.report.write(tmp_path / "page.html", truth, results, "box3d", resamples=2, worst=12)
    assert "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in seen_from_above(truth)) in page.read_text(encoding="utf-8")


def seen_from_above(truth: dict) -> list:
    """The corners of the first box, in the order of the core."""
    return footprint(np.array(truth["annotations"][0]["bbox"]))[[2, 3, 0, 1]].tolist()
