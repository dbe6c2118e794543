"""The registry of formats: the name of each, the class of its reader, and which sources that reader may recognise.

The module of a reader is imported when its format is named, or when a source could be of its format.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

from meanap import _core
from meanap.readers._coco_files import DetectionFile, TruthFile
from meanap.readers._reader import LISTS, Reader, Role, ends, is_folder, is_path, start_of
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["READERS", "ListedFormat", "Look"]

Kind: TypeAlias = Literal["file", "folder", "mapping", "sequence", "read", "object"]


class Look:
    """Properties of a source that distinguish most formats, computed once for all of them."""

    def __init__(self, source: Any) -> None:
        self._source = source

    @cached_property
    def kind(self) -> Kind:
        """The kind of the source.

        A path is a folder, or else a file, even if it does not exist; "read" is what a reader returns.
        """
        if is_path(self._source):
            return "folder" if is_folder(self._source) else "file"
        if isinstance(self._source, Mapping):
            return "mapping"
        if isinstance(self._source, (list, tuple)):
            return "sequence"
        read = (GroundTruth, Detections, TruthFile, DetectionFile, _core.Objects)
        return "read" if isinstance(self._source, read) else "object"

    @cached_property
    def _start(self) -> bytes:
        return start_of(self._source)

    def ends(self, *endings: str) -> bool:
        """Whether the name of the file ends in one of these, in upper or lower case, before that of gzip."""
        return ends(self._source, *endings)

    def begins(self, *starts: bytes) -> bool:
        """Whether the file begins with one of these, as `start_of` gives it."""
        return self._start.startswith(starts)

    def begins_as(self, pattern: re.Pattern[bytes]) -> bool:
        """Whether a pattern matches the first 4 KiB of the file from their beginning."""
        return pattern.match(self._start) is not None

    def holds(self, *words: bytes) -> bool:
        """Whether the first 4 KiB of the file contain one of these."""
        return any(word in self._start for word in words)


class ListedFormat(NamedTuple):
    """A format as the registry lists it.

    Parameters
    ----------
    name
        The name of the format in `Options.format` and ``--format``.
    home
        ``"module:Class"``: the module in this package, and the subclass of `Reader` in it.
    kinds
        The kinds of sources, other than files, that can be of this format.
    file
        Whether a file may be of this format: it must return True for every file that is. None if no file is.
    """

    name: str
    home: str
    kinds: tuple[Kind, ...] = ()
    file: Callable[[Look], bool] | None = None

    @property
    def in_memory(self) -> bool:
        """Whether all sources of this format are objects in memory, so that `Options.format` cannot name it."""
        return self.file is None and "folder" not in self.kinds

    def reader(self) -> Reader:
        """An instance of the reader; its module is imported now."""
        module, name = self.home.split(":")
        made: Reader = getattr(importlib.import_module(f"meanap.readers.{module}"), name)()
        return made

    def admits(self, look: Look) -> bool:
        """Whether a source may be of this format, so that its reader has to be imported to decide."""
        if look.kind == "file":
            return self.file is not None and self.file(look)
        return look.kind in self.kinds

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether a source is of this format."""
        return self.admits(Look(source)) and self.reader().sniff(source, role)


#: Names of fields in JSON files that have a dictionary for each image.
_OF_ITEMS = (
    *(b'"boxes"', b'"labels"', b'"bboxes"', b'"masks"'),
    *(b'"annotations"', b'"instances"', b'"predictions"', b'"detections"', b'"objects"'),
)

