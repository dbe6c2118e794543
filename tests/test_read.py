"""COCO files into columns: what is read, what is refused, what is left to Python's json."""

import gzip
import json
import math
import os
import threading
import time
from random import Random

import pytest
from thorough import THOROUGH

import meanap
from meanap import _core
from tests.processes import with_threads

COLUMNS = ["image_id", "category_id", "id", "area", "score", "bbox", "iscrowd"]
RESULT = {"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}
ANNOTATION = {"id": 5, "image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}


@pytest.fixture
def write(tmp_path):
    """A function that writes text or bytes to a file and returns its path."""

    def write(text):
        path = tmp_path / "x.json"
        path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
        return path

    return write


def same(left, right):
    """Equal in value, NaN included, and in the sign of zero."""
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    left, right = float(left), float(right)
    if math.isnan(left):
        return math.isnan(right)
    return left == right and math.copysign(1, left) == math.copysign(1, right)


def check_columns(dataset, path, records):
    """Every column is what json reads, and there is one exactly where every record has the field."""
    data = path.read_bytes()
    for field in COLUMNS:
        column = dataset.column(field)
        if all(field in record and (field != "bbox" or len(record[field]) == 4) for record in records):
            assert same(column, [record[field] for record in records]), field
        else:
            assert column is None, field
    rotated = [record.get("obb", record.get("bbox", [])) for record in records]
    if records and {*map(len, rotated)} in ({5}, {8}):
        assert same(dataset.arrays()["rotated"].tolist(), rotated)
    else:
        assert not len(dataset.arrays().get("rotated", ()))
    for field in ["segmentation", "keypoints"]:
        column = dataset.column(field)
        if all(field in record for record in records):
            values = [json.loads(data[offset : offset + length]) for offset, length in column]
            assert values == [record[field] for record in records]
        else:
            assert column is None, field
    order = list(dict.fromkeys(record["image_id"] for record in records))
    assert dataset.annotation_image_ids() == order
    first = {}
    for index, record in enumerate(records):
        first.setdefault(record["image_id"], index)
    assert {image: dataset.record_of_image(image) for image in order} == first
    assert dataset.record_of_image(-12345) is None
    assert dataset.first_fields() == (frozenset(records[0]) if records else frozenset())


@pytest.mark.parametrize("name", ["coco100_gt", "lvis100_gt", "kpt_gt"])
def test_real_datasets(shared_data, name):
    path = shared_data / f"{name}.json"
    dataset, loaded = _core.read_dataset(path), json.loads(path.read_text())
    assert dataset.fallback is None
    assert len(dataset) == len(loaded["annotations"])
    assert dataset.path == str(path)
    assert (dataset.has_images, dataset.has_annotations, dataset.has_categories) == (True, True, True)
    assert dataset.image_ids() == [image["id"] for image in loaded["images"]]
    assert dataset.category_ids() == [category["id"] for category in loaded["categories"]]
    check_columns(dataset, path, loaded["annotations"])
    assert dataset.load() == loaded


@pytest.mark.parametrize("name", ["coco100_bbox", "coco100_segm", "coco100_kpt", "kpt_dt"])
def test_real_results(shared_data, name):
    path = shared_data / f"{name}.json"
    dataset, loaded = _core.read_results(path), json.loads(path.read_text())
    assert dataset.fallback is None
    # Ids, areas and flags of results are not read: loadRes writes them.
    ignored = {"id", "area", "iscrowd"}
    check_columns(dataset, path, [{k: v for k, v in record.items() if k not in ignored} for record in loaded])
    assert dataset.load() == loaded


@pytest.mark.parametrize(("hundredths", "double"), [(0, 0), (60_000, 40_000), (60_000, 60_000), (30_000, 60_000)])
def test_a_large_file(tmp_path, hundredths, double):
    """Several blocks, several workers, boxes that get longer from some records on: the same columns."""

    def box(i):
        if i >= double:
            return [i / 7, i / 11, i % 640, i / 3]
        return [i / 100, i / 50, i % 640, 0.01] if i >= hundredths else [i / 8, i / 16, i % 640, i / 32]

    records = [
        {
            "image_id": i // 50 * 7,
            "category_id": i % 90,
            "bbox": box(i),
            "score": 1 / (i + 1),
        }
        for i in range(60_000)
    ]
    path = tmp_path / "large.json"

    def check():
        dataset = _core.read_results(path)
        assert dataset.fallback is None
        check_columns(dataset, path, records)

    for indent, workers in [(None, 1), (1, 3), *([(None, 3), (1, 1)] if THOROUGH else [])]:
        path.write_text(json.dumps(records, indent=indent))
        assert path.stat().st_size > 4 << 20
        with_threads(workers, check)


@pytest.mark.parametrize("field", ["bbox", "obb"])
def test_a_large_file_of_rotated_boxes(tmp_path, field):
    """Of five numbers, of eight, and of eight from some record on, of which there is no column."""
    path = tmp_path / "large.json"

    def box(i, numbers):
        return [i / 7, *(i % 640 + place / 8 for place in range(numbers - 2)), -i / 11]

    for others in (5, 8, 50_000):
        records = []
        for i in range(60_000):
            numbers = 5 if others == 5 or i < others - 8 else 8
            records.append({"image_id": i // 50, "category_id": i % 15, field: box(i, numbers), "score": i / 60_000})
        path.write_text(json.dumps(records))

        def check(records=records, alike=others != 50_000):
            dataset = _core.read_results(path)
            assert (dataset.fallback is None) == alike
            if alike:
                check_columns(dataset, path, records)

        for workers in (1, 3):
            with_threads(workers, check)


# Values as they may stand in a file, valid and not.
VALUES = """
0|1|-1|-0|-0.0|0.5|1e5|1E+5|1e-5|01|-01|1.|.5|+1|1e|1e+|-|--1|0x1|1_0|NaN|-NaN|nan|Infinity|-Infinity
|+Infinity|inf|1e400|-1e400|1e-400|1.7976931348623157e308|true|false|null|True|None|tru|nul|""|"a"|'a'|"a
|"\\u00e9"|"\\ud800"|"\\udc00\\ud800"|"\\u12"|"\\uXYZW"|"\\u 123"|"\\x41"|"\\a"|"\\/"|"\\"|"é"|"😀"|[]|[ ]
|[,]|[1,]|[,1]|[1 2]|[1,,2]|[1|{}|{ }|{"a"}|{"a":}|{"a":1,}|{,}|{a:1}|{1:1}|{"a" 1}|{"a":1 "b":2}
|{"a":1,"a":2}|{"a":[{"b":[]}]}|[[[[]]]]|[[}|[1}|{"a":1]|/* x */ 1|1 // x|9223372036854775808
|-9223372036854775809|123456789012345678901234567890|0.1234567890123456789012345678901234567890|1e5.5
|1.5.5|٣|[1,2,3,4]|[1,2,3]|[1,2,3,4,5]|[1,2,3,"4"]|[1,2,3,null]|[1.5,-2e3 , 3 ,4 ]|[-0,-0.0,NaN,Infinity]
|[01,2,3,4]|[9007199254740993,1,1,1]|[9007199254740991,1,1,1]|"1"|1.0|-5|[[1,2]]
""".replace("\n", "").split("|")
VALUES += ['"\t"', '"\n"', '"\x7f"', '"\x00"', "\ufeff1", "\u00a01", "1\x0b", "1\x0c", " \r\n\t1 "]
VALUES += ['"' + "x" * 5000 + '"', "9" * 400, "[" * 50 + "]" * 50]


def outcome(read, *arguments):
    """The value, or the class of the error that json raises, or the code of the reader's."""
    try:
        return read(*arguments)
    except meanap.InputError as error:
        return error.code
    except ValueError as error:
        return type(error)


@pytest.mark.parametrize("template", ["[{record}]", "[{record}, {record}]", " [ {{}} , {record}]", "{record}"])
def test_grammar_of_any_value(write, template):
    """A value in an unused field: accepted and rejected as json does."""
    for value in VALUES:
        text = template.format(record='{"a": "", "x":' + value + ', "y":[' + value + "]}")
        path = write(text)
        expected = outcome(json.loads, text)
        read = _core.read_dataset if template == "{record}" else _core.read_results
        found = outcome(read, path)
        if isinstance(expected, type):
            assert found == "not-json", value
        else:
            assert isinstance(found, _core.Dataset), value
            assert repr(found.load()) == repr(expected)


@pytest.mark.parametrize("field", ["image_id", "category_id", "bbox", "score", "id", "area", "iscrowd", "segmentation"])
def test_values_of_each_field(write, field):
    """A value in a field that is a column: refused as json does, held as json's value, or left to json."""
    held = 0
    for value in VALUES:
        others = {k: v for k, v in ANNOTATION.items() if k != field}
        record = json.dumps(others)[:-1] + f', "{field}": {value}' + "}"
        text = '{"annotations": [' + record + "]}"
        path = write(text)
        expected = outcome(json.loads, text)
        found = outcome(_core.read_dataset, path)
        if isinstance(expected, type):
            assert found == "not-json", value
        elif found.fallback is None:
            check_columns(found, path, expected["annotations"])
            held += 1
        else:
            assert found.fallback.startswith("annotations: record 0: ")
            assert field in found.fallback or "digits" in found.fallback
    assert held > 0


def test_damaged_files(write):
    """Files with a few bytes changed: as json has it, or left to json."""
    random = Random(5)
    second = {"id": 6, "score": 1e-5, "segmentation": {"size": [3, 4], "counts": "a\\b"}}
    content = {
        "images": [{"id": 1, "height": 3, "width": 4}, {"id": 2}],
        "categories": [{"id": 2, "name": "é\u00e9"}],
        "annotations": [ANNOTATION, ANNOTATION | second],
    }
    texts = [json.dumps(content, ensure_ascii=False), json.dumps(content, indent=1)]
    pieces = ["null", "NaN", '"id"', '"bbox"', "1e5", "\\u0041", "Infinity", "é", "[]", "{}"]
    pieces += '{}[]",:.-+eE0123456789\\ \n\t,'
    outcomes = {"refused": 0, "held": 0, "left": 0}
    for _ in range(1500):
        text = random.choice(texts)
        for _ in range(random.choice([1, 1, 2, 4])):
            start = random.randrange(1, len(text))
            piece = random.choice(pieces) * random.randrange(2)
            text = text[:start] + piece + text[start + random.randrange(3) :]
        path = write(text)
        expected, found = outcome(json.loads, text), outcome(_core.read_dataset, path)
        if isinstance(expected, type):
            assert found == "not-json", text
            outcomes["refused"] += 1
        elif found.fallback is not None:
            assert repr(found.load()) == repr(expected)
            outcomes["left"] += 1
        else:
            assert found.image_ids() == [image["id"] for image in expected.get("images", [])]
            assert found.category_ids() == [category["id"] for category in expected.get("categories", [])]
            check_columns(found, path, expected.get("annotations", []))
            outcomes["held"] += 1
    assert min(outcomes.values()) > 50, outcomes


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"image_id": "a"}, '"image_id" is not an integer'),
        ({"image_id": 1.0}, '"image_id" is not an integer'),
        ({"image_id": None}, '"image_id" is not an integer'),
        ({"image_id": True}, '"image_id" is not an integer'),
        ({"image_id": 2**63}, '"image_id" is not an integer'),
        ({"category_id": "a"}, '"category_id" is not an integer'),
        ({"bbox": [1, 2, 3]}, '"bbox" is not an array of 4 numbers'),
        ({"bbox": [1, 2, 3, 4, 5, 6]}, '"bbox" is not an array of 4 numbers'),
        ({"bbox": [1, 2, 3, "4"]}, '"bbox" is not an array of 4 numbers'),
        ({"bbox": [1, 2, 3, None]}, '"bbox" is not an array of 4 numbers'),
        ({"bbox": {"x": 1}}, '"bbox" is not an array of 4 numbers'),
        ({"bbox": None}, '"bbox" is not an array of 4 numbers'),
        ({"bbox": [2**53, 1, 1, 1]}, '"bbox" is not an array of 4 numbers'),
        ({"score": "high"}, '"score" is not a number'),
        ({"score": True}, '"score" is not a number'),
        ({"score": None}, '"score" is not a number'),
        ({"score": 2**60}, '"score" is not below 2^53'),
        ({"score": int("9" * 700)}, '"score" is not below 2^53'),
        ({"x": int("9" * 700)}, "an integer has more than 600 digits"),
    ],
)
def test_what_columns_cannot_hold(write, record, why):
    records = [RESULT, RESULT | record, RESULT | {"score": "later"}]
    dataset = _core.read_results(write(json.dumps(records)))
    assert dataset.fallback.startswith(f"record 1: {why}")
    assert len(dataset) == 3
    assert dataset.load() == records
    assert dataset.objects("bbox", "detections") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            '[{"image_id":1,"category_id":1,"bbox":[1,2,3,4],"score":1,"score":2}]',
            'record 0: "score" is there twice',
        ),
        (
            '[{"image\\u005fid":1,"category_id":1,"bbox":[1,2,3,4]}]',
            "record 0: a key is written with a backslash",
        ),
        ('[{"category_id":1,"bbox":[1,2,3,4]}]', 'record 0: has no "image_id"'),
        ('[{"image_id":1,"bbox":[1,2,3,4]}]', 'record 0: has no "category_id"'),
        ("[1]", "record 0: is not an object"),
        ("[]", "there are no results"),
        (
            '[{"image_id":1,"category_id":1,"score":1}]',
            "not every result has bbox, segmentation or keypoints",
        ),
        ('[{"image_id":1,"category_id":1,"caption":""}]', "the results are captions"),
        (
            '[{"image_id":1,"category_id":1,"bbox":[1,2,3,4]},{"image_id":1,"category_id":1}]',
            "not every result has bbox",
        ),
        (
            '[{"image_id":1,"category_id":1,"bbox":[]}]',
            "not every result has bbox, segmentation or keypoints",
        ),
        (
            '[{"image_id":1,"category_id":1,"x":' + "[" * 200 + "]" * 200 + "}]",
            "record 0: values are nested more than 128 deep",
        ),
    ],
)
def test_results_left_to_python(write, text, why):
    dataset = _core.read_results(write(text))
    assert dataset.fallback == why
    assert dataset.load() == json.loads(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"images": {}}', '"images" is not an array'),
        ('{"annotations": null}', '"annotations" is not an array'),
        ('{"images": [], "images": []}', '"images" is there twice'),
        ('{"im\\u0061ges": []}', "a key is written with a backslash"),
        ('{"images": [{"id": 1}, {"id": 1}]}', "two images have the same id"),
        ('{"images": [{"id": "1"}]}', 'images: record 0: "id" is not an integer of 64 bits'),
        ('{"images": [{"height": 1}]}', 'images: record 0: has no "id"'),
        (
            '{"categories": [{"id": 1}, {"id": null}]}',
            'categories: record 1: "id" is not an integer of 64 bits',
        ),
        ('{"annotations": [{"image_id": 1, "category_id": 1}]}', 'annotations: record 0: has no "id"'),
        (
            json.dumps({"annotations": [ANNOTATION | {"iscrowd": 2}]}),
            'annotations: record 0: "iscrowd" is not 0 or 1',
        ),
        (
            json.dumps({"annotations": [ANNOTATION | {"area": None}]}),
            'annotations: record 0: "area" is not a number',
        ),
        (
            json.dumps({"annotations": [ANNOTATION | {"id": 2**53}]}),
            'annotations: record 0: "id" is not an integer below 2^53',
        ),
        ('{"info": ' + "[" * 200 + "]" * 200 + "}", "values are nested more than 128 deep"),
    ],
)
def test_datasets_left_to_python(write, text, why):
    dataset = _core.read_dataset(write(text))
    assert dataset.fallback == why
    assert dataset.load() == json.loads(text)


