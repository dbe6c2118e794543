from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

__version__: str

_Positions = tuple[NDArray[np.uint32], NDArray[np.uint32]] | None
_Curves = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

@final
class Dataset:
    """The columns of one COCO file, and the open file itself."""

    @property
    def path(self) -> str: ...
    @property
    def fallback(self) -> str | None: ...
    @property
    def has_images(self) -> bool: ...
    @property
    def has_annotations(self) -> bool: ...
    @property
    def has_categories(self) -> bool: ...
    @property
    def first_bbox_empty(self) -> bool: ...
    @property
    def integer_scores(self) -> bool: ...
    def __len__(self) -> int: ...
    def image_ids(self) -> list[int]: ...
    def category_ids(self) -> list[int]: ...
    def first_fields(self) -> frozenset[str]: ...
    def annotation_image_ids(self) -> list[int]: ...
    def record_of_image(self, id: int) -> int | None: ...
    def column(self, field: str) -> list[Any] | None: ...
    def load(self) -> Any: ...
    def objects(
        self,
        iou_type: Literal["bbox", "segm", "keypoints"],
        role: Literal["ground_truth", "detections"],
        images: Dataset | None = None,
    ) -> Objects | None: ...

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
    dilation_ratio: float | None = None,
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
def read_dataset(path: str | PathLike[str]) -> Dataset: ...
def read_results(path: str | PathLike[str]) -> Dataset: ...

# Pixels

_SemanticSettings = tuple[int, int | None, bool, float | None]
_SemanticCounts = tuple[NDArray[np.int64], NDArray[np.int64] | None, list[tuple[int, Exception]]]

def count_labels(
    target: NDArray[np.integer], prediction: NDArray[np.integer], settings: _SemanticSettings
) -> _SemanticCounts: ...
def count_label_files(
    pairs: Sequence[tuple[str | PathLike[str], str | PathLike[str]]], settings: _SemanticSettings
) -> _SemanticCounts: ...
_Segments = tuple[
    NDArray[np.uint32], NDArray[np.uint32], NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]
]
_PanopticTally = tuple[NDArray[np.float64], NDArray[np.int64]]

_Masks = list[tuple[int, int, bytes]]

def boundary_iou(
    detections: _Masks, ground_truths: _Masks, crowd: list[bool], dilation_ratio: float
) -> NDArray[np.float64]: ...
def match_segment_maps(
    target: NDArray[np.integer],
    prediction: NDArray[np.integer],
    target_segments: _Segments,
    prediction_segments: _Segments,
    tally: _PanopticTally,
    strict: bool,
) -> list[tuple[int, Exception]]: ...
def match_segment_files(
    pairs: Sequence[tuple[str | PathLike[str], str | PathLike[str]]],
    target_segments: _Segments,
    prediction_segments: _Segments,
    tally: _PanopticTally,
    strict: bool,
) -> list[tuple[int, Exception]]: ...
def best_classes(scores: NDArray[np.floating]) -> NDArray[np.uint16]: ...
def read_labels(path: str | PathLike[str]) -> NDArray[np.uint8] | NDArray[np.uint16]: ...
def read_segment_ids(path: str | PathLike[str]) -> NDArray[np.uint32]: ...

_Mask = dict[str, Any]

@final
class RLEs:
    def __new__(cls, n: float = ...) -> RLEs: ...
    @property
    def n(self) -> int: ...

@final
class MaskForeground:
    def __new__(cls, masks: Iterable[_Mask]) -> MaskForeground: ...
    def __len__(self) -> int: ...

def mask_area(masks: Iterable[_Mask]) -> NDArray[np.uint32]: ...
def mask_box_iou(
    detections: NDArray[np.float64], ground_truths: NDArray[np.float64], crowd: NDArray[np.uint8]
) -> NDArray[np.float64]: ...
def mask_decode(masks: Iterable[_Mask]) -> NDArray[np.uint8]: ...
def mask_encode(mask: NDArray[Any]) -> list[_Mask]: ...
def mask_from_boxes(boxes: NDArray[np.float64], h: float, w: float) -> list[_Mask]: ...
def mask_from_counts(masks: Sequence[_Mask], _h: float, _w: float) -> list[_Mask]: ...
def mask_from_polygons(polygons: Iterable[Sequence[float]], h: float, w: float) -> list[_Mask]: ...
def mask_from_string(masks: Iterable[_Mask]) -> RLEs: ...
def mask_iou(
    detections: MaskForeground, ground_truths: MaskForeground, crowd: NDArray[np.uint8]
) -> NDArray[np.float64]: ...
def mask_merge(masks: Iterable[_Mask], intersect: float) -> _Mask: ...
def mask_to_bbox(masks: Iterable[_Mask]) -> NDArray[np.float64]: ...
def mask_to_string(masks: RLEs) -> list[_Mask]: ...
