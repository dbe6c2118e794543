"""Calls all that the extension has with arguments that make no sense; says what gave no answer and no exception.

Run as a program of its own by `test_core_arguments.py`, so that an abort is a failure too: seed, number of calls.
Objects that calls give back become arguments and owners of methods themselves.
"""

import collections
import contextlib
import faulthandler
import inspect
import json
import os
import random
import signal
import sys
import tempfile

import numpy as np

from meanap import _core as core

faulthandler.enable()
seed, count = int(sys.argv[1]), int(sys.argv[2])
r = random.Random(seed)
folder = tempfile.mkdtemp()
os.chdir(folder)
truth = {
    "images": [{"id": i, "height": 20, "width": 20} for i in (1, 2)],
    "categories": [{"id": 1, "name": "a"}],
    "annotations": [
        {
            "id": i,
            "image_id": i,
            "category_id": 1,
            "bbox": [1.0, 1.0, 5.0, 5.0],
            "area": 25.0,
            "iscrowd": 0,
            "segmentation": [[1, 1, 6, 1, 6, 6]],
        }
        for i in (1, 2)
    ],
}
open("gt.json", "w").write(json.dumps(truth))
open("dt.json", "w").write(json.dumps([{"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "score": 0.5}] * 3))
open("bad.json", "wb").write(b'{"images": [{"id": 1}], "annotations": [{"id":')
open("a.png", "wb").write(b"\x89PNG\r\n\x1a\n")


class Odd:
    def __index__(self):
        return r.choice([0, 1, -1, 1 << 70])

    def __float__(self):
        return r.choice([0.5, float("nan")])

    def __len__(self):
        return 3

    def __getitem__(self, i):
        if isinstance(i, int) and i >= 3:
            raise IndexError(i)
        return 1

    def __hash__(self):
        return r.randrange(3)

    def __eq__(self, other):
        return r.random() < 0.5

    def item(self):
        return Odd()


def array():
    dtype = r.choice(
        [
            np.float64,
            np.float64,
            np.float32,
            np.int64,
            np.int32,
            np.uint8,
            np.uint32,
            np.uint64,
            np.bool_,
            np.uint16,
            object,
        ]
    )
    shape = r.choice([(0,), (1,), (3,), (5,), (2, 7), (3, 4), (0, 4), (2, 3, 4), (3, 3), (1, 2, 2, 2), ()])
    values = np.array([r.choice([0, 1, 1, 2, 3, 250]) for _ in range(int(np.prod(shape)))]).reshape(shape)
    found = values.astype(dtype)
    if dtype in (np.float64, np.float32) and r.random() < 0.3 and found.size:
        found.flat[0] = r.choice([np.nan, np.inf, -1, 1e300])
    if r.random() < 0.15:
        found = np.asfortranarray(found)
    if r.random() < 0.15:
        found.flags.writeable = False
    return found


def scalar():
    return r.choice(
        [
            None,
            True,
            False,
            0,
            1,
            2,
            3,
            7,
            -1,
            1 << 31,
            1 << 33,
            (1 << 63) - 1,
            1 << 64,
            -(1 << 70),
            0.0,
            0.5,
            1.0,
            -0.5,
            float("nan"),
            float("inf"),
            1e300,
            "",
            "bbox",
            "segm",
            "keypoints",
            "detections",
            "ground_truth",
            "image",
            "\ud800",
            "x\0y",
            "gt.json",
            "dt.json",
            "bad.json",
            "a.png",
            ".",
            "nowhere",
            b"",
            b"\0" * 40,
            bytes(range(256)),
            Odd(),
            object(),
            print,
        ]
    )


def value(depth=0):
    kind = r.random()
    if kind < 0.3:
        return scalar()
    if kind < 0.5:
        return array()
    if kind < 0.62 and made:
        return r.choice(made)
    if kind < 0.68:
        return r.choice(
            [
                truth,
                truth["annotations"],
                truth["images"],
                [],
                {},
                {"size": [20, 20], "counts": b"92203"},
                [{"size": [20, 20], "counts": b"o7d0n000"}],
            ]
        )
    if depth > 2:
        return None
    items = [value(depth + 1) for _ in range(r.choice([0, 1, 2, 2, 3]))]
    if kind < 0.82:
        return items
    if kind < 0.9:
        return tuple(items)
    pairs = {}
    for item in items:
        with contextlib.suppress(TypeError):
            pairs[
                r.choice(["image_id", "category_id", "bbox", "score", "id", "area", "size", "counts", 1, 2])
                if r.random() < 0.7
                else item
            ] = value(depth + 1)
    return pairs


SPECIAL = ("__len__", "__getitem__", "__repr__", "__array__", "__setstate__")
made = [
    core.objects_from_rows(np.array([[1, 1, 1, 5, 5, 0.5, 1.0]] * 3)),
    core.read_dataset("gt.json"),
    core.read_results("dt.json"),
]
for role, records in (
    ("ground_truth", truth["annotations"]),
    ("detections", [dict(a, score=0.5) for a in truth["annotations"]]),
):
    for kind in ("bbox", "segm"):
        made.append(
            core.objects_from_dicts(records, kind, role, {i["id"]: i for i in truth["images"]}, {1: 0, 2: 1}, {1: 0})
        )
        made.append(core.read_dataset("gt.json").objects(kind, "ground_truth"))
made = [m for m in made if m is not None]
of_core = tuple(v for v in vars(core).values() if inspect.isclass(v))


def arguments(call):
    try:
        parameters = list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        return {}
    given = {}
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL or p.kind is p.VAR_KEYWORD:
            continue
        if p.default is not p.empty and r.random() < 0.5:
            continue
        given[p.name] = value()
    return given


def called(target, given):
    # With another value for an argument as long as that argument is of the wrong type.
    fixed = (
        [p.name for p in inspect.signature(target).parameters.values() if p.kind is p.POSITIONAL_ONLY] if given else []
    )
    for turn in range(40):
        try:
            return target(
                *[given[name] for name in fixed if name in given], **{k: v for k, v in given.items() if k not in fixed}
            )
        except TypeError as error:
            wrong = given and r.choice(list(given))
            if turn == 39 or not given or "cannot" in str(error):
                raise
            given[wrong] = array() if r.random() < 0.4 else value()


outcomes = collections.Counter()
sealed = set()
for i in range(count):
    owner = r.choice([core] * 40 + [*of_core, *made])
    names = [n for n in dir(owner) if owner is core or not n.startswith("__") or n in SPECIAL]
    if inspect.isclass(owner):
        target, name = owner, owner.__name__
        if name in sealed:
            continue
    elif not names:
        continue
    else:
        name, target = r.choice(names), None
    given = {}
    try:
        if target is None:
            target = getattr(owner, name)
        if not callable(target):
            outcomes["read"] += 1
            continue
        given = arguments(target)
        signal.alarm(60)
        with np.errstate(all="ignore"):
            found = called(target, given)
        outcomes["answered"] += 1
        for each in found if isinstance(found, tuple) else (found,):
            if isinstance(each, of_core) and len(made) < 60:
                made.append(each)
            elif isinstance(each, of_core):
                made[r.randrange(9, 60)] = each
    except Exception as error:
        if str(error).startswith("cannot create"):
            sealed.add(name)
        outcomes[type(error).__name__] += 1
    except BaseException as error:
        print(
            "CALL",
            seed,
            i,
            getattr(owner, "__name__", type(owner).__name__),
            name,
            "gave",
            type(error).__name__,
            str(error)[:200],
        )
        with contextlib.suppress(BaseException):
            print({k: repr(v)[:150] for k, v in given.items()})
        outcomes["BASE"] += 1
signal.alarm(0)
print("made", len(made), dict(outcomes))
sys.exit(outcomes["BASE"] > 0 or outcomes["answered"] < count // 50)
