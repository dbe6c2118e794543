"""`evaluate`: every kind of input, every convention, bad input; and what must not change a number."""

import gzip
import math
import random
import zlib

import numpy as np
import pytest

from meanap.ranking import (
    PRESETS,
    Conventions,
    RelevanceEvaluator,
    compare,
    evaluate,
    explain_difference,
    get,
    tie_range,
)
from meanap.statistics import Comparison, Difference, Interval, Intervals
from tests.processes import with_threads
from tests.ranking_data import columns, draw, write_trec

MEASURES = [
    "map", "map@5", "ndcg", "ndcg@5", "rr", "p@5", "p", "recall@5", "hit@3", "rprec", "bpref", "rbp", "f1@5", "err@20",
    "infap", "num_ret", "num_rel", "num_rel_ret",
]  # fmt: skip


def integers(qrels, run):
    """The same with integer ids that sort as the text ids do."""
    names = sorted({d for table in (qrels, run) for documents in table.values() for d in documents})
    code = {name: i * 3 - 50 for i, name in enumerate(names)}
    queries = {query: i for i, query in enumerate(qrels)}
    return tuple(
        {queries[q]: {code[d]: value for d, value in documents.items()} for q, documents in table.items()}
        for table in (qrels, run)
    )


TIES = ["document-descending", "document-ascending", "stable", "optimistic", "pessimistic", "expected", "grouped"]


@pytest.mark.parametrize("ties", TIES)
def test_every_kind_of_input_gives_the_same_bits(tmp_path, ties):
    measures = [m for m in MEASURES if not (m == "infap" and ties in ("expected", "grouped"))]
    measures = [m for m in measures if not (m == "map@5" and ties == "grouped")]
    qrels, run = draw(1, ties=6, unjudged=0.1)
    expected = evaluate(qrels, run, measures, ties=ties)
    inputs = {
        "lists": (columns(qrels), columns(run)),
        "text arrays": tuple(tuple(np.array(c) for c in columns(table)) for table in (qrels, run)),
        "files": (
            write_trec(tmp_path / "qrels", qrels, run=False),
            write_trec(tmp_path / "run", run, run=True),
        ),
        "mixed": (qrels, columns(run)),
        "mixed the other way": (columns(qrels), run),
    }
    for name, (judged, answers) in inputs.items():
        found = evaluate(judged, answers, measures, ties=ties)
        assert found.queries == expected.queries, name
        assert np.array_equal(found.values, expected.values, equal_nan=True), name
    coded = integers(qrels, run)
    for name, (judged, answers) in {
        "integer dicts": coded,
        "integer arrays": tuple(tuple(np.array(c) for c in columns(t)) for t in coded),
        "int32": tuple(
            tuple(np.array(c, dtype=np.int32 if i < 2 else None) for i, c in enumerate(columns(t))) for t in coded
        ),
    }.items():
        found = evaluate(judged, answers, measures, ties=ties)
        assert np.array_equal(found.values, expected.values), name
    # Rows of one query need not be adjacent; their order within the query stays.
    rows = list(zip(*columns(run), strict=True))
    lengths = {query: iter(range(len(rows))) for query in run}
    dealt = sorted(rows, key=lambda row: next(lengths[row[0]]))
    found = evaluate(qrels, [list(column) for column in zip(*dealt, strict=True)], measures, ties=ties)
    assert np.array_equal(found.values, expected.values)


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_tables(package):
    module = pytest.importorskip(package, reason=f"pip install {package}")
    make = {"pandas": lambda d: module.DataFrame(d), "polars": lambda d: module.DataFrame(d)}.get(
        package, lambda d: module.table(d)
    )
    qrels, run = draw(2, ties=9)
    expected = evaluate(qrels, run, MEASURES)
    judged = make(dict(zip(("query_id", "doc_id", "relevance"), columns(qrels), strict=True)))
    answers = make(dict(zip(("query", "docno", "score"), columns(run), strict=True)))
    assert np.array_equal(evaluate(judged, answers, MEASURES).values, expected.values)
    judged, answers = integers(qrels, run)
    judged = make(dict(zip(("userID", "itemID", "rating"), columns(judged), strict=True)))
    answers = make(dict(zip(("userID", "itemID", "prediction"), columns(answers), strict=True)))
    assert np.array_equal(evaluate(judged, answers, MEASURES).values, expected.values)
    with pytest.raises(ValueError, match="run: has the columns userID, itemID, rating, expected one for the score"):
        evaluate(judged, judged, "map")


