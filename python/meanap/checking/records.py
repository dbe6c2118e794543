"""Ground truth and detections as columns, even if records are invalid: from the file, or record by record."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meanap import _core, _rle, protocol, readers
from meanap._arrays import as_id, as_numpy
from meanap._files import read_json
from meanap._similarity import box_widths
from meanap.checking.findings import Finding
from meanap.errors import InputError
from meanap.readers import Options, Problem, Problems, Role, _fields
from meanap.readers._coco_files import files_in
from meanap.readers._column_names import NAMES
from meanap.readers._read_once import read_dataset, read_results
from meanap.readers._record_fields import with_coco_fields
from meanap.readers._rotated import are_rotated, kind_of_rotated, rows_of_rotated
from meanap.readers._rules import RULES
from meanap.readers._whole_body import with_parts
from meanap.readers.sides import Detections, GroundTruth, plain_ids

if TYPE_CHECKING:
    from meanap._types import AngleUnit

__all__ = ["NOTHING", "Records", "present", "read_detections", "read_ground_truth"]

#: A field that is not there, where null is a value.
NOTHING: Any = object()
#: What reading a broken file raises.
_BROKEN = (OSError, ValueError, TypeError, AssertionError, RecursionError, OverflowError, MemoryError, LookupError)


class Records:
    """Columns of ``N`` objects or detections.

    `image` and `category` are positions in `image_ids` and `category_ids`, distinct ids in the order in which they
    come; -1 where there is none. `ids` is None where objects have none. Numbers that are not there, or are none, are
    NaN.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.findings: list[Finding] = []
        self.readable = True
        self.image_ids: list[Any] = []
        self.category_ids: list[Any] = []
        self.image: np.ndarray = np.zeros(0, dtype=np.int64)
        self.category: np.ndarray = np.zeros(0, dtype=np.int64)
        self.ids: list[Any] | None = None
        self.boxes: np.ndarray = np.zeros((0, 4))
        #: Rotated boxes ``(N, 5)`` or ``(N, 8)``, NaN for none, and how their angles are given; `boxes` are the upright
        #: boxes around them.
        self.rotated: np.ndarray | None = None
        self.angles: tuple[AngleUnit, bool] = ("degrees", False)
        #: How the source is read.
        self.reading: Options = Options()
        self.areas: np.ndarray = np.zeros(0)
        self.scores: np.ndarray = np.zeros(0)
        self.crowd: np.ndarray = np.zeros(0, dtype=bool)
        #: Declared images with height and width (NaN for none), and categories with names; None if nothing is declared.
        self.images: list[Any] | None = None
        self.sizes: np.ndarray = np.zeros((0, 2))
        self.categories: list[Any] | None = None
        self.names: list[Any] = []
        #: Areas, boxes and image sizes of masks, NaN for none; None without masks.
        self.masks: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        #: The file whose columns these are, as they stand there; None for any other source.
        self.file: Any = None
        #: Whether the source can say how large images are.
        self.sized = True
        #: Whether the boxes are those around masks or keypoints.
        self.derived_boxes = False
        #: Keypoints and their numbers as the records have them, None for none; None altogether without keypoints.
        self.poses: list[Any] | None = None
        self.num_keypoints: list[Any] | None = None
        #: Names of the categories of the data set.
        self.category_names: dict[Any, str] = {}
        #: By the code of a finding: the same records as its remedy makes them.
        self.mended: dict[str, Records] = {}
        #: Reads the names of the image files, by image id, where they are known.
        self.read_files: Callable[[], dict[Any, str]] = dict
        #: Which records of the source these are, where some cannot be used.
        self.numbers: np.ndarray | None = None
        #: As of `GroundTruth`.
        self.items: np.ndarray | None = None
        self.listed: Literal["by id", "by position"] | None = None
        #: Whether each mask is there and cannot be decoded.
        self.broken_masks: np.ndarray = np.zeros(0, dtype=bool)

    def __len__(self) -> int:
        return len(self.image)

    def add(
        self,
        code: str,
        count: Any,
        example: str,
        *,
        level: str | None = None,
        message: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Adds a finding, if there is anything of it, in the words of its rule where it has none of its own."""
        if count:
            rule = RULES[code]
            found = Finding(
                code, level or rule.level, self.place, int(count), message or rule.what, example, remedy or rule.remedy
            )
            self.findings.append(found)

    def called(self, id: Any) -> str:
        """A category's id, with its name where it has one."""
        name = self.category_names.get(id)
        return repr(id) if name is None or name == str(id) else f"{id!r} ({name})"

    def told(self, row: Any, *columns: str) -> str:
        """How a record reads in a message."""
        row = int(row)
        number = row if self.numbers is None else int(self.numbers[row])
        record = f"record {number}"
        if self.items is not None:
            item, row_of_item = self.items[:, number].tolist()
            record = f"{self.place}[{item}]: row {row_of_item}"
        known = []
        if self.ids is not None and self.place == "ground_truth":
            known.append(f"id {self.ids[row]!r}")
        if self.image[row] >= 0:
            known.append(f"image {self.image_ids[self.image[row]]!r}")
        if self.category[row] >= 0:
            known.append(f"category {self.called(self.category_ids[self.category[row]])}")
        values = {"bbox": self.boxes, "area": self.areas, "score": self.scores}
        known += [f"{name} {_short(values[name][row])}" for name in columns]
        return f"{record}: {', '.join(known)}" if known else record

    @functools.cached_property
    def files(self) -> dict[Any, str]:
        """Names of the image files, by image id, where they are known."""
        return self.read_files()

    def side(self, files: bool = True) -> GroundTruth | None:
        """Images with their sizes and categories, for readers of detections; None if none are known.

        Without `files` the names of their files are not read.
        """
        if self.images is None:
            return None
        truth = GroundTruth([], [], np.zeros((0, 4)), images=dict(zip(self.images, self.sizes.tolist(), strict=True)))
        truth.listed = self.listed
        if self.categories is not None:
            truth.categories = list(self.categories)
            names = zip(self.categories, self.names, strict=True)
            truth.names = {id: str(name) for id, name in names if name is not None}
        if files:
            truth.files = self.files
        return truth

    @functools.cached_property
    def image_sizes(self) -> np.ndarray:
        """Height and width of each record's image ``(N, 2)``, NaN where they are not known."""
        return self.sizes_in(self)

    def sizes_in(self, other: Records) -> np.ndarray:
        """Height and width, as declared here, of the images of another's records."""
        known = {id: size for id, size in zip(self.images or (), self.sizes.tolist(), strict=True)}
        nothing = [math.nan, math.nan]
        table = np.array([*(known.get(id, nothing) for id in other.image_ids), nothing], dtype=np.float64)
        sizes: np.ndarray = table.reshape(-1, 2)[other.image]
        return sizes


def _short(value: Any) -> str:
    if np.ndim(value):
        return "[" + ", ".join(f"{x:g}" for x in value) + "]"
    return f"{value:g}"


def present(codes: np.ndarray) -> np.ndarray:
    """The codes that are there, rising, without -1: `np.unique` imports masked arrays for it."""
    return np.flatnonzero(np.bincount(codes[codes >= 0]))


# Reading


def read_ground_truth(
    value: Any, options: Options, similarity: str | None = None, angles: tuple[AngleUnit, bool] = ("degrees", False)
) -> Records:
    """The ground truth of any source; `similarity`: what records must have."""
    records = Records("ground_truth")
    records.angles, records.reading = angles, options
    reader = readers.reader_of(value, "ground_truth", options.format)
    if reader.name != "coco":
        _from_reader(records, value, lambda problems: reader.ground_truth(value, options, problems))
    elif isinstance(value, (str, os.PathLike)):
        expected = "a data set: an object with images, annotations …"
        _from_file(records, value, read_dataset, expected, similarity)
    else:
        _from_data_set(records, value, similarity)
    if options.names is not None:
        records.file = None
        names = readers.class_names(options.names)
        known = dict(zip(records.categories or (), records.names, strict=False))
        if not readers.are_of_detections(names, records.categories, known.values(), records.category_ids):
            records.categories = list(names) if records.categories is None else records.categories
            records.names = [names.get(id, known.get(id)) for id in records.categories]
            readers.warn_of_unnamed(names, records.categories, names)
    named = zip(records.categories or (), records.names, strict=False)
    records.category_names = {id: str(name) for id, name in named if name is not None}
    return records


def read_detections(value: Any, truth: Records, options: Options, similarity: str | None = None) -> Records:
    """Detections of any source, for a ground truth that has been read."""
    records = Records("detections")
    records.angles, records.reading = truth.angles, options
    records.category_names = truth.category_names
    reader = readers.reader_of(value, "detections", options.format)
    if reader.name != "coco":
        return _from_reader(records, value, lambda problems: reader.detections(value, options, problems, truth.side()))
    if isinstance(value, (str, os.PathLike)):
        _from_file(records, value, read_results, "results: an array of objects", similarity, truth)
    else:
        if isinstance(value, Mapping) and _has_scores(value):
            value = value["annotations"]
        _from_list(records, value, truth, similarity)
    # As an evaluation reads them: the number that is the name of the file.
    numbers = readers.image_numbers(truth.side(files=False))
    records.image_ids = [numbers.get(id, id) for id in records.image_ids]
    return records


def _from_reader(records: Records, source: Any, read: Callable[[Problems], Any]) -> Records:
    """The columns that a reader makes, without the objects that cannot be used."""
    problems = Problems("collect")
    try:
        side = read(problems)
    except InputError as error:
        if not readers.is_path(source):
            raise
        return _unreadable(records, source, error)
    kind: Any = (
        kind_of_rotated(side.arrays["boxes"])
        if are_rotated(side.arrays.get("boxes", ()))
        else "bbox"
        if "boxes" in side.arrays
        else "segm"
        if "masks" in side.arrays
        else "keypoints"
    )
    rules = protocol.get("coco", kind)

    def convert(part: Any) -> _core.Objects:
        objects: _core.Objects = part.objects(rules, kind, None)
        objects.check(records.place, part.records)
        return objects

    side, _ = readers.sound(side, convert, problems, records.place)
    _add_problems(records, problems.found)
    return _from_columns(records, side)


def _add_problems(records: Records, problems: Iterable[Problem]) -> None:
    """A finding for the problems of each code and field."""
    groups: dict[tuple[str, str | None], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.code, problem.field), []).append(problem)
    for (code, field), several in groups.items():
        first = several[0]
        rule = RULES.get(code)
        message = rule.what if rule is not None else "records cannot be used"
        remedy = first.remedy or "Mend the records, or leave them out."
        if code == "missing-field" and field is not None:
            harm = _HARM.get(field, "they cannot be scored")
            message, remedy = f'records have no "{field}": {harm}', f'Give each record "{field}".'
        example = str(first.error()).removeprefix(f"{records.place}: ")
        records.findings.append(Finding(code, first.level, records.place, len(several), message, example[:200], remedy))


