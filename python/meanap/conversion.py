"""From any format to another, and what a data set holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from meanap import _core, readers
from meanap._arrays import shown
from meanap._files import read_json
from meanap._keywords import is_among, suggesting
from meanap._similarity import compares_masks, compares_rotated_boxes
from meanap.errors import InputError
from meanap.readers import Detections, GroundTruth, Options, Problems
from meanap.readers._reader import Format
from meanap.readers.jsonl import JsonLines, records
from meanap.readers.sides import check_known, plain_ids
from meanap.table import Table

if TYPE_CHECKING:
    from meanap._types import AngleUnit, BoxFormat, PathLike, SimilarityName

__all__ = ["TARGETS", "convert", "describe"]

#: What can be written.
Target = Literal["coco", "yolo", "voc", "dota", "parquet"]
TARGETS: tuple[Target, ...] = get_args(Target)


@suggesting()
def convert(
    source: Any,
    path: PathLike,
    to: Target,
    *,
    ground_truth: Any = None,
    similarity: SimilarityName = "bbox",
    angle: AngleUnit = "degrees",
    clockwise: bool = False,
    box_format: BoxFormat = "xyxy",
    format: Format = None,
    names: Any = None,
    images: Any = None,
    sizes: Mapping[Any, Sequence[int]] | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> Path:
    """Write ground truth or detections of any format in another one.

    Numbers are written so that they read as the same doubles. YOLO's fractions give the same pixels again up to the
    last bits, as far as fractions can.

    Parameters
    ----------
    source
        Ground truth, or detections if `ground_truth` is given: what `meanap.evaluate` takes.
    path
        The file to write, or for YOLO, VOC and DOTA the folder.
    to : {"coco", "yolo", "voc", "dota", "parquet"}
    ground_truth
        The data set that the detections are for, which knows the sizes of images and the ids.
    similarity
        "bbox" writes boxes; "segm" also polygons or masks, and "keypoints" poses, to the formats that have them.
        "rotated" writes the corners of rotated boxes to YOLO and DOTA, and to COCO what was read.
    angle, clockwise
        How the angles of rotated boxes are given, as for `meanap.protocol.Protocol`.
    box_format, format, names, images, sizes, on_error
        How `source` is read, as for `meanap.evaluate`.

    Returns
    -------
    pathlib.Path
        What was written, to be given to other functions.

    Raises
    ------
    InputError
        The source cannot be used, or the format cannot hold it.

    Examples
    --------
    >>> import meanap, tempfile
    >>> truth = meanap.generate.dataset(images=3, seed=1)
    >>> folder = tempfile.mkdtemp()
    >>> written = meanap.convert(truth, f"{folder}/voc", "voc")
    >>> len(meanap.readers.ground_truth(written))
    24
    """
    from meanap.writers import WRITERS

    if not is_among(to, TARGETS):
        raise InputError(f"to: expected one of {', '.join(map(repr, TARGETS))}, found {shown(to)}")
    rotated = compares_rotated_boxes(similarity)
    if similarity != "bbox" and (to in ("voc", "parquet") or (to == "dota" and not rotated)):
        raise InputError(f"similarity: {to!r} holds boxes only, found {similarity!r}")
    options = Options(similarity, box_format, format, names, images, sizes, on_error=on_error, image_records=True)
    source = readers.repeatable(source, "ground_truth" if ground_truth is None else "detections")
    truth = _columns(source if ground_truth is None else ground_truth, options)
    writer = WRITERS[to]
    if ground_truth is None:
        if compares_masks(similarity) and to == "yolo":
            records = None if truth.dataset is None else truth.dataset["annotations"]
            truth.arrays["polygons"] = _polygons(records, truth, "ground_truth")
        if rotated and to in ("yolo", "dota"):
            _take_corners(truth, angle, clockwise)
        written: Path = writer.ground_truth(Path(path), truth)
        return written
    problems = Problems(on_error)
    found = readers.detections(source, options, problems, truth)
    if not isinstance(found, Detections):
        raise InputError("these detections cannot be written", "detections")
    problems.tell()
    if compares_masks(similarity) and to == "yolo":
        found.arrays["polygons"] = _polygons(_results(source, options), found, "detections")
    if rotated and to in ("yolo", "dota"):
        _take_corners(found, angle, clockwise)
    written = writer.detections(Path(path), found, truth)
    return written


def _take_corners(side: GroundTruth | Detections, angle: AngleUnit, clockwise: bool) -> None:
    """Replace rotated boxes by their corners, and add these as polygons."""
    corners = _core.corners_of_rotated_boxes(side.arrays["boxes"], angle, clockwise).reshape(-1, 8)
    side.arrays["boxes"] = corners
    side.arrays["polygons"] = [[ring] for ring in corners.tolist()]


@suggesting()
def describe(
    source: Any,
    *,
    box_format: BoxFormat = "xyxy",
    format: Format = None,
    names: Any = None,
    images: Any = None,
    sizes: Mapping[Any, Sequence[int]] | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> Table:
    """What a data set holds: a row for all categories, and one for each.

    Parameters
    ----------
    source
        Ground truth: what `meanap.evaluate` takes.
    box_format, format, names, images, sizes, on_error
        How it is read, as for `meanap.evaluate`.

    Returns
    -------
    Table
        ``category``, ``images`` with objects of it, ``objects``, of which ``crowds`` and ``ignored``; how many are
        ``small``, ``medium`` and ``large`` (COCO's areas, below 32² and from 96² square pixels on); median ``width``
        and ``height`` in pixels (NaN without objects). Its title says how many images there are.

    Raises
    ------
    InputError
        The source cannot be used.

    Examples
    --------
    >>> import meanap
    >>> table = meanap.describe(meanap.generate.dataset(images=3, seed=1))
    >>> table[0]["category"], table[0]["objects"], table.title
    ('all', 24, '3 images, 0 without objects')
    """
    options = Options("bbox", box_format, format, names, images, sizes, on_error=on_error, image_records=True)
    truth = _columns(source, options)
    from meanap.writers._columns import areas_of, boxes_of, flags, names_of

    boxes = boxes_of(truth)
    given = areas_of(truth)
    areas = boxes[:, 2] * boxes[:, 3] if given is None else given
    image_ids = plain_ids(truth.image_ids)
    codes = (
        np.unique(np.array([str(id) for id in image_ids]), return_inverse=True)[1] if image_ids else np.zeros(0, int)
    )
    categories = plain_ids(truth.category_ids)
    position = {id: at for at, id in enumerate(names_of(truth))}
    of_row = np.array([position[id] for id in categories], dtype=np.int64)
    crowd, ignored = flags(truth, "iscrowd"), flags(truth, "ignore")
    columns: dict[str, list[Any]] = {}
    for at, name in enumerate(["all", *names_of(truth).values()], start=-1):
        rows = of_row == at if at >= 0 else np.ones(len(of_row), dtype=bool)
        row = {
            "category": name,
            "images": len(np.unique(codes[rows])),
            "objects": int(rows.sum()),
            "crowds": int(crowd[rows].sum()),
            "ignored": int(ignored[rows].sum()),
            "small": int((areas[rows] < 32**2).sum()),
            "medium": int(((areas[rows] >= 32**2) & (areas[rows] < 96**2)).sum()),
            "large": int((areas[rows] >= 96**2).sum()),
            "width": float(np.median(boxes[rows, 2])) if rows.any() else np.nan,
            "height": float(np.median(boxes[rows, 3])) if rows.any() else np.nan,
        }
        for key, value in row.items():
            columns.setdefault(key, []).append(value)
    known = len(truth.images) if truth.images is not None else len(set(image_ids))
    title = f"{known:,} images, {known - len(set(image_ids)):,} without objects"
    return Table({key: column if key == "category" else np.array(column) for key, column in columns.items()}, title)


def _columns(source: Any, options: Options) -> GroundTruth:
    problems = Problems(options.on_error)
    truth = readers.ground_truth(source, options, problems)
    if not isinstance(truth, GroundTruth):
        raise InputError("this ground truth cannot be read into columns", "ground_truth")
    problems.tell()
    check_known(truth.image_ids, truth.images, "ground_truth: image_ids")
    check_known(truth.category_ids, truth.categories, "ground_truth: category_ids")
    ids = plain_ids(truth.category_ids) if truth.categories is None else truth.categories
    readers.warn_of_unnamed(options.names, list(dict.fromkeys(ids)), truth.names)
    return truth


def _results(source: Any, options: Options) -> list[Any] | None:
    """The records of detections, as COCO has them; None of other formats."""
    reader = readers.reader_of(source, "detections", options.format)
    if isinstance(reader, JsonLines):
        return list(records(source, "detections", Problems("collect")))
    if reader.name != "coco":
        return None
    value = read_json(source) if readers.is_path(source) else source
    return list(value["annotations"] if isinstance(value, Mapping) else value)


def _polygons(records: Sequence[Any] | None, side: GroundTruth | Detections, place: str) -> list[Any]:
    """The polygons of COCO's records."""
    if records is not None and side.numbers is not None:
        records = [records[row] for row in side.numbers.tolist()]
    if records is None or len(records) != len(side):
        raise InputError("polygons are written of COCO data sets and results only", place)
    for row, record in enumerate(records):
        if not isinstance(record["segmentation"], (list, tuple)) and not record.get("iscrowd"):
            raise InputError(None, place, row, "segmentation", "holds run lengths", "polygons")
    # Crowd regions are left out by the writer.
    return [record["segmentation"] for record in records]
