"""The ids that the ground truth has for images and categories that detections know by name, or as other numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from meanap._arrays import as_id, shown
from meanap._keywords import did_you_mean
from meanap.errors import InputError
from meanap.readers._column_names import COLUMN_NAMES
from meanap.readers._folders import composed, stem
from meanap.readers._problems import Problem
from meanap.readers.sides import Detections

if TYPE_CHECKING:
    from meanap.readers._reader import Truth

__all__ = ["CategoryIds", "ImageIds", "image_numbers", "of_no_image", "with_ids", "with_known_ids"]


class ImageIds:
    """The ids that the ground truth has for images that are known by the names of their files."""

    def __init__(self, truth: Truth | None) -> None:
        ids = None if truth is None else truth.images
        #: All ids; None where they are not known.
        self.ids: set[Any] | None = None if ids is None else set(ids)
        self._truth = truth
        self._files: dict[str, list[tuple[str, Any]]] | None = None
        self._stems: dict[str, list[tuple[str, Any]]] = {}

    def of(self, name: str) -> Any:
        """The id of an image: that of the file's name, or the number that this is; None if there is no such image.

        Raises
        ------
        InputError
            Several images are called so.
        """
        if (id := self.of_name(name)) is not None or self.ids is None:
            return id
        files = {} if self._truth is None else self._truth.files
        return _numbered(stem(name), self.ids, lambda id: stem(files.get(id, "")))

    def of_name(self, name: str) -> Any:
        """As `of`, by the file's name alone, with or without folders and ending."""
        if self.ids is None or name in self.ids:
            return name
        if self._files is None:
            self._files, self._stems = {}, {}
            for file, id in self._named():
                named = (file.replace("\\", "/"), id)
                self._files.setdefault(_base(file), []).append(named)
                self._stems.setdefault(stem(file), []).append(named)
        # What follows the last point may belong to the name.
        names = (_base(name), stem(name))
        found = next((listed[it] for listed in (self._files, self._stems) for it in names if it in listed), [])
        if len(found) > 1:
            # The folders and the ending say which one it is.
            parts = name.replace("\\", "/").split("/")
            shared = [_shared(parts, file.split("/")) for file, _ in found]
            found = [pair for pair, count in zip(found, shared, strict=True) if count == max(shared)]
        if len({id for _, id in found}) > 1:
            raise InputError(_several(name, "images", [file for file, _ in found]), code="ambiguous-name")
        return found[0][1] if found else None

    def _named(self) -> Iterable[tuple[str, Any]]:
        """Names of files with their images' ids; ids that are texts are names, too, where there are no others."""
        files = {} if self._truth is None else dict(self._truth.files)
        for id in self.ids or ():
            if isinstance(id, str):
                files.setdefault(id, id)
        return [(file, id) for id, file in files.items()]


def _numbered(text: str, ids: set[Any], name_of: Callable[[int], str]) -> int | None:
    """The id that a text writes as a number; None for other texts, and where that id has the name of another number."""
    number = _number(text)
    if number is None or number not in ids:
        return None
    own = _number(name_of(number))
    return number if own is None or own == number else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _base(path: str) -> str:
    """The name of a file without folders."""
    return composed(path.replace("\\", "/").rpartition("/")[2])


def _shared(parts: list[str], others: list[str]) -> int:
    """How many parts at their ends two paths share."""
    count = 0
    for own, other in zip(reversed(parts), reversed(others), strict=False):
        if own != other:
            break
        count += 1
    return count


def _several(name: str, what: str, found: Sequence[Any]) -> str:
    listed = ", ".join(map(repr, found[:3]))
    return f"{name!r} may be {len(found)} {what} of the ground truth: {listed}{', …' if len(found) > 3 else ''}"


def of_no_image(path: str) -> Problem:
    """That a label file is of no image of the ground truth."""
    return Problem("unknown-image", source=path, text="there is no such image in the ground truth")


class CategoryIds:
    """The ids that the ground truth has for categories that are known by their names."""

    def __init__(self, truth: Truth | None) -> None:
        known = None if truth is None else truth.categories
        #: All ids; None where they are not known.
        self.ids: set[Any] | None = None if known is None else set(known)
        self._names: Mapping[Any, str] = {} if truth is None else truth.names
        self._named: dict[str, list[Any]] = {}
        for id, name in self._names.items():
            self._named.setdefault(composed(name), []).append(id)

    def of(self, name: str) -> Any:
        """The id of a category: its name, where the ground truth has no other one.

        Raises
        ------
        InputError
            Several categories are called so.
        """
        found = self.known(name)
        return name if found is None else found

    def known(self, name: str) -> Any:
        """As `of`, or the id that is the number which the name writes; None if there is no such category."""
        found = self._named.get(composed(name), [])
        if len(found) > 1:
            raise InputError(_several(name, "categories", found), code="ambiguous-name")
        return found[0] if found else _numbered(name, self.ids or set(), lambda id: self._names.get(id, ""))


def image_numbers(truth: Truth | None) -> dict[int, str]:
    """The ids of images by the numbers that they write, where the ground truth has texts: ``{139: "000000000139"}``."""
    ids = truth.images if truth is not None else None
    if not ids or not isinstance(ids[0], str):
        return {}
    digits = [id for id in ids if isinstance(id, str) and id.isascii() and id.isdigit()]
    numbers = {int(id): id for id in digits}
    return numbers if len(numbers) == len(digits) else {}


