"""The check: each fault alone in a file of its own, found under its code and no other; clean files clean."""

import copy
import json
import math
import tracemalloc
import warnings

import numpy as np
import pytest
from thorough import some

import meanap
from meanap import generate
from meanap.checking import labels
from meanap.checking.confused import Confused
from meanap.checking.findings import LEVELS
from meanap.checking.frames import _Sampler
from meanap.checking.reading import read_detections, read_ground_truth
from meanap.cli import main
from meanap.detection.scores import MatchScores
from meanap.readers import Options
from meanap.readers._rules import RULES, markdown

CLEAN = {"label-errors"}


@pytest.fixture(scope="module")
def clean():
    truth = generate.dataset(30, 12, categories=4)
    found = generate.detections(truth, per_image=40, seed=12)
    return truth, found


def both_ways(tmp_path, truth, found=None):
    """Findings from files and from Python objects, which must be the same."""
    paths = []
    for name, value in (("truth", truth), ("found", found)):
        if value is not None:
            paths.append(tmp_path / f"{name}.json")
            paths[-1].write_text(json.dumps(value))
    findings = meanap.check(*paths)
    from_objects = meanap.check(truth, found)
    assert findings["code"] == from_objects["code"] and findings["count"] == from_objects["count"]
    assert findings["level"] == from_objects["level"] and findings["example"] == from_objects["example"]
    return findings


@pytest.mark.parametrize("kind, form", [("bbox", {}), ("segm", {}), ("segm", {"boxes": True}), ("keypoints", {})])
@pytest.mark.parametrize("seed", [12, 13])
def test_clean_files_are_clean(tmp_path, kind, form, seed):
    poses = kind == "keypoints"
    options = {"kind": "keypoints", "categories": 1} if poses else {"categories": 4}
    truth = generate.dataset(40, seed, **options)
    found = generate.detections(truth, kind=kind, per_image=20, seed=seed, **form)
    findings = both_ways(tmp_path, truth, found)
    assert findings.codes <= CLEAN, repr(findings)
    assert findings.ok and set(findings["level"]) <= {"note"}
    assert len(meanap.check(truth)) == 0


def edit(records, row, **fields):
    records[row].update(fields)


def xyxy(records):
    for record in records:
        x, y, width, height = record["bbox"]
        record["bbox"] = [x, y, x + width, y + height]


def normalised(truth, records):
    sizes = {image["id"]: (image["width"], image["height"]) for image in truth["images"]}
    for record in records:
        width, height = sizes[record["image_id"]]
        x, y, w, h = record["bbox"]
        record["bbox"] = [x / width, y / height, w / width, h / height]


def without_masks(truth):
    for record in truth["annotations"]:
        del record["segmentation"]
        record["area"] = record["bbox"][2] * record["bbox"][3]


def drop_category(truth, found, id):
    found[:] = [record for record in found if record["category_id"] != id]


def shift(truth, found, by):
    for record in found:
        record["category_id"] += by


def ids_of(truth):
    # Ids with gaps, as COCO's.
    for record in (*truth["categories"], *truth["annotations"]):
        key = "id" if "name" in record else "category_id"
        record[key] = record[key] * 3 + 10


def to_places(truth, found):
    ids_of(truth)
    shift(truth, found, -1)


def boxes_wide(truth):
    truth["annotations"][3]["bbox"][2] *= 2
    truth["annotations"][3]["bbox"][3] *= 2


GROUND_TRUTH = {
    # code: the fault, and on how many it is.
    "zero-id": (lambda t: edit(t["annotations"], 4, id=0), 1),
    "duplicate-id": (lambda t: edit(t["annotations"], 4, id=t["annotations"][5]["id"]), 1),
    "duplicate-image-id": (lambda t: t["images"].append(dict(t["images"][0])), 1),
    "duplicate-category-id": (lambda t: t["categories"].append({"id": 2, "name": "other"}), 1),
    "duplicate-category-name": (lambda t: edit(t["categories"], 1, name=t["categories"][0]["name"]), 1),
    "unknown-image": (lambda t: edit(t["annotations"], 0, image_id=-7), 1),
    "unknown-category": (lambda t: edit(t["annotations"], 0, category_id=99), 1),
    "image-without-size": (lambda t: t["images"][2].pop("height"), 1),
    "empty-box": (lambda t: (without_masks(t), edit(t["annotations"], 6, bbox=[5, 5, 0, 8], area=0)), 1),
    "xyxy-boxes": (lambda t: (without_masks(t), xyxy(t["annotations"])), None),
    "normalised-boxes": (lambda t: (without_masks(t), normalised(t, t["annotations"])), None),
    "mask-off-box": (boxes_wide, 1),
    "area-off": (lambda t: edit(t["annotations"], 3, area=t["annotations"][3]["area"] * 3 + 200), 1),
    "broken-mask": (lambda t: edit(t["annotations"], 0, segmentation=[[1, 2]]), 1),
    "missing-field": (lambda t: t["annotations"][7].pop("iscrowd"), 1),
    "malformed-box": (lambda t: (without_masks(t), edit(t["annotations"], 8, bbox=[1, 2, 3])), 1),
    "malformed-record": (lambda t: t["annotations"].append([1, 2]), 1),
    "duplicate-object": (lambda t: t["annotations"].append({**t["annotations"][0], "id": 10**6}), 1),
    "category-without-objects": (lambda t: t["categories"].append({"id": 77, "name": "none"}), 1),
    "no-images": (lambda t: t.pop("images"), 1),
    "no-categories": (lambda t: t.pop("categories"), 1),
    "no-annotations": (lambda t: t.pop("annotations"), 1),
}


@pytest.mark.parametrize("code", GROUND_TRUTH)
def test_each_fault_of_the_ground_truth(tmp_path, clean, code):
    fault, count = GROUND_TRUTH[code]
    truth = copy.deepcopy(clean[0])
    fault(truth)
    findings = both_ways(tmp_path, truth)
    assert findings.codes == {code}, repr(findings)
    row = findings[0]
    assert row["count"] == (len(truth["annotations"]) if count is None else count)
    assert row["where"] == "ground_truth" and row["remedy"] and row["message"] and row["level"] in LEVELS
    assert findings.ok == (row["level"] != "error")


def test_boxes_outside_the_image(tmp_path, clean):
    truth = copy.deepcopy(clean[0])
    without_masks(truth)
    width = {image["id"]: image["width"] for image in truth["images"]}
    first, second = truth["annotations"][:2]
    first["bbox"] = [width[first["image_id"]] - 5, 3, 20, 10]
    second["bbox"] = [width[second["image_id"]] + 5, 3, 20, 10]
    for record in (first, second):
        record["area"] = 200
    findings = both_ways(tmp_path, truth)
    assert findings.codes == {"box-outside-image"} and findings[0]["count"] == 2
    assert "1 of them lie quite outside" in findings[0]["message"] and "in an image of" in findings[0]["example"]
    first["bbox"] = [width[first["image_id"]] - 19.5, 3, 20, 10]
    second["bbox"][0] -= 30
    assert meanap.check(truth).codes == set()


