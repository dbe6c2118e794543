"""A report of every kind of input, and of input that cannot be evaluated."""

import html
import json
import pickle
import re

import numpy as np
import pytest
from test_report import FATES, drawn, embedded, sections
from thorough import some

import meanap
from meanap import generate, report

from .native_data import per_image

#: What is compared in the data that `generate` writes in these formats; boxes in all others.
SIMILARITIES = {"yolo-pose": "keypoints", "yolo-segm": "segm", "dota": "rotated"}


def verdict(path):
    text = path.read_text(encoding="utf-8")
    return re.sub("<[^>]*>", "", text[text.index("<p class=lead>") :].partition("</p>")[0])


@pytest.mark.parametrize("format", some(generate.FORMATS, every=3))
def test_files_of_every_format_have_a_report_alone_and_against_a_baseline(tmp_path, format):
    truth, found = generate.write_format(tmp_path / "data", format, images=12, seed=2)
    similarity = SIMILARITIES.get(format, "bbox")
    reading = {"images": tmp_path / "data" / "images"} if format == "openimages" else {}
    path = report.write(tmp_path / "r.html", truth, found, similarity, resamples=2, worst=3, **reading)
    # A result reads its files again as they were read.
    result = meanap.evaluate(truth, found, similarity, **reading)
    assert verdict(path).startswith(f"AP {result.ap:.3f}")
    rows = result.per_image(0.5, score=result.best_f1().threshold)[:3]
    assert [counts for counts, _ in drawn(path)] == [{fate: row[f"{fate}s"] for fate in FATES} for row in rows]
    assert result.report(tmp_path / "s.html", resamples=2, worst=3, **reading).read_bytes() == path.read_bytes()
    assert drawn(result.report(tmp_path / "blank.html", resamples=2, worst=3)) == drawn(path)
    # A result, and a source, as the baseline.
    both = report.write(tmp_path / "t.html", truth, found, similarity, versus=found, resamples=2, worst=3, **reading)
    again = meanap.evaluate(truth, found, similarity, **reading)
    other = result.report(tmp_path / "u.html", versus=again, resamples=2, worst=3, **reading)
    assert both.read_bytes() == other.read_bytes()
    assert f"{result.ap:.3f}: +0.000" in verdict(both) and "no significant difference" in verdict(both)
    assert all(view["baseline"] == view["precision"] for view in embedded(both.read_text(encoding="utf-8"))["views"])


def in_memory():
    """Ground truth and detections: records, lists of dictionaries, columns, and a table."""
    data = generate.dataset(images=8, seed=4, crowds=0)
    records = generate.detections(data, per_image=10, seed=4)
    preds, targets = per_image(data, records)
    for item in (*preds, *targets):
        item["boxes"] = np.concatenate([item["boxes"][:, :2], item["boxes"][:, :2] + item["boxes"][:, 2:]], axis=1)
        item.pop("image_id", None)
    sides = []
    for rows in (data["annotations"], records):
        boxes = np.array([row["bbox"] for row in rows], dtype=float)
        boxes[:, 2:] += boxes[:, :2]
        ids = [row["image_id"] for row in rows], [row["category_id"] for row in rows]
        scores = ([row["score"] for row in rows],) if "score" in rows[0] else ()
        sides.append((*ids, *scores, boxes))
    names = ("image_id", "category_id", "score")
    tables = [
        {**dict(zip((*names[:2], *names[2 : len(side) - 1]), side[:-1], strict=True)),
         **dict(zip(("x1", "y1", "x2", "y2"), side[-1].T, strict=True))}
        for side in sides
    ]  # fmt: skip
    return {
        "records": (data, records),
        "lists": (targets, preds),
        "columns": (meanap.GroundTruth(*sides[0]), meanap.Detections(*sides[1])),
        "tables": tuple(tables),
    }


def table(columns):
    return pytest.importorskip("polars").DataFrame(columns)


@pytest.mark.parametrize("kind", ["records", "lists", "columns", "tables"])
def test_data_in_memory_has_a_report_against_data_in_memory(tmp_path, kind):
    truth, found = in_memory()[kind]
    if kind == "tables":
        truth, found = table(truth), table(found)
    result = meanap.evaluate(truth, found)
    path = report.write(tmp_path / "r.html", truth, found, versus=found, resamples=2, worst=2, title="mine")
    assert verdict(path).startswith(f"AP {result.ap:.3f}") and len(drawn(path)) == 2
    again = result.report(
        tmp_path / "s.html", versus=result, ground_truth=truth, detections=found, resamples=2, worst=2, title="mine"
    )
    assert [drawn(again), verdict(again)] == [drawn(path), verdict(path)]


