"""Semantic segmentation: a confusion matrix over pixels, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap._arrays import on_host
from meanap._keywords import suggesting
from meanap.errors import InputError, named
from meanap.metric import pack_arrays, unpack_arrays
from meanap.segmentation import _inputs
from meanap.segmentation._metric import LabelMetric, like
from meanap.segmentation._result import PixelResult, class_table, mean, percent
from meanap.table import Table

if TYPE_CHECKING:
    from meanap._types import Labels

#: Width of the boundary as a share of the image's diagonal, as in the Boundary IoU paper.
DILATION_RATIO = 0.02


def dilation_ratio(boundary: bool | float) -> float | None:
    """The width of boundaries that an argument `boundary` says, as a share of the image's diagonal; None for none.

    Raises
    ------
    InputError
        It is not above zero.
    """
    ratio = DILATION_RATIO if boundary is True else (float(boundary) if boundary else None)
    if ratio is not None and not 0 < ratio < float("inf"):
        raise InputError(f"boundary: expected a share of the image's diagonal, found {boundary!r}")
    return ratio


class SemanticSegmentation(LabelMetric):
    """Counts pixels by class of the target and class of the prediction; measures from the counts.

    The state is one confusion matrix (and three rows of boundary pixels, with ``boundary``): it does not grow with the
    images. The counts of batches and processes are added by ``merge``, those of ranks by ``sync``. The measures are
    those of mmsegmentation's ``IoUMetric``, taken over all pixels of all images, not averaged over images.

    Parameters
    ----------
    classes
        The number of classes, or their names in the order of their labels, 0, 1, 2, …
    ignore_index
        A pixel whose target has this label is left out. A prediction of it, where it is not a class itself, is no
        class: always wrong. None: every pixel counts.
    reduce_zero_label
        Target label 0 is left out, and classes are numbered from 1 in the target (from 0 in the prediction), as
        ADE20K's files are.
    boundary
        Also count boundary pixels, for Boundary IoU: True for a boundary as wide as 0.02 of the image's diagonal, or
        that share.
    strict
        With False, a pair that cannot be counted is skipped as a whole and listed in ``skipped``; with True it is an
        error.
    sync_on_compute
        Whether ``compute`` gathers the counts of all ranks of ``torch.distributed`` by itself.

    Attributes
    ----------
    confusion_matrix
        ``(K, K) int64``, targets in rows, predictions in columns.
    images
        Pairs of label maps counted.
    skipped
        For each pair left out, a sentence that says which and why.

    Raises
    ------
    TypeError
        ``classes`` is no number and no sequence of names, or ``ignore_index`` no integer.
    ValueError
        ``classes`` is not within 1 to 4096, or ``boundary`` is not above zero.

    Examples
    --------
    >>> import numpy as np
    >>> from meanap.segmentation import SemanticSegmentation
    >>> metric = SemanticSegmentation(["road", "sky"])
    >>> metric.update(np.array([[0, 1, 1, 1]]), np.array([[0, 0, 1, 255]]))
    >>> result = metric.compute()
    >>> result.iou
    array([0.5, 0.5])
    >>> result.pixel_accuracy
    0.6666666666666666
    """

    @suggesting()
    def __init__(
        self,
        classes: int | list[str] | tuple[str, ...],
        ignore_index: int | None = 255,
        reduce_zero_label: bool = False,
        *,
        boundary: bool | float = False,
        strict: bool = True,
        sync_on_compute: bool = True,
    ) -> None:
        self.boundary: float | None = dilation_ratio(boundary)
        super().__init__(classes, ignore_index, reduce_zero_label, strict, sync_on_compute)

    def _clear(self) -> None:
        super()._clear()
        k = len(self.classes)
        self._counts = np.zeros((k, k + 1), dtype=np.int64)
        self._boundary = None if self.boundary is None else np.zeros((3, k), dtype=np.int64)

    def update(self, preds: Labels, target: Labels, *, preds_suffix: str = ".png", target_suffix: str = ".png") -> None:
        """Counts one pair of label maps, a batch of them, or PNG files.

        Parameters
        ----------
        preds
            Labels as those of the target; or scores ``(C, H, W)`` or ``(N, C, H, W)`` of a floating-point type, of
            which the highest counts (of equal ones the first); or paths as those of the target.
        target
            Labels ``(H, W)`` or ``(N, H, W)`` of any integer type; or a path of a grey or palette PNG file or of a
            folder of them; or a list of paths.
        preds_suffix, target_suffix
            For folders: what the names of files end in. The prediction of ``a/b`` + ``target_suffix`` is ``a/b`` +
            ``preds_suffix`` in its own folder. A prediction without target is not read.

        Raises
        ------
        ValueError
            Shapes differ, a label is neither a class nor ignored, a score is NaN, a file is not a PNG of labels. The
            message names the file or image and the first such pixel.
        TypeError
            An array does not hold numbers of the right type.
        FileNotFoundError
            A file is missing.
        """
        self._synced = None
        if _inputs.is_paths(preds) or _inputs.is_paths(target):
            self._update_files(preds, target, preds_suffix, target_suffix)
            return
        targets = _inputs.images_of(_inputs.integers(target, "target"), "target")
        given = np.asarray(on_host(preds, "preds"))
        shape = np.asarray(on_host(target, "target")).shape
        if given.dtype.kind == "f" and given.ndim == len(shape) + 1:
            self._update_scores(targets, given)
            return
        predictions = _inputs.images_of(_inputs.integers(given, "preds"), "preds")
        if targets.shape != predictions.shape:
            message = f"image {self._seen}: target has shape {shape}, prediction {given.shape}"
            self._refuse(InputError(message), len(targets))
            return
        counted = _core.count_labels(targets, predictions, self._rules())
        self._count(counted, [f"image {self._seen + i}" for i in range(len(targets))])

    def _update_scores(self, targets: np.ndarray, given: np.ndarray) -> None:
        every = _inputs.scores(given, "preds")
        every = every.reshape((-1, *every.shape[-3:])) if every.ndim == 3 else every
        n, c, h, w = every.shape
        if c != len(self.classes) or (n, h, w) != targets.shape:
            expected = (len(targets), len(self.classes), *targets.shape[1:])
            message = f"image {self._seen}: preds: expected scores of shape {expected}, found {every.shape}"
            self._refuse(InputError(message), len(targets))
            return
        for target, scores in zip(targets, every, strict=True):
            try:
                labels = _core.best_classes(scores)
            except InputError as error:
                self._refuse(error.at(f"image {self._seen}"), 1)
                continue
            counted = _core.count_labels(target[None], labels[None], self._rules())
            self._count(counted, [f"image {self._seen}"])

    def _update_files(self, preds: Any, target: Any, preds_suffix: str, target_suffix: str) -> None:
        if not (_inputs.is_paths(preds) and _inputs.is_paths(target)):
            raise TypeError("preds and target: expected paths on both sides, or arrays on both")
        pairs = list(_inputs.paired_files(preds, target, preds_suffix, target_suffix))
        for chunk in _inputs.chunks(pairs):
            self._count(_core.count_label_files(chunk, self._rules()), None, len(chunk))

    def _rules(self) -> tuple[int, int | None, bool, float | None]:
        """The settings as the core takes them."""
        return len(self.classes), self.ignore_index, self.reduce_zero_label, self.boundary

    def _count(self, counted: Any, names: list[str] | None, images: int | None = None) -> None:
        counts, boundary, failures = counted
        left_out = []
        for index, error in failures:
            if names is not None:
                error = named(error, names[index])
            if self.strict:
                raise error
            left_out.append(str(error))
        self._counts += counts
        if self._boundary is not None:
            self._boundary += boundary
        self._images += (len(names or ()) if images is None else images) - len(left_out)
        self._left_out += left_out

    def _settings(self) -> dict[str, Any]:
        return {
            **super()._settings(),
            "boundary": self.boundary,
        }

    @classmethod
    def _made_with(cls, settings: dict[str, Any], options: dict[str, Any]) -> SemanticSegmentation:
        return cls(**settings | {"boundary": settings["boundary"] or False}, **options)

    def _add(self, other: SemanticSegmentation) -> None:
        super()._add(other)
        self._counts += other._counts
        if self._boundary is not None and other._boundary is not None:
            self._boundary += other._boundary

    def _dump(self) -> list[bytes]:
        counted = [self._counts] if self._boundary is None else [self._counts, self._boundary]
        return [pack_arrays(counted), self._dump_seen()]

    def _load(self, parts: Sequence[bytes]) -> None:
        counts, *boundary = unpack_arrays(parts[0])
        self._counts[:] = like(counts, self._counts)
        if self._boundary is not None:
            self._boundary[:] = like(boundary.pop(), self._boundary)
        if boundary:
            raise InputError("more arrays than are counted")
        self._load_seen(parts[1])

    @property
    def confusion_matrix(self) -> np.ndarray:
        """Pixels ``(K, K) int64``: targets in rows, predictions in columns."""
        counts: np.ndarray = self._visible()._counts[:, :-1].copy()
        return counts

    def compute(self) -> SemanticResult:
        """The measures of everything counted, by all ranks. Nothing counted: NaN throughout."""
        return self._of_all_ranks()._measures()

    def _measures(self) -> SemanticResult:
        target = self._counts.sum(axis=1)
        prediction = self._counts[:, :-1].sum(axis=0)
        hits = self._counts.diagonal()
        boundary = None
        if self._boundary is not None:
            both, on_target, on_prediction = self._boundary
            boundary = _divide(both, on_target + on_prediction - both)
        iou = _divide(hits, target + prediction - hits)
        pixels = int(target.sum())
        present = target > 0
        return SemanticResult(
            classes=list(self.classes),
            confusion_matrix=self._counts[:, :-1].copy(),
            unclassified=self._counts[:, -1].copy(),
            iou=iou,
            accuracy=_divide(hits, target),
            precision=_divide(hits, prediction),
            dice=_divide(2 * hits, target + prediction),
            boundary_iou=boundary,
            pixel_accuracy=float(_divide(hits.sum(), pixels)),
            frequency_weighted_iou=(float(np.sum(target[present] / pixels * iou[present])) if pixels else float("nan")),
            images=self._images,
            skipped=list(self._left_out),
        )


@dataclass(frozen=True)
class SemanticResult(PixelResult):
    """Measures of semantic segmentation. NaN: no such number (a class without a pixel on either side).

    Attributes
    ----------
    classes
        Names.
    confusion_matrix
        ``(K, K) int64``, targets in rows, predictions in columns.
    unclassified
        ``(K,) int64``, pixels of each class whose prediction is no class.
    iou
        ``(K,)``, intersection over union, 0 to 1.
    accuracy
        ``(K,)``, share of a class's pixels that were found; the recall.
    precision
        ``(K,)``, share of the pixels predicted as a class that are.
    dice
        ``(K,)``, the Dice coefficient, which is F1.
    boundary_iou
        ``(K,)``, intersection over union of boundary pixels; None if they were not counted.
    pixel_accuracy
        Share of all pixels whose class was found.
    frequency_weighted_iou
        Mean IoU, weighted by the pixels of each class.
    images
        Pairs of maps counted.
    skipped
        What was left out, and why.
    """

    classes: list[str]
    confusion_matrix: np.ndarray = field(repr=False)
    unclassified: np.ndarray = field(repr=False)
    iou: np.ndarray
    accuracy: np.ndarray
    precision: np.ndarray
    dice: np.ndarray
    boundary_iou: np.ndarray | None
    pixel_accuracy: float
    frequency_weighted_iou: float
    images: int
    skipped: list[str] = field(repr=False)

    @property
    def recall(self) -> np.ndarray:
        """``(K,)``, the same as ``accuracy``."""
        return self.accuracy

    @property
    def f1(self) -> np.ndarray:
        """``(K,)``, the same as ``dice``."""
        return self.dice

    @property
    def mean_iou(self) -> float:
        """Mean of ``iou`` over the classes that have one: mIoU."""
        return mean(self.iou)

    @property
    def mean_accuracy(self) -> float:
        """Mean of ``accuracy`` over the classes that have one."""
        return mean(self.accuracy)

    @property
    def mean_precision(self) -> float:
        """Mean of ``precision`` over the classes that have one."""
        return mean(self.precision)

    @property
    def mean_dice(self) -> float:
        """Mean of ``dice`` over the classes that have one."""
        return mean(self.dice)

    @property
    def mean_boundary_iou(self) -> float:
        """Mean of ``boundary_iou`` over the classes that have one; NaN if boundaries were not counted."""
        return float("nan") if self.boundary_iou is None else mean(self.boundary_iou)

    @property
    def per_class(self) -> Table:
        """A row for each class: its name and measures, ``boundary_iou`` where it was counted."""
        names = ["iou", "accuracy", "precision", "dice", *(["boundary_iou"] if self.boundary_iou is not None else [])]
        return Table({"class": list(self.classes), **{name: getattr(self, name) for name in names}})

    def _fields(self) -> dict[str, Any]:
        columns = ["iou", "accuracy", "precision", "dice", *["boundary_iou"] * (self.boundary_iou is not None)]
        numbers = (*(f"mean_{column}" for column in columns), "pixel_accuracy", "frequency_weighted_iou")
        return {
            **{name: getattr(self, name) for name in numbers},
            "per_class": {
                name: {column: getattr(self, column)[k] for column in columns} for k, name in enumerate(self.classes)
            },
            "confusion_matrix": self.confusion_matrix,
            "unclassified": self.unclassified,
        }

    def _page(self, versus: SemanticResult | None, title: str, names: tuple[str, str]) -> str:
        from meanap.report.labels import page

        return page(self, versus, title, names)

    def __str__(self) -> str:
        """A table: a row for each class, then the means."""
        columns = {"IoU": self.iou, "Acc": self.accuracy, "Prec": self.precision, "Dice": self.dice}
        if self.boundary_iou is not None:
            columns["BIoU"] = self.boundary_iou
        lines = class_table(self.classes, columns)
        lines.append(f"pixel accuracy {percent(self.pixel_accuracy)}")
        lines.append(f"frequency-weighted IoU {percent(self.frequency_weighted_iou)}")
        return "\n".join([*lines, *(self._lines_of_skipped() or [f"images {self.images}"])])

    def _repr_html_(self) -> str:
        title = f"mean IoU {self.mean_iou:.3f}, pixel accuracy {self.pixel_accuracy:.3f}, {self.images:,} images"
        return Table(self.per_class.columns, title)._repr_html_()


def _divide(part: Any, whole: Any) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part, dtype=np.float64) / np.asarray(whole, dtype=np.float64)
