"""Errors name the source, the record and the field, or the parameter.

One field after the other is given one bad value after the other, and one parameter after the other. Where pycocotools
raises, an exception of its type is raised, and what it says names the culprit. The dictionaries are left as pycocotools
leaves them.
"""

import contextlib
import copy
import io
import json
import warnings

import numpy as np
import pytest
from thorough import some

from tests.differential.compare import error_differences, unequal
from tests.differential.tools import meanap, reference

MISSING = object()
VALUES = {
    "missing": MISSING,
    "null": None,
    "text": "x",
    "empty list": [],
    "list of one": [1],
    "list of a text": ["x"],
    "nested list": [[1, 2], [3, 4]],
    "list of six": [1, 2, 3, 4, 5, 6],
    "dictionary": {},
    "number": 5,
    "negative": -1,
    "fraction": 0.5,
}
# What JSON cannot hold.
OBJECTS = {"array": np.array([1.0, 2.0]), "complex": 1j, "tuple": (1, 2, 3, 4), "function": len, "set": {1}}

SQUARE = [[10, 10, 30, 10, 30, 30, 10, 30]]
RUNS = {"size": [100, 100], "counts": "PQ1a0T2"}
POSE = [15.0, 15.0, 2] * 17


def data_set(iou_type):
    annotations = [
        {"id": 70 + i, "image_id": 30 + i, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
        for i in (1, 2, 3)
    ]
    for annotation in annotations:
        if iou_type == "segm":
            annotation["segmentation"] = copy.deepcopy(SQUARE)
        if iou_type == "keypoints":
            annotation.update(keypoints=list(POSE), num_keypoints=17)
    return {
        "images": [{"id": 30 + i, "width": 100, "height": 100} for i in (1, 2, 3)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "nut"}, {"id": 2, "name": "bolt"}],
    }


def results(iou_type):
    geometry = {
        "bbox": {"bbox": [10.5, 10.0, 20.0, 20.0]},
        "segm": {"segmentation": RUNS},
        "keypoints": {"keypoints": POSE},
    }
    return [
        {"image_id": 30 + i, "category_id": 1, **copy.deepcopy(geometry[iou_type]), "score": 0.9 - i / 10}
        for i in (1, 2, 3)
    ]


def through_files(tool, folder, dataset, found):
    for name, content in (("truth.json", dataset), ("results.json", found)):
        (folder / name).write_text(json.dumps(content))
    gt = tool.COCO(str(folder / "truth.json"))
    return gt, gt.loadRes(str(folder / "results.json"))


def through_dictionaries(tool, folder, dataset, found):
    gt = tool.COCO()
    gt.dataset = dataset
    gt.createIndex()
    return gt, gt.loadRes(found)


WAYS = {way.__name__: way for way in (through_files, through_dictionaries)}


