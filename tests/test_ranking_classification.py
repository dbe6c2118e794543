"""Average precision and curves of classifiers beside scikit-learn, to the last bit."""

import warnings

import numpy as np
import pytest

from meanap import _core
from meanap.ranking import average_precision_score, precision_recall_curve

sklearn = pytest.importorskip("sklearn", reason="pip install scikit-learn")
sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="pip install scikit-learn")


def equal_with_weights(found, expected):
    """To the last bit of scikit-learn 1.8, which adds weights in another way than those before it."""
    if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 8):
        return np.array_equal(found, expected)
    return np.shape(found) == np.shape(expected) and np.allclose(found, expected, rtol=1e-14, atol=0)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def cases():
    numbers = np.random.default_rng(0)
    for n in (1, 2, 7, 8, 9, 127, 128, 129, 1000, 5000):
        for distinct in (1, 3, 50, 10**9):
            for share in (0.02, 0.5):
                scores = numbers.integers(0, distinct, n) / 7 - 2
                yield (numbers.random(n) < share).astype(int), scores


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_class(dtype):
    for truth, scores in cases():
        scores = scores.astype(dtype)
        assert average_precision_score(truth, scores) == sklearn_metrics.average_precision_score(truth, scores)
        for drop in (False, True):
            found = precision_recall_curve(truth, scores, drop_intermediate=drop)
            expected = sklearn_metrics.precision_recall_curve(truth, scores, drop_intermediate=drop)
            for ours, theirs in zip(found, expected, strict=True):
                assert np.array_equal(ours, theirs) and ours.dtype == theirs.dtype


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", "samples", None])
def test_several_classes(average):
    numbers = np.random.default_rng(1)
    for shape in ((30, 4), (200, 3), (5, 12)):
        truth = (numbers.random(shape) < 0.3).astype(int)
        truth[0] = 1
        scores = numbers.integers(0, 25, shape) / 5
        expected = sklearn_metrics.average_precision_score(truth, scores, average=average)
        found = average_precision_score(truth, scores, average=average)
        assert np.array_equal(found, expected)
        assert np.array_equal(average_precision_score(truth.astype(bool), scores, average=average), expected)
        assert np.array_equal(average_precision_score(truth, np.asfortranarray(scores), average=average), expected)


def test_labels_of_several_kinds():
    scores = np.array([0.1, 0.4, 0.35, 0.8])
    for labels, pos_label in (([0, 0, 1, 1], 1), ([-1, -1, 1, 1], 1), ([False, False, True, True], 1),
                              (["n", "n", "y", "y"], "y"), ([5, 5, 2, 2], 2)):  # fmt: skip
        expected = sklearn_metrics.average_precision_score(labels, scores, pos_label=pos_label)
        assert average_precision_score(labels, scores, pos_label=pos_label) == expected
    classes = np.array([0, 2, 1, 2, 0])
    table = np.random.default_rng(2).random((5, 3))
    for average in ("macro", "weighted", None):
        assert np.array_equal(
            average_precision_score(classes, table, average=average),
            sklearn_metrics.average_precision_score(classes, table, average=average),
        )


def test_no_positives_warn():
    with pytest.warns(UserWarning, match="No positive class found in y_true, average precision is 0"):
        assert average_precision_score([0, 0], [0.1, 0.2]) == 0.0
    with pytest.warns(UserWarning, match="No positive class found in y_true, recall is set to one"):
        assert precision_recall_curve([0, 0], [0.1, 0.2]).recall.tolist() == [1.0, 1.0, 0.0]
    assert average_precision_score([], []) == 0.0
    assert average_precision_score([[0, 1]], [[0.1, 0.2]], average="weighted") == 1.0
    assert average_precision_score([[0, 0]], [[0.1, 0.2]], average="weighted") == 0.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["integers", "reals", "some are 0", "single precision", "all the same"])
def test_weights(dtype, kind):
    numbers = np.random.default_rng(6)
    make = {
        "integers": lambda n: numbers.integers(0, 5, n),
        "reals": lambda n: numbers.random(n) * 3,
        "some are 0": lambda n: numbers.random(n) * (numbers.random(n) < 0.6),
        "single precision": lambda n: numbers.random(n).astype(np.float32),
        "all the same": lambda n: np.full(n, 0.3),
    }[kind]
    for truth, scores in cases():
        scores, weights = scores.astype(dtype), make(len(truth))
        if not weights.any():
            continue
        given = dict(sample_weight=weights)
        expected = sklearn_metrics.average_precision_score(truth, scores, **given)
        assert equal_with_weights(average_precision_score(truth, scores, **given), expected)
        for drop in (False, True):
            found = precision_recall_curve(truth, scores, drop_intermediate=drop, **given)
            expected = sklearn_metrics.precision_recall_curve(truth, scores, drop_intermediate=drop, **given)
            for ours, theirs in zip(found, expected, strict=True):
                assert equal_with_weights(ours, theirs) and ours.dtype == theirs.dtype


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", "samples", None])
def test_weights_of_several_classes(average):
    numbers = np.random.default_rng(7)
    for shape in ((30, 4), (200, 3), (5, 12)):
        truth = (numbers.random(shape) < 0.3).astype(int)
        scores = numbers.integers(0, 25, shape) / 5
        for weights in (numbers.random(len(truth)), numbers.integers(0, 3, len(truth)).astype(float)):
            expected = sklearn_metrics.average_precision_score(truth, scores, average=average, sample_weight=weights)
            found = average_precision_score(truth, scores, average=average, sample_weight=weights)
            assert equal_with_weights(found, expected)


