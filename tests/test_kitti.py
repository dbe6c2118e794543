"""KITTI's protocols: the numbers of its development kit in the image, from above and in space, by every entry."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import meanap
from meanap import _core, readers
from meanap.cli import main
from meanap.detection import kitti_orientation
from meanap.errors import InputError
from meanap.protocol import SummaryRow
from meanap.readers.kitti import Kitti, _boxes_in_space

STORED = json.loads((Path(__file__).parent / "stored" / "kitti.json").read_text())
LEVELS = ("easy", "moderate", "hard")


def write(folder, lines_of_image, only=None):
    folder.mkdir(exist_ok=True)
    for image, lines in lines_of_image.items():
        kept = [line for line in lines if only is None or line.startswith(only)]
        (folder / f"{image}.txt").write_text("".join(f"{line}\n" for line in kept))
    return folder


@pytest.fixture
def folders(tmp_path):
    return write(tmp_path / "label_2", STORED["labels"]), write(tmp_path / "results", STORED["results"])


def numbers(result):
    """The numbers of each class at each level, as they are stored."""
    return {name: [result[f"{name.lower()}_{level}"] for level in LEVELS] for name in STORED["numbers"]["bbox"]}


def of_kit(similarity, protocol, which="numbers"):
    return {name: found[protocol] for name, found in STORED[which][similarity].items()}


@pytest.mark.parametrize("protocol", ["kitti", "kitti-r11"])
@pytest.mark.parametrize("similarity", ["bbox", "bev", "box3d"])
def test_the_numbers_of_the_kit(folders, similarity, protocol):
    found = numbers(meanap.evaluate(*folders, similarity, protocol))
    expected = of_kit(similarity, protocol)
    assert sum(value > 0.2 for values in expected.values() for value in values) > 4
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=1e-12), name


def test_overlaps_may_be_others(folders):
    kitti = meanap.protocol.get("kitti")
    rows = [dataclasses.replace(row, threshold={0.7: 0.5, 0.5: 0.25}[row.threshold]) for row in kitti.summary]
    found = numbers(meanap.evaluate(*folders, "box3d", kitti.replace(thresholds=(0.25, 0.5), summary=rows)))
    for name, values in STORED["loose"].items():
        assert found[name] == pytest.approx(values["kitti"], abs=1e-12), name
    assert found["Car"][2] > of_kit("box3d", "kitti")["Car"][2] + 0.01


def test_others_that_are_low_take_objects_in_the_kit(folders):
    """DIFFERENCE: small detections of other classes take part in the kit's matching of a class; here they do not."""
    assert of_kit("bbox", "kitti", "with others") != of_kit("bbox", "kitti")
    found = numbers(meanap.evaluate(*folders, "bbox", "kitti"))
    for name, values in of_kit("bbox", "kitti", "with others").items():
        assert found[name] == pytest.approx(values, abs=0.05)


@pytest.mark.parametrize("protocol", ["kitti", "kitti-r11"])
def test_orientations_are_as_similar_as_in_the_kit(folders, protocol):
    found = kitti_orientation(*folders, protocol)
    aps = of_kit("bbox", protocol)
    assert found["category"] == list(STORED["orientation"])
    for name, values in STORED["orientation"].items():
        row = found.row(category=name)
        assert [row[level] for level in LEVELS] == pytest.approx(values[protocol], abs=1e-12), name
        assert all(0 < of < 0.95 * ap for of, ap in zip(values[protocol], aps[name], strict=True))


@pytest.mark.parametrize("protocol", ["kitti", "kitti-r11"])
def test_the_command_reports_orientations(folders, tmp_path, capsys, protocol):
    expected = kitti_orientation(*folders, protocol)
    out = tmp_path / "out.json"
    few = ["--protocol", protocol, "--json", str(out)]
    assert main(["eval", *map(str, folders), *few]) == 0
    assert json.loads(out.read_text())["orientation_similarity"] == list(expected)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["Car", *(f"{expected.row(category='Car')[level]:.3f}" for level in LEVELS)] in lines
    # Of boxes in space, and of files without orientations, there is AP alone.
    assert main(["generate", "--format", "kitti", "--images", "4", str(tmp_path / "made")]) == 0
    made = [str(tmp_path / "made" / name) for name in ("label_2", "predictions")]
    for sides in ([*map(str, folders), "--similarity", "bev"], made):
        assert main(["eval", *sides, *few]) == 0
        assert "orientation_similarity" not in json.loads(out.read_text())


def test_the_command_reads_both_sides_once(folders, monkeypatch, capsys):
    calls = []
    for name in ("ground_truth", "detections"):
        function = getattr(Kitti, name)
        monkeypatch.setattr(Kitti, name, lambda *given, _of=(name, function): calls.append(_of[0]) or _of[1](*given))
    assert main(["eval", *map(str, folders), "--protocol", "kitti"]) == 0
    assert calls == ["ground_truth", "detections"] and "orientation similarity" in capsys.readouterr().out


