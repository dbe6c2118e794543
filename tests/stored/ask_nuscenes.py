"""Writes nuscenes.json: boxes of samples, and the APs that nuScenes' development kit computes of them.

    python tests/stored/ask_nuscenes.py

needs NumPy and nuscenes-devkit 1.2.0. What is run of it is what its class `DetectionEval` runs, `accumulate`,
`calc_ap`, `calc_tp` and `DetectionMetrics`, on boxes that are left out by their distance and number of points as
`filter_eval_boxes` does.
"""

import json
from pathlib import Path

import numpy as np
from nuscenes.eval.common.data_classes import EvalBoxes
from nuscenes.eval.common.utils import center_distance
from nuscenes.eval.detection import data_classes
from nuscenes.eval.detection.algo import accumulate, calc_ap, calc_tp
from nuscenes.eval.detection.constants import TP_METRICS
from nuscenes.eval.detection.data_classes import DetectionBox, DetectionConfig, DetectionMetrics

PLACE = Path(__file__).with_name("nuscenes.json")
RANGES = {"car": 50, "pedestrian": 40, "traffic_cone": 30, "bicycle": 40, "barrier": 30}
CONFIG = "configs/detection_cvpr_2019.json"
DISTANCES = (0.5, 1.0, 2.0, 4.0)


def scenes():
    """Ground truth and results as the kit reads them."""
    rng = np.random.default_rng(21)
    truth, results = {}, {}
    scores = (rng.permutation(4000) / 4096).tolist()

    def box(sample, name, place, size, yaw, score, points):
        return {
            "sample_token": sample, "translation": np.round(place + [300, 900, 0], 3).tolist(),
            "size": np.round(size, 3).tolist(), "velocity": np.round(rng.normal(0, 2, 2), 3).tolist(),
            "rotation": [float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2))], "num_pts": points,
            "ego_translation": np.round(place, 3).tolist(), "detection_name": name, "detection_score": score,
            "attribute_name": str(rng.choice(["", "vehicle.moving", "vehicle.moving", "vehicle.parked"])),
        }  # fmt: skip

    for number in range(40):
        sample = f"{rng.integers(2**40):010x}"
        objects, found = [], []
        for _ in range(rng.integers(0, 12)):
            name = str(rng.choice(list(RANGES), p=[0.4, 0.25, 0.15, 0.1, 0.1]))
            place = np.append(rng.uniform(-38, 38, 2), 1.0)
            size, yaw = rng.uniform([0.5, 0.5, 1], [2, 4, 2]), rng.uniform(-3, 3)
            objects.append(box(sample, name, place, size, yaw, -1.0, int(rng.choice([0, 1, 9, 30]))))
            for _ in range(rng.choice([0, 1, 1, 2])):
                # Of cones nothing is found, and some scores come more than once in a sample.
                near = place + np.append(rng.normal(0, 0.9, 2), 0)
                score = found[-1]["detection_score"] if found and number % 4 == 0 else scores.pop()
                if name != "traffic_cone":
                    of, turn = size * rng.uniform(0.8, 1.2, 3), yaw + rng.normal(0, 0.3)
                    found.append(box(sample, name, near, of, turn, score, -1))
        for _ in range(rng.integers(0, 4)):
            name, place = str(rng.choice(["car", "pedestrian", "bicycle"])), np.append(rng.uniform(-45, 45, 2), 1.0)
            found.append(box(sample, name, place, [1, 2, 1], 0.5, scores.pop() / 2, -1))
        truth[sample], results[sample] = objects, found
    return truth, results


def filtered(samples):
    """What `filter_eval_boxes` leaves, but for bicycle racks, which no box says."""
    boxes = EvalBoxes.deserialize(samples, DetectionBox)
    for sample in boxes.sample_tokens:
        near = [box for box in boxes[sample] if box.ego_dist < RANGES[box.detection_name]]
        boxes.boxes[sample] = [box for box in near if not box.num_pts == 0]
    return boxes


def main():
    truth, results = scenes()
    objects, found = filtered(truth), filtered(results)
    numbers = {
        name: [calc_ap(accumulate(objects, found, name, center_distance, distance), 0.1, 0.1) for distance in DISTANCES]
        for name in RANGES
    }
    config = DetectionConfig.deserialize(json.loads((Path(data_classes.__file__).parent / CONFIG).read_text()))
    metrics = DetectionMetrics(config)
    for name in config.class_names:
        for distance in config.dist_ths:
            metrics.add_label_ap(
                name, distance, calc_ap(accumulate(objects, found, name, center_distance, distance), 0.1, 0.1)
            )
        at_two = accumulate(objects, found, name, center_distance, config.dist_th_tp)
        for error in TP_METRICS:
            still = error in ("attr_err", "vel_err") and name in ("traffic_cone", "barrier")
            counts = not still and not (name == "traffic_cone" and error == "orient_err")
            metrics.add_label_tp(name, error, calc_tp(at_two, config.min_recall, error) if counts else np.nan)
    score = {"nds": metrics.nd_score, "ap": metrics.mean_ap, "errors": metrics.tp_errors,
             "classes": {name: dict(metrics._label_tp_errors[name]) for name in RANGES}}  # fmt: skip
    stored = {
        "truth": truth,
        "results": {"meta": {"use_lidar": True}, "results": results},
        "numbers": numbers,
        "score": score,
    }
    PLACE.write_text(json.dumps(stored, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
