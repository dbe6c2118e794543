"""`COCO` of faster-coco-eval: pycocotools' with dictionaries, `snake_case` names and a print function."""

from __future__ import annotations

import copy
import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._arrays import kind_of
from meanap._files import read_json, replacing
from meanap.compat.faster_coco_eval.core import mask as maskUtils
from meanap.compat.faster_coco_eval.version import __author__, __version__
from meanap.compat.pycocotools._lazy import stored
from meanap.compat.pycocotools.coco import COCO as _COCO
from meanap.compat.pycocotools.coco import model

if TYPE_CHECKING:
    from meanap._types import CocoDataset, CocoResult, Id, IdOrIds, NameOrNames, PathLike

__all__ = ["COCO", "logger", "maskUtils"]

logger: logging.Logger = logging.getLogger("meanap")

_ZERO = "annotation id 0 counts as unmatched even where it matches (as in faster-coco-eval): number annotations from 1"


@model
class COCO(_COCO):
    """A ground truth, or the results that `loadRes` made.

    `meanap.compat.pycocotools.COCO` with faster-coco-eval's constructor, filters and names. Image ids that are not
    `int` are converted in place.

    Parameters
    ----------
    annotation_file
        Path of a COCO JSON file, or a `dict` of the same layout.
    use_deepcopy
        Whether a `dict` (and a list of results) is copied deeply; if not, only its outermost level is.
    print_function
        Gets the messages.

    Raises
    ------
    OSError
        if the file cannot be read.
    TypeError
        if `annotation_file` is neither.
    AssertionError
        if the file is not a JSON object.

    Examples
    --------
    >>> truth = COCO({"images": [{"id": 7}], "annotations": [], "categories": [{"id": 1, "name": "cat"}]})
    >>> truth.get_img_ids(), truth.get_cat_ids(cat_names="cat")
    ([7], [])
    """

    def __init__(
        self,
        annotation_file: PathLike | dict[str, Any] | CocoDataset | None = None,
        use_deepcopy: bool = False,
        print_function: Callable[..., object] = logger.debug,
    ) -> None:
        self._print_function = print_function
        self.use_deepcopy = use_deepcopy
        self.annotation_file = annotation_file
        given: Any = annotation_file
        if given is None:
            super().__init__()
            return
        self.print_function("loading annotations into memory...")
        start = time.perf_counter()
        if isinstance(given, (dict, list)):
            given = self.load_json(given, use_deepcopy)
            if type(given) is not dict:
                raise AssertionError(f"annotation_file is {kind_of(given)}, expected a dictionary or a path")
        elif not isinstance(given, (str, os.PathLike)):
            raise TypeError(f"annotation_file is {kind_of(given)}, expected a dictionary or a path")
        super().__init__(given)
        self.print_function(f"Done (t={time.perf_counter() - start:0.2f}s)")

    @property
    def print_function(self) -> Callable[..., object]:
        """What gets the messages."""
        return self._print_function

    @print_function.setter
    def print_function(self, value: Callable[..., object]) -> None:
        self._print_function = value

    def createIndex(self) -> None:
        """Makes `anns`, `imgs`, `cats`, `imgToAnns` and `catToImgs` from `dataset`.

        Raises
        ------
        KeyError
            if an annotation, image or category lacks a field that they need.

        Warns
        -----
        UserWarning
            An annotation has id 0.
        """
        self.print_function("creating index...")
        for records, name in (("images", "id"), ("annotations", "image_id")):
            for record in self.dataset.get(records, ()):
                if type(record[name]) is not int:
                    record[name] = int(record[name])
        super().createIndex()
        if any(annotation["id"] == 0 for annotation in self.dataset.get("annotations", ()) if "id" in annotation):
            warnings.warn(_ZERO, UserWarning, stacklevel=3)
        self.print_function("index created!")

    def info(self) -> None:
        """Passes the `info` of the data set to the print function, a line for each key."""
        for key, value in self.dataset["info"].items():
            self.print_function(f"{key}: {value}")

    def getAnnIds(
        self,
        imgIds: IdOrIds | None = None,
        catIds: IdOrIds | None = None,
        areaRng: Sequence[float] | None = None,
        iscrowd: bool | None = None,
    ) -> list[Any]:
        """Ids of the annotations that pass all filters; see `meanap.COCO.getAnnIds`.

        A missing `iscrowd` counts as 0, and an area range counts if it has two numbers.
        """
        images, categories = (list(set(_listed(ids))) for ids in (imgIds, catIds))
        area = areaRng if areaRng is not None and len(areaRng) == 2 else ()
        ids = super().getAnnIds(images, categories, area)
        if iscrowd is None:
            return ids
        return [id for id in ids if int(self.anns[id].get("iscrowd", 0)) == int(iscrowd)]

    def getCatIds(
        self,
        catNms: NameOrNames | None = None,
        supNms: NameOrNames | None = None,
        catIds: IdOrIds | None = None,
    ) -> list[Any]:
        """Ids of the categories that pass all filters, in the order of the data set."""
        filters = [
            ("name", set(_listed(catNms))),
            ("supercategory", set(_listed(supNms))),
            ("id", set(_listed(catIds))),
        ]
        filters = [(key, wanted) for key, wanted in filters if wanted]
        if not filters:
            return super().getCatIds()
        categories = self.dataset["categories"]
        return [each["id"] for each in categories if all(each.get(key) in wanted for key, wanted in filters)]

    def getImgIds(self, imgIds: IdOrIds | None = None, catIds: IdOrIds | None = None) -> list[Any]:
        """Ids of the images, or of those among `imgIds` that show all categories of `catIds`."""
        return super().getImgIds(*(() if ids is None else ids for ids in (imgIds, catIds)))

    def loadAnns(self, ids: IdOrIds | None = None) -> list[dict[str, Any]]:
        """Annotations with the ids, one or a collection.

        Raises
        ------
        KeyError
            if there is none with an id.
        TypeError
            if an id is not an integer.
        """
        return super().loadAnns(_integers(ids)) or []

    def loadCats(self, ids: IdOrIds | None = None) -> list[dict[str, Any]]:
        """Categories with the ids; as `loadAnns`."""
        return super().loadCats(_integers(ids)) or []

    def loadImgs(self, ids: IdOrIds | None = None) -> list[dict[str, Any]]:
        """Images with the ids; as `loadAnns`."""
        return super().loadImgs(_integers(ids)) or []

    @staticmethod
    def load_json(json_file: PathLike | dict[str, Any] | list[Any], use_deepcopy: bool | None = False) -> Any:
        """The content of a JSON file; of a dictionary or list a copy, deep or of the outermost level."""
        if isinstance(json_file, (str, os.PathLike)):
            return read_json(json_file)
        return copy.deepcopy(json_file) if use_deepcopy else json_file.copy()

    def loadRes(
        self, resFile: PathLike | Sequence[CocoResult | Mapping[str, object]] | np.ndarray, min_score: float = 0.0
    ) -> COCO:
        """Results of this ground truth as a data set of their own; see `meanap.COCO.loadRes`.

        Parameters
        ----------
        resFile
            Path of a JSON file, list of dicts (which get new fields), or array `(N, 7)`. Without results the data set
            has the images and categories of the ground truth.
        min_score
            Results with lower scores are left out.

        Raises
        ------
        AssertionError
            if the results are no list, or of an image that the ground truth does not have.
        TypeError
            if it is none of these.
        """
        # It may be called unbound, with another package's COCO.
        say = getattr(self, "print_function", logger.debug)
        say("Loading and preparing results...")
        start = time.perf_counter()
        given: Any = resFile
        if isinstance(given, (dict, list)):
            given = COCO.load_json(given, getattr(self, "use_deepcopy", False))
        elif type(given) is not np.ndarray and not isinstance(given, (str, os.PathLike)):
            raise TypeError(f"results: {kind_of(given)}, expected a path, a list or an array")
        if min_score != 0.0:
            given = self.loadNumpyAnnotations(given) if type(given) is np.ndarray else _listed_results(given)
            given = [result for result in given if result.get("score", 1) >= min_score]
        empty = len(given) == 0 if isinstance(given, (list, np.ndarray)) else False
        results = COCO()
        if not empty:
            try:
                found = _COCO.loadRes(self, given)
                results = COCO.__new__(COCO)
                # The attributes, or what they are made of.
                stored(results).update(stored(found))
                results._print_function, results.use_deepcopy, results.annotation_file = logger.debug, False, None
            except IndexError:
                # A file of no results.
                if _listed_results(given):
                    raise
                empty = True
        if empty:
            results.dataset = {
                "info": copy.deepcopy(self.dataset.get("info", {})),
                "images": list(self.dataset["images"]),
                "annotations": [],
                "categories": copy.deepcopy(self.dataset.get("categories", [])),
            }
            results.createIndex()
        say(f"DONE (t={time.perf_counter() - start:0.2f}s)")
        return results

    def showAnns(self, anns: list[dict[str, Any]], draw_bbox: bool | None = False) -> int | None:
        """Draws annotations on the current matplotlib axes; captions are printed."""
        return super().showAnns(anns, bool(draw_bbox))

    def download(self, tarDir: str | None = None, imgIds: Sequence[Id] | None = None) -> None:
        """Warns that nothing is downloaded, as in faster-coco-eval.

        Warns
        -----
        DeprecationWarning
            Always.
        """
        warnings.warn("download deprecated in 1.3.0", DeprecationWarning, stacklevel=2)

    # Other names of the same

    def get_ann_ids(
        self,
        img_ids: IdOrIds | None = None,
        cat_ids: IdOrIds | None = None,
        area_rng: Sequence[float] | None = None,
        iscrowd: bool | None = None,
    ) -> list[Any]:
        """`getAnnIds`."""
        return self.getAnnIds(img_ids, cat_ids, area_rng, iscrowd)

    def get_cat_ids(
        self,
        cat_names: NameOrNames | None = None,
        sup_names: NameOrNames | None = None,
        cat_ids: IdOrIds | None = None,
    ) -> list[Any]:
        """`getCatIds`."""
        return self.getCatIds(cat_names, sup_names, cat_ids)

    def get_img_ids(self, img_ids: IdOrIds | None = None, cat_ids: IdOrIds | None = None) -> list[Any]:
        """`getImgIds`."""
        return self.getImgIds(img_ids, cat_ids)

    def load_anns(self, ids: IdOrIds) -> list[dict[str, Any]]:
        """`loadAnns`."""
        return self.loadAnns(ids)

    def load_cats(self, ids: IdOrIds) -> list[dict[str, Any]]:
        """`loadCats`."""
        return self.loadCats(ids)

    def load_imgs(self, ids: IdOrIds) -> list[dict[str, Any]]:
        """`loadImgs`."""
        return self.loadImgs(ids)

    @property
    def img_ann_map(self) -> dict[Any, list[Any]]:
        """`imgToAnns`."""
        return self.imgToAnns

    @img_ann_map.setter
    def img_ann_map(self, value: dict[Any, list[Any]]) -> None:
        self.imgToAnns = value

    @property
    def cat_img_map(self) -> dict[Any, list[Any]]:
        """`catToImgs`."""
        return self.catToImgs

    @cat_img_map.setter
    def cat_img_map(self, value: dict[Any, list[Any]]) -> None:
        self.catToImgs = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(annotation_file) # __author__='{__author__}'; __version__='{__version__}';"

    # As a dictionary

    def to_dict(self, separate_fn: bool = False) -> dict[str, Any]:
        """The data set as a dictionary: `info`, `images`, `annotations`, `categories`.

        Parameters
        ----------
        separate_fn
            Whether annotations with `fn` (of an evaluation with `extra_calc`) get categories of their own, whose names
            end in `_fn`.
        """
        categories = [dict(category) for category in self.cats.values()]
        annotations = [dict(annotation) for annotation in self.anns.values()]
        if separate_fn:
            step = max(category["id"] for category in categories)
            categories += [{**each, "id": each["id"] + step, "name": each["name"] + "_fn"} for each in categories]
            for annotation in annotations:
                if annotation.get("fn"):
                    annotation["category_id"] += step
        return {
            "info": {"description": "Created from faster-coco-eval"},
            "images": list(self.imgs.values()),
            "annotations": annotations,
            "categories": categories,
        }

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """The items of `to_dict()`, so that `dict(coco)` is that dictionary."""
        yield from self.to_dict().items()

    def dump(self, output_file: PathLike) -> None:
        """Writes `to_dict()` as JSON."""
        with replacing(output_file) as file:
            json.dump(dict(self), file, ensure_ascii=False, indent=4)


def _listed_results(given: Any) -> Any:
    return given if isinstance(given, list) else COCO.load_json(given)


def _listed(value: Any) -> Any:
    """A filter as a collection: None is an empty one, a single value a list of one."""
    if value is None:
        return ()
    return value if hasattr(value, "__iter__") and hasattr(value, "__len__") else [value]


def _integers(ids: Any) -> list[Any]:
    """Ids as a list, none for None; a `TypeError` where one is not an integer."""
    values = [ids] if isinstance(ids, (str, bytes)) else list(_listed(ids))
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"ids: expected an integer or a collection of integers, found {value!r}")
    return values
