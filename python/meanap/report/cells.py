"""Cells and tables of a report as HTML: numbers, bars, intervals, signs of a significant difference."""

from __future__ import annotations

import html
import math
from typing import Any

from meanap._printable import printable
from meanap.statistics import verdict_of

__all__ = [
    "bar",
    "called",
    "cell",
    "count",
    "difference",
    "judged",
    "mark",
    "matrix",
    "moved",
    "moves",
    "number",
    "p_value",
    "sign",
    "signed",
    "skipped",
    "span",
    "table",
    "text",
    "whisker",
]

#: Display names of numbers.
_CALLED = {"ap": "AP", "ar": "AR"}


def text(value: Any) -> str:
    """A string as HTML, in content and in attributes. Unprintable and control characters are escaped."""
    return html.escape(printable(str(value), keep="\n\t"), quote=True)


#: Rows from which on a table has a filter, and rows that are shown at first.
_FILTERED, _SHOWN = 12, 24


def table(
    caption: str, head: list[str], rows: list[list[str]], note: str = "", id: str = "", kind: str = "", words: int = 1
) -> str:
    """A table of cells, whose first `words` columns are words and whose others are numbers. `head` and `note` are HTML.

    It is sorted by any column where there is JavaScript; of many rows there is a filter.
    """
    heads = ""
    for i, name in enumerate(head):
        side = "" if i < words else " class=n"
        heads += f"<th scope=col{side}>{f'<button type=button>{name}</button>' if name else name}</th>"
    kinds = " ".join(filter(None, (kind, "sortable", "long" if len(rows) > _SHOWN else "")))
    attributes = (f' id="{id}"' if id else "") + f' class="{kinds}"'
    controls = more = ""
    if len(rows) > _FILTERED:
        # Conditions are on a column of numbers, if there is one.
        numeric = next((name for name in head[words:] if "<" not in name), None)
        example = f"word, or {numeric} &lt; 0.5" if numeric else "word"
        controls = (
            f'<form class="controls filter"><label>filter <input type=search placeholder="{example}" autocomplete=off>'
            "</label><span class=note role=status></span></form>"
        )
    if len(rows) > _SHOWN:
        more = f"<button type=button class=more hidden>Show all {len(rows):,} rows</button>"
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return (
        f'<div class=table>{controls}<div class=scroll tabindex=0 role=region aria-label="{caption}">'
        f"<table{attributes}><caption>{caption}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>{more}</div>" + (f"<p class=note>{note}</p>" if note else "")
    )


