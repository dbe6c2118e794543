"""Names of categories, from a mapping, a sequence or a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from meanap._arrays import as_id, shown
from meanap._files import decoded, read_json
from meanap.errors import InputError
from meanap.readers._yaml import parse

__all__ = ["class_names"]


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
    with open(path, encoding="utf-8-sig", errors="replace") as file:
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
