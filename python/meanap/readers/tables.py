"""Tables of any library, and Parquet files: a row for each object, or for each image with its objects as lists."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, TypeVar

from meanap._arrays import kind_of
from meanap._arrow import check_names
from meanap._similarity import box_widths
from meanap.errors import InputError, InputTypeError
from meanap.readers._coco_records import coco_ground_truth, coco_results
from meanap.readers._column_names import Named, is_table
from meanap.readers._columns import columns_of, rows_of, side_of
from meanap.readers._image_fields import fields_of_rows
from meanap.readers._known_ids import with_known_ids
from meanap.readers._nested import Nested, by_object
from meanap.readers._parquet import parquet_batches, stored_parquet
from meanap.readers._parts import Parts
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Reader, Role, Truth, head, is_path
from meanap.readers._stored import Stored
from meanap.readers.sides import Detections, GroundTruth, plain_ids

__all__ = ["Parquet", "Tables"]

_Side = TypeVar("_Side", GroundTruth, Detections)


class Tables(Reader):
    """Tables with an Arrow stream, or with columns that are arrays: Polars, pandas, pyarrow, DuckDB."""

    name = "table"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it has columns."""
        return is_table(source)

    def table(self, source: Any, place: Role, options: Options) -> Any:
        """The table that a source is or holds."""
        return source

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects that are rows."""
        return _side(GroundTruth, self.table(source, "ground_truth", options), options, "ground_truth", problems)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections that are rows."""
        source = self.table(source, "detections", options)
        names = None if isinstance(source, Nested) else columns_of(source, "detections")
        if names is not None and not any(names):
            # A DataFrame of an empty list has no columns, and its CSV one without a name.
            return coco_results([], options.similarity)
        return with_known_ids(_side(Detections, source, options, "detections", problems), truth)


class Parquet(Tables):
    """Parquet files, by pyarrow, Polars or DuckDB."""

    name = "parquet"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether a file begins as Parquet files do."""
        return head(source)[:4] == b"PAR1"

    def table(self, source: Any, place: Role, options: Options) -> Any:
        """The table of a file, or one that was made of a part of it."""
        return stored_parquet(source) if is_path(source) else source

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """Some rows, as tables."""
        return Parts(os.path.getsize(source), lambda rows: parquet_batches(source, rows))


def _side(kind: type[_Side], table: Any, options: Options, place: Role, problems: Problems) -> _Side:
    if not isinstance(table, Stored):
        check_names(table, place)
    if isinstance(table, Stored) and by_object(table.empty, place, problems) is not None:
        table = table.read(None)
    nested: Nested | None = table if isinstance(table, Nested) else None
    if nested is None and not isinstance(table, Stored):
        nested = by_object(table, place, problems)
    if nested is None:
        return _of_objects(kind, table, options, place, problems)
    side = _of_objects(kind, nested.objects, options, place, problems)
    if isinstance(side, GroundTruth):
        side.images, side.sizes = nested.images, dict(nested.sizes)
        side.listed = "by position" if nested.by_position else "by id"
        side.own_fields = lambda: fields_of_rows(nested.images, columns_of(nested.rows, place) or {}, place)
    return side


def _of_objects(kind: type[_Side], table: Any, options: Options, place: Role, problems: Problems) -> _Side:
    try:
        return _columns(kind, table, options, place)
    except InputError as error:
        widths = box_widths(options.similarity)
        # What is wrong with the whole table is wrong with each of its rows, which only a list of all problems needs.
        by_row = error.record is not None or problems.mode != "raise"
        rows = rows_of(table, options.columns, options.box_format, widths) if by_row else None
        if rows is None:
            raise
    # Row by row, as COCO's records, so that each problem is found, and reported as that of a record.
    found = Problems("collect")
    made: Any = (
        coco_ground_truth({"annotations": rows}, options.similarity, found)
        if place == "ground_truth"
        else coco_results(rows, options.similarity, problems=found)
    )
    for problem in found.found:
        problems.add(dataclasses.replace(problem, unit="row"))
    problems.leave_out(place, found.left_out[place])
    made.records = made.any_score = False
    made.table = True
    side: _Side = made
    return side


def _columns(kind: type[_Side], table: Any, options: Options, place: Role) -> _Side:
    columns = columns_of(table, place)
    if columns is None:
        raise InputTypeError(f"expected a table, found {kind_of(table)}", place)
    columns = Named(columns, place, options.columns)
    widths = box_widths(options.similarity)
    fields = side_of(columns, place == "detections", options.box_format, place, widths)
    image_area = fields.pop("image_area", None)
    side = kind(**fields)
    side.table = True
    if image_area is not None:
        side.arrays["image_area"] = image_area
    if isinstance(side, GroundTruth):
        # Not of the side itself: a cycle would keep its columns until the next collection.
        ids = side.image_ids
        side.own_fields = lambda: fields_of_rows(plain_ids(ids), columns, place)
    return side
