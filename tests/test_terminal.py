"""Names that control a terminal, reverse text or leave a folder: shown as escapes, and confined to the folder."""

import json
import subprocess
import sys

import numpy as np
import pytest

import meanap
from meanap import generate, report
from meanap._printable import printable
from meanap.cli import main
from meanap.segmentation import PanopticQuality

from .pixel_data import segment_colors, write_png

BAD = "\x1b[31m\x1b]0;title\x07\rx\x9b2J\u202eevil\u2066\u2028next\x7f\ud800"
STEERS = [letter for letter in BAD if not letter.isascii() or not letter.isprintable()]


def test_printable():
    assert printable("plain, größer, 猫, 👩‍👩‍👧 e\u0301") == "plain, größer, 猫, 👩‍👩‍👧 e\u0301"
    assert printable("a\nb\tc\r", keep="\n\t") == "a\nb\tc\\x0d"
    shown = printable(BAD)
    assert not set(shown) & set(STEERS) and "\\x1b[31m" in shown and "\\u202e" in shown and "\\ud800" in shown
    for code in [*range(32), *range(127, 160), *range(0x200E, 0x2010), *range(0x2028, 0x202F), 0x2066, 0x2069, 0xDFFF]:
        assert printable(chr(code)).isascii(), hex(code)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Bad names of categories, images, files and queries."""
    folder = tmp_path_factory.mktemp("bad")
    truth = generate.dataset(8, 3, categories=3)
    found = generate.detections(truth, per_image=10, seed=3)
    for record in truth["categories"]:
        record["name"] = f"{record['name']}{BAD}"
    truth["categories"].append({"id": 9, "name": f"none{BAD}"})
    for record in truth["images"]:
        record["file_name"] = f"{BAD}{record['file_name']}"
    bad = BAD.replace("\ud800", "")
    paths = [folder / f"gt{bad}.json", folder / f"dt{bad}.json"]
    for path, value in zip(paths, (truth, found), strict=True):
        path.write_text(json.dumps(value))
    (folder / "missing.json").write_text(json.dumps([{**found[0], "bbox": BAD}]))
    (folder / "empty.json").write_text("[]")
    query = bad.replace("\r", "").replace("\u2028", "")
    (folder / f"qrels{bad}").write_text(f"q{query} 0 d{query} 1\n")
    (folder / f"run{bad}").write_text(f"q{query} Q0 d{query} 1 1 x\nother{query} Q0 d 1 1 x\n")
    (folder / "broken").write_text(f"q{query} 0 d{query} {query}\n")
    return folder, *paths


def run(capsys, *arguments):
    try:
        code = main(list(map(str, arguments)))
    except SystemExit as stop:
        code = stop.code
    told = capsys.readouterr()
    return code, told.out + told.err


def test_no_command_sends_a_name_raw(files, tmp_path, capsys):
    folder, truth, found = files
    qrels, ranked = (next(folder.glob(f"{name}*")) for name in ("qrels", "run"))
    (tmp_path / "labels").mkdir()
    write_png(tmp_path / "labels" / "a.png", np.zeros((4, 4), dtype=np.uint8))
    panoptic = tmp_path / "panoptic.json"
    category = {"id": 1, "name": BAD, "isthing": 1}
    panoptic.write_text(json.dumps({"categories": [category], "annotations": []}))
    wrong = tmp_path / "wrong.json"
    record = {"image_id": BAD, "file_name": BAD, "segments_info": []}
    wrong.write_text(json.dumps({"categories": [category], "annotations": [record]}))
    commands = [
        ("eval", truth, found, "--per-class"),
        ("eval", truth, found, "--fail-under", f"ap/{BAD}=0.5"),
        ("eval", truth, found, "--categories", BAD),
        ("eval", truth, found, "--json", f"/proc/{BAD}"),
        ("eval", truth, folder / "missing.json"),
        ("eval", truth, folder / f"{BAD}"),
        ("check", truth, found),
        ("check", truth, folder / "missing.json"),
        ("compare", truth, found, found, "--resamples", "5", "--per-class"),
        ("compare", truth, found, folder / "missing.json"),
        ("report", truth, found, "--resamples", "5", "-o", tmp_path / "report.html"),
        ("report", truth, folder / "missing.json", "-o", tmp_path / "none.html"),
        ("rank", qrels, ranked, "--per-query"),
        ("rank", qrels, ranked, "--protocol", BAD),
        ("rank", folder / "broken", ranked),
        ("semantic", tmp_path / "labels", tmp_path / "labels", "--classes", f"a{BAD},b"),
        ("panoptic", panoptic, panoptic, "--per-class"),
        ("panoptic", panoptic, wrong),
        ("panoptic", wrong, wrong),
    ]
    shown = 0
    for arguments in commands:
        code, text = run(capsys, *arguments)
        assert code in (0, 1, 2, 3) and text, arguments
        assert not set(text) & set(STEERS), (arguments, text)
        shown += "\\x1b[31m" in text
    assert shown >= 10
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not set(page) & (set(STEERS) - {"\u2028"}) and "\\x1b[31m" in page


def test_a_terminal_that_lacks_letters_gets_escapes(files):
    _, truth, found = files
    command = [sys.executable, "-m", "meanap", "eval", str(truth), str(found), "--fail-under", "ap=1"]
    done = subprocess.run(command, capture_output=True, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 3 and b"FAIL" in done.stdout and done.stderr == b"", done.stderr


def test_a_page_holds_no_raw_name(tmp_path):
    truth = generate.dataset(4, 3, categories=2)
    truth["categories"][0]["name"] = BAD + "<script>"
    path = report.write(tmp_path / "r.html", truth, generate.detections(truth, per_image=5, seed=1), resamples=5)
    page = path.read_text(encoding="utf-8")
    assert not set(page) & set(STEERS) and BAD not in page


OUTSIDE = ["../b.png", "/etc/a.png", "x/../../b.png", "\\a.png", "..\\b.png", "c:\\a.png", "c:a.png", "", "a\0.png"]
OUTSIDE += [None, 3]


@pytest.mark.parametrize("side", ["ground truth", "predictions"])
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_file_name_stays_in_its_folder(tmp_path, capsys, name, side):
    ids = np.ones((4, 4), dtype=np.int64)
    segments = [{"id": 1, "category_id": 1, "area": 16, "iscrowd": 0}]
    paths = {}
    for which in ("ground truth", "predictions"):
        (tmp_path / which / "sub").mkdir(parents=True)
        for place in ("a.png", "sub/a.png"):
            write_png(tmp_path / which / place, segment_colors(ids), color=2)
        paths[which] = tmp_path / f"{which}.json"
    # What a name that leaves its folder would find.
    write_png(tmp_path / "b.png", segment_colors(ids), color=2)

    def put(which, name):
        record = {"image_id": 1, "file_name": name, "segments_info": segments}
        category = {"id": 1, "name": "c", "isthing": 1}
        paths[which].write_text(json.dumps({"categories": [category], "annotations": [record]}))

    for good in ("a.png", "sub/a.png", "sub/./a.png"):
        for which in paths:
            put(which, good)
        metric = PanopticQuality.of_file(paths["ground truth"])
        metric.update_files(*reversed(paths.values()))
        assert metric.compute().pq[0] == 1
    put(side, name)
    code, text = run(capsys, "panoptic", *paths.values())
    assert code == 1 and f'{side}.json: annotations[0]: "file_name" is' in text and text.count("\n") == 1
    code, text = run(capsys, "panoptic", *paths.values(), "--lenient")
    assert code == 0 and "skipped: " in text and "file_name" in text


def test_the_message_of_a_warning_is_shown_so(capsys, monkeypatch, tmp_path):
    import warnings

    monkeypatch.setattr("meanap.cli.generate.run", lambda options: warnings.warn(f"{BAD} and\nmore", stacklevel=1))
    assert main(["generate", str(tmp_path)]) == 0
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and not set(err) & set(STEERS)


def test_the_repr_of_findings_is_shown_so():
    truth = generate.dataset(4, 3, categories=2)
    truth["categories"].append({"id": 9, "name": f"none{BAD}"})
    text = repr(meanap.check(truth))
    assert not set(text) & set(STEERS) and "\\x1b[31m" in text


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_takes_what_is_written(closed, tmp_path):
    truth = generate.dataset(4, 3, categories=2)
    for name, data in (("gt.json", truth), ("dt.json", generate.detections(truth, per_image=5, seed=1))):
        (tmp_path / name).write_text(json.dumps(data))
    command = f"{sys.executable} -m meanap eval gt.json dt.json --json out.json"

    def ran(command):
        return subprocess.run(["sh", "-c", f"{command} {closed}"], cwd=tmp_path, capture_output=True, text=True)

    done = ran(command)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("Average Precision" in done.stdout) == (closed == "2>&-")
    assert json.loads((tmp_path / "out.json").read_text())["protocol"] == "coco"
    failed = ran(command.replace("dt.json", "none.json"))
    assert failed.returncode == 1 and failed.stdout == "" and ("none.json" in failed.stderr) == (closed == ">&-")
