"""Keypoints: nothing visible, other sigmas, wrong lengths."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import scenes
from ..case import Case
from .registry import Plan, feature, found, inf, nan, objects, some


@feature("keypoints")
def nothing_visible(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case)):
        annotation["keypoints"] = [0 if i % 3 == 2 else v for i, v in enumerate(annotation["keypoints"])]
        if rng.random() < 0.5:
            annotation["num_keypoints"] = 0


@feature("keypoints")
def num_keypoints_contradicts(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case)):
        annotation["num_keypoints"] = rng.choice([0, 0.0, False, 3, -1, None, "0", nan])
        if rng.random() < 0.05:
            annotation.pop("num_keypoints")


@feature("keypoints")
def other_sigmas(rng: random.Random, case: Case, plan: Plan) -> None:
    count = rng.choice([1, 2, 5, 8, 9, 16, 18, 130])
    for record in objects(case) + found(case):
        points = scenes.pose(rng, record.get("bbox", [5, 5, 30, 30]), count)
        record["keypoints"] = points
        if "num_keypoints" in record:
            record["num_keypoints"] = sum(v > 0 for v in points[2::3])
    sigmas = np.array([rng.choice([0.25, 0.5, 0.79, rng.random()]) for _ in range(count)]) / 10
    plan.before.append(("parameter", "kpt_oks_sigmas", sigmas))


@feature("keypoints")
def strange_sigmas(rng: random.Random, case: Case, plan: Plan) -> None:
    value = rng.choice(
        [
            np.full(17, 0.05, dtype=np.float32),
            np.zeros(17),
            np.full(17, nan),
            [0.05] * 17,
            0.05,
            np.full(16, 0.05),
            np.full(1, 0.05),
            np.arange(17),
            -np.full(17, 0.05),
        ]
    )
    plan.before.append(("parameter", "kpt_oks_sigmas", value))


@feature("keypoints")
def keypoints_of_other_types(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case)):
        kinds: list[Callable[[list[Any]], Any]] = [
            lambda k: [int(v) for v in k],
            lambda k: [float(v) for v in k],
            lambda k: [np.float32(v) for v in k],
            lambda k: np.array(k, dtype=np.float64),
            lambda k: np.array(k, dtype=np.float32),
            tuple,
        ]
        record["keypoints"] = rng.choice(kinds)(record["keypoints"])


@feature("keypoints")
def strange_keypoints(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case), 0.3):
        points = list(record["keypoints"])
        for i in some(rng, list(range(len(points))), 0.1):
            points[i] = rng.choice([nan, inf, -inf, -1, 0, 1e200, -0.5, 0.5, 10**15, True])
        record["keypoints"] = points


@feature("keypoints")
def keypoints_of_wrong_length(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case), 0.1):
        points = list(record["keypoints"])
        record["keypoints"] = rng.choice(
            [points[:-1], points[:-3], points + [1, 2, 2], [], points[:3], None, points[:2]]
        )


@feature("keypoints")
def area_zero(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case)):
        annotation["area"] = rng.choice([0, 0.0, -0.0, 5e-324, 1e-20, -3])


@feature("keypoints")
def poses_with_boxes(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in found(case):
        record["bbox"] = scenes.random_box(rng, 60, 60)
