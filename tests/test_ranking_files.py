"""Text files of judgements and runs: encodings, line ends, headers, and errors that name the line."""

import gzip
import io
import warnings

import numpy as np
import pytest

from meanap.cli import main
from meanap.ranking import RelevanceEvaluator, evaluate
from tests.ranking_data import columns, draw, write_trec

QRELS = {"q1": {"d1": 1, "café": 0}, "q2": {"d\N{GRINNING FACE}": 2, "d3": -1}}
RUN = {"q1": {"d2": 0.9, "d1": 0.8, "café": 0.85}, "q2": {"d\N{GRINNING FACE}": 0.7, "d3": 0.7}}
QRELS_TEXT = "".join(f"{q} 0 {d} {g}\n" for q, grades in QRELS.items() for d, g in grades.items())
RUN_TEXT = "".join(f"{q} Q0 {d} 1 {s} tag\n" for q, scores in RUN.items() for d, s in scores.items())
MEASURES = ["map", "ndcg", "bpref", "infap", "num_ret"]


@pytest.fixture
def put(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with a byte order mark": lambda text: text.encode("utf-8-sig"),
    "utf-16, little-endian": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "utf-16, big-endian": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "carriage returns": lambda text: text.replace("\n", "\r").encode(),
    "tabs": lambda text: text.replace(" ", "\t").encode(),
    "blank lines": lambda text: ("\n \t\r\n" + text.replace("\n", "\n\n")).encode(),
    "no last line end": lambda text: text.rstrip("\n").encode(),
    "spaces at both ends": lambda text: text.replace("\n", "  \n  ").encode(),
    "comments": lambda text: ("# about\n" + text + "  # more").encode(),
    "a mark at each line": lambda text: text.replace("q", "\ufeffq").encode(),
    "gzip": lambda text: gzip.compress(text.encode("utf-8-sig")),
}


@pytest.mark.parametrize("of_qrels", ENCODINGS)
@pytest.mark.parametrize("of_run", ["utf-8", "utf-8 with a byte order mark", "utf-16, little-endian"])
def test_the_same_text_in_any_encoding(put, of_qrels, of_run):
    expected = evaluate(QRELS, RUN, MEASURES)
    for first, second in ((of_qrels, of_run), (of_run, of_qrels)):
        qrels, run = put("q", ENCODINGS[first](QRELS_TEXT)), put("r", ENCODINGS[second](RUN_TEXT))
        for judged in (qrels, QRELS):
            for answers in (run, RUN):
                found = evaluate(judged, answers, MEASURES)
                assert found.queries == expected.queries
                assert np.array_equal(found.values, expected.values)


def test_what_follows_the_tag_is_passed_over(put):
    run = put("r", RUN_TEXT.replace(" tag", " tag and a note"))
    assert evaluate(QRELS, run, MEASURES).to_dict() == evaluate(QRELS, RUN, MEASURES).to_dict()


def test_a_very_long_line(put):
    name = "d" * 3_000_000
    run = put("r", f"q Q0 {name} 1 2.0 tag {name}\nq Q0 b 2 1.0 tag\n")
    assert evaluate(put("q", f"q 0 {name} 0\nq 0 b 1"), run, "rr").mean("rr") == 0.5


def test_latin_1_is_reported(put):
    qrels, run = put("q", b"1 0 a 0\n1 0 caf\xe9 1\n"), put("r", b"\n1 Q0 caf\xe9 1 2.0 t\n1 Q0 a 1 1.0 t\n")
    with pytest.warns(UserWarning) as told:
        assert evaluate(qrels, run, "map").mean("map") == 1.0
    messages = [str(warning.message) for warning in told]
    assert [message.split(";")[0] for message in messages] == [
        f"{path}: line 2: byte 0xe9 is not UTF-8" for path in (qrels, run)
    ]
    # The same id in UTF-8, in a dictionary, or in a file with both.
    for judged in ({"1": {"café": 1}}, put("u", "1 0 café 1\n")):
        with pytest.warns(UserWarning, match="0xe9"):
            assert evaluate(judged, run, "map").mean("map") == 1.0
    with pytest.warns(UserWarning, match="line 1: byte 0xfc"):
        assert evaluate(put("q", b"\xfc 0 a 1\n\xc3\xbc 0 b 1"), {"ü": {"b": 1.0}}, "num_rel").mean("num_rel") == 2


# Headers: BEIR, MTEB, CSV.

HEADERS = [("query-id", "corpus-id", "score"), ("query_id", "doc_id", "relevance"), ("Query ID", "docno", "rel")]