def test_gzip(tmp_path):
    qrels, run = draw(3)
    plain = write_trec(tmp_path / "run", run, run=True)
    packed = tmp_path / "run.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert np.array_equal(evaluate(qrels, packed).values, evaluate(qrels, run).values)


# What must not change a number.


def test_a_monotone_change_of_scores_changes_nothing():
    qrels, run = draw(4, ties=30)
    changed = {q: {d: math.exp(s / 7) - 5 for d, s in scores.items()} for q, scores in run.items()}
    for ties in ("document-descending", "stable", "expected", "grouped"):
        measures = ["ndcg@5", "rr", "bpref", "map"]
        assert np.array_equal(
            evaluate(qrels, run, measures, "trec_eval-10", ties=ties).values,
            evaluate(qrels, changed, measures, "trec_eval-10", ties=ties).values,
        )


def test_moving_a_relevant_document_up_never_lowers_average_precision():
    numbers = random.Random(5)
    qrels, run = draw(5, queries=200)
    moved = {}
    for query, scores in run.items():
        order = sorted(scores, key=lambda d: -scores[d])
        grade = [qrels[query].get(d, 0) for d in order]
        relevant = [i for i in range(1, len(order)) if grade[i] > 0 and grade[i] >= grade[i - 1]]
        if relevant:
            i = numbers.choice(relevant)
            order[i - 1], order[i] = order[i], order[i - 1]
        moved[query] = {d: float(-i) for i, d in enumerate(order)}
    for name in ("map", "map@5", "ndcg", "rr", "bpref", "rbp", "recall@5"):
        assert (evaluate(qrels, moved, name)[name] >= evaluate(qrels, run, name)[name] - 1e-15).all(), name


def test_shards_together_are_the_whole():
    qrels, run = draw(6)
    names = list(run)
    whole = evaluate(qrels, run, MEASURES)
    evaluator = RelevanceEvaluator(qrels, MEASURES)
    parts = [evaluator.evaluate({q: run[q] for q in names[i::3]}) for i in range(3)]
    merged = {query: values for part in parts for query, values in part.items()}
    expected = RelevanceEvaluator(qrels, MEASURES).evaluate(run)
    assert merged == expected
    assert [list(row.values()) for row in whole.to_dict().values()] == [
        [expected[query][name] for name in MEASURES] for query in whole.queries
    ]


def test_threads_change_nothing():
    qrels, run = draw(7, queries=500, ties=4)
    expected = evaluate(qrels, run, MEASURES)
    interval = expected.interval("map", resamples=500)

    def again():
        values = [evaluate(qrels, answers, MEASURES).values for answers in (run, columns(run))]
        return values, evaluate(qrels, run).interval("map", resamples=500)

    for threads in ("1", "5"):
        values, found = with_threads(threads, again)
        assert all(np.array_equal(each, expected.values) for each in values)
        assert found == interval


def test_order_of_queries_and_documents_does_not_matter():
    qrels, run = draw(8, ties=5)
    numbers = random.Random(1)

    def shuffled(table):
        rows = [(q, numbers.sample(list(documents.items()), len(documents))) for q, documents in table.items()]
        return {q: dict(items) for q, items in numbers.sample(rows, len(rows))}

    assert evaluate(shuffled(qrels), shuffled(run), MEASURES).to_dict() == evaluate(qrels, run, MEASURES).to_dict()


# Conventions.


