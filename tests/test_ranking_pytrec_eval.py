"""All of pytrec_eval's measures, names and options beside it, to the last bit."""

import io
import json
import math
import random

import numpy as np
import pytest

from meanap.cli import main
from meanap.ranking import (
    RelevanceEvaluator,
    compare,
    compute_aggregated_measure,
    evaluate,
    parse_qrel,
    parse_run,
    supported_measures,
    supported_nicknames,
    tie_range,
)
from tests.ranking_data import columns, draw, write_trec

pytrec_eval = pytest.importorskip("pytrec_eval", reason="pip install pytrec-eval-terrier")

CASES = [
    dict(seed=31),
    dict(seed=32, ties=1),
    dict(seed=33, ties=4, unjudged=0.3),
    dict(seed=34, grades=(0, 1), ties=2),
    dict(seed=35, grades=(0, 0, 0, 7, 12), documents=6, answered=5, ties=3),
    dict(seed=36, grades=(1, 3), documents=8, answered=7),
    dict(seed=37, grades=(0,), queries=20),
    dict(seed=38, grades=(0, 0, 1), documents=40, answered=3),
    dict(seed=39, queries=4, documents=2500, answered=2400, ties=90, unjudged=0.1),
    dict(seed=44, queries=1, documents=30_000, answered=25_000, ties=40),
]


def measurable(qrels, level):
    """Queries of which trec_eval reads no memory that it has not written: some grade is at least the level less one."""
    return {query: grades for query, grades in qrels.items() if max(grades.values()) >= level - 1}


def agrees(found, expected):
    assert list(found) == list(expected)
    for query, values in expected.items():
        assert found[query].keys() == values.keys()
        for name, value in values.items():
            # DIFFERENCE: without a document trec_eval divides 0 by 0, and has no recall to interpolate at.
            assert found[query][name] == (0.0 if math.isnan(value) else value), (query, name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["seed"]))
@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("judged_only", [False, True])
def test_every_measure(case, level, judged_only):
    qrels, run = draw(**case)
    qrels = measurable(qrels, level)
    options = dict(relevance_level=level, judged_docs_only_flag=judged_only)
    expected = pytrec_eval.RelevanceEvaluator(qrels, pytrec_eval.supported_measures, **options).evaluate(run)
    evaluator = RelevanceEvaluator(qrels, supported_measures, **options)
    agrees(evaluator.evaluate(run), expected)
    agrees(evaluator.evaluate(columns(run)), expected)
    agrees(RelevanceEvaluator(columns(qrels), supported_measures, **options).evaluate(columns(run)), expected)


@pytest.mark.parametrize(
    "asked",
    [
        {"official"},
        {"set"},
        {"all_trec"},
        {"official", "P_7"},
        {"ndcg_cut_20,4"},
        {"ndcg_cut.20,4", "ndcg_cut_5"},
        {"P", "P_10,5"},
        {"iprec_at_recall_0.10"},
        {"iprec_at_recall.0.1,0.15", "iprec_at_recall_0.7"},
        {"Rprec_mult_0.3,1", "Rprec_mult"},
        {"set_F_0.5"},
        {"set_F.2"},
        {"set_F_0.5,2"},
        {"utility_1,2,3,4"},
        {"11pt_avg_0.2,0.5,0.8"},
        {"relstring_5", "runid"},
        {"success_3,1", "relative_P.2", "recall_8", "map_cut_3,6"},
        {"gm_map", "gm_bpref", "num_q", "G", "binG", "Rndcg", "ndcg_rel"},
        {"map_5", "set_P_3", "recip_rank.10,20", "bpref_1.5"},
        {"P_5.0", "success_1.9"},
    ],
    ids=lambda asked: " ".join(sorted(asked)),
)
def test_names(asked):
    for case in CASES[:4]:
        qrels, run = draw(**case)
        qrels = measurable(qrels, 1)
        expected = pytrec_eval.RelevanceEvaluator(qrels, asked).evaluate(run)
        agrees(RelevanceEvaluator(qrels, asked).evaluate(run), expected)
        agrees(RelevanceEvaluator(qrels, asked, 1, True).evaluate(run),
               pytrec_eval.RelevanceEvaluator(qrels, asked, 1, True).evaluate(run))  # fmt: skip


