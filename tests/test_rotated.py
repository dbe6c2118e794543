"""Rotated boxes: intersection over union beside exact arithmetic, and every way to give them."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from native_data import columns_of_records, records_by_image

import meanap
from meanap import _core
from meanap.detection import rotated_corners, rotated_iou


def exact_iou(a: np.ndarray, b: np.ndarray) -> Fraction:
    """Intersection over union of the convex hulls of corners (4, 2), in rational arithmetic."""
    p, q = (_hull([(Fraction(x), Fraction(y)) for x, y in corners.tolist()]) for corners in (a, b))
    areas = _area(p), _area(q)
    if not all(areas):
        return Fraction(0)
    cut = p
    for start, end in zip(q, q[1:] + q[:1], strict=True):
        cut = _left_of(cut, start, end)
    overlap = _area(cut)
    return overlap / (areas[0] + areas[1] - overlap)


def _cross(a: tuple, b: tuple, c: tuple) -> Fraction:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _hull(points: list) -> list:
    def chain(points: list) -> list:
        kept: list = []
        for point in points:
            while len(kept) > 1 and _cross(kept[-2], kept[-1], point) <= 0:
                kept.pop()
            kept.append(point)
        return kept[:-1]

    points = sorted(set(points))
    return chain(points) + chain(points[::-1])


def _area(points: list) -> Fraction:
    following = points[1:] + points[:1]
    return abs(sum((x * b - a * y for (x, y), (a, b) in zip(points, following, strict=True)), Fraction(0))) / 2


def _left_of(points: list, start: tuple, end: tuple) -> list:
    kept = []
    for a, b in zip(points, points[1:] + points[:1], strict=True):
        of_a, of_b = _cross(start, end, a), _cross(start, end, b)
        if of_a >= 0:
            kept.append(a)
        if of_a * of_b < 0:
            part = of_a / (of_a - of_b)
            kept.append((a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])))
    return kept


def _pairs(kind: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners (N, 8) of two boxes that overlap somehow."""
    random = np.random.default_rng(seed)
    if kind == "quadrilaterals":
        return random.uniform(0, 50, (count, 8)), random.uniform(0, 50, (count, 8))
    boxes = np.empty((2, count, 5))
    boxes[:, :, :2] = random.uniform(0, 30, (2, count, 2)) + random.uniform(0, 10_000, (count, 1))
    boxes[:, :, 2:4] = random.uniform(1, 60, (2, count, 2))
    boxes[:, :, 4] = random.uniform(-180, 180, (2, count))
    if kind == "slender":
        boxes[:, :, 3] = 10.0 ** random.uniform(-9, 1, (2, count))
        boxes[1, :, 4] = boxes[0, :, 4] + random.choice([0, 90, 180, 1e-7, 1e-3], count)
        boxes[1, :, :2] = boxes[0, :, :2] + boxes[0, :, 3:4] * random.uniform(-0.5, 0.5, (count, 2))
    if kind == "shared edges":
        boxes[0] = np.round(boxes[0])
        boxes[1] = boxes[0]
        turned = np.radians(boxes[0, :, 4])
        boxes[1, :, 0] += np.cos(turned) * boxes[0, :, 2] * random.choice([0, 0.25, 0.5, 1], count)
        boxes[1, :, 1] -= np.sin(turned) * boxes[0, :, 2] * random.choice([0, 0.25, 0.5, 1], count)
        boxes[1, :, 4] += random.choice([0, 90, 180, 360, 1e-9], count)
    if kind == "nearly the same":
        boxes[1] = boxes[0] * (1 + random.uniform(-1, 1, (count, 5)) * 10.0 ** random.uniform(-16, -9, (count, 1)))
    first, second = (rotated_corners(side).reshape(-1, 8) for side in boxes)
    return first, second


