"""Metric objects of training loops: batches of images in, numbers out. Input is made before the clock starts."""

import json
from functools import partial
from pathlib import Path

from tools import coco
from workloads import Workload

_STATS = [
    *("map", "map_50", "map_75", "map_small", "map_medium", "map_large"),
    *("mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large"),
]


def whole_set(name: str, about: str, data: str, batch: int) -> Workload:
    """A data set of `meanap.generate`, so many images at a time, to the summary."""
    return Workload(
        name=name,
        about=about,
        data=data,
        make=partial(coco._make, name=data),
        entrants={tool: partial(_summary, open_metric, data, batch) for tool, open_metric in METRICS.items()}
        | {"pycocotools": partial(_at_once, data)},
        reference="pycocotools",
    )


def single_images(name: str, about: str, images: int, detections: int) -> Workload:
    """One image at a time, to the summary: some tools only store an image's boxes until the end."""
    return Workload(
        name=name,
        about=about,
        data=name,
        make=partial(_make_images, name=name, images=images, detections=detections),
        entrants={tool: partial(_summary, open_metric, name, 1) for tool, open_metric in METRICS.items()}
        | {"pycocotools": partial(_at_once, name)},
        reference="pycocotools",
    )


def _make_images(folder: Path, name, images, detections):
    """Images with a few objects, each found several times over."""
    import numpy as np

    rng = np.random.default_rng(0)
    truths, found = [], []
    for image in range(1, images + 1):
        boxes = np.concatenate([rng.uniform(0, 400, (8, 2)), rng.uniform(8, 200, (8, 2))], axis=1).round(2)
        labels = rng.integers(1, 81, 8)
        for box, label in zip(boxes.tolist(), labels.tolist(), strict=True):
            record = {"id": len(truths) + 1, "image_id": image, "category_id": label, "bbox": box}
            truths.append({**record, "area": box[2] * box[3], "iscrowd": 0})
        which = rng.integers(0, 8, detections)
        near = (boxes[which] + rng.normal(0, 5, (detections, 4))).clip(1).round(2)
        for box, label, score in zip(near.tolist(), labels[which].tolist(), rng.random(detections), strict=True):
            found.append({"image_id": image, "category_id": label, "bbox": box, "score": round(score, 4)})
    truth = {
        "images": [{"id": image, "width": 640, "height": 640} for image in range(1, images + 1)],
        "categories": [{"id": label, "name": str(label)} for label in range(1, 81)],
        "annotations": truths,
    }
    (folder / f"{name}.truth.json").write_text(json.dumps(truth))
    (folder / f"{name}.detections.json").write_text(json.dumps(found))


def _read(folder, name):
    """The truth, and for each image its id, annotations and detections."""
    truth, found = (json.loads((folder / f"{name}.{side}.json").read_bytes()) for side in ("truth", "detections"))
    images = {image["id"]: ([], []) for image in truth["images"]}
    for side, records in enumerate((truth["annotations"], found)):
        for record in records:
            images[record["image_id"]][side].append(record)
    return truth, [(image, *sides) for image, sides in images.items()]


def _arrays(records):
    import numpy as np

    fields = {
        "boxes": np.array([record["bbox"] for record in records]).reshape(-1, 4),
        "labels": np.array([record["category_id"] for record in records], dtype=np.int64),
    }
    if records and "score" in records[0]:
        return fields | {"scores": np.array([record["score"] for record in records])}
    if records and "iscrowd" in records[0]:
        fields["iscrowd"] = np.array([record["iscrowd"] for record in records], dtype=np.int64)
        fields["area"] = np.array([record["area"] for record in records])
    return fields


def _summary(open_metric, name, batch, folder):
    truth, images = _read(folder, name)
    batches = [images[first : first + batch] for first in range(0, len(images), batch)]
    metric = open_metric(truth)
    prepared = [metric.prepare(batch) for batch in batches]
    del truth, images, batches

    def work():
        for arguments in prepared:
            metric.update(*arguments)
        numbers = metric.compute()
        return lambda: _laid_out(numbers)

    return work


