"""Lists whose rows have labels are paired by them; what has no order is refused."""

import itertools

import numpy as np
import pytest

from meanap.ranking import apk, apk_values, evaluate, mapk

pandas = pytest.importorskip("pandas", reason="pip install pandas")

ACTUAL = {"u": [1, 2], "v": [3], "w": [4]}
PREDICTED = {"w": [9, 4], "u": [1, 9], "v": [8, 9, 3]}
EXPECTED = [0.5, 1 / 3, 0.5]


def series(rows):
    return pandas.Series(list(rows.values()), index=list(rows))


def frame(rows):
    longest = max(map(len, rows.values()))
    return pandas.DataFrame([row + [-1] * (longest - len(row)) for row in rows.values()], index=list(rows))


KINDS = {"dict": dict, "Series": series, "DataFrame": frame}


@pytest.mark.parametrize(("first", "second"), list(itertools.product(KINDS, KINDS)))
def test_rows_are_paired_by_label(first, second):
    actual, predicted = KINDS[first](ACTUAL), KINDS[second](PREDICTED)
    assert apk_values(actual, predicted, 3).tolist() == EXPECTED
    assert mapk(actual, predicted, 3) == np.mean(EXPECTED)
    # Integers that are not in order, and the same labels in the same order.
    numbers = {"u": 2, "v": 0, "w": 1}
    renamed = [{numbers[label]: row for label, row in rows.items()} for rows in (ACTUAL, PREDICTED)]
    assert apk_values(KINDS[first](renamed[0]), KINDS[second](renamed[1]), 3).tolist() == EXPECTED
    same = {label: PREDICTED[label] for label in ACTUAL}
    assert apk_values(KINDS[first](ACTUAL), KINDS[second](same), 3).tolist() == EXPECTED


@pytest.mark.parametrize(("first", "second"), list(itertools.product(KINDS, KINDS)))
def test_labels_that_one_side_lacks_are_named(first, second):
    less = {label: row for label, row in PREDICTED.items() if label != "v"}
    other = {**less, "x": [1]}
    for predicted in (less, other):
        with pytest.raises(ValueError, match=r"actual has a row labelled 'v' and predicted has none \(1 such\)"):
            mapk(KINDS[first](ACTUAL), KINDS[second](predicted))
    with pytest.raises(ValueError, match="predicted has a row labelled 'v' and actual has none"):
        mapk(KINDS[first](less), KINDS[second](ACTUAL))


def test_a_filtered_series_and_one_that_begins_anew_are_not_paired_in_silence():
    kept = pandas.Series([[1], [2], [3]])[[True, False, True]]
    with pytest.raises(ValueError, match="labelled 2 and predicted has none"):
        mapk(kept, pandas.Series([[1], [3]]))
    assert mapk(kept.tolist(), pandas.Series([[1], [3]]).tolist()) == 1.0
    # A list has no labels: it is paired by position.
    assert mapk(kept, [[1], [3]]) == mapk([[1], [3]], kept) == 1.0


def test_labels_that_stand_twice():
    twice = pandas.Series([[1], [2]], index=["a", "a"])
    assert mapk(twice, twice) == 1.0
    with pytest.raises(ValueError, match="labels stand twice"):
        mapk(twice, pandas.Series([[1], [2]], index=["a", "b"]))


def test_what_has_no_order_is_refused():
    for actual, predicted in ((ACTUAL, [[1], [2], [3]]), ([[1], [2], [3]], PREDICTED)):
        with pytest.raises(TypeError, match="is a dictionary and the other side has no labels"):
            mapk(actual, predicted)
    with pytest.raises(TypeError, match="is a set"):
        mapk({(1,), (2,)}, [[1], [2]])
    for wrong in ({1: 0.5}, {1, 2}, frozenset([1])):
        with pytest.raises(TypeError, match="in their order"):
            apk([1], wrong)
        with pytest.raises(TypeError, match=r"predicted\[1\] is a (dict|set|frozenset), expected a list of items"):
            mapk([[1], [2]], [[1], wrong])
    with pytest.raises(TypeError, match="actual is a dict"):
        apk({1: 0}, [1])
    with pytest.raises(TypeError, match="a table of float64, expected integers"):
        mapk(pandas.DataFrame([[1.0, np.nan]]), [[1]])
    assert apk({1, 2}, [1, 2]) == 1.0


def test_columns_of_a_run_whose_indices_differ_are_refused():
    table = pandas.DataFrame({"q": "q", "d": ["a", "b"], "s": [2.0, 1.0]})
    assert evaluate({"q": {"a": 1}}, (table.q, table.d, table.s), "rr").mean("rr") == 1.0
    scores = table.s.sort_values()
    with pytest.raises(ValueError, match="run: queries and run: scores have different indices"):
        evaluate({"q": {"a": 1}}, (table.q, table.d, scores))
    with pytest.raises(ValueError, match="qrels: queries and qrels: documents have different indices"):
        evaluate((table.q, table.d[::-1], [1, 1]), {"q": {"a": 1.0}})
    assert evaluate({"q": {"a": 1}}, (table.q, table.d, scores.tolist()), "rr").mean("rr") == 0.5
