"""Evaluation on a cluster, of tables too large for one machine.

An engine calls two functions on Arrow tables. `match_batch` takes a shard of images and returns match rows;
`accumulate_group` takes all rows of a category and returns its curves. `evaluate` runs them on Ray Data or Spark, and
any other engine that can call a function on a table and group rows can run them, too. If the rows of a category are too
many for a worker, `meanap.distributed.parts` splits its ranking; `evaluate` does so automatically.

>>> import pyarrow as pa
>>> from meanap.distributed import Plan, accumulate_group, from_curves, match_batch
>>> table = pa.table({
...     "image_id": [1, 1, 2],
...     "category_id": [7, 7, 7],
...     "score": [None, 0.9, None],
...     "x1": [0.0, 0, 5], "y1": [0.0, 0, 5], "x2": [10.0, 10, 9], "y2": [10.0, 9, 9],
... })
>>> plan = Plan.of("bbox", "coco")
>>> rows = pa.concat_tables(match_batch(table.slice(*part), plan) for part in ((0, 2), (2, 1)))
>>> round(from_curves(accumulate_group(rows, plan), plan).ap50, 3)
0.505
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

try:
    import pyarrow  # noqa: F401
except ImportError as _problem:
    raise ImportError("meanap.distributed needs pyarrow: pip install 'meanap[ray]' or 'meanap[spark]'") from _problem

from meanap import readers
from meanap._arrays import kind_of
from meanap._keywords import suggesting
from meanap.detection.confusion import Confusion
from meanap.detection.evaluation import warn_of_no_overlap
from meanap.detection.image_fields import KnownFields
from meanap.detection.result import Result
from meanap.distributed import sources
from meanap.distributed.confusions import confuse_batch, confusion_schema, summed
from meanap.distributed.contract import Plan, accumulate_group, match_batch
from meanap.distributed.results import CurveScores, from_curves, from_matches
from meanap.distributed.slices import ClusterSlices
from meanap.distributed.sources import Joined, table_of
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.readers.sides import GroundTruth, plain_ids

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import (
        BoxFormat,
        FormatInput,
        Id,
        ImagesInput,
        NamesInput,
        PresetName,
        ProtocolChanges,
        RegionsInput,
        SimilarityName,
        SlicesInput,
    )

__all__ = [
    "CurveScores",
    "Plan",
    "accumulate_group",
    "confusion",
    "evaluate",
    "from_curves",
    "from_matches",
    "match_batch",
    "table_of",
]


@suggesting(lambda: Protocol.__dataclass_fields__)
def evaluate(
    dataset: Any,
    similarity: SimilarityName = "bbox",
    protocol: PresetName | Protocol = "coco",
    *,
    detections: Any = None,
    engine: Literal["ray", "spark"] | None = None,
    categories: Iterable[Id] | Mapping[Any, str] | None = None,
    image_ids: Iterable[Id] | None = None,
    shards: int | None = None,
    rows_per_part: int = 200_000,
    keep_matches: bool = False,
    box_format: BoxFormat = "xyxy",
    score_range: tuple[float, float] | None = (0.0, 1.0),
    format: FormatInput = None,
    names: NamesInput | None = None,
    images: ImagesInput | None = None,
    sizes: Mapping[Any, Sequence[int]] | None = None,
    columns: Mapping[str, str] | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    slices: SlicesInput | None = None,
    ignore_regions: RegionsInput | None = None,
    **changes: Unpack[ProtocolChanges],
) -> Result:
    """Evaluate a data set on a cluster: the bits of `meanap.evaluate`, for any number of workers.

    Parameters
    ----------
    dataset
        A ``ray.data.Dataset`` or ``pyspark.sql.DataFrame``, one row for each object, detections and ground truth
        together: the columns that `match_batch` takes. With `detections` the ground truth alone.
    similarity, protocol, box_format, score_range, **changes
        As for `meanap.evaluate`.
    detections
        The detections, where they are not in `dataset`. Each side is a data set of the engine, or what
        `meanap.evaluate` takes: files and folders of any format, dictionaries, lists. These are read here, so they have
        to fit into the memory of this process, and sent to the workers as one table. Names of categories and of files
        in a data set of the engine stay as they are.
    engine : {"ray", "spark"}, optional
        Derived from the type of the data set by default; needed where neither side is one.
    categories
        All categories, if some may have no rows; a mapping gives their names.
    image_ids
        All images, if some may have no rows, as an image without objects and detections: they count in false positives
        per image and in miss rates. By default those of a ground truth that is read here and lists its images, else
        those that have rows.
    shards
        Parts into which images are shared out; as many as the engine thinks good by default.
    rows_per_part
        About how many match rows a worker holds when curves are drawn: longer rankings are cut into parts. Protocols
        that take an area under the curve, and micro averages, cannot do with less than all rows of a category.
    keep_matches
        Collect the match rows, about 40 bytes per detection, and compute the curves from them: then the result has
        intervals, thresholds and lists of images as well. Protocols with miss rates always do.
    format, names, images, sizes, columns, on_error
        How sources that are read here are read, as for `meanap.evaluate`.
    slices
        As for `meanap.evaluate`: ``result.slices`` has their numbers. Curves are drawn once more for each slice, of the
        same match rows. Fields of the images are those of a ground truth that is read here; a table or a mapping has
        the values, or the ids, of any. Without `keep_matches` images without any object are not there.
    ignore_regions
        As for `meanap.evaluate`: polygons by image id, or a field of the images of a ground truth that is read here; of
        a data set of the engine, the column that has the polygons of an image in one of its rows, or in all.

    Returns
    -------
    Result
        Numbers, tables of classes and curves. Without `keep_matches`, what needs the match rows themselves (intervals,
        lists of images) is not there, since they stay with the workers, and says so. For confusion there is
        `confusion`.

    Raises
    ------
    ValueError
        There are no rows, no such engine, or the protocol cannot be had over a cluster. What workers raise comes
        wrapped as the engine does it.
    """
    plan = Plan.of(
        similarity, protocol, box_format=box_format, score_range=score_range, ignore_regions=ignore_regions, **changes
    )
    cluster_slices = ClusterSlices(plan, slices)
    options = readers.Options(similarity, box_format, format, names, images, sizes, columns, on_error=on_error)
    both, library = _joined(dataset, detections, engine, plan, options, cluster_slices)
    plan, categories = both.plan, both.categories if categories is None else categories
    if image_ids is None and both.truth is not None:
        image_ids = both.truth.images
    if keep_matches or any(row.kind == "miss_rate" for row in plan.protocol.summary):
        rows = _of_shards(both.dataset, library, functools.partial(match_batch, plan=plan), plan.row_schema, shards)
        matches = from_matches(rows, plan, categories, cluster_slices.values, image_ids)
        result = cluster_slices.of_matches(matches)
    else:
        images_of = cluster_slices.images_of if cluster_slices.are_wanted else None
        drawn, parts = library.curves(both.dataset, plan, shards, rows_per_part, images_of)
        result = from_curves(drawn, plan, categories, parts, image_ids)
    warn_of_no_overlap(result)
    return result


@suggesting(lambda: Protocol.__dataclass_fields__)
def confusion(
    dataset: Any,
    similarity: SimilarityName = "bbox",
    protocol: PresetName | Protocol = "coco",
    *,
    score: float,
    iou: float = 0.5,
    engine: Literal["ray", "spark"] | None = None,
    categories: Iterable[Id] | Mapping[Any, str] | None = None,
    shards: int | None = None,
    box_format: BoxFormat = "xyxy",
    score_range: tuple[float, float] | None = (0.0, 1.0),
    detections: Any = None,
    format: FormatInput = None,
    names: NamesInput | None = None,
    images: ImagesInput | None = None,
    sizes: Mapping[Any, Sequence[int]] | None = None,
    columns: Mapping[str, str] | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    ignore_regions: RegionsInput | None = None,
    **changes: Unpack[ProtocolChanges],
) -> Confusion:
    """The confusion matrix over a cluster: that of `Result.confusion`, which is a sum over images.

    Takes what `evaluate` and `Result.confusion` take. `score` has to be given: to find the score with the best F1 takes
    the match rows (``evaluate(..., keep_matches=True).best_f1().threshold``); ``-math.inf`` keeps all detections.
    """
    plan = Plan.of(
        similarity, protocol, box_format=box_format, score_range=score_range, ignore_regions=ignore_regions, **changes
    )
    options = readers.Options(similarity, box_format, format, names, images, sizes, columns, on_error=on_error)
    both, library = _joined(dataset, detections, engine, plan, options)
    work = functools.partial(confuse_batch, plan=both.plan, iou=iou, score=score)
    found = _of_shards(both.dataset, library, work, confusion_schema, shards)
    return summed(found, both.plan, iou, score, both.categories if categories is None else categories)


def _joined(
    dataset: Any,
    detections: Any,
    engine: str | None,
    plan: Plan,
    options: readers.Options,
    slices: ClusterSlices | None = None,
) -> tuple[Joined, Any]:
    """Both sides as one data set, and its engine's module."""
    if detections is None:
        library = _engine(dataset, engine)
        both = Joined(dataset, plan)
    else:
        engine = engine or next(filter(None, map(_name, (dataset, detections))), None)
        if engine is None:
            problem = "is needed where neither side is a data set of an engine"
            raise InputError(source="engine", found=problem, expected="'ray' or 'spark'")
        library = _engine(None, engine)
        fields = KnownFields(plan.protocol) if slices is None else slices.fields
        options = dataclasses.replace(options, image_fields=fields.needed)
        both = sources.joined(dataset, detections, library, plan, options)
    if slices is not None and both.truth is not None:
        slices.take(both.truth)
    return both._replace(plan=_resolved(both.plan, both.truth, both.dataset, library)), library


