"""Tables and records in other shapes: each gives the numbers of the COCO data that it is made of, at each entry."""

import csv
import json

import numpy as np
import pytest

import meanap
from meanap import generate
from meanap.cli import main

TRUTH = generate.dataset(images=12, seed=3, categories=4)
FOUND = generate.detections(TRUTH, per_image=8, seed=3)
NAMES = {c["id"]: c["name"] for c in TRUTH["categories"]}
FILES = {image["id"]: image["file_name"] for image in TRUTH["images"]}
EXPECTED = meanap.evaluate(TRUTH, FOUND)


def columns(records, **names):
    """The columns of records, under other names where some are given."""
    scored = "score" in records[0]
    made = {name: [record[name] for record in records] for name in ("image_id", "category_id")}
    made |= {side: [record["bbox"][at] for record in records] for at, side in enumerate("xywh")}
    made |= {name: [record[name] for record in records] for name in (["score"] if scored else ["area", "iscrowd"])}
    return {names.get(name, name): column for name, column in made.items()}


def write(path, table, delimiter=","):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return path


def as_csv(delimiter, ending=".csv"):
    def make(folder):
        tables = columns(TRUTH["annotations"]), columns(FOUND)
        return [write(folder / f"{at}{ending}", table, delimiter) for at, table in enumerate(tables)]

    return make


def as_corners(folder):
    """The names that YOLOv5's tables have."""
    sides = []
    for at, records in enumerate((TRUTH["annotations"], FOUND)):
        table = columns(records, category_id="class", score="confidence")
        x, y, w, h = (np.array(table.pop(side)) for side in "xywh")
        table |= {"xmin": x.tolist(), "ymin": y.tolist(), "xmax": (x + w).tolist(), "ymax": (y + h).tolist()}
        sides.append(write(folder / f"corners{at}.csv", table))
    return sides


def as_text(pattern):
    """Boxes as text in one column."""

    def make(folder):
        sides = []
        for at, records in enumerate((TRUTH["annotations"], FOUND)):
            table = {name: column for name, column in columns(records).items() if name not in tuple("xywh")}
            table["bbox"] = [pattern.format(*record["bbox"]) for record in records]
            sides.append(write(folder / f"text{at}.csv", table))
        return sides

    return make


def as_dictionaries(folder):
    return columns(TRUTH["annotations"]), columns(FOUND)


def as_arrays(folder):
    return tuple({name: np.array(column) for name, column in side.items()} for side in as_dictionaries(folder))


def as_frames(folder):
    pandas = pytest.importorskip("pandas")
    return tuple(map(pandas.DataFrame, as_dictionaries(folder)))


def as_names(folder):
    """Detections that name categories, and files of images with folders."""
    table = columns(FOUND)
    table["category_id"] = [NAMES[id] for id in table["category_id"]]
    table["image_id"] = [f"val/{FILES[id]}" for id in table["image_id"]]
    return TRUTH, write(folder / "names.csv", table)


def as_arrow(stream):
    def make(folder):
        polars = pytest.importorskip("polars")
        sides = []
        for at, table in enumerate(as_dictionaries(folder)):
            frame = polars.DataFrame(table)
            sides.append(folder / f"{at}.arrow")
            (frame.write_ipc_stream if stream else frame.write_ipc)(sides[-1])
        return sides

    return make


