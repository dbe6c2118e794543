"""Evaluation of files larger than memory, image shard by image shard.

Both files are read once and written apart: each image's objects into the temporary file of its shard. Then one shard
after another is matched. What stays in memory is the match log, some 25 bytes for a detection.
"""

from __future__ import annotations

import math
import os
import pickle
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from meanap import _core
from meanap.detection.inputs import (
    Detections,
    GroundTruth,
    Side,
    coco_ground_truth,
    coco_results,
    detections_from,
    ground_truth_from,
    groups_of,
    joined,
)
from meanap.detection.progress import Progress
from meanap.detection.streams import is_parquet, json_records, parquet_batches

__all__ = ["Sharded", "bytes_of"]

#: Python objects of a JSON record take so many times its text; a row of Parquet unfolds about as much.
_UNFOLDED = 12
#: Bytes of a row of a table, roughly, when it is read.
_ROW = 200
_MOST_SHARDS = 4096

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
        raise ValueError(f"memory_limit: expected a number of bytes such as '2 GB', found {limit!r}")
    return int(number * unit)


class Sharded:
    """Two files, written apart into shards."""

    def __init__(
        self,
        ground_truth: Any,
        detections: Any,
        similarity: str,
        box_format: str,
        memory: int,
        progress: Any,
    ) -> None:
        self.similarity, self.box_format = similarity, box_format
        for name, value in (("ground_truth", ground_truth), ("detections", detections)):
            if not isinstance(value, (str, os.PathLike)):
                raise TypeError(f"{name}: memory_limit is for files; found a {type(value).__name__}")
        sizes = [os.path.getsize(path) for path in (ground_truth, detections)]
        # Half of the memory for a shard, the other half for what waits to be written and for matching.
        self.count = min(max(1, math.ceil(_UNFOLDED * sum(sizes) / (memory / 2))), _MOST_SHARDS)
        self.batch = max(1000, int(memory / 8 / _ROW / _UNFOLDED))
        self.categories: list[dict[str, Any]] | None = None
        self.has_images = False
        self._folder = tempfile.TemporaryDirectory(prefix="meanap-")
        self._files: dict[str, Any] = {}
        self.truth_kind = self._write(ground_truth, "truth", sizes[0], progress)
        self.found_kind = self._write(detections, "found", sizes[1], progress)

    # Writing apart

    def _write(self, path: Any, side: str, size: int, progress: Any) -> str:
        with Progress(progress, size, f"reading {os.path.basename(os.fspath(path))}") as told:
            if is_parquet(path):
                self._write_table(path, side, told)
                return "table"
            self._write_records(path, side, told)
            return "records"

    def _write_table(self, path: Any, side: str, told: Progress) -> None:
        read = ground_truth_from if side == "truth" else detections_from
        for table, done, total in parquet_batches(path, self.batch):
            objects = read(table, self.similarity, self.box_format)
            shard = _shards_of(objects.image_ids, self.count)
            for number in np.unique(shard).tolist():
                _put(self._folder.name, side, number, objects.take(np.flatnonzero(shard == number)))
            told.at(told.total * done // total)

    def _write_records(self, path: Any, side: str, told: Progress) -> None:
        waiting: dict[tuple[str, int], list[Any]] = {}
        count = 0

        def write() -> None:
            for (kind, number), records in waiting.items():
                _put(self._folder.name, kind, number, records)
            waiting.clear()

        for row, (key, record, read) in enumerate(json_records(path)):
            if side == "truth" and key == "categories":
                self.categories = [*(self.categories or ()), record]
                continue
            kind, name = side, "image_id"
            if side == "truth" and key == "images":
                self.has_images, kind, name = True, "images", "id"
            elif key not in ("annotations", None):
                continue
            if not isinstance(record, dict) or name not in record:
                raise ValueError(f'{os.fspath(path)}: element {row}: expected an object with "{name}"')
            if not isinstance(record[name], (int, str)):
                found = f'"{name}" is {record[name]!r}'
                raise ValueError(f"{os.fspath(path)}: element {row}: {found}, expected an integer or a string")
            waiting.setdefault((kind, _shard_of(record[name], self.count)), []).append(record)
            count += 1
            if count % self.batch == 0:
                write()
                told.at(read)
        write()
        told.at(told.total)

    # Matching

    def run(self, log: _core.MatchLog, arrange: Callable[[GroundTruth, Detections], Any], progress: Any) -> None:
        """Matches all shards into a log. `arrange` makes the core's columns of a shard's two sides."""
        with Progress(progress, self.count, "matching shards") as told:
            for number in range(self.count):
                truth, found = self._truth(number), self._found(number)
                log.append(*arrange(truth, found), images=truth.images)
                told.advance(1)

    def _shelf(self, side: str, number: int) -> Iterator[Any]:
        try:
            with open(Path(self._folder.name) / f"{side}-{number}", "rb") as file:
                while True:
                    try:
                        yield pickle.load(file)
                    except EOFError:
                        return
        except FileNotFoundError:
            return

    def _truth(self, number: int) -> GroundTruth:
        pieces = list(self._shelf("truth", number))
        if self.truth_kind == "table":
            return joined(pieces) if pieces else GroundTruth([], [], **_nothing(self.similarity))
        dataset: dict[str, Any] = {"annotations": [record for piece in pieces for record in piece]}
        if self.has_images:
            dataset["images"] = [record for piece in self._shelf("images", number) for record in piece]
        if self.categories is not None:
            dataset["categories"] = self.categories
        return coco_ground_truth(dataset, self.similarity)

    def _found(self, number: int) -> Detections:
        pieces = list(self._shelf("found", number))
        if self.found_kind == "table":
            return joined(pieces) if pieces else Detections([], [], [], **_nothing(self.similarity))
        return coco_results([record for piece in pieces for record in piece], self.similarity)

    @property
    def groups(self) -> dict[str, list[Any]]:
        """Groups of categories."""
        return groups_of(self.categories or ())

    @property
    def names(self) -> dict[Any, str]:
        """Names of categories, by id."""
        return {c["id"]: c.get("name", str(c["id"])) for c in self.categories or ()}


def _put(folder: str, side: str, number: int, piece: Side | list[Any]) -> None:
    with open(Path(folder) / f"{side}-{number}", "ab") as file:
        pickle.dump(piece, file, protocol=pickle.HIGHEST_PROTOCOL)


def _nothing(similarity: str) -> dict[str, Any]:
    empty = {"boxes": np.zeros((0, 4))}
    if similarity == "segm":
        return {"masks": []}
    return {**empty, "keypoints": np.zeros((0, 0, 3))} if similarity == "keypoints" else empty


def _shard_of(id: Any, count: int) -> int:
    return int(id) % count if not isinstance(id, str) else zlib.crc32(id.encode()) % count


def _shards_of(ids: Any, count: int) -> np.ndarray:
    if isinstance(ids, np.ndarray):
        return ids % count
    return np.array([_shard_of(id, count) for id in ids], dtype=np.int64)
