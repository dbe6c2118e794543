"""Judgements and runs for the ranking tests, drawn from a seed."""

import random


def draw(seed, queries=60, documents=80, answered=50, grades=(0, 0, 1, 1, 2, 3), ties=None, unjudged=0.0):
    """`(qrels, run)` as dictionaries.

    `ties` is how many distinct scores there are (all distinct without); `unjudged` the share of negative grades.
    """
    numbers = random.Random(seed)
    qrels, run = {}, {}
    for q in range(queries):
        names = [f"d{numbers.randrange(10**6)}-{i}" for i in range(documents)]
        judged = numbers.sample(names, numbers.randrange(1, documents // 2))
        qrels[f"q{q}"] = {name: -1 if numbers.random() < unjudged else numbers.choice(grades) for name in judged}
        retrieved = numbers.sample(names, numbers.randrange(1, answered))
        if ties is None:
            scores = [float(s) for s in numbers.sample(range(10 * documents), len(retrieved))]
        else:
            scores = [float(numbers.randrange(ties)) for _ in retrieved]
        run[f"q{q}"] = dict(zip(retrieved, scores, strict=True))
    return qrels, run


def columns(table):
    """Three lists (query, document, value) from a dictionary of dictionaries."""
    rows = [(q, d, v) for q, documents in table.items() for d, v in documents.items()]
    return [[row[i] for row in rows] for i in range(3)]


def write_trec(path, table, *, run):
    """Writes a dictionary of dictionaries as a TREC file; returns the path."""
    with open(path, "w", encoding="utf-8") as file:
        for query, documents in table.items():
            for document, value in documents.items():
                file.write(f"{query} Q0 {document} 1 {value!r} tag\n" if run else f"{query} 0 {document} {value}\n")
    return path
