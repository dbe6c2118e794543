"""Tables that lack things, hold too much, or contradict each other."""

from __future__ import annotations

import random

import numpy as np

from ..case import Case
from .registry import Plan, feature, found, objects, some


@feature()
def unlisted_categories(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case), 0.2):
        record["category_id"] = rng.choice([0, 91, -1, 1000])


@feature()
def unlisted_images(rng: random.Random, case: Case, plan: Plan) -> None:
    for annotation in some(rng, objects(case), 0.2):
        annotation["image_id"] = rng.choice([0, 777, -1])


@feature()
def detections_in_unlisted_images(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, found(case), 0.1):
        record["image_id"] = 778


@feature()
def images_without_size(rng: random.Random, case: Case, plan: Plan) -> None:
    for image in some(rng, case.dataset["images"]):
        for name in rng.choice([("width",), ("height",), ("width", "height")]):
            image.pop(name, None)


@feature()
def sizes_of_other_types(rng: random.Random, case: Case, plan: Plan) -> None:
    kind = rng.choice([float, np.int64, np.float32, lambda n: n + 0.5])
    for image in some(rng, case.dataset["images"]):
        image["width"], image["height"] = kind(image["width"]), kind(image["height"])


@feature()
def categories_without_name(rng: random.Random, case: Case, plan: Plan) -> None:
    for category in case.dataset["categories"]:
        category.pop("name")


@feature()
def table_missing(rng: random.Random, case: Case, plan: Plan) -> None:
    table = rng.choice(["images", "annotations", "categories"])
    if rng.random() < 0.5:
        case.dataset.pop(table)
    else:
        case.dataset[table] = []
    case.dataset.setdefault("annotations", [])


@feature()
def no_ground_truth(rng: random.Random, case: Case, plan: Plan) -> None:
    case.dataset["annotations"] = []


@feature()
def extra_fields(rng: random.Random, case: Case, plan: Plan) -> None:
    for record in some(rng, objects(case) + found(case)):
        name = rng.choice(["attributes", "track", "caption_", "segmentation_", "\u00fcber", ""])
        record[name] = rng.choice([None, True, "x]}", [1, [2]], {"id": 5, "bbox": [1]}, 1e400, -0.0])


@feature()
def many_images_without_objects(rng: random.Random, case: Case, plan: Plan) -> None:
    case.dataset["images"] += [{"id": i, "width": 30, "height": 20} for i in rng.sample(range(1000, 2000), 12)]
