"""Parameters of the evaluation."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from ..case import Case
from .registry import Plan, feature, ids_of, inf, nan, other_ids


@feature()
def other_maximum_detections(rng: random.Random, case: Case, plan: Plan) -> None:
    value = rng.choice(
        [
            [500],
            [1, 10],
            [1, 10, 99],
            [1, 10, 100, 1000],
            [100, 10, 1],
            [3, 1, 100],
            [100, 100, 100],
            [0, 1, 100],
            [0],
            [0, 0, 2],
            [1, 2, 3],
            (1, 10, 100),
            np.array([1, 10, 100]),
            [1, 10, 100.0],
            [np.int64(1), 10, 100],
            [2, 100],
            [1, 1, 2],
            [-1, 1, 100],
            [],
            [20],
            [True, 10, 100],
        ]
    )
    plan.before.append(("parameter", "maxDets", value))


@feature()
def one_maximum_edited(rng: random.Random, case: Case, plan: Plan) -> None:
    index = rng.choice([0, 0, 2]) if case.iou_type != "keypoints" else 0
    plan.before.append(("parameter item", "maxDets", index, rng.choice([2, 5, 100, 300])))


@feature()
def other_thresholds(rng: random.Random, case: Case, plan: Plan) -> None:
    value = rng.choice(
        [
            [0.5],
            np.array([0.5]),
            np.array([0.5, 0.75]),
            [0.75, 0.5],
            np.array([0.9, 0.1, 0.5]),
            [0.0],
            [0.0, 0.5, 1.0],
            np.array([1.0]),
            [1.0, 1.5],
            [-0.5, 0.5],
            [nan, 0.5],
            [1 - 1e-10, 1 - 1e-11],
            np.array([0.5, 0.5]),
            [],
            (0.5, 0.95),
            np.array([0.5, 0.7], dtype=np.float32),
            [0, 1],
            np.linspace(0.3, 0.6, 4),
        ]
    )
    plan.before.append(("parameter", "iouThrs", value))


@feature()
def other_recall_points(rng: random.Random, case: Case, plan: Plan) -> None:
    value = rng.choice(
        [
            [0.0, 0.5, 1.0],
            np.linspace(0, 1, 11),
            [0.5],
            [1.0, 0.0, 0.5],
            [0.5, 0.5, 0.5],
            [0.9, 0.1, 0.2],
            [],
            [2.0, 0.1],
            [-1.0, 0.5],
            np.array([0.0, 1.0], dtype=np.float32),
            [0, 1],
            [0.5, nan, 0.1],
            (0.1, 0.2),
        ]
    )
    plan.before.append(("parameter", "recThrs", value))


@feature()
def other_area_ranges(rng: random.Random, case: Case, plan: Plan) -> None:
    ranges, labels = rng.choice(
        [
            ([[0, 1e10]], ["all"]),
            ([[0, 1e10], [0, 100]], ["all", "small"]),
            ([[0, 1e10], [0, 1024], [1024, 9216], [9216, 1e10]], ["all", "s", "m", "l"]),
            ([(0, 1e10), (100, 1000)], ["all", "medium"]),
            ([[0, 1e10], [0, 1e10]], ["all", "all"]),
            ([[1000, 100], [0, 1e10]], ["small", "all"]),
            ([[0, inf], [-inf, 500]], ["all", "large"]),
            ([[0, nan]], ["all"]),
            (np.array([[0, 1e10], [0, 1000]]), ["all", "small"]),
            ([[0, 1e10, 5]], ["all"]),
            ([], []),
            ([[0, 1e10], [0, 5000]], ["all"]),
        ]
    )
    plan.before.append(("parameter", "areaRng", ranges))
    if rng.random() < 0.8:
        plan.before.append(("parameter", "areaRngLbl", labels))


@feature()
def without_classes(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.before.append(("parameter", "useCats", rng.choice([0, 0, 0, False])))
    if rng.random() < 0.4:
        plan.after += [("evaluate",), ("accumulate",), ("summarize",)]


@feature()
def use_cats_of_other_values(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.before.append(("parameter", "useCats", rng.choice([2, True, 1.0, None, "yes"])))


@feature()
def other_image_ids_evaluated(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.before.append(("parameter", "imgIds", other_ids(rng, ids_of(case, "images"))))


@feature()
def other_categories_evaluated(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.before.append(("parameter", "catIds", other_ids(rng, ids_of(case, "categories"))))


@feature()
def params_replaced(rng: random.Random, case: Case, plan: Plan) -> None:
    changes: dict[str, Any] = rng.choice(
        [{}, {"maxDets": [1, 2, 3]}, {"useCats": 0}, {"iouThrs": np.array([0.3, 0.5])}]
    )
    plan.before.append(("replace params", changes))


@feature("bbox", "segm")
def old_use_segm(rng: random.Random, case: Case, plan: Plan) -> None:
    values = [0, 0.0, "x"] if "strange boxes" in case.features else [0, 1, 0.0, True, "x"]
    plan.before.append(("parameter", "useSegm", rng.choice(values)))


@feature("bbox", "segm")
def iou_type_changed(rng: random.Random, case: Case, plan: Plan) -> None:
    kinds = ["bbox", "segm", "keypoints"]
    if "strange boxes" in case.features:
        # The reference would make masks of infinite boxes, and would not come back.
        kinds.remove("segm")
    plan.before.append(("parameter", "iouType", rng.choice(kinds)))
