"""Each preset beside the library that it is named after, live; bit for bit where that library computes in double."""

import math
import os
import shutil
import subprocess

import numpy as np
import pytest

from meanap.ranking import AveragePrecisionAtK, RelevanceEvaluator, evaluate
from tests.ranking_data import columns, draw, write_trec

CASES = [
    dict(seed=1),
    dict(seed=2, ties=3),
    dict(seed=3, ties=8, unjudged=0.3),
    dict(seed=4, grades=(0, 1)),
    dict(seed=5, grades=(0, 0, 0, 1), documents=20, answered=15, ties=2),
    dict(seed=6, queries=5, documents=3000, answered=2500, ties=200),
]


def close(a, b, tolerance=1e-13):
    return abs(a - b) <= tolerance * max(1.0, abs(b))


# pytrec_eval: trec_eval 9 inside.

PYTREC_MEASURES = {
    "map", "ndcg", "recip_rank", "Rprec", "bpref", "infAP", "num_ret", "num_rel", "num_rel_ret", "set_P", "set_recall",
    "set_F", "P", "recall", "map_cut", "ndcg_cut", "success",
}  # fmt: skip


@pytest.fixture(scope="module")
def pytrec_eval():
    return pytest.importorskip("pytrec_eval", reason="pip install pytrec-eval-terrier")


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["seed"]))
@pytest.mark.parametrize("level", [1, 2])
def test_pytrec_eval_to_the_last_bit(pytrec_eval, case, level):
    qrels, run = draw(**case)
    # trec_eval reads beyond an array where no document has so high a grade.
    qrels = {query: grades for query, grades in qrels.items() if max(grades.values()) >= level - 1}
    expected = pytrec_eval.RelevanceEvaluator(qrels, PYTREC_MEASURES, relevance_level=level).evaluate(run)
    found = RelevanceEvaluator(qrels, PYTREC_MEASURES, relevance_level=level).evaluate(run)
    assert list(found) == list(expected)
    for query, values in expected.items():
        assert found[query] == values, query


def test_families_and_single_cutoffs(pytrec_eval):
    qrels, run = draw(3)
    for asked in ({"P"}, {"P", "P_5"}, {"P.5", "P_10", "recall"}, {"map_cut", "map_cut.7"}, {"success", "ndcg_cut_3"}):
        expected = pytrec_eval.RelevanceEvaluator(qrels, asked).evaluate(run)
        assert RelevanceEvaluator(qrels, asked).evaluate(run) == expected, asked


def test_scores_are_held_in_single_precision(pytrec_eval):
    qrels = {"q": {"a": 1, "b": 0}}
    run = {"q": {"a": 1.0 + 1e-12, "b": 1.0}}
    expected = pytrec_eval.RelevanceEvaluator(qrels, {"map"}).evaluate(run)["q"]["map"]
    assert expected == 0.5
    assert evaluate(qrels, run, "map", "trec_eval").mean("map") == expected
    assert evaluate(qrels, run, "map", "trec_eval-10").mean("map") == 1.0


def test_ties_go_by_bytes(pytrec_eval):
    names = ["a", "B", "é", "z", "zz", "Ω", "日本", "😀", "1", "10", "9"]
    for relevant in names:
        qrels, run = {"q": {relevant: 1}}, {"q": dict.fromkeys(names, 1.0)}
        expected = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(run)
        assert evaluate(qrels, run, "rr")["rr"][0] == expected["q"]["recip_rank"], relevant


def test_means_are_pytrec_evals(pytrec_eval):
    qrels, run = draw(7, queries=333)
    per_query = pytrec_eval.RelevanceEvaluator(qrels, {"map"}).evaluate(run)
    expected = pytrec_eval.compute_aggregated_measure("map", [values["map"] for values in per_query.values()])
    assert evaluate(qrels, run, "map").mean("map") == expected


def test_queries_that_one_side_lacks(pytrec_eval):
    qrels = {"a": {"x": 1}, "b": {"x": 1}, "e": {"x": 0}}
    run = {"z": {"x": 1.0}, "b": {"x": 1.0}, "e": {"x": 1.0}}
    expected = pytrec_eval.RelevanceEvaluator(qrels, {"map"}).evaluate(run)
    found = evaluate(qrels, run, "map")
    assert found.to_dict() == expected == {"b": {"map": 1.0}, "e": {"map": 0.0}}
    assert (found.unanswered, found.unjudged, found.empty) == (["a"], ["z"], ["e"])


# trec_eval itself: four digits, as it prints them.


