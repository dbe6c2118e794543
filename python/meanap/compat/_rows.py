"""Columns of what a model finds in an image as records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meanap.errors import InputError

__all__ = ["records_of"]


def records_of(columns: Mapping[str, Sequence[Any]], names: Mapping[str, str], place: str) -> Iterator[dict[str, Any]]:
    """A dictionary for each row.

    Parameters
    ----------
    columns
        The columns by the names that they have in the dictionaries.
    names
        What the model calls them.
    place
        The image, for errors.

    Raises
    ------
    InputError
        A column is longer or shorter than the first.
    """
    (first, of_first), *others = columns.items()
    for name, column in others:
        if len(column) != len(of_first):
            found = f'has {len(column)} rows, "{names[first]}" has {len(of_first)}'
            raise InputError(source=place, field=names[name], found=found)
    return (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
