"""What the reports that are opened in browsers are made of."""

import json

from meanap import generate, report


def write_files(folder):
    """Ground truth, detections, and those of a baseline."""
    truth, boxes = generate.write_files(folder, images=40, seed=3)["bbox"]
    records = json.loads(boxes.read_text())
    (folder / "other.json").write_text(json.dumps([record for i, record in enumerate(records) if i % 4]))
    return truth, boxes, folder / "other.json"


def write_page(truth, boxes, other):
    """The report of both."""
    return report.write(truth.parent / "report.html", truth, boxes, versus=other, resamples=20, worst=6)
