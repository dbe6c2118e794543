"""Ground truth and detections of every format.

A reader recognises a source (`sniff`) and makes columns of it, `GroundTruth` and `Detections`; `READERS`
(`_registry.py`) lists them in the order in which they are tried. Every entry takes its input through `ground_truth` and
`detections`.
"""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from meanap._arrays import images_on_host, kind_of, shown
from meanap._files import check_local
from meanap._keywords import did_you_mean, is_among
from meanap.errors import InputError, InputTypeError
from meanap.readers._as_coco import dataset_of, records_of
from meanap.readers._column_names import is_table
from meanap.readers._image_fields import fields_of_records
from meanap.readers._item_faults import in_words_of_records
from meanap.readers._known_ids import image_numbers, with_ids
from meanap.readers._names import are_of_detections, class_names, warn_of_unnamed
from meanap.readers._parts import Parts
from meanap.readers._per_image import PerImage, ids_of, sizes_of
from meanap.readers._plain_lists import are_plain
from meanap.readers._problems import Problem, Problems, first_fault
from meanap.readers._reader import Format, Options, Reader, Role, Truth, is_folder, is_path
from meanap.readers._registry import READERS, ListedFormat, Look
from meanap.readers._repeatable import repeatable
from meanap.readers._sound import coded, sound
from meanap.readers.sides import Detections, GroundTruth, plain_ids

if TYPE_CHECKING:
    from meanap import _core
    from meanap._types import BoxFormat

__all__ = [
    "READERS",
    "Detections",
    "GroundTruth",
    "Options",
    "Parts",
    "Problem",
    "Problems",
    "Reader",
    "Role",
    "are_of_detections",
    "batch_of",
    "batches",
    "class_names",
    "coded",
    "dataset_of",
    "detections",
    "fields_of_records",
    "first_fault",
    "ground_truth",
    "ids_of",
    "image_numbers",
    "in_words_of_records",
    "is_path",
    "named",
    "reader_of",
    "records_of",
    "repeatable",
    "sizes_of",
    "sound",
    "warn_of_unnamed",
    "with_ids",
]


def reader_of(source: Any, role: Role, format: Format = None) -> Reader:
    """The reader of a source: the first that recognises it, or that called `format` if the source is a path.

    Raises
    ------
    InputError
        There is no format of that name, or no reader knows the source.
    """
    check_local(source, role)
    named = _format_named(format, role)
    if named is not None and is_path(source):
        return named.reader()
    for reader in _candidates(source):
        if reader.sniff(source, role):
            return reader
    if is_folder(source):
        problem = f"no format is recognised in this folder ({_content(source)}); format= (--format) names one"
        raise InputError(problem, f"{role}: {source}")
    several = "a list of COCO results, " if role == "detections" else "a COCO dictionary, "
    kind = "Detections" if role == "detections" else "GroundTruth"
    first = source[0] if isinstance(source, (list, tuple)) and source else None
    of_detections = role == "ground_truth" and isinstance(first, Mapping) and bool({"score", "scores"} & first.keys())
    found = kind_of(source) if first is None else f"{kind_of(source)} whose first item is {kind_of(first)}"
    raise InputTypeError(
        f"{role}: expected a path, {several}meanap.{kind}, a list of one dictionary for each image, or a table; "
        f"found {f'{kind_of(source)} of detections' if of_detections else found}"
    )


def _format_named(format: Format, role: Role) -> ListedFormat | None:
    """The format that is named for a side; None if none is."""
    pair = isinstance(format, (list, tuple)) and len(format) == 2
    name: Any = format[role == "detections"] if format is not None and pair else format
    if name is None:
        return None
    known = {listed.name: listed for listed in READERS if not listed.in_memory}
    if not is_among(name, known):
        hint = did_you_mean(name, known, _OTHERS)
        raise InputError(f"format: expected one of {', '.join(map(repr, known))}, found {shown(name)}{hint}")
    return known[name]


def _content(folder: Any) -> str:
    """What is in a folder, in a few words: how many files have each ending, and folders."""
    with os.scandir(folder) as entries:
        kinds = Counter("/" if entry.is_dir() else os.path.splitext(entry.name)[1].lower() for entry in entries)
    most = [f"{count:,} {'folders' if kind == '/' else kind or 'others'}" for kind, count in kinds.most_common(3)]
    return ", ".join(most) or "it is empty"


#: What formats are called elsewhere.
_OTHERS = {
    **dict.fromkeys(("yolov5", "yolov8", "yolo11", "ultralytics", "txt"), "yolo"),
    **dict.fromkeys(("pascal", "pascal_voc", "pascalvoc", "xml"), "voc"),
    **dict.fromkeys(("oid", "open_images", "open-images"), "openimages"),
    **dict.fromkeys(("feather", "ipc"), "arrow"),
    **dict.fromkeys(("pq", "pandas", "polars"), "parquet"),
    "ndjson": "jsonl",
}


