"""Columns from dictionaries and rows: what they hold evaluates as in the reference, all else is refused."""

import contextlib
import copy
import gc
import io
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import pycocotools.coco
import pycocotools.cocoeval
import pycocotools.mask
import pytest

from meanap import _core
from meanap.compat.pycocotools._lazy import stored
from meanap.compat.pycocotools.coco import COCO
from meanap.compat.pycocotools.cocoeval import COCOeval

REFERENCE = {"COCO": pycocotools.coco.COCO, "COCOeval": pycocotools.cocoeval.COCOeval}

IMAGES = {1: {"id": 1, "height": 20, "width": 30}, 2: {"id": 2, "height": 20, "width": 30}}
RUNS = pycocotools.mask.frPyObjects({"size": [20, 30], "counts": [10, 30, 560]}, 20, 30)
RING = [2.0, 2.0, 9.0, 2.0, 9.0, 8.0, 2.0, 8.0]


def truth(**fields):
    geometry = {
        "bbox": [1.0, 2.0, 3.0, 4.0],
        "segmentation": [RING],
        "keypoints": [1.0, 2.0, 2, 5.0, 4.0, 1],
        "num_keypoints": 2,
    }
    return {"id": 1, "image_id": 1, "category_id": 1, "area": 12.0, "iscrowd": 0, **geometry, **fields}


def detection(**fields):
    geometry = {
        "bbox": [1.0, 2.0, 3.0, 4.5],
        "segmentation": [RING],
        "keypoints": [1.5, 2.0, 2, 5.0, 4.5, 1],
    }
    return {"id": 1, "image_id": 1, "category_id": 1, "area": 12.0, "score": 0.5, **geometry, **fields}


def columns(annotations, iou_type="bbox", role="ground_truth", images=IMAGES, **more):
    return _core.objects_from_dicts(annotations, iou_type, role, images, {1: 0, 2: 1}, {1: 0}, **more)


TRUTHS = {
    "bbox": {
        "as usual": {},
        "integers": {"bbox": [1, 2, 3, 4], "area": 12, "id": 5},
        "an array": {"bbox": np.array([1.0, 2, 3, 4])},
        "an array of single precision": {"bbox": np.array([1.1, 2, 3, 4], dtype=np.float32)},
        "an array of integers": {"bbox": np.array([1, 2, 3, 4], dtype=np.int16)},
        "NumPy scalars": {
            "bbox": [np.float64(1), np.float32(2.1), np.int64(3), np.uint8(4)],
            "area": np.uint32(12),
        },
        "truths": {"bbox": [True, False, True, True]},
        "NaN and infinity": {"bbox": [np.nan, np.inf, 1.0, 2.0], "area": np.nan},
        "a crowd": {"iscrowd": 1},
        "a crowd of True": {"iscrowd": True},
        "a crowd of 1.0": {"iscrowd": 1.0},
        "ignored, but no crowd": {"iscrowd": 0.5},
        "a NumPy id": {"id": np.int64(7)},
        "a float id": {"id": 7.5},
        "an image that is not evaluated": {"image_id": "elsewhere"},
        "an image id that is a float": {"image_id": 1.0},
        "an image id that is a NumPy scalar": {"image_id": np.int32(1)},
    },
    "segm": {
        "as usual": {},
        "several rings": {"segmentation": [RING, [1, 1, 3, 1, 3, 3], [5, 5]]},
        "an odd ring": {"segmentation": [[*RING, 7.0]]},
        "a ring in an array": {"segmentation": [np.array(RING)]},
        "a ring in a single precision array": {"segmentation": [np.array(RING, dtype=np.float32) / 3]},
        "plain counts": {"segmentation": {"size": [20, 30], "counts": [10, 30, 560]}},
        "plain counts that are floats": {"segmentation": {"size": [20.0, 30.9], "counts": [10.0, 30.7, 560]}},
        "compressed counts": {"segmentation": {"size": [20, 30], "counts": RUNS["counts"].decode()}},
        "compressed bytes": {"segmentation": {"size": (20, 30), "counts": RUNS["counts"]}},
    },
    "keypoints": {
        "as usual": {},
        "integers": {"keypoints": [1, 2, 2, 5, 4, 1], "bbox": [1, 2, 3, 4], "area": 12},
        "nothing visible": {"keypoints": [0, 0, 0, 0, 0, 0], "num_keypoints": 0},
        "nothing visible, but counted": {"keypoints": [0.0, 0, 0, 0, 0, 0], "num_keypoints": 3},
        "an array": {"keypoints": np.array([1.0, 2, 2, 5, 4, 1])},
        "a crowd": {"iscrowd": 1},
    },
}

