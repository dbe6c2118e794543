"""Types of public arguments, named once.

Only signatures use them: modules import this one for type checkers, never to run.
"""

from __future__ import annotations

import os
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Union

import numpy as np

if TYPE_CHECKING:
    from meanap.protocol import SummaryRow
    from meanap.readers.sides import Detections, GroundTruth

# Names

SimilarityName: TypeAlias = Literal[
    "bbox",
    "segm",
    "boundary",
    "polygon",
    "keypoints",
    "rotated",
    "box3d",
    "bev",
    "centre-distance",
    "temporal",
    "giou",
    "diou",
    "ciou",
]
#: A function of the boxes of detections ``(D, 4)`` and of ground truths ``(G, 4)``: x, y, width, height.
OwnSimilarity: TypeAlias = "Callable[[np.ndarray[Any, Any], np.ndarray[Any, Any]], np.ndarray[Any, Any]]"
PresetName: TypeAlias = Literal[
    "activitynet",
    "citypersons",
    "citypersons-all",
    "citypersons-heavy",
    "citypersons-small",
    "cityscapes",
    "coco",
    "coco-rotated",
    "crowdhuman",
    "crowdpose",
    "dota",
    "kitti",
    "kitti-r11",
    "lvis",
    "mmrotate",
    "nuscenes",
    "openimages",
    "openimages-challenge",
    "thumos",
    "visdrone",
    "torchmetrics",
    "ultralytics",
    "ultralytics-obb",
    "voc2007",
    "voc2012",
    "widerface",
    "youtubevis",
]
BoxFormat: TypeAlias = Literal["xyxy", "xywh", "cxcywh"]
#: The unit of the angles of rotated boxes.
AngleUnit: TypeAlias = Literal["degrees", "radians"]
#: Whose arithmetic compares rotated boxes.
RotatedIouName: TypeAlias = Literal["exact", "detectron2", "mmcv", "polyiou", "probiou"]
#: Sets of keypoints whose sigmas are known.
KeypointSetName: TypeAlias = Literal[
    "coco", "crowdpose", "halpe26", "halpe136", "wholebody", "foot", "face68", "hand21", "ap10k"
]
AverageName: TypeAlias = Literal["macro", "micro", "images"]
MatcherName: TypeAlias = Literal["greedy", "greedy-first", "argmax", "group-of", "group-of-counted", "kitti"]
RecallMethod: TypeAlias = Literal[
    "exact", "trapezium", "lines", "levels", "cityscapes", "kitti-40", "kitti-11", "nuscenes"
]
MissRateName: TypeAlias = Literal["dollar", "crowdhuman", "citypersons"]
SizeName: TypeAlias = Literal["area", "diagonal", "side", "fraction", "pose", "difficulty", "level"]
#: The numbers in the summaries of the presets.
NumberName: TypeAlias = Literal[
    "ap",
    "ap30",
    "ap40",
    "ap50",
    "ap60",
    "ap70",
    "ap75",
    "ap95",
    "ap_small",
    "ap_medium",
    "ap_large",
    "ap_easy",
    "ap_hard",
    "ap_rare",
    "ap_common",
    "ap_frequent",
    "ar",
    "ar50",
    "ar75",
    "ar_1",
    "ar_10",
    "ar_100",
    "ar_500",
    "mr",
    "ar_small",
    "ar_medium",
    "ar_large",
    "car_easy",
    "car_moderate",
    "car_hard",
    "pedestrian_easy",
    "pedestrian_moderate",
    "pedestrian_hard",
    "cyclist_easy",
    "cyclist_moderate",
    "cyclist_hard",
    "ap_0.5m",
    "ap_1m",
    "ap_2m",
    "ap_4m",
]

# Values

PathLike: TypeAlias = Union[str, "os.PathLike[str]"]
Number: TypeAlias = Union[float, "np.integer[Any]", "np.floating[Any]"]
#: Identifies an image, a category, a query or a document.
Id: TypeAlias = Union[int, str, "np.integer[Any]"]