@pytest.mark.parametrize("names", HEADERS)
@pytest.mark.parametrize(("separator", "newline"), [("\t", "\n"), (",", "\r\n"), (";", "\n")])
def test_files_and_tables_with_named_columns(put, names, separator, newline):
    qrels, run = draw(3, ties=9)
    expected = evaluate(qrels, run, MEASURES)
    rows = list(zip(*columns(qrels), strict=True))
    for order in ((0, 1, 2), (2, 0, 1)):
        lines = [separator.join(str(row[i]) for i in order) for row in (names, *rows)]
        for text in (newline.join(lines), "\ufeff" + newline.join(lines) + newline):
            assert np.array_equal(evaluate(put("qrels.tsv", text), run, MEASURES).values, expected.values)
    for package in ("pandas", "polars"):
        module = pytest.importorskip(package)
        table = module.DataFrame(dict(zip(names, columns(qrels), strict=True)))
        assert np.array_equal(evaluate(table, run, MEASURES).values, expected.values)


def test_a_run_with_named_columns(put):
    qrels, run = draw(4, ties=9)
    rows = zip(*columns(run), strict=True)
    text = "query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t{s!r}\n" for q, d, s in rows)
    assert evaluate(qrels, put("run.tsv", text), MEASURES).to_dict() == evaluate(qrels, run, MEASURES).to_dict()


def test_what_pandas_writes_as_csv(put):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"query-id": ["a, b", 'c "d"', "é"], "corpus-id": ["x;y", "x", "z"], "score": [1, 2, 1]})
    for separator in (",", "\t", ";"):
        text = io.StringIO()
        frame.to_csv(text, sep=separator, index=separator == ",")
        run = {q: {d: 1.0} for q, d in zip(frame["query-id"], frame["corpus-id"], strict=True)}
        result = evaluate(put("q.csv", text.getvalue()), run)
        assert (result.queries, result.mean("map")) == (list(run), 1.0)


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_below_a_header_ids_begin_with_any_character(put, separator):
    head, rows = ("query-id", "corpus-id", "score"), [("#1", "a", 1), ("#1", "#b", 0), ("2", "#b", 1)]
    text = "# about\n" + "".join(separator.join(map(str, row)) + "\n" for row in (head, *rows))
    run = {"#1": {"a": 2.0, "#b": 1.0}, "2": {"#b": 1.0}}
    result = evaluate(put("q.csv", text), run)
    assert (result.queries, result.mean("map")) == (["#1", "2"], 1.0)
    # Without grades: the document that is relevant.
    bare = "".join(separator.join(map(str, row[:2])) + "\n" for row in (head, rows[0], rows[2]))
    result = evaluate(put("q.csv", bare), run)
    assert (result.queries, result.mean("map")) == (["#1", "2"], 1.0)
    scores = "".join(separator.join(map(str, row)) + "\n" for row in (head, ("#1", "a", 2.0), ("2", "#b", 1.0)))
    assert evaluate({"#1": {"a": 1}, "2": {"#b": 1}}, put("r.csv", scores)).mean("map") == 1.0


def test_where_a_table_has_several_names_the_more_telling_one_counts(put):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"score": [0.5, 0.5], "query": "q", "doc": ["a", "b"], "relevance": [0, 3]})
    assert evaluate(frame, {"q": {"a": 1.0, "b": 0.5}}, "rr").mean("rr") == 0.5
    assert evaluate(put("q", frame.to_csv(index=False)), {"q": {"a": 1.0, "b": 0.5}}, "rr").mean("rr") == 0.5


# Errors.

BAD_QRELS = [
    ("q 0 a 1\n\nq 0 a\n", "line 3 has 3 fields, expected 4 \\(query iteration document grade\\), or a header"),
    ("q 0 a 1 more\n", "line 1 has 5 fields"),
    ("\n# x\nq 0 a high\n", 'line 3: "grade" is "high", expected a whole number'),
    ("q 0 a 1.5\n", 'line 1: "grade" is 1.5, expected a whole number'),
    ("q\ta\t1\n", "line 1 has 3 fields, expected 4 .* header such as query-id, corpus-id, score"),
    ("query-id\tcorpus-id\tscore\nq\ta\n", "line 2 has 2 fields, expected 3 as the header has"),
    ("query-id\tcorpus-id\tscore\n\ta\t1\n", 'line 2: "query" is missing, expected an id'),
    ("query-id,corpus-id,score\nq,,1\n", 'line 2: "document" is missing, expected an id'),
    (b"q 0 a 1\nq 0 \x00b 1\n", "line 2: expected UTF-8 text.*found a NUL byte"),
    (
        "q 0 a 1\n".encode("utf-16-le"),
        "line 1: expected UTF-8 text, or UTF-16 with a byte order mark, found a NUL byte",
    ),
    ("q 0 a 1\n".encode("utf-32"), "is UTF-32 text"),
    (b"\xff\xfeq\x00 ", "is UTF-16 text with an odd number of bytes"),
    (b"\xff\xfe\x00\xd8q\x00", "is not valid UTF-16 text"),
    (b"\x1f\x8b\x08\x00broken", "is not a valid gzip file"),
    ("q 0 a 1\n\nq 0 b 1\nq 0 a 2\n", 'document "a" is judged twice .*judged.txt: lines 1 and 4'),
]


