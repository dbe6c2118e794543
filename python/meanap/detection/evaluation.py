"""`evaluate`: from any input to a result."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meanap import _core, readers
from meanap._keywords import suggesting
from meanap._similarity import function_and_name
from meanap.detection import match_inputs
from meanap.detection.chosen import Chosen
from meanap.detection.image_fields import KnownFields
from meanap.detection.inputs import check_order
from meanap.detection.match_inputs import EvaluationSettings, MatchInput
from meanap.detection.match_log import scores_between
from meanap.detection.matching import Matching
from meanap.detection.regions import IgnoreRegions
from meanap.detection.result import Result
from meanap.detection.scores import MatchScores, Sources
from meanap.detection.slices import images_of_slices, wanted_slices
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.protocol._changes import with_changes
from meanap.readers._coco_files import TruthFile
from meanap.readers._reader import is_path
from meanap.readers._whole_body import are_of_whole_body

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import (
        BoxFormat,
        DetectionsInput,
        FormatInput,
        GroundTruthInput,
        Id,
        Ids,
        ImagesInput,
        NamesInput,
        OwnSimilarity,
        PresetName,
        ProtocolChanges,
        RegionsInput,
        SimilarityName,
        SlicesInput,
    )

__all__ = ["evaluate", "evaluated", "warn_of_no_overlap"]


#: An AP below this may be due to boxes or ids in another format.
_LOW_AP = 0.05
#: With fewer objects or detections, no cause of a low AP can be found.
_FEWEST = 10
#: With more detections, the search for causes takes seconds.
_MOST_DETECTIONS = 500_000


@suggesting(lambda: Protocol.__dataclass_fields__)
def evaluate(
    ground_truth: GroundTruthInput,
    detections: DetectionsInput,
    similarity: SimilarityName | OwnSimilarity = "bbox",
    protocol: PresetName | Protocol = "coco",
    *,
    box_format: BoxFormat = "xyxy",
    score_range: tuple[float, float] | None = (0.0, 1.0),
    format: FormatInput = None,
    names: NamesInput | None = None,
    images: ImagesInput | None = None,
    sizes: Mapping[Any, Sequence[int]] | None = None,
    columns: Mapping[str, str] | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    memory_limit: int | str | None = None,
    slices: SlicesInput | None = None,
    image_ids: Ids | None = None,
    categories: Sequence[Id] | None = None,
    ignore_regions: RegionsInput | None = None,
    progress: bool | Callable[[int, int], object] = False,
    **changes: Unpack[ProtocolChanges],
) -> Result:
    """Evaluate detections against the ground truth.

    Parameters
    ----------
    ground_truth
        A path to a file or folder of any format of `meanap.readers`, a COCO dictionary, `meanap.GroundTruth`, a table
        with columns ``image_id``, ``category_id`` and boxes (Polars, pandas, pyarrow, DuckDB, `datasets.Dataset`), or
        an item for each image, in a list or a mapping of image id to item: a dictionary with ``boxes``, ``labels`` and
        the other fields that `MeanAveragePrecision.update` takes, or an array ``(N, 5)`` of boxes and category ids.
    detections
        The same with scores: dictionaries with ``scores``, or arrays ``(N, 6)`` of boxes, scores and category ids. COCO
        results are a path, a list of dictionaries, or an array ``(N, 7)`` of image id, x, y, width, height, score and
        category id. The items of both sides are paired by ``image_id`` if both have it, else by position.
    similarity : str or callable
        What is compared:

        - ``"bbox"``: boxes.
        - ``"segm"``: masks; ``"boundary"``: the lower of the IoU of masks and that of their boundaries; ``"polygon"``:
          polygons as they are drawn, not their pixels.
        - ``"keypoints"``: object keypoint similarity (OKS).
        - ``"rotated"``: boxes of five numbers (centre, width, height, angle) or of four corners.
        - ``"box3d"``: 3D boxes of seven numbers (x, y, z, length, width, height, yaw in radians); ``"bev"``: these seen
          from above; ``"centre-distance"``: 1 / (1 + d), d the distance of their centres on the ground.
        - ``"temporal"``: segments of time, along the x of boxes.
        - ``"giou"``, ``"diou"``, ``"ciou"``: boxes by their generalised, distance or complete IoU.
        - A function of the boxes of the detections ``(D, 4)`` and of the ground truths ``(G, 4)`` of one category in
          one image, as ``x, y, width, height``. It returns floats ``(D, G)``, 1 for equal boxes, and cannot treat crowd
          regions differently. It is called once for each image and category that both sides have, with the GIL, from
          any thread, which takes 10 to 20 microseconds per call in addition to its own time. An error that it raises is
          raised unchanged.
    protocol : str or Protocol
        A preset of `meanap.protocol`, or a protocol. The default is ``"coco"``, as for `MeanAveragePrecision`: with the
        same protocol both return the same numbers.
    box_format : {"xyxy", "xywh", "cxcywh"}
        The format of the boxes of lists, and of tables with one column ``boxes``. COCO's records are always ``"xywh"``;
        `meanap.GroundTruth` and `meanap.Detections` have a format of their own.
    score_range
        Lowest and highest score allowed in columns, lists and tables; None allows any number. Scores of COCO results
        are not checked.
    format
        The name of the format of both paths, such as ``"coco"`` or ``"yolo"``, or a pair of names; recognised by
        default.
    names
        Names of the categories: a mapping of id to name, a sequence for ids 0, 1, 2 …, or a path (``data.yaml``, JSON,
        or text with one name on each line).
    images, sizes
        For formats with boxes in fractions of the image: the folder of the images, whose sizes are read; or the sizes,
        a mapping of image id to ``(height, width)``.
    columns
        For tables: a mapping of the names above to the names of the columns.
    on_error : {"raise", "skip"}
        ``"skip"`` leaves out records that cannot be used, and warns of how many.
    memory_limit
        Bytes (``"2 GB"``) that reading and matching may take: larger files and folders are partitioned by image into
        temporary files and evaluated shard by shard. The match rows of all shards are in addition: 25 to 45 bytes per
        detection, and 55 to 75 while they are sorted.
    slices
        Groups of images, for ``result.slices``: the numbers of an evaluation of these images alone, without matching
        again. One of:

        - a mapping of names to image ids;
        - names of fields of the images (of COCO's records, of the dictionaries of a list, columns of a table): a slice
          for each value, or four slices of about as many images if a field has many numbers or dates;
        - a mapping of such fields to named ranges or values, such as
          ``{"brightness": {"dark": (0, 50), "bright": (50, None)}, "weather": {"wet": ["rain", "snow"]}}``, where a
          range includes its first number and not its second;
        - a table with ``image_id``, whose other columns are fields.

        Every image has the field ``"objects"``, how many of its objects are not ignored, and if its size is known
        ``"image_area"``.
    image_ids, categories
        Ids of the images, and ids or names of the categories, to evaluate; by default all.
    ignore_regions
        Regions in which a detection that matches nothing is no false positive: a mapping of image id to a list of
        polygons, each the ``x, y`` of its corners in pixels, or the name of a field of the images that holds such a
        list. A detection is in them if they cover at least half of its box; the regions of an image should not overlap.
        Rotated boxes cannot be used with them.
    progress
        True shows the progress of work that takes more than a second on standard error. A function is called with
        ``(done, total)``: the bytes of each file, and then detections or shards. Ctrl-C, or an error that the function
        raises, stops the work.
    **changes
        Fields of the protocol to replace: ``thresholds=[0.5]``, ``area_ranges={...}``, ``max_detections=(1, 300)``,
        ``by_category=False``, ``average="micro"``, … A field that the similarity does not use is an error.

    Returns
    -------
    Result
        Without objects, all numbers are NaN.

    Raises
    ------
    ValueError
        Input that cannot be used; the message names argument, row and value.
    TypeError
        An argument of another type, or a name that is neither an argument nor a field of the protocol.
    FileNotFoundError
        There is no such file or folder.

    Examples
    --------
    >>> import meanap
    >>> truth = [{"boxes": [[0, 0, 10, 10]], "labels": [1]}]
    >>> found = [{"boxes": [[0, 0, 10, 8]], "labels": [1], "scores": [0.9]}]
    >>> result = meanap.evaluate(truth, found)
    >>> round(result.ap, 3), round(result.ap50, 3)
    (0.7, 1.0)
    """
    function, similarity = function_and_name(similarity)
    options = readers.Options(
        similarity, box_format, format, names, images, sizes, columns, on_error=on_error, progress=progress
    )
    rules = with_changes(protocol, similarity, changes)
    ground_truth = readers.repeatable(ground_truth, "ground_truth")
    detections = readers.repeatable(detections, "detections")
    chosen = Chosen(image_ids, categories)
    regions = IgnoreRegions(ignore_regions)
    result = evaluated(
        ground_truth,
        detections,
        rules,
        options,
        score_range=score_range,
        memory_limit=memory_limit,
        slices=slices,
        chosen=chosen,
        regions=regions,
        function=function,
    )
    opened = isinstance(detections, _core.Objects) or isinstance(ground_truth, TruthFile)
    can_be_searched = memory_limit is None and not opened and function is None
    warn_of_no_overlap(result, (ground_truth, detections, options) if can_be_searched else None)
    return result


def warn_of_no_overlap(result: Result, sources: tuple[Any, Any, readers.Options] | None = None) -> None:
    """Warn if almost no detection overlaps an object, with the cause and its remedy if `meanap.check` finds one.

    Parameters
    ----------
    result
        The result of the evaluation.
    sources
        Ground truth and detections that were evaluated, and how they were read; without them no cause is searched for.
    """
    scores = result.scores
    ap = next(iter(result.values()), np.nan)
    detections = int(scores.detections.sum())
    if not ap < _LOW_AP or min(int(scores.objects.sum()), detections) < _FEWEST:
        return
    found = None
    if sources is not None and detections <= _MOST_DETECTIONS:
        # Checks evaluate, too: only an evaluation that failed to match needs them.
        from meanap.checking.overlap import cause

        ground_truth, detected, options = sources
        options = dataclasses.replace(options, similarity="bbox", names=None, progress=False)
        found = cause(ground_truth, detected, options)
    if found is not None:
        text = f"almost no detection overlaps an object (AP {ap:.3f}): {found.message}. {found.remedy}"
        warnings.warn(text, stacklevel=4)
    elif ap == 0:
        warnings.warn("no detection overlaps an object of its category enough: meanap.check lists causes", stacklevel=4)


def evaluated(
    ground_truth: GroundTruthInput,
    detections: DetectionsInput,
    rules: Protocol,
    options: readers.Options,
    *,
    score_range: tuple[float, float] | None = (0.0, 1.0),
    memory_limit: int | str | None = None,
    slices: SlicesInput | None = None,
    chosen: Chosen | None = None,
    regions: IgnoreRegions | None = None,
    function: OwnSimilarity | None = None,
    errors_at: Sequence[float] = (),
) -> Result:
    """What `evaluate` does once its arguments are checked, without the search for causes of a low AP.

    Parameters
    ----------
    ground_truth, detections, score_range, memory_limit, slices
        As for `evaluate`.
    rules
        The protocol, with all changes.
    options
        How sources are read.
    chosen
        The images and categories to evaluate; by default all.
    regions
        Regions to ignore; by default none.
    function
        Compares boxes in place of the similarity.
    errors_at
        IoU thresholds at which error types will be requested: at those that the protocol has, nothing is matched again
        for them.

    Raises
    ------
    InputError
        As for `evaluate`.
    """
    score_range = scores_between(score_range)
    wanted = wanted_slices(slices)
    fields = KnownFields(rules, wanted.names)
    options = dataclasses.replace(
        options,
        image_records=rules.size != "area" or rules.federated,
        image_fields=fields.needed,
        whole_body=are_of_whole_body(rules.sigmas),
        difficulty=rules.reads_difficulty,
    )
    chosen, regions = chosen or Chosen(), regions or IgnoreRegions()
    settings = EvaluationSettings(rules, options, score_range, fields, wanted, chosen, regions, function, errors_at)
    if memory_limit is not None:
        shards = match_inputs.of_shards(ground_truth, detections, settings, memory_limit)
        return _result(shards, ground_truth, detections, settings)
    try:
        one_by_one = options.on_error == "raise" and chosen.are_all and regions.are_none
        # Under these protocols fields of the ground truth's images decide about detections.
        one_by_one = one_by_one and not rules.federated and rules.size != "fraction"
        batches = readers.batches(ground_truth, detections, options) if one_by_one else None
        if batches is None:
            sides = match_inputs.of_columns(ground_truth, detections, settings)
        else:
            sides = match_inputs.of_batches(batches, ground_truth, detections, settings)
        return _result(sides, ground_truth, detections, settings)
    except InputError as error:
        check_order(ground_truth, detections, error, options)
        raise


def _result(sides: MatchInput, ground_truth: Any, detections: Any, settings: EvaluationSettings) -> Result:
    matching = Matching(sides, settings)
    settings.chosen.check()
    settings.regions.check()
    scores = MatchScores(
        matching.table,
        settings.rules,
        settings.options.similarity,
        names=sides.names,
        groups=sides.groups,
        sources=_files(ground_truth, detections, settings.options),
        image_fields=settings.fields.values,
        confusions=matching.confusions,
        errors=matching.errors,
        jaccard=matching.jaccard if matching.counts_jaccard else None,
    )
    scores.check_category_ids("detections", "ground truth")
    readers.warn_of_unnamed(settings.options.names, scores.category_ids, scores.names)
    return Result(scores, images_of_slices(settings.slices, scores, settings.fields.names))


def _files(ground_truth: Any, detections: Any, options: readers.Options) -> Sources | None:
    """The paths of ground truth and detections, and how they are read; None if one of them is in memory."""
    if not (is_path(ground_truth) and is_path(detections)):
        return None
    return Sources(ground_truth, detections, dataclasses.replace(options, progress=False))
