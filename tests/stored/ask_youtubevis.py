"""Writes youtubevis.json: tracks of masks in videos, and the numbers that YouTube-VIS' evaluation computes of them.

    python tests/stored/ask_youtubevis.py FOLDER

needs NumPy and pycocotools, and in FOLDER of github.com/youtubevos/cocoapi (commit f3f9948) the files ``ytvos.py`` and
``ytvoseval.py``. They are of times when NumPy had `float` and took numbers of steps that are no integers; stand-ins are
given to them.
"""

import contextlib
import io
import json
import shutil
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
from pycocotools import mask

PLACE = Path(__file__).with_name("youtubevis.json")
SHAPE = (300, 400)
NAMES = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large"),
)


def ellipse(x, y, a, b):
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return ((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 1


def run_lengths(pixels):
    encoded = mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


def scenes(seed=2, videos=9):
    """A data set and results."""
    numbers = np.random.default_rng(seed)
    annotations, results, records = [], [], []
    for id in range(1, videos + 1):
        length = int(numbers.integers(2, 6))
        names = [f"v{id}/{frame:05}.jpg" for frame in range(length)]
        records.append({"id": id, "height": SHAPE[0], "width": SHAPE[1], "length": length, "file_names": names})
        for _ in range(numbers.integers(1, 5)):
            shape = np.array([*numbers.uniform((50, 50), SHAPE[::-1]), *numbers.choice([15, 40, 70, 110, 210], 2)])
            speed, category = numbers.normal(0, 8, 4) * [1, 1, 0.2, 0.2], int(numbers.integers(1, 4))
            there = numbers.random(length) < 0.8
            there[0] = True
            frames = [ellipse(*(shape + frame * speed)) if there[frame] else None for frame in range(length)]
            frames = [frame if frame is not None and frame.any() else None for frame in frames]
            segmentations = [None if frame is None else run_lengths(frame) for frame in frames]
            areas = [None if frame is None else int(frame.sum()) for frame in frames]
            record = {"id": len(annotations) + 1, "video_id": id, "category_id": category, "iscrowd": 0}
            annotations.append({**record, "segmentations": segmentations, "areas": areas, "length": length})
            for _ in range(numbers.integers(0, 4)):
                near, other = numbers.normal(0, 3, 4), category
                if numbers.random() < 0.15:
                    other = int(numbers.integers(1, 3))
                seen = numbers.random(length) < 0.85
                found = [
                    ellipse(*np.maximum(shape + frame * speed + near, 1)) if seen[frame] else None
                    for frame in range(length)
                ]
                tracks = [None if frame is None or not frame.any() else run_lengths(frame) for frame in found]
                score = round(float(numbers.random()), 3)
                results.append({"video_id": id, "category_id": other, "score": score, "segmentations": tracks})
        results.append({"video_id": id, "category_id": 1, "score": 0.4, "segmentations": [None] * length})
    categories = [{"id": id, "name": name} for id, name in enumerate(("person", "bird", "fish", "snail"), 1)]
    return {"videos": records, "categories": categories, "annotations": annotations}, results


def asked(truth, results, folder):
    """The numbers of the summary."""
    np.float, linspace = float, np.linspace
    np.linspace = lambda start, stop, steps, **options: linspace(start, stop, int(steps), **options)
    sys.modules["matplotlib"] = types.ModuleType("matplotlib")
    for name in ("pyplot", "collections", "patches"):
        module = sys.modules[f"matplotlib.{name}"] = types.ModuleType(name)
        module.PatchCollection = module.Polygon = None
        setattr(sys.modules["matplotlib"], name, module)
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()):
        package = Path(place) / "former"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "mask.py").write_text("from pycocotools.mask import *\n")
        for name in ("ytvos.py", "ytvoseval.py"):
            shutil.copy(folder / name, package)
        sys.path.insert(0, place)
        from former.ytvos import YTVOS
        from former.ytvoseval import YTVOSeval

        data = YTVOS()
        data.dataset = json.loads(json.dumps(truth))
        data.createIndex()
        (package / "results.json").write_text(json.dumps(results))
        evaluation = YTVOSeval(data, data.loadRes(str(package / "results.json")), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(NAMES, evaluation.stats.tolist(), strict=True))


def main():
    truth, results = scenes()
    numbers = asked(truth, results, Path(sys.argv[1]).resolve())
    PLACE.write_text(json.dumps({"truth": truth, "results": results, "numbers": numbers}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
