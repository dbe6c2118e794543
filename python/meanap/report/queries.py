"""The report of a ranked run: measures with intervals, and the queries that decide the difference of two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meanap.report.cells import cell, difference, judged, mark, number, p_value, sign, span, table, text, whisker
from meanap.report.document import document

if TYPE_CHECKING:
    from meanap.ranking import RankingResult
    from meanap.statistics import Comparison, Intervals

__all__ = ["page"]

#: Queries that are listed, and bars of the chart of all queries.
_LISTED, _BARS = 1000, 400


def page(
    result: RankingResult,
    versus: RankingResult | None,
    title: str,
    names: tuple[str, str],
    confidence: float,
    resamples: int,
) -> str:
    """The whole file; `names` are those of the baseline and of the run."""
    from meanap.ranking import compare

    if versus is not None:
        # As the run's; `compare` reports queries that only one of them has.
        place = {query: row for row, query in enumerate(versus.queries)}
        if place.keys() == set(result.queries):
            versus = versus.ordered([place[query] for query in result.queries])
    sure = result.interval(confidence=confidence, resamples=resamples)
    change = None if versus is None else compare(versus, result, confidence=confidence, resamples=resamples)
    facts = [
        ("run", names[1]),
        *([("baseline", names[0])] if versus else []),
        ("queries", f"{len(result):,}"),
        *((what, f"{count:,} queries") for what in ("unanswered", "unjudged") if (count := len(getattr(result, what)))),
    ]
    sections = [
        ("summary", "Summary", _summary(sure, change, names, resamples)),
        *((f"queries-{i}", f"Queries: {name}", _queries(result, versus, name, names))
          for i, name in enumerate(result.measures)),
    ]  # fmt: skip
    return document(title, _lead(result, versus, sure, change, names), facts, sections)


def _lead(
    result: RankingResult,
    versus: RankingResult | None,
    sure: Intervals,
    change: Comparison | None,
    names: tuple[str, str],
) -> str:
    first = next(iter(sure), None)
    if first is None:
        return "<p class=lead>Nothing was measured.</p>"
    lead = f"<strong>{text(first['number'])} {number(first['value'])}</strong> {span(first)}"
    if change is None or versus is None:
        return f"<p class=lead>{lead}, a mean of {len(result):,} queries.</p>"
    row = change[0]
    lead += f", {text(names[0])} {number(row['baseline'])}: {judged(row)} (p {p_value(row['p'])})."
    lines = []
    for measure in result.measures:
        moved = result[measure] - versus[measure]
        higher, lower = int((moved > 0).sum()), int((moved < 0).sum())
        lines.append(
            f"<li>{text(measure)}: higher for {higher:,} queries, lower for {lower:,}, the same for "
            f"{len(moved) - higher - lower:,}.</li>"
        )
    return f"<p class=lead>{lead}</p><ul class=moved>{''.join(lines)}</ul>"


def _summary(sure: Intervals, change: Comparison | None, names: tuple[str, str], resamples: int) -> str:
    rows = []
    for i, row in enumerate(sure):
        inside = all(0 <= row[name] <= 1 for name in ("value", "low", "high"))
        cells = [
            f"<th scope=row>{text(row['number'])}</th>", cell(row["value"]), cell(row["low"], span(row)),
            f"<td>{whisker(row) if inside else ''}</td>",
        ]  # fmt: skip
        if change is not None:
            moved = change[i]
            cells += [
                cell(moved["baseline"]), difference(moved["difference"]),
                cell(sign(moved), f"{span(moved, signed=True)} {mark(moved)}"), cell(moved["p"], p_value(moved["p"])),
            ]  # fmt: skip
        rows.append(cells)
    head = ["measure", "mean", "interval", "from 0 to 1"]
    if change is not None:
        head += [f"baseline {text(names[0])}", "difference", "interval of the difference", "p"]
    note = f"Intervals: {sure.confidence:.0%}, from {resamples:,} bootstrap resamples of the queries."
    if change is not None:
        note += (
            f" Differences are {text(names[1])} minus the baseline {text(names[0])}; ▲ better and ▼ worse mark those "
            "that are significant. p: two-sided, of a paired randomisation test over the queries."
        )
    return table("Measures", head, rows, note)


def _queries(result: RankingResult, versus: RankingResult | None, measure: str, names: tuple[str, str]) -> str:
    values = result[measure]
    if versus is None:
        order = np.argsort(values, kind="stable")
        first = "The lowest values first."
    else:
        before = versus[measure]
        order = np.argsort(-np.abs(values - before), kind="stable")
        first = "The greatest differences first."
    rows = []
    for row in order[:_LISTED].tolist():
        cells = [f"<th scope=row>{text(result.queries[row])}</th>", cell(float(values[row]))]
        if versus is not None:
            other = float(before[row])
            moved = float(values[row]) - other
            cells += [cell(other), difference(moved)]
        rows.append(cells)
    head = ["query", text(names[1]), *([text(names[0]), "difference"] if versus is not None else [])]
    left_out = f" {len(values) - len(rows):,} more are left out." if len(values) > len(rows) else ""
    shown = _chart(values if versus is None else values - before, measure, versus is not None)
    return f"{shown}{table(f'{text(measure)} of each query. {first}{left_out}', head, rows)}"


def _chart(values: np.ndarray, measure: str, signed_values: bool) -> str:
    """The values of all queries in falling order, as bars; of very many, means of consecutive ones."""
    values = np.sort(values[~np.isnan(values)])[::-1]
    if not len(values):
        return ""
    bars = np.array([part.mean() for part in np.array_split(values, min(_BARS, len(values)))])
    most = float(np.abs(bars).max()) or 1.0
    low = -most if signed_values else min(0.0, float(bars.min()))
    high = most if signed_values else max(most, 0.0)
    width, height, left = 720.0, 180.0, 64.0
    step, scale = (width - left) / len(bars), height / ((high - low) or 1.0)
    zero = height - (0.0 - low) * scale
    drawn = "".join(
        f'<rect class="{"up" if bar >= 0 else "down"}" x="{left + i * step:.2f}" width="{max(step * 0.85, 0.4):.2f}" '
        f'y="{min(zero, zero - bar * scale):.2f}" height="{abs(bar) * scale:.2f}"/>'
        for i, bar in enumerate(bars.tolist())
    )
    ticks = "".join(
        f'<line class=grid x1="{left}" x2="{width}" y1="{height - (tick - low) * scale:.1f}" '
        f'y2="{height - (tick - low) * scale:.1f}"/>'
        f'<text x="{left - 6}" y="{height - (tick - low) * scale + 4:.1f}" text-anchor=end>{tick:.2f}</text>'
        for tick in dict.fromkeys((low, 0.0, high))
    )
    what = f"differences of {measure}" if signed_values else measure
    ends = f"from {number(float(values[0]))} to {number(float(values[-1]))}"
    label = text(f"{what} of all queries in falling order, {ends}")
    return (
        f"<figure class=sorted><figcaption>{text(what[0].upper() + what[1:])} of all queries, in falling order"
        f'</figcaption><div class=chart><svg viewBox="0 -14 {width:g} {height + 28:g}" role=img aria-label="{label}">'
        f"{ticks}{drawn}</svg></div></figure>"
    )