def test_members_in_any_order_and_absent(write):
    images = [{"id": 3}, {"id": -1, "height": 2.5, "width": None}]
    categories = [{"id": 2}, {"id": 2}]
    for order in [["images", "annotations", "categories"], ["categories", "annotations", "images"]]:
        members = {"images": images, "annotations": [ANNOTATION], "categories": categories}
        dataset = _core.read_dataset(
            write(json.dumps({"info": None} | {key: members[key] for key in order} | {"z": [1]}))
        )
        assert dataset.fallback is None
        assert (dataset.image_ids(), dataset.category_ids(), len(dataset)) == ([3, -1], [2, 2], 1)
    dataset = _core.read_dataset(write("{}"))
    assert (dataset.fallback, len(dataset), dataset.image_ids(), dataset.first_fields()) == (
        None,
        0,
        [],
        frozenset(),
    )
    assert not (dataset.has_images or dataset.has_annotations or dataset.has_categories)


def test_repeated_ids_of_annotations_are_noted(write):
    records = [ANNOTATION, ANNOTATION | {"id": 2**52}, ANNOTATION]
    for annotations, repeated in ((records, True), (records[:2], False)):
        dataset = _core.read_dataset(write(json.dumps({"images": [{"id": 3}], "annotations": annotations})))
        assert (dataset.fallback, dataset.repeated_ids, len(dataset)) == (None, repeated, len(annotations))
        assert dataset.arrays()["id"].tolist() == [record["id"] for record in annotations]
    # Results are numbered by loadRes.
    assert not _core.read_results(write(json.dumps([RESULT | {"id": 1}] * 2))).repeated_ids


