"""err, rbp and their kin beside programs and formulas that are not ours."""

import inspect
import math
import time

import pytest

from meanap.ranking import evaluate, tie_range
from tests.ranking_data import draw

CASES = [
    dict(seed=11, grades=(0, 0, 1, 2, 3, 4)),
    dict(seed=12, grades=(0, 1)),
    dict(seed=13, queries=9, documents=400),
]


def numbered(table):
    """The same with queries that are numbers, as gdeval wants them."""
    return {str(100 + i): documents for i, documents in enumerate(table.values())}


def grades_by_rank(qrels, run):
    """For each query the grades of its list, best score first (scores are distinct)."""
    for query, scores in run.items():
        judged = qrels[query]
        yield query, [max(judged.get(d, 0), 0) for d in sorted(scores, key=lambda d, s=scores: -s[d])]


def expected_reciprocal_rank(grades, k, greatest):
    """Chapelle, Metzler, Zhang and Grinspan, "Expected reciprocal rank for graded relevance", CIKM 2009, equations 4
    and 5: the sum over ranks r of 1/r times the probability that the user stops at r and at none before."""
    chances = [(2**grade - 1) / 2**greatest for grade in grades[:k]]
    stops = [math.prod(1 - c for c in chances[:r]) * chance for r, chance in enumerate(chances)]
    return math.fsum(stop / (r + 1) for r, stop in enumerate(stops))


def rank_biased_precision(grades, p, k=None, level=1):
    """Moffat and Zobel, "Rank-biased precision for measurement of retrieval effectiveness", TOIS 2008, equation 1."""
    return (1 - p) * math.fsum(p**r for r, grade in enumerate(grades[:k]) if grade >= level)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["seed"]))
@pytest.mark.parametrize("k", [1, 5, 20, 1000])
def test_err_by_its_paper(case, k):
    qrels, run = draw(**case)
    greatest = max(grade for grades in qrels.values() for grade in grades.values())
    found = evaluate(qrels, run, [f"err@{k}", f"err(max=5)@{k}"], "trec_eval-10")
    for query, grades in grades_by_rank(qrels, run):
        for name, most in ((f"err@{k}", greatest), (f"err(max=5)@{k}", 5)):
            value = found[name][found.queries.index(query)]
            assert value == pytest.approx(expected_reciprocal_rank(grades, k, most), rel=1e-13, abs=1e-300)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["seed"]))
@pytest.mark.parametrize(("p", "level"), [(0.5, 1), (0.8, 1), (0.95, 2), (0.999, 1)])
def test_rbp_by_its_paper(case, p, level):
    qrels, run = draw(**case)
    names = [f"rbp(p={p})", f"rbp(p={p})@7"]
    found = evaluate(qrels, run, names, "trec_eval-10", relevance_level=level)
    for query, grades in grades_by_rank(qrels, run):
        for name, k in zip(names, (None, 7), strict=True):
            value = found[name][found.queries.index(query)]
            assert value == pytest.approx(rank_biased_precision(grades, p, k, level), rel=1e-13, abs=1e-300)


def test_by_hand():
    qrels, run = {"q": {"a": 2, "b": 1, "c": 0}}, {"q": {"b": 3.0, "x": 2.0, "a": 1.0}}
    found = evaluate(qrels, run, ["err@10", "rbp(p=0.5)"])
    # Stops at b with 1/4; else, past x, at a with 3/4.
    assert found["err@10"][0] == pytest.approx(1 / 4 + 3 / 4 * 3 / 4 / 3, abs=1e-15)
    assert found["rbp(p=0.5)"][0] == 0.5 * (1 + 0.25)
    # A user who never stops at a document of grade 0.
    assert evaluate({"q": {"a": 1, "b": 0}}, {"q": {"b": 1.0}}, ["err@10", "rbp"])["err@10"][0] == 0.0


@pytest.fixture(scope="module")
def ir_measures():
    return pytest.importorskip("ir_measures", reason="pip install ir_measures")


def theirs(ir_measures, provider, measures, qrels, run):
    """Query to measure to value, by a program that ir_measures drives."""
    judged = [ir_measures.Qrel(q, d, g) for q, grades in qrels.items() for d, g in grades.items()]
    scored = [ir_measures.ScoredDoc(q, d, s) for q, scores in run.items() for d, s in scores.items()]
    found = {}
    for metric in provider.iter_calc(measures, judged, scored):
        found.setdefault(metric.query_id, {})[metric.measure] = metric.value
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["seed"]))
def test_gdeval(ir_measures, case):
    if not ir_measures.gdeval.is_available():
        pytest.skip("gdeval needs perl")
    qrels, run = map(numbered, draw(**case))
    asked = [ir_measures.ERR @ 20, ir_measures.ERR @ 5, ir_measures.nDCG(dcg="exp-log2") @ 20]
    expected = theirs(ir_measures, ir_measures.gdeval, asked, qrels, run)
    # gdeval's greatest grade is 4; it prints five digits.
    found = evaluate(qrels, run, ["err(max=4)@20", "err(max=4)@5", "ndcg@20"], "trec_eval-10", gain="exponential")
    assert len(expected) == len(found)
    for query, row in zip(found.queries, found.values.tolist(), strict=True):
        for measure, value in zip(asked, row, strict=True):
            assert value == pytest.approx(expected[query][measure], abs=0.6e-5), (query, measure)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["seed"]))
