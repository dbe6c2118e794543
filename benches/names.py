"""CPU seconds of the packages under whose names meanap stands, and of meanap in their place.

    python benches/names.py                       every package that is installed
    python benches/names.py lvis pytrec_eval      some of them
    python benches/names.py --page docs/compat.md put the table into that page

Each run is a process of its own, the original and meanap in turns. Counted is the user and system time of the process
and its children from the call of the package's functions until the answer is there, imports and data in memory not;
of the rounds the least. The answers are compared; exit code 1 if one differs.
"""

import argparse
import contextlib
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from report import write_between_markers

IMAGES, PER_IMAGE = 500, 50


class Name(NamedTuple):
    """A package, what is done with it, and whose module each side is."""

    about: str
    original: str
    ours: str
    work: Callable  # module, folder -> a function that does the work and returns the answer


def _detection(kind):
    def prepare(folder):
        from meanap import generate

        paths = folder / f"{kind}.truth.json", folder / f"{kind}.json"
        if not paths[1].exists():
            truth = generate.dataset(images=IMAGES, seed=1, **({"kind": "keypoints"} if kind == "keypoints" else {}))
            found = generate.detections(truth, kind=kind, per_image=PER_IMAGE, seed=1)
            rng = np.random.default_rng(1)
            ids = [category["id"] for category in truth["categories"]]
            for category in truth["categories"]:
                category["frequency"] = "rcf"[rng.integers(3)]
            for image in truth["images"]:
                image["neg_category_ids"] = rng.choice(ids, max(1, len(ids) // 3), replace=False).tolist()
                image["not_exhaustive_category_ids"] = rng.choice(ids, max(1, len(ids) // 10), replace=False).tolist()
            for path, content in zip(paths, (truth, found), strict=True):
                path.write_text(json.dumps(content))
        return tuple(map(str, paths))

    return prepare


def _coco(kind):
    def work(package, folder):
        coco, cocoeval = (importlib.import_module(f"{package}.{name}") for name in ("coco", "cocoeval"))
        truth, found = _detection(kind)(folder)

        def run():
            ground_truth = coco.COCO(truth)
            evaluator = cocoeval.COCOeval(ground_truth, ground_truth.loadRes(found), kind)
            evaluator.evaluate()
            evaluator.accumulate()
            evaluator.summarize()
            return list(map(float, evaluator.stats))

        return run

    return work


def _faster(kind):
    def work(package, folder):
        module = importlib.import_module(package)
        truth, found = _detection(kind)(folder)

        def run():
            ground_truth = module.COCO(truth)
            evaluator = module.COCOeval_faster(ground_truth, ground_truth.loadRes(found), kind)
            evaluator.run()
            return list(evaluator.stats_as_dict.values())

        return run

    return work


def _lvis(package, folder):
    np.float = float  # lvis 0.5.3 is of a time in which NumPy had it.
    module = importlib.import_module(package)
    truth, found = _detection("bbox")(folder)

    def run():
        evaluation = module.LVISEval(truth, found, "bbox")
        evaluation.run()
        return [float(value) for value in evaluation.get_results().values()]

    return run


def _torchmetrics(package, folder):
    import torch

    metric = importlib.import_module(package).MeanAveragePrecision(box_format="xywh")
    sides = [json.loads(Path(path).read_text()) for path in _detection("bbox")(folder)]
    images = [image["id"] for image in sides[0]["images"]]
    batches = []
    for records, scored in ((sides[1], True), (sides[0]["annotations"], False)):
        of_image = {image: [] for image in images}
        for record in records:
            of_image[record["image_id"]].append(record)
        side = []
        for rows in of_image.values():
            boxes = torch.tensor([row["bbox"] for row in rows], dtype=torch.float32).reshape(-1, 4)
            item = {"boxes": boxes, "labels": torch.tensor([row["category_id"] for row in rows], dtype=torch.long)}
            if scored:
                item["scores"] = torch.tensor([row["score"] for row in rows])
            side.append(item)
        batches.append(side)

    def run():
        for first in range(0, len(images), 50):
            metric.update(*(side[first : first + 50] for side in batches))
        return [float(value) for value in metric.compute().values() if value.numel() == 1]

    return run


def _detectron2(package, folder):
    import torch
    from detectron2 import structures
    from detectron2.data import MetadataCatalog
    from detectron2.data.datasets import register_coco_instances

    paths = _detection("bbox")(folder)
    truth, found = (json.loads(Path(path).read_text()) for path in paths)
    categories = sorted(truth["categories"], key=lambda category: category["id"])
    classes = {category["id"]: n for n, category in enumerate(categories)}
    register_coco_instances("data", {}, paths[0], "")
    names = [category["name"] for category in categories]
    MetadataCatalog.get("data").set(thing_classes=names, thing_dataset_id_to_contiguous_id=classes)
    outputs = {image["id"]: [] for image in truth["images"]}
    for record in found:
        outputs[record["image_id"]].append(record)
    pairs = []
    for image, rows in outputs.items():
        instances = structures.Instances((480, 640))
        boxes = torch.tensor([row["bbox"] for row in rows]).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        instances.pred_boxes = structures.Boxes(boxes)
        instances.scores = torch.tensor([row["score"] for row in rows])
        instances.pred_classes = torch.tensor([classes[row["category_id"]] for row in rows])
        pairs.append(([{"image_id": image}], [{"instances": instances}]))
    evaluator = importlib.import_module(package).COCOEvaluator("data", ("bbox",), False, use_fast_impl=False)

    def run():
        evaluator.reset()
        for inputs, found in pairs:
            evaluator.process(inputs, found)
        return list(evaluator.evaluate()["bbox"].values())

    return run


def _panoptic(package, folder):
    from workloads import registry

    workload = registry()["panoptic"]
    if not (folder / "truth.json").exists():
        workload.make(folder)
    compute = importlib.import_module(package).pq_compute

    def run():
        results = compute(str(folder / "truth.json"), str(folder / "found.json"))
        # Its processes share the images out, and add in another order.
        return [round(results[group][key], 12) for group in ("All", "Things", "Stuff") for key in ("pq", "sq", "rq")]

    return run


def _rankings(queries=5000, documents=100):
    rng = np.random.default_rng(1)
    qrels, run = {}, {}
    for query in range(queries):
        ids = [f"d{id}" for id in rng.choice(100_000, documents, replace=False)]
        scores = rng.permutation(documents) / documents
        run[f"q{query}"] = dict(zip(ids, scores.tolist(), strict=True))
        qrels[f"q{query}"] = dict(zip(ids[::2], rng.integers(0, 4, documents // 2).tolist(), strict=True))
    return qrels, run


def _pytrec_eval(package, _):
    module = importlib.import_module(package)
    qrels, run = _rankings()

    def work():
        found = module.RelevanceEvaluator(qrels, {"map", "ndcg", "P", "recall", "recip_rank"}).evaluate(run)
        return [value for of_query in found.values() for _, value in sorted(of_query.items())]

    return work


def _ml_metrics(package, _):
    module = importlib.import_module(package)
    rng = np.random.default_rng(1)
    actual = [rng.choice(1000, 20, replace=False).tolist() for _ in range(20_000)]
    predicted = [rng.choice(1000, 50, replace=False).tolist() for _ in range(20_000)]
    return lambda: [float(module.mapk(actual, predicted, 10))]


def _sklearn(package, _):
    module = importlib.import_module(package)
    rng = np.random.default_rng(1)
    truth, scores = rng.random(1_000_000) < 0.1, rng.random(1_000_000)
    return lambda: [float(module.average_precision_score(truth, scores))]


NAMES = {
    "pycocotools": Name(
        f"boxes, {IMAGES} images, {IMAGES * PER_IMAGE:,} detections, from files",
        "pycocotools",
        "meanap.compat.pycocotools",
        _coco("bbox"),
    ),
    "pycocotools masks": Name("the same with masks", "pycocotools", "meanap.compat.pycocotools", _coco("segm")),
    "faster_coco_eval": Name("boxes", "faster_coco_eval", "meanap.compat.faster_coco_eval", _faster("bbox")),
    "faster_coco_eval masks": Name("masks", "faster_coco_eval", "meanap.compat.faster_coco_eval", _faster("segm")),
    "lvis": Name("boxes", "lvis", "meanap.compat.lvis", _lvis),
    "xtcocotools": Name("poses", "xtcocotools", "meanap.compat.xtcocotools", _coco("keypoints")),
    "torchmetrics": Name(
        "boxes, `update` of 50 images at a time and `compute`",
        "torchmetrics.detection",
        "meanap.compat.torchmetrics",
        _torchmetrics,
    ),
    "detectron2": Name(
        "boxes, `process` of each image and `evaluate`",
        "detectron2.evaluation",
        "meanap.compat.detectron2",
        _detectron2,
    ),
    "panopticapi": Name(
        "the data of `make bench`, PNG files", "panopticapi.evaluation", "meanap.compat.panopticapi", _panoptic
    ),
    "pytrec_eval": Name(
        "5,000 queries with 100 documents, five measures", "pytrec_eval", "meanap.compat.pytrec_eval", _pytrec_eval
    ),
    "ml_metrics": Name("`mapk` of 20,000 lists of 50 at 10", "ml_metrics", "meanap.compat.ml_metrics", _ml_metrics),
    "sklearn": Name(
        "`average_precision_score` of 1,000,000 scores", "sklearn.metrics", "meanap.compat.sklearn", _sklearn
    ),
}


def once(name: str, module: str, folder: Path) -> dict:
    """Does the work in this process."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        run = NAMES[name].work(module, folder)
        before = _cpu_seconds()
        answer = run()
        return {"seconds": _cpu_seconds() - before, "answer": answer}


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measured(name: str, rounds: int, folder: Path) -> tuple[float, float, bool] | str:
    """Least CPU seconds of the original and of meanap, and whether the answers agree; or why there are none."""
    entry = NAMES[name]
    runs: dict[str, list[dict]] = {entry.original: [], entry.ours: []}
    for _ in range(rounds):
        for module, found in runs.items():
            command = [sys.executable, "-W", "ignore", __file__, "--once", name, module, str(folder)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                return done.stderr.strip().splitlines()[-1]
            found.append(json.loads(done.stdout))
    theirs, ours = ([run["seconds"] for run in found] for found in runs.values())
    answers = [found[0]["answer"] for found in runs.values()]
    same = len(answers[0]) == len(answers[1]) and np.allclose(*answers, rtol=1e-6, atol=1e-9, equal_nan=True)
    return min(theirs), min(ours), same


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--once"]:
        print(json.dumps(once(arguments[1], arguments[2], Path(arguments[3]))))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--page", type=Path, help="a Markdown file, between whose markers the table goes")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in NAMES:
            parser.error(f"no name {name!r}; there are {', '.join(NAMES)}")
    lines = ["| name | work | original, CPU s | meanap, CPU s | ratio |", "|---|---|---:|---:|---:|"]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names or NAMES:
            found = measured(name, options.rounds, Path(folder))
            if isinstance(found, str):
                print(f"{name}: {found}", file=sys.stderr)
                continue
            theirs, ours, same = found
            failed |= not same
            mark = "" if same else " (the answers differ)"
            lines.append(
                f"| {name} | {NAMES[name].about} | {theirs:.2f} | {ours:.3f} | {theirs / ours:.1f} times{mark} |"
            )
            print(lines[-1], flush=True)
    if options.page:
        write_between_markers(options.page, "\n".join(lines), "names")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