REFUSED_TRUTHS = {
    "bbox": {
        "no iscrowd": ["iscrowd"],
        "no area": ["area"],
        "no id": ["id"],
        "no bbox": ["bbox"],
        "no image": ["image_id"],
        "no category": ["category_id"],
        "a tuple as box": {"bbox": (1, 2, 3, 4)},
        "three numbers": {"bbox": [1, 2, 3]},
        "an array of two dimensions": {"bbox": np.ones((4, 1))},
        "text": {"bbox": ["1", 2, 3, 4]},
        "fractions": {"bbox": [Fraction(1, 3), 2, 3, 4]},
        "a large integer": {"bbox": [2**53 + 1, 2, 3, 4]},
        "a huge integer": {"area": 10**400},
        "an area of single precision": {"area": np.float32(1.1)},
        "long double": {"area": np.longdouble(1)},
        "null": {"area": None},
        "a text id": {"id": "1"},
        "a crowd of 2": {"iscrowd": 2},
        "a crowd of -1": {"iscrowd": -1},
        "a crowd of text": {"iscrowd": "0"},
        "a crowd of NaN": {"iscrowd": np.nan},
    },
    "segm": {
        "no segmentation": ["segmentation"],
        "no rings": {"segmentation": []},
        "a box as ring": {"segmentation": [[1, 2, 3, 4]]},
        "a flat ring": {"segmentation": RING},
        "an empty second ring": {"segmentation": [RING, []]},
        "NaN": {"segmentation": [[*RING, np.nan, 1.0]]},
        "a ring of text": {"segmentation": ["abcdef"]},
        "no counts": {"segmentation": {"size": [20, 30]}},
        "no size": {"segmentation": {"counts": "abc"}},
        "a short size": {"segmentation": {"counts": "abc", "size": [3]}},
        "a negative size": {"segmentation": {"counts": "abc", "size": [-3, 4]}},
        "a negative count": {"segmentation": {"counts": [-3, 4], "size": [20, 30]}},
        "a huge count": {"segmentation": {"counts": [2**32, 4], "size": [20, 30]}},
        "counts in a tuple": {"segmentation": {"counts": (3, 4), "size": [20, 30]}},
        "an image that is not there": {"image_id": 3},
    },
    "keypoints": {
        "no keypoints": ["keypoints"],
        "no num_keypoints": ["num_keypoints"],
        "none": {"keypoints": []},
        "four numbers": {"keypoints": [1.0, 2, 2, 3]},
        "large integers": {"keypoints": [2**30, 2, 2, 5, 4, 1]},
        "truths": {"keypoints": [True, 2, 2, 5, 4, 1]},
        "single precision": {"keypoints": np.ones(6, dtype=np.float32)},
        "short integers": {"keypoints": np.ones(6, dtype=np.int32)},
        "a box of single precision": {"bbox": np.ones(4, dtype=np.float32)},
    },
}

DETECTIONS = {
    "as usual": {},
    "an integer score": {"score": 1},
    "a NaN score": {"score": np.nan},
    "a single precision score": {"score": np.float32(0.3)},
    "a NumPy score": {"score": np.float64(0.3)},
    "id 0": {"id": 0},
    "a negative id": {"id": -4},
}

REFUSED_DETECTIONS = {
    "no score": ["score"],
    "a text score": {"score": "0.5"},
    "a short integer score": {"score": np.uint8(3)},
    "a null score": {"score": None},
    "a truth as score": {"score": True},
}


def changed(annotation, change):
    if isinstance(change, dict):
        return {**annotation, **copy.deepcopy(change)}
    return {name: value for name, value in annotation.items() if name not in change}


CASES = [(iou_type, case) for iou_type, cases in TRUTHS.items() for case in cases]
REFUSED = [(iou_type, case) for iou_type, cases in REFUSED_TRUTHS.items() for case in cases]


@pytest.mark.parametrize("iou_type,case", REFUSED)
def test_refused_ground_truth(iou_type, case):
    odd = changed(truth(id=2), REFUSED_TRUTHS[iou_type][case])
    assert columns([truth(), odd], iou_type) is None


@pytest.mark.parametrize("case", REFUSED_DETECTIONS)
def test_refused_detections(case):
    odd = changed(detection(id=2), REFUSED_DETECTIONS[case])
    assert columns([detection(), odd], role="detections") is None