class SupportsArray(typing.Protocol):
    """What NumPy makes an array of: arrays, CPU tensors, columns of tables."""

    def __array__(self) -> np.ndarray[Any, Any]:
        """The values as a NumPy array."""


class SupportsDLPack(typing.Protocol):
    """Arrays and tensors that are handed over by DLPack."""

    def __dlpack__(self) -> object:
        """The values as a DLPack capsule."""


#: An array or tensor of any library.
Array: TypeAlias = SupportsArray | SupportsDLPack
#: ``(N,)`` numbers.
Numbers: TypeAlias = Array | Sequence[Number]
#: ``(N, M)`` numbers.
Rows: TypeAlias = Array | Sequence[Sequence[Number]] | Sequence[Array]
#: ``(N, K, M)`` numbers.
Points: TypeAlias = Array | Sequence[Sequence[Sequence[Number]]] | Sequence[Array]
#: ``(N,)`` integers or strings; one string is not a column of ids.
Ids: TypeAlias = Array | Sequence[Union[int, "np.integer[Any]"]] | list[str] | tuple[str, ...]


class RunLengths(TypedDict):
    """A mask in COCO's run-length encoding."""

    size: Sequence[int]
    counts: str | bytes | Sequence[int]


#: ``(N, H, W)`` flags, one array for each mask, or run lengths.
Masks: TypeAlias = Array | Sequence[Array] | Sequence[RunLengths] | Sequence[Mapping[str, object]]

#: Label maps ``(H, W)`` or ``(N, H, W)``, class scores with an axis more, or files of them.
Labels: TypeAlias = Rows | Points | PathLike | Sequence[PathLike]

# Tables


class ArrowTable(typing.Protocol):
    """A table or column that is handed over by the Arrow C stream interface: Polars, pandas, pyarrow, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows as a capsule of an Arrow stream."""


class LazyTable(typing.Protocol):
    """A lazy frame of Polars."""

    def collect(self) -> object:
        """The table."""

    def collect_schema(self) -> object:
        """The names and types of the columns."""


class DuckDBRelation(typing.Protocol):
    """A relation of DuckDB."""

    def fetchnumpy(self) -> object:
        """The columns as NumPy arrays."""


Table: TypeAlias = ArrowTable | LazyTable | DuckDBRelation

# Records: the dictionaries of files and of training loops


class CocoDataset(TypedDict, total=False):
    """The content of a COCO annotation file."""

    images: Sequence[Mapping[str, Any]]
    annotations: Sequence[Mapping[str, Any]]
    categories: Sequence[Mapping[str, Any]]
    info: Mapping[str, Any]
    licenses: Sequence[Mapping[str, Any]]


#: The segments of one image in COCO panoptic form: ``id``, ``category_id``, and what else there is.
Segments: TypeAlias = Sequence[Mapping[str, Any]]


class CocoResult(TypedDict, total=False):
    """One record of a COCO result file."""

    image_id: Id
    category_id: Id
    score: float
    bbox: Sequence[float]
    segmentation: RunLengths | Sequence[Sequence[float]]
    keypoints: Sequence[float]


class ImageDetections(TypedDict, total=False):
    """The detections of one image."""

    boxes: Rows
    masks: Masks
    keypoints: Points
    scores: Numbers
    labels: Ids


class ImageTargets(TypedDict, total=False):
    """The ground truth of one image."""

    boxes: Rows
    masks: Masks
    keypoints: Points
    labels: Ids
    area: Numbers
    num_keypoints: Numbers
    iscrowd: Numbers
    ignore: Numbers
    image_id: Id
    image_size: Sequence[int]


