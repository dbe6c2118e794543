"""Measures beside trec_eval's: the numbers of ir_measures, relevance levels of single measures, groups of queries."""

import math

import numpy as np
import pytest

from meanap.ranking import evaluate, tie_range
from tests.ranking_data import draw

#: Names that are the same in both packages; providers other than trec_eval break ties in another order.
SAME = [
    *("Judged@5", "Judged@20", "Judged"),
    *("Compat", "Compat(p=0.8)", "Compat(p=0.5,normalize=False)"),
    *("INST(max_rel=3)", "INST(T=3.0,max_rel=3)", "INSQ(max_rel=3)", "INSQ(T=2.0,min_rel=1,max_rel=3)"),
    *("SDCG(max_rel=3)@10", "SDCG(max_rel=3)@3", "NERR8(max_rel=3)@10", "NERR9(max_rel=4)@5"),
    *("NERR10(max_rel=3)", "NERR10(p=0.5,max_rel=3)", "NERR11(max_rel=3)", "NERR11(T=2.0,max_rel=3)"),
    *("AP(rel=2)", "AP(rel=3)@10", "P(rel=2)@5", "R(rel=2)@20", "RR(rel=3)", "Rprec(rel=2)", "Bpref(rel=2)"),
    *("IPrec(rel=2)@0.1", "SetP(rel=2)", "SetR(rel=2)", "SetAP(rel=2)", "SetF(rel=2)"),
    *("Success(rel=3)@5", "infAP(rel=2)"),
    *("nDCG@10", "nDCG(dcg='exp-log2')@10", "NumRel", "NumRet", "AP", "RR", "P@7"),
]  # fmt: skip


@pytest.fixture(scope="module")
def given():
    return draw(51, grades=(0, 0, 1, 2, 3), unjudged=0.05)


def of_ir_measures(ir_measures, name, qrels, run):
    """The values of each query."""
    try:
        found = list(ir_measures.iter_calc([ir_measures.parse_measure(name)], qrels, run))
    except (OSError, RuntimeError, TypeError, ValueError) as error:  # TypeError: of a package that is too old
        pytest.skip(f"{name} needs a package, or a version of it, that is not there: {error}")
    return {metric.query_id: metric.value for metric in found}


@pytest.mark.parametrize("name", SAME)
def test_the_numbers_of_ir_measures(given, name):
    ir_measures = pytest.importorskip("ir_measures", reason="pip install ir-measures")
    qrels, run = given
    digits = {"rel": 1e-9, "abs": 1e-12}
    if (
        "exp-log2" in name
    ):  # of gdeval, which takes numbers for queries and grades of at least 0, and prints five digits
        qrels = {q[1:]: {d: max(0, grade) for d, grade in side.items()} for q, side in qrels.items()}
        run = {q[1:]: side for q, side in run.items()}
        digits = {"abs": 1e-5}
    theirs = of_ir_measures(ir_measures, name, qrels, run)
    ours = evaluate(qrels, run, name, missing="zero").to_dict()
    assert len(theirs) == len(run)
    for query, expected in theirs.items():
        (value,) = ours[query].values()
        assert value == pytest.approx(expected, **digits), query


def test_a_level_of_one_measure_is_that_of_an_evaluation_with_it(given):
    qrels, run = given
    names = ["map", "map@5", "rr", "p@5", "recall@9", "rprec", "bpref", "rbp", "f1@5", "hit@3", "hits@9", "set_map",
             "iprec@0.2", "11pt_avg", "gm_map", "num_rel", "num_rel_ret", "relative_p@5"]  # fmt: skip
    for level in (1, 2, 3):
        whole = evaluate(qrels, run, names, relevance_level=level)
        own = [f"{name}(rel={level})" if "@" not in name else name.replace("@", f"(rel={level})@") for name in names]
        mixed = evaluate(qrels, run, [*own, *names])
        assert np.array_equal(mixed.values[:, : len(names)], whole.values)
        assert np.array_equal(mixed.values[:, len(names) :], evaluate(qrels, run, names).values)


