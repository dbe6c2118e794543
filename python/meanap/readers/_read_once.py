"""COCO files that several steps need, each read once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from meanap import _core
from meanap._progress import reading

__all__ = ["read_dataset", "read_once", "read_results"]

#: The files that were read, by function and path; None outside of `read_once`.
_READ: ContextVar[dict[tuple[str, Any], _core.Dataset] | None] = ContextVar("_READ", default=None)


@contextlib.contextmanager
def read_once() -> Iterator[None]:
    """Within it, a file is read when it is first needed, and stays in memory."""
    if _READ.get() is not None:
        yield
        return
    token = _READ.set({})
    try:
        yield
    finally:
        _READ.reset(token)


def read_dataset(path: Any, progress: Any = False) -> _core.Dataset:
    """`_core.read_dataset` of a file, with its progress if it is read now."""
    return _read("read_dataset", path, progress)


def read_results(path: Any, progress: Any = False) -> _core.Dataset:
    """`_core.read_results` of a file, with its progress if it is read now."""
    return _read("read_results", path, progress)


def _read(name: str, path: Any, progress: Any) -> _core.Dataset:
    known = _READ.get()
    key = (name, os.fspath(path))
    if known is not None and key in known:
        return known[key]
    read = getattr(_core, name)
    if progress is False:
        dataset: _core.Dataset = read(path)
    else:
        with reading(progress, path) as steps:
            dataset = read(path, steps.at)
    if known is not None:
        known[key] = dataset
    return dataset
