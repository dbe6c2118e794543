"""Writes open_images.json: boxes of Open Images, and the AP that TensorFlow's object detection API computes of them.

    python tests/stored/ask_open_images.py FOLDER

needs NumPy, and in FOLDER the source of the package tensorflow-object-detection-api 0.1.1 (its folder
``object_detection``), of which ``utils/object_detection_evaluation.py``, ``per_image_evaluation.py``, ``metrics.py``
and the ``np_box_…`` files are run as they are, and of ``dataset_tools/oid_hierarchical_labels_expansion.py`` the class
(written for Python 2: dictionaries get the method ``iteritems``). They import TensorFlow, which they do not use here.
"""

import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

PLACE = Path(__file__).with_name("open_images.json")
HIERARCHY = {
    "LabelName": "/m/root",
    "Subcategory": [
        {"LabelName": "/m/animal", "Subcategory": [
            {"LabelName": "/m/cat"},
            {"LabelName": "/m/dog", "Subcategory": [{"LabelName": "/m/puppy"}]},
        ]},
        {"LabelName": "/m/vehicle", "Subcategory": [{"LabelName": "/m/car"}], "Part": [{"LabelName": "/m/wheel"}]},
        {"LabelName": "/m/tree"},
    ],
}  # fmt: skip
CLASSES = ["/m/animal", "/m/cat", "/m/dog", "/m/puppy", "/m/vehicle", "/m/car", "/m/tree"]


def scenes():
    """Rows of boxes (image, class, box, group), of labels (image, class, 0 or 1), of detections (… score, box)."""
    numbers = np.random.default_rng(7)
    boxes, labels, found = [], [], []
    scores = (numbers.permutation(8000) / 8192).tolist()

    def box(low, high):
        x, y = numbers.uniform(0, 1 - high, 2)
        w, h = numbers.uniform(low, high, 2)
        return np.round([x, y, x + w, y + h], 4).tolist()

    def near(given, spread):
        x1, y1, x2, y2 = np.clip(np.array(given) + numbers.normal(0, spread, 4), 0, 1)
        made = np.round([min(x1, x2 - 0.01), min(y1, y2 - 0.01), x2, y2], 4).tolist()
        return made if made[0] >= 0 and made[1] >= 0 else [0.0, 0.0, *made[2:]]

    def inside(given):
        x1, y1, x2, y2 = given
        fractions = np.sort(numbers.uniform(-0.2, 1.2, (2, 2)), axis=0)
        (u, v), (s, t) = np.clip([[x1, y1]] + fractions * [[x2 - x1, y2 - y1]], 0, 1)
        return np.round([u, v, max(s, u + 0.01), max(t, v + 0.01)], 4).tolist()

    for image in range(60):
        name, there = f"i{image:02}", set()
        for _ in range(numbers.integers(0, 7)):
            label, group = CLASSES[numbers.integers(7)], bool(numbers.random() < 0.3)
            place = box(0.2, 0.6) if group else box(0.05, 0.4)
            there.add(label)
            boxes.append([name, label, place, int(group)])
            for _ in range(numbers.integers(0, 4)):
                other = CLASSES[numbers.integers(7)] if numbers.random() < 0.15 else label
                made = inside(place) if group and numbers.random() < 0.7 else near(place, 0.03)
                found.append([name, other, scores.pop(), made])
        for label in CLASSES:
            if label in there or numbers.random() < 0.4:
                labels.append([name, label, int(label in there or numbers.random() < 0.3)])
        for _ in range(numbers.integers(0, 4)):
            found.append([name, CLASSES[numbers.integers(7)], scores.pop(), box(0.05, 0.4)])
    return boxes, labels, found


