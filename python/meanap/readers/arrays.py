"""Arrays of any library with a row for each object: of all images, or one array for each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from meanap._arrays import as_id, as_number, as_numbers, as_numpy
from meanap._similarity import box_widths
from meanap.errors import InputError
from meanap.readers._collected import only_boxes
from meanap.readers._fields import BOX, CATEGORY, SCORE, Field, problem_of
from meanap.readers._per_image import PerImage, is_array, is_there
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Reader, Role, Truth
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["Arrays", "ImageArrays"]

_ROW_OF_ALL = "image id, x, y, width, height, score, category id"
_ROW: dict[Role, str] = {
    "ground_truth": "(N, 5) of 4 numbers of a box and the category id, or (N, 6) with a score before it",
    "detections": "(N, 6) of 4 numbers of a box, score and category id",
}


def _rows_of(numbers: int) -> dict[Role, str]:
    """The rows of boxes of so many numbers."""
    if numbers == 4:
        return _ROW
    after, scored = numbers + 1, numbers + 2
    return {
        "ground_truth": f"(N, {after}) of {numbers} numbers of a box and the category id, "
        f"or (N, {scored}) with a score before it",
        "detections": f"(N, {scored}) of {numbers} numbers of a box, score and category id, or (N, {after}) without it",
    }


class Arrays(Reader):
    """``(N, 7)``: image id, x, y, width, height, score, category id, as pycocotools' `loadNumpyAnnotations` takes them.

    Boxes are of this form whatever `Options.box_format` is. The scores of ground truth are not read. Rotated boxes have
    five or eight numbers: ``(N, 8)`` and ``(N, 11)``; ``(N, 7)`` of them are of one image, as in `ImageArrays`. 3D
    boxes have seven: ``(N, 10)``; ``(N, 9)`` of them are of one image.
    """

    name = "array"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is an array, but not one of a single image or with an axis for images."""
        return is_array(source) and not ImageArrays().sniff(source, role)

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The rows as columns."""
        if _are_of_images(source, options, "ground_truth"):
            return ImageArrays().ground_truth(source, options, problems)
        image_ids, category_ids, boxes, _ = _columns_of_all(source, options, "ground_truth")
        return GroundTruth(image_ids, category_ids, boxes, box_format="xywh")

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The rows as columns."""
        if _are_of_images(source, options, "detections"):
            return ImageArrays().detections(source, options, problems, truth)
        image_ids, category_ids, boxes, scores = _columns_of_all(source, options, "detections")
        found = Detections(image_ids, category_ids, scores, boxes, box_format="xywh")
        found.any_score = True
        return found