def test_integer_scores_are_noted(write):
    assert not _core.read_results(write(json.dumps([RESULT]))).integer_scores
    assert _core.read_results(write(json.dumps([RESULT, RESULT | {"score": 1}]))).integer_scores


def test_an_empty_first_box_is_noted(write):
    records = [RESULT | {"bbox": [], "segmentation": []}, RESULT | {"segmentation": []}]
    dataset = _core.read_results(write(json.dumps(records)))
    assert (dataset.fallback, dataset.first_bbox_empty, dataset.column("bbox")) == (None, True, None)


@pytest.mark.parametrize(
    ("text", "line", "column", "character", "message"),
    [
        ("", 1, 1, 0, "expected JSON, found an empty file"),
        ("[", 1, 2, 1, "expected a value"),
        ('[{"image_id": 1},\n {"é": 1, "b" 2}]', 2, 15, 32, "record 1: expected ':'"),
        ('[{"image_id": 1}]\r\n\r\n x', 3, 2, 20, "expected the end of the file"),
        ("[1, 2", 1, 6, 5, "record 1: expected ',' or"),
        ('[1, {"a": 01}]', 1, 12, 11, "record 1: expected"),
    ],
)
def test_faults_say_where(write, text, line, column, character, message):
    path = write(text)
    with pytest.raises(meanap.InputError) as raised:
        _core.read_results(path)
    error = raised.value
    assert (error.code, error.position) == ("not-json", (line, column, character))
    assert str(error).startswith(f"{path}: {message}")
    assert str(error).endswith(f": line {line} column {column} (char {character})")