_HARM = {
    "id": "pycocotools cannot index them",
    "area": "sizes cannot be distinguished",
    "iscrowd": "pycocotools stops at them",
    "segmentation": "masks cannot be compared",
    "keypoints": "poses cannot be compared",
}


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"


def _has_scores(value: Any) -> bool:
    """Whether a value is a data set with scores: predictions, as labelling tools export them."""
    entries = value.get("annotations") if isinstance(value, Mapping) else None
    if not isinstance(entries, (list, tuple)):
        return False
    return not entries or any(isinstance(entry, Mapping) and "score" in entry for entry in entries)


def _from_file(
    records: Records, path: Any, read: Any, expected: str, similarity: str | None, truth: Records | None = None
) -> Records:
    try:
        dataset = read(path)
        if dataset.fallback is None and _from_dataset(records, dataset, truth, similarity):
            records.file = path
            return records
        value = dataset.load()
    except FileNotFoundError:
        raise
    except InputError as error:
        if error.code != "wrong-kind-of-file":
            return _unreadable(records, path, error)
        # Of the wrong kind: the other side of it, as often as not.
        return _wrong_kind(records, path, expected, similarity, truth)
    except _BROKEN as error:
        return _unreadable(records, path, error)
    if truth is None:
        return _from_data_set(records, value, similarity)
    return _from_list(records, value, truth, similarity)


