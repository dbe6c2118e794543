"""YouTube-VIS: the numbers of its evaluation by every entry, and the records that it reads."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

import meanap
from meanap import _core, _rle, readers
from meanap.cli import main
from meanap.errors import InputError

STORED = json.loads((Path(__file__).parent / "stored" / "youtubevis.json").read_text())
TRUTH, RESULTS, NUMBERS = STORED["truth"], STORED["results"], STORED["numbers"]


def check(result):
    assert list(result) == list(NUMBERS)
    assert list(result.values()) == pytest.approx(list(NUMBERS.values()), abs=1e-14)


@pytest.fixture
def files(tmp_path):
    paths = tmp_path / "truth.json", tmp_path / "found.json"
    for path, value in zip(paths, (TRUTH, RESULTS), strict=True):
        path.write_text(json.dumps(value))
    return paths


def test_the_numbers_of_the_evaluation(files):
    check(meanap.evaluate(*files, "segm", "youtubevis"))
    result = meanap.evaluate(TRUTH, RESULTS, "segm", "youtubevis")
    check(result)
    assert result.names[2] == "bird" and result.per_class["ap"].shape == (4,)
    interval = result.interval("ap", resamples=30)
    assert interval.low <= interval.value <= interval.high


def test_other_entries(files, tmp_path, capsys):
    options = readers.Options(similarity="segm")
    truth = readers.ground_truth(TRUTH, options)
    found = readers.detections(RESULTS, options, truth=truth)
    check(meanap.evaluate(truth, found, "segm", "youtubevis"))
    asked = [*map(str, files), "--protocol", "youtubevis", "--similarity", "segm"]
    assert main(["eval", *asked, "--json", str(tmp_path / "out.json")]) == 0
    stats = json.loads((tmp_path / "out.json").read_text())["stats"]
    assert stats["ap_medium"] == pytest.approx(NUMBERS["ap_medium"], abs=1e-14)
    assert main(["report", *asked, "-o", str(tmp_path / "report.html")]) == 0
    assert main(["check", *map(str, files), "--similarity", "segm"]) in (0, 1)
    assert "youtubevis" not in capsys.readouterr().err
    metric = meanap.MeanAveragePrecision("segm", protocol="youtubevis")
    for video in truth.images:
        items = []
        for side in (found, truth):
            rows = np.flatnonzero(np.array(side.image_ids) == video)
            masks = [_rle.decode(side.arrays["masks"][row]) for row in rows]
            item = {"masks": np.array(masks, dtype=bool), "labels": np.array(side.category_ids)[rows]}
            items.append({**item, "area": side.arrays["area"][rows]})
        rows = np.flatnonzero(np.array(found.image_ids) == video)
        metric.update([{**items[0], "scores": np.asarray(found.arrays["scores"])[rows]}], [items[1]])
    assert metric.result().ap == pytest.approx(NUMBERS["ap"], abs=1e-14)


def test_masks_in_any_form():
    truth = copy.deepcopy(TRUTH)
    for record in truth["annotations"][::2]:
        for frame in filter(None, record["segmentations"]):
            pixels = _rle.decode({**frame, "counts": frame["counts"].encode()})
            flat = np.concatenate([[0], pixels.ravel(order="F"), [0]])
            edges = np.flatnonzero(np.diff(flat))
            ends = np.concatenate([[0], edges, [pixels.size]])
            frame["counts"] = np.diff(ends).tolist()
    check(meanap.evaluate(truth, RESULTS, "segm", "youtubevis"))
    square = {"video_id": 1, "category_id": 1, "id": 1, "iscrowd": 0, "areas": [100.0]}
    videos = [{"id": 1, "height": 40, "width": 40, "length": 1}]
    polygon = [[5.0, 5, 15, 5, 15, 15, 5, 15]]
    data = {
        "videos": videos,
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [{**square, "segmentations": [polygon]}],
    }
    found = [{"video_id": 1, "category_id": 1, "score": 0.5, "segmentations": [polygon]}]
    assert meanap.evaluate(data, found, "segm", "youtubevis").ap == pytest.approx(1.0)


def test_frames_are_compared_together():
    masks = [np.zeros((4, 5), dtype=bool) for _ in range(3)]
    masks[0][1:3, 1:3] = masks[2][:, 4] = masks[1][0, 0] = True
    encoded = [_rle.encode(mask) for mask in masks]
    joined = _core.mask_beside(encoded, [0, 2, 3], 4, (4, 5))
    expected = np.concatenate([masks[0], np.zeros((4, 5)), masks[1], masks[2]], axis=1)
    assert np.array_equal(_rle.decode(joined), expected)
    with pytest.raises(ValueError, match="frame 1 has 4 x 5 pixels, expected 4 x 6|expected 4 x 6"):
        _core.mask_beside(encoded[:1], [1], 2, (4, 6))


def test_overlap_with_a_crowd_is_relative_to_the_detection():
    """DIFFERENCE: the fork compares crowds as it compares other tracks: a detection in one is false there."""

    def track(id, x, size, **fields):
        square = [[x, 0, x + size, 0, x + size, size, x, size]]
        return {"id": id, "video_id": 1, "category_id": 1, "segmentations": [square, None], **fields}

    truth = {
        "videos": [{"id": 1, "height": 100, "width": 100, "length": 2}],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [track(1, 0, 20, iscrowd=0), track(2, 40, 40, iscrowd=1)],
    }
    within = track(2, 45, 10, score=0.9)
    found = [track(1, 0, 20, score=0.5), within]
    asked = ("segm", "youtubevis")
    # Here it is ignored, as if it were not there.
    assert (
        meanap.evaluate(truth, found, *asked).ap == meanap.evaluate(truth, found[:1], *asked).ap == pytest.approx(1.0)
    )
    # There it overlaps by a sixteenth, as if the crowd were not there.
    alone = {**truth, "annotations": truth["annotations"][:1]}
    assert meanap.evaluate(alone, found, *asked).ap == pytest.approx(0.5)
    # What overlaps all of a crowd is ignored by both.
    found[1] = track(2, 40, 40, score=0.9)
    assert meanap.evaluate(truth, found, *asked).ap == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"video_id": 99}, 'record 0: "video_id" is 99, expected a video of the ground truth'),
        ({"category_id": None}, 'record 0: "category_id" is None, expected an id'),
        ({"score": "high"}, "record 0: \"score\" is 'high', expected a number"),
        ({"segmentations": {}}, 'record 0: "segmentations" is {}, expected a list with a mask or None for each frame'),
        ({"segmentations": [{"size": [3, 3], "counts": [9]}]}, 'record 0: "segmentations" cannot be read: .*3 x 3'),
        ({"segmentations": [5]}, 'record 0: "segmentations" cannot be read'),
    ],
)
def test_results_that_cannot_be_used(change, message):
    results = [{**RESULTS[0], **change}, *RESULTS[1:]]
    with pytest.raises(InputError, match=message):
        meanap.evaluate(TRUTH, results, "segm", "youtubevis")
    with pytest.warns(UserWarning, match="1"):
        assert 0 < meanap.evaluate(TRUTH, results, "segm", "youtubevis", on_error="skip").ap < 1


def test_sources_that_cannot_be_used(files):
    with pytest.raises(InputError, match="has masks only, expected similarity 'segm', found 'bbox'"):
        meanap.evaluate(*files, protocol="youtubevis")
    with pytest.raises(InputError, match="expected id, height and width"):
        meanap.evaluate({**TRUTH, "videos": [{"id": 1}]}, RESULTS, "segm", "youtubevis")


@pytest.mark.parametrize(
    ("area", "sizes"),
    [
        (128**2, ["small", "medium"]),
        (128**2 + 1, ["medium"]),
        (256**2, ["medium", "large"]),
        (256**2 + 1, ["large"]),
    ],
)
def test_sizes_have_both_of_their_edges(area, sizes):
    truth, found = copy.deepcopy(TRUTH), copy.deepcopy(RESULTS)
    for record in truth["annotations"]:
        record["areas"] = [None if mask is None else area for mask in record["segmentations"]]
    result = meanap.evaluate(truth, found, "segm", "youtubevis")
    assert [size for size in ("small", "medium", "large") if not np.isnan(result[f"ap_{size}"])] == sizes
