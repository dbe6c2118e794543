"""Data sets whose Python objects do not exist yet: the sources of a `COCO` with lazy attributes.

A source is a scanned file, or result rows in an array. It gives an evaluation its columns without creating a Python
object for each annotation, and creates all of them, once, on the first access to the attributes. From then on
evaluations read the dictionaries.
"""

from __future__ import annotations

import copy
import functools
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from meanap import _core
from meanap._arrays import kind_of
from meanap.compat.pycocotools._errors import reference_errors
from meanap.compat.pycocotools._index import by_id, collector_paused, index
from meanap.compat.pycocotools._marks import Marks, Pending
from meanap.compat.pycocotools._results import complete, first_of, heading, results_kind
from meanap.compat.pycocotools.params import MASK_TYPES

if TYPE_CHECKING:
    from meanap.readers import Role

Geometry = Literal["bbox", "segm", "boundary", "keypoints"]
# The position of what is not evaluated.
_NOWHERE = 0xFFFFFFFF
# What copies of a source share: it never changes.
_CONSTANT = ("file", "rows", "objects", "index")
# Two threads that access the same lazy object get the same Python objects.
LOCK = threading.RLock()


class Columns(NamedTuple):
    """One side of an evaluation."""

    objects: Any
    """`_core.Objects`."""
    image_positions: np.ndarray | None
    """`uint32`: position among the evaluated images for each image code; None where codes are positions."""
    category_positions: np.ndarray | None
    """The same for categories."""
    annotations: list[dict[str, Any]] | Callable[[], list[dict[str, Any]]] | None
    """The dictionaries in the order of the columns, if there are any or if they say more than the columns."""
    leave: Callable[[Marks], None]
    """Receives the fields that an evaluation writes into the annotations."""


class Ids:
    """The ids that are evaluated, and where each of them stands among them."""

    def __init__(self, ids: list[Any], array: np.ndarray | None = None) -> None:
        self.ids = ids
        self._array = array

    @classmethod
    def unique(cls, ids: Any) -> Ids:
        """Those of ``list(numpy.unique(ids))``: sorted, each once, as NumPy's scalars."""
        array = np.asarray(ids) if type(ids) is list else None
        if array is None or array.ndim != 1 or array.dtype.kind not in "iu":
            return cls(list(np.unique(ids)))
        # `numpy.unique` imports `numpy.ma` to ask whether a list is a masked array: a twentieth of an evaluation.
        array = np.sort(array)
        first = np.ones(len(array), dtype=bool)
        np.not_equal(array[1:], array[:-1], out=first[1:])
        array = array[first]
        return cls(list(array), array)

    def kept(self) -> Ids:
        """The same ids, whatever becomes of the list."""
        return Ids(list(self.ids), self._array)

    @property
    def key(self) -> Hashable:
        """Equal for equal ids."""
        return tuple(self.ids) if self._array is None else self._array.tobytes()

    @functools.cached_property
    def index(self) -> dict[Any, int]:
        """The positions by id; of an id that comes twice the last one."""
        return dict(zip(self.ids, range(len(self.ids)), strict=True))

    @functools.cached_property
    def _rising(self) -> np.ndarray | None:
        """The ids as an array, if there are some and they are integers, each greater than the one before."""
        ids = np.asarray(self.ids) if self._array is None and type(self.ids) is list else self._array
        if ids is None or ids.ndim != 1 or ids.dtype != np.int64 or not np.all(ids[1:] > ids[:-1]):
            return None
        return ids

    @property
    def distinct(self) -> bool:
        """Whether no id comes twice."""
        return self._rising is not None or len(self.index) == len(self.ids)

    def positions(self, ids: np.ndarray) -> np.ndarray:
        """Where each of ``ids``, `int64`, stands, `uint32`; `_NOWHERE` for those that are not evaluated."""
        if self._rising is None:
            places = map(self.index.get, ids.tolist(), itertools.repeat(_NOWHERE))
            return np.fromiter(places, dtype=np.uint32, count=len(ids))
        return _core.positions(ids, self._rising)