def test_empty_queries():
    qrels, run = {"a": {"x": 1}, "b": {"x": 0}}, {"a": {"x": 1.0}, "b": {"x": 1.0}}
    expected = {"zero": 0.5, "one": 1.0, "skip": 1.0}
    for empty, mean in expected.items():
        result = evaluate(qrels, run, "map", empty=empty)
        assert result.mean("map") == mean
        assert result.empty == ["b"]
        assert result.queries == (["a"] if empty == "skip" else ["a", "b"])
    assert math.isnan(evaluate(qrels, run, "map", empty="nan").mean("map"))
    with pytest.raises(ValueError, match="query 'b' has no relevant document"):
        evaluate(qrels, run, "map", empty="error")


def test_missing_queries():
    qrels, run = {"a": {"x": 1}, "b": {"x": 1}}, {"a": {"x": 1.0}, "c": {"x": 1.0}}
    skipped = evaluate(qrels, run, "map", missing="skip")
    assert (skipped.mean("map"), skipped.unanswered, skipped.unjudged) == (1.0, ["b"], ["c"])
    counted = evaluate(qrels, run, ["map", "num_rel"], missing="zero")
    assert counted.to_dict() == {"a": {"map": 1.0, "num_rel": 1.0}, "b": {"map": 0.0, "num_rel": 1.0}}
    assert evaluate(qrels, columns(run), ["map", "num_rel"], missing="zero").to_dict() == counted.to_dict()
    with pytest.raises(ValueError, match="query 'c' of the run is not judged"):
        evaluate(qrels, run, "map", missing="error")
    with pytest.raises(ValueError, match="query 'b' of the qrels has no answer"):
        evaluate(qrels, {"a": {}}, "map", missing="error")
    with pytest.raises(ValueError, match="no query of the run is judged: the run's first is 1"):
        evaluate({"1": {"x": 1}}, {1: {"x": 1.0}})
    apart = evaluate(qrels, {"c": {"x": 1.0}}, "map", missing="zero")
    assert apart.to_dict() == {"a": {"map": 0.0}, "b": {"map": 0.0}} and apart.unjudged == ["c"]


def test_nothing_at_all():
    result = evaluate({}, {})
    assert len(result) == 0 and math.isnan(result.mean("map")) and result.to_dict() == {}
    assert evaluate({"a": {"x": 1}}, {"a": {}}).mean("map") == 0.0


def test_duplicates():
    qrels = {"q": {"a": 1, "b": 1}}
    rows = (["q"] * 4, ["a", "x", "a", "b"], [4.0, 3.0, 2.0, 1.0])
    for duplicates, expected in {
        "first": (1 + 2 / 3) / 2,
        "last": (1 / 2 + 2 / 3) / 2,
        "once": (1 + 2 / 4) / 2,
        "all": (1 + 2 / 3 + 3 / 4) / 2,
    }.items():
        for answers in (rows, (rows[0], [ord(d) for d in rows[1]], rows[2])):
            judged = qrels if answers is rows else {"q": {ord("a"): 1, ord("b"): 1}}
            assert evaluate(judged, answers, "map", duplicates=duplicates).mean("map") == expected
    with pytest.raises(ValueError, match=r"query 'q': the run has document \"a\" twice \(rows 0 and 2\)$"):
        evaluate(qrels, rows)
    judged = (["q", "q", "q"], ["a", "b", "a"], [1, 0, 0])
    with pytest.raises(ValueError, match="qrels: query 'q': document \"a\" is judged twice .rows 0 and 2.$"):
        evaluate(judged, {"q": {"a": 1.0}})
    for duplicates, expected in (("first", 1), ("last", 0), ("once", 1), ("all", 1)):
        assert evaluate(judged, {"q": {"a": 1.0}}, "num_rel", duplicates=duplicates).mean("num_rel") == expected


