"""Arrays of detections: a row for each, as pycocotools' `loadNumpyAnnotations` takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from meanap.errors import InputError
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Reader, Role, Truth
from meanap.readers.sides import Detections

__all__ = ["Arrays"]


class Arrays(Reader):
    """``(N, 7)``: image id, x, y, width, height, score, category id."""

    name = "array"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is an array of detections."""
        return role == "detections" and isinstance(source, np.ndarray)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The rows as columns."""
        del options, problems, truth
        if source.ndim != 2 or source.shape[1] != 7:
            raise InputError(f"expected shape (N, 7), found {source.shape}", "detections")
        image_ids, category_ids = (_whole(source[:, at], name) for at, name in ((0, "image"), (6, "category")))
        found = Detections(image_ids, category_ids, source[:, 5], source[:, 1:5], box_format="xywh")
        found.any_score = True
        return found


def _whole(column: np.ndarray, name: str) -> np.ndarray:
    ids = np.asarray(column, dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(ids) < 2**53) | (ids != np.floor(ids)))
    if len(wrong):
        problem = f"the {name} id is {ids[wrong[0]]}"
        raise InputError(problem, "detections", int(wrong[0]), expected="an integer", unit="row")
    return ids.astype(np.int64)
