"""Ranking measures with each tool: input is given in memory, drawn from a seed; the clock sees the measuring alone."""

from pathlib import Path

import numpy as np

from workloads import Workload

# The reference adds in an order of its own machine: so many digits are compared.
DIGITS = 12


def workload(name: str, about: str, entrants: dict, reference: str) -> Workload:
    """A workload whose input comes from a seed; its folder holds nothing."""
    folder = f"{name}.drawn"
    return Workload(name, about, folder, _nothing, entrants, reference, in_memory=True, table="ranking", digits=DIGITS)


def _nothing(folder: Path):
    """There is nothing to write."""


def rounded(mean: float) -> dict:
    """A mean as the answer that is compared."""
    return {"mean": [round(float(mean), DIGITS)]}


def judged_and_answered(queries=10_000, documents=1000, judged=50):
    """Per query: the ids of its documents, their scores, the ids of the judged ones and their grades."""
    numbers = np.random.default_rng(0)
    ids = np.arange(documents + judged // 2) * 1000 + numbers.integers(0, 1000, (queries, documents + judged // 2))
    ids = numbers.permuted(ids, axis=1)
    # No two are the same, in single precision neither: what a tie gives is not what is measured.
    scores = numbers.permuted(np.tile(np.arange(documents), (queries, 1)), axis=1) / 8 - 50
    known = np.concatenate([ids[:, : judged // 2], ids[:, documents:]], axis=1)
    return ids[:, :documents], scores, known, numbers.integers(0, 3, (queries, judged))


def dictionaries():
    """The same as `{query: {document: value}}`, judgements and run; ids are text."""
    ids, scores, known, grades = judged_and_answered()

    def table(documents, values):
        rows = zip(documents.tolist(), values.tolist(), strict=True)
        return {
            f"q{q}": {f"doc{d}": value for d, value in zip(documents, values, strict=True)}
            for q, (documents, values) in enumerate(rows)
        }

    return table(known, grades), table(ids, scores)


def arrays():
    """The same as columns (query, document, value), judgements and run; ids are 32-bit integers."""
    ids, scores, known, grades = judged_and_answered()

    def columns(documents, values):
        queries = np.repeat(np.arange(len(documents), dtype=np.int32), documents.shape[1])
        return queries, documents.astype(np.int32).ravel(), values.ravel()

    return columns(known, grades), columns(ids, scores)


def lists(users=1_000_000, length=100, relevant=10, items=100_000):
    """For each user the relevant items and the predicted ones, as lists of lists of int."""
    numbers = np.random.default_rng(1)
    predicted = [row for _ in range(10) for row in numbers.integers(0, items, (users // 10, length)).tolist()]
    actual = numbers.integers(0, items, (users, relevant)).tolist()
    return actual, predicted


def dense(rows=100_000, classes=1000, labels=3):
    """Labels `(N, L)` and float32 scores `(N, C)`."""
    numbers = np.random.default_rng(2)
    return numbers.integers(0, classes, (rows, labels)), numbers.random((rows, classes), dtype=np.float32)


def binary(examples=10_000_000):
    """Labels and scores of one class; the scores of positives are greater by half a spread."""
    numbers = np.random.default_rng(3)
    truth = (numbers.random(examples) < 0.1).astype(np.int64)
    return truth, numbers.standard_normal(examples) + 0.5 * truth
