"""Tries something dangerous in a process of its own: a hang, a crash, a panic is an outcome, no end."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import multiprocessing
import resource
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from .tools import Tool, meanap, reference

PATIENCE = 60
MEMORY = 6 << 30


@dataclass
class Outcome:
    """How an attempt ended: `accepted`, or the exception's type (`kind`), its base classes and its message."""

    accepted: bool
    kind: str = ""
    ancestors: tuple[str, ...] = ()
    said: str = ""
    value: Any = None

    @property
    def clean(self) -> bool:
        """Whether it was accepted or refused by an ordinary exception."""
        return self.accepted or "Exception" in self.ancestors

    def __str__(self) -> str:
        return "accepted" if self.accepted else f"{self.kind}: {self.said}"


def evaluate_files(tool: Tool, gt: Path, dt: Path, iou_type: str, touch: bool = False) -> Any:
    """Stats and arrays from two files; with `touch`, by way of the dictionaries."""
    truth = tool.COCO(str(gt))
    if touch:
        assert truth.dataset is not None
    ev = tool.COCOeval(truth, truth.loadRes(str(dt)), iou_type)
    ev.evaluate()
    ev.accumulate()
    ev.summarize()
    return [ev.stats, ev.eval["precision"], ev.eval["scores"], ev.eval["recall"]]


def attempt(work: Callable[..., Any], *arguments: Any, with_reference: bool = False) -> Outcome:
    """What becomes of `work(tool, *arguments)` in another process within a minute and a few gigabytes."""
    meanap(), reference()  # Imported here, so that the other process has them at once.
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, work, arguments, with_reference))
    process.start()
    theirs.close()
    try:
        if not ours.poll(PATIENCE):
            return Outcome(False, "Hang", said=f"no answer within {PATIENCE} s")
        return ours.recv()
    except EOFError:
        process.join(5)
        return Outcome(False, "Crash", said=f"exit code {process.exitcode}")
    finally:
        process.kill()
        process.join()


def _work(answer: Connection, work: Callable[..., Any], arguments: tuple[Any, ...], with_reference: bool) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable()
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.seterr(all="ignore")
        try:
            value = work(reference() if with_reference else meanap(), *arguments)
            outcome = Outcome(True, value=value)
        except BaseException as error:
            ancestors = tuple(c.__name__ for c in type(error).__mro__)
            outcome = Outcome(False, type(error).__name__, ancestors, str(error))
    answer.send(outcome)


def as_text(value: Any) -> str:
    """JSON, with NaN and infinity as Python writes them; a string is taken as it is."""
    return value if isinstance(value, str) else json.dumps(value)
