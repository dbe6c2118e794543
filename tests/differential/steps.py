"""The steps that cases are made of: each does one thing that users do."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .case import Case, as_json
from .json_style import dumps
from .looks import LOOKS, evaluation
from .tools import Tool


@dataclass
class World:
    """What the steps work on."""

    case: Case
    tool: Tool
    folder: Path
    coco_class: type = object
    evaluator_class: type = object
    gt: Any = None
    dt: Any = None
    ev: Any = None
    list_given: Any = None


STEPS: dict[str, Callable[..., Any]] = {}


def step(function: Callable[..., Any]) -> Callable[..., Any]:
    """Registers a step under its name, with spaces for underscores; what it returns is compared."""
    STEPS[function.__name__.replace("_", " ")] = function
    return function


@step
def load_ground_truth(world: World) -> Any:
    case = world.case
    if case.road == "file":
        path = world.folder / "gt.json"
        path.write_text(dumps(as_json(case.dataset), case.style), encoding="utf-8")
        world.gt = world.coco_class(str(path) if (case.style or 0) % 2 == 0 else path)
        return None
    world.gt = world.coco_class()
    world.gt.dataset = case.dataset
    world.gt.createIndex()
    return None


@step
def load_detections(world: World) -> Any:
    case = world.case
    results = case.results
    if case.entry == "dataset":
        if case.road == "file":
            path = world.folder / "dt.json"
            path.write_text(dumps(as_json(results), case.style), encoding="utf-8")
            world.dt = world.coco_class(str(path))
        else:
            world.dt = world.coco_class()
            world.dt.dataset = results
            world.dt.createIndex()
        return None
    if case.entry == "itself":
        world.dt = world.gt.loadRes(world.gt.dataset["annotations"])
        return None
    if case.road == "file" and not isinstance(results, np.ndarray):
        path = world.folder / "dt.json"
        path.write_text(dumps(as_json(results), case.style), encoding="utf-8")
        results = str(path)
    elif case.road == "array" and isinstance(results, list):
        results = as_array(results)
    world.list_given = results
    world.dt = world.gt.loadRes(results)
    return None


def as_array(results: list[dict[str, Any]]) -> Any:
    """N x 7 results (image, x, y, width, height, score, category), or the list if it does not fit."""
    try:
        rows = [[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in results]
        return np.array(rows, dtype=np.float64).reshape(-1, 7)
    except (KeyError, TypeError, ValueError, OverflowError):
        return results


@step
def evaluator(world: World) -> Any:
    # Frameworks often make the evaluator before there are detections.
    if world.case.features and "detections assigned later" in world.case.features:
        world.ev = world.evaluator_class(world.gt, iouType=world.case.iou_type)
        world.ev.cocoDt = world.dt
    else:
        world.ev = world.evaluator_class(world.gt, world.dt, world.case.iou_type)
    return None


@step
def parameter(world: World, name: str, value: Any) -> Any:
    """Assigns a parameter."""
    setattr(world.ev.params, name, value)


@step
def parameter_item(world: World, name: str, index: int, value: Any) -> Any:
    """Edits a parameter in place."""
    getattr(world.ev.params, name)[index] = value


@step
def replace_params(world: World, changes: dict[str, Any]) -> Any:
    """Puts other parameters in the place of the evaluator's."""
    old = world.ev.params
    new = world.tool.Params(iouType=world.case.iou_type)
    new.imgIds, new.catIds = old.imgIds, old.catIds
    for name, value in changes.items():
        setattr(new, name, value)
    world.ev.params = new


@step
def evaluate(world: World) -> Any:
    return world.ev.evaluate()


@step
def accumulate(world: World) -> Any:
    world.ev.accumulate()
    return copy.deepcopy(evaluation(world.ev))


@step
def accumulate_with(world: World, changes: dict[str, Any]) -> Any:
    """`accumulate(p)` with parameters of its own."""
    p = copy.deepcopy(world.ev.params)
    for name, value in changes.items():
        setattr(p, name, value)
    world.ev.accumulate(p)
    return copy.deepcopy([evaluation(world.ev), world.ev.eval["params"] is p, vars(p)])


@step
def summarize(world: World) -> Any:
    world.ev.summarize()
    return copy.deepcopy(world.ev.stats)


@step
def as_text(world: World) -> Any:
    return str(world.ev)


@step
def look(world: World, *names: str) -> Any:
    """What a caller sees when they look."""
    return {name: copy.deepcopy(LOOKS[name](world)) for name in names}


@step
def touch(world: World, side: str, name: str) -> Any:
    """Reads the dictionaries of a COCO object, like a caller who may edit them."""
    getattr(getattr(world, side), name)


@step
def deep_copy(world: World, what: str) -> Any:
    setattr(world, what, copy.deepcopy(getattr(world, what)))
    if what != "ev":
        setattr(world.ev, {"gt": "cocoGt", "dt": "cocoDt"}[what], getattr(world, what))


@step
def pickled(world: World, what: str) -> Any:
    setattr(world, what, pickle.loads(pickle.dumps(getattr(world, what))))
    if what != "ev":
        setattr(world.ev, {"gt": "cocoGt", "dt": "cocoDt"}[what], getattr(world, what))


@step
def shallow_copy(world: World, what: str) -> Any:
    setattr(world, what, copy.copy(getattr(world, what)))
    if what != "ev":
        setattr(world.ev, {"gt": "cocoGt", "dt": "cocoDt"}[what], getattr(world, what))


