"""``mask`` and ``_mask`` beside pycocotools': values, types, memory order, exceptions."""

import doctest
import json
import threading
from decimal import Decimal  # noqa: F401 (used by expressions)
from fractions import Fraction  # noqa: F401 (used by expressions)

import numpy as np
import pytest

from meanap.compat.pycocotools import _mask, mask

reference = pytest.importorskip("pycocotools.mask")
reference_inner = pytest.importorskip("pycocotools._mask")

# The reference's own `decode` warns under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


def outcome(call):
    """What a call gives: a value, or the exception that it raises."""
    try:
        with np.errstate(all="ignore"):
            return call()
    except Exception as error:
        return error


def assert_same(ours, theirs, what=""):
    """Equal to the last bit, and of the same make."""
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception), f"{what}: {ours!r}, expected {theirs!r}"
        # The reference raises bare `Exception` here and there; ours say more.
        assert isinstance(ours, type(theirs)), f"{what}: {ours!r}, expected {theirs!r}"
        assert str(ours), what
        return
    if isinstance(ours, Exception):
        raise ours
    assert type(ours) is type(theirs), f"{what}: {ours!r}, expected {theirs!r}"
    if isinstance(theirs, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), what
        assert ours.flags.f_contiguous == theirs.flags.f_contiguous, what
        assert ours.flags.c_contiguous == theirs.flags.c_contiguous, what
        assert ours.flags.writeable and ours.flags.owndata == theirs.flags.owndata, what
        np.testing.assert_array_equal(ours, theirs, strict=True, err_msg=str(what))
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), what
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other, what)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs), what
        for key in theirs:
            assert_same(ours[key], theirs[key], what)
    else:
        assert ours == theirs, what


class Subarray(np.ndarray):
    pass


class Sublist(list):
    pass


class Subdict(dict):
    pass


class HasIndex:
    def __index__(self):
        return 4


class HasInt:
    def __int__(self):
        return 4


class HasBoth(HasIndex):
    def __int__(self):
        return 3


class IndexText(str):
    def __index__(self):
        return 3


class HasFloatForInt:
    def __int__(self):
        return 4.0


pixels = np.zeros((4, 5), np.uint8, order="F")
pixels[1:3, 2:4] = 1
read_only = pixels.copy(order="F")
read_only.flags.writeable = False
polygon = [1, 1, 3, 1, 3, 3, 1, 3]
boxes = np.array([[1, 1, 2, 2.0], [0, 0, 1, 1]])
plain = {"size": [4, 5], "counts": [3, 4, 13]}
R = {"size": [4, 5], "counts": b"92203"}
R1 = {"size": [2, 2], "counts": b"04"}
R2 = {"size": [3, 2], "counts": b"04"}
R3 = {"size": [2, 2], "counts": "13"}

VALUES = {name: value for name, value in globals().items() if not name.startswith("_")}

