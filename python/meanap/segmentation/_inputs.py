"""Arrays and files as the core wants them."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from meanap._arrays import on_host
from meanap.errors import InputError
from meanap.readers._folders import composed, files_of

#: Pairs handed to the core at a time: enough to keep every thread busy, few enough that Ctrl-C is heard.
CHUNK = 128

#: As in the core: a matrix of this many classes is 128 MiB.
MOST_CLASSES = 4096


def is_path(value: Any) -> bool:
    """Whether a value names a file or folder."""
    return isinstance(value, (str, bytes, os.PathLike))


def is_paths(value: Any) -> bool:
    """Whether a value is a path or a sequence of paths."""
    return is_path(value) or (isinstance(value, (list, tuple)) and len(value) > 0 and all(map(is_path, value)))


def index(value: Any, what: str) -> int:
    """A whole number.

    Raises
    ------
    TypeError
        It is something else.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what}: expected an integer, found {value!r}") from None


def class_names(classes: Any) -> list[str]:
    """Names of classes, from themselves or from their number.

    Raises
    ------
    TypeError
        It is neither.
    ValueError
        There are none, or more than the core counts.
    """
    if isinstance(classes, (int, np.integer)) and not isinstance(classes, bool):
        count = int(classes)
        names = [str(number) for number in range(min(count, MOST_CLASSES))]
    elif isinstance(classes, Iterable) and not isinstance(classes, (str, bytes)):
        names = list(map(str, classes))
        count = len(names)
    else:
        raise TypeError(f"classes: expected their number or a sequence of names, found {classes!r}")
    if not 1 <= count <= MOST_CLASSES:
        raise InputError(f"classes: expected 1 to {MOST_CLASSES}, found {count}")
    return names


def integers(value: Any, what: str) -> np.ndarray:
    """A C-contiguous array of integers (booleans as 0 and 1), copied only if it must be.

    Raises
    ------
    TypeError
        It holds something else.
    """
    array = np.asarray(on_host(value, what))
    if array.ndim == 1 and not array.size:
        raise InputError(f"{what}: expected label maps or files, found an empty list")
    if array.dtype == bool:
        array = array.view(np.uint8)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{what}: expected an array of integers, found {array.dtype}")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return np.ascontiguousarray(array)


def scores(value: Any, what: str) -> np.ndarray:
    """A C-contiguous array of float32 or float64; half precision becomes float32, which holds it exactly.

    Raises
    ------
    TypeError
        It holds something else.
    """
    array = np.asarray(on_host(value, what))
    if array.dtype.kind != "f":
        raise TypeError(f"{what}: expected an array of floating-point scores, found {array.dtype}")
    if array.dtype.itemsize == 2:
        array = array.astype(np.float32)
    elif array.dtype.itemsize > 8 or not array.dtype.isnative:
        array = array.astype(np.float64)
    return np.ascontiguousarray(array)


def images_of(array: np.ndarray, what: str) -> np.ndarray:
    """Label maps ``(N, H, W)`` from one ``(H, W)`` or a batch of them."""
    if array.ndim not in (2, 3):
        raise InputError(f"{what}: expected label maps of shape (H, W) or (N, H, W), found {array.shape}")
    return array[np.newaxis] if array.ndim == 2 else array


def paired_files(predictions: Any, targets: Any, preds_suffix: str, target_suffix: str) -> Iterator[tuple[Path, Path]]:
    """Pairs of a target file and its prediction, in order.

    Folders are searched through, but for hidden files; a prediction is the file at the same place under its folder, one
    suffix put for the other. It need not exist: the core's error names it.
    """
    if is_path(targets) and is_path(predictions):
        target, prediction = _path(targets), _path(predictions)
        if not target.is_dir():
            yield target, prediction
            return
        if not prediction.is_dir():
            raise NotADirectoryError(f"{prediction}: expected a folder of predictions for the folder {target}")
        found = _by_place(target, target_suffix)
        if not found:
            raise FileNotFoundError(f"{target}: no file ends in {target_suffix!r}")
        predicted = _by_place(prediction, preds_suffix)
        for place, path in found.items():
            yield path, predicted.get(place, prediction / f"{place}{preds_suffix}")
        return
    targets, predictions = list(_listed(targets)), list(_listed(predictions))
    if len(targets) != len(predictions):
        raise InputError(f"there are {len(targets)} target files and {len(predictions)} predictions")
    yield from zip(map(_path, targets), map(_path, predictions), strict=True)


def _by_place(folder: Path, suffix: str) -> dict[str, Path]:
    """The files of a folder that end so, in upper or lower case, by their place in it without the suffix."""
    found: dict[str, Path] = {}
    for path in sorted(map(Path, files_of(os.fspath(folder), suffix.lower()))):
        place = composed(os.fspath(path.relative_to(folder))[: -len(suffix) or None])
        if (first := found.setdefault(place, path)) != path:
            raise InputError(f"{os.fspath(first)!r} and {os.fspath(path)!r} have the same name", os.fspath(folder))
    return found


def _path(given: Any) -> Path:
    return Path(os.fsdecode(given))


def _listed(paths: Any) -> Iterable[Any]:
    return [paths] if is_path(paths) else paths


def chunks(items: Sequence[Any], size: int = CHUNK) -> Iterator[Sequence[Any]]:
    """Consecutive parts of a sequence."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
