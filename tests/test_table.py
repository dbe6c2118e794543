"""`meanap.Table`: every column reaches other libraries and every kind of text as it is."""

import csv
import html
import io
import math
import re

import numpy as np
import pytest

import meanap
from meanap.table import Table

pandas, polars, pyarrow = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))

AWKWARD = ["a|b", "a,b", 'a"b', "50% of $1_000 & {more} #1 ~^\\", "<b>&amp;", "two\nlines", "", None]


@pytest.fixture
def table():
    count = len(AWKWARD)
    return Table(
        {
            "name": list(AWKWARD),
            "count": np.arange(count),
            "value": np.append(np.linspace(0.1, 1 / 3, count - 1), math.nan),
            "better": np.arange(count) % 2 == 0,
        },
        title="awkward",
    )


def test_slices_are_tables_of_these_rows(table):
    for part in (slice(2, 5), slice(None, -1), slice(None, None, 2), slice(5, 2), slice(100)):
        rows = table[part]
        assert type(rows) is Table and rows.title == table.title
        assert repr(list(rows)) == repr(list(table)[part])
        assert list(rows.columns) == list(table.columns)
    assert len(table[:0]) == 0 and "name" in repr(table[:0])


def test_a_slice_of_an_answer_is_a_table_too():
    truth = [{"boxes": [[0, 0, 9, 9]], "labels": [1]}]
    found = [{"boxes": [[0, 0, 9, 9]], "labels": [1], "scores": [0.5]}]
    result = meanap.evaluate(truth, found)
    compared = meanap.compare(result, result, resamples=10)
    assert compared[:2]["number"] == compared["number"][:2] and len(compared[:2].to_markdown().splitlines()) == 4
    assert result.summary[:3]["number"] == list(result)[:3]


def test_other_libraries_get_every_column(table):
    frame, other, arrow = table.to_pandas(), table.to_polars(), pyarrow.table(table)
    assert list(frame.columns) == other.columns == arrow.column_names == list(table.columns)
    assert other["name"].to_list() == arrow["name"].to_pylist() == AWKWARD
    assert [None if pandas.isna(name) else name for name in frame["name"]] == AWKWARD
    assert frame["count"].dtype == np.int64 and frame["better"].dtype == bool
    for name in ("count", "value", "better"):
        for column in (frame[name].to_numpy(), other[name].to_numpy(), arrow[name].to_numpy()):
            np.testing.assert_array_equal(column, table[name])
    frame.loc[0, "count"] = 77
    assert table["count"][0] == 0


def test_csv_keeps_all_digits(table):
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert [row["name"] for row in rows] == [name or "" for name in AWKWARD]
    assert [float(row["value"] or "nan") for row in rows] == pytest.approx(table["value"], abs=0, nan_ok=True)


def test_markdown_has_a_row_on_each_line(table):
    head, rule, *rows = table.to_markdown().splitlines()
    assert len(rows) == len(table) and len({len(line) for line in (head, rule, *rows)}) == 1
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in (head, rule, *rows)]
    assert cells[0] == list(table.columns)
    assert [cell[0] == ":" for cell in cells[1]] == [True, False, False, True]
    assert [row[0].replace("\\|", "|").replace("\\\\", "\\") for row in cells[2:]] == [
        " ".join((name or "").split()) for name in AWKWARD
    ]
    assert cells[2][2] == "0.100"


def test_latex_has_no_command_of_a_name(table):
    text = table.to_latex()
    assert text.startswith("\\begin{tabular}{lrrl}\n\\toprule\n") and text.endswith("\\bottomrule\n\\end{tabular}")
    rows = text.splitlines()[2:-2]
    assert len(rows) == len(table) + 2 and all(row.endswith(" \\\\") or row == "\\midrule" for row in rows)
    assert r"50\% of \$1\_000 \& \{more\} \#1 \textasciitilde{}\textasciicircum{}\textbackslash{} & 3" in text


def test_digits_behind_the_point_are_those_that_are_wanted():
    numbers = Table({"name": ["a"], "AP": [47.25], "objects": [3]})
    assert "a & 47.2 & 3" in numbers.to_latex(digits=1)
    assert numbers.to_markdown(digits=2).splitlines()[2].split() == ["|", "a", "|", "47.25", "|", "3", "|"]


def test_html_has_every_row(table):
    long = Table({"n": np.arange(50)})
    assert long.to_html().count("<tr>") == 51 and long._repr_html_().count("<tr>") == 22
    assert html.escape(AWKWARD[4]) in table.to_html() and AWKWARD[4] not in table.to_html()


def test_a_column_that_there_is_not_is_told_with_the_one_that_was_meant():
    table = Table({"category": ["cat", "dog"], "ap": np.array([0.5, 0.75])})
    for ask in (lambda name: table[name], lambda name: table.row(**{name: 1})):
        with pytest.raises(KeyError, match="no column 'categry'; did you mean 'category'[?]"):
            ask("categry")
        with pytest.raises(KeyError, match="no column 'x'; there are 'category', 'ap'"):
            ask("x")


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="columns differ in length: {'a': 1, 'b': 2}"):
        Table({"a": [1], "b": [1, 2]})
    with pytest.raises(IndexError, match="row 1 of a table with 1 rows"):
        Table({"a": [1]})[1]
    for empty in (Table({}), Table({"a": []})):
        assert len(empty) == 0 and list(empty) == [] and isinstance(empty.to_csv(), str)
        assert isinstance(repr(empty) + empty.to_html() + empty.to_latex() + empty.to_markdown(), str)
