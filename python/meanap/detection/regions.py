"""Regions of images in which a detection that matches nothing does not count."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import as_id, as_number, as_numbers, shown
from meanap.detection.slices import unknown
from meanap.errors import InputError
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
            raise InputError(f"ignore_regions: expected {expected}, found a {type(given).__name__}")

    @property
    def are_none(self) -> bool:
        """Whether there are none."""
        return self._field is None and not self._regions

    def of(self, found: _core.Objects, fields: ImageFields, images: Collection[Any]) -> _core.Objects:
        """The detections, of which those in regions are ignored if they match nothing."""
        if self._field is not None:
            there = fields.values(self._field)
            self._seen |= dict.fromkeys(there)
            regions = {id: _polygons(id, polygons) for id, polygons in there.items() if polygons is not None}
        else:
            self._seen |= dict.fromkeys(images)
            regions = self._regions
        flat = [(id, polygon) for id, polygons in regions.items() for polygon in polygons]
        return found.ignoring([id for id, _ in flat], [polygon for _, polygon in flat], LEAST) if flat else found

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