def load(folder):
    """The API's evaluators and the tool that expands labels."""
    package = Path(folder) / "object_detection"
    sys.path.insert(0, str(package.parent))
    sys.modules["tensorflow"] = ModuleType("tensorflow")
    sys.modules["object_detection.utils.label_map_util"] = SimpleNamespace(
        create_category_index=lambda categories: {category["id"]: category for category in categories}
    )
    for old, new in (("bool", bool), ("float", float), ("int", int)):
        if not hasattr(np, old):
            setattr(np, old, new)
    sys.modules["six.moves"] = SimpleNamespace(range=range)
    sys.modules.setdefault("six", ModuleType("six"))
    from object_detection.utils import object_detection_evaluation

    # What Python 2 calls str, and how it makes it of bytes.
    object_detection_evaluation.unicode = lambda text, encoding: text

    text = (package / "dataset_tools" / "oid_hierarchical_labels_expansion.py").read_text()
    names = {}
    exec(re.sub(r"\.iteritems\(\)", ".items()", text[text.index("def _update_dict") : text.index("def main")]), names)
    return object_detection_evaluation, names["OIDHierarchicalLabelsExpansion"](HIERARCHY)


def expanded(tool, boxes, labels):
    """Boxes and labels of all classes above them, or below those that are not there."""
    more_boxes, more_labels = [], []
    for row in boxes:
        for line in tool.expand_boxes_from_csv(",".join(["", "", row[1], *[""] * 10])):
            more_boxes.append([row[0], line.split(",")[2], *row[2:]])
    for image, label, there in labels:
        for line in tool.expand_labels_from_csv(f",,{label},{there}"):
            more_labels.append([image, line.split(",")[2], there])
    return more_boxes, more_labels


def asked(evaluation, boxes, labels, found, challenge):
    """The mean and the AP of each class."""
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES, 1)]
    number = {name: i for i, name in enumerate(CLASSES, 1)}
    kind = "OpenImagesDetectionChallengeEvaluator" if challenge else "OpenImagesDetectionEvaluator"
    evaluator = getattr(evaluation, kind)(categories)

    def corners(rows):
        made = np.array(rows, dtype=np.float64).reshape(-1, 4)
        return made[:, [1, 0, 3, 2]]

    for image in sorted({row[0] for row in [*boxes, *labels, *found]}):
        own = [row for row in boxes if row[0] == image]
        truth = {
            "groundtruth_boxes": corners([row[2] for row in own]),
            "groundtruth_classes": np.array([number[row[1]] for row in own], dtype=int),
            "groundtruth_group_of": np.array([row[3] for row in own], dtype=bool),
        }
        if challenge:
            verified = [number[row[1]] for row in labels if row[0] == image]
            truth["groundtruth_image_classes"] = np.array(verified, dtype=int)
        evaluator.add_single_ground_truth_image_info(image, truth)
        own = [row for row in found if row[0] == image]
        evaluator.add_single_detected_image_info(
            image,
            {
                "detection_boxes": corners([row[3] for row in own]),
                "detection_scores": np.array([row[2] for row in own], dtype=np.float64),
                "detection_classes": np.array([number[row[1]] for row in own], dtype=int),
            },
        )
    numbers = evaluator.evaluate()
    mean = next(value for name, value in numbers.items() if "mAP" in name)
    by_class = dict(zip(CLASSES, evaluator._evaluation.average_precision_per_class.tolist(), strict=True))
    return {"ap": float(mean), "classes": by_class}


def main(folder):
    boxes, labels, found = scenes()
    evaluation, tool = load(folder)
    of_all = expanded(tool, boxes, labels)
    numbers = {
        f"{'challenge' if challenge else 'v2'}{' expanded' if rows is of_all else ''}": asked(
            evaluation, *rows, found, challenge
        )
        for challenge in (False, True)
        for rows in ((boxes, labels), of_all)
    }
    stored = {"hierarchy": HIERARCHY, "boxes": boxes, "labels": labels, "detections": found,
              "expanded_boxes": sorted({(row[0], row[1]) for row in of_all[0]}),
              "expanded_labels": sorted({(row[0], row[1]) for row in of_all[1]}), "numbers": numbers}  # fmt: skip
    PLACE.write_text(json.dumps(stored, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
