"""CrowdHuman and CityPersons: miss rates, AP and Jaccard index of their evaluations by every entry, and their files."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import meanap
from meanap import readers
from meanap.cli import main
from meanap.detection.miss_rates import MissRates, log_average
from meanap.errors import InputError
from meanap.protocol import SummaryRow
from meanap.statistics import verdict_of

STORED = json.loads((Path(__file__).parent / "stored" / "pedestrians.json").read_text())
CROWD, CITY = STORED["crowdhuman"], STORED["citypersons"]


def crowd_files(folder, truth=CROWD["truth"], found=CROWD["found"]):
    paths = folder / "truth.odgt", folder / "found.odgt"
    for path, records in zip(paths, (truth, found), strict=True):
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return paths


def city_files(folder):
    paths = folder / "truth.json", folder / "found.json"
    for path, value in zip(paths, (CITY["truth"], CITY["found"]), strict=True):
        path.write_text(json.dumps(value))
    return paths


def check_crowd(result):
    assert list(result) == ["ap", "mr", "ar"]
    expected = CROWD["numbers"]
    assert [result["ap"], result["mr"]] == pytest.approx([expected["ap"], expected["mr"]], abs=1e-14)


def test_the_numbers_of_crowddet(tmp_path):
    result = meanap.evaluate(*crowd_files(tmp_path), protocol="crowdhuman")
    check_crowd(result)
    assert result.log_average_miss_rate().value == result["mr"]
    assert result.log_average_miss_rate().per_class["value"].tolist() == [result["mr"]]
    index = result.jaccard_index()
    assert index.value == pytest.approx(CROWD["numbers"]["ji"], abs=1e-14)
    assert index.table["jaccard"] == pytest.approx(CROWD["numbers"]["indices"], abs=1e-14)
    assert index.score == CROWD["numbers"]["indices"].index(index.value) * 1e-1


def test_sizes_of_images_may_be_given_in_place_of_those_in_the_results(tmp_path):
    found = [
        {key: value for key, value in record.items() if key not in ("height", "width")} for record in CROWD["found"]
    ]
    paths = crowd_files(tmp_path, found=found)
    sizes = {record["ID"]: (record["height"], record["width"]) for record in CROWD["found"]}
    check_crowd(meanap.evaluate(*paths, protocol="crowdhuman", sizes=sizes))
    assert meanap.evaluate(*paths, protocol="crowdhuman").ap != CROWD["numbers"]["ap"]


def test_heads_have_boxes_and_a_flag_of_their_own(tmp_path):
    truth = readers.ground_truth(crowd_files(tmp_path)[0], readers.Options(columns={"boxes": "hbox"}))
    records = [record for image in CROWD["truth"] for record in image["gtboxes"]]
    ignored = [
        record["tag"] != "person" or "ignore" in record["extra"] or record["head_attr"]["ignore"] == 1
        for record in records
    ]
    assert truth.arrays["iscrowd"].tolist() == ignored
    boxes = np.array([record["hbox"] for record in records])
    assert np.array_equal(truth.arrays["boxes"][:, 2:] - truth.arrays["boxes"][:, :2], boxes[:, 2:])
    result = meanap.evaluate(*crowd_files(tmp_path), protocol="crowdhuman", columns={"boxes": "hbox"})
    assert 0 < result.ap < 1


def crowd_columns(tmp_path):
    paths = crowd_files(tmp_path)
    truth = readers.ground_truth(paths[0])
    return truth, readers.detections(paths[1], truth=truth)


def test_other_entries_of_crowdhuman(tmp_path, capsys):
    truth, found = crowd_columns(tmp_path)
    data, records = readers.dataset_of(truth), readers.records_of(found)
    result = meanap.evaluate(data, records, protocol="crowdhuman")
    check_crowd(result)
    assert result.jaccard_index().value == pytest.approx(CROWD["numbers"]["ji"], abs=1e-14)
    targets = {image["id"]: {"boxes": [], "labels": [], "iscrowd": []} for image in data["images"]}
    for record in data["annotations"]:
        own = targets[record["image_id"]]
        for name, value in (("boxes", record["bbox"]), ("labels", 1), ("iscrowd", record["iscrowd"])):
            own[name].append(value)
    preds = {id: {"boxes": [], "labels": [], "scores": []} for id in targets}
    for record in records:
        own = preds[record["image_id"]]
        for name, value in (("boxes", record["bbox"]), ("labels", 1), ("scores", record["score"])):
            own[name].append(value)
    lists = [
        [
            {name: np.array(value, dtype=float if name != "labels" else int) for name, value in item.items()}
            for item in of
        ]
        for of in (preds.values(), targets.values())
    ]
    for side in lists:
        for item in side:
            item["boxes"] = item["boxes"].reshape(-1, 4)
    metric = meanap.MeanAveragePrecision("bbox", "xywh", "crowdhuman")
    metric.update(*lists)
    check_crowd(metric.result())
    of_lists = meanap.evaluate(lists[1], lists[0], protocol="crowdhuman", box_format="xywh")
    check_crowd(of_lists)
    assert of_lists.jaccard_index().value == pytest.approx(CROWD["numbers"]["ji"], abs=1e-14)
    paths = [*map(str, crowd_files(tmp_path))]
    asked = [*paths, "--protocol", "crowdhuman"]
    assert main(["eval", *asked, "--jaccard", "--json", str(tmp_path / "out.json")]) == 0
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["stats"]["mr"] == pytest.approx(CROWD["numbers"]["mr"], abs=1e-14)
    assert written["jaccard_index"] == pytest.approx(CROWD["numbers"]["ji"], abs=1e-14)
    assert main(["report", *asked, "-o", str(tmp_path / "report.html")]) == 0
    assert main(["check", *paths]) in (0, 1)
    assert "Jaccard index 0." in capsys.readouterr().out


def test_what_has_no_jaccard_index_says_so(tmp_path):
    truth, found = crowd_columns(tmp_path)
    result = meanap.evaluate(truth, found, protocol="crowdhuman")
    with pytest.raises(ValueError, match="jaccard_index: only a result of meanap.evaluate"):
        pickle.loads(pickle.dumps(result)).jaccard_index()
    empty = meanap.evaluate([{"boxes": np.zeros((0, 4)), "labels": []}], [], protocol="crowdhuman")
    assert np.isnan(empty.jaccard_index().value) and np.isnan(empty["mr"])


def test_miss_rates_of_samples_of_images_are_those_of_the_images(tmp_path):
    truth, found = crowd_columns(tmp_path)
    for protocol in ("crowdhuman", "citypersons", "coco"):
        changes = {"summary": (SummaryRow("mr", "miss_rate"),), "thresholds": (0.5,)}
        changes |= {"heights": None} if protocol == "citypersons" else {}
        result = meanap.evaluate(truth, found, protocol=protocol, **changes)
        ids = result.image_ids[::2]
        part = result.sliced({"half": ids}).slices.results["half"]
        weights = np.array([[id in ids for id in result.image_ids], [True] * len(result.image_ids)], dtype=np.uint32)
        (drawn,) = result.scores.resampler([result.scores.row("mr")])(weights)
        assert drawn[:, 0, 0] == pytest.approx([part["mr"], result["mr"]], abs=1e-14)
        interval = result.interval("mr", resamples=50)
        assert interval.low <= interval.value <= interval.high
        same = meanap.compare(result, result, resamples=20)
        assert same[0]["low"] == same[0]["high"] == 0.0


def test_less_of_a_miss_rate_is_better(tmp_path, capsys):
    truth, found = crowd_columns(tmp_path)
    good = np.asarray(truth.arrays["iscrowd"]) == 0
    ids, boxes = np.array(truth.image_ids)[good].tolist(), truth.arrays["boxes"][good]
    best = meanap.Detections(ids, [1] * len(ids), np.ones(len(ids)), boxes)
    results = [meanap.evaluate(truth, side, protocol="crowdhuman") for side in (found, best)]
    for baseline, candidate, expected in ((*results, True), (*results[::-1], False)):
        compared = meanap.compare(baseline, candidate, ["mr", "ap"], resamples=50)
        assert [row["better"] for row in compared] == [expected, expected]
        assert compared.per_class["better"].tolist() == [expected]
        words = {verdict_of(row) for row in compared}
        assert words == {"better" if expected else "worse"}
        assert ("is better" in compared._repr_html_(), "is worse" in compared._repr_html_()) == (expected, not expected)
    data, records = readers.dataset_of(truth), [readers.records_of(side) for side in (found, best)]
    paths = [tmp_path / name for name in ("truth.json", "found.json", "best.json")]
    for path, value in zip(paths, (data, *records), strict=True):
        path.write_text(json.dumps(value))
    asked = ["--protocol", "citypersons-all", "--numbers", "mr", "--resamples", "50"]
    assert main(["compare", *map(str, paths), *asked]) == 0
    assert "better" in capsys.readouterr().out
    assert main(["compare", str(paths[0]), str(paths[2]), str(paths[1]), *asked]) != 0
    assert "worse" in capsys.readouterr().out
    # A gate.
    few = ["eval", str(paths[0]), str(paths[1]), *asked, "--quiet"]
    rate = meanap.evaluate(*map(str, paths[:2]), protocol="citypersons-all")["mr"]
    assert 0.01 < rate < 0.99
    for limit, code, words in ((rate - 0.01, 3, "FAIL  mr"), (rate + 0.01, 0, "PASS  mr")):
        assert main([*few, "--fail-over", f"mr={limit}"]) == code
        assert words in capsys.readouterr().out
    baseline = str(tmp_path / "baseline.json")
    assert main([*few, "--json", baseline, "--intervals"]) == 0
    for other in (baseline, str(paths[1])):
        assert main(["eval", str(paths[0]), str(paths[2]), *asked, "--fail-if-worse-than", other]) == 0
        assert ": better" in capsys.readouterr().out
        assert main([*few, "--fail-if-worse-than", other]) == 0
        assert ": no different" in capsys.readouterr().out
    assert main([*few, "--fail-if-worse-than", str(paths[2])]) == 3
    assert ": worse" in capsys.readouterr().out
    for option, words in (
        ("--fail-under", "--fail-under: less of mr is better; --fail-over takes it"),
        ("--fail-over", "--fail-over: more of ap is better; --fail-under takes it"),
    ):
        assert main([*few, option, "mr=0.5" if option == "--fail-under" else "ap=0.5"]) == 2
        assert words in capsys.readouterr().err


def test_where_a_miss_rate_is_read():
    """One object in each of 100 images; the third detection is the first false positive."""
    boxes = np.array([[0.0, 0, 10, 10]])
    truth = [{"boxes": boxes, "labels": [1]} for _ in range(100)]
    found = [{"boxes": boxes, "labels": [1], "scores": [0.9 - 0.001 * n]} for n in range(100)]
    found[2]["boxes"] = boxes + 50
    result = meanap.evaluate(truth, found, protocol="crowdhuman")
    # The first rate, 0.01, is reached by the third detection, the second one by none.
    assert result["mr"] == pytest.approx(np.exp(np.mean(np.log([0.98, *[0.01] * 8]))))
    for name, first in (("citypersons", 0.01), ("dollar", 0.01)):
        rates = MissRates(result.scores.table, 0, 100, name)
        assert rates.of(0, 0) == pytest.approx([first] + [0.01] * 8)
    assert log_average(np.array([0.0, 1.0]), "crowdhuman") == 0.0
    assert log_average(np.array([0.0, 1.0]), "dollar") == pytest.approx(1e-5)


def test_where_the_evaluations_differ():
    """DIFFERENCE: no recall of all detections where the first one exceeds the rate; nothing added to denominators."""
    boxes = np.array([[0.0, 0, 10, 60]])
    truth = [{"boxes": boxes, "labels": [1]}] * 2
    found = [
        {"boxes": boxes + 100, "labels": [1], "scores": [0.9]},
        {"boxes": boxes, "labels": [1], "scores": [0.8]},
    ]
    result = meanap.evaluate(truth, found, protocol="citypersons")
    # One false positive in two images comes first: up to a rate of 0.3162 nothing is found.
    assert result["mr"] == pytest.approx(np.exp(np.mean(np.log([1.0] * 7 + [0.5] * 2))))
    tiny = np.array([[0.0, 0, 0.001, 0.001]])
    sides = [{"boxes": tiny, "labels": [1]}], [{"boxes": tiny, "labels": [1], "scores": [0.5]}]
    assert meanap.evaluate(*sides, protocol="crowdhuman")["ar"] == 1.0


@pytest.mark.parametrize("name", CITY["numbers"])
def test_the_numbers_of_citypersons(name, tmp_path):
    for sides in (city_files(tmp_path), (CITY["truth"], CITY["found"])):
        result = meanap.evaluate(*sides, protocol=name)
        assert result["mr"] == pytest.approx(CITY["numbers"][name], abs=1e-14)
        assert list(result) == ["mr", "ap", "ar"]


def test_other_entries_of_citypersons(tmp_path, capsys):
    paths = [*map(str, city_files(tmp_path))]
    asked = [*paths, "--protocol", "citypersons-heavy"]
    assert main(["eval", *asked, "--json", str(tmp_path / "out.json")]) == 0
    stats = json.loads((tmp_path / "out.json").read_text())["stats"]
    assert stats["mr"] == pytest.approx(CITY["numbers"]["citypersons-heavy"], abs=1e-14)
    assert main(["report", *asked, "-o", str(tmp_path / "report.html")]) == 0
    assert main(["check", *paths]) in (0, 1)
    assert "citypersons" not in capsys.readouterr().err
    # With another protocol what is hardly visible counts.
    assert meanap.evaluate(*paths).scores.objects.sum(axis=0)[0] == sum(
        not a["ignore"] for a in CITY["truth"]["annotations"]
    )


def test_heights_without_a_part_that_is_visible():
    """Metric objects and lists have no visible parts: all of an object is visible."""
    targets = [{"boxes": np.array([[0.0, 0, 10, 60], [50, 0, 60, 30]]), "labels": [1, 1]}]
    found = [{"boxes": np.array([[0.0, 0, 10, 60], [50, 0, 60, 39.9], [80, 0, 90, 40]]), "labels": [1] * 3}]
    found[0]["scores"] = np.array([0.5, 0.9, 0.8])
    result = meanap.evaluate(targets, found, protocol="citypersons")
    assert (result.scores.objects.tolist(), result.scores.detections.tolist()) == ([[1]], [2])
    assert (result.ap, result["ar"]) == (0.5, 1.0)


def test_workers_bring_the_rows_that_miss_rates_need(tmp_path):
    pytest.importorskip("pyarrow")
    from meanap import distributed

    paths = city_files(tmp_path)
    plan = distributed.Plan.of("bbox", "citypersons", score_range=None)
    rows = distributed.match_batch(distributed.table_of(*paths, plan), plan)
    result = distributed.from_matches(rows, plan)
    # Images without any object are not in a table.
    there = {record["image_id"] for record in [*CITY["truth"]["annotations"], *CITY["found"]]}
    data = {**CITY["truth"], "images": [image for image in CITY["truth"]["images"] if image["id"] in there]}
    assert result["mr"] == meanap.evaluate(data, CITY["found"], protocol="citypersons")["mr"]


@pytest.mark.parametrize(
    ("side", "change", "message"),
    [
        (0, {"fbox": [1, 2, 3]}, 'record 0: "fbox" is .*, expected x, y, width and height'),
        (1, {"box": [1, 2, -3, 4]}, 'record 0: "box" is .*, expected x, y, width and height, which are 0 or more'),
        (1, {"score": "high"}, "record 0: \"score\" is 'high', expected a number"),
    ],
)
def test_records_that_cannot_be_used(side, change, message, tmp_path):
    sides = [json.loads(json.dumps(CROWD[name])) for name in ("truth", "found")]
    sides[side][0][("gtboxes", "dtboxes")[side]][0].update(change)
    paths = crowd_files(tmp_path, *sides)
    with pytest.raises(InputError, match=f"im000: {message}"):
        meanap.evaluate(*paths, protocol="crowdhuman")
    with pytest.warns(UserWarning, match="1"):
        assert 0 < meanap.evaluate(*paths, protocol="crowdhuman", on_error="skip").ap < 1


def test_sources_that_cannot_be_used(tmp_path):
    other = [{**CROWD["found"][0], "ID": "elsewhere"}]
    with pytest.raises(InputError, match="\"ID\" is 'elsewhere', expected an image of the ground truth"):
        meanap.evaluate(*crowd_files(tmp_path, found=other), protocol="crowdhuman")
    with pytest.raises(InputError, match="two lines are of the image 'im000'"):
        meanap.evaluate(*crowd_files(tmp_path, truth=CROWD["truth"][:1] * 2), protocol="crowdhuman")
    with pytest.raises(InputError, match="has boxes only, expected similarity 'bbox', found 'segm'"):
        meanap.evaluate(*crowd_files(tmp_path), "segm", "crowdhuman")
