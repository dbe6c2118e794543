"""Writes crowdpose.json: persons, poses that were found, and what crowdposetools says of them.

    python tests/stored/ask_crowdposetools.py FOLDER

needs NumPy and pycocotools, and in FOLDER `coco.py` and `cocoeval.py` of CrowdPose (commit 86fe5e1,
`crowdpose-api/PythonAPI/crowdposetools`), which are run as they are: what they import of masks is pycocotools', and
matplotlib, which they do not use, is put in its place.
"""

import contextlib
import importlib.util
import io
import json
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pycocotools.mask

PLACE = Path(__file__).with_name("crowdpose.json")
KEYPOINTS = 14


def scenes() -> tuple[dict, list]:
    """A data set as CrowdPose has it, without areas, and results."""
    numbers = np.random.default_rng(41)
    images, annotations, results = [], [], []
    for image in range(100, 148):
        index = float(np.round(numbers.choice([0.0, 0.1, 0.2, 0.5, 0.8, 0.9]), 2))
        images.append({"id": image, "width": 640, "height": 480, "crowdIndex": index})
        for _ in range(numbers.integers(1, 6)):
            box = [float(x) for x in np.round([*numbers.uniform(0, 400, 2), *numbers.uniform(30, 200, 2)], 1)]
            points = numbers.uniform(0, 1, (KEYPOINTS, 2)) * box[2:] + box[:2]
            flags = numbers.integers(0, 3, KEYPOINTS) * (numbers.random() > 0.1)
            record = {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "bbox": box, "iscrowd": 0}
            pose = {"keypoints": flat(points, flags), "num_keypoints": int((flags == 2).sum())}
            annotations.append({**record, **pose})
            for _ in range(numbers.integers(0, 3)):
                moved = points + numbers.normal(0, 1, (KEYPOINTS, 2)) * numbers.uniform(0.5, 14)
                found = {"image_id": image, "category_id": 1, "keypoints": flat(moved, np.full(KEYPOINTS, 2))}
                results.append({**found, "score": float(numbers.uniform())})
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}, results


def flat(points: np.ndarray, flags: np.ndarray) -> list[float]:
    """x, y and visibility in turn."""
    return np.column_stack([np.round(points, 2), flags]).ravel().tolist()


def package(folder: Path) -> tuple[ModuleType, ModuleType]:
    """The two modules."""
    for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.collections", "matplotlib.patches"):
        sys.modules[name] = ModuleType(name)
    sys.modules["matplotlib.collections"].PatchCollection = sys.modules["matplotlib.patches"].Polygon = None
    sys.modules["crowdposetools"] = ModuleType("crowdposetools")
    sys.modules["crowdposetools"].__path__ = []
    sys.modules["crowdposetools"].mask = sys.modules["crowdposetools.mask"] = pycocotools.mask
    made = []
    for name in ("coco", "cocoeval"):
        spec = importlib.util.spec_from_file_location(f"crowdposetools.{name}", folder / f"{name}.py")
        made.append(importlib.util.module_from_spec(spec))
        spec.loader.exec_module(made[-1])
    return made[0], made[1]


def main() -> None:
    """Ask, store."""
    coco, cocoeval = package(Path(sys.argv[1]))
    np.float = float  # Newer versions of NumPy lack it.
    truth, results = scenes()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        paths = str(Path(folder, "truth.json")), str(Path(folder, "found.json"))
        for path, content in zip(paths, (truth, results), strict=True):
            Path(path).write_text(json.dumps(content))
        gt = coco.COCO(paths[0])
        evaluator = cocoeval.COCOeval(gt, gt.loadRes(paths[1]), "keypoints")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    names = {0: "ap", 1: "ap50", 2: "ap75", 5: "ar", 6: "ar50", 7: "ar75", 8: "ap_easy", 9: "ap_medium", 10: "ap_hard"}
    stats = {name: float(evaluator.stats[place]) for place, name in names.items()}
    PLACE.write_text(json.dumps({"truth": truth, "results": results, "stats": stats}) + "\n")


if __name__ == "__main__":
    main()
