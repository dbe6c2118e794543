"""`AveragePrecisionAtK`: labels of every kind, shards, pickles, bad input. TensorFlow itself: test_ranking_presets."""

import copy
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

from meanap.ranking import AveragePrecisionAtK
from tests.processes import with_threads


def batch(seed, rows=200, classes=20, width=4, distinct=50):
    numbers = np.random.default_rng(seed)
    labels = numbers.integers(-2, classes + 2, (rows, width))
    scores = numbers.integers(0, distinct, (rows, classes)).astype(np.float32)
    return labels, scores


def naive(labels, scores, k, repeats):
    """By sorting each row: descending score, then ascending index."""
    values = []
    for row, row_scores in zip(labels, scores, strict=True):
        valid = [label for label in row if 0 <= label < len(row_scores)]
        if not valid:
            continue
        order = sorted(range(len(row_scores)), key=lambda c: (-row_scores[c], c))
        hits, total = 0, 0.0
        for rank, c in enumerate(order[:k], start=1):
            if c in valid:
                hits += 1
                total += hits / rank
        values.append(total / min(len(valid) if repeats else len(set(valid)), k))
    return math.fsum(values) / len(values)


@pytest.mark.parametrize("k", [1, 3, 20])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_a_naive_twin(k, dtype):
    labels, scores = batch(k)
    metric = AveragePrecisionAtK(k)
    metric.update(scores.astype(dtype), labels)
    assert metric.compute() == naive(labels.tolist(), scores.tolist(), k, repeats=True)
    sparse = AveragePrecisionAtK(k)
    sparse.update(scores.astype(dtype), labels.tolist())
    assert sparse.compute() == naive(labels.tolist(), scores.tolist(), k, repeats=False)


def test_labels_of_every_kind():
    sparse = pytest.importorskip("scipy.sparse", reason="pip install scipy")
    numbers = np.random.default_rng(1)
    indicator = numbers.random((50, 12)) < 0.2
    scores = numbers.random((50, 12))
    lists = [np.flatnonzero(row).tolist() for row in indicator]
    padded = np.full((50, 12), -1)
    for row, items in enumerate(lists):
        padded[row, : len(items)] = items
    found = set()
    for labels in (indicator, lists, [tuple(row) for row in lists], [set(row) for row in lists], padded,
                   padded.astype(np.int8), sparse.csr_matrix(indicator)):  # fmt: skip
        metric = AveragePrecisionAtK(5)
        metric.update(scores, labels)
        found.add((metric.compute(), metric.rows, metric.skipped))
    assert len(found) == 1
    assert found.pop()[1:] == (sum(map(bool, lists)), sum(not row for row in lists))
    one = AveragePrecisionAtK(1)
    one.update(np.eye(4)[[3, 1]], np.array([3, 0]))
    assert one.compute() == 0.5


def test_repeated_labels():
    for labels, expected in ((np.array([[0, 0]]), 0.5), ([[0, 0]], 1.0)):
        metric = AveragePrecisionAtK(2)
        metric.update([[0.9, 0.1]], labels)
        assert metric.compute() == expected


def test_shards_in_any_order_give_the_same_bits():
    labels, scores = batch(5, rows=3000)
    whole = AveragePrecisionAtK(7)
    whole.update(scores, labels)
    for pieces in (2, 7, 50):
        shards = []
        for part in np.array_split(np.random.default_rng(pieces).permutation(3000), pieces):
            shard = AveragePrecisionAtK(7)
            shard.update(scores[part], labels[part])
            shards.append(pickle.loads(pickle.dumps(shard)))
        merged = shards[0]
        for shard in shards[1:]:
            merged.merge(shard)
        assert merged.compute() == whole.compute() and merged.rows == whole.rows

    def single():
        metric = AveragePrecisionAtK(7)
        metric.update(scores, labels)
        return metric.compute()

    assert with_threads(1, single) == whole.compute()