def test_records_of_a_dataset_are_named(write):
    with pytest.raises(meanap.InputError, match="x.json: annotations: record 1: expected a value: line 1"):
        _core.read_dataset(write('{"annotations": [{}, ?]}'))


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"])
def test_bytes_that_are_not_utf8(write, bad):
    with pytest.raises(meanap.InputError, match="x.json: record 0: the byte at offset 8 is not UTF-8") as raised:
        _core.read_results(write(b'[{"a": "' + bad + b'"}]'))
    assert raised.value.code == "not-text"


def test_other_values_at_the_top(write):
    with pytest.raises(meanap.InputError, match="x.json: expected a JSON object at the top, found an array"):
        _core.read_dataset(write("[]"))
    with pytest.raises(meanap.InputError, match="expected a JSON array of results at the top, found an object"):
        _core.read_results(write("{}"))
    for text in ["1", '"a"', "null", "true", "-1.5", "NaN"]:
        for read in [_core.read_dataset, _core.read_results]:
            with pytest.raises(meanap.InputError) as raised:
                read(write(text))
            assert raised.value.code == "wrong-kind-of-file"


def test_every_truncation_of_a_file_is_an_error(write):
    text = json.dumps(
        {
            "images": [{"id": 1}],
            "annotations": [ANNOTATION | {"segmentation": [[1.5] * 6]}],
            "x": ["é\\u00e9"],
        }
    )
    for end in range(len(text)):
        with pytest.raises(meanap.InputError):
            _core.read_dataset(write(text[:end]))


