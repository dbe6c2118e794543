"""Spark 4: ``pip install meanap[spark]``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from meanap.distributed.contract import Plan, accumulate_group, curve_schema, match_batch

__all__ = ["curves"]


def curves(frame: Any, plan: Plan, shards: int | None = None, rows_per_batch: int = 200_000) -> pa.Table:
    """The curves of a ``pyspark.sql.DataFrame`` of objects.

    Rows are shared out by ``image_id`` and sorted by it, so that each worker sees one image after another and never
    holds more than a batch of them, whatever the size of its share.
    """
    from pyspark.sql.functions import monotonically_increasing_id
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    if "order" not in frame.columns:
        # Rows lose their order when they are shared out.
        frame = frame.withColumn("order", monotonically_increasing_id())
    out = plan.row_schema(to_arrow_schema(frame.schema))
    shared = frame.repartition(shards, "image_id") if shards else frame.repartition("image_id")

    def match(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in whole_images(batches, rows_per_batch):
            yield from match_batch(table, plan).to_batches()

    rows = shared.sortWithinPartitions("image_id").mapInArrow(match, from_arrow_schema(out))
    # One ranking of all categories cannot be shared out.
    groups = rows.groupBy() if plan.protocol.average == "micro" else rows.groupBy("category_id")
    drawn_schema = curve_schema(out.field("category_id").type)
    drawn = groups.applyInArrow(lambda table: accumulate_group(table, plan), from_arrow_schema(drawn_schema))
    table = drawn.toArrow().cast(drawn_schema)
    if not table.num_rows:
        raise ValueError("dataset: there are no rows")
    return table


def whole_images(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Batches sorted by image as tables of at least so many rows that end where an image ends."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        if count < rows:
            continue
        table = pa.Table.from_batches(held)
        ids = table["image_id"]
        last = ids[-1]
        end = table.num_rows
        while end and ids[end - 1] == last:
            end -= 1
        if end:
            yield table.slice(0, end)
        held = table.slice(end).to_batches()
        count = table.num_rows - end
    if count:
        yield pa.Table.from_batches(held)