class Source:
    """A data set whose Python objects are created on first access."""

    _attributes: dict[str, Any] | None = None

    def __init__(self) -> None:
        self._pending = Pending()

    def attributes(self) -> dict[str, Any]:
        """`dataset` and the five indices; the same objects each time."""
        with LOCK:
            if self._attributes is None:
                attributes = self._indexed()
                self._pending.leave(attributes)
                self._attributes = attributes
            return self._attributes

    def leave(self, marks: Marks) -> None:
        """Writes the fields that an evaluation leaves into the annotations when they are created."""
        with LOCK:
            self._pending.add(marks)
            if self._attributes is not None:
                self._pending.leave(self._attributes)

    @property
    def touched(self) -> bool:
        """Whether the Python objects have been made, and may have been edited since."""
        return self._attributes is not None

    def image_ids(self) -> list[Any]:
        """What `getImgIds()` gives."""
        return list(self.attributes()["imgs"])

    def category_ids(self) -> list[Any]:
        """What `getCatIds()` gives."""
        return [category["id"] for category in self.attributes()["dataset"]["categories"]]

    def columns(self, params: Any, role: Role, image_ids: Ids, category_ids: Ids) -> Columns | None:
        """Columns for an evaluation, or None if the Python objects must be read."""
        return None

    def _indexed(self) -> dict[str, Any]:
        dataset = self._dataset()
        return {"dataset": dataset, **index(dataset)}

    def _dataset(self) -> dict[str, Any]:
        raise NotImplementedError

    def __deepcopy__(self, memo: dict[int, Any]) -> Source:
        # The Python objects are copied.
        twin = self.__class__.__new__(self.__class__)
        memo[id(self)] = twin
        for name, value in self.__dict__.items():
            twin.__dict__[name] = value if name in _CONSTANT else copy.deepcopy(value, memo)
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle may be read where the file is not.
        return Loaded, (self.attributes(),)


class Loaded(Source):
    """Python objects that were made elsewhere: what a pickle holds."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        super().__init__()
        self._attributes = attributes


class FileSource(Source):
    """A ground truth file."""

    def __init__(self, file: _core.Dataset) -> None:
        super().__init__()
        self.file = file
        self._snapshot: Snapshot | None = None

    def image_ids(self) -> list[Any]:
        return self.file.image_ids()

    def sorted_image_ids(self) -> list[Any]:
        """What ``sorted(getImgIds())`` gives."""
        return self.file.sorted_image_ids()

    @property
    def has_categories(self) -> bool:
        return self.file.has_categories

    def category_ids(self) -> list[Any]:
        if not self.file.has_categories:
            raise KeyError(f'{self.file.path}: "categories" is missing')
        return self.file.category_ids()

    def columns(self, params: Any, role: Role, image_ids: Ids, category_ids: Ids) -> Columns | None:
        columns = _columns(self.file.objects(params.iouType, role), image_ids, category_ids, self)
        return _with_integer_scores(columns, self, self.file) if role == "detections" else columns

    def snapshot(self) -> Snapshot:
        """The file's heading, with the image dictionaries that the ground truth itself will show."""
        self.attributes()
        if self._snapshot is None:
            raise KeyError(f'{self.file.path}: "images" is missing')
        return self._snapshot

    def _dataset(self) -> dict[str, Any]:
        dataset = load_dataset(self.file)
        if "images" in dataset:
            self._snapshot = Snapshot(dataset)
        return dataset


class Snapshot:
    """Info, images and categories of a ground truth, as they were when `loadRes` was called."""

    file = None

    def __init__(self, dataset: dict[str, Any]) -> None:
        if "images" not in dataset:
            raise KeyError('the ground truth: "images" is missing, results need them')
        self.info: dict[str, Any] = copy.deepcopy(dataset.get("info", {}))
        # The list is the results' own, the image dictionaries are shared.
        self.images: list[Any] = list(dataset["images"])
        self.imgs: dict[Any, Any] = by_id(dataset, "images")
        self.categories: list[Any] | None = copy.deepcopy(dataset["categories"]) if "categories" in dataset else None

    def snapshot(self) -> Snapshot:
        return self

    @property
    def has_categories(self) -> bool:
        return self.categories is not None

    def image_ids(self) -> list[Any]:
        return list(self.imgs)

    def category_ids(self) -> list[Any]:
        if self.categories is None:
            raise KeyError('the ground truth: "categories" is missing')
        return [category["id"] for category in self.categories]


