"""The reference's quirks in the mask functions, live against pycocotools."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.differential.both import same
from tests.differential.tools import meanap

SQUARE = np.zeros((9, 7), dtype=np.uint8, order="F")
SQUARE[2:6, 1:5] = 1


def rle(tool, bitmap=SQUARE):
    return tool.mask.encode(np.asfortranarray(bitmap))


def test_17_encode_takes_bool():
    assert same(lambda tool: rle(tool, SQUARE.astype(bool))) == same(rle)


@pytest.mark.parametrize(
    "bitmap",
    [
        SQUARE.copy(order="C"),
        np.ascontiguousarray(SQUARE[:, :, None].repeat(3, axis=2)),
        SQUARE.astype(np.int64),
        SQUARE.astype(float),
        SQUARE[::2],
        np.zeros((0, 5), dtype=np.uint8, order="F"),
        np.zeros((1, 5), dtype=np.uint8),
        np.zeros((5, 5, 0), dtype=np.uint8, order="F"),
        np.zeros(5, dtype=np.uint8),
        np.zeros((2, 2, 2, 2), dtype=np.uint8, order="F"),
    ],
    ids=lambda b: f"{b.shape}-{b.dtype}-{'F' if b.flags.f_contiguous else 'C'}",
)
def test_17_forms_of_bitmaps(bitmap):
    same(lambda tool: tool.mask.encode(bitmap))


def test_17_other_values_begin_new_runs():
    bitmap = SQUARE * 3
    bitmap[3, 2] = 7
    assert same(lambda tool: rle(tool, bitmap)) != same(rle)
    same(lambda tool: tool.mask.decode(rle(tool, bitmap)))


@pytest.mark.parametrize(
    "shape",
    [
        [[1, 2, 3, 4]],
        [1, 2, 3, 4],
        [1, 1, 5, 1, 5, 5],
        [[1, 1, 5, 1, 5, 5]],
        [[1, 1, 5, 1, 5, 5], [1, 1, 5, 1]],
        [[1, 1, 5, 1, 5, 5, 2]],
        np.array([[1.0, 2.0, 3.0, 4.0]]),
        np.array([[1, 2, 3, 4]]),
        np.array([1.0, 2.0, 3.0, 4.0]),
        {"size": [9, 7], "counts": [3, 4, 56]},
        [{"size": [9, 7], "counts": [3, 4, 56]}],
        {"size": [9.0, 7.0], "counts": [3.0, 4.5, 56.0]},
        {"size": [9, 7], "counts": []},
        {"size": [9, 7]},
        {},
        [],
        [[]],
        "polygon",
        None,
        5,
        ([1, 1, 5, 1, 5, 5],),
        [(1, 1, 5, 1, 5, 5)],
        [np.array([1.0, 1, 5, 1, 5, 5])],
    ],
    ids=str,
)
def test_18_frPyObjects(shape):
    same(lambda tool: tool.mask.frPyObjects(shape, 9, 7))


@pytest.mark.parametrize("sizes", [(9, 7), (9.0, 7.0), (9.5, 7), (np.int64(9), np.float32(7)), ("9", 7), (None, 7)])
def test_18_sizes_may_be_floats(sizes):
    same(lambda tool: tool.mask.frPyObjects([[1, 1, 5, 1, 5, 5]], *sizes))
    same(lambda tool: tool.mask.area({"size": list(sizes), "counts": rle(tool)["counts"]}))


def test_19_masks_of_other_sizes_have_an_iou_of_minus_one_where_their_boxes_meet():
    def ious(tool):
        wide = np.zeros((9, 8), dtype=np.uint8)
        wide[2:6, 1:5] = 1
        apart = np.zeros((9, 8), dtype=np.uint8)
        apart[7:, 6:] = 1
        return tool.mask.iou([rle(tool)], [rle(tool, wide), rle(tool, apart)], [0, 0])

    assert same(ious).tolist() == [[-1, 0]]


def test_19_merging_masks_of_other_sizes_gives_nothing():
    def merged(tool):
        return tool.mask.merge([rle(tool), rle(tool, np.ones((3, 3), dtype=np.uint8))])

    assert same(merged)["size"] == [0, 0]


@pytest.mark.parametrize("intersect", [0, 1, True, 2])
def test_19_merging(intersect):
    shifted = np.roll(SQUARE, 2, axis=0)
    same(lambda tool: tool.mask.merge([rle(tool), rle(tool, shifted)], intersect))
    same(lambda tool: tool.mask.merge([rle(tool)], intersect))
    same(lambda tool: tool.mask.merge([], intersect))


def test_20_short_counts_decode_to_zeros():
    """DIFFERENCE: the reference leaves the rest of the bitmap uninitialised."""
    mask = meanap().mask
    short = mask.frPyObjects({"size": [4, 5], "counts": [3, 2]}, 4, 5)
    bitmap = mask.decode(short)
    assert bitmap.shape == (4, 5) and bitmap.sum() == 2 and bitmap.ravel(order="F")[3:5].tolist() == [1, 1]


def test_20_counts_that_are_too_long_are_refused():
    same(lambda tool: tool.mask.decode(tool.mask.frPyObjects({"size": [4, 5], "counts": [3, 200]}, 4, 5)))


def test_21_arrays_of_boxes_in_fortran_order_are_misread():
    boxes = np.array([[0.0, 0, 4, 4], [1, 1, 4, 4], [2, 0, 9, 3]])
    straight = same(lambda tool: tool.mask.iou(boxes, boxes, [0, 0, 0]))
    misread = same(lambda tool: tool.mask.iou(np.asfortranarray(boxes), boxes, [0, 0, 0]))
    assert not np.array_equal(straight, misread)


def test_22_iou_is_in_fortran_order_and_a_list_if_empty():
    boxes = np.array([[0.0, 0, 4, 4], [1, 1, 4, 4]])

    def layout(tool):
        found = tool.mask.iou(boxes, boxes[:1].repeat(3, axis=0), [0, 1, 0])
        return [found, found.flags.f_contiguous, found.flags.owndata, found.flags.writeable]

    assert same(layout)[1]
    assert same(lambda tool: tool.mask.iou([], boxes, [0, 0])) == []
    assert same(lambda tool: tool.mask.iou(boxes, [], [])) == []
    same(lambda tool: tool.mask.iou([], [], []))


@pytest.mark.parametrize(
    "arguments",
    [
        ([[0, 0, 1, 1]], [[0, 0, 1, 1]], []),
        ([[0, 0, 1, 1]], [[0, 0, 1, 1]], [0, 0]),
        ([[0, 0, 1]], [[0, 0, 1, 1]], [0]),
        ([(0, 0, 1, 1)], [[0, 0, 1, 1]], [0]),
        ([0, 0, 1, 1], [[0, 0, 1, 1]], [0]),
        (np.zeros((1, 5)), [[0, 0, 1, 1]], [0]),
        (np.zeros(4), [[0, 0, 1, 1]], [0]),
        ([[0, 0, 1, 1]], [[0, 0, 1, 1]], [1.0]),
        ([[0, 0, 1, 1]], [[0, 0, 1, 1]], [True]),
        ([[0, 0, 1, 1]], [[0, 0, 1, 1]], [256]),
        ([[0, 0, 1, 1]], [[0, 0, 1, 1]], np.array([1])),
        ([["0", 0, 1, 1]], [[0, 0, 1, 1]], [0]),
        ([[None, 0, 1, 1]], [[0, 0, 1, 1]], [0]),
        ([np.array([0, 0, 1, 1])], [[0, 0, 1, 1]], [0]),
        ({}, [[0, 0, 1, 1]], [0]),
        ("boxes", [[0, 0, 1, 1]], [0]),
    ],
    ids=str,
)
def test_22_forms_that_iou_takes(arguments):
    same(lambda tool: tool.mask.iou(*arguments))


def test_22_masks_against_boxes():
    same(lambda tool: tool.mask.iou([rle(tool)], [[0, 0, 5, 5]], [0]))


@pytest.mark.parametrize(
    "call",
    [
        "mask.frPyObjects([[nan, 1.0, 5.0, 1.0, 5.0, 5.0]], 9, 7)",
        "mask.frPyObjects([[inf, 1.0, 5.0, 1.0, 5.0, 5.0]], 9, 7)",
        "mask.frPyObjects(np.array([[0.0, 0.0, 1e300, 1e300]]), 9, 7)",
        "mask.frPyObjects(np.array([[0.0, nan, 5.0, inf]]), 9, 7)",
    ],
)
def test_23_what_hangs_the_reference_is_refused(call):
    """DIFFERENCE: the reference does not come back from these, or takes all memory."""
    code = f"""
import numpy as np
from meanap import mask
nan, inf = float("nan"), float("inf")
try:
    {call}
except ValueError as error:
    print("ValueError", len(str(error)) > 10)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=os.environ)
    assert done.stdout.split() == ["ValueError", "True"], done.stderr
