"""Runs a flow that a test defines with both tools."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

from .compare import error_differences, unequal
from .tools import Tool, meanap, reference


def outcome(flow: Callable[[Tool], Any], tool: Tool) -> tuple[Any, BaseException | None]:
    """What the flow returned, or what it raised. What it prints is swallowed, warnings are left to others."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return flow(tool), None
        except Exception as error:
            return None, error


def same(flow: Callable[[Tool], Any]) -> Any:
    """Asserts that the flow gives the same with meanap as with pycocotools, bit for bit, and returns it.

    Where the reference raises, meanap must raise too (the same type, or one that says more); the reference's
    exception is returned then.
    """
    expected, wrong = outcome(flow, reference())
    got, error = outcome(flow, meanap())
    if wrong is not None or error is not None:
        problems = list(error_differences("flow", error, wrong))
        assert not problems, problems[0]
        return wrong
    problems = list(unequal(got, expected, "flow"))
    assert not problems, "\n".join(problems[:5])
    return expected
