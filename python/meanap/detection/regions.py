"""Regions of images in which a detection that matches nothing does not count."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import as_id, as_number, as_numbers, kind_of, shown
from meanap.detection.slices import unknown
from meanap.errors import InputError
from meanap.readers import ids_of
from meanap.readers._image_fields import ImageFields

__all__ = ["IgnoreRegions"]

#: The part of a detection's box in the regions from which on it is ignored.
LEAST = 0.5


class IgnoreRegions:
    """The regions to ignore, of images that may come in parts.

    Parameters
    ----------
    given
        Lists of polygons by image id, the name of a field of the images that holds such lists, or None.

    Raises
    ------
    InputError
        They are something else.
    """

    def __init__(self, given: Any = None) -> None:
        self._field = given if isinstance(given, str) else None
        self._regions: dict[Any, list[np.ndarray]] = {}
        self._seen: dict[Any, None] = {}
        if isinstance(given, Mapping):
            for key, polygons in given.items():
                id = as_id(key)
                if id is None:
                    raise InputError(f"ignore_regions: expected image ids, found {shown(key)}")
                self._regions[id] = _polygons(id, polygons)
        elif given is not None and self._field is None:
            expected = "polygons by image id, or the name of a field of the images"
            raise InputError(f"ignore_regions: expected {expected}, found {kind_of(given)}")

    @property
    def field(self) -> str | None:
        """The name of the field of the images that has the regions; None if they were given."""
        return self._field

    @property
    def are_none(self) -> bool:
        """Whether there are no regions, in no image."""
        return self._field is None and not self._regions

    @property
    def images(self) -> list[Any]:
        """The images whose regions are given."""
        return list(self._regions)

    def check_rows(self, there: Collection[Any]) -> None:
        """Checks images against those of them that have objects or detections, where no others are known.

        Raises
        ------
        InputError
            None of them is there.
        """
        missing = [id for id in self._regions if id not in there]
        if missing and len(missing) == len(self._regions):
            raise InputError(f"ignore_regions: no image {missing[0]!r}, and none of the others, has rows")
        if missing:
            text = f"ignore_regions: {len(missing)} images have no rows, the first is {missing[0]!r}"
            warnings.warn(text, stacklevel=4)

    @staticmethod
    def of_rows(ids: Iterable[Any], given: Iterable[Any]) -> IgnoreRegions:
        """The regions in a column of a table: those of an image are in one of its rows, or in all."""
        some = IgnoreRegions()
        there = {id: polygons for id, polygons in zip(ids, given, strict=True) if polygons is not None}
        some._regions = {id: _polygons(id, polygons) for id, polygons in there.items()}
        return some

    def of_images(self, fields: ImageFields, images: Collection[Any]) -> IgnoreRegions:
        """The regions of these images, read from their field if one was named."""
        some = IgnoreRegions()
        if self._field is None:
            self._seen |= dict.fromkeys(images)
            some._regions = self._regions
        else:
            there = fields.values(self._field)
            self._seen |= dict.fromkeys(there)
            some._regions = {id: _polygons(id, polygons) for id, polygons in there.items()}
        return some

    def applied(self, found: _core.Objects) -> _core.Objects:
        """The detections, where those in the regions are ignored if they match nothing.

        Only what `of_images` and `of_rows` return can be applied: no field names its regions.
        """
        flat = [(id, polygon) for id, polygons in self._regions.items() for polygon in polygons]
        return found.ignoring([id for id, _ in flat], [polygon for _, polygon in flat], LEAST) if flat else found

    @staticmethod
    def of_batch(given: Any, items: Sequence[Any], place: str) -> list[list[np.ndarray]]:
        """The corners ``(P, 2)`` of the polygons of each image of a batch.

        Parameters
        ----------
        given
            A list of polygons for each image, the name of the field of the items that has them, or a mapping of image
            id to such lists, also of images of other batches.
        items
            The targets.
        place
            What they are called in errors.

        Raises
        ------
        InputError
            They are something else; the message names the image.
        """
        if isinstance(given, str):
            regions = []
            for at, item in enumerate(items):
                if not isinstance(item, Mapping) or given not in item:
                    raise InputError(None, place, at, given, "is missing, the field of regions to ignore")
                regions.append(_polygons(f"{place}[{at}]", item[given]))
            return regions
        if isinstance(given, Mapping):
            ids = ids_of([item for item in items if isinstance(item, Mapping)], "ground_truth")
            if ids is None or len(ids) != len(items):
                problem = "a mapping of image ids needs targets with an image_id"
                raise InputError(f"ignore_regions: {problem}; a list has the regions of each image in order")
            return [_polygons(id, given.get(id)) for id in ids]
        if isinstance(given, (bytes, np.ndarray)) or not isinstance(given, Iterable):
            expected = "a list of polygons for each image of the batch, or polygons by image id"
            raise InputError(f"ignore_regions: expected {expected}, found {kind_of(given)}")
        several = list(given)
        if len(several) != len(items):
            raise InputError(f"ignore_regions: of {len(several)} images, {place} has {len(items)}")
        return [_polygons(at, polygons) for at, polygons in enumerate(several)]

    def check(self) -> None:
        """Checks that the images, or the field, are there.

        Raises
        ------
        InputError
            They are not.
        """
        if self._field is not None and not self._seen:
            raise InputError(f"ignore_regions: no image has a field {self._field!r}")
        for id in self._regions:
            if id not in self._seen:
                raise unknown(f"ignore_regions: no image {id!r}", id, self._seen)


def _polygons(id: Any, given: Any) -> list[np.ndarray]:
    """The corners ``(P, 2)`` of the polygons of an image."""
    if given is None:
        return []
    place = f"ignore_regions: image {id!r}"
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise InputError(f"{place}: expected a list of polygons, found {shown(given)}")
    polygons = []
    for number, polygon in enumerate(given):
        if as_number(polygon) is not None:
            raise InputError(f"{place}: expected a list of polygons, found the numbers of one")
        corners = np.asarray(as_numbers(polygon, f"{place}: polygon {number}"), dtype=np.float64)
        is_flat = corners.ndim == 1 and corners.size % 2 == 0
        if corners.size < 6 or not (is_flat or (corners.ndim == 2 and corners.shape[1] == 2)):
            found = f"{corners.size} numbers" if corners.ndim == 1 else f"shape {corners.shape}"
            raise InputError(f"{place}: polygon {number}: expected x and y of at least 3 corners, found {found}")
        if not math.isfinite(float(np.abs(corners).sum())):
            raise InputError(f"{place}: polygon {number}: it has a NaN or infinite number")
        polygons.append(np.ascontiguousarray(corners.reshape(-1, 2)))
    return polygons
