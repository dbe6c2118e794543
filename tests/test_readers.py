"""Every source gives the same numbers at every entry, and the same problems."""

import copy
import gzip
import json
import operator

import numpy as np
import pytest
from processes import run_python

import meanap
from meanap import generate, readers, report
from meanap.readers._plain_lists import are_plain
from meanap.readers.lists import Lists

TRUTH = generate.dataset(images=12, seed=3, categories=4)
FOUND = generate.detections(TRUTH, per_image=8, seed=3)


def corners(records):
    boxes = np.array([record["bbox"] for record in records], dtype=float)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def columns(records):
    """The columns of a table."""
    made = {name: [record[name] for record in records] for name in ("image_id", "category_id")}
    made["bbox"] = [list(record["bbox"]) for record in records]
    if "score" in records[0]:
        made["score"] = [record["score"] for record in records]
    else:
        made |= {name: [record[name] for record in records] for name in ("area", "iscrowd")}
    return made


def as_table(records, folder):
    return pytest.importorskip("polars").DataFrame(columns(records))


def as_parquet(records, folder):
    path = folder / f"{'score' in records[0]}.parquet"
    as_table(records, folder).write_parquet(path)
    return path


def as_lines(records, folder):
    path = folder / f"{'score' in records[0]}.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def as_lists(records, folder):
    images = []
    for image in TRUTH["images"]:
        mine = [record for record in records if record["image_id"] == image["id"]]
        boxes = np.array([record["bbox"] for record in mine]).reshape(-1, 4)
        entry = {"boxes": boxes, "labels": [r["category_id"] for r in mine], "image_id": image["id"]}
        if "score" in records[0]:
            entry["scores"] = [r["score"] for r in mine]
        else:
            entry |= {name: [r[name] for r in mine] for name in ("area", "iscrowd")}
        images.append(entry)
    return images