def _unreadable(records: Records, path: Any, error: BaseException) -> Records:
    text = " ".join(str(error).split()) or type(error).__name__
    remedy = "Give the file itself; one that a download or a job has left in half is to be written again."
    records.add("broken-file", 1, text, message=f"{os.fspath(path)} cannot be read", remedy=remedy)
    records.readable = False
    return records


def _wrong_kind(records: Records, path: Any, expected: str, similarity: str | None, truth: Records | None) -> Records:
    try:
        value = read_json(path)
    except _BROKEN as error:
        return _unreadable(records, path, error)
    if truth is not None and _has_scores(value):
        return _from_list(records, value["annotations"], truth, similarity)
    found = "an array" if isinstance(value, list) else "an object" if isinstance(value, dict) else _kind(value)
    swapped = isinstance(value, dict) and "annotations" in value and records.place == "detections"
    swapped = swapped or (isinstance(value, list) and records.place == "ground_truth")
    remedy = "Are the two files swapped?" if swapped else "Give the file that the other tools are given."
    records.add(
        "wrong-kind-of-file", 1, f"it holds {found}", message=f"{os.fspath(path)} is not {expected}", remedy=remedy
    )
    records.readable = False
    return records


def _from_dataset(records: Records, dataset: _core.Dataset, truth: Records | None, similarity: str | None) -> bool:
    """Takes the columns of a file; False if they lack some of the required information."""
    arrays = dataset.arrays()
    # Keypoints are read record by record; and whether a field is in all records only these say.
    fields = dataset.first_fields()
    asked = _FIELDS.get(similarity or "bbox")
    if "keypoints" in fields or ((asked != "bbox" or box_widths(similarity or "")) and len(dataset)):
        return False
    needed = {"image_id", "category_id"} | ({"bbox", "id", "area", "iscrowd"} if truth is None else {"score"})
    whole = truth is not None or (dataset.has_images and dataset.has_categories and dataset.has_annotations)
    if not whole or not needed <= arrays.keys():
        return False
    count = len(dataset)
    if truth is None:
        categories = dataset.categories()
        if not all(isinstance(category, dict) for category in categories):
            return False
        records.images, records.sizes = dataset.image_ids(), dataset.image_sizes().astype(np.float64)
        if not (records.sizes > 0).all():
            return False
        records.categories = dataset.category_ids()
        records.names = [category.get("name") for category in categories]
        ids = arrays["id"].tolist()
        integers = all(map(float.is_integer, ids))
        records.ids = [*map(int, ids)] if integers else [int(id) if id.is_integer() else id for id in ids]
        records.read_files = lambda: files_in(dataset)
    records.image_ids, records.category_ids = dataset.annotation_image_ids(), dataset.annotation_category_ids()
    # Codes are less than 2**31, and what is missing takes no memory.
    records.image, records.category = arrays["image_id"].view(np.int32), arrays["category_id"].view(np.int32)
    records.scores = arrays.get("score", np.broadcast_to(math.nan, count))
    records.areas = arrays.get("area", np.broadcast_to(math.nan, count))
    records.crowd = arrays.get("iscrowd", np.broadcast_to(False, count))
    if truth is None:
        with np.errstate(invalid="ignore"):
            bad = np.flatnonzero(~(np.isfinite(records.areas) & (records.areas >= 0)))
        _add_malformed(records, bad, _fields.AREA, records.areas)
    records.broken_masks = np.broadcast_to(False, count)
    if "segmentation" in fields:
        role: Role = "ground_truth" if truth is None else "detections"
        images = None if truth is None or truth.file is None else read_dataset(truth.file)
        masks = dataset.objects("segm", role, images)
        measures = None if masks is None else masks.mask_measures()
        if measures is None:
            return False
        records.masks, records.broken_masks = measures, np.isnan(measures[0])
    if "bbox" in arrays:
        records.boxes = arrays["bbox"]
        with np.errstate(invalid="ignore"):
            sound = np.isfinite(records.boxes).all(axis=1) & (records.boxes[:, 2:] >= 0).all(axis=1)
        _add_malformed(records, np.flatnonzero(~sound), _fields.BOX, records.boxes)
        return True
    # Results of masks: the boxes around them.
    return False


