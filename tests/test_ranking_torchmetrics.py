"""The preset `torchmetrics` against torchmetrics' stored results, and against torchmetrics where it is installed."""

import json
import math
from pathlib import Path

import pytest

from meanap.ranking import evaluate, tie_range
from tests.ranking_data import columns
from tests.stored.ask_torchmetrics import FUNCTIONS, ask, cases

STORED = json.loads((Path(__file__).parent / "stored" / "torchmetrics.json").read_text(encoding="utf-8"))["cases"]


def found(measure, scores, grades, k, **changes):
    name = measure if k is None or measure == "rprec" else f"{measure}@{k}"
    qrels, run = {"q": dict(enumerate(grades))}, {"q": dict(enumerate(scores))}
    values = [evaluate(qrels, run, name, "torchmetrics", **changes).mean(name)]
    values.append(evaluate(columns(qrels), columns(run), name, "torchmetrics", **changes).mean(name))
    assert values[0] == values[1]
    return values[0]


def test_the_stored_cases_are_those_that_the_script_makes():
    assert [(case["scores"], case["grades"], case["k"]) for case in STORED] == list(cases())


@pytest.mark.parametrize("measure", FUNCTIONS)
def test_scores_of_both_signs(measure):
    # Single precision, in which torchmetrics computes.
    for case in STORED:
        expected = case["values"][measure]
        value = found(measure, case["scores"], case["grades"], case["k"])
        assert value == pytest.approx(expected, rel=1e-6, abs=0), case
    assert len({case["values"][measure] for case in STORED}) > 1


@pytest.mark.parametrize("measure", FUNCTIONS)
def test_torchmetrics_itself(measure):
    torch = pytest.importorskip("torch", reason="pip install torch torchmetrics")
    retrieval = pytest.importorskip("torchmetrics.functional.retrieval", reason="pip install torch torchmetrics")
    for scores, grades, k in cases():
        expected = ask(torch, retrieval, measure, scores, grades, k)
        assert found(measure, scores, grades, k) == pytest.approx(expected, rel=1e-6, abs=0)


@pytest.mark.parametrize("measure", ["map", "p", "recall", "rr", "f1"])
def test_a_relevant_document_with_a_score_of_zero_is_not_found(measure):
    qrels, run = {"q": {"a": 1, "b": 1}}, {"q": {"a": 0.0, "b": -1.0, "c": 2.0}}
    for ties in ("stable", "expected", "optimistic"):
        assert evaluate(qrels, run, measure, positive_scores_only=True, ties=ties).mean(measure) == 0
        assert evaluate(qrels, run, measure, ties=ties).mean(measure) > 0
    least = {"q": {"a": math.ulp(0.0), "b": -1.0, "c": 2.0}}
    # In single precision the least double is 0.
    for score_dtype, counts in (("float64", True), ("float32", False)):
        value = evaluate(qrels, least, measure, positive_scores_only=True, score_dtype=score_dtype).mean(measure)
        assert (value > 0) is counts


@pytest.mark.parametrize("measure", ["hit", "rprec", "ndcg", "bpref", "rbp", "num_rel_ret", "err@3"])
def test_the_others_count_documents_of_any_score(measure):
    qrels, run = {"q": {"a": 1, "b": 1}}, {"q": {"a": 0.0, "b": -1.0, "c": -2.0}}
    for ties in ("stable", "expected"):
        plain = evaluate(qrels, run, measure, ties=ties).mean(measure)
        assert evaluate(qrels, run, measure, positive_scores_only=True, ties=ties).mean(measure) == plain > 0


def test_a_tie_at_zero_is_dropped_under_every_order():
    qrels, run = {"q": {"a": 1, "b": 1}}, {"q": {"a": 0.0, "x": 0.0, "b": 1.0, "y": 1.0}}
    ranges = tie_range(qrels, run, ["p@3", "recall@3", "rr"], positive_scores_only=True)
    assert [result.means for result in ranges] == [{"p@3": 1 / 3, "recall@3": 0.5, "rr": rr} for rr in (0.5, 0.75, 1.0)]