def test_orientations_that_are_not_there(folders, tmp_path):
    lines = {image: [line for line in found if "Cyclist" not in line] for image, found in STORED["labels"].items()}
    some = kitti_orientation(write(tmp_path / "some", lines), folders[1])
    assert np.isnan(some.row(category="Cyclist")["easy"]) and some.row(category="Car")["easy"] > 0
    none = {image: [line.replace(line.split()[3], "-10", 1) for line in found]
            for image, found in STORED["results"].items()}  # fmt: skip
    with pytest.raises(InputError, match=r'^detections: 0000\d\d\.txt: "alpha" is -10, which says that there is none'):
        kitti_orientation(folders[0], write(tmp_path / "none", none))
    with pytest.raises(InputError, match="detections: it is not in KITTI's format"):
        kitti_orientation(folders[0], meanap.Detections([], [], [], []))


def test_commands_shards_and_metric_objects(folders, tmp_path):
    expected = meanap.evaluate(*folders, "box3d", "kitti")
    out = tmp_path / "out.json"
    few = ["--similarity", "box3d", "--protocol", "kitti"]
    assert main(["eval", *map(str, folders), *few, "--per-class", "--json", str(out)]) == 0
    assert json.loads(out.read_text())["stats"] == dict(expected)
    assert dict(meanap.evaluate(*folders, "box3d", "kitti", memory_limit="64 MB")) == dict(expected)
    page = tmp_path / "report.html"
    assert main(["report", *map(str, folders), *few, "--resamples", "3", "--worst", "2", "-o", str(page)]) == 0
    assert f"<strong>car easy {expected['car_easy']:.3f}</strong>" in page.read_text(encoding="utf-8")
    assert main(["compare", *map(str, (*folders, folders[1])), *few, "--resamples", "3", "--quiet"]) == 0


def test_classes_have_numbers_at_each_level(folders):
    result = meanap.evaluate(*folders, "bbox", "kitti")
    assert result.number("car_hard") == result["car_hard"]
    row = SummaryRow("hard", threshold=0.7, area="hard")
    by_class = dict(zip(result.per_class["category"], result.scores.by_class(row).tolist(), strict=True))
    assert by_class["Car"] == result["car_hard"] and by_class["Van"] != by_class["Car"]
    loaded = _core.Matches.from_bytes(result.scores.table.to_bytes())
    again = loaded.accumulate(recall="kitti-40", areas=[0, 1, 2, 3], max_detections=[1000])[0]
    assert again[1, 0, result.scores.position("Car"), 3, 0] == result["car_hard"]


def dictionaries():
    """Both sides as the dictionaries of a training loop, with the levels that the labels say."""
    columns = ["boxes", "labels", "difficulty", "iscrowd", "ignore"]
    preds, targets = [], []
    order = ["Car", "Cyclist", "Pedestrian", "Person_sitting", "Truck", "Van"]
    for image, lines in STORED["labels"].items():
        rows = [line.split() for line in lines]
        made = []
        for name, *values in rows:
            v = np.array(values, dtype=float)
            height = v[6] - v[4]
            fits = [v[1] <= most and v[0] <= cut and height > least for most, cut, least in
                    ((0, 0.15, 40), (1, 0.3, 25), (2, 0.5, 25))]  # fmt: skip
            level = fits.index(True) + 1 if any(fits) else 4
            if name != "DontCare":
                made.append((v[3:7], name, level, False, False))
                if name in ("Van", "Person_sitting"):
                    near = "Car" if name == "Van" else "Pedestrian"
                    made.append((v[3:7], near, level, False, True))
        for name, *values in rows:
            if name == "DontCare":
                made += [(np.array(values[3:7], dtype=float), known, 4, True, True) for known in order]
        target = {name: [row[at] for row in made] for at, name in enumerate(columns)}
        targets.append({**target, "boxes": np.array(target["boxes"]).reshape(-1, 4)})
        found = [line.split() for line in STORED["results"][image]]
        boxes = np.array([row[4:8] for row in found], dtype=float).reshape(-1, 4)
        scores = np.array([row[-1] for row in found], dtype=float)
        preds.append({"boxes": boxes, "labels": [row[0] for row in found], "scores": scores})
    return preds, targets


def test_levels_are_a_field_elsewhere(folders):
    preds, targets = dictionaries()
    expected = numbers(meanap.evaluate(*folders, "bbox", "kitti"))
    metric = meanap.MeanAveragePrecision("bbox", protocol="kitti")
    for at in range(0, len(preds), 7):
        metric.update(preds[at : at + 7], targets[at : at + 7])
    assert numbers(metric.result()) == expected
    assert numbers(meanap.evaluate(targets, preds, "bbox", "kitti")) == expected
    del targets[0]["difficulty"], targets[1]["difficulty"]
    with pytest.raises(InputError, match=r'"difficulty" is missing'):
        meanap.MeanAveragePrecision("bbox", protocol="kitti").update(preds, targets)
    with pytest.raises(InputError, match=r"difficulty.* is 5, expected 1 \(easy\), 2 \(moderate\), 3 \(hard\) or 4"):
        truth = meanap.GroundTruth([1], [1], [[0, 0, 9, 9]], difficulty=[5])
        meanap.evaluate(truth, meanap.Detections([], [], [], []), "bbox", "kitti")


