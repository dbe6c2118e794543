"""Parquet files, by whichever library is there."""

from __future__ import annotations

import os
from typing import Any

from meanap.errors import InputError
from meanap.ranking.readers._bytes import head_of, read_bytes
from meanap.ranking.readers._columns import Columns
from meanap.ranking.readers._reader import Options, Role, is_path
from meanap.ranking.readers.tables import Tables, columns_of

__all__ = ["Parquet"]


class Parquet(Tables):
    """A Parquet file with columns as a table has them."""

    name = "parquet"

    def sniff(self, source: Any, options: Options) -> bool:
        """Whether it begins as Parquet files do."""
        return is_path(source) and head_of(source).startswith(b"PAR1")

    def columns(self, source: Any, role: Role, options: Options) -> Columns:
        """The columns of the file."""
        from meanap.readers._parquet import read_parquet

        name = os.fsdecode(source)
        if not head_of(source).startswith(b"PAR1"):
            read_bytes(source, "a Parquet file")
            raise InputError(None, name, found="text", expected="a Parquet file", code="wrong-kind-of-file")
        try:
            table = read_parquet(name)
        except (ValueError, OSError) as error:
            # pyarrow's, Polars' and DuckDB's own.
            raise InputError(f"cannot be read as Parquet: {error}", name, code="wrong-kind-of-file") from error
        return columns_of(table, role, options, name)