def _from_columns(records: Records, side: GroundTruth | Detections) -> Records:
    count = len(side)
    records.numbers, records.items = side.numbers, side.items
    records.image, records.image_ids = _codes(plain_ids(side.image_ids))
    records.category, records.category_ids = _codes(plain_ids(side.category_ids))

    def column(name: str, default: float) -> np.ndarray:
        value = side.arrays.get(name)
        return np.full(count, default) if value is None else np.array(as_numpy(value), dtype=np.float64).reshape(count)

    dictionaries = readers.records_of(side)
    if are_rotated(side.arrays.get("boxes", ())):
        _take_rotated(records, rows_of_rotated(side.arrays["boxes"]))
    else:
        boxes = [entry.get("bbox") or _around(entry.get("keypoints")) for entry in dictionaries]
        records.boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    records.scores = column("scores", math.nan)
    records.areas = column("exact_area" if "exact_area" in side.arrays else "area", math.nan)
    records.crowd = column("iscrowd", 0.0).astype(bool)
    records.broken_masks = np.zeros(count, dtype=bool)
    records.derived_boxes = "boxes" not in side.arrays or records.rotated is not None
    if isinstance(side, GroundTruth):
        records.images, records.sized, records.listed = side.images, bool(side.sizes), side.listed
        records.files = dict(side.files)
        sizes = [[_number(length) for length in side.sizes.get(id) or (None, None)] for id in side.images or ()]
        records.sizes = np.array(sizes, dtype=np.float64).reshape(-1, 2)
        records.categories = side.categories
        records.names = [side.names.get(id) for id in side.categories or ()]
    _take_masks(records, dictionaries, records.image_sizes)
    if "keypoints" in side.arrays:
        records.poses = [entry["keypoints"] for entry in dictionaries]
        if isinstance(side, GroundTruth) and "num_keypoints" in side.arrays:
            records.num_keypoints = [entry["num_keypoints"] for entry in dictionaries]
    return records


