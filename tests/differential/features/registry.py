"""The registry of features, and what they share."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..case import Case

Step = tuple[Any, ...]
nan, inf = float("nan"), float("inf")


@dataclass
class Plan:
    """The steps of a case by their place: `before` the evaluation, the `evaluation`, what comes `between` it
    and the `closing` (accumulate and summarize), and what comes `after`."""

    before: list[Step] = field(default_factory=list)
    evaluation: list[Step] = field(default_factory=lambda: [("evaluate",)])
    between: list[Step] = field(default_factory=list)
    closing: list[Step] = field(default_factory=lambda: [("accumulate",), ("summarize",)])
    after: list[Step] = field(default_factory=list)

    def steps(self) -> list[Step]:
        """All steps in order."""
        return self.before + self.evaluation + self.between + self.closing + self.after


Feature = Callable[[random.Random, Case, Plan], None]
FEATURES: dict[str, tuple[frozenset[str], Feature]] = {}
ALL = ("bbox", "segm", "keypoints")


def feature(*iou_types: str) -> Callable[[Feature], Feature]:
    """Registers a feature under its function's name (spaces for underscores) for some types of evaluation."""

    def register(function: Feature) -> Feature:
        FEATURES[function.__name__.replace("_", " ")] = (frozenset(iou_types or ALL), function)
        return function

    return register


def some(rng: random.Random, items: list[Any], share: float = 0.4) -> list[Any]:
    """A random part of `items`, at least one if there is any."""
    chosen = [item for item in items if rng.random() < share]
    return chosen or ([rng.choice(items)] if items else [])


def objects(case: Case) -> list[dict[str, Any]]:
    """The ground truth's annotations."""
    return list(case.dataset["annotations"])


def found(case: Case) -> list[dict[str, Any]]:
    """The detections, while they are a list of records."""
    return case.results if isinstance(case.results, list) else []


def rename(case: Case, key: str, table: str, new: dict[Any, Any]) -> None:
    """Gives images (or categories) other ids everywhere."""
    for record in case.dataset.get(table, []):
        record["id"] = new[record["id"]]
    for record in objects(case) + found(case):
        record[key] = new[record[key]]


def ids_of(case: Case, table: str) -> list[Any]:
    """The ids in a table, each once."""
    return list(dict.fromkeys(record["id"] for record in case.dataset.get(table, [])))


def other_ids(rng: random.Random, ids: list[Any]) -> Any:
    """Ids to evaluate: fewer, more, repeated, in another order, in another container."""
    ids = list(ids)
    extra: Any = "zz" if ids and isinstance(ids[0], str) else 4242
    rng.shuffle(ids)
    chosen = rng.choice(
        [
            ids,
            ids[: max(1, len(ids) // 2)],
            ids + ids[:1],
            [*ids, extra],
            [extra],
            [],
            ids[:1] * 3,
            ids[1:] + ids[:1],
        ]
    )
    container = rng.choice([list, list, list, tuple, np.array])
    return container(chosen)
