"""A small table: named columns, to look at, to iterate over, to hand on."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import numpy as np

from meanap._arrow import column_of, export
from meanap._printable import shown

__all__ = ["Table", "html_table"]

_SHOWN = 20
#: Letters of a cell that are shown.
_LONGEST = 100


class Table:
    """Named columns of one length.

    ``table["name"]`` is a column (a NumPy array, or a list for ids and names), ``table[3]`` a row as a dictionary,
    iteration gives the rows, and ``to_dict()`` is what every table library takes. Libraries that speak Arrow take the
    table itself: ``polars.DataFrame(table)``, ``pyarrow.table(table)``, ``duckdb.sql("select * from table")``.
    """

    def __init__(self, columns: dict[str, Any], title: str = "") -> None:
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {lengths}")
        self.columns = columns
        self.title = title

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, key: str | int | np.integer) -> Any:
        if isinstance(key, str):
            return self.columns[key]
        if not -len(self) <= key < len(self):
            raise IndexError(f"row {key} of a table with {len(self)} rows")
        return {name: _plain(column[int(key)]) for name, column in self.columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(len(self)))

    def row(self, **wanted: Any) -> dict[str, Any]:
        """The first row with these values.

        Raises
        ------
        KeyError
            There is none.
        """
        for row in self:
            if all(row[name] == value for name, value in wanted.items()):
                return row
        raise KeyError(", ".join(f"{name}={value!r}" for name, value in wanted.items()))

    def to_dict(self) -> dict[str, list[Any]]:
        """Columns as lists of Python objects."""
        return {name: [_plain(value) for value in column] for name, column in self.columns.items()}

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The columns for Polars, pandas, pyarrow and DuckDB. Ids and names of different kinds become text; None is a
        null."""
        return export({name: column_of(column) for name, column in self.columns.items()}).__arrow_c_stream__(
            requested_schema
        )

    def _cells(self, rows: range) -> list[list[str]]:
        return [[_shown(column[i]) for column in self.columns.values()] for i in rows]

    def __repr__(self) -> str:
        cells = [list(self.columns), *self._cells(range(min(len(self), _SHOWN)))]
        cells = [[_one_line(text) for text in row] for row in cells]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in cells]
        if len(self) > _SHOWN:
            lines.append(f"… {len(self) - _SHOWN} more rows")
        return "\n".join([shown(self.title)] * bool(self.title) + lines)

    def _repr_html_(self) -> str:
        rows = self._cells(range(min(len(self), _SHOWN)))
        return html_table(list(self.columns), rows, self.title, len(self) - len(rows))


def html_table(head: list[str], rows: list[list[str]], title: str = "", left_out: int = 0) -> str:
    """A table for a notebook: numbers to the right, a last line that says how many rows are left out."""

    def row(cells: list[str], tag: str) -> str:
        return "<tr>" + "".join(cell(text, tag) for text in cells) + "</tr>"

    def cell(text: str, tag: str) -> str:
        # Notebooks put everything to the right; words read better from the left.
        side = "right" if tag == "td" and _is_number(text) else "left"
        return f'<{tag} style="text-align:{side}">{html.escape(_one_line(text))}</{tag}>'

    caption = f'<caption style="text-align:left">{html.escape(shown(title))}</caption>' if title else ""
    body = "".join(row(cells, "td") for cells in rows)
    if left_out > 0:
        body += f'<tr><td colspan="{len(head)}" style="text-align:left">… {left_out:,} more rows</td></tr>'
    return f"<table>{caption}<thead>{row(head, 'th')}</thead><tbody>{body}</tbody></table>"


def _one_line(text: str) -> str:
    """A cell as it can be shown: on one line, with nothing that steers a terminal, and not endless."""
    text = shown(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return text == "–"
    return True


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _shown(value: Any) -> str:
    value = _plain(value)
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