def _codes(ids: list[Any]) -> tuple[np.ndarray, list[Any]]:
    """Positions among the distinct ids, -1 for None."""
    known: dict[Any, int] = {}
    codes = [-1 if id is None else known.setdefault(id, len(known)) for id in ids]
    return np.array(codes, dtype=np.int64), list(known)


# Record by record


#: The field in which each similarity has its geometry.
_FIELDS = {name: field.name for name, field in _fields.GEOMETRY.items()}


def _from_data_set(records: Records, value: Any, similarity: str | None) -> Records:
    if not isinstance(value, Mapping) or not isinstance(value.get("annotations"), (list, tuple)):
        message = 'there is no array "annotations"'
        records.add("no-annotations", 1, "", message=message)
        records.readable = False
        return records
    for key in ("images", "categories"):
        if not isinstance(value.get(key), (list, tuple)):
            message = f'there is no array "{key}", so nothing can be checked against it'
            records.add(f"no-{key}", 1, "", message=message, remedy=f'Add "{key}".')
            continue
        good = [entry for entry in value[key] if isinstance(entry, Mapping) and as_id(entry.get("id")) is not None]
        bad = [
            i for i, entry in enumerate(value[key]) if not isinstance(entry, Mapping) or as_id(entry.get("id")) is None
        ]
        message = f'entries of "{key}" have no usable id'
        records.add(
            "malformed-record", len(bad), f"{key}[{bad[0] if bad else 0}]", message=message, remedy="Give each an id."
        )
        if key == "images":
            records.images = [as_id(image["id"]) for image in good]
            names = ((as_id(image["id"]), image.get("file_name")) for image in good)
            records.files = {id: name for id, name in names if isinstance(name, str)}
            sizes = [[_number(image.get(side)) for side in ("height", "width")] for image in good]
            records.sizes = np.array(sizes, dtype=np.float64).reshape(-1, 2)
            records.sizes[~(records.sizes > 0).all(axis=1)] = math.nan
        else:
            records.categories = [as_id(category["id"]) for category in good]
            records.names = [category.get("name") for category in good]
    entries = _with_ids(records, _with_coco_fields(records, value["annotations"]), records.side())
    needed = ("image_id", "category_id", "bbox", "id", "area", "iscrowd")
    # LVIS has no crowds; its images say which categories they lack.
    images = value["images"] if records.images is not None else ()
    by_category = any(isinstance(image, Mapping) and "neg_category_ids" in image for image in images)
    asked = _FIELDS.get(similarity or "bbox", "bbox")
    fields = (*(needed[:-1] if by_category else needed), *([asked] if asked != "bbox" else []))
    _take(records, entries, fields, similarity)
    good = [entry if isinstance(entry, Mapping) else {} for entry in entries]
    ids = [entry.get("id") for entry in good]
    records.ids = ids if any(id is not None for id in ids) else None
    _take_ids(records)
    _take_crowds(records, [entry.get("iscrowd") for entry in good])
    records.areas = np.array([_number(entry.get("area")) for entry in good], dtype=np.float64)
    _take_masks(records, good, records.image_sizes)
    _take_poses(records, good)
    return records