def test_presets_and_names():
    assert get("trec_eval") == PRESETS["trec_eval"] == Conventions(score_dtype="float32")
    with pytest.raises(ValueError, match="unknown preset 'treceval', expected one of trec_eval,"):
        evaluate({}, {}, "map", "treceval")
    with pytest.raises(TypeError, match="unexpected keyword 'tie'; did you mean 'ties'"):
        evaluate({}, {}, "map", tie="stable")
    with pytest.raises(ValueError, match="ties is 'random', expected one of 'document-descending'"):
        evaluate({}, {}, "map", ties="random")
    with pytest.raises(ValueError, match='unknown measure "ndgc@10"; did you mean "ndcg"'):
        evaluate({}, {}, "ndgc@10")
    with pytest.raises(ValueError, match="named twice"):
        evaluate({}, {}, ["map", "AP"])
    with pytest.raises(ValueError, match="not defined with ties"):
        evaluate({}, {}, "map@5", "sklearn")
    with pytest.raises(ValueError, match="relevance_level: expected a whole number of at least 1, found 0"):
        evaluate({}, {}, "map", relevance_level=0)


# Bad input.


@pytest.mark.parametrize("as_columns", [False, True])
def test_nan_scores_are_named(as_columns):
    run = {"p": {"a": 1.0}, "q": {"a": 1.0, "b": math.nan}}
    with pytest.raises(ValueError, match=r"run(\['q'\]\['b'\]|: row 2): \"score\" is NaN, expected a number"):
        evaluate({"p": {"a": 1}, "q": {"a": 1}}, columns(run) if as_columns else run)


def test_what_is_not_a_number():
    with pytest.raises(TypeError, match=r"run\['q'\]\['a'\]: \"score\" is 'high', expected a number"):
        evaluate({"q": {"a": 1}}, {"q": {"a": "high"}})
    with pytest.raises(TypeError, match=r"qrels\['q'\]\['a'\]: \"grade\" is 0.5, expected a whole number"):
        evaluate({"q": {"a": 0.5}}, {"q": {"a": 0.25}})
    with pytest.raises(TypeError, match=r"run\['q'\]: is 'a', expected a dictionary of scores, or a list"):
        evaluate({"q": {"a": 1}}, {"q": "a"})
    with pytest.raises(TypeError, match=r"run\['q'\]: is a set, which has no order"):
        evaluate({"q": {"a": 1}}, {"q": {"a"}})
    with pytest.raises(TypeError, match=r"qrels\['q'\]: is 1, expected a dictionary of grades, or a list"):
        evaluate({"q": 1}, {"q": {"a": 1.0}})
    with pytest.raises(TypeError, match='qrels: row 0: "grade" is 0.5, expected a whole number'):
        evaluate((["q"], ["a"], [0.5]), {"q": {"a": 0.25}})
    with pytest.raises(ValueError, match="up to 2\\^53"):
        evaluate({"q": {"a": 2**60}}, {"q": {"a": 1.0}})
    with pytest.raises(TypeError, match="qrels: is an int, expected a dict, a path"):
        evaluate(3, {})
    with pytest.raises(ValueError, match="qrels: has 1 columns, expected 3"):
        evaluate((["q"],), {})
    with pytest.raises(ValueError, match="as many of each"):
        evaluate((["q"], ["a", "b"], [1]), {})


def test_ids_of_two_kinds():
    with pytest.raises(TypeError, match="the qrels' documents are text and the run's are integers"):
        evaluate({"q": {"a": 1}}, (["q"], [1], [1.0]))
    with pytest.raises(TypeError, match="text and integers at once"):
        evaluate({"q": {"a": 1}}, {"q": {"a": 1.0, 2: 1.0}})
    with pytest.raises(TypeError, match="neither text nor an integer"):
        evaluate({"q": {"a": 1}}, {"q": {"a": 1.0, None: 1.0}})