def test_corners_are_distinguished_from_sizes(tmp_path, clean):
    truth = copy.deepcopy(clean[0])
    without_masks(truth)
    for image in truth["images"]:
        del image["width"]
    unsized = copy.deepcopy(truth)
    xyxy(truth["annotations"])
    assert both_ways(tmp_path, truth).codes == {"xyxy-boxes", "image-without-size"}
    assert both_ways(tmp_path, unsized).codes == {"image-without-size"}
    # Objects in the middle, as on photographs of products: wider than they are far from the left, one beyond the edge.
    middle = {
        "images": [{"id": i, "width": 100, "height": 100} for i in range(1, 31)],
        "categories": [{"id": 1, "name": "shoe"}],
        "annotations": [
            {
                "id": i,
                "image_id": i,
                "category_id": 1,
                "bbox": [30, 30, 40 + i, 35 + i],
                "area": 900 + 9 * i,
                "iscrowd": 0,
            }
            for i in range(1, 31)
        ],
    }
    for annotation in middle["annotations"]:
        annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3] // 2
    middle["annotations"][5]["bbox"][2] = 75
    assert both_ways(tmp_path, middle).codes == {"box-outside-image"}


def test_masks_of_another_size(tmp_path, clean):
    truth = copy.deepcopy(clean[0])
    crowd = next(a for a in truth["annotations"] if a["iscrowd"])
    size = crowd["segmentation"]["size"]
    # Written as width and height; the runs are those of the turned image.
    crowd["segmentation"]["size"] = size[::-1]
    findings = both_ways(tmp_path, truth)
    assert "mask-size" in findings.codes and findings.codes <= {"mask-size", "mask-off-box"}
    assert f"[{size[0]}, {size[1]}]" in findings.row(code="mask-size")["example"]


@pytest.mark.parametrize("form", [{}, {"boxes": True}])
def test_masks_of_detections_of_another_size(tmp_path, form):
    truth = generate.dataset(20, 3, categories=2)
    found = generate.detections(truth, kind="segm", per_image=10, seed=3, **form)
    sizes = {image["id"]: [image["height"], image["width"]] for image in truth["images"]}
    turned = [d for d in found if sizes[d["image_id"]][0] != sizes[d["image_id"]][1]]
    for detection in turned:
        # Written as width and height; the runs are those of the turned image.
        detection["segmentation"] = {**detection["segmentation"], "size": sizes[detection["image_id"]][::-1]}
    row = both_ways(tmp_path, truth, found).row(code="mask-size")
    first = sizes[turned[0]["image_id"]]
    assert (row["where"], row["count"]) == ("detections", len(turned))
    assert f"[{first[1]}, {first[0]}] for [{first[0]}, {first[1]}]" in row["example"]
    for sides in ((truth, found), (tmp_path / "truth.json", tmp_path / "found.json")):
        with pytest.warns(
            UserWarning, match="almost no detection .*: masks are not of their image's size. Write height"
        ):
            meanap.evaluate(*sides, "segm")


@pytest.mark.parametrize("broken", [{"size": [9, 9], "counts": "x"}, [[1, 2]]])
def test_masks_of_detections_are_decoded_where_there_are_boxes_too(tmp_path, broken):
    truth = generate.dataset(20, 3, categories=2)
    found = generate.detections(truth, kind="segm", per_image=10, seed=3, boxes=True)
    found[5]["segmentation"] = broken
    assert both_ways(tmp_path, truth, found).row(code="broken-mask")["count"] == 1


def test_nothing_to_find(tmp_path):
    empty = {"images": [], "annotations": [], "categories": []}
    assert both_ways(tmp_path, empty).codes == {"no-objects"}
    assert both_ways(tmp_path, empty, []).codes == {"no-objects", "no-detections"}


DETECTIONS = {
    "unknown-image": (lambda t, f: edit(f, 0, image_id=-7), 1),
    "unknown-category": (lambda t, f: edit(f, 0, category_id=99), 1),
    "bad-score": (lambda t, f: edit(f, 0, score=math.nan), 1),
    "score-range": (lambda t, f: [edit(f, row, score=100 * f[row]["score"]) for row in range(len(f))], None),
    "constant-scores": (lambda t, f: [edit(f, row, score=1.0) for row in range(len(f))], None),
    "rounded-scores": (lambda t, f: [edit(f, row, score=round(f[row]["score"], 1)) for row in range(len(f))], None),
    "cut-scores": (lambda t, f: f.__setitem__(slice(None), [d for d in f if d["score"] >= 0.06]), 1),
    "malformed-box": (lambda t, f: edit(f, 8, bbox=[1, 2, None, 4]), 1),
    "missing-field": (lambda t, f: f[9].pop("score"), 1),
    "empty-box": (lambda t, f: edit(f, 8, bbox=[1, 2, 0, 4]), 1),
    "xyxy-boxes": (lambda t, f: xyxy(f), None),
    "normalised-boxes": (lambda t, f: normalised(t, f), None),
    "copied-ground-truth": (
        lambda t, f: f.__setitem__(
            slice(None),
            [
                {**{key: a[key] for key in ("image_id", "category_id", "bbox")}, "score": 0.5 + k / 1000}
                for k, a in enumerate(t["annotations"])
            ],
        ),
        None,
    ),
    "duplicate-detection": (lambda t, f: f.append(dict(f[0])), 1),
    "never-predicted": (lambda t, f: drop_category(t, f, 4), 1),
    "too-many-detections": (
        lambda t, f: f.extend({**f[0], "score": 0.01 + k * 1e-5, "bbox": [k, 5, 9, 9]} for k in range(150)),
        None,
    ),
    "image-without-detections": (
        lambda t, f: f.__setitem__(slice(None), [d for d in f if d["image_id"] != f[0]["image_id"]]),
        1,
    ),
}


@pytest.mark.parametrize("code", DETECTIONS)
def test_each_fault_of_the_detections(tmp_path, clean, code):
    fault, count = DETECTIONS[code]
    truth, found = copy.deepcopy(clean)
    fault(truth, found)
    findings = both_ways(tmp_path, truth, found)
    also = {
        # What comes with it by its nature.
        "copied-ground-truth": {"cut-scores"},
        "too-many-detections": {"box-outside-image"},
    }
    assert code in findings.codes
    assert findings.codes - CLEAN - also.get(code, set()) == {code}, repr(findings)
    row = findings.row(code=code)
    assert count is None or row["count"] == count
    assert row["where"] == "detections" and row["remedy"]