def _take_ids(records: Records) -> None:
    texts = [row for row, id in enumerate(records.ids or ()) if isinstance(id, str)]
    records.add("text-id", len(texts), records.told(texts[0]) if texts else "")


def _take_crowds(records: Records, flags: list[Any]) -> None:
    """What is true for Python is a crowd for pycocotools, whatever it is."""
    records.crowd = np.array([bool(flag) for flag in flags], dtype=bool)
    read = _fields.CROWD.read
    strange = [
        row for row, flag in enumerate(flags) if flag is not None and (isinstance(flag, str) or read(flag) is None)
    ]
    records.add(
        "crowd-flag", len(strange), f'{records.told(strange[0])}, "iscrowd" {flags[strange[0]]!r}' if strange else ""
    )


def _take_poses(records: Records, entries: list[Any]) -> None:
    if any("keypoints" in entry for entry in entries):
        # A record that has none is no pose; one that has null is a broken one.
        records.poses = [entry.get("keypoints", NOTHING) for entry in entries]
        records.num_keypoints = [entry.get("num_keypoints") for entry in entries]


def _from_list(records: Records, entries: Any, truth: Records, similarity: str | None) -> Records:
    if not isinstance(entries, (list, tuple)):
        return _wrong(records, entries)
    entries = _with_ids(records, _with_coco_fields(records, entries), truth.side())
    good = [entry if isinstance(entry, Mapping) else {} for entry in entries]
    first = good[0] if good else {}
    shape = next((name for name in ("bbox", "segmentation", "keypoints") if first.get(name)), "bbox")
    asked = _FIELDS.get(similarity or "", shape)
    _take(records, entries, ("image_id", "category_id", "score", asked), similarity)
    if asked != "bbox" and not any(entry.get(asked) for entry in good):
        asked = shape
    shape = "bbox" if shape == "bbox" else asked
    records.areas = np.full(len(good), math.nan)
    records.crowd = np.zeros(len(good), dtype=bool)
    records.scores = np.array([_number(entry.get("score")) for entry in good], dtype=np.float64)
    _take_masks(records, good, truth.sizes_in(records))
    _take_poses(records, good)
    records.derived_boxes = shape != "bbox" or records.rotated is not None
    if shape == "segmentation" and records.masks is not None:
        records.boxes = records.masks[1]
    elif shape == "keypoints":
        records.boxes = np.array([_around(entry.get("keypoints")) for entry in good]).reshape(-1, 4)
    return records


def _with_coco_fields(records: Records, entries: Any) -> Any:
    """The records with COCO's names of fields, where it is sure which they are."""
    try:
        reading = records.reading
        entries = with_coco_fields(entries, records.place, reading.box_format, reading.columns)
        return with_parts(entries) if reading.whole_body else entries
    except InputError as error:
        _add_problems(records, [Problem.of(error)])
        return entries


