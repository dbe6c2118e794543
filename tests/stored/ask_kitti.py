"""Writes kitti.json: label files of KITTI's kind, and the APs that a port of its development kit computes of them.

    python tests/stored/ask_kitti.py FOLDER

needs NumPy, numba and Shapely, and in FOLDER ``eval.py`` of github.com/traveller59/kitti-object-eval-python (its last
commit). Its functions run as they are, but for the intersection of turned boxes, which it computes in single precision
on a GPU and Shapely computes here.

The port lets detections of any class that are less high than a level asks take objects; here it is given the detections
of the class alone. "with others" are its numbers when it is given all.
"""

import json
import sys
from pathlib import Path

import numba
import numpy as np
import shapely

PLACE = Path(__file__).with_name("kitti.json")
CLASSES = {"Car": 0.7, "Pedestrian": 0.5, "Cyclist": 0.5}
#: What is asked in the place of each overlap where less will do, in space.
LOOSE = {0.7: 0.5, 0.5: 0.25}
SIZES = {"Car": (1.5, 1.7, 4.2), "Van": (2.2, 1.9, 5.0), "Pedestrian": (1.8, 0.6, 0.7), "Cyclist": (1.7, 0.6, 1.8),
         "Person_sitting": (1.2, 0.6, 0.8), "Truck": (3.2, 2.6, 9.0)}  # fmt: skip
SIMILARITIES = ("bbox", "bev", "box3d")


def scenes():
    """Lines of labels and of results, by image."""
    rng, turns = np.random.default_rng(12), np.random.default_rng(13)
    labels, results = {}, {}

    def line(name, truncated, occluded, bounds, size, place, turn, score=None):
        # Some are taken for ones that look the other way.
        apart = 0 if score is None else turns.normal(0, 0.4) + np.pi * (turns.uniform() < 0.2)
        alpha = -10 if name == "DontCare" else np.angle(np.exp(1j * (turn - np.arctan2(place[0], place[2]) + apart)))
        numbers = [truncated, occluded, alpha, *bounds, *size, *place, turn, *([] if score is None else [score])]
        return " ".join([name, *(f"{number:.4f}" for number in numbers)])

    for image in range(70):
        of_image, found = [], []
        for _ in range(rng.integers(0, 9)):
            name = str(rng.choice(list(SIZES), p=[0.35, 0.1, 0.25, 0.15, 0.1, 0.05]))
            size = np.array(SIZES[name]) * rng.uniform(0.9, 1.1, 3)
            place = np.array([rng.uniform(-12, 12), rng.uniform(1.4, 1.8), rng.uniform(6, 40)])
            height = 720 * size[0] / place[2]
            left, top = 600 + 720 * place[0] / place[2], 180 - height / 2 + rng.uniform(-9, 9)
            bounds = np.array([left, top, left + height * rng.uniform(0.4, 2), top + height])
            truncated, turn = float(rng.choice([0, 0, 0, 0, 0, 0.1, 0.2, 0.4, 0.6])), rng.uniform(-3.1, 3.1)
            # Some stand before others, so that a detection is near two objects.
            for copy in range(1 + (rng.uniform() < 0.15)):
                apart = copy * 0.12 * np.array([height, 0, height, 0])
                around = copy * np.array([0.25, 0, 0.1])
                occluded = rng.choice(4, p=[0.6, 0.2, 0.1, 0.1])
                of_image.append(line(name, truncated, occluded, bounds + apart, size, place + around, turn))
            for _ in range(rng.choice([0, 1, 1, 1, 2])):
                other = str(rng.choice(list(CLASSES))) if rng.uniform() < 0.1 else name
                if other in CLASSES or other == "Truck":
                    moved = bounds + rng.normal(0, 0.035 * height, 4)
                    near = place + rng.normal(0, 0.04, 3) * size[[2, 0, 1]].clip(0.9)
                    of = size * rng.uniform(0.96, 1.04, 3)
                    score = np.round(rng.uniform(0.05, 1), 2)
                    found.append(line(other, -1, -1, moved, of, near, turn + rng.normal(0, 0.03), score))
        for _ in range(rng.integers(0, 3)):
            corner = rng.uniform([0, 150], [1100, 200])
            of_image.append(
                line("DontCare", -1, -1, [*corner, *(corner + rng.uniform(20, 160, 2))], [-1] * 3, [-1000] * 3, -10)
            )
        for _ in range(rng.integers(0, 4)):
            name = str(rng.choice(list(CLASSES)))
            corner, place = rng.uniform([0, 150], [1100, 200]), rng.uniform([-12, 1.4, 8], [12, 1.8, 45])
            bounds = [*corner, *(corner + rng.uniform(15, 90, 2))]
            found.append(line(name, -1, -1, bounds, SIZES[name], place, 0.3, np.round(rng.uniform(0.05, 0.8), 2)))
        labels[f"{image:06}"], results[f"{image:06}"] = of_image, found
    # A detection of another class that is too low to count, and is better than the one that does.
    size, place = SIZES["Car"], [0.0, 1.6, 30.0]
    labels["low"] = [line("Car", 0, 0, [600, 160, 660, 190], size, place, 0.0)]
    low = line("Cyclist", -1, -1, [600, 163, 660, 187], size, place, 0.0, 0.99)
    results["low"] = [low, line("Car", -1, -1, [600, 160, 660, 190], size, place, 0.0, 0.98)]
    return labels, results


