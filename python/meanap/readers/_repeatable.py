"""Sources that can be read only once, such as generators, as lists; batches of images as lists of images."""

from __future__ import annotations

import os
from collections import UserList, deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from meanap._files import check_local, decoded

__all__ = ["repeatable"]


def repeatable(source: Any, place: str) -> Any:
    """A source that is read from its beginning each time: iterators, and what can only be iterated, as a list.

    A path may be given as bytes, and a list as an array or a Series of objects.

    Raises
    ------
    InputTypeError
        It is an open file.
    """
    source = decoded(source)
    if _holds_dictionaries(source):
        return list(source)
    if isinstance(source, (list, tuple, str, np.ndarray, Mapping, os.PathLike)) or not hasattr(source, "__iter__"):
        return source
    check_local(source, place)
    if isinstance(source, (Iterator, deque, UserList)) or not _has_columns_or_rows(source):
        # Batches may be such, too.
        return [list(item) if isinstance(item, Iterator) else item for item in source]
    return source


def _holds_dictionaries(source: Any) -> bool:
    """Whether it is a one-dimensional array, or a Series of pandas, whose objects are dictionaries."""
    if getattr(source, "ndim", None) != 1 or getattr(getattr(source, "dtype", None), "kind", None) != "O":
        return False
    return isinstance(next(iter(source), None), Mapping)


def _has_columns_or_rows(source: Any) -> bool:
    """Whether it is more than something to iterate over: an array, a table, or an object with data of its own."""
    return any(
        hasattr(source, name) for name in ("__getitem__", "__array__", "__arrow_c_stream__", "columns", "features")
    )
