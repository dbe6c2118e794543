"""One call from any input to a result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from meanap import _core, protocol
from meanap.detection.federated import only_labelled
from meanap.detection.files import DetectionFile, TruthFile
from meanap.detection.inputs import Detections, GroundTruth, detections_from, first_strange, ground_truth_from
from meanap.detection.result import Result
from meanap.protocol import Protocol

__all__ = ["evaluate", "new_log", "settled"]


def evaluate(
    ground_truth: Any,
    detections: Any,
    similarity: str = "bbox",
    protocol: str | Protocol = "coco",
    *,
    box_format: str = "xyxy",
    score_range: tuple[float, float] | None = (0.0, 1.0),
    **changes: Any,
) -> Result:
    """Compare detections with the ground truth.

    Parameters
    ----------
    ground_truth
        A path to a COCO file, a COCO dictionary, `meanap.GroundTruth`, a table with columns ``image_id``,
        ``category_id`` and boxes (Polars, pandas, pyarrow, DuckDB), or a list of one dictionary for each image with
        ``boxes``, ``labels`` and what else `MeanAveragePrecision.update` takes.
    detections
        The same with scores; as COCO results a path, a list of dictionaries or an ``(N, 7)`` array.
    similarity : {"bbox", "segm", "keypoints"}
        What is compared.
    protocol : str or Protocol
        A preset of `meanap.protocol`, or one's own.
    box_format : {"xyxy", "xywh", "cxcywh"}
        Of lists and of tables with one column ``boxes``. COCO's own are always ``xywh``.
    score_range
        Least and greatest score of columns, lists and tables; None allows any number. COCO results may have any.
    **changes
        Fields of the protocol to replace: ``thresholds=[0.5]``, ``area_ranges={...}``, ``max_detections=(1, 300)``,
        ``by_category=False``, ``average="micro"``, …

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        Input that cannot be used; the message names argument, row and value.
    """
    rules = settled(protocol, similarity, changes)
    if _is_batch(ground_truth):
        log = new_log(rules, similarity, box_format, score_range)
        log.update(detections, ground_truth)

        def batch_pairs(iou: float) -> _core.Matches:
            log = new_log(rules, similarity, box_format, score_range, pairs=iou)
            log.update(detections, ground_truth)
            return log.table()

        def batch_mistakes(iou: float, background: float, area: str) -> _core.Matches:
            log = new_log(rules, similarity, box_format, score_range, mistakes=(iou, background, area))
            log.update(detections, ground_truth)
            return log.table()

        return Result(log.table(), rules, similarity, pairs=batch_pairs, mistakes=batch_mistakes)
    log = new_log(rules, similarity, box_format, None)
    file = _file(ground_truth, rules, similarity)
    if file is not None:
        truth, truth_columns, names, groups = file, file.columns, file.names, {}
    else:
        value = ground_truth.load() if isinstance(ground_truth, TruthFile) else ground_truth
        truth = ground_truth_from(value, similarity, box_format)
        truth_columns, names, groups = None, truth.names, truth.groups
    found = _found(detections, truth, rules, similarity, box_format)
    if truth_columns is None:
        if rules.size == "fraction":
            _measure_images(truth, truth.sizes)
        truth_columns = truth.objects(rules, similarity, None)
    if isinstance(found, Detections):
        if rules.size == "fraction":
            _measure_images(found, getattr(truth, "sizes", {}))
        as_given = isinstance(detections, Detections) or _is_table(detections)
        found = found.objects(rules, similarity, score_range if as_given else None)
    for name, ids, known in (
        ("image", found.image_ids, truth.images),
        ("category", found.category_ids, truth.categories),
    ):
        if (strange := first_strange(ids, known)) is not None:
            raise ValueError(f"detections: {name} id {strange!r} is not in the ground truth")
    if truth.categories is not None:
        log.declare(truth.categories)
    log.append(truth_columns, found, images=truth.images)

    def pairs(iou: float) -> _core.Matches:
        log = new_log(rules, similarity, box_format, None, pairs=iou)
        log.append(truth_columns, found, images=truth.images)
        return log.table()

    def mistakes(iou: float, background: float, area: str) -> _core.Matches:
        log = new_log(rules, similarity, box_format, None, mistakes=(iou, background, area))
        log.append(truth_columns, found, images=truth.images)
        return log.table()

    return Result(log.table(), rules, similarity, names=names, groups=groups, pairs=pairs, mistakes=mistakes)


def settled(name: str | Protocol, similarity: str, changes: Mapping[str, Any]) -> Protocol:
    """The protocol with its changes."""
    if similarity not in ("bbox", "segm", "keypoints"):
        raise ValueError(f"similarity: expected 'bbox', 'segm' or 'keypoints', found {similarity!r}")
    rules = protocol.get(name, similarity)
    known = set(Protocol.__dataclass_fields__)
    for field, value in changes.items():
        if field not in known:
            raise TypeError(f"unexpected keyword {field!r}; a protocol has {', '.join(sorted(known))}")
        if field in ("thresholds", "recall", "max_detections", "sigmas") and not isinstance(value, (str, type(None))):
            number = int if field == "max_detections" else float
            value = tuple(number(x) for x in (value if np.iterable(value) else (value,)))
        rules = rules.replace(**{field: value})
    return rules


def new_log(
    rules: Protocol,
    similarity: str,
    box_format: str,
    score_range: tuple[float, float] | None,
    *,
    pairs: float | None = None,
    mistakes: tuple[float, float, str] | None = None,
) -> _core.MatchLog:
    """An empty match log of a protocol; with `pairs`, of what is taken for what at that threshold; with `mistakes`,
    of why detections are wrong at a threshold, above a similarity to the background, in an area range."""
    if pairs is not None:
        everything = {"all": (-np.inf, np.inf)}
        rules = rules.replace(thresholds=(pairs,), area_ranges=everything, by_category=False, summary=())
    background = None
    if mistakes is not None:
        iou, background, area = mistakes
        rules = rules.replace(thresholds=(iou,), area_ranges={area: rules.area_ranges[area]}, summary=())
    return _new_log(rules, similarity, box_format, score_range, pairs is not None, background)


def _new_log(
    rules: Protocol,
    similarity: str,
    box_format: str,
    score_range: tuple[float, float] | None,
    pairs: bool,
    mistakes: float | None,
) -> _core.MatchLog:
    if similarity == "keypoints" and rules.sigmas is None:
        raise ValueError("sigmas: keypoints need the spread of each, e.g. sigmas=meanap.protocol.coco.KEYPOINT_SIGMAS")
    variances = None if rules.sigmas is None else (np.array(rules.sigmas) * 2) ** 2
    return _core.MatchLog(
        similarity=similarity,
        box_format=box_format,
        size=rules.size,
        score_range=score_range,
        crowds=rules.crowds,
        pixels=rules.pixels,
        variances=variances,
        # As the reference does: a similarity of 1 must reach a threshold of 1.
        thresholds=np.array([min(t, 1 - 1e-10) for t in rules.thresholds]),
        area_ranges=np.array(list(rules.area_ranges.values()), dtype=np.float64),
        max_detections=rules.max_detections[-1],
        max_per_image=rules.max_per_image,
        matcher=rules.matcher,
        by_category=rules.by_category,
        pairs=pairs,
        mistakes=mistakes,
        reference_ids=rules.reference_ids,
    )


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, os.PathLike))


def _is_batch(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) and "labels" in item for item in value)


def _is_table(value: Any) -> bool:
    return not (_is_path(value) or isinstance(value, (list, tuple, Mapping, np.ndarray)))


def _file(value: Any, rules: Protocol, similarity: str) -> TruthFile | None:
    """A file whose columns say all that is asked; None if its dictionaries have to be looked at."""
    opened = isinstance(value, TruthFile)
    if not (opened or _is_path(value)) or rules.size != "area" or rules.federated:
        return None
    file = value if opened else TruthFile(value, similarity)
    return None if file.columns is None else file


def _found(value: Any, truth: Any, rules: Protocol, similarity: str, box_format: str) -> Any:
    """Detections as columns: those of the core where a file can be read straight into them."""
    opened = isinstance(value, DetectionFile)
    if opened or (_is_path(value) and isinstance(truth, TruthFile)):
        file = value if opened else DetectionFile(value, similarity, truth)
        if file.columns is not None and isinstance(truth, TruthFile):
            return file.columns
        value = file.load()
    found = detections_from(value, similarity, box_format)
    labelled = getattr(truth, "labelled", None)
    if labelled is None or not rules.federated:
        return found
    return only_labelled(truth, found, labelled, rules.max_per_image)


def _measure_images(side: GroundTruth | Detections, sizes: Mapping[Any, Any]) -> None:
    if "image_area" in side.arrays:
        return
    areas = np.empty(len(side.image_ids))
    ids = side.image_ids.tolist() if isinstance(side.image_ids, np.ndarray) else side.image_ids
    for row, id in enumerate(ids):
        height, width = sizes.get(id) or (None, None)
        if not height or not width:
            raise ValueError(f"size='fraction' needs the height and width of image {id!r} (GroundTruth(images=...))")
        areas[row] = height * width
    side.arrays["image_area"] = areas