def test_dcg_and_hits_by_their_definition(given):
    qrels, run = given
    found = evaluate(qrels, run, ["dcg@7", "dcg(dcg=exp-log2)@7", "hits@7", "p@7", "ndcg@7"])
    for query, row in found.to_dict().items():
        ranked = sorted(run[query], key=run[query].get, reverse=True)[:7]
        grades = [max(0, qrels[query].get(document, 0)) for document in ranked]
        gains = [grade / math.log2(rank + 2) for rank, grade in enumerate(grades)]
        assert row["dcg@7"] == pytest.approx(sum(gains), rel=1e-14)
        steep = [(2**grade - 1) / math.log2(rank + 2) for rank, grade in enumerate(grades)]
        assert row["dcg(dcg=exp-log2)@7"] == pytest.approx(sum(steep), rel=1e-14)
        assert row["hits@7"] == sum(grade > 0 for grade in grades) == round(7 * row["p@7"])
        ideal = sorted((max(0, grade) for grade in qrels[query].values()), reverse=True)[:7]
        best = sum(grade / math.log2(rank + 2) for rank, grade in enumerate(ideal))
        assert row["ndcg@7"] == pytest.approx(sum(gains) / best if best else 0.0, rel=1e-13)


def test_new_measures_over_ties(given):
    qrels, run = draw(52, ties=3)
    names = ["dcg@5", "hits@5", "judged@5", "map(rel=2)@5", "ndcg(dcg=exp-log2)@5"]
    least, expected, greatest = tie_range(qrels, run, names)
    orders = [
        evaluate(qrels, {q: {d: s + 1e-3 * rng.random() for d, s in side.items()} for q, side in run.items()}, names)
        for rng in map(np.random.default_rng, range(300))
    ]
    for name in names:
        mean = np.mean([order[name] for order in orders], axis=0)
        assert expected[name] == pytest.approx(mean, abs=0.25), name
        assert np.mean(expected[name] - mean) == pytest.approx(0, abs=0.01), name
        if name != "judged@5":  # an order that is good for grades need not be so for judgements
            assert (least[name] <= expected[name] + 1e-12).all() and (expected[name] <= greatest[name] + 1e-12).all()
    for name in ("compat", "inst", "sdcg@5", "nerr10"):
        with pytest.raises(ValueError, match="has no closed form over ties"):
            evaluate(qrels, run, name, ties="expected")


def test_a_perfect_list_is_compatible_and_an_empty_one_is_not():
    qrels = {"q": {"a": 3, "b": 1, "c": 1, "d": 0}}
    names = ["compat", "compat(normalize=False)"]
    perfect = evaluate(qrels, {"q": ["a", "c", "b"]}, names)
    assert perfect.mean("compat") == 1.0 and perfect.mean("compat(normalize=False)") == pytest.approx(1.0)
    assert evaluate(qrels, {"q": ["d", "x"]}, "compat").mean("compat") == 0.0
    longer = evaluate(qrels, {"q": ["a", "b", "c", *"xyz"]}, names)
    assert longer.mean("compat") == pytest.approx(1.0) and longer.mean("compat(normalize=False)") < 1


def test_groups_of_queries(given):
    qrels, run = given
    result = evaluate(qrels, run, ["map", "gm_map"])
    groups = {query: "long" if len(run[query]) > 40 else i % 2 for i, query in enumerate(qrels)}
    table = result.per_group(groups)
    assert sum(table["queries"]) == len(result) and set(table["group"]) == set(groups.values())
    for row in table:
        members = {q: run[q] for q in run if groups[q] == row["group"]}
        alone = evaluate(qrels, members, ["map", "gm_map"])
        assert row["queries"] == len(alone)
        assert (row["map"], row["gm_map"]) == (alone.mean("map"), alone.mean("gm_map"))
    assert result.macro(groups)["map"] == pytest.approx(np.mean(table["map"]))
    weighted = np.average(table["map"], weights=table["queries"])
    assert result.mean("map") == pytest.approx(weighted)
    one = dict.fromkeys(qrels, "all")
    assert result.macro(one) == result.means
    with pytest.raises(ValueError, match="groups: query 'q0' has no group"):
        result.per_group({})


@pytest.mark.parametrize(
    "name", ["INST(max_rel=1)", "INSQ(T=9.0,max_rel=1)", "NERR10(p=0.999,max_rel=1)", "SDCG(max_rel=1)@2000"]
)
def test_a_thousand_documents_count_to_a_reader(name):
    ir_measures = pytest.importorskip("ir_measures", reason="pip install ir-measures")
    qrels = {"last": {"d999": 1}, "beyond": {"d1000": 1}, "both": {"d5": 1, "d999": 1, "d1000": 1}}
    run = {query: {f"d{i}": 2000.0 - i for i in range(1100)} for query in qrels}
    ours = evaluate(qrels, run, name).to_dict()
    theirs = of_ir_measures(ir_measures, name, qrels, run)
    for query, row in ours.items():
        assert list(row.values()) == pytest.approx([theirs[query]], rel=1e-9, abs=1e-15)
    assert ours["last"] != ours["beyond"] and set(ours["beyond"].values()) == {0.0}
