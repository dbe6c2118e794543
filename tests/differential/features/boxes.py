"""Boxes: sizes of nothing, NaN and infinity, and the containers that they come in."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import Case
from .registry import Plan, feature, found, inf, nan, objects, some


def strange_number(rng: random.Random) -> Any:
    """A number that boxes seldom hold."""
    return rng.choice([nan, inf, -inf, 0, 0.0, -0.0, -5, -0.5, 1e308, -1e308, 5e-324, 1e-200, 10**20, True, 2**53 + 1])


@feature("bbox", "keypoints")
def strange_boxes(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, [r for r in objects(case) + found(case) if "bbox" in r], 0.3):
        box = list(record["bbox"])
        for i in some(rng, [0, 1, 2, 3], 0.3):
            box[i] = strange_number(rng)
        record["bbox"] = box


@feature("bbox")
def degenerate_boxes(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case)):
        x, y, w, h = record["bbox"]
        record["bbox"] = rng.choice([[x, y, 0, h], [x, y, 0, 0], [x, y, -w, -h], [x, y, -w, h], [0, 0, 0, 0]])


@feature("bbox", "keypoints")
def boxes_of_other_types(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, [r for r in objects(case) + found(case) if "bbox" in r]):
        kinds: list[Callable[[list[Any]], Any]] = [
            lambda b: [int(v) for v in b],
            lambda b: [np.float32(v) for v in b],
            lambda b: [np.float64(b[0]), *b[1:]],
            lambda b: [np.int64(v) for v in b],
            lambda b: np.array(b, dtype=np.float64),
            lambda b: np.array(b, dtype=np.float32),
            lambda b: np.array(b, dtype=np.int64),
        ]
        record["bbox"] = rng.choice(kinds)(record["bbox"])


@feature("bbox")
def boxes_of_wrong_types(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case), 0.1):
        box = list(record["bbox"])
        record["bbox"] = rng.choice(
            [
                tuple(box),
                box[:3],
                [*box, 1.0],
                [str(v) for v in box],
                [None, *box[1:]],
                [],
                None,
                [box],
                "1234",
                {},
            ]
        )


@feature("bbox")
def many_ties(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in objects(case):
        annotation["bbox"] = rng.choice([[0, 0, 8, 8], [0, 0, 8, 16], [4, 0, 8, 8]])
    for record in found(case):
        record["bbox"] = rng.choice([[0, 0, 8, 8], [0, 0, 8, 16], [4, 0, 8, 8], [0, 4, 8, 8]])
        record["score"] = rng.choice([0.5, 0.5, 0.7])
