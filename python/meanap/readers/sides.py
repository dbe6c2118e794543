"""`GroundTruth` and `Detections`: the two sides of an evaluation as columns."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from meanap import _core
from meanap._arrays import as_id, as_ids, as_numpy, kind_of, shown
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
    """Base class of `GroundTruth` and `Detections`."""

    _role: str
    #: Whether rows are COCO's records, whose fields errors then name.
    records = False
    #: Whether rows are those of a table, whose columns errors then name.
    table = False
    #: Positions of the rows among the records of the source, ``(N,)``; None if none was left out.
    numbers: np.ndarray | None = None
    #: For a list with an item for each image, ``(2, N)``: the item of each row, and the position within the item.
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
        """A copy with some rows only, by their positions."""
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
            A value cannot be used; the message names argument, row and value.
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
    """Segments of time ``(N, 2)`` as boxes of height 1; boxes unchanged."""
    array = as_numpy(boxes)
    if array.ndim != 2 or array.shape[1] != 2:
        return boxes
    low, high = {"xyxy": (0.0, 1.0), "xywh": (0.0, 1.0), "cxcywh": (0.5, 1.0)}[box_format]
    count = len(array)
    return np.stack([array[:, 0], np.full(count, low), array[:, 1], np.full(count, high)], axis=1)


def joined(sides: Sequence[_Side]) -> _Side:
    """The rows of several sides of one kind, at least one, in order."""
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
    """Ground truth as columns: one row for each of N objects. At least one of boxes, masks and keypoints is needed.

    Parameters
    ----------
    image_ids, category_ids : (N,) integers or strings
        The image and the category of each object.
    boxes : (N, 4), optional
        Boxes in pixels, in `box_format`. Rotated boxes are ``(N, 5)``: centre, width, height and angle; or ``(N, 8)``
        or ``(N, 4, 2)``: four corners. 3D boxes are ``(N, 7)``: x, y, z of the centre, length along x and width along y
        before the rotation, height, and yaw in radians from x to y. Segments of time are ``(N, 2)``: start and end,
        or with another `box_format` start and length, or centre and length.
    masks : (N, H, W) of flags or list of COCO run-length dictionaries, optional
        Masks.
    keypoints : (N, K, 3), optional
        ``x, y, visibility`` of each keypoint; `boxes` are needed too.
    box_format : {"xyxy", "xywh", "cxcywh"}
        Two corners, a corner and the size, or the centre and the size.
    area : (N,), optional
        Areas in square pixels, for area ranges; by default those of the boxes or masks.
    difficulty : (N,), optional
        KITTI's level of each object, 1 easy, 2 moderate, 3 hard or 4, for protocols that read it.
    num_keypoints : (N,), optional
        How many keypoints of each object are labelled; by default they are counted. An object with 0 is ignored.
    crowd : (N,) of flags, optional
        Whether an object is a crowd region, which several detections may match, and none has to.
    ignore : (N,) of flags, optional
        Whether an object is ignored: it is no false negative, and a detection that matches it no false positive.
    images : sequence of ids, or mapping of id to (height, width), optional
        All images, also those without objects. A detection in another image is an error.
    categories : sequence of ids, or mapping of id to name, optional
        All categories. An object or detection of another category is an error.

    Raises
    ------
    ValueError
        An id or `box_format` cannot be used, or an id is not among `images` or `categories`. All other values, and the
        lengths of the columns, are checked when they are evaluated.
    TypeError
        `images` or `categories` is neither a sequence nor a mapping.
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
        #: Height and width of the masks of each image, of a list with an item for each image.
        self.mask_sizes: dict[Any, tuple[int, int]] = {}
        self.sizes: dict[Any, Any] = dict(images) if isinstance(images, Mapping) else {}
        self.images: list[Any] | None = None if images is None else _ids(images, "GroundTruth: images")
        self.names: dict[Any, str] = dict(categories) if isinstance(categories, Mapping) else {}
        self.categories: list[Any] | None = None if categories is None else _ids(categories, "GroundTruth: categories")
        #: The COCO data set from which the columns were made; None if annotations were left out.
        self.dataset: Mapping[str, Any] | None = None
        #: Names of the image files by image id, as far as they are known.
        self.files: dict[Any, str] = {}
        #: Groups of categories (LVIS's frequencies); and the records of the images, which have LVIS's lists.
        self.groups: dict[str, list[Any]] = {}
        self.image_records: Sequence[Mapping[str, Any]] = ()
        #: Reads the fields of the images, if the source is not a COCO data set.
        self.own_fields: Callable[[], ImageFields] | None = None
        #: Applied to all detections of this data set: it may leave out those in regions to ignore, for example.
        self.on_detections: Callable[[Detections], Detections] | None = None
        #: For a list with an item for each image: whether image ids were given, or are positions. None for others.
        self.listed: Literal["by id", "by position"] | None = None
        for name, ids, known in (
            ("image", self.image_ids, self.images),
            ("category", self.category_ids, self.categories),
        ):
            check_known(ids, known, f"GroundTruth: {name}_ids")

    @property
    def image_fields(self) -> ImageFields:
        """The fields of the images, for slices and rows of the summary."""
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
        """A copy in which the categories with these ids have other names."""
        renamed = copy.copy(self)
        renamed.names = {**self.names, **names}
        return renamed


class Detections(Side):
    """Detections as columns: one row for each of N detections. At least one of boxes, masks and keypoints is needed.

    Parameters
    ----------
    image_ids, category_ids : (N,) integers or strings
        The image and the category of each detection.
    scores : (N,)
        Confidence, higher is better; 0 to 1, unless the evaluation has another ``score_range``.
    boxes : (N, 4), optional
        Boxes in pixels, in `box_format`; rotated boxes, 3D boxes and segments as for `GroundTruth`.
    masks : (N, H, W) of flags or list of COCO run-length dictionaries, optional
        Masks.
    keypoints : (N, K, 2) or (N, K, 3), optional
        ``x, y`` of each keypoint; a third number is not read.
    box_format : {"xyxy", "xywh", "cxcywh"}
        Two corners, a corner and the size, or the centre and the size.
    area : (N,), optional
        Areas in square pixels, for area ranges; by default those of the boxes or masks.
    difficulty : (N,), optional
        As for `GroundTruth`; by default the level of the box's height, for 3D boxes 1.

    Raises
    ------
    ValueError
        An id or `box_format` cannot be used. All other values are checked when they are evaluated.
    """

    _role = "detections"
    #: Whether scores are not checked against ``score_range``, as for COCO results.
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
        #: Height and width of images by image id, if the results have them.
        self.sizes: dict[Any, tuple[int, int]] = {}


def _ids(ids: Iterable[Any], place: str) -> list[Any]:
    if not isinstance(ids, Iterable):
        raise TypeError(f"{place}: expected ids, or a mapping of them, found {kind_of(ids)}")
    return plain_ids(as_ids(list(ids), place))


def first_strange(ids: list[Any], known: list[Any] | None) -> Any:
    """The first of the ids that is not among `known`; None if all are, or if `known` is None."""
    if known is None:
        return None
    among = set(known)
    return None if among.issuperset(ids) else next(id for id in ids if id not in among)


def check_known(ids: Any, known: list[Any] | None, place: str) -> None:
    """Check that all ids are among `known`, unless that is None.

    Raises
    ------
    InputError
        One is not; the message names `place` and row.
    """
    strange = first_strange(plain_ids(ids), known)
    if strange is not None:
        row = plain_ids(ids).index(strange)
        found = f"is {strange!r}, which is not among those declared"
        raise InputError(source=place, record=row, unit="row", found=found)