@step
def take_over(world: World, what: str) -> Any:
    """Puts an object in the place of another that takes over all its attributes, as wrappers do."""
    old = getattr(world, what)
    new = type(old)()
    new.__dict__.update(old.__dict__)
    setattr(world, what, new)
    if what != "ev":
        setattr(world.ev, {"gt": "cocoGt", "dt": "cocoDt"}[what], new)
    return sorted(name for name in vars(new) if not name.startswith("_"))


@step
def delete(world: World, side: str, name: str) -> Any:
    """Deletes an attribute of a COCO object, and looks what is there, and puts it back."""
    coco = getattr(world, side)
    kept = getattr(coco, name)
    delattr(coco, name)
    seen = [hasattr(coco, name), sorted(vars(coco))]
    setattr(coco, name, kept)
    return seen


@step
def results_of_others(world: World, count: int) -> Any:
    """Evaluates other results of the same ground truth: those of the first annotations."""
    annotations = world.gt.dataset["annotations"][:count]
    fields = ("image_id", "category_id", "bbox", "segmentation", "keypoints", "num_keypoints")
    found = [{**{k: a[k] for k in fields if k in a}, "score": 0.5} for a in annotations]
    ev = world.evaluator_class(world.gt, world.gt.loadRes(found), world.case.iou_type)
    ev.evaluate()
    return copy.deepcopy([ev.evalImgs, found])


@step
def edit(world: World, side: str, index: int, field: str, value: Any) -> Any:
    """Edits one annotation in place."""
    annotations = getattr(world, side).dataset["annotations"]
    if annotations:
        annotations[index % len(annotations)][field] = value


@step
def remove(world: World, side: str, index: int) -> Any:
    """Removes an annotation from the data set and makes the index again."""
    coco = getattr(world, side)
    annotations = coco.dataset["annotations"]
    if annotations:
        del annotations[index % len(annotations)]
    coco.createIndex()


@step
def keep_only(world: World, side: str, count: int) -> Any:
    """Assigns a shorter list of annotations and makes the index again."""
    coco = getattr(world, side)
    coco.dataset["annotations"] = coco.dataset["annotations"][:count]
    coco.createIndex()


@step
def another_evaluator(world: World, iou_type: str) -> Any:
    """Evaluates the same two COCO objects in another way."""
    world.ev = world.evaluator_class(world.gt, world.dt, iou_type)


@step
def evaluate_by_hand(world: World) -> Any:
    """What DETR does in place of `evaluate()`: the same steps, called one by one from outside."""
    ev = world.ev
    p = ev.params
    p.imgIds = list(np.unique(p.imgIds))
    if p.useCats:
        p.catIds = list(np.unique(p.catIds))
    p.maxDets = sorted(p.maxDets)
    ev.params = p
    ev._prepare()
    categories = p.catIds if p.useCats else [-1]
    compute = ev.computeOks if p.iouType == "keypoints" else ev.computeIoU
    ev.ious = {(image, category): compute(image, category) for image in p.imgIds for category in categories}
    ev.evalImgs = [
        ev.evaluateImg(image, category, area, p.maxDets[-1])
        for category in categories
        for area in p.areaRng
        for image in p.imgIds
    ]
    ev._paramsEval = copy.deepcopy(ev.params)


@step
def evaluate_over_ranks(world: World, count: int) -> Any:
    """What torchvision does: each rank evaluates its images; one evaluator gets the merged cells."""
    ids = list(np.unique(world.ev.params.imgIds))
    shares, found = [], []
    for rank in range(count):
        share = ids[rank::count]
        if not share:
            continue
        ev = world.evaluator_class(world.gt, world.dt, world.case.iou_type)
        ev.params = copy.deepcopy(world.ev.params)
        ev.params.imgIds = share
        ev.evaluate()
        shares.append(np.array(share))
        found.append(np.asarray(ev.evalImgs, dtype=object).reshape(-1, len(ev.params.areaRng), len(share)))
    images, order = np.unique(np.concatenate(shares), return_index=True)
    merged = np.concatenate(found, axis=2)[..., order]
    world.ev.evalImgs = list(merged.flatten())
    world.ev.params.imgIds = list(images)
    world.ev.params.maxDets = sorted(world.ev.params.maxDets)
    world.ev._paramsEval = copy.deepcopy(world.ev.params)


@step
def reassign_cells(world: World, change: str) -> Any:
    """Assigns `evalImgs` after a change of its own."""
    cells = list(world.ev.evalImgs)
    if change == "reversed":
        cells.reverse()
    elif change == "without the first":
        cells = [None if i == 0 else cell for i, cell in enumerate(cells)]
    elif change == "edited":
        for cell in cells:
            if cell is not None:
                cell["dtIgnore"][:] = False
                cell["dtScores"] = [s * 0.5 for s in cell["dtScores"]]
    world.ev.evalImgs = cells


@step
def edit_cells(world: World) -> Any:
    """Edits `evalImgs` in place, as a caller who drops the detections of one image."""
    cells = world.ev.evalImgs
    for i in range(0, len(cells), 2):
        cells[i] = None


@step
def annotation_ids(world: World, side: str, arguments: dict[str, Any]) -> Any:
    """`getAnnIds` with a filter."""
    return getattr(world, side).getAnnIds(**arguments)