class _Results(Source):
    """Results of a ground truth that is untouched (`FileSource`) or was not when they came (`Snapshot`)."""

    def __init__(self, truth: FileSource | Snapshot) -> None:
        super().__init__()
        self.truth = truth

    def image_ids(self) -> list[Any]:
        return self.truth.image_ids()

    def category_ids(self) -> list[Any]:
        return self.truth.category_ids()

    def _dataset(self) -> dict[str, Any]:
        annotations, place, truth = self._annotations(), self._place(), self.truth.snapshot()
        kind = results_kind(first_of(annotations, place))
        complete(annotations, kind, place)
        return heading(annotations, kind, truth)

    def _annotations(self) -> list[dict[str, Any]]:
        raise NotImplementedError

    def _place(self) -> str:
        raise NotImplementedError


class FileResults(_Results):
    """A results file."""

    def __init__(self, file: _core.Dataset, truth: FileSource | Snapshot) -> None:
        super().__init__(truth)
        self.file = file
        self.objects: dict[str, Any] = {}

    def readable(self, iou_type: Geometry) -> bool:
        """Whether the columns of this geometry can stand for the file.

        The reference decodes masks and reads keypoints in `loadRes`, so errors are raised there. What
        was decoded is stored for the evaluation.
        """
        self.objects[iou_type] = self.file.objects(iou_type, "detections", self.truth.file)
        return self.objects[iou_type] is not None

    def columns(self, params: Any, role: Role, image_ids: Ids, category_ids: Ids) -> Columns | None:
        # Boundaries are of the same masks.
        decoded = "segm" if params.iouType == "boundary" else params.iouType
        objects = self.objects.get(decoded) if role == "detections" else None
        if objects is None:
            objects = self.file.objects(params.iouType, role, self.truth.file)
        return _with_integer_scores(_columns(objects, image_ids, category_ids, self), self, self.file)

    def _annotations(self) -> list[dict[str, Any]]:
        annotations: list[dict[str, Any]] = load(self.file)
        return annotations

    def _place(self) -> str:
        return str(self.file.path)


class RowResults(_Results):
    """Boxes in an N x 7 array: image id, x, y, width, height, score, category id."""

    def __init__(
        self, objects: Any, single: np.ndarray | None, truth: FileSource | Snapshot, to_annotations: Callable[..., Any]
    ) -> None:
        super().__init__(truth)
        self.objects = objects
        # Rows of single precision: the numbers that a user sees stay such.
        self.rows = single
        self.to_annotations = to_annotations

    def columns(self, params: Any, role: Role, image_ids: Ids, category_ids: Ids) -> Columns | None:
        if params.iouType != "bbox" or role != "detections":
            return None
        if self.rows is not None and not single_precision(params.areaRng):
            return None
        columns = _columns(self.objects, image_ids, category_ids, self)
        # Scores are NumPy's scalars in `evalImgs`, of the rows' type.
        return None if columns is None else columns._replace(annotations=self._scored)

    def _scored(self) -> list[dict[str, Any]]:
        return [{"id": i, "score": score} for i, score in enumerate(self._rows()[:, 5], start=1)]

    def _rows(self) -> np.ndarray:
        return self.objects.rows() if self.rows is None else self.rows

    def _annotations(self) -> list[dict[str, Any]]:
        annotations: list[dict[str, Any]] = self.to_annotations(self._rows())
        return annotations

    def _place(self) -> str:
        return "results"


