"""Memory does not grow with the images: four times as many, and the peak stays where it was."""

import json
import subprocess
import sys

import numpy as np
import pytest

from meanap import generate

from . import pixel_data

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports and resets the peak of a process")

MEGABYTE = 1e6

SEMANTIC = """
from meanap.segmentation import SemanticSegmentation
metric = SemanticSegmentation(19, boundary=bool(boundary))
def work(images):
    metric.update([f"{folder}/prediction.png"] * images, [f"{folder}/target.png"] * images)
"""
PANOPTIC = """
from meanap.segmentation import PanopticQuality
def work(images):
    metric = PanopticQuality.of_file(f"{folder}/{images}.json")
    metric.update_files(f"{folder}/{images}.json", f"{folder}/{images}.json", folder, folder)
    assert metric.compute().all["pq"] == 1 and metric.images == images
"""
INSTANCES = """
from meanap import COCO, COCOeval
def work(images):
    truth = COCO(f"{folder}/{images}/truth.json")
    found = truth.loadRes(f"{folder}/{images}/detections.json")
    evaluation = COCOeval(truth, found, similarity)
    evaluation.evaluate()
    evaluation.accumulate()
"""
PEAK = """
import sys
sys.path.insert(0, benches)
from measure import forget_peak, peak_memory
{work}
work({warm})
before = forget_peak()
work({images})
print(peak_memory() - before)
"""


def peak(repository, work, images, warm, **names):
    """Bytes that work on so many images holds at most, beside what a first run on `warm` images left."""
    given = "".join(f"{name} = {str(value)!r}\n" for name, value in names.items())
    code = f"benches = {str(repository / 'benches')!r}\n" + given + PEAK.format(work=work, warm=warm, images=images)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("boundary", ["", "yes"])
def test_label_files(repository, tmp_path, boundary):
    target, prediction = pixel_data.pair(np.random.default_rng(0), 512, 1024, 19)
    pixel_data.write_png(tmp_path / "target.png", target, row_filter=4)
    pixel_data.write_png(tmp_path / "prediction.png", prediction, row_filter=1)
    few, many = (peak(repository, SEMANTIC, images, 4, folder=tmp_path, boundary=boundary) for images in (8, 32))
    assert many < few + 2 * MEGABYTE
    if not boundary:
        # Not even one image is whole, besides what is inflated of it.
        assert many < target.size


def test_segment_files(repository, tmp_path):
    ids = pixel_data.label_map(np.random.default_rng(0), 480, 640, range(1, 25), cell=60)
    pixel_data.write_png(tmp_path / "ids.png", pixel_data.segment_colors(ids), color=pixel_data.RGB, row_filter=4)
    present, areas = np.unique(ids, return_counts=True)
    segments = [
        {"id": int(id), "category_id": 1, "iscrowd": 0, "area": int(area)}
        for id, area in zip(present, areas, strict=True)
    ]
    for images in (16, 64):
        records = [{"image_id": i, "file_name": "ids.png", "segments_info": segments} for i in range(images)]
        content = {"annotations": records, "categories": [{"id": 1, "isthing": 1}]}
        (tmp_path / f"{images}.json").write_text(json.dumps(content))
    few, many = (peak(repository, PANOPTIC, images, 16, folder=tmp_path) for images in (16, 64))
    # The lists of segments grow, each entry by less than a kilobyte; 48 pairs of maps would be 350 megabytes.
    assert many < few + 2 * 48 * len(segments) * 1000
    assert many < 5 * MEGABYTE


def test_boundaries_of_instances(repository, tmp_path):
    for images in (40, 160):
        truth = generate.dataset(images)
        (tmp_path / str(images)).mkdir()
        generate.write_dataset(tmp_path / str(images) / "truth.json", truth)
        generate.write_detections(tmp_path / str(images) / "detections.json", truth, "segm", boxes=True)
    one = {
        similarity: [
            peak(repository, INSTANCES, images, 40, folder=tmp_path, similarity=similarity) for images in (40, 160)
        ]
        for similarity in ("segm", "boundary")
    }
    (_, masks), (few, many) = one["segm"], one["boundary"]
    # What grows are the columns of the masks, 48 an image; boundaries are drawn for one image at a time.
    assert many - few < 120 * 48 * 1000
    assert many < masks + 2 * MEGABYTE
