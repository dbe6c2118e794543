"""trec_eval 10's own expected files: every line of its measures of qrels, as it prints them.

``TREC_EVAL_SOURCE`` names a checkout of github.com/usnistgov/trec_eval at its version 10; its folder ``test`` is read.
"""

import os
import re
from pathlib import Path

import pytest

from meanap.compat.pytrec_eval import RelevanceEvaluator, compute_aggregated_measure

NEW_IN_10 = ["rbp", "rbp_resid", *(f"unj_{k}" for k in (5, 10, 20))]
PARAMETERS = [
    *("iprec_at_recall_0.10,0.20,0.25,0.75,0.50", "P_5,7,3", "recall_20,2000", "Rprec_mult_5.0,0.2,0.35"),
    *("11pt_avg_0.25,0.5,0.75", "ndcg_cut_10,20,23", "success_2,5,20"),
]
#: Expected file: judgements, run, measures, conventions, and a limit on the documents of a query.
CASES = {
    "out.test": ("qrels.test", "results.test", ["official"], {}, None),
    "out.test, comments": ("qrels.test.with-comments", "results.test", ["official"], {}, None),
    "out.comment.test": ("qrels.comment.test", "results.comment.test", ["official"], {}, None),
    "out.test.a": ("qrels.test", "results.test", ["all_trec", *NEW_IN_10], {}, None),
    "out.test.aq": ("qrels.test", "results.test", ["all_trec", *NEW_IN_10], {}, None),
    "out.test.aqc": ("qrels.test", "results.trunc", ["all_trec", *NEW_IN_10], {"missing": "zero"}, None),
    "out.test.aqcM": ("qrels.test", "results.trunc", ["all_trec", *NEW_IN_10], {"missing": "zero"}, 100),
    "out.test.aql": ("qrels.rel_level", "results.test", ["all_trec", *NEW_IN_10], {"relevance_level": 2}, None),
    "out.test.meas_params": ("qrels.test", "results.test", PARAMETERS, {}, None),
}
#: What is not compared: texts, rbp (trec_eval 10 reads memory that it has not set), and gains by grade.
LEFT_OUT = re.compile(r"runid|relstring.*|rbp|ndcg_\d=.*")


def source():
    folder = os.environ.get("TREC_EVAL_SOURCE")
    if not folder:
        pytest.skip("TREC_EVAL_SOURCE names no checkout of github.com/usnistgov/trec_eval")
    return Path(folder) / "test"


def expected_of(path):
    lines = (line.split("\t") for line in path.read_text().splitlines())
    return {
        (measure.strip(), query): value for measure, query, value in lines if not LEFT_OUT.fullmatch(measure.strip())
    }


def shortened(path, depth):
    """The first documents of each query, as the option ``-M`` takes them."""
    lists = {}
    for line in path.read_text().splitlines():
        fields = line.split()
        lists.setdefault(fields[0], []).append((float(fields[4]), fields[2]))
    return {query: {id: score for score, id in sorted(rows, reverse=True)[:depth]} for query, rows in lists.items()}


def printed(measure, value):
    return str(round(value)) if measure.startswith("num_") else f"{value:.4f}"


@pytest.mark.parametrize("name", CASES)
def test_every_line_of_the_expected_file(name):
    folder = source()
    qrels, run, measures, conventions, depth = CASES[name]
    expected = expected_of(folder / name.partition(",")[0])
    answers = folder / run if depth is None else shortened(folder / run, depth)
    if name == "out.test.meas_params":
        measures = [*measures, "utility(2,-1,0,0)"]
        renamed = {"utility_2,-1,0,0": "utility(2,-1,0,0)", "11pt_avg_.25,.5,.75": "11pt_avg"}
        expected = {(renamed.get(measure, measure), query): value for (measure, query), value in expected.items()}
    found = RelevanceEvaluator(folder / qrels, measures, protocol="trec_eval-10", **conventions).evaluate(answers)
    keys = next(iter(found.values()))
    found["all"] = {key: compute_aggregated_measure(key, [row[key] for row in found.values()]) for key in keys}
    assert len(expected) >= 20
    different = {
        (measure, query): (value, found[query].get(measure))
        for (measure, query), value in expected.items()
        if query not in found or measure not in found[query] or printed(measure, found[query][measure]) != value
    }
    assert not different, different
