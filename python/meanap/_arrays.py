"""Arrays of any library as NumPy arrays, through the array's own interface, without importing the library."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from meanap import _core
from meanap.errors import InputError

__all__ = [
    "as_flags",
    "as_id",
    "as_ids",
    "as_masks",
    "as_number",
    "as_numbers",
    "as_numpy",
    "check_kinds_of_ids",
    "images_on_host",
    "in_order",
    "kind_of",
    "on_host",
    "shown",
    "with_article",
]

# What the core sets up at its first use of NumPy is set up before any work that Ctrl-C could interrupt.
_core.before_fork()


def as_numpy(value: Any, place: str = "array", objects: bool = False) -> np.ndarray:
    """The values of an array, tensor, list or table column as a NumPy array; one of `objects` if they may be such.

    Tried in turn: NumPy's own ways (``__array__``, the buffer protocol, sequences), DLPack, and the methods by which
    libraries bring data from a device (``detach``, ``cpu``, ``get``).

    Raises
    ------
    ValueError
        There is no way, or the rows of a nested list differ in length; the message begins with `place`.
    """
    if _is_masked(value):
        if np.ma.is_masked(value):
            row = int(np.flatnonzero(np.ma.getmaskarray(value).reshape(len(value), -1).any(axis=1))[0])
            raise InputError(source=place, record=row, unit="row", found="is null")
        filled: np.ndarray = value.filled()
        return filled
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    if value is None:
        raise InputError(source=place, found="is null", expected="an array")
    if getattr(value, "requires_grad", False):
        value = value.detach()
    if hasattr(value, "resolve_neg"):  # DLPack drops the sign of a view that stands for negated numbers.
        value = value.resolve_neg()
    problems = []
    for way in (_to_numpy, np.asarray, _by_dlpack, _from_device):
        try:
            array = way(value)
        except Exception as problem:
            problems.append(problem)
            continue
        if isinstance(array, np.ndarray) and (
            array.dtype != object or isinstance(value, (list, tuple)) or (objects and array.ndim)
        ):
            return array
    if isinstance(value, (list, tuple)):
        odd = _first(value, lambda item: _shape(item) != _shape(value[0]))
        example = "" if odd is None else f"; row {odd} is {shown(value[odd])}"
        raise InputError(f"{kind_of(value)} whose rows differ in length, or hold what is no number{example}", place)
    reason = f" ({problems[-1]})" if problems else ""
    raise InputError(f"{kind_of(value)} cannot be read as an array{reason}", place)


def _is_masked(value: Any) -> bool:
    # No masked array can exist before `numpy.ma` is imported, and importing it is slow.
    return "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray)


def on_host(value: Any, place: str = "array") -> Any:
    """An array of another library as NumPy's, from whichever device; NumPy's own aligned; anything else as it is.

    Arrow's arrays stay as they are: text and lists, which they may hold, have no DLPack.

    Raises
    ------
    ValueError
        An element is masked, or there is no way; the message begins with `place`.
    """
    if isinstance(value, np.ndarray) and not _is_masked(value):
        return value if value.flags.aligned else value.copy()
    device = hasattr(value, "__dlpack_device__") and not hasattr(value, "__arrow_c_array__")
    return as_numpy(value, place) if device else value


#: Tensors with more numbers are copied by themselves: they would be copied on the device first.
_SMALL = 1 << 16


def images_on_host(images: Any) -> Any:
    """Dictionaries of torch's tensors on a device with all small ones copied to the host at once; others as they are.

    A copy of its own waits for the device each time: one for each array of a batch takes longer than the batch's work.
    """
    torch: Any = sys.modules.get("torch")
    # Another thread may be in the middle of importing it.
    tensor: Any = getattr(torch, "Tensor", None)
    if tensor is None or not images or not isinstance(images[0], Mapping):
        return images

    def is_away(value: Any) -> bool:
        return isinstance(value, tensor) and value.device.type != "cpu" and value.numel() <= _SMALL

    if not any(map(is_away, images[0].values())):
        return images
    kinds: dict[Any, list[tuple[int, str, Any]]] = {}
    for row, image in enumerate(images):
        for name, value in image.items() if isinstance(image, Mapping) else ():
            if is_away(value):
                kinds.setdefault((value.device, value.dtype), []).append((row, name, value.detach()))
    copied = [dict(image) if isinstance(image, Mapping) else image for image in images]
    for tensors in kinds.values():
        try:
            flat = torch.cat([tensor.reshape(-1) for _, _, tensor in tensors]).cpu()
        except (NotImplementedError, RuntimeError):
            # Each array says by itself why it cannot be copied.
            continue
        pieces = flat.split([tensor.numel() for _, _, tensor in tensors])
        for (row, name, tensor), piece in zip(tensors, pieces, strict=True):
            copied[row][name] = piece.reshape(tensor.shape)
    return copied


def check_kinds_of_ids(what: str, detections: tuple[str, set[bool]], ground_truth: tuple[str, set[bool]]) -> None:
    """Rejects ids that are text on one side and integers on the other: the name of each side, and whether ids are text.

    Raises
    ------
    InputError
        They are, so that none is found.
    """
    (place, found), (other, known) = detections, ground_truth
    if found and known and not found & known:
        kinds = ("text", "integers") if True in found else ("integers", "text")
        problem = f"{what} ids are {kinds[0]}, those of the {other} {kinds[1]}"
        raise InputError(problem, place, code=f"unknown-{what}")


def _first(items: Any, strange: Callable[[Any], bool]) -> int | None:
    return next((row for row, item in enumerate(items) if strange(item)), None)


def _shape(item: Any) -> Any:
    try:
        return np.shape(item)
    except ValueError:
        return None


def _to_numpy(value: Any) -> Any:
    # Columns of tables (Polars, pandas, pyarrow); tensors have better ways.
    return value.to_numpy() if hasattr(value, "to_numpy") and not hasattr(value, "__dlpack_device__") else None


def _by_dlpack(value: Any) -> np.ndarray:
    try:
        return np.from_dlpack(value)
    except Exception as problem:
        try:
            return np.from_dlpack(value, device="cpu", copy=True)
        except TypeError:  # NumPy below 2.1 copies nothing
            raise problem from None


def _from_device(value: Any) -> np.ndarray | None:
    if hasattr(value, "cpu"):
        value = value.cpu()
        try:
            return np.asarray(value)
        except TypeError:  # bfloat16 and its like, which NumPy does not have
            return np.asarray(value.float())
    return np.asarray(value.get()) if hasattr(value, "get") else None


def as_numbers(value: Any, place: str) -> np.ndarray:
    """As `as_numpy`, in a type that the core reads: float32 or float64, or int64. Flags are no numbers."""
    return _as_numbers(value, place, "fiu")


def as_flags(value: Any, place: str) -> np.ndarray:
    """As `as_numbers`, or bool."""
    return _as_numbers(value, place, "fiub")


def _as_numbers(value: Any, place: str, kinds: str) -> np.ndarray:
    listed = isinstance(value, (list, tuple))
    single = _FLOATS | _FLAGS if "b" in kinds else _FLOATS
    try:
        array = as_numpy(value, place, objects=True)
    except InputError:
        if listed and (row := _odd_row(value, single)) is not None:
            raise _no_number(value, row, place) from None
        raise
    if array.dtype == object and not listed:
        return _as_numbers(array.tolist(), place, kinds)
    if array.dtype == object or array.dtype.kind not in kinds:
        if array.size == 0:
            return np.zeros(array.shape)
        if array.ndim == 1 and array.dtype.kind == "b":
            value, listed = array.tolist(), True
        row = _odd_row(value, single) if listed else None
        if row is not None:
            raise _no_number(value, row, place)
        raise InputError(f"expected numbers, found {_what(array)}", place)
    # NumPy makes numbers of flags among numbers.
    if listed and "b" not in kinds and (row := _odd_row(value, _NUMBERS)) is not None:
        raise _no_number(value, row, place)
    if array.dtype.kind == "f":
        # Half precision is exact in single precision.
        return np.ascontiguousarray(array, dtype=np.float32 if array.dtype.itemsize <= 4 else np.float64)
    if array.dtype.kind in "iu":
        return np.ascontiguousarray(array, dtype=np.int64 if array.dtype != np.uint64 else np.float64)
    return np.ascontiguousarray(array)


_FLOATS: frozenset[type] = frozenset((float,))
_NUMBERS: frozenset[type] = frozenset((int, float))
_FLAGS: frozenset[type] = frozenset((bool, np.bool_))


def _odd_row(rows: Sequence[Any], plain: frozenset[type]) -> int | None:
    """The first row that is or holds what is no number; None if there is none.

    What is of one of the `plain` types is in order; flags are no numbers otherwise. Arrays are passed over.
    """
    if plain.issuperset(map(type, rows)):
        return None

    nested = _are_lists(rows)

    def is_odd(item: Any) -> bool:
        if isinstance(item, (list, tuple)):
            return not nested or _odd_row(item, plain) is not None
        return type(item) not in plain and not getattr(item, "shape", ()) and as_number(item) is None

    return _first(rows, is_odd)


def _are_lists(rows: Sequence[Any]) -> bool:
    """Whether most rows are lists or arrays, as all then have to be; of as many the first decides."""
    lists = [isinstance(row, (list, tuple)) or bool(getattr(row, "shape", ())) for row in rows]
    more = 2 * sum(lists) - len(lists)
    return more > 0 or (more == 0 and lists[0])


def _no_number(rows: Sequence[Any], row: int, place: str) -> InputError:
    found = "is null" if rows[row] is None else f"is {shown(rows[row])}"
    expected = "numbers" if _are_lists(rows) else "a number"
    return InputError(source=place, record=row, unit="row", found=found, expected=expected)


def as_ids(value: Any, place: str) -> Any:
    """A column of ids: an int64 array, or a list of integers and strings. A whole float is the integer it equals."""
    listed = isinstance(value, (list, tuple))
    if listed and set(map(type, value)) == {str}:
        return list(value)
    try:
        array = as_numpy(value, place, objects=True)
    except ValueError:
        _listed_ids(value if listed else (), place)
        raise
    if array.ndim == 0:
        array = array[None]
    if array.ndim > 1 and array.size:
        _listed_ids(value if listed else (), place)
        raise InputError(f"expected shape (N,), found {array.shape}", place)
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    # NumPy makes numbers of flags among numbers.
    numbers = array.dtype.kind in "iuf" and not (listed and {bool, np.bool_} & set(map(type, value)))
    if numbers and (array.dtype.kind == "i" or (array.dtype.kind == "u" and array.dtype.itemsize < 8)):
        return np.ascontiguousarray(array, dtype=np.int64)
    if numbers and array.dtype.kind == "f":
        floats = array.astype(np.result_type(array, np.float32))  # Half precision does not reach the limit.
        if ((np.floor(floats) == floats) & (np.abs(floats) < 2**53)).all():
            return floats.astype(np.int64)
    if array.dtype.kind in "bc":
        _listed_ids(value if listed else (), place)
        problem = f"ids must be integers or strings, found dtype {array.dtype}"
        raise InputError(problem, place, code="malformed-id")
    if array.dtype.kind == "U" and not (listed and not all(isinstance(id, str) for id in value)):
        return array.ravel().tolist()
    # NumPy makes text of numbers among text; 1 and "1" are two ids.
    return _listed_ids(value if listed else array.ravel().tolist(), place)


def _listed_ids(ids: Iterable[Any], place: str) -> list[Any]:
    column = []
    for row, given in enumerate(ids):
        id = as_id(given)
        if id is None:
            problem, expected = f"{shown(given)} is no id", "an integer or a string"
            raise InputError(problem, place, row, expected=expected, code="malformed-id", unit="row")
        column.append(id)
    return column


def as_id(value: Any) -> int | str | None:
    """An integer of 64 bits, a whole float as such, or a string; None for anything else."""
    kind = type(value)
    if kind is not int and kind is not str:
        value = _scalar(value)
        if isinstance(value, str):
            return value
        if isinstance(value, (bool, np.bool_)):
            return None
        if isinstance(value, (float, np.floating)):
            value = int(value) if float(value).is_integer() and abs(value) < 2**53 else None
        if not isinstance(value, (int, np.integer)):
            return None
        value = int(value)
    return value if kind is str or -(2**63) <= value < 2**63 else None


def in_order(values: Iterable[Any]) -> list[Any]:
    """Numbers and texts in their order, numbers first."""
    return sorted(values, key=lambda value: (isinstance(value, str), value))


def as_number(value: Any) -> float | None:
    """A number, perhaps not finite, as a float; None for anything else, flags and text too."""
    if type(value) is float:
        return value
    value = _scalar(value)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _scalar(value: Any) -> Any:
    """What an array or tensor without axes holds; itself where it holds nothing, as on torch's device "meta"."""
    if not hasattr(value, "item") or getattr(value, "shape", None) != ():
        return value
    try:
        return value.item()
    except (NotImplementedError, RuntimeError):
        return value


