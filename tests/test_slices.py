"""Slices of the images, and evaluations of some images and categories: the numbers of these alone."""

from __future__ import annotations

import contextlib
import io
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import meanap
from meanap import generate, report
from meanap.cli import main

WEATHER = ("rain", "snow", "sun")


@pytest.fixture(scope="module")
def data():
    """Ground truth with fields of the images, and detections of a baseline and a candidate."""
    truth = generate.dataset(60, 7)
    for number, image in enumerate(truth["images"]):
        image["weather"] = WEATHER[number % 3]
        image["brightness"] = number * 2.5
        image["date_captured"] = f"20{10 + number % 9}-0{1 + number % 8}-11 08:30:{number:02d}"
    return (
        truth,
        list(generate.detections(truth, per_image=15, seed=7)),
        list(generate.detections(truth, per_image=15, seed=8)),
    )


@pytest.fixture(scope="module")
def files(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("slices")
    paths = [folder / name for name in ("truth.json", "found.json", "other.json")]
    for path, content in zip(paths, data, strict=True):
        path.write_text(json.dumps(content))
    return [str(path) for path in paths]


def numbers(result):
    """The summary as pycocotools has it."""
    return np.nan_to_num(np.array(list(result.values())), nan=-1)


def reference(files, image_ids=None, category_ids=None):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(files[0])
        evaluation = COCOeval(truth, truth.loadRes(files[1]), "bbox")
        if image_ids is not None:
            evaluation.params.imgIds = image_ids
        if category_ids is not None:
            evaluation.params.catIds = category_ids
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def check_tables(found, expected):
    """That two tables are the same to the last bit."""
    found, expected = (table if isinstance(table, dict) else table.to_dict() for table in (found, expected))
    assert list(found) == list(expected)
    for name in found:
        np.testing.assert_array_equal(np.array(found[name]), np.array(expected[name]), err_msg=name)


def cut(truth, found, ids):
    """The records of some images."""
    keep = set(ids)
    part = {**truth, "images": [image for image in truth["images"] if image["id"] in keep]}
    part["annotations"] = [record for record in truth["annotations"] if record["image_id"] in keep]
    return part, [record for record in found if record["image_id"] in keep]


def test_a_slice_has_pycocotools_numbers_of_its_images(files):
    fields = ["weather", "brightness", "objects", "image_area", "date_captured"]
    slices = meanap.evaluate(*files[:2], slices=fields).slices
    assert {name.partition("=")[0] for name in slices["slice"]} == set(fields) and len(slices) > 12
    for row, (name, result) in zip(slices, slices.results.items(), strict=True):
        assert (row["slice"], row["images"]) == (name, len(result.image_ids))
        assert numbers(result).tolist() == reference(files, result.image_ids).tolist()
        np.testing.assert_array_equal(row["ap50"], result.ap50)


def test_everything_of_a_slice_is_that_of_the_files_cut_to_its_images(data):
    truth, found, other = data
    whole = meanap.evaluate(truth, found, slices="weather")
    for name, result in whole.slices.results.items():
        alone = meanap.evaluate(*cut(truth, found, result.image_ids))
        assert result.image_ids == alone.image_ids and result.names == alone.names
        check_tables(result.per_class, alone.per_class)
        for ours, theirs in zip(result.scores.curves, alone.scores.curves, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert (result.confusion().matrix == alone.confusion().matrix).all()
        assert result.errors().to_dict() == alone.errors().to_dict()
        check_tables(result.per_image(), alone.per_image())
        check_tables(result.interval(resamples=20), alone.interval(resamples=20))
        part = whole.slices.results[name].sliced({"half": result.image_ids[::2]}).slices
        assert part["images"].tolist() == [len(result.image_ids[::2])]


def test_entries_agree_about_slices(data, files):
    truth, found, _ = data
    expected = meanap.evaluate(truth, found, slices=["weather", "objects"]).slices.to_dict()
    images = {image["id"]: image for image in truth["images"]}
    items, preds = [], []
    for id in sorted(images):
        own = [record for record in truth["annotations"] if record["image_id"] == id]
        boxes = np.array([record["bbox"] for record in own]).reshape(-1, 4)
        items.append({"image_id": id, "weather": images[id]["weather"], "boxes": boxes})
        items[-1]["labels"] = np.array([record["category_id"] for record in own], dtype=int)
        items[-1]["area"] = np.array([record["area"] for record in own], dtype=float)
        items[-1]["iscrowd"] = np.array([record["iscrowd"] for record in own], dtype=bool)
        theirs = [record for record in found if record["image_id"] == id]
        preds.append({"image_id": id, "boxes": np.array([record["bbox"] for record in theirs]).reshape(-1, 4)})
        preds[-1]["labels"] = np.array([record["category_id"] for record in theirs], dtype=int)
        preds[-1]["scores"] = np.array([record["score"] for record in theirs], dtype=float)
    metric = meanap.MeanAveragePrecision(box_format="xywh")
    metric.update(preds, items)
    table = pandas.DataFrame({"image_id": list(images), "weather": [image["weather"] for image in images.values()]})
    by_ids = {f"weather={name}": [id for id in images if images[id]["weather"] == name] for name in WEATHER}
    entries = {
        "files": meanap.evaluate(*files[:2], slices=["weather", "objects"]),
        "shards": meanap.evaluate(*files[:2], slices=["weather", "objects"], memory_limit="1 MB"),
        "lists": meanap.evaluate(items, preds, slices=["weather", "objects"], box_format="xywh"),
        "reversed": meanap.evaluate(items, preds[::-1], slices=["weather", "objects"], box_format="xywh"),
        "ids": meanap.evaluate(truth, found, slices={**by_ids}).sliced({**by_ids, "objects": _parts(expected)}),
        "metric": metric.result(slices={**by_ids, "objects": _parts(expected)}),
    }
    for result in entries.values():
        check_tables(result.slices, expected)
    for library in (table, polars.from_pandas(table), pyarrow.table(table), table.to_dict("list")):
        of_table = meanap.evaluate(truth, found, slices=library).slices
        check_tables(of_table, {name: column[:3] for name, column in expected.items()})
    check_tables(pickle.loads(pickle.dumps(entries["files"])).slices, expected)


def _parts(expected):
    """The ranges of numbers of objects that were made of themselves."""
    parts = [name.partition("=")[2] for name in expected["slice"] if name.startswith("objects=")]
    limits = [tuple(int(end) for end in part.split("..")) for part in parts]
    return {part: (least, most + 1) for part, (least, most) in zip(parts, limits, strict=True)}


@pytest.mark.parametrize("library", [pandas.DataFrame, polars.DataFrame, pyarrow.table, dict])
def test_columns_of_a_table_are_fields_of_its_images(library):
    rows = {
        "image_id": ["a", "a", "b", "c"],
        "category_id": [1, 1, 1, 2],
        "bbox": [[0.0, 0, 5, 5], [9.0, 9, 5, 5], [0.0, 0, 4, 4], [1.0, 1, 3, 3]],
        "weather": ["rain", "rain", "sun", "rain"],
    }
    found = {**rows, "score": [0.9, 0.8, 0.7, 0.6]}
    del found["weather"]
    result = meanap.evaluate(library(rows), library(found), slices="weather")
    assert result.slices["slice"] == ["weather=rain", "weather=sun"]
    assert [part.image_ids for part in result.slices.results.values()] == [["a", "c"], ["b"]]
    torn = library({**rows, "weather": ["rain", "sun", "sun", "rain"]})
    with pytest.raises(
        meanap.InputError, match="""row 1: "weather" is 'sun', expected 'rain' as in another row of image"""
    ):
        meanap.evaluate(torn, library(found), slices="weather")
    # Only what is named is read.
    assert meanap.evaluate(torn, library(found)).ap == result.ap


def test_ranges_and_values_are_named(data):
    truth, found, _ = data
    slices = {
        "brightness": {"dark": (0, 50), "bright": (50, None), "none": (None, 0)},
        "weather": {"wet": ["rain", "snow"], "dry": "sun"},
        "date_captured": {"early": ("2010", "2014"), "late": ("2014", None)},
        "first": [truth["images"][0]["id"]],
    }
    result = meanap.evaluate(truth, found, slices=slices)
    chosen = {name: set(part.image_ids) for name, part in result.slices.results.items()}

    def of(condition):
        return {image["id"] for image in truth["images"] if condition(image)}

    assert chosen["brightness=dark"] == of(lambda image: image["brightness"] < 50)
    assert chosen["brightness=bright"] == of(lambda image: image["brightness"] >= 50)
    assert chosen["brightness=none"] == set() and np.isnan(result.slices.row(slice="brightness=none")["ap"])
    assert chosen["weather=wet"] == of(lambda image: image["weather"] != "sun")
    assert chosen["weather=dry"] == of(lambda image: image["weather"] == "sun")
    assert chosen["date_captured=early"] == of(lambda image: image["date_captured"] < "2014")
    assert chosen["first"] == {truth["images"][0]["id"]}


@pytest.mark.parametrize(
    "slices, message",
    [
        ("wether", "no image has a field 'wether'; did you mean 'weather'?"),
        ("file_name", "'file_name' has 60 values"),
        ({"night": [1, 2]}, "'night': no image 1; "),
        ({"night": 7}, "'night': expected ids of images, found 7"),
        ({"night": np.zeros(60, bool)}, "'night': expected ids of images, found flags"),
        ({"brightness": {"dark": (50, 0)}}, "brightness: dark: expected two numbers"),
        ({"weather": {"dark": (0, 50)}}, "weather: dark: a range of numbers, but an image has '"),
        ([1], "expected names of fields, found 1"),
        (3, "expected names of fields"),
        ({3: [1]}, "expected names, found 3"),
        (
            pandas.DataFrame({"i": ["x"], "weather": ["sun"]}),
            "a table with image_id",
        ),
    ],
)
def test_slices_that_cannot_be_made_are_refused(data, slices, message):
    with pytest.raises(meanap.InputError) as error:
        meanap.evaluate(*data[:2], slices=slices)
    assert str(error.value).startswith("slices: ") and message in str(error.value), error.value


def test_a_comparison_has_the_difference_of_each_slice(data):
    truth, found, other = data
    baseline, candidate = meanap.evaluate(truth, other), meanap.evaluate(truth, found, slices="weather")
    compared = meanap.compare(baseline, candidate, ["ap50", "ap"], resamples=30)
    assert compared.slices["slice"] == [f"weather={name}" for name in WEATHER]
    for row, part in zip(compared.slices, candidate.slices.results.values(), strict=True):
        ids = part.image_ids
        alone = [meanap.evaluate(*cut(truth, some, ids)) for some in (other, found)]
        expected = meanap.compare(*alone, ["ap50"], resamples=30)[0]
        assert row["images"] == len(ids) and {name: row[name] for name in expected if name != "number"} == {
            name: value for name, value in expected.items() if name != "number"
        }
    assert len(meanap.compare(candidate, baseline, resamples=5).slices) == 0


def test_intervals_are_those_of_each_slice(data):
    slices = meanap.evaluate(*data[:2], slices="weather").slices
    table = slices.interval(["ap", "ap50"], resamples=20, seed=3)
    assert table["slice"] == [name for name in slices["slice"] for _ in range(2)]
    for row in table:
        alone = slices.results[row["slice"]].interval(row["number"], resamples=20, seed=3)
        assert (row["value"], row["low"], row["high"]) == (alone.value, alone.low, alone.high)
    assert slices.interval(resamples=5)["number"] == ["ap"] * 3
    assert len(meanap.evaluate(*data[:2]).slices) == 0 and len(meanap.evaluate(*data[:2]).slices.interval()) == 0


@pytest.mark.parametrize("options", [{}, {"memory_limit": "1 MB"}])
def test_chosen_images_and_categories_have_pycocotools_numbers(data, files, options):
    truth, found, _ = data
    ids = [image["id"] for image in truth["images"]][4:30]
    categories = [category["id"] for category in truth["categories"]][1:9]
    names = [category["name"] for category in truth["categories"]][1:9]
    for chosen in ((ids, None), (None, categories), (ids, categories)):
        expected = reference(files, *chosen).tolist()
        result = meanap.evaluate(*files[:2], image_ids=chosen[0], categories=chosen[1], **options)
        assert numbers(result).tolist() == expected
        assert chosen[0] is None or sorted(chosen[0]) == result.image_ids
        assert chosen[1] is None or chosen[1] == result.category_ids
        if not options:
            in_memory = meanap.evaluate(truth, found, image_ids=chosen[0], categories=chosen[1])
            assert numbers(in_memory).tolist() == expected
    named = meanap.evaluate(*files[:2], categories=names, **options)
    assert dict(named) == dict(meanap.evaluate(*files[:2], categories=categories))
    part = cut(truth, found, ids)
    assert (named.confusion().matrix.shape[0] - 1, len(named.per_image())) == (len(names), len(truth["images"]))
    some = meanap.evaluate(*files[:2], image_ids=np.array(ids), **options)
    assert (some.confusion().matrix == meanap.evaluate(*part).confusion().matrix).all()
    assert some.errors().to_dict() == meanap.evaluate(*part).errors().to_dict()


def test_chosen_images_and_categories_that_are_not_there_are_refused(data, files):
    for options in ({}, {"memory_limit": "1 MB"}):
        with pytest.raises(meanap.InputError, match="image_ids: no image 99999999; there are "):
            meanap.evaluate(*files[:2], image_ids=[99999999], **options)
        with pytest.raises(meanap.InputError, match="categories: no category 'persn'; did you mean 'person'?"):
            meanap.evaluate(*files[:2], categories=["persn"], **options)
    with pytest.raises(meanap.InputError, match="categories: expected ids, found 'person'"):
        meanap.evaluate(*files[:2], categories="person")
    lists = [{"boxes": [[0, 0, 9, 9]], "labels": [1]}, {"boxes": [[0, 0, 9, 9]], "labels": [2]}]
    preds = [{"boxes": [[0, 0, 9, 9]], "labels": [1], "scores": [0.9]}] * 2
    assert meanap.evaluate(lists, preds, image_ids=[0]).ar == 1
    assert meanap.evaluate(lists, preds, categories=[2]).ar == 0


def test_the_command_prints_and_writes_slices(files, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert main(["eval", *files[:2], "--slices", "weather,objects", "--json", str(out), "--categories", "person"]) == 0
    told = capsys.readouterr().out
    truth = json.loads(Path(files[0]).read_text())
    expected = meanap.evaluate(*files[:2], slices=["weather", "objects"], categories=["person"]).slices
    written = json.loads(out.read_text())["slices"]
    assert [row["slice"] for row in written] == expected["slice"] and all(name in told for name in expected["slice"])
    check_tables({"ap": [np.nan if row["ap"] is None else row["ap"] for row in written]}, {"ap": expected["ap"]})
    named = tmp_path / "named.json"
    ids = [image["id"] for image in truth["images"]][:9]
    named.write_text(json.dumps({"night": ids, "brightness": {"dark": [0, 50], "bright": [50, None]}}))
    assert main(["eval", *files[:2], "--slices", str(named), "--output-format", "csv", "--quiet"]) == 0
    rows = capsys.readouterr().out.splitlines()
    expected = [["night", "9"], ["brightness=dark", "20"], ["brightness=bright", "40"]]
    assert [row.split(",")[:2] for row in rows[1:]] == expected
    assert main(["eval", *files[:2], "--slices", "wether", "--quiet"]) == 1
    assert "no image has a field 'wether'; did you mean 'weather'?" in capsys.readouterr().err
    assert main(["eval", *files[:2], "--slices", f"weather,{named}", "--quiet"]) == 2


def test_gates_are_of_slices(files, tmp_path, capsys):
    slices = meanap.evaluate(*files[:2], slices="weather").slices
    sun = slices.row(slice="weather=sun")
    command = ["eval", *files[:2], "--slices", "weather", "--resamples", "20", "--quiet", "--fail-under"]
    assert main([*command, f"AP:weather=sun={sun['ap'] - 0.001}"]) == 0
    assert f"PASS  ap:weather=sun {sun['ap']:.4f}" in capsys.readouterr().out
    assert main([*command, f"ap50:weather=sun={sun['ap50'] + 0.001}"]) == 3
    assert main([*command, "ap:weather=fog=0.1"]) == 2
    assert "no slice 'weather=fog'; there are weather=rain, weather=snow, weather=sun" in capsys.readouterr().err
    worse = ["eval", files[0], files[2], "--slices", "weather", "--resamples", "20", "--quiet"]
    kept = tmp_path / "baseline.json"
    assert main([*worse, "--intervals", "--numbers", "ap:weather=sun", "--json", str(kept)]) == 0
    capsys.readouterr()
    told = []
    for baseline in (kept, files[2]):
        out = tmp_path / "out.json"
        options = ["--numbers", "ap:weather=sun", "--fail-if-worse-than", str(baseline), "--json", str(out)]
        main(["eval", *files[:2], "--slices", "weather", "--resamples", "20", "--quiet", *options])
        told.append(json.loads(out.read_text())["gate"]["rules"][0])
    results = [meanap.evaluate(files[0], path, slices="weather") for path in (files[2], files[1])]
    row = meanap.compare(*results, resamples=20).slices.row(slice="weather=sun")
    for rule in told:
        assert rule["paired"] and rule["difference"] == pytest.approx(row["difference"], abs=1e-12)
        assert rule["difference_low"] == pytest.approx(row["low"], abs=1e-6)


def test_names_with_commas_are_written_with_a_backslash(files, tmp_path, capsys):
    ids = [image["id"] for image in json.loads(Path(files[0]).read_text())["images"]]
    named = tmp_path / "named.json"
    named.write_text(json.dumps({"rain, heavy": ids[:20], "a=b, c": ids[20:]}))
    command = ["eval", *files[:2], "--slices", str(named), "--resamples", "5", "--quiet", "--json", str(tmp_path / "o")]
    rules = r"ap:rain\, heavy=0.01,ap50=0.01,ap:a=b\, c=0.01"
    assert main([*command, "--fail-under", rules, "--intervals", "--numbers", r"ap:rain\, heavy,ap"]) == 0
    told = capsys.readouterr().out
    assert "PASS  ap:rain, heavy " in told and "PASS  ap:a=b, c " in told
    content = json.loads((tmp_path / "o").read_text())
    assert "ap:rain, heavy" in content["intervals"]["numbers"]
    assert [rule["number"] for rule in content["gate"]["rules"]] == ["ap:rain, heavy", "ap50", "ap:a=b, c"]
    with pytest.raises(SystemExit):
        main([*command, "--fail-under", "ap:rain, heavy=0.01"])
    assert r"a comma within a name is written \," in capsys.readouterr().err
    truth = json.loads(Path(files[0]).read_text())
    truth["categories"][0]["name"] = "bus, long"
    for image in truth["images"]:
        image["time, local"] = "day"
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(truth))
    chosen = ["--categories", rf"bus\, long,{truth['categories'][1]['name']}", "--slices", r"time\, local"]
    assert main(["eval", str(path), files[1], "--quiet", "--json", str(tmp_path / "o"), *chosen]) == 0
    content = json.loads((tmp_path / "o").read_text())
    assert len(content["params"]["categories"]) == 2 and content["slices"][0]["slice"] == "time, local=day"


def test_comparisons_of_the_command_have_slices(files, tmp_path, capsys):
    out = tmp_path / "out.json"
    options = ["--slices", "weather", "--resamples", "20", "--numbers", "ap50", "--json", str(out)]
    main(["compare", files[0], files[2], files[1], *options])
    results = [meanap.evaluate(files[0], path, slices="weather") for path in (files[2], files[1])]
    expected = meanap.compare(*results, ["ap50"], resamples=20).slices
    assert json.loads(out.read_text())["slices"] == list(expected)
    assert "weather=rain" in capsys.readouterr().out


def test_the_report_has_slices_and_their_differences(data, files, tmp_path):
    truth, found, other = data
    slices = {"weather": {"<wet>": ["rain", "snow"]}, "brightness": {"dark": (0, 9)}}
    result = meanap.evaluate(truth, found, slices=slices)
    path = result.report(tmp_path / "a.html", versus=meanap.evaluate(truth, other), resamples=10, check=False)
    page = path.read_text(encoding="utf-8")
    assert 'id="slice-table"' in page and "weather=&lt;wet&gt;" in page and "brightness=dark" in page
    row = result.slices[0]
    assert f'data-v="{row["ap"]:.6g}"' in page.split('id="slice-table"')[1].split("</table>")[0]
    assert main(["report", *files[:2], "--slices", "weather", "--resamples", "5", "-o", str(tmp_path / "b.html")]) == 0
    assert "weather=snow" in (tmp_path / "b.html").read_text(encoding="utf-8")
    written = report.write(tmp_path / "c.html", truth, found, slices="weather", resamples=5, check=False)
    assert "weather=snow" in written.read_text(encoding="utf-8")
    none = report.write(tmp_path / "d.html", truth, found, resamples=5, check=False)
    assert "slice-table" not in none.read_text(encoding="utf-8")


def batches(data):
    """The targets and predictions of each image, as metric objects take them."""
    truth, found, _ = data
    for image in truth["images"]:
        own = [[r for r in records if r["image_id"] == image["id"]] for records in (truth["annotations"], found)]
        sides = [
            {
                "boxes": np.array([record["bbox"] for record in records]).reshape(-1, 4),
                "labels": np.array([record["category_id"] for record in records], dtype=int),
            }
            for records in own
        ]
        flags = {name: np.array([record[name] for record in own[0]]) for name in ("area", "iscrowd")}
        scores = np.array([record["score"] for record in own[1]], dtype=float)
        fields = {"image_id": image["id"], "weather": image["weather"], "brightness": image["brightness"]}
        yield {**sides[1], "scores": scores}, {**sides[0], **flags, **fields}


def test_metric_objects_store_the_fields_of_their_slices(data):
    fields = ["weather", "brightness"]
    expected = meanap.evaluate(*data[:2], slices=fields).slices
    ranks = [meanap.MeanAveragePrecision(box_format="xywh", slices=fields, errors=0.5) for _ in range(2)]
    for number, (pred, target) in enumerate(batches(data)):
        ranks[number % 2].update([pred], [target])
    merged = meanap.MeanAveragePrecision.from_state(ranks[1].state())
    merged.merge(pickle.loads(pickle.dumps(ranks[0])))
    check_tables(merged.result().slices, expected)
    ranges = {"brightness": {"dark": (0, 50)}}
    check_tables(merged.result(slices=ranges).slices, meanap.evaluate(*data[:2], slices=ranges).slices)
    numbers = merged.compute()
    for row in expected:
        for ours, theirs in (("map", "ap"), ("map_50", "ap50"), ("map_small", "ap_small"), ("mar_100", "ar_100")):
            value = numbers[f"{row['slice']}/{ours}"]
            assert value == (-1.0 if math.isnan(row[theirs]) else row[theirs]), (row["slice"], ours)
    assert numbers["map"] == merged.result().ap
    ranks[0].reset()
    assert not any("/" in name for name in ranks[0].compute())
    assert len(ranks[0].result().slices) == 0 and len(meanap.MeanAveragePrecision().result().slices) == 0
    several = meanap.MeanAveragePrecision(["bbox", "giou"], "xywh", slices=fields)
    parts = [name for name in several(*map(list, zip(*batches(data), strict=True))) if "/" in name]
    assert {name.split("/")[1].split("_")[0] for name in parts} == {"bbox", "giou"}
    assert f"{expected['slice'][0]}/giou_map" in parts
    with pytest.raises(meanap.InputError, match="image_id.*is missing, which slices of 'weather' need"):
        pred, target = next(batches(data))
        del target["image_id"]
        ranks[0].update([pred], [target])
    assert len(ranks[0]) == 0
    with pytest.raises(meanap.InputError, match="slices: expected names of fields; result"):
        meanap.MeanAveragePrecision(slices={"night": [1]})
    with pytest.raises(meanap.InputError, match="no image has a field 'fog'"):
        merged.result(slices="fog")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_tables_in_shards_have_the_fields_of_their_images(tmp_path, form):
    truth = generate.dataset(images=300, seed=5, categories=3)
    found = generate.detections(truth, per_image=10, seed=5)
    weather = {image["id"]: WEATHER[image["id"] % len(WEATHER)] for image in truth["images"]}

    def write(records, name, columns):
        path = tmp_path / f"{name}.{form}"
        corners = np.array([record["bbox"] for record in records])
        corners[:, 2:] += corners[:, :2]
        columns |= dict(zip(("x1", "y1", "x2", "y2"), corners.T, strict=True))
        columns |= {field: [record[field] for record in records] for field in ("image_id", "category_id")}
        getattr(polars.DataFrame(columns), f"write_{form}")(path)
        return path

    records = truth["annotations"]
    path = write(records, "truth", {"weather": [weather[record["image_id"]] for record in records]})
    others = write(found, "found", {"score": [record["score"] for record in found]})
    whole = meanap.evaluate(path, others, slices="weather")
    shards = meanap.evaluate(path, others, slices="weather", memory_limit=1 << 18)
    assert len(whole.slices) == len(WEATHER)
    check_tables(shards.slices, {name: whole.slices[name] for name in whole.slices.columns})
    mixed = write(records, "mixed", {"weather": ["rain" if row % 2 else "sun" for row in range(len(records))]})
    for options in ({}, {"memory_limit": 1 << 18}):
        with pytest.raises(ValueError, match=r"ground_truth.*\"weather\" is .*as in another row of image"):
            meanap.evaluate(mixed, others, slices="weather", **options)
