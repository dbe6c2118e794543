"""Small data sets from a seed, before anything nasty is done to them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from pycocotools import mask as reference_mask

from .case import Case

KEYPOINTS = 17


def scene(rng: random.Random, iou_type: str) -> Case:
    """A few images with a few objects of a few classes, and what a detector made of them."""
    images = [
        {"id": i, "width": rng.choice([40, 97, 150]), "height": rng.choice([40, 64, 120])}
        for i in rng.sample(range(1, 60), rng.randint(1, 4))
    ]
    categories = [
        {"id": i, "name": f"class {i}", "supercategory": "thing"} for i in rng.sample(range(1, 91), rng.randint(1, 3))
    ]
    annotations: list[dict[str, Any]] = []
    for image in images:
        for _ in range(rng.choice([0, 1, 2, 3, 5])):
            category = rng.choice(categories)["id"]
            annotations.append(ground_truth(rng, image, category, iou_type))
    for i, annotation in zip(rng.sample(range(1, 400), len(annotations)), annotations, strict=True):
        annotation["id"] = i
    dataset = {"images": images, "annotations": annotations, "categories": categories}
    if rng.random() < 0.3:
        dataset["info"] = {"description": "made"}
    return Case(iou_type, dataset, detections(rng, dataset, iou_type), steps=[])


def ground_truth(rng: random.Random, image: dict[str, Any], category: Any, iou_type: str) -> dict[str, Any]:
    """One object of the given class in the given image (its id is left open)."""
    x, y, w, h = box = random_box(rng, image["width"], image["height"])
    annotation: dict[str, Any] = {
        "id": 0,
        "image_id": image["id"],
        "category_id": category,
        "bbox": box,
        "area": w * h if rng.random() < 0.7 else rng.choice([w * h / 2, 100, 1024.0, 5000.5]),
        "iscrowd": int(rng.random() < 0.1),
    }
    if iou_type == "segm":
        annotation["segmentation"] = segmentation(rng, image, box)
    elif iou_type == "keypoints":
        annotation["keypoints"] = pose(rng, box, KEYPOINTS)
        annotation["num_keypoints"] = sum(v > 0 for v in annotation["keypoints"][2::3])
    return annotation


def detections(rng: random.Random, dataset: dict[str, Any], iou_type: str) -> list[dict[str, Any]]:
    """A detector's results: some near the objects, some not; never none."""
    images = {image["id"]: image for image in dataset["images"]}
    found = []
    for annotation in dataset["annotations"]:
        for _ in range(rng.choice([0, 1, 1, 2])):
            found.append(detection(rng, images[annotation["image_id"]], annotation, iou_type))
    for _ in range(rng.randint(1, 4)):
        image = rng.choice(dataset["images"])
        stray = ground_truth(rng, image, rng.choice(dataset["categories"])["id"], iou_type)
        found.append(detection(rng, image, stray, iou_type))
    rng.shuffle(found)
    return found


def detection(rng: random.Random, image: dict[str, Any], near: dict[str, Any], iou_type: str) -> dict[str, Any]:
    """A result near the given object."""
    loose = rng.choice([0.0, 0.0, 0.02, 0.1, 0.3])
    x, y, w, h = near["bbox"]
    box = [x + w * loose * rng.uniform(-1, 1), y, w * (1 + loose * rng.uniform(-1, 1)), h] if loose else [x, y, w, h]
    found: dict[str, Any] = {"image_id": near["image_id"], "category_id": near["category_id"]}
    if iou_type == "bbox":
        found["bbox"] = box
    elif iou_type == "segm":
        found["segmentation"] = compressed(bitmap(rng, image["height"], image["width"], box))
    else:
        keypoints = list(near["keypoints"])
        for i in range(0, len(keypoints), 3):
            keypoints[i] += loose * rng.uniform(-20, 20)
            keypoints[i + 1] += loose * rng.uniform(-20, 20)
        found["keypoints"] = keypoints
    found["score"] = rng.choice([round(rng.random(), 1), round(rng.random(), 3), rng.random()])
    return found


def random_box(rng: random.Random, width: float, height: float) -> list[float]:
    """`x, y, w, h`: whole pixels half of the time, so that overlaps tie."""
    if rng.random() < 0.5:
        x, y = rng.randrange(0, int(width), 8), rng.randrange(0, int(height), 8)
        return [x, y, rng.choice([8, 16, 32, 33, 96]), rng.choice([8, 16, 32, 96])]
    x, y = round(rng.uniform(0, width), 2), round(rng.uniform(0, height), 2)
    return [x, y, round(rng.uniform(1, width), 2), round(rng.uniform(1, height), 2)]


def bitmap(rng: random.Random, height: int, width: int, box: list[float]) -> Any:
    """A `(height, width) uint8` mask: an ellipse or a rectangle in the box."""
    x, y, w, h = box
    rows, columns = np.mgrid[0:height, 0:width]
    if rng.random() < 0.5:
        inside = (columns >= x) & (columns < x + w) & (rows >= y) & (rows < y + h)
    else:
        inside = ((columns - x - w / 2) / max(w, 1)) ** 2 + ((rows - y - h / 2) / max(h, 1)) ** 2 <= 0.25
    return np.asfortranarray(inside.astype(np.uint8))


def run_lengths(mask: Any) -> list[int]:
    """Uncompressed counts of a mask, by column, beginning with zeros."""
    flat = mask.flatten(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return [0, *counts] if flat.size and flat[0] else counts


def compressed(mask: Any) -> dict[str, Any]:
    """A mask as results hold it."""
    rle = reference_mask.encode(np.asfortranarray(mask))
    return {"size": [int(n) for n in rle["size"]], "counts": rle["counts"].decode("ascii")}


def uncompressed(mask: Any) -> dict[str, Any]:
    """A mask as crowds hold it."""
    return {"size": [int(n) for n in mask.shape], "counts": run_lengths(mask)}


def polygon(rng: random.Random, box: list[float], corners: int) -> list[float]:
    """A ring of `corners` points around the middle of the box."""
    x, y, w, h = box
    angles = sorted(rng.uniform(0, 2 * np.pi) for _ in range(corners))
    ring = []
    for angle in angles:
        reach = rng.uniform(0.2, 0.5)
        ring += [x + w / 2 + reach * w * float(np.cos(angle)), y + h / 2 + reach * h * float(np.sin(angle))]
    return [round(v, 2) for v in ring] if rng.random() < 0.7 else ring


def segmentation(rng: random.Random, image: dict[str, Any], box: list[float]) -> Any:
    """An object's mask in one of the forms that ground truth takes."""
    x, y, w, h = box
    form = rng.choice(["box", "polygon", "polygon", "rings", "plain", "compressed"])
    if form == "box":
        return [[x, y, x, y + h, x + w, y + h, x + w, y]]
    if form == "polygon":
        return [polygon(rng, box, rng.randint(3, 9))]
    if form == "rings":
        return [polygon(rng, box, rng.randint(3, 7)) for _ in range(rng.randint(2, 3))]
    mask = bitmap(rng, image["height"], image["width"], box)
    return uncompressed(mask) if form == "plain" else compressed(mask)


def pose(rng: random.Random, box: list[float], count: int) -> list[float]:
    """`x, y, visibility` of each keypoint."""
    x, y, w, h = box
    whole = rng.random() < 0.5
    found: list[float] = []
    for _ in range(count):
        seen = rng.choice([0, 1, 2, 2])
        px, py = x + rng.random() * w, y + rng.random() * h
        point = [int(px), int(py)] if whole else [round(px, 2), round(py, 2)]
        found += [*(point if seen else [0, 0]), seen]
    return found