@pytest.mark.parametrize("score", [None, "high", math.nan, ...])
def test_a_score_that_cannot_be_used_is_one_problem_of_each_source(tmp_path, clean, score):
    truth, found = copy.deepcopy(clean)
    edit(found, 1, score=score)
    if score is ...:
        del found[1]["score"]
    files = tmp_path / "found.json", tmp_path / "found.jsonl"
    files[0].write_text(json.dumps(found))
    files[1].write_text("".join(json.dumps(record) + "\n" for record in found))
    told = [
        [(row["code"], row["count"], row["example"]) for row in meanap.check(truth, source) if row["level"] == "error"]
        for source in (found, {**truth, "annotations": found}, *files)
    ]
    assert len(told[0]) == 1 and told[0][0][2].startswith('record 1: "score" ') and told == [told[0]] * len(told)


@pytest.mark.parametrize(
    "fault, words",
    [
        (lambda t, f: shift(t, f, -1), "one too low"),
        (lambda t, f: shift(t, f, 1), "one too high"),
        (to_places, "places in the list of categories, from 0"),
        (lambda t, f: ids_of(t), "places in the list of categories, from 1"),
    ],
)
def test_categories_off_by_one(tmp_path, clean, fault, words):
    truth, found = copy.deepcopy(clean)
    fault(truth, found)
    findings = both_ways(tmp_path, truth, found)
    row = findings.row(code="category-offset")
    assert words in row["message"] and row["level"] == "error"
    # Ids that no category has are found as such too.
    assert findings.codes <= {"category-offset", "unknown-category", "never-predicted"}


def test_numbers_on_one_side_and_strings_on_the_other(tmp_path, clean):
    truth, found = copy.deepcopy(clean)
    for record in found:
        record["image_id"] = f"image {record['image_id']}"
    row = both_ways(tmp_path, truth, found).row(code="unknown-image")
    assert "numbers on one side and strings on the other" in row["remedy"] and row["count"] == len(found)


def test_a_data_set_without_annotations_holds_no_detections(tmp_path, clean):
    assert "no-detections" in both_ways(tmp_path, clean[0], {"annotations": []}).codes


@pytest.mark.parametrize("field", ["image_id", "category_id"])
def test_numbers_as_texts_are_looked_up(tmp_path, clean, field):
    truth, found = copy.deepcopy(clean)
    expected = both_ways(tmp_path, truth, found).codes
    for record in found:
        record[field] = str(record[field])
    findings = both_ways(tmp_path, truth, found)
    assert findings.codes == {*expected, "named-ids"}
    row = findings.row(code="named-ids")
    assert "numbers as texts" in row["message"] and row["count"] == len(found)


def test_half_of_the_images_without_detections(tmp_path, clean):
    truth, found = copy.deepcopy(clean)
    images = sorted({record["image_id"] for record in found})[:15]
    kept = [record for record in found if record["image_id"] in images]
    assert both_ways(tmp_path, truth, kept).row(code="image-without-detections")["level"] == "warning"


# Likely label errors


@pytest.mark.parametrize("trust", [0.0, 0.3, 0.6, 0.9])
def test_label_errors_are_those_of_the_error_types_of_all_detections(clean, monkeypatch, trust):
    monkeypatch.setattr(labels, "_TRUST", trust)
    error_table = MatchScores.error_table
    for seed in range(3):
        random = np.random.default_rng(seed)
        truth = copy.deepcopy(clean[0])
        for k in random.choice(len(truth["annotations"]), 60, replace=False).tolist():
            truth["annotations"][k]["category_id"] = int(random.integers(1, 5))
        # Scores of few values are equal as often as not; several detections of an object, some of them off.
        found = [
            {
                "image_id": a["image_id"],
                "category_id": a["category_id"] if random.random() < 0.9 else int(random.integers(1, 5)),
                "bbox": (np.array(a["bbox"]) * (1 + 0.3 * random.random(4) ** 3) + 0.1).tolist(),
                "score": round(float(random.random()), 1 + seed),
            }
            for a in truth["annotations"] * 3
        ]
        some = meanap.check(truth, found).label_errors
        with monkeypatch.context() as patch:
            patch.setattr(MatchScores, "error_table", lambda scores, *three, **_: error_table(scores, *three[:3]))
            whole = meanap.check(truth, found).label_errors
        assert some.to_dict() == whole.to_dict()
        assert len(some) or trust > 0.3


def test_label_errors_are_those_that_were_made(clean):
    truth = copy.deepcopy(clean[0])
    # A good detector: every object, near enough, with scores that fall; and low ones of nothing.
    found = [
        {
            "image_id": a["image_id"],
            "category_id": a["category_id"],
            "bbox": [a["bbox"][0] + 0.5, a["bbox"][1], a["bbox"][2] * 0.97 + 0.1, a["bbox"][3]],
            "score": 0.99 - k * 1e-4,
        }
        for k, a in enumerate(a for a in truth["annotations"] if not a["iscrowd"] and min(a["bbox"][2:]) > 12)
    ]
    assert len(meanap.check(truth, found).label_errors) == 0
    objects = [a for a in truth["annotations"] if not a["iscrowd"] and min(a["bbox"][2:]) > 12]
    wrong, gone, moved = objects[40], objects[50], objects[60]
    was = wrong["category_id"]
    wrong["category_id"] = was % 4 + 1
    truth["annotations"].remove(gone)
    moved["bbox"][2] *= 0.4
    errors = meanap.check(truth, found).label_errors
    told = {(row["kind"], row["image"], row["category"], row["truth"]) for row in errors}
    expected = {
        ("category", wrong["image_id"], was, wrong["category_id"]),
        ("missing", gone["image_id"], gone["category_id"], None),
        ("place", moved["image_id"], moved["category_id"], moved["category_id"]),
    }
    assert expected <= told and len(errors) <= 5, errors
    assert (np.diff(errors["trust"]) <= 0).all() and (errors["trust"] >= 0.9).all()
    row = errors.row(kind="missing", image=gone["image_id"])
    assert row["box"] == pytest.approx(found[50]["bbox"]) and row["similarity"] < 0.5
    assert row["score"] == found[50]["score"]


# What a check takes, and what it gives


def test_broken_files(tmp_path, clean):
    truth, found = tmp_path / "truth.json", tmp_path / "found.json"
    truth.write_text(json.dumps(clean[0]))
    found.write_text(json.dumps(clean[1])[:-100])
    findings = meanap.check(truth, found)
    assert findings.codes == {"broken-file"} and findings[0]["where"] == "detections"
    assert "found.json" in findings[0]["message"] and findings[0]["example"]
    found.write_text(json.dumps(clean[1]))
    swapped = meanap.check(found, truth)
    assert swapped["code"] == ["wrong-kind-of-file"] * 2 and set(swapped["where"]) == {"ground_truth", "detections"}
    assert set(swapped["remedy"]) == {"Are the two files swapped?"}
    for text in (
        "",
        "null",
        "[" * 5000,
        '{"annotations": 3}',
        '{"images": [1], "annotations": [], "categories": [{}]}',
    ):
        truth.write_text(text)
        assert not meanap.check(truth, found).ok, text
    with pytest.raises(FileNotFoundError):
        meanap.check(tmp_path / "nothing.json")
    for value in (3, None, "x" * 3 and [1, 2]):
        with pytest.raises(TypeError, match="ground_truth: expected"):
            meanap.check(value)
    with pytest.raises(TypeError, match="detections: expected"):
        meanap.check(clean[0], 3)


