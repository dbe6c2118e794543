"""`apk` and `mapk`: ml_metrics' rules, by a naive twin on random lists and by ml_metrics itself where it is there."""

import random
from fractions import Fraction

import numpy as np
import pytest

import meanap
from meanap.ranking import apk, apk_values, mapk
from tests.processes import with_threads


def naive(actual, predicted, k):
    """The rule in words: walk the first k, count an item when it is relevant and new."""
    seen, hits, total = [], 0, 0.0
    for rank, item in enumerate(predicted[:k], start=1):
        if item in actual and item not in seen:
            hits += 1
            total += hits / rank
        seen.append(item)
    return total / min(len(actual), k) if actual else 0.0


def random_lists(seed, kind, rows=300):
    draw = random.Random(seed)
    item = {
        "int": lambda: draw.randrange(30),
        "huge": lambda: draw.randrange(8) + 2**70,
        "str": lambda: f"é{draw.randrange(30)}",
        "tuple": lambda: (draw.randrange(5), str(draw.randrange(5))),
        "mixed": lambda: draw.choice([1, 1.0, True, "1", 2, 2.5, None, b"2", Fraction(2), np.int64(2)]),
    }[kind]
    actual = [[item() for _ in range(draw.randrange(12))] for _ in range(rows)]
    predicted = [[item() for _ in range(draw.randrange(25))] for _ in range(rows)]
    return actual, predicted


