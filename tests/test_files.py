"""Output files: atomic, optionally to standard output, with one-line errors."""

import json
import os
import re
import stat
import subprocess
import sys

import numpy as np
import pytest

from meanap import generate
from meanap._files import replacing, write_text
from meanap.cli import main

from .pixel_data import write_png

resource = pytest.importorskip("resource")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    truth, found = generate.write_files(folder, images=12, seed=2)["bbox"]
    (folder / "qrels").write_text("".join(f"q{i} 0 d{j} {j % 2}\n" for i in range(9) for j in range(9)))
    (folder / "run").write_text("".join(f"q{i} Q0 d{j} 1 {9 - j} x\n" for i in range(9) for j in range(9)))
    for name in ("truth", "found"):
        (folder / name).mkdir()
        write_png(folder / name / "a.png", np.zeros((4, 4), dtype=np.uint8))
    panoptic = {"categories": [{"id": i, "name": f"c{i}", "isthing": 1} for i in range(1, 9)], "annotations": []}
    (folder / "panoptic.json").write_text(json.dumps(panoptic))
    return folder, str(truth), str(found)


def commands(inputs):
    folder, truth, found = inputs
    panoptic = str(folder / "panoptic.json")
    return {
        "eval": ["eval", truth, found, "--intervals", "--resamples", "20", "--json"],
        "check": ["check", truth, found, "--json"],
        "compare": ["compare", truth, found, found, "--resamples", "5", "--json"],
        "rank": ["rank", str(folder / "qrels"), str(folder / "run"), "--json"],
        "semantic": ["semantic", str(folder / "truth"), str(folder / "found"), "--classes", "20", "--json"],
        "panoptic": ["panoptic", panoptic, panoptic, "--json"],
        "report": ["report", truth, found, "--resamples", "5", "-o"],
    }


NAMES = ["eval", "check", "compare", "rank", "semantic", "panoptic", "report"]


def full_disk():
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def process(arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "meanap", *arguments], capture_output=True, text=True, timeout=120, **options
    )


def one_line(done, *words):
    assert done.returncode == 1
    line_says(done.stderr, *words)


def line_says(told, *words):
    assert "Traceback" not in told and told.startswith("meanap: ") and told.count("\n") == 1, told
    for word in words:
        assert word in told, told


@pytest.mark.parametrize("name", NAMES)
def test_a_good_file_survives_a_full_disk(inputs, tmp_path, name):
    command, path = commands(inputs)[name], tmp_path / "out"
    path.write_text("good " * 50)
    one_line(process([*command, str(path)], preexec_fn=full_disk), str(path), "File too large")
    assert path.read_text() == "good " * 50 and os.listdir(tmp_path) == ["out"]
    one_line(process([*command, str(tmp_path / "new")], preexec_fn=full_disk), str(tmp_path / "new"))
    assert os.listdir(tmp_path) == ["out"]
    assert main([*command, str(path)]) == 0
    assert "good" not in path.read_text() and os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_written_is_one_line(inputs, tmp_path, capsys, name):
    command = commands(inputs)[name]
    for path, words in (
        ("/dev/full", "No space left on device"),
        ("/proc/nothing/out", "/proc/nothing"),
        (str(tmp_path), "directory"),
        (str(tmp_path / "no" / "folder"), "no"),
    ):
        if os.path.exists(path) or path.startswith(("/proc", str(tmp_path))):
            assert main([*command, path]) == 1
            line_says(capsys.readouterr().err, path.rsplit("/", 1)[0], words)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_dash_is_standard_output(inputs, tmp_path, name):
    command, path = commands(inputs)[name], tmp_path / "out"
    assert main([*command, str(path)]) == 0
    done = process([*command, "-"], cwd=tmp_path)
    assert done.returncode == 0 and os.listdir(tmp_path) == ["out"], done.stderr
    if name == "report":
        assert done.stdout.startswith("<!doctype html>") and done.stdout.rstrip().endswith("</html>")
    else:
        assert json.loads(done.stdout) == json.loads(path.read_text()) and done.stderr


@pytest.mark.parametrize("name", ["eval", "report"])
def test_devices_and_pipes_are_written_in_place(inputs, tmp_path, name):
    command = [*commands(inputs)[name]]
    begins = "{" if name == "eval" else "<!doctype"
    assert begins in process([*command, "/dev/stdout"]).stdout
    assert process([*command, "/dev/null"]).returncode == 0 and stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo(tmp_path / "pipe")
    # Read into a file: a report is larger than what another pipe would hold.
    with open(tmp_path / "read", "w") as into, subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=into):
        assert process([*command, str(tmp_path / "pipe")]).returncode == 0
    assert begins in (tmp_path / "read").read_text()


def test_full_standard_output_is_one_line(inputs):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "meanap", "eval", *inputs[1:]]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    one_line(done, "standard output: No space left on device")


def test_generate_leaves_what_was_there(tmp_path):
    folder = tmp_path / "set"
    assert main(["generate", str(folder), "--images", "2"]) == 0
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    one_line(process(["generate", str(folder), "--images", "9"], preexec_fn=full_disk), "set", "File too large")
    assert {name: (folder / name).read_bytes() for name in os.listdir(folder)} == before


def test_an_error_while_writing_leaves_the_file(tmp_path):
    path = tmp_path / "out"
    path.write_text("good")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write("half")
        raise ZeroDivisionError
    assert path.read_text() == "good" and os.listdir(tmp_path) == ["out"]


def test_links_stay_links_and_modes_stay_modes(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "out", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_text(link, "new\n")
    assert link.is_symlink() and target.read_text() == "new\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    umask = os.umask(0o027)
    try:
        write_text(tmp_path / "fresh", "é")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640
    assert (tmp_path / "fresh").read_bytes() == "é".encode()
    # A name as long as names may be.
    write_text(tmp_path / ("x" * 255), "long")
    assert sorted(map(len, os.listdir(tmp_path))) == [4, 5, 5, 255]


def test_only_one_place_writes_files(repository):
    written = re.compile(r"""write_text\(|write_bytes\(|\bopen\([^)]*["'][wx]b?["']""")
    for path in (repository / "python" / "meanap").rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            example = line.lstrip().startswith((">>> ", "... "))
            if written.search(line) and path.name != "_files.py" and not example:
                # Its own functions of these names, and the place where nothing is written.
                assert re.search(r"(?<!\.)write_(text|bytes)\(|os\.devnull", line), f"{path}: {line}"