class _Column(NamedTuple):
    """Ids of images or of categories."""

    field: str
    ids: set[Any] | None
    #: The id for a name, or for a number that is written as a text.
    of: Callable[[str], Any]
    #: What a name that is not known is not, and those that there are.
    what: str
    names: Iterable[str]

    def meant(self, given: Sequence[Any]) -> dict[str, Any] | None:
        """The id of each text, where they are names and not ids; None for ids."""
        texts = {id for id in given if id is not None}
        if self.ids is None or not texts or not all(isinstance(id, str) for id in texts) or texts & self.ids:
            return None
        meant = {name: self.of(name) for name in texts}
        return meant if any(id is not None for id in meant.values()) else None

    def unknown(self, row: int, name: Any, field: str, place: str, unit: str) -> Problem:
        """That a name among others that are known is not."""
        found = f"is {name!r}, which is no {self.what} of the ground truth{did_you_mean(name, self.names)}"
        return Problem(f"unknown-{self.field.removesuffix('_id')}", "error", place, row, field, found, unit=unit)


def _columns(truth: Truth | None) -> tuple[_Column, _Column]:
    images, categories = ImageIds(truth), CategoryIds(truth)
    files, names = ([], []) if truth is None else (truth.files.values(), truth.names.values())
    return (
        _Column("image_id", images.ids, images.of, "image or file", files),
        _Column("category_id", categories.ids, categories.known, "category", names),
    )


def with_known_ids(found: Detections, truth: Truth | None) -> Detections:
    """Detections that name categories, or files of images, with the ids that the ground truth has for these.

    Where the ground truth knows none of the names, all stay as they are.

    Raises
    ------
    InputError
        It knows some, but not all, or several things have a name.
    """
    for column in _columns(truth):
        ids = getattr(found, f"{column.field}s")
        try:
            meant = column.meant(ids) if isinstance(ids, list) else None
        except InputError as error:
            raise error.at("detections") from None
        if meant is not None:
            if None in meant.values():
                row = next(row for row, name in enumerate(ids) if meant[name] is None)
                raise column.unknown(row, ids[row], column.field, "detections", "row").error()
            setattr(found, f"{column.field}s", [meant[name] for name in ids])
    return found


def with_ids(records: Sequence[Any], truth: Truth | None, place: str, take: Callable[[Problem], None]) -> Sequence[Any]:
    """COCO's records with ``image_id`` and ``category_id``, where they have names of files and of categories.

    Names are in these fields, or in others that tables may have in their place (``file_name``, ``category`` …).
    `take` is given the problem of each record whose name is not known, or may be several; such a record stays as it is.
    """
    made: dict[str, list[Any]] = {}
    for column in _columns(truth):
        if (ids := _ids_of(records, column, place, take)) is not None:
            made[column.field] = ids
    if not made:
        return records
    rows = zip(*made.values(), strict=True)
    return [
        {**record, **{name: id for name, id in zip(made, row, strict=True) if id is not None}}
        for record, row in zip(records, rows, strict=True)
    ]


def _ids_of(
    records: Sequence[Mapping[str, Any]], column: _Column, place: str, take: Callable[[Problem], None]
) -> list[Any] | None:
    """The ids that records name, None in place of one that is not known; None altogether for ids as they are."""
    own = [as_id(record.get(column.field)) for record in records]
    if any(id is not None for id in own):
        named = {column.field: own}
    else:
        first = next((record for record in records if record), {})
        fields = [field for field in COLUMN_NAMES[column.field] if as_id(first.get(field)) is not None]
        named = {field: [as_id(record.get(field)) for record in records] for field in fields}
    try:
        meant = {field: column.meant(given) for field, given in named.items()}
    except InputError as error:
        take(Problem("ambiguous-name", "error", place, text=error.problem))
        return None
    known = column.ids
    chosen = [
        field
        for field, given in named.items()
        if known is None or meant[field] is not None or any(id in known for id in given)
    ]
    if not chosen:
        # What is there as the id: then it is said that there is no such one.
        return next(iter(named.values())) if named and column.field not in named else None
    # Without a ground truth the first stands for all.
    columns = {field: _looked_up(named[field], meant[field]) for field in (chosen if known else chosen[:1])}
    field, ids = next(iter(columns.items()))
    if field == column.field and meant[field] is None:
        return None
    for row, id in enumerate(ids):
        others = {other: listed[row] for other, listed in columns.items() if listed[row] not in (None, id)}
        if others:
            other, value = next(iter(others.items()))
            both = shown(named[field][row]), shown(named[other][row])
            text = f'"{field}" is {both[0]}, and "{other}" {both[1]}: not the same {column.what}'
            take(Problem("ambiguous-name", "error", place, row, text=text))
        elif id is None and named[field][row] is not None:
            take(column.unknown(row, named[field][row], field, place, "record"))
    return ids


def _looked_up(given: list[Any], meant: Mapping[str, Any] | None) -> list[Any]:
    return given if meant is None else [None if name is None else meant[name] for name in given]
