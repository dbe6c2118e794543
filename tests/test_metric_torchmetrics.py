"""The metric in the place of torchmetrics': its documentation's examples, its numbers, its distribution."""

import socket

import numpy as np
import pytest

from meanap import MeanAveragePrecision, generate

# From the examples in the docstring of torchmetrics.detection.MeanAveragePrecision.
BOX_PREDS = [{"boxes": [[258.0, 41.0, 606.0, 285.0]], "scores": [0.536], "labels": [0]}]
BOX_TARGETS = [{"boxes": [[214.0, 41.0, 562.0, 285.0]], "labels": [0]}]
BOX_NUMBERS = {
    "map": 0.6, "map_50": 1.0, "map_75": 1.0, "map_large": 0.6, "map_medium": -1.0, "map_per_class": -1.0,
    "map_small": -1.0, "mar_1": 0.6, "mar_10": 0.6, "mar_100": 0.6, "mar_100_per_class": -1.0, "mar_large": 0.6,
    "mar_medium": -1.0, "mar_small": -1.0,
}  # fmt: skip
MASK_PRED = [[0, 0, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
MASK_TARGET = [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
MASK_NUMBERS = {
    "map": 0.2, "map_50": 1.0, "map_75": 0.0, "map_large": -1.0, "map_medium": -1.0, "map_per_class": -1.0,
    "map_small": 0.2, "mar_1": 0.2, "mar_10": 0.2, "mar_100": 0.2, "mar_100_per_class": -1.0, "mar_large": -1.0,
    "mar_medium": -1.0, "mar_small": 0.2,
}  # fmt: skip


def check(numbers, published):
    assert numbers.keys() == {*published, "classes"}
    for name, value in published.items():
        assert numbers[name] == pytest.approx(value, abs=5e-5), name
    assert numbers["classes"].tolist() == [0]


def test_the_documentations_boxes():
    metric = MeanAveragePrecision(iou_type="bbox", protocol="torchmetrics")
    metric.update(BOX_PREDS, BOX_TARGETS)
    check(metric.compute(), BOX_NUMBERS)


def test_the_documentations_masks():
    metric = MeanAveragePrecision(iou_type="segm", protocol="torchmetrics")
    metric.update(
        [{"masks": np.array([MASK_PRED], dtype=bool), "scores": np.array([0.536]), "labels": np.array([0])}],
        [{"masks": np.array([MASK_TARGET], dtype=bool), "labels": np.array([0])}],
    )
    check(metric.compute(), MASK_NUMBERS)


def batches(torch, kind, images=24):
    truth = generate.dataset(images, 2)
    from native_data import per_image

    preds, targets = per_image(truth, generate.detections(truth, per_image=20, seed=2))
    generator = np.random.default_rng(3)
    for side in (preds, targets):
        for image in side:
            image["boxes"][:, 2:] += image["boxes"][:, :2]
            image.pop("image_id", None)
            if kind == "segm":
                boxes = (image["boxes"] / 8).astype(int)
                masks = np.zeros((len(boxes), 80, 80), dtype=bool)
                for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
                    mask[y1 : y2 + 1, x1 : x2 + 1] = (
                        generator.random((y2 + 1 - y1, x2 + 1 - x1))[: 80 - y1, : 80 - x1] < 0.9
                    )
                image["masks"] = masks
                image.pop("area", None)

    def tensors(image):
        out = {name: torch.tensor(value) for name, value in image.items()}
        out["boxes"] = out["boxes"].float()
        if "scores" in out:
            out["scores"] = out["scores"].float()
        return out

    # With masks alone torchmetrics drops images without objects, with their detections.
    kept = [i for i, target in enumerate(targets) if len(target["labels"])]
    return [tensors(preds[i]) for i in kept], [tensors(targets[i]) for i in kept]


@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("kind", ["bbox", "segm", ("bbox", "segm")], ids=str)
def test_live(kind, average):
    torch = pytest.importorskip("torch")
    detection = pytest.importorskip("torchmetrics.detection")
    pytest.importorskip("torchvision")
    preds, targets = batches(torch, "segm" if "segm" in kind else "bbox")
    # Asked for classes, torchmetrics ignores "micro" after the first of two kinds.
    options = {"iou_type": kind, "class_metrics": not (len(kind) == 2 and average == "micro"), "average": average}
    theirs = detection.MeanAveragePrecision(**options)
    ours = MeanAveragePrecision(**options, protocol="torchmetrics")
    for start in range(0, len(preds), 8):
        theirs.update(preds[start : start + 8], targets[start : start + 8])
        ours.update(preds[start : start + 8], targets[start : start + 8])
    expected, found = theirs.compute(), ours.compute()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # With two kinds torchmetrics takes the masks' areas for the boxes' sizes too; here each kind has its own.
        if len(kind) == 2 and name.startswith("bbox") and name.endswith(("small", "medium", "large")):
            continue
        # torch.Tensor holds their doubles in single precision.
        np.testing.assert_array_equal(np.asarray(found[name], dtype=value.numpy().dtype), value.numpy(), name)


def test_other_thresholds_and_limits():
    torch = pytest.importorskip("torch")
    detection = pytest.importorskip("torchmetrics.detection")
    pytest.importorskip("torchvision")
    preds, targets = batches(torch, "bbox")
    options = {
        "iou_thresholds": [0.3, 0.5, 0.6],
        "rec_thresholds": [0.0, 0.2, 0.9],
        "max_detection_thresholds": [2, 5, 9],
    }
    theirs = detection.MeanAveragePrecision(**options)
    ours = MeanAveragePrecision(**options, protocol="torchmetrics")
    theirs.update(preds, targets)
    ours.update(preds, targets)
    expected, found = theirs.compute(), ours.compute()
    assert found.keys() == expected.keys()
    # Its "map" is that of 100 detections, whatever the limits: -1 here (torchmetrics#1153).
    assert expected["map"] == -1 and 0 < found["map"] < 1
    for name in expected.keys() - {"classes", "map"}:
        assert found[name] == pytest.approx(float(expected[name]), abs=1e-6), name


def _rank(rank, world, port, queue):
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
    metric = _shard(rank)
    metric.sync()
    queue.put((rank, metric.state(), metric.compute()))
    dist.barrier()
    dist.destroy_process_group()


def _shard(rank):
    from native_data import per_image

    truth = generate.dataset(31, 6)
    preds, targets = per_image(truth, generate.detections(truth, per_image=15, seed=6))
    # Uneven shards; the sampler's padding gives image 0 to both.
    images = {None: range(31), 0: [*range(0, 20)], 1: [*range(20, 31), 0]}[rank]
    metric = MeanAveragePrecision(box_format="xywh", class_metrics=True, protocol="torchmetrics")
    for i in images:
        metric.update([preds[i]], [targets[i]])
    return metric


def test_two_processes():
    torch = pytest.importorskip("torch")
    if not torch.distributed.is_available():
        pytest.skip("torch without torch.distributed")
    context = torch.multiprocessing.get_context("spawn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    queue = context.SimpleQueue()
    ranks = [context.Process(target=_rank, args=(rank, 2, port, queue)) for rank in range(2)]
    for process in ranks:
        process.start()
    answers = [queue.get() for _ in ranks]
    for process in ranks:
        process.join(timeout=60)
    alone = _shard(None).compute()
    for _, state, numbers in answers:
        assert len(MeanAveragePrecision.from_state(state)) == 31
        for name, value in alone.items():
            np.testing.assert_array_equal(numbers[name], value, err_msg=name)


def test_without_torch_nothing_happens():
    metric = _shard(1)
    before = metric.state()
    metric.sync()
    assert metric.state() == before


def test_tensors_that_want_gradients_and_half_precision():
    torch = pytest.importorskip("torch")
    metric = MeanAveragePrecision(protocol="torchmetrics")
    boxes = torch.tensor(BOX_PREDS[0]["boxes"], requires_grad=True)
    metric.update(
        [{"boxes": boxes, "scores": torch.tensor([0.5], dtype=torch.bfloat16), "labels": torch.tensor([0])}],
        BOX_TARGETS,
    )
    assert metric.compute()["map"] == pytest.approx(0.6)
