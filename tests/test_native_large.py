"""Files larger than memory, and progress and cancellation of long work."""

import contextlib
import csv
import functools
import gc
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import warnings

import numpy as np
import pytest
from thorough import some

import meanap
from meanap import generate
from meanap.detection.shards import bytes_of
from meanap.readers import _parquet as streams

SMALL = "30 kB"


def files(folder, kind, images=40, seed=4):
    truth = generate.dataset(images, seed, kind="keypoints" if kind == "keypoints" else "instances")
    found = generate.detections(truth, kind=kind, per_image=15, seed=seed)
    paths = folder / "truth.json", folder / "found.json"
    # Annotations before the images whose sizes they need.
    order = ("annotations", "categories", "images")
    paths[0].write_text(json.dumps({**{key: truth[key] for key in order}, "info": {"a": [1]}}), encoding="utf-8")
    paths[1].write_text(json.dumps(found, indent=1), encoding="utf-8")
    return paths


@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_shards_have_the_bits_of_the_whole(tmp_path, kind):
    paths = files(tmp_path, kind)
    whole = meanap.evaluate(*paths, kind)
    steps = []
    parts = meanap.evaluate(*paths, kind, memory_limit=SMALL, progress=lambda done, total: steps.append((done, total)))
    shards = steps[-1][1]
    assert shards > 10 and steps[-1] == (shards, shards)
    assert parts.to_json() == whole.to_json() and parts.image_ids == whole.image_ids
    np.testing.assert_array_equal(parts.precision, whole.precision)
    if kind == "bbox":
        np.testing.assert_array_equal(parts.confusion().matrix, whole.confusion().matrix)
        assert repr(parts.errors()) == repr(whole.errors())
        voc = [meanap.evaluate(*paths, protocol="voc2012", memory_limit=limit).ap for limit in (None, SMALL)]
        assert voc[0] == voc[1]


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("detections", ["[]", "[{]"])
def test_the_folder_of_shards_is_removed_without_a_word(tmp_path, monkeypatch, detections):
    paths = files(tmp_path, "bbox")
    paths[1].write_text(detections, encoding="utf-8")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    try:
        meanap.evaluate(*paths, memory_limit=SMALL)
    except meanap.InputError:
        assert detections == "[{]"
    gc.collect()
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize("form", ["gzip", "zstd", "jsonl"])
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_packed_files_and_lines_have_the_bits_of_the_whole_in_shards(tmp_path, kind, form):
    if form == "jsonl":
        truth, found = (json.loads(path.read_text()) for path in files(tmp_path, kind))
        sides = tmp_path / "truth.jsonl", tmp_path / "found.jsonl"
        if kind == "segm":  # Lines say no sizes of images.
            sides = tmp_path / "truth.json", sides[1]
        else:
            sides[0].write_text("\n".join(map(json.dumps, truth["annotations"])) + "\n\n")
        sides[1].write_text("".join(json.dumps(record) + "\n" for record in found))
    else:
        pack = gzip.compress if form == "gzip" else functools.partial(
            pytest.importorskip("pyarrow").compress, codec="zstd", asbytes=True
        )  # fmt: skip
        sides = tuple(path.with_suffix(f".{form}") for path in files(tmp_path, kind))
        for path in sides:
            path.write_bytes(pack(path.with_suffix(".json").read_bytes()))
    before = sorted(os.listdir(tmp_path))
    whole = meanap.evaluate(*sides, kind)
    parts = meanap.evaluate(*sides, kind, memory_limit=SMALL)
    assert parts.to_json() == whole.to_json() and parts.image_ids == whole.image_ids
    assert sorted(os.listdir(tmp_path)) == before


def test_a_broken_line_is_named_in_shards_as_without_a_limit(tmp_path):
    truth, found = (json.loads(path.read_text()) for path in files(tmp_path, "bbox"))
    lines = [json.dumps(record) for record in found]
    (tmp_path / "found.jsonl").write_text("\n".join([*lines[:7], '{"image_id": 1,', *lines[7:]]))
    told = []
    for limit in (None, SMALL):
        with pytest.raises(meanap.InputError) as caught:
            meanap.evaluate(tmp_path / "truth.json", tmp_path / "found.jsonl", memory_limit=limit)
        told.append((str(caught.value), caught.value.code))
    assert told[0] == told[1] and "line 8 is no JSON" in told[0][0]


def by_image(records, ids):
    """The records of each image, one on each line."""
    groups = {id: [] for id in ids}
    for record in records:
        groups[record["image_id"]].append({name: value for name, value in record.items() if name != "image_id"})
    return [{"image_id": id, "height": 480, "width": 640, "objects": group} for id, group in groups.items()]


