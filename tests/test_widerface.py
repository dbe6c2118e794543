"""WIDER FACE: the AP of its three levels by every entry, and the files that it reads."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import meanap
from meanap import readers
from meanap.cli import main
from meanap.errors import InputError

sys.path.insert(0, str(Path(__file__).parent / "stored"))
STORED = json.loads((Path(__file__).parent / "stored" / "widerface.json").read_text())
IMAGES, NUMBERS = STORED["images"], STORED["numbers"]


def check(result):
    assert list(result) == list(NUMBERS)
    assert list(result.values()) == pytest.approx(list(NUMBERS.values()), abs=1e-14)


@pytest.fixture
def folders(tmp_path):
    pytest.importorskip("scipy")
    import ask_widerface

    (tmp_path / "tools").mkdir()
    ask_widerface.write_tools(tmp_path / "tools", IMAGES)
    ask_widerface.write_results(tmp_path / "results", IMAGES)
    return tmp_path / "tools", tmp_path / "results"


def test_the_numbers_of_the_tools(folders):
    result = meanap.evaluate(*folders, protocol="widerface")
    check(result)
    levels = [level for image in IMAGES for level in image["levels"]]
    assert result.scores.objects.tolist() == [[sum(level <= most for level in levels) for most in (3, 1, 2, 3)]]
    interval = result.interval("ap_hard", resamples=50)
    assert interval.low <= interval.value <= interval.high


def as_coco(folders):
    options = readers.Options(difficulty=True)
    truth = readers.ground_truth(folders[0], options)
    return readers.dataset_of(truth), readers.records_of(readers.detections(folders[1], options, truth=truth))


def test_other_entries(folders, tmp_path, capsys):
    data, records = as_coco(folders)
    # Of an image without faces nothing counts, which only the reader knows.
    empty = {image["image"] for image in IMAGES if not image["boxes"]}
    found = [record for record in records if record["image_id"] not in empty]
    assert len(found) < len(records)
    scores = np.array([record["score"] for record in records])
    lost = scores[[record["image_id"] in empty for record in records]]
    assert scores.min() < lost.min() and lost.max() < scores.max()
    check(meanap.evaluate(data, found, protocol="widerface"))
    paths = tmp_path / "truth.json", tmp_path / "found.json"
    for path, value in zip(paths, (data, found), strict=True):
        path.write_text(json.dumps(value))
    check(meanap.evaluate(*paths, protocol="widerface"))
    asked = [*map(str, folders), "--protocol", "widerface"]
    assert main(["eval", *asked, "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["stats"] == pytest.approx(NUMBERS, abs=1e-14)
    assert main(["report", *asked, "-o", str(tmp_path / "report.html")]) == 0
    assert main(["check", *map(str, folders)]) in (0, 1)
    assert "widerface" not in capsys.readouterr().err
    metric = meanap.MeanAveragePrecision("bbox", "xywh", "widerface", score_range=None)
    for image in IMAGES:
        boxes = np.array(image["boxes"], dtype=float).reshape(-1, 4)
        rows = np.array([row for row in found_of(image, empty)], dtype=float).reshape(-1, 5)
        metric.update(
            [{"boxes": rows[:, :4], "scores": rows[:, 4], "labels": np.ones(len(rows), dtype=int)}],
            [{"boxes": boxes, "labels": np.ones(len(boxes), dtype=int), "difficulty": np.array(image["levels"])}],
        )
    check(metric.result())


def found_of(image, empty):
    return [] if image["image"] in empty else image["detections"]


def test_workers(folders):
    pytest.importorskip("pyarrow")
    from meanap import distributed

    data, records = as_coco(folders)
    empty = {image["image"] for image in IMAGES if not image["boxes"]}
    plan = distributed.Plan.of("bbox", "widerface", score_range=None)
    table = distributed.table_of(data, [row for row in records if row["image_id"] not in empty], plan)
    rows = distributed.match_batch(table, plan)
    check(distributed.from_matches(rows, plan))
    check(distributed.from_curves(distributed.accumulate_group(rows, plan), plan))


def as_text(images):
    lines = []
    for image in images:
        flags = ["0 0 0 1 0 0" if level == 4 else "2 0 0 0 1 0" for level in image["levels"]]
        rows = [f"{' '.join(map(str, box))} {flag} " for box, flag in zip(image["boxes"], flags, strict=True)]
        lines += [f"{image['image']}.jpg", str(len(rows)), *(rows or ["0 " * 10])]
    return "\n".join(lines) + "\n"


def test_a_list_of_faces_has_hard_ones(folders, tmp_path):
    (tmp_path / "wider_face_val_bbx_gt.txt").write_text(as_text(IMAGES))
    result = meanap.evaluate(tmp_path / "wider_face_val_bbx_gt.txt", folders[1], protocol="widerface")
    assert result["ap_hard"] == pytest.approx(NUMBERS["ap_hard"], abs=1e-14)
    assert np.isnan([result["ap_easy"], result["ap_medium"]]).all()


def test_detections_of_one_level_count_together():
    face, ignored, elsewhere = [0, 0, 10, 10], [50, 50, 60, 60], [90, 0, 99, 9]
    truth = [{"boxes": [face, ignored], "labels": [1, 1], "difficulty": [1, 4]}]
    # Those of the ignored face are the greatest and the least score.
    found = {"boxes": [ignored, ignored, face, elsewhere], "labels": [1] * 4}
    for score, expected in ((0.7501, 0.5), (0.7499, 1.0)):
        scored = [{**found, "scores": [1.0, 0.0, 0.7505, score]}]
        assert meanap.evaluate(truth, scored, protocol="widerface")["ap_easy"] == expected
        assert meanap.evaluate(truth, scored, protocol="widerface", recall="exact")["ap_easy"] == 1.0
        # Half the scores.
        scored[0]["scores"] = [value / 2 for value in scored[0]["scores"]]
        assert meanap.evaluate(truth, scored, protocol="widerface")["ap_easy"] == expected
    same = [{"boxes": [face, elsewhere], "labels": [1, 1], "scores": [0.5, 0.5]}]
    assert meanap.evaluate(truth, same, protocol="widerface")["ap_easy"] == 0.0


def test_lines_in_any_order(folders):
    """DIFFERENCE: the tools take them in their order."""
    for path in folders[1].glob("**/*.txt"):
        name, count, *lines = path.read_text().splitlines()
        path.write_text("\n".join([name, count, *lines[::-1]]))
    check(meanap.evaluate(*folders, protocol="widerface"))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("truth.txt", ("1 2 3", "broken"), "truth.txt: line 3 is '1 2 3', expected 10 numbers"),
        ("truth.txt", ("", "count"), "truth.txt: line 2 is 'many', expected the number of objects of an image"),
    ],
)
def test_lists_that_cannot_be_used(folders, tmp_path, name, change, message):
    text, kind = change
    lines = ["0--Parade/0_scene_0.jpg", "many" if kind == "count" else "1", text or "1 2 3 4 0 0 0 0 0 0"]
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=message):
        meanap.evaluate(tmp_path / name, folders[1], protocol="widerface", format="widerface")


def test_results_that_cannot_be_used(folders):
    path = next(folders[1].glob("0--Parade/*.txt"))
    text = path.read_text().splitlines()
    path.write_text("\n".join([*text[:2], "1 2 -3 4 0.5", *text[2:]]))
    with pytest.raises(InputError, match="line 3 is '1 2 -3 4 0.5', expected 5 numbers"):
        meanap.evaluate(*folders, protocol="widerface")
    with pytest.warns(UserWarning, match="1"):
        check(meanap.evaluate(*folders, protocol="widerface", on_error="skip"))
    path.write_text("\n".join(["other.jpg", *text[1:]]))
    with pytest.raises(InputError, match="there is no image '0--Parade/other'"):
        meanap.evaluate(*folders, protocol="widerface")
