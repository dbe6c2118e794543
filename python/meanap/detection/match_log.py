"""Match logs: what detections are matched into, with the settings of a protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap._settings import number
from meanap.errors import InputError
from meanap.protocol import Protocol

if TYPE_CHECKING:
    from meanap._types import BoxFormat, OwnSimilarity, SimilarityName

__all__ = ["new_log", "scores_between"]


def new_log(
    rules: Protocol,
    similarity: SimilarityName,
    box_format: BoxFormat,
    score_range: tuple[float, float] | None,
    *,
    function: OwnSimilarity | None = None,
    confusion: float | None = None,
    errors: tuple[float, float, str] | None = None,
    without_categories: Sequence[float] | None = None,
    partners: Sequence[int] = (),
) -> _core.MatchLog:
    """An empty match log for a protocol, or for an analysis that the protocol's match table cannot answer.

    Parameters
    ----------
    rules
        The protocol.
    similarity, box_format, score_range
        As for `meanap.evaluate`.
    function
        Compares boxes in place of the similarity.
    confusion
        An IoU threshold: detections are matched with objects of any category, for a confusion matrix.
    errors
        An IoU threshold, the similarity below which a false positive is background, and the name of an area range:
        each detection gets its error type.
    without_categories
        IoU thresholds of several confusion matrices: detections are matched with objects of any category at all of
        them, with partners.
    partners
        Positions of the thresholds at which the table records who matched whom.

    Raises
    ------
    InputError
        The similarity needs sigmas that the protocol does not have, or `score_range` cannot be used.
    """
    if confusion is not None:
        rules = _without_area_ranges(rules, (confusion,))
        return _new_log(rules, similarity, box_format, score_range, function=function, analysis="confusion")
    if errors is not None:
        iou, background, area = errors
        rules = rules.replace(thresholds=(iou,), area_ranges={area: rules.area_ranges[area]}, summary=())
        options = {"function": function, "analysis": "errors", "background": background}
        return _new_log(rules, similarity, box_format, score_range, **options)
    if without_categories is not None:
        rules = _without_area_ranges(rules, tuple(without_categories)).replace(by_category=False)
        partners = range(len(rules.thresholds))
    return _new_log(rules, similarity, box_format, score_range, function=function, partners=list(partners))


def _without_area_ranges(rules: Protocol, thresholds: tuple[float, ...]) -> Protocol:
    """The protocol at some thresholds, for objects of every size, without a summary."""
    ranges = {"all": rules.area_ranges.get("all", (-np.inf, np.inf))}
    return rules.replace(thresholds=thresholds, area_ranges=ranges, summary=())


def scores_between(score_range: Any) -> tuple[float, float] | None:
    """The argument `score_range` as the core takes it: two numbers, the lower one first, or None.

    Raises
    ------
    InputError
        It is something else.
    """
    if score_range is None:
        return None
    try:
        least, most = (number(bound, "score_range") for bound in score_range)
    except (TypeError, ValueError):
        least, most = np.nan, np.nan
    if not least <= most:
        raise InputError(f"score_range: expected a least and a greatest score, or None, found {score_range!r}")
    return least, most


def _new_log(
    rules: Protocol,
    similarity: SimilarityName,
    box_format: BoxFormat,
    score_range: tuple[float, float] | None,
    **analysis: Any,
) -> _core.MatchLog:
    if similarity == "keypoints" and rules.sigmas is None:
        raise InputError("sigmas: keypoints need the spread of each, or the name of a set, e.g. sigmas='coco'")
    variances = None if rules.sigmas is None else (np.array(rules.sigmas) * 2) ** 2
    return _core.MatchLog(
        similarity=similarity,
        box_format=box_format,
        size=rules.size,
        score_range=scores_between(score_range),
        match_crowds=rules.match_crowds,
        inclusive_boxes=rules.inclusive_boxes,
        variances=variances,
        thresholds=_lowest_similarities(rules),
        area_ranges=np.array(list(rules.area_ranges.values()), dtype=np.float64),
        max_detections=rules.max_detections[-1],
        max_per_image=rules.max_per_image,
        limit_per_image=bool(rules.limit_per_image),
        heights=None if rules.heights is None else (float(rules.heights[0]), float(rules.heights[1])),
        matcher=rules.matcher,
        by_category=rules.by_category,
        zero_id_unmatched=rules.zero_id_unmatched,
        dilation_ratio=rules.dilation_ratio,
        angle=rules.angle,
        clockwise=bool(rules.clockwise),
        rotated_iou=rules.rotated_iou,
        **analysis,
    )


def _lowest_similarities(rules: Protocol) -> np.ndarray:
    """The lowest similarity of a match at each threshold, ``(T,) float64``."""
    if rules.strict:
        return np.nextafter(rules.thresholds, np.inf)
    # As the reference does: a similarity of 1 must reach a threshold of 1.
    return np.array([min(t, 1 - 1e-10) for t in rules.thresholds])
