"""Match-table rows as an Arrow table, and back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from meanap import _core

__all__ = ["images_in", "images_of_rows", "rows_into", "rows_of", "rows_of_images", "schema"]


def schema(images: pa.DataType, categories: pa.DataType) -> pa.Schema:
    """The columns of match rows, for ids of these types.

    ====================  ============================================================================================
    ``image_id``          of which image
    ``category_id``       of which category (-1 where all categories are compared together)
    ``rank``              of a detection: its rank in its image and category; null for a ground truth
    ``score``             of a detection; null for a ground truth
    ``areas``             bits of area ranges: those in which a ground truth is to be found, those outside of which a
                          detection lies that matched nothing
    ``outcome``           of a detection that matched: bits of the area ranges outside of which it lies; then for each
                          area range those of the thresholds at which it matched, and those at which something that is
                          ignored, all in a row; null for others
    ``first``             true in one row of each image, so that images can be counted
    ====================  ============================================================================================
    """
    return pa.schema(
        [
            ("image_id", images),
            ("category_id", categories),
            ("rank", pa.int32()),
            ("score", pa.float64()),
            ("areas", pa.int32()),
            ("outcome", pa.list_(pa.int64())),
            ("first", pa.bool_()),
        ]
    )


def id_type(type: pa.DataType) -> pa.DataType:
    """The type in which ids of a column travel: 64-bit integers or strings."""
    if pa.types.is_dictionary(type):
        type = type.value_type
    return pa.int64() if pa.types.is_integer(type) else pa.string()


def rows_of(log: _core.MatchLog, images: pa.DataType, categories: pa.DataType) -> pa.Table:
    """The rows of a log: detections, then ground truths."""
    columns = log.columns()
    found, truths = len(columns["image"]), len(columns["truth_image"])
    of_image = np.concatenate([columns["image"], columns["truth_image"]])
    of_category = np.concatenate([columns["category"], columns["truth_category"]])
    is_truth = np.arange(found + truths) >= found
    matched = columns["matched"]
    words = columns["outcomes"].shape[1]
    ends = np.concatenate([[0], np.cumsum(matched) * words, np.full(truths, matched.sum() * words)])
    unmatched = np.concatenate([~matched, np.ones(truths, dtype=bool), [False]])
    outcomes = columns["outcomes"].reshape(-1).view(np.int64)
    first = np.zeros(found + truths, dtype=bool)
    first[np.unique(of_image, return_index=True)[1]] = True
    return pa.table(
        [
            pa.array(columns["image_ids"], images).take(pa.array(of_image)),
            pa.array(columns["category_ids"], categories).take(pa.array(of_category)),
            pa.array(np.concatenate([columns["rank"], np.zeros(truths, np.uint32)]).astype(np.int32), mask=is_truth),
            pa.array(np.concatenate([columns["score"], np.zeros(truths)]), mask=is_truth),
            pa.array(np.concatenate([columns["outside"], columns["truth_areas"]]).astype(np.int32)),
            pa.ListArray.from_arrays(pa.array(ends.astype(np.int32), mask=unmatched), pa.array(outcomes)),
            pa.array(first),
        ],
        schema=schema(images, categories),
    )


def images_of_rows(rows: pa.Table, area: int) -> pa.Table:
    """The images of match rows, each with the number of its objects to be found in an area range.

    Of rows that come in parts an image may be in several of them; its number is the sum.
    """
    bit = np.uint32(1 << area)
    is_truth = pc.is_null(rows["score"]).to_numpy()
    counted = is_truth & (_numbers(rows["areas"], np.uint32) & bit != 0)
    table = pa.table({"image_id": rows["image_id"], "objects": counted.astype(np.int64)})
    return table.group_by("image_id").aggregate([("objects", "sum")]).rename_columns(["image_id", "objects"])


def rows_of_images(rows: pa.Table, images: pa.Array) -> pa.Table:
    """The match rows of some images."""
    return rows.filter(pc.is_in(rows["image_id"], images))


def rows_into(log: _core.MatchLog, rows: pa.Table, images: Sequence[Any] = ()) -> None:
    """Adds rows to a log, and those of the images that have no rows."""
    # Rows come from many shards, and each piece has its own dictionary of ids.
    rows = rows.combine_chunks()
    is_truth = pc.is_null(rows["score"]).to_numpy()
    is_found = ~is_truth
    columns: dict[str, Any] = {}
    # A column at a time: the rows of a category may be many.
    for name in ("image", "category"):
        columns[f"{name}_ids"], codes = _codes(rows[f"{name}_id"])
        columns[name], columns[f"truth_{name}"] = codes[is_found], codes[is_truth]
    there = set(columns["image_ids"])
    columns["image_ids"] += [id for id in dict.fromkeys(images) if id not in there]
    outcome = rows["outcome"]
    columns["matched"] = pc.is_valid(outcome).to_numpy()[is_found]
    # What is null has no items.
    items = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in outcome.chunks]
    columns["outcomes"] = np.concatenate([_NO_NUMBERS, *items], dtype=np.int64).view(np.uint64).reshape(-1, log.words)
    areas = _numbers(rows["areas"], np.uint32)
    columns["outside"], columns["truth_areas"] = areas[is_found], areas[is_truth]
    columns["rank"] = _numbers(pc.fill_null(rows["rank"], 0), np.uint32)[is_found]
    columns["score"] = _numbers(pc.fill_null(rows["score"], 0.0), np.float64)[is_found]
    log.extend(columns)


#: Columns of tables without rows have no chunks.
_NO_NUMBERS = np.zeros(0, dtype=np.int64)


def _numbers(column: pa.ChunkedArray, dtype: Any) -> np.ndarray:
    return np.ascontiguousarray(column.to_numpy(), dtype=dtype)


def _codes(column: pa.ChunkedArray) -> tuple[list[Any], np.ndarray]:
    """The distinct ids of a column, and the column as codes."""
    coded = column.dictionary_encode().unify_dictionaries()
    codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in coded.chunks]
    ids = coded.chunk(0).dictionary.to_pylist() if codes else []
    return ids, np.concatenate([_NO_NUMBERS, *codes], dtype=np.uint32, casting="unsafe")


def images_in(table: pa.Table, ids: Collection[Any]) -> pa.Table:
    """Which of the images have rows in a table, as a table of ``image_id``."""
    there = set(table["image_id"].to_pylist())
    return pa.table({"image_id": pa.array([id for id in ids if id in there], table.schema.field("image_id").type)})
