"""Categories of the generated scenes, and the keypoints and skeleton of a person."""

from typing import Any

import numpy as np

# Most frequent first. Only the shape of the list matters: one class far ahead, a long tail behind it.
THINGS = """
person car chair book bottle cup table bowl bird boat truck bench sheep cow umbrella motorcycle backpack kite
traffic_light handbag bicycle banana potted_plant vase knife dog horse elephant train cat clock fork spoon bus
sofa airplane giraffe zebra skateboard surfboard carrot orange apple donut pizza cake sandwich broccoli bed
lamp pillow sink toilet oven fridge microwave laptop keyboard mouse phone remote television wine_glass plate
tie suitcase hat shoe ski snowboard racket glove ball frisbee bear hydrant stop_sign parking_meter scissors
toothbrush kettle toaster
""".split()
THINGS = [name.replace("_", " ") for name in THINGS]

JOINTS = """
nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist
right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle
""".split()

# Position of each joint in the box of a standing person seen from the front, as fractions of width and height.
STANCE = np.array(
    [
        *([0.50, 0.08], [0.54, 0.06], [0.46, 0.06], [0.58, 0.08], [0.42, 0.08]),  # head
        *([0.68, 0.22], [0.32, 0.22], [0.78, 0.38], [0.22, 0.38], [0.80, 0.52], [0.20, 0.52]),  # arms
        *([0.60, 0.55], [0.40, 0.55], [0.62, 0.76], [0.38, 0.76], [0.62, 0.96], [0.38, 0.96]),  # legs
    ]
)

# Pairs of joints that a bone connects, counted from 1 as COCO does.
BONES = [
    *([1, 2], [1, 3], [2, 4], [3, 5]),
    *([6, 7], [6, 8], [8, 10], [7, 9], [9, 11]),
    *([6, 12], [7, 13], [12, 13]),
    *([12, 14], [14, 16], [13, 15], [15, 17]),
]


def category_entries(count: int, *, joints: bool = False) -> list[dict[str, Any]]:
    """The `categories` of a data set; ids have gaps, as COCO's have."""
    names = THINGS + [f"thing {rank}" for rank in range(len(THINGS) + 1, count + 1)]
    found: list[dict[str, Any]] = [
        {"id": rank + rank // 9, "name": names[rank - 1], "supercategory": "thing" if rank > 1 else "person"}
        for rank in range(1, count + 1)
    ]
    if joints and found:
        found[0] |= {"keypoints": JOINTS, "skeleton": BONES}
    return found


def frequencies(count: int) -> np.ndarray:
    """How often each category is seen, `(count,) float64` with sum 1: a third persons, then a long tail."""
    weights = np.exp(-0.07 * 80 / max(count, 80) * np.arange(count))
    weights[1:] *= 0.05
    weights[:1] = 0.35
    shares: np.ndarray = weights / weights.sum()
    return shares
