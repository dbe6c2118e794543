"""Polygons as they are drawn: intersection over union beside rational arithmetic and Shapely, by every entry."""

import json
from fractions import Fraction

import numpy as np
import pytest

import meanap
from meanap import _rle
from meanap.cli import main
from meanap.generate import dataset, detections


def exact(first, second):
    """Intersection over union of rings ``(N, 2)``, in rational arithmetic: slab by slab, in which no sides cross."""
    rings = [[(Fraction(x), Fraction(y)) for x, y in ring] for ring in (first, second)]
    sides = [
        [tuple(sorted(pair, key=lambda corner: corner[1])) for pair in zip(ring, ring[1:] + ring[:1], strict=True)]
        for ring in rings
    ]
    sides = [[side for side in of if side[0][1] != side[1][1]] for of in sides]

    def at(side, y):
        (x, low), (end, high) = side
        return x + (end - x) * (y - low) / (high - low)

    cuts = {corner[1] for ring in rings for corner in ring}
    every = sides[0] + sides[1]
    for i, one in enumerate(every):
        for other in every[i + 1 :]:
            low, high = max(one[0][1], other[0][1]), min(one[1][1], other[1][1])
            if low < high:
                below, above = at(one, low) - at(other, low), at(one, high) - at(other, high)
                if below * above < 0:
                    cuts.add(low + (high - low) * below / (below - above))
    cuts, areas = sorted(cuts), [Fraction(0)] * 3
    for low, high in zip(cuts, cuts[1:], strict=False):
        y = (low + high) / 2
        spans = []
        for of in sides:
            places = sorted(at(side, y) for side in of if side[0][1] < y < side[1][1])
            spans.append(list(zip(places[::2], places[1::2], strict=True)))
        both = sum(max(min(b, d) - max(a, c), 0) for a, b in spans[0] for c, d in spans[1])
        for k, width in enumerate((*(sum(b - a for a, b in of) for of in spans), both)):
            areas[k] += width * (high - low)
    union = areas[0] + areas[1] - areas[2]
    return areas[2] / union if union else Fraction(0)


def scene(first, second):
    record = {"image_id": 1, "category_id": 1}
    truth = {
        "images": [{"id": 1, "height": 64, "width": 64}],
        "categories": [{"id": 1, "name": "plot"}],
        "annotations": [{**record, "id": 1, "segmentation": first, "area": 9.0, "iscrowd": 0, "bbox": [0, 0, 9, 9]}],
    }
    return truth, [{**record, "segmentation": second, "score": 0.5}]


def has_value(first, second, value):
    """Whether the similarity reaches a threshold just below a value, and none just above it."""
    rings = [np.asarray(ring, dtype=float).ravel().tolist() for ring in (first, second)]
    found = meanap.evaluate(*scene([rings[0]], [rings[1]]), "polygon", thresholds=[value - 1e-12, value + 1e-12])
    return found.matches.matched.tolist() == [[True, False]]


@pytest.mark.parametrize("corners", [3, 5, 12])
def test_a_value_is_that_of_rational_arithmetic(corners):
    rng = np.random.default_rng(corners)
    for number in range(20):
        first = rng.uniform(0, 60, (corners, 2))
        # Near to the first, or anywhere; most cross themselves.
        second = first + rng.normal(0, 2, (corners, 2)) if number % 2 else rng.uniform(0, 60, (corners, 2))
        value = float(exact(first.tolist(), second.tolist()))
        if 1e-6 < value < 1 - 1e-6:
            assert has_value(first, second, value), (first, second, value)


def test_a_value_is_that_of_shapely():
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(8)
    for _ in range(100):
        rings = []
        for _ in range(2):
            angles = (np.arange(9) + rng.uniform(0, 0.9, 9)) * 2 * np.pi / 9
            radii = rng.uniform(5, 28, 9)
            rings.append(np.stack([30 + radii * np.cos(angles), 30 + radii * np.sin(angles)], axis=1))
        shapes = [shapely.Polygon(ring) for ring in rings]
        value = shapes[0].intersection(shapes[1]).area / shapes[0].union(shapes[1]).area
        assert has_value(*rings, value), (rings, value)


def test_run_lengths_have_the_values_of_masks():
    truth = dataset(images=8, seed=3, categories=2)
    found = detections(truth, seed=3)
    for record in (*truth["annotations"], *found):
        x, y, w, h = (int(side) for side in record["bbox"])
        size = next((i["height"], i["width"]) for i in truth["images"] if i["id"] == record["image_id"])
        mask = np.zeros(size, dtype=np.uint8)
        rows, columns = np.mgrid[: size[0], : size[1]]
        inside = ((rows - y - h / 2) / (h / 2 + 1)) ** 2 + ((columns - x - w / 2) / (w / 2 + 1)) ** 2 <= 1
        mask[inside] = 1
        record["segmentation"] = _rle.encode(mask)
    expected = meanap.evaluate(truth, found, "segm")
    assert 0.1 < expected.ap < 0.95
    assert meanap.evaluate(truth, found, "polygon").ap == expected.ap


