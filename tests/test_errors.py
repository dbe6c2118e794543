"""Error decomposition and oLRP: against tidecv, against the papers' definitions in plain Python, and hand-calculated
cases."""

import math
import sys
import types
from typing import get_args

import numpy as np
import pytest
from native_data import per_image

import meanap
from meanap import generate, readers
from meanap._types import MatcherName
from meanap.compat.pycocotools import mask
from meanap.detection import evaluation
from meanap.protocol._changes import with_changes

TIDE = {
    "classification": "Cls",
    "localisation": "Loc",
    "both": "Both",
    "duplicate": "Dupe",
    "background": "Bkg",
    "missed": "Miss",
    "false_positives": "FalsePos",
    "false_negatives": "FalseNeg",
}
# tidecv writes its recall points so; COCO's are multiples of 0.01, and some differ in the last bit.
POINTS = [x / 100 for x in range(101)]


@pytest.fixture(scope="module")
def tidecv():
    """tidecv without OpenCV and appdirs, which it imports and needs only to draw and to download."""
    held = {}
    for name, attributes in (
        ("cv2", {"FONT_HERSHEY_SIMPLEX": 0, "LINE_AA": 0}),
        ("appdirs", {"user_data_dir": lambda *_, **__: "."}),
    ):
        held[name] = sys.modules.get(name)
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(attributes)
    try:
        yield pytest.importorskip("tidecv", reason="tidecv is not installed", exc_type=ImportError)
    finally:
        for name, module in held.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def run_tide(tidecv, truth, found, iou=0.5, background=0.1, kind="bbox"):
    """tidecv's AP, dAPs and counts, AP as shares of 1; and the run."""
    ground_truth, detections = tidecv.Data("truth", max_dets=100), tidecv.Data("found")
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    for category in truth["categories"]:
        ground_truth.add_class(category["id"], category["name"])
    for id in sorted(sizes):
        ground_truth.add_image(id, str(id))

    def run_lengths(record):
        shape = record["segmentation"]
        if isinstance(shape, dict) and not isinstance(shape["counts"], list):
            return shape
        made = mask.frPyObjects(shape, *sizes[record["image_id"]])
        return made if isinstance(made, dict) else mask.merge(made)

    for record in truth["annotations"]:
        add = ground_truth.add_ignore_region if record["iscrowd"] else ground_truth.add_ground_truth
        shape = run_lengths(record) if kind == "mask" else None
        add(record["image_id"], record["category_id"], record["bbox"], shape)
    for record in found:
        detections.add_detection(
            record["image_id"], record["category_id"], record["score"], record.get("bbox"), record.get("segmentation")
        )
    run = tidecv.TIDE().evaluate(ground_truth, detections, iou, background, kind)
    gains = {**run.fix_main_errors(), **run.fix_special_errors()}
    numbers = {error.short_name: gain / 100 for error, gain in gains.items()}
    counts = {error.short_name: len(errors) for error, errors in run.error_dict.items()}
    return run.ap / 100, numbers, counts, run


def scene(truths, found, images=(1,), categories=(1, 2)):
    """A small data set: truths `(image, category, box[, crowd])`, detections `(image, category, box, score)`."""
    return {
        "images": [{"id": id, "width": 200, "height": 200} for id in images],
        "categories": [{"id": id, "name": f"c{id}"} for id in categories],
        "annotations": [
            {
                "id": i + 1,
                "image_id": image,
                "category_id": category,
                "bbox": list(box),
                "area": box[2] * box[3],
                "iscrowd": int(bool(crowd)),
            }
            for i, (image, category, box, *crowd) in enumerate(truths)
        ],
    }, [
        {"image_id": image, "category_id": category, "bbox": list(box), "score": score}
        for image, category, box, score in found
    ]


def errors_of(truth, found, iou=0.5, background=0.1, **changes):
    return meanap.evaluate(truth, found, **{"max_per_image": 100, "recall": POINTS, **changes}).errors(iou, background)


