"""`Chosen`, the arguments `image_ids` and `categories` of `meanap.evaluate`: which of them to evaluate."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from meanap import _core
from meanap._arrays import as_ids, shown
from meanap.detection.slices import unknown
from meanap.errors import InputError
from meanap.readers.sides import plain_ids

__all__ = ["Chosen"]


class Chosen:
    """The images and categories to evaluate, of ground truth and detections that may come in parts.

    Parameters
    ----------
    image_ids
        Ids of images; None for all.
    categories
        Ids or names of categories; None for all.

    Raises
    ------
    InputError
        An argument is not a list of ids.
    """

    def __init__(self, image_ids: Any = None, categories: Any = None) -> None:
        self._images = None if image_ids is None else _ids("image_ids", image_ids)
        self._categories = None if categories is None else _ids("categories", categories)
        self._names: list[str] = []
        self._seen: dict[str, dict[Any, None]] = {"image": {}, "category": {}}

    @property
    def are_all(self) -> bool:
        """Whether all images and categories are evaluated."""
        return self._images is None and self._categories is None

    def of_sides(
        self, truth: _core.Objects, found: _core.Objects, images: list[Any] | None
    ) -> tuple[_core.Objects, _core.Objects, list[Any] | None]:
        """The objects of both sides in the chosen images and categories, and the chosen images.

        `images` are the declared images; None if none are.
        """
        if self.are_all:
            return truth, found, images
        known = dict.fromkeys([*(images or ()), *truth.image_ids, *found.image_ids])
        self._seen["image"] |= known
        self._seen["category"] |= dict.fromkeys([*truth.category_ids, *found.category_ids])
        wanted = None if self._images is None else [id for id in self._images if id in known]
        sides = [side.within(wanted, self._categories) for side in (truth, found)]
        return sides[0], sides[1], images if wanted is None else wanted

    def of_categories(self, ids: list[Any] | None, names: Mapping[Any, str]) -> list[Any] | None:
        """The declared categories that are evaluated; None if none are declared.

        Names among the chosen categories are replaced by their ids, for the calls of `of_sides` that follow.
        """
        if self._categories is None:
            return ids
        by_name = {name: id for id, name in names.items()}
        self._names = list(by_name)
        known = set(names if ids is None else ids)
        self._categories = [id if id in known else by_name.get(id, id) for id in self._categories]
        self._seen["category"] |= dict.fromkeys(ids or ())
        wanted = set(self._categories)
        return None if ids is None else [id for id in ids if id in wanted]

    def check(self) -> None:
        """Check that all chosen images and categories were found in the parts that have been read.

        Raises
        ------
        InputError
            One was not; the message names it, and suggests the one that was meant.
        """
        for argument, what, ids in (("image_ids", "image", self._images), ("categories", "category", self._categories)):
            for id in ids or ():
                if id not in self._seen[what]:
                    named = self._names if what == "category" else []
                    raise unknown(f"{argument}: no {what} {id!r}", id, [*named, *self._seen[what]])


def _ids(argument: str, given: Any) -> list[Any]:
    if isinstance(given, (str, bytes)) or not (isinstance(given, Iterable) or hasattr(given, "__array__")):
        raise InputError(f"{argument}: expected ids, found {shown(given)}")
    ids: Collection[Any] = given if hasattr(given, "dtype") else list(given)
    return list(dict.fromkeys(plain_ids(as_ids(ids, argument))))
