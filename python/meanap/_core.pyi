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

@final
class Objects:
    @property
    def image_ids(self) -> list[Any]: ...
    @property
    def category_ids(self) -> list[Any]: ...
    @property
    def keypoints(self) -> int | None: ...
    def __len__(self) -> int: ...

@final
class Evaluation:
    @property
    def zero_ids(self) -> int: ...
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
    ranks: NDArray[np.uint32],
    matched: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
    positives: int,
    recall_points: NDArray[np.float64],
    limits: list[int],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]: ...
def read_dataset(path: str | PathLike[str]) -> Dataset: ...
def read_results(path: str | PathLike[str]) -> Dataset: ...
def index_annotations(
    annotations: Iterable[Any],
    anns: dict[Any, Any],
    img_to_anns: dict[Any, list[Any]],
    cat_to_imgs: dict[Any, list[Any]] | None = None,
) -> None: ...
def load_annotations(
    img_to_anns: dict[Any, list[Any]],
    anns: dict[Any, Any],
    img_ids: list[Any],
    cat_ids: list[Any],
    all_annotations: Iterable[Any] | None,
) -> list[Any]: ...
def prepare_boxes(annotations: list[Any], place: str) -> None: ...
def keypoint_extent(keypoints: Any) -> tuple[float, float, float, float] | None: ...
def objects_from_dicts(
    annotations: list[Any],
    iou_type: str,
    role: str,
    images: dict[Any, Any] | None,
    image_positions: dict[Any, int],
    category_positions: dict[Any, int],
    single: bool = False,
) -> Objects | None: ...
def objects_from_rows(
    rows: NDArray[np.float64],
    areas: NDArray[np.float64],
    image_positions: dict[Any, int],
    category_positions: dict[Any, int],
) -> Objects | None: ...
def distinct_integers(column: NDArray[np.float64], name: str) -> dict[int, int]: ...

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

_Regions = tuple[
    NDArray[np.uint16], NDArray[np.uint64], NDArray[np.float64], NDArray[np.uint32], NDArray[np.uint64]
]

SCORE_BINS: int

def pixel_average_precision(
    maps: list[tuple[NDArray[np.integer], NDArray[np.floating]]], settings: _SemanticSettings
) -> NDArray[np.float64]: ...
def add_to_score_histogram(
    target: NDArray[np.integer],
    scores: NDArray[np.floating],
    histogram: NDArray[np.uint64],
    settings: _SemanticSettings,
) -> None: ...
def histogram_average_precision(histogram: NDArray[np.uint64]) -> NDArray[np.float64]: ...
def label_regions(
    target: NDArray[np.integer],
    prediction: NDArray[np.integer],
    scores: NDArray[np.float64] | None,
    connectivity: int,
    settings: _SemanticSettings,
) -> tuple[_Regions, _Regions]: ...
def objects_of_regions(
    image: NDArray[np.uint32],
    category: NDArray[np.uint32],
    area: NDArray[np.float64],
    score: NDArray[np.float64],
    size: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    starts: NDArray[np.uint64],
    images: int,
    categories: int,
) -> Objects: ...

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

# Ranking.

_Ids = NDArray[Any] | list[int] | list[str]

@final
class RankingPlan:
    @property
    def measures(self) -> list[str]: ...
    def __new__(
        cls,
        measures: list[str],
        *,
        divisor: str,
        ties: str,
        score_dtype: str,
        duplicates: str,
        gain: str,
        relevance_level: int,
        graded_below_level: bool,
        positive_scores_only: bool,
        compensated: bool,
    ) -> RankingPlan: ...

@final
class Qrels:
    @property
    def query_ids(self) -> list[Any]: ...
    @staticmethod
    def from_dict(judgements: dict[Any, dict[Any, int]]) -> Qrels: ...
    @staticmethod
    def from_columns(queries: _Ids, documents: _Ids, grades: NDArray[Any], duplicates: str) -> Qrels: ...
    @staticmethod
    def from_trec(name: str, text: bytes, duplicates: str) -> Qrels: ...
    def relevant(self, level: int) -> NDArray[Any]: ...
    def least(self) -> int: ...

