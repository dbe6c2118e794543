"""Evaluation of files larger than memory, image shard by image shard.

Both files, or folders of label files, are read once and partitioned by image: the records of an image go into its bin,
in a temporary file. A shard is as many bins as fit memory; one after another is read and matched as if it were all
there is. What stays in memory is the match log, some 25 bytes for a detection.
"""

from __future__ import annotations

import collections
import functools
import math
import os
import pickle
import re
import sys
import weakref
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from meanap import _core, readers
from meanap._arrays import as_id, as_ids
from meanap._progress import Progress, reading
from meanap._similarity import compares_masks
from meanap.errors import InputError
from meanap.readers._coco_files import DetectionFile, TruthFile
from meanap.readers._coco_records import groups_of, listed, names_of
from meanap.readers._image_fields import FieldsInParts
from meanap.readers._known_ids import with_ids, with_known_ids
from meanap.readers._per_image import repeated
from meanap.readers._record_fields import with_coco_fields
from meanap.readers.coco import Coco
from meanap.readers.jsonl import JsonLines, Zstandard, records
from meanap.readers.sides import Detections, GroundTruth, joined, plain_ids

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["Sharded", "bytes_of"]

#: Columns and what matching makes of them take so many times a record's text, Python objects so many times.
_COLUMNS, _OBJECTS = 2, 12
#: Bytes of a row of a table, roughly, when it is read.
_ROW = 200
_MOST_BINS = 4096
#: COCO files that Zstandard packs are about so many times as large.
_OF_ZSTANDARD = 8

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def bytes_of(limit: int | float | str) -> int:
    """A number of bytes, from ``500_000_000`` or ``"500 MB"`` or ``"0.5 GiB"``.

    >>> bytes_of("1.5 GB"), bytes_of("64MiB")
    (1500000000, 67108864)
    """
    found = re.fullmatch(r"\s*([0-9.]+)\s*([KMGT]?I?)B?\s*", str(limit).upper())
    unit = None if found is None else _UNITS.get(found[2])
    number = math.nan if found is None or found[1].count(".") > 1 or found[1] == "." else float(found[1])
    if unit is None or not number > 0:
        raise InputError(f"memory_limit: expected a number of bytes such as '2 GB', found {limit!r}")
    return min(int(number * unit), sys.maxsize)


