"""Writes torchmetrics.json: what torchmetrics' retrieval functions say of small lists with scores of both signs.

    python tests/stored/ask_torchmetrics.py

needs torch and torchmetrics. The tests read the file, so that they need them no more.
"""

import json
from pathlib import Path

import numpy as np

PLACE = Path(__file__).with_name("torchmetrics.json")

FUNCTIONS = {
    "map": "retrieval_average_precision",
    "p": "retrieval_precision",
    "recall": "retrieval_recall",
    "rr": "retrieval_reciprocal_rank",
    "hit": "retrieval_hit_rate",
    "ndcg": "retrieval_normalized_dcg",
    "rprec": "retrieval_r_precision",
}
"""Our name of a measure, and torchmetrics' function."""


def cases():
    """`(scores, grades, k)`: scores without ties, of which none, some or all are 0 or less; grades are 0 and 1."""
    numbers = np.random.default_rng(30)
    yield [-0.5, -1.0, -2.0], [0, 1, 1], 2
    yield [0.0, -1.0], [1, 1], None
    yield [1e-46, 1.0], [1, 0], None
    for documents in (1, 2, 5, 12):
        for above in (0, documents // 2, documents):
            for k in (None, 1, 3, 20):
                scores = (numbers.permutation(documents) - documents + above + 0.0).tolist()
                yield scores, numbers.integers(0, 2, documents).tolist(), k


def ask(torch, retrieval, measure, scores, grades, k):
    """torchmetrics' value; scores are given in double and rounded to single precision by it."""
    options = {} if measure == "rprec" else {"top_k": k}
    function = getattr(retrieval, FUNCTIONS[measure])
    return float(function(torch.tensor(scores, dtype=torch.float64), torch.tensor(grades), **options))


def main():
    import torch
    import torchmetrics
    from torchmetrics.functional import retrieval

    stored = [
        {"scores": scores, "grades": grades, "k": k,
         "values": {name: ask(torch, retrieval, name, scores, grades, k) for name in FUNCTIONS}}
        for scores, grades, k in cases()
    ]  # fmt: skip
    lines = ",\n".join(json.dumps(case) for case in stored)
    PLACE.write_text(f'{{"torchmetrics": "{torchmetrics.__version__}", "cases": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
