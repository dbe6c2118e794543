"""Columns of one side of an evaluation: ground truth or detections."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from meanap import _core
from meanap._arrays import as_id, as_ids, as_numpy, shown
from meanap._keywords import is_among, suggesting
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.readers._column_names import BOX_COLUMNS
from meanap.readers._image_fields import ImageFields, fields_of_records

if TYPE_CHECKING:
    from meanap._types import BoxFormat, Id, Ids, Masks, Numbers, Points, Rows, SimilarityName

__all__ = ["Detections", "GroundTruth", "Side", "check_known", "first_strange", "joined", "plain_ids"]


_Side = TypeVar("_Side", bound="Side")


class Side:
    """Columns of one side: what `GroundTruth` and `Detections` share."""

    _role: str
    #: Whether rows are COCO's records: then messages name the fields of those.
    records = False
    #: Whether rows are those of a table: then messages name its columns.
    table = False
    #: Which records of the source these are, where some were left out.
    numbers: np.ndarray | None = None
    #: Of a list with an item for each image ``(2, N)``: the item of each record, and the row within it.
    items: np.ndarray | None = None

    def __init__(self, image_ids: Ids, category_ids: Ids, box_format: BoxFormat, arrays: dict[str, Any]) -> None:
        if not is_among(box_format, BOX_COLUMNS):
            raise InputError(f"box_format: expected 'xyxy', 'xywh' or 'cxcywh', found {shown(box_format)}")
        name = type(self).__name__
        self.image_ids: np.ndarray | list[Any] = as_ids(image_ids, f"{name}: image_ids")
        self.category_ids: np.ndarray | list[Any] = as_ids(category_ids, f"{name}: category_ids")
        self.box_format: BoxFormat = box_format
        self.arrays: dict[str, Any] = {key: value for key, value in arrays.items() if value is not None}
        if not {"boxes", "masks", "keypoints"} & self.arrays.keys():
            raise InputError(f"{name}: one of boxes, masks and keypoints is needed")

    def __len__(self) -> int:
        return len(self.image_ids)

    def __repr__(self) -> str:
        kinds = ", ".join(kind for kind in ("boxes", "masks", "keypoints") if kind in self.arrays)
        images = len(set(plain_ids(self.image_ids)))
        return f"{type(self).__name__}({len(self)} objects in {images} images: {kinds})"

    def take(self: _Side, rows: np.ndarray) -> _Side:
        """The objects of some rows."""
        taken = copy.copy(self)
        taken.image_ids, taken.category_ids = _rows(self.image_ids, rows), _rows(self.category_ids, rows)
        taken.arrays = {name: _rows(array, rows) for name, array in self.arrays.items()}
        taken.numbers = rows if self.numbers is None else self.numbers[rows]
        return taken

    def objects(
        self, protocol: Protocol, similarity: SimilarityName, score_range: tuple[float, float] | None
    ) -> _core.Objects:
        """The columns as the core takes them.

        Raises
        ------
        ValueError
            Something cannot be used; the message names argument, row and value.
        """
        fields = self.arrays
        if similarity == "temporal" and "boxes" in fields:
            fields = {**fields, "boxes": _boxes_of_segments(fields["boxes"], self.box_format)}
        return _core.objects_from_arrays(
            self.image_ids,
            self.category_ids,
            detections=self._role == "detections",
            similarity=similarity,
            box_format=self.box_format,
            size=protocol.size,
            score_range=score_range,
            match_crowds=protocol.match_crowds,
            records=self.records,
            fields=fields,
        )


def _boxes_of_segments(boxes: Any, box_format: BoxFormat) -> Any:
    """Segments ``(N, 2)`` as boxes that are 1 high; boxes as they are."""
    array = as_numpy(boxes)
    if array.ndim != 2 or array.shape[1] != 2:
        return boxes
    low, high = {"xyxy": (0.0, 1.0), "xywh": (0.0, 1.0), "cxcywh": (0.5, 1.0)}[box_format]
    count = len(array)
    return np.stack([array[:, 0], np.full(count, low), array[:, 1], np.full(count, high)], axis=1)


def joined(sides: Sequence[_Side]) -> _Side:
    """Several pieces of one side, at least one, as one."""
    first = sides[0]
    whole = copy.copy(first)
    whole.numbers = whole.items = None
    whole.image_ids = _joined([side.image_ids for side in sides])
    whole.category_ids = _joined([side.category_ids for side in sides])
    whole.arrays = {name: _joined([side.arrays[name] for side in sides]) for name in first.arrays}
    return whole


def _joined(parts: list[Any]) -> Any:
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate([part for part in parts if len(part)] or parts[:1])
    return [item for part in parts for item in plain_ids(part)]


def _rows(array: Any, rows: np.ndarray) -> Any:
    return [array[row] for row in rows.tolist()] if isinstance(array, list) else as_numpy(array)[rows]


def plain_ids(ids: Any) -> list[Any]:
    """A column of ids as a list."""
    return ids.tolist() if isinstance(ids, np.ndarray) else list(ids)


class GroundTruth(Side):
    """What is to be found: one row for each object.

    Parameters
    ----------
    image_ids, category_ids : (N,) integers or strings
        Where each object is, and what.
    boxes : (N, 4), optional
        Boxes, in pixels, in `box_format`. Rotated boxes are ``(N, 5)``: centre, width, height and angle, or ``(N, 8)``
        or ``(N, 4, 2)``: four corners. 3D boxes are ``(N, 7)``: x, y, z of the centre, length along x and width along y
        before the turn, height, and yaw in radians from x to y. Segments of time are ``(N, 2)``: start and end, or as
        `box_format` says.
    masks : (N, H, W) of flags or list of COCO run-length dictionaries, optional
    keypoints : (N, K, 3), optional
        ``x, y, visibility``; needs `boxes` too.
    box_format : {"xyxy", "xywh", "cxcywh"}
    area : (N,), optional
        Areas in pixels, for area ranges; those of the boxes or masks by default.
    difficulty : (N,), optional
        KITTI's level of each object, 1 easy, 2 moderate, 3 hard or 4, for protocols that read it.
    num_keypoints : (N,), optional
        Labelled keypoints of each object; one that has 0 neither rewards nor punishes. Counted by default.
    crowd, ignore : (N,) of flags, optional
        Crowd regions; objects that neither reward nor punish.
    images : sequence of ids, or mapping of id to (height, width), optional
        All images, also those without objects. A detection elsewhere is an error.
    categories : sequence of ids, or mapping of id to name, optional
        All categories. An object or detection of another is an error.
    """

    _role = "ground_truth"

    @suggesting()
    def __init__(
        self,
        image_ids: Ids,
        category_ids: Ids,
        boxes: Rows | None = None,
        *,
        masks: Masks | None = None,
        keypoints: Points | None = None,
        box_format: BoxFormat = "xyxy",
        area: Numbers | None = None,
        difficulty: Numbers | None = None,
        num_keypoints: Numbers | None = None,
        crowd: Numbers | None = None,
        ignore: Numbers | None = None,
        images: Iterable[Id] | Mapping[Any, Sequence[int]] | None = None,
        categories: Iterable[Id] | Mapping[Any, str] | None = None,
    ) -> None:
        arrays = {"boxes": boxes, "masks": masks, "keypoints": keypoints, "area": area, "difficulty": difficulty}
        flags = {"num_keypoints": num_keypoints, "iscrowd": crowd, "ignore": ignore}
        super().__init__(image_ids, category_ids, box_format, {**arrays, **flags})
        self.sizes: dict[Any, Any] = dict(images) if isinstance(images, Mapping) else {}
        self.images: list[Any] | None = None if images is None else _ids(images, "GroundTruth: images")
        self.names: dict[Any, str] = dict(categories) if isinstance(categories, Mapping) else {}
        self.categories: list[Any] | None = None if categories is None else _ids(categories, "GroundTruth: categories")
        #: The COCO data set that the columns were made of, if all of its annotations are there.
        self.dataset: Mapping[str, Any] | None = None
        #: Names of the image files, by image id, where they are known.
        self.files: dict[Any, str] = {}
        #: Groups of categories (LVIS's frequencies), and the records of the images, in which LVIS says more.
        self.groups: dict[str, list[Any]] = {}
        self.image_records: Sequence[Mapping[str, Any]] = ()
        #: Reads the fields of the images, of a source that is no COCO data set.
        self.own_fields: Callable[[], ImageFields] | None = None
        #: What detections become where the data set says so: those in its regions to ignore are left out, for example.
        self.on_detections: Callable[[Detections], Detections] | None = None
        #: Whether the images are those of a list, and whether that calls them by their ids or by their position.
        self.listed: Literal["by id", "by position"] | None = None
        for name, ids, known in (
            ("image", self.image_ids, self.images),
            ("category", self.category_ids, self.categories),
        ):
            check_known(ids, known, f"GroundTruth: {name}_ids")

    @property
    def image_fields(self) -> ImageFields:
        """The fields of the images."""
        if self.own_fields is not None:
            return self.own_fields()
        return fields_of_records([as_id(image["id"]) for image in self.image_records], self.image_records)

    def only_visible(self, visibility: tuple[float, float] | None) -> GroundTruth:
        """The same ground truth, where objects whose visibility is out of a range are crowd regions.

        The array ``visibility`` ``(N,)`` holds the visible fraction of each object; without it nothing changes. It is
        not in the returned ground truth.
        """
        arrays = dict(self.arrays)
        visible = arrays.pop("visibility", None)
        if visible is None:
            return self
        least, most = (-np.inf, np.inf) if visibility is None else visibility
        hidden = (visible < least) | (visible > most)
        for name in ("iscrowd", "ignore"):
            arrays[name] = hidden | np.asarray(arrays.get(name, np.zeros(len(self), dtype=bool)), dtype=bool)
        other = copy.copy(self)
        other.arrays = arrays
        return other

    def named(self, names: Mapping[Any, str]) -> GroundTruth:
        """The same ground truth with other names of its categories; those of ids that are not given stay."""
        renamed = copy.copy(self)
        renamed.names = {**self.names, **names}
        return renamed


class Detections(Side):
    """What was found: one row for each detection.

    Parameters
    ----------
    image_ids, category_ids : (N,) integers or strings
        Image and category of each detection.
    scores : (N,)
        Confidence. More is better; 0 to 1, unless the evaluation has ``score_range=None``.
    boxes : (N, 4), optional
        Boxes, in pixels, in `box_format`; rotated and 3D boxes as those of `GroundTruth`.
    masks : (N, H, W) of flags or list of COCO run-length dictionaries, optional
    keypoints : (N, K, 2) or (N, K, 3), optional
    box_format : {"xyxy", "xywh", "cxcywh"}
    area : (N,), optional
        Areas in pixels, for area ranges; those of the boxes or masks by default.
    difficulty : (N,), optional
        As for `GroundTruth`; by default that of the box's height, and 1 of 3D boxes.
    """

    _role = "detections"
    #: Whether scores may be any numbers, as those of COCO results.
    any_score = False

    @suggesting()
    def __init__(
        self,
        image_ids: Ids,
        category_ids: Ids,
        scores: Numbers,
        boxes: Rows | None = None,
        *,
        masks: Masks | None = None,
        keypoints: Points | None = None,
        box_format: BoxFormat = "xyxy",
        area: Numbers | None = None,
        difficulty: Numbers | None = None,
    ) -> None:
        arrays = {"scores": scores, "boxes": boxes, "masks": masks, "keypoints": keypoints, "area": area}
        super().__init__(image_ids, category_ids, box_format, {**arrays, "difficulty": difficulty})
        #: Height and width of images, where results say them.
        self.sizes: dict[Any, tuple[int, int]] = {}


def _ids(ids: Iterable[Any], place: str) -> list[Any]:
    if not isinstance(ids, Iterable):
        raise TypeError(f"{place}: expected ids, or a mapping of them, found a {type(ids).__name__}")
    return plain_ids(as_ids(list(ids), place))


def first_strange(ids: list[Any], known: list[Any] | None) -> Any:
    """The first of the ids that is not known; None if all are, or if the known ids are not given."""
    if known is None:
        return None
    among = set(known)
    return None if among.issuperset(ids) else next(id for id in ids if id not in among)


def check_known(ids: Any, known: list[Any] | None, place: str) -> None:
    """Rejects ids that are not among the known ones, if those are given."""
    strange = first_strange(plain_ids(ids), known)
    if strange is not None:
        row = plain_ids(ids).index(strange)
        found = f"is {strange!r}, which is not among those declared"
        raise InputError(source=place, record=row, unit="row", found=found)
