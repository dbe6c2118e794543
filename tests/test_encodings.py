"""JSON files however their text is stored: read at every entry, or refused by saying what the file is."""

import bz2
import gzip
import itertools
import json
import lzma
import os
import subprocess
import sys

import numpy as np
import pytest
from thorough import some

import meanap
from meanap import COCO, COCOeval, generate
from meanap.cli import main
from meanap.compat import faster_coco_eval, lvis
from meanap.compat.xtcocotools.coco import COCO as XtCOCO
from meanap.segmentation import PanopticQuality

TRUTH = generate.dataset(6, 3, categories=3)
TRUTH["categories"][0]["name"] = "bücher 😀"
FOUND = generate.detections(TRUTH, per_image=12, seed=3)

STORED = {
    "utf-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "utf-32": lambda text: text.encode("utf-32"),
    "utf-32-be": lambda text: text.encode("utf-32-be"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "gzip in two members": lambda text: gzip.compress(text[:99].encode()) + gzip.compress(text[99:].encode()),
    "gzip of utf-16": lambda text: gzip.compress(text.encode("utf-16")),
}


def dropin(truth, found):
    ground_truth = COCO(str(truth))
    names = [category["name"] for category in ground_truth.loadCats(ground_truth.getCatIds())]
    evaluator = COCOeval(ground_truth, ground_truth.loadRes(str(found)), "bbox")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return names, evaluator.stats.tolist()


def command(*arguments):
    def run(truth, found, tmp_path, capsys):
        filled = [{"GT": str(truth), "DT": str(found), "HTML": str(tmp_path / "r.html")}.get(a, a) for a in arguments]
        code = main(filled)
        told = capsys.readouterr()
        return code, told.out.replace(str(tmp_path), ""), told.err

    return run


def plain(function):
    return lambda truth, found, tmp_path, capsys: function(truth, found)


ENTRIES = {
    "the drop-in": plain(dropin),
    "evaluate": plain(lambda t, f: meanap.evaluate(t, f).to_dict()),
    "evaluate by lists": plain(lambda t, f: meanap.evaluate(t, f, protocol="ultralytics").to_dict()),
    "evaluate in shards": plain(lambda t, f: meanap.evaluate(t, f, memory_limit="1 MB").to_dict()),
    "check": plain(lambda t, f: list(meanap.check(t, f))),
    "eval": command("eval", "GT", "DT", "--per-class"),
    "check command": command("check", "GT", "DT"),
    "compare": command("compare", "GT", "DT", "DT", "--resamples", "5"),
    "report": command("report", "GT", "DT", "-o", "HTML", "--resamples", "5"),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    for name, value in (("gt.json", TRUTH), ("dt.json", FOUND)):
        (folder / name).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("stored", STORED)
def test_every_entry_reads_every_encoding(tmp_path, capsys, expected, entry, stored):
    # DIFFERENCE: pycocotools rejects these files; their content is unambiguous.
    for name, value in (("gt.json", TRUTH), ("dt.json", FOUND)):
        (tmp_path / name).write_bytes(STORED[stored](json.dumps(value, ensure_ascii=False)))
    run = ENTRIES[entry]
    told = run(tmp_path / "gt.json", tmp_path / "dt.json", tmp_path, capsys)
    wanted = run(expected / "gt.json", expected / "dt.json", expected, capsys)
    assert repr(told) == repr(wanted)


@pytest.mark.parametrize("stored", STORED)
def test_a_baseline_and_a_panoptic_file(tmp_path, capsys, expected, stored):
    path = tmp_path / "baseline.json"
    files = [str(expected / "gt.json"), str(expected / "dt.json")]
    assert main(["eval", *files, "--quiet", "--json", str(path)]) == 0
    path.write_bytes(STORED[stored](path.read_text()))
    assert main(["eval", *files, "--quiet", "--resamples", "5", "--fail-if-worse-than", str(path)]) == 0
    panoptic = {"categories": [{"id": 1, "name": "ü", "isthing": 1}], "annotations": [], "images": []}
    path.write_bytes(STORED[stored](json.dumps(panoptic)))
    assert PanopticQuality.of_file(path).categories == panoptic["categories"]


@pytest.mark.parametrize("stored", STORED)
def test_the_dialects_read_every_encoding(tmp_path, stored):
    path = tmp_path / "gt.json"
    path.write_bytes(STORED[stored](json.dumps(TRUTH, ensure_ascii=False)))
    names = {category["name"] for category in TRUTH["categories"]}
    for data in (
        lvis.LVIS(path).dataset,
        XtCOCO(str(path)).dataset,
        faster_coco_eval.COCO.load_json(path),
    ):
        assert {category["name"] for category in data["categories"]} == names


def test_the_dialects_read_utf_8_where_the_system_has_another_encoding(expected):
    code = f"""
from meanap.compat import faster_coco_eval, lvis
from meanap.compat.xtcocotools.coco import COCO as XtCOCO

path = {str(expected / "gt.json")!r}
for data in (lvis.LVIS(path).dataset, XtCOCO(path).dataset, faster_coco_eval.COCO.load_json(path)):
    assert data["categories"][0]["name"] == {ascii(TRUTH["categories"][0]["name"])}
"""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)


@pytest.mark.parametrize("stored", ["utf-8 with a mark", "utf-16"])
def test_a_file_with_names_of_classes(tmp_path, capsys, stored):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.eye(4, dtype=np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "names.txt").write_bytes(STORED[stored]("straße\nhimmel\n"))
    files = [str(tmp_path / "a.png")] * 2
    assert main(["semantic", *files, "--class-file", str(tmp_path / "names.txt"), "--output-format", "csv"]) == 0
    assert "\nstraße," in capsys.readouterr().out


TEXT = json.dumps(TRUTH).encode()
NOT_JSON = {
    "empty": (b"", "an empty file"),
    "white space": (b" \n\t", "nothing but white space"),
    "zeros": (bytes(4096), "zero bytes"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n", "Git LFS pointer"),
    "html": (b"\n <!DOCTYPE html><html><body>Sign in</body></html>", "an HTML page"),
    "xml": (b"<annotation><object/></annotation>", "XML"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(range(200, 250)), "Zstandard"),
    "bzip2": (bz2.compress(TEXT), "bzip2"),
    "xz": (lzma.compress(TEXT), "xz"),
    "zip": (b"PK\x03\x04\x14\0\0\0", "a ZIP archive"),
    "npy": (b"\x93NUMPY\x01\0" + bytes(9), "a NumPy array"),
    "half of a gzip": (gzip.compress(TEXT)[:200], "gzip data that are damaged"),
    "a gzip that unpacks to too much": (gzip.compress(bytes(70 << 20)), "more than 100 times"),
    "half of utf-16": (json.dumps(TRUTH).encode("utf-16")[:-1], "UTF-16"),
}


@pytest.mark.parametrize(
    ("content", "entry", "side"), some(itertools.product(NOT_JSON, ENTRIES, ["gt.json", "dt.json"]), every=3)
)
def test_what_is_no_json_is_named(tmp_path, capsys, entry, content, side):
    for name, value in (("gt.json", TRUTH), ("dt.json", FOUND)):
        (tmp_path / name).write_text(json.dumps(value))
    blob, words = NOT_JSON[content]
    (tmp_path / side).write_bytes(blob)
    try:
        told = ENTRIES[entry](tmp_path / "gt.json", tmp_path / "dt.json", tmp_path, capsys)
    except ValueError as error:
        told = str(error)
    assert side in str(told) and words in " ".join(str(told).split()), told


@pytest.mark.parametrize("side", ["gt.json", "dt.json"])
@pytest.mark.parametrize("entry", ENTRIES)
def test_a_file_that_was_cut_off(tmp_path, capsys, entry, side):
    for name, value in (("gt.json", TRUTH), ("dt.json", FOUND)):
        text = json.dumps(value)
        (tmp_path / name).write_text(text[: len(text) // 2] if name == side else text)
    try:
        told = ENTRIES[entry](tmp_path / "gt.json", tmp_path / "dt.json", tmp_path, capsys)
    except ValueError as error:
        told = str(error)
    assert side in str(told) and "the end of the file: is it cut off?" in " ".join(str(told).split()), told


@pytest.mark.parametrize("entry", sorted(set(ENTRIES) - {"the drop-in"}))
def test_a_file_nested_too_deeply_is_named(tmp_path, capsys, entry):
    (tmp_path / "gt.json").write_text(json.dumps(TRUTH)[:-1] + ', "more": ' + "[" * 99_999 + "]" * 99_999 + "}")
    (tmp_path / "dt.json").write_text(json.dumps(FOUND))
    try:
        told = ENTRIES[entry](tmp_path / "gt.json", tmp_path / "dt.json", tmp_path, capsys)
    except (RecursionError, ValueError) as error:
        told = str(error)
    # Where Python's objects are not needed it is read.
    text = " ".join(str(told).split())
    assert "Traceback" not in text and ("recursion" not in text or "gt.json" in text)


@pytest.mark.parametrize("content", NOT_JSON)
def test_the_class_of_the_error_is_the_references(tmp_path, content):
    coco = pytest.importorskip("pycocotools.coco")
    path = tmp_path / "gt.json"
    path.write_bytes(NOT_JSON[content][0])
    with pytest.raises(ValueError) as theirs:
        coco.COCO(str(path))
    with pytest.raises(ValueError) as ours:
        COCO(str(path))
    # A UnicodeDecodeError needs the bytes, all of them: ours is another ValueError.
    assert isinstance(ours.value, type(theirs.value)) or isinstance(theirs.value, UnicodeDecodeError)


def test_gzip_of_distant_ids_is_read_like_the_plain_file(tmp_path):
    rng = np.random.default_rng(0)
    truth = json.loads(json.dumps(TRUTH))
    ids = {image["id"]: int(id) for image, id in zip(truth["images"], rng.integers(0, 2**53, 6), strict=True)}
    for record in truth["images"]:
        record["id"] = ids[record["id"]]
    for record in truth["annotations"]:
        record["image_id"] = ids[record["image_id"]]
    found = [{**record, "image_id": ids[record["image_id"]]} for record in FOUND]
    paths = []
    for name, value in (("gt", truth), ("dt", found)):
        paths.append(tmp_path / f"{name}.json.gz")
        paths[-1].write_bytes(gzip.compress(json.dumps(value).encode()))
    assert meanap.evaluate(*paths).to_dict() == meanap.evaluate(truth, found).to_dict()


@pytest.mark.parametrize("format", ["labelme", "createml", "activitynet", "nuscenes", "fiftyone", "json"])
def test_json_of_every_format_names_the_byte_that_is_not_text(format, tmp_path):
    path = tmp_path / "truth.json"
    path.write_bytes(b'[{"caf\xe9": 1}]')
    source = tmp_path if format == "labelme" else path
    similarity = {"activitynet": "temporal", "nuscenes": "centre-distance"}.get(format, "bbox")
    with pytest.raises(meanap.InputError, match="truth.json: the byte at offset 6 is not UTF-8") as caught:
        meanap.evaluate(source, [], similarity, format=format)
    assert caught.value.code == "broken-file"


@pytest.mark.parametrize("format", ["yolo", "voc", "dota", "labelme", "cvat", "createml", "kitti", "csv"])
def test_a_byte_order_mark_does_not_hide_a_format(tmp_path, format):
    sides = generate.write_format(tmp_path, format, images=4)
    expected = meanap.evaluate(*sides).ap
    for path in tmp_path.rglob("*"):
        if path.suffix in (".txt", ".csv", ".json", ".xml", ".yaml"):
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert meanap.evaluate(*sides).ap == expected > 0
