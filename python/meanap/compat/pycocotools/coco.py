"""`COCO`: a data set, its indices and its results, with the API and the behaviour of pycocotools.

>>> truth = COCO({
...     "images": [{"id": 7, "height": 60, "width": 80}],
...     "categories": [{"id": 1, "name": "cat"}],
...     "annotations": [
...         {"id": 1, "image_id": 7, "category_id": 1, "bbox": [5, 6, 20, 10], "area": 200, "iscrowd": 0}
...     ],
... })
>>> truth.getAnnIds(imgIds=7)
[1]
>>> results = truth.loadRes([{"image_id": 7, "category_id": 1, "bbox": [5.0, 6.0, 20.0, 11.0], "score": 0.9}])
>>> results.anns[1]["area"]
220.0
"""

from __future__ import annotations

import copy
import itertools
import json
import logging
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import numpy as np

from meanap import _core
from meanap.compat.pycocotools import _show
from meanap.compat.pycocotools import mask as maskUtils
from meanap.compat.pycocotools._culprits import fails_too, without_mask
from meanap.compat.pycocotools._errors import reference_errors
from meanap.compat.pycocotools._index import by_id, collector_paused, index, membership
from meanap.compat.pycocotools._lazy import Lazy, may_wait, stored
from meanap.compat.pycocotools._load_results import ResultsLoader, annotations_of_rows, log_fallback
from meanap.compat.pycocotools._named import EXCEPTIONS, raise_again, raise_in_words, same_class
from meanap.compat.pycocotools._sources import (
    LOCK,
    Columns,
    FileSource,
    Ids,
    Indexed,
    IndexedList,
    Snapshot,
    Source,
    load_dataset,
    single_precision,
)

if TYPE_CHECKING:
    from meanap._types import CocoDataset, CocoResult, Id, IdOrIds, NameOrNames, PathLike
    from meanap.readers import Role

# What `from pycocotools.coco import *` gives, imports included.
__all__ = [
    "COCO",
    "PYTHON_VERSION",
    "copy",
    "defaultdict",
    "itertools",
    "json",
    "maskUtils",
    "np",
    "os",
    "sys",
    "time",
    "urlretrieve",
]

# Names that programs look up, and replace, in pycocotools.
__author__ = "tylin"
__version__ = "2.0"
PYTHON_VERSION = sys.version_info[0]

_LOG = logging.getLogger("meanap")
# The public attributes, all lazy, in the order of the reference's constructor.
_ATTRIBUTES = ("dataset", "anns", "cats", "imgs", "imgToAnns", "catToImgs")
# Those of them that grow with the annotations.
_INDICES = ("anns", "imgToAnns", "catToImgs")


def _isArrayLike(obj: Any) -> bool:
    return hasattr(obj, "__iter__") and hasattr(obj, "__len__")


def _listed(value: Any) -> Any:
    """A filter as a collection: a single value counts as a list of one."""
    return value if _isArrayLike(value) else [value]


def urlretrieve(
    url: str,
    filename: PathLike | None = None,
    reporthook: Callable[[int, int, int], object] | None = None,
    data: bytes | None = None,
) -> Any:
    """`urllib.request.urlretrieve`, which is imported when something is downloaded."""
    import urllib.request

    return urllib.request.urlretrieve(url, filename, reporthook, data)


_C = TypeVar("_C", bound="type[COCO]")


def model(cls: _C) -> _C:
    """Class decorator: the methods of this class do what the core does for it; a subclass may override them."""
    cls._model = cls
    return cls