def _at_once(name, folder):
    work = coco._entrant(coco._pycocotools, name, "bbox", "file", folder)

    def timed():
        lay_out = work()
        return lambda: _laid_out(lay_out()["stats"])

    return timed


def _laid_out(stats):
    """The summary as it is, and rounded for those that keep single precision; nothing for those that have none."""
    import numpy as np

    if stats is None:
        return {}
    stats = np.asarray(stats)
    rounded = {"rounded": np.round(stats.astype(np.float64), 6)}
    return rounded | ({"stats": stats} if stats.dtype == np.float64 else {})


class _Meanap:
    def __init__(self, truth):
        from meanap import MeanAveragePrecision

        self.metric = MeanAveragePrecision(protocol="coco", box_format="xywh")
        self.update = self.metric.update

    def prepare(self, images):
        return [_detections(found) for _, _, found in images], [_arrays(truths) for _, truths, _ in images]

    def compute(self):
        numbers = self.metric.compute()
        return [numbers[name] for name in _STATS]


def _detections(records):
    import numpy as np

    return {"scores": np.zeros(0)} | _arrays(records)


class _Torchmetrics:
    def __init__(self, backend, truth):
        import numpy as np
        from torchmetrics.detection import MeanAveragePrecision

        self.metric = MeanAveragePrecision(
            box_format="xywh",
            backend=backend,
            iou_thresholds=np.linspace(0.5, 0.95, 10).tolist(),
            rec_thresholds=np.linspace(0, 1, 101).tolist(),
        )
        self.update = self.metric.update

    def prepare(self, images):
        import torch

        def tensors(fields):
            return {name: torch.from_numpy(value) for name, value in fields.items()}

        found = [tensors(_detections(found)) for _, _, found in images]
        return found, [tensors(_arrays(truths)) for _, truths, _ in images]

    def compute(self):
        import numpy as np

        numbers = self.metric.compute()
        return np.array([numbers[name].item() for name in _STATS], dtype=np.float32)


class _Ultrafast:
    """Counts hits at ten thresholds for precision, recall and F1; it draws no curves."""

    def __init__(self, truth):
        import numpy as np
        from ultrafast_pycocotools.metrics import DetectionMetrics

        self.metric = DetectionMetrics(
            iou_thrs=np.linspace(0.5, 0.95, 10), box_format="xywh", max_dets=100, batch_results=False
        )
        self.update = self.metric.update

    def prepare(self, images):
        return _Meanap.prepare(self, images)

    def compute(self):
        self.metric.compute()


class _Hotcoco:
    def __init__(self, truth):
        from hotcoco import StreamingEval

        self.images = {image["id"]: image for image in truth["images"]}
        self.metric = StreamingEval(truth["categories"])
        self.update = self.metric.update

    def prepare(self, images):
        import numpy as np

        rows = [(r["image_id"], *r["bbox"], r["score"], r["category_id"]) for _, _, found in images for r in found]
        truths = [truth for _, truths, _ in images for truth in truths]
        return [self.images[image] for image, _, _ in images], truths, np.array(rows).reshape(-1, 7)

    def compute(self):
        evaluation = self.metric.finalize()
        evaluation.accumulate()
        evaluation.summarize()
        return evaluation.stats


METRICS = {
    "meanap": _Meanap,
    "ultrafast-pycocotools": _Ultrafast,
    "hotcoco": _Hotcoco,
    "torchmetrics": partial(_Torchmetrics, "pycocotools"),
    "torchmetrics-faster": partial(_Torchmetrics, "faster_coco_eval"),
}


# What a process waits for before it can evaluate


def importing(module, names, folder):
    """`import` on top of NumPy."""
    import importlib

    import numpy  # noqa: F401

    def work():
        home = importlib.import_module(module)
        for name in names:
            getattr(home, name)
        return dict

    return work
