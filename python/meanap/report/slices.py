"""Slices in the report of detections: their first number with its interval, and the difference from a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meanap.report.cells import called, cell, count, difference, mark, span, table, text, whisker

if TYPE_CHECKING:
    from meanap.detection import Comparison, Result

__all__ = ["section", "slices"]


def slices(result: Result, compared: Comparison | None, confidence: float, resamples: int) -> list[dict[str, Any]]:
    """A row for each slice: its name, counts, numbers, and the interval of the first; the change, if there is one."""
    bounds = result.slices.interval(confidence=confidence, resamples=resamples)
    changes: Any = compared.slices if compared is not None else [None] * len(bounds)
    return [
        {**row, **{name: bound[name] for name in ("number", "value", "low", "high")}, "change": change}
        for row, bound, change in zip(result.slices, bounds, changes, strict=True)
    ]


def section(report: dict[str, Any]) -> str:
    """The table of the slices; nothing without any."""
    rows: list[dict[str, Any]] = report["slices"]
    if not rows:
        return ""
    first = rows[0]["number"]
    others = [name for name in ("ap50", "ap75", "ar") if name in rows[0] and name != first]
    head = ["slice", "images", "objects", "detections", called(first), "interval", "from 0 to 1", *map(called, others)]
    if report["versus"]:
        head += [f"baseline {called(first)}", "difference", "interval of the difference"]
    lines = []
    for row in rows:
        cells = [f"<th scope=row>{text(row['slice'])}</th>", count(row["images"]), count(row["objects"]),
                 count(row["detections"]), cell(row["value"]), cell(row["low"], f"<span>{span(row)}</span>"),
                 f"<td>{whisker(row)}</td>", *(cell(row[name]) for name in others)]  # fmt: skip
        if change := row["change"]:
            cells += [cell(change["baseline"]), difference(change["difference"]),
                      f"<td class=n>{span(change, signed=True)} {mark(change)}</td>"]  # fmt: skip
        lines.append(cells)
    note = "The numbers of a slice are those of its images alone; an image may be in several slices or in none."
    return table("Slices", head, lines, note, id="slice-table")
