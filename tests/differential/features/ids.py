"""Ids of annotations, images and categories: zero, repeated, huge, of unexpected types."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import Case
from .registry import Plan, feature, found, ids_of, objects, rename, some


@feature()
def annotation_id_zero(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in objects(case)[:1]:
        annotation["id"] = rng.choice([0, 0, 0.0, False])


@feature()
def annotation_ids_from_zero(rng: random.Random, case: Case, plan: Plan) -> None:
    for i, annotation in enumerate(objects(case)):
        annotation["id"] = i


@feature()
def annotation_ids_of_other_types(rng: random.Random, case: Case, plan: Plan) -> None:
    kind = rng.choice([np.int64, np.int32, float, np.float64, str, lambda i: -i, lambda i: i + 0.5])
    for annotation in objects(case):
        annotation["id"] = kind(annotation["id"])


@feature()
def huge_annotation_ids(rng: random.Random, case: Case, plan: Plan) -> None:
    start = rng.choice([2**31 - 2, 2**32 - 1, 2**53 - 1, 2**63 - 2, 2**64 - 1, 10**30, -(2**63) - 1])
    for i, annotation in enumerate(objects(case)):
        annotation["id"] = start + i


@feature()
def duplicate_annotation_ids(rng: random.Random, case: Case, plan: Plan) -> None:
    annotations = objects(case)
    for annotation in some(rng, annotations):
        annotation["id"] = rng.choice(annotations)["id"]


@feature()
def duplicate_annotation_ids_in_one_cell(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case), 0.3):
        twin = dict(annotation)
        twin["bbox"] = [v + 1 for v in annotation["bbox"]]
        twin["iscrowd"] = rng.choice([0, 1])
        case.dataset["annotations"].insert(rng.randint(0, len(objects(case))), twin)


@feature()
def image_ids_of_other_types(rng: random.Random, case: Case, plan: Plan) -> None:
    ids = ids_of(case, "images")
    kinds: list[Callable[[int], Any]] = [
        np.int64,
        np.int32,
        np.uint8,
        float,
        np.float32,
        lambda i: f"{i:03}",
        lambda i: f"images/{i}.jpg",
        lambda i: "\u00e9\u4e2d" * (i % 3) + str(i),
        lambda i: -i,
        lambda i: i + 0.5,
        lambda i: i + 2**40,
        lambda i: i + 2**63,
        lambda i: i + 10**25,
    ]
    kind = rng.choice(kinds)
    rename(case, "image_id", "images", {i: kind(i) for i in ids})


@feature()
def image_ids_that_are_equal_but_differ_in_type(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case)):
        if isinstance(record["image_id"], int):
            record["image_id"] = rng.choice([float, np.int64, np.float64])(record["image_id"])


@feature()
def images_twice(rng: random.Random, case: Case, plan: Plan) -> None:
    images = case.dataset["images"]
    for image in some(rng, images):
        twin = dict(image)
        twin["width"] = image["width"] + rng.choice([0, 0, 3])
        images.insert(rng.randint(0, len(images)), twin)


@feature()
def image_and_category_zero(rng: random.Random, case: Case, plan: Plan) -> None:
    if rng.random() < 0.7:
        ids = ids_of(case, "images")
        rename(case, "image_id", "images", {i: 0 if i == ids[0] else i for i in ids})
    if rng.random() < 0.7:
        ids = ids_of(case, "categories")
        rename(case, "category_id", "categories", {i: 0 if i == ids[0] else i for i in ids})


@feature()
def category_ids_of_other_types(rng: random.Random, case: Case, plan: Plan) -> None:
    ids = ids_of(case, "categories")
    kinds: list[Callable[[int], Any]] = [np.int64, float, np.float64, str, lambda i: -i, lambda i: i + 0.5]
    kind = rng.choice([*kinds, lambda i: i + 2**33, lambda i: i == ids[0]])
    rename(case, "category_id", "categories", {i: kind(i) for i in ids})


@feature()
def categories_twice(rng: random.Random, case: Case, plan: Plan) -> None:
    categories = case.dataset["categories"]
    categories += [dict(c) for c in some(rng, categories)]
