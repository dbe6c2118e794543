"""nuScenes' detection task: the AP of its development kit, by every entry, and the files that it reads."""

import copy
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from native_data import written

import meanap
from meanap import readers
from meanap.cli import main
from meanap.detection import nuscenes_score
from meanap.errors import InputError
from meanap.protocol import SummaryRow
from meanap.readers.nuscenes import NuScenes

STORED = json.loads((Path(__file__).parent / "stored" / "nuscenes.json").read_text())
TRUTH, RESULTS, NUMBERS = STORED["truth"], STORED["results"], STORED["numbers"]
NAMES = ("ap_0.5m", "ap_1m", "ap_2m", "ap_4m")
NEAR = ("centre-distance", "nuscenes")


@pytest.fixture
def files(tmp_path):
    return written(tmp_path, TRUTH, RESULTS)


def check(result, abs=1e-14):
    for name, values in NUMBERS.items():
        place = result.category_ids.index(name)
        found = [result.scores.by_class(row)[place] for row in NAMES]
        assert found == pytest.approx(values, abs=abs), name
    for row, values in zip(NAMES, np.array(list(NUMBERS.values())).T, strict=True):
        assert result[row] == pytest.approx(values.mean(), abs=abs)
    assert result.ap == pytest.approx(np.mean(list(NUMBERS.values())), abs=abs)


def test_the_numbers_of_the_kit(files):
    assert sum(value > 0.1 for values in NUMBERS.values() for value in values) > 8
    check(meanap.evaluate(*files, *NEAR))
    check(meanap.evaluate(TRUTH, RESULTS, *NEAR))
    check(meanap.evaluate({"results": TRUTH}, RESULTS["results"], *NEAR))


