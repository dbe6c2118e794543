"""Scores, and the forms in which results come."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import Case
from .registry import Plan, feature, found, inf, nan, objects, some


@feature()
def strange_scores(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, found(case)):
        record["score"] = rng.choice(
            [
                nan,
                inf,
                -inf,
                -1.5,
                -0.0,
                0.0,
                0,
                1,
                True,
                False,
                1e308,
                5e-324,
                np.float32(0.3),
                np.float64(0.3),
                7,
                -3,
            ]
        )


@feature()
def scores_of_one_type(rng: random.Random, case: Case, plan: Plan) -> None:
    kinds: list[Callable[[float], Any]] = [
        np.float32,
        np.float16,
        np.float64,
        lambda s: round(s * 10),
        lambda s: s > 0.5,
        lambda s: np.bool_(s > 0.5),
        lambda s: np.int64(s * 10),
        lambda s: np.uint8(s * 10),
        lambda s: 2**53 + round(s * 10),
        lambda s: 2**64 + round(s * 10),
        lambda s: nan,
        lambda s: np.array(s),
    ]
    kind = rng.choice(kinds)
    for record in found(case):
        record["score"] = kind(record["score"])


@feature()
def tied_scores(rng: random.Random, case: Case, plan: Plan) -> None:
    values = rng.choice([[0.5], [0.5, 0.25], [0.0, -0.0], [0.3, np.float32(0.3)], [nan, 0.5], [1, 1.0, True]])
    for record in found(case):
        record["score"] = rng.choice(values)


@feature()
def scores_of_wrong_types(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, found(case), 0.1):
        record["score"] = rng.choice([None, "0.5", [0.5], np.array([0.5]), np.array(0.5), 1j])


@feature()
def score_missing(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, found(case), 0.1):
        record.pop("score", None)


@feature()
def many_detections(rng: random.Random, case: Case, plan: Plan) -> None:
    more = found(case)[:3]
    case.results += [{**r, "score": rng.choice([0.1, rng.random()])} for r in more for _ in range(rng.choice([5, 40]))]


@feature()
def fields_that_loadRes_overwrites(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, found(case)):
        record.update(rng.choice([{"id": 77}, {"area": -5}, {"iscrowd": 1}, {"ignore": 1}, {"id": 0, "area": nan}]))


@feature()
def no_results(rng: random.Random, case: Case, plan: Plan) -> None:
    case.results = []


@feature()
def results_of_one_image(rng: random.Random, case: Case, plan: Plan) -> None:
    if found(case):
        image = found(case)[0]["image_id"]
        case.results = [r for r in found(case) if r["image_id"] == image]


@feature()
def results_of_one_class(rng: random.Random, case: Case, plan: Plan) -> None:
    if found(case):
        category = found(case)[0]["category_id"]
        case.results = [r for r in found(case) if r["category_id"] == category]


@feature()
def fields_missing(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case), 0.1):
        record.pop(rng.choice(list(record)))


@feature()
def results_as_a_tuple(rng: random.Random, case: Case, plan: Plan) -> None:
    case.results = tuple(found(case))


@feature()
def first_result_of_another_kind(rng: random.Random, case: Case, plan: Plan) -> None:
    if found(case):
        found(case)[0].update(
            rng.choice([{"caption": "a cat"}, {"bbox": []}, {"bbox": [1, 2, 3, 4]}, {"segmentation": []}])
        )


@feature("bbox")
def results_as_an_array(rng: random.Random, case: Case, plan: Plan) -> None:
    from ..steps import as_array

    rows = as_array(found(case))
    if isinstance(rows, np.ndarray):
        change = rng.choice(["", "", "float32", "int64", "six columns", "fortran", "strided"])
        if change in ("float32", "int64"):
            with np.errstate(invalid="ignore", over="ignore"):
                rows = rows.astype(change)
        elif change == "six columns":
            rows = rows[:, :6]
        elif change == "fortran":
            rows = np.asfortranarray(rows)
        elif change == "strided":
            rows = np.repeat(rows, 2, axis=0)[::2]
        case.results = rows


@feature()
def detections_by_hand(rng: random.Random, case: Case, plan: Plan) -> None:
    """A `COCO` made of detections without `loadRes`: the ids are the caller's."""
    if isinstance(case.results, list):
        case.entry = "dataset"
        start = rng.choice([0, -3, 1, 100, 2**53])
        for i, record in enumerate(found(case)):
            record["id"] = start + i
            record.setdefault("area", 500.0)
            record.setdefault("bbox", [5, 5, 20, 30])
        case.results = {
            "annotations": found(case),
            "images": [dict(i) for i in case.dataset.get("images", [])],
        }
        if rng.random() < 0.5:
            case.results["categories"] = [dict(c) for c in case.dataset.get("categories", [])]


@feature()
def detections_by_hand_with_strange_ids(rng: random.Random, case: Case, plan: Plan) -> None:
    if case.entry != "dataset":
        detections_by_hand(rng, case, plan)
    if case.entry == "dataset":
        for record in some(rng, case.results["annotations"]):
            record["id"] = rng.choice([0, 0, -1, -2, 1, 0.5, -0.5, 2**60, np.int64(3), "4", True])


@feature()
def ground_truth_as_detections(rng: random.Random, case: Case, plan: Plan) -> None:
    case.entry = "itself"
    for annotation in objects(case):
        annotation["score"] = rng.choice([1.0, rng.random()])