#: One dictionary or array for each image, as metric objects take them.
DetectionBatch: TypeAlias = Sequence[ImageDetections | Mapping[str, object] | Array | None] | Array
TargetBatch: TypeAlias = Sequence[ImageTargets | Mapping[str, object] | Array]
#: Ground truth and detections that `meanap.evaluate` accepts.
GroundTruthInput: TypeAlias = Union[
    PathLike, "GroundTruth", CocoDataset, Mapping[str, object], Mapping[int, object], Array, TargetBatch, Table
]
DetectionsInput: TypeAlias = Union[
    PathLike,
    "Detections",
    CocoDataset,
    Mapping[str, object],
    Mapping[int, object],
    Sequence[CocoResult],
    DetectionBatch,
    Table,
]

#: The name of a reader of paths; or of those of ground truth and detections, None where it is recognised.
FormatInput: TypeAlias = str | Sequence[str | None] | None
#: Names of categories: by id, in the order of ids 0, 1, 2 …, or a file of them.
NamesInput: TypeAlias = PathLike | Mapping[Any, str] | Sequence[str]
#: Images: a folder, files, or files by image id.
ImagesInput: TypeAlias = PathLike | Sequence[PathLike] | Mapping[Any, PathLike]

#: Polygons to ignore, ``x, y`` of their corners, by image id, or the name of a field of the images.
RegionsInput: TypeAlias = str | Mapping[Any, Sequence[Numbers | Rows]]
#: The same of the images of a batch, in order, or by image id.
BatchRegionsInput: TypeAlias = Sequence[Sequence[Numbers | Rows] | None] | Mapping[Any, Sequence[Numbers | Rows]]
#: Slices of the images: names of fields, or ids, ranges or values by name, or a table with image_id.
SlicesInput: TypeAlias = str | Sequence[str] | Mapping[str, Any] | Table

# pycocotools' classes

#: One id, or several.
IdOrIds: TypeAlias = Id | Sequence[Id] | SupportsArray
#: One name, or several.
NameOrNames: TypeAlias = str | Sequence[str]


class CocoIndex(typing.Protocol):
    """The interface of a data set that an evaluation uses: `meanap.COCO`, or another package's class of that name."""

    def getAnnIds(self) -> Any:
        """Ids of annotations."""

    def getCatIds(self) -> Any:
        """Ids of categories."""

    def getImgIds(self) -> Any:
        """Ids of images."""

    def loadAnns(self) -> Any:
        """Annotations by their ids."""


# Ranked lists


class CompressedRows(typing.Protocol):
    """A sparse matrix by rows (CSR), as SciPy's."""

    @property
    def indptr(self) -> Any:
        """The position of the first entry of each row, ``(N + 1,)``."""

    @property
    def indices(self) -> Any:
        """The columns of the entries."""

    @property
    def data(self) -> Any:
        """The values of the entries."""


#: Items, best first; one string is not a list of items.
RankedItems: TypeAlias = list[Any] | tuple[Any, ...] | Sequence[int] | Array | Iterator[Any]
#: Items in any order.
Items: TypeAlias = RankedItems | AbstractSet[Any]
#: A list of items for each user or query.
ItemLists: TypeAlias = Iterable[Items] | Mapping[Any, Items] | Array | ArrowTable | CompressedRows | PathLike
#: Columns (query, document, grade or score), or without the last.
IdColumns: TypeAlias = tuple[Ids, Ids, Numbers] | tuple[Ids, Ids]
#: Relevance judgements by subtopic: by query and subtopic, a file, a table, or records.
SubtopicJudgements: TypeAlias = (
    PathLike | Mapping[Any, Mapping[Any, Mapping[Any, int] | Iterable[Any]]] | Table | Iterable[Any]
)
#: Relevance judgements: by query, a file, a table, records, lists, or columns.
Judgements: TypeAlias = (
    PathLike
    | Mapping[Any, Mapping[Any, Union[int, "np.integer[Any]"]]]
    | Mapping[Any, Items]
    | Table
    | IdColumns
    | list[Any]
    | Iterator[Any]
)
#: The answers of a system: by query, a file, a table, records, lists, or columns.
Answers: TypeAlias = (
    PathLike
    | Mapping[Any, Mapping[Any, Number]]
    | Mapping[Any, RankedItems]
    | Table
    | IdColumns
    | list[Any]
    | Iterator[Any]
)
#: The user's names of columns; None where there is no such column.
ColumnNames: TypeAlias = Mapping[Literal["query", "document", "grade", "score", "rank"], str | Sequence[str] | None]
RankingFormat: TypeAlias = Literal["trec", "csv", "json", "parquet"]

