"""What makes a case nasty: named changes, combined at random.

A feature is a function of a generator of random numbers, a case and the plan of what will be done with it.
Features are applied in the order in which their files stand below: the data, the detections, the parameters,
the flow.
"""

from __future__ import annotations

import random

import numpy as np

from .. import scenes
from ..case import ROADS, Case
from ..tools import PASS_THROUGH
from . import boxes, flows, ids, marks, masks, parameters, poses, results, tables  # noqa: F401, I001 (the order counts)
from .registry import ALL, FEATURES, Plan


def make_case(seed: int, only: tuple[str, ...] = (), road: str | None = None) -> Case:
    """The case of a seed: a scene, the features it drew (or those in `only`), and a road."""
    rng = random.Random(f"meanap {seed}")
    if only:
        iou_types = sorted(frozenset.intersection(*(FEATURES[name][0] for name in only)))
        if not iou_types:
            raise ValueError(f"no type of evaluation has all of {', '.join(only)}")
    else:
        iou_types = sorted(ALL)
    iou_type = rng.choice(iou_types)
    case = scenes.scene(rng, iou_type)
    case.seed = seed
    case.road = road or rng.choices(ROADS, [3, 3, 1, 2, 1])[0]
    case.style = rng.choice([None, rng.randrange(10**6)])
    applicable = [name for name, (types, _) in FEATURES.items() if iou_type in types]
    drawn = {*only, *rng.sample(applicable, rng.choice([0, 1, 1, 2, 2, 3, 4, 6]))}
    plan = Plan()
    if rng.random() < 0.6 and not drawn & {"other thresholds", "other recall points"}:
        # Coarse grids, so that more cases fit into a minute; the default grids have their share too.
        plan.before.append(("parameter", "recThrs", np.linspace(0, 1, 11)))
    for name in FEATURES:
        if name in drawn:
            case.features.append(name)
            try:
                FEATURES[name][1](rng, case, plan)
            except (KeyError, TypeError, IndexError, ValueError, AttributeError, OverflowError):
                continue  # An earlier feature took away what this one would have changed.
    if case.road == "hand" and not case.hooks:
        case.hooks = (rng.choice(PASS_THROUGH),)
    case.steps = plan.steps()
    case.watch = rng.choices(["", "aside", "here"], [3, 2, 1])[0]
    return case
