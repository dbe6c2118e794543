"""Errors as one line that a person can act on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from meanap._printable import shown
from meanap.errors import InputError

# What pycocotools raises for bad input, and with it the classes of its names.
_OF_PYCOCOTOOLS = (AssertionError, LookupError, OverflowError, RecursionError, TypeError, ValueError)


class UsageError(Exception):
    """The command is invalid: reported as argparse does, with exit code 2."""


def one_line(error: BaseException) -> str:
    """The message of an error, without line breaks and never empty."""
    if isinstance(error, OSError) and error.filename is not None:
        return shown(f"{os.fsdecode(error.filename)}: {error.strerror}")
    return shown(error) or type(error).__name__


def names(error: InputError, *paths: Path) -> bool:
    """Whether an error is said of one of these files."""
    return error.source is not None and not {str(path) for path in paths}.isdisjoint(error.source.split(": "))


@contextlib.contextmanager
def about(path: Path) -> Iterator[None]:
    """While a file is read: an error that is not said of the file is."""
    try:
        yield
    except InputError as error:
        if names(error, path):
            raise
        raise error.at(path) from error


@contextlib.contextmanager
def as_input(*paths: Path) -> Iterator[None]:
    """Makes an `InputError` of what the classes of pycocotools' names raise while they read files.

    It is said of the file that its text begins with.
    """
    try:
        yield
    except InputError:
        raise
    except _OF_PYCOCOTOOLS as error:
        text = str(error.args[0] if isinstance(error, KeyError) and len(error.args) == 1 else error)
        source = next((str(path) for path in paths if text.startswith(f"{path}: ")), None)
        problem = text if source is None else text.removeprefix(f"{source}: ")
        raise InputError(problem or type(error).__name__, source) from error
