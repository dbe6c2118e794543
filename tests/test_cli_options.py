"""Options that commands share: one spelling, one meaning, checked before a file is read, and nothing done twice."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import test_boxes_3d
import test_rotated
from test_cli import expected_bits, reference
from thorough import some

import meanap
from meanap import _core, _similarity, generate
from meanap.cli import gate, main
from meanap.detection import evaluation, matching


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("options")
    made = generate.write_files(folder, images=30, seed=11)
    records = json.loads(made["bbox"][1].read_text())
    (folder / "worse.json").write_text(json.dumps([record for i, record in enumerate(records) if i % 3]))
    for name, scenes in (("rotated", test_rotated.scenes()), ("box3d", test_boxes_3d.scenes())):
        made[name] = folder / f"{name}.json", folder / f"{name}-found.json"
        for path, content in zip(made[name], scenes, strict=True):
            path.write_text(json.dumps(content))
    return {**made, **dict.fromkeys(("bev", "centre-distance"), made["box3d"]), "worse": folder / "worse.json"}


def helped(capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    return capsys.readouterr().out


#: The commands that have each option.
SHARED = {
    **dict.fromkeys(
        ("protocol", "iou-thresholds", "area-ranges", "max-dets", "categories", "no-cats", "confidence", "resamples"),
        ("eval", "compare", "report"),
    ),
    "progress": ("eval", "compare", "report"),
    **dict.fromkeys(("format", "box-format", "names", "images"), ("eval", "check", "compare", "report")),
    "lenient": ("eval", "compare", "report", "semantic", "panoptic"),
    "similarity": ("eval", "check", "compare", "report"),
    "sigmas": ("eval", "check", "compare", "report"),
    "per-class": ("eval", "compare", "panoptic"),
    "json": ("eval", "check", "compare", "semantic", "panoptic", "rank"),
    "quiet": ("eval", "check", "compare", "report", "semantic", "panoptic", "rank"),
}


def test_shared_options_are_spelt_alike(capsys):
    texts = {command: helped(capsys, command) for command in {name for names in SHARED.values() for name in names}}
    for option, commands in SHARED.items():
        described = set()
        for command in commands:
            found = re.search(rf"^  --{option}\b.*\n(?:   .*\n)*", texts[command], re.MULTILINE)
            assert found, (option, command)
            described.add(found[0])
        # The words differ where the values do.
        assert option in ("similarity", "json", "quiet", "per-class", "resamples", "lenient") or len(described) == 1, (
            described
        )
    assert not any("iou-type" in text for text in texts.values())


@pytest.mark.parametrize("kind", ["segm", "keypoints"])
def test_the_word_of_pycocotools_is_taken_for_the_similarity(files, capsys, kind):
    told = {}
    for word in ("--similarity", "--iou-type"):
        assert main(["eval", *map(str, files[kind]), word, kind]) == 0
        told[word] = capsys.readouterr()
    assert told["--similarity"] == told["--iou-type"] and told["--iou-type"].out
    assert main(["check", *map(str, files[kind]), "--iou-type", kind]) in (0, 1)


@pytest.mark.parametrize("command", ["eval", "compare", "report"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--protocol", "cocoa"], "--protocol: expected one of"),
        (["--similarity", "bbox", "--sigmas", "0.1"], "--sigmas: only --similarity keypoints uses it, found bbox"),
        (["--max-dets", "10,10,10"], "rising whole numbers"),
        (["--area-ranges", "tiny:0:10"], "--area-ranges: the numbers of categories are of the range all"),
        (["--similarity", "keypoints", "--protocol", "voc2012"], "--sigmas: voc2012 has none, give one for each"),
        (["--area-ranges", "all:0:9,all:0:10"], "expected each name once"),
        (["--iou-thresholds", "1.5"], "numbers from 0 to 1"),
        (["--similarity", "boxes"], "found boxes; did you mean 'bbox'?"),
        (["--categories", ","], "expected words"),
        (["--resamples", "0"], "whole number of at least 1"),
        (["--format", "xls"], "--format: expected one or two of "),
        (["--format", "coco,coco,coco"], "--format: expected one or two of "),
    ],
)
def test_options_are_checked_before_files_are_read(capsys, command, options, words):
    paths = ["none.json"] * (3 if command == "compare" else 2)
    try:
        code = main([command, *paths, *options])
    except SystemExit as stopped:
        code = stopped.code
    printed = capsys.readouterr()
    assert code == 2 and words in printed.err and printed.out == ""


def test_the_text_has_lines_for_three_limits_and_three_sizes(files, capsys):
    ranges = ["--area-ranges", "all:0:1e10,tiny:0:100"]
    assert main(["eval", "none.json", "none.json", *ranges]) == 2
    assert "--area-ranges: the summary has a row for small, medium, large" in capsys.readouterr().err
    assert main(["eval", "none.json", "none.json", "--max-dets", "10"]) == 2
    assert "--max-dets: the summary of boxes and masks has three limits" in capsys.readouterr().err
    # Other commands do not print it, and other protocols have other summaries.
    truth, found = map(str, files["bbox"])
    few = ["--resamples", "2", "--quiet", "--json", "-"]
    assert main(["compare", truth, found, found, "--max-dets", "10", *ranges, *few]) == 0
    numbers = {row["number"]: row["candidate"] for row in json.loads(capsys.readouterr().out)["numbers"]}
    changes = {"max_detections": (10,), "area_ranges": {"all": (0.0, 1e10), "tiny": (0.0, 100.0)}}
    assert numbers == pytest.approx(meanap.evaluate(truth, found, **changes).to_dict(), abs=0, nan_ok=True)
    assert main(["eval", truth, found, "--protocol", "torchmetrics", "--max-dets", "10", "--json", "-", "--quiet"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize("command", SHARED["json"])
def test_the_folder_of_the_json_is_checked_before_files_are_read(tmp_path, capsys, command):
    more = {"semantic": ["--classes", "3"]}.get(command, [])
    paths = ["none.json"] * (3 if command == "compare" else 2)
    assert main([command, *paths, *more, "--json", str(tmp_path / "none" / "out.json")]) == 1
    assert capsys.readouterr().err == f"meanap: {tmp_path / 'none'}: there is no such folder to write to\n"


@pytest.mark.parametrize(
    ("command", "options"),
    [("eval", ["--fail-under", "mota=0.4"]), ("eval", ["--numbers", "mota"]), ("compare", ["--numbers", "mota"])],
)
def test_names_of_numbers_are_checked_before_files_are_read(capsys, command, options):
    assert main([command, *["none.json"] * (3 if command == "compare" else 2), *options]) == 2
    assert "no number 'mota'; there are ap, ap50" in capsys.readouterr().err


# The reference's text


def changed(**changes):
    def change(params):
        for name, value in changes.items():
            setattr(params, name, value)

    return change


@pytest.mark.parametrize(
    ("kind", "options", "changes"),
    [
        ("bbox", ["--max-dets", "1,10,50"], {"maxDets": [1, 10, 50]}),
        ("bbox", ["--max-dets", "1,5,10,100"], {"maxDets": [1, 5, 10, 100]}),
        ("bbox", ["--max-dets", "10,100,300"], {"maxDets": [10, 100, 300]}),
        ("bbox", ["--categories", "3,1"], {"catIds": [1, 3]}),
        ("bbox", ["--categories", "3,1", "--no-cats"], {"catIds": [1, 3], "useCats": 0}),
        ("segm", ["--no-cats"], {"useCats": 0}),
        ("segm", ["--categories", "2"], {"catIds": [2]}),
        ("segm", ["--iou-thresholds", "0.75,0.5,0.51"], {"iouThrs": np.array([0.75, 0.5, 0.51])}),
        ("segm", ["--iou-thresholds", "1"], {"iouThrs": np.array([1.0])}),
        ("keypoints", ["--max-dets", "5"], {"maxDets": [5]}),
        ("keypoints", ["--max-dets", "5,20"], {"maxDets": [5, 20]}),
        ("keypoints", ["--max-dets", "5,20,30"], {"maxDets": [5, 20, 30]}),
        ("keypoints", ["--sigmas", ",".join(["0.05"] * 17)], {"kpt_oks_sigmas": np.array([0.05] * 17)}),
        (
            "keypoints",
            ["--area-ranges", "large:5000:1e10,all:0:1e10,medium:500:5000"],
            {"areaRngLbl": ["large", "all", "medium"], "areaRng": [[5000, 1e10], [0, 1e10], [500, 5000]]},
        ),
    ],
)
def test_the_text_is_the_references_with_the_same_parameters(files, capsys, kind, options, changes):
    truth, found = files[kind]
    evaluator, text = reference(truth, found, kind, changed(**changes))
    command = ["eval", str(truth), str(found), "--similarity", kind, *options]
    assert main(command) == 0
    assert capsys.readouterr().out == text
    assert main([*command, "--quiet", "--json", "-"]) == 0
    written = json.loads(capsys.readouterr().out)
    ours = [None if number is None else number.hex() for number in written["stats"].values()]
    assert ours == expected_bits(evaluator.stats)


@pytest.mark.parametrize("limits", ["1,2,3,100", "1,2,3,50", "1,10,100,300"])
def test_the_gate_is_of_the_printed_numbers_where_there_are_four_limits(files, capsys, limits):
    truth, found = map(str, files["bbox"])
    command = ["eval", truth, found, "--max-dets", limits, "--intervals", "--json", "-", "--quiet"]
    assert main([*command, "--resamples", "5"]) == 0
    written = json.loads(capsys.readouterr().out)
    numbers = {name: number["value"] for name, number in written["intervals"]["numbers"].items()}
    printed = {gate.spelt(name): value for name, value in written["stats"].items()}
    if "100" not in limits:
        # The reference prints AP under 100 detections alone.
        assert printed.pop("ap") is None and numbers.pop("ap") > 0
    assert printed.items() <= numbers.items()


def test_the_gate_is_of_the_printed_numbers_of_keypoints(files, capsys):
    truth, found = map(str, files["keypoints"])
    command = ["eval", truth, found, "--similarity", "keypoints", "--max-dets", "1,20,30", "--intervals", "--quiet"]
    assert main([*command, "--resamples", "2", "--json", "-"]) == 0
    written = json.loads(capsys.readouterr().out)
    numbers = {name: number["value"] for name, number in written["intervals"]["numbers"].items()}
    assert {gate.spelt(name): value for name, value in written["stats"].items()}.items() <= numbers.items()


def test_an_object_with_id_0_is_unmatched_as_the_reference_has_it_in_every_command(files, tmp_path, capsys):
    truth, found = files["bbox"]
    data = json.loads(truth.read_text())
    for id, annotation in enumerate(data["annotations"]):
        annotation["id"] = id // 2 * 2 + id % 2
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(data))
    evaluator, text = reference(path, found, "bbox")
    assert main(["eval", str(path), str(found), "--fail-under", "ap=0", "--resamples", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(text) and f"PASS  ap {evaluator.stats[0]:.4f} [" in printed.out
    assert printed.err.startswith("meanap: warning: ground truth: 1 annotations have id 0")
    command = ["compare", str(path), str(files["worse"]), str(found), "--resamples", "2", "--json", "-"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["numbers"][0]["candidate"] == evaluator.stats[0]


def test_repeated_ids_are_reported_where_the_reference_takes_the_last_annotation_for_all(files, tmp_path, capsys):
    truth, found = files["bbox"]
    expected = meanap.evaluate(truth, found).ap
    data = json.loads(truth.read_text())
    for annotation in data["annotations"][1:4]:
        annotation["id"] = data["annotations"][0]["id"]
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(data))
    assert reference(path, found, "bbox")[0].stats[0] != expected
    assert main(["eval", str(path), str(found), "--json", "-", "--quiet"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["stats"]["AP"] == expected
    assert printed.err.startswith("meanap: warning: ground truth: 3 annotations have the id of another")


def test_keypoints_without_categories_are_compared_where_the_reference_matches_none(files, capsys):
    truth, found = files["keypoints"]
    evaluator, _ = reference(truth, found, "keypoints", changed(useCats=0))
    assert evaluator.stats[0] == 0
    assert main(["eval", str(truth), str(found), "--similarity", "keypoints", "--no-cats", "--json", "-"]) == 0
    expected = meanap.evaluate(truth, found, "keypoints", by_category=False).ap
    assert json.loads(capsys.readouterr().out)["stats"]["AP"] == expected > 0


# Other protocols and similarities


@pytest.mark.parametrize("protocol", ["lvis", "torchmetrics", "ultralytics", "voc2007", "voc2012"])
def test_eval_prints_the_numbers_of_other_protocols(files, capsys, protocol):
    truth, found = files["bbox"]
    expected = meanap.evaluate(truth, found, protocol=protocol)
    command = ["eval", str(truth), str(found), "--protocol", protocol, "--per-class"]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith(f"{expected!r}\n\ncategory ")
    assert main([*command, "--json", "-", "--fail-under", "ap=0", "--resamples", "3", "--quiet"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["protocol"] == protocol and written["stats"]["ap"] == expected.ap
    assert written["gate"]["rules"][0]["value"] == expected.ap


@pytest.mark.parametrize("similarity", some(_similarity.SIMILARITIES, every=3))
def test_every_command_takes_every_similarity(files, tmp_path, capsys, similarity):
    kind = "bbox" if _similarity.GEOMETRY[similarity] == "boxes" else similarity
    truth, found = map(str, files["segm" if _similarity.compares_masks(similarity) else kind])
    expected = meanap.evaluate(truth, found, similarity)
    few = ["--similarity", similarity, "--resamples", "2"]
    assert main(["eval", truth, found, "--similarity", similarity, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["stats"]["AP"] == expected.ap
    assert main(["compare", truth, found, found, *few, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["numbers"][0]["candidate"] == expected.ap
    page = tmp_path / "report.html"
    assert main(["report", truth, found, *few, "--worst", "2", "-o", str(page)]) == 0
    assert f"<strong>AP {expected.ap:.3f}</strong>" in page.read_text(encoding="utf-8")
    assert main(["check", truth, found, "--similarity", similarity, "--quiet"]) in (0, 1)
    capsys.readouterr()


def test_chosen_categories_are_all_that_is_evaluated(files, tmp_path, capsys):
    truth, found = files["bbox"]
    data, records = json.loads(truth.read_text()), json.loads(found.read_text())
    only = {**data, "categories": [c for c in data["categories"] if c["id"] in (1, 2)]}
    only["annotations"] = [a for a in data["annotations"] if a["category_id"] in (1, 2)]
    chosen = [record for record in records if record["category_id"] in (1, 2)]
    names = {category["id"]: category["name"] for category in data["categories"]}
    options = ["--categories", f"{names[2]},1"]
    for more in ([], ["--no-cats"]):
        expected = meanap.evaluate(only, chosen, by_category=not more)
        assert main(["eval", str(truth), str(found), *options, *more, "--json", "-", "--per-class"]) == 0
        written = json.loads(capsys.readouterr().out)
        assert written["stats"]["AP"] == expected.ap and written["params"]["categories"] == [1, 2]
        assert sum(row["detections"] for row in written["per_class"]) == len(chosen)
    expected = meanap.evaluate(only, chosen)
    compare = ["compare", str(truth), str(files["worse"]), str(found), *options, "--resamples", "2", "--json", "-"]
    assert main(compare) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["numbers"][0]["candidate"] == expected.ap and len(written["per_class"]) == 2
    assert main(["report", str(truth), str(found), *options, "--resamples", "2", "-o", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert f"<strong>AP {expected.ap:.3f}</strong>" in page and names[3] not in page


@pytest.mark.parametrize("side", ["annotations", "results"])
def test_an_error_among_chosen_categories_is_of_the_record_of_the_file(files, tmp_path, capsys, side):
    data, records = (json.loads(path.read_text()) for path in files["bbox"])
    among = data["annotations"] if side == "annotations" else records
    row = [i for i, record in enumerate(among) if record["category_id"] == 1][3]
    among[row]["bbox"] = [1, 2, 3]
    paths = [tmp_path / "truth.json", tmp_path / "found.json"]
    for path, content in zip(paths, (data, records), strict=True):
        path.write_text(json.dumps(content))
    assert main(["eval", *map(str, paths), "--categories", "1"]) == 1
    name = paths[side == "results"]
    assert capsys.readouterr().err.startswith(f'meanap: {name}: record {row}: "bbox" has 3 numbers, expected 4 numbers')


# How files are read


def test_names_of_categories_are_those_given(files, tmp_path, capsys):
    truth, found = map(str, files["bbox"])
    (tmp_path / "names.json").write_text('{"1": "a human"}')
    names = {category["id"]: category["name"] for category in json.loads(files["bbox"][0].read_text())["categories"]}
    for given, expected in ((str(tmp_path / "names.json"), "a human"), ("nothing,one,two", "one")):
        assert main(["eval", truth, found, "--names", given, "--per-class", "--quiet", "--json", "-"]) == 0
        rows = json.loads(capsys.readouterr().out)["per_class"]
        assert rows[0]["name"] == expected and rows[2]["name"] == names[3]
    gates = ["--fail-under", "ap/one=0", "--resamples", "2", "--quiet"]
    assert main(["eval", truth, found, "--names", "nothing,one", "--categories", "one,2", *gates]) == 0
    assert capsys.readouterr().out.startswith("PASS  ap/one ")
    assert main(["eval", truth, found, "--names", str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err


def test_a_format_is_that_of_both_sides_or_of_each(files, capsys):
    truth, found = map(str, files["bbox"])
    assert main(["eval", truth, found]) == 0
    expected = capsys.readouterr().out
    for format in ("coco", "coco,coco"):
        assert main(["eval", truth, found, "--format", format]) == 0
        assert capsys.readouterr().out == expected
    assert main(["eval", truth, found, "--format", "coco,parquet"]) == 1
    assert capsys.readouterr().err == f"meanap: {found}: not a Parquet file\n"


@pytest.mark.parametrize("command", ["eval", "compare", "report"])
@pytest.mark.parametrize("more", [[], ["--categories", "1,2"]])
def test_lenient_leaves_out_records_that_cannot_be_used(files, tmp_path, capsys, command, more):
    truth, found = files["bbox"]
    records = json.loads(found.read_text())
    row = next(row for row, record in enumerate(records) if record["category_id"] == 1)
    good = [record for i, record in enumerate(records) if i != row]
    records[row] = {**records[row], "bbox": [1, 2, 3]}
    path, kept = tmp_path / "found.json", tmp_path / "good.json"
    path.write_text(json.dumps(records))
    kept.write_text(json.dumps(good))
    sides = [str(truth), *[str(path)] * (2 if command == "compare" else 1)]
    few = [] if command == "eval" else ["--resamples", "2"]
    out = ["-o", str(tmp_path / "r.html")] if command == "report" else ["--json", str(tmp_path / "out.json")]
    assert main([command, *sides, *few, *out, *more]) == 1
    capsys.readouterr()
    assert main([command, *sides, *few, *out, *more, "--lenient", "--quiet"]) == 0
    assert "detections" in (err := capsys.readouterr().err) and "1 left out" in err
    if command == "eval":
        ours = json.loads((tmp_path / "out.json").read_text())["stats"]
        assert main(["eval", str(truth), str(kept), *more, "--json", "-", "--quiet"]) == 0
        assert ours == json.loads(capsys.readouterr().out)["stats"]


@pytest.fixture(scope="module")
def folders(files, tmp_path_factory):
    """The boxes as folders of label files, with their names and the sizes of the images."""
    folder = tmp_path_factory.mktemp("labels")
    data, records = (json.loads(path.read_text()) for path in files["bbox"])
    data["annotations"] = [annotation for annotation in data["annotations"] if not annotation["iscrowd"]]
    sizes = {image["id"]: np.array([image["width"], image["height"]]) for image in data["images"]}
    place = {category["id"]: number for number, category in enumerate(data["categories"])}
    for name, side in (("truth", data["annotations"]), ("found", records)):
        (folder / name).mkdir()
        lines = {id: [] for id in sizes}
        for record in side:
            corner, size = np.array(record["bbox"][:2]), np.array(record["bbox"][2:])
            numbers = [*((corner + size / 2) / sizes[record["image_id"]]), *(size / sizes[record["image_id"]])]
            numbers += [record["score"]] if name == "found" else []
            lines[record["image_id"]].append(" ".join(map(repr, [place[record["category_id"]], *map(float, numbers)])))
        for id, text in lines.items():
            (folder / name / f"{id}.txt").write_text("\n".join(text))
    (folder / "names.txt").write_text("\n".join(category["name"] for category in data["categories"]))
    image_module = pytest.importorskip("PIL.Image")
    (folder / "images").mkdir()
    for id, size in sizes.items():
        image_module.new("L", tuple(size.tolist())).save(folder / "images" / f"{id}.png")
    truth = folder / "truth.json"
    truth.write_text(json.dumps(data))
    return folder, truth, files["bbox"][1]


def test_folders_of_labels_are_evaluated_checked_compared_and_reported(folders, tmp_path, capsys):
    folder, truth, found = folders
    read = ["--names", str(folder / "names.txt"), "--images", str(folder / "images")]
    sides = [str(folder / "truth"), str(folder / "found")]
    for more in ([], ["--categories", "person,car"]):
        assert main(["eval", str(truth), str(found), *more, "--json", "-", "--quiet", "--per-class"]) == 0
        expected = json.loads(capsys.readouterr().out)
        assert main(["eval", *sides, *read, *more, "--json", "-", "--quiet", "--per-class"]) == 0
        ours = json.loads(capsys.readouterr().out)
        assert ours["stats"]["AP"] == pytest.approx(expected["stats"]["AP"], abs=0.01)
        assert [row["name"] for row in ours["per_class"]] == [row["name"] for row in expected["per_class"]]
    assert main(["check", *sides, *read]) == 0
    assert "category 'person'" in capsys.readouterr().out
    assert main(["compare", sides[0], sides[1], sides[1], *read, "--resamples", "2", "--per-class"]) == 0
    assert "\nperson " in capsys.readouterr().out
    for more in ([], ["--lenient"], ["--categories", "person"]):
        page = tmp_path / "report.html"
        assert main(["report", *sides, *read, *more, "--resamples", "2", "--worst", "2", "-o", str(page)]) == 0
        assert page.read_text(encoding="utf-8").count("<figure class=scene>") == 2
        capsys.readouterr()


# Nothing twice


@pytest.fixture
def counted(monkeypatch):
    """How often each file is read, and how often boxes are matched."""
    counts = {"truth": 0, "found": 0, "matched": 0}

    def counting(name, function):
        def call(*arguments, **options):
            counts[name] += 1
            return function(*arguments, **options)

        return call

    monkeypatch.setattr(_core, "read_dataset", counting("truth", _core.read_dataset))
    monkeypatch.setattr(_core, "read_results", counting("found", _core.read_results))
    monkeypatch.setattr(matching, "new_log", counting("matched", matching.new_log))
    return counts


def test_a_gate_evaluates_once(files, tmp_path, capsys, counted):
    truth, found = map(str, files["bbox"])
    out = tmp_path / "out.json"
    few = ["--quiet", "--resamples", "2"]
    command = ["eval", truth, found, "--per-class", "--fail-under", "ap=0,ap/person=0", "--intervals", *few]
    assert main([*command, "--json", str(out)]) == 0
    assert counted == {"truth": 1, "found": 1, "matched": 1}
    assert main(["eval", truth, found, "--fail-if-worse-than", str(out), *few]) == 0
    assert counted == {"truth": 2, "found": 2, "matched": 2}
    # A baseline's detections are evaluated too, against the same ground truth.
    assert main(["eval", truth, found, "--fail-if-worse-than", str(files["worse"]), *few]) == 0
    assert counted == {"truth": 3, "found": 4, "matched": 4}


def test_compare_reads_the_ground_truth_once(files, capsys, counted):
    truth, found = map(str, files["bbox"])
    assert main(["compare", truth, str(files["worse"]), found, "--resamples", "2", "--quiet"]) == 0
    assert counted == {"truth": 1, "found": 2, "matched": 2}


def test_eval_imports_what_it_needs_alone(files):
    code = (
        # NumPy below 2.0 imports some of the others itself.
        "import sys, numpy; before = set(sys.modules); from meanap.cli import main; main(sys.argv[1:])\n"
        "parts = ('pycocotools', 'generate', 'report', 'checking', 'ranking', 'plot', '_types')\n"
        "others = ('numpy.random', 'numpy.ma', 'secrets', 'tempfile', 'csv')\n"
        "ours = [name for name in sys.modules if name.startswith('meanap.')]\n"
        "print([name for name in ours if any(part in name.split('.') for part in parts)])\n"
        "print([name for name in others if name in sys.modules and name not in before])"
    )
    command = [sys.executable, "-c", code, "eval", *map(str, files["bbox"]), "--quiet", "--per-class"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n[]\n", "")


def test_eval_imports_no_other_formats_and_protocols(files):
    code = (
        "import sys; from meanap.cli import main; main(sys.argv[1:])\n"
        "for name in sorted(sys.modules):\n"
        "    package, _, module = name.rpartition('.')\n"
        "    if package in ('meanap.readers', 'meanap.protocol') and module[0] != '_': print(module)"
    )

    def imported(*options):
        command = [sys.executable, "-c", code, "eval", *map(str, files["bbox"]), "--quiet", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.stderr == ""
        return done.stdout.split()

    assert imported() == ["coco", "keypoints", "coco", "objects", "sides"]
    assert imported("--protocol", "voc2012") == ["keypoints", "voc", "coco", "objects", "sides"]


# Errors of this package are no errors of the input


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError, AssertionError, IndexError])
def test_a_bug_shows_its_traceback(files, monkeypatch, error):
    def fails(*arguments, **options):
        raise error("a bug")

    monkeypatch.setattr(evaluation, "evaluated", fails)
    with pytest.raises(error, match="a bug"):
        main(["eval", *map(str, files["bbox"])])


@pytest.mark.parametrize(
    "command",
    [
        ["eval", "", "found.json"],
        ["eval", "truth.json", "found.json", "--json", ""],
        ["eval", "truth.json", "found.json", "--names", ""],
        ["eval", "truth.json", "found.json", "--images", ""],
        ["check", "truth.json", ""],
        ["compare", "truth.json", "", "found.json"],
        ["report", "truth.json", "found.json", "-o", ""],
        ["convert", "truth.json", "", "--to", "coco"],
        ["stats", ""],
        ["generate", ""],
        ["rank", "qrels.txt", ""],
        ["panoptic", "", "found.json"],
        ["semantic", "truth", ""],
    ],
    ids=" ".join,
)
def test_an_empty_text_is_no_path(command, capsys):
    """As of a variable of the shell that is not set: it would be the folder that the command runs in."""
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 2 and "expected a path, found an empty text" in capsys.readouterr().err


def test_a_report_may_be_written_to_standard_output(files):
    command = [sys.executable, "-m", "meanap", "report", *map(str, files["bbox"]), "-o", "-", "--resamples", "2"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.lstrip().lower().startswith("<!doctype html>")


@pytest.mark.parametrize("command", ["eval g -", "check -", "compare g d -", "report g -", "stats -", "rank q -"])
def test_standard_input_is_no_path(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert ended.value.code == 2
    assert "expected the path of a file, found -: standard input is none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("evl g d", "no command 'evl'; expected one of eval, check, .*; did you mean 'eval'[?]"),
        ("evaluate g d", "no command 'evaluate'; .*; did you mean 'eval'[?]"),
        ("help", "no command 'help'; .*; did you mean '--help'[?]"),
        ("g d", "no command 'g'; expected one of [^;]*$"),
        ("eval g d --per_class", "meanap eval: error: .*--per_class; did you mean --per-class[?]"),
        ("eval g d --min ap=0.4", "meanap eval: error: .*--min ap=0.4; did you mean --fail-under[?]"),
        ("compare g d e --resampels=5", "meanap compare: error: .*--resampels=5; did you mean --resamples[?]"),
        ("check g d --gate", "meanap check: error: unrecognized arguments: --gate$"),
        ("eval g d --gt", "meanap eval: error: unrecognized arguments: --gt$"),
        ("eval g d e", "meanap eval: error: unrecognized arguments: e$"),
        ("rank q r -q", "meanap rank: error: unrecognized arguments: -q$"),
    ],
)
def test_a_command_or_an_option_that_there_is_not_is_told_with_the_one_that_was_meant(command, words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert ended.value.code == 2
    usage, error = capsys.readouterr().err.strip().rsplit("\n", 1)
    assert usage.startswith("usage: meanap") and re.search(words, error), error


def test_each_command_takes_the_form_of_boxes(files, tmp_path, capsys):
    """A column called so may be of any form; `bbox` is as COCO has it."""
    truth, found = map(str, files["bbox"])
    rows = [dict(record, Box=record["bbox"]) for record in json.loads(files["bbox"][1].read_text())]
    lines = tmp_path / "found.jsonl"
    names = ("image_id", "category_id", "score", "Box")
    lines.write_text("".join(json.dumps({name: row[name] for name in names}) + "\n" for row in rows))
    # As pandas writes a table.
    table = tmp_path / "table.json"
    table.write_text(json.dumps({name: {str(at): row[name] for at, row in enumerate(rows)} for name in names}))
    outputs = []
    for path, more in ((found, []), (str(lines), ["--box-format", "xywh"]), (str(table), ["--box-format", "xywh"])):
        assert main(["eval", truth, path, *more]) == 0
        outputs.append(capsys.readouterr().out)
        assert main(["check", truth, path, *more]) == 0
        assert main(["report", truth, path, "-o", str(tmp_path / "page.html"), *more]) == 0
        assert main(["convert", path, str(tmp_path / "x.json"), "--to", "coco", "--ground-truth", truth, *more]) == 0
        capsys.readouterr()
    assert outputs[0] == outputs[1] == outputs[2]