def test_hostile_records(tmp_path, clean):
    truth, found = copy.deepcopy(clean)
    strange = [
        {"image_id": [1], "category_id": {}, "bbox": "box", "score": "high"},
        {"image_id": True, "category_id": 1.5, "bbox": [1, 2, 3, 10**400], "score": 10**400},
        None,
        {},
    ]
    findings = both_ways(tmp_path, truth, [*found, *strange])
    assert {"malformed-record", "missing-field", "malformed-box"} <= findings.codes and not findings.ok
    truth["annotations"] += [{**entry, "id": [], "area": None, "iscrowd": "no"} for entry in strange if entry]
    truth["images"].append(None)
    truth["categories"].append({"id": None})
    assert not both_ways(tmp_path, truth, found).ok


def test_arrays_and_columns(clean):
    truth, found = clean
    array = generate.detect(truth, per_image=40, seed=12).array()
    assert meanap.check(truth, array).codes == meanap.check(truth, found).codes <= CLEAN
    columns = meanap.GroundTruth(
        [a["image_id"] for a in truth["annotations"]],
        [a["category_id"] for a in truth["annotations"]],
        np.array([a["bbox"] for a in truth["annotations"]]),
        box_format="xywh",
        images={image["id"]: (image["height"], image["width"]) for image in truth["images"]},
        categories={c["id"]: c["name"] for c in truth["categories"]},
        crowd=[a["iscrowd"] for a in truth["annotations"]],
    )
    boxes = array[:, 1:5].copy()
    boxes[:, 2:] += boxes[:, :2]
    side = meanap.Detections(array[:, 0].astype(int), array[:, 6].astype(int), array[:, 5], boxes)
    assert meanap.check(columns, side).codes <= CLEAN
    shifted = meanap.Detections(array[:, 0].astype(int), array[:, 6].astype(int), array[:, 5], boxes, box_format="xywh")
    assert "xyxy-boxes" in meanap.check(columns, shifted).codes
    with pytest.raises(ValueError, match=r"found shape \(.*, 5\), expected \(N, 7\)"):
        meanap.check(truth, array[:, :5])


def test_findings_as_json_and_text(clean):
    truth, found = copy.deepcopy(clean)
    truth["annotations"][0]["id"] = 0
    drop_category(truth, found, 4)
    findings = meanap.check(truth, found)
    assert findings["level"] == sorted(findings["level"], key=LEVELS.index) and findings["level"][0] == "error"
    told = json.loads(findings.to_json())
    assert told["ok"] is False and [row["code"] for row in told["findings"]] == findings["code"]
    assert told["label_errors"] == []  # Not worth looking at before the errors are mended.
    text = repr(findings)
    assert "error: zero-id (ground_truth, 1): " in text and text.endswith("1 error, 1 warning, 0 notes")
    assert "<table" in findings._repr_html_()
    assert json.loads(meanap.check(*clean).to_json())["label_errors"]


def test_real_data(shared_data):
    # Each of these was reviewed: the example results are the ground truth, moved a little or not at all.
    truth = shared_data / "coco100_gt.json"
    assert meanap.check(truth).codes == {"category-without-objects"}
    findings = meanap.check(truth, shared_data / "coco100_bbox.json")
    assert findings["code"] == [
        "copied-ground-truth",
        "never-predicted",
        "category-without-objects",
        "image-without-detections",
    ]
    objects = json.loads(truth.read_text())["annotations"]
    boxes = {(a["image_id"], *a["bbox"]) for a in objects}
    detections = json.loads((shared_data / "coco100_bbox.json").read_text())
    copied = sum((d["image_id"], *d["bbox"]) in boxes for d in detections)
    assert findings[0]["count"] == copied > 70
    findings = meanap.check(truth, shared_data / "coco100_segm.json")
    assert findings.ok and findings.codes == {
        "never-predicted",
        "category-without-objects",
        "image-without-detections",
        "label-errors",
    }
    # Thirteen boxes of this part of LVIS are those of other places than their masks.
    findings = meanap.check(shared_data / "lvis100_gt.json")
    assert findings.ok and findings.codes == {"mask-off-box", "category-without-objects"}
    assert findings[0]["count"] == 13
    findings = meanap.check(shared_data / "kpt_gt.json", shared_data / "kpt_dt.json")
    assert findings.ok and findings.codes == {"too-many-detections", "label-errors"}


def test_the_command(tmp_path, clean, capsys):
    truth, found = tmp_path / "truth.json", tmp_path / "found.json"
    truth.write_text(json.dumps(clean[0]))
    found.write_text(json.dumps(clean[1]))
    out = tmp_path / "findings.json"
    assert main(["check", str(truth), str(found), "--json", str(out), "--labels", "2"]) == 0
    text = capsys.readouterr().out
    told = json.loads(out.read_text())
    assert told["ok"] and [row["code"] for row in told["findings"]] == ["label-errors"]
    assert f"likely label errors, 2 of {len(told['label_errors'])}:" in text and text.count("score 0.") == 3
    broken = copy.deepcopy(clean[0])
    broken["annotations"][0]["bbox"][2] += 100
    truth.write_text(json.dumps(broken))
    assert main(["check", str(truth), "--quiet"]) == 0 and capsys.readouterr().out == ""
    assert main(["check", str(truth), "--quiet", "--strict"]) == 1
    broken["annotations"][0]["id"] = 0
    truth.write_text(json.dumps(broken))
    assert main(["check", str(truth), str(found), "--json", "-"]) == 1
    captured = capsys.readouterr()
    assert not json.loads(captured.out)["ok"] and "error: zero-id" in captured.err
    assert main(["check", str(tmp_path / "nothing.json")]) == 1
    assert "nothing.json: No such file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["check", str(truth), "--labels", "-1"])
    assert stopped.value.code == 2


JUNK = [None, True, 0, -1, 2.5, 1e308, math.nan, math.inf, 10**30, 10**400, "", "x", [], [1], [[]], [1, 2, 3, 4], {}]
JUNK += [{"counts": "abc", "size": [3, 4]}, {"counts": [1, 2], "size": [3, 4]}, [[1, 2, 3, 4, 5, 6]], [[math.nan] * 6]]


def places(value, place=()):
    """Every place in nested lists and dictionaries, of long lists the first few."""
    if place:
        yield place
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*place, key))
    elif isinstance(value, list):
        for i in range(min(len(value), 5)):
            yield from places(value[i], (*place, i))


