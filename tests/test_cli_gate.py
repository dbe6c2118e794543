"""Gates: the numbers of the evaluation, exit codes that distinguish a failed gate from an invalid file, baselines."""

import json

import numpy as np
import pytest

import meanap
from meanap import generate
from meanap._json import plain
from meanap.cli import gate, main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gate")
    truth, boxes = generate.write_files(folder, images=40, seed=7)["bbox"]
    records = json.loads(boxes.read_text())
    worse = folder / "worse.json"
    worse.write_text(json.dumps([record for i, record in enumerate(records) if i % 3]))
    return truth, boxes, worse


def run(capsys, *arguments):
    """Exit code, the last line printed, and what was printed on standard error."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    return code, captured.out.rstrip("\n").split("\n")[-1], captured.err


FEW = ("--resamples", "60", "--quiet")


def test_above_and_below_a_limit(files, capsys):
    truth, boxes, _ = files
    ap = float(meanap.evaluate(truth, boxes).ap)
    assert run(capsys, "eval", truth, boxes, "--fail-under", f"ap={ap!r}", *FEW)[0] == 0
    above = float(np.nextafter(ap, 1))
    code, line, err = run(capsys, "eval", truth, boxes, "--fail-under", f"ap={above!r}", *FEW)
    interval = meanap.evaluate(truth, boxes).interval("ap", resamples=60)
    assert code == 3 and err == ""
    assert line == (f"FAIL  ap {ap:.4f} [{interval.low:.4f}, {interval.high:.4f}], wanted at least {above:g}")


def test_all_gates_are_reported_and_one_that_fails_is_enough(files, capsys):
    truth, boxes, _ = files
    command = ["eval", str(truth), str(boxes), "--fail-under", "ap=0.01,AP50=1", "--fail-under", "APs=0", *FEW]
    assert main(command) == 3
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["PASS", "ap"], ["FAIL", "ap50"], ["PASS", "ap_small"]]


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--no-cats"],
        ["--categories", "person,car"],
        ["--iou-thresholds", "0.5,0.6"],
        ["--area-ranges", "all:0:1e10,small:0:500,medium:500:5000,large:5000:1e10"],
    ],
)
def test_the_gate_sees_the_numbers_that_are_printed(files, capsys, options):
    truth, boxes, _ = files
    assert main(["eval", str(truth), str(boxes), *options, "--intervals", "--json", "-", *FEW]) == 0
    told = json.loads(capsys.readouterr().out)
    numbers = {name: kept["value"] for name, kept in told["intervals"]["numbers"].items()}
    assert {gate.spelt(name): value for name, value in told["stats"].items()} == numbers
    for kept in told["intervals"]["numbers"].values():
        if kept["value"] is not None:
            assert kept["low"] <= kept["high"] and len(kept["samples"]) == 60


def test_the_number_of_a_category(files, capsys):
    truth, boxes, _ = files
    person = meanap.evaluate(truth, boxes).number("ap", "person")
    code, line, _ = run(capsys, "eval", truth, boxes, "--fail-under", "ap/person=0.99", *FEW)
    assert code == 3 and line.startswith(f"FAIL  ap/person {person:.4f} [")


def baseline(files, tmp_path, detections, *options):
    path = tmp_path / "baseline.json"
    assert main(["eval", str(files[0]), str(detections), "--json", str(path), *FEW, *options]) == 0
    return path


def test_the_run_that_made_the_baseline_is_no_worse(files, tmp_path, capsys):
    path = baseline(files, tmp_path, files[1], "--intervals")
    code, line, _ = run(capsys, "eval", files[0], files[1], "--fail-if-worse-than", path, *FEW)
    assert code == 0
    assert line.endswith("+0.0000 [+0.0000, +0.0000] against baseline.json (" + line.split()[2] + "): no different")


def test_a_baseline_and_its_detections_give_the_same_verdict(files, tmp_path, capsys):
    truth, boxes, worse = files
    path = baseline(files, tmp_path, boxes, "--intervals")
    found = meanap.compare(meanap.evaluate(truth, boxes), meanap.evaluate(truth, worse), ["ap"], resamples=60)[0]
    for against in (path, boxes):
        out = tmp_path / "out.json"
        arguments = ["eval", truth, worse, "--fail-if-worse-than", against, "--json", out, *FEW]
        code, line, _ = run(capsys, *arguments)
        assert code == 3 and line.startswith("FAIL  ap ") and line.endswith(": worse")
        rule = json.loads(out.read_text())["gate"]["rules"][0]
        assert rule["paired"] and not rule["passed"] and rule["verdict"] == "worse"
        assert rule["difference"] == pytest.approx(found["difference"], abs=1e-12)
        assert rule["difference_low"] == pytest.approx(found["low"], abs=1e-6)
        assert rule["difference_high"] == pytest.approx(found["high"], abs=1e-6)
    code, line, _ = run(capsys, "eval", truth, boxes, "--fail-if-worse-than", worse, *FEW)
    assert code == 0 and line.endswith(": better")


@pytest.mark.parametrize(
    "content",
    [
        3,
        "ap",
        None,
        {"intervals": 3},
        {"intervals": {"numbers": [1]}},
        {"intervals": {"numbers": {"ap": {}}}},
        {"intervals": {"numbers": {"ap": {"samples": 3, "value": 0.5}}}},
        {"intervals": {"numbers": {"ap": {"samples": [[1]], "value": 0.5}}}},
        {"per_class": [{}]},
        {"per_class": 5},
        {"stats": [1, 2]},
        {"params": []},
        {"annotations": 3},
        {},
    ],
)
def test_a_baseline_that_is_none_is_one_line(files, tmp_path, capsys, content):
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(content))
    code, _, err = run(capsys, "eval", files[0], files[1], "--fail-if-worse-than", path, *FEW)
    assert code == 1 and err.count("\n") == 1 and "baseline.json: " in err and "Traceback" not in err, err


def test_a_run_under_a_gate_is_the_next_ones_baseline(files, tmp_path, capsys):
    path = baseline(files, tmp_path, files[1], "--fail-under", "ap=0.1")
    code, line, _ = run(capsys, "eval", files[0], files[2], "--fail-if-worse-than", path, *FEW)
    assert code == 3 and "not paired" not in line


@pytest.mark.parametrize("option", [["--categories", "person"], ["--no-cats"], ["--max-dets", "1,10,50"]])
def test_a_baseline_is_of_the_same_question(files, tmp_path, capsys, option):
    path = baseline(files, tmp_path, files[1], "--intervals", *option)
    code, _, err = run(capsys, "eval", files[0], files[1], "--fail-if-worse-than", path, *FEW)
    assert code == 1 and "it was made with another --" in err
    assert run(capsys, "eval", files[0], files[1], "--fail-if-worse-than", path, *FEW, *option)[0] == 0


def test_a_margin_lets_a_small_loss_pass(files, capsys):
    truth, boxes, worse = files
    arguments = ["eval", truth, worse, "--fail-if-worse-than", boxes, *FEW]
    assert run(capsys, *arguments, "--margin", "0.0001")[0] == 3
    assert run(capsys, *arguments, "--margin", "0.9")[0] == 0


def test_numbers_alone_are_a_baseline_that_is_not_paired(files, tmp_path, capsys):
    truth, boxes, worse = files
    path = baseline(files, tmp_path, boxes)
    code, line, _ = run(capsys, "eval", truth, worse, "--fail-if-worse-than", path, "--numbers", "ap,ap50", *FEW)
    assert code == 3 and "not paired" in line and line.startswith("FAIL  ap50")
    plain = tmp_path / "plain.json"
    plain.write_text('{"AP": 0.0001}')
    code, line, _ = run(capsys, "eval", truth, worse, "--fail-if-worse-than", plain, *FEW)
    assert code == 0 and ": better" in line


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "baseline.json"),
        ("3", "expected the JSON"),
        ('{"AP50": 0.3}', "there is no ap in it"),
        ('{"stats": {"AP": 0.3}, "params": {"images": 3}}', "it is of 3 images, this run of 40"),
        ('{"stats": {"AP": 0.3}, "similarity": "segm"}', "another --similarity"),
        ('{"stats": {"AP": 0.3}, "params": {"iou_thresholds": [0.5]}}', "another --iou-thresholds"),
        ('{"stats": {"AP": 0.3}, "params": {"max_detections": [1, 10, 300]}}', "another --max-dets"),
        ('{"stats": {"AP": 0.3}, "intervals": {"images": "x", "numbers": {}}}', "of other images"),
        ('[{"image_id": 1}]', "baseline.json"),
    ],
)
def test_a_baseline_that_cannot_be_used_is_an_invalid_file(files, tmp_path, capsys, content, told):
    path = tmp_path / "baseline.json"
    path.write_text(content)
    code, _, err = run(capsys, "eval", files[0], files[1], "--fail-if-worse-than", path, *FEW)
    assert code == 1 and told in err and err.count("\n") == 1
    code, _, err = run(capsys, "eval", files[0], files[1], "--fail-if-worse-than", tmp_path / "none.json", *FEW)
    assert code == 1 and "No such file" in err


@pytest.mark.parametrize(
    "option",
    [
        ["--fail-under", "ap"],
        ["--fail-under", "ap=high"],
        ["--fail-under", "ap=40"],
        ["--fail-under", "=0.4"],
        ["--fail-under", "mota=0.4"],
        ["--fail-under", "ap/unicorn=0.4"],
        ["--numbers", ",", "--intervals"],
        ["--numbers", "mota", "--intervals"],
        ["--margin", "2"],
        ["--confidence", "1"],
        ["--resamples", "0"],
    ],
)
def test_a_rule_that_makes_no_sense_is_a_wrong_command(files, capsys, option):
    code, _, err = run(capsys, "eval", files[0], files[1], "--quiet", *option)
    assert code == 2 and "meanap" in err


def test_a_number_that_does_not_exist_passes_no_gate(tmp_path, capsys):
    truth = generate.dataset(images=5, seed=1, objects=2, crowds=0)
    for entry in truth["annotations"]:
        entry["area"] = 5000.0
    generate.write_dataset(tmp_path / "truth.json", truth)
    generate.write_detections(tmp_path / "boxes.json", truth)
    arguments = ["eval", tmp_path / "truth.json", tmp_path / "boxes.json", "--fail-under", "ap_small=0", *FEW]
    code, line, _ = run(capsys, *arguments, "--json", tmp_path / "out.json")
    assert code == 3 and line == "FAIL  ap_small – [–, –], wanted at least 0"
    rule = json.loads((tmp_path / "out.json").read_text())["gate"]["rules"][0]
    assert rule["value"] is None and rule["low"] is None


def test_json_on_standard_output_keeps_verdicts_out_of_it(files, capsys):
    assert main(["eval", str(files[0]), str(files[1]), "--fail-under", "ap=1", "--json", "-", *FEW]) == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out)["gate"]["passed"] is False
    assert captured.err.startswith("FAIL  ap ")


def test_compare_reports_better_worse_and_no_different(files, tmp_path, capsys):
    truth, boxes, worse = files
    out = tmp_path / "out.json"
    few = ("--resamples", "60")
    code, line, _ = run(capsys, "compare", truth, boxes, worse, "--json", out, *few)
    told = json.loads(out.read_text())
    found = meanap.compare(meanap.evaluate(truth, boxes), meanap.evaluate(truth, worse), resamples=60)
    assert code == 3 and told["verdict"] == "worse" and told["passed"] is False and told["images"] == 40
    assert told["numbers"] == plain(found)
    row = found[0]
    assert line == (
        f"FAIL  worse.json is worse than boxes.json: ap {row['difference']:+.4f} [{row['low']:+.4f}, "
        f"{row['high']:+.4f}] (95%, p = {row['p']:.3f})"
    )
    code, line, _ = run(capsys, "compare", truth, worse, boxes, "--quiet", *few)
    assert code == 0 and line.startswith("PASS  boxes.json is better than worse.json: ap +")
    code, line, _ = run(capsys, "compare", truth, boxes, boxes, "--quiet", *few)
    assert code == 0 and line.startswith("PASS  boxes.json is no different from boxes.json: ap +0.0000")
    assert run(capsys, "compare", truth, boxes, worse, "--quiet", "--margin", "0.9", *few)[0] == 0


def test_compare_prints_tables_and_chosen_numbers(files, capsys):
    truth, boxes, worse = files
    command = ["compare", str(truth), str(boxes), str(worse), "--resamples", "30", "--numbers", "AP50,ar@10"]
    assert main([*command, "--per-class", "--protocol", "coco"]) == 3
    out = capsys.readouterr().out
    rows = [line.split()[0] for line in out.splitlines()[1:3]]
    assert rows == ["ap50", "ar_10"] and out.rstrip().split("\n")[-1].startswith("FAIL  worse.json")
    assert main([*command, "--json", "-"]) == 3
    captured = capsys.readouterr()
    assert [row["number"] for row in json.loads(captured.out)["numbers"]] == ["ap50", "ar_10"]
    assert "FAIL" in captured.err


def test_compare_says_what_is_wrong(files, tmp_path, capsys):
    truth, boxes, _ = files
    code, _, err = run(capsys, "compare", truth, boxes, tmp_path / "none.json")
    assert code == 1 and "none.json" in err and err.count("\n") == 1
    code, _, err = run(capsys, "compare", truth, boxes, boxes, "--protocol", "cocoa")
    assert code == 2 and "cocoa" in err
    code, _, err = run(capsys, "compare", truth, boxes, boxes, "--numbers", "mota")
    assert code == 2 and "mota" in err
