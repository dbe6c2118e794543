"""`meanap.compat.torchmetrics.MeanAveragePrecision` beside torchmetrics' own, as a metric of torchmetrics."""

import pickle

import numpy as np
import pytest

from meanap import generate

torch = pytest.importorskip("torch", reason="pip install torch")
pytest.importorskip("torchvision", reason="pip install torchvision")
detection = pytest.importorskip("torchmetrics.detection", reason="pip install 'torchmetrics[detection]'")
ours = pytest.importorskip("meanap.compat.torchmetrics", reason="torchmetrics is older than 1.8")
METRICS = (ours.MeanAveragePrecision, detection.MeanAveragePrecision)


def batches(masks=False, seed=3):
    """Two batches, as torchmetrics takes them."""
    truth = generate.dataset(images=6, seed=seed)
    found = generate.detections(truth, per_image=15, seed=seed)
    rng = np.random.default_rng(seed)
    shapes = {category["id"]: rng.random((20, 30)) > 0.6 for category in truth["categories"]}
    images = []
    for image in truth["images"]:
        sides = []
        for records in (found, truth["annotations"]):
            listed = [record for record in records if record["image_id"] == image["id"]]
            boxes = torch.tensor([record["bbox"] for record in listed], dtype=torch.float32).reshape(-1, 4)
            side = {"boxes": boxes, "labels": torch.tensor([record["category_id"] for record in listed])}
            if masks:
                # Those of a class are nearly the same.
                pixels = np.array([shapes[record["category_id"]] for record in listed]).reshape(-1, 20, 30)
                side["masks"] = torch.tensor(pixels ^ (rng.random(pixels.shape) < 0.05))
            if records is found:
                side["scores"] = torch.tensor([record["score"] for record in listed])
            else:
                side["iscrowd"] = torch.tensor([record["iscrowd"] for record in listed])
            sides.append(side)
        images.append(sides)
    return [([pair[0] for pair in part], [pair[1] for pair in part]) for part in (images[:3], images[3:])]


def assert_same(own, other):
    assert list(own) == list(other)
    for name, expected in other.items():
        if isinstance(expected, dict):
            assert own[name].keys() == expected.keys()
            for key, value in expected.items():
                assert torch.equal(torch.as_tensor(own[name][key]), torch.as_tensor(value)), (name, key)
        else:
            assert own[name].dtype == expected.dtype and torch.equal(own[name], expected), name


@pytest.mark.parametrize("backend", ["pycocotools", "faster_coco_eval"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_metrics": True, "extended_summary": True},
        {"average": "micro", "iou_thresholds": [0.3, 0.5]},
        {"max_detection_thresholds": [1, 5, 200]},
        {"iou_type": "segm"},
        {"iou_type": ("bbox", "segm")},
    ],
    ids=str,
)
def test_numbers(options, backend):
    if backend == "faster_coco_eval":
        pytest.importorskip("faster_coco_eval", reason="pip install faster-coco-eval==1.8.0")
    results = []
    for kind in METRICS:
        metric = kind(box_format="xywh", backend=backend, **options)
        for preds, target in batches(masks="iou_type" in options):
            metric.update(preds, target)
        results.append(metric.compute())
    assert_same(*results)
    assert any(float(value) > 0 for value in results[0].values() if not isinstance(value, dict) and value.numel() == 1)


def test_it_is_evaluated_by_meanap(monkeypatch):
    """pycocotools' own evaluator is not called, that of meanap is."""
    import pycocotools.cocoeval

    import meanap

    called = []
    monkeypatch.setattr(pycocotools.cocoeval.COCOeval, "evaluate", lambda self: pytest.fail("pycocotools was called"))
    evaluate = meanap.COCOeval.evaluate
    monkeypatch.setattr(meanap.COCOeval, "evaluate", lambda self: called.append(1) or evaluate(self))
    metric = ours.MeanAveragePrecision(box_format="xywh")
    metric.update(*batches()[0])
    assert metric.compute()["map"] > 0 and called


def test_among_other_metrics():
    """`forward`, clones, collections, trackers, pickles and `reset` are torchmetrics' own."""
    from torchmetrics import MetricCollection, MetricTracker

    first, second = batches()
    values = []
    for kind in METRICS:
        metric = kind(box_format="xywh")
        of_batch = metric(*first)
        twin = pickle.loads(pickle.dumps(metric.clone()))
        twin.update(*second)
        collection = MetricCollection({"ap": kind(box_format="xywh")})
        collection.update(*first)
        tracker = MetricTracker(kind(box_format="xywh"), maximize=True)
        tracker.increment()
        tracker.update(*first)
        metric.reset()
        assert not metric.detection_box
        values.append((of_batch, twin.compute(), collection.compute(), tracker.compute()))
    for own, other in zip(*values, strict=True):
        assert_same(own, other)


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_ranks_with_different_numbers_of_images(monkeypatch, iou_type):
    """The ranks gather each other's images; afterwards each has its own again."""
    first, second = batches(masks=True)
    second = second[0][:1], second[1][:1]
    ranks = []
    for part in (first, second):
        ranks.append(ours.MeanAveragePrecision(box_format="xywh", iou_type=iou_type, sync_on_compute=False))
        ranks[-1].update(*part)
    sent = []

    def all_gather_object(values, own, group=None):
        sent.append(own)
        values[:] = sent[-2:] if len(sent) > 1 else [own, own]

    monkeypatch.setattr(torch.distributed, "get_world_size", lambda group=None: 2)
    monkeypatch.setattr(torch.distributed, "all_gather_object", all_gather_object)
    for metric in ranks:
        metric.sync(distributed_available=lambda: True)
        if metric is ranks[0]:
            metric.unsync()
    together = ours.MeanAveragePrecision(box_format="xywh", iou_type=iou_type)
    for preds, target in ((first[0][:1], first[1][:1]), second, (first[0][1:], first[1][1:])):
        together.update(preds, target)
    assert_same(ranks[1].compute(), together.compute())
    # It has its own images again.
    assert len(ranks[1].detection_labels) == 1
