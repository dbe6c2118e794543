"""Evaluation of files larger than memory, image shard by image shard.

Both files, or folders of label files, are read once and partitioned by image: the records of an image go into its bin,
in a temporary file. A shard is as many consecutive bins as fit into memory; the shards are read and matched one after
another, each like a whole data set. What stays in memory is the match log, 24 bytes per detection and up to twice as
much where its columns grow by copies; its table has as much again, and both are there while the table is made.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

from meanap import readers
from meanap._arrays import kind_of
from meanap._similarity import compares_masks
from meanap.detection.partitions import (
    COLUMNS_TIMES,
    OBJECTS_TIMES,
    PartitionedColumns,
    PartitionedRecords,
    PartitionedSide,
    RecordsOfNamedImages,
    unpacked_size,
)
from meanap.errors import InputError
from meanap.readers.jsonl import JsonLines, Zstandard

__all__ = ["Sharded", "bytes_of"]

_MOST_BINS = 4096

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
    """Two files or folders, partitioned by image; `read` reads ground truth and detections of a shard.

    Parameters
    ----------
    ground_truth, detections
        Paths.
    options
        How they are read.
    memory
        Bytes that reading and matching may take.
    problems
        Takes what is wrong with either source; with mode ``"first"`` the first error of a source ends its reading.

    Attributes
    ----------
    count : int
        How many shards there are.
    categories : list, optional
        Ids of all categories; None if they are not declared.
    names : dict
        Names of categories, by id.
    groups : dict
        Categories of each group (LVIS's frequencies), by its name.

    Raises
    ------
    InputError
        A source cannot be read, or only whole.
    TypeError
        A source is not a path.
    """

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
                raise TypeError(f"{name}: memory_limit is for files; found {kind_of(value)}")
        similarity, objects = options.similarity, options.image_records

        parts = [_parts(ground_truth, "ground_truth", options), _parts(detections, "detections", options)]
        paths = (ground_truth, detections)
        size = sum(unpacked_size(path) if part is None else part.size for path, part in zip(paths, parts, strict=True))

        def shards(objects: bool) -> int:
            # Half of the memory is for a shard, the other half for writing the bins and for matching.
            least = math.ceil((OBJECTS_TIMES if objects else COLUMNS_TIMES) * size / (memory / 2))
            return min(max(1, least), _MOST_BINS)

        # Boxes of formats other than COCO's are columns, and their masks are Python objects. Whether COCO's records
        # can be columns is not known before they are read.
        objects = objects or (parts != [None, None] and compares_masks(similarity))
        self._bins = shards(objects or None in parts)
        folder = tempfile.mkdtemp(prefix="meanap-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        how = (Path(folder), self._bins, options, memory, problems)
        of_truth, of_found = parts
        self._truth: PartitionedSide = (
            PartitionedRecords(ground_truth, "ground_truth", *how)
            if of_truth is None
            else PartitionedColumns(ground_truth, of_truth, *how)
        )
        self._found: PartitionedSide
        if of_found is not None:
            self._found = PartitionedColumns(detections, of_found, *how, truth=self._truth)
        else:
            records = self._found = PartitionedRecords(detections, "detections", *how)
            if records.odd and records.name_images(self._truth, options):
                self._found = RecordsOfNamedImages(records, *how, truth=self._truth)
        self.count: int = shards(objects or self._truth.odd or self._found.odd)
        names = dict(self._truth.names)
        if options.names is not None and isinstance(self._truth, PartitionedRecords):
            names |= readers.class_names(options.names)
        self.categories: list[Any] | None = self._truth.categories
        self.names = names
        self.groups: dict[str, list[Any]] = self._truth.groups

    def read(self, number: int) -> tuple[Any, Any]:
        """Ground truth and detections of a shard."""
        bins = self._of(number)
        truth = self._truth.read(*bins, None)
        return truth, self._found.read(*bins, truth)

    def _of(self, number: int) -> tuple[int, int]:
        return number * self._bins // self.count, (number + 1) * self._bins // self.count

    def placed(self, error: InputError, number: int) -> InputError:
        """An error about a row of shard `number`, as one about the row of the whole file."""
        argument, *within = (error.source or "").split(": ")
        if error.record is None or within[:1] == ["categories"]:  # All shards have all categories.
            return error
        side = self._truth if argument.lower().startswith("ground") else self._found
        rows = side.records(*self._of(number), within[:1] == ["images"])
        return error.replace(record=int(rows[error.record]))


def _parts(path: Any, role: readers.Role, options: readers.Options) -> readers.Parts | None:
    """The parts of a source that its reader reads one by one; None for COCO's records, which the core partitions."""
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
