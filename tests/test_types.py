"""Types are for users: checkers report typical mistakes, and nothing in typical right usage."""

import dataclasses
import functools
import importlib.util
import json
import os
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import meanap
from meanap import _types, protocol, ranking

PROGRAMS = [Path(__file__).parent / "typing" / name for name in ("mistakes.py", "correct.py")]
MISTAKES, CORRECT = PROGRAMS


@functools.cache
def mypy():
    """The program and line of each error that mypy reports in the programs."""
    options = ["--strict", "--show-error-codes", "--no-error-summary", "--no-pretty"]
    done = run("mypy", *options, *map(str, PROGRAMS))
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return {(name, int(line)) for name, line in re.findall(r"(\w+\.py):(\d+): error:", done.stdout)}, done.stdout


@functools.cache
def basedpyright():
    """The program and line of each error that pyright reports in the programs."""
    done = run("basedpyright", "--outputjson", "--level", "error", "--pythonpath", sys.executable, *map(str, PROGRAMS))
    found = [item for item in json.loads(done.stdout)["generalDiagnostics"] if item["severity"] == "error"]
    return {(Path(item["file"]).name, item["range"]["start"]["line"] + 1) for item in found}, done.stdout


def run(module, *arguments):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: pip install 'meanap[lint]'")
    root = MISTAKES.parents[2]
    # Where the package was installed in place, a checker has to be told where that is.
    environment = {**os.environ, "PYTHONPATH": str(Path(meanap.__file__).parents[1])}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False)


CHECKERS = pytest.mark.parametrize("check", [mypy, basedpyright], ids=["mypy", "basedpyright"])


@CHECKERS
def test_every_typical_mistake_is_reported_and_no_other_line(check):
    lines = MISTAKES.read_text(encoding="utf-8").splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("# mistake")}
    assert len(marked) >= 40
    reported = {line for name, line in check()[0] if name == MISTAKES.name}
    missing = [lines[number - 1] for number in sorted(marked - reported)]
    others = [lines[number - 1] for number in sorted(reported - marked)]
    assert (missing, others) == ([], [])


@CHECKERS
def test_nothing_is_reported_in_right_usage(check):
    reported, output = check()
    assert not [line for name, line in reported if name == CORRECT.name], output


def test_the_public_interface_is_typed():
    done = run("basedpyright", "--verifytypes", "meanap", "--ignoreexternal", "--outputjson")
    score = json.loads(done.stdout)["typeCompleteness"]["completenessScore"]
    assert score >= 0.99, score


def test_options_are_the_fields_of_what_they_replace():
    changes = set(_types.ProtocolChanges.__annotations__) | set(_types.ProtocolOptions.__annotations__)
    assert changes == {field.name for field in dataclasses.fields(protocol.Protocol)}
    assert set(typing.get_args(_types.PresetName)) == set(protocol.PRESETS)
    numbers = {
        row.name
        for make in protocol.PRESETS.values()
        for similarity in typing.get_args(_types.SimilarityName)
        for row in make(similarity).summary
    }
    assert numbers <= set(typing.get_args(_types.NumberName))


def test_conventions_are_named_as_they_are():
    changes = set(_types.ConventionChanges.__annotations__) | set(_types.ConventionOptions.__annotations__)
    assert changes == {field.name for field in dataclasses.fields(ranking.Conventions)}
    assert set(typing.get_args(_types.ConventionName)) == set(ranking.PRESETS)
