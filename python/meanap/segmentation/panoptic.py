"""Panoptic segmentation: PQ, SQ and RQ as in panopticapi."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap._keywords import suggesting
from meanap._settings import flag
from meanap.errors import InputError, MissingFieldError, named
from meanap.metric import pack_arrays, unpack_arrays
from meanap.segmentation import _inputs
from meanap.segmentation._metric import PixelMetric, like
from meanap.segmentation._panoptic_result import PanopticResult
from meanap.segmentation._segments import (
    Prepared,
    SegmentRows,
    as_json,
    columns_of,
    field_of,
    folder_of,
    id_of,
    inside,
    iterable_of,
    json_object,
    list_of,
    prepare_quickly,
    rows_of,
)
from meanap.segmentation.semantic import dilation_ratio

if TYPE_CHECKING:
    from meanap._types import PathLike, Points, Rows, Segments

__all__ = ["PanopticQuality", "PanopticResult"]


class PanopticQuality(PixelMetric):
    """Matches predicted segments with true ones and measures panoptic quality.

    A segment matches one of its category if their intersection over union, void pixels of the target left out, is
    above one half. Per category, over all images: SQ is the mean IoU of the matches, RQ is matches / (matches + half
    of the false positives + half of the false negatives), and PQ = SQ x RQ. A target marked ``iscrowd`` is never
    matched; a prediction that lies mostly on void, or on the crowd of its category, is no false positive.

    The state is four numbers for each category; ``merge`` adds those of other batches and processes, ``sync`` gathers
    those of other ranks.

    Parameters
    ----------
    categories
        Dictionaries with ``id``, ``isthing`` and, for the table, ``name``, as in COCO panoptic JSON.
    things, stuff
        In place of ``categories``: ids of the categories that have instances, and of those that have not.
    strict
        With False, a pair of maps that cannot be matched is skipped as a whole and listed in ``skipped``; with True it
        is an error.
    modified
        Whether categories without instances are not matched: the sum of their IoU is divided by the number of their
        target segments (modified PQ).
    boundary
        Whether the IoU of a pair is the less of that of the segments and that of their boundaries (boundary PQ): True
        for a boundary as wide as 0.02 of the image's diagonal, or another share of it.
    sync_on_compute
        Whether ``compute`` gathers the counts of all ranks of ``torch.distributed`` by itself.

    Attributes
    ----------
    images
        Pairs of maps matched.
    skipped
        For each pair left out, a sentence that says which and why.

    Raises
    ------
    ValueError
        There is no category, or two have the same id; or ``boundary`` is not above zero.

    References
    ----------
    Kirillov et al., "Panoptic Segmentation", CVPR 2019; panopticapi. Porzi et al., "Seamless Scene Segmentation", CVPR
    2019, of the modified PQ; Cheng et al., "Boundary IoU", CVPR 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from meanap.segmentation import PanopticQuality
    >>> metric = PanopticQuality(things=[1], stuff=[2])
    >>> target = np.array([[5, 5, 5, 6, 6, 0]])
    >>> preds = np.array([[8, 8, 9, 9, 9, 9]])
    >>> metric.update(
    ...     preds,
    ...     target,
    ...     [{"id": 8, "category_id": 1}, {"id": 9, "category_id": 2}],
    ...     [{"id": 5, "category_id": 1}, {"id": 6, "category_id": 2}],
    ... )
    >>> result = metric.compute()
    >>> result.pq.tolist()
    [0.6666666666666666, 0.6666666666666666]
    """

    @suggesting()
    def __init__(
        self,
        categories: Iterable[Mapping[str, Any]] | None = None,
        *,
        things: Collection[int] = (),
        stuff: Collection[int] = (),
        strict: bool = True,
        modified: bool = False,
        boundary: bool | float = False,
        sync_on_compute: bool = True,
    ) -> None:
        if categories is None:
            categories = [{"id": id, "isthing": 1} for id in things] + [{"id": id, "isthing": 0} for id in stuff]
        elif things or stuff:
            raise InputError("expected categories, or things and stuff, not both")
        listed = list(iterable_of(categories, "categories"))
        ids = [id_of(field_of(c, "id", f"categories[{k}]"), f"categories[{k}]: id") for k, c in enumerate(listed)]
        self.categories: list[dict[str, Any]] = [dict(category) for category in listed]
        self.strict: bool = flag(strict, "strict")
        self.sync_on_compute: bool = flag(sync_on_compute, "sync_on_compute")
        self._position = {id: k for k, id in enumerate(ids)}
        if not self.categories or len(self._position) != len(self.categories):
            raise InputError("categories: expected at least one, each with an id of its own")
        self.modified: bool = flag(modified, "modified")
        self.boundary: float | None = dilation_ratio(boundary)
        self._is_thing = [field_of(c, "isthing", f"categories[{k}]") == 1 for k, c in enumerate(self.categories)]
        self.reset()

    @classmethod
    def of_file(
        cls, gt_json: PathLike, *, strict: bool = True, modified: bool = False, boundary: bool | float = False
    ) -> PanopticQuality:
        """A metric of the ``categories`` of a COCO panoptic JSON file."""
        categories = field_of(json_object(gt_json), "categories", os.fspath(gt_json))
        try:
            return cls(categories, strict=strict, modified=modified, boundary=boundary)
        except InputError as error:
            raise error.at(gt_json) from None

    def _clear(self) -> None:
        super()._clear()
        self._iou = np.zeros(len(self.categories))
        self._counts = np.zeros((3, len(self.categories)), dtype=np.int64)

    def update(
        self,
        preds: Rows | Points,
        target: Rows | Points,
        preds_segments: Segments | Sequence[Segments] | None = None,
        target_segments: Segments | Sequence[Segments] | None = None,
    ) -> None:
        """Matches the segments of one image, or of a batch.

        Parameters
        ----------
        preds, target
            Segment ids ``(H, W)`` or ``(N, H, W)`` of any integer type, 0 to 2³² - 1, 0 in the target being void; or
            ``(..., 2)``, category and instance of each pixel, with no segments given: there the instances of stuff are
            one, and a category of the target that is not known is void.
        preds_segments, target_segments
            For ids, a list of dictionaries (for a batch, a list of lists): ``id``, ``category_id`` and for the target
            optionally ``iscrowd`` and ``area``, which is counted where it is not given.

        Raises
        ------
        ValueError
            Shapes differ or do not fit, or an id is out of range.
        KeyError
            A predicted segment is in the map but not in the list, or the other way round; its category is not known; a
            dictionary lacks a field.
        TypeError
            An array does not hold integers.
        """
        self._synced = None
        maps = [_inputs.integers(target, "target"), _inputs.integers(preds, "preds")]
        if maps[0].shape != maps[1].shape:
            message = f"image {self._seen}: target has shape {maps[0].shape}, prediction {maps[1].shape}"
            self._refuse(InputError(message))
            return
        if preds_segments is None and target_segments is None:
            if maps[0].ndim not in (3, 4) or maps[0].shape[-1] != 2:
                raise InputError(f"without segments: expected shape (H, W, 2) or (N, H, W, 2), found {maps[0].shape}")
            maps = [each[np.newaxis] if each.ndim == 3 else each for each in maps]
            if (error := self._unknown_in(maps[1])) is not None:
                self._refuse(error, len(maps[1]))
                return
            drawn = [[self._ids_of_pairs(one) for one in each] for each in maps]
            maps = [np.stack([ids for ids, _ in each]) if each else np.zeros((0, 0, 0), int) for each in drawn]
            lists: list[Any] = [[listed for _, listed in each] for each in drawn]
        elif preds_segments is None or target_segments is None:
            raise TypeError("expected segments on both sides, or on neither")
        else:
            batch = maps[0].ndim == 3
            lists = [list(s) if batch else [s] for s in (target_segments, preds_segments)]
            maps = [_inputs.images_of(each, side) for each, side in zip(maps, ("target", "preds"), strict=True)]
            for each, side in zip(lists, ("target_segments", "preds_segments"), strict=True):
                if len(each) != len(maps[0]):
                    raise InputError(f"{side}: expected {len(maps[0])} lists, found {len(each)}")
        places = [f"image {self._seen + i}" for i in range(len(maps[0]))]
        rows: tuple[list[SegmentRows], list[SegmentRows]] = ([], [])
        good = []
        for i, place in enumerate(places):
            try:
                truth = rows_of(lists[0][i], self._position, place, known_only=True)
                found = rows_of(lists[1][i], self._position, place, known_only=False)
            except InputError as error:
                self._refuse(error)
                continue
            rows[0].append(truth)
            rows[1].append(found)
            good.append(i)
        if len(good) < len(places):
            maps = [each[good] for each in maps]
        failures = _core.match_segment_maps(
            maps[0],
            maps[1],
            columns_of(rows[0]),
            columns_of(rows[1]),
            (self._iou, self._counts),
            self._rules(),
        )
        self._note(len(good), [(named(error, places[good[i]])) for i, error in failures])

    def update_files(
        self,
        preds_json: PathLike,
        target_json: PathLike,
        preds_folder: PathLike | None = None,
        target_folder: PathLike | None = None,
    ) -> None:
        """Matches the segments of two COCO panoptic JSON files and their folders of PNG files.

        Parameters
        ----------
        preds_json, target_json
            Paths. Predictions of images that the target does not list are not read.
        preds_folder, target_folder
            Where the PNG files lie: by default the path of the JSON file without ``.json``.

        Raises
        ------
        ValueError
            A file is invalid; the message names it, and the first invalid pixel.
        KeyError
            A field is missing, or JSON and PNG disagree about segments; the message names the place.
        FileNotFoundError
            A file is missing.
        """
        self._synced = None
        truths = list_of(json_object(target_json).get("annotations", []), f"{target_json}: annotations")
        found = list_of(json_object(preds_json).get("annotations", []), f"{preds_json}: annotations")
        predictions = {
            id_of(field_of(record, "image_id", place), f"{place}: image_id"): (i, record)
            for i, record in enumerate(found)
            for place in (f"{preds_json}: annotations[{i}]",)
        }
        gt_place, pred_place = (
            folder_of(target_json, target_folder),
            folder_of(preds_json, preds_folder),
        )
        for chunk in _inputs.chunks(list(enumerate(truths))):
            prepared = None
            with contextlib.suppress(KeyError, OverflowError, TypeError, ValueError):
                records = [(truth, predictions[truth["image_id"]][1]) for _, truth in chunk]
                prepared = prepare_quickly(records, self._position, (gt_place, pred_place))
            if prepared is None:
                prepared = self._carefully(chunk, predictions, (target_json, gt_place), (preds_json, pred_place))
            failures = _core.match_segment_files(*prepared, (self._iou, self._counts), self._rules())
            self._note(len(prepared[0]), [error for _, error in failures])

    def _carefully(
        self, chunk: Any, predictions: Mapping[Any, Any], gt: tuple[PathLike, Path], pred: tuple[PathLike, Path]
    ) -> Prepared:
        """What `prepare_quickly` returns, read record by record: an error names the faulty record, or it is skipped."""
        (gt_json, gt_place), (pred_json, pred_place) = gt, pred
        pairs = []
        rows: tuple[list[SegmentRows], list[SegmentRows]] = ([], [])
        for i, truth in chunk:
            place = f"{gt_json}: annotations[{i}]"
            try:
                image = id_of(field_of(truth, "image_id", place), f"{place}: image_id")
                if image not in predictions:
                    raise MissingFieldError(f"no prediction for image {image!r}", os.fsdecode(pred_json))
                j, prediction = predictions[image]
                place_pred = f"{pred_json}: annotations[{j}]"
                pair = (
                    inside(gt_place, field_of(truth, "file_name", place), place),
                    inside(pred_place, field_of(prediction, "file_name", place_pred), place_pred),
                )
                listed = field_of(truth, "segments_info", place)
                truth_rows = rows_of(listed, self._position, place, known_only=True, stated=True)
                listed = field_of(prediction, "segments_info", place_pred)
                prediction_rows = rows_of(listed, self._position, place_pred, known_only=False)
            except InputError as error:
                self._refuse(error)
                continue
            pairs.append(pair)
            rows[0].append(truth_rows)
            rows[1].append(prediction_rows)
        return pairs, columns_of(rows[0]), columns_of(rows[1])

    def _note(self, images: int, errors: list[Exception]) -> None:
        for error in errors:
            self._refuse(error)
        self._images += images - len(errors)

    def _unknown_in(self, pairs: np.ndarray) -> InputError | None:
        """An error about a category of predictions that is not known; as of segments, it would be left out unseen."""
        for i, image in enumerate(pairs):
            for category in np.unique(image[..., 0]).tolist():
                if category not in self._position:
                    place = f"image {self._seen + i}: preds"
                    return MissingFieldError(f"category {category!r} is not among the categories", place)
        return None

    def _ids_of_pairs(self, pairs: np.ndarray) -> tuple[np.ndarray, list[dict[str, int]]]:
        """Ids and segments of a map of categories and instances."""
        flat = pairs.reshape(-1, 2)
        kinds, inverse = np.unique(flat[:, 0], return_inverse=True)
        positions = np.array([self._position.get(kind, -1) for kind in kinds.tolist()], dtype=np.int64)[inverse]
        is_thing = np.array([*self._is_thing, False])[positions]
        instances, instance = np.unique(np.where(is_thing, flat[:, 1], 0), return_inverse=True)
        segments, ids = np.unique(
            np.where(positions < 0, -1, positions * len(instances) + instance), return_inverse=True
        )
        first = 0 if segments.size and segments[0] == -1 else 1
        listed = [
            {"id": i + first, "category_id": self.categories[segment // len(instances)]["id"]}
            for i, segment in enumerate(segments.tolist())
            if segment >= 0
        ]
        return (ids + first).reshape(pairs.shape[:-1]), listed

    def _rules(self) -> tuple[bool, list[bool], float | None]:
        """Whether a failure stops, which categories are not matched, and how wide boundaries are, for the core."""
        return self.strict, [self.modified and not is_thing for is_thing in self._is_thing], self.boundary

    def _settings(self) -> dict[str, Any]:
        return {"categories": as_json(self.categories), "modified": self.modified, "boundary": self.boundary}

    @classmethod
    def _made_with(cls, settings: dict[str, Any], options: dict[str, Any]) -> PanopticQuality:
        rules = {"modified": settings["modified"], "boundary": settings["boundary"] or False}
        return cls(settings["categories"], **rules, **options)

    def _add(self, other: PanopticQuality) -> None:
        super()._add(other)
        self._iou += other._iou
        self._counts += other._counts

    def _dump(self) -> list[bytes]:
        return [pack_arrays([self._iou, self._counts]), self._dump_seen()]

    def _load(self, parts: Sequence[bytes]) -> None:
        iou, counts = unpack_arrays(parts[0])
        self._iou[:], self._counts[:] = like(iou, self._iou), like(counts, self._counts)
        self._load_seen(parts[1])

    def compute(self) -> PanopticResult:
        """The measures of everything matched, by all ranks. A category that neither side has: NaN."""
        return self._of_all_ranks()._measures()

    def _measures(self) -> PanopticResult:
        true_positives, false_positives, false_negatives = self._counts
        total = true_positives + 0.5 * false_positives + 0.5 * false_negatives
        with np.errstate(invalid="ignore", divide="ignore"):
            pq, rq = self._iou / total, true_positives / total
            sq = np.where(true_positives == 0, 0.0, self._iou / true_positives)
        sq[total == 0] = np.nan
        return PanopticResult(
            categories=[dict(category) for category in self.categories],
            is_thing=np.array(self._is_thing),
            pq=pq,
            sq=sq,
            rq=rq,
            true_positives=true_positives.copy(),
            false_positives=false_positives.copy(),
            false_negatives=false_negatives.copy(),
            images=self._images,
            skipped=list(self._left_out),
        )