@pytest.mark.parametrize(("preset", "version"), [("trec_eval-10", "10"), ("trec_eval", "9")])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["seed"]))
def test_trec_eval_itself(tmp_path, preset, version, case):
    program = os.environ.get(f"TREC_EVAL_{version}") or shutil.which("trec_eval")
    if not program:
        pytest.skip(f"no trec_eval on PATH; build it from github.com/usnistgov/trec_eval and set TREC_EVAL_{version}")
    said = subprocess.run([program, "--version"], capture_output=True, text=True)
    if f" {version}." not in f" {said.stdout}{said.stderr}".replace("version", " "):
        pytest.skip(f"{program} is not version {version}")
    qrels, run = draw(**case)
    run = {query: {d: s + 1e-9 * i for i, (d, s) in enumerate(scores.items())} for query, scores in run.items()}
    paths = write_trec(tmp_path / "qrels", qrels, run=False), write_trec(tmp_path / "run", run, run=True)
    names = ["map", "ndcg", "recip_rank", "Rprec", "bpref", "infAP", "iprec_at_recall", "11pt_avg"]
    flags = [flag for name in [*names, "P", "map_cut", "ndcg_cut", "recall", "success"] for flag in ("-m", name)]
    out = subprocess.run([program, "-q", *flags, *map(str, paths)], capture_output=True, text=True, check=True)
    expected = {}
    for line in out.stdout.splitlines():
        measure, query, value = line.split()
        expected.setdefault(query, {})[measure] = value
    means = expected.pop("all")
    found = RelevanceEvaluator(paths[0], [*names, "P", "map_cut", "ndcg_cut", "recall", "success"], protocol=preset)
    result = found.measure(paths[1])
    assert len(result) == len(expected) == len(qrels)
    for query, values in result.to_dict().items():
        assert {name: f"{value:.4f}" for name, value in values.items()} == expected[query]
    assert {name: f"{value:.4f}" for name, value in result.means.items()} == means


# ranx.

RANX = {
    "map": "map",
    "map@5": "map@5",
    "ndcg": "ndcg",
    "ndcg@7": "ndcg@7",
    "ndcg_burges@7": "ndcg@7",
    "mrr": "rr",
    "precision@5": "p@5",
    "recall@5": "recall@5",
    "hit_rate@3": "hit@3",
    "r-precision": "rprec",
    "f1@5": "f1@5",
    "rbp.95": "rbp(p=0.95)",
}


@pytest.fixture(scope="module")
def ranx():
    return pytest.importorskip("ranx", reason="pip install ranx")


@pytest.mark.parametrize("case", [case for case in CASES if "ties" not in case], ids=lambda case: str(case["seed"]))
@pytest.mark.parametrize("level", [1, 2])
def test_ranx_to_the_last_bit(ranx, case, level):
    qrels, run = draw(**case)
    qrels = {query: {d: max(g, 0) for d, g in grades.items()} for query, grades in qrels.items()}
    theirs = ranx.Qrels(qrels), ranx.Run(run)
    for name, ours in RANX.items():
        asked = name if level == 1 else f"{name}-l{level}"
        expected = ranx.evaluate(*theirs, asked, return_mean=False)
        if name.startswith("rbp") and case.get("grades") != (0, 1):
            continue  # It weighs by grade, so grades beyond 1 count more than once.
        gain = "exponential" if "burges" in name else "linear"
        found = evaluate(qrels, run, ours, "ranx", gain=gain, relevance_level=level)
        column = dict(zip(found.queries, found[ours], strict=True))
        values = [column[query] for query in theirs[1].run.keys()]
        if name.startswith("rbp"):
            # It multiplies powers of p as it goes along the list.
            assert np.allclose(values, expected, rtol=1e-12, atol=0), name
        else:
            assert values == np.asarray(expected).tolist(), name
            if level == 1 or "dcg" not in name:
                (by_its_name,) = evaluate(qrels, run, asked, "ranx").values.T.tolist()
                assert dict(zip(found.queries, by_its_name, strict=True)) == column, asked


def test_ranx_keeps_the_last_of_repeated_rows(ranx):
    pandas = pytest.importorskip("pandas", reason="pip install pandas")
    rows = [("q", "a", 3.0), ("q", "b", 2.0), ("q", "a", 1.0)]
    # It knows text by the type that pandas had for it before version 3.
    frame = pandas.DataFrame(rows, columns=["q_id", "doc_id", "score"]).astype({"q_id": object, "doc_id": object})
    theirs = ranx.evaluate(ranx.Qrels({"q": {"a": 1}}), ranx.Run.from_df(frame), "mrr")
    assert evaluate({"q": {"a": 1}}, frame, "rr", "ranx").mean("rr") == theirs


# scikit-learn.


@pytest.fixture(scope="module")
def sklearn_metrics():
    return pytest.importorskip("sklearn.metrics", reason="pip install scikit-learn")


