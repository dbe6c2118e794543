"""One fault gives one problem, whichever way the data come in."""

import copy
import json
import math
import warnings

import numpy as np
import pytest
from thorough import some

import meanap
from meanap import generate
from meanap._types import ReportOptions
from meanap.cli import main

NAN, INF = math.nan, math.inf
GONE = object()

TRUTH = generate.dataset(images=5, seed=3, categories=3)
FOUND = generate.detections(TRUTH, per_image=6, seed=3)
MASKS = generate.detections(TRUTH, kind="segm", per_image=6, seed=3)
POSES = generate.dataset(images=5, seed=3, kind="keypoints", categories=1)
POSED = generate.detections(POSES, kind="keypoints", per_image=6, seed=3)
SIDES = {"bbox": (TRUTH, FOUND), "segm": (TRUTH, MASKS), "keypoints": (POSES, POSED)}

IDS = [GONE, None, 1.5, NAN, True, [1], {}, -7, "x", 2**70]
BOXES = [GONE, None, "x", 7, {}, [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, None, 4], [1, 2, "a", 4], [1, 2, True, 4],
         [1, 2, NAN, 4], [1, 2, INF, 4], [1, 2, -3, 4], [1, 2, 3, -4], [[1, 2, 3, 4]], [1, 2, 10**400, 4]]  # fmt: skip
SCORES = [GONE, None, "x", [0.5], {}, True, NAN, 10**400]
SHAPES = [
    GONE, None, "x", [[1, 2]], [[1, 2, 3, NAN, 5, 6]], [["a", 1, 2, 3, 4, 5]], {"size": [9, 9]},
    {"size": [9, 9], "counts": [80]}, {"size": [9], "counts": "04"}, {"size": [4, 4], "counts": "!!"},
]  # fmt: skip
POINTS = [GONE, None, "x", [1, 2], [1, 2, 2] * 16, [1, NAN, 2] * 17, [None, 1, 2] * 17, {}]
FAULTS = [
    *(("bbox", side, field, value) for side in (0, 1) for field in ("image_id", "category_id") for value in IDS),
    *(("bbox", side, "bbox", value) for side in (0, 1) for value in BOXES),
    *(("bbox", 1, "score", value) for value in SCORES),
    *(("bbox", 0, "area", value) for value in ("x", NAN, -1, INF, [], True)),
    *(("bbox", 0, "iscrowd", value) for value in ([], {}, "x", NAN)),
    *(("segm", side, "segmentation", value) for side in (0, 1) for value in SHAPES),
    *(("keypoints", side, "keypoints", value) for side in (0, 1) for value in POINTS),
]
ROW = 7


def spoilt(kind, side, field, value):
    sides = copy.deepcopy(SIDES[kind])
    records = sides[1] if side else sides[0]["annotations"]
    if value is GONE:
        records[ROW].pop(field)
    else:
        records[ROW][field] = value
    return sides


def in_memory(sides, folder):
    return sides, {}


def in_files(sides, folder):
    paths = folder / "gt.json", folder / "dt.json"
    for path, content in zip(paths, sides, strict=True):
        path.write_text(json.dumps(content))
    return paths, {}


def in_shards(sides, folder):
    return in_files(sides, folder)[0], {"memory_limit": "1 MB"}


def in_mixed(sides, folder):
    paths, _ = in_files(sides, folder)
    return (paths[0], sides[1]), {}


def in_lines(sides, folder):
    path = folder / "dt.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in sides[1]))
    return (sides[0], path), {}


def in_objects(sides, folder):
    class Coco:
        getAnnIds = loadRes = None

        def __init__(self, dataset):
            self.dataset = dataset

    return (Coco(sides[0]), Coco({"annotations": sides[1]})), {}


ENTRIES = [in_memory, in_files, in_shards, in_mixed, in_lines, in_objects]


