"""YOLO: a text file for each image with a line for each object, in fractions of the image.

A line is ``class x_center y_center width height``, a polygon ``class x1 y1 x2 y2 x3 y3 …``, or a box with keypoints
behind it, ``x y`` or ``x y visibility`` each; lines of detections end with the confidence. The core reads them
(``src/labels/yolo.rs``), and the sizes of the images from their headers. Image ids are the names of the files without
ending, category ids the indices of the classes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core, _rle
from meanap._similarity import compares_masks, compares_polygons, compares_rotated_boxes
from meanap.errors import InputError
from meanap.readers._folders import add_faults, image_sizes, rows_of, without_size
from meanap.readers._known_ids import ImageIds, of_no_image
from meanap.readers._parts import Parts, parts_of
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, head, is_folder, is_path
from meanap.readers._yolo_folders import YoloFolder, are_labels, is_yaml, keypoints_of, opened, yaml_in
from meanap.readers.sides import Detections, GroundTruth, plain_ids

if TYPE_CHECKING:
    from meanap._types import SimilarityName

__all__ = ["Darknet", "Yolo"]


class Yolo(Reader):
    """A folder of label files, a data set with ``images`` and ``labels``, or its ``data.yaml``."""

    name = "yolo"
    confidence = "last"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is a YAML file with names, or a folder whose text files hold lines of a class and fractions."""
        if not is_path(source):
            return False
        path = os.fspath(source)
        try:
            if not is_folder(path):
                return is_yaml(path) and b"names" in head(path)
            if yaml_in(path) is not None:
                return True
            labels = os.path.join(path, "labels")
            return are_labels(labels if os.path.isdir(labels) else path)
        except (OSError, ValueError):
            return False

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images, also of those that have no label file."""
        folder = opened(source, options)
        ids = sorted(folder.labels.keys() | folder.images.keys())
        if not ids:
            raise InputError("there are no label files and no images", folder.source, code="wrong-kind-of-file")
        sizes = image_sizes(ids, options.sizes, folder.images, problems)
        unknown = [id for id in ids if id not in sizes and id in folder.labels]
        for id in unknown:
            problems.add(without_size(folder.labels[id]))
        labelled = [id for id in ids if id in folder.labels and id in sizes]
        columns = self._read(folder, labelled, sizes, options, problems, None)
        if folder.names is not None:
            columns = _without_unknown(columns, folder, labelled, set(folder.names), problems)
        categories = folder.names
        truth = GroundTruth(
            rows_of(columns["file"], labelled),
            columns["class"].astype(np.int64),
            **_geometry(columns, labelled, sizes, options.similarity),
            box_format="xywh",
            images={id: sizes[id] for id in ids if id in sizes},
            categories=categories,
        )
        truth.files = {id: os.path.basename(path) for id, path in folder.images.items()}
        return truth

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections; ids and sizes of images are those of the ground truth, where it is given."""
        folder = opened(source, options, detections=True)
        known = ImageIds(truth)
        named = {id: known.of(id) for id in folder.labels}
        for id in [id for id, own in named.items() if own is None]:
            problems.add(of_no_image(folder.labels[id]))
        ids = sorted(id for id, own in named.items() if own is not None)
        of_truth = {} if truth is None else truth.sizes
        given = {id: of_truth.get(named[id]) for id in ids} if of_truth else options.sizes
        sizes = image_sizes(ids, given, folder.images, problems)
        for id in ids:
            if id not in sizes:
                problems.add(without_size(folder.labels[id]))
        labelled = [id for id in ids if id in sizes]
        columns = self._read(folder, labelled, sizes, options, problems, self.confidence)
        categories = None if truth is None or truth.categories is None else set(truth.categories)
        classes = _class_ids(folder.names, truth)
        if categories is not None:
            among = {index for index, id in classes.items() if id in categories} if classes else categories
            columns = _without_unknown(columns, folder, labelled, among, problems)
        indices = columns["class"].astype(np.int64)
        if classes:
            lookup = {index: classes[index] for index in np.unique(indices).tolist()}
            category_ids: Any = [lookup[index] for index in indices.tolist()]
        else:
            category_ids = indices
        return Detections(
            rows_of(columns["file"], [named[id] for id in labelled]),
            category_ids,
            columns["score"],
            **_geometry(columns, labelled, sizes, options.similarity),
            box_format="xywh",
        )

    def parts(self, source: Any, role: Role, options: Options) -> Parts:
        """The images in groups."""
        folder = opened(source, options, role == "detections")
        if folder.keypoints is None and options.similarity == "keypoints":
            folder.keypoints = keypoints_of(list(folder.labels.values()), role == "detections")
        files = sorted(folder.labels if role == "detections" else folder.labels.keys() | folder.images.keys())

        def make(some: dict[str, str | None]) -> YoloFolder:
            labels = {id: path for id, path in some.items() if path is not None}
            images = {id: folder.images[id] for id in some if id in folder.images}
            return replace(folder, labels=labels, images=images)

        return parts_of({id: folder.labels.get(id) for id in files}, make)

    def _read(
        self,
        folder: YoloFolder,
        labelled: list[str],
        sizes: Mapping[str, tuple[int, int]],
        options: Options,
        problems: Problems,
        confidence: Any,
    ) -> dict[str, Any]:
        """The columns of the label files; faulty lines are left out, and added to the problems."""
        paths = [folder.labels[id] for id in labelled]
        keypoints = folder.keypoints
        if keypoints is None and options.similarity == "keypoints":
            keypoints = keypoints_of(paths, confidence is not None)
        columns = _core.read_yolo(
            paths,
            np.array([sizes[id] for id in labelled], dtype=np.int64).reshape(-1, 2),
            options.similarity,
            confidence,
            keypoints,
        )
        add_faults(columns, paths, problems)
        problems.leave_out(folder.source, columns["left_out"])
        for problem in _doubts(columns, options.similarity, confidence, folder.source):
            problems.add(problem)
        return columns