@pytest.mark.parametrize("p", [0.5, 0.8, 0.95])
def test_cwl_eval(ir_measures, case, p):
    cwl = pytest.importorskip("cwl.cwl_eval", reason="pip install cwl-eval")
    if "min_gain" not in inspect.signature(cwl.RankingMaker).parameters:
        pytest.skip("ir_measures needs a newer cwl-eval")
    qrels, run = draw(**case)
    asked = ir_measures.RBP(p=p, rel=1)
    expected = theirs(ir_measures, ir_measures.cwl_eval, [asked], qrels, run)
    name = f"rbp(p={p})"
    found = evaluate(qrels, run, name, "trec_eval-10")
    for query, value in zip(found.queries, found[name].tolist(), strict=True):
        # It adds the gain of ranks beyond the list as nothing, down to a depth of a thousand.
        assert value == pytest.approx(expected[query][asked], rel=1e-9), query


@pytest.mark.parametrize("name", ["err@5", "rbp(p=0.8)"])
def test_expected_over_ties_is_the_mean_over_all_orders(name):
    from itertools import permutations

    qrels = {"q": {"a": 1, "b": 2, "c": 0}}
    scores = {"q": dict.fromkeys("abcd", 1.0) | {"z": 2.0}}
    least, mean, greatest = (result.mean(name) for result in tie_range(qrels, scores, [name]))
    values = []
    for order in permutations("abcd"):
        run = {"q": {"z": 9.0} | {d: float(-i) for i, d in enumerate(order)}}
        values.append(evaluate(qrels, run, name).mean(name))
    assert mean == pytest.approx(math.fsum(values) / len(values), rel=1e-13)
    assert (least, greatest) == pytest.approx((min(values), max(values)), rel=1e-13)


def test_one_huge_tie_is_measured_in_linear_time():
    n, relevant = 400_000, 100_000
    documents = [str(i) for i in range(n)]
    grades = {document: 1 + i % 3 for i, document in enumerate(documents[:relevant])}
    qrels, run = {"q": grades}, {"q": dict.fromkeys(documents, 1.0)}
    measures = [
        "rr",
        "rr@50",
        "hit@7",
        "hit",
        "err@20",
        "err@100000",
        "map",
        "map@1000",
        "ndcg",
        "bpref",
        "rbp",
        "f1@9",
    ]
    for divisor in ("relevant", "found"):
        started = time.process_time()
        found = evaluate(qrels, run, measures, ties="expected", divisor=divisor)
        # A step for each pair of a relevant document and a place would be 10^10 of them.
        assert time.process_time() - started < 10
        missed = math.prod((n - relevant - i) / (n - i) for i in range(7))
        assert found.mean("hit@7") == pytest.approx(1 - missed, rel=1e-12) and found.mean("hit") == 1
        # Nearly as with replacement: the sum of (1 - p)^(i - 1) p / i is p ln(1 / p) / (1 - p).
        p = relevant / n
        assert found.mean("rr") == pytest.approx(p * math.log(1 / p) / (1 - p), rel=1e-4)
        assert found.mean("rr@50") == pytest.approx(found.mean("rr"), rel=1e-6)
        stop = p * (1 / 8 + 3 / 8 + 7 / 8) / 3
        assert found.mean("err@100000") == pytest.approx(stop * math.log(1 / stop) / (1 - stop), rel=1e-4)


def test_the_only_relevant_document_of_a_tie_is_at_each_place_alike():
    for n in (1, 2, 7, 5000):
        run = {"q": dict.fromkeys(map(str, range(n)), 0.5)}
        found = evaluate({"q": {"0": 1}}, run, ["rr", "map", "hit@3"], ties="expected")
        harmonic = math.fsum(1 / i for i in range(1, n + 1)) / n
        assert found.mean("rr") == pytest.approx(harmonic, rel=1e-12)
        assert found.mean("map") == pytest.approx(harmonic, rel=1e-12)
        assert found.mean("hit@3") == pytest.approx(min(3, n) / n, rel=1e-12)
