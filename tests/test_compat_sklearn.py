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


@pytest.mark.parametrize("name", [*LABELS, *GRADES])
def test_scores_that_doubles_do_not_hold(name):
    truth, scores, _ = tables(1, 12, 5, 4)
    scores = (scores * 7).astype(np.int64) + 2**60
    assert getattr(ours, name)(truth, scores) == getattr(theirs, name)(truth, scores)
    assert getattr(ours, name)(truth, scores) == getattr(ours, name)(truth, scores - 2**60)


@pytest.mark.parametrize("name", GRADES)
def test_unsigned_scores(name):
    """DIFFERENCE: 0 is the least score, which scikit-learn ranks first, as -0 is the least of the negated others."""
    grades, scores = np.array([[3, 1, 0]]), np.array([[0, 1, 2]], dtype=np.uint8)
    found = getattr(ours, name)(grades, scores)
    assert found == getattr(ours, name)(grades, scores.astype(int)) == getattr(theirs, name)(grades, scores.astype(int))
    assert getattr(ours, name)(grades, scores > 1) == getattr(ours, name)(grades, scores // 2)


@pytest.mark.parametrize("name", [*LABELS, *GRADES])
def test_tables_of_every_library(name):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    truth, scores, weights = tables(2, 12, 5, 4)
    expected = getattr(theirs, name)(truth, scores, sample_weight=weights)
    for make in (
        lambda table, dtype: table.astype(object),
        lambda table, dtype: pandas.DataFrame(table).astype(dtype),
        lambda table, dtype: pandas.DataFrame(table).convert_dtypes(dtype_backend="pyarrow"),
        lambda table, dtype: polars.DataFrame(table),
    ):
        given = make(truth, "Int64"), make(scores, "Float64")
        assert getattr(ours, name)(*given, sample_weight=weights) == expected
        assert getattr(ours, name)(*given, sample_weight=weights[:, None]) == expected


@pytest.mark.parametrize("name", [*LABELS, *GRADES, "top_k_accuracy_score"])
@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([None] * 4, r"sample_weight\[0\]: is missing, expected a number"),
        ([1, 2, 3], r"sample_weight has shape \(3,\), expected \(4,\)"),
        ([1, np.nan, 1, 1], r"sample_weight\[1\] is nan, expected a finite number"),
        (list("abcd"), "sample_weight is <U1, expected numbers"),
        (np.ma.array([1, 2, 3, 4], mask=[0, 1, 0, 0]), "sample_weight: row 1 is null"),
    ],
)
def test_weights_that_are_none(name, weights, expected):
    """DIFFERENCE: scikit-learn gives NaN where a weight is NaN, in these metrics."""
    truth = [0, 1, 2, 0] if name.startswith("top") else [[0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 1, 0]]
    scores = [[3, 2, 1], [1, 2, 3], [2, 1, 3], [3, 1, 2]]
    with pytest.raises(ValueError, match=f"^{expected}"):
        getattr(ours, name)(truth, scores, sample_weight=weights)
    if not name.startswith("label_ranking_av"):
        with pytest.raises(ValueError, match="sample_weight is 0 in sum"):
            getattr(ours, name)(truth, scores, sample_weight=[0] * 4)


def test_options_that_are_none():
    for base in ("2", None, 0, float("nan")):
        with pytest.raises(ValueError, match="log_base"):
            ours.dcg_score([[1, 0]], [[1, 2]], log_base=base)
    for k in (0, 2.0, "1"):
        for call, truth in ((ours.ndcg_score, [[1, 0, 0]] * 3), (ours.top_k_accuracy_score, [0, 1, 2])):
            with pytest.raises(ValueError, match="^k is"):
                call(truth, [[1, 2, 3]] * 3, k=k)
    for labels in ({0, 1, 2}, "abc", 3):
        with pytest.raises(ValueError, match="labels: is an? .*, expected an array or a list"):
            ours.top_k_accuracy_score([0, 1, 2], [[1, 2, 3]] * 3, labels=labels)