def matrix(caption: str, names: list[str], counts: list[list[int]], *, id: str = "", shares: bool = False) -> str:
    """A confusion matrix: rows are true classes, columns predicted ones; with `shares` in per cent of the row."""
    head = "".join(f"<th scope=col><span>{text(name)}</span></th>" for name in names)
    body = []
    for name, row in zip(names, counts, strict=True):
        total = sum(row) or 1
        shown = (round(100 * value / total) if shares else value for value in row)
        cells = "".join(
            f'<td style="--p:{math.sqrt(value / total):.2f}" title="{text(name)} detected as {text(other)}: {value:,} '
            f'of {total:,}">{entry or ""}</td>'
            for other, value, entry in zip(names, row, shown, strict=True)
        )
        body.append(f"<tr><th scope=row>{text(name)}</th>{cells}</tr>")
    named = f' id="{id}"' if id else ""
    return (
        f'<div class=scroll tabindex=0 role=region aria-label="Confusion matrix"><table class=matrix{named}>'
        f"<caption>{caption}</caption><thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def cell(value: float, shown: str | None = None) -> str:
    """A cell of a number; `data-v` is what it is sorted by."""
    key = "" if math.isnan(value) else f"{value:.6g}"
    return f'<td class=n data-v="{key}">{number(value) if shown is None else shown}</td>'


def count(value: int) -> str:
    """A cell of a count."""
    return f'<td class=n data-v="{value}">{value:,}</td>'


def difference(value: float) -> str:
    """A cell of a difference, with its sign."""
    return cell(value, signed(value))


def bar(value: float, most: float = 1.0) -> str:
    """A cell of a number with a bar beside it, as long as the cell for `most`."""
    part = 0.0 if math.isnan(value) or most <= 0 else max(0.0, min(1.0, value / most))
    key = "" if math.isnan(value) else f"{value:.6g}"
    return f'<td class="n bar" data-v="{key}" style="--v:{part:.3f}">{number(value)}</td>'


def whisker(row: dict[str, Any]) -> str:
    """The interval as a line from 0 to 1."""
    if math.isnan(row["low"]):
        return ""
    left, width = 100 * row["low"], 100 * (row["high"] - row["low"])
    return (
        f'<span class=whisker aria-hidden=true><i style="left:{left:.1f}%;width:{width:.1f}%"></i>'
        f'<b style="left:{100 * row["value"]:.1f}%"></b></span>'
    )


def number(value: float) -> str:
    """Three digits behind the point; a dash for NaN."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def p_value(p: float) -> str:
    """A p-value, which is never 0."""
    return "&lt;0.001" if p < 0.001 else number(p)


def signed(value: float) -> str:
    """A number with its sign, for differences."""
    return "–" if math.isnan(value) else f"{value:+.3f}"


def span(row: dict[str, Any], *, signed: bool = False) -> str:
    """The interval of a row, ``low`` to ``high``."""
    if math.isnan(row["low"]):
        return "–"
    form = "+.3f" if signed else ".3f"
    return f"[{row['low']:{form}}, {row['high']:{form}}]"


#: What a verdict is sorted by, and its shape.
_SIGNS = {"better": (1.0, "▲"), "worse": (-1.0, "▼"), "no different": (0.0, "")}


def sign(change: dict[str, Any]) -> float:
    """1 for significantly better, -1 for worse, 0 for neither."""
    return _SIGNS[verdict_of(change)][0]


def mark(change: dict[str, Any]) -> str:
    """A sign for a significant difference."""
    word = verdict_of(change)
    shape = _SIGNS[word][1]
    return f"<span class={word}><span aria-hidden=true>{shape}</span> {word}</span>" if shape else ""


def judged(change: dict[str, Any]) -> str:
    """A difference with its interval and the verdict on it."""
    what = mark(change) or "no significant difference"
    return f"{signed(change['difference'])} {span(change, signed=True)}, {what}"


#: Names in one line of what has moved, and sentences about what was skipped.
_NAMED, _SENTENCES = 5, 100


def moves(what: str, changes: list[tuple[str, float]]) -> str:
    """List items of what is higher and what is lower than in the baseline, the greatest differences first."""
    there = [(name, value) for name, value in changes if not math.isnan(value)]
    lines = []
    for word, way in (("higher", 1), ("lower", -1)):
        rows = sorted((pair for pair in there if pair[1] * way > 0), key=lambda pair: -abs(pair[1]))
        if rows:
            listed = ", ".join(f"{text(name)} {signed(value)}" for name, value in rows[:_NAMED])
            more = f" and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
            lines.append(f"<li>{what} that are {word} ({len(rows):,} of {len(there):,}): {listed}{more}.</li>")
    return "".join(lines)


def moved(value: float) -> str:
    """A difference of which it is not known whether it is significant, with its direction."""
    if math.isnan(value) or value == 0:
        return f"{signed(value)}, no difference"
    return f"{signed(value)}, {'higher' if value > 0 else 'lower'}"


def skipped(sentences: list[str]) -> str:
    """What was left out, and why."""
    listed = "".join(f"<li>{text(sentence)}</li>" for sentence in sentences[:_SENTENCES])
    more = len(sentences) - _SENTENCES
    return f"<ul>{listed}</ul>" + (f"<p>{more:,} more.</p>" if more > 0 else "") if sentences else ""


def called(name: str) -> str:
    """``ap_small`` as "AP small"."""
    first, _, rest = name.partition("_")
    for short, long in _CALLED.items():
        if first.startswith(short):
            first = long + first[len(short) :]
            break
    return text(f"{first} {rest}".strip())
