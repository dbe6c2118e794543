"""Adds the record and the field to the message of an exception, whose class stays the same."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from meanap._arrays import kind_of

# What a malformed record makes Python raise, here as in the reference.
EXCEPTIONS = (KeyError, TypeError, ValueError, IndexError, OverflowError)


def same_class(error: Exception, sentence: str) -> Exception:
    """An exception of the class of ``error`` with the message ``sentence``."""
    cls = type(error)
    try:
        named = cls(sentence)
    except Exception:
        named = None
    if named is None or named.args != (sentence,):
        # The class takes other arguments than a message, as NumPy's own do.
        named = type(cls.__name__, (cls,), {"__init__": Exception.__init__, "__str__": Exception.__str__})(sentence)
    return named


def raise_in_words(error: Exception, sentence: str | None) -> NoReturn:
    """Raises an error with another message, or as it is if that is None; its class stays the same."""
    if sentence is None:
        raise error
    raise same_class(error, sentence) from error


@contextlib.contextmanager
def naming_record(place: str, number: int, name: str, record: Any) -> Iterator[None]:
    """Adds the record and the field to an error; its class stays the same."""
    try:
        yield
    except EXCEPTIONS as error:
        where = f"{place}: record {number}"
        if not isinstance(record, dict):
            sentence = f"{where} is {kind_of(record)}, expected a dict"
        elif name not in record:
            sentence = f'{where}: "{name}" is missing'
        else:
            sentence = f'{where}: "{name}": {error}'
        raise same_class(error, sentence) from error


def raise_again(error: Exception, place: str, records: Iterable[Any], name: str, use: Callable[[Any], Any]) -> None:
    """Raises ``error`` again for the first record whose field cannot be used; returns if there is none."""
    try:
        numbered = enumerate(records)
    except TypeError:
        raise same_class(error, f'"{place}" is {kind_of(records)}, expected a list of records') from error
    for number, record in numbered:
        with naming_record(place, number, name, record):
            use(record[name])
