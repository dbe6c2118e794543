"""Ground truth and detections, however the user has them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import as_ids, as_numpy
from meanap._files import read_json
from meanap.detection.streams import is_parquet, read_parquet
from meanap.detection.tables import BOX_COLUMNS, columns_of, side_of
from meanap.protocol import Protocol

__all__ = [
    "Detections",
    "GroundTruth",
    "Labelled",
    "Side",
    "coco_ground_truth",
    "coco_results",
    "detections_from",
    "first_strange",
    "ground_truth_from",
    "groups_of",
    "joined",
    "names_of",
]


class Side:
    """Columns of one side: what `GroundTruth` and `Detections` share."""

    _role: str

    def __init__(self, image_ids: Any, category_ids: Any, box_format: str, arrays: dict[str, Any]) -> None:
        if box_format not in BOX_COLUMNS:
            raise ValueError(f"box_format: expected 'xyxy', 'xywh' or 'cxcywh', found {box_format!r}")
        name = type(self).__name__
        self.image_ids = as_ids(image_ids, f"{name}: image_ids")
        self.category_ids = as_ids(category_ids, f"{name}: category_ids")
        self.box_format = box_format
        self.arrays = {key: value for key, value in arrays.items() if value is not None}
        if not {"boxes", "masks", "keypoints"} & self.arrays.keys():
            raise ValueError(f"{name}: one of boxes, masks and keypoints is needed")

    def __len__(self) -> int:
        return len(self.image_ids)

    def __repr__(self) -> str:
        kinds = ", ".join(kind for kind in ("boxes", "masks", "keypoints") if kind in self.arrays)
        images = len(set(_plain(self.image_ids)))
        return f"{type(self).__name__}({len(self)} objects in {images} images: {kinds})"

    def take(self, rows: np.ndarray) -> Side:
        """The objects of some rows."""
        taken = object.__new__(type(self))
        taken.__dict__.update(self.__dict__)
        taken.image_ids, taken.category_ids = _rows(self.image_ids, rows), _rows(self.category_ids, rows)
        taken.arrays = {name: _rows(array, rows) for name, array in self.arrays.items()}
        return taken

    def objects(self, protocol: Protocol, similarity: str, score_range: tuple[float, float] | None) -> _core.Objects:
        """The columns as the core takes them.

        Raises
        ------
        ValueError
            Something cannot be used; the message names argument, row and value.
        """
        return _core.objects_from_arrays(
            self.image_ids,
            self.category_ids,
            detections=self._role == "detections",
            similarity=similarity,
            box_format=self.box_format,
            size=protocol.size,
            score_range=score_range,
            crowds=protocol.crowds,
            fields=self.arrays,
        )


def joined(sides: Sequence[Any]) -> Any:
    """Several pieces of one side, at least one, as one."""
    first = sides[0]
    whole = object.__new__(type(first))
    whole.__dict__.update(first.__dict__)
    whole.image_ids = _joined([side.image_ids for side in sides])
    whole.category_ids = _joined([side.category_ids for side in sides])
    whole.arrays = {name: _joined([side.arrays[name] for side in sides]) for name in first.arrays}
    return whole


def _joined(parts: list[Any]) -> Any:
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate([part for part in parts if len(part)] or parts[:1])
    return [item for part in parts for item in _plain(part)]


def _rows(array: Any, rows: np.ndarray) -> Any:
    return [array[row] for row in rows.tolist()] if isinstance(array, list) else as_numpy(array)[rows]


def _plain(ids: Any) -> list[Any]:
    return ids.tolist() if isinstance(ids, np.ndarray) else list(ids)


class GroundTruth(Side):
    """What is to be found: one row for each object.

    Parameters
    ----------
    image_ids, category_ids : (N,) integers or strings
        Where each object is, and what.
    boxes : (N, 4), optional
        Boxes, in pixels, in `box_format`.
    masks : (N, H, W) of flags or list of COCO run-length dictionaries, optional
    keypoints : (N, K, 3), optional
        ``x, y, visibility``; needs `boxes` too.
    box_format : {"xyxy", "xywh", "cxcywh"}
    area : (N,), optional
        Areas in pixels, for area ranges; those of the boxes or masks by default.
    crowd, ignore : (N,) of flags, optional
        Crowd regions; objects that neither reward nor punish.
    images : sequence of ids, or mapping of id to (height, width), optional
        All images, also those without objects. A detection elsewhere is an error.
    categories : sequence of ids, or mapping of id to name, optional
        All categories. An object or detection of another is an error.
    """

    _role = "ground_truth"

    def __init__(
        self,
        image_ids: Any,
        category_ids: Any,
        boxes: Any = None,
        *,
        masks: Any = None,
        keypoints: Any = None,
        box_format: str = "xyxy",
        area: Any = None,
        crowd: Any = None,
        ignore: Any = None,
        images: Iterable[Any] | Mapping[Any, Sequence[int]] | None = None,
        categories: Iterable[Any] | Mapping[Any, str] | None = None,
    ) -> None:
        arrays = {"boxes": boxes, "masks": masks, "keypoints": keypoints, "area": area}
        super().__init__(image_ids, category_ids, box_format, {**arrays, "iscrowd": crowd, "ignore": ignore})
        self.sizes = dict(images) if isinstance(images, Mapping) else {}
        self.images = None if images is None else _ids(images, "GroundTruth: images")
        self.names = dict(categories) if isinstance(categories, Mapping) else {}
        self.categories = None if categories is None else _ids(categories, "GroundTruth: categories")
        #: Groups of categories (LVIS's frequencies), and what LVIS says of images.
        self.groups: dict[str, list[Any]] = {}
        self.labelled: Labelled | None = None
        for name, ids, known in (
            ("image", self.image_ids, self.images),
            ("category", self.category_ids, self.categories),
        ):
            _check_known(ids, known, f"GroundTruth: {name}_ids")


class Detections(Side):
    """What was found: one row for each detection.

    Parameters
    ----------
    image_ids, category_ids : (N,) integers or strings
        Where each detection is, and what it is said to be.
    scores : (N,)
        Confidence. More is better; 0 to 1, unless ``score_range=None`` is asked for at evaluation.
    boxes : (N, 4), optional
        Boxes, in pixels, in `box_format`.
    masks : (N, H, W) of flags or list of COCO run-length dictionaries, optional
    keypoints : (N, K, 2) or (N, K, 3), optional
    box_format : {"xyxy", "xywh", "cxcywh"}
    area : (N,), optional
        Areas in pixels, for area ranges; those of the boxes or masks by default.
    """

    _role = "detections"

    def __init__(
        self,
        image_ids: Any,
        category_ids: Any,
        scores: Any,
        boxes: Any = None,
        *,
        masks: Any = None,
        keypoints: Any = None,
        box_format: str = "xyxy",
        area: Any = None,
    ) -> None:
        arrays = {"scores": scores, "boxes": boxes, "masks": masks, "keypoints": keypoints, "area": area}
        super().__init__(image_ids, category_ids, box_format, arrays)


class Labelled:
    """What LVIS says of each image: which categories were looked for, and which of them exhaustively."""

    def __init__(self, negative: dict[Any, set[Any]], not_exhaustive: dict[Any, set[Any]]) -> None:
        self.negative = negative
        self.not_exhaustive = not_exhaustive


def _ids(ids: Any, place: str) -> list[Any]:
    return _plain(as_ids(list(ids), place))


def first_strange(ids: list[Any], known: list[Any] | None) -> Any:
    """The first of the ids that is not known; None if all are, or if nothing is said of what is."""
    if known is None:
        return None
    among = set(known)
    return next((id for id in ids if id not in among), None)


def _check_known(ids: Any, known: list[Any] | None, place: str) -> None:
    strange = first_strange(_plain(ids), known)
    if strange is not None:
        row = _plain(ids).index(strange)
        raise ValueError(f"{place}: row {row} is {strange!r}, which is not among those declared")


# COCO's dictionaries and files


def ground_truth_from(value: Any, similarity: str, box_format: str = "xyxy") -> GroundTruth:
    """Ground truth from a path, a COCO dictionary, a table, or columns that are there already."""
    if isinstance(value, GroundTruth):
        return value
    if isinstance(value, (str, os.PathLike)):
        value = _load(value)
    if isinstance(value, Mapping) and "annotations" in value:
        return coco_ground_truth(value, similarity)
    if isinstance(value, Mapping):
        raise _no_annotations(value, "ground_truth")
    if (columns := columns_of(value, "ground_truth")) is not None:
        return _of_columns(GroundTruth, side_of(columns, False, box_format, "ground_truth"))
    raise TypeError(
        "ground_truth: expected a path, a COCO dictionary, meanap.GroundTruth, a list of one dictionary for each "
        f"image, or a table; found a {type(value).__name__}"
    )


def _no_annotations(value: Mapping[str, Any], place: str) -> ValueError:
    there = ", ".join(map(repr, value)) or "no fields"
    return ValueError(f'{place}: a COCO dictionary has "annotations"; there are {there}')


def detections_from(value: Any, similarity: str, box_format: str = "xyxy") -> Detections:
    """Detections from a path, a list of COCO results, an ``(N, 7)`` array, a table, or columns."""
    if isinstance(value, Detections):
        return value
    if isinstance(value, (str, os.PathLike)):
        value = _load(value)
    if isinstance(value, Mapping) and "annotations" in value:
        value = value["annotations"]
    if isinstance(value, Mapping):
        raise _no_annotations(value, "detections")
    if isinstance(value, (list, tuple)) and (not value or isinstance(value[0], Mapping)):
        return coco_results(value, similarity)
    if isinstance(value, np.ndarray):
        if value.ndim != 2 or value.shape[1] != 7:
            raise ValueError(f"detections: expected shape (N, 7), found {value.shape}")
        image_ids, category_ids = (_whole(value[:, at], name) for at, name in ((0, "image"), (6, "category")))
        return Detections(image_ids, category_ids, value[:, 5], value[:, 1:5], box_format="xywh")
    if (columns := columns_of(value, "detections")) is not None:
        return _of_columns(Detections, side_of(columns, True, box_format, "detections"))
    raise TypeError(
        "detections: expected a path, a list of COCO results, meanap.Detections, a list of one dictionary for each "
        f"image, or a table; found a {type(value).__name__}"
    )


def _whole(column: np.ndarray, name: str) -> np.ndarray:
    ids = np.asarray(column, dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(ids) < 2**53) | (ids != np.floor(ids)))
    if len(wrong):
        raise ValueError(f"detections: row {wrong[0]}: the {name} id is {ids[wrong[0]]}, expected an integer")
    return ids.astype(np.int64)


def _of_columns(kind: Any, columns: dict[str, Any]) -> Any:
    image_area = columns.pop("image_area", None)
    side = kind(**columns)
    if image_area is not None:
        side.arrays["image_area"] = image_area
    return side


def _load(path: Any) -> Any:
    if is_parquet(path):
        return read_parquet(path)
    return read_json(path)


def _column(records: Sequence[Mapping[str, Any]], name: str, place: str, default: Any = ...) -> list[Any]:
    try:
        if default is not ...:
            return [record.get(name, default) for record in records]
        return [record[name] for record in records]
    except (AttributeError, KeyError, TypeError):
        for row, record in enumerate(records):
            if not isinstance(record, Mapping):
                found = type(record).__name__
                raise TypeError(f"{place}: record {row}: expected a dictionary, found a {found}") from None
            if name not in record:
                raise ValueError(f'{place}: record {row}: "{name}" is missing') from None
        raise


def _numbers(values: list[Any], name: str, place: str) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float64).reshape(len(values))
    except (TypeError, ValueError):
        for row, value in enumerate(values):
            if not isinstance(value, (int, float, np.number)):
                raise ValueError(f'{place}: record {row}: "{name}" is {value!r}, expected a number') from None
        raise


def _boxes(records: Sequence[Mapping[str, Any]], place: str) -> np.ndarray:
    boxes = _column(records, "bbox", place)
    try:
        array = np.array(boxes, dtype=np.float64).reshape(len(boxes), 4)
    except (TypeError, ValueError):
        row = next(i for i, box in enumerate(boxes) if np.shape(box) != (4,))
        raise ValueError(
            f'{place}: record {row}: "bbox" is {boxes[row]!r}, expected 4 numbers (x, y, width, height)'
        ) from None
    return array


def _plain_columns(records: Any, similarity: str, detections: bool) -> dict[str, Any] | None:
    """The columns of dictionaries, if they hold plain numbers only; if not, each has to be looked at."""
    return _core.plain_columns(records, detections, similarity == "bbox") if type(records) is list else None


def _geometry(
    records: Sequence[Mapping[str, Any]], columns: dict[str, Any], similarity: str, place: str, sizes: Any
) -> dict[str, Any]:
    if "bbox" in columns:
        return {"boxes": columns["bbox"]}
    if similarity in ("segm", "boundary"):
        shapes = _column(records, "segmentation", place)
        images = _column(records, "image_id", place)
        return {
            "masks": [
                _run_lengths(shape, sizes.get(image), f"{place}: record {row}")
                for row, (shape, image) in enumerate(zip(shapes, images, strict=True))
            ]
        }
    if similarity == "keypoints":
        points = _column(records, "keypoints", place)
        geometry: dict[str, Any] = {"keypoints": _poses(points, place)}
        if not records or "bbox" in records[0]:
            geometry["boxes"] = _boxes(records, place)
        return geometry
    return {"boxes": _boxes(records, place)}


def _poses(points: list[Any], place: str) -> np.ndarray:
    if not points:
        return np.zeros((0, 0, 3))
    try:
        return np.array(points, dtype=np.float64).reshape(len(points), -1, 3)
    except (TypeError, ValueError):
        lengths = [len(pose) if np.ndim(pose) == 1 else 0 for pose in points]
        row = next((i for i, length in enumerate(lengths) if not length or length % 3 or length != lengths[0]), 0)
        raise ValueError(
            f'{place}: record {row}: "keypoints" is {points[row]!r}, expected x, y and visibility of each point, of as '
            "many points everywhere"
        ) from None


def _run_lengths(shape: Any, size: Any, place: str) -> dict[str, Any]:
    if isinstance(shape, Mapping):
        return dict(shape)
    if size is None:
        raise ValueError(f'{place}: "segmentation" holds no run lengths, and its image no height and width')
    from meanap.coco import mask

    try:
        return dict(mask.merge(mask.frPyObjects(shape, *size)))
    except (IndexError, TypeError, ValueError) as problem:
        raise ValueError(f'{place}: "segmentation" is no polygons: {problem}') from None


def coco_ground_truth(dataset: Mapping[str, Any], similarity: str) -> GroundTruth:
    """The columns of a COCO data set."""
    place = "ground_truth"
    annotations = dataset["annotations"]
    images = dataset.get("images")
    categories = dataset.get("categories")
    image_ids = _listed(images or (), f"{place}: images")
    names = names_of(categories or ())
    sizes = {id: (image.get("height"), image.get("width")) for id, image in zip(image_ids, images or (), strict=True)}
    columns = _plain_columns(annotations, similarity, detections=False)
    if columns is None:
        areas = _column(annotations, "area", place, default=math.nan)
        columns = {
            "image_id": _column(annotations, "image_id", place),
            "category_id": _column(annotations, "category_id", place),
            "iscrowd": np.array([bool(x) for x in _column(annotations, "iscrowd", place, default=0)], dtype=bool),
            "area": _numbers(areas, "area", place),
        }
        if all(type(annotation.get("id")) is int for annotation in annotations):
            columns["id"] = np.array([annotation["id"] for annotation in annotations], dtype=np.float64)
    truth = GroundTruth(
        columns["image_id"],
        columns["category_id"],
        **_geometry(annotations, columns, similarity, place, sizes),
        box_format="xywh",
        crowd=columns["iscrowd"],
        images=sizes if images is not None else None,
        categories=names if categories is not None else None,
    )
    truth.arrays["exact_area"] = columns["area"]
    if "id" in columns:
        truth.arrays["ids"] = columns["id"]
    truth.groups = groups_of(categories or ())
    if images and "neg_category_ids" in images[0]:
        truth.labelled = Labelled(
            {image["id"]: set(image["neg_category_ids"]) for image in images},
            {image["id"]: set(image["not_exhaustive_category_ids"]) for image in images},
        )
    return truth


def _listed(records: Sequence[Mapping[str, Any]], place: str) -> list[Any]:
    """The ids of images or categories."""
    return _ids(_column(records, "id", place), place)


def names_of(categories: Sequence[Mapping[str, Any]]) -> dict[Any, str]:
    """Names of categories, by id: the id itself where there is none."""
    ids = _listed(categories, "ground_truth: categories")
    return {id: category.get("name", str(id)) for id, category in zip(ids, categories, strict=True)}


def groups_of(categories: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Groups that categories are in: LVIS's frequencies."""
    groups: dict[str, list[Any]] = {}
    for category in categories:
        if "frequency" in category:
            group = {"r": "rare", "c": "common", "f": "frequent"}.get(category["frequency"], category["frequency"])
            groups.setdefault(group, []).append(category["id"])
    return groups


def coco_results(records: Sequence[Mapping[str, Any]], similarity: str) -> Detections:
    """The columns of COCO results."""
    place = "detections"
    columns = _plain_columns(records, similarity, detections=True)
    if columns is None:
        columns = {name: _column(records, name, place) for name in ("image_id", "category_id")}
        columns["score"] = _numbers(_column(records, "score", place), "score", place)
    return Detections(
        columns["image_id"],
        columns["category_id"],
        columns["score"],
        **_geometry(records, columns, similarity, place, {}),
        box_format="xywh",
    )