def test_negative_grades():
    qrels, run = {"q": {"a": -1, "b": 1}}, {"q": {"a": 2.0, "b": 1.0}}
    assert evaluate(qrels, run, "ndcg").mean("ndcg") == pytest.approx(1 / math.log2(3))
    with pytest.raises(ValueError, match="negative grade, -1"):
        evaluate(qrels, run, "ndcg", "sklearn")


def test_malformed_lines(tmp_path):
    path = tmp_path / "run.txt"
    path.write_text("q Q0 a 1 2.0 tag\nq Q0 b 2 tag\n")
    with pytest.raises(ValueError, match=r"run.txt: line 2 has 5 fields, expected 6 \(query Q0 document"):
        evaluate({"q": {"a": 1}}, path)
    path.write_text("q 0 a one\n")
    with pytest.raises(ValueError, match='run.txt: line 1: "grade" is "one", expected a whole number'):
        evaluate(path, {})
    with pytest.raises(FileNotFoundError):
        evaluate(tmp_path / "nowhere", {})


def test_a_mapping_that_is_edited_while_it_is_read():
    victim = {}

    class Sly(float):
        def __float__(self):
            victim["q"].clear()
            return 1.0

    victim["q"] = {"a": 1.0, "b": Sly(2.0), "c": 1.0}
    # Any number or error will do, but nothing worse.
    try:
        evaluate({"q": {"a": 1, "c": 1}}, victim)
    except (ValueError, TypeError):
        pass


# Statistics.


def test_intervals_and_tests_beside_scipy():
    stats = pytest.importorskip("scipy.stats", reason="pip install scipy")
    qrels, first = draw(10, queries=80)
    second = {q: {d: s + 300 * (qrels[q].get(d, 0) > 0) for d, s in scores.items()} for q, scores in first.items()}
    baseline, candidate = evaluate(qrels, first), evaluate(qrels, second)
    a, b = baseline["map"], candidate["map"]
    [t] = compare(baseline, candidate, "map", test="t")
    assert t["p"] == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-9)
    assert (t["baseline"], t["candidate"]) == (np.mean(a), np.mean(b))
    assert t["difference"] == np.mean(b) - np.mean(a)
    noisy = {q: {d: s + 40 * (zlib.crc32(f"{q} {d}".encode()) % 7) for d, s in v.items()} for q, v in first.items()}
    candidate = evaluate(qrels, noisy)
    b = candidate["map"]
    [r] = compare(baseline, candidate, "map", resamples=20_000)
    theirs = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=20_000, rng=0
    )
    assert r["p"] == pytest.approx(theirs.pvalue, abs=0.02)
    for column, found in ((a, baseline.interval("map")), (b - a, r)):
        low, high = stats.bootstrap(
            (column,), np.mean, method="percentile", n_resamples=10_000, rng=0
        ).confidence_interval
        bounds = (found["low"], found["high"]) if isinstance(found, dict) else (found.low, found.high)
        assert bounds == pytest.approx((low, high), abs=0.08 * (high - low))
    assert baseline.interval("map").value == np.mean(a)


def test_intervals_of_several_measures_are_a_table():
    qrels, run = draw(11, queries=40)
    result = evaluate(qrels, run, ["map", "gm_map"])
    table = result.interval(resamples=300)
    assert isinstance(table, Intervals) and list(table["number"]) == ["map", "gm_map"]
    for row in table:
        alone = result.interval(row["number"], resamples=300)
        assert isinstance(alone, Interval)
        assert (row["value"], row["low"], row["high"], row["error"]) == (
            alone.value, alone.low, alone.high, alone.error)  # fmt: skip
        assert np.array_equal(table.samples[row["number"]], alone.samples)
        assert alone.low < alone.value < alone.high and alone.value == result.mean(row["number"])


def test_a_result_is_a_table_of_queries_and_one_of_means():
    qrels, run = draw(12, queries=9)
    result = evaluate(qrels, run, ["map", "ndcg@5"])
    rows = {row.pop("query"): row for row in result.per_query}
    assert rows == result.to_dict()
    assert dict(zip(*result.summary.columns.values(), strict=True)) == result.means
    pandas = pytest.importorskip("pandas")
    assert list(result.per_query.to_pandas().columns) == ["query", "map", "ndcg@5"]
    assert isinstance(result.per_query.to_pandas(), pandas.DataFrame)


