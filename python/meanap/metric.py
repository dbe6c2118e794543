"""Base class of the metric objects: merging, gathering over ranks, and their state as bytes.

A metric object takes batches (`update`), returns numbers (`compute`) and discards its batches (`reset`). Its state is a
summary of the batches that it was given itself. `sync` gathers the states of all ranks into a second object, from which
numbers are read. The state of this rank stays as it is, so syncing twice, or updating after it, counts nothing twice.
"""

from __future__ import annotations

import abc
import copy
import inspect
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from meanap import _ranks
from meanap._arrays import kind_of, with_article

__all__ = ["Metric", "pack_arrays", "unpack_arrays"]

_M = TypeVar("_M", bound="Metric")

_MAGIC = b"MEANAP2\n"
_DAMAGED = "state: the bytes are damaged"


class Metric(abc.ABC):
    """Base class of the metric objects.

    Attributes
    ----------
    sync_on_compute : bool
        Whether `compute` gathers the states of all ranks itself, if ``torch.distributed`` is initialised with more than
        one rank. Then every rank has to call it.
    """

    sync_on_compute: bool = True
    #: The metric of the batches of all ranks, this one included, that `sync` gathered. None if there is no other rank,
    #: or if `sync` was not called since the last change.
    _synced: Any = None

    # To be implemented by each metric

    @abc.abstractmethod
    def _settings(self) -> dict[str, Any]:
        """The settings that two metrics must share to be merged, as values that JSON can hold."""

    def _options(self) -> dict[str, Any]:
        """The other arguments of the constructor, as values that JSON can hold: these may differ between metrics."""
        return {"sync_on_compute": self.sync_on_compute}

    @classmethod
    @abc.abstractmethod
    def _made_with(cls: type[_M], settings: dict[str, Any], options: dict[str, Any]) -> _M:
        """An empty metric of these settings and options."""

    @abc.abstractmethod
    def _clear(self) -> None:
        """Discard this metric's own batches."""

    @abc.abstractmethod
    def _add(self, other: Any) -> None:
        """Add the batches that a metric of the same settings was given; `other` may be this metric itself."""

    @abc.abstractmethod
    def _dump(self) -> list[bytes]:
        """The state as bytes, in parts, without what `sync` gathered."""

    @abc.abstractmethod
    def _load(self, parts: Sequence[bytes]) -> None:
        """Replace the state with the one that `_dump` returned."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """How many images (or batches' items) were counted; after `sync`, by all ranks."""

    def __bool__(self) -> bool:
        return True

    # Common to all metrics

    def reset(self) -> None:
        """Discard all batches, and what other ranks sent."""
        self._synced = None
        self._clear()

    def merge(self: _M, *others: _M) -> _M:
        """Add the batches of other metrics with the same settings, for example of other processes.

        Only the batches that these were given themselves are added, not those that they gathered by `sync`.

        Returns
        -------
        Metric
            This metric.

        Raises
        ------
        TypeError
            One of `others` is not a metric of this class.
        ValueError
            The settings differ. Then nothing is added.
        """
        name = _kind(type(self))
        for other in others:
            if not isinstance(other, Metric) or _kind(type(other)) != name:
                raise TypeError(f"merge: expected {with_article(name)}, found {kind_of(other)}")
            if self._settings() != other._settings():
                differing = sorted(
                    setting for setting, value in self._settings().items() if value != other._settings().get(setting)
                )
                raise ValueError(f"merge: the metrics have different settings: {', '.join(differing)}")
        self._synced = None
        for other in others:
            self._add(other)
        return self

    def sync(self, group: object = None) -> None:
        """Gather the batches of all ranks on each rank; `compute` and the other methods then return numbers of all.

        All ranks have to call it. Without ``torch.distributed`` initialised, or with a single rank, nothing happens.
        The batches of other ranks are not added to this rank's own: each call gathers them again, and `update`, `merge`
        and `reset` discard them until the next call.

        Parameters
        ----------
        group
            A group of ``torch.distributed`` (all ranks by default), or any object with a method ``all_gather(state)``
            that takes the bytes of this rank and returns a list of the bytes of all ranks, in their order.

        Raises
        ------
        ValueError
            The ranks' metrics have different settings.
        """
        self._synced = self._gathered(group)

    def _gathered(self: _M, group: object = None) -> _M | None:
        """A metric of the batches of all ranks; None if there is only one rank."""
        states = _all_states(self, group)
        if states is None:
            return None
        total = copy.copy(self)
        total.reset()
        for state in states:
            total.merge(type(self).from_state(state))
        return total

    def _visible(self: _M) -> _M:
        """The metric to read without communication: the one that the last `sync` gathered, or this one."""
        return self if self._synced is None else self._synced

    def _of_all_ranks(self: _M) -> _M:
        """The metric to compute numbers from: as `_visible`, but gathered now where `sync_on_compute` requires it."""
        if self._synced is not None or not self.sync_on_compute:
            return self._visible()
        return self._gathered() or self

    # Bytes

    def state(self) -> bytes:
        """Settings and batches as bytes, to send or to store; with the batches that `sync` gathered, if it did."""
        parts = self._dump()
        own = len(parts)
        if self._synced is not None:
            parts = [*parts, self._synced.state()]
        return self._packed(parts, own)

    def _packed(self, parts: list[bytes], own: int) -> bytes:
        head = {
            "metric": _kind(type(self)),
            "settings": self._settings(),
            "options": self._options(),
            "own": own,
            "lengths": [len(part) for part in parts],
        }
        written = json.dumps(head).encode()
        body = b"".join([len(written).to_bytes(8, "little"), written, *parts])
        return _MAGIC + zlib.crc32(body).to_bytes(4, "little") + body

    @classmethod
    def from_state(cls: type[_M], state: bytes) -> _M:
        """The metric whose `state` returned these bytes.

        Raises
        ------
        TypeError
            `state` is not bytes.
        ValueError
            The bytes are damaged, of another version of meanap, or of another metric.
        """
        if not isinstance(state, (bytes, bytearray, memoryview)):
            raise TypeError(f"state: expected bytes, found {kind_of(state)}")
        head, parts = _unpacked(bytes(state), _kind(cls))
        try:
            own = head["own"]
            if len(parts) - own not in (0, 1):
                raise ValueError(f"{own} of {len(parts)} parts")
            metric = cls._made_with(head["settings"], head["options"])
            metric._load(parts[:own])
            metric._synced = cls.from_state(parts[own]) if len(parts) > own else None
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as problem:
            raise ValueError(f"{_DAMAGED}: {problem}") from problem
        return metric


def _kind(cls: type) -> str:
    """The name of a metric's class; of a user's subclass, the name of the metric from which it is derived."""
    bases = (base for base in reversed(cls.__mro__) if "_settings" in vars(base) and not inspect.isabstract(base))
    return next(bases).__name__


def _unpacked(state: bytes, kind: str) -> tuple[dict[str, Any], list[bytes]]:
    start = len(_MAGIC) + 4
    if state[: len(_MAGIC) - 2] != _MAGIC[:-2]:
        raise ValueError(f"state: not the state of {with_article(kind)}")
    if state[: len(_MAGIC)] != _MAGIC:
        raise ValueError(f"state: of another version of meanap: found {state[:8]!r}, expected {_MAGIC!r}")
    if int.from_bytes(state[len(_MAGIC) : start], "little") != zlib.crc32(memoryview(state)[start:]):
        raise ValueError(f"{_DAMAGED}: their checksum is another")
    try:
        at = start + 8 + int.from_bytes(state[start : start + 8], "little")
        head = json.loads(state[start + 8 : at])
        parts = []
        for length in head["lengths"]:
            parts.append(state[at : at + length])
            at += length
        complete = at == len(state) and all(length >= 0 for length in head["lengths"])
        found = head["metric"]
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as problem:
        raise ValueError(f"{_DAMAGED}: {problem}") from problem
    if not complete:
        raise ValueError(f"{_DAMAGED}: their length is another")
    if found != kind:
        raise ValueError(f"state: of {with_article(str(found))}, expected that of {with_article(kind)}")
    return head, parts


def _all_states(metric: Metric, group: object) -> list[bytes] | None:
    """The states of all ranks, in order, without what these gathered; None if there is only one rank."""

    def own() -> bytes:
        parts = metric._dump()
        return metric._packed(parts, len(parts))

    if hasattr(group, "all_gather"):
        return list(group.all_gather(own()))
    return _ranks.gather(own(), group) if _ranks.size(group) > 1 else None


def pack_arrays(arrays: Iterable[np.ndarray]) -> bytes:
    """Arrays of numbers of any shapes as bytes, for `unpack_arrays`."""
    arrays = [np.ascontiguousarray(array) for array in arrays]
    head = json.dumps([[array.dtype.str, list(array.shape)] for array in arrays]).encode()
    return b"".join([len(head).to_bytes(8, "little"), head, *(array.tobytes() for array in arrays)])


def unpack_arrays(packed: bytes) -> list[np.ndarray]:
    """The arrays that `pack_arrays` packed, each with memory of its own.

    Raises
    ------
    ValueError
        The bytes were not made by `pack_arrays`.
    """
    at = 8 + int.from_bytes(packed[:8], "little")
    arrays = []
    for dtype, shape in json.loads(packed[8:at]):
        kind = np.dtype(dtype)
        if kind.kind not in "biuf" or any(not isinstance(n, int) or n < 0 for n in shape):
            raise ValueError(f"an array of {dtype!r} and shape {shape!r}")
        count = int(np.prod(shape, dtype=object))
        # A copy: metrics count in these arrays.
        arrays.append(np.frombuffer(packed, kind, count, at).reshape(shape).copy() if count else np.zeros(shape, kind))
        at += count * kind.itemsize
    if at != len(packed):
        raise ValueError("arrays of another length")
    return arrays
