"""Does a case with one tool, step by step, and writes down all that a caller could see."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .case import Case
from .looks import EVERYTHING, left
from .steps import STEPS, World
from .tools import Tool, reference, with_hooks

GOES_ON = ("summarize", "as text")
"""Steps that may raise and change nothing: the flow goes on."""


@dataclass
class Event:
    """What one step did: what it showed, what it printed, what it warned of, or how it failed; and what annotations
    it left."""

    step: tuple[Any, ...]
    seen: Any = None
    left: Any = None
    text: str = ""
    warnings: list[warnings.WarningMessage] = field(default_factory=list)
    error: BaseException | None = None


def run(case: Case, tool: Tool) -> list[Event]:
    """Does `case` with `tool`: loads, makes the evaluator, does the steps, reads everything.

    Stops at the first step that raises, unless it is one that only shows things.
    """
    case = case.copy()
    events: list[Event] = []
    with tempfile.TemporaryDirectory(prefix="meanap-case-") as folder:
        coco_tool = reference() if case.road == "foreign" else tool
        world = World(case, tool, Path(folder))
        world.coco_class = with_hooks(coco_tool.COCO, case.hooks)
        world.evaluator_class = with_hooks(tool.COCOeval, case.hooks)
        opening = [("load ground truth",), ("load detections",), ("evaluator",)]
        for what in [*opening, *case.steps, ("look", *EVERYTHING)]:
            event = Event(what)
            events.append(event)
            printed = io.StringIO()
            with warnings.catch_warnings(record=True) as event.warnings, contextlib.redirect_stdout(printed):
                warnings.simplefilter("always")
                warnings.simplefilter("ignore", ResourceWarning)  # Told when garbage of others is collected.
                try:
                    event.seen = STEPS[what[0]](world, *what[1:])
                except (KeyboardInterrupt, SystemExit, MemoryError):
                    raise
                except BaseException as error:  # a panic is no Exception
                    event.error = error.with_traceback(None) if tool.name == "pycocotools" else error
            event.text = printed.getvalue()
            try:
                event.left = left(world)
            except (KeyError, TypeError, AttributeError) as error:
                event.left = type(error).__name__  # There may be no list of annotations.
            if event.error is not None and what[0] not in GOES_ON:
                break
    return events