def test_state():
    metric = AveragePrecisionAtK(2)
    assert math.isnan(metric.compute())
    metric.update([[0.9, 0.1], [0.5, 0.5]], [[0], []])
    assert (metric.compute(), metric.rows, metric.skipped) == (1.0, 1, 1)
    assert copy.deepcopy(metric).compute() == 1.0
    assert "1.000000 over 1 rows" in repr(metric)
    metric.reset()
    assert metric.rows == metric.skipped == 0 and math.isnan(metric.compute())
    metric.update(np.zeros((0, 2)), np.zeros((0, 3), int))
    metric.update(np.zeros((0, 2)), [])
    assert metric.rows == 0
    strict = AveragePrecisionAtK(2, empty="nan")
    strict.update([[0.9, 0.1], [0.5, 0.5]], [[0], []])
    assert math.isnan(strict.compute())


def test_what_is_refused():
    with pytest.raises(ValueError, match="k is 0"):
        AveragePrecisionAtK(0)
    with pytest.raises(ValueError, match="empty is 'zero'"):
        AveragePrecisionAtK(1, empty="zero")
    metric = AveragePrecisionAtK(2)
    with pytest.raises(ValueError, match="row 1 of the scores has a NaN"):
        metric.update([[0.1, 0.2], [math.nan, 0.3]], [[0], [0]])
    with pytest.raises(ValueError, match="k is 2 and there are 1 classes"):
        metric.update([[0.1]], [[0]])
    with pytest.raises(ValueError, match="labels have 1 rows and scores have 2"):
        metric.update([[0.1, 0.2], [0.1, 0.2]], [[0]])
    with pytest.raises(ValueError, match="preds has 1 dimensions"):
        metric.update([0.1, 0.2], [[0]])
    with pytest.raises(TypeError, match="labels are float64"):
        metric.update([[0.1, 0.2]], np.zeros((1, 1)))
    with pytest.raises(TypeError, match=r"target\[0\]\[0\] is 'a': labels must be integers"):
        metric.update([[0.1, 0.2]], [["a"]])
    with pytest.raises(ValueError, match="bool labels have shape"):
        metric.update([[0.1, 0.2]], np.zeros((1, 3), bool))
    with pytest.raises(ValueError, match="merge: the metrics have different settings: k"):
        metric.merge(AveragePrecisionAtK(3))
    with pytest.raises(TypeError, match="merge: expected an AveragePrecisionAtK, found an int"):
        metric.merge(3)
    assert metric.rows == 0, "a batch that is refused leaves nothing behind"