def evaluate(tool, way, folder, iou_type, dataset, found, params=()):
    """All steps; the exception with which they end, or None."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            evaluator = tool.COCOeval(*WAYS[way](tool, folder, dataset, found), iou_type)
            for name, value in params:
                if value is MISSING:
                    delattr(evaluator.params, name)
                else:
                    setattr(evaluator.params, name, copy.deepcopy(value))
            evaluator.evaluate()
            evaluator.accumulate()
            evaluator.summarize()
        except Exception as error:
            return error
    return None


def changed(record, field, value):
    record = copy.deepcopy(record)
    if value is MISSING:
        record.pop(field, None)
    else:
        record[field] = copy.deepcopy(value)
    return record


def told(error, expected, words):
    """What is wrong with an exception, as a sentence; None if nothing is."""
    problems = list(error_differences("", error, expected))
    if problems:
        return problems[0]
    message = str(error)
    missing = [each for each in words if not any(word in message for word in each)]
    return f"{type(error).__name__}: {message!r} does not name any of {missing[0]}" if missing else None


def values_for(way):
    return VALUES if way == "through_files" else VALUES | OBJECTS


def problems_of(way, iou_type, folder, cases):
    """How many of the cases (name, data set, results, parameters, words) raise, and those that are not named."""
    found, raised = {}, 0
    for name, dataset, detections, params, words in cases:
        outcomes, left = [], []
        for tool in (reference(), meanap()):
            given = copy.deepcopy(dataset), copy.deepcopy(detections)
            outcomes.append(evaluate(tool, way, folder, iou_type, *given, params))
            left.append(given)
        expected, error = outcomes
        for difference in unequal(left[1], left[0], "left"):
            found[name] = difference
        if expected is not None or error is not None:
            raised += 1
            problem = told(error, expected, words)
            if problem:
                found[name] = problem
    return raised, found


def mutations(way, iou_type):
    """Each field of the second record of each table, and each table."""
    dataset, detections = data_set(iou_type), results(iou_type)
    for kind, value in values_for(way).items():
        for table in dataset:
            # Without images the results' image ids are none.
            words = [[table, "image id"] if table == "images" else [table]]
            yield f"{table} is {kind}", changed(dataset, table, value), detections, (), words
            changed_records = copy.deepcopy(dataset)
            if value is not MISSING:
                changed_records[table][1] = copy.deepcopy(value)
                yield (
                    f"{table}[1] is {kind}",
                    changed_records,
                    detections,
                    (),
                    [[table, "annotation"], ["record 1", "annotation 72"]],
                )
            record = dataset[table][1]
            for field in record:
                broken = copy.deepcopy(dataset)
                broken[table][1] = changed(record, field, value)
                where = ["record 1", f"annotation {record['id']}", f"image {record['id']}", f"category {record['id']}"]
                if field == "id":
                    where += ["annotation without id", repr(value), "image 31", "image 32", "image id 32"]
                yield f"{table}[1][{field}] is {kind}", broken, detections, (), [[field, "image id"], where]
        if value is not MISSING:
            broken = [detections[0], copy.deepcopy(value), detections[2]]
            yield f"results[1] is {kind}", dataset, broken, (), [["results"], ["record 1"]]
            if not isinstance(value, str):
                yield f"results are {kind}", dataset, copy.deepcopy(value), (), [["results"]]
        for field in detections[1]:
            broken = copy.deepcopy(detections)
            broken[1] = changed(broken[1], field, value)
            words = [[field, "image id"], ["record 1", "annotation 2"]]
            yield f"results[1][{field}] is {kind}", dataset, broken, (), words
    if iou_type == "segm":
        for runs in (RUNS, {"size": [100, 100], "counts": [100, 900, 9000]}):
            for field in ("size", "counts"):
                for kind, value in values_for(way).items():
                    broken = copy.deepcopy(dataset)
                    broken["annotations"][1]["segmentation"] = changed(runs, field, value)
                    words = [["segmentation"], ["annotation 72", "record 1"]]
                    yield f"annotations[1][segmentation][{field}] is {kind}", broken, detections, (), words


PARAMETERS = (
    "imgIds",
    "catIds",
    "iouThrs",
    "recThrs",
    "maxDets",
    "areaRng",
    "areaRngLbl",
    "useCats",
    "iouType",
    "useSegm",
)


def parameters(way, iou_type):
    names = (*PARAMETERS, "kpt_oks_sigmas") if iou_type == "keypoints" else PARAMETERS
    for name in names:
        for kind, value in values_for(way).items():
            words = [[name]]
            if name in ("useSegm", "iouType"):
                # It decides which fields and limits are used.
                words = [[name, "segmentation", "keypoints", "bbox", "maxDets"]]
            if name == "recThrs" and kind in ("text", "list of a text", "nested list"):
                continue
            yield f"params.{name} is {kind}", data_set(iou_type), results(iou_type), ((name, value),), words


@pytest.mark.parametrize("iou_type", ["bbox", "segm", "keypoints"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cases", [mutations, parameters])
def test_the_culprit_is_named(cases, way, iou_type, tmp_path):
    raised, found = problems_of(way, iou_type, tmp_path, some(cases(way, iou_type), every=4))
    assert raised > 15
    assert not found, f"{len(found)}:\n" + "\n".join(f"{name}: {problem}" for name, problem in found.items())


@pytest.mark.parametrize(("points", "words"), [("x", "'x'"), (["x"], "'x'"), ([[0.1, 0.2]], "2 dimensions")])
def test_difference_recall_points_that_are_none(points, words, tmp_path):
    """The reference compares recalls with texts as texts, and leaves precision at 0 where points are nested."""
    for way in WAYS:
        given = data_set("bbox"), results("bbox"), [("recThrs", points)]
        assert evaluate(reference(), way, tmp_path, "bbox", *copy.deepcopy(given)) is None
        error = evaluate(meanap(), way, tmp_path, "bbox", *copy.deepcopy(given))
        assert isinstance(error, ValueError) and "params.recThrs" in str(error) and words in str(error)


def said(iou_type, dataset, found, way="through_dictionaries", params=(), folder=None):
    error = evaluate(meanap(), way, folder, iou_type, dataset, found, params)
    assert error is not None
    return str(error)


def test_what_is_said_of_poses(tmp_path):
    """Poses of five keypoints: how many numbers there are, how many are expected, and what to set."""
    dataset, found = data_set("keypoints"), results("keypoints")
    for record in dataset["annotations"] + found:
        record["keypoints"] = record["keypoints"][:15]
    for way in WAYS:
        message = said("keypoints", copy.deepcopy(dataset), copy.deepcopy(found), way, folder=tmp_path)
        assert 'annotation 71 (image 31): "keypoints" has 15 numbers, expected 51' in message
        assert "params.kpt_oks_sigmas" in message
    fitting = [("kpt_oks_sigmas", np.full(5, 0.1))]
    assert evaluate(meanap(), "through_dictionaries", tmp_path, "keypoints", dataset, found, fitting) is None


def test_what_is_said_of_images(tmp_path):
    for way in WAYS:
        dataset = data_set("segm")
        del dataset["images"][1]["height"]
        assert 'image 32: "height" is missing' in said("segm", dataset, results("segm"), way, folder=tmp_path)
        dataset = data_set("segm")
        dataset["annotations"][1]["image_id"] = 33
        dataset["images"] = dataset["images"][:2]
        found = results("segm")[:2]
        # An image that is not there is not evaluated.
        assert evaluate(meanap(), way, tmp_path, "segm", dataset, found) is None


def test_results_that_were_loaded_before():
    """A list that `loadRes` has given array boxes."""
    gt = through_dictionaries(meanap(), None, data_set("segm"), found := results("segm"))[0]
    theirs = through_dictionaries(reference(), None, data_set("segm"), again := results("segm"))[0]
    try:
        theirs.loadRes(again)
    except ValueError:
        with pytest.raises(ValueError, match='results: record 0: "bbox"'):
            gt.loadRes(found)
    else:  # NumPy below 1.25 says that an array is no empty list
        gt.loadRes(found)


def test_the_first_one_is_named_once():
    dataset = data_set("bbox")
    dataset["annotations"][1]["bbox"] = [1, 2, 3]
    dataset["annotations"][2]["bbox"] = None
    message = said("bbox", dataset, results("bbox"))
    assert message.count("annotation") == 1 and "annotation 72 (image 32)" in message


def test_a_single_step_names_the_culprit_too():
    dataset = data_set("bbox")
    dataset["annotations"][1]["iscrowd"] = "x"
    evaluator = meanap().COCOeval(*through_dictionaries(meanap(), None, dataset, results("bbox")), "bbox")
    evaluator._prepare()
    with pytest.raises(ValueError, match='annotation 72 .*"iscrowd"'):
        evaluator.computeIoU(32, 1)


@pytest.mark.parametrize("error", [KeyError("mine"), ValueError("mine"), AttributeError("mine"), StopIteration(5)])
def test_the_error_of_a_hook_is_left_alone(error):
    class Failing(meanap().COCOeval):
        def computeIoU(self, imgId, catId):
            raise error

    with pytest.raises(type(error)) as caught:
        Failing(*through_dictionaries(meanap(), None, data_set("bbox"), results("bbox")), "bbox").evaluate()
    assert caught.value is error


@pytest.mark.parametrize("side", ["cocoGt", "cocoDt"])
@pytest.mark.parametrize("value", [None, [{}], "results.json"])
def test_a_side_that_is_no_data_set(side, value):
    errors = []
    for tool in (reference(), meanap()):
        sides = dict(
            zip(("cocoGt", "cocoDt"), through_dictionaries(tool, None, data_set("bbox"), results("bbox")), strict=True)
        )
        with contextlib.redirect_stdout(io.StringIO()), pytest.raises(AttributeError) as caught:
            evaluator = tool.COCOeval(**{**sides, side: value}, iouType="bbox")
            evaluator.evaluate()
        errors.append(caught.value)
    assert type(errors[0]) is type(errors[1]) and str(errors[1]).count(f"{side} is") == 1


@pytest.mark.parametrize("found", [None, [[1.0]], np.ones((1, 0)), np.ones(3)], ids=["None", "list", "shape", "flat"])
def test_what_an_overridden_similarity_returns_is_named(found):
    errors = []
    for tool in (reference(), meanap()):
        evaluator = type("Own", (tool.COCOeval,), {"computeIoU": lambda self, imgId, catId: found})(
            *through_dictionaries(tool, None, data_set("bbox"), results("bbox") * 2), "bbox"
        )
        with contextlib.redirect_stdout(io.StringIO()), pytest.raises((TypeError, IndexError)) as caught:
            evaluator.evaluate()
        errors.append(caught.value)
    assert isinstance(errors[1], type(errors[0])) and "ious[31, 1] is " in str(errors[1]), errors[1]


def test_scores_and_results_of_images_that_do_not_add_up():
    truth, found = through_dictionaries(
        meanap(), None, data_set("bbox"), [{**r, "score": True} for r in results("bbox")]
    )
    evaluator = meanap().COCOeval(truth, found, "bbox")
    evaluator.evaluate()
    with pytest.raises(TypeError, match=r'detections: annotation 1 .*"score" is True: '):
        evaluator.accumulate()
    evaluator = meanap().COCOeval(*through_dictionaries(meanap(), None, data_set("bbox"), results("bbox")), "bbox")
    evaluator.evaluate()
    evaluator.evalImgs = evaluator.evalImgs[:5]
    with pytest.raises(
        IndexError, match="evalImgs has 5 entries, expected 24: 2 categories x 4 area ranges x 3 images"
    ):
        evaluator.accumulate()


MASKS = {
    "polygons": (lambda c, m: m.area(SQUARE), TypeError, "mask 0 is a list, expected a dictionary"),
    "numbers": (lambda c, m: m.toBbox([RUNS, {"size": [2, 2], "counts": [1, 3]}]), TypeError, 'mask 1: "counts"'),
    "no counts": (lambda c, m: m.decode({"size": [2, 2]}), KeyError, 'the mask: "counts" is missing'),
    "a list for pixels": (lambda c, m: m.encode([[0, 1]]), AttributeError, "bimask is a list"),
    "a flat polygon": (lambda c, m: m.frPyObjects(SQUARE[0], 9, 9), TypeError, "the list begins with an int"),
    "no polygon": (lambda c, m: m.frPyObjects([], 9, 9), IndexError, "an empty list"),
    "an id": (lambda c, m: c.annToMask(71), TypeError, "the annotation is an int"),
    "no segmentation": (lambda c, m: c.annToMask(c.anns[71]), KeyError, 'annotation 71 (image 31): "segmentation"'),
    "no image": (lambda c, m: c.annToMask({**c.anns[71], "image_id": 9}), KeyError, "(image 9): "),
    "an area": (lambda c, m: c.getAnnIds(areaRng=[5]), IndexError, "areaRng is [5], expected two numbers"),
    "areas of text": (lambda c, m: c.getAnnIds(areaRng=["a", "b"]), TypeError, "areaRng is ['a', 'b']"),
    "no info": (lambda c, m: c.info(), KeyError, '"info" is missing'),
}


@pytest.mark.parametrize("use", MASKS)
def test_uses_of_masks_and_data_sets_that_fail(use):
    call, error, words = MASKS[use]
    for tool in (reference(), meanap()):
        with contextlib.redirect_stdout(io.StringIO()), pytest.raises(error) as caught:
            call(through_dictionaries(tool, None, data_set("bbox"), results("bbox"))[0], tool.mask)
    assert words in str(caught.value)


QUERIES = {
    "an id of no annotation": (lambda c: c.loadAnns([71, 99]), "no annotation has the id 99"),
    "an id of no image": (lambda c: c.loadImgs(99), "no image has the id 99"),
    "an id of no category": (lambda c: c.loadCats([99]), "no category has the id 99"),
    "no area": (lambda c: c.getAnnIds(areaRng=[0, 1]), 'annotation 72 (image 32): "area" is missing'),
    "no area, some images": (lambda c: c.getAnnIds(imgIds=[32], areaRng=[0, 1]), 'annotation 72 (image 32): "area"'),
    "no iscrowd": (lambda c: c.getAnnIds(iscrowd=0), 'annotation 72 (image 32): "iscrowd" is missing'),
    "no category": (lambda c: c.getAnnIds(catIds=[1]), 'annotation 72 (image 32): "category_id" is missing'),
    "no supercategory": (lambda c: c.getCatIds(supNms=["x"]), 'categories: record 0: "supercategory" is missing'),
    "no name": (lambda c: c.getCatIds(catNms=["nut"]), 'categories: record 1: "name" is missing'),
}


@pytest.mark.parametrize("query", QUERIES)
def test_queries_that_fail(query):
    ask, sentence = QUERIES[query]
    errors = []
    for tool in (reference(), meanap()):
        gt, _ = through_dictionaries(tool, None, data_set("bbox"), results("bbox"))
        for name in ("area", "iscrowd", "category_id"):
            del gt.anns[72][name]
        del gt.dataset["categories"][1]["name"]
        with contextlib.redirect_stdout(io.StringIO()), pytest.raises(Exception) as caught:
            ask(gt)
        errors.append(caught.value)
    assert type(errors[0]) is type(errors[1]) is KeyError
    assert sentence in errors[1].args[0]