def raised(sides, kind, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(meanap.InputError) as caught:
            meanap.evaluate(*sides, kind, **options)
    return caught.value


def test_there_are_a_hundred_faults():
    assert len(FAULTS) >= 100


def named(fault):
    kind, row, field, value = fault[:4]
    return f"{kind}-{row}-{field}-{'gone' if value is GONE else str(value)[:24]}"


@pytest.mark.parametrize("fault", some(FAULTS, every=3), ids=named)
def test_each_fault_is_one_problem_at_each_entry(fault, tmp_path):
    kind, side, field, _ = fault
    place = ("ground_truth", "detections")[side]
    told = {}
    for entry in ENTRIES:
        sides, options = entry(spoilt(*fault), tmp_path)
        error = raised(sides, kind, **options)
        told[entry.__name__] = (error.source, error.record, error.field, error.code, error.found)
        assert error.code in meanap.check(*sides, kind).codes, (error.code, entry.__name__)
    assert len(set(told.values())) == 1, told
    source, record, name, code, _ = told["in_memory"]
    assert (source, record) == (place, ROW) and code is not None
    assert name == field or fault[3] is None, told


def replaced(sides, side, made):
    return (sides[0], made) if side else (made, sides[1])


def in_columns(sides, kind, side):
    """One side as a dictionary of columns."""
    records = sides[1] if side else sides[0]["annotations"]
    names = ["image_id", "category_id", "keypoints" if kind == "keypoints" else "bbox"]
    # Objects are ignored and measured by their boxes.
    names += ["score"] if side else ["area", "iscrowd", *(["bbox"] if kind == "keypoints" else [])]
    return replaced(sides, side, {name: [record.get(name) for record in records] for name in names})


def in_a_frame(sides, kind, side):
    pandas = pytest.importorskip("pandas", reason="tables of pandas")
    try:
        frame = pandas.DataFrame(in_columns(sides, kind, side)[side])
    except OverflowError:
        pytest.skip("pandas below 3 takes no whole number of this size")
    return replaced(sides, side, frame)


def in_image_lists(sides, kind, side):
    """One side as a dictionary for each image."""
    records, items = sides[1] if side else sides[0]["annotations"], []
    names = {"boxes": "bbox", "labels": "category_id"}
    names |= {"scores": "score"} if side else {"area": "area", "iscrowd": "iscrowd"}
    for image in sides[0]["images"]:
        own = [record for record in records if record["image_id"] == image["id"]]
        items.append({"image_id": image["id"]} | {name: [r.get(of) for r in own] for name, of in names.items()})
    return replaced(sides, side, items)


def in_image_arrays(sides, kind, side):
    """One side as rows for each image, in lists."""
    records, items = sides[1] if side else sides[0]["annotations"], []
    for image in sides[0]["images"]:
        own = [record for record in records if record["image_id"] == image["id"]]
        scores = [[record.get("score")] if side else [] for record in own]
        rows = zip(own, scores, strict=True)
        items.append([[*record["bbox"], *score, record.get("category_id")] for record, score in rows])
    return replaced(sides, side, items)


def in_columns_of_python(sides, kind, side):
    """One side as `meanap.GroundTruth` or `meanap.Detections` of lists."""
    records = sides[1] if side else sides[0]["annotations"]
    ids = [record["image_id"] for record in records], [record.get("category_id") for record in records]
    boxes = [record["bbox"] for record in records]
    if side:
        made = meanap.Detections(*ids, [record.get("score") for record in records], boxes, box_format="xywh")
    else:
        made = meanap.GroundTruth(*ids, boxes, box_format="xywh", area=[record["area"] for record in records])
    return replaced(sides, side, made)


#: Faults within the rows of lists: of those without the numbers of a box, a list is no row.
IN_ROWS = [
    fault
    for fault in FAULTS
    if fault[0] == "bbox"
    and (fault[2] in ("score", "category_id") or (fault[2] == "bbox" and isinstance(fault[3], list)))
    and fault[3] is not GONE
    and not (fault[2] == "bbox" and (len(fault[3]) != 4 or min(map(str, fault[3])) < "0"))
    and fault[3:] not in ((-7,), ("x",), ([0.5],))
]


@pytest.mark.parametrize("form", [in_image_arrays, in_columns_of_python])
@pytest.mark.parametrize("fault", IN_ROWS, ids=named)
def test_rows_in_lists_have_the_problems_of_records(form, fault):
    kind, side, field, value = fault
    code = raised(spoilt(*fault), kind).code
    place = "detections" if side else "ground_truth"
    try:
        sides = form(spoilt(*fault), kind, side)
    except meanap.InputError as error:
        assert (error.record, error.code) == (
            ROW,
            code if value is not None else "malformed-id",
        ) and form is not in_image_arrays
        return
    error = raised(sides, kind, box_format="xywh")
    assert error.code == code and error.record is not None and error.source.lower().startswith(place[:6]), error
    assert code in meanap.check(*sides, kind, box_format="xywh").codes


def codes_of(code, value, form):
    """The codes that a fault may have: of what stands in its place in such a form."""
    codes = {code}
    if value is None or value is GONE or (form is in_a_frame and isinstance(value, float) and value != value):
        codes.add("missing-field")  # NaN in a frame is missing.
        if form is in_image_lists:  # None in an array of numbers is none of them.
            codes |= {"malformed-id", "malformed-box", "bad-score"}
    return codes


def holds(form, fault):
    """Whether a fault can stand in a form."""
    kind, side, field, value = fault
    if kind == "segm":  # Tables have masks as two columns.
        return False
    # They declare neither images nor categories. What is NaN in a frame is missing, which an area may be.
    if not side and (
        value in (-7, "x")
        and field.endswith("id")
        or (form is in_a_frame and value is NAN and field in ("area", "iscrowd"))
    ):
        return False
    if form is in_a_frame and field in ("bbox", "score", "area"):
        # pyarrow makes numbers of flags among numbers.
        return value is not True and not (isinstance(value, list) and any(item is True for item in value))
    return not (form is in_image_lists and (kind != "bbox" or field == "image_id" or value is GONE))


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        pytest.param(form, fault, id=f"{form.__name__}-{named(fault)}")
        for form in (in_columns, in_a_frame, in_image_lists)
        for fault in FAULTS
        if holds(form, fault)
    ],
)
def test_tables_and_lists_have_the_problems_of_records(form, fault):
    kind, side, _, value = fault
    of_record = raised(spoilt(*fault), kind)
    code = of_record.code
    sides = form(spoilt(*fault), kind, side)
    error = raised(sides, kind, box_format="xywh")
    assert error.code in codes_of(code, value, form), error
    assert form is in_image_lists or error.record == ROW, error
    if form is not in_image_lists and error.code == code and code != "unknown-image" and code != "unknown-category":
        # A column is there, though a record may lack its field.
        expected = str(of_record).replace(": record ", ": row ").replace("is missing", "is null")
        assert str(error) == expected
    assert meanap.check(*sides, kind, box_format="xywh").codes & codes_of(code, value, form)