class ImageArrays(PerImage):
    """An array for each image: ``(N, 6)`` with 4 numbers of a box, score and category id, as YOLO detectors give.

    Ground truth has the same rows, whose score is not read, or ``(N, 5)`` without it. Boxes are as `Options.box_format`
    says. ``(I, N, 6)`` is as a list of I arrays. Rotated boxes have five numbers: ``(N, 7)``, or ``(N, 6)`` without the
    score of ground truth, or without the category of detections, which then is 0. 3D boxes have seven numbers.
    """

    name = "image-arrays"

    def __init__(self, numbers: int = 4) -> None:
        self._numbers = numbers
        self._rows = _rows_of(numbers)

    def of(self, similarity: str) -> PerImage:
        """The reader of boxes with as many numbers as the similarity compares."""
        return ImageArrays(box_widths(similarity)[0] if box_widths(similarity) else 4)

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is a list of arrays, or an array of rows of so many columns."""
        if is_array(source):
            shape = _shape(source)
            return len(shape) in (2, 3) and shape[-1] in self._widths(role)
        if isinstance(source, (list, tuple, Mapping)) and _are_empty(self.items(source, role)):
            # Under texts, empty lists are fields of a dictionary.
            return not isinstance(source, Mapping) or not any(isinstance(id, str) for id in source)
        return super().sniff(source, role)

    def is_item(self, item: Any, role: Role) -> bool:
        """Whether it is an array, or a list of rows."""
        if role == "detections" and _are_classes(item):
            return True
        if isinstance(item, (list, tuple)):
            rows = [len(row) if isinstance(row, (list, tuple)) else 0 for row in item]
            return bool(rows) and all(width in (*self._widths(role), 6, 7) for width in rows)
        return is_array(item)

    def dictionaries(self, source: Any, role: Role, problems: Problems | None = None) -> list[Mapping[str, Any]]:
        """The columns of all arrays."""
        if is_array(source):
            source = [source] if len(_shape(source)) == 2 else list(as_numpy(source))
        return super().dictionaries(source, role, problems)

    def dictionary(self, item: Any, role: Role, where: str) -> Mapping[str, Any]:
        """The columns of an array."""
        if role == "detections" and _are_classes(item):
            rows = _of_classes(item, self._numbers + 1, where)
        else:
            rows = self._rows_in(item, role, where)
        if rows.size == 0:
            rows = np.zeros((0, self._numbers + 2))
        if rows.ndim != 2 or rows.shape[1] not in self._widths(role):
            raise InputError(f"found shape {rows.shape}", where, expected=self._rows[role])
        if role == "detections" and rows.shape[1] == self._numbers + 1:
            rows = np.concatenate([rows, np.zeros((len(rows), 1))], axis=1)
        image = {"boxes": rows[:, : self._numbers], "labels": _ids(rows, rows.shape[1] - 1, "category", where)}
        return image if role == "ground_truth" else {**image, "scores": rows[:, self._numbers]}

    def _rows_in(self, item: Any, role: Role, where: str) -> np.ndarray:
        try:
            return as_numbers(item, where)
        except InputError:
            for row, values in enumerate(item if isinstance(item, (list, tuple)) else ()):
                if not isinstance(values, (list, tuple)) or len(values) not in self._widths(role):
                    continue
                if any(as_number(value) is None for value in values) or as_id(values[-1]) is None:
                    raise _no_number_in(values, self._numbers, row, where) from None
            raise

    def _widths(self, role: Role) -> tuple[int, ...]:
        least = self._numbers + (role == "detections" and self._numbers == 4)
        return tuple(range(least + 1, self._numbers + 3))


def _are_empty(items: Sequence[Any]) -> bool:
    """Whether there is nothing in any of these images."""
    return bool(items) and not any(isinstance(item, Mapping) or is_there(item) for item in items)


def _no_number_in(values: Sequence[Any], numbers: int, row: int, where: str) -> InputError:
    """The error about what is no number in a row of a box, perhaps a score, and a category: that of a record."""
    scores = values[numbers:-1]
    fields: list[tuple[Field, Any]] = [(SCORE, score) for score in scores if as_number(score) is None]
    if any(as_number(value) is None for value in values[:numbers]):
        fields.insert(0, (BOX._replace(expected=f"{numbers} numbers of a box"), values[:numbers]))
    field, value = [*fields, (CATEGORY, values[-1])][0]
    problem = problem_of(field, {field.name: value}, where, row)
    return InputError(None, where, row, field.name, problem.found, problem.expected, problem.code, unit="row")


def _are_classes(item: Any) -> bool:
    """Whether it has an array for each class, as versions of MMDetection before 3 give."""
    return isinstance(item, (list, tuple)) and bool(item) and all(map(is_array, item)) and len(_shape(item[0])) == 2


def _of_classes(item: Any, width: int, where: str) -> np.ndarray:
    """Rows of an array of boxes and scores for each class, whose position is its id."""
    parts = []
    for label, given in enumerate(item):
        rows = as_numbers(given, f"{where}[{label}]")
        if rows.ndim != 2 or rows.shape[1] != width:
            expected = f"(N, {width}) of boxes and scores"
            raise InputError(f"found shape {rows.shape}", f"{where}[{label}]", expected=expected)
        parts.append(np.concatenate([rows, np.full((len(rows), 1), label)], axis=1))
    return np.concatenate(parts)


def _are_of_images(source: Any, options: Options, role: Role) -> bool:
    """Whether rows that could be of all images are of one, or there is an axis for images."""
    return bool(box_widths(options.similarity)) and ImageArrays().of(options.similarity).sniff(source, role)


def _shape(value: Any) -> tuple[int, ...]:
    """The lengths of the axes of an array; none where it cannot be read."""
    try:
        return tuple(value.shape if hasattr(value, "shape") else as_numpy(value).shape)
    except Exception:
        # It is for readers to say why.
        return ()


def _columns_of_all(
    source: Any, options: Options, place: Role
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Image ids, category ids, boxes and scores."""
    numbers = box_widths(options.similarity)
    if not numbers:
        only_boxes("array", options.similarity, place)
    # Beside the box are the image, the score and the category.
    rows, widths = as_numbers(source, place), [of_box + 3 for of_box in numbers or (4,)]
    if rows.size == 0 and rows.ndim <= 2:
        rows = np.zeros((0, widths[0]))
    if rows.ndim != 2 or rows.shape[1] not in widths:
        expected = f"(N, 7) of {_ROW_OF_ALL}; or of one image {_ROW[place]}"
        if numbers:
            expected = f"(N, {widths[0]}) of image id, {numbers[0]} numbers of a box, score, category id; "
            expected += "or (N, 11) with four corners; " if 8 in numbers else ""
            expected += f"or of one image {_rows_of(numbers[0])[place]}"
        raise InputError(f"found shape {rows.shape}", place, expected=expected)
    last = rows.shape[1] - 1
    image_ids, category_ids = _ids(rows, 0, "image", place), _ids(rows, last, "category", place)
    return image_ids, category_ids, rows[:, 1:-2], rows[:, -2]


def _ids(rows: np.ndarray, column: int, name: str, place: str) -> np.ndarray:
    """A column of ids."""
    ids = np.asarray(rows[:, column], dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(ids) < 2**53) | (ids != np.floor(ids)))
    if len(wrong):
        problem = f"the {name} id in column {column} is {ids[wrong[0]]:g}"
        raise InputError(problem, place, int(wrong[0]), expected="an integer", code="malformed-id", unit="row")
    return ids.astype(np.int64)
