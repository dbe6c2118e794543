"""The comparison's own judgement: what counts as the same answer, and what the table then says."""

import json
import subprocess
import sys

import numpy as np
import pytest
from thorough import some


@pytest.fixture(scope="module")
def benches(repository):
    sys.path.insert(0, str(repository / "benches"))
    yield
    sys.path.remove(str(repository / "benches"))


def test_registry_holds_the_promised_workloads(benches):
    from sizes import SIZES
    from workloads import registry

    found = registry()
    expected = "val-bbox val-bbox-dicts val-bbox-array val-segm val-keypoints detr-bbox".split()
    assert set(expected) <= set(found)
    for name in expected:
        assert list(found[name].entrants)[0] == "meanap" and found[name].reference == "pycocotools"
        assert found[name].data in SIZES


def test_sizes_keep_their_density_with_fewer_images(benches, tmp_path):
    from sizes import SIZES, write_files

    for name, size in SIZES.items():
        truth_path, found_path = write_files(tmp_path, name, images=10)
        truth, found = json.loads(truth_path.read_text()), json.loads(found_path.read_text())
        assert len(truth["images"]) == 10 and len(truth["annotations"]) == round(10 * size.objects)
        assert len(found) == round(10 * size.per_image)
    with pytest.raises(ValueError, match="no size 'val-boxes'; there are val-bbox"):
        write_files(tmp_path, "val-boxes")


def test_a_last_bit_is_a_difference(benches):
    from compare import difference
    from measure import canonical

    expected = {"stats": canonical([0.1, 0.2]), "precision": canonical(np.zeros(5000))}
    assert difference({"stats": canonical([0.1, 0.2])}, expected) is None
    assert difference({"stats": canonical([0.1, np.nextafter(0.2, 1)])}, expected) == pytest.approx(2.8e-17, rel=0.1)
    assert difference({"stats": canonical([0.1, float("nan")])}, expected) == float("inf")
    assert difference({**expected, "precision": canonical(np.full(5000, -0.0))}, expected) == "precision"
    assert difference({"stats": canonical([0.1])}, expected) == "stats"
    assert difference(expected, None) == "no reference"


def test_what_makes_the_comparison_fail(benches):
    from compare import _fails
    from report import Outcome

    def outcome(tool, **found):
        return Outcome("val-bbox", "boxes", tool, **found)

    assert not _fails(outcome("meanap"), False)
    assert _fails(outcome("meanap", difference=1e-17), True)
    assert _fails(outcome("meanap", difference="precision"), True)
    assert _fails(outcome("meanap", error="gave up"), True)
    assert not _fails(outcome("rival", difference=1e-16), False)
    assert _fails(outcome("rival", difference=1e-3), False)
    assert not _fails(outcome("rival", difference=1e-3), True)
    assert not _fails(outcome("rival", error="not installed"), False)


def test_table_has_ratios_marks_and_notes(benches):
    from report import Outcome, markdown

    outcomes = [
        Outcome("val-bbox", "boxes", "meanap", seconds=0.5, peak=1e8, rounds=3),
        Outcome("val-bbox", "boxes", "rival", seconds=2.0, peak=2e8, rounds=3, difference=1e-16),
        Outcome("val-bbox", "boxes", "other", error="ValueError: no"),
    ]
    text = markdown(outcomes)
    assert "| `val-bbox`: boxes | **0.50 s, 100 MB** | 2.00 s (4.0x), 200 MB ≠ | failed |" in text
    assert "- ≠ `val-bbox`, rival: `stats` off by 1.0e-16" in text
    assert "- `val-bbox`, other: ValueError: no" in text


def test_table_says_what_was_compared(benches):
    from report import Outcome, markdown

    files = Outcome("val-bbox", "boxes", "meanap", seconds=0.5, peak=1e8, rounds=3)
    arrays = Outcome("rank-arrays", "MAP", "meanap", seconds=0.5, peak=1e8, rounds=3, beside=True, digits=12)
    assert "from opening the files" in markdown([files, arrays]) and "bit by bit" in markdown([files])
    text = markdown([arrays])
    assert "in memory already" in text and "opening" not in text and "to 12 decimals" in text