def polygons(seed=6):
    """Polygons of a data set, and detections whose corners are moved."""
    rng = np.random.default_rng(seed)
    truth = {"images": [], "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], "annotations": []}
    found = []
    for image in range(1, 9):
        truth["images"].append({"id": image, "height": 64, "width": 64})
        for _ in range(rng.integers(1, 5)):
            angles = np.sort(rng.uniform(0, 2 * np.pi, 7))
            ring = rng.uniform(16, 48, 2) + rng.uniform(4, 14, (7, 1)) * np.stack(
                [np.cos(angles), np.sin(angles)], axis=1
            )
            record = {"image_id": image, "category_id": int(rng.integers(1, 3))}
            corner, side = ring.min(axis=0).tolist(), np.ptp(ring, axis=0).tolist()
            annotation = {**record, "id": len(truth["annotations"]) + 1, "segmentation": [ring.ravel().tolist()]}
            truth["annotations"].append(
                {**annotation, "bbox": [*corner, *side], "area": side[0] * side[1], "iscrowd": 0}
            )
            moved = (ring + rng.normal(0, 1, ring.shape)).ravel().tolist()
            found.append({**record, "segmentation": [moved], "score": float(rng.uniform())})
    return truth, found


def test_every_entry_gives_the_same_numbers(tmp_path):
    truth, found = polygons()
    expected = meanap.evaluate(truth, found, "polygon")
    assert 0.2 < expected.ap < 0.95 and expected.ap != meanap.evaluate(truth, found, "segm").ap
    paths = [tmp_path / "truth.json", tmp_path / "found.json"]
    for path, content in zip(paths, (truth, found), strict=True):
        path.write_text(json.dumps(content))
    for limit in (None, "64 MB"):
        again = meanap.evaluate(*paths, "polygon", memory_limit=limit)
        assert dict(again) == pytest.approx(dict(expected), nan_ok=True, abs=0)
    out = tmp_path / "out.json"
    assert main(["eval", *map(str, paths), "--similarity", "polygon", "--json", str(out)]) == 0
    assert next(iter(json.loads(out.read_text())["stats"].values())) == expected.ap
    page = tmp_path / "report.html"
    few = ["--similarity", "polygon", "--resamples", "2", "--worst", "2"]
    assert main(["report", *map(str, paths), *few, "-o", str(page)]) == 0
    assert main(["check", *map(str, paths), "--similarity", "polygon", "--quiet"]) in (0, 1)


def test_label_files_keep_their_polygons(tmp_path):
    """YOLO's polygons of both sides, and LabelMe's of the ground truth."""
    truth, found = polygons()
    expected = meanap.evaluate(truth, found, "polygon")
    for side, records in (("labels", truth["annotations"]), ("results", found)):
        (tmp_path / side).mkdir()
        for image in range(1, 9):
            lines = []
            for record in records:
                if record["image_id"] == image:
                    numbers = " ".join(repr(number / 64) for number in record["segmentation"][0])
                    score = f" {record['score']!r}" if "score" in record else ""
                    lines.append(f"{record['category_id']} {numbers}{score}")
            (tmp_path / side / f"{image}.txt").write_text("\n".join(lines))
    sizes = {str(image): (64, 64) for image in range(1, 9)}
    with_files = meanap.evaluate(
        tmp_path / "labels", tmp_path / "results", "polygon", sizes=sizes, names=["-", "a", "b"]
    )
    assert with_files.ap == pytest.approx(expected.ap, abs=1e-12)
    (tmp_path / "labelme").mkdir()
    for image in range(1, 9):
        shapes = [
            {"label": "-ab"[r["category_id"]], "shape_type": "polygon",
             "points": np.reshape(r["segmentation"][0], (-1, 2)).tolist()}
            for r in truth["annotations"] if r["image_id"] == image
        ]  # fmt: skip
        content = {"shapes": shapes, "imageHeight": 64, "imageWidth": 64, "imagePath": f"{image}.jpg"}
        (tmp_path / "labelme" / f"{image}.json").write_text(json.dumps(content))
    named = [
        {**record, "category_id": "-ab"[record["category_id"]], "image_id": str(record["image_id"])} for record in found
    ]
    assert meanap.evaluate(tmp_path / "labelme", named, "polygon").ap == pytest.approx(expected.ap, abs=1e-12)


def test_workers_say_that_they_have_no_corners():
    pytest.importorskip("pyarrow")
    from meanap.distributed import Plan

    with pytest.raises(ValueError, match="'polygon' compares corners, which tables do not have"):
        Plan.of("polygon")


def test_faults_are_named():
    truth, found = polygons()
    found[2]["segmentation"] = [[1.0, float("nan"), 2.0, 3.0, 4.0, 5.0]]
    with pytest.raises(meanap.InputError, match='record 2: "segmentation"'):
        meanap.evaluate(truth, found, "polygon")
    del found[2]["segmentation"]
    with pytest.raises(meanap.InputError, match='record 2: "segmentation" is missing'):
        meanap.evaluate(truth, found, "polygon")
