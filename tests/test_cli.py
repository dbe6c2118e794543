"""The command line: the reference's text and numbers, exit codes, errors in one line."""

import contextlib
import io
import json
import math
import os
import subprocess
import sys
import warnings

import pytest

import meanap
from meanap import generate
from meanap.cli import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return generate.write_files(tmp_path_factory.mktemp("generated"), images=40, seed=7)


def reference(truth, detections, iou_type, change=lambda params: None):
    """What pycocotools prints and finds."""
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO(str(truth))
        evaluator = COCOeval(ground_truth, ground_truth.loadRes(str(detections)), iou_type)
        change(evaluator.params)
        evaluator.evaluate()
        evaluator.accumulate()
    with contextlib.redirect_stdout(io.StringIO()) as text:
        evaluator.summarize()
    return evaluator, text.getvalue()


def bits(numbers):
    return [None if number is None else float(number).hex() for number in numbers]


def expected_bits(stats):
    return bits(None if number == -1 else number for number in stats)


@pytest.mark.parametrize("iou_type", ["bbox", "segm", "keypoints"])
def test_eval_prints_the_references_table_and_writes_its_bits(files, tmp_path, capsys, iou_type):
    truth, detections = files[iou_type]
    evaluator, text = reference(truth, detections, iou_type)
    out = tmp_path / "out.json"
    assert main(["eval", str(truth), str(detections), "--similarity", iou_type, "--json", str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.out == text and captured.err == ""
    found = json.loads(out.read_text())
    assert bits(found["stats"].values()) == expected_bits(evaluator.stats)
    assert list(found["stats"])[:3] == ["AP", "AP50", "AP75"]
    assert found["similarity"] == iou_type and found["params"]["images"] == 40


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_eval_on_real_coco(shared_data, capsys, tmp_path, iou_type):
    truth, detections = shared_data / "coco100_gt.json", shared_data / f"coco100_{iou_type}.json"
    evaluator, text = reference(truth, detections, iou_type)
    out = tmp_path / "out.json"
    assert main(["eval", str(truth), str(detections), "--similarity", iou_type, "--json", str(out)]) == 0
    assert capsys.readouterr().out == text
    assert bits(json.loads(out.read_text())["stats"].values()) == expected_bits(evaluator.stats)


def test_json_to_standard_output_is_only_json(files, capsys):
    truth, detections = files["bbox"]
    assert main(["eval", str(truth), str(detections), "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["stats"]["AP"] > 0
    assert "Average Precision" in captured.err


def test_quiet_says_nothing(files, capsys):
    truth, detections = files["bbox"]
    assert main(["eval", str(truth), str(detections), "--quiet", "--per-class"]) == 0
    assert capsys.readouterr() == ("", "")


def test_what_was_not_there_is_null(tmp_path, capsys):
    truth = generate.dataset(images=5, seed=1, objects=2, crowds=0)
    for entry in truth["annotations"]:
        entry["area"] = 5000.0
    generate.write_dataset(tmp_path / "truth.json", truth)
    generate.write_detections(tmp_path / "boxes.json", truth)
    command = ["eval", str(tmp_path / "truth.json"), str(tmp_path / "boxes.json"), "--json", "-", "--quiet"]
    assert main([*command, "--per-class"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["stats"]["APs"] is None and found["stats"]["APm"] is not None
    seen = {entry["category_id"] for entry in truth["annotations"]}
    for row in found["per_class"]:
        assert (row["AP"] is None) == (row["id"] not in seen)


def test_per_class_agrees_with_the_precision_array(files, capsys):
    truth, detections = files["bbox"]
    evaluator, _ = reference(truth, detections, "bbox")
    assert main(["eval", str(truth), str(detections), "--per-class", "--json", "-", "--quiet"]) == 0
    rows = json.loads(capsys.readouterr().out)["per_class"]
    data = json.loads(truth.read_text())
    given = json.loads(detections.read_text())
    assert [row["name"] for row in rows] == [category["name"] for category in data["categories"]]
    assert sum(row["objects"] for row in rows) == sum(not entry["iscrowd"] for entry in data["annotations"])
    assert sum(row["detections"] for row in rows) == len(given)
    for index, row in enumerate(rows):
        values = evaluator.eval["precision"][:, :, index, 0, 2]
        assert row["AP"] == (values[values > -1].mean() if (values > -1).any() else None)
        values = evaluator.eval["precision"][5, :, index, 0, 2]
        assert row["AP75"] == (values[values > -1].mean() if (values > -1).any() else None)
        values = evaluator.eval["recall"][:, index, 0, 2]
        assert row["AR"] == (values[values > -1].mean() if (values > -1).any() else None)
    # The mean over the classes is the summary's AP, but for the order of summing.
    numbers = [row["AP"] for row in rows if row["AP"] is not None]
    assert math.isclose(sum(numbers) / len(numbers), evaluator.stats[0], rel_tol=1e-12)


def test_per_class_table_lines_up(files, capsys):
    truth, detections = files["keypoints"]
    assert main(["eval", str(truth), str(detections), "--similarity", "keypoints", "--per-class"]) == 0
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert lines[0].split() == ["category", "AP", "AP50", "AP75", "AR", "objects", "detections"]
    assert lines[1].split()[0] == "person" and len(lines[0]) == len(lines[1])


def test_parameters_are_passed_on(files, capsys):
    truth, detections = files["bbox"]

    def change(params):
        import numpy as np

        params.maxDets = [1, 5, 20]
        params.iouThrs = np.array([0.5, 0.6])
        params.areaRng = [[0, 1e10], [0, 500], [500, 5000], [5000, 1e10]]
        params.areaRngLbl = ["all", "small", "medium", "large"]
        params.catIds = [1, 2]

    evaluator, text = reference(truth, detections, "bbox", change)
    names = {entry["id"]: entry["name"] for entry in json.loads(truth.read_text())["categories"]}
    command = ["eval", str(truth), str(detections), "--max-dets", "1,5,20", "--iou-thresholds", "0.5,0.6"]
    command += ["--area-ranges", "all:0:1e10,small:0:500,medium:500:5000,large:5000:1e10"]
    command += ["--categories", f"{names[1]},2"]
    assert main(command) == 0
    assert capsys.readouterr().out == text
    assert main([*command, "--json", "-", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert bits(found["stats"].values()) == expected_bits(evaluator.stats)
    assert "AR@20" in found["stats"] and found["params"]["categories"] == [1, 2]


def test_without_categories(files, capsys):
    truth, detections = files["bbox"]

    def change(params):
        params.useCats = 0

    _, text = reference(truth, detections, "bbox", change)
    assert main(["eval", str(truth), str(detections), "--no-cats", "--per-class"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(text) and out.splitlines()[-1].split()[0] == "all"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file"),
        ("", "found.json"),
        ('[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3', "found.json"),
        ("{}", "found.json"),
        ('[{"image_id": 987654321, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]', ""),
        ('[{"image_id": 1}]', ""),
        ("[1, 2]", ""),
        ("null", ""),
    ],
)
def test_bad_detections_are_one_line_and_exit_code_1(files, tmp_path, capsys, content, told):
    path = tmp_path / "found.json"
    if content is not None:
        path.write_text(content)
    assert main(["eval", str(files["bbox"][0]), str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("meanap: ") and captured.err.count("\n") == 1
    assert told in captured.err and len(captured.err) > len("meanap: \n")


def test_bad_ground_truth_is_one_line_and_exit_code_1(files, tmp_path, capsys):
    for content in ["", "[]", "nothing", '{"images": []}']:
        path = tmp_path / "truth.json"
        path.write_text(content)
        assert main(["eval", str(path), str(files["bbox"][1])]) == 1
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1, content
    assert main(["eval", str(tmp_path), str(files["bbox"][1])]) == 1
    assert "folder" in capsys.readouterr().err.lower()


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate"],
        ["eval"],
        ["eval", "a.json"],
        ["eval", "a.json", "b.json", "--similarity", "boxes"],
        ["eval", "a.json", "b.json", "--max-dets", "1,x"],
        ["eval", "a.json", "b.json", "--max-dets", "100,10,1"],
        ["eval", "a.json", "b.json", "--max-dets", "100"],
        ["eval", "a.json", "b.json", "--iou-thresholds", "50"],
        ["eval", "a.json", "b.json", "--area-ranges", "all:0"],
        ["eval", "a.json", "b.json", "--area-ranges", "tiny:0:10"],
        ["demo", "--images", "many"],
        ["generate"],
    ],
)
def test_what_is_not_understood_is_exit_code_2(capsys, arguments):
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "meanap" in captured.err


def test_an_unknown_category_is_a_usage_error(files, capsys):
    truth, detections = files["bbox"]
    assert main(["eval", str(truth), str(detections), "--categories", "person,unicorn"]) == 2
    assert "'unicorn'" in capsys.readouterr().err


def test_generate_writes_what_it_names(tmp_path, capsys):
    assert main(["generate", str(tmp_path / "new"), "--images", "3", "--seed", "5"]) == 0
    paths = capsys.readouterr().out.split()
    assert sorted(path.rsplit("/", 1)[1] for path in paths) == sorted(
        ["instances.json", "persons.json", "boxes.json", "masks.json", "poses.json", "old.json"]
    )
    assert json.loads((tmp_path / "new" / "instances.json").read_text()) == generate.dataset(3, 5)


def test_generate_writes_what_the_pages_use(tmp_path, capsys):
    folder = tmp_path / "new"
    assert main(["generate", str(folder), "--images", "5"]) == 0
    assert main(["compare", str(folder / "instances.json"), str(folder / "old.json"), str(folder / "boxes.json")]) == 0
    assert "boxes.json is better than old.json" in capsys.readouterr().out
    assert main(["generate", "--format", "trec", str(folder), "--images", "7"]) == 0
    paths = capsys.readouterr().out.split()
    assert [path.rsplit("/", 1)[1] for path in paths] == ["judged.qrels", "first.run", "second.run"]
    assert main(["rank", *paths]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines() if ".run" in line] == ["7", "7"]


def test_generate_where_nothing_can_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["generate", str(tmp_path / "file"), "--images", "1"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_demo_shows_three_tables(capsys):
    assert main(["demo", "--images", "20", "--seed", "3"]) == 0
    out = capsys.readouterr().out
    assert [out.count(f"\n{kind}: ") for kind in ("boxes", "masks", "poses")] == [1, 1, 1]
    assert out.count("Average Precision") == 6 + 6 + 5
    assert "-1.000" not in [line.split("= ")[-1] for line in out.splitlines() if "area=   all" in line]


@pytest.mark.parametrize("how", [["-m", "meanap"], ["-c", "import sys; from meanap.cli import main; sys.exit(main())"]])
def test_the_command_as_a_process(how):
    done = subprocess.run([sys.executable, *how, "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"meanap {meanap.__version__}\n")
    done = subprocess.run([sys.executable, *how, "eval", "no", "file"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("meanap: no: ") and done.stderr.count("\n") == 1


def test_a_reader_that_stops_early_is_no_error():
    command = f"{sys.executable} -m meanap demo --images 5 | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120)
    assert done.stderr == "" and done.stdout.startswith("5 images")


def test_a_warning_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("meanap.cli.generate.run", lambda options: warnings.warn("two\nlines", stacklevel=1))
    assert main(["generate", str(tmp_path)]) == 0
    assert capsys.readouterr().err == "meanap: warning: two lines\n"


#: Options that take numbers, and what they do not take.
WORDS = ["", "x", "1,x", "nan"]
NUMBERS = [
    (("eval", "a", "b"), "--max-dets", [*WORDS, "0", "100,10", "1.5", "-1"]),
    (("eval", "a", "b"), "--iou-thresholds", [*WORDS, "50", "-0.1", "0.5,", "inf"]),
    (("eval", "a", "b"), "--area-ranges", [*WORDS, "all:0", "all:0:x", "all:9:0", "all:0:nan"]),
    (("eval", "a", "b"), "--fail-under", [*WORDS, "ap", "ap=40", "ap=x", "=0.5", "ap=nan"]),
    (("eval", "a", "b"), "--numbers", ["", ","]),
    (("eval", "a", "b"), "--sigmas", [*WORDS, "0", "-1", "inf"]),
    *(((name, "a", "b", *more), option, values)
      for name, *more in (("eval",), ("compare", "c"))
      for option, values in (("--confidence", [*WORDS, "0", "1", "95"]), ("--margin", [*WORDS, "5", "-0.1"]),
                             ("--resamples", [*WORDS, "0", "-5", "1.5"]))),
    (("report", "a", "b"), "--score", [*WORDS, "inf"]),
    (("report", "a", "b"), "--worst", [*WORDS, "-1", "1.5"]),
    (("report", "a", "b"), "--resamples", [*WORDS, "0"]),
    (("check", "a"), "--labels", [*WORDS, "-1"]),
    (("semantic", "a", "b", "--classes", "3"), "--boundary", [*WORDS, "0", "1", "2", "-0.1"]),
    (("demo",), "--images", [*WORDS, "0", "-3"]),
    (("demo",), "--seed", [*WORDS, "-1"]),
    (("generate", "a"), "--images", [*WORDS, "0", "-3"]),
    (("generate", "a"), "--seed", [*WORDS, "-1"]),
]  # fmt: skip


@pytest.mark.parametrize(("command", "option", "values"), NUMBERS)
def test_invalid_numbers_are_reported_with_what_is_expected(capsys, command, option, values):
    for value in values:
        with pytest.raises(SystemExit) as stopped:
            main([*command, f"{option}={value}"])
        err = capsys.readouterr().err
        assert stopped.value.code == 2, value
        assert f"argument {option}: " in err and "expected" in err and "invalid" not in err, err


def test_a_command_starts_no_threads_of_openblas(files):
    truth, detections = map(str, files["bbox"])
    code = "import os; from meanap.cli import main; main(); print(os.environ['OPENBLAS_NUM_THREADS'])"
    for given, expected in ((None, "1"), ("3", "3")):
        environment = {name: text for name, text in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
        if given:
            environment["OPENBLAS_NUM_THREADS"] = given
        command = [sys.executable, "-c", code, "eval", truth, detections, "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
        assert (done.stdout, done.stderr) == (f"{expected}\n", "")
