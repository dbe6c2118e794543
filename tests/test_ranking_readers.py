"""Judgements and runs in every format: the numbers of pytrec_eval, the same faults told alike, and names of columns."""

import collections
import gzip
import json
import math

import numpy as np
import pytest

from meanap.cli import main
from meanap.errors import InputError
from meanap.ranking import compare, evaluate, evaluate_diversity, explain_difference, tie_range
from meanap.ranking.readers import READERS, Options, reader_of
from tests.ranking_data import columns, draw, write_trec

MEASURES = ["map", "ndcg@10", "rr", "p@5", "recall@20", "bpref"]
#: pytrec_eval's names of the same.
THEIRS = {"map", "ndcg_cut_10", "recip_rank", "P_5", "recall_20", "bpref"}


@pytest.fixture(scope="module")
def given():
    """Judgements and answers as dictionaries, with ties, negative grades, and the values of pytrec_eval."""
    pytrec_eval = pytest.importorskip("pytrec_eval", reason="pip install pytrec-eval-terrier")
    qrels, run = draw(31, ties=200, unjudged=0.1)
    return qrels, run, pytrec_eval.RelevanceEvaluator(qrels, THEIRS).evaluate(run)


def check(result, expected):
    """Every bit of pytrec_eval's."""
    names = dict(zip(MEASURES, ["map", "ndcg_cut_10", "recip_rank", "P_5", "recall_20", "bpref"], strict=True))
    assert len(result) == len(expected) > 0
    for query, row in result.to_dict().items():
        assert {names[measure]: value for measure, value in row.items()} == expected[query]


# Each format: what makes a source of it from a dictionary of dictionaries.


def rows(table):
    return list(zip(*columns(table), strict=True))


def value_name(run):
    return "score" if run else "relevance"


