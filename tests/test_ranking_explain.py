"""Why two tools' numbers of one run differ: each convention on which they differ has its change, and they add up."""

import dataclasses

import pytest
from ranking_data import draw

from meanap.ranking import evaluate, explain_difference
from meanap.ranking.conventions import _KNOWN, Conventions

#: Of fields that are not one of some words: another value.
OTHERS = {
    "relevance_level": (1, 2),
    "graded_below_level": (True, False),
    "positive_scores_only": (False, True),
    "judged_only": (False, True),
    "compensated": (False, True),
}


def values(field):
    return OTHERS[field] if field in OTHERS else _KNOWN[field]


@pytest.fixture(scope="module")
def data():
    qrels, run = draw(12, ties=5)
    qrels = {query: {**grades, next(iter(grades)): 1} for query, grades in qrels.items()}
    # Scores that are equal in single precision, and some that are not positive.
    run = {
        query: {document: score - 1 + 1e-9 * i for i, (document, score) in enumerate(answers.items())}
        for query, answers in run.items()
    }
    return qrels, run


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Conventions)])
@pytest.mark.parametrize("measure", ["map", "ndcg"])
def test_a_difference_in_one_convention_is_one_share_that_names_it(data, field, measure):
    first, *others = values(field)
    assert others
    for other in others:
        sides = [Conventions(**{"duplicates": "first", field: value}) for value in (first, other)]
        found = explain_difference(*data, *sides, measure)
        assert [(row["factor"], row["baseline"], row["candidate"]) for row in found] == [
            (field, str(first), str(other))
        ]
        assert found["change"][0] == pytest.approx(found.difference, abs=1e-15)
        ends = [evaluate(*data, measure, side).mean(measure) for side in sides]
        assert [found.baseline, found.candidate] == ends and found.difference == ends[1] - ends[0]