def lines_of(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def csv_of(path, records):
    """A table with a row for each record; a fault of another type is in the last part that is read of it."""
    names = ("image_id", "category_id", "score" if "score" in records[0] else "iscrowd", "bbox")
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names[:3], *"xywh"])
        writer.writerows([*(r[name] for name in names[:3]), *r["bbox"]] for r in records)
    return path


#: The forms of the ground truth and of detections.
FORMS = {
    "json": (
        lambda path, truth: (path.write_text(json.dumps(truth)), path)[1],
        lambda path, truth, found: (path.write_text(json.dumps(found)), path)[1],
    ),
    "lines": (
        lambda path, truth: lines_of(path.with_suffix(".jsonl"), truth["annotations"]),
        lambda path, truth, found: lines_of(path.with_suffix(".jsonl"), found),
    ),
    "lines of images": tuple(
        lambda path, truth, found=None: lines_of(
            path.with_suffix(".jsonl"),
            by_image(truth["annotations"] if found is None else found, [image["id"] for image in truth["images"]]),
        )
        for _ in range(2)
    ),
    "csv": (
        lambda path, truth: csv_of(path.with_suffix(".csv"), truth["annotations"]),
        lambda path, truth, found: csv_of(path.with_suffix(".csv"), found),
    ),
}
SPOILT = {
    "nothing": (1, {}),
    "a box": (1, {"bbox": [1, 2, 3, "x"]}),
    "a size": (1, {"bbox": [1, 2, -3, 4]}),
    "a score": (1, {"score": "x"}),
    "a crowd": (0, {"iscrowd": "x"}),
}


@pytest.mark.parametrize(("form", "fault"), some([(form, fault) for form in FORMS for fault in SPOILT], every=2))
def test_shards_leave_out_what_the_whole_leaves_out(tmp_path, form, fault):
    truth = generate.dataset(40, 4, categories=3)
    truth["annotations"] = [{**a, "segmentation": None} for a in truth["annotations"]]
    found = generate.detections(truth, per_image=40, seed=4)
    side, change = SPOILT[fault]
    records = found if side else truth["annotations"]
    for at in (len(records) - 5, len(records) - 9):
        records[at].update(change)
    of_truth, of_found = FORMS[form]
    sides = of_truth(tmp_path / "truth.json", truth), of_found(tmp_path / "found.json", truth, found)
    answers = []
    for limit in (None, 10**9, SMALL):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            result = meanap.evaluate(*sides, box_format="xywh", on_error="skip", memory_limit=limit)
        answers.append((result.to_json(), [str(warning.message) for warning in told]))
        with contextlib.nullcontext() if fault == "nothing" else pytest.raises(meanap.InputError) as caught:
            meanap.evaluate(*sides, box_format="xywh", memory_limit=limit)
        answers[-1] += (None if caught is None else (caught.value.code, caught.value.found, caught.value.field),)
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0][1]) == (fault != "nothing")


@pytest.mark.parametrize("images", [True, False])
def test_broken_lines_are_left_out_in_shards_as_in_the_whole(tmp_path, images):
    truth, found = (json.loads(path.read_text()) for path in files(tmp_path, "bbox"))
    records = by_image(found, [image["id"] for image in truth["images"]]) if images else found
    lines = [json.dumps(record) for record in records]
    (tmp_path / "found.jsonl").write_text("\n".join([*lines[:7], '{"image_id": 1,', *lines[7:]]))
    answers = []
    for limit in (None, SMALL):
        with pytest.warns(UserWarning, match=r"1 left out \(1 broken-line\).*line 8 is no JSON"):
            sides = tmp_path / "truth.json", tmp_path / "found.jsonl"
            answers.append(meanap.evaluate(*sides, on_error="skip", memory_limit=limit).to_json())
    assert answers[0] == answers[1] == meanap.evaluate(truth, found).to_json()


def test_lines_may_be_packed_and_images_of_lists(tmp_path):
    truth, found = (json.loads(path.read_text()) for path in files(tmp_path, "bbox"))
    expected = meanap.evaluate(truth, found).to_json()
    packed = tmp_path / "found.jsonl.gz"
    packed.write_bytes(gzip.compress(lines_of(tmp_path / "found.jsonl", found).read_bytes()))
    for limit in (None, SMALL):
        assert (
            meanap.evaluate(truth if limit is None else tmp_path / "truth.json", packed, memory_limit=limit).to_json()
            == expected
        )
    items = [
        {
            "image_id": group["image_id"],
            "boxes": [record["bbox"] for record in group["objects"]],
            "scores": [record["score"] for record in group["objects"]],
            "labels": [record["category_id"] for record in group["objects"]],
        }
        for group in by_image(found, [image["id"] for image in truth["images"]])
    ]
    path = lines_of(tmp_path / "items.jsonl", items)
    assert meanap.evaluate(truth, path, box_format="xywh").to_json() == expected
    with pytest.raises(meanap.InputError, match="can only be read whole"):
        meanap.evaluate(tmp_path / "truth.json", path, memory_limit=SMALL)


