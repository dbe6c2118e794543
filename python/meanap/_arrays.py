"""Arrays of whatever library, as NumPy arrays. Nothing is imported: the object itself is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["as_ids", "as_masks", "as_numbers", "as_numpy"]


def as_numpy(value: Any, place: str = "array") -> np.ndarray:
    """The values of an array, tensor, list or table column as a NumPy array.

    Tried in turn: NumPy's own ways (``__array__``, the buffer protocol, sequences), DLPack, and the methods by which
    libraries bring data from a device (``detach``, ``cpu``, ``get``).

    Raises
    ------
    ValueError
        There is no way, or the rows of a nested list differ in length; the message begins with `place`.
    """
    if isinstance(value, np.ndarray):
        return value
    if getattr(value, "requires_grad", False):
        value = value.detach()
    problems = []
    for way in (_to_numpy, np.asarray, _by_dlpack, _from_device):
        try:
            array = way(value)
        except Exception as problem:
            problems.append(problem)
            continue
        if isinstance(array, np.ndarray) and (array.dtype != object or isinstance(value, (list, tuple))):
            return array
    if isinstance(value, (list, tuple)):
        raise ValueError(f"{place}: a {type(value).__name__} whose rows differ in length, or hold what is no number")
    reason = f" ({problems[-1]})" if problems else ""
    raise ValueError(f"{place}: a {type(value).__name__} cannot be read as an array{reason}")


def _to_numpy(value: Any) -> Any:
    # Columns of tables (Polars, pandas, pyarrow); tensors have better ways.
    return value.to_numpy() if hasattr(value, "to_numpy") and not hasattr(value, "__dlpack_device__") else None


def _by_dlpack(value: Any) -> np.ndarray:
    try:
        return np.from_dlpack(value)
    except Exception:
        return np.from_dlpack(value, device="cpu", copy=True)


def _from_device(value: Any) -> np.ndarray:
    if hasattr(value, "cpu"):
        value = value.cpu()
        try:
            return np.asarray(value)
        except TypeError:  # bfloat16 and its like, which NumPy does not have
            return np.asarray(value.float())
    return np.asarray(value.get())


def as_numbers(value: Any, place: str) -> np.ndarray:
    """As `as_numpy`, in a type that the core reads: float32 or float64, int64 or bool."""
    array = as_numpy(value, place)
    if array.dtype == object or array.dtype.kind not in "fiub":
        if array.size == 0:
            return np.zeros(array.shape)
        raise ValueError(f"{place}: expected numbers, found {_what(array)}")
    if array.dtype.kind == "f":
        # Half precision is exact in single precision.
        return np.ascontiguousarray(array, dtype=np.float32 if array.dtype.itemsize <= 4 else np.float64)
    if array.dtype.kind in "iu":
        return np.ascontiguousarray(array, dtype=np.int64 if array.dtype != np.uint64 else np.float64)
    return np.ascontiguousarray(array)


def as_ids(value: Any, place: str) -> Any:
    """A column of ids: an int64 array, or a list of Python objects."""
    listed = isinstance(value, (list, tuple))
    try:
        array = as_numpy(value, place)
    except ValueError:
        _check_ids(value if listed else (), place)
        raise
    if array.ndim == 0:
        array = array[None]
    if array.ndim > 1 and array.size:
        _check_ids(value if listed else (), place)
        raise ValueError(f"{place}: expected shape (N,), found {array.shape}")
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.dtype.kind == "i" or (array.dtype.kind == "u" and array.dtype.itemsize < 8):
        return np.ascontiguousarray(array, dtype=np.int64)
    if array.dtype.kind in "fbc":
        _check_ids(value if listed else (), place)
        whole = "; convert with .astype(int)" if array.dtype.kind == "f" else ""
        raise ValueError(f"{place}: ids must be integers or strings, found dtype {array.dtype}{whole}")
    # NumPy makes text of numbers among text; 1 and "1" are two ids.
    mixed = listed and not all(isinstance(id, str) for id in value)
    ids = list(value) if mixed else array.ravel().tolist()
    if array.dtype == object or mixed:
        _check_ids(ids, place)
    return ids


def _check_ids(ids: Iterable[Any], place: str) -> None:
    for row, id in enumerate(ids):
        if isinstance(id, bool) or not isinstance(id, (int, str, np.integer)):
            raise ValueError(f"{place}: row {row}: {id!r} is no id, expected an integer or a string")


def _what(array: np.ndarray) -> str:
    return "rows of different lengths, or objects" if array.dtype == object else f"dtype {array.dtype}"


def as_masks(value: Any, place: str) -> np.ndarray:
    """Masks ``(N, H, W)`` as contiguous bytes: one of a kind for background, any other for foreground."""
    array = as_numpy(value, place)
    if array.dtype.kind not in "biu" and array.size:
        raise ValueError(f"{place}: masks must be boolean or integer, found dtype {array.dtype}")
    if array.dtype != np.bool_ and array.dtype != np.uint8:
        array = array != 0
    return np.ascontiguousarray(array).view(np.uint8)
