"""The findings of a check, as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanap._json import plain
from meanap._printable import on_one_line
from meanap.table import Table

__all__ = ["LEVELS", "Finding", "Findings"]

#: Levels: errors make a score incorrect, warnings are likely errors in the data, notes are information.
LEVELS = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One fault, however often it occurs."""

    code: str
    level: str
    where: str
    count: int
    message: str
    example: str
    remedy: str


class Findings(Table):
    """One row for each finding, the worst first.

    Columns: ``code``; ``level`` (``"error"``: the score is incorrect or impossible; ``"warning"``: likely an error;
    ``"note"``: good to know); ``where`` (``"ground_truth"`` or ``"detections"``); ``count``, of records or whatever the
    message refers to; ``message``; ``example``; ``remedy``.

    Attributes
    ----------
    ok : bool
        No error was found.
    label_errors : Table
        Likely label errors, the likeliest first: ``kind``, ``image``, ``category`` and ``score`` of a detection, its
        ``box`` (x, y, width, height), ``truth`` (the category of the object, None for none), ``similarity`` (to it, or
        to the nearest), and ``trust``: the share of the category's detections of that score or a higher one that are
        true positives, at least 0.9. The kinds: ``"category"``, the detection lies on an object of another category
        that nothing else found; ``"place"``, it overlaps such an object of its own too little; ``"missing"``, there is
        no object for it. Empty without detections, and as long as there are errors to mend.
    names : dict
        Names of the categories of label errors, by id.
    """

    label_errors: Table
    names: Mapping[Any, str]

    def __init__(
        self,
        findings: list[Finding],
        label_errors: Table | None = None,
        category_names: Mapping[Any, str] | None = None,
    ) -> None:
        ranked = sorted(findings, key=lambda finding: LEVELS.index(finding.level))
        names = ("code", "level", "where", "count", "message", "example", "remedy")
        super().__init__({name: [getattr(finding, name) for finding in ranked] for name in names})
        self.label_errors = _NO_LABEL_ERRORS if label_errors is None else label_errors
        self.names = category_names or {}

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return "error" not in self["level"]

    @property
    def codes(self) -> set[str]:
        """The codes of all findings."""
        return set(self["code"])

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain objects; None where there is no number."""
        fields: dict[str, Any] = plain({"ok": self.ok, "findings": self, "label_errors": self.label_errors})
        return fields

    def to_json(self, **options: Any) -> str:
        """``ok``, ``findings`` and ``label_errors`` as JSON; null where there is no number."""
        return json.dumps(self.as_dict(), allow_nan=False, **options)

    def __repr__(self) -> str:
        lines = []
        for row in self:
            lines.append(
                f"{row['level']}: {row['code']} ({row['where']}, {row['count']:,}): {on_one_line(row['message'])}"
            )
            if row["example"]:
                lines.append(f"  for example {on_one_line(row['example'])}")
            lines.append(f"  {row['remedy']}")
        counts = [f"{self['level'].count(level)} {level}{'s' * (self['level'].count(level) != 1)}" for level in LEVELS]
        return "\n".join([*lines, ", ".join(counts)])


_NO_LABEL_ERRORS = Table(
    {
        name: np.zeros(0) if name in ("score", "similarity", "trust") else []
        for name in ("kind", "image", "category", "score", "box", "truth", "similarity", "trust")
    }
)
