"""Judgements and runs of each format and kind at each entry: one answer."""

import json
import os
import warnings

import pytest

from meanap.cli import main
from meanap.ranking import RelevanceEvaluator, compare, evaluate, explain_difference, tie_range
from tests.ranking_data import draw
from tests.test_ranking_readers import FORMATS, RANKED, _csv

QRELS, RUN = draw(31, ties=200, unjudged=0.1)
MEASURES = ["map", "ndcg@10", "rr", "p@5", "bpref"]


def through_evaluate(qrels, run, **how):
    return evaluate(qrels, run, MEASURES, **how).means


def through_the_evaluator(qrels, run, **how):
    return RelevanceEvaluator(qrels, MEASURES, **how).measure(run).means


def through_comparison(qrels, run, **how):
    result = evaluate(qrels, run, MEASURES, **how)
    table = compare(result, evaluate(qrels, run, MEASURES, **how), resamples=9)
    assert set(table["difference"]) == {0}
    return dict(zip(table["number"], table["baseline"].tolist(), strict=True))


def through_the_range_of_ties(qrels, run, **how):
    ranges = tie_range(qrels, run, MEASURES, **how)
    assert all(ranges.least.means[name] <= ranges.greatest.means[name] for name in MEASURES if name != "bpref")
    return through_evaluate(qrels, run, **how)


def through_the_explanation(qrels, run, **how):
    found = {name: explain_difference(qrels, run, "trec_eval", "trec_eval", name, **how).baseline for name in MEASURES}
    return found


def through_the_command(qrels, run, columns=None, format=None):
    options = [part for what, name in (columns or {}).items() for part in ("--column", f"{what}={name}")]
    options += ["--format", format] if format else []
    names = [part for name in MEASURES for part in ("-m", name)]
    out = f"{os.fspath(run)}.json"
    assert main(["rank", os.fspath(qrels), os.fspath(run), *names, *options, "--quiet", "--json", out]) == 0
    with open(out) as file:
        (only,) = json.load(file).values()
    return only["means"]


ENTRIES = {
    "evaluate": through_evaluate,
    "evaluator": through_the_evaluator,
    "compare": through_comparison,
    "tie range": through_the_range_of_ties,
    "explain": through_the_explanation,
    "command": through_the_command,
}
ENDLESS = {"named tuples"}


def answers(make, **how):
    """What each entry gives for two sources that are made anew for each."""
    found = {}
    for name, entry in ENTRIES.items():
        qrels, run = make()
        if name == "command" and not (isinstance(qrels, os.PathLike) and isinstance(run, os.PathLike)):
            continue
        found[name] = dict(entry(qrels, run, **how))
    return found


def agree(make, expected, **how):
    found = answers(make, **how)
    first = found["evaluate"]
    assert {name: means for name, means in found.items() if means != first} == {}
    # Queries may come in another order, in which their values are added.
    assert first == pytest.approx(expected, rel=1e-12)
    return found


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ENDLESS])
def test_each_format_at_each_entry(tmp_path, name):
    def make():
        return FORMATS[name](tmp_path / "qrels", QRELS, False), FORMATS[name](tmp_path / "run", RUN, True)

    agree(make, dict(through_evaluate(QRELS, RUN)))


@pytest.mark.parametrize("name", RANKED)
def test_lists_without_scores_at_each_entry(tmp_path, name):
    lists = {query: sorted(side) for query, side in RUN.items()}
    ranked = {query: {d: -place for place, d in enumerate(side)} for query, side in lists.items()}
    (tmp_path / "qrels.json").write_text(json.dumps(QRELS))

    def make():
        run = RANKED[name](tmp_path / "run", lists, True) if name == "json" else RANKED[name](tmp_path / "run", lists)
        return tmp_path / "qrels.json", run

    agree(make, dict(through_evaluate(QRELS, ranked)))


@pytest.mark.parametrize("name", [name for name in RANKED if name != "csv with ranks"])
def test_feedback_without_grades_at_each_entry(tmp_path, name):
    lists = {query: [d for d, grade in side.items() if grade > 0] for query, side in QRELS.items()}
    lists = {query: side for query, side in lists.items() if side}
    (tmp_path / "run.json").write_text(json.dumps(RUN))

    def make():
        path = tmp_path / "qrels"
        return RANKED[name](path, lists, False) if name == "json" else RANKED[name](path, lists), tmp_path / "run.json"

    agree(make, dict(through_evaluate({q: dict.fromkeys(side, 1) for q, side in lists.items()}, RUN)))


