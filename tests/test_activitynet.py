"""Temporal detection: the numbers of ActivityNet's evaluation kit, by every entry, and the files that it reads."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from native_data import written

import meanap
from meanap import readers
from meanap.cli import main
from meanap.errors import InputError
from meanap.protocol import SummaryRow

STORED = json.loads((Path(__file__).parent / "stored" / "activitynet.json").read_text())
TRUTH, RESULTS, NUMBERS = STORED["truth"], STORED["results"], STORED["numbers"]
VIDEOS = [video for video, held in TRUTH["database"].items() if held["subset"] == "validation"]


def check(result, name):
    expected = NUMBERS[name]
    assert result.ap == pytest.approx(expected["ap"], abs=1e-14)
    by_threshold = [result.number(SummaryRow("ap", threshold=t)) for t in result.protocol.thresholds]
    assert by_threshold == pytest.approx(expected["thresholds"], abs=1e-14)
    named = {f"ap{100 * t:.0f}": value for t, value in zip(result.protocol.thresholds, by_threshold, strict=True)}
    shown = {row.name for row in result.protocol.summary} - {"ap", "ar"}
    assert {row: result[row] for row in shown} == {row: named[row] for row in shown}
    by_class = dict(zip(result.per_class["category"], result.per_class["ap"], strict=True))
    assert by_class == pytest.approx(expected["classes"], abs=1e-14)


@pytest.fixture
def files(tmp_path):
    return written(tmp_path, TRUTH, RESULTS)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_numbers_of_the_kit(name, files):
    check(meanap.evaluate(*files, "temporal", name), name)
    check(meanap.evaluate(TRUTH, RESULTS, "temporal", name), name)


def columns():
    """Videos, labels and segments of both sides, and scores."""
    truth = [(video, row) for video in VIDEOS for row in TRUTH["database"][video]["annotations"]]
    found = [(video, row) for video, rows in RESULTS["results"].items() for row in rows]
    return [
        ([video for video, _ in rows], [row["label"] for _, row in rows], np.array([row["segment"] for _, row in rows]))
        for rows in (truth, found)
    ], [row["score"] for _, row in found]


@pytest.mark.parametrize("box_format", ["xyxy", "xywh", "cxcywh"])
def test_segments_as_arrays(box_format):
    (truth, found), scores = columns()

    def of(segments):
        start, end = segments.T
        length = end - start
        return np.stack(
            {"xyxy": [start, end], "xywh": [start, length]}.get(box_format, [start + length / 2, length]), 1
        )

    sides = (
        meanap.GroundTruth(*truth[:2], of(truth[2]), images=VIDEOS, box_format=box_format),
        meanap.Detections(*found[:2], scores, of(found[2]), box_format=box_format),
    )
    check(meanap.evaluate(*sides, "temporal", "activitynet"), "activitynet")


def test_every_other_entry_takes_segments_as_boxes():
    pandas = pytest.importorskip("pandas")
    (truth, found), scores = columns()
    # Only x counts.
    boxes = [
        np.stack([side[2][:, 0], np.full(len(side[2]), low), side[2][:, 1], np.full(len(side[2]), high)], axis=1)
        for side, low, high in ((truth, 3.0, 8.0), (found, 0.0, 1.0))
    ]
    frames = [
        pandas.DataFrame(
            dict(zip(("image_id", "category_id", "x1", "y1", "x2", "y2"), [*side[:2], *box.T], strict=True))
        )
        for side, box in zip((truth, found), boxes, strict=True)
    ]
    frames[1]["score"] = scores
    check(meanap.evaluate(*frames, "temporal", "thumos"), "thumos")
    number = {label: n for n, label in enumerate(NUMBERS["thumos"]["classes"])}
    metric = meanap.MeanAveragePrecision("temporal", protocol="thumos", box_format="xyxy")
    for video in VIDEOS:
        own, rows = np.array(truth[0]) == video, np.array(found[0]) == video
        metric.update(
            [
                {
                    "boxes": boxes[1][rows],
                    "scores": np.array(scores)[rows],
                    "labels": np.array([number[label] for label in np.array(found[1])[rows]], dtype=int),
                }
            ],
            [
                {
                    "boxes": boxes[0][own],
                    "labels": np.array([number[label] for label in np.array(truth[1])[own]], dtype=int),
                }
            ],
        )
    assert metric.result().ap == pytest.approx(NUMBERS["thumos"]["ap"], abs=1e-14)


def test_coco_files_of_segments(tmp_path):
    side = readers.ground_truth(TRUTH, readers.Options(similarity="temporal"))
    data = readers.dataset_of(side)
    results = readers.records_of(readers.detections(RESULTS, readers.Options(similarity="temporal"), truth=side))
    for name, value in (("truth.json", data), ("found.json", results)):
        (tmp_path / name).write_text(json.dumps(value))
    paths = tmp_path / "truth.json", tmp_path / "found.json"
    check(meanap.evaluate(*paths, "temporal", "activitynet"), "activitynet")
    check(meanap.evaluate(*paths, "temporal", "activitynet", memory_limit="1 MB"), "activitynet")


def test_on_the_command_line(files, tmp_path, capsys):
    asked = [*map(str, files), "--similarity", "temporal", "--protocol", "activitynet"]
    assert main(["eval", *asked, "--json", str(tmp_path / "out.json")]) == 0
    stats = json.loads((tmp_path / "out.json").read_text())["stats"]
    assert stats["ap"] == pytest.approx(NUMBERS["activitynet"]["ap"], abs=1e-14)
    assert stats["ap75"] == pytest.approx(NUMBERS["activitynet"]["thresholds"][5], abs=1e-14)
    assert main(["report", *asked, "-o", str(tmp_path / "report.html")]) == 0
    assert main(["check", *map(str, files), "--similarity", "temporal"]) in (0, 1)
    assert "activitynet" not in capsys.readouterr().err


def test_subsets():
    options = readers.Options(similarity="temporal")
    assert readers.ground_truth(TRUTH, options).images == VIDEOS
    only = {"database": {video: {**held, "subset": "Test"} for video, held in TRUTH["database"].items()}}
    assert readers.ground_truth(only, options).images == list(TRUTH["database"])
    mixed = copy.deepcopy(only)
    mixed["database"]["v_000"]["subset"] = "training"
    with pytest.raises(InputError, match="has videos of the subsets 'test', 'training', expected one subset"):
        readers.ground_truth(mixed, options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segment": [3.0]}, r'results|detections: v_000: record 0: "segment" is \[3.0\], expected start and end'),
        ({"segment": [3.0, 2.0]}, '"segment" is .*, expected start and end, which is not before it'),
        ({"label": None}, '"label" is None, expected a text'),
        ({"score": "high"}, "\"score\" is 'high', expected a number"),
    ],
)
def test_records_that_cannot_be_used(change, message):
    results = copy.deepcopy(RESULTS)
    video = next(video for video, rows in results["results"].items() if rows)
    results["results"][video][0].update(change)
    with pytest.raises(InputError, match=message):
        meanap.evaluate(TRUTH, results, "temporal", "activitynet")
    with pytest.warns(UserWarning, match="1"):
        assert 0 < meanap.evaluate(TRUTH, results, "temporal", "activitynet", on_error="skip").ap < 1


def test_sources_that_cannot_be_used(files):
    with pytest.raises(InputError, match="has segments only, expected similarity 'temporal', found 'segm'"):
        meanap.evaluate(*files, "segm", "coco")
    other = {**RESULTS, "results": {**RESULTS["results"], "v_elsewhere": []}}
    with pytest.raises(InputError, match="\"video\" is 'v_elsewhere', which is not in the ground truth"):
        meanap.evaluate(TRUTH, other, "temporal", "activitynet")
    with pytest.raises(InputError, match='"annotations" is None, expected a list of segments'):
        meanap.evaluate({"database": {"v": {"subset": "validation"}}}, RESULTS, "temporal", "activitynet")
    with pytest.raises(InputError, match="can only be read whole"):
        meanap.evaluate(*files, "temporal", "activitynet", memory_limit="1 GB")
