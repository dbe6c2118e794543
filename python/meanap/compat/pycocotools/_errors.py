"""The errors of pycocotools for files that cannot be read."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from meanap.errors import InputError

__all__ = ["reference_errors"]


@contextlib.contextmanager
def reference_errors() -> Iterator[None]:
    """While a file is read: an `InputError` becomes what pycocotools raises, with the same sentence.

    Raises
    ------
    json.JSONDecodeError
        The file is not JSON.
    AssertionError
        It holds another kind of value.
    ValueError
        It is not text, or no file can have this name.
    """
    try:
        yield
    except InputError as error:
        # What Python's `json` has raised.
        raise error.__cause__ or _of_reference(error) from None


def _of_reference(error: InputError) -> Exception:
    if error.code == "wrong-kind-of-file":
        return AssertionError(str(error))
    if error.position is None:
        return ValueError(str(error))
    # The text is not available, so the class cannot count lines.
    decode_error = json.JSONDecodeError(str(error.replace(position=None)), "", 0)
    decode_error.lineno, decode_error.colno, decode_error.pos = error.position
    decode_error.args = (str(error),)
    return decode_error
