from typing import Any

import numpy as np
from numpy.typing import NDArray

__version__: str

_Positions = tuple[NDArray[np.uint32], NDArray[np.uint32]] | None
_Curves = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

class Objects:
    @property
    def image_ids(self) -> list[Any]: ...
    @property
    def category_ids(self) -> list[Any]: ...
    @property
    def keypoints(self) -> int | None: ...
    def __len__(self) -> int: ...

class Evaluation:
    def accumulate(
        self,
        *,
        groups: list[int],
        areas: list[int],
        max_detections: list[int],
        images: NDArray[np.bool_] | None,
        recall_points: NDArray[np.float64],
        shape: tuple[int, int, int],
    ) -> _Curves: ...
    def eval_imgs(
        self,
        *,
        image_ids: list[Any],
        category_ids: list[Any],
        area_ranges: list[Any],
        max_detections: Any,
        ground_truth: list[dict[str, Any]] | None,
        detections: list[dict[str, Any]] | None,
    ) -> list[dict[str, Any] | None]: ...
    def ious(self, image_ids: list[Any], category_ids: list[Any]) -> dict[tuple[Any, Any], Any]: ...

def evaluate(
    ground_truth: Objects,
    detections: Objects,
    *,
    ground_truth_positions: _Positions,
    detection_positions: _Positions,
    images: int,
    categories: int,
    by_category: bool,
    thresholds: NDArray[np.float64],
    area_ranges: NDArray[np.float64],
    max_detections: int,
    variances: NDArray[np.float64] | None = None,
) -> Evaluation: ...
def match_cell(
    similarity: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    ignored: list[bool],
    crowd: list[bool],
    claims: list[bool],
) -> NDArray[np.int64]: ...
def curves(
    score: NDArray[np.float64],
    matched: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
    positives: int,
    recall_points: NDArray[np.float64],
) -> _Curves: ...