KINDS = ["int", "huge", "str", "tuple", "mixed"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 3, 10, 1000])
def test_the_rule_to_the_last_bit(kind, k):
    actual, predicted = random_lists(k, kind)
    expected = [naive(a, p, k) for a, p in zip(actual, predicted, strict=True)]
    assert apk_values(actual, predicted, k).tolist() == expected
    assert [apk(a, p, k) for a, p in zip(actual, predicted, strict=True)] == expected
    assert mapk(actual, predicted, k) == np.mean(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_ml_metrics_itself(kind):
    ml_metrics = pytest.importorskip(
        "ml_metrics",
        reason="ml_metrics needs an old setuptools: pip install 'setuptools<58', then "
        "pip install --no-build-isolation ml_metrics",
    )
    # DIFFERENCE: its last release (0.1.4) gives 1 for an empty `actual`; its repository corrected that to 0.
    pairs = [(a, p) for a, p in zip(*random_lists(5, kind), strict=True) if a]
    actual, predicted = map(list, zip(*pairs, strict=True))
    for k in (1, 2, 5, 10, 50):
        assert [apk(a, p, k) for a, p in zip(actual, predicted, strict=True)] == [
            ml_metrics.apk(a, p, k) for a, p in zip(actual, predicted, strict=True)
        ]
        assert mapk(actual, predicted, k) == ml_metrics.mapk(actual, predicted, k)


def test_sides_of_every_kind_agree():
    scipy_sparse = pytest.importorskip("scipy.sparse", reason="pip install scipy")
    random_numbers = np.random.default_rng(3)
    rows, items, width = 200, 40, 12
    predicted = np.array([random_numbers.permutation(items)[:width] for _ in range(rows)])
    relevant = random_numbers.random((rows, items)) < 0.1
    predicted[random_numbers.random(rows) < 0.2, 7:] = -1
    actual = [np.flatnonzero(row).tolist() for row in relevant]
    longest = max(map(len, actual))
    padded = np.array([row + [-1] * (longest - len(row)) for row in actual])
    lists = [row[row >= 0].tolist() for row in predicted]
    ranked = np.zeros((rows, items))
    for row, ids in enumerate(lists):
        ranked[row, ids] = np.arange(len(ids), 0, -1)
    sides = [actual, padded, padded.astype(np.int32), padded.astype(np.int8), scipy_sparse.csr_matrix(relevant)]
    answers = [lists, predicted, predicted.astype(np.int32), scipy_sparse.csr_matrix(ranked)]
    expected = apk_values(actual, lists, 10)
    assert 0 < expected.mean() < 1
    for side in sides:
        for answer in answers:
            assert apk_values(side, answer, 10).tolist() == expected.tolist()
    assert apk_values([set(row) for row in actual], tuple(map(tuple, lists)), 10).tolist() == expected.tolist()
    assert apk_values([np.array(row) for row in actual], lists, 10).tolist() == expected.tolist()


def test_stored_zeros_of_a_csr_matrix_are_not_relevant():
    sparse = pytest.importorskip("scipy.sparse", reason="pip install scipy")
    actual = sparse.csr_matrix((np.array([0.0, 1.0]), np.array([3, 5]), np.array([0, 2, 2])), shape=(2, 6))
    assert apk_values(actual, [[5, 3], [1]], 2).tolist() == [1.0, 0.0]
    answers = sparse.csr_matrix((np.array([2, 2, 9]), np.array([4, 1, 0]), np.array([0, 3])), shape=(1, 6))
    assert [apk([item], p, 3) for item in (0, 1, 4) for p in ([0, 1, 4],)] == [
        mapk([[item]], answers, 3) for item in (0, 1, 4)
    ]


def test_the_rules_by_name():
    assert apk([], [1, 2]) == 0.0
    assert apk([1], []) == 0.0
    assert apk([1, 1], [1]) == 0.5, "a repeated relevant item inflates the divisor"
    assert apk([1], [1, 1, 1]) == 1.0, "a repeated prediction counts once"
    assert apk([1, 2], [9, 9, 1], 3) == pytest.approx(1 / 6), "but takes its place"
    assert np.isnan(mapk([], []))
    assert meanap.apk is apk and meanap.mapk is mapk


def test_what_is_refused():
    for k in (0, -1):
        with pytest.raises(ValueError, match="k is"):
            apk([1], [1], k)
        with pytest.raises(ValueError, match="k is"):
            mapk(np.zeros((1, 1), int), np.zeros((1, 1), int), k)
    with pytest.raises(ValueError, match="actual has 2 lists and predicted has 1"):
        mapk([[1], [2]], [[1]])
    with pytest.raises(ValueError, match="actual has 2 lists and predicted has 1"):
        mapk(np.zeros((2, 1), int), np.zeros((1, 1), int))
    with pytest.raises(TypeError, match=r"predicted\[1\] is an int"):
        mapk([[1], [2]], [[1], 2])
    with pytest.raises(TypeError, match="text"):
        apk("abc", "abd")
    with pytest.raises(TypeError, match="actual is 5, expected a list of items"):
        apk(5, [1])
    with pytest.raises(TypeError, match="predicted is None, expected a list of lists"):
        mapk([[1]], None)
    with pytest.raises(TypeError, match="predicted is 'a', which is no file, expected a list of lists, or the path of"):
        mapk([[1]], "a")
    with pytest.raises(TypeError, match=r"actual\[0\] is a str"):
        mapk(["abc"], ["abd"])
    with pytest.raises(TypeError, match="k is 'x'"):
        apk([1], [1], "x")
    with pytest.raises(TypeError, match="expected a number or text"):
        apk([[1]], [[1]])


def test_an_error_in_equality_is_raised():
    class Odd:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            raise RuntimeError("no comparison")

    with pytest.raises(RuntimeError, match="no comparison"):
        apk([Odd()], [Odd()])


def test_moving_a_relevant_item_up_never_lowers_it():
    draw = random.Random(11)
    for _ in range(300):
        predicted = draw.sample(range(20), 12)
        actual = draw.sample(range(20), 5)
        k = draw.randrange(1, 15)
        place = draw.randrange(1, 12)
        if predicted[place] in actual:
            moved = predicted.copy()
            moved[place - 1], moved[place] = moved[place], moved[place - 1]
            assert apk(actual, moved, k) >= apk(actual, predicted, k)


def test_relabelling_and_threads_change_nothing():
    actual, predicted = random_lists(9, "int", rows=5000)
    renamed = {item: f"item {item * 7919 % 101}" for item in range(30)}
    expected = apk_values(actual, predicted, 5)
    again = apk_values(
        [[renamed[i] for i in row] for row in actual], [[renamed[i] for i in row] for row in predicted], 5
    )
    assert again.tolist() == expected.tolist()
    for threads in ("1", "3"):
        found = with_threads(threads, lambda: apk_values(actual, predicted, 5))
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("item", [[1], {1: 2}, {3}, bytearray(b"x"), np.zeros(2)])
def test_an_item_that_is_no_id_is_named(item):
    with pytest.raises(TypeError, match=rf"^actual\[1\]\[2\] is a {type(item).__name__}, expected a number or text$"):
        mapk([[1], [1, "b", item]], [[1], [1]], 3)
    with pytest.raises(
        TypeError, match=rf"^predicted\[0\]\[0\] is a {type(item).__name__}, expected a number or text$"
    ):
        mapk([["a"]], [[item]], 3)


def test_what_an_items_own_hash_raises_comes_through():
    class Item:
        def __hash__(self):
            raise OSError("the item's own")

    with pytest.raises(OSError, match="the item's own"):
        mapk([[Item()]], [["a"]], 3)


def test_sparse_matrices_of_every_layout():
    sparse = pytest.importorskip("scipy.sparse", reason="pip install scipy")
    actual = np.array([[1, 0, 1], [0, 2, 0]])
    predicted = np.array([[0.5, 0.25, 0.125], [0.125, 0.5, 0.5]])
    expected = apk_values([[0, 2], [1]], [[0, 1, 2], [1, 2, 0]]).tolist()
    for layout in ("csr", "csc", "coo", "bsr", "lil"):
        for make in (sparse.csr_matrix, sparse.csr_array):
            sides = make(actual).asformat(layout), make(predicted).asformat(layout)
            assert apk_values(*sides).tolist() == expected
    # Entries that stand twice are one of their sum.
    twice = sparse.csr_matrix(([0.25, 0.25, 0.375, 0.125], [0, 0, 1, 2], [0, 4]), shape=(1, 3))
    assert apk_values(sparse.csr_matrix(actual[:1]), twice).tolist() == expected[:1]
    assert twice.nnz == 4


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "uint64", "bool", "float32"])
def test_values_of_sparse_matrices_of_every_type(dtype):
    sparse = pytest.importorskip("scipy.sparse", reason="pip install scipy")
    kind = np.dtype(dtype)
    values = [1.5, -1.5, 3] if kind.kind == "f" else [True] * 3 if kind.kind == "b" else None
    if values is None:
        values = [1, np.iinfo(kind).min or 2, np.iinfo(kind).max]
    values = np.array(values, dtype=kind)
    ranked = sorted(range(3), key=lambda column: (-values.tolist()[column], column))
    found = apk_values([[0]], sparse.csr_matrix((values, [0, 1, 2], [0, 3]), shape=(1, 3)))
    assert found.tolist() == [apk([0], ranked)]