@pytest.mark.parametrize("kind", ["bbox", "mask"])
@pytest.mark.parametrize("iou, background", [(0.5, 0.1), (0.75, 0.25), (0.33, 0.01)])
def test_tidecv(tidecv, kind, iou, background):
    truth = generate.dataset(60, 5, categories=6, crowds=0)
    found = generate.detections(truth, kind="segm" if kind == "mask" else "bbox", per_image=25, seed=5, boxes=True)
    assert {record["category_id"] for record in truth["annotations"]} == set(range(1, 7))
    similarity = "segm" if kind == "mask" else "bbox"
    errors = errors_of(truth, found, iou, background, similarity=similarity)
    ap, numbers, counts, run = run_tide(tidecv, truth, found, iou, background, kind)
    assert errors.ap == pytest.approx(ap, abs=1e-12) and 0.3 < ap < 1
    for name, short in TIDE.items():
        # DIFFERENCE: tidecv shows a loss as 0.
        assert max(errors[name], 0) == pytest.approx(numbers[short], abs=1e-12), name
        assert short not in counts or errors.counts[name] == counts[short]
    assert min(errors.counts.values()) > 0
    base = {k: curve.get_ap() / 100 for k, curve in run.ap_data.objs.items()}
    assert errors.per_class["ap"] == pytest.approx([base[k] for k in errors.per_class["category"]], abs=1e-12)
    for short, condition in (("Cls", "classification"), ("Miss", "missed")):
        fixed = run.fix_errors(lambda error, short=short: error.short_name == short)
        gains = [fixed.objs[k].get_ap() / 100 - base[k] for k in errors.per_class["category"]]
        assert errors.per_class[condition] == pytest.approx(gains, abs=1e-12)


def test_tidecv_on_real_data(tidecv, shared_data):
    import json

    truth = json.loads((shared_data / "coco100_gt.json").read_text())
    found = json.loads((shared_data / "coco100_bbox.json").read_text())
    # Without what tidecv does differently on purpose or not (below): crowds, categories without objects, ties.
    truth["annotations"] = [a for a in truth["annotations"] if not a["iscrowd"]]
    there = {a["category_id"] for a in truth["annotations"]}
    images = {image["id"] for image in truth["images"]}
    found = [d for d in found if d["category_id"] in there and d["image_id"] in images]
    for k, record in enumerate(found):
        record["score"] -= k * 1e-9
    errors = errors_of(truth, found)
    ap, numbers, counts, _ = run_tide(tidecv, truth, found)
    assert f"{100 * errors.ap:.2f}" == f"{100 * ap:.2f}"
    for name, short in TIDE.items():
        assert f"{100 * max(errors[name], 0):.2f}" == f"{100 * numbers[short]:.2f}"
        assert short not in counts or errors.counts[name] == counts[short]


BOX, OFF, FAR = (0, 0, 10, 10), (0, 0, 10, 4), (100, 100, 10, 10)


def test_difference_categories_without_objects(tidecv):
    # DIFFERENCE: tidecv averages a category that has detections and no objects as 0; COCO, and meanap, leave it out.
    data = scene([(1, 1, BOX)], [(1, 1, BOX, 0.9), (1, 2, FAR, 0.8)])
    assert errors_of(*data).ap == pytest.approx(1.0)
    assert run_tide(tidecv, *data)[0] == pytest.approx(0.5)


def test_difference_ignored_detections(tidecv):
    # DIFFERENCE: tidecv calls a detection that is ignored, in a crowd region, an error, and puts it right too.
    truths = [(1, 1, (0, 0, 100, 100), True), (1, 1, (0, 0, 10, 30)), (1, 1, FAR)]
    data = scene(truths, [(1, 1, BOX, 0.9), (1, 1, FAR, 0.8)], categories=(1,))
    errors = errors_of(*data)
    assert errors.counts["localisation"] == 0 and errors.counts["missed"] == 1
    _, numbers, counts, _ = run_tide(tidecv, *data)
    assert counts["Loc"] == 1 and counts["Miss"] == 0
    assert numbers["Loc"] == pytest.approx(50 / 101) and errors["localisation"] == 0.0