def test_weights_that_are_none():
    for call in (average_precision_score, precision_recall_curve):
        with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\), expected \(2,\)"):
            call([0, 1], [0.1, 0.2], sample_weight=[1, 2, 3])
        with pytest.raises(ValueError, match=r"sample_weight\[1\] is nan"):
            call([0, 1], [0.1, 0.2], sample_weight=[1, np.nan])
        with pytest.raises(ValueError, match=r"y_score\[0\] is NaN"):
            call([0, 1], [np.nan, 0.2], sample_weight=[1, 2])
        with pytest.raises(TypeError, match="sample_weight is <U1"):
            call([0, 1], [0.1, 0.2], sample_weight=["a", "b"])
    assert precision_recall_curve([0, 1], [0.1, 0.2], sample_weight=[0, 0]).recall.tolist() == [0.0]
    voc = average_precision_score([1, 0, 1], [3, 2, 1], sample_weight=[1, 2, 1], interpolation="voc2010")
    assert voc == average_precision_score([1, 0, 0, 1], [3, 2, 2, 1], interpolation="voc2010")


def test_a_label_that_no_example_has():
    scores = [0.1, 0.4, 0.3]
    for labels, pos_label in (([0, 0, 0], 1), ([5, 5, 5], 1), (["a"] * 3, "b"), ([2, 2, 2], 3), ([0, 1, 1], 7)):
        found = precision_recall_curve(labels, scores, pos_label=pos_label)
        expected = sklearn_metrics.precision_recall_curve(labels, scores, pos_label=pos_label)
        assert all(map(np.array_equal, found, expected))
        theirs = ours = None
        try:
            theirs = sklearn_metrics.average_precision_score(labels, scores, pos_label=pos_label)
        except ValueError:
            with pytest.raises(ValueError, match="pos_label"):
                average_precision_score(labels, scores, pos_label=pos_label)
        else:
            ours = average_precision_score(labels, scores, pos_label=pos_label)
        assert ours == theirs


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint32])
def test_thresholds_are_of_the_scores_dtype(dtype):
    scores = np.array([3, 1, 2, 2], dtype=dtype)
    for weights in (None, [1, 2, 1, 1]):
        found = precision_recall_curve([1, 0, 1, 0], scores, sample_weight=weights).thresholds
        expected = sklearn_metrics.precision_recall_curve([1, 0, 1, 0], scores, sample_weight=weights)[2]
        assert np.array_equal(found, expected) and found.dtype == expected.dtype


def voc2007(precision, recall):
    """The development kit's rule, a point at a time."""
    total = 0.0
    for tenth in range(11):
        reached = [p for p, r in zip(precision, recall, strict=True) if round(r * 1e9) >= round(tenth * 1e8)]
        total += max(reached, default=0.0)
    return total / 11


def test_interpolations():
    numbers = np.random.default_rng(3)
    for n in (5, 40, 300):
        truth, scores = numbers.random(n) < 0.4, numbers.random(n)
        truth[0] = True
        precision, recall, _ = precision_recall_curve(truth, scores)
        precision, recall = precision[:-1], recall[:-1]
        found = {kind: average_precision_score(truth, scores, interpolation=kind)
                 for kind in ("none", "voc2007", "voc2010", "coco")}  # fmt: skip
        assert found["voc2007"] == pytest.approx(voc2007(precision, recall), abs=1e-12)
        # Area under the envelope: between two recalls, the greatest precision at the higher one or beyond.
        steps = sorted(set(recall.tolist()) | {0.0})
        area = sum(
            (high - low) * max(p for p, r in zip(precision, recall, strict=True) if r >= high)
            for low, high in zip(steps[:-1], steps[1:], strict=True)
        )
        assert found["voc2010"] == pytest.approx(area, abs=1e-12)
        points = [max((p for p, r in zip(precision, recall, strict=True) if r >= t), default=0.0)
                  for t in np.linspace(0, 1, 101)]  # fmt: skip
        assert found["coco"] == pytest.approx(np.mean(points), abs=1e-12)
        assert found["voc2010"] >= found["none"]


