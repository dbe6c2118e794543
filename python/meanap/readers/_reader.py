"""`Reader`, the base class of the formats: each recognises its sources and reads them into columns."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from meanap._arrays import shown
from meanap._files import beginning, read_json
from meanap._keywords import did_you_mean, is_among
from meanap.errors import InputError
from meanap.readers._coco_files import TruthFile
from meanap.readers._column_names import BOX_COLUMNS
from meanap.readers._parts import Parts
from meanap.readers._problems import Problems
from meanap.readers.sides import Detections, GroundTruth

if TYPE_CHECKING:
    from meanap import _core
    from meanap._types import BoxFormat, SimilarityName

__all__ = [
    "LISTS",
    "Format",
    "Holder",
    "Options",
    "Reader",
    "Role",
    "Truth",
    "ends",
    "head",
    "is_folder",
    "is_path",
    "json_of",
    "start_of",
]

Role: TypeAlias = Literal["ground_truth", "detections"]
Truth: TypeAlias = GroundTruth | TruthFile
#: The name of a reader, or a pair of names, for ground truth and detections; None where it is to be recognised.
Format: TypeAlias = str | Sequence[str | None] | None
#: Other names of box formats, and tools that use one, for suggestions in errors.
_OTHER_NAMES = {
    "coco": "xywh",
    "ltwh": "xywh",
    "pascal_voc": "xyxy",
    "voc": "xyxy",
    "ltrb": "xyxy",
    "albumentations": "xyxy",
    "yolo": "cxcywh",
    "xywhn": "cxcywh",
    "ccwh": "cxcywh",
}
#: How many bytes at the beginning of a file are read to recognise its format.
_HEAD = 4096


@dataclass(frozen=True)
class Options:
    """How ground truth and detections are read.

    Parameters
    ----------
    similarity
        What will be compared: readers need not read other geometry.
    box_format
        The format of the boxes of lists, and of tables with one column of boxes.
    format
        The name of the reader for paths, or a pair of names, for ground truth and detections; by default the first
        reader whose `sniff` returns True.
    names
        Names of the categories: a mapping of id to name, a sequence for ids 0, 1, 2 …, or a path (``data.yaml``,
        JSON, or text with one name on each line). `meanap.readers.class_names` reads them.
    images
        The images: a folder, a list of files, or a mapping of image id to file. Formats with boxes in fractions of the
        image read their sizes.
    sizes
        Height and width of images by image id, for use without the files of the images.
    columns
        A mapping of the names of columns, as meanap has them, to those in the table.
    on_error : {"raise", "skip"}
        Whether a record that cannot be used is an error or is left out.
    progress
        As for `meanap.evaluate`.
    image_records
        Whether the records of images (LVIS's lists, sizes) are needed in addition to the columns of objects.
    image_fields
        Names of the fields of images that are needed.
    whole_body
        Whether keypoints are COCO-WholeBody's, whose parts may be in separate fields of a record.
    difficulty
        Whether objects need a level of difficulty (KITTI), where objects of similar classes are read as ignored.

    Raises
    ------
    InputError
        `box_format` or `on_error` is not one of the values above.
    """

    similarity: SimilarityName = "bbox"
    box_format: BoxFormat = "xyxy"
    format: Format = None
    names: Any = None
    images: Any = None
    sizes: Mapping[Any, Sequence[int]] | None = None
    columns: Mapping[str, str] | None = None
    on_error: Literal["raise", "skip"] = "raise"
    progress: Any = False
    image_records: bool = False
    image_fields: tuple[str, ...] = ()
    whole_body: bool = False
    difficulty: bool = False

    def __post_init__(self) -> None:
        if not is_among(self.box_format, BOX_COLUMNS):
            # Names that differ in a letter are other formats: nothing is suggested because it is spelt alike.
            hint = did_you_mean(self.box_format, (), _OTHER_NAMES)
            raise InputError(f"box_format: expected 'xyxy', 'xywh' or 'cxcywh', found {shown(self.box_format)}{hint}")
        if not is_among(self.on_error, ("raise", "skip")):
            raise InputError(f"on_error: expected 'raise' or 'skip', found {shown(self.on_error)}")


class Reader:
    """A format of ground truth, detections, or both. Each subclass has a line in `READERS` of ``_registry.py``."""

    #: The name of the format in `Options.format` and ``--format``.
    name: str

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether a source is of this format. It must not raise, and should read only the beginning of a file."""
        raise NotImplementedError

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> Truth:
        """The ground truth of a source.

        Parameters
        ----------
        source
            A source for which `sniff` returned True.
        options
            How it is read.
        problems
            Takes each problem that is found.

        Raises
        ------
        InputError
            The source cannot be read at all; or it has an error, and `problems` raises the first one.
        """
        raise InputError(f"format {self.name!r} has no ground truth", "ground_truth")

    def detections(
        self, source: Any, options: Options, problems: Problems, truth: Truth | None
    ) -> Detections | _core.Objects:
        """The detections of a source.

        Parameters
        ----------
        source, options, problems
            As for `ground_truth`.
        truth
            The ground truth, already read: it may have the sizes of images and the names of categories. None if only
            detections are read.

        Raises
        ------
        InputError
            As for `ground_truth`.
        """
        raise InputError(f"format {self.name!r} has no detections", "detections")

    def parts(self, source: Any, role: Role, options: Options) -> Parts | None:
        """The source in parts, each of which this reader can read like a source; None if it can only be read whole.

        Each part has what holds for the whole source, such as the names of categories. Together the parts have the
        objects and images of the source, in the same order.
        """
        return None


class Holder(Reader):
    """A format of sources that hold what another reader reads."""

    def held(self, source: Any, role: Role, problems: Problems) -> tuple[Reader, Any]:
        """The other reader, and what it reads."""
        raise NotImplementedError

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> Truth:
        """The objects, as the other reader gives them."""
        reader, content = self.held(source, "ground_truth", problems)
        return reader.ground_truth(content, options, problems)

    def detections(
        self, source: Any, options: Options, problems: Problems, truth: Truth | None
    ) -> Detections | _core.Objects:
        """The detections, as the other reader gives them."""
        reader, content = self.held(source, "detections", problems)
        return reader.detections(content, options, problems, truth)


def is_path(source: Any) -> bool:
    """Whether a source names a file or a folder."""
    return isinstance(source, (str, os.PathLike))


def json_of(source: Any) -> Any:
    """The content of a JSON file, if `source` is a path; else `source`."""
    return read_json(source) if is_path(source) else source


def is_folder(source: Any) -> bool:
    """Whether a source names a folder."""
    try:
        return is_path(source) and os.path.isdir(source)
    except ValueError:
        return False


def head(source: Any) -> bytes:
    """The first 4 KiB of a regular file; no bytes of anything else, as a pipe cannot be read a second time.

    Text is in UTF-8 without a byte order mark, however the file stores it.
    """
    if not is_path(source):
        return b""
    try:
        if not stat.S_ISREG(os.stat(source).st_mode):
            return b""
        with open(source, "rb") as file:
            return beginning(file.read(_HEAD))
    except (OSError, ValueError):
        return b""


#: How a JSON array begins whose first item is of an image: a list, or null for nothing.
LISTS = re.compile(rb"\[\s*(?:\[|null\b)")


def start_of(source: Any) -> bytes:
    """The same, without white space before the text."""
    return head(source).lstrip()


def ends(source: Any, *endings: str) -> bool:
    """Whether the name of a file ends in one of these, in upper or lower case, before that of gzip."""
    path: str = os.fsdecode(source)
    return path.lower().removesuffix(".gz").endswith(endings)
