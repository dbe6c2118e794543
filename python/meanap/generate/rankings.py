"""Judgements of relevance and two runs, as files in TREC's format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from meanap._files import write_text

if TYPE_CHECKING:
    from meanap._types import PathLike

#: Documents that each query has in a run, and the fraction of them that is relevant.
_DOCUMENTS, _RELEVANT = 100, 0.08
#: Subtopics of each query.
_SUBTOPICS = 4
#: How well the scores of a run separate relevant documents from the others, by the name of the run.
_RUNS = {"first": 1.0, "second": 1.4}


def write_rankings(folder: PathLike, *, queries: int = 50, seed: int = 0) -> tuple[Path, list[Path]]:
    """Write judgements and two runs for the same queries, of which the second is the better one.

    Parameters
    ----------
    folder
        Made if it is not there.
    queries
        How many queries.
    seed
        The same seed gives the same files.

    Returns
    -------
    tuple of pathlib.Path and list of pathlib.Path
        judged.qrels, with grades from 0 to 2; first.run and second.run, with 100 documents for each query. Beside them
        there is diversity.qrels, with a subtopic of each query in the second field.
    """
    rng = np.random.default_rng([seed, 3])
    grades = rng.integers(1, 3, (queries, _DOCUMENTS)) * (rng.random((queries, _DOCUMENTS)) < _RELEVANT)
    noise = rng.normal(size=(queries, _DOCUMENTS))
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    judged = place / "judged.qrels"
    lines = [f"q{query} 0 d{document} {grade}" for (query, document), grade in np.ndenumerate(grades)]
    write_text(judged, "\n".join([*lines, ""]))
    lines = [
        f"q{query} {1 + document % _SUBTOPICS} d{document} {grade}"
        for (query, document), grade in np.ndenumerate(grades)
        if grade > 0
    ]
    write_text(place / "diversity.qrels", "\n".join([*lines, ""]))
    runs = []
    for name, strength in _RUNS.items():
        # Noise in common, so that the runs differ as two versions of one system do.
        scores = strength * grades + noise + 0.5 * rng.normal(size=noise.shape)
        lines = [
            f"q{query} Q0 d{document} {rank + 1} {scores[query, document]:.4f} {name}"
            for query in range(queries)
            for rank, document in enumerate(np.argsort(-scores[query], kind="stable"))
        ]
        write_text(place / f"{name}.run", "\n".join([*lines, ""]))
        runs.append(place / f"{name}.run")
    return judged, runs