def spoilt(value, rng):
    """The same with a few places deleted, doubled, or replaced by junk."""
    value = copy.deepcopy(value)
    for _ in range(rng.integers(1, 4)):
        found = list(places(value))
        *way, last = found[rng.integers(len(found))]
        within = value
        for key in way:
            within = within[key]
        chance = rng.random()
        if chance < 0.25:
            del within[last]
        elif chance < 0.4 and isinstance(within, list):
            within.append(copy.deepcopy(within[last]))
        else:
            within[last] = copy.deepcopy(JUNK[rng.integers(len(JUNK))])
    return value


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_nothing_stops_a_check(tmp_path, kind):
    rng = np.random.default_rng(5)
    poses = kind == "keypoints"
    truth = generate.dataset(5, 1, kind="keypoints") if poses else generate.dataset(5, 1, categories=3)
    found = generate.detections(truth, kind=kind, per_image=6, seed=1)
    for _ in range(40):
        both_ways(tmp_path, spoilt(truth, rng), spoilt(found, rng))


# Keypoints, crowds, masks, forms of a file


@pytest.fixture
def poses():
    truth = generate.dataset(8, 3, kind="keypoints", categories=1)
    return truth, generate.detections(truth, kind="keypoints", per_image=6, seed=3)


def each(records, change):
    for record in records:
        if record.get("keypoints"):
            change(record)


def without(name):
    return lambda records: each(records, lambda record: record.pop(name))


def put(**fields):
    return lambda records: each(records, lambda record: record.update(fields))


def flat(records):
    each(records, lambda r: r.update(keypoints=[v for i, v in enumerate(r["keypoints"]) if i % 3 < 2]))


def shorter(records):
    each(records, lambda r: r.update(keypoints=r["keypoints"][:-3]))


POSES = {
    "no num_keypoints": (without("num_keypoints"), None, "num-keypoints-missing", "error"),
    "num_keypoints is null": (put(num_keypoints=None), None, "num-keypoints-missing", "error"),
    "num_keypoints is 0": (put(num_keypoints=0), None, "num-keypoints-off", "error"),
    "num_keypoints is one more": (
        lambda records: each(records, lambda r: r.update(num_keypoints=r["num_keypoints"] + bool(r["num_keypoints"]))),
        None,
        "num-keypoints-off",
        "warning",
    ),
    "x and y only": (flat, None, "malformed-keypoints", "error"),
    "x and y only of results": (None, flat, "malformed-keypoints", "error"),
    "null": (put(keypoints=None), None, "malformed-keypoints", "error"),
    "null of results": (None, put(keypoints=None), "malformed-keypoints", "error"),
    "a text": (put(keypoints="1 2 3"), None, "malformed-keypoints", "error"),
    "16 of 17": (shorter, None, "keypoint-count", "error"),
    "16 of 17 in results": (None, shorter, "keypoint-count", "error"),
    "16 everywhere": (shorter, shorter, "keypoint-sigmas", "warning"),
}


@pytest.mark.parametrize("case", POSES)
def test_each_fault_of_keypoints(tmp_path, poses, case):
    truth, found = poses
    of_truth, of_found, code, level = POSES[case]
    for records, fault in ((truth["annotations"], of_truth), (found, of_found)):
        if fault is not None:
            fault(records)
    findings = both_ways(tmp_path, truth, found)
    assert code in findings.codes, repr(findings)
    row = findings.row(code=code)
    assert row["level"] == level and row["remedy"] and (row["example"] or code == "keypoint-sigmas")
    assert row["where"] == ("ground_truth" if of_truth else "detections")
    # The same alone, where it is one of the ground truth.
    if of_truth and code != "keypoint-count":
        assert code in meanap.check(truth).codes


def test_sigmas_say_how_many_keypoints_there_are(tmp_path, poses):
    truth, found = poses
    shorter(truth["annotations"]), shorter(found)
    assert "keypoint-sigmas" in meanap.check(truth, found, "keypoints").codes
    assert not meanap.check(truth, found, "keypoints", sigmas=[0.05] * 16).codes & {"keypoint-sigmas", "keypoint-count"}
    row = meanap.check(truth, found, "keypoints", sigmas=[0.05] * 14).row(code="keypoint-count")
    assert "14 keypoints, as there are sigmas" in row["message"]


def test_a_similarity_asks_for_its_field(tmp_path, clean):
    truth, found = copy.deepcopy(clean)
    for similarity, field in (("segm", "segmentation"), ("boundary", "segmentation"), ("keypoints", "keypoints")):
        findings = meanap.check(truth, found, similarity)
        row = findings.row(code="missing-field", where="detections")
        assert row["count"] == len(found) and f'"{field}"' in row["message"] and not findings.ok
    assert meanap.check(truth, found, "bbox").codes <= CLEAN
    masks = generate.detections(truth, kind="segm", per_image=20, seed=12)
    assert meanap.check(truth, masks, "segm").codes <= CLEAN
    assert "missing-field" in meanap.check(truth, masks, "bbox").codes
    without_masks(truth)
    assert "missing-field" in meanap.check(truth, masks, "segm").codes
    with pytest.raises(ValueError, match="similarity: expected 'bbox'"):
        meanap.check(truth, found, "boxes")


@pytest.mark.parametrize("flag", ["0", "1", [0], {}, 2, 1.0, True])
def test_everything_is_a_crowd(tmp_path, clean, flag):
    truth = copy.deepcopy(clean[0])
    without_masks(truth)
    for record in truth["annotations"]:
        record["iscrowd"] = flag
    findings = both_ways(tmp_path, truth)
    crowd = bool(flag)
    assert ("everything-is-crowd" in findings.codes) == crowd and ("crowd-flag" in findings.codes) == (
        not isinstance(flag, (int, float))
    )
    assert not findings.ok
    # As the evaluation has it.
    if crowd and not isinstance(flag, (list, dict)):
        assert math.isnan(meanap.evaluate(truth, clean[1]).ap)


def test_one_flag_that_is_a_text(tmp_path, clean):
    truth = copy.deepcopy(clean[0])
    truth["annotations"][3]["iscrowd"] = "0"
    findings = both_ways(tmp_path, truth)
    assert findings.row(code="crowd-flag")["count"] == 1 and "everything-is-crowd" not in findings.codes


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("short", [1, 10_000])
def test_run_lengths_that_do_not_fill_their_image(tmp_path, clean, short, compressed):
    from meanap import mask

    truth = copy.deepcopy(clean[0])
    record = next(a for a in truth["annotations"] if not a["iscrowd"])
    size = next([i["height"], i["width"]] for i in truth["images"] if i["id"] == record["image_id"])
    x, y, width, height = (int(v) for v in record["bbox"])
    pixels = np.zeros(size, dtype=np.uint8, order="F")
    pixels[y : y + height, x : x + width] = 1
    column = pixels.reshape(-1, order="F")
    counts = np.diff([0, *np.flatnonzero(np.diff(column)) + 1, len(column)]).tolist()
    record["segmentation"] = {"size": size, "counts": counts}
    record["bbox"], record["area"] = [x, y, width, height], width * height
    assert "broken-mask" not in both_ways(tmp_path, truth).codes
    counts[-1] = max(0, counts[-1] - short)
    if compressed:
        text = compress(counts)
        record["segmentation"]["counts"] = text
        assert mask.area({"size": size, "counts": text}) == width * height
    assert both_ways(tmp_path, truth).row(code="broken-mask")["count"] == 1