STORED = json.loads((Path(__file__).parent / "stored" / "tensorflow.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", STORED, ids=[case["name"] for case in STORED])
def test_what_tensorflow_said(case):
    """Its own sum depends on the machine in the last bits; `stored/ask_tensorflow.py` computed it."""
    expected = float.fromhex(case["value"])
    labels = np.array(case["labels"]) if case["kind"] == "dense" else case["labels"]
    metric = AveragePrecisionAtK(case["k"], empty="nan")
    metric.update(np.array(case["scores"], dtype=np.float32), labels)
    if math.isnan(expected):
        assert math.isnan(metric.compute())
    else:
        assert metric.compute() == pytest.approx(expected, rel=1e-14)


def test_the_stored_cases_are_those_of_the_script():
    from tests.stored.ask_tensorflow import cases

    assert [case["name"] for case in STORED] == [name for name, *_ in cases()]
    assert len(STORED) >= 15


def test_tensorflow_still_says_so():
    tf = pytest.importorskip("tensorflow", reason="pip install tensorflow-cpu")
    from tests.stored.ask_tensorflow import ask

    for case in STORED:
        said = ask(tf, case["kind"], case["labels"], case["scores"], case["k"])
        stored = float.fromhex(case["value"])
        assert said == pytest.approx(stored, rel=1e-14, nan_ok=True), case["name"]


def test_tensorflows_shape_of_the_metric():
    """Labels first, an update returns the value so far, and a row without a label makes the stream NaN."""
    from meanap.compat.tensorflow import AveragePrecisionAtK as Streamed

    rng = np.random.default_rng(7)
    native, streamed = AveragePrecisionAtK(3, empty="nan"), Streamed(3)
    for _ in range(3):
        labels, scores = rng.integers(0, 9, (5, 2)), rng.random((5, 9))
        native.update(scores, labels)
        assert streamed.update_state(labels, scores) == streamed.result() == native.compute()
    assert np.isnan(streamed.update_state([[-1]], rng.random((1, 9))))
    streamed.reset_state()
    assert np.isnan(streamed.result())


def measured(scores, labels, k=3):
    metric = AveragePrecisionAtK(k)
    metric.update(scores, labels)
    return metric.compute(), metric.rows, metric.skipped


def test_flags_in_every_form():
    sparse = pytest.importorskip("scipy.sparse", reason="pip install scipy")
    rng = np.random.default_rng(2)
    flags, scores = rng.random((30, 6)) < 0.3, rng.random((30, 6))
    expected = measured(scores, flags)
    assert expected[2] > 0
    for labels in (
        flags.tolist(), list(flags), [tuple(row) for row in flags], flags.astype(object), iter(flags.tolist()),
        *(sparse.csr_matrix(flags).asformat(layout) for layout in ("csr", "csc", "coo")), sparse.csc_array(flags),
    ):  # fmt: skip
        assert measured(scores, labels) == expected


def test_columns_of_lists():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pyarrow = pytest.importorskip("pyarrow")
    labels, scores = [[1, 2], [0], [], [5, 9], [2, 2]], np.random.default_rng(3).random((5, 6))
    expected = measured(scores, labels)
    for column in (
        pandas.Series(labels), polars.Series(labels), pyarrow.array(labels), pyarrow.chunked_array([labels]),
        [np.array(row, dtype=int) for row in labels], iter(labels), [[1, 2], [0], [], [5, 2**70], [2, 2]],
    ):  # fmt: skip
        assert measured(scores, column) == expected
    dense = np.array([[1, 2], [0, -1], [-1, -1], [5, 9], [3, 2]])
    expected = measured(scores, dense)
    for table in (pandas.DataFrame(dense).astype("Int64"), polars.DataFrame(dense), dense.astype(">i2")):
        assert measured(scores, table) == expected
    one = [0, 1, 2, 3, 4]
    assert measured(scores, pandas.Series(one, dtype="category")) == measured(scores, np.array(one))


def test_scores_in_every_form():
    pandas = pytest.importorskip("pandas")
    scores = np.random.default_rng(4).integers(0, 5, (5, 6))
    labels = [[1, 2], [0], [], [5, 9], [2, 2]]
    expected = measured(scores, labels)
    for given in (
        scores.astype(object), scores + 2**60, pandas.DataFrame(scores).astype("double[pyarrow]"),
        scores.astype(">f4"), np.asfortranarray(scores / 4), scores.tolist(), scores.astype(np.float16),
    ):  # fmt: skip
        assert measured(given, labels) == expected


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([["a", "b"]], [[0]], "preds is <U1, expected numbers"),
        ([[1, None]], [[0]], r"preds\[0, 1\]: is missing, expected a number"),
        (None, [[0]], "preds: is None, expected an array or a list"),
        (np.ma.array([[1, 2]], mask=[[0, 1]]), [[0]], "preds: row 0 is null"),
        ([[1, 2]], None, "target: is None, expected an array or a list"),
        ([[1, 2], [3, 4]], [[0], None], r"target\[1\] is None, expected a list of labels"),
        ([[1, 2], [3, 4]], [[0], 1], r"target\[1\] is 1, expected a list of labels"),
        ([[1, 2]], [[0, 1.0]], r"target\[0\]\[1\] is 1.0: labels must be integers"),
        ([[1, 2]], [[True, 1]], r"target\[0\] has flags among its labels"),
        ([[1, 2], [3, 4]], [[True, False], [1]], "target has rows of flags and rows of labels"),
        ([[1, 2], [3, 4]], [[True, False], [True]], "target: a list whose rows differ in length"),
        ([[1, 2]], [[True]], r"target: bool labels have shape \(1, 1\)"),
        ([[1, 2]], np.ma.array([[0, 1]], mask=[[0, 1]]), "target: row 0 is null"),
    ],
)
def test_what_is_no_score_or_label_is_named(scores, labels, expected):
    with pytest.raises((TypeError, ValueError), match=f"^{expected}"):
        measured(scores, labels, 1)
