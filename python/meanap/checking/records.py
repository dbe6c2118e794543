"""Ground truth and detections as columns, even if records are invalid."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meanap._counts import counts_of
from meanap.checking.findings import Finding
from meanap.readers import Options
from meanap.readers._rules import RULES
from meanap.readers.sides import GroundTruth

if TYPE_CHECKING:
    from meanap._types import AngleUnit

__all__ = ["NOTHING", "Records", "present"]

#: A field that is not there, where null is a value.
NOTHING: Any = object()


class Records:
    """Columns of ``N`` objects or detections.

    `image` and `category` are positions in `image_ids` and `category_ids`, distinct ids in the order in which they
    come; -1 where there is none. `ids` is None where objects have none. Numbers that are not there, or are none, are
    NaN.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.findings: list[Finding] = []
        self.readable = True
        self.image_ids: list[Any] = []
        self.category_ids: list[Any] = []
        self.image: np.ndarray = np.zeros(0, dtype=np.int64)
        self.category: np.ndarray = np.zeros(0, dtype=np.int64)
        self.ids: list[Any] | None = None
        self.boxes: np.ndarray = np.zeros((0, 4))
        #: Rotated boxes ``(N, 5)`` or ``(N, 8)``, NaN for none, and how their angles are given; `boxes` are the upright
        #: boxes around them.
        self.rotated: np.ndarray | None = None
        self.angles: tuple[AngleUnit, bool] = ("degrees", False)
        #: How the source is read.
        self.reading: Options = Options()
        self.areas: np.ndarray = np.zeros(0)
        self.scores: np.ndarray = np.zeros(0)
        self.crowd: np.ndarray = np.zeros(0, dtype=bool)
        #: Declared images with height and width (NaN for none), and categories with names; None if nothing is declared.
        self.images: list[Any] | None = None
        self.sizes: np.ndarray = np.zeros((0, 2))
        self.categories: list[Any] | None = None
        self.names: list[Any] = []
        #: Areas, boxes and image sizes of masks, NaN for none; None without masks.
        self.masks: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        #: The file whose columns these are, as they stand there; None for any other source.
        self.file: Any = None
        #: Whether the source can say how large images are.
        self.sized = True
        #: Whether the boxes are those around masks or keypoints.
        self.derived_boxes = False
        #: Keypoints and their numbers as the records have them, None for none; None altogether without keypoints.
        self.poses: list[Any] | None = None
        self.num_keypoints: list[Any] | None = None
        #: Names of the categories of the data set.
        self.category_names: dict[Any, str] = {}
        #: By the code of a finding: the same records as its remedy makes them.
        self.mended: dict[str, Records] = {}
        #: Reads the names of the image files, by image id, where they are known.
        self.read_files: Callable[[], dict[Any, str]] = dict
        #: Which records of the source these are, where some cannot be used.
        self.numbers: np.ndarray | None = None
        #: As for `GroundTruth`.
        self.items: np.ndarray | None = None
        self.listed: Literal["by id", "by position"] | None = None
        #: Whether each mask is there and cannot be decoded.
        self.broken_masks: np.ndarray = np.zeros(0, dtype=bool)

    def __len__(self) -> int:
        return len(self.image)

    def add(
        self,
        code: str,
        count: Any,
        example: str,
        *,
        level: str | None = None,
        message: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Adds a finding, if there is anything of it, in the words of its rule where it has none of its own."""
        if count:
            rule = RULES[code]
            found = Finding(
                code, level or rule.level, self.place, int(count), message or rule.what, example, remedy or rule.remedy
            )
            self.findings.append(found)

    def add_rows(self, code: str, rows: Sequence[int] | np.ndarray, *columns: str, **words: str | None) -> None:
        """As `add`, about these records, of which the first is the example, with some of its columns."""
        if len(rows):
            self.add(code, len(rows), self.described(rows[0], *columns), **words)

    def called(self, id: Any) -> str:
        """A category's id, with its name where it has one."""
        name = self.category_names.get(id)
        return repr(id) if name is None or name == str(id) else f"{id!r} ({name})"

    def described(self, row: Any, *columns: str) -> str:
        """How a record reads in a message."""
        row = int(row)
        number = row if self.numbers is None else int(self.numbers[row])
        record = f"record {number}"
        if self.items is not None:
            item, row_of_item = self.items[:, number].tolist()
            record = f"{self.place}[{item}]: row {row_of_item}"
        known = []
        if self.ids is not None and self.place == "ground_truth":
            known.append(f"id {self.ids[row]!r}")
        if self.image[row] >= 0:
            known.append(f"image {self.image_ids[self.image[row]]!r}")
        if self.category[row] >= 0:
            known.append(f"category {self.called(self.category_ids[self.category[row]])}")
        values = {"bbox": self.boxes, "area": self.areas, "score": self.scores}
        known += [f"{name} {_short(values[name][row])}" for name in columns]
        return f"{record}: {', '.join(known)}" if known else record

    @functools.cached_property
    def files(self) -> dict[Any, str]:
        """Names of the image files, by image id, where they are known."""
        return self.read_files()

    def side(self, files: bool = True) -> GroundTruth | None:
        """Images with their sizes and categories, for readers of detections; None if none are known.

        Without `files` the names of their files are not read.
        """
        if self.images is None:
            return None
        truth = GroundTruth([], [], np.zeros((0, 4)), images=dict(zip(self.images, self.sizes.tolist(), strict=True)))
        truth.listed = self.listed
        if self.categories is not None:
            truth.categories = list(self.categories)
            names = zip(self.categories, self.names, strict=True)
            truth.names = {id: str(name) for id, name in names if name is not None}
        if files:
            truth.files = self.files
        return truth

    @functools.cached_property
    def image_sizes(self) -> np.ndarray:
        """Height and width of each record's image ``(N, 2)``, NaN where they are not known."""
        return self.sizes_in(self)

    def sizes_in(self, other: Records) -> np.ndarray:
        """Height and width, as declared here, of the images of another's records."""
        known = {id: size for id, size in zip(self.images or (), self.sizes.tolist(), strict=True)}
        nothing = [math.nan, math.nan]
        table = np.array([*(known.get(id, nothing) for id in other.image_ids), nothing], dtype=np.float64)
        sizes: np.ndarray = table.reshape(-1, 2)[other.image]
        return sizes


def _short(value: Any) -> str:
    if np.ndim(value):
        return "[" + ", ".join(f"{x:g}" for x in value) + "]"
    return f"{value:g}"


def present(codes: np.ndarray) -> np.ndarray:
    """The codes that are there, rising, without -1: `np.unique` imports masked arrays for it."""
    return np.flatnonzero(counts_of(codes[codes >= 0]))
