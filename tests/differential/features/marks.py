"""Crowds, ignored objects, and areas."""

from __future__ import annotations

import random

import numpy as np

from ..case import Case
from .registry import Plan, feature, found, inf, nan, objects, some


@feature()
def crowds(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case)):
        annotation["iscrowd"] = rng.choice([1, 1, True, 1.0])


@feature()
def iscrowd_of_other_types(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case), 0.3):
        annotation["iscrowd"] = rng.choice(
            [True, False, 0.0, 1.0, 0.5, 2, 255, 256, -1, "0", "1", np.int64(1), np.bool_(True), None, nan]
        )


@feature()
def iscrowd_missing(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case), 0.3):
        annotation.pop("iscrowd")


@feature()
def ignore_given(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case)):
        annotation["ignore"] = rng.choice([0, 1, True, None, "yes"])


@feature()
def area_missing(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case), 0.2):
        annotation.pop("area")


@feature()
def strange_areas(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case)):
        annotation["area"] = rng.choice(
            [
                nan,
                inf,
                -inf,
                0,
                -1.0,
                0.0,
                -0.0,
                1e10,
                1e10 + 2,
                1e300,
                10**12,
                True,
                np.float32(1024),
                np.int64(9216),
            ]
        )


@feature()
def areas_of_wrong_types(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case), 0.1):
        annotation["area"] = rng.choice([None, "12", [5], np.array(5.0)])


@feature()
def areas_on_the_borders(rng: random.Random, case: Case, plan: Plan) -> None:
    borders = [
        32**2,
        32**2,
        96**2,
        1024.0,
        np.nextafter(1024, 0).item(),
        np.nextafter(9216, 1e5).item(),
        1e10,
    ]
    for annotation in objects(case):
        annotation["area"] = rng.choice(borders)
    if case.iou_type == "bbox":
        for record in some(rng, found(case)):
            record["bbox"] = [
                *record["bbox"][:2],
                *rng.choice([(32, 32), (96, 96), (32.0, 288.0), (16, 64), (1, 1024)]),
            ]