def compress(counts):
    """COCO's compressed run lengths, of any counts."""
    text = ""
    for i, count in enumerate(counts):
        number = count - (counts[i - 2] if i > 2 else 0)
        more = True
        while more:
            letter, number = number & 0x1F, number >> 5
            more = number != (-1 if letter & 0x10 else 0)
            text += chr((letter | 0x20 if more else letter) + 48)
    return text


def test_annotation_ids_that_are_texts(tmp_path, clean):
    truth = copy.deepcopy(clean[0])
    for record in truth["annotations"]:
        record["id"] = f"a-{record['id']}"
    findings = both_ways(tmp_path, truth)
    assert findings.codes == {"text-id"} and findings[0]["count"] == len(truth["annotations"])


@pytest.mark.parametrize("field", ["image_id", "category_id"])
def test_ids_with_a_decimal_point(clean, field):
    truth, found = copy.deepcopy(clean)
    for record in found:
        record[field] = float(record[field])
    findings = meanap.check(truth, found)
    assert findings.codes - CLEAN == {"float-id"} and findings.row(code="float-id")["count"] == len(found)
    for record in found:
        record[field] += 0.5
    assert meanap.check(truth, found).row(code="malformed-id")["count"] == len(found)


@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_predictions_as_a_data_set(tmp_path, kind):
    truth = generate.dataset(8, 3, kind="keypoints") if kind == "keypoints" else generate.dataset(8, 3, categories=2)
    found = generate.detections(truth, kind=kind, per_image=6, seed=3)
    whole = {**truth, "annotations": found}
    assert list(both_ways(tmp_path, truth, whole)) == list(meanap.check(truth, found))
    del whole["annotations"][0]["score"]
    assert both_ways(tmp_path, truth, whole).row(code="missing-field")["count"] == 1
    for record in found:
        record.pop("score", None)
    (tmp_path / "whole.json").write_text(json.dumps(whole))
    row = meanap.check(truth, tmp_path / "whole.json").row(code="wrong-kind-of-file")
    assert row["remedy"] == "Are the two files swapped?"


def test_the_page_of_problems_is_the_table_of_rules(repository):
    page = (repository / "docs" / "problems.md").read_text(encoding="utf-8")
    assert page.endswith(markdown()) and len(RULES) > 50


def test_each_code_has_a_rule_and_each_rule_is_used(repository):
    """A finding or problem takes its words from its rule; a rule without a place that gives it would be a dead line."""
    import re

    given = set()
    for folder in ("checking", "cli", "detection", "readers"):
        for path in (repository / "python" / "meanap" / folder).rglob("*.py"):
            if path.name != "_rules.py":
                given |= set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', path.read_text(encoding="utf-8")))
    for path in (repository / "src" / "labels").rglob("*.rs"):
        given |= set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', path.read_text(encoding="utf-8")))
    given |= {f"no-{key}" for key in ("annotations", "images", "categories")}
    given |= {f"unknown-{key}" for key in ("image", "category")}
    assert set(RULES) <= given


# Boxes of another frame, image ids and categories that are others


def scenes(varied):
    """Two hundred objects, and detections near them; images of one size, or of many."""
    rng = np.random.default_rng(4)
    images = [
        {"id": 3 * i + 7, "width": int(rng.integers(500, 1400)) if varied else 1280, "height": 720} for i in range(60)
    ]
    truth = {"images": images, "categories": [{"id": c, "name": f"part {c}"} for c in (1, 2, 3, 4)], "annotations": []}
    for number in range(240):
        image = images[number // 4]
        width, height = (int(v) for v in rng.integers(40, 250, 2))
        x, y = int(rng.integers(0, image["width"] - width)), int(rng.integers(0, 720 - height))
        box = [x, y, width, height]
        truth["annotations"].append(
            {"id": number + 1, "image_id": image["id"], "category_id": int(rng.integers(1, 5)), "bbox": box,
             "area": width * height, "iscrowd": 0}
        )  # fmt: skip
    found = [
        {"image_id": a["image_id"], "category_id": a["category_id"], "score": float(rng.uniform(0.001, 0.99)),
         "bbox": [v + float(rng.normal(0, 2)) for v in a["bbox"]]}
        for a in truth["annotations"]
    ]  # fmt: skip
    return truth, found


#: Name of the way, words of the message, and the box as it is written, of a box and its image's width and height.
FRAMES = [
    ("centre", "centre", lambda b, w, h: [b[0] + b[2] / 2, b[1] + b[3] / 2, b[2], b[3]]),
    ("yxhw", "y before x", lambda b, w, h: [b[1], b[0], b[3], b[2]]),
    ("yxyx", "y before x", lambda b, w, h: [b[1], b[0], b[1] + b[3], b[0] + b[2]]),
    ("xyhw", "height before width", lambda b, w, h: [b[0], b[1], b[3], b[2]]),
    ("per cent", "per cent", lambda b, w, h: [100 * v / s for v, s in zip(b, (w, h, w, h), strict=True)]),
    ("thousandths", "thousandths", lambda b, w, h: [1000 * v / s for v, s in zip(b, (w, h, w, h), strict=True)]),
    ("thousandths of corners", "thousandths of the image, two corners, y before x", lambda b, w, h: [
        1000 * b[1] / h, 1000 * b[0] / w, 1000 * (b[1] + b[3]) / h, 1000 * (b[0] + b[2]) / w]),
    ("640 x 640", "resized to 640 x 640", lambda b, w, h: [640 * v / s for v, s in zip(b, (w, h, w, h), strict=True)]),
    ("416 x 416 of centres", "resized to 416 x 416, the centre", lambda b, w, h: [
        416 * (b[0] + b[2] / 2) / w, 416 * (b[1] + b[3] / 2) / h, 416 * b[2] / w, 416 * b[3] / h]),
    ("longer side 512", "longer side was resized to 512", lambda b, w, h: [512 * v / max(w, h) for v in b]),
    ("shorter side 800", "shorter side was resized to 800", lambda b, w, h: [800 * v / min(w, h) for v in b]),
    ("letterbox 640", "padded to 640 x 640", lambda b, w, h: [
        640 / max(w, h) * b[0] + (640 - 640 * w / max(w, h)) / 2,
        640 / max(w, h) * b[1] + (640 - 640 * h / max(w, h)) / 2,
        640 / max(w, h) * b[2], 640 / max(w, h) * b[3]]),
    ("half", "1/2 times as large", lambda b, w, h: [v / 2 for v in b]),
    ("a third", "1/3 times as large", lambda b, w, h: [v / 3 for v in b]),
    ("another factor", "about 0.27", lambda b, w, h: [v / 3.7 for v in b]),
    ("yet another", "about 5.", lambda b, w, h: [v * 5.25 for v in b]),
    ("double", "2 times as large", lambda b, w, h: [2 * v for v in b]),
    ("swapped size", "swapped size", lambda b, w, h: [b[0] * h / w, b[1] * w / h, b[2] * h / w, b[3] * w / h]),
    ("flipped", "flipped horizontally", lambda b, w, h: [w - b[0] - b[2], b[1], b[2], b[3]]),
    ("upside down", "flipped vertically", lambda b, w, h: [b[0], h - b[1] - b[3], b[2], b[3]]),
    ("rotated", "rotated by 90", lambda b, w, h: [h - b[1] - b[3], b[0], b[3], b[2]]),
    ("rotated the other way", "rotated by 270", lambda b, w, h: [b[1], w - b[0] - b[2], b[3], b[2]]),
]  # fmt: skip


@pytest.mark.parametrize("frame", some(FRAMES, every=3), ids=lambda frame: frame[0])
def test_boxes_in_another_frame(tmp_path, frame):
    _, words, write = frame
    truth, found = scenes(varied=True)
    sizes = {image["id"]: (image["width"], image["height"]) for image in truth["images"]}
    for record in found:
        record["bbox"] = write(record["bbox"], *sizes[record["image_id"]])
    findings = both_ways(tmp_path, truth, found)
    row = findings.row(code="box-frame")
    assert words in row["message"] and row["level"] == "error" and row["remedy"] and row["example"]
    assert meanap.evaluate(truth, found).ap < 0.35


def test_the_remedy_of_another_frame_is_what_it_says():
    """Among images of one size, where several ways are the same, the simplest is named."""
    truth, found = scenes(varied=False)
    for record in found:
        record["bbox"] = [v / 2 for v in record["bbox"]]
    assert "1/2 times as large" in meanap.check(truth, found).row(code="box-frame")["message"]


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda ids, id: id + 1, "one too high"),
        (lambda ids, id: id - 1, "one too low"),
        (lambda ids, id: ids.index(id), "places in the list of images, from 0"),
        (lambda ids, id: ids.index(id) + 1, "places in the list of images, from 1"),
        (lambda ids, id: sorted(ids).index(id), "places among the rising ids of images, from 0"),
    ],
)
def test_image_ids_that_are_others(tmp_path, write, words):
    truth, found = scenes(varied=False)
    if "rising" in words:
        truth["images"].reverse()
    ids = [image["id"] for image in truth["images"]]
    for record in found:
        record["image_id"] = write(ids, record["image_id"])
    assert words in both_ways(tmp_path, truth, found).row(code="image-offset")["message"]