KINDS = ["boxes", "quadrilaterals", "slender", "shared edges", "nearly the same"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_that_of_exact_arithmetic(kind):
    first, second = _pairs(kind, 400, 1)
    for a, b in zip(first, second, strict=True):
        found = rotated_iou(a[None], b[None])[0, 0]
        assert abs(Fraction(found) - exact_iou(a.reshape(4, 2), b.reshape(4, 2))) < Fraction(1, 10**12), (a, b)
        assert found == rotated_iou(b[None], a[None])[0, 0]
        assert 0 <= found <= 1


def test_a_box_and_itself_give_one_in_any_order_of_its_corners():
    for kind in KINDS:
        for corners in _pairs(kind, 100, 2)[0]:
            if _area(_hull([(Fraction(x), Fraction(y)) for x, y in corners.reshape(4, 2).tolist()])) == 0:
                continue
            shuffled = np.random.default_rng(3).permutation(corners.reshape(4, 2))
            assert rotated_iou(corners[None], corners[None]) == 1
            assert rotated_iou(corners[None], shuffled[None]) == 1


def test_units_and_directions_are_the_same_box():
    boxes = np.array([[5, 6, 8, 2, 30.0], [1, 2, 3, 4, -75.0]])
    radians = boxes * [1, 1, 1, 1, math.pi / 180]
    corners = rotated_corners(boxes)
    np.testing.assert_allclose(rotated_corners(radians, angle="radians"), corners, atol=1e-14)
    np.testing.assert_allclose(rotated_corners(boxes * [1, 1, 1, 1, -1], clockwise=True), corners, atol=1e-14)
    # The right end of a wide box that turns counter-clockwise is higher up, where y is smaller.
    right = corners[0, corners[0, :, 0].argmax()]
    assert right[1] < 6
    assert rotated_iou(boxes, radians[:0], angle="radians").shape == (2, 0)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([[0, 0, 1, 1]], r"detections: expected shape \(N, 5\).*, found \(1, 4\)"),
        ([[0, 0, 1, 1, 2, 3]], r"expected shape \(N, 5\).*, found \(1, 6\)"),
        ([[0, 0, 1, -1, 2]], r"detections: row 0 is \(0, 0, 1, -1, 2\): a negative size"),
        ([[0, 0, 1, math.nan, 2]], r"row 0 is \(0, 0, 1, NaN, 2\): NaN or infinite"),
    ],
)
def test_what_is_no_rotated_box_is_an_error(boxes, expected):
    with pytest.raises(meanap.InputError, match=expected):
        rotated_iou(boxes, [[0, 0, 1, 1, 0]])
    with pytest.raises(meanap.InputError, match=expected.replace("detections", "ground_truths")):
        rotated_iou([[0, 0, 1, 1, 0]], boxes)


def scenes(seed: int = 5, images: int = 12) -> tuple[dict, list]:
    """A COCO data set of rotated boxes and results, of detectron2's form."""
    random = np.random.default_rng(seed)
    annotations, results = [], []
    for image in range(1, images + 1):
        for _ in range(random.integers(1, 9)):
            box = [*random.uniform(20, 200, 2), *random.uniform(5, 60, 2), random.uniform(-180, 180)]
            category = int(random.integers(1, 4))
            record = {"image_id": image, "category_id": category, "bbox": [float(x) for x in box]}
            area = record["bbox"][2] * record["bbox"][3]
            annotations.append({"id": len(annotations) + 1, **record, "area": area, "iscrowd": 0})
            for _ in range(random.integers(0, 3)):
                moved = np.array(box) + random.normal(0, 1, 5) * [2, 2, 2, 2, 4]
                found = {**record, "bbox": np.abs(moved[:4]).tolist() + [float(moved[4])]}
                results.append({**found, "score": float(random.uniform())})
    truth = {
        "images": [{"id": id, "width": 256, "height": 256} for id in range(1, images + 1)],
        "annotations": annotations,
        "categories": [{"id": id, "name": f"class {id}"} for id in (1, 2, 3)],
    }
    return truth, results


