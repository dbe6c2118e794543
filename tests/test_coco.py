"""`COCO` beside pycocotools' own: same results, order and types, in every state it can be in."""

import contextlib
import copy
import io
import json
import multiprocessing
import pickle
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pycocotools.coco
import pytest

from meanap.compat.pycocotools.coco import COCO

# Bound by value: a stand-in rebinds module attributes, and this must stay the reference.
REFERENCE = {"COCO": pycocotools.coco.COCO}

ATTRIBUTES = ("dataset", "anns", "imgs", "cats", "imgToAnns", "catToImgs")

NASTY = {
    "info": {"year": 2024, "contributors": ["a", "b"]},
    "images": [
        {"id": 3, "height": 40, "width": 50, "file_name": "3.jpg"},
        {"id": 0, "height": 40, "width": 50, "file_name": "0.jpg"},
        {"id": 12, "height": 30, "width": 20, "file_name": "12.jpg"},
        {"id": 3, "height": 41, "width": 51, "file_name": "3 again.jpg"},
        {"id": 900, "file_name": "without size.jpg"},
    ],
    "categories": [
        {"id": 5, "name": "cat", "supercategory": "animal"},
        {"id": 2, "name": "dog", "supercategory": "animal"},
        {"id": 9, "name": "cart", "supercategory": "vehicle"},
        {"id": 5, "name": "cat again", "supercategory": "animal"},
    ],
    "annotations": [
        {"id": 0, "image_id": 3, "category_id": 5, "bbox": [1, 2, 10, 12], "area": 120, "iscrowd": 0,
         "segmentation": [[1, 2, 11, 2, 11, 14, 1, 14]]},
        {"id": 7, "image_id": 12, "category_id": 2, "bbox": [1.5, 2.5, 10, 12], "area": 100.5, "iscrowd": 1,
         "segmentation": {"size": [30, 20], "counts": [50, 12, 538]}},
        {"id": 8, "image_id": 3, "category_id": 2, "bbox": [5, 5, 32, 32], "area": 1024, "iscrowd": 0,
         "segmentation": [[5.0, 5.0, 37.0, 5.0, 37.0, 37.0], [1, 1, 3, 1, 3, 3]]},
        {"id": 7, "image_id": 0, "category_id": 9, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0,
         "segmentation": [[0, 0, 5, 0, 5, 5, 0, 5]]},
        {"id": 11, "image_id": 77, "category_id": 44, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0,
         "segmentation": [[0, 0, 5, 0, 5, 5, 0, 5]]},
    ],
}  # fmt: skip

PLAIN = {
    **NASTY,
    "images": [image for image in NASTY["images"][:3]],
    "categories": NASTY["categories"][:3],
    "annotations": [{**ann, "id": n + 1} for n, ann in enumerate(NASTY["annotations"][:4])],
}


