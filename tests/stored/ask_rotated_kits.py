"""Writes rotated_kits.json: rotated boxes, and the AP that three packages compute of them.

    python tests/stored/ask_rotated_kits.py FOLDER

needs a C++ compiler, NumPy, PyTorch and pycocotools, and in FOLDER these files, which are run as they are:

- of DOTA_devkit (commit 9938855) `dota_evaluation_task1.py`, `polyiou.cpp` and `polyiou.h`,
- of detectron2 (commit 02b5c4e) `rotated_coco_evaluation.py` and `box_iou_rotated_utils.h`,
- of mmrotate 0.3.4 (commit b030f38) `eval_map.py`, of mmcv (commit a8073c7) `box_iou_rotated_utils.hpp`, and of
  mmdet (3.3) `mean_ap.py`, of which `average_precision` alone is run: it is that of mmdet 2.

What they import of their own packages is put in its place: their overlaps, compiled from these files as wheels are,
without fused multiplication, and classes that only hold boxes.
"""

import ast
import contextlib
import ctypes
import importlib.util
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import torch

PLACE = Path(__file__).with_name("rotated_kits.json")
LABELS = ["plane", "ship", "harbor"]

WRAPPER = """
#include <vector>
#include "{folder}/box_iou_rotated_utils.h"
namespace of_mmcv {{
#include "mmcv.hpp"
}}
#include "{folder}/polyiou.cpp"

extern "C" double polygons(const double *p, const double *q) {{
  return iou_poly(std::vector<double>(p, p + 8), std::vector<double>(q, q + 8));
}}
extern "C" double detectron2_boxes(const float *p, const float *q) {{
  return detectron2::single_box_iou_rotated<float>(p, q);
}}
extern "C" double mmcv_boxes(const float *p, const float *q) {{
  return of_mmcv::single_box_iou_rotated<float>(p, q, 0);
}}
"""


def scenes() -> tuple[list, list]:
    """Rows of ground truth (image, class, difficult, box) and of detections (image, class, score, box).

    Angles are in radians, clockwise; all numbers are of single precision.
    """
    numbers = np.random.default_rng(31)
    truth, found = [], []
    scores = (numbers.permutation(4000) / 4096).tolist()
    for image in range(40):
        for _ in range(numbers.integers(1, 12)):
            label = int(numbers.integers(3))
            box = [*numbers.uniform(50, 750, 2), *numbers.uniform(8, 90, 2), numbers.uniform(-np.pi, np.pi)]
            truth.append([image, label, int(numbers.random() < 0.15), rounded(box)])
            for _ in range(numbers.integers(0, 4)):
                moved = np.array(box) + numbers.normal(0, 1, 5) * [4, 4, 5, 5, 0.15]
                moved[2:4] = np.abs(moved[2:4]) + 1
                other = int(numbers.integers(3)) if numbers.random() < 0.1 else label
                found.append([image, other, scores.pop(), rounded(moved)])
    return truth, found


def rounded(box) -> list[float]:
    """Numbers that are the same in both precisions."""
    return np.round(box, 3).astype(np.float32).tolist()


def corners(box) -> list[float]:
    """Eight numbers of a box, to one decimal as DOTA has them."""
    x, y, width, height, angle = box
    along = np.array([np.cos(angle), np.sin(angle)]) * width / 2
    across = np.array([-np.sin(angle), np.cos(angle)]) * height / 2
    signs = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return np.round([[x, y] + a * along + b * across for a, b in signs], 1).ravel().tolist()


def compiled(folder: Path, work: Path) -> ctypes.CDLL:
    """The overlaps of all three."""
    # What it includes would else be in the namespace too.
    lines = (folder / "box_iou_rotated_utils.hpp").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("#include", "#pragma once"))]
    (work / "mmcv.hpp").write_text("\n".join(kept))
    source, library = work / "wrapper.cpp", work / "overlaps.so"
    source.write_text(WRAPPER.format(folder=folder.resolve()))
    subprocess.run(["g++", "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-o", library, source], check=True)
    overlaps = ctypes.CDLL(str(library))
    for function in (overlaps.polygons, overlaps.detectron2_boxes, overlaps.mmcv_boxes):
        function.restype = ctypes.c_double
    return overlaps


def pairwise(function):
    """All pairs of two tensors of boxes."""

    def of(first, second):
        def pointers(boxes):
            return [(ctypes.c_float * 5)(*row[:5]) for row in boxes.float().tolist()]

        rows, columns = pointers(first), pointers(second)
        values = [[function(row, column) for column in columns] for row in rows]
        return torch.tensor(values, dtype=torch.float32).reshape(len(rows), len(columns))

    return of


