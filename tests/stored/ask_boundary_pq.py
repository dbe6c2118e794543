"""Writes boundary_pq.json: maps of segments, and the boundary PQ that the code of the Boundary IoU paper computes.

    python tests/stored/ask_boundary_pq.py FOLDER

needs NumPy, Pillow and opencv-python, and in FOLDER of github.com/bowenc0221/boundary-iou-api (commit 37d2558) the
files ``boundary_iou/coco_panoptic_api/evaluation.py`` and ``boundary_iou/utils/boundary_utils.py``. Of the first the
class `PQStat` and the function `pq_compute_single_core` run as they are, on PNG files.
"""

import base64
import copy
import json
import sys
import tempfile
import zlib
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

PLACE = Path(__file__).with_name("boundary_pq.json")
CATEGORIES = [{"id": 1, "isthing": 1}, {"id": 3, "isthing": 1}, {"id": 100, "isthing": 0}, {"id": 101, "isthing": 0}]
RATIOS = (0.02, 0.05)


def scene(rng):
    """Discs before a ground and a sky, with void, and the same moved by little."""
    height, width = 90, 120
    rows, columns = np.mgrid[:height, :width]
    horizon = int(rng.integers(30, 60))
    truth = np.where(rows < horizon, 5001, 5002).astype(np.uint32)
    found = np.where(rows < horizon + int(rng.integers(-3, 4)), 7001, 7002).astype(np.uint32)
    truth[:, : int(rng.integers(0, 12))] = 0
    kinds, back = {5001: 100, 5002: 101}, {7001: 100, 7002: 101}
    for number in range(int(rng.integers(2, 7))):
        centre, radius = rng.uniform([5, 5], [height - 5, width - 5]), rng.uniform(6, 22)
        kind = int(rng.choice([1, 3]))
        truth[np.hypot(rows - centre[0], columns - centre[1]) < radius] = 6000 + number
        kinds[6000 + number] = kind
        moved, size = centre + rng.normal(0, 1.2, 2), radius * rng.uniform(0.9, 1.1)
        found[np.hypot(rows - moved[0], columns - moved[1]) < size] = 8000 + number
        back[8000 + number] = kind if rng.uniform() < 0.9 else 4 - kind
    truths = [
        {"id": int(id), "category_id": kinds[int(id)], "area": int(n),
         "iscrowd": int(id > 6000 and rng.uniform() < 0.1)}
        for id, n in zip(*np.unique(truth, return_counts=True), strict=True) if id
    ]  # fmt: skip
    predictions = [{"id": int(id), "category_id": back[int(id)]} for id in np.unique(found)]
    return truth, truths, found, predictions


def packed(ids):
    return base64.b64encode(zlib.compress(ids.astype("<u4").tobytes(), 9)).decode()


def main(folder):
    rng = np.random.default_rng(3)
    images = [scene(rng) for _ in range(12)]
    place = Path(folder) / "boundary_iou"
    kit = {
        "cv2": cv2,
        "np": np,
        "os": __import__("os"),
        "Image": Image,
        "defaultdict": defaultdict,
        "print": lambda *_: None,
    }
    kit["get_traceback"] = lambda function: function
    kit["rgb2id"] = lambda rgb: rgb[..., 0] + 256 * rgb[..., 1] + 256 * 256 * rgb[..., 2]
    text = (place / "utils" / "boundary_utils.py").read_text()
    exec(text[text.index("def mask_to_boundary") :].split("\n\n\n")[0], kit)
    text = (place / "coco_panoptic_api" / "evaluation.py").read_text()
    exec(
        "OFFSET, VOID = 256 ** 3, 0\n" + text[text.index("class PQStatCat") : text.index("def pq_compute_multi_core")],
        kit,
    )
    numbers = {}
    with tempfile.TemporaryDirectory() as pngs:
        pairs = []
        for i, (truth, truths, found, predictions) in enumerate(images):
            for name, ids in (("t", truth), ("p", found)):
                rgb = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=2).astype(np.uint8)
                Image.fromarray(rgb).save(f"{pngs}/{name}{i}.png")
            pairs.append(({"image_id": i, "file_name": f"t{i}.png", "segments_info": truths},
                          {"image_id": i, "file_name": f"p{i}.png", "segments_info": predictions}))  # fmt: skip
        by_id = {category["id"]: category for category in CATEGORIES}
        for ratio in RATIOS:
            stat = kit["pq_compute_single_core"](0, copy.deepcopy(pairs), pngs, pngs, by_id, "boundary", ratio)
            means, classes = stat.pq_average(by_id, None)
            numbers[str(ratio)] = {"all": means, "classes": {str(id): row for id, row in classes.items()}}
    stored = [
        {"truth": packed(truth), "truths": truths, "found": packed(found), "predictions": predictions}
        for truth, truths, found, predictions in images
    ]
    content = {"shape": [90, 120], "categories": CATEGORIES, "images": stored, "numbers": numbers}
    PLACE.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