FORMS = """
m.encode(pixels)
m.encode(np.ascontiguousarray(pixels))
m.encode(pixels.astype(bool, order="F"))
m.encode(pixels.astype(bool, order="F")[:, :, None])
m.encode(pixels.astype(bool, order="C"))
m.encode(pixels.astype(np.int8))
m.encode(pixels.astype(float))
m.encode(pixels.astype(">u2"))
m.encode(pixels.view("S1"))
m.encode(pixels.view("V1"))
m.encode(pixels[None])
m.encode(pixels[:, :, None])
m.encode(pixels[:, 0])
m.encode(pixels[None, None])
m.encode(pixels[::2])
m.encode(pixels[:, ::-1])
m.encode(pixels[:, :1])
m.encode(read_only)
m.encode(pixels.view(Subarray))
m.encode(np.ma.masked_array(pixels))
m.encode(pixels * 3)
m.encode(np.asfortranarray([[0, 1], [2, 1]], dtype=np.uint8))
m.encode(np.zeros((0, 5), np.uint8, order="F"))
m.encode(np.zeros((4, 5, 0), np.uint8, order="F"))
m.encode(np.zeros((0, 5, 2), np.uint8, order="F"))
m.encode(np.ones((1, 1), np.uint8))
m.encode(np.ones((3, 1), np.uint8))
m.encode([[1]])
m.encode(None)
inner.encode(pixels)
inner.encode(pixels.tolist())
m.decode(R)
m.decode([R])
m.decode([R, R])
m.decode((R,))
m.decode({})
m.decode(None)
m.decode({"size": [2, 2], "counts": b"05"})
m.decode([R1, R3])
m.decode([R1, R2, R1])
m.decode([R2, R2, {"size": [2, 2], "counts": b"0:"}])
m.decode({"size": [0, 2], "counts": b"0"})
m.decode({"size": [0, 2], "counts": b"1"})
m.decode({"size": [2**33, 2**33], "counts": b"04"})
m.decode([{"size": [2, 2], "counts": b"02"}, {"size": [2, 2], "counts": b"06"}])
m.area(R)
m.area([R])
m.area([])
m.area((R, R))
m.area([R, R1, R3])
m.area([1])
m.area([[1, 2]])
m.area("ab")
m.area(5)
m.area({"counts": b"5"})
m.area({"size": [1, 2]})
m.toBbox(R)
m.toBbox([R])
m.toBbox([])
m.toBbox([R, R1, R2, R3])
m.toBbox({"size": [2**32 + 1, 2], "counts": b"04"})
m.toBbox({"size": [4, 5], "counts": b""})
m.toBbox({"size": [4, 5], "counts": b"d0"})
m.toBbox({"size": [4, 5], "counts": b"d00"})
m.toBbox({"size": [0, 5], "counts": b"30"})
m.merge([])
m.merge([R])
m.merge([R1, R3])
m.merge([R1, R3], 1)
m.merge([R1, R3], intersect=True)
m.merge([R1, R3], intersect=1.9)
m.merge([R1, R3], intersect=0.9)
m.merge([R1, R3], np.bool_(True))
m.merge([R1, R3], "1")
m.merge([R1, R3], None)
m.merge([R1, R3], 2**40)
m.merge([R1, R2])
m.merge([R1, R3, R2], 1)
m.merge(R)
m.merge(x for x in [R])
m.merge((R, R))
m.merge({"a": R}.values())
m.merge({0: R})
m.merge(rleObjs=[R1, R3], intersect=0)
m.merge([{"size": [4, 5], "counts": b"0000005"}])
m.frPyObjects([polygon], 4, 5)
m.frPyObjects([polygon, polygon[:4]], 4, 5)
m.frPyObjects([polygon[:4]], 4, 5)
m.frPyObjects(polygon, 4, 5)
m.frPyObjects([], 4, 5)
m.frPyObjects([[]], 4, 5)
m.frPyObjects([polygon, []], 4, 5)
m.frPyObjects([polygon, [1, 2]], 4, 5)
m.frPyObjects([polygon, [1]], 4, 5)
m.frPyObjects([polygon + [7]], 4, 5)
m.frPyObjects([polygon[:5]], 4, 5)
m.frPyObjects([[str(x) for x in polygon]], 4, 5)
m.frPyObjects(["123456"], 4, 5)
m.frPyObjects(list("123456"), 4, 5)
m.frPyObjects((polygon,), 4, 5)
m.frPyObjects([tuple(polygon)], 4, 5)
m.frPyObjects([np.array(polygon)], 4, 5)
m.frPyObjects([np.array(polygon, dtype=np.float32)[::-1]], 4, 5)
m.frPyObjects([[np.float32(x) for x in polygon]], 4, 5)
m.frPyObjects([[Decimal(x) for x in polygon]], 4, 5)
m.frPyObjects([[[1, 1], [3, 1], [3, 3], [1, 3], [1, 2]]], 4, 5)
m.frPyObjects([np.array(polygon).reshape(4, 2)], 4, 5)
m.frPyObjects([np.array([[1, 2, 3, 4, 5.0]])] * 5, 4, 5)
m.frPyObjects([None], 4, 5)
m.frPyObjects(None, 4, 5)
m.frPyObjects("abc", 4, 5)
m.frPyObjects([[1, 2, "x", 3, 4, 5]], 4, 5)
m.frPyObjects([[1j] * 6], 4, 5)
m.frPyObjects([[True] * 6], 4, 5)
m.frPyObjects([[10**400] * 6], 4, 5)
m.frPyObjects([[1], [2], [3], [4], [5]], 4, 5)
m.frPyObjects([[1], [2], [3], [4]], 4, 5)
m.frPyObjects([[1, 2]], 4, 5)
m.frPyObjects([polygon], 4.7, 5)
m.frPyObjects([polygon], -4, 5)
m.frPyObjects([polygon], 4, -0.5)
m.frPyObjects([polygon], "4", 5)
m.frPyObjects([polygon], np.float32(4), np.uint8(5))
m.frPyObjects([polygon], None, 5)
m.frPyObjects([polygon], 0, 5)
m.frPyObjects([polygon], 4, 0)
m.frPyObjects([polygon], 0, 0)
m.frPyObjects([polygon], 2**33, 2**33)
m.frPyObjects([polygon], 2**16, 2**16)
m.frPyObjects([polygon], 3, 2**32)
m.frPyObjects([polygon], 2**64, 2)
m.frPyObjects([polygon], 4)
m.frPyObjects(pyobj=[polygon], h=4, w=5)
m.frPyObjects(boxes, 4, 5)
m.frPyObjects(boxes.astype(np.float32), 4, 5)
m.frPyObjects(boxes.astype(">f8"), 4, 5)
m.frPyObjects(boxes.astype(int), 4, 5)
m.frPyObjects(boxes[0], 4, 5)
m.frPyObjects(boxes[:, None], 4, 5)
m.frPyObjects(np.asfortranarray(boxes), 4, 5)
m.frPyObjects(np.zeros((0, 4)), 4, 5)
m.frPyObjects(np.zeros((0, 7)), 4, 5)
m.frPyObjects(np.ones((1, 7)), 4, 5)
m.frPyObjects(np.arange(15.0).reshape(3, 5), 9, 9)
m.frPyObjects(np.arange(15.0).reshape(3, 5)[:, :4], 9, 9)
m.frPyObjects(np.arange(20.0).reshape(4, 5)[1:, 1:], 9, 9)
m.frPyObjects(np.arange(32.0).reshape(4, 8)[::2, ::2], 9, 9)
m.frPyObjects(np.arange(32.0).reshape(4, 8)[:, :2], 9, 9)
m.frPyObjects(boxes.tolist(), 4, 5)
m.frPyObjects(boxes.tolist()[0], 4, 5)
m.frPyObjects(-boxes, 4, 5)
m.frPyObjects(boxes.view(Subarray), 4, 5)
m.frPyObjects(plain, 4, 5)
m.frPyObjects(plain, None, 5)
m.frPyObjects([plain, plain], 9, 9)
m.frPyObjects((plain, plain), 9, 9)
m.frPyObjects([plain, 5], 4, 5)
m.frPyObjects([plain, R1], 4, 5)
m.frPyObjects(R1, 4, 5)
m.frPyObjects({"counts": [1]}, 4, 5)
m.frPyObjects([{"counts": [1]}], 4, 5)
m.frPyObjects([{"counts": [1], "size": [1, 1], "a": 1}], 4, 5)
m.frPyObjects([{"counts": [1], "size": [1, 1], "a": 1, "b": 2}], 4, 5)
m.frPyObjects([{"counts": [1], "size": [1, 1], "a": 1, "b": 2, "c": 3}], 4, 5)
m.frPyObjects({"counts": [1], "size": [4.9, -1]}, 4, 5)
m.frPyObjects(Subdict(plain), 4, 5)
m.frPyObjects([Subdict(plain)], 4, 5)
m.frPyObjects(Sublist([polygon]), 4, 5)
inner.frPyObjects([polygon], 4, 5)
inner.frPoly([polygon], 4, 5)
inner.frPoly((polygon,), 4, 5)
inner.frPoly({0: 1}, 4, 5)
inner.frPoly([], 4, 5)
inner.frPoly([[]], 4, 5)
inner.frPoly(np.array([polygon, polygon]), 4, 5)
inner.frPoly(x for x in [polygon])
inner.frBbox(boxes, 4, 5)
inner.frBbox(boxes.view(Subarray), 4, 5)
inner.frBbox(boxes.tolist(), 4, 5)
inner.frUncompressedRLE([plain], 4, 5)
inner.frUncompressedRLE(plain, 4, 5)
inner.frUncompressedRLE([], 4, 5)
m.iou([R1], [R1], [0])
m.iou([R1, R3], [R1, R3, R2], [0, 1, 0])
m.iou((R1,), [R1], [0])
m.iou([], [R1], [0])
m.iou([], [], [])
m.iou([R1], [], [])
m.iou([R1], [R1], [])
m.iou([], [R1], [])
m.iou([R1], [R1], None)
m.iou([R1], [R1], 0)
m.iou([R1], [R1], [256])
m.iou([R1], [R1], [-1])
m.iou([R1], [R3], [1.5])
m.iou([R1], [R3], [0.5])
m.iou([R1], [R3], ["1"])
m.iou([R1], [R3], [True])
m.iou([R1], [R3], np.array([1]))
m.iou([R1], [R3], np.array([256]))
m.iou([R1], [R3], np.array([-1]))
m.iou([R1], [R3], (1,))
m.iou([R1], [R1], [[1]])
m.iou([R1], [R1], [None])
m.iou([R1], [R1], {0: 1})
m.iou([R1], [R1], "1")
m.iou([R1], [R1], [0, 1])
m.iou([R1], boxes, [0, 0])
m.iou([{"size": [2, 2], "counts": 5}], [R1], [])
m.iou(boxes, boxes, [0, 0])
m.iou(boxes, boxes, [0, 1])
m.iou(np.asfortranarray(boxes), boxes, [0, 1])
m.iou(boxes, np.asfortranarray(boxes * 2), [0, 1])
m.iou(boxes[::-1], boxes, [0, 1])
m.iou(boxes.tolist(), boxes, [0, 0])
m.iou(boxes.tolist(), boxes.tolist(), [0, 0])
m.iou(boxes[0], boxes, [0, 0])
m.iou(boxes[0].tolist(), boxes, [0, 0])
m.iou([R1, [1, 2, 3, 4]], [R1], [0])
m.iou([np.array([1, 2, 3, 4.0])], boxes, [0, 0])
m.iou([(1, 2, 3, 4)], boxes, [0, 0])
m.iou(boxes.astype(int), boxes.astype("f4"), [0, 0])
m.iou(boxes.astype("U4"), boxes, [0, 0])
m.iou(boxes[:, :3], boxes, [0, 0])
m.iou(boxes[:, ::-1], boxes, [0, 0])
m.iou(np.zeros((0, 4)), boxes, [0, 0])
m.iou(np.zeros((0, 3)), boxes, [0, 0])
m.iou([[1, 2, 3, "4"]], boxes, [0, 0])
m.iou([[1, 2, 3, None]], boxes, [0, 0])
m.iou([[1, 2, 3, [4]]], boxes, [0, 0])
m.iou([[[1], [2], [3], [4]]], boxes, [0, 0])
m.iou([[[1, 2, 3, 4]] * 4], boxes, [0, 0])
m.iou(np.array([4, 4, 4, 4]), boxes, [0, 0])
m.iou(np.array([4, 1, 1, 1]), boxes, [0, 0])
m.iou(np.array(4), boxes, [0, 0])
m.iou(np.zeros((2, 2, 4)), boxes, [0, 0])
m.iou(None, boxes, [0, 0])
m.iou(5, boxes, [0, 0])
m.iou("", boxes, [0, 0])
m.iou({}, boxes, [0, 0])
m.iou(R1, [R1], [0])
m.iou(boxes.view(Subarray), boxes, [0, 0])
m.iou([Subdict(R1)], [R1], [0])
m.iou(Sublist([R1]), [R1], [0])
m.iou(inner._frString([R1]), [R1], [0])
m.iou([R1], [R1])
m.iou(dt=[R1], gt=[R1], pyiscrowd=[0])
m.iou([[1]], [R1], [0])
m.iou([5], [R1], [0])
m.iou([None], [R1], [0])
m.iou([dict(R1, a=1, b=2)], [R1], [0])
m.iou([R1], [{"size": [2, 2], "counts": ""}], [0])
m.iou([R1], [{"size": [2, 2], "counts": "4"}], [0])
m.iou([[np.nan] * 4], boxes, [0, 0])
m.iou([[np.nan, 1, 1, 1]], boxes, [0, 0])
m.iou([[1, 1, np.inf, 1]], boxes, [0, 0])
m.iou([[0, 0, 0, 1]], boxes, [0, 0])
m.iou([[0, 0, -1, -1]], -boxes, [0, 1])
inner.RLEs(3).n
inner.RLEs().n
inner.RLEs(n=2).n
inner.RLEs(-1)
inner.RLEs("a")
inner.RLEs(2.5).n
inner.RLEs(1).foo
inner._toString(inner.RLEs(2))
inner._toString([R])
inner._toString(inner._frString([R, R3]))
inner._toString(inner._frString([]))
inner._frString([R]).n
inner._frString(R)
len(inner._frString([R]))
inner.area(inner._frString([R]))
inner.area([R])
inner.toBbox([R])
inner.decode([R])
inner.PYTHON_VERSION
""".strip().splitlines()

