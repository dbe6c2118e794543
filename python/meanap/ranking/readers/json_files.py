"""JSON: a dictionary by query, a list of records, or JSON lines."""

from __future__ import annotations

import functools
import json
import os
from typing import Any

from meanap import _core
from meanap.errors import InputError, InputTypeError
from meanap.ranking.readers._bytes import head_of, read_bytes
from meanap.ranking.readers._columns import Columns, qrels_of, run_of
from meanap.ranking.readers._reader import Options, Reader, Role, Run, is_path
from meanap.ranking.readers.dicts import explained, qrels_of_dict, run_of_dict
from meanap.ranking.readers.lists import columns_of_records

__all__ = ["Json"]

_EXPECTED = "a JSON object by query, a JSON array of records or of lists, or a record in each line"


class Json(Reader):
    """``{query: {document: number}}``, lists in place of the inner dictionaries, records, or a record in each line."""

    name = "json"

    def sniff(self, source: Any, options: Options) -> bool:
        """Whether it is a file that begins with a bracket."""
        return is_path(source) and _begins(head_of(source)) in ("{", "[")

    def qrels(self, source: Any, options: Options) -> _core.Qrels:
        """The judgements."""
        read = _read(source, "qrels", options)
        if isinstance(read, Columns):
            return qrels_of(read, options)
        return qrels_of_dict(read, options, os.fsdecode(source))

    def run(self, source: Any, options: Options) -> Run | dict[Any, Any]:
        """The answers."""
        name = os.fsdecode(source)
        read = _read(source, "run", options)
        if isinstance(read, Columns):
            return run_of(read)
        found = run_of_dict(read, name)
        if isinstance(found, dict):
            for error in _nonfinite(found, name):
                raise error
        return found


def _begins(head: bytes) -> str:
    try:
        text = head.decode(json.detect_encoding(head), "replace")
    except LookupError:  # no text at all
        return ""
    return text.removeprefix("\ufeff").lstrip()[:1]


def _nonfinite(lists: dict[Any, Any], name: str) -> list[Exception]:
    """What is wrong with the scores of a file, which is known by its name only here."""
    try:
        wrong = any(score != score for documents in lists.values() for score in map(float, documents.values()))
    except (OverflowError, TypeError, ValueError):
        wrong = True
    return [explained(InputError("cannot be read", name), lists, "run", name)] if wrong else []


def _read(source: Any, role: Role, options: Options) -> Columns | dict[Any, Any]:
    """What the file holds: by query, or columns."""
    name = os.fsdecode(source)
    data = read_bytes(source, _EXPECTED)
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as error:
        raise InputError(f"not JSON: {error}", name, code="not-json") from None
    text = text.removeprefix("\ufeff")
    try:
        value = json.loads(text, object_pairs_hook=functools.partial(_object, name))
    except json.JSONDecodeError as error:
        return _lines(text, role, options, name, error)
    if isinstance(value, dict):
        if value and not any(isinstance(side, (dict, list)) for side in value.values()):
            return columns_of_records([value], role, options, name, [1])
        return value
    if isinstance(value, list) and all(isinstance(documents, list) for documents in value):
        return dict(enumerate(value))  # by position
    if isinstance(value, list) and all(isinstance(record, dict) for record in value):
        return columns_of_records(value, role, options, name)
    raise InputError(None, name, found=f"a JSON {_kind(value)}", expected=_EXPECTED, code="wrong-kind-of-file")


def _object(name: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for i, key in enumerate(names) if key in names[:i])
        raise InputError(None, name, found=f"has {twice!r} twice in an object", code="duplicate-document")
    return found


def _lines(text: str, role: Role, options: Options, name: str, whole: json.JSONDecodeError) -> Columns:
    """A record in each line; `whole` is the error of reading the text as one."""
    records: list[Any] = []
    numbers: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if not records:
                raise InputError(f"not JSON: {whole}", name, code="not-json") from None
            raise InputError(f"not JSON: {error}", name, number, code="not-json", unit="line") from None
        if not isinstance(record, dict):
            raise InputTypeError(
                None, name, number, found=f"is a JSON {_kind(record)}", expected="a record", code="wrong-type",
                unit="line",
            )  # fmt: skip
        records.append(record)
        numbers.append(number)
    return columns_of_records(records, role, options, name, numbers)


def _kind(value: Any) -> str:
    return {list: "array", dict: "object", str: "text", bool: "flag", type(None): "null"}.get(type(value), "number")