def _with_ids(records: Records, entries: Any, truth: GroundTruth | None) -> Any:
    """The records with the ids of the images and categories that they name."""
    problems = Problems("collect")
    good = [entry if isinstance(entry, Mapping) else {} for entry in entries]
    named = readers.with_ids(good, truth, records.place, problems.add)
    # Names that are not known are found as ids that are not.
    _add_problems(records, [problem for problem in problems.found if problem.code == "ambiguous-name"])
    if named is good:
        return entries
    for field, what in (("image_id", "files"), ("category_id", "categories")):
        rows = [row for row, entry in enumerate(named) if entry.get(field) != good[row].get(field)]
        if rows:
            first = good[rows[0]]
            given = first.get(field) or next(v for name in NAMES[field] if as_id(v := first.get(name)) is not None)
            are = "numbers as texts" if given == str(named[rows[0]][field]) else f"names of {what}"
            message = f"{are} stand for ids: meanap.evaluate looks them up, pycocotools does not"
            example = f"record {rows[0]}: {given!r} is {field} {named[rows[0]][field]!r}"
            records.add("named-ids", len(rows), example, message=message)
    return named


def _wrong(records: Records, value: Any) -> Records:
    message = f"expected an array of results, found {_kind(value)}"
    records.add("wrong-kind-of-file", 1, "", message=message, remedy="Give a list of results.")
    records.readable = False
    return records


def _take(records: Records, entries: Any, needed: tuple[str, ...], similarity: str | None) -> None:
    """Ids and boxes, and findings for what is not there."""
    strange = [i for i, entry in enumerate(entries) if not isinstance(entry, Mapping)]
    if strange:
        example = f"record {strange[0]} is {_kind(entries[strange[0]])}"
        records.add("malformed-record", len(strange), example)
    good = [entry if isinstance(entry, Mapping) else {} for entry in entries]
    rotated = similarity if box_widths(similarity or "") else _kind_of(good) if similarity is None else None
    field = _fields.BOX if rotated is None else _fields.GEOMETRY[rotated]
    fields = {**_NEEDED, "bbox": field}
    problems = [problem for name in needed for problem in _fields.problems_of(fields[name], entries, records.place)]
    # What is there and cannot be used of the scores and flags is found in the columns.
    elsewhere = ("bad-score", "crowd-flag", "broken-mask", "malformed-keypoints")
    _add_problems(records, [problem for problem in problems if problem.code not in elsewhere])
    for name, column in (("image_id", "image"), ("category_id", "category")):
        ids = [entry.get(name) for entry in good]
        points = [i for i, id in enumerate(ids) if isinstance(id, float) and as_id(id) is not None]
        message = f'"{name}" is written with a decimal point: other tools may not take it for a whole number'
        example = f"record {points[0]}: {ids[points[0]]!r}" if points else ""
        records.add("float-id", len(points), example, message=message)
        codes, known = _codes([None if id is None else as_id(id) for id in ids])
        setattr(records, column, codes)
        setattr(records, f"{column}_ids", known)
    if rotated is not None:
        turned = [_fields.rotated_box(entry, field) for entry in good]
        width = next((len(box) for box in turned if box is not None), box_widths(rotated)[0])
        nothing = [math.nan] * width
        rows = [box if box is not None and len(box) == width else nothing for box in turned]
        _take_rotated(records, np.array(rows, dtype=np.float64).reshape(-1, width))
        return
    boxes = [_box(entry.get("bbox")) for entry in good]
    records.boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _kind_of(entries: list[Any]) -> str | None:
    """The similarity of boxes of five or seven numbers, if most are such, as far as there are boxes."""
    given = (entry.get("bbox", entry.get("obb")) for entry in entries)
    boxes = [box for box in given if isinstance(box, (list, tuple, np.ndarray))]
    for numbers, kind in ((5, "rotated"), (7, "box3d")):
        if boxes and sum(len(box) == numbers for box in boxes) > len(boxes) / 2:
            return kind
    return None


def _take_rotated(records: Records, boxes: np.ndarray) -> None:
    """Rotated boxes, and the upright ones around them."""
    records.rotated = boxes
    records.derived_boxes = True
    records.boxes = np.full((len(boxes), 4), math.nan)
    sound = np.isfinite(boxes).all(axis=1)
    corners = _core.corners_of_rotated_boxes(boxes[sound], *records.angles)
    least, most = corners.min(axis=1), corners.max(axis=1)
    records.boxes[sound] = np.concatenate([least, most - least], axis=1)