def test_commands_shards_and_reports(files, tmp_path):
    expected = meanap.evaluate(*files, *NEAR)
    few = ["--similarity", NEAR[0], "--protocol", NEAR[1]]
    assert main(["eval", *map(str, files), *few, "--per-class", "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["stats"] == dict(expected)
    with pytest.raises(InputError, match="'nuscenes' can only be read whole"):
        meanap.evaluate(*files, *NEAR, memory_limit="64 MB")
    page = tmp_path / "report.html"
    assert main(["report", *map(str, files), *few, "--resamples", "2", "--worst", "2", "-o", str(page)]) == 0
    assert f"<strong>AP {expected.ap:.3f}</strong>" in page.read_text(encoding="utf-8")
    assert main(["check", *map(str, files), "--similarity", NEAR[0], "--quiet"]) in (0, 1)


def test_the_command_reports_the_detection_score(files, tmp_path, capsys):
    expected = nuscenes_score(*files)
    out = tmp_path / "out.json"
    few = ["eval", *map(str, files), "--similarity", NEAR[0], "--protocol", NEAR[1]]
    assert main([*few, "--json", str(out)]) == 0
    assert str(expected) in capsys.readouterr().out
    written = json.loads(out.read_text())["nuscenes"]
    assert written["nds"] == expected.score and written["errors"] == expected.errors
    cone = next(row for row in written["per_class"] if row["category"] == "traffic_cone")
    assert cone["velocity"] is None and cone["ap"] == expected.per_class.row(category="traffic_cone")["ap"]
    # It is of the ten classes, at the benchmark's settings.
    for changed in (["--categories", "car"], ["--max-dets", "5"], ["--lenient"]):
        assert main([*few, *changed, "--json", str(out)]) == 0
        assert "nuscenes" not in json.loads(out.read_text()) and "nds" not in capsys.readouterr().out


def test_the_command_reads_and_evaluates_once(files, monkeypatch, capsys):
    calls = []
    for name in ("ground_truth", "detections"):
        function = getattr(NuScenes, name)
        monkeypatch.setattr(NuScenes, name, lambda *given, _of=(name, function): calls.append(_of[0]) or _of[1](*given))
    monkeypatch.setattr(sys.modules["meanap.detection.nuscenes"], "evaluated", None)
    assert main(["eval", *map(str, files), "--similarity", NEAR[0], "--protocol", NEAR[1]]) == 0
    assert calls == ["ground_truth", "detections"] and "nds" in capsys.readouterr().out


def test_other_sources_have_the_same_numbers(files):
    """Arrays of both sides, in the order of the reader."""
    options = readers.Options("centre-distance")
    truth = readers.ground_truth(files[0], options, readers.Problems())
    found = readers.detections(files[1], options, readers.Problems(), truth)
    expected = meanap.evaluate(*files, *NEAR)
    assert dict(meanap.evaluate(truth, found, *NEAR)) == dict(expected)
    targets, preds = [], []
    for sample in truth.images:
        for side, made in ((truth, targets), (found, preds)):
            rows = np.flatnonzero(np.array(side.image_ids) == sample)
            item = {"boxes": np.asarray(side.arrays["boxes"])[rows], "labels": [side.category_ids[r] for r in rows]}
            made.append({**item, "scores": np.asarray(side.arrays["scores"])[rows]} if side is found else item)
    metric = meanap.MeanAveragePrecision(NEAR[0], protocol=NEAR[1])
    for at in range(0, len(targets), 9):
        metric.update(preds[at : at + 9], targets[at : at + 9])
    assert dict(metric.result()) == dict(expected)


def test_a_distance_at_the_limit_is_too_far():
    truth = meanap.GroundTruth([1], ["car"], [[0, 0, 0, 4, 2, 1, 0]])
    for distance in (0.5, 1.0, 2.0, 4.0):
        for near, expected in ((distance, 0.0), (distance - 1e-9, 1.0)):
            found = meanap.Detections([1], ["car"], [0.5], [[near, 0, 9, 1, 1, 1, 2]])
            result = meanap.evaluate(truth, found, *NEAR)
            assert result[f"ap_{distance:g}m"] == pytest.approx(expected)


def test_sizes_and_turns_are_read():
    turn = [np.cos(0.3), 0.0, 0.0, np.sin(0.3)]
    box = {"translation": [1, 2, 3], "size": [2, 4, 1], "rotation": turn, "detection_name": "bus"}
    side = readers.ground_truth({"s": [box]}, readers.Options("box3d"), readers.Problems())
    assert np.asarray(side.arrays["boxes"])[0] == pytest.approx([1, 2, 3, 4, 2, 1, 0.6])
    found = {"results": {"s": [{**box, "detection_score": 0.5}]}}
    assert meanap.evaluate({"s": [box]}, found, "box3d").ap == pytest.approx(1)


FAULTS = [
    ({"translation": [1, 2]}, r'"translation" is \[1, 2\], expected 3 numbers \(x, y, z\)'),
    ({"size": [1, -2, 3]}, r'"size" is .*none below 0'),
    ({"size": None}, r'"size" is missing'),
    ({"rotation": [0, 0, 0, 0]}, r'"rotation" is .*not all 0'),
    ({"detection_name": 3}, r'"detection_name" is 3, expected the name of a class'),
    ({"detection_score": "high"}, r'"detection_score" is \'high\', expected a number'),
]


@pytest.mark.parametrize(("change", "expected"), FAULTS)
def test_what_cannot_be_used_is_named(change, expected, tmp_path):
    results = copy.deepcopy(RESULTS)
    sample = next(name for name, boxes in results["results"].items() if len(boxes) > 1)
    results["results"][sample][1] |= change
    path = tmp_path / "found.json"
    path.write_text(json.dumps(results))
    for source in (results, path):
        with pytest.raises(InputError, match=f"{sample}: record 1: {expected}"):
            meanap.evaluate(TRUTH, source, *NEAR)
        with pytest.warns(UserWarning, match="left out"):
            meanap.evaluate(TRUTH, source, *NEAR, on_error="skip")
    codes = meanap.check(TRUTH, path, NEAR[0])["code"]
    assert {"malformed-box", "missing-field", "bad-score"} & set(codes)


def test_samples_that_are_not_known_and_other_similarities_are_errors():
    with pytest.raises(InputError, match="which is not in the ground truth"):
        meanap.evaluate(TRUTH, {"results": {**RESULTS["results"], "none": []}}, *NEAR)
    with pytest.raises(InputError, match="'nuscenes' has 3D boxes only, expected similarity 'centre-distance'"):
        meanap.evaluate(TRUTH, RESULTS)
    with pytest.raises(InputError, match=r"expected a list of boxes"):
        meanap.evaluate(TRUTH, {"results": {**RESULTS["results"], list(TRUTH)[-1]: 3}}, *NEAR)


def test_the_detection_score_of_the_kit(files):
    expected = STORED["score"]
    for sides in (files, (TRUTH, RESULTS)):
        found = nuscenes_score(*sides)
        assert found.score == pytest.approx(expected["nds"], abs=1e-12) and found.ap == pytest.approx(
            expected["ap"], abs=1e-12
        )
        kit = {"translation": "trans_err", "scale": "scale_err", "orientation": "orient_err", "velocity": "vel_err",
               "attribute": "attr_err"}  # fmt: skip
        for name, theirs in kit.items():
            assert found.errors[name] == pytest.approx(expected["errors"][theirs], abs=1e-12), name
            for category, values in expected["classes"].items():
                value = found.per_class.row(category=category)[name]
                assert value == pytest.approx(values[theirs], abs=1e-12, nan_ok=True), (category, name)
    assert len(found.per_class) == 10 and "nds" in str(found)
    with pytest.raises(InputError, match="nuScenes' format"):
        nuscenes_score(meanap.GroundTruth([1], [1], np.ones((1, 7))), meanap.Detections([1], [1], [1], np.ones((1, 7))))


def test_a_row_may_be_of_one_class(files):
    row = SummaryRow("cars", category="car")
    result = meanap.evaluate(*files, *NEAR)
    assert result.number(row) == pytest.approx(np.mean(NUMBERS["car"]))
