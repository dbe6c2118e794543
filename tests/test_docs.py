"""What the pages promise: their Python runs, their commands run, their links lead somewhere."""

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys

import pytest

import meanap
from meanap import generate
from meanap.cli import main

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Read from top to bottom: its blocks run in one process and print what stands below them.
NOTEBOOK = "docs/decision.md"
PAGES = [
    "README.md",
    "docs/analysis.md",
    "docs/clusters.md",
    "docs/compat.md",
    "docs/formats.md",
    "docs/numbers.md",
    "docs/problems.md",
    "docs/pycocotools.md",
    "docs/ranking.md",
    "docs/segmentation.md",
    "docs/torchmetrics.md",
    "docs/training.md",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the pages use."""
    folder = tmp_path_factory.mktemp("pages")
    generate.write_files(folder, images=10, seed=1)
    shutil.copy(folder / "boxes.json", folder / "old.json")
    return folder


def blocks(repository, page, language):
    text = (repository / page).read_text(encoding="utf-8")
    return [body for found, body in BLOCK.findall(text) if found == language]


def test_every_page_is_tested(repository):
    pages = {path.relative_to(repository).as_posix() for path in (repository / "docs").rglob("*.md")}
    assert pages | {"README.md"} == {*PAGES, NOTEBOOK}


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_run(repository, folder, page):
    found = blocks(repository, page, "python")
    assert found
    for body in found:
        # A process each: some of them put meanap in pycocotools' place.
        done = subprocess.run([sys.executable, "-c", body], cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, body + done.stderr


@pytest.mark.parametrize("engine", ["ray", "pyspark"])
def test_blocks_for_engines_run(repository, folder, engine):
    pytest.importorskip(engine, reason="a cluster engine: pip install 'meanap[ray]' or 'meanap[spark]'")
    if engine == "pyspark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    truth = generate.dataset(10, 1)
    found = generate.detections(truth, per_image=5, seed=1)
    records = [*truth["annotations"], *found]
    columns = {name: [record.get(name) for record in records] for name in ("image_id", "category_id", "score", "bbox")}
    columns["iscrowd"] = [record.get("iscrowd") for record in records]
    parquet.write_table(pa.table({**columns, "order": range(len(records))}), folder / "objects.parquet")
    text = (repository / "docs/clusters.md").read_text(encoding="utf-8")
    (body,) = re.findall(rf"^```python {engine.removeprefix('py')}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(
        [sys.executable, "-c", body], cwd=folder, capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode == 0, body + done.stderr


def test_the_notebook_page_prints_what_it_says(repository, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    variables = {}
    printed = told = 0
    for language, body in BLOCK.findall((repository / NOTEBOOK).read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(body, NOTEBOOK, "exec"), variables)
            printed += 1
        elif language == "text":
            assert capsys.readouterr().out == body
            told += 1
        elif language == "sh":
            for command in body.splitlines():
                assert main(shlex.split(command)[1:]) == 0, command
            capsys.readouterr()
    assert printed == told > 5 and (tmp_path / "report.html").is_file()


def test_commands_run(repository, folder):
    lines = [line for body in blocks(repository, "README.md", "sh") for line in body.splitlines()]
    commands = [line for line in lines if line.startswith("meanap ")]
    assert len(commands) >= 3
    for command in commands:
        arguments = [sys.executable, "-m", *shlex.split(command)]
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, command + done.stderr
        assert ("Average Precision" in done.stdout) == command.startswith("meanap eval"), command


def test_commands_of_formats_run(repository, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    commands = [line for body in blocks(repository, "docs/formats.md", "sh") for line in body.splitlines()]
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0, command
        out = capsys.readouterr().out
        shown = "Average Precision" in out or "number  value" in out
        assert shown == command.startswith("meanap eval"), command
    named = {shlex.split(command)[3] for command in commands if "--format" in command}
    assert named == {format.partition("-")[0] for format in generate.FORMATS}


def test_readme_has_the_two_commands(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    demo = re.search(r"<!-- command: demo -->\n```sh\n(.*)\n```\n", text)
    test = re.search(r"<!-- command: test -->\n```sh\n(.*)\n```\n", text)
    assert demo and demo[1].endswith("meanap demo") and "pip install ." in demo[1]
    assert test and all(part in test[1] for part in ("[test]", "cargo test", "pytest"))


@pytest.mark.parametrize("page", [*PAGES, NOTEBOOK, "ARCHITECTURE.md"])
def test_links_lead_somewhere(repository, page):
    text = (repository / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert ((repository / page).parent / target).exists(), target


#: Modules for one package alone, which they need.
NEEDY = {"meanap.compat.mmengine": "mmengine", "meanap.compat.torchmetrics": "torchmetrics.detection"}


def modules():
    return [info.name for info in pkgutil.walk_packages(meanap.__path__, "meanap.") if "__main__" not in info.name]


@pytest.mark.parametrize("name", ["meanap", *modules()])
def test_docstring_examples_hold(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    if name in NEEDY:
        pytest.importorskip(NEEDY[name], reason="the package that this module is for")
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
