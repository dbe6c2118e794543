"""Problems of an input as values: the first error is raised, or all are collected."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from meanap.errors import InputError, InputTypeError
from meanap.readers._rules import RULES

__all__ = ["Mode", "Problem", "Problems"]

#: "raise" raises the first error, "collect" stores all, "skip" also leaves out records that have errors.
Mode: TypeAlias = Literal["raise", "collect", "skip"]


@dataclass(frozen=True)
class Problem:
    """A fault of an input.

    Parameters
    ----------
    code
        The kind of fault, for programs: ``"malformed-box"``.
    level : {"error", "warning"}
        Errors make a record impossible to evaluate.
    source
        The argument or file, and within it the list: ``"detections"``, ``"ground_truth: images"``.
    record
        Which record or row, from 0; None where it is not one of them.
    field
        The field of the record.
    found
        What is there: ``"has 3 numbers"``, ``"is missing"``.
    expected
        What should be there.
    remedy
        What to do; that of the code's rule by default.
    text
        What is wrong in words, where it is not what was found and what was expected.
    unit : {"record", "row", "line"}
        What a record is called.
    name
        What the record calls itself: ``"annotation 12"``.
    type_error
        Whether it is an object of the wrong type.
    """

    code: str
    level: Literal["error", "warning"] = "error"
    source: str | None = None
    record: int | None = None
    field: str | None = None
    found: str | None = None
    expected: str | None = None
    remedy: str | None = None
    text: str | None = None
    unit: str = "record"
    name: str | None = None
    type_error: bool = False

    def __post_init__(self) -> None:
        if self.remedy is None and self.code in RULES:
            object.__setattr__(self, "remedy", RULES[self.code].remedy)

    @classmethod
    def of(cls, error: InputError, remedy: str | None = None) -> Problem:
        """The problem that an error is about."""
        return cls(
            error.code or "malformed-input",
            "error",
            error.source,
            error.record,
            error.field,
            error.found,
            error.expected,
            remedy,
            error.problem,
            error.unit,
            error.name,
            isinstance(error, InputTypeError),
        )

    def error(self) -> InputError:
        """The error to raise."""
        kind = InputTypeError if self.type_error else InputError
        return kind(
            self.text,
            self.source,
            self.record,
            self.field,
            self.found,
            self.expected,
            self.code,
            self.unit,
            self.name,
        )


class Problems:
    """The problems of an input.

    Parameters
    ----------
    mode : {"raise", "collect", "skip"}
        ``"raise"``: `add` raises the first error, and warns of warnings. The others store all in `found`; with
        ``"skip"`` a reader leaves out the records that have errors.
    """

    def __init__(self, mode: Mode = "raise") -> None:
        self.mode: Mode = mode
        self.found: list[Problem] = []
        #: How many records of each source were left out.
        self.left_out: Counter[str] = Counter()

    def add(self, problem: Problem) -> None:
        """Take a problem.

        Raises
        ------
        InputError
            It is an error, and the mode is ``"raise"``.
        """
        if self.mode == "raise":
            if problem.level == "error":
                raise problem.error()
            warnings.warn(str(problem.error()), stacklevel=2)
        self.found.append(problem)

    def tell(self) -> None:
        """Warn of what was left out, with the first problem of each code."""
        for source, count in self.left_out.items():
            errors = [problem for problem in self.found if problem.level == "error" and _is_of(problem, source)]
            counts = Counter(problem.code for problem in errors)
            first = f", the first: {errors[0].error()}" if errors else ""
            kinds = ", ".join(f"{number:,} {code}" for code, number in counts.most_common())
            warnings.warn(f"{source}: {count:,} left out ({kinds}){first}", stacklevel=2)

    def take(self, part: Problems, placed: Callable[[InputError], InputError]) -> None:
        """Take the problems of a part of the input; `placed` gives an error about a record its number in the whole."""
        for problem in part.found:
            self.found.append(dataclasses.replace(problem, record=placed(problem.error()).record))
        self.left_out.update(part.left_out)

    def leave_out(self, source: str, count: int = 1) -> None:
        """Count records that are left out."""
        if count:
            self.left_out[source] += count


#: What the columns of a side are called.
_COLUMNS = {"ground_truth": "GroundTruth", "detections": "Detections"}


def _is_of(problem: Problem, source: str) -> bool:
    # A list or an image within the source, an array of its columns, or a file of a folder.
    within = (f"{source}: ", f"{source}[", f"{_COLUMNS.get(source, source)}[", f"{source}{os.sep}")
    return problem.source is not None and (problem.source == source or problem.source.startswith(within))