# What an `obj["counts"]` may be, and what a length or a side may be.
TEXTS = """
b"abc0" | "abc0" | bytearray(b"5") | memoryview(b"5") | np.bytes_(b"5") | np.str_("5") | None | [1, 2, 3] |
5 | "\\ud800" | "ø" | b"\\xf8" | b"92\\x00cd" | b"5\\x00" | b"\\x005" | "" | b"" | b"0o1" | b"PPPPPPP1" |
b"PPPPPPP@" | b"oooooooooooo1" | b"0PPPPPPPPPPPPPPPPP1" | b"0\\x01\\x02" | b"0\\xff\\xfe\\x00" | b"~~~~1111"
"""
SIDES = """
[4, 5] | [4.0, 5.9] | ["4", 5] | [None, 5] | [-1, 5] | [2**64, 5] | [2**64 - 1, 5] | [2**40, 5] |
[4, 2**40] | [np.float32(4), np.int8(5)] | [float("nan"), 1] | [float("inf"), 1] | (4, 5) | [4] |
np.array([4, 5]) | np.array([4.5, 5]) | [np.array(4), 5] | [np.array([4]), 5] | [True, 5] | {0: 4, 1: 5} |
"45" | 5 | None | [4, 5, 6] | [1 + 1j, 3] | [-0.5, 5] | [Decimal(4), 5] | [Fraction(9, 2), 5] |
[HasIndex(), 5] | [HasInt(), 5] | [HasFloatForInt(), 5] | [np.datetime64(4, "s"), 5] | [b"4", 5] |
[np.str_("4"), 5] | [np.bytes_(b"4"), 5] | [bytearray(b"4"), 5] | [HasBoth(), 5] | [IndexText("4"), 5] |
[IndexText("x"), 5] | [np.array("4"), 5] | [np.array(4, object), 5] | [np.float16(4.5), 5]
"""
COUNTS = """
[1.5, 2.7] | [-1] | [-1.5] | [2**32] | ["5"] | [] | None | 5 | [[1]] | np.array([1, 2]) | np.array([-1]) |
np.array([1.5]) | (1, 2) | [True] | [None] | "abc" | b"abc" | {} | [2**31, 1] | [np.nan] |
[2**32 - 1, 0, 0, 2**32 - 1, 1] | range(3) | [1j] | [-1.0] | np.array([2.0**33]) | [10**30] | [10**400] |
[1e30] | [np.float32(3)] | [np.int64(-1)] | [np.int64(3)] | np.array(["5"]) | np.array([5], dtype=object) |
[np.inf] | [1, "5"] | [1, 2.5, 3] | [1, 2**30, 2**30, 5, 7]
"""