def _candidates(source: Any) -> Iterator[Reader]:
    """The readers that may recognise a source; each is imported in its turn."""
    look = Look(source)
    return (listed.reader() for listed in READERS if listed.admits(look))


def batch_of(source: Any, role: Role, box_format: BoxFormat, similarity: str) -> Any:
    """A batch of a metric object: the dictionaries of its images, and anything else as it is.

    Raises
    ------
    InputError
        Its boxes are in another format.
    """
    if are_plain(source):
        return images_on_host(source)
    source = repeatable(source, role)
    if not isinstance(source, Mapping) and is_table(source):
        raise InputTypeError(f"expected one dictionary or array for each image, found {kind_of(source)}", role)
    reader = None if isinstance(source, Mapping) else _per_image(source, role, similarity)
    if reader is None:
        return source
    if reader.box_format not in (None, box_format):
        raise InputError(f"box_format: expected {reader.box_format!r} of {reader.name}, found {box_format!r}")
    return reader.dictionaries(source, role)


def batches(ground_truth: Any, detections: Any, options: Options) -> tuple[list[Any], list[Any]] | None:
    """Both sides as metric objects take them, image by image; None for other sources, or for images in two orders."""
    for role in ("ground_truth", "detections"):
        _format_named(options.format, role)
    of_truth = _per_image(ground_truth, "ground_truth", options.similarity)
    of_found = _per_image(detections, "detections", options.similarity)
    if of_truth is not None and isinstance(detections, list) and not detections:
        of_found = of_truth
    if of_truth is None or of_found is None or of_truth.needs_sizes or of_found.needs_sizes:
        return None
    if {of_truth.box_format, of_found.box_format} - {None, options.box_format}:
        return None
    truth, found = of_truth.dictionaries(ground_truth, "ground_truth"), of_found.dictionaries(detections, "detections")
    ids = ids_of(truth, "ground_truth"), ids_of(found, "detections")
    same = len(truth) == len(found) and (None in ids or ids[0] == ids[1])
    # The error about an image that has several items is that of columns.
    return (truth, found) if same and (ids[0] is None or len(set(ids[0])) == len(ids[0])) else None


def _per_image(source: Any, role: Role, similarity: str) -> PerImage | None:
    """The reader of a source with an item for each image; None for others."""
    readers = (reader.of(similarity) for reader in _candidates(source) if isinstance(reader, PerImage))
    return next((reader for reader in readers if reader.sniff(source, role)), None)


def ground_truth(source: Any, options: Options | None = None, problems: Problems | None = None) -> Truth:
    """The ground truth of any source.

    Parameters
    ----------
    source
        What `meanap.evaluate` takes.
    options
        How it is read.
    problems
        Takes the problems; by default the first error is raised.

    Returns
    -------
    GroundTruth or TruthFile
        Columns. A `TruthFile` is a COCO file whose columns were made in Rust.
    """
    options = Options() if options is None else options
    problems = Problems() if problems is None else problems
    source = repeatable(source, "ground_truth")
    reader = reader_of(source, "ground_truth", options.format)
    try:
        truth = reader.ground_truth(source, options, problems)
    except InputError as error:
        raise coded(error) from None
    return named(truth, options)


_Named = TypeVar("_Named", bound=Truth)


def named(truth: _Named, options: Options) -> _Named:
    """The ground truth with the names of `options`, unless these are of the detections' classes."""
    if options.names is None:
        return truth
    names = class_names(options.names)
    ids = plain_ids(truth.category_ids) if isinstance(truth, GroundTruth) and truth.categories is None else ()
    of_detections = are_of_detections(names, truth.categories, truth.names.values(), ids)
    renamed: Any = truth if of_detections else truth.named(names)
    made: _Named = renamed
    return made


def detections(
    source: Any, options: Options | None = None, problems: Problems | None = None, truth: Truth | None = None
) -> Detections | _core.Objects:
    """The detections of any source, for the ground truth `truth` if that is known; otherwise as `ground_truth`."""
    options = Options() if options is None else options
    problems = Problems() if problems is None else problems
    source = repeatable(source, "detections")
    reader = reader_of(source, "detections", options.format)
    numbers = image_numbers(truth)
    adapt = None if truth is None else truth.on_detections
    if numbers or adapt is not None:
        # As columns of Python, which can be changed.
        options = dataclasses.replace(options, image_records=True)
    try:
        found = reader.detections(source, options, problems, truth)
    except InputError as error:
        raise coded(error) from None
    if numbers and isinstance(found, Detections) and isinstance(found.image_ids, np.ndarray):
        # Results that Ultralytics saves as JSON have the number that is the name of the file.
        found = found.take(np.arange(len(found)))
        found.image_ids = [numbers.get(id, id) for id in plain_ids(found.image_ids)]
    if adapt is not None and isinstance(found, Detections):
        found = adapt(found)
    return found