def columns(records: list, corners: bool = False) -> dict:
    made = columns_of_records(records)
    return {**made, "boxes": rotated_corners(made["boxes"]).reshape(-1, 8)} if corners else made


def by_image(truth: dict, results: list, corners: bool = False) -> tuple[list, list]:
    """Lists of one dictionary for each image."""
    sides = records_by_image(truth, results, 5)
    if corners:
        for item in [*sides[0], *sides[1]]:
            item["boxes"] = rotated_corners(item["boxes"])
    return sides


def naive(truth: dict, results: list) -> dict[str, float]:
    """COCO's numbers by the reference, given the similarities of `rotated_iou`."""
    pycocotools = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")

    class Rotated(cocoeval.COCOeval):
        def computeIoU(self, imgId, catId):
            gt, dt = self._gts[imgId, catId], self._dts[imgId, catId]
            if not gt or not dt:
                return []
            dt = [dt[i] for i in np.argsort([-d["score"] for d in dt], kind="mergesort")][: self.params.maxDets[-1]]
            return rotated_iou([d["bbox"] for d in dt], [g["bbox"] for g in gt])

    gt = pycocotools.COCO()
    gt.dataset = json.loads(json.dumps(truth))
    gt.createIndex()
    ev = Rotated(gt, gt.loadRes(json.loads(json.dumps(results))), "bbox")
    ev.evaluate()
    ev.accumulate()
    ev.summarize()
    names = ["ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"]
    return dict(zip(names, ev.stats.tolist(), strict=False))


def _paths(truth: dict, results: list, folder) -> tuple[str, str]:
    paths = str(folder / "truth.json"), str(folder / "found.json")
    for path, content in zip(paths, (truth, results), strict=True):
        with open(path, "w") as file:
            json.dump(content, file)
    return paths