def test_deep_nesting_is_no_danger(write):
    text = '[{"x": ' + "[" * 100_000 + "]" * 100_000 + "}]"
    dataset = _core.read_results(write(text))
    assert dataset.fallback == "record 0: values are nested more than 128 deep"
    with pytest.raises(meanap.InputError):
        _core.read_results(write("[" * 1_000_000))


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.json") as raised:
        _core.read_dataset(tmp_path / "absent.json")
    assert raised.value.filename == str(tmp_path / "absent.json")
    with pytest.raises(IsADirectoryError):
        _core.read_results(str(tmp_path))
    with pytest.raises(TypeError):
        _core.read_results(3.5)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(write):
    path = write("[]")
    path.chmod(0)
    with pytest.raises(PermissionError):
        _core.read_results(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize(
    "stored", [str.encode, lambda text: text.encode("utf-16"), lambda text: gzip.compress(text.encode())]
)
def test_a_pipe_is_read_once_however_its_text_is_stored(tmp_path, stored):
    path = tmp_path / "pipe.json"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(stored(json.dumps([RESULT])),))
    writer.start()
    dataset = _core.read_results(path)
    writer.join()
    assert dataset.column("score") == [0.5]
    assert dataset.load() == [RESULT]


def test_a_deleted_file_still_loads_and_a_changed_one_does_not(write):
    path = write(json.dumps([RESULT]))
    dataset = _core.read_results(path)
    path.unlink()
    assert dataset.load() == [RESULT]
    # Poses are read with the file, but not where masks are.
    masked = {"image_id": 1, "category_id": 1, "score": 0.5, "segmentation": {"size": [1, 2], "counts": "02"}}
    path = write(json.dumps([masked | {"keypoints": [1, 2, 3]}]))
    dataset = _core.read_results(path)
    with path.open("a") as file:
        file.write(" ")
    with pytest.raises(RuntimeError, match="x.json: the file has changed since it was read"):
        dataset.load()
    with pytest.raises(RuntimeError, match="has changed"):
        dataset.objects("keypoints", "detections")
    assert len(dataset.objects("bbox", "detections")) == 1
    path = write(json.dumps([RESULT | {"keypoints": [1, 2, 3]}]))
    dataset = _core.read_results(path)
    with path.open("a") as file:
        file.write(" ")
    assert len(dataset.objects("keypoints", "detections")) == 1


