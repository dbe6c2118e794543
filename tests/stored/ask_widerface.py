"""Writes widerface.json: faces and detections of images, and the AP that WIDER FACE's evaluation computes of them.

    python tests/stored/ask_widerface.py FOLDER

needs NumPy, SciPy and tqdm, and in FOLDER github.com/wondervictor/WiderFace-Evaluation (commit 53474e0). Its
`evaluation` is run as it is; a function in NumPy stands for the compiled `bbox_overlaps`, and nothing for IPython.
"""

import contextlib
import io
import json
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
from scipy.io import savemat

PLACE = Path(__file__).with_name("widerface.json")
EVENTS = ("0--Parade", "61--Street_Battle")
NAMES = ("ap_easy", "ap_medium", "ap_hard")


def scenes(seed=1, images=24):
    """Of each image its name, faces, their levels (4 in no list), and detections, best first."""
    numbers = np.random.default_rng(seed)
    found = []
    for number in range(images):
        event = EVENTS[number % 2]
        count = 0 if number == 5 else int(numbers.integers(1, 9))
        boxes = np.concatenate([numbers.integers(0, 300, (count, 2)), numbers.integers(6, 60, (count, 2))], axis=1)
        levels = numbers.choice([1, 2, 3, 4], count, p=[0.3, 0.25, 0.3, 0.15])
        detections = []
        for box in boxes:
            for _ in range(numbers.integers(0, 4)):
                detections.append(box + numbers.normal(0, 0.07 * box[2], 4))
        for _ in range(numbers.integers(1, 5)):
            detections.append([*numbers.uniform(0, 300, 2), *numbers.uniform(5, 50, 2)])
        rows = [[*np.round(row, 1), round(float(numbers.uniform(-1, 3)), 3)] for row in detections]
        rows.sort(key=lambda row: -row[4])
        found.append(
            {
                "image": f"{event}/{event[:2].rstrip('-')}_scene_{number}",
                "boxes": boxes.tolist(),
                "levels": levels.tolist(),
                "detections": [[float(value) for value in row] for row in rows],
            }
        )
    return found


def cells(values):
    """MATLAB's cell array, a column."""
    column = np.empty((len(values), 1), dtype=object)
    for row, value in enumerate(values):
        column[row, 0] = value
    return column


def write_tools(folder, images):
    """The four files of the evaluation tools."""
    by_event = [[image for image in images if image["image"].startswith(event + "/")] for event in EVENTS]
    files = cells([cells([image["image"].partition("/")[2] for image in own]) for own in by_event])
    boxes = cells([cells([np.array(image["boxes"], dtype=float).reshape(-1, 4) for image in own]) for own in by_event])
    events = cells(list(EVENTS))
    savemat(folder / "wider_face_val.mat", {"event_list": events, "file_list": files, "face_bbx_list": boxes})
    for level, name in enumerate(("easy", "medium", "hard"), 1):
        lists = cells(
            [
                cells([np.flatnonzero(np.array(image["levels"]) <= level).reshape(-1, 1) + 1 for image in own])
                for own in by_event
            ]
        )
        savemat(folder / f"wider_{name}_val.mat", {"gt_list": lists, "file_list": files, "event_list": events})


def write_results(folder, images):
    """A text for each image, in a folder for each event."""
    for image in images:
        path = folder / f"{image['image']}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [" ".join(map(repr, row)) for row in image["detections"]]
        path.write_text("\n".join([f"{image['image']}.jpg", str(len(lines)), *lines]) + "\n")


def overlaps(boxes, others):
    """`bbox_overlaps` in NumPy."""
    size = [side[:, 2:4] - side[:, :2] + 1 for side in (boxes, others)]
    first = np.maximum(boxes[:, None, :2], others[None, :, :2])
    shared = np.minimum(boxes[:, None, 2:4], others[None, :, 2:4]) - first + 1
    inner = np.where((shared > 0).all(axis=2), shared[..., 0] * shared[..., 1], 0.0)
    return inner / (size[0].prod(axis=1)[:, None] + size[1].prod(axis=1)[None, :] - inner)


def asked(images, tool):
    """The three numbers, as they are printed."""
    sys.modules["bbox"] = types.SimpleNamespace(bbox_overlaps=overlaps)
    sys.modules["IPython"] = types.SimpleNamespace(embed=None)
    sys.path.insert(0, str(tool))
    import evaluation

    told = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(told):
        place = Path(folder)
        (place / "tools").mkdir()
        write_tools(place / "tools", images)
        write_results(place / "results", images)
        evaluation.evaluation(str(place / "results"), str(place / "tools"))
    values = [float(line.split()[-1]) for line in told.getvalue().splitlines() if "Val AP" in line]
    return dict(zip(NAMES, values, strict=True))


def main():
    images = scenes()
    numbers = asked(images, Path(sys.argv[1]).resolve())
    PLACE.write_text(json.dumps({"images": images, "numbers": numbers}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
