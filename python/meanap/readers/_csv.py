"""Faults of CSV text as errors of input."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from meanap.errors import InputError


@contextmanager
def csv_of(path: Any) -> Iterator[None]:
    """Reads a file by `csv`: what that says of broken text names the file."""
    import csv

    try:
        yield
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", os.fsdecode(path), code="broken-line") from None