class Darknet(Yolo):
    """As `Yolo`, with the confidence of detections behind the class; read only with ``format="darknet"``."""

    name = "darknet"
    confidence = "second"

    def sniff(self, source: Any, role: Role) -> bool:
        """Never: whether the confidence is the second or the last number of a line cannot be recognised."""
        return False


def _geometry(
    columns: Mapping[str, Any], labelled: list[str], sizes: Mapping[str, Any], similarity: SimilarityName
) -> dict[str, Any]:
    """The arrays of `GroundTruth` and `Detections` that the similarity compares."""
    arrays: dict[str, Any] = {"boxes": columns["boxes"]}
    if compares_rotated_boxes(similarity):
        return {"boxes": columns["points"].reshape(-1, 8)}
    if compares_masks(similarity):
        of_rows = np.array([sizes[id] for id in labelled], dtype=np.int64).reshape(-1, 2)[columns["file"]]
        masks = _core.masks_of_polygons(columns["points"], columns["ends"], of_rows)
        keep = compares_polygons(similarity)
        return {"masks": _rle.outlined(masks, columns["points"], columns["ends"]) if keep else masks}
    if similarity == "keypoints":
        count = len(columns["file"])
        arrays["keypoints"] = columns["points"].reshape(count, -1, 3) if count else np.zeros((0, 0, 3))
    return arrays


def _class_ids(own: Mapping[int, str] | None, truth: Truth | None) -> dict[int, Any]:
    """The category id of each class, where the ground truth has the same names under other ids; else empty."""
    if own is None or truth is None:
        return {}
    if not truth.names:
        # The ids of the ground truth may be names of classes.
        first = plain_ids(truth.category_ids)[:1] if isinstance(truth, GroundTruth) else []
        return dict(own) if first and isinstance(first[0], str) else {}
    if all(truth.names.get(index) == name for index, name in own.items()):
        return {}
    ids = {name: id for id, name in truth.names.items()}
    return {index: ids.get(name) for index, name in own.items()}


def _without_unknown(
    columns: dict[str, Any], folder: YoloFolder, labelled: list[str], known: set[Any], problems: Problems
) -> dict[str, Any]:
    """The rows of known classes; the others are problems."""
    strange = [index for index in np.unique(columns["class"]).tolist() if index not in known]
    if not strange:
        return columns
    wrong = np.isin(columns["class"], strange)
    for row in islice(np.flatnonzero(wrong).tolist(), 1000):
        problems.add(
            Problem(
                "unknown-category",
                source=folder.labels[labelled[columns["file"][row]]],
                record=int(columns["line"][row]),
                unit="line",
                field="class",
                found=f"is {columns['class'][row]}",
                expected=f"one of the {len(known)} classes that have names",
            )
        )
    problems.leave_out(folder.source, int(wrong.sum()))
    kept = dict(columns)
    if len(columns["ends"]):
        starts = np.concatenate([[0], columns["ends"][:-1]]).astype(np.int64)
        lengths = columns["ends"].astype(np.int64) - starts
        kept["points"] = columns["points"][np.repeat(~wrong, lengths.astype(np.intp))]
        kept["ends"] = np.cumsum(lengths[~wrong]).astype(np.uint64)
    for name in ("file", "line", "class", "score", "boxes"):
        if name in columns:
            kept[name] = columns[name][~wrong]
    return kept


def _doubts(
    columns: Mapping[str, Any], similarity: SimilarityName, confidence: str | None, source: str
) -> list[Problem]:
    """Warnings about files that can be read, but were perhaps meant in another way."""
    found = []
    polygons, quadrangles = columns["polygons"]
    if similarity == "bbox" and quadrangles and quadrangles == polygons == len(columns["file"]):
        text = "all lines have four corners (oriented boxes): the upright boxes around them are evaluated"
        remedy = "similarity='rotated' compares them as rotated boxes"
        found.append(Problem("oriented-boxes", "warning", source, text=f"{text}; {remedy}", remedy=remedy))
    outside, otherwise = columns["outside"]
    if confidence is not None and outside > 0.1 * columns["scored_boxes"] and otherwise < 0.1 * outside:
        other = "yolo" if confidence == "second" else "darknet"
        place = "behind the class" if confidence == "last" else "at the end"
        text = f"{outside} of {columns['scored_boxes']} boxes leave their images"
        remedy = f"format={other!r} reads the confidence {place}, which makes {otherwise} leave them"
        found.append(Problem("confidence-elsewhere", "warning", source, text=f"{text}; {remedy}", remedy=remedy))
    return found