@pytest.mark.parametrize("moved", [{2: 3, 3: 2}, {1: 2, 2: 3, 3: 1}, {1: 4, 4: 1, 2: 3, 3: 2}])
def test_categories_that_stand_for_one_another(tmp_path, moved):
    truth, found = scenes(varied=False)
    for record in found:
        record["category_id"] = moved.get(record["category_id"], record["category_id"])
    findings = both_ways(tmp_path, truth, found)
    row = findings.row(code="category-permutation")
    assert row["level"] == "error" and findings.codes <= {"category-permutation", "box-outside-image"}
    for said, meant in moved.items():
        assert f"{meant!r} for {said!r}" in row["message"]


def test_a_detector_that_errs_has_no_such_finding(tmp_path):
    rng = np.random.default_rng(1)
    for noise in (0, 20, 60):
        truth, found = scenes(varied=True)
        for record in found:
            record["bbox"] = [v + float(rng.normal(0, noise)) for v in record["bbox"]]
            if record["category_id"] == 2 and rng.random() < 0.9:
                record["category_id"] = 3
        codes = both_ways(tmp_path, truth, found).codes
        assert not codes & {"box-frame", "image-offset", "category-permutation"}, noise
    # Boxes of nothing, many of them.
    truth, found = scenes(varied=True)
    found = [
        {**found[i % 240], "score": float(rng.random()), "bbox": [*rng.uniform(0, 500, 2), *rng.uniform(10, 200, 2)]}
        for i in range(3000)
    ]
    assert not meanap.check(truth, found).codes & {"box-frame", "image-offset", "category-permutation"}


def moved(truth, found, change):
    """Detections whose boxes another function of them and the image's size gives."""
    sizes = {image["id"]: (image["width"], image["height"]) for image in truth["images"]}
    return [
        {**d, "bbox": list(map(float, change(*d["bbox"], *sizes[d["image_id"]])))} if d["image_id"] in sizes else d
        for d in found
    ]


#: Each with the words of its cause.
UNLIKE = {
    "corners": (lambda x, y, w, h, W, H: (x, y, x + w, y + h), "two corners"),
    "y first": (lambda x, y, w, h, W, H: (y, x, h, w), "y before x"),
    "corners, y first": (lambda x, y, w, h, W, H: (y, x, y + h, x + w), "y before x"),
    "centre": (lambda x, y, w, h, W, H: (x + w / 2, y + h / 2, w, h), "centre"),
    "fractions": (lambda x, y, w, h, W, H: (x / W, y / H, w / W, h / H), "shares of the image"),
    "percent": (lambda x, y, w, h, W, H: (100 * x / W, 100 * y / H, 100 * w / W, 100 * h / H), "per cent"),
    "halved": (lambda x, y, w, h, W, H: (x / 2, y / 2, w / 2, h / 2), "1/2 times as large"),
    "resized": (lambda x, y, w, h, W, H: (640 * x / W, 640 * y / H, 640 * w / W, 640 * h / H), "resized to 640"),
}


#: Each cause through one entry first, then through the others.
UNLIKE_ENTRIES = [
    (kind, ("dictionaries", "files", "columns")[(place + turn) % 3])
    for place, kind in enumerate(UNLIKE)
    for turn in range(3)
]


@pytest.mark.parametrize(("kind", "entry"), some(UNLIKE_ENTRIES, every=3))
def test_an_evaluation_that_finds_nothing_says_why(tmp_path, kind, entry):
    truth = generate.dataset(images=40, seed=3, categories=3)
    found = generate.detections(truth, per_image=10, seed=3)
    expected = meanap.evaluate(truth, found).ap
    change, words = UNLIKE[kind]
    sides = truth, moved(truth, found, change)
    if entry == "files":
        for name, side in zip(("gt.json", "dt.json"), sides, strict=True):
            (tmp_path / name).write_text(json.dumps(side))
        sides = tmp_path / "gt.json", tmp_path / "dt.json"
    elif entry == "columns":
        image_ids, category_ids, scores, boxes = (
            [d[name] for d in sides[1]] for name in ("image_id", "category_id", "score", "bbox")
        )
        sides = truth, meanap.Detections(image_ids, category_ids, scores, boxes, box_format="xywh")
    with pytest.warns(UserWarning, match=f"almost no detection overlaps .*{words}.*AP would be {expected:.3f}") as told:
        meanap.evaluate(*sides)
    assert len(told) == 1 and "\n" not in str(told[0].message)
    assert any(f"AP would be {expected:.3f}" in row["message"] for row in meanap.check(*sides))


