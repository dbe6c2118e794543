"""How the numbers of an array lie in memory, and whose array it is, makes no difference at any entry."""

import json

import metric_objects
import numpy as np
import pytest
from foreign_arrays import OnlyDlpack

import meanap
from meanap import ranking
from meanap.compat import sklearn

GENERATOR = np.random.default_rng(4)


def of_dtype(array, change):
    """The array in the byte order or the width of another dtype, if all values stay what they are."""
    if array.dtype.kind not in "biuf" or array.dtype == np.uint8:
        return array
    return change(array)


def misaligned(array):
    """The array one byte behind an address that its numbers could lie at."""
    held = np.zeros(array.nbytes + 1, dtype=np.uint8)[1:].view(array.dtype).reshape(array.shape)
    held[...] = array
    return held


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def spread(array):
    """Every second number along each axis of a larger array."""
    held = np.zeros([2 * length for length in array.shape], dtype=array.dtype)
    view = held[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def reversed_in_memory(array):
    return np.ascontiguousarray(array[tuple(slice(None, None, -1) for _ in array.shape)])[
        tuple(slice(None, None, -1) for _ in array.shape)
    ]


def of_another_width(array):
    """Integers and flags of another width; numbers of 16 bytes."""
    if array.dtype.kind == "f":
        return array.astype(np.longdouble)
    return array.astype(np.uint16) if array.size and array.min() >= 0 else array.astype(np.int16)


class OnCuda(OnlyDlpack):
    """A tensor on a device, which has to be fetched by `cpu`."""

    def __dlpack__(self, **options):
        raise BufferError("the tensor is on a device")

    def __dlpack_device__(self):
        return (2, 0)

    def __array__(self, *arguments, **options):
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor first.")

    def cpu(self):
        return self._array


class Derived(np.ndarray):
    """A class of its own, as other packages make them."""


def by_torch(array, **options):
    torch = pytest.importorskip("torch", reason="torch's tensors")
    return torch.from_numpy(np.array(array)).requires_grad_(array.dtype.kind == "f")


def by_jax(array):
    jax = pytest.importorskip("jax", reason="JAX's arrays")
    jax.config.update("jax_enable_x64", True)
    return jax.numpy.asarray(array)


LAYOUTS = {
    "Fortran's order": np.asfortranarray,
    "strides": spread,
    "negative strides": reversed_in_memory,
    "the other byte order": lambda x: of_dtype(x, lambda y: y.astype(y.dtype.newbyteorder())),
    "no alignment": misaligned,
    "read-only": read_only,
    "all at once": lambda x: read_only(spread(of_dtype(x, lambda y: y.astype(y.dtype.newbyteorder())))),
    "another width": lambda x: of_dtype(x, of_another_width),
    "a class of its own": lambda x: x.view(Derived),
    "a masked array": lambda x: np.ma.MaskedArray(x),
    "a memory map": None,
    "DLPack": OnlyDlpack,
    "CUDA": OnCuda,
    "gradients": by_torch,
    "JAX": by_jax,
}


#: Of NumPy's own class and width.
PLAIN = [*LAYOUTS][:7]


def a_memory_map(folder):
    count = iter(range(10**6))

    def make(array):
        if not array.size:
            return array
        held = np.memmap(folder / f"map{next(count)}", array.dtype, "w+", shape=array.shape)
        held[...] = array
        return held

    return make


def laid(value, lay):
    """A value with its arrays laid out so."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return lay(value)
    if isinstance(value, dict):
        return {key: laid(item, lay) for key, item in value.items()}
    return type(value)(laid(item, lay) for item in value) if isinstance(value, (list, tuple)) else value


def boxes(count):
    corner = GENERATOR.uniform(0, 50, (count, 2))
    return np.concatenate([corner, corner + GENERATOR.uniform(5, 20, (count, 2))], axis=1)


def made():
    """The arrays of both sides: one image without objects."""
    sides = []
    for count in (9, 0, 12):
        objects = boxes(count)
        # At most a quarter of a box off.
        found = objects + GENERATOR.uniform(-2, 2, objects.shape)
        labels = GENERATOR.integers(0, 3, count)
        poses = np.concatenate(
            [GENERATOR.uniform(0, 50, (count, 17, 2)), GENERATOR.integers(0, 3, (count, 17, 1))], axis=2
        )
        masks = GENERATOR.random((count, 20, 30)) < 0.4
        target = {"boxes": objects, "labels": labels, "keypoints": poses, "masks": masks,
                  "area": GENERATOR.uniform(50, 5000, count), "iscrowd": GENERATOR.random(count) < 0.1}  # fmt: skip
        pred = {
            "boxes": found,
            "labels": labels,
            "scores": GENERATOR.random(count),
            "keypoints": poses + 1,
            "masks": masks,
        }
        sides.append((target, pred))
    return [target for target, _ in sides], [pred for _, pred in sides]


TARGETS, PREDS = made()
ROWS = [np.concatenate([p["boxes"], p["scores"][:, None], p["labels"][:, None]], axis=1) for p in PREDS]
COLUMNS = {name: np.concatenate([t[name] for t in TARGETS]) for name in ("labels", "boxes", "area")}
FOUND = {name: np.concatenate([p[name] for p in PREDS]) for name in ("labels", "boxes", "scores")}
IMAGE = np.repeat(np.arange(3), [len(t["labels"]) for t in TARGETS])
DATASET = {
    "annotations": [
        {"image_id": image, "category_id": label, "bbox": [*box[:2], *(box[2:] - box[:2])]}
        for image, label, box in zip(IMAGE.tolist(), COLUMNS["labels"].tolist(), COLUMNS["boxes"], strict=True)
    ]
}
OF_ALL = np.column_stack(
    [IMAGE, FOUND["boxes"][:, :2], FOUND["boxes"][:, 2:] - FOUND["boxes"][:, :2], FOUND["scores"], FOUND["labels"]]
)
QUERIES, DOCUMENTS = np.repeat(np.arange(6), 8), np.tile(np.arange(8), 6)
GRADES, SCORES = GENERATOR.integers(0, 2, 48), GENERATOR.random(48)
TOP = np.array([0, 3, 7, 1, 2, 4])
TRUTHS, ITEMS = GENERATOR.integers(0, 9, (5, 3)), np.stack([GENERATOR.permutation(9) for _ in range(5)])


def of_lists(kind):
    def numbers(lay):
        return meanap.evaluate(laid(TARGETS, lay), laid(PREDS, lay), kind).to_dict()

    return numbers


def of_columns(lay):
    image, truth, found = lay(IMAGE), laid(COLUMNS, lay), laid(FOUND, lay)
    truth = meanap.GroundTruth(image, truth["labels"], truth["boxes"], area=truth["area"])
    return meanap.evaluate(truth, meanap.Detections(image, found["labels"], found["scores"], found["boxes"])).to_dict()


def of_metric(name):
    def numbers(lay):
        metric = metric_objects.fed(name, [])
        update = metric.update

        def update_laid(*sides, **named):
            update(*laid(list(sides), lay), **named)

        metric.update = update_laid
        for number in range(3):
            metric_objects.CASES[name].feed(metric, number)
        del metric.update
        return metric_objects.numbers(metric)

    return numbers


def curve(lay):
    return [np.asarray(x).tolist() for x in ranking.precision_recall_curve(lay(GRADES), lay(SCORES))]


def of_labels(lay):
    """Rows and columns of scores for each label, and the labels of the highest."""
    grades, scores = GRADES.reshape(6, 8), SCORES.reshape(6, 8)
    top = sklearn.top_k_accuracy_score(lay(TOP), lay(scores), k=3, labels=np.arange(8))
    columns = ranking.average_precision_score(lay(GRADES.reshape(8, 6)), lay(SCORES.reshape(8, 6)))
    return sklearn.ndcg_score(lay(grades), lay(scores)), columns, top


ENTRIES = {
    "boxes of lists": of_lists("bbox"),
    "masks of lists": of_lists("segm"),
    "keypoints of lists": of_lists("keypoints"),
    "columns": of_columns,
    "an array for each image": lambda lay: meanap.evaluate(TARGETS, laid(ROWS, lay)).to_dict(),
    "an array of all images": lambda lay: meanap.evaluate(DATASET, lay(OF_ALL)).to_dict(),
    "check": lambda lay: [list(row.values()) for row in meanap.check(laid(TARGETS, lay), laid(PREDS, lay))],
    "loadRes": lambda lay: loaded(lay),
    "run and judgements as columns": lambda lay: ranking.evaluate(
        laid((QUERIES, DOCUMENTS, GRADES), lay), laid((QUERIES, DOCUMENTS, SCORES), lay)
    ).to_dict(),
    "ranked items": lambda lay: ranking.apk_values(lay(TRUTHS), lay(ITEMS), 5).tolist(),
    "binary labels": lambda lay: ranking.average_precision_score(lay(GRADES), lay(SCORES)),
    "a precision-recall curve": curve,
    "scores of labels": of_labels,
    **{f"metric: {name}": of_metric(name) for name in metric_objects.CASES},
}


def loaded(lay):
    objects = [{**record, "id": number} for number, record in enumerate(DATASET["annotations"], start=1)]
    truth = {
        "annotations": objects,
        "images": [{"id": i} for i in range(3)],
        "categories": [{"id": i} for i in range(3)],
    }
    coco = meanap.COCO(json.loads(json.dumps(truth)))
    return coco.loadRes(lay(OF_ALL)).dataset["annotations"]


EXPECTED = {}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_the_layout_of_an_array_makes_no_difference(entry, layout, tmp_path):
    if entry not in EXPECTED:
        EXPECTED[entry] = ENTRIES[entry](lambda x: x)
    lay = a_memory_map(tmp_path) if layout == "a memory map" else LAYOUTS[layout]
    if entry == "loadRes" and layout not in PLAIN:
        pytest.skip("pycocotools takes NumPy's own arrays, and keeps their type")
    np.testing.assert_equal(ENTRIES[entry](lay), EXPECTED[entry])


# Devices


def away(copies):
    """A class of tensors on a device, which counts how often something is copied from there."""
    torch = pytest.importorskip("torch", reason="torch's tensors")

    class Away(torch.Tensor):
        device = property(lambda self: torch.device("cuda:0"))

        def cpu(self):
            copies.append(self.numel())
            return torch.Tensor.cpu(self).as_subclass(torch.Tensor)

        def __array__(self, *arguments, **options):
            raise TypeError("can't convert cuda:0 device type tensor to numpy.")

    return lambda array: torch.from_numpy(np.array(array)).as_subclass(Away)


def test_tensors_of_a_batch_leave_their_device_in_one_copy_for_each_type():
    copies = []
    make = away(copies)
    targets = [{**image, "image_id": np.array([row])} for row, image in enumerate(TARGETS)]
    sides = [[{k: v for k, v in image.items() if k != "masks"} for image in side] for side in (PREDS, targets)]
    metrics = [meanap.MeanAveragePrecision() for _ in range(2)]
    metrics[0].update(*sides)
    metrics[1].update(*laid(sides, make))
    assert metrics[0].compute()["map"] == metrics[1].compute()["map"] and len(copies) <= 5
    assert sum(copies) == sum(np.size(array) for side in sides for image in side for array in image.values())
    assert meanap.evaluate(*laid(sides[::-1], make)).ap == meanap.evaluate(*sides[::-1]).ap
    assert meanap.check(*laid(sides[::-1], make))["code"] == meanap.check(*sides[::-1])["code"]


# Half precision


def half(array):
    return array.astype(np.float16)


def brain(array):
    torch = pytest.importorskip("torch", reason="torch's bfloat16")
    return torch.from_numpy(np.float32(array)).to(torch.bfloat16)


@pytest.mark.parametrize("narrow", [half, brain])
def test_numbers_of_half_precision_count_as_what_they_hold(narrow):
    def exact(array):
        return array.float().numpy() if hasattr(array, "float") else np.float32(array)

    def made(images, convert):
        return [
            {name: convert(narrow(x)) if x.dtype.kind == "f" else x for name, x in image.items()} for image in images
        ]

    for kind in ("bbox", "keypoints"):
        given = meanap.evaluate(made(TARGETS, lambda x: x), made(PREDS, lambda x: x), kind)
        assert given.to_dict() == meanap.evaluate(made(TARGETS, exact), made(PREDS, exact), kind).to_dict()
    rows = [np.concatenate([p["boxes"], p["scores"][:, None], p["labels"][:, None]], axis=1) for p in PREDS]
    given = meanap.evaluate(TARGETS, [narrow(x) for x in rows])
    assert given.to_dict() == meanap.evaluate(TARGETS, [exact(narrow(x)) for x in rows]).to_dict()
    scores = GENERATOR.random((3, 6, 8))
    label = GENERATOR.integers(0, 3, (6, 8))
    metrics = [meanap.segmentation.PixelAveragePrecision(3) for _ in range(2)]
    metrics[0].update(narrow(scores), label)
    metrics[1].update(exact(narrow(scores)), label)
    assert metrics[0].compute().ap.tolist() == metrics[1].compute().ap.tolist()
    assert ranking.average_precision_score(GRADES, narrow(SCORES)) == ranking.average_precision_score(
        GRADES, exact(narrow(SCORES))
    )


# Arrays without entries, and without axes


@pytest.mark.parametrize("nothing", [np.zeros((0, 4)), np.zeros(0), np.zeros((4, 0)), [], np.zeros((0, 4), dtype=bool)])
def test_no_boxes_are_no_boxes_whatever_their_shape(nothing):
    empty = {"boxes": nothing, "labels": [], "scores": []}
    expected = meanap.evaluate(TARGETS, [PREDS[0], PREDS[1], {k: v[:0] for k, v in PREDS[2].items()}]).to_dict()
    assert meanap.evaluate(TARGETS, [PREDS[0], PREDS[1], empty]).to_dict() == expected
    assert meanap.evaluate(TARGETS, [PREDS[0], PREDS[1], empty], on_error="skip").to_dict() == expected
    found = meanap.Detections([], [], [], nothing)
    assert meanap.evaluate(DATASET, found).ap == 0


def test_a_number_without_axes_is_one_object():
    box = np.array([[1.0, 2.0, 30.0, 40.0]])
    one = {"boxes": box, "labels": np.int64(1), "scores": np.float32(0.5)}
    for found in (one, {"boxes": box, "labels": np.array(1), "scores": np.array(0.5)}):
        assert meanap.evaluate([{"boxes": box, "labels": [1]}], [found]).ap == pytest.approx(1)
    for name, value in (("boxes", np.array(3.0)), ("boxes", box[0]), ("scores", np.array([[0.5]]))):
        sides = [{"boxes": box, "labels": [1]}], [{**one, name: value}]
        with pytest.raises(meanap.InputError, match=rf"detections\[0\].*{name}.*expected shape") as caught:
            meanap.evaluate(*sides)
        assert str(caught.value).partition(": ")[2] in meanap.check(*sides)[0]["example"]
    with pytest.raises(meanap.InputError, match="detections"):
        meanap.evaluate(DATASET, np.array(3.0))


def test_a_device_that_cannot_be_read_is_named():
    class Lost(OnCuda):
        cpu = None

    for entry in (
        lambda x: meanap.evaluate(
            [{"boxes": [[0, 0, 1, 1]], "labels": [0]}], [{"boxes": x, "labels": [0], "scores": [1]}]
        ),
        lambda x: meanap.GroundTruth([1], [1], x).objects(meanap.protocol.get("coco", "bbox"), "bbox", None),
        lambda x: meanap.evaluate(DATASET, x),
        lambda x: ranking.average_precision_score(GRADES, x),
        lambda x: meanap.segmentation.SemanticSegmentation(3).update(x, np.zeros((2, 2), dtype=int)),
    ):
        with pytest.raises(meanap.InputError, match="a Lost cannot be read as an array"):
            entry(Lost(np.zeros((1, 4))))


# Objects


def columns_of_pandas(name):
    pandas = pytest.importorskip("pandas")
    boxes = [[0.0, 0, 10, 10], [20.0, 20, 40, 40]]
    sides = {
        "objects": (np.array(boxes, dtype=object), np.array([0.9, 0.8], dtype=object), np.array([3, 5], dtype=object)),
        "a column of lists": (pandas.Series(boxes), pandas.Series([0.9, 0.8], dtype=object), [3, 5]),
        "texts": (boxes, [0.9, 0.8], pandas.array(["3", "5"], dtype="string")),
        "categories": (boxes, [0.9, 0.8], pandas.Series(["3", "5"], dtype="category")),
        "numbers that may be missing": (
            boxes,
            pandas.array([0.9, 0.8], dtype="Float64"),
            pandas.array([3, 5], "Int64"),
        ),
    }
    return dict(zip(("boxes", "scores", "labels"), sides[name], strict=True))


@pytest.mark.parametrize("name", ["objects", "a column of lists", "texts", "categories", "numbers that may be missing"])
@pytest.mark.parametrize("flags", ["boolean", object])
def test_columns_of_objects_are_what_they_hold(name, flags):
    pandas = pytest.importorskip("pandas")
    image = columns_of_pandas(name)
    target = {**image, "iscrowd": pandas.Series([False, True], dtype=flags), "area": np.array([50, 60], dtype=object)}
    results = [meanap.evaluate([target], [image], on_error=mode).ap for mode in ("raise", "skip")]
    metric = meanap.MeanAveragePrecision()
    metric.update([image], [target])
    assert [*results, metric.compute()["map"]] == pytest.approx([1, 1, 1])


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        ("iscrowd", lambda p: p.array([True, None], dtype="boolean"), 'target[0]["iscrowd"]: row 1 is <NA>'),
        ("iscrowd", lambda p: np.array([False, None]), 'target[0]["iscrowd"]: row 1 is null'),
        ("area", lambda p: np.array([5, True], dtype=object), 'target[0]["area"]: row 1 is True'),
        ("area", lambda p: p.Series([5, [6]], dtype=object), 'target[0]["area"]: row 1 is [6], expected a number'),
        ("labels", lambda p: p.array(["a", None], dtype="string"), 'target[0]["labels"]: row 1'),
    ],
)
def test_what_is_no_number_in_a_column_of_objects_is_named(field, values, message):
    pandas = pytest.importorskip("pandas")
    target = {"boxes": [[0, 0, 9, 9]] * 2, "labels": [1, 1], field: values(pandas)}
    with pytest.raises(meanap.InputError) as error:
        meanap.MeanAveragePrecision().update([[]], [target])
    assert str(error.value).startswith(message)


def test_labels_of_half_precision_raise_no_warning():
    image = {"boxes": [[0, 0, 9, 9]], "scores": [0.5], "labels": np.array([3], dtype=np.float16)}
    assert meanap.evaluate([{**image, "labels": [3]}], [image]).ap75 == pytest.approx(1)


def test_views_of_torch_that_negate_are_negated():
    torch = pytest.importorskip("torch", reason="torch's tensors")
    boxes, labels, scores = torch.tensor([[1.0, 2, 10, 10]]), torch.tensor([3]), torch.tensor([0.5])
    target = {"boxes": boxes, "labels": labels}
    image = {"boxes": torch._neg_view(-boxes), "labels": torch._neg_view(-labels), "scores": torch._neg_view(-scores)}
    assert meanap.evaluate([target], [image]).ap75 == pytest.approx(1)
