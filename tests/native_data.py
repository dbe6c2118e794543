"""Data sets as lists of one dictionary for each image, and other data that tests of the array API share."""

import json

import numpy as np


def per_image(truth, found, kind="bbox"):
    """Predictions and targets, in the order of the images."""
    targets = {image["id"]: [] for image in truth["images"]}
    preds = {image["id"]: [] for image in truth["images"]}
    for annotation in truth["annotations"]:
        targets[annotation["image_id"]].append(annotation)
    for detection in found:
        preds[detection["image_id"]].append(detection)

    def column(records, name, dtype=None):
        return np.array([record[name] for record in records], dtype=dtype)

    def boxes(records):
        return column(records, "bbox", np.float64).reshape(-1, 4)

    return (
        [
            {
                "boxes": boxes(records),
                "scores": column(records, "score", np.float64),
                "labels": column(records, "category_id", np.int64),
            }
            for records in preds.values()
        ],
        [
            {
                "boxes": boxes(records),
                "labels": column(records, "category_id", np.int64),
                "area": column(records, "area", np.float64),
                "iscrowd": column(records, "iscrowd", np.int64),
                "image_id": image,
            }
            for image, records in targets.items()
        ],
    )


def columns_of_records(records):
    """Image and category ids and boxes of COCO's records, as arrays."""
    return {
        "image_ids": [record["image_id"] for record in records],
        "category_ids": [record["category_id"] for record in records],
        "boxes": np.array([record["bbox"] for record in records]),
    }


def records_by_image(truth, results, width):
    """Ground truth and detections, boxes of `width` numbers, as lists of one dictionary for each image with its id."""
    sides = []
    for records in (truth["annotations"], results):
        side = []
        for image in truth["images"]:
            some = [record for record in records if record["image_id"] == image["id"]]
            item = {"boxes": np.array([record["bbox"] for record in some]).reshape(-1, width), "image_id": image["id"]}
            item["labels"] = np.array([record["category_id"] for record in some], dtype=int)
            if records is results:
                item["scores"] = np.array([record["score"] for record in some])
            side.append(item)
        sides.append(side)
    return sides[0], sides[1]


def written(folder, truth, found):
    """The paths of both sides as JSON files in a folder."""
    paths = []
    for name, value in (("truth.json", truth), ("found.json", found)):
        (folder / name).write_text(json.dumps(value))
        paths.append(folder / name)
    return paths