def as_npy(folder):
    rows = np.array([[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in FOUND])
    np.save(folder / "found.npy", rows)
    return TRUTH, folder / "found.npy"


def groups(records):
    return {image["id"]: [r for r in records if r["image_id"] == image["id"]] for image in TRUTH["images"]}


def as_groups(folder):
    return groups(TRUTH["annotations"]), groups(FOUND)


def as_lists_of_records(folder):
    return list(groups(TRUTH["annotations"]).values()), list(groups(FOUND).values())


def as_records_of_images(name):
    """As detectron2 (`instances`) and image processors (`annotations`) have them; records do not name their image."""

    def make(folder):
        sides = []
        for records in (TRUTH["annotations"], FOUND):
            without = [{k: v for k, v in r.items() if k != "image_id"} | {"of": r["image_id"]} for r in records]
            sides.append(
                [{"image_id": id, name: [r for r in without if r["of"] == id]} for id in reversed(groups(records))]
            )
        return sides

    return make


def as_headers(*names):
    """Headers as spreadsheets and other tools have them."""
    spelt = dict(zip(("image_id", "category_id", "score", "x", "y", "w", "h", "area", "iscrowd"), names, strict=True))

    def make(folder):
        tables = columns(TRUTH["annotations"], **spelt), columns(FOUND, **spelt)
        return [write(folder / f"{at}.csv", table) for at, table in enumerate(tables)]

    return make


def corners_of(x, y, width, height):
    return {"xMin": x, "yMin": y, "xMax": x + width, "yMax": y + height}


def as_structs(fields, library):
    """A box that is a record in one column."""

    def make(folder):
        pyarrow = pytest.importorskip("pyarrow")
        module = pytest.importorskip(library)
        sides = []
        for at, records in enumerate((TRUTH["annotations"], FOUND)):
            rows = [
                {"Image ID": r["image_id"], "Category": r["category_id"], "bbox": fields(*r["bbox"])}
                | ({"Score": r["score"]} if "score" in r else {"area": r["area"], "iscrowd": r["iscrowd"]})
                for r in records
            ]
            table = pyarrow.Table.from_pylist(rows)
            if library == "pyarrow":
                pytest.importorskip("pyarrow.parquet").write_table(table, folder / f"{at}.parquet")
                sides.append(folder / f"{at}.parquet")
            else:
                sides.append(module.from_arrow(table) if library == "polars" else table.to_pandas())
        return sides

    return make


def as_objects(library):
    """A row for each image, with its objects as lists in a record, as HuggingFace has them."""

    def make(folder):
        pyarrow = pytest.importorskip("pyarrow")
        module = pytest.importorskip(library)
        sides = []
        for records in (TRUTH["annotations"], FOUND):
            names = ("bbox", "category_id", *(("score",) if "score" in records[0] else ("area", "iscrowd")))
            rows = [
                {"Image_ID": id, "Objects": {name: [r[name] for r in own] for name in names}}
                for id, own in groups(records).items()
            ]
            table = pyarrow.Table.from_pylist(rows)
            sides.append(module.from_arrow(table) if library == "polars" else table.to_pandas())
        return sides

    return make


SOURCES = {
    "headers in upper case": as_headers("IMAGE_ID", "CATEGORY", "SCORE", "X", "Y", "W", "H", "AREA", "ISCROWD"),
    "headers of words": as_headers(
        "Image ID", "Class Name", " Confidence", "x", "y", "Width", "Height", "Area", "Is Crowd"
    ),
    "headers in camel case": as_headers(
        "imageId", "categoryId", "Score", "X", "Y", "width", "height", "area", "isCrowd"
    ),
    "structs of sides": as_structs(lambda *box: dict(zip(("x", "y", "width", "height"), box, strict=True)), "pyarrow"),
    "structs of corners": as_structs(corners_of, "pyarrow"),
    "structs in Polars": as_structs(corners_of, "polars"),
    "structs in pandas": as_structs(corners_of, "pandas"),
    "objects in Polars": as_objects("polars"),
    "objects in pandas": as_objects("pandas"),
    "csv": as_csv(","),
    "tsv": as_csv("\t", ".tsv"),
    "semicolons": as_csv(";"),
    "corners": as_corners,
    "text in brackets": as_text("[{!r}, {!r}, {!r}, {!r}]"),
    "text with spaces": as_text("{!r} {!r} {!r} {!r}"),
    "a dictionary of lists": as_dictionaries,
    "a dictionary of arrays": as_arrays,
    "pandas": as_frames,
    "names": as_names,
    "arrow file": as_arrow(False),
    "arrow stream": as_arrow(True),
    "npy": as_npy,
    "records by image": as_groups,
    "lists of records": as_lists_of_records,
    "instances of images": as_records_of_images("instances"),
    "annotations of images": as_records_of_images("annotations"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_each_shape_gives_the_numbers_of_the_records_at_each_entry(kind, tmp_path):
    truth, found = SOURCES[kind](tmp_path)
    # Corners are rounded.
    close = {"abs": 1e-9, "nan_ok": True}
    assert meanap.evaluate(truth, found).to_dict() == pytest.approx(EXPECTED.to_dict(), **close)
    assert meanap.evaluate(TRUTH, found).ap == pytest.approx(EXPECTED.ap)
    assert meanap.evaluate(truth, FOUND).ap == pytest.approx(EXPECTED.ap)
    assert meanap.evaluate(truth, found, on_error="skip").ap == pytest.approx(EXPECTED.ap)
    findings = meanap.check(truth, found)
    assert findings.ok and "label-errors" in findings.codes, findings
    assert meanap.explain_difference(truth, found, "coco", "voc2012").baseline == pytest.approx(EXPECTED.ap)
    meanap.report.write(tmp_path / "page.html", truth, found, resamples=5)
    if all(hasattr(side, "suffix") for side in (truth, found)):
        assert main(["eval", str(truth), str(found), "--json", str(tmp_path / "numbers.json")]) == 0
        numbers = json.loads((tmp_path / "numbers.json").read_text())["stats"]
        assert next(iter(numbers.values())) == pytest.approx(EXPECTED.ap)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_id,category_id,score,x,y,w,h\n1,1,0.5,1,2,3\n", r"row 0 has 6 fields, expected 7"),
        ("image_id,category_id,x,y,w,h\n1,1,1,2,3,4\n", "a table needs a column 'score'; there are 'image_id'"),
        ("1,2,0.5,3,4,5,6\n", "a table needs a column 'image_id'"),
        ('image_id,category_id,score,bbox\n616,1,0.5,"[1, 2, 3]"\n616,1,0.5,"1 2 3 4"\n', 'row 0: "bbox" has 3'),
        ("image_id,category_id,score,bbox\n616,1,0.5,none\n", "row 0: \"bbox\" is 'none', expected 4 numbers"),
        ("score,score\n", "the first line, which names the columns, has 'score' 2 times"),
        ("1,1,10,10,20,20\n", "the first line, which names the columns, has '1' 2 times"),
        ("", "expected a line with the names of columns, found an empty file"),
        ("<!DOCTYPE html><html>\n<body>", "found an HTML page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "found a Git LFS pointer"),
        ("image_id,score\n" + "1" * 200_000 + ",1\n", "not CSV: field larger than field limit"),
        ("image_id,score" + "1" * 200_000 + "\n", "not CSV: field larger than field limit"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_csv_file_is_named(text, message, tmp_path):
    (tmp_path / "found.csv").write_text(text)
    with pytest.raises(meanap.InputError, match=message):
        meanap.evaluate(TRUTH, tmp_path / "found.csv")
    assert not meanap.check(TRUTH, tmp_path / "found.csv").ok


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_csv_files_of_spreadsheets_are_read(encoding, tmp_path):
    """Byte order marks, quotes, and lines that end as those of Windows."""
    lines = ['"' + '","'.join(map(str, row)) + '"' for row in zip(*columns(FOUND).values(), strict=True)]
    text = "\r\n".join([",".join(f'"{name}"' for name in columns(FOUND)), *lines, ""])
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    (tmp_path / "found.csv").write_bytes(mark + text.encode(encoding))
    assert meanap.evaluate(TRUTH, tmp_path / "found.csv").ap == EXPECTED.ap


def test_faulty_lines_of_a_csv_file_are_left_out(tmp_path):
    table = columns(FOUND)
    table["score"][3], table["w"][5] = "high", -1
    path = write(tmp_path / "found.csv", table)
    rest = [record for row, record in enumerate(FOUND) if row not in (3, 5)]
    with pytest.raises(meanap.InputError, match='row 3: "score" is'):
        meanap.evaluate(TRUTH, path)
    with pytest.warns(UserWarning, match="2 left out"):
        assert meanap.evaluate(TRUTH, path, on_error="skip").ap == meanap.evaluate(TRUTH, rest).ap
    assert {"bad-score", "malformed-box"} <= set(meanap.check(TRUTH, path)["code"])


def test_a_name_that_the_ground_truth_does_not_have_stays_an_error():
    table = columns(FOUND)
    table["category_id"] = [NAMES[id] for id in table["category_id"]]
    table["category_id"][7] = "unicorn"
    with pytest.raises(meanap.InputError, match=r"row 7: .*'unicorn', which is no category of the ground truth"):
        meanap.evaluate(TRUTH, table)


def test_values_of_other_tools_suggest_ours():
    for arguments, message in (
        ({"similarity": "mask"}, "found 'mask'; did you mean 'segm'?"),
        ({"similarity": "coco"}, "found 'coco'; did you mean protocol='coco'?"),
        ({"box_format": "pascal_voc"}, "found 'pascal_voc'; did you mean 'xyxy'?"),
        ({"box_format": "yolo"}, "found 'yolo'; did you mean 'cxcywh'?"),
    ):
        for entry in (meanap.evaluate, meanap.check):
            with pytest.raises(meanap.InputError, match=message.replace("?", r"\?")):
                entry(TRUTH, FOUND, **arguments)
    with pytest.raises(meanap.InputError, match="a text that is JSON itself; expected a path"):
        meanap.evaluate(json.dumps(TRUTH), FOUND)


def test_no_detections_are_none_in_each_form(tmp_path):
    (tmp_path / "found.jsonl").write_text("")
    (tmp_path / "found.csv").write_text("image_id,category_id,score,x,y,w,h\n")
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    # A table made of an empty list has no columns.
    pandas.DataFrame([]).to_csv(tmp_path / "frame.csv")
    polars.DataFrame([]).write_parquet(tmp_path / "frame.parquet")
    ids = [image["id"] for image in TRUTH["images"]]
    nothing = {name: [] for name in ("image_id", "category_id", "score", "bbox")}
    for found in (
        [],
        tmp_path / "found.jsonl",
        tmp_path / "found.csv",
        {id: [] for id in ids},
        nothing,
        [None] * len(ids),
        pandas.DataFrame([]),
        polars.DataFrame([]),
        tmp_path / "frame.csv",
        tmp_path / "frame.parquet",
    ):
        assert meanap.evaluate(TRUTH, found).ap == 0
        assert meanap.check(TRUTH, found)["code"] == ["no-detections"]


def test_what_is_left_out_is_told_with_its_kind():
    found = columns(FOUND)
    found["w"][5] = -1
    lists = [
        {"boxes": [[0, 0, 1, 1]], "labels": [1], "scores": [0.5]},
        {"boxes": [[3, 0, 1, 1]], "labels": [1], "scores": [0.5]},
    ]
    targets = [{"boxes": [[0, 0, 1, 1]], "labels": [1]}] * 2
    for sides in ((TRUTH, found), (targets, lists)):
        with pytest.warns(UserWarning, match=r"detections: 1 left out \(1 malformed-box\), the first: .*row"):
            meanap.evaluate(*sides, on_error="skip")


def test_dictionaries_of_images_say_their_size():
    """Polygons are drawn in it; where no image has one, that is no finding."""
    objects = groups(TRUTH["annotations"])
    found = generate.detections(TRUTH, kind="segm", per_image=6, seed=3)
    images = [{**image, "annotations": objects[image["id"]]} for image in TRUTH["images"]]
    assert meanap.evaluate(images, found, "segm").ap == meanap.evaluate(TRUTH, found, "segm").ap > 0.1
    assert meanap.check(images, found, "segm").ok
    assert "image-without-size" not in meanap.check(objects, FOUND).codes
    with pytest.raises(meanap.InputError, match='needs "height" and "width" of image'):
        meanap.evaluate(objects, found, "segm")


ITEMS = {
    side: [
        {"boxes": [r["bbox"] for r in own], "labels": [r["category_id"] for r in own]}
        | ({"scores": [r["score"] for r in own]} if records is FOUND else {})
        for own in groups(records).values()
    ]
    for side, records in (("ground_truth", TRUTH["annotations"]), ("detections", FOUND))
}


def array(items):
    made = np.empty(len(items), dtype=object)
    made[:] = items
    return made


def series(items):
    return pytest.importorskip("pandas").Series(items)


def batches(items):
    return [items[start : start + 5] for start in range(0, len(items), 5)]


def once(items):
    return (item for item in items)


ITERATED = {
    "generators": lambda: map(once, ITEMS.values()),
    "views": lambda: (dict(enumerate(items)).values() for items in ITEMS.values()),
    "batches": lambda: map(batches, ITEMS.values()),
    "generators of batches": lambda: (once(map(once, batches(items))) for items in ITEMS.values()),
    "records": lambda: (TRUTH, once(FOUND)),
    "batches of records": lambda: (TRUTH, once(batches(FOUND))),
    "annotations": lambda: (once(TRUTH["annotations"]), FOUND),
    "arrays of objects": lambda: map(array, ITEMS.values()),
    "series of objects": lambda: map(series, ITEMS.values()),
    "records in a series": lambda: (series(TRUTH["annotations"]), series(FOUND)),
}


@pytest.mark.parametrize("kind", ITERATED)
def test_what_can_be_read_only_once_is_read_once_at_each_entry(kind, tmp_path):
    options = {} if "records" in kind or kind == "annotations" else {"box_format": "xywh"}
    expected = EXPECTED.ap if not options else meanap.evaluate(*ITEMS.values(), **options).ap
    sides = ITERATED[kind]
    assert meanap.evaluate(*sides(), **options).ap == pytest.approx(expected)
    assert meanap.check(*sides(), **options).ok
    assert meanap.explain_difference(*sides(), "coco", "voc2012", **options).baseline == pytest.approx(expected)
    page = meanap.report.write(
        tmp_path / "page.html", *sides(), versus=next(reversed([*sides()])), resamples=5, **options
    )
    assert page.exists()
    truth, _ = sides()
    assert len(meanap.describe(truth)) == 5


@pytest.mark.parametrize("form", [once, array, series])
def test_batches_of_a_metric_object_may_be_of_each_form(form):
    metric = meanap.MeanAveragePrecision(box_format="xywh")
    for preds, target in zip(batches(ITEMS["detections"]), batches(ITEMS["ground_truth"]), strict=True):
        metric.update(form(preds), form(target))
    assert metric.result().ap == meanap.evaluate(*ITEMS.values(), box_format="xywh").ap


def test_two_columns_that_may_be_the_same_are_told_apart_by_columns():
    table = {**columns(FOUND, score="Score"), "SCORE": [0.5] * len(FOUND)}
    with pytest.raises(meanap.InputError, match=r"'Score' and 'SCORE' may both be .*: columns= says which"):
        meanap.evaluate(TRUTH, table)
    assert meanap.evaluate(TRUTH, table, columns={"score": "Score"}).ap == EXPECTED.ap
    # The documented name is the column, whatever else there is.
    table = {**columns(FOUND), "SCORE": [0.5] * len(FOUND)}
    assert meanap.evaluate(TRUTH, table).ap == EXPECTED.ap


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("https://example.org/found.json", "is a URL, expected a path"),
        ("s3://bucket/found.parquet", "is a URL, expected a path"),
    ],
)
def test_what_is_elsewhere_is_refused(source, message):
    with pytest.raises(meanap.InputError, match=message):
        meanap.evaluate(TRUTH, source)
    with pytest.raises(meanap.InputError, match=message):
        meanap.check(TRUTH, source)


@pytest.mark.parametrize("items", [[1, 2], ["a"], [[1.0, 2.0]]])
def test_a_column_is_no_table(items):
    for source in (series(items), series({"image_id": 1, "score": 0.5})):
        for sides in ((TRUTH, source), (source, FOUND)):
            with pytest.raises(meanap.InputError, match="expected a path, .*; found a Series"):
                meanap.evaluate(*sides)


def test_an_open_file_is_refused(tmp_path):
    (tmp_path / "found.json").write_text(json.dumps(FOUND))
    with open(tmp_path / "found.json") as file, pytest.raises(meanap.InputError, match="an open file of .*its path"):
        meanap.evaluate(TRUTH, file)


def test_an_id_that_looks_like_a_number_stays_a_text_among_others(tmp_path):
    path = tmp_path / "found.csv"
    path.write_text("Photo,Class,Score,xmin,ymin,xmax,ymax\n007,1,0.5,0,0,9,9\nb,1,0.5,0,0,9,9\n")
    found = meanap.readers.detections(path, meanap.readers.Options(columns={"image_id": "Photo"}))
    assert list(found.image_ids) == ["007", "b"]


def corners(record, names):
    x, y, width, height = record["bbox"]
    return dict(zip(names, (x, y, x + width, y + height), strict=True))


def with_ids(record, **fields):
    return {"image_id": record["image_id"], "category_id": record["category_id"], **fields}


#: Results that are COCO's but for the names of some fields.
RECORDS = {
    "confidence": lambda r: with_ids(r, bbox=r["bbox"], confidence=r["score"]),
    "conf and corners": lambda r: with_ids(r, conf=r["score"], **corners(r, ("xmin", "ymin", "xmax", "ymax"))),
    "a pipeline": lambda r: {
        "image_id": r["image_id"], "label": NAMES[r["category_id"]], "score": r["score"],
        "box": corners(r, ("xmin", "ymin", "xmax", "ymax")),
    },
    "capitals": lambda r: {
        "Image_ID": r["image_id"], "Label": NAMES[r["category_id"]], "Probability": r["score"],
        **corners(r, ("X1", "Y1", "X2", "Y2")),
    },
    "a dictionary of sides": lambda r: with_ids(
        r, score=r["score"], bbox=dict(zip(("x", "y", "width", "height"), r["bbox"], strict=True))
    ),
    "names of files": lambda r: {
        "file_name": FILES[r["image_id"]], "category": NAMES[r["category_id"]], "confidence": r["score"],
        **corners(r, ("left", "top", "right", "bottom")),
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("form", ["list", "json", "jsonl"])
def test_records_with_other_fields_give_the_numbers_at_each_entry(kind, form, tmp_path):
    found, truth = [RECORDS[kind](record) for record in FOUND], tmp_path / "truth.json"
    truth.write_text(json.dumps(TRUTH))
    if form != "list":
        path = tmp_path / f"found.{form}"
        text = json.dumps(found) if form == "json" else "".join(json.dumps(record) + "\n" for record in found)
        path.write_text(text)
        found = path
        assert meanap.evaluate(truth, found, memory_limit="1 MB").ap == pytest.approx(EXPECTED.ap)
    result = meanap.evaluate(TRUTH, found)
    assert result.to_dict() == pytest.approx(EXPECTED.to_dict(), abs=1e-9, nan_ok=True)
    assert meanap.evaluate(TRUTH, found, on_error="skip").ap == pytest.approx(EXPECTED.ap)
    assert meanap.check(TRUTH, found).ok
    assert meanap.explain_difference(TRUTH, found, "coco", "voc2012").baseline == pytest.approx(EXPECTED.ap)
    meanap.report.write(tmp_path / "page.html", truth, found, resamples=3)
    converted = meanap.convert(found, tmp_path / "converted.json", "coco", ground_truth=TRUTH)
    assert meanap.evaluate(TRUTH, converted).ap == pytest.approx(EXPECTED.ap)


def test_annotations_with_corners_are_a_data_set(tmp_path):
    def turned(record):
        rest = {name: value for name, value in record.items() if name != "bbox"}
        return {**rest, **corners(record, ("xmin", "ymin", "xmax", "ymax"))}

    truth = {**TRUTH, "annotations": [turned(record) for record in TRUTH["annotations"]]}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    for source in (truth, tmp_path / "truth.json"):
        assert meanap.evaluate(source, FOUND).to_dict() == pytest.approx(EXPECTED.to_dict(), abs=1e-9, nan_ok=True)
        assert meanap.check(source, FOUND).ok


def test_x_and_y_are_the_corner_unless_the_format_says_the_centre(tmp_path):
    """Of records, their files, tables and columns alike, as fields of the record or of its box."""
    pandas = pytest.importorskip("pandas")

    def turned(record, shift):
        x, y, width, height = record["bbox"]
        return {"x": x + shift * width, "y": y + shift * height, "width": width, "height": height}

    def beside(record, shift):
        return with_ids(record, score=record["score"], **turned(record, shift))

    def inside(record, shift):
        return with_ids(record, score=record["score"], box=turned(record, shift))

    def in_a_file(found):
        (tmp_path / "found.json").write_text(json.dumps(found))
        return tmp_path / "found.json"

    def in_lines(found):
        (tmp_path / "found.jsonl").write_text("".join(json.dumps(record) + "\n" for record in found))
        return tmp_path / "found.jsonl"

    def as_columns(found):
        return {name: [record[name] for record in found] for name in found[0]}

    for form, entries in (
        (beside, (list, in_a_file, in_lines, as_columns, pandas.DataFrame)),
        (inside, (list, in_a_file, in_lines, pandas.DataFrame)),
    ):
        for entry in entries:
            corner = entry([form(record, 0) for record in FOUND])
            for format in ("xyxy", "xywh"):
                result = meanap.evaluate(TRUTH, corner, box_format=format)
                assert result.ap == pytest.approx(EXPECTED.ap), (form, entry, format)
                assert meanap.check(TRUTH, corner, box_format=format).ok
            centre = entry([form(record, 0.5) for record in FOUND])
            assert meanap.evaluate(TRUTH, centre, box_format="cxcywh").ap == pytest.approx(EXPECTED.ap), (form, entry)
            assert meanap.evaluate(TRUTH, centre).ap != pytest.approx(EXPECTED.ap)


def responses():
    """What Roboflow's inference servers answer, by the name of the image."""
    answers = {}
    for image in TRUTH["images"]:
        predictions = []
        for record in groups(FOUND)[image["id"]]:
            x, y, width, height = record["bbox"]
            sides = {"x": x + width / 2, "y": y + height / 2, "width": width, "height": height}
            name = NAMES[record["category_id"]]
            predictions.append({**sides, "confidence": record["score"], "class": name, "class_id": 7})
        size = {"width": image["width"], "height": image["height"]}
        answers[image["file_name"]] = {"predictions": predictions, "image": size}
    return answers


def test_responses_of_an_inference_server_give_the_numbers_at_each_entry(tmp_path):
    truth, folder = tmp_path / "truth.json", tmp_path / "answers"
    truth.write_text(json.dumps(TRUTH))
    folder.mkdir()
    for name, answer in responses().items():
        (folder / f"{name.rpartition('.')[0]}.json").write_text(json.dumps(answer))
    for found in (folder, responses(), list(responses().values()), once(responses().values())):
        assert meanap.evaluate(TRUTH, found).ap == pytest.approx(EXPECTED.ap)
    assert meanap.evaluate(truth, folder, memory_limit="1 MB").ap == pytest.approx(EXPECTED.ap)
    assert meanap.check(TRUTH, folder).ok
    assert main(["eval", str(truth), str(folder)]) == 0
    image = TRUTH["images"][0]
    alone = {
        "images": [image], "categories": TRUTH["categories"], "annotations": groups(TRUTH["annotations"])[image["id"]]
    }  # fmt: skip
    expected = meanap.evaluate(alone, groups(FOUND)[image["id"]]).ap
    file = folder / f"{image['file_name'].rpartition('.')[0]}.json"
    for found in (file, responses()[image["file_name"]]):
        assert meanap.evaluate(alone, found).ap == pytest.approx(expected)
    broken = responses()[image["file_name"]]
    broken["predictions"][1]["width"] = None
    file.write_text(json.dumps(broken))
    with pytest.raises(meanap.InputError, match=r'\.json: predictions: record 1: "width" is missing'):
        meanap.evaluate(TRUTH, folder)
    with pytest.warns(UserWarning, match="1 left out"):
        meanap.evaluate(TRUTH, folder, on_error="skip")
    assert "malformed-box" in meanap.check(TRUTH, folder).codes


def test_polygons_of_an_inference_server_are_masks():
    truth = generate.dataset(images=2, seed=3, categories=2)
    names = {category["id"]: category["name"] for category in truth["categories"]}
    answers, found = [], []
    for image in truth["images"]:
        predictions = []
        for record in truth["annotations"]:
            if record["image_id"] == image["id"] and not record["iscrowd"]:
                x, y, width, height = record["bbox"]
                ring = [x, y, x + width, y, x + width, y + height, x, y + height]
                points = [{"x": a, "y": b} for a, b in zip(ring[::2], ring[1::2], strict=True)]
                box = {"x": x + width / 2, "y": y + height / 2, "width": width, "height": height}
                predictions.append({**box, "confidence": 0.5, "class": names[record["category_id"]], "points": points})
                found.append({**with_ids(record), "score": 0.5, "segmentation": [ring]})
        answers.append({"predictions": predictions, "image": {"width": image["width"], "height": str(image["height"])}})
    assert meanap.evaluate(truth, answers, "segm").ap == meanap.evaluate(truth, found, "segm").ap > 0


def test_results_of_a_pipeline_are_lists_of_records_by_image():
    """A list for each image of records that name their category, with a dictionary of sides as their box."""
    truth = {**TRUTH, "images": sorted(TRUTH["images"], key=lambda image: image["id"])}
    results = [[RECORDS["a pipeline"](record) for record in groups(FOUND)[image["id"]]] for image in truth["images"]]
    for of_image in results:
        for record in of_image:
            del record["image_id"]
    assert meanap.evaluate(truth, results).ap == pytest.approx(EXPECTED.ap)
    assert meanap.evaluate(truth, once(results)).ap == pytest.approx(EXPECTED.ap)
    assert meanap.check(truth, results).ok


def test_a_dictionary_of_an_image_without_labels_is_told_as_one():
    images = [{name: value for name, value in item.items() if name != "labels"} for item in ITEMS["detections"]]
    with pytest.raises(meanap.InputError, match=r'detections\[0\]: "labels" is missing'):
        meanap.evaluate(ITEMS["ground_truth"], images, box_format="xywh")
    truth = [{"boxes": item["boxes"]} for item in ITEMS["ground_truth"]]
    with pytest.raises(meanap.InputError, match=r'ground_truth\[0\]: "labels" is missing'):
        meanap.evaluate(truth, ITEMS["detections"], box_format="xywh")


def test_masks_in_a_column_of_dictionaries_are_those_of_records():
    truth = generate.dataset(images=6, seed=2, kind="instances", categories=2)
    found = generate.detections(truth, kind="segm", per_image=5, seed=2)
    columns = {
        name: [record[name] for record in found] for name in ("image_id", "category_id", "score", "segmentation")
    }
    expected = list(meanap.evaluate(truth, found, "segm").values())
    np.testing.assert_array_equal(list(meanap.evaluate(truth, columns, "segm").values()), expected)
    columns["segmentation"] = [{**mask, "size": [0.5, 2]} for mask in columns["segmentation"]]
    with pytest.raises(meanap.InputError, match='row 0: "segmentation": "size": expected height and width'):
        meanap.evaluate(truth, columns, "segm")


@pytest.mark.parametrize("row", [0, 3])
@pytest.mark.parametrize(
    ("field", "value"),
    [("segmentation", None), ("segmentation", [[1, 2]]), ("segmentation", "x"), ("image_id", [1]), ("image_id", 2**70),
     ("image_id", 7), ("category_id", 99), ("score", [0.5])],
)  # fmt: skip
def test_a_fault_in_a_table_of_masks_is_that_of_records(row, field, value):
    pandas = pytest.importorskip("pandas")
    truth = generate.dataset(images=4, seed=2, kind="instances", categories=2)
    found = generate.detections(truth, kind="segm", per_image=3, seed=2)
    found[row][field] = value
    columns = {
        name: [record[name] for record in found] for name in ("image_id", "category_id", "score", "segmentation")
    }
    errors, numbers = [], []
    for source in (found, columns, pandas.DataFrame(columns)):
        with pytest.raises(meanap.InputError) as raised:
            meanap.evaluate(truth, source, "segm")
        error = raised.value
        errors.append((error.code, error.source, error.record, error.field, error.found, error.expected))
        with pytest.warns(UserWarning, match=f"1 left out .*(record|row) {row}: "):
            numbers.append(list(meanap.evaluate(truth, source, "segm", on_error="skip").values()))
    assert errors[0] == errors[1] == errors[2]
    np.testing.assert_array_equal(numbers, numbers[:1] * 3)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_files_in_several_batches_are_as_the_table(tmp_path, ending):
    pyarrow = pytest.importorskip("pyarrow")
    parquet, feather = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow.feather")
    truth = generate.dataset(images=4000, seed=4, categories=3)
    flat = columns(generate.detections(truth, per_image=20, seed=4))
    assert len(flat["score"]) > 70_000
    image, category, *sides, score = (np.array(column) for column in flat.values())
    boxes = np.stack(sides, axis=1)
    path = tmp_path / f"found.{ending}"

    def written(**table):
        table = pyarrow.table({name: pyarrow.array(column) for name, column in table.items()})
        (parquet.write_table if ending == "parquet" else feather.write_feather)(table, path)
        return table

    rest = {"image_id": image, "category_id": category, "score": score}
    expected = meanap.evaluate(truth, written(**flat)).to_dict()
    assert meanap.evaluate(truth, path).to_dict() == expected
    for lists in (list(boxes), list(boxes.astype(np.float32))):
        table = written(**rest, bbox=lists)
        assert meanap.evaluate(truth, path).to_dict() == meanap.evaluate(truth, table).to_dict()
    written(**rest, bbox=pyarrow.StructArray.from_arrays([pyarrow.array(side) for side in sides], list("xywh")))
    assert meanap.evaluate(truth, path).to_dict() == expected
    # What is wrong in a later batch is named by its row of the table.
    text, uneven, null = [*flat["image_id"]], [*boxes], [*flat["score"]]
    text[70_000] = uneven[70_000] = null[70_000] = None
    uneven[70_000] = boxes[0][:3]
    for faulty in (
        {**flat, "score": null},
        {**flat, "image_id": text},
        {**rest, "bbox": uneven},
        {**flat, "w": np.where(np.arange(len(image)) == 70_000, -1.0, flat["w"])},
    ):
        table = written(**faulty)
        messages = []
        for source in (table, path):
            with pytest.raises(meanap.InputError) as caught:
                meanap.evaluate(truth, source)
            messages.append(str(caught.value))
            assert caught.value.record == 70_000
        assert messages[0] == messages[1]


def test_a_row_of_many_boxes_is_named():
    boxes = np.full((70_002, 4), 5.0)
    boxes[70_001, 2] = -1
    ids = np.ones(len(boxes), dtype=np.int64)
    for array in (boxes, boxes.astype(np.float32), np.asfortranarray(boxes)):
        with pytest.raises(meanap.InputError) as caught:
            meanap.evaluate(meanap.GroundTruth([1], [1], [[0, 0, 1, 1]]),
                            meanap.Detections(ids, ids, np.ones(len(ids)), array, box_format="xywh"))  # fmt: skip
        assert caught.value.record == 70_001
    with pytest.raises(meanap.InputError, match='"boxes".*has 70002 rows, "image_ids" has 70001'):
        meanap.evaluate(meanap.GroundTruth([1], [1], [[0, 0, 1, 1]]),
                        meanap.Detections(ids[1:], ids[1:], np.ones(70_001), boxes))  # fmt: skip


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_two_columns_of_one_name_are_an_error(library):
    names = ["image_id", "category_id", "x", "y", "width", "height", "score"]

    def table(columns):
        if library == "pandas":
            return pytest.importorskip("pandas").DataFrame([[1] * len(columns)], columns=columns)
        return pytest.importorskip("pyarrow").table([[1]] * len(columns), names=columns)

    whole = table(names)
    assert meanap.evaluate(whole, whole).ap == pytest.approx(1)
    for place in ("ground_truth", "detections"):
        sides = {"ground_truth": whole, "detections": whole, place: table([*names, "x"])}
        with pytest.raises(ValueError, match=f"{place}: two columns are called 'x'"):
            meanap.evaluate(**sides)
    qrels, run = table(["query", "document", "grade"]), table(["query", "document", "score"])
    assert meanap.ranking.evaluate(qrels, run, "map").mean("map") == 1
    with pytest.raises(ValueError, match="run: two columns are called 'score'"):
        meanap.ranking.evaluate(qrels, table(["query", "document", "score", "score"]), "map")
