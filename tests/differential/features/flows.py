"""What is done with the evaluator, and in which order."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from ..case import Case
from .registry import Plan, feature, found, ids_of, inf, objects, other_ids


def only_tame_boxes(case: Case) -> None:
    """Raises ValueError, which leaves a feature out, where a mask of a box is undefined in the reference."""
    for record in objects(case) + list(case.results):
        for side in record.get("bbox", ()):
            if type(side) not in (int, float) or not abs(side) < 1e4:
                raise ValueError(side)


@feature()
def detections_assigned_later(rng: random.Random, case: Case, plan: Plan) -> None:
    """`steps.evaluator` reads this name: it makes the evaluator first and assigns the detections then."""


@feature()
def evaluated_twice(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.after += [("evaluate",), ("accumulate",), ("summarize",)]


@feature()
def accumulated_twice(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.after += [("accumulate",), ("look", "eval"), ("summarize",)]


@feature()
def accumulated_with_other_parameters(rng: random.Random, case: Case, plan: Plan) -> None:
    images, categories = ids_of(case, "images"), ids_of(case, "categories")
    changes: dict[str, Any] = {}
    for name, value in (
        ("maxDets", rng.choice([[100], [1], [10, 1], [1, 7, 100], [100, 100]])),
        ("recThrs", rng.choice([np.linspace(0, 1, 11), [0.5, 0.1]])),
        ("catIds", other_ids(rng, categories)),
        ("imgIds", other_ids(rng, images)),
        (
            "areaRng",
            rng.choice([[[0, 1e10]], [[0, 1024], [0, 1e10]], [[0, 1e10], [0, 1024], [5, 6]], [(0, 1e10)]]),
        ),
        ("iouThrs", rng.choice([np.array([0.5]), np.linspace(0.5, 0.95, 10), np.linspace(0.1, 0.95, 12)])),
        ("useCats", 0),
    ):
        if rng.random() < 0.3:
            changes[name] = value
    plan.after.append(("accumulate with", changes))
    if rng.random() < 0.4:
        plan.after.append(("summarize",))


@feature()
def parameters_changed_after_evaluating(rng: random.Random, case: Case, plan: Plan) -> None:
    name, value = rng.choice(
        [
            ("maxDets", [1, 10]),
            ("recThrs", np.linspace(0, 1, 5)),
            ("iouThrs", np.array([0.5, 0.55])),
            ("areaRng", [[0, 1e10]]),
            ("catIds", ids_of(case, "categories")[:1]),
            ("imgIds", ids_of(case, "images")[1:]),
            ("useCats", 0),
            ("iouType", "bbox"),
        ]
    )
    rng.choice([plan.between, plan.after]).append(("parameter", name, value))
    plan.after += [("accumulate",), ("summarize",)]


@feature()
def looked_at_in_between(rng: random.Random, case: Case, plan: Plan) -> None:
    names = rng.sample(["evalImgs", "ious", "_gts", "_dts", "_paramsEval", "params", "eval", "stats"], 2)
    rng.choice([plan.between, plan.after]).append(("look", *names))
    plan.after += [("accumulate",), ("look", "eval")]


@feature()
def looked_at_before(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.before.append(("look", *rng.sample(["evalImgs", "ious", "_gts", "eval", "stats", "params", "ids"], 3)))


@feature()
def dictionaries_touched(rng: random.Random, case: Case, plan: Plan) -> None:
    side, name = (
        rng.choice(["gt", "dt"]),
        rng.choice(["anns", "imgs", "cats", "dataset", "imgToAnns", "catToImgs"]),
    )
    rng.choice([plan.before, plan.between, plan.after]).append(("touch", side, name))
    plan.after += [("evaluate",), ("accumulate",)]


@feature()
def the_index_looked_at(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.before.append(("look", rng.choice(["gt index", "dt index"]), rng.choice(["gt annotations", "dt annotations"])))


@feature()
def copied(rng: random.Random, case: Case, plan: Plan) -> None:
    for _ in range(rng.choice([1, 2])):
        place = rng.choice([plan.before, plan.between, plan.after])
        place.append(("deep copy", rng.choice(["gt", "dt", "ev"])))
    plan.after += [("evaluate",), ("accumulate",), ("summarize",)]


@feature()
def taken_over(rng: random.Random, case: Case, plan: Plan) -> None:
    """Wrappers that copy what an object holds, and copies that share it."""
    for _ in range(rng.choice([1, 2])):
        place = rng.choice([plan.before, plan.between, plan.after])
        place.append((rng.choice(["take over", "shallow copy"]), rng.choice(["gt", "dt", "ev"])))
    plan.after += [("accumulate",), ("summarize",), ("look", "eval")]


@feature()
def attributes_deleted(rng: random.Random, case: Case, plan: Plan) -> None:
    name = rng.choice(["anns", "imgs", "cats", "dataset", "imgToAnns", "catToImgs"])
    rng.choice([plan.before, plan.between, plan.after]).append(("delete", rng.choice(["gt", "dt"]), name))
    plan.after += [("evaluate",), ("accumulate",)]


@feature()
def images_in_turn(rng: random.Random, case: Case, plan: Plan) -> None:
    """The same two sides, evaluated in parts: what each leaves in the annotations adds up."""
    images, categories = ids_of(case, "images"), ids_of(case, "categories")
    for _ in range(rng.randint(1, 3)):
        step = rng.choice(
            [
                ("parameter", "imgIds", rng.sample(images, rng.randint(0, len(images)))),
                ("parameter", "catIds", rng.sample(categories, rng.randint(0, len(categories)))),
                ("parameter", "areaRng", rng.choice([[[0, 1e10]], [[0, 1e10], [0, 1024]], [[100, 1000]]])),
                ("parameter", "useCats", rng.choice([0, 1])),
            ]
        )
        plan.before += [step, ("evaluate",)]


@feature("bbox", "keypoints")
def other_results(rng: random.Random, case: Case, plan: Plan) -> None:
    rng.choice([plan.before, plan.between, plan.after]).append(("results of others", rng.choice([1, 5])))


@feature("segm")
def evaluated_by_boxes_first(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.before = [("another evaluator", "bbox"), ("evaluate",), ("another evaluator", "segm"), *plan.before]


@feature("bbox")
def evaluated_by_masks_then(rng: random.Random, case: Case, plan: Plan) -> None:
    """Masks of the ground truth's boxes; those of results are made by `loadRes`."""
    only_tame_boxes(case)
    for annotation in objects(case):
        x, y, w, h = annotation["bbox"]
        annotation["segmentation"] = [[x, y, x + w, y, x + w, y + h]]
    plan.after += [("another evaluator", "segm"), ("evaluate",), ("accumulate",)]


