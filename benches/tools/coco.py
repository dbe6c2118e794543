"""COCO evaluation with each tool: ground truth from its file, detections as given, all the way to `stats`."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from workloads import Workload


def workload(name: str, about: str, kind: str, given: str = "file", reference: str = "pycocotools") -> Workload:
    """A workload of `meanap.generate`, its detections given as "file", "dicts" or "array".

    Where the grid of images and categories is too large for the tools that make something for each of its cells,
    `reference` is another tool, and only those run that can.
    """
    tools = TOOLS if reference == "pycocotools" else {tool: TOOLS[tool] for tool in SPARSE}
    return Workload(
        name=name if given == "file" else f"{name}-{given}",
        about=about,
        data=name,
        make=partial(_make, name=name),
        entrants={tool: partial(_entrant, evaluate, name, kind, given) for tool, evaluate in tools.items()},
        reference=reference,
    )


def _make(folder: Path, name: str, images: int | None = None):
    from sizes import write_files

    write_files(folder, name, images=images)


def _entrant(evaluate, name, kind, given, folder):
    truth = str(folder / f"{name}.truth.json")
    detections = str(folder / f"{name}.detections.json")
    if given == "dicts":
        detections = json.loads(Path(detections).read_bytes())
    if given == "array":
        detections = _rows(folder, name)
    return evaluate(truth, detections, kind)


def _rows(folder, name):
    """The detections as an N x 7 array, stored in a file: else the dictionaries would be the peak of the memory."""
    import numpy as np

    path = folder / "rows" / f"{name}.npy"
    if not path.exists():
        code = "import sys; from pathlib import Path; from tools.coco import write_rows; "
        code += "write_rows(Path(sys.argv[1]), Path(sys.argv[2]))"
        source = folder / f"{name}.detections.json"
        subprocess.run([sys.executable, "-c", code, str(source), str(path)], check=True, cwd=Path(__file__).parents[1])
    return np.load(path)


def write_rows(detections: Path, path: Path):
    """Turn a results file into rows: image id, x, y, width, height, score, category id."""
    import numpy as np

    records = json.loads(detections.read_bytes())
    rows = [(r["image_id"], *r["bbox"], r["score"], r["category_id"]) for r in records]
    path.parent.mkdir(exist_ok=True)
    np.save(path, np.array(rows, dtype=np.float64))


def _answer(evaluator):
    """The summary and, where the tool has them, the arrays that it was made from."""
    arrays = {name: evaluator.eval[name] for name in ("precision", "recall", "scores")}
    return {"stats": evaluator.stats, **arrays}


def _meanap(truth, detections, kind):
    from meanap import COCO, COCOeval

    return _as_pycocotools(COCO, COCOeval, truth, detections, kind)


def _pycocotools(truth, detections, kind):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return _as_pycocotools(COCO, COCOeval, truth, detections, kind)


def _faster_coco_eval(truth, detections, kind):
    from faster_coco_eval import COCO, COCOeval_faster

    return _as_pycocotools(COCO, COCOeval_faster, truth, detections, kind)


def _as_pycocotools(COCO, COCOeval, truth, detections, kind):
    def work():
        ground_truth = COCO(truth)
        evaluator = COCOeval(ground_truth, ground_truth.loadRes(detections), kind)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
        return partial(_answer, evaluator)

    return work


def _hotcoco(truth, detections, kind):
    from hotcoco import COCO, COCOeval

    def work():
        ground_truth = COCO(truth)
        evaluator = COCOeval(ground_truth, ground_truth.load_res(detections), kind)
        evaluator.run()
        evaluator.stats  # noqa: B018 (so that nothing is left for after the clock)
        return partial(_answer, evaluator)

    return work


def _ultrafast_pycocotools(truth, detections, kind):
    from ultrafast_pycocotools import COCO, COCOeval

    def work():
        ground_truth = COCO(truth)
        evaluator = COCOeval(ground_truth, ground_truth.loadRes(detections), kind)
        evaluator.run()
        return partial(_answer, evaluator)

    return work


def _vernier(truth, detections, kind):
    from vernier.instance import Bbox, Boundary, CocoDataset, Evaluator, Keypoints, Segm

    similarity = {"bbox": Bbox, "segm": Segm, "boundary": Boundary, "keypoints": Keypoints}[kind]()

    def work():
        ground_truth = CocoDataset.from_json(Path(truth).read_bytes())
        given = Path(detections).read_bytes() if isinstance(detections, str) else detections
        evaluator = Evaluator(iou=similarity, parity_mode="strict")
        summary = evaluator.evaluate(ground_truth, given, num_threads=os.cpu_count())
        return lambda: {"stats": list(summary.stats)}

    return work


TOOLS = {
    "meanap": _meanap,
    "ultrafast-pycocotools": _ultrafast_pycocotools,
    "hotcoco": _hotcoco,
    "vernier": _vernier,
    "faster-coco-eval": _faster_coco_eval,
    "pycocotools": _pycocotools,
}

# Those whose memory does not grow with images x categories.
SPARSE = ("meanap", "ultrafast-pycocotools", "hotcoco")