def choices(text):
    return [one.strip() for one in text.split(" |")]


EXPRESSIONS = [
    *FORMS,
    *(f'm.area({{"size": [4, 5], "counts": {text}}})' for text in choices(TEXTS)),
    *(f'm.merge([{{"size": {side}, "counts": b"5"}}])' for side in choices(SIDES)),
    *(f'm.frPyObjects({{"size": [4, 5], "counts": {counts}}}, 4, 5)' for counts in choices(COUNTS)),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_form(expression):
    ours = outcome(lambda: eval(expression, {"m": mask, "inner": _mask, **VALUES}))
    theirs = outcome(lambda: eval(expression, {"m": reference, "inner": reference_inner, **VALUES}))
    assert_same(ours, theirs, expression)


# Where the reference crashes, hangs, or reads memory that is not its own.
REFUSED = {
    'm.area({"size": [1, 1], "counts": b"0P"})': ValueError,
    'm.area({"size": [1, 1], "counts": b"P\\x00P"})': ValueError,
    'm.area({"size": [1, 1], "counts": "é"})': ValueError,
    'm.decode({"size": [1, 1], "counts": "o"})': ValueError,
    "m.decode([])": ValueError,
    'm.decode({"size": [2**31, 2**31], "counts": b"_oo7"})': MemoryError,
    'm.decode({"size": [2**32, 2**31], "counts": b"04"})': OverflowError,
    'm.decode({"size": [2**33, 2**33], "counts": b"04"})': OverflowError,
    'm.decode([{"size": [2**60, 1], "counts": b""}] * 8)': OverflowError,
    'm.toBbox({"size": [0, 2], "counts": b"04"})': ValueError,
    'm.toBbox({"size": [2**32, 2], "counts": b"04"})': ValueError,
    'm.iou([R1], [{"size": [0, 2], "counts": "04"}], [0])': ValueError,
    'm.iou([R1], [{"size": [2, 2], "counts": "05"}], [0])': ValueError,
    'm.iou([{"size": [2, 2], "counts": "031"}], [{"size": [2, 2], "counts": "032"}], [0])': ValueError,
    'm.merge([R1, {"size": [2, 2], "counts": b"0"}])': ValueError,
    'm.merge([R1, {"size": [2, 2], "counts": b""}])': ValueError,
    'm.merge([{"size": [2, 2], "counts": b""}, R1])': ValueError,
    'm.merge([R1, {"size": [2, 2], "counts": b"05"}])': ValueError,
    "m.frPyObjects([[1, 2, np.nan, 3, 4, 5]], 4, 5)": ValueError,
    "m.frPyObjects([[None] * 6], 4, 5)": ValueError,
    "m.frPyObjects([[1, 2, np.inf, 3, 4, 5]], 4, 5)": ValueError,
    "m.frPyObjects([[1, 2, 1e300, 3, 4, 5]], 4, 5)": ValueError,
    "m.frPyObjects([[1, 2, 10**30, 3, 4, 5]], 4, 5)": ValueError,
    "m.frPyObjects([[-4e8, 2, 4e8, 3, 4, 5]], 4, 5)": ValueError,
    "m.frPyObjects([[0, 0, 4e8, 3, 4e8, 5]], 4, 2**31)": ValueError,
    "m.frPyObjects(boxes * np.nan, 4, 5)": ValueError,
    "m.frPyObjects(np.array([[0, 0, 1e10, 1e10]]), 4, 5)": ValueError,
    "m.frPyObjects(boxes[::-1], 4, 5)": ValueError,
    "m.frPyObjects(boxes[:, :2], 4, 5)": ValueError,
    "m.frPyObjects(np.zeros((2, 0)), 4, 5)": ValueError,
    "m.frPyObjects(np.broadcast_to(np.ones(4), (9, 4)), 4, 5)": ValueError,
    "inner.encode(None)": TypeError,
    "inner.frBbox(None, 4, 5)": TypeError,
    "inner.RLEs(2**60)": (MemoryError, OverflowError),
}


@pytest.mark.parametrize("expression", REFUSED)
def test_what_breaks_the_reference_is_refused(expression):
    with pytest.raises(REFUSED[expression]) as error, np.errstate(all="ignore"):
        eval(expression, {"m": mask, "inner": _mask, **VALUES})
    assert str(error.value)


def test_short_runs_leave_zeros():
    short = {"size": [2, 3], "counts": b"02"}
    np.testing.assert_array_equal(mask.decode(short), [[1, 0, 0], [1, 0, 0]])
    # The next mask begins where the runs ended.
    both = mask.decode([short, {"size": [2, 3], "counts": b"11"}])
    np.testing.assert_array_equal(both[..., 0], [[1, 0, 0], [1, 1, 0]])
    assert not both[..., 1].any()


def test_a_huge_box_is_as_cheap_as_its_image():
    inside = mask.frPyObjects(np.array([[-1e8, -1e8, 3e8, 3e8]]), 4, 5)
    assert inside == [{"size": [4, 5], "counts": b"0d0"}]


def test_many_areas():
    """Under NumPy 2 the reference takes at most 255."""
    np.testing.assert_array_equal(mask.area([R] * 300), np.full(300, 4))


def test_errors_say_which():
    with pytest.raises(ValueError, match="mask 1: .*cut off"):
        mask.area([R, {"size": [4, 5], "counts": b"P"}])
    with pytest.raises(ValueError, match="polygon 1: .*NaN"):
        mask.frPyObjects([polygon, [1, 2, np.nan, 3, 4, 5]], 4, 5)
    with pytest.raises(ValueError, match="detection 1 against ground truth 0"):
        mask.iou([R1, {"size": [2, 2], "counts": "05"}], [R1], [0])


def random_pixels(rng, h, w):
    kind = rng.integers(4)
    if kind == 0:
        return rng.integers(0, 2, (h, w), dtype=np.uint8)
    if kind == 1:
        return rng.integers(0, 256, (h, w), dtype=np.uint8) * rng.integers(0, 2, (h, w), dtype=np.uint8)
    y, x = np.mgrid[:h, :w]
    center, radius = rng.uniform(0, [h, w]), rng.uniform(0, 1 + min(h, w))
    blob = ((y - center[0]) ** 2 + (x - center[1]) ** 2 < radius**2).astype(np.uint8)
    return 1 - blob if kind == 2 else blob


def random_polygon(rng):
    corners = rng.integers(3, 30)
    extent = rng.choice([0.3, 3, 20, 80, 400])
    grid = rng.choice([0, 0, 0.1, 0.5, 1])
    points = rng.uniform(0, extent, 2 * corners) + rng.choice([0, -15, 30, -0.5])
    if grid:
        points = np.round(points / grid) * grid
    if rng.random() < 0.3:
        points[2:4] = points[:2]
    if rng.random() < 0.3:
        points[4] = points[2]
    return points.tolist()


def random_counts(rng, total):
    """Runs that add up to ``total``, empty ones among them."""
    counts = []
    while total > 0:
        run = min(int(rng.integers(0, 9)), total)
        if run or rng.random() < 0.2:
            counts.append(run)
            total -= run
    return counts + [0] * int(rng.integers(0, 2))


def both(name, *arguments):
    ours = outcome(lambda: getattr(mask, name)(*arguments))
    theirs = outcome(lambda: getattr(reference, name)(*arguments))
    assert_same(ours, theirs, f"{name}{arguments!r}")
    return theirs


@pytest.mark.parametrize("seed", range(60))
def test_random_pixels(seed):
    rng = np.random.default_rng(seed)
    h, w = rng.integers(1, 70, 2)
    stack = np.asfortranarray(np.stack([random_pixels(rng, h, w) for _ in range(4)], axis=-1))
    runs = both("encode", stack)
    both("encode", np.asfortranarray(stack[..., 0]))
    both("encode", stack.astype(bool, order="F"))
    both("decode", runs)
    both("decode", runs[1])
    both("area", runs)
    both("toBbox", runs)
    for intersect in (0, 1):
        both("merge", runs, intersect)
    both("iou", runs, runs[::-1], rng.integers(0, 2, 4).tolist())


@pytest.mark.parametrize("seed", range(60))
def test_random_polygons(seed):
    rng = np.random.default_rng(seed)
    runs = []
    for _ in range(20):
        h, w = (int(side) for side in rng.choice([0, 1, 2, 17, 60, 480, 640], 2))
        runs += both("frPyObjects", [random_polygon(rng) for _ in range(3)], h, w)
        corners = rng.uniform(-20, 700, (3, 4)).round(int(rng.integers(0, 3)))
        both("frPyObjects", corners, h, w)
    both("area", runs)
    both("toBbox", [run for run in runs if run["size"][0] > 0])
    # Without a width the runs have no common total, and the reference's walk has no end.
    seen = [run for run in runs if 0 not in run["size"]]
    same = [run for run in seen if run["size"] == seen[-1]["size"]]
    both("merge", same)
    both("merge", same, 1)
    both("iou", same, same, rng.integers(0, 2, len(same)))
    both("iou", seen[:20], seen[20:], [0] * len(seen[20:]))


@pytest.mark.parametrize("seed", range(60))
def test_random_runs(seed):
    """Ill-formed masks too: empty runs in the middle end the reference's walk early."""
    rng = np.random.default_rng(seed)
    for _ in range(20):
        h, w = (int(side) for side in rng.integers(1, 12, 2))
        plain = [{"size": [h, w], "counts": random_counts(rng, h * w)} for _ in range(2)]
        runs = both("frPyObjects", plain, h, w)
        both("decode", runs)
        both("area", runs)
        both("toBbox", runs)
        both("merge", runs, int(rng.integers(2)))
        both("iou", runs, runs, rng.integers(0, 2, 2))
        # Longer than the mask is large: both by as much, or the reference's walk has no end.
        total = h * w + int(rng.integers(0, 50))
        long = [{"size": [h, w], "counts": random_counts(rng, total)} for _ in range(2)]
        runs = both("frPyObjects", long, h, w)
        both("area", runs)
        both("toBbox", runs)
        both("iou", runs, runs, rng.integers(0, 2, 2))


@pytest.mark.parametrize("seed", range(30))
def test_random_text(seed):
    rng = np.random.default_rng(seed)
    for _ in range(50):
        low, high = [(48, 112), (48, 64), (1, 256)][rng.integers(3)]
        text = rng.integers(low, high, rng.integers(0, 25), dtype=np.uint8).tobytes() + b"1"
        run = {"size": [int(side) for side in rng.integers(1, 90, 2)], "counts": text}
        both("area", run)
        both("toBbox", run)
        # No merge: the reference has space for six characters a number, and negative ones take seven.
    both("iou", boxes * rng.normal(size=(2, 4)), rng.normal(size=(5, 4)).astype(np.float32), [0, 1, 0, 1, 0])


def test_real_masks(shared_data):
    truth = json.loads((shared_data / "coco100_gt.json").read_text())
    detections = json.loads((shared_data / "coco100_segm.json").read_text())
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    by_image = {}
    for annotation in truth["annotations"]:
        h, w = sizes[annotation["image_id"]]
        runs = both("frPyObjects", annotation["segmentation"], h, w)
        runs = both("merge", runs) if isinstance(runs, list) else runs
        by_image.setdefault(annotation["image_id"], ([], [], []))[1].append(runs)
        by_image[annotation["image_id"]][2].append(annotation["iscrowd"])
    for detection in detections:
        by_image.setdefault(detection["image_id"], ([], [], []))[0].append(detection["segmentation"])
    compared = 0
    for found, true, crowd in by_image.values():
        for runs in (found, true):
            both("area", runs)
            both("toBbox", runs)
        both("iou", found, true, crowd)
        compared += len(found) * len(true)
    assert compared > 1000


def test_large_batches():
    """As large as what several threads share."""
    rng = np.random.default_rng(0)
    stack = np.asfortranarray(rng.random((700, 1000, 4)) < 0.1)
    runs = both("encode", stack)
    both("decode", runs)
    polygons = [random_polygon(rng) for _ in range(700)]
    runs = both("frPyObjects", polygons, 100, 120)
    both("frPyObjects", rng.uniform(0, 90, (700, 4)), 100, 120)
    both("iou", runs[:90], runs, rng.integers(0, 2, 700))
    both("iou", rng.uniform(0, 90, (90, 4)), rng.uniform(0, 90, (700, 4)), rng.integers(0, 2, 700))


def test_threads_may_share_masks():
    runs = mask.encode(np.asfortranarray(np.random.default_rng(1).random((300, 300, 8)) < 0.5))
    expected = mask.iou(runs, runs, [0] * 8).tobytes()
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(mask.iou(runs, runs, [0] * 8).tobytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 4


def test_public_names():
    public = {name for name in dir(reference) if not name.startswith("_")}
    assert public <= set(dir(mask))
    inner = {"RLEs", "_frString", "_toString", *(name for name in dir(reference_inner) if name[0] != "_")}
    # Not part of the public API: the reference's own array holder and what it imports.
    assert inner - {"Masks", "np", "sys"} <= set(dir(_mask))
    assert mask.iou is _mask.iou and mask.merge is _mask.merge and mask.frPyObjects is _mask.frPyObjects


@pytest.mark.parametrize("module", [mask, _mask])
def test_examples(module):
    results = doctest.testmod(module)
    assert results.attempted and not results.failed