def test_a_monotone_change_and_a_shuffle_change_nothing():
    for truth, scores in cases():
        if not truth.any():
            continue
        expected = average_precision_score(truth, scores)
        order = np.random.default_rng(4).permutation(len(truth))
        assert average_precision_score(truth[order], scores[order]) == expected
        ranks = np.searchsorted(np.unique(scores), scores)
        assert average_precision_score(truth, np.sqrt(ranks)) == expected


def test_what_is_refused():
    for call in (average_precision_score, precision_recall_curve):
        with pytest.raises(ValueError, match=r"y_score\[1\] is NaN"):
            call([0, 1], [0.1, np.nan])
        with pytest.raises(ValueError, match="3 examples and y_score has 2"):
            call([0, 1, 1], [0.1, 0.2])
        with pytest.raises(ValueError, match="not binary"):
            call([0, 1, 2], [0.1, 0.2, 0.3])
        with pytest.raises(TypeError, match="expected numbers"):
            call([0, 1], ["a", "b"])
    with pytest.raises(ValueError, match="pos_label=z is not a valid label"):
        average_precision_score(["a", "b"], [0.1, 0.2], pos_label="z")
    with pytest.raises(ValueError, match=r"y_score\[1, 0\] is NaN"):
        average_precision_score([[0, 1], [1, 1]], [[0.1, 0.2], [np.nan, 0.1]])
    with pytest.raises(ValueError, match="expected the same"):
        average_precision_score([[0, 1]], [[0.1, 0.2, 0.3]])
    with pytest.raises(ValueError, match="table of 0 and 1"):
        average_precision_score([[0, 2]], [[0.1, 0.2]])
    with pytest.raises(ValueError, match="a column for each label"):
        average_precision_score([0, 1, 2], [[0.1, 0.2], [0.1, 0.2], [0.1, 0.2]])
    with pytest.raises(ValueError, match="average is 'mean'"):
        average_precision_score([0, 1], [0.1, 0.2], average="mean")
    with pytest.raises(ValueError, match="interpolation is 'voc'"):
        average_precision_score([0, 1], [0.1, 0.2], interpolation="voc")


def test_the_core_orders_scores_as_numpy_orders_their_negatives():
    rng = np.random.default_rng(5)
    for count in (0, 1, 255, 256, 5000, 1 << 20):
        scores = rng.choice([0.5, -0.0, 0.0, -3.0, np.inf, -np.inf, np.nan, 1e-300], count)
        scores = np.where(rng.random(count) < 0.5, scores, rng.normal(size=count))
        order = _core.descending_order(scores)
        np.testing.assert_array_equal(order, np.argsort(-scores, kind="stable"))
        assert order.dtype == np.int64


@pytest.mark.parametrize("labels", [[True, "a"], [b"a", 1.0], [1, "a"], [{}, 1]])
def test_labels_of_several_kinds_are_named(labels):
    with pytest.raises(TypeError, match=r"^y_true: expected labels of one kind, found \w+, \w+$"):
        average_precision_score(np.array(labels, dtype=object), [0.1, 0.2])


FOUND = (average_precision_score, precision_recall_curve)
LABELS, SCORES = [0, 1, 1, 0, 1], [0.1, 0.4, 0.35, 0.8, 0.4]


def same(ours, theirs):
    """Whether two answers have the same numbers, or as many arrays of them."""
    pairs = zip(ours, theirs, strict=True) if isinstance(theirs, tuple) else [(ours, theirs)]
    return all(map(np.array_equal, *zip(*pairs, strict=True)))


@pytest.mark.parametrize("call", FOUND)
@pytest.mark.parametrize(
    "scores",
    [
        np.array([2**60, 2**60 + 1, 2**60 + 2, 1, 2]),
        np.array([2**64 - 1, 2**64 - 2, 2**64 - 3, 1, 2], dtype=np.uint64),
        np.array([-(2**63), -(2**63) + 1, 5, 1, 2]),
        1 + np.array([0, 1, 2, -1, 3], dtype=np.longdouble) / 2**60,
    ],
)
def test_scores_that_doubles_do_not_hold(call, scores):
    theirs = getattr(sklearn_metrics, call.__name__)
    assert same(call(LABELS, scores), theirs(LABELS, scores))
    assert same(
        call(LABELS, scores, sample_weight=[1, 2, 3, 4, 5]), theirs(LABELS, scores, sample_weight=[1, 2, 3, 4, 5])
    )


