"""Holds two records of one case against each other, bit for bit."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from .case import Case
from .flow import GOES_ON, Event, run
from .tools import Tool

CLEARER: dict[type, tuple[type, ...]] = {
    # A bare `assert` says nothing; ours may say what kind of error it is.
    AssertionError: (ValueError, TypeError),
    # `accumulate()` before `evaluate()` asks an empty dict for its parameters.
    AttributeError: (RuntimeError,),
    # A kind of evaluation that is none leaves a name of the reference unbound, a local one from Python 3.12 on.
    NameError: (ValueError,),
}
"""What may be raised where the reference raises the type on the left (or that type and its subclasses)."""


def differences(case: Case, ours: Tool, theirs: Tool, limit: int = 8) -> list[str]:
    """What differs between the two tools on `case`, as sentences; empty if nothing does."""
    return list(islice(compare(run(case, ours), run(case, theirs), ours, case.road), limit))


def compare(ours: list[Event], theirs: list[Event], tool: Tool, road: str) -> Iterator[str]:
    """What differs between two records of a case that took `road`, as sentences; `tool` made the first."""
    warned: set[type] = set()
    for a, b in zip(ours, theirs, strict=False):
        name = b.step[0]
        warned |= {w.category for w in b.warnings}
        yield from unequal(a.left, b.left, f"after {name}")
        if a.error is not None or b.error is not None:
            yield from error_differences(name, a.error, b.error)
            if a.error is None or b.error is None or name not in GOES_ON:
                return
            continue
        yield from unequal(a.seen, b.seen, name)
        if name in ("summarize", "as text"):
            if a.text != b.text:
                yield f"{name}: printed {a.text!r}, expected {b.text!r}"
        elif a.text and tool.name != "pycocotools" and road != "foreign":
            yield f"{name}: printed {a.text!r}, expected nothing"
        yield from warning_differences(name, a, warned)


def error_differences(name: str, ours: BaseException | None, theirs: BaseException | None) -> Iterator[str]:
    """Whether one raised and the other did not, or they raised different things."""
    if ours is None:
        yield f"{name}: accepted, expected {type(theirs).__name__}: {theirs}"
    elif theirs is None:
        yield f"{name}: raised {type(ours).__name__}: {ours}; expected no error"
    elif not isinstance(ours, Exception):
        yield f"{name}: panicked with {type(ours).__name__}: {ours}; expected {type(theirs).__name__}"
    elif not isinstance(ours, (type(theirs), *_clearer(theirs))):
        yield f"{name}: raised {type(ours).__name__}: {ours}; expected {type(theirs).__name__}: {theirs}"


def _clearer(theirs: BaseException | None) -> list[type]:
    return [kind for type, kinds in CLEARER.items() if isinstance(theirs, type) for kind in kinds]


def warning_differences(name: str, ours: Event, known: set[type]) -> Iterator[str]:
    """Warnings of ours that the reference had not given by then, and that are not about the data (`UserWarning`)."""
    for w in ours.warnings:
        if w.category is not UserWarning and w.category not in known:
            yield f"{name}: warned {w.category.__name__}: {w.message} ({w.filename}:{w.lineno})"


def unequal(a: Any, b: Any, where: str) -> Iterator[str]:
    """Where `a` (ours) and `b` (theirs) differ: types, order, shapes, dtypes, bits. NaN equals NaN."""
    if type(a) is not type(b):
        yield f"{where}: {type(a).__name__} {_short(a)}, expected {type(b).__name__} {_short(b)}"
    elif isinstance(b, np.ndarray):
        yield from _unequal_arrays(a, b, where)
    elif isinstance(b, dict):
        if not _same_keys(list(a), list(b)):
            yield f"{where}: keys {_short(list(a))}, expected {_short(list(b))}"
            return
        for key in b:
            yield from unequal(a[key], b[key], f"{where}[{key!r}]")
    elif isinstance(b, (list, tuple)):
        if len(a) != len(b):
            yield f"{where}: {len(a)} entries, expected {len(b)}: {_short(a)}, expected {_short(b)}"
            return
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from unequal(x, y, f"{where}[{i}]")
    elif isinstance(b, (float, np.floating)):
        if not _same_bits(a, b):
            yield f"{where}: {a!r}, expected {b!r}"
    elif a != b:
        yield f"{where}: {_short(a)}, expected {_short(b)}"


def _same_keys(a: list[Any], b: list[Any]) -> bool:
    if len(a) != len(b):
        return False
    return all(_same_key(x, y) for x, y in zip(a, b, strict=True))


def _same_key(a: Any, b: Any) -> bool:
    if isinstance(b, tuple):
        return isinstance(a, tuple) and _same_keys(list(a), list(b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


def _same_bits(a: Any, b: Any) -> bool:
    if a != a:
        return bool(b != b)
    return struct.pack("d", a) == struct.pack("d", b)


def _unequal_arrays(a: Any, b: Any, where: str) -> Iterator[str]:
    if a.dtype != b.dtype or a.shape != b.shape:
        yield f"{where}: {a.dtype} {a.shape}, expected {b.dtype} {b.shape}"
    elif b.dtype.kind == "O":
        yield from unequal(a.tolist(), b.tolist(), where)
    elif a.tobytes() != b.tobytes():
        same = a == b
        if b.dtype.kind == "f":
            same = (same & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))
        if not same.all():
            at = tuple(int(i) for i in np.argwhere(~same)[0])
            yield f"{where}: {int((~same).sum())} of {same.size} differ, {at}: {a[at]!r}, expected {b[at]!r}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 200 else text[:200] + "…"
