"""Hostile input: refused by a clear Python exception (no panic, no hang, no crash), and nothing half-done.

Each input is read from a file in a process of its own. What the reference accepts is accepted, with
the same numbers; what it refuses is refused.
"""

import copy
import itertools
import json
import os

import pytest
from thorough import some

from tests.differential.attempt import as_text, attempt, evaluate_files
from tests.differential.compare import unequal
from tests.differential.tools import meanap, reference

HUGE = "1" + "0" * 400
TRUTH = {
    "images": [{"id": 1, "width": 60, "height": 50}, {"id": 2, "width": 60, "height": 50}],
    "categories": [{"id": 1, "name": "thing"}],
    "annotations": [
        {
            "id": i,
            "image_id": 1 + i % 2,
            "category_id": 1,
            "bbox": [5, 5, 20 + i, 20],
            "area": 400,
            "iscrowd": 0,
            "segmentation": [[5, 5, 25 + i, 5, 25 + i, 25, 5, 25]],
            "keypoints": [5 + i, 6, 2] * 17,
            "num_keypoints": 17,
        }
        for i in (1, 2, 3)
    ],
}
FOUND = [
    {"image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20], "score": 0.5},
    {"image_id": 2, "category_id": 1, "bbox": [6, 5, 20, 20], "score": 0.75},
]
COUNTS = "o7d0n0000000000000000000000000000000000000000od1", "a9d0n00000000000000000000000000000000000000od1"
MASKS = [
    {"image_id": i, "category_id": 1, "segmentation": {"size": [50, 60], "counts": counts}, "score": i / 4}
    for i, counts in enumerate(COUNTS, start=1)
]
POSES = [{"image_id": 1, "category_id": 1, "keypoints": [6, 6, 2] * 17, "score": 0.5}]
RESULTS = {"bbox": FOUND, "segm": MASKS, "keypoints": POSES}


def placed(value, place, item):
    """A copy of a data set in which one place holds `item`; the place is a path of keys, the item JSON text."""
    changed = copy.deepcopy(value)
    *path, last = place
    inner = changed
    for key in path:
        inner = inner[key]
    inner[last] = "@here@"
    return json.dumps(changed).replace('"@here@"', item)


def judged(folder, truth, found, iou_type="bbox", touch=False, compare=True, names=()):
    """Asserts that meanap ends cleanly, and as the reference does; returns the outcome."""
    (folder / "truth.json").write_bytes(truth if isinstance(truth, bytes) else as_text(truth).encode())
    (folder / "found.json").write_bytes(found if isinstance(found, bytes) else as_text(found).encode())
    arguments = (folder / "truth.json", folder / "found.json", iou_type, touch)
    ours = attempt(evaluate_files, *arguments)
    assert ours.clean, str(ours)
    if compare:
        theirs = attempt(evaluate_files, *arguments, with_reference=True)
        assert ours.accepted == theirs.accepted, f"meanap: {ours}\nreference: {theirs}"
        if ours.accepted:
            assert not list(unequal(ours.value, theirs.value, "value"))
    if not ours.accepted:
        assert ours.said.strip(), ours.kind
        for name in names:
            assert name in ours.said, str(ours)
    return ours


TEXTS = {
    "nothing": "",
    "spaces": " \n\t ",
    "null": "null",
    "a number": "5",
    "a string": '"annotations"',
    "a list": "[]",
    "an open object": "{",
    "an empty object": "{}",
    "nul bytes": b"\0" * 64,
    "invalid utf-8": json.dumps(TRUTH).encode().replace(b"thing", b"th\xffng"),
    "half of utf-16": json.dumps(TRUTH).encode("utf-16")[:-1],
    "half a character": json.dumps(TRUTH).encode().replace(b"thing", b"th\xe4\xbd"),
    "single quotes": json.dumps(TRUTH).replace('"', "'"),
    "a comma too many": json.dumps(TRUTH).replace("}]", "},]"),
    "a comma missing": json.dumps(TRUTH).replace("}, {", "} {"),
    "a colon missing": json.dumps(TRUTH).replace('"id": ', '"id" ', 1),
    "something after the end": json.dumps(TRUTH) + " {}",
    "a comment": "// truth\n" + json.dumps(TRUTH),
    "a line break in a string": json.dumps(TRUTH).replace("thing", "th\ning"),
    "a lone surrogate": json.dumps(TRUTH).replace("thing", "\\ud800"),
    "a bad escape": json.dumps(TRUTH).replace("thing", "\\x41"),
    "a short escape": json.dumps(TRUTH).replace("thing", "\\u12"),
    "two documents": json.dumps(TRUTH) * 2,
    "twice the annotations": json.dumps(TRUTH)[:-1] + ', "annotations": []}',
    "a gzip header": b"\x1f\x8b\x08\x00" + os.urandom(50),
}


@pytest.mark.parametrize(("name", "side"), some(itertools.product(TEXTS, ["truth", "found"]), every=3))
def test_texts(tmp_path, name, side):
    """Files that are no JSON, or not the JSON that is wanted."""
    text = TEXTS[name]
    if side == "truth":
        judged(tmp_path, text, FOUND)
    else:
        swap = (
            (lambda t: t.replace(json.dumps(TRUTH).encode(), json.dumps(FOUND).encode()))
            if isinstance(text, bytes)
            else str
        )
        judged(tmp_path, TRUTH, swap(text))


@pytest.mark.parametrize("side", ["truth", "found"])
def test_truncated(tmp_path, side):
    """A file cut off anywhere is refused, with its name."""
    whole = json.dumps(TRUTH if side == "truth" else FOUND)
    for cut in sorted({1, 2, 9, len(whole) - 1, len(whole) - 2, *range(20, len(whole), len(whole) // 9)}):
        pair = (whole[:cut], FOUND) if side == "truth" else (TRUTH, whole[:cut])
        outcome = judged(tmp_path, *pair, compare=False, names=[f"{side}.json"])
        assert not outcome.accepted, cut


@pytest.mark.parametrize(
    "number",
    [
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "--1",
        "0x10",
        "1_000",
        "nan",
        "inf",
        "-",
        "1e5e5",
        "1.2.3",
        "tru",
        "True",
    ],
)
def test_numbers_that_are_none(tmp_path, number):
    """What JSON does not accept as a number."""
    assert not judged(tmp_path, placed(TRUTH, ("annotations", 1, "area"), number), FOUND, names=["truth.json"]).accepted
    assert not judged(tmp_path, TRUTH, placed(FOUND, (1, "score"), number), names=["found.json"]).accepted


FIELDS = ["id", "image_id", "category_id", "bbox", "area", "iscrowd"]
ITEMS = {
    "null": "null",
    "true": "true",
    "text": '"seven"',
    "a list": "[1, [2]]",
    "an object": '{"a": 1}',
    "huge": HUGE,
    "minus huge": "-" + HUGE,
    "beyond 64 bits": str(2**64 + 3),
    "beyond a double": "1e999",
    "NaN": "NaN",
    "infinity": "-Infinity",
    "many digits": "0." + "3" * 5000,
    "too many digits for Python": "7" * 5000,
}


@pytest.mark.parametrize(("field", "item"), some(itertools.product(FIELDS, ITEMS), every=3))
def test_fields_of_ground_truth(tmp_path, field, item):
    """A field of one annotation holds what it should not."""
    judged(tmp_path, placed(TRUTH, ("annotations", 1, field), ITEMS[item]), FOUND)


@pytest.mark.parametrize(
    ("field", "item"), some(itertools.product(["image_id", "category_id", "bbox", "score"], ITEMS), every=3)
)
def test_fields_of_results(tmp_path, field, item):
    """A field of one result holds what it should not."""
    judged(tmp_path, TRUTH, placed(FOUND, (1, field), ITEMS[item]))


@pytest.mark.parametrize(
    ("place", "item"),
    some(itertools.product([("bbox", 0), ("bbox", 3), ("keypoints", 4), ("num_keypoints",)], ITEMS), every=3),
    ids=str,
)
def test_numbers_within_records(tmp_path, place, item):
    """One number of a box or pose is none, or too large."""
    iou_type = "bbox" if place[0] == "bbox" else "keypoints"
    judged(tmp_path, placed(TRUTH, ("annotations", 0, *place), ITEMS[item]), RESULTS[iou_type], iou_type)
    if place[0] in RESULTS[iou_type][0]:
        judged(tmp_path, TRUTH, placed(RESULTS[iou_type], (0, *place), ITEMS[item]), iou_type)


@pytest.mark.parametrize("item", ["null", "5", '"x"', "{}", "[null]", "[5]", "[[]]", '["x"]', "[{}]", "[{}, null]"])
@pytest.mark.parametrize("table", ["images", "annotations", "categories"])
def test_tables(tmp_path, table, item):
    """A table is none, or holds what are no records."""
    judged(tmp_path, placed(TRUTH, (table,), item), FOUND)


@pytest.mark.parametrize("item", ["null", "{}", "[null]", "[5]", "[[]]", '["x"]', "[{}]", "[{}, null]", '"x"'])
def test_results_that_are_none(tmp_path, item):
    """Results are no list, or a list of what are no records."""
    judged(tmp_path, TRUTH, item)


@pytest.mark.parametrize(
    ("field", "kind", "depth"),
    some(itertools.product(["noise", "bbox", "area"], ["[]", '{"a":}'], [50, 400, 5000, 300_000]), every=3),
)
def test_deep_nesting(tmp_path, depth, kind, field):
    """Nesting is no way to overflow the stack, in a field that is read or in one that is not."""
    opened, closed = ("[", "]") if kind == "[]" else ('{"a":', "}")
    item = opened * depth + "1" + closed * depth
    # How deep Python's own reader goes depends on its version; below that, ours must go as well.
    judged(tmp_path, placed(TRUTH, ("annotations", 1, field), item), FOUND, compare=depth <= 400)
    judged(tmp_path, TRUTH, placed(FOUND, (1, field), item), compare=depth <= 400)
    judged(tmp_path, item, FOUND, compare=depth <= 400)
    assert not judged(tmp_path, opened * depth, FOUND, compare=False).accepted


# What the reference reads past its memory for, hangs on, or fills all memory with is not tried on it.
MASK_ITEMS = {
    "empty": ('{"size": [50, 60], "counts": ""}', True),
    "cut off": ('{"size": [50, 60], "counts": "o7d0n00"}', False),
    "never ends": ('{"size": [50, 60], "counts": "' + "o" * 40 + '"}', False),
    "out of range": ('{"size": [50, 60], "counts": "\\u0001\\u007f~}|{"}', False),
    "not ascii": ('{"size": [50, 60], "counts": "g0\u00e9\u4e2d"}', False),
    "a nul": ('{"size": [50, 60], "counts": "g0\\u0000[1e1"}', False),
    "no size": ('{"counts": "g0[1e1"}', True),
    "no counts": ('{"size": [50, 60]}', True),
    "half a size": ('{"size": [50], "counts": "g0[1e1"}', True),
    "size of text": ('{"size": ["50", "60"], "counts": "g0[1e1"}', True),
    "no size at all": ('{"size": null, "counts": "g0[1e1"}', True),
    "negative size": ('{"size": [-50, 60], "counts": "g0[1e1"}', True),
    "huge size": ('{"size": [1000000000000, 1000000000000], "counts": "g0[1e1"}', False),
    "size beyond all": ('{"size": [' + HUGE + ', 60], "counts": "g0[1e1"}', True),
    "counts too long": ('{"size": [5, 6], "counts": "g0[1e1"}', False),
    "null": ("null", True),
    "a number": ("5", True),
    "text": ('"g0[1e1"', True),
    "an empty list": ("[]", True),
    "a list of null": ("[null]", True),
    "polygon of text": ('[["a", "b", "c", "d", "e", "f"]]', True),
    "polygon of null": ("[[null, null, null, null, null, null]]", False),
    "polygon of NaN": ("[[NaN, 5, 20, 5, 20, 20]]", False),
    "polygon of infinity": ("[[Infinity, 5, 20, 5, 20, 20]]", False),
    "polygon without end": ("[[1e300, 5, 20, 5, 20, 20]]", False),
    "polygon of huge numbers": ("[[" + HUGE + ", 5, 20, 5, 20, 20]]", True),
    "wide polygon": ("[[-1e9, 5, 1e9, 5, 20, 20]]", False),
    "deep polygon": ("[[[[5]]]]", True),
    "plain counts": ('{"size": [50, 60], "counts": [5, 30, 2965]}', True),
    "negative counts": ('{"size": [50, 60], "counts": [5, -30, 2965]}', True),
    "counts of text": ('{"size": [50, 60], "counts": ["a"]}', True),
    "counts of null": ('{"size": [50, 60], "counts": [null]}', True),
    "huge counts": ('{"size": [50, 60], "counts": [' + HUGE + "]}", True),
    "counts beyond 32 bits": ('{"size": [50, 60], "counts": [4294967296, 5]}', True),
    "plain counts too long": ('{"size": [50, 60], "counts": [4294967295, 4294967295]}', False),
    "counts of lists": ('{"size": [50, 60], "counts": [[1, 2]]}', True),
}


@pytest.mark.parametrize("name", some(MASK_ITEMS, every=3))
def test_masks(tmp_path, name):
    """Run lengths and polygons that are none: refused, or taken as the reference takes them."""
    item, safe = MASK_ITEMS[name]
    for touch in (False, True):
        changed = placed(TRUTH, ("annotations", 1, "segmentation"), item)
        judged(tmp_path, changed, MASKS, "segm", touch=touch, compare=safe)
    judged(tmp_path, TRUTH, placed(MASKS, (0, "segmentation"), item), "segm", compare=safe)
    judged(tmp_path, TRUTH, placed(MASKS, (1, "segmentation"), item), "segm", compare=safe)


@pytest.mark.parametrize("item", ["-5", "0", "1e30", "null", '"50"', "2.5", "NaN", HUGE, "1000000000000"])
@pytest.mark.parametrize("side", ["width", "height"])
def test_sizes_of_images(tmp_path, side, item):
    """An image's size is none; polygons are drawn on it."""
    safe = item not in ("1e30", "1000000000000", "-5")
    judged(tmp_path, placed(TRUTH, ("images", 0, side), item), MASKS, "segm", compare=safe)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 50, 52, 54, 3000])
@pytest.mark.parametrize("side", ["truth", "found"])
def test_poses_of_other_lengths(tmp_path, length, side):
    """Poses with too few or too many numbers."""
    item = json.dumps([1] * length)
    if side == "truth":
        judged(tmp_path, placed(TRUTH, ("annotations", 1, "keypoints"), item), POSES, "keypoints")
    else:
        judged(tmp_path, TRUTH, placed(POSES, (0, "keypoints"), item), "keypoints")


# --- the file system ---------------------------------------------------------------------------------


def load(tool, path):
    tool.COCO(path)


def load_results(tool, truth, path):
    tool.COCO(str(truth)).loadRes(path)


@pytest.mark.parametrize("kind", ["missing", "a folder", "no permission", "the null device", "a nul in its name"])
def test_paths(tmp_path, kind):
    """Paths that cannot be read: the error that `open` gives, with the path."""
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH))
    path = {"a folder": str(tmp_path), "the null device": os.devnull, "a nul in its name": "a\0b"}.get(kind)
    path = path or str(tmp_path / "secret.json")
    if kind == "no permission":
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        (tmp_path / "secret.json").write_text("{}")
        (tmp_path / "secret.json").chmod(0)
    for arguments in ((load, path), (load_results, tmp_path / "truth.json", path)):
        ours, theirs = attempt(*arguments), attempt(*arguments, with_reference=True)
        assert not ours.accepted and theirs.kind in ours.ancestors, f"{ours} / {theirs}"
        if kind not in ("a nul in its name", "the null device"):
            assert path in ours.said


