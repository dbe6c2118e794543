"""Ray Data: ``pip install meanap[ray]``."""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from meanap.distributed import parts
from meanap.distributed.contract import Plan, Slicing, accumulate_group, match_batch
from meanap.distributed.rows import images_in, images_of_rows, rows_of_images

__all__ = ["columns", "curves", "images_among", "is_dataset", "of_shards", "of_table", "union", "without_scores"]

_SHARD = "meanap_shard"


def is_dataset(source: Any) -> bool:
    """Whether a source is a data set of this engine."""
    return type(source).__module__.split(".")[0] == "ray"


def of_table(table: pa.Table) -> Any:
    """A table as a data set."""
    import ray

    return ray.data.from_arrow(table)


def without_scores(dataset: Any) -> Any:
    """A data set of ground truth, whose scores are not read."""
    return dataset.drop_columns(["score"]) if "score" in dataset.schema().names else dataset


def union(ground_truth: Any, detections: Any) -> Any:
    """Both sides as one data set."""
    return ground_truth.union(detections)


def columns(dataset: Any) -> list[str]:
    """The names of the columns."""
    return list(dataset.schema().names)


def images_among(dataset: Any, ids: list[Any]) -> set[Any]:
    """Which of the images have rows."""
    found = functools.partial(images_in, ids=ids)
    rows = dataset.select_columns(["image_id"]).map_batches(found, batch_format="pyarrow", batch_size=None)
    return {row["image_id"] for row in rows.iter_rows()}


def curves(
    dataset: Any,
    plan: Plan,
    shards: int | None = None,
    rows_per_part: int = 200_000,
    slices: Slicing | None = None,
) -> tuple[pa.Table, dict[str, pa.Table]]:
    """The curves of a ``ray.data.Dataset`` of objects, and those of each slice of its images.

    Match rows go to the worker that draws their category's curves. Where they are too many for one, the category's
    ranking is cut into parts.
    """
    rows = _of_shards(dataset, functools.partial(match_batch, plan=plan), shards)
    if slices is not None or parts.can_be_cut(plan):
        rows = rows.materialize()
    whole = _drawn(rows, plan, shards, rows_per_part)
    if slices is None:
        return whole, {}
    found = {}
    count = functools.partial(images_of_rows, area=plan.protocol.area_index("all"))
    for name, images in slices(_gathered(rows.map_batches(count, batch_format="pyarrow"))).items():
        some = rows.map_batches(functools.partial(rows_of_images, images=images), batch_format="pyarrow")
        found[name] = _drawn(some.materialize(), plan, shards, rows_per_part) if len(images) else whole.slice(0, 0)
    return whole, found


def _drawn(rows: Any, plan: Plan, shards: int | None, rows_per_part: int) -> pa.Table:
    """The curves of match rows."""
    cuts = {}
    if parts.can_be_cut(plan):
        if rows.count() > rows_per_part:
            sample = functools.partial(parts.sample_rows, rows_per_part=rows_per_part)
            cuts = parts.cuts_of(_gathered(rows.map_batches(sample, batch_format="pyarrow")), rows_per_part)
    if not cuts:
        # One ranking of all categories cannot be shared out.
        key, partitions = (None, None) if plan.protocol.average == "micro" else ("category_id", shards)
        draw = functools.partial(accumulate_group, plan=plan)
        return _gathered(rows.groupby(key, num_partitions=partitions).map_groups(draw, batch_format="pyarrow"))
    placed = rows.map_batches(parts.place_rows, batch_format="pyarrow", fn_kwargs={"cuts": cuts})
    pack = functools.partial(parts.pack_part, plan=plan)
    groups = placed.groupby(["category_id", "part"], num_partitions=shards)
    packed = groups.map_groups(pack, batch_format="pyarrow").materialize()
    before = parts.before_parts(_gathered(packed.select_columns(list(parts.COUNTS))))
    draw = functools.partial(parts.draw_parts, plan=plan, before=before)
    return parts.join_parts(_gathered(packed.map_batches(draw, batch_format="pyarrow", batch_size=1)), plan)


def of_shards(dataset: Any, work: Callable[[pa.Table], pa.Table], shards: int | None = None) -> pa.Table:
    """What `work` makes of each shard of images."""
    return _gathered(_of_shards(dataset, work, shards))


def _of_shards(dataset: Any, work: Callable[[pa.Table], pa.Table], shards: int | None) -> Any:
    return _shared(dataset, shards).map_groups(functools.partial(_work, work=work), batch_format="pyarrow")


def _shared(dataset: Any, shards: int | None, rows_per_shard: int = 200_000) -> Any:
    """Shards, which are what a worker holds at a time: by a digest of ids, so that all rows of an image are in one."""
    shards = shards or max(1, math.ceil(dataset.count() / rows_per_shard))
    placed = dataset.map_batches(_place, batch_format="pyarrow", fn_kwargs={"shards": shards})
    return placed.groupby(_SHARD, num_partitions=shards)


def _gathered(dataset: Any) -> pa.Table:
    found = [part for part in dataset.iter_batches(batch_format="pyarrow", batch_size=None) if part.num_rows]
    if not found:
        raise ValueError("dataset: there are no rows")
    return pa.concat_tables(found)


def _place(table: pa.Table, shards: int) -> pa.Table:
    ids = table["image_id"]
    if pa.types.is_integer(ids.type):
        digest = ids.to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(33)
    else:
        digest = np.array([zlib.crc32(str(id).encode()) for id in ids.to_pylist()], dtype=np.uint64)
    return table.append_column(_SHARD, pa.array((digest % np.uint64(shards)).astype(np.int64)))


def _work(table: pa.Table, work: Callable[[pa.Table], pa.Table]) -> pa.Table:
    return work(table.drop_columns([_SHARD]))
