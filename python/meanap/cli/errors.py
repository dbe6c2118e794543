"""Errors as one line of text."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from meanap._printable import shown

# What invalid input raises. Anything else is a bug, and shows its traceback.
INPUT_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AssertionError,
    OverflowError,
    RecursionError,
    MemoryError,
)


class UsageError(Exception):
    """The command is invalid: reported as argparse does, with exit code 2."""


def one_line(error: BaseException) -> str:
    """The message of an error, without line breaks and never empty."""
    if isinstance(error, OSError) and error.filename is not None:
        return shown(f"{os.fsdecode(error.filename)}: {error.strerror}")
    text = shown(error.args[0] if isinstance(error, KeyError) and _sentence(error) else error)
    # A bare KeyError says only the key, a bare assert nothing at all.
    if isinstance(error, KeyError) and len(error.args) == 1 and text == repr(error.args[0]):
        return f"missing {text}"
    return text or type(error).__name__


def _sentence(error: KeyError) -> bool:
    """Whether a KeyError says more than its key: `str` would put it in quotes."""
    return len(error.args) == 1 and isinstance(error.args[0], str) and " " in error.args[0]


@contextlib.contextmanager
def about(path: Path) -> Iterator[None]:
    """While a file is read: an error that does not name the file is made to."""
    try:
        yield
    except INPUT_ERRORS as error:
        # An OSError that names a file says it already; so do the readers of the core.
        text = one_line(error)
        if path.name in text:
            raise
        raise ValueError(f"{path}: {text}") from error
