"""Each field of ground truth and results spoilt in turn, through every command: one line names record and field."""

import copy
import json

import numpy as np
import pytest
from thorough import some

import meanap
from meanap import mask
from meanap.cli import main

from .pixel_data import segment_colors, write_png

SQUARE = [[10, 10, 30, 10, 30, 30, 10, 30]]
POSE = [float(v) for k in range(17) for v in (10 + k, 10 + k, 2)]
TRUTH = {
    "images": [{"id": i, "width": 100, "height": 100} for i in (1, 2, 3)],
    "categories": [{"id": 1, "name": "nut"}, {"id": 2, "name": "bolt"}],
    "annotations": [
        {
            "id": i + 10,
            "image_id": i,
            "category_id": 1 + i % 2,
            "bbox": [10, 10, 20, 20],
            "area": 400,
            "iscrowd": 0,
            "segmentation": SQUARE,
            "keypoints": POSE,
            "num_keypoints": 17,
        }
        for i in (1, 2, 3)
    ],
}
NEAR = mask.encode(np.asfortranarray(np.pad(np.ones((21, 20), dtype=np.uint8), [(10, 69), (10, 70)])))
NEAR["counts"] = NEAR["counts"].decode()
SHAPES = {"bbox": {"bbox": [10.5, 10, 20, 20]}, "segm": {"segmentation": NEAR}, "keypoints": {"keypoints": POSE}}
#: The geometry of each kind: its field, and values that it cannot have.
GEOMETRY = {
    "bbox": ("bbox", [None, "10 10 20 20", 7, [], [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, "4"], [1, None, 3, 4],
                      [[1, 2], [3, 4]], [[10, 10, 20, 20]], {"x": 1}, True]),
    "segm": ("segmentation", [None, [], [10, 10, 30, 10, 30, 30], [[10, 10]], [[10, 10], [30, 10], [30, 30]],
                              [["a"] * 6], "RLE", 7, {"size": [100, 100]}, {"size": [100], "counts": "abc"},
                              {"counts": [10000]}, {"size": [100, 100], "counts": [1, "2"]},
                              {"size": [100, 100], "counts": None}]),
    "keypoints": ("keypoints", [None, [], POSE[:-1], POSE[:-3], [v for i, v in enumerate(POSE) if i % 3 < 2], "17",
                                [None] * 51, 7, [POSE[i : i + 3] for i in range(0, 51, 3)], {"x": 1}]),
}  # fmt: skip
IDS = [None, [1], {"id": 1}, 1.5, True]
DELETED = object()


def spoilt():
    """(kind, side, field, value): about a hundred faults that an evaluation cannot read over."""
    for kind, (field, values) in GEOMETRY.items():
        for side in ("gt.json", "dt.json"):
            for value in (DELETED, *values):
                yield kind, side, field, value
        for field, values in (("image_id", IDS), ("category_id", IDS), ("score", [None, "high", [0.5], {}])):
            for value in (DELETED, *values):
                yield kind, "dt.json", field, value
                if field != "score":
                    yield kind, "gt.json", field, value
        yield kind, "dt.json", "image_id", 99
        yield kind, "gt.json", "area", "large"
        yield kind, "gt.json", "area", [1]


CASES = list(spoilt())


def name_of(case):
    kind, side, field, value = case
    return f"{kind}-{side[:2]}-{field}-{'deleted' if value is DELETED else repr(value)[:25]}"


def write(folder, kind, side=None, field=None, value=None):
    truth = copy.deepcopy(TRUTH)
    good = [{"image_id": i, "category_id": 1 + i % 2, "score": 0.9 - i / 10, **SHAPES[kind]} for i in (1, 2, 3)]
    found = copy.deepcopy(good)
    record = {"gt.json": truth["annotations"], "dt.json": found}.get(side, [{}, {}])[1]
    if value is DELETED:
        del record[field]
    elif side is not None:
        record[field] = copy.deepcopy(value)
    (folder / "gt.json").write_text(json.dumps(truth))
    (folder / "dt.json").write_text(json.dumps(found))
    (folder / "good.json").write_text(json.dumps(good))
    return str(folder / "gt.json"), str(folder / "dt.json"), str(folder / "good.json")


