"""The errors for input that cannot be used."""

from __future__ import annotations

import os
from typing import Any, TypeVar

__all__ = [
    "InputError",
    "InputTypeError",
    "MissingFieldError",
    "MissingPackageError",
    "NestingError",
    "named",
    "no_text",
]

#: Codes of files with another content than expected: what is expected comes first in the sentence, and what is found
#: is a noun, elsewhere a predicate. `Error` in ``src/error.rs`` reads the same.
_OF_FILES = ("not-json", "not-text", "wrong-kind-of-file")

_Input = TypeVar("_Input", bound="InputError")


class InputError(ValueError):
    r"""Input, of a file or of an argument, that cannot be used.

    The text is one sentence made of the attributes, such as ``detections.json: record 17: "bbox" has 3 numbers,
    expected 4 (x, y, width, height)``. Attributes are None where they are not known.

    Parameters
    ----------
    problem : str, optional
        The fault in words, if `found` and `expected` do not describe it.
    source : str, optional
        The file or the argument, and within it the list or the array: ``"detections.json"``,
        ``"ground_truth: images"``.
    record : int, optional
        The position of the record in its list, or of the row in its table or array, from 0.
    field : str, optional
        The field of the record.
    found : str, optional
        What was found: ``"has 3 numbers"``, ``"is null"``, ``"is missing"``; for a file of another kind ``"an array"``.
    expected : str, optional
        What was expected.
    code : str, optional
        The kind of fault, for programs: ``"not-json"``, ``"not-text"``, ``"wrong-kind-of-file"``,
        ``"nested-too-deeply"``.
    unit : str
        What `record` is the position of: ``"record"``, ``"row"`` or ``"line"``.
    name : str, optional
        The record by its own id: ``"annotation 12"``.
    position : tuple of int, optional
        Where a text ceases to be JSON: line and column from 1, and the character from 0.

    Examples
    --------
    >>> import meanap
    >>> try:
    ...     meanap.evaluate({"annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3]}]}, [])
    ... except meanap.InputError as error:
    ...     print(error, error.source, error.record, error.field, sep="\n")
    ground_truth: record 0: "bbox" has 3 numbers, expected 4 numbers (x, y, width, height)
    ground_truth
    0
    bbox
    """

    def __init__(
        self,
        problem: str | None = None,
        source: str | None = None,
        record: int | None = None,
        field: str | None = None,
        found: str | None = None,
        expected: str | None = None,
        code: str | None = None,
        unit: str = "record",
        name: str | None = None,
        position: tuple[int, int, int] | None = None,
    ) -> None:
        self.problem = problem
        self.source = source
        self.record = record
        self.field = field
        self.found = found
        self.expected = expected
        self.code = code
        self.unit = unit
        self.name = name
        self.position = position
        super().__init__(self._sentence())

    def __str__(self) -> str:
        return self._sentence()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self._fields().values())

    def replace(self: _Input, **changes: Any) -> _Input:
        """The same error with other attributes."""
        return type(self)(**{**self._fields(), **changes})

    def at(self: _Input, source: str | os.PathLike[str]) -> _Input:
        """The same error with `source` before its own source, if it has one: the file of an argument, for example."""
        name = os.fsdecode(source)
        return self.replace(source=name if self.source is None else f"{name}: {self.source}")

    def _fields(self) -> dict[str, Any]:
        names = ("problem", "source", "record", "field", "found", "expected", "code", "unit", "name", "position")
        return {name: getattr(self, name) for name in names}

    def _sentence(self) -> str:
        name = "" if self.name is None else f" ({self.name})"
        row = None if self.record is None else f"{self.unit} {self.record}{name}"
        field = None if self.field is None else f'"{self.field}"'
        text = ": ".join(part for part in (self.source, row, field) if part is not None)
        if self.code in _OF_FILES and self.expected is not None:
            expected = f"expected {self.expected}" + ("" if self.found is None else f", found {self.found}")
            text = f"{text}: {expected}" if text else expected
            return text if self.position is None else text + ": line {} column {} (char {})".format(*self.position)
        if self.found is not None:
            text += ("" if not text else ": " if row is None and field is None else " ") + self.found
        if self.problem is not None:
            text += f": {self.problem}" if text else self.problem
        return text if self.expected is None else f"{text}, expected {self.expected}"


class InputTypeError(InputError, TypeError):
    """Input that holds an object of the wrong type."""


class MissingFieldError(InputError, KeyError):
    """Input without a field, or with a reference to a record that is not there."""


class MissingPackageError(ImportError):
    """A package that is needed for some functions only is not installed; the text says which one, and how it is.

    Examples
    --------
    >>> from meanap.errors import MissingPackageError
    >>> issubclass(MissingPackageError, ImportError)
    True
    """


class NestingError(InputError, RecursionError):
    """JSON that is nested more deeply than Python can read."""


def named(error: Exception, source: str) -> Exception:
    """The same error, of any class, with a source before its text."""
    return error.at(source) if isinstance(error, InputError) else type(error)(f"{source}: {error}")


def no_text(error: UnicodeEncodeError, source: str) -> InputError:
    """The error for an id with half of a surrogate pair, as `surrogateescape` makes of bytes that are not UTF-8."""
    return InputError(f"the id {error.object!r} is no text: it has half of a surrogate pair", source)
