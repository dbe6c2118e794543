"""`meanap.InputError`: its attributes, its sentence, and who raises it."""

import copy
import json
import pickle
import re

import numpy as np
import pytest

import meanap
from meanap import generate
from meanap.cli import main
from meanap.errors import InputError, InputTypeError, MissingFieldError

TRUTH = {
    "images": [{"id": 1, "height": 9, "width": 9}],
    "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3], "area": 9, "iscrowd": 0}],
    "categories": [{"id": 1, "name": "nut"}],
}
FOUND = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3], "score": 0.5}]
FIELDS = ("problem", "source", "record", "field", "found", "expected", "code", "unit", "name")


def written(folder, truth, found):
    for name, content in (("gt.json", truth), ("dt.json", found)):
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / "gt.json", folder / "dt.json"


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"problem": "expected numbers"}, "expected numbers"),
        ({"problem": "not JSON", "source": "a.json"}, "a.json: not JSON"),
        ({"source": "a", "record": 17, "field": "bbox", "found": "has 3 numbers",
          "expected": "4 (x, y, width, height)"},
         'a: record 17: "bbox" has 3 numbers, expected 4 (x, y, width, height)'),
        ({"source": "boxes", "record": 3, "unit": "row", "found": "is null"}, "boxes: row 3 is null"),
        ({"source": "a", "record": 3, "name": "annotation 12", "field": "id", "found": "is missing"},
         'a: record 3 (annotation 12): "id" is missing'),
        ({"source": "a", "field": "images", "found": "is null", "expected": "a list"},
         'a: "images" is null, expected a list'),
        ({"source": "a", "record": 0, "problem": "expected a dictionary"}, "a: record 0: expected a dictionary"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [InputError, InputTypeError, MissingFieldError])
def test_the_sentence_is_made_of_the_attributes_and_both_survive_pickle_and_copy(attributes, sentence, kind):
    error = kind(**attributes)
    assert str(error) == sentence and isinstance(error, ValueError)
    for other in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is kind and str(other) == sentence
        for name in FIELDS:
            expected = attributes.get(name, "record" if name == "unit" else None)
            assert getattr(other, name) == expected
    assert error.at("x").source == ("x: " + attributes["source"] if "source" in attributes else "x")
    assert str(error.at("x")) == f"x: {sentence}"


def spoilt(field, value):
    found = [copy.deepcopy(FOUND[0]) for _ in range(3)]
    found[1][field] = value
    return found


@pytest.mark.parametrize(
    ("field", "value"), [("bbox", [1, 2, 3]), ("score", None), ("image_id", 7), ("category_id", [])]
)
@pytest.mark.parametrize("entry", ["memory", "file", "shards"])
def test_a_record_is_told_by_source_number_and_field(tmp_path, field, value, entry):
    truth, found = TRUTH, spoilt(field, value)
    if entry != "memory":
        truth, found = written(tmp_path, truth, found)
    with pytest.raises(meanap.InputError) as caught:
        meanap.evaluate(truth, found, **({"memory_limit": "1 MB"} if entry == "shards" else {}))
    error = caught.value
    assert (error.source, error.record, error.field) == ("detections", 1, field) and error.found is not None
    assert type(pickle.loads(pickle.dumps(error))) is type(error)


def test_a_row_of_an_array_is_told_by_its_number():
    boxes = np.ones((3, 4))
    boxes[2, 0] = np.nan
    truth = meanap.GroundTruth([1, 1, 1], [1, 1, 1], boxes)
    with pytest.raises(meanap.InputError) as caught:
        meanap.evaluate(truth, meanap.Detections([1], [1], [0.5], boxes[:1]))
    assert (caught.value.record, caught.value.unit) == (2, "row") and "NaN" in caught.value.found


@pytest.mark.parametrize(
    ("content", "code"),
    [("{", "not-json"), ("7", "wrong-kind-of-file"), ("[]", "wrong-kind-of-file")],
)
def test_a_file_that_cannot_be_read_is_told_by_a_code(tmp_path, content, code):
    paths = written(tmp_path, content, FOUND)
    with pytest.raises(meanap.InputError) as caught:
        meanap.evaluate(*paths)
    assert caught.value.code == code and str(paths[0]) in caught.value.source