def test_difference_ties(tidecv):
    # DIFFERENCE: once anything is put right, tidecv ranks wrong detections before right ones of the same score, and so
    # sees a loss, which it shows as 0; the rank of a detection stays the same here.
    data = scene(
        [(1, 1, BOX), (2, 1, BOX)],
        [(1, 1, BOX, 0.9), (2, 1, FAR, 0.9), (2, 1, BOX, 0.8), (1, 1, (0, 100, 10, 10), 0.5)],
        images=(1, 2),
        categories=(1,),
    )
    errors = errors_of(*data)
    assert errors["missed"] == 0.0
    *_, run = run_tide(tidecv, *data)
    assert run.fix_errors(lambda error: error.short_name == "Miss").get_mAP() < run.ap


def test_difference_a_similarity_at_the_threshold(tidecv):
    # DIFFERENCE: a detection that overlaps a taken object by exactly the threshold is a duplicate; for tidecv it is
    # badly placed.
    data = scene([(1, 1, BOX)], [(1, 1, BOX, 0.9), (1, 1, (0, 0, 10, 5), 0.8)], categories=(1,))
    assert errors_of(*data).counts["duplicate"] == 1
    assert run_tide(tidecv, *data)[2]["Dupe"] == 0


def test_difference_no_background(tidecv):
    # DIFFERENCE: with a background of 0 everything that overlaps nothing is badly placed for tidecv.
    data = scene([(1, 1, BOX)], [(1, 1, FAR, 0.9)], categories=(1,))
    assert errors_of(*data, background=0.0).counts["background"] == 1
    assert run_tide(tidecv, *data, background=0.0)[2]["Loc"] == 1


def test_difference_equal_similarities(tidecv):
    # DIFFERENCE: of equally similar objects tidecv takes the first, COCO the last.
    truths = [(1, 1, (0, 0, 10, 10)), (1, 1, (10, 0, 10, 10))]
    data = scene(truths, [(1, 1, (4, 0, 12, 10), 0.9), (1, 1, (0, 0, 10, 10), 0.8)], categories=(1,))
    ours = errors_of(*data, iou=0.3)
    assert ours.counts["duplicate"] == 0 and ours.ap == 1.0
    theirs = run_tide(tidecv, *data, iou=0.3)
    assert theirs[0] < 1.0


def test_difference_nothing_left_to_look_for(tidecv):
    # The same as tidecv: a category with nothing left to find leaves the mean, unless it has wrong detections left.
    data = scene([(1, 1, BOX), (1, 2, FAR)], [(1, 1, BOX, 0.9)])
    errors = errors_of(*data)
    assert errors["missed"] == errors["false_negatives"] == pytest.approx(0.5)
    assert run_tide(tidecv, *data)[1]["Miss"] == pytest.approx(0.5)
    data = scene([(1, 1, BOX), (1, 2, FAR)], [(1, 1, BOX, 0.9), (1, 2, (50, 50, 5, 5), 0.8)])
    assert errors_of(*data)["missed"] == 0.0 == run_tide(tidecv, *data)[1]["Miss"]
    # DIFFERENCE: with no category left tidecv divides by zero.
    data = scene([(1, 2, FAR)], [])
    assert errors_of(*data)["missed"] == 1.0
    with pytest.raises(ZeroDivisionError):
        run_tide(tidecv, *data)