ConventionName: TypeAlias = Literal[
    "trec_eval",
    "trec_eval-10",
    "ml_metrics",
    "ranx",
    "sklearn",
    "torchmetrics",
    "tensorflow",
    "recommenders",
]
Divisor: TypeAlias = Literal["relevant", "min(relevant, k)", "found"]
TieOrder: TypeAlias = Literal[
    "document-descending", "document-ascending", "stable", "optimistic", "pessimistic", "expected", "grouped"
]
ScoreType: TypeAlias = Literal["float64", "float32"]
EmptyRule: TypeAlias = Literal["zero", "one", "nan", "skip", "error"]
MissingRule: TypeAlias = Literal["skip", "zero", "error"]
DuplicateRule: TypeAlias = Literal["error", "first", "last", "once", "all"]
NegativeRule: TypeAlias = Literal["unjudged", "error"]
RecallRounding: TypeAlias = Literal["up", "nearest"]
Gain: TypeAlias = Literal["linear", "exponential"]

ClassAverage: TypeAlias = Literal["macro", "micro", "weighted", "samples"]
Interpolation: TypeAlias = Literal["none", "voc2007", "voc2010", "coco"]

# Options


class ProtocolOptions(TypedDict, total=False):
    """Fields of a protocol but `average`, which a metric object has as an argument of its own."""

    name: str
    thresholds: Number | Numbers
    recall: Numbers | RecallMethod
    area_ranges: Mapping[str, Sequence[float]]
    max_detections: int | Sequence[int]
    summary: Sequence[SummaryRow]
    strict: bool
    size: SizeName
    max_per_image: int | None
    limit_per_image: bool
    heights: tuple[float, float] | None
    visibility: tuple[float, float] | None
    miss_rate: MissRateName
    matcher: MatcherName
    inclusive_boxes: bool
    match_crowds: bool
    federated: bool
    by_category: bool
    zero_id_unmatched: bool
    dilation_ratio: float
    angle: AngleUnit
    clockwise: bool
    rotated_iou: RotatedIouName
    sigmas: Numbers | KeypointSetName | int | None


class ProtocolChanges(ProtocolOptions, total=False):
    """Fields of a protocol to replace."""

    average: AverageName


class ReportOptions(TypedDict, total=False):
    """Options of a report."""

    images: PathLike | None
    title: str | None
    score: float | None
    worst: int
    confidence: float
    resamples: int
    check: bool


class ReadingOptions(TypedDict, total=False):
    """How sources are read: what `meanap.evaluate` has as arguments."""

    format: FormatInput
    names: NamesInput | None
    images: ImagesInput | None
    sizes: Mapping[Any, Sequence[int]] | None
    columns: Mapping[str, str] | None
    on_error: Literal["raise", "skip"]


class ConventionOptions(TypedDict, total=False):
    """Conventions but `relevance_level`, which `meanap.ranking.RelevanceEvaluator` has as an argument of its own."""

    divisor: Divisor
    ties: TieOrder
    score_dtype: ScoreType
    empty: EmptyRule
    missing: MissingRule
    duplicates: DuplicateRule
    negative: NegativeRule
    gain: Gain
    graded_below_level: bool
    positive_scores_only: bool
    judged_only: bool
    compensated: bool
    recall_rounding: RecallRounding


class ConventionChanges(ConventionOptions, total=False):
    """Conventions of an evaluation of ranked lists to replace."""

    relevance_level: int