def delimited(separator, names, quote=""):
    def make(path, table, run):
        lines = [separator.join((*names, value_name(run)))]
        lines += [separator.join(f"{quote}{cell}{quote}" for cell in row) for row in rows(table)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return make


def trec(path, table, run):
    return write_trec(path, table, run=run)


def trec_gzip(path, table, run):
    plain = write_trec(path.with_suffix(".plain"), table, run=run)
    path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


def json_of(shape):
    def make(path, table, run):
        path.write_text(json.dumps(shape(table, run)), encoding="utf-8")
        return path

    return make


def records(table, run):
    return [{"query_id": q, "doc_id": d, value_name(run): v} for q, d, v in rows(table)]


def json_lines(path, table, run):
    path.write_text("\n".join(map(json.dumps, records(table, run))) + "\n\n", encoding="utf-8")
    return path


def json_lines_by_query(path, table, run):
    name = "scores" if run else "relevance"
    lines = [{"qid": q, "docs": list(side), name: list(side.values())} for q, side in table.items()]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def table(library):
    def make(path, table, run):
        module = pytest.importorskip(library, reason=f"pip install {library}")
        named = dict(zip(("query", "document", value_name(run)), columns(table), strict=True))
        return module.table(named) if library == "pyarrow" else module.DataFrame(named)

    return make


def parquet(path, table, run):
    pytest.importorskip("pyarrow", reason="pip install pyarrow")
    import pyarrow as pa
    import pyarrow.parquet

    named = dict(zip(("qid", "docno", value_name(run)), columns(table), strict=True))
    pyarrow.parquet.write_table(pa.table(named), path)
    return path


def duckdb(path, table, run):
    module = pytest.importorskip("duckdb", reason="pip install duckdb")
    pytest.importorskip("pyarrow")
    import pyarrow as pa

    held = pa.table(dict(zip(("query", "document", value_name(run)), columns(table), strict=True)))  # noqa: F841
    return module.sql("select * from held")


def list_columns(path, table, run):
    polars = pytest.importorskip("polars", reason="pip install polars")
    name = "scores" if run else "relevance"
    return polars.DataFrame(
        {"query": list(table), "documents": list(map(list, table.values())),
         name: [list(side.values()) for side in table.values()]}
    )  # fmt: skip


Judged = collections.namedtuple("Judged", "query_id doc_id relevance iteration")
Scored = collections.namedtuple("Scored", "query_id doc_id score")


def named_tuples(path, table, run):
    return (Scored(*row) if run else Judged(*row, "0") for row in rows(table))


class Ranx:
    """An object that gives a dictionary, as those of ranx."""

    def __init__(self, table):
        self.table = table

    def to_dict(self):
        return self.table


FORMATS = {
    "trec": trec,
    "trec in gzip": trec_gzip,
    "beir": delimited("\t", ("query-id", "corpus-id")),
    "csv": delimited(",", ("topic", "docid"), quote='"'),
    "semicolons": delimited(";", ("qid", "docno")),
    "json": json_of(lambda table, run: table),
    "json of pairs": json_of(lambda table, run: {q: list(side.items()) for q, side in table.items()}),
    "json of records": json_of(records),
    "json lines": json_lines,
    "json lines by query": json_lines_by_query,
    "parquet": parquet,
    "pandas": table("pandas"),
    "polars": table("polars"),
    "pyarrow": table("pyarrow"),
    "duckdb": duckdb,
    "columns of lists": list_columns,
    "dictionary": lambda path, table, run: table,
    "dictionary of pairs": lambda path, table, run: {q: list(side.items()) for q, side in table.items()},
    "records": lambda path, table, run: records(table, run),
    "named tuples": named_tuples,
    "rows": lambda path, table, run: rows(table),
    "array of rows": lambda path, table, run: np.array(rows(table), dtype=object),
    "record array": lambda path, table, run: np.rec.fromrecords(rows(table), names=("qid", "docid", value_name(run))),
    "columns by name": lambda path, table, run: dict(
        zip(("query", "item", value_name(run)), columns(table), strict=True)
    ),
    "polars lazily": lambda path, table, run: globals()["table"]("polars")(path, table, run).lazy(),
    "pandas by index": lambda path, table, run: globals()["table"]("pandas")(path, table, run).set_index(
        ["query", "document"]
    ),
    "series of pairs": lambda path, table, run: pytest.importorskip("pandas").Series(
        {q: list(side.items()) for q, side in table.items()}
    ),
    "series by two levels": lambda path, table, run: globals()["table"]("pandas")(path, table, run).set_index(
        ["query", "document"]
    )[value_name(run)],
    "arrays": lambda path, table, run: tuple(map(np.array, columns(table))),
    "lists": lambda path, table, run: columns(table),
    "ranx": lambda path, table, run: Ranx(table),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_has_the_numbers_of_pytrec_eval(tmp_path, given, name):
    qrels, run, expected = given

    def source(which):
        table = run if which == "run" else qrels
        return FORMATS[name](tmp_path / which, table, which == "run")

    check(evaluate(source("qrels"), source("run"), MEASURES), expected)
    check(evaluate(qrels, source("run"), MEASURES), expected)
    check(evaluate(source("qrels"), run, MEASURES), expected)
    # The other entries read through the same readers.
    plain = explain_difference(qrels, run, "trec_eval", "ranx", "map@5")
    found = explain_difference(source("qrels"), source("run"), "trec_eval", "ranx", "map@5")
    assert found.to_dict() == plain.to_dict()
    assert [ties.means for ties in tie_range(source("qrels"), source("run"), "map")] == [
        ties.means for ties in tie_range(qrels, run, "map")
    ]
    baseline = evaluate(qrels, run)
    assert compare(baseline, evaluate(source("qrels"), source("run")), resamples=9)["difference"][0] == 0


@pytest.mark.parametrize("name", ["trec", "trec in gzip", "beir", "csv", "json", "json lines", "parquet"])
def test_each_file_on_the_command_line(tmp_path, given, capsys, name):
    qrels, run, expected = given
    paths = [
        str(FORMATS[name](tmp_path / which, table, which == "run")) for which, table in (("qrels", qrels), ("run", run))
    ]
    assert main(["rank", *paths, "-m", "map", "--per-query"]) == 0
    printed = capsys.readouterr().out
    mean = np.mean([row["map"] for row in expected.values()])
    assert f"{mean:.4f}" in printed and f"{len(expected)}" in printed


# Without scores or grades.


RANKED = {
    "dictionary of lists": lambda path, lists: lists,
    "dictionary of arrays": lambda path, lists: {q: np.array(side, dtype=object) for q, side in lists.items()},
    "series of lists": lambda path, lists: pytest.importorskip("pandas").Series(lists),
    "records of lists": lambda path, lists: [{"query": q, "ranking": side} for q, side in lists.items()],
    "two columns": lambda path, lists: tuple(zip(*((q, d) for q, side in lists.items() for d in side), strict=True)),
    "polars": lambda path, lists: pytest.importorskip("polars").DataFrame(
        {"user_id": list(lists), "items": list(lists.values())}
    ),
    "json": json_of(lambda lists, run: lists),
    "csv in the order of rank": lambda path, lists: _csv(
        path, "query,document", ((q, d) for q, side in lists.items() for d in side)
    ),
    "csv with ranks": lambda path, lists: _csv(
        path, "rank\tuser\titem",
        reversed([(rank, q, d) for q, side in lists.items() for rank, d in enumerate(side, 1)]),
    ),
}  # fmt: skip


def _csv(path, header, rows):
    separator = "\t" if "\t" in header else ","
    path.write_text("\n".join([header, *(separator.join(map(str, row)) for row in rows)]), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", RANKED)
def test_ranked_lists_without_scores_have_every_measure(tmp_path, given, name):
    qrels, run, _ = given
    run = {q: {d: -place for place, d in enumerate(sorted(side))} for q, side in run.items()}
    lists = {q: sorted(side) for q, side in run.items()}
    make = RANKED[name]
    source = make(tmp_path / "run", lists, True) if name == "json" else make(tmp_path / "run", lists)
    found, expected = evaluate(qrels, source, MEASURES), evaluate(qrels, run, MEASURES)
    assert {q: found.to_dict()[q] for q in expected.queries} == expected.to_dict()


@pytest.mark.parametrize("name", [*RANKED, "sets"])
def test_without_grades_all_that_is_listed_is_relevant(tmp_path, given, name):
    qrels, run, _ = given
    lists = {q: [d for d, grade in side.items() if grade > 0] for q, side in qrels.items()}
    lists = {q: side for q, side in lists.items() if side}
    if name == "sets":
        source = {q: set(side) for q, side in lists.items()}
    elif name == "json":
        source = RANKED[name](tmp_path / "qrels", lists, False)
    else:
        source = RANKED[name](tmp_path / "qrels", lists)
    if name == "csv with ranks":
        with pytest.raises(InputError, match="expected one for the grade"):
            evaluate(source, run)
        found = evaluate(source, run, MEASURES, columns={"grade": None})
    else:
        found = evaluate(source, run, MEASURES)
    expected = evaluate({q: dict.fromkeys(side, 1) for q, side in lists.items()}, run, MEASURES)
    assert found.to_dict() == expected.to_dict()


def test_lists_are_paired_by_their_place_as_by_mapk():
    from meanap import mapk

    actual, predicted = [["a", "b"], ["c"], ["d"], ["e"]], [["a", "x"], ["y", "c"], [], ["e", "a", "b"]]
    result = evaluate(actual, predicted, ["map@3", "ndcg"], "ml_metrics")
    assert result.queries == [0, 1, 3, 2] and result.mean("map@3") == mapk(actual, predicted, 3)
    padded = [np.array([[1, 2, -1], [3, -1, -1]]), np.array([[1, 4, 2], [5, 3, -1]])]
    assert evaluate(*padded, "map@2", "ml_metrics").mean("map@2") == mapk(*padded, 2)
    # A user without predictions counts.
    assert evaluate({"u": {"a"}, "v": {"b"}}, {"u": ["a"], "v": []}).mean("map") == 0.5


def test_latin_1_is_reported_in_files_without_scores_too(tmp_path):
    path = tmp_path / "liked.csv"
    path.write_bytes(b"user,item\nu,a\nu,caf\xe9\n")
    with pytest.warns(UserWarning, match="liked.csv: line 3: byte 0xe9 is not UTF-8"):
        assert evaluate(path, {"u": ["café"]}).mean("map") == 0.5


def test_mapk_of_files(tmp_path):
    from meanap import mapk
    from meanap.ranking import apk_values

    actual, predicted = {"u": ["a", "b"], "v": ["c"]}, {"v": ["y", "c"], "u": ["a", "x", "b"]}
    for name in ("json", "csv in the order of rank"):
        sides = []
        for side, lists in (("actual", actual), ("predicted", predicted)):
            path = tmp_path / f"{side} {name}"
            sides.append(RANKED[name](path, lists, True) if name == "json" else RANKED[name](path, lists))
        assert mapk(*sides, 3) == mapk(actual, predicted, 3)
        assert apk_values(*sides, 3).tolist() == [mapk([actual[q]], [predicted[q]], 3) for q in predicted]
        assert mapk(actual, sides[1], 3) == mapk(actual, predicted, 3)


# Names of columns.


@pytest.mark.parametrize("make", [
    lambda path, rows, names: _csv(path, "\t".join(names), rows),
    lambda path, rows, names: pytest.importorskip("polars").DataFrame(rows, schema=list(names), orient="row"),
    lambda path, rows, names: [dict(zip(names, row, strict=True)) for row in rows],
], ids=["csv", "polars", "records"])  # fmt: skip
def test_columns_are_named_by_the_user(tmp_path, capsys, make):
    judged = make(tmp_path / "q", [("u1", "b1", 3), ("u1", "b2", 0)], ("who", "what", "stars"))
    answers = make(tmp_path / "r", [("u1", "b1", 0.1), ("u1", "b2", 0.7)], ("who", "book", "bm25"))
    names = {"query": "who", "document": ["book", "what"], "grade": "stars", "score": "bm25"}
    assert evaluate(judged, answers, "rr", columns=names).mean("rr") == 0.5
    with pytest.raises(InputError, match="has the columns who, book, bm25, expected a column 'hits' for the score"):
        evaluate(judged, answers, columns={**names, "score": "hits"})
    with pytest.raises(InputError, match="columns: no column is called 'rating', expected some of 'query'"):
        evaluate(judged, answers, columns={"rating": "stars"})
    if isinstance(judged, type(tmp_path)):
        options = ["--column", "query=who", "--column", "document=book,what", "--column", "grade=stars"]
        assert main(["rank", str(judged), str(answers), "-m", "rr", *options, "--column", "score=bm25"]) == 0
        assert "0.5000" in capsys.readouterr().out


def test_what_is_no_id_is_named():
    for documents in ([("a",)], [None, "a"], [{"a": 1}], [["a", 0.5, 1]]):
        with pytest.raises(InputError, match='run: row 0: "document" is .*, expected an id, text or a whole number'):
            evaluate({"u": ["a"]}, {"u": documents})


def test_a_column_that_may_hold_the_grade_is_not_taken_for_none(tmp_path):
    for header in ("query,document,relevancy", "user,item,stars,timestamp"):
        path = _csv(tmp_path / "q.csv", header, [("u", "a", *"0" * (header.count(",") - 1))])
        with pytest.raises(InputError, match=r"expected one for the grade \(relevance, rel, grade, …\), or columns="):
            evaluate(path, {"u": ["a"]})
    assert evaluate(_csv(path, "user,item,timestamp", [("u", "a", 1)]), {"u": ["a"]}).mean("map") == 1


def test_format_overrides_what_is_recognised(tmp_path):
    # Names that are those of columns, in a file without a header.
    path = tmp_path / "q"
    path.write_text("query\t0\tdoc\t1\n", encoding="utf-8")
    with pytest.raises(InputError, match="expected one for the grade"):
        evaluate(path, {"query": ["doc"]})
    assert evaluate(path, {"query": ["doc"]}, format="trec").mean("map") == 1
    with pytest.raises(InputError, match="format: expected one of 'parquet', 'json', 'csv', 'trec', found 'tsv'"):
        evaluate(path, {"query": ["doc"]}, format="tsv")


def test_readers_are_listed_once_and_recognise_their_own(tmp_path, given):
    qrels, run, _ = given
    names = [reader.name for reader in READERS]
    assert len(set(names)) == len(names)
    for name, reader in {"trec": "trec", "beir": "csv", "json lines": "json", "parquet": "parquet", "pandas": "table",
                         "dictionary": "dict", "ranx": "dict", "records": "list"}.items():  # fmt: skip
        source = FORMATS[name](tmp_path / "file", run, True)
        assert reader_of(source, "run", Options()).name == reader


# Files that are something else.


@pytest.mark.parametrize("format", [None, "trec", "csv", "json", "parquet"])
@pytest.mark.parametrize(("data", "code", "message"), [
    (b"", "empty-file", "is an empty file"),
    (b" \n\n", "empty-file", "is nothing but white space"),
    (b"\0" * 600, "empty-file", "nothing but zero bytes"),
    (b"<!DOCTYPE html>\n<html><body>Not found</body></html>", "wrong-kind-of-file", "an HTML page"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", "wrong-kind-of-file", "a Git LFS pointer"),
    (b"PK\x03\x04rest", "wrong-kind-of-file", "a ZIP archive"),
    (b"\x1f\x8b\x08\x00broken", "wrong-kind-of-file", "not a valid gzip file"),
])  # fmt: skip
def test_what_a_file_is_that_cannot_be_read(tmp_path, capsys, format, data, code, message):
    path = tmp_path / "given"
    path.write_bytes(data)
    for sides in ((path, {"q": {"a": 1.0}}), ({"q": {"a": 1}}, path)):
        with pytest.raises(InputError, match=message) as raised:
            evaluate(*sides, format=format)
        assert raised.value.code == code and raised.value.source == str(path)
    good = tmp_path / "good"
    good.write_text("q 0 a 1\n", encoding="utf-8")
    if format is None:
        assert main(["rank", str(good), str(path)]) == 1
        assert message in capsys.readouterr().err


# The same faults in every format.


def faulty_csv(path, names, rows):
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    return _csv(path, ",".join(names), cells)


def faulty_trec(path, names, rows):
    run = "score" in names
    lines = [f"{q} Q0 {d} 1 {v} tag" if run else f"{q} 0 {d} {v}" for q, d, v in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def faulty_records(path, names, rows):
    return [{name: cell for name, cell in zip(names, row, strict=True) if cell is not None} for row in rows]


def faulty_json(path, names, rows):
    path.write_text(json.dumps(faulty_records(path, names, rows)), encoding="utf-8")
    return path


def faulty_lines(path, names, rows):
    path.write_text("\n".join(map(json.dumps, faulty_records(path, names, rows))), encoding="utf-8")
    return path


def faulty_json_by_query(path, names, rows):
    # Written by hand: a dictionary would have a document once.
    queries = list(dict.fromkeys(q for q, _, _ in rows))
    inner = {q: ", ".join(f"{json.dumps(d)}: {json.dumps(v)}" for r, d, v in rows if r == q) for q in queries}
    path.write_text("{" + ", ".join(f"{json.dumps(q)}: {{{inner[q]}}}" for q in queries) + "}", encoding="utf-8")
    return path


def faulty_dictionary(path, names, rows):
    return {q: {d: v for r, d, v in rows if r == q} for q, _, _ in rows}


def faulty_table(library):
    def make(path, names, rows):
        module = pytest.importorskip(library, reason=f"pip install {library}")
        made = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        # Tables have one type to a column.
        if any(isinstance(value, str) for value in made.get(names[-1], ())):
            made[names[-1]] = [value if value is None else str(value) for value in made[names[-1]]]
        elif any(isinstance(value, float) for value in made.get(names[-1], ())):
            made[names[-1]] = list(map(float, made[names[-1]]))
        return module.table(made) if library == "pyarrow" else module.DataFrame(made)

    return make


def faulty_parquet(path, names, rows):
    pytest.importorskip("pyarrow", reason="pip install pyarrow")
    import pyarrow.parquet

    pyarrow.parquet.write_table(faulty_table("pyarrow")(path, names, rows), path)
    return path


def faulty_arrays(path, names, rows):
    return tuple(np.array(column, dtype=object) for column in zip(*rows, strict=True))


FAULTY = {
    "csv": faulty_csv,
    "trec": faulty_trec,
    "json": faulty_json,
    "json lines": faulty_lines,
    "json by query": faulty_json_by_query,
    "parquet": faulty_parquet,
    "pandas": faulty_table("pandas"),
    "polars": faulty_table("polars"),
    "pyarrow": faulty_table("pyarrow"),
    "records": faulty_records,
    "dictionary": faulty_dictionary,
    "arrays": faulty_arrays,
}
#: What is put into the last of these rows, and the code of what is raised; formats that cannot hold it.
ROWS = [("q1", "a", 1), ("q1", "b", 0), ("q2", "c", 2)]
FAULTS = {
    "text for a number": (("q2", "d", "high"), "not-a-number", ()),
    "NaN": (("q2", "d", math.nan), "nan", ()),
    "no number": (("q2", "d", None), "missing-value", ("trec",)),
    "no document": (("q2", None, 1), "missing-value", ("trec", "json by query", "dictionary")),
    "a document twice": (("q2", "c", 1), "duplicate-document", ("dictionary",)),
    "half a grade": (("q2", "d", 0.5), "not-a-whole-number", ()),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", FAULTY)
@pytest.mark.parametrize("side", ["qrels", "run"])
def test_the_same_fault_is_the_same_error_in_every_format(tmp_path, side, name, fault):
    row, code, without = FAULTS[fault]
    if name in without or (side == "run" and fault == "half a grade"):
        return
    value = "relevance" if side == "qrels" else "score"
    path = tmp_path / "given"
    source = FAULTY[name](path, ("query", "document", value), [*ROWS, row])
    with pytest.raises(InputError) as raised:
        if side == "qrels":
            evaluate(source, {"q2": {"c": 1.0}})
        else:
            evaluate({"q1": {"a": 1}, "q2": {"c": 1}}, source)
    error = raised.value
    if name == "pandas" and fault == "no number":
        code = "nan"  # which is how pandas holds it
    assert error.code == code, str(error)
    place = str(path) if path.exists() else side
    assert place in str(error)
    if fault in ("text for a number", "NaN", "half a grade"):
        assert error.field in (value, "grade") and error.expected in ("a number", "a whole number")
        assert error.found == {"NaN": "is NaN", "half a grade": "is 0.5"}.get(fault) or "high" in error.found
        assert error.record == {"csv": 5, "trec": 4, "json lines": 4}.get(name, None if "d" in place else 3) or (
            name in ("dictionary", "json by query") and error.record is None
        )


@pytest.mark.parametrize(
    "name", [name for name in FAULTY if name not in ("trec", "dictionary", "json by query", "arrays")]
)
@pytest.mark.parametrize(("side", "missing"), [("qrels", 0), ("qrels", 1), ("run", 0), ("run", 1)])
def test_a_missing_column_is_the_same_error_in_every_format(tmp_path, side, missing, name):
    names = ["query", "document", "relevance" if side == "qrels" else "score"]
    wanted = names[missing]
    names[missing] = "other"
    source = FAULTY[name](tmp_path / "given", tuple(names), ROWS)
    with pytest.raises(InputError, match=f"has the columns .*other.*, expected one for the {wanted} ") as raised:
        evaluate(source, {"q1": {"a": 1}}) if side == "qrels" else evaluate({"q1": {"a": 1}}, source)
    assert raised.value.code == "missing-column"


GRADES = {"q1": {"a": 1, "b": 0, "c": 2}, "q2": {"a": 1}}
SCORES = {"q1": {"a": 0.9, "b": 0.8, "z": 0.75}, "q2": {"a": 0.5, "y": 0.75}}


def both_sides(form, folder):
    """Judgements and a run in one form."""
    rows = [[(q, d, v) for q, documents in side.items() for d, v in documents.items()] for side in (GRADES, SCORES)]
    if form == "dictionaries":
        return GRADES, SCORES
    if form == "tuples":
        return tuple(tuple(zip(*side, strict=True)) for side in rows)
    if form == "records":
        names = ("query", "document", "relevance"), ("query", "document", "score")
        return tuple([dict(zip(of, row, strict=True)) for row in side] for of, side in zip(names, rows, strict=True))
    if form == "frames":
        pandas = pytest.importorskip("pandas")
        return tuple(pandas.DataFrame(side) for side in both_sides("records", folder))
    paths = folder / f"qrels.{form}", folder / f"run.{form}"
    if form == "txt":
        paths[0].write_text("".join(f"{q} 0 {d} {v}\n" for q, d, v in rows[0]))
        paths[1].write_text("".join(f"{q} Q0 {d} 1 {v} tag\n" for q, d, v in rows[1]))
    elif form == "tsv":
        for path, side in zip(paths, rows, strict=True):
            lines = ["query-id\tcorpus-id\tscore\n", *("\t".join(map(str, row)) + "\n" for row in side)]
            path.write_text("".join(lines))
    else:
        for path, side in zip(paths, (GRADES, SCORES), strict=True):
            path.write_text(json.dumps(side))
    return paths


@pytest.mark.parametrize("form", ["dictionaries", "tuples", "records", "frames", "txt", "tsv", "json"])
def test_swapped_sides_are_recognised_by_their_content_at_each_entry(form, tmp_path, capsys):
    qrels, run = both_sides(form, tmp_path)
    entries = [
        evaluate,
        lambda *sides: explain_difference(*sides, "trec_eval", "torchmetrics", "map"),
        tie_range,
    ]
    for entry in entries:
        entry(qrels, run)
        with pytest.raises(InputError, match="qrels and run are swapped: the qrels come first") as caught:
            entry(run, qrels)
        assert caught.value.code == "swapped-sides"
    if form in ("txt", "tsv", "json"):
        assert main(["rank", str(qrels), str(run)]) == 0
        capsys.readouterr()
        assert main(["rank", str(run), str(qrels)]) == 1
        assert "qrels and run are swapped" in capsys.readouterr().err


def test_swapped_sides_of_subtopics_are_recognised():
    qrels, run = {"q1": {"car": {"d1": 1}, "animal": {"d3": 1}}}, {"q1": {"d1": 0.9, "d2": 0.5}}
    evaluate_diversity(qrels, run, ["strec@2"])
    with pytest.raises(InputError, match="qrels and run are swapped"):
        evaluate_diversity(run, qrels, ["strec@2"])


def test_another_fault_of_the_judgements_is_no_swap():
    qrels = {"q1": {"a": 1, "b": 0, "c": 2, "d": 1, "e": 0.5}}
    with pytest.raises(InputError, match=r"qrels\['q1'\]\['e'\]: \"grade\" is 0.5"):
        evaluate(qrels, {"q1": {"a": 3, "b": 2}})
    with pytest.raises(InputError, match='"grade" is 0.5'):
        evaluate({"q1": {"a": 0.5}}, SCORES)


def test_files_elsewhere_and_open_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="qrels: https://example.org/qrels.txt is a URL, expected a path"):
        evaluate("https://example.org/qrels.txt", SCORES)
    path = tmp_path / "run.txt"
    path.write_text("q1 Q0 a 1 0.5 tag\n")
    with open(path) as file, pytest.raises(InputError, match="run: an open file of .*, expected its path"):
        evaluate(GRADES, file)


@pytest.mark.parametrize("side", ["qrels", "run"])
@pytest.mark.parametrize("form", ["dictionary", "lists", "columns"])
def test_an_id_with_half_of_a_surrogate_pair_is_named(side, form):
    # As `open(path, errors="surrogateescape")` reads Latin-1.
    def made(role, id):
        value = "grade" if role == "qrels" else "score"
        return {
            "dictionary": {"q": {id: 1}},
            "lists": {"q": [id]},
            "columns": {"query": ["q"], "document": [id], value: [1]},
        }[form]

    sides = {role: made(role, "caf\udce9" if role == side else "a") for role in ("qrels", "run")}
    if (side, form) == ("run", "dictionary"):
        # Documents of the dictionaries are only looked up among those that are judged.
        assert evaluate(**sides, measures="map").mean("map") == 0
        return
    with pytest.raises(ValueError, match=rf"^{side}: the id 'caf\\udce9' is no text"):
        evaluate(**sides, measures="map")


# Forms of the same data: one answer, or one error.

JUDGED = {"q": {"a": 1, "b": 2, "c": 0}}
ANSWERED = {"q": {"b": 0.5, "c": 0.75, "a": 0.25}}


def answered(run):
    return evaluate(JUDGED, run, ["map", "ndcg"]).to_dict()


def test_arrow_arrays_are_columns_and_lists():
    pyarrow = pytest.importorskip("pyarrow")
    for make in (pyarrow.array, lambda column: pyarrow.chunked_array([column[:1], column[1:]])):
        columns = tuple(map(make, (["q"] * 3, ["b", "c", "a"], [0.5, 0.75, 0.25])))
        assert answered(columns) == answered(ANSWERED)
        assert answered({"q": make(["c", "b", "a"])}) == answered({"q": ["c", "b", "a"]})


def test_series_and_tables_by_query():
    pandas = pytest.importorskip("pandas")
    assert answered({"q": pandas.Series(ANSWERED["q"])}) == answered(ANSWERED)
    assert answered({"q": pandas.Series(["c", "b", "a"], index=[7, 5, 9])}) == answered({"q": ["c", "b", "a"]})
    assert evaluate({"q": pandas.Series(JUDGED["q"])}, ANSWERED).to_dict() == evaluate(JUDGED, ANSWERED).to_dict()
    with pytest.raises(TypeError, match=r"^run\['q'\]: is a table, expected a dictionary of scores, or a list"):
        answered({"q": pandas.DataFrame({"document": ["a"], "score": [1.0]})})


def test_masked_ids_and_scores_are_missing():
    ids, scores = np.array([1, 2]), np.ma.array([0.5, 0.25], mask=[0, 1])
    with pytest.raises(InputError, match="^run: scores: row 1 is null"):
        evaluate({1: {1: 1}}, (ids, ids, scores))
    with pytest.raises(InputError, match="^qrels: documents: row 0 is null"):
        evaluate((ids, np.ma.array(ids, mask=[1, 0]), ids), (ids, ids, ids))
    assert evaluate({1: {1: 1}}, (ids, ids, np.ma.array([0.5, 0.25]))).mean("map") == 1.0


@pytest.mark.parametrize("form", ["dictionary", "pairs", "tuples", "columns", "uint64", "object", "frame"])
@pytest.mark.parametrize("grade", [2**63, 2**64 - 1, 2**70])
def test_a_grade_of_more_than_64_bits_is_not_taken_for_a_negative_one(form, grade):
    if form == "uint64" and grade >= 2**64:
        pytest.skip("NumPy has no such integer")
    qrels = {
        "dictionary": lambda: {"q": {"a": grade}},
        "pairs": lambda: {"q": [("a", grade)]},
        "tuples": lambda: [("q", "a", grade)],
        "columns": lambda: (["q"], ["a"], [grade]),
        "uint64": lambda: (["q"], ["a"], np.array([grade], dtype=np.uint64)),
        "object": lambda: (["q"], ["a"], np.array([grade], dtype=object)),
        "frame": lambda: pytest.importorskip("pandas").DataFrame(
            {"query": ["q"], "document": ["a"], "grade": np.array([grade], dtype=object)}
        ),
    }[form]()
    with pytest.raises(InputError, match=r'"grade" is .*, expected a whole number up to 2\^53$'):
        evaluate(qrels, {"q": {"a": 1.0}})


@pytest.mark.parametrize("form", ["dictionary", "pairs", "tuples", "records", "columns"])
def test_a_score_that_is_too_great_for_a_double_is_named(form):
    run = {
        "dictionary": {"q": {"a": 10**400}},
        "pairs": {"q": [("a", 10**400)]},
        "tuples": [("q", "a", 10**400)],
        "records": [{"query": "q", "document": "a", "score": 10**400}],
        "columns": (["q"], ["a"], [10**400]),
    }[form]
    with pytest.raises(InputError, match=r'"score" is 1000*\.\.\., expected a number$'):
        answered(run)
    assert evaluate({"q": {"a": 1}}, [("q", "a", 2**70), ("q", "b", 2**71)]).mean("map") == 0.5


@pytest.mark.parametrize("dtype", [None, "float64", "object", "int64", "str"])
def test_a_table_without_rows_is_as_an_empty_dictionary(dtype):
    pandas = pytest.importorskip("pandas")
    empty = pandas.DataFrame({"query": [], "document": [], "score": []}, dtype=dtype)
    for run in ({}, empty, tuple(empty[name] for name in empty), tuple(empty[name].to_numpy() for name in empty)):
        result = evaluate(JUDGED, run)
        assert len(result) == 0 and result.unanswered == ["q"]
    assert len(evaluate(empty, ANSWERED)) == 0


def test_json_has_lists_by_position_as_python_has(tmp_path):
    lists = [["a", "x"], ["y", "c"]]
    for name, value in (("lists", lists), ("empty", [])):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(value))
        assert evaluate(path, path).to_dict() == evaluate(value, value).to_dict()
    path.write_text('[["a"], ["b", null]]')
    with pytest.raises(InputError, match='empty.json: row 1: "document" is missing'):
        evaluate(lists, path)


@pytest.mark.parametrize("kind", [list, np.array])
def test_three_lists_of_integers_may_be_columns_or_three_queries(kind):
    """`mapk` of the same lists has three users."""
    lists = [kind(side) for side in ([1, 2, 3], [4, 5, 6], [7, 8, 9])]
    with pytest.raises(
        TypeError, match="^qrels: is three lists of whole numbers, which may be columns or the documents"
    ):
        evaluate(lists, lists)
    assert evaluate(tuple(lists), tuple(lists)).queries == [1, 2, 3]
    assert evaluate(dict(enumerate(lists)), dict(enumerate(lists))).queries == [0, 1, 2]
    assert evaluate([[1, 2, 3], [4, 5, 6], [7, 8]], {0: [1], 1: [2], 2: [3]}).queries == [0, 1, 2]
    assert evaluate([["q"], ["a"], [1]], [["q"], ["a"], [0.5]]).queries == ["q"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({None: {"a": 1}}, "{side}: has None as a query, expected an id"),
        ({None: ["a"]}, "{side}: has None as a query, expected an id"),
        (({"q"}, {"a"}, {1}), "{side}: queries: is a set, expected a column of values"),
        ((["q"], ["a"], {1: 1}), r"{side}: \w+: is a dict, expected a column of values"),
        (([1], None, [1]), "{side}: documents: is None, expected a column of values"),
        ({"q": [("a", None)]}, '{side}: row 0: "{last}" is missing, expected a'),
        ({"q": [["a", "x"]]}, "{side}: row 0: \"{last}\" is 'x', expected a"),
    ],
)
def test_what_is_no_query_or_column_is_named(source, expected):
    for side, last in (("qrels", "grade"), ("run", "score")):
        given = {"qrels": JUDGED, "run": ANSWERED, side: source}
        with pytest.raises(TypeError, match="^" + expected.format(side=side, last=last)):
            evaluate(**given)


def test_pairs_may_have_numbers_as_text_as_records_may():
    assert answered({"q": [("b", "0.5"), ("c", "0.75"), ("a", 0.25)]}) == answered(ANSWERED)
    rows = [tuple(line.split()) for line in ("q b 0.5", "q c 0.75", "q a 0.25")]
    assert answered(rows) == answered(ANSWERED)
    assert (
        evaluate({"q": [("a", "1"), ("b", "2"), ("c", "0")]}, ANSWERED).to_dict()
        == evaluate(JUDGED, ANSWERED).to_dict()
    )


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\u2028", "\x85", "\x1c"])
def test_lines_are_divided_at_the_same_white_space_everywhere(tmp_path, space):
    from meanap.compat.pytrec_eval import parse_qrel, parse_run

    qrels, run = f"q{space}1 0 d{space}1 1\n", f"q{space}1 Q0 d{space}1 1 0.5 tag\nq{space}1 Q0 d 2 0.75 tag\n"
    (tmp_path / "qrels").write_text(qrels, encoding="utf-8", newline="")
    (tmp_path / "run").write_text(run, encoding="utf-8", newline="")
    assert parse_qrel([qrels]) == {f"q{space}1": {f"d{space}1": 1}}
    expected = evaluate(tmp_path / "qrels", tmp_path / "run").to_dict()
    assert expected == {f"q{space}1": {"map": 0.5}}
    assert evaluate(parse_qrel([qrels]), parse_run(run.split("\n"))).to_dict() == expected
    by_subtopic = evaluate_diversity(tmp_path / "qrels", tmp_path / "run", "strec@2", relevance_level=1)
    assert by_subtopic.to_dict() == {f"q{space}1": {"strec@2": 1.0}}
    with pytest.raises(TypeError, match="^line 1: is a bytes, expected text"):
        parse_run([run.encode()])


def test_names_of_columns_that_are_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([["q", "c", 0.75], ["q", "b", 0.5], ["q", "a", 0.25]])
    columns = {"query": 0, "document": 1, "score": 2}
    assert evaluate(JUDGED, frame, ["map", "ndcg"], columns=columns).to_dict() == answered(ANSWERED)
    with pytest.raises(InputError, match="run: has the columns 0, 1, 2, expected a column 7 for the query"):
        evaluate(JUDGED, frame, columns={"query": 7})
    for given in ("query", ["query"], 3):
        with pytest.raises(TypeError, match="^columns: expected a mapping from what a column holds to its name, found"):
            evaluate(JUDGED, frame, columns=given)


@pytest.mark.parametrize("text", ["1_0", "\u0661", "0x1p3"])
def test_text_that_is_a_number_to_python_alone(tmp_path, text):
    (tmp_path / "run").write_text(f"q Q0 a 1 {text} tag\n", encoding="utf-8")
    for run in (tmp_path / "run", (["q"], ["a"], [text]), [{"query": "q", "document": "a", "score": text}]):
        with pytest.raises(InputError, match='"score" is .*, expected a number'):
            evaluate(JUDGED, run)