def trec_with_more(path, table, run):
    lines = [
        f"{q} Q0 {d} {rank} {value} tag and more" if run else f"{q} 0 {d} {value}"
        for q, side in table.items()
        for rank, (d, value) in enumerate(side.items(), 1)
    ]
    path.write_text("\n".join(lines))
    return path


def test_what_follows_the_tag_is_passed_over_at_each_entry(tmp_path):
    agree(
        lambda: (trec_with_more(tmp_path / "qrels", QRELS, False), trec_with_more(tmp_path / "run", RUN, True)),
        dict(through_evaluate(QRELS, RUN)),
    )


LATIN = {
    "trec": (b"caf\xe9 0 d1 1\ncaf\xe9 0 d2 0\n", b"caf\xe9 Q0 d2 1 0.9 t\ncaf\xe9 Q0 d1 2 0.5 t\n"),
    "tsv": (
        b"query-id\tcorpus-id\tscore\ncaf\xe9\td1\t1\ncaf\xe9\td2\t0\n",
        b"query-id\tcorpus-id\tscore\ncaf\xe9\td2\t0.9\ncaf\xe9\td1\t0.5\n",
    ),
    "csv": (b"user,item,grade\ncaf\xe9,d1,1\ncaf\xe9,d2,0\n", b"user,item,score\ncaf\xe9,d2,0.9\ncaf\xe9,d1,0.5\n"),
    "csv without scores": (b"user,item\ncaf\xe9,d1\n", b"user,item\ncaf\xe9,d2\ncaf\xe9,d1\n"),
}


@pytest.mark.parametrize("name", LATIN)
@pytest.mark.parametrize("entry", ENTRIES)
def test_latin_1_is_read_and_told_at_each_entry(tmp_path, capsys, name, entry):
    paths = tmp_path / "qrels", tmp_path / "run"
    for path, data in zip(paths, LATIN[name], strict=True):
        path.write_bytes(data)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        means = dict(ENTRIES[entry](*paths))
    assert means["rr"] == 0.5
    texts = " ".join([*(str(w.message) for w in told), capsys.readouterr().err])
    assert "qrels: line" in texts and "run: line" in texts and "is not UTF-8" in texts


COLUMNS = {"query": "who", "document": "what", "grade": "stars", "score": "bm25"}


def jsonl(path, header, rows):
    names = header.split(",")
    path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows))
    return path


def parquet(path, header, rows):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.DataFrame(rows, columns=header.split(",")).to_parquet(path)
    return path


def frame(path, header, rows):
    return pytest.importorskip("pandas").DataFrame(rows, columns=header.split(","))


@pytest.mark.parametrize("make", [_csv, jsonl, parquet, frame])
def test_columns_are_named_at_each_entry(tmp_path, make):
    def sources():
        return (
            make(
                tmp_path / "qrels", "who,what,stars,note", [("u", "a", 2, "x"), ("u", "b", 0, "y"), ("v", "a", 1, "z")]
            ),
            make(
                tmp_path / "run",
                "who,what,bm25,note",
                [("u", "b", 0.9, "x"), ("u", "a", 0.4, "x"), ("v", "a", 0.1, "")],
            ),
        )

    expected = through_evaluate({"u": {"a": 2, "b": 0}, "v": {"a": 1}}, {"u": {"b": 0.9, "a": 0.4}, "v": {"a": 0.1}})
    found = agree(sources, dict(expected), columns=COLUMNS)
    assert len(found) == (5 if make is frame else 6)


def test_the_format_is_named_at_each_entry(tmp_path):
    # The first line has names of columns as far as one can see.
    (tmp_path / "qrels").write_text("query 0 document 1\n")
    (tmp_path / "run").write_text("query Q0 document 1 0.5 tag\n")
    found = answers(lambda: (tmp_path / "qrels", tmp_path / "run"), format="trec")
    assert len(found) == len(ENTRIES) and all(means["rr"] == 1 for means in found.values())
