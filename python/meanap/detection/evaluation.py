"""`evaluate`: from any input to a result."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from meanap import _core, _similarity, protocol, readers
from meanap._keywords import is_among, suggesting, unexpected
from meanap._progress import Progress
from meanap._similarity import function_and_name
from meanap.detection.chosen import Chosen
from meanap.detection.federated import LabelledImages, only_labelled
from meanap.detection.image_fields import KnownFields
from meanap.detection.inputs import are_swapped, arranged
from meanap.detection.regions import IgnoreRegions
from meanap.detection.result import Result
from meanap.detection.scores import MatchScores, Sources
from meanap.detection.slices import Wanted, images_of_slices, wanted_slices
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.readers._coco_files import TruthFile
from meanap.readers._reader import is_path
from meanap.readers._whole_body import KEYPOINTS
from meanap.readers.sides import Detections, GroundTruth

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

__all__ = ["evaluate", "evaluated", "new_log", "settled", "warn_of_no_overlap"]


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
        The same with scores; arrays ``(N, 6)`` of boxes, scores and category ids; as COCO results a path, a list of
        dictionaries or an array ``(N, 7)`` of image id, x, y, width, height, score and category id. Images belong
        together by ``image_id`` where both sides have it, else by their position.
    similarity : str or callable
        What is compared: ``"bbox"`` (boxes), ``"segm"`` (masks), ``"boundary"`` (masks and their boundaries: the
        smaller of the two overlaps), ``"polygon"`` (polygons as they are drawn, not their pixels), ``"keypoints"``,
        ``"rotated"`` (boxes of five numbers, centre, width, height, angle, or four corners), ``"box3d"`` (boxes in
        space of seven numbers, x, y, z, length, width, height and yaw in radians), ``"bev"`` (these as seen from
        above), ``"centre-distance"`` (1 / (1 + d) of their centres' distance d on the ground), ``"temporal"`` (segments
        of time, along the x of boxes), ``"giou"``, ``"diou"`` or ``"ciou"`` (boxes by their generalised, distance or
        complete IoU). A function compares boxes: of those of the detections
        ``(D, 4)`` and of the ground truths ``(G, 4)`` of one category in one image, ``x, y, width, height``, it returns
        floats ``(D, G)``, 1 for the same. It does not know which ones are crowds. It is called once for each image and
        category that both sides have, with the GIL, from any thread: 10 to 20 microseconds each beside its own time,
        where the built-in IoU takes less than one. What it raises is raised unchanged.
    protocol : str or Protocol
        A preset of `meanap.protocol`, or one's own. The default is ``"coco"``, as of `MeanAveragePrecision`: with the
        same protocol both give the same numbers.
    box_format : {"xyxy", "xywh", "cxcywh"}
        Of lists and of tables with one column ``boxes``. COCO's own are always ``xywh``; `meanap.GroundTruth` and
        `meanap.Detections` have theirs.
    score_range
        Least and greatest score of columns, lists and tables; None allows any number. COCO results may have any.
    format
        The name of the reader of both paths, such as ``"coco"`` or ``"yolo"``, or a pair of names; recognised by
        default.
    names
        Names of the categories: a mapping of id to name, a sequence for ids 0, 1, 2 …, or a path (``data.yaml``, JSON,
        or text with one name on each line).
    images, sizes
        The folder of the images, from which formats in fractions of an image read its size; or the sizes, a mapping of
        image id to ``(height, width)``.
    columns
        A mapping of the name of a column of tables, as listed above, to the one in the table.
    on_error : {"raise", "skip"}
        ``"skip"`` leaves out records that cannot be used, and warns of how many.
    memory_limit
        Bytes (``"2 GB"``) that reading and matching may take: larger files and folders are partitioned by image into
        temporary files and evaluated shard by shard. Match rows, about 25 bytes per detection, are in addition.
    slices
        Groups of images whose numbers ``result.slices`` has, those of an evaluation of these images alone; nothing is
        matched twice. A mapping of names to image ids; names of fields of the images (of COCO's records, of the
        dictionaries of a list, columns of a table), a slice for each value; a mapping of such a field to named ranges
        or values, ``{"brightness": {"dark": (0, 50), "bright": (50, None)}, "weather": {"wet": ["rain", "snow"]}}``,
        where a range is from its first number to below its second; or a table with ``image_id``, of whose other
        columns each is a field. Every image has the fields ``"objects"``, the number of its objects that count, and
        with sizes ``"image_area"``. Of many numbers or dates there are four slices of about as many images.
    image_ids, categories
        Evaluate only these images, and only these categories, by id or name.
    ignore_regions
        Regions in which a detection that matches nothing is no false positive: a mapping of image id to a list of
        polygons, each the ``x, y`` of its corners in pixels, or the name of a field of the images that holds such a
        list. A detection is in the regions of its image, which should not overlap, by half of its box or more. Not of
        rotated boxes.
    progress
        True shows on standard error how far work of more than a second is; a function gets ``(done, total)``, of each
        file's bytes and then of detections or shards. Ctrl-C, or an error of the function, stops the work.
    **changes
        Fields of the protocol to replace: ``thresholds=[0.5]``, ``area_ranges={...}``, ``max_detections=(1, 300)``,
        ``by_category=False``, ``average="micro"``, … A field that the similarity does not use is an error.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        Input that cannot be used; the message names argument, row and value.
    """
    function, similarity = function_and_name(similarity)
    options = readers.Options(
        similarity, box_format, format, names, images, sizes, columns, on_error=on_error, progress=progress
    )
    rules = settled(protocol, similarity, changes)
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
    if memory_limit is None and not opened and function is None:
        warn_of_no_overlap(result, ground_truth, detections, options)
    return result