class Sharded:
    """Two files or folders, partitioned by image."""

    def __init__(
        self,
        ground_truth: Any,
        detections: Any,
        options: readers.Options,
        memory: int,
        problems: readers.Problems,
    ) -> None:
        for name, value in (("ground_truth", ground_truth), ("detections", detections)):
            if not isinstance(value, (str, os.PathLike)):
                raise TypeError(f"{name}: memory_limit is for files; found a {type(value).__name__}")
        similarity, objects = options.similarity, options.image_records

        parts = [_parts(ground_truth, "ground_truth", options), _parts(detections, "detections", options)]
        paths = (ground_truth, detections)
        size = sum(_size(path) if part is None else part.size for path, part in zip(paths, parts, strict=True))

        def shards(objects: bool) -> int:
            # Half of the memory for a shard, the other half for what waits to be written and for matching.
            least = math.ceil((_OBJECTS if objects else _COLUMNS) * size / (memory / 2))
            return min(max(1, least), _MOST_BINS)

        # Masks of other formats are Python objects; of their boxes, and of no file of records, it is known that none
        # are.
        objects = objects or (parts != [None, None] and compares_masks(similarity))
        self._bins = shards(objects or None in parts)
        import shutil
        import tempfile

        folder = tempfile.mkdtemp(prefix="meanap-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        how = (Path(folder), self._bins, options, memory, problems)
        of_truth, of_found = parts
        self._truth: _Records | _Columns = (
            _Records(ground_truth, "truth", *how) if of_truth is None else _Columns(ground_truth, of_truth, *how)
        )
        self._found: _Records | _Columns = (
            _Records(detections, "found", *how)
            if of_found is None
            else _Columns(detections, of_found, *how, truth=self._truth)
        )
        if isinstance(self._found, _Records) and self._found.odd and self._found.name_images(self._truth, options):
            self._found = _LookedUp(self._found, *how, truth=self._truth)
        self.count: int = shards(objects or self._truth.odd or self._found.odd)
        names = dict(self._truth.names)
        if options.names is not None and isinstance(self._truth, _Records):
            names |= readers.class_names(options.names)
        #: Ids of all categories, if they are known.
        self.categories: list[Any] | None = self._truth.categories
        self.names = names
        self.groups: dict[str, list[Any]] = self._truth.groups

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Ground truth and detections of one shard after another."""
        for number in range(self.count):
            bins = self._of(number)
            truth = self._truth.read(*bins, None)
            yield truth, self._found.read(*bins, truth)

    def _of(self, number: int) -> tuple[int, int]:
        return number * self._bins // self.count, (number + 1) * self._bins // self.count

    def placed(self, error: InputError, number: int) -> InputError:
        """An error about a row of a shard as one about a row of the whole file."""
        argument, *within = (error.source or "").split(": ")
        if error.record is None or within[:1] == ["categories"]:  # All shards have all categories.
            return error
        side = self._truth if argument.lower().startswith("ground") else self._found
        rows = side.records(*self._of(number), within[:1] == ["images"])
        return error.replace(record=int(rows[error.record]))


def _size(path: Any) -> int:
    """How many bytes a file has once it is unpacked, as far as it says so."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(4)
        if start[:2] == b"\x1f\x8b" and size > 4:
            # A gzip file ends with its content's size modulo 2^32.
            file.seek(-4, os.SEEK_END)
            return max(size, int.from_bytes(file.read(), "little"))
    return _OF_ZSTANDARD * size if start == b"\x28\xb5\x2f\xfd" else size


def _parts(path: Any, role: readers.Role, options: readers.Options) -> readers.Parts | None:
    """A source in parts; None for COCO's records, of which the core makes parts."""
    reader = readers.reader_of(path, role, options.format)
    if isinstance(reader, (JsonLines, Zstandard)) or reader.name == "coco":
        return None
    if (parts := reader.parts(path, role, options)) is not None:
        return parts
    problem = (
        f"format {reader.name!r} can only be read whole, which memory_limit is not for; meanap.convert writes COCO "
        "JSON and Parquet"
    )
    raise InputError(problem, f"{role}: {os.fspath(path)}")


class _Records:
    """A COCO file, or one that is unpacked into a COCO file."""

    odd = False

    def __init__(
        self,
        path: Any,
        side: str,
        folder: Path,
        bins: int,
        options: readers.Options,
        memory: int,
        problems: readers.Problems,
    ) -> None:
        self.path, self.side, self.similarity = path, side, options.similarity
        place: readers.Role = "ground_truth" if side == "truth" else "detections"
        reader = readers.reader_of(path, place, options.format)
        if isinstance(reader, (JsonLines, Zstandard)):
            plain = folder / f"{side}.json"
            try:
                reader.unpack(path, plain, place, problems)
            except InputError as error:
                raise readers.coded(error) from None
        else:
            plain = path
        with reading(options.progress, plain) as told:
            tell = None if options.progress is False else told.at

            def partition(kind: Literal["dataset", "results"], name: str) -> _core.PartitionedFile:
                return _core.partition_file(plain, kind, folder / name, bins, memory // 16, tell)

            try:
                try:
                    self.partitioned = partition("dataset" if side == "truth" else "results", side)
                except InputError as error:
                    if side == "truth" or error.code != "wrong-kind-of-file":
                        raise
                    # No array: annotations with scores, which Python reads.
                    self.partitioned = partition("dataset", "others")
                    self.odd = True
            except InputError as error:
                if plain != path:
                    error = error.replace(source=os.fsdecode(path))
                if isinstance(reader, JsonLines) and error.code == "not-json":
                    # Which line it is, as without a limit.
                    collections.deque(records(path, place, readers.Problems()), 0)
                raise error.at(place) from None
            finally:
                if plain != path:
                    plain.unlink()
        if self.partitioned.fallback is not None:
            raise InputError(f"memory_limit: {self.partitioned.fallback}", f"{place}: {os.fsdecode(path)}")
        given: Any = self.partitioned.categories() if side == "truth" else None
        if given is not None:
            given = listed({"categories": given}, "categories", "ground_truth")
        self.names = names_of(given or ())
        self.groups = groups_of(given or ())
        self.categories: list[Any] | None = None if given is None else list(self.names)
        self._bins = bins
        # Bins are small, and one is like another.
        self.odd |= self.partitioned.odd or (side == "truth" and self.read(0, 1, None).columns is None)

    def read(self, first: int, end: int, truth: Any) -> Any:
        dataset = self.partitioned.read(first, end)
        if self.side == "truth":
            return TruthFile(self.path, self.similarity, dataset=dataset)
        truth = truth if isinstance(truth, TruthFile) else None
        return DetectionFile(self.path, self.similarity, truth, dataset=dataset)

    def records(self, first: int, end: int, images: bool) -> np.ndarray:
        return self.partitioned.records(first, end, images)

    def name_images(self, truth: _Records | _Columns, options: readers.Options) -> bool:
        """Whether these results name their images otherwise than by the ids by which they are partitioned."""
        for number in range(self._bins):
            value = self.partitioned.read(number, number + 1).load()
            records = value["annotations"] if isinstance(value, dict) else value
            for record in (record for record in records if isinstance(record, dict)):
                fields = with_coco_fields([record], "detections", options.box_format, options.columns)
                named = with_ids(fields, truth.header, "detections", lambda problem: None)
                return as_id(named[0].get("image_id")) != as_id(record.get("image_id"))
        return False

    def parts(self) -> readers.Parts:
        """The records of one bin after another."""

        def read(rows: int) -> Iterator[tuple[Any, int, int]]:
            for number in range(self._bins):
                yield self.read(number, number + 1, None), number + 1, self._bins

        return readers.Parts(_size(self.path), read)

    @cached_property
    def header(self) -> GroundTruth:
        """What the ground truth says of all images and categories, without its objects."""
        header = GroundTruth([], [], np.zeros((0, 4)))
        header.images, header.categories, header.names = [], self.categories, self.names
        for number in range(self._bins):
            truth = self.read(number, number + 1, None)
            header.images += truth.images
            header.sizes |= truth.sizes
            header.files |= truth.files
        return header


class _Filling(NamedTuple):
    """What is read into bins, and how."""

    path: Any
    parts: readers.Parts
    options: readers.Options
    #: Bytes that reading may take.
    memory: int
    problems: readers.Problems
    #: The ground truth, if these are detections.
    truth: _Records | _Columns | None
    told: Progress


class _Columns:
    """A source of another format, whose reader makes columns of one part after another."""

    odd = False

    def __init__(
        self,
        path: Any,
        parts: readers.Parts,
        folder: Path,
        bins: int,
        options: readers.Options,
        memory: int,
        problems: readers.Problems,
        truth: _Records | _Columns | None = None,
    ) -> None:
        role: readers.Role = "ground_truth" if truth is None else "detections"
        self.role, self.folder, self.similarity, self._bins = role, folder, options.similarity, bins
        #: What the ground truth says of all images and categories, with an object of each category.
        self.header: GroundTruth = GroundTruth([], [], np.zeros((0, 4)))
        self._fields = FieldsInParts(options.image_fields, role)
        with reading(options.progress, path) as told:
            self._fill(_Filling(path, parts, options, memory, problems, truth, told))
        if truth is None:
            if self.header.listed is not None:
                # Of the images of one part its reader has seen to it.
                repeated(self.header.images or (), role, readers.Problems(), "row")
            self.header = readers.named(self.header, options)
        self.categories, self.names, self.groups = self.header.categories, self.header.names, self.header.groups

    def _fill(self, filling: _Filling) -> None:
        """Reads one part after another, and puts the objects of each into the bins."""
        path, parts, options, memory, problems, truth, told = filling
        role = self.role
        reader = readers.reader_of(path, role, options.format)
        # An eighth of the memory for what is read at a time.
        rows = max(1000, memory // (8 * _ROW * (_OBJECTS if compares_masks(options.similarity) else 1)))
        start = 0
        for part, done, total in parts.read(rows):
            of_part = readers.Problems(problems.mode)
            try:
                objects: Any
                if truth is None:
                    objects = reader.ground_truth(part, options, of_part)
                    if getattr(objects, "listed", None) == "by position":
                        raise InputError('memory_limit: each image needs "image_id"', role)
                    self._learn(objects)
                elif isinstance(part, os.PathLike):
                    objects = reader.detections(part, options, of_part, truth.header)
                else:
                    # A table says all itself, unless it has names.
                    objects = reader.detections(part, options, of_part, None)
                    if isinstance(objects.image_ids, list) or isinstance(objects.category_ids, list):
                        objects = with_known_ids(objects, truth.header)
            except InputError as error:
                raise self._moved(readers.coded(error), start) from None
            problems.take(of_part, functools.partial(self._moved, rows=start))
            self._write(objects, start)
            # A table's rows are counted with those that are left out.
            start += len(objects) + (0 if isinstance(part, os.PathLike) else of_part.left_out[role])
            told.at(told.total * done // max(total, 1))

    def _moved(self, error: InputError, rows: int) -> InputError:
        """An error about a row of a part as that of the whole, before which there are so many rows."""
        # Label files have lines of their own.
        if error.record is None or not (error.source or "").startswith(self.role):
            return error
        return error.replace(record=rows + error.record)

    def _learn(self, part: GroundTruth) -> None:
        """Takes what a part says of images and categories."""
        header = self.header
        ids = plain_ids(part.category_ids)
        first = {id: row for row, id in reversed(list(enumerate(ids)))}
        new = [row for id, row in first.items() if id not in header.category_ids]
        if new:
            one = part.take(np.array(sorted(new), dtype=np.int64))
            header.category_ids = [*header.category_ids, *plain_ids(one.category_ids)]
            header.image_ids = [*header.image_ids, *plain_ids(one.image_ids)]
        if part.images is not None:
            header.images = [*(header.images or ()), *part.images]
        header.listed = part.listed
        header.sizes |= part.sizes
        header.files |= part.files
        self._fields.add(part.image_fields)
        if part.categories is not None:
            known = dict.fromkeys([*(header.categories or ()), *part.categories])
            header.categories, header.names = list(known), {**header.names, **part.names}

    def _write(self, objects: Any, start: int) -> None:
        """Puts objects into the bins of their images."""
        if not len(objects):
            return
        of_bin = _core.bins_of(objects.image_ids, self._bins)
        order = np.argsort(of_bin, kind="stable")
        bins, starts = np.unique(of_bin[order], return_index=True)
        numbers = np.arange(len(objects)) if objects.numbers is None else objects.numbers
        for number, rows in zip(bins.tolist(), np.split(order, starts[1:]), strict=True):
            piece = objects.take(rows)
            if isinstance(piece, GroundTruth):
                # The header has those of all images.
                piece.images, piece.sizes, piece.files, piece.own_fields = None, {}, {}, None
            with open(self.folder / f"{self.role}-{number}", "ab") as file:
                pickle.dump((start + numbers[rows], piece), file, protocol=pickle.HIGHEST_PROTOCOL)

    def read(self, first: int, end: int, truth: Any) -> GroundTruth | Detections:
        del truth  # All images are known.
        pieces: list[Any] = [objects for _, objects in self._pieces(first, end)]
        nothing = _nothing(self.similarity)
        if self.role == "detections":
            found: Detections = joined(pieces) if pieces else Detections([], [], [], **nothing)
            return self._in_order(found, first, end)
        side: GroundTruth = joined(pieces) if pieces else GroundTruth([], [], **nothing)
        side.images = self._images(first, end)
        side.sizes = {id: size for id in side.images or () if (size := self.header.sizes.get(id)) is not None}
        side.categories, side.names, side.groups = self.categories, self.names, self.groups
        images = side.images or side.image_ids
        side.own_fields = lambda: self._fields.of_images(dict.fromkeys(plain_ids(images)))
        return side

    def _images(self, first: int, end: int) -> list[Any] | None:
        """The images of some bins."""
        images = self.header.images
        if images is None:
            return None
        return [images[row] for row in np.flatnonzero((self._image_bins >= first) & (self._image_bins < end)).tolist()]

    @cached_property
    def _image_bins(self) -> np.ndarray:
        bins: np.ndarray = _core.bins_of(as_ids(self.header.images, "images"), self._bins)
        return bins

    def records(self, first: int, end: int, images: bool) -> np.ndarray:
        del images  # Only COCO's records have a list of images.
        return np.concatenate([np.zeros(0, dtype=np.int64), *(rows for rows, _ in self._pieces(first, end))])

    def _in_order(self, found: Detections, first: int, end: int) -> Detections:
        return found

    def _pieces(self, first: int, end: int) -> Iterator[tuple[np.ndarray, Any]]:
        for number in range(first, end):
            path = self.folder / f"{self.role}-{number}"
            if not path.exists():
                continue
            with open(path, "rb") as file:
                while True:
                    try:
                        yield pickle.load(file)
                    except EOFError:
                        break


class _LookedUp(_Columns):
    """COCO results that name their images: partitioned again, by the ids that the ground truth has for these."""

    def __init__(
        self,
        given: _Records,
        folder: Path,
        bins: int,
        options: readers.Options,
        memory: int,
        problems: readers.Problems,
        truth: _Records | _Columns,
    ) -> None:
        self._given = given
        super().__init__(given.path, given.parts(), folder, bins, options, memory, problems, truth)

    def _fill(self, filling: _Filling) -> None:
        options, problems, told = filling.options, filling.problems, filling.told
        header = None if filling.truth is None else filling.truth.header
        for part, done, total in filling.parts.read(0):
            numbers = self._given.records(done - 1, done, False)
            try:
                objects: Any = Coco().detections(part, options, problems, header)
            except InputError as error:
                error = readers.coded(error)
                raise (error if error.record is None else error.replace(record=int(numbers[error.record]))) from None
            objects.numbers = numbers if objects.numbers is None else numbers[objects.numbers]
            self._write(objects, 0)
            told.at(told.total * done // total)

    def _in_order(self, found: Detections, first: int, end: int) -> Detections:
        """The detections in the order of the file: of equal scores the first one counts."""
        order = np.argsort(super().records(first, end, False), kind="stable")
        found = found.take(order)
        found.numbers = None
        return found

    def records(self, first: int, end: int, images: bool) -> np.ndarray:
        return np.sort(super().records(first, end, images))


def _nothing(similarity: SimilarityName) -> dict[str, Any]:
    empty = {"boxes": np.zeros((0, 4))}
    if compares_masks(similarity):
        return {"masks": []}
    return {**empty, "keypoints": np.zeros((0, 0, 3))} if similarity == "keypoints" else empty
