"""The workflows of `.github/` run targets of the Makefile, and versions and targets agree."""

import re
import subprocess
import sys

import pytest

import meanap

WORKFLOWS = ("ci", "docs", "nightly", "release", "wheels")


@pytest.fixture(scope="module")
def targets(repository):
    text = (repository / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w-]+):", text, re.MULTILINE))


def text_of(repository, name):
    return (repository / f".github/workflows/{name}.yml").read_text(encoding="utf-8")


def test_every_workflow_is_covered(repository):
    assert {path.stem for path in (repository / ".github/workflows").iterdir()} == set(WORKFLOWS)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_each_step_is_a_pinned_action_or_a_target(repository, targets, name):
    text = text_of(repository, name)
    actions = re.findall(r"^ +(?:- )?uses: (\S+)", text, re.MULTILINE)
    runs = re.findall(r"^ +(?:- )?run: (.*)$", text, re.MULTILINE)
    assert (
        actions and len(re.findall(r"\buses:", text)) == len(actions) and len(re.findall(r"\brun:", text)) == len(runs)
    )
    assert [use for use in actions if not re.search(r"@[0-9a-f]{40}$|^\$/\.github/workflows/\w+\.yml$", use)] == []
    variables = {
        "$WHEEL_TEST": re.findall(r"\btest: ([\w-]+)", text),
        "$NIGHTLY_TARGET": re.search(r"target: \[(.*)\]", text)[1].split(", ") if name == "nightly" else [],
    }
    called = []
    for run in runs:
        target = re.fullmatch(r'make "?([\w$-]+)"?(?: \w+=\S+)*', run)
        assert target, run
        called += variables.get(target[1], [target[1]])
    assert called or name == "release"
    assert set(called) <= targets


def test_one_version_of_each_action(repository):
    text = "".join(text_of(repository, name) for name in WORKFLOWS)
    pins = set(re.findall(r"uses: (\S+)@([0-9a-f]{40}) # (v[\d.]+)", text))
    assert len({action for action, _, _ in pins}) == len(pins)


def test_each_target_is_listed_and_no_other(repository, targets):
    text = (repository / "Makefile").read_text(encoding="utf-8")
    listed = set(re.findall(r"^#   make ([\w-]+)", text, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: ((?:.*\\\n)*.*)", text, re.MULTILINE)[1].replace("\\\n", " ").split())
    assert phony == targets
    # What only the release workflow runs.
    assert targets - listed == {"github-release"} and listed <= targets


def test_versions_agree(repository):
    def metadata(*arguments):
        command = [sys.executable, repository / ".ci/release_metadata.py", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    done = metadata()
    assert done.returncode == 0 and done.stdout.startswith(f"version {meanap.__version__} of 20"), done
    assert metadata("--notes").stdout.startswith("### Added\n")
    other = metadata("--tag", "v99.0")
    assert other.returncode == 1 and f"the tag has v99.0, expected v{meanap.__version__}" in other.stderr


def test_the_matrix_covers_every_supported_python(repository):
    sys.path.insert(0, str(repository / ".ci"))
    try:
        import matrix
    finally:
        sys.path.pop(0)
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    supported = [".".join(map(str, version)) for version in matrix.SUPPORTED]
    assert re.search(r'requires-python = ">=([\d.]+)"', text)[1] == supported[0]
    assert re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text) == supported
    oldest = re.search(r'dependencies = \["numpy>=([\d.]+)"\]', text)[1]
    assert matrix.OLDEST_NUMPY[matrix.SUPPORTED[0]] == f"{oldest}.*"
    assert set(matrix.OLDEST_NUMPY) == set(matrix.SUPPORTED)
    assert (
        re.findall(r'\{python: "(3\.\d+)", numpy: \w+, suite: \w+, os: ubuntu-24.04\}', text_of(repository, "ci"))
        == supported
    )
    assert sys.version_info[:2] in matrix.SUPPORTED and matrix.asked_version(sys.executable) == sys.version_info[:2]
    for name in matrix.SMOKE:
        assert (repository / f"tests/{name}.py").is_file()
    assert "pycocotools==2.0.11" in matrix.requirements()
