"""The indices of a data set, and which of its annotations a filter takes."""

from __future__ import annotations

import contextlib
import gc
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import kind_of
from meanap.compat.pycocotools._named import EXCEPTIONS, raise_again


def index(dataset: dict[str, Any]) -> dict[str, Any]:
    """What `createIndex` makes: `anns`, `imgs` and `cats` by id, `imgToAnns`, with categories `catToImgs`.

    Raises
    ------
    KeyError
        if an annotation, image or category lacks a field that the indices need.
    """
    anns: dict[Any, Any] = {}
    img_to_anns: defaultdict[Any, list[Any]] = defaultdict(list)
    cat_to_imgs: defaultdict[Any, list[Any]] = defaultdict(list)
    if "annotations" in dataset:
        by_category = cat_to_imgs if "categories" in dataset else None
        annotations = dataset["annotations"]
        try:
            iter(annotations)
        except TypeError as error:
            raise TypeError(f'"annotations" is {kind_of(annotations)}, expected a list of records') from error
        with collector_paused():
            _core.index_annotations(annotations, anns, img_to_anns, by_category)
    return {
        "anns": anns,
        "imgToAnns": img_to_anns,
        "catToImgs": cat_to_imgs,
        "imgs": by_id(dataset, "images"),
        "cats": by_id(dataset, "categories"),
    }


def by_id(dataset: dict[str, Any], name: str) -> dict[Any, Any]:
    """The records of a list of the data set by their ids; the last one of an id counts."""
    if name not in dataset:
        return {}
    try:
        return {record["id"]: record for record in dataset[name]}
    except EXCEPTIONS as error:
        raise_again(error, name, dataset[name], "id", hash)
        raise


# New containers from which on it pays to call them old: what a few young collections take in.
_MANY = 10_000


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Keeps the garbage collector from walking millions of new objects, none of them garbage.

    Many of them count as old afterwards, as they would after the collections that were left out: the next one would
    else walk them all.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if gc.get_count()[0] > _MANY and not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


# Types whose equality and hash agree with each other's. Not so floats: `numpy.float32(0.1) == 0.1`.
_PLAIN = (int, str, np.int64, np.str_)


def membership(ids: Any) -> Callable[[Any], bool]:
    """`id in ids` as a function, by a set where that is sure to answer the same."""
    if type(ids) not in (list, tuple) or not all(type(id) in _PLAIN for id in ids):
        return lambda id: id in ids
    known = set(ids)
    return lambda id: id in known if type(id) in _PLAIN else id in ids
