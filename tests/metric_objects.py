"""The metric objects, each with batches to feed it: what holds for one of them has to hold for all."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from native_data import per_image
from pixel_data import pair

from meanap import MeanAveragePrecision, generate
from meanap.ranking import AveragePrecisionAtK
from meanap.segmentation import PanopticQuality, PixelAveragePrecision, RegionAveragePrecision, SemanticSegmentation

#: Batches that there are of each.
BATCHES = 40


@dataclass(frozen=True)
class Case:
    """How to make a metric, and how to feed it its batch of some number."""

    make: Callable[..., Any]
    feed: Callable[[Any, int], None]


def _boxes(**options):
    truth = generate.dataset(BATCHES, 6)
    preds, targets = per_image(truth, generate.detections(truth, per_image=12, seed=6))
    for target in targets:
        if not options.pop("ids", False):
            target.pop("image_id", None)

    def feed(metric, i):
        metric.update([preds[i]], [targets[i]])

    return Case(lambda **more: MeanAveragePrecision(box_format="xywh", **options, **more), feed)


def _labels(make):
    def feed(metric, i):
        metric.update(*reversed(pair(np.random.default_rng(i), 24, 30, 3)))

    return Case(make, feed)


def _scored(make):
    def feed(metric, i):
        rng = np.random.default_rng(i)
        scores = rng.random((3, 24, 30)).astype(np.float32 if i % 2 else np.float64)
        metric.update(scores, pair(rng, 24, 30, 3)[0])

    return Case(make, feed)


def _segments():
    categories = [{"id": 1, "isthing": 1, "name": "cat"}, {"id": np.int64(5), "isthing": 0, "color": (1, 2, 3)}]

    def feed(metric, i):
        maps = pair(np.random.default_rng(i), 24, 30, 3, ignore=0)
        metric.update(*maps, *([{"id": 1, "category_id": 1}, {"id": 2, "category_id": 5}] for _ in maps))

    # Maps whose segments are not all there are left out.
    return Case(lambda **more: PanopticQuality(categories, strict=False, **more), feed)


def _rows():
    def feed(metric, i):
        rng = np.random.default_rng(i)
        labels = rng.integers(-1, 9, (3, 2))
        metric.update(rng.random((3, 9)), labels)

    return Case(lambda **more: AveragePrecisionAtK(3, **more), feed)


CASES = {
    "boxes": _boxes(class_metrics=True),
    "boxes of all kinds of rows": _boxes(confusion=0.5, errors=0.5, average="micro", protocol="coco"),
    "labels": _labels(lambda **more: SemanticSegmentation(3, **more)),
    "labels and boundaries": _labels(lambda **more: SemanticSegmentation(["a", "b", "c"], boundary=True, **more)),
    "regions": _labels(lambda **more: RegionAveragePrecision(3, connectivity=4, **more)),
    "pixel scores": _scored(lambda **more: PixelAveragePrecision(3, **more)),
    "exact pixel scores": _scored(lambda **more: PixelAveragePrecision(3, exact=True, **more)),
    "segments": _segments(),
    "rows": _rows(),
}


def fed(name, batches, **options):
    """A metric that has had some batches."""
    case = CASES[name]
    metric = case.make(**options)
    for i in batches:
        case.feed(metric, i)
    return metric


def numbers(metric):
    """What `compute` gives, in a form to compare to the last bit."""
    return _plain(metric.compute())


def _plain(value):
    if hasattr(value, "to_dict"):
        return json.dumps(value.to_dict())
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return repr(value.tolist() if isinstance(value, np.ndarray) else value)
