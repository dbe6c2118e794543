"""CrowdPose's protocol: the numbers of crowdposetools, and those of images with few, some and many people."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import meanap
from meanap import protocol
from meanap.cli import main

STORED = json.loads((Path(__file__).parent / "stored" / "crowdpose.json").read_text())
TRUTH, RESULTS = STORED["truth"], STORED["results"]
PARTS = {"ap_easy": (-1, 0.2), "ap_medium": (0.2, 0.8), "ap_hard": (0.8, 2)}


def evaluated(truth=TRUTH, results=RESULTS, **options) -> meanap.Result:
    return meanap.evaluate(truth, results, "keypoints", "crowdpose", **options)


def written(folder: Path, truth=TRUTH) -> tuple[str, str]:
    paths = str(folder / "truth.json"), str(folder / "found.json")
    for path, content in zip(paths, (truth, RESULTS), strict=True):
        Path(path).write_text(json.dumps(content))
    return paths


def test_numbers_are_those_of_crowdposetools(tmp_path):
    expected = STORED["stats"]
    paths = written(tmp_path)
    for result in (evaluated(), evaluated(*paths), evaluated(*paths, memory_limit="1 MB")):
        assert list(result) == list(expected)
        for name, value in result.items():
            # The reference rounds the three parts.
            assert (round(value, 4) if name in PARTS else value) == expected[name], name


def test_a_part_has_the_numbers_of_its_images_alone():
    result = evaluated()
    for name, (least, most) in PARTS.items():
        ids = {image["id"] for image in TRUTH["images"] if least <= image["crowdIndex"] < most}
        assert ids
        part = {**TRUTH, "images": [image for image in TRUTH["images"] if image["id"] in ids]}
        part["annotations"] = [record for record in TRUTH["annotations"] if record["image_id"] in ids]
        alone = evaluated(part, [record for record in RESULTS if record["image_id"] in ids])
        assert result[name] == pytest.approx(alone.ap, abs=1e-15) and result[name] != result.ap


def test_images_without_a_crowd_index_are_in_no_part_and_some_without_are_an_error(tmp_path):
    images = [{key: value for key, value in image.items() if key != "crowdIndex"} for image in TRUTH["images"]]
    result = evaluated({**TRUTH, "images": images})
    assert result.ap == STORED["stats"]["ap"] and np.isnan([result[name] for name in PARTS]).all()
    for wrong, found in ((None, "is None"), ("high", "is .high.")):
        bad = {**TRUTH, "images": [*TRUTH["images"][:3], {**images[3], "crowdIndex": wrong}, *TRUTH["images"][4:]]}
        for truth in (bad, written(tmp_path, bad)[0]):
            with pytest.raises(meanap.InputError, match=f'image 103: "crowdIndex" {found}, expected a number'):
                evaluated(truth)
    some = {**TRUTH, "images": [*TRUTH["images"][:3], images[3], *TRUTH["images"][4:]]}
    with pytest.raises(meanap.InputError, match='image 103: "crowdIndex" is missing, which others have'):
        evaluated(some)


def test_resamples_and_comparisons_are_of_the_images_of_a_part():
    result = evaluated()
    worse = evaluated(results=[{**record, "score": (record["score"] * 7) % 1} for record in RESULTS])
    table = meanap.compare(worse, result, resamples=50)
    rows = {row["number"]: row for row in table}
    assert {*PARTS} <= {*rows}
    for name in PARTS:
        row = rows[name]
        assert row["candidate"] - row["baseline"] == pytest.approx(result[name] - worse[name], abs=1e-12)
        assert row["low"] < row["high"]
    again = pickle.loads(pickle.dumps(result))
    assert dict(again) == dict(result)


def test_a_metric_object_has_the_numbers_of_all_images():
    metric = meanap.MeanAveragePrecision("keypoints", protocol="crowdpose", box_format="xywh")
    for image in TRUTH["images"]:
        own = [[r for r in records if r["image_id"] == image["id"]] for records in (RESULTS, TRUTH["annotations"])]
        poses = [np.array([r["keypoints"] for r in records]).reshape(-1, 14, 3) for records in own]
        labels = [np.ones(len(records), dtype=int) for records in own]
        pred = {"keypoints": poses[0], "labels": labels[0], "scores": np.array([r["score"] for r in own[0]])}
        target = {"keypoints": poses[1], "labels": labels[1]}
        target["boxes"] = np.array([r["bbox"] for r in own[1]]).reshape(-1, 4)
        target["num_keypoints"] = np.array([r["num_keypoints"] for r in own[1]])
        metric.update([pred], [target])
    numbers = metric.compute()
    assert numbers["map"] == STORED["stats"]["ap"] and numbers["map_50"] == STORED["stats"]["ap50"]


def test_a_difference_from_coco_names_sizes_and_sigmas():
    rules = protocol.get("coco", "keypoints").replace(sigmas="crowdpose")
    explained = meanap.explain_difference(TRUTH, RESULTS, rules, "crowdpose", "keypoints")
    fields = " ".join(row["fields"] for row in explained)
    assert "size" in fields and "sigmas" not in fields


def test_the_command_has_the_protocol(tmp_path, capsys):
    out = tmp_path / "out.json"
    command = ["eval", *written(tmp_path), "--similarity", "keypoints", "--protocol", "crowdpose", "--json", str(out)]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "ap_hard" in told or "hard" in told.lower()
    assert f"{STORED['stats']['ap']:.3f}" in told


def test_rows_name_images_by_a_field_and_two_numbers():
    row = protocol.SummaryRow("ap_night", images=("brightness", 0, 40))
    rules = protocol.get("coco").replace(summary=(protocol.SummaryRow("ap"), row))
    truth, results = meanap.generate.dataset(30, 2), None
    results = meanap.generate.detections(truth, per_image=10, seed=2)
    for number, image in enumerate(truth["images"]):
        image["brightness"] = number * 3
    night = {image["id"] for image in truth["images"] if image["brightness"] < 40}
    whole = meanap.evaluate(truth, results, protocol=rules)
    part = {**truth, "images": [image for image in truth["images"] if image["id"] in night]}
    part["annotations"] = [record for record in truth["annotations"] if record["image_id"] in night]
    alone = meanap.evaluate(part, [record for record in results if record["image_id"] in night])
    assert whole["ap_night"] == pytest.approx(alone.ap, abs=1e-15)
    for images in ("brightness", ("brightness", 1), (1, 2, 3), ("brightness", "a", "b")):
        with pytest.raises(meanap.InputError, match="summary: images: expected a field and two numbers, or None"):
            protocol.SummaryRow("x", images=images)


def test_workers_have_the_numbers_of_all_images_and_no_parts():
    pa = pytest.importorskip("pyarrow")
    from meanap.distributed import Plan, accumulate_group, from_curves, match_batch

    rows = [*TRUTH["annotations"], *RESULTS]
    names = ("image_id", "category_id", "score", "num_keypoints", "iscrowd", "keypoints")
    columns = {name: [row.get(name) for row in rows] for name in names}
    boxes = [row.get("bbox", [0.0] * 4) for row in rows]
    table = pa.table({**columns, "bbox": boxes})
    plan = Plan.of("keypoints", "crowdpose", box_format="xywh")
    images = table["image_id"].to_numpy()
    matched = pa.concat_tables(match_batch(table.filter(pa.array(images % 3 == shard)), plan) for shard in range(3))
    result = from_curves(accumulate_group(matched, plan), plan)
    for name, expected in STORED["stats"].items():
        assert np.isnan(result[name]) if name in PARTS else result[name] == expected, name


def test_lists_tables_and_metric_objects_have_parts_too():
    expected = dict(evaluated())
    targets, preds, rows, found = [], [], [], []
    for image in TRUTH["images"]:
        id = image["id"]
        own = [[r for r in records if r["image_id"] == id] for records in (TRUTH["annotations"], RESULTS)]
        sides = [
            {
                "image_id": id,
                "keypoints": np.array([r["keypoints"] for r in records], dtype=float).reshape(-1, 14, 3),
                "labels": np.ones(len(records), dtype=int),
            }
            for records in own
        ]
        targets.append({**sides[0], "crowdIndex": image["crowdIndex"]})
        targets[-1]["boxes"] = np.array([r["bbox"] for r in own[0]], dtype=float).reshape(-1, 4)
        targets[-1]["num_keypoints"] = np.array([r["num_keypoints"] for r in own[0]])
        preds.append({**sides[1], "scores": np.array([r["score"] for r in own[1]], dtype=float)})
        fields = ("image_id", "category_id", "keypoints")
        rows += [
            {name: r[name] for name in (*fields, "bbox", "num_keypoints")} | {"crowdIndex": image["crowdIndex"]}
            for r in own[0]
        ]
        found += [{name: r[name] for name in (*fields, "score")} for r in own[1]]
    assert dict(evaluated(targets, preds, box_format="xywh")) == expected
    metric = meanap.MeanAveragePrecision("keypoints", protocol="crowdpose", box_format="xywh")
    for number in range(len(targets)):
        metric.update(preds[number : number + 1], targets[number : number + 1])
    assert dict(meanap.MeanAveragePrecision.from_state(metric.state()).result()) == expected
    tables = [{name: [row[name] for row in some] for name in some[0]} for some in (rows, found)]
    of_tables = evaluated(*tables)
    # Images without an object are in no row.
    there = {row["image_id"] for row in rows}
    part = {**TRUTH, "images": [image for image in TRUTH["images"] if image["id"] in there]}
    alone = evaluated(part, [record for record in RESULTS if record["image_id"] in there])
    if there == {image["id"] for image in TRUTH["images"]}:
        assert dict(of_tables) == expected == dict(alone)
    else:
        assert {name: of_tables[name] for name in PARTS} == {name: alone[name] for name in PARTS}
