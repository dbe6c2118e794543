"""The two functions that an engine calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from meanap import _core, readers
from meanap._similarity import compares_polygons
from meanap.detection.match_log import new_log, scores_between
from meanap.detection.regions import IgnoreRegions
from meanap.distributed.rows import id_type, rows_into, rows_of, schema
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.protocol._changes import with_changes
from meanap.readers.tables import Tables

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import BoxFormat, PresetName, ProtocolChanges, RegionsInput, SimilarityName

__all__ = ["Plan", "Slicing", "accumulate_group", "curve_schema", "match_batch", "sides_of"]

#: The images of each slice, by its name, given the images with their numbers of objects (`rows.images_of_rows`).
Slicing: TypeAlias = Callable[[pa.Table], Mapping[str, pa.Array]]


@dataclass(frozen=True)
class Plan:
    """What is compared and how: all that a worker has to know. It can be pickled.

    >>> Plan.of("bbox", "coco", thresholds=[0.5]).protocol.thresholds
    (0.5,)
    """

    similarity: SimilarityName
    protocol: Protocol
    box_format: BoxFormat = "xyxy"
    score_range: tuple[float, float] | None = field(default=(0.0, 1.0))
    #: Regions of images in which a detection that matches nothing is no false positive.
    regions: IgnoreRegions | None = None

    @classmethod
    def of(
        cls,
        similarity: SimilarityName = "bbox",
        protocol: PresetName | Protocol = "coco",
        *,
        box_format: BoxFormat = "xyxy",
        score_range: tuple[float, float] | None = (0.0, 1.0),
        ignore_regions: RegionsInput | None = None,
        **changes: Unpack[ProtocolChanges],
    ) -> Plan:
        """From what `meanap.evaluate` takes.

        Raises
        ------
        ValueError
            The protocol needs information about the whole data set (LVIS's lists of labelled categories), or polygons
            are compared as they are drawn.
        """
        if compares_polygons(similarity):
            raise ValueError("similarity: 'polygon' compares corners, which tables do not have; 'segm' compares pixels")
        rules = with_changes(protocol, similarity, changes)
        if rules.federated:
            raise ValueError(
                f"protocol: {rules.name!r} judges detections by lists of labelled categories, which tables do not "
                "have; federated=False does without"
            )
        regions = None if ignore_regions is None else IgnoreRegions(ignore_regions)
        return cls(similarity, rules, box_format, scores_between(score_range), regions)

    def log(self, confusion: float | None = None) -> _core.MatchLog:
        """An empty log of this protocol; with `confusion`, of pairs of categories matched at that threshold."""
        return new_log(self.protocol, self.similarity, self.box_format, self.score_range, confusion=confusion)

    def row_schema(self, table: pa.Schema) -> pa.Schema:
        """What `match_batch` makes of tables with this schema."""
        by_category = self.protocol.by_category
        categories = id_type(table.field("category_id").type) if by_category else pa.int64()
        return schema(id_type(table.field("image_id").type), categories)


def match_batch(table: pa.Table, plan: Plan) -> pa.Table:
    """Match the objects of some images.

    Parameters
    ----------
    table
        One row for each object, detections and ground truth together: ``image_id``, ``category_id``, ``score`` (null
        for ground truth) and boxes, or masks or keypoints, under the names that `meanap.evaluate` takes; for ground
        truth also ``area``, ``iscrowd``, ``ignore``, ``num_keypoints``. **All rows of an image must be in one table.**
        Where scores of an image are equal, the first row comes first: give a column ``order`` of numbers if rows may
        lose their order on the way.

    Returns
    -------
    pyarrow.Table
        One row for each evaluated object, see `rows.schema`; none if `table` has none.

    Raises
    ------
    ValueError
        Something cannot be used; the message names argument, row and value.
    """
    out = plan.row_schema(table.schema)
    if not table.num_rows:
        return out.empty_table()
    log = plan.log()
    log.append(*sides_of(table, plan))
    return rows_of(log, out.field("image_id").type, out.field("category_id").type)


def sides_of(table: pa.Table, plan: Plan) -> tuple[_core.Objects, _core.Objects]:
    """Ground truth and detections of a table that `match_batch` takes, as the core takes them."""
    if "score" not in table.column_names:
        raise ValueError(f"a table needs a column 'score' (null for ground truth); there are {table.column_names}")
    if "order" in table.column_names:
        table = table.sort_by("order").drop_columns(["order"])
    is_truth = pc.is_null(table["score"])
    truth = _flat(table.filter(is_truth).drop_columns(["score"]), nulls=True)
    found = _flat(table.filter(pc.invert(is_truth)), nulls=False)
    options = readers.Options(plan.similarity, plan.box_format)
    of_tables = Tables()
    problems = readers.Problems()
    sides = of_tables.ground_truth(truth, options, problems), of_tables.detections(found, options, problems, None)
    for side, given in zip(sides, (truth, found), strict=True):
        if _EXACT in given.column_names:
            side.arrays[_EXACT] = given[_EXACT].to_numpy()
    detections = sides[1].objects(plan.protocol, plan.similarity, plan.score_range)
    if plan.regions is not None and plan.regions.field is None:
        detections = plan.regions.applied(detections)
    elif plan.regions is not None:
        if plan.regions.field not in table.column_names:
            raise InputError(f"ignore_regions: there is no column {plan.regions.field!r}", "dataset")
        given = table.filter(pc.is_valid(table[plan.regions.field]))
        ids, polygons = (given[name].to_pylist() for name in ("image_id", plan.regions.field))
        detections = plan.regions.of_rows(ids, polygons).applied(detections)
    return sides[0].objects(plan.protocol, plan.similarity, None), detections


#: The column of the areas that COCO's files give, NaN for none, which `sources.table_of` writes.
_EXACT = "exact_area"


#: Columns that only ground truth has, and what stands for a null of them.
_OF_TRUTH = {"area": 0.0, "num_keypoints": None, "iscrowd": 0, "crowd": 0, "ignore": 0, "difficult": 0}


def _flat(table: pa.Table, nulls: bool) -> pa.Table:
    """Structures as separate columns, without columns of nulls, and with defaults in place of permitted nulls."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    for i, name in reversed(list(enumerate(table.column_names))):
        column = table[name]
        if (name in _OF_TRUTH and not nulls) or (len(column) and column.null_count == len(column)):
            table = table.remove_column(i)
        elif _OF_TRUTH.get(name) is not None and column.null_count:
            filled = pc.fill_null(column, pa.scalar(_OF_TRUTH[name]).cast(column.type))
            table = table.set_column(i, name, filled)
    return table


def curve_schema(categories: pa.DataType) -> pa.Schema:
    """The columns of what `accumulate_group` gives, flat in the order T, R, A, M.

    T thresholds, R recall points (1 where the protocol takes an area), A area ranges, M limits.
    """
    numbers = pa.list_(pa.float64())
    return pa.schema(
        [
            ("category_id", categories),
            ("images", pa.int64()),
            ("objects", pa.list_(pa.int64())),
            ("detections", pa.int64()),
            ("images_with_objects", pa.int64()),
            ("precision", numbers),
            ("recall", numbers),
            ("scores", numbers),
        ]
    )


def accumulate_group(table: pa.Table, plan: Plan) -> pa.Table:
    """Compute the curves of categories.

    Parameters
    ----------
    table
        All match rows of one category (or of several), in any order.

    Returns
    -------
    pyarrow.Table
        One row for each category, see `curve_schema`: its curves, and counts of what was to be found in each area range
        and of detections. ``images`` counts images by their rows marked ``first``, in the first row alone;
        ``images_with_objects`` is null unless the protocol's mean needs it. Where the protocol ranks all categories
        together, the last row is of no category and has those curves; then all rows have to be given at once.
    """
    out = curve_schema(table.schema.field("category_id").type)
    if not table.num_rows:
        return out.empty_table()
    rules = plan.protocol
    log = plan.log()
    rows_into(log, table)
    matches = log.table()
    wanted, found = matches.positives(), matches.detections()
    ids = matches.category_ids
    parts = [_curves(matches, rules, 1)]
    if rules.average == "micro":
        parts.append(_curves(matches.pooled(), rules, len(ids)))
        ids = [*ids, None]
        wanted = np.concatenate([wanted, wanted.sum(axis=0, keepdims=True)])
    images = [pc.sum(table["first"]).as_py()] + [0] * (len(ids) - 1)
    detections = found.tolist() + [int(found.sum())] * (rules.average == "micro")
    with_objects: list[int | None] = [None] * len(ids)
    if rules.average == "images":
        with_objects = [len(positions) for positions in matches.images_of_groups()]
    columns = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return pa.table(
        [ids, images, wanted.tolist(), detections, with_objects, *(list(column) for column in columns)], schema=out
    )


def _curves(matches: _core.Matches, rules: Protocol, factor: int) -> list[np.ndarray]:
    """Precision, recall and scores, ``(K, …)`` flat."""
    recall = rules.recall
    curves = matches.accumulate(
        recall=recall if isinstance(recall, str) else np.array(recall, dtype=np.float64),
        areas=list(range(len(rules.area_ranges))),
        max_detections=[limit * factor for limit in rules.max_detections],
    )
    return [np.moveaxis(curve, -3, 0).reshape(curve.shape[-3], -1) for curve in curves]