@pytest.mark.parametrize(
    ("meant", "code", "words"),
    [
        (lambda id: f"val/{id:012d}.jpg", "named-ids", "names of files"),
        (lambda id: f"{id:012d}", "named-ids", "names of files"),
        (lambda id: f"{id:06d}", "named-ids", "names of files"),
        (lambda id: f"frame {id}.png", None, None),
    ],
)
def test_image_ids_that_are_names_of_files(meant, code, words):
    truth = generate.dataset(images=30, seed=3, categories=3)
    for image in truth["images"]:
        image["file_name"] = f"{image['id']:012d}.jpg"
    found = [{**d, "image_id": meant(d["image_id"])} for d in generate.detections(truth, per_image=10, seed=3)]
    findings = meanap.check(truth, found)
    assert findings.codes & {"image-offset", "named-ids"} == ({code} if code else set())
    if code:
        assert words in findings.row(code=code)["message"]


def test_a_weak_detector_is_no_fault_of_a_format():
    rng = np.random.default_rng(1)
    truth = generate.dataset(images=40, seed=3, categories=3)
    found = [
        {**d, "bbox": [float(v) for v in (*rng.uniform(0, 300, 2), *rng.uniform(10, 200, 2))]}
        for d in generate.detections(truth, per_image=10, seed=3)
    ]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        meanap.evaluate(truth, found)
    assert not [w for w in told if "AP would be" in str(w.message)]


@pytest.mark.parametrize("form", ["dictionaries", "columns"])
def test_examples_show_the_names_of_categories(form):
    truth = generate.dataset(images=20, seed=3, categories=3)
    found = generate.detections(truth, per_image=8, seed=3)
    names = {1: "alpha", 2: "beta", 3: "gamma"}
    found[3] = dict(found[2])
    if form == "columns":
        found = meanap.Detections(*([d[name] for d in found] for name in ("image_id", "category_id", "score", "bbox")),
                                  box_format="xywh")  # fmt: skip
    row = meanap.check(truth, found, names=names).row(code="duplicate-detection")
    assert any(f"({name})" in row["example"] for name in names.values()), row["example"]


@pytest.mark.parametrize("classes", [3, 80])
@pytest.mark.parametrize("by", [1, -1, 0])
def test_classes_of_ultralytics_results_that_are_shifted_are_found(tmp_path, classes, by):
    """The JSON that `val` saves counts the classes of a `data.yaml` from 1."""
    truth, labels = generate.write_format(tmp_path / "yolo", "yolo", images=30, seed=3, per_image=15)
    if classes < 80:
        for path in [*(truth / "labels").rglob("*.txt"), *labels.rglob("*.txt")]:
            lines = (line.split() for line in path.read_text().splitlines())
            kept = [" ".join([str(int(words[0]) % classes), *words[1:]]) for words in lines]
            path.write_text("".join(f"{line}\n" for line in kept))
        names = "\n".join(f"  {index}: kind {index}" for index in range(classes))
        (truth / "data.yaml").write_text(f"path: .\nval: images\nnames:\n{names}\n")
    expected = meanap.evaluate(truth, labels).ap
    side = meanap.readers.detections(labels, None, None, meanap.readers.ground_truth(truth))
    columns = (side.image_ids, side.category_ids, side.arrays["scores"], side.arrays["boxes"])
    records = [
        {
            "image_id": int(image),
            "category_id": int(category) + by,
            "bbox": list(map(float, box)),
            "score": float(score),
        }
        for image, category, score, box in zip(*columns, strict=True)
    ]
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(records))
    findings = meanap.check(truth, path)
    assert ("category-offset" in findings.codes) == (by != 0) and "image-offset" not in findings.codes
    if by:
        row = findings.row(code="category-offset")
        assert "one too high" in row["message"] if by > 0 else "one too low" in row["message"]
        assert f"AP would be {expected:.3f}" in row["message"], row["message"]
        assert ("Subtract 1" if by > 0 else "Add 1") in row["remedy"]
    else:
        assert meanap.evaluate(truth, path).ap == pytest.approx(expected)


def test_pairs_of_categories_are_those_of_the_matrix():
    truth = generate.dataset(40, 5, categories=6)
    found = generate.detections(truth, per_image=20, seed=2)
    result = meanap.evaluate(truth, found)
    pairs, matrix = Confused.of(result), result.confusion(0.5, -math.inf)
    again, counts = Confused.of_matrix(matrix), matrix.matrix[:-1, :-1]
    assert pairs.categories == again.categories == matrix.categories
    for of in (pairs, again):
        meant, most = of.largest()
        assert np.array_equal(of.totals(), counts.sum(axis=0)) and np.array_equal(of.agreeing(), np.diag(counts))
        assert np.array_equal(most, counts.max(axis=0)) and np.array_equal(meant, counts.argmax(axis=0))
    assert counts.sum() > np.trace(counts) > 0


def test_many_categories_need_no_matrix_of_them():
    # Each category has few objects, and almost nothing overlaps, so that the causes of that are searched.
    categories = 3000
    places = np.random.default_rng(1).uniform(0, 500, (2, categories, 2))
    truth = {
        "images": [{"id": i + 1, "width": 640, "height": 640} for i in range(30)],
        "categories": [{"id": k + 1, "name": f"kind {k}"} for k in range(categories)],
        "annotations": [
            {
                "id": k + 1,
                "image_id": k % 30 + 1,
                "category_id": k + 1,
                "bbox": [x, y, 40, 40],
                "area": 1600,
                "iscrowd": 0,
            }
            for k, (x, y) in enumerate(places[0].tolist())
        ],
    }
    found = [
        {"image_id": k % 30 + 1, "category_id": k + 1, "bbox": [x, y, 9, 40], "score": 0.5}
        for k, (x, y) in enumerate(places[1].tolist())
    ]
    result = meanap.evaluate(truth, found)
    tracemalloc.start()
    try:
        Confused.of(result)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < categories**2


def test_only_so_many_images_are_looked_up_as_a_sample_needs():
    truth = generate.dataset(600, 3, categories=2)
    found = generate.detections(truth, per_image=4, seed=2)
    sides = read_ground_truth(truth, Options()), None
    sampler = _Sampler(read_detections(found, sides[0], Options()), sides[0])
    looked_up = []
    sample = sampler.sample(lambda id: looked_up.append(id) or id)
    assert sample is not None and len(sample.objects) >= 240 and len(looked_up) < 200
    images = len({detection["image_id"] for detection in found})
    # Ids that lead nowhere are all looked up; so are those that lead to the same image.
    for meant in (lambda id: looked_up.append(id), lambda id: looked_up.append(id) or 1):
        looked_up.clear()
        assert sampler.sample(meant) is None and len(looked_up) == images