def test_comparisons_of_several_runs():
    qrels, run = draw(11, queries=40)
    results = {name: evaluate(qrels, {q: {d: s * i % 97 for d, s in v.items()} for q, v in run.items()}, ["map", "rr"])
               for i, name in enumerate(("a", "b", "c"), start=3)}  # fmt: skip
    pairs = compare(None, results, resamples=1000)
    assert isinstance(pairs, Comparison)
    names = [("a", "b"), ("a", "c"), ("b", "c")]
    assert [(p["baseline_run"], p["run"], p["number"]) for p in pairs] == [
        (*pair, measure) for measure in ("map", "rr") for pair in names
    ]
    for pair in pairs:
        first, second = results[pair["baseline_run"]], results[pair["run"]]
        alone = compare(first, second, pair["number"], resamples=1000)[0]
        assert {name: pair[name] for name in alone} == alone
        gain = second.mean(pair["number"]) - first.mean(pair["number"])
        assert pair["difference"] == gain != 0
        assert pair["better"] == (pair["low"] > 0)
    holm = sorted(pairs["p"][:3])
    assert sorted(pairs["corrected"][:3])[0] == pytest.approx(min(1.0, 3 * holm[0]))
    assert all(pairs["corrected"] >= pairs["p"])
    with_b = compare(results["b"], {name: results[name] for name in "ac"}, "map", resamples=9)
    assert list(with_b["run"]) == ["a", "c"]
    with_c = compare(results["c"], results["b"], "map", resamples=9)[0]
    assert with_b["difference"][1] == pairs["difference"][2] == -with_c["difference"]
    # The same queries in another order.
    backwards = evaluate(qrels, {q: run[q] for q in reversed(run)}, ["map", "rr"])
    assert compare(backwards, evaluate(qrels, run, ["map", "rr"]), resamples=9)["difference"].tolist() == [0, 0]
    same = compare(results["a"], results["a"], "map")[0]
    assert same["difference"] == 0 and not same["better"] and same["p"] == 1
    with pytest.raises(ValueError, match="the results are of other queries"):
        fewer = {q: run[q] for q in list(run)[1:]}
        compare(results["a"], evaluate(qrels, fewer), "map")
    with pytest.raises(ValueError, match="expected at least 2"):
        compare(None, {"a": results["a"]}, "map")
    with pytest.raises(TypeError, match=r"candidate: expected a result of meanap.ranking.evaluate, found a str"):
        compare(results["a"], "b")
    with pytest.raises(ValueError, match="test is 'z'"):
        compare(None, results, "map", test="z")
    for wrong in (0, -1, 2**70, 2.5, "9"):
        for call in (results["a"].interval, lambda measure, **options: compare(None, results, measure, **options)):
            with pytest.raises(ValueError, match="resamples: expected a whole number from 1 to"):
                call("map", resamples=wrong)
            if wrong != 0:
                with pytest.raises(ValueError, match="seed: expected a whole number of at least 0, found"):
                    call("map", seed=wrong)
            with pytest.raises(ValueError, match="expected a number between 0 and 1"):
                call("map", confidence=1.5)
    with pytest.raises(ValueError, match="resamples: expected a whole number from 1 to 10000000, found 1000000000000"):
        results["a"].interval("map", resamples=10**12)


# Why tools disagree.


