"""Ground truth and detections of any format as the table that workers take: read here, and sent to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from meanap import _rle, readers
from meanap._arrays import as_numpy
from meanap.detection.inputs import Checking, check_order, checked_sides
from meanap.distributed.contract import Plan
from meanap.errors import InputError
from meanap.readers import Detections, GroundTruth
from meanap.readers._as_coco import coco_boxes, coco_masks, coco_poses

__all__ = ["Joined", "joined", "table_of"]

_Side = TypeVar("_Side", GroundTruth, Detections)
_ROTATED = {
    5: ("cx", "cy", "width", "height", "angle"),
    7: ("x", "y", "z", "length", "width", "height", "yaw"),
    8: ("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4"),
}
#: Columns that are sent as they are.
_NUMBERS = ("exact_area", "area", "iscrowd", "ignore", "num_keypoints", "image_area", "difficulty")


class Joined(NamedTuple):
    """Both sides of an evaluation for the workers of an engine."""

    #: The data set of both.
    dataset: Any
    #: The settings of the workers.
    plan: Plan
    #: The categories that are known, with their names if these are.
    categories: Mapping[Any, str] | list[Any] | None = None
    #: The ground truth, if it has been read here.
    truth: GroundTruth | None = None


def joined(ground_truth: Any, detections: Any, library: Any, plan: Plan, options: readers.Options) -> Joined:
    """Both sides as a data set of an engine.

    A side that is a data set of the engine stays with it; the other is read here.
    """
    there = [library.is_dataset(source) for source in (ground_truth, detections)]
    if all(there):
        return Joined(library.union(library.without_scores(ground_truth), detections), plan)
    truth, found = _sides(None if there[0] else ground_truth, None if there[1] else detections, plan, options)
    known = None if truth is None or truth.categories is None else truth.names or list(truth.categories)
    here = library.of_table(_table([side for side in (truth, found) if side is not None]))
    if there[1]:
        return Joined(library.union(here, detections), plan, known, truth)
    # Scores have been checked here: those of COCO results may be any.
    plan = dataclasses.replace(plan, score_range=None)
    dataset = library.union(library.without_scores(ground_truth), here) if there[0] else here
    return Joined(dataset, plan, known, truth)


def _sides(
    ground_truth: Any, detections: Any, plan: Plan, options: readers.Options
) -> tuple[GroundTruth | None, Detections | None]:
    """What can be used of sources that are read here; None for one that is not given."""
    ground_truth = readers.repeatable(ground_truth, "ground_truth")
    detections = readers.repeatable(detections, "detections")
    difficulty = plan.protocol.reads_difficulty
    options = dataclasses.replace(options, similarity=plan.similarity, image_records=True, difficulty=difficulty)
    problems = readers.Problems(options.on_error)
    try:
        sides = _checked(ground_truth, detections, plan, options, problems)
    except InputError as error:
        if ground_truth is not None and detections is not None:
            check_order(ground_truth, detections, error, options)
        raise readers.first_fault(
            error, lambda problems: _checked(ground_truth, detections, plan, options, problems)
        ) from None
    problems.tell()
    return sides


def _checked(
    ground_truth: Any, detections: Any, plan: Plan, options: readers.Options, problems: readers.Problems
) -> tuple[GroundTruth | None, Detections | None]:
    truth = found = None
    if ground_truth is not None:
        truth = _read(GroundTruth, readers.ground_truth(ground_truth, options, problems), "ground_truth")
    if detections is not None:
        found = _read(Detections, readers.detections(detections, options, problems, truth), "detections")
    return checked_sides(truth, found, Checking(plan.protocol, options, plan.score_range, problems))


def table_of(ground_truth: Any, detections: Any, plan: Plan, options: readers.Options | None = None) -> pa.Table:
    """Ground truth and detections of any format as the table that `match_batch` takes, for engines of other kinds.

    Parameters
    ----------
    ground_truth, detections
        What `meanap.evaluate` takes.
    plan
        The settings of the evaluation. Scores are checked here; ``Plan.of(..., score_range=None)`` leaves any of them.
    options
        How the sources are read: `meanap.readers.Options`.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InputError
        The sources cannot be used, or a table cannot hold them.

    Examples
    --------
    >>> import meanap
    >>> from meanap.distributed import Plan, accumulate_group, from_curves, match_batch, table_of
    >>> truth = meanap.generate.dataset(images=4, seed=1, categories=2)
    >>> found = meanap.generate.detections(truth, seed=1)
    >>> plan = Plan.of("bbox", "coco")
    >>> rows = match_batch(table_of(truth, found, plan), plan)
    >>> from_curves(accumulate_group(rows, plan), plan).ap == meanap.evaluate(truth, found).ap
    True
    """
    asked = readers.Options(plan.similarity, plan.box_format) if options is None else options
    truth, found = _sides(ground_truth, detections, plan, asked)
    return _table([side for side in (truth, found) if side is not None])


def _read(kind: type[_Side], side: Any, place: str) -> _Side:
    if not isinstance(side, kind):
        raise InputError("it cannot be sent to workers: they take columns of objects, and it has none", place)
    return side


def _table(sides: Sequence[GroundTruth | Detections]) -> pa.Table:
    """One table of both sides, or of one of them."""
    tables = [_of_side(side) for side in sides]
    if len(tables) == 1:
        return tables[0]
    some = [table for table in tables if table.num_rows] or tables[:1]
    table = pa.concat_tables(some, promote_options="default")
    if "score" not in table.column_names:
        table = table.append_column("score", pa.nulls(table.num_rows, pa.float64()))
    # Rows may lose their order on the way.
    return table.append_column("order", pa.array(np.arange(table.num_rows)))


def _of_side(side: GroundTruth | Detections) -> pa.Table:
    place = "ground_truth" if isinstance(side, GroundTruth) else "detections"
    columns: dict[str, Any] = {
        "image_id": _ids(side.image_ids, f"{place}: image_id"),
        "category_id": _ids(side.category_ids, f"{place}: category_id"),
    }
    for name, array in side.arrays.items():
        if name == "scores":
            columns["score"] = np.asarray(as_numpy(array), dtype=np.float64)
        elif name == "boxes":
            boxes = coco_boxes(side)
            names = _ROTATED.get(boxes.shape[1], ("x", "y", "width", "height"))
            columns |= {part: np.ascontiguousarray(boxes[:, at]) for at, part in enumerate(names)}
        elif name == "masks":
            runs = [_rle.compressed(mask) for mask in coco_masks(array)]
            columns["size"] = pa.array([run["size"] for run in runs], pa.list_(pa.int64()))
            texts = (run["counts"] for run in runs)
            columns["counts"] = [text if isinstance(text, str) else bytes(text).decode("ascii") for text in texts]
        elif name == "keypoints":
            columns["keypoints"] = pa.array(list(coco_poses(array)), pa.list_(pa.float64()))
        elif name in _NUMBERS:
            columns[name] = np.asarray(as_numpy(array), dtype=np.int64 if name in ("iscrowd", "ignore") else np.float64)
    return pa.table(columns)


def _ids(ids: Any, place: str) -> Any:
    try:
        return pa.array(ids)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        problem = "they cannot be sent to workers: a column of Arrow holds integers of 64 bits, or texts"
        raise InputError(problem, place) from None