def test_text_that_is_not_json_is_told_by_list_record_and_position(tmp_path):
    paths = written(tmp_path, '{"images": [{"id": 1},\n x]}', FOUND)
    with pytest.raises(meanap.InputError) as caught:
        meanap.evaluate(*paths)
    error = caught.value
    assert error.source == f"ground_truth: {paths[0]}: images"
    assert (error.record, error.expected, error.found, error.position) == (1, "a value", None, (2, 2, 24))
    assert str(error).endswith("images: record 1: expected a value: line 2 column 2 (char 24)")
    assert pickle.loads(pickle.dumps(error)).position == error.position
    with pytest.raises(json.JSONDecodeError) as raised:
        meanap.COCO(str(paths[0]))
    theirs = raised.value
    assert (theirs.lineno, theirs.colno, theirs.pos) == error.position
    assert f"ground_truth: {theirs}" == str(error)
    assert theirs.msg == str(theirs).removesuffix(": line 2 column 2 (char 24)")


def test_what_pycocotools_refuses_keeps_its_class(tmp_path):
    paths = written(tmp_path, "{", "7")
    with pytest.raises(json.JSONDecodeError):
        meanap.COCO(str(paths[0]))
    with pytest.raises(AssertionError) as caught:
        meanap.COCO(copy.deepcopy(TRUTH)).loadRes(str(paths[1]))
    assert not isinstance(caught.value, meanap.InputError)


def test_a_fault_of_ours_shows_its_traceback(tmp_path, monkeypatch):
    files = generate.write_files(tmp_path, images=3)["bbox"]
    for fault in (ValueError, TypeError, KeyError, RecursionError):

        def broken(*_, fault=fault, **__):
            raise fault("ours")

        monkeypatch.setattr("meanap.checking.check", broken)
        with pytest.raises(fault, match="ours"):
            main(["check", *map(str, files)])


def test_no_message_is_read_again(repository):
    for path in (repository / "python" / "meanap").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\.name in (text|str|message)|re\.\w+\([^\n]*(str\(error\)|message)", text), path


@pytest.mark.parametrize("code", ["not-json", "not-text", "wrong-kind-of-file"])
def test_what_is_expected_of_a_file_comes_first_and_what_is_found_is_a_noun(code):
    error = meanap.InputError(source="x.json", found="an array", expected="an object", code=code)
    assert str(error) == "x.json: expected an object, found an array"


def test_no_reader_says_of_a_file_what_reads_twice(tmp_path):
    """Files of another kind, in each format that has a name: the sentence says neither "found is" nor "found has"."""
    texts = {
        "page.html": "<html><body>x</body></html>",
        "empty.xml": "<other/>",
        "list.json": "[1]",
        "number.json": "3",
        "plain.txt": "x y z",
        "video.xml": "<annotations><track/></annotations>",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.json").write_text("{}")
    told = []
    for format in (reader.name for reader in meanap.readers.READERS if not reader.in_memory):
        for path in (*texts, "folder"):
            for sides in ((tmp_path / path, []), ({"annotations": []}, tmp_path / path)):
                try:
                    meanap.evaluate(*sides, format=format)
                except (meanap.InputError, OSError, ImportError) as error:
                    told.append(str(error))
    for path in texts:
        try:
            meanap.ranking.evaluate(tmp_path / path, {"q": {"a": 1.0}})
        except (meanap.InputError, OSError) as error:
            told.append(str(error))
    assert len(told) > 50 and not [text for text in told if "found is " in text or "found has " in text]


def test_an_id_with_half_of_a_surrogate_pair_is_named():
    """As `surrogateescape` makes of a name of a file that is not UTF-8."""
    metric, box = meanap.MeanAveragePrecision(), np.ones((1, 4))
    preds = [{"boxes": box, "scores": [0.5], "labels": ["\udc80"]}]
    with pytest.raises(InputError, match=r'preds\[0\]\["labels"\]: row 0: .* half of a surrogate pair, expected'):
        metric.update(preds, [{"boxes": box, "labels": ["x"]}])
    record = {"id": 1, "image_id": "\udc80", "category_id": 1, "bbox": [0, 0, 2, 2]}
    with pytest.raises(InputError, match=r"row 0: .* half of a surrogate pair, expected"):
        meanap.evaluate([record], [])