@model
class COCO(Lazy):
    """A ground truth, or the results that `loadRes` made.

    Parameters
    ----------
    annotation_file
        Path of a COCO JSON file. DIFFERENCE: a `dict` of the same layout is taken as well (the reference wants it
        assigned to `dataset`, followed by `createIndex()`, which works here too).

    The file's content becomes Python objects on the first access to one of the attributes below; from then on
    evaluations read these, and they may be edited (call `createIndex()` after editing `dataset`).

    Attributes
    ----------
    dataset
        The file's content: `images`, `annotations`, `categories`, `info`.
    anns
        Annotations by id.
    imgs
        Images by id.
    cats
        Categories by id.
    imgToAnns
        Annotations by image id.
    catToImgs
        Image ids by category id, one for each annotation.

    Raises
    ------
    OSError
        if the file cannot be read (`FileNotFoundError`, `PermissionError`, …).
    ValueError
        if it is no JSON.
    AssertionError
        if it is not a JSON object.
    KeyError
        if a record lacks a field that the indices need.
    """

    dataset: dict[str, Any]
    anns: dict[Any, dict[str, Any]]
    imgs: dict[Any, dict[str, Any]]
    cats: dict[Any, dict[str, Any]]
    imgToAnns: dict[Any, list[Any]]
    catToImgs: dict[Any, list[Any]]

    _lazy = _ATTRIBUTES
    _origin = "_source"
    # The source of the attributes; None once they exist.
    _source: Source | None = None
    # See `model`.
    _model: ClassVar[type[COCO]]

    def __init__(self, annotation_file: PathLike | dict[str, Any] | CocoDataset | None = None) -> None:
        self.dataset, self.anns, self.cats, self.imgs = {}, {}, {}, {}
        self.imgToAnns, self.catToImgs = defaultdict(list), defaultdict(list)
        if annotation_file is None:
            return
        if isinstance(annotation_file, dict):
            # DIFFERENCE: the reference takes no dict.
            self.dataset = cast("dict[str, Any]", annotation_file)
            self.createIndex()
            return
        _LOG.info("loading annotations into memory...")
        start = time.perf_counter()
        with reference_errors():
            file = _core.read_dataset(os.fsdecode(annotation_file))
        plain = file.fallback is None and not file.repeated_ids
        if plain and not overridden(self, COCO, ("createIndex",)) and may_wait(self, _ATTRIBUTES):
            for name in _ATTRIBUTES:
                del stored(self)[name]
            self._source = FileSource(file)
        else:
            log_fallback(file)
            self.dataset = load_dataset(file)
            self.createIndex()
        _LOG.info("Done (t=%.2fs)", time.perf_counter() - start)

    def _make(self, name: str) -> None:
        own = stored(self)
        with LOCK:
            source = own.get("_source")
            if source is None:
                return
            made = source.attributes()
            for attribute in _ATTRIBUTES:
                if attribute in own or attribute in made:
                    # What has been assigned since stays.
                    own[attribute] = own.pop(attribute) if attribute in own else made[attribute]
            del own["_source"]

    def createIndex(self) -> None:
        """Makes `anns`, `imgs`, `cats`, `imgToAnns` and `catToImgs` from `dataset`.

        Raises
        ------
        KeyError
            if an annotation, image or category lacks a field that they need.
        """
        _LOG.info("creating index...")
        listed = _listed_annotations(self)
        if listed is None:
            indices, source = index(self.dataset), None
        else:
            indices = {"imgs": by_id(self.dataset, "images"), "cats": by_id(self.dataset, "categories")}
            source = Indexed(listed)
            for name in _INDICES:
                stored(self).pop(name, None)
        _LOG.info("index created!")
        stored(self).update(indices)
        if source is None:
            stored(self).pop("_source", None)
        else:
            self._source = source

    def info(self) -> None:
        """Prints the `info` of the data set, a line for each key."""
        for key, value in _table(self.dataset, "info").items():
            print(f"{key}: {value}")

    def getAnnIds(
        self, imgIds: IdOrIds = (), catIds: IdOrIds = (), areaRng: Sequence[float] = (), iscrowd: bool | None = None
    ) -> list[Any]:
        """Ids of the annotations that pass all filters; an empty filter passes everything.

        Parameters
        ----------
        imgIds
            Images (an id or a collection).
        catIds
            Categories.
        areaRng
            Smallest and largest area, both excluded (an evaluation includes them).
        iscrowd
            Value that `iscrowd` must have.

        Returns
        -------
        list
            Ids, image by image if there are image ids, else in the order of the data set.
        """
        images, categories = _listed(imgIds), _listed(catIds)
        if len(images) == 0:
            anns = _table(self.dataset, "annotations")
        else:
            lists = (self.imgToAnns[imgId] for imgId in images if imgId in self.imgToAnns)
            anns = list(itertools.chain.from_iterable(lists))
        try:
            if len(categories) != 0:
                wanted = membership(categories)
                anns = [ann for ann in anns if wanted(ann["category_id"])]
            if len(areaRng) != 0:
                anns = [ann for ann in anns if ann["area"] > areaRng[0] and ann["area"] < areaRng[1]]
            if iscrowd is not None:
                anns = [ann for ann in anns if ann["iscrowd"] == iscrowd]
            return [ann["id"] for ann in anns]
        except KeyError as error:
            name = error.args[0]
            ann = next((ann for ann in anns if name not in ann), None)
            if ann is None:
                raise
            raise KeyError(
                f'annotation {ann.get("id")!r} (image {ann.get("image_id")!r}): "{name}" is missing'
            ) from error
        except (TypeError, IndexError) as error:
            for use in (lambda bounds: 0.0 > bounds[0], lambda bounds: 0.0 < bounds[1]):
                if len(areaRng) != 0 and fails_too(error, use, areaRng):
                    raise same_class(error, f"areaRng is {areaRng!r}, expected two numbers: {error}") from error
            raise

    def getCatIds(self, catNms: NameOrNames = (), supNms: NameOrNames = (), catIds: IdOrIds = ()) -> list[Any]:
        """Ids of the categories that pass all filters, in the order of the data set.

        Parameters
        ----------
        catNms
            Names (one or a collection; note that a string is a collection of letters, as in the reference).
        supNms
            Names of supercategories.
        catIds
            Ids.
        """
        filters = [("name", _listed(catNms)), ("supercategory", _listed(supNms)), ("id", _listed(catIds))]
        filters = [(key, wanted) for key, wanted in filters if len(wanted) != 0]
        source = _untouched(self)
        if source is not None and not filters:
            return source.category_ids()
        cats = _table(self.dataset, "categories")
        for key, wanted in filters:
            try:
                cats = [cat for cat in cats if cat[key] in wanted]
            except EXCEPTIONS as error:
                raise_again(error, "categories", self.dataset["categories"], key, lambda value: value in wanted)  # noqa: B023
                raise
        return [cat["id"] for cat in cats]

    def getImgIds(self, imgIds: IdOrIds = (), catIds: IdOrIds = ()) -> list[Any]:
        """Ids of the images, or of those among `imgIds` that show all categories of `catIds`.

        Returns
        -------
        list
            Ids in the order of the data set; with a filter in the order of a set.
        """
        images, categories = _listed(imgIds), _listed(catIds)
        if len(images) == len(categories) == 0:
            source = _untouched(self)
            return list(self.imgs.keys()) if source is None else source.image_ids()
        ids = set(images)
        for position, catId in enumerate(categories):
            shown = set(self.catToImgs[catId])
            # The reference takes the first category's images where there are no image ids to narrow.
            ids = shown if position == 0 and not ids else ids & shown
        return list(ids)

    def loadAnns(self, ids: IdOrIds = ()) -> list[dict[str, Any]] | None:
        """Annotations with the ids (a collection or one `int`; None for any other single value)."""
        return _load(self.anns, ids, "annotation") if _loadable(ids) else None

    def loadCats(self, ids: IdOrIds = ()) -> list[dict[str, Any]] | None:
        """Categories with the ids (a collection or one `int`; None for any other single value)."""
        return _load(self.cats, ids, "category") if _loadable(ids) else None

    def loadImgs(self, ids: IdOrIds = ()) -> list[dict[str, Any]] | None:
        """Images with the ids (a collection or one `int`; None for any other single value)."""
        return _load(self.imgs, ids, "image") if _loadable(ids) else None

    def showAnns(self, anns: list[dict[str, Any]], draw_bbox: bool = False) -> int | None:
        """Draws annotations on the current matplotlib axes; captions are printed.

        Parameters
        ----------
        anns
            Annotations of this data set; the first one defines the kind of all.
        draw_bbox
            Draws their boxes as well.

        Returns
        -------
        int | None
            0 if there is nothing to draw, else None (as in the reference).
        """
        return _show.show(self, anns, draw_bbox)

    def loadRes(self, resFile: PathLike | Sequence[CocoResult | Mapping[str, object]] | np.ndarray) -> COCO:
        """Results of this ground truth as a data set of their own.

        The first result defines the kind of all: boxes, masks as run lengths, keypoints or captions. Their ids
        become 1, 2, 3, …

        Parameters
        ----------
        resFile
            Path of a JSON file; a list of dicts, which is stored and whose dicts get `id`, `area`, `iscrowd`, `bbox` or
            `segmentation`, as in the reference; or an array `(N, 7)`: image id, x, y, width, height, score, category
            id. DIFFERENCE: `pathlib.Path` is taken as well.

        Raises
        ------
        AssertionError
            if the results are no list, or of an image that the ground truth does not have.
        IndexError
            if there are none.
        KeyError
            if a result lacks a field.
        """
        _LOG.info("Loading and preparing results...")
        start = time.perf_counter()
        source = _untouched(self)
        truth: FileSource | Snapshot
        if isinstance(source, FileSource):
            if not source.file.has_images:
                raise KeyError(f'{source.file.path}: "images" is missing, results need them')
            truth = source
        else:
            truth = Snapshot(self.dataset)
        loader = ResultsLoader(self.getImgIds, file_of_images(self), truth)
        with collector_paused():
            if isinstance(resFile, (str, os.PathLike)):
                loaded = loader.of_file(os.fspath(resFile))
            elif type(resFile) is not np.ndarray:
                loaded = loader.of_list(resFile, "results")
            elif _reads_rows(self) and resFile.dtype in (np.float64, np.float32):
                loaded = loader.of_rows(resFile)
            else:
                loaded = loader.of_list(self.loadNumpyAnnotations(resFile), "results")
            if isinstance(loaded, Source):
                results = COCO.__new__(COCO)
                results._source = loaded
            else:
                results = COCO()
                results.dataset = loaded
                results.createIndex()
        _LOG.info("DONE (t=%.2fs)", time.perf_counter() - start)
        return results

    def download(self, tarDir: str | None = None, imgIds: Sequence[Id] = ()) -> int | None:
        """Downloads images to a directory from their `coco_url`; those that are there are left alone.

        Parameters
        ----------
        tarDir
            The directory, made if needed.
        imgIds
            Images; all by default.

        Returns
        -------
        int | None
            -1 without a directory, else None (as in the reference).
        """
        if tarDir is None:
            _LOG.error("Please specify target directory")
            return -1
        imgs = list(self.imgs.values()) if len(imgIds) == 0 else self.loadImgs(imgIds)
        os.makedirs(tarDir, exist_ok=True)
        for number, img in enumerate(imgs or ()):
            start = time.perf_counter()
            path = os.path.join(tarDir, img["file_name"])
            if not os.path.exists(path):
                urlretrieve(img["coco_url"], path)
            seconds = time.perf_counter() - start
            _LOG.info("downloaded %d/%d images (t=%.1fs)", number, len(imgs or ()), seconds)
        return None

    def loadNumpyAnnotations(self, data: np.ndarray) -> list[dict[str, Any]]:
        """Result rows as annotations.

        Parameters
        ----------
        data
            `(N, 7)`: image id, x, y, width, height, score, category id.

        Returns
        -------
        list[dict[str, Any]]
            A dict for each row; ids are `int`, the other numbers scalars of the array's own type.

        Raises
        ------
        AssertionError
            if it is not such an array.
        """
        _LOG.info("Converting ndarray to lists...")
        return annotations_of_rows(data)

    def annToRLE(self, ann: dict[str, Any]) -> Any:
        """The annotation's mask as compressed run lengths: polygons are united, run lengths are passed on."""
        image = self.imgs[ann["image_id"]]
        height, width = image["height"], image["width"]
        segm = ann["segmentation"]
        if type(segm) is list:
            return maskUtils.merge(maskUtils.frPyObjects(segm, height, width))
        if type(segm["counts"]) is list:
            return maskUtils.frPyObjects(segm, height, width)
        return segm

    def annToMask(self, ann: dict[str, Any]) -> np.ndarray:
        """The annotation's mask, `(height, width) uint8`.

        Raises
        ------
        KeyError, TypeError, ValueError, IndexError
            if it has no mask, or its image no size; the error names the annotation and the field.
        """
        try:
            return maskUtils.decode(self.annToRLE(ann))
        except EXCEPTIONS as error:
            raise_in_words(error, without_mask(error, self, ann))

    def _evaluation_objects(self, params: Any, role: Role, image_ids: Ids, category_ids: Ids) -> Columns | None:
        """One side of an evaluation as columns, or None where they cannot hold it exactly.

        Parameters
        ----------
        params
            `Params`: `iouType`, `imgIds`, `catIds`, `useCats`, `areaRng`.
        role
            "ground_truth" or "detections".
        image_ids
            The images that are evaluated.
        category_ids
            The categories.
        """
        source = self._source
        columns = None
        if isinstance(source, Indexed):
            # Of its own attributes only `imgs` is read, by masks.
            if not source.touched and type(self.imgs) is dict and not any(name in stored(self) for name in _INDICES):
                columns = source.listed.columns(params, role, self.imgs, image_ids, category_ids)
        elif (untouched := _untouched(self)) is not None:
            columns = untouched.columns(params, role, image_ids, category_ids)
        if columns is not None:
            return columns
        if type(self.imgToAnns) not in (dict, defaultdict) or type(self.anns) is not dict:
            return None
        if type(self.imgs) is not dict:
            return None
        img_ids = list(params.imgIds)
        cat_ids = list(params.catIds) if params.useCats else []
        every = None if img_ids else self.dataset["annotations"]
        annotations = _core.load_annotations(self.imgToAnns, self.anns, img_ids, cat_ids, every)
        objects = _core.objects_from_dicts(
            annotations,
            params.iouType,
            role,
            self.imgs,
            image_ids.index,
            category_ids.index,
            single_precision(params.areaRng),
        )
        if objects is None:
            return None
        images = self.imgs
        return Columns(objects, None, None, annotations, lambda marks: marks.leave(annotations, images, loaded=True))


