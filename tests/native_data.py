"""Data sets as lists of one dictionary for each image, and other data that tests of the array API share."""

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