def reference(source=None):
    """The reference's COCO of a path or a dict, without its prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        if not isinstance(source, dict):
            return REFERENCE["COCO"](None if source is None else str(source))
        coco = REFERENCE["COCO"]()
        coco.dataset = source
        coco.createIndex()
        return coco


def load_res(coco, results):
    with contextlib.redirect_stdout(io.StringIO()):
        return coco.loadRes(results)


def same(a, b, place="value"):
    """Asserts equality down to types and bits."""
    assert type(a) is type(b), f"{place}: {type(a)} and {type(b)}"
    if isinstance(a, dict):
        assert list(a) == list(b), place
        for key in a:
            same(a[key], b[key], f"{place}[{key!r}]")
        if isinstance(a, defaultdict):
            assert a.default_factory is b.default_factory, place
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), place
        for n, (x, y) in enumerate(zip(a, b, strict=True)):
            same(x, y, f"{place}[{n}]")
    elif isinstance(a, (np.ndarray, np.generic)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape), place
        assert a.tobytes() == b.tobytes(), f"{place}: {a} and {b}"
    elif isinstance(a, float):
        assert np.float64(a).tobytes() == np.float64(b).tobytes(), f"{place}: {a} and {b}"
    else:
        assert a == b, f"{place}: {a} and {b}"


def same_content(ours, theirs):
    for name in ATTRIBUTES:
        same(getattr(ours, name), getattr(theirs, name), name)


def same_answer(ours, theirs, call):
    """Asserts that `call` gives the same for both, or raises errors of the same class."""

    def answer(coco):
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                return call(coco)
        except Exception as error:
            return type(error)

    same(answer(ours), answer(theirs))


def file_of(folder: Path, content) -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps(content))
    return path


STATES = {
    "file": lambda path, _: COCO(str(path)),
    "path": lambda path, _: COCO(annotation_file=path),
    "touched": lambda path, _: _touch(COCO(path)),
    "dict": lambda _, content: COCO(content),
    "assigned": lambda _, content: _assigned(COCO, content),
}


def _touch(coco):
    assert coco.dataset is not None
    return coco


def _assigned(cls, content):
    coco = cls()
    coco.dataset = content
    coco.createIndex()
    return coco


CALLS = {
    "all annotations": lambda c: c.getAnnIds(),
    "of an image": lambda c: c.getAnnIds(3),
    "of images, in that order": lambda c: c.getAnnIds([12, 3, 1]),
    "of images in an array": lambda c: c.getAnnIds(np.array([12, 3])),
    "of images twice": lambda c: c.getAnnIds(imgIds=[3, 3]),
    "of a NumPy id": lambda c: c.getAnnIds(np.int64(3)),
    "of categories": lambda c: c.getAnnIds(catIds=[9, 2]),
    "of categories in a set": lambda c: c.getAnnIds(catIds={9, 2}),
    "of categories in an array": lambda c: c.getAnnIds(catIds=np.array([9, 2])),
    "of float categories": lambda c: c.getAnnIds(catIds=[5.0]),
    "of NumPy categories": lambda c: c.getAnnIds([0, 3, 12], [np.int64(2), np.float32(5)]),
    "of an area, open": lambda c: c.getAnnIds(areaRng=[25, 1024]),
    "of an area, open below": lambda c: c.getAnnIds(areaRng=[24, 1025]),
    "crowds": lambda c: c.getAnnIds(iscrowd=True),
    "no crowds of images": lambda c: c.getAnnIds(imgIds=[3, 12], iscrowd=0),
    "everything at once": lambda c: c.getAnnIds([3, 12], [5, 2], [0, 500], False),
    "of an unhashable image": lambda c: c.getAnnIds([[1]]),
    "categories": lambda c: c.getCatIds(),
    "categories by name": lambda c: c.getCatIds(catNms=["cart", "cat"]),
    "categories by one name": lambda c: c.getCatIds("cat"),
    "categories by kin": lambda c: c.getCatIds(supNms="animal"),
    "categories by id": lambda c: c.getCatIds(catIds=2),
    "categories by all": lambda c: c.getCatIds(["cat", "dog"], ["animal"], [2, 9]),
    "images": lambda c: c.getImgIds(),
    "images by id": lambda c: c.getImgIds([900, 5, 12]),
    "images of a category": lambda c: c.getImgIds(catIds=2),
    "images of categories": lambda c: c.getImgIds(catIds=[2, 5]),
    "images by both": lambda c: c.getImgIds(imgIds=[12, 0], catIds=[2]),
    "images of an unknown category": lambda c: (c.getImgIds(catIds=[123]), 123 in c.catToImgs),
    "load annotations": lambda c: c.loadAnns([7, 8]),
    "load an annotation": lambda c: c.loadAnns(7),
    "load no annotations": lambda c: c.loadAnns(),
    "load a missing annotation": lambda c: c.loadAnns(1234),
    "load by a NumPy id": lambda c: c.loadImgs(np.int64(3)),
    "load by a float": lambda c: c.loadImgs(3.0),
    "load by floats": lambda c: c.loadImgs([3.0]),
    "load by an array": lambda c: c.loadCats(np.array([2, 5])),
    "load by a bool": lambda c: c.loadCats(True),
    "load images": lambda c: c.loadImgs([0, 3]),
    "load an image": lambda c: c.loadImgs(3),
    "load categories": lambda c: c.loadCats([9]),
    "masks": lambda c: [c.annToMask(ann) for ann in c.dataset["annotations"][:4]],
    "run lengths": lambda c: [c.annToRLE(ann) for ann in c.dataset["annotations"][:4]],
    "mask without image": lambda c: c.annToRLE(c.dataset["annotations"][4]),
    "mask without size": lambda c: c.annToRLE({"image_id": 900, "segmentation": [[1, 2, 3, 4, 5, 6]]}),
    "rows": lambda c: c.loadNumpyAnnotations(np.arange(14.0).reshape(2, 7)),
    "rows of single precision": lambda c: c.loadNumpyAnnotations(np.full((1, 7), 0.1, dtype=np.float32)),
    "rows of integers": lambda c: c.loadNumpyAnnotations(np.arange(7).reshape(1, 7)),
    "rows that are a list": lambda c: c.loadNumpyAnnotations([[1, 2, 3, 4, 5, 6, 7]]),
    "rows of six": lambda c: c.loadNumpyAnnotations(np.zeros((3, 6))),
    "rows of NaN": lambda c: c.loadNumpyAnnotations(np.full((1, 7), np.nan)),
    "rows of infinity": lambda c: c.loadNumpyAnnotations(np.full((1, 7), np.inf)),
    "download nowhere": lambda c: c.download(),
    "show nothing": lambda c: c.showAnns([]),
    "show what cannot be shown": lambda c: c.showAnns([{"id": 1}]),
}


@pytest.mark.parametrize("content", [NASTY, PLAIN], ids=["nasty", "plain"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("call", CALLS)
def test_method(tmp_path, content, state, call):
    path = file_of(tmp_path, content)
    ours = STATES[state](path, copy.deepcopy(content))
    same_answer(ours, reference(path), CALLS[call])
    same_content(ours, reference(path)) if call != "images of an unknown category" else None


BROKEN = {
    "empty": {},
    "only images": {"images": [{"id": 1}]},
    "no annotations": {"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1}]},
    "no categories": {"images": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1}]},
    "no image id": {"annotations": [{"id": 1, "image_id": 1}, {"id": 2}]},
    "no id": {"annotations": [{"image_id": 1}]},
    "no category id": {"annotations": [{"id": 1, "image_id": 1}], "categories": []},
    "image without id": {"images": [{"id": 1}, {"file_name": "x"}]},
    "category without id": {"categories": [{"name": "x"}]},
    "annotations of null": {"annotations": None},
    "a null annotation": {"annotations": [None]},
    "a list as image id": {"annotations": [{"id": 1, "image_id": [1]}]},
    "a list as id": {"annotations": [{"id": {}, "image_id": 1}]},
    "string ids": {
        "images": [{"id": "a"}],
        "annotations": [{"id": "x", "image_id": "a", "category_id": "k"}],
        "categories": [{"id": "k", "name": "n"}],
    },
    "float ids": {"images": [{"id": 1.0}], "annotations": [{"id": 2.5, "image_id": 1}]},
    "huge ids": {"images": [{"id": 10**30}], "annotations": [{"id": 10**40, "image_id": 10**30}]},
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("state", STATES)
def test_unusual_dataset(tmp_path, case, state):
    path = file_of(tmp_path, BROKEN[case])
    try:
        theirs = reference(path)
    except Exception as error:
        with pytest.raises(type(error)):
            _touch(STATES[state](path, copy.deepcopy(BROKEN[case])))
        return
    ours = STATES[state](path, copy.deepcopy(BROKEN[case]))
    for call in ("all annotations", "categories", "images", "of an image"):
        same_answer(ours, theirs, CALLS[call])
    same_content(ours, theirs)


def test_errors_name_record_and_field():
    with pytest.raises(KeyError, match='annotations: record 1: \\\\?"image_id\\\\?" is missing'):
        COCO(BROKEN["no image id"])
    with pytest.raises(TypeError, match="annotations: record 0 is None, expected a dict"):
        COCO(BROKEN["a null annotation"])
    with pytest.raises(KeyError, match="images: record 1"):
        COCO(BROKEN["image without id"])


@pytest.mark.parametrize("content", ["[1, 2]", "3", '"x"'])
def test_a_file_that_is_no_object(tmp_path, content):
    path = tmp_path / "data.json"
    path.write_text(content)
    with pytest.raises(AssertionError):
        reference(path)
    with pytest.raises(AssertionError, match="data.json"):
        COCO(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        COCO(tmp_path / "nothing.json")
    with pytest.raises(FileNotFoundError):
        COCO(PLAIN).loadRes(str(tmp_path / "nothing.json"))


def test_an_empty_object_is_the_references():
    same_content(COCO(), reference())


def test_nothing_is_printed(tmp_path, capsys):
    coco = COCO(file_of(tmp_path, PLAIN))
    _touch(coco.loadRes(results_of("boxes")))
    assert capsys.readouterr().out == ""
    coco.info()
    assert capsys.readouterr().out == "year: 2024\ncontributors: ['a', 'b']\n"


# Results


def _run_lengths(coco, count=3):
    with contextlib.redirect_stdout(io.StringIO()):
        return [coco.annToRLE(ann) for ann in coco.dataset["annotations"][:count]]


def _results(images, field, values):
    pairs = zip(images, values, strict=True)
    return [{"image_id": i, "category_id": 5, field: value, "score": 0.5} for i, value in pairs]


def results_of(kind):
    """Fresh result annotations for `PLAIN`."""
    images = [3, 12, 3]
    if kind == "boxes":
        boxes = [[1.0, 2.0, 10.5, 12.25], [1, 2, 10, 12], [0.1, 0.2, 0.3, 3]]
        return _results(images, "bbox", boxes)
    if kind == "boxes with masks":
        rings = [[[1.0, 1.0, 5.0, 1.0, 5.0, 5.0]]] * 3
        both = zip(results_of("boxes"), rings, strict=True)
        return [{**box, "segmentation": ring} for box, ring in both]
    if kind == "NumPy boxes":
        return [
            {**box, "bbox": [np.float32(side) for side in box["bbox"]], "score": np.float32(0.5)}
            for box in results_of("boxes")
        ]
    if kind == "masks":
        runs = [{"size": r["size"], "counts": r["counts"].decode()} for r in _run_lengths(reference(PLAIN))]
        return _results(images, "segmentation", runs)
    if kind == "masks with empty boxes":
        return [{**mask, "bbox": []} for mask in results_of("masks")]
    if kind == "masks, some with boxes":
        masks = results_of("masks")
        masks[1]["bbox"] = [1, 2, 3, 4]
        return masks
    if kind == "keypoints":
        poses = [[1.5, 2.5, 2, 7.25, 3.5, 1], [4, 5, 2, 6, 1, 0], [-1, 2.5, 2, 7, 3, 0]]
        return _results(images, "keypoints", poses)
    if kind == "odd keypoints":
        nan = float("nan")
        poses = [[-0.0, 0.0, 1, 0.0, -0.0, 1], [1, 2], [nan, 1, 1, 2.5, 2, 2], [2**60, 1, 1, 3, 2**61, 2]]
        return [{"image_id": 3, "category_id": 5, "keypoints": p, "score": 1} for p in poses]
    if kind == "captions":
        return [{"image_id": 12, "caption": "a cart"}, {"image_id": 3, "caption": "a dog"}]
    if kind == "neither":
        return [{"id": 4, "image_id": 12, "category_id": 1}]
    if kind == "of no known image":
        return [{**box, "image_id": 13} for box in results_of("boxes")]
    if kind == "without a box":
        boxes = results_of("boxes")
        del boxes[1]["bbox"]
        return boxes
    if kind == "with three numbers":
        boxes = results_of("boxes")
        boxes[2]["bbox"] = [1, 2, 3]
        return boxes
    if kind == "with null boxes":
        return [{**box, "bbox": None} for box in results_of("boxes")]
    if kind == "with text boxes":
        return [{**box, "bbox": ["a", "b", "c", "d"]} for box in results_of("boxes")]
    if kind == "without image":
        boxes = results_of("boxes")
        del boxes[0]["image_id"]
        return boxes
    if kind == "masks that are polygons":
        return [{**mask, "segmentation": [[1, 1, 5, 1, 5, 5]]} for mask in results_of("masks")]
    if kind == "masks without counts":
        masks = results_of("masks")
        del masks[2]["segmentation"]["counts"]
        return masks
    if kind == "keypoints of nothing":
        return [{"image_id": 3, "category_id": 5, "keypoints": [], "score": 1}]
    if kind == "nothing":
        return []
    if kind == "numbers":
        return [1, 2, 3]
    raise ValueError(kind)


KINDS = [
    "boxes", "boxes with masks", "masks", "masks with empty boxes", "masks, some with boxes", "keypoints",
    "odd keypoints", "captions", "neither", "of no known image", "without a box", "with three numbers",
    "with null boxes", "with text boxes", "without image", "masks that are polygons", "masks without counts",
    "keypoints of nothing", "nothing", "numbers",
]  # fmt: skip


@pytest.mark.parametrize("form", ["list", "file"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", [*KINDS, "NumPy boxes"])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:overflow:RuntimeWarning")
def test_results(tmp_path, form, state, kind):
    if form == "file" and kind == "NumPy boxes":
        pytest.skip("JSON has no NumPy scalars")
    ours = STATES[state](file_of(tmp_path, PLAIN), copy.deepcopy(PLAIN))
    theirs = reference(copy.deepcopy(PLAIN))
    given = [results_of(kind), results_of(kind)]
    if form == "file":
        path = tmp_path / "results.json"
        path.write_text(json.dumps(given[0]))
        given = [str(path), str(path)]
    try:
        expected = load_res(theirs, given[1])
    except Exception as error:
        with pytest.raises(type(error)) as caught:
            load_res(ours, given[0])
        assert "results" in str(caught.value)
        return
    results = load_res(ours, given[0])
    if form == "list":
        assert results.dataset["annotations"] is given[0]
        same(given[0], given[1])
    same(results.getImgIds(), expected.getImgIds())
    same_answer(results, expected, CALLS["categories"])
    same_content(results, expected)
    assert type(results) is COCO
    for image in results.dataset["images"]:
        assert any(image is own for own in ours.dataset["images"])
    if "categories" in results.dataset:
        assert results.dataset["categories"][0] is not ours.dataset["categories"][0]
    assert results.dataset["info"] is not ours.dataset["info"]


def test_result_errors_name_record_and_field():
    for kind, sentence in {
        "of no known image": "results: record 0: image id 13 is not in the ground truth",
        "without a box": 'results: record 1: "bbox" is missing',
        "with three numbers": 'results: record 2: "bbox"',
        "without image": 'results: record 0: "image_id" is missing',
        "masks without counts": 'results: record 2: "segmentation"',
        "keypoints of nothing": 'results: record 0: "keypoints"',
        "numbers": "results: record 0 is an int, expected a dict",
    }.items():
        with pytest.raises((KeyError, IndexError, TypeError, ValueError, AssertionError)) as caught:
            COCO(copy.deepcopy(PLAIN)).loadRes(results_of(kind))
        assert sentence in str(caught.value.args[0])


@pytest.mark.parametrize("results", [(), {}, None, 3, ({"image_id": 3},)])
def test_what_is_no_list_of_results(results):
    with pytest.raises(AssertionError):
        load_res(reference(PLAIN), results)
    with pytest.raises(AssertionError, match="expected a list"):
        COCO(PLAIN).loadRes(results)


def test_results_from_a_path_object(tmp_path):
    """DIFFERENCE: the reference takes a path only as a string."""
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results_of("boxes")))
    with pytest.raises(AssertionError):
        load_res(reference(PLAIN), path)
    same_content(COCO(PLAIN).loadRes(path), load_res(reference(PLAIN), str(path)))


ROWS = np.array([[3, 1, 2, 10.5, 12.25, 0.5, 5], [12.9, 0.1, 0.2, 0.3, 3, 0.25, 2.2], [-0.5, 1, 1, 2, 2, 0.1, 9]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64, np.longdouble, object])
@pytest.mark.parametrize("state", STATES)
def test_results_from_rows(tmp_path, state, dtype):
    rows = ROWS.astype(dtype)
    ours = STATES[state](file_of(tmp_path, PLAIN), copy.deepcopy(PLAIN))
    theirs = reference(copy.deepcopy(PLAIN))
    results, expected = load_res(ours, rows), load_res(theirs, rows)
    rows[:] = 0  # The caller's array is the caller's.
    same(results.getImgIds(), expected.getImgIds())
    same(results.getCatIds(), expected.getCatIds())
    same_content(results, expected)


@pytest.mark.parametrize(
    "rows",
    [np.zeros((0, 7)), np.zeros((2, 6)), np.zeros(7), np.full((1, 7), np.nan), np.full((1, 7), np.inf),
     np.full((2, 7), 3.5), np.array([[3, 1, 1, 1, 1, 1, np.nan]])],
)  # fmt: skip
@pytest.mark.parametrize("state", STATES)
def test_rows_that_cannot_be_results(tmp_path, state, rows):
    theirs = reference(copy.deepcopy(PLAIN))
    ours = STATES[state](file_of(tmp_path, PLAIN), copy.deepcopy(PLAIN))
    try:
        expected = load_res(theirs, rows)
    except Exception as error:
        with pytest.raises(type(error)):
            load_res(ours, rows)
        return
    same_content(load_res(ours, rows), expected)


def test_results_are_of_the_ground_truth_as_it_was(tmp_path):
    """Untouched results do not see what happens to the ground truth later, but share its images."""
    path, results_path = file_of(tmp_path, PLAIN), tmp_path / "results.json"
    results_path.write_text(json.dumps(results_of("boxes")))
    pairs = []
    for coco in (COCO(path), reference(path)):
        results = load_res(coco, str(results_path))
        coco.dataset["images"].append({"id": 55})
        coco.dataset["categories"][0]["name"] = "tiger"
        coco.dataset["info"]["year"] = 1066
        coco.imgs[12]["height"] = 77
        coco.createIndex() if isinstance(coco, COCO) else coco.imgs.update({55: {"id": 55}})
        pairs.append((coco, results))
    (ours, our_results), (theirs, their_results) = pairs
    same_content(our_results, their_results)
    assert our_results.imgs[12] is ours.imgs[12]
    assert our_results.imgs[12]["height"] == 77


def test_results_touched_first_share_their_images(tmp_path):
    results_path = tmp_path / "results.json"
    results_path.write_text(json.dumps(results_of("boxes")))
    truth = COCO(file_of(tmp_path, PLAIN))
    results = truth.loadRes(str(results_path))
    results.imgs[3]["note"] = "seen"
    assert truth.imgs[3] is results.imgs[3]
    assert truth.dataset["images"][0]["note"] == "seen"


# Life of an object


def test_edits_are_the_truth(tmp_path):
    for coco in (COCO(file_of(tmp_path, PLAIN)), COCO(copy.deepcopy(PLAIN))):
        expected = reference(copy.deepcopy(PLAIN))
        for each in (coco, expected):
            each.dataset["annotations"][:] = each.dataset["annotations"][:2]
            each.dataset["images"].append({"id": 60, "height": 1, "width": 2})
            with contextlib.redirect_stdout(io.StringIO()):
                each.createIndex()
        same_content(coco, expected)
        same(coco.getImgIds(), expected.getImgIds())


def test_an_assigned_dataset_replaces_only_itself(tmp_path):
    path = file_of(tmp_path, PLAIN)
    other = {"images": [], "categories": [{"id": 99}], "annotations": []}
    ours, theirs = COCO(path), reference(path)
    for coco in (ours, theirs):
        coco.dataset = copy.deepcopy(other)
    same(ours.getCatIds(), theirs.getCatIds())
    same(ours.getImgIds(), theirs.getImgIds())
    same_content(ours, theirs)
    with contextlib.redirect_stdout(io.StringIO()):
        ours.createIndex(), theirs.createIndex()
    same_content(ours, theirs)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("state", STATES)
def test_pickle(tmp_path, state, protocol):
    path = file_of(tmp_path, NASTY)
    coco = STATES[state](path, copy.deepcopy(NASTY))
    coco.note = "kept"
    data = pickle.dumps(coco, protocol)
    path.unlink()
    twin = pickle.loads(data)
    same(twin.getImgIds(), reference(copy.deepcopy(NASTY)).getImgIds())
    assert twin.note == "kept"
    same_content(twin, reference(copy.deepcopy(NASTY)))
    assert twin.anns[8] is twin.imgToAnns[3][1] is twin.dataset["annotations"][2]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("form", ["list", "file", "rows"])
def test_results_pickle_and_copy(tmp_path, state, form):
    given = {"list": results_of("boxes"), "rows": ROWS}.get(form)
    if form == "file":
        given = str(tmp_path / "results.json")
        Path(given).write_text(json.dumps(results_of("boxes")))
    truth = STATES[state](file_of(tmp_path, PLAIN), copy.deepcopy(PLAIN))
    expected = load_res(reference(copy.deepcopy(PLAIN)), copy.deepcopy(given))
    results = truth.loadRes(given)
    same_content(copy.deepcopy(results), expected)
    same_content(pickle.loads(pickle.dumps(results)), expected)
    truth2, results2 = copy.deepcopy((truth, results))
    truth3, results3 = pickle.loads(pickle.dumps((truth, results)))
    same_content(results, expected)
    for a, b in ((truth, results), (truth2, results2), (truth3, results3)):
        same_content(b, expected)
        assert b.dataset["images"][0] is a.dataset["images"][0]
    assert results2.dataset["images"][0] is not results.dataset["images"][0]


@pytest.mark.parametrize("state", STATES)
def test_deepcopy_is_independent(tmp_path, state):
    coco = STATES[state](file_of(tmp_path, PLAIN), copy.deepcopy(PLAIN))
    twin = copy.deepcopy(coco)
    twin.anns[1]["area"] = -1
    twin.dataset["images"].clear()
    same_content(coco, reference(copy.deepcopy(PLAIN)))


@pytest.mark.parametrize("state", STATES)
def test_copy_shares(tmp_path, state):
    coco = STATES[state](file_of(tmp_path, PLAIN), copy.deepcopy(PLAIN))
    twin = copy.copy(coco)
    twin.anns[1]["area"] = -1
    assert coco.anns is twin.anns and coco.dataset is twin.dataset
    assert coco.loadAnns(1)[0]["area"] == -1


def _ids(coco, image):
    return coco.getAnnIds(image), coco.getImgIds()


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_other_processes(tmp_path, method):
    coco = COCO(file_of(tmp_path, PLAIN))
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(_ids, (coco, 3)) == _ids(coco, 3)


# What frameworks do


class OwnInit(COCO):
    """mmdetection: names of its own for what the base class made."""

    def __init__(self, annotation_file=None):
        super().__init__(annotation_file=annotation_file)
        self.img_ann_map = self.imgToAnns
        self.cat_img_map = self.catToImgs

    def get_ann_ids(self, img_ids=(), cat_ids=(), area_rng=(), iscrowd=None):
        return self.getAnnIds(img_ids, cat_ids, area_rng, iscrowd)


class LateInit(COCO):
    """TensorFlow's object detection: a data set from memory, after the base constructor or without."""

    def __init__(self, dataset, call):
        if call:
            COCO.__init__(self)
        self.dataset = dataset
        self.createIndex()


