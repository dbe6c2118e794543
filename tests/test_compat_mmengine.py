"""`meanap.compat.mmengine.CocoMetric` in mmengine's evaluator: pycocotools' numbers under mmdetection's names."""

import copy

import numpy as np
import pytest

from tests.test_compat_torchvision import data, reference

torch = pytest.importorskip("torch", reason="pip install torch")
pytest.importorskip("mmengine", reason="pip install mmengine")
from mmengine.evaluator import Evaluator  # noqa: E402
from mmengine.structures import BaseDataElement, InstanceData  # noqa: E402

import meanap.compat.mmengine  # noqa: E402, F401 which registers it

NAMES = ("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l")


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_an_evaluator_of_mmengine(kind):
    truth, predictions = data(kind)
    predictions = {image: prediction for image, prediction in predictions.items() if prediction}
    truth["images"] = [image for image in truth["images"] if image["id"] in predictions]
    truth["annotations"] = [record for record in truth["annotations"] if record["image_id"] in predictions]
    # The model knows its classes in another order than the file.
    names = {category["id"]: category["name"] for category in truth["categories"]}
    classes = sorted(names.values())
    evaluator = Evaluator(
        [{"type": "MeanapCocoMetric", "ann_file": copy.deepcopy(truth), "metric": kind, "classwise": True}]
    )
    evaluator.dataset_meta = {"classes": classes}
    for image, prediction in predictions.items():
        found = InstanceData()
        found.scores = torch.tensor(prediction["scores"])
        found.labels = torch.tensor([classes.index(names[label]) for label in prediction["labels"].tolist()])
        found.bboxes = torch.tensor(prediction.get("boxes", np.zeros((len(found.scores), 4))))
        if kind == "segm":
            found.masks = torch.tensor(prediction["masks"][:, 0])
        sample = BaseDataElement(metainfo={"img_id": image})
        sample.pred_instances = found
        evaluator.process([sample])
    numbers = evaluator.evaluate(len(predictions))
    expected = reference(kind, truth, predictions)
    expected.summarize()
    assert [numbers[f"coco/{kind}_{name}"] for name in NAMES] == expected.stats[:6].tolist() and expected.stats[0] > 0
    for k, category in enumerate(expected.params.catIds):
        precision = expected.eval["precision"][:, :, k, 0, -1]
        present = precision[precision > -1]
        found = numbers[f"coco/{kind}_{names[category]}_precision"]
        assert found == (present.mean() if present.size else -1)


def test_a_kind_that_is_unknown():
    with pytest.raises(ValueError, match="keypoints"):
        meanap.compat.mmengine.CocoMetric({"images": [], "annotations": [], "categories": []}, "keypoints")