def turned(boxes, others, criterion=-1):
    """The intersection over union of boxes ``x, z, length, width, turn``; with criterion 2 the intersection alone."""

    def polygons(boxes):
        x, z, length, width, turn = boxes.T[..., None]
        along, across = length / 2 * np.array([1, 1, -1, -1]), width / 2 * np.array([1, -1, -1, 1])
        right = x + np.cos(turn) * along + np.sin(turn) * across
        ahead = z - np.sin(turn) * along + np.cos(turn) * across
        return shapely.polygons(np.stack([right, ahead], axis=2))

    both = shapely.area(shapely.intersection(polygons(boxes)[:, None], polygons(others)[None]))
    if criterion == 2:
        return both
    areas = boxes[:, 2] * boxes[:, 3], others[:, 2] * others[:, 3]
    return both / (areas[0][:, None] + areas[1][None] - both)


def annotations(lines, scored):
    """A side as the port takes it: sizes are length, height, width."""
    words = [line.split() for line in lines]
    numbers = np.array([row[1:] for row in words], dtype=np.float64).reshape(len(words), 15 if scored else 14)
    return {
        "name": np.array([row[0] for row in words], dtype=str), "truncated": numbers[:, 0],
        "occluded": numbers[:, 1].astype(int), "alpha": numbers[:, 2], "bbox": numbers[:, 3:7],
        "dimensions": numbers[:, [9, 7, 8]], "location": numbers[:, 10:13], "rotation_y": numbers[:, 13],
        "score": numbers[:, -1],
    }  # fmt: skip


def main(folder):
    text = (Path(folder) / "eval.py").read_text()
    kit = {"np": np, "numba": numba, "rotate_iou_gpu_eval": turned}
    exec(text[text.index("def get_mAP(") :], kit)
    labels, results = scenes()
    truth = [annotations(lines, False) for lines in labels.values()]

    def numbers_of(found, position, metric, threshold, which="precision"):
        least, oriented = np.full((1, 3, 1), threshold), which == "orientation"
        parts = kit["eval_class"](truth, found, [position], [0, 1, 2], metric, least, oriented, num_parts=7)
        precision = parts[which][0, :, 0]
        return {"kitti": (precision[:, 1:].sum(axis=1) / 40).tolist(),
                "kitti-r11": (precision[:, ::4].sum(axis=1) / 11).tolist()}  # fmt: skip

    numbers, with_others, orientation, loose = {}, {}, {}, {}
    for position, (name, threshold) in enumerate(CLASSES.items()):
        own = [annotations([r for r in lines if r.startswith(name)], True) for lines in results.values()]
        every = [annotations(lines, True) for lines in results.values()]
        loose[name] = numbers_of(own, position, 2, LOOSE[threshold])
        orientation[name] = numbers_of(own, position, 0, threshold, "orientation")
        for metric, similarity in enumerate(SIMILARITIES):
            numbers.setdefault(similarity, {})[name] = numbers_of(own, position, metric, threshold)
            with_others.setdefault(similarity, {})[name] = numbers_of(every, position, metric, threshold)
    stored = {"labels": labels, "results": results, "numbers": numbers, "with others": with_others}
    stored |= {"orientation": orientation, "loose": loose}
    PLACE.write_text(json.dumps(stored, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