def test_columns_of_lists_of_arrow_and_pandas():
    pyarrow, pandas = pytest.importorskip("pyarrow"), pytest.importorskip("pandas")
    actual, predicted = [[1, 2], [3], []], [[1, 4, 2], [9, 3], [1]]
    expected = apk_values(actual, predicted).tolist()
    for kind in (pyarrow.list_(pyarrow.int64()), pyarrow.large_list(pyarrow.int32())):
        for make in (pyarrow.array, lambda lists, kind: pyarrow.chunked_array([lists[:1], lists[1:]], kind)):
            assert apk_values(make(actual, kind), make(predicted, kind)).tolist() == expected
            assert apk_values(actual, make(predicted, kind)).tolist() == expected
    tables = [pandas.DataFrame(rows) for rows in ([[1, 2], [3, -1]], [[1, 4, 2], [9, 3, -1]])]
    for kind in ("int64", "Int64", "int64[pyarrow]"):
        assert apk_values(*(table.astype(kind) for table in tables)).tolist() == expected[:2]
    assert apk(pyarrow.array(["a"]), pyarrow.array(["b", "a"])) == 0.5


def test_tables_masks_and_padding_that_are_none():
    pandas = pytest.importorskip("pandas")
    masked = np.ma.array([[1, 2]], mask=[[0, 1]])
    with pytest.raises(ValueError, match="^actual: row 0 is null"):
        mapk(masked, [[1]])
    with pytest.raises(ValueError, match="^predicted: row 1 is null"):
        apk([1], masked[0])
    with pytest.raises(TypeError, match="^actual is a table, expected a list of items"):
        apk(pandas.DataFrame({1: [1]}), [1])
    with pytest.raises(TypeError, match=r"^actual\[0, 1\]: is missing, expected a number"):
        mapk(pandas.DataFrame([[1, None]], dtype="Int64"), [[1]])
    for padding in ("x", 0.0, 2**70):
        with pytest.raises((TypeError, ValueError), match="^padding is .*, expected a whole number"):
            mapk(np.array([[1]]), np.array([[1]]), padding=padding)