class OwnIndex(COCO):
    """A `createIndex` of its own must run in the constructor."""

    def createIndex(self):
        super().createIndex()
        self.count = len(self.anns)


def test_subclasses(tmp_path):
    path = file_of(tmp_path, PLAIN)
    expected = reference(path)
    own = OwnInit(path)
    same_content(own, expected)
    assert own.img_ann_map is own.imgToAnns and own.get_ann_ids(3) == expected.getAnnIds(3)
    for call in (True, False):
        same_content(LateInit(copy.deepcopy(PLAIN), call), expected)
    assert OwnIndex(path).count == len(expected.anns)
    same_content(pickle.loads(pickle.dumps(OwnIndex(path))), expected)
    assert type(OwnIndex(path).loadRes(results_of("boxes"))) is COCO


def test_no_attributes_before_the_constructor():
    coco = COCO.__new__(COCO)
    assert not hasattr(coco, "dataset") and not hasattr(coco, "nonsense")


def test_load_res_unbound(tmp_path):
    ours, theirs = COCO(file_of(tmp_path, PLAIN)), reference(copy.deepcopy(PLAIN))
    same_content(COCO.loadRes(ours, results_of("boxes")), load_res(theirs, results_of("boxes")))
    same_content(COCO.loadRes(theirs, results_of("boxes")), load_res(theirs, results_of("boxes")))


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_real_data(shared_data, kind):
    path, results = shared_data / "coco100_gt.json", shared_data / f"coco100_{kind}.json"
    ours, theirs = COCO(path), reference(path)
    same(ours.getImgIds(), theirs.getImgIds())
    same(ours.getCatIds(), theirs.getCatIds())
    our_results, their_results = load_res(ours, str(results)), load_res(theirs, str(results))
    same(our_results.getImgIds(), their_results.getImgIds())
    same_content(our_results, their_results)
    same_content(ours, theirs)
    for crowd in (None, 0, 1):
        same(ours.getAnnIds(catIds=[1, 17], iscrowd=crowd), theirs.getAnnIds(catIds=[1, 17], iscrowd=crowd))
    for ann in theirs.dataset["annotations"][:200]:
        same(ours.annToRLE(ours.anns[ann["id"]]), theirs.annToRLE(ann))
        same(ours.annToMask(ours.anns[ann["id"]]), theirs.annToMask(ann))