@pytest.mark.parametrize("fault", some(FAULTS, every=3, first=1), ids=named)
def test_the_commands_have_the_problems_of_records(fault, tmp_path, capsys):
    kind = fault[0]
    error = raised(spoilt(*fault), kind)
    paths, _ = in_files(spoilt(*fault), tmp_path)
    assert main(["eval", *map(str, paths), "--similarity", kind]) == 1
    _, _, words = str(error).partition(": ")
    assert words in capsys.readouterr().err
    assert main(["check", *map(str, paths), "--similarity", kind]) == 1
    assert error.code in capsys.readouterr().out


@pytest.mark.parametrize("fault", FAULTS, ids=named)
def test_records_with_faults_are_left_out(fault, tmp_path):
    kind, side, *_ = fault
    without = copy.deepcopy(SIDES[kind])
    del (without[1] if side else without[0]["annotations"])[ROW]
    expected = meanap.evaluate(*without, kind).ap
    for entry in (in_memory, in_files, in_lines):
        sides, _ = entry(spoilt(*fault), tmp_path)
        with pytest.warns(UserWarning, match="1 left out"):
            assert meanap.evaluate(*sides, kind, on_error="skip").ap == expected


def table_of(records, names):
    polars = pytest.importorskip("polars")
    columns = {name: [record.get(name) for record in records] for name in names}
    return polars.DataFrame(columns, strict=False)


