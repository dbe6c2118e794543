"""Masks: polygons that are none, sizes that disagree, counts in every form."""

from __future__ import annotations

import random

import numpy as np

from .. import scenes
from ..case import Case
from .registry import Plan, feature, found, objects, some


@feature("segm")
def crowd_masks(rng: random.Random, case: Case, plan: Plan) -> None:
    images = {i["id"]: i for i in case.dataset.get("images", [])}
    for annotation in some(rng, objects(case)):
        image = images.get(annotation["image_id"])
        if image and "height" in image and "width" in image:
            mask = scenes.bitmap(rng, int(image["height"]), int(image["width"]), annotation["bbox"])
            annotation["segmentation"] = scenes.uncompressed(mask)
            annotation["iscrowd"] = 1


@feature("segm")
def empty_masks(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case)):
        size = [rng.choice([40, 64]), 40]
        zeros = np.zeros(size, dtype=np.uint8)
        record["segmentation"] = rng.choice([scenes.compressed(zeros), scenes.compressed(1 - zeros)])
        if record in objects(case) and rng.random() < 0.5:
            record["segmentation"] = scenes.uncompressed(zeros)


@feature("segm")
def masks_of_other_sizes(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case)):
        mask = scenes.bitmap(rng, rng.choice([40, 41, 70]), rng.choice([40, 97]), [5, 5, 20, 20])
        record["segmentation"] = scenes.compressed(mask)


@feature("segm")
def counts_as_bytes(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case)):
        segmentation = record["segmentation"]
        if isinstance(segmentation, dict) and isinstance(segmentation["counts"], str):
            segmentation["counts"] = segmentation["counts"].encode()


@feature("segm")
def sizes_of_masks_as_floats(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case)):
        if isinstance(record["segmentation"], dict):
            kind = rng.choice([float, np.int64, lambda n: n + 0.25])
            record["segmentation"]["size"] = [kind(n) for n in record["segmentation"]["size"]]


@feature("segm")
def counts_as_floats(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case)):
        segmentation = annotation["segmentation"]
        if isinstance(segmentation, dict) and isinstance(segmentation["counts"], list):
            kind = rng.choice([float, np.int64, np.uint32, lambda n: n + 0.75])
            segmentation["counts"] = [kind(n) for n in segmentation["counts"]]


@feature("segm")
def degenerate_polygons(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case)):
        x, y, w, h = annotation["bbox"]
        annotation["segmentation"] = rng.choice(
            [
                [[x, y] * 3],
                [[x, y, x + w, y + h, x, y]],
                [[x, y, x + w, y, x + w / 2, y, x, y]],
                [[x, y, x + w, y + h, x]],
                [[x, y, x + w, y + h, x, y + h, x]],
                [[x, y, x + w, y, x + w, y + h, x, y + h, x, y]],
                [[x, y, x, y + h, x + w, y + h, x + w, y], [x, y, x + w, y + h, x + 1, y]],
                [[int(v) for v in (x, y, x + w, y, x + w, y + h)]],
                [[x + 0.5, y + 0.5, x + w + 0.5, y + 0.5, x + w + 0.5, y + h + 0.5]],
            ]
        )


@feature("segm")
def polygons_outside(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case)):
        far = rng.choice([-50, 40, 300])
        x, y, w, h = annotation["bbox"]
        annotation["segmentation"] = [[x + far, y, x + w + far, y - far, x + w, y + h + far, x - far, y + far]]


@feature("segm")
def polygons_of_other_types(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case)):
        if isinstance(annotation["segmentation"], list):
            kind = rng.choice([np.float32, np.int64, str, int])
            annotation["segmentation"] = [[kind(v) for v in ring] for ring in annotation["segmentation"]]


@feature("segm")
def polygons_of_wrong_types(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case), 0.1):
        x, y, w, h = annotation["bbox"]
        annotation["segmentation"] = rng.choice(
            [
                [[x, y, w, h]],
                [x, y, x + w, y, x + w, y + h],
                [],
                [[]],
                None,
                [[x, y]],
                {"size": [5, 5]},
                "x",
                [x, y, w, h],
            ]
        )


@feature("segm")
def detections_with_polygons(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in found(case):
        record["bbox"] = scenes.random_box(rng, 90, 60)
        if rng.random() < 0.5:
            record["segmentation"] = [scenes.polygon(rng, record["bbox"], 5)]


@feature("segm")
def detections_with_boxes_only(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in found(case):
        record["bbox"] = scenes.random_box(rng, 90, 60)
        record.pop("segmentation")


@feature("bbox", "segm")
def detections_with_boxes_and_masks(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in found(case):
        record.setdefault("bbox", scenes.random_box(rng, 40, 40))
        mask = scenes.bitmap(rng, 64, 97, scenes.random_box(rng, 40, 40))
        record.setdefault("segmentation", scenes.compressed(mask))
        if rng.random() < 0.1:
            record["bbox"] = []
