"""Poses of 133 keypoints with each tool that takes sigmas: from files to the summary of COCO's protocol."""

import json
from pathlib import Path

_POINTS = 133


def make(folder: Path):
    """Write the two files: persons with poses, and three detections of each."""
    import numpy as np

    rng = np.random.default_rng(5)
    images = [{"id": image, "width": 640, "height": 480} for image in range(1, 1001)]
    annotations, results = [], []
    for number in range(1, 2001):
        left, top, width, height = *rng.uniform(0, 300, 2), *rng.uniform(40, 180, 2)
        points = rng.uniform(0, 1, (_POINTS, 2)) * [width, height] + [left, top]
        flags = rng.choice([0, 1, 2], _POINTS, p=[0.2, 0.2, 0.6])
        common = {"image_id": (number - 1) // 2 + 1, "category_id": 1}
        annotations.append(
            {
                **common,
                "id": number,
                "bbox": np.round([left, top, width, height], 2).tolist(),
                "area": round(width * height, 2),
                "iscrowd": 0,
                "num_keypoints": int((flags > 0).sum()),
                "keypoints": np.column_stack([np.round(points, 2), flags]).ravel().tolist(),
            }
        )
        for _ in range(3):
            moved = points + rng.normal(0, 1, points.shape) * rng.uniform(0.2, 12)
            pose = np.column_stack([np.round(moved, 2), np.full(_POINTS, 2)]).ravel().tolist()
            results.append({**common, "keypoints": pose, "score": round(float(rng.uniform()), 4)})
    truth = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    for path, content in zip(_paths(folder), (truth, results), strict=True):
        Path(path).write_text(json.dumps(content))


def _paths(folder):
    return str(folder / "truth.json"), str(folder / "detections.json")


def _sigmas():
    import numpy as np

    from meanap.protocol.keypoints import KEYPOINT_SETS

    return np.array(KEYPOINT_SETS["wholebody"].sigmas)


def _meanap(folder):
    import meanap

    truth, detections = _paths(folder)

    def work():
        result = meanap.evaluate(truth, detections, "keypoints", sigmas="wholebody")
        stats = [result[row.name] for row in result.protocol.summary]
        return lambda: {"stats": stats}

    return work


def _pycocotools(folder):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    (truth, detections), sigmas = _paths(folder), _sigmas()

    def work():
        ground_truth = COCO(truth)
        evaluator = COCOeval(ground_truth, ground_truth.loadRes(detections), "keypoints")
        evaluator.params.kpt_oks_sigmas = sigmas
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
        return lambda: {"stats": list(evaluator.stats)}

    return work


def _faster_coco_eval(folder):
    from faster_coco_eval import COCO, COCOeval_faster

    (truth, detections), sigmas = _paths(folder), _sigmas()

    def work():
        ground_truth = COCO(truth)
        results = ground_truth.loadRes(detections)
        evaluator = COCOeval_faster(ground_truth, results, "keypoints", kpt_oks_sigmas=sigmas)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
        return lambda: {"stats": list(evaluator.stats)[:10]}

    return work


ENTRANTS = {"meanap": _meanap, "faster-coco-eval": _faster_coco_eval, "pycocotools": _pycocotools}
