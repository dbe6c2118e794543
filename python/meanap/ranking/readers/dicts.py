"""Dictionaries by query: of dictionaries from document to number, of ranked lists, of pairs."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import shown
from meanap.errors import InputError, InputTypeError, no_text
from meanap.ranking.readers._columns import Columns, as_list, qrels_of, run_of
from meanap.ranking.readers._reader import Options, Reader, Role, Run

__all__ = ["Dicts", "explained", "qrels_of_dict", "run_of_dict"]


class Dicts(Reader):
    """A dictionary by query; or an object that gives one (`to_dict`), such as ranx's, or a Series of pandas."""

    name = "dict"

    def sniff(self, source: Any, options: Options) -> bool:
        """Whether it is a mapping, or is made one by `to_dict`."""
        return isinstance(source, Mapping) or hasattr(source, "to_dict")

    def qrels(self, source: Any, options: Options) -> _core.Qrels:
        """The judgements."""
        return qrels_of_dict(_mapping(source), options, "qrels")

    def run(self, source: Any, options: Options) -> Run | dict[Any, Any]:
        """The answers: as they are if they are dictionaries of dictionaries."""
        return run_of_dict(_mapping(source), "run")


def _mapping(source: Any) -> dict[Any, Any]:
    if getattr(getattr(source, "index", None), "nlevels", 1) == 2:  # a Series by query and document
        by_query: dict[Any, Any] = {}
        for (query, document), number in source.items():
            by_query.setdefault(query, []).append((document, number))
        return by_query
    if not isinstance(source, Mapping):
        source = source.to_dict()
    return source if isinstance(source, dict) else dict(source)


def qrels_of_dict(judgements: dict[Any, Any], options: Options, source: str) -> _core.Qrels:
    """``{query: {document: grade}}``; or lists or sets of the relevant documents."""
    _check_queries(judgements, source)
    if all(type(documents) is dict for documents in judgements.values()):
        try:
            return _core.Qrels.from_dict(judgements)
        except (OverflowError, TypeError, ValueError) as error:
            raise explained(error, judgements, "qrels", source) from None
    rows = [
        (query, document, grade)
        for query, documents in judgements.items()
        for document, grade in _judged(query, documents, source)
    ]
    query, document, grade = ([row[i] for row in rows] for i in range(3))
    return qrels_of(Columns(source, query, document, grade, names=("query", "document", "grade")), options)


def _judged(query: Any, documents: Any, source: str) -> list[tuple[Any, Any]]:
    if isinstance(documents, Mapping):
        return list(documents.items())
    if isinstance(documents, AbstractSet):
        return [(document, 1) for document in documents]
    items = _items(query, documents, source, "a dictionary of grades, or a list of the relevant documents")
    return items if _are_pairs(items) else [(document, 1) for document in items]


def run_of_dict(answers: dict[Any, Any], source: str) -> Run | dict[Any, Any]:
    """``{query: {document: score}}``; or lists of documents, best first, or of pairs (document, score)."""
    _check_queries(answers, source)
    kinds = {type(documents) for documents in answers.values()}
    if kinds <= {dict}:
        return answers
    if all(issubclass(kind, Mapping) for kind in kinds):
        return {query: dict(documents) for query, documents in answers.items()}
    queries, lists, scores = list(answers), [], []
    for query, documents in answers.items():
        if isinstance(documents, Mapping):
            pairs = list(documents.items())
        else:
            if isinstance(documents, AbstractSet):
                raise InputTypeError(
                    None, _place(source, query), found="is a set, which has no order",
                    expected="a list of documents, best first", code="wrong-type",
                )  # fmt: skip
            items = _items(query, documents, source, "a dictionary of scores, or a list of documents, best first")
            pairs = items if _are_pairs(items) else [(item, -rank) for rank, item in enumerate(items)]
        lists.append([document for document, _ in pairs])
        scores.append([score for _, score in pairs])
    return run_of(Columns(source, queries, lists, scores, names=("query", "document", "score")))


def _check_queries(lists: Mapping[Any, Any], source: str) -> None:
    if None in lists:
        found, expected = "has None as a query", "an id, text or a whole number"
        raise InputTypeError(None, source, found=found, expected=expected, code="missing-value")


def _place(source: str, *keys: Any) -> str:
    """What the part of a source is called in errors: ``run['q']``, or ``run.json: ['q']``."""
    within = "".join(f"[{key!r}]" for key in keys)
    return f"{source}{within}" if source in ("qrels", "run") else f"{source}: {within}"


def _items(query: Any, documents: Any, source: str, expected: str) -> list[Any]:
    place = _place(source, query)
    if isinstance(documents, (str, bytes)) or not hasattr(documents, "__iter__"):
        raise InputTypeError(None, place, found=f"is {documents!r}", expected=expected, code="wrong-type")
    if hasattr(documents, "columns"):
        raise InputTypeError(None, place, found="is a table", expected=expected, code="wrong-type")
    if _is_by_document(documents):
        return list(documents.items())
    return as_list(documents)


def _is_by_document(documents: Any) -> bool:
    """Whether it is a Series of pandas with numbers by text: labels that are numbers may be the places of rows."""
    return (
        hasattr(documents, "iloc")
        and len(documents) > 0
        and isinstance(documents.index[0], str)
        and isinstance(documents.iloc[0], (int, float, np.number))
    )


def _are_pairs(items: list[Any]) -> bool:
    """Whether each is a document with a number, as documents by themselves are no pairs."""
    return bool(items) and all(isinstance(item, (tuple, list)) and len(item) == 2 for item in items)


def explained(error: Exception, lists: Mapping[Any, Any], role: Role, source: str) -> Exception:
    """The error with the first id or number of a dictionary that cannot be used; else as it is."""
    if isinstance(error, UnicodeEncodeError):
        return no_text(error, source)
    name, expected = ("grade", "a whole number") if role == "qrels" else ("score", "a number")
    for query, documents in lists.items():
        if not isinstance(documents, Mapping):
            continue
        for document, number in documents.items():
            place = _place(source, query, document)
            try:
                value = float(number)
            except (OverflowError, RuntimeError, TypeError, ValueError):
                missing = number is None
                return InputTypeError(
                    None, place, field=name, found="is missing" if missing else f"is {shown(number)}",
                    expected=expected,
                    code="missing-value" if missing else "not-a-number",
                )  # fmt: skip
            if value != value:
                return InputError(None, place, field=name, found="is NaN", expected=expected, code="nan")
            if role == "qrels" and value.is_integer() and abs(value) > 2**53:
                expected = "a whole number up to 2^53"
            if role == "qrels" and (not value.is_integer() or abs(value) > 2**53):
                return InputTypeError(
                    None, place, field=name, found=f"is {number!r}", expected=expected, code="not-a-whole-number"
                )
    return error
