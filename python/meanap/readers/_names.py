"""Names of categories, from a mapping, a sequence or a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from meanap._arrays import as_id, shown
from meanap._files import read_json
from meanap.errors import InputError

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
        return _of(_of_yaml(lines, place), place)
    # Lines at the end may be empty; one in between would be a class without a name.
    while lines and not lines[-1].strip():
        lines.pop()
    return _of([line.strip() for line in lines], place)


def _of_yaml(lines: list[str], place: str) -> Any:
    """The value of the key ``names``: a block or a flow, of a list or a mapping."""
    start = next((row for row, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        raise InputError('there is no "names"', place)
    rest = _bare(lines[start].split(":", 1)[1])
    if rest:
        text = rest
        for line in lines[start + 1 :]:
            if text.endswith(("]", "}")):
                break
            text += " " + _bare(line)
        return _flow(text, place)
    listed: list[str] = []
    mapped: dict[str, str] = {}
    for line in lines[start + 1 :]:
        bare = _bare(line)
        if not bare:
            continue
        if not line[0].isspace() and not line.startswith("-"):
            break
        if bare.startswith("- "):
            listed.append(_unquoted(bare[2:]))
        elif ":" in bare:
            key, _, value = bare.partition(":")
            mapped[_unquoted(key)] = _unquoted(value)
        else:
            raise InputError(f'"names" has the line {shown(bare)}, expected "- name" or "id: name"', place)
    return listed or mapped


def _flow(text: str, place: str) -> Any:
    """``[cat, dog]`` or ``{0: cat, 1: dog}``."""
    inside = re.fullmatch(r"([\[{])(.*)[\]}]", text)
    if inside is None:
        raise InputError(f'"names" is {shown(text)}, expected a list or a mapping', place)
    parts = [part.strip() for part in re.findall(r"""(?:"[^"]*"|'[^']*'|[^,"'])+""", inside[2])]
    parts = [part for part in parts if part]
    if inside[1] == "[":
        return [_unquoted(part) for part in parts]
    pairs = (part.partition(":") for part in parts)
    return {_unquoted(key): _unquoted(value) for key, _, value in pairs}


def _bare(line: str) -> str:
    """A line without its comment."""
    return re.sub(r"""((?:"[^"]*"|'[^']*'|[^"'#])*?)(?:(?<=\s)#.*|^#.*)?$""", r"\1", line).strip()


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" else text
