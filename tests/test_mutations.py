"""The mutations of `mutate_constants.py` are up to date; none is made here."""

import pytest

pytest.importorskip("resource", reason="mutations are made on Unix")

from mutate_constants import PYTHON, RUST  # noqa: E402


def test_the_text_of_each_mutation_is_once_in_its_file():
    assert [str(mutation) for mutation in PYTHON + RUST if mutation.is_stale()] == []


def test_no_mutation_is_listed_twice():
    assert len({*PYTHON, *RUST}) == len(PYTHON) + len(RUST)
    assert all(mutation.old != mutation.new for mutation in PYTHON + RUST)
