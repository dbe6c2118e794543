"""Judgements and runs from tables of other libraries, by Arrow: every encoding of ids, and what is refused."""

import numpy as np
import pytest

from meanap import apk, mapk
from meanap.ranking import evaluate
from tests.ranking_data import columns, draw

MEASURES = ["map", "ndcg@5", "rr", "bpref"]


@pytest.fixture(scope="module")
def given():
    qrels, run = draw(21, ties=9)
    judged = dict(zip(("query", "document", "relevance"), columns(qrels), strict=True))
    answers = dict(zip(("query", "document", "score"), columns(run), strict=True))
    return judged, answers, evaluate(qrels, run, MEASURES)


def test_encodings_of_pyarrow(given):
    pa = pytest.importorskip("pyarrow", reason="pip install pyarrow")
    judged, answers, expected = map(lambda x: pa.table(x) if isinstance(x, dict) else x, given)
    large = pa.schema({"query": pa.large_string(), "document": pa.large_string(), "score": pa.float64()})
    views = pa.schema({"query": pa.string_view(), "document": pa.string_view(), "score": pa.float64()})
    coded = answers
    for i, name in enumerate(("query", "document")):
        coded = coded.set_column(i, name, coded[name].dictionary_encode())
    chunked = pa.concat_tables([answers[:7], answers[7:500], answers[500:]])
    tables = {
        "large": answers.cast(large),
        "views": answers.cast(views),
        "codes": coded,
        "chunks": chunked,
        "chunks of codes": pa.concat_tables([coded[:9], coded[9:]]),
        "batch": answers.combine_chunks().to_batches()[0],
        "reader": answers.to_reader(max_chunksize=100),
        "float32": answers.set_column(2, "score", answers["score"].cast(pa.float32())),
        "arrays": tuple(answers[name] for name in answers.column_names),
        "other columns": answers.append_column("time", pa.array([None] * len(answers), pa.timestamp("s"))),
    }
    for name, table in tables.items():
        found = evaluate(judged, table, MEASURES)
        assert found.queries == expected.queries and np.array_equal(found.values, expected.values), name


def test_polars(given):
    pl = pytest.importorskip("polars", reason="pip install polars")
    judged, answers = pl.DataFrame(given[0]), pl.DataFrame(given[1])
    for table in (
        answers,
        answers.with_columns(pl.col("query").cast(pl.Categorical), pl.col("document").cast(pl.Categorical)),
        pl.concat([answers[:10], answers[10:]], rechunk=False),
        tuple(answers.get_columns()),
    ):
        assert np.array_equal(evaluate(judged, table, MEASURES).values, given[2].values)
    with pytest.raises(ValueError, match='^run: column "score": row 3 is null'):
        evaluate(judged, answers.with_columns(score=pl.when(pl.int_range(pl.len()) != 3).then(pl.col("score"))))
    with pytest.raises(ValueError, match="run: has the columns query, document, bm25, expected one for the score"):
        evaluate(judged, answers.rename({"score": "bm25"}))
    with pytest.raises(TypeError, match="run: row 0: \"score\" is 'high', expected a number"):
        evaluate(judged, answers.with_columns(score=pl.lit("high")))


def test_duckdb(given):
    duckdb = pytest.importorskip("duckdb", reason="pip install duckdb")
    pytest.importorskip("pyarrow")
    import pyarrow as pa

    judged, answers = pa.table(given[0]), pa.table(given[1])  # noqa: F841, found by their names
    tables = (
        duckdb.sql("select * from judged"),
        duckdb.sql("select query as qid, document as docno, score from answers"),
    )
    assert np.array_equal(evaluate(*tables, MEASURES).values, given[2].values)


def test_pandas(given):
    pd = pytest.importorskip("pandas", reason="pip install pandas")
    judged, answers = pd.DataFrame(given[0]), pd.DataFrame(given[1])
    answers["seen"] = [{"a", 1}] * len(answers)  # what Arrow has no type for does not matter
    for table in (
        answers,
        answers.astype({"query": object, "document": object}),
        answers.astype({"query": "category", "document": "category"}),
        answers.set_index("seen"),
        tuple(answers[name] for name in ("query", "document", "score")),
    ):
        assert np.array_equal(evaluate(judged, table, MEASURES).values, given[2].values)
    with pytest.raises(ValueError, match='run: row 3: "score" is NaN, expected a number'):
        evaluate(judged, answers.assign(score=answers["score"].where(answers.index != 3)), MEASURES)


def test_lists_of_a_table():
    pl = pytest.importorskip("polars", reason="pip install polars")
    actual, predicted = [[1, 2], [], [3]], [[1, 4, 2], [7], [5, 3]]
    frame = pl.DataFrame({"actual": actual, "predicted": predicted})
    assert mapk(frame["actual"], frame["predicted"], 3) == mapk(actual, predicted, 3)
    words = [[str(x) for x in row] for row in predicted]
    assert mapk(pl.Series([["1", "2"], [], ["3"]]), pl.Series(words), 3) == mapk(actual, predicted, 3)
    even = [[1, -1], [3, 4]]
    assert mapk(pl.Series(even), pl.Series(even), 2) == 1.0, "a list has no padding"
    assert mapk(pl.Series(even, dtype=pl.Array(pl.Int64, 2)), even, 2) == 1.0
    assert apk(frame["actual"][0], frame["predicted"][0], 3) == apk(actual[0], predicted[0], 3)


@pytest.mark.parametrize("column, name", [("score", "run"), ("grade", "qrels")])
def test_lists_in_place_of_numbers_are_named(column, name):
    pyarrow = pytest.importorskip("pyarrow")
    ids = {"query": ["q"], "document": ["d"]}
    tables = {"qrels": pyarrow.table({**ids, "grade": [1]}), "run": pyarrow.table({**ids, "score": [1.0]})}
    tables[name] = pyarrow.table({**ids, column: [[1.0, 2.0]]})
    with pytest.raises(TypeError, match=rf'^{name}: row 0: "{column}" is .*, expected a'):
        evaluate(tables["qrels"], tables["run"])
