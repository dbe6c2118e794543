"""`meanap rank`: the numbers of `evaluate`, several runs, errors in one line."""

import json

import pytest

from meanap.cli import main
from meanap.ranking import evaluate, rbo
from tests.ranking_data import draw, write_trec


@pytest.fixture
def files(tmp_path):
    qrels, run = draw(1, ties=20)
    paths = [write_trec(tmp_path / "judged", qrels, run=False)]
    for i in (1, 2):
        changed = {q: {d: s * i % 7 for d, s in scores.items()} for q, scores in run.items()}
        paths.append(write_trec(tmp_path / f"run{i}", changed, run=True))
    return [str(path) for path in paths]


def test_means(files, capsys):
    assert main(["rank", *files[:2], "-m", "map", "-m", "ndcg@10"]) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = evaluate(files[0], files[1], ["map", "ndcg@10"])
    assert lines[0].split() == ["run", "queries", "map", "ndcg@10"]
    assert lines[1].split() == ["run1", "60", *(f"{mean:.4f}" for mean in expected.means.values())]


def test_several_runs_and_json(files, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert main(["rank", *files, "--json", str(out), "--per-query", "--set", "ties=expected"]) == 0
    text = capsys.readouterr().out
    assert "p=" in text or "p<" in text
    written = json.loads(out.read_text())
    for name, path in (("run1", files[1]), ("run2", files[2])):
        expected = evaluate(files[0], path, "map", ties="expected")
        assert written[name]["means"] == expected.means
        assert written[name]["queries"] == expected.to_dict()
    assert set(written["run2"]["p_values"]) == {"map"} and written["run1"]["p_values"] == {}
    # Candidate minus baseline, of which the baseline is the first.
    gain = written["run2"]["means"]["map"] - written["run1"]["means"]["map"]
    assert written["run2"]["differences"] == {"map": pytest.approx(gain)} and written["run1"]["differences"] == {}
    assert f"{gain:+.4f}" in text and gain != 0


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["-m", "ndgc"], 2, 'did you mean "ndcg"'),
        (["--protocol", "trec"], 2, "unknown preset 'trec'"),
        (["--set", "ties"], 2, "expected NAME=VALUE"),
        (["--set", "relevance_level=x"], 2, "expected a whole number"),
        (["--set", "tie=stable"], 2, "did you mean 'ties'"),
        (["-m", "map", "-m", "AP"], 2, "a measure is named twice"),
        (["-m", "map@5", "--set", "ties=grouped"], 2, "map@5 is not defined with ties"),
        (["-m", "err"], 2, "err needs a cut-off"),
        (["--set", "ties=none"], 2, "ties"),
        (["--set", "relevance_level=0"], 2, "relevance_level: expected a whole number of at least 1, found 0"),
    ],
)
def test_errors_that_are_no_files_fault(files, capsys, arguments, code, part):
    assert main(["rank", *files[:2], *arguments]) == code
    error = capsys.readouterr().err
    assert part in error and error.count("\n") == 1
    # No file is blamed, nor is one read.
    assert not any(file in error for file in files)
    assert main(["rank", "none", "none", *arguments]) == code
    assert capsys.readouterr().err == error


def test_a_negative_grade_is_the_qrels_fault(files, tmp_path, capsys):
    qrels = tmp_path / "judgements"
    qrels.write_text("1 0 d1 -1\n")
    assert main(["rank", str(qrels), files[1], "--protocol", "sklearn"]) == 1
    error = capsys.readouterr().err
    assert "judgements: the qrels have a negative grade" in error and "run1" not in error


def test_a_malformed_line_is_named(files, tmp_path, capsys):
    bad = tmp_path / "bad"
    bad.write_text("q1 Q0 d1\n")
    assert main(["rank", files[0], str(bad)]) == 1
    assert "bad: line 1 has 3 fields" in capsys.readouterr().err
    assert main(["rank", files[0], str(tmp_path / "none")]) == 1
    assert main(["rank", files[0], files[1], files[1]]) == 2


