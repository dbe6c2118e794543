"""A case: a data set, and what is done with it.

Plain data, so that it can be copied, made smaller and printed.
"""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ROADS = ("file", "dicts", "array", "hand", "foreign")
"""How the data reaches the tool.

`file`: JSON files. `dicts`: `dataset = …; createIndex()` and a list of results. `array`: the same, with
results as an N x 7 array. `hand`: as `dicts`, with a hook overridden by a pass-through. `foreign`: the
evaluator is the tool's, the `COCO` objects are the reference's.
"""


@dataclass
class Case:
    """A data set, and the steps that are done with it."""

    iou_type: str
    dataset: dict[str, Any]
    results: Any
    steps: list[tuple[Any, ...]]
    road: str = "dicts"
    entry: str = "loadRes"
    """How the detections come in: `loadRes`, `dataset` (a COCO whose dataset is set by hand, ids and all), or
    `itself` (the annotations of the ground truth, given to `loadRes` as they are)."""
    hooks: tuple[str, ...] = ()
    """Names of `tools.HOOKS`: what the evaluator's (or the COCO's) class overrides."""
    style: int | None = None
    """For the road `file`: the seed of the JSON writer's whims; None writes plain JSON."""
    watch: str = ""
    """Whether the annotations are looked at after each step: not, `aside` (what the steps see is as before), `here`."""
    features: list[str] = field(default_factory=list)
    seed: int | None = None

    def copy(self) -> Case:
        """An independent copy."""
        return copy.deepcopy(self)


def literal(value: Any, indent: int = 0) -> str:
    """Python source that makes `value`; needs `np`, `nan`, `inf` and `Case` in scope.

    >>> literal({"score": np.float32(0.5), "bbox": [1, float("nan")]})
    "{'score': np.float32(0.5), 'bbox': [1, nan]}"
    """
    if isinstance(value, Case):
        lines = [f"    {name}={literal(getattr(value, name), 4)}," for name in vars(value)]
        return "Case(\n" + "\n".join(lines) + "\n)"
    if isinstance(value, np.ndarray):
        return f"np.array({literal(value.tolist(), indent)}, dtype=np.{value.dtype.name})"
    if isinstance(value, np.bool_):
        return f"np.bool_({bool(value)})"
    if isinstance(value, np.generic):
        return f"np.{value.dtype.name}({literal(value.item())})"
    if isinstance(value, dict):
        items = [f"{literal(k)}: {literal(v, indent + 4)}" for k, v in value.items()]
        return _wrapped("{", items, "}", indent)
    if isinstance(value, list):
        return _wrapped("[", [literal(v, indent + 4) for v in value], "]", indent)
    if isinstance(value, tuple):
        inner = [literal(v) for v in value]
        return "(" + ", ".join(inner) + ("," if len(inner) == 1 else "") + ")"
    return repr(value)


def _wrapped(start: str, items: list[str], end: str, indent: int) -> str:
    line = start + ", ".join(items) + end
    if len(line) + indent < 100:
        return line
    pad = " " * (indent + 4)
    if start == "[" and not any("'" in item or '"' in item or "(" in item for item in items):
        filled = textwrap.fill(", ".join(items) + ",", 100, initial_indent=pad, subsequent_indent=pad)
        return start + "\n" + filled + "\n" + " " * indent + end
    return start + "\n" + "".join(f"{pad}{item},\n" for item in items) + " " * indent + end


def as_json(value: Any) -> Any:
    """`value` as JSON can hold it: NumPy scalars and arrays, tuples and bytes become plain."""
    if isinstance(value, dict):
        return {str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(v) for v in value]
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, np.generic):
        return as_json(value.item())
    if isinstance(value, bytes):
        return value.decode("ascii")
    return value


Change = Callable[[Case], None]