def test_records_tables_and_workers(folders, tmp_path):
    pytest.importorskip("pyarrow")
    from meanap.distributed import Plan, accumulate_group, from_curves, match_batch, table_of

    expected = numbers(meanap.evaluate(*folders, "bbox", "kitti"))
    plan = Plan.of("bbox", "kitti")
    table = table_of(*folders, plan)
    curves = from_curves(accumulate_group(match_batch(table, plan), plan), plan)
    assert curves.scores.number(SummaryRow("x", threshold=0.7, area="hard", category="Car")) == expected["Car"][2]
    preds, targets = dictionaries()
    annotations, results = [], []
    for image, (pred, target) in enumerate(zip(preds, targets, strict=True)):
        for record, side in ((annotations, target), (results, pred)):
            for at, (left, top, right, bottom) in enumerate(side["boxes"].tolist()):
                row = {"image_id": image, "category_id": side["labels"][at]}
                row["bbox"] = [left, top, right - left, bottom - top]
                named = ("difficulty", "iscrowd", "ignore") if record is annotations else ("scores",)
                row |= {name.removesuffix("s"): side[name][at] for name in named}
                if record is annotations:
                    # COCO's records have no objects to ignore; those of level 4 count at no level.
                    row["difficulty"] = 4 if row.pop("ignore") else row["difficulty"]
                    row |= {"id": len(annotations) + 1, "area": 1.0, "iscrowd": int(row["iscrowd"])}
                record.append(row)
    categories = [{"id": name, "name": name} for name in sorted({row["category_id"] for row in annotations})]
    truth = {"images": [{"id": at} for at in range(len(preds))], "annotations": annotations, "categories": categories}
    # Of right - left the last bit may be another one: no height here is a limit.
    for level, value in zip(LEVELS, expected["Car"], strict=True):
        assert meanap.evaluate(truth, results, "bbox", "kitti")[f"car_{level}"] == pytest.approx(value, abs=1e-12)
    paths = [tmp_path / "truth.json", tmp_path / "results.json"]
    for path, content in zip(paths, (truth, results), strict=True):
        path.write_text(json.dumps(content))
    assert main(["eval", *map(str, paths), "--protocol", "kitti", "--json", str(tmp_path / "out.json")]) == 0
    written = json.loads((tmp_path / "out.json").read_text())["stats"]
    assert written["car_hard"] == pytest.approx(expected["Car"][2], abs=1e-12)


def test_axes_are_those_of_the_camera():
    # An object 10 m ahead and 2 m to the right, whose bottom is 1.6 m below the camera; it looks ahead.
    numbers = np.array([[0, 0, 0, 0, 0, 0, 0, 1.5, 1.7, 4.2, 2.0, 1.6, 10.0, -np.pi / 2]])
    assert _boxes_in_space(numbers)[0] == pytest.approx([10, -2, -0.85, 4.2, 1.7, 1.5, 0])
    numbers[0, -1] = 0.0
    assert np.cos(_boxes_in_space(numbers)[0, 6]) == pytest.approx(0) and np.sin(_boxes_in_space(numbers)[0, 6]) < 0


def test_other_similarities_and_settings_say_what_fits(folders):
    with pytest.raises(InputError, match="expected similarity 'bbox', 'bev' or 'box3d', found 'segm'"):
        meanap.evaluate(*folders, "segm")
    with pytest.raises(InputError, match="recall: expected another one than KITTI's without its matcher"):
        meanap.evaluate(*folders, "bbox", recall="kitti-40")
    assert {"ap", "ap50"} <= set(meanap.evaluate(*folders, "box3d"))


@pytest.mark.parametrize(
    ("truncated", "occluded", "height", "level"),
    [
        (0.15, 0, 40.5, 1),
        (0.151, 0, 40.5, 2),
        (0.0, 0, 40.0, 2),
        (0.3, 1, 25.5, 2),
        (0.301, 1, 25.5, 3),
        (0.0, 1, 25.0, 4),
        (0.5, 2, 25.5, 3),
        (0.501, 2, 25.5, 4),
        (0.0, 3, 99.0, 4),
    ],
)
def test_levels_have_the_edges_of_the_kit(tmp_path, truncated, occluded, height, level):
    line = f"Car {truncated} {occluded} 0 100 100 200 {100 + height} 1.5 1.7 4.2 2.1 1.6 20 1.6"
    folder = write(tmp_path / "label_2", {"000001": [line]})
    truth = readers.ground_truth(folder, readers.Options(difficulty=True), readers.Problems())
    assert truth.arrays["difficulty"].tolist() == [level]