def test_objects_needs_known_names(write):
    dataset = _core.read_results(write(json.dumps([RESULT])))
    with pytest.raises(ValueError, match="iou_type"):
        dataset.objects("boxes", "detections")
    with pytest.raises(ValueError, match="role"):
        dataset.objects("bbox", "results")


def test_time_grows_with_the_length_of_a_record(tmp_path):
    """A polygon of many points, and nesting: eight times as long takes about eight times as long."""

    def seconds(segmentation):
        path = tmp_path / "long.json"
        path.write_text(
            '{"images": [{"id": 1}], "categories": [{"id": 1, "name": "a"}], "annotations": [{"id": 1, "image_id": 1, '
            '"category_id": 1, "bbox": [1, 1, 5, 5], "area": 25, "iscrowd": 0, "segmentation": ' + segmentation + "}]}"
        )
        times = []
        for _ in range(3):
            start = time.process_time()
            _core.read_dataset(path)
            times.append(time.process_time() - start)
        return min(times)

    def polygon(points):
        return "[[" + ",".join(str(i % 97 / 11) for i in range(2 * points)) + "]]"

    def nested(depth):
        return "[" * depth + "]" * depth

    for make, size in ((polygon, 50_000), (nested, 500_000)):
        assert seconds(make(8 * size)) < 20 * seconds(make(size)) + 0.2


def test_annotations_of_some_images_have_the_columns_of_all(write):
    rotated = {"obb": [1.5, 2, 3, 4, 30], "segmentation": [[0, 0, 4, 0, 4, 4]], "keypoints": [1, 2, 2]}
    records = [{**ANNOTATION, **rotated, "id": k, "image_id": k % 3, "area": k, "score": k / 8} for k in range(8)]
    images = [{"id": k, "height": 5, "width": 6, "file_name": f"é{k}.jpg"} for k in range(3)]
    path = write(json.dumps({"images": images, "categories": [], "annotations": records}, ensure_ascii=False))
    dataset = _core.read_dataset(path)
    assert (dataset.images(), dataset.categories()) == (images, [])
    rows = dataset.rows_of([2, 0, 9])
    assert rows == [k for k in range(8) if k % 3 != 1] and dataset.rows_of([]) == []
    whole, part = dataset.arrays(), dataset.arrays(rows)
    assert whole.keys() == part.keys() >= {"image_id", "category_id", "id", "area", "score", "bbox", "iscrowd"}
    assert all(
        (part[name] == column[rows]).all() and part[name].dtype == column.dtype for name, column in whole.items()
    )
    for field in ("segmentation", "keypoints"):
        assert [json.loads(text) for text in dataset.texts(field, rows)] == [records[k][field] for k in rows]
    for ask in (dataset.arrays, lambda rows: dataset.texts("keypoints", rows)):
        with pytest.raises(ValueError, match="there is no annotation 8"):
            ask([0, 8])


def test_texts_need_the_field_in_each_record_and_the_file_as_it_was(write):
    path = write(json.dumps([{**RESULT, "keypoints": [1, 2, 2]}, RESULT]))
    results = _core.read_results(path)
    assert (results.texts("keypoints", [0]), results.images()) == (None, None)
    path = write(json.dumps([{**RESULT, "segmentation": [[1, 2, 3, 4, 5, 6]]}]))
    results = _core.read_results(path)
    path.write_text("[]")
    with pytest.raises(RuntimeError, match="has changed"):
        results.texts("segmentation", [0])