@pytest.mark.parametrize("name", ["cvat", "createml"])
@pytest.mark.parametrize("broken", ["cut off", "twice", "of another kind"])
def test_a_file_of_images_has_the_error_of_the_whole_in_shards(tmp_path, name, broken):
    (truth, found), _ = pair_of(tmp_path, name)
    text = truth.read_text()
    if broken == "cut off":
        text = text[: len(text) // 2]
    elif broken == "twice":
        start, end = ("<image", "</image>") if name == "cvat" else ("{", "}]}")
        first = text[text.index(start) : text.index(end) + len(end)]
        text = text.replace(first, first + ("" if name == "cvat" else ",") + first, 1)
    else:
        text = "<other/>" if name == "cvat" else '{"image": 1}'
    truth.write_text(text)
    told = []
    for limit in (None, SMALL):
        with pytest.raises(meanap.InputError) as caught:
            meanap.evaluate(truth, found, memory_limit=limit, format=(name, None))
        told.append((str(caught.value), caught.value.code))
    assert told[0] == told[1]


@pytest.mark.parametrize("named", ["file_name", "image_id", "Image ID", "lines"])
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_results_that_name_their_images_have_the_bits_of_the_whole_in_shards(tmp_path, named, kind):
    """Several have one score: which of them counts depends on their order."""
    paths = files(tmp_path, kind)
    truth, found = (json.loads(path.read_text()) for path in paths)
    called = {image["id"]: image["file_name"] for image in truth["images"]}
    for record in found:
        id = record.pop("image_id")
        record["file_name" if named == "lines" else named] = id if named == "Image ID" else f"val/{called[id]}"
        record["score"] = round(record["score"], 1)
    path = tmp_path / ("named.jsonl" if named == "lines" else "named.json")
    path.write_text("".join(json.dumps(r) + "\n" for r in found) if named == "lines" else json.dumps(found))
    whole = meanap.evaluate(paths[0], path, kind)
    assert whole.ap > 0.1
    for limit in (SMALL, "1 GB"):
        parts = meanap.evaluate(paths[0], path, kind, memory_limit=limit)
        assert parts.to_json() == whole.to_json() and parts.image_ids == whole.image_ids
    found[70]["score"] = "high"
    path.write_text("".join(json.dumps(r) + "\n" for r in found) if named == "lines" else json.dumps(found))
    told = []
    for limit in (None, SMALL):
        with pytest.raises(meanap.InputError, match="record 70") as caught:
            meanap.evaluate(paths[0], path, kind, memory_limit=limit)
        told.append((str(caught.value), caught.value.code))
    assert told[0] == told[1]


@pytest.mark.parametrize("stream", [False, True])
def test_arrow_files_have_the_bits_of_the_whole_in_shards(tmp_path, stream):
    ipc = pytest.importorskip("pyarrow.ipc")
    pyarrow = pytest.importorskip("pyarrow")
    paths = files(tmp_path, "bbox")
    truth, found = (json.loads(path.read_text()) for path in paths)
    sides = []
    for name, records in (("truth", truth["annotations"]), ("found", found)):
        names = ["image_id", "category_id", "bbox", *(["score"] if name == "found" else ["area", "iscrowd"])]
        table = pyarrow.table({field: [record[field] for record in records] for field in names})
        sides.append(tmp_path / f"{name}.arrow")
        with (ipc.new_stream if stream else ipc.new_file)(sides[-1], table.schema) as writer:
            writer.write_table(table, max_chunksize=40)
    whole = meanap.evaluate(*sides)
    for limit in (SMALL, "1 GB"):
        parts = meanap.evaluate(*sides, memory_limit=limit)
        assert parts.to_json() == whole.to_json() and parts.image_ids == whole.image_ids


#: Each with the similarity that it has.
FORMATS = {
    "yolo": "bbox",
    "yolo-segm": "segm",
    "yolo-pose": "keypoints",
    "voc": "bbox",
    "dota": "bbox",
    "openimages": "bbox",
    "labelme": "bbox",
    "kitti": "bbox",
    "cvat": "bbox",
    "createml": "bbox",
}


def pair_of(folder, name, images=30):
    """A data set and detections of a format, and how they are read."""
    sides = meanap.generate.write_format(folder / name, name, images=images, seed=3, per_image=15)
    return sides, {"images": folder / name / "images"} if name == "openimages" else {}


@pytest.mark.parametrize("name", FORMATS)
def test_label_files_have_the_bits_of_the_whole_in_shards(tmp_path, name):
    sides, how = pair_of(tmp_path, name)
    whole = meanap.evaluate(*sides, FORMATS[name], **how)
    steps = []
    for limit in ("20 kB", "200 kB", "1 GB"):
        parts = meanap.evaluate(
            *sides, FORMATS[name], **how, memory_limit=limit, progress=lambda *step: steps.append(step)
        )
        assert steps[-1][0] == steps[-1][1] and steps[-1][1] > (3 if limit == "20 kB" else 0)
        assert parts.to_json() == whole.to_json() and parts.image_ids == whole.image_ids
        assert repr(parts.per_class) == repr(whole.per_class)
        np.testing.assert_array_equal(parts.precision, whole.precision)


@pytest.mark.parametrize("ids", ["numbers", "texts", "mixed", "names"])
def test_lines_of_csv_have_the_bits_of_the_whole_in_shards(tmp_path, monkeypatch, ids):
    paths = files(tmp_path, "bbox")
    truth, found = (json.loads(path.read_text()) for path in paths)
    called = {image["id"]: image["file_name"] for image in truth["images"]}

    def id_of(number):
        number = {"texts": f"image {number}", "names": called[number]}.get(ids, number)
        # The last rows alone show that the column is of texts.
        return f"{number}x" if ids == "mixed" and number == truth["images"][-1]["id"] else number

    for name, records in (("truth", truth["annotations"]), ("found", found)):
        lines = [
            ",".join(
                map(str, (id_of(r["image_id"]), r["category_id"], *([r["score"]] if "score" in r else []), *r["bbox"]))
            )
            for r in records
        ]
        head = "image_id,category_id," + ("score," if name == "found" else "") + "x,y,w,h"
        (tmp_path / f"{name}.csv").write_text("\n".join([head, *lines, ""]))
    sides = (paths[0] if ids == "names" else tmp_path / "truth.csv"), tmp_path / "found.csv"
    whole = meanap.evaluate(*sides)
    for limit in (SMALL, "1 GB"):
        parts = meanap.evaluate(*sides, memory_limit=limit)
        assert parts.to_json() == whole.to_json() and parts.image_ids == whole.image_ids


def test_rows_of_numpy_have_the_bits_of_the_whole_in_shards(tmp_path):
    truth, path = files(tmp_path, "bbox", images=150)
    rows = [[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in json.loads(path.read_text())]
    found = tmp_path / "found.npy"
    np.save(found, np.array(rows))
    whole, parts = (meanap.evaluate(truth, found, memory_limit=limit) for limit in (None, SMALL))
    assert len(rows) > 2000 and parts.to_json() == whole.to_json()
    told = []
    rows[2000][3] = -1
    np.save(found, np.array(rows))
    with open(found, "rb+") as file:
        for size in (found.stat().st_size, 5000, 9):
            file.truncate(size)
            for limit in (None, SMALL):
                with pytest.raises(meanap.InputError) as caught:
                    meanap.evaluate(truth, found, memory_limit=limit)
                told.append(str(caught.value))
    np.save(found, np.array([{}]))
    for limit in (None, SMALL):
        with pytest.raises(meanap.InputError, match="a NumPy array of Python objects, expected numbers"):
            meanap.evaluate(truth, found, memory_limit=limit)
    cut = f"{found}: a NumPy array without its end: is it cut off?"
    assert told[0] == told[1] and "row 2000" in told[0] and told[2:] == [cut] * 4


def test_formats_may_differ_in_shards(tmp_path):
    (yolo, predictions), _ = pair_of(tmp_path, "yolo")
    truth = meanap.convert(yolo, tmp_path / "truth.json", "coco")
    found = meanap.convert(predictions, tmp_path / "found.json", "coco", ground_truth=yolo)
    for sides in ((truth, predictions), (truth, found)):
        whole, parts = (meanap.evaluate(*sides, memory_limit=limit) for limit in (None, SMALL))
        assert parts.to_json() == whole.to_json()
    names = [f"kind {index}" for index in range(80)]
    named = [meanap.evaluate(yolo / "labels", predictions, names=names, memory_limit=limit) for limit in (None, SMALL)]
    assert repr(named[0].per_class) == repr(named[1].per_class) and "kind 1" in repr(named[0].per_class)


def test_a_broken_line_of_csv_and_of_label_files_is_named_in_shards_as_without_a_limit(tmp_path):
    (truth, predictions), _ = pair_of(tmp_path, "yolo")
    labels = sorted(predictions.glob("**/*.txt"))
    labels[20].write_text(labels[20].read_text() + "3 0.1 x 0.2 0.3 0.9\n")
    paths = files(tmp_path, "bbox", images=150)
    records = json.loads(paths[1].read_text())
    rows = [(r["image_id"], r["category_id"], r["score"], *r["bbox"]) for r in records]
    for row, column, value in ((1700, 5, "-3"), (1800, 2, "nan"), (1900, 1, "1,2")):
        changed = [list(r) for r in rows]
        changed[row][column] = value
        text = "image_id,category_id,score,x,y,w,h\n" + "".join(",".join(map(str, r)) + "\n" for r in changed)
        (tmp_path / f"{row}.csv").write_text(text)
    for sides in ((truth, predictions), *((paths[0], tmp_path / f"{row}.csv") for row in (1700, 1800, 1900))):
        told = []
        for limit in (None, SMALL):
            with pytest.raises(meanap.InputError) as caught:
                meanap.evaluate(*sides, memory_limit=limit)
            told.append((str(caught.value), caught.value.code, caught.value.record))
        assert told[0] == told[1] and told[0][0]
    with pytest.warns(UserWarning, match="left out") as warned:
        skipped = meanap.evaluate(truth, predictions, on_error="skip", memory_limit=SMALL)
    assert len([w for w in warned if "left out" in str(w.message)]) == 1
    with pytest.warns(UserWarning, match="left out"):
        assert skipped.to_json() == meanap.evaluate(truth, predictions, on_error="skip").to_json()


def test_lvis_in_shards(tmp_path, shared_data):
    path = shared_data / "lvis100_gt.json"
    truth = json.loads(path.read_text(encoding="utf-8"))
    generator = np.random.default_rng(0)
    categories = [c["id"] for c in truth["categories"]]
    found = [
        {
            "image_id": a["image_id"],
            "category_id": a["category_id"] if generator.random() < 0.7 else int(generator.choice(categories)),
            "bbox": [x * generator.uniform(0.9, 1.1) for x in a["bbox"]],
            "score": float(generator.random()),
        }
        for a in truth["annotations"]
    ]
    (tmp_path / "found.json").write_text(json.dumps(found), encoding="utf-8")
    whole, parts = (
        meanap.evaluate(path, tmp_path / "found.json", protocol="lvis", memory_limit=limit)
        for limit in (None, "200 kB")
    )
    assert parts.to_dict() == whole.to_dict() and whole["ap_rare"] >= 0


@pytest.mark.parametrize("library", ["pyarrow", "polars", "duckdb"])
@pytest.mark.parametrize("text", [False, True])
def test_parquet(tmp_path, monkeypatch, library, text):
    pytest.importorskip(library)
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    json_paths = files(tmp_path, "bbox")
    truth, found = (json.loads(path.read_text(encoding="utf-8")) for path in json_paths)
    for name, records in (("truth", truth["annotations"]), ("found", found)):
        columns = {
            "image_id": [f"i{r['image_id']:012}" if text else r["image_id"] for r in records],
            "category_id": [f"c{r['category_id']:03}" if text else r["category_id"] for r in records],
        }
        extra = ("area", "iscrowd") if name == "truth" else ("score",)
        columns.update({field: [r[field] for r in records] for field in extra})
        columns.update({side: [float(r["bbox"][i]) for r in records] for i, side in enumerate(("x", "y", "w", "h"))})
        parquet.write_table(pa.table(columns), tmp_path / f"{name}.parquet", row_group_size=100)
    monkeypatch.setattr(streams, "_PARQUET", (library,))
    paths = tmp_path / "truth.parquet", str(tmp_path / "found.parquet")
    expected = meanap.evaluate(*json_paths)
    for limit in (None, SMALL):
        result = meanap.evaluate(*paths, memory_limit=limit)
        assert result.to_dict() == expected.to_dict()
    if not text:
        mixed = meanap.evaluate(json_paths[0], paths[1], memory_limit=SMALL)
        np.testing.assert_equal(mixed.per_class.to_dict(), expected.per_class.to_dict())


def test_masks_of_parquet_files_in_shards(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    paths = files(tmp_path, "segm")
    truth, found = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
    coco = meanap.COCO(str(paths[0]))
    for record in truth["annotations"]:
        runs = coco.annToRLE(record)
        record["segmentation"] = {**runs, "counts": runs["counts"].decode()}
    for name, records in (("truth", truth["annotations"]), ("found", found)):
        columns = {field: [r[field] for r in records] for field in ("image_id", "category_id")}
        columns.update({field: [r["segmentation"][field] for r in records] for field in ("size", "counts")})
        extra = ("area", "iscrowd") if name == "truth" else ("score",)
        columns.update({field: [r[field] for r in records] for field in extra})
        parquet.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    tables = tmp_path / "truth.parquet", tmp_path / "found.parquet"
    expected = meanap.evaluate(*paths, "segm")
    for limit in (None, SMALL):
        assert meanap.evaluate(*tables, "segm", memory_limit=limit).to_dict() == expected.to_dict()


def test_a_parquet_file_is_cut_once(tmp_path):
    """No Python object is made of boxes: a bin is a shard, and few pieces are written. A row group is not held."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    from meanap.detection.shards import Sharded
    from meanap.readers import Options, Problems

    count = 300_000
    generator = np.random.default_rng(0)
    corner = generator.random((4, count)) * 100 + np.array([[0], [0], [100], [100]])
    columns = {"image_id": np.arange(count) // 100, "category_id": np.ones(count, dtype=int)}
    columns.update(dict(zip(("x1", "y1", "x2", "y2"), corner, strict=True)))
    path = tmp_path / "table.parquet"
    parquet.write_table(pa.table({**columns, "score": generator.random(count)}), path)
    held = pa.total_allocated_bytes()
    most = []

    def tell(done, total):
        most.append(pa.total_allocated_bytes() - held)

    shards = Sharded(path, path, Options(progress=tell), 4_000_000, Problems())
    assert 5 < shards.count == shards._bins < 50
    assert sum(len(shards.read(number)[0]) for number in range(shards.count)) == count
    assert max(most) < 12_000_000 < path.stat().st_size


def test_ids_that_are_text_in_shards(tmp_path):
    """Text is the same text however its file writes it."""
    paths = files(tmp_path, "bbox")
    truth, found = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
    for records, name in ((truth["images"], "id"), (truth["annotations"], "image_id"), (found, "image_id")):
        for record in records:
            record[name] = f"é\n😀/{record[name]}"
    np.random.default_rng(0).shuffle(found)
    paths[0].write_text(json.dumps(truth, ensure_ascii=False), encoding="utf-8")
    paths[1].write_text(json.dumps(found), encoding="utf-8")
    whole, parts = (meanap.evaluate(*paths, memory_limit=limit) for limit in (None, SMALL))
    assert parts.to_json() == whole.to_json() and parts.image_ids == whole.image_ids and whole.ap > 0


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_records_that_python_has_to_look_at_in_shards(tmp_path, kind):
    """Fields that only some records have, an object in the place of the array of results."""
    paths = files(tmp_path, kind)
    truth, found = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
    for annotation in truth["annotations"][::3]:
        del annotation["iscrowd"]
    for spoilt, wrong in (({"annotations": found}, True), (found, True), ({"annotations": found}, False)):
        found[5]["score"] = "x" if wrong else 0.5
        paths[0].write_text(json.dumps(truth), encoding="utf-8")
        paths[1].write_text(json.dumps(spoilt), encoding="utf-8")
        if wrong:
            for limit in (None, SMALL):
                with pytest.raises(ValueError, match="detections: record 5: \"score\" is 'x'"):
                    meanap.evaluate(*paths, kind, memory_limit=limit)
        else:
            whole, parts = (meanap.evaluate(*paths, kind, memory_limit=limit) for limit in (None, SMALL))
            assert parts.to_json() == whole.to_json()


def test_limits_and_inputs():
    assert [bytes_of(x) for x in (7, "2 GB", "0.5GiB", " 3k ")] == [7, 2 * 10**9, 2**29, 3000]
    for wrong in ("", "many", "-1", 0, "1.2.3 GB", ".", "5 XB"):
        with pytest.raises(ValueError, match="memory_limit"):
            bytes_of(wrong)
    with pytest.raises(TypeError, match="ground_truth: memory_limit is for files"):
        meanap.evaluate({}, [], memory_limit="1 GB")


def test_records_of_shards_are_checked(tmp_path):
    """Errors are reported as without a limit, with the row that it has in the file."""
    paths = files(tmp_path, "bbox")
    truth, found = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
    row = len(found)
    for spoil, message in (
        ({"image_id": 999_999_999}, f'detections: record {row}: "image_id" is 999999999, which is not in the'),
        ({"category_id": 4321}, f'detections: record {row}: "category_id" is 4321, which is not in the ground truth'),
        ({"bbox": [1, 2]}, f'detections: record {row}: "bbox" has 2 numbers, expected 4 numbers'),
        ({"bbox": [1, 2, -3, 4]}, rf"record {row}.*a negative size"),
        ({"image_id": None}, f'detections: record {row}: "image_id" is null, expected an integer or a string'),
    ):
        paths[1].write_text(json.dumps([*found, {**found[0], **spoil}]), encoding="utf-8")
        for limit in (None, SMALL):
            with pytest.raises(ValueError, match=message):
                meanap.evaluate(*paths, memory_limit=limit)
    for text, problem, message in (
        ('[{"score": 1}]', ValueError, 'detections: record 0: "image_id" is missing'),
        ('[{"image_id": 1}, x]', meanap.InputError, "found.json: record 1: expected a value: line 1 column 19"),
        ("[3]", TypeError, "detections: record 0: expected a dictionary, found an int"),
    ):
        paths[1].write_text(text, encoding="utf-8")
        for limit in (None, SMALL):
            with pytest.raises(problem, match=message):
                meanap.evaluate(*paths, memory_limit=limit)
    paths[0].write_text(json.dumps({**truth, "images": None}), encoding="utf-8")
    with pytest.raises(ValueError, match='truth.json: memory_limit: "images" is not an array'):
        meanap.evaluate(*paths, memory_limit=SMALL)


@pytest.mark.parametrize("table", ["images", "categories"])
@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda record: {**record, "id": None}, '"id" is null, expected an integer'),
        (lambda record: {**record, "id": 1.5}, '"id" is 1.5, expected an integer'),
        (lambda record: {**record, "id": [1]}, r'"id" is \[1\], expected an integer'),
        (lambda record: {key: value for key, value in record.items() if key != "id"}, '"id" is missing'),
        (lambda record: [record], "expected a dictionary, found a list"),
    ],
)
def test_records_of_the_ground_truth_have_their_numbers(tmp_path, table, spoil, message):
    paths = files(tmp_path, "bbox")
    truth = json.loads(paths[0].read_text(encoding="utf-8"))
    row = len(truth[table]) - 3
    truth[table][row] = spoil(truth[table][row])
    paths[0].write_text(json.dumps(truth), encoding="utf-8")
    told = []
    for limit in (None, SMALL):
        with pytest.raises(
            (TypeError, ValueError), match=rf"[gG]round_?[tT]ruth.*(row|record) {row}\b.*{message}"
        ) as problem:
            meanap.evaluate(*paths, memory_limit=limit)
        told.append((problem.type, str(problem.value)))
    assert told[0] == told[1]


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    "column, value, message", [("image_id", None, "null"), ("x2", None, "null"), ("x2", 0.0, "corner")]
)
def test_rows_of_parquet_files_have_their_numbers(tmp_path, side, column, value, message):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    count, row = 2400, 2217  # more than are read at a time
    paths = [tmp_path / "truth.parquet", tmp_path / "found.parquet"]
    for number, path in enumerate(paths):
        columns = {"image_id": list(range(count)), "category_id": [1] * count}
        columns.update({name: [value] * count for name, value in (("x1", 1.0), ("y1", 1.0), ("x2", 5.0), ("y2", 5.0))})
        if number:
            columns["score"] = [0.5] * count
        if number == side:
            columns[column][row] = value
        parquet.write_table(pa.table(columns), path)
    told = []
    for limit in (None, SMALL):
        with pytest.raises(ValueError, match=rf"row {row}\b.*{message}") as problem:
            meanap.evaluate(*paths, memory_limit=limit)
        told.append(str(problem.value))
    assert told[0] == told[1]


def run(program, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        **options,
    ).stdout


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")
@pytest.mark.parametrize("form", some(["json", "csv", "yolo"], every=3))
def test_memory_stays_within_the_limit(tmp_path, form):
    paths = files(tmp_path, "bbox", images=150)
    truth, found = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
    count = 24
    step = 1 + max(image["id"] for image in truth["images"])

    def repeated(records, name="image_id"):
        return [{**record, name: record[name] + i * step} for i in range(count) for record in records]

    truth["images"] = repeated(truth["images"], "id")
    truth["annotations"] = repeated(truth["annotations"])
    for i, annotation in enumerate(truth["annotations"]):
        annotation["id"] = i + 1
    for image in truth["images"]:
        image["file_name"] = f"{image['id']}.jpg"
    found = repeated(found)
    paths[0].write_text(json.dumps(truth), encoding="utf-8")
    paths[1].write_text(json.dumps(found), encoding="utf-8")
    limited = {"json": as_they_are, "csv": as_csv, "yolo": as_label_files}[form](paths, truth, found)
    program = """
        import json, sys, meanap
        from meanap import protocol
        def now(name):
            lines = open("/proc/self/status").read().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024
        meanap.evaluate([], []).ap
        before = now("VmRSS")
        if sys.argv[3] == "dictionaries":
            result = meanap.evaluate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))
        else:
            result = meanap.evaluate(sys.argv[1], sys.argv[2], memory_limit=int(sys.argv[3]))
        print(result.ap, now("VmHWM") - before, 2 * result.precision.nbytes)
    """
    limit = 30_000_000
    environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}
    ap, peak, curves = run(program, *limited, limit, env=environment).split()
    whole, needed, _ = run(program, *paths, "dictionaries", env=environment).split()
    # What the result itself takes: match rows, while they are sorted, and the curves.
    result = 70 * len(found) + int(curves)
    assert ap == whole if form != "yolo" else abs(float(ap) - float(whole)) < 1e-6
    assert int(needed) > 2 * (limit + result) and int(peak) < limit + result


def as_they_are(paths, truth, found):
    return paths


def as_csv(paths, truth, found):
    path = paths[1].with_suffix(".csv")
    with open(path, "w") as file:
        file.write("image_id,category_id,score,x,y,w,h\n")
        for r in found:
            file.write(",".join(map(str, (r["image_id"], r["category_id"], r["score"], *r["bbox"]))) + "\n")
    return paths[0], path


def as_label_files(paths, truth, found):
    folder = meanap.convert(truth, paths[0].with_suffix(""), "yolo")
    return paths[0], meanap.convert(found, folder / "predictions", "yolo", ground_truth=truth)


LONG = """
    import numpy as np, sys, meanap
    generator = np.random.default_rng(0)
    def boxes(n):
        corner = generator.random((n, 2)) * 100
        return np.concatenate([corner, corner + 10 + generator.random((n, 2)) * 40], axis=1)
    images, g, d = 600, 500, 1500
    truth = meanap.GroundTruth(np.repeat(np.arange(images), g), np.zeros(images * g, int), boxes(images * g))
    found = meanap.Detections(
        np.repeat(np.arange(images), d), np.zeros(images * d, int), generator.random(images * d), boxes(images * d)
    )
    told = []
    def tell(*_):
        if not told:
            told.append(True)
            print("ready", flush=True)
    def work():
        if sys.argv[1] == "updating":
            rows = [slice(i * d, (i + 1) * d) for i in range(images)]
            arrays = found.arrays["boxes"], found.arrays["scores"]
            kinds = np.zeros(d, int)
            preds = [{"boxes": arrays[0][row], "scores": arrays[1][row], "labels": kinds} for row in rows]
            targets = [{"boxes": pred["boxes"][:g], "labels": kinds[:g]} for pred in preds]
            metric = meanap.MeanAveragePrecision(max_detection_thresholds=[1, 10, d])
            print("ready", flush=True)
            try:
                metric.update(preds, targets)
            finally:
                assert len(metric) == 0
        elif sys.argv[1] == "matching":
            meanap.evaluate(truth, found, max_detections=(d,), progress=tell)
        else:
            result = meanap.evaluate(truth, found, max_detections=(20,))
            print("ready", flush=True)
            result.interval("ap", resamples=10**7)
    try:
        work()
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("stage", ["matching", "updating", "resampling"])
def test_ctrl_c_stops(stage):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LONG), stage], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        # Matching says so when it is at work, however fast the machine; the others just before.
        assert process.stdout.readline() == "ready\n"
        time.sleep({"matching": 0, "updating": 0.1, "resampling": 0.5}[stage])
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        start = time.perf_counter()
        out, problem = process.communicate(timeout=20)
        assert out == "stopped\n", problem
        # The longest wait is that for what one thread has in hand.
        assert time.perf_counter() - start < 8
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


