"""What a reader is: a format that can be recognised and read into columns."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from meanap._arrays import shown
from meanap._files import read_json
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

__all__ = ["Format", "Options", "Reader", "Role", "Truth", "head", "is_folder", "is_path", "json_of"]

Role: TypeAlias = Literal["ground_truth", "detections"]
Truth: TypeAlias = GroundTruth | TruthFile
#: The name of a reader; or those of the ground truth's and of the detections', None where it is recognised.
Format: TypeAlias = str | Sequence[str | None] | None
#: Tools whose boxes are of some form.
_OTHER_FORMS = {
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
#: Bytes at the beginning of a file by which formats are recognised.
_HEAD = 4096


@dataclass(frozen=True)
class Options:
    """How inputs are read.

    Parameters
    ----------
    similarity
        What will be compared: readers need not read anything else.
    box_format
        Of lists and of tables with one column of boxes.
    format
        The name of the reader of paths, or a pair of them, for ground truth and detections; by default the first one
        whose `sniff` says yes.
    names
        Names of the categories: a mapping of id to name, a sequence for ids 0, 1, 2 …, or a path (``data.yaml``,
        JSON, or text with one name on each line). `meanap.readers.class_names` reads them.
    images
        The images: a folder, a list of files, or a mapping of image id to file. Formats in fractions read their sizes.
    sizes
        Height and width of images by image id, where files of images are not at hand.
    columns
        Names of the columns of a table: a mapping of the name that is recognised to that in the table.
    on_error : {"raise", "skip"}
        Whether records that cannot be used are errors or are left out.
    progress
        As of `meanap.evaluate`.
    image_records
        Whether the records of images are needed (LVIS's lists, sizes), not the columns alone.
    image_fields
        Names of the fields of images that are needed.
    whole_body
        Whether poses are of the whole body: then COCO's records may have its parts in fields of their own.
    difficulty
        Whether objects have levels of difficulty (KITTI), and neighbouring classes are read as ones to ignore.
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
            # A form of nearly the same letters is another order of the numbers.
            hint = did_you_mean(self.box_format, (), _OTHER_FORMS)
            raise InputError(f"box_format: expected 'xyxy', 'xywh' or 'cxcywh', found {shown(self.box_format)}{hint}")
        if not is_among(self.on_error, ("raise", "skip")):
            raise InputError(f"on_error: expected 'raise' or 'skip', found {shown(self.on_error)}")


class Reader:
    """A format of ground truth, detections, or both: a subclass is one line in `READERS`."""

    #: What the format is called in `Options.format` and ``--format``.
    name: str

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether a source is of this format. It must not raise, and reads little."""
        raise NotImplementedError

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> Truth:
        """The ground truth of a source.

        Raises
        ------
        InputError
            The source cannot be read at all, or the first error where `problems` raises.
        """
        raise InputError(f"format {self.name!r} has no ground truth", "ground_truth")

    def detections(
        self, source: Any, options: Options, problems: Problems, truth: Truth | None
    ) -> Detections | _core.Objects:
        """The detections of a source; `truth`: the ground truth, already read, with sizes of images and categories.

        Raises
        ------
        InputError
            As of `ground_truth`.
        """
        raise InputError(f"format {self.name!r} has no detections", "detections")

    def parts(self, source: Any, role: Role, options: Options) -> Parts | None:
        """The source in parts that this reader reads as it reads sources; None if it can only be read whole.

        What is said of all images, such as names of categories, is said of each part; together the parts have the
        objects and the images of the whole, in the same order.
        """
        return None


def is_path(source: Any) -> bool:
    """Whether a source names a file or a folder."""
    return isinstance(source, (str, os.PathLike))


def json_of(source: Any) -> Any:
    """What the JSON file of that path holds; a source in memory as it is."""
    return read_json(source) if is_path(source) else source


def is_folder(source: Any) -> bool:
    """Whether a source names a folder."""
    try:
        return is_path(source) and os.path.isdir(source)
    except ValueError:
        return False


def head(source: Any) -> bytes:
    """The first 4 KiB of a file; nothing for what is no regular file (a pipe cannot be read twice) or no file."""
    if not is_path(source):
        return b""
    try:
        if not stat.S_ISREG(os.stat(source).st_mode):
            return b""
        with open(source, "rb") as file:
            return file.read(_HEAD)
    except (OSError, ValueError):
        return b""
