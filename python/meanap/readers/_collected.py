"""Objects that are added one by one, by readers of structured text, and become the columns of a side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _rle
from meanap._arrays import shown
from meanap._similarity import compares_masks, compares_polygons, compares_rotated_boxes
from meanap.errors import InputError
from meanap.readers._problems import Problem, Problems
from meanap.readers.sides import GroundTruth

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["Collected", "finite", "only_boxes"]


def finite(value: Any) -> float | None:
    """A finite number, also one that is written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def only_boxes(name: str, similarity: SimilarityName, place: str) -> None:
    """Reject another similarity than that of boxes.

    Raises
    ------
    InputError
        The similarity compares masks or keypoints.
    """
    if similarity != "bbox":
        problem = f"format {name!r} has boxes only, expected similarity 'bbox', found {similarity!r}"
        raise InputError(problem, place, code="wrong-geometry")


class Collected:
    """Ground truth that grows by an object.

    Parameters
    ----------
    similarity
        What will be compared: boxes, masks of polygons, or rotated boxes of four corners.
    problems
        Takes what is wrong.
    """

    def __init__(self, similarity: SimilarityName, problems: Problems) -> None:
        self.similarity = similarity
        self.problems = problems
        #: Height and width of each image, None where they are not known.
        self.images: dict[Any, tuple[int, int] | None] = {}
        self.files: dict[Any, str] = {}
        self._rows: list[tuple[Any, Any, list[float], bool, bool]] = []
        self._rings: list[list[float]] = []
        self._masks: list[Any] = []

    def wrong(self, code: str, source: str, record: int | None, field: str | None, found: str, expected: str) -> None:
        """Add a problem of an object, which is left out."""
        self.problems.reject(Problem(code, "error", source, record, field, found, expected, unit="object"))

    def numbers(self, values: Mapping[str, Any], source: str, record: int) -> list[float] | None:
        """Numbers of an object by their names; None, and a problem, if one is missing or is none."""
        numbers = []
        for name, value in values.items():
            number = finite(value)
            if number is None:
                found = "is missing" if value is None else f"is {shown(value)}"
                self.wrong("malformed-box", source, record, name, found, "a number")
                return None
            numbers.append(number)
        return numbers

    def box(
        self,
        image: Any,
        category: str,
        corners: Sequence[float],
        source: str,
        record: int,
        *,
        ignore: bool = False,
        crowd: bool = False,
    ) -> None:
        """Add a box of its corners x1, y1, x2, y2."""
        x1, y1, x2, y2 = corners
        if x2 < x1 or y2 < y1:
            found, expected = f"is ({x1}, {y1}, {x2}, {y2})", "a second corner to the right of the first one and below"
            self.wrong("malformed-box", source, record, "box", found, expected)
        elif compares_masks(self.similarity):
            self.wrong("wrong-geometry", source, record, None, "is a box", "a polygon")
        else:
            self._rows.append((image, category, [x1, y1, x2, y2], ignore, crowd))
            if compares_rotated_boxes(self.similarity):
                self._rings.append([x1, y1, x2, y1, x2, y2, x1, y2])

    def polygon(
        self, image: Any, category: str, ring: list[float], source: str, record: int, *, ignore: bool = False
    ) -> None:
        """Add a polygon with corners x1, y1, x2, y2 and so on."""
        if len(ring) < 6:
            self.wrong("broken-mask", source, record, "points", f"has {len(ring) // 2} points", "3 or more")
            return
        if compares_rotated_boxes(self.similarity) and len(ring) != 8:
            self.wrong("wrong-geometry", source, record, "points", f"has {len(ring) // 2} points", "4: a rotated box")
            return
        if compares_masks(self.similarity):
            size = self.images.get(image)
            if size is None:
                found = "is in an image of unknown size"
                self.wrong("image-without-size", source, record, None, found, "height and width")
                return
            try:
                mask = _rle.of_polygons([ring], *size)
            except InputError:
                self.wrong("broken-mask", source, record, "points", f"is {shown(ring)}", "points in or near the image")
                return
            self._masks.append({**mask, "polygons": [ring]} if compares_polygons(self.similarity) else mask)
        self._rows.append(
            (image, category, [min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2])], ignore, False)
        )
        self._rings.append(ring)

    def ground_truth(self, names: Mapping[Any, str] | None = None) -> GroundTruth:
        """The columns."""
        fields: dict[str, Any] = {"boxes": np.array([row[2] for row in self._rows], dtype=np.float64).reshape(-1, 4)}
        if compares_rotated_boxes(self.similarity):
            fields = {"boxes": np.array(self._rings, dtype=np.float64).reshape(-1, 8)}
        if compares_masks(self.similarity):
            fields = {"masks": self._masks}
        truth = GroundTruth(
            [row[0] for row in self._rows],
            [row[1] for row in self._rows],
            **fields,
            ignore=np.array([row[3] for row in self._rows], dtype=bool),
            crowd=np.array([row[4] for row in self._rows], dtype=bool),
            images=self.images,
            categories=names,
        )
        truth.files = dict(self.files)
        if any(size is None for size in self.images.values()):
            truth.sizes = {id: size for id, size in self.images.items() if size is not None}
        return truth