def module(path: Path, **imported: dict) -> ModuleType:
    """The module of a file, with modules of these names (`__` for a point) and contents in place of what it imports."""
    for name, content in imported.items():
        parts = name.split("__")
        for end in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:end]), ModuleType(".".join(parts[:end])))
        vars(sys.modules[".".join(parts)]).update(content)
    package = "kit.evaluation" if "kit__evaluation__coco_evaluation" in imported else ""
    spec = importlib.util.spec_from_file_location(f"{package}.{path.stem}".lstrip("."), path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def of_dota(folder: Path, work: Path, overlaps, truth: list, found: list) -> dict:
    """AP of each class by both curves."""
    numbers = ctypes.c_double * 8
    polyiou = {"VectorDouble": lambda row: numbers(*row), "iou_poly": overlaps.polygons}
    if not hasattr(np, "bool"):  # As of NumPy 1.24 to 1.26.
        np.bool = bool
    kit = module(folder / "dota_evaluation_task1.py", polyiou=polyiou, matplotlib__pyplot={})
    images = sorted({row[0] for row in truth})
    (work / "images.txt").write_text("\n".join(map(str, images)))
    for image in images:
        rows = [[*map(str, corners(row[3])), LABELS[row[1]], str(row[2])] for row in truth if row[0] == image]
        (work / f"{image}.txt").write_text("\n".join(map(" ".join, rows)))
    for number, label in enumerate(LABELS):
        rows = [[str(row[0]), repr(row[2]), *map(str, corners(row[3]))] for row in found if row[1] == number]
        (work / f"Task1_{label}.txt").write_text("\n".join(map(" ".join, rows)))
    paths = [str(work / part) for part in ("Task1_{:s}.txt", "{:s}.txt", "images.txt")]
    curves = {"eleven": True, "exact": False}
    return {
        name: [float(kit.voc_eval(*paths, label, 0.5, eleven)[2]) for label in LABELS]
        for name, eleven in curves.items()
    }


def of_detectron2(folder: Path, overlaps, truth: list, found: list) -> list[float]:
    """`stats`, of boxes in degrees, counter-clockwise; nothing is difficult."""
    from pycocotools.coco import COCO

    structures = {
        "BoxMode": None,
        "RotatedBoxes": lambda tensor: tensor,
        "pairwise_iou_rotated": pairwise(overlaps.detectron2_boxes),
    }
    kit = module(
        folder / "rotated_coco_evaluation.py",
        detectron2__structures=structures,
        detectron2__utils__file_io={"PathManager": None},
        kit__evaluation__coco_evaluation={"COCOEvaluator": object},
    )
    truth, found = degrees(truth), degrees(found)
    annotations = [
        {"id": id, "image_id": row[0], "category_id": row[1], "bbox": row[3], "area": area(row), "iscrowd": 0}
        for id, row in enumerate(truth, 1)
    ]
    gt = COCO()
    gt.dataset = {
        "images": [{"id": image} for image in sorted({row[0] for row in truth})],
        "annotations": annotations,
        "categories": [{"id": label} for label in range(len(LABELS))],
    }
    gt.createIndex()
    results = [{"image_id": row[0], "category_id": row[1], "score": row[2], "bbox": row[3]} for row in found]
    evaluator = kit.RotatedCOCOeval(gt, gt.loadRes(results), "bbox")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator.stats.tolist()


def area(row: list) -> float:
    """Of a box."""
    return row[3][2] * row[3][3]


def degrees(rows: list) -> list:
    """The same rows with angles in degrees, counter-clockwise, of single precision."""
    return [[*row[:3], [*row[3][:4], float(np.float32(-np.degrees(row[3][4])))]] for row in rows]


def of_mmrotate(folder: Path, overlaps, truth: list, found: list) -> dict:
    """AP of each class by both curves."""
    tree = ast.parse((folder / "mean_ap.py").read_text())
    function = next(node for node in tree.body if getattr(node, "name", None) == "average_precision")
    names: dict = {"np": np}
    exec(compile(ast.Module([function], []), "mean_ap.py", "exec"), names)
    kit = module(
        folder / "eval_map.py",
        mmcv__ops={"box_iou_rotated": pairwise(overlaps.mmcv_boxes)},
        mmcv__utils={"print_log": None},
        mmdet__core={"average_precision": names["average_precision"]},
        terminaltables={"AsciiTable": None},
    )
    pool = SimpleNamespace(starmap=lambda work, rows: [work(*row) for row in rows], close=lambda: None)
    kit.get_context = lambda name: SimpleNamespace(Pool=lambda count: pool)

    def of_class(image, label):
        rows = [[*row[3], row[2]] for row in found if row[0] == image and row[1] == label]
        return np.array(rows, dtype=np.float32).reshape(-1, 6)

    images = sorted({row[0] for row in truth})
    detections = [[of_class(image, label) for label in range(len(LABELS))] for image in images]
    annotations = []
    for image in images:
        own = {flag: [row for row in truth if row[0] == image and row[2] == flag] for flag in (0, 1)}
        boxes = [np.array([row[3] for row in own[flag]], dtype=np.float32).reshape(-1, 5) for flag in (0, 1)]
        labels = [np.array([row[1] for row in own[flag]], dtype=np.int64) for flag in (0, 1)]
        annotations.append(dict(zip(("bboxes", "bboxes_ignore"), boxes, strict=True)))
        annotations[-1] |= dict(zip(("labels", "labels_ignore"), labels, strict=True))
    curves = {"eleven": True, "exact": False}
    return {
        name: [
            float(row["ap"])
            for row in kit.eval_rbbox_map(detections, annotations, use_07_metric=eleven, logger="silent")[1]
        ]
        for name, eleven in curves.items()
    }


def main() -> None:
    """Compile, ask, store."""
    truth, found = scenes()
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()):
        overlaps = compiled(folder, Path(name))
        stored = {
            "labels": LABELS,
            "truth": {"radians": truth, "degrees": degrees(truth), "corners": [[*r[:3], corners(r[3])] for r in truth]},
            "found": {"radians": found, "degrees": degrees(found), "corners": [[*r[:3], corners(r[3])] for r in found]},
            "dota": of_dota(folder, Path(name), overlaps, truth, found),
            "detectron2": of_detectron2(folder, overlaps, truth, found),
            "mmrotate": of_mmrotate(folder, overlaps, truth, found),
        }
    PLACE.write_text(json.dumps(stored) + "\n")


if __name__ == "__main__":
    main()