@pytest.mark.parametrize("odd", [OrderedDict(truth()), None, 3, [1], "x"])
def test_what_is_no_dict_is_refused(odd):
    assert columns([truth(), odd]) is None


def test_poses_of_different_length_are_refused():
    assert columns([truth(), truth(keypoints=[1.0, 2, 2])], "keypoints") is None


@pytest.mark.parametrize("size", [{}, {"height": 3}, {"height": None, "width": 3}, {"height": -1, "width": 3}, None])
def test_images_without_size_are_refused_for_masks(size):
    assert columns([truth()], "segm", images={1: size}) is None
    assert columns([truth(segmentation=RUNS)], "segm", images={1: size}) is None
    assert columns([truth()], "segm", images=None) is None
    assert len(columns([truth()], "bbox", images={1: size})) == 1


def test_single_precision_areas_where_the_bounds_allow():
    assert len(columns([truth(area=np.float32(1.1))], single=True)) == 1


def test_unknown_names():
    assert columns([truth()], "rotated") is None
    with pytest.raises(ValueError, match="role"):
        columns([truth()], role="gt")


def test_nothing():
    for iou_type in ("bbox", "segm", "boundary", "keypoints"):
        assert len(columns([], iou_type)) == 0


# Whole evaluations


def quiet(call, *args, **kwargs):
    with contextlib.redirect_stdout(io.StringIO()):
        return call(*args, **kwargs)


def evaluated(cls, coco_class, truths, detections, iou_type, **params):
    images = [*IMAGES.values(), {"id": "elsewhere", "height": 9, "width": 9}]
    cocos = []
    for annotations in (truths, detections):
        coco = coco_class()
        coco.dataset = {
            "images": copy.deepcopy(images),
            "categories": [{"id": 1, "name": "a"}],
            "annotations": annotations,
        }
        quiet(coco.createIndex)
        cocos.append(coco)
    evaluator = cls(None, None, iou_type)
    evaluator.cocoGt, evaluator.cocoDt = cocos
    evaluator.params.imgIds, evaluator.params.catIds = [1, 2], [1]
    if iou_type == "keypoints":
        evaluator.params.kpt_oks_sigmas = np.array([0.05, 0.1])
    for name, value in params.items():
        setattr(evaluator.params, name, value)
    quiet(evaluator.evaluate)
    quiet(evaluator.accumulate)
    return evaluator


def same_evaluation(truths, detections, iou_type, **params):
    both = []
    for cls, coco_class in ((COCOeval, COCO), (REFERENCE["COCOeval"], REFERENCE["COCO"])):
        both.append(evaluated(cls, coco_class, copy.deepcopy(truths), copy.deepcopy(detections), iou_type, **params))
    ours, theirs = both
    for name in ("precision", "recall", "scores"):
        assert ours.eval[name].tobytes() == theirs.eval[name].tobytes(), name
    for a, b in zip(ours.evalImgs, theirs.evalImgs, strict=True):
        assert (a is None) == (b is None)
        for name in () if a is None else b:
            np.testing.assert_array_equal(a[name], b[name])
    return ours


def crowd_of_detections():
    """Detections around the ground truth, in two images, with ties."""
    rng = np.random.default_rng(5)
    made = []
    for n in range(12):
        shift = float(rng.normal(scale=0.4))
        made.append(
            detection(
                id=n + 1,
                image_id=1 + n % 2,
                score=round(float(rng.random()), 1),
                area=float(rng.integers(5, 20)),
                bbox=[1.0 + shift, 2.0, 3.0 - shift, 4.0 + shift],
                segmentation=[[c + shift for c in RING]],
                keypoints=[1.0 + shift, 2.0, 2, 5.0, 4.0 - shift, 1],
            )
        )
    return made


