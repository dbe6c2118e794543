"""Rotated boxes with each tool that compares them as polygons: from files to the summary of COCO's protocol."""

import json
import math
from pathlib import Path


def make(folder: Path):
    """Write the two files, with rotated boxes as hotcoco has them: in a field of their own, in radians, clockwise."""
    from meanap.generate.rotated import rotated

    truth, found = rotated(images=5000, per_image=40)
    for record in (*truth["annotations"], *found):
        *box, angle = record.pop("bbox")
        record["obb"] = [*box, round(-math.radians(angle), 6)]
    for path, content in zip(_paths(folder), (truth, found), strict=True):
        Path(path).write_text(json.dumps(content))


def _paths(folder):
    return str(folder / "truth.json"), str(folder / "detections.json")


def _answer(stats):
    """The summary; and of its precision as many decimals as a tool in single precision has."""
    return {"stats": stats, **_precision(stats[:6])}


def _precision(numbers):
    return {"rounded": [round(float(number), 6) for number in numbers]}


def _meanap(folder):
    from meanap import evaluate

    truth, detections = _paths(folder)

    def work():
        result = evaluate(truth, detections, "rotated", angle="radians", clockwise=True)
        stats = [result[row.name] for row in result.protocol.summary]
        return lambda: _answer(stats)

    return work


def _hotcoco(folder):
    from hotcoco import COCO, COCOeval

    truth, detections = _paths(folder)

    def work():
        ground_truth = COCO(truth)
        evaluator = COCOeval(ground_truth, ground_truth.load_res(detections), "obb")
        evaluator.run()
        stats = evaluator.stats
        return lambda: _answer(stats)

    return work


def _supervision(folder):
    """It reads no such files: they go through `json` into one `Detections` for each image."""
    import numpy as np
    from supervision import Detections
    from supervision.metrics import MeanAveragePrecision, MetricTarget

    truth, detections = _paths(folder)

    def of_image(records):
        boxes = np.array([record["obb"] for record in records], dtype=np.float64).reshape(-1, 5)
        middle, half, angle = boxes[:, None, :2], boxes[:, None, 2:4] / 2, boxes[:, 4]
        cosine, sine = np.cos(angle), np.sin(angle)
        turn = np.stack([cosine, sine, -sine, cosine], axis=1).reshape(-1, 2, 2)
        corners = middle + (half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ turn
        found = Detections(
            xyxy=np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1),
            class_id=np.array([record["category_id"] for record in records], dtype=np.int64),
            data={"xyxyxyxy": corners},
        )
        if records and "score" in records[0]:
            found.confidence = np.array([record["score"] for record in records])
            found.data["area"] = boxes[:, 2] * boxes[:, 3]
        else:
            found.data["area"] = np.array([record["area"] for record in records])
        return found

    def work():
        data = json.loads(Path(truth).read_text())
        sides = []
        for records in (data["annotations"], json.loads(Path(detections).read_text())):
            by_image = {image: [] for image in sorted(image["id"] for image in data["images"])}
            for record in records:
                by_image[record["image_id"]].append(record)
            sides.append([of_image(of_one) for of_one in by_image.values()])
        metric = MeanAveragePrecision(metric_target=MetricTarget.ORIENTED_BOUNDING_BOXES)
        result = metric.update(sides[1], sides[0]).compute()
        sizes = [result.small_objects, result.medium_objects, result.large_objects]
        stats = [result.map50_95, result.map50, result.map75, *(size.map50_95 for size in sizes)]
        return lambda: _precision(stats)

    return work


ENTRANTS = {"meanap": _meanap, "hotcoco": _hotcoco, "supervision": _supervision}
