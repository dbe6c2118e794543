"""Paths that are given as bytes, at each entry that reads files."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

import meanap
from meanap import generate, readers, report
from meanap.generate.formats import write_format
from meanap.segmentation import SemanticSegmentation


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bytes")
    truth = generate.dataset(5, 1)
    found = list(generate.detections(truth, seed=1))
    paths = [folder / name for name in ("truth.json", "found.json")]
    for path, content in zip(paths, (truth, found), strict=True):
        path.write_text(json.dumps(content))
    return paths


def test_evaluations_take_bytes(files):
    ours, texts = [os.fsencode(path) for path in files], [str(path) for path in files]
    expected = meanap.evaluate(*texts)
    assert dict(meanap.evaluate(*ours)) == dict(meanap.evaluate(ours[0], texts[1])) == dict(expected)
    assert dict(meanap.evaluate(*ours, memory_limit="1 MB")) == dict(expected)
    assert meanap.check(*ours).codes == meanap.check(*texts).codes
    assert len(meanap.COCO(ours[0]).anns) == len(meanap.COCO(texts[0]).anns)
    assert readers.ground_truth(ours[0]).images == readers.ground_truth(texts[0]).images
    assert len(readers.detections(ours[1])) == len(readers.detections(texts[1]))
    with pytest.raises(FileNotFoundError, match="missing.json"):
        meanap.evaluate(b"missing.json", ours[1])
    with pytest.raises(meanap.InputError, match="a text that is JSON itself"):
        meanap.evaluate(files[0].read_bytes(), ours[1])


def test_reports_name_the_files(files, tmp_path):
    pages = [
        report.write(tmp_path / f"{kind.__name__}.html", *map(kind, files), resamples=2, check=False).read_text("utf-8")
        for kind in (str, os.fsencode)
    ]
    assert "found.json" in pages[1] and pages[0].count("found.json") == pages[1].count("found.json")


def test_names_and_images_take_bytes(tmp_path):
    write_format(tmp_path, "yolo", images=4)
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    assert readers.class_names(os.fsencode(tmp_path / "names.txt")) == {0: "cat", 1: "dog"}
    labels = next(path.parent for path in tmp_path.rglob("*.txt") if path.parent.name == "labels")
    images = next(path for path in tmp_path.rglob("images") if path.is_dir())
    sizes = [
        readers.ground_truth(kind(labels), readers.Options(images=kind(images))).sizes for kind in (str, os.fsencode)
    ]
    assert sizes[0] and sizes[0] == sizes[1]


def test_rankings_take_bytes(tmp_path):
    qrels, run = tmp_path / "a.qrels", tmp_path / "a.run"
    qrels.write_text("q1 0 d1 1\nq1 0 d2 0\n")
    run.write_text("q1 Q0 d1 1 0.9 x\nq1 Q0 d2 2 0.8 x\n")
    of = [meanap.ranking.evaluate(kind(qrels), kind(run)) for kind in (str, os.fsencode)]
    assert of[0].to_dict() == of[1].to_dict()


def test_label_maps_take_bytes(tmp_path):
    image = pytest.importorskip("PIL.Image")
    paths = [tmp_path / name for name in ("target.png", "pred.png")]
    for path in paths:
        image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4) % 3).save(path)
    numbers = []
    for kind in (str, os.fsencode):
        metric = SemanticSegmentation(3)
        metric.update(kind(paths[1]), kind(paths[0]))
        metric.update([kind(paths[1])], [kind(paths[0])])
        numbers.append(metric.compute())
    assert numbers[0].pixel_accuracy == numbers[1].pixel_accuracy == 1
