"""Wherever two models or two tools are compared: candidate minus baseline, and "better" refers to the candidate."""

import html
import json
import re

import numpy as np
import pytest

import meanap
from meanap import generate, ranking, report
from meanap.cli import main
from meanap.statistics import verdict


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Ground truth, detections that are clearly worse, and detections that are clearly better."""
    folder = tmp_path_factory.mktemp("direction")
    truth, new = generate.write_files(folder, images=40, seed=7)["bbox"]
    records = json.loads(new.read_text())
    old = folder / "old.json"
    old.write_text(json.dumps([record for i, record in enumerate(records) if i % 3]))
    return truth, old, new.rename(folder / "new.json")


@pytest.fixture(scope="module")
def results(files):
    truth, old, new = files
    return meanap.evaluate(truth, old), meanap.evaluate(truth, new)


#: In which order the two are given, and the verdict on the candidate.
ORDERS = pytest.mark.parametrize("order, word, sign", [((0, 1), "better", 1), ((1, 0), "worse", -1)])


def signs(texts):
    """The signs of the numbers that have one."""
    return {1 if text[0] == "+" else -1 for text in texts}


@ORDERS
def test_compare(results, order, word, sign):
    baseline, candidate = (results[i] for i in order)
    found = meanap.compare(baseline, candidate, resamples=60)
    row = found[0]
    assert (row["baseline"], row["candidate"]) == (baseline.ap, candidate.ap)
    assert np.sign(row["difference"]) == np.sign(row["low"]) == np.sign(row["high"]) == sign
    assert row["difference"] == row["candidate"] - row["baseline"]
    assert row["better"] is (sign > 0)
    assert found.per_class["difference"].tolist() == pytest.approx(
        (found.per_class["candidate"] - found.per_class["baseline"]).tolist(), nan_ok=True
    )
    shown = found._repr_html_()
    assert f"candidate is {word}" in shown and f"candidate is {'worse' if sign > 0 else 'better'}" not in shown
    by_name = meanap.compare(candidate=candidate, baseline=baseline, resamples=60)
    assert by_name["difference"].tolist() == found["difference"].tolist()


@ORDERS
def test_the_command_that_compares(files, results, order, word, sign, tmp_path, capsys):
    truth, paths = files[0], [files[1 + i] for i in order]
    out = tmp_path / "out.json"
    code = main(["compare", str(truth), *map(str, paths), "--resamples", "60", "--per-class", "--json", str(out)])
    told, lines = json.loads(out.read_text()), capsys.readouterr().out.splitlines()
    assert code == (0 if sign > 0 else 3) and told["verdict"] == word and told["passed"] is (sign > 0)
    assert lines[0].split() == ["baseline", "candidate", "difference", "low", "high", "p"]
    first = lines[1].split()
    assert first[1:3] == [f"{results[i].ap:.4f}" for i in order] and signs(first[3:6]) == {sign}
    assert f"{paths[1].name} is {word} than {paths[0].name}: ap " in lines[-1]
    assert signs(re.findall(r"[+-]\d\.\d+", lines[-1])) == {sign}
    row = told["numbers"][0]
    assert np.sign(row["difference"]) == sign and row["better"] is (sign > 0)
    assert row["difference"] == row["candidate"] - row["baseline"]


@ORDERS
def test_the_gate(files, order, word, sign, tmp_path, capsys):
    truth, (baseline, candidate) = files[0], [files[1 + i] for i in order]
    kept, out = tmp_path / "kept.json", tmp_path / "out.json"
    few = ["--resamples", "60", "--quiet"]
    assert main(["eval", str(truth), str(baseline), "--json", str(kept), "--intervals", *few]) == 0
    for against in (baseline, kept):
        command = ["eval", str(truth), str(candidate), "--fail-if-worse-than", str(against), "--json", str(out), *few]
        assert main(command) == (0 if sign > 0 else 3)
        line = capsys.readouterr().out.splitlines()[-1]
        assert line.startswith("PASS" if sign > 0 else "FAIL") and line.endswith(f": {word}")
        assert signs(re.findall(r"[+-]\d\.\d+", line)) == {sign}
        [rule] = json.loads(out.read_text())["gate"]["rules"]
        assert rule["verdict"] == word and np.sign(rule["difference"]) == sign
        assert rule["difference"] == pytest.approx(rule["value"] - rule["baseline"], abs=1e-6)


@ORDERS
@pytest.mark.parametrize("by_command", [False, True])
def test_the_report(files, results, order, word, sign, by_command, tmp_path):
    truth, (baseline, candidate) = files[0], [files[1 + i] for i in order]
    path = tmp_path / "report.html"
    if by_command:
        command = ["report", str(truth), str(candidate), "--versus", str(baseline), "-o", str(path)]
        assert main([*command, "--resamples", "40", "--worst", "0", "--no-check"]) in (0, None)
    else:
        report.write(path, truth, candidate, versus=baseline, resamples=40, worst=0, check=False)
    page = path.read_text(encoding="utf-8")
    lead = plain(re.search(r"<p class=lead>(.*?)</p>", page, re.DOTALL)[1])
    first, second = (results[i].ap for i in order)
    assert lead.startswith(f"AP {second:.3f}") and f", {baseline.name} {first:.3f}: {second - first:+.3f} [" in lead
    assert re.search(r": [+-]\S+ \[\S+ \S+\], . (\w+)", lead)[1] == word
    assert signs(re.findall(r"[+-]\d\.\d+", lead)) == {sign}
    summary = re.search(r"<caption>Numbers</caption>.*?</table>", page, re.DOTALL)[0]
    row = [plain(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", summary.split("<tr>")[2], re.DOTALL)]
    assert row[1] == f"{second:.3f}" and row[4] == f"{first:.3f}" and signs([row[5]]) == {sign}
    assert row[6].endswith(word)
    classes = re.search(r'<table id="class-table".*?</table>', page, re.DOTALL)[0]
    marked = re.findall(r"([+-]\d\.\d+)</td><td[^>]*><span class=(better|worse)>", classes)
    assert marked and all((value[0] == "+") == (mark == "better") for value, mark in marked)
    assert sum(mark == word for _, mark in marked) > len(marked) / 2
    assert f"<dt>baseline</dt><dd>{baseline.name}</dd>" in page
    assert f"Differences are {candidate.name} minus the baseline {baseline.name}" in page


def plain(text):
    return html.unescape(re.sub(r"<[^>]*>", "", text))


@ORDERS
def test_the_plot(results, order, word, sign):
    plot = pytest.importorskip("matplotlib") and meanap.plot
    baseline, candidate = (("old.json", "new.json")[i] for i in order)
    found = meanap.compare(*(results[i] for i in order), ["ap", "ap50"], resamples=40)
    for per_class in (False, True):
        ax = plot.comparison(found, per_class=per_class)
        points = [line for line in ax.lines if line.get_marker() == "o"]
        rows = found.per_class if per_class else found
        assert sorted(point.get_xdata()[0] for point in points) == sorted(
            value for value in rows["difference"].tolist() if not np.isnan(value)
        )
        assert ax.get_xlabel() == f"← {baseline} better | {candidate} better →"
        assert ax.get_title() == f"{candidate} against {baseline}"
    ends = [line.get_xdata()[0] for line in plot.comparison(found).lines if line.get_marker() == "o"]
    assert {np.sign(end) for end in ends} == {sign}
    ax = plot.comparison(found, names=("old", "new"))
    assert ax.get_xlabel() == "← old better | new better →" and ax.get_title() == "new against old"


@ORDERS
def test_why_two_tools_differ(files, order, word, sign):
    truth, _, new = files
    sides = [({"thresholds": [0.9]}, {"thresholds": [0.5]})[i] for i in order]
    found = meanap.explain_difference(truth, new, *sides)
    assert found.difference == found.candidate - found.baseline and np.sign(found.difference) == sign
    assert np.sign(found["change"]).tolist() == [sign]
    assert [found["baseline"][0], found["candidate"][0]] == [f"{side['thresholds'][0]:g}" for side in sides]
    assert repr(found).splitlines()[0].endswith(f", {found.difference:+.4f}")
    by_name = meanap.explain_difference(truth, new, candidate=sides[1], baseline=sides[0])
    assert by_name.difference == found.difference
    plot = pytest.importorskip("matplotlib") and meanap.plot
    assert plot.difference(found).get_title() == f"From options to options: {found.difference:+.4f}"


@ORDERS
def test_why_two_rankings_differ(order, word, sign):
    qrels, run = {"q": {"a": 1, "b": 1, "c": 1}}, {"q": {"a": 0.9, "d": 0.5}}
    sides = [("trec_eval", "torchmetrics")[i] for i in order]
    found = ranking.explain_difference(qrels, run, *sides, "map@2")
    assert found.difference == found.candidate - found.baseline and np.sign(found.difference) == sign
    assert set(np.sign(found["change"])) <= {0.0, sign}
    by_name = ranking.explain_difference(qrels, run, candidate=sides[1], baseline=sides[0], measure="map@2")
    assert by_name.to_dict() == found.to_dict()


def test_words_at_the_edge():
    assert verdict(0.0, 0.1) == verdict(-0.1, 0.0) == verdict(float("nan"), float("nan")) == "no different"
    assert verdict(1e-9, 0.1) == "better" and verdict(-0.1, -1e-9) == "worse"
    assert verdict(-0.1, -0.005, 0.005) == "no different" and verdict(-0.1, -0.0051, 0.005) == "worse"
