"""Writes cityscapes.json: instance ids and detected masks of images, and what Cityscapes' scripts compute of them.

    python tests/stored/ask_cityscapes.py

needs NumPy, Pillow and cityscapesScripts 2.3.0, whose `evaluateImgLists` is run as it is; NumPy's `isin` stands for its
former `in1d`, and the JSON files that the scripts write are not.
"""

import base64
import contextlib
import io
import json
import os
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

PLACE = Path(__file__).with_name("cityscapes.json")
SHAPE = (64, 112)
CLASSES = (24, 26, 28, 33)


def packed(array):
    """An array as text."""
    return base64.b64encode(zlib.compress(array.tobytes(), 9)).decode()


def unpacked(text, dtype):
    """The array of a text."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=dtype).reshape(SHAPE)


def ellipse(x, y, a, b):
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return ((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 1


def scenes(seed=1, images=8):
    """Of each image its name, the instance ids, and detections: class, confidence and mask."""
    numbers = np.random.default_rng(seed)
    made = []
    for number in range(images):
        labels = np.full(SHAPE, 7, dtype=np.uint16)
        labels[:, :20] = (4, 11, 16, 23)[number % 4]
        detections = []
        for instance in range(numbers.integers(4, 10)):
            shape = [*numbers.uniform((0, 0), SHAPE[::-1]), *numbers.uniform(3.5, 16, 2)]
            category = int(numbers.choice(CLASSES))
            # Groups have no number. Pixels of small ones count twice in the scripts, so there are none.
            group = numbers.random() < 0.2
            if group:
                shape[2:] = numbers.uniform(9, 16, 2).tolist()
            labels[ellipse(*shape)] = category if group else 1000 * category + instance
            for _ in range(numbers.integers(0, 4)):
                near = np.array(shape) + numbers.normal(0, 1, 4)
                other = int(numbers.choice(CLASSES[:3])) if numbers.random() < 0.15 else category
                if other != 33:  # Nothing of this class is found.
                    detections.append((other, round(float(numbers.random()), 1), ellipse(*near)))
        for _ in range(3):
            shape = [*numbers.uniform((0, 0), SHAPE[::-1]), *numbers.uniform(3, 12, 2)]
            detections.append((int(numbers.choice(CLASSES[:3])), round(float(numbers.random()), 2), ellipse(*shape)))
        for category in CLASSES:
            if (labels == category).sum() < 100:
                labels[labels == category] = 7
        # Masks without pixels and of other classes do not count.
        detections += [(24, 0.9, np.zeros(SHAPE, dtype=bool)), (7, 0.9, np.ones(SHAPE, dtype=bool))]
        found = [[category, score, packed(mask)] for category, score, mask in detections]
        made.append({"image": f"zurich_{number:06}_000019", "labels": packed(labels), "detections": found})
    return made


def write(folder, images):
    """The files of both sides, in two folders."""
    truth, found = folder / "gtFine" / "val" / "zurich", folder / "results"
    (found / "masks").mkdir(parents=True)
    truth.mkdir(parents=True)
    for image in images:
        name = image["image"]
        Image.fromarray(unpacked(image["labels"], np.uint16)).save(truth / f"{name}_gtFine_instanceIds.png")
        lines = []
        for number, (category, score, mask) in enumerate(image["detections"]):
            path = f"masks/{name}_{number}.png"
            Image.fromarray(unpacked(mask, bool).astype(np.uint8) * 255).save(found / path)
            lines.append(f"{path} {category} {score}\n")
        (found / f"{name}_pred.txt").write_text("".join(lines))
    return folder / "gtFine", found


def asked(images):
    """AP and AP50, and those of each class."""
    from cityscapesscripts.evaluation import evalInstanceLevelSemanticLabeling as scripts

    np.in1d = np.isin
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(place)
        truth, found = write(Path(place), images)
        settings, scripts.writeDict2JSON = scripts.args, lambda *_: None
        settings.predictionPath = os.path.abspath(found)
        settings.gtInstancesFile = os.path.join(place, "instances.json")
        settings.JSONOutput, settings.quiet = False, True
        paths = sorted(map(str, truth.glob("**/*.png")))
        results = [scripts.getPrediction(path, settings) for path in paths]
        averages = scripts.evaluateImgLists(results, paths, settings)["averages"]
        os.chdir("/")
    numbers = {"ap": float(averages["allAp"]), "ap50": float(averages["allAp50%"])}
    of_classes = {name: [float(of["ap"]), float(of["ap50%"])] for name, of in averages["classes"].items()}
    return numbers, {name: of for name, of in of_classes.items() if of[0] == of[0]}


def main():
    images = scenes()
    numbers, classes = asked(images)
    PLACE.write_text(json.dumps({"images": images, "numbers": numbers, "classes": classes}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