def warn_of_no_overlap(result: Result, ground_truth: Any, detections: Any, options: readers.Options) -> None:
    """Warns in one line what would fix it, if almost no detection overlaps an object."""
    scores = result.scores
    ap = next(iter(result.values()), np.nan)
    detections_there = int(scores.detections.sum())
    if not ap < _LOW or min(int(scores.objects.sum()), detections_there) < _ENOUGH or detections_there > _MOST:
        return
    # Checks evaluate, too: only an evaluation that failed to match needs them.
    from meanap.checking.overlap import cause

    found = cause(ground_truth, detections, dataclasses.replace(options, similarity="bbox", names=None, progress=False))
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
    """What `evaluate` does with settings as they are used, without a search for causes of a low number.

    At the thresholds `errors_at` that the protocol has, error types are found without another matching.
    """
    _check_range(score_range)
    wanted = wanted_slices(slices)
    fields = KnownFields(rules, wanted.names)
    options = dataclasses.replace(
        options,
        image_records=rules.size != "area" or rules.federated,
        image_fields=fields.needed,
        whole_body=rules.sigmas is not None and len(rules.sigmas) == KEYPOINTS,
        difficulty=rules.reads_difficulty,
    )
    chosen, regions = chosen or Chosen(), regions or IgnoreRegions()
    asked = _Asked(rules, options, score_range, fields, wanted, chosen, regions, function, errors_at)
    if memory_limit is not None:
        shards = _of_shards(ground_truth, detections, asked, memory_limit)
        return _result(shards, ground_truth, detections, asked, whole=False)
    try:
        one_by_one = options.on_error == "raise" and asked.chosen.are_all and asked.regions.are_none
        # What the ground truth says of its images decides about detections there.
        one_by_one = one_by_one and not rules.federated and rules.size != "fraction"
        batches = readers.batches(ground_truth, detections, options) if one_by_one else None
        fill = _of_columns(ground_truth, detections, asked) if batches is None else _of_batches(*batches, asked)
        return _result(fill, ground_truth, detections, asked)
    except InputError as error:
        if not are_swapped(ground_truth, detections, error, options):
            raise
        problem = "ground truth and detections are swapped: the ground truth comes first"
        raise InputError(problem, code="swapped-sides") from error


