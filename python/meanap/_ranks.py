"""The ranks of ``torch.distributed``, where that is initialised; torch is not imported."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["gather", "rank", "size"]


def _distributed() -> Any:
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    usable = distributed is not None and distributed.is_available() and distributed.is_initialized()
    return distributed if usable else None


def size(group: object = None) -> int:
    """The number of ranks of a group, of all ranks by default: 1 without others, -1 for a rank outside the group."""
    distributed = _distributed()
    return 1 if distributed is None else distributed.get_world_size(group)


def rank() -> int:
    """The number of this rank among all, 0 without others."""
    distributed = _distributed()
    return 0 if distributed is None else distributed.get_rank()


def gather(value: Any, group: object = None) -> list[Any]:
    """The values of all ranks of a group, in their order. All of them have to call it."""
    world = size(group)
    if world <= 1:
        return [value]
    values: list[Any] = [None] * world
    _distributed().all_gather_object(values, value, group=group)
    return values