@pytest.mark.parametrize("distinct", [2, 5, 40, 10**9])
def test_scikit_learn_average_precision_to_the_last_bit(sklearn_metrics, distinct):
    numbers = np.random.default_rng(distinct)
    for documents in (2, 7, 130, 1500):
        truth = numbers.random((20, documents)) < 0.2
        scores = numbers.integers(0, distinct, (20, documents)).astype(float)
        expected = [
            sklearn_metrics.average_precision_score(t, s) if t.any() else 0.0
            for t, s in zip(truth, scores, strict=True)
        ]
        qrels = {q: dict(enumerate(row.astype(int).tolist())) for q, row in enumerate(truth)}
        run = {q: dict(enumerate(row.tolist())) for q, row in enumerate(scores)}
        found = evaluate(qrels, run, "map", "sklearn")
        assert found["map"].tolist() == expected
        assert evaluate(tuple(columns(qrels)), tuple(columns(run)), "map", "sklearn")["map"].tolist() == expected


@pytest.mark.parametrize("k", [None, 1, 4, 1000])
@pytest.mark.parametrize("distinct", [3, 30, 10**9])
def test_scikit_learn_ndcg(sklearn_metrics, k, distinct):
    # Its dot product is BLAS's, whose order of adding depends on the machine: no bits to be had.
    numbers = np.random.default_rng(distinct)
    grades = numbers.integers(0, 4, (30, 50))
    scores = numbers.integers(0, distinct, (30, 50)).astype(float)
    expected = [sklearn_metrics.ndcg_score(g[None], s[None], k=k) for g, s in zip(grades, scores, strict=True)]
    qrels = {q: dict(enumerate(row.tolist())) for q, row in enumerate(grades)}
    run = {q: dict(enumerate(row.tolist())) for q, row in enumerate(scores)}
    name = "ndcg" if k is None else f"ndcg@{k}"
    found = evaluate(qrels, run, name, "sklearn")[name]
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-15)


# torchmetrics computes in single precision.