@pytest.mark.parametrize("pair", [("trec_eval", "torchmetrics"), ("ranx", "recommenders"), ("tensorflow", "trec_eval")])
def test_changes_add_up_to_the_difference(pair):
    qrels, run = draw(12, ties=5)
    qrels = {q: {**grades, next(iter(grades)): 1} for q, grades in qrels.items()}
    found = explain_difference(qrels, run, *pair, "map@5")
    assert isinstance(found, Difference) and found.names == pair
    ends = [evaluate(qrels, run, "map@5", name).mean("map@5") for name in pair]
    assert [found.baseline, found.candidate] == ends
    assert sum(found["change"]) == pytest.approx(found.difference, abs=1e-12)
    assert found["value"][-1] == ends[1]
    assert set(found["factor"]) == set(get(pair[0]).differing(get(pair[1])))
    assert any(abs(found["change"]) > 1e-4)
    ties = found.ties()
    assert list(ties["side"]) == list(pair) and list(ties["value"]) == ends
    least, expected, greatest = tie_range(qrels, run, "map@5", pair[1])
    assert (ties[1]["least"], ties[1]["expected"], ties[1]["greatest"]) == (
        least.mean("map@5"), expected.mean("map@5"), greatest.mean("map@5"))  # fmt: skip
    assert all(ties["least"] <= ties["expected"]) and all(ties["expected"] <= ties["greatest"])


def test_ties_have_a_range():
    qrels, run = draw(13, ties=3)
    measures = ["map", "ndcg", "rr", "p@5"]
    least, expected, greatest = tie_range(qrels, run, measures)
    for name in measures:
        for ties in ("document-descending", "document-ascending", "stable"):
            values = evaluate(qrels, run, name, ties=ties)[name]
            assert (values >= least[name] - 1e-12).all() and (values <= greatest[name] + 1e-12).all()
        assert (least[name] <= expected[name] + 1e-12).all() and (expected[name] <= greatest[name] + 1e-12).all()
        assert (least[name] < greatest[name]).any()


def test_text_and_integer_documents_are_not_compared_in_silence():
    for qrels, run, kinds in (
        ({"q": {1: 1}}, {"q": {"1": 1.0}}, "integers and the run's are text"),
        ({"q": {"1": 1}}, {"q": {1: 1.0}}, "text and the run's are integers"),
    ):
        for answers in (run, columns(run)):
            for judged in (qrels, columns(qrels)):
                with pytest.raises(TypeError, match=f"query 'q': the qrels' documents are {kinds}"):
                    evaluate(judged, answers)


def test_ids_and_grades_of_numpy_in_dictionaries():
    plain = evaluate({1: {5: 1, 6: 2}}, {1: {6: 0.5, 5: 0.5, 7: 0.5}}, MEASURES)
    two, five, six = np.int64(1), np.int32(5), np.uint8(6)
    found = evaluate(
        {two: {five: np.int64(1), six: np.float32(2)}}, {two: {six: np.float32(0.5), five: 0.5, 7: 0.5}}, MEASURES
    )
    assert np.array_equal(found.values, plain.values)
    assert evaluate({"q": {"a": 1.0, "b": 0.0}}, {"q": {"a": 1.0}}).mean("map") == 1.0
    with pytest.raises(TypeError, match=r"qrels\['q'\]\['a'\]: \"grade\" is 0.5, expected a whole number"):
        evaluate({"q": {"a": 0.5}}, {"q": {"a": 0.25}})
    with pytest.raises(TypeError, match=r"documents\[0\] is 1180591620717411303424"):
        evaluate({"q": {2**70: 1}}, {"q": {2**70: 1.0}})


def test_options_of_another_type_are_named():
    qrels, run = {"q": {"a": 1}}, {"q": {"a": 1.0}}
    for name in ("judged_only", "compensated", "graded_below_level", "positive_scores_only"):
        with pytest.raises(ValueError, match=f"^{name} is 'yes', expected True or False$"):
            evaluate(qrels, run, **{name: "yes"})
    with pytest.raises(TypeError, match="^measures: expected the name of a measure, or a list of names, found b'map'$"):
        evaluate(qrels, run, b"map")
    for measure in (5, ["map"], None):
        with pytest.raises(TypeError, match="^measure: expected the name of a measure, found"):
            explain_difference(qrels, run, "trec_eval", "ranx", measure)