_FIELD_LIST = (
    _fields.ID,
    _fields.IMAGE,
    _fields.CATEGORY,
    _fields.SCORE,
    _fields.BOX,
    _fields.MASK,
    _fields.KEYPOINTS,
    _fields.AREA,
    _fields.CROWD,
)
#: The fields of records as pycocotools has them: each is needed.
_NEEDED = {field.name: field._replace(default=_fields.NEEDED) for field in _FIELD_LIST}
#: Labels of annotations may be anything.
_NEEDED["id"] = _NEEDED["id"]._replace(read=lambda value: value)


def _add_malformed(records: Records, bad: np.ndarray, field: _fields.Field, column: np.ndarray) -> None:
    """The problems of a field whose column has the values as they are."""
    entries = [{field.name: value} for value in column[bad].tolist()]
    problems = _fields.problems_of(field, entries, records.place)
    _add_problems(records, (replace(problem, record=int(row)) for problem, row in zip(problems, bad, strict=True)))


def _number(value: Any) -> float:
    try:
        numeric = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        return float(value) if numeric else math.nan
    except OverflowError:
        return math.nan


def _box(value: Any) -> list[float]:
    if isinstance(value, (list, tuple, np.ndarray)) and len(value) == 4:
        return [_number(x) for x in value]
    return [math.nan] * 4


def _around(points: Any) -> list[float]:
    """The box around labelled keypoints."""
    try:
        pose = np.array(points, dtype=np.float64).reshape(-1, 3)
    except (TypeError, ValueError, OverflowError):
        return [math.nan] * 4
    pose = pose[pose[:, 2] > 0] if (pose[:, 2] > 0).any() else pose
    if not len(pose):
        return [math.nan] * 4
    low, high = pose[:, :2].min(axis=0), pose[:, :2].max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def _take_masks(records: Records, entries: list[Any], sizes: np.ndarray) -> None:
    count = len(entries)
    records.broken_masks = np.zeros(count, dtype=bool)
    if not any(entry.get("segmentation") for entry in entries):
        return
    areas, boxes = np.full(count, math.nan), np.full((count, 4), math.nan)
    drawn = np.full((count, 2), math.nan)
    for row, entry in enumerate(entries):
        shape = entry.get("segmentation")
        if not shape:
            continue
        try:
            if isinstance(shape, Mapping):
                run_lengths = _rle.compressed(shape)
                drawn[row] = shape["size"]
                if _pixels(shape["counts"]) != shape["size"][0] * shape["size"][1]:
                    raise ValueError
                boxes[row] = _rle.box(run_lengths)
            else:
                height, width = sizes[row]
                if not height > 0:
                    continue
                run_lengths = _rle.of_polygons(shape, int(height), int(width))
                drawn[row] = sizes[row]
                # A number too many is dropped, as it is where polygons become pixels.
                rings = [np.asarray(ring[: len(ring) // 2 * 2], dtype=np.float64).reshape(-1, 2) for ring in shape]
                corners = np.concatenate(rings)
                boxes[row] = [*corners.min(axis=0), *np.ptp(corners, axis=0)]
            areas[row] = _rle.area(run_lengths)
        except _BROKEN:
            records.broken_masks[row] = True
            areas[row], boxes[row], drawn[row] = math.nan, math.nan, math.nan
    records.masks = (areas, boxes, drawn)


def _pixels(counts: Any) -> int:
    """The pixels of run lengths, plain or compressed."""
    if isinstance(counts, (list, tuple)):
        return sum(counts)
    text = np.frombuffer(counts.encode() if isinstance(counts, str) else counts, dtype=np.uint8).astype(np.int64) - 48
    if not len(text):
        return 0
    # Five bits in each byte, the lowest first; the sixth says that more follow.
    last = (text & 0x20) == 0
    start = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    place = np.arange(len(text)) - np.repeat(start, np.diff([*start, len(text)]))
    numbers = np.add.reduceat((text & 0x1F) << (5 * place), start)
    end = np.flatnonzero(last)
    # The highest bit is the sign. From the fourth number on they are differences from the last but one.
    numbers -= np.where(text[end] & 0x10, 1 << (5 * (place[end] + 1)), 0)
    runs = numbers.copy()
    runs[1::2], runs[2::2] = np.cumsum(numbers[1::2]), np.cumsum(numbers[2::2])
    return int(runs.sum())
