"""A Rust module imports only modules that src/lib.rs declares above it."""

import inspect
import re
from typing import get_args

import pytest

import meanap
from meanap import _similarity, _types

USE = re.compile(r"\bcrate::(\{[^}]*\}|\w+)")


def modules(text: str) -> list[str]:
    return re.findall(r"^(?:pub )?mod (\w+);", text, re.MULTILINE)


def imported(text: str) -> set[str]:
    """The modules that a file names after `crate::`, in `use` lines and in paths; comments do not count."""
    code = re.sub(r"//.*", "", text)
    found = set()
    for what in USE.findall(code):
        for part in what.strip("{}").split(","):
            found.add(part.strip().split("::")[0])
    return found


def upward(files: dict[str, str], order: list[str]) -> list[str]:
    """Each import of a module that is declared below the importing one, as text."""
    found = []
    for path, text in sorted(files.items()):
        module = re.split(r"[/.]", path)[0]
        if module == "lib":
            continue
        for other in sorted(imported(text) & set(order)):
            if order.index(other) > order.index(module):
                found.append(f"src/{path} imports crate::{other}, which src/lib.rs declares below {module}")
    return found


def test_no_upward_import(repository):
    source = repository / "src"
    order = modules((source / "lib.rs").read_text(encoding="utf-8"))
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


def code_of(path) -> str:
    """The code of a Rust file without its comments and unit tests."""
    if path.name == "tests.rs":
        return ""
    text = path.read_text(encoding="utf-8").split("#[cfg(test)]\nmod tests")[0]
    return re.sub(r"//.*", "", text)


def registered(repository, folder: str, registry: str) -> dict[str, str]:
    """The names in a registry's list, each with the file that spells it."""
    entries = re.search(r"pub static \w+: &\[&[^=]*\] =\s*&\[(.*?)\];", code_of(repository / registry), re.DOTALL)[1]
    names = {}
    for path in (repository / folder).glob("*.rs"):
        for name in re.findall(r'static KIND: SimilarityKind = SimilarityKind \{\s*name: "(\w+)"', code_of(path)):
            assert f"{path.stem}::KIND" in entries, f"{path.name} is not in {registry}"
            names[name] = path.name
        for kind, body in re.findall(
            r"impl Matcher for (\w+) \{\s*fn name\(&self\) -> &\'static str \{\n(.*?)\n    \}", code_of(path), re.DOTALL
        ):
            assert f"&{kind}" in entries, f"{path.name} is not in {registry}"
            names |= dict.fromkeys(re.findall(r'"([\w-]+)"', body), path.name)
    return names


def test_a_similarity_is_its_own_file_and_a_line_of_the_registry(repository):
    names = registered(repository, "src/similarity", "src/similarity/registry.rs")
    assert {"bbox", "segm", "boundary", "keypoints", "centres"} <= set(names)
    # These two are fields of COCO's records and names of arrays too.
    told_elsewhere = re.compile("|".join(f'"{name}"' for name in set(names) - {"bbox", "keypoints"}))
    types = re.compile(r"\b(BoxIou|PixelIou|MaskIou|BoundaryIou|Oks)\b")
    for path in (repository / "src").rglob("*.rs"):
        module = path.relative_to(repository / "src").parts[0]
        if module != "similarity":
            code = code_of(path)
            found = set(told_elsewhere.findall(code))
            if path.parent.name == "pixels":
                # The boundary IoU of masks, for Python, is of that kind by its very name.
                found.discard('"boundary"')
            assert not found and not types.search(code), (path, found)


def test_a_matcher_is_its_own_file_and_a_line_of_the_registry(repository):
    names = registered(repository, "src/matching", "src/matching/matcher.rs")
    assert set(names) == set(get_args(_types.MatcherName))
    for path in (repository / "src").rglob("*.rs"):
        if path.relative_to(repository / "src").parts[0] != "matching":
            assert not re.search("|".join(f'"{name}"' for name in names), code_of(path)), path


def test_python_has_the_names_of_the_registry(repository):
    assert get_args(_types.SimilarityName) == _similarity.SIMILARITIES
    documented = re.search(r"^similarity : .*?(?=^\w)", inspect.getdoc(meanap.evaluate), re.DOTALL | re.MULTILINE)
    assert re.findall(r'``"([\w-]+)"``', documented[0]) == list(_similarity.SIMILARITIES)
    pair = re.compile(r"""[(\[{]"segm", "boundary"|"segm", "bbox", "boundary"|"bbox", "segm", "boundary\"""")
    allowed = {"_types.py", "compat"}
    for path in (repository / "python" / "meanap").rglob("*.py"):
        if path.relative_to(repository / "python" / "meanap").parts[0] not in allowed:
            code = re.sub(r'""".*?"""', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            assert not pair.search(code), path