def shown(value: Any) -> str:
    """A value as messages show it, cut where it is long."""
    value = value.item() if isinstance(value, np.generic) else value
    try:
        text = "NaN" if isinstance(value, float) and value != value else repr(value)
    except RecursionError:
        text = f"{kind_of(value)} that is nested too deeply to be shown"
    return text if len(text) <= 80 else f"{text[:77]}..."


def kind_of(value: Any) -> str:
    """What a value is, as messages say it."""
    return "None" if value is None else with_article(type(value).__name__)


def with_article(noun: str) -> str:
    """A name with "a" or "an" before it."""
    return f"an {noun}" if noun.startswith(tuple("AEIOaeio")) else f"a {noun}"


def _what(array: np.ndarray) -> str:
    return "rows of different lengths, or objects" if array.dtype == object else f"dtype {array.dtype}"


def as_masks(value: Any, place: str) -> np.ndarray:
    """Masks ``(N, H, W)`` as contiguous bytes: one of a kind for background, any other for foreground."""
    array = as_numpy(value, place)
    if array.dtype.kind not in "biu" and array.size:
        raise InputError(f"masks must be boolean or integer, found dtype {array.dtype}", place)
    if array.dtype != np.bool_ and array.dtype != np.uint8:
        array = array != 0
    return np.ascontiguousarray(array).view(np.uint8)