#: All formats, in the order in which they are tried.
READERS: tuple[ListedFormat, ...] = (
    ListedFormat("columns", "objects:OwnObjects", ("read",)),
    ListedFormat("oriented", "oriented:Oriented", ("mapping",)),
    ListedFormat("array", "arrays:Arrays", ("object",)),
    ListedFormat("image-arrays", "arrays:ImageArrays", ("mapping", "sequence", "object")),
    ListedFormat("parquet", "tables:Parquet", (), lambda file: file.begins(b"PAR1")),
    ListedFormat("transformers", "hubs:Transformers", ("mapping", "sequence")),
    ListedFormat("nuscenes", "nuscenes:NuScenes", ("mapping",), lambda file: file.holds(b'"translation"')),
    ListedFormat(
        "fiftyone", "fiftyone:FiftyOne", ("mapping", "sequence", "object"), lambda file: file.holds(b'"bounding_box"')
    ),
    ListedFormat(
        "activitynet",
        "activitynet:ActivityNet",
        ("mapping",),
        lambda file: file.ends(".json") and file.holds(b'"database"', b'"parentName"', b'"segment"'),
    ),
    ListedFormat(
        "youtubevis",
        "youtubevis:YoutubeVis",
        ("mapping", "sequence"),
        lambda file: file.holds(b'"videos"', b'"segmentations"'),
    ),
    ListedFormat("list", "lists:Lists", ("mapping", "sequence")),
    ListedFormat("voc", "voc:Voc", ("folder",), lambda file: file.ends(".txt")),
    ListedFormat("dota", "dota:Dota", ("folder",), lambda file: file.ends(".txt")),
    ListedFormat("kitti", "kitti:Kitti", ("folder",)),
    ListedFormat("labelme", "labelme:LabelMe", ("folder",)),
    ListedFormat("cvat", "cvat:Cvat", (), lambda file: file.ends(".xml")),
    ListedFormat(
        "createml",
        "createml:CreateMl",
        (),
        lambda file: file.begins(b"[") and file.holds(b'"image"', b'"imagefilename"', b'"annotations"'),
    ),
    ListedFormat("openimages", "openimages:OpenImages", ("folder",), lambda file: file.ends(".csv")),
    ListedFormat("visdrone", "visdrone:VisDrone", ("folder",)),
    ListedFormat(
        "widerface", "widerface:WiderFace", ("folder",), lambda file: not file.begins(b"{", b"[", b"<", b"\x1f\x8b")
    ),
    ListedFormat("cityscapes", "cityscapes:Cityscapes", ("folder",)),
    ListedFormat("yolo", "yolo:Yolo", ("folder",), lambda file: file.ends(".yaml", ".yml")),
    ListedFormat("darknet", "yolo:Darknet", ("folder",)),
    ListedFormat("coco-object", "objects:CocoObjects", ("object",)),
    ListedFormat("supervision", "hubs:Supervision", ("mapping", "sequence", "object")),
    ListedFormat("ultralytics", "hubs:Ultralytics", ("mapping", "sequence", "object")),
    ListedFormat("instances", "hubs:Instances", ("mapping", "sequence", "object")),
    ListedFormat(
        "roboflow",
        "roboflow:Roboflow",
        ("folder", "mapping", "sequence", "object"),
        lambda file: file.holds(b'"predictions"'),
    ),
    ListedFormat("datasets", "datasets:Datasets", ("mapping", "object")),
    ListedFormat("csv", "table_files:Csv", (), lambda file: file.ends(".csv", ".tsv", ".tab")),
    ListedFormat("arrow", "table_files:Arrow", (), lambda file: file.begins(b"ARROW1", b"\xff\xff\xff\xff")),
    ListedFormat("npy", "table_files:Npy", (), lambda file: file.begins(b"\x93NUMPY")),
    ListedFormat("crowdhuman", "crowdhuman:CrowdHuman", (), lambda file: file.holds(b'"gtboxes"', b'"dtboxes"')),
    ListedFormat(
        "jsonl",
        "jsonl:JsonLines",
        (),
        lambda file: file.holds(b"}\n", b"}\r\n") or file.ends(".jsonl", ".ndjson"),
    ),
    ListedFormat("zstd", "jsonl:Zstandard", (), lambda file: file.begins(b"\x28\xb5\x2f\xfd")),
    ListedFormat("groups", "groups:Groups", ("mapping", "sequence")),
    ListedFormat("citypersons", "citypersons:CityPersons", ("mapping",), lambda file: file.holds(b'"im_name"')),
    ListedFormat(
        "json",
        "json_objects:JsonObjects",
        (),
        lambda file: (
            (file.begins(b"[") and (file.holds(*_OF_ITEMS) or file.begins_as(LISTS)))
            or (file.begins(b"{") and not file.holds(b'"annotations"', b'"images"', b'"categories"'))
        ),
    ),
    ListedFormat("annotations", "coco:Annotations", ("sequence",)),
    ListedFormat("coco", "coco:Coco", ("mapping", "sequence", "read"), lambda file: True),
    ListedFormat("table", "tables:Tables", ("mapping", "object")),
)
