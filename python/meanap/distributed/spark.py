"""Spark 4: ``pip install meanap[spark]``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from meanap.distributed import parts
from meanap.distributed.contract import Plan, Slicing, accumulate_group, curve_schema, match_batch
from meanap.distributed.rows import images_in, images_of_rows, rows_of_images

__all__ = ["columns", "curves", "images_among", "is_dataset", "of_shards", "of_table", "union", "without_scores"]

_BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"


def is_dataset(source: Any) -> bool:
    """Whether a source is a data set of this engine."""
    return type(source).__module__.split(".")[0] == "pyspark"


def of_table(table: pa.Table) -> Any:
    """A table as a data frame of the session that is there, or of a new one."""
    from pyspark.sql import SparkSession

    return SparkSession.builder.getOrCreate().createDataFrame(table)


def without_scores(frame: Any) -> Any:
    """A data frame of ground truth, whose scores are not read."""
    return frame.drop("score")


def union(ground_truth: Any, detections: Any) -> Any:
    """Both sides as one data frame."""
    return ground_truth.unionByName(detections, allowMissingColumns=True)


def columns(frame: Any) -> list[str]:
    """The names of the columns."""
    return list(frame.columns)


def images_among(frame: Any, ids: list[Any]) -> set[Any]:
    """Which of the images have rows."""
    column = frame.select("image_id")
    found = column.mapInArrow(_each(lambda table: images_in(table, ids)), column.schema)
    return set(found.toArrow()["image_id"].to_pylist())


def curves(
    frame: Any,
    plan: Plan,
    shards: int | None = None,
    rows_per_part: int = 200_000,
    slices: Slicing | None = None,
    rows_per_batch: int = 200_000,
) -> tuple[pa.Table, dict[str, pa.Table]]:
    """The curves of a ``pyspark.sql.DataFrame`` of objects, and those of each slice of its images.

    Match rows go to the worker that draws their category's curves. Where they are too many for one, the category's
    ranking is cut into parts.
    """
    from pyspark import StorageLevel
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    out = plan.row_schema(to_arrow_schema(frame.schema))
    rows = _mapped(frame, lambda table: match_batch(table, plan), out, shards, rows_per_batch)
    if slices is not None or parts.can_be_cut(plan):
        rows = rows.persist(StorageLevel.DISK_ONLY)
    whole = _drawn(rows, plan, out, rows_per_part)
    if not whole.num_rows:
        raise ValueError("dataset: there are no rows")
    found = {}
    if slices is not None:
        area = plan.protocol.area_index("all")
        counts = pa.schema([out.field("image_id"), ("objects", pa.int64())])
        counted = rows.mapInArrow(_each(lambda table: images_of_rows(table, area)), from_arrow_schema(counts))
        for name, images in slices(counted.toArrow().cast(counts)).items():
            some = rows.mapInArrow(_each(_only(images)), from_arrow_schema(out))
            found[name] = _drawn(some, plan, out, rows_per_part) if len(images) else whole.slice(0, 0)
    rows.unpersist()
    return whole, found


def _only(images: pa.Array) -> Callable[[pa.Table], pa.Table]:
    return lambda table: rows_of_images(table, images)


def _drawn(rows: Any, plan: Plan, out: pa.Schema, rows_per_part: int) -> pa.Table:
    """The curves of match rows, whose schema is `out`."""
    from pyspark import StorageLevel
    from pyspark.sql.pandas.types import from_arrow_schema

    categories = out.field("category_id").type
    cuts = {}
    if parts.can_be_cut(plan):
        if rows.count() > rows_per_part:
            sample = _each(lambda table: parts.sample_rows(table, rows_per_part))
            schema = from_arrow_schema(parts.sample_schema(out))
            cuts = parts.cuts_of(rows.mapInArrow(sample, schema).toArrow(), rows_per_part)
    if cuts:
        place = _each(lambda table: parts.place_rows(table, cuts))
        placed = rows.mapInArrow(place, from_arrow_schema(parts.placed_schema(out)))
        schema = from_arrow_schema(parts.packed_schema(categories))
        groups = placed.groupBy("category_id", "part")
        packed = groups.applyInArrow(lambda table: parts.pack_part(table, plan), schema)
        packed = packed.persist(StorageLevel.DISK_ONLY)
        before = parts.before_parts(packed.select(*parts.COUNTS).toArrow())
        draw = _each(lambda table: parts.draw_parts(table, plan, before))
        part_schema = parts.part_schema(categories)
        with _one_record_a_batch(rows.sparkSession):
            drawn = packed.mapInArrow(draw, from_arrow_schema(part_schema)).toArrow()
        table = parts.join_parts(drawn.cast(part_schema), plan)
        packed.unpersist()
    else:
        # One ranking of all categories cannot be shared out.
        groups = rows.groupBy() if plan.protocol.average == "micro" else rows.groupBy("category_id")
        schema = curve_schema(categories)
        drawn = groups.applyInArrow(lambda table: accumulate_group(table, plan), from_arrow_schema(schema))
        table = drawn.toArrow().cast(schema)
    return table


def of_shards(
    frame: Any, work: Callable[[pa.Table], pa.Table], schema: pa.Schema, shards: int | None = None
) -> pa.Table:
    """What `work` makes of batches of whole images."""
    return _mapped(frame, work, schema, shards, 200_000).toArrow().cast(schema)


def _mapped(
    frame: Any, work: Callable[[pa.Table], pa.Table], schema: pa.Schema, shards: int | None, rows_per_batch: int
) -> Any:
    """Rows are shared out by ``image_id`` and sorted by it.

    So each worker sees one image after another and never holds more than a batch of them, whatever the size of its
    share.
    """
    from pyspark.sql.functions import monotonically_increasing_id
    from pyspark.sql.pandas.types import from_arrow_schema

    if "order" not in frame.columns:
        # Rows lose their order when they are shared out.
        frame = frame.withColumn("order", monotonically_increasing_id())
    shared = frame.repartition(shards, "image_id") if shards else frame.repartition("image_id")

    def of_images(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in whole_images(batches, rows_per_batch):
            yield from work(table).to_batches()

    return shared.sortWithinPartitions("image_id").mapInArrow(of_images, from_arrow_schema(schema))


def _each(work: Callable[[pa.Table], pa.Table]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def of_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from work(pa.Table.from_batches([batch])).to_batches()

    return of_batches


@contextmanager
def _one_record_a_batch(session: Any) -> Iterator[None]:
    """A packed part is as much as a worker should hold."""
    before = session.conf.get(_BATCH)
    session.conf.set(_BATCH, "1")
    try:
        yield
    finally:
        session.conf.set(_BATCH, before)


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