def test_every_entry_gives_the_numbers_of_the_reference_with_these_similarities(tmp_path):
    truth, results = scenes()
    expected = naive(truth, results)
    assert 0.2 < expected["ap"] < 0.9
    rows = np.array([[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in results])
    score = [record["score"] for record in results]
    sources = {
        "dictionaries": (truth, results),
        "files": _paths(truth, results, tmp_path),
        "array": (truth, rows),
        "columns": (
            meanap.GroundTruth(**columns(truth["annotations"])),
            meanap.Detections(**columns(results), scores=score),
        ),
        "lists": by_image(truth, results),
    }
    for name, (ground_truth, detections) in sources.items():
        result = meanap.evaluate(ground_truth, detections, "rotated")
        # Of no objects there is -1 in the reference.
        found = {key: -1 if math.isnan(result[key]) else result[key] for key in expected}
        assert found == expected, name
    preds, targets = by_image(truth, results)[::-1]
    metric = meanap.MeanAveragePrecision("rotated")
    for pred, target in zip(preds, targets, strict=True):
        metric.update([pred], [target])
    assert metric.compute()["map"] == expected["ap"]


def test_corners_give_the_numbers_of_the_boxes_that_they_are_of():
    truth, results = scenes()
    expected = meanap.evaluate(truth, results, "rotated")
    with_corners = [
        {**record, "bbox": rotated_corners([record["bbox"]]).ravel().tolist()} for record in truth["annotations"]
    ]
    mixed = meanap.evaluate({**truth, "annotations": with_corners}, results, "rotated")
    of_lists = meanap.evaluate(*by_image(truth, results, corners=True), "rotated")
    array = np.array(
        [[r["image_id"], *rotated_corners([r["bbox"]]).ravel(), r["score"], r["category_id"]] for r in results]
    )
    of_array = meanap.evaluate(truth, array, "rotated")
    for result in (mixed, of_lists, of_array):
        assert result.ap == pytest.approx(expected.ap, abs=1e-12)
        assert result.ap_small == pytest.approx(expected.ap_small, abs=1e-12, nan_ok=True)


def test_angles_are_as_the_protocol_says():
    truth, results = scenes()
    expected = meanap.evaluate(truth, results, "rotated").ap

    def turned(records, factor):
        return [{**record, "bbox": [*record["bbox"][:4], record["bbox"][4] * factor]} for record in records]

    for factor, changes in [
        (math.pi / 180, {"angle": "radians"}),
        (-1, {"clockwise": True}),
        (-math.pi / 180, {"angle": "radians", "clockwise": True}),
    ]:
        other = {**truth, "annotations": turned(truth["annotations"], factor)}, turned(results, factor)
        assert meanap.evaluate(*other, "rotated", **changes).ap == pytest.approx(expected, abs=1e-12)
        metric = meanap.MeanAveragePrecision("rotated", **changes)
        metric.update(*by_image(*other)[::-1])
        assert metric.compute()["map"] == pytest.approx(expected, abs=1e-12)
    with pytest.raises(meanap.InputError, match="angle: only similarity 'rotated' uses it"):
        meanap.evaluate(truth, results, angle="radians")
    with pytest.raises(meanap.InputError, match="angle: expected 'degrees' or 'radians', found 'turns'"):
        meanap.evaluate(truth, results, "rotated", angle="turns")


@pytest.mark.parametrize("numbers", [4, 6, 7])
def test_another_number_of_numbers_is_an_error_that_says_so(numbers, tmp_path):
    truth, results = scenes()
    record = results[3]
    bad = [*results[:3], {**record, "bbox": [1.0] * numbers}, *results[4:]]
    expected = (
        rf'record 3: "bbox" has {numbers} numbers, expected 5 numbers \(x_center, y_center, width, height, angle\)'
    )
    for source in (bad, _paths(truth, bad, tmp_path)[1]):
        with pytest.raises(meanap.InputError, match=expected):
            meanap.evaluate(truth, source, "rotated")
    item = {"boxes": np.ones((1, numbers)), "labels": [1], "scores": [0.5]}
    with pytest.raises(meanap.InputError, match=rf"expected shape \(N, 5\).* found \(1, {numbers}\)"):
        meanap.evaluate([{"boxes": np.ones((1, 5)), "labels": [1]}], [item], "rotated")


def _with(records: list, form: str) -> list:
    """Records whose boxes are in another field, or of another form."""
    changed = []
    for record in records:
        box = record["bbox"]
        rest = {name: value for name, value in record.items() if name != "bbox"}
        corners = rotated_corners([box])[0]
        upright = [*corners.min(axis=0).tolist(), *np.ptp(corners, axis=0).tolist()]
        if form == "corners":
            rest["bbox"] = corners.ravel().tolist()
        elif form == "obb":
            rest = {"obb": box, **rest}
        else:
            rest |= {"bbox": upright, "obb": box}
        changed.append(rest)
    return changed


@pytest.mark.parametrize("form", ["bbox", "corners", "obb", "obb beside an upright box"])
def test_files_are_read_into_columns_that_agree_with_dictionaries(form, tmp_path):
    truth, results = scenes()
    if form != "bbox":
        truth = {**truth, "annotations": _with(truth["annotations"], form)}
        results = _with(results, form)
    paths = _paths(truth, results, tmp_path)
    assert _core.read_dataset(paths[0]).objects("rotated", "ground_truth") is not None
    assert _core.read_results(paths[1]).objects("rotated", "detections") is not None
    summaries = [meanap.evaluate(*sides, "rotated").to_dict() for sides in ((truth, results), paths)]
    np.testing.assert_equal(summaries[1], summaries[0])
    # The same file as upright boxes: those that there are, or the error of dictionaries.
    told = []
    for sides in ((truth, results), paths):
        try:
            told.append(meanap.evaluate(*sides).ap)
        except meanap.InputError as error:
            told.append(str(error).replace(f"{paths[0]}: ", ""))
    assert told[0] == told[1]
    checked = [meanap.check(*sides, similarity="rotated").to_dict() for sides in ((truth, results), paths)]
    assert checked[0] == checked[1]


@pytest.mark.parametrize("name", ["bbox", "obb"])
@pytest.mark.parametrize(
    "box",
    [
        [1.0, 2.0, 3.0, -4.0, 5.0],
        [1.0, 2.0, math.nan, 4.0, 5.0],
        [1.0, 2.0, 3.0, math.inf, 5.0],
        [1.0] * 4,
        [1.0] * 8,
        [1.0] * 9,
        [2**70, 2, 3, 4, 5],
        [[1.0, 2.0], [3.0, 2.0], [3.0, 4.0], [1.0, 4.0]],
        ["1", 2, 3, 4, 5],
        [],
        None,
        "1 2 3 4 5",
    ],
)
def test_of_files_and_dictionaries_the_errors_are_the_same(name, box, tmp_path):
    for row in (0, 5):
        truth, results = scenes()
        results = [{("obb" if key == name else key): value for key, value in r.items()} for r in results]
        record = results[row]
        results[row] = {**{key: value for key, value in record.items() if key != name}, name: box}
        paths = _paths(truth, results, tmp_path)
        told = []
        for found in (results, paths[1]):
            try:
                told.append(meanap.evaluate(truth, found, "rotated").ap)
            except meanap.InputError as error:
                told.append(str(error).replace(f": {found}", "") if found is paths[1] else str(error))
        assert told[0] == told[1]


def test_pycocotools_api_takes_files_of_rotated_boxes_as_the_reference_does(tmp_path):
    pycocotools = pytest.importorskip("pycocotools.coco")
    truth, results = scenes()
    paths = _paths(truth, results, tmp_path)
    told = []
    for COCO in (pycocotools.COCO, meanap.COCO):
        gt = COCO(paths[0])
        dt = gt.loadRes(paths[1])
        told.append((gt.anns, [gt.getAnnIds(areaRng=[0, 900])], list(dt.anns.values())))
    assert told[0] == told[1]


def test_five_and_eight_numbers_do_not_mix_within_a_side():
    truth, results = scenes()
    bad = [*results[:3], {**results[3], "bbox": [1.0] * 8}]
    with pytest.raises(meanap.InputError, match='record 3: "bbox" has 8 numbers, that of record 0 has 5'):
        meanap.evaluate(truth, bad, "rotated")
    items = [{"boxes": np.ones((1, n)), "labels": [1], "scores": [0.5]} for n in (5, 8)]
    targets = [{"boxes": np.ones((1, 5)), "labels": [1]}] * 2
    with pytest.raises(meanap.InputError, match=r'\[1\]\["boxes"\]: 8 numbers, those before have 5'):
        meanap.evaluate(targets, items, "rotated")


def test_analyses_have_the_same_pairs():
    truth, results = scenes()
    result = meanap.evaluate(truth, results, "rotated")
    # Positions, sizes and angles scatter: what no other class overlaps is a true positive or background.
    confusion = result.confusion(iou=0.5)
    assert confusion.matrix.sum() >= len(truth["annotations"])
    assert sum(result.errors(iou=0.5).counts.values()) >= 0


@pytest.mark.parametrize(("field", "value"), [("angle", "radians"), ("clockwise", True), ("rotated_iou", "probiou")])
def test_a_difference_in_how_angles_are_read_is_one_row_that_names_it(field, value):
    found = meanap.explain_difference(*scenes(), "coco", {field: value}, "rotated")
    assert [row["fields"] for row in found] == [field]
    assert found["change"].tolist() == [found.difference] and found.difference != 0


def test_checks_know_rotated_boxes(tmp_path):
    truth, results = scenes()
    for source in ((truth, results), _paths(truth, results, tmp_path)):
        for similarity in ("rotated", None):
            findings = meanap.check(*source, similarity)
            assert not {"malformed-box", "area-off"} & set(findings["code"])
    bad = [*results[:3], {**results[3], "bbox": [1.0] * 4}, *results[4:]]
    found = [row for row in meanap.check(truth, bad, "rotated") if row["code"] == "malformed-box"]
    assert [row["count"] for row in found] == [1] and "has 4 numbers, expected 5 numbers" in found[0]["example"]


def test_upright_evaluations_say_what_compares_rotated_boxes():
    truth, results = scenes()
    with pytest.raises(meanap.InputError, match="expected 4 numbers .*similarity 'rotated' compares rotated boxes"):
        meanap.evaluate(truth, results)


def test_a_report_draws_the_corners(tmp_path):
    truth, results = scenes()
    page = meanap.report.write(tmp_path / "page.html", truth, results, "rotated", resamples=2, worst=12)
    text = page.read_text(encoding="utf-8")
    corners = rotated_corners([record["bbox"] for record in truth["annotations"]])
    paths = ["M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in own) + "Z" for own in corners.tolist()]
    assert sum(path in text for path in paths) > 30 and "<rect x=" not in text.split("<figure", 1)[1].split("</svg>")[0]


def test_tables_hold_rotated_boxes():
    pa = pytest.importorskip("pyarrow")
    truth, results = scenes()
    expected = meanap.evaluate(truth, results, "rotated").ap
    for form in ("columns", "lists", "corners"):
        sides = []
        for records in (truth["annotations"], results):
            boxes = np.array([record["bbox"] for record in records])
            table = {name: [record[name] for record in records] for name in ("image_id", "category_id")}
            if records is results:
                table["score"] = [record["score"] for record in records]
            if form == "columns":
                table |= dict(zip(("cx", "cy", "w", "h", "angle"), boxes.T, strict=True))
            elif form == "corners":
                names = [f"{axis}{corner}" for corner in range(1, 5) for axis in "xy"]
                table |= dict(zip(names, rotated_corners(boxes).reshape(-1, 8).T, strict=True))
            else:
                table["bbox"] = boxes.tolist()
            sides.append(pa.table(table))
        assert meanap.evaluate(*sides, "rotated").ap == pytest.approx(expected, abs=1e-12), form
    with pytest.raises(meanap.InputError, match="a table needs rotated boxes .columns cx, cy, width, height, angle"):
        meanap.evaluate(sides[0].drop(["bbox"] if form == "lists" else ["x1"]), sides[1], "rotated")


def test_the_cluster_gives_the_same_numbers():
    pa = pytest.importorskip("pyarrow")
    from meanap import distributed

    truth, results = scenes()
    expected = meanap.evaluate(truth, results, "rotated")
    table = {"image_id": [], "category_id": [], "bbox": [], "score": []}
    for record in (*truth["annotations"], *results):
        for name in table:
            table[name].append(record.get(name))
    plan = distributed.Plan.of("rotated", "coco", score_range=None)
    found = distributed.from_matches(distributed.match_batch(pa.table(table), plan), plan)
    assert found.to_dict() == pytest.approx(expected.to_dict(), abs=0, nan_ok=True)


def test_commands_take_units_and_directions(tmp_path, capsys):
    from meanap.cli import main

    truth, results = scenes()
    expected = meanap.evaluate(truth, results, "rotated").ap
    for record in (*truth["annotations"], *results):
        record["bbox"][4] = -math.radians(record["bbox"][4])
    paths = _paths(truth, results, tmp_path)
    options = ["--similarity", "rotated", "--angle", "radians", "--clockwise", "--json", "-", "--quiet"]
    assert main(["eval", *paths, *options]) == 0
    assert json.loads(capsys.readouterr().out)["stats"]["AP"] == pytest.approx(expected, abs=1e-12)
    assert main(["eval", *paths, "--angle", "radians"]) == 2
    assert "--angle: only --similarity rotated uses it, found bbox" in capsys.readouterr().err


@pytest.mark.parametrize("to", ["yolo", "dota", "coco"])
def test_rotated_boxes_are_converted_and_read_again(to, tmp_path):
    truth, results = scenes()
    expected = meanap.evaluate(truth, results, "rotated")
    sizes = {str(image["id"]): (256, 256) for image in truth["images"]}
    of_truth, of_found = tmp_path / "truth", tmp_path / "found"
    # Boxes that leave their image are no fractions of it.
    inside = [r for r in truth["annotations"] if (abs(rotated_corners([r["bbox"]]) - 128) < 128).all()]
    found = [r for r in results if (abs(rotated_corners([r["bbox"]]) - 128) < 128).all()]
    data = {**truth, "annotations": inside}
    expected = meanap.evaluate(data, found, "rotated")
    meanap.convert(data, of_truth, to, similarity="rotated")
    meanap.convert(found, of_found, to, ground_truth=data, similarity="rotated")
    reading = {"sizes": sizes} if to == "yolo" else {}
    again = meanap.evaluate(of_truth, of_found, "rotated", **reading)
    assert again.ap == pytest.approx(expected.ap, abs=1e-9)
    assert again.ap50 == pytest.approx(expected.ap50, abs=1e-9)


def test_generated_rotated_boxes_are_an_imperfect_detector_s(tmp_path, capsys):
    from meanap import generate
    from meanap.cli import main

    truth, found = generate.rotated(30, 2)
    assert (truth, found) == generate.rotated(30, 2) and found != generate.rotated(30, 3)[1]
    assert {len(record["bbox"]) for record in (*truth["annotations"], *found)} == {5}
    result = meanap.evaluate(truth, found, "rotated")
    assert 0.1 < result.ap < 0.8 and result.ap50 > result.ap75
    assert main(["generate", str(tmp_path), "--similarity", "rotated", "--images", "30", "--seed", "2"]) == 0
    paths = capsys.readouterr().out.split()
    assert main(["eval", *paths, "--similarity", "rotated", "--json", "-", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["stats"]["AP"] == result.ap


def rows_by_image(truth: dict, results: list) -> tuple[list, list]:
    """Arrays of one image each: (N, 6) of box and category, (N, 7) of box, score and category."""
    targets, preds = by_image(truth, results)
    return (
        [np.column_stack([item["boxes"], item["labels"]]) for item in targets],
        [np.column_stack([item["boxes"], item["scores"], item["labels"]]) for item in preds],
    )


def test_arrays_of_each_image_have_five_numbers_score_and_category():
    truth, results = scenes()
    expected = meanap.evaluate(truth, results, "rotated").ap
    targets, preds = rows_by_image(truth, results)
    scored = [np.column_stack([rows[:, :5], np.ones(len(rows)), rows[:, 5]]) for rows in targets]
    for of_truth in (targets, scored):
        for of_found in (preds, [rows.tolist() for rows in preds], dict(enumerate(preds))):
            assert meanap.evaluate(of_truth, of_found, "rotated").ap == expected
        metric = meanap.MeanAveragePrecision("rotated")
        for target, pred in zip(of_truth, preds, strict=True):
            metric.update(pred, target)
        assert metric.compute()["map"] == expected
    one = meanap.evaluate(targets[0], preds[0], "rotated").ap
    assert one == meanap.evaluate(targets[:1], preds[:1], "rotated").ap
    stacked = np.stack([preds[0][:1], preds[0][:1]])
    assert meanap.evaluate([targets[0]] * 2, stacked, "rotated").ap == pytest.approx(
        meanap.evaluate(targets[:1], [preds[0][:1]], "rotated").ap
    )


def test_arrays_of_detections_without_category_are_of_category_0_or_one_for_each():
    truth, results = scenes()
    targets, preds = rows_by_image(truth, results)
    classes = [[rows[rows[:, 6] == label][:, :6] for label in range(4)] for rows in preds]
    expected = meanap.evaluate(truth, results, "rotated").ap
    assert meanap.evaluate(targets, classes, "rotated").ap == expected
    of_one = [np.column_stack([rows[:, :5], np.zeros(len(rows))]) for rows in targets]
    agnostic = meanap.evaluate(targets, preds, "rotated", by_category=False).ap
    single = [rows[:, :6] for rows in preds]
    assert meanap.evaluate(of_one, single, "rotated").ap == pytest.approx(agnostic, abs=1e-3)
    with pytest.raises(meanap.InputError, match=r"detections\[0\]: found shape \(1, 8\), expected \(N, 7\)"):
        meanap.evaluate(targets, [np.ones((1, 8))] * len(targets), "rotated")
    with pytest.raises(meanap.InputError, match=r"found shape \(1, 9\), expected .*; or of one image \(N, 7\)"):
        meanap.evaluate(truth, np.ones((1, 9)), "rotated")


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_files_of_tables_have_columns_of_rotated_boxes(format, corners, tmp_path):
    truth, results = scenes()
    expected = meanap.evaluate(truth, results, "rotated")
    names = ["cx", "cy", "width", "height", "angle"]
    if corners:
        names = [f"{axis}{number}" for number in range(1, 5) for axis in "xy"]
    paths = []
    for place, records in (("truth", truth["annotations"]), ("found", results)):
        boxes = np.array([record["bbox"] for record in records])
        boxes = rotated_corners(boxes).reshape(-1, 8) if corners else boxes
        table = {key: [r[key] for r in records] for key in ("image_id", "category_id", "score") if key in records[0]}
        table |= {name: boxes[:, number].tolist() for number, name in enumerate(names)}
        paths.append(str(tmp_path / f"{place}.{format}"))
        if format == "parquet":
            pq, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
            pq.write_table(pa.table(table), paths[-1])
        else:
            lines = [",".join(table), *(",".join(map(repr, row)) for row in zip(*table.values(), strict=True))]
            (tmp_path / f"{place}.csv").write_text("\n".join(lines))
    found = meanap.evaluate(*paths, "rotated")
    assert found.ap == (pytest.approx(expected.ap, abs=1e-12) if corners else expected.ap)
    assert found.ap75 == pytest.approx(expected.ap75, abs=1e-12)


def test_polygons_of_labelme_and_turned_boxes_of_cvat_are_rotated_boxes(tmp_path):
    truth, results = scenes()
    named = [{**record, "category_id": f"class {record['category_id']}"} for record in results]
    expected = meanap.evaluate(truth, results, "rotated", area_ranges={"all": (0, math.inf)})
    (tmp_path / "labelme").mkdir()
    images = []
    for image in truth["images"]:
        own = [record for record in truth["annotations"] if record["image_id"] == image["id"]]
        shapes, boxes = [], []
        for record in own:
            label, (x, y, width, height, angle) = f"class {record['category_id']}", record["bbox"]
            points = rotated_corners([record["bbox"]])[0].tolist()
            # X-AnyLabeling has a shape of its own for them.
            kind = ("polygon", "rotation")[record["id"] % 2]
            shapes.append({"label": label, "shape_type": kind, "points": points})
            sides = f'xtl="{x - width / 2!r}" ytl="{y - height / 2!r}" xbr="{x + width / 2!r}" ybr="{y + height / 2!r}"'
            # CVAT's angles turn clockwise.
            boxes.append(f'<box label="{label}" {sides} rotation="{-angle!r}"></box>')
        page = {"version": "5", "imagePath": f"{image['id']}.png", "imageHeight": 256, "imageWidth": 256}
        (tmp_path / "labelme" / f"{image['id']}.json").write_text(json.dumps({**page, "shapes": shapes}))
        images.append(f'<image id="0" name="{image["id"]}.png" width="256" height="256">{"".join(boxes)}</image>')
    (tmp_path / "cvat.xml").write_text(f"<annotations>{''.join(images)}</annotations>")
    by_name = [{**record, "image_id": str(record["image_id"])} for record in named]
    for source in (tmp_path / "labelme", tmp_path / "cvat.xml"):
        found = meanap.evaluate(str(source), by_name, "rotated", area_ranges={"all": (0, math.inf)})
        assert found.ap == pytest.approx(expected.ap, abs=1e-12), source
