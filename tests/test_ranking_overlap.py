"""Rank-biased overlap: the numbers of the package rbo, the definition with ties, and every form of runs."""

import json
import random

import numpy as np
import pytest

from meanap.errors import InputError
from meanap.ranking import compare, rbo


def draw(seed, queries=8):
    """Two runs with ties, of lists of different lengths."""
    rng = random.Random(seed)
    documents = [f"d{i}" for i in range(30)]
    return [
        {
            f"q{n}": {document: float(rng.randint(0, 12)) for document in rng.sample(documents, rng.randint(1, 30))}
            for n in range(queries)
        }
        for _ in range(2)
    ]


def naive(a, b, p):
    """The definition with sets; documents that tie come in together."""

    def at(scores, depth):
        return {d for d in scores if sum(other > scores[d] for other in scores.values()) < depth}

    short, long = sorted((a, b), key=len)
    s, last = len(short), len(long)
    total = agreement = end = 0.0
    for depth in range(1, last + 1):
        one, other = at(short, depth), at(long, depth)
        common = len(one & other)
        if depth <= s:
            agreement = end = 2 * common / (len(one) + len(other))
        else:
            agreement = 2 * (common + end * (depth - s)) / (depth + len(other))
        total += (1 - p) * p ** (depth - 1) * agreement
    return total + p**last * agreement


@pytest.mark.parametrize("p", [0.1, 0.9, 0.98])
@pytest.mark.parametrize("seed", range(6))
def test_the_definition_with_ties_and_lists_of_different_lengths(seed, p):
    first, second = draw(seed)
    found = rbo(first, second, p)
    assert found.queries == list(first)
    for query, value in zip(found.queries, found.values[:, 0], strict=True):
        assert value == pytest.approx(naive(first[query], second[query], p), rel=1e-13)
    np.testing.assert_array_equal(found.values, rbo(second, first, p).values)


@pytest.mark.parametrize("seed", range(20))
def test_the_numbers_of_rbo(seed):
    package = pytest.importorskip("rbo", reason="pip install rbo")
    rng = random.Random(seed)
    for _ in range(20):
        a, b = (rng.sample(range(40), rng.randint(1, 40)) for _ in range(2))
        p = rng.uniform(0.05, 0.99)
        assert rbo({1: a}, {1: b}, p).values[0, 0] == pytest.approx(
            package.RankingSimilarity(a, b).rbo_ext(p), rel=1e-12
        )


def test_every_form_of_runs(tmp_path):
    pandas = pytest.importorskip("pandas")
    first, second = draw(3)
    expected = rbo(first, second).values
    rows = [(query, d, score) for query, side in second.items() for d, score in side.items()]
    path = tmp_path / "b.run"
    path.write_text("".join(f"{query} Q0 {d} 0 {score} tag\n" for query, d, score in rows))
    (tmp_path / "b.json").write_text(json.dumps(second))
    frame = pandas.DataFrame(rows, columns=["query", "document", "score"])
    other = frame.rename(columns={"document": "item"})
    for source in (path, tmp_path / "b.json", frame, rows, tuple(map(list, zip(*rows, strict=True)))):
        np.testing.assert_array_equal(rbo(first, source).values, expected)
    named = rbo(first, other, columns={"document": ["item", "document"]})
    np.testing.assert_array_equal(named.values, expected)


def test_queries_that_one_run_lacks():
    first, second = {"a": ["x"], "b": ["x"], "e": []}, {"c": ["x"], "b": ["x"], "e": []}
    found = rbo(first, second)
    assert found.to_dict() == {"b": {"rbo(p=0.9)": 1.0}, "e": {"rbo(p=0.9)": 1.0}}
    assert found.unanswered == ["a"] and found.unjudged == ["c"]
    zero = rbo(first, second, missing="zero")
    assert zero.queries == ["a", "b", "e", "c"] and zero["rbo(p=0.9)"].tolist() == [0.0, 1.0, 1.0, 0.0]
    with pytest.raises(InputError, match=r"query 'a' is not in run_b \(2 such\)"):
        rbo(first, second, missing="error")
    with pytest.raises(InputError, match="no query in common: run_a's first is 'a', run_b's 'c'"):
        rbo({"a": ["x"]}, {"c": ["x"]})
    assert len(rbo({}, {})) == 0


def test_results_compare_as_others():
    first, second = draw(5)
    same, other = rbo(first, first), rbo(first, second)
    assert same.mean("rbo(p=0.9)") == pytest.approx(1.0)
    (row,) = compare(other, same)
    assert row["number"] == "rbo(p=0.9)" and row["difference"] > 0
    assert same.interval("rbo(p=0.9)").low == pytest.approx(1.0)


def test_what_cannot_be_used():
    for p in (0, 1, -1, float("nan"), "x"):
        with pytest.raises(InputError, match="p: expected a number"):
            rbo({"q": ["d"]}, {"q": ["d"]}, p)
    with pytest.raises(InputError, match="missing is 'none', expected one of"):
        rbo({"q": ["d"]}, {"q": ["d"]}, missing="none")
    with pytest.raises(InputError, match='run_b: row 0: "score" is NaN'):
        rbo({"q": ["d"]}, {"q": {"d": float("nan")}})
    with pytest.raises(InputError, match="run_b: query 'q': the run has document \"d\" twice") as caught:
        rbo({"q": ["d"]}, {"q": ["d", "d"]})
    assert caught.value.code == "duplicate-document"
    with pytest.raises(TypeError, match="integers in one run and text in the other"):
        rbo({"q": ["d"]}, {"q": [1]})


def test_a_run_is_called_by_its_argument(tmp_path):
    good = {"q": {"a": 1.0}}
    for bad, expected in (
        (None, ": is None, expected a dict"),
        ({"q": None}, r"\['q'\]: is None, expected a dictionary of scores"),
        ((["q"], ["a"], ["x"]), ": row 0: \"score\" is 'x', expected a number"),
    ):
        for name, sides in (("run_a", (bad, good)), ("run_b", (good, bad))):
            with pytest.raises(TypeError, match=f"^{name}{expected}"):
                rbo(*sides)
    path = tmp_path / "run"
    path.write_text("q Q0 a 1 x tag\n")
    with pytest.raises(ValueError, match='run: line 1: "score" is "x"') as raised:
        rbo(good, path)
    assert raised.value.source == str(path)
