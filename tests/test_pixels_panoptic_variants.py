"""Boundary PQ and modified PQ: the numbers of the Boundary IoU paper's code and of torchmetrics."""

import base64
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from meanap.cli import main
from meanap.errors import InputError
from meanap.segmentation import PanopticQuality

from .test_pixels_panoptic import write

STORED = json.loads((Path(__file__).parent / "stored" / "boundary_pq.json").read_text())
CATEGORIES = STORED["categories"]


def unpacked(text):
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), "<u4").reshape(STORED["shape"])


IMAGES = [
    (unpacked(image["truth"]), image["truths"], unpacked(image["found"]), image["predictions"])
    for image in STORED["images"]
]


def counted(images=IMAGES, **settings):
    metric = PanopticQuality(CATEGORIES, **settings)
    for truth, truths, found, predictions in images:
        metric.update(found, truth, predictions, truths)
    return metric


@pytest.mark.parametrize("ratio", list(STORED["numbers"]))
def test_the_boundary_pq_of_the_paper_s_code(ratio):
    expected = STORED["numbers"][ratio]
    result = counted(boundary=float(ratio)).compute()
    assert result.all == expected["all"]
    for k, category in enumerate(CATEGORIES):
        row = expected["classes"][str(category["id"])]
        assert [result.pq[k], result.sq[k], result.rq[k]] == [row["pq"], row["sq"], row["rq"]]
    assert 0.1 < result.all["pq"] < counted().compute().all["pq"]


def test_boundaries_are_as_wide_as_the_paper_s_by_default():
    assert counted(boundary=True).compute().all == STORED["numbers"]["0.02"]["all"]
    for wrong in (-0.1, float("inf")):
        with pytest.raises(InputError, match="boundary: expected a share of the image's diagonal"):
            PanopticQuality(CATEGORIES, boundary=wrong)


def by_torchmetrics(torch, detection, images):
    metric = detection.ModifiedPanopticQuality(
        things={c["id"] for c in CATEGORIES if c["isthing"]}, stuffs={c["id"] for c in CATEGORIES if not c["isthing"]},
        allow_unknown_preds_category=True,
    )  # fmt: skip
    for truth, truths, found, predictions in images:
        pair = []
        for ids, listed in ((found, predictions), (truth, truths)):
            kinds = {0: 0} | {segment["id"]: segment["category_id"] for segment in listed}
            category = np.vectorize(kinds.get)(ids)
            things = np.where(np.isin(category, [1, 3]), ids, 0)
            pair.append(torch.tensor(np.stack([category, things], axis=-1).astype(np.int64))[None])
        metric.update(*pair)
    total = metric.true_positives + 0.5 * metric.false_positives + 0.5 * metric.false_negatives
    of_class = metric.iou_sum / total
    assert float(metric.compute()) == pytest.approx(float(of_class.mean()), abs=1e-7)
    return [float(of_class[metric.cat_id_to_continuous_id[category["id"]]]) for category in CATEGORIES]


def test_the_modified_pq_of_torchmetrics():
    torch = pytest.importorskip("torch")
    detection = pytest.importorskip("torchmetrics.detection")
    # It has no crowds, and what it does not know in the target is void.
    images = [(t, [{**s, "iscrowd": 0} for s in truths], f, p) for t, truths, f, p in IMAGES]
    # A horizon that is far from the true one, so that the sky overlaps by less than one half.
    rows = np.arange(90)[:, None].repeat(120, axis=1)
    listed = [{"id": 5, "category_id": 100}, {"id": 6, "category_id": 101}]
    images.append((np.where(rows < 45, 5, 6), listed, np.where(rows < 15, 5, 6), listed))
    expected = by_torchmetrics(torch, detection, images)
    result = counted(images, modified=True).compute()
    # It divides in single precision.
    assert result.pq == pytest.approx(expected, abs=1e-7)
    assert (result.pq[2:] != counted(images).compute().pq[2:]).any()


def test_stuff_is_summed_over_its_target_segments():
    truth, found = np.array([[1, 1, 1, 2, 2, 2]]), np.array([[7, 8, 8, 8, 8, 8]])
    listed = [{"id": 1, "category_id": 100}, {"id": 2, "category_id": 101}]
    predictions = [{"id": 7, "category_id": 100}, {"id": 8, "category_id": 101}]
    metric = PanopticQuality(CATEGORIES, modified=True)
    metric.update(found, truth, predictions, listed)
    result = metric.compute()
    assert result.pq[2:].tolist() == [1 / 3, 3 / 5] and result.true_positives.tolist() == [0, 0, 1, 1]
    assert not result.false_positives.any() and not result.false_negatives.any()


def test_files_commands_and_states_have_the_same_numbers(tmp_path):
    write_images = [(truth, truths, found, predictions) for truth, truths, found, predictions in IMAGES]
    for image in write_images:
        assert image[0].max() < 2**24
    truth, found = write(tmp_path, write_images)
    content = json.loads(truth.read_text()) | {"categories": CATEGORIES}
    truth.write_text(json.dumps(content))
    for settings, options in (
        ({"boundary": True}, ["--boundary"]),
        ({"boundary": 0.05}, ["--boundary", "0.05"]),
        ({"modified": True}, ["--modified"]),
        ({"modified": True, "boundary": True}, ["--modified", "--boundary"]),
    ):
        expected = counted(**settings)
        metric = PanopticQuality.of_file(truth, **settings)
        metric.update_files(found, truth)
        assert metric.compute().to_dict() == {**expected.compute().to_dict()}
        out = tmp_path / "out.json"
        assert main(["panoptic", str(truth), str(found), *options, "--json", str(out)]) == 0
        assert json.loads(out.read_text())["all"] == expected.compute().to_dict()["all"]
        again = PanopticQuality.from_state(expected.state())
        assert (again.modified, again.boundary) == (expected.modified, expected.boundary)
        halves = counted(IMAGES[:5], **settings)
        halves.merge(counted(IMAGES[5:], **settings))
        assert halves.compute().pq == pytest.approx(expected.compute().pq, abs=1e-12, nan_ok=True)
    with pytest.raises(ValueError):
        counted().merge(counted(modified=True))