def test_a_line_shows_the_progress(tmp_path, monkeypatch, capsys):
    paths = files(tmp_path, "bbox", images=5)
    meanap.evaluate(*paths, progress=True)
    assert capsys.readouterr().err == ""  # too short to be reported
    monkeypatch.setattr("meanap._progress._SILENT", -1.0)
    meanap.evaluate(*paths, progress=True, memory_limit=SMALL).interval("ap", resamples=10, progress=True)
    told = capsys.readouterr().err
    for what in ("reading truth.json: 100%", "reading found.json: 100%", "matching shards: 100%", "resampling: 100%"):
        assert f"\r{what}, 0 s to go" in told
    assert told.endswith("\n")


def test_progress_of_reading_and_matching(tmp_path):
    paths = files(tmp_path, "bbox", images=20)
    # White space makes it a large file.
    text = paths[1].read_text(encoding="utf-8")
    paths[1].write_text("[" + " " * (20 << 20) + text[1:], encoding="utf-8")
    size = paths[1].stat().st_size
    told = []
    result = meanap.evaluate(*paths, progress=lambda done, total: told.append((done, total)))
    assert (size, size) in told and told[-1] == (len(result.matches), len(result.matches))
    assert result.to_dict() == meanap.evaluate(*paths).to_dict()

    class Enough(Exception):
        pass

    def enough(done, total):
        raise Enough

    with pytest.raises(Enough):
        meanap.evaluate(*paths, progress=enough)
    with pytest.raises(Enough):
        result.interval("ap", progress=enough)
