"""Judgements by subtopic, of every form, as the core takes them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from meanap import _core
from meanap._arrays import kind_of, shown
from meanap.errors import InputError, InputTypeError
from meanap.ranking.readers._bytes import fields_of, read_bytes
from meanap.ranking.readers._columns import KNOWN, as_list, plain_name
from meanap.ranking.readers._reader import is_path, names_of
from meanap.ranking.readers.tables import is_table, named_columns
from meanap.ranking.readers.text import text_of

__all__ = ["JudgedSubtopics", "read_subtopics"]

#: Usual names of the columns.
_KNOWN = {
    "query": KNOWN["query"],
    "subtopic": ("subtopic", "subtopic_id", "aspect", "intent", "iteration", "iter"),
    "document": KNOWN["document"],
    "grade": KNOWN["grade"],
}
_FIELDS = tuple(_KNOWN)


class Place(NamedTuple):
    """The place of a judgement in its source, for errors."""

    source: str
    record: int | None = None
    unit: str = "record"

    def error(self, found: str, expected: str | None, code: str, field: str | None = None) -> InputError:
        """The error about what was found in this place."""
        kind = InputTypeError if code == "wrong-type" else InputError
        return kind(None, self.source, self.record, field, found, expected, code, self.unit)


Row = tuple[Any, Any, Any, Any]


class JudgedSubtopics(NamedTuple):
    """Judgements by subtopic: a document's grade is the number, from 1, of its row in a table of subtopics, or 0."""

    qrels: _core.Qrels
    #: For each row the start of its entries, ``(N + 1,) int64``; for each entry the number of the subtopic within the
    #: query, and its grade.
    table: tuple[np.ndarray, np.ndarray, np.ndarray]
    #: The highest grade of each query.
    greatest: dict[Any, int]


def read_subtopics(source: Any, columns: Mapping[Any, str | Sequence[str] | None]) -> JudgedSubtopics:
    """Judgements of any form.

    Raises
    ------
    InputError
        A column or field is missing, a grade is no whole number, or a document is judged twice for a subtopic.
    """
    for name in columns:
        if name not in (*_FIELDS, "score", "rank"):
            expected = ", ".join(map(repr, (*_FIELDS, "score", "rank")))
            raise InputError(f"columns: no column is called {name!r}, expected some of {expected}")
    queries: dict[Any, dict[Any, dict[Any, int]]] = {}
    # Subtopics in the order in which they first come, in which ndeval adds their gains.
    seen: dict[Any, dict[Any, None]] = {}
    for place, (query, subtopic, document, grade) in _rows(source, columns):
        for name, id in (("query", query), ("subtopic", subtopic), ("document", document)):
            if id is None:
                raise place.error("is missing", "an id, text or a whole number", "missing-value", name)
        of_document = queries.setdefault(query, {}).setdefault(document, {})
        if subtopic in of_document:
            found = f"has document {document!r} of query {query!r} and subtopic {subtopic!r} a second time"
            raise place.error(found, None, "duplicate-document")
        of_document[subtopic] = _grade(grade, place)
        seen.setdefault(query, {})[subtopic] = None
    offsets: list[int] = [0]
    codes: list[int] = []
    values: list[int] = []
    greatest: dict[Any, int] = {}
    graded: dict[Any, dict[Any, int]] = {}
    for query, documents in queries.items():
        numbers = {subtopic: n for n, subtopic in enumerate(seen[query])}
        greatest[query] = max(grade for of_document in documents.values() for grade in of_document.values())
        graded[query] = {}
        for document in _in_order(documents, query):
            about = sorted((numbers[subtopic], grade) for subtopic, grade in documents[document].items() if grade > 0)
            graded[query][document] = len(offsets) if about else 0
            if about:
                codes += [number for number, _ in about]
                values += [grade for _, grade in about]
                offsets.append(len(codes))
    table = np.array(offsets, dtype=np.int64), np.array(codes, dtype=np.int64), np.array(values, dtype=np.int64)
    return JudgedSubtopics(_core.Qrels.from_dict(graded), table, greatest)


def _in_order(documents: Iterable[Any], query: Any) -> list[Any]:
    """Ids of documents ascending, texts by their bytes, as the core orders them."""

    def order(document: Any) -> Any:
        return document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document

    try:
        return sorted(documents, key=order)
    except TypeError:
        found, expected = f"has ids of several types for query {query!r}", "text or whole numbers"
        raise Place("qrels").error(found, expected, "wrong-type") from None


