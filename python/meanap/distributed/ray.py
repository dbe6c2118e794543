"""Ray Data: ``pip install meanap[ray]``."""

from __future__ import annotations

import functools
import math
import zlib
from typing import Any

import numpy as np
import pyarrow as pa

from meanap.distributed.contract import Plan, accumulate_group, match_batch

__all__ = ["curves"]

_SHARD = "meanap_shard"


def curves(dataset: Any, plan: Plan, shards: int | None = None, rows_per_shard: int = 200_000) -> pa.Table:
    """The curves of a ``ray.data.Dataset`` of objects.

    Images are shared out by a digest of their ids, so that all rows of one are in one shard; a shard is what a worker
    holds at a time. Match rows then go to the worker that draws their category's curves.
    """
    shards = shards or max(1, math.ceil(dataset.count() / rows_per_shard))
    placed = dataset.map_batches(_place, batch_format="pyarrow", fn_kwargs={"shards": shards})
    match = functools.partial(_match, plan=plan)
    rows = placed.groupby(_SHARD, num_partitions=shards).map_groups(match, batch_format="pyarrow")
    draw = functools.partial(accumulate_group, plan=plan)
    # One ranking of all categories cannot be shared out.
    key, partitions = (None, None) if plan.protocol.average == "micro" else ("category_id", shards)
    drawn = rows.groupby(key, num_partitions=partitions).map_groups(draw, batch_format="pyarrow")
    parts = [part for part in drawn.iter_batches(batch_format="pyarrow", batch_size=None) if part.num_rows]
    if not parts:
        raise ValueError("dataset: there are no rows")
    return pa.concat_tables(parts)


def _place(table: pa.Table, shards: int) -> pa.Table:
    ids = table["image_id"]
    if pa.types.is_integer(ids.type):
        digest = ids.to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(33)
    else:
        digest = np.array([zlib.crc32(str(id).encode()) for id in ids.to_pylist()], dtype=np.uint64)
    return table.append_column(_SHARD, pa.array((digest % np.uint64(shards)).astype(np.int64)))


def _match(table: pa.Table, plan: Plan) -> pa.Table:
    return match_batch(table.drop_columns([_SHARD]), plan)
