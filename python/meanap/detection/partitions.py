"""The two sides of an evaluation in shards: each partitioned by image into bins, which are read back bin by bin."""

from __future__ import annotations

import collections
import functools
import os
import pickle
from abc import ABC, abstractmethod
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
from meanap.readers._coco_rows import groups_of, listed, names_of
from meanap.readers._image_fields import FieldsInParts
from meanap.readers._known_ids import with_ids, with_known_ids
from meanap.readers._nested import by_object
from meanap.readers._record_fields import with_coco_fields
from meanap.readers.coco import Coco
from meanap.readers.jsonl import JsonLines, Zstandard, records
from meanap.readers.sides import Detections, GroundTruth, joined, plain_ids

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = [
    "COLUMNS_TIMES",
    "OBJECTS_TIMES",
    "PartitionedColumns",
    "PartitionedRecords",
    "PartitionedSide",
    "RecordsOfNamedImages",
    "unpacked_size",
]

#: How many bytes columns, and what matching makes of them, take for each byte of a record's text; the same of Python
#: objects.
COLUMNS_TIMES, OBJECTS_TIMES = 2, 12
#: Bytes that a row of a table takes while it is read, roughly.
_ROW = 200
#: How many times as large as their Zstandard file COCO files are, roughly.
_OF_ZSTANDARD = 8


