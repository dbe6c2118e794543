"""The registry of formats: the name of each, the class of its reader, and which sources that reader may recognise.

The module of a reader is imported when its format is named, or when a source could be of its format.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

from meanap import _core
from meanap.readers._coco_files import DetectionFile, TruthFile
from meanap.readers._reader import Reader, Role, head, is_folder, is_path
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["READERS", "Listed", "Look"]

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
        return head(self._source).removeprefix(b"\xef\xbb\xbf").lstrip()

    def ends(self, *endings: str) -> bool:
        """Whether the name of the file ends in one of these, in upper or lower case."""
        path: str = os.fspath(self._source)
        return path.lower().endswith(endings)

    def begins(self, *starts: bytes) -> bool:
        """Whether the file begins with one of these, after a byte order mark and white space."""
        return self._start.startswith(starts)

    def holds(self, *words: bytes) -> bool:
        """Whether the first 4 KiB of the file contain one of these."""
        return any(word in self._start for word in words)


class Listed(NamedTuple):
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
    *(b'"boxes"', b'"labels"', b'"bboxes"'),
    *(b'"annotations"', b'"instances"', b'"predictions"', b'"detections"', b'"objects"'),
)

#: All formats, in the order in which they are tried.
READERS: tuple[Listed, ...] = (
    Listed("columns", "objects:Columns", ("read",)),
    Listed("oriented", "oriented:Oriented", ("mapping",)),
    Listed("array", "arrays:Arrays", ("object",)),
    Listed("image-arrays", "arrays:ImageArrays", ("mapping", "sequence", "object")),
    Listed("parquet", "tables:Parquet", (), lambda file: file.begins(b"PAR1")),
    Listed("transformers", "hubs:Transformers", ("mapping", "sequence")),
    Listed("nuscenes", "nuscenes:NuScenes", ("mapping",), lambda file: file.holds(b'"translation"')),
    Listed(
        "fiftyone", "fiftyone:FiftyOne", ("mapping", "sequence", "object"), lambda file: file.holds(b'"bounding_box"')
    ),
    Listed(
        "activitynet",
        "activitynet:ActivityNet",
        ("mapping",),
        lambda file: file.ends(".json") and file.holds(b'"database"', b'"parentName"', b'"segment"'),
    ),
    Listed(
        "youtubevis",
        "youtubevis:YoutubeVis",
        ("mapping", "sequence"),
        lambda file: file.holds(b'"videos"', b'"segmentations"'),
    ),
    Listed("list", "lists:Lists", ("mapping", "sequence")),
    Listed("voc", "voc:Voc", ("folder",), lambda file: file.ends(".txt")),
    Listed("dota", "dota:Dota", ("folder",), lambda file: file.ends(".txt")),
    Listed("kitti", "kitti:Kitti", ("folder",)),
    Listed("labelme", "labelme:LabelMe", ("folder",)),
    Listed("cvat", "cvat:Cvat", (), lambda file: file.ends(".xml")),
    Listed(
        "createml",
        "createml:CreateMl",
        (),
        lambda file: file.begins(b"[") and file.holds(b'"image"', b'"imagefilename"', b'"annotations"'),
    ),
    Listed("openimages", "openimages:OpenImages", ("folder",), lambda file: file.ends(".csv")),
    Listed("visdrone", "visdrone:VisDrone", ("folder",)),
    Listed(
        "widerface", "widerface:WiderFace", ("folder",), lambda file: not file.begins(b"{", b"[", b"<", b"\x1f\x8b")
    ),
    Listed("cityscapes", "cityscapes:Cityscapes", ("folder",)),
    Listed("yolo", "yolo:Yolo", ("folder",), lambda file: file.ends(".yaml", ".yml")),
    Listed("darknet", "yolo:Darknet", ("folder",)),
    Listed("coco-object", "objects:CocoObjects", ("object",)),
    Listed("supervision", "hubs:Supervision", ("mapping", "sequence", "object")),
    Listed("ultralytics", "hubs:Ultralytics", ("mapping", "sequence", "object")),
    Listed("instances", "hubs:Instances", ("mapping", "sequence", "object")),
    Listed(
        "roboflow",
        "roboflow:Roboflow",
        ("folder", "mapping", "sequence", "object"),
        lambda file: file.holds(b'"predictions"'),
    ),
    Listed("datasets", "datasets:Datasets", ("mapping", "object")),
    Listed("csv", "table_files:Csv", (), lambda file: file.ends(".csv", ".tsv", ".tab")),
    Listed("arrow", "table_files:Arrow", (), lambda file: file.begins(b"ARROW1", b"\xff\xff\xff\xff")),
    Listed("npy", "table_files:Npy", (), lambda file: file.begins(b"\x93NUMPY")),
    Listed("crowdhuman", "crowdhuman:CrowdHuman", (), lambda file: file.holds(b'"gtboxes"', b'"dtboxes"')),
    Listed(
        "jsonl",
        "jsonl:JsonLines",
        (),
        lambda file: file.holds(b"}\n", b"}\r\n") or file.ends(".jsonl", ".ndjson", ".jsonl.gz"),
    ),
    Listed("zstd", "jsonl:Zstandard", (), lambda file: file.begins(b"\x28\xb5\x2f\xfd")),
    Listed("groups", "groups:Groups", ("mapping", "sequence")),
    Listed("citypersons", "citypersons:CityPersons", ("mapping",), lambda file: file.holds(b'"im_name"')),
    Listed(
        "json",
        "json_objects:JsonObjects",
        (),
        lambda file: (
            (file.begins(b"[") and file.holds(*_OF_ITEMS))
            or (file.begins(b"{") and not file.holds(b'"annotations"', b'"images"', b'"categories"'))
        ),
    ),
    Listed("annotations", "coco:Annotations", ("sequence",)),
    Listed("coco", "coco:Coco", ("mapping", "sequence", "read"), lambda file: True),
    Listed("table", "tables:Tables", ("mapping", "object")),
)
