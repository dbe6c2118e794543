"""A result from the curves that workers computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from meanap.detection.result import Result
from meanap.distributed.contract import Plan
from meanap.distributed.rows import rows_into

__all__ = ["GatheredResult", "from_curves", "from_matches"]


class Gathered:
    """The part of a match table's interface that a `Result` needs, computed from curves, without the rows."""

    def __init__(self, curves: dict[Any, dict[str, Any]], ids: list[Any], plan: Plan) -> None:
        self.category_ids = ids
        self.groups = len(ids)
        self._curves = curves
        self._plan = plan
        self._whole: tuple[np.ndarray, ...] | None = None

    def accumulate(self, **_asked: Any) -> tuple[np.ndarray, ...]:
        """Precision, recall and scores, of the same plan as on the workers."""
        if self._whole is None:
            self._whole = self._gather()
        return self._whole

    def _gather(self) -> tuple[np.ndarray, ...]:
        rules = self._plan.protocol
        t, a, m = len(rules.thresholds), len(rules.area_ranges), len(rules.max_detections)
        r, s = (1, 0) if isinstance(rules.recall, str) else (len(rules.recall), len(rules.recall))
        shapes = {"precision": (t, r), "recall": (t,), "scores": (t, s)}
        found = []
        for name, axes in shapes.items():
            whole = np.full((*axes, self.groups, a, m), -1.0)
            for k, id in enumerate(self.category_ids):
                if id in self._curves:
                    whole[..., k, :, :] = np.reshape(self._curves[id][name], (*axes, a, m))
            found.append(whole)
        return tuple(found)

    def pooled(self) -> Gathered:
        return Gathered(self._curves, [None], self._plan)

    def positives(self) -> np.ndarray:
        areas = len(self._plan.protocol.area_ranges)
        of = [self._curves.get(id, {}).get("objects", [0] * areas) for id in self.category_ids]
        return np.array(of, dtype=np.int64).reshape(len(of), areas)

    def detections(self) -> np.ndarray:
        return np.array([self._curves.get(id, {}).get("detections", 0) for id in self.category_ids], dtype=np.int64)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            # What `pickle` and `copy` ask for is not a question about rows.
            raise AttributeError(name)
        raise RuntimeError(
            "this needs the match table, whose rows stayed with the workers: "
            "meanap.distributed.evaluate(..., keep_matches=True) brings them here"
        )


class GatheredResult(Result):
    """A result without match rows: its numbers, tables of classes and curves at the recall points."""

    def __init__(self, gathered: Gathered, plan: Plan, names: Mapping[Any, str], images: int) -> None:
        super().__init__(gathered, plan.protocol, plan.similarity, names=names)  # type: ignore[arg-type]
        self._plan = plan
        self._images = images

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._matches, self._plan, self.names, self._images)

    def _image_count(self) -> int:
        return self._images

    def _values(self, kind: str, limit: int, micro: bool) -> np.ndarray:
        curves: Any = self._pooled if micro else self._matches
        precision, recall, _ = curves.accumulate()
        values: np.ndarray = (precision if kind == "precision" else recall)[..., limit]
        return values

    def confusion(self, iou: float = 0.5, score: float | None = None) -> Any:
        _no_confusion(iou)

    def errors(self, iou: float = 0.5, background: float = 0.1, *, area: str = "all") -> Any:
        _no_errors(iou)

    def lrp(self, iou: float = 0.5, *, area: str = "all") -> Any:
        _no_errors(iou)


def _no_confusion(*_: Any) -> NoReturn:
    raise RuntimeError("confusion: not in a distributed result; call meanap.distributed.confusion on the data set")


def _no_errors(*_: Any) -> NoReturn:
    raise RuntimeError("errors and lrp: not in a distributed result; call meanap.evaluate on the images that matter")


def from_curves(
    curves: pa.Table, plan: Plan, categories: Iterable[Any] | Mapping[Any, str] | None = None
) -> GatheredResult:
    """The result that `accumulate_group`'s rows of all categories make.

    `categories` adds those without rows, and gives names if it is a mapping.
    """
    rows = dict(_row(curves, at) for at in range(curves.num_rows))
    known, names = _told(categories, plan)
    ids = sorted({*known, *rows} - {None}, key=lambda id: (isinstance(id, str), id))
    images = sum(row["images"] for row in rows.values())
    return GatheredResult(Gathered(rows, ids, plan), plan, names, images)


def from_matches(rows: pa.Table, plan: Plan, categories: Iterable[Any] | Mapping[Any, str] | None = None) -> Result:
    """The result that `match_batch`'s rows of all images make, in any order, with every method that needs only match
    rows.

    `categories` adds those without rows, and gives names if it is a mapping. Images without any object are not there.
    """
    known, names = _told(categories, plan)
    log = plan.log()
    if rows.num_rows:
        rows_into(log, rows)
    log.declare(known)
    return Result(log.table(), plan.protocol, plan.similarity, names=names, confusion=_no_confusion, errors=_no_errors)


def _told(categories: Iterable[Any] | Mapping[Any, str] | None, plan: Plan) -> tuple[list[Any], Mapping[Any, str]]:
    """Ids and names of categories that the caller knows of."""
    known = [] if categories is None or not plan.protocol.by_category else list(categories)
    return known, categories if isinstance(categories, Mapping) else {}


def _row(curves: pa.Table, at: int) -> tuple[Any, dict[str, Any]]:
    """The category of a row and its other columns; lists of numbers as arrays."""
    row = {name: curves[name][at] for name in curves.column_names}
    lists = {name: value.values.to_numpy() for name, value in row.items() if isinstance(value, pa.ListScalar)}
    plain = {name: value.as_py() for name, value in row.items() if name not in lists}
    return plain.pop("category_id"), {**plain, **lists}