@pytest.mark.parametrize("iou_type,case", CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_ground_truth(iou_type, case):
    truths = [truth(id=3), changed(truth(id=2), TRUTHS[iou_type][case]), truth(id=4, image_id=2)]
    known = {**IMAGES, "elsewhere": {"height": 9, "width": 9}}
    assert columns(truths, iou_type, images=known) is not None
    same_evaluation(truths, crowd_of_detections(), iou_type)


@pytest.mark.parametrize("case", DETECTIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_detections(case):
    detections = [changed(detection(id=20), DETECTIONS[case]), *crowd_of_detections()]
    assert columns(detections, role="detections") is not None
    same_evaluation([truth(id=3), truth(id=4, image_id=2)], detections, "bbox")


@pytest.mark.parametrize("iou_type,case", [pair for pair in REFUSED if pair[1] in (
    "an area of single precision", "a tuple as box", "large integers", "single precision", "short integers",
    "no iscrowd", "no rings", "an image that is not there", "a large integer",
)])  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_refused_is_evaluated_by_hand(iou_type, case):
    truths = [truth(id=3), changed(truth(id=2), REFUSED_TRUTHS[iou_type][case])]
    try:
        same_evaluation(truths, crowd_of_detections(), iou_type)
    except AssertionError:
        raise
    except Exception as error:
        with pytest.raises(Exception) as theirs:
            evaluated(REFERENCE["COCOeval"], REFERENCE["COCO"], truths, crowd_of_detections(), iou_type)
        # The reference raises a bare Exception here and there.
        assert isinstance(error, theirs.type)


def test_the_last_of_a_repeated_id_stands_for_all():
    truths = [truth(id=3), truth(id=3, bbox=[5.0, 5.0, 3.0, 3.0]), truth(id=4, image_id=2)]
    same_evaluation(truths, crowd_of_detections(), "bbox")


def test_an_annotation_that_was_moved_after_indexing():
    truths = [truth(id=3), truth(id=4, image_id=2)]
    both = []
    for cls, coco_class in ((COCOeval, COCO), (REFERENCE["COCOeval"], REFERENCE["COCO"])):
        mine = copy.deepcopy(truths)
        ev = evaluated(cls, coco_class, mine, crowd_of_detections(), "bbox")
        mine[0]["image_id"] = 2
        mine[1]["category_id"] = 17
        quiet(ev.evaluate)
        quiet(ev.accumulate)
        both.append(ev)
    assert both[0].eval["precision"].tobytes() == both[1].eval["precision"].tobytes()


# Annotations of images and categories


def test_load_annotations_is_what_the_methods_give():
    rng = np.random.default_rng(3)
    ids = zip(*(rng.integers(0, most, 80).tolist() for most in (60, 9, 5)), strict=True)
    annotations = [{"id": id, "image_id": image, "category_id": category} for id, image, category in ids]
    coco = COCO({"annotations": annotations, "images": [], "categories": []})
    for images in ([], [3, 1], [100], [np.int64(4), 2.0, 4]):
        for categories in ([], [2], [np.int64(2), 4], [2.0], ["x", 3], [np.float32(1), None], [[1], 2]):
            expected = coco.loadAnns(coco.getAnnIds(images, categories))
            loaded = _core.load_annotations(coco.imgToAnns, coco.anns, images, categories, annotations)
            assert len(loaded) == len(expected)
            assert all(a is b for a, b in zip(loaded, expected, strict=True))


def test_load_annotations_without_category():
    coco = COCO({"annotations": [{"id": 6, "image_id": 1}]})
    with pytest.raises(KeyError, match="the annotation with id 6"):
        _core.load_annotations(coco.imgToAnns, coco.anns, [1], [2], None)


def test_errors_of_user_objects_come_through():
    class Id:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        columns([truth(image_id=Id())])


# Rows

ROWS = np.array([
    [1, 1, 2, 3, 4.25, 0.5, 1], [2.9, 1.5, 2, 3, 4, 0.75, 1.5], [1, 1, 2, 2.5, 4, 0.5, 1],
    [2, 1.25, 2, 3, 4, 0.5, 7], [1, np.nan, 2, 2.5, 4, 0.5, 1],
])  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rows(dtype, iou_type):
    rows = (ROWS[:4] if iou_type == "segm" or dtype is np.int64 else ROWS).astype(dtype)
    evaluations = []
    for cls, coco_class in ((COCOeval, COCO), (REFERENCE["COCOeval"], REFERENCE["COCO"])):
        gt = coco_class()
        gt.dataset = {
            "images": list(copy.deepcopy(IMAGES).values()),
            "categories": [{"id": 1, "name": "a"}],
            "annotations": [truth(id=3), truth(id=4, image_id=2)],
        }
        quiet(gt.createIndex)
        evaluator = cls(gt, quiet(gt.loadRes, rows), iou_type)
        evaluator.params.areaRng = [[0, 1e10], [0, 12.1], [12.1, 1e10]]
        evaluator.params.areaRngLbl = ["all", "small", "large"]
        quiet(evaluator.evaluate)
        quiet(evaluator.accumulate)
        evaluations.append(evaluator.eval)
    for name in ("precision", "recall", "scores"):
        assert evaluations[0][name].tobytes() == evaluations[1][name].tobytes(), name


def test_rows_stay_rows(monkeypatch):
    gt = COCO({
        "images": list(IMAGES.values()),
        "categories": [{"id": 1}],
        "annotations": [truth(id=3), truth(id=4, image_id=2)],
    })  # fmt: skip
    results = gt.loadRes(ROWS)
    quiet(COCOeval(gt, results, "bbox").evaluate)
    assert not {"anns", "dataset"} & set(stored(results))


def test_rows_of_wrong_shape():
    with pytest.raises(ValueError, match=r"\(N, 7\)"):
        _core.objects_from_rows(np.zeros((2, 6)))
    with pytest.raises(ValueError, match=r"areas \(N,\)"):
        _core.objects_from_rows(np.zeros((2, 7)), np.zeros(3))


def test_ids_of_rows():
    rows = np.zeros((5, 7))
    rows[:, 0] = [3.0, 3.9, -0.5, 2.0**62, 0.0]
    rows[:, 6] = [7, 7.5, 1, 7, -7.9]
    for given in (rows, np.asfortranarray(rows), np.repeat(rows, 2, axis=0)[::2]):
        objects = _core.objects_from_rows(given)
        assert objects.image_ids == [3, 0, 2**62]
        assert objects.category_ids == [7, 1, -7]
        assert objects.rows().tolist() == np.trunc(rows).tolist()


def test_ids_of_rows_that_are_no_integers():
    for column, name in ((0, "image id"), (6, "category id")):
        for value, error in ((np.nan, ValueError), (-np.inf, OverflowError)):
            rows = np.zeros((3, 7))
            rows[1, column] = value
            with pytest.raises(error, match=f"results: record 1: the {name} is"):
                _core.objects_from_rows(rows)


def test_rows_with_ids_beyond_64_bits():
    rows = np.ones((2, 7))
    rows[1, 0] = 2.0**70
    assert _core.objects_from_rows(rows) is None
    gt = COCO({"images": [{"id": 1}, {"id": 2**70}], "categories": [{"id": 1}], "annotations": []})
    assert gt.loadRes(rows).getAnnIds(imgIds=[2**70]) == [2]


def test_a_collection_while_a_record_is_read_does_no_harm():
    """Keys that no UTF-8 can write, and a garbage collection that empties the dictionary at each possible moment.

    Before Python 3.12 any allocation of an object may start one.
    """
    armed, record, junk = [], {}, []

    def clear(phase, _):
        if armed and phase == "start":
            armed.clear()
            record.clear()
            junk.extend([float(i) + 7e77, float(i), 5.0, 5.5] for i in range(64))

    # What is there already need not be looked through at each moment.
    gc.freeze()
    gc.callbacks.append(clear)
    try:
        for moment in range(40):
            for read in (
                lambda records: _core.plain_columns(records, True, True),
                lambda records: _core.index_plain(records, True),
                lambda records: _core.plain_image_ids(records),
            ):
                junk.clear()
                gc.disable()
                record.update(
                    {
                        "image_id": 1,
                        "category_id": 1,
                        "id": 1,
                        "score": float("0.5"),
                        "bbox": [float(x) for x in ("1", "1.25", "5.5", "5.75")],
                        f"\ud800{moment}": 1,
                    }
                )
                gc.collect()
                kept = [[] for _ in range(moment)]
                gc.set_threshold(30)
                armed.append(True)
                gc.enable()
                columns = read([record])
                gc.disable()
                armed.clear()
                del kept
                if isinstance(columns, dict):
                    assert columns["score"].tolist() == [0.5]
                    assert columns["bbox"].tolist() == [[1, 1.25, 5.5, 5.75]]
    finally:
        gc.callbacks.remove(clear)
        gc.set_threshold(700)
        gc.enable()
        gc.unfreeze()


@pytest.mark.parametrize("change", ["grow", "shrink"])
def test_positions_that_change_while_they_are_read_are_an_error(change):
    positions = {}

    class Position:
        def __index__(self):
            positions.clear() if change == "shrink" else positions.update({len(positions) + 10: 0})
            return 0

    positions.update({i: Position() for i in range(5)})
    with pytest.raises(RuntimeError, match="changed size during iteration"):
        _core.objects_from_dicts([], "bbox", "detections", None, positions, {})
