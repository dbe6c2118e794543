"""Results over a cluster: from curves that workers drew, or from match rows."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from meanap._arrays import as_ids, in_order
from meanap.detection.result import Result
from meanap.detection.scores import Curves, MatchScores, Names, Scores
from meanap.distributed.contract import Plan
from meanap.distributed.rows import rows_into
from meanap.errors import InputError
from meanap.readers.sides import first_strange, plain_ids

__all__ = ["CurveScores", "from_curves", "from_matches"]


class CurveScores(Scores):
    """Scores from curves alone: the match rows stay with the workers, and what needs them raises an error.

    Parameters
    ----------
    curves
        Rows of `accumulate_group` by category; None stands for all categories ranked together.
    categories
        The categories, in order.
    image_count
        How many images the workers had.
    """

    def __init__(
        self,
        curves: dict[Any, dict[str, Any]],
        categories: list[Any],
        image_count: int,
        plan: Plan,
        names: Names = None,
    ) -> None:
        super().__init__(plan.protocol, plan.similarity, names)
        self._curves = curves
        self._category_ids = categories
        self._image_count = image_count
        self._plan = plan

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._curves, self._category_ids, self._image_count, self._plan, self.names)

    @property
    def table(self) -> NoReturn:
        raise RuntimeError(
            "this needs the match table, whose rows stayed with the workers: "
            "meanap.distributed.evaluate(..., keep_matches=True) brings them here; slices=... does without"
        )

    @property
    def image_count(self) -> int:
        return self._image_count

    @property
    def category_ids(self) -> list[Any]:
        return self._category_ids

    @property
    def objects(self) -> np.ndarray:
        areas = len(self.protocol.area_ranges)
        of = [self._curves.get(id, {}).get("objects", [0] * areas) for id in self.category_ids]
        return np.array(of, dtype=np.int64).reshape(len(of), areas)

    @property
    def detections(self) -> np.ndarray:
        return np.array([self._curves.get(id, {}).get("detections", 0) for id in self.category_ids], dtype=np.int64)

    @property
    def images_with_objects(self) -> np.ndarray:
        of = [self._curves.get(id, {}).get("images_with_objects", 0) for id in self.category_ids]
        return np.array(of, dtype=np.int64)

    @functools.cached_property
    def curves(self) -> Curves:
        return self._gathered(self.category_ids)

    @functools.cached_property
    def _micro(self) -> Curves:
        return self._gathered([None])

    def values(self, kind: str, limit: int, micro: bool) -> np.ndarray:
        if kind == "miss_rate":
            return self.table  # Which says what is needed.
        curves = self._micro if micro else self.curves
        return (curves.precision if kind == "precision" else curves.recall)[..., limit]

    def release(self) -> None:
        """Frees nothing: what could match again stays with the workers."""

    def confusion_table(self, iou: float) -> NoReturn:
        _no_confusions(iou)

    def confusion_tables(self, ious: Sequence[float]) -> NoReturn:
        _no_confusions(ious)

    def jaccard_counts(self, iou: float, scores: list[float]) -> NoReturn:
        raise RuntimeError("jaccard_index: not in a distributed result; call meanap.evaluate on the images that matter")

    def error_table(self, iou: float, background: float, area: str, least: Sequence[float] | None = None) -> NoReturn:
        _no_errors(iou, background, area)

    def _gathered(self, categories: list[Any]) -> Curves:
        """The curves of some categories; -1 for those without rows."""
        rules = self.protocol
        t, a, m = len(rules.thresholds), len(rules.area_ranges), len(rules.max_detections)
        r, s = (1, 0) if isinstance(rules.recall, str) else (len(rules.recall), len(rules.recall))
        shapes = {"precision": (t, r), "recall": (t,), "scores": (t, s)}
        found = []
        for name, axes in shapes.items():
            whole = np.full((*axes, len(categories), a, m), -1.0)
            for k, id in enumerate(categories):
                if id in self._curves:
                    whole[..., k, :, :] = np.reshape(self._curves[id][name], (*axes, a, m))
            found.append(whole)
        return Curves(*found)


def _no_confusions(*_: Any) -> NoReturn:
    raise RuntimeError("confusion: not in a distributed result; call meanap.distributed.confusion on the data set")


def _no_errors(*_: Any) -> NoReturn:
    raise RuntimeError("errors and lrp: not in a distributed result; call meanap.evaluate on the images that matter")


def from_curves(
    curves: pa.Table,
    plan: Plan,
    categories: Iterable[Any] | Mapping[Any, str] | None = None,
    slices: Mapping[str, pa.Table] | None = None,
    image_ids: Iterable[Any] | None = None,
) -> Result:
    """The result that `accumulate_group`'s rows of all categories make.

    `categories` adds those without rows, and gives names if it is a mapping. `slices` are the rows of some of the
    images, by the name of the slice. `image_ids` are all images; by default those that have rows are counted.

    Raises
    ------
    InputError
        The protocol has miss rates, which curves do not say.
    """
    if any(row.kind == "miss_rate" for row in plan.protocol.summary):
        raise InputError(f"protocol: {plan.protocol.name!r} has miss rates, which need match rows: from_matches")
    known, names = _categories_and_names(categories, plan)
    images = _all_images(image_ids)
    whole = _curve_scores(curves, plan, known, names, None if images is None else len(set(images)))
    parts = {name: _curve_scores(part, plan, whole.category_ids, names) for name, part in (slices or {}).items()}
    return Result(whole, parts)


def _curve_scores(
    curves: pa.Table, plan: Plan, known: list[Any], names: Mapping[Any, str], images: int | None = None
) -> CurveScores:
    rows = dict(_row(curves, at) for at in range(curves.num_rows))
    ids = in_order({*known, *rows} - {None})
    images = sum(row["images"] for row in rows.values()) if images is None else images
    return CurveScores(rows, ids, images, plan, names)


def from_matches(
    rows: pa.Table,
    plan: Plan,
    categories: Iterable[Any] | Mapping[Any, str] | None = None,
    image_fields: Mapping[str, dict[Any, Any]] | None = None,
    image_ids: Iterable[Any] | None = None,
) -> Result:
    """The result of `match_batch`'s rows of all images, in any order.

    It has every method that needs only match rows.

    Parameters
    ----------
    rows, plan
        The match rows, and what they were made with.
    categories
        Adds those without rows, and gives names if it is a mapping.
    image_fields
        Values of fields by image id, of which `Result.sliced` makes slices.
    image_ids
        All images: an image without objects and detections has no rows, and counts in false positives per image, and so
        in miss rates. By default the images that have rows.

    Raises
    ------
    InputError
        Rows are of an image that is not among `image_ids`.
    """
    known, names = _categories_and_names(categories, plan)
    log = plan.log()
    images = _all_images(image_ids)
    strange = None if images is None else first_strange(rows["image_id"].unique().to_pylist(), images)
    if strange is not None:
        raise InputError(source="image_ids", found=f"{strange!r}, of which there are rows, is not among them")
    if rows.num_rows or images:
        rows_into(log, rows, images or [])
    log.declare(known)
    table, (protocol, similarity) = log.table(), (plan.protocol, plan.similarity)
    functions: dict[str, Any] = {"confusions": _no_confusions, "errors": _no_errors}
    return Result(MatchScores(table, protocol, similarity, names=names, image_fields=image_fields, **functions))


def _all_images(image_ids: Iterable[Any] | None) -> list[Any] | None:
    """The ids of all images as rows have them; None if they are not given."""
    return None if image_ids is None else plain_ids(as_ids(list(image_ids), "image_ids"))


def _categories_and_names(
    categories: Iterable[Any] | Mapping[Any, str] | None, plan: Plan
) -> tuple[list[Any], Mapping[Any, str]]:
    """Ids and names of categories that the caller knows of."""
    known = [] if categories is None or not plan.protocol.by_category else list(categories)
    return known, categories if isinstance(categories, Mapping) else {}


def _row(curves: pa.Table, at: int) -> tuple[Any, dict[str, Any]]:
    """The category of a row and its other columns; lists of numbers as arrays."""
    row = {name: curves[name][at] for name in curves.column_names}
    lists = {name: value.values.to_numpy() for name, value in row.items() if isinstance(value, pa.ListScalar)}
    plain = {name: value.as_py() for name, value in row.items() if name not in lists}
    return plain.pop("category_id"), {**plain, **lists}