def _result(fill: _Fill, ground_truth: Any, detections: Any, asked: _Asked, whole: bool = True) -> Result:
    rules, similarity = asked.rules, asked.options.similarity

    def matches(
        known: tuple[_core.Matches, int, int] | None = None, least: Sequence[float] | None = None, **questions: Any
    ) -> _core.Matches:
        form, function = asked.options.box_format, asked.function
        log = new_log(rules, similarity, form, fill.score_range, function=function, **questions)
        if fill.categories is not None:
            log.declare(fill.categories)
        if fill.whole is not None:
            return fill.whole(log, known=known, least=None if least is None else list(least))
        fill.into(log)
        return log.table()

    def jaccard(iou: float, scores: list[float]) -> list[np.ndarray]:
        columns = fill if fill.sides is not None else _of_columns(ground_truth, detections, asked)
        assert columns.sides is not None
        log = new_log(rules.replace(thresholds=(iou,)), similarity, asked.options.box_format, None)
        counts: list[np.ndarray] = columns.sides(
            lambda truth, found, images, **_: log.jaccard(truth, found, images, scores)
        )
        return counts

    def errors(iou: float, background: float, area: str, least: Sequence[float] | None = None) -> _core.Matches:
        known = None
        if iou in rules.thresholds:
            known = table, list(rules.area_ranges).index(area), rules.thresholds.index(iou)
        return matches(known, least, errors=(iou, background, area))

    def confusions(ious: Sequence[float]) -> Iterator[_core.Matches]:
        known = matches(without_categories=ious) if len(ious) > 1 and fill.whole is not None else None
        for t, iou in enumerate(ious):
            yield matches(None if known is None else (known, 0, t), confusion=iou)

    near = [any(math.isclose(iou, wanted) for wanted in asked.errors_at) for iou in rules.thresholds]
    table = matches(partners=np.flatnonzero(near).tolist())
    asked.chosen.check()
    asked.regions.check()
    scores = MatchScores(
        table,
        rules,
        similarity,
        names=fill.names,
        groups=fill.groups,
        sources=_files(ground_truth, detections, asked.options),
        image_fields=asked.fields.values,
        confusions=confusions,
        errors=errors,
        jaccard=jaccard if whole else None,
    )
    scores.check_category_ids("detections", "ground truth")
    readers.warn_of_unnamed(asked.options.names, scores.category_ids, scores.names)
    return Result(scores, images_of_slices(asked.slices, scores, asked.fields.names))


#: An AP below this may come from boxes or ids in another format.
_LOW = 0.05
#: With fewer objects or detections an AP is low for no reason that could be found.
_ENOUGH = 10
#: The search takes seconds for so many detections.
_MOST = 500_000


class _Asked(NamedTuple):
    """The settings of an evaluation, for any input."""

    rules: Protocol
    options: readers.Options
    score_range: tuple[float, float] | None
    #: Takes the fields of images that the summary and the slices name.
    fields: KnownFields
    slices: Wanted
    chosen: Chosen
    regions: IgnoreRegions
    #: What compares objects in the place of the similarity.
    function: OwnSimilarity | None = None
    #: Thresholds whose error types are requested later.
    errors_at: Sequence[float] = ()
    #: Reads which categories are labelled in an image, of a data set that comes in parts.
    labelled_images: LabelledImages | None = None


class _Fill(NamedTuple):
    """Matches an input into a log, each time it is called."""

    into: Callable[[_core.MatchLog], None]
    #: Matches all of it at once, with the settings of a log that stays empty, if it is there at once. The matches that
    #: are given, with an area range and a threshold, are those there. Of errors, detections may be left out, as of
    #: `Scores.error_table`.
    whole: Callable[..., _core.Matches] | None = None
    #: Calls a function with both sides as columns, and the images, if they are there at once.
    sides: Callable[[Callable[..., Any]], Any] | None = None
    names: Any = None
    groups: Any = None
    #: All categories, also those without objects.
    categories: Any = None
    #: What the log itself has to check.
    score_range: tuple[float, float] | None = None


def _of_batches(ground_truth: list[Any], detections: list[Any], asked: _Asked) -> _Fill:
    if asked.fields.needed:
        given = readers.ids_of(ground_truth, "ground_truth")
        ids = list(range(len(ground_truth))) if given is None else given
        asked.fields.take(readers.fields_of_records(ids, ground_truth), readers.sizes_of(ids, ground_truth))

    def into(log: _core.MatchLog) -> None:
        with Progress(asked.options.progress, len(ground_truth), "matching") as told:
            # Ctrl-C is handled between two groups of images.
            for start in range(0, len(ground_truth), _LOT):
                part = slice(start, start + _LOT)
                try:
                    log.update(detections[part], ground_truth[part], names=("detections", "ground_truth"), first=start)
                except InputError as error:
                    sides = {"detections": detections, "ground_truth": ground_truth}
                    raise _worded(error, sides, asked.options) from None
                told.at(min(start + _LOT, len(ground_truth)))

    names = asked.options.names
    named = None if names is None else readers.class_names(names)
    return _Fill(into, names=named, score_range=asked.score_range)


def _worded(error: InputError, sides: Mapping[str, list[Any]], options: readers.Options) -> InputError:
    """An error about lists in the words of records, with its code."""
    items = sides.get((error.source or "").partition("[")[0], [])
    return readers.coded(readers.in_words_of_records(error, items, options.similarity, options.box_format))


