"""What pandas' `to_json` and `to_dict` make of a table with ``orient="split"``, ``"tight"`` or ``"index"``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meanap._arrays import as_id, shown
from meanap.errors import InputError
from meanap.readers._column_names import are_columns
from meanap.readers._reader import Options, Role
from meanap.readers.tables import Tables

__all__ = ["Oriented"]

_OF_SPLIT = {"columns", "index", "data", "index_names", "column_names"}


class Oriented(Tables):
    """Names of columns and rows of values, or rows as dictionaries by their place in the index."""

    name = "oriented"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is one of these."""
        if not isinstance(source, Mapping) or not source:
            return False
        if {"columns", "data"} <= source.keys() <= _OF_SPLIT:
            return isinstance(source["columns"], list) and isinstance(source["data"], list)
        first = next(iter(source.values()))
        # What is of an image has several labels.
        if not isinstance(first, Mapping):
            return False
        return are_columns({name: [value] for name, value in first.items() if as_id(value) is not None})

    def table(self, source: Any, place: Role, options: Options) -> dict[str, list[Any]]:
        """The columns by name; those of the index are left out."""
        if not {"columns", "data"} <= source.keys():
            rows = list(source.values())
            names = dict.fromkeys(name for row in rows if isinstance(row, Mapping) for name in row)
            for number, row in enumerate(rows):
                if not isinstance(row, Mapping):
                    raise InputError(None, place, number, found=f"is {shown(row)}", expected="a dictionary", unit="row")
            return {name: [row.get(name) for row in rows] for name in names}
        names, rows = source["columns"], source["data"]
        if len(set(map(str, names))) < len(names):
            raise InputError(f"columns: expected each name once, found {shown(names)}", place)
        for number, row in enumerate(rows):
            if not isinstance(row, (list, tuple)) or len(row) != len(names):
                found = f"has {len(row)} values" if isinstance(row, (list, tuple)) else f"is {shown(row)}"
                raise InputError(None, place, number, None, found, f"{len(names)}, one for each column", unit="row")
        return {str(name): [row[at] for row in rows] for at, name in enumerate(names)}
