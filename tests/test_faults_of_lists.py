"""Faults in the lists of an image have the words and the codes of those of records."""

from __future__ import annotations

import re

import pytest

import meanap

ITEM = {"boxes": [[0, 0, 9, 9], [1, 1, 5, 5]], "labels": [1, 2], "scores": [0.5, 0.6]}
TRUTH = {
    "images": [{"id": 0, "width": 50, "height": 50}],
    "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
    "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [0, 0, 9, 9], "area": 81, "iscrowd": 0}],
}
LISTED = [{"boxes": [[0, 0, 9, 9]], "labels": [1], "image_id": 0}]
NAMES = {"boxes": "bbox", "labels": "category_id", "scores": "score"}


def fault_of(call):
    with pytest.raises(meanap.InputError) as caught:
        call()
    error = caught.value
    return error.record, error.found, error.expected, error.code


@pytest.mark.parametrize(
    "name, value",
    [
        ("boxes", [1, 1, float("nan"), 5]),
        ("boxes", [1, 1, -5, 5]),
        ("boxes", [1, 1, 5]),
        ("boxes", [1, 1, 5, 5, 5]),
        ("boxes", [1, 1, "a", 5]),
        ("boxes", [1, 1, None, 5]),
        ("boxes", [1, 1, True, 5]),
        ("boxes", []),
        ("boxes", "box"),
        ("boxes", {"x": 1}),
        ("boxes", None),
        ("scores", float("nan")),
        ("scores", "high"),
        ("scores", None),
        ("scores", [0.5]),
        ("scores", True),
        ("labels", 1.5),
        ("labels", None),
        ("labels", [1]),
        ("labels", True),
    ],
)
def test_each_fault_is_that_of_a_record(name, value):
    records = [
        {"image_id": 0, **{NAMES[key]: column[row] for key, column in ITEM.items()}}
        for row in range(len(ITEM["labels"]))
    ]
    records[1][NAMES[name]] = value
    item = {**ITEM, name: [ITEM[name][0], value], "image_id": 0}
    metric = meanap.MeanAveragePrecision(box_format="xywh")
    expected = fault_of(lambda: meanap.evaluate(TRUTH, records))
    assert expected[0] == 1
    options = {"box_format": "xywh"}
    for call in (
        lambda: meanap.evaluate(LISTED, [item], **options),
        lambda: meanap.evaluate(TRUTH, [item], **options),
        lambda: meanap.evaluate(TRUTH, {0: {**item}}, **options),
        lambda: metric.update([item], LISTED),
        lambda: metric([item], LISTED),
    ):
        assert fault_of(call) == expected
    codes = meanap.check(TRUTH, [item], **options).codes
    assert [code for code in codes if code == expected[3]] == [expected[3]], codes


@pytest.mark.parametrize(
    "value, message",
    [
        ([5, 5, 3, 9], "row 1 is (5, 5, 3, 9): the second corner lies before the first"),
        ([5, 5, 9], "row 1 has 3 numbers, expected 4 numbers (x1, y1, x2, y2)"),
        ([-5, -5, -1, None], "row 1 has null at position 3, expected 4 numbers (x1, y1, x2, y2)"),
    ],
)
def test_corners_are_told_as_corners(value, message):
    item = {**ITEM, "boxes": [[-5, -5, -1, -1], value], "image_id": 0}
    for truth in (TRUTH, LISTED):
        with pytest.raises(meanap.InputError, match=re.escape(message)):
            meanap.evaluate(truth, [item])


def test_flags_areas_and_missing_lists():
    truth = {"boxes": [[0, 0, 9, 9]], "labels": [1], "image_id": 0}
    for name, value, message in (
        ("area", "large", "row 0 is 'large', expected an area in pixels"),
        ("iscrowd", 7, "row 0 is 7, expected 0 or 1"),
    ):
        for found in ([{**ITEM, "image_id": 0}], []):
            with pytest.raises(meanap.InputError, match=re.escape(f'ground_truth[0]["{name}"]: {message}')):
                meanap.evaluate([{**truth, name: [value]}], found)
    bare = {"labels": [1, 2], "scores": [0.5, 0.6], "image_id": 0}
    for sides in ((LISTED, [bare]), (TRUTH, [bare])):
        with pytest.raises(meanap.InputError, match=re.escape('detections[0]: "boxes" is missing')) as error:
            meanap.evaluate(*sides)
        assert error.value.code == "missing-field"