@pytest.mark.parametrize(("data", "message"), BAD_QRELS)
def test_errors_name_file_and_line(put, data, message):
    path = put("judged.txt", data)
    with pytest.raises(ValueError, match=f"(?s)judged.txt.*{message}|{message}") as raised:
        evaluate(path, {"q": {"a": 1.0}})
    assert "judged.txt" in str(raised.value)
    with pytest.raises(ValueError, match="judged.txt"):
        RelevanceEvaluator(path, {"map"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("q Q0 a 1 2.0\n", "line 1 has 5 fields, expected 6 \\(query Q0 document rank score tag\\)"),
        ("q Q0 a 1 nan t\n", 'line 1: "score" is NaN, expected a number'),
        ("q Q0 a 1 2,5 t\n", 'line 1: "score" is "2,5", expected a number'),
        ("q Q0 a 1 2.0 t\n#\nq Q0 b 1 2.0 t\nq Q0 a 9 1.0 t\n", 'document "a" twice \\(.*run.txt: lines 1 and 4\\)'),
    ],
)
def test_errors_of_runs_name_file_and_line(put, capsys, data, message):
    path = put("run.txt", data)
    with pytest.raises(ValueError, match=message):
        evaluate({"q": {"a": 1}}, path)
    assert main(["rank", str(put("judged.txt", "q 0 a 1\n")), str(path)]) == 1
    assert "run.txt" in capsys.readouterr().err


def test_a_document_that_stands_twice_in_a_mixed_run_is_named_by_its_lines(put):
    text = "".join(f"q{i % 3} Q0 d{i} 1 {i} t\n" for i in range(30)) + "\nq1 Q0 d4 1 0 t\n"
    with pytest.raises(ValueError, match="query 'q1': the run has document \"d4\" twice .*r: lines 5 and 32"):
        evaluate({f"q{i}": {"d4": 1} for i in range(3)}, put("r", text))


# Queries without judgements.


def test_a_query_without_judgements_is_as_one_that_is_not_there(tmp_path):
    pytrec_eval = pytest.importorskip("pytrec_eval", reason="pip install pytrec-eval-terrier")
    qrels, run = draw(5)
    some = list(qrels)
    holes = {query: {} if i % 3 == 1 else grades for i, (query, grades) in enumerate(qrels.items())}
    kept = {query: grades for query, grades in holes.items() if grades}
    expected = pytrec_eval.RelevanceEvaluator(holes, {"map", "bpref"}).evaluate(run)
    assert len(expected) < len(qrels)
    answers = {"dict": run, "columns": columns(run), "file": write_trec(tmp_path / "r", run, run=True)}
    for judged in (holes, kept, columns(kept), write_trec(tmp_path / "q", holes, run=False)):
        for name, given in answers.items():
            assert RelevanceEvaluator(judged, {"map", "bpref"}).evaluate(given) == expected, name
            result = evaluate(judged, given, "map")
            assert result.means == evaluate(kept, run, "map").means
            assert result.unjudged == [query for query in some if not holes[query]]


def test_a_run_of_which_no_query_is_judged_has_no_values(tmp_path):
    pytrec_eval = pytest.importorskip("pytrec_eval", reason="pip install pytrec-eval-terrier")
    run = {"b": {"x": 1.0}}
    for qrels in ({"a": {"x": 1}}, {"b": {}}, {}):
        judged = [qrels]
        if qrels.get("a"):
            judged += [columns(qrels), write_trec(tmp_path / "q", qrels, run=False)]
        assert pytrec_eval.RelevanceEvaluator(qrels, {"map"}).evaluate(run) == {}
        for given in judged:
            for answers in (run, columns(run), write_trec(tmp_path / "r", run, run=True), {}):
                assert RelevanceEvaluator(given, {"map"}).evaluate(answers) == {}
