"""Arrays of other libraries: by `__array__`, by DLPack, or by what they offer to leave their device."""

import numpy as np
import pytest
from foreign_arrays import OnlyDlpack
from native_data import per_image

import meanap
from meanap import generate


@pytest.fixture(scope="module")
def sides():
    truth = generate.dataset(8, 6)
    preds, targets = per_image(truth, generate.detections(truth, per_image=8, seed=6))
    for image in [*preds, *targets]:
        image["boxes"][:, 2:] += image["boxes"][:, :2]
    return preds, targets


class OnDevice:
    """An array that has to be fetched, as CuPy's: neither `__array__` nor a host's DLPack."""

    def __init__(self, array):
        self._array = np.array(array)

    def __array__(self, *arguments, **options):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __dlpack__(self, **options):
        raise BufferError("not on this device")

    def __dlpack_device__(self):
        return (2, 0)

    def get(self):
        return self._array


class OnlyArray:
    """An array that knows how to become NumPy's."""

    def __init__(self, array):
        self._array = np.array(array)

    def __array__(self, dtype=None, copy=None):
        return self._array


def by_torch(array):
    return pytest.importorskip("torch", reason="torch's arrays").from_numpy(np.array(array))


def by_jax(array):
    return pytest.importorskip("jax.numpy", reason="JAX's arrays").asarray(array)


def same(preds, targets, make, **options):
    def made(image):
        return {name: value if name == "image_id" else make(value) for name, value in image.items()}

    # JAX uses 32 bits for a number unless it is configured otherwise.
    def halved(image):
        return {
            name: np.float32(value) if name in ("boxes", "scores", "area") else value for name, value in image.items()
        }

    preds, targets = [halved(image) for image in preds], [halved(image) for image in targets]
    expected = meanap.evaluate(targets, preds, **options)
    result = meanap.evaluate([made(t) for t in targets], [made(p) for p in preds], **options)
    assert result.to_dict() == expected.to_dict() and result.ap > 0.2


@pytest.mark.parametrize("make", [OnlyDlpack, OnDevice, OnlyArray, by_torch, by_jax, np.ndarray.tolist])
def test_lists_of_any_arrays(sides, make):
    same(*sides, make)


@pytest.mark.parametrize("make", [OnlyDlpack, OnDevice, OnlyArray, by_torch, by_jax])
def test_columns_of_any_arrays(sides, make):
    preds, targets = sides
    image = np.concatenate([np.full(len(t["labels"]), i) for i, t in enumerate(targets)])
    boxes, labels = (np.concatenate([t[name] for t in targets]) for name in ("boxes", "labels"))
    truth = meanap.GroundTruth(make(image), make(labels), make(boxes))
    image = np.concatenate([np.full(len(p["labels"]), i) for i, p in enumerate(preds)])
    boxes, labels, scores = (np.concatenate([p[name] for p in preds]) for name in ("boxes", "labels", "scores"))
    found = meanap.Detections(make(image), make(labels), make(scores), make(boxes))
    by_list = [{name: t[name] for name in ("boxes", "labels")} for t in targets]
    assert meanap.evaluate(truth, found).ap == pytest.approx(meanap.evaluate(by_list, preds).ap, abs=1e-6)


@pytest.mark.parametrize("make", [OnlyDlpack, OnDevice, OnlyArray, by_torch, by_jax])
def test_masks_of_any_arrays(make):
    generator = np.random.default_rng(0)
    masks = generator.random((5, 20, 30)) < 0.5
    target = [{"masks": make(masks), "labels": [0] * 5}]
    pred = [{"masks": make(masks), "labels": [0] * 5, "scores": make(np.linspace(0.1, 0.9, 5, dtype=np.float32))}]
    assert meanap.evaluate(target, pred, "segm").ap == pytest.approx(1)


def test_what_is_no_array_is_named():
    class Nothing:
        def __repr__(self):
            return "Nothing()"

    target = [{"boxes": [[0, 0, 1, 1]], "labels": [0]}]
    pred = [{"boxes": Nothing(), "labels": [0], "scores": [0.5]}]
    with pytest.raises(ValueError, match=r'detections\[0\]\["boxes"\]: a Nothing cannot be read as an array'):
        meanap.evaluate(target, pred)


def test_numbers_among_text_stay_numbers():
    boxes = np.array([[0, 0, 5, 5], [0, 0, 5, 5]])
    truth = meanap.GroundTruth([1, "1"], ["a", "a"], boxes)
    assert truth.image_ids == [1, "1"]
    result = meanap.evaluate(truth, meanap.Detections([1], ["a"], [0.5], boxes[:1]))
    assert result.image_ids == [1, "1"] and round(result["ar_100"], 9) == 0.5
    with pytest.raises(ValueError, match="GroundTruth: category_ids: row 1: 2.5 is no id"):
        meanap.GroundTruth([1, 2], ["a", 2.5], boxes)


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i4", "u1"])
@pytest.mark.parametrize(
    "lay",
    [np.asfortranarray, lambda x: np.repeat(x, 2, axis=0)[::2], lambda x: np.ascontiguousarray(x[::-1])[::-1]],
    ids=["transposed", "strided", "reversed"],
)
def test_how_an_array_lies_in_memory_makes_no_difference(dtype, lay):
    generator = np.random.default_rng(0)
    corner = generator.uniform(0, 50, (20, 2))
    truth = np.concatenate([corner, corner + generator.uniform(5, 20, (20, 2))], axis=1).astype(dtype)
    found = truth + generator.integers(0, 2, (20, 1)).astype(dtype)
    labels, images, scores = generator.integers(0, 3, 20), generator.integers(0, 4, 20), generator.random(20)
    poses = (generator.uniform(0, 50, (20, 17, 3)) + 1).astype(dtype)
    rows = np.column_stack([images, found[:, :2], found[:, 2:] - found[:, :2], scores, labels]).astype(np.float64)
    dataset = {
        "annotations": [
            {"id": i + 1, "image_id": image, "category_id": label, "bbox": [*box[:2], *(box[2:] - box[:2])]}
            for i, (image, label, box) in enumerate(
                zip(images.tolist(), labels.tolist(), truth.astype(float), strict=True)
            )
        ]
    }

    def numbers(lay):
        gt, dt = lay(truth), lay(found)
        of_list = [{"boxes": gt, "labels": lay(labels), "keypoints": lay(poses)}]
        in_list = [{"boxes": dt, "labels": lay(labels), "scores": lay(scores), "keypoints": lay(poses[::-1])}]
        columns = meanap.GroundTruth(images, labels, gt), meanap.Detections(images, labels, scores, dt)
        return [
            meanap.evaluate(of_list, in_list).ap,
            meanap.evaluate(of_list, in_list, "keypoints").ap,
            meanap.evaluate(*columns).ap,
            meanap.evaluate(dataset, lay(rows)).ap,
        ]

    assert numbers(lay) == numbers(np.ascontiguousarray)
    assert 0 < numbers(lay)[0] < 1
