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


def _meanap(folder):
    import meanap

    truth, detections = _paths(folder)

    def work():
        result = meanap.evaluate(truth, detections, "rotated", angle="radians", clockwise=True)
        stats = [result[row.name] for row in result.protocol.summary]
        return lambda: {"stats": stats}

    return work


def _hotcoco(folder):
    from hotcoco import COCO, COCOeval

    truth, detections = _paths(folder)

    def work():
        ground_truth = COCO(truth)
        evaluator = COCOeval(ground_truth, ground_truth.load_res(detections), "obb")
        evaluator.run()
        stats = evaluator.stats
        return lambda: {"stats": stats}

    return work


ENTRANTS = {"meanap": _meanap, "hotcoco": _hotcoco}
