"""Text files: TREC's, and those with a header that names the columns, as BEIR, MTEB and CSV have it."""

from __future__ import annotations

import csv
import io
import os
import warnings
from typing import Any, NamedTuple

from meanap import _core
from meanap.errors import InputError
from meanap.ranking.readers._bytes import fields_of, head_of, read_bytes
from meanap.ranking.readers._columns import KNOWN, Columns, Picked, pick, plain_name, qrels_of, run_of
from meanap.ranking.readers._reader import Options, Reader, Role, Run, is_path, names_of

__all__ = ["Delimited", "Trec", "text_of"]

_EXPECTED = {
    "qrels": "lines of TREC (query iteration document grade), or a header such as query-id, corpus-id, score",
    "run": "lines of TREC (query Q0 document rank score tag), or a header such as query-id, corpus-id, score",
}


class Trec(Reader):
    """TREC's qrels (``query iteration document grade``) and runs (``query Q0 document rank score tag``).

    What follows the tag is passed over, as in trec_eval; a field that is not UTF-8 is read as Latin-1, with a warning.
    """

    name = "trec"

    def sniff(self, source: Any, options: Options) -> bool:
        """Whether it is a file: one without a header that is of no other format."""
        return is_path(source)

    def qrels(self, source: Any, options: Options) -> _core.Qrels:
        """The judgements."""
        data = read_bytes(source, _EXPECTED["qrels"])
        return _judged(os.fsdecode(source), data, ([], [], []), options)

    def run(self, source: Any, options: Options) -> Run:
        """The answers."""
        data = read_bytes(source, _EXPECTED["run"])
        name = os.fsdecode(source)
        return Run(_core.Run.from_trec(name, data, ([], [], [])), (), name)


class Delimited(Reader):
    """TSV and CSV (between tabs, commas or semicolons, perhaps quoted) with a header that names the columns."""

    name = "csv"

    def sniff(self, source: Any, options: Options) -> bool:
        """Whether it is a file whose first line has names of columns."""
        header = header_of(head_of(source)) if is_path(source) else None
        return header is not None and header.names_columns(options)

    def qrels(self, source: Any, options: Options) -> _core.Qrels:
        """The judgements."""
        data, picked = self._read(source, "qrels", options)
        name = os.fsdecode(source)
        if picked.value is None:
            return qrels_of(_rows(data, picked, name), options)
        return _judged(name, data, _names(picked), options)

    def run(self, source: Any, options: Options) -> Run:
        """The answers."""
        data, picked = self._read(source, "run", options)
        name = os.fsdecode(source)
        if picked.value is None:
            return run_of(_rows(data, picked, name))
        return Run(_core.Run.from_trec(name, data, _names(picked)), (), name)

    def _read(self, source: Any, role: Role, options: Options) -> tuple[bytes, Picked]:
        data = read_bytes(source, _EXPECTED[role])
        header = header_of(data)
        name = os.fsdecode(source)
        if header is None:
            raise InputError(None, name, found="has no header", expected="names of columns between tabs or commas")
        return data, pick(header.names, role, options, name)


def _judged(name: str, data: bytes, names: tuple[list[str], list[str], list[str]], options: Options) -> _core.Qrels:
    try:
        return _core.Qrels.from_trec(name, data, names, options.duplicates)
    except InputError as error:
        # Of the lines of a file the core names it, of a document that is judged twice the query.
        raise error if error.source == name else error.at(name) from None


class Header(NamedTuple):
    """The names of the columns, and what lies between them."""

    names: list[str]
    separator: str

    def names_columns(self, options: Options) -> bool:
        """Whether two of them are usual column names, or the user gives one of them."""
        known = {name for names in KNOWN.values() for name in names}
        own = {name for given in options.columns.values() for name in names_of(given)}
        return sum(plain_name(name) in known for name in self.names) > 1 or not own.isdisjoint(self.names)


def header_of(data: bytes) -> Header | None:
    """The first line that is neither empty nor a comment; None if it is not divided."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data[: 1 << 16].decode("utf-16", "replace")
    else:
        text = data[: 1 << 16].decode("utf-8", "replace")
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        line = line.lstrip("\ufeff").rstrip()
        if not line or line.lstrip().startswith("#"):
            continue
        for separator in "\t,; ":
            names = _fields(line, separator)
            if len(names) > 1:
                return Header(names, separator)
        return None
    return None


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        return fields_of(line)
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:  # NUL, to Python 3.10; a field that is too long
        return []


def _names(picked: Picked) -> tuple[list[str], list[str], list[str]]:
    return [plain_name(picked.query)], [plain_name(picked.document)], [plain_name(picked.value)]


def _rows(data: bytes, picked: Picked, name: str) -> Columns:
    """The columns of a file without grades or scores, as text."""
    text = text_of(data, name)
    header = header_of(data)
    assert header is not None
    numbered = enumerate(io.StringIO(text), 1)
    next(line for _, line in numbered if not _passed_over(line, comments=True))
    # Below the header of a CSV file `#` begins an id like any other character.
    comments = header.separator == " "
    lines = [(number, line) for number, line in numbered if not _passed_over(line, comments)]
    places = [header.names.index(column) for column in picked if column is not None]
    rows, numbers = [], []
    for number, line in lines:
        row = _fields(line, header.separator)
        if len(row) < len(header.names):
            raise InputError(
                None, name, number, found=f"has {len(row)} fields",
                expected=f"{len(header.names)} as the header has", code="number-of-fields", unit="line",
            )  # fmt: skip
        rows.append([row[place] for place in places])
        numbers.append(number)
    query, document, *rank = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return Columns(
        name,
        query,
        document,
        rank=rank[0] if picked.rank is not None else None,
        unit="line",
        numbers=numbers.__getitem__,
        names=(picked.query, picked.document, str(picked.rank)),
    )


def text_of(data: bytes, name: str) -> str:
    """The text of a file in UTF-8 or UTF-16; in Latin-1, with a warning, if it has a byte that is not UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        warnings.warn(f"{name}: line {line}: byte 0x{byte:02x} is not UTF-8; the file is read as Latin-1", stacklevel=2)
        return data.decode("latin-1")


def _passed_over(line: str, comments: bool) -> bool:
    line = line.strip().lstrip("\ufeff")
    return not line or (comments and line.startswith("#"))