@pytest.mark.parametrize(
    "error, truths, found",
    [
        ("classification", [(1, 2, BOX)], [(1, 1, BOX, 0.9)]),
        ("localisation", [(1, 1, BOX)], [(1, 1, OFF, 0.9)]),
        ("both", [(1, 2, BOX)], [(1, 1, OFF, 0.9)]),
        ("duplicate", [(1, 1, BOX)], [(1, 1, BOX, 0.9), (1, 1, (0, 0, 10, 9), 0.8)]),
        ("background", [(1, 1, BOX)], [(1, 1, FAR, 0.9)]),
        ("background", [], [(1, 1, FAR, 0.9)]),
    ],
)
def test_each_error_by_hand(error, truths, found):
    errors = errors_of(*scene(truths, found))
    counts = {name: count for name, count in errors.counts.items() if name not in ("missed", *list(TIDE)[6:])}
    assert counts == {name: int(name == error) for name in counts}
    row = errors.rows.row(error=error)
    assert row["category"] == 1 and row["score"] == found[-1][3]
    assert row["truth"] == (truths[0][1] if error in ("classification", "localisation", "duplicate") else None)
    about = error in ("classification", "localisation") or error == "duplicate" or not truths
    assert errors.counts["missed"] == (0 if about else 1)


def test_the_best_scored_error_is_corrected():
    # Two errors about one object: the better one finds it, the other disappears, whichever type is corrected.
    data = scene([(1, 1, BOX)], [(1, 2, BOX, 0.9), (1, 1, OFF, 0.8)])
    errors = errors_of(*data)
    assert errors.ap == 0.0 and errors["classification"] == pytest.approx(1.0) and errors["localisation"] == 0.0
    swapped = scene([(1, 1, BOX)], [(1, 2, BOX, 0.7), (1, 1, OFF, 0.8)])
    errors = errors_of(*swapped)
    assert errors["localisation"] == pytest.approx(1.0) and errors["classification"] == 0.0


# The definitions written out