@pytest.mark.parametrize("call", FOUND)
def test_a_table_with_one_column_is_that_column(call):
    pandas = pytest.importorskip("pandas")
    theirs = getattr(sklearn_metrics, call.__name__)
    labels, scores = np.array(LABELS), np.array(SCORES)
    for given in (
        (labels[:, None], scores),
        (labels, scores[:, None]),
        (labels[:, None], scores[:, None]),
        (pandas.DataFrame({"y": labels}), pandas.DataFrame({"score": scores})),
    ):
        assert same(call(*given), theirs(*given))
    for average in ("samples", None):
        found = average_precision_score(labels[:, None], scores[:, None], average=average)
        assert found == sklearn_metrics.average_precision_score(labels[:, None], scores[:, None], average=average)


@pytest.mark.parametrize("call", FOUND)
def test_columns_of_every_library(call):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pyarrow = pytest.importorskip("pyarrow")
    expected = getattr(sklearn_metrics, call.__name__)(LABELS, SCORES)
    for labels, scores in (
        (np.array(LABELS, dtype=object), np.array(SCORES, dtype=object)),
        (pandas.Series(LABELS, dtype="Int64"), pandas.Series(SCORES, dtype="Float64")),
        (pandas.Series(LABELS, dtype="int64[pyarrow]"), pandas.Series(SCORES, dtype="double[pyarrow]")),
        (pandas.Series(LABELS, dtype="category"), pandas.Series(SCORES, index=[4, 3, 2, 1, 0])),
        (polars.Series(LABELS), polars.Series(SCORES)),
        (pyarrow.array(LABELS), pyarrow.chunked_array([SCORES[:2], SCORES[2:]])),
        (np.ma.array(LABELS), np.ma.array(SCORES)),
        (np.array(LABELS, ">i2"), np.array(SCORES, ">f8")),
    ):
        assert same(call(labels, scores), expected)
        assert same(call(labels, scores, sample_weight=np.ones(5, dtype=object)), expected)
    names = np.array(["no", "yes"])[LABELS]
    for labels in (names, names.tolist(), pandas.Series(names, dtype="string[pyarrow]"), polars.Series(names)):
        assert same(call(labels, SCORES, pos_label="yes"), expected)


def test_tables_of_every_library():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    sparse = pytest.importorskip("scipy.sparse")
    truth, scores = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1]]), np.array([[2, 1, 3], [2, 4, 1], [3, 1, 1]]) / 4
    expected = sklearn_metrics.average_precision_score(truth, scores)
    for given in (
        (pandas.DataFrame(truth).astype("int64[pyarrow]"), pandas.DataFrame(scores).astype("double[pyarrow]")),
        (pandas.DataFrame(truth).astype("Int64"), pandas.DataFrame(scores).astype("Float64")),
        (polars.DataFrame(truth), polars.DataFrame(scores)),
        (sparse.csr_matrix(truth), scores),
        (sparse.csc_array(truth), scores.astype(object)),
    ):
        assert average_precision_score(*given) == expected


def masked(values):
    return np.ma.array(values, mask=[0, 0, 1, 0, 0])


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([0, 1, np.nan, 0, 1], SCORES, r"y_true\[2\]: is missing, expected a label"),
        (["a", "b", None, "a", "b"], SCORES, r"y_true\[2\]: is missing, expected a label"),
        ([0, 1, 0.5, 0, 1], SCORES, r"continuous format is not supported: y_true\[2\] is 0.5, expected a label"),
        (LABELS, [1, 2, None, 3, 4], r"y_score\[2\]: is missing, expected a number"),
        (LABELS, [1, 2, 10**400, 3, 4], r"y_score\[2\]: is 1000*\.\.\., expected a number"),
        (masked(LABELS), SCORES, "y_true: row 2 is null"),
        (LABELS, masked(SCORES), "y_score: row 2 is null"),
        (LABELS, None, "y_score: is None, expected an array or a list"),
        ({0, 1}, [0.1, 0.2], "y_true: is a set, expected an array or a list"),
        ("01101", SCORES, "y_true: is a str, expected an array or a list"),
        (iter(LABELS), SCORES, "y_true: is a list_iterator, expected an array or a list"),
    ],
)
def test_what_is_no_label_or_score_is_named(labels, scores, expected):
    for call in FOUND:
        with pytest.raises(ValueError, match=f"^{expected}$"):
            call(labels, scores, pos_label="b" if "a" in labels else 1)


def test_labels_of_the_columns_that_are_missing():
    table = np.random.default_rng(0).random((4, 3))
    for labels in ([0, 1, 2, np.nan], ["a", "b", "c", None]):
        with pytest.raises(ValueError, match=r"y_true\[3\]: is missing, expected a label"):
            average_precision_score(np.array(labels, dtype=object), table)


def test_two_labels_have_one_column_of_scores():
    """As scikit-learn says, whose users have `predict_proba` with a column for each of two."""
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]])
    for labels in ([0, 1, 1], ["n", "y", "y"], [True, True, True]):
        with pytest.raises(ValueError, match=r"y_score: has shape \(3, 2\) .*, such as y_score\[:, 1\]"):
            average_precision_score(labels, scores)