def commands(folder, kind, truth, found, good):
    few = ["--similarity", kind, "--resamples", "2"]
    return {
        "eval": ["eval", truth, found, "--similarity", kind],
        "gate": ["eval", truth, found, *few, "--fail-under", "ap=0"],
        "compare": ["compare", truth, good, found, *few],
        "report": ["report", truth, found, *few, "-o", str(folder / "r.html")],
        "check": ["check", truth, found, "--similarity", kind],
    }


@pytest.mark.parametrize("kind", GEOMETRY)
def test_good_files_pass_every_command(tmp_path, capsys, kind):
    for name, command in commands(tmp_path, kind, *write(tmp_path, kind)).items():
        assert main(command) == 0, (name, capsys.readouterr())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", some(CASES, every=3), ids=name_of)
def test_every_command_says_where_a_fault_is(tmp_path, capsys, case):
    kind, side, field, value = case
    files = write(tmp_path, *case)
    for name, command in commands(tmp_path, kind, *files).items():
        code = main(command)
        told = capsys.readouterr()
        assert code in ((0, 1, 3) if name == "compare" else (0, 1)) and "Traceback" not in told.err, (name, told)
        if name == "check" or code != 1:
            continue
        assert told.err.startswith("meanap: ") and told.err.count("\n") == 1, (name, told.err)
        assert side in told.err and "no detections" not in told.err, (name, told.err)
        # An image that is not there is the detections' fault, wherever it is found.
        where = ("record 1", "annotation 12") if side == "gt.json" else ("record 1",)
        assert any(word in told.err for word in where) and f'"{field}"' in told.err, (name, told.err)


def test_faults_are_many():
    assert len(CASES) > 150


TOPS = {
    "gt.json": {
        "a list": ([], "found an array"),
        "a number": (3, "found a number"),
        "null": (None, "null"),
        "no annotations": ({k: v for k, v in TRUTH.items() if k != "annotations"}, '"annotations" is missing'),
        "annotations null": ({**TRUTH, "annotations": None}, '"annotations" is null'),
        "images null": ({**TRUTH, "images": None}, '"images" is null'),
        "images an object": ({**TRUTH, "images": {"1": {}}}, "\"images\" is {'1': {}}"),
        "a record that is a list": ({**TRUTH, "annotations": [[1]]}, "record 0: expected a dictionary, found a list"),
        "an image that is a text": ({**TRUTH, "images": ["a", *TRUTH["images"]]}, "images: record 0: expected a"),
        "an image without id": ({**TRUTH, "images": [{"height": 3}]}, 'images: record 0: "id" is missing'),
        "a category without id": ({**TRUTH, "categories": [{"name": "a"}]}, 'categories: record 0: "id" is missing'),
        "a category that is null": ({**TRUTH, "categories": [None]}, "categories: record 0: expected a dictionary"),
    },
    "dt.json": {
        "null": (None, "null"),
        "an object": ({"a": 1}, "dt.json"),
        "a text": ("detections", "a string"),
        "numbers": ([1, 2], "record 0: expected a dictionary"),
        "lists": ([[1, 2, 3]], "record 0: expected a dictionary, found a list"),
    },
}


@pytest.mark.parametrize("side", TOPS)
def test_every_command_says_what_a_file_holds(tmp_path, capsys, side):
    for name, (value, words) in TOPS[side].items():
        files = write(tmp_path, "bbox")
        (tmp_path / side).write_text(json.dumps(value))
        for command, arguments in commands(tmp_path, "bbox", *files).items():
            code = main(arguments)
            told = capsys.readouterr()
            assert code in ((0, 1, 3) if command in ("compare", "gate") else (0, 1)), (name, command, told)
            if command == "check":
                assert code == 1 and not told.err, (name, told)
            elif code == 1:
                assert told.err.count("\n") == 1 and side in told.err and words in told.err, (name, command, told.err)


