"""Mean average precision of semantic segmentation: regions matched as instances are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap._arrays import on_host
from meanap._keywords import suggesting
from meanap.errors import InputError
from meanap.metric import pack_arrays, unpack_arrays
from meanap.segmentation import _inputs
from meanap.segmentation._metric import LabelMetric
from meanap.segmentation._result import PixelMeasures, class_table, mean
from meanap.table import Table

if TYPE_CHECKING:
    from meanap._types import Numbers, Points, Rows


class RegionAveragePrecision(LabelMetric):
    """Mean average precision over regions: the mAP of instances, computed for label maps.

    A region is all pixels of a class in an image, or one connected component of them. Each predicted region is a
    detection; it is matched with the true regions of its class in its image by mask IoU, best score first, as COCO
    matches instances. AP is the mean over thresholds and 101 recall points.

    Parameters
    ----------
    classes
        The number of classes, or their names.
    ignore_index
        Pixels whose target has this label belong to no region, on either side.
    reduce_zero_label
        Target label 0 is left out, and classes are numbered from 1 in the target.
    connectivity
        None: a class is one region; 4 or 8: its connected components are, by sides or by sides and corners.
    thresholds
        IoU thresholds; 0.50 to 0.95 in steps of 0.05.
    max_regions
        Largest number of regions of a class in an image, those with the highest scores.
    strict
        With False, an image that cannot be counted is skipped as a whole and listed in ``skipped``; with True it is an
        error.
    sync_on_compute
        Whether ``compute`` gathers the regions of all ranks of ``torch.distributed`` by itself.

    Attributes
    ----------
    images
        Images seen.
    skipped
        For each image left out, a sentence that says which and why.

    Examples
    --------
    >>> import numpy as np
    >>> from meanap.segmentation import RegionAveragePrecision
    >>> metric = RegionAveragePrecision(2, connectivity=4)
    >>> metric.update(np.array([[0, 0, 1, 1, 1]]), np.array([[0, 0, 0, 1, 1]]))
    >>> metric.compute().ap.round(2)
    array([0.4, 0.4])
    """

    @suggesting()
    def __init__(
        self,
        classes: int | list[str] | tuple[str, ...],
        ignore_index: int | None = 255,
        reduce_zero_label: bool = False,
        *,
        connectivity: int | None = None,
        thresholds: Sequence[float] | None = None,
        max_regions: int = 100,
        strict: bool = True,
        sync_on_compute: bool = True,
    ) -> None:
        if connectivity not in (None, 4, 8):
            raise InputError(f"connectivity: expected None, 4 or 8, found {connectivity!r}")
        self.connectivity = connectivity
        every = np.linspace(0.5, 0.95, 10) if thresholds is None else np.array(thresholds, dtype=np.float64)
        if every.ndim != 1 or not every.size or not (0 < every.min() and every.max() <= 1):
            raise InputError(f"thresholds: expected numbers above 0, up to 1, found {thresholds!r}")
        self.thresholds = every
        self.max_regions: int = _inputs.index(max_regions, "max_regions")
        if not 1 <= self.max_regions < 2**31:
            raise InputError(f"max_regions: expected 1 to {2**31 - 1}, found {max_regions}")
        super().__init__(classes, ignore_index, reduce_zero_label, strict, sync_on_compute)

    def _clear(self) -> None:
        super()._clear()
        # For each image: its height and width, then the columns of the true and of the predicted regions.
        self._regions: list[tuple[tuple[int, int], Any, Any]] = []

    def update(
        self, preds: Rows | Points, target: Rows | Points, scores: Rows | Points | Numbers | None = None
    ) -> None:
        """Adds the regions of one image, or of a batch; they are stored as run lengths.

        Parameters
        ----------
        preds
            Labels as those of the target, or class scores ``(C, H, W)`` or ``(N, C, H, W)``: then the highest decides,
            and a region's score is the mean of its class's scores over its pixels.
        target
            Labels ``(H, W)`` or ``(N, H, W)`` of any integer type.
        scores
            For labels: class scores to take that mean of, or one score for each class, ``(C,)`` or ``(N, C)``. None:
            every region has score 1.

        Raises
        ------
        ValueError
            Shapes differ, a label is neither a class nor ignored, or a score is NaN.
        TypeError
            An array does not hold numbers of the right type.
        """
        self._synced = None
        targets = _inputs.images_of(_inputs.integers(target, "target"), "target")
        given = np.asarray(on_host(preds, "preds"))
        every: np.ndarray | None = None
        if given.dtype.kind == "f":
            if scores is not None:
                raise TypeError("expected class scores as preds, or labels and scores, not both")
            given = every = _inputs.scores(given, "preds")
        elif scores is not None:
            every = _inputs.scores(scores, "scores")
        c, (n, h, w) = len(self.classes), targets.shape
        if every is not None:
            if every.shape in ((c,), (n, c)):
                every = np.broadcast_to(every.reshape(-1, c)[:, :, None, None], (n, c, h, w))
            every = every[None] if every.ndim == 3 else every
            if every.shape != (n, c, h, w):
                given_as = "preds: expected shape" if scores is None else f"scores: expected shape {(n, c)} or"
                message = f"image {self._seen}: {given_as} {(n, c, h, w)}, found {every.shape}"
                self._refuse(InputError(message), n)
                return
        labels = None
        if given.dtype.kind != "f":
            labels = _inputs.images_of(_inputs.integers(given, "preds"), "preds")
            if labels.shape != targets.shape:
                self._refuse(
                    InputError(f"image {self._seen}: target has shape {targets.shape}, prediction {labels.shape}"), n
                )
                return
        for i in range(n):
            of_one: Any = None if every is None else np.ascontiguousarray(every[i], dtype=np.float64)
            try:
                predicted = _core.best_classes(of_one) if labels is None else labels[i]
                truth, found = _core.label_regions(targets[i], predicted, of_one, self.connectivity or 0, self._rules())
            except InputError as error:
                self._refuse(error.at(f"image {self._seen}"))
                continue
            self._regions.append(((h, w), truth, found))
            self._images += 1

    def _settings(self) -> dict[str, Any]:
        return {
            **super()._settings(),
            "connectivity": self.connectivity,
            "thresholds": self.thresholds.tolist(),
            "max_regions": self.max_regions,
        }

    def _add(self, other: RegionAveragePrecision) -> None:
        super()._add(other)
        self._regions += other._regions

    def _dump(self) -> list[bytes]:
        arrays = []
        for size, truth, found in self._regions:
            arrays += [np.array(size, dtype=np.uint32), *truth, *found]
        return [pack_arrays(arrays), self._dump_seen()]

    def _load(self, parts: Sequence[bytes]) -> None:
        arrays, width = unpack_arrays(parts[0]), 1 + 2 * len(_COLUMNS)
        if len(arrays) % width:
            raise InputError("columns are missing")
        regions = []
        for start in range(0, len(arrays), width):
            size, *columns = arrays[start : start + width]
            if size.shape != (2,) or size.dtype != np.uint32:
                raise InputError("an image without a size")
            sides = columns[: len(_COLUMNS)], columns[len(_COLUMNS) :]
            for side in sides:
                _check_columns(side, len(self.classes), int(size[0]) * int(size[1]))
            regions.append(((int(size[0]), int(size[1])), tuple(sides[0]), tuple(sides[1])))
        self._load_seen(parts[1])
        if self._images != len(regions):
            raise InputError(f"{len(regions)} images, expected {self._images}")
        self._regions = regions

    def compute(self) -> RegionResult:
        """Matches all regions, of all ranks, and measures them."""
        return self._of_all_ranks()._measures()

    def _measures(self) -> RegionResult:
        k = len(self.classes)
        evaluation = _core.evaluate(
            self._objects(1),
            self._objects(2),
            similarity="segm",
            ground_truth_positions=None,
            detection_positions=None,
            images=self._images,
            categories=k,
            by_category=True,
            thresholds=np.minimum(self.thresholds, 1 - 1e-10),
            area_ranges=np.array([[0.0, np.inf]]),
            max_detections=self.max_regions,
        )
        precision, recall, _ = evaluation.accumulate(
            groups=list(range(k)),
            areas=[0],
            max_detections=[self.max_regions],
            images=None,
            recall_points=np.linspace(0, 1, 101),
            shape=(k, 1, 1),
        )
        ap = precision[:, :, :, 0, 0].mean(axis=1)
        recall = recall[:, :, 0, 0]
        ap[ap < 0], recall[recall < 0] = np.nan, np.nan
        thresholds, left_out = self.thresholds.copy(), list(self._left_out)
        return RegionResult(list(self.classes), thresholds, ap, recall, self._images, left_out)

    def _objects(self, side: int) -> Any:
        columns: list[Any] = [image[side] for image in self._regions]
        lengths = [len(each[0]) for each in columns]
        sizes = np.array([image[0] for image in self._regions], dtype=np.uint32).reshape(-1, 2)
        of_image = np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)
        category, area, score, counts = (
            np.concatenate([np.zeros(0, kind), *(each[i] for each in columns)]).astype(kind)
            for i, kind in enumerate(_COLUMNS[:-1])
        )
        starts, first = [np.zeros(1, np.uint64)], 0
        for each in columns:
            starts.append(each[4][1:] + np.uint64(first))
            first += int(each[4][-1])
        return _core.objects_of_regions(
            of_image,
            category,
            area,
            score if side == 2 else np.zeros(0),
            sizes[of_image].reshape(-1),
            counts,
            np.concatenate(starts),
            len(lengths),
            len(self.classes),
        )


#: Of the regions of an image: category, area, score, run lengths, and where each region's begin.
_COLUMNS = (np.uint32, np.float64, np.float64, np.uint32, np.uint64)


def _check_columns(columns: Sequence[np.ndarray], classes: int, pixels: int) -> None:
    """Whether columns are such as the core makes them.

    Raises
    ------
    ValueError
        They are not.
    """
    category, area, score, counts, starts = columns
    regions = len(category) if category.ndim == 1 else -1
    lengths = [(regions,), (regions,), (regions,), counts.shape if counts.ndim == 1 else (), (regions + 1,)]
    if [each.shape for each in columns] != lengths or (category >= classes).any() or np.isnan(score).any():
        raise InputError("columns that do not go together")
    rising = starts[0] == 0 and starts[-1] == len(counts) and (starts[1:] >= starts[:-1]).all()
    if rising:
        ends = np.concatenate([np.zeros(1, np.uint64), np.cumsum(counts, dtype=np.uint64)])[starts]
        rising = (ends[1:] - ends[:-1] == pixels).all()
    if not rising or not np.isfinite(area).all():
        raise InputError("run lengths that do not go together")


@dataclass(frozen=True)
class RegionResult(PixelMeasures):
    """Average precision over regions. NaN: a class without a true region.

    Attributes
    ----------
    classes
        Names.
    thresholds
        ``(T,)``.
    ap_by_threshold
        ``(T, K) float64``, 0 to 1.
    recall_by_threshold
        ``(T, K) float64``, the fraction of the true regions that were matched, 0 to 1.
    images
        Images seen.
    skipped
        What was left out, and why.
    """

    classes: list[str]
    thresholds: np.ndarray
    ap_by_threshold: np.ndarray
    recall_by_threshold: np.ndarray
    images: int
    skipped: list[str] = field(default_factory=list, repr=False)

    @property
    def ap(self) -> np.ndarray:
        """``(K,)``, mean over the thresholds."""
        ap: np.ndarray = self.ap_by_threshold.mean(axis=0)
        return ap

    @property
    def mean_ap(self) -> float:
        """Mean of ``ap`` over the classes that have one: mAP."""
        return mean(self.ap)

    def at(self, threshold: float) -> float:
        """MAP at one of the thresholds.

        Raises
        ------
        KeyError
            It is not among them.
        """
        (found,) = np.nonzero(np.isclose(self.thresholds, threshold, rtol=0, atol=1e-9))
        if not len(found):
            raise KeyError(f"there is no threshold {threshold}")
        return mean(self.ap_by_threshold[found[0]])

    def _fields(self) -> dict[str, Any]:
        return {
            "mean_ap": self.mean_ap,
            "thresholds": self.thresholds,
            "mean_ap_by_threshold": [mean(row) for row in self.ap_by_threshold],
            "per_class": dict(zip(self.classes, self.ap, strict=True)),
        }

    def __str__(self) -> str:
        """A table: a row for each class, then the mean."""
        lines = class_table(self.classes, {"AP": self.ap})
        return "\n".join([*lines, *self._lines_of_skipped()])

    @property
    def per_class(self) -> Table:
        """A row for each class: its name and ``ap``."""
        return Table({"class": list(self.classes), "ap": self.ap})

    def _repr_html_(self) -> str:
        return Table(self.per_class.columns, f"mAP {self.mean_ap:.3f}, {self.images:,} images")._repr_html_()
