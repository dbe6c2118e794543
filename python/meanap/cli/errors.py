"""Errors as one line that a person can act on."""

from __future__ import annotations

import os

from meanap._printable import on_one_line


class UsageError(Exception):
    """The command is invalid: reported as argparse does, with exit code 2."""


def one_line(error: BaseException) -> str:
    """The message of an error, without line breaks and never empty."""
    if isinstance(error, OSError) and error.filename is not None:
        return on_one_line(f"{os.fsdecode(error.filename)}: {error.strerror}")
    return on_one_line(error) or type(error).__name__
