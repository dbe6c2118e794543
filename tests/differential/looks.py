"""The objects of an evaluation as a caller sees them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any


def evaluation(ev: Any) -> dict[str, Any]:
    """`eval` without its date (whose format stays)."""
    found = dict(ev.eval)
    if "params" in found:
        found["params"] = vars(found["params"])
    if "date" in found:
        found["date"] = len(found["date"])
    return found


def cells_of(groups: dict[Any, list[dict[str, Any]]]) -> Any:
    """`_gts` or `_dts`: the ids in each cell, in order."""
    return [(key, [a["id"] for a in annotations]) for key, annotations in groups.items()]


def annotations_of(coco: Any) -> Any:
    """A data set's annotations, as the list and as the index have them."""
    return [coco.dataset["annotations"], list(coco.anns.values())]


def identity_of(coco: Any, cells: dict[Any, list[dict[str, Any]]]) -> Any:
    """Which annotations are the same dictionaries in the list, in the indices and in an evaluator's cells."""
    return [
        [
            (coco.anns[a["id"]] is a, any(each is a for each in coco.imgToAnns.get(a["image_id"], ())))
            for a in coco.dataset["annotations"]
        ],
        [(key, [coco.anns.get(a["id"]) is a for a in annotations]) for key, annotations in cells.items()],
    ]


def index_of(coco: Any) -> Any:
    """What `createIndex` makes: the keys of its dictionaries, in order, and what they hold."""
    return [
        list(coco.anns),
        list(coco.imgs),
        list(coco.cats),
        [(k, [a["id"] for a in v]) for k, v in coco.imgToAnns.items() if v],
        [(k, list(v)) for k, v in coco.catToImgs.items() if v],
    ]


LOOKS: dict[str, Callable[[Any], Any]] = {
    "eval": lambda w: evaluation(w.ev),
    "stats": lambda w: w.ev.stats,
    "evalImgs": lambda w: w.ev.evalImgs,
    "ious": lambda w: w.ev.ious,
    "params": lambda w: vars(w.ev.params),
    "_paramsEval": lambda w: vars(w.ev._paramsEval) if w.ev._paramsEval else w.ev._paramsEval,
    "_gts": lambda w: cells_of(w.ev._gts),
    "_dts": lambda w: cells_of(w.ev._dts),
    "gt annotations": lambda w: annotations_of(w.gt),
    "dt annotations": lambda w: annotations_of(w.dt),
    "gt index": lambda w: index_of(w.gt),
    "dt index": lambda w: index_of(w.dt),
    "ids": lambda w: [
        w.gt.getImgIds(),
        w.gt.getCatIds(),
        w.gt.getAnnIds(),
        w.dt.getAnnIds(),
        w.dt.getImgIds(),
    ],
    "gt identity": lambda w: identity_of(w.gt, w.ev._gts),
    "dt identity": lambda w: identity_of(w.dt, w.ev._dts),
    "the list given": lambda w: w.list_given if isinstance(w.list_given, list) else None,
    "the data set given": lambda w: w.case.dataset,
    "masks": lambda w: [w.dt.annToRLE(a) for a in w.dt.dataset["annotations"]],
    "truth masks": lambda w: [w.gt.annToRLE(a) for a in w.gt.dataset["annotations"]],
}
EVERYTHING = (
    # Before anything is made by a look.
    "the data set given",
    "the list given",
    "stats",
    "eval",
    "ious",
    "evalImgs",
    "params",
    "_paramsEval",
    "_gts",
    "_dts",
    "gt annotations",
    "dt annotations",
    "gt index",
    "dt index",
    "gt identity",
    "dt identity",
)


def left(world: Any) -> Any:
    """The annotations of both sides as a step left them, if the case records them."""
    if not world.case.watch:
        return None
    # Reading creates dictionaries. A copy is read if the rest must run as if nothing had been read.
    aside = world.case.watch == "aside" and world.tool.name != "pycocotools"
    found = {}
    for side in ("gt", "dt"):
        coco = getattr(world, side)
        if coco is not None:
            found[side] = copy.deepcopy(annotations_of(copy.deepcopy(coco) if aside else coco))
    return found
