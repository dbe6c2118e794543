"""Evaluation of files larger than memory, image shard by image shard.

Both files are read once and partitioned by image: the records of an image go into its bin, in a temporary
file. A shard is as many bins as fit memory; one after another is read and matched as if it were all there is. What
stays in memory is the match log, some 25 bytes for a detection.
"""

from __future__ import annotations

import collections
import math
import os
import pickle
import re
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meanap import _core, readers
from meanap._progress import reading
from meanap._similarity import compares_masks
from meanap.errors import InputError
from meanap.readers._coco_files import DetectionFile, TruthFile
from meanap.readers._coco_records import groups_of, listed, names_of
from meanap.readers._parquet import parquet_batches
from meanap.readers.jsonl import records
from meanap.readers.sides import Detections, GroundTruth, joined

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
    return int(number * unit)


class Sharded:
    """Two files, partitioned by image."""

    def __init__(
        self,
        ground_truth: Any,
        detections: Any,
        options: readers.Options,
        memory: int,
    ) -> None:
        for name, value in (("ground_truth", ground_truth), ("detections", detections)):
            if not isinstance(value, (str, os.PathLike)):
                raise TypeError(f"{name}: memory_limit is for files; found a {type(value).__name__}")
        similarity, objects = options.similarity, options.image_records

        kinds = [_kind(ground_truth, "ground_truth", options), _kind(detections, "detections", options)]
        size = sum(map(_size, (ground_truth, detections)))

        def shards(objects: bool) -> int:
            # Half of the memory for a shard, the other half for what waits to be written and for matching.
            least = math.ceil((_OBJECTS if objects else _COLUMNS) * size / (memory / 2))
            return min(max(1, least), _MOST_BINS)

        # Masks of tables are Python objects; of other tables, and of no file of records, it is known that nothing is.
        objects = objects or (_Table in kinds and compares_masks(similarity))
        self._bins = shards(objects or _Records in kinds)
        import shutil
        import tempfile

        folder = tempfile.mkdtemp(prefix="meanap-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        made = [
            kind(path, side, Path(folder), self._bins, options, memory)
            for kind, side, path in zip(kinds, ("truth", "found"), (ground_truth, detections), strict=True)
        ]
        self._truth, self._found = made
        self.count: int = shards(objects or any(side.odd for side in made))
        categories = self._truth.categories or ()
        names = names_of(categories)
        if options.names is not None:
            names = {**names, **readers.class_names(options.names)}
        #: Ids of all categories, if they are known.
        self.categories: list[Any] | None = None if self._truth.categories is None else list(names_of(categories))
        self.names = names
        self.groups: dict[str, list[Any]] = groups_of(categories)

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


def _kind(path: Any, role: readers.Role, options: readers.Options) -> type[_Table] | type[_Records]:
    reader = readers.reader_of(path, role, options.format)
    if isinstance(reader, (readers.JsonLines, readers.Zstandard)) or reader.name == "coco":
        return _Records
    if reader.name == "parquet":
        return _Table
    problem = (
        f"memory_limit is for COCO JSON (also gzip and zstd), JSON lines and Parquet, found format {reader.name!r}; "
        "meanap.convert writes COCO JSON and Parquet"
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
    ) -> None:
        self.path, self.side, self.similarity = path, side, options.similarity
        reader = readers.reader_of(path, "ground_truth" if side == "truth" else "detections", options.format)
        if isinstance(reader, (readers.JsonLines, readers.Zstandard)):
            plain = folder / f"{side}.json"
            reader.unpack(path, plain, "ground_truth" if side == "truth" else "detections")
        else:
            plain = path
        with reading(options.progress, plain) as told:
            tell = None if options.progress is False else told.at

            def partition(kind: Literal["dataset", "results"], name: str) -> _core.PartitionedFile:
                return _core.partition_file(plain, kind, folder / name, bins, memory // 16, tell)

            place = "ground_truth" if side == "truth" else "detections"
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
                if isinstance(reader, readers.JsonLines) and error.code == "not-json":
                    # Which line it is, as without a limit.
                    collections.deque(records(path, place, readers.Problems()), 0)
                raise error.at(place) from None
            finally:
                if plain != path:
                    plain.unlink()
        if self.partitioned.fallback is not None:
            raise InputError(f"memory_limit: {self.partitioned.fallback}", f"{place}: {os.fsdecode(path)}")
        self.categories: Any = self.partitioned.categories() if side == "truth" else None
        if self.categories is not None:
            self.categories = listed({"categories": self.categories}, "categories", "ground_truth")
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


class _Table:
    """A Parquet file."""

    categories: list[dict[str, Any]] | None = None
    odd = False

    def __init__(
        self,
        path: Any,
        side: str,
        folder: Path,
        bins: int,
        options: readers.Options,
        memory: int,
    ) -> None:
        self.side, self.folder, self.similarity = side, folder, options.similarity
        read: Any = readers.ground_truth if side == "truth" else readers.detections
        # An eighth of the memory for what is read at a time.
        rows = max(1000, memory // (8 * _ROW * (_OBJECTS if compares_masks(options.similarity) else 1)))
        start = 0
        with reading(options.progress, path) as told:
            for table, done, total in parquet_batches(path, rows):
                try:
                    objects = read(table, options)
                except InputError as error:
                    row = None if error.record is None else start + error.record
                    raise error.replace(record=row) from None
                of_bin = _core.bins_of(objects.image_ids, bins)
                order = np.argsort(of_bin, kind="stable")
                numbers, starts = np.unique(of_bin[order], return_index=True)
                for number, rows_of in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
                    with open(folder / f"{side}-{number}", "ab") as file:
                        piece = start + rows_of, objects.take(rows_of)
                        pickle.dump(piece, file, protocol=pickle.HIGHEST_PROTOCOL)
                told.at(told.total * done // total)
                start = done

    def read(self, first: int, end: int, truth: Any) -> GroundTruth | Detections:
        del truth  # A table says all itself.
        pieces: list[GroundTruth | Detections] = [objects for _, objects in self._pieces(first, end)]
        if pieces:
            return joined(pieces)
        nothing = _nothing(self.similarity)
        return GroundTruth([], [], **nothing) if self.side == "truth" else Detections([], [], [], **nothing)

    def records(self, first: int, end: int, images: bool) -> np.ndarray:
        del images  # A table has none.
        return np.concatenate([rows for rows, _ in self._pieces(first, end)])

    def _pieces(self, first: int, end: int) -> Iterator[tuple[np.ndarray, Any]]:
        for number in range(first, end):
            path = self.folder / f"{self.side}-{number}"
            if not path.exists():
                continue
            with open(path, "rb") as file:
                while True:
                    try:
                        yield pickle.load(file)
                    except EOFError:
                        break


def _nothing(similarity: SimilarityName) -> dict[str, Any]:
    empty = {"boxes": np.zeros((0, 4))}
    if compares_masks(similarity):
        return {"masks": []}
    return {**empty, "keypoints": np.zeros((0, 0, 3))} if similarity == "keypoints" else empty