def _of_columns(ground_truth: Any, detections: Any, asked: _Asked, collected: readers.Problems | None = None) -> _Fill:
    """Both sides as columns; warns of what is left out, unless `collected` takes it."""
    problems = readers.Problems(asked.options.on_error) if collected is None else collected
    if problems.mode == "skip":
        # Columns of the core are for files without errors.
        strict = asked._replace(options=dataclasses.replace(asked.options, on_error="raise"))
        with contextlib.suppress(InputError):
            return _of_columns(ground_truth, detections, strict)
        asked = asked._replace(options=dataclasses.replace(asked.options, image_records=True))
    truth = readers.ground_truth(ground_truth, asked.options, problems)
    found = readers.detections(detections, asked.options, problems, truth)
    if asked.fields.needed:
        asked.fields.take(truth.image_fields, truth.sizes)
    if asked.rules.federated and isinstance(truth, GroundTruth) and isinstance(found, Detections):
        labelled = (asked.labelled_images or LabelledImages()).of(truth)
        if labelled is not None:
            found = only_labelled(truth, found, labelled, asked.rules.max_per_image)
    truth_columns, found = arranged(truth, found, asked.rules, asked.options, asked.score_range, problems)
    if collected is None:
        problems.tell()
    if not asked.regions.are_none:
        ids = truth.images if truth.images is not None else {*truth_columns.image_ids, *found.image_ids}
        found = asked.regions.of_images(truth.image_fields, ids).applied(found)
    categories = asked.chosen.of_categories(truth.categories, truth.names)
    truth_columns, found, images = asked.chosen.of_sides(truth_columns, found, truth.images)

    def matched(how: Callable[..., Any], **known: Any) -> Any:
        if asked.options.progress is False:
            return how(truth_columns, found, images=images, **known)
        with Progress(asked.options.progress, len(found), "matching") as told:
            return how(truth_columns, found, images=images, progress=told.at, **known)

    return _Fill(
        lambda log: matched(log.append),
        lambda log, **known: matched(log.matched, **known),
        matched,
        truth.names,
        truth.groups,
        categories,
    )


def _of_shards(ground_truth: Any, detections: Any, asked: _Asked, memory_limit: int | str) -> _Fill:
    from meanap.detection.shards import Sharded, bytes_of

    problems = readers.Problems(asked.options.on_error)
    shards = Sharded(ground_truth, detections, asked.options, bytes_of(memory_limit), problems)
    # Analyses match again.
    unreported = [problems]

    def into(log: _core.MatchLog) -> None:
        options = dataclasses.replace(asked.options, progress=False)
        left_out = unreported.pop() if unreported else readers.Problems(asked.options.on_error)
        of_shard = asked._replace(options=options, labelled_images=LabelledImages())
        with Progress(asked.options.progress, shards.count, "matching shards") as told:
            for number, (truth, found) in enumerate(shards):
                collected = readers.Problems(asked.options.on_error)
                try:
                    _of_columns(truth, found, of_shard, collected).into(log)
                except InputError as problem:
                    raise shards.placed(problem, number) from None
                left_out.take(collected, functools.partial(shards.placed, number=number))
                told.advance(1)
        if left_out is problems:
            # Shards have images in another order than files.
            problems.found.sort(key=lambda problem: -1 if problem.record is None else problem.record)
            problems.tell()

    categories = asked.chosen.of_categories(shards.categories, shards.names)
    return _Fill(into, names=shards.names, groups=shards.groups, categories=categories)


#: Images of a list that are matched in one go.
_LOT = 256

_SEQUENCES = {"thresholds": float, "recall": float, "max_detections": int, "sigmas": float}


def settled(
    name: PresetName | Protocol,
    similarity: SimilarityName,
    changes: Mapping[str, Any],
    among: Sequence[str] | None = None,
) -> Protocol:
    """The protocol with its changes; `among`: all similarities that these are given for."""
    if not is_among(similarity, _similarity.NAMES):
        raise _similarity.unknown(similarity)
    rules = protocol.get(name, similarity)
    known = set(Protocol.__dataclass_fields__)
    for field, value in changes.items():
        if field not in known:
            raise unexpected(field, "protocol", sorted(known))
        only = _similarity.ONLY_OF.get(field)
        # None and False change nothing.
        if only is not None and not (value is None or value is False) and only not in (among or (similarity,)):
            raise InputError(f"{field}: only similarity {only!r} uses it, found similarity {similarity!r}")
        named = field in ("recall", "sigmas") and isinstance(value, str)
        named |= field == "sigmas" and (value is None or isinstance(value, (int, np.integer)))
        if field in _SEQUENCES and not named:
            given = tuple(value) if np.iterable(value) else (value,)
            if any(isinstance(x, (str, bytes)) for x in given):
                raise InputError(f"{field}: expected numbers, found {value!r}")
            try:
                numbers = tuple(_SEQUENCES[field](x) for x in given)
            except (OverflowError, TypeError, ValueError):
                raise InputError(f"{field}: expected numbers, found {value!r}") from None
            # Limits that are not whole are left for the protocol to refuse.
            value = numbers if field != "max_detections" or numbers == given else given
        rules = rules.replace(**{field: value})
    return rules