@feature()
def masks_read_afterwards(rng: random.Random, case: Case, plan: Plan) -> None:
    only_tame_boxes(case)
    rng.choice([plan.between, plan.after]).append(("look", rng.choice(["masks", "truth masks"])))


@feature()
def through_pickle(rng: random.Random, case: Case, plan: Plan) -> None:
    for _ in range(rng.choice([1, 2])):
        place = rng.choice([plan.before, plan.between, plan.after])
        place.append(("pickled", rng.choice(["gt", "dt", "ev"])))
    plan.after += [("accumulate",), ("summarize",), ("look", "eval")]


@feature()
def annotations_edited(rng: random.Random, case: Case, plan: Plan) -> None:
    for _ in range(rng.randint(1, 3)):
        side = rng.choice(["gt", "dt", "dt"])
        field, value = rng.choice(
            [
                ("score", 0.99),
                ("area", 5.0),
                ("iscrowd", 1),
                ("bbox", [1, 2, 30, 40]),
                ("id", 0),
                ("ignore", 1),
                ("category_id", rng.choice([*ids_of(case, "categories"), 5])),
                ("image_id", rng.choice([*ids_of(case, "images"), 5])),
            ]
        )
        # `_gts` and `_dts` are grouped on first access: annotations that move between cells move there, too.
        moves = field in ("image_id", "category_id")
        # Of a score that was edited since it was evaluated, `evalImgs` keeps the number but not the type.
        moves |= field == "score" and not all(type(r.get("score")) is float for r in found(case))
        place = plan.before if moves else rng.choice([plan.before, plan.between])
        place.append(("edit", side, rng.randint(0, 9), field, value))
    if rng.random() < 0.5:
        plan.after += [("evaluate",), ("accumulate",), ("summarize",)]


@feature()
def annotations_removed(rng: random.Random, case: Case, plan: Plan) -> None:
    step = rng.choice(
        [("remove", rng.choice(["gt", "dt"]), rng.randint(0, 9)), ("keep only", rng.choice(["gt", "dt"]), 2)]
    )
    rng.choice([plan.before, plan.before, plan.after]).append(step)
    plan.after += [("evaluate",), ("accumulate",), ("summarize",)]


@feature()
def by_hand(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.evaluation = [("evaluate by hand",)]


@feature()
def over_ranks(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.evaluation = [("evaluate over ranks", rng.choice([1, 2, 3]))]


@feature()
def cells_reassigned(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.between.append(("reassign cells", rng.choice(["", "reversed", "without the first", "edited"])))


@feature()
def cells_edited(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.between.append(("edit cells",))
    if rng.random() < 0.5:
        plan.after.append(("accumulate with", {"maxDets": [100, 1]}))


@feature()
def evaluated_in_another_way_first(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.before = [("evaluate",), ("accumulate",), ("another evaluator", case.iou_type), *plan.before]


@feature("segm", "keypoints")
def evaluated_by_boxes_then(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.after += [("another evaluator", "bbox"), ("evaluate",), ("accumulate",), ("summarize",)]


@feature()
def steps_missing(rng: random.Random, case: Case, plan: Plan) -> None:
    what = rng.choice(["evaluate", "accumulate", "both"])
    if what in ("evaluate", "both"):
        plan.evaluation = []
    if what in ("accumulate", "both"):
        plan.closing = [("summarize",)]


@feature()
def printed_as_text(rng: random.Random, case: Case, plan: Plan) -> None:
    plan.after.append(("as text",))


@feature()
def hooks(rng: random.Random, case: Case, plan: Plan) -> None:
    from ..tools import HOOKS

    case.hooks = tuple(rng.sample(list(HOOKS), rng.choice([1, 1, 2])))


@feature()
def ids_asked_for(rng: random.Random, case: Case, plan: Plan) -> None:
    images, categories = ids_of(case, "images"), ids_of(case, "categories")
    for _ in range(rng.randint(1, 3)):
        arguments: dict[str, Any] = {}
        if images and rng.random() < 0.5:
            arguments["imgIds"] = rng.choice([images[0], images, images[::-1], set(images), images[:1] * 2, [], "x"])
        if categories and rng.random() < 0.5:
            arguments["catIds"] = rng.choice([categories[0], categories, categories[:1], [], 5])
        if rng.random() < 0.3:
            arguments["areaRng"] = rng.choice([[0, 1024], [1024, 9216], (0, 1e10), [100, inf]])
        if rng.random() < 0.3:
            arguments["iscrowd"] = rng.choice([0, 1, False, True, None])
        step = ("annotation ids", rng.choice(["gt", "dt"]), arguments)
        rng.choice([plan.before, plan.after]).append(step)