def unpacked_size(path: Any) -> int:
    """How many bytes a file has once it is unpacked, as far as it says so."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(4)
        if start[:2] == b"\x1f\x8b" and size > 4:
            # A gzip file ends with its content's size modulo 2^32.
            file.seek(-4, os.SEEK_END)
            return max(size, int.from_bytes(file.read(), "little"))
    return _OF_ZSTANDARD * size if start == b"\x28\xb5\x2f\xfd" else size


class PartitionedSide(ABC):
    """Ground truth or detections, partitioned by image into bins.

    Attributes
    ----------
    categories : list, optional
        Ids of all categories; None if they are not declared.
    names : dict
        Names of categories, by id.
    groups : dict
        Categories of each group (LVIS's frequencies), by its name.
    odd : bool
        Whether some records are read as Python objects, which take more memory than columns.
    """

    categories: list[Any] | None
    names: dict[Any, str]
    groups: dict[str, list[Any]]
    odd: bool = False

    @property
    @abstractmethod
    def header(self) -> GroundTruth:
        """What the ground truth says of all images and categories, without most of its objects."""

    @abstractmethod
    def read(self, first: int, end: int, truth: Any) -> Any:
        """The objects of bins `first` to `end - 1`; `truth` is the ground truth of these bins, None if these are it."""

    @abstractmethod
    def records(self, first: int, end: int, images: bool) -> np.ndarray:
        """Positions in the whole source of the records of bins `first` to `end - 1`; with `images`, of the images."""


class PartitionedRecords(PartitionedSide):
    """A COCO file, or one that is unpacked into a COCO file."""

    def __init__(
        self,
        path: Any,
        role: readers.Role,
        folder: Path,
        bins: int,
        options: readers.Options,
        memory: int,
        problems: readers.Problems,
    ) -> None:
        self.path: Any = path
        self._similarity, self._bins = options.similarity, bins
        self._is_truth = role == "ground_truth"
        reader = readers.reader_of(path, role, options.format)
        if isinstance(reader, (JsonLines, Zstandard)):
            plain = folder / f"{role}.json"
            try:
                reader.unpack(path, plain, role, problems)
            except InputError as error:
                raise readers.coded(error) from None
        else:
            plain = path
        by_python = False
        with reading(options.progress, plain) as progress:
            report = None if options.progress is False else progress.at

            def partition(kind: Literal["dataset", "results"], name: str) -> _core.PartitionedFile:
                return _core.partition_file(plain, kind, folder / name, bins, memory // 16, report)

            try:
                try:
                    self._file = partition("dataset" if self._is_truth else "results", role)
                except InputError as error:
                    if self._is_truth or error.code != "wrong-kind-of-file":
                        raise
                    # A data set whose annotations have scores, not a list of results: Python reads it.
                    self._file = partition("dataset", "others")
                    by_python = True
            except InputError as error:
                if plain != path:
                    error = error.replace(source=os.fsdecode(path))
                if isinstance(reader, JsonLines) and error.code == "not-json":
                    # Raises the error of the line.
                    collections.deque(records(path, role, readers.Problems()), 0)
                raise error.at(role) from None
            finally:
                if plain != path:
                    plain.unlink()
        if self._file.fallback is not None:
            raise InputError(f"memory_limit: {self._file.fallback}", f"{role}: {os.fsdecode(path)}")
        given: Any = self._file.categories() if self._is_truth else None
        if given is not None:
            given = listed({"categories": given}, "categories", "ground_truth")
        self.names: dict[Any, str] = names_of(given or ())
        self.groups: dict[str, list[Any]] = groups_of(given or ())
        self.categories: list[Any] | None = None if given is None else list(self.names)
        # The first bin shows whether columns can hold the records: it is small, and the others are like it.
        self.odd: bool = by_python or self._file.odd or (self._is_truth and self.read(0, 1, None).columns is None)

    def read(self, first: int, end: int, truth: Any) -> Any:
        dataset = self._file.read(first, end)
        if self._is_truth:
            return TruthFile(self.path, self._similarity, dataset=dataset)
        truth = truth if isinstance(truth, TruthFile) else None
        return DetectionFile(self.path, self._similarity, truth, dataset=dataset)

    def records(self, first: int, end: int, images: bool) -> np.ndarray:
        return self._file.records(first, end, images)

    def name_images(self, truth: PartitionedSide, options: readers.Options) -> bool:
        """Whether these results name their images otherwise than by the ids by which they are partitioned."""
        for number in range(self._bins):
            value = self._file.read(number, number + 1).load()
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

        return readers.Parts(unpacked_size(self.path), read)

    @cached_property
    def header(self) -> GroundTruth:
        header = GroundTruth([], [], np.zeros((0, 4)))
        header.images, header.categories, header.names = [], self.categories, self.names
        for number in range(self._bins):
            truth = self.read(number, number + 1, None)
            header.images += truth.images
            header.sizes |= truth.sizes
            header.files |= truth.files
        return header


class _PartsToPartition(NamedTuple):
    """A source in parts that are put into bins, and how they are read."""

    path: Any
    parts: readers.Parts
    options: readers.Options
    #: Bytes that reading may take.
    memory: int
    problems: readers.Problems
    #: The ground truth, if these are detections.
    truth: PartitionedSide | None
    progress: Progress


class PartitionedColumns(PartitionedSide):
    """A source of another format, whose reader makes columns of one part after another."""

    def __init__(
        self,
        path: Any,
        parts: readers.Parts,
        folder: Path,
        bins: int,
        options: readers.Options,
        memory: int,
        problems: readers.Problems,
        truth: PartitionedSide | None = None,
    ) -> None:
        role: readers.Role = "ground_truth" if truth is None else "detections"
        self._role, self._folder, self._similarity, self._bins = role, folder, options.similarity, bins
        # With an object of each category.
        self._header = GroundTruth([], [], np.zeros((0, 4)))
        self._fields = FieldsInParts(options.image_fields, role)
        # What the parts so far have: objects, rows of a table, and of a table with a row for each image the first rows
        # of the images.
        self._objects_before = self._rows_before = 0
        self._first_rows: dict[Any, int] = {}
        with reading(options.progress, path) as progress:
            self._partition(_PartsToPartition(path, parts, options, memory, problems, truth, progress))
        if truth is None:
            self._header = readers.named(self._header, options)
        self.categories: list[Any] | None = self._header.categories
        self.names: dict[Any, str] = self._header.names
        self.groups: dict[str, list[Any]] = self._header.groups

    @property
    def header(self) -> GroundTruth:
        return self._header

    def _partition(self, given: _PartsToPartition) -> None:
        """Reads one part after another, and puts the objects of each into the bins."""
        _, parts, options, memory, problems, _, progress = given
        # An eighth of the memory for what is read at a time.
        rows = max(1000, memory // (8 * _ROW * (OBJECTS_TIMES if compares_masks(options.similarity) else 1)))
        for part, done, total in parts.read(rows):
            try:
                self._take(part, given, readers.Problems() if problems.mode == "first" else problems)
            except InputError as error:
                if problems.mode != "first" or error.record is None:
                    raise
                problems.keep(error)
                try:
                    self._take(part, given, problems)
                except InputError as other:
                    problems.keep(other)
                return
            progress.at(progress.total * done // max(total, 1))

    def _take(self, part: Any, given: _PartsToPartition, problems: readers.Problems) -> None:
        """Puts the objects of a part into the bins, and what it says of images and categories into the header."""
        role, rows, of_part = self._role, 0, readers.Problems(problems.mode)
        moved = functools.partial(self._moved, rows=self._objects_before)
        try:
            if hasattr(part, "num_rows"):
                # Perhaps a row for each image.
                rows = part.num_rows
                part = by_object(part, role, problems, self._rows_before, self._first_rows) or part
        except InputError as error:
            raise readers.coded(error) from None
        try:
            objects = self._read_part(part, given, of_part)
        except InputError as error:
            raise moved(readers.coded(error)) from None
        finally:
            problems.take(of_part, moved)
        if isinstance(objects, GroundTruth):
            self._learn(objects)
        self._write(objects, self._objects_before)
        self._rows_before += rows
        # A table's rows are counted with those that are left out.
        self._objects_before += len(objects) + (0 if isinstance(part, os.PathLike) else of_part.left_out[role])

    def _read_part(self, part: Any, given: _PartsToPartition, problems: readers.Problems) -> Any:
        """The objects of a part."""
        options, truth = given.options, given.truth
        reader = readers.reader_of(given.path, self._role, options.format)
        if truth is None:
            return reader.ground_truth(part, options, problems)
        if isinstance(part, os.PathLike):
            return reader.detections(part, options, problems, truth.header)
        # A table says all itself, unless it has names.
        objects: Any = reader.detections(part, options, problems, None)
        named = isinstance(objects.image_ids, list) or isinstance(objects.category_ids, list)
        return with_known_ids(objects, truth.header) if named else objects

    def _moved(self, error: InputError, rows: int) -> InputError:
        """An error about a row of a part as that of the whole, before which there are so many rows."""
        # Label files have lines of their own.
        if error.record is None or not (error.source or "").startswith(self._role):
            return error
        return error.replace(record=rows + error.record)

    def _learn(self, part: GroundTruth) -> None:
        """Add to the header what a part says of images and categories."""
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
        """Append objects to the files of their images' bins, with their positions in the whole source."""
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
            with open(self._folder / f"{self._role}-{number}", "ab") as file:
                pickle.dump((start + numbers[rows], piece), file, protocol=pickle.HIGHEST_PROTOCOL)

    def read(self, first: int, end: int, truth: Any) -> GroundTruth | Detections:
        del truth  # All images are known.
        pieces: list[Any] = [objects for _, objects in self._pieces(first, end)]
        nothing = _nothing(self._similarity)
        if self._role == "detections":
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
            path = self._folder / f"{self._role}-{number}"
            if not path.exists():
                continue
            with open(path, "rb") as file:
                while True:
                    try:
                        yield pickle.load(file)
                    except EOFError:
                        break


class RecordsOfNamedImages(PartitionedColumns):
    """COCO results that name their images by file: partitioned again, by the ids that the ground truth has for them."""

    def __init__(
        self,
        given: PartitionedRecords,
        folder: Path,
        bins: int,
        options: readers.Options,
        memory: int,
        problems: readers.Problems,
        truth: PartitionedSide,
    ) -> None:
        self._given = given
        super().__init__(given.path, given.parts(), folder, bins, options, memory, problems, truth)

    def _partition(self, given: _PartsToPartition) -> None:
        options, problems, progress = given.options, given.problems, given.progress
        header = None if given.truth is None else given.truth.header
        for part, done, total in given.parts.read(0):
            numbers = self._given.records(done - 1, done, False)
            moved = functools.partial(_numbered, numbers=numbers)
            of_part = readers.Problems(problems.mode)
            try:
                objects: Any = Coco().detections(part, options, of_part, header)
            except InputError as error:
                problems.keep(moved(readers.coded(error)))
                raise (problems.first or error) from None
            problems.take(of_part, moved)
            objects.numbers = numbers if objects.numbers is None else numbers[objects.numbers]
            self._write(objects, 0)
            progress.at(progress.total * done // total)

    def _in_order(self, found: Detections, first: int, end: int) -> Detections:
        """The detections in the order of the file: of equal scores the first one counts."""
        order = np.argsort(super().records(first, end, False), kind="stable")
        found = found.take(order)
        found.numbers = None
        return found

    def records(self, first: int, end: int, images: bool) -> np.ndarray:
        return np.sort(super().records(first, end, images))


def _numbered(error: InputError, numbers: np.ndarray) -> InputError:
    """An error about a row as one about the record that has this number."""
    return error if error.record is None else error.replace(record=int(numbers[error.record]))


def _nothing(similarity: SimilarityName) -> dict[str, Any]:
    empty = {"boxes": np.zeros((0, 4))}
    if compares_masks(similarity):
        return {"masks": []}
    return {**empty, "keypoints": np.zeros((0, 0, 3))} if similarity == "keypoints" else empty