def broken(kind, folder):
    """Input that cannot be evaluated, and a part of the error."""
    memory = in_memory()
    if kind == "records":
        truth, found = memory["records"]
        found[3]["bbox"] = [1, 2, 3]
        return truth, found, "3 numbers"
    if kind == "file":
        truth, found = memory["records"]
        del found[5]["score"]
        (folder / "truth.json").write_text(json.dumps(truth))
        (folder / "found.json").write_text(json.dumps(found))
        return folder / "truth.json", folder / "found.json", "score"
    if kind == "lists":
        targets, preds = memory["lists"]
        preds[2]["scores"] = preds[2]["scores"][:-1]
        return targets, preds, "scores"
    if kind == "tables":
        truth, found = memory["tables"]
        found["category_id"] = [str(id) if i == 4 else id for i, id in enumerate(found["category_id"])]
        found.pop("score")
        return table(truth), table({**found, "category_id": list(map(str, found["category_id"]))}), "score"
    truth, found = generate.write_format(folder / "yolo", "yolo", images=4, seed=1)
    first = next(path for path in sorted(found.rglob("*.txt")) if len(path.read_text().splitlines()) > 2)
    lines = first.read_text().splitlines()
    first.write_text("\n".join([*lines[:-1], lines[-1] + " x"]))
    return truth, found, first.name


@pytest.mark.parametrize("kind", ["records", "file", "lists", "tables", "folder"])
def test_input_that_cannot_be_evaluated_has_a_report_of_the_findings(tmp_path, kind):
    truth, found, part = broken(kind, tmp_path)
    path = tmp_path / "r.html"
    with pytest.raises(ValueError, match=re.escape(part)) as raised:
        report.write(path, truth, found, resamples=2)
    text = path.read_text(encoding="utf-8")
    assert sections(text) == ["findings"] and "Not evaluated" in text
    assert part in html.unescape(text) and str(raised.value) in html.unescape(text)
    path.unlink()
    with pytest.raises(ValueError, match=re.escape(part)):
        report.write(path, truth, found, resamples=2, check=False)
    assert not path.exists()


@pytest.mark.parametrize("made", ["columns named", "metric", "metric with errors", "pickled"])
def test_results_of_every_origin_have_a_report(tmp_path, made):
    """What needs matching again is there if the result can do that, and left out otherwise."""
    targets, preds = in_memory()["lists"]
    if made == "columns named":
        columns = {"label": "class", "score": "sure"}
        for side, (truth, score) in (("truth", (True, "")), ("found", (False, "sure"))):
            rows = [
                f"{i},{label},{','.join(map(str, box))}" + (f",{item['scores'][j]}" if score else "")
                for i, item in enumerate(targets if truth else preds)
                for j, (label, box) in enumerate(zip(item["labels"], np.asarray(item["boxes"]).tolist(), strict=True))
            ]
            head = "image_id,class,x1,y1,x2,y2" + (f",{score}" if score else "")
            (tmp_path / f"{side}.csv").write_text("\n".join([head, *rows]))
        files = tmp_path / "truth.csv", tmp_path / "found.csv"
        result = meanap.evaluate(*files, columns=columns)
        assert len(drawn(result.report(tmp_path / "r.html", resamples=2, worst=2))) == 2
        return
    metric = meanap.MeanAveragePrecision(**({"errors": 0.5, "confusion": 0.5} if made == "metric with errors" else {}))
    metric.update(preds, targets)
    result = pickle.loads(pickle.dumps(meanap.evaluate(targets, preds))) if made == "pickled" else metric.result()
    path = result.report(tmp_path / "r.html", versus=result, resamples=2)
    assert verdict(path).startswith(f"AP {result.ap:.3f}")
    there = {"errors", "confusion"} if made == "metric with errors" else set()
    assert {"errors", "confusion", "images"} & set(sections(path.read_text(encoding="utf-8"))) == there
    given = {"ground_truth": targets, "detections": preds, "resamples": 2, "worst": 2}
    assert len(drawn(result.report(tmp_path / "s.html", **given))) == (2 if made == "metric with errors" else 0)


@pytest.mark.parametrize("method", ["report", "show"])
def test_options_of_a_report_are_known_by_name(tmp_path, method):
    truth, found = in_memory()["records"]
    result = meanap.evaluate(truth, found)
    path = [tmp_path / "r.html"] if method == "report" else []
    options = {
        "images": None,
        "title": "t",
        "score": 0.5,
        "worst": 1,
        "confidence": 0.9,
        "resamples": 2,
        "check": False,
    }
    assert getattr(result, method)(*path, **options) is not None
    with pytest.raises(TypeError, match=f"Result.{method}: unexpected keyword 'resample'; did you mean 'resamples'"):
        getattr(result, method)(*path, resample=5)