# --- messages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "place", "item", "words"),
    [
        ("truth", ("annotations", 1, "bbox"), "[1, 2, 3]", ["ground truth", "annotation 2", "bbox"]),
        ("truth", ("annotations", 1, "bbox"), '"x"', ["ground truth", "annotation 2", "bbox"]),
        ("truth", ("annotations", 1, "area"), '"x"', ["ground truth", "annotation 2", "area"]),
        ("found", (1, "score"), '"x"', ["detections", "annotation 2", "score"]),
        ("found", (1, "bbox"), "[1, 2, 3]", ["found.json", "bbox"]),
        ("found", (1, "image_id"), "99", ["found.json", "99"]),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_messages_name_file_and_field(tmp_path, side, place, item, words):
    """An error in a record says where it is."""
    if side == "truth":
        outcome = judged(tmp_path, placed(TRUTH, place, item), FOUND, names=words)
    else:
        outcome = judged(tmp_path, TRUTH, placed(FOUND, place, item), names=words)
    assert not outcome.accepted


# --- nothing half-done -------------------------------------------------------------------------------


def stats_of(ev):
    ev.evaluate()
    ev.accumulate()
    return ev.eval["precision"].tobytes()


@pytest.mark.parametrize(
    ("field", "value"), [("bbox", "x"), ("area", None), ("iscrowd", "no"), ("bbox", [1, 2]), ("image_id", [])]
)
def test_after_a_failed_evaluation_the_objects_still_work(field, value):
    """An evaluation that fails leaves everything as it was: once the record is corrected, it succeeds."""
    tool = meanap()
    gt = tool.COCO()
    gt.dataset = copy.deepcopy(TRUTH)
    gt.createIndex()
    ev = tool.COCOeval(gt, gt.loadRes(copy.deepcopy(FOUND)), "bbox")
    expected = stats_of(ev)
    record = gt.dataset["annotations"][0]
    good, record[field] = record[field], value
    if field != "image_id":
        with pytest.raises(Exception) as caught:
            ev.evaluate()
        assert "Panic" not in type(caught.value).__name__
        with pytest.raises(type(caught.value)):
            stats_of(tool.COCOeval(gt, ev.cocoDt, "bbox"))
    record[field] = good
    assert stats_of(ev) == expected
    assert stats_of(tool.COCOeval(gt, ev.cocoDt, "bbox")) == expected


def test_after_failed_results_the_ground_truth_still_works(tmp_path):
    """Results that are refused leave the ground truth as it was."""
    tool = meanap()
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH))
    (tmp_path / "broken.json").write_text(json.dumps(FOUND)[:-5])
    (tmp_path / "found.json").write_text(json.dumps(FOUND))
    gt = tool.COCO(str(tmp_path / "truth.json"))
    expected = stats_of(tool.COCOeval(gt, gt.loadRes(str(tmp_path / "found.json")), "bbox"))
    for wrong in (
        str(tmp_path / "broken.json"),
        [{**FOUND[0], "image_id": 77}],
        [],
        [{}],
        [None],
        5,
        "absent.json",
    ):
        with pytest.raises(Exception) as caught:
            gt.loadRes(wrong)
        assert isinstance(caught.value, Exception)
    assert stats_of(tool.COCOeval(gt, gt.loadRes(str(tmp_path / "found.json")), "bbox")) == expected
    # As an evaluation leaves it.
    theirs = reference().COCO(str(tmp_path / "truth.json"))
    stats_of(reference().COCOeval(theirs, theirs.loadRes(str(tmp_path / "found.json")), "bbox"))
    assert gt.dataset == theirs.dataset


def test_a_file_that_changes_after_it_was_read(tmp_path):
    """What was read counts, however late the dictionaries are read."""
    tool = meanap()
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(TRUTH))
    gt = tool.COCO(str(path))
    path.unlink()
    assert gt.dataset == TRUTH
    assert gt.anns[1]["bbox"] == TRUTH["annotations"][0]["bbox"]