def _resolved(plan: Plan, truth: GroundTruth | None, dataset: Any, library: Any) -> Plan:
    """The settings with regions that are there: of images that have rows, or in a column that the data set has."""
    if plan.regions is None:
        return plan
    if truth is not None:
        images = truth.images if truth.images is not None else plain_ids(truth.image_ids)
        regions = plan.regions.of_images(truth.image_fields, images)
        plan.regions.check()
        return dataclasses.replace(plan, regions=regions)
    if plan.regions.field is None:
        plan.regions.check_rows(library.images_among(dataset, plan.regions.images))
    elif plan.regions.field not in library.columns(dataset):
        raise InputError(f"ignore_regions: the data set has no column {plan.regions.field!r}")
    return plan


def _name(dataset: Any) -> str | None:
    """The engine of a data set; None of other sources."""
    name = type(dataset).__module__.split(".")[0].removeprefix("py")
    return name if name in ("ray", "spark") else None


def _of_shards(dataset: Any, library: Any, work: Any, schema: Any, shards: int | None) -> Any:
    """What `work` makes of shards, here; `schema` says what columns that has."""
    if not library.__name__.endswith("spark"):
        return library.of_shards(dataset, work, shards)
    from pyspark.sql.pandas.types import to_arrow_schema

    return library.of_shards(dataset, work, schema(to_arrow_schema(dataset.schema)), shards)


def _engine(dataset: Any, name: str | None) -> Any:
    name = name or _name(dataset)
    if name is None:
        found = f"found {kind_of(dataset)}"
        expected = "a data set of Ray or Spark; with detections= and engine= any source of meanap.evaluate"
        raise InputError(source="dataset", found=found, expected=expected)
    if name not in ("ray", "spark"):
        raise InputError(source="engine", found=f"found {name!r}", expected="'ray' or 'spark'")
    return importlib.import_module(f"meanap.distributed.{name}")
