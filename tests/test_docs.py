"""What the pages promise: their code runs, their links lead somewhere, the reference lacks no public name."""

import contextlib
import doctest
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import meanap
from meanap import generate
from tests.run_page import blocks

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the pages use."""
    folder = tmp_path_factory.mktemp("pages")
    generate.write_files(folder, images=10, seed=1)
    generate.write_baseline(folder / "old.json", folder / "boxes.json")
    generate.write_rankings(folder, queries=20)
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_blocks_run(repository, folder, tmp_path, page):
    place = tmp_path / "page"
    shutil.copytree(folder, place)
    # A process each: some pages register meanap under another package's name.
    paths = {"PYTHONPATH": os.pathsep.join([str(repository), *sys.path]), "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-m", "tests.run_page", str(repository / page)]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300, env={**os.environ, **paths})
    assert done.returncode == 0, done.stdout + done.stderr


def test_formats_page_writes_all_formats(repository):
    page = blocks((repository / "docs/formats.md").read_text(encoding="utf-8"))
    lines = [line for block in page if block.language == "sh" for line in block.body.splitlines()]
    named = {shlex.split(line)[3] for line in lines if line.startswith("meanap generate --format")}
    assert named == {format.partition("-")[0] for format in generate.FORMATS}


def test_readme_has_the_two_commands(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    demo = re.search(r"<!-- command: demo -->\n```sh\n(.*)\n```\n", text)
    test = re.search(r"<!-- command: test -->\n```sh\n(.*)\n```\n", text)
    assert demo and demo[1].endswith("meanap demo") and "pip install ." in demo[1]
    assert test and all(part in test[1] for part in ("[test]", "cargo test", "pytest"))


@pytest.mark.parametrize("page", [*PAGES, "ARCHITECTURE.md"])
def test_links_lead_somewhere(repository, page):
    text = (repository / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert ((repository / page).parent / target).exists(), target


#: Modules for one package alone, which they need.
NEEDY = {
    "meanap.compat.faster_coco_eval.extra": "faster_coco_eval",
    "meanap.compat.faster_coco_eval.utils.pytorch.coco_dataset": "torchvision",
    "meanap.compat.mmengine": "mmengine",
    "meanap.compat.torchmetrics": "torchmetrics.detection",
}


@pytest.fixture(scope="module")
def site(repository):
    """The module that adds the API reference to the site."""
    spec = importlib.util.spec_from_file_location("site_pages", repository / "docs" / "site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_is_in_the_reference(site):
    listed = [module for _, modules in site.REFERENCE.values() for module in modules]
    assert len(set(listed)) == len(listed)
    documented = set()
    for module in listed:
        names = site.public_names(module)
        assert names, module
        if module not in NEEDY:
            there = importlib.import_module(module)
            assert names == list(there.__all__), module
            for name in names:
                with contextlib.suppress(ImportError):  # A name may need another package.
                    documented.add(id(getattr(there, name)))
    packages = [name for name in ["meanap", *modules()] if "_" not in {part[0] for part in name.split(".")}]
    offered = [name for name in packages if name.count(".") < 2 or name.rpartition(".")[0] == "meanap.compat"]
    for module in offered:
        if module not in listed and module not in NEEDY:
            there = importlib.import_module(module)
            for name in getattr(there, "__all__", ()):
                value = getattr(there, name)
                # A module that is offered as a name has names of its own.
                names = getattr(value, "__all__", ()) if inspect.ismodule(value) else ()
                held = [value, *(getattr(value, inner) for inner in names)]
                assert {id(one) for one in held} & documented, f"{module}.{name}"


def test_pages_of_the_site_are_in_its_navigation(repository, site):
    navigation = re.findall(
        r"^ +- .*: (\S+\.md)$", (repository / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(navigation) == sorted({*(page.removeprefix("docs/") for page in PAGES[1:]), *site.PAGES})


def test_site_builds_without_a_warning(repository, tmp_path):
    for module in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(module, reason="the documentation's site: pip install 'meanap[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "reference" / "meanap.html").is_file()


def modules():
    return [info.name for info in pkgutil.walk_packages(meanap.__path__, "meanap.") if "__main__" not in info.name]


@pytest.mark.parametrize("name", ["meanap", *modules()])
def test_docstring_examples_hold(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    if name in NEEDY:
        pytest.importorskip(NEEDY[name], reason="the package that this module is for")
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
