"""Cells and tables of a report as HTML: numbers, bars, intervals, signs of a significant difference."""

from __future__ import annotations

import html
import math
from typing import Any

from meanap._printable import printable
from meanap.statistics import verdict

__all__ = [
    "bar",
    "called",
    "cell",
    "count",
    "judged",
    "mark",
    "number",
    "sign",
    "signed",
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
    caption: str, head: list[str], rows: list[str], *, id: str = "", kind: str = "", words: int = 1, sort: bool = True
) -> str:
    """A table whose first `words` columns are words and whose others are numbers. `head` is HTML.

    With `sort` it is sorted by any column where there is JavaScript; of many rows there is a filter.
    """
    heads = ""
    for i, name in enumerate(head):
        side = "" if i < words else " class=n"
        heads += f"<th scope=col{side}>{f'<button type=button>{name}</button>' if sort and name else name}</th>"
    kinds = " ".join(filter(None, (kind, "sortable" if sort else "", "long" if len(rows) > _SHOWN else "")))
    attributes = (f' id="{id}"' if id else "") + (f' class="{kinds}"' if kinds else "")
    controls = more = ""
    if sort and len(rows) > _FILTERED:
        # Conditions are on a column of numbers, if there is one.
        numeric = next((name for name in head[words:] if "<" not in name), None)
        example = f"word, or {numeric} &lt; 0.5" if numeric else "word"
        controls = (
            f'<form class="controls filter"><label>filter <input type=search placeholder="{example}" autocomplete=off>'
            "</label><span class=note role=status></span></form>"
        )
    if len(rows) > _SHOWN:
        more = f"<button type=button class=more hidden>Show all {len(rows):,} rows</button>"
    return (
        f'<div class=table>{controls}<div class=scroll tabindex=0 role=region aria-label="{caption}">'
        f"<table{attributes}><caption>{caption}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>{more}</div>"
    )


def cell(value: float, shown: str | None = None) -> str:
    """A cell of a number; `data-v` is what it is sorted by."""
    key = "" if math.isnan(value) else f"{value:.6g}"
    return f'<td class=n data-v="{key}">{number(value) if shown is None else shown}</td>'


def count(value: int) -> str:
    """A cell of a count."""
    return f'<td class=n data-v="{value}">{value:,}</td>'


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


def signed(value: float) -> str:
    """The same with its sign."""
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
    return _SIGNS[verdict(change["low"], change["high"])][0]


def mark(change: dict[str, Any]) -> str:
    """A sign for a significant difference."""
    word = verdict(change["low"], change["high"])
    shape = _SIGNS[word][1]
    return f"<span class={word}><span aria-hidden=true>{shape}</span> {word}</span>" if shape else ""


def judged(change: dict[str, Any]) -> str:
    """A difference with its interval and the verdict on it."""
    what = mark(change) or "no significant difference"
    return f"{signed(change['difference'])} {span(change, signed=True)}, {what}"


def called(name: str) -> str:
    """``ap_small`` as "AP small"."""
    first, _, rest = name.partition("_")
    for short, long in _CALLED.items():
        if first.startswith(short):
            first = long + first[len(short) :]
            break
    return text(f"{first} {rest}".strip())