def test_what_is_supported():
    assert supported_measures == set(pytrec_eval.supported_measures)
    theirs = {name: set(members) for name, members in pytrec_eval.supported_nicknames.items()}
    # Its other nicknames have members that it does not support itself.
    assert supported_nicknames == {name: m for name, m in theirs.items() if m <= supported_measures}
    assert {"official", "set", "all_trec"} <= set(supported_nicknames)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("P_0", "expected a whole number from 1 to 4294967295"),
        ("P_5_10", "expected a whole number"),
        ("P_", "unknown measure"),
        ("ndcg_cut_5,x", "expected a whole number"),
        ("utility_1,2", "expected four numbers"),
        ("set_P_3x", "takes no parameter"),
        ("treceval", "unknown measure"),
        ("all_prefs", "judgements that are preferences, or of several judges, are not supported"),
        ("prefs", "judgements that are preferences"),
        ("qrels_jg", "or of several judges"),
        ("map_avgjg", "or of several judges"),
    ],
)
def test_names_that_are_none(name, message):
    with pytest.raises(ValueError, match=message):
        RelevanceEvaluator({"q": {"a": 1}}, {name})


@pytest.mark.parametrize("asked", ["official", "set", "all_trec", "ndcg_cut.10,5", "P_7,3", "iprec_at_recall.0.1,0.25"])
def test_evaluate_and_the_command_take_names_for_several_measures(tmp_path, capsys, asked):
    qrels, run = draw(**CASES[2])
    qrels = measurable(qrels, 1)
    expected = pytrec_eval.RelevanceEvaluator(qrels, {asked}).evaluate(run)
    keys = list(RelevanceEvaluator(qrels, {asked}).evaluate(run)["q0"])
    result = evaluate(qrels, run, asked)
    assert len(result.measures) == len(keys) == len(expected["q0"])
    for query, row in result.to_dict().items():
        assert list(row.values()) == [expected[query][key] for key in keys]
    same = compare(result, result, asked)
    assert [row["number"] for row in same] == list(result.measures)
    files = write_trec(tmp_path / "qrels", qrels, run=False), write_trec(tmp_path / "run", run, run=True)
    assert main(["rank", *map(str, files), "-m", asked, "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["run"]["means"] == result.means


@pytest.mark.parametrize("ties", ["document-descending", "document-ascending", "stable", "pessimistic", "optimistic"])
def test_judged_documents_alone_are_the_list_without_the_others(tmp_path, ties):
    measures = ["map", "ndcg@5", "bpref", "infap", "p@3", "num_ret", "num_nonrel_judged_ret", "rr", "g"]
    qrels, run = draw(40, ties=3, unjudged=0.2)
    kept = {q: {d: s for d, s in scores.items() if qrels[q].get(d, -1) >= 0} for q, scores in run.items()}
    expected = evaluate(qrels, kept, measures, ties=ties)
    files = write_trec(tmp_path / "q", qrels, run=False), write_trec(tmp_path / "r", run, run=True)
    for judged, answers in ((qrels, run), (columns(qrels), columns(run)), (qrels, columns(run)), files):
        found = evaluate(judged, answers, measures, ties=ties, judged_only=True)
        assert np.array_equal(found.values, expected.values)
    assert (expected["num_ret"] < evaluate(qrels, run, "num_ret")["num_ret"]).any()


def test_geometric_means():
    qrels, run = draw(41, queries=50)
    names = {"gm_map", "gm_bpref", "num_rel", "map"}
    result = RelevanceEvaluator(qrels, names).measure(run)
    for name in names:
        values = result[name].tolist()
        expected = pytrec_eval.compute_aggregated_measure(name, values)
        assert compute_aggregated_measure(name, values) == expected
        if not name.startswith("num"):
            assert result.mean(name) == result.means[name] == pytest.approx(expected, rel=1e-14)
    assert result.mean("gm_map") < result.mean("map")
    interval = result.interval("gm_map", resamples=500)
    assert 0 < interval.low < interval.value == result.mean("gm_map") < interval.high
    other = evaluate(qrels, {q: dict.fromkeys(scores, 1) for q, scores in run.items()}, "gm_map", missing="skip")
    (pair,) = compare(result, other, "gm_map")
    assert pair["difference"] == other.mean("gm_map") - result.mean("gm_map")
    assert pair["low"] < pair["difference"] < pair["high"] and 0 < pair["p"] <= 1


def test_ties_have_a_range_where_there_is_a_closed_form():
    qrels, run = draw(42, ties=3)
    measures = ["relative_p@4", "rprec_mult@0.7", "f(x=0.5)", "set_map", "utility", "num_nonrel_judged_ret"]
    least, expected, greatest = tie_range(qrels, run, measures)
    for name in measures:
        assert (least[name] <= expected[name] + 1e-12).all() and (expected[name] <= greatest[name] + 1e-12).all()
    for name in ("gm_map", "iprec@0.1", "11pt_avg", "g", "bing", "rndcg", "ndcg_rel"):
        with pytest.raises(ValueError, match=f"{name} has no closed form over ties"):
            evaluate(qrels, run, name, ties="expected")


def test_lines_become_dictionaries():
    qrels, run = draw(43, ties=7)
    texts = [
        "".join(f"{q} 0 {d} {g}\n" for q, grades in qrels.items() for d, g in grades.items()),
        "".join(f"{q} Q0 {d} 1 {s!r} tag\n" for q, scores in run.items() for d, s in scores.items()),
    ]
    assert parse_qrel(io.StringIO(texts[0])) == dict(pytrec_eval.parse_qrel(io.StringIO(texts[0]))) == qrels
    assert parse_run(io.StringIO(texts[1])) == dict(pytrec_eval.parse_run(io.StringIO(texts[1]))) == run
    assert parse_run(["\ufeffq Q0 a 1 2 t and more", "", "# note"]) == {"q": {"a": 2.0}}
    for call, lines, message in (
        (parse_run, ["q Q0 a 1 2 t", "q Q0 a 1 2"], "line 2: has 5 fields, expected 6"),
        (parse_run, ["q Q0 a 1 x t"], "line 1: score is 'x', expected a number"),
        (parse_run, ["q Q0 a 1 2 t"] * 2, "line 2: query 'q' has document 'a' twice"),
        (parse_qrel, ["q 0 a 1 2"], "line 1: has 5 fields, expected 4"),
        (parse_qrel, ["q 0 a 0.5"], "line 1: grade is '0.5', expected a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            call(lines)


def test_ir_measures_takes_meanap_for_pytrec_eval():
    ir_measures = pytest.importorskip("ir_measures", reason="pip install ir_measures")
    from meanap import compat
    from meanap.compat import pytrec_eval as ours

    qrels, run = draw(seed=31)
    judged = [ir_measures.Qrel(q, d, g) for q, grades in qrels.items() for d, g in grades.items()]
    scored = [ir_measures.ScoredDoc(q, d, s) for q, scores in run.items() for d, s in scores.items()]
    measures = [ir_measures.AP, ir_measures.nDCG @ 10, ir_measures.P(judged_only=True) @ 5, ir_measures.RR(rel=2)]

    def values():
        provider = type(ir_measures.pytrec_eval)()
        assert provider.is_available()
        found = {(m.query_id, str(m.measure)): m.value for m in provider.iter_calc(measures, judged, scored)}
        return provider.pytrec_eval, found

    module, expected = values()
    assert module is pytrec_eval
    with compat.standing_in("pytrec_eval"):
        module, found = values()
    assert module is ours and found == expected and len(found) > 40


GAINS = ["1=3,2=9.0", "0=2,1=3", "3=-1", "5=7", "3=1,4=0", "1=0,2=0,3=0,4=0"]


@pytest.mark.parametrize("gains", GAINS)
@pytest.mark.parametrize("name", ["ndcg", "ndcg_rel", "Rndcg", "G"])
def test_a_gain_for_each_grade(name, gains):
    # pytrec_eval's class does not let such names through to its extension.
    theirs = pytest.importorskip("pytrec_eval_ext").RelevanceEvaluator
    rng = random.Random(gains)
    documents = [f"d{i}" for i in range(40)]
    qrels, run = {}, {}
    for n in range(30):
        judged, retrieved = (
            rng.sample(documents, rng.choice([1, 5, 30])),
            rng.sample(documents, rng.choice([1, 10, 40])),
        )
        qrels[f"q{n}"] = {document: rng.choice([0, 0, 1, 2, 3, 4, -1]) for document in judged}
        run[f"q{n}"] = {document: float(rng.randint(0, 20)) for document in retrieved}
    measure = f"{name}.{gains}"
    arguments = {"query_relevance": qrels, "measures": {measure}, "relevance_level": 1, "judged_docs_only_flag": False}
    expected = theirs(**arguments).evaluate(run)
    found = RelevanceEvaluator(qrels, {measure}).evaluate(run)
    own = evaluate(qrels, run, f"{name}({gains})").to_dict()
    for query, row in expected.items():
        # DIFFERENCE: where no grade has a gain above 0, trec_eval divides 0 by 0.
        value = 0.0 if math.isnan(row[name]) else row[name]
        assert found[query] == {name: value}
        assert list(own[query].values()) == [value]


def test_gains_that_differ_by_less_than_1_are_in_order():
    # DIFFERENCE: trec_eval compares such gains as equal, and may put the lower one first in the ideal list.
    qrels, run = {"q": {"a": 1, "b": 2}}, {"q": {"b": 2.0, "a": 1.0}}
    assert evaluate(qrels, run, "ndcg(1=1.25,2=1.5)").mean("ndcg(1=1.25,2=1.5)") == 1.0
    assert evaluate(qrels, run, "ndcg(1=1.5,2=1.25)").mean("ndcg(1=1.5,2=1.25)") < 1.0


@pytest.mark.parametrize("ties", ["expected", "optimistic", "pessimistic", "stable"])
def test_gains_go_with_every_order_of_ties(ties):
    # The grade 3 with the gain 4 is as a grade 4.
    rng = random.Random(ties)
    qrels = {f"q{n}": {f"d{i}": rng.choice([0, 1, 2, 3]) for i in range(20)} for n in range(20)}
    run = {query: {f"d{i}": float(rng.randint(0, 3)) for i in range(20)} for query in qrels}
    other = {query: {d: {3: 4}.get(g, g) for d, g in side.items()} for query, side in qrels.items()}
    names = "ndcg", "ndcg@5", "dcg@5"
    given = [name.replace("@", "(3=4)@") if "@" in name else f"{name}(3=4)" for name in names]
    found = evaluate(qrels, run, given, ties=ties).values
    np.testing.assert_allclose(found, evaluate(other, run, names, ties=ties).values, rtol=1e-14)


def test_the_greatest_value_of_ties_is_not_known_where_a_greater_grade_gains_less():
    with pytest.raises(ValueError, match=r"ndcg\(2=0\) is not defined with this order of ties"):
        evaluate({"q": {"a": 1}}, {"q": {"a": 1.0}}, "ndcg(2=0)", ties="optimistic")


@pytest.mark.parametrize("name", ["nDCG(gains={1:3,2:9})", "nDCG(gains={1:3,2:9})@10", "nDCG(gains={0:1})@5"])
def test_gains_of_ir_measures(name):
    ir_measures = pytest.importorskip("ir_measures")
    rng = random.Random(name)
    qrels = {f"q{n}": {f"d{i}": rng.choice([0, 0, 1, 2]) for i in range(20)} for n in range(20)}
    run = {query: {f"d{i}": rng.random() for i in range(25)} for query in qrels}
    expected = {row.query_id: row.value for row in ir_measures.iter_calc([ir_measures.parse_measure(name)], qrels, run)}
    for query, row in evaluate(qrels, run, name).to_dict().items():
        assert list(row.values()) == pytest.approx([expected[query]], rel=1e-13)


@pytest.mark.parametrize(
    "name",
    ["SetF(beta=0.5)", "SetF(beta=2.0,rel=2)", "SetP(relative=True)", "SetRelP(rel=2)", "NumRet", "NumRet(rel=2)"],
)
def test_names_of_ir_measures(name):
    ir_measures = pytest.importorskip("ir_measures")
    qrels, run = draw(46, unjudged=0.1)
    expected = {row.query_id: row.value for row in ir_measures.iter_calc([ir_measures.parse_measure(name)], qrels, run)}
    found = {query: value for query, row in evaluate(qrels, run, name).to_dict().items() for value in row.values()}
    assert found == expected
