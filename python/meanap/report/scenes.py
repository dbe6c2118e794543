"""The images with most errors: objects, detections, their outcomes, and the image file if there is one."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from meanap import _core, _rle
from meanap._similarity import box_widths
from meanap.detection import Result
from meanap.detection.errors import Errors
from meanap.errors import MissingPackageError
from meanap.protocol import Protocol
from meanap.protocol.keypoints import drawn_limbs
from meanap.report.outline import outline, path_of_polygons
from meanap.report.records import ImageRecords, Skeleton
from meanap.report.views import Choices

__all__ = ["Scenes", "pillow"]

#: Longest side of an embedded image, in pixels, and its compression.
_SIDE, _QUALITY = 480, 70
#: Objects and detections drawn in one image: beyond that nothing can be seen.
_MOST = 200


class Scenes:
    """Some images of a result, with the fates of their objects and detections.

    They are those of error tables, added one IoU threshold after the other: of a detection its outcome
    (``true_positive``, ``false_positive`` or ``ignored``; None if it does not count), of an object the best score of a
    true positive that it matches (None if there is none), or ``ignored``.

    Attributes
    ----------
    records : ImageRecords
        What is in the images.
    """

    def __init__(self, result: Result, records: ImageRecords) -> None:
        self.records = records
        self._result = result
        self._fates: dict[float, tuple[list[Any], list[str | None]]] = {}

    def add(self, iou: float, errors: Errors) -> None:
        """Take what is needed of the error table at an IoU threshold."""
        there = {image["id"] for image in self.records.images}
        places = [place for place, id in enumerate(self._result.image_ids) if id in there]
        self._fates[iou] = _fates(self._result, self.records, errors.pairs_in(places))

    def draw(
        self, rows: list[dict[str, Any]], score: float, choices: Choices, folder: Path | None
    ) -> list[dict[str, Any]]:
        """What to draw for each of `rows` (image ids and counts): size, image file, objects and detections.

        Of a row with ``classes``, positions of categories, only objects and detections of these are drawn.

        ``fates`` are those at each IoU threshold of `choices`. At the first one, of the detections of at least `score`,
        the ``fate`` of an object is ``matched``, ``false_negative`` or ``ignored``; that of a detection
        ``true_positive``, ``false_positive``, ``ignored``, or ``low``, as it is below the score threshold.
        """
        if not rows:
            return []
        part = self.records
        images = {image["id"]: image for image in part.images}
        of_objects, of_detections = zip(*(self._fates[iou] for iou in choices.ious), strict=True)
        sides = (
            ("truth", part.annotations, zip(*of_objects, strict=True)),
            ("detection", part.detections, zip(*of_detections, strict=True)),
        )
        matched = _marks(self._result, part, score, choices.first, sides)
        every = range(-1, len(self._result.category_ids))
        return [
            {
                **row,
                "name": str(images[row["image"]].get("file_name", "")),
                **_size(images[row["image"]], matched[row["image"]]),
                "picture": None if folder is None else _picture(folder, images[row["image"]].get("file_name")),
                "marks": [mark for mark in matched[row["image"]] if mark["class"] in row.get("classes", every)],
                "drawn": _MOST,
            }
            for row in rows
        ]


def _fates(result: Result, part: ImageRecords, pairs: dict[str, np.ndarray]) -> tuple[list[Any], list[str | None]]:
    """What became of each object and each detection, by the error table, as `Scenes` has it."""
    best = np.full(len(pairs["truth_image"]) + 1, -np.inf)
    correct = pairs["error"] == "true_positive"
    np.maximum.at(best, pairs["partner"][correct], pairs["score"][correct])
    of_object = best[:-1].astype(object)
    of_object[np.isneginf(best[:-1])] = None
    of_object[pairs["truth_state"] == "ignored"] = "ignored"
    of_detection = np.where(correct, "true_positive", "false_positive").astype(object)
    of_detection[pairs["error"] == "ignored"] = "ignored"
    by_category = result.protocol.by_category
    categories = result.category_ids

    def cells(images: np.ndarray, of: np.ndarray, fates: np.ndarray, order: Any) -> dict[Any, list[Any]]:
        """The fates of each cell, in the order of its records."""
        there: dict[Any, list[Any]] = {}
        for row in order:
            cell = (result.image_ids[images[row]], categories[of[row]] if by_category else None)
            there.setdefault(cell, []).append(fates[row])
        return there

    annotations, found = part.annotations, part.detections
    by_rank = np.argsort(pairs["rank"], kind="stable")
    left = (
        cells(pairs["truth_image"], pairs["truth_category"], of_object, range(len(of_object))),
        cells(pairs["image"], pairs["category"], of_detection, by_rank.tolist()),
    )

    def next_of(side: int, record: Mapping[str, Any], otherwise: str | None) -> Any:
        cell = (record["image_id"], record["category_id"] if by_category else None)
        fates = left[side].get(cell)
        return fates.pop(0) if fates else otherwise

    def in_order(records: list[dict[str, Any]], key: Any) -> list[int]:
        return sorted(range(len(records)), key=lambda i: key(records[i]))

    # Where all categories are compared together, the objects of an image are in the order of their categories.
    category = (lambda record: 0) if by_category else (lambda record: record["category_id"])
    of_objects: list[Any] = [None] * len(annotations)
    for i in in_order(annotations, category):
        of_objects[i] = next_of(0, annotations[i], "ignored")
    of_detections: list[Any] = [None] * len(found)
    # What is beyond a limit has no row; what is of categories that were not looked for does not count.
    otherwise = None if result.protocol.federated else "ignored"
    for i in in_order(found, lambda record: (math.isnan(record["score"]), -record["score"], category(record))):
        of_detections[i] = next_of(1, found[i], otherwise)
    return of_objects, of_detections


def _marks(
    result: Result, part: ImageRecords, score: float, first: int, sides: Iterable[tuple[str, list[Any], Iterable[Any]]]
) -> dict[Any, list[Any]]:
    """The outlines in each image, errors first, and what is below the score threshold last."""
    similarity, names = result.similarity, result.names
    place = {id: k for k, id in enumerate(result.category_ids)}
    marks: dict[Any, list[Any]] = {image["id"]: [] for image in part.images}
    for kind, listed, every in sides:
        for record, fates in zip(listed, every, strict=True):
            fate = fates[first]
            category = record["category_id"]
            mark: dict[str, Any] = {"kind": kind, "name": names.get(category, str(category)), "fates": fates}
            mark["class"] = place.get(category, -1)
            if kind == "detection":
                if fate is None:
                    continue
                mark["score"] = float(record["score"])
                mark["fate"] = fate if mark["score"] >= score else "low"
            else:
                found = fate is not None and fate != "ignored" and fate >= score
                mark["fate"] = "ignored" if fate == "ignored" else "matched" if found else "false_negative"
            shape = _geometry(record, similarity, part.skeletons.get(category), result.protocol)
            marks[record["image_id"]].append({**mark, **shape})
    rank = {"false_negative": 0, "false_positive": 1, "true_positive": 2, "matched": 3, "ignored": 4, "low": 5}
    for several in marks.values():
        several.sort(key=lambda mark: (rank[mark["fate"]], -mark.get("score", 0.0)))
    return marks


def _geometry(record: dict[str, Any], similarity: str, skeleton: Skeleton | None, rules: Protocol) -> dict[str, Any]:
    fields: dict[str, Any] = {"box": None, "path": None, "joints": None}
    if box_widths(similarity):
        corners = _core.corners_of_rotated_boxes(
            [record.get("obb") or record["bbox"]], rules.angle, bool(rules.clockwise)
        )
        return {**fields, "path": path_of_polygons(corners)}
    if similarity in ("segm", "polygon") and record.get("segmentation") is not None:
        fields["path"] = _path(record["segmentation"])
    if similarity == "keypoints" and record.get("keypoints"):
        joints = np.asarray(record["keypoints"], dtype=np.float64).reshape(-1, 3)
        there = joints[:, 2] > 0
        fields["joints"] = [[round(x, 1), round(y, 1)] for x, y in joints[there, :2].tolist()]
        fields["path"] = "".join(
            f"M{joints[a, 0]:.1f} {joints[a, 1]:.1f}L{joints[b, 0]:.1f} {joints[b, 1]:.1f}"
            for a, b in drawn_limbs(len(joints), *(skeleton or ()))
            if there[a] and there[b]
        )
    if record.get("bbox") is not None and len(record["bbox"]) == 4 and similarity != "segm":
        fields["box"] = [round(float(x), 1) for x in record["bbox"]]
    return fields


def _path(shape: Any) -> str:
    if isinstance(shape, list):
        return path_of_polygons(shape)
    return outline(_rle.decode(_rle.compressed(shape)))


def _size(image: Mapping[str, Any], marks: list[dict[str, Any]]) -> dict[str, Any]:
    """Width and height as declared, or as the boxes need."""
    width, height = image.get("width"), image.get("height")
    if not width or not height:
        boxes = np.array([mark["box"] for mark in marks if mark["box"]], dtype=np.float64).reshape(-1, 4)
        ends = boxes[:, :2] + boxes[:, 2:]
        points = [
            point.split() for mark in marks if mark["path"] for point in re.findall(r"[-\d.]+ [-\d.]+", mark["path"])
        ]
        ends = np.concatenate([ends, np.array(points, dtype=np.float64).reshape(-1, 2)])
        width, height = (float(x) for x in ends.max(axis=0)) if len(ends) else (640.0, 480.0)
    return {"width": float(width), "height": float(height)}


def pillow() -> Any:
    """The library that reads images.

    Raises
    ------
    ImportError
        It is not there.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingPackageError("a report with images needs Pillow: pip install 'meanap[report]'") from error
    return Image


def _picture(folder: Path, name: Any) -> str | None:
    """The image, downscaled, as a data URL; None if it is not in the folder or cannot be read."""
    if not isinstance(name, str) or not name:
        return None
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        # COCO's folders are flat, whatever the name says.
        path = folder / Path(name).name
        if not path.is_file():
            return None
    image_module = pillow()
    try:
        with image_module.open(path) as opened:
            opened.draft("RGB", (_SIDE, _SIDE))
            # Boxes refer to the image as stored in the file, without the rotation of its metadata.
            small = opened.convert("RGB")
            small.thumbnail((_SIDE, _SIDE))
            written = io.BytesIO()
            small.save(written, "JPEG", quality=_QUALITY, optimize=True)
    except (OSError, ValueError, SyntaxError, image_module.DecompressionBombError):
        return None
    return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode("ascii")