class IndexedList:
    """The annotations that a list held when it was indexed, and their ids then.

    The indices that a user sees are created from them on first access. An evaluation reads the dictionaries as they are
    now, and takes note if an id is no longer what it was.
    """

    def __init__(self, annotations: list[dict[str, Any]], index: Any) -> None:
        self.annotations = annotations
        self.index = index

    def indices(self) -> dict[str, Any]:
        """`anns`, `imgToAnns` and `catToImgs`."""
        anns: dict[Any, Any] = {}
        img_to_anns: defaultdict[Any, list[Any]] = defaultdict(list)
        cat_to_imgs: defaultdict[Any, list[Any]] = defaultdict(list)
        with collector_paused():
            self.index.fill(self.annotations, anns, img_to_anns, cat_to_imgs)
        return {"anns": anns, "imgToAnns": img_to_anns, "catToImgs": cat_to_imgs}

    def columns(
        self, params: Any, role: Role, images: dict[Any, Any] | None, image_ids: Ids, category_ids: Ids
    ) -> Columns | None:
        """Columns for an evaluation, or None if the indices must be read."""
        if not params.imgIds or (images is None and params.iouType in MASK_TYPES):
            return None
        objects = _core.objects_from_dicts(
            self.annotations,
            params.iouType,
            role,
            images,
            image_ids.index,
            category_ids.index,
            single_precision(params.areaRng),
            self.index,
        )
        if objects is None:
            return None
        return Columns(
            objects, None, None, lambda: self.annotations, lambda marks: marks.leave(self.annotations, images)
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> IndexedList:
        return IndexedList(copy.deepcopy(self.annotations, memo), self.index)


class ListResults(_Results):
    """Results in a list of dictionaries, which have their new fields already."""

    def __init__(
        self, given: list[dict[str, Any]], kind: str, listed: IndexedList, truth: FileSource | Snapshot
    ) -> None:
        super().__init__(truth)
        self.given = given
        self.kind = kind
        self.listed = listed

    def columns(self, params: Any, role: Role, image_ids: Ids, category_ids: Ids) -> Columns | None:
        # An untouched ground truth file has no image dictionaries.
        known = isinstance(self.truth, Snapshot) or self.truth.touched
        images = self.truth.snapshot().imgs if known else None
        return self.listed.columns(params, role, images, image_ids, category_ids)

    def _indexed(self) -> dict[str, Any]:
        dataset = heading(self.given, self.kind, self.truth.snapshot())
        return {
            "dataset": dataset,
            **self.listed.indices(),
            "imgs": by_id(dataset, "images"),
            "cats": by_id(dataset, "categories"),
        }


class Indexed(Source):
    """The indices of annotations that a user has put into `dataset`."""

    def __init__(self, listed: IndexedList) -> None:
        super().__init__()
        self.listed = listed

    def _indexed(self) -> dict[str, Any]:
        return self.listed.indices()


def load(file: _core.Dataset) -> Any:
    """The Python objects of a file."""
    with reference_errors():
        return file.load()


def load_dataset(file: Any) -> dict[str, Any]:
    """The Python objects of a ground truth file.

    Raises
    ------
    AssertionError
        if it does not hold one JSON object, as in the reference.
    """
    dataset = load(file)
    if type(dataset) is not dict:
        raise AssertionError(f"{file.path}: {kind_of(dataset)}, expected a JSON object with images and annotations")
    return dataset


def single_precision(area_ranges: Any) -> bool:
    """Whether `numpy.float32` areas compare with these bounds as doubles would."""
    return all(float(np.float32(bound)) == bound for bounds in area_ranges for bound in map(float, bounds))


def _columns(objects: Any, image_ids: Ids, category_ids: Ids, source: Source) -> Columns | None:
    if objects is None:
        return None
    images, categories = image_ids.positions(objects.image_numbers), category_ids.positions(objects.category_numbers)
    return Columns(objects, images, categories, None, source.leave)


def _with_integer_scores(columns: Columns | None, source: Source, file: Any) -> Columns | None:
    """Scores that are integers stay such in `evalImgs`, and only the dictionaries have them."""
    if columns is None or not file.integer_scores:
        return columns
    return columns._replace(annotations=_Annotations(source))


class _Annotations:
    """A source's annotations, made when called for."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __call__(self) -> list[dict[str, Any]]:
        annotations: list[dict[str, Any]] = self.source.attributes()["dataset"]["annotations"]
        return annotations
