"""Names of categories, from a mapping, a sequence or a file."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meanap._arrays import as_id, shown
from meanap._files import decoded, opened_text, read_json
from meanap.errors import InputError
from meanap.readers._yaml import parse

__all__ = ["are_of_detections", "class_names", "warn_of_unnamed"]


def class_names(names: Any) -> dict[Any, str]:
    """Names of categories by id.

    Parameters
    ----------
    names
        A mapping of id to name; a sequence, the names of ids 0, 1, 2 …; or a path: ``names`` of a YAML file
        (Ultralytics' ``data.yaml``), a JSON file of a mapping, a list, or a COCO data set, or text with one name on
        each line.

    Raises
    ------
    InputError
        They are none of these.

    Examples
    --------
    >>> from meanap.readers import class_names
    >>> class_names(["cat", "dog"])
    {0: 'cat', 1: 'dog'}
    """
    names = decoded(names)
    if isinstance(names, (str, os.PathLike)):
        return _of_file(os.fspath(names))
    return _of(names, "names")


def are_of_detections(
    names: Mapping[Any, str], categories: Sequence[Any] | None, known: Iterable[Any], ids: Iterable[Any]
) -> bool:
    """Whether names are those of the detections' classes: other ids than the ground truth's, or its ids are names.

    Parameters
    ----------
    names
        What is given, by id.
    categories, known
        Ids and names of the categories that the ground truth declares; None if it declares none.
    ids
        Ids of the categories of its objects.
    """
    if categories is None:
        return set(ids) & set(names.values()) != set()
    return not names.keys() <= set(categories) and set(names.values()) <= set(known)


def warn_of_unnamed(names: Any, categories: Sequence[Any], known: Mapping[Any, str]) -> None:
    """Warns if names are given for other ids than the categories of the data have.

    Names of more ids than there are categories are those of a larger data set, and names of fewer rename some of them.
    Both at once are of other ids: names counted from 0 for ids from 1, or those of another data set.

    Parameters
    ----------
    names
        As for `class_names`; None if none are given.
    categories
        Ids of the categories.
    known
        What they are called, by id; other than `names` where these are of the detections' classes.
    """
    if names is None:
        return
    given = class_names(names)
    unnamed = [id for id in categories if id not in given]
    if not unnamed or given.keys() <= set(categories) or not given.items() <= known.items():
        return
    warnings.warn(
        f"names: there is none for {_listed('category', 'categories', unnamed)} of the data, found names for "
        f"{_listed('id', 'ids', list(given))}; a mapping of id to name says which is whose",
        stacklevel=2,
    )


def _listed(one: str, many: str, ids: Sequence[Any]) -> str:
    first = ", ".join(repr(id) for id in ids[:_SHOWN])
    more = f", … ({len(ids)} in all)" if len(ids) > _SHOWN else ""
    return f"{one if len(ids) == 1 else many} {first}{more}"


#: As many ids a warning shows.
_SHOWN = 5


def _of(names: Any, place: str) -> dict[Any, str]:
    if isinstance(names, Mapping):
        found = {}
        for given, name in names.items():
            # Keys of JSON and YAML are text.
            id = int(given) if isinstance(given, str) and re.fullmatch(r"-?\d+", given) else as_id(given)
            if id is None or not isinstance(name, str):
                raise InputError(f"{shown(given)} is {shown(name)}, expected ids and their names", place)
            found[id] = name
        return found
    if isinstance(names, Iterable):
        listed = list(names)
        if all(isinstance(name, str) for name in listed):
            return dict(enumerate(listed))
    expected = "a mapping of id to name, a sequence of names, or a path"
    raise InputError(source=place, found=f"found {shown(names)}", expected=expected)


def _of_file(path: str) -> dict[Any, str]:
    place = f"names: {path}"
    if path.lower().endswith((".json", ".json.gz")):
        value = read_json(path)
        if isinstance(value, Mapping) and isinstance(value.get("categories"), list):
            value = {category.get("id"): category.get("name") for category in value["categories"]}
        elif isinstance(value, Mapping) and "names" in value:
            value = value["names"]
        return _of(value, place)
    with opened_text(path) as file:
        lines = file.read().splitlines()
    if path.lower().endswith((".yaml", ".yml")):
        names = parse("\n".join(lines), frozenset(("names",)), place).get("names")
        if names is None:
            raise InputError('there is no "names"', place)
        return _of(names, place)
    # Lines at the end may be empty; one in between would be a class without a name.
    while lines and not lines[-1].strip():
        lines.pop()
    return _of([line.strip() for line in lines], place)