def _rows(source: Any, columns: Mapping[Any, Any]) -> Iterator[tuple[Place, Row]]:
    """Each judgement, and what it is called in errors."""
    if is_path(source):
        return _of_file(source)
    if is_table(source):
        return _of_table(source, columns)
    if isinstance(source, Mapping):
        return _of_mapping(source)
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes)):
        return _of_records(source, columns)
    expected = "a dict of dicts by subtopic, a path, a table, or a list of (query, subtopic, document, grade)"
    raise Place("qrels").error(f"is {kind_of(source)}", expected, "wrong-type")


def _of_file(path: Any) -> Iterator[tuple[Place, Row]]:
    name = os.fsdecode(path)
    text = text_of(read_bytes(path, "lines of TREC (query subtopic document grade)"), name)
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        fields = fields_of(line.lstrip("\ufeff"))
        if not fields or fields[0].startswith("#"):
            continue
        place = Place(name, number, "line")
        if len(fields) != 4:
            expected = "4 (query subtopic document grade)"
            raise place.error(f"has {len(fields)} fields", expected, "number-of-fields")
        yield place, (fields[0], fields[1], fields[2], fields[3])


def _of_table(source: Any, columns: Mapping[Any, Any]) -> Iterator[tuple[Place, Row]]:
    held = named_columns(source, "qrels")
    lists = []
    for field in _FIELDS:
        lists.append(as_list(held[_named(field, list(held), columns)]))
    for number, (query, subtopic, document, grade) in enumerate(zip(*lists, strict=True)):
        yield Place("qrels", number, "row"), (query, subtopic, document, grade)


def _of_records(source: Iterable[Any], columns: Mapping[Any, Any]) -> Iterator[tuple[Place, Row]]:
    for number, record in enumerate(source):
        place = Place("qrels", number)
        if hasattr(record, "_asdict"):
            record = record._asdict()
        if isinstance(record, Mapping):
            names = list(record)
            query, subtopic, document, grade = (record[_named(field, names, columns)] for field in _FIELDS)
        elif isinstance(record, (tuple, list)) and len(record) == 4:
            query, subtopic, document, grade = record
        else:
            found, expected = f"is {kind_of(record)}", "a judgement (query, subtopic, document, grade)"
            raise place.error(found, expected, "wrong-type")
        yield place, (query, subtopic, document, grade)


def _of_mapping(source: Mapping[Any, Any]) -> Iterator[tuple[Place, Row]]:
    for query, subtopics in source.items():
        if not isinstance(subtopics, Mapping):
            found, expected = f"is {kind_of(subtopics)}", "a dictionary of documents by subtopic"
            raise Place(f"qrels[{query!r}]").error(found, expected, "wrong-type")
        for subtopic, documents in subtopics.items():
            place = Place(f"qrels[{query!r}][{subtopic!r}]")
            if isinstance(documents, Mapping):
                for document, grade in documents.items():
                    yield place, (query, subtopic, document, grade)
            elif isinstance(documents, Iterable) and not isinstance(documents, (str, bytes)):
                for document in documents:
                    yield place, (query, subtopic, document, 1)
            else:
                found, expected = f"is {kind_of(documents)}", "documents with grades, or a list of documents"
                raise place.error(found, expected, "wrong-type")


def _named(field: str, names: list[Any], columns: Mapping[Any, Any]) -> Any:
    given = columns.get(field)
    if given is not None:
        for name in names_of(given):
            if name in names:
                return name
    plain = {plain_name(name): name for name in reversed(names)}
    for known in () if given is not None else _KNOWN[field]:
        if known in plain:
            return plain[known]
    listed, known = ", ".join(map(str, names)), ", ".join(_KNOWN[field][:3])
    expected = f"one for the {field} ({known}, …), or columns= (--column) that names it"
    raise Place("qrels").error(f"has the columns {listed}", expected, "missing-column")


def _grade(value: Any, place: Place) -> int:
    try:
        grade = int(value)
        if (isinstance(value, str) or grade == value) and abs(grade) <= 2**53:
            return grade
    except (TypeError, ValueError, OverflowError):
        pass
    raise place.error(f"is {shown(value)}", "a whole number up to 2^53", "not-a-whole-number", "grade")