def box_iou(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def average_precision(rows, positives):
    """Rows ``(score, image, rank, right)``."""
    right, curve = 0, []
    for n, row in enumerate(sorted(rows, key=lambda row: (-row[0], row[1], row[2])), 1):
        right += row[3]
        curve.append((right / positives, right / n))
    return sum(max((p for r, p in curve if r >= point), default=0.0) for point in POINTS) / len(POINTS)


def by_definition(truth, found, iou, background):
    """dAP of each error, the counts, and for each category the rows for LRP: loops, no columns."""
    rows, wanted = [], []
    for image in sorted(image["id"] for image in truth["images"]):
        objects = [a for a in truth["annotations"] if a["image_id"] == image]
        detections = sorted((d for d in found if d["image_id"] == image), key=lambda d: -d["score"])
        taken, about, here = {}, {}, []
        for d in detections:
            free = [a for a in objects if a["category_id"] == d["category_id"] and a["id"] not in taken]
            close = [(box_iou(d["bbox"], a["bbox"]), k, a) for k, a in enumerate(free)]
            value, _, partner = max(close, default=(0, 0, None))
            if partner is not None and value >= iou:
                taken[partner["id"]] = d
                here.append([d, "right", partner, value])
            else:
                here.append([d, None, None, 0.0])
        for entry in here:
            d = entry[0]
            if entry[1]:
                continue
            own = [(box_iou(d["bbox"], a["bbox"]), -k, a) for k, a in enumerate(objects)]
            same = [x for x in own if x[2]["category_id"] == d["category_id"]]
            other = [x for x in own if x[2]["category_id"] != d["category_id"]]
            s, o = max(same, default=(-1,), key=lambda x: x[:2]), max(other, default=(-1,), key=lambda x: x[:2])
            if background <= s[0] < iou and s[0] > 0:
                entry[1:] = ["localisation", s[2], s[0]]
            elif o[0] >= iou:
                entry[1:] = ["classification", o[2], o[0]]
            elif s[0] >= iou:
                entry[1:] = ["duplicate", s[2], s[0]]
            else:
                entry[1:] = ["background" if max(s[0], o[0]) <= background else "both", None, 0.0]
            if entry[1] in ("localisation", "classification") and entry[2]["id"] not in taken:
                about.setdefault(entry[2]["id"], d)
        for rank, (d, what, a, value) in enumerate(here):
            best = a is not None and about.get(a["id"]) is d
            rows.append((what, best, d["category_id"], a and a["category_id"], (d["score"], image, rank), value))
        for a in objects:
            state = "found" if a["id"] in taken else "about" if a["id"] in about else "missed"
            wanted.append((a["category_id"], state))

    def mean(repair):
        values = []
        for k in sorted({category for category, _ in wanted}):
            positives = sum(
                category == k
                and not (repair == "missed" and state == "missed")
                and not (repair == "false_negatives" and state != "found")
                for category, state in wanted
            )
            kept = []
            for what, best, category, target, key, _ in rows:
                if what == "right" or what != repair:
                    if category == k and (what == "right" or repair != "false_positives"):
                        kept.append((*key, what == "right"))
                elif best and target == k:
                    kept.append((*key, True))
            if positives:
                values.append(average_precision(kept, positives))
            elif kept:
                values.append(0.0)
        return sum(values) / len(values)

    base = mean(None)
    gains = {name: mean(name) - base for name in TIDE}
    counts = {name: sum(row[0] == name for row in rows) for name in list(TIDE)[:5]}
    counts["missed"] = sum(state == "missed" for _, state in wanted)
    return base, gains, counts, rows, wanted


@pytest.mark.parametrize("seed", range(6))
def test_by_definition(seed):
    rng = np.random.default_rng(seed)

    def boxes(count):
        return np.concatenate([rng.integers(0, 30, (count, 2)), rng.integers(8, 20, (count, 2))], axis=1).tolist()

    truths = [(int(rng.integers(1, 5)), int(rng.integers(1, 4)), box) for box in boxes(14)]
    found = [
        (int(rng.integers(1, 5)), int(rng.integers(1, 4)), box, float(score))
        for box, score in zip(boxes(60), np.round(rng.random(60), 1), strict=True)
    ]
    found += [(image, category, box, float(rng.random())) for image, category, box in truths[::2]]
    truth, found = scene(truths, found, images=range(1, 6), categories=range(1, 4))
    iou, background = [(0.5, 0.1), (0.4, 0.2)][seed % 2]
    errors = errors_of(truth, found, iou, background)
    base, gains, counts, rows, wanted = by_definition(truth, found, iou, background)
    assert errors.ap == pytest.approx(base, abs=1e-12)
    for name, gain in gains.items():
        assert errors[name] == pytest.approx(gain, abs=1e-12), name
    assert {name: errors.counts[name] for name in counts} == counts
    lrp = meanap.evaluate(truth, found, max_per_image=100).lrp(iou)
    for row in lrp.per_class:
        k = row["category"]
        mine = [(key[0], value if what == "right" else None) for what, _, c, _, key, value in rows if c == k]
        expected = optimal_lrp(mine, sum(category == k for category, _ in wanted), iou)
        names = ("lrp", "localisation", "false_positive", "false_negative", "threshold")
        assert [row[name] for name in names] == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert lrp.lrp == pytest.approx(np.nanmean(lrp.per_class["lrp"]))


def optimal_lrp(rows, positives, iou):
    """oLRP from the paper's formula: rows ``(score, similarity of a true positive or None)``."""
    if not positives:
        return [math.nan] * 5
    best = [1.0, math.nan, math.nan, 1.0, math.inf]
    for threshold in sorted({score for score, _ in rows}, reverse=True):
        kept = [similarity for score, similarity in rows if score >= threshold]
        found = [similarity for similarity in kept if similarity is not None]
        wrong, missed = len(kept) - len(found), positives - len(found)
        error = sum((1 - similarity) / (1 - iou) for similarity in found) + wrong + missed
        value = error / (len(found) + wrong + missed)
        if value < best[0] - 1e-12:
            place = sum(1 - similarity for similarity in found) / len(found) if found else math.nan
            best = [value, place, wrong / len(kept), missed / positives, threshold]
    return best


# What must not change


def test_what_must_not_change_the_answer():
    truth = generate.dataset(30, 8, categories=4)
    found = generate.detections(truth, per_image=20, seed=8)
    wanted = meanap.evaluate(truth, found).errors()
    olrp = meanap.evaluate(truth, found).lrp()

    def same(truth, found, **options):
        result = meanap.evaluate(truth, found, **options)
        errors = result.errors()
        assert errors.to_dict() == wanted.to_dict() and errors.counts == wanted.counts
        assert result.lrp().lrp == pytest.approx(olrp.lrp, abs=1e-14)
        return errors

    assert wanted.ap == meanap.evaluate(truth, found).ap50
    same({**truth, "images": truth["images"][::-1], "annotations": truth["annotations"][::-1]}, found)
    same(truth, [{**record, "score": record["score"] ** 3} for record in found])
    names = {category["id"]: f"name {category['id']}" for category in truth["categories"]}
    preds, targets = per_image(truth, found)
    same(targets, preds, box_format="xywh")
    for side in (preds, targets):
        for image in side:
            image["labels"] = [names[label] for label in image["labels"].tolist()]
    assert same(targets, preds, box_format="xywh").per_class["category"] == list(names.values())


def test_files_and_dictionaries_agree(tmp_path):
    generate.write_files(tmp_path, images=20, seed=3)
    import json

    truth, found = (json.loads((tmp_path / name).read_text()) for name in ("instances.json", "masks.json"))
    from_files = meanap.evaluate(tmp_path / "instances.json", tmp_path / "masks.json", "segm")
    assert from_files.errors(0.6).to_dict() == meanap.evaluate(truth, found, "segm").errors(0.6).to_dict()
    assert from_files.lrp().lrp == meanap.evaluate(truth, found, "segm").lrp().lrp


@pytest.mark.parametrize("protocol", ["voc2012", "ultralytics", "lvis"])
def test_other_protocols(protocol):
    truth = generate.dataset(30, 8, categories=4)
    found = generate.detections(truth, per_image=20, seed=8)
    result = meanap.evaluate(truth, found, protocol=protocol)
    errors = result.errors()
    assert errors.ap == result.ap50 and min(errors[name] for name in TIDE) >= 0
    wrong = sum(errors.counts[name] for name in list(TIDE)[:5])
    curves = [result.precision_recall(id) for id in result.category_ids]
    assert wrong == errors.counts["false_positives"] == sum(int(c.false_positives[-1]) for c in curves)
    found_objects = sum(int(c.true_positives[-1]) for c in curves)
    assert errors.counts["false_negatives"] == sum(c.objects for c in curves) - found_objects
    micro = meanap.evaluate(truth, found, protocol=protocol, average="micro")
    assert micro.errors().ap == pytest.approx(micro.number(micro.scores.row("ap50")), abs=1e-12)
    agnostic = meanap.evaluate(truth, found, protocol=protocol, by_category=False).errors()
    assert agnostic.counts["classification"] == 0 and agnostic.per_class["category"] == [-1]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("bbox", {}),
        ("bbox", {"by_category": False, "max_detections": (1, 5)}),
        ("bbox", {"max_per_image": 7}),
        ("bbox", {"strict": True, "limit_per_image": True, "max_detections": (4,)}),
        ("bbox", {"zero_id_unmatched": True, "thresholds": np.linspace(0.01, 0.99, 99)}),
        ("segm", {}),
        *(("bbox", {"matcher": matcher}) for matcher in get_args(MatcherName)),
    ],
)
def test_errors_of_matches_that_are_known_are_those_of_a_matching(kind, changes):
    truth = generate.dataset(20, 8, categories=4)
    truth["annotations"][0]["id"] = 0
    for annotation in truth["annotations"][1::9]:
        annotation["iscrowd"] = 1
    found = generate.detections(truth, kind, per_image=20, seed=8)
    options = readers.Options(kind)
    rules = with_changes("coco", kind, changes)
    known = evaluation.evaluated(truth, found, rules, options, errors_at=rules.thresholds).scores
    matched = evaluation.evaluated(truth, found, rules, options).scores
    for area in rules.area_ranges:
        for iou in rules.thresholds[::4]:
            of_known, of_matched = (scores.error_table(iou, 0.005, area) for scores in (known, matched))
            assert of_known.to_bytes() == of_matched.to_bytes()
            for name, column in of_matched.pairs().items():
                np.testing.assert_array_equal(of_known.pairs()[name], column)
    assert known.table.to_bytes() == matched.table.to_bytes()