def _listed_annotations(coco: COCO) -> IndexedList | None:
    """The annotations of `coco.dataset`, if their indices can be created on first access."""
    dataset = coco.dataset
    if type(dataset) is not dict or type(dataset.get("annotations")) is not list:
        return None
    if not may_wait(coco, _INDICES):
        return None
    annotations = dataset["annotations"].copy()
    indexed = _core.index_plain(annotations, "categories" in dataset)
    return None if indexed is None else IndexedList(annotations, indexed)


def overridden(instance: Any, base: type, names: tuple[str, ...]) -> bool:
    """Whether a method of `base` is another one in `instance`."""
    cls = type(instance)
    if any(name in stored(instance) for name in names):
        return True
    base = getattr(cls, "_model", base)
    return cls is not base and any(getattr(cls, name) is not getattr(base, name) for name in names)


def file_of_images(coco: Any) -> FileSource | None:
    """The file that defines what `coco.getImgIds()` returns, if nothing overrides it."""
    source = _untouched(coco)
    if isinstance(source, FileSource) and not overridden(coco, COCO, ("getImgIds",)):
        return source
    return None


def _untouched(coco: Any) -> Source | None:
    """The source of `coco`, if its Python objects do not exist and its content cannot have changed."""
    # `loadRes` may be called unbound, with another package's COCO.
    source: Source | None = getattr(coco, "_source", None)
    if source is None or source.touched or any(name in stored(coco) for name in _ATTRIBUTES):
        return None
    return source


def _reads_rows(coco: Any) -> bool:
    """Whether nothing overrides how rows are read."""
    return getattr(type(coco), "loadNumpyAnnotations", None) is COCO.loadNumpyAnnotations


def _table(dataset: dict[str, Any], name: str) -> Any:
    """A table of the data set."""
    try:
        return dataset[name]
    except KeyError as error:
        raise KeyError(f'the data set: "{name}" is missing') from error


def _loadable(ids: Any) -> bool:
    # `type(...) == int`: the reference answers None to `numpy.int64(1)`.
    return _isArrayLike(ids) or type(ids) is int


def _load(records: dict[Any, Any], ids: Any, kind: str) -> list[dict[str, Any]]:
    try:
        return [records[id] for id in (ids if _isArrayLike(ids) else [ids])]
    except KeyError as error:
        raise KeyError(f"no {kind} has the id {error.args[0]!r}") from error
