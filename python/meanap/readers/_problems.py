"""Problems of an input as values: the first error is raised, or all are collected."""

from __future__ import annotations

import dataclasses
import os
import re
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from meanap.errors import InputError, InputTypeError
from meanap.readers._rules import RULES

__all__ = ["Mode", "Problem", "Problems", "first_fault", "place_of"]

#: "raise" raises the first error that is found, "collect" stores all, "skip" also leaves out records that have errors,
#: "first" does so too, and keeps only the error that comes first in the input.
Mode: TypeAlias = Literal["raise", "collect", "skip", "first"]


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
    mode : {"raise", "collect", "skip", "first"}
        ``"raise"``: `add` raises the first error, and warns of warnings. The others store all in `found`, or with
        ``"first"`` only one error in `first`; with ``"skip"`` and ``"first"`` a reader leaves out the records that have
        errors.
    """

    def __init__(self, mode: Mode = "raise") -> None:
        self.mode: Mode = mode
        #: The error that comes first in the input, of those that were given to `keep`.
        self.first: InputError | None = None
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
        if self.mode != "first":
            self.found.append(problem)
        elif problem.level == "error":
            self.keep(problem.error())

    def keep(self, error: InputError) -> None:
        """Take an error that comes before the one in `first`, or is the first."""
        if self.first is None or place_of(error) < place_of(self.first):
            self.first = error

    def tell(self) -> None:
        """Warn of what was left out, with the problem that comes first in the input."""
        for source, count in sorted(self.left_out.items(), key=lambda item: _of_detections(item[0])):
            errors = [problem for problem in self.found if problem.level == "error" and _is_of(problem, source)]
            errors.sort(key=lambda problem: place_of(problem.error()))
            counts = Counter(problem.code for problem in errors)
            first = f", the first: {errors[0].error()}" if errors else ""
            kinds = ", ".join(f"{number:,} {code}" for code, number in counts.most_common())
            warnings.warn(f"{source}: {count:,} left out ({kinds}){first}", stacklevel=2)

    def take(self, part: Problems, placed: Callable[[InputError], InputError]) -> None:
        """Take the problems of a part of the input; `placed` gives an error about a record its number in the whole."""
        for problem in part.found:
            self.found.append(dataclasses.replace(problem, record=placed(problem.error()).record))
        if part.first is not None:
            self.keep(placed(part.first))
        self.left_out.update(part.left_out)

    def reject(self, problem: Problem, source: str | None = None) -> None:
        """Take the error of a record, and count it as left out of `source`, by default that of the problem."""
        self.add(problem)
        self.leave_out(source or problem.source or "")

    def leave_out(self, source: str, count: int = 1) -> None:
        """Count records that are left out."""
        if count:
            self.left_out[source] += count


def place_of(error: InputError) -> tuple[int, int, int, int]:
    """Where in the input an error is, for their order.

    Ground truth comes before detections, what is wrong with a whole source or in one of its files before what is wrong
    with its records, images before categories, and these before objects.
    """
    place = _PLACE.fullmatch(error.source or "")
    if place is None or error.record is None and place["item"] is None:
        return int(_of_detections(error.source)), 0, 0, 0
    within = _LISTS.get(place["list"], 3)
    return int(_of_detections(error.source)), within, int(place["item"] or 0), error.record or 0


def first_fault(error: InputError, read: Callable[[Problems], object]) -> InputError:
    """The error that comes first in an input, in which `error` was found; `read` reads it, and gives its problems.

    Fields are read one after another, each of all records: the error that is found first may be of a later record.
    """
    problems = Problems("first")
    problems.keep(error)
    of_whole = error.record is None and place_of(error)[1] == 0
    if not of_whole:
        try:
            read(problems)
        except InputError as other:
            problems.keep(other)
    return problems.first or error


#: An argument, a list within it, or an item of it.
_PLACE = re.compile(r"\w+(?:: (?P<list>images|categories))?(?:\[(?P<item>\d+)\].*|\[.*)?", re.DOTALL)
_LISTS = {"images": 1, "categories": 2}


def _of_detections(source: str | None) -> bool:
    return (source or "").lower().startswith("detections")


#: What the columns of a side are called.
_COLUMNS = {"ground_truth": "GroundTruth", "detections": "Detections"}


def _is_of(problem: Problem, source: str) -> bool:
    # A list or an image within the source, an array of its columns, or a file of a folder.
    within = (f"{source}: ", f"{source}[", f"{_COLUMNS.get(source, source)}[", f"{source}{os.sep}")
    return problem.source is not None and (problem.source == source or problem.source.startswith(within))
