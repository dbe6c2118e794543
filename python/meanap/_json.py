"""Answers as JSON has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from meanap.table import Table

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """A value as JSON has it: a table as a list of its rows, NumPy's numbers and arrays as Python's, NaN as None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple, Table)) else value
