"""Confusion matrices of shards of images, which add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from meanap.detection.confusion import Confusion, counts_of
from meanap.distributed.contract import Plan, sides_of
from meanap.distributed.rows import id_type

__all__ = ["confuse_batch", "confusion_schema", "summed"]


def confusion_schema(table: pa.Schema) -> pa.Schema:
    """The columns of what `confuse_batch` makes of tables with this schema."""
    categories = id_type(table.field("category_id").type)
    return pa.schema([("truth", categories), ("detected", categories), ("count", pa.int64())])


def confuse_batch(table: pa.Table, plan: Plan, iou: float, score: float) -> pa.Table:
    """The confusion of some images, which have to be whole.

    Columns: ``truth`` and ``detected`` (null for the background) and ``count``. Takes the tables that `match_batch`
    takes.
    """
    out = confusion_schema(table.schema)
    if not table.num_rows:
        return out.empty_table()
    log = plan.log(confusion=iou)
    log.append(*sides_of(table, plan))
    counts = list(counts_of(log.table(), score))
    return pa.table([list(column) for column in zip(*counts, strict=True)] or [[], [], []], schema=out)


def summed(
    counts: pa.Table, plan: Plan, iou: float, score: float, categories: Iterable[Any] | Mapping[Any, str] | None
) -> Confusion:
    """The matrix of all shards."""
    known = [] if categories is None or not plan.protocol.by_category else list(categories)
    names = categories if isinstance(categories, Mapping) else {}
    columns = (counts[name].to_pylist() for name in ("truth", "detected", "count"))
    return Confusion.counted(zip(*columns, strict=True), known, lambda id: names.get(id, str(id)), iou, score)
