"""Fields of the images that rows of the summary and slices name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from meanap._arrays import as_number, shown
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.readers._image_fields import ImageFields

__all__ = ["IMAGE_AREA", "KnownFields"]

#: The field of an image's height times its width, where it has no other of this name.
IMAGE_AREA = "image_area"


class KnownFields:
    """The values of the fields that an evaluation needs, of images that may come in parts.

    Parameters
    ----------
    rules
        The rows of its summary may name fields, which have to be numbers that all images have or none.
    others
        Names of other fields, of any values.

    Attributes
    ----------
    values : dict
        For each of the fields that images have, its value by image id.
    names : dict
        The names of all fields there are.
    """

    def __init__(self, rules: Protocol, others: Sequence[str] = ()) -> None:
        self._numbers = sorted({row.images[0] for row in rules.summary if row.images is not None})
        self._others = others
        self.values: dict[str, dict[Any, Any]] = {}
        self.names: dict[str, None] = {}
        self._lacking: dict[str, Any] = {}

    @property
    def needed(self) -> tuple[str, ...]:
        """The names of the fields to take."""
        return (*self._numbers, *self._others)

    def take(self, fields: ImageFields, sizes: Mapping[Any, Any]) -> None:
        """Adds the images of a ground truth, and their heights and widths.

        Raises
        ------
        InputError
            Some images have a number of the summary and others have not, or it is no number; the message names image
            and field.
        """
        for name in self._numbers:
            self._take_numbers(name, fields.values(name), fields.images)
        for name in self._others:
            found = fields.values(name)
            if not found and name == IMAGE_AREA:
                found = {id: size[0] * size[1] for id, size in sizes.items() if size is not None and None not in size}
            if found:
                self.values.setdefault(name, {}).update(found)
        if self._others:
            self.names |= dict.fromkeys(fields.names)

    def _take_numbers(self, name: str, found: dict[Any, Any], images: Sequence[Any]) -> None:
        lacking = [id for id in images if id not in found]
        if not found and name not in self.values:
            if lacking:
                self._lacking.setdefault(name, lacking[0])
            return
        lacking = [self._lacking[name]] if name in self._lacking else lacking
        if lacking:
            raise _wrong(lacking[0], name, "is missing, which others have", None)
        values = self.values.setdefault(name, {})
        for id, value in found.items():
            number = as_number(value)
            if number is None or math.isnan(number):
                raise _wrong(id, name, f"is {shown(value)}", "a number")
            values[id] = number

    def add(self, others: KnownFields) -> None:
        """Add the values of another such object."""
        for name, values in others.values.items():
            self.values.setdefault(name, {}).update(values)
        self.names |= others.names

    def to_bytes(self) -> bytes:
        """The values as bytes."""
        return json.dumps({name: list(values.items()) for name, values in self.values.items()}).encode()

    def restore(self, state: bytes) -> None:
        """Replace the values by those that `to_bytes` wrote."""
        self.values = {name: dict(map(tuple, pairs)) for name, pairs in json.loads(state).items()}

    @staticmethod
    def within(values: dict[Any, float], images: Sequence[Any], least: float, most: float) -> np.ndarray:
        """Whether each image has a value from `least` to below `most`: ``(I,) bool``."""
        return np.array([least <= values.get(id, math.nan) < most for id in images], dtype=bool)


def _wrong(image: Any, name: str, found: str, expected: str | None) -> InputError:
    return InputError(source=f"ground_truth: image {image!r}", field=name, found=found, expected=expected)
