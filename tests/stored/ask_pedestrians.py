"""Writes pedestrians.json: scenes of CrowdHuman and CityPersons, and the numbers of their evaluations.

    python tests/stored/ask_pedestrians.py CROWDDET CITYPERSONS

needs NumPy and tqdm, and copies of github.com/Purkialo/CrowdDet (commit fa0b55b) and
github.com/cvgroup-njust/CityPersons (commit 839c22f). Of the first `compute_APMR` and `compute_JI_with_ignore` with
`gather` are run, of the second the class `COCOeval` of ``eval_MR_multisetup.py``, for the four subsets. It is of the
times when NumPy had `float` and took numbers of steps that are no integers, and imports libraries for pictures;
stand-ins are given to it.
"""

import contextlib
import io
import json
import sys
import tempfile
import types
from pathlib import Path

import numpy as np

PLACE = Path(__file__).with_name("pedestrians.json")
SUBSETS = ("citypersons", "citypersons-small", "citypersons-heavy", "citypersons-all")


def crowd_scenes(seed, images=24, width=300, height=200):
    """Records of both sides."""
    numbers = np.random.default_rng(seed)
    truth, found = [], []
    for number in range(images):
        objects, detections, compared = [], [], []
        for _ in range(numbers.integers(1, 16)):
            x, y = numbers.integers((-15, -10), (width - 5, height - 8)).tolist()
            w, h = numbers.integers((10, 20), (50, 110)).tolist()
            ignored, tag = bool(numbers.random() < 0.15), "mask" if numbers.random() < 0.12 else "person"
            objects.append(
                {
                    "tag": tag,
                    "fbox": [x, y, w, h],
                    "hbox": [x, y, w // 2, h // 4],
                    "head_attr": {"ignore": int(numbers.random() < 0.1)},
                    "extra": {"ignore": 1} if ignored else {"box_id": 1},
                }
            )
            compared.append({"box": [x, y, w, h], "tag": -1 if ignored or tag == "mask" else 1})
            near = [np.array([x, y, w, h]) + numbers.normal(0, 5, 4) for _ in range(numbers.integers(0, 4))]
            near += [np.array([x + 2, y + 3, w / 2, h / 2])] * (3 if tag == "mask" else 0)
            for box in near:
                box = np.round([*box[:2], *np.maximum(box[2:], 3)], 2).tolist()
                detections.append({"box": box, "score": round(float(numbers.random()), 5)})
        for _ in range(numbers.integers(1, 6)):
            box = np.round([*numbers.uniform(-10, 200, 2), *numbers.uniform(5, 60, 2)], 2).tolist()
            detections.append({"box": box, "score": round(float(numbers.random() * 0.6), 5)})
        id = f"im{number:03}"
        truth.append({"ID": id, "gtboxes": objects})
        size = {"height": height, "width": width}
        found.append({"ID": id, **size, "dtboxes": detections, "gtboxes": compared})
    return truth, found


def of_crowddet(truth, found, folder):
    """AP, log-average miss rate and Jaccard index, and the Jaccard index at each score."""
    sys.path.insert(0, str(folder / "lib"))
    from evaluate import compute_APMR, compute_JI

    with tempfile.TemporaryDirectory() as place:
        paths = [f"{place}/{name}.odgt" for name in ("truth", "found")]
        for path, records in zip(paths, (truth, found), strict=True):
            Path(path).write_text("".join(json.dumps(record) + "\n" for record in records))
        ap, rate = compute_APMR.compute_APMR(paths[1], paths[0], "box")

    class Queue(list):
        put_nowait = list.append

    indices = []
    for step in range(10):
        results = Queue()
        compute_JI.compute_JI_with_ignore(results, found, 1e-1 * step, "box")
        indices.append(float(compute_JI.gather(results)[1]))
    return {"ap": float(ap), "mr": float(rate), "ji": max(indices), "indices": indices}


def city_scenes(seed, images=110, width=1024, height=512):
    """A data set and results."""
    numbers = np.random.default_rng(seed)
    pictures, annotations, results = [], [], []
    for id in range(1, images + 1):
        pictures.append({"id": id, "im_name": f"frankfurt_{id:06}_leftImg8bit.png", "height": height, "width": width})
        for _ in range(numbers.integers(0, 6)):
            h = int(numbers.choice([15, 19, 20, 30, 49, 50, 60, 75, 76, 120, 200]))
            w = int(h * 0.41)
            x, y = numbers.integers(0, (width - w, height - h)).tolist()
            ignored, visible = int(numbers.random() < 0.15), float(numbers.choice([0.1, 0.2, 0.4, 0.64, 0.65, 0.9, 1]))
            record = {"id": len(annotations) + 1, "image_id": id, "category_id": 1, "iscrowd": 0, "ignore": ignored}
            annotations.append({**record, "bbox": [x, y, w, h], "height": h, "vis_ratio": visible})
            for _ in range(numbers.integers(0, 3)):
                box = np.round(np.array([x, y, w, h]) + numbers.normal(0, 0.05 * h, 4), 2).tolist()
                results.append({"image_id": id, "category_id": 1, "bbox": box, "score": round(numbers.random(), 4)})
        for _ in range(numbers.integers(0, 3)):
            h = float(numbers.choice([16, 40, 62.5, 93.75, 94, numbers.uniform(15, 150)]))
            box = np.round([*numbers.uniform(0, (900, 300)), 0.41 * h, h], 2).tolist()
            results.append({"image_id": id, "category_id": 1, "bbox": box, "score": round(numbers.random() * 0.7, 4)})
    names = ("ignore region", "pedestrian", "rider", "sitting person", "other person", "people group")
    categories = [{"id": id, "name": name} for id, name in enumerate(names)]
    return {"categories": categories, "images": pictures, "annotations": annotations}, results


def of_citypersons(truth, results, folder):
    """The log-average miss rate of each subset."""
    for name in (
        "matplotlib",
        "matplotlib.pyplot",
        "matplotlib.collections",
        "matplotlib.patches",
        "scipy",
        "scipy.io",
    ):
        module = sys.modules[name] = types.ModuleType(name)
        module.PatchCollection = module.Polygon = module.pyplot = module.io = None
    np.float, linspace = float, np.linspace
    np.linspace = lambda start, stop, steps, **options: linspace(start, stop, int(steps), **options)
    sys.path.insert(0, str(folder / "evaluation" / "eval_script"))
    from coco import COCO
    from eval_MR_multisetup import COCOeval

    rates = {}
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()):
        paths = [f"{place}/{name}.json" for name in ("truth", "found")]
        for path, value in zip(paths, (truth, results), strict=True):
            Path(path).write_text(json.dumps(value))
        for subset, name in enumerate(SUBSETS):
            data = COCO(paths[0])
            evaluation = COCOeval(data, data.loadRes(paths[1]), "bbox")
            evaluation.evaluate(subset)
            evaluation.accumulate()
            # As `summarize`, which writes two digits.
            missed = 1 - evaluation.eval["TP"]
            rates[name] = float(np.exp(np.mean(np.log(missed[missed < 2]))))
    return rates


def main():
    crowddet, citypersons = (Path(path).resolve() for path in sys.argv[1:])
    truth, found = crowd_scenes(1)
    crowd = {"truth": truth, "found": found, "numbers": of_crowddet(truth, found, crowddet)}
    truth, found = city_scenes(1)
    city = {"truth": truth, "found": found, "numbers": of_citypersons(truth, found, citypersons)}
    PLACE.write_text(json.dumps({"crowdhuman": crowd, "citypersons": city}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