@pytest.mark.parametrize("name", ["lvis100_gt.json", "kpt_gt.json"])
def test_other_real_data(shared_data, name):
    same_content(COCO(shared_data / name), reference(shared_data / name))


def test_real_keypoint_results(shared_data):
    ours, theirs = COCO(shared_data / "kpt_gt.json"), reference(shared_data / "kpt_gt.json")
    path = str(shared_data / "kpt_dt.json")
    same_content(load_res(ours, path), load_res(theirs, path))


def test_show(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    content = copy.deepcopy(PLAIN)
    content["categories"][0]["skeleton"] = [[1, 2]]
    content["annotations"][0]["keypoints"] = [5, 5, 2, 10, 10, 1]
    pictures = []
    for coco in (COCO(copy.deepcopy(content)), reference(copy.deepcopy(content))):
        np.random.seed(0)
        figure = plt.figure()
        plt.imshow(np.zeros((40, 50, 3)))
        assert coco.showAnns(coco.dataset["annotations"], draw_bbox=True) is None
        figure.canvas.draw()
        pictures.append(np.asarray(figure.canvas.buffer_rgba()).copy())
        plt.close(figure)
    assert (pictures[0] == pictures[1]).all()


def test_captions_are_printed(capsys):
    COCO().showAnns([{"caption": "a cart"}, {"caption": "a dog"}])
    assert capsys.readouterr().out == "a cart\na dog\n"


def test_download(tmp_path, monkeypatch):
    import urllib.request

    fetched = []
    fetch = lambda url, path, *_: fetched.append((url, Path(path).name))  # noqa: E731
    monkeypatch.setattr(urllib.request, "urlretrieve", fetch)
    content = copy.deepcopy(PLAIN)
    for image in content["images"]:
        image["coco_url"] = f"http://images/{image['id']}"
    (tmp_path / "0.jpg").write_text("there already")
    COCO(content).download(str(tmp_path))
    assert fetched == [("http://images/3", "3.jpg"), ("http://images/12", "12.jpg")]
    fetched.clear()
    # A program may have put its own in the module.
    monkeypatch.undo()
    monkeypatch.setattr(sys.modules[COCO.__module__], "urlretrieve", fetch)
    COCO(content).download(str(tmp_path / "new"), [0])
    assert fetched == [("http://images/0", "0.jpg")]


@pytest.mark.parametrize(
    "evaluated",
    [[], [3], [2, 5, 9], [9, 2, 5], [np.int64(2), 5, 9], ["a", "b"], [1, "a"], [2.0, 5.5], [True, 7], [2**63, 2**70]],
)
def test_ids_are_found_whatever_their_type(evaluated):
    from meanap.compat.pycocotools._sources import _NOWHERE, Ids

    ids = Ids(evaluated)
    assert ids.distinct and not Ids(evaluated + evaluated[:1]).distinct == bool(evaluated)
    for sought in ([], [2], [5, 2, 9, 9, 1, 10, -1, 2**62], [7]):
        expected = [evaluated.index(id) if id in evaluated else _NOWHERE for id in sought]
        found = ids.positions(np.array(sought, dtype=np.int64))
        assert (found.tolist(), found.dtype) == (expected, np.uint32)