def test_areas():
    truth = generate.dataset(30, 8, categories=4)
    found = generate.detections(truth, per_image=20, seed=8)
    result = meanap.evaluate(truth, found)
    errors = result.errors(area="small")
    assert errors.ap == result.number(meanap.protocol.SummaryRow("x", threshold=0.5, area="small"))
    assert errors.counts["false_negatives"] < result.errors().counts["false_negatives"]


def test_nothing_and_bad_questions():
    truth, found = scene([], [])
    empty = meanap.evaluate(truth, found).errors()
    assert math.isnan(empty.ap) and math.isnan(empty["missed"]) and len(empty.rows) == 0
    assert math.isnan(meanap.evaluate(truth, found).lrp().lrp)
    result = meanap.evaluate(*scene([(1, 1, BOX)], [(1, 1, BOX, 0.9)]))
    assert result.lrp().lrp == 0.0 and result.errors()["missed"] == 0.0
    with pytest.raises(ValueError, match="iou: expected a number, found nan"):
        result.errors(math.nan, 0.1)
    for wrong in ((0.1, 0.5), (1.0, 0.1), (0.5, -0.1)):
        with pytest.raises(ValueError, match="background <= iou < 1"):
            result.errors(*wrong)
    with pytest.raises(ValueError, match="expected one of 'all'"):
        result.errors(area="tiny")
    with pytest.raises(KeyError, match="no error 'nothing'"):
        result.errors()["nothing"]
    metric = meanap.MeanAveragePrecision()
    metric.update(*per_image(*scene([(1, 1, BOX)], [(1, 1, BOX, 0.9)])))
    with pytest.raises(ValueError, match="make the metric with errors=0.5"):
        metric.result().errors()
    assert "localisation" in repr(result.errors()) and "<table>" in result.errors()._repr_html_()
    assert "lrp=0.000" in repr(result.lrp())


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_a_metric_keeps_what_errors_need(average):
    truth = generate.dataset(30, 8, categories=4)
    preds, targets = per_image(truth, generate.detections(truth, per_image=20, seed=8))
    options = {"box_format": "xywh", "protocol": "coco"}
    whole = meanap.evaluate(targets, preds, by_category=average == "macro", **options)
    parts = [meanap.MeanAveragePrecision(errors=0.5, average=average, **options) for _ in range(2)]
    for i, (p, t) in enumerate(zip(preds, targets, strict=True)):
        parts[i % 2].update([p], [t])
    # An image that both have seen counts once.
    parts[1].update([preds[0]], [targets[0]])
    parts[0].merge(parts[1])
    metric = meanap.MeanAveragePrecision.from_state(parts[0].state())
    errors, expected = metric.result().errors(), whole.errors()
    assert errors.to_dict() == expected.to_dict() and errors.counts == expected.counts
    assert errors.ap == pytest.approx(metric.result().ap50) and metric.result().lrp().lrp == whole.lrp().lrp
    assert errors.rows["error"] == expected.rows["error"] and errors.rows["truth"] == expected.rows["truth"]
    with pytest.raises(ValueError, match="recorded errors at IoU, background and area"):
        metric.result().errors(0.75)
