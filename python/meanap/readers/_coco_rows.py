"""Lists of COCO's records: fields of all records, which of them have errors, and names and groups of categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from meanap._arrays import kind_of, shown
from meanap.errors import InputTypeError
from meanap.readers import _fields
from meanap.readers._fields import NEEDED, Field
from meanap.readers._known_ids import with_ids
from meanap.readers._problems import Problem, Problems
from meanap.readers.sides import Detections, GroundTruth

if TYPE_CHECKING:
    from meanap.readers._reader import Truth

__all__ = ["RecordList", "RecordRows", "groups_of", "listed", "listed_records", "names_of"]

RecordList: TypeAlias = Sequence[Mapping[str, Any]]
_Side = TypeVar("_Side", GroundTruth, Detections)


class RecordRows:
    """The records of one list, and which of them have errors.

    Attributes
    ----------
    records : sequence
        The records.
    bad : set of int
        Positions of the records that have errors.
    """

    def __init__(self, records: Sequence[Any], place: str, problems: Problems) -> None:
        self.records: Any = records
        self.place = place
        self.problems = problems
        self.bad: set[int] = set()

    def check(self) -> None:
        """Report each record that is no dictionary, and put an empty one in its place."""
        strange = [row for row, record in enumerate(self.records) if not isinstance(record, Mapping)]
        for row in strange:
            text = f"expected a dictionary, found {kind_of(self.records[row])}"
            self._take(Problem("malformed-record", "error", self.place, row, text=text, type_error=True))
        if strange:
            self.records = [record if isinstance(record, Mapping) else {} for record in self.records]

    def name_ids(self, truth: Truth | None) -> None:
        """Replace names of images and categories in the records by their ids in the ground truth."""
        self.records = with_ids(self.records, truth, self.place, self._take)

    def column(self, field: Field) -> list[Any]:
        """A field of all records, one value for each; where it has an error, the field's ``blank``."""
        column = []
        read, default = field.read, field.default
        for row, record in enumerate(self.records):
            value = record.get(field.name)
            if value is None and default is not NEEDED:
                column.append(default)
                continue
            item = None if value is None else read(value)
            if item is None:
                item = field.blank
                self.fault(row, field)
            column.append(item)
        return column

    def fault(self, row: int, field: Field, /, **changes: Any) -> None:
        """Report the problem of a field in a record."""
        if self.records[row] or row not in self.bad:
            problem = _fields.problem_of(field, self.records[row], self.place, row)
            self._take(replace(problem, **changes) if changes else problem)

    def _take(self, problem: Problem) -> None:
        self.problems.add(problem)
        if problem.record is not None:
            self.bad.add(problem.record)

    def good(self, side: _Side) -> _Side:
        """The objects whose records have no errors, of columns that were made of all records."""
        if not self.bad:
            return side
        rows = np.array([row for row in range(len(side)) if row not in self.bad], dtype=np.int64)
        self.problems.leave_out(self.place, len(self.bad))
        return side.take(rows)


def listed(dataset: Mapping[str, Any], name: str, place: str) -> Sequence[Any]:
    """The list of records that a COCO dictionary has under a name; its items need not be dictionaries.

    Raises
    ------
    InputTypeError
        There is no list under this name.
    """
    if not isinstance(dataset, Mapping):
        raise InputTypeError(f"expected a dictionary with {name!r}, found {shown(dataset)}", place)
    records = dataset.get(name)
    if not isinstance(records, (list, tuple)):
        is_null = f"is {'null' if records is None else shown(records)}"
        found, expected = is_null if name in dataset else "is missing", "a list of dictionaries"
        raise InputTypeError(source=place, field=name, found=found, expected=expected, code=f"no-{name}")
    return records


def listed_records(dataset: Mapping[str, Any], name: str, place: str, problems: Problems) -> RecordList | None:
    """The images or categories that have an id; None if there is no such list."""
    if name not in dataset:
        return None
    rows = RecordRows(listed(dataset, name, place), f"{place}: {name}", problems)
    rows.check()
    rows.column(_fields.ID)
    return [record for row, record in enumerate(rows.records) if row not in rows.bad] if rows.bad else rows.records


def names_of(categories: Sequence[Any]) -> dict[Any, str]:
    """Names of categories, by id; one without a name is called by its id."""
    rows = RecordRows(categories, "ground_truth: categories", Problems())
    rows.check()
    ids = rows.column(_fields.ID)
    names = (category.get("name") for category in categories)
    return {id: str(id if name is None else name) for id, name in zip(ids, names, strict=True)}


def groups_of(categories: Sequence[Any]) -> dict[str, list[Any]]:
    """Ids of the categories of each group, by its name: LVIS's frequencies."""
    rows = RecordRows(categories, "ground_truth: categories", Problems())
    rows.check()
    groups: dict[str, list[Any]] = {}
    for id, word in zip(rows.column(_fields.ID), rows.column(_fields.FREQUENCY), strict=True):
        if word is not None:
            groups.setdefault({"r": "rare", "c": "common", "f": "frequent"}.get(word, word), []).append(id)
    return groups
