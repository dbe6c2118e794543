"""Names of columns and of the fields of records: those that are recognised, in any case and spelling."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from meanap.errors import InputError

__all__ = [
    "BOX_COLUMNS",
    "COLUMN_NAMES",
    "ROTATED_COLUMNS",
    "Named",
    "are_columns",
    "columns_of_boxes",
    "holds_category",
    "holds_ids",
    "holds_image",
    "is_table",
    "own_names",
    "plain_name",
    "sides_of_boxes",
]

BOX_COLUMNS = {
    "xyxy": (
        ("x1", "y1", "x2", "y2"),
        ("xmin", "ymin", "xmax", "ymax"),
        ("left", "top", "right", "bottom"),
    ),
    "xywh": (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height")),
    "cxcywh": (("cx", "cy", "width", "height"), ("cx", "cy", "w", "h")),
}

#: Columns of rotated boxes: centre, size and angle, or four corners.
ROTATED_COLUMNS = (
    ("cx", "cy", "width", "height", "angle"),
    ("cx", "cy", "w", "h", "angle"),
    ("x_center", "y_center", "width", "height", "angle"),
    ("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4"),
)

#: Columns of boxes in space: centre, sizes and the turn about the vertical.
_COLUMNS_IN_SPACE = (
    ("x", "y", "z", "length", "width", "height", "yaw"),
    ("x", "y", "z", "l", "w", "h", "yaw"),
)


def columns_of_boxes(widths: tuple[int, ...]) -> tuple[tuple[str, ...], ...]:
    """The choices of columns of rotated boxes of so many numbers, of the plane or in space."""
    return tuple(names for names in (*ROTATED_COLUMNS, *_COLUMNS_IN_SPACE) if len(names) in widths)


#: Names of a column, the most common one first.
COLUMN_NAMES = {
    "image_id": ("image_id", "image_ids", "image", "img_id", "file_name", "filename", "image_name", "image_path"),
    "category_id": (
        "category_id",
        "category_ids",
        "category",
        "class_id",
        "class",
        "cls",
        "label",
        "labels",
        "category_name",
        "class_name",
    ),
    "score": ("score", "scores", "confidence", "conf", "probability"),
    "boxes": ("boxes", "box", "bbox"),
    "keypoints": ("keypoints",),
    "num_keypoints": ("num_keypoints",),
    "size": ("size", "masks.size", "segmentation.size"),
    "counts": ("counts", "masks.counts", "segmentation.counts"),
    "crowd": ("iscrowd", "crowd"),
    "ignore": ("ignore", "difficult"),
    "area": ("area",),
    "image_area": ("image_area",),
    "difficulty": ("difficulty",),
}

_BETWEEN_WORDS = str.maketrans("", "", " _-\t\u00a0")


def plain_name(name: str) -> str:
    """A name in lower case without what stands between words: ``imageid`` for ``Image_ID`` and ``image id``."""
    return name.translate(_BETWEEN_WORDS).lower()


def holds_image(name: str) -> bool:
    """Whether a column or field of this name says of which image something is."""
    return plain_name(name) in _IMAGES


def holds_category(name: str) -> bool:
    """Whether a column or field of this name says of which category something is."""
    return plain_name(name) in _CATEGORIES


def _known() -> Iterator[str]:
    """All names that are recognised, as the documentation has them."""
    for several in COLUMN_NAMES.values():
        yield from several
    for choices in BOX_COLUMNS.values():
        for several in choices:
            yield from several
    for several in (*ROTATED_COLUMNS, *_COLUMNS_IN_SPACE):
        yield from several


_KNOWN = {plain_name(name) for name in _known()}
_CATEGORIES = {plain_name(name) for name in COLUMN_NAMES["category_id"]}
_IMAGES = {plain_name(name) for name in COLUMN_NAMES["image_id"]}
_IDS = {plain_name(name) for of in ("image_id", "category_id") for name in COLUMN_NAMES[of]}


def holds_ids(name: str) -> bool:
    """Whether a column of this name is of ids."""
    return plain_name(name) in _IDS


def own_names(names: Iterable[str], place: str) -> dict[str, str]:
    """The names that a table or record has, by their plain form.

    A name that is as the documentation has it goes before others of the same plain form.

    Raises
    ------
    InputError
        Two others have the same.
    """
    found: dict[str, str] = {}
    exact = set(_known())
    for name in names:
        plain = plain_name(name)
        if plain not in _KNOWN and "." not in name:
            continue
        other = found.setdefault(plain, name)
        if other != name and name in exact:
            found[plain] = name
        elif other != name and other not in exact:
            problem = f"{other!r} and {name!r} may both be the column {plain!r}: columns= says which of them it is"
            raise InputError(problem, place, code="ambiguous-field")
    return found


class Named(Mapping[str, Any]):
    """Columns by the names that are recognised, whichever case and spelling a table has them in.

    Parameters
    ----------
    columns
        The columns by the names that the table has.
    place
        What the table is called in errors.
    names
        A mapping of the name that is recognised to that in the table; the others stay, unless another one takes their
        name.

    Raises
    ------
    InputError
        A name of `names` is not recognised, none of these columns is in the table, or two columns may be the same.
    """

    def __init__(self, columns: Mapping[str, Any], place: str, names: Mapping[str, str] | None = None) -> None:
        names = {} if names is None else names
        for name in names:
            if plain_name(name) not in _KNOWN:
                raise InputError(f"columns: {name!r} is none of {', '.join(map(repr, sorted(set(_known()))))}")
        # Those that a table lacks do not count: ground truth has no scores.
        given = {name: column for name, column in names.items() if column in columns}
        if names and not given:
            raise InputError(f"columns: none of {', '.join(map(repr, names.values()))} is there", place)
        taken = {plain_name(name) for name in given}
        others = [name for name in columns if name not in given.values() and plain_name(name) not in taken]
        self._columns = columns
        self._names = {**{name: name for name in others}, **given}
        self._plain = {**own_names(others, place), **{plain_name(name): column for name, column in given.items()}}

    def own(self, name: str) -> str:
        """The name that the table has for a column."""
        own = self._names.get(name)
        return self._plain[plain_name(name)] if own is None else own

    def __getitem__(self, name: str) -> Any:
        return self._columns[self.own(name)]

    def __contains__(self, name: object) -> bool:
        return name in self._names or (isinstance(name, str) and plain_name(name) in self._plain)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def sides_of_boxes(columns: Container[str], box_format: str, within: str = "") -> tuple[str, list[str]] | None:
    """The format of boxes and the columns of their four numbers, whose names begin with `within`; None without any.

    The corner or the centre of a box may be called x and y: the centre where `box_format` says so, else the corner, as
    of COCO's boxes.
    """
    for format, choices in BOX_COLUMNS.items():
        for names in choices:
            found = [f"{within}{name}" for name in names]
            if all(name in columns for name in found):
                return ("cxcywh" if names[0] == "x" and box_format == "cxcywh" else format), found
    return None


def are_columns(source: Mapping[Any, Any]) -> bool:
    """Whether a dictionary holds columns: ids of images and of categories in several rows."""
    if "annotations" in source:
        return False
    several = {
        plain_name(name)
        for name, column in source.items()
        if isinstance(name, str) and hasattr(column, "__len__") and not isinstance(column, str)
    }
    return all(not several.isdisjoint(map(plain_name, COLUMN_NAMES[of])) for of in ("image_id", "category_id"))


def is_table(source: Any) -> bool:
    """Whether it is a table of any library, or a dictionary of columns."""
    if isinstance(source, Mapping):
        return are_columns(source)
    if isinstance(source, (str, os.PathLike, list, tuple, np.ndarray)):
        return False
    # A Series of pandas is a column, and exports itself as a table does.
    return getattr(source, "ndim", 2) != 1 and any(hasattr(source, name) for name in _OF_TABLES)


#: One of these has each kind of table.
_OF_TABLES = ("__arrow_c_stream__", "__arrow_c_array__", "collect_schema", "fetchnumpy", "column_names", "columns")