@pytest.mark.parametrize(
    ("field", "value"),
    [("score", None), ("image_id", None), ("category_id", None), ("bbox", None), ("bbox", [1.0, 2.0, NAN, 4.0]),
     ("bbox", [1.0, 2.0, -3.0, 4.0]), ("bbox", [1.0, 2.0, 3.0]), ("score", NAN), ("image_id", -7), ("category_id", -7)],
)  # fmt: skip
def test_a_row_of_a_table_has_the_problem_of_a_record(field, value):
    truth, found = spoilt("bbox", 1, field, value)
    table = table_of(found, ("image_id", "category_id", "bbox", "score"))
    of_records, of_table = raised((truth, found), "bbox"), raised((truth, table), "bbox")
    assert of_table.code == of_records.code and of_table.record == of_records.record == ROW
    assert of_records.code in meanap.check(truth, table).codes & meanap.check(truth, found).codes
    with pytest.warns(UserWarning, match="1 left out"):
        skipped = meanap.evaluate(truth, table, on_error="skip").ap
    del found[ROW]
    assert skipped == meanap.evaluate(truth, found).ap


def test_several_faults_are_all_listed_and_left_out():
    truth, found = copy.deepcopy((TRUTH, FOUND))
    found[3]["bbox"], found[4]["score"], found[5]["image_id"], found[6] = [1, 2], None, -7, 3
    findings = meanap.check(truth, found)
    assert {"malformed-box", "missing-field", "unknown-image", "malformed-record"} <= findings.codes
    with pytest.warns(
        UserWarning, match=r"detections: 4 left out \(.*1 malformed-box.*\), the first: detections: record"
    ):
        result = meanap.evaluate(truth, found, on_error="skip")
    assert result.ap == meanap.evaluate(truth, found[:3] + found[7:]).ap


def test_images_of_lists_have_problems_too():
    images = [{"boxes": np.array([[0.0, 0, 9, 9]]), "labels": [1], "scores": [0.9]} for _ in range(4)]
    images[2]["scores"] = []
    truth = [{"boxes": image["boxes"], "labels": image["labels"]} for image in images]
    with pytest.raises(meanap.InputError, match=r"\[2\]"):
        meanap.evaluate(truth, images)
    assert not meanap.check(truth, images).ok
    with pytest.warns(UserWarning, match="1 left out"):
        assert meanap.evaluate(truth, images, on_error="skip").ap == pytest.approx(0.752, abs=1e-3)


@pytest.mark.parametrize("entry", [in_memory, in_files])
@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_swapped_arguments_are_recognised_by_their_content(entry, kind, tmp_path):
    sides, _ = entry(SIDES[kind], tmp_path)
    with pytest.raises(meanap.InputError, match="ground truth and detections are swapped") as caught:
        meanap.evaluate(sides[1], sides[0], kind)
    assert caught.value.code == "swapped-sides"


def test_the_command_recognises_swapped_files(tmp_path, capsys):
    truth, found = in_files(SIDES["bbox"], tmp_path)[0]
    for command in (["eval"], ["report", "-o", str(tmp_path / "page.html")]):
        assert main([command[0], str(found), str(truth), *command[1:]]) == 1
        assert "they are swapped" in capsys.readouterr().err


def test_other_faults_are_no_swap():
    truth, found = spoilt("bbox", 1, "score", None)
    with pytest.raises(meanap.InputError, match='"score" is null'):
        meanap.evaluate(truth, found)
    tables = [table_of(records, ("image_id", "category_id", "bbox", "score")) for records in (FOUND, found)]
    with pytest.raises(meanap.InputError, match="is null"):
        meanap.evaluate(*tables)


def test_batches_that_are_swapped_are_recognised():
    preds = [{"boxes": [[0, 0, 9, 9]], "labels": [1], "scores": [0.5]}]
    target = [{"boxes": [[0, 0, 9, 9]], "labels": [1]}]
    metric = meanap.MeanAveragePrecision()
    with pytest.raises(meanap.InputError, match="preds and target are swapped") as caught:
        metric.update(target, preds)
    assert caught.value.code == "swapped-sides" and len(metric) == 0
    metric.update(preds, target)
    with pytest.raises(meanap.InputError, match=r'preds\[0\]: "scores" is missing'):
        metric.update(target, target)


@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_a_check_recognises_swapped_arguments(kind, tmp_path):
    truth, found = SIDES[kind]
    with pytest.raises(meanap.InputError, match="ground truth and detections are swapped"):
        meanap.check(found, truth, kind)
    paths, _ = in_files((truth, found), tmp_path)
    assert "Are the two files swapped?" in meanap.check(paths[1], paths[0], kind)["remedy"]
    for call in (meanap.describe, lambda side: meanap.convert(side, tmp_path / "x", "coco")):
        with pytest.raises(meanap.InputError, match="ground_truth: expected .*; found a list of detections"):
            call(found)