@final
class Run:
    @property
    def query_ids(self) -> list[Any]: ...
    @staticmethod
    def from_columns(queries: _Ids, documents: _Ids, scores: NDArray[Any]) -> Run: ...
    @staticmethod
    def from_trec(name: str, text: bytes) -> Run: ...

def evaluate_run(
    qrels: Qrels, run: Run, groups: NDArray[Any], queries: NDArray[Any], plan: RankingPlan
) -> NDArray[Any]: ...
def evaluate_dicts(
    qrels: Qrels, lists: list[dict[Any, float] | None], queries: NDArray[Any], plan: RankingPlan
) -> NDArray[Any]: ...
def apk_of_lists(actual: list[Any], predicted: list[Any], k: int) -> NDArray[Any]: ...
def apk_of_arrays(
    actual: tuple[NDArray[Any], Any], predicted: tuple[NDArray[Any], Any], k: int
) -> NDArray[Any]: ...
def dense_average_precision(
    scores: NDArray[Any], labels: NDArray[Any] | tuple[NDArray[Any], NDArray[Any]], k: int
) -> tuple[int, int, int]: ...
def dense_mean(units: int, rows: int) -> float: ...
def average_precision(truth: NDArray[Any], scores: NDArray[Any]) -> float: ...
def average_precision_of_columns(truth: NDArray[Any], scores: NDArray[Any]) -> NDArray[Any]: ...
def precision_recall(
    truth: NDArray[Any], scores: NDArray[Any], drop_intermediate: bool
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]: ...
def bootstrap_means(values: NDArray[Any], samples: int, seed: int) -> NDArray[Any]: ...
def randomisation_test(differences: NDArray[Any], samples: int, seed: int) -> float: ...
def paired_t_test(differences: NDArray[Any]) -> tuple[float, float]: ...
def holm(p_values: list[float]) -> list[float]: ...
# The native face

_Recall = NDArray[np.float64] | Literal["exact", "trapezium"]

@final
class Matches:
    """A match table: one row for each detection, and what there was to find."""

    @property
    def image_ids(self) -> list[Any]: ...
    @property
    def category_ids(self) -> list[Any]: ...
    @property
    def groups(self) -> int: ...
    def accumulate(self, *, recall: _Recall, areas: list[int], max_detections: list[int]) -> _Curves: ...
    def counts(
        self, group: int, threshold: int, area: int, limit: int
    ) -> tuple[NDArray[np.float64], NDArray[np.uint32], NDArray[np.uint32], int]: ...
    def resample(
        self, weights: NDArray[np.uint32], area: int, limit: int, recall: _Recall
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def ties(self, area: int, limit: int, recall: _Recall, orders: int, seed: int) -> _Curves: ...
    def pooled(self) -> Matches: ...
    def totals(self, area: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
    def columns(self, area: int) -> dict[str, NDArray[Any]]: ...

@final
class MatchLog:
    """Match-table rows gathered batch by batch."""

    def __new__(
        cls,
        *,
        similarity: str,
        box_format: str,
        size: str,
        score_range: tuple[float, float] | None,
        crowds: bool,
        pixels: bool,
        variances: NDArray[np.float64] | None,
        thresholds: NDArray[np.float64],
        area_ranges: NDArray[np.float64],
        max_detections: int,
        max_per_image: int | None,
        matcher: str,
        by_category: bool,
        pairs: bool = False,
    ) -> MatchLog: ...
    @property
    def images(self) -> int: ...
    @property
    def rows(self) -> tuple[int, int]: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def seen(self) -> list[Any]: ...
    def update(self, preds: Any, targets: Any) -> None: ...
    def append(self, ground_truth: Objects, detections: Objects, images: Any = None) -> None: ...
    def declare(self, categories: Any) -> None: ...
    def merge(self, other: MatchLog) -> None: ...
    def to_bytes(self) -> bytes: ...
    def restore(self, bytes: bytes) -> None: ...
    def empty(self) -> MatchLog: ...
    def copy(self) -> MatchLog: ...
    def table(self) -> Matches: ...

def objects_from_arrays(
    image_ids: Any,
    category_ids: Any,
    *,
    detections: bool,
    similarity: str,
    box_format: str,
    size: str,
    score_range: tuple[float, float] | None,
    crowds: bool,
    fields: dict[str, Any],
) -> Objects: ...
