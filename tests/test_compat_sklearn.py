"""`meanap.compat.sklearn`'s metrics of labels and documents beside scikit-learn's own, to the last bit."""

import warnings

import numpy as np
import pytest
import sklearn.exceptions
import sklearn.metrics as theirs
from scipy.sparse import csr_matrix

from meanap.compat import sklearn as ours

LABELS = ("label_ranking_average_precision_score", "coverage_error", "label_ranking_loss")
GRADES = ("dcg_score", "ndcg_score")


def tables(seed, rows, columns, ties):
    """Relevance and scores, some rows without relevant labels and some of relevant ones only."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((rows, columns)) < rng.random((rows, 1))).astype(int)
    truth[0], truth[-1] = 0, 1
    scores = rng.integers(0, ties, (rows, columns)) / 7 if ties else rng.normal(size=(rows, columns))
    return truth, scores, rng.random(rows)


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("shape", [(40, 5), (7, 30), (300, 12), (3, 2)])
@pytest.mark.parametrize("ties", [0, 3])
def test_labels(name, shape, ties):
    for seed in range(5):
        truth, scores, weights = tables(seed, *shape, ties)
        for given in (truth, truth.astype(bool), truth.tolist(), *([] if "coverage" in name else [csr_matrix(truth)])):
            assert getattr(ours, name)(given, scores) == getattr(theirs, name)(given, scores)
        weighted = {"sample_weight": weights}
        assert getattr(ours, name)(truth, scores, **weighted) == getattr(theirs, name)(truth, scores, **weighted)


@pytest.mark.parametrize("name", GRADES)
@pytest.mark.parametrize("ties", [0, 3])
@pytest.mark.parametrize("options", [{}, {"k": 3}, {"k": 100}, {"ignore_ties": True}, {"k": 2, "ignore_ties": True}])
def test_grades(name, ties, options):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        _, scores, weights = tables(seed, 30, 9, ties)
        for grades in (rng.integers(0, 4, scores.shape), rng.random(scores.shape)):
            grades[3] = 0
            for more in ({}, {"sample_weight": weights}, {"log_base": 10} if name == "dcg_score" else {}):
                expected = getattr(theirs, name)(grades, scores, **options, **more)
                assert getattr(ours, name)(grades, scores, **options, **more) == expected


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("normalize", [True, False])
def test_top_k(k, normalize):
    rng = np.random.default_rng(k)
    labels = rng.permutation(np.repeat(np.arange(6), 10))
    scores, weights = rng.integers(0, 9, (60, 6)) / 8, rng.random(60)
    names = np.array(list("abcdef"))
    for truth, more in ((labels, {}), (names[labels], {}), (names[labels[labels < 4]], {"labels": names})):
        rows = {"y_true": truth, "y_score": scores[: len(truth)], "k": k, "normalize": normalize}
        for weighted in ({}, {"sample_weight": weights[: len(truth)]}):
            expected = theirs.top_k_accuracy_score(**rows, **weighted, **more)
            assert ours.top_k_accuracy_score(**rows, **weighted, **more) == expected


def test_top_k_of_two_labels():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 40)
    for scores in (rng.random(40), rng.normal(size=40), rng.random((40, 1))):
        assert ours.top_k_accuracy_score(truth, scores, k=1) == theirs.top_k_accuracy_score(truth, scores, k=1)
    with pytest.warns(sklearn.exceptions.UndefinedMetricWarning, match="meaningless"):
        assert ours.top_k_accuracy_score(truth, scores, k=2) == 1


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *((name, ([[0, 1], [1, 0]], [0.1, 0.2])) for name in (*LABELS, *GRADES)),
        *((name, ([[0, 1]], [[0.1, np.nan]])) for name in (*LABELS, *GRADES)),
        *((name, ([[0, 1]], [[0.1, 0.2, 0.3]])) for name in (*LABELS, *GRADES)),
        *((name, ([[0, 2, 1]], [[0.1, 0.2, 0.3]])) for name in LABELS),
        *((name, ([[0, 0.5, 1]], [[0.1, 0.2, 0.3]])) for name in LABELS),
        ("ndcg_score", ([[-1, 0.5]], [[0.1, 0.2]])),
        ("ndcg_score", ([[1]], [[1]])),
        ("top_k_accuracy_score", ([0, 1, 2], [0.1, 0.2, 0.3])),
        ("top_k_accuracy_score", ([0, 1, 2], [[0.1, 0.2, 0.3]])),
    ],
)
def test_what_is_refused(name, arguments):
    for package in (ours, theirs):
        with pytest.raises(ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            getattr(package, name)(*arguments)