def new_log(
    rules: Protocol,
    similarity: SimilarityName,
    box_format: BoxFormat,
    score_range: tuple[float, float] | None,
    *,
    function: OwnSimilarity | None = None,
    confusion: float | None = None,
    errors: tuple[float, float, str] | None = None,
    without_categories: Sequence[float] | None = None,
    partners: Sequence[int] = (),
) -> _core.MatchLog:
    """An empty match log of a protocol; `function` compares boxes in the place of the similarity.

    Its tables have partners at the thresholds whose positions are given.
    With `confusion` it is of pairs of categories matched at that threshold; with `errors` of error types at a
    threshold, above a similarity to the background, in an area range. With `without_categories` it has what the
    confusions at some thresholds match, with partners at all of them.
    """
    if confusion is not None:
        rules = _of_all_sizes(rules, (confusion,))
        return _new_log(rules, similarity, box_format, score_range, function=function, analysis="confusion")
    if errors is not None:
        iou, background, area = errors
        rules = rules.replace(thresholds=(iou,), area_ranges={area: rules.area_ranges[area]}, summary=())
        options = {"function": function, "analysis": "errors", "background": background}
        return _new_log(rules, similarity, box_format, score_range, **options)
    if without_categories is not None:
        rules = _of_all_sizes(rules, tuple(without_categories)).replace(by_category=False)
        partners = range(len(rules.thresholds))
    return _new_log(rules, similarity, box_format, score_range, function=function, partners=list(partners))


def _of_all_sizes(rules: Protocol, thresholds: tuple[float, ...]) -> Protocol:
    """Rules of some thresholds, of objects of every size."""
    ranges = {"all": rules.area_ranges.get("all", (-np.inf, np.inf))}
    return rules.replace(thresholds=thresholds, area_ranges=ranges, summary=())


def _check_range(score_range: Any) -> None:
    if score_range is None:
        return
    try:
        least, most = map(float, score_range)
    except (TypeError, ValueError):
        least, most = np.nan, np.nan
    if not least <= most:
        raise InputError(f"score_range: expected a least and a greatest score, or None, found {score_range!r}")


def _new_log(
    rules: Protocol,
    similarity: SimilarityName,
    box_format: BoxFormat,
    score_range: tuple[float, float] | None,
    **analysis: Any,
) -> _core.MatchLog:
    if similarity == "keypoints" and rules.sigmas is None:
        raise InputError("sigmas: keypoints need the spread of each, or the name of a set, e.g. sigmas='coco'")
    _check_range(score_range)
    variances = None if rules.sigmas is None else (np.array(rules.sigmas) * 2) ** 2
    return _core.MatchLog(
        similarity=similarity,
        box_format=box_format,
        size=rules.size,
        score_range=score_range,
        match_crowds=rules.match_crowds,
        inclusive_boxes=rules.inclusive_boxes,
        variances=variances,
        thresholds=_reached(rules),
        area_ranges=np.array(list(rules.area_ranges.values()), dtype=np.float64),
        max_detections=rules.max_detections[-1],
        max_per_image=rules.max_per_image,
        limit_per_image=bool(rules.limit_per_image),
        heights=None if rules.heights is None else (float(rules.heights[0]), float(rules.heights[1])),
        matcher=rules.matcher,
        by_category=rules.by_category,
        zero_id_unmatched=rules.zero_id_unmatched,
        dilation_ratio=rules.dilation_ratio,
        angle=rules.angle,
        clockwise=bool(rules.clockwise),
        rotated_iou=rules.rotated_iou,
        **analysis,
    )


def _reached(rules: Protocol) -> np.ndarray:
    """The least similarity of a match at each threshold."""
    if rules.strict:
        return np.nextafter(rules.thresholds, np.inf)
    # As the reference does: a similarity of 1 must reach a threshold of 1.
    return np.array([min(t, 1 - 1e-10) for t in rules.thresholds])


def _files(ground_truth: Any, detections: Any, options: readers.Options) -> Sources | None:
    """The paths of ground truth and detections, and how they are read; None if one of them is in memory."""
    if not (is_path(ground_truth) and is_path(detections)):
        return None
    return Sources(ground_truth, detections, dataclasses.replace(options, progress=False))
