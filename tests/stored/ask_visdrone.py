"""Writes visdrone.json: annotations and results of images, and the numbers that VisDrone's toolkit computes of them.

    python tests/stored/ask_visdrone.py FOLDER

needs NumPy, Pillow and GNU Octave (7.3), and in FOLDER github.com/VisDrone/VisDrone2018-DET-toolkit (commit 0054457).
Its ``saveAnnoRes`` and ``calcAccuracy`` are run as they are; ``mean2``, which Octave has in a package, is defined here.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PLACE = Path(__file__).with_name("visdrone.json")
NAMES = ("ap", "ap50", "ap75", "ar_1", "ar_10", "ar_100", "ar_500")
PROGRAM = """
addpath('{toolkit}/utils');
function mean = mean2(values)
  mean = sum(values(:)) / numel(values);
end
names = findImageList('annotations');
[truth, found] = saveAnnoRes('annotations', 'results', 'images', length(names), names);
[a, b, c, d, e, f, g] = calcAccuracy(length(names), truth, found);
printf('numbers %.17g %.17g %.17g %.17g %.17g %.17g %.17g\\n', [a b c d e f g] / 100);
printf('left %d %d\\n', sum(cellfun(@rows, truth)), sum(cellfun(@rows, found)));
"""


def scenes(seed, whole, images=14, width=320, height=240):
    """The lines of both sides by image; boxes of detections in whole pixels or not."""
    numbers = np.random.default_rng(seed)
    truth, found = {}, {}
    for number in range(images):
        objects, detections = [], []
        for _ in range(numbers.integers(3, 25)):
            box = [*numbers.integers(0, (width - 10, height - 10)), *numbers.integers(5, 60, 2)]
            category = int(numbers.choice([1, 2, 3, 4, 5, 6, 8, 10, 11]))
            objects.append([*box, int(category < 11), category, 0, 0])
            for _ in range(numbers.integers(0, 4)):
                near = np.array(box) + numbers.normal(0, 3, 4)
                near[2:] = np.maximum(near[2:], 2)
                other = int(numbers.integers(1, 12)) if numbers.random() < 0.15 else category
                if other != 7:  # Nothing of this category is found.
                    detections.append([*(np.round(near) if whole else near), round(numbers.random(), 2), other, -1, -1])
        for _ in range(numbers.integers(0, 4)):
            region = [*numbers.integers(-5, (width, height)), *numbers.integers(0, 120, 2)]
            objects.append([*region, 0, 0, 0, 0])
        for _ in range(numbers.integers(1, 10)):
            box = [*numbers.uniform(-20, 300, 2), *numbers.uniform(5, 80, 2)]
            detections.append([*box, round(numbers.random() / 2, 2), int(numbers.integers(1, 11)), -1, -1])
        if number == 3:
            objects = [row for row in objects if row[5] == 0 or row[5] > 8] + [[5, 5, 30, 30, 1, 7, 0, 0]]
        detections.sort(key=lambda row: -row[4])
        for side, rows in ((truth, objects), (found, detections)):
            side[f"{number:07}"] = "".join(",".join(f"{float(value):.15g}" for value in row) + "\n" for row in rows)
    return truth, found, (height, width)


def asked(truth, found, size, toolkit):
    """The toolkit's numbers."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, side in (("annotations", truth), ("results", found)):
            (place / name).mkdir()
            for image, text in side.items():
                (place / name / f"{image}.txt").write_text(text)
        (place / "images").mkdir()
        for image in truth:
            Image.fromarray(np.zeros((*size, 3), dtype=np.uint8)).save(place / "images" / f"{image}.jpg")
        (place / "program.m").write_text(PROGRAM.format(toolkit=toolkit))
        command = ["octave", "--no-gui", "--quiet", "program.m"]
        lines = subprocess.run(command, cwd=place, check=True, capture_output=True, text=True).stdout.splitlines()
    told = {line.split()[0]: line.split()[1:] for line in lines if line}
    return dict(zip(NAMES, map(float, told["numbers"]), strict=True)), list(map(int, told["left"]))


def main():
    toolkit = Path(sys.argv[1]).resolve()
    stored = []
    for seed, whole in ((1, False), (2, True)):
        truth, found, size = scenes(seed, whole)
        numbers, left = asked(truth, found, size, toolkit)
        stored.append({"truth": truth, "found": found, "size": size, "numbers": numbers, "left": left})
    PLACE.write_text(json.dumps(stored) + "\n")


if __name__ == "__main__":
    main()
