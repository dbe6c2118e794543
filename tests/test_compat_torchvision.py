"""torchvision's `CocoEvaluator` and faster-coco-eval's: batches over ranks give the numbers of one evaluation."""

import copy

import numpy as np
import pytest
from pycocotools import mask as reference_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from meanap import generate
from meanap.compat.faster_coco_eval.utils.pytorch import FasterCocoEvaluator
from meanap.compat.torchvision import CocoEvaluator

KINDS = ["bbox", "segm", "keypoints"]


def data(kind):
    truth = generate.dataset(images=8, seed=5, **({"kind": "keypoints"} if kind == "keypoints" else {}))
    found = generate.detections(truth, kind=kind, per_image=12, seed=5)
    images = {image["id"]: image for image in truth["images"]}
    predictions = {}
    for id in images:
        of_image = [detection for detection in found if detection["image_id"] == id]
        prediction = predictions[id] = {
            "scores": np.array([detection["score"] for detection in of_image], dtype=np.float32),
            "labels": np.array([detection["category_id"] for detection in of_image]),
        }
        if kind == "bbox":
            boxes = np.array([detection["bbox"] for detection in of_image], dtype=np.float32).reshape(-1, 4)
            prediction["boxes"] = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        elif kind == "segm":
            pixels = [reference_mask.decode(detection["segmentation"]) for detection in of_image]
            prediction["masks"] = 0.9 * np.array(pixels, dtype=np.float32)[:, None]
        else:
            points = np.array([detection["keypoints"] for detection in of_image], dtype=np.float64)
            prediction["keypoints"] = points.reshape(len(of_image), -1, 3)
    predictions[next(iter(images))] = {}
    return truth, predictions


def results_of(kind, predictions):
    """What torchvision's references make of predictions, one by one."""
    results = []
    for image, prediction in predictions.items():
        for row in range(len(prediction.get("scores", ()))):
            result = {"image_id": image, "category_id": int(prediction["labels"][row])}
            result["score"] = float(prediction["scores"][row])
            if kind == "bbox":
                left, top, right, bottom = prediction["boxes"][row]
                result["bbox"] = [float(value) for value in (left, top, right - left, bottom - top)]
            elif kind == "segm":
                pixels = np.asfortranarray(prediction["masks"][row, 0] > 0.5, dtype=np.uint8)
                result["segmentation"] = reference_mask.encode(pixels)
            else:
                result["keypoints"] = prediction["keypoints"][row].ravel().tolist()
            results.append(result)
    return results


def reference(kind, truth, predictions):
    """pycocotools on all predictions together."""
    coco = COCO()
    coco.dataset = copy.deepcopy(truth)
    coco.createIndex()
    evaluator = COCOeval(coco, coco.loadRes(results_of(kind, predictions)), kind)
    evaluator.evaluate()
    evaluator.accumulate()
    return evaluator


def batches(predictions, rank):
    """A rank's batches; the last one is of an image that both ranks have, as a sampler that pads gives it."""
    ids = list(predictions)
    for first in range(2 * rank, len(ids), 4):
        yield {id: predictions[id] for id in ids[first : first + 2]}
    yield {ids[1]: predictions[ids[1]]}


def loaded(truth):
    import meanap

    coco = meanap.COCO()
    coco.dataset = copy.deepcopy(truth)
    coco.createIndex()
    return coco


@pytest.mark.parametrize("kind", KINDS)
def test_batches_over_ranks(kind, ranks, capsys):
    truth, predictions = data(kind)
    expected = reference(kind, truth, predictions)

    def rank(number):
        evaluator = CocoEvaluator(loaded(truth), [kind])
        for batch in batches(predictions, number):
            evaluator.update(batch)
        evaluator.synchronize_between_processes()
        evaluator.accumulate()
        return evaluator

    first, second = ranks.run(rank)
    assert first.img_ids == second.img_ids == sorted(predictions)
    for evaluator in (first, second):
        evaluation = evaluator.coco_eval[kind].eval
        for name in ("precision", "recall", "scores"):
            assert evaluation[name].tobytes() == expected.eval[name].tobytes(), name
    capsys.readouterr()
    first.summarize()
    printed = capsys.readouterr().out.splitlines()
    expected.summarize()
    assert printed == [f"IoU metric: {kind}", *capsys.readouterr().out.splitlines()]
    assert first.coco_eval[kind].stats.tolist() == expected.stats.tolist() and expected.stats[0] > 0


def test_without_ranks_and_again_after_more_batches():
    truth, predictions = data("bbox")
    evaluator = FasterCocoEvaluator(loaded(truth), ["bbox"])
    ids = list(predictions)
    for part in (ids[:3], ids[3:]):
        evaluator.update({id: predictions[id] for id in part})
        evaluator.accumulate()
    evaluator.summarize()
    expected = reference("bbox", truth, predictions)
    expected.summarize()
    assert list(evaluator.stats_as_dict["bbox"].values())[:12] == expected.stats.tolist()
    evaluator.cleanup()
    assert evaluator.img_ids == []


def test_predictions_that_cannot_be_used():
    truth, _ = data("bbox")
    with pytest.raises(ValueError, match="Unknown iou type"):
        CocoEvaluator(loaded(truth), ["bbox"]).prepare({}, "panoptic")
    with pytest.raises(AssertionError, match="list"):
        CocoEvaluator(loaded(truth), "bbox")


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_in_which_nothing_is_found_has_empty_arrays(kind):
    truth, predictions = data(kind)
    empty = {"boxes": np.zeros((0, 4)), "masks": np.zeros((0, 1, 9, 9)), "keypoints": np.zeros((0, 17, 3))}
    nothing = {**empty, "scores": np.zeros(0), "labels": np.zeros(0, dtype=np.int64)}
    evaluator = CocoEvaluator(loaded(truth), [kind])
    assert evaluator.prepare({next(iter(predictions)): nothing}, kind) == []


@pytest.mark.parametrize("kind", [CocoEvaluator, FasterCocoEvaluator])
def test_a_rank_without_images_has_no_numbers(kind):
    evaluator = kind(loaded(data("bbox")[0]), ["bbox"])
    evaluator.update({})
    evaluator.synchronize_between_processes()
    evaluator.accumulate()
    evaluator.summarize()
    assert set(np.ravel(evaluator.coco_eval["bbox"].stats)) == {-1}


def test_arrays_of_different_lengths_are_named():
    truth, predictions = data("bbox")
    id, prediction = next((id, one) for id, one in predictions.items() if one)
    evaluator = CocoEvaluator(loaded(truth), ["bbox"])
    with pytest.raises(ValueError, match=rf"predictions\[{id}\]: \"scores\" has 2 rows, \"labels\" has \d+"):
        evaluator.update({id: {**prediction, "scores": np.array([0.5, 0.4])}})