@pytest.mark.parametrize("k", [None, 1, 3, 20])
def test_torchmetrics(k):
    retrieval = pytest.importorskip("torchmetrics.functional.retrieval", reason="pip install torchmetrics torch")
    torch = pytest.importorskip("torch")
    numbers = np.random.default_rng(7)
    name = "map" if k is None else f"map@{k}"
    for _ in range(40):
        documents = int(numbers.integers(2, 40))
        grades = numbers.integers(0, 2, documents)
        # Some scores are 0 or less: a relevant document with such a score is dropped.
        scores = numbers.permutation(np.arange(documents) - documents // 4).astype(np.float32)
        expected = retrieval.retrieval_average_precision(torch.tensor(scores), torch.tensor(grades), top_k=k)
        qrels, run = {0: dict(enumerate(grades.tolist()))}, {0: dict(enumerate(scores.tolist()))}
        assert evaluate(qrels, run, name, "torchmetrics").mean(name) == pytest.approx(float(expected), rel=1e-6)
        ndcg = retrieval.retrieval_normalized_dcg(torch.tensor(scores), torch.tensor(grades), top_k=k)
        name_ndcg = name.replace("map", "ndcg")
        found = evaluate(qrels, run, name_ndcg, "torchmetrics").mean(name_ndcg)
        assert found == pytest.approx(float(ndcg), rel=1e-5)


# recommenders.


def test_recommenders(tmp_path):
    python_evaluation = pytest.importorskip(
        "recommenders.evaluation.python_evaluation", reason="pip install recommenders"
    )
    pandas = pytest.importorskip("pandas")
    # pandas 2 adds the rows of a group with Kahan's compensation, 3.1 as NumPy's reduceat does.
    probe = pandas.DataFrame({"user": [1] * 10, "value": [0.1, 1e16, -1e16, *[0.1] * 7]})
    compensated = probe.groupby("user").sum()["value"].iloc[0] != np.add.reduceat(probe["value"].to_numpy(), [0])[0]
    qrels, run = draw(8, queries=40, grades=(1,))
    frames = [
        pandas.DataFrame(dict(zip(("userID", "itemID", value), columns(table), strict=True)))
        for table, value in ((qrels, "rating"), (run, "prediction"))
    ]
    for k in (1, 3, 10, 100):
        whole = python_evaluation.map_at_k(*frames, k=k)
        found = evaluate(qrels, run, f"map@{k}", "recommenders")
        assert close(found.mean(f"map@{k}"), whole)
        by_actual = evaluate(qrels, run, f"map@{k}", "recommenders", divisor="relevant")
        assert close(by_actual.mean(f"map@{k}"), python_evaluation.map(*frames, k=k))
        for query, value in zip(found.queries, found[f"map@{k}"], strict=True):
            one = [frame[frame.userID == query] for frame in frames]
            expected = python_evaluation.map_at_k(*one, k=k)
            assert value == expected if compensated else close(value, expected, 1e-15), query


def test_recommenders_counts_each_of_repeated_rows():
    python_evaluation = pytest.importorskip(
        "recommenders.evaluation.python_evaluation", reason="pip install recommenders"
    )
    pandas = pytest.importorskip("pandas")
    truth = pandas.DataFrame({"userID": [1, 1], "itemID": [5, 6], "rating": [1, 1]})
    answers = pandas.DataFrame({"userID": [1, 1, 1, 1], "itemID": [5, 5, 6, 6], "prediction": [4.0, 3.0, 2.0, 1.0]})
    expected = python_evaluation.map_at_k(truth, answers, k=10)
    found = evaluate(
        (truth.userID, truth.itemID, truth.rating),
        (answers.userID, answers.itemID, answers.prediction),
        "map@10",
        "recommenders",
    )
    assert found.mean("map@10") == expected > 1


# TensorFlow.


def tensorflow_average_precision(tf, labels, scores, k):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        value, update = tf.compat.v1.metrics.average_precision_at_k(labels(tf), tf.constant(scores), k)
        session.run(tf.compat.v1.local_variables_initializer())
        session.run(update)
        return float(session.run(value))


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow", reason="pip install tensorflow-cpu")


def test_the_classic_example(tf):
    labels = np.array([[2], [1], [0], [3], [0]])
    scores = [[0.1, 0.2, 0.6, 0.1], [0.8, 0.05, 0.1, 0.05], [0.3, 0.4, 0.1, 0.2],
              [0.6, 0.25, 0.1, 0.05], [0.1, 0.2, 0.6, 0.1]]  # fmt: skip
    metric = AveragePrecisionAtK(3)
    metric.update(scores, labels)
    assert close(metric.compute(), tensorflow_average_precision(tf, lambda tf: tf.constant(labels), scores, 3))


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("distinct", [3, 10**6])
def test_tensorflow_dense_labels(tf, k, distinct):
    numbers = np.random.default_rng(k)
    for rows, classes, width in ((1, 10, 1), (300, 25, 4), (50, 200, 30)):
        # Labels that repeat, that are filled up with -1, that are no class.
        labels = numbers.integers(-3, classes + 3, (rows, width))
        labels[:, 0] = numbers.integers(0, classes, rows)
        scores = numbers.integers(0, distinct, (rows, classes)).astype(np.float32)
        metric = AveragePrecisionAtK(k)
        metric.update(scores, labels)
        expected = tensorflow_average_precision(tf, lambda tf, labels=labels: tf.constant(labels), scores, k)
        assert close(metric.compute(), expected)


def test_tensorflow_sparse_labels(tf):
    numbers = np.random.default_rng(0)
    labels = [numbers.integers(0, 20, numbers.integers(1, 8)).tolist() for _ in range(100)]
    scores = numbers.integers(0, 9, (100, 20)).astype(np.float64)
    places = [(row, i) for row, items in enumerate(labels) for i in range(len(items))]

    def sparse(tf):
        return tf.SparseTensor(places, np.array([label for items in labels for label in items]), (100, 8))

    metric = AveragePrecisionAtK(5)
    metric.update(scores, labels)
    assert close(metric.compute(), tensorflow_average_precision(tf, sparse, scores, 5))


def test_tensorflow_says_nan_for_a_row_without_labels(tf):
    labels, scores = np.array([[1], [-1]]), np.array([[0.1, 0.9], [0.2, 0.8]])
    expected = tensorflow_average_precision(tf, lambda tf: tf.constant(labels), scores, 1)
    metric = AveragePrecisionAtK(1, empty="nan")
    metric.update(scores, labels)
    assert math.isnan(expected) and math.isnan(metric.compute())


def test_tensorflow_preset_is_the_streaming_metric():
    numbers = np.random.default_rng(4)
    scores = numbers.integers(0, 5, (40, 12)).astype(np.float32)
    labels = [sorted(numbers.choice(12, numbers.integers(1, 5), replace=False).tolist()) for _ in range(40)]
    metric = AveragePrecisionAtK(4)
    metric.update(scores, labels)
    qrels = {q: dict.fromkeys(row, 1) for q, row in enumerate(labels)}
    run = {q: dict(enumerate(row.tolist())) for q, row in enumerate(scores)}
    assert close(evaluate(qrels, run, "map@4", "tensorflow").mean("map@4"), metric.compute())


# implicit: its own model gives the order, so only the rule can be compared.


def test_ml_metrics_preset_is_apk():
    from meanap.ranking import mapk

    qrels, run = draw(9)
    actual = [[d for d, grade in qrels[q].items() if grade > 0] for q in run]
    predicted = [sorted(run[q], key=lambda d, q=q: -run[q][d]) for q in run]
    found = evaluate(qrels, run, "map@10", "ml_metrics").mean("map@10")
    assert found == mapk(actual, predicted, 10)
