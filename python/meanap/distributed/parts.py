"""Rankings that are too long for one worker: split into parts, evaluated part by part, merged exactly.

A category's detections are ranked by score, equal ones by image. Cuts at some places of that ranking, taken from a
sample, make parts that a worker can hold, however many detections there are. A part is packed with its counts; the
counts of the parts before it are all that drawing it needs, and the curve of the whole is a maximum over parts, which
rounds nothing.

=================  ======================================================================
`sample_rows`      match rows in, every so manieth of them out
`cuts_of`          where to cut
`place_rows`       match rows in, the same with the part that each is in out
`pack_part`        all rows of a part in, one row out: counts, and the rows themselves packed
`before_parts`     the counts of all parts in, what stands before each of them out
`draw_parts`       packed parts in, their curves out
`join_parts`       curves of all parts in, curves of categories out
=================  ======================================================================
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from meanap.distributed.contract import Plan, curve_schema
from meanap.distributed.rows import rows_into

__all__ = [
    "COUNTS",
    "before_parts",
    "can_be_cut",
    "cuts_of",
    "draw_parts",
    "join_parts",
    "pack_part",
    "packed_schema",
    "part_schema",
    "place_rows",
    "placed_schema",
    "sample_rows",
    "sample_schema",
]

#: Columns that describe each part besides its rows.
COUNTS = ("category_id", "part", "images", "detections", "objects", "hits", "misses", "seen")
#: Samples between two cuts.
_SAMPLES = 64


def can_be_cut(plan: Plan) -> bool:
    """Whether the protocol reads curves at recall points, each category by itself.

    An area under a curve is a sum whose bits depend on its order; a ranking of all categories has none to be cut, and
    parts do not know how many images have objects.
    """
    return not isinstance(plan.protocol.recall, str) and plan.protocol.average == "macro"


def sample_schema(rows: pa.Schema) -> pa.Schema:
    """The columns of a sample of rows with this schema."""
    return pa.schema([rows.field(name) for name in ("category_id", "score", "image_id")])


def sample_rows(rows: pa.Table, rows_per_part: int) -> pa.Table:
    """Some of the detections among match rows: enough to find parts of about so many rows."""
    found = rows.select(["category_id", "score", "image_id"]).filter(pc.is_valid(rows["score"]))
    step = max(1, rows_per_part // _SAMPLES)
    # A batch begins anywhere, so that small batches are not always sampled at their best.
    first = (found.num_rows * 7919) % step
    return found.take(pa.array(np.arange(first, found.num_rows, step)))


def cuts_of(sample: pa.Table, rows_per_part: int) -> dict[Any, tuple[np.ndarray, np.ndarray]]:
    """For each category that is too large the first score and image of each part but the first one's."""
    per_part = max(1, rows_per_part // max(1, rows_per_part // _SAMPLES))
    cuts = {}
    for category in sample["category_id"].unique().to_pylist():
        of = sample.filter(pc.equal(sample["category_id"], category))
        if of.num_rows <= per_part:
            continue
        of = of.sort_by([("score", "descending"), ("image_id", "ascending")])
        at = pa.array(np.arange(per_part, of.num_rows, per_part))
        cuts[category] = (of["score"].take(at).to_numpy(), _array(of["image_id"].take(at)))
    return cuts


def placed_schema(rows: pa.Schema) -> pa.Schema:
    """The columns of `place_rows`."""
    return rows.append(pa.field("part", pa.int32()))


def place_rows(rows: pa.Table, cuts: Mapping[Any, tuple[np.ndarray, np.ndarray]]) -> pa.Table:
    """Match rows with the part of their category's ranking that each is in; ground truth is anywhere."""
    part = np.zeros(rows.num_rows, dtype=np.int32)
    found = pc.is_valid(rows["score"]).to_numpy()
    scores = pc.fill_null(rows["score"], 0.0).to_numpy()
    for category in rows["category_id"].unique().to_pylist():
        if category not in cuts:
            continue
        of = pc.equal(rows["category_id"], category).to_numpy()
        at, truths = np.flatnonzero(of & found), np.flatnonzero(of & ~found)
        part[at] = _part(cuts[category], scores[at], rows["image_id"].take(pa.array(at)))
        part[truths] = np.arange(len(truths)) % (len(cuts[category][0]) + 1)
    return rows.append_column("part", pa.array(part))


def _part(cuts: tuple[np.ndarray, np.ndarray], scores: np.ndarray, images: pa.ChunkedArray) -> np.ndarray:
    """How many cuts each detection stands behind, or at."""
    cut_scores, cut_images = cuts
    first, last = (np.searchsorted(-cut_scores, -scores, side) for side in ("left", "right"))
    part: np.ndarray = first.copy()
    tied = np.flatnonzero(first < last)
    if len(tied):
        of_tied = _array(images.take(pa.array(tied)))
        for start in np.unique(first[tied]).tolist():
            of = first[tied] == start
            end = last[tied[of][0]]
            part[tied[of]] = start + np.searchsorted(cut_images[start:end], of_tied[of], "right")
    return part


def _array(ids: pa.ChunkedArray) -> np.ndarray:
    """Ids in an array that sorts as they do: text by code points."""
    return ids.to_numpy() if pa.types.is_integer(ids.type) else np.array(ids.to_pylist(), dtype=np.str_)


def packed_schema(categories: pa.DataType) -> pa.Schema:
    """The columns of `pack_part`."""
    numbers = pa.list_(pa.int64())
    types = (categories, pa.int32(), pa.int64(), pa.int64(), numbers, numbers, numbers, numbers)
    return pa.schema([*zip(COUNTS, types, strict=True), ("rows", pa.binary())])


def pack_part(rows: pa.Table, plan: Plan) -> pa.Table:
    """The rows of one part of one category, as one row: what it counts, and the detections packed."""
    out = packed_schema(rows.schema.field("category_id").type)
    if not rows.num_rows:
        return out.empty_table()
    log, rules = plan.log(), plan.protocol
    rows = rows.combine_chunks()
    rows_into(log, rows)
    matches = log.table()
    counted = matches.part_counts(list(rules.max_detections))
    found = rows.filter(pc.is_valid(rows["score"])).drop_columns(["part"])
    with pa.BufferOutputStream() as stream:
        with pa.ipc.new_stream(stream, found.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(found)
        packed = stream.getvalue().to_pybytes()
    counts = (matches.positives()[0], *(counted[name][0].ravel() for name in ("hits", "misses", "seen")))
    values = (rows["category_id"][0], rows["part"][0], pc.sum(rows["first"]), found.num_rows, *counts, packed)
    plain = [value.as_py() if isinstance(value, pa.Scalar) else value for value in values]
    return pa.table([pa.array([value], field.type) for value, field in zip(plain, out, strict=True)], schema=out)


def before_parts(counts: pa.Table) -> dict[tuple[Any, int], dict[str, list[int]]]:
    """What stands before each part, by category and part; ``positives`` are those of the whole category."""
    of_category: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in counts.select(list(COUNTS)).to_pylist():
        of_category[row["category_id"]].append(row)
    before = {}
    for category, parts in of_category.items():
        objects = np.sum([part["objects"] for part in parts], axis=0).tolist()
        parts.sort(key=lambda part: part["part"])
        sums = {name: np.zeros(len(parts[0][name]), dtype=np.int64) for name in ("hits", "misses", "seen")}
        for part in parts:
            counted = {name: sum.tolist() for name, sum in sums.items()}
            before[category, part["part"]] = {"positives": objects, **counted}
            for name, sum in sums.items():
                sum += part[name]
    return before


def part_schema(categories: pa.DataType) -> pa.Schema:
    """The columns of `draw_parts`.

    Counts; of the recall points that are reached in the part their ``places`` in the flat order T, R, A, M, greatest
    ``precision`` and ``scores``; ``recall`` at its end, greatest precision ``peak``.
    """
    counts, numbers = pa.list_(pa.int64()), pa.list_(pa.float64())
    return pa.schema(
        [
            ("category_id", categories),
            ("part", pa.int32()),
            ("images", pa.int64()),
            ("detections", pa.int64()),
            ("objects", counts),
            ("places", counts),
            ("precision", numbers),
            ("scores", numbers),
            ("recall", numbers),
            ("peak", numbers),
        ]
    )


def draw_parts(packed: pa.Table, plan: Plan, before: Mapping[tuple[Any, int], dict[str, list[int]]]) -> pa.Table:
    """The contribution of packed parts to the curves."""
    out = part_schema(packed.schema.field("category_id").type)
    rules, drawn = plan.protocol, []
    recall = np.array(rules.recall, dtype=np.float64)
    for row in packed.to_pylist():
        rows = pa.ipc.open_stream(row["rows"]).read_all()
        counted = before[row["category_id"], row["part"]]
        log = plan.log()
        if rows.num_rows:
            rows_into(log, rows)
        else:
            log.declare([row["category_id"]])
        curves = log.table().draw_part(0, recall, list(rules.max_detections), **counted)
        places = np.flatnonzero(curves["precision"] >= 0)
        reached = {name: curves[name][places] for name in ("precision", "scores")}
        drawn.append({**row, **curves, **reached, "places": places})
    return pa.table([pa.array([row[field.name] for row in drawn], field.type) for field in out], schema=out)


def join_parts(parts: pa.Table, plan: Plan) -> pa.Table:
    """The curves of categories, as `accumulate_group` returns them, from the contributions of all their parts."""
    out = curve_schema(parts.schema.field("category_id").type)
    keys = parts.select(["category_id", "part"]).to_pydict()
    of_category: dict[Any, list[int]] = defaultdict(list)
    for row in sorted(range(parts.num_rows), key=lambda row: keys["part"][row]):
        of_category[keys["category_id"][row]].append(row)
    joined = []
    for category, rows in of_category.items():
        # From the last part on.
        of = [{name: parts[name][row] for name in parts.column_names} for row in rows[::-1]]
        objects = np.sum([part["objects"].as_py() for part in of], axis=0).tolist()
        images, detections = (sum(part[name].as_py() for part in of) for name in ("images", "detections"))
        joined.append((category, images, objects, detections, None, *_joined(of, plan)))
    columns = list(zip(*joined, strict=True)) or [()] * len(out)
    arrays = [pa.array(list(values), field.type) for values, field in zip(columns, out, strict=True)]
    return pa.table(arrays, schema=out)


def _joined(parts: list[dict[str, Any]], plan: Plan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and scores of a category, flat, from its parts, the last one first."""
    rules = plan.protocol
    t, r, inner = len(rules.thresholds), len(rules.recall), len(rules.area_ranges) * len(rules.max_detections)
    precision, scores = (np.full(t * r * inner, -1.0) for _ in range(2))
    recall, later = np.full(t * inner, -1.0), np.zeros((t, inner))
    for part in parts:
        columns = {name: part[name].values.to_numpy() for name in ("places", "precision", "scores", "recall", "peak")}
        places = columns["places"]
        # A recall point gets the greatest precision at or beyond it.
        precision[places] = np.maximum(columns["precision"], later[places // (r * inner), places % inner])
        scores[places] = columns["scores"]
        later = np.maximum(later, columns["peak"].reshape(t, inner))
        recall = np.maximum(recall, columns["recall"])
    # Once a point cannot be reached, it and all later ones are 0; where there is nothing to find all are -1.
    reached = np.logical_and.accumulate((precision >= 0).reshape(t, r, inner), axis=1)
    beyond = (~reached & (recall >= 0).reshape(t, 1, inner)).ravel()
    precision[beyond] = scores[beyond] = 0.0
    return precision, recall, scores