def test_no_detections_are_an_evaluation_with_a_warning(tmp_path, capsys):
    files = write(tmp_path, "bbox")
    (tmp_path / "dt.json").write_text("[]")
    for name, command in commands(tmp_path, "bbox", *files).items():
        code = main(command)
        printed = capsys.readouterr()
        if name == "check":
            continue
        assert code == (3 if name == "compare" else 0), name
        assert printed.err == f"meanap: warning: {tmp_path / 'dt.json'}: there are no detections\n", name
        assert name not in ("eval", "gate") or "maxDets=100 ] = 0.000" in printed.out


# Keypoints other than 17


def five(folder, **sides):
    pose = POSE[:15]
    truth = copy.deepcopy(TRUTH)
    for record in truth["annotations"]:
        record.update(keypoints=pose, num_keypoints=5)
    found = [{"image_id": i, "category_id": 1 + i % 2, "score": 0.9 - i / 10, "keypoints": pose} for i in (1, 2, 3)]
    for name, value in (("gt.json", truth), ("dt.json", found)):
        (folder / name).write_text(json.dumps(value))
    return str(folder / "gt.json"), str(folder / "dt.json"), str(folder / "dt.json")


def test_keypoints_other_than_17_ask_for_sigmas(tmp_path, capsys):
    files = five(tmp_path)
    for name, command in commands(tmp_path, "keypoints", *files).items():
        code = main(command)
        told = capsys.readouterr()
        if name == "check":
            assert code == 0 and "--sigmas" in told.out and "17" in told.out and "5" in told.out
            continue
        assert code == 1 and told.err.count("\n") == 1, (name, told.err)
        assert "5 points" in told.err and "17 sigmas" in told.err and "--sigmas" in told.err, (name, told.err)
        assert "gt.json: record 0" in told.err and '"keypoints"' in told.err


def test_every_command_takes_sigmas(tmp_path, capsys):
    files = five(tmp_path)
    sigmas = [0.02, 0.03, 0.04, 0.05, 0.06]
    for name, command in commands(tmp_path, "keypoints", *files).items():
        assert main([*command, "--sigmas", ",".join(map(str, sigmas))]) == 0, (name, capsys.readouterr())
        assert "--sigmas" not in capsys.readouterr().out
    out = tmp_path / "out.json"
    moved = json.loads((tmp_path / "dt.json").read_text())
    for record in moved:
        record["keypoints"] = [v + 0.8 * (i % 3 == 0) for i, v in enumerate(record["keypoints"])]
    (tmp_path / "dt.json").write_text(json.dumps(moved))
    command = ["eval", *files[:2], "--similarity", "keypoints", "--json", str(out)]
    command += ["--sigmas", ",".join(map(str, sigmas))]
    assert main([*command, "--intervals", "--resamples", "2"]) == 0
    expected = meanap.evaluate(*files[:2], "keypoints", sigmas=sigmas)
    told = json.loads(out.read_text())
    assert told["stats"]["AP"] == expected.ap == told["intervals"]["numbers"]["ap"]["value"] and 0 < expected.ap < 1
    assert main([*command[:-1], "0.1,0.1,0.1"]) == 1
    assert '"keypoints" has 5 points, expected 3: there are 3 sigmas' in capsys.readouterr().err


@pytest.mark.parametrize("sigmas", ["", "a", "0.1,,0.2", "0,0.1", "-0.1", "nan", "inf"])
def test_sigmas_are_numbers_above_0(tmp_path, capsys, sigmas):
    for command in commands(tmp_path, "keypoints", *five(tmp_path)).values():
        with pytest.raises(SystemExit) as stopped:
            main([*command, f"--sigmas={sigmas}"])
        assert stopped.value.code == 2 and "--sigmas" in capsys.readouterr().err