RESULT = meanap.evaluate(TRUTH, FOUND)


def test_an_option_of_a_report_is_no_strange_keyword(tmp_path):
    assert RESULT.report(tmp_path / "x.html", resamples=5, worst=1, title="a").exists()
    assert set(ReportOptions.__annotations__) == {
        "images", "title", "score", "worst", "confidence", "resamples", "check"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "keyword", "meant"),
    [
        (lambda **k: meanap.evaluate(TRUTH, FOUND, **k), "iou_type", "similarity"),
        (lambda **k: meanap.evaluate(TRUTH, FOUND, **k), "maxDets", "max_detections"),
        (lambda **k: meanap.evaluate(TRUTH, FOUND, **k), "threshold", "thresholds"),
        (lambda **k: meanap.check(TRUTH, FOUND, **k), "iou_type", "similarity"),
        (lambda **k: meanap.check(TRUTH, FOUND, **k), "class_names", "names"),
        (lambda **k: meanap.compare(None, None, **k), "n_boot", "resamples"),
        (lambda **k: meanap.report.write("x.html", TRUTH, FOUND, **k), "image_dir", "images"),
        (lambda **k: meanap.explain_difference(TRUTH, FOUND, "coco", "voc2012", **k), "bbox_format", "box_format"),
        (lambda **k: meanap.convert(TRUTH, "x", "yolo", **k), "image_sizes", "sizes"),
        (lambda **k: meanap.describe(TRUTH, **k), "class_names", "names"),
        (lambda **k: meanap.ranking.apk_values([[1]], [[1]], **k), "paddings", "padding"),
        (lambda **k: meanap.MeanAveragePrecision(**k), "class_metric", "class_metrics"),
        (lambda **k: meanap.MeanAveragePrecision(**k), "boxformat", "box_format"),
        (lambda **k: meanap.MeanAveragePrecision().update([], [], **k), "progres", "progress"),
        (lambda **k: meanap.MeanAveragePrecision().update(target=[], **k), "predictions", "preds"),
        (lambda **k: meanap.GroundTruth(category_ids=[1], **k), "image_id", "image_ids"),
        (lambda **k: meanap.Detections([1], [1], [0.5], **k), "bboxes", "boxes"),
        (lambda **k: RESULT.interval("ap", **k), "n_boot", "resamples"),
        (lambda **k: RESULT.confusion(**k), "iou_threshold", "iou"),
        (lambda **k: RESULT.errors(**k), "iou_thr", "iou"),
        (lambda **k: RESULT.precision_recall(**k), "class_id", "category"),
        (lambda **k: RESULT.report("x.html", **k), "targets", "ground_truth"),
        (lambda **k: meanap.protocol.get("coco", "bbox").replace(**k), "max_dets", "max_detections"),
        (lambda **k: meanap.plot.precision_recall(RESULT, **k), "categorie", "category"),
        (lambda **k: meanap.ranking.evaluate({}, {}, **k), "metrics", "measures"),
        (lambda **k: meanap.ranking.evaluate({}, {}, **k), "tie", "ties"),
        (lambda **k: meanap.ranking.compare(None, None, **k), "n_permutations", "resamples"),
        (lambda **k: meanap.ranking.tie_range({}, {}, **k), "metric", "measures"),
        (lambda **k: meanap.ranking.explain_difference({}, {}, "ranx", "ranx", **k), "metric", "measure"),
        (lambda **k: meanap.ranking.AveragePrecisionAtK(**k), "top_k", "k"),
        (lambda **k: meanap.segmentation.SemanticSegmentation(**k), "n_classes", "classes"),
        (lambda **k: generate.dataset(3, **k), "sead", "seed"),
        (lambda **k: generate.detections(TRUTH, **k), "sead", "seed"),
        (lambda **k: generate.write_format("x", "yolo", **k), "image", "images"),
    ],
)
def test_a_keyword_that_is_none_names_the_one_that_was_meant(call, keyword, meant):
    with pytest.raises(TypeError, match=f"unexpected keyword '{keyword}'; did you mean '{meant}'"):
        call(**{keyword: 1})
    with pytest.raises(TypeError, match="unexpected keyword 'qqqq'; it takes .*"):
        call(qqqq=1)
