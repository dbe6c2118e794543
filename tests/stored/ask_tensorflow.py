"""Writes tensorflow.json: what TensorFlow's `average_precision_at_k` says of small cases of every kind.

    python tests/stored/ask_tensorflow.py

needs tensorflow-cpu. The tests read the file, so that they need it no more.
"""

import json
from pathlib import Path

import numpy as np

PLACE = Path(__file__).with_name("tensorflow.json")


def cases():
    """`(name, kind, labels, scores, k)`; scores are single precision, `kind` is that of the labels."""
    numbers = np.random.default_rng(20)
    yield "the classic example", "dense", [[2], [1], [0], [3], [0]], [
        [0.1, 0.2, 0.6, 0.1], [0.8, 0.05, 0.1, 0.05], [0.3, 0.4, 0.1, 0.2], [0.6, 0.25, 0.1, 0.05],
        [0.1, 0.2, 0.6, 0.1]], 3  # fmt: skip
    yield "a row without a label", "dense", [[1], [-1]], [[0.1, 0.9], [0.2, 0.8]], 1
    yield "a label that stands twice, dense", "dense", [[0, 0]], [[0.9, 0.1]], 2
    yield "a label that stands twice, sparse", "sparse", [[0, 0]], [[0.9, 0.1]], 2
    yield "all scores tie", "dense", [[0], [1], [2]], [[0.5] * 3] * 3, 3
    for k in (1, 3, 8):
        for distinct in (3, 1000):
            scores = numbers.integers(0, distinct, (12, 8)) / 8
            labels = numbers.integers(-2, 10, (12, 4))
            labels[:, 0] = numbers.integers(0, 8, 12)
            yield f"dense, k={k}, {distinct} scores", "dense", labels.tolist(), scores.tolist(), k
            rows = [numbers.integers(0, 8, numbers.integers(1, 6)).tolist() for _ in range(12)]
            yield f"sparse, k={k}, {distinct} scores", "sparse", rows, scores.tolist(), k


def ask(tf, kind, labels, scores, k):
    """TensorFlow's value: the metric is updated with the first half of the rows and then with the rest."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        classes = tf.compat.v1.placeholder(tf.float32, [None, len(scores[0])])
        if kind == "dense":
            truth = tf.compat.v1.placeholder(tf.int64, [None, len(labels[0])])
        else:
            truth = tf.compat.v1.sparse_placeholder(tf.int64, [None, None])
        value, update = tf.compat.v1.metrics.average_precision_at_k(truth, classes, k)
        session.run(tf.compat.v1.local_variables_initializer())
        half = (len(labels) + 1) // 2
        for rows in (slice(0, half), slice(half, None)):
            if labels[rows]:
                fed = np.array(labels[rows]) if kind == "dense" else sparse(tf, labels[rows])
                session.run(update, {truth: fed, classes: np.array(scores[rows], dtype=np.float32)})
        return float(session.run(value))


def sparse(tf, rows):
    places = [(row, i) for row, items in enumerate(rows) for i in range(len(items))]
    values = [label for items in rows for label in items]
    return tf.compat.v1.SparseTensorValue(places, values, (len(rows), max(map(len, rows))))


def main():
    import tensorflow as tf

    stored = [
        {"name": name, "kind": kind, "labels": labels, "scores": scores, "k": k,
         "value": ask(tf, kind, labels, scores, k).hex()}
        for name, kind, labels, scores, k in cases()
    ]  # fmt: skip
    lines = ",\n".join(json.dumps(case) for case in stored)
    PLACE.write_text(f'{{"tensorflow": "{tf.__version__}", "cases": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
