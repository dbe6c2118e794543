"""Imports between the Rust rooms run downwards only, in the order in which src/lib.rs declares them."""

import re

import pytest

USE = re.compile(r"\bcrate::(\{[^}]*\}|\w+)")


def rooms(text: str) -> list[str]:
    return re.findall(r"^(?:pub )?mod (\w+);", text, re.MULTILINE)


def imported(text: str) -> set[str]:
    """The rooms that a file names after `crate::`, in `use` lines and in paths; comments do not count."""
    code = re.sub(r"//.*", "", text)
    found = set()
    for what in USE.findall(code):
        for part in what.strip("{}").split(","):
            found.add(part.strip().split("::")[0])
    return found


def upward(files: dict[str, str], order: list[str]) -> list[str]:
    """Each import of a room that is declared below the importing one, as text."""
    found = []
    for path, text in sorted(files.items()):
        room = re.split(r"[/.]", path)[0]
        if room == "lib":
            continue
        for other in sorted(imported(text) & set(order)):
            if order.index(other) > order.index(room):
                found.append(f"src/{path} imports crate::{other}, which src/lib.rs declares below {room}")
    return found


def test_no_upward_import(repository):
    source = repository / "src"
    order = rooms((source / "lib.rs").read_text(encoding="utf-8"))
    files = {path.relative_to(source).as_posix(): path.read_text(encoding="utf-8") for path in source.rglob("*.rs")}
    assert len(order) >= 8 and len(files) >= len(order)
    assert {re.split(r"[/.]", path)[0] for path in files} - {"lib"} == set(order)
    assert upward(files, order) == []


def test_only_the_bindings_know_python(repository):
    source = repository / "src"
    for path in source.rglob("*.rs"):
        if path.relative_to(source).parts[0] != "python":
            code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
            assert not re.search(r"\b(pyo3|numpy)::", code), path


@pytest.mark.parametrize(
    "line",
    ["use crate::curve::Curve;", "use crate::{error::Error, curve};", "fn f(x: crate::curve::Curve) {}"],
)
def test_an_upward_import_would_be_seen(line):
    order = ["error", "columns", "curve"]
    assert len(upward({"columns/mod.rs": line}, order)) == 1
    assert upward({"curve/mod.rs": line, "columns/masks.rs": f"// {line}"}, order) == []