def test_table_goes_between_the_markers(benches, tmp_path):
    from report import markers, write_between_markers

    page = tmp_path / "README.md"
    begin, end = markers("pixels")
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n", encoding="utf-8")
    write_between_markers(page, "new\n", "pixels")
    assert page.read_text(encoding="utf-8") == f"before\n{begin}\nnew\n{end}\nafter\n"
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(ValueError, match="README.md"):
        write_between_markers(page, "new\n")


def test_page_has_the_markers(repository, benches):
    from report import markers
    from workloads import registry

    text = (repository / "docs" / "speed.md").read_text(encoding="utf-8")
    tables = {workload.table for workload in registry().values()}
    assert tables >= {"bench", "pixels"}
    for name in tables:
        begin, end = markers(name)
        assert 0 < text.index(begin) < text.index(end)


@pytest.mark.parametrize(
    "name", some(["val-bbox", "val-bbox-array", "val-bbox-dicts", "val-segm", "val-keypoints"], every=3)
)
def test_meanap_and_the_reference_agree_from_end_to_end(repository, benches, tmp_path, name):
    pytest.importorskip("pycocotools")
    from sizes import write_files

    data = {"val-bbox-array": "val-bbox", "val-bbox-dicts": "val-bbox"}.get(name, name)
    write_files(tmp_path / data, data, images=20)
    (tmp_path / data / "made").touch()
    command = [sys.executable, "benches/compare.py", name, "--tools", "meanap,pycocotools", "--rounds", "1"]
    done = subprocess.run(
        [*command, "--data", str(tmp_path)], cwd=repository, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "≠" not in done.stdout.split("\n\n")[0]
    kept = json.loads((tmp_path / data / "expected" / f"{name}.json").read_text())
    assert len(kept["answer"]["stats"]) == (10 if name == "val-keypoints" else 12)


def test_the_cost_over_a_cluster_is_measured(repository):
    """Really done for one shard, whose number one process confirms; simulated for two."""
    pytest.importorskip("pyarrow")
    script = [sys.executable, str(repository / "benches" / "scale.py"), "--real", "1e5", "--detections", "1e5", "2e5"]
    done = subprocess.run(script, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()]
    assert [row[:4] for row in rows[2:]] == [["100,000", "1", "80", "done"], ["200,000", "2", "80", "1 shards done"]]
    for row in rows[2:]:
        assert float(row[4]) > 0 and float(row[6]) > 0 and all(row[i].endswith(" MB") for i in (5, 7, 8))


def test_more_instructions_than_before_are_reported(benches, capsys):
    from floor import compare

    before = {"a: read": 50_000_000, "a: match": -500}
    assert compare({"a: read": 52_000_000, "a: match": 9_000}, before) == 0
    assert compare({"a: read": 53_000_000, "a: match": 0}, before) == 1
    assert compare({"b: new": 1}, before) == 0
    assert "53,000,000    1.060" in capsys.readouterr().out


def test_growth_has_a_row_for_each_size(repository, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- growth:start -->\n<!-- growth:end -->\n")
    script = [sys.executable, str(repository / "benches" / "growth.py"), "val-bbox", "--parts", "500", "250"]
    script += ["--threads", "1", "2", "--rounds", "1", "--data", str(tmp_path), "--page", str(page)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout in page.read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()]
    assert [row[:3] for row in rows[2:]] == [["`val-bbox`", "10", "80"], ["`val-bbox`", "20", "80"]]
    for row in rows[2:]:
        assert all(float(cell.replace(",", "")) > 0 for cell in row[3:-1])
    script[2] = "nothing"
    assert subprocess.run(script, capture_output=True, timeout=60).returncode == 2