def test_sigmas_need_keypoints(tmp_path, capsys):
    for name, command in commands(tmp_path, "bbox", *write(tmp_path, "bbox")).items():
        if name:
            assert main([*command, "--sigmas", "0.1"]) == 2 and "--similarity keypoints" in capsys.readouterr().err


# Predictions that are a whole data set


def test_every_command_takes_predictions_as_a_data_set(tmp_path, capsys):
    for kind in GEOMETRY:
        truth, found, good = write(tmp_path, kind)
        records = json.loads((tmp_path / "good.json").read_text())
        whole = {**TRUTH, "annotations": [{**a, **r} for a, r in zip(TRUTH["annotations"], records, strict=True)]}
        (tmp_path / "dt.json").write_text(json.dumps(whole))
        told = {}
        for path in (good, found):
            told[path] = []
            for name, command in commands(tmp_path, kind, truth, path, path).items():
                code = main(command)
                text = capsys.readouterr()
                told[path].append((name, code, text.out.replace("dt.json", "good.json"), text.err))
        for one, other in zip(told[good], told[found], strict=True):
            # A check reads the boxes, too, that a data set has beside its masks and keypoints.
            assert one == other or one[0] == "check", kind


# Panoptic files


def panoptic():
    category = {"id": 1, "name": "c", "isthing": 1}
    segment = {"id": 1, "category_id": 1, "area": 16, "iscrowd": 0}
    return {
        "categories": [category],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [segment]}],
    }


PANOPTIC = [
    (("categories",), [DELETED, None, 3, "abc", [], [1], [None]], "categories"),
    (("categories", 0, "id"), [DELETED, [1], {}], "categories[0]"),
    (("categories", 0, "isthing"), [DELETED], "categories[0]"),
    (("annotations",), [None, 3, "abc", {"a": 1}], "annotations"),
    (("annotations", 0), [None, 3, "abc", [1]], "annotations[0]"),
    (("annotations", 0, "image_id"), [DELETED, [1], {}], "annotations[0]"),
    (("annotations", 0, "file_name"), [DELETED, None, 3, "", "../a.png"], "annotations[0]"),
    (("annotations", 0, "segments_info"), [DELETED, None, 3, "abc", {"a": 1}], "annotations[0]"),
    (("annotations", 0, "segments_info", 0), [None, 3, "abc", [1]], "segments_info[0]"),
    (("annotations", 0, "segments_info", 0, "id"), [DELETED, None, "a", -1, 2**40, [1]], "segments_info[0]"),
    (("annotations", 0, "segments_info", 0, "category_id"), [DELETED, [1], {}], "segments_info[0]"),
    (("annotations", 0, "segments_info", 0, "area"), [DELETED, None, "a", -1], "segments_info[0]"),
    (("annotations", 0, "segments_info", 0, "iscrowd"), [DELETED], "segments_info[0]"),
]
PANOPTIC = [(place, value, words) for place, values, words in PANOPTIC for value in values]


@pytest.mark.parametrize("side", ["gt", "dt"])
@pytest.mark.parametrize(("place", "value", "words"), PANOPTIC)
def test_a_panoptic_fault_is_one_line(tmp_path, capsys, place, value, words, side):
    for name in ("gt", "dt"):
        (tmp_path / name).mkdir()
        write_png(tmp_path / name / "a.png", segment_colors(np.ones((4, 4), dtype=np.int64)), color=2)
        content = panoptic()
        if name == side:
            *way, last = place
            within = content
            for key in way:
                within = within[key]
            if value is DELETED:
                del within[last]
            else:
                within[last] = value
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    code = main(["panoptic", str(tmp_path / "gt.json"), str(tmp_path / "dt.json")])
    told = capsys.readouterr()
    # Predictions have no categories of their own, and their areas and crowds are ignored.
    unread = side == "dt" and (place[0] == "categories" or place[-1] in ("area", "iscrowd"))
    assert code == (0 if unread else 1), told
    if code:
        assert told.err.count("\n") == 1 and f"{side}.json" in told.err and words in told.err, told.err
