"""`Table`: named columns, for printing, iteration, and export to other libraries.

>>> import numpy as np
>>> from meanap.table import Table
>>> table = Table({"category": ["cat", "dog"], "ap": np.array([0.5, 0.75])})
>>> table[1]["ap"], len(table[:1])
(0.75, 1)
>>> print(table.to_markdown())
| category |    ap |
| :------- | ----: |
| cat      | 0.500 |
| dog      | 0.750 |
"""

from __future__ import annotations

import html
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from meanap._arrow import column_of, export
from meanap._keywords import not_there
from meanap._printable import on_one_line
from meanap.errors import MissingPackageError

if TYPE_CHECKING:
    import pandas
    import polars

__all__ = ["Table", "html_table"]

#: How many rows `repr` shows, and how many characters of a cell.
_SHOWN, _LONGEST = 20, 100
#: Characters that LaTeX reads as commands, and how they are written.
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}


class Table:
    """Named columns of one length.

    ``table["name"]`` is a column (a NumPy array, or a list for ids and names), ``table[3]`` a row as a dictionary,
    ``table[:5]`` a table of these rows; iteration gives the rows, and ``to_dict()`` is what every table library takes.
    Libraries with the Arrow interface take the table itself: ``polars.DataFrame(table)``, ``pyarrow.table(table)``,
    ``duckdb.sql("select * from table")``.

    Parameters
    ----------
    columns
        The columns by name, all of one length.
    title
        Text above the table where it is printed.

    Raises
    ------
    ValueError
        The columns differ in length.
    """

    def __init__(self, columns: Mapping[str, Any], title: str = "") -> None:
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {lengths}")
        self.columns: dict[str, Any] = dict(columns)
        self.title = title

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    @overload
    def __getitem__(self, key: str) -> Any: ...

    @overload
    def __getitem__(self, key: int | np.integer) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, key: slice) -> Table: ...

    def __getitem__(self, key: str | int | np.integer | slice) -> Any:
        if isinstance(key, str):
            if key not in self.columns:
                raise KeyError(not_there(f"no column {key!r}", key, self.columns))
            return self.columns[key]
        if isinstance(key, slice):
            return Table({name: column[key] for name, column in self.columns.items()}, self.title)
        if not -len(self) <= key < len(self):
            raise IndexError(f"row {key} of a table with {len(self)} rows")
        return {name: _plain(column[int(key)]) for name, column in self.columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(len(self)))

    def row(self, **wanted: Any) -> dict[str, Any]:
        """The first row with these values, such as ``table.row(name="cat")``.

        Raises
        ------
        KeyError
            There is no such row, or no such column.
        """
        for name in wanted:
            if name not in self.columns:
                raise KeyError(not_there(f"no column {name!r}", name, self.columns))
        for row in self:
            if all(row[name] == value for name, value in wanted.items()):
                return row
        raise KeyError(", ".join(f"{name}={value!r}" for name, value in wanted.items()))

    # For other libraries

    def to_dict(self) -> dict[str, list[Any]]:
        """The columns by name, as lists of Python objects: without NumPy scalars."""
        return {name: [_plain(value) for value in column] for name, column in self.columns.items()}

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The columns for Polars, pandas, pyarrow and DuckDB.

        Ids and names of different kinds become text; None is a null.
        """
        return export({name: column_of(column) for name, column in self.columns.items()}).__arrow_c_stream__(
            requested_schema
        )

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a ``pandas.DataFrame``, in which None is a missing value.

        Raises
        ------
        ImportError
            There is no pandas.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingPackageError("to_pandas needs pandas: pip install pandas") from error
        return pandas.DataFrame(dict(self.columns))

    def to_polars(self) -> polars.DataFrame:
        """The table as a ``polars.DataFrame``: ids and names of different kinds become text, None is a null.

        Raises
        ------
        ImportError
            There is no Polars.
        """
        try:
            import polars
        except ImportError as error:
            raise MissingPackageError("to_polars needs Polars: pip install polars") from error
        return polars.DataFrame(self)

    # As text

    def to_csv(self) -> str:
        """The table as CSV with a header line.

        Numbers have all their digits; a cell without a value (None or NaN) is empty.
        """
        import csv

        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(["" if _is_missing(value) else value for value in row.values()] for row in self)
        return written.getvalue()

    def to_markdown(self, digits: int = 3) -> str:
        """The table in GitHub's Markdown, columns of numbers aligned right.

        Parameters
        ----------
        digits
            Digits of a float after the decimal point; integers have none.
        """
        rows = [[text.replace("\\", "\\\\").replace("|", "\\|") for text in row] for row in self.cells(digits)]
        widths = [max(3, *(len(row[i]) for row in rows)) for i in range(len(self.columns))]
        right = self._are_numbers()
        rules = [
            f"{'-' * (width - 1)}:" if r else f":{'-' * (width - 1)}" for width, r in zip(widths, right, strict=True)
        ]
        cells = [
            [text.rjust(width) if r else text.ljust(width) for text, width, r in zip(row, widths, right, strict=True)]
            for row in (rows[0], rules, *rows[1:])
        ]
        return "\n".join(f"| {' | '.join(row)} |" for row in cells)

    def to_latex(self, digits: int = 3) -> str:
        """The table as a LaTeX ``tabular`` with the rules of the package booktabs.

        Parameters
        ----------
        digits
            Digits of a float after the decimal point; integers have none.
        """
        cells = self.cells(digits)
        rows = [["".join(_LATEX.get(letter, letter) for letter in text) for text in row] for row in cells]
        lines = [" & ".join(row) + r" \\" for row in rows]
        columns = "".join("r" if right else "l" for right in self._are_numbers())
        head = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", lines[0], r"\midrule"]
        return "\n".join([*head, *lines[1:], r"\bottomrule", r"\end{tabular}"])

    def cells(self, digits: int = 3) -> list[list[str]]:
        """The names of the columns, then every row, as text without line breaks and control characters.

        Parameters
        ----------
        digits
            Digits of a float after the decimal point; integers have none.
        """
        return [[on_one_line(text) for text in row] for row in [list(self.columns), *self._cells(len(self), digits)]]

    def to_html(self) -> str:
        """All rows as an HTML ``<table>``, with the title as its caption."""
        return html_table(list(self.columns), self.cells()[1:], self.title)

    def __repr__(self) -> str:
        cells = [[_one_line(text) for text in row] for row in [list(self.columns), *self._cells(_SHOWN)]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in cells]
        if len(self) > _SHOWN:
            lines.append(f"… {len(self) - _SHOWN} more rows")
        return "\n".join([on_one_line(self.title)] * bool(self.title) + lines)

    def _repr_html_(self) -> str:
        rows = self._cells(_SHOWN)
        return html_table(list(self.columns), rows, self.title, len(self) - len(rows))

    def _cells(self, most: int, digits: int = 3) -> list[list[str]]:
        return [[_shown(column[i], digits) for column in self.columns.values()] for i in range(min(len(self), most))]

    def _are_numbers(self) -> list[bool]:
        return [all(value is None or _is_numeric(value) for value in column) for column in self.columns.values()]


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", left_out: int = 0) -> str:
    """An HTML table for a notebook, columns of numbers aligned right.

    Parameters
    ----------
    head
        The headings of the columns.
    rows
        The cells of each row as text.
    title
        The caption.
    left_out
        How many more rows there are; above 0, a last line says so.
    """
    right = [_are_numeric([row[i] for row in rows]) for i in range(len(head))]

    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(cell(text, tag, side) for text, side in zip(cells, right, strict=True)) + "</tr>"

    def cell(text: str, tag: str, is_right: bool) -> str:
        # Notebooks align everything right by default.
        side = "right" if is_right else "left"
        return f'<{tag} style="text-align:{side}">{html.escape(_one_line(text))}</{tag}>'

    caption = f'<caption style="text-align:left">{html.escape(on_one_line(title))}</caption>' if title else ""
    body = "".join(row(cells, "td") for cells in rows)
    if left_out > 0:
        body += f'<tr><td colspan="{len(head)}" style="text-align:left">… {left_out:,} more rows</td></tr>'
    return f"<table>{caption}<thead>{row(head, 'th')}</thead><tbody>{body}</tbody></table>"


def _are_numeric(cells: Sequence[str]) -> bool:
    """Whether the cells of a column that are not empty are numbers or intervals, and there is one."""
    there = [text for text in cells if text]
    return bool(there) and all(
        _is_number(part) for text in there for part in text.removeprefix("[").removesuffix("]").split(", ")
    )


def _one_line(text: str) -> str:
    """A cell on one line, without control characters, cut at `_LONGEST` characters."""
    text = on_one_line(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return text == "–"
    return True


def _is_numeric(value: Any) -> bool:
    return isinstance(value, (float, int, np.number)) and not isinstance(value, bool)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _shown(value: Any, digits: int) -> str:
    value = _plain(value)
    if value is None:
        return ""
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)
