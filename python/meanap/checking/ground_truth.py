"""Checks of the ground truth."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from meanap.checking.records import Records, present
from meanap.checking.shapes import check_boxes, check_mask_sizes, listed, repeated, usable

__all__ = ["check_ground_truth", "check_references", "named"]


def check_ground_truth(truth: Records) -> None:
    """Adds the findings about the ground truth."""
    if not truth.readable:
        return
    if not len(truth):
        truth.add("no-objects", 1, "")
    truth.add_rows("everything-is-crowd", range(len(truth)) if truth.crowd.all() else ())
    _check_ids(truth)
    check_references(truth, truth)
    _check_images(truth)
    if check_boxes(truth, truth.image_sizes):
        _check_masks(truth)
        _check_areas(truth)
    same = repeated(truth)
    truth.add_rows("duplicate-object", same, "bbox")
    if truth.categories is not None and len(truth):
        there = {truth.category_ids[code] for code in present(truth.category[~truth.crowd]).tolist()}
        empty = [id for id in truth.categories if id not in there]
        truth.add("category-without-objects", len(empty), f"category {named(truth, empty[0])}" if empty else "")


def named(truth: Records, id: Any) -> str:
    """A category's id, with its name where it has one."""
    return truth.called(id)


def _repeated_ids(ids: Any) -> list[Any]:
    return [id for id, count in Counter(ids).items() if count > 1]


def _check_ids(truth: Records) -> None:
    for code, ids, harm in (
        ("duplicate-image-id", truth.images, "the last one stands for all"),
        ("duplicate-category-id", truth.categories, "their objects cannot be distinguished"),
    ):
        twice = _repeated_ids(ids or ())
        kind = code.split("-")[1]
        example = f"{kind} {twice[0]!r}" if twice else ""
        message = f"{kind} ids are there more than once: {harm}"
        truth.add(code, len(twice), example, message=message)
    names = [str(name) for name in truth.names if name is not None]
    twice = _repeated_ids(names)
    message = "categories share a name"
    example = repr(twice[0]) if twice else ""
    truth.add("duplicate-category-name", len(twice), example, message=message)
    if truth.ids is None:
        return
    known = truth.ids
    if not {*map(type, known)} <= {int, float, str}:
        known = [id if isinstance(id, (int, float, str)) else repr(id) for id in known]
    # Mostly no id is there twice, and a set says so in a tenth of the time.
    distinct = set(known)
    twice = [] if len(distinct) == len(known) else _repeated_ids(known)
    twice = [id for id in twice if id is not None and id != "None"]
    rows = [row for row, id in enumerate(known) if id == twice[0]] if twice else []
    truth.add("duplicate-id", len(twice), f"records {rows[0]} and {rows[1]} have id {twice[0]!r}" if twice else "")
    zero = [row for row, id in enumerate(known) if id == 0] if 0 in distinct else []
    truth.add_rows("zero-id", zero)


def check_references(records: Records, truth: Records) -> None:
    """Findings for records in images, and of categories, that the ground truth does not declare."""
    for name, codes, ids, declared in (
        ("image", records.image, records.image_ids, truth.images),
        ("category", records.category, records.category_ids, truth.categories),
    ):
        if declared is None:
            continue
        known = set(declared)
        strange = np.array([*(id not in known for id in ids), False], dtype=bool)
        rows = np.flatnonzero(strange[codes]) if strange.any() else np.zeros(0, dtype=np.int64)
        plural = {"image": "images", "category": "categories"}[name]
        kinds = {type(id) for id in ids} ^ {type(id) for id in known} if len(rows) else set()
        remedy = f'Add the {plural} to "{plural}", or remove the records.'
        if {int, str} <= kinds:
            remedy = "Ids are numbers on one side and strings on the other: write the same on both."
        elif records.place == "detections":
            remedy = f"Are these detections of this data set, with its own {name} ids?"
        records.add_rows(
            f"unknown-{name}",
            rows,
            message=f"records name {plural} that the ground truth does not declare ({int(strange.sum()):,} of them)",
            remedy=remedy,
        )


def _check_images(truth: Records) -> None:
    if truth.images is None or not truth.sized:
        return
    lacking = np.flatnonzero(np.isnan(truth.sizes).any(axis=1))
    truth.add("image-without-size", len(lacking), f"image {truth.images[lacking[0]]!r}" if len(lacking) else "")


def _check_masks(truth: Records) -> None:
    check_mask_sizes(truth, truth.image_sizes)
    if truth.masks is None:
        return
    around = truth.masks[1]
    with np.errstate(invalid="ignore", over="ignore"):
        corners = [
            np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1) for boxes in (truth.boxes, around)
        ]
        # Boxes may be annotated manually: the tolerance is a tenth of the size, or two pixels.
        slack = np.maximum(2.0, 0.1 * np.tile(truth.boxes[:, 2:], 2))
        off = np.flatnonzero((np.abs(corners[0] - corners[1]) > slack).any(axis=1) & usable(truth))
    truth.add(
        "mask-off-box",
        len(off),
        f"{truth.described(off[0], 'bbox')}, its mask fills {listed(around[off[0]])}" if len(off) else "",
    )


def _check_areas(truth: Records) -> None:
    if truth.rotated is not None:
        # They are not those of the upright boxes.
        return
    areas, boxes = truth.areas, truth.boxes
    with np.errstate(invalid="ignore", over="ignore"):
        whole = boxes[:, 2] * boxes[:, 3]
        good = usable(truth) & ~np.isnan(areas)
        # A pixel more on either side, for those who count pixels.
        most = (boxes[:, 2] + 1) * (boxes[:, 3] + 1) * 1.02
        wrong = good & ((areas <= 0) | (areas > most))
        if truth.masks is not None:
            pixels = truth.masks[0]
            wrong |= good & (np.abs(areas - pixels) > np.maximum(0.25 * pixels, 32.0))
        else:
            wrong |= good & (areas < 0.01 * whole)
    rows = np.flatnonzero(wrong)
    example = ""
    if len(rows):
        shown = truth.described(rows[0], "bbox", "area")
        drawn = truth.masks is not None and not np.isnan(truth.masks[0][rows[0]])
        its_mask = f", its mask has {truth.masks[0][rows[0]]:g} pixels" if drawn and truth.masks is not None else ""
        example = shown + its_mask
    truth.add("area-off", len(rows), example)
