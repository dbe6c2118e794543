"""Fields of the images' records that decide which images a number of the summary is of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from meanap._arrays import as_id, as_number, shown
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.readers.sides import GroundTruth

__all__ = ["ImageFields"]


class ImageFields:
    """The values of the fields that the summary of a protocol names, of images that may come in parts.

    Attributes
    ----------
    values : dict
        For each field that images have, its value by image id.
    """

    def __init__(self, rules: Protocol) -> None:
        self._names = {row.images[0] for row in rules.summary if row.images is not None}
        self.values: dict[str, dict[Any, float]] = {}
        self._lacking: dict[str, Any] = {}

    def take(self, truth: Any) -> None:
        """Adds the images of a ground truth, if its format has records of images.

        Raises
        ------
        InputError
            Some images have a field and others have not, or it is no number; the message names image and field.
        """
        records: Sequence[Any] = truth.image_records if isinstance(truth, GroundTruth) else ()
        for name in sorted(self._names):
            lacking = [image["id"] for image in records if name not in image]
            if len(lacking) == len(records) and name not in self.values:
                if lacking:
                    self._lacking.setdefault(name, lacking[0])
                continue
            lacking = [self._lacking[name]] if name in self._lacking else lacking
            if lacking:
                raise _wrong(lacking[0], name, "is missing, which others have", None)
            values = self.values.setdefault(name, {})
            for image in records:
                number = as_number(image[name])
                if number is None or math.isnan(number):
                    raise _wrong(image["id"], name, f"is {shown(image[name])}", "a number")
                values[as_id(image["id"])] = float(number)

    @staticmethod
    def within(values: dict[Any, float], images: Sequence[Any], least: float, most: float) -> np.ndarray:
        """Whether each image has a value from `least` to below `most`: ``(I,) bool``."""
        return np.array([least <= values.get(id, math.nan) < most for id in images], dtype=bool)


def _wrong(image: Any, name: str, found: str, expected: str | None) -> InputError:
    place = f"ground_truth: image {as_id(image)!r}"
    return InputError(source=place, field=name, found=found, expected=expected)
