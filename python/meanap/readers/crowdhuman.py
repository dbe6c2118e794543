"""CrowdHuman: a line of JSON for each image, ``{"ID": …, "gtboxes": […]}``, and results with ``dtboxes``.

An object has a ``tag`` and three boxes (x, y, width, height): ``fbox`` of the whole body, ``vbox`` of what is visible
of it, and ``hbox`` of the head. What is no ``person``, or has a true ``extra.ignore``, is ignored, of heads also what
has a true ``head_attr.ignore``. A detection has ``box`` and ``score``. Boxes are cut at the borders of their image, as
CrowdDet does, where one of the sides, the images or ``sizes`` say how large it is. The one category has the id 1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from meanap._arrays import as_id, shown
from meanap.errors import InputError
from meanap.readers._collected import finite, only_boxes
from meanap.readers._folders import image_sizes, images_of
from meanap.readers._known_ids import ImageIds
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, is_path, start_of
from meanap.readers.jsonl import records
from meanap.readers.sides import Detections, GroundTruth, Side, plain_ids

__all__ = ["CrowdHuman"]

_PERSON, _CATEGORY = "person", 1
_LISTS = {"ground_truth": "gtboxes", "detections": "dtboxes"}
_BODY, _HEAD, _FOUND = "fbox", "hbox", "box"


class CrowdHuman(Reader):
    """A file of lines, mostly ``.odgt``."""

    name = "crowdhuman"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first record has boxes of ground truth or detections, as CrowdHuman calls them."""
        if not is_path(source):
            return False
        start = start_of(source)
        return start.startswith(b"{") and any(f'"{name}"'.encode() in start for name in _LISTS.values())

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The boxes of the body, or those that `columns` names as ``boxes``."""
        only_boxes(self.name, options.similarity, "ground_truth")
        key = (options.columns or {}).get("boxes", _BODY)
        images: dict[Any, tuple[int, int] | None] = {}
        rows: list[tuple[Any, list[float], bool]] = []
        for id, size, place, objects in _images(source, "ground_truth", problems):
            if id in images:
                raise InputError(f"two lines are of the image {id!r}", place, code="duplicate-image-id")
            images[id] = size
            for number, record in enumerate(objects):
                # Results repeat the ground truth, with the box that was compared and a number for a tag.
                own = key if not isinstance(record, Mapping) or key in record else _FOUND
                box = _box(record, own, place, number, problems)
                if box is not None:
                    rows.append((id, box, _is_ignored(record, key)))
        truth = GroundTruth(
            [row[0] for row in rows],
            [_CATEGORY] * len(rows),
            _corners([row[1] for row in rows]),
            crowd=np.array([row[2] for row in rows], dtype=bool),
            images=list(images),
            categories={_CATEGORY: _PERSON},
        )
        files = images_of(options.images)
        of_texts = [id for id in images if isinstance(id, str)]
        known = {id: size for id, size in images.items() if size is not None}
        truth.sizes = {**image_sizes(of_texts, options.sizes, files, problems), **known}
        _cut(truth, truth.sizes)

        def cut_with(found: Detections) -> Detections:
            # Mostly the detections alone say how large images are.
            more = {id: size for id, size in found.sizes.items() if id not in truth.sizes}
            _cut(truth, more)
            truth.sizes.update(more)
            _cut(found, truth.sizes)
            return found

        truth.on_detections = cut_with
        return truth

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The detections of all images."""
        only_boxes(self.name, options.similarity, "detections")
        known, sizes = ImageIds(truth), {}
        named = (options.columns or {}).get("boxes", _FOUND)
        rows: list[tuple[Any, list[float], float]] = []
        for name, size, place, objects in _images(source, "detections", problems):
            id = known.of(name) if isinstance(name, str) else name
            if id is None or (known.ids is not None and id not in known.ids):
                expected = "an image of the ground truth"
                problems.reject(Problem("unknown-image", "error", place, None, "ID", f"is {name!r}", expected))
                continue
            if size is not None:
                sizes[id] = size
            for number, record in enumerate(objects):
                own = named if isinstance(record, Mapping) and named in record else _FOUND
                box = _box(record, own, place, number, problems)
                if box is None:
                    continue
                score = finite(record.get("score"))
                if score is None:
                    text = f"is {shown(record.get('score'))}"
                    problems.reject(Problem("bad-score", "error", place, number, "score", text, "a number"))
                else:
                    rows.append((id, box, score))
        scores = np.array([row[2] for row in rows], dtype=np.float64)
        found = Detections(
            [row[0] for row in rows], [_CATEGORY] * len(rows), scores, _corners([row[1] for row in rows])
        )
        found.any_score = True
        found.sizes = sizes
        return found


def _images(
    source: Any, role: Role, problems: Problems
) -> Iterator[tuple[Any, tuple[int, int] | None, str, list[Any]]]:
    """Id, height and width, place in errors, and the objects or detections of each image."""
    path, field = os.fspath(source), _LISTS[role]
    for record in records(source, role, problems):
        id = as_id(record.get("ID")) if isinstance(record, Mapping) else None
        if id is None:
            raise InputError(None, path, field="ID", found="is missing", expected="the name of an image")
        objects, place = record.get(field), f"{path}: {id}"
        if not isinstance(objects, list):
            raise InputError(None, place, field=field, found=f"is {shown(objects)}", expected="a list of boxes")
        size = [finite(record.get(name)) for name in ("height", "width")]
        yield id, None if None in size else (int(size[0] or 0), int(size[1] or 0)), place, objects


def _is_ignored(record: Mapping[str, Any], key: str) -> bool:
    tag, extra, of_head = record.get("tag"), record.get("extra"), record.get("head_attr")
    is_person = tag == _PERSON if isinstance(tag, str) else tag == _CATEGORY
    ignored = not is_person or (isinstance(extra, Mapping) and extra.get("ignore", 0) != 0)
    return ignored or (key == _HEAD and isinstance(of_head, Mapping) and of_head.get("ignore", 0) != 0)


def _box(record: Any, key: str, place: str, number: int, problems: Problems) -> list[float] | None:
    """x, y, width, height."""
    value = record.get(key) if isinstance(record, Mapping) else None
    numbers = [finite(each) for each in value] if isinstance(value, list) else []
    if len(numbers) == 4 and None not in numbers and (numbers[2] or 0) >= 0 and (numbers[3] or 0) >= 0:
        return [each or 0.0 for each in numbers]
    expected = "x, y, width and height, which are 0 or more"
    problems.reject(Problem("malformed-box", "error", place, number, key, f"is {shown(value)}", expected))
    return None


def _corners(boxes: list[list[float]]) -> np.ndarray:
    """Corners ``(N, 4)`` of x, y, width, height."""
    array = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    array[:, 2:] += array[:, :2]
    return array


def _cut(side: Side, sizes: Mapping[Any, tuple[int, int]]) -> None:
    """Cuts boxes at the borders of the images whose size is known."""
    ids = plain_ids(side.image_ids)
    rows = [row for row, id in enumerate(ids) if id in sizes]
    if not rows or side.box_format != "xyxy":
        return
    height, width = np.array([sizes[ids[row]] for row in rows], dtype=np.float64).T
    boxes = np.array(side.arrays["boxes"], dtype=np.float64)
    first, second = np.stack([width - 1, height - 1], axis=1), np.stack([width, height], axis=1)
    # As there: the first corner stays in the last pixel.
    boxes[rows, :2] = np.minimum(np.maximum(boxes[rows, :2], 0), first)
    boxes[rows, 2:] = np.maximum(np.minimum(boxes[rows, 2:], second), 0)
    side.arrays["boxes"] = boxes