def test_json_to_standard_output(files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["rank", *files, "--json", "-"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"run1", "run2"}
    assert not (tmp_path / "-").exists()


def test_names_reach_the_terminal_without_control_characters(tmp_path, capsys):
    judged, run = tmp_path / "judged", tmp_path / "run\x1b[2J"
    judged.write_text("q\x1b[31m 0 d 1\nother 0 d 1\n")
    run.write_text("q\x1b[31m Q0 d 1 1 t\n")
    assert main(["rank", str(judged), str(run), "--per-query"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "q\\x1b[31m" in printed and "run\\x1b[2J" in printed


def test_overlaps_with_a_run(files, tmp_path, capsys):
    """`-m rbo` takes a run in the place of judgements."""
    first, second = files[1:]
    for measure, p in (("rbo", 0.9), ("rbo(p=0.5)", 0.5)):
        expected, same = rbo(first, second, p), rbo(first, first, p)
        out = tmp_path / "out.json"
        assert main(["rank", first, second, first, "-m", measure, "--json", str(out)]) == 0
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        name = f"rbo(p={p})"
        assert lines == [
            ["run", "queries", name],
            ["run2", "60", f"{expected.mean(name):.4f}"],
            ["run1", "60", f"{same.mean(name):.4f}"],
        ]
        written = json.loads(out.read_text())["run2"]
        assert written["means"] == {name: expected.mean(name)} and len(written["queries"]) == 60
    some = tmp_path / "some"
    some.write_text("1 Q0 d1 1 0.5 x\nelsewhere Q0 d1 1 0.5 x\n")
    more = tmp_path / "more"
    more.write_text("1 Q0 d1 1 0.5 x\n")
    assert main(["rank", str(some), str(more), "-m", "rbo"]) == 0
    assert "more: 1 queries are in the first run alone" in capsys.readouterr().out
    assert main(["rank", str(more), str(some), "-m", "rbo"]) == 0
    assert "some: 1 queries are not in the first run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-m", "rbo(p=2)"], "-m rbo(p=2): expected p between 0 and 1, as rbo(p=0.9)"),
        (["-m", "rbo(p=x)"], "-m rbo(p=x): expected p between 0 and 1, as rbo(p=0.9)"),
        (["-m", "rbo", "-m", "map"], "-m rbo: rank-biased overlap needs no judgements and is measured alone"),
        (["-m", "map", "-m", "rbo"], "-m rbo: rank-biased overlap needs no judgements and is measured alone"),
        (["-m", "rbo", "--protocol", "ranx"], "--protocol: not of rank-biased overlap"),
    ],
)
def test_options_that_do_not_go_with_overlaps(files, options, message, capsys):
    assert main(["rank", *files[1:], *options]) == 2
    assert message in capsys.readouterr().err


def test_overlaps_name_the_file_that_cannot_be_read(files, tmp_path, capsys):
    broken = tmp_path / "broken"
    broken.write_text("q0 Q0 d1 1 0.5 x\nq0 Q0 d1 2 high x\n")
    for sides in ([files[1], str(broken)], [str(broken), files[1]]):
        assert main(["rank", *sides, "-m", "rbo"]) == 1
        assert str(broken) in capsys.readouterr().err
    assert main(["rank", files[1], str(tmp_path / "gone"), "-m", "rbo"]) == 1
    assert str(tmp_path / "gone") in capsys.readouterr().err


def test_settings_of_another_type(tmp_path, capsys):
    path = tmp_path / "lines"
    path.write_text("q 0 a 1\n")
    for text in ("judged_only=yes", "judged-only=1"):
        assert main(["rank", str(path), str(path), "--set", text]) == 2
        assert "judged_only is '" in (found := capsys.readouterr().err) and "expected True or False" in found
    run = tmp_path / "run"
    run.write_text("q Q0 a 1 1.0 tag\n")
    assert main(["rank", str(path), str(run), "--set", "relevance-level=2"]) == 0
