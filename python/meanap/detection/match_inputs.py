"""Ground truth and detections in the forms in which they are matched: batches, columns, or shards."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from meanap import _core, readers
from meanap._progress import Progress
from meanap.detection.chosen import Chosen
from meanap.detection.federated import LabelledImages, only_labelled
from meanap.detection.image_fields import KnownFields
from meanap.detection.inputs import Checking, arranged
from meanap.detection.regions import IgnoreRegions
from meanap.detection.slices import Wanted
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.readers.sides import Detections, GroundTruth

if TYPE_CHECKING:
    from meanap._types import OwnSimilarity

__all__ = ["EvaluationSettings", "MatchInput", "of_batches", "of_columns", "of_shards"]

#: Images of a list that are matched in one call; Ctrl-C is handled between two calls.
_IMAGES_PER_CALL = 256


class EvaluationSettings(NamedTuple):
    """The settings of an evaluation, which are the same for inputs of every form."""

    rules: Protocol
    options: readers.Options
    score_range: tuple[float, float] | None
    #: Collects the fields of images that the summary and the slices name.
    fields: KnownFields
    slices: Wanted
    chosen: Chosen
    regions: IgnoreRegions
    #: Compares boxes in place of the similarity.
    function: OwnSimilarity | None = None
    #: IoU thresholds at which error types are requested later.
    errors_at: Sequence[float] = ()
    #: Which categories are labelled in each image, where shards are read one after another.
    labelled_images: LabelledImages | None = None


class MatchInput(NamedTuple):
    """Ground truth and detections that can be matched, as often as an analysis needs."""

    #: Appends the matches of all images to a log.
    append_to: Callable[[_core.MatchLog], None]
    #: Matches all images at once, with the settings of a log that stays empty, and returns the table. Keyword `known`:
    #: a table that was matched before, with an area range and a threshold whose matches are taken from it. Keyword
    #: `least`: as for `Scores.error_table`. None where not all images are in memory, or they are in batches.
    match_at_once: Callable[..., _core.Matches] | None = None
    #: Calls a function with ground truth, detections, and keyword `images`; None where not all images are in memory.
    call_with_columns: Callable[[Callable[..., Any]], Any] | None = None
    #: Names of categories by id, or a function that reads them.
    names: Any = None
    #: Categories of each group, by its name.
    groups: Mapping[str, list[Any]] | None = None
    #: Ids of all categories, also those without objects; None if they are not declared.
    categories: list[Any] | None = None
    #: The range that the log has to check scores against; None where a reader has checked them.
    score_range: tuple[float, float] | None = None


def of_batches(
    batches: tuple[list[Any], list[Any]], ground_truth: Any, detections: Any, settings: EvaluationSettings
) -> MatchInput:
    """Lists with an item for each image, as metric objects take them.

    Parameters
    ----------
    batches
        The items of the ground truth and of the detections.
    ground_truth, detections
        What they were made of.
    """
    truths, found = batches
    if settings.fields.needed:
        given = readers.ids_of(truths, "ground_truth")
        ids = list(range(len(truths))) if given is None else given
        settings.fields.take(readers.fields_of_records(ids, truths), readers.sizes_of(ids, truths))

    def append_to(log: _core.MatchLog) -> None:
        with Progress(settings.options.progress, len(truths), "matching") as progress:
            for start in range(0, len(truths), _IMAGES_PER_CALL):
                part = slice(start, start + _IMAGES_PER_CALL)
                try:
                    log.update(found[part], truths[part], names=("detections", "ground_truth"), first=start)
                except InputError as error:
                    sides = {"detections": found, "ground_truth": truths}
                    error = _in_words_of_records(error, sides, settings.options)
                    raise _first_fault(ground_truth, detections, settings, error) from None
                progress.at(min(start + _IMAGES_PER_CALL, len(truths)))

    def call_with_columns(function: Callable[..., Any]) -> Any:
        columns = of_columns(ground_truth, detections, settings).call_with_columns
        return None if columns is None else columns(function)

    names = settings.options.names
    return MatchInput(
        append_to,
        call_with_columns=call_with_columns,
        names=None if names is None else readers.class_names(names),
        score_range=settings.score_range,
    )


def _in_words_of_records(error: InputError, sides: Mapping[str, list[Any]], options: readers.Options) -> InputError:
    """An error about an item of a list, with its code, and its fields called as the item calls them."""
    items = sides.get((error.source or "").partition("[")[0], [])
    return readers.coded(readers.in_words_of_records(error, items, options.similarity, options.box_format))


def of_columns(
    ground_truth: Any, detections: Any, settings: EvaluationSettings, collected: readers.Problems | None = None
) -> MatchInput:
    """Sources of any format, which are read whole.

    Parameters
    ----------
    ground_truth, detections
        The sources.
    collected
        Takes what is left out; by default a warning says it.

    Raises
    ------
    InputError
        A source cannot be used; with ``on_error="skip"``, if it cannot be read at all. It is about what comes first in
        the input.
    """
    problems = readers.Problems(settings.options.on_error) if collected is None else collected
    try:
        return _of_columns(ground_truth, detections, settings, readers.Problems())
    except InputError as error:
        first = error
    if problems.mode == "skip":
        # The core reads only files without errors into columns: Python reads the others.
        settings = settings._replace(options=dataclasses.replace(settings.options, image_records=True))
        sides = _of_columns(ground_truth, detections, settings, problems)
        if collected is None:
            problems.tell()
        return sides
    raise _first_fault(ground_truth, detections, settings, first)


def _first_fault(ground_truth: Any, detections: Any, settings: EvaluationSettings, error: InputError) -> InputError:
    """The error that comes first in two sources, in which `error` was found."""
    options = dataclasses.replace(settings.options, image_records=True, progress=False)
    settings = settings._replace(options=options)
    return readers.first_fault(error, lambda problems: _of_columns(ground_truth, detections, settings, problems))


def _of_columns(
    ground_truth: Any, detections: Any, settings: EvaluationSettings, problems: readers.Problems
) -> MatchInput:
    truth = readers.ground_truth(ground_truth, settings.options, problems)
    found = readers.detections(detections, settings.options, problems, truth)
    if settings.fields.needed:
        settings.fields.take(truth.image_fields, truth.sizes)
    if settings.rules.federated and isinstance(truth, GroundTruth) and isinstance(found, Detections):
        labelled = (settings.labelled_images or LabelledImages()).of(truth)
        if labelled is not None:
            found = only_labelled(truth, found, labelled, settings.rules.max_per_image)
    checking = Checking(settings.rules, settings.options, settings.score_range, problems)
    _, (truth_columns, found) = arranged(truth, found, checking)
    if not settings.regions.are_none:
        ids = truth.images if truth.images is not None else {*truth_columns.image_ids, *found.image_ids}
        found = settings.regions.of_images(truth.image_fields, ids).applied(found)
    categories = settings.chosen.of_categories(truth.categories, truth.names)
    truth_columns, found, images = settings.chosen.of_sides(truth_columns, found, truth.images)

    def call_with_columns(function: Callable[..., Any], **options: Any) -> Any:
        if settings.options.progress is False:
            return function(truth_columns, found, images=images, **options)
        with Progress(settings.options.progress, len(found), "matching") as progress:
            return function(truth_columns, found, images=images, progress=progress.at, **options)

    return MatchInput(
        lambda log: call_with_columns(log.append),
        lambda log, **known: call_with_columns(log.matched, **known),
        call_with_columns,
        truth.names,
        truth.groups,
        categories,
    )


def of_shards(ground_truth: Any, detections: Any, settings: EvaluationSettings, memory_limit: int | str) -> MatchInput:
    """Files or folders that are partitioned by image, and read and matched shard by shard.

    Raises
    ------
    InputError
        A source cannot be read, or `memory_limit` is no number of bytes.
    TypeError
        A source is not a path.
    """
    from meanap.detection.shards import Sharded, bytes_of

    problems = readers.Problems("skip" if settings.options.on_error == "skip" else "first")
    try:
        shards = Sharded(ground_truth, detections, settings.options, bytes_of(memory_limit), problems)
    except InputError as error:
        problems.keep(error)
        raise (problems.first or error) from None
    # Only the first matching says what is left out: analyses match again.
    unreported = [problems]

    def append_to(log: _core.MatchLog) -> None:
        options = dataclasses.replace(settings.options, progress=False)
        left_out = unreported.pop() if unreported else readers.Problems(problems.mode)
        of_shard = settings._replace(options=options, labelled_images=LabelledImages())
        with Progress(settings.options.progress, shards.count, "matching shards") as progress:
            for number in range(shards.count):
                collected = readers.Problems(settings.options.on_error)
                try:
                    sides = of_columns(*shards.read(number), of_shard, collected)
                    if left_out.first is None:
                        sides.append_to(log)
                except InputError as error:
                    if problems.mode == "skip":
                        raise shards.placed(error, number) from None
                    # A shard that comes later may have what comes first in the files.
                    left_out.keep(shards.placed(error, number))
                left_out.take(collected, functools.partial(shards.placed, number=number))
                progress.advance(1)
        if left_out.first is not None:
            raise left_out.first
        if left_out is problems:
            problems.tell()

    categories = settings.chosen.of_categories(shards.categories, shards.names)
    return MatchInput(append_to, names=shards.names, groups=shards.groups, categories=categories)