class Of:
    """An object with some attributes, as another library has it."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def of_images(records):
    for image in TRUTH["images"]:
        mine = [record for record in records if record["image_id"] == image["id"]]
        boxes = corners(mine) if mine else np.zeros((0, 4))
        labels = np.array([r["category_id"] for r in mine], dtype=int)
        yield image, boxes, labels, np.array([r.get("score", 1.0) for r in mine], dtype=float)


def as_supervision(records, folder):
    """Detections only: such objects have no crowds and no areas."""
    if "score" not in records[0]:
        return TRUTH
    return [Of(xyxy=boxes, class_id=ids, confidence=scores, mask=None) for _, boxes, ids, scores in of_images(records)]


def as_ultralytics(records, folder):
    if "score" not in records[0]:
        return TRUTH
    return [
        Of(boxes=Of(xyxy=boxes, cls=ids.astype(float), conf=scores), orig_shape=(image["height"], image["width"]))
        for image, boxes, ids, scores in of_images(records)
    ]


def as_instances(records, folder):
    """What a model of detectron2 gives; as such objects, a field that is not there is an AttributeError."""
    if "score" not in records[0]:
        return TRUTH
    return [
        {
            "image_id": image["id"],
            "instances": Of(pred_boxes=Of(tensor=boxes), pred_classes=ids, scores=scores, image_size=(9, 9)),
        }
        for image, boxes, ids, scores in of_images(records)
    ]


def as_data_samples(records, folder):
    """What a model of MMDetection gives."""
    if "score" not in records[0]:
        return TRUTH
    return [
        Of(img_id=image["id"], pred_instances=Of(bboxes=boxes, labels=ids, scores=scores), gt_instances=Of())
        for image, boxes, ids, scores in of_images(records)
    ]


def as_objects(records, folder):
    coco = meanap.COCO(copy.deepcopy(TRUTH))
    return coco.loadRes(copy.deepcopy(records)) if "score" in records[0] else coco


def as_file(records, folder):
    path = folder / f"{'score' in records[0]}.json"
    path.write_text(json.dumps(records if "score" in records[0] else TRUTH))
    return path


def as_gzip(records, folder):
    path = as_file(records, folder)
    path.write_bytes(gzip.compress(path.read_bytes()))
    return path


def as_zstd(records, folder):
    pa = pytest.importorskip("pyarrow")
    path = as_file(records, folder)
    path.write_bytes(pa.compress(path.read_bytes(), codec="zstd", asbytes=True))
    return path


def as_dictionaries(records, folder):
    return records if "score" in records[0] else TRUTH


def as_array(records, folder):
    """Detections only: an array has no crowds and no areas."""
    if "score" not in records[0]:
        return TRUTH
    return np.array([[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in records])


def as_image_arrays(records, folder):
    """Detections only, as arrays."""
    if "score" not in records[0]:
        return TRUTH
    rows = as_array(records, folder)
    return {image["id"]: rows[rows[:, 0] == image["id"], 1:] for image in TRUTH["images"]}


class HubDataset:
    """What `datasets.Dataset` has that is used."""

    def __init__(self, table, features):
        self._table, self.features = table, features
        self.column_names = list(features)

    def select_columns(self, names):
        return HubDataset(self._table.select(names), {name: self.features[name] for name in names})

    def with_format(self, name):
        assert name == "arrow"
        return self

    def __getitem__(self, rows):
        return self._table[rows]

    def __len__(self):
        return len(self._table)


class Image:
    """The feature of a column of images, which is not read."""


def as_datasets(records, folder):
    pyarrow = pytest.importorskip("pyarrow")
    rows = []
    for image in TRUTH["images"]:
        mine = [record for record in records if record["image_id"] == image["id"]]
        fields = ["bbox", "category_id", *(("score",) if "score" in records[0] else ("area", "iscrowd"))]
        objects = {("category" if f == "category_id" else f): [record[f] for record in mine] for f in fields}
        sides = {"width": image["width"], "height": image["height"], "image": None}
        rows.append({"image_id": image["id"], **sides, "objects": objects})
    names = [f"name {id}" for id in range(100)]
    of_objects = {name: Of(feature=Of()) for name in objects} | {"category": Of(feature=Of(names=names))}
    features = {"image_id": Of(), "width": Of(), "height": Of(), "image": Image(), "objects": of_objects}
    return HubDataset(pyarrow.Table.from_pylist(rows), features)


SOURCES = [as_array, as_datasets, as_dictionaries, as_file, as_gzip, as_image_arrays, as_zstd, as_lines, as_lists,
           as_data_samples, as_instances, as_objects, as_parquet, as_supervision, as_table, as_ultralytics]  # fmt: skip


@pytest.fixture(params=SOURCES, ids=lambda make: make.__name__.removeprefix("as_"))
def sides(request, tmp_path):
    return tuple(request.param(records, tmp_path) for records in (TRUTH["annotations"], FOUND))


def test_each_source_at_each_entry(sides, tmp_path):
    expected = meanap.evaluate(TRUTH, FOUND)
    names = {category["id"]: f"<{category['name']}>" for category in TRUTH["categories"]}
    options = {"names": names, "box_format": "xywh"}
    result = meanap.evaluate(*sides, **options)
    assert (
        result.ap == pytest.approx(expected.ap, abs=1e-9)
        and expected.ap > 0.1
        and result.ap_small == pytest.approx(expected.ap_small, nan_ok=True)
    )
    assert names.items() <= result.names.items()
    # Either side in another form.
    # Corners are rounded.
    assert meanap.evaluate(TRUTH, sides[1], box_format="xywh").ap == pytest.approx(expected.ap, abs=1e-9)
    assert meanap.evaluate(sides[0], FOUND, box_format="xywh").ap == expected.ap
    difference = meanap.explain_difference(*sides, "coco", "voc2012", **options)
    assert difference.baseline == pytest.approx(expected.ap, abs=1e-9)
    findings = meanap.check(*sides, **options)
    assert findings.ok and "label-errors" in findings.codes, findings
    page = report.write(tmp_path / "page.html", *sides, resamples=5, **options).read_text(encoding="utf-8")
    assert all(name.strip("<>") in page for name in names.values())


@pytest.mark.parametrize("kind", ["segm", "keypoints"])
def test_other_geometry_as_objects(kind, tmp_path):
    options = {"kind": "keypoints", "categories": 1} if kind == "keypoints" else {"categories": 3}
    truth = generate.dataset(8, 5, **options)
    found = generate.detections(truth, kind=kind, per_image=6, seed=5)
    coco = meanap.COCO(copy.deepcopy(truth))
    sides = coco, coco.loadRes(copy.deepcopy(found))
    expected = meanap.evaluate(truth, found, kind)
    assert meanap.evaluate(*sides, kind).ap == expected.ap
    assert meanap.check(*sides, kind).ok
    report.write(tmp_path / "page.html", *sides, kind, resamples=5)


def test_a_line_that_is_no_json_is_one_problem(tmp_path):
    path = as_lines(FOUND, tmp_path)
    path.write_text(path.read_text() + '{"image_id": 1,\n')
    with pytest.raises(meanap.InputError, match=f"line {len(FOUND) + 1} is no JSON") as caught:
        meanap.evaluate(TRUTH, path)
    assert caught.value.code == "broken-line"
    assert meanap.check(TRUTH, path).row(code="broken-line")["count"] == 1
    with pytest.warns(UserWarning, match="1 left out"):
        assert meanap.evaluate(TRUTH, path, on_error="skip").ap == meanap.evaluate(TRUTH, FOUND).ap


def test_an_unknown_format_names_those_that_there_are(tmp_path):
    with pytest.raises(meanap.InputError, match="format: expected one of .*'coco'.*found 'koko'"):
        meanap.evaluate(as_file(TRUTH["annotations"], tmp_path), FOUND, format="koko")
    with pytest.raises(meanap.InputError, match=r"no format is recognised in this folder \(1 .json\); format= "):
        meanap.check(tmp_path)
    for name, content in (("empty", "it is empty"), ("a/b", "2 folders")):
        (tmp_path / "folders" / name).mkdir(parents=True)
        source = tmp_path / "folders" / (name if name == "empty" else "")
        with pytest.raises(meanap.InputError, match=rf"recognised in this folder \({content}\); "):
            meanap.evaluate(TRUTH, source)
    assert len({listed.name for listed in readers.READERS}) == len(readers.READERS)
    assert [listed.reader().name for listed in readers.READERS] == [listed.name for listed in readers.READERS]


def test_columns_under_other_names(tmp_path):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(columns(FOUND)).rename({"image_id": "picture", "score": "confidence"})
    names = {"image_id": "picture", "score": "confidence"}
    assert meanap.evaluate(TRUTH, frame, columns=names).ap == meanap.evaluate(TRUTH, FOUND).ap
    assert meanap.check(TRUTH, frame, columns=names).ok
    with pytest.raises(meanap.InputError, match="columns: 'pic' is none of"):
        meanap.evaluate(TRUTH, frame, columns={"pic": "picture"})
    with pytest.raises(meanap.InputError, match="columns: none of 'x'"):
        meanap.evaluate(TRUTH, frame, columns={"image_id": "x"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("names:\n  0: person\n  1: 'traffic light' # both\nnc: 2\n", {0: "person", 1: "traffic light"}),
        ('path: x\nnames: [person, "traffic light"]\n', {0: "person", 1: "traffic light"}),
        ("names:\n- person\n- dog\n", {0: "person", 1: "dog"}),
        ("names: {0: person,\n  1: dog}\n", {0: "person", 1: "dog"}),
    ],
)
def test_names_of_a_yaml_file(tmp_path, text, expected):
    (tmp_path / "data.yaml").write_text(text)
    assert readers.class_names(tmp_path / "data.yaml") == expected


def test_names_of_other_files(tmp_path):
    for name, text, expected in (
        ("classes.txt", "a\nb\n\n", {0: "a", 1: "b"}),
        ("names.json", '{"3": "a", "x": "b"}', {3: "a", "x": "b"}),
        ("list.json", '["a", "b"]', {0: "a", 1: "b"}),
        ("coco.json", json.dumps(TRUTH), {c["id"]: c["name"] for c in TRUTH["categories"]}),
    ):
        (tmp_path / name).write_text(text)
        assert readers.class_names(tmp_path / name) == expected
    for wrong in (7, [1], {1: 2}, {1.5: "a"}):
        with pytest.raises(meanap.InputError, match="^names"):
            readers.class_names(wrong)


@pytest.mark.parametrize("make", [as_supervision, as_ultralytics, as_instances, as_data_samples])
def test_metric_objects_take_the_objects_of_detectors(make):
    found = make(FOUND, None)
    targets = [{"boxes": boxes, "labels": ids} for _, boxes, ids, _ in of_images(TRUTH["annotations"])]
    preds = [{"boxes": boxes, "labels": ids, "scores": scores} for _, boxes, ids, scores in of_images(FOUND)]
    metric, expected = meanap.MeanAveragePrecision(), meanap.MeanAveragePrecision()
    for start in range(0, len(found), 5):
        part = slice(start, start + 5)
        metric.update(found[part], targets[part])
        expected.update(preds[part], targets[part])
    assert metric.compute()["map"] == expected.compute()["map"] > 0.1


def test_parquet_files_are_read_without_what_reads_data_sets_of_many_files(tmp_path):
    """Loading it takes longer than reading the file."""
    pytest.importorskip("pyarrow")
    paths = [str(as_parquet(records, tmp_path)) for records in (TRUTH["annotations"], FOUND)]
    code = "import sys, meanap; meanap.evaluate(*sys.argv[1:]); print('pyarrow.dataset' in sys.modules)"
    assert run_python(code, *paths) == (0, "False\n")


class Missing(dict):
    """A dictionary that makes what it lacks."""


@pytest.mark.parametrize("role", ["ground_truth", "detections"])
@pytest.mark.parametrize("missing", ["", "boxes", "scores", "labels"])
def test_batches_that_are_recognised_at_once_are_those_of_the_reader_of_lists(role, missing):
    prediction = {"class": "a", "confidence": 0.5, "x": 1, "y": 1, "width": 1, "height": 1}
    more = {
        "annotations": [{"bbox": [0, 0, 1, 1]}],
        "area": np.ones(1),
        "bboxes": np.ones((1, 4)),
        "category_id": 1,
        "class_labels": np.ones(1),
        "image": {"width": 3, "height": 3},
        "image_id": 3,
        "image_ids": [3],
        "masks": np.ones((1, 2, 2), dtype=bool),
        "predictions": [prediction],
        "segmentation": np.ones((2, 2)),
        "segments_info": [],
    }
    every = {"boxes": np.ones((1, 4)), "scores": np.ones(1), "labels": np.ones(1, dtype=int)}
    plain = {name: value for name, value in every.items() if name != missing}
    taken = 0
    for first in ({}, *({name: value} for name, value in more.items()), {"image_id": [3, 4]}):
        for second in ({}, *({name: value} for name, value in more.items())):
            source = [{**plain, **first, **second}, plain]
            if are_plain(source):
                reader = readers.reader_of(source, role)
                assert isinstance(reader, Lists)
                batch = readers.batch_of(source, role, "xyxy", "bbox")
                assert all(map(operator.is_, batch, reader.dictionaries(source, role))) and len(batch) == 2
                taken += 1
    assert taken >= (0 if missing == "labels" else 9)
    assert not any(map(are_plain, ([], (plain,), [None], [plain, None], [Missing(plain)], plain)))
