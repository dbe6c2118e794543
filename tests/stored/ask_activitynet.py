"""Writes activitynet.json: segments of videos, and the AP that ActivityNet's evaluation kit computes of them.

    python tests/stored/ask_activitynet.py FOLDER

needs NumPy and pandas, and in FOLDER of github.com/activitynet/ActivityNet (commit 82304fa) the files
``Evaluation/eval_detection.py`` and ``Evaluation/utils.py``. They are written for Python 2; what is run of them, as it
is, are the functions `compute_average_precision_detection`, `interpolated_prec_rec` and `segment_iou`. Their means over
classes and thresholds are those of the method `evaluate`.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

PLACE = Path(__file__).with_name("activitynet.json")
LABELS = ["Canoeing", "Skiing", "Rafting", "Beer pong", "Archery"]
THRESHOLDS = {"activitynet": np.linspace(0.5, 0.95, 10), "thumos": np.linspace(0.3, 0.7, 5)}


def scenes():
    """Ground truth and results as the kit reads them."""
    numbers = np.random.default_rng(5)
    database, results = {}, {}
    scores = (numbers.permutation(6000) / 8192).tolist()
    for number in range(50):
        video, length = f"v_{number:03}", float(np.round(numbers.uniform(30, 240), 2))
        annotations, found = [], []
        for _ in range(numbers.integers(0, 6)):
            label, start = LABELS[numbers.integers(5)], numbers.uniform(0, length * 0.9)
            end = min(length, start + numbers.exponential(length / 8) + 0.5)
            segment = np.round([start, end], 2).tolist()
            annotations.append({"label": label, "segment": segment})
            for _ in range(numbers.integers(0, 5)):
                near = np.sort(np.array(segment) + numbers.normal(0, 0.12 * (end - start), 2))
                other = LABELS[numbers.integers(4)] if numbers.random() < 0.1 else label
                if other != "Archery":  # Nothing of this class is found.
                    segments = np.round(near, 2).tolist()
                    found.append({"label": other, "score": scores.pop(), "segment": segments})
        for _ in range(numbers.integers(0, 4)):
            start, end = np.sort(numbers.uniform(0, length, 2))
            segments = np.round([start, end + 0.01], 2).tolist()
            found.append({"label": LABELS[numbers.integers(4)], "score": scores.pop(), "segment": segments})
        subset = "training" if number % 10 == 9 else "validation"
        database[video] = {"duration": length, "subset": subset, "annotations": annotations}
        if subset == "validation":
            results[video] = found
    truth = {"version": "VERSION 1.3", "taxonomy": [], "database": database}
    return truth, {"version": "VERSION 1.3", "results": results, "external_data": {}}


def kit(folder):
    """The function that computes the AP of a class."""
    names = {"np": np, "pd": pd}
    np.float = float
    utils = (Path(folder) / "Evaluation" / "utils.py").read_text()
    exec(utils[utils.index("def interpolated_prec_rec") : utils.index("def wrapper_segment_iou")], names)
    detection = (Path(folder) / "Evaluation" / "eval_detection.py").read_text()
    exec(detection[detection.index("def compute_average_precision_detection") :], names)
    return names["compute_average_precision_detection"]


def main(folder):
    truth, found = scenes()
    of_class = kit(folder)

    def frame(rows):
        return pd.DataFrame(rows, columns=["video-id", "label", "score", "t-start", "t-end"])

    objects = frame([
        [video, row["label"], 0.0, *row["segment"]]
        for video, held in truth["database"].items() if held["subset"] == "validation"
        for row in held["annotations"]
    ])  # fmt: skip
    predictions = frame([
        [video, row["label"], row["score"], *row["segment"]]
        for video, rows in found["results"].items() for row in rows
    ])  # fmt: skip
    numbers = {}
    for name, thresholds in THRESHOLDS.items():
        values = np.array([
            of_class(
                objects[objects["label"] == label].reset_index(drop=True),
                predictions[predictions["label"] == label].reset_index(drop=True),
                thresholds,
            )
            for label in LABELS
        ]).T  # fmt: skip
        by_threshold = values.mean(axis=1)
        numbers[name] = {"ap": float(by_threshold.mean()), "thresholds": by_threshold.tolist(),
                         "classes": dict(zip(LABELS, values.mean(axis=0).tolist(), strict=True))}  # fmt: skip
    stored = {"truth": truth, "results": found, "numbers": numbers}
    PLACE.write_text(json.dumps(stored, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
